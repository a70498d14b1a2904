# Detections takes plain lists too, and makes arrays of them.
# mypy: disable-error-code="arg-type"

import copy
import json
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vision.made_detections import detections, empty
from vision.detections.detections import Detections
from vision.errors import DetectionsError
from vision.task import Limit, OutputFormat, SizeRange, Target, Task

SIZE = (100, 50)
BOXES = [[0, 0, 10, 10], [20, 20, 40, 50], [60, 5, 100, 25]]
RINGS = [
    [np.array([[1, 1], [9, 1], [5, 8]])],
    [np.array([[20, 20], [40, 20], [30, 50]])],
    [np.array(BOXES[0:2])[:, :3].T],
]


def made(**changes: Any) -> Detections:
    fields: dict[str, Any] = {
        "image_size": SIZE,
        "xyxy": np.array(BOXES),
        "class_names": ("dog", "cat", "dog"),
        "scores": np.array([0.875, 0.5, 0.25]),
        "classes": ("cat", "dog", "bird"),
        "model_classes": ("dog", "cat", "puppy"),
        "polygons": RINGS,
        "polygon_source": "model",
        "track_ids": np.array([7, 3, 5]),
    }
    return Detections(**{**fields, **changes})


FOUND = made()


class TestWhatIsMade:
    def test_arrays_have_their_types_and_are_copies_that_cannot_be_written(self) -> None:
        boxes = np.array(BOXES)
        found = made(xyxy=boxes)
        boxes[:] = 0
        assert found.xyxy.tolist() == BOXES
        assert found.scores is not None and found.polygons is not None and found.track_ids is not None
        types = [str(array.dtype) for array in (found.xyxy, found.scores, found.track_ids)]
        assert types == ["float32", "float32", "int64"]
        for array in (found.xyxy, found.scores, found.track_ids, found.polygons[0][0], found[:2].xyxy):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0

    def test_what_is_left_out_is_what_occurs_and_rounding_beyond_the_edge_is_moved_to_it(self) -> None:
        assert made(classes=()).classes == ("dog", "cat")
        assert made(model_classes=()).model_classes == ("dog", "cat", "dog")
        nothing = empty(SIZE, ("dog",))
        assert nothing.xyxy.shape == (0, 4) and len(nothing) == 0 and list(nothing) == []
        assert Detections(SIZE, [], ()) == replace(nothing, scores=None, classes=())
        assert made(xyxy=[[-0.4, 0, 100.7, 50.01], *BOXES[1:]]).xyxy[0].tolist() == [0, 0, 100, 50]


def test_what_does_not_fit_is_refused() -> None:
    rows: list[tuple[str, Any, str]] = [
        ("image_size", (0, 50), r"image_size is \(0, 50\)"),
        ("image_size", (100.5, 50), "two whole numbers"),
        ("xyxy", np.zeros((3, 5)), r"xyxy has shape \(3, 5\): expected \(n, 4\)"),
        ("xyxy", [["a"] * 4] * 3, "an array of numbers"),
        ("xyxy", [*BOXES[:2], [1, 2, np.nan, 4]], r"box 2.* is not finite"),
        ("xyxy", [*BOXES[:2], [1, 2, 102, 4]], r"box 2.* lies outside the image: expected 0 to 100 in x"),
        ("xyxy", [*BOXES[:2], [10, 2, 5, 4]], r"box 2 is .*: expected x1 <= x2 and y1 <= y2"),
        ("class_names", ("dog", "cat"), "2 class names for 3 boxes"),
        ("class_names", ("dog", "cat", "bride"), "class name 2 is 'bride'.*nearest: 'bird'"),
        ("class_names", "dog", "found one string"),
        ("classes", ("dog", "cat", "dog"), "names 'dog' twice"),
        ("classes", ("dog", "cat", ""), "at least one character"),
        ("classes", ("dog", "cat", "a\x00b"), "holds '\\\\x00'"),
        ("classes", ("dog", "cat", "\ud800"), "lone surrogates"),
        ("classes", ("dog", "cat", 3), "class 3: expected a name"),
        ("model_classes", ("dog",), "1 model classes for 3 boxes"),
        ("scores", [0.5, 0.5], r"scores have shape \(2,\): expected \(3,\)"),
        ("scores", [0.5, 0.5, 1.1], "score 2 is 1.1: expected 0 to 1"),
        ("scores", [0.5, np.nan, 1], "score 1 is nan"),
        ("polygons", RINGS[:2], "2 polygons for 3 boxes"),
        ("polygons", [RINGS[0], RINGS[1], []], "polygon 2 has no ring"),
        ("polygons", [RINGS[0], RINGS[1], [np.zeros((2, 2))]], r"polygon 2 has a ring of shape \(2, 2\)"),
        ("polygons", [RINGS[0], RINGS[1], [RINGS[0][0] * 30]], "polygon 2 lies outside the image"),
        ("track_ids", [1.5, 2, 3], "track_ids"),
        ("track_ids", [1, 2], "track_ids"),
    ]
    for field, value, message in rows:
        with pytest.raises(DetectionsError, match=message):
            made(**{field: value})


