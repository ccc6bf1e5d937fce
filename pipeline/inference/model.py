"""A trained network with its card."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice, tee
from pathlib import Path

import keras
import numpy as np
from scipy.special import softmax

import pipeline.networks.common.layers  # noqa: F401  registers the layers that a saved network may hold
from pipeline.errors import UserError, in_one_line
from pipeline.images.intensity import scaled
from pipeline.images.resize import resize_image
from pipeline.images.sections import channels_seen
from pipeline.images.symmetry import symmetries
from pipeline.inference.card import read_card
from pipeline.inference.decision import mean_and_spread, outputs
from pipeline.inference.features import coarsest_cell
from pipeline.inference.fold import folded
from pipeline.inference.tiling import predict_image, predict_rows
from pipeline.networks.common.run import probabilities, runner

# Classified together: as many images as make a megapixel, at most 64. VGG16's dense layers are read once for all of them: tiles
# of 64 × 64 in bfloat16 take 0.6 of the time when there are 64 at a time instead of 16.
PIXELS, MOST = 2**20, 64


@dataclass(frozen=True)
class TrainedModel:
    """A network that returns logits, and its card."""

    network: keras.Model
    card: dict

    @property
    def members(self):
        """The networks that predict: of an `Ensemble` several, of any other model itself alone."""
        return (self,)

    def scaled(self, image):
        """Scale an image (H, W, C) of any numbers as for training: float32 in [0, 1].

        The other methods take images that are scaled. Those of a model with context also have the channels of their neighbours
        (see `pipeline.images.sections`).
        """
        return scaled(image, self.card["intensity_range"])

    def threshold(self, settings):
        """The probability from which a pixel is foreground, as validation chose it for predictions with or without flips.

        None where the most probable class counts: for a model of several classes, and for a classifier.
        """
        return self.card.get("threshold_flips" if settings.flips else "threshold")

    def taking_any_range(self):
        """Return the model for images that were scaled by another range than its own, which no member may scale again."""
        return self

    @property
    def split(self):
        """Whether predicted objects that touch are separated, as validation chose it. Older cards do not say."""
        return self.card.get("separation") == "watershed"

    @property
    def smallest(self):
        """Pixels from which a predicted object counts, as validation chose it. Older cards do not say."""
        return self.card.get("smallest", 1)

    def segment(self, image, settings):
        """Predict the probability of foreground, or of each of several classes, for each pixel at the image's own resolution.

        `image` is (H, W, C), scaled; `settings` are `pipeline.params.Inference`. Returns (H, W), or (H, W, K), float32 in [0, 1].
        """
        return mean_and_spread(self.segment_members(image, settings))[0]

    def segment_members(self, image, settings):
        """Predict as `segment` does, with each of the `members`: a list."""
        return [member.blend(member._probability, self._as_scaled_by(member, image), settings) for member in self.members]

    def segment_rows(self, read, shape, settings, rows=None):
        """Predict as `segment` does, with a band of an image of `shape` (H, W) in memory; yield what `predict_rows` does.

        ``read(start, stop)`` returns rows of the image, (stop - start, W, C), scaled. `rows` are the first row and the
        one after the last. A model that resizes images reads all of an image at once.
        """
        for start, bands in self.segment_rows_members(read, shape, settings, rows):
            yield start, mean_and_spread(bands)[0]

    def segment_rows_members(self, read, shape, settings, rows=None):
        """Predict as `segment_rows` does, with each of the `members`: yield (start, list of rows)."""
        if self.card["resize"] is not None:
            first, last = rows or (0, shape[0])
            yield first, [band[first:last] for band in self.segment_members(read(0, shape[0]), settings)]
            return
        once = lru_cache(maxsize=1)(read)  # the members ask for the same rows one after the other

        def bands_of(member):
            own = lambda start, stop: self._as_scaled_by(member, once(start, stop))  # noqa: E731
            return predict_rows(member._probability, own, shape, settings, self.align, rows)

        for found in zip(*map(bands_of, self.members), strict=True):
            yield found[0][0], [band for _, band in found]

    def blend(self, predict, image, settings):
        """Run another function of windows over an image, as `segment` runs the network (see `predict_image`)."""
        size = self.card["resize"]
        if size is None:
            return predict_image(predict, image, settings, self.align)
        values = predict_image(predict, resize_image(image, size), settings, self.align)
        return resize_image(values, image.shape[:2])

    @cached_property
    def align(self):
        """Pixels by which an image can be moved so that the network's poolings fall on the same ones."""
        return coarsest_cell(self.network)

    @cached_property
    def _compiled(self):
        """The network with its normalisations folded."""
        return runner(folded(self.network))

    def _probability(self, windows):
        return probabilities(self._compiled(windows))

    def classify(self, images, flips=False):
        """Predict the probability of each class: images (H, W, C), scaled, to (N, K), float64. Reads them one by one.

        With `flips`, it is the mean over the `symmetries` of each image.
        """
        return np.stack([mean_and_spread(found)[0] for found in self.classify_members(images, flips)])

    def classify_members(self, images, flips):
        """Predict as `classify` does, with each of the `members`: yield the probabilities (K,) that they give to an image.

        An image's come once its batch is complete.
        """

        def answers_of(member, images):
            return member._classified((self._as_scaled_by(member, image) for image in images), flips)

        return zip(*map(answers_of, self.members, tee(images, len(self.members))), strict=True)

    def _classified(self, images, flips):
        size = tuple(self.card["resize"])
        together = min(MOST, max(1, PIXELS // (size[0] * size[1])))
        pixels = (resize_image(image, size) for image in images)
        for batch in iter(lambda: list(islice(pixels, together)), []):
            stacked, views = np.stack(batch), symmetries(*size) if flips else symmetries(*size)[:1]  # the first changes nothing
            logits = [np.asarray(self._compiled(np.ascontiguousarray(view.apply(stacked))), np.float64) for view in views]
            yield from softmax(logits, axis=-1).mean(axis=0)

    def _as_scaled_by(self, member, image):
        """An image as one of the `members` takes it."""
        return image


def load_trained(path):
    """Load a ``.keras`` file and its card (see `read_card`). Keras refuses a file that would run code of its own.

    Raises a UserError if the file is missing or damaged, or its card and its network do not belong together.
    """
    path = Path(path)
    card, place = read_card(path)
    try:
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # zipfile, h5py and Keras each raise their own
        raise UserError(f"{path}: not a model that this pipeline trained, or damaged: {in_one_line(error)}") from error
    shape = (None, None, None, outputs(card)) if card["task"] == "segmentation" else (None, len(card["classes"]))
    if network.output.shape != shape or network.input.shape[-1] != channels_seen(card):
        raise UserError(f"{place}: this card belongs to another network than {path.name}")
    return TrainedModel(network, card)
