import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from skylark.command_line import FAILURE, OK, USAGE
from tests.vision.video.coloured_frames import frames
from tests.vision.video.made_tracks import readings

pytestmark = pytest.mark.usefixtures("colours")


class TestVideos:
    """A cat walks through the frames of a folder, behind a dog; the model's reading is given."""

    @pytest.fixture(autouse=True)
    def read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sentences = {"the cat that moves": " one cat & moves", "how often does the cat move?": " times cat & moves",
                     "the first step": " what one earliest 1( doing)"}  # fmt: skip
        monkeypatch.setattr(
            "vision.vision.video_readings",
            lambda text, matcher, adapter, actions=(): readings(sentences[text], actions),
        )

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return frames(tmp_path / "frames", 30)

    def test_tracks_come_with_their_time_and_reason_and_a_value_with_key_frames(self, run: Any, folder: Path) -> None:
        code, out, _ = run("ask", folder, "the cat that moves", "--tracker", "sort")
        first, query = out.splitlines()
        assert code == OK and first.startswith("cat 1 (id ") and "cat 1 moves to the right from 0:00" in first
        assert query == 'query: ~class("cat") & of(~kind("moves"))'
        code, out, _ = run("ask", folder, "how often does the cat move?", "--every", "2", "--json")
        answer = json.loads(out)
        assert code == OK and answer["value"] == 1 and answer["video"] == str(folder)
        assert answer["justification"][0]["events"][0]["key_frames"][0]["frame"] >= 0

    def test_actions_come_from_a_file(self, run: Any, folder: Path, tmp_path: Path) -> None:
        made = tmp_path / "segments.json"
        made.write_text(json.dumps({"segments": [{"label": "pour milk", "start": 0, "end": 0.5}]}))
        code, out, _ = run("ask", folder, "the first step", "--actions", made)
        assert code == OK and out.splitlines()[0] == "pour milk"
        made.write_text("[]")
        code, _, said = run("ask", folder, "the first step", "--actions", made)
        assert code == USAGE and "holds no segments of a video" in said

    def test_a_pattern_of_frames_and_a_gif_that_moves_are_videos(self, run: Any, folder: Path, tmp_path: Path) -> None:
        code, out, _ = run("ask", f"{folder}/0000*.png", "the cat that moves", "--json")
        assert code == OK and json.loads(out)["video"] == f"{folder}/0000*.png" and json.loads(out)["tracks"]
        pictures = [Image.open(path).convert("RGB") for path in sorted(folder.iterdir())]
        pictures[0].save(tmp_path / "cat.gif", save_all=True, append_images=pictures[1:], duration=40)
        code, out, _ = run("ask", tmp_path / "cat.gif", "the cat that moves")
        assert code == OK and out.startswith("cat 1 (id ")


class TestImages:
    def test_boxes_come_with_query_and_reasons_on_lines_and_as_json(self, run: Any, photos: Path) -> None:
        asked = ("ask", photos / "d.png", "the dog to the right of the car")
        code, out, _ = run(*asked)
        first, query = out.splitlines()[0], out.splitlines()[-1]
        assert code == OK and first.startswith("dog (70, 30, 90, 60) 0.10")
        assert query == 'query: ~class("dog") & ~right_of(~class("car"))'
        answer = json.loads(run(*asked, "--json")[1])
        assert answer["objects"][0]["xyxy"] == [70, 30, 90, 60] and "right_of" in answer["query"]
        assert len(answer["justification"]) == 1 and answer["image"] == str(photos / "d.png")

    def test_a_value_or_nothing_stands_first(self, run: Any, photos: Path) -> None:
        for asked, answer in {"how many cats are there?": "2", "is there a dog?": "no", "all dogs": "nothing"}.items():
            code, out, _ = run("ask", photos / "b.png", asked)
            assert code == OK and out.splitlines()[0] == answer

    def test_what_cannot_be_asked_is_a_usage_error(self, run: Any, photos: Path) -> None:
        for name, *arguments in (
            ("d.png", "the helicopter"), ("e.png", "the dog"), ("b.png", "all dogs", "--every", "2")
        ):  # fmt: skip
            code, out, err = run("ask", photos / name, *arguments)
            assert (code, out) == (USAGE, "") and err.startswith("error: ")
            assert ("--every is of videos" in err) == ("--every" in arguments)

    def test_one_image_is_an_image_however_it_is_named(self, run: Any, photos: Path, tmp_path: Path) -> None:
        (tmp_path / "one").mkdir()
        Image.open(photos / "d.png").convert("RGB").save(tmp_path / "one/d.gif")
        (tmp_path / "one/d.drawn.jpg").write_bytes(b"what an earlier run drew")
        for name in ("one", "one/d.gif", "o*/d.*"):
            code, out, _ = run("ask", tmp_path / name, "all cars", "--json")
            assert code == OK and json.loads(out)["image"].endswith("d.gif"), name
        (tmp_path / "one/d.txt").touch()
        code, _, err = run("ask", tmp_path / "one/d.*", "all cars")
        assert code == USAGE and "names 2 files, which are no video: expected one image" in err
        (photos / "d.png").write_text("no picture")
        assert run("ask", photos / "d.png", "the dog")[0] == FAILURE

    def test_auto_leaves_small_pictures_whole(self, run: Any, photos: Path, colours: Any) -> None:
        assert run("ask", photos / "a.png", "the cat", "--slice", "auto")[0] == OK
        assert sum(colours[-1].batches) == 1


class TestWithoutImages:
    @pytest.mark.slow
    def test_a_task_is_shown_on_lines_and_as_json(self, run: Any) -> None:
        asked = ("task", "the two largest dogs and helicopters on the left half, as JSON with scores")
        code, out, _ = run(*asked)
        assert code == OK
        assert "class: dog" in out and "limit: 2 by area" in out and 'not detectable: "helicopter"' in out
        assert "region: x 0 to 0.5, y 0 to 1" in out and "output: json" in out
        task = json.loads(run(*asked, "--json")[1])
        assert task["limit"] == {"count": 2, "by": "area", "order": "descending"}
        assert task["targets"][0]["classes"] == ["dog"] and task["output"]["format"] == "json"

    def test_the_classes_are_those_of_the_model(self, run: Any) -> None:
        code, out, _ = run("classes")
        assert code == OK and out.split() == ["cat", "animal", "dog", "animal", "car", "vehicle"]
        assert json.loads(run("classes", "--json")[1])["classes"] == ["cat", "dog", "car"]
