"""What was found in a video: the value that the page's views are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from vision import Task
from vision.video.answer import VideoAnswer
from vision.video.scene import VideoScene
from vision.video.things import things_of
from vision.video.tracks import Tracks


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in a video.

    Attributes:
        task: what was followed.
        tracks: all that was.
        scene: the tracks with what happens to them.
        answer: to an expression or a question; None where the things themselves were asked for.
        notes: what the visitor should know, one sentence each.
    """

    task: Task
    tracks: Tracks
    scene: VideoScene
    answer: VideoAnswer | None
    notes: tuple[str, ...] = ()

    @cached_property
    def things(self) -> Tracks:
        """The tracks that are things of the video, without what only flickers up or doubles others."""
        return things_of(self.tracks)[0]

    @cached_property
    def all_ids(self) -> frozenset[int]:
        """The ids of all tracks."""
        return frozenset(self.tracks.by_id)

    @cached_property
    def meant(self) -> frozenset[int]:
        """The ids of the tracks that are the answer: all of them where the things themselves were asked for."""
        return self.all_ids if self.answer is None else frozenset(self.answer.tracks)

    @cached_property
    def drawn(self) -> frozenset[int]:
        """The ids of the tracks that the annotated video shows: those that are meant, and those by which they are; all
        of them where there are none, so that one sees what there is instead."""
        events = [] if self.answer is None else [one for reason in self.answer.justification for one in reason.events]
        beside = {number for event in events for number in (event.of, event.with_) if number is not None}
        return self.meant | beside or self.all_ids

    def name_of(self, track_id: int) -> str:
        """What a track is called on the page, as the annotated video has it: "#3 dog"."""
        track = self.tracks.by_id.get(track_id)
        return f"#{track_id} {track.class_name}" if track is not None else f"#{track_id}"
