"""`ask` and `evaluate` on the command line; what they measure is tested beside the measuring."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from skylark.command_line import FAILURE, OK, USAGE
from tests.vision.coloured_pictures import make_set
from tests.vision.video.coloured_frames import frames
from tests.vision.video.made_tracks import readings
from vision.cli import main
from vision.evaluation.runs import lines_path

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return make_set(tmp_path / "set")


@pytest.mark.usefixtures("colours")
class TestAskVideo:
    """A cat walks through the frames of a folder, behind a dog; the model's reading is given."""

    @pytest.fixture(autouse=True)
    def read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sentences = {"the cat that moves": " one cat & moves", "how often does the cat move?": " times cat & moves",
                     "the first step": " what one earliest 1( doing)"}  # fmt: skip
        monkeypatch.setattr(
            "vision.vision.video_readings",
            lambda text, matcher, adapter, actions=(): readings(sentences[text], actions),
        )

    def test_tracks_come_with_their_time_and_what_makes_them_one(self, run: Any, tmp_path: Path) -> None:
        folder = frames(tmp_path / "frames", 30)
        code, out, _ = run("ask", folder, "the cat that moves", "--tracker", "sort")
        first, query = out.splitlines()
        assert code == OK and first.startswith("cat 1 (id ") and "cat 1 moves to the right from 0:00" in first
        assert query == 'query: ~class("cat") & of(~kind("moves"))'

    def test_json_has_the_value_and_the_key_frames(self, run: Any, tmp_path: Path) -> None:
        folder = frames(tmp_path / "frames", 30)
        code, out, _ = run("ask", folder, "how often does the cat move?", "--every", "2", "--json")
        answer = json.loads(out)
        assert code == OK and answer["value"] == 1 and answer["video"] == str(folder)
        assert answer["justification"][0]["events"][0]["key_frames"][0]["frame"] >= 0

    def test_actions_come_from_a_file(self, run: Any, tmp_path: Path) -> None:
        folder, made = frames(tmp_path / "frames", 30), tmp_path / "segments.json"
        made.write_text(json.dumps({"segments": [{"label": "pour milk", "start": 0, "end": 0.5}]}))
        code, out, _ = run("ask", folder, "the first step", "--actions", made)
        assert code == OK and out.splitlines()[0] == "pour milk"
        made.write_text("[]")
        code, _, said = run("ask", folder, "the first step", "--actions", made)
        assert code == USAGE and "holds no segments of a video" in said

    def test_a_pattern_of_frames_and_a_gif_that_moves_are_videos(self, run: Any, tmp_path: Path) -> None:
        folder = frames(tmp_path / "frames", 30)
        code, out, _ = run("ask", f"{folder}/0000*.png", "the cat that moves", "--json")
        assert code == OK and json.loads(out)["video"] == f"{folder}/0000*.png" and json.loads(out)["tracks"]
        pictures = [Image.open(path).convert("RGB") for path in sorted(folder.iterdir())]
        pictures[0].save(tmp_path / "cat.gif", save_all=True, append_images=pictures[1:], duration=40)
        code, out, _ = run("ask", tmp_path / "cat.gif", "the cat that moves")
        assert code == OK and out.startswith("cat 1 (id ")

    def test_what_is_of_videos_goes_with_no_image(self, run: Any, pair: tuple[Path, Path]) -> None:
        code, _, said = run("ask", pair[0] / "b.png", "all dogs", "--every", "2")
        assert code == USAGE and "--every is of videos" in said


