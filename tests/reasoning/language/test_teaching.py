from __future__ import annotations

import numpy as np
import pytest

from training.loop import (
    R_STAR,
    Report,
    effective_data,
    expected_calibration_error,
    fit_temperature,
    plan_epochs,
    worth,
)


def test_repeated_data_is_worth_less_and_less() -> None:
    assert effective_data(100, 1) == 100
    # The paper: up to four epochs are nearly as good as new data, and none are worth more than U (1 + R*).
    assert 3.6 < effective_data(1, 4) < 4
    assert effective_data(1, 1e6) == pytest.approx(1 + R_STAR)
    assert worth(1) == 1 and worth(1 + R_STAR) == pytest.approx(np.exp(-1))
    step = 1e-5
    assert worth(7) == pytest.approx((effective_data(1, 7 + step) - effective_data(1, 7)) / step, rel=1e-3)


@pytest.mark.parametrize(("tokens", "epochs", "spent"), [(50, 1.0, False), (300, 3.0, False), (10_000, 11.67, True)])
def test_a_plan_stops_where_repeating_is_worth_less_than_half(tokens: int, epochs: float, spent: bool) -> None:
    plan = plan_epochs(100, tokens)
    assert plan.epochs == pytest.approx(epochs, abs=0.01)
    assert plan.spent is spent
    assert worth(plan.epochs) >= 0.4999


def test_calibration_error_is_the_mean_distance_of_probability_and_share() -> None:
    probabilities = np.array([0.9] * 10 + [0.1] * 10)
    right = np.array([True] * 9 + [False] + [True] * 6 + [False] * 4)
    assert expected_calibration_error(probabilities, right) == pytest.approx((0.0 + 0.5) / 2)


def test_the_temperature_undoes_what_made_the_odds_too_sure() -> None:
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 2, 20_000)
    kept = rng.random(20_000) < 1 / (1 + np.exp(-odds))
    temperature = fit_temperature((3 * odds).astype(np.float32), kept)
    assert temperature == pytest.approx(3, rel=0.1)


def test_kinds_with_more_errors_are_drawn_more_often_and_known_ones_still() -> None:
    weights = Report(exact={"hard": 0.2, "easy": 0.6, "known": 1.0}, wrong={}).weights()
    assert weights == pytest.approx({"hard": 1.3, "easy": 0.8, "known": 0.3})
    assert Report(exact={"a": 1.0, "b": 1.0}, wrong={}).weights() == {"a": 1.3, "b": 1.3}
