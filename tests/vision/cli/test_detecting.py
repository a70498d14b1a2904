import json
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from supervision import DetectionDataset

from kg_data.batches.shards import ShardFolder
from skylark.command_line import FAILURE, OK, USAGE
from tests.vision.coloured_pictures import PICTURES, ColourDetector, make_set, picture
from vision import Detections, Vision
from vision.cli.options import RECORD
from vision.evaluation.runs import images_digest
from vision.task import OutputFormat

PROJECT = Path(__file__).resolve().parents[3]
ALL = "boxes of all cats, dogs and cars as JSON"
CATS = "cats as JSON"

pytestmark = pytest.mark.usefixtures("colours")


def boxes(text: str) -> list[tuple[str, list[float]]]:
    return [(row["label"], row["bbox"]) for row in json.loads(text)]


def corners(name: str) -> list[tuple[str, list[int]]]:
    """What is in a picture, the largest first, as the detector gives it: a pixel more of the small ones."""
    ordered = sorted(PICTURES[name], key=lambda row: -row[1][2] * row[1][3])
    return [(label, [x, y, x + w + (min(w, h) <= 16), y + h + (min(w, h) <= 16)]) for label, (x, y, w, h) in ordered]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def detect(run: Any) -> Any:
    """The command over images."""

    def detect(*arguments: object, asked: str = ALL) -> Any:
        return run("detect", *arguments, "--instruction", asked)

    return detect


class TestPrinted:
    def test_one_image_gives_its_text_alone_and_several_a_header_each(self, detect: Any, photos: Path) -> None:
        code, out, err = detect(photos / "d.png")
        assert code == OK and boxes(out) == corners("d.png") and "image/s" not in err
        (photos / "more").mkdir()
        (photos / "notes.txt").write_text("no picture")
        code, out, err = detect(photos)
        assert f"{photos}: left out 1 subfolder and 1 file that is no image" in err
        parts = out.split("== ")[1:]
        assert code == OK and [part.splitlines()[0] for part in parts] == [str(photos / name) for name in PICTURES]
        assert boxes(parts[0].split("\n", 1)[1]) == corners("a.png")
        assert detect(photos / "b.png", asked="count the cats")[:2] == (OK, "2\n")

    def test_json_is_an_object_or_one_a_line(self, detect: Any, photos: Path) -> None:
        one = json.loads(detect(photos / "a.png", "--json")[1])
        assert one["image"] == str(photos / "a.png") and boxes(one["text"]) == corners("a.png")
        assert [row["class_name"] for row in one["objects"]] == ["cat", "car", "dog"]
        lines = detect(photos, "--json")[1].splitlines()
        assert [json.loads(line)["image"] for line in lines] == [str(photos / name) for name in PICTURES]
        assert json.loads(lines[0]) == one
        lines = detect(photos / "b.png", photos / "[ab].png", "--json")[1].splitlines()
        assert [Path(json.loads(line)["image"]).name for line in lines] == ["b.png", "a.png"], "each once"

    def test_a_format_goes_before_that_of_the_instruction(self, detect: Any, photos: Path) -> None:
        begins = {"json": "[", "coco": '{"images"', "yolo": "0 ", "voc": "<annotation", "tokens": "<c", "tuple": "("}
        for form, begin in begins.items():
            code, out, _ = detect(photos / "b.png", "--format", form, asked=CATS)
            assert code == OK and out.startswith(begin)

    def test_what_cannot_be_done_is_said_once_and_is_no_empty_result(self, detect: Any, photos: Path) -> None:
        code, out, err = detect(photos, "--json", asked="find every cat and every helicopter")
        assert code == OK and len(out.splitlines()) == 4
        assert err.count("helicopter") == 1 and "colours" not in out.split('"notes"')[0]
        code, out, err = detect(photos / "a.png", asked="find helicopters")
        assert code == OK and out.strip() in err and 'no class for "helicopter"' in out
        assert detect(photos / "a.png", "--format", "json", asked="find helicopters")[1] == "[]\n"

    def test_scores_are_bounded_and_slices_looked_at_where_asked(
        self, detect: Any, photos: Path, colours: list[ColourDetector]
    ) -> None:
        assert boxes(detect(photos / "b.png", "--min-score", "0.2")[1]) == corners("b.png")[:1]
        assert boxes(detect(photos / "b.png", "--min-score", "0")[1]) == corners("b.png")
        code, out, err = detect(photos / "a.png", "--slice", "40x64", asked=CATS)
        assert code == OK and "parts of 40 x 64 pixels and as a whole" in err
        assert sum(colours[-1].batches) > 2 and json.loads(out) == json.loads(detect(photos / "a.png", asked=CATS)[1])


