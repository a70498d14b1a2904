"""Which triples an answer rests on.

Walked backwards from the answers: of a projection's edges only those that end in something still needed, of an
intersection every branch, of a difference what was kept. What is true by absence (a difference, a complement) has no
triple to show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from reasoning.execution.exact import execute_step
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundChain
from reasoning.query.tree import Value


@dataclass(frozen=True)
class Evidence:
    """A triple of the graph.

    Attributes:
        head, relation, tail: by display names; `tail` is the value itself where the relation has values.
        head_entity: the head's entity index.
        tail_entity: the tail's, None where the tail is a value.
        confidence: below 1 where the graph lacks the triple and a link predictor believes in it.
    """

    head: str
    relation: str
    tail: str | Value
    head_entity: int
    tail_entity: int | None
    confidence: float = 1.0

    @classmethod
    def edge(cls, kg: KnowledgeGraph, head: int, relation: int, tail: int, confidence: float = 1.0) -> Evidence:
        """An edge by its indexes."""
        return cls(kg.name(head), kg.relation_label(relation), kg.name(tail), head, tail, confidence)

    @property
    def known(self) -> bool:
        """Whether the graph says so."""
        return self.confidence == 1.0

    def to_list(self) -> list[str | int | float]:
        """[head, relation, tail], dates as ISO texts."""
        tail = self.tail if isinstance(self.tail, str | int | float) else self.tail.isoformat()
        return [self.head, self.relation, tail]


def trace(
    kg: KnowledgeGraph, chain: BoundChain, inputs: Sequence[Sequence[Ids]], answers: Ids, limit: int
) -> tuple[list[Evidence], int]:
    """The triples behind `answers`, at most `limit` of them, and how many there are in all.

    Args:
        kg: the graph.
        chain: the bound chain that was run.
        inputs: for each step the input sets that it was run with.
        answers: the entities to be explained, sorted.
        limit: the most triples returned.
    """
    if chain.result is None:
        return [], 0
    needed: dict[int, Ids] = {chain.result: answers}
    triples: list[Ids] = []
    read: dict[tuple[int, int], float] = {}
    for step in reversed(chain.steps):
        wanted = needed.get(step.position)
        if wanted is None:
            continue
        sources = list(inputs[step.position])
        operation = step.step.operation
        if operation == "project" and not step.gives_values:
            assert step.relation is not None
            left, right = kg.index.edges(sources[0], step.relation.index, step.relation.inverse)
            used = np.isin(right, wanted)
            left, right = left[used], right[used]
            heads, tails = (right, left) if step.relation.inverse else (left, right)
            relation = np.full(len(heads), step.relation.index, dtype=np.int32)
            triples.append(np.column_stack((heads, relation, tails)).astype(np.int32))
            sources[0] = np.unique(left)
        elif operation in ("project", "compare", "top"):
            assert step.relation is not None
            found = execute_step(kg, step, inputs[step.position])
            assert found.values is not None
            used = np.isin(found.members, wanted)
            for entity, raw in zip(found.members[used].tolist(), found.values[used].tolist(), strict=True):
                read[step.relation.index, entity] = raw
            sources[0] = np.intersect1d(sources[0], wanted)
        elif operation == "complement":
            continue
        else:
            kept = 1 if operation == "difference" else len(sources)
            sources = [np.intersect1d(source, wanted) for source in sources[:kept]]
        for ref, source in zip(step.inputs, sources, strict=False):
            if ref is not None:
                needed[ref] = np.union1d(needed[ref], source) if ref in needed else source
    every = np.unique(np.concatenate(triples), axis=0) if triples else np.zeros((0, 3), dtype=np.int32)
    values = [
        Evidence(kg.name(entity), kg.literals[index].relation, kg.value(kg.literals[index], raw), entity, None)
        for (index, entity), raw in islice(read.items(), limit)
    ]
    shown = [Evidence.edge(kg, *triple) for triple in every[: limit - len(values)].tolist()]
    return [*shown, *values], len(every) + len(read)
