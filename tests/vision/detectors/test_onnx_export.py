import json
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.vision.onnx_models import FORMS, NAMES, Form, save_constant, save_detector, save_graph
from vision.classes.lexicon import COCO_CLASSES, COCO_SUPERCATEGORIES
from vision.detectors.detector import Found, Request
from vision.detectors.onnx_files import OnnxExport
from vision.errors import DetectorError
from vision.images import LoadedImage, load_image

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
STRETCHED: tuple[Form, ...] = ("unit", "softmax", "sigmoid", "labelled", "labelled-plain")


def picture(width: int, height: int, **rectangles: tuple[int, int, int, int]) -> LoadedImage:
    """Black with one rectangle (x0, y0, x1, y1) of each colour that is named."""
    pixels = np.zeros((height, width, 3), np.uint8)
    for colour, (x0, y0, x1, y1) in rectangles.items():
        pixels[y0:y1, x0:x1] = COLOURS[colour]
    return load_image(pixels)


def look(path: Path, image: LoadedImage, classes: tuple[str, ...] = tuple(COLOURS), min_score: float = 0.45) -> Found:
    return OnnxExport(path).detect([image], Request(classes, min_score))[0]


class TestForms:
    """In a picture of 320 x 160 a letterboxed cell is 80 x 80 pixels, a stretched one 80 x 40."""

    @pytest.mark.parametrize("form", FORMS)
    def test_a_rectangle_is_found_where_it_is_and_classes_give_their_part(self, tmp_path: Path, form: Form) -> None:
        image = picture(320, 160, green=(80, 80, 160, 160), blue=(240, 0, 320, 80))
        # With 1,024 cells a grid can't be mistaken for DETR's queries; the picture's cells are then smaller.
        size = (1024, 256) if form == "v8-turned" else (64, 64)
        found = look(save_detector(tmp_path / "m.onnx", form, size), image)
        assert set(found.labels) == {"green", "blue"} and found.scores is not None
        for label, whole in (("green", (80, 80, 160, 160)), ("blue", (240, 0, 320, 80))):
            boxes = found.xyxy[[name == label for name in found.labels]]
            assert (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)) == pytest.approx(whole)
            assert np.prod(boxes[:, 2:] - boxes[:, :2], axis=1).sum() == pytest.approx(80 * 80)
            assert form == "v8-turned" or len(boxes) == (2 if form in STRETCHED else 1)
        expected = {"v5": 0.5, "sigmoid": 1 / (1 + np.exp(-10))}.get(form, 1.0)
        # Where the picture is enlarged, the cells at the rectangle's edge are not all of one colour.
        assert found.scores.max() == pytest.approx(expected, abs=1e-3) and found.scores.min() > 0.9 * expected

        image = load_image(np.random.default_rng(0).integers(0, 256, (160, 320, 3), np.uint8))
        detector = OnnxExport(save_detector(tmp_path / "n.onnx", form))
        (everything,) = detector.detect([image], Request(tuple(COLOURS), 0.0))
        assert everything.scores is not None and len(everything.labels) > 0
        for asked in (("green",), ("blue", "red")):
            (found,) = detector.detect([image], Request(asked, 0.0))
            places = [place for place, label in enumerate(everything.labels) if label in asked]
            assert found.scores is not None and np.array_equal(found.scores, everything.scores[places])
            assert np.array_equal(found.xyxy, everything.xyxy[places])

    @pytest.mark.parametrize("form", ["v8", "labelled", "softmax"])
    def test_half_precision_is_fed_and_read(self, tmp_path: Path, form: Form) -> None:
        found = look(save_detector(tmp_path / "m.onnx", form, half=True), picture(320, 160, red=(0, 80, 80, 160)))
        assert set(found.labels) == {"red"} and found.xyxy.dtype == np.float32

    def test_a_free_size_is_what_the_metadata_say(self, tmp_path: Path) -> None:
        metadata = {"names": str(NAMES), "imgsz": "[64, 128]"}
        path = save_detector(tmp_path / "m.onnx", "v8", (128, 64), metadata=metadata, free=("batch", "height", "width"))
        found = look(path, picture(256, 128, red=(32, 64, 64, 96)))
        assert found.xyxy.tolist() == [[32, 64, 64, 96]]

    def test_a_mask_of_pixels_is_given_where_one_is_wanted(self, tmp_path: Path) -> None:
        path = save_detector(tmp_path / "m.onnx", "softmax")
        import onnx

        model = onnx.load(path)
        model.graph.input.append(helper.make_tensor_value_info("pixel_mask", TensorProto.INT64, ["batch", 64, 64]))
        model.graph.node.append(helper.make_node("ReduceMin", ["pixel_mask"], ["least"], keepdims=0))
        model.graph.node.append(helper.make_node("Cast", ["least"], ["least_float"], to=TensorProto.FLOAT))
        scaled = model.graph.node[[node.output[0] for node in model.graph.node].index("logits")]
        scaled.output[0] = "unmasked"
        model.graph.node.append(helper.make_node("Mul", ["unmasked", "least_float"], ["logits"]))
        onnx.save(model, path)
        assert set(look(path, picture(320, 160, red=(0, 80, 80, 160))).labels) == {"red"}


