"""A picture of the detections that a person reads at once: on dark images, on light ones, and where objects crowd.

Lines have a dark rim, so they show on every ground. Colours depend on the class name alone, so a class keeps its colour
from image to image.

No label hides another, since two labels on top of one another say less than one. Labels are placed greedily, best
object first: each takes the free place at its box that covers least of other small objects. Where the full label has no
place a shorter one is tried, then none. Where labels are left out, a legend under the picture says which colour is
which class and how many objects it has.
"""

from __future__ import annotations

import importlib.util
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, features

from vision.detections.detections import Detections
from vision.errors import DetectionsError
from vision.images import ImageSource, LoadedImage, load_image

Colour = tuple[int, int, int]
Size = tuple[int, int]

PALETTE: tuple[Colour, ...] = (
    (255, 56, 56), (61, 155, 255), (255, 210, 31), (46, 204, 64), (224, 82, 255), (24, 214, 242),
    (255, 140, 26), (155, 110, 255), (166, 226, 46), (255, 79, 176), (0, 201, 167), (255, 158, 148),
    (120, 135, 255), (255, 200, 140), (200, 170, 255), (150, 240, 205),
)  # fmt: skip
"""Bright colours that differ in hue or lightness; black letters can be read on nearly all."""

RIM: Colour = (20, 20, 20)
FILL = 0.4
"""How much of a polygon's colour lies over the picture."""

_SHOWN_SIDE = 480
"""Pixels that the longer side of a picture has at least: below, no label could be read."""

_MANY = 25
"""Objects beyond which labels shrink, and beyond which a label is rather left out than hides another object."""

_DENSE = 150
"""Objects beyond which lines have no rim, which would blacken the picture."""

_SMALL = 8
"""A box of less than so many times the label's area is an object that the label could hide."""

_HIDDEN = 0.4
"""Share of a small object that a label may hide where many are to be labelled."""

_COVERED = 0.25
"""Share of the picture that labels may cover in all, after which only the picture is left to be seen."""

_APART = 1
"""Pixels between two labels."""

_LETTERS = 28
_LEAST_FONT = 9
_DIRECTION = "ltr" if features.check_feature("raqm") else None
"""Keeps the order of label, name and score where the name runs from right to left."""

_SHIFT = 4
"""Bits of a fraction of a pixel in OpenCV's coordinates."""


@dataclass(frozen=True)
class Placed:
    """A label with its place.

    Attributes:
        position: of its object.
        form: which of the object's labels, 0 for the fullest.
        corner: (x, y) of its top left corner in pixels.
    """

    position: int
    form: int
    corner: tuple[int, int]


def draw(detections: Detections, image: ImageSource | LoadedImage | None = None) -> Image.Image:
    """Draw boxes, or outlines where there are any, with labels.

    A picture of fewer than 480 pixels is enlarged by a whole factor. Where labels had to be left out, a legend is added
    below the picture.

    Args:
        image: the image that they are in; None for the image that the detections come from.

    Returns:
        An RGB image.

    Raises:
        DetectionsError: no image is known, or it has another size than the one that the detections are of.
        ImageError: the image cannot be read.
    """
    loaded = image_of(detections, image)
    scale = math.ceil(_SHOWN_SIDE / max(loaded.size)) if max(loaded.size) < _SHOWN_SIDE else 1
    pixels = loaded.pixels.copy()
    if scale > 1:
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    if not len(detections):
        return Image.fromarray(pixels)
    size = (pixels.shape[1], pixels.shape[0])
    line, font_size = line_and_font(size, len(detections))
    by_class = class_colours(detections.class_names)
    colours = [by_class[name] for name in detections.class_names]
    draw_shapes(pixels, detections, colours, line, scale)
    picture = Image.fromarray(pixels)
    complete = draw_labels(picture, detections, colours, line, font_size, scale)
    if complete:
        return picture
    return _with_legend(picture, Counter(detections.class_names), by_class, max(11, line_and_font(size, 1)[1]))


def line_and_font(size: Size, count: int) -> tuple[int, int]:
    """How wide lines are and how high letters, in pixels; smaller where there are many objects."""
    side = math.sqrt(size[0] * size[1])
    crowd = min(1.0, math.sqrt(_MANY / max(count, 1)))
    return max(1, round(0.004 * side * max(crowd, 0.5))), max(_LEAST_FONT, round(0.024 * side * max(crowd, 0.7)))


