"""The readers of instructions and of expressions: one adapter, loaded when something is first read."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import reasoning.language
from reasoning.language.writing.beams import BeamWriter
from reasoning.language.writing.writer import load_writer
from vision.reading.expressions.pieces import VIDEO
from vision.reading.expressions.reader import ExpressionReader
from vision.reading.instructions.reader import InstructionReader

JOB = "tasks"
"""What the adapter writes."""

PACKAGED = Path(reasoning.language.__file__).parent / "adapters" / "tasks"
"""The adapter of the packaged model; its README says how it was made."""

VIDEOS = PACKAGED.with_name("videos")
"""The adapter that reads expressions about videos, taught further than the other one."""

MOST_TEXTS, MOST_TOKENS = 3, 160
"""Replies that are written to one text, and the tokens of a reply."""

_loading = threading.Lock()


@dataclass(frozen=True)
class Readers:
    """What reads with one adapter; `videos` are expressions about videos."""

    instructions: InstructionReader
    expressions: ExpressionReader
    videos: ExpressionReader


def readers(folder: Path = PACKAGED, source: str | None = None) -> Readers:
    """The readers with the adapter of a folder; the last ones are kept.

    Args:
        folder: of the adapter.
        source: the base model, see `language.local_weights.find_weights`.

    Raises:
        LLMError: the adapter or the weights are missing or damaged, or do not belong together.
    """
    with _loading:
        return _readers(folder, source)


@lru_cache(2)
def _readers(folder: Path, source: str | None) -> Readers:
    beams = BeamWriter(load_writer(folder, JOB, source), texts=MOST_TEXTS, most_tokens=MOST_TOKENS)
    return Readers(InstructionReader(beams), ExpressionReader(beams), ExpressionReader(beams, VIDEO))
