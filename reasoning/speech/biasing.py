"""Words by a search that prefers phrases that are expected: contextual biasing by shallow fusion.

"Is Yerevan the capital of Azerbaijan?" is heard as "Is your man the capital of Amazon?" by a model that has hardly ever
met these names. Each token that goes on with an expected phrase has a bonus on its log-probability, which is taken back
where the phrase is left before its end (Zhao et al. 2019, "Shallow-Fusion End-to-End Contextual Biasing", section 2),
so that a beam keeps a name until it is whole.
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
    WhisperForConditionalGeneration,
)
from transformers.modeling_outputs import BaseModelOutput

from reasoning.graph.names import fold
from reasoning.speech.errors import SpeechError

BONUS = 2.0
"""Of each token, in nats; chosen on development questions. With 3 phrases are heard that nobody said."""

BEAMS = 8

NO_REPEAT = 6
"""Tokens in a row that are not said twice: a model may say for ever what it was told to expect. Fewer are said twice
in questions ("the countries that border the countries that border France")."""

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
    """Gives each token its bonus, for searches that add log-probabilities.

    After a phrase that was left the last token may begin another one; one that began before it is not seen.

    Args:
        phrases: token ids of each; the first begins a word.
        begins_word: bool, shape (tokens,): after which tokens a word has ended: those that begin another, signs, the
            end. A phrase that goes on as another word ("Mali" in "Malibu") was not said.
        start: how many tokens stand before what is said.
        bonus: in nats.
    """

    def __init__(
        self, phrases: Iterable[Sequence[int]], begins_word: torch.Tensor, start: int, bonus: float = BONUS
    ) -> None:
        self._root = Node()
        for phrase in phrases:
            node = self._root
            for token in phrase:
                node = node.next.setdefault(token, Node())
            node.ends = True
        self._begins_word, self._start, self._bonus = begins_word, start, bonus
        self._first = torch.tensor(list(self._root.next), dtype=torch.long, device=begins_word.device)

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Log-probabilities, shape (beams, tokens), after the bonus of the phrases that `input_ids` are in."""
        changed = cast(torch.FloatTensor, scores.clone())
        for row, said in zip(changed, input_ids[:, self._start :].tolist(), strict=True):
            node, owed = self._place(said)
            inside = list(node.next) if node is not self._root else []
            as_they_were = row[inside]
            if node.ends:
                row[~self._begins_word] -= owed
            else:
                row -= owed
            row[self._first] += self._bonus
            row[inside] = as_they_were + self._bonus
        return changed

    def _place(self, said: Sequence[int]) -> tuple[Node, float]:
        """Where the last tokens are in a phrase, and the bonus to be taken back where that is left."""
        node, owed = self._root, 0.0
        for token in said:
            if token not in node.next:
                node, owed = self._root, 0.0
            elif node.ends and self._begins_word[token]:
                owed = 0.0  # a phrase was said, whatever becomes of the longer one
            if token in node.next:
                node, owed = node.next[token], owed + self._bonus
        return node, owed


class BiasedSearch:
    """Writes what was said in a window with a Whisper model of transformers; safe to use from several threads.

    Args:
        model: writes the words; its encoder is not asked.
        tokenizer: the model's.
    """

    def __init__(self, model: WhisperForConditionalGeneration, tokenizer: Tokenizer) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._end = self._token("<|endoftext|>")
        self._texts = [tokenizer.decode([token]) for token in range(self._end)]
        begins = torch.ones(model.config.vocab_size, dtype=torch.bool, device=model.device)
        begins[: self._end] = torch.tensor([not text[:1].isalnum() for text in self._texts])
        self._begins_word = begins
        self._told = lru_cache(maxsize=2)(self._expectations)

    def hypotheses(self, encoded: torch.Tensor, language: str, phrases: tuple[str, ...], seconds: float) -> list[str]:
        """What was likely said, the likeliest first; of those that signs and capitals tell apart the first.

        Args:
            encoded: what the model's encoder gives for the window, shape (1, frames, width).
            language: the code of the language that is spoken.
            phrases: that are expected.
            seconds: how long the recording is.
        """
        bonus, never = self._told(language, phrases)
        prompt = self._prompt(language)
        settings: Any = GenerationConfig(  # type: ignore[no-untyped-call]
            num_beams=BEAMS, num_return_sequences=BEAMS,
            max_new_tokens=MOST_TOKENS_A_SECOND * math.ceil(seconds), no_repeat_ngram_size=NO_REPEAT,
            suppress_tokens=never, eos_token_id=self._end, pad_token_id=self._end, decoder_start_token_id=prompt[0],
        )  # fmt: skip
        with torch.inference_mode():
            # Whisper's own `generate` is for long recordings, and searches by rules of its own.
            found = GenerationMixin.generate(
                self._model,
                encoder_outputs=BaseModelOutput(encoded.to(self._model.device, self._model.dtype)),
                decoder_input_ids=torch.tensor([prompt], device=self._model.device),
                generation_config=settings,
                logits_processor=LogitsProcessorList([bonus]),
            )
        said = ([token for token in ids if token < self._end] for ids in found[:, len(prompt) :].tolist())
        texts: dict[str, str] = {}
        for ids in said:
            text = self._tokenizer.decode(ids).strip()
            texts.setdefault(fold(text), text)
        return list(texts.values())

    def _token(self, name: str) -> int:
        found = self._tokenizer.token_to_id(name)
        if found is None:
            raise SpeechError(f"the tokenizer knows no {name}, as Whisper's do")
        return found

    def _prompt(self, language: str) -> list[int]:
        """The tokens before what is said (Radford et al. 2022, figure 1); a model of English is told no language."""
        is_multilingual = self._model.config.vocab_size >= LEAST_TOKENS_OF_MULTILINGUAL
        told = [f"<|{language}|>", "<|transcribe|>"] if is_multilingual else []
        return [self._token(name) for name in ("<|startoftranscript|>", *told, "<|notimestamps|>")]

    def _expectations(self, language: str, phrases: tuple[str, ...]) -> tuple[PhraseBonus, list[int]]:
        """The bonus of the phrases, and the tokens that are not said in a language, unless they are in a phrase."""
        spaced = [f" {phrase}" for phrase in phrases]
        written = [one.ids for one in self._tokenizer.encode_batch(spaced, add_special_tokens=False)]
        in_phrases = {token for phrase in written for token in phrase}
        latin = "_Latn" in get_global("likely_subtags").get(language, "")
        silent = {token for token, text in enumerate(self._texts) if _is_silent(text, latin)}
        bonus = PhraseBonus(written, self._begins_word, len(self._prompt(language)))
        return bonus, [*silent - in_phrases, *range(self._end + 1, self._model.config.vocab_size)]


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
