"""Scores of whole volumes: their test sections on top of each other, with the distances of their surfaces in nanometres.

A volume ends where `pipeline.images.sections.with_runs` says so, and where the size of the sections changes. All masks are in
memory at once, two bytes for each voxel.
"""

from itertools import groupby

import numpy as np
import pandas as pd

from pipeline.images.io import IGNORED
from pipeline.scoring import boundary, objects
from pipeline.scoring.ratios import or_none


class Volumes:
    """Collect the sections of volumes in any order; a section alone is no volume.

    `voxel_size_nm` is the distance of two sections, height and width of a pixel; None where images are not sections: then there
    are no volumes. `tolerance`, in pixels, is that of the normalised surface Dice.
    """

    def __init__(self, voxel_size_nm, tolerance):
        self.voxel_size_nm, self.tolerance = voxel_size_nm, tolerance
        self._sections = {}

    def add(self, record, mask, prediction):
        """Add mask and prediction (H, W), class numbers, of an image that `pipeline.evaluation.test_split` opened."""
        if self.voxel_size_nm:
            volume = self._sections.setdefault((record["fold"], record["run"][0], mask.shape), {})
            volume[record["place"]] = record, mask.astype(np.uint8), prediction.astype(np.uint8)

    def __iter__(self):
        """Give each volume, sections that follow each other: records, and masks and predictions (D, H, W), uint8."""
        for sections in self._sections.values():
            for _, piece in groupby(enumerate(sorted(sections)), lambda numbered: numbered[1] - numbered[0]):
                found = [sections[place] for _, place in piece]
                if len(found) > 1:
                    records, *arrays = zip(*found, strict=True)
                    yield records, *map(np.stack, arrays)

    def table(self, number):
        """Score one class in each volume: a row of ``per_volume.csv`` each; objects are connected across sections.

        ``tp``, ``fp``, ``fn`` and ``objects_iou`` are ``at_50`` of `pipeline.scoring.objects.count_objects`.
        """
        return pd.DataFrame([self._score(*volume, number) for volume in self])

    def _score(self, records, masks, predictions, number):
        reference, prediction = masks == number, (predictions == number) & (masks != IGNORED)
        distances = boundary.surface_distances(reference, prediction, self.voxel_size_nm)
        row = {"first": records[0]["name"], "last": records[-1]["name"], "sections": len(records)}
        row |= {"nsd": boundary.nsd(*distances, self.tolerance * max(self.voxel_size_nm[1:]))}
        row |= {"hd95_nm": boundary.hd95(*distances), "assd_nm": boundary.assd(*distances)}
        found = objects.count_objects(objects.find_objects(reference, prediction))["at_50"]
        return row | dict(zip(("tp", "fp", "fn", "objects_iou"), found.tolist(), strict=True))


def summary(table):
    """Mean distances over the rows of tables, and the objects of all of them together (dict).

    Distances are None if one of the volumes has none: otherwise a network would gain by missing a class.
    """
    tp, fp, fn, _ = matches = table[["tp", "fp", "fn", "objects_iou"]].sum().tolist()
    means = {key: or_none(table[key].astype(float).mean(skipna=False)) for key in ("nsd", "hd95_nm", "assd_nm")}
    scores = objects.scores(matches)
    return means | {"reference": int(tp + fn), "predicted": int(tp + fp), "f1": scores["f1"], "pq": scores["pq"]}
