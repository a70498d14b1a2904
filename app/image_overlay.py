"""What was found, drawn over the photograph: SVG in the page, so that shapes answer the pointer and words stay sharp.

Classes differ in colour and in the numbers of the legend, whose buttons show and hide them. Nothing here goes back to
the server: the page's own script does it (`TOGGLES`).
"""

from __future__ import annotations

import base64
import colorsys
import io
from collections import Counter
from collections.abc import Sequence

import numpy as np
from PIL import Image

from app.markup import counted, muted, shortened, text
from vision import Detections
from vision.images import LoadedImage

LONGEST_SIDE = 1280
"""Pixels of the photograph that the page is sent; shapes are in the original's."""
MOST_LABELLED = 25
"""Objects beyond which labels show at the pointer only."""
MOST_LETTERS = 28
GOLDEN = 0.618034

TOGGLES = """
const hidden = new Set();
const apply = () => {
  element.querySelectorAll('.sk-object').forEach((o) => o.classList.toggle('sk-off', hidden.has(o.dataset.class)));
  element.querySelectorAll('.sk-chip').forEach((c) => c.setAttribute('aria-pressed', !hidden.has(c.dataset.class)));
};
element.addEventListener('click', (event) => {
  const chip = event.target.closest && event.target.closest('.sk-chip');
  if (!chip) return;
  const name = chip.dataset.class;
  if (hidden.has(name)) hidden.delete(name); else hidden.add(name);
  apply();
});
element.addEventListener('pointerover', (event) => {
  const at = event.target.closest && event.target.closest('[data-number]');
  element.querySelectorAll('.sk-lit').forEach((o) => o.classList.remove('sk-lit'));
  if (!at) return;
  element.querySelectorAll(`.sk-object[data-number="${at.dataset.number}"]`).forEach((o) => o.classList.add('sk-lit'));
});
element.addEventListener('pointerleave', () =>
  element.querySelectorAll('.sk-lit').forEach((o) => o.classList.remove('sk-lit')));
watch('value', apply);
"""


def overlay_html(image: LoadedImage, detections: Detections) -> str:
    """The photograph with the objects on it and a legend with a button for each class."""
    width, height = image.size
    counts = Counter(detections.class_names)
    colours = {name: colour_of_class(name) for name in counts}
    # Large ones first, so that small ones lie on top and can be pointed at.
    areas = np.prod(detections.xyxy[:, 2:] - detections.xyxy[:, :2], axis=1)
    order = np.argsort(-areas, kind="stable")
    shapes = "".join(_object(detections, int(i), colours[detections.class_names[int(i)]]) for i in order)
    crowded = " sk-crowded" if len(detections) > MOST_LABELLED else ""
    told = f"{counted(len(detections), 'object')}: " + ", ".join(f"{n} {name}" for name, n in counts.most_common())
    unit = max(width, height) / 900
    return (
        f'<figure class="sk-figure sk-look{crowded}"><svg class="sk-photo" role="img" aria-label="{text(told)}" '
        f'viewBox="0 0 {width} {height}" style="--sk-unit:{unit:.4f}px" xmlns="http://www.w3.org/2000/svg">'
        f'<image href="{data_uri(image)}" width="{width}" height="{height}" preserveAspectRatio="none"/>{shapes}</svg>'
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
            f'<tr data-number="{i}"><td class="sk-number">{i + 1}</td><td><bdi>{text(detections.class_names[i])}</bdi>'
            f'</td><td class="sk-number">{score}</td><td class="sk-number">{x1:.0f}, {y1:.0f}, {x2:.0f}, {y2:.0f}</td>'
            "</tr>"
        )
    head = "".join(f'<th scope="col">{cell}</th>' for cell in ("", "Class", "Score", "x1, y1, x2, y2 in pixels"))
    more = muted(f"and {len(detections) - most:,} more") if len(detections) > most else ""
    return (
        '<div class="sk-scroll" tabindex="0" role="region" aria-label="Objects"><table class="sk-table">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>{more}"
    )


def colour_of_class(name: str) -> str:
    """A bright colour that a class name always has, as `#rrggbb`."""
    seed = sum((i + 1) * ord(letter) for i, letter in enumerate(name))
    red, green, blue = colorsys.hls_to_rgb(seed * GOLDEN % 1, 0.58, 0.95)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def data_uri(image: LoadedImage) -> str:
    """The photograph as a JPEG that the page needs no further request for, at most `LONGEST_SIDE` pixels a side."""
    shown = Image.fromarray(image.pixels)
    shown.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    buffer = io.BytesIO()
    shown.save(buffer, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _object(detections: Detections, i: int, colour: str) -> str:
    name = detections.class_names[i]
    score = "" if detections.scores is None else f" {float(detections.scores[i]):.2f}"
    x1, y1, x2, y2 = (float(v) for v in detections.xyxy[i])
    if detections.polygons is None:
        shape = f'<rect x="{x1:.1f}" y="{y1:.1f}" width="{x2 - x1:.1f}" height="{y2 - y1:.1f}"/>'
    else:
        shape = "".join(
            f'<polygon points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in ring.tolist())}"/>'
            for ring in detections.polygons[i]
        )
    shown = f"{shortened(name, MOST_LETTERS)}{score}"
    return (
        f'<g class="sk-object" data-class="{text(name)}" data-number="{i}" style="--sk-colour:{colour}">'
        f"<title>{text(name + score)}</title>{shape}"
        f"{_tag(shown, x1, y1, detections.image_size)}</g>"
    )


def _tag(words: str, x: float, y: float, size: tuple[int, int]) -> str:
    """The label: above the box, or inside it at the picture's upper edge; never beyond the right edge."""
    unit = max(size) / 900
    width, height = (len(words) * 9 + 12) * unit, 21 * unit
    left = max(0.0, min(x, size[0] - width))
    top = y - height if y >= height else y
    return (
        f'<g class="sk-tag"><rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
        f'<text x="{left + 5 * unit:.1f}" y="{top + 15.5 * unit:.1f}" font-size="{14.5 * unit:.2f}">'
        f"{text(words)}</text>"
        "</g>"
    )


def _legend(counts: Counter[str], colours: dict[str, str]) -> str:
    if not counts:
        return muted("Nothing was found that the instruction asks for.")
    chips: Sequence[str] = [
        f'<button type="button" class="sk-chip" data-class="{text(name)}" aria-pressed="true" '
        f'style="--sk-colour:{colours[name]}"><i></i><bdi>{text(shortened(name, MOST_LETTERS))}</bdi> {number}</button>'
        for name, number in counts.most_common()
    ]
    return f'<div class="sk-chips" role="group" aria-label="Show and hide classes">{"".join(chips)}</div>'
