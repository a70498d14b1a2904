from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from supervision import DetectionDataset

from skylark.command_line import FAILURE, OK, USAGE
from tests.vision.coloured_pictures import PICTURES, ColourDetector, make_set, picture
from vision import Detections
from vision.task import OutputFormat

PROJECT = Path(__file__).resolve().parents[3]
ALL = "boxes of all cats, dogs and cars as JSON"


pytestmark = pytest.mark.usefixtures("colours")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return make_set(tmp_path / "set")[0]


def boxes(text: str) -> list[tuple[str, list[float]]]:
    return [(row["label"], row["bbox"]) for row in json.loads(text)]


def corners(name: str) -> list[tuple[str, list[int]]]:
    """What is in a picture, the largest first, as the detector gives it: a pixel more of the small ones."""
    rows = []
    for label, (x, y, w, h) in sorted(PICTURES[name], key=lambda row: -row[1][2] * row[1][3]):
        wider = 0 if min(w, h) > 16 else 1
        rows.append((label, [x, y, x + w + wider, y + h + wider]))
    return rows


class TestPrinted:
    def test_one_image_gives_its_text_alone(self, run: Any, photos: Path) -> None:
        code, out, err = run("detect", photos / "d.png", "--instruction", ALL)
        assert code == OK and boxes(out) == corners("d.png")
        assert "image/s" not in err

    def test_several_images_have_a_header_each(self, run: Any, photos: Path) -> None:
        code, out, _ = run("detect", photos, "--instruction", ALL)
        assert code == OK
        parts = out.split("== ")[1:]
        assert [part.splitlines()[0] for part in parts] == [str(photos / name) for name in PICTURES]
        assert boxes(parts[0].split("\n", 1)[1]) == corners("a.png")

    def test_json_is_an_object_or_one_a_line(self, run: Any, photos: Path) -> None:
        one = json.loads(run("detect", photos / "a.png", "--instruction", ALL, "--json")[1])
        assert one["image"] == str(photos / "a.png") and boxes(one["text"]) == corners("a.png")
        assert [row["class_name"] for row in one["objects"]] == ["cat", "car", "dog"]
        lines = run("detect", photos, "--instruction", ALL, "--json")[1].splitlines()
        assert [json.loads(line)["image"] for line in lines] == [str(photos / name) for name in PICTURES]
        assert json.loads(lines[0]) == one

    @pytest.mark.parametrize(
        ("form", "begins"),
        [
            ("json", "["),
            ("coco", '{"images"'),
            ("yolo", "0 "),
            ("voc", "<annotation"),
            ("tokens", "<c"),
            ("tuple", "("),
        ],
    )
    def test_a_format_goes_before_that_of_the_instruction(self, run: Any, photos: Path, form: str, begins: str) -> None:
        code, out, _ = run("detect", photos / "b.png", "--instruction", "find the cats, as JSON", "--format", form)
        assert code == OK and out.startswith(begins)

    def test_a_pattern_and_a_file_that_it_names_too_are_looked_at_once(self, run: Any, photos: Path) -> None:
        code, out, _ = run("detect", photos / "b.png", photos / "[ab].png", "--instruction", ALL, "--json")
        assert code == OK
        assert [Path(json.loads(line)["image"]).name for line in out.splitlines()] == ["b.png", "a.png"]

    def test_a_count_is_its_number(self, run: Any, photos: Path) -> None:
        assert run("detect", photos / "b.png", "--instruction", "count the cats")[:2] == (OK, "2\n")

    def test_what_cannot_be_done_is_said_once(self, run: Any, photos: Path) -> None:
        code, out, err = run("detect", photos, "--instruction", "find every cat and every helicopter", "--json")
        assert code == OK and len(out.splitlines()) == 4
        assert err.count("helicopter") == 1 and "colours" not in out.split('"notes"')[0]

    def test_a_class_that_the_model_lacks_is_no_empty_result(self, run: Any, photos: Path) -> None:
        looked = ("detect", photos / "a.png", "--instruction", "find helicopters")
        code, out, err = run(*looked)
        assert code == OK and out.strip() in err and 'no class for "helicopter"' in out
        assert run(*looked, "--format", "json")[1] == "[]\n"

    def test_scores_are_bounded_where_asked(self, run: Any, photos: Path) -> None:
        out = run("detect", photos / "b.png", "--instruction", ALL, "--min-score", "0.2")[1]
        assert boxes(out) == corners("b.png")[:1]
        assert boxes(run("detect", photos / "b.png", "--instruction", ALL, "--min-score", "0")[1]) == corners("b.png")

    def test_one_bad_image_does_not_stop_the_others(self, run: Any, photos: Path) -> None:
        (photos / "b.png").write_text("no picture")
        code, out, err = run("detect", photos, "--instruction", ALL, "--json")
        assert code == FAILURE
        assert [Path(json.loads(line)["image"]).name for line in out.splitlines()] == ["a.png", "c.png", "d.png"]
        assert "b.png" in err and "no image that can be read" in err


