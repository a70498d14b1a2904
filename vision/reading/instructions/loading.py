"""The reader of instructions: the weights are loaded at the first instruction and shared."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path

import reasoning.language
from reasoning.language.writing.beams import BeamWriter
from reasoning.language.writing.writer import load_writer
from vision.reading.instructions.reader import InstructionReader

JOB = "tasks"
"""What the adapter writes."""

PACKAGED = Path(reasoning.language.__file__).parent / "adapters" / "tasks"
"""The adapter of the packaged model; its README says how it was made."""

_loading = threading.Lock()


def instruction_reader(folder: Path = PACKAGED, source: str | None = None) -> InstructionReader:
    """The reader with the adapter of a folder.

    Args:
        folder: of the adapter.
        source: the base model, see `language.local_weights.find_weights`.

    Raises:
        LLMError: the adapter or the weights are missing or damaged, or do not belong together.
    """
    return _reader(folder, source)


@lru_cache(2)
def _reader(folder: Path, source: str | None) -> InstructionReader:
    return InstructionReader(beams_of(folder, source))


def beams_of(folder: Path, source: str | None = None) -> BeamWriter:
    """What writes with the adapter of a folder, loaded once."""
    with _loading:
        return _beams(folder, source)


@lru_cache(2)
def _beams(folder: Path, source: str | None) -> BeamWriter:
    return BeamWriter(load_writer(folder, JOB, source), texts=3, most_tokens=160)
