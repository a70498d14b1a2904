import contextlib
import itertools
import json
import re
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.vision.made_detections import detections, step
from vision.detections.detections import Detections
from vision.detections.formats import POSITION_LOST, effective, layout, losses
from vision.errors import FormatError
from vision.task import BoxForm, ClassForm, FormatName, Geometry, OutputFormat, Scale

SIZE = (640, 480)
TRIANGLE = np.array([[40, 50], [200.4, 60], [120, 300.7]], np.float32)
SQUARE = np.array([[400, 400], [440, 400], [440, 440], [400, 440]], np.float32)
FOUND = Detections(
    SIZE,
    np.array([[40, 50, 200.4, 300.7], [400, 400, 440, 440]]),
    ("dog", "traffic light"),
    scores=np.array([0.91, 0.4567]),
    classes=("cat", "dog", "traffic light"),
    polygons=((TRIANGLE,), (SQUARE,)),
)


def text(output: OutputFormat, found: Detections = FOUND) -> str:
    return replace(found, output=output).text


def back(found: Detections, output: OutputFormat | None = None) -> Detections:
    return Detections.from_text(found.text, found.image_size, output or found.output, found.classes)


BOTH = [OutputFormat(form, geometry) for form in get_args(FormatName) for geometry in ("box", "polygon")]


@pytest.mark.parametrize("output", [*BOTH, OutputFormat(box="cxcywh")], ids=lambda one: f"{one.format}-{one.geometry}")
def test_what_every_format_owes(output: OutputFormat) -> None:
    """Objects in their order within a step, nothing read as nothing, and a text that is cut off no more than it."""
    names = ("dog", 'a "big", light')
    found = replace(FOUND, output=output, class_names=names, model_classes=(), classes=("cat", *names[::-1]))
    for mine in (found, found[::-1], found[:0]):
        read = back(mine)
        assert read.class_names == mine.class_names
        assert np.all(np.abs(read.xyxy - mine.xyxy) <= np.tile(step(output, SIZE), 2) + float32_slack(found))
    for end in range(0, len(found.text), 7):
        with contextlib.suppress(FormatError):
            assert len(Detections.from_text(found.text[:end], SIZE, output, found.classes)) <= len(found)


def float32_slack(found: Detections) -> float:
    return 4 * max(found.image_size) * float(np.finfo(np.float32).eps)


class TestEveryFormatIsReadBackWithinOneStep:
    @pytest.mark.slow
    @given(detections())
    @example(replace(FOUND, output=OutputFormat("tokens", "polygon", range_=7, offsets=True)))
    @example(Detections((2, 2), np.array([[0, 0, 1, 1]]), ("a",), output=OutputFormat(offsets=True)))
    def test_boxes_outlines_classes_and_scores(self, found: Detections) -> None:
        read = back(found)
        assert (read.class_names, read.classes, read.output) == (found.class_names, found.classes, found.output)
        bound = step(found.output, found.image_size) + float32_slack(found)
        if found.output.geometry == "box":
            assert np.all(np.abs(read.xyxy - found.xyxy.astype(np.float64)) <= np.tile(bound, 2))
        for mine, theirs in zip(found.polygons or (), read.polygons or (), strict=True):
            assert [len(ring) for ring in theirs] == [len(ring) for ring in mine]
            for ring, other in zip(mine, theirs, strict=True):
                assert np.all(np.abs(ring - other.astype(np.float64)) <= bound)
        if found.output.score and found.scores is not None and len(found):
            assert read.scores is not None
            np.testing.assert_allclose(read.scores, found.scores, atol=0.5001e-4)
        else:
            assert read.scores is None

    @pytest.mark.slow
    @given(detections(parts=3))
    def test_outlines_in_several_parts(self, found: Detections) -> None:
        read = back(found)
        bound = step(found.output, found.image_size) + float32_slack(found)
        for mine, theirs in zip(found.polygons or (), read.polygons or (), strict=True):
            whole = found.output.format in ("json", "coco")
            assert [len(ring) for ring in theirs] == [len(ring) for ring in mine] if whole else len(theirs) == 1
            points = np.concatenate(theirs).astype(np.float64)
            for vertex in np.concatenate(mine):
                assert np.min(np.max(np.abs(points - vertex) / bound, axis=1)) <= 1

    @pytest.mark.slow
    def test_all_combinations_of_the_options(self) -> None:
        named = itertools.product(get_args(FormatName), get_args(Geometry), get_args(BoxForm), get_args(Scale))
        told = (("name", False), ("token", True), ("index", False))
        every = itertools.product(named, told, ((False, True), (True, True), (True, False)))
        for (name, geometry, box, scale), (class_as, score), (offsets, centre) in every:
            output = OutputFormat(name, geometry, None, box, scale, 512, offsets, centre, class_as, score=score)
            found = replace(FOUND, output=output)
            lost = offsets and not centre and name in ("tuple", "tokens", "json")
            assert (POSITION_LOST in found.text) == lost
            if lost:
                with pytest.raises(FormatError, match="where in the image"):
                    back(found)
                continue
            read = back(found)
            bound = np.tile(step(output, SIZE), 2) + float32_slack(found)
            assert np.all(np.abs(read.xyxy - FOUND.xyxy) <= bound), output
            assert read.class_names == FOUND.class_names
            assert (read.polygons is not None, read.scores is not None) == (geometry == "polygon", score)

    @pytest.mark.slow
    @given(detections())
    def test_coco_yolo_and_voc_are_recognised(self, found: Detections) -> None:
        if found.output.format not in ("coco", "yolo", "voc") or not len(found):
            return
        known = back(found)
        found_out = Detections.from_text(found.text, found.image_size, classes=found.classes)
        assert (found_out.output.format, found_out.output.geometry) == (found.output.format, found.output.geometry)
        assert found_out == replace(known, output=found_out.output)


