"""What an instruction asks of a video: things that are followed frame by frame, or tracks by what happens to them.

"Every dog" can be followed as the frames come. "Every dog that enters from the left" speaks of whole tracks, which are
known once the video is over. Two readers look at the text: that of instructions for images, which knows class sets,
ranks, regions and forms of output, and that of expressions about videos, which knows what happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reasoning import Query
from reasoning.query.tree import Entity, Project, Union
from vision.classes.matching import Matcher
from vision.errors import InstructionError
from vision.grounding.readings import targets_of
from vision.reading.expressions.happenings import happens, is_of_events
from vision.reading.expressions.reader import ExpressionReading
from vision.reading.expressions.sentence import EVERYTHING
from vision.reading.loading import VIDEOS
from vision.reading.understanding import followed
from vision.task import Task
from vision.video.answer import check_whole_tracks, video_readings


@dataclass(frozen=True, eq=False)
class VideoTask:
    """An instruction for a video as it was read.

    Attributes:
        task: what is followed frame by frame; of whole tracks, what has to be followed for them.
        text: what is answered over the tracks; "" where things are followed and nothing is asked.
        readings: what the text may mean, the likeliest first.
        of_tracks: whether only some of the tracks are meant, which is known once the video is over.
    """

    task: Task
    text: str = ""
    readings: Sequence[ExpressionReading] = ()
    of_tracks: bool = False


def read_video_task(text: str, task: Task, matcher: Matcher, adapter: Path = VIDEOS) -> VideoTask:
    """What an instruction asks of a video.

    Args:
        text: the instruction.
        task: as it is read for an image.
        matcher: knows what words mean among the detector's classes.
        adapter: folder of the adapter that reads about videos.

    Raises:
        InstructionError: it cannot be read, or asks about one frame.
        LLMError: the adapter or the weights are missing or damaged.
    """
    check_whole_tracks(text)
    task = followed(task)
    said = task.expression or text
    try:
        readings = video_readings(said, matcher, adapter)
    except InstructionError:
        if task.expression is None and task.understood:
            return VideoTask(task)  # what is not obeyed of it is told with the frames
        raise
    sentence = readings[0].sentence
    things = sentence.things
    if _names_alone(things):
        if task.expression is not None or not task.understood:
            task = Task(text, targets=targets_of(readings[:1]))
        return VideoTask(task) if sentence.question == "find" else VideoTask(task, said, readings)
    plain = task.understood and task.expression is None and not task.unread and sentence.question == "find"
    if plain and not happens(things) and not is_of_events(things):
        return VideoTask(task)
    return video_task_of(said, readings)


def video_task_of(text: str, readings: Sequence[ExpressionReading]) -> VideoTask:
    """The task of following whatever an expression about whole tracks speaks of."""
    # As for a count, what each thing may be called besides is settled.
    return VideoTask(Task(text, "count", targets=targets_of(readings)), text, readings, of_tracks=True)


def _names_alone(things: Query) -> bool:
    """Whether things are said by their class alone."""
    if isinstance(things, Union):
        return all(map(_names_alone, things.parts))
    named = isinstance(things, Project) and things.inverse and things.relation in ("class", "supercategory")
    return things == EVERYTHING or (named and isinstance(things.children[0], Entity))
