"""How the image page says things: the task as it was read, the scene as a graph, and the reasons for an answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from app.image.looking import Looked
from app.image.overlay import css_colour
from app.server.templates import render
from app.server.words import counted, shortened
from vision import Grounding, Scene, Task
from vision.detections.description import counted_names, listed
from vision.detections.drawing import Colour, place_labels
from vision.grounding.asking import NOT_SURE
from vision.task import Order, RankKey

MOST_CLASSES = 12
MOST_ROWS = 60
MOST_COLOURS = 3
"""That things of which none is sure are said to have; of more, naming them tells nothing."""
MOST_TALLIED = 6
"""Classes whose numbers the heading tells."""
NOT_UNDERSTOOD = "Not understood"
"""How a note begins that has a row of its own."""
MOST_EDGES = 24
MOST_NAMED_EDGES = 12
MOST_NODE_LETTERS = 24
MOST_SPOKEN = 5
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


def task_html(task: Task, notes: Iterable[str] = ()) -> Markup:
    """The task as it was read: what is looked for, what is kept, how it is written, what was not understood."""
    return render(
        "image/task.html",
        task=task,
        most=MOST_CLASSES,
        kind=WORDS[task.kind],
        kept=_kept(task),
        output=_format(task),
        # What has a row of its own is not said twice.
        notes=[
            note
            for note in dict.fromkeys((*task.notes, *notes))
            if not note.startswith(NOT_UNDERSTOOD) and ' has no class for "' not in note
        ],
    )


def _kept(task: Task) -> str:
    """Which of the objects of the task's classes are kept."""
    bounds = []
    if task.limit is not None:
        limit = task.limit
        end = ENDS[limit.by, limit.order]
        bounds.append(f"the {end} {limit.count}" if limit.count > 1 else f"the {end}")
    if task.region is not None:
        x0, y0, x1, y1 = (f"{100 * share:.0f}" for share in task.region)
        bounds.append(f"the middle lies in {x0} to {x1}% across and {y0} to {y1}% down")
    if task.size is not None:
        sizes = [f"{name.replace('_', ' ')} {value:g}" for name, value in vars(task.size).items() if value is not None]
        bounds.append(", ".join(sizes))
    if task.min_score is not None:
        bounds.append(f"score at least {task.min_score:g}")
    return "; ".join(bounds)


def _format(task: Task) -> str:
    output = task.output
    if output.format in ("coco", "yolo", "voc"):
        return {"coco": "COCO JSON", "yolo": "YOLO lines", "voc": "Pascal VOC XML"}[output.format]
    shape = f"polygons of {output.points} points" if output.points else "polygons"
    box = {"xyxy": "two corners", "xywh": "corner and size", "cxcywh": "middle and size"}[output.box]
    geometry = f"boxes by {box}" if output.geometry == "box" else shape
    scale = {"pixel": "pixels", "unit": "0 to 1", "range": f"range {output.range_}"}[output.scale]
    offsets = ", offsets from the centre" if output.offsets else ""
    kind = {
        "tuple": "lines of text",
        "json": f"JSON with {output.keys[0]} and {output.keys[1]}",
        "tokens": "location tokens",
    }
    return f"{kind[output.format]}: {geometry} in {scale}{offsets}"


@dataclass(frozen=True)
class _Edge:
    """An arrow of the scene's picture; `numbers` are those of its ends, `line` is (x, y) of both."""

    head: str
    relation: str
    tail: str
    numbers: str
    line: tuple[float, ...]


@dataclass(frozen=True)
class _Node:
    """A dot of the scene's picture; `words` is what a screen reader says, `label` where its name stands, if it does."""

    name: str
    number: int
    x: float
    y: float
    words: str
    colour: str
    label: tuple[float, float] | None


def scene_html(
    scene: Scene, colours: Mapping[str, Colour], total: int | None = None, numbers: Mapping[str, int] | None = None
) -> Markup:
    """The scene as a picture of its nearest relations and a table of all.

    Objects lie in the picture as they lie to one another in the photograph, with arrows for the relations that say
    most. The distances are stretched to fill the picture, so that objects that crowd in one corner stand apart.

    Args:
        scene: what is shown.
        colours: of each class name.
        total: objects in all, where the scene holds only the surest.
        numbers: of each thing on the page, by its name; by default their order.
    """
    numbers = numbers or {item.name: number for number, item in enumerate(scene.objects)}
    relations: list[list[str]] = scene.to_dict()["relations"] if len(scene) else []
    height = min(440, 120 + 24 * len(scene))
    nodes = _nodes(scene, height, colours, relations, numbers) if len(scene) else []
    place = {node.name: (node.x, node.y) for node in nodes}
    edges = [
        _Edge(head, _spaced(relation), tail, _joined(numbers, (head, tail)), (*place[head], *place[tail]))
        for head, relation, tail in _drawn(relations)
    ]
    grouped: dict[tuple[str, str], list[str]] = defaultdict(list)
    for head, relation, tail in relations:
        grouped[head, relation].append(tail)
    objects = counted(len(scene), "object")
    if total not in (None, len(scene)):
        objects = f"The surest {len(scene)} of {total} objects"
    return render(
        "image/scene.html",
        width=PICTURE_WIDTH,
        height=height,
        nodes=nodes,
        edges=edges,
        edge_labels=len(edges) <= MOST_NAMED_EDGES,
        most_letters=MOST_NODE_LETTERS,
        summary=f"{objects}, {counted(len(relations), 'relation')}; the picture draws the nearest.",
        items=[(numbers[item.name], item) for item in scene.objects[:MOST_ROWS]],
        facts=[
            (_joined(numbers, (head, *tails)), head, _spaced(relation), tails)
            for (head, relation), tails in list(grouped.items())[:MOST_ROWS]
        ],
        more_facts=len(grouped) - MOST_ROWS,
    )


