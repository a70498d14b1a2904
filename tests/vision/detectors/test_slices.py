import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.lm.calls import until
from vision import Vision
from vision.detections.boxes import Rings, iou_matrix
from vision.detections.polygons import mask_from_rings, rings_from_mask
from vision.detectors.detector import LEAST, Detector, FlipTTA, Found, Request, class_numbers, fused
from vision.detectors.slices import MOST_SLICES, Look, Merge, Part, SlicedDetector, Slicing, merged
from vision.errors import DetectorError, SlicingError
from vision.images import LoadedImage, load_image
from vision.task import Target, Task

SIDE = 100
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0)}
BOTH = Request(tuple(COLOURS), 0.0)
Size = tuple[int, int]
Rectangle = tuple[str, int, int, int, int]


class ShortSighted(Detector):
    """Finds what is of one colour, with its outline, if it is 5 pixels wide and high in an image of 100 pixels."""

    name, vocabulary, supercategories = "short-sighted", tuple(COLOURS), {"red": "warm", "green": "cold"}
    gives_polygons, default_min_score, batch_size, side = True, 0.4, 3, SIDE

    def __init__(self) -> None:
        self.batches: list[list[tuple[int, int]]] = []

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        self.batches.append([image.size for image in images])
        class_numbers(request.classes, self.vocabulary, self.name)
        return [self._one(image, request) for image in images]

    def describe(self, images: Sequence[LoadedImage]) -> list[str] | None:
        return [f"{image.width} pixels wide" for image in images]

    def _one(self, image: LoadedImage, request: Request) -> Found:
        if np.all(image.pixels == 255):
            raise DetectorError("blinded")
        rows: list[tuple[list[int], str, Rings]] = []
        for label in sorted(request.classes):
            mask = np.all(image.pixels == COLOURS[label], axis=2)
            count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
            for part in range(1, count):
                x, y, w, h = stats[part, :4].tolist()
                if min(w, h) * SIDE / max(*image.size, SIDE) >= 5:
                    rows.append(([x, y, x + w, y + h], label, rings_from_mask(parts == part)))
        rows.sort(key=lambda row: row[:2])
        return Found(
            np.array([box for box, _, _ in rows], np.float32).reshape(-1, 4),
            tuple(label for _, label, _ in rows),
            np.full(len(rows), 0.9, np.float32),
            tuple(rings for _, _, rings in rows) if request.polygons else None,
        )


def picture(size: tuple[int, int], *rectangles: Rectangle) -> LoadedImage:
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    for colour, x0, y0, x1, y1 in rectangles:
        pixels[y0:y1, x0:x1] = COLOURS[colour]
    return load_image(pixels)


def boxes(found: Found) -> list[Rectangle]:
    return sorted(
        (label, *(round(value) for value in box)) for label, box in zip(found.labels, found.xyxy.tolist(), strict=True)
    )


def look(image: LoadedImage, slicing: Slicing, request: Request = BOTH) -> Found:
    return SlicedDetector(ShortSighted(), slicing).detect([image], request)[0]


HUNDREDS = Slicing((100, 100), 0.2)


class TestHowSlicesAreSaid:
    def test_auto_or_a_size_with_the_overlap_and_the_merging(self) -> None:
        for text, size in (("auto", None), ("Auto", None), ("640x480", (640, 480)), (" 32 X 9000 ", (32, 9000))):
            assert Slicing.parse(text) == Slicing(size)
        assert Slicing.parse("64x64", overlap=0.5, merge="nmm") == Slicing((64, 64), 0.5, "nmm")

    def test_anything_else_is_refused_with_what_was_expected(self) -> None:
        texts: list[Any] = ["", "640", "640x", "x480", "640x480x3", "-5x100", "big", "1e3x5", "6.5x7", None]
        for text in texts:
            with pytest.raises(SlicingError, match="as WxH"):
                Slicing.parse(text)
        for text in ("0x100", "100x31"):
            with pytest.raises(SlicingError, match="at least 32 each"):
                Slicing.parse(text)
        overlaps: list[Any] = [-0.1, 1, 1.5, float("nan"), "much", True]
        for overlap in overlaps:
            with pytest.raises(SlicingError, match="from 0 to less than 1"):
                Slicing(None, overlap)
        others: list[Any] = ["large", 640, (640, 480)]
        for slices in others:
            with pytest.raises(SlicingError, match="expected 'auto'"):  # before anything is opened
                Vision("no such model", slices=slices)
        with pytest.raises(SlicingError, match=r"'wbf'.*\"nms\".*\"nmm\""):
            Slicing(merge="wbf")  # type: ignore[arg-type]


