"""Who reads questions and instructions where no chat model does: an adapter of the embedded model."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from reasoning.language.errors import LLMError

MODEL = "model"
"""The packaged adapter; any other reader is the folder of one."""


def adapter_folder(reader: str, packaged: Path) -> Path:
    """The folder of a reader's adapter.

    Args:
        reader: `MODEL` or a folder.
        packaged: what `MODEL` stands for.

    Raises:
        LLMError: there is no such reader.
    """
    if reader == MODEL:
        return packaged
    if not (folder := Path(reader).expanduser()).is_dir():
        raise LLMError(f'There is no reader "{reader}": take "{MODEL}", the packaged one, or the folder of an adapter')
    return folder


def add_reader(parser: argparse.ArgumentParser, job: str) -> None:
    """Offer `--reader`; `job` is what `teach` calls the making of adapters for it."""
    about = f"{MODEL} (default), or the folder of an adapter made by `teach {job}`"
    parser.add_argument("--reader", metavar="R", help=about)


def folder_digest(folder: Path) -> str:
    """A hex digest of the adapter in a folder; of none, that of nothing."""
    files = sorted(path for path in folder.glob("*") if path.suffix in (".json", ".safetensors"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
