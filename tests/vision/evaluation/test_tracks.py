import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skylark.errors import DataError, SkylarkError
from vision.errors import EvaluationError
from vision.evaluation.tracks import SHARES, covered, evaluate_tracks
from vision.video.files import read_mot

Row = Sequence[float]
Measure = Callable[..., dict[str, Any]]


def write(path: Path, rows: Iterable[Row]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(",".join(f"{number:g}" for number in row) + "\n" for row in rows))
    return path


def sequence(folder: Path, truth: Iterable[Row], results: Iterable[Row], name: str = "S1") -> tuple[Path, Path]:
    """Folders of truth and results that have one sequence."""
    write(folder / "truth" / name / "gt.txt", truth)
    write(folder / "results" / f"{name}.txt", results)
    return folder / "truth", folder / "results"


@pytest.fixture
def measured(tmp_path: Path) -> Measure:
    """The figures of one sequence's truth and results."""

    def measure(truth: Iterable[Row], results: Iterable[Row], *classes: list[str], **form: Any) -> dict[str, Any]:
        return evaluate_tracks(*sequence(tmp_path, truth, results), *classes, **form)

    return measure


def box(frame: int, track: int, left: float, *rest: float) -> list[float]:
    """A row of a box of 10 x 10 pixels at the top."""
    return [frame, track, left, 0, 10, 10, *(rest or (1, -1, -1, -1))]


class TestHandCounted:
    """Tiny cases whose figures are counted by hand from the definitions."""

    def test_what_is_found_exactly_is_all_right_and_nothing_all_wrong(self, measured: Measure) -> None:
        rows = [box(frame, track, 100 * track) for frame in (1, 2, 3) for track in (1, 2)]
        figures = measured(rows, rows)
        counts = {"IDSW": 0, "MT": 2, "ML": 0, "FP": 0, "FN": 0, "boxes": 6, "tracks": 2, "frames": 3}
        expected = dict.fromkeys(SHARES, 1.0) | counts
        assert {name: figures[name] for name in expected} == expected
        figures = measured(rows[:1] + rows[2:3], [])
        assert [figures[name] for name in ("HOTA", "IDF1", "MOTA", "FN", "ML")] == [0, 0, 0, 2, 1]
        assert figures["notes"] == ["The results have no box."]
        figures = measured([box(1, 1, 0, 0, -1, -1, -1)], [box(1, 1, 0)])
        assert figures["HOTA"] is None and figures["FP"] == 1 and figures["notes"][0].startswith("No box of the truth")

    def test_an_id_that_changes_in_the_middle_and_a_box_that_misses(self, measured: Measure) -> None:
        truth = [box(frame, 1, 0) for frame in range(1, 5)]
        figures = measured(truth, [box(frame, 7 if frame < 3 else 8, 0) for frame in range(1, 5)])
        # Of four boxes each is matched. Each id has 2 of the 4 boxes of the truth: A = 2 / (2 + 2 + 0) for every match.
        # The better id is right for 2 boxes: 2 / (2 + 2/2 + 2/2). One switch of four boxes.
        expected = {"DetA": 1, "AssA": 0.5, "HOTA": 0.5**0.5, "IDF1": 0.5, "IDSW": 1, "MOTA": 1 - 1 / 4}
        assert {name: figures[name] for name in expected} == pytest.approx(expected)
        figures = measured(truth, [box(frame, 1, 0 if frame < 4 else 50) for frame in range(1, 5)])
        expected = {"FP": 1, "FN": 1, "MOTA": 1 - 2 / 4, "DetA": 3 / 5, "AssA": 3 / 5, "IDF1": 3 / 4, "HOTA": 3 / 5}
        assert {name: figures[name] for name in expected} == pytest.approx(expected), "a miss is wrong twice"
        # Half of 10 pixels and 10 more: an overlap of 1/3, which is over 6 of the 19 bounds from 0.05 to 0.95.
        figures = measured([box(1, 1, 0)], [box(1, 1, 5)])
        assert figures["HOTA"] == pytest.approx(6 / 19) and figures["IDF1"] == 0 and figures["MOTA"] == -1

    def test_sequences_count_by_their_boxes(self, measured: Measure, tmp_path: Path) -> None:
        long = [box(frame, 1, 0) for frame in range(1, 10)]
        sequence(tmp_path, long, long, "S2")
        figures = measured([box(1, 1, 0)], [])
        assert figures["MOTA"] == pytest.approx(9 / 10) and figures["DetA"] == pytest.approx(9 / 10)
        assert figures["per_sequence"]["S2"]["MOTA"] == 1 and figures["per_sequence"]["S1"]["MOTA"] == 0
        assert measured([], [])["MOTA"] == 1, "one of them may be empty"