class TestWhereSlicesAre:
    @given(*(st.tuples(side, side) for side in (st.integers(1, 3000), st.integers(200, 900))), st.floats(0, 0.5))
    def test_they_cover_the_image_and_overlap(self, image: Size, size: Size, overlap: float) -> None:
        try:
            parts = Slicing(size, overlap).slices_of(image, None)
        except SlicingError:
            return
        if not parts:
            assert image[0] <= size[0] and image[1] <= size[1]
            return
        assert len(set(parts)) == len(parts) <= MOST_SLICES
        for axis in (0, 1):
            spans = sorted({(part[axis], part[axis + 2]) for part in parts})
            assert spans[0][0] == 0 and spans[-1][1] == image[axis]
            assert {end - start for start, end in spans} == {min(size[axis], image[axis])}
            shared = [one[1] - other[0] for one, other in pairwise(spans)]
            assert all(pixels >= overlap * size[axis] - 1 for pixels in shared)

    def test_auto_cuts_into_slices_of_about_what_the_detector_sees(self) -> None:
        for size in ((640, 640), (416, 416), (650, 1), (3, 2)):
            assert Slicing().slices_of(size, 416) == (), "it sees them nearly as they are"
        parts = Slicing().slices_of((1920, 1080), 416)
        assert {(right - left, bottom - top) for left, top, right, bottom in parts} == {(520, 520)}
        assert len(parts) == 15
        strip = Slicing().slices_of((1764, 430), 416)
        assert [(top, bottom) for _, top, _, bottom in strip] == [(0, 430)] * 4
        assert Slicing().slices_of((1000, 700), None) == () and len(Slicing().slices_of((3000, 700), None)) == 5
        assert 0.7 * MOST_SLICES < len(Slicing().slices_of((30_000, 2_000), 100)) <= MOST_SLICES

    def test_slices_that_fill_the_image_are_no_more_than_that_and_too_many_are_refused(self) -> None:
        with pytest.raises(SlicingError, match=r"1,764 slices of 240 x 240, .* limit is 400: .* 522x522"):
            Slicing((240, 240)).slices_of((8000, 8000), 416)
        assert len(Slicing((100, 100), 0.2).slices_of((180, 260), None)) == 2 * 3
        parts: tuple[Part, ...] = Slicing((100, 100), 0.0).slices_of((200, 200), None)
        assert parts == ((0, 0, 100, 100), (100, 0, 200, 100), (0, 100, 100, 200), (100, 100, 200, 200))


