"""A picture of which action is when: a bar a video, and the truth above it where that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skylark.errors import ResultsError
from vision.errors import ArgumentError
from vision.video.actions.features import Labels, runs_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")

MOST_VIDEOS = 60
"""In one picture, which grows with them."""

Colour = str | tuple[float, float, float]

BACKGROUND_COLOUR = "#eeeeee"

WIDTH, VIDEO_HEIGHT, LEGEND_ROW = 10.0, 0.55, 0.22  # inches


@dataclass(frozen=True, eq=False)
class Timeline:
    """What is drawn of a video.

    Attributes:
        name: of the video.
        predicted: shape (frames,): the class of each frame.
        truth: the same as it is known to be, or None.
        rate: frames a second; None where it is not known, then the picture counts frames.
    """

    name: str
    predicted: Labels
    truth: Labels | None = None
    rate: float | None = None


def save_timelines(timelines: Sequence[Timeline], classes: Sequence[str], background: int | None, out: Path) -> None:
    """Draw videos below one another on one axis of time, and write the picture.

    Args:
        timelines: one to `MOST_VIDEOS`.
        classes: names by number.
        background: the class that is no action, drawn in light grey; None where each is one.
        out: the picture; its name says in which of `FORMATS`.

    Raises:
        ArgumentError: the name of `out` has another ending, or there are too many videos.
        ResultsError: the picture cannot be written.
    """
    check_picture(out, len(timelines))
    figure = drawn_timelines(timelines, classes, background)
    try:
        figure.savefig(out, dpi=150)
    except OSError as error:
        raise ResultsError(f"cannot write {out}: {error.strerror or error}") from None


def check_picture(out: Path, videos: int) -> None:
    """Refuse a picture that could not be drawn, before there is anything to draw.

    Raises:
        ArgumentError: see `save_timelines`.
    """
    if out.suffix.lower() not in FORMATS:
        raise ArgumentError(f"{out} is no picture that can be drawn; its name must end in {', '.join(FORMATS)}")
    if videos > MOST_VIDEOS:
        raise ArgumentError(f"a picture holds at most {MOST_VIDEOS} videos, not {videos}; give fewer of them")


def drawn_timelines(timelines: Sequence[Timeline], classes: Sequence[str], background: int | None) -> Figure:
    """The figure of `save_timelines`, for whoever wants to change it before it is saved."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    parts = [part for line in timelines for part in (line.truth, line.predicted) if part is not None]
    there = sorted({run.label for part in parts for run in runs_of(part)})
    colours = _colours(len(classes), background)
    columns = 5
    height = 0.7 + VIDEO_HEIGHT * len(timelines) + LEGEND_ROW * (1 + len(there) // columns)
    figure = Figure(figsize=(WIDTH, height), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    timed = all(line.rate is not None for line in timelines)
    for place, line in enumerate(timelines):
        rate = (line.rate or 1.0) if timed else 1.0
        bars = [line.predicted] if line.truth is None else [line.truth, line.predicted]
        for number, labels in enumerate(bars):
            runs = runs_of(labels)
            axes.broken_barh(
                [(run.start / rate, (run.end - run.start) / rate) for run in runs],
                (place - 0.42 + 0.42 * number, 0.38 if len(bars) == 2 else 0.8),
                facecolors=[colours[run.label] for run in runs],
            )
    axes.set_yticks(range(len(timelines)), [line.name for line in timelines])
    axes.set_ylim(len(timelines) - 0.5, -0.5)
    axes.margins(x=0.005)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)
    above = "; above the truth, below what was found" if any(line.truth is not None for line in timelines) else ""
    axes.set_xlabel(f"{'seconds' if timed else 'frames'}{above}")
    patches = [Patch(color=colours[label], label=classes[label]) for label in there]
    figure.legend(handles=patches, loc="outside lower center", ncols=columns, frameon=False, fontsize="small")
    return figure


def _colours(classes: int, background: int | None) -> Mapping[int, Colour]:
    """A colour for each class: twenty that differ well, or as many as are needed of a rainbow."""
    from matplotlib import colormaps

    actions = [label for label in range(classes) if label != background]
    colours = colormaps["tab20"] if len(actions) <= 20 else colormaps["turbo"].resampled(len(actions))
    named: dict[int, Colour] = {label: colours(place)[:3] for place, label in enumerate(actions)}
    if background is not None:
        named[background] = BACKGROUND_COLOUR
    return named
