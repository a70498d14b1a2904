"""Writing under a constraint: the likeliest texts with their probabilities, over kept keys and values.

The likeliest token is followed to the end; then, where another token was nearly as likely, the text that goes on with
it, the best such place first. A sure text costs one run, and what many prompts share at their beginning is read once.
Tokens that the grammar leaves no choice about are read together with the one before. What several threads have to read
next is read in one pass. What was written of late is remembered, and not written again.
"""

from __future__ import annotations

import heapq
import itertools
import math
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
from cachetools import LRUCache, cachedmethod

from reasoning.language.constraint import Constraint
from reasoning.language.shared_passes import SharedPasses
from reasoning.language.writing.writer import Writer

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
    """A text that was written.

    Attributes:
        text: of it.
        log_probability: that the model gives it, after the temperature.
    """

    text: str
    log_probability: float


@dataclass(frozen=True)
class _Branch:
    """A beginning of a text that may be followed.

    Attributes:
        tokens: of it; the last one is not read yet.
        score: its log-probability.
        layers: of what was read before.
        length: how many tokens of `layers` belong to it.
    """

    tokens: list[int]
    score: float
    layers: Layers
    length: int


@dataclass(frozen=True)
class _Ahead:
    """What a search has to read next.

    Attributes:
        layers: of what was read before.
        ids: the tokens.
        last: behind how many of them, the last ones, it needs to know what may follow.
    """

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
        """The likeliest texts of the grammar, best first; those that are far less likely are left out.

        Args:
            beginning: what prompts share, kept.
            prompt: behind it.
            grammar: over the writer's tokens, see `Constraint`.
        """
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