class TestWhatIsFound:
    def test_small_things_are_found_where_they_are(self) -> None:
        small = [("green", 871, 303, 880, 312), ("red", 4, 5, 12, 14), ("red", 640, 200, 650, 207)]
        image = picture((1000, 400), *small)
        assert boxes(ShortSighted().detect([image], BOTH)[0]) == []
        assert boxes(look(image, Slicing())) == small

    @pytest.mark.parametrize("merge", ["nms", "nmm"])
    def test_what_lies_on_a_seam_is_found_once_and_whole_and_two_side_by_side_stay_two(self, merge: Merge) -> None:
        for x in range(60, 105, 3):
            image = picture((340, 90), ("red", x, 30, x + 18, 45))
            assert boxes(look(image, Slicing((100, 90), 0.2, merge, full_view=False))) == [("red", x, 30, x + 18, 45)]
        pair = [("red", 60, 30, 84, 44), ("red", 86, 30, 110, 44)]
        assert boxes(look(picture((340, 90), *pair), Slicing((100, 90), 0.3, merge))) == pair

    def test_what_is_larger_than_a_slice_comes_from_the_full_view_with_outlines(self) -> None:
        image = picture((400, 300), ("green", 40, 20, 330, 250), ("red", 350, 260, 358, 268))
        found = look(image, HUNDREDS, replace(BOTH, polygons=True))
        assert boxes(found) == [("green", 40, 20, 330, 250), ("red", 350, 260, 358, 268)]
        assert found.polygons is not None
        for label, rings in zip(found.labels, found.polygons, strict=True):
            seen = np.all(image.pixels == COLOURS[label], axis=2)
            assert np.array_equal(mask_from_rings(rings, image.size), seen)

    def test_without_it_merging_puts_its_pieces_together(self) -> None:
        image = picture((400, 300), ("green", 40, 20, 330, 250))
        found = look(image, Slicing((100, 100), 0.2, "nmm", full_view=False), Request(("green",), 0.0, polygons=True))
        assert boxes(found) == [("green", 40, 20, 330, 250)]
        assert found.polygons is not None
        whole = np.all(image.pixels == COLOURS["green"], axis=2)
        assert np.array_equal(mask_from_rings(found.polygons[0], image.size), whole)
        assert len(look(image, Slicing((100, 100), 0.2, "nms", full_view=False)).labels) > 1

    def test_a_sure_piece_is_not_given_up_for_a_guess_nor_stretched_by_it(self) -> None:
        def found(part: Part, box: list[int], guess: float, merge: Merge) -> list[Rectangle]:
            piece = Look((0, 0, 100, 90), seen([60, 20, 100, 50], 0.8))
            return boxes(merged([piece, Look(part, seen(box, guess))], (180, 90), merge))

        whole: tuple[Part, list[int]] = (0, 0, 180, 90), [58, 18, 150, 52]
        assert found(*whole, 0.7, "nms") == [("red", 58, 18, 150, 52)]
        assert found(*whole, 0.1, "nms") == [("red", 58, 18, 150, 52), ("red", 60, 20, 100, 50)]
        right: tuple[Part, list[int]] = (80, 0, 180, 90), [0, 20, 50, 50]
        assert found(*right, 0.5, "nmm") == [("red", 60, 20, 130, 50)]
        assert found(*right, 0.1, "nmm") == [("red", 60, 20, 100, 50), ("red", 80, 20, 130, 50)]

    def test_without_scores_what_is_whole_comes_before_pieces_and_classes_do_not_drop_each_other(self) -> None:
        box = np.array([[10, 10, 40, 40]], np.float32)
        one = Look((0, 0, 90, 90), Found(box, ("red",), np.array([0.9], np.float32)))
        other = Look((0, 0, 60, 90), Found(box, ("green",), np.array([0.5], np.float32)))
        assert merged([one, other], (90, 90), "nms").labels == ("red", "green")
        whole, piece = seen([10, 20, 100, 50], None), seen([0, 20, 60, 50], None)
        found = merged([Look((0, 0, 180, 90), whole), Look((40, 0, 140, 90), piece)], (180, 90), "nms")
        assert boxes(found) == [("red", 10, 20, 100, 50)] and found.scores is None

    def test_the_order_of_the_looks_changes_nothing(self) -> None:
        rng = np.random.default_rng(0)
        looks = []
        for left in (0, 80, 160):
            corners = rng.integers(0, 80, (40, 2))
            xyxy = np.concatenate([corners, np.minimum(corners + rng.integers(5, 60, (40, 2)), 100)], axis=1)
            labels = tuple(rng.choice(["red", "green"], 40).tolist())
            found = Found(xyxy.astype(np.float32), labels, rng.random(40, np.float32))
            looks.append(Look((left, 0, left + 100, 100), found))
        for merge in ("nms", "nmm"):
            one, other = (merged(order, (260, 100), merge) for order in (looks, looks[::-1]))
            assert one.labels == other.labels and np.array_equal(one.xyxy, other.xyxy)
            assert one.scores is not None and np.all(np.diff(one.scores) <= 0)

    def test_thousands_of_boxes_are_merged_as_one_by_one(self) -> None:
        """Of boxes that nothing cuts, those stay that plain suppression keeps."""
        rng = np.random.default_rng(1)
        corners = rng.integers(5, 900, (2000, 2)).astype(np.float32)
        xyxy = np.concatenate([corners, corners + rng.integers(5, 60, (2000, 2))], axis=1).astype(np.float32)
        scores = rng.random(2000, np.float32)
        found = merged([Look((0, 0, 1000, 1000), Found(xyxy, ("red",) * 2000, scores))], (1000, 1000), "nms")
        kept: list[int] = []
        for place in np.argsort(-scores).tolist():
            if np.all(iou_matrix(xyxy[[place]], xyxy[kept]) <= 0.5):
                kept.append(place)
        assert np.array_equal(found.xyxy, xyxy[kept])


