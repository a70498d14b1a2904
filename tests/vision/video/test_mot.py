from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skylark.errors import DataError
from vision.detections.detections import Detections
from vision.video.files import MotRows, by_frame, mot_text, read_mot

MOT15 = "1,1,399,182,121,229,1,-1,-1,-1\n2,1,399.5,182,121,229,1,-1,-1,-1\n"
MOT15_WORLD = "1,1,88,99,61.08,218.56,1,4.4852,5.5016,0\n1,2,181,95,75.808,227.01,1,4,5,0\n"
MOT17 = "1,1,912,484,97,109,0,7,1\n2,2,912,484,97,109,1,1,0.86\n"
VISDRONE = "1,0,593,43,174,190,0,0,0,0\n1,1,1024,89,20,36,1,4,0,2\n"


def read(folder: Path, text: str, form: Any = None) -> MotRows:
    path = folder / "gt.txt"
    path.write_text(text)
    return read_mot(path, form)


class TestTheForm:
    @pytest.mark.parametrize(
        ("text", "form"),
        [
            (MOT15, "mot15"),
            (MOT15_WORLD, "mot15"),
            (MOT17, "mot17"),
            (VISDRONE, "visdrone"),
            ("1,1,0,0,5,5\n", "mot15"),
            ("1,1,0,0,5,5,1\n", "mot15"),
            ("1,1,0,0,5,5,1,1\n", "mot17"),
            ("1,1,0,0,5,5,0.9,4,0,0\n", "mot15"),  # no flag: a score of VisDrone's truth is 0 or 1
            ("1,1,0,0,5,5,1,12,0,0\n", "mot15"),  # no category of VisDrone
            ("", "mot15"),
        ],
    )
    def test_is_told_by_what_the_columns_hold(self, tmp_path: Path, text: str, form: str) -> None:
        assert read(tmp_path, text).form == form

    def test_that_is_named_goes_before(self, tmp_path: Path) -> None:
        assert read(tmp_path, VISDRONE, "visdrone").classes.tolist() == [0, 4]
        assert read(tmp_path, VISDRONE, "mot15").classes.tolist() == [-1, -1]

    @pytest.mark.parametrize("name", ["TUD-Campus", "TUD-Stadtmitte"])
    def test_of_real_truth_is_mot15(self, data_root: Path, name: str) -> None:
        path = data_root / "vision" / "mot15" / name / "gt.txt"
        if not path.exists():
            pytest.skip(f"needs {path}")
        rows = read_mot(path)
        assert rows.form == "mot15"
        assert (len(rows), len(np.unique(rows.ids))) == {"TUD-Campus": (359, 8), "TUD-Stadtmitte": (1156, 10)}[name]


