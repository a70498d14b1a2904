"""Writing under a constraint: the likeliest texts with their probabilities, over kept keys and values.

The likeliest token is followed to the end; then, where another token was nearly as likely, the text that goes on with
it, the best such place first. A sure text costs one run, and what many prompts share at their beginning is read once.
Tokens that the grammar leaves no choice about are read together with the one before.
"""

from __future__ import annotations

import heapq
import itertools
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np

from reasoning.language.constraint import Constraint
from reasoning.language.writing.writer import Writer

MOST_BEGINNINGS = 8
"""Beginnings whose keys and values are kept, the last used ones; some 10 MB each."""

WORTH_FOLLOWING = 0.04
"""How likely, beside the best, another text must be to be followed."""

Layers = list[tuple[Any, Any]]
"""Keys and values by layer."""


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


class BeamWriter:
    """Writes texts; for any number of threads, one at a time.

    Args:
        writer: the taught model.
        texts: at most so many are written.
        most_tokens: of a text.
        worth_following: how likely, beside the best, another text must be to be followed.

    Attributes:
        tokens: the model's.
    """

    def __init__(
        self, writer: Writer, texts: int = 4, most_tokens: int = 96, worth_following: float = WORTH_FOLLOWING
    ) -> None:
        self._writer, self._texts, self._most = writer, texts, most_tokens
        self._worth = math.log(worth_following)
        self.tokens = writer.tokens
        self._kept: OrderedDict[str, Layers] = OrderedDict()
        self._lock = threading.Lock()

    def write(self, beginning: str, prompt: str, constraint: Constraint) -> list[Written]:
        """The likeliest texts of the constraint, best first; those that are far less likely are left out.

        Args:
            beginning: what prompts share, kept.
            prompt: behind it.
            constraint: over the writer's tokens.
        """
        import torch

        with self._lock, torch.inference_mode():
            found = self._search(self._beginning(beginning), self.tokens.text(prompt).tolist(), constraint)
        return sorted(found, key=lambda text: -text.log_probability)

    def _beginning(self, text: str) -> Layers:
        if text not in self._kept:
            self._kept[text] = self._read([], self.tokens.text(text).tolist())[1]
            while len(self._kept) > MOST_BEGINNINGS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(text)
        return self._kept[text]

    def _search(self, layers: Layers, prompt: list[int], constraint: Constraint) -> list[Written]:
        texts, branches = self._follow(_Branch([], 0.0, layers, -1), prompt, constraint)
        order = itertools.count()
        waiting = [(-branch.score, next(order), branch) for branch in branches]
        heapq.heapify(waiting)
        while waiting and len(texts) < self._texts:
            best = max((text.log_probability for text in texts), default=-math.inf)
            if -waiting[0][0] < best + self._worth:
                break
            more, branches = self._follow(heapq.heappop(waiting)[2], prompt, constraint)
            texts += more
            for branch in branches:
                heapq.heappush(waiting, (-branch.score, next(order), branch))
        return texts

    def _follow(
        self, branch: _Branch, prompt: list[int], constraint: Constraint
    ) -> tuple[list[Written], list[_Branch]]:
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
            scores, layers = self._read(layers, [*unread, *forced], len(forced) + 1)
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
        return texts, [_Branch(other, value, layers, length) for other, value, length in aside]

    def _read(self, layers: Layers, ids: list[int], last: int = 1) -> tuple[Any, Layers]:
        """Read tokens behind what was read: log-probabilities behind each of the last ones, and all layers."""
        import torch
        from transformers import DynamicCache

        cache: Any = DynamicCache()
        for at, (keys, values) in enumerate(layers):
            cache.update(keys, values, at)
        found = self._writer.decoder(input_ids=torch.tensor([ids]), cache=cache, use_cache=True)
        logits = self._writer.head(found.last_hidden_state[0, -last:]).float() / self._writer.writing.temperature
        return torch.log_softmax(logits, -1).numpy(), [(layer.keys, layer.values) for layer in cache.layers]