class TestWrongArguments:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["a.png"], "--instruction"),
            (["--instruction", "find cats"], "IMAGE"),
            (["a.png", "--instruction", "find cats", "--format", "xml"], "'xml' is none of json"),
            (["a.png", "--instruction", "find cats", "--min-score", "2"], "from 0 to 1"),
            (["a.png", "--instruction", "find cats", "--min-score", "nan"], "from 0 to 1"),
            (["a.png", "--instruction", "find cats", "--min-score", "-1"], "from 0 to 1"),
            (["a.png", "--instruction", "find cats", "--min-score", "half"], "from 0 to 1"),
            (["a.png", "--instruction", "find cats", "--draw"], "--draw and --overwrite need --out"),
            (["b.pgn", "--instruction", "find cats"], "the nearest name is b.png"),
            (["no/such/a.png", "--instruction", "find cats"], "there is no folder no/such"),
            (["*.webp", "--instruction", "find cats"], "no image, folder or match of *.webp"),
            (["a.png", "--instruction", "  "], "instruction"),
        ],
    )
    def test_they_are_usage_errors_that_say_what_is_wrong(
        self, run: Any, photos: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
    ) -> None:
        monkeypatch.chdir(photos)
        code, out, err = run("detect", *arguments)
        assert (code, out) == (USAGE, "") and said in err

    def test_nothing_is_opened_for_them(self, run: Any, photos: Path, colours: list[ColourDetector]) -> None:
        run("detect", photos / "no.png", "--instruction", "find cats")
        assert colours == []

    def test_a_folder_without_images_is_said(self, run: Any, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("no picture")
        code, _, err = run("detect", tmp_path, "--instruction", "find cats")
        assert code == FAILURE and "holds no image" in err

    def test_help_and_no_command(self, run: Any) -> None:
        assert run("--help")[0] == OK and run()[0] == USAGE and run("paint")[0] == USAGE

    def test_a_missing_key_is_one_line_that_names_it(
        self, run: Any, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        arguments = ("detect", photos / "a.png", "--instruction", ALL, "--llm", "openai:gpt-5-mini")
        message = "error: openai:gpt-5-mini needs a key: set the environment variable OPENAI_API_KEY\n"
        assert run(*arguments) == (FAILURE, "", message)
        assert all(name in run("--help")[1] for name in ("detect", "ask", "task", "classes", "evaluate"))


class TestToAFolder:
    def test_each_image_has_a_file_in_the_format(self, run: Any, photos: Path, tmp_path: Path) -> None:
        code, out, _ = run("detect", photos, "--instruction", ALL, "--out", tmp_path / "new" / "out")
        assert code == OK and "4 images with 7 objects" in out
        for name in PICTURES:
            assert boxes((tmp_path / "new/out" / name).with_suffix(".json").read_text()) == corners(name)

    def test_yolo_comes_with_the_names(self, run: Any, photos: Path, tmp_path: Path) -> None:
        run("detect", photos, "--instruction", ALL, "--format", "yolo", "--out", tmp_path)
        assert (tmp_path / "classes.txt").read_text().split() == ["cat", "dog", "car"]
        rows = [line.split() for line in (tmp_path / "d.txt").read_text().splitlines()]
        assert [row[0] for row in rows] == ["2", "1"]
        assert [float(number) for number in rows[0][1:]] == pytest.approx(
            [32 / 96, 27 / 64, 60 / 96, 50 / 64], abs=1e-5
        )
        assert (tmp_path / "c.txt").read_text().strip() == ""

    def test_voc_is_xml(self, run: Any, photos: Path, tmp_path: Path) -> None:
        run("detect", photos, "--instruction", ALL, "--format", "voc", "--out", tmp_path)
        tree = ElementTree.parse(tmp_path / "a.xml")
        assert [name.text for name in tree.iterfind(".//object/name")] == ["cat", "car", "dog"]

    @pytest.mark.parametrize("form", ["coco", "voc", "json"])
    def test_the_objects_that_were_counted_are_in_the_files(
        self, run: Any, photos: Path, tmp_path: Path, form: str
    ) -> None:
        arguments = ("--instruction", "count the cats", "--format", form)
        assert run("detect", photos / "b.png", *arguments, "--out", tmp_path)[0] == OK
        written = tmp_path / {"coco": "instances.json", "voc": "b.xml", "json": "b.json"}[form]
        printed = run("detect", photos / "b.png", *arguments)[1]
        for text in (written.read_text(), printed):
            assert len(Detections.from_text(text, (96, 64), OutputFormat(form), ("cat",))) == 2  # type: ignore[arg-type]

    def test_coco_is_one_data_set_of_all(self, run: Any, photos: Path, tmp_path: Path) -> None:
        run("detect", photos, "--instruction", ALL, "--format", "coco", "--out", tmp_path)
        found = json.loads((tmp_path / "instances.json").read_text())
        names = {row["id"]: row["name"] for row in found["categories"]}
        files = {row["id"]: row["file_name"] for row in found["images"]}
        assert list(files.values()) == list(PICTURES)
        assert len({row["id"] for row in found["annotations"]}) == len(found["annotations"]) == 7
        for name in PICTURES:
            rows = [row for row in found["annotations"] if files[row["image_id"]] == name]
            assert [names[row["category_id"]] for row in rows] == [label for label, _ in corners(name)]

    def test_drawn_pictures_show_the_objects(self, run: Any, photos: Path, tmp_path: Path) -> None:
        pictures = []
        for sought in ("cars", "cats"):
            wanted = f"find the {sought} as JSON"
            assert (
                run("detect", photos / "d.png", "--instruction", wanted, "--out", tmp_path / sought, "--draw")[0] == OK
            )
            with Image.open(tmp_path / sought / "d.drawn.jpg") as drawn:
                pictures.append(drawn.convert("RGB").tobytes())
        assert corners("d.png")[0][0] == "car" and pictures[0] != pictures[1]

    def test_what_it_drew_is_no_image_of_the_next_run(self, run: Any, photos: Path) -> None:
        for _ in range(2):
            code, out, _ = run("detect", photos, "--instruction", ALL, "--out", photos, "--draw")
        assert code == OK and "0 images with 0 objects, 4 there before" in out

    @pytest.mark.parametrize("form", ["yolo", "coco", "voc"])
    def test_what_is_written_loads_in_supervision(self, run: Any, photos: Path, tmp_path: Path, form: str) -> None:
        out = tmp_path / "out"
        assert run("detect", photos, "--instruction", ALL, "--format", form, "--out", out)[0] == OK
        images, labels = str(photos), str(out)
        if form == "yolo":
            loaded = DetectionDataset.from_yolo(images, labels, str(out / "data.yaml"))
        elif form == "voc":
            loaded = DetectionDataset.from_pascal_voc(images, labels)
        else:
            loaded = DetectionDataset.from_coco(images, str(out / "instances.json"))
        for path, _, found in loaded:
            expected = {(label, *box) for label, box in corners(Path(path).name)}
            assert found.class_id is not None
            names = [loaded.classes[number] for number in found.class_id]
            assert {(name, *box) for name, box in zip(names, found.xyxy.round().tolist(), strict=True)} == expected

    def test_no_lock_stays(self, run: Any, photos: Path, tmp_path: Path) -> None:
        run("detect", photos, "--instruction", ALL, "--out", tmp_path / "out")
        assert not list((tmp_path / "out").glob("*.lock"))

    def test_what_is_left_out_of_a_folder_is_said(self, run: Any, photos: Path) -> None:
        (photos / "more").mkdir()
        (photos / "notes.txt").write_text("no picture")
        err = run("detect", photos, "--instruction", ALL)[2]
        assert f"{photos}: left out 1 subfolder and 1 file that is no image" in err

    def test_images_of_one_name_do_not_overwrite_each_other(self, run: Any, tmp_path: Path) -> None:
        for folder, label in (("one", "cat"), ("two", "dog"), ("two/one", "car")):
            (tmp_path / folder).mkdir()
            picture([(label, (5, 5, 40, 40))]).save(tmp_path / folder / "a.png")
        picture([("car", (5, 5, 30, 30))]).save(tmp_path / "one" / "a.jpg", quality=100, subsampling=0)
        out = tmp_path / "out"
        folders = [tmp_path / "one", tmp_path / "two", tmp_path / "two" / "one"]
        assert run("detect", *folders, "--instruction", ALL, "--out", out)[0] == OK
        found = sorted(boxes(path.read_text())[0][0] for path in out.glob("*.json"))
        assert found == ["car", "car", "cat", "dog"]

    def test_nor_do_those_of_a_later_run(self, run: Any, tmp_path: Path) -> None:
        out = tmp_path / "out"
        for folder, label in (("one", "cat"), ("two", "dog")):
            (tmp_path / folder).mkdir()
            picture([(label, (5, 5, 40, 40))]).save(tmp_path / folder / "a.png")
            assert run("detect", tmp_path / folder, "--instruction", ALL, "--format", "coco", "--out", out)[0] == OK
            assert run("detect", tmp_path / folder, "--instruction", ALL, "--format", "json", "--out", out)[0] == USAGE
        found = json.loads((out / "instances.json").read_text())
        assert [row["file_name"] for row in found["images"]] == ["one/a.png", "two/a.png"]
        assert len(found["annotations"]) == 2

    def test_what_is_done_is_not_done_again(
        self, run: Any, photos: Path, tmp_path: Path, colours: list[ColourDetector]
    ) -> None:
        out = tmp_path / "out"
        run("detect", photos / "a.png", photos / "b.png", "--instruction", ALL, "--out", out)
        (out / "b.json").unlink()
        code, said, _ = run("detect", photos, "--instruction", ALL, "--out", out)
        assert code == OK and "3 images" in said and "1 there before" in said
        assert [sum(one.batches) for one in colours] == [2, 3]
        assert {path.name for path in out.glob("*.json")} == {"a.json", "b.json", "c.json", "d.json"}
        assert "4 images" in run("detect", photos, "--instruction", ALL, "--out", out, "--overwrite")[1]

    def test_an_image_that_has_changed_is_done_again(self, run: Any, photos: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        run("detect", photos, "--instruction", ALL, "--out", out)
        picture([("car", (3, 3, 30, 30))]).save(photos / "a.png")
        assert "1 images with 1 objects, 3 there before" in run("detect", photos, "--instruction", ALL, "--out", out)[1]
        assert boxes((out / "a.json").read_text())[0][0] == "car"

    def test_a_run_that_does_all_again_can_be_stopped_and_gone_on_with(
        self, run: Any, photos: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        run("detect", photos, "--instruction", ALL, "--out", out)
        (out / "e.json").write_text("mine")
        picture([("car", (3, 3, 30, 30))]).save(photos / "e.png")
        run("detect", photos / "a.png", "--instruction", ALL, "--out", out, "--overwrite")
        for name in "bcd":
            assert run("detect", photos / f"{name}.png", "--instruction", ALL, "--out", out)[0] == OK
        code, _, err = run("detect", photos, "--instruction", ALL, "--out", out)
        assert code == FAILURE and "e.json is there already, and not of this run" in err
        assert (out / "e.json").read_text() == "mine"

    def test_another_instruction_needs_another_folder(self, run: Any, photos: Path, tmp_path: Path) -> None:
        run("detect", photos, "--instruction", ALL, "--out", tmp_path / "out")
        before = (tmp_path / "out" / "a.json").read_bytes()
        code, _, err = run("detect", photos, "--instruction", "find the cats as JSON", "--out", tmp_path / "out")
        assert code == USAGE and "instruction was" in err and "--overwrite" in err
        assert (tmp_path / "out" / "a.json").read_bytes() == before
        arguments = ("--instruction", "find the cats as JSON", "--out", tmp_path / "out", "--overwrite")
        assert run("detect", photos, *arguments)[0] == OK
        assert boxes((tmp_path / "out" / "a.json").read_text()) == corners("a.png")[:1]

    def test_files_of_others_are_left_alone(self, run: Any, photos: Path, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_text("mine")
        code, _, err = run("detect", photos, "--instruction", ALL, "--out", tmp_path)
        assert code == FAILURE and "a.json is there already" in err
        assert (tmp_path / "a.json").read_text() == "mine"

    def test_a_bad_image_leaves_nothing_and_is_tried_again(self, run: Any, photos: Path, tmp_path: Path) -> None:
        good = (photos / "b.png").read_bytes()
        (photos / "b.png").write_bytes(good[:60])
        out = tmp_path / "out"
        code, said, err = run("detect", photos, "--instruction", ALL, "--out", out, "--json")
        assert code == FAILURE and json.loads(said)["failed"] == [str(photos / "b.png")] and "b.png" in err
        assert {path.name for path in out.glob("*.json")} == {"a.json", "c.json", "d.json"}
        (photos / "b.png").write_bytes(good)
        assert run("detect", photos, "--instruction", ALL, "--out", out)[0] == OK
        assert boxes((out / "b.json").read_text()) == corners("b.png")

    def test_a_file_in_the_place_of_the_folder_is_a_failure(self, run: Any, photos: Path, tmp_path: Path) -> None:
        (tmp_path / "out").write_text("")
        code, _, err = run("detect", photos, "--instruction", ALL, "--out", tmp_path / "out")
        assert code == FAILURE and "cannot make the folder" in err


class TestWithoutImages:
    @pytest.mark.slow
    def test_a_task_is_shown(self, run: Any) -> None:
        code, out, _ = run("task", "the two largest dogs and helicopters on the left half, as JSON with scores")
        assert code == OK
        assert "class: dog" in out and "limit: 2 by area" in out and 'not detectable: "helicopter"' in out
        assert "region: x 0 to 0.5, y 0 to 1" in out and "output: json" in out

    def test_a_task_as_json_has_all_of_it(self, run: Any) -> None:
        task = json.loads(run("task", "the two largest dogs", "--json")[1])
        assert task["limit"] == {"count": 2, "by": "area", "order": "descending"}
        assert task["targets"][0]["classes"] == ["dog"] and task["output"]["format"] == "tuple"

    def test_the_classes_are_those_of_the_model(self, run: Any) -> None:
        code, out, _ = run("classes")
        assert code == OK and [line.split() for line in out.splitlines()] == [
            ["cat", "animal"], ["dog", "animal"], ["car", "vehicle"],
        ]  # fmt: skip
        assert json.loads(run("classes", "--json")[1])["classes"] == ["cat", "dog", "car"]


class TestAsAProcess:
    """What only a process of its own shows, with the embedded detector."""

    @staticmethod
    def start(*arguments: object, **options: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "vision", *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
        return subprocess.Popen(
            command, text=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
        )

    @pytest.mark.slow
    def test_its_results_are_on_stdout_alone(self, photos: Path) -> None:
        done = self.start("detect", photos / "a.png", "--instruction", "find helicopters and cats as JSON")
        out, err = done.communicate(timeout=120)
        assert done.returncode == OK and json.loads(out) == json.loads(out.strip())
        assert "helicopter" in err and "helicopter" not in out

    @pytest.mark.slow
    def test_an_unknown_model_is_a_failure_in_one_line(self, photos: Path) -> None:
        done = self.start("detect", photos / "a.png", "--instruction", "find cats", "--model", "embeded")
        out, err = done.communicate(timeout=120)
        assert done.returncode == FAILURE and out == "" and "'embedded'" in err and "Traceback" not in err

    @pytest.mark.slow
    def test_nothing_of_a_language_model_or_for_outlines_is_imported(self) -> None:
        code = (
            "import sys; from vision.cli import main; main(['classes']);"
            "print(sorted({'torch', 'scipy', 'supervision', 'langchain_core'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=120)
        assert done.stdout.splitlines()[-1] == "[]" and len(done.stdout.splitlines()) == 81
