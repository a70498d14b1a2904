"""What a notebook shows of detections, and what leaves them as pictures, cut-outs and frames."""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from skylark.errors import MissingPackageError
from vision.detections.detections import Detections
from vision.errors import DetectionsError, ImageError

SIZE = (60, 40)
BOXES = [[10, 5, 30, 25], [40, 0, 60, 40]]


def picture() -> np.ndarray[Any, np.dtype[np.uint8]]:
    pixels = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    pixels[5:25, 10:30] = (255, 0, 0)
    return pixels


def made(size: tuple[int, int], boxes: Any, names: Sequence[str], **changes: Any) -> Detections:
    return Detections(size, np.array(boxes, np.float32).reshape(-1, 4), tuple(names), **changes)


def found(**changes: Any) -> Detections:
    given: dict[str, Any] = {"source": picture(), "scores": [0.9, 0.5], "names": ("dog", "cat")}
    return made(SIZE, BOXES, **{**given, **changes})


def test_the_short_form_counts_the_classes_and_stays_short() -> None:
    assert repr(found()) == "Detections(image_size=(60, 40), objects={'dog': 1, 'cat': 1})"
    assert repr(found(value=2)).endswith(", value=2)")
    many = made((9, 9), [[0, 0, 1, 1]] * 30, [f"class {number}" for number in range(30)])
    assert repr(many).endswith("} and 25 more classes)") and len(repr(many)) < 150


def shown(detections: Detections) -> ElementTree.Element:
    # HTML leaves the picture's tag open, XML does not.
    return ElementTree.fromstring(detections._repr_html_().replace('100%">', '100%"/>'))


def test_html_has_the_picture_made_smaller_and_the_objects() -> None:
    html = shown(found())
    rows = [[cell.text for cell in row] for row in html.findall("./table/tbody/tr")]
    assert rows == [["dog", "0.90", "10", "5", "30", "25"], ["cat", "0.50", "40", "0", "60", "40"]]
    image = html.find("img")
    assert image is not None
    kind, _, data = image.attrib["src"].partition(";base64,")
    assert kind == "data:image/jpeg" and Image.open(io.BytesIO(base64.b64decode(data))).size == found().draw().size
    large = made((3000, 1000), [[0, 0, 900, 900]], ("dog",), source=np.zeros((1000, 3000, 3), np.uint8))
    png = large._repr_png_()
    assert png is not None and max(Image.open(io.BytesIO(png)).size) == 640
    for source in (None, "/nowhere/street.jpg"):
        lone = found(source=source)
        assert shown(lone).find("img") is None and shown(lone).find("table") is not None and lone._repr_png_() is None


def test_a_value_and_notes_are_told_and_of_many_objects_the_first() -> None:
    texts = [*shown(found(value=True, notes=("One thing.",))).itertext()]
    assert texts[0] == "yes" and "One thing." in texts
    many = made((9, 9), [[0, 0, 1, 1]] * 30, ["dog"] * 30)
    assert len(shown(many).findall("./table/tbody/tr")) == 20 and "and 10 more" in many._repr_html_()
    assert "No objects." in made((9, 9), [], ())._repr_html_()
    hostile = "<script>alert(1)</script>"
    html = found(names=(hostile, "cat"), notes=(hostile,))._repr_html_()
    assert "<script" not in html and hostile in [*shown(found(names=(hostile, "cat"))).itertext()]


def test_show_and_save_give_what_draw_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures: list[Image.Image] = []
    monkeypatch.setattr(Image.Image, "show", lambda picture: pictures.append(picture))
    found().show()
    assert np.array_equal(np.asarray(pictures[0]), np.asarray(found().draw()))
    for name, message in (("found.json", "to_json"), ("found", "names no form"), ("no/x.png", "No such file")):
        with pytest.raises(DetectionsError, match=message):
            found().save(tmp_path / name)
    assert not [*tmp_path.iterdir()]
    for name in ("found.png", "found.jpg", "found.webp"):
        found().save(tmp_path / name)
        assert Image.open(tmp_path / name).size == found().draw().size


def test_crops_are_the_pixels_of_the_boxes_with_a_margin_where_the_image_has_it() -> None:
    first, second = found().crops()
    assert (first.size, second.size) == ((20, 20), (20, 40))
    assert np.asarray(first).reshape(-1, 3).tolist() == [[255, 0, 0]] * 400
    first, second = found().crops(margin=0.5)
    assert (first.size, second.size) == ((40, 35), (30, 40))
    flat = made(SIZE, [[60, 40, 60, 40]], ("dog",))
    assert [crop.size for crop in flat.crops(picture())] == [(1, 1)]
    with pytest.raises(DetectionsError, match="don't know their image"):
        found(source=None).crops()
    with pytest.raises(DetectionsError, match="the margin is -1"):
        found().crops(margin=-1)
    with pytest.raises(ImageError, match="is not there"):
        found(source="/nowhere/street.jpg").crops()


def test_a_frame_has_an_object_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = found(model_classes=("dog", "tabby"), track_ids=[4, 7]).to_pandas()
    assert frame.drop(columns="score").to_dict("records") == [
        {"class_name": "dog", "model_class": "dog", "x1": 10, "y1": 5, "x2": 30, "y2": 25, "track_id": 4},
        {"class_name": "cat", "model_class": "tabby", "x1": 40, "y1": 0, "x2": 60, "y2": 40, "track_id": 7},
    ]
    assert frame.score.tolist() == pytest.approx([0.9, 0.5])
    columns = ["class_name", "model_class", "score", "x1", "y1", "x2", "y2"]
    assert list(found(scores=None).to_pandas().columns) == list(made(SIZE, [], ()).to_pandas().columns) == columns
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingPackageError, match="pandas"):
        found().to_pandas()
