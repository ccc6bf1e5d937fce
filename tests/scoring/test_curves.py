import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, roc_auc_score

from pipeline.errors import UserError
from pipeline.scoring.curves import EDGES, Histogram, average_precision, best_threshold, precision_recall, roc, roc_area
from pipeline.scoring.ratios import dice, divide


def _histogram(reference, probabilities):
    histogram = Histogram()
    histogram.add(np.asarray(reference, bool), np.asarray(probabilities, np.float32))
    return histogram


def test_without_pixels():
    histogram = Histogram()
    assert precision_recall(histogram).empty
    assert average_precision(histogram) is roc_area(histogram) is None
    assert best_threshold([histogram]) == best_threshold([]) == 0.5


def test_without_background():
    histogram = _histogram([1, 1], [0.2, 0.7])
    assert roc_area(histogram) is None
    assert roc(histogram)["false_positive_rate"].isna().all()


def test_without_foreground():
    histogram = _histogram([0, 0, 0], [0.1, 0.4, 0.9])
    assert average_precision(histogram) is roc_area(histogram) is None
    assert roc(histogram)["true_positive_rate"].isna().all() and precision_recall(histogram)["recall"].isna().all()
    assert best_threshold([histogram]) == 0.5


def test_hand_computed():
    histogram = _histogram([1, 0, 1, 0], [0.75, 0.5, 0.25, 0.0])
    curve = precision_recall(histogram).set_index("threshold")
    assert curve.index[0] == 0 and curve.index[-1] == 0.75  # above it nothing is predicted
    assert curve.loc[0.0].tolist() == [4 / 6, 2 / 4, 2 / 2]  # dice, precision, recall
    assert curve.loc[0.25].tolist() == [4 / 5, 2 / 3, 2 / 2]
    assert curve.loc[0.5].tolist() == [2 / 4, 1 / 2, 1 / 2]
    assert curve.loc[0.75].tolist() == [2 / 3, 1 / 1, 1 / 2]
    assert average_precision(histogram) == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)
    assert best_threshold([histogram]) == 0.25


def test_units_that_disagree_choose_the_threshold_nearest_to_one_half():
    """One unit has false positives at 0.75, which a threshold above it avoids; the other has foreground at 0.5 to lose there."""
    one, other = _histogram([1, 1, 1, 0, 0], [0.9, 0.9, 0.9, 0.75, 0.75]), _histogram([1, 1, 0], [0.9, 0.5, 0.1])
    assert best_threshold([one]) == 0.7509765625 and best_threshold([other]) == 0.5
    # Pooled, Dice is 8 / 9 above 0.75 (of five foreground pixels four are found), and 10 / 12 from 0.1 to 0.5. Without the one
    # unit the difference is 2 / 3 - 1, without the other 1 - 6 / 8: a standard error of 7 / 24 against a loss of 1 / 18.
    assert best_threshold([one + other]) == 0.7509765625
    assert best_threshold([one, other]) == 0.5


def test_units_that_agree_choose_the_best_threshold():
    units = [_histogram([1, 1, 1, 0, 0], [0.9, 0.9, 0.9, 0.75, 0.75])] * 5
    assert best_threshold(units) == 0.7509765625


def test_hand_computed_roc():
    histogram = _histogram([1, 0, 1, 0], [0.75, 0.5, 0.25, 0.0])
    curve = roc(histogram).set_index("threshold")
    assert curve.index[-1] == np.inf and curve.loc[np.inf].tolist() == [0, 0]  # false, then true positive rate
    assert curve.loc[0.75].tolist() == [0, 1 / 2]
    assert curve.loc[0.5].tolist() == [1 / 2, 1 / 2]
    assert curve.loc[0.25].tolist() == [1 / 2, 1]
    assert curve.loc[0.0].tolist() == [1, 1]
    assert roc_area(histogram) == 3 / 4  # of the four pairs, only 0.25 against 0.5 is the wrong way round


def test_a_tie_counts_one_half():
    assert roc_area(_histogram([1, 0], [0.5, 0.5])) == 1 / 2
    assert roc_area(_histogram([1, 0], [0.5 + 0.4 / 1024, 0.5 + 0.9 / 1024])) == 1 / 2  # the same bin
    assert roc_area(_histogram([1, 0], [0.5, 0.5 + 1 / 1024])) == 0


def test_of_equally_good_thresholds_the_one_nearest_to_one_half_wins():
    assert best_threshold([_histogram([1, 0], [0.9, 0.1])]) == 0.5
    assert best_threshold([_histogram([1, 0], [0.9, 0.7])]) == pytest.approx(0.7, abs=2 / 1024)


probabilities = arrays(np.float32, (6, 6), elements=st.floats(0, 1, width=32))


@given(arrays(bool, (6, 6)), probabilities)
def test_the_curve_is_what_thresholding_the_image_gives(reference, values):
    for row in precision_recall(_histogram(reference, values)).iloc[::97].itertuples():
        found = values >= row.threshold
        tp, fp, fn = (np.count_nonzero(pixels) for pixels in (reference & found, ~reference & found, reference & ~found))
        expected = [float(score) for score in (dice(tp, fp, fn), divide(tp, tp + fp), divide(tp, tp + fn))]
        assert [row.dice, row.precision, row.recall] == pytest.approx(expected, nan_ok=True)


@given(arrays(bool, (6, 6)), probabilities)
def test_average_precision_agrees_with_scikit_learn(reference, values):
    ours = average_precision(_histogram(reference, values))
    if not reference.any():
        assert ours is None
    else:
        binned = np.digitize(values.ravel(), EDGES)
        assert ours == pytest.approx(average_precision_score(reference.ravel(), binned), abs=1e-12)


def test_average_precision_of_a_network_that_is_sure():
    """Most of the foreground has a probability above 0.999: bins of one width would tie it, and give 0.90 instead of 0.93."""
    rng = np.random.default_rng(0)
    reference = rng.random(100_000) < 0.1
    logits = np.where(reference, rng.normal(9, 4, reference.size), rng.normal(-6, 5, reference.size))
    values = (1 / (1 + np.exp(-logits))).astype(np.float32)
    exact = average_precision_score(reference, values)
    assert average_precision(_histogram(reference, values)) == pytest.approx(exact, abs=0.001)
    assert average_precision_score(reference, np.floor(values * 1024)) < exact - 0.02


@settings(max_examples=200)
@given(arrays(bool, (6, 6)), arrays(np.int64, (6, 6), elements=st.integers(0, 1024)), st.integers(1, 4))
def test_roc_area_agrees_with_scikit_learn(reference, steps, shift):
    values = (steps >> shift) / 1024  # fewer steps, more ties
    ours = roc_area(_histogram(reference, values))
    if reference.all() or not reference.any():
        assert ours is None
    else:
        assert ours == pytest.approx(roc_auc_score(reference.ravel(), values.ravel()), abs=1e-9)


@pytest.mark.parametrize("value", [np.nan, -0.1, 1.1, np.inf])
def test_raises_for_a_value_that_is_not_a_probability(value):
    with pytest.raises(UserError, match=r"expected probabilities from 0 to 1, received .*: lower train\.lr"):
        _histogram([1, 0], [0.5, value])


def test_raises_for_a_mask_of_another_shape():
    with pytest.raises(ValueError, match=r"mask of shape \(2,\), received bool of shape \(1,\)"):
        _histogram([1], [0.5, 0.5])
