"""What was found, drawn over the photograph: SVG in the page, so that shapes answer the pointer and words stay sharp.

Everything is drawn in pixels of the page, whatever the photograph's size, in a frame that is never so narrow or so
flat that labels have no place. Nothing here goes back to the server: the page's own script shows, hides and lights up
(`TOGGLES`).
"""

from __future__ import annotations

import base64
import io
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.image.links import Other
from app.server.markup import counted, muted, shortened, text
from vision import Detections
from vision.images.drawing import Colour, letters_on
from vision.images.label_placement import place_labels
from vision.images.loading import LoadedImage

LONGEST_SIDE = 1280
"""Pixels of the photograph that the page is sent."""
DRAWN_SIDE = 720
"""Pixels of the drawing's longer side; about as wide as its place in the page."""
LEAST_SHARE = 0.45
"""Of the longer side that the frame's shorter one has at least."""
MOST_LETTERS = 28
LINE, LETTER, TAG_HEIGHT = 3, 8.4, 21

TOGGLES = """
const hidden = new Set();
let key = '';
const panel = element.closest('#image_row') || element;
const all = (selector) => panel.querySelectorAll(selector);
const names = () => [...all('.sk-chip[data-class]')].map((chip) => chip.dataset.class);
const apply = () => {
  const figure = element.querySelector('.sk-look');
  if (figure && figure.dataset.key !== key) { key = figure.dataset.key; hidden.clear(); }
  all('svg [data-class]').forEach((o) => o.classList.toggle('sk-off', hidden.has(o.dataset.class)));
  all('.sk-chip').forEach((c) => c.setAttribute('aria-pressed',
    c.dataset.class === undefined ? hidden.size === 0 : !hidden.has(c.dataset.class)));
};
panel.addEventListener('click', (event) => {
  const chip = event.target.closest && event.target.closest('.sk-chip');
  if (!chip) return;
  const name = chip.dataset.class;
  if (name === undefined) { if (hidden.size) hidden.clear(); else names().forEach((n) => hidden.add(n)); }
  else if (hidden.has(name)) hidden.delete(name); else hidden.add(name);
  apply();
});
let lit = null;
const numbers = (o) => (o.dataset.number || '').split(' ').filter(Boolean);
const light = (at) => {
  if (at === lit) return;
  lit = at;
  all('.sk-lit').forEach((o) => o.classList.remove('sk-lit'));
  all('.sk-lighting').forEach((o) => o.classList.remove('sk-lighting'));
  if (!at) return;
  const wanted = new Set(numbers(at));
  const belongs = at.dataset.number === undefined ? (o) => o.dataset.class === at.dataset.class
    : wanted.size === 1 ? (o) => numbers(o).includes([...wanted][0])
    : (o) => numbers(o).every((number) => wanted.has(number));
  [...all('[data-number]')].filter(belongs).forEach((o) => o.classList.add('sk-lit'));
  all('svg:has(.sk-lit)').forEach((o) => o.classList.add('sk-lighting'));
};
const place = (event) => event.target.closest && event.target.closest('[data-number], .sk-chip[data-class]');
panel.addEventListener('pointerover', (event) => light(place(event)));
panel.addEventListener('pointerleave', () => light(null));
panel.addEventListener('focusin', (event) => light(place(event)));
panel.addEventListener('focusout', () => light(null));
// In a group of shapes or rows one can be reached with Tab; the arrows go on from there.
panel.addEventListener('keydown', (event) => {
  const by = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -1e6, End: 1e6}[event.key];
  const at = event.target.matches && event.target.matches('[data-number][tabindex]') ? event.target : null;
  if (!by || !at) return;
  event.preventDefault();
  const group = [...at.closest('svg, tbody, ul').querySelectorAll('[data-number][tabindex]:not(.sk-off)')];
  const next = group[Math.min(Math.max(group.indexOf(at) + by, 0), group.length - 1)];
  at.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});
watch('value', apply);
"""
"""Chips show and hide classes; the pointer or the focus on a shape, a chip, a row, a node or a reason lights up all
places of the same thing."""


@dataclass(frozen=True)
class _Frame:
    """Where the photograph lies in the drawing, in pixels of the drawing.

    Attributes:
        scale: pixels of the drawing for one of the photograph.
        left: of the photograph.
        top: of the photograph.
        width: of the drawing.
        height: of the drawing.
    """

    scale: float
    left: float
    top: float
    width: int
    height: int

    def boxes(self, xyxy: NDArray[np.floating]) -> NDArray[np.float64]:
        """Boxes of the photograph, shape (n, 4), in the drawing."""
        corner = np.array([self.left, self.top, self.left, self.top])
        return np.asarray(xyxy.reshape(-1, 4) * self.scale + corner, np.float64)