@pytest.mark.usefixtures("colours")
class TestAsk:
    def test_boxes_come_with_their_query(self, run: Any, pair: tuple[Path, Path]) -> None:
        code, out, _ = run("ask", pair[0] / "d.png", "the dog to the right of the car")
        first, query = out.splitlines()[0], out.splitlines()[-1]
        assert code == OK and first.startswith("dog (70, 30, 90, 60) 0.10")
        assert query == 'query: ~class("dog") & ~right_of(~class("car"))'

    @pytest.mark.parametrize(("asked", "answer"), [("how many cats are there?", "2"), ("is there a dog?", "no")])
    def test_a_question_has_its_value_first(self, run: Any, pair: tuple[Path, Path], asked: str, answer: str) -> None:
        code, out, _ = run("ask", pair[0] / "b.png", asked)
        assert code == OK and out.splitlines()[0] == answer

    def test_nothing_is_said_to_be_nothing(self, run: Any, pair: tuple[Path, Path]) -> None:
        code, out, _ = run("ask", pair[0] / "b.png", "all dogs")
        assert code == OK and out.splitlines()[0] == "nothing"

    def test_json_has_boxes_query_and_reasons(self, run: Any, pair: tuple[Path, Path]) -> None:
        code, out, _ = run("ask", pair[0] / "d.png", "the dog to the right of the car", "--json")
        answer = json.loads(out)
        assert code == OK and answer["objects"][0]["xyxy"] == [70, 30, 90, 60] and "right_of" in answer["query"]
        assert len(answer["justification"]) == 1 and answer["image"] == str(pair[0] / "d.png")

    @pytest.mark.parametrize(
        ("image", "text", "code"),
        [("d.png", "the helicopter", USAGE), ("e.png", "the dog", USAGE), ("?.pgn", "dogs", USAGE)],
    )
    def test_what_cannot_be_asked_is_a_usage_error(
        self, run: Any, pair: tuple[Path, Path], image: str, text: str, code: int
    ) -> None:
        found, out, err = run("ask", pair[0] / image, text)
        assert (found, out) == (code, "") and err.startswith("error: ")

    def test_one_image_is_an_image_however_it_is_named(self, run: Any, pair: tuple[Path, Path], tmp_path: Path) -> None:
        (tmp_path / "one").mkdir()
        Image.open(pair[0] / "d.png").convert("RGB").save(tmp_path / "one/d.gif")
        (tmp_path / "one/d.drawn.jpg").write_bytes(b"what an earlier run drew")
        for name in ("one", "one/d.gif", "one/*.gif", "o*/d.*"):
            code, out, _ = run("ask", tmp_path / name, "all cars", "--json")
            assert code == OK and json.loads(out)["image"].endswith("d.gif"), name
        (tmp_path / "one/d.txt").touch()
        code, _, err = run("ask", tmp_path / "one/d.*", "all cars")
        assert code == USAGE and "names 2 files, which are no video: expected one image" in err

    def test_a_broken_image_is_a_failure(self, run: Any, pair: tuple[Path, Path]) -> None:
        (pair[0] / "d.png").write_text("no picture")
        assert run("ask", pair[0] / "d.png", "the dog")[0] == FAILURE


