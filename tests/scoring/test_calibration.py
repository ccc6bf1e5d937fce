import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from pipeline.scoring.calibration import (
    BINS,
    COLUMNS,
    Reliability,
    bin_numbers,
    brier_score,
    brier_scores,
    calibration_errors,
    expected_calibration_error,
    reliability_table,
)


def _reliability(reference, probabilities):
    reliability = Reliability()
    reliability.add(np.asarray(reference, bool), np.asarray(probabilities))
    return reliability


def test_nothing_seen():
    row = Reliability().row
    assert row.tolist() == [0] * COLUMNS
    assert expected_calibration_error(row) is None and brier_score(row) is None
    table = reliability_table(row)
    assert table["count"].tolist() == [0] * BINS
    assert table["confidence"].isna().all() and table["frequency"].isna().all()


def test_an_empty_image_adds_nothing():
    reliability = _reliability([1, 0], [0.9, 0.2])
    before = reliability.row
    reliability.add(np.zeros((0, 4), bool), np.zeros((0, 4)))
    assert (reliability.row == before).all()


def test_hand_computed():
    reliability = _reliability([[1, 0], [1, 1]], [[0.95, 0.99], [0.5, 0.02]])
    table = reliability_table(reliability.row).set_index("count")
    assert table.loc[2, ["low", "high", "confidence", "frequency"]].tolist() == pytest.approx([14 / 15, 1, 0.97, 1 / 2])
    assert reliability.count.tolist() == [1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2]
    # Gaps: |1 - 0.02| in the first bin, |1 - 0.5| in the eighth, |1/2 - 0.97| of two pixels in the last.
    assert expected_calibration_error(reliability.row) == pytest.approx((0.98 + 0.5 + 2 * 0.47) / 4)
    assert brier_score(reliability.row) == pytest.approx((0.05**2 + 0.99**2 + 0.5**2 + 0.98**2) / 4)


def test_an_image_without_foreground_is_scored_like_any_other():
    reliability = _reliability([0, 0], [0.0, 0.3])
    assert expected_calibration_error(reliability.row) == pytest.approx(0.15)
    assert brier_score(reliability.row) == pytest.approx(0.045)


def test_a_bins_upper_end_belongs_to_it_and_zero_to_the_first():
    assert bin_numbers([0.0, 1e-9, 1 / 15, np.nextafter(1 / 15, 1), 0.2, 1.0]).tolist() == [0, 0, 0, 1, 2, 14]
    assert bin_numbers([1 + 1e-7]) == 14  # a softmax in float32 that sums to a little more


def test_always_one_half_scores_a_quarter():
    assert brier_score(_reliability([1, 0, 0], [0.5, 0.5, 0.5]).row) == 0.25


def test_counts_are_exact_beyond_float32():
    reliability = Reliability()
    reliability.count[7] = reliability.came_true[7] = 2**24
    reliability.add(np.array([True]), np.array([0.5]))
    assert reliability.count[7] == reliability.came_true[7] == reliability.row[7] == 2**24 + 1


probabilities = arrays(np.float32, (6, 6), elements=st.floats(0, 1, width=32))


@settings(max_examples=200, deadline=None)
@given(arrays(bool, (6, 6)), probabilities)
def test_agrees_with_scikit_learn(reference, values):
    reliability = _reliability(reference, values)
    table, flat = reliability_table(reliability.row), values.ravel().astype(np.float64)
    assert brier_score(reliability.row) == pytest.approx(brier_score_loss(reference.ravel(), flat), abs=1e-6)
    if not np.isin(flat, np.linspace(0, 1, BINS + 1)[1:-1]).any():  # on an end scikit-learn's bins take it from below
        filled = table[table["count"] > 0]
        frequency, confidence = calibration_curve(reference.ravel(), flat, n_bins=BINS)
        assert filled["frequency"].to_numpy() == pytest.approx(frequency, abs=1e-6)
        assert filled["confidence"].to_numpy() == pytest.approx(confidence, abs=1e-6)
        error = (filled["count"] * (filled["frequency"] - filled["confidence"]).abs()).sum() / 36
        assert expected_calibration_error(reliability.row) == pytest.approx(error, abs=1e-9)


@settings(deadline=None)
@given(arrays(bool, (6, 6)), probabilities, st.integers(1, 5))
def test_images_add_up(reference, values, row):
    whole = _reliability(reference, values)
    parts = _reliability(reference[:row], values[:row])
    rows = np.stack([parts.row, _reliability(reference[row:], values[row:]).row])
    assert rows.sum(axis=0) == pytest.approx(whole.row)
    parts.add(reference[row:], values[row:])
    assert parts.row == pytest.approx(whole.row)
    assert calibration_errors(rows)[0] == expected_calibration_error(rows[0])
    assert brier_scores(rows)[1] == brier_score(rows[1])


def test_a_megapixel_takes_well_under_a_tenth_of_a_second():
    rng = np.random.default_rng(0)
    values = rng.random((1024, 1024), np.float32)
    reference, reliability, seconds = values > 0.5, Reliability(), []
    for _ in range(5):
        start = time.process_time()
        reliability.add(reference, values)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.1  # 0.02 on a laptop; the least of five, because the machine may be busy


@pytest.mark.parametrize(
    ("reference", "values", "received"),
    [
        ([True], [[0.5]], r"\(1, 1\), received bool of \(1,\)"),
        ([1], [0.5], "received int64"),
        ([True, False], [0.5, 1.5], "received 0.5 to 1.5"),
        ([True], [np.nan], "received nan"),
    ],
)
def test_refuses_what_is_no_probability_of_a_mask(reference, values, received):
    with pytest.raises(ValueError, match=received):
        Reliability().add(np.array(reference), np.array(values))
