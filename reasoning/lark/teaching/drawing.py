"""Steps to teach with, drawn from graphs: the operations, sizes and contexts that chains of queries meet.

A step's inputs are what walks over the graph reach, its context is what the retriever gives, distractors included, and
the teacher's answer is the exact one. Nothing is taken from any file of queries. Random graphs give what no real graph
has much of, such as relations without any pattern and sources with many edges.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Ids
from reasoning.graph.relations import Relation
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.marking.scheme import MarkScheme
from reasoning.language.teaching.examining import Lesson
from reasoning.lark.sheets import SheetCost, projection_sheet, set_sheet, sources_shown
from reasoning.query.chain import Operation
from reasoning.retrieval import retrieve

StepKind = Literal["project from one", "project from many", "intersect two", "intersect three", "union", "difference"]
STEP_KINDS: tuple[StepKind, ...] = get_args(StepKind)

Answering = Callable[[KnowledgeGraph, Ids, Relation], Ids]
"""What a projection from a set is answered with, sorted: the graph, the sources, the relation."""

MADE = 0.6
"""Share of set operations over sets of any entities."""

EMPTY = 0.08
"""Share of projections over a relation that the source need not have."""


@dataclass(frozen=True)
class TaughtStep(Lesson):
    """One step with the teacher's marks.

    Attributes:
        kind: a `StepKind`.
        operation: of the chain.
        asked_about: bool, shape (p,): whether what stands before a place meets the question, or may, as members of
            sets do.
        sources, relation, triples: of a projection what is asked, and its context, shape (n, 3).
        sets: of a set operation, in the order shown.
    """

    operation: Operation
    asked_about: NDArray[np.bool_]
    sources: tuple[int, ...] = ()
    relation: Relation | None = None
    triples: Ids | None = None
    sets: tuple[tuple[int, ...], ...] = ()


class StepDrawer:
    """Draws steps from graphs.

    Args:
        graphs: where from, each as often as the others.
        scheme: how steps are written.
        rng: of everything drawn.
        most_answers: most members of a set.
        token_budget: tokens of a context.
        answering: answers the steps whose answers are what the step drawn starts from; the teacher where None.
    """

    def __init__(
        self,
        graphs: Sequence[KnowledgeGraph],
        scheme: MarkScheme,
        rng: random.Random,
        most_answers: int = 40,
        token_budget: int = 360,
        answering: Answering | None = None,
    ) -> None:
        self._graphs, self._scheme, self._rng = graphs, scheme, rng
        self._most_answers, self._token_budget = most_answers, token_budget
        self._answering = answering or exact_answer

    def draw(self, kind: StepKind) -> TaughtStep:
        """One step of a kind."""
        while True:
            kg = self._rng.choice(self._graphs)
            step = self._projection(kg, kind) if kind.startswith("project") else self._set_operation(kg, kind)
            if step is not None:
                return step

    def _projection(self, kg: KnowledgeGraph, kind: StepKind) -> TaughtStep | None:
        sources, relation = self._walk(kg)
        if kind == "project from many":
            reached = self._answering(kg, sources, relation)
            if not 2 <= len(reached) <= self._most_answers:
                return None
            sources, relation = reached, self._relation_of(kg, int(self._rng.choice(reached)))
        if self._rng.random() < EMPTY:
            relation = Relation("edges", self._rng.randrange(kg.relation_count), self._rng.random() < 0.5)
        if len(kg.index.project(sources, relation.index, relation.inverse)) > self._most_answers:
            return None
        return projection_part(kg, sources, relation, self._token_budget, self._scheme, self._rng)

    def _set_operation(self, kg: KnowledgeGraph, kind: StepKind) -> TaughtStep | None:
        others = 2 if kind == "intersect three" else 1
        # What a graph reaches is mostly small; chains meet sets of every size.
        sets = self._made(kg, others) if self._rng.random() < MADE else self._walked(kg, others)
        if any(not 0 < len(members) <= self._most_answers for members in sets):
            return None
        if kind == "difference" and self._rng.random() < 0.3:
            sets.reverse()
        return taught_set(kind, sets, self._scheme, self._rng)

    def _walked(self, kg: KnowledgeGraph, others: int) -> list[Ids]:
        """A set that a projection reaches, and others with some of its members."""
        sets = [self._reached(kg)]
        for _ in range(others):
            # Sets that have nothing to do with each other are met too, but seldom.
            common = sets[0] if self._rng.random() < 0.85 and len(sets[0]) else None
            sets.append(self._reached(kg, common))
        return sets

    def _made(self, kg: KnowledgeGraph, others: int) -> list[Ids]:
        """Sets of any entities, small ones as often as large ones, which share any part of the first."""
        most = min(self._most_answers, kg.entity_count // 3)
        sizes = [round(most ** self._rng.random()) for _ in range(others + 1)]
        order = self._rng.sample(range(kg.entity_count), sum(sizes))
        first, rest = order[: sizes[0]], order[sizes[0] :]
        sets = [first]
        for size in sizes[1:]:
            shared = self._rng.sample(first, round(self._rng.random() * min(size, len(first))))
            # The others are of the same few, so that the second and the third set share some as well.
            sets.append([*shared, *self._rng.sample(rest, min(size - len(shared), len(rest)))])
        return [np.sort(np.array(members, dtype=np.int32)) for members in sets]

    def _walk(self, kg: KnowledgeGraph) -> tuple[Ids, Relation]:
        """An entity and a relation that it has."""
        triple = kg.index.drawn(1, self._rng)[0]
        inverse = self._rng.random() < 0.5
        return np.array([triple[2 if inverse else 0]], dtype=np.int32), Relation("edges", int(triple[1]), inverse)

    def _relation_of(self, kg: KnowledgeGraph, entity: int) -> Relation:
        """A relation that an entity has."""
        sides = [(incoming, kg.index.around(entity, incoming)) for incoming in (False, True)]
        incoming, edges = self._rng.choice([side for side in sides if len(side[1])])
        triple = kg.index.triples(edges[[self._rng.randrange(len(edges))]])[0]
        return Relation("edges", int(triple[1]), incoming)

    def _reached(self, kg: KnowledgeGraph, common: Ids | None = None) -> Ids:
        """A set that one projection reaches; with one of the members of `common` where that is given."""
        if common is None:
            sources, relation = self._walk(kg)
        else:
            member = int(self._rng.choice(common))
            back = self._relation_of(kg, member)
            sources = kg.index.project(np.array([member], dtype=np.int32), back.index, back.inverse)
            sources = sources[[self._rng.randrange(len(sources))]]
            relation = Relation("edges", back.index, not back.inverse)
        if len(kg.index.project(sources, relation.index, relation.inverse)) > self._most_answers:
            return np.zeros(0, dtype=np.int32)
        return self._answering(kg, sources, relation)


def exact_answer(kg: KnowledgeGraph, sources: Ids, relation: Relation) -> Ids:
    """The teacher's."""
    return kg.index.project(sources, relation.index, relation.inverse)


