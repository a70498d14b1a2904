"""`ask`: a referring expression or a question about one image."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from kg_data.command_line import OK, as_json
from vision.cli.detecting import value_text
from vision.cli.options import add_min_score, add_model, images_of, opened
from vision.errors import ArgumentError
from vision.grounding import Grounding


def add_commands(commands: Any) -> None:
    """Offer `ask`."""
    about = "answer a referring expression or a question about an image"
    sub = commands.add_parser("ask", help=about, description=about)
    sub.add_argument("image", metavar="IMAGE", help="a file")
    sub.add_argument("text", metavar="TEXT", help='such as "the person left of the bus"')
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    add_min_score(sub)
    add_model(sub, instructions=False)
    sub.set_defaults(command=ask)


def ask(options: argparse.Namespace) -> int:
    """Answer a referring expression or a question."""
    images = images_of([options.image])
    if len(images) > 1:
        raise ArgumentError(f"{options.image} names {len(images)} images, one is asked about")
    grounding = opened(options).ask(images[0], options.text)
    for note in grounding.notes:
        print(f"note: {note}", file=sys.stderr)
    if options.json:
        print(as_json({"image": str(images[0]), **grounding.to_dict()}))
    else:
        print("\n".join(_lines(grounding)))
    return OK


def _lines(grounding: Grounding) -> Iterator[str]:
    """The answer, the query that it was read as, and the reason of each object."""
    if grounding.value is not None:
        yield value_text(grounding.value)
    detections = grounding.detections
    if not len(detections) and grounding.value is None:
        yield "nothing"
    reasons = {place: reason.words for place, reason in enumerate(grounding.justification)}
    for place, detected in enumerate(detections):
        box = ", ".join(f"{number:.0f}" for number in detected.xyxy)
        score = "" if detected.score is None else f" {detected.score:.2f}"
        reason = f": {reasons[place]}" if reasons.get(place) else ""
        yield f"{detected.class_name} ({box}){score}{reason}"
    yield f"query: {grounding.query}"
