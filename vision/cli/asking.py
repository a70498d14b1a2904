"""`ask`: a referring expression or a question about one image or one video."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from kg_data.command_line import OK, as_json, positive
from vision.cli.detecting import value_text
from vision.cli.options import add_min_score, add_model, images_of, opened
from vision.cli.output_folder import DRAWN
from vision.errors import ArgumentError, ImageError, VideoError
from vision.grounding import Grounding
from vision.images.loading import SUFFIXES, is_moving
from vision.video.actions.segments import Segment
from vision.video.answer import VideoAnswer
from vision.video.event_words import clock
from vision.video.reading.pictures import images_in, images_matching
from vision.video.tracker import DEFAULT_TRACKER, TRACKERS


def add_commands(commands: Any) -> None:
    """Offer `ask`."""
    about = "answer a referring expression or a question about an image or a video"
    sub = commands.add_parser("ask", help=about, description=about)
    what = "an image; or a video: a file, a GIF that moves, a folder or quoted pattern of frames, or an address"
    sub.add_argument("image", metavar="FILE", help=what)
    sub.add_argument(
        "text", metavar="TEXT", help='such as "the person left of the bus", or of a video "the car that stops last"'
    )
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    add_min_score(sub)
    videos = sub.add_argument_group("of videos")
    videos.add_argument("--tracker", choices=TRACKERS, help=f"what joins the boxes; default: {DEFAULT_TRACKER}")
    videos.add_argument(
        "--every", type=positive, metavar="K", help="look at every K-th frame, the tracker alone between; default: 1"
    )
    videos.add_argument(
        "--actions",
        type=Path,
        metavar="JSON",
        help="what `actions segment --json` printed, to ask about the actions too",
    )
    add_model(sub, instructions=False)
    sub.set_defaults(command=ask)


def ask(options: argparse.Namespace) -> int:
    """Answer a referring expression or a question."""
    if is_video(options.image):
        return _ask_video(options)
    if given := [name for name in ("tracker", "every", "actions") if getattr(options, name) is not None]:
        raise ArgumentError(f"--{given[0]} is of videos, and {options.image} is an image")
    images = images_of([options.image])
    if len(images) > 1:
        raise ArgumentError(f"{options.image} names {len(images)} files, which are no video: expected one image")
    [image] = images
    grounding = opened(options).ask(image, options.text)
    _tell(grounding.notes)
    if options.json:
        print(as_json({"image": str(image), **grounding.to_dict()}))
    else:
        print("\n".join(_lines(grounding)))
    return OK


def is_video(name: str) -> bool:
    """Whether a name is of a video: of several images in a folder or by a pattern, a GIF that moves, an address, or a
    file that no image's name has."""
    path = Path(name)
    try:
        if path.is_dir():
            return len(_undrawn(images_in(path))) > 1
        if path.is_file():
            return path.suffix.lower() not in SUFFIXES or is_moving(path)
    except (ImageError, VideoError, OSError, ValueError):
        return False
    return "://" in name or len(_undrawn(images_matching(name))) > 1


def _undrawn(images: Iterable[Path]) -> list[Path]:
    """Without the pictures that an earlier run drew, which make no video of a single image."""
    return [image for image in images if not image.name.endswith(DRAWN)]


def read_segments(path: Path) -> list[Segment]:
    """The segments of one video that `actions segment --json` printed.

    Raises:
        ArgumentError: the file is none of that form.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["segments"]
        return [Segment(str(row["label"]), float(row["start"]), float(row["end"])) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArgumentError(
            f"{path} holds no segments of a video ({type(error).__name__}: {error}): one object was expected, as "
            "`actions segment --json` prints it"
        ) from error


def _ask_video(options: argparse.Namespace) -> int:
    segments = [] if options.actions is None else read_segments(options.actions)
    answer = opened(options).watch(
        options.image,
        options.text,
        tracker=options.tracker or DEFAULT_TRACKER,
        every=options.every or 1,
        actions=segments,
    )
    _tell(answer.notes)
    if options.json:
        print(as_json({"video": options.image, **answer.to_dict()}))
    else:
        print("\n".join(_video_lines(answer)))
    return OK


def _tell(notes: Iterable[str]) -> None:
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


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


def _video_lines(answer: VideoAnswer) -> Iterator[str]:
    """The answer, each track with its id, its time and its reason, and the query."""
    if answer.value is not None or not answer.tracks:
        yield answer.text
    reasons = {reason.track_id: reason.words for reason in answer.justification}
    for track_id in answer.tracks:
        track = answer.scene.tracks.by_id[track_id]
        reason = f": {reasons[track_id]}" if reasons.get(track_id) else ""
        yield f"{answer.scene.name_of(track_id)} (id {track_id}, {clock(track.start)} to {clock(track.end)}){reason}"
    yield f"query: {answer.query}"
