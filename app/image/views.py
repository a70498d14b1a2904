"""How the image page says things: the task as it was read, the scene as a graph, and the reasons for an answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from app.image.overlay import css_colour
from app.server.markup import counted, heading, muted, names, shortened, text
from vision import Grounding, Scene, Task
from vision.images.drawing import Colour
from vision.images.label_placement import place_labels
from vision.task import Order, RankKey

MOST_CLASSES = 12
MOST_LETTERS = 60
MOST_ROWS = 60
MOST_EDGES = 24
MOST_NAMED_EDGES = 12
MOST_NODE_LETTERS = 24
MOST_TOLD = 5
"""Relations that a node of the picture tells a screen reader; the table has all."""
PICTURE_WIDTH = 480
DRAWN = ("inside", "on", "next_to", "near")
"""Relations that the scene's picture draws, those that say most first: the others hold for nearly every pair."""
WORDS = {"detect": "find boxes", "segment": "outline", "ground": "find what an expression names", "count": "count",
         "describe": "describe the picture"}  # fmt: skip
ENDS: dict[tuple[RankKey, Order], str] = {
    ("area", "descending"): "largest",
    ("area", "ascending"): "smallest",
    ("x", "ascending"): "leftmost",
    ("x", "descending"): "rightmost",
    ("y", "ascending"): "topmost",
    ("y", "descending"): "lowest",
    ("score", "descending"): "most certain",
    ("score", "ascending"): "least certain",
    ("centre", "ascending"): "nearest to the middle",
    ("centre", "descending"): "farthest from the middle",
}


def task_html(task: Task, notes: Iterable[str] = ()) -> str:
    """The task as it was read: what is looked for, what is kept, how it is written, what was not understood."""
    rows = [("Task", text(WORDS[task.kind]))]
    if task.expression is not None:
        rows.append(("Expression", f"<q>{text(shortened(task.expression, 200))}</q>"))
    elif task.targets is None:
        rows.append(("Classes", "everything that the model knows"))
    elif task.targets:
        rows.append(("Classes", _targets(task)))
    if task.undetectable:
        rows.append(("Not detectable", _undetectable(task)))
    kept = _kept(task)
    if kept:
        rows.append(("Kept", text(kept)))
    rows.append(("Written as", text(_format(task))))
    listed = "".join(f"<dt>{label}</dt><dd>{value}</dd>" for label, value in rows)
    unread = _listed((f"<q>{text(shortened(part, 200))}</q>" for part in task.unread), len(task.unread))
    if unread:
        unread = (
            '<div class="sk-nothing" role="note"><p>Not understood, and left out:</p>'
            f'<ul class="sk-lines">{unread}</ul></div>'
        )
    told = dict.fromkeys((*task.notes, *notes))
    # What has a row of its own is not said twice.
    said = "".join(
        muted(text(shortened(note, 400)))
        for note in told
        if not note.startswith("Not understood") and ' has no class for "' not in note
    )
    return f'<dl class="sk-compare sk-task">{listed}</dl>{unread}{said}'


def _targets(task: Task) -> str:
    parts = []
    for target in (task.targets or ())[:MOST_CLASSES]:
        means = "" if target.classes in ((target.label,), ()) else f" ({text(', '.join(target.classes))})"
        colour = f" that {'are' if means else 'is'} {text(target.colour)}" if target.colour else ""
        parts.append(f"<bdi>{text(shortened(target.label, MOST_LETTERS))}</bdi>{means}{colour}")
    return f'<ul class="sk-words">{_listed(parts, len(task.targets or ()))}</ul>'


def _undetectable(task: Task) -> str:
    """Each word that the model has no class for, with what lies nearest in meaning."""
    parts = (
        f"<bdi>{text(shortened(unknown.word, MOST_LETTERS))}</bdi>"
        + (f" (nearest: {names(unknown.nearest)})" if unknown.nearest else "")
        for unknown in task.undetectable[:MOST_CLASSES]
    )
    return f'<ul class="sk-words">{_listed(parts, len(task.undetectable))}</ul>'


def _listed(parts: Iterable[str], total: int) -> str:
    """The first parts as items of a list, the rest told by their number; the parts are HTML."""
    shown = [f"<li>{part}</li>" for _, part in zip(range(MOST_CLASSES), parts, strict=False)]
    return "".join(shown) + (f"<li>and {total - len(shown):,} more</li>" if total > len(shown) else "")


def _kept(task: Task) -> str:
    told = []
    if task.limit is not None:
        limit = task.limit
        end = ENDS[limit.by, limit.order]
        told.append(f"the {end} {limit.count}" if limit.count > 1 else f"the {end}")
    if task.region is not None:
        x0, y0, x1, y1 = (f"{100 * share:.0f}" for share in task.region)
        told.append(f"the middle lies in {x0} to {x1}% across and {y0} to {y1}% down")
    if task.size is not None:
        bounds = [f"{name.replace('_', ' ')} {value:g}" for name, value in vars(task.size).items() if value is not None]
        told.append(", ".join(bounds))
    if task.min_score is not None:
        told.append(f"score at least {task.min_score:g}")
    return "; ".join(told)


