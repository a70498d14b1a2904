"""`ask`, `task` and `classes`: questions about an image, and what an instruction is read as."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from skylark.command_line import OK, as_json, positive
from vision.cli.detecting import value_text
from vision.cli.options import DRAWN, add_min_score, add_model, images_of, opened
from vision.errors import ArgumentError, ImageError, VideoError
from vision.grounding import Grounding
from vision.images import SUFFIXES, is_moving
from vision.task import OutputFormat, Task
from vision.video.actions.features import Segment
from vision.video.answer import VideoAnswer
from vision.video.events import clock
from vision.video.frames import images_in, images_matching
from vision.video.tracker import DEFAULT_TRACKER, TRACKERS


def add_commands(commands: Any) -> None:
    """Offer `ask`."""
    about = "answer a referring expression or a question about an image or a video"
    sub = commands.add_parser("ask", help=about, description=about)
    what = "an image; or a video: a file, a GIF that moves, a folder or quoted pattern of frames, or an address"
    sub.add_argument("image", metavar="FILE", help=what)
    said = 'such as "the person left of the bus", or of a video "the car that stops last"'
    sub.add_argument("text", metavar="TEXT", help=said)
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    add_min_score(sub)
    videos = sub.add_argument_group("of videos")
    videos.add_argument("--tracker", choices=TRACKERS, help=f"what joins the boxes; default: {DEFAULT_TRACKER}")
    videos.add_argument(
        "--every", type=positive, metavar="K", help="look at every K-th frame, the tracker alone between; default: 1"
    )
    what = "what `actions segment --json` printed, to ask about the actions too"
    videos.add_argument("--actions", type=Path, metavar="JSON", help=what)
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
    tracker, every = options.tracker or DEFAULT_TRACKER, options.every or 1
    answer = opened(options).watch(options.image, options.text, tracker=tracker, every=every, actions=segments)
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


def add_reading_commands(commands: Any) -> None:
    """Offer `task` and `classes`."""
    about = "show what an instruction is read as"
    sub = commands.add_parser("task", help=about, description=about)
    sub.add_argument("instruction", metavar="INSTRUCTION", help='such as "count the people on the left half"')
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    add_model(sub)
    sub.set_defaults(command=show_task)
    about = "list the classes that a model knows"
    sub = commands.add_parser("classes", help=about, description=about)
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    add_model(sub, instructions=False)
    sub.set_defaults(command=show_classes)


def show_task(options: argparse.Namespace) -> int:
    """Show what an instruction is read as."""
    task = opened(options).read(options.instruction)
    print(as_json(task.to_dict()) if options.json else "\n".join(_task_lines(task)))
    return OK


def show_classes(options: argparse.Namespace) -> int:
    """List the classes that a model knows."""
    detector = opened(options).detector
    above = detector.supercategories or {}
    if options.json:
        classes = None if detector.vocabulary is None else list(detector.vocabulary)
        print(as_json({"model": detector.name, "classes": classes, "supercategories": above}))
    elif detector.vocabulary is None:
        print(f"{detector.name} takes any phrase")
    else:
        width = max(map(len, detector.vocabulary), default=0)
        for name in detector.vocabulary:
            print(f"{name:{width}}  {above.get(name, '')}".rstrip())
    return OK


def _task_lines(task: Task) -> Iterator[str]:
    """A task for a person: what is set, and nothing of what is not."""
    yield f"kind: {task.kind}"
    if task.targets is None:
        yield "classes: all that the model knows"
    elif not task.targets:
        yield "classes: none"
    for target in task.targets or ():
        meaning = ", ".join(name for name in target.classes if name != target.label)
        colour = f" ({target.colour})" if target.colour else ""
        yield f"class: {target.label}{colour}" + (f" = {meaning}" if meaning else "")
    if task.expression is not None:
        yield f"expression: {task.expression}"
    if task.limit is not None:
        yield f"limit: {task.limit.count} by {task.limit.by}, {task.limit.order}"
    if task.region is not None:
        yield "region: x {} to {}, y {} to {} of the image".format(*(f"{task.region[i]:g}" for i in (0, 2, 1, 3)))
    if task.size is not None:
        bounds = (f"{name} {value:g}" for name, value in asdict(task.size).items() if value is not None)
        yield f"size: {', '.join(bounds)}"
    if task.min_score is not None:
        yield f"score: at least {task.min_score:g}"
    yield f"output: {_output(task.output)}"
    for unknown in task.undetectable:
        nearest = f"; the nearest: {', '.join(unknown.nearest)}" if unknown.nearest else ""
        yield f'not detectable: "{unknown.word}"{nearest}'
    yield from (f'not understood: "{part}"' for part in task.unread)
    yield from (f"note: {note}" for note in task.notes)
    if task.probability is not None:
        yield f"probability: {task.probability:.2f}"
    for rival in task.rivals:
        lines = "; ".join(_task_lines(replace(rival, notes=(), probability=None)))
        yield f"or, with probability {rival.probability or 0.0:.2f}: {lines}"


def _output(output: OutputFormat) -> str:
    scale = f"range {output.range_}" if output.scale == "range" else output.scale
    shape: str = output.box
    if output.geometry == "polygon":
        shape = "polygon" if output.points is None else f"polygon of {output.points} points"
    parts = [output.format, shape, scale]
    if output.offsets:
        parts.append("offsets from the centre" if output.centre else "offsets without the centre")
    parts.append(f"class as {output.class_as}")
    if output.format == "json":
        parts.append("keys {} and {}".format(*output.keys))
    if output.score:
        parts.append("with score")
    return ", ".join(parts)
