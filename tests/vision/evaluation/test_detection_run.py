import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from skylark.errors import DataError
from tests.vision.coloured_pictures import COLOURS, PICTURES, ColourDetector, instances, make_set
from vision.detectors.detector import Found, Request
from vision.errors import DetectorError, EvaluationError, ImageError
from vision.evaluation.annotations import read_annotations
from vision.evaluation.detection_run import evaluate_detections
from vision.evaluation.runs import Detection, RunOptions, average_precision, lines_path
from vision.images import LoadedImage
from vision.vision import Vision


class Unsure(ColourDetector):
    """The same without scores."""

    gives_scores = False

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        return [Found(one.xyxy, one.labels, None) for one in super().detect(images, request)]


class Failing(ColourDetector):
    """The same, but it fails on the last picture until it is mended."""

    broken = True

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        if self.broken and any(image.name.endswith("d.png") for image in images):
            raise DetectorError("out of memory")
        return super().detect(images, request)


class OpenVocabulary(ColourDetector):
    """The same, asked by any phrase."""

    vocabulary = None  # type: ignore[assignment]
    supercategories = None  # type: ignore[assignment]

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        known = Request(tuple(name for name in request.classes if name in COLOURS), request.min_score)
        return super().detect(images, known)


def expected(folder: Path) -> dict[str, Any]:
    """The figures of what the detector finds: all that is annotated, the small ones a pixel too large."""
    annotated, found = read_annotations([(folder / "images", folder / "instances.json")]), []
    for row in annotated.annotations:
        x, y, w, h = row.xywh
        wider = 0 if min(w, h) > 16 else 1
        found.append(Detection(row.image, row.category, (x, y, w + wider, h + wider), w * h / (96 * 64)))
    return average_precision(annotated, found, annotated.categories, [(96, 64)] * 4)


def evaluate(folder: Path, detector: ColourDetector | None = None, **settings: Any) -> dict[str, Any]:
    if not folder.exists():
        make_set(folder)
    options = RunOptions(**{name: settings.pop(name) for name in ("limit", "out", "resume") if name in settings})
    return of([(folder / "images", folder / "instances.json")], detector, options=options, **settings)


def of(pairs: list[tuple[Path, Path]], detector: ColourDetector | None = None, **settings: Any) -> dict[str, Any]:
    return evaluate_detections(Vision(detector or ColourDetector()), pairs, **{"masks": False, **settings})


