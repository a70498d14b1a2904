"""Generation held to a grammar: the likeliest texts with their probabilities, and what they parse to.

The likeliest token is followed to the end; then, where another token was nearly as likely, the text that goes on with
it, the best such place first. A sure text costs one run, and what many prompts share at their beginning is read once.
Tokens that the grammar leaves no choice about are read together with the one before. What several threads have to
read next is read in one pass, and what was written of late is remembered.
"""

from __future__ import annotations

import heapq
import itertools
import json
import math
import threading
from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from cachetools import LRUCache, cachedmethod
from numpy.typing import NDArray

from reasoning.lm.constraint import Constraint, Spelling, read_spelling
from reasoning.lm.decoding import SharedPasses
from reasoning.lm.errors import LLMError, need_packages
from reasoning.lm.local_weights import find_weights, model_name, open_model
from reasoning.lm.low_rank import lower_layers, merge_adapter, rows_fingerprint


@dataclass(frozen=True)
class Layout:
    """Where the parts of a row of tokens lie.

    Attributes:
        begun: tokens of the shared beginning.
        segments: how many stand behind it.
        longest: tokens of the longest.
        cells: int64, shape (segments * longest,): the row's token of each cell of a table of segments; a short
            segment repeats its last token.
        rows: int64, shape (tokens behind the beginning,): each such token's cell.
        later: bool, shape (longest, longest): which places of a segment each of its places does not see.
        later_begun: the same of the beginning, shape (begun, begun).
    """

    begun: int
    segments: int
    longest: int
    cells: Any
    rows: Any
    later: Any
    later_begun: Any

    @classmethod
    def of(cls, begun: int, lengths: Sequence[int], device: Any = "cpu", unseen: Any = None) -> Layout:
        """The layout behind a shared beginning of segments of these lengths; `unseen` tells which places each of a
        segment's does not see, None those behind it."""
        import torch

        longest = max(lengths)
        steps = torch.arange(longest)
        sizes = torch.tensor(lengths)
        starts = begun + torch.cumsum(sizes, 0) - sizes
        cells = (starts[:, None] + torch.minimum(steps[None], sizes[:, None] - 1)).flatten()
        rows = torch.nonzero((steps[None] < sizes[:, None]).flatten()).flatten()
        parts = (cells, rows, _upper(longest) if unseen is None else unseen, _upper(begun))
        return cls(begun, len(lengths), longest, *(part.to(device) for part in parts))


def _upper(size: int) -> Any:
    import torch

    return torch.ones(size, size, dtype=torch.bool).triu(1)


WRITING_FILE = "writing.json"

FORMAT = 1
"""Of `writing.json`."""


