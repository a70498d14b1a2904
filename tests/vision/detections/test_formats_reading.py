"""Texts come from models and strangers: what is not in the format is refused, with the place and what was expected."""

import contextlib
import json
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skylark.errors import SkylarkError
from tests.vision.made_detections import OUTPUTS, detections
from vision.detections.detections import Detections
from vision.detections.formats.records import MAX_CHARACTERS
from vision.errors import FormatError
from vision.task import FormatName, Geometry, OutputFormat

SIZE = (640, 480)
CLASSES = ("cat", "dog", "traffic light")
TUPLE, TOKENS, JSON = OutputFormat(), OutputFormat("tokens"), OutputFormat("json")
COCO, YOLO, VOC = OutputFormat("coco"), OutputFormat("yolo"), OutputFormat("voc")
RANGE = OutputFormat(scale="range")
KEYS = (
    *("label", "bbox", "polygon", "score", "centre"),
    *("images", "width", "id", "categories", "name"),
    *("annotations", "category_id", "image_id", "segmentation", "counts"),
)


def read(text: str, output: OutputFormat | None = None, classes: tuple[str, ...] = CLASSES) -> Detections:
    return Detections.from_text(text, SIZE, output, classes)


def voc(inside: str, head: str = "") -> str:
    return f"{head}<annotation>{inside}</annotation>"


def voc_object(name: str = "dog", corners: str = "1 2 3 4", more: str = "") -> str:
    box = "".join(f"<{t}>{v}</{t}>" for t, v in zip(("xmin", "ymin", "xmax", "ymax"), corners.split(), strict=True))
    return f"<object><name>{name}</name><bndbox>{box}</bndbox>{more}</object>"


class TestWhatOtherWritersWrite:
    """Models and tools write the formats with liberties that leave no doubt about what is meant."""

    def test_tuples(self) -> None:
        for text in (
            "[\n  ('dog', 1, 2, 30, 40),\n  ('cat', 5, 6, 70, 80),\n]\n",
            '("dog",1,2,30,40);("cat",5,6,70,80)',
            "# boxes\n\n( dog , 1.0 , 2 , 3e1 , +40 )\r\n(cat, 5, 6, 70, 80) # the second",
        ):
            found = read(text, TUPLE)
            assert (found.class_names, found.xyxy.tolist()) == (("dog", "cat"), [[1, 2, 30, 40], [5, 6, 70, 80]])

    def test_tokens_and_what_is_rounded_beyond_the_edge(self) -> None:
        assert read("(dog, -1, 0, 641, 480)", TUPLE).xyxy.tolist() == [[0, 0, 640, 480]]
        assert read("(b, 1, 2, 3, 4)\n(a, 1, 2, 3, 4)\n(b, 1, 2, 3, 4)", TUPLE, ()).classes == ("b", "a")
        for text in (
            "<c1><p0><p0><p256><p512><c0><p0><p0><p512><p512>",
            "(<cls1>, <p0>, <p0>, <p256>, <p512>), (<cls0>, <p0>, <p0>, <p512>, <p512>)",
        ):
            found = read(text, TOKENS)
            assert (found.class_names, found.xyxy.tolist()) == (("dog", "cat"), [[0, 0, 320, 480], [0, 0, 640, 480]])

    def test_a_voc_file_with_all_that_tools_add(self) -> None:
        text = voc(
            "<folder>x</folder><filename>a.jpg</filename><size><width>640</width><height>480</height></size>"
            + voc_object("\n  dog\n", "11 21 30.4 40", "<difficult>0</difficult><part><name>head</name></part>"),
            '<?xml version="1.0" encoding="utf-8"?>\n<!-- by a tool -->\n',
        )
        found = read(text)
        assert found.class_names == ("dog",)
        np.testing.assert_allclose(found.xyxy, [[10, 20, 30.4, 40]], rtol=1e-6)
        # An outline stands beside the object's own box, and without one gives its bounds.
        outline = "<polygon><x1>15</x1><y1>25</y1><x2>30</x2><y2>25</y2><x3>20</x3><y3>38</y3></polygon>"
        found = read(voc(voc_object(corners="11 21 40 40", more=outline)))
        assert found.xyxy.tolist() == [[10, 20, 40, 40]]
        assert found.polygons is not None and found.polygons[0][0].tolist() == [[14, 24], [29, 24], [19, 37]]
        found = read(voc(f"<object><name>dog</name>{outline}</object>"))
        assert found.xyxy.tolist() == [[14, 24, 29, 37]]

    def test_a_list_of_coco_results_with_cocos_own_ids_and_yolo_lines_with_confidences(self) -> None:
        text = json.dumps([{"image_id": 7, "category_id": 18, "bbox": [1, 2, 3, 4], "score": 0.5}])
        found = Detections.from_text(text, SIZE)
        assert (found.class_names, found.xyxy.tolist()) == (("dog",), [[1, 2, 4, 6]])
        assert found.scores is not None
        found = read("1 0.5 0.5 0.5 0.5 0.25\n0 0.5 0.5 1 1 0.75\n")
        assert found.class_names == ("dog", "cat")
        assert found.xyxy.tolist() == [[160, 120, 480, 360], [0, 0, 640, 480]]
        assert found.scores is not None and found.scores.tolist() == [0.25, 0.75]


