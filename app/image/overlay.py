"""What was found, drawn over the photograph: SVG in the page, so that shapes answer the pointer and words stay sharp.

Everything is drawn in pixels of the page, whatever the photograph's size, in a frame that is never so narrow or so
flat that labels have no place. Nothing here goes back to the server: the page's own script (`static/image.js`) shows,
hides and lights up.

What is found under an instruction and the scene, whose relations are shown, are two lists of the same things. Each
thing has one number wherever the page shows it (a shape, a row, a node, an end of an edge), so that the script can
light up all places of a thing, whichever of them is pointed at or has the focus.
"""

from __future__ import annotations

import base64
import io
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from app.server.views import counted, render, shortened
from vision import Detections, Grounding, Scene
from vision.detections.drawing import Colour, letters_on, place_labels
from vision.images import LoadedImage

LONGEST_SIDE = 1280
"""Pixels of the photograph that the page is sent."""
DRAWN_SIDE = 720
"""Pixels of the drawing's longer side; about as wide as its place in the page."""
LEAST_SHARE = 0.45
"""Of the longer side that the frame's shorter one has at least."""
MOST_LETTERS = 28
LINE, LETTER, TAG_HEIGHT = 3, 8.4, 21
SAME_WITHIN = 1.0
"""Pixels by which the corners of one box may differ between two runs of a detector."""


@dataclass(frozen=True)
class OtherThing:
    """A thing of the scene that is not among what was found.

    Attributes:
        name: in the scene.
        box: (x1, y1, x2, y2) in pixels of the image.
        number: its number on the page.
        gives_reason: whether the reasons of the answer speak of it, or the answer itself.
    """

    name: str
    box: NDArray[np.float32]
    number: int
    gives_reason: bool


def numbered(scene: Scene, detections: Detections, grounding: Grounding | None = None) -> dict[str, int]:
    """The number of each of the scene's things by its name.

    What was found has the numbers from 0 in its own order; the scene's other things come after.
    """
    numbers: dict[str, int] = {}
    if grounding is not None:
        for number, reason in enumerate(grounding.justification):
            numbers.setdefault(reason.name, number)
    else:
        free = dict(enumerate(detections.xyxy))
        for item in scene.objects:
            box = scene.detections.xyxy[item.index]
            same = (
                number
                for number, other in free.items()
                if detections.model_classes[number] == item.class_name
                and float(np.abs(other - box).max()) <= SAME_WITHIN
            )
            if (match := next(same, None)) is not None:
                numbers[item.name] = match
                del free[match]
    after = len(detections)
    for item in scene.objects:
        if item.name not in numbers:
            numbers[item.name], after = after, after + 1
    return numbers


def other_things(
    scene: Scene, numbers: Mapping[str, int], detections: Detections, grounding: Grounding | None = None
) -> list[OtherThing]:
    """The scene's things that are not among what was found, those that give a reason last."""
    facts = [] if grounding is None else [fact for reason in grounding.justification for fact in reason.facts]
    in_reasons = {str(word) for head, _, tail in facts for word in (head, tail)}
    things = [
        OtherThing(item.name, scene.detections.xyxy[item.index], numbers[item.name], item.name in in_reasons)
        for item in scene.objects
        if numbers[item.name] >= len(detections)
    ]
    return sorted(things, key=lambda thing: thing.gives_reason)


def may_be_there(detections: Detections, first: int) -> list[OtherThing]:
    """What may be in an image beside what was found, drawn as quietly as what gives a reason, numbered from `first`."""
    perhaps = detections.perhaps
    if perhaps is None or perhaps.scores is None:
        return []
    return [
        OtherThing(f"{name}? {score:.2f}", box, first + i, True)
        for i, (name, score, box) in enumerate(zip(perhaps.class_names, perhaps.scores, perhaps.xyxy, strict=True))
    ]


