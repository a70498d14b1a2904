import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import label  # type: ignore[import-untyped]

from vision.detections import polygons
from vision.detections.polygons import grabcut_outlines, mask_from_rings, ring_area, rings_from_mask, with_points
from vision.errors import FormatError, InstructionError
from vision.evaluation.annotations import read_annotations
from vision.images import LoadedImage, load_image

masks = st.tuples(st.integers(1, 24), st.integers(1, 24)).flatmap(lambda shape: arrays(np.bool_, shape))


def iou(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / max((first | second).sum(), 1))


def size_of(mask: np.ndarray) -> tuple[int, int]:
    return mask.shape[1], mask.shape[0]


def disc(radius: float = 40, side: int = 100) -> np.ndarray:
    y, x = np.mgrid[0:side, 0:side] + 0.5
    inside: np.ndarray = np.hypot(x - side / 2, y - side / 2) < radius
    return inside


def square(left: float, top: float, side: float) -> np.ndarray:
    return np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32) + np.array([left, top], np.float32)


class TestMasksAndRings:
    @given(mask=masks)
    def test_a_mask_comes_back_from_its_rings(self, mask: np.ndarray) -> None:
        """Parts, holes, parts in holes and pixels that touch at a corner included; a ring a part, of its area."""
        rings = rings_from_mask(mask)
        assert np.array_equal(mask_from_rings(rings, size_of(mask)), mask)
        parts, count = label(mask, np.ones((3, 3)))
        areas = sorted(int((parts == part).sum()) for part in range(1, count + 1))
        assert sorted(round(abs(ring_area(ring))) for ring in rings) == areas

    def test_the_bounds_are_those_of_the_pixels_and_the_largest_part_comes_first(self) -> None:
        mask = np.zeros((40, 40), bool)
        mask[:5, :5] = mask[10:30, 10:30] = mask[35:37, :3] = mask[3, 8] = True
        rings = rings_from_mask(mask)
        assert [abs(ring_area(ring)) for ring in rings] == [400, 25, 6, 1]
        assert [*rings[0].min(axis=0), *rings[0].max(axis=0)] == [10, 10, 30, 30]
        assert {tuple(point) for point in rings[3].tolist()} == {(8, 3), (9, 3), (9, 4), (8, 4)}
        assert rings_from_mask(np.zeros((5, 5), bool)) == () and not mask_from_rings((), (5, 5)).any()

    def test_specks_and_pinholes_are_left_out_and_a_hole_stays_a_hole(self) -> None:
        mask = disc()
        mask[50, 50], mask[2, 2] = False, True
        rings = rings_from_mask(mask, speck_share=0.01)
        assert np.array_equal(mask_from_rings(rings, size_of(mask)), disc())
        mask = disc() & ~disc(20)
        rings = rings_from_mask(mask, tolerance=0.5, speck_share=0.05)
        assert len(rings) == 1 and not mask_from_rings(rings, size_of(mask))[50, 50]

    def test_a_tolerance_saves_points_and_keeps_the_shape(self) -> None:
        exact, rough = rings_from_mask(disc()), rings_from_mask(disc(), tolerance=0.5)
        assert len(rough[0]) < len(exact[0]) / 2
        assert iou(mask_from_rings(rough, (100, 100)), disc()) > 0.99

    @given(mask=masks, tolerance=st.floats(0.1, 3))
    def test_any_tolerance_gives_rings_of_three_points_in_the_mask(self, mask: np.ndarray, tolerance: float) -> None:
        for ring in rings_from_mask(mask, tolerance=tolerance):
            assert len(ring) >= 3 and (ring >= 0).all() and (ring <= size_of(mask)).all()

    def test_overlapping_rings_are_added_up_and_joined_ones_are_one_with_the_area_of_both(self) -> None:
        assert mask_from_rings((square(0, 0, 6), square(3, 3, 6)), (10, 10)).sum() == 36 + 36 - 9
        whole = polygons.joined(square(0, 0, 10), square(20, 3, 5))
        assert ring_area(whole) == mask_from_rings((whole.astype(np.float32),), (30, 20)).sum() == 125