def seen(box: list[int], score: float | None) -> Found:
    return Found(np.array([box], np.float32), ("red",), None if score is None else np.array([score], np.float32))


class TestHowItLooks:
    def test_it_says_into_what_it_cut_and_nothing_where_it_looks_as_ever(self) -> None:
        image, said = picture((400, 260)), "The image was looked at in 15 parts of 100 x 100 pixels"
        assert look(image, HUNDREDS).notes == (f"{said} and as a whole.",)
        assert look(image, Slicing((100, 100), full_view=False)).notes == (f"{said}.",)
        image, plain = picture((150, 90), ("red", 10, 10, 40, 30)), ShortSighted()
        found, expected = look(image, Slicing()), plain.detect([image], BOTH)[0]
        assert boxes(found) == boxes(expected) and found.notes == ()

    def test_slices_of_all_images_go_in_full_batches(self) -> None:
        inner = ShortSighted()
        images = [picture((180, 100), ("red", x, 20, x + 20, 40)) for x in (5, 70, 110, 130)]
        found = list(SlicedDetector(inner, HUNDREDS).detect_each([*images, picture((50, 50))], BOTH))
        assert [len(batch) for batch in inner.batches] == [3, 3, 3, 3, 1]
        cut = [(180, 100), (100, 100), (100, 100)]
        assert [size for batch in inner.batches for size in batch] == [*cut * 4, (50, 50)]
        rows = [[("red", x, 20, x + 20, 40)] for x in (5, 70, 110, 130)]
        assert [boxes(one) for one in found if isinstance(one, Found)] == [*rows, []]

    def test_images_are_taken_as_their_turn_comes(self) -> None:
        images = iter([picture((180, 100))] * 20)
        next(iter(SlicedDetector(ShortSighted(), HUNDREDS).detect_each(images, BOTH)))
        assert len([*images]) > 16

    def test_it_is_what_the_detector_is(self) -> None:
        inner = ShortSighted()
        detector = SlicedDetector(inner, Slicing())
        for name in [
            "name",
            "vocabulary",
            "supercategories",
            "default_min_score",
            "gives_polygons",
            "gives_scores",
            "batch_size",
        ]:
            assert getattr(detector, name) == getattr(inner, name)
        assert detector.side is None, "how an image is seen depends on the image"
        assert detector.describe([picture((400, 300))]) == ["400 pixels wide"]

    def test_an_image_with_too_many_slices_is_an_error_and_the_rest_go_on(self) -> None:
        detector = SlicedDetector(ShortSighted(), Slicing((32, 32)))
        images = [picture((900, 900)), picture((60, 40), ("red", 2, 2, 22, 22)), picture((900, 900))]
        results = list(detector.detect_each(images, BOTH))
        assert [type(result) for result in results] == [SlicingError, Found, SlicingError]
        with pytest.raises(SlicingError, match="the limit is 400"):
            detector.detect(images, BOTH)

    def test_a_slice_that_fails_fails_its_image_alone(self) -> None:
        blinding = np.zeros((100, 180, 3), np.uint8)
        blinding[:, 80:] = 255
        good = picture((180, 100), ("red", 120, 20, 140, 40))
        results = list(SlicedDetector(ShortSighted(), HUNDREDS).detect_each([good, load_image(blinding), good], BOTH))
        assert [type(result) for result in results] == [Found, DetectorError, Found]

    def test_it_stops_where_nobody_waits_any_more(self) -> None:
        gone, inner = threading.Event(), ShortSighted()
        gone.set()
        with pytest.raises(DetectorError, match="nobody waits"):
            until(gone).run(SlicedDetector(inner, HUNDREDS).detect, [picture((900, 900))], BOTH)
        assert sum(map(len, inner.batches)) <= 1