@pytest.mark.usefixtures("colours")
class TestEvaluate:
    def test_a_table_is_printed_and_the_figures_are_written(
        self, run: Any, pair: tuple[Path, Path], tmp_path: Path
    ) -> None:
        out = tmp_path / "ap.json"
        code, table, _ = run("evaluate", "--images", pair[0], "--annotations", pair[1], "--out", out)
        figures = json.loads(out.read_text())
        assert code == OK and "outlines by grabcut" in table
        rows = {line.split()[0]: line.split()[1:] for line in table.splitlines() if line}
        assert rows["boxes"][:2] == [f"{figures['AP']:.3f}", f"{figures['AP50']:.3f}"]
        assert rows["masks"][0] == f"{figures['segm']['AP']:.3f}"
        assert rows["cat"][:2] == ["3", f"{figures['per_class']['cat']['AP']:.3f}"]
        assert set(figures) >= {"AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "per_class", "segm"}

    def test_json_prints_the_same_as_is_written(self, run: Any, pair: tuple[Path, Path], tmp_path: Path) -> None:
        arguments = ("--images", pair[0], "--annotations", pair[1], "--no-masks", "--out", tmp_path / "ap.json")
        code, out, _ = run("evaluate", *arguments, "--json")
        assert code == OK and json.loads(out) == json.loads((tmp_path / "ap.json").read_text())

    @pytest.mark.parametrize("words", [["cat,dog"], ["cat", "dog"], ["animals"], ["kitten , dogs"]])
    def test_classes_are_words_or_a_list_with_commas(self, run: Any, pair: tuple[Path, Path], words: list[str]) -> None:
        arguments = ("--images", pair[0], "--annotations", pair[1], "--no-masks", "--json", "--classes", *words)
        assert list(json.loads(run("evaluate", *arguments)[1])["per_class"]) == ["cat", "dog"]

    def test_pairs_are_measured_together(self, run: Any, pair: tuple[Path, Path], tmp_path: Path) -> None:
        images, file = make_set(tmp_path / "more")
        pairs = ("--images", pair[0], "--annotations", pair[1], "--images", images, "--annotations", file)
        assert json.loads(run("evaluate", *pairs, "--no-masks", "--json")[1])["images"] == 8

    def test_expressions_are_measured(self, run: Any, pair: tuple[Path, Path], tmp_path: Path) -> None:
        rows = [
            {"image": "d.png", "expression": "the dog", "annotation_ids": [1006]},
            {"image": "d.png", "expression": "the car", "boxes": []},
            {"image": "d.png", "expression": "the helicopter", "boxes": []},
            {"image": "d.png", "expression": "how many dogs are there?", "count": 1},
        ]
        file, out = tmp_path / "e.jsonl", tmp_path / "grounding.json"
        file.write_text("\n".join(map(json.dumps, rows)))
        images = ("--images", pair[0])
        arguments = (*images, "--annotations", pair[1], "--expressions", file, "--out", out)
        code, table, _ = run("evaluate", *arguments)
        figures = json.loads(out.read_text())
        assert code == OK and figures["accuracy"] == 0.5
        assert 'd.png: the car\n  expected 0 boxes\n  found 1 box by ~class("car")' in table
        assert "1 were not understood, counted as wrong" in table
        file.write_text("\n".join(map(json.dumps, rows[1:])))
        assert json.loads(run("evaluate", *images, "--expressions", file, "--json")[1])["count"] == 3

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ([], "--images"),
            (["--images", "."], "--annotations FILE is needed"),
            (["--images", ".", "--annotations", "a", "--annotations", "b"], "there are 1 and 2"),
            (["--images", ".", "--annotations", "no.json"], "there is no annotation file no.json"),
            (["--images", ".", "--annotations", "{}", "--resume"], "--resume needs --out"),
            (["--images", ".", "--annotations", "{}", "--classes", ","], "--classes names no class"),
            (["--images", "{images}", "--annotations", "{}", "--classes", "unicorn"], "the nearest: "),
            (["--images", ".", "--annotations", "{}", "--min-score", "0.5"], "--min-score belongs to --expressions"),
            (["--images", ".", "--expressions", "{}", "--no-masks"], "belong to detection"),
            (["--images", ".", "--expressions", "no.jsonl"], "there is no file of expressions no.jsonl"),
            (["--images", "{images}", "--annotations", "{}", "--limit", "0"], "at least 1"),
        ],
    )
    def test_what_does_not_fit_together_is_a_usage_error(
        self, run: Any, pair: tuple[Path, Path], arguments: list[str], said: str
    ) -> None:
        filled = [argument.replace("{images}", str(pair[0])).replace("{}", str(pair[1])) for argument in arguments]
        code, out, err = run("evaluate", *filled)
        assert (code, out) == (USAGE, "") and said in err

    def test_broken_annotations_are_a_failure(self, run: Any, pair: tuple[Path, Path]) -> None:
        pair[1].write_text("{")
        code, _, err = run("evaluate", "--images", pair[0], "--annotations", pair[1])
        assert code == FAILURE and "expected a JSON file" in err

    def test_figures_that_are_there_are_kept(self, run: Any, pair: tuple[Path, Path]) -> None:
        before = pair[1].read_bytes()
        arguments = ("--images", pair[0], "--annotations", pair[1], "--out", pair[1])
        code, _, err = run("evaluate", *arguments)
        assert code == USAGE and "is there already" in err and pair[1].read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
class TestKilled:
    """The embedded detector on real images, in a process that is killed and begun again."""

    @pytest.mark.slow
    def test_a_run_killed_in_the_middle_goes_on_to_the_same_figures(self, data_root: Path, tmp_path: Path) -> None:
        folder = data_root / "vision" / "coco128"
        if not folder.is_dir():
            pytest.skip(f"needs {folder}: set SKYLARK_DATA to the data folder")
        arguments = [
            "evaluate", "--images", str(folder / "images"), "--annotations", str(folder / "instances.json"),
            "--no-masks", "--limit", "24", "--resume", "--threads", "1", "--out",
        ]  # fmt: skip
        whole, out = tmp_path / "whole.json", tmp_path / "killed.json"
        assert main([*arguments, str(whole)]) == OK
        child = subprocess.Popen(
            [sys.executable, "-m", "vision", *arguments, str(out)],
            env={**os.environ, "PYTHONPATH": str(PROJECT)}, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until = time.monotonic() + 100
        while time.monotonic() < until and written(out) < 4:
            time.sleep(0.005)
        child.send_signal(signal.SIGKILL)
        child.wait()
        kept = lines_path(out).read_bytes()
        assert not out.exists() and 4 <= written(out) < 25
        assert main([*arguments, str(out)]) == OK
        assert lines_path(out).read_bytes() == lines_path(whole).read_bytes()
        assert lines_path(out).read_bytes().startswith(kept[: kept.rfind(b"\n") + 1])
        assert out.read_bytes() == whole.read_bytes()


def written(out: Path) -> int:
    """Whole lines of a run, that of the settings counted."""
    return lines_path(out).read_bytes().count(b"\n") if lines_path(out).exists() else 0
