"""Detectors that are asked for phrases: one exact label a box, whatever the set, its order and its length."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vision.tiny_vision_models import CLASSES, Shelf, picture
from vision.detectors.detector import Detector, Request
from vision.detectors.transformers_models.batches import Phrase, as_phrases, chunked, without_repeats
from vision.detectors.transformers_models.zero_shot import Owl

pytestmark = pytest.mark.slow

KINDS = ["grounding-dino", "mm-grounding-dino", "owlvit", "owlv2"]
MANY = tuple(f"{one} {two}" for one in ("cat", "dog", "bus", "hot") for two in ("a", "light", "bus", "q", "zz"))
"""Twenty phrases, beyond the text limit of 40 tokens that the tiny models have."""


@pytest.fixture(params=KINDS)
def detector(request: pytest.FixtureRequest, shelf: Shelf) -> Detector:
    opened: Detector = shelf.opened(request.param)
    return opened


def test_what_cannot_be_asked_is_said_and_the_others_are_asked(detector: Detector) -> None:
    (found,) = detector.detect([picture(90, 60)], Request(("dog", "<>", "  ")))
    assert set(found.labels) == {"dog"}
    assert len(found.notes) == 2 and all("no word" in note for note in found.notes)
    long = "dog " * 50
    (found,) = detector.detect([picture(90, 60)], Request((long,)))
    assert set(found.labels) == {long} and any("reads only" in note for note in found.notes)
    (found,) = detector.detect([picture(90, 60)], Request(CLASSES))
    assert not found.notes and detector.vocabulary is None
    # Signs of the model's own language are words like others.
    classes = ("cat <|endoftext|> dog", "[SEP] bus", "st. bernard?")
    (found,) = detector.detect([picture(90, 60)], Request(classes))
    assert found.labels and set(found.labels) <= set(classes)


@pytest.mark.parametrize("kind", ["grounding-dino", "mm-grounding-dino"])
def test_a_score_is_the_mean_over_the_phrases_own_tokens(shelf: Shelf, kind: str) -> None:
    """Against transformers' own processor, with the tokens found by their places in the text."""
    import torch

    detector: Any = shelf.opened(kind)
    image, phrases = picture(90, 60), sorted(CLASSES)
    inputs = detector.processor(images=[image.pixels], text=[phrases], return_tensors="pt")
    with torch.inference_mode():
        outputs = detector.model(**inputs)
    text = ". ".join(phrases) + "."
    places = detector.processor.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    columns = []
    for phrase in phrases:
        start = text.index(phrase)
        own = [token for token, (a, b) in enumerate(places) if b > a >= start and b <= start + len(phrase)]
        columns.append(outputs.logits[0, :, own].sigmoid().mean(-1))
    scores, best = torch.stack(columns, -1).max(-1)
    (found,) = detector.detect([image], Request(CLASSES))
    centre, half = outputs.pred_boxes[0, :, :2].numpy(), outputs.pred_boxes[0, :, 2:].numpy() / 2
    corners = np.concatenate([centre - half, centre + half], axis=1) * [90, 60, 90, 60]
    corners = np.clip(corners, 0, [90, 60, 90, 60])
    assert len(found.labels) == int((corners[:, 2:] > corners[:, :2]).all(axis=1).sum())
    assert found.scores is not None
    for xyxy, score, label in zip(found.xyxy, found.scores, found.labels, strict=True):
        query = int(np.abs(corners - xyxy).max(axis=1).argmin())
        np.testing.assert_allclose(xyxy, corners[query], atol=1e-2)
        np.testing.assert_allclose(score, scores[query], atol=1e-5)
        assert label == phrases[int(best[query])]


def test_spellings_that_are_one_to_the_model_or_none_are_said(shelf: Shelf) -> None:
    for other, label, said in (("Dog", "Dog", "'dog' is the same to the model as"), ("\u72ac", "dog", "cannot read")):
        (found,) = shelf.opened("grounding-dino").detect([picture(90, 60)], Request(("dog", other)))
        assert set(found.labels) == {label} and any(said in note for note in found.notes)


def test_a_long_set_takes_several_passes_and_a_phrase_with_a_stop_stays_one(shelf: Shelf, monkeypatch: Any) -> None:
    detector = shelf.opened("grounding-dino")
    seen: list[Any] = []
    look = detector.model.forward
    monkeypatch.setattr(
        detector.model, "forward", lambda **inputs: seen.append(inputs["input_ids"][0]) or look(**inputs)
    )
    detector.detect([picture(90, 60)], Request(MANY))
    assert 1 < len(seen) < len(MANY), "many classes a pass, but not all"
    assert max(map(len, seen)) <= detector.config.max_text_len
    seen.clear()
    detector.detect([picture(90, 60)], Request(("st. bernard?", "[SEP] cat", "dog")))
    (ids,) = seen
    stop, first, end, question = 1012, 101, 102, 1029
    assert [int((ids == sign).sum()) for sign in (stop, first, end, question)] == [3, 1, 1, 0]


