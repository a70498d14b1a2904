"""Beam search for a transcript that prefers the graph's names, over several tempos at once.

"Is Yerevan the capital of Azerbaijan?" is heard as "Is your man the capital of Amazon?" by a model that has hardly
ever met these names. Each token that goes on with an expected phrase has a bonus on its log-probability, which is
taken back where the phrase is left before its end (contextual biasing by shallow fusion: Zhao et al. 2019,
"Shallow-Fusion End-to-End Contextual Biasing", section 2). A phrase has its bonus once: a search that gets it each
time says the same names until there is no more room. The beams say different words, and a text's score is its
probability: the usual mean over its tokens prefers long ones.

A small model mishears one word at one tempo and another at another. Searched at once, the windows keep a beam that
none would have kept by itself. CTranslate2 writes a text in one call and lets nobody look at its choices, so the
decoder of its file (version 6 of `ctranslate2.specs.model_spec`) is read into transformers; the encoder stays with
CTranslate2, which runs it in 8 bits.
"""

from __future__ import annotations

import math
import mmap
import re
import struct
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from babel.core import get_global
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import (
    AttentionInterface,
    AttentionMaskInterface,
    DynamicCache,
    EncoderDecoderCache,
    GenerationConfig,
    GenerationMixin,
    LogitsProcessor,
    LogitsProcessorList,
    NoRepeatNGramLogitsProcessor,
    WhisperConfig,
    WhisperForConditionalGeneration,
)
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

from reasoning.graph.names import fold
from reasoning.speech.audio import SpeechError
from reasoning.speech.model import Hypothesis, Topic

VERSION = 6
"""Of the file."""

_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
"""By their number in the file; bfloat16 is 5, which numpy lacks."""


def whisper_decoder(file: Path) -> WhisperForConditionalGeneration:
    """A Whisper model of transformers in float32 with the decoder of a `model.bin`, and an encoder without a layer; a
    SpeechError where the file is another version's or damaged, or its weights are of a type that is not read."""
    try:
        return _decoder(_arrays(file))
    except MemoryError as error:
        raise SpeechError(f"the words of {file} do not fit into this machine's memory") from error
    except (OSError, ValueError, KeyError, IndexError, RuntimeError, struct.error) as error:
        problem = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise SpeechError(f"{file} holds no weights of CTranslate2's version {VERSION}: {problem}") from error


