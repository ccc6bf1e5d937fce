"""Which images a segmentation's panels show."""

import pytest

from pipeline.tasks.segmentation.evaluation import _shown

RANKS = {
    0: [],
    1: ["best"],
    2: ["worst", "best"],
    3: ["worst", "median", "best"],
    4: ["worst", "worst", "median", "best"],
    5: ["worst", "worst", "median", "median", "best"],
    9: ["worst", "worst", "median", "median", "best"],
}


@pytest.mark.parametrize("count", RANKS)
def test_the_best_and_the_worst_are_always_shown(count):
    shown = _shown(count)
    assert [rank for _, rank in shown] == RANKS[count]
    places = [place for place, _ in shown]
    assert places == sorted(set(places))
    if count:
        assert places[-1] == count - 1 and places[0] == 0
    if count == 9:
        assert places == [0, 1, 4, 5, 8]