class TestSuppression:
    def test_a_grid_is_suppressed_within_each_class_and_what_is_suppressed_already_stays(self, tmp_path: Path) -> None:
        scores = np.array([[0.9, 0.8, 0.0], [0.0, 0.7, 0.0], [0.0, 0.0, 0.6]], np.float32)
        boxes = np.array([[20, 20, 20, 20], [21, 20, 20, 20], [50, 50, 10, 10]], np.float32)
        output = np.concatenate([boxes.T, scores])[None]
        path = save_constant(tmp_path / "m.onnx", {"output0": np.pad(output, ((0, 0), (0, 0), (0, 20)))})
        found = look(path, picture(64, 64), min_score=0.1)
        assert found.labels == ("red", "green", "blue")
        assert found.xyxy.tolist() == [[10, 10, 30, 30], [11, 10, 31, 30], [45, 45, 55, 55]]
        rows = np.array([[10, 10, 30, 30, 0.9, 0], [11, 10, 31, 30, 0.8, 0], [0, 0, 0, 0, 0, 0]], np.float32)
        found = look(save_constant(tmp_path / "m.onnx", {"output0": rows[None]}), picture(64, 64), min_score=0.0)
        assert found.labels == ("red", "red")

    def test_boxes_are_cut_to_the_image_and_a_nameless_class_is_an_error(self, tmp_path: Path) -> None:
        rows = np.array([[10, 10, 30, 30, 0.9, 3]], np.float32)
        with pytest.raises(DetectorError, match=r"class number 3.*3 names"):
            look(save_constant(tmp_path / "n.onnx", {"output0": rows[None]}), picture(64, 64))
        rows = np.array([[-5, -5, 30, 99, 0.9, 0], [70, 70, 90, 90, 0.8, 1], [np.nan] * 4 + [0.7, 2]], np.float32)
        found = look(save_constant(tmp_path / "m.onnx", {"output0": rows[None]}), picture(64, 64))
        assert found.xyxy.tolist() == [[0, 0, 30, 64]]

    @pytest.mark.parametrize("size", [(1, 1), (1, 900), (2000, 3000)])
    def test_an_image_of_any_size_is_taken(self, tmp_path: Path, size: tuple[int, int]) -> None:
        for form in ("v8", "labelled"):
            image = load_image(np.full((size[1], size[0], 3), (255, 0, 0), np.uint8))
            found = look(save_detector(tmp_path / f"{form}.onnx", form), image)
            assert np.all(found.xyxy >= 0) and np.all(found.xyxy <= (*size, *size))


