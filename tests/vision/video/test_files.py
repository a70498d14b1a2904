"""Files of tracks: MOT text in its forms, and what is made of a record."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

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
from vision.video.files import MotRows, by_frame, mot_text, read_mot, write_annotated, write_files
from vision.video.frames import open_frames
from vision.video.tracks import TrackedFrame
from vision.video.watching import RecordedFrame

MOT15 = "1,1,399,182,121,229,1,-1,-1,-1\n2,1,399.5,182,121,229,1,-1,-1,-1\n"
MOT15_WORLD = "1,1,88,99,61.08,218.56,1,4.4852,5.5016,0\n1,2,181,95,75.808,227.01,1,4,5,0\n"
MOT17 = "1,1,912,484,97,109,0,7,1\n2,2,912,484,97,109,1,1,0.86\n"
VISDRONE = "1,0,593,43,174,190,0,0,0,0\n1,1,1024,89,20,36,1,4,0,2\n"


def read(folder: Path, text: str, form: Any = None) -> MotRows:
    path = folder / "gt.txt"
    path.write_text(text)
    return read_mot(path, form)


class TestMotText:
    @pytest.mark.parametrize(
        ("text", "form"),
        [
            (MOT15, "mot15"), (MOT15_WORLD, "mot15"), (MOT17, "mot17"), (VISDRONE, "visdrone"), ("", "mot15"),
            ("1,1,0,0,5,5\n", "mot15"), ("1,1,0,0,5,5,1\n", "mot15"), ("1,1,0,0,5,5,1,1\n", "mot17"),
            ("1,1,0,0,5,5,0.9,4,0,0\n", "mot15"),  # no flag: a score of VisDrone's truth is 0 or 1
            ("1,1,0,0,5,5,1,12,0,0\n", "mot15"),  # no category of VisDrone
        ],
    )  # fmt: skip
    def test_has_the_form_that_its_columns_hold(self, tmp_path: Path, text: str, form: str) -> None:
        assert read(tmp_path, text).form == form

    @pytest.mark.parametrize(
        ("text", "form", "classes"),
        [
            (VISDRONE, "visdrone", [0, 4]), (VISDRONE, "mot15", [-1, -1]),
            ("1,1,0,0,5,5,0.9,3,-1,-1\n1,2,0,0,5,5,0.9,-1,-1,-1\n", "results", [3, -1]),
            ("1,1,0,0,5,5,0.9,4.5,5.5,0\n1,2,0,0,5,5,0.9,3,5.5,0\n", "results", [-1, -1]),  # no whole numbers
        ],
    )  # fmt: skip
    def test_has_the_classes_of_a_form_that_is_named(
        self, tmp_path: Path, text: str, form: str, classes: list[int]
    ) -> None:
        assert read(tmp_path, text, form).classes.tolist() == classes

    @pytest.mark.parametrize(("name", "rows", "ids"), [("TUD-Campus", 359, 8), ("TUD-Stadtmitte", 1156, 10)])
    def test_of_real_truth_is_read(self, data_root: Path, name: str, rows: int, ids: int) -> None:
        path = data_root / "vision" / "mot15" / name / "gt.txt"
        if not path.exists():
            pytest.skip(f"needs {path}")
        read = read_mot(path)
        assert (read.form, len(read), len(np.unique(read.ids))) == ("mot15", rows, ids)

    def test_has_boxes_that_become_corners(self, tmp_path: Path) -> None:
        rows = read(tmp_path, f"\n{MOT17}\n")
        assert rows.xyxy.tolist() == [[912, 484, 1009, 593]] * 2
        assert rows.frames.tolist() == [1, 2] and rows.ids.tolist() == [1, 2] and rows.lines.tolist() == [2, 3]
        assert rows.scores.tolist() == [0, 1] and rows.classes.tolist() == [7, 1]

    def test_may_have_windows_ends_a_mark_of_bytes_and_a_last_comma(self, tmp_path: Path) -> None:
        path = tmp_path / "gt.txt"
        path.write_bytes(b"\xef\xbb\xbf1, 1, 0, 0, 5, 5, 1,\r\n2, 1, 0, 0, 5, 5, 1,\r\n")
        assert read_mot(path).frames.tolist() == [1, 2]

    def test_gives_frames_in_order_with_their_rows(self, tmp_path: Path) -> None:
        rows = read(tmp_path, "3,1,0,0,5,5\n1,2,0,0,5,5\n3,4,0,0,5,5\n")
        assert {frame: rows[places].ids.tolist() for frame, places in by_frame(rows).items()} == {1: [2], 3: [1, 4]}
        assert by_frame(rows[np.zeros(3, bool)]) == {}

    @pytest.mark.parametrize(
        ("text", "form", "line", "expected"),
        [
            ("1,1,0,0,5,5\n1,2,0,0,five,5\n", None, 2, "frame,id,left,top,width,height"),
            ("1 1 0 0 5 5\n", None, 1, "frame,id,left,top,width,height"),
            ("\n1,1,0,0,5,5\n1,2,0,0,5,5,1\n", None, 3, "6 columns as in the line before"),
            ("0,1,0,0,5,5\n", None, 1, "a frame from 1, found '0'"),
            ("1.5,1,0,0,5,5\n", None, 1, "a frame from 1, found '1.5'"),
            ("100000000000,1,0,0,5,5\n", None, 1, "a frame from 1"),
            ("1,-2,0,0,5,5\n", None, 1, "an id, found '-2'"),
            ("1,1,0,0,-5,5\n", None, 1, "finite numbers, and no negative width or height"),
            ("1,1,nan,0,5,5\n", None, 1, "finite numbers"),
            ("1,1,0,0,5,5,1,14,1\n", None, 1, "a class of MOT17 in column 8, found '14'"),
            (MOT15, "mot17", 1, "a class of MOT17 in column 8, found '-1'"),
            (MOT15_WORLD, "mot20", 1, "a class of MOT17 in column 8, found '4.4852'"),
            ("1,1,0,0,5,5,1\n", "mot17", 1, "a class in column 8, found '7 columns'"),
            ("1,1,0,0,5,5,1,12,0,0\n", "visdrone", 1, "a category of VisDrone in column 8, found '12'"),
        ],
    )
    def test_that_is_damaged_or_of_another_form_names_the_line(
        self, tmp_path: Path, text: str, form: str | None, line: int, expected: str
    ) -> None:
        with pytest.raises(DataError, match=f"line {line}: expected {expected}"):
            read(tmp_path, text, form)

    def test_that_is_not_there_or_no_text_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="a text that can be read"):
            read_mot(tmp_path / "no.txt")
        (tmp_path / "video.mp4").write_bytes(b"\x00\xff\xfe")
        with pytest.raises(DataError, match="expected MOT text in UTF-8"):
            read_mot(tmp_path / "video.mp4")

    def test_is_written_a_line_a_box_from_frame_one_and_read_back(self, tmp_path: Path) -> None:
        boxes, scores = np.array([[12.25, 30, 200.125, 310], [0, 0, 5, 7.1]]), np.array([0.9, 0.25])
        ids = np.array([3, 12])
        found = Detections((640, 480), boxes, ("dog", "cat"), scores, classes=("cat", "dog"), track_ids=ids)
        text = mot_text(0, found)
        assert text == "1,3,12.25,30.0,187.875,280.0,0.9,2,-1,-1\n1,12,0.0,0.0,5.0,7.1,0.25,1,-1,-1\n"
        assert mot_text(4, found[[]]) == ""
        sure = Detections((640, 480), np.array([[0, 0, 5, 5]]), ("dog",), track_ids=np.array([1]))
        assert mot_text(1, sure) == "2,1,0.0,0.0,5.0,5.0,1.0,1,-1,-1\n"
        rows = read(tmp_path, text, "results")
        assert rows.ids.tolist() == [3, 12] and rows.frames.tolist() == [1, 1] and rows.classes.tolist() == [2, 1]
        assert np.abs(rows.xyxy - found.xyxy).max() < 0.0002


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


class TestFilesOfARecord:
    def test_are_of_its_tracks(self, tmp_path: Path) -> None:
        write_files(tmp_path, "way.mp4", recorded, TrackCounts(SIZE))
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == ["classes.txt", "coco.json", "counts.csv", "tracks.txt"]
        assert (tmp_path / "classes.txt").read_text() == "bus\ncar\n"
        data = json.loads((tmp_path / "coco.json").read_text())
        assert [tuple(row.values()) for row in data["tracks"]] == [(3, 1, 2), (7, 1, 1)]
        assert data["images"][2] == {
            "id": 3, "video_id": 1, "video": "way.mp4", "frame_index": 2, "time": 0.08, "file_name": "000003.jpg",
            "width": 160, "height": 120,
        }  # fmt: skip
        last = data["annotations"][-1]
        assert (last["track_id"], last["image_id"], last["category_id"], last["bbox"]) == (7, 8, 1, [100, 80, 40, 30])
        assert [row["id"] for row in data["annotations"]] == list(range(1, 10))

    def test_are_empty_where_there_is_no_frame(self, tmp_path: Path) -> None:
        write_files(tmp_path, "way.mp4", list, TrackCounts(SIZE))
        data = json.loads((tmp_path / "coco.json").read_text())
        assert data["images"] == data["annotations"] == data["tracks"] == data["categories"] == []
        assert (tmp_path / "tracks.txt").read_bytes() == b""

    def test_are_whole_or_stay_where_the_record_breaks(self, tmp_path: Path) -> None:
        def broken() -> Iterator[RecordedFrame]:
            yield from recorded(3)
            raise DataError("tracks.jsonl", "a frame", 5)

        (tmp_path / "tracks.txt").write_text("before")
        with pytest.raises(DataError):
            write_files(tmp_path, "way.mp4", broken, TrackCounts(SIZE))
        assert [path.name for path in tmp_path.iterdir()] == ["tracks.txt"]
        assert (tmp_path / "tracks.txt").read_text() == "before"


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return moving_video(tmp_path_factory.mktemp("video") / "way.mp4", [[box] for box in WAY], SIZE)


class TestTheAnnotatedVideo:
    @staticmethod
    def annotated(video: Path, folder: Path, record: list[RecordedFrame], **options: Any) -> list[int]:
        """The frames that were drawn."""
        with open_frames(video) as frames:
            drawn = write_annotated(folder / "annotated.mp4", frames, record, frames.rate, **options)
            return [frame.index for frame in drawn]

    def test_shows_the_tracks_on_the_frames(self, video: Path, tmp_path: Path) -> None:
        assert self.annotated(video, tmp_path, recorded(3)) == [0, 1, 2]
        assert self.annotated(video, tmp_path, recorded()) == list(range(len(WAY)))
        with av.open(str(tmp_path / "annotated.mp4")) as container:
            pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert len(pictures) == len(WAY)
        # In the last frame a second box is drawn where the video has nothing.
        assert np.abs(pictures[-1].astype(int) - pictures[-2])[78:112, 98:142].max() > 60

    def test_has_numbers_that_leave_out_what_does_not_count(
        self, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shown: list[int] = []

        def draw(_: Annotator, tracked: TrackedFrame, counts: Mapping[str, int]) -> NDArray[np.uint8]:
            shown.append(counts["all"])
            return tracked.frame.image.pixels

        monkeypatch.setattr(Annotator, "draw", draw)
        everywhere = [Zone("all", ((0, 0), (1, 0), (1, 1), (0, 1)))]
        for ids in ((), (7,), (3, 7)):
            self.annotated(video, tmp_path, recorded(), zones=everywhere, uncounted=ids)
        assert shown[len(WAY) - 1 :: len(WAY)] == [2, 1, 0]

    def test_is_not_drawn_on_another_video_or_of_nothing_and_leaves_nothing_where_it_is_given_up(
        self, video: Path, tmp_path: Path
    ) -> None:
        for other in (recorded(first=1), recorded(size=(200, 120))):
            with pytest.raises(TrackingError, match="not the video that was tracked"):
                self.annotated(video, tmp_path, other)
        with open_frames(video) as frames:
            drawing = write_annotated(tmp_path / "annotated.mp4", frames, recorded(), frames.rate)
            next(drawing)
            drawing.close()  # type: ignore[attr-defined]
        assert self.annotated(video, tmp_path, []) == [] == list(tmp_path.iterdir())