@dataclass(frozen=True)
class _Part:
    """One thing to draw; `kind` is a class of the style sheet: an object, a reason, or what only shows when lit."""

    name: str
    score: str
    box: NDArray[np.float64]
    number: int
    kind: str = "sk-object"


def overlay_html(
    image: LoadedImage,
    detections: Detections,
    colours: Mapping[str, Colour],
    rest: Sequence[Other] = (),
    key: str = "",
) -> str:
    """The photograph with the objects on it and a legend with a button for each class.

    Args:
        image: what was looked at.
        detections: what was found.
        colours: of each class name.
        rest: further things of the scene: those that justify an answer are drawn too, more quietly; the others show
            when they are pointed at elsewhere.
        key: the same for two drawings of one question; what is hidden stays hidden between them.
    """
    frame = _framed(image.size)
    boxes = frame.boxes(detections.xyxy)
    parts = [
        _Part(name, "" if detections.scores is None else f" {float(detections.scores[i]):.2f}", boxes[i], i)
        for i, name in enumerate(detections.class_names)
    ]
    reasons = [
        _Part(
            other.name, "", frame.boxes(other.box)[0], other.number,
            "sk-reason" if other.gives_reason else "sk-ghost",
        )
        for other in rest
    ]  # fmt: skip
    # Large ones first, so that small ones lie on top and can be pointed at.
    order = np.argsort(-np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), kind="stable")
    shapes = "".join(_shape(detections, parts[int(i)], frame, colours, first=rank == 0) for rank, i in enumerate(order))
    quiet = "".join(
        f'<g class="{part.kind}" data-number="{part.number}"><title>{text(shortened(part.name, 200))}</title>'
        f"{_rectangle(part.box)}</g>"
        for part in reasons
    )
    counts = Counter(detections.class_names)
    told = f"{counted(len(detections), 'object')}: " + ", ".join(f"{n} {name}" for name, n in counts.most_common())
    width, height = (size * frame.scale for size in image.size)
    return (
        f'<figure class="sk-figure sk-look" data-key="{text(key)}"><svg class="sk-photo" role="group" '
        f'aria-label="{text(shortened(told, 300))}" viewBox="0 0 {frame.width} {frame.height}" '
        f'xmlns="http://www.w3.org/2000/svg"><image href="{data_uri(image)}" x="{frame.left:.2f}" y="{frame.top:.2f}" '
        f'width="{width:.2f}" height="{height:.2f}" preserveAspectRatio="none"/>{quiet}{shapes}'
        f"{_tags([*parts, *reasons], frame, colours)}</svg>"
        f"<figcaption>{_legend(counts, colours)}</figcaption></figure>"
    )


def objects_html(detections: Detections, most: int = 200) -> str:
    """The objects as a table, whose rows light up their shapes."""
    if not len(detections):
        return muted("There is no object to list.")
    rows = []
    for i in range(min(len(detections), most)):
        x1, y1, x2, y2 = (float(v) for v in detections.xyxy[i])
        score = "not given" if detections.scores is None else f"{float(detections.scores[i]):.2f}"
        rows.append(
            f'<tr data-number="{i}" tabindex="{0 if i == 0 else -1}"><td class="sk-number">{i + 1}</td>'
            f"<td><bdi>{text(shortened(detections.class_names[i], 60))}</bdi></td>"
            f'<td class="sk-number">{score}</td><td class="sk-number">{x1:.0f}, {y1:.0f}, {x2:.0f}, {y2:.0f}</td></tr>'
        )
    head = "".join(f'<th scope="col">{cell}</th>' for cell in ("No.", "Class", "Score", "x1, y1, x2, y2 in pixels"))
    more = muted(f"and {len(detections) - most:,} more") if len(detections) > most else ""
    return (
        '<div class="sk-scroll sk-tall" tabindex="0" role="region" aria-label="Objects"><table class="sk-table">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>{more}"
    )


