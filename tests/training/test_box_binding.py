"""Texts that teach to bind: which words they hold, and what their slots are to say."""

import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from reasoning.lm.candidate_scoring import open_base
from training.box_binding import MOST_TOKENS_OF_A_NAME, Binding, BindingSlots, taught_words, untaught_words
from vision.classes.lexicon import COCO_CLASSES
from vision.decoder.network import NameVectors
from vision.decoder.vocabulary import BINS, DecoderTokens, Prompt

pytestmark = pytest.mark.slow


LOGITS = np.random.default_rng(0).normal(-4, 2, (60, 30)).astype(np.float32)
"""A picture's evidence, for other names than the detector's."""


class Listening:
    """Gives names their tokens, and keeps which names it was asked for."""

    def __init__(self, tokens: DecoderTokens) -> None:
        self._tokens = tokens
        self.heard: set[str] = set()

    def __call__(self, name: str) -> tuple[int, ...]:
        self.heard.add(name)
        return self._tokens.name(name)


@pytest.fixture(scope="module")
def vectors(model: Path) -> NameVectors:
    return NameVectors(open_base(str(model))[0].get_output_embeddings().weight)


@pytest.fixture(scope="module")
def listening(tokens: DecoderTokens) -> Listening:
    return Listening(tokens)


@pytest.fixture(scope="module")
def binding(listening: Listening, vectors: NameVectors) -> Binding:
    return Binding(listening, vectors, features=4, classes=80)


@pytest.fixture(scope="module")
def prompt(tokens: DecoderTokens) -> Prompt:
    return tokens.prompt(("dog", "oak", "traffic light", "whale"))


def test_an_untaught_word_means_a_class_of_coco_and_is_never_taught() -> None:
    words, taught = untaught_words(), taught_words()
    untaught, names = {*words}, {*taught.names}
    assert len(words) > 40 and {*words.values()} <= {*COCO_CLASSES} and not untaught & {*COCO_CLASSES}
    assert not any(untaught & {name, *others} for name, others in taught.related.items())
    assert not any(untaught & {name, *name.split()} for name in names), "no part of a taught one"
    spellings = {re.sub("[ '-]", "", name).removesuffix("s") for name in names}
    assert not {re.sub("[ '-]", "", word).removesuffix("s") for word in untaught} & spellings
    # Related words are taught ones and mean the like: a kind of it, another word for it.
    assert all(name not in others and {*others} <= names for name, others in taught.related.items())
    assert "corgi" in taught.related["dog"] and "dog" in taught.related["corgi"]
    assert "auto" in taught.related["car"] and "cat" not in taught.related["dog"]


def test_no_example_speaks_of_an_untaught_word(binding: Binding, listening: Listening, tokens: DecoderTokens) -> None:
    listening.heard.clear()
    asked: set[str] = set()
    for seed in range(20):
        rng = random.Random(seed)
        classes = binding.class_set(60, rng)
        asked.update(classes)
        binding.slots(tokens.prompt(classes), 25, rng)
        binding.borrowed(tokens.prompt(binding.class_set(10, rng)), LOGITS, rng)
    assert not {*untaught_words()} & (asked | listening.heard)
    assert len(asked) > 300 and listening.heard - asked, "some slots speak of what was not asked for"


def test_a_class_set_has_so_many_different_names_of_which_some_are_alike(
    binding: Binding, tokens: DecoderTokens
) -> None:
    related = taught_words().related
    for count in (1, 7, 120):
        classes = binding.class_set(count, random.Random(count))
        assert len(classes) == len(set(classes)) == count and {*classes} <= {*taught_words().names}
    assert any(other in classes for name in classes for other in related.get(name, ()))
    # Those drawn at random are short; the related ones beside them may be longer.
    names = {name for seed in range(50) for name in binding.class_set(7, random.Random(seed))}
    assert max(len(tokens.name(name)) for name in names) <= MOST_TOKENS_OF_A_NAME


def sampled(binding: Binding, prompt: Prompt, seed: int, count: int = 40) -> BindingSlots:
    return binding.slots(prompt, count, random.Random(seed))


@pytest.fixture(scope="module")
def directions(prompt: Prompt, tokens: DecoderTokens, vectors: NameVectors) -> torch.Tensor:
    """What stands for each class of the prompt, of length one."""
    return torch.nn.functional.normalize(vectors.of([tokens.name(name) for name in prompt.classes]))