class TestTheNumbersAreWhatTheDocsSay:
    @pytest.mark.slow
    @given(detections(), st.sampled_from(("pixel", "range")), st.booleans())
    def test_each_is_the_nearest_step_from_its_origin(self, found: Detections, scale: Scale, offsets: bool) -> None:
        output = OutputFormat(scale=scale, range_=found.output.range_, offsets=offsets, class_as="index")
        unit = np.array(found.image_size) / output.range_ if scale == "range" else np.ones(2)
        lines = text(output, found).splitlines()
        assert len(lines) == len(found)
        for line, box in zip(lines, found.xyxy.astype(np.float64), strict=True):
            numbers = np.array([int(number) for number in re.findall(r"-?\d+", line)[1:]])
            corners = box.reshape(2, 2) / unit
            if not offsets:
                assert np.all(np.abs(numbers.reshape(2, 2) - corners) <= 0.5)
                continue
            centre, offset = numbers[:2], numbers[2:].reshape(2, 2)
            assert np.all(np.abs(centre - corners.mean(axis=0)) <= 0.5)
            assert np.all(np.abs(offset - (corners - corners.mean(axis=0))) <= 1)

    @pytest.mark.slow
    @given(detections())
    def test_each_lies_within_the_bounds_of_the_layout(self, found: Detections) -> None:
        found = replace(found, output=replace(found.output, format="tuple", class_as="index", score=False))
        form = layout(found.output, found.image_size)
        for line in found.text.splitlines():
            numbers = [float(number) for number in line.strip("()").split(",")[1:]]
            values = [*form.centre, *(form.box or form.vertex * ((len(numbers) - len(form.centre)) // 2))]
            assert len(values) == len(numbers)
            for number, value in zip(numbers, values, strict=True):
                assert value.low <= number <= value.high
                assert round(number, value.decimals) == number

    def test_in_visionllms_range_an_offset_is_a_share_of_the_image(self) -> None:
        found = Detections((1024, 512), np.array([[256, 128, 768, 384]]), ("cup",))
        form = OutputFormat(scale="range", class_as="token")
        assert text(form, found) == "(<c0>, 128, 128, 384, 384)"
        assert text(replace(form, offsets=True), found) == "(<c0>, 256, 256, -128, -128, 128, 128)"
        assert text(OutputFormat("tokens", offsets=True), found) == "<c0> <p256> <p256> <p-128> <p-128> <p128> <p128>"


class TestTheText:
    def test_of_a_few_formats(self) -> None:
        for output, expected in (
            (OutputFormat(class_as="token", score=True),
             "(<c1>, 40, 50, 200, 301, 0.91)\n(<c2>, 400, 400, 440, 440, 0.4567)"),
            (OutputFormat(box="xywh", class_as="index"), "(1, 40, 50, 160, 251)\n(2, 400, 400, 40, 40)"),
            (OutputFormat(box="cxcywh", scale="range", range_=1000),
             "(dog, 188, 365, 251, 522)\n(traffic light, 656, 875, 62, 83)"),
            (OutputFormat(box="xywh", offsets=True), "(dog, 120, 175, -80, -125, 160, 251)\n"
             "(traffic light, 420, 420, -20, -20, 40, 40)"),
            (OutputFormat(geometry="polygon"),
             "(dog, 40, 50, 200, 60, 120, 301)\n(traffic light, 400, 400, 440, 400, 440, 440, 400, 440)"),
            (OutputFormat("tokens"), "<c1> <p32> <p53> <p160> <p321>\n<c2> <p320> <p427> <p352> <p469>"),
            (OutputFormat("yolo"), "1 0.187812 0.365313 0.250625 0.522292\n2 0.65625 0.875 0.0625 0.083333"),
        ):  # fmt: skip
            assert text(output) == expected

    def test_quotes_names_that_would_be_misread(self) -> None:
        plain = ("traffic light", "chien méchant", "hip-hop dancer no. 1")
        quoted = {"7": '"7"', "a, b": '"a, b"', 'say "x"': r'"say \"x\""', "<c0>": '"<c0>"', " x": '" x"',
                  "two\nlines": r'"two\nlines"', "line\u2028separator": r'"line\u2028separator"'}  # fmt: skip
        for name, written in (*zip(plain, plain, strict=True), *quoted.items()):
            found = Detections(SIZE, np.array([[1, 2, 3, 4]]), (name,))
            assert text(OutputFormat(), found) == f"({written}, 1, 2, 3, 4)"

    def test_of_json_has_the_keys_asked_for(self) -> None:
        output = OutputFormat("json", keys=("name", "box"), score=True)
        assert json.loads(text(output)) == [
            {"name": "dog", "box": [40, 50, 200.4, 300.7], "score": 0.91},
            {"name": "traffic light", "box": [400, 400, 440, 440], "score": 0.4567},
        ]
        polygon = json.loads(text(OutputFormat("json", "polygon", offsets=True, scale="range")))
        assert polygon[1] == {
            "label": "traffic light", "centre": [336, 448], "polygon": [[-16, -21, 16, -21, 16, 21, -16, 21]],
        }  # fmt: skip

    def test_without_the_centre_says_that_the_position_is_lost(self) -> None:
        for name in ("tuple", "tokens"):
            first, *rest = text(OutputFormat(name, offsets=True, centre=False)).splitlines()
            assert first == f"# {POSITION_LOST}" and len(rest) == 2
        told = json.loads(text(OutputFormat("json", offsets=True, centre=False)))
        assert told["note"] == POSITION_LOST and told["objects"][1]["bbox"] == [-20, -20, 20, 20]
        # The order of the class set does not count.
        for class_as in get_args(ClassForm):
            found = replace(FOUND, classes=FOUND.classes[::-1], output=OutputFormat(class_as=class_as))
            assert back(found).class_names == FOUND.class_names


def test_what_cannot_be_written_is_refused() -> None:
    for output, message in (
        (OutputFormat(scale="range", range_=0), "range is 0"),
        (OutputFormat(geometry="polygon", points=2), "2 points"),
        (OutputFormat("json", keys=("a", "a")), "cannot both"),
        (OutputFormat("json", keys=("score", "bbox"), score=True), "'score'"),
        (OutputFormat("json", keys=("label", "centre"), offsets=True), "'centre'"),
        (OutputFormat("csv"), "no format 'csv'"),  # type: ignore[arg-type]
        (OutputFormat(geometry="polygon", points=3), r"object 1 has rings of \[4\] points: expected one ring of 3"),
    ):
        with pytest.raises(FormatError, match=message):
            text(output)
    with pytest.raises(FormatError, match="boxes alone"):
        text(OutputFormat(geometry="polygon"), replace(FOUND, polygons=None))


def test_each_loss_is_said_and_none_where_the_text_says_all() -> None:
    assert losses(FOUND) == losses(replace(FOUND, output=OutputFormat("yolo", score=True))) == ()
    parts = replace(FOUND, polygons=((TRIANGLE, SQUARE), (SQUARE,)))
    for output, said in (
        (OutputFormat(offsets=True, centre=False), "is lost"),
        (OutputFormat(score=True), "the model gives none"),
        (OutputFormat("tuple", "polygon"), "1 object has several parts"),
        (OutputFormat("coco", offsets=True, scale="unit"), "COCO has its own coordinates.*scale, offsets"),
        (OutputFormat("yolo", box="xywh"), "YOLO has its own.*box form"),
    ):
        (only,) = losses(replace(parts, output=output, scores=None))
        assert re.search(said, only)
    for name in ("json", "coco"):
        found = replace(parts, output=OutputFormat(name, "polygon"))
        read = back(found).polygons
        assert losses(found) == () and read is not None and [len(rings) for rings in read] == [2, 1]


def test_standards_go_before_what_is_asked() -> None:
    asked = OutputFormat(box="xywh", scale="unit", offsets=True, centre=False, class_as="token")
    for name in ("coco", "yolo", "voc"):
        form = effective(replace(asked, format=name))
        assert form.centre and not form.offsets
    assert effective(replace(asked, format="tokens")).scale == "range"
    assert effective(asked) == asked