@pytest.mark.parametrize("kind", ["owlvit", "owlv2"])
def test_owl_agrees_with_the_model_as_a_whole_and_the_librarys_boxes(shelf: Shelf, kind: str) -> None:
    import torch

    detector, phrases = shelf.opened(kind), sorted(CLASSES)
    for width, height in ((90, 60), (40, 120)):
        image, texts = picture(width, height), [[f"a photo of a {phrase}" for phrase in phrases]]
        inputs = detector.processor(images=[image.pixels], text=texts, return_tensors="pt", truncation=True)
        with torch.inference_mode():
            outputs = detector.model(**inputs)
        theirs = detector.processor.image_processor.post_process_object_detection(
            outputs, threshold=0.0, target_sizes=[(height, width)]
        )[0]
        (found,) = detector.detect([image], Request(CLASSES))
        order = theirs["scores"].argsort(descending=True)
        boxes = np.minimum(theirs["boxes"][order].clamp(min=0).numpy(), [width, height, width, height])
        solid = (boxes[:, 2:] > boxes[:, :2]).all(1)
        np.testing.assert_allclose(found.scores, theirs["scores"][order].numpy()[solid], atol=1e-5)
        np.testing.assert_allclose(found.xyxy, boxes[solid], atol=1e-2)
        assert found.labels == tuple(phrases[number] for number in theirs["labels"][order].numpy()[solid])


@pytest.mark.parametrize("kind", ["owlvit", "owlv2"])
def test_phrases_in_portions_give_what_they_give_at_once(shelf: Shelf, kind: str, monkeypatch: Any) -> None:
    detector: Any = shelf.opened(kind)
    image = picture(90, 60)
    (at_once,) = detector.detect([image], Request(MANY))
    looks = []
    look = detector.model.image_embedder
    monkeypatch.setattr(detector.model, "image_embedder", lambda **inputs: looks.append(1) or look(**inputs))
    monkeypatch.setattr(Owl, "TEXTS", 3)
    (in_portions,) = detector.detect([image], Request(MANY))
    assert at_once.labels == in_portions.labels and len(looks) == 1
    np.testing.assert_allclose(at_once.scores, in_portions.scores, atol=1e-4)
    np.testing.assert_allclose(at_once.xyxy, in_portions.xyxy, atol=1e-2)


@given(st.lists(st.text(max_size=12), max_size=12))
def test_phrases_do_not_hang_on_the_order_and_lose_no_class_unsaid(classes: list[str]) -> None:
    phrases, notes = as_phrases(classes)
    assert as_phrases(classes[::-1]) == (phrases, notes)
    assert {phrase.label for phrase in phrases} <= set(classes)
    assert len(phrases) + len(notes) == len(set(classes))
    assert len({phrase.text for phrase in phrases}) == len(phrases)
    assert all(phrase.text.strip() and not set(phrase.text) & set("<>\n\r\t\x00") for phrase in phrases)


@given(st.lists(st.integers(1, 30), max_size=20), st.integers(1, 40))
def test_portions_hold_each_phrase_once_in_order_and_as_many_as_fit(lengths: list[int], limit: int) -> None:
    phrases = [Phrase(str(number), str(number)) for number in range(len(lengths))]
    runs = chunked(phrases, lengths, limit)
    assert [place for run in runs for place in run] == list(range(len(lengths)))
    sizes = [sum(lengths[place] for place in run) for run in runs]
    assert all(size <= limit or len(run) == 1 for size, run in zip(sizes, runs, strict=True))
    assert all(size + lengths[after[0]] > limit for size, (_, after) in zip(sizes, pairwise(runs), strict=False))


def test_of_several_passes_the_best_answer_keeps_an_object() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 10], [20, 0, 30, 10], [0, 0, 5, 10]], np.float32)
    scores = np.array([0.5, 0.9, 0.4, 0.3, 0.8], np.float32)
    passes = np.array([0, 1, 1, 1, 0])
    assert without_repeats(boxes, scores, passes, 0.7).tolist() == [1, 2, 3, 4], "boxes of one pass stay side by side"
    assert without_repeats(boxes, scores, np.zeros(5, np.int64), 0.7).tolist() == [0, 1, 2, 3, 4]
