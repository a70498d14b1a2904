"""Words by a search that prefers phrases that are expected: contextual biasing by shallow fusion.

"Is Yerevan the capital of Azerbaijan?" is heard as "Is your man the capital of Amazon?" by a model that has hardly ever
met these names. Each token that goes on with an expected phrase has a bonus on its log-probability, which is taken back
where the phrase is left before its end (Zhao et al. 2019, "Shallow-Fusion End-to-End Contextual Biasing", section 2),
so that a beam keeps a name until it is whole. A phrase has its bonus once: a search that gets it each time says the
same names until there is no more room. The beams say different words, and a text's score is its probability: the usual
mean over its tokens prefers long ones.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, cast

import torch
from babel.core import get_global
from tokenizers import Tokenizer
from transformers import (
    GenerationConfig,
    GenerationMixin,
    LogitsProcessor,
    LogitsProcessorList,
    NoRepeatNGramLogitsProcessor,
    WhisperForConditionalGeneration,
)
from transformers.modeling_outputs import BaseModelOutput

from reasoning.graph.names import fold
from reasoning.speech.agreeing import AgreeingDecoder
from reasoning.speech.errors import SpeechError
from reasoning.speech.model import Hypothesis
from reasoning.speech.topic import Topic

BONUS = 2.0
"""Of each token, in nats; chosen on development questions. With 3 phrases are heard that nobody said."""

BEAMS = 8

NO_REPEAT = 6
"""Tokens in a row that are not said twice: a model may say for ever what it was told to expect. Fewer are said twice
in questions ("the countries that border the countries that border France")."""

NEVER = -1e9
"""Log-probability of what is not said; of infinite ones transformers' search makes no numbers."""

MOST_TOKENS_A_SECOND = 8
"""Quick speakers say three words a second, names of several tokens among them."""

LEAST_TOKENS_OF_MULTILINGUAL = 51865
"""Whisper's models of English alone know one language less."""


@dataclass
class Node:
    """Where one is in the phrases.

    Attributes:
        next: nodes by the token that leads there.
        ends: whether a phrase ends here.
    """

    next: dict[int, Node] = field(default_factory=dict)
    ends: bool = False


