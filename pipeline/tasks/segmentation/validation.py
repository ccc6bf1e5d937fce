"""The validation images, whole and at their original resolution, as the test images will be predicted."""

import numpy as np

from pipeline import paths
from pipeline.datasets.layout import read_table
from pipeline.images.intensity import scaled
from pipeline.images.io import read_image, read_mask
from pipeline.images.resize import resize_image
from pipeline.images.sections import context_of, read_with_neighbours, with_runs
from pipeline.networks.common.run import probabilities

TILE = 1024  # pixels; larger images are cut, without overlap: their few seams change no choice


def validation_images(dataset, card):
    """List the records of the validation images, each with its independent ``unit``, but not those without a scored pixel."""
    table = with_runs(read_table(paths.patches(dataset, card.get("fold", 0)) / "split.csv"))
    return list(table[(table["split"] == "val") & (table["unit"] != "")].itertuples())


def opened(dataset, record, card):
    """An image as the network takes it, and its mask at the original resolution."""

    def read(file):
        return scaled(read_image(paths.raw(dataset) / file), card["intensity_range"])

    image = read_with_neighbours(record, context_of(card), read)
    if card["resize"]:
        image = resize_image(image, card["resize"])
    return image, read_mask(paths.raw(dataset) / record.mask)


def predicted_image(predict, dataset, record, card):
    """The probability of each pixel of an image, at its original resolution, and its mask."""
    image, mask = opened(dataset, record, card)
    return enlarged(predicted_probability(predict, image[None])[0], mask, card), mask


def enlarged(probability, mask, card):
    """Bring the probability of an image to its original resolution, which its mask has."""
    return resize_image(probability, mask.shape) if card["resize"] else probability


def predicted_probability(predict, images):
    """Probability (N, H, W), or (N, H, W, K), of images (N, H, W, C), tile by tile and two by two."""
    found = None
    for first in range(0, len(images), 2):
        for top in range(0, images.shape[1], TILE):
            for left in range(0, images.shape[2], TILE):
                part = slice(first, first + 2), slice(top, top + TILE), slice(left, left + TILE)
                values = probabilities(predict(np.ascontiguousarray(images[part])))
                if found is None:
                    found = np.empty(images.shape[:3] + values.shape[3:], np.float32)
                found[part] = values
    return found
