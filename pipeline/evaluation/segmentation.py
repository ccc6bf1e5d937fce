"""Score a segmentation network on the whole test images, at their original resolution."""

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline import paths
from pipeline.evaluation.held_out import held_out_images
from pipeline.evaluation.write import write_metrics, write_panels, write_table
from pipeline.images.io import read_mask
from pipeline.inference.model import load_trained
from pipeline.reporting.figures import panel
from pipeline.scoring import overlap
from pipeline.scoring.curves import Histogram, average_precision, precision_recall
from pipeline.training.losses import LOSSES

CURVE_POINTS = 200  # of the precision–recall curve that is drawn; the area is computed from all


def evaluate_segmentation(dataset, name, params):
    """Predict every test image, and write metrics, the precision–recall curve, one row per image, and panels.

    The threshold is the one that training chose on validation.

    Parameters
    ----------
    dataset, name : str
    params : pipeline.params.Params
        `inference` and `train.loss` are read.
    """
    model = load_trained(paths.model(dataset, name))
    threshold = model.card["threshold"]
    folder = paths.report(dataset, name)
    histogram, counts, losses, rows = Histogram(), [], [], []
    for record, image in tqdm(held_out_images(dataset), desc=f"{name} on {dataset}", disable=None):
        mask = read_mask(paths.raw(dataset) / record["mask"])
        probability = model.segment(image, params.inference)
        histogram.add(mask, probability)
        counts.append(overlap.confusion_counts(mask, probability >= threshold))
        losses.append(_loss(params.train.loss, mask, probability))
        rows.append({"image": record["name"], "group": record["group"]} | overlap.per_image(counts[-1]))

    metrics = overlap.summarise(counts)
    metrics |= {"loss": float(np.mean(losses)), "average_precision": average_precision(histogram), "threshold": threshold}
    metrics |= overlap.trivial(sum(counts, overlap.Counts())) | {"test_images": len(rows)}
    write_metrics(folder, metrics)
    table = pd.DataFrame(rows)
    write_table(folder / "per_image.csv", table)
    curve = precision_recall(histogram)[["threshold", "precision", "recall"]]
    write_table(folder / "precision_recall.csv", curve.iloc[:: max(1, len(curve) // CURVE_POINTS)])

    def picture(name):
        record, image = next((r, i) for r, i in held_out_images(dataset) if r["name"] == name)
        mask = read_mask(paths.raw(dataset) / record["mask"])
        return panel(image, mask, model.segment(image, params.inference) >= threshold)

    write_panels(folder / "panels", table, "dice", picture)


def _loss(name, mask, probability):
    """The training loss of one whole image, from the probabilities that were scored."""
    clipped = np.clip(probability, 1e-7, 1 - 1e-7)  # as Keras clips: one certain mistake is not an infinite loss
    logits = np.log(clipped) - np.log1p(-clipped)
    return float(LOSSES[name](mask[None, ..., None].astype(np.float32), logits[None, ..., None]))