class TestNumberOfPoints:
    @pytest.mark.slow
    @given(mask=masks.filter(np.any), points=st.integers(3, 60))
    def test_exactly_so_many_within_the_bounds_clockwise_from_the_top(self, mask: np.ndarray, points: int) -> None:
        rings = rings_from_mask(mask)
        ring = with_points(rings, points)
        every = np.concatenate(rings)
        assert ring.shape == (points, 2) and ring.dtype == np.float32 and np.isfinite(ring).all()
        assert (ring >= every.min(axis=0)).all() and (ring <= every.max(axis=0)).all()
        assert tuple(ring[0][::-1]) == min((y, x) for x, y in ring.tolist())

    def test_neither_start_nor_direction_of_what_is_given_shows_and_it_runs_clockwise(self) -> None:
        for start, direction in itertools.product(range(4), (1, -1)):
            given_ring = np.roll(square(10, 20, 30), start, axis=0)[::direction]
            assert with_points(given_ring, 4).tolist() == [[10, 20], [40, 20], [40, 50], [10, 50]]
        assert all(ring_area(with_points(rings_from_mask(disc()), n)) > 0 for n in (3, 5, 12, 40))
        # Heights that are one number in float32 are one.
        assert with_points(np.array([[0, 1 + 1e-9], [11, 1], [11, 5], [0, 5]]), 4)[0].tolist() == [0, 1]

    @pytest.mark.parametrize("points", [4, 5, 8, 16])
    def test_it_encloses_a_disc_about_as_well_as_the_best_polygon(self, points: int) -> None:
        """Of all regular polygons around a circle's centre, found by trying radii, none is better by 2%."""
        big = disc(120, 300)
        rings = [with_points(rings_from_mask(big), points), *(regular(points, r, 150) for r in range(110, 190, 2))]
        found, *others = (iou(mask_from_rings((ring,), (300, 300)), big) for ring in rings)
        assert found > max(others) - 0.02

    @given(corners=st.integers(3, 12), points=st.integers(12, 40))
    def test_more_points_than_needed_leave_the_shape(self, corners: int, points: int) -> None:
        ring = regular(corners, 40, 50)
        more = with_points(ring, points)
        assert abs(ring_area(more)) == pytest.approx(abs(ring_area(ring)), rel=1e-4)

    def test_points_that_shape_nothing_lie_evenly_and_both_parts_of_an_object_are_enclosed(self) -> None:
        eight = [[0, 0], [5, 0], [10, 0], [10, 5], [10, 10], [5, 10], [0, 10], [0, 5]]
        assert with_points(square(0, 0, 10), 8).tolist() == eight
        mask = mask_from_rings((with_points([square(0, 0, 10), square(20, 0, 10)], 12),), (40, 20))
        assert mask[5, 5] and mask[5, 25] and mask.sum() == pytest.approx(200, abs=20)

    @given(mask=masks.filter(lambda mask: mask.sum() > 20), points=st.integers(3, 12))
    def test_moving_the_points_loses_nothing(self, mask: np.ndarray, points: int) -> None:
        big = np.kron(mask, np.ones((12, 12), bool))
        parts = [ring.astype(np.float64) for ring in rings_from_mask(big)]
        start = evenly(parts[0], points).astype(np.float64)
        rings = (ring.astype(np.float32) for ring in (start, polygons.fitted(start, parts)))
        before, after = (iou(mask_from_rings((ring,), size_of(big)), big) for ring in rings)
        assert after > before - 0.03  # pixels at the edge are counted otherwise

    def test_what_has_no_area_still_has_its_points_and_less_than_three_or_none_are_refused(self) -> None:
        for ring in ([[5, 5]], [[5, 5], [5, 5]], [[0, 0], [9, 0]], [[0, 0], [5, 0], [9, 0]], [[3, 3]] * 50):
            for points in (3, 16):
                found = with_points(np.array(ring, np.float32), points)
                assert found.shape == (points, 2) and np.isfinite(found).all()
        with pytest.raises(InstructionError, match="2 points"):
            with_points(square(0, 0, 10), 2)
        for nothing in ((), np.zeros((0, 2), np.float32)):
            with pytest.raises(FormatError, match="without a point"):
                with_points(nothing, 16)

    def test_real_outlines_keep_their_shape_in_16_points(self, data_root: Path) -> None:
        """The annotated outlines of COCO, against points at even steps along them, which is what VisionLLM takes."""
        folder = data_root / "vision" / "coco128"
        annotated = read_annotations([(folder / "images", folder / "instances.json")])
        ours, even = [], []
        for row in annotated.annotations[:100]:
            if row.crowd or not isinstance(row.segmentation, list) or (row.area or 0) < 400:
                continue
            rings = tuple(np.array(ring, np.float32).reshape(-1, 2) for ring in row.segmentation)
            size = (int(np.concatenate(rings).max()) + 2,) * 2
            gold = mask_from_rings(rings, size)
            ours.append(iou(mask_from_rings((with_points(rings, 16),), size), gold))
            largest = max(rings, key=lambda ring: abs(ring_area(ring)))
            even.append(iou(mask_from_rings((evenly(largest, 16),), size), gold))
        assert np.mean(ours) > 0.95 and np.mean(ours) > np.mean(even) + 0.05


