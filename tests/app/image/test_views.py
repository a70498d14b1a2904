"""What the image page shows, from the detections and tasks to HTML and zips, without a browser."""

import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from app.image.examples import IMAGE_EXAMPLES, PHOTOGRAPHS, available
from app.image.looking import MAX_INSTRUCTION, MOST_IN_SCENE, Looked, SharedDetector
from app.image.overlay import data_uri, numbered, objects_html, other_things, overlay_html
from app.image.page import (
    MOST_CLASSES,
    ImageTab,
    answer_html,
    may_be_doubted,
    reasoning_html,
    scene_html,
    task_html,
    written,
)
from reasoning import Query
from skylark.errors import SkylarkError
from tests.app.test_views import IMAGE, SCRIPT, assert_harmless
from vision import Detections, Grounding, OutputFormat, Scene, Task, Vision, load_image
from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES, ClassMatcher
from vision.detections.drawing import class_colours
from vision.grounding import ground
from vision.images import LoadedImage
from vision.parsing.prompt import Question
from vision.task import Limit, SizeRange, Target, Undetectable


def picture(width: int = 200, height: int = 100) -> LoadedImage:
    return load_image(np.full((height, width, 3), 127, np.uint8))


def found(
    boxes: Sequence[Sequence[float]], names: Sequence[str], size: tuple[int, int] = (200, 100), **more: Any
) -> Detections:
    return Detections(size, np.array(boxes, np.float32).reshape(-1, 4), tuple(names), **more)


def overlay(detections: Detections, **more: Any) -> str:
    image = picture(*detections.image_size)
    return overlay_html(image, detections, class_colours(detections.class_names), **more)


def test_every_object_is_drawn_once_the_large_ones_first_and_classes_are_counted() -> None:
    boxes = [[10, 10, 20, 20], [0, 0, 190, 90], [50, 50, 60, 60]]
    html = overlay(found(boxes, ("cup", "table", "cup"), scores=[0.9, 0.8, 0.7]))
    assert re.findall(r'sk-object" data-class="(\w+)" data-number="(\d)"', html) == [
        ("table", "1"), ("cup", "0"), ("cup", "2"),
    ]  # fmt: skip
    assert assert_harmless(html).text.count("cup 0.90") == 2, "in the title and on the label"
    chips = re.findall(r'sk-chip" data-class="(\w+)".*?</bdi> (\d+)</button>', html)
    assert dict(chips) == {"cup": "2", "table": "1"}
    assert 'aria-label="3 objects: 2 cup, 1 table"' in html and assert_harmless(html).tags.count("button") == 3
    ring = np.array([[10, 10], [50, 10], [30, 40]], np.float32)
    html = overlay(found([[10, 10, 50, 40]], ("kite",), polygons=((ring, ring),), polygon_source="model"))
    assert html.count("<polygon") == 2, "polygons in the place of boxes"


@pytest.mark.parametrize("size", [(1, 1), (3000, 20), (20, 3000)])
def test_a_picture_of_any_shape_leaves_its_labels_room(size: tuple[int, int]) -> None:
    html = overlay(found([[0, 0, *size]], ("a long label of several words",), size, scores=[0.5]))
    width, height = map(int, re.findall(r'viewBox="0 0 (\d+) (\d+)"', html)[0])
    assert 250 <= min(width, height) <= max(width, height) <= 720
    [(x, y, across, down)] = tags(html)
    assert x + across <= width and y + down <= height
    drawn = re.search(r"sk-object.*?<rect ([^>]*)/>", html)
    assert drawn is not None and all(float(number) <= 720 for number in re.findall(r'"([\d.]+)"', drawn[1]))


def tags(html: str) -> list[tuple[int, ...]]:
    """The labels that have a place: x, y, width, height."""
    tag = r'class="sk-tag"[^>]*><rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"'
    return [tuple(map(int, numbers)) for numbers in re.findall(tag, html)]


