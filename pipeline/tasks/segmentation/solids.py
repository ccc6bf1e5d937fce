"""Scores of whole volumes: their test sections on top of each other, with the distances of their surfaces in nanometres.

A volume ends where `pipeline.images.sections.with_runs` says so. All of its masks are in memory at once, a byte for each voxel.
"""

import numpy as np
import pandas as pd

from pipeline.scoring import boundary, objects
from pipeline.scoring.ratios import or_none


class Volumes:
    """Collect the sections of volumes in any order, for one class.

    Parameters
    ----------
    voxel_size_nm : tuple of float
        Distance of two sections, height and width of a pixel.
    tolerance_nm : float
        Of the normalised surface Dice.
    """

    def __init__(self, voxel_size_nm, tolerance_nm):
        self.voxel_size_nm, self.tolerance_nm = voxel_size_nm, tolerance_nm
        self.sections = {}

    def add(self, record, reference, prediction, counted=None):
        """Add the masks (H, W), bool, of an image that `pipeline.evaluation.test_split` opened, without its ignored pixels."""
        if counted is not None:
            reference, prediction = reference & counted, prediction & counted
        volume = self.sections.setdefault((record["fold"], record["run"][0]), {})
        volume[record["place"]] = record["name"], reference, prediction

    def table(self):
        """Score each volume of two sections or more: a row of ``per_volume.csv`` each.

        Objects are connected across sections. ``tp``, ``fp`` and ``fn`` count those that match at an IoU of 0.5, and
        ``objects_iou`` is the sum over matches (`pipeline.scoring.objects.count_objects`).
        """
        volumes = (dict(sorted(sections.items())) for sections in self.sections.values() if len(sections) > 1)
        return pd.DataFrame([self._score(list(sections.values())) for sections in volumes])

    def _score(self, sections):
        names, *masks = zip(*sections, strict=True)
        reference, prediction = (np.stack(sections) for sections in masks)
        distances = boundary.surface_distances(reference, prediction, self.voxel_size_nm)
        row = {"first": names[0], "last": names[-1], "sections": len(names)}
        row |= {"nsd": boundary.nsd(*distances, self.tolerance_nm)}
        row |= {"hd95_nm": boundary.hd95(*distances), "assd_nm": boundary.assd(*distances)}
        found = objects.count_objects(objects.find_objects(reference, prediction))["at_50"]
        return row | dict(zip(("tp", "fp", "fn", "objects_iou"), found.tolist(), strict=True))


def summary(table):
    """Mean distances over the rows of tables, and the objects of all of them together (dict)."""
    tp, fp, fn, _ = matches = table[["tp", "fp", "fn", "objects_iou"]].sum().tolist()
    means = {key: or_none(table[key].astype(float).mean()) for key in ("nsd", "hd95_nm", "assd_nm")}
    scores = objects.scores(matches)
    return means | {"reference": int(tp + fn), "predicted": int(tp + fp), "f1": scores["f1"], "pq": scores["pq"]}
