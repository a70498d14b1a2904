"""The one place where detections become a knowledge graph, and where this room asks the other half's executor.

Objects, their classes, colours, sizes and places become entities and triples, measures become typed values, and every
relation of `relations.py` that holds between two objects becomes a triple. What is asked of an image is then a logical
query like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

import reasoning
from kg_data.errors import SkylarkError
from kg_data.markup import element, html
from reasoning import Answer, KnowledgeGraph, Query
from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES
from vision.detections.colours import MIN_PART, colouring
from vision.detections.detections import Detections
from vision.detections.showing import counted, shown
from vision.images.loading import LoadedImage
from vision.scene.building import SceneObject, box_measures, graph_of, numbered, size_of
from vision.scene.measures import DISTANCE, measured_relations
from vision.scene.regions import in_regions
from vision.scene.relations import between, distances, relate

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
