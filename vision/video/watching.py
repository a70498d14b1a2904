"""A video gone through to its end and remembered, without its pixels, so that whole tracks can be spoken of.

What is meant by "the car that overtakes the bus" is known when the video is over. To show it, the frames are read once
more, and the remembered boxes of the tracks that are meant are put into them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vision.detections.detections import Detections
from vision.errors import VideoError
from vision.video.camera import CameraMotion
from vision.video.frames import FrameLimits, FrameReader, VideoSource, frames_of
from vision.video.track_colours import TrackColours
from vision.video.tracks import Frame, TrackedFrame, TrackRecord, Tracks


@contextmanager
def frames_with_an_end(video: VideoSource | FrameReader, limits: FrameLimits) -> Iterator[FrameReader]:
    """The frames of a video that ends and can be read twice; those that are open are closed by the caller.

    Raises:
        VideoError: it is live, or cannot be read.
    """
    with frames_of(video, limits) as frames:
        if frames.live:
            raise VideoError(
                f"{frames.name} is live and has no end, and what is asked speaks of whole tracks: record it to a file "
                'first, or follow the things alone, such as "every dog"'
            )
        yield frames


class WatchedVideo:
    """The tracks of a video with their colours, and the camera's motion, remembered while it is gone through.

    Args:
        frames: with what is in them, from the first to the last.
    """

    def __init__(self, frames: Iterable[TrackedFrame]) -> None:
        record, colours, camera = TrackRecord(), TrackColours(), CameraMotion()
        moved: list[NDArray[np.float64]] = []
        self._detected: list[bool] = []
        # What the boxes of all frames have in common: labels, the class set, how they are written.
        self._form: Detections | None = None
        for frame in frames:
            record.add(frame)
            colours.add(frame)
            # Things that are not followed move too, and the tracker was given some of them.
            there = frame.detections if frame.seen is None else frame.seen
            moved.append(camera.follow(frame.frame.image.pixels, there.xyxy))
            self._detected.append(frame.detected)
            if self._form is None:
                self._form = replace(frame.detections[:0], source=None)
        tracks = record.tracks()
        for track in tracks:
            record.colour(track.id, colours.of(track.id))
        self.tracks: Tracks = replace(record.tracks(), camera=np.array(moved, np.float64).reshape(-1, 2, 3))

    def shown(self, frames: Iterable[Frame], ids: Collection[int], notes: Iterable[str]) -> Iterator[TrackedFrame]:
        """The frames once more, with some of the tracks alone.

        Args:
            frames: the same as before.
            ids: of the tracks.
            notes: are said with the first frame.
        """
        if self._form is None:
            return
        form = replace(self._form, notes=tuple(dict.fromkeys((*self._form.notes, *notes))))
        wanted = [track for track in self.tracks if track.id in ids]
        places = {track.id: 0 for track in wanted}
        for frame, detected in zip(frames, self._detected, strict=False):
            there = []
            for track in wanted:
                place = places[track.id]
                if place < len(track) and track.frames[place] == frame.index:
                    there.append((track, place))
                    places[track.id] += 1
            scores = [track.scores[place] for track, place in there if track.scores is not None]
            found = replace(
                form,
                xyxy=np.array([track.xyxy[place] for track, place in there], np.float32).reshape(-1, 4),
                class_names=tuple(track.class_name for track, _ in there),
                model_classes=tuple(track.model_class for track, _ in there),
                scores=np.array(scores, np.float32) if len(scores) == len(there) else None,
                polygons=None,
                track_ids=np.array([track.id for track, _ in there], np.int64),
                source=frame.image,
            )
            yield TrackedFrame(frame, found, detected)
