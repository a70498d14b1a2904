"""`track`: the things that an instruction names followed through a video, printed or written to a folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]

from skylark.command_line import OK, as_json, positive
from skylark.errors import ResultsError
from vision.cli.options import add_min_score, add_model, opened
from vision.detections.detections import Detections
from vision.errors import ArgumentError, EvaluationError, TrackingError, VideoError
from vision.video.answer import answer_read
from vision.video.counting import Line, TrackCounts, Zone
from vision.video.files import ANNOTATED, MADE, RECORD, AnnotatedVideo, mot_text, write_annotated, write_files
from vision.video.frames import LIMITS, FrameReader, open_frames
from vision.video.scene import VideoScene
from vision.video.tracker import DEFAULT_TRACKER, TRACKERS
from vision.video.tracks import TrackedFrame
from vision.video.watching import RecordedFrame, TrackLines, VideoTask, WatchedVideo, frame_line, frames_with_an_end
from vision.vision import Vision

LOOKED = "looked.jsonl"
"""The record of what is seen while it is not known yet which tracks are meant; removed once it is."""


def add_commands(commands: Any) -> None:
    """Offer `track`."""
    about = "follow what an instruction names through a video"
    sub = commands.add_parser("track", help=about, description=about)
    sub.add_argument(
        "video", nargs="+", metavar="VIDEO",
        help="a video file, a folder or quoted pattern of frames, several images, a webcam's number, or an address",
    )  # fmt: skip
    sub.add_argument("--instruction", required=True, metavar="TEXT", help='such as "every car and every bus"')
    sub.add_argument(
        "--tracker", choices=TRACKERS, default=DEFAULT_TRACKER, help=f"what joins the boxes; default: {DEFAULT_TRACKER}"
    )
    sub.add_argument(
        "--every", type=positive, default=1, metavar="K", help="look at every K-th frame, the tracker alone between"
    )
    add_min_score(sub)
    sub.add_argument("--limit-seconds", type=seconds, metavar="S", help="only the first S seconds")
    sub.add_argument(
        "--line", action="append", default=[], metavar='"NAME=x1,y1,x2,y2"',
        help="count what crosses a line, in pixels or in shares of the picture up to 1; may be repeated",
    )  # fmt: skip
    sub.add_argument(
        "--zone", action="append", default=[], metavar='"NAME=x1,y1,x2,y2,x3,y3,..."',
        help="count what is in a zone; may be repeated",
    )  # fmt: skip
    sub.add_argument("--json", action="store_true", help="print a line of JSON a frame in place of MOT text")
    folder = sub.add_argument_group("to a folder")
    folder.add_argument(
        "--out", type=Path, metavar="DIR", help="write the tracks as MOT text, JSON lines, COCO video and counts"
    )
    folder.add_argument("--draw", action="store_true", help="write the annotated video too")
    folder.add_argument("--overwrite", action="store_true", help="begin anew, whatever DIR has")
    add_model(sub)
    sub.set_defaults(command=track)


def seconds(text: str) -> float:
    """A number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number of seconds above 0, not {text!r}")
    return number


def track(options: argparse.Namespace) -> int:
    """Follow things through a video."""
    if options.out is None and (options.draw or options.overwrite):
        raise ArgumentError("--draw and --overwrite need --out DIR, the folder that is written to")
    lines = [Line.parse(text) for text in options.line]
    zones = [Zone.parse(text) for text in options.zone]
    source = options.video[0] if len(options.video) == 1 else options.video
    with open_frames(source, seconds=options.limit_seconds) as frames:
        counts = TrackCounts(frames.size, lines, zones)
        vision = opened(options)
        run = _Run(options, vision, vision.read_for_video(options.instruction), frames)
        if options.out is None:
            return _printed(options, run, counts)
        return _written(options, run, counts, lines, zones)


