"""Choose a setting by its score on a few independent units, without fitting their peculiarities."""

import numpy as np


def choose(counts, statistic, distance):
    """Choose one of several settings: of those that are as good as the best, the one with the smallest `distance`.

    As good means at most one standard error below the best score, as Breiman et al. 1984 choose a tree: the best setting for few
    units fits their peculiarities. The error is that of the difference from the best, by the jackknife over units.

    Parameters
    ----------
    counts : ndarray, shape (U, S, K)
        What each unit counts with each setting. A single unit chooses the best score.
    statistic : callable
        Scores of summed counts, (..., K) -> (...), as in `pipeline.scoring.ratios`; NaN where undefined.
    distance : ndarray, shape (S,)
        How far each setting is from what one would take without any data. It also decides between equal scores.

    Returns
    -------
    int
        The position of the setting; that of the smallest distance where no score is defined.
    """
    total = counts.sum(axis=0)
    score = statistic(total)
    defined = np.flatnonzero(~np.isnan(score))
    if not len(defined):
        return int(np.argmin(distance))
    counts, total, score, distance = counts[:, defined], total[defined], score[defined], distance[defined]
    best = int(np.lexsort((distance, -score))[0])
    error = 0.0
    if len(counts) > 1:
        without = statistic(total - counts)  # one unit left out, shape (U, S)
        error = np.sqrt((len(counts) - 1) * np.nanvar(without[:, [best]] - without, axis=0))
    good = np.flatnonzero(score[best] - score <= error)
    return int(defined[good[np.argmin(distance[good])]])