class TestVision:
    def test_it_finds_in_slices_and_says_so(self) -> None:
        image = picture((1000, 400), ("red", 640, 200, 650, 207)).pixels
        task = Task(targets=(Target("red", ("red",)),))
        plain = Vision(ShortSighted()).detect(image, task)
        assert len(plain) == 0 and "slices" in plain.notes[-1]
        for slices in ("100x100", Slicing((100, 100))):
            found = Vision(ShortSighted(), slices=slices).detect(image, task)
            assert found.xyxy.tolist() == [[640, 200, 650, 207]]
            assert any("parts of 100 x 100 pixels" in note for note in found.notes)
        assert not any("too small" in n for n in Vision(ShortSighted(), slices="auto").detect(image, task).notes)


def look_of(*boxes: tuple[str, float, tuple[float, float, float, float]]) -> Found:
    return Found(
        np.array([box for *_, box in boxes], np.float32).reshape(-1, 4),
        tuple(name for name, *_ in boxes),
        np.array([score for _, score, _ in boxes], np.float32),
    )


def scores(look: Found) -> list[float]:
    assert look.scores is not None
    return [float(score) for score in look.scores]


class OneSided(Detector):
    """Finds one dog at a place of the image as it is looked at, the surer the brighter the picture's left edge is."""

    name, vocabulary = "one-sided", ("dog",)

    def __init__(self) -> None:
        self.asked: list[float] = []

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        self.asked.append(request.min_score)
        return [look_of(("dog", float(image.pixels[0, 0, 0]) / 250, (10, 20, 30, 40))) for image in images]


def edges(left: int, right: int) -> LoadedImage:
    pixels = np.zeros((50, 100, 3), np.uint8)
    pixels[:, 0], pixels[:, -1] = left, right
    return load_image(pixels)


def test_two_boxes_become_their_weighted_mean_and_what_one_look_alone_has_keeps_half_of_its_score() -> None:
    both = fused(look_of(("dog", 0.6, (0, 0, 100, 100))), look_of(("dog", 0.2, (20, 0, 100, 100))), 0.1)
    assert both.labels == ("dog",)
    np.testing.assert_allclose(both.xyxy, [[5, 0, 100, 100]], atol=1e-4)
    assert scores(both) == pytest.approx([0.4])
    one = look_of(("dog", 0.9, (0, 0, 10, 10)), ("cat", 0.8, (50, 0, 60, 10)))
    both = fused(one, look_of(("dog", 0.4, (50, 0, 60, 10))), 0.3)
    assert both.labels == ("dog", "cat"), "a dog is no cat, wherever it is"
    assert scores(both) == pytest.approx([0.45, 0.4])


