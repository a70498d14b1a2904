"""The front of the room with the embedded detector on photographs that a package ships."""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from skylark.errors import SkylarkError
from vision import Detections, Task, Vision
from vision.classes import COCO_CLASSES
from vision.detectors.detector import Detector, Found, Request
from vision.errors import ImageError, InstructionError
from vision.images import LoadedImage
from vision.task import Limit, OutputFormat, SizeRange, Target, Undetectable

PHOTOGRAPHS = Path(str(find_spec("skimage").submodule_search_locations[0])) / "data"  # type: ignore[union-attr,index]
MOTORCYCLE, COFFEE, ASTRONAUT = (PHOTOGRAPHS / name for name in ("motorcycle_left.png", "coffee.png", "astronaut.png"))

BLACK = np.zeros((60, 60, 3), np.uint8)


@pytest.fixture(scope="module")
def vision() -> Vision:
    return Vision()


def same_boxes(one: Detections, other: Detections) -> bool:
    def boxes(found: Detections) -> list[tuple[str, ...]]:
        assert found.scores is not None
        rows = zip(found.class_names, found.xyxy, found.scores.tolist(), strict=True)
        return sorted((name, *map(str, box.tolist()), str(score)) for name, box, score in rows)

    return boxes(one) == boxes(other)


def test_the_contract_of_detect(vision: Vision) -> None:
    found = vision.detect(MOTORCYCLE, "Find every vehicle except buses; output (c, x1, y1, x2, y2)")
    assert found.class_names[0] == "motorcycle" and "bus" not in found.classes
    assert found.text.splitlines()[0].startswith("(motorcycle, ")
    assert found.scores is not None and found.to_coco() and found.to_yolo() and found.to_voc()
    assert len(found.to_supervision()) == len(found)
    assert found.draw().size == found.image_size == (741, 500)
    assert vision.detect(MOTORCYCLE, "count the motorcycles", min_score=0.5).text == "1"
    assert vision.detect(MOTORCYCLE, "what is in this picture?", min_score=0.5).text == "A motorcycle."
    assert vision.detect(BLACK, "count the dogs").text == "0"


def test_an_image_in_an_open_file_stays_with_what_was_found(vision: Vision) -> None:
    with MOTORCYCLE.open("rb") as file:
        found = vision.detect(file, Task("x"))
    assert same_boxes(found, vision.detect(MOTORCYCLE, Task("x")))
    assert found.draw().size == found.image_size and found.file_name == MOTORCYCLE.name


def test_one_image_in_place_of_several_is_refused(vision: Vision) -> None:
    images: tuple[Any, ...] = (MOTORCYCLE, str(MOTORCYCLE), b"...")
    for one in images:
        with pytest.raises(ImageError, match="several images were expected, found one"):
            vision.detect_many(one, Task("x"))


def test_a_label_is_the_users_own_word_and_a_narrower_one_is_not_asserted(vision: Vision) -> None:
    found = vision.detect(MOTORCYCLE, "Find the motorbikes")
    assert (set(found.class_names), set(found.model_classes)) == ({"motorbike"}, {"motorcycle"})
    for instruction, note in (
        ("Find the mopeds", "I can't tell whether it is a moped."),
        ("Is there a moped?", "There is a motorcycle; whether it is a moped I can't tell."),
    ):
        found = vision.detect(MOTORCYCLE, instruction)
        assert found.class_names == ("motorcycle",) and found.classes == ("motorcycle",)
        assert found.value is None and note in found.notes
        plain = found.to_dict()
        assert plain["value"] is None and plain["objects"][0]["class_name"] == "motorcycle" and note in plain["notes"]
    grounding = vision.ask(MOTORCYCLE, "the moped in the middle")
    assert grounding.detections.class_names == ("motorcycle",) and grounding.narrower == ("moped",)
    assert "I can't tell whether it is a moped." in grounding.notes
    for instruction, value in (("Is there a taxi?", False), ("How many taxis are there?", 0)):
        found = vision.detect(MOTORCYCLE, instruction)
        assert repr(found.value) == repr(value)
        assert "None was found of: taxi." in found.notes and "I can't tell" not in " ".join(found.notes)


def test_a_class_set_in_another_order_gives_the_same(vision: Vision) -> None:
    one, other = (
        vision.detect(MOTORCYCLE, f"find all of these: {names}", min_score=0.2)
        for names in ("person, motorcycle, bicycle", "bicycle, person, motorcycle")
    )
    assert len(one) > 3 and same_boxes(one, other)


