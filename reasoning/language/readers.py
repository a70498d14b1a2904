"""Who reads questions and instructions where no chat model does: the rules, or an adapter of the embedded model."""

from __future__ import annotations

import argparse
from pathlib import Path

from rapidfuzz import process

from reasoning.language.errors import LLMError

RULES, MODEL = "rules", "model"
"""Readers by name; any other is the folder of an adapter."""


def adapter_folder(reader: str, packaged: Path, names: tuple[str, ...] = (RULES, MODEL)) -> Path:
    """The folder of a reader's adapter.

    Args:
        reader: `MODEL` or a folder.
        packaged: what `MODEL` stands for.
        names: readers that there are.

    Raises:
        LLMError: there is no such reader.
    """
    if reader == MODEL:
        return packaged
    if not (folder := Path(reader).expanduser()).is_dir():
        nearest = process.extractOne(reader, names, score_cutoff=50)
        near = "" if nearest is None else f'; nearest: "{nearest[0]}"'
        raise LLMError(f'There is no reader "{reader}": take {", ".join(names)}, or the folder of an adapter{near}')
    return folder


def add_reader(parser: argparse.ArgumentParser, job: str, names: tuple[str, ...] = (RULES, MODEL)) -> None:
    """Offer `--reader`; `job` is what `teach` calls the making of adapters for it, the first name the default."""
    about = f"{', '.join((f'{names[0]} (default)', *names[1:]))}, or the folder of an adapter made by `teach {job}`"
    parser.add_argument("--reader", metavar="R", help=about)
