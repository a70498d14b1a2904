"""`evaluate`: a detector measured on COCO's annotations, or grounding on a file of expressions."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kg_data.command_line import OK
from vision.cli.options import add_min_score, add_model, as_json, opened, positive
from vision.errors import ArgumentError


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
    sub.add_argument(
        "--classes", nargs="+", default=[], metavar="WORD", help="only these classes, in words or with commas between"
    )
    sub.add_argument("--no-masks", action="store_true", help="measure boxes alone")
    sub.add_argument("--expressions", type=Path, metavar="FILE", help="measure grounding on these JSON lines instead")
    add_min_score(sub)
    sub.add_argument("--limit", type=positive, metavar="N", help="only the first N images or expressions")
    sub.add_argument("--out", type=Path, metavar="FILE", help="write the figures, and FILE.lines.jsonl on the way")
    sub.add_argument("--resume", action="store_true", help="go on with the run whose lines stand beside FILE")
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    add_model(sub, instructions=False)
    sub.set_defaults(command=evaluate)


def evaluate(options: argparse.Namespace) -> int:
    """Measure a detector, or grounding."""
    from vision.evaluation.detection_run import evaluate_detections
    from vision.evaluation.expressions import evaluate_expressions
    from vision.evaluation.table import detection_table, grounding_table

    if options.resume and options.out is None:
        raise ArgumentError("--resume needs --out FILE, the figures of the run to go on with")
    if options.annotations and len(options.annotations) != len(options.images):
        raise ArgumentError(
            f"--images and --annotations go in pairs: there are {len(options.images)} and {len(options.annotations)}"
        )
    pairs = list(zip(options.images, options.annotations, strict=False))
    common = {"limit": options.limit, "out": options.out, "resume": options.resume, "progress": True}
    if options.expressions is not None:
        if options.classes or options.no_masks:
            raise ArgumentError("--classes and --no-masks belong to detection, --expressions measures grounding")
        figures = evaluate_expressions(opened(options), options.expressions, pairs, folders=options.images, **common)
        table = grounding_table
    else:
        if not pairs:
            raise ArgumentError("--annotations FILE is needed: the COCO instances of the images")
        if options.min_score is not None:
            raise ArgumentError("--min-score belongs to --expressions: average precision needs boxes of all scores")
        words = [word.strip() for part in options.classes for word in part.split(",") if word.strip()]
        if options.classes and not words:
            raise ArgumentError("--classes names no class: expected words such as --classes dog,cat")
        figures = evaluate_detections(opened(options), pairs, words, masks=not options.no_masks, **common)
        table = detection_table
    print(as_json(figures) if options.json else table(figures))
    return OK
