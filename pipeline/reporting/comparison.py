"""Compare the two networks of a dataset on the same test images, unit by unit."""

import numpy as np

from pipeline import paths
from pipeline.errors import UserError
from pipeline.scoring.ratios import MEAN, OBJECTS, OVERLAP
from pipeline.scoring.statistics import paired_difference, sentence, sum_by_unit

COUNTS = ["tp", "fp", "fn", "tn"]
# Means over images, by their column of ``per_image.csv``; an image on which one of the two has no value is left out of both.
MEANS = {"dice_per_image": "dice", "nsd": "nsd", "hd95": "hd95", "assd": "assd", "loss": "loss"}


def differences(dataset, seed):
    """Take the second network minus the first.

    Parameters
    ----------
    dataset : pipeline.reporting.results.DatasetResult
        Of a segmentation.
    seed : int
        Of the resampling.

    Returns
    -------
    dict of str to pipeline.scoring.statistics.Difference
        Of each metric that ``per_image.csv`` determines; empty unless there are two networks.

    Raises
    ------
    UserError
        If the two were scored on different images.
    """
    if len(dataset.networks) != 2:
        return {}
    frames = [network.tables["per_image"] for network in dataset.networks]
    _check_same_images(dataset, frames)
    units = frames[0]["unit"]

    def compare(statistic, rows):
        return paired_difference(*(sum_by_unit(rows(frame), units) for frame in frames), statistic, seed)

    found = {name: compare(statistic, lambda frame: frame[COUNTS]) for name, statistic in OVERLAP.items()}
    for name, column in MEANS.items():
        defined = frames[0][column].notna() & frames[1][column].notna()
        found[name] = compare(MEAN, lambda frame, c=column, d=defined: np.stack([frame[c].where(d, 0), d], axis=1))
    found |= {name: compare(statistic, _matches) for name, statistic in OBJECTS.items()}
    return found


def verdict(dataset, found):
    """Say in one sentence whether one of two networks has the higher pooled Dice; empty unless there are two."""
    if "dice" not in found:
        return ""
    first, second = (network.title for network in dataset.networks)
    # "block of 2 images": the sentence counts blocks, and the note under the table says how large they are.
    unit = dataset.networks[0].detail["unit"]["name"].split(" of ")[0]
    return sentence(found["dice"], first, second, "Dice", unit)


def _check_same_images(dataset, frames):
    first, second = frames
    if first[["image", "unit"]].equals(second[["image", "unit"]]):
        return
    one, other = (paths.report(dataset.info.name, network.name) / "per_image.csv" for network in dataset.networks)
    odd = sorted(set(first["image"]) ^ set(second["image"]))
    raise UserError(
        f"{other}: expected the images and units of {one}, received others ({', '.join(odd[:3]) or 'in another order'}); "
        f"`dvc repro evaluate` scores both anew"
    )


def _matches(frame):
    """Rows (tp, fp, fn, sum of matched IoU) of the objects."""
    tp = frame["objects_matched"]
    return np.stack([tp, frame["objects_predicted"] - tp, frame["objects_reference"] - tp, frame["objects_iou"]], axis=1)
