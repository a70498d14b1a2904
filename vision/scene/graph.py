"""A scene as a graph: the one place where detections become a knowledge graph that the exact executor is asked about.

Objects (or the tracks of a video), their classes, colours, sizes and places become entities and triples, measures
become typed values, and every relation of `relations.py` that holds between two objects becomes a triple. Things are
the first entities, in their order. Relations with values that are measured for the query that names them are names in
the query's tree like any other: `bottom(1, "distance to ...", ~class("ball"))`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

import reasoning
from kg_data.columns import GraphColumns, LiteralColumn
from reasoning import Answer, KnowledgeGraph, Query
from reasoning.query.tree import Compare, Intersect, Project, Top, Union
from skylark.errors import SkylarkError
from skylark.text import element, html
from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES
from vision.detections.colours import BASIC_COLOURS, MIN_PART, colouring
from vision.detections.detections import Detections
from vision.detections.showing import counted, shown
from vision.images import LoadedImage
from vision.scene.relations import between, distances, relate

DISTANCE, BETWEEN = "distance to ", "between "
_TWO_SETS = re.compile(r'(?P<first>(?:[^"]|"(?:[^"\\]|\\.)*")*?) and (?P<second>.*)', re.DOTALL)
"""Two queries with "and" between them; an "and" within quotes is a part of a name."""


class MeasuredRelation(str):
    """The name of a relation whose values are measured for one query.

    Attributes:
        sets: the queries of the objects that are measured against: one for a distance, two for what lies between.
    """

    sets: tuple[Query, ...]

    def __new__(cls, name: str, *sets: Query) -> MeasuredRelation:
        """Make the name and keep its sets."""
        relation = super().__new__(cls, name)
        relation.sets = sets
        return relation


def distance_relation(members: Query) -> MeasuredRelation:
    """From each object its distance in pixels to the nearest of some others."""
    return MeasuredRelation(f"{DISTANCE}{_bracketed(members)}", members)


def between_relation(first: Query, second: Query | None = None) -> MeasuredRelation:
    """From each object 1 where it lies between two of the first set, or between one of each set, else 0."""
    sets = " and ".join(_bracketed(members) for members in (first, second) if members is not None)
    return MeasuredRelation(f"{BETWEEN}{sets}", first, first if second is None else second)


def measured_relation(name: str) -> MeasuredRelation | None:
    """A relation of a query's tree as a measured one, None where it is another; names that a user wrote are parsed.

    Raises:
        QueryError: the name begins as a measured relation's, and no query follows.
    """
    if isinstance(name, MeasuredRelation):
        return name
    if name.startswith(DISTANCE):
        return MeasuredRelation(name, Query.parse(name.removeprefix(DISTANCE)))
    if name.startswith(BETWEEN):
        text = name.removeprefix(BETWEEN)
        halves = two.groups() if (two := _TWO_SETS.fullmatch(text)) else (text, text)
        return MeasuredRelation(name, *map(Query.parse, halves))
    return None


def measured_relations(query: Query) -> Iterator[MeasuredRelation]:
    """The measured relations that a query names, in its order."""
    named = query.relation if isinstance(query, Compare | Project | Top) else None
    if named is not None and (relation := measured_relation(named)) is not None:
        yield relation
    for child in query.children:
        yield from measured_relations(child)


def _bracketed(members: Query) -> str:
    return f"({members})" if isinstance(members, Intersect | Union) else str(members)


Region = tuple[float, float, float, float]
"""Shares (x0, y0, x1, y1) of the width and height, 0 to 1."""

REGIONS: dict[str, Region] = {
    "left half": (0, 0, 1 / 2, 1), "right half": (1 / 2, 0, 1, 1),
    "top half": (0, 0, 1, 1 / 2), "bottom half": (0, 1 / 2, 1, 1),
    "left third": (0, 0, 1 / 3, 1), "middle third": (1 / 3, 0, 2 / 3, 1), "right third": (2 / 3, 0, 1, 1),
    "top third": (0, 0, 1, 1 / 3), "bottom third": (0, 2 / 3, 1, 1),
    "centre": (1 / 4, 1 / 4, 3 / 4, 3 / 4),
}  # fmt: skip
"""Part of the image to where the middle of a box must lie to be in it."""

CORNERS: dict[str, tuple[float, float]] = {
    "centre": (1 / 2, 1 / 2), "top_left": (0, 0), "top_right": (1, 0), "bottom_left": (0, 1), "bottom_right": (1, 1),
}  # fmt: skip
"""Points of the image, as shares, from which every object's distance is measured."""


