"""`evaluate-tracks`: tracks measured against truth in the forms of the MOT challenges and of VisDrone."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kg_data.command_line import OK, as_json
from kg_data.text_table import aligned
from vision.errors import ArgumentError
from vision.evaluation.tracks import SHARES, evaluate_tracks
from vision.video.mot import TRUTH_FORMS

COUNTS = ("IDSW", "MT", "ML", "FP", "FN", "boxes", "tracks")
AUTO = "auto"


def tracks_table(figures: Mapping[str, Any]) -> str:
    """The figures of `evaluate_tracks`: a row for all, one a class and one a sequence where there are several."""
    rows = [_row("all", figures)]
    if "per_class" in figures:
        rows.append(_row("mean of classes", figures["class_mean"]))
        rows += [_row(name, row) for name, row in figures["per_class"].items()]
    if len(figures["per_sequence"]) > 1:
        rows += [_row(name, row) for name, row in figures["per_sequence"].items()]
    sequences = len(figures["per_sequence"])
    lines = [
        aligned(["", *SHARES, *COUNTS], rows),
        f"{sequences:,} {'sequence' if sequences == 1 else 'sequences'}, {figures['frames']:,} frames, truth read as "
        f"{figures['form']}" + (f", {figures['taken_out']:,} boxes taken out" if figures["taken_out"] else ""),
    ]
    if figures["lacking"]:
        lines.append(f"classes that the results cannot have, in no figure: {', '.join(figures['lacking'])}")
    return "\n".join([*lines, *figures["notes"]])


def _row(name: str, row: Mapping[str, Any]) -> list[str]:
    shares = ["-" if (value := row.get(share)) is None else f"{value:.3f}" for share in SHARES]
    return [name, *shares, *(f"{row[count]:,}" if count in row else "-" for count in COUNTS)]


def add_commands(commands: Any) -> None:
    """Offer `evaluate-tracks`."""
    about = "measure tracks on MOT's or VisDrone's truth"
    sub = commands.add_parser("evaluate-tracks", help=about, description=about)
    sub.add_argument(
        "--truth", type=Path, required=True, metavar="DIR",
        help="has SEQ/gt/gt.txt, SEQ/gt.txt or SEQ.txt for each sequence; or one sequence's folder",
    )  # fmt: skip
    sub.add_argument(
        "--results", type=Path, required=True, metavar="DIR",
        help="has SEQ.txt or SEQ/tracks.txt for each sequence; or one folder that track --out wrote",
    )  # fmt: skip
    sub.add_argument(
        "--form", choices=(*TRUTH_FORMS, AUTO), default=AUTO,
        help="what the columns of the truth mean; auto (default) tells it by what they hold, but not mot20 from mot17",
    )  # fmt: skip
    sub.add_argument(
        "--classes", nargs="+", default=[], metavar="WORD", help="only these classes, in words or with commas between"
    )
    sub.add_argument("--out", type=Path, metavar="FILE", help="write the figures as JSON")
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    sub.set_defaults(command=evaluate)


def evaluate(options: argparse.Namespace) -> int:
    """Measure tracks."""
    words = [word.strip() for part in options.classes for word in part.split(",") if word.strip()]
    if options.classes and not words:
        raise ArgumentError("--classes names no class: expected words such as --classes pedestrian,car")
    form = None if options.form == AUTO else options.form
    figures = evaluate_tracks(options.truth, options.results, words, form=form, out=options.out)
    print(as_json(figures) if options.json else tracks_table(figures))
    return OK