def _decoder(arrays: dict[str, NDArray[np.generic]]) -> WhisperForConditionalGeneration:
    wide = arrays["decoder/embeddings/weight"]
    layers = len({name.split("/")[1] for name in arrays if re.match(r"decoder/layer_\d", name)})
    heads = int(arrays["decoder/num_heads"])
    config = WhisperConfig(
        vocab_size=wide.shape[0], d_model=wide.shape[1], decoder_layers=layers, decoder_attention_heads=heads,
        decoder_ffn_dim=arrays["decoder/layer_0/ffn/linear_0/weight"].shape[0],
        max_target_positions=arrays["decoder/position_encodings/encodings"].shape[0],
        encoder_layers=0, encoder_attention_heads=heads, encoder_ffn_dim=1,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    weights = dict(_renamed(arrays, layers))
    if damaged := [name for name, weight in weights.items() if not np.issubdtype(weight.dtype, np.floating)]:
        raise ValueError(f"{damaged[0]} holds no floats; convert the model with float16")
    state = {name: torch.from_numpy(weight.astype(np.float32)) for name, weight in weights.items()}
    missing = model.load_state_dict(state, strict=False).missing_keys
    if lacking := [name for name in missing if ".encoder." not in name and name != "proj_out.weight"]:
        raise KeyError(lacking[0])
    model.tie_weights()
    model.train(False)
    return model


def _arrays(file: Path) -> dict[str, NDArray[np.generic]]:
    """The named arrays of a file, as they lie there."""
    arrays: dict[str, NDArray[np.generic]] = {}
    with file.open("rb") as opened:
        content = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    place = 0

    def number(form: str) -> int:
        nonlocal place
        (value,) = struct.unpack_from(f"<{form}", content, place)
        place += struct.calcsize(form)
        return int(value)

    def text() -> str:
        nonlocal place
        length = number("H")
        place += length
        return content[place - length : place - 1].decode()  # a zero ends it

    if (version := number("I")) != VERSION:
        raise ValueError(f"it is of version {version}")
    kind = text()
    if kind != "WhisperSpec":
        raise ValueError(f"it is a {kind}, not a WhisperSpec")
    number("I")  # the kind's own version
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        if (kind_of_number := number("B")) not in _TYPES:
            raise ValueError(f"{name} holds numbers of type {kind_of_number}; convert the model with float16")
        dtype, length = np.dtype(_TYPES[kind_of_number]), number("I")
        arrays[name] = np.frombuffer(content, dtype, length // dtype.itemsize, place).reshape(shape)
        place += length
    for _ in range(number("I")):  # arrays that are alike are kept once
        alias, name = text(), text()
        arrays[alias] = arrays[name]
    return arrays


def _renamed(arrays: dict[str, NDArray[np.generic]], layers: int) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """The decoder's arrays by transformers' names; CTranslate2 keeps queries, keys and values of one input together."""

    def norm(source: str, target: str) -> Iterator[tuple[str, NDArray[np.generic]]]:
        yield f"{target}.weight", arrays[f"decoder/{source}/gamma"]
        yield f"{target}.bias", arrays[f"decoder/{source}/beta"]

    def linear(source: str, *targets: str) -> Iterator[tuple[str, NDArray[np.generic]]]:
        weights = np.split(arrays[f"decoder/{source}/weight"], len(targets))
        biases = np.split(arrays[f"decoder/{source}/bias"], len(targets))
        for target, weight, bias in zip(targets, weights, biases, strict=True):
            yield f"{target}.weight", weight
            if not target.endswith("k_proj"):  # Whisper's keys have no bias
                yield f"{target}.bias", bias

    yield "model.decoder.embed_tokens.weight", arrays["decoder/embeddings/weight"]
    yield "model.decoder.embed_positions.weight", arrays["decoder/position_encodings/encodings"]
    yield from norm("layer_norm", "model.decoder.layer_norm")
    for number in range(layers):
        source, target = f"layer_{number}", f"model.decoder.layers.{number}"
        own, other = f"{target}.self_attn", f"{target}.encoder_attn"
        yield from norm(f"{source}/self_attention/layer_norm", f"{own}_layer_norm")
        yield from linear(f"{source}/self_attention/linear_0", f"{own}.q_proj", f"{own}.k_proj", f"{own}.v_proj")
        yield from linear(f"{source}/self_attention/linear_1", f"{own}.out_proj")
        yield from norm(f"{source}/attention/layer_norm", f"{other}_layer_norm")
        yield from linear(f"{source}/attention/linear_0", f"{other}.q_proj")
        yield from linear(f"{source}/attention/linear_1", f"{other}.k_proj", f"{other}.v_proj")
        yield from linear(f"{source}/attention/linear_2", f"{other}.out_proj")
        yield from norm(f"{source}/ffn/layer_norm", f"{target}.final_layer_norm")
        yield from linear(f"{source}/ffn/linear_0", f"{target}.fc1")
        yield from linear(f"{source}/ffn/linear_1", f"{target}.fc2")


def attend_by_window(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Attention in which all beams of a window, which stand together in the query, shape (windows * beams, heads,
    tokens, width), share its keys and values, shape (windows, heads, frames, width), which are held once."""
    beams, tokens = len(query) // len(key), query.shape[2]
    _, heads, _, width = query.shape
    of_window = query.view(-1, beams, heads, tokens, width).transpose(1, 2).flatten(2, 3)
    attended, _ = sdpa_attention_forward(module, of_window, key, value, attention_mask, **options)
    return attended.reshape(len(query), tokens, heads, width), None


BY_WINDOW = "by_window"
AttentionInterface.register(BY_WINDOW, attend_by_window)
AttentionMaskInterface.register(BY_WINDOW, sdpa_mask)


class WrittenOfWindows(DynamicCache):
    """Keys and values of what the beams say, as each window has them."""

    def __init__(self, windows: int, beams: int) -> None:
        super().__init__()
        self._starts = beams * torch.arange(windows)[:, None]

    def reorder_cache(self, beam_idx: torch.LongTensor) -> None:
        """Have the beams that go on, shape (beams,), in all windows."""
        rows = (self._starts.to(beam_idx.device) + beam_idx).flatten()
        super().reorder_cache(cast(torch.LongTensor, rows))


class Attended(DynamicCache):
    """Keys and values of the windows, which are the same whichever beams go on."""

    def reorder_cache(self, beam_idx: torch.LongTensor) -> None:
        """Leave them as they are."""


class AgreeingDecoder(WhisperForConditionalGeneration):  # type: ignore[no-untyped-call]
    """Writes what several windows say, which are one recording at several tempos.

    A token's log-probability is the mean over the windows, normalised anew (the product of experts of Hinton 1999), so
    that words are found which are likely at every tempo: what is misheard differs from one to another.

    Args:
        model: its decoder writes; the weights are shared.
    """

    def __init__(self, model: WhisperForConditionalGeneration) -> None:
        super(WhisperForConditionalGeneration, self).__init__(model.config)  # which builds no other weights
        self.model, self.proj_out = model.model, model.proj_out
        self.generation_config = model.generation_config
        self.set_attn_implementation(BY_WINDOW)

    def cache(self, encoded: torch.Tensor, before: Sequence[int], beams: int) -> EncoderDecoderCache:
        """What so many beams go on from: keys and values of the windows, shape (windows, frames, width), and of tokens
        that stand before, for each beam."""
        attended, written = Attended(), WrittenOfWindows(len(encoded), beams)
        for number, layer in enumerate(self.model.decoder.layers):
            attention = layer.encoder_attn
            keys, values = (
                of(encoded).unflatten(-1, (attention.num_heads, attention.head_dim)).transpose(1, 2)
                for of in (attention.k_proj, attention.v_proj)
            )
            attended.update(keys, values, number)
        both = EncoderDecoderCache(written, attended)
        tokens = torch.tensor([before], device=encoded.device).expand(len(encoded), -1)
        self.model.decoder(input_ids=tokens, encoder_hidden_states=encoded, cache=both, use_cache=True)
        written.batch_repeat_interleave(beams)
        return both

    def forward(
        self,
        decoder_input_ids: torch.LongTensor,
        encoder_outputs: BaseModelOutput,
        cache: EncoderDecoderCache,
        **_: Any,
    ) -> Seq2SeqLMOutput:
        """The logits of the next token, shape (beams, 1, tokens), after what was said, shape (beams, said); all of that
        but the last token is in the cache."""
        attended: Any = cache.cross_attention_cache.layers[0]
        windows = len(attended.keys)
        hidden = self.model.decoder(
            input_ids=decoder_input_ids[:, -1:].repeat(windows, 1),
            encoder_hidden_states=encoder_outputs.last_hidden_state,
            cache=cache,
            use_cache=True,
        ).last_hidden_state
        # The output is linear: of the mean state it gives the mean logits, which differ from the mean log-probabilities
        # by what is the same for all tokens.
        agreed = self.proj_out(hidden.unflatten(0, (windows, -1)).mean(0)).float()
        return Seq2SeqLMOutput(logits=cast(torch.FloatTensor, agreed), cache=cache)


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
    """Where one is in the phrases: the `next` nodes by their token, and whether a phrase `ends` here."""

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
    """Ends each beam that says the same words as a likelier one: signs and capitals tell no questions apart."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Log-probabilities, shape (beams, tokens), of beams that come likeliest first, as transformers has them."""
        left = cast(torch.FloatTensor, scores.clone())
        seen: set[tuple[str, tuple[int, ...]]] = set()
        for row, said in zip(left, input_ids.tolist(), strict=True):
            texts = [self._texts[token] for token in said]
            parts = tuple(token for token, text in zip(said, texts, strict=True) if "\ufffd" in text)  # of a letter
            words = fold("".join(texts)), parts
            if said and words in seen:
                row[:] = NEVER
            seen.add(words)
        return left


class SinceStart(LogitsProcessor):
    """Shows other processors only what is said from `start` on: what was said before may be said again, and has no
    bonus."""

    def __init__(self, processors: Iterable[LogitsProcessor], start: int) -> None:
        self._processors, self._start = LogitsProcessorList(processors), start

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """What the others make of log-probabilities, shape (beams, tokens)."""
        said = cast(torch.LongTensor, input_ids[:, self._start :])
        return cast(torch.FloatTensor, self._processors(said, scores))


class BiasedSearch:
    """Writes what was said in a recording with a Whisper model of transformers; safe to use from several threads."""

    def __init__(self, model: WhisperForConditionalGeneration, tokenizer: Tokenizer) -> None:
        self._decoder, self._tokenizer = AgreeingDecoder(model), tokenizer
        self._end, self._room = self._token("<|endoftext|>"), model.config.max_target_positions
        self._texts = [tokenizer.decode([token]) for token in range(self._end)]
        begins = torch.ones(model.config.vocab_size, dtype=torch.bool, device=model.device)
        begins[: self._end] = torch.tensor([not text[:1].isalnum() for text in self._texts])
        self._begins_word = begins
        self._told = lru_cache(maxsize=4)(self._expectations)

    def hypotheses(self, encoded: torch.Tensor, language: str, topic: Topic, seconds: float) -> list[Hypothesis]:
        """What was likely said in windows of one recording, encoded to shape (windows, frames, width), the longest of
        so many seconds; the likeliest first, and they differ in their words."""
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