class TestTakingSome:
    def test_takes_all_fields_of_the_same_objects_in_that_order(self) -> None:
        rows: list[tuple[Any, list[int]]] = [
            *((1, [1]), (-1, [2]), (np.int64(0), [0]), (slice(1, None), [1, 2]), (slice(None, None, -1), [2, 1, 0])),
            *(([2, 0], [2, 0]), ([1, 1], [1, 1]), ([], []), ((0, 2), [0, 2])),
            *((np.array([True, False, True]), [0, 2]), ([False, False, False], [])),
        ]
        names = [*zip(FOUND.class_names, FOUND.model_classes, strict=True)]
        for index, places in rows:
            assert FOUND[index].classes == FOUND.classes
            for one, i in zip(FOUND[index], places, strict=True):
                assert (one.track_id, one.class_name, one.model_class) == ([7, 3, 5][i], *names[i])
                assert (one.xyxy.tolist(), one.score) == (BOXES[i], [0.875, 0.5, 0.25][i])
                assert one.polygon is not None and one.polygon[0].tolist() == RINGS[i][0].tolist()

    def test_what_is_not_there_or_no_index_is_refused(self) -> None:
        absent: list[Any] = [3, [0, 9], [True, False]]
        none: list[Any] = ["dog", 1.0, None, [[0]], True]
        for indexes, error in ((absent, IndexError), (none, TypeError)):
            for index in indexes:
                with pytest.raises(error):
                    FOUND[index]


def test_equality_is_of_all_fields_but_the_image() -> None:
    for same in (made(), made(source="other.jpg"), copy.deepcopy(FOUND), pickle.loads(pickle.dumps(FOUND))):
        assert same == FOUND
    assert FOUND != "detections" and FOUND[:1] != FOUND
    with pytest.raises(TypeError, match="unhashable"):
        hash(FOUND)
    others: list[dict[str, Any]] = [
        *({"image_size": (101, 50)}, {"xyxy": np.array(BOXES) / 2}, {"class_names": ("cat", "cat", "dog")}),
        *({"classes": ("dog", "cat", "bird")}, {"model_classes": ()}, {"scores": None}, {"polygons": None}),
        *({"polygons": [RINGS[0], RINGS[1], [RINGS[0][0]]]}, {"polygon_source": "grabcut"}, {"track_ids": None}),
        *({"output": OutputFormat("json")}, {"task": Task("dogs")}, {"value": 3}, {"notes": ("a note",)}),
    ]
    for changes in others:
        assert made(**changes) != FOUND


class TestFilters:
    def test_by_class_which_keep_the_class_set_and_by_score(self) -> None:
        assert FOUND.with_classes("dog").class_names == ("dog", "dog")
        assert FOUND.with_classes("dog", "cat") == FOUND
        assert len(FOUND.with_classes("bird")) == 0
        assert FOUND.with_classes("cat").classes == FOUND.classes
        with pytest.raises(DetectionsError, match=r"no class 'brid'.*nearest: 'bird'"):
            FOUND.with_classes("brid")
        assert FOUND.min_score(0.5) == FOUND[:2]
        with pytest.raises(DetectionsError, match="no scores"):
            made(scores=None).min_score(0.5)
        for bound in (7, -1, float("nan"), True):
            with pytest.raises(DetectionsError, match="from 0 to 1"):
                FOUND.min_score(bound)

    def test_by_size_and_by_the_region_of_the_boxs_middle(self) -> None:
        assert FOUND.area.tolist() == [100, 600, 800]
        assert FOUND.with_size(SizeRange(min_area=600)) == FOUND[1:]
        assert FOUND.with_size(SizeRange(max_area_share=0.02)) == FOUND[:1]
        assert FOUND.with_size(SizeRange(min_height=20, max_height=20)) == FOUND[2:]
        assert FOUND.in_region((0, 0, 0.5, 1)) == FOUND[:2]
        assert FOUND.in_region((0.5, 0, 1, 1)) == FOUND[2:]
        on_the_edge = made(xyxy=[[0, 0, 10, 10], [10, 10, 40, 15], [60, 5, 100, 25]])
        assert on_the_edge.in_region((0, 0, 0.25, 0.25)) == on_the_edge[:1]
        assert on_the_edge.in_region((0.25, 0.25, 1, 1)) == on_the_edge[1:]


