"""A scene as a knowledge graph: what it holds, that it answers what plain Python answers, and that it stays small."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning import KnowledgeGraph, Query
from skylark.errors import SkylarkError
from vision.classes import COCO_CLASSES
from vision.detections.detections import Detections
from vision.images import LoadedImage
from vision.scene import Scene
from vision.scene.graph import MAX_OBJECTS, between_relation, distance_relation, measured_relation
from vision.scene.relations import relate

SIZE = (640, 480)
RED, BLUE, GREY = (200, 30, 30), (20, 40, 200), (128, 128, 128)
STREET = {
    "bus": ("bus", [300, 100, 600, 400], RED),
    "left man": ("person", [100, 150, 180, 390], BLUE),
    "right man": ("person", [200, 160, 260, 380], GREY),
    "dog": ("dog", [10, 300, 60, 400], GREY),
    "ball": ("sports ball", [200, 390, 230, 420], RED),
}


def scene_of(things: dict[str, tuple[str, list[int], tuple[int, int, int]]]) -> Scene:
    pixels = np.full((SIZE[1], SIZE[0], 3), 230, np.uint8)
    for _, (x1, y1, x2, y2), colour in things.values():
        pixels[y1:y2, x1:x2] = colour
    kinds, boxes = [kind for kind, _, _ in things.values()], [box for _, box, _ in things.values()]
    xyxy, scores = np.array(boxes, np.float32).reshape(-1, 4), np.linspace(0.9, 0.5, len(things), dtype=np.float32)
    return Scene.from_detections(
        Detections(SIZE, xyxy, tuple(things), scores, model_classes=tuple(kinds)), LoadedImage(pixels)
    )


@pytest.fixture(scope="module")
def street() -> Scene:
    return scene_of(STREET)


def test_it_is_short_on_a_line_and_whole_in_a_notebook(street: Scene) -> None:
    assert repr(street).startswith("Scene(image_size=(640, 480), objects={'bus': 1, 'left man': 1")
    html = street._repr_html_()
    for item in street.objects:
        assert f"<td>{item.name}</td><td>{', '.join(item.colours)}</td><td>{item.size}</td>" in html


def test_objects_are_numbered_by_class_in_the_order_of_the_detections(street: Scene) -> None:
    assert [item.name for item in street.objects] == ["bus 1", "person 1", "person 2", "dog 1", "sports ball 1"]
    assert [street.index(item.name) for item in street.objects] == list(range(5))
    with pytest.raises(SkylarkError, match="bus 1"):
        street.index("cat 1")
    things = {"a": ("person 1", [0, 0, 9, 9], RED), "b": ("person", [0, 0, 9, 9], RED)}
    assert [item.name for item in scene_of(things).objects] == ["person 1 1", "person 2"], "a name is never a class"


def test_an_object_has_class_supercategory_colour_size_and_place(street: Scene) -> None:
    bus, ball = street.objects[0], street.objects[4]
    assert (bus.class_name, bus.supercategory, bus.colours, bus.size) == ("bus", "vehicle", ("red",), "large")
    assert set(bus.positions) == {"right half", "bottom half", "right third", "centre"}
    assert ball.size == "small"


QUERIES = {
    '~class("person")': "left man, right man",
    '~supercategory("vehicle")': "bus",
    '~colour("red")': "ball, bus",
    '~main_colour("blue")': "left man",
    '~size("small")': "ball",
    '~position("left half") & ~class("dog")': "dog",
    '~class("person") & ~left_of(~class("bus"))': "left man, right man",
    '~right_of("dog 1") & ~colour("red")': "ball, bus",
    'left_of("dog 1") & ~class("person") | "bus 1"': "bus, left man, right man",
    '~kind("object") & !~near(~class("person"))': "",
    '~class("person") & !~near("dog 1")': "right man",
    'area(~kind("object")) > 20000': "bus",
    'top(2, area, ~kind("object"))': "bus, left man",
    'bottom(2, x, ~kind("object"))': "dog, left man",
    'top(1, score, ~class("person"))': "left man",
    'bottom(1, "distance to ~class(\\"dog\\")", ~class("person"))': "left man",
    'top(1, "distance to \\"sports ball 1\\"", ~class("person"))': "left man",
    '"between ~class(\\"dog\\") and ~class(\\"bus\\")"(~class("person")) = 1': "left man, right man",
    '"between ~class(\\"person\\")"(~kind("object")) = 1': "",
    'from_top_left(~kind("object")) < 310': "left man",
    'count(~class("person"))': "left man, right man",
    'exists(~near("dog 1"))': "left man",
    '~class("cat")': "",
    'colour("bus 1")': "",
}


def test_every_kind_of_query_gives_detections(street: Scene) -> None:
    assert {query: ", ".join(sorted(street.query(query).class_names)) for query in QUERIES} == QUERIES
    # Ranks come in order.
    assert street.query('top(3, area, ~kind("object"))').class_names == ("bus", "left man", "right man")
    assert street.query('bottom(2, x, ~kind("object"))').class_names == ("dog", "left man")


def test_values_come_with_the_answer(street: Scene) -> None:
    assert street.answer('count(~class("person"))').value == 2
    assert street.answer('exists(~class("cat"))').value is False
    assert street.answer('area("bus 1")').value == 90_000
    assert street.answer(Query.parse('colour("bus 1")')).entities == ["red"]


def test_names_that_nothing_has_are_known_words_or_errors(street: Scene) -> None:
    assert street.answer('~class("helicopter")', words=("helicopter",)).entities == []
    broken = '"distance to ~class("(~class("bus")) > 1'
    for query in ('~class("helicopter")', '~beside("bus 1")', '~class("bus"', broken):
        with pytest.raises(SkylarkError):
            street.answer(query)
    with pytest.raises(SkylarkError, match="this one has"):  # the detections of another image
        Scene.from_detections(street.detections, LoadedImage(np.zeros((48, 64, 3), np.uint8)))


def test_nothing_found_is_a_scene_too() -> None:
    nothing = scene_of({})
    assert (len(nothing), len(nothing.query('~class("dog")'))) == (0, 0)
    assert nothing.answer('count(~kind("object"))').value == 0
    assert len(nothing.query('bottom(1, "distance to ~class(\\"dog\\")", ~kind("object"))')) == 0
    assert nothing.to_dict() == {"objects": [], "relations": [], "notes": []}


def test_the_best_objects_keep_their_names(street: Scene) -> None:
    best = street.best(3)
    assert [item.name for item in best.objects] == ["bus 1", "person 1", "person 2"]
    assert best.query('~class("dog")').class_names == ()


def test_it_goes_through_json_and_is_a_knowledge_graph_like_any_other(street: Scene) -> None:
    shown = json.loads(json.dumps(street.to_dict()))
    assert ["person 1", "left_of", "bus 1"] in shown["relations"]
    assert shown["objects"][0]["xyxy"] == [300, 100, 600, 400]
    assert len(KnowledgeGraph.from_networkx(street.kg.to_networkx())) == len(street.kg)


def test_a_crowd_is_cut_to_a_bounded_graph_and_said() -> None:
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 400, (MAX_OBJECTS + 50, 2))
    boxes = np.concatenate([low, low + rng.uniform(5, 80, low.shape)], axis=1).astype(np.float32)
    found = Detections(SIZE, boxes, ("person",) * len(boxes))
    scene = Scene.from_detections(found, LoadedImage(np.zeros((SIZE[1], SIZE[0], 3), np.uint8)))
    assert len(scene) == MAX_OBJECTS and "300 of 350" in scene.notes[0]
    assert len(scene.kg) < 8 * MAX_OBJECTS**2
    assert scene.answer('count(~class("person"))').value == MAX_OBJECTS


corner = st.integers(0, 300)
thing = st.tuples(st.sampled_from(["dog", "cat", "bus"]), corner, corner, st.integers(1, 150), st.integers(1, 150))
things = st.lists(thing, max_size=6).map(
    lambda rows: {
        f"{i}": (kind, [x, y, x + w, y + h], RED if i % 2 else BLUE) for i, (kind, x, y, w, h) in enumerate(rows)
    }
)


@given(things, st.sampled_from(["left_of", "on", "near", "inside", "larger_than"]))
def test_a_query_gives_what_a_loop_over_the_boxes_gives(
    drawn: dict[str, tuple[str, list[int], tuple[int, int, int]]], relation: str
) -> None:
    scene = scene_of(drawn)
    kinds = [kind for kind, _, _ in drawn.values()]
    pairs = relate(np.array([box for _, box, _ in drawn.values()], np.float32).reshape(-1, 4))[relation].tolist()
    related = {i for i, j in pairs if kinds[i] == "dog" and kinds[j] == "cat"}
    unrelated = {i for i, kind in enumerate(kinds) if kind == "dog"} - related
    for negated, expected in (("", related), ("!", unrelated)):
        query = f'~class("dog") & {negated}~{relation}(~class("cat"))'
        assert set(scene.query(query).class_names) == {str(i) for i in expected}
        assert scene.answer(f"count({query})").value == len(expected)
    assert set(COCO_CLASSES) >= set(kinds)


def test_a_written_name_of_a_measured_relation_is_read_as_its_sets() -> None:
    for name, sets in {
        'distance to ~class("dog")': ['~class("dog")'],
        'between ~class("dog")': ['~class("dog")', '~class("dog")'],
        'between ~class("dog") and ~class("bus")': ['~class("dog")', '~class("bus")'],
        'between "salt and pepper 1" and "cup 1"': ['"salt and pepper 1"', '"cup 1"'],
        'between ~class("a \\" and b") and "cup 1"': ['~class("a \\" and b")', '"cup 1"'],
    }.items():
        relation = measured_relation(name)
        assert relation is not None and relation == name
        assert [str(members) for members in relation.sets] == sets


def test_the_name_of_a_measured_relation_reads_back_to_its_trees() -> None:
    first, second = Query.parse('~class("dog") | ~class("cat")'), Query.parse('~class("bus") & ~colour("red")')
    for relation in (distance_relation(first), between_relation(first), between_relation(first, second)):
        read = measured_relation(str(relation))
        assert read is not None and read.sets == relation.sets
    assert str(between_relation(first, second)) == (
        'between (~class("dog") | ~class("cat")) and (~class("bus") & ~colour("red"))'
    )
    assert measured_relation("left_of") is None
