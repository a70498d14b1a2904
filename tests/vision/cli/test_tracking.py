import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import pytest

from skylark.command_line import FAILURE, OK, USAGE
from skylark.process import INTERRUPTED
from tests.vision.coloured_pictures import ColourDetector, Object, picture
from tests.vision.video.coloured_frames import COUNT, DRIVES_IN, HIDDEN, frames, objects
from tests.vision.video.made_tracks import readings
from vision import Vision
from vision.cli import main
from vision.detectors.detector import Found, Request
from vision.errors import VideoError
from vision.images import LoadedImage
from vision.task import Target, Task
from vision.video.files import read_mot
from vision.video.frames import FrameReader, VideoSource, open_frames
from vision.video.watching import VideoTask, video_task_of

ALL = "all cats, dogs and cars"
MOVING = "the cat that moves"
GATE = "gate=0.5,0,0.5,1"
MADE = ("tracks.jsonl", "tracks.txt", "classes.txt", "coco.json", "counts.csv")


class Stopped(ColourDetector):
    """Is interrupted when it is to look a certain time."""

    batch_size = 1
    stops_at: int | None = None
    stops_with: BaseException = KeyboardInterrupt()

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        if self.stops_at is not None and len(self.batches) == self.stops_at:
            raise self.stops_with
        return super().detect(images, request)


def asked(_: Vision, instruction: str) -> VideoTask:
    """The instructions of these tests as the language model reads them, which takes it seconds."""
    if instruction == MOVING:
        return video_task_of(instruction, readings(" one cat & moves"))
    names = [name for name in ColourDetector.vocabulary if name in instruction]
    targets = tuple(Target(name, (name,)) for name in names)
    return VideoTask(Task(instruction, targets=targets, class_set=tuple(names)))


@pytest.fixture(autouse=True)
def detectors(monkeypatch: pytest.MonkeyPatch) -> list[Stopped]:
    """Every model that a command opens finds rectangles by their colour; those that were opened."""
    opened: list[Stopped] = []
    monkeypatch.setattr("vision.vision.Vision.read_for_video", asked)

    def open_detector(name: str, **_: Any) -> Stopped:
        opened.append(Stopped(name))
        return opened[-1]

    monkeypatch.setattr("vision.vision.open_detector", open_detector)
    return opened


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return frames(tmp_path_factory.mktemp("video") / "frames")


@pytest.fixture
def track(run: Any, video: Path) -> Any:
    """The command over the video, or over other files."""

    def track(*more: object, asked: str = ALL, of: Sequence[Path] = ()) -> Any:
        return run("track", *(of or [video]), "--instruction", asked, *more)

    return track


def looks(detector: Stopped) -> int:
    return len(detector.batches)


def mot(text: str, folder: Path) -> Any:
    (folder / "out.txt").write_text(text)
    return read_mot(folder / "out.txt", "results")


