"""How sure a score is: intervals over independent units, paired differences, the spread over seeds and images.

Pixels of one image and images of one patient are alike, so the bootstrap resamples independent units: blocks of sections,
patients, photographs. `scipy.stats.bootstrap` is not enough. Its percentile and BCa intervals hold the truth too rarely with
the few, skewed units of a usual test set (``docs/metrics.md``), and one resample on which the score is undefined spoils them.

Each image gives a row of sums, such as (tp, fp, fn, tn), or (Dice, 1) for a mean. `sum_by_unit` adds the rows of each unit to
``totals``, shape (U, K). A statistic is a function of summed rows, (R, K) -> (R,), NaN where undefined, as in
`pipeline.scoring.ratios`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from pipeline.errors import counted
from pipeline.scoring.ratios import or_none

LEVEL = 0.95  # of all intervals
FEWEST_UNITS = 4  # intervals from 3 also hold the truth in simulations, but span half the scale: 45 to 80 points of Dice
FEWEST_FOR_WILCOXON = 6  # with 5 differences of the same sign, the smallest two-sided p is 2 / 2^5 = 0.06
RESAMPLES = 2000  # determine the standard error to 1 / sqrt(2 · 2000), under 2 %
CHUNK = 256  # resamples given to a statistic at once: bounds its memory
# Of an interval: the least and the greatest value, the transformation, its inverse, and its slope.
SCALES = {
    "logit": (0.0, 1.0, special.logit, special.expit, lambda value: 1 / (value * (1 - value))),
    "log": (0.0, np.inf, np.log, np.exp, lambda value: 1 / value),
    "linear": (-np.inf, np.inf, float, float, lambda value: 1),
}
NO_SPREAD = 1e-12  # a standard error below it is rounding: all units score the same


def sum_by_unit(rows, units):
    """Add up the rows (N, K) of each unit: ndarray (U, K), float64, in the order of ``numpy.unique(units)``.

    `units` (N,) is the unit of each image, from ``split.csv``. An image on which a mean is undefined has the row (0, 0), not
    (NaN, 1). Counts are exact up to 2^53.
    """
    rows = np.asarray(rows, np.float64)
    if not np.isfinite(rows).all():
        raise ValueError(f"expected finite values, received {rows[~np.isfinite(rows)][0]}; use zeros where undefined")
    names, position = np.unique(units, return_inverse=True)
    totals = np.zeros((len(names), rows.shape[1]))
    np.add.at(totals, position, rows)
    return totals


def interval(totals, statistic, seed, resamples=RESAMPLES, scale="logit"):
    """Compute the 95 % confidence interval (low, high) of a statistic of `totals` (U, K), which `sum_by_unit` made.

    It is a t interval around the estimate with U - 1 degrees of freedom. The standard error is the larger of two: that of
    the bootstrap, widened by sqrt(U / (U - 1)) (Hesterberg 2015, doi 10.1080/00031305.2015.1089789), and that of the
    jackknife, which better shows when one large unit carries a pooled score (Efron and Stein 1981,
    doi 10.1214/aos/1176345462). On the `scale` "logit", for shares, the limits stay within 0 to 1; on "log", for losses, above
    0; on "linear", for differences, anywhere.

    A row of zeros is a unit on which nothing is defined; it does not count. Resamples on which the statistic is undefined are
    left out. None with fewer than 4 units; if the statistic is undefined with or without one of the units; and if all units score
    the same, as when everything is right, because then there is no spread to judge by.
    """
    totals = np.asarray(totals, np.float64)
    totals = totals[totals.any(axis=1)]
    if len(totals) < FEWEST_UNITS:
        return None
    value, error = _value(totals, statistic), _standard_error(totals, statistic, seed, resamples)
    if value is None or error is None:
        return None
    least, most, to, back, slope = SCALES[scale]
    if not least <= value <= most:
        raise ValueError(f"expected a value from {least:g} to {most:g}, received {value}; give another scale")
    reach = special.stdtrit(len(totals) - 1, (1 + LEVEL) / 2) * error
    if least < value < most:
        return tuple(float(back(to(value) + side * reach * slope(value))) for side in (-1, 1))
    return max(float(value - reach), least), min(float(value + reach), most)


def _value(totals, statistic):
    return or_none(statistic(totals.sum(axis=0, keepdims=True))[0])


def _standard_error(totals, statistic, seed, resamples):
    units, rng = len(totals), np.random.default_rng(seed)
    sizes = [min(CHUNK, resamples - start) for start in range(0, resamples, CHUNK)]
    weights = (rng.multinomial(units, np.full(units, 1 / units), size).astype(np.float64) for size in sizes)
    bootstrap = np.concatenate([statistic(chunk @ totals) for chunk in weights])
    bootstrap = bootstrap[~np.isnan(bootstrap)]
    left_out = (totals[start : start + CHUNK] for start in range(0, units, CHUNK))
    jackknife = np.concatenate([statistic(totals.sum(axis=0) - chunk) for chunk in left_out])
    if len(bootstrap) < 2 or np.isnan(jackknife).any():
        return None
    error = max(bootstrap.std(ddof=1) * np.sqrt(units / (units - 1)), jackknife.std() * np.sqrt(units - 1))
    return error if error > NO_SPREAD else None


@dataclass(frozen=True)
class Difference:
    """The score of one predictor minus that of a baseline on the same units. None where undefined."""

    difference: float | None
    interval: tuple | None  # (low, high) of the difference
    p: float | None  # of the two-sided Wilcoxon signed-rank test
    units: int


def paired_difference(baseline, other, statistic, seed):
    """Subtract a baseline's score from another predictor's, given the totals (U, K) of the same units in the same order.

    Each resample draws the same units for both. Wilcoxon's test compares the statistic unit by unit, where both are defined.
    Units with equal scores are ranked and then dropped (``zero_method="pratt"``, the cautious rule). If fewer than 6 remain,
    there is no p.
    """
    baseline, other = np.asarray(baseline, np.float64), np.asarray(other, np.float64)
    both, columns = np.hstack([baseline, other]), baseline.shape[1]
    both = both[both.any(axis=1)]

    def change(sums):
        return statistic(sums[:, columns:]) - statistic(sums[:, :columns])

    limits = interval(both, change, seed, scale="linear")
    return Difference(_value(both, change), limits, _wilcoxon(change(both)), len(both))


def _wilcoxon(differences):
    differences = differences[~np.isnan(differences)]
    if np.count_nonzero(differences) < FEWEST_FOR_WILCOXON:
        return None
    from scipy import stats  # takes a second to import, which only a comparison needs

    return float(stats.wilcoxon(differences, zero_method="pratt").pvalue)


def sentence(comparison, baseline, other, metric, unit):
    """Say in plain words what a `Difference` of shares shows, in percentage points.

    `baseline`, `other` and `metric` are titles; `unit` is the independent unit in the singular, such as "patient".
    """
    difference, units = comparison.difference, counted(comparison.units, unit)
    if difference is None:
        margin = f"{metric} is undefined"
    elif difference == 0:
        margin = f"{other} and {baseline} score the same {metric}"
    else:
        ahead, behind = (other, baseline) if difference > 0 else (baseline, other)
        margin = f"{ahead} scores {_points(abs(difference))[0]} points of {metric} higher than {behind}"
    if comparison.units < FEWEST_UNITS:
        return f"With {units}, no difference can be shown: an interval needs at least {FEWEST_UNITS} ({margin})."
    if comparison.interval is None:
        return f"No difference can be shown, because the interval is undefined ({margin}, {units})."
    p = "" if comparison.p is None else f", Wilcoxon p {'< 0.001' if comparison.p < 0.001 else f'= {comparison.p:.2g}'}"
    low, high = comparison.interval
    if low <= 0 <= high:
        low, high = _points(low, high)
        return (
            f"No clear difference: {other} minus {baseline} is {low} to {high} points of {metric} "
            f"({100 * LEVEL:g} % interval, {units}{p})."
        )
    low, high = _points(*sorted((abs(low), abs(high))))
    return f"{margin} ({100 * LEVEL:g} % interval {low} to {high}, {units}{p})."


def _points(*shares):
    """Write shares in percentage points with equally many decimals, enough that none but zero itself reads as zero."""
    points = [100 * share for share in shares]
    decimals = next((d for d in range(1, 5) if all(round(value, d) or not value for value in points)), 1)
    return [f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "\N{MINUS SIGN}") for value in points]


def over_seeds(values):
    """Summarise one score of several trainings: ``mean``, ``sd`` (n - 1; None for a single one) and ``n``, leaving out None."""
    values = pd.Series(list(values), dtype=float)
    return {"mean": or_none(values.mean()), "sd": or_none(values.std()), "n": int(values.count())}


def quartiles(values):
    """Summarise a distribution: ``mean``, ``median``, ``q1``, ``q3`` (None if empty), ``n`` and ``undefined``.

    None and NaN are left out and counted as ``undefined``.
    """
    values = pd.Series(list(values), dtype=float)
    described = {"mean": values.mean(), "median": values.median(), "q1": values.quantile(0.25), "q3": values.quantile(0.75)}
    described = {name: or_none(value) for name, value in described.items()}
    return described | {"n": int(values.count()), "undefined": int(values.isna().sum())}