def test_what_each_slot_is_to_say_is_one_together_some_surely_and_some_none(binding: Binding, prompt: Prompt) -> None:
    clear = binding.clear(prompt, 60, random.Random(0))
    for slots in (sampled(binding, prompt, 0, 60), clear, binding.borrowed(prompt, LOGITS, random.Random(0))):
        assert slots.shares.shape == (60, len(prompt.classes) + 1) and np.all(slots.shares >= 0)
        np.testing.assert_allclose(slots.shares.sum(1), 1, atol=1e-5)
    assert len(sampled(binding, prompt, 3, 1).vectors) == 1, "one may be noise alone"
    shares = sampled(binding, prompt, 0, 200).shares
    assert (shares[:, :-1].max(1) > 0.7).sum() > 10 and (shares[:, -1] == 1).sum() > 40


def test_the_same_seed_gives_the_same_and_another_others_with_boxes_that_are_told(
    binding: Binding, prompt: Prompt
) -> None:
    one, again, other = (sampled(binding, prompt, seed) for seed in (3, 3, 4))
    assert torch.equal(one.tokens.boxes, again.tokens.boxes) and np.array_equal(one.places, again.places)
    borrowed = (binding.borrowed(prompt, LOGITS, random.Random(seed)) for seed in (3, 3, 4))
    for first, second, third in ((one, again, other), borrowed):
        assert torch.equal(first.vectors, second.vectors) and np.array_equal(first.shares, second.shares)
        assert not torch.equal(first.vectors, third.vectors)
    boxes = one.tokens.boxes.numpy()
    assert np.all((boxes >= 0) & (boxes <= 1)) and np.all(boxes[:, :2] <= boxes[:, 2:])
    np.testing.assert_allclose(np.tile(one.tokens.cells[:, :2], 2) + one.places / BINS, boxes, atol=1e-5)


def test_a_clear_one_is_nearest_the_name_that_it_is_to_say_as_is_one_that_speaks_surely(
    binding: Binding, prompt: Prompt, directions: torch.Tensor
) -> None:
    slots = binding.clear(prompt, 60, random.Random(1))
    nearest = (slots.vectors @ directions.T).argmax(1)
    assert nearest.tolist() == slots.shares[:, :-1].argmax(1).tolist() and {*nearest.tolist()} == {0, 1, 2, 3}
    slots = binding.slots(prompt, 300, random.Random(1), related=False)
    sure = np.flatnonzero(slots.shares[:, :-1].max(1) > 0.8)
    nearest = (slots.vectors @ directions.T)[sure].argmax(1)
    assert len(sure) > 20 and (nearest.numpy() == slots.shares[sure, :-1].argmax(1)).mean() > 0.95


def test_a_class_may_be_spoken_of_by_a_related_word(
    binding: Binding, listening: Listening, tokens: DecoderTokens
) -> None:
    prompt = tokens.prompt(("dog",))
    dogs = {*taught_words().related["dog"]}
    heard: dict[bool, set[str]] = {}
    for related in (False, True):
        listening.heard.clear()
        for seed in range(4):
            binding.slots(prompt, 100, random.Random(seed), related)
        heard[related] = dogs & listening.heard
    assert len(heard[True]) > 10 and len(heard[False]) < 3


def test_where_the_picture_is_sure_of_one_thing_the_slot_says_a_class_or_none_by_what_stands_for_it(
    binding: Binding, prompt: Prompt, directions: torch.Tensor
) -> None:
    sure = np.full((30, 30), -9, np.float32)
    np.fill_diagonal(sure, 5)
    slots = binding.borrowed(prompt, sure, random.Random(1))
    alike = torch.nn.functional.normalize(slots.vectors) @ directions.T
    spoken = slots.shares[:, :-1].max(1) > 0.9
    assert 0 < spoken.sum() <= len(prompt.classes)
    assert alike[spoken].argmax(1).tolist() == slots.shares[spoken, :-1].argmax(1).tolist()
    assert float(alike[spoken].max(1).values.min()) > 0.9 > 0.6 > float(alike[~spoken].max())
    assert np.all(slots.shares[~spoken, -1] > 0.99)