def test_labels_are_text_and_in_a_crowd_do_not_hide_one_another() -> None:
    boxes = [[40 + i % 9, 30 + i // 9, 80 + i % 9, 60 + i // 9] for i in range(60)]
    html = overlay(found(boxes, ["person"] * 60, scores=np.linspace(0.9, 0.3, 60)))
    shown = tags(html)
    assert 0 < len(shown) < 60
    assert html.count("sk-unplaced") == 60 - len(shown), "the others show at the pointer"
    for (x, y, w, h), (u, v, s, t) in itertools.combinations(shown, 2):
        assert x + w <= u or u + s <= x or y + h <= v or v + t <= y
    for name in (SCRIPT, IMAGE, "a & b", "x" * 500, "line\nbreak"):
        detections = found([[0, 0, 20, 20]], (name,), scores=[0.5])
        for html in (overlay(detections, key=name), objects_html(detections)):
            assert name[:20].replace("\n", "") in assert_harmless(html).text.replace("\n", "")


def test_a_lower_score_is_proposed_where_it_may_help_and_the_photograph_is_small() -> None:
    assert "lower least score" in assert_harmless(overlay(found([], ()), doubts=True)).text
    html = overlay(found([], ()))
    assert "lower least score" not in html and "sk-chip" not in html
    assert "no object" in objects_html(found([], ()))
    uri = data_uri(picture(3000, 2000))
    assert uri.startswith("data:image/jpeg;base64,") and len(uri) < 100_000
    # The table has a row an object up to a bound.
    html = objects_html(found([[i / 10, 0, i / 10 + 1, 5] for i in range(300)], ["bird"] * 300), most=50)
    assert html.count("<tr data-number") == 50 and "and 250 more" in html and "not given" in html


TRUCKS, PEOPLE = Target("truck", ("truck",)), Target("person", ("person",))
NO_WHEEL: dict[str, Any] = {"targets": (), "undetectable": (Undetectable("wheel"),)}
WHEEL = 'this model has no class for "wheel"'


@pytest.mark.parametrize(
    ("task", "names", "value", "headline"),
    [
        (Task(kind="count", targets=(TRUCKS, PEOPLE)), ["person"] * 3, 3, "3 people and 0 trucks"),
        (Task(targets=(TRUCKS, PEOPLE)), ["truck"], None, "1 truck and 0 people"),
        (Task(kind="count", **{**NO_WHEEL, "targets": (TRUCKS,)}), ["truck"] * 2, 2,
         """2 trucks; I can't tell of "wheel\""""),
        (Task(kind="count", targets=(TRUCKS,)), [], 0, "0 trucks"),
        (Task(targets=(TRUCKS,)), [], None, "Nothing found"),
        (Task(targets=(TRUCKS,), asks_whether=True), [], False, "No"),
        (Task(kind="count", **NO_WHEEL), [], None, "I can't tell"), (Task(**NO_WHEEL), [], None, "I can't tell"),
        (Task(targets=(), understood=False, unread=("which breed",)), [], None, "Not understood"),
        (Task(kind="describe"), ["truck"], "A truck.", "A truck."),
    ],
)  # fmt: skip
def test_the_answer_names_what_was_asked_for(task: Task, names: list[str], value: Any, headline: str) -> None:
    detections = found([[i, 0, i + 5, 5] for i in range(len(names))], names, value=value)
    looked = Looked(picture(), task, detections, None)
    assert assert_harmless(answer_html(looked)).text.strip() == headline


def test_what_is_not_found_has_its_reason_beside_the_answer() -> None:
    task = Task(kind="count", notes=("Wheels are wheels.",), **NO_WHEEL)
    looked = Looked(picture(), task, found([], (), notes=(*task.notes, WHEEL)), None)
    text = assert_harmless(answer_html(looked)).text
    assert WHEEL in text and "Wheels are wheels" not in text and not may_be_doubted(looked)
    nothing = Looked(picture(), Task(targets=(TRUCKS,)), found([], ()), None)
    assert may_be_doubted(nothing)
    assert not may_be_doubted(replace(nothing, task=replace(nothing.task, understood=False)))


@pytest.mark.parametrize(
    ("question", "asks", "value"),
    [("who is left of the bus", "what", "person"), ("how many people are left of the bus", "count", 2)],
)
def test_the_answer_about_a_scene_says_how_many_there_are(question: str, asks: Question, value: str | int) -> None:
    boxes = [[110, 10, 190, 90], [10, 20, 40, 90], [50, 20, 80, 90]]
    scene = Scene.from_detections(found(boxes, ("bus", "person", "person"), scores=[0.9, 0.8, 0.7]), picture())
    people = scene.detections[[1, 2]]
    grounding = Grounding(question, asks, scene, people, value, Query.parse('~class("person")'), ())
    looked = Looked(picture(), Task("x", "ground", expression=question), replace(people, value=value), grounding)
    assert assert_harmless(answer_html(looked)).text.strip() == "2 people"
    assert "person" not in assert_harmless(reasoning_html(grounding)).text.replace('~class("person")', "")


def test_the_task_says_all_that_was_read() -> None:
    task = Task(
        kind="segment", targets=(Target("sofa", ("couch",)), Target("car", ("car",), colour="red")),
        undetectable=(Undetectable("helicopter", ("airplane", "kite")),), limit=Limit(3, "area"),
        region=(0, 0, 0.5, 1), size=SizeRange(min_width=20), min_score=0.6, unread=("sing a song",),
        output=OutputFormat("tuple", "polygon", points=24, scale="range", range_=512, offsets=True),
        notes=("Sofas are couches.",),
    )  # fmt: skip
    text = assert_harmless(task_html(task, ("The image was turned.", "Sofas are couches."))).text
    for said in (
        "outline", "sofa (couch)", "car that is red", "helicopter (nearest: airplane, kite)", "the largest 3",
        "0 to 50% across", "min width 20", "score at least 0.6", "polygons of 24 points in range 512, offsets",
        "sing a song", "Not understood", "The image was turned.",
    ):  # fmt: skip
        assert said in text
    assert text.count("Sofas are couches.") == 1
    # Ten thousand classes do not fill the page.
    words = tuple(f"thing {i}" for i in range(10_000))
    looked_for = tuple(Target(word, ("car",)) for word in words)
    html = task_html(Task(targets=looked_for, undetectable=tuple(map(Undetectable, words)), unread=words))
    assert len(html) < 10_000 and html.count("and 9,988 more") == 3
    assert f"thing {MOST_CLASSES - 1}" in html
    # Words of an instruction are text.
    undetectable = (Undetectable(IMAGE, (SCRIPT,)),)
    task = Task(kind="ground", expression=SCRIPT, undetectable=undetectable, unread=(SCRIPT,), notes=(IMAGE,))
    for one in (task, Task(targets=(Target(SCRIPT, (IMAGE,)),))):
        assert SCRIPT in assert_harmless(task_html(one)).text


def test_the_scene_lists_what_it_holds() -> None:
    detections = found([[0, 0, 90, 90], [100, 0, 140, 80], [20, 20, 40, 40]], ("bus", "person", "person"))
    scene = Scene.from_detections(detections, picture())
    html = scene_html(scene, class_colours(detections.class_names))
    text = assert_harmless(html).text
    assert html.count("sk-scene-node") == 3
    assert all(name in text for name in ("3 objects", "bus 1", "person 1", "person 2"))
    assert re.search(r"person 2\s*inside\s*bus 1", re.sub(r"<[^>]+>", " ", html))
    for count in (1, 2, MOST_IN_SCENE):
        detections = found([[5, 5, 25, 25]] * count, ["cup"] * count)
        html = scene_html(Scene.from_detections(detections, picture()), class_colours(["cup"]), 134)
        assert html.count("sk-scene-node") == count and f"surest {count} of 134" in html and "nan" not in html
    assert "no scene" in scene_html(Scene.from_detections(found([], ()), picture()), {})


def test_what_justifies_an_answer_is_drawn_and_said() -> None:
    boxes = [[110, 10, 190, 90], [10, 20, 40, 90], [60, 80, 70, 90]]
    detections = found(boxes, ("bus", "person", "dog"), scores=[0.9, 0.8, 0.7])
    scene = Scene.from_detections(detections, picture())
    grounding = ground("the person left of the bus", scene, ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES))
    numbers = numbered(scene, grounding.detections, grounding)
    assert numbers == {"person 1": 0, "bus 1": 1, "dog 1": 2}
    html = overlay(grounding.detections, rest=other_things(scene, numbers, grounding.detections, grounding))
    assert html.count('class="sk-object"') == 1
    assert re.findall(r'class="sk-reason" data-number="(\d)"', html) == ["1"], "the bus, and not the dog"
    assert re.findall(r'class="sk-ghost" data-number="(\d)"', html) == ["2"], "the dog shows when it is pointed at"
    assert "bus 1" in assert_harmless(html).text
    reasons = reasoning_html(grounding)
    assert 'data-number="0"' in reasons and "left of bus 1" in assert_harmless(reasons).text


def test_a_thing_has_one_number_in_the_photograph_the_table_and_the_scene() -> None:
    boxes = [[10, 20, 40, 90], [110, 10, 190, 90], [60, 80, 70, 90]]
    everything = found(boxes, ("person", "bus", "dog"), scores=[0.9, 0.8, 0.7])
    scene = Scene.from_detections(everything, picture())
    asked = found([boxes[2], boxes[1]], ("dog", "bus"), scores=[0.7, 0.8])
    twins = found([[5, 5, 25, 25]] * 3, ["cup"] * 3)
    assert sorted(numbered(Scene.from_detections(twins, picture()), twins).values()) == [0, 1, 2]
    numbers = numbered(scene, asked)
    assert numbers == {"dog 1": 0, "bus 1": 1, "person 1": 2}
    [thing] = other_things(scene, numbers, asked)
    assert (thing.name, thing.number, thing.gives_reason) == ("person 1", 2, False)
    html = scene_html(scene, class_colours(everything.class_names), numbers=numbers)
    assert_harmless(html)
    nodes = dict(re.findall(r'sk-scene-node" data-number="(\d)".*?<title>([a-z0-9 ]+)</title>', html))
    assert nodes == {"0": "dog 1", "1": "bus 1", "2": "person 1"}
    ends = re.findall(r'sk-link" data-number="([\d ]+)"><title>(\w+ \d) [a-z ]*?(\w+ \d)</title>', html)
    assert ends and all(joined == f"{numbers[head]} {numbers[tail]}" for joined, head, tail in ends)


def test_written_in_each_format() -> None:
    detections = found([[10, 20, 30, 40]], ("cup",), output=OutputFormat("json"))
    assert json.loads(written(detections, "as the instruction says"))[0]["label"] == "cup"
    assert written(detections, "tuple") == "(cup, 10, 20, 30, 40)"
    assert written(detections, "tokens").startswith("<c0>")
    assert "<annotation>" in written(detections, "voc")
    assert json.loads(written(detections, "coco"))
    assert len(written(detections, "yolo").split()) == 5
    assert written(None, "coco") == ""


def test_only_uploads_are_read(uploads: Path, tmp_path: Path) -> None:
    demo = SharedDetector()
    Image.new("RGB", (32, 32)).save(tmp_path / "secret.png")
    Image.new("RGB", (32, 32)).save(uploads / "sent.png")
    (uploads / "link.png").symlink_to(tmp_path / "secret.png")
    for path in (f"file://{uploads}/sent.png", f"{uploads}/../secret.png", f"{uploads}/link.png", "/etc/passwd"):
        with pytest.raises(SkylarkError, match="not sent to this page"):
            demo.look({"path": path}, "cats", 0.35)
    assert len(demo.look({"path": str(uploads / "sent.png")}, "cats", 0.35).detections) == 0


def tab() -> ImageTab:
    with gr.Blocks() as page:
        return ImageTab(SharedDetector(), page)


def test_a_visitors_image_is_remembered_small_and_messages_name_no_folder(uploads: Path) -> None:
    Image.new("RGB", (640, 480)).save(uploads / "sent.png")
    (uploads / "text.png").write_text("a text")
    images = tab()
    shown = images.show({"path": str(uploads / "sent.png")}, "cats", 0.35, "tuple", False)
    assert shown[images.looked].source is None
    broken = images.show({"path": str(uploads / "text.png")}, "cats", 0.35, "tuple", False)
    assert broken[images.photo] is None, "no broken picture stays"
    assert "no image that can be read" in broken[images.error] and str(uploads) not in broken[images.error]
    # A score without an image or words changes nothing.
    for photo, words in ((None, "cats"), ({"path": str(uploads / "x")}, " ")):
        assert images.show_again(photo, words, 0.5, "tuple", False) == {images.error: gr.skip()}


@pytest.mark.parametrize(
    ("size", "mode", "form", "turned"),
    [((24, 16), "CMYK", "JPEG", 1), ((24, 16), "P", "GIF", 1), ((16, 24), "RGB", "JPEG", 6),
     ((24_000, 24_000), "1", "PNG", 1)],
    ids=["CMYK", "GIF", "turned", "bomb"],
)  # fmt: skip
def test_a_photograph_of_any_kind_is_looked_at_upright_but_no_bomb(
    uploads: Path, size: tuple[int, int], mode: str, form: str, turned: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = turned
    Image.new(mode, size).save(uploads / "sent", form, exif=exif)
    images = tab()
    shown = images.show({"path": str(uploads / "sent")}, "cats", 0.35, "tuple", False)
    if mode == "1":
        assert "pixels" in shown[images.error] and shown[images.looked] is None
    else:
        assert shown[images.looked].image_size == (24, 16), shown[images.error]


def test_what_an_instruction_may_mean_as_well_is_offered_and_done(
    uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (64, 48)).save(uploads / "sent.png")
    photo = {"path": str(uploads / "sent.png")}
    others = (Task("cats", targets=(Target("cat", ("cat",)),)), Task("cats", "count"))
    images, detector = tab(), SharedDetector()
    images._detector = detector
    monkeypatch.setattr(detector.vision, "read", lambda _: replace(others[0], understood=False, rivals=others))
    shown = images.show(photo, "cats", 0.35, "tuple", False)
    assert shown[images.rivals].visible
    assert [number for _, number in shown[images.rivals].choices] == [0, 1]
    assert "Count" in shown[images.rivals].choices[1][0]
    done = images.show_rival(photo, "cats", 0.35, "tuple", False, 1)
    assert "count" in done[images.task]
    assert images.rivals not in done, "the choice stays"


def test_a_large_image_is_looked_at_in_slices_where_asked_and_all_is_bounded(uploads: Path) -> None:
    Image.new("RGB", (900, 700), "grey").save(uploads / "sent.png")
    photo, images, detector = {"path": str(uploads / "sent.png")}, tab(), SharedDetector()
    assert "parts of" not in images.show(photo, "cats", 0.35, "tuple", False)[images.headline]
    assert "4 parts of 520 x 520 pixels" in images.show(photo, "cats", 0.35, "tuple", True)[images.headline]
    with pytest.raises(SkylarkError, match=f"at most {MAX_INSTRUCTION:,}"):
        detector.look(photo, "cat " * MAX_INSTRUCTION, 0.35)
    with pytest.raises(SkylarkError, match="the limit is 400"):
        detector.look(photo, "cats", 0.35, slices="32x32")
    for look in (detector.look, detector.ground):
        with pytest.raises(SkylarkError, match=r"expected 'auto', .* or 'none'"):
            look(photo, "cats", 0.35, slices="small")
    bounds = (0.96, 0.04, float("nan"), True, "half")
    looks = (detector.look, detector.ground, lambda photo, _, bound: detector.scene(photo, bound, 10))
    for bound, looking in itertools.product(bounds, looks):
        with pytest.raises(SkylarkError, match=r"from 0\.05 to 0\.95"):
            looking(None, "cats", bound)


def test_every_example_finds_something() -> None:
    vision = Vision()
    assert all(photograph.path.is_file() for photograph in PHOTOGRAPHS.values())
    assert len(available()) == len(IMAGE_EXAMPLES)
    for example in available():
        assert example.path is not None and len(example.icon["url"]) < 20_000
        detections = vision.detect(example.path, example.instruction)
        assert len(detections) and not (detections.task and detections.task.unread), example.title