def test_some_classes_give_the_full_runs_boxes_of_them(vision: Vision) -> None:
    def of(names: tuple[str, ...]) -> Detections:
        return vision.detect(MOTORCYCLE, Task(targets=tuple(Target(name, (name,)) for name in names)), min_score=0.05)

    full = of(COCO_CLASSES)
    for names in (("person",), ("motorcycle", "person", "bicycle", "chair", "bench")):
        some = of(names)
        assert len(some) and same_boxes(some, full[[name in names for name in full.class_names]])


def test_many_images_give_what_each_gives_alone(vision: Vision, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_text("no image")
    sources = [MOTORCYCLE, broken, COFFEE, ASTRONAUT]
    results = list(vision.detect_many(sources, "all the people and cups", min_score=0.3))
    assert [source for source, _ in results] == sources
    assert isinstance(results[1][1], ImageError)
    for source, found in results[::2]:
        assert isinstance(found, Detections)
        assert same_boxes(found, vision.detect(source, "all the people and cups", min_score=0.3))


def test_polygons_have_the_points_asked_for_and_are_marked(vision: Vision) -> None:
    found = vision.detect(ASTRONAUT, "outline the people with 24 points")
    assert found.polygon_source == "grabcut" and found.polygons is not None
    assert [ring.shape for rings in found.polygons for ring in rings] == [(24, 2)] * len(found)
    assert any("GrabCut" in note for note in found.notes)


def test_what_is_not_detectable_or_not_understood_is_said(vision: Vision) -> None:
    found = vision.detect(MOTORCYCLE, "find the helicopter")
    assert len(found) == 0 and any('"helicopter"' in note and "airplane" in note for note in found.notes)
    found = vision.detect(MOTORCYCLE, "Finde alle Hunde")
    assert len(found) == 0
    assert any("nothing is looked for" in note or 'no class for "' in note for note in found.notes)


DOGS, CATS = Target("dog", ("dog",)), Target("cat", ("cat",))
HELICOPTER = Undetectable("helicopter", ("airplane",))


def test_a_class_that_the_model_lacks_is_no_result_without_objects(vision: Vision) -> None:
    missing = Task(targets=(), class_set=("helicopter",), undetectable=(HELICOPTER,))
    found = vision.detect(MOTORCYCLE, missing)
    assert repr(found) == f"Detections(image_size={found.image_size}, objects={{}}, no class for ['helicopter'])"
    assert found.text == 'embedded has no class for "helicopter"; the nearest that it knows: airplane.'
    counted = vision.detect(MOTORCYCLE, replace(missing, kind="count"))
    assert counted.value is None and counted.text == found.text
    assert vision.detect(MOTORCYCLE, replace(missing, output=OutputFormat("json"))).text == "[]"
    both = Task(targets=(Target("motorcycle", ("motorcycle",)),), undetectable=(HELICOPTER,))
    found = vision.detect(MOTORCYCLE, both, min_score=0.5)
    assert repr(found).endswith("objects={'motorcycle': 1}, no class for ['helicopter'])")
    assert found.text.startswith("(motorcycle, ")
    empty = vision.detect(BLACK, replace(both, undetectable=()))
    assert empty.text == "" and repr(empty) == "Detections(image_size=(60, 60), objects={})"


def test_an_instruction_that_was_not_understood_is_no_result_without_objects(vision: Vision) -> None:
    rivals = (Task(targets=(DOGS,)), Task(targets=(CATS,)))
    unclear = Task(targets=(), understood=False, notes=("It may mean several things.",), rivals=rivals)
    found = vision.detect(MOTORCYCLE, unclear)
    assert repr(found) == f"Detections(image_size={found.image_size}, objects={{}}, understood=False)"
    said = "It may mean several things. It may mean: Find the boxes of dog. It may mean: Find the boxes of cat."
    assert found.text == said


def test_whether_anything_is_there_is_answered_and_its_boxes_given(vision: Vision) -> None:
    there = vision.detect(MOTORCYCLE, "Are there any motorcycles or boats?", min_score=0.5)
    assert there.value is True and there.text == "yes" and there.class_names == ("motorcycle",)
    missing = vision.detect(BLACK, "is there a dog?")
    assert missing.value is False and missing.text == "no"


def test_an_expression_is_grounded_by_a_query(vision: Vision) -> None:
    answer = vision.ask(COFFEE, "the cup on the dining table", min_score=0.3)
    assert answer.detections.class_names == ("cup",)
    assert str(answer.query) == '~class("cup") & ~on(~class("dining table"))'
    assert answer.justification[0].facts
    found, grounding = vision.look(COFFEE, "the cup on the dining table", min_score=0.3)
    assert np.array_equal(found.xyxy, answer.detections.xyxy)
    assert grounding is not None and grounding.query == answer.query
    assert grounding.justification == answer.justification
    named, grounding = vision.look(COFFEE, "cups", min_score=0.3)
    assert set(named.class_names) == {"cup"} and grounding is None


def test_tokens_count_in_the_class_set_that_the_instruction_gives(vision: Vision) -> None:
    published = 'Identify all objects in the category set {"helicopter":<c0>, "cup":<c1>} as (c, x1, y1, x2, y2)'
    found = vision.detect(COFFEE, published, min_score=0.32)
    assert found.classes == ("helicopter", "cup") and found.text.startswith("(<c1>, ")
    expression = "Please find the object in the category set {<the cup on the dining table>:<cls0>}"
    found = vision.detect(COFFEE, expression, min_score=0.3)
    assert found.classes == ("cup on the dining table",) and found.text.startswith("(<c0>, ")


def test_a_turned_photograph_is_looked_at_upright(vision: Vision) -> None:
    upright = Image.open(MOTORCYCLE).convert("RGB")
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # stored a quarter turn to the left, to be turned right
    upright.rotate(90, expand=True).save(turned, "JPEG", quality=95, exif=exif)
    found = vision.detect(turned.getvalue(), "motorcycles", min_score=0.6)
    assert found.image_size == upright.size
    expected = vision.detect(MOTORCYCLE, "motorcycles", min_score=0.6)
    assert np.abs(found.xyxy[0] - expected.xyxy[0]).max() < 15


def test_bad_requests_are_clear_errors(vision: Vision) -> None:
    nothing: Any = None
    requests: list[tuple[Callable[[], object], type[SkylarkError], str]] = [
        (lambda: vision.detect(MOTORCYCLE, "  "), InstructionError, "."),
        (lambda: vision.ask(MOTORCYCLE, ""), InstructionError, "."),
        (lambda: vision.detect("nowhere.jpg", "dogs"), ImageError, "nowhere"),
        (lambda: Vision("embeded"), SkylarkError, "embedded"),
        (lambda: Vision(nothing), SkylarkError, "embedded"),
        (lambda: vision.detect(MOTORCYCLE, nothing), InstructionError, "not a NoneType"),
    ]
    for request, error, said in requests:
        with pytest.raises(error, match=said):
            request()


@pytest.mark.parametrize("bound", [-0.1, 5, float("nan"), "half"])
def test_a_bound_on_the_score_is_from_0_to_1(vision: Vision, bound: Any) -> None:
    requests: list[Callable[[], object]] = [
        lambda: vision.detect(MOTORCYCLE, "dogs", min_score=bound),
        lambda: Vision(min_score=bound),
        lambda: vision.ask(MOTORCYCLE, "the dog", min_score=bound),
        lambda: vision.detect_many([MOTORCYCLE], "dogs", min_score=bound),
    ]
    for request in requests:
        with pytest.raises(InstructionError, match="from 0 to 1"):
            request()


def test_a_flood_of_words_is_quoted_in_brief(vision: Vision) -> None:
    found = vision.detect(MOTORCYCLE, "find the " + "q" * 1_000)
    assert found.notes and max(map(len, found.notes)) < 400
    with pytest.raises(InstructionError, match="expected at most") as caught:
        vision.detect(MOTORCYCLE, "q" * 5_000)
    assert len(str(caught.value)) < 400


class ScorelessModel(Detector):
    """Writes two boxes without a score, as vision-language models do, and finds no words for a caption."""

    name = "scoreless"
    vocabulary = None
    gives_scores = False

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        return [Found(np.array([[0, 0, 9, 9], [0, 0, 5, 5]], np.float32), ("dog", "dog"), None) for _ in images]

    def describe(self, images: Sequence[LoadedImage]) -> list[str]:
        return [" " for _ in images]


def test_of_a_model_without_scores_a_bound_is_said_to_be_lost() -> None:
    scoreless = Vision(ScorelessModel())
    found = scoreless.detect(MOTORCYCLE, "dogs with confidence above 0.8")
    assert len(found) == 2 and any("bound" in note for note in found.notes)
    assert not scoreless.detect(MOTORCYCLE, "dogs").notes
    assert scoreless.detect(MOTORCYCLE, "what is in this picture?").value == "2 dogs.", "for an empty caption"


def test_ten_thousand_classes_give_what_is_known_of_them(vision: Vision) -> None:
    names = [*(f"thing number {i} of no kind" for i in range(9_999)), "motorcycle"]
    targets = tuple(Target(name, (name,) if name in COCO_CLASSES else ()) for name in names)
    found = vision.detect(MOTORCYCLE, Task(targets=targets), min_score=0.5)
    assert found.class_names == ("motorcycle",)
    assert len(found.classes) == 10_000


class HalfSure(Detector):
    """Finds dogs and a cat as sure as it is told, and says what it was asked for; looks at images 416 pixels wide."""

    name, vocabulary, side = "half sure", ("cat", "dog"), 416

    def __init__(self, *dogs: tuple[float, int], cat: float = 0.0) -> None:
        """Each dog is a score and where its box of 40 pixels begins from the left."""
        self._scored = [("cat", cat, 0)] + [("dog", score, left) for score, left in dogs]
        self.least: list[float] = []

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        self.least += [request.min_score] * len(images)
        kept = [one for one in self._scored if one[1] >= request.min_score and one[0] in request.classes]
        boxes = np.array([[left, 0, left + 40, 40] for _, _, left in kept], np.float32).reshape(-1, 4)
        found = Found(boxes, tuple(name for name, *_ in kept), np.array([score for _, score, _ in kept], np.float32))
        return [found for _ in images]


TWICE = Vision(HalfSure((0.7, 0), cat=0.8))
"""Finds one thing twice, surer that it is a cat."""
COUNTED = Task(kind="count", targets=(DOGS,))
LANE = np.zeros((60, 400, 3), np.uint8)


def test_what_is_found_and_why_come_of_one_look() -> None:
    detector = HalfSure((0.7, 0), cat=0.8)
    cat = Task("the cat", "ground", expression="the cat")
    detections, grounding = Vision(detector).look(BLACK, cat)
    assert len(detections) == 1 and grounding is not None and len(detector.least) == 1
    assert np.array_equal(grounding.detections.xyxy, detections.xyxy)
    detections, grounding = TWICE.look(BLACK, replace(cat, min_score=0.9))
    assert grounding is not None and len(detections) == len(grounding.detections) == 0, "a cat of 0.8"


def test_one_thing_is_told_and_asked_about_once_and_detected_as_each_class_that_is_named() -> None:
    def found(*targets: Target, **asked: Any) -> Detections:
        return TWICE.detect(BLACK, Task(targets=targets or None, **asked))

    assert len(found(CATS, DOGS)) == 2
    assert found(CATS, DOGS, kind="count").value == 1 and found(DOGS, kind="count").value == 0
    assert found(DOGS, asks_whether=True).value is False
    assert [item.class_name for item in TWICE.scene(BLACK).objects] == ["cat"]
    assert found().class_names == found(kind="segment").class_names == ("cat",)
    assert found(kind="describe").value == "A cat." and found(DOGS, kind="describe").class_names == ()
    # With a bound of its own a detector is asked for the named classes alone.
    bounded = found(DOGS, min_score=0.0)
    assert bounded.class_names == ("dog",) and not any("More likely" in note for note in bounded.notes)


def test_a_thing_that_is_more_likely_something_else_is_found_with_a_note() -> None:
    for task in (Task(targets=(DOGS,)), Task(kind="segment", targets=(DOGS,)), Task(targets=(DOGS,), limit=Limit(1))):
        found = TWICE.detect(BLACK, task)
        assert found.class_names == ("dog",)
        assert "More likely of a class that was not asked for: dog 0.70 (cat 0.80)." in found.notes
        both = TWICE.detect(BLACK, replace(task, targets=(DOGS, CATS)))
        assert not any("More likely" in note for note in both.notes)


def test_a_doubt_that_is_more_likely_something_else_is_not_told() -> None:
    found = Vision(HalfSure((0.34, 0), (0.33, 100), cat=0.8)).detect(LANE, Task(targets=(DOGS,)))
    assert found.perhaps is not None and found.perhaps.xyxy[:, 0].tolist() == [100]
    assert not any("More likely" in note for note in found.notes)


def test_what_may_be_there_too_is_told_beside_what_is_found() -> None:
    found = Vision(HalfSure((0.8, 0), (0.34, 100), (0.3, 200))).detect(LANE, COUNTED)
    assert found.value == 1 and len(found) == 1
    assert found.perhaps is not None and found.perhaps.class_names == ("dog", "dog")
    assert [thing["xyxy"][0] for thing in found.to_dict()["perhaps"]] == [100, 200]
    assert found.notes[-1] == "Perhaps there too, with a score just below 0.35: dog 0.34, dog 0.30."
    # Many images tell it as one does; a double is not told, nor what is of another class.
    vision = Vision(HalfSure((0.8, 0), (0.34, 100)))
    ((_, several),) = vision.detect_many([LANE], COUNTED)
    assert isinstance(several, Detections) and several.perhaps == vision.detect(LANE, COUNTED).perhaps is not None
    assert Vision(HalfSure((0.8, 0), (0.34, 10), cat=0.34)).detect(LANE, COUNTED).perhaps is None


def test_nothing_less_sure_is_looked_for_where_it_was_not_asked() -> None:
    bounded, limited = replace(COUNTED, min_score=0.5), replace(COUNTED, limit=Limit(1))
    for task in (bounded, limited, Task(), replace(COUNTED, kind="describe")):
        detector = HalfSure((0.8, 0), (0.34, 100))
        assert Vision(detector).detect(LANE, task).perhaps is None
        assert detector.least == [0.5 if task.min_score else 0.35]


@pytest.mark.parametrize(("width", "said"), [(1920, True), (640, False)])
def test_what_is_too_small_to_be_found_is_said_of_a_large_image(width: int, said: bool) -> None:
    image = np.zeros((300, width, 3), np.uint8)
    absent = TWICE.detect(image, COUNTED)
    assert absent.value == 0 and any("too small to be found" in note for note in absent.notes) == said
    if said:
        assert f"{width:,} x 300 pixels" in absent.notes[-1] and "about 74 pixels" in absent.notes[-1]
    assert not any("too small" in note for note in TWICE.detect(image, replace(COUNTED, targets=(CATS,))).notes)
    plan = TWICE._plan(COUNTED, None)
    of_a_scene = replace(plan, task=replace(plan.task, expression="how many dogs"))
    grounding = TWICE._grounded(of_a_scene, LoadedImage(image), TWICE._looked(plan, LoadedImage(image)), image)
    assert grounding.value == 0 and ("too small to be found" in " ".join(grounding.notes)) == said


def test_what_an_instruction_names_and_is_not_found_is_said() -> None:
    every = tuple(Target(name, (name,)) for name in ("dog", "cat", "zebra"))
    for instruction, told in (("find dogs, cats and zebras", ["None was found of: zebra."]), ("every animal", [])):
        found = TWICE.detect(BLACK, Task(instruction, targets=every))
        assert [note for note in found.notes if "found of" in note] == told


def test_what_cannot_be_told_has_no_value() -> None:
    unknown = Task(targets=(), undetectable=(Undetectable("wheel", ("bicycle",)),))
    for task in (unknown, Task(targets=(), understood=False)):
        for asked in (replace(task, kind="count"), replace(task, asks_whether=True)):
            assert TWICE.detect(BLACK, asked).value is None


def test_what_a_condition_rules_out_is_told() -> None:
    place = "There is a cat, but not of the size or in the place that is asked for."
    conditions: list[tuple[dict[str, Any], str]] = [
        ({"targets": (Target("white cat", ("cat",), "white"),)}, "There is a cat; its colour is seen as black."),
        ({"region": (0.8, 0, 1, 1)}, place),
        ({"size": SizeRange(max_area=9)}, place),
    ]
    for condition, told in conditions:
        asked = Task(**{"targets": (CATS,), "asks_whether": True, **condition})
        found = TWICE.detect(np.zeros((60, 960, 3), np.uint8), asked)
        assert (found.value, found.notes[-1]) == (False, told), "that it may be too small is not said"
