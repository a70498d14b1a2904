"""What the relations between boxes mean, told by cases that a person can draw and by laws that hold for any boxes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vision.scene.graph import REGIONS, from_points, in_regions
from vision.scene.relations import CONVERSES, RELATIONS, Pairs, between, distances, relate

corner = st.integers(0, 400)
side = st.integers(1, 200)
box = st.tuples(corner, corner, side, side).map(lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]])
boxes = st.lists(box, max_size=7).map(lambda rows: np.array(rows, np.float32).reshape(-1, 4))

BUS: list[float] = [300, 100, 600, 400]
TABLE: list[float] = [100, 300, 500, 450]
COUCH: list[float] = [100, 200, 500, 400]


def holds(relation: str, first: list[float], second: list[float]) -> bool:
    return bool(RELATIONS[relation](Pairs.of(np.array([first, second], np.float32)))[0, 1])


CASES: list[tuple[str, list[float], list[float], bool]] = [
    ("left_of", [100, 150, 180, 390], BUS, True),
    ("left_of", [250, 150, 330, 390], BUS, True),  # a little in front of it
    ("left_of", [310, 150, 390, 390], BUS, False),  # wholly in front of it
    ("left_of", [250, 900, 290, 990], BUS, False),  # far below it
    ("right_of", [640, 150, 700, 390], BUS, True),
    ("above", [400, 10, 460, 80], BUS, True),
    ("above", [20, 80, 60, 120], BUS, False),  # level with its top, but far to the left
    ("below", [400, 420, 460, 470], BUS, True),
    ("inside", [350, 150, 400, 200], BUS, True),
    ("inside", [280, 150, 400, 200], BUS, False),
    ("inside", BUS, BUS, False),
    ("contains", BUS, [350, 150, 400, 200], True),
    ("overlapping", [280, 150, 320, 200], BUS, True),
    ("overlapping", [200, 150, 300, 200], BUS, False),  # they only touch
    ("near", [200, 150, 280, 390], BUS, True),
    ("near", [0, 150, 20, 170], BUS, False),
    ("next_to", [200, 150, 280, 390], BUS, True),
    ("next_to", [350, 150, 400, 200], BUS, False),  # inside it
    ("on", [200, 250, 230, 330], TABLE, True),  # a bottle that stands on it
    ("on", [200, 350, 260, 400], TABLE, True),  # a plate that lies on it, seen from above
    ("on", [200, 100, 230, 180], TABLE, False),  # a lamp above it
    ("on", [200, 380, 240, 500], TABLE, False),  # a bag in front of it
    ("on", [150, 120, 250, 450], COUCH, True),  # somebody who sits on it with their feet on the floor
    ("on", [150, 380, 250, 600], COUCH, False),
    ("on_top_of", [200, 350, 260, 400], TABLE, False),
    ("on_top_of", [200, 250, 230, 330], TABLE, True),
    ("under", [200, 380, 300, 470], TABLE, True),
    ("under", [200, 200, 300, 290], TABLE, False),
    ("in_front_of", [350, 300, 400, 430], BUS, True),
    ("in_front_of", [350, 300, 400, 390], BUS, False),
    ("behind", BUS, [350, 300, 400, 430], True),
    ("larger_than", BUS, TABLE, True),
    ("larger_than", [0, 0, 10, 10], [0, 0, 10, 9.5], False),
    ("taller_than", BUS, TABLE, True),
    ("shorter_than", TABLE, BUS, True),
]


def test_cases() -> None:
    for case in CASES:
        assert holds(*case[:3]) is case[3], case


@given(boxes)
def test_nothing_stands_in_a_relation_to_itself_and_converses_hold_the_other_way_round(xyxy: np.ndarray) -> None:
    found = {name: {tuple(pair) for pair in pairs.tolist()} for name, pairs in relate(xyxy).items()}
    assert all(first != second for pairs in found.values() for first, second in pairs)
    for name, converse in CONVERSES.items():
        assert {(b, a) for a, b in found[name]} == found[converse]
    opposites = {"left_of": "right_of", "above": "below", "inside": "contains", "in_front_of": "behind"}
    for one, other in (opposites | {"larger_than": "smaller_than", "taller_than": "shorter_than"}).items():
        assert CONVERSES[one] == other and not found[one] & found[other]
    for name in ("near", "next_to", "overlapping"):
        assert CONVERSES.get(name, name) == name and found[name] == {(b, a) for a, b in found[name]}
    assert found["next_to"] | found["overlapping"] <= found["near"] and found["on_top_of"] <= found["on"]


@given(boxes, st.integers(1, 8), st.integers(-50, 50))
def test_size_and_place_of_the_picture_change_nothing(xyxy: np.ndarray, scale: int, shift: int) -> None:
    before, after = relate(xyxy), relate(xyxy * scale + shift)
    for name, pairs in before.items():
        np.testing.assert_array_equal(pairs, after[name])


@given(boxes)
def test_a_mirror_changes_left_and_right_alone(xyxy: np.ndarray) -> None:
    mirrored = np.stack([1000 - xyxy[:, 2], xyxy[:, 1], 1000 - xyxy[:, 0], xyxy[:, 3]], axis=1)
    before, after = relate(xyxy), relate(mirrored)
    for name, pairs in before.items():
        other = {"left_of": "right_of", "right_of": "left_of"}.get(name, name)
        np.testing.assert_array_equal(pairs, after[other])


@pytest.mark.slow
@given(boxes)
def test_all_pairs_at_once_are_the_pairs_one_by_one(xyxy: np.ndarray) -> None:
    for name, pairs in relate(xyxy).items():
        expected = [
            [i, j] for i in range(len(xyxy)) for j in range(len(xyxy)) if i != j and holds(name, xyxy[i], xyxy[j])
        ]
        assert pairs.tolist() == expected


def test_the_distance_is_to_the_nearest_and_never_to_itself() -> None:
    xyxy = np.array([[0, 0, 10, 10], [30, 0, 40, 10], [100, 0, 110, 10]], np.float32)
    assert distances(xyxy, np.array([1, 2])).round().tolist() == [20, 60, 60]
    first, *others = distances(xyxy, np.array([0])).round().tolist()
    assert np.isinf(first) and others == [20, 90]
    assert np.isinf(distances(xyxy, np.array([], int))).all()
    # Among things that touch, the one with the nearer centre is nearer.
    touching = np.array([[0, 0, 100, 100], [40, 40, 60, 60], [90, 90, 200, 200]], np.float32)
    to_first = distances(touching, np.array([0]))
    assert to_first[1] < to_first[2] < 1


@pytest.mark.parametrize(
    ("middle", "expected"),
    [((90, 0), True), ((90, 60), True), ((90, 200), False), ((210, 0), False), ((5, 0), False)],
    ids=["on the way", "a little off it", "beside it", "beyond the second", "at the first"],
)
def test_what_lies_between(middle: tuple[int, int], expected: bool) -> None:
    places = np.array([(0, 0), (180, 0), middle])
    xyxy = np.concatenate([places, places + 20], axis=1).astype(np.float32)
    one, other, both = np.array([0]), np.array([1]), np.array([0, 1])
    assert between(xyxy, one, other).tolist() == [False, False, expected]
    assert between(xyxy, other, one).tolist() == [False, False, expected]
    assert between(xyxy, both, both)[2] == expected and not between(xyxy, one, one).any()


@given(arrays(np.float32, (5, 2), elements=st.integers(0, 100)))
def test_each_middle_lies_in_one_half_and_one_third_each_way(middles: np.ndarray) -> None:
    found = in_regions(np.concatenate([middles, middles], axis=1), (100, 100))
    for parts in ("left half, right half", "top half, bottom half", "left third, middle third, right third"):
        assert (np.sum([found[name] for name in parts.split(", ")], axis=0) == 1).all()


def test_regions_by_a_point_in_each_and_distances_from_the_corners() -> None:
    for name, (x0, y0, x1, y1) in REGIONS.items():
        x, y = (x0 + x1) / 2 * 640, (y0 + y1) / 2 * 480
        assert in_regions(np.array([[x, y, x, y]]), (640, 480))[name].all()
    found = from_points(np.array([[0, 0, 0, 0], [640, 480, 640, 480]]), (640, 480))
    assert found["top_left"].tolist() == [0, 800] and found["bottom_right"].tolist() == [800, 0]
    assert found["centre"].tolist() == [400, 400]
