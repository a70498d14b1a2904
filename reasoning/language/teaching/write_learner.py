"""A model that is taught to write; see `loop.Learner`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reasoning.language.low_rank import save_adapter
from reasoning.language.teaching.examining import Report, best_temperature
from reasoning.language.writing.packs import Pack, reply_logits
from reasoning.language.writing.writer import Writer


@dataclass(frozen=True)
class TaughtPack:
    """A pack with what each of its segments teaches.

    Attributes:
        pack: what is read and written.
        kinds: of each segment; those of one kind are examined together.
    """

    pack: Pack
    kinds: Sequence[str]

    def __len__(self) -> int:
        return len(self.pack)


@dataclass
class WriteLearner:
    """A writer with PEFT's layers; it ends with its temperature fitted."""

    writer: Writer

    @property
    def adapter(self) -> Any:
        """What is taught."""
        return self.writer.decoder

    def loss(self, lessons: Sequence[TaughtPack]) -> Any:
        """The cross-entropy of the replies' tokens."""
        import torch

        logits = torch.cat([reply_logits(self.writer.decoder, self.writer.head, lesson.pack) for lesson in lessons])
        right = torch.from_numpy(np.concatenate([lesson.pack.replies for lesson in lessons]))
        return torch.nn.functional.cross_entropy(logits, right.to(logits.device))

    def examine(self, lessons: Sequence[TaughtPack]) -> Report:
        """Replies whose every token is the likeliest one, and the share of tokens that are not."""
        exact: dict[str, list[bool]] = {}
        wrong: dict[str, list[float]] = {}
        for lesson in lessons:
            hits = self._logits(lesson).argmax(-1) == lesson.pack.replies
            for kind, part in zip(lesson.kinds, np.split(hits, np.cumsum(lesson.pack.lengths)[:-1]), strict=True):
                exact.setdefault(kind, []).append(bool(part.all()))
                wrong.setdefault(kind, []).append(float(1 - part.mean()))
        return Report(
            {kind: float(np.mean(values)) for kind, values in sorted(exact.items())},
            {kind: float(np.mean(values)) for kind, values in sorted(wrong.items())},
        )

    def calibrate(self, lessons: Sequence[TaughtPack]) -> None:
        """Fit the temperature on the tokens of held-out replies."""
        import torch

        logits = torch.from_numpy(np.concatenate([self._logits(lesson) for lesson in lessons]))
        right = torch.from_numpy(np.concatenate([lesson.pack.replies for lesson in lessons]))

        def surprise(temperature: float) -> float:
            return float(torch.nn.functional.cross_entropy(logits / temperature, right))

        self.writer.writing = replace(self.writer.writing, temperature=best_temperature(surprise))

    def save(self, folder: Path) -> None:
        """PEFT's files and how the adapter is used."""
        save_adapter(self.writer.decoder, folder)
        self.writer.writing.write(folder)

    def _logits(self, lesson: TaughtPack) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            return np.asarray(reply_logits(self.writer.decoder, self.writer.head, lesson.pack).cpu().numpy())
