"""What the video page shows of what was found, as HTML: the answer, the timeline, the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
from markupsafe import Markup

from app.server.limits import FILE_BYTES, VIDEO_PIXELS, VIDEO_SECONDS, VIDEOS_AT_ONCE, WATCH_SECONDS
from app.server.templates import render
from app.server.words import counted, shortened
from app.video.found import Found
from app.video.timeline import timeline
from vision.detections.description import counted_names, listed
from vision.video.answer import VideoAnswer
from vision.video.event_words import clock, event_words
from vision.video.tracks import Tracks

MOST_NAMED, MOST_TALLIED = 6, 6
"""Things that an answer names, and classes whose numbers it tells."""
MOST_REASONS, MOST_EVENTS = 12, 6
"""Things whose reasons are shown, and events of each."""
MOST_CLASSES = 20
SPARK_WIDTH, SPARK_HEIGHT = 120, 22
LIMITS = (
    f"Up to {FILE_BYTES // 2**20} MB and 4K ({VIDEO_PIXELS / 1e6:.1f} megapixels a frame). The first {VIDEO_SECONDS} "
    f"seconds are looked at, for at most {WATCH_SECONDS / 60:g} minutes; {VIDEOS_AT_ONCE} videos at once, the others "
    "wait. What you send is deleted after an hour."
)
EMPTY = "The video shows here, with what is followed in it."


@dataclass(frozen=True)
class Shown:
    """What the page shows of what was found, ready made: the values behind it are not kept."""

    answer: Markup
    read: Markup
    timeline: Markup
    counts: Markup


def shown(found: Found) -> Shown:
    """All that the page shows of what was found."""
    return Shown(answer_html(found), read_html(found), timeline_html(found), counts_html(found.things))


def stage_html(picture: str = "", video: Path | None = None, words: str = EMPTY) -> Markup:
    """Where the video shows: the newest frame, the annotated video to play, or words before there is either.

    Args:
        picture: an address of a picture.
        video: a file that the server serves.
        words: what stands there without them, and what a screen reader says of a picture.
    """
    address = "" if video is None else f"gradio_api/file={quote(str(video))}"
    return render("video/stage.html", picture=picture, video=address, words=words)


def answer_html(found: Found) -> Markup:
    """The answer in large letters, why it is one with the moments to look at, and what there is to know."""
    reasons = () if found.answer is None else found.answer.justification[:MOST_REASONS]
    told = [
        (
            found.name_of(reason.track_id),
            [(event.start, event_words(event, found.name_of)) for event in reason.events[:MOST_EVENTS]],
            max(0, len(reason.events) - MOST_EVENTS),
        )
        for reason in reasons
    ]
    more = 0 if found.answer is None else len(found.answer.tracks) - len(reasons)
    # Of how the instruction was read is told beside it.
    notes = [note for note in found.notes if note not in found.task.notes]
    return render("video/answer.html", headline=headline(found), reasons=told, more=max(0, more), notes=notes)


def headline(found: Found) -> str:
    """The answer in a few words."""
    answer = found.answer
    if answer is None:
        return _tally(found)
    if answer.question == "find":
        return _named(found, answer.tracks) or "Nothing found"
    if answer.value is None:
        return "I can't tell"
    if answer.question == "count":
        named = _named(found, answer.tracks)
        return f"{answer.value}: {named}" if named else str(answer.value)
    return _valued(answer)


def _valued(answer: VideoAnswer) -> str:
    value = answer.value
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, tuple):
        spans = [f"from {clock(start)} to {clock(end)}" for start, end in value[:MOST_NAMED]]
        more = f", and {len(value) - MOST_NAMED} more times" if len(value) > MOST_NAMED else ""
        told = " and ".join(spans) + more
        return told[:1].upper() + told[1:] if told else "At no time that was looked at"
    return answer.text


def _named(found: Found, ids: Sequence[int]) -> str:
    names = [found.name_of(number) for number in ids]
    if len(names) > MOST_NAMED:
        return counted_names(Counter(found.tracks.by_id[number].class_name for number in ids).most_common())
    return listed(names)


def _tally(found: Found) -> str:
    """How many there are of each class that was asked for."""
    counts = Counter(track.class_name for track in found.things)
    asked = [target.label for target in found.task.targets or ()]
    if len(asked) <= MOST_TALLIED and counts:
        counts.update(dict.fromkeys(asked, 0))
    unknown = [f'I can\'t tell of "{shortened(one.word, 60)}"' for one in found.task.undetectable[:MOST_TALLIED]]
    if not counts:
        return "; ".join(unknown) if found.task.seeks_nothing and unknown else "Nothing found"
    if len(counts) > MOST_TALLIED:
        return counted(counts.total(), "thing")
    return "; ".join([counted_names(counts.most_common()), *unknown])


def read_html(found: Found) -> Markup:
    """The instruction as it was read: what is followed, the query that was asked of it, what was not understood."""
    query = "" if found.answer is None else str(found.answer.query)
    return render("video/read.html", task=found.task, query=query, most=MOST_CLASSES)


def timeline_html(found: Found) -> Markup:
    """A row for each thing with the times at which it is seen, to go there with a press."""
    return render("video/timeline.html", timeline=timeline(found)) if len(found.things) else Markup()


def counts_html(tracks: Tracks) -> Markup:
    """How many things of each class there are: in all, at once, and second by second."""
    if not len(tracks):
        return Markup()
    frames = {int(frame): place for place, frame in enumerate(tracks.frames)}
    seconds = int(tracks.times[-1]) + 1
    total = Counter(track.class_name for track in tracks)
    rows = []
    for name, number in total.most_common(MOST_CLASSES):
        at_once, each_second = np.zeros(len(frames), np.int64), np.zeros(seconds, np.int64)
        for track in tracks:
            if track.class_name == name:
                at_once[[frames[int(frame)] for frame in track.frames]] += 1
                each_second[np.unique(track.times.astype(np.int64))] += 1
        rows.append((name, number, int(at_once.max()), _spark(each_second.tolist())))
    return render(
        "video/counts.html", rows=rows, more=max(0, len(total) - MOST_CLASSES), width=SPARK_WIDTH, height=SPARK_HEIGHT
    )


def _spark(numbers: Sequence[int]) -> str:
    """The path of an area over the seconds, in `SPARK_WIDTH` by `SPARK_HEIGHT`."""
    across, up = SPARK_WIDTH / len(numbers), (SPARK_HEIGHT - 2) / max(*numbers, 1)
    steps = (f"V{SPARK_HEIGHT - number * up:.1f}H{(place + 1) * across:.1f}" for place, number in enumerate(numbers))
    return f"M0 {SPARK_HEIGHT}{''.join(steps)}V{SPARK_HEIGHT}Z"
