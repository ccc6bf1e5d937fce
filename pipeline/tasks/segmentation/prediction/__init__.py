"""Segment images and volumes, and write masks, probabilities, labels, measurements and overlays."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.images.io import is_ome_zarr
from pipeline.images.sections import sections_seen
from pipeline.images.stack import opened
from pipeline.inference.decision import mean_and_spread, predicted
from pipeline.tasks.segmentation.prediction.memory import fit_to_memory  # noqa: F401  `pipeline.predict` expects it here
from pipeline.tasks.segmentation.prediction.objects import number_and_measure
from pipeline.tasks.segmentation.prediction.results import write_results
from pipeline.tasks.segmentation.separation import WATERSHED

OVERALL = ("images.csv",)  # results over all images


@dataclass(frozen=True)
class Prediction:
    """Segmentation of one image."""

    probability: np.ndarray  # shape (H, W), or (H, W, K) of several classes, float32 in [0, 1]
    mask: np.ndarray  # shape (H, W), bool, or the numbers of several classes, uint8
    labels: np.ndarray  # shape (H, W), int32: 0 is background; objects count from 1, class after class
    objects: pd.DataFrame  # one row per object, with the columns of <name>_objects.csv
    disagreement: np.ndarray | None = None  # of several models: standard deviation of their probabilities, (H, W), float32


def without_effect(card):
    """Options of the command line that mean nothing to this model."""
    return ("threshold",) if len(card["classes"]) > 2 else ()


def card_lines(card):
    if len(card["classes"]) > 2:
        return {"finds": f"{', '.join(card['classes'])} (every pixel is the most probable one)"}
    objects = ["those that touch are separated by a watershed"] if card.get("separation") == WATERSHED else []
    objects += [f"those of fewer than {card['smallest']} pixels are left out"] if card.get("smallest", 1) > 1 else []
    origin = "the mean of those chosen on validation" if "members" in card else "chosen on validation"
    return {
        "finds": f"{card['classes'][1]} (every pixel)",
        "threshold": f"{card['threshold']:.3f}, {origin}",
        **({"objects": ", ".join(objects)} if objects else {}),
    }


def predict_array(model, image, seen, choices, settings):
    """Segment an image (H, W, C) in memory, of which the model sees `seen`: a `Prediction`."""
    probability, disagreement = mean_and_spread(model.segment_members(seen, settings))
    mask = predicted(probability, choices.threshold)
    labels, scratch = np.zeros((2, 1, *mask.shape), np.int32)
    read = lambda page, start, stop: image[start:stop]  # noqa: E731
    found = number_and_measure(lambda: [mask], labels, scratch, 0, model.card["classes"], choices, read, choices.pixel_size_nm)
    tables = [table for _, table in found]
    tables = [table for table in tables if len(table)] or tables[:1]  # pandas cannot tell the types of empty ones
    table = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
    return Prediction(probability, mask, labels[0], table, disagreement)


def predict_images(model, images, results, job):
    """Segment images one after the other; `job` is a `pipeline.prediction.run.Job`."""
    for image in images:
        with job.attempt(image.path), opened(image.path, kept=sections_seen(model.card)) as stack:
            suffix = ".ome.zarr" if is_ome_zarr(image.path) else ".tif"
            files = {kind: f"{image.name}_{kind}{suffix}" for kind in ("mask", "probability", "labels")}
            if len(model.members) > 1 and not is_ome_zarr(image.path):
                files["disagreement"] = f"{image.name}_disagreement.tif"
            files |= {"objects": f"{image.name}_objects.csv", "overlay": f"{image.name}_overlay.png"}
            files |= {"solids": f"{image.name}_solids.csv"} if job.choices.solids and stack.sections > 1 else {}
            folder = results.workspace(image, files.values())
            files = {kind: folder / name for kind, name in files.items()}
            rows = write_results(model, stack, files, folder, job)
            results.finish(image, list(files.values()), [{"image": image.name} | row for row in rows])