def image_of(detections: Detections, image: ImageSource | LoadedImage | None = None) -> LoadedImage:
    """The image that detections are in.

    Raises:
        DetectionsError: no image is known, or it has another size than the one that the detections are of.
        ImageError: the image cannot be read.
    """
    source = image if image is not None else detections.source
    if source is None:
        raise DetectionsError("These detections don't know their image: give it, as in draw(image).")
    loaded = load_image(source)
    if loaded.size != tuple(detections.image_size):
        width, height = detections.image_size
        raise DetectionsError(
            f"The image has {loaded.width} x {loaded.height} pixels, the detections are of one with {width} x {height}."
        )
    return loaded


def class_colours(names: Iterable[str]) -> dict[str, Colour]:
    """A colour for each class name, from the name alone; where two would share one, the later in the alphabet yields.

    More classes than `PALETTE` has colours share them.
    """
    chosen: dict[str, Colour] = {}
    free = set(PALETTE)
    for name in sorted(set(names)):
        start = zlib.crc32(name.casefold().encode("utf-8")) % len(PALETTE)
        around = [PALETTE[(start + step) % len(PALETTE)] for step in range(len(PALETTE))]
        chosen[name] = next((colour for colour in around if colour in free), around[0])
        free.discard(chosen[name])
        free = free or set(PALETTE)
    return chosen


def draw_shapes(
    pixels: NDArray[np.uint8], detections: Detections, colours: Sequence[Colour], line: int, scale: int = 1
) -> None:
    """Draw boxes, or outlines where there are any; large objects first, so that small ones lie on top.

    Args:
        pixels: the picture, which is drawn on.
        line: width of the lines in pixels.
        scale: by how much the picture is larger than the one that the objects are in.
    """
    rims = [(RIM, line + 2)] if len(detections) <= _DENSE else []
    sides = detections.xyxy[:, 2:] - detections.xyxy[:, :2]
    for position in np.argsort(-np.prod(sides, axis=1), kind="stable"):
        colour = colours[position]
        if detections.polygons is not None and detections.polygons[position]:
            rings = [ring * scale for ring in detections.polygons[position]]
            _fill(pixels, rings, colour)
            shapes = [_fixed(ring) for ring in rings]
            for ink, width in [*rims, (colour, line)]:
                cv2.polylines(pixels, shapes, True, ink, width, cv2.LINE_AA, _SHIFT)
            continue
        left, top, right, bottom = _corners(detections.xyxy[position] * scale, pixels.shape)
        for ink, width in [*rims, (colour, line)]:
            cv2.rectangle(pixels, (left, top), (right, bottom), ink, width)


