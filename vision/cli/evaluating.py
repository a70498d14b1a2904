"""`evaluate` and `evaluate-tracks`: detections, grounding and tracks measured against annotations.

Detectors are measured on COCO's annotations, grounding on a file of expressions, tracks on truth in the forms of the
MOT challenges and of VisDrone.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kg_data.batches.shards import add_workers, workers_of
from skylark.command_line import OK, as_json, positive
from skylark.text import aligned
from vision.cli.options import add_min_score, add_model, opened
from vision.errors import ArgumentError
from vision.evaluation.detection_run import evaluate_detections
from vision.evaluation.grounding import evaluate_expressions
from vision.evaluation.runs import RunOptions
from vision.evaluation.tracks import SHARES, evaluate_tracks

DETECTION = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR100")


def detection_table(figures: Mapping[str, Any]) -> str:
    """The figures of `evaluate_detections`: a row for boxes, one for masks, and one a class that is annotated."""
    kinds = {"boxes": figures, **({"masks": figures["segm"]} if "segm" in figures else {})}
    rows = [[kind, "", *_cells(figures_of, DETECTION)] for kind, figures_of in kinds.items()]
    for name, row in figures["per_class"].items():
        if row["annotations"]:
            rows.append([name, f"{row['annotations']:,}", *_cells(row, DETECTION)])
    lines = [
        aligned(["", "objects", *DETECTION], rows),
        f"{figures['images']:,} images, {figures['detections']:,} detections; rows of classes are of boxes",
    ]
    if "segm" in figures and figures["segm"]["polygon_source"] not in (None, "model"):
        lines.append(f"outlines by {figures['segm']['polygon_source']}, since the model gives boxes alone")
    if figures["not_detectable"]:
        named = ", ".join(f"{name} ({count:,})" for name, count in figures["not_detectable"].items())
        lines.append(f"classes that the model lacks, in no mean: {named}")
    return "\n".join(lines)


def grounding_table(figures: Mapping[str, Any]) -> str:
    """The figures of `evaluate_expressions`: a row a kind, all of them, and the misses."""
    names = ("accuracy", "precision", "recall", "first")
    rows = [[kind, f"{row['count']:,}", *_cells(row, names)] for kind, row in figures["per_kind"].items()]
    rows.append(["all", f"{figures['count']:,}", *_cells(figures, names)])
    lines = [aligned(["kind", "expressions", *names], rows)]
    if figures["not_understood"]:
        lines.append(f"{figures['not_understood']:,} were not understood, counted as wrong")
    for miss in figures["misses"]:
        lines += ["", f"{miss['image']}: {miss['expression']}", f"  expected {_result(miss['expected'])}"]
        found = miss["found"]
        lines.append(f"  {found['error']}" if found["error"] else f"  found {_result(found)} by {found['query']}")
    return "\n".join(lines)


def _cells(row: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    return ["-" if (value := row.get(name)) is None else f"{value:.3f}" for name in names]


def _result(result: Mapping[str, Any]) -> str:
    values = [str(result[name]) for name in ("count", "answer", "value") if result.get(name) is not None]
    if values:
        return values[0]
    boxes = result.get("boxes") or []
    return f"{len(boxes)} {'box' if len(boxes) == 1 else 'boxes'}"


def add_commands(commands: Any) -> None:
    """Offer `evaluate`."""
    about = "measure a detector on annotated images, or grounding on expressions"
    sub = commands.add_parser("evaluate", help=about, description=about)
    sub.add_argument(
        "--images", type=Path, action="append", required=True, metavar="DIR", help="folder of images; may be repeated"
    )
    sub.add_argument(
        "--annotations", type=Path, action="append", default=[], metavar="FILE",
        help="COCO instances of the images; one for each --images, in the same order",
    )  # fmt: skip
    _add_classes(sub)
    sub.add_argument("--no-masks", action="store_true", help="measure boxes alone")
    sub.add_argument("--expressions", type=Path, metavar="FILE", help="measure grounding on these JSON lines instead")
    add_min_score(sub)
    sub.add_argument("--limit", type=positive, metavar="N", help="only the first N images or expressions")
    sub.add_argument("--out", type=Path, metavar="FILE", help="write the figures, and FILE.lines.jsonl on the way")
    sub.add_argument("--resume", action="store_true", help="go on with the run whose lines stand beside FILE")
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    add_model(sub, instructions=False)
    add_workers(sub)
    sub.set_defaults(command=evaluate)


def _add_classes(sub: argparse.ArgumentParser) -> None:
    what = "only these classes, in words or with commas between"
    sub.add_argument("--classes", nargs="+", default=[], metavar="WORD", help=what)


def _words(options: argparse.Namespace) -> list[str]:
    words = [word.strip() for part in options.classes for word in part.split(",") if word.strip()]
    if options.classes and not words:
        raise ArgumentError("--classes names no class: expected words such as --classes person,car")
    return words


def evaluate(options: argparse.Namespace) -> int:
    """Measure a detector, or grounding."""
    if options.resume and options.out is None:
        raise ArgumentError("--resume needs --out FILE, the figures of the run to go on with")
    if options.annotations and len(options.annotations) != len(options.images):
        raise ArgumentError(
            f"--images and --annotations go in pairs: there are {len(options.images)} and {len(options.annotations)}"
        )
    pairs = list(zip(options.images, options.annotations, strict=False))
    run = RunOptions(options.limit, options.out, options.resume, True, workers_of(options))
    if options.expressions is not None:
        if options.classes or options.no_masks:
            raise ArgumentError("--classes and --no-masks belong to detection, --expressions measures grounding")
        figures = evaluate_expressions(opened(options), options.expressions, pairs, run, folders=options.images)
        table = grounding_table
    else:
        if not pairs:
            raise ArgumentError("--annotations FILE is needed: the COCO instances of the images")
        if options.min_score is not None:
            raise ArgumentError("--min-score belongs to --expressions: average precision needs boxes of all scores")
        figures = evaluate_detections(opened(options), pairs, _words(options), run, masks=not options.no_masks)
        table = detection_table
    print(as_json(figures) if options.json else table(figures))
    return OK


COUNTS = ("IDSW", "MT", "ML", "FP", "FN", "boxes", "tracks")


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
    return [name, *_cells(row, SHARES), *(f"{row[count]:,}" if count in row else "-" for count in COUNTS)]


def add_tracks_command(commands: Any) -> None:
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
    _add_classes(sub)
    sub.add_argument("--out", type=Path, metavar="FILE", help="write the figures as JSON")
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    sub.set_defaults(command=run_track_evaluation)


def run_track_evaluation(options: argparse.Namespace) -> int:
    """Measure tracks."""
    figures = evaluate_tracks(options.truth, options.results, _words(options), out=options.out)
    print(as_json(figures) if options.json else tracks_table(figures))
    return OK