class PhraseBonus(LogitsProcessor):
    """Gives each token its bonus, for searches that add log-probabilities; a phrase that was said before has none.

    After a phrase that was left the last token may begin another one; one that began before it is not seen.

    Args:
        phrases: token ids of each; the first begins a word.
        begins_word: bool, shape (tokens,): after which tokens a word has ended: those that begin another, signs, the
            end. A phrase that goes on as another word ("Mali" in "Malibu") was not said.
        bonus: in nats.
    """

    def __init__(self, phrases: Iterable[Sequence[int]], begins_word: torch.Tensor, bonus: float = BONUS) -> None:
        self._root = Node()
        for phrase in phrases:
            node = self._root
            for token in phrase:
                node = node.next.setdefault(token, Node())
            node.ends = True
        self._begins_word, self._bonus = begins_word, bonus
        self._first = torch.tensor(list(self._root.next), dtype=torch.long, device=begins_word.device)

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Log-probabilities, shape (beams, tokens), after the bonus of the phrases that `input_ids` are in."""
        changed = cast(torch.FloatTensor, scores.clone())
        for row, said in zip(changed, input_ids.tolist(), strict=True):
            node, owed, is_new = self._place(said)
            inside = list(node.next) if node is not self._root else []
            as_they_were = row[inside]
            if node.ends and is_new:
                row[~self._begins_word] -= owed
            else:
                row -= owed
            row[self._first] += self._bonus
            row[inside] = as_they_were + self._bonus
        return changed

    def _place(self, said: Sequence[int]) -> tuple[Node, float, bool]:
        """Where the last tokens are in a phrase, the bonus to be taken back where that is left, and whether what they
        say so far was not said before."""
        node, owed = self._root, 0.0
        before: set[int] = set()
        for token in said:
            ended = node.ends and bool(self._begins_word[token]) and id(node) not in before
            if ended:
                before.add(id(node))
            if token not in node.next:
                node, owed = self._root, 0.0
            elif ended:
                owed = 0.0  # a phrase was said, whatever becomes of the longer one
            if token in node.next:
                node, owed = node.next[token], owed + self._bonus
        return node, owed, id(node) not in before


class DistinctWords(LogitsProcessor):
    """Ends each beam that says the same words as a likelier one: signs and capitals tell no questions apart.

    Args:
        texts: of each token that may be said.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Log-probabilities, shape (beams, tokens), of beams that come likeliest first, as transformers has them."""
        left = cast(torch.FloatTensor, scores.clone())
        seen: set[tuple[str, tuple[int, ...]]] = set()
        for row, said in zip(left, input_ids.tolist(), strict=True):
            words = self._words(said)
            if said and words in seen:
                row[:] = NEVER
            seen.add(words)
        return left

    def _words(self, said: Sequence[int]) -> tuple[str, tuple[int, ...]]:
        """What was said, and the tokens of it that are only a part of a letter."""
        texts = [self._texts[token] for token in said]
        return fold("".join(texts)), tuple(token for token, text in zip(said, texts, strict=True) if "\ufffd" in text)


class SinceStart(LogitsProcessor):
    """Shows other processors only what is said: what was said before may be said again, and has no bonus.

    Args:
        processors: the other ones, one after another.
        start: how many tokens stand before what is said.
    """

    def __init__(self, processors: Iterable[LogitsProcessor], start: int) -> None:
        self._processors, self._start = LogitsProcessorList(processors), start

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """What the others make of log-probabilities, shape (beams, tokens)."""
        said = cast(torch.LongTensor, input_ids[:, self._start :])
        return cast(torch.FloatTensor, self._processors(said, scores))


class BiasedSearch:
    """Writes what was said in a recording with a Whisper model of transformers; safe to use from several threads.

    Args:
        model: writes the words; its encoder is not asked.
        tokenizer: the model's.
    """

    def __init__(self, model: WhisperForConditionalGeneration, tokenizer: Tokenizer) -> None:
        self._decoder, self._tokenizer = AgreeingDecoder(model), tokenizer
        self._end, self._room = self._token("<|endoftext|>"), model.config.max_target_positions
        self._texts = [tokenizer.decode([token]) for token in range(self._end)]
        begins = torch.ones(model.config.vocab_size, dtype=torch.bool, device=model.device)
        begins[: self._end] = torch.tensor([not text[:1].isalnum() for text in self._texts])
        self._begins_word = begins
        self._told = lru_cache(maxsize=4)(self._expectations)

    def hypotheses(self, encoded: torch.Tensor, language: str, topic: Topic, seconds: float) -> list[Hypothesis]:
        """What was likely said, the likeliest first; they differ in their words.

        Args:
            encoded: what the model's encoder gives for windows of one recording, shape (windows, frames, width).
            language: the code of the language that is spoken.
            topic: what is expected.
            seconds: how long the longest window is.
        """
        prompt, bonus, never = self._told(language, topic)
        said_once, distinct = NoRepeatNGramLogitsProcessor(NO_REPEAT), DistinctWords(self._texts)
        most = min(MOST_TOKENS_A_SECOND * math.ceil(seconds), self._room - len(prompt))
        settings: Any = GenerationConfig(  # type: ignore[no-untyped-call]
            num_beams=BEAMS, num_return_sequences=BEAMS, length_penalty=0.0, max_new_tokens=most,
            suppress_tokens=never, eos_token_id=self._end, pad_token_id=self._end,
            decoder_start_token_id=prompt[0], return_dict_in_generate=True, output_scores=True,
        )  # fmt: skip
        with torch.inference_mode():
            encoded = encoded.to(self._decoder.device, self._decoder.dtype)
            # Whisper's own `generate` is for long recordings, and searches by rules of its own.
            found: Any = GenerationMixin.generate(
                self._decoder,
                encoder_outputs=BaseModelOutput(cast(torch.FloatTensor, encoded[:1])),
                cache=self._decoder.cache(encoded, prompt[:-1], BEAMS),
                decoder_input_ids=torch.tensor([prompt], device=encoded.device),
                generation_config=settings,
                logits_processor=LogitsProcessorList([SinceStart([said_once, bonus, distinct], len(prompt))]),
            )
        likeliest: dict[str, Hypothesis] = {}
        for ids, score in zip(found.sequences[:, len(prompt) :].tolist(), found.sequences_scores.tolist(), strict=True):
            text = self._tokenizer.decode([token for token in ids if token < self._end]).strip()
            if text and score > NEVER / 2:  # others had not come to their end
                likeliest.setdefault(fold(text), Hypothesis(text, score))
        return list(likeliest.values())

    def _token(self, name: str) -> int:
        found = self._tokenizer.token_to_id(name)
        if found is None:
            raise SpeechError(f"the tokenizer knows no {name}, as Whisper's do")
        return found

    def _written(self, texts: list[str]) -> list[list[int]]:
        """The tokens of texts that go on after a space."""
        encoded = self._tokenizer.encode_batch([f" {text}" for text in texts], add_special_tokens=False)
        return [one.ids for one in encoded]

    def _prompt(self, language: str, before: str) -> list[int]:
        """The tokens before what is said (Radford et al. 2022, figure 1); a model of English is told no language."""
        is_multilingual = self._decoder.config.vocab_size >= LEAST_TOKENS_OF_MULTILINGUAL
        told = [f"<|{language}|>", "<|transcribe|>"] if is_multilingual else []
        start = [self._token(name) for name in ("<|startoftranscript|>", *told, "<|notimestamps|>")]
        if not before:
            return start
        most = self._room // 2 - len(start)  # the other half is for what is said
        return [*[self._token("<|startofprev|>"), *self._written([before])[0]][:most], *start]

    def _expectations(self, language: str, topic: Topic) -> tuple[list[int], PhraseBonus, list[int]]:
        """What stands before, the bonus of the phrases, and the tokens that are not said in a language unless they are
        in a phrase."""
        prompt, phrases = self._prompt(language, topic.before), self._written(list(topic.phrases))
        in_phrases = {token for phrase in phrases for token in phrase}
        latin = "_Latn" in get_global("likely_subtags").get(language, "")
        silent = {token for token, text in enumerate(self._texts) if _is_silent(text, latin)}
        never = [*silent - in_phrases, *range(self._end + 1, self._decoder.config.vocab_size)]
        return prompt, PhraseBonus(phrases, self._begins_word), never


_UNASKED = frozenset('!…;"“”')
"""Signs that a question does without, and that fill a beam with the same words."""


@cache
def _is_foreign(letter: str) -> bool:
    return letter.isalpha() and not unicodedata.name(letter, "").startswith("LATIN")


def _is_silent(text: str, latin: bool) -> bool:
    """Whether a token is a sign that nobody says, or of another script than the Latin where that is written."""
    return any(
        sign in _UNASKED or unicodedata.category(sign) in ("So", "Ps", "Pe") or (latin and _is_foreign(sign))
        for sign in text
    )