def projection_part(
    kg: KnowledgeGraph, sources: Ids, relation: Relation, budget: int, scheme: MarkScheme, rng: random.Random
) -> TaughtStep:
    """One part of a projection as the retriever gives it, with the teacher's marks."""
    part = rng.choice(retrieve(kg, sources, relation, budget, SheetCost(), rng, max_parts=16).parts)
    shown = sources_shown(sources, relation, part.triples, rng)
    sheet = projection_sheet(scheme, shown, relation, part.triples, rng)
    kind: StepKind = "project from one" if len(sources) == 1 else "project from many"
    return TaughtStep(kind, sheet, part.about, "project", part.about, tuple(shown), relation, part.triples)


def taught_set(kind: StepKind, sets: Sequence[Ids], scheme: MarkScheme, rng: random.Random) -> TaughtStep:
    """A set operation with the teacher's marks."""
    operation: Operation = "intersect" if kind.startswith("intersect") else kind  # type: ignore[assignment]
    shown = [rng.sample(members.tolist(), len(members)) for members in sets]
    sheet = set_sheet(scheme, operation, shown, rng)
    if operation == "intersect":
        answer = set(shown[0]).intersection(*shown[1:])
    else:
        answer = set().union(*shown) if operation == "union" else set(shown[0]) - set(shown[1])
    keep = np.array([candidate in answer for candidate in sheet.candidates.tolist()], dtype=bool)
    everything = np.ones(len(keep), dtype=bool)
    return TaughtStep(kind, sheet, keep, operation, everything, sets=tuple(map(tuple, shown)))


def random_graph(rng: random.Random) -> KnowledgeGraph:
    """A graph of 20 to 300 entities and 2 to 15 relations, whose entities have a few edges or many (at random)."""
    entities, relations = rng.randint(20, 300), rng.randint(2, 15)
    edges = int(entities * rng.uniform(2, 8))
    # A few entities have most of the edges, as in real graphs.
    weights = [rng.paretovariate(1.2) for _ in range(entities)]
    heads, tails = (rng.choices(range(entities), weights, k=edges) for _ in range(2))
    triples = {(f"e{h}", f"r{rng.randrange(relations)}", f"e{t}") for h, t in zip(heads, tails, strict=True)}
    return KnowledgeGraph.from_triples(sorted(triples), name="random")
