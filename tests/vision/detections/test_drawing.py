# Detections takes plain lists too, and makes arrays of them.
# mypy: disable-error-code="arg-type"

import base64
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from skylark.errors import MissingPackageError
from vision.detections.detections import Detections
from vision.detections.drawing import PALETTE, RIM, class_colours, draw, letters_on, place_labels
from vision.errors import DetectionsError, ImageError

WIDTH, HEIGHT = 640, 480


def ground(value: int = 128, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def found(*boxes: tuple[float, ...], names: tuple[str, ...] = (), **more: object) -> Detections:
    names = names or ("dog",) * len(boxes)
    return Detections((WIDTH, HEIGHT), np.array(boxes, np.float32).reshape(-1, 4), names, **more)


def drawn(detections: Detections, image: np.ndarray) -> np.ndarray:
    return np.asarray(draw(detections, image))


class TestPicture:
    def test_it_is_rgb_of_the_images_size_with_lines_of_a_colour_and_a_rim(self) -> None:
        image = ground()
        picture = draw(found((100, 100, 200, 200)), image)
        assert (picture.mode, picture.size) == ("RGB", (WIDTH, HEIGHT))
        assert np.array_equal(image, ground()) and np.array_equal(drawn(found(), image), image)
        for value in (0, 128, 255):
            row = drawn(found((100, 200, 300, 400)), ground(value))[300, 90:110].tolist()
            assert list(class_colours(["dog"])["dog"]) in row and list(RIM) in row

    def test_a_box_is_drawn_where_its_coordinates_say_and_nothing_elsewhere(self) -> None:
        pixels = drawn(found((100, 200, 300, 400), scores=[0.9]), ground())
        changed = (pixels != 128).any(axis=2)
        assert not (changed[210:390, 110:290].any() or changed[:, 320:].any() or changed[:150].any())
        pixels = drawn(found((100, 200, 300, 400)), ground())
        changed = np.flatnonzero((pixels[300] != 128).any(axis=1))
        left, right = changed[changed < 200], changed[changed > 200]
        assert left.min() <= 100 <= left.max()
        assert right.min() <= 299 <= right.max()
        assert (left.min() + left.max()) + (right.min() + right.max()) == pytest.approx(2 * 399, abs=2)

    def test_outlines_are_filled_in_all_their_parts_so_that_the_picture_shows_through(self) -> None:
        square = np.array([[0, 0], [80, 0], [80, 80], [0, 80]], np.float32)
        rings = [square + 100, square + 300]
        pixels = drawn(found((100, 100, 380, 380), polygons=[rings], polygon_source="model"), ground())
        assert pixels[140, 140].tolist() == pixels[340, 340].tolist() != [128] * 3
        assert pixels[250, 250].tolist() == [128] * 3
        assert pixels[140, 140].tolist() != list(class_colours(["dog"])["dog"])

    @pytest.mark.parametrize(("width", "height"), [(50, 40), (1, 1), (1, 900), (900, 1), (4000, 3000)])
    def test_a_small_image_is_enlarged_by_a_whole_factor(self, width: int, height: int) -> None:
        detections = Detections((width, height), [[0, 0, width, height]], ("dog",), [0.5])
        picture = draw(detections, ground(128, width, height))
        assert picture.width % width == picture.height % height == 0
        assert (width, height) != (50, 40) or picture.size == (500, 400)

    def test_lines_are_wider_on_larger_images_and_scores_and_tracks_are_written(self) -> None:
        widths = []
        for factor in (1, 6):
            width, height = WIDTH * factor, HEIGHT * factor
            box = [width * 0.25, height * 0.25, width * 0.75, height * 0.75]
            pixels = drawn(Detections((width, height), [box], ("dog",)), ground(128, width, height))
            widths.append(int((pixels[height // 2, : width // 2] != 128).any(axis=1).sum()))
        assert widths[1] > 3 * widths[0]
        plain = drawn(found((100, 100, 400, 400)), ground())
        for more in ({"scores": [0.5]}, {"track_ids": [7]}):
            assert not np.array_equal(plain, drawn(found((100, 100, 400, 400), **more), ground()))
        for name in ("собака", "犬", "كلب", "a\nb\tc", "x" * 500, " ", "🐶", "a\u202eb"):
            draw(found((100, 100, 200, 200), names=(name,), scores=[0.5]), ground())


def test_the_image_is_the_source_where_none_is_given_and_another_size_is_refused(tmp_path: Path) -> None:
    Image.fromarray(ground(77)).save(tmp_path / "a.png")
    picture = draw(found((100, 100, 200, 200), source=tmp_path / "a.png"))
    assert picture.getpixel((600, 400)) == (77, 77, 77)
    with pytest.raises(DetectionsError, match=r"draw\(image\)"):
        draw(found((100, 100, 200, 200)))
    with pytest.raises(DetectionsError, match=r"320 x 240 pixels.*640 x 480"):
        draw(found((100, 100, 200, 200)), ground(0, 320, 240))


class TestColours:
    def test_a_class_has_its_colour_by_its_name_and_classes_differ_while_there_are_colours(self) -> None:
        alone = class_colours(["dog"])["dog"]
        assert class_colours(["cat", "dog", "zebra"])["dog"] == class_colours(["zebra", "dog", "cat"])["dog"] == alone
        names = [f"class {number}" for number in range(300)]
        assert len(set(class_colours(names[: len(PALETTE)]).values())) == len(PALETTE)
        assert len(class_colours(names)) == 300

    def test_letters_can_be_read(self) -> None:
        def luminance(rgb: tuple[int, int, int]) -> float:
            parts = np.array(rgb) / 255
            linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
            return float(linear @ [0.2126, 0.7152, 0.0722])

        for colour in PALETTE:
            low, high = sorted([luminance(colour), luminance(letters_on(colour))])
            assert (high + 0.05) / (low + 0.05) >= 4.5, colour  # WCAG 2.2, level AA


sides = st.integers(1, 60)
boxes = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 200), sides, sides).map(
        lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
    ),
    min_size=1,
    max_size=60,
)


class TestLabels:
    @given(boxes=boxes, size=st.tuples(st.integers(5, 80), st.integers(5, 20)))
    def test_none_leaves_the_picture_or_hides_another(self, boxes: list[Any], size: tuple[int, int]) -> None:
        half = (size[0] // 2 + 1, size[1])
        placed = place_labels(np.array(boxes, float), [[size, half]] * len(boxes), (360, 260), 2)
        taken = np.zeros((260, 360), int)
        for label in placed:
            x, y = label.corner
            width, height = (size, half)[label.form]
            assert x >= 0 and y >= 0 and x + width <= 360 and y + height <= 260
            taken[y : y + height, x : x + width] += 1
        assert taken.max() <= 1

    def test_a_lone_box_has_its_full_label_on_its_top_edge_and_the_best_of_many_are_labelled_first(self) -> None:
        for top, expected in ((100, (99, 87)), (0, (99, 1))):
            (label,) = place_labels(np.array([[100, top, 200, 200]]), [[(60, 12), (30, 12)]], (640, 480), 2)
            assert label.form == 0 and label.corner == expected
        same = np.array([[100, 100, 120, 120]] * 40)
        placed = place_labels(same, [[(60, 12)]] * 40, (640, 480), 2)
        assert 1 < len(placed) < 40
        assert [label.position for label in placed] == list(range(len(placed)))

    def test_labels_leave_most_of_a_crowded_picture_free_and_a_legend_has_the_rest(self) -> None:
        boxes = np.random.default_rng(0).uniform(0, 300, (500, 2))
        placed = place_labels(np.hstack([boxes, boxes + 30]), [[(40, 12)]] * 500, (340, 340), 1)
        assert len(placed) * 40 * 12 <= 340 * 340 / 4
        corners = np.random.default_rng(0).uniform(0, [WIDTH - 14, HEIGHT - 14], (300, 2))
        crowd = found(*np.hstack([corners, corners + 14]).tolist(), scores=np.linspace(0.9, 0.1, 300))
        assert draw(crowd, ground()).height > HEIGHT
        assert draw(found((100, 100, 200, 200), (300, 100, 400, 200)), ground()).height == HEIGHT


SMALL = (60, 40)
BOXES = [[10, 5, 30, 25], [40, 0, 60, 40]]


def picture() -> np.ndarray[Any, np.dtype[np.uint8]]:
    pixels = np.zeros((SMALL[1], SMALL[0], 3), np.uint8)
    pixels[5:25, 10:30] = (255, 0, 0)
    return pixels


def made(size: tuple[int, int], boxes: Any, names: Sequence[str], **changes: Any) -> Detections:
    return Detections(size, np.array(boxes, np.float32).reshape(-1, 4), tuple(names), **changes)


def things(**changes: Any) -> Detections:
    given: dict[str, Any] = {"source": picture(), "scores": [0.9, 0.5], "names": ("dog", "cat")}
    return made(SMALL, BOXES, **{**given, **changes})


def test_the_short_form_counts_the_classes_and_stays_short() -> None:
    assert repr(things()) == "Detections(image_size=(60, 40), objects={'dog': 1, 'cat': 1})"
    assert repr(things(value=2)).endswith(", value=2)")
    many = made((9, 9), [[0, 0, 1, 1]] * 30, [f"class {number}" for number in range(30)])
    assert repr(many).endswith("} and 25 more classes)") and len(repr(many)) < 150


def shown(detections: Detections) -> ElementTree.Element:
    # HTML leaves the picture's tag open, XML does not.
    return ElementTree.fromstring(detections._repr_html_().replace('100%">', '100%"/>'))


def test_html_has_the_picture_made_smaller_and_the_objects() -> None:
    html = shown(things())
    rows = [[cell.text for cell in row] for row in html.findall("./table/tbody/tr")]
    assert rows == [["dog", "0.90", "10", "5", "30", "25"], ["cat", "0.50", "40", "0", "60", "40"]]
    image = html.find("img")
    assert image is not None
    kind, _, data = image.attrib["src"].partition(";base64,")
    assert kind == "data:image/jpeg" and Image.open(io.BytesIO(base64.b64decode(data))).size == things().draw().size
    large = made((3000, 1000), [[0, 0, 900, 900]], ("dog",), source=np.zeros((1000, 3000, 3), np.uint8))
    png = large._repr_png_()
    assert png is not None and max(Image.open(io.BytesIO(png)).size) == 640
    for source in (None, "/nowhere/street.jpg"):
        lone = things(source=source)
        assert shown(lone).find("img") is None and shown(lone).find("table") is not None and lone._repr_png_() is None


def test_a_value_and_notes_are_told_and_of_many_objects_the_first() -> None:
    texts = [*shown(things(value=True, notes=("One thing.",))).itertext()]
    assert texts[0] == "yes" and "One thing." in texts
    many = made((9, 9), [[0, 0, 1, 1]] * 30, ["dog"] * 30)
    assert len(shown(many).findall("./table/tbody/tr")) == 20 and "and 10 more" in many._repr_html_()
    assert "No objects." in made((9, 9), [], ())._repr_html_()
    hostile = "<script>alert(1)</script>"
    html = things(names=(hostile, "cat"), notes=(hostile,))._repr_html_()
    assert "<script" not in html and hostile in [*shown(things(names=(hostile, "cat"))).itertext()]


def test_show_and_save_give_what_draw_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures: list[Image.Image] = []
    monkeypatch.setattr(Image.Image, "show", lambda picture: pictures.append(picture))
    things().show()
    assert np.array_equal(np.asarray(pictures[0]), np.asarray(things().draw()))
    for name, message in (("found.json", "to_json"), ("found", "names no form"), ("no/x.png", "No such file")):
        with pytest.raises(DetectionsError, match=message):
            things().save(tmp_path / name)
    assert not [*tmp_path.iterdir()]
    for name in ("found.png", "found.jpg", "found.webp"):
        things().save(tmp_path / name)
        assert Image.open(tmp_path / name).size == things().draw().size


def test_crops_are_the_pixels_of_the_boxes_with_a_margin_where_the_image_has_it() -> None:
    first, second = things().crops()
    assert (first.size, second.size) == ((20, 20), (20, 40))
    assert np.asarray(first).reshape(-1, 3).tolist() == [[255, 0, 0]] * 400
    first, second = things().crops(margin=0.5)
    assert (first.size, second.size) == ((40, 35), (30, 40))
    flat = made(SMALL, [[60, 40, 60, 40]], ("dog",))
    assert [crop.size for crop in flat.crops(picture())] == [(1, 1)]
    with pytest.raises(DetectionsError, match="don't know their image"):
        things(source=None).crops()
    with pytest.raises(DetectionsError, match="the margin is -1"):
        things().crops(margin=-1)
    with pytest.raises(ImageError, match="is not there"):
        things(source="/nowhere/street.jpg").crops()


def test_a_frame_has_an_object_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = things(model_classes=("dog", "tabby"), track_ids=[4, 7]).to_pandas()
    assert frame.drop(columns="score").to_dict("records") == [
        {"class_name": "dog", "model_class": "dog", "x1": 10, "y1": 5, "x2": 30, "y2": 25, "track_id": 4},
        {"class_name": "cat", "model_class": "tabby", "x1": 40, "y1": 0, "x2": 60, "y2": 40, "track_id": 7},
    ]
    assert frame.score.tolist() == pytest.approx([0.9, 0.5])
    columns = ["class_name", "model_class", "score", "x1", "y1", "x2", "y2"]
    assert list(things(scores=None).to_pandas().columns) == list(made(SMALL, [], ()).to_pandas().columns) == columns
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingPackageError, match="pandas"):
        things().to_pandas()