@dataclass(frozen=True)
class Writing:
    """How an adapter is used.

    Attributes:
        job: what it writes: an adapter of another job is refused.
        layers: how many of the model's layers are used.
        base: fingerprint of the model that it was taught on.
        temperature: divides the logits, so that the probabilities are calibrated (Guo et al. 2017, arXiv 1706.04599).
        format: of the file.
    """

    job: str
    layers: int
    base: str
    temperature: float = 1.0
    format: int = FORMAT

    @classmethod
    def read(cls, folder: Path, job: str) -> Writing:
        """From an adapter's folder; an LLMError where it holds no adapter of this job, a damaged one, or one of a newer
        form."""
        try:
            stored = cls(**json.loads((folder / WRITING_FILE).read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise LLMError(f"{folder} holds no adapter that writes {job}: it has no {WRITING_FILE}") from None
        except (OSError, ValueError, TypeError) as error:
            raise LLMError(f"{folder} holds no adapter that writes {job} ({type(error).__name__}: {error})") from error
        if stored.format > FORMAT:
            raise LLMError(f"{folder} has form {stored.format}, and this version reads adapters up to form {FORMAT}: "
                           f"install a newer version, or teach it again")  # fmt: skip
        if stored.job != job:
            raise LLMError(f"{folder} holds an adapter that writes {stored.job}, not {job}")
        return stored

    def write(self, folder: Path) -> None:
        """Into an adapter's folder."""
        (folder / WRITING_FILE).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


FINGERPRINT_ROWS = range(64, 192)
"""Rows of the head by which a base model is known."""


class WriterTokens:
    """Texts and pieces as token ids of a model's tokenizer."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._pieces: dict[str, tuple[int, ...]] = {}
        self.end = int(tokenizer.eos_token_id)

    @cached_property
    def spelling(self) -> Spelling:
        """What the tokens spell, for constraints."""
        return read_spelling(self._tokenizer, [self.end])

    def text(self, text: str) -> NDArray[np.int64]:
        """A text, which no control token of the model can be written into."""
        ids = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return np.array(ids, dtype=np.int64)

    def piece(self, piece: str) -> tuple[int, ...]:
        """A piece of a reply; nearly all are one token."""
        if piece not in self._pieces:
            self._pieces[piece] = tuple(self._tokenizer(piece, add_special_tokens=False)["input_ids"])
        return self._pieces[piece]

    def reply(self, pieces: Iterable[str]) -> NDArray[np.int64]:
        """A whole reply with its end."""
        return np.array([token for piece in pieces for token in self.piece(piece)] + [self.end], dtype=np.int64)

    def decode(self, tokens: Iterable[int]) -> str:
        """Tokens of a reply as text."""
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True))


@dataclass
class Writer:
    """A model that writes: the transformer without its head (while it is taught, with PEFT's layers), and its output
    embedding."""

    decoder: Any
    head: Any
    tokens: WriterTokens
    writing: Writing


def load_writer(folder: Path, job: str, source: str | None = None, dtype: str = "bfloat16") -> Writer:
    """A taught writer, its adapter merged into the weights; an LLMError where either is damaged, or they do not belong
    together."""
    need_packages("A model with an adapter", "torch", "transformers")
    writing = Writing.read(folder, job)
    model, tokenizer = open_model(find_weights(source), model_name(source), dtype=dtype)
    check_writing(writing, rows_fingerprint(model, FINGERPRINT_ROWS), folder)
    decoder = merge_adapter(lower_layers(model, writing.layers).requires_grad_(False), folder)
    return Writer(decoder, model.get_output_embeddings(), WriterTokens(tokenizer), writing)


def check_writing(writing: Writing, base: str, folder: Path) -> Writing:
    """The same, where it was taught on a base model with this fingerprint; else an LLMError."""
    if writing.base != base:
        raise LLMError(
            f"The adapter {folder} was taught on another base model (fingerprint {writing.base}) than this one "
            f"({base}): take that model, or teach an adapter on this one"
        )
    return writing


MOST_BEGINNINGS = 8
"""Beginnings whose keys and values are kept, the last used ones; some 10 MB each."""

MOST_REMEMBERED = 512
"""Prompts whose texts are remembered, the last asked ones; some 4 KB each, most of it the grammar."""

WORTH_FOLLOWING = 0.04
"""How likely, beside the best, another text must be to be followed."""

MOST_ROWS = 16
"""Prompts that are read in one pass."""

Layers = Sequence[tuple[Any, Any]]
"""Keys and values by layer, each of shape (1, heads, tokens, width)."""


@dataclass(frozen=True)
class Written:
    """A text that was written, with the log-probability that the model gives it, after the temperature."""

    text: str
    log_probability: float


@dataclass(frozen=True)
class _Branch:
    """A beginning of a text that may be followed: its last token is not read yet, and `length` of the layers' tokens
    are its."""

    tokens: list[int]
    score: float
    layers: Layers
    length: int


@dataclass(frozen=True)
class _Ahead:
    """What a search has to read next, behind `layers`; of the `last` ids it needs to know what may follow."""

    layers: Layers
    ids: list[int]
    last: int


_Read = tuple[Any, Layers]
"""Log-probabilities behind each of the last tokens, shape (last, vocabulary), and all layers."""


class BeamWriter:
    """Writes texts for any number of threads, which share its passes.

    In sixteen bits the likelihoods of prompts that share a pass differ a little from those of one alone
    (`benchmarks.reading_speed` says how far).

    Args:
        writer: the taught model.
        texts: at most so many are written.
        most_tokens: of a text.
        worth_following: how likely, beside the best, another text must be to be followed.
        remembered: prompts whose texts are remembered; 0 to write each time.

    Attributes:
        tokens: the model's.
    """

    def __init__(
        self,
        writer: Writer,
        texts: int = 4,
        most_tokens: int = 96,
        worth_following: float = WORTH_FOLLOWING,
        remembered: int = MOST_REMEMBERED,
    ) -> None:
        self._writer, self._texts, self._most = writer, texts, most_tokens
        self._worth = math.log(worth_following)
        self.tokens = writer.tokens
        self._kept: LRUCache[str, Layers] = LRUCache(MOST_BEGINNINGS)
        self._lock = threading.Lock()
        self._written: LRUCache[tuple[str, str, str], tuple[Written, ...]] = LRUCache(remembered)
        self._remembering = threading.Lock()
        self._passes: SharedPasses[_Ahead, _Read] = SharedPasses(self._read, MOST_ROWS)

    @cachedmethod(attrgetter("_written"), key=lambda self, *asked: asked, lock=attrgetter("_remembering"))
    def write(self, beginning: str, prompt: str, grammar: str) -> tuple[Written, ...]:
        """The likeliest texts of the grammar behind a beginning that prompts share and a prompt, best first; those that
        are far less likely are left out."""
        constraint = Constraint(grammar, self.tokens.spelling)
        search = self._search(self._beginning(beginning), self.tokens.text(prompt).tolist(), constraint)
        with self._passes.asking():
            ahead = next(search)
            while True:
                try:
                    ahead = search.send(self._passes.ask(ahead))
                except StopIteration as end:
                    texts: list[Written] = end.value
                    return tuple(sorted(texts, key=lambda text: -text.log_probability))

    def _beginning(self, text: str) -> Layers:
        with self._lock:
            if text not in self._kept:
                self._kept[text] = self._passes.ask(_Ahead([], self.tokens.text(text).tolist(), 1))[1]
            return self._kept[text]

    def _search(
        self, layers: Layers, prompt: list[int], constraint: Constraint
    ) -> Generator[_Ahead, _Read, list[Written]]:
        """The texts of one prompt; it says what is to be read, and is sent what was."""
        texts, branches = yield from self._follow(_Branch([], 0.0, layers, -1), prompt, constraint)
        order = itertools.count()
        waiting = [(-branch.score, next(order), branch) for branch in branches]
        heapq.heapify(waiting)
        while waiting and len(texts) < self._texts:
            best = max((text.log_probability for text in texts), default=-math.inf)
            if -waiting[0][0] < best + self._worth:
                break
            more, branches = yield from self._follow(heapq.heappop(waiting)[2], prompt, constraint)
            texts += more
            for branch in branches:
                heapq.heappush(waiting, (-branch.score, next(order), branch))
        return texts

    def _follow(
        self, branch: _Branch, prompt: list[int], constraint: Constraint
    ) -> Generator[_Ahead, _Read, tuple[list[Written], list[_Branch]]]:
        """The text that goes on with the likeliest tokens, those that end before it, and what else was likely."""
        tokens, score, first = list(branch.tokens), branch.score, branch.length < 0
        layers = branch.layers
        if not first:
            layers = [(keys[:, :, : branch.length], values[:, :, : branch.length]) for keys, values in layers]
        unread = list(prompt) if first else tokens[-1:]
        texts: list[Written] = []
        aside: list[tuple[list[int], float, int]] = []
        while len(tokens) < self._most:
            forced: list[int] = []
            while len(allowed := constraint.allowed(tokens)) == 1 and tokens and allowed[0] != self.tokens.end:
                tokens.append(allowed[0])
                forced.append(allowed[0])
            scores, layers = yield _Ahead(layers, [*unread, *forced], len(forced) + 1)
            score += sum(float(scores[place, token]) for place, token in enumerate(forced))
            if not allowed:
                break
            places = np.array(allowed)
            likely = scores[-1, places] + score
            least = float(likely.max()) + self._worth
            chosen = int(places[int(np.argmax(likely))])
            for other, value in zip(places.tolist(), likely.tolist(), strict=True):
                if other == self.tokens.end and (other == chosen or value > least):
                    texts.append(Written(self.tokens.decode(tokens), value))
                elif other != chosen and value > least:
                    aside.append(([*tokens, other], value, int(layers[0][0].shape[2])))
            if chosen == self.tokens.end:
                break
            score = float(likely.max())
            tokens.append(chosen)
            unread = [chosen]
        if aside:  # what was read together is not kept for the sake of one row
            layers = [(keys.clone(), values.clone()) for keys, values in layers]
        return texts, [_Branch(other, value, layers, length) for other, value, length in aside]

    def _read(self, ahead: Sequence[_Ahead]) -> list[_Read]:
        """Read what several searches have to read, each behind what it read before.

        What was read before is filled up at its left, what is read at its right, so that all stand side by side.
        """
        import torch
        from transformers import DynamicCache

        with torch.inference_mode():
            before = [one.layers[0][0].shape[2] if one.layers else 0 for one in ahead]
            behind = [len(one.ids) for one in ahead]
            most_before, most_behind = max(before), max(behind)
            ids = torch.tensor(
                [[*one.ids, *[0] * (most_behind - size)] for one, size in zip(ahead, behind, strict=True)]
            )
            where: dict[str, Any] = {}
            if len(ahead) > 1:
                steps = torch.arange(most_before + most_behind)[None]
                starts = torch.tensor([most_before - size for size in before])[:, None]
                ends = torch.tensor([most_before + size for size in behind])[:, None]
                where["attention_mask"] = ((steps >= starts) & (steps < ends)).long()
                where["position_ids"] = (steps[:, most_before:] - starts).clamp(min=0)
            cache: Any = DynamicCache()
            for at, layer in enumerate(_side_by_side([one.layers for one in ahead], most_before)):
                cache.update(*layer, at)
            found = self._writer.decoder(input_ids=ids, cache=cache, use_cache=True, **where)
            read: list[_Read] = []
            for row, (one, old, new) in enumerate(zip(ahead, before, behind, strict=True)):
                logits = self._writer.head(found.last_hidden_state[row, new - one.last : new]).float()
                scores = torch.log_softmax(logits / self._writer.writing.temperature, -1).numpy()
                part = slice(most_before - old, most_before + new)
                layers = [
                    (layer.keys[row : row + 1, :, part], layer.values[row : row + 1, :, part]) for layer in cache.layers
                ]
                read.append((scores, layers))
            return read


def _side_by_side(rows: Sequence[Layers], length: int) -> Layers:
    """The layers of several rows as those of one batch, with empty places before short ones."""
    if len(rows) == 1:
        return rows[0]
    found = []
    for at, (keys, _) in enumerate(next((layers for layers in rows if layers), ())):
        _, heads, _, width = keys.shape
        both = keys.new_zeros(2, len(rows), heads, length, width)
        for row, layers in enumerate(rows):
            if layers:
                for side, part in enumerate(layers[at]):
                    both[side, row, :, length - part.shape[2] :] = part[0]
        found.append((both[0], both[1]))
    return found


T = TypeVar("T")


@dataclass(frozen=True)
class ParsedBeam(Generic[T]):
    """One meaning, the probability of all replies that mean it, 0 to 1, and the likeliest of these replies."""

    value: T
    probability: float
    written: str


def meanings(
    beams: BeamWriter,
    beginning: str,
    prompt: str,
    grammar: str,
    read_back: Callable[[str], T | None],
    key: Callable[[T], Hashable],
) -> list[ParsedBeam[T]]:
    """What a prompt (see `BeamWriter.write`) may mean, the likeliest first; replies of equal keys mean the same, of
    None nothing."""
    found: dict[Hashable, ParsedBeam[T]] = {}
    for text in beams.write(beginning, prompt, grammar):
        value = read_back(text.text)
        if value is None:
            continue
        first = found.get(key(value), ParsedBeam(value, 0.0, text.text))
        probability = first.probability + math.exp(text.log_probability)
        found[key(value)] = ParsedBeam(first.value, probability, first.written)
    return sorted(found.values(), key=lambda meant: -meant.probability)