class TestReading:
    def test_boxes_become_corners(self, tmp_path: Path) -> None:
        rows = read(tmp_path, f"\n{MOT17}\n")
        assert rows.xyxy.tolist() == [[912, 484, 1009, 593]] * 2
        assert rows.frames.tolist() == [1, 2] and rows.ids.tolist() == [1, 2] and rows.lines.tolist() == [2, 3]
        assert rows.scores.tolist() == [0, 1] and rows.classes.tolist() == [7, 1]

    def test_windows_ends_a_mark_of_bytes_and_a_last_comma_are_taken(self, tmp_path: Path) -> None:
        path = tmp_path / "gt.txt"
        path.write_bytes(b"\xef\xbb\xbf1, 1, 0, 0, 5, 5, 1,\r\n2, 1, 0, 0, 5, 5, 1,\r\n")
        assert read_mot(path).frames.tolist() == [1, 2]

    def test_results_have_a_class_where_it_is_a_whole_number(self, tmp_path: Path) -> None:
        for text, classes in (
            ("1,1,0,0,5,5,0.9,3,-1,-1\n1,2,0,0,5,5,0.9,-1,-1,-1\n", [3, -1]),
            ("1,1,0,0,5,5,0.9,4.5,5.5,0\n1,2,0,0,5,5,0.9,3,5.5,0\n", [-1, -1]),
        ):
            assert read(tmp_path, text, "results").classes.tolist() == classes

    def test_frames_come_in_order_with_their_rows(self, tmp_path: Path) -> None:
        rows = read(tmp_path, "3,1,0,0,5,5\n1,2,0,0,5,5\n3,4,0,0,5,5\n")
        assert {frame: rows[places].ids.tolist() for frame, places in by_frame(rows).items()} == {1: [2], 3: [1, 4]}
        assert by_frame(rows[np.zeros(3, bool)]) == {}

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("1,1,0,0,5,5\n1,2,0,0,five,5\n", "line 2: expected frame,id,left,top,width,height"),
            ("1 1 0 0 5 5\n", "line 1: expected frame,id,left,top,width,height"),
            ("\n1,1,0,0,5,5\n1,2,0,0,5,5,1\n", "line 3: expected 6 columns as in the line before"),
            ("0,1,0,0,5,5\n", "line 1: expected a frame from 1, found '0'"),
            ("1.5,1,0,0,5,5\n", "line 1: expected a frame from 1, found '1.5'"),
            ("100000000000,1,0,0,5,5\n", "line 1: expected a frame from 1"),
            ("1,-2,0,0,5,5\n", "line 1: expected an id, found '-2'"),
            ("1,0.5,0,0,5,5\n", "line 1: expected an id, found '0.5'"),
            ("1,1,0,0,-5,5\n", "line 1: expected finite numbers, and no negative width or height"),
            ("1,1,nan,0,5,5\n", "line 1: expected finite numbers"),
            ("1,1,0,0,inf,5\n", "line 1: expected finite numbers"),
            ("1,1,0,0,5,5,1,14,1\n", "line 1: expected a class of MOT17 in column 8, found '14'"),
        ],
    )
    def test_damage_is_named_with_its_line(self, tmp_path: Path, text: str, said: str) -> None:
        with pytest.raises(DataError, match=said):
            read(tmp_path, text)

    @pytest.mark.parametrize(
        ("text", "form", "said"),
        [
            (MOT15, "mot17", "line 1: expected a class of MOT17 in column 8, found '-1'"),
            (MOT15_WORLD, "mot20", "line 1: expected a class of MOT17 in column 8, found '4.4852'"),
            ("1,1,0,0,5,5,1\n", "mot17", "line 1: expected a class in column 8, found '7 columns'"),
            ("1,1,0,0,5,5,1,12,0,0\n", "visdrone", "line 1: expected a category of VisDrone in column 8, found '12'"),
        ],
    )
    def test_a_file_of_another_form_is_refused(self, tmp_path: Path, text: str, form: str, said: str) -> None:
        with pytest.raises(DataError, match=said):
            read(tmp_path, text, form)

    def test_a_file_that_is_not_there_or_no_text(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="a text that can be read"):
            read_mot(tmp_path / "no.txt")
        (tmp_path / "video.mp4").write_bytes(b"\x00\xff\xfe")
        with pytest.raises(DataError, match="expected MOT text in UTF-8"):
            read_mot(tmp_path / "video.mp4")


class TestWriting:
    FOUND = Detections(
        (640, 480), np.array([[12.25, 30, 200.125, 310], [0, 0, 5, 7.1]]), ("dog", "cat"), np.array([0.9, 0.25]),
        classes=("cat", "dog"), track_ids=np.array([3, 12]),
    )  # fmt: skip

    def test_a_line_a_box_counts_frames_from_one_and_a_model_without_scores_is_sure(self) -> None:
        assert mot_text(0, self.FOUND) == (
            "1,3,12.25,30.0,187.875,280.0,0.9,2,-1,-1\n1,12,0.0,0.0,5.0,7.1,0.25,1,-1,-1\n"
        )

        assert mot_text(4, self.FOUND[[]]) == ""
        sure = Detections((640, 480), np.array([[0, 0, 5, 5]]), ("dog",), track_ids=np.array([1]))
        assert mot_text(1, sure) == "2,1,0.0,0.0,5.0,5.0,1.0,1,-1,-1\n"

    def test_what_is_written_is_read_back(self, tmp_path: Path) -> None:
        random = np.random.default_rng(3)
        corners = np.sort(random.uniform(0, 480, (50, 2, 2)), axis=1).reshape(-1, 4)
        ids = random.permutation(50) + 1
        scores = random.uniform(0, 1, 50).astype(np.float32)
        found = Detections((640, 480), corners.astype(np.float32), ("dog",) * 50, scores, track_ids=ids)
        rows = read(tmp_path, mot_text(7, found), "results")
        assert rows.ids.tolist() == ids.tolist() and set(rows.frames.tolist()) == {8}
        assert np.abs(rows.xyxy - found.xyxy).max() < 0.0002
        assert rows.classes.tolist() == [1] * 50