@pytest.mark.slow
@given(detections(parts=2))
def test_json_has_every_object(found: Detections) -> None:
    told = json.loads(found.to_json())
    assert told == found.to_dict()
    assert tuple(told["classes"]) == found.classes
    for one, mine in zip(told["objects"], found, strict=True):
        assert one["class_name"] == mine.class_name
        assert np.array_equal(np.array(one["xyxy"], np.float32), mine.xyxy)
        assert (one["polygon"] is None) == (mine.polygon is None)


def test_a_dict_has_the_task_and_short_numbers_and_the_text_follows_the_output() -> None:
    task = Task("two dogs", targets=(Target("dog", ("dog",)),), limit=Limit(2))
    told = made(xyxy=[[0.1, 0.2, 10.3, 10.4], *BOXES[1:]], task=task, value=2).to_dict()
    assert told["objects"][0]["xyxy"] == [0.1, 0.2, 10.3, 10.4]
    assert told["task"]["limit"] == {"count": 2, "by": "score", "order": "descending"}
    assert told["value"] == 2
    assert FOUND[1].text == "(cat, 20, 20, 40, 50)"
    assert np.asarray(FOUND.draw(np.zeros((50, 100, 3), np.uint8))).any()


SQUARE = (100, 100)


def crowd(seed: int, count: int = 60, scores: bool = True) -> Detections:
    """Boxes that overlap a lot, of three classes, with every score twice."""
    random = np.random.default_rng(seed)
    corners = random.uniform(0, 70, (count, 2))
    boxes = np.concatenate([corners, corners + random.uniform(1, 30, (count, 2))], axis=1)
    names = tuple(random.choice(["cat", "dog", "bird"], count).tolist())
    values = np.repeat(random.permutation(count // 2), 2) / count if scores else None
    return Detections(SQUARE, boxes, names, values, ("cat", "dog", "bird"))


class TestMerge:
    def test_unites_objects_by_score_and_class_sets_in_their_order(self) -> None:
        more: dict[str, Any] = {"track_ids": [1, 2], "notes": ("a",), "output": OutputFormat("json")}
        first = Detections(SQUARE, [[0, 0, 9, 9], [1, 1, 9, 9]], ("dog", "cat"), [0.75, 0.25], ("cat", "dog"), **more)
        second = Detections(SQUARE, [[2, 2, 9, 9]], ("bird",), [0.5], ("dog", "bird"), track_ids=[3], notes=("b", "a"))
        whole = Detections.merge([first, second])
        assert (whole.class_names, whole.classes) == (("dog", "bird", "cat"), ("cat", "dog", "bird"))
        assert whole.scores is not None and whole.scores.tolist() == [0.75, 0.5, 0.25]
        assert whole.xyxy[:, 0].tolist() == [0, 2, 1]
        assert whole.track_ids is not None and whole.track_ids.tolist() == [1, 3, 2]
        assert (whole.notes, whole.output) == (("a", "b"), OutputFormat("json"))

    @given(st.integers(0, 10**6), st.integers(0, 60))
    def test_of_two_halves_is_the_whole(self, seed: int, at: int) -> None:
        found = crowd(seed)
        assert found.scores is not None
        in_order = found[np.argsort(-found.scores, kind="stable")]
        assert Detections.merge([in_order[:at], in_order[at:]]) == in_order

    def test_says_what_only_some_have_and_drops_it(self) -> None:
        more: dict[str, Any] = {"polygons": [[RINGS[0][0]]], "polygon_source": "model", "track_ids": [1]}
        with_all = Detections(SQUARE, [[0, 0, 9, 9]], ("dog",), [0.5], **more)
        bare = Detections(SQUARE, [[0, 0, 9, 9]], ("dog",))
        whole = Detections.merge([with_all, bare])
        assert (whole.scores, whole.polygons, whole.polygon_source, whole.track_ids) == (None, None, None, None)
        assert [note.split()[1] for note in whole.notes] == ["scores", "outlines", "track"]

    def test_nothing_found_takes_nothing_from_the_others_and_outlines_of_two_sources_have_none(self) -> None:
        found = Detections(SQUARE, [[0, 0, 9, 9]], ("dog",), [0.5], polygons=[[RINGS[0][0]]], polygon_source="model")
        assert Detections.merge([Detections(SQUARE, [], ()), found]) == found
        assert Detections.merge([empty(SQUARE, ("dog",)), empty(SQUARE, ("cat",))]) == empty(SQUARE, ("dog", "cat"))
        whole = Detections.merge([found, replace(found, polygon_source="grabcut")])
        assert whole.polygon_source is None and whole.polygons is not None and "grabcut, model" in whole.notes[0]

    def test_other_images_and_no_part_at_all_are_refused(self) -> None:
        with pytest.raises(DetectionsError, match="100 x 100 and 100 x 99 pixels"):
            Detections.merge([empty(SQUARE), empty((100, 99))])
        with pytest.raises(DetectionsError, match="nothing to merge"):
            Detections.merge([])
