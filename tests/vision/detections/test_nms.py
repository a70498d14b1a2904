# Detections takes plain lists too, and makes arrays of them.
# mypy: disable-error-code="arg-type"

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from supervision import box_non_max_suppression

from tests.vision.made_detections import empty
from vision.detections.detections import Detections
from vision.errors import DetectionsError
from vision.task import OutputFormat

SIZE = (100, 100)
RING = np.array([[0, 0], [10, 0], [10, 10]], np.float32)


def crowd(seed: int, count: int = 60, scores: bool = True) -> Detections:
    """Boxes that overlap a lot, of three classes, with every score twice."""
    random = np.random.default_rng(seed)
    corners = random.uniform(0, 70, (count, 2))
    boxes = np.concatenate([corners, corners + random.uniform(1, 30, (count, 2))], axis=1)
    names = tuple(random.choice(["cat", "dog", "bird"], count).tolist())
    values = np.repeat(random.permutation(count // 2), 2) / count if scores else None
    return Detections(SIZE, boxes, names, values, ("cat", "dog", "bird"))


class TestNms:
    @given(st.integers(0, 10**6), st.floats(0, 1), st.booleans(), st.booleans())
    def test_keeps_what_supervision_keeps(self, seed: int, threshold: float, per_class: bool, scored: bool) -> None:
        found = crowd(seed, scores=scored)
        # Ranks stand for the scores, so that ties go to the earlier box there too.
        order = np.argsort(-found.scores if found.scores is not None else np.zeros(len(found)), kind="stable")
        ranks = np.empty(len(found))
        ranks[order] = np.arange(len(found), 0, -1)
        classes = found.class_ids if per_class else np.zeros(len(found))
        expected = box_non_max_suppression(np.c_[found.xyxy, ranks, classes], threshold)
        assert found.nms(threshold, per_class) == found[expected]

    @given(st.integers(0, 10**6), st.permutations(["cat", "dog", "bird"]))
    def test_does_not_hang_on_the_order_of_the_class_set(self, seed: int, classes: list[str]) -> None:
        found = crowd(seed)
        other = Detections(SIZE, found.xyxy, found.class_names, found.scores, tuple(classes))
        assert np.array_equal(other.nms(0.4).xyxy, found.nms(0.4).xyxy)

    def test_boxes_without_area_overlap_nothing_and_a_threshold_outside_0_to_1_is_refused(self) -> None:
        found = Detections(SIZE, np.array([[1, 1, 1, 1], [1, 1, 1, 1], [50, 50, 50, 60], [0, 0, 9, 9]]), ("dog",) * 4)
        assert found.nms(0) == found and empty(SIZE).nms() == empty(SIZE)
        for threshold in (-0.1, 1.5, float("nan")):
            with pytest.raises(DetectionsError, match="0 to 1"):
                crowd(0).nms(threshold)


class TestMerge:
    def test_unites_objects_by_score_and_class_sets_in_their_order(self) -> None:
        more: dict[str, Any] = {"track_ids": [1, 2], "notes": ("a",), "output": OutputFormat("json")}
        first = Detections(SIZE, [[0, 0, 9, 9], [1, 1, 9, 9]], ("dog", "cat"), [0.75, 0.25], ("cat", "dog"), **more)
        second = Detections(SIZE, [[2, 2, 9, 9]], ("bird",), [0.5], ("dog", "bird"), track_ids=[3], notes=("b", "a"))
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
        more: dict[str, Any] = {"polygons": [[RING]], "polygon_source": "model", "track_ids": [1]}
        with_all = Detections(SIZE, [[0, 0, 9, 9]], ("dog",), [0.5], **more)
        bare = Detections(SIZE, [[0, 0, 9, 9]], ("dog",))
        whole = Detections.merge([with_all, bare])
        assert (whole.scores, whole.polygons, whole.polygon_source, whole.track_ids) == (None, None, None, None)
        assert [note.split()[1] for note in whole.notes] == ["scores", "outlines", "track"]

    def test_nothing_found_takes_nothing_from_the_others_and_outlines_of_two_sources_have_none(self) -> None:
        found = Detections(SIZE, [[0, 0, 9, 9]], ("dog",), [0.5], polygons=[[RING]], polygon_source="model")
        assert Detections.merge([Detections(SIZE, [], ()), found]) == found
        assert Detections.merge([empty(SIZE, ("dog",)), empty(SIZE, ("cat",))]) == empty(SIZE, ("dog", "cat"))
        whole = Detections.merge([found, replace(found, polygon_source="grabcut")])
        assert whole.polygon_source is None and whole.polygons is not None and "grabcut, model" in whole.notes[0]

    def test_other_images_and_no_part_at_all_are_refused(self) -> None:
        with pytest.raises(DetectionsError, match="100 x 100 and 100 x 99 pixels"):
            Detections.merge([empty(SIZE), empty((100, 99))])
        with pytest.raises(DetectionsError, match="nothing to merge"):
            Detections.merge([])
