from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from skylark.errors import DataError
from tests.vision.video.made_videos import moving_video
from vision.detections.detections import Detections
from vision.errors import TrackingError
from vision.video.counting import TrackCounts, Zone
from vision.video.drawing import Annotator
from vision.video.files import write_annotated, write_files
from vision.video.frames import open_frames
from vision.video.tracks import TrackedFrame
from vision.video.watching import RecordedFrame

SIZE = (160, 120)
WAY = [(10 + 12 * frame, 30, 40 + 12 * frame, 60) for frame in range(8)]


def recorded(count: int = len(WAY), first: int = 0, size: tuple[int, int] = SIZE) -> list[RecordedFrame]:
    """A thing of id 3 that goes its way, and another of id 7 in the last frame."""
    frames = []
    for index, box in enumerate(WAY[:count], start=first):
        boxes = [box, (100, 80, 140, 110)] if index == len(WAY) - 1 else [box]
        found = Detections(
            size, np.array(boxes, np.float32), ("car", "bus")[: len(boxes)], np.full(len(boxes), 0.5),
            classes=("bus", "car"), track_ids=np.array([3, 7])[: len(boxes)],
        )  # fmt: skip
        frames.append(RecordedFrame(index, index / 25, found, None))
    return frames


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return moving_video(tmp_path_factory.mktemp("video") / "way.mp4", [[box] for box in WAY], SIZE)


class TestFiles:
    def test_of_tracks(self, tmp_path: Path) -> None:
        write_files(tmp_path, "way.mp4", recorded, TrackCounts(SIZE))
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "classes.txt", "coco.json", "counts.csv", "tracks.txt",
        ]  # fmt: skip
        assert (tmp_path / "classes.txt").read_text() == "bus\ncar\n"
        data = json.loads((tmp_path / "coco.json").read_text())
        assert data["tracks"] == [
            {"id": 3, "video_id": 1, "category_id": 2}, {"id": 7, "video_id": 1, "category_id": 1},
        ]  # fmt: skip
        assert data["images"][2] == {
            "id": 3, "video_id": 1, "video": "way.mp4", "frame_index": 2, "time": 0.08, "file_name": "000003.jpg",
            "width": 160, "height": 120,
        }  # fmt: skip
        last = data["annotations"][-1]
        assert (last["track_id"], last["image_id"], last["category_id"], last["bbox"]) == (7, 8, 1, [100, 80, 40, 30])
        assert [row["id"] for row in data["annotations"]] == list(range(1, 10))

    def test_of_no_frames(self, tmp_path: Path) -> None:
        write_files(tmp_path, "way.mp4", list, TrackCounts(SIZE))
        data = json.loads((tmp_path / "coco.json").read_text())
        assert data["images"] == data["annotations"] == data["tracks"] == data["categories"] == []
        assert (tmp_path / "tracks.txt").read_bytes() == b""

    def test_a_record_that_breaks_leaves_no_half_file(self, tmp_path: Path) -> None:
        def broken() -> Iterator[RecordedFrame]:
            yield from recorded(3)
            raise DataError("tracks.jsonl", "a frame", 5)

        (tmp_path / "tracks.txt").write_text("before")
        with pytest.raises(DataError):
            write_files(tmp_path, "way.mp4", broken, TrackCounts(SIZE))
        assert [path.name for path in tmp_path.iterdir()] == ["tracks.txt"]
        assert (tmp_path / "tracks.txt").read_text() == "before"


class TestTheAnnotatedVideo:
    def test_shows_the_tracks_on_the_frames(self, video: Path, tmp_path: Path) -> None:
        with open_frames(video) as frames:
            drawn = list(write_annotated(tmp_path / "annotated.mp4", frames, recorded(), frames.rate))
        assert [frame.index for frame in drawn] == list(range(len(WAY)))
        with av.open(str(tmp_path / "annotated.mp4")) as container:
            pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert len(pictures) == len(WAY)
        # In the last frame a second box is drawn where the video has nothing.
        change = np.abs(pictures[-1].astype(int) - pictures[-2])[78:112, 98:142]
        assert change.max() > 60

    def test_numbers_leave_out_what_does_not_count(
        self, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shown: list[int] = []

        def draw(_: Annotator, tracked: TrackedFrame, counts: Mapping[str, int]) -> NDArray[np.uint8]:
            shown.append(counts["all"])
            return tracked.frame.image.pixels

        monkeypatch.setattr(Annotator, "draw", draw)
        everywhere = [Zone("all", ((0, 0), (1, 0), (1, 1), (0, 1)))]
        for ids in ((), (7,), (3, 7)):
            with open_frames(video) as frames:
                path = tmp_path / "annotated.mp4"
                list(write_annotated(path, frames, recorded(), frames.rate, zones=everywhere, uncounted=ids))
        assert shown[len(WAY) - 1 :: len(WAY)] == [2, 1, 0]

    def test_of_fewer_frames_is_shorter(self, video: Path, tmp_path: Path) -> None:
        with open_frames(video) as frames:
            assert len(list(write_annotated(tmp_path / "annotated.mp4", frames, recorded(3), frames.rate))) == 3

    @pytest.mark.parametrize("other", [recorded(first=1), recorded(size=(200, 120))])
    def test_is_not_drawn_on_another_video(self, video: Path, tmp_path: Path, other: list[RecordedFrame]) -> None:
        with open_frames(video) as frames, pytest.raises(TrackingError, match="not the video that was tracked"):
            list(write_annotated(tmp_path / "annotated.mp4", frames, other, frames.rate))
        assert list(tmp_path.iterdir()) == []

    def test_that_is_given_up_leaves_nothing(self, video: Path, tmp_path: Path) -> None:
        with open_frames(video) as frames:
            drawing = write_annotated(tmp_path / "annotated.mp4", frames, recorded(), frames.rate)
            next(drawing)
            drawing.close()  # type: ignore[attr-defined]
        assert list(tmp_path.iterdir()) == []

    def test_of_nothing_is_none(self, video: Path, tmp_path: Path) -> None:
        with open_frames(video) as frames:
            assert list(write_annotated(tmp_path / "annotated.mp4", frames, [], frames.rate)) == []
        assert list(tmp_path.iterdir()) == []
