"""How sure a score is: intervals over independent units, paired differences, the spread over seeds and images.

Pixels of one image and images of one patient are alike, so the unit that is resampled is a block of sections, a patient,
a photograph. All is additive: each image is a row of sums (tp, fp, fn, tn, or its Dice and 1), `sum_by_unit` adds them to
``totals`` (U, K), and a statistic is a function of summed rows, (R, K) -> (R,), NaN where it is undefined.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

FEWEST_UNITS = 4  # with 3, simulated intervals cover too, but span half the scale: 45 to 80 points of patients' Dice
FEWEST_FOR_WILCOXON = 6  # of 5 differences of one sign the smallest two-sided p is 2 / 2^5 = 0.06
RESAMPLES = 2000  # of which the standard error is known to 1 / sqrt(2 · 2000), under 2 %
ROWS_AT_ONCE = 256  # resampled totals given to a statistic at once: bounds its memory
NO_SPREAD = 1e-12  # a standard error below it is rounding: all units say the same


def sum_by_unit(rows, units):
    """Add up the images of each unit.

    Parameters
    ----------
    rows : array_like, shape (N, K)
        Sums of each image. An image on which a mean is undefined has the row (0, 0), not (NaN, 1).
    units : array_like, shape (N,)
        The unit of each image: its group in ``split.csv``.

    Returns
    -------
    ndarray, shape (U, K), float64
        In the order of ``numpy.unique(units)``; counts are exact up to 2^53.

    Raises
    ------
    ValueError
        If the lengths differ or a sum is not finite.
    """
    rows, units = np.asarray(rows, np.float64), np.asarray(units)
    if rows.ndim != 2 or units.shape != rows.shape[:1]:
        raise ValueError(f"expected rows (N, K) and units (N,), received {rows.shape} and {units.shape}")
    if not np.isfinite(rows).all():
        raise ValueError(f"expected finite sums, received {rows[~np.isfinite(rows)][0]}; an undefined image has zeros")
    names, unit = np.unique(units, return_inverse=True)
    totals = np.zeros((len(names), rows.shape[1]))
    np.add.at(totals, unit, rows)
    return totals


def quotient(numerator, denominator):
    """Make a statistic: the ratio of two weighted sums of the columns, NaN where the denominator is zero.

    ``quotient([1, 0], [0, 1])`` of rows (Dice, 1) is the mean Dice per image.
    """

    def statistic(sums):
        above, below = sums @ np.asarray(numerator, np.float64), sums @ np.asarray(denominator, np.float64)
        return np.divide(above, below, out=np.full(len(sums), np.nan), where=below != 0)

    return statistic


# Of rows (tp, fp, fn, tn): what `pipeline.scoring.overlap.Counts` defines, for many sums at once.
OVERLAP = {
    "iou": quotient([1, 0, 0, 0], [1, 1, 1, 0]),
    "dice": quotient([2, 0, 0, 0], [2, 1, 1, 0]),
    "mean_iou": lambda sums: (OVERLAP["iou"](sums) + OVERLAP["iou_background"](sums)) / 2,
    "iou_background": quotient([0, 0, 0, 1], [0, 1, 1, 1]),
    "accuracy": quotient([1, 0, 0, 1], [1, 1, 1, 1]),
    "precision": quotient([1, 0, 0, 0], [1, 1, 0, 0]),
    "recall": quotient([1, 0, 0, 0], [1, 0, 1, 0]),
}

MEAN = quotient([1, 0], [0, 1])  # of rows (value, 1), or (0, 0) where it is undefined
# Of rows (tp, fp, fn, sum of matched IoU): what `pipeline.scoring.instances.Matches` defines.
OBJECTS = {"object_f1": quotient([2, 0, 0, 0], [2, 1, 1, 0]), "pq": quotient([0, 0, 0, 2], [2, 1, 1, 0])}


def interval(totals, statistic, seed, resamples=RESAMPLES, level=0.95, share=True):
    """Confidence interval of a statistic, the units being a sample of many.

    A t interval around the estimate with U - 1 degrees of freedom. Its standard error is the larger of the bootstrap's,
    widened by sqrt(U / (U - 1)) (Hesterberg 2015, doi 10.1080/00031305.2015.1089789), and the jackknife's, which sees
    better that one large unit can carry a pooled score (Efron and Stein 1981, doi 10.1214/aos/1176345462). A share is
    treated on the logit scale: the side towards one half is the longer one, and no limit leaves 0 to 1. With few, skewed
    units it covers better than percentile and BCa intervals, as studentised ones do, which are several times longer for 4
    units; ``docs/metrics.md`` has the simulation.

    Parameters
    ----------
    totals : ndarray, shape (U, K)
        As `sum_by_unit` gives them. A row of zeros is a unit on which nothing is defined: it is no unit.
    statistic : callable
        (R, K) -> (R,), NaN where undefined. Resamples on which it is undefined are left out.
    seed, resamples : int
        The same seed gives the same interval.
    level : float
    share : bool
        Whether the statistic lies between 0 and 1.

    Returns
    -------
    (float, float) or None
        None with fewer than 4 units; where the statistic is undefined, or is so without one of the units; and where all
        units say the same, as when all is right: they show no spread to judge by.
    """
    totals = np.asarray(totals, np.float64)
    if totals.ndim != 2:
        raise ValueError(f"expected totals (U, K), received {totals.shape}")
    totals = totals[totals.any(axis=1)]
    if len(totals) < FEWEST_UNITS:
        return None
    value = _value(totals, statistic)
    error = _standard_error(totals, statistic, seed, resamples)
    if value is None or error is None:
        return None
    if share and not 0 <= value <= 1:
        raise ValueError(f"expected a share from 0 to 1, received {value}; give share=False")
    reach = special.stdtrit(len(totals) - 1, (1 + level) / 2) * error
    if share and 0 < value < 1:
        reach /= value * (1 - value)  # the slope of the logit
        return tuple(float(special.expit(special.logit(value) + side * reach)) for side in (-1, 1))
    low, high = float(value - reach), float(value + reach)
    return (max(low, 0.0), min(high, 1.0)) if share else (low, high)


@dataclass(frozen=True)
class Difference:
    """Two predictors on the same units: the second minus the first. What is undefined is None."""

    first: float | None
    second: float | None
    difference: float | None
    interval: tuple | None  # (low, high) of the difference
    p: float | None  # of the two-sided Wilcoxon signed-rank test
    units: int
    level: float  # of the interval


def paired_difference(totals_first, totals_second, statistic, seed, resamples=RESAMPLES, level=0.95):
    """Compare two predictors, every resample drawing the same units for both: a `Difference`.

    Wilcoxon's test is of the statistic unit by unit, where both are defined. Units on which the two are equal are ranked
    and then dropped (``zero_method="pratt"``, the cautious rule); with fewer than 6 others there is no p.

    Parameters
    ----------
    totals_first, totals_second : ndarray, shape (U, K)
        Of the same units in the same order. The other parameters are those of `interval`.
    """
    first, second = np.asarray(totals_first, np.float64), np.asarray(totals_second, np.float64)
    if first.shape != second.shape or first.ndim != 2:
        raise ValueError(f"expected totals (U, K) of the same units, received {first.shape} and {second.shape}")
    both, columns = np.hstack([first, second]), first.shape[1]
    both = both[both.any(axis=1)]

    def change(sums):
        return statistic(sums[:, columns:]) - statistic(sums[:, :columns])

    values = _value(first, statistic), _value(second, statistic), _value(both, change)
    limits = interval(both, change, seed, resamples, level, share=False)
    return Difference(*values, limits, _wilcoxon(change(both)), len(both), level)


def sentence(comparison, first, second, metric, unit, points=True, lower_is_better=False):
    """Say in plain words what a paired difference shows.

    Parameters
    ----------
    comparison : Difference
    first, second, metric, unit : str
        Titles of the two predictors and of the metric; the unit in the singular, as "patient".
    points, lower_is_better : bool
        Whether the metric is a share, told in percentage points; whether less of it is better, as of a loss.
    """
    units = f"{comparison.units or 'no'} {unit}{'' if comparison.units == 1 else 's'}"
    margin = _margin(comparison.difference, first, second, metric, points, lower_is_better)
    if comparison.units < FEWEST_UNITS:
        return f"No difference can be told with {units}: an interval needs at least {FEWEST_UNITS} ({margin})."
    if comparison.interval is None:
        return f"No difference can be told: no interval can be computed ({margin}, {units})."
    p = "" if comparison.p is None else f", Wilcoxon p {'< 0.001' if comparison.p < 0.001 else f'= {comparison.p:.2g}'}"
    level, (low, high) = f"{100 * comparison.level:g} %", comparison.interval
    if low <= 0 <= high:
        low, high = _numbers(points, low, high)
        span = f"{low} to {high} {'points ' if points else ''}of {metric}"
        return f"No difference can be told: the interval {span} for {second} minus {first} holds zero ({level}, {units}{p})."
    low, high = _numbers(points, *sorted((abs(low), abs(high))))
    return f"{margin} ({level} interval {low} to {high}, {units}{p})."


def over_seeds(values):
    """Summarise one score of several trainings: dict of ``mean``, ``sd`` (n - 1; None for one) and ``n``; None is left out."""
    defined = _defined(values)
    mean, sd = defined.mean() if len(defined) else None, defined.std(ddof=1) if len(defined) > 1 else None
    return {"mean": None if mean is None else float(mean), "sd": None if sd is None else float(sd), "n": len(defined)}


def quartiles(values):
    """Describe a distribution: dict of ``mean``, ``median``, ``q1``, ``q3`` (None if empty), ``n`` and ``undefined``.

    None and NaN are left out and counted as ``undefined``; quartiles are interpolated linearly.
    """
    values = list(values)
    defined = _defined(values)
    q1, median, q3 = np.quantile(defined, [0.25, 0.5, 0.75]).tolist() if len(defined) else (None, None, None)
    described = {"mean": over_seeds(defined)["mean"], "median": median, "q1": q1, "q3": q3}
    return described | {"n": len(defined), "undefined": len(values) - len(defined)}


def _defined(values):
    numbers = np.array([np.nan if value is None else value for value in values], np.float64)
    return numbers[~np.isnan(numbers)]


def _value(totals, statistic):
    value = float(statistic(totals.sum(axis=0, keepdims=True))[0])
    return None if np.isnan(value) else value


def _standard_error(totals, statistic, seed, resamples):
    units, rng = len(totals), np.random.default_rng(seed)
    pieces = [min(ROWS_AT_ONCE, resamples - start) for start in range(0, resamples, ROWS_AT_ONCE)]
    weights = (rng.multinomial(units, np.full(units, 1 / units), size).astype(np.float64) for size in pieces)
    drawn = np.concatenate([statistic(piece @ totals) for piece in weights])
    drawn = drawn[~np.isnan(drawn)]
    without = (totals.sum(axis=0) - totals[start : start + ROWS_AT_ONCE] for start in range(0, units, ROWS_AT_ONCE))
    left = np.concatenate([statistic(piece) for piece in without])
    if len(drawn) < 2 or np.isnan(left).any():
        return None
    error = max(drawn.std(ddof=1) * np.sqrt(units / (units - 1)), left.std() * np.sqrt(units - 1))
    return error if error > NO_SPREAD else None


def _wilcoxon(differences):
    differences = differences[~np.isnan(differences)]
    if np.count_nonzero(differences) < FEWEST_FOR_WILCOXON:
        return None
    from scipy import stats  # takes a second to import, which only a comparison needs

    return float(stats.wilcoxon(differences, zero_method="pratt").pvalue)


def _margin(difference, first, second, metric, points, lower_is_better):
    if not difference:
        return f"{metric} is undefined" if difference is None else f"{second} and {first} score the same {metric}"
    ahead, behind = (second, first) if (difference < 0) == lower_is_better else (first, second)
    (size,), word = _numbers(points, abs(difference)), "lower" if lower_is_better else "higher"
    return f"{ahead} scores {size} {'points ' if points else ''}of {metric} {word} than {behind}"


def _numbers(points, *values):
    """Write numbers with so many decimals, alike for all, that none but zero itself reads as zero."""
    shown = [100 * value if points else value for value in values]
    start = 1 if points else 3
    decimals = next((d for d in range(start, start + 4) if all(round(v, d) or not v for v in shown)), start)
    return [f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "\N{MINUS SIGN}") for value in shown]