@dataclass(frozen=True)
class _Frame:
    """Where the photograph lies in the drawing, in pixels of the drawing."""

    scale: float
    left: float
    top: float
    width: int
    height: int

    def placed(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Points of the photograph in the drawing; shape (..., 2), x and y."""
        return np.asarray(points * self.scale + np.array([self.left, self.top]), np.float64)


@dataclass(frozen=True)
class _Part:
    """One thing to draw.

    Attributes:
        name, number: of the thing.
        score: as it stands behind the name.
        box: (x1, y1, x2, y2) in the drawing.
        rings: its outline in the drawing, rings of points; empty where the box is drawn.
        kind: a class of the style sheet: an object, a reason, or what only shows when lit.
        colour, ink: of its lines and of the letters on them, in CSS.
    """

    name: str
    number: int
    box: tuple[float, ...]
    score: str = ""
    rings: Sequence[Sequence[Sequence[float]]] = ()
    kind: str = "sk-object"
    colour: str = "var(--sk-reason)"
    ink: str = "#fff"


@dataclass(frozen=True)
class _Tag:
    """The label of a part, in pixels of the drawing; one that is not shown appears at the pointer only."""

    text: str
    x: float
    y: float
    width: int
    origin: str
    shown: bool
    height: int = TAG_HEIGHT


def overlay_html(
    image: LoadedImage,
    detections: Detections,
    colours: Mapping[str, Colour],
    rest: Sequence[OtherThing] = (),
    key: str = "",
    doubts: bool = False,
) -> Markup:
    """The photograph with the objects on it and a legend with a button for each class.

    Args:
        image: what was looked at.
        detections: what was found.
        colours: of each class name.
        rest: further things of the scene: those that justify an answer are drawn too, more quietly; the others show
            when they are pointed at elsewhere.
        key: the same for two drawings of one question; what is hidden stays hidden between them.
        doubts: whether nothing was found because all of it may score less.
    """
    frame = _framed(image.size)
    objects = [_object(detections, i, frame, colours) for i in range(len(detections))]
    others = [
        _Part(thing.name, thing.number, _placed_box(thing.box, frame),
              kind="sk-reason" if thing.gives_reason else "sk-ghost")
        for thing in rest
    ]  # fmt: skip
    counts = Counter(detections.class_names).most_common()
    width, height = (size * frame.scale for size in image.size)
    return render(
        "image/overlay.html",
        frame=frame,
        width=width,
        height=height,
        key=key,
        doubts=doubts,
        photo=data_uri(image),
        summary=f"{counted(len(detections), 'object')}: " + ", ".join(f"{n} {name}" for name, n in counts),
        # Large ones first, so that small ones lie on top and can be pointed at.
        objects=sorted(objects, key=_area, reverse=True),
        others=others,
        tags=_tags([*objects, *others], frame),
        chips=[(name, shortened(name, MOST_LETTERS), number, css_colour(colours[name])) for name, number in counts],
    )


def objects_html(detections: Detections, most: int = 200) -> Markup:
    """The objects as a table, whose rows light up their shapes."""
    scores = [None] * len(detections) if detections.scores is None else detections.scores.tolist()
    rows = zip(detections.class_names, scores, detections.xyxy.tolist(), strict=True)
    return render("image/objects.html", rows=list(rows)[:most], more=len(detections) - most)


def css_colour(colour: Colour) -> str:
    """As `#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def data_uri(image: LoadedImage) -> str:
    """The photograph as a JPEG that the page needs no further request for, at most `LONGEST_SIDE` pixels a side."""
    return jpeg_uri(Image.fromarray(image.pixels), LONGEST_SIDE, 88)


def jpeg_uri(picture: Image.Image, side: int, quality: int) -> str:
    """A picture as an address that holds a JPEG of it, at most `side` pixels a side; the picture itself is shrunk."""
    picture.thumbnail((side, side))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _framed(size: tuple[int, int]) -> _Frame:
    scale = DRAWN_SIDE / max(size)
    width, height = size[0] * scale, size[1] * scale
    across, down = max(width, LEAST_SHARE * height), max(height, LEAST_SHARE * width)
    return _Frame(scale, (across - width) / 2, (down - height) / 2, round(across), round(down))


def _object(detections: Detections, i: int, frame: _Frame, colours: Mapping[str, Colour]) -> _Part:
    colour = colours[detections.class_names[i]]
    polygons = () if detections.polygons is None else detections.polygons[i]
    return _Part(
        name=detections.class_names[i],
        number=i,
        box=_placed_box(detections.xyxy[i], frame),
        score="" if detections.scores is None else f" {float(detections.scores[i]):.2f}",
        rings=[frame.placed(ring).tolist() for ring in polygons],
        colour=css_colour(colour),
        ink=css_colour(letters_on(colour)),
    )


def _placed_box(xyxy: NDArray[np.floating], frame: _Frame) -> tuple[float, ...]:
    return tuple(frame.placed(xyxy.reshape(2, 2)).ravel().tolist())


def _area(part: _Part) -> float:
    x1, y1, x2, y2 = part.box
    return (x2 - x1) * (y2 - y1)


def _tags(parts: Sequence[_Part], frame: _Frame) -> list[tuple[_Part, _Tag]]:
    """The labels, above all shapes; one that has no place of its own shows at the pointer only."""
    names = [shortened(part.name, MOST_LETTERS) for part in parts]
    forms = [(name + part.score, name) for name, part in zip(names, parts, strict=True)]
    sizes = [[(_width(form), TAG_HEIGHT) for form in pair] for pair in forms]
    # What only shows at times takes no place from what always does.
    shown = [i for i, part in enumerate(parts) if part.kind != "sk-ghost"]
    boxes = np.array([parts[i].box for i in shown]).reshape(-1, 4)
    labels = place_labels(boxes, [sizes[i] for i in shown], (frame.width, frame.height), LINE) if shown else []
    places = {shown[label.position]: label for label in labels}
    tags = []
    for i, part in enumerate(parts):
        place = places.get(i)
        form = 0 if place is None else place.form
        width = sizes[i][form][0]
        x, y = place.corner if place is not None else _beside(part.box, width, frame)
        # Where labels are enlarged they grow away from the nearest edges.
        across, down = (
            "left" if x + width / 2 < frame.width / 2 else "right",
            "top" if y < frame.height / 2 else "bottom",
        )
        tags.append((part, _Tag(forms[i][form], x, y, width, f"{across} {down}", shown=place is not None)))
    return tags


def _beside(box: Sequence[float], width: int, frame: _Frame) -> tuple[float, float]:
    x, y = box[:2]
    return max(0.0, min(x, frame.width - width)), y - TAG_HEIGHT if y >= TAG_HEIGHT else y


def _width(words: str) -> int:
    """Pixels that a label takes, from the number of its letters; those of East Asia are twice as wide."""
    letters = sum(1.8 if unicodedata.east_asian_width(letter) in "WF" else 1.0 for letter in words)
    return round(letters * LETTER + 12)
