"""Which of a detector's places become tokens, and the embedded detector's against what it computes and finds itself."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.vision.decoder.tiny_decoders import blobs
from tests.vision.detectors.test_nanodet import photograph
from vision.classes.lexicon import COCO_CLASSES
from vision.decoder import image_tokens
from vision.decoder.image_tokens import CONSIDERED, HIDDEN, LOOSE_OVERLAP, NECK, ImageTokens, NanoDetTokens
from vision.detections.boxes import iou_matrix
from vision.detectors.detector import Request
from vision.detectors.embedded import MODEL_FILE, NanoDet, letterboxed
from vision.detectors.sessions import open_session, run_session
from vision.errors import DetectorError
from vision.images import LoadedImage

IMAGE = blobs(500, 375)


@pytest.fixture(scope="module")
def tokens(nanodet: NanoDetTokens) -> ImageTokens:
    return nanodet.tokens([IMAGE])[0]


@pytest.fixture(scope="module")
def square() -> NDArray[np.float32]:
    return letterboxed(IMAGE.pixels).tensor


def pixels_of_the_square(tokens: ImageTokens) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middles, shape (m, 2), and strides, shape (m,), of the tokens' cells; the image fills the square's width."""
    # 375 of 500 are 312 of 416 pixels.
    sides = np.array([416, 312], np.float64)
    return tokens.cells[:, :2] * sides, np.round(tokens.cells[:, 2] * sides[0])


Square = NDArray[np.float32]