@pytest.mark.parametrize(
    ("text", "output", "message"),
    [
        ("(dog, 1, 2, 3, 4)\n(dog, 1, 2, 3)", TUPLE, r"line 2: expected 4 coordinates \(x1, y1, x2, y2\), found 3"),
        ("(dog, 1, 2, 3, 4, 5)", OutputFormat(score=True), "expected a score from 0 to 1, found 5"),
        ("(dog, 1, 2, 3, 4, 0.5)\n(dog, 1, 2, 3, 4)", OutputFormat(score=True), "object 2 has no score"),
        ("(dog, 1, 2, x, 4)", TUPLE, "line 1: expected a number, found 'x'"),
        ("(dog, 1, 2, nan, 4)", TUPLE, "expected a number, found 'nan'"),
        ("(dog, 1, 2, 1e999, 4)", TUPLE, "expected a finite number"),
        ("(dog, 1, 2, ١٢, 4)", TUPLE, "expected a number"),
        ("(dog, 1, 2, 3, 4", TUPLE, "line 1: expected a tuple"),
        ("(dog, 700, 2, 710, 4)", TUPLE, "expected x1 from 0 to 640, found 700"),
        ("(dog, 100, 2, 513.5, 4)", RANGE, "expected x2 from 0 to 512, found 513.5"),
        ("(dog, 30, 2, 20, 4)", TUPLE, "the first corner at the top left"),
        ("(dog, 30, 2, -20, 4)", OutputFormat(box="xywh"), "expected w from 0 to 640, found -20"),
        ("(dog, 600, 2, 300, 4)", OutputFormat(box="xywh"), "a place inside the image"),
        ("(dog, 10, 10, -100, -5, 5, 5)", OutputFormat(offsets=True), "a place inside the image"),
        ("(wolf, 1, 2, 3, 4)", TUPLE, "a class of the class set, found 'wolf'; nearest: 'dog'"),
        (r'("do\qg", 1, 2, 3, 4)', TUPLE, "a JSON string"),
        ('("", 1, 2, 3, 4)', TUPLE, "the name of a class"),
        ("(dog, 1, 2, 3, 4)", OutputFormat(class_as="token"), "a class token such as <c0>, found dog"),
        ("(<c3>, 1, 2, 3, 4)", OutputFormat(class_as="token"), "a class from 0 to 2, found 3"),
        ("(-1, 1, 2, 3, 4)", OutputFormat(class_as="index"), "the index of a class"),
        ("(dog, 1, 2, 3, 4)", OutputFormat(geometry="polygon"), "at least 3 vertices"),
        ("(dog, 1, 2, 3, 4, 5, 6)", OutputFormat(geometry="polygon", points=4), "expected 4 vertices"),
        ("<p1> <c0>", TOKENS, "a class token such as <c0> first"),
        ("<c0> <p1> <p2> <p3> <p4>\n<c9> <p1> <p2> <p3> <p4>", TOKENS, "line 2: expected a class from 0 to 2"),
        ("<c0> <p1> dog", TOKENS, "line 1: expected a token such as <c0> or <p12>, found 'dog'"),
        ('[{"label": "dog"}]', JSON, "object 1: expected an object with the keys 'label', 'bbox'"),
        ('[{"label": "dog", "bbox": [1, 2, 3, true]}]', JSON, "a finite number, found True"),
        ('[{"label": "dog", "bbox": [1, 2, 3, NaN]}]', JSON, "finite numbers; found NaN"),
        ('[{"label": "dog", "bbox": [1, 2, 3, 1e999]}]', JSON, "a finite number"),
        (f'[{{"label": "dog", "bbox": [1, 2, 3, {"9" * 9999}]}}]', JSON, "finite numbers"),
        ('[{"label": "dog", "bbox": "1 2 3 4"}]', JSON, "a list of numbers"),
        ('[{"label": 3, "bbox": [1, 2, 3, 4]}]', JSON, "the name of a class"),
        ('{"label": "dog"}', JSON, "a JSON list of objects, found dict"),
        ('[{"label": "dog",\n "bbox": [1, 2', JSON, "line 2: expected JSON"),
        ('[{"label": "dog", "polygon": []}]', OutputFormat("json", "polygon"), "a list of rings"),
        ('{"annotations": [{"bbox": [1, 2, 3, 4]}]}', COCO, "annotation 1: expected an annotation with category_id"),
        ('[{"category_id": 12, "bbox": [1, 2, 3, 4]}]', COCO, "a category id of those known .*, found 12"),
        ('[{"category_id": true, "bbox": [1, 2, 3, 4]}]', COCO, "a whole number"),
        ('{"images": [{"width": 9, "height": 9}], "annotations": []}', COCO, "an image of 9 x 9 pixels"),
        ('{"images": [{}, {}], "annotations": []}', COCO, "a data set of 2 images"),
        ('{"categories": [{"id": 1}], "annotations": []}', COCO, "category 1: expected an id and a name"),
        ('{"categories": 3, "annotations": []}', COCO, "lists of objects"),
        ('{"info": {}}', COCO, "with annotations, found the keys info"),
        ('[{"category_id": 18, "bbox": [1, 2, 3, 4], "segmentation": {"counts": "x", "size": [9, 9]}}]', COCO,
         "a run-length mask of the image's size"),
        ('[{"image_id": 1, "category_id": 18}, {"image_id": 2}]', COCO, "annotations of 2 images"),
        ("dog 0.5 0.5 0.5 0.5", YOLO, "the index of a class"),
        ("0 120 80 50 50", YOLO, "expected cx from 0 to 1, found 120"),
        ("<annotation>", VOC, "line 1: expected XML"),
        ("<html></html>", VOC, "a Pascal VOC annotation, found the element 'html'"),
        (voc("<object><bndbox/></object>"), VOC, "object 1: expected an element name"),
        (voc("<object><name>dog</name></object>"), VOC, "an element bndbox"),
        (voc("<size><width>9</width><height>9</height></size>"), VOC, "an image of 9 x 9 pixels"),
        (voc(voc_object(more="<polygon><x1>1</x1><y2>2</y2></polygon>")), OutputFormat("voc", "polygon"),
         "x1, y1, x2, y2, ... in a polygon"),
    ],
)  # fmt: skip
def test_what_departs_from_the_format_is_refused_with_its_place(text: str, output: OutputFormat, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read(text, output)


def test_a_text_that_leaves_its_format_open_or_lacks_a_class_set_or_positions_is_refused() -> None:
    lost = Detections(SIZE, np.array([[1, 2, 3, 4]]), ("dog",), output=OutputFormat(offsets=True, centre=False))
    for text, message in (
        ("(dog, 1, 2, 3, 4)", 'does not say their scale.*OutputFormat\\("tuple"'),
        ("<c0> <p1> <p2> <p3> <p4>", 'does not say their range.*OutputFormat\\("tokens"'),
        ('[{"label": "dog", "bbox": [1, 2, 3, 4]}]', 'OutputFormat\\("json"'),
        ("", "an empty text could be in any format"),
        (" # nothing\n", "an empty text could be in any format"),
        ("Here are the boxes: 1 2 3 4", "in no known format"),
        (lost.text, "where in the image"),
    ):
        with pytest.raises(FormatError, match=message):
            read(text)
    for text, output in (("<c0> <p1> <p2> <p3> <p4>", TOKENS), ("0 0.5 0.5 0.5 0.5", YOLO)):
        with pytest.raises(FormatError, match="give classes"):
            read(text, output, ())


class TestHostileTexts:
    def test_documents_with_a_document_type_and_very_long_ones_are_refused(self) -> None:
        for name, inside in (
            ("&c;", '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">'),
            ("&c;", '<!ENTITY c SYSTEM "file:///etc/passwd">'),
            ("dog", ""),
        ):
            for output in (VOC, None):
                with pytest.raises(FormatError, match="without a document type"):
                    read(voc(voc_object(name), f"<!DOCTYPE annotation [{inside}]>"), output)
        with pytest.raises(FormatError, match="at most"):
            read(" " * (MAX_CHARACTERS + 1), TUPLE)

    # Each would take minutes where reading is not linear, or end the process where it follows brackets without bound.
    @pytest.mark.slow
    @pytest.mark.parametrize(
        "text",
        [
            *("(a" + " " * 100_000, "(" * 100_000, '("' + r"\"" * 50_000, "(a," + "1," * 50_000),
            *("(a, " + "1" * 100_000 + ")", "[" * 100_000, '{"a":' * 50_000, "<a>" * 20_000),
            *("<annotation>" + "<object>" * 20_000 + "</object>" * 20_000 + "</annotation>", "<c0>" + "<p1>" * 50_001),
            *("<c0>" + " " * 100_000 + "x", "<c" + "9" * 100_000, "0 " + "1" * 100_000, "0" + " 0.5" * 50_000 + " x"),
            *("#" * 100_000, "# \n" * 50_000, "1e" + "9" * 100_000, "\x00" * 1000, "\ud800" * 1000),
        ],
        ids=lambda text: repr(text[:8]),
    )
    def test_are_refused_without_delay(self, text: str) -> None:
        outputs = [OutputFormat(name, geometry) for name in get_args(FormatName) for geometry in get_args(Geometry)]
        for output in (*outputs, None):
            with pytest.raises(FormatError) if output is None else contextlib.suppress(FormatError):
                assert len(read(text, output)) == 0

    @pytest.mark.slow
    @given(found=detections(parts=2), changes=st.data())
    def test_a_changed_text_is_read_or_refused(self, found: Detections, changes: st.DataObject) -> None:
        text = found.text
        for _ in range(changes.draw(st.integers(1, 3))):
            start = changes.draw(st.integers(0, len(text)))
            end = changes.draw(st.integers(start, min(len(text), start + 8)))
            pieces = st.one_of(st.text(max_size=4), st.sampled_from(list("()[]{}<>,\"'#0-9.eE\n\\/&;")))
            text = text[:start] + changes.draw(pieces) + text[end:]
        for output in (found.output, None):
            with contextlib.suppress(FormatError):
                read_back = Detections.from_text(text, found.image_size, output, found.classes)
                assert set(read_back.class_names) <= set(found.classes)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
            max_leaves=20,
        ),
        OUTPUTS,
    )
    def test_any_text_and_any_json_is_read_or_refused(self, value: object, output: OutputFormat) -> None:
        for text in (str(value), json.dumps(value)):
            for one in (output, OutputFormat("json"), OutputFormat("coco", "polygon", score=True), None):
                with contextlib.suppress(FormatError):
                    Detections.from_text(text, SIZE, one)


def test_a_wrong_size_or_class_set_is_refused() -> None:
    sets: list[tuple[Any, str]] = [(("dog", "dog"), "'dog' twice"), ("dog", "one string")]
    for size, classes, message in (((0, 480), CLASSES, "image_size"), *((SIZE, *row) for row in sets)):
        with pytest.raises(SkylarkError, match=message):
            Detections.from_text("(dog, 1, 2, 3, 4)", size, TUPLE, classes)