class TestFigures:
    def test_they_are_cocos_of_what_was_found(self, tmp_path: Path) -> None:
        figures = evaluate(tmp_path / "set", masks=True)
        wanted = expected(tmp_path / "set")
        assert {name: figures[name] for name in wanted} == wanted
        assert 0.5 < figures["AP"] < 1 and figures["AP50"] == 1.0
        assert (figures["images"], figures["detections"], figures["not_detectable"]) == (4, 7, {})
        assert figures["segm"]["polygon_source"] == "grabcut" and figures["segm"]["AP50"] > 0.5
        assert figures["segm"].keys() - {"polygon_source"} == wanted.keys()
        pairs = [make_set(tmp_path / "one"), make_set(tmp_path / "two")]
        # A detector's own bound on scores does not count.
        figures = evaluate_detections(Vision(ColourDetector(), min_score=0.9), pairs, masks=False)
        assert (figures["images"], figures["detections"]) == (8, 14) and "segm" not in figures
        assert figures["per_class"]["cat"]["annotations"] == 6 and figures["AP"] == pytest.approx(wanted["AP"])
        first = evaluate(tmp_path / "set", limit=2)
        assert first["images"] == 2 and first["per_class"]["cat"]["annotations"] == 3
        # Models without scores or of any phrase are measured too.
        figures = evaluate(tmp_path / "set", Unsure())
        assert figures["AP50"] == 1.0 and figures["detections"] == 7
        figures = evaluate(tmp_path / "set", OpenVocabulary())
        assert figures["AP"] == wanted["AP"] and figures["not_detectable"] == {}

    def test_masks_need_an_outline_of_every_object(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        content = instances(PICTURES)
        del content["annotations"][0]["segmentation"]
        pair = make_set(tmp_path / "set", changed=content)
        assert "segm" not in of([pair], masks=True) and "1 of 7 objects have no outline" in caplog.text
        assert "segm" in of([pair], classes=["dog", "car"], masks=True), "that object is a cat"

    def test_many_boxes_are_cut_to_a_hundred_of_the_best(self, tmp_path: Path) -> None:
        dots = [("dog", (x, y, 3, 3)) for x in range(0, 96, 5) for y in range(0, 60, 5)]
        pair = make_set(tmp_path / "set", {"dots.png": [*dots[:-1], ("dog", (90, 50, 6, 6))]})
        assert of([pair])["detections"] == 100 < len(dots)


class TestClasses:
    def test_a_subset_is_named_in_the_users_words(self, tmp_path: Path) -> None:
        for words, counted in (["kitten", "Dogs"], ["cat", "dog"]), (["animals"], ["cat", "dog"]), (["car"], ["car"]):
            figures, whole = evaluate(tmp_path / "set", classes=words), expected(tmp_path / "set")["per_class"]
            assert list(figures["per_class"]) == counted
            assert figures["per_class"] == {name: whole[name] for name in counted}
            assert figures["AP"] == pytest.approx(np.mean([whole[name]["AP"] for name in counted]))
        for word, said in (
            ("helicopter", "names none of the annotated classes"), ("caar", "car"), ("red dog", "name dog without it")
        ):  # fmt: skip
            with pytest.raises(EvaluationError, match=said):
                evaluate(tmp_path / "set", classes=[word])

    def test_a_class_that_the_model_lacks_is_named_and_in_no_mean(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        content = instances(PICTURES)
        content["categories"].append({"id": 90, "name": "helicopter"})
        content["annotations"][1]["category_id"] = 90
        pair = make_set(tmp_path / "set", changed=content)
        figures = of([pair])
        assert figures["not_detectable"] == {"helicopter": 1} and "helicopter (1 objects)" in caplog.text
        assert list(figures["per_class"]) == ["car", "cat", "dog"]
        with pytest.raises(EvaluationError, match="the model has no class for any of: helicopter"):
            of([pair], classes=["helicopter"])
        pair = make_set(tmp_path / "none", changed=instances({**PICTURES, "a.png": [], "d.png": []}))
        with pytest.raises(EvaluationError, match="no object is annotated of: dog"):
            of([pair], classes=["dog"])

    def test_a_category_of_another_name_is_tied_by_its_meaning_each_class_to_one(self, tmp_path: Path) -> None:
        def named(folder: str, *names: str) -> dict[str, Any]:
            categories = [{"id": number, "name": name} for number, name in zip((3, 17, 18), names, strict=True)]
            return of([make_set(tmp_path / folder, changed={"categories": categories})])

        figures = named("one", "automobile", "Cat", "dogs")
        assert figures["settings"]["classes"] == {"automobile": "car", "Cat": "cat", "dogs": "dog"}
        assert figures["AP50"] == 1.0
        figures = named("two", "automobile", "car", "dog")
        assert figures["settings"]["classes"] == {"car": "car", "dog": "dog"}
        assert figures["not_detectable"] == {"automobile": 2}


class TestFiles:
    def test_the_lines_hold_cocos_results(self, tmp_path: Path) -> None:
        out = tmp_path / "ap.json"
        figures = evaluate(tmp_path / "set", out=out, masks=True)
        assert json.loads(out.read_text()) == json.loads(json.dumps(figures))
        lines = [json.loads(line) for line in lines_path(out).read_text().splitlines()][1:]
        files = {line["id"]: line["file"] for line in lines}
        assert files == {10: "a.png", 20: "b.png", 30: "c.png", 40: "d.png"}
        first = lines[0]["detections"][0]
        assert (first["image_id"], first["category_id"], first["bbox"]) == (10, 17, [4.0, 4.0, 30.0, 40.0])
        assert first["segmentation"]["size"] == [64, 96] and 0 < first["score"] < 1

    def test_a_run_that_failed_goes_on_to_the_same_figures(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        detector, out = Failing(), tmp_path / "ap.json"
        with pytest.raises(DetectorError, match="out of memory"):
            evaluate(tmp_path / "set", detector, out=out)
        assert "3 of 4 are kept" in caplog.text and not out.exists()
        detector.broken = False
        detector.batches.clear()
        figures = evaluate(tmp_path / "set", detector, out=out, resume=True)
        assert detector.batches == [1]
        assert figures == evaluate(tmp_path / "set", out=tmp_path / "again.json")
        out.unlink()
        file = tmp_path / "set" / "instances.json"
        file.write_text(file.read_text().replace("[4, 4, 30, 40]", "[4, 4, 30, 41]"))
        with pytest.raises(EvaluationError, match="annotations_digest was"):
            evaluate(tmp_path / "set", detector, out=out, resume=True)

    def test_an_image_that_cannot_be_read_or_has_another_size_ends_the_run(self, tmp_path: Path) -> None:
        images, _ = make_set(tmp_path / "set")
        (images / "b.png").write_bytes((images / "b.png").read_bytes()[:50])
        with pytest.raises(ImageError, match=r"b\.png"):
            evaluate(tmp_path / "set")
        Image.new("RGB", (64, 96)).save(images / "b.png")
        with pytest.raises(DataError, match=r"b\.png: .* 96 x 64 pixels .* '64 x 96'"):
            evaluate(tmp_path / "set")


@pytest.mark.slow
def test_the_embedded_detectors_figures_of_a_few_images_of_coco_are_plausible(data_root: Path) -> None:
    folder = data_root / "vision" / "coco128"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}: set SKYLARK_DATA to the data folder")
    pair = (folder / "images", folder / "instances.json")
    figures = evaluate_detections(Vision(), [pair], options=RunOptions(limit=24), masks=False)
    assert 0.3 < figures["AP50"] < 0.9 and figures["AP"] < figures["AP50"]
    assert len(figures["per_class"]) == 80 and figures["not_detectable"] == {}