class TestEvidence:
    def test_it_is_what_the_detector_gives_each_class_at_the_cell(self, tokens: ImageTokens, square: Square) -> None:
        scores = run_session(open_session(MODEL_FILE, 1), {"image": square})[0][0]
        grids = dict(zip((8, 16, 32), np.split(scores, [52 * 52, 52 * 52 + 26 * 26], 1), strict=True))
        likely = 1 / (1 + np.exp(-tokens.logits))
        for row, middle, stride in zip(likely, *pixels_of_the_square(tokens), strict=True):
            x, y = (int(side // stride) for side in middle)
            assert middle.tolist() == pytest.approx([(x + 0.5) * stride, (y + 0.5) * stride], abs=0.01)
            np.testing.assert_allclose(row, grids[int(stride)][:, y * (416 // int(stride)) + x], atol=2e-6)

    def test_the_surest_place_comes_first_of_numbers(self, nanodet: NanoDetTokens, tokens: ImageTokens) -> None:
        best = tokens.logits.max(1)
        assert np.all(np.diff(best) <= 0) and best[0] > best[-1]
        (black,) = nanodet.tokens([LoadedImage(np.zeros((40, 40, 3), np.uint8))])
        assert np.isfinite(black.logits).all()
        assert black.logits.min() >= math.log(1e-6) - 0.01


def test_features_are_the_heads_hidden_layer_and_the_neck(tokens: ImageTokens, square: Square) -> None:
    for number, stride in enumerate((8, 16, 32)):
        inner = open_session(MODEL_FILE, 1, [HIDDEN[number], NECK[number]])
        *_, hidden, neck = run_session(inner, {"image": square})
        middles, strides = pixels_of_the_square(tokens)
        places = np.flatnonzero(strides == stride)
        assert len(places), "the image has tokens of each stride"
        for place in places[:5]:
            x, y = (int(side // stride) for side in middles[place])
            expected = np.concatenate([hidden[0, :, y, x], neck[0, :, y, x]])
            np.testing.assert_allclose(tokens.features[place], expected, rtol=1e-4, atol=1e-4)


class TestBoxes:
    @pytest.mark.parametrize("image", [IMAGE, photograph("astronaut.png")], ids=["blobs", "portrait"])
    def test_a_found_box_is_a_tokens_or_below_a_surer_one(self, nanodet: NanoDetTokens, image: LoadedImage) -> None:
        (found,) = NanoDet(1).detect([image], Request(COCO_CLASSES, 0.1))
        (tokens,) = nanodet.tokens([image])
        boxes = np.clip(tokens.boxes, 0, 1) * np.tile(image.size, 2)
        assert found.scores is not None and len(found.labels) > 3
        np.testing.assert_allclose(boxes[0], found.xyxy[0], atol=1e-2, err_msg="what it is surest of is kept as it is")
        best = 1 / (1 + np.exp(-tokens.logits.max(1)))
        for overlap, score in zip(iou_matrix(found.xyxy, boxes), found.scores, strict=True):
            assert np.any((overlap > 0.999) | ((overlap > LOOSE_OVERLAP) & (best >= score)))
        assert np.triu(iou_matrix(tokens.boxes, tokens.boxes), 1).max() <= LOOSE_OVERLAP + 1e-4


class TestShapes:
    def test_an_image_of_any_size_has_tokens_that_are_numbers(self, nanodet: NanoDetTokens) -> None:
        shapes = {"features": 256, "cells": 4, "boxes": 4, "logits": 80}
        for size in ((1, 1), (20_000, 1), (1, 20_000), (3, 500)):
            (tokens,) = nanodet.tokens([blobs(*size)], 30)
            assert 0 < len(tokens) <= 30
            for name, part in vars(tokens).items():
                assert part.shape == (len(tokens), shapes[name]) and part.dtype == np.float32
                assert np.isfinite(part).all()

    def test_there_are_at_most_so_many_the_best(self, nanodet: NanoDetTokens, tokens: ImageTokens) -> None:
        for most in (1, 40):
            (some,) = nanodet.tokens([IMAGE], most)
            assert len(some) == most and np.array_equal(some.boxes, tokens.boxes[:most])

    def test_several_images_give_what_each_gives_alone(self, nanodet: NanoDetTokens, tokens: ImageTokens) -> None:
        first, second = nanodet.tokens([blobs(90, 200, 1), IMAGE])
        assert np.array_equal(second.logits, tokens.logits) and nanodet.tokens([]) == []
        assert not np.array_equal(first.logits[: len(tokens)], tokens.logits[: len(first)])


def test_inner_outputs_stand_behind_the_models_own_and_those_that_it_lacks_are_refused(square: Square) -> None:
    own = run_session(open_session(MODEL_FILE, 1), {"image": square})
    both = run_session(inner := open_session(MODEL_FILE, 1, NECK), {"image": square})
    assert len(both) == len(own) + 3
    assert all(np.array_equal(one, other) for one, other in zip(own, both, strict=False))
    assert [part.shape for part in both[len(own) :]] == [(1, 128, side, side) for side in (52, 26, 13)]
    assert open_session(MODEL_FILE, 1, NECK) is inner is not open_session(MODEL_FILE, 1)
    with pytest.raises(DetectorError, match="cannot be opened as an ONNX model"):
        open_session(MODEL_FILE, 1, ["no_such_tensor"])


def crowded(count: int, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Boxes of which many lie nearly on each other, and their scores."""
    rng = np.random.default_rng(0)
    things = rng.uniform(0, 1, (count // 8, 4))
    boxes = things[rng.integers(0, len(things), count)] + rng.normal(0, 0.02, (count, 4))
    low, high = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:]) + 0.1
    return (unit * np.concatenate([low, high], 1)).astype(np.float32), rng.uniform(0, 1, count).astype(np.float32)


@pytest.mark.parametrize("unit", [1.0, 416.0], ids=["shares", "pixels"])
def test_from_the_best_down_each_place_is_one_that_no_better_one_lies_on(unit: float) -> None:
    boxes, scores = crowded(160, unit)
    expected: list[int] = []
    for place in sorted(range(len(boxes)), key=lambda place: -scores[place]):
        if np.all(iou_matrix(boxes[place][None], boxes[expected]) <= LOOSE_OVERLAP):
            expected.append(place)
    assert image_tokens.chosen_places(boxes, scores, 1000).tolist() == expected
    assert 20 < len(expected) < 120, "some were suppressed, and some were not"


def test_no_more_are_chosen_than_are_wanted_of_equal_ones_the_first_and_of_very_many_the_best() -> None:
    boxes, scores = crowded(160, 1.0)
    assert (
        image_tokens.chosen_places(boxes, scores, 7).tolist()
        == image_tokens.chosen_places(boxes, scores, 1000)[:7].tolist()
    )
    count = CONSIDERED + 200
    boxes = np.array([[10 * place, 0, 10 * place + 5, 5] for place in range(count)], np.float32)
    assert image_tokens.chosen_places(boxes[:50], np.full(50, 0.5, np.float32), 50).tolist() == list(range(50))
    scores = np.linspace(1, 0, count, dtype=np.float32)
    assert image_tokens.chosen_places(boxes, scores, count).tolist() == list(range(CONSIDERED))
    assert image_tokens.chosen_places(boxes[:0], scores[:0], 10).tolist() == []


def test_some_of_the_tokens_are_the_same_rows_of_each_part() -> None:
    rows = np.arange(5, dtype=np.float32)[:, None]
    tokens = ImageTokens(rows, rows + np.zeros(4, np.float32), rows + np.zeros(4, np.float32), rows)
    assert len(tokens[[3, 1]]) == 2
    assert all(part[:, 0].tolist() == [3, 1] for part in vars(tokens[[3, 1]]).values())


def test_the_embedded_detector_is_opened_by_its_name_and_others_are_refused(nanodet: NanoDetTokens) -> None:
    assert isinstance(image_tokens.open_tokens("nanodet"), NanoDetTokens) and len(nanodet.fingerprint) == 16
    assert nanodet.fingerprint in MODEL_FILE.with_name("PROVENANCE.md").read_text(encoding="utf-8")
    with pytest.raises(DetectorError, match="threads is 0"):
        NanoDetTokens(0)
    with pytest.raises(DetectorError, match="no model folder /no/such/detector"):
        image_tokens.open_tokens("/no/such/detector")
