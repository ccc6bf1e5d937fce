"""Do 95 % intervals hold the truth where neighbouring sections show the same objects?

``python -m tests.patches.test_coverage`` measures it on the phantom with sections 5 nm apart, for docs/metrics.md: half a
minute for each of 60 volumes.
"""

import sys

import numpy as np
import pandas as pd
from scipy import ndimage

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.phantom import mitochondria
from pipeline.parallel import on_all_cores
from pipeline.params.dataset import Split
from pipeline.patches.units import assign_units, shares
from pipeline.scoring.ratios import OVERLAP
from pipeline.scoring.statistics import interval, sum_by_unit

TRAIN, TEST = 120, 200  # sections: 600 and 1000 nm
DEPTH_NM = 5.0


def tissue(rng, sections):
    """Objects of 15 to 45 sections that are segmented well or badly as a whole.

    Returns the counts (tp, fp, fn, tn) of each section, and what its mask shows, (sections, 64).
    """
    counts, shown = np.zeros((sections, 4)), np.zeros((sections, 64))
    for start in rng.integers(-45, sections, rng.poisson(0.4 * (sections + 45))):
        rows = slice(max(start, 0), max(start + rng.integers(15, 45), 0))
        size, wrong = rng.uniform(0.5, 1.5), rng.beta(1, 4)
        counts[rows] += size * np.array([1 - wrong, wrong, wrong, 0])
        shown[rows, rng.integers(64)] += size
    counts[:, 1:3] += rng.exponential(1.5, (sections, 2))  # what differs from section to section
    return counts, shown


def coverage(volumes, truth, unit, seed=0):
    """Share of test sets whose interval holds the true IoU, their units and the test sets without an interval.

    `volumes` has the counts and contents of `TRAIN` and then `TEST` sections each; `unit` is ``split.unit``.
    """
    roles = ["train"] * TRAIN + ["test"] * TEST
    names = [f"{number:03d}" for number in range(TRAIN + TEST)]
    table = pd.DataFrame({"name": names, "label": "", "group": names, "split": roles})
    info = DatasetInfo("tissue", "any", "segmentation", ("background", "object"), 1, depth_nm=DEPTH_NM)
    limits, number = [], []
    for counts, shown in volumes:
        assigned, _ = assign_units(table, Split(method="blocks", unit=unit), info, False, lambda places, s=shown: s[places])
        totals = sum_by_unit(counts[TRAIN:], assigned["unit"][TRAIN:])
        number.append(len(totals))
        limits.append(interval(totals, OVERLAP["iou"], seed, resamples=400))
    found = [low <= truth <= high for low, high in filter(None, limits)]
    return np.mean(found), np.median(number), len(limits) - len(found)


def test_intervals_over_measured_units_hold_the_truth_and_over_two_sections_do_not():
    pooled = tissue(np.random.default_rng(0), 50_000)[0].sum(axis=0)
    truth = OVERLAP["iou"](pooled[None])[0]
    volumes = [tissue(np.random.default_rng([1, seed]), TRAIN + TEST) for seed in range(200)]
    assert 0.90 <= coverage(volumes, truth, unit=None)[0] <= 0.98
    assert coverage(volumes, truth, unit=2 * DEPTH_NM)[0] < 0.6


def segmented(seed):
    """Segment a volume of the phantom by a threshold: counts of each section, and what its mask shows."""
    images, masks = mitochondria.volume(10_000 + seed, TRAIN + TEST, size=128, distance_nm=DEPTH_NM)
    found = np.stack([ndimage.gaussian_filter(image.astype(np.float32), 3) for image in images]) < 118
    outcomes = (found & masks, found & ~masks, ~found & masks, ~found & ~masks)
    counts = np.stack([np.count_nonzero(pixels, axis=(1, 2)) for pixels in outcomes], axis=1)
    return counts, np.array([shares(mask) for mask in masks])


if __name__ == "__main__":
    with on_all_cores() as map_in_order:
        volumes = list(map_in_order(segmented, range(int((sys.argv[1:] or [60])[0]))))
    volumes += [(counts[::-1], shown[::-1]) for counts, shown in volumes]  # the other end is another test set
    pooled = sum(counts.sum(axis=0) for counts, _ in volumes)
    truth = OVERLAP["iou"](pooled[None].astype(float))[0]
    print(f"{len(volumes)} test sets of {TEST} sections, IoU {truth:.3f}")
    print("| `split.unit` | units | intervals that hold the truth | no interval |\n|---|---|---|---|")
    for unit in (10, 50, 100, 150, 200, None):
        share, units, without = coverage(volumes, truth, unit)
        print(f"| {unit or 'null'} | {units:g} | {100 * share:.0f} % | {without} |")
