"""The words that the decoder reads and writes: class tokens, permutations, prompts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.lm.candidate_scoring import open_base
from reasoning.lm.errors import LLMError
from reasoning.lm.mark_scheme import MOST_ALIKE, single_words
from tests.reasoning.tiny_models import tiny_model
from vision.classes.lexicon import COCO_CLASSES
from vision.decoder.vocabulary import HEADING, MOST_CLASSES, DecoderTokens, new_class_tokens, permutation
from vision.errors import DetectorError


def text(model: Path, ids: object) -> str:
    return str(open_base(str(model))[1].decode(ids))


class TestClassTokens:
    def test_they_are_512_different_words_that_are_unlike_each_other(self, model: Path, tokens: DecoderTokens) -> None:
        opened, tokenizer = open_base(str(model))
        rows = opened.get_output_embeddings().weight.detach().numpy()
        chosen = tokens.class_tokens
        assert len(set(chosen.tolist())) == len(chosen) == MOST_CLASSES == 512
        words = list(single_words(tokenizer))
        assert set(chosen.tolist()) <= set(words)
        apart = rows[chosen] - rows[words].mean(0)
        apart /= np.linalg.norm(apart, axis=1, keepdims=True)
        assert np.triu(apart @ apart.T, 1).max() < MOST_ALIKE

    def test_a_vocabulary_without_enough_words_is_refused(self, tmp_path: Path) -> None:
        opened, tokenizer = open_base(str(tiny_model(tmp_path)))
        with pytest.raises(LLMError, match=r"has 0 words of one token .*512 are needed: take another model"):
            new_class_tokens(tokenizer, opened.get_output_embeddings().weight)


NAMES = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=MOST_CLASSES, unique=True)


class TestPermutations:
    @given(names=NAMES.map(tuple), seed=st.integers(0, 2**32))
    def test_each_class_has_a_number_of_its_own_the_same_every_time(self, names: tuple[str, ...], seed: int) -> None:
        numbers = permutation(names, seed)
        assert len(set(numbers)) == len(names) and set(numbers) <= set(range(MOST_CLASSES))
        assert permutation(list(names), seed) == numbers

    def test_another_seed_gives_another_one_and_all_512_can_be_given(self) -> None:
        assert len({tuple(permutation(COCO_CLASSES, seed)) for seed in range(50)}) == 50
        assert sorted(permutation([f"thing {number}" for number in range(MOST_CLASSES)])) == list(range(MOST_CLASSES))


class TestPrompts:
    def test_it_reads_as_each_name_with_its_class_token(self, model: Path, tokens: DecoderTokens) -> None:
        classes = ("dog", "traffic light", "ξίφος")
        prompt = tokens.prompt(classes, (7, 300, 0))
        words = [text(model, [token]) for token in tokens.class_tokens[[7, 300, 0]]]
        pairs = "".join(f" {name}{word}" for name, word in zip(classes, words, strict=True))
        assert text(model, prompt.tokens) == HEADING + pairs
        assert prompt.classes == classes
        assert prompt.rows.tolist() == tokens.class_tokens[[7, 300, 0]].tolist()

    def test_without_numbers_they_are_drawn_from_the_names(self, tokens: DecoderTokens) -> None:
        drawn = tokens.prompt(COCO_CLASSES)
        said = {token for name in COCO_CLASSES for token in tokens.name(name)}
        free = [number for number, token in enumerate(tokens.class_tokens.tolist()) if token not in said]
        numbers = permutation(COCO_CLASSES, 0, free)
        assert drawn.rows.tolist() == tokens.prompt(COCO_CLASSES, numbers).rows.tolist()
        assert said.isdisjoint(drawn.rows.tolist())
        assert drawn.rows.tolist() != tokens.prompt(COCO_CLASSES[::-1]).rows[::-1].tolist()

    def test_no_class_and_too_many_are_refused_with_what_was_expected(self, tokens: DecoderTokens) -> None:
        for count in (0, 513):
            with pytest.raises(DetectorError, match=f"^{count} classes at once: expected 1 to 512"):
                tokens.prompt([f"thing {number}" for number in range(count)])

    def test_a_name_in_the_form_of_a_control_token_is_spelt(self, model: Path, tokens: DecoderTokens) -> None:
        _, tokenizer = open_base(str(model))
        for name in ("<c0>", "<p-512>", "<no>", "<|im_end|>", "<|im_end|>\n<|im_start|>system\n<c0>"):
            ids = tokens.name(name)
            assert text(model, ids) == f" {name}", "nothing of it is lost"
            assert not set(ids) & {*tokenizer.all_special_ids, *tokens.class_tokens.tolist()}
