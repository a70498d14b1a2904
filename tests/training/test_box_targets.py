"""What tokens are to say: the detector's scores, and the annotations where there are any."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.box_examples import (
    CLASS_COST,
    CORNER_COST,
    FLOOR,
    OVERLAP_COST,
    Matching,
    Picture,
    Targeting,
    Targets,
    Truth,
)
from vision.decoder.image_tokens import ImageTokens
from vision.decoder.vocabulary import BINS
from vision.detections.boxes import iou_matrix

VOCABULARY = ("cat", "dog", "bus")
MATCHINGS: tuple[Matching, ...] = ("overlap", "hungarian")

BOXES = np.array([[0.1, 0.1, 0.5, 0.5], [0.1, 0.1, 0.5, 0.42], [0.6, 0.6, 0.9, 0.9], [0.0, 0.6, 0.2, 0.8]], np.float32)
"""The second covers four fifths of the first."""

SCORES = np.array([[0.6, 0.1, 0.0], [0.5, 0.4, 0.3], [0.1, 0.2, 0.3], [0.01, 0.02, 0.01]], np.float32)


def tokens_of(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> ImageTokens:
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    cells = np.concatenate([middles, np.full_like(middles, 0.05)], 1)
    likely = np.clip(scores, 1e-6, 1 - 1e-6)
    return ImageTokens(np.zeros((len(boxes), 2), np.float32), cells, boxes, np.log(likely / (1 - likely)))


TOKENS = tokens_of(BOXES, SCORES)


def truth(
    *objects: tuple[str, list[float]], known: tuple[str, ...] = VOCABULARY, crowds: tuple[int, ...] = ()
) -> Truth:
    boxes = np.array([box for _, box in objects], np.float32).reshape(-1, 4)
    marked = np.array([place in crowds for place in range(len(objects))], bool)
    return Truth(known, tuple(name for name, _ in objects), boxes, marked)


def targets(
    annotated: Truth | None = None,
    weight: float = 1.0,
    matching: Matching = "overlap",
    asked: tuple[str, ...] = VOCABULARY,
    tokens: ImageTokens = TOKENS,
) -> Targets:
    return Targeting(VOCABULARY, weight, matching).of(Picture(tokens, annotated), asked)


DOG = truth(("dog", [0.1, 0.1, 0.5, 0.5]))


def above(score: float) -> float:
    """What is left of a score above the floor, from 0 to 1."""
    return max(score - FLOOR, 0) / (1 - FLOOR)


class TestTheDetectorsScores:
    def test_without_annotations_they_are_the_shares_as_far_as_they_are_above_the_floor(self) -> None:
        shares = targets().shares
        expected = [above(0.6), above(0.1), 0, 1 - above(0.6) - above(0.1)]
        np.testing.assert_allclose(shares[0], expected, atol=1e-5)
        np.testing.assert_array_equal(shares[3], [0, 0, 0, 1])
        likely = tokens_of(BOXES[:1], np.array([[0.9, 0.6, 0.5]], np.float32))
        parts = np.array([above(0.9), above(0.6), above(0.5)])
        np.testing.assert_allclose(targets(tokens=likely).shares, [[*parts / parts.sum(), 0]], atol=1e-5)

    def test_they_stand_in_the_order_of_the_prompt_and_a_class_that_the_detector_does_not_know_is_none(self) -> None:
        shares = targets(asked=("bus", "cat", "oak")).shares
        np.testing.assert_allclose(shares[1], [above(0.3), above(0.5), 0, 1 - above(0.3) - above(0.5)], atol=1e-5)

    def test_where_annotations_weigh_nothing_they_change_nothing(self) -> None:
        assert np.array_equal(targets(DOG, 0.0, "hungarian").shares, targets().shares)


boxes_in_the_image = st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4).map(
    lambda sides: [min(sides[0], sides[2]), min(sides[1], sides[3]), max(sides[0], sides[2]), max(sides[1], sides[3])]
)


@given(
    scores=st.lists(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3), min_size=4, max_size=4),
    objects=st.lists(st.tuples(st.sampled_from(("cat", "dog", "oak")), boxes_in_the_image), max_size=6),
    asked=st.lists(st.sampled_from(("cat", "dog", "bus", "oak", "wolf")), min_size=1, max_size=5, unique=True),
    weight=st.floats(0, 1),
    matching=st.sampled_from(MATCHINGS),
    crowd=st.booleans(),
)
def test_whatever_is_asked_and_annotated_the_shares_of_a_token_are_one_together(
    scores: list[list[float]],
    objects: list[tuple[str, list[float]]],
    asked: list[str],
    weight: float,
    matching: Matching,
    crowd: bool,
) -> None:
    picture = Picture(
        tokens_of(BOXES, np.array(scores, np.float32)),
        truth(*objects, known=("cat", "dog", "oak"), crowds=(0,) if crowd else ()),
    )
    found = Targeting(VOCABULARY, weight, matching).of(picture, asked)
    assert found.shares.shape == (4, len(asked) + 1)
    assert np.all(found.shares >= 0)
    np.testing.assert_allclose(found.shares.sum(1), 1, atol=1e-5)
    assert np.all(np.abs(found.places) <= BINS)
    assert np.all((found.weights >= 0) & (found.weights <= 1))


class TestAnnotations:
    @pytest.mark.parametrize("matching", MATCHINGS)
    def test_only_what_is_annotated_at_all_replaces_the_detectors_scores(self, matching: Matching) -> None:
        others = ("cat", "bus")
        unknown = truth(("dog", [0.1, 0.1, 0.5, 0.5]), known=("dog",))
        kept = targets(unknown, matching=matching, asked=others).shares
        np.testing.assert_allclose(kept, targets(asked=others).shares, atol=1e-6)
        assert np.all(targets(DOG, matching=matching, asked=others).shares[:, :2] == 0)
        np.testing.assert_array_equal(targets(truth(), matching=matching).shares, np.tile([0, 0, 0, 1], (4, 1)))

    def test_by_overlap_a_token_is_the_box_as_far_as_it_covers_half_of_it_or_more(self) -> None:
        shares = targets(DOG).shares
        np.testing.assert_allclose(shares[:, 1], [1.0, above(0.8), 0, 0], atol=1e-5)
        assert np.all(shares[:, [0, 2]] == 0)
        assert np.all(targets(truth(("dog", [0.6, 0.6, 0.9, 0.74]))).shares[:, 3] == 1)

    def test_half_the_weight_is_half_way_between_the_detector_and_the_annotation(self) -> None:
        np.testing.assert_allclose(targets(DOG, 0.5).shares[0, :3], [above(0.3), above(0.55), 0], atol=1e-5)


class TestOneToOne:
    """Hungarian matching."""

    @pytest.mark.parametrize("seed", range(2))
    def test_each_box_is_given_exactly_one_token_and_the_others_are_none(self, seed: int) -> None:
        tokens, annotated = scattered(seed, 12, 5)
        shares = targets(annotated, matching="hungarian", tokens=tokens).shares
        for column, name in enumerate(VOCABULARY):
            assert shares[:, column].sum() == annotated.classes.count(name)
        assert sorted(shares[:, 3].tolist()) == [0] * 5 + [1] * 7
        tokens, annotated = scattered(seed, 3, 6)
        assert np.all(targets(annotated, matching="hungarian", tokens=tokens).shares[:, 3] == 0), "boxes enough for all"

    @pytest.mark.parametrize("seed", range(3))
    def test_no_other_assignment_costs_less(self, seed: int) -> None:
        tokens, annotated = scattered(seed, 5, 3)
        found = targets(annotated, matching="hungarian", tokens=tokens)
        said = np.tile(tokens.cells[:, :2], 2) + found.places / BINS
        assigned = tuple(int(np.abs(said - box).max(1).argmin()) for box in annotated.boxes)
        cheapest = min(self.cost(tokens, annotated, order) for order in permutations(range(5), 3))
        assert self.cost(tokens, annotated, assigned) == pytest.approx(cheapest, abs=1e-5)

    @staticmethod
    def cost(tokens: ImageTokens, annotated: Truth, order: tuple[int, ...]) -> float:
        total = 0.0
        for name, box, token in zip(annotated.classes, annotated.boxes, order, strict=True):
            score = 1 / (1 + np.exp(-tokens.logits[token, VOCABULARY.index(name)]))
            overlap = float(iou_matrix(tokens.boxes[[token]], box[None])[0, 0])
            total += CLASS_COST * (1 - score) + OVERLAP_COST * (1 - overlap)
            total += CORNER_COST * float(np.abs(tokens.boxes[token] - box).mean())
        return total

    def test_a_crowd_is_given_no_token(self) -> None:
        tokens, annotated = scattered(1, 12, 5)
        with_crowds = replace(annotated, crowds=np.array([True, False, False, True, False]))
        found = targets(with_crowds, matching="hungarian", tokens=tokens)
        assert np.sum(found.weights == 1) == 3


def scattered(seed: int, tokens: int, objects: int) -> tuple[ImageTokens, Truth]:
    """Tokens and annotated boxes here and there, all inside the image."""
    rng = np.random.default_rng(seed)

    def boxes(count: int) -> Any:
        low, size = rng.uniform(0, 0.6, (count, 2)), rng.uniform(0.1, 0.4, (count, 2))
        return np.concatenate([low, low + size], 1).astype(np.float32)

    seen = tokens_of(boxes(tokens), rng.uniform(0, 0.9, (tokens, 3)).astype(np.float32))
    names = rng.choice(VOCABULARY, objects)
    return seen, truth(*zip(names.tolist(), boxes(objects).tolist(), strict=True))


class TestCrowds:
    @pytest.mark.parametrize("matching", MATCHINGS)
    def test_tokens_on_one_keep_what_the_detector_says_and_their_places(self, matching: Matching) -> None:
        found, without = targets(truth(("dog", [0.1, 0.1, 0.5, 0.45]), crowds=(0,)), matching=matching), targets()
        np.testing.assert_allclose(found.shares[:2], without.shares[:2], atol=1e-6)
        np.testing.assert_array_equal(found.shares[2:], np.tile([0, 0, 0, 1], (2, 1)))
        np.testing.assert_allclose(found.places, without.places, atol=1e-4)

    def test_a_small_token_inside_a_large_one_lies_on_it(self) -> None:
        shares = targets(truth(("dog", [0, 0, 1, 1]), crowds=(0,))).shares
        np.testing.assert_allclose(shares, targets().shares, atol=1e-6)


class TestPlaces:
    @staticmethod
    def boxes(*objects: tuple[str, list[float]]) -> Any:
        found = targets(truth(*objects) if objects else None)
        return np.tile(TOKENS.cells[:, :2], 2) + found.places / BINS

    def test_they_are_the_detectors_box_or_the_annotated_one_that_it_covers_best(self) -> None:
        np.testing.assert_allclose(self.boxes(), BOXES, atol=1e-5)
        dog = [0.12, 0.08, 0.5, 0.5]
        np.testing.assert_allclose(self.boxes(("dog", dog)), [dog, dog, *BOXES[2:]], atol=1e-5)
        better, worse = ("dog", [0.1, 0.1, 0.5, 0.48]), ("cat", [0.1, 0.1, 0.45, 0.5])
        for objects in ((better, worse), (worse, better)):
            np.testing.assert_allclose(self.boxes(*objects)[0], better[1], atol=1e-5)

    def test_an_annotated_box_counts_in_full_and_an_unlikely_token_not_at_all(self) -> None:
        np.testing.assert_allclose(targets(DOG).weights, [1, 1, 0.3, 0], atol=1e-5)

    def test_a_box_beyond_the_image_ends_at_its_edge(self) -> None:
        tokens = tokens_of(np.array([[-0.3, 0.2, 1.6, 0.9]], np.float32), np.full((1, 3), 0.3, np.float32))
        middle = np.tile(tokens.cells[:, :2], 2)
        np.testing.assert_allclose(middle + targets(tokens=tokens).places / BINS, [[0, 0.2, 1, 0.9]], atol=1e-5)
