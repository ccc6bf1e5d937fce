"""95 % confidence intervals of the headline figures, over the independent units of the test set."""

import numpy as np

from pipeline.scoring.ratios import MEAN, OBJECTS, OVERLAP
from pipeline.scoring.statistics import interval, sum_by_unit


def segmentation_intervals(images, seed):
    """Intervals of one network.

    Parameters
    ----------
    images : list of pipeline.tasks.segmentation.image.ImageScore
    seed : int

    Returns
    -------
    dict of str to (float, float) or None
        None where there are too few units, or no spread to judge by.
    """
    units = [image.unit for image in images]

    def of(statistics, rows, share=True):
        totals = sum_by_unit(np.array(rows, np.float64), units)
        return {name: interval(totals, statistic, seed, share=share) for name, statistic in statistics.items()}

    pixels = [(i.pixels.tp, i.pixels.fp, i.pixels.fn, i.pixels.tn) for i in images]
    matches = [(m.tp, m.fp, m.fn, m.iou_sum) for m in (image.objects.at_50 for image in images)]
    return {
        **of(OVERLAP, pixels),
        **of({"dice_per_image": MEAN}, [(image.row["dice"], 1) for image in images]),
        **of({"nsd": MEAN}, [(image.row["nsd"], 1) for image in images]),
        **of(OBJECTS, matches),
        **of({"loss": MEAN}, [(image.row["loss"], 1) for image in images], share=False),
    }
