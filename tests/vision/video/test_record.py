from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from skylark.errors import DataError, ResultsError
from vision.detections.detections import Detections
from vision.errors import EvaluationError
from vision.images import LoadedImage
from vision.video.tracks import Frame, TrackedFrame
from vision.video.watching import RecordedFrame, TrackLines, frame_line, recorded_frames, recorded_size

SIZE = (96, 64)
SETTINGS = {"video": "street.mp4", "size": list(SIZE)}
CLASSES = ("dog", "cat")


def detections(count: int, ids: bool, scores: bool = True, outlines: bool = False, note: str = "") -> Detections:
    """Boxes at random places, the same for the same count."""
    random = np.random.default_rng(count)
    corners = np.sort(random.uniform(0, 64, (count, 2, 2)), axis=1).reshape(-1, 4).astype(np.float32)
    rings = tuple((np.array([box[:2], box[2:], [box[0], box[3]]], np.float32),) for box in corners)
    sure = random.uniform(0, 1, count).astype(np.float32)
    return Detections(
        SIZE, corners, ("dog", "cat", "dog")[:count], sure if scores else None,
        classes=CLASSES, model_classes=("dog", "cat", "wolf")[:count], polygons=rings if outlines else None,
        polygon_source="model" if outlines else None, track_ids=np.arange(count) + 5 if ids else None,
        notes=(note,) if note else (),
    )  # fmt: skip


def tracked(index: int, tracks: Detections, seen: Detections | None, name: str = "street.mp4, frame") -> TrackedFrame:
    image = LoadedImage(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), name)
    return TrackedFrame(Frame(index, index / 25, image), tracks, seen is not None, seen)


FRAMES = [
    tracked(0, detections(2, True, note="The first."), detections(3, False)),
    tracked(1, detections(2, True), None),
    tracked(2, detections(0, True), detections(0, False)),
    tracked(4, detections(3, True), detections(3, False), "img1/000005.jpg"),
]


def written(path: Path, frames: list[TrackedFrame] = FRAMES, end: bool = True) -> Path:
    with TrackLines(path, SETTINGS) as record:
        for frame in frames:
            record.add(frame)
        if end:
            record.end()
    return path


def same(found: RecordedFrame, frame: TrackedFrame) -> bool:
    return (
        (found.index, found.time, found.tracks) == (frame.index, frame.time, frame.detections)
        and (found.seen is None) == (frame.seen is None)
        and (found.seen is None or found.seen == frame.seen)
    )


class TestWrittenAndReadBack:
    @pytest.mark.parametrize(("scores", "outlines"), [(True, False), (False, True)])
    def test_to_the_last_bit(self, tmp_path: Path, scores: bool, outlines: bool) -> None:
        frames = [tracked(number, detections(3, True, scores, outlines), detections(3, False, scores, outlines))
                  for number in range(2)]  # fmt: skip
        found = list(recorded_frames(written(tmp_path / "tracks.jsonl", frames)))
        assert len(found) == 2 and all(map(same, found, frames))

    def test_frames_of_all_kinds(self, tmp_path: Path) -> None:
        path = written(tmp_path / "tracks.jsonl")
        found = list(recorded_frames(path))
        assert len(found) == 4 and all(map(same, found, FRAMES))
        assert [frame.image for frame in found] == ["", "", "", "000005.jpg"]
        assert found[0].tracks.notes == ("The first.",) and recorded_size(path) == SIZE

    def test_a_note_is_said_once_and_no_record_has_no_size(self, tmp_path: Path) -> None:
        assert recorded_size(tmp_path / "tracks.jsonl") is None
        frames = [tracked(number, detections(1, True, note="Again."), None) for number in range(3)]
        lines = written(tmp_path / "tracks.jsonl", frames).read_text().splitlines()[1:]
        assert [json.loads(line).get("notes") for line in lines] == [["Again."], None, None, None]

    def test_a_line_without_what_was_seen(self) -> None:
        line = frame_line(FRAMES[0], seen=False)
        assert set(line) == {"index", "time", "objects"} and set(line["objects"][0]) == {
            "class_name", "model_class", "xyxy", "score", "track_id",
        }  # fmt: skip


class TestGoingOn:
    def test_an_open_record_is_added_to(self, tmp_path: Path) -> None:
        whole = written(tmp_path / "whole.jsonl").read_bytes()
        path = written(tmp_path / "tracks.jsonl", FRAMES[:2], end=False)
        with TrackLines(path, SETTINGS) as record:
            assert (record.frames, record.complete) == (2, False)
            for frame in FRAMES[2:]:
                record.add(frame)
            record.end()
        assert path.read_bytes() == whole

    def test_what_a_kill_left_of_a_line_is_dropped(self, tmp_path: Path) -> None:
        path = written(tmp_path / "tracks.jsonl", FRAMES[:2], end=False)
        path.write_bytes(path.read_bytes()[:-9])
        assert [frame.index for frame in recorded_frames(path)] == [0]
        with TrackLines(path, SETTINGS) as record:
            assert record.frames == 1
            for frame in FRAMES[1:]:
                record.add(frame)
            record.end()
        assert path.read_bytes() == written(tmp_path / "whole.jsonl").read_bytes()

    def test_a_complete_one_says_so_and_other_settings_are_refused_unless_begun_anew(self, tmp_path: Path) -> None:
        path = written(tmp_path / "tracks.jsonl")
        with TrackLines(path, SETTINGS) as record:
            assert (record.frames, record.complete) == (4, True)
        other = {**SETTINGS, "video": "road.mp4"}
        with pytest.raises(EvaluationError, match=r'video was "street\.mp4", now "road\.mp4"'), TrackLines(path, other):
            pass
        with TrackLines(path, other, overwrite=True) as record:
            assert (record.frames, record.complete) == (0, False)
        assert len(path.read_text().splitlines()) == 1

    def test_another_process_that_writes_it_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "tracks.jsonl"
        with TrackLines(path, SETTINGS), pytest.raises(ResultsError, match="written by another run"):
            TrackLines(path, SETTINGS).__enter__()


BOX = '{{"index":1,"time":0,"objects":[{{"class_name":"{0}","model_class":"{0}","xyxy":[0,0,{1},5]}}]}}'


class TestDamage:
    @pytest.mark.parametrize(
        ("number", "line", "said"),
        [
            (1, '{"settings":{}}', "line 1: expected the settings of a run with the size of its frames"),
            (1, "[]", "line 1: expected a line as it was written"),
            (3, "{}", "line 3: expected the line of a frame"),
            (3, '{"index":', "line 3: expected a line as it was written"),
            (3, '{"index":0,"time":0,"objects":[]}', "line 3: expected a frame after 0, found '0'"),
            (3, '{"index":1,"time":0,"objects":[{"class_name":"dog"}]}', "line 3: expected the line of a frame"),
            (3, BOX.format("cow", 5), "line 3: expected the line of a frame"),
            (3, BOX.format("dog", 500), "line 3: expected the line of a frame"),
        ],
    )
    def test_is_named_with_its_line(self, tmp_path: Path, number: int, line: str, said: str) -> None:
        path = written(tmp_path / "tracks.jsonl")
        lines = path.read_text().splitlines()
        lines[number - 1] = line
        path.write_text("\n".join(lines) + "\n")
        with pytest.raises(DataError, match=said):
            list(recorded_frames(path))
