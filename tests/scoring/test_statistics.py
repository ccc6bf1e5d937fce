"""Run as a script, `PYTHONPATH=. python tests/scoring/test_statistics.py`, it prints the coverage table of docs/metrics.md."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from scipy.special import expit

from pipeline.scoring.ratios import MEAN, OVERLAP, dice
from pipeline.scoring.statistics import Difference, interval, over_seeds, paired_difference, quartiles, sentence, sum_by_unit

FOUR = np.array([[1.0, 2], [3, 4], [4, 4], [2, 6]])
HIGHER = np.array([0.1, 0])

# Mean number of images of a unit; standard deviations of the logit of Dice between and within units, and of the logarithm of
# the foreground's size between and within units; logit of the median Dice; share of images in which everything is missed.
SETTINGS = {
    "blocks": (10, 0.3, 0.2, 0.3, 0.1, 2.5, 0.0),  # ten sections each, all much alike
    "patients": (5, 0.8, 0.8, 0.6, 0.7, 2.0, 0.0),
    "patients, some images missed": (5, 0.8, 0.8, 0.6, 0.7, 2.0, 0.1),
    "photographs": (1, 1.0, 0.5, 0.8, 0.3, 2.0, 0.0),
}
LEVELS = {"pooled Dice": lambda sums: dice(*sums.T[:3]), "Dice per image": lambda sums: MEAN(sums[:, 3:])}
CHANGES = {f"difference in {name}": lambda both, f=f: f(both[:, 5:]) - f(both[:, :5]) for name, f in LEVELS.items()}


def _simulate(rng, units, setting, predictors):
    """Totals (tp, fp, fn, sum of Dice, images) of each unit, of one predictor or of two side by side on the same images."""
    images, between, within, size_between, size_within, centre, missed = SETTINGS[setting]
    counts = 1 + rng.poisson(images - 1, units) if setting.startswith("patients") else np.full(units, images)
    unit, total = np.repeat(np.arange(units), counts), counts.sum()
    logit = centre + between * rng.standard_normal(units)[unit] + within * rng.standard_normal(total)
    foreground = 2e4 * np.exp(size_between * rng.standard_normal(units)[unit] + size_within * rng.standard_normal(total))
    rows = []
    for number in range(predictors):
        own = between / 3 * (rng.standard_normal(units)[unit] + rng.standard_normal(total)) if predictors > 1 else 0
        dice = np.where(rng.random(total) < missed, 0, expit(logit + own + 0.15 * number))
        wrong = foreground * (1 - dice)  # as many false as missing pixels, so that 2 tp / (2 tp + fp + fn) is dice
        rows += [foreground * dice, wrong, wrong, dice, np.ones(total)]
    return np.stack([np.bincount(unit, row, units) for row in rows], axis=1)


@cache
def _population(setting, predictors):
    """Totals of all units that there are."""
    return _simulate(np.random.default_rng(0), 200_000, setting, predictors).sum(axis=0)[None]


def _coverage(setting, units, statistic, repeats, resamples):
    """Share of simulated data sets whose interval holds the truth, and the median width."""
    predictors = 1 if statistic in LEVELS.values() else 2
    truth = statistic(_population(setting, predictors))[0]
    found = []
    for repeat in range(repeats):
        totals = _simulate(np.random.default_rng([units, repeat]), units, setting, predictors)
        found.append(interval(totals, statistic, repeat, resamples, scale="logit" if predictors == 1 else "linear"))
    low, high = np.array(found).T
    return np.mean((low <= truth) & (truth <= high)), np.median(high - low)


@pytest.mark.parametrize("units", range(4))
def test_too_few_units_have_no_interval(units):
    assert interval(FOUR[:units], MEAN, seed=0) is None
    comparison = paired_difference(FOUR[:units], FOUR[:units] + HIGHER, MEAN, seed=0)
    assert comparison.interval is None and comparison.p is None and comparison.units == units


def test_without_images():
    assert sum_by_unit(np.zeros((0, 3)), []).shape == (0, 3)
    assert over_seeds([]) == {"mean": None, "sd": None, "n": 0}
    assert quartiles([]) == {"mean": None, "median": None, "q1": None, "q3": None, "n": 0, "undefined": 0}
    assert paired_difference(np.zeros((0, 2)), np.zeros((0, 2)), MEAN, seed=0).difference is None


def test_an_undefined_or_constant_score_has_no_interval():
    assert interval(np.zeros((5, 2)), MEAN, seed=0) is None
    assert interval([[1, 2], [0, 0], [0, 0], [0, 0]], MEAN, seed=0) is None  # undefined without the first unit
    assert interval([[1, 1], [2, 2], [3, 3], [4, 4]], MEAN, seed=0) is None  # all right, which does not mean a certain 100 %
    assert interval([[0.1, 1], [0.2, 2], [0.3, 3], [0.4, 4]], MEAN, seed=0) is None
    assert paired_difference(FOUR, FOUR, MEAN, seed=0).interval is None


def test_a_unit_on_which_nothing_is_defined_does_not_count():
    rng = np.random.default_rng(0)
    rows = np.stack([rng.random(6), np.ones(6)], axis=1)
    padded = np.concatenate([rows[:3], np.zeros((5, 2)), rows[3:]])
    assert interval(padded, MEAN, 1, scale="linear") == interval(rows, MEAN, 1, scale="linear")
    assert interval(np.concatenate([rows[:3], np.zeros((5, 2))]), MEAN, 1, scale="linear") is None
    assert paired_difference(padded, padded, MEAN, 1).units == 6


def test_units_are_summed_in_the_order_of_their_names():
    rows = [[1, 10], [2, 20], [3, 30], [4, 40]]
    assert sum_by_unit(rows, ["b", "a", "b", "c"]).tolist() == [[2, 20], [4, 40], [4, 40]]
    assert sum_by_unit([[2**24], [1]], ["a", "a"]).tolist() == [[2**24 + 1]]


def test_hand_computed_interval_of_a_mean():
    # Equal denominators: the jackknife's standard error is that of a mean, and the bootstrap's comes to the same.
    values = np.array([0.2, 0.4, 0.5, 0.9])
    totals = np.stack([values, np.ones(4)], axis=1)
    reach = stats.t.ppf(0.975, 3) * values.std(ddof=1) / np.sqrt(4)
    low, high = interval(totals, MEAN, seed=1, resamples=100_000, scale="linear")
    assert (low, high) == pytest.approx((0.5 - reach, 0.5 + reach), abs=0.01)
    low, high = interval(totals, MEAN, seed=1, resamples=100_000)
    assert (low, high) == pytest.approx((expit(-4 * reach), expit(4 * reach)), abs=0.01)  # the logit's slope at 1/2 is 4
    low, high = interval(totals, MEAN, seed=1, resamples=100_000, scale="log")
    assert (low, high) == pytest.approx((0.5 * np.exp(-2 * reach), 0.5 * np.exp(2 * reach)), abs=0.01)


def test_a_share_at_an_end_stays_there():
    def gap(sums):  # of signed gaps: zero on average, not in each unit
        return np.abs(sums[:, 0]) / sums[:, 1]

    low, high = interval([[1, 4], [-1, 4], [2, 4], [-2, 4]], gap, seed=0)
    assert low == 0 and 0 < high <= 1


@settings(max_examples=50)
@given(arrays(np.int64, (6, 4), elements=st.integers(1, 10**12)))
def test_intervals_hold_the_estimate_and_stay_between_0_and_1(totals):
    for name, statistic in OVERLAP.items():
        limits, value = interval(totals, statistic, seed=0, resamples=200), statistic(totals.sum(axis=0)[None])[0]
        assert limits is None or 0 <= limits[0] <= value <= limits[1] <= 1, name


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("units", [10, 50])
@pytest.mark.parametrize("score", LEVELS)
def test_95_percent_intervals_hold_the_truth_about_95_percent_of_the_time(setting, units, score):
    coverage, _ = _coverage(setting, units, LEVELS[score], repeats=300, resamples=400)
    assert 0.90 <= coverage <= 0.98


@pytest.mark.parametrize("units", [4, 10])
@pytest.mark.parametrize("score", CHANGES)
def test_95_percent_intervals_of_differences_do_too(units, score):
    coverage, _ = _coverage("patients", units, CHANGES[score], repeats=300, resamples=400)
    assert 0.90 <= coverage <= 0.98


def test_hand_computed_difference():
    first = np.array([[1.0, 2], [2, 2], [3, 4], [4, 8], [1, 4], [3, 5]])
    second = first + np.array([[0.1, -0.2, 0.3, 0.4, 0.5, 0.6], [0] * 6]).T
    comparison = paired_difference(first, second, MEAN, seed=0)
    assert comparison.difference == pytest.approx(1.7 / 25)
    # Per unit: 0.05, -0.1, 0.075, 0.05, 0.125, 0.12. Of the ranks 1.5 to 6 the negative one has 4.
    assert comparison.p == stats.wilcoxon([0.05, -0.1, 0.075, 0.05, 0.125, 0.12]).pvalue
    assert comparison.units == 6 and comparison.interval[0] < 1.7 / 25 < comparison.interval[1]


def test_pairing_removes_what_both_predictors_share():
    rng = np.random.default_rng(0)
    first = np.stack([rng.random(10) * 10, np.full(10, 10)], axis=1)  # units differ widely, predictors hardly
    second = first + np.stack([0.5 + 0.1 * rng.random(10), np.zeros(10)], axis=1)
    low, high = paired_difference(first, second, MEAN, seed=0).interval
    alone = interval(first, MEAN, seed=0)
    assert 0.05 < low < high < 0.06 and alone[1] - alone[0] > 0.2


def test_wilcoxon_needs_six_units_that_differ():
    totals = np.stack([np.arange(1, 9) / 10, np.ones(8)], axis=1)
    assert paired_difference(totals[:5], totals[:5] + HIGHER, MEAN, seed=0).p is None
    assert paired_difference(totals[:6], totals[:6] + [[k / 100, 0] for k in range(1, 7)], MEAN, seed=0).p == 2 / 2**6
    equal_in_three = totals + [[k / 100 * (k > 2), 0] for k in range(8)]
    assert paired_difference(totals, equal_in_three, MEAN, seed=0).p is None
    undefined_in_three = totals * [[k > 2] * 2 for k in range(8)]
    assert paired_difference(undefined_in_three, totals + HIGHER, MEAN, seed=0).p is None


def test_hand_computed_summaries():
    assert over_seeds([0.5]) == {"mean": 0.5, "sd": None, "n": 1}
    assert over_seeds([0.5, 0.7, None, 0.9]) == pytest.approx({"mean": 0.7, "sd": 0.2, "n": 3})
    described = {"mean": 4, "median": 3, "q1": 2, "q3": 4, "n": 5, "undefined": 2}
    assert quartiles([4, None, 1, 2, float("nan"), 3, 10]) == described


def said(difference, limits, p=None, units=9):
    return sentence(Difference(difference, limits, p, units), "A", "B", "Dice", "patient")


def test_sentences():
    better = "scores 1.2 points of Dice higher than"
    assert said(0.012, (0.003, 0.021), 0.02) == f"B {better} A (95 % interval 0.3 to 2.1, 9 patients, Wilcoxon p = 0.02)."
    assert said(-0.012, (-0.021, -0.003), 0.0004).startswith(f"A {better} B (95 % interval 0.3 to 2.1,")
    assert said(-0.012, (-0.021, -0.003), 0.0004).endswith("Wilcoxon p < 0.001).")
    unclear = "No clear difference: B minus A is −0.4 to 1.3 points of Dice (95 % interval, 9 patients, Wilcoxon p = 0.31)."
    assert said(0.004, (-0.004, 0.013), 0.31) == unclear
    assert "is −0.1 to 0.0 points" in said(-0.0005, (-0.001, 0.0))
    assert "interval 0.04 to 2.10," in said(0.011, (0.0004, 0.021))  # a limit that is not zero does not read as zero
    reason = "no difference can be shown: an interval needs at least 4"
    assert said(0.012, None, units=3) == f"With 3 patients, {reason} (B {better} A)."
    assert said(None, None, units=1) == f"With 1 patient, {reason} (Dice is undefined)."
    assert said(None, None, units=0).startswith("With no patients, ")
    assert said(0.0, None).endswith("because the interval is undefined (B and A score the same Dice, 9 patients).")


def test_raises_for_values_that_have_no_sum_or_no_share():
    with pytest.raises(ValueError, match="received nan; use zeros where undefined"):
        sum_by_unit([[np.nan, 1]], ["a"])
    with pytest.raises(ValueError, match=r"from 0 to 1, received 2\.5; give another scale"):
        interval(FOUR * [4, 1], MEAN, seed=0)


if __name__ == "__main__":
    sizes = (4, 6, 8, 10, 20, 50)
    print("| units | score |", *[f"n = {units} |" for units in sizes])
    print("|---|---|" + "---|" * len(sizes))
    for setting in SETTINGS:
        for score, statistic in (LEVELS | CHANGES).items():
            cells = [_coverage(setting, units, statistic, repeats=1000, resamples=1000) for units in sizes]
            print(f"| {setting} | {score} |", *[f"{100 * share:.1f} ({100 * width:.1f}) |" for share, width in cells])
