"""Which of a detector's places become tokens."""

from __future__ import annotations

import numpy as np
import pytest

from vision.decoder.image_tokens import (
    CONSIDERED,
    LOOSE_OVERLAP,
    ImageTokens,
    NanoDetTokens,
    chosen_places,
    open_tokens,
)
from vision.detections.boxes import iou_matrix
from vision.errors import DetectorError


def overlap_of(one: list[float], other: list[float]) -> float:
    return float(iou_matrix([one], [other])[0, 0])


def crowded(seed: int, count: int, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Boxes of which many lie nearly on each other, and their scores."""
    rng = np.random.default_rng(seed)
    things = rng.uniform(0, 1, (count // 8, 4))
    boxes = things[rng.integers(0, len(things), count)] + rng.normal(0, 0.02, (count, 4))
    low, high = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:]) + 0.1
    return (unit * np.concatenate([low, high], 1)).astype(np.float32), rng.uniform(0, 1, count).astype(np.float32)


@pytest.mark.parametrize("unit", [1.0, 416.0], ids=["shares", "pixels"])
@pytest.mark.parametrize("seed", range(3))
def test_from_the_best_down_each_place_is_one_that_no_better_one_lies_on(seed: int, unit: float) -> None:
    boxes, scores = crowded(seed, 160, unit)
    expected: list[int] = []
    for place in sorted(range(len(boxes)), key=lambda place: -scores[place]):
        if all(overlap_of(boxes[place].tolist(), boxes[other].tolist()) <= LOOSE_OVERLAP for other in expected):
            expected.append(place)
    assert chosen_places(boxes, scores, 1000).tolist() == expected
    assert 20 < len(expected) < 120, "some were suppressed, and some were not"


def test_no_more_are_chosen_than_are_wanted() -> None:
    boxes, scores = crowded(0, 160, 1.0)
    assert chosen_places(boxes, scores, 7).tolist() == chosen_places(boxes, scores, 1000)[:7].tolist()


def test_of_equal_places_the_first_comes_first() -> None:
    boxes = np.array([[10 * place, 0, 10 * place + 5, 5] for place in range(50)], np.float32)
    assert chosen_places(boxes, np.full(50, 0.5, np.float32), 50).tolist() == list(range(50))


def test_the_worst_of_very_many_places_are_not_looked_at() -> None:
    count = CONSIDERED + 200
    boxes = np.array([[10 * place, 0, 10 * place + 5, 5] for place in range(count)], np.float32)
    scores = np.linspace(1, 0, count, dtype=np.float32)
    assert chosen_places(boxes, scores, count).tolist() == list(range(CONSIDERED))


def test_no_place_gives_no_token() -> None:
    assert chosen_places(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 10).tolist() == []


def test_some_of_the_tokens_are_the_same_rows_of_each_part() -> None:
    rows = np.arange(5, dtype=np.float32)[:, None]
    tokens = ImageTokens(rows, rows + np.zeros(4, np.float32), rows + np.zeros(4, np.float32), rows)
    some = tokens[[3, 1]]
    assert len(some) == 2
    assert all(part[:, 0].tolist() == [3, 1] for part in vars(some).values())


def test_the_embedded_detector_is_opened_by_its_name() -> None:
    assert isinstance(open_tokens("nanodet"), NanoDetTokens)


def test_a_detector_that_is_not_there_is_refused() -> None:
    with pytest.raises(DetectorError, match="no model folder /no/such/detector"):
        open_tokens("/no/such/detector")