class TestWrongArguments:
    def test_they_are_usage_errors_that_say_what_is_wrong(
        self, run: Any, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(photos)
        cats = f"--instruction '{CATS}'"
        for arguments, said in {
            "a.png": "--instruction",
            cats: "IMAGE",
            f"a.png --format xml {cats}": "'xml' is none of json",
            f"a.png --min-score 2 {cats}": "from 0 to 1",
            f"a.png --min-score half {cats}": "from 0 to 1",
            f"a.png --draw {cats}": "--draw and --overwrite need --out",
            f"a.png --overwrite {cats}": "--draw and --overwrite need --out",
            f"a.png --slice big {cats}": "slices are 'big'",
            f"a.png --workers 0 {cats}": "at least 1",
            f"a.png --engine rai {cats}": "mean ray?",
            f"b.pgn {cats}": "the nearest name is b.png",
            f"no/such/a.png {cats}": "there is no folder no/such",
            f"*.webp {cats}": "no image, folder or match of *.webp",
            "a.png --instruction '  '": "instruction",
        }.items():
            code, out, err = run("detect", *shlex.split(arguments))
            assert (code, out) == (USAGE, "") and said in err, arguments

    def test_a_folder_without_images_or_a_missing_key_is_said_before_a_model_is_opened(
        self, run: Any, detect: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colours: list[Any]
    ) -> None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        (tmp_path / "none").mkdir()
        (tmp_path / "none/notes.txt").write_text("no picture")
        code, _, err = detect(tmp_path / "none")
        assert code == FAILURE and "holds no image" in err and colours == []
        code, out, err = detect(photos / "a.png", "--llm", "openai:gpt-5-mini")
        assert (code, out, err.count("\n")) == (FAILURE, "", 1) and "OPENAI_API_KEY" in err
        assert run()[0] == USAGE and run("paint")[0] == USAGE
        code, out, _ = run("--help")
        assert code == OK and all(name in out for name in ("detect", "ask", "task", "classes", "evaluate"))


class TestToAFolder:
    def test_each_image_has_a_file_in_the_format_and_no_lock_stays(
        self, detect: Any, photos: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "new" / "out"
        code, said, _ = detect(photos, "--out", out)
        assert code == OK and "4 images with 7 objects" in said
        assert {*contents(out)} == {RECORD, *(f"{name[0]}.json" for name in PICTURES)}
        for name in PICTURES:
            assert boxes((out / name).with_suffix(".json").read_text()) == corners(name)
        code, _, err = detect(photos, "--out", out / "a.json")
        assert code == FAILURE and "cannot make the folder" in err, "a file lies there"

    def test_yolo_comes_with_the_names_and_voc_is_xml(self, detect: Any, photos: Path, tmp_path: Path) -> None:
        detect(photos, "--format", "yolo", "--out", tmp_path / "yolo")
        assert (tmp_path / "yolo/classes.txt").read_text().split() == ["cat", "dog", "car"]
        rows = [line.split() for line in (tmp_path / "yolo/d.txt").read_text().splitlines()]
        assert [row[0] for row in rows] == ["2", "1"]
        place = [float(number) for number in rows[0][1:]]
        assert place == pytest.approx([32 / 96, 27 / 64, 60 / 96, 50 / 64], abs=1e-5)
        assert (tmp_path / "yolo/c.txt").read_text().strip() == ""
        detect(photos, "--format", "voc", "--out", tmp_path / "voc")
        tree = ElementTree.parse(tmp_path / "voc/a.xml")
        assert [name.text for name in tree.iterfind(".//object/name")] == ["cat", "car", "dog"]

    @pytest.mark.parametrize(("form", "name"), [("coco", "instances.json"), ("voc", "b.xml"), ("json", "b.json")])
    def test_the_objects_that_were_counted_are_in_the_files(
        self, detect: Any, photos: Path, tmp_path: Path, form: Any, name: str
    ) -> None:
        arguments = (photos / "b.png", "--format", form)
        assert detect(*arguments, "--out", tmp_path, asked="count the cats")[0] == OK
        for text in ((tmp_path / name).read_text(), detect(*arguments, asked="count the cats")[1]):
            assert len(Detections.from_text(text, (96, 64), OutputFormat(form), ("cat",))) == 2

    def test_drawn_pictures_show_the_objects_and_are_no_images_of_the_next_run(self, detect: Any, photos: Path) -> None:
        pictures = []
        for sought, before in (("cars", 0), ("cats", 0), ("cats", 4)):
            more = () if before else ("--overwrite",)
            code, out, _ = detect(photos, "--out", photos, "--draw", *more, asked=f"find the {sought} as JSON")
            assert code == OK and ("0 images with 0 objects, 4 there before" in out) == (before == 4)
            with Image.open(photos / "d.drawn.jpg") as drawn:
                pictures.append(drawn.convert("RGB").tobytes())
        assert corners("d.png")[0][0] == "car" and pictures[0] != pictures[1] == pictures[2]

    @pytest.mark.parametrize("form", ["yolo", "coco", "voc"])
    def test_what_is_written_loads_in_supervision(self, detect: Any, photos: Path, tmp_path: Path, form: str) -> None:
        out = tmp_path / "out"
        assert detect(photos, "--format", form, "--out", out)[0] == OK
        images, labels = str(photos), str(out)
        if form == "yolo":
            loaded = DetectionDataset.from_yolo(images, labels, str(out / "data.yaml"))
        elif form == "voc":
            loaded = DetectionDataset.from_pascal_voc(images, labels)
        else:
            loaded = DetectionDataset.from_coco(images, str(out / "instances.json"))
            data = json.loads((out / "instances.json").read_text())
            assert [row["file_name"] for row in data["images"]] == list(PICTURES)
            assert len({row["id"] for row in data["annotations"]}) == len(data["annotations"]) == 7
        for path, _, found in loaded:
            expected = {(label, *box) for label, box in corners(Path(path).name)}
            assert found.class_id is not None
            names = [loaded.classes[number] for number in found.class_id]
            assert {(name, *box) for name, box in zip(names, found.xyxy.round().tolist(), strict=True)} == expected

    def test_images_of_one_name_do_not_overwrite_each_other(self, detect: Any, tmp_path: Path) -> None:
        folders, out = [tmp_path / name for name in ("one", "two", "two/one")], tmp_path / "out"
        for folder, label in zip(folders, ("cat", "dog", "car"), strict=True):
            folder.mkdir()
            picture([(label, (5, 5, 40, 40))]).save(folder / "a.png")
        for folder in folders[:2]:  # nor do those of a later run
            assert detect(folder, "--format", "coco", "--out", tmp_path / "coco")[0] == OK
            assert detect(folder, "--format", "json", "--out", tmp_path / "coco")[0] == USAGE
        found = json.loads((tmp_path / "coco/instances.json").read_text())
        assert [row["file_name"] for row in found["images"]] == ["one/a.png", "two/a.png"]
        assert len(found["annotations"]) == 2
        picture([("car", (5, 5, 30, 30))]).save(tmp_path / "one" / "a.jpg", quality=100, subsampling=0)
        assert detect(*folders, "--out", out)[0] == OK
        assert sorted(boxes(path.read_text())[0][0] for path in out.glob("*.json")) == ["car", "car", "cat", "dog"]

    def test_what_is_done_is_not_done_again_unless_it_has_changed(
        self, detect: Any, photos: Path, tmp_path: Path, colours: list[ColourDetector]
    ) -> None:
        out = tmp_path / "out"
        detect(photos / "a.png", photos / "b.png", "--out", out)
        (out / "b.json").unlink()
        code, said, _ = detect(photos, "--out", out)
        assert code == OK and "3 images" in said and "1 there before" in said
        assert [sum(one.batches) for one in colours] == [2, 3]
        picture([("car", (3, 3, 30, 30))]).save(photos / "a.png")
        assert "1 images with 1 objects, 3 there before" in detect(photos, "--out", out)[1]
        assert boxes((out / "a.json").read_text())[0][0] == "car"
        assert "4 images" in detect(photos, "--out", out, "--overwrite")[1]

    def test_a_run_that_does_all_again_can_be_stopped_and_gone_on_with(
        self, detect: Any, photos: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        detect(photos, "--out", out)
        (out / "e.json").write_text("mine")
        picture([("car", (3, 3, 30, 30))]).save(photos / "e.png")
        detect(photos / "a.png", "--out", out, "--overwrite")
        assert [detect(photos / f"{name}.png", "--out", out)[0] for name in "bcd"] == [OK] * 3
        code, _, err = detect(photos, "--out", out)
        assert code == FAILURE and "e.json is there already, and not of this run" in err
        assert (out / "e.json").read_text() == "mine"

    def test_another_instruction_or_other_slices_need_another_folder(
        self, detect: Any, photos: Path, tmp_path: Path
    ) -> None:
        written, file = (photos, "--out", tmp_path), tmp_path / "a.json"
        detect(*written, "--slice", "40x64")
        before = file.read_bytes()
        for asked, more, said in ((CATS, ("--slice", "40x64"), "instruction was"), (ALL, (), "slices was")):
            code, _, err = detect(*written, *more, asked=asked)
            assert code == USAGE and said in err and "--overwrite" in err
        assert file.read_bytes() == before
        assert detect(*written, "--overwrite", asked=CATS)[0] == OK
        assert boxes(file.read_text()) == corners("a.png")[:1]

    def test_a_bad_image_leaves_nothing_and_is_tried_again(self, detect: Any, photos: Path, tmp_path: Path) -> None:
        good, out = (photos / "b.png").read_bytes(), tmp_path / "out"
        (photos / "b.png").write_bytes(good[:60])
        code, said, err = detect(photos, "--out", out, "--json")
        assert code == FAILURE and json.loads(said)["failed"] == [str(photos / "b.png")] and "b.png" in err
        assert {path.name for path in out.glob("*.json")} == {"a.json", "c.json", "d.json"}
        code, printed, err = detect(photos, "--json")
        assert code == FAILURE and len(printed.splitlines()) == 3 and "b.png" in err
        (photos / "b.png").write_bytes(good)
        assert detect(photos, "--out", out)[0] == OK
        assert boxes((out / "b.json").read_text()) == corners("b.png")


class TestWorkers:
    @pytest.fixture
    def many(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Twelve pictures; the commands, and the processes that they begin, find rectangles by their colour."""
        monkeypatch.setattr("vision.cli.detecting.opened", lambda options: Vision(ColourDetector()))
        pictures = list(PICTURES.values())
        return make_set(tmp_path / "many", {f"{number:02}.png": pictures[number % 4] for number in range(12)})[0]

    @pytest.mark.slow
    def test_the_folder_is_that_of_one_process(self, detect: Any, many: Path, tmp_path: Path) -> None:
        (many / "07.png").write_text("no picture")
        command = (many, "--format", "coco", "--draw")
        one = detect(*command, "--out", tmp_path / "one")
        two = detect(*command, "--out", tmp_path / "two", "--workers", "2")
        assert contents(tmp_path / "two") == contents(tmp_path / "one") and len(contents(tmp_path / "one")) == 13
        assert one[0] == two[0] == FAILURE and two[1] == one[1].replace("/one:", "/two:")
        one_said, two_said = ([line for line in said[2].splitlines() if "error" in line] for said in (one, two))
        assert one_said == two_said

    def test_what_several_left_one_goes_on_with(self, detect: Any, many: Path, tmp_path: Path) -> None:
        assert detect(many, "--out", tmp_path / "whole")[0] == OK
        out = tmp_path / "killed"
        assert detect(many, "--out", out)[0] == OK
        record = out / RECORD
        lines = record.read_bytes().splitlines(keepends=True)
        record.write_bytes(b"".join(lines[:6]))
        for line in map(json.loads, lines[6:]):
            (out / f"{line['name']}.json").unlink()
        left = [json.loads(line)["image"] for line in lines[6:]]
        shards = ShardFolder.of(record).path
        shards.mkdir()
        kept = {"objects": 1, "text": "seen", "classes": ["cat"], "value": None, "drawn": ""}
        seen = {"notes": ["kept"], "digest": images_digest([Path(left[0])]), "result": kept}
        changed = {"notes": ["it has changed"], "digest": "another", "result": kept}
        lines_of = zip(left, (seen, {"error": "it is tried again"}, changed), strict=False)
        written = [{"begun": 1}, {"ready": 1}, *({"key": key, "line": line} for key, line in lines_of)]
        text = "".join(json.dumps(one, separators=(",", ":")) + "\n" for one in written)
        (shards / "0001-000000.jsonl").write_text(text)
        code, told, notes = detect(many, "--out", out)
        assert code == OK and "7 images" in told and "5 there before" in told
        assert "note: kept" in notes and "changed" not in notes
        found, expected = contents(out), contents(tmp_path / "whole")
        name = f"{Path(left[0]).stem}.json"
        assert found.pop(name) == b"seen\n" and expected.pop(name) != b"seen\n"
        records = [{json.dumps(json.loads(line)) for line in one.pop(RECORD).splitlines()} for one in (found, expected)]
        assert len(records[0] ^ records[1]) <= 2
        assert found == expected and not shards.exists()


@pytest.mark.slow
def test_as_a_process_its_results_are_on_stdout_alone_and_nothing_of_a_language_model_is_imported() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "vision", "classes"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=True)
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert len(done.stdout.splitlines()) == 80
    assert "vision.cli" in imported and not {"torch", "scipy", "supervision", "langchain_core"} & imported