def _spaced(relation: str) -> str:
    return relation.replace("_", " ")


def _joined(numbers: Mapping[str, int], names: Iterable[str]) -> str:
    return " ".join(str(number) for number in dict.fromkeys(numbers[name] for name in names if name in numbers))


def _spread(scene: Scene, width: int, height: int) -> NDArray[np.float64]:
    """The objects' places in the picture, shape (n, 2)."""
    xyxy = scene.detections.xyxy.astype(np.float64)
    centres = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    low, extent = centres.min(axis=0), np.ptp(centres, axis=0)
    share = np.where(extent > 0, (centres - low) / np.where(extent > 0, extent, 1), 0.5)
    margin = np.array([60.0, 34.0])
    return np.asarray(margin + share * (np.array([width, height]) - 2 * margin))


def _drawn(relations: list[list[str]]) -> list[tuple[str, str, str]]:
    """The relations that are drawn: one for a pair, those that say most first."""
    paired, edges = set[frozenset[str]](), list[tuple[str, str, str]]()
    for kind in DRAWN:
        for head, relation, tail in relations:
            if relation == kind and frozenset((head, tail)) not in paired and len(edges) < MOST_EDGES:
                paired.add(frozenset((head, tail)))
                edges.append((head, relation, tail))
    return edges


def _nodes(
    scene: Scene, height: int, colours: Mapping[str, Colour], relations: list[list[str]], numbers: Mapping[str, int]
) -> list[_Node]:
    """Dots with the names that have a place; the other names appear at the pointer."""
    points = _spread(scene, PICTURE_WIDTH, height)
    widths = [9 * min(len(item.name), MOST_NODE_LETTERS) + 6 for item in scene.objects]
    labels = place_labels(
        np.hstack([points - 7, points + 7]), [[(width, 18)] for width in widths], (PICTURE_WIDTH, height), 1
    )
    corners = {label.position: label.corner for label in labels}
    spoken = defaultdict(list)
    for head, relation, tail in relations:
        if relation in DRAWN:
            spoken[head].append(f"{_spaced(relation)} {tail}")
    nodes = []
    for i, item in enumerate(scene.objects):
        label = None if i not in corners else (corners[i][0] + widths[i] / 2, corners[i][1] + 14)
        words = "; ".join([item.name, *spoken[item.name][:MOST_SPOKEN]])
        x, y = points[i].tolist()
        nodes.append(_Node(item.name, numbers[item.name], x, y, words, css_colour(colours[item.class_name]), label))
    return nodes


def reasoning_html(grounding: Grounding) -> Markup:
    """The logical query that an expression was read as, and the relations that justify each object."""
    return render("image/reasoning.html", grounding=grounding)


def answer_html(looked: Looked) -> Markup:
    """The answer in large letters; where nothing was found, what there is instead, or why that can't be told."""
    return render("image/answer.html", headline=_headline(looked), reasons=reasons(looked))


def reasons(looked: Looked) -> list[str]:
    """Where nothing was found, what there is instead, or why it can't be told."""
    if len(looked.detections):
        return []
    # How the image was loaded and the words were read stands beside the instruction.
    beside = {*looked.image.notes, *looked.task.notes}
    return [note for note in looked.detections.notes if note not in beside and not note.startswith(NOT_UNDERSTOOD)]


def may_be_doubted(looked: Looked) -> bool:
    """Whether what was looked for may be there with less than the least score, for all that is known."""
    task = looked.task
    looks = task.understood and (task.targets != () or task.expression is not None)
    return looks and not len(looked.detections) and not reasons(looked)


def perhaps_coloured(grounding: Grounding) -> str:
    """What colours things may have of which none has one for sure: "Perhaps red or grey"; "" where there are many."""
    things = [grounding.scene.objects[one.index] for one in grounding.justification]
    colours = tuple(dict.fromkeys(colour for thing in things for colour in thing.colours))
    few = grounding.value == NOT_SURE and 0 < len(colours) <= MOST_COLOURS
    return f"Perhaps {listed(colours, 'or')}" if few else ""


def _headline(looked: Looked) -> str:
    detections, task, grounding = looked.detections, looked.task, looked.grounding
    value = detections.value
    asks_number = task.kind == "count" or (grounding is not None and grounding.question == "count")
    asks_whether = task.asks_whether or (grounding is not None and grounding.question == "exists")
    if isinstance(value, bool):
        which = None if grounding is None else grounding.alternatives
        return "No" if not value else "Yes" if which is None else which.answer()
    if not task.understood:
        return "Not understood"
    if value is None and (asks_number or asks_whether or (task.undetectable and not task.targets)):
        return "I can't tell"
    if grounding is None or (grounding.question in ("find", "count", "what") and len(detections)):
        return value if isinstance(value, str) and grounding is None else _tally(looked)
    return "Nothing found" if value is None else perhaps_coloured(grounding) or str(value)


def _tally(looked: Looked) -> str:
    """How many there are of each class that was asked for, "14 people and 0 trucks", and of which that is unknown."""
    counts = Counter(looked.detections.class_names)
    asked = [] if looked.grounding is not None else [target.label for target in looked.task.targets or ()]
    if len(asked) <= MOST_TALLIED and (counts or looked.task.kind == "count"):
        counts.update(dict.fromkeys(asked, 0))
    if not counts:
        return "Nothing found"
    if len(counts) > MOST_TALLIED:
        return counted(counts.total(), "object")
    unknown = [f'I can\'t tell of "{shortened(one.word, 60)}"' for one in looked.task.undetectable[:MOST_TALLIED]]
    return "; ".join([counted_names(counts.most_common()), *unknown])
