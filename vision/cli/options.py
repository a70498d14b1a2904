"""Options that several commands share, and what they mean."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vision.vision import Vision


def add_model(parser: argparse.ArgumentParser, instructions: bool = True) -> None:
    """Offer `--model` and how it runs; `instructions` says whether the command reads any, by `--llm` then."""
    parser.add_argument(
        "--model",
        default="embedded",
        metavar="M",
        help='"embedded" (default), onnx:PATH, or the hub name or folder of a transformers model',
    )
    if instructions:
        parser.add_argument(
            "--llm", metavar="L", help="provider:model that reads the instruction in place of the rules"
        )
    parser.add_argument("--device", metavar="D", help="of a transformers model: cpu, cuda, cuda:N or mps")
    parser.add_argument("--dtype", metavar="T", help="of a transformers model: float32, bfloat16 or float16")
    parser.add_argument("--threads", type=positive, metavar="N", help="of the embedded detector; default: one a core")


def add_min_score(parser: argparse.ArgumentParser) -> None:
    """Offer `--min-score`."""
    parser.add_argument(
        "--min-score", type=share, metavar="S", help="drop boxes that score less, 0 to 1; default: the detector's own"
    )


def opened(options: argparse.Namespace) -> Vision:
    """The `Vision` that the command line asks for.

    Raises:
        DetectorError: there is no such model, or it cannot be opened.
    """
    from vision.vision import Vision

    return Vision(
        options.model,
        llm=getattr(options, "llm", None),
        min_score=getattr(options, "min_score", None),
        device=options.device,
        dtype=options.dtype,
        threads=options.threads,
    )


def positive(text: str) -> int:
    """A whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


def share(text: str) -> float:
    """A number from 0 to 1."""
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"must be from 0 to 1, not {text}")
    return number


def as_json(item: Any, indent: int | None = 2) -> str:
    """JSON for a terminal or a pipe, escaped where its encoding is not UTF-8."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return json.dumps(item, ensure_ascii=not unicode, indent=indent)