class TestMot15:
    def test_coordinates_in_the_world_are_no_classes_and_a_flag_of_zero_no_truth(self, measured: Measure) -> None:
        truth = [box(1, 1, 0, 1, 4.4852, 5.5016, 0), box(2, 1, 0, 1, 4.5, 5.5, 0)]
        figures = measured(truth, [box(1, 1, 0), box(2, 1, 0)])
        assert figures["form"] == "mot15" and figures["HOTA"] == 1
        figures = measured([box(1, 1, 0), box(1, 2, 50, 0, -1, -1, -1)], [box(1, 1, 0), box(1, 2, 50)])
        assert (figures["boxes"], figures["FP"], figures["FN"]) == (1, 1, 0)

    def test_the_figures_are_those_of_trackeval(self, data_root: Path, tmp_path: Path) -> None:
        """Recorded from `benchmarks/trackeval_scores.py --benchmark MOT15`."""
        truth = data_root / "vision" / "mot15"
        if not truth.is_dir():
            pytest.skip(f"needs {truth}")
        for path in truth.glob("*/gt.txt"):
            write(tmp_path / f"{path.parent.name}.txt", shaken(path))
        figures = evaluate_tracks(truth, tmp_path)
        assert {name: figures[name] for name in MOT15_TRACKEVAL} == pytest.approx(MOT15_TRACKEVAL, abs=1e-6)


MOT15_TRACKEVAL: Mapping[str, float] = {
    "HOTA": 0.400034, "DetA": 0.634891, "AssA": 0.253431, "LocA": 0.848431, "IDF1": 0.360968, "MOTA": 0.777558,
    "IDSW": 31, "MT": 6, "ML": 0, "FP": 1, "FN": 305,
}  # fmt: skip