def regular(points: int, radius: float, centre: float) -> np.ndarray:
    turn = np.arange(points) * (2 * math.pi / points)
    return np.stack([centre + radius * np.cos(turn), centre + radius * np.sin(turn)], axis=1).astype(np.float32)


def evenly(ring: np.ndarray, points: int) -> np.ndarray:
    closed = np.vstack([ring, ring[:1]])
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    steps = np.arange(points) / points * along[-1]
    return np.stack([np.interp(steps, along, closed[:, axis]) for axis in (0, 1)], axis=1).astype(np.float32)


class TestOutlinesFromBoxes:
    @staticmethod
    def painted(mask: np.ndarray) -> LoadedImage:
        """A textured ground with an object of another colour, both noisy."""
        noise = np.random.default_rng(0).normal(0, 12, (*mask.shape, 3))
        colours = np.where(mask[:, :, None], [190, 60, 50], [70, 110, 80])
        return load_image(np.clip(colours + noise, 0, 255).astype(np.uint8))

    @pytest.mark.parametrize("shape", ["triangle", "ring segment", "cross", "disc"])
    @pytest.mark.parametrize("side", [40, 300])
    def test_an_object_of_another_colour_is_found(self, shape: str, side: int) -> None:
        y, x = (np.mgrid[0:side, 0:side] + 0.5) / side - 0.5
        mask = {
            "triangle": (y > -0.3) & (y < 0.3) & (np.abs(x) < (y + 0.3) / 2),
            "ring segment": (np.hypot(x, y) < 0.4) & (np.hypot(x, y - 0.35) > 0.3),
            "cross": ((np.abs(x) < 0.1) | (np.abs(y) < 0.1)) & (np.maximum(np.abs(x), np.abs(y)) < 0.35),
            "disc": np.hypot(x, y) < 0.3,
        }[shape]
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], np.float32)
        found = grabcut_outlines(self.painted(mask), box)
        assert found.sources == ("grabcut",)
        assert iou(mask_from_rings(found.rings[0], size_of(mask)), mask) > 0.85

    def test_a_box_has_the_same_outline_in_it_whatever_stands_beside_it(self) -> None:
        image = self.painted(disc())
        boxes = np.array([[10, 10, 90, 90], [30, 5, 60, 60], [0, 0, 100, 100]], np.float32)
        together = grabcut_outlines(image, boxes).rings
        for position in (2, 0, 1):
            alone = grabcut_outlines(image, boxes[position : position + 1]).rings[0]
            assert all(np.array_equal(a, b) for a, b in zip(alone, together[position], strict=True))
            points, box = np.concatenate(alone), boxes[position]
            assert (points >= box[:2] - 0.01).all() and (points <= box[2:] + 0.01).all()

    def test_a_tiny_box_is_outlined_by_itself_and_says_so(self) -> None:
        found = grabcut_outlines(self.painted(disc()), np.array([[50, 50, 53, 80]], np.float32))
        assert found.sources == ("box",)
        points = found.rings[0][0]
        assert points.min(axis=0).tolist() == pytest.approx([50, 50], abs=1)
        assert points.max(axis=0).tolist() == pytest.approx([53, 80], abs=1)

    def test_any_box_has_an_outline_inside_the_image(self) -> None:
        boxes = [
            *([0, 0, 100, 100], [0, 0, 0, 0], [100, 100, 100, 100], [-50, -50, 150, 150]),
            *([99, 0, 100, 100], [0, 40, 100, 47], [200, 200, 300, 300]),
        ]
        for image in (self.painted(disc()), load_image(np.full((100, 100, 3), 90, np.uint8))):
            for rings in grabcut_outlines(image, np.array(boxes, np.float32)).rings:
                assert rings
                assert all(len(ring) >= 3 and (ring >= 0).all() and (ring <= 100).all() for ring in rings)
        assert grabcut_outlines(self.painted(disc()), np.zeros((0, 4), np.float32)).rings == ()
