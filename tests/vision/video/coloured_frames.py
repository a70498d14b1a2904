"""A video of coloured rectangles as a folder of frames, in which a cat walks behind something and a car drives in."""

from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np

from tests.vision.coloured_pictures import Object, picture
from vision.images import LoadedImage
from vision.video.tracks import Frame

SIZE = (96, 64)
COUNT = 14
HIDDEN, DRIVES_IN = (6, 7), 5
"""Frames in which the cat is not seen, as it passes the middle, and the one in which the car is there first."""


def objects(frame: int) -> list[Object]:
    """What is in a frame: a cat that walks to the right, a dog that lies still, a car from the right."""
    there: list[Object] = [("dog", (70, 40, 20, 20))]
    if frame not in HIDDEN:
        there.append(("cat", (4 + 5 * frame, 4, 20, 20)))
    if frame >= DRIVES_IN:
        there.append(("car", (70 - 6 * (frame - DRIVES_IN), 28, 24, 10)))
    return there


def frames(folder: Path, count: int = COUNT) -> Path:
    """Write the frames."""
    folder.mkdir(parents=True)
    for frame in range(count):
        picture(objects(frame), SIZE).save(folder / f"{frame + 1:06}.png")
    return folder


class MadeSource:
    """The objects of each frame, drawn as the frames are asked for, with or without an end."""

    name, size, rate = "made", SIZE, 10.0
    count: int | None = None

    def __init__(self, objects: Sequence[Sequence[Object]], live: bool = False) -> None:
        self.objects, self.live, self.notes = objects, live, list[str]()
        self.closed = False

    def frames(self) -> Generator[Frame]:
        for index, there in enumerate(self.objects):
            yield Frame(index, index / self.rate, LoadedImage(np.asarray(picture(there, SIZE))))

    def close(self) -> None:
        self.closed = True
