"""The one place where detections become a knowledge graph, and where this room asks the other half's executor.

Objects, their classes, colours, sizes and places become entities and triples, measures become typed values, and every
relation of `relations.py` that holds between two objects becomes a triple. What is asked of an image is then a logical
query like any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg_data.columns import GraphColumns, LiteralColumn
from kg_data.errors import SkylarkError
from kg_data.markup import element, html
from reasoning import Answer, KnowledgeGraph, Query, Reasoner
from reasoning.query.tree import Compare, Project, Top
from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES
from vision.detections.colour_names import BASIC_COLOURS
from vision.detections.colours import MIN_PART, colouring
from vision.detections.detections import Detections
from vision.detections.showing import counted, shown
from vision.images.loading import LoadedImage
from vision.scene.measures import DISTANCE, MeasuredRelation, measured_relation
from vision.scene.regions import REGIONS, from_points, in_regions
from vision.scene.relations import between, distances, relate

__all__ = ["Answer", "Query", "Scene", "SceneObject"]

MAX_OBJECTS = 300
"""Objects of a scene; relations hold between pairs, so triples grow with the square: half a million here."""

SIZES: tuple[tuple[str, float], ...] = (("small", 32.0**2), ("medium", 96.0**2), ("large", float("inf")))
"""COCO's sizes by area in square pixels (Lin et al. 2014, arXiv 1405.0312), each up to its bound."""

KIND, OBJECT = "kind", "object"
"""The relation that leads from every object to the same word, and that word."""

ATTRIBUTES = (KIND, "class", "supercategory", "main_colour", "colour", "partly", "size", "position")
"""Relations from an object to a word: `main_colour` is the likeliest, `colour` each plausible one, `partly` each that
some part of it has."""


@dataclass(frozen=True)
class SceneObject:
    """One object of a scene.

    Attributes:
        name: unique in the scene, "person 1".
        index: its position among the detections.
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
        """Make a scene of what was found in an image; colours are measured in its pixels.

        Args:
            detections: in the pixels of `image`.
            image: the image.

        Raises:
            SkylarkError: the detections are of an image of another size.
        """
        if detections.image_size != image.size:
            raise SkylarkError(
                f"the detections are of an image of {detections.image_size} pixels, this one has {image.size}"
            )
        shown = detections[:MAX_OBJECTS]
        notes: tuple[str, ...] = ()
        if len(detections) > MAX_OBJECTS:
            notes = (f"The scene holds the best {MAX_OBJECTS} of {len(detections)} objects.",)
        places = in_regions(shown.xyxy, image.size)
        names = _names(shown.model_classes)
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
                size=next(name for name, bound in SIZES if shown.area[i] < bound),
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
        return Reasoner(graph, method="exact").answer(parsed)

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
        described = [
            (item.index, relation, word)
            for item in self.objects
            for relation, values in zip(ATTRIBUTES, item.words(), strict=True)
            for word in values
        ]
        known = (OBJECT, *BASIC_COLOURS, *REGIONS, *(name for name, _ in SIZES), *COCO_SUPERCATEGORIES.values())
        ids = [item.name for item in self.objects]
        ids += dict.fromkeys((*(word for *_, word in described), *known, *self._vocabulary, *words))
        number = {word: i for i, word in enumerate(ids)}
        relations = [*ATTRIBUTES, *self._relations]
        triples = [
            np.array([(i, relations.index(r), number[word]) for i, r, word in described], np.int32).reshape(-1, 3),
            *(
                np.insert(pairs, 1, relations.index(name), axis=1).astype(np.int32)
                for name, pairs in self._relations.items()
            ),
        ]
        literals = [_literal(name, values, unit) for name, values, unit in self._values()]
        literals += [_literal(name, values, "") for name, values in measures]
        return KnowledgeGraph.from_columns(
            GraphColumns(
                name="scene",
                entity_ids=ids,
                entity_labels=ids,
                relation_ids=relations,
                relation_labels=relations,
                splits={"scene": np.concatenate(triples)},
                literals=literals,
                source="measured in one image",
            )
        )

    def _values(self) -> Iterator[tuple[str, NDArray[np.float64], str]]:
        """Measures of every object as (relation, values, unit)."""
        x1, y1, x2, y2 = self._xyxy.astype(np.float64).T
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
        for name, values in from_points(self._xyxy, self.detections.image_size).items():
            yield f"from_{name}", values, "pixels"
        if self.detections.scores is not None:
            yield "score", self.detections.scores[: len(self.objects)].astype(np.float64), ""

    def _measured(self, query: Query, words: Sequence[str]) -> Iterator[tuple[str, NDArray[np.float64]]]:
        """The values of the relations in a query that are measured for it, each once."""
        for relation in dict.fromkeys(_measured_relations(query)):
            sets = [np.array(self.members(self.answer(members, words)), np.intp) for members in relation.sets]
            if relation.startswith(DISTANCE):
                yield relation, distances(self._xyxy, *sets)
            else:
                yield relation, between(self._xyxy, *sets).astype(np.float64)


def _names(classes: Sequence[str]) -> list[str]:
    """ "person 1", "person 2", ...: numbered by class, and no name a class itself."""
    taken, seen, names = {*classes, *COCO_CLASSES}, Counter[str](), []
    for class_name in classes:
        while True:
            seen[class_name] += 1
            name = f"{class_name} {seen[class_name]}"
            if name not in taken:
                break
        taken.add(name)
        names.append(name)
    return names


def _literal(name: str, values: NDArray[np.float64], unit: str) -> LiteralColumn:
    known = np.flatnonzero(np.isfinite(values))
    return LiteralColumn(name, "decimal", known.astype(np.int32), values[known], unit)


def _measured_relations(query: Query) -> Iterator[MeasuredRelation]:
    named = query.relation if isinstance(query, Compare | Project | Top) else None
    if named is not None and (relation := measured_relation(named)) is not None:
        yield relation
    for child in query.children:
        yield from _measured_relations(child)