class TestClassNames:
    def test_in_the_metadata_or_in_a_file_beside_it(self, tmp_path: Path) -> None:
        for number, (file, content) in enumerate(
            (
                *(
                    (None, "{0: 'a', 1: 'b', 2: 'c'}"),
                    (None, '["a", "b", "c"]'),
                    (None, '{"0": "a", "2": "c", "1": "b"}'),
                ),
                *(("m.names", "a\nb\nc\n"), ("m.txt", "a\r\nb\r\nc")),
                ("m.onnx.names", "\ufeffa\nb \nc\n\n"),
                ("m.json", '["a", "b", "c"]'),
                ("m.json", '{"1": "b", "0": "a", "2": "c"}'),
                ("config.json", json.dumps({"model_type": "detr", "id2label": {"0": "a", "1": "b", "2": "c"}})),
            )
        ):
            folder = tmp_path / str(number)
            folder.mkdir()
            path = save_detector(folder / "m.onnx", "v8", metadata={} if file else {"names": content})
            if file:
                (folder / file).write_text(content, encoding="utf-8")
            assert OnnxExport(path).vocabulary == ("a", "b", "c")

    def test_numbers_of_one_name_are_one_class_and_those_of_none_are_left_out(self, tmp_path: Path) -> None:
        path = save_detector(tmp_path / "m.onnx", "v8", metadata={"names": '["colour", "N/A", "colour"]'})
        image = picture(320, 160, red=(0, 0, 80, 80), green=(80, 0, 160, 80), blue=(160, 0, 240, 80))
        found = look(path, image, ("colour",))
        assert found.labels == ("colour", "colour") and found.xyxy[:, 0].tolist() == [0, 160]
        # COCO's classes have their supercategories.
        output = {"output0": np.zeros((1, 84, 100), np.float32)}
        coco = OnnxExport(save_constant(tmp_path / "c.onnx", output, {"names": json.dumps(COCO_CLASSES)}))
        assert coco.supercategories == COCO_SUPERCATEGORIES
        assert OnnxExport(save_detector(tmp_path / "m.onnx", "v8")).supercategories is None

    def test_none_too_few_or_no_list_of_names_is_refused(self, tmp_path: Path) -> None:
        for names, message in (
            *((None, r"m\.names"), ('["a"]', r"1 classes are named.*correct them")),
            *((n, "names") for n in ("{0: 'a', 2: 'b'}", "{'x': 'a'}", "17", "[1, 2]", "[]", "__import__('os')", "{")),
        ):
            with pytest.raises(DetectorError, match=message):
                OnnxExport(save_detector(tmp_path / "m.onnx", "v8", metadata={"names": names} if names else {}))


class TestRefused:
    def test_a_file_that_is_missing_no_onnx_or_cut_off_until_it_is_whole(self, tmp_path: Path) -> None:
        with pytest.raises(DetectorError, match=r"none\.onnx"):
            OnnxExport(tmp_path / "none.onnx")
        for content in (b"", b"no model at all", bytes(range(256)) * 8):
            (tmp_path / "m.onnx").write_bytes(content)
            with pytest.raises(DetectorError, match="cannot be opened as an ONNX model"):
                OnnxExport(tmp_path / "m.onnx")
        path, whole = tmp_path / "m.onnx", save_detector(tmp_path / "whole.onnx", "v8").read_bytes()
        path.write_bytes(whole[:-200])
        with pytest.raises(DetectorError, match=r"m\.onnx"):
            OnnxExport(path)
        path.write_bytes(whole)
        assert OnnxExport(path).vocabulary == ("red", "green", "blue")

    @pytest.mark.parametrize("shape", [[1, 10], [1, 1, 64, 64], [1, 64, 64, 3], [1, 3, 65, 65], [8, 3, 64, 64]])
    def test_inputs_of_another_kind(self, tmp_path: Path, shape: list[int]) -> None:
        kind = TensorProto.INT64 if shape[-1] == 65 else TensorProto.FLOAT
        image = helper.make_tensor_value_info("in", kind, shape)
        node, out = helper.make_node("Identity", ["in"], ["out"]), helper.make_tensor_value_info("out", kind, None)
        path = save_graph(tmp_path / "m.onnx", [node], [image], [out])
        with pytest.raises(DetectorError, match="batch of 1" if shape[0] == 8 else "expected one image"):
            OnnxExport(path)

    def test_an_input_that_is_not_known(self, tmp_path: Path) -> None:
        shapes = (("images", [1, 3, 64, 64]), ("scale", [1, 2]), ("out", None))
        infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes]
        path = save_graph(tmp_path / "m.onnx", [helper.make_node("Identity", ["scale"], ["out"])], infos[:2], infos[2:])
        with pytest.raises(DetectorError, match="scale"):
            OnnxExport(path)

    @pytest.mark.parametrize("shape", [(1, 10), (1, 3, 8, 8), (1, 50, 60), (2, 7, 100)])
    def test_outputs_of_another_kind(self, tmp_path: Path, shape: tuple[int, ...]) -> None:
        path = save_constant(tmp_path / "m.onnx", {"out": np.zeros(shape, np.float32)})
        with pytest.raises(DetectorError, match=r"m\.onnx.*the outputs are out .*Expected of YOLO"):
            OnnxExport(path)

    def test_a_model_that_fails_on_the_image(self, tmp_path: Path) -> None:
        image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, "height", "width"])
        shape = helper.make_tensor("shape", TensorProto.INT64, [3], [1, 7, 100])
        node = helper.make_node("Reshape", ["images", "shape"], ["out"])
        out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
        path = save_graph(tmp_path / "m.onnx", [node], [image], [out], [shape])
        with pytest.raises(DetectorError, match=r"m\.onnx.*failed"):
            OnnxExport(path)
