"""Clips to try the video tab on, drawn when first wanted from photographs of packages that are installed anyway.

Videos of people and streets are large and rarely free. So a camera goes along a wall of photographs, and horses cross a
drawn meadow: things come in, stay and leave as in any video. What is seen is free to use: the portrait (US Navy) and
the astronaut (NASA) are in the public domain, the cat, the motorcycle, the cameraman and the horse are CC0.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.image.examples import icon_of, packaged
from vision.video.drawing import VideoWriter

Picture = NDArray[np.uint8]
"""Shape (height, width, 3), RGB."""

WIDTH, HEIGHT = 640, 360
RATE = 25

PHOTOGRAPHS = (
    ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    ("skimage", "data/chelsea.png"),
    ("skimage", "data/motorcycle_left.png"),
    ("skimage", "data/astronaut.png"),
    ("skimage", "data/camera.png"),
)
"""(package, file) of what hangs on the wall, from left to right."""
PHOTOGRAPH_HEIGHT, FRAME, GAP = 260, 8, 240
"""Of the photographs, of the white around them, and from one to the next, pixels."""
WALL, SHADOW = (205, 200, 190), (150, 145, 136)
ALONG_SECONDS = 14

HORSE = ("skimage", "data/horse.png")
SKY_TOP, SKY_LOW, MEADOW, INK = (250, 190, 110), (236, 120, 66), (66, 56, 44), (36, 27, 22)
HORIZON = 262
"""Where the sky ends, pixels from the top."""
HORSES = ((0.4, 4.0, 225, 328, True), (2.2, 4.0, 150, 300, True), (7.2, 3.6, 190, 316, False))
"""Of each: seconds at which it comes, seconds that it takes, its height and where its hoofs are in pixels, and whether
it goes to the right."""
MEADOW_SECONDS = 11


@dataclass(frozen=True)
class Clip:
    """A clip that can be drawn."""

    frames: int
    draw: Callable[[int], Picture]


@dataclass(frozen=True)
class VideoExample:
    """A clip with what is asked of it."""

    title: str
    clip: str
    shown: int
    instruction: str

    @property
    def icon(self) -> Any:
        """A frame of the clip as the button shows it."""
        return icon_of(Image.fromarray(CLIPS[self.clip].draw(self.shown)))


def along_a_wall(number: int) -> Picture:
    """A camera goes along a wall on which photographs hang, from an empty part to an empty part."""
    wall = _wall()
    gone = number / (ALONG_SECONDS * RATE - 1)
    # Parts of pixels too: things that jump from pixel to pixel tremble.
    centre = (WIDTH / 2 + (wall.shape[1] - WIDTH) * gone, HEIGHT / 2)
    return np.asarray(cv2.getRectSubPix(wall, (WIDTH, HEIGHT), centre), np.uint8)


def horses_at_dusk(number: int) -> Picture:
    """Two horses cross a meadow to the right, and a third to the left, black before the evening sky."""
    picture, horse = _meadow().copy(), _silhouette()
    for comes, takes, height, hoofs, to_right in HORSES:
        gone = (number / RATE - comes) / takes
        if not 0 <= gone <= 1:
            continue
        width = round(horse.shape[1] * height / horse.shape[0])
        there = cv2.resize(horse if to_right else horse[:, ::-1], (width, height), interpolation=cv2.INTER_AREA)
        x = -width + (WIDTH + width) * (gone if to_right else 1 - gone)
        y = hoofs - height - 4 * abs(np.sin(2.5 * np.pi * number / RATE))
        place = np.array([[1, 0, x], [0, 1, y]], np.float32)
        cover = np.asarray(cv2.warpAffine(there, place, (WIDTH, HEIGHT)), np.float32)[:, :, None]
        picture += (np.array(INK, np.float32) - picture) * cover
    return picture.round().astype(np.uint8)


CLIPS = {
    "along-a-wall": Clip(ALONG_SECONDS * RATE, along_a_wall),
    "horses-at-dusk": Clip(MEADOW_SECONDS * RATE, horses_at_dusk),
}

VIDEO_EXAMPLES = (
    VideoExample("Along a wall", "along-a-wall", 183, "Follow every person, cat and motorcycle"),
    VideoExample("Horses", "horses-at-dusk", 80, "How many horses cross from left to right?"),
    VideoExample("Asking when", "along-a-wall", 122, "When does the cat enter?"),
)


def available() -> tuple[VideoExample, ...]:
    """The examples, where the photographs that they are made of are there."""
    there = all(packaged(*file) is not None for file in (*PHOTOGRAPHS, HORSE))
    return VIDEO_EXAMPLES if there else ()


class ExampleClips:
    """The clips as files, each drawn when it is first wanted; they go with this process."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="skylark-clips-", ignore_cleanup_errors=True)
        self._lock = threading.Lock()

    def copied(self, name: str, folder: Path) -> Path:
        """A copy of a clip in a folder, as if a visitor had sent it."""
        with self._lock:
            path = Path(self._folder.name) / f"{name}.mp4"
            if not path.exists():
                with VideoWriter(path, (WIDTH, HEIGHT), RATE) as writer:
                    for number in range(CLIPS[name].frames):
                        writer.write(CLIPS[name].draw(number))
        return Path(shutil.copyfile(path, folder / path.name))


@cache
def _wall() -> Picture:
    photographs = [_hung(*photograph) for photograph in PHOTOGRAPHS]
    wall = np.full((HEIGHT, sum(one.shape[1] + GAP for one in photographs) + GAP + WIDTH, 3), WALL, np.uint8)
    left = WIDTH
    for photograph in photographs:
        height, width = photograph.shape[:2]
        top = (HEIGHT - height) // 2
        wall[top + 5 : top + height + 5, left + 5 : left + width + 5] = SHADOW
        wall[top : top + height, left : left + width] = photograph
        left += width + GAP
    return wall


@cache
def _meadow() -> NDArray[np.float32]:
    share = np.linspace(0, 1, HORIZON)[:, None, None]
    meadow = np.full((HEIGHT, WIDTH, 3), MEADOW, np.float32)
    meadow[:HORIZON] = np.array(SKY_TOP) * (1 - share) + np.array(SKY_LOW) * share
    return meadow


def _hung(package: str, file: str) -> Picture:
    path = packaged(package, file)
    assert path is not None
    with Image.open(path) as opened:
        photograph = opened.convert("RGB")
    width = round(photograph.width * PHOTOGRAPH_HEIGHT / photograph.height)
    small = np.array(photograph.resize((width, PHOTOGRAPH_HEIGHT), Image.Resampling.LANCZOS))
    return np.pad(small, ((FRAME, FRAME), (FRAME, FRAME), (0, 0)), constant_values=250)


@cache
def _silhouette() -> NDArray[np.float32]:
    """The horse without the white around it, shape (height, width): 1 where it is, 0 where it is not."""
    path = packaged(*HORSE)
    assert path is not None
    with Image.open(path) as opened:
        horse = (np.array(opened.convert("L")) < 128).astype(np.float32)
    rows, columns = np.flatnonzero(horse.any(axis=1)), np.flatnonzero(horse.any(axis=0))
    return np.ascontiguousarray(horse[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
