"""What is left of a video's frames when actions are named: segments, each with a class and its seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vision.video.actions.measures import Labels, runs_of


@dataclass(frozen=True)
class Segment:
    """Frames in a row with the same action.

    Attributes:
        label: the action's name.
        start: seconds from the video's first frame.
        end: seconds at which the next begins, or the video ends.
    """

    label: str
    start: float
    end: float


def segments_of(labels: Labels, classes: Sequence[str], rate: float) -> list[Segment]:
    """The segments of a video in order; together they are all its time.

    Args:
        labels: the class of each frame.
        classes: names by number.
        rate: frames a second.
    """
    return [Segment(classes[run.label], run.start / rate, run.end / rate) for run in runs_of(labels)]
