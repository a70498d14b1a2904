"""Other people's tools are the judges: pycocotools loads what `to_coco` gives, supervision reads the rest."""

import contextlib
import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import supervision
from hypothesis import given
from pycocotools import mask as coco_mask  # type: ignore[import-untyped]
from pycocotools.coco import COCO  # type: ignore[import-untyped]
from supervision.dataset.formats.pascal_voc import detections_from_xml_obj
from supervision.dataset.formats.yolo import yolo_annotations_to_detections

from tests.vision.made_detections import detections, empty
from vision.detections import showing
from vision.detections.detections import Detections
from vision.errors import DetectionsError, FormatError
from vision.task import OutputFormat, Target, Task

SIZE = (64, 48)
SQUARE = np.array([[4, 6], [20, 6], [20, 30], [4, 30]], np.float32)
CORNER = np.array([[40, 30], [64, 30], [64, 48]], np.float32)
SMALL = np.array([[50, 4], [56, 4], [56, 10], [50, 10]], np.float32)
FOUND = Detections(
    SIZE,
    np.array([[4, 6, 20, 30], [40, 4, 64, 48]]),
    ("sofa", "dog"),
    np.array([0.75, 0.5]),
    ("dog", "sofa"),
    ("couch", "dog"),
    ((SQUARE,), (CORNER, SMALL)),
    "model",
    np.array([11, 12]),
)


class TestCoco:
    def test_ids_are_cocos_own_where_all_classes_are_and_else_places_in_the_class_set(self) -> None:
        assert [one["category_id"] for one in FOUND.to_coco()] == [63, 18]
        task = Task(targets=(Target("vehicle", ("car", "bus")), Target("pet", ("dog",))))
        found = Detections(SIZE, FOUND.xyxy, ("vehicle",) * 2, None, ("vehicle", "pet"), ("bus", "car"), task=task)
        assert [one["category_id"] for one in found.to_coco()] == [6, 3], "groups keep the model's classes"
        other = Detections(SIZE, FOUND.xyxy, ("helicopter", "dog"), classes=("dog", "helicopter"))
        assert [one["category_id"] for one in other.to_coco()] == [2, 1]
        # An image without a helicopter has the same ids as one with it.
        assert [one["category_id"] for one in other[1:].to_coco()] == [1]
        assert [one["category_id"] for one in other[1:].to_coco(category_ids={"dog": 5})] == [5]
        with pytest.raises(FormatError, match="no category id for 'helicopter'"):
            other.to_coco(category_ids={"dog": 5})

    def test_annotations_have_all_that_the_format_asks_for(self) -> None:
        first, second = FOUND.to_coco(image_id=9, first_id=5)
        assert first == {
            "id": 5, "image_id": 9, "category_id": 63, "bbox": [4, 6, 16, 24], "area": 384, "iscrowd": 0,
            "segmentation": [SQUARE.ravel().tolist()], "score": 0.75,
        }  # fmt: skip
        assert (second["id"], second["area"], len(second["segmentation"])) == (6, 24 * 18 / 2 + 36, 2)
        bare = replace(FOUND, scores=None, polygons=None)
        assert all(not {"score", "segmentation"} & one.keys() for one in bare.to_coco())

    @pytest.mark.slow
    @given(detections(parts=2))
    def test_go_there_and_back(self, found: Detections) -> None:
        found = replace(found, output=OutputFormat("coco"))
        categories = {i + 1: name for i, name in enumerate(found.classes)}
        ids = {name: number for number, name in categories.items()}
        listed = json.loads(json.dumps(found.to_coco(category_ids=ids)))
        read = Detections.from_coco(listed, found.image_size, categories, found.classes)
        assert read.class_names == found.class_names
        np.testing.assert_allclose(read.xyxy, found.xyxy, atol=1e-3 + 2e-7 * max(found.image_size))
        assert (read.scores is None) == (found.scores is None or not len(found))
        for mine, theirs in zip(found.polygons or (), read.polygons or (), strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))

    def test_a_run_length_mask_becomes_an_outline(self) -> None:
        mask = np.zeros((48, 64), np.uint8)
        mask[10:20, 5:30] = 1
        encoded = coco_mask.encode(np.asfortranarray(mask))["counts"].decode()
        for counts in (encoded, [250, 10, 38, 10, 2764]):
            segmentation = {"counts": counts, "size": [48, 64]}
            one = {"category_id": 18, "bbox": [5, 10, 25, 10], "segmentation": segmentation, "iscrowd": 1}
            (rings,) = Detections.from_coco([one], SIZE).polygons or ()
            assert len(rings) == 1 and rings[0].min(axis=0).tolist() == [5, 10]

    def test_the_text_is_a_data_set_that_pycocotools_loads(self) -> None:
        text = replace(FOUND, output=OutputFormat("coco", "polygon", score=True)).text
        with contextlib.redirect_stdout(io.StringIO()):
            loaded = COCO()
            loaded.dataset = json.loads(text)
            loaded.createIndex()
        assert [one["name"] for one in loaded.loadCats(loaded.getCatIds())] == ["dog", "sofa"]
        assert loaded.imgs[1]["width"] == 64
        assert loaded.annToMask(loaded.anns[2]).sum() == pytest.approx(24 * 18 / 2 + 36, abs=20)