def centres(xyxy: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Middles of boxes of shape (n, 4); shape (n, 2)."""
    boxes = np.asarray(xyxy, np.float64).reshape(-1, 4)
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def in_regions(xyxy: NDArray[np.floating[Any]], image_size: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
    """Which boxes lie in which part of the image.

    A middle on the line between two parts belongs to the second of them, and to one only.

    Args:
        xyxy: shape (n, 4), pixels.
        image_size: (width, height) in pixels.

    Returns:
        Each name of `REGIONS` to an array of shape (n,).
    """
    middle = centres(xyxy) / image_size
    inside = {}
    for name, (x0, y0, x1, y1) in REGIONS.items():
        low, high = np.array([x0, y0]), np.array([x1, y1])
        inside[name] = np.all((middle >= low) & ((middle < high) | (high >= 1)), axis=1)
    return inside


def from_points(xyxy: NDArray[np.floating[Any]], image_size: tuple[int, int]) -> dict[str, NDArray[np.float64]]:
    """Pixels from each point of `CORNERS` to the middle of each box, shape (n,)."""
    middle = centres(xyxy)
    return {name: np.linalg.norm(middle - np.array(at) * image_size, axis=1) for name, at in CORNERS.items()}


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
    sides = {"width": x2 - x1, "height": y2 - y1, "x": (x1 + x2) / 2, "y": (y1 + y2) / 2}
    corners = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    away = {f"from_{name}": values for name, values in from_points(xyxy, image_size).items()}
    for name, values in {**sides, **corners, **away}.items():
        yield name, values, "pixels"


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
    splits, literals = {name: np.concatenate(triples)}, [_column(*measure) for measure in measures]
    columns = GraphColumns(name, ids, ids, names, names, splits, literals=literals, source=source)
    return KnowledgeGraph.from_columns(columns)


def _column(name: str, values: NDArray[np.float64], unit: str) -> LiteralColumn:
    known = np.flatnonzero(np.isfinite(values))
    return LiteralColumn(name, "decimal", known.astype(np.int32), values[known], unit)


__all__ = ["Answer", "Query", "Scene", "SceneObject"]

MAX_OBJECTS = 300
"""Objects of a scene; relations hold between pairs, so triples grow with the square: half a million here."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What was found in an image, as a knowledge graph.

    Attributes:
        detections: the objects, best first.
        objects: the same as entities of the graph, in the same order; the best `MAX_OBJECTS` of them.
        notes: what the user should know, one sentence each.

    Example:
        >>> scene.query('~class("person") & ~left_of(~class("bus"))').xyxy
    """

    detections: Detections
    objects: tuple[SceneObject, ...]
    notes: tuple[str, ...] = ()
    _vocabulary: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def from_detections(cls, detections: Detections, image: LoadedImage) -> Scene:
        """Make a scene of what was found in an image, in its pixels, in which colours are measured.

        Raises:
            SkylarkError: the detections are of an image of another size.
        """
        if detections.image_size != image.size:
            theirs = f"the detections are of an image of {detections.image_size} pixels"
            raise SkylarkError(f"{theirs}, this one has {image.size}")
        shown = detections[:MAX_OBJECTS]
        notes: tuple[str, ...] = ()
        if len(detections) > MAX_OBJECTS:
            notes = (f"The scene holds the best {MAX_OBJECTS} of {len(detections)} objects.",)
        places = in_regions(shown.xyxy, image.size)
        names = numbered(shown.model_classes)
        outlines = shown.polygons
        coloured = [
            colouring(image.pixels, box, None if outlines is None else outlines[i]) for i, box in enumerate(shown.xyxy)
        ]
        objects = tuple(
            SceneObject(
                name=names[i],
                index=i,
                class_name=class_name,
                supercategory=COCO_SUPERCATEGORIES.get(class_name),
                colours=coloured[i].plausible,
                partly=tuple(name for name, share in coloured[i].shares.items() if share >= MIN_PART),
                doubt=coloured[i].doubt,
                size=size_of(shown.area[i]),
                positions=tuple(name for name, inside in places.items() if inside[i]),
            )
            for i, class_name in enumerate(shown.model_classes)
        )
        # Words that a query may name although nothing here has them: then nothing is the answer, not an error.
        vocabulary = (*shown.model_classes, *detections.classes, *COCO_CLASSES)
        return cls(detections, objects, notes, vocabulary)

    def __len__(self) -> int:
        return len(self.objects)

    def __repr__(self) -> str:
        return f"Scene(image_size={self.detections.image_size}, objects={counted(self.detections)})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the picture, and the first objects with what the graph says of each."""
        columns = {
            "name": [item.name for item in self.objects],
            "colours": [", ".join(item.colours) for item in self.objects],
            "size": [item.size for item in self.objects],
            "where": [", ".join(item.positions) for item in self.objects],
        }
        return html(*shown(self.detections, "", columns), *(element("p", note) for note in self.notes))

    def _repr_png_(self) -> bytes | None:
        """The picture, for front ends that show no HTML; None where the image is not known."""
        return self.detections._repr_png_()

    def best(self, count: int) -> Scene:
        """The scene of its best objects alone; they keep their names and positions."""
        return replace(self, detections=self.detections[:count], objects=self.objects[:count])

    @cached_property
    def kg(self) -> KnowledgeGraph:
        """The graph: entity i is object i, and words come after the objects."""
        return self._graph((), ())

    def index(self, name: str) -> int:
        """The position of an object among the detections.

        Raises:
            SkylarkError: no object has the name.
        """
        for item in self.objects:
            if item.name == name:
                return item.index
        raise SkylarkError(f'no object is named "{name}"; there are: {", ".join(o.name for o in self.objects[:20])}')

    def answer(self, query: Query | str, words: Sequence[str] = ()) -> Answer:
        """Run a logical query by the exact executor.

        Args:
            query: in the grammar, over the relations of docs/scenes.md.
            words: classes that the query may name although the scene has none of them, beside COCO's and the class
                set's own.

        Raises:
            SkylarkError: it isn't well formed, or names what isn't known.
        """
        parsed = Query.parse(query) if isinstance(query, str) else query
        measures = tuple(self._measured(parsed, words))
        new = tuple(word for word in words if word not in self._vocabulary)
        graph = self._graph(new, measures) if new or measures else self.kg
        return reasoning.Reasoner(graph, method="exact").answer(parsed)

    def query(self, query: Query | str) -> Detections:
        """The objects that a logical query gives, or counts; best first, by value where it ranks.

        Raises:
            SkylarkError: as for `answer`.
        """
        return self.detections[self.members(self.answer(query))]

    def members(self, answer: Answer) -> list[int]:
        """Positions of an answer's objects among the detections, in its order; words are left out."""
        return [int(entity) for entity in answer.ranked if entity < len(self.objects)]

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable: the objects with their boxes, and every relation as [head, relation, tail]."""
        names = [item.name for item in self.objects]
        return {
            "objects": [
                {
                    "name": item.name,
                    "class": item.class_name,
                    "supercategory": item.supercategory,
                    "colours": list(item.colours),
                    "partly": list(item.partly),
                    "colour_doubt": item.doubt,
                    "size": item.size,
                    "positions": list(item.positions),
                    "xyxy": [round(float(v), 2) for v in self.detections.xyxy[item.index]],
                }
                for item in self.objects
            ],
            "relations": [
                [names[i], relation, names[j]] for relation, pairs in self._relations.items() for i, j in pairs.tolist()
            ],
            "notes": list(self.notes),
        }

    @property
    def _xyxy(self) -> NDArray[np.float32]:
        return self.detections.xyxy[: len(self.objects)]

    @cached_property
    def _relations(self) -> Mapping[str, NDArray[np.intp]]:
        return relate(self._xyxy)

    def _graph(self, words: Sequence[str], measures: Sequence[tuple[str, NDArray[np.float64]]]) -> KnowledgeGraph:
        return graph_of(
            name="scene",
            source="measured in one image",
            things=[item.name for item in self.objects],
            said=[triple for item in self.objects for triple in item.attributes()],
            relations=self._relations,
            measures=chain(self._values(), ((name, values, "") for name, values in measures)),
            words=(*self._vocabulary, *words),
        )

    def _values(self) -> Iterator[tuple[str, NDArray[np.float64], str]]:
        """Measures of every object as (relation, values, unit)."""
        yield from box_measures(self._xyxy, self.detections.image_size)
        if self.detections.scores is not None:
            yield "score", self.detections.scores[: len(self.objects)].astype(np.float64), ""

    def _measured(self, query: Query, words: Sequence[str]) -> Iterator[tuple[str, NDArray[np.float64]]]:
        """The values of the relations in a query that are measured for it, each once."""
        for relation in dict.fromkeys(measured_relations(query)):
            sets = [np.array(self.members(self.answer(members, words)), np.intp) for members in relation.sets]
            if relation.startswith(DISTANCE):
                yield relation, distances(self._xyxy, *sets)
            else:
                yield relation, between(self._xyxy, *sets).astype(np.float64)
