"""Scores of objects instead of pixels. Objects are counted exactly first, and divided once at the end.

Definitions follow Metrics Reloaded (Maier-Hein et al. 2024, doi 10.1038/s41592-023-02151-z). Panoptic, segmentation and
recognition quality are those of Kirillov et al. 2019 (doi 10.1109/CVPR.2019.00963). `pipeline.scoring.objects` says what an
object is and when two of them match.

Empty masks
-----------
A ratio with denominator zero is undefined and becomes None. The one exception: if reference and prediction of a single
image have no object, its F1 is 1 (`f1_of_image`), because the prediction is exactly right. If only one of them has
objects, F1 and PQ are 0 by the formula. Precision without predicted objects, recall without reference objects and SQ
without a match stay None. Pooled over a test set without any object, F1 and PQ are None.
"""

from dataclasses import astuple, dataclass

import numpy as np

from pipeline.scoring.objects import MATCH
from pipeline.scoring.ratios import OBJECTS, or_none, ratio

STRICT = 0.75  # IoU that only a good outline reaches
RELATED = 0.1  # IoU above which objects are related, for splits and merges (Caicedo et al. 2019)


@dataclass(frozen=True)
class Matches:
    """Matched pairs, predicted objects without a partner, reference objects without one, and the IoU of all pairs summed."""

    tp: int = 0
    fp: int = 0
    fn: int = 0
    iou_sum: float = 0.0

    def __add__(self, other):
        return Matches(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.iou_sum + other.iou_sum)

    @property
    def precision(self):
        """Share of the predicted objects that match a reference object."""
        return ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self):
        """Share of the reference objects that were found."""
        return ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self):
        """F1 score of the objects, which Kirillov et al. call recognition quality (RQ)."""
        return or_none(OBJECTS["object_f1"](astuple(self)))

    @property
    def sq(self):
        """Segmentation quality: mean IoU of the matched pairs."""
        return ratio(self.iou_sum, self.tp)

    @property
    def pq(self):
        """Panoptic quality: SQ times RQ, and 0 where no object matches."""
        return or_none(OBJECTS["pq"](astuple(self)))

    rq = f1


@dataclass(frozen=True)
class ObjectCounts:
    """The objects of one image or of many together, matched at an IoU of 0.5 and of 0.75.

    ``splits`` are reference objects related to two or more predicted objects, ``merges`` the reverse. Related means an IoU
    above 0.1 (Caicedo et al. 2019, doi 10.1002/cyto.a.23863). So specks do not count, and an object that falls into ten or
    more equal pieces is not split but missed.
    """

    at_50: Matches = Matches()
    at_75: Matches = Matches()
    splits: int = 0
    merges: int = 0

    def __add__(self, other):
        splits, merges = self.splits + other.splits, self.merges + other.merges
        return ObjectCounts(self.at_50 + other.at_50, self.at_75 + other.at_75, splits, merges)

    @property
    def reference(self):
        """Number of reference objects."""
        return self.at_50.tp + self.at_50.fn

    @property
    def predicted(self):
        """Number of predicted objects."""
        return self.at_50.tp + self.at_50.fp

    @property
    def count_error(self):
        """Predicted minus reference objects. Over many images, too many in one and too few in another cancel out."""
        return self.predicted - self.reference


def count_objects(objects):
    """Count the `pipeline.scoring.objects.Objects` of one image: `ObjectCounts`."""
    related = objects.pairs[objects.iou > RELATED]
    splits, merges = (int(np.count_nonzero(np.bincount(side) > 1)) for side in related.T)
    return ObjectCounts(_matches(objects, MATCH), _matches(objects, STRICT), splits, merges)


def _matches(objects, threshold):
    iou = objects.iou[objects.iou >= threshold]
    tp = len(iou)
    return Matches(tp, len(objects.prediction_area) - tp, len(objects.reference_area) - tp, float(iou.sum()))


def f1_of_image(counts):
    """F1 of the objects of one image at an IoU of 0.5, with the rule for empty masks above."""
    return 1.0 if counts.reference + counts.predicted == 0 else counts.at_50.f1