def _format(task: Task) -> str:
    output = task.output
    if output.format in ("coco", "yolo", "voc"):
        return {"coco": "COCO JSON", "yolo": "YOLO lines", "voc": "Pascal VOC XML"}[output.format]
    shape = f"polygons of {output.points} points" if output.points else "polygons"
    geometry = f"boxes ({output.box})" if output.geometry == "box" else shape
    scale = {"pixel": "pixels", "unit": "0 to 1", "range": f"range {output.range_}"}[output.scale]
    offsets = ", offsets from the centre" if output.offsets else ""
    kind = {"tuple": "tuples", "json": f"JSON with {output.keys[0]} and {output.keys[1]}", "tokens": "location tokens"}
    return f"{kind[output.format]}; {geometry} in {scale}{offsets}"


def scene_html(
    scene: Scene, colours: Mapping[str, Colour], total: int | None = None, numbers: Mapping[str, int] | None = None
) -> str:
    """The scene as a picture of its nearest relations and a table of all.

    Args:
        scene: what is shown.
        colours: of each class name.
        total: objects in all, where the scene holds only the surest.
        numbers: of each thing on the page, by its name; by default their order.
    """
    if not len(scene):
        return muted("There is no object, so there is no scene.")
    numbers = numbers or {item.name: number for number, item in enumerate(scene.objects)}
    data = scene.to_dict()
    relations: list[list[str]] = data["relations"]
    described = "".join(
        f'<tr data-number="{numbers[item.name]}" tabindex="{0 if row == 0 else -1}">'
        f"<td><bdi>{text(item.name)}</bdi></td><td>{text(', '.join(item.colours))}</td><td>{text(item.size)}</td>"
        f"<td>{text(', '.join(item.positions))}</td></tr>"
        for row, item in enumerate(scene.objects[:MOST_ROWS])
    )
    grouped: dict[tuple[str, str], list[str]] = defaultdict(list)
    for head, relation, tail in relations:
        grouped[head, relation].append(tail)
    facts = "".join(
        f'<tr data-number="{_joined(numbers, (head, *tails))}" tabindex="{0 if row == 0 else -1}">'
        f"<td><bdi>{text(head)}</bdi></td><td>{text(relation.replace('_', ' '))}</td>"
        f"<td>{names(tails, len(tails), 6)}</td></tr>"
        for row, ((head, relation), tails) in enumerate(list(grouped.items())[:MOST_ROWS])
    )
    more = len(grouped) - MOST_ROWS
    objects = (
        counted(len(scene), "object") if total in (None, len(scene)) else f"the surest {len(scene)} of {total} objects"
    )
    told = f"{objects}, {counted(len(relations), 'relation')}; the picture draws the nearest."
    told = told[0].upper() + told[1:]
    return (
        f"{heading('The scene as a graph')}{_scene_svg(scene, relations, colours, numbers)}{muted(told)}"
        "<details><summary>Objects and relations as tables</summary>"
        f"{_table('Objects of the scene', ('Object', 'Colour', 'Size', 'Where'), described)}"
        f"{_table('Relations of the scene', ('Object', 'is', 'to'), facts) if facts else ''}"
        f"{muted(f'and {more:,} more rows') if more > 0 else ''}</details>"
    )


def _joined(numbers: Mapping[str, int], names_: Iterable[str]) -> str:
    return " ".join(str(number) for number in dict.fromkeys(numbers[name] for name in names_ if name in numbers))