class TestSupervision:
    def test_gets_names_ids_scores_tracks_and_masks(self) -> None:
        theirs = FOUND.to_supervision()
        assert theirs.xyxy.tolist() == FOUND.xyxy.tolist()
        assert theirs.data["class_name"].tolist() == ["sofa", "dog"]  # type: ignore[union-attr]
        assert theirs.class_id is not None and theirs.class_id.tolist() == [1, 0]
        assert theirs.confidence is not None and theirs.confidence.tolist() == [0.75, 0.5]
        assert theirs.tracker_id is not None and theirs.tracker_id.tolist() == [11, 12]
        mask = np.asarray(theirs.mask)
        assert mask.shape == (2, 48, 64)
        assert mask[0, 6:30, 4:20].all() and mask[0].sum() == 16 * 24
        assert mask[1, 4:10, 50:56].all() and not mask[1, :30, :40].any()
        assert len(theirs[theirs.confidence > 0.6]) == 1  # type: ignore[arg-type]
        assert len(theirs.with_nms(0.5)) == 2

    @given(detections(parts=2))
    def test_boxes_go_there_and_back(self, found: Detections) -> None:
        boxes = replace(found, polygons=None, output=OutputFormat())
        assert Detections.from_supervision(boxes.to_supervision(), found.image_size, found.classes) == boxes

    def test_outlines_go_there_and_back_with_the_same_pixels(self, monkeypatch: pytest.MonkeyPatch) -> None:
        theirs = FOUND.to_supervision()
        dense = np.asarray(theirs.mask)
        back = Detections.from_supervision(theirs, SIZE, FOUND.classes)
        assert replace(back, polygons=None, model_classes=()) == replace(FOUND, polygons=None, model_classes=())
        assert np.array_equal(np.asarray(back.to_supervision().mask), dense)
        monkeypatch.setattr(showing, "MAX_DENSE_BYTES", 1)  # masks of a huge image are run-length encoded
        mask = FOUND.to_supervision().mask
        assert isinstance(mask, supervision.CompactMask) and np.array_equal(np.asarray(mask), dense)

    def test_nothing_goes_there_and_back_and_class_ids_are_taken_where_there_are_no_names(self) -> None:
        for nothing in (empty(SIZE, ("dog",)), replace(empty(SIZE, ("dog",)), polygons=(), polygon_source="model")):
            theirs = nothing.to_supervision()
            assert len(theirs) == 0
            assert Detections.from_supervision(theirs, SIZE, ("dog",)) == nothing
        theirs = supervision.Detections(xyxy=np.array([[-5.0, 2, 300, 9]]), class_id=np.array([1]))
        found = Detections.from_supervision(theirs, SIZE, ("dog", "cat"))
        assert (found.class_names, found.xyxy.tolist()) == (("cat",), [[0, 2, 64, 9]])
        for classes, message in (((), "expected data"), (("dog",), "class_id 1: expected 0 to 0")):
            with pytest.raises(DetectionsError, match=message):
                Detections.from_supervision(theirs, SIZE, classes)


@given(detections())
def test_supervision_reads_our_voc_and_our_yolo(found: Detections) -> None:
    root = ElementTree.fromstring(replace(found, polygons=None).to_voc())
    voc, voc_names = detections_from_xml_obj(root, list(found.classes), found.image_size)
    lines, names = found.to_yolo()
    yolo = yolo_annotations_to_detections(lines.splitlines(), found.image_size, with_masks=False)
    for theirs, called, bound in ((voc, voc_names, 1.0), (yolo, names, 0.001)):
        assert len(theirs) == len(found)
        if len(found):
            assert theirs.class_id is not None and tuple(called[i] for i in theirs.class_id) == found.class_names
            away = np.abs(theirs.xyxy - found.xyxy.astype(np.float64))
            assert np.all(away <= bound + 1e-6 * max(found.image_size))
    root = ElementTree.fromstring(replace(FOUND, source="folder/street.jpg").to_voc())
    assert root.findtext("filename") == "street.jpg"
    assert [one.findtext("score") for one in root.findall("object")] == ["0.75", "0.5"]
    assert len(root.findall("object/polygon")) == 2
