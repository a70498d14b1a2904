"""What is drawn on frames: boxes in the colour of their id, the way they came, lines and zones with counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from vision.detections.detections import Detections
from vision.detections.drawing import Colour
from vision.errors import ArgumentError
from vision.images import load_image
from vision.video.counting import Line, Zone
from vision.video.drawing import PLACES, TRACE, Annotator, track_colour
from vision.video.tracks import Frame, TrackedFrame

SIZE = (320, 240)
GREY = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)

Box = tuple[float, float, float, float]


def tracked(index: int, boxes: Sequence[Box], ids: Sequence[int], time: float | None = None) -> TrackedFrame:
    found = Detections(
        SIZE, np.array(boxes, np.float32).reshape(-1, 4), ("car",) * len(boxes), np.full(len(boxes), 0.9, np.float32),
        track_ids=np.array(ids, np.int64),
    )  # fmt: skip
    return TrackedFrame(Frame(index, index / 10 if time is None else time, load_image(GREY)), found)


def has(pixels: NDArray[np.uint8], colour: Colour) -> NDArray[np.bool_]:
    """Which pixels are all but of a colour."""
    return np.asarray(np.abs(pixels.astype(int) - colour).max(axis=2) < 12)


def test_the_frame_itself_is_not_drawn_on() -> None:
    frame = tracked(0, [(40, 40, 120, 120)], [1])
    drawn = Annotator(SIZE).draw(frame)
    assert (frame.frame.image.pixels == 128).all()
    assert drawn.shape == GREY.shape and drawn.dtype == np.uint8 and drawn.flags.writeable


def test_a_box_has_the_colour_of_its_id_in_every_frame() -> None:
    annotator = Annotator(SIZE)
    for index in range(3):
        pixels = annotator.draw(tracked(index, [(40, 40, 120, 120), (200, 100, 280, 200)], [3, 8]))
        assert has(pixels, track_colour(3))[80, 38:43].any()
        assert has(pixels, track_colour(8))[150, 198:203].any()
        assert not has(pixels, track_colour(8))[80, 38:43].any()


def test_ids_that_follow_each_other_differ_in_colour() -> None:
    assert len({track_colour(track_id) for track_id in range(1, 17)}) == 16
    assert track_colour(100_000) in {track_colour(track_id) for track_id in range(1, 17)}


def test_a_label_stands_at_each_box() -> None:
    pixels = Annotator(SIZE).draw(tracked(0, [(100, 100, 200, 200)], [1]))
    assert has(pixels, track_colour(1))[85:97, 100:130].mean() > 0.3


def test_the_way_of_the_last_moments_is_drawn_and_forgotten() -> None:
    annotator = Annotator(SIZE)
    colour = track_colour(1)
    for index in range(6):
        pixels = annotator.draw(tracked(index, [(10 + 40 * index, 100, 50 + 40 * index, 140)], [1]))
    middle = has(pixels, colour)[119:122]
    assert middle[:, 40:200].any(axis=0).all()
    later = annotator.draw(tracked(6, [(210, 100, 250, 140)], [1], time=0.5 + TRACE + 0.1))
    assert not has(later, colour)[119:122, 40:200].any()


def test_things_that_are_gone_take_no_memory() -> None:
    annotator = Annotator(SIZE)
    for index in range(300):
        annotator.draw(tracked(index, [(100, 100, 140, 140)], [index + 1]))
    assert len(annotator._ways) <= TRACE * 10 + 1


def test_lines_and_zones_are_drawn_with_their_counts() -> None:
    line, zone = Line("gate", (160, 20), (160, 220)), Zone("yard", ((20, 20), (120, 20), (120, 120), (20, 120)))
    empty = tracked(0, [], [])
    plain = Annotator(SIZE, [line], [zone]).draw(empty)
    assert has(plain, PLACES)[60:200, 158:163].any(axis=1).all()
    assert has(plain, PLACES)[118:123, 30:110].any(axis=0).all()
    counted = Annotator(SIZE, [line], [zone]).draw(empty, {"gate": 3})
    changed = (plain != counted).any(axis=2)
    assert changed[10:40, 130:200].any()
    assert not changed[:, :100].any()
    other = Annotator(SIZE, [line], [zone]).draw(empty, {"gate": 4})
    assert (other != counted).any()


def test_lines_may_be_given_in_shares_of_the_picture_and_not_outside_it() -> None:
    pixels = Annotator(SIZE, [Line("gate", (0.5, 0.1), (0.5, 0.9))]).draw(tracked(0, [], []))
    assert has(pixels, PLACES)[60:200, 158:163].any(axis=1).all()
    with pytest.raises(ArgumentError, match="outside the picture"):
        Annotator(SIZE, [Line("gate", (400, 0), (400, 100))])


def test_labels_stay_inside_the_picture() -> None:
    zone = Zone("a zone with a long name", ((300, 220), (320, 220), (320, 240)))
    pixels = Annotator(SIZE, [Line("top", (0, 0), (10, 0))], [zone]).draw(
        tracked(0, [(300, 0, 320, 20)], [1]), {"top": 12345}
    )
    assert has(pixels, PLACES)[225:240, 200:].any()
    assert has(pixels, PLACES)[:12, :30].any()