def _table(caption: str, header: tuple[str, ...], rows: str) -> str:
    head = "".join(f'<th scope="col">{cell}</th>' for cell in header)
    return (
        f'<h3 class="sk-label">{caption}</h3>'
        f'<div class="sk-scroll sk-tall" tabindex="0" role="region" aria-label="{caption}"><table class="sk-table">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _scene_svg(
    scene: Scene, relations: list[list[str]], colours: Mapping[str, Colour], numbers: Mapping[str, int]
) -> str:
    """Objects as they lie to one another in the photograph, with arrows for the relations that say most.

    The distances are stretched to fill the picture: objects that crowd in one corner are told apart.
    """
    height = min(440, 120 + 24 * len(scene))
    at = dict(zip((item.name for item in scene.objects), _spread(scene, PICTURE_WIDTH, height).tolist(), strict=True))
    edges = _edges(relations)
    labelled = len(edges) <= MOST_NAMED_EDGES
    lines = "".join(
        f'<g class="sk-link" data-number="{_joined(numbers, (head, tail))}">'
        f"<title>{text(f'{head} {relation} {tail}'.replace('_', ' '))}</title>"
        f'<path class="sk-edge" d="M{at[head][0]:.1f} {at[head][1]:.1f} L{at[tail][0]:.1f} {at[tail][1]:.1f}" '
        f'marker-end="url(#sk-scene-arrow)"/>'
        + (
            f'<text class="sk-edge-label" x="{(at[head][0] + at[tail][0]) / 2:.1f}" '
            f'y="{(at[head][1] + at[tail][1]) / 2 + 4:.1f}">{text(relation.replace("_", " "))}</text>'
            if labelled
            else ""
        )
        + "</g>"
        for head, relation, tail in edges
    )
    told = f"{counted(len(scene), 'object')} and {counted(len(edges), 'relation')}"
    return (
        f'<svg class="sk-picture sk-scene" role="group" aria-label="Scene graph: {told}" '
        f'viewBox="0 0 {PICTURE_WIDTH} {height}" xmlns="http://www.w3.org/2000/svg">'
        '<defs><marker id="sk-scene-arrow" viewBox="0 0 10 10" refX="18" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path class="sk-arrowhead" d="M0 0 L10 5 L0 10 z"/></marker></defs>'
        f"{lines}{_nodes(scene, at, height, colours, relations, numbers)}</svg>"
    )


def _spread(scene: Scene, width: int, height: int) -> NDArray[np.float64]:
    """The objects' places in the picture, shape (n, 2)."""
    xyxy = scene.detections.xyxy.astype(np.float64)
    centres = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    low, extent = centres.min(axis=0), np.ptp(centres, axis=0)
    share = np.where(extent > 0, (centres - low) / np.where(extent > 0, extent, 1), 0.5)
    margin = np.array([60.0, 34.0])
    return np.asarray(margin + share * (np.array([width, height]) - 2 * margin))


def _edges(relations: list[list[str]]) -> list[tuple[str, str, str]]:
    """The relations that are drawn: one for a pair, those that say most first."""
    paired, edges = set[frozenset[str]](), list[tuple[str, str, str]]()
    for wanted in DRAWN:
        for head, relation, tail in relations:
            if relation == wanted and frozenset((head, tail)) not in paired and len(edges) < MOST_EDGES:
                paired.add(frozenset((head, tail)))
                edges.append((head, relation, tail))
    return edges


def _nodes(
    scene: Scene,
    at: Mapping[str, Sequence[float]],
    height: int,
    colours: Mapping[str, Colour],
    relations: list[list[str]],
    numbers: Mapping[str, int],
) -> str:
    """Dots with the names that have a place; the others are told at the pointer."""
    dots = np.array([[x - 7, y - 7, x + 7, y + 7] for x, y in at.values()])
    sizes = [[(9 * min(len(name), MOST_NODE_LETTERS) + 6, 18)] for name in at]
    places = {p.position: p.corner for p in place_labels(dots, sizes, (PICTURE_WIDTH, height), 1)}
    nodes, told = [], defaultdict(list)
    for head, relation, tail in relations:
        if relation in DRAWN:
            told[head].append(f"{relation.replace('_', ' ')} {tail}")
    for i, item in enumerate(scene.objects):
        x, y = at[item.name]
        words = text(shortened(item.name, MOST_NODE_LETTERS))
        named = ""
        if i in places:
            left, top = places[i]
            named = f'<text x="{left + sizes[i][0][0] / 2:.0f}" y="{top + 14}">{words}</text>'
        nodes.append(
            f'<g class="sk-scene-node" data-number="{numbers[item.name]}" role="img" tabindex="{-1 if i else 0}" '
            f'aria-label="{text("; ".join([item.name, *told[item.name][:MOST_TOLD]]))}" '
            f'style="--sk-colour:{css_colour(colours[item.class_name])}">'
            f'<title>{text(item.name)}</title><circle class="sk-target" cx="{x:.1f}" cy="{y:.1f}" r="14"/>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6"/>{named}</g>'
        )
    return "".join(nodes)


def reasoning_html(grounding: Grounding) -> str:
    """The logical query that an expression was read as, its value, and the relations that justify each object."""
    value = grounding.value
    headline = ""
    if value is not None:
        shown = {True: "Yes", False: "No"}[value] if isinstance(value, bool) else str(value)
        headline = f'<p class="sk-headline">{text(shown)}</p>'
    reasons = "".join(
        f'<li data-number="{i}" tabindex="{-1 if i else 0}">{text(reason.words)}</li>'
        for i, reason in enumerate(grounding.justification)
    )
    if reasons:
        reasons = f'<ul class="sk-reasons">{reasons}</ul>'
    elif value is None:
        reasons = muted("No object in the scene fits.")
    notes = "".join(muted(text(note)) for note in grounding.notes)
    read = f'<p><span class="sk-label">Read as</span><code>{text(grounding.query)}</code></p>'
    return f"{headline}{read}{reasons}{notes}"
