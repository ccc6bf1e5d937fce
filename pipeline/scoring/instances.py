"""Scores of objects instead of pixels: counted exactly first, divided once at the end.

Definitions follow Metrics Reloaded (Maier-Hein et al. 2024, doi 10.1038/s41592-023-02151-z); panoptic, segmentation and
recognition quality are those of Kirillov et al. 2019 (doi 10.1109/CVPR.2019.00963). What an object is, and when two of
them match, is told in `pipeline.scoring.objects`.

The empty-mask rule
-------------------
A ratio whose denominator is zero is undefined, and is None. There is one exception: for a single image without objects in
reference and prediction, F1 is 1 (`f1_of_image`), because the prediction is exactly right. If one of them has no
object, F1 and PQ are 0 by the formula itself; precision without predicted and recall without reference objects stay
None, and so does SQ without a match. Pooled over a test set without any object, F1 and PQ are None.
"""

from dataclasses import dataclass, field

import numpy as np

from pipeline.scoring.objects import match
from pipeline.scoring.overlap import ratio

RELATED = 0.1  # IoU above which two objects have to do with each other, for splits and merges (Caicedo et al. 2019)


@dataclass(frozen=True)
class Matches:
    """Objects at one IoU threshold.

    Parameters
    ----------
    tp, fp, fn : int
        Matched pairs, predicted objects without a partner, reference objects without a partner.
    iou_sum : float
        Sum of the IoU of the matched pairs.
    """

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
        """F1 score of the objects."""
        return ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def sq(self):
        """Segmentation quality: mean IoU of the matched pairs."""
        return ratio(self.iou_sum, self.tp)

    @property
    def rq(self):
        """Recognition quality, equal to the F1 score."""
        return self.f1

    @property
    def pq(self):
        """Panoptic quality: SQ times RQ, and 0 where no object matches."""
        return ratio(2 * self.iou_sum, 2 * self.tp + self.fp + self.fn)


@dataclass(frozen=True)
class ObjectCounts:
    """The objects of one image, or of many together.

    Parameters
    ----------
    at_50, at_75 : Matches
        At an IoU of 0.5, and of 0.75, which asks for a good outline.
    splits, merges : int
        Reference objects that are related to two or more predicted objects, and predicted objects that are related to
        two or more reference objects. Related means an IoU above 0.1 (Caicedo et al. 2019, doi 10.1002/cyto.a.23863):
        specks do not count, and an object that falls into ten or more equal pieces is no split, but missed.
    """

    at_50: Matches = field(default_factory=Matches)
    at_75: Matches = field(default_factory=Matches)
    splits: int = 0
    merges: int = 0

    def __add__(self, other):
        return ObjectCounts(
            self.at_50 + other.at_50, self.at_75 + other.at_75, self.splits + other.splits, self.merges + other.merges
        )

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
        """Predicted minus reference objects. Over many images, too many here and too few there cancel out."""
        return self.predicted - self.reference


def count_objects(objects):
    """Count the objects of one image.

    Parameters
    ----------
    objects : pipeline.scoring.objects.Objects

    Returns
    -------
    ObjectCounts
    """
    related = objects.pairs[objects.iou > RELATED]
    splits, merges = (int(np.count_nonzero(np.bincount(side) > 1)) for side in related.T)
    return ObjectCounts(_matches(objects, 0.5), _matches(objects, 0.75), splits, merges)


def _matches(objects, threshold):
    iou = objects.iou[match(objects, threshold)]
    tp = len(iou)
    return Matches(tp, len(objects.prediction_area) - tp, len(objects.reference_area) - tp, float(iou.sum()))


def f1_of_image(counts):
    """F1 of the objects of one image at an IoU of 0.5, by the empty-mask rule above.

    Parameters
    ----------
    counts : ObjectCounts
    """
    return 1.0 if counts.reference + counts.predicted == 0 else counts.at_50.f1