class _Run:
    """Goes through the frames of a video, with a bar and with what has to be said of them on stderr."""

    def __init__(self, options: argparse.Namespace, vision: Vision, asked: VideoTask, frames: FrameReader) -> None:
        self.frames = frames
        self._options, self._vision, self._asked = options, vision, asked
        self._noted: set[str] = set()

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the tracks."""
        options, paths = self._options, [Path(name) for name in self._options.video]
        return {
            "video": [str(path.resolve()) if path.exists() else str(path) for path in paths],
            "bytes": sum(path.stat().st_size for path in paths if path.is_file()),
            "frames": self.frames.count,
            "size": list(self.frames.size),
            "rate": self.frames.rate,
            "instruction": options.instruction,
            **self._vision.deciding(),
            "min_score": self._vision.min_score,
            "llm": options.llm,
            "reader": self._vision.reader_digest(),
            "tracker": options.tracker,
            "every": options.every,
            "limit_seconds": options.limit_seconds,
        }

    def tracked(self, before: Iterable[RecordedFrame] = (), out: Path | None = None) -> Iterator[TrackedFrame]:
        """The frames with what is in them; those of an earlier run are not looked at again.

        Args:
            before: the frames that an earlier run wrote down.
            out: the folder that keeps what was seen until it is known which tracks are meant; None for none.
        """
        if self._asked.of_tracks:
            return self._meant(out)
        return self._followed((frame.seen for frame in before), "tracked")

    def _meant(self, out: Path | None) -> Iterator[TrackedFrame]:
        """The frames with the tracks alone that are meant, once the whole video was seen."""
        kept = nullcontext() if out is None else TrackLines(out / LOOKED, self.settings, self._options.overwrite)
        with frames_with_an_end(self.frames, LIMITS) as frames:
            with kept as record:
                before = () if record is None else islice(record.recorded(), record.frames)
                seen = self._followed((frame.seen for frame in before), "looked at")
                watched = WatchedVideo(seen if record is None else _adding(record, seen))
            scene = VideoScene.from_tracks(watched.tracks, classes=self._vision.classes)
            answer = answer_read(self._asked.text, self._asked.readings, scene)
            self._note(answer.notes)
            with self.bar("tracked") as bar:
                for frame in watched.shown(frames, answer.tracks, ()):
                    yield frame
                    bar.update()

    def _followed(self, seen: Iterable[Detections | None], word: str) -> Iterator[TrackedFrame]:
        options, task = self._options, self._asked.task
        tracked = self._vision.track(self.frames, task, tracker=options.tracker, every=options.every, seen=seen)
        with self.bar(word) as bar:
            for frame in tracked:
                self._note(frame.detections.notes)
                yield frame
                bar.update()
        self._note(self.frames.notes)

    def bar(self, word: str) -> Any:
        """A bar over the frames (a context manager)."""
        return tqdm(
            total=self.frames.count, desc=word, unit="frame", file=sys.stderr,
            mininterval=0.5 if sys.stderr.isatty() else 30.0, dynamic_ncols=True,
        )  # fmt: skip

    def _note(self, notes: Sequence[str]) -> None:
        # Most notes are about the instruction and come with every frame: each is said once.
        for note in notes:
            if note not in self._noted:
                self._noted.add(note)
                tqdm.write(f"note: {note}", file=sys.stderr)


def _printed(options: argparse.Namespace, run: _Run, counts: TrackCounts) -> int:
    numbers: dict[str, int] = {}
    frames = 0
    for tracked in run.tracked():
        counts.add(tracked.time, tracked.detections)
        frames += 1
        if options.json:
            print(as_json(frame_line(tracked, seen=False), indent=None), flush=True)
        elif text := mot_text(tracked.index, tracked.detections):
            print(text, end="", flush=True)
        numbers.update(zip(tracked.detections.class_names, tracked.detections.class_ids.tolist(), strict=True))
    if len(numbers) > 1 and not options.json:
        named = ", ".join(f"{number + 1} {name}" for name, number in sorted(numbers.items(), key=lambda item: item[1]))
        print(f"note: the classes in column 8 are {named}", file=sys.stderr)
    print(summary(frames, counts), file=sys.stderr)
    return OK


def _written(
    options: argparse.Namespace, run: _Run, counts: TrackCounts, lines: Sequence[Line], zones: Sequence[Zone]
) -> int:
    out: Path = options.out
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"cannot make the folder {out}: {error.strerror or error}") from None
    failed: VideoError | None = None
    with TrackLines(out / RECORD, run.settings, options.overwrite) as record:
        before = record.frames
        _check_folder(out, record, run.frames, options.overwrite)
        if not record.complete:
            live = run.frames.live and options.draw
            drawing = AnnotatedVideo(out / ANNOTATED, run.frames.size, run.frames.rate, lines, zones) if live else None
            with drawing or nullcontext():
                failed = _record(run, record, drawing)
        for frame in record.recorded():
            counts.add(frame.time, frame.tracks)
        write_files(out, Path(run.frames.name).name, record.recorded, counts)
        if options.draw and not run.frames.live:
            with run.bar("drawn") as bar:
                shown = (record.recorded(), run.frames.rate, lines, zones, counts.left_out.ids)
                for _ in write_annotated(out / ANNOTATED, run.frames, *shown):
                    bar.update()
    if options.json:
        left_out = {"brief": len(counts.left_out.brief), "doubles": len(counts.left_out.doubles)}
        done = {"frames": record.frames, "there_before": before, "tracks": counts.tracks, "left_out": left_out}
        print(as_json({"out": str(out), **done, "lines": counts.over_lines, "zones": counts.in_zones}))
    else:
        there = f", {before:,} of them there before" if before else ""
        print(f"{out}: {summary(record.frames, counts, there)}")
    if failed is not None:
        raise failed
    return OK


def _check_folder(out: Path, record: TrackLines, frames: FrameReader, overwrite: bool) -> None:
    if record.frames and frames.live:
        raise EvaluationError(
            f"{out} holds the tracks of {frames.name} at an earlier time, which cannot be gone on with: choose another "
            "folder, or add --overwrite to begin anew"
        )
    others = [name for name in MADE if (out / name).exists()]
    if others and not record.frames and not overwrite:
        raise ResultsError(
            f"{out / others[0]} is there already, and not of this run; choose another folder or --overwrite"
        )


def _record(run: _Run, record: TrackLines, drawing: AnnotatedVideo | None) -> VideoError | None:
    """Go through the video and write down each frame; those that are there already are gone through again unseen.

    Returns:
        Why a live video ended before its time: what was seen of it is kept, since it does not come again.
    """
    failed = None
    try:
        for tracked in _adding(record, run.tracked(islice(record.recorded(), record.frames), record.path.parent)):
            if drawing is not None:
                drawing.add(tracked)
    except (KeyboardInterrupt, VideoError) as error:
        # A file is gone on with the next time, and of nothing there is nothing to keep.
        if not run.frames.live or not record.frames:
            raise
        failed = error if isinstance(error, VideoError) else None
    record.end()
    (record.path.parent / LOOKED).unlink(missing_ok=True)
    return failed


def _adding(record: TrackLines, tracked: Iterable[TrackedFrame]) -> Iterator[TrackedFrame]:
    """The frames as they are written down; those that were there before must have the same tracks again.

    Raises:
        TrackingError: one has others.
    """
    recorded = islice(record.recorded(), record.frames)
    for frame in tracked:
        there = next(recorded, None)
        if there is None:
            record.add(frame)
        elif not _same(frame, there):
            raise TrackingError(
                f"frame {there.index} of {record.path} has other tracks than the same boxes give now: the video "
                "or the packages have changed; add --overwrite to begin anew"
            )
        yield frame


def _same(tracked: TrackedFrame, there: RecordedFrame) -> bool:
    now, then = tracked.detections.track_ids, there.tracks.track_ids
    ids = [[] if some is None else some.tolist() for some in (now, then)]
    return tracked.index == there.index and ids[0] == ids[1]


def summary(frames: int, counts: TrackCounts, there_before: str = "") -> str:
    """How many things of each class there were, crossed each line, and were in each zone, in one line; and how many ids
    were no things."""
    parts = [f"{frames:,} {'frame' if frames == 1 else 'frames'}{there_before}, {_tracks(counts.tracks)}"]
    for name, directions in counts.over_lines.items():
        parts.append(f"{name}: " + ", ".join(f"{way} {_classes(classes)}" for way, classes in directions.items()))
    parts += [f"in {name}: {_classes(classes)}" for name, classes in counts.in_zones.items()]
    if reasons := counts.left_out.reasons:
        parts.append("not counted: " + " and ".join(f"{count:,} that {reason}" for count, reason in reasons))
    return "; ".join(parts)


def _tracks(classes: Mapping[str, int]) -> str:
    total = sum(classes.values())
    return f"{total:,} {'track' if total == 1 else 'tracks'}" + (f" ({_classes(classes, ', ')})" if classes else "")


def _classes(classes: Mapping[str, int], between: str = " and ") -> str:
    return between.join(f"{count:,} {name}" for name, count in classes.items()) or "none"