class TestPrinted:
    def test_mot_text_comes_on_stdout_and_a_summary_on_stderr(self, track: Any, tmp_path: Path) -> None:
        code, out, err = track("--line", GATE)
        rows = mot(out, tmp_path)
        assert code == OK and sorted(set(rows.frames.tolist())) == list(range(1, COUNT + 1))
        dog = rows[rows.classes == 2]
        assert len(set(dog.ids.tolist())) == 1 and dog.xyxy.tolist() == [[70, 40, 90, 60]] * len(dog)
        assert "14 frames, 3 tracks (1 car, 1 cat, 1 dog); gate: left to right 1 cat, right to left 1 car" in err
        assert "the classes in column 8 are 1 cat, 2 dog, 3 car" in err

    def test_a_thing_that_was_hidden_keeps_its_id(self, track: Any, tmp_path: Path) -> None:
        rows = mot(track(asked="the cat")[1], tmp_path)
        assert set(rows.ids.tolist()) == {1} and not {frame + 1 for frame in HIDDEN} & set(rows.frames.tolist())
        for frame, box in zip(rows.frames.tolist(), rows.xyxy.tolist(), strict=True):
            left, top, width, height = next(place for name, place in objects(frame - 1) if name == "cat")
            assert box == [left, top, left + width, top + height]

    def test_what_is_looked_at_is_chosen(self, track: Any, video: Path, detectors: list[Stopped]) -> None:
        assert {line.split(",")[1] for line in track("--tracker", "sort", asked="the dog")[1].splitlines()} == {"1"}
        assert len(track("--json", "--limit-seconds", 0.2)[1].splitlines()) == 6
        assert len(track("--every", 3, "--json")[1].splitlines()) == COUNT and looks(detectors[-1]) == 5
        code, out, err = track("--min-score", "0.9")
        assert (code, out) == (OK, "") and "14 frames, 0 tracks" in err
        assert len(track("--json", of=sorted(video.iterdir())[:3])[1].splitlines()) == 3

    def test_json_is_a_line_a_frame(self, track: Any) -> None:
        code, out, err = track("--json", asked="the car")
        rows = [json.loads(line) for line in out.splitlines()]
        assert code == OK and [row["index"] for row in rows] == list(range(COUNT))
        assert rows[3]["time"] == pytest.approx(3 / 30) and rows[3]["image"] == "000004.png"
        assert [len(row["objects"]) for row in rows[:DRIVES_IN]] == [0] * DRIVES_IN
        assert {row["track_id"] for row in rows[-1]["objects"]} == {1} and "seen" not in rows[-1]
        assert "1 track (1 car)" in err

    @pytest.mark.parametrize("form", [(), ("--json",)])
    def test_a_flicker_is_printed_but_not_counted(self, track: Any, tmp_path: Path, form: tuple[str, ...]) -> None:
        for frame in range(40):
            flicker: list[Object] = [("dog", (4, 4, 20, 20))] if 10 <= frame < 14 else []
            picture([("dog", (70, 40, 20, 20)), *flicker]).save(tmp_path / f"{frame:02}.png")
        code, out, err = track(*form, asked="the dog", of=[tmp_path])
        assert code == OK and ('"track_id": 2' if form else ",2,4.0,4.0,20.0,") in out
        assert "40 frames, 1 track (1 dog); not counted: 1 that lasts less than 0.3 seconds" in err
        written = track("--out", tmp_path / "out", *form, asked="the dog", of=[tmp_path])[1]
        if form:
            summary = json.loads(written)
            assert (summary["tracks"], summary["left_out"]) == ({"dog": 1}, {"brief": 1, "doubles": 0})
        else:
            assert "1 track (1 dog); not counted: 1 that" in written
        assert set(read_mot(tmp_path / "out/tracks.txt", "results").ids.tolist()) == {1, 2}

    def test_what_is_wrong_is_a_usage_error_and_no_video_a_failure_with_the_nearest(
        self, track: Any, video: Path, tmp_path: Path, detectors: list[Stopped]
    ) -> None:
        for arguments, said in {
            "--tracker sorted": "'sorted' is none of botsort",
            "--every 0": "must be at least 1",
            "--line gate": "expected a line as NAME=",
            "--line gate=0,0,500,500": "outside the picture of 96 x 64 pixels",
            "--zone part=0,0,1,1": "expected a zone as NAME=",
            "--limit-seconds 0": "expected a number of seconds above 0",
            "--draw": "--draw and --overwrite need --out DIR",
        }.items():
            code, out, err = track(*arguments.split())
            assert (code, out) == (USAGE, "") and said in err and detectors == []
        code, _, err = track(of=[video.with_name("frame")])
        assert code == FAILURE and "frames" in err
        (tmp_path / "notes.mp4").write_text("no video")
        assert track(of=[tmp_path / "notes.mp4"])[0] == FAILURE