def shaken(path: Path) -> list[Row]:
    """Results made of a truth: boxes that shake, every fifth missing, an id that changes every 40 frames."""
    rows = read_mot(path, "mot15")
    results: list[Row] = []
    for frame, track, (x0, y0, x1, y1) in zip(rows.frames, rows.ids, rows.xyxy.tolist(), strict=True):
        shake = (7 * frame + 3 * track) % 19 - 9
        if (frame + track) % 5:
            row = (frame, track + 100 * (frame // 40), x0 + shake, y0, x1 - x0, y1 - y0 + shake)
            results.append((*row, 1, -1, -1, -1))
    return results


CLASSES = (1, 1, 1, 2, 3, 6, 7, 8, 12, 1)
"""Of MOT17: pedestrians, one on a vehicle, a car, a vehicle without a motor, a statue, a distractor, a reflection."""


def crowd() -> tuple[list[Row], list[Row]]:
    """Truth of MOT17 with things of all kinds that walk, and results that shake, miss and change ids."""
    truth: list[Row] = []
    results: list[Row] = []
    for frame in range(1, 21):
        for place, number in enumerate(CLASSES):
            left, top = 40 * place + 2 * frame, 30 + 3 * place
            flag = 0 if place == 2 and frame < 5 else 1
            truth.append((frame, place + 1, left, top, 24, 50, flag, number, 1))
            if (frame + place) % 6:
                shake = (frame * (place + 3)) % 7 - 3
                track = place + 1 + 100 * (place in (1, 9) and frame > 8)
                results.append((frame, track, left + shake, top - shake, 24, 50 + shake, 0.9, 1, -1, -1))
        results.append((frame, 50, 600, 300, 20, 40, 0.5, 1, -1, -1))
    return truth, results


class TestMot17:
    TRACKEVAL: Mapping[str, Mapping[str, float]] = {
        "mot17": {
            "HOTA": 0.465432, "DetA": 0.421122, "AssA": 0.514449, "LocA": 0.869906, "IDF1": 0.520408, "MOTA": 0.105263,
            "IDSW": 2, "MT": 4, "ML": 0, "FP": 55, "FN": 11,
        },
        "mot20": {
            "HOTA": 0.496058, "DetA": 0.478345, "AssA": 0.514449, "LocA": 0.869906, "IDF1": 0.566667, "MOTA": 0.315789,
            "IDSW": 2, "MT": 4, "ML": 0, "FP": 39, "FN": 11,
        },
    }  # fmt: skip

    @pytest.mark.parametrize("form", ["mot17", "mot20"])
    def test_the_figures_are_those_of_trackeval(self, measured: Measure, form: str) -> None:
        """Recorded from `benchmarks/trackeval_scores.py --benchmark MOT17` and `MOT20`."""
        figures = measured(*crowd(), form=form)
        assert {name: figures[name] for name in self.TRACKEVAL[form]} == pytest.approx(self.TRACKEVAL[form], abs=1e-6)
        assert measured(*crowd())["form"] == "mot17"

    def test_what_matches_a_distractor_counts_neither_way(self, measured: Measure) -> None:
        truth = [[1, 1, 0, 0, 10, 10, 1, 1, 1], [1, 2, 50, 0, 10, 10, 1, 7, 1], [1, 3, 90, 0, 10, 10, 1, 3, 1]]
        figures = measured(truth, [box(1, 1, 0), box(1, 2, 50), box(1, 3, 90)])
        # The statue's box is taken out; the car's is wrong, since cars are not scored and no distractors.
        assert (figures["taken_out"], figures["FP"], figures["boxes"]) == (1, 1, 1)


def drone(frame: int, track: int, left: float, category: int, score: int = 1, side: float = 10) -> list[float]:
    """A row of VisDrone's truth."""
    return [frame, track, left, 0, side, side, score, category, 0, 0]


def found(frame: int, track: int, left: float, category: int) -> list[float]:
    """A row of results for VisDrone."""
    return [frame, track, left, 0, 10, 10, 0.9, category, -1, -1]


CAR, BUS, OTHERS, REGION = 4, 9, 11, 0


class TestVisDrone:
    def test_each_class_is_scored_by_itself(self, measured: Measure) -> None:
        truth = [drone(frame, track, 50 * track, number) for frame in (1, 2) for track, number in ((1, CAR), (2, BUS))]
        results = [found(frame, track, 50 * track, CAR) for track in (1, 2) for frame in (1, 2)]
        figures = measured(truth, results)
        assert figures["form"] == "visdrone"
        cars, buses = figures["per_class"]["car"], figures["per_class"]["bus"]
        assert (cars["FP"], cars["FN"], cars["MOTA"]) == (2, 0, 0)
        assert (buses["FP"], buses["FN"], buses["MOTA"]) == (0, 2, 0)
        # DetA of cars is 2 of 4 boxes, of buses 0 of 2; together 2 of 6, and 1/4 in the mean of those with truth.
        assert cars["DetA"] == pytest.approx(1 / 2) and buses["DetA"] == 0
        assert figures["DetA"] == pytest.approx(1 / 3) and figures["class_mean"]["DetA"] == pytest.approx(1 / 4)
        assert figures["per_class"]["van"]["HOTA"] is None

    @pytest.mark.parametrize(("category", "score"), [(REGION, 0), (OTHERS, 1), (CAR, 0)])
    def test_boxes_mostly_in_what_is_ignored_count_neither_way(
        self, measured: Measure, category: int, score: int
    ) -> None:
        # From 30 to 70: at 24 only 0.4 of the box is in it, at 26 0.6.
        truth = [drone(1, 1, 0, CAR), drone(1, 9, 30, category, score, 40)]
        figures = measured(truth, [found(1, track, left, CAR) for track, left in enumerate((0, 50, 26, 24), start=1)])
        assert (figures["taken_out"], figures["FP"], figures["FN"], figures["boxes"]) == (2, 1, 0, 1)

    def test_what_matches_a_truth_stays_wherever_it_is_and_of_classes_the_chosen_count(self, measured: Measure) -> None:
        figures = measured([drone(1, 1, 40, CAR), drone(1, 9, 30, REGION, 0, 40)], [found(1, 1, 41, CAR)])
        assert (figures["taken_out"], figures["FP"], figures["FN"], figures["MOTA"]) == (0, 0, 0, 1)
        truth, results = [drone(1, 1, 0, CAR), drone(1, 2, 50, BUS)], [found(1, 1, 0, CAR), found(1, 2, 50, OTHERS)]
        figures = measured(truth, results, ["cars"])
        assert (figures["MOTA"], figures["FP"]) == (1, 0) and "per_class" not in figures

    def test_coverage_is_that_of_painted_pixels(self) -> None:
        assert covered(np.array([[8, 0, 8, 9], [0, 0, 4, 4.0]]), np.array([[0, 0, 9, 2.0]])).tolist() == [0, 0.5]
        places = np.random.default_rng(5).integers(0, 40, (60, 4))
        corners = np.stack([np.minimum(places[:, :2], places[:, 2:]), np.maximum(places[:, :2], places[:, 2:]) + 1], 1)
        boxes = corners.reshape(-1, 4).astype(np.float64)
        painted = np.zeros((50, 50))
        for x0, y0, x1, y1 in boxes[:12].astype(int).tolist():
            painted[y0:y1, x0:x1] = 1
        expected = [painted[y0:y1, x0:x1].mean() for x0, y0, x1, y1 in boxes[12:].astype(int).tolist()]
        assert covered(boxes[12:], boxes[:12]).tolist() == pytest.approx(expected)


class TestNamedResults:
    """Folders of `track --out`, whose classes have names."""

    def folder(self, place: Path, names: str, rows: Iterable[Row]) -> Path:
        write(place / "tracks.txt", rows)
        (place / "classes.txt").write_text(names.replace(" ", "\n") + "\n")
        (place / "tracks.jsonl").write_text(json.dumps({"settings": {"size": [200, 100]}}) + "\n")
        return place

    def test_classes_are_tied_by_what_their_names_mean(self, tmp_path: Path) -> None:
        truth = write(tmp_path / "truth/S1.txt", [drone(1, 1, 0, CAR), drone(1, 2, 50, 1), drone(1, 3, 90, 10)])
        rows = [found(1, 1, 0, 2), found(1, 2, 50, 1), found(1, 3, 90, 3), found(1, 4, 150, 4)]
        self.folder(tmp_path / "results/S1", "person car motorcycle dog", rows)
        figures = evaluate_tracks(truth.parent, tmp_path / "results")
        assert figures["MOTA"] == 1 and set(figures["per_class"]) == {"pedestrian", "car", "motor"}
        assert "van" in figures["lacking"] and "measured: dog." in figures["notes"][0]

    def test_a_word_chooses_among_them_where_the_truth_has_no_classes(self, tmp_path: Path) -> None:
        truth = write(tmp_path / "truth/S1.txt", [box(1, 1, 0)]).parent
        results = self.folder(tmp_path / "video", "dog person", [found(1, 1, 0, 1), found(1, 2, 50, 2)])
        assert evaluate_tracks(truth, results, ["dogs"])["FP"] == 0
        figures = evaluate_tracks(truth, results)
        assert figures["FP"] == 1 and "all of the results are measured: dog, person" in figures["notes"][0]
        with pytest.raises(EvaluationError, match=r'"cat" names none of .* results for S1 .*; the nearest: dog'):
            evaluate_tracks(truth, results, ["cat"])
        self.folder(tmp_path / "video", "dog", [found(1, 1, 0, 2)])
        with pytest.raises(DataError, match="line 1: expected a class from 1 to 1"):
            evaluate_tracks(truth, results)
        write(truth / "S2.txt", [box(1, 1, 0)])
        with pytest.raises(EvaluationError, match="the tracks of one video, but there is truth of 2: S1, S2"):
            evaluate_tracks(truth, results)

    def test_people_are_pedestrians_and_no_common_class_is_no_score_of_zero(self, tmp_path: Path) -> None:
        truth = write(tmp_path / "truth/S1/gt/gt.txt", [[1, 1, 0, 0, 10, 10, 1, 1, 1]]).parents[2]
        self.folder(tmp_path / "results/S1", "car person", [found(1, 1, 0, 2), found(1, 2, 50, 1)])
        figures = evaluate_tracks(truth, tmp_path / "results")
        assert (figures["MOTA"], figures["FP"]) == (1, 0)
        results = self.folder(tmp_path / "video", "cow", [found(1, 1, 0, 1)])
        with pytest.raises(EvaluationError, match="none of the classes of the truth: they have cow"):
            evaluate_tracks(truth, results)

    def test_frames_of_another_size_are_refused(self, tmp_path: Path) -> None:
        truth = write(tmp_path / "S1/gt/gt.txt", [box(1, 1, 0)]).parents[1]
        (truth / "seqinfo.ini").write_text("[Sequence]\nname=S1\nseqLength=1\nimWidth=1920\nimHeight=1080\n")
        results = self.folder(tmp_path / "video", "dog", [found(1, 1, 0, 1)])
        with pytest.raises(EvaluationError, match="200 x 100 pixels, those of S1 have 1920 x 1080"):
            evaluate_tracks(truth, results)


@pytest.mark.parametrize(
    ("place", "results"),
    [("truth/S1/gt/gt.txt", "S1.txt"), ("truth/S1/gt.txt", "S1/tracks.txt"), ("truth/S1.txt", "tracks.txt"),
     ("S1/gt/gt.txt", "S1.txt"), ("S1/gt.txt", "S1.txt")],
)  # fmt: skip
def test_files_are_found_in_each_layout_and_figures_are_written(tmp_path: Path, place: str, results: str) -> None:
    write(tmp_path / place, [box(1, 1, 0)])
    write(tmp_path / "results" / results, [box(1, 1, 0)])
    folders, out = (tmp_path / place.split("/")[0], tmp_path / "results"), tmp_path / "figures.json"
    if results == "S1.txt":
        write(tmp_path / "results/S2.txt", [box(1, 1, 0)])
    figures = evaluate_tracks(*folders, out=out)
    assert figures["per_sequence"].keys() == {"S1"}
    told = ["There is no truth for the results of S2: they were left out."]
    assert figures["notes"] == (told if results == "S1.txt" else [])
    assert json.loads(out.read_text()) == figures
    with pytest.raises(EvaluationError, match="is there already"):
        evaluate_tracks(*folders, out=out)


TRUTH: list[Row] = [box(1, 1, 0), box(2, 1, 0)]
OF_MOT17: list[Row] = [[1, 1, 0, 0, 10, 10, 1, 1, 1]]


class TestMistakes:
    """What would still give figures, only wrong ones."""

    def test_in_truth_or_results(self, measured: Measure) -> None:
        mistakes: list[tuple[list[Row], list[Row], type[SkylarkError], str]] = [
            (OF_MOT17, [box(1, 1, 0, 1, 3, -1, -1)], EvaluationError, "S1 has the class 3 in"),
            ([drone(1, 1, 0, CAR)], [box(1, 1, 0)], EvaluationError, "class -1 in column 8: .* category of VisDrone"),
            ([box(1, 1, 0), box(1, 1, 50)], [], EvaluationError, "the truth of S1, line 2: id 1 .* a second time"),
            ([], [], EvaluationError, r"has no box \(S1\), so nothing can be"),
            ([], [box(1, 1, 0)], EvaluationError, "a box in frame 1 of S1, but its truth has no box"),
            (TRUTH, [box(0, 1, 0)], DataError, "S1.txt, line 1: expected a frame from 1, found '0'"),
            (TRUTH, [box(2, 1, 0), box(3, 1, 0)], EvaluationError, "line 2: .* frame 3 of S1, but its truth ends"),
            (TRUTH, [box(1, 1, 0), box(1, 1, 50)], EvaluationError, "line 2: id 1 is in frame 1 a second time"),
            (TRUTH, [box(1, -1, 0)], EvaluationError, "line 1: the id is -1, so these are detections and no tracks"),
            (TRUTH, [[1, 1, 0, 0]], DataError, "line 1: expected frame,id,left,top,width,height"),
        ]
        for truth, results, error, said in mistakes:
            with pytest.raises(error, match=said):
                measured(truth, results)

    def test_in_words_forms_and_folders(self, tmp_path: Path) -> None:
        truth, results = sequence(tmp_path, [drone(1, 1, 0, CAR)], [found(1, 1, 0, CAR)])
        with pytest.raises(EvaluationError, match=r"names none of the annotated classes; the nearest: .*bus"):
            evaluate_tracks(truth, results, ["buzz"])
        sequence(tmp_path, TRUTH, TRUTH, "S1")
        with pytest.raises(DataError, match="line 1: expected a class of MOT17 in column 8"):
            evaluate_tracks(truth, results, form="mot17")
        sequence(tmp_path, OF_MOT17, [box(1, 1, 0)], "S2")
        (tmp_path / "empty").mkdir()
        for one, other, said in (
            (truth, results, r"several forms, mot15 \(S1\) and mot17 \(S2\)"),
            (tmp_path / "nowhere", tmp_path, "there is no folder .*nowhere, which --truth names"),
            (truth, tmp_path / "nowhere", "there is no folder .*nowhere, which --results names"),
            (tmp_path / "empty", tmp_path, "holds no truth"),
        ):
            with pytest.raises(EvaluationError, match=said):
                evaluate_tracks(one, other)

    def test_a_longer_video_than_its_truth_is_said_by_seqinfo(self, tmp_path: Path) -> None:
        truth, results = sequence(tmp_path, TRUTH, [box(2, 1, 0), box(4, 1, 0)])
        info = truth / "S1" / "seqinfo.ini"
        info.write_text("[Sequence]\nname=S1\nseqLength=4\n")
        assert evaluate_tracks(truth, results)["frames"] == 4
        for length, said in (
            (3, "frame 4 of S1, but seqinfo.ini says that it has 3 frames"),
            (1, "goes to frame 2, but seqinfo.ini says that S1 has 1"),
        ):
            info.write_text(f"[Sequence]\nname=S1\nseqLength={length}\n")
            with pytest.raises(EvaluationError, match=said):
                evaluate_tracks(truth, results)
        info.write_text("seqLength=many\n")
        with pytest.raises(DataError, match="section"):
            evaluate_tracks(truth, results)

    def test_a_sequence_without_results_is_told_the_nearest(self, tmp_path: Path) -> None:
        truth, results = sequence(tmp_path, TRUTH, TRUTH, "MOT-01")
        (results / "MOT-01.txt").rename(results / "MOT-1.txt")
        with pytest.raises(EvaluationError, match=r"for MOT-01: expected MOT-01.txt .*nearest name is MOT-1"):
            evaluate_tracks(truth, results)
