import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from pipeline.scoring.calibration import (
    BINS,
    bin_numbers,
    brier_score,
    brier_scores,
    expected_calibration_error,
    reliability_table,
    sums_of_image,
    sums_of_predictions,
)


def _sums(reference, probabilities):
    return sums_of_image(np.asarray(reference, bool), np.asarray(probabilities))


def test_without_predictions():
    sums = np.zeros(3 * BINS + 1)
    assert expected_calibration_error(sums) is brier_score(sums) is None
    table = reliability_table(sums)
    assert table["count"].tolist() == [0] * BINS
    assert table["confidence"].isna().all() and table["frequency"].isna().all()


def test_hand_computed():
    sums = _sums([[1, 0], [1, 1]], [[0.95, 0.99], [0.5, 0.02]])
    table = reliability_table(sums).set_index("count")
    assert table.loc[2, ["low", "high", "confidence", "frequency"]].tolist() == pytest.approx([14 / 15, 1, 0.97, 1 / 2])
    assert sums[:15].tolist() == [1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2]
    # Gaps: |1 - 0.02| in the first bin, |1 - 0.5| in the eighth, |1/2 - 0.97| of two pixels in the last.
    assert expected_calibration_error(sums) == pytest.approx((0.98 + 0.5 + 2 * 0.47) / 4)
    assert brier_score(sums) == pytest.approx((0.05**2 + 0.99**2 + 0.5**2 + 0.98**2) / 4)


def test_single_predictions_have_the_sums_of_pixels():
    confidence, right = np.array([0.95, 0.99, 0.5, 0.02]), np.array([True, False, True, True])
    sums = sums_of_predictions(confidence, right, np.square(confidence - right)).sum(axis=0)
    assert sums == pytest.approx(_sums([right], [confidence]))


def test_a_bins_upper_end_belongs_to_it_and_zero_to_the_first():
    assert bin_numbers([0.0, 1e-9, 1 / 15, np.nextafter(1 / 15, 1), 0.2, 1.0]).tolist() == [0, 0, 0, 1, 2, 14]
    assert bin_numbers([1 + 1e-7]) == 14  # a softmax in float32 that sums to a little more


probabilities = arrays(np.float32, (6, 6), elements=st.floats(0, 1, width=32))


@settings(max_examples=200)
@given(arrays(bool, (6, 6)), probabilities)
def test_agrees_with_scikit_learn(reference, values):
    sums = _sums(reference, values)
    table, flat = reliability_table(sums), values.ravel().astype(np.float64)
    assert brier_score(sums) == pytest.approx(brier_score_loss(reference.ravel(), flat), abs=1e-6)
    if not np.isin(flat, np.linspace(0, 1, BINS + 1)[1:-1]).any():  # on an end scikit-learn's bins take it from below
        filled = table[table["count"] > 0]
        frequency, confidence = calibration_curve(reference.ravel(), flat, n_bins=BINS)
        assert filled["frequency"].to_numpy() == pytest.approx(frequency, abs=1e-6)
        assert filled["confidence"].to_numpy() == pytest.approx(confidence, abs=1e-6)
        error = (filled["count"] * (filled["frequency"] - filled["confidence"]).abs()).sum() / 36
        assert expected_calibration_error(sums) == pytest.approx(error, abs=1e-9)


@given(arrays(bool, (6, 6)), probabilities, st.integers(1, 5))
def test_images_add_up(reference, values, row):
    parts = np.stack([_sums(reference[:row], values[:row]), _sums(reference[row:], values[row:])])
    assert parts.sum(axis=0) == pytest.approx(_sums(reference, values))
    assert brier_scores(parts)[1] == brier_score(parts[1])