@pytest.fixture(scope="module")
def folder(video: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one run wrote."""
    out = tmp_path_factory.mktemp("written") / "new" / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vision.vision.open_detector", lambda name, **_: ColourDetector(name))
        patch.setattr("vision.vision.Vision.read_for_video", asked)
        arguments = ["track", str(video), "--instruction", ALL, "--out", str(out), "--draw", "--line", GATE]
        assert main([*arguments, "--zone", "left=0,0,0.5,0,0.5,1,0,1"]) == OK
    return out


class TestToAFolder:
    def test_all_files_are_there_and_mot_text_is_what_is_printed(self, folder: Path, track: Any) -> None:
        assert {path.name for path in folder.iterdir()} == {*MADE, "annotated.mp4"}
        assert (folder / "tracks.txt").read_text() == track()[1]
        assert (folder / "classes.txt").read_text().split() == ["cat", "dog", "car"]
        first, *lines, last = map(json.loads, (folder / "tracks.jsonl").read_text().splitlines())
        assert first["settings"]["instruction"] == ALL and first["settings"]["size"] == [96, 64]
        assert last == {"frames": COUNT} and [line["index"] for line in lines] == list(range(COUNT))
        assert [len(line["seen"]) for line in lines] == [len(objects(frame)) for frame in range(COUNT)]

    def test_coco_has_images_annotations_and_tracks(self, folder: Path) -> None:
        data = json.loads((folder / "coco.json").read_text())
        assert data["videos"] == [{"id": 1, "name": "frames", "width": 96, "height": 64}]
        assert [image["frame_index"] for image in data["images"]] == list(range(COUNT))
        names = {category["id"]: category["name"] for category in data["categories"]}
        tracks = {row["id"]: names[row["category_id"]] for row in data["tracks"]}
        assert sorted(tracks.values()) == ["car", "cat", "dog"]
        rows = read_mot(folder / "tracks.txt", "results")
        assert all(tracks[row["track_id"]] == names[row["category_id"]] for row in data["annotations"])
        assert len({row["id"] for row in data["annotations"]}) == len(data["annotations"]) == len(rows)
        assert [row["image_id"] for row in data["annotations"]] == rows.frames.tolist()

    def test_counts_have_the_crossings_and_the_video_all_frames(self, folder: Path) -> None:
        rows = list(csv.DictReader((folder / "counts.csv").read_text().splitlines()))
        crossed = {(row["direction"], row["class"]): row["count"] for row in rows if row["place"] == "line"}
        assert crossed["left to right", "cat"] == "1" and crossed["right to left", "car"] == "1"
        assert sum(map(int, crossed.values())) == 2
        zone = {row["class"]: row["count"] for row in rows if row["place"] == "zone"}
        assert zone == {"cat": "1", "dog": "0", "car": "1"}
        with av.open(str(folder / "annotated.mp4")) as container:
            pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert len(pictures) == COUNT and pictures[0].shape == (64, 96, 3)

    def test_evaluate_tracks_reads_it(self, folder: Path, run: Any, tmp_path: Path) -> None:
        tracks = {"cat": 1, "dog": 2, "car": 3}
        rows = [
            f"{frame + 1},{tracks[name]},{x},{y},{w},{h},1,-1,-1,-1"
            for frame in range(COUNT) for name, (x, y, w, h) in objects(frame)
        ]  # fmt: skip
        (tmp_path / "S1.txt").write_text("\n".join(rows))
        code, out, _ = run("evaluate-tracks", "--truth", tmp_path, "--results", folder, "--json")
        figures = json.loads(out)
        assert code == OK and figures["FP"] == 0 and figures["IDSW"] == 0 and figures["IDF1"] > 0.9
        table = run("evaluate-tracks", "--truth", tmp_path, "--results", folder, "--classes", "dog")[1]
        assert table.splitlines()[0].split()[:2] == ["HOTA", "DetA"] and "truth read as mot15" in table

    def test_as_json_the_summary_is_an_object(self, track: Any, tmp_path: Path) -> None:
        code, out, _ = track("--out", tmp_path, "--json", "--line", GATE)
        assert code == OK and json.loads(out) == {
            "out": str(tmp_path), "frames": COUNT, "there_before": 0, "tracks": {"car": 1, "cat": 1, "dog": 1},
            "left_out": {"brief": 0, "doubles": 0}, "zones": {},
            "lines": {"gate": {"left to right": {"cat": 1}, "right to left": {"car": 1}}},
        }  # fmt: skip

    def test_a_file_of_another_is_left_alone_also_in_the_place_of_the_folder(self, track: Any, tmp_path: Path) -> None:
        (tmp_path / "tracks.txt").write_text("mine")
        code, _, err = track("--out", tmp_path)
        assert code == FAILURE and "is there already, and not of this run" in err
        assert (tmp_path / "tracks.txt").read_text() == "mine"
        assert track("--out", tmp_path, "--overwrite")[0] == OK
        code, _, err = track("--out", tmp_path / "tracks.txt")
        assert code == FAILURE and "cannot make the folder" in err


class TestGoingOn:
    def whole(self, track: Any, folder: Path, *more: object, asked: str = ALL) -> dict[str, bytes]:
        assert track("--out", folder, *more, asked=asked)[0] == OK
        assert {path.name for path in folder.iterdir()} == set(MADE)
        return {name: (folder / name).read_bytes() for name in MADE}

    @pytest.mark.parametrize(
        ("stop", "asked", "more"),
        [(0, ALL, ()), (3, ALL, ()), (1, ALL, ("--every", 3)), (3, ALL, ("--tracker", "sort")), (3, MOVING, ())],
    )
    def test_a_stopped_run_ends_as_one_that_was_let_be(
        self, track: Any, tmp_path: Path, detectors: list[Stopped], monkeypatch: pytest.MonkeyPatch,
        stop: int, asked: str, more: tuple[object, ...],
    ) -> None:  # fmt: skip
        expected = self.whole(track, tmp_path / "whole", *more, asked=asked)
        moving = asked == MOVING  # the whole video must be seen first
        counted = {row["class"] for row in csv.DictReader(expected["counts.csv"].decode().splitlines())}
        assert not moving or counted == {"cat"}
        monkeypatch.setattr(Stopped, "stops_at", stop)
        assert track("--out", tmp_path / "out", *more, asked=asked)[0] == INTERRUPTED
        left = {path.name for path in (tmp_path / "out").iterdir()}
        assert left == {"tracks.jsonl", *(["looked.jsonl"] if moving else [])}
        monkeypatch.setattr(Stopped, "stops_at", None)
        assert self.whole(track, tmp_path / "out", *more, asked=asked) == expected
        assert looks(detectors[1]) + looks(detectors[2]) == looks(detectors[0])

    def test_wherever_the_record_was_cut_off(self, track: Any, tmp_path: Path) -> None:
        more = ("--every", 2)
        expected = self.whole(track, tmp_path / "whole", *more)
        record = expected["tracks.jsonl"]
        ends = [place for place, byte in enumerate(record, start=1) if byte == ord("\n")]
        for cut in (0, 7, ends[0], ends[3] + 40, ends[HIDDEN[1]] + 5, ends[-2]):
            out = tmp_path / str(cut)
            out.mkdir()
            (out / "tracks.jsonl").write_bytes(record[:cut])
            assert self.whole(track, out, *more) == expected, cut

    def test_what_is_done_is_not_looked_at_again_and_other_settings_need_another_folder(
        self, track: Any, tmp_path: Path, detectors: list[Stopped]
    ) -> None:
        self.whole(track, tmp_path)
        code, out, _ = track("--out", tmp_path, "--draw", "--line", GATE)
        assert code == OK and looks(detectors[1]) == 0 and (tmp_path / "annotated.mp4").exists()
        assert "14 frames, 14 of them there before, 3 tracks" in out and "left to right 1 cat" in out
        assert "gate" in (tmp_path / "counts.csv").read_text()
        before = {name: (tmp_path / name).read_bytes() for name in MADE}
        changes: tuple[tuple[str, str, tuple[object, ...]], ...] = (
            ("instruction was", "the dog", ()),
            ("every was 1, now 2", ALL, ("--every", 2)),
            ('tracker was "botsort", now "sort"', ALL, ("--tracker", "sort")),
            ("min_score was 0.01, now 0.5", ALL, ("--min-score", "0.5")),
            ("limit_seconds was null, now 1.0", ALL, ("--limit-seconds", "1")),
        )
        for said, asked, change in changes:
            code, _, err = track(*change, "--out", tmp_path, asked=asked)
            assert code == USAGE and said in err and "--overwrite" in err
        assert {name: (tmp_path / name).read_bytes() for name in MADE} == before
        assert track(*change, "--out", tmp_path, "--overwrite")[0] == OK

    def test_a_video_that_has_changed_or_a_damaged_record_is_told(self, track: Any, tmp_path: Path) -> None:
        expected = self.whole(track, tmp_path)["tracks.jsonl"].splitlines(keepends=True)
        # One frame's tracks have another id than the boxes of the record give.
        line = json.loads(expected[4])
        line["objects"][0]["track_id"] = 9
        (tmp_path / "tracks.jsonl").write_bytes(b"".join([*expected[:4], json.dumps(line).encode(), b"\n"]))
        code, _, err = track("--out", tmp_path)
        assert code == FAILURE and "frame 3 of" in err and "have changed; add --overwrite" in err
        (tmp_path / "tracks.jsonl").write_bytes(b"".join([*expected[:3], b"{}\n", *expected[4:]]))
        code, _, err = track("--out", tmp_path)
        assert code == FAILURE and "tracks.jsonl, line 4: expected the line of a frame" in err


class TestLiveVideos:
    """A camera shows nothing twice, and the newest two of its frames wait at least."""

    @pytest.fixture(autouse=True)
    def camera(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def opened(source: VideoSource, **options: Any) -> FrameReader:
            frames = open_frames(source, **options)
            frames.live = True
            return frames

        monkeypatch.setattr("vision.cli.tracking.open_frames", opened)

    def test_what_was_seen_is_written_when_it_is_stopped_or_stalls_and_not_gone_on_with(
        self, track: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Stopped, "stops_at", 1)
        code, out, _ = track("--out", tmp_path / "one", "--draw")
        assert code == OK and "1 frame" in out
        assert {path.name for path in (tmp_path / "one").iterdir()} == {*MADE, "annotated.mp4"}
        with av.open(str(tmp_path / "one/annotated.mp4")) as container:
            assert len(list(container.decode(video=0))) == 1
        monkeypatch.setattr(Stopped, "stops_with", VideoError("The stream has stalled."))
        code, out, err = track("--out", tmp_path / "two")
        assert code == FAILURE and "1 frame" in out and "error: The stream has stalled." in err
        assert {path.name for path in (tmp_path / "two").iterdir()} == {*MADE}
        monkeypatch.setattr(Stopped, "stops_at", None)
        code, _, err = track("--out", tmp_path / "two")
        assert code == USAGE and "at an earlier time, which cannot be gone on with" in err
        assert track("--out", tmp_path / "two", "--overwrite")[0] == OK
