"""Tell the objects of a predicted mask apart. Validation chooses how, and how small an object may be."""

from collections import defaultdict

import numpy as np

from pipeline.prediction.objects.label import label_page
from pipeline.scoring.choice import choose
from pipeline.scoring.objects import counts_by_size, find_objects
from pipeline.scoring.ratios import OBJECTS

COMPONENTS, WATERSHED = "components", "watershed"
SIZES = 2 ** np.arange(21)  # pixels; the first leaves nothing out


def numbered(mask, split=False, smallest=1):
    """Number the objects of a mask (H, W), bool, as ``predict`` does: labels (H, W), int32; 0 is background."""
    labels = np.zeros((1, *mask.shape), np.int32)
    label_page([mask], labels, 0, split, smallest)
    return labels[0]


def choose_objects(images):
    """Choose how objects that touch are told apart, and the size from which objects count, by the pooled panoptic quality.

    Each of `images` is a tuple: the image's independent unit; its reference (H, W), which is a mask, bool, or has object numbers,
    0 for the background; and its predicted mask (H, W), bool. Returns a dict with

    - ``separation``: "components", the 8-connected components of the mask, or "watershed", which cuts them at narrow necks. The
      watershed is chosen only where references have object numbers, and if it is better;
    - ``smallest``: pixels, a power of two, and the smallest of the sizes that are as good as the best
      (see `pipeline.scoring.choice.choose`); 1 leaves nothing out.
    """
    counts = {separation: defaultdict(lambda: np.zeros((len(SIZES), 4))) for separation in (COMPONENTS, WATERSHED)}
    for unit, reference, mask in images:
        for separation, by_unit in counts.items():
            if separation == COMPONENTS or reference.dtype != bool:
                by_unit[unit] += counts_by_size(find_objects(reference, numbered(mask, separation == WATERSHED)), SIZES)
    quality = {name: np.nan_to_num(OBJECTS["pq"](sum(by_unit.values())[0])) for name, by_unit in counts.items() if by_unit}
    separation = max(quality, key=quality.get, default=COMPONENTS)  # the first of equals
    by_unit = counts[separation].values()
    return {
        "separation": separation,
        "smallest": int(SIZES[choose(np.array([*by_unit]), OBJECTS["pq"], SIZES)]) if by_unit else 1,
    }