rectangles = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(1, 40), st.integers(1, 40)).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
)
looks = st.lists(st.tuples(st.sampled_from("ab"), st.floats(0.05, 1), rectangles), max_size=6).map(
    lambda boxes: look_of(*boxes)
)


@given(looks, looks)
def test_nothing_is_lost_and_the_looks_may_change_places(one: Found, other: Found) -> None:
    both, turned = fused(one, other, 0.0), fused(other, one, 0.0)
    assert sum(scores(both)) == pytest.approx((sum(scores(one)) + sum(scores(other))) / 2, abs=1e-5)
    assert max(len(one.labels), len(other.labels)) <= len(both.labels) <= len(one.labels) + len(other.labels)
    assert scores(both) == sorted(scores(both), reverse=True)
    assert sorted(both.labels) == sorted(turned.labels)


def test_a_mirror_images_boxes_are_turned_back_and_both_looks_are_asked_for_what_lowers_a_mean() -> None:
    # In the image at 10 to 30; of its mirror image at 10 to 30 from the right.
    (alone,) = FlipTTA(OneSided()).detect([edges(200, 100)], Request(("dog",), 0.1))
    assert alone.xyxy.tolist() == [[10, 20, 30, 40], [70, 20, 90, 40]]
    assert scores(alone) == pytest.approx([0.4, 0.2])
    inner = OneSided()
    for bound in (0.5, 0.01):
        FlipTTA(inner).detect([edges(200, 100)], Request(("dog",), bound))
    assert inner.asked == [LEAST, 0.01]


def test_an_error_of_either_look_is_the_images_alone_and_a_detector_without_scores_is_refused() -> None:
    class Blinded(OneSided):
        def detect_each(self, images: Iterable[LoadedImage], request: Request):  # type: ignore[no-untyped-def]
            for image in images:
                blind = image.pixels[0, 0, 0] == 255
                yield DetectorError("blinded") if blind else self.detect([image], request)[0]

    images = [edges(200, 100), edges(255, 100), edges(100, 255), edges(200, 100)]
    results = list(FlipTTA(Blinded()).detect_each(images, Request(("dog",), 0.1)))
    assert [type(result) for result in results] == [Found, DetectorError, DetectorError, Found]
    unsure = OneSided()
    unsure.gives_scores = False
    with pytest.raises(DetectorError, match="one-sided gives no scores"):
        FlipTTA(unsure)


def test_outlines_are_turned_too_and_those_of_the_surer_look_stay() -> None:
    image, request = picture((100, 60), ("red", 10, 20, 40, 50)), replace(BOTH, polygons=True)
    (plain,) = ShortSighted().detect([image], request)
    (twice,) = FlipTTA(ShortSighted()).detect([image], request)
    assert twice.labels == plain.labels and twice.xyxy.tolist() == plain.xyxy.tolist()
    assert plain.polygons is not None and twice.polygons is not None
    for ring, other in zip(plain.polygons[0], twice.polygons[0], strict=True):
        np.testing.assert_allclose(sorted(ring.tolist()), sorted(other.tolist()), atol=1.0)


def test_vision_looks_twice_whole_and_in_slices_and_says_so_of_itself() -> None:
    image = picture((1000, 400), ("red", 640, 200, 650, 207)).pixels
    task = Task(targets=(Target("red", ("red",)),))
    sliced = Vision(ShortSighted(), slices=HUNDREDS, mirrored=True)
    assert sliced.mirrored and sliced.detect(image, task).xyxy.tolist() == [[640, 200, 650, 207]]
    for vision, mirrored in ((Vision(ShortSighted()), False), (Vision(ShortSighted(), mirrored=True), True)):
        assert vision.mirrored is vision.deciding()["mirrored"] is mirrored
    assert Vision(SlicedDetector(FlipTTA(ShortSighted()), HUNDREDS)).mirrored
