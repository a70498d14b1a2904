"""The camera's motion over a made background, and what things do by themselves before a camera that moves."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.vision.video.made_tracks import RATE, going, still, tracks_of
from vision.video.events import events_of
from vision.video.tracker import STILL, CameraMotion

SIZE = (320, 240)
NOTHING = np.zeros((0, 4), np.float32)


Picture = NDArray[np.uint8]


def background() -> Picture:
    """A wide picture with much to see."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 255, (40, 60, 3)).astype(np.uint8)
    return _resized(blocks, (900, 600))


def _resized(picture: Picture, size: tuple[int, int]) -> Picture:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def view(picture: Picture, x: int, y: int) -> Picture:
    return picture[y : y + SIZE[1], x : x + SIZE[0]]


def test_a_camera_that_turns_moves_what_stands_still_the_other_way() -> None:
    picture, camera = background(), CameraMotion()
    assert camera.follow(view(picture, 100, 100), NOTHING) is STILL
    for step in range(1, 5):
        moved = camera.follow(view(picture, 100 + 6 * step, 100 - 2 * step), NOTHING)
        np.testing.assert_allclose(moved, [[1, 0, -6], [0, 1, 2]], atol=0.1)


def test_large_pictures_are_told_of_in_their_own_pixels() -> None:
    picture, camera = background(), CameraMotion()
    large = [_resized(view(picture, x, 50), (1280, 960)) for x in (100, 104)]
    camera.follow(large[0], NOTHING)
    np.testing.assert_allclose(camera.follow(large[1], NOTHING)[:, 2], np.array([-16.0, 0.0]), atol=0.5)


def test_what_moves_before_a_camera_that_stands_still_is_passed_over() -> None:
    picture, camera = background(), CameraMotion()
    other = background()[::-1]
    for step in range(4):
        pixels = view(picture, 100, 100).copy()
        x = 20 + 10 * step
        pixels[40:200, x : x + 180] = other[40:200, :180]
        moved = camera.follow(pixels, np.array([[x, 40, x + 180, 200]], np.float32))
        np.testing.assert_allclose(moved, STILL, atol=0.1)


@pytest.mark.parametrize("pixels", [np.full((240, 320, 3), 128, np.uint8), np.zeros((8, 8, 3), np.uint8)])
def test_where_nothing_can_be_seen_the_camera_is_taken_to_stand(pixels: Picture) -> None:
    camera = CameraMotion()
    for _ in range(3):
        assert camera.follow(pixels, NOTHING) is STILL
    assert camera.follow(background(), NOTHING) is STILL  # pictures of another size


def test_who_is_followed_by_the_camera_moves_and_what_stands_does_not() -> None:
    """The camera turns to the right with a walker: the walker stays in the middle, a bench moves to the left."""
    speed = 80.0
    tracks = tracks_of(("person", still(320, 240, 60, 160)), ("bench", going(600, 300, -speed, w=90)))
    camera = np.tile(STILL, (len(tracks.frames), 1, 1))
    camera[:, 0, 2] = -speed / RATE
    moving = {(event.of, event.side) for event in events_of(replace(tracks, camera=camera)) if event.kind == "moves"}
    assert moving == {(1, "right")}
    assert {(event.of, event.side) for event in events_of(tracks) if event.kind == "moves"} == {(2, "left")}