def css_colour(colour: Colour) -> str:
    """As `#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def data_uri(image: LoadedImage) -> str:
    """The photograph as a JPEG that the page needs no further request for, at most `LONGEST_SIDE` pixels a side."""
    shown = Image.fromarray(image.pixels)
    shown.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    buffer = io.BytesIO()
    shown.save(buffer, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _framed(size: tuple[int, int]) -> _Frame:
    scale = DRAWN_SIDE / max(size)
    width, height = size[0] * scale, size[1] * scale
    across, down = max(width, LEAST_SHARE * height), max(height, LEAST_SHARE * width)
    return _Frame(scale, (across - width) / 2, (down - height) / 2, round(across), round(down))


def _shape(detections: Detections, part: _Part, frame: _Frame, colours: Mapping[str, Colour], *, first: bool) -> str:
    if detections.polygons is None:
        shape = _rectangle(part.box)
    else:
        corner = np.array([frame.left, frame.top])
        shape = "".join(
            f'<polygon points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in (ring * frame.scale + corner).tolist())}"/>'
            for ring in detections.polygons[part.number]
        )
    return (
        f'<g class="sk-object" data-class="{text(part.name)}" data-number="{part.number}" role="img" '
        f'aria-label="{text(shortened(part.name, 200) + part.score)}" tabindex="{0 if first else -1}" '
        f'style="--sk-colour:{css_colour(colours[part.name])}">'
        f"<title>{text(shortened(part.name, 200) + part.score)}</title>{shape}</g>"
    )


def _rectangle(box: NDArray[np.float64]) -> str:
    x1, y1, x2, y2 = box.tolist()
    return f'<rect x="{x1:.1f}" y="{y1:.1f}" width="{max(x2 - x1, 1):.1f}" height="{max(y2 - y1, 1):.1f}"/>'


def _tags(parts: Sequence[_Part], frame: _Frame, colours: Mapping[str, Colour]) -> str:
    """The labels, above all shapes; one that has no place of its own shows at the pointer only."""
    if not parts:
        return ""
    words = [[shortened(part.name, MOST_LETTERS) + part.score, shortened(part.name, MOST_LETTERS)] for part in parts]
    sizes = [[(_width(form), TAG_HEIGHT) for form in forms] for forms in words]
    boxes = np.array([part.box for part in parts])
    # What only shows at times takes no place from what always does.
    shown = [i for i, part in enumerate(parts) if part.kind != "sk-ghost"]
    labels = place_labels(boxes[shown], [sizes[i] for i in shown], (frame.width, frame.height), LINE) if shown else []
    places = {shown[p.position]: p for p in labels}
    tags = []
    for i, part in enumerate(parts):
        place = places.get(i)
        form = 0 if place is None else place.form
        width = sizes[i][form][0]
        x, y = place.corner if place is not None else _beside(part.box, width, frame)
        kind = "sk-tag" if place is not None and part.kind != "sk-ghost" else "sk-tag sk-unplaced"
        belongs = f' data-number="{part.number}"'
        if part.kind != "sk-object":
            colour, ink = "var(--sk-reason)", "#fff"
        else:
            belongs = f' data-class="{text(part.name)}"{belongs}'
            colour, ink = css_colour(colours[part.name]), css_colour(letters_on(colours[part.name]))
        # Where labels are enlarged they grow away from the nearest edges.
        origin = ("left" if x + width / 2 < frame.width / 2 else "right") + (
            " top" if y < frame.height / 2 else " bottom"
        )
        tags.append(
            f'<g class="{kind}"{belongs} style="--sk-colour:{colour};--sk-ink:{ink};transform-origin:{origin}">'
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{width}" height="{TAG_HEIGHT}" rx="3"/>'
            f'<text x="{x + width / 2:.1f}" y="{y + 15.5:.1f}">{text(words[i][form])}</text></g>'
        )
    return "".join(tags)


def _beside(box: NDArray[np.float64], width: int, frame: _Frame) -> tuple[float, float]:
    x, y = float(box[0]), float(box[1])
    return max(0.0, min(x, frame.width - width)), y - TAG_HEIGHT if y >= TAG_HEIGHT else y


def _width(words: str) -> int:
    """Pixels that a label takes, from the number of its letters; those of East Asia are twice as wide."""
    letters = sum(1.8 if unicodedata.east_asian_width(letter) in "WF" else 1.0 for letter in words)
    return round(letters * LETTER + 12)


def _legend(counts: Counter[str], colours: Mapping[str, Colour]) -> str:
    if not counts:
        return muted("Nothing of what is asked for was found. A lower least score also shows what the detector doubts.")
    chips = [
        f'<button type="button" class="sk-chip" data-class="{text(name)}" aria-pressed="true" '
        f'style="--sk-colour:{css_colour(colours[name])}"><i></i><bdi>{text(shortened(name, MOST_LETTERS))}</bdi> '
        f"{number}</button>"
        for name, number in counts.most_common()
    ]
    every = '<button type="button" class="sk-chip" aria-pressed="true">All</button>' if len(chips) > 1 else ""
    return f'<div class="sk-chips" role="group" aria-label="Show and hide classes">{every}{"".join(chips)}</div>'
