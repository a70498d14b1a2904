"""`actions`: which action each moment of videos belongs to, from features of their frames."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from skylark.command_line import OK, add_options, as_json, positive, print_progress
from skylark.text import aligned
from vision.errors import ArgumentError
from vision.video.actions import features
from vision.video.actions.features import Recipe, Segment, Timeline, VideoFeatures, check_picture, save_timelines


def add_commands(commands: Any) -> None:
    """Offer `actions` with its jobs."""
    about = "divide videos into actions, from features of their frames"
    actions = commands.add_parser("actions", help=about, description=about)
    jobs = actions.add_subparsers(required=True, metavar="JOB")

    about = "teach a network the actions of labelled videos"
    train = jobs.add_parser("train", help=about, description=f"{about}; a stopped run goes on where it was")
    _add_features(train)
    train.add_argument(
        "--classes", type=Path, required=True, metavar="FILE", help="line n, from 0, names the class that labels call n"
    )
    train.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder of the run and its model")
    default = Recipe()
    kinds = train.add_mutually_exclusive_group()
    for name, graph, what in (("graph", True, "graph layers"), ("plain", False, "convolutions")):
        chosen = "; the default" if default.graph == graph else ""
        kinds.add_argument(
            f"--{name}", dest="graph", action="store_const", const=graph, default=default.graph,
            help=f"later stages of {what}{chosen}",
        )  # fmt: skip
    add_options(
        train,
        default,
        ("epochs", positive, "passes over the videos"),
        ("learning-rate", float, "of Adam"),
        ("layers", positive, "of each stage at most; no dilation exceeds the shortest video"),
        ("stages", positive, "of the network"),
        ("width", positive, "channels inside"),
        ("seed", int, "of everything drawn"),
    )
    train.set_defaults(command=train_command)

    about = "measure a model on labelled videos: right frames, edit score, F1 of segments"
    evaluate = jobs.add_parser("evaluate", help=about, description=about)
    _add_model(evaluate)
    evaluate.set_defaults(command=evaluate_command)

    about = "say which action is when"
    segment = jobs.add_parser("segment", help=about, description=about)
    _add_model(segment)
    segment.set_defaults(command=segment_command)


def _add_features(job: argparse.ArgumentParser) -> None:
    job.add_argument(
        "--features", type=Path, nargs="+", required=True, metavar="FILE", help=".npz files, or folders of them"
    )
    job.add_argument("--rate", type=float, metavar="R", help="frames a second of files that do not say it")


def _add_model(job: argparse.ArgumentParser) -> None:
    job.add_argument("--model", type=Path, required=True, metavar="DIR", help="the folder that it was taught in")
    _add_features(job)
    job.add_argument("--plot", type=Path, metavar="FILE", help="draw the timelines as a .png, .svg or .pdf")
    job.add_argument("--json", action="store_true", help="print JSON")


def train_command(options: argparse.Namespace) -> int:
    """Teach a network and print where its model is."""
    classes = features.read_classes(options.classes)
    videos = _videos(options)
    recipe = Recipe(**{name: value for name, value in vars(options).items() if name in Recipe.__dataclass_fields__})
    # Torch is loaded when a run begins, not for the sake of the command line.
    from vision.video.actions.learning import learn

    learn(videos, classes, recipe, options.out, print_progress).save(options.out)
    print(options.out)
    return OK


def evaluate_command(options: argparse.Namespace) -> int:
    """Measure a model."""
    videos = _videos(options)
    truth = [video.labels for video in videos if video.labels is not None]
    if len(truth) < len(videos):
        unlabelled = next(video.name for video in videos if video.labels is None)
        raise ArgumentError(f"the video {unlabelled!r} has no labels to measure against; `segment` needs none")
    from vision.video.actions.learning import ActionModel

    model = ActionModel.load(options.model)
    model.check_labels(videos)
    predicted = [model.labels(video) for video in videos]
    figures = features.measured(truth, predicted, model.background).to_dict()
    _draw(options, model, videos, predicted)
    if options.json:
        print(as_json({"videos": len(videos), "frames": sum(map(len, videos)), **figures}))
    else:
        print(aligned(["videos", *figures], [[str(len(videos)), *(f"{value:.1f}" for value in figures.values())]]))
    return OK


def segment_command(options: argparse.Namespace) -> int:
    """Print the segments of videos."""
    videos = _videos(options)
    from vision.video.actions.learning import ActionModel

    model = ActionModel.load(options.model)
    model.check_labels(videos)
    rates = [_rate(video, model.rate) for video in videos]
    predicted = [model.labels(video) for video in videos]
    for video, labels, rate in zip(videos, predicted, rates, strict=True):
        segments = features.segments_of(labels, model.classes, rate)
        if options.json:
            print(as_json({"video": video.name, "segments": [asdict(segment) for segment in segments]}, indent=None))
        else:
            print(f"== {video.name}\n{_table(segments)}" if len(videos) > 1 else _table(segments))
    _draw(options, model, videos, predicted)
    return OK


def _rate(video: VideoFeatures, taught: float | None) -> float:
    if (rate := video.rate or taught) is None:
        raise ArgumentError(f"how many frames a second has the video {video.name!r}? Say it with --rate")
    return rate


def _table(segments: Sequence[Segment]) -> str:
    """A line a segment, in seconds."""
    rows = [[segment.label, f"{segment.start:.1f}", f"{segment.end:.1f}"] for segment in segments]
    return aligned(["action", "from", "to"], rows)


def _videos(options: argparse.Namespace) -> list[VideoFeatures]:
    if options.rate is not None and not 0 < options.rate < float("inf"):
        raise ArgumentError(f"--rate is a number of frames a second above 0, not {options.rate:g}")
    videos = features.read_features(options.features, rate=options.rate)
    if getattr(options, "plot", None) is not None:
        check_picture(options.plot, len(videos))
    return videos


def _draw(options: argparse.Namespace, model: Any, videos: Sequence[VideoFeatures], predicted: Sequence[Any]) -> None:
    if options.plot is not None:
        pairs = zip(videos, predicted, strict=True)
        lines = [Timeline(video.name, labels, video.labels, video.rate or model.rate) for video, labels in pairs]
        save_timelines(lines, model.classes, model.background, options.plot)
        print_progress(f"the timelines are in {options.plot}")
