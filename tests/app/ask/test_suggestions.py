"""Questions that are offered are made of what is there, and those about a graph have been answered."""

from __future__ import annotations

import numpy as np

from app.ask.desk import about_picture
from vision import Detections, Scene
from vision.images import load_image


def scene(*things: tuple[str, tuple[float, ...], float]) -> Scene:
    names, boxes, scores = zip(*things, strict=True) if things else ((), (), ())
    found = Detections((640, 480), np.array(boxes, np.float32).reshape(-1, 4), names, np.array(scores, np.float32))
    return Scene.from_detections(found, load_image(np.zeros((480, 640, 3), np.uint8)))


def test_the_most_prominent_things_are_asked_about_by_place() -> None:
    car, person = ("car", (10, 150, 290, 360), 0.5), ("person", (300, 130, 410, 380), 0.8)
    bench = ("bench", (600, 210, 638, 250), 0.52)
    place, finding, describing = about_picture(scene(person, bench, car))
    assert place in ("the car left of the person", "the person right of the car")
    assert finding.startswith("Find every ")
    assert describing == "What is in this picture?"


def test_several_of_a_kind_are_counted_and_none_is_told_by_place() -> None:
    people = [("person", (100.0 * at, 100.0, 100.0 * at + 60, 300.0), 0.9) for at in range(3)]
    assert about_picture(scene(*people)) == ("How many people are there?", "What is in this picture?")


def test_nothing_is_offered_about_an_empty_picture() -> None:
    assert about_picture(scene()) == ()
