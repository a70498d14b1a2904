"""Options and arguments that several commands share, and what they mean."""

from __future__ import annotations

import argparse
import glob
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from kg_data.command_line import positive
from kg_data.nearest_files import files_like
from reasoning.language.readers import MODEL, add_reader
from vision.cli.output_folder import DRAWN
from vision.detections.fields import is_score
from vision.detectors.slices import Slicing
from vision.detectors.slices.slicing import Merge
from vision.errors import ArgumentError
from vision.images.loading import left_out, list_images
from vision.vision import Vision


def add_model(parser: argparse.ArgumentParser, instructions: bool = True) -> None:
    """Offer `--model` and how it runs; `instructions` says whether the command reads any, by `--llm` then."""
    parser.add_argument(
        "--model",
        default="embedded",
        metavar="M",
        help='"embedded" (default), visionllm, onnx:PATH, or the hub name or folder of a transformers model',
    )
    if instructions:
        parser.add_argument(
            "--llm", metavar="L", help="provider:model that reads the instruction in place of the embedded one"
        )
        add_reader(parser, "instructions")
    parser.add_argument("--device", metavar="D", help="of a transformers model: cpu, cuda, cuda:N or mps")
    parser.add_argument("--dtype", metavar="T", help="of a transformers model: float32, bfloat16 or float16")
    parser.add_argument("--threads", type=positive, metavar="N", help="of the embedded detector; default: one a core")
    parser.add_argument(
        "--mirrored", action="store_true", help="look at the mirror image too: finds more that is right, and is slower"
    )
    slices = parser.add_argument_group("small things in large images")
    slices.add_argument(
        "--slice", metavar="auto|WxH", help="look at large images in slices too: as the model sees best, or of W x H"
    )
    slices.add_argument(
        "--slice-overlap", type=share, metavar="S", help="share of a slice that the next one has too; default: 0.2"
    )
    slices.add_argument(
        "--slice-merge", choices=get_args(Merge),
        help="of boxes of one object, nms (default) keeps the surest, nmm joins the pieces that slices cut",
    )  # fmt: skip


def add_min_score(parser: argparse.ArgumentParser) -> None:
    """Offer `--min-score`."""
    parser.add_argument(
        "--min-score", type=share, metavar="S", help="drop boxes that score less, 0 to 1; default: the detector's own"
    )


def opened(options: argparse.Namespace) -> Vision:
    """The `Vision` that the command line asks for.

    Raises:
        DetectorError: there is no such model, it cannot be opened, or it gives no scores and is to be mirrored.
        SlicingError: the slices are none.
        ArgumentError: slices have options, and there are to be none.
    """
    return Vision(
        options.model,
        llm=getattr(options, "llm", None),
        reader=getattr(options, "reader", None) or MODEL,
        min_score=getattr(options, "min_score", None),
        slices=_slicing(options),
        mirrored=options.mirrored,
        device=options.device,
        dtype=options.dtype,
        threads=options.threads,
    )


def _slicing(options: argparse.Namespace) -> Slicing | None:
    given = {"overlap": options.slice_overlap, "merge": options.slice_merge}
    given = {name: value for name, value in given.items() if value is not None}
    if options.slice is not None:
        return Slicing.parse(options.slice, **given)
    if given:
        raise ArgumentError("--slice-overlap and --slice-merge are of slices: add --slice auto, or --slice WxH")
    return None


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not is_score(number):
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, not {text!r}")
    return number


def images_of(arguments: Sequence[str]) -> list[Path]:
    """The image files that arguments name, each once, in the arguments' order; a folder's in the order of its names.

    Pictures that an earlier run drew are left out of folders.

    Raises:
        ArgumentError: an argument names nothing.
        ImageError: a folder holds no image.
    """
    matches: dict[Path, Path] = {}
    for argument in arguments:
        for path in _named(argument):
            matches.setdefault(path.resolve(), path)
    return list(matches.values())


def _named(argument: str) -> list[Path]:
    path = Path(argument)
    if path.is_dir():
        _tell_left_out(path)
        return [image for image in list_images(path) if not image.name.endswith(DRAWN)]
    if path.exists():
        return [path]
    matches = sorted(Path(match) for match in glob.glob(argument, recursive=True))  # noqa: PTH207 - not from a folder
    if files := [match for match in matches if match.is_file() and not match.name.endswith(DRAWN)]:
        return files
    raise ArgumentError(f"there is no image, folder or match of {argument}{_nearest(path)}")


def _tell_left_out(folder: Path) -> None:
    folders, others = left_out(folder)
    parts = [f"{count:,} {one if count == 1 else many}" for count, one, many in (
        (folders, "subfolder", "subfolders"), (others, "file that is no image", "files that are no images"),
    ) if count]  # fmt: skip
    if parts:
        print(f"note: {folder}: left out {' and '.join(parts)}", file=sys.stderr)


def _nearest(path: Path) -> str:
    if not path.absolute().parent.is_dir():
        return f": there is no folder {path.parent}"
    near = files_like(path)
    return f"; the nearest name is {near[0]}" if near else ""
