"""Writing under a constraint: the likeliest texts with their probabilities, by beam search over kept keys and values.

What many prompts share at their beginning is read once and kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np

from reasoning.language.constraint import Constraint
from reasoning.language.writing.writer import Writer

MOST_BEGINNINGS = 8
"""Beginnings whose keys and values are kept, the last used ones; some 10 MB each."""


@dataclass(frozen=True)
class Written:
    """A text that was written.

    Attributes:
        text: of it.
        log_probability: that the model gives it, after the temperature.
    """

    text: str
    log_probability: float


@dataclass
class _Beam:
    tokens: list[int]
    score: float


class BeamWriter:
    """Writes texts; for any number of threads, one at a time.

    Args:
        writer: the taught model.
        beams: texts that are followed at once.
        most_tokens: of a text.
    """

    def __init__(self, writer: Writer, beams: int = 4, most_tokens: int = 96) -> None:
        self._writer, self._beams, self._most = writer, beams, most_tokens
        self._kept: OrderedDict[str, list[tuple[Any, Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def write(self, beginning: str, prompt: str, constraint: Constraint) -> list[Written]:
        """The likeliest texts of the constraint, best first.

        Args:
            beginning: what prompts share, kept.
            prompt: behind it.
            constraint: over the writer's tokens.
        """
        import torch

        with self._lock, torch.inference_mode():
            return self._search(self._cache(beginning), self._writer.tokens.text(prompt), constraint)

    def _cache(self, beginning: str) -> list[tuple[Any, Any]]:
        """The keys and values of a beginning, by layer."""
        import torch
        from transformers import DynamicCache

        if beginning not in self._kept:
            cache = DynamicCache()
            ids = torch.from_numpy(self._writer.tokens.text(beginning))[None]
            self._writer.decoder(input_ids=ids, past_key_values=cache, use_cache=True)
            layers: Any = cache.layers
            self._kept[beginning] = [(layer.keys, layer.values) for layer in layers]
            while len(self._kept) > MOST_BEGINNINGS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(beginning)
        return self._kept[beginning]

    def _search(self, kept: list[tuple[Any, Any]], prompt: Any, constraint: Constraint) -> list[Written]:
        import torch
        from transformers import DynamicCache

        end = self._writer.tokens.end
        cache: Any = DynamicCache()
        for at, (keys, values) in enumerate(kept):
            cache.update(keys, values, at)
        logits = self._logits(torch.from_numpy(prompt)[None], cache)
        beams = [_Beam([], 0.0)]
        finished: list[_Beam] = []
        for _ in range(self._most):
            choices: list[tuple[float, int, int]] = []
            for row, beam in enumerate(beams):
                allowed = constraint.allowed(beam.tokens)
                if not allowed:
                    continue
                places = np.array(allowed)
                scores = logits[row, places] + beam.score
                best = np.argsort(-scores)[: self._beams + 1]
                choices += [(float(scores[i]), row, int(places[i])) for i in best]
            choices.sort(reverse=True)
            rows: list[int] = []
            following: list[_Beam] = []
            for score, row, token in choices:
                if len(finished) >= self._beams and score < finished[self._beams - 1].score:
                    break
                if token == end:
                    finished.append(_Beam(beams[row].tokens, score))
                    finished.sort(key=lambda beam: -beam.score)
                elif len(following) < self._beams:
                    following.append(_Beam([*beams[row].tokens, token], score))
                    rows.append(row)
            if not following or (finished and following[0].score < finished[0].score + _HOPELESS):
                break
            beams = following
            if rows != list(range(len(rows))) or len(rows) != len(logits):
                cache.reorder_cache(torch.tensor(rows))
            logits = self._logits(torch.tensor([[beam.tokens[-1]] for beam in beams]), cache)
        return [Written(self._writer.tokens.decode(beam.tokens), beam.score) for beam in finished[: self._beams]]

    def _logits(self, ids: Any, cache: Any) -> Any:
        """Log-probabilities of the next token of each row; float32, shape (rows, vocabulary)."""
        import torch

        hidden = self._writer.decoder(input_ids=ids, past_key_values=cache, use_cache=True).last_hidden_state[:, -1]
        logits = self._writer.head(hidden).float() / self._writer.writing.temperature
        return torch.log_softmax(logits, -1).numpy()


_HOPELESS = -6.0
"""Log-probability below the best text from which one that is not finished is not followed."""
