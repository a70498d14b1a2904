"""How things with attributes, relations and measures become a graph: the objects of an image, the tracks of a video.

Things are the first entities, in their order, and the words that say what they are come after them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg_data.columns import GraphColumns, LiteralColumn
from reasoning import KnowledgeGraph
from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES
from vision.detections.colour_names import BASIC_COLOURS
from vision.scene.regions import REGIONS, from_points

SIZES: tuple[tuple[str, float], ...] = (("small", 32.0**2), ("medium", 96.0**2), ("large", float("inf")))
"""COCO's sizes by area in square pixels (Lin et al. 2014, arXiv 1405.0312), each up to its bound."""

KIND, OBJECT = "kind", "object"
"""The relation that leads from every object to the same word, and that word."""

ATTRIBUTES = (KIND, "class", "supercategory", "main_colour", "colour", "partly", "size", "position")
"""Relations from an object to a word: `main_colour` is the likeliest, `colour` each plausible one, `partly` each that
some part of it has."""

KNOWN_WORDS = (OBJECT, *BASIC_COLOURS, *REGIONS, *(name for name, _ in SIZES), *COCO_SUPERCATEGORIES.values())
"""Words that a query may name although nothing there has them: then nothing is the answer, not an error."""

Measures = Iterable[tuple[str, NDArray[np.float64], str]]
"""Relations with values: name, the values of the first things, NaN or inf where one has none, and the unit."""


@dataclass(frozen=True)
class SceneObject:
    """One object of a scene, or one track of a video.

    Attributes:
        name: unique in the scene, "person 1".
        index: its position among the detections, or the tracks.
        class_name: the model's class.
        supercategory: COCO's, or None.
        colours: plausible colours, best first.
        partly: colours of which it has at least a little, most first.
        doubt: why none of its colours is sure, or "".
        size: "small", "medium" or "large".
        positions: the parts of the image that it lies in.
    """

    name: str
    index: int
    class_name: str
    supercategory: str | None
    colours: tuple[str, ...]
    partly: tuple[str, ...]
    doubt: str
    size: str
    positions: tuple[str, ...]

    def words(self) -> tuple[tuple[str, ...], ...]:
        """What each of `ATTRIBUTES` leads to."""
        above = () if self.supercategory is None else (self.supercategory,)
        colours = (self.colours[:1], self.colours, self.partly)
        return (OBJECT,), (self.class_name,), above, *colours, (self.size,), self.positions

    def attributes(self) -> Iterator[tuple[int, str, str]]:
        """Its triples: its index, the relation and the word."""
        for relation, values in zip(ATTRIBUTES, self.words(), strict=True):
            yield from ((self.index, relation, word) for word in values)


def size_of(area: float) -> str:
    """The word for an area in square pixels."""
    return next(name for name, bound in SIZES if area < bound)


def numbered(words: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """ "person 1", "person 2", ...: numbered by word, and no name a word itself, a class or one that is taken."""
    used, seen, names = {*words, *COCO_CLASSES, *taken}, Counter[str](), []
    for word in words:
        while True:
            seen[word] += 1
            name = f"{word} {seen[word]}"
            if name not in used:
                break
        used.add(name)
        names.append(name)
    return names


def box_measures(xyxy: NDArray[np.floating], image_size: tuple[int, int]) -> Measures:
    """The measures of boxes of shape (n, 4) in pixels."""
    x1, y1, x2, y2 = xyxy.astype(np.float64).T
    yield "area", (x2 - x1) * (y2 - y1), "square pixels"
    for name, values in (
        ("width", x2 - x1),
        ("height", y2 - y1),
        ("x", (x1 + x2) / 2),
        ("y", (y1 + y2) / 2),
        ("x1", x1),
        ("y1", y1),
        ("x2", x2),
        ("y2", y2),
    ):
        yield name, values, "pixels"
    for name, values in from_points(xyxy, image_size).items():
        yield f"from_{name}", values, "pixels"


def graph_of(
    name: str,
    source: str,
    things: Sequence[str],
    said: Sequence[tuple[int, str, str]],
    relations: Mapping[str, NDArray[np.intp]],
    measures: Measures,
    words: Iterable[str],
) -> KnowledgeGraph:
    """A graph of things.

    Args:
        name: of the graph.
        source: where it comes from, one line.
        things: the things' names; entity i is thing i.
        said: triples from a thing, by its number, to a word.
        relations: between things, each to pairs of their numbers, shape (m, 2).
        measures: of things.
        words: that a query may name, beside those that are said and `KNOWN_WORDS`.
    """
    ids = list(things)
    ids += dict.fromkeys(word for word in (*(word for *_, word in said), *KNOWN_WORDS, *words))
    number = {word: i for i, word in enumerate(ids)}
    names = list(dict.fromkeys((*ATTRIBUTES, *(relation for _, relation, _ in said), *relations)))
    place = {relation: i for i, relation in enumerate(names)}
    triples = [
        np.array([(i, place[relation], number[word]) for i, relation, word in said], np.int32).reshape(-1, 3),
        *(np.insert(pairs, 1, place[relation], axis=1).astype(np.int32) for relation, pairs in relations.items()),
    ]
    return KnowledgeGraph.from_columns(
        GraphColumns(
            name=name,
            entity_ids=ids,
            entity_labels=ids,
            relation_ids=names,
            relation_labels=names,
            splits={name: np.concatenate(triples)},
            literals=[_column(*measure) for measure in measures],
            source=source,
        )
    )


def _column(name: str, values: NDArray[np.float64], unit: str) -> LiteralColumn:
    known = np.flatnonzero(np.isfinite(values))
    return LiteralColumn(name, "decimal", known.astype(np.int32), values[known], unit)
