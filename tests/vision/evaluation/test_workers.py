"""Several processes that look at images write what one writes."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kg_data.batches.lines import lines_by_workers
from kg_data.batches.shards import ALONE, ShardFolder, Workers
from tests.vision.coloured_pictures import PICTURES, ColourDetector, make_set
from vision.errors import EvaluationError
from vision.evaluation.detection_run import evaluate_detections
from vision.evaluation.runs import RunOptions, lines_path
from vision.images import list_images
from vision.task import Target, Task
from vision.vision import Vision

TWO = Workers(2)


def many(folder: Path) -> tuple[Path, Path]:
    """A set of 24 pictures."""
    pictures = list(PICTURES.values())
    return make_set(folder, {f"{number:03}.png": pictures[number % len(pictures)] for number in range(24)})


def evaluate(pair: tuple[Path, Path], out: Path, workers: Workers = ALONE, resume: bool = False) -> dict[str, Any]:
    options = RunOptions(out=out, resume=resume, workers=workers)
    return evaluate_detections(Vision(ColourDetector()), [pair], options=options, masks=False)


Whole = tuple[tuple[Path, Path], Path]


@pytest.fixture
def whole(tmp_path: Path) -> Whole:
    """A set, and what one process writes of it."""
    pair, out = many(tmp_path / "set"), tmp_path / "whole.json"
    evaluate(pair, out)
    return pair, out


def contents(out: Path) -> tuple[bytes, bytes]:
    return out.read_bytes(), lines_path(out).read_bytes()


@pytest.mark.slow
def test_lines_and_figures_are_those_of_one(whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair, expected = whole
    out = tmp_path / "two.json"
    asked: list[tuple[Any, ...]] = []

    def noted(*arguments: Any) -> Any:
        asked.append(arguments)
        return lines_by_workers(*arguments)

    monkeypatch.setattr("kg_data.batches.lines.lines_by_workers", noted)
    evaluate(pair, out, TWO)
    assert contents(out) == contents(expected)
    ((_, keys, _, folder, workers, *_),) = asked
    assert folder == ShardFolder.of(lines_path(out)).path and not folder.exists() and workers == TWO
    assert keys[5] == "image 6, 005.png"


def test_lines_that_are_begun_anew_hold_nothing_of_those_before(whole: Whole, tmp_path: Path) -> None:
    pair, expected = whole
    out = tmp_path / "again.json"
    folder = ShardFolder.of(lines_path(out)).path
    folder.mkdir()
    (folder / "0001-000000.jsonl").write_text('{"begun":1}\n{"key":"0","line":{"id":-1}}\n')
    evaluate(pair, out)
    assert contents(out) == contents(expected) and not folder.exists()
    failed = tmp_path / "failed.json"
    lines_path(failed).write_bytes(lines_path(expected).read_bytes().split(b"\n")[0] + b"\n")
    evaluate(pair, failed)
    assert contents(failed) == contents(expected)


def test_what_several_left_others_go_on_with(whole: Whole, tmp_path: Path) -> None:
    pair, expected = whole
    out = tmp_path / "killed.json"
    lines = lines_path(expected).read_bytes().splitlines(keepends=True)
    lines_path(out).write_bytes(b"".join(lines[:4]))  # the settings and three images
    folder = ShardFolder.of(lines_path(out))
    folder.path.mkdir()
    places = (1, 8, 9, 17)
    done = {f"image {place + 1}, {place:03}.png": json.loads(lines[place + 1]) for place in places}
    records = [{"key": key, "line": {**line, "seen": True}} for key, line in done.items()]
    kept = [json.dumps(record, separators=(",", ":")) + "\n" for record in [{"begun": 1}, {"ready": 1}, *records]]
    (folder.path / "0001-000000.jsonl").write_text("".join(kept))
    evaluate(pair, out, resume=True)
    found = [json.loads(line) for line in lines_path(out).read_bytes().splitlines()]
    assert [place for place, line in enumerate(found[1:]) if line.pop("seen", False)] == [8, 9, 17]
    assert found == [json.loads(line) for line in lines] and out.read_bytes() == expected.read_bytes()
    assert not folder.path.exists()


class TestIdentity:
    def test_it_is_of_model_weights_and_code(self, tmp_path: Path) -> None:
        vision = Vision()
        settings = vision.deciding()
        assert settings.keys() == {"model", "weights_digest", "slices", "mirrored", "version", "code"}
        vision.detector.files = (tmp_path / "other.onnx",)
        vision.detector.files[0].write_bytes(b"other weights")
        assert vision.deciding()["weights_digest"] != settings["weights_digest"]

    def test_another_is_refused_by_name_and_an_image_that_changed(
        self, whole: Whole, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (images, annotations), out = whole
        out.unlink()
        deciding = Vision.deciding
        for key in ("weights_digest", "code", "version"):
            with monkeypatch.context() as patched:
                patched.setattr(Vision, "deciding", lambda self, key=key: {**deciding(self), key: "another"})
                said = f'begun with other settings: {key} was "[^"]+", now "another"'
                with pytest.raises(EvaluationError, match=said):
                    evaluate((images, annotations), out, resume=True)
        first, *_, last = list_images(images)
        last.write_bytes(first.read_bytes() + b" ")
        with pytest.raises(EvaluationError, match=f"line 25: the image has changed since \\({last.name}\\)"):
            evaluate((images, annotations), out, resume=True)


def test_another_process_opens_the_model_anew(tmp_path: Path) -> None:
    vision = Vision(min_score=0.1, slices="640x640")
    again: Vision = pickle.loads(pickle.dumps(vision))
    assert (again.min_score, again.slicing, again.deciding()) == (0.1, vision.slicing, vision.deciding())
    image = list_images(make_set(tmp_path / "set")[0])[0]
    task = Task("cats", "detect", targets=(Target("cat", ("cat",)),))
    assert np.array_equal(again.detect(image, task).xyxy, vision.detect(image, task).xyxy)