def _corners(box: NDArray[np.floating], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The first and last pixels of a box; pixel i covers i to i + 1."""
    left, top, right, bottom = (round(float(value)) for value in box)
    left, top = min(max(left, 0), shape[1] - 1), min(max(top, 0), shape[0] - 1)
    return left, top, min(max(right - 1, left), shape[1] - 1), min(max(bottom - 1, top), shape[0] - 1)


def _fixed(ring: NDArray[np.floating]) -> NDArray[np.int32]:
    """In OpenCV's fixed point, whose whole numbers are the middles of pixels."""
    return np.asarray(np.round((ring - 0.5) * 2**_SHIFT), np.int32)


def _fill(pixels: NDArray[np.uint8], rings: Sequence[NDArray[np.floating]], colour: Colour) -> None:
    """Blend a colour over what lies in any of the rings; only the part of the picture around them is touched."""
    points = np.concatenate(rings)
    left, top = np.maximum(np.floor(points.min(axis=0)), 0).astype(int)
    right, bottom = np.ceil(points.max(axis=0)).astype(int)
    window = pixels[top:bottom, left:right]
    if not window.size:
        return
    mask = np.zeros(window.shape[:2], np.uint8)
    for ring in rings:
        cv2.fillPoly(mask, [_fixed(ring - np.array([left, top]))], 1, cv2.LINE_8, _SHIFT)
    inside = mask.astype(bool)
    window[inside] = np.round(window[inside] * (1 - FILL) + np.array(colour) * FILL).astype(np.uint8)


def draw_labels(
    picture: Image.Image,
    detections: Detections,
    colours: Sequence[Colour],
    line: int,
    font_size: int,
    scale: int = 1,
) -> bool:
    """Write the labels that have a place.

    Args:
        picture: it is drawn on.
        detections: the objects.
        colours: of each object.
        line: width of the lines in pixels.
        font_size: height of the letters in pixels.
        scale: by how much the picture is larger than the one that the objects are in.

    Returns:
        Whether every object's class can be read.
    """
    pen = ImageDraw.Draw(picture)
    texts = [_texts(detections, position) for position in range(len(detections))]
    sizes = [[label_size(text, font_size) for text in forms] for forms in texts]
    placed = place_labels(_drawn_boxes(detections) * scale, sizes, picture.size, line)
    for label in placed:
        write_label(pen, label.corner, texts[label.position][label.form], colours[label.position], font_size)
    return len(placed) == len(detections)


def label_size(text: str, font_size: int) -> Size:
    """(width, height) in pixels of a label with its margins."""
    padding = max(1, font_size // 5)
    length = _font(text, font_size).getlength(text, direction=_DIRECTION)
    return math.ceil(length) + 2 * padding, sum(_font("", font_size).getmetrics()) + padding


def write_label(pen: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, colour: Colour, font_size: int) -> None:
    """Write a text on a ground of a colour, its top left corner at a place."""
    (x, y), (width, height) = corner, label_size(text, font_size)
    ascent, descent = _font("", font_size).getmetrics()
    pen.rectangle((x, y, x + width - 1, y + height - 1), fill=colour, outline=RIM)
    start = (x + max(1, font_size // 5), y + (height - ascent - descent) // 2 + ascent)
    pen.text(start, text, letters_on(colour), _font(text, font_size), anchor="ls", direction=_DIRECTION)


def _drawn_boxes(detections: Detections) -> NDArray[np.float64]:
    """What the labels lie at, shape (n, 4): the bounds of the outlines where they are drawn, else the boxes."""
    boxes = detections.xyxy.astype(np.float64)
    for position, rings in enumerate(detections.polygons or ()):
        if rings:
            points = np.concatenate(rings)
            boxes[position] = [*points.min(axis=0), *points.max(axis=0)]
    return boxes


def _texts(detections: Detections, position: int) -> list[str]:
    name = _shown(detections.class_names[position])
    if detections.track_ids is not None:
        name = f"#{int(detections.track_ids[position])} {name}"
    if detections.scores is None:
        return [name]
    return [f"{name} {float(detections.scores[position]):.2f}", name]


def _shown(name: str) -> str:
    """A name on one line, shortened."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    return line if len(line) <= _LETTERS else line[: _LETTERS - 1] + "…"


def letters_on(colour: Colour) -> Colour:
    """Black or white, whichever has the higher contrast on a colour (WCAG 2.2, relative luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (value / 255 for value in colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return (0, 0, 0) if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else (255, 255, 255)


def _with_legend(picture: Image.Image, counts: Counter[str], colours: dict[str, Colour], font_size: int) -> Image.Image:
    """The picture with a strip below: each class's colour, name and number, the most frequent first."""
    gap, row = font_size // 2, round(font_size * 1.7)
    entries, x, y = [], gap, gap
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        text = f"{_shown(name)} {count}"
        width = font_size + gap + math.ceil(_font(text, font_size).getlength(text, direction=_DIRECTION)) + 2 * gap
        if x > gap and x + width > picture.width:
            x, y = gap, y + row
        entries.append((x, y, text, colours[name]))
        x += width
    whole = Image.new("RGB", (picture.width, picture.height + y + row), "white")
    whole.paste(picture)
    pen = ImageDraw.Draw(whole)
    for x, y, text, colour in entries:
        top = picture.height + y
        pen.rectangle((x, top, x + font_size, top + font_size), fill=colour, outline=RIM)
        place, font = (x + font_size + gap, top + font_size // 2), _font(text, font_size)
        pen.text(place, text, (0, 0, 0), font, anchor="lm", direction=_DIRECTION)
    return whole


@lru_cache(maxsize=256)
def _font(text: str, size: int) -> ImageFont.FreeTypeFont:
    """DejaVu, which matplotlib ships, or for letters that it lacks a font of the system that has them."""
    path = _default_font()
    if not text.isascii():
        path = _font_with(frozenset(text)) or path
    return _opened(path, size)


@lru_cache(maxsize=64)
def _opened(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


@lru_cache(maxsize=1)
def _default_font() -> Path:
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:  # importing it would take longer than drawing
        raise DetectionsError("Drawing needs the package matplotlib for its font: pip install matplotlib")
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"


@lru_cache(maxsize=64)
def _font_with(letters: frozenset[str]) -> Path | None:
    """The first font, DejaVu before those of the system, that has all letters."""
    from matplotlib.font_manager import findSystemFonts
    from matplotlib.ft2font import FT2Font

    codes = {ord(letter) for letter in letters if not letter.isspace()}
    for path in [_default_font(), *map(Path, sorted(findSystemFonts()))]:
        try:
            if codes <= set(FT2Font(path).get_charmap()):
                return path
        except (OSError, RuntimeError, ValueError):
            continue
    return None


def place_labels(
    boxes: NDArray[np.floating], forms: Sequence[Sequence[Size]], picture: Size, line: int
) -> list[Placed]:
    """Find a place for as many labels as have one.

    Args:
        boxes: shape (n, 4), xyxy in pixels of the picture, best object first.
        forms: for each object the sizes (width, height) in pixels of its labels, the fullest first.
        picture: (width, height) in pixels; labels stay inside.
        line: width of the boxes' lines in pixels.

    Returns:
        The labels that have a place, in the order of the boxes.
    """
    taken = np.zeros((0, 4))
    placed: list[Placed] = []
    room = _COVERED * picture[0] * picture[1]
    most_hidden = _HIDDEN if len(boxes) > _MANY else math.inf
    areas = np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)
    for position, sizes in enumerate(forms):
        for form, size in enumerate(sizes):
            candidates = _candidates(boxes[position], size, picture, line)
            small = areas < _SMALL * size[0] * size[1]
            spot = _best(candidates, taken, boxes[small], most_hidden)
            if spot is not None and (size[0] * size[1] <= room or not placed):
                room -= size[0] * size[1]
                placed.append(Placed(position, form, (int(spot[0]), int(spot[1]))))
                taken = np.vstack([taken, spot])
                break
    return placed


def _best(
    candidates: NDArray[np.float64], taken: NDArray[np.float64], small: NDArray[np.floating], most_hidden: float
) -> NDArray[np.float64] | None:
    """The free candidate that hides least of small objects, of equals the first; None where none is good."""
    free = candidates
    if len(taken):
        grown = taken + np.array([-_APART, -_APART, _APART, _APART])
        free = candidates[~(_overlap(candidates, grown) > 0).any(axis=1)]
    if not len(free):
        return None
    if not len(small):
        return np.asarray(free[0])
    hidden = _overlap(free, small) / np.maximum(np.prod(small[:, 2:] - small[:, :2], axis=1), 1)
    cost = np.round(hidden.sum(axis=1), 1)
    best = int(np.argmin(cost))
    return np.asarray(free[best]) if hidden[best].max() <= most_hidden else None


def _overlap(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """Shared area of each of one set of boxes with each of another, shape (n, m)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    return np.asarray(np.prod(np.maximum(high - low, 0), axis=2), np.float64)


def _candidates(box: NDArray[np.floating], size: Size, picture: Size, line: int) -> NDArray[np.float64]:
    """Places at a box in order of liking, as xyxy: on its top edge, inside it, on its bottom edge, beside it."""
    width, height = size
    left, top, right, bottom = (float(value) for value in box)
    edge = line // 2
    far, middle = right + edge - width, (left + right - width) / 2
    left -= edge
    places = [
        *((x, top - edge - height) for x in (left, far, middle)),
        *((x, top + edge) for x in (left, far)),
        *((x, bottom + edge) for x in (left, far, middle)),
        *((x, bottom - edge - height) for x in (left, far)),
        *((x, y) for y in (top, bottom - height) for x in (right + edge, left - width)),
        (middle, (top + bottom - height) / 2),
    ]
    corners = np.round(np.array(places))
    corners[:, 0] = np.clip(corners[:, 0], 0, max(picture[0] - width, 0))
    # A label above the picture would have to slide into its box, which other places do better.
    inside = (corners[:, 1] >= 0) & (corners[:, 1] + height <= picture[1])
    if inside.any():
        corners = corners[inside]
    else:
        corners[:, 1] = np.clip(corners[:, 1], 0, max(picture[1] - height, 0))
    return np.hstack([corners, corners + np.array([width, height])])
