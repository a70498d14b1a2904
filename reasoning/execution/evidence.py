"""Which triples an answer rests on.

Walked backwards from the answers: of a projection's edges only those that end in something still needed, of an
intersection every branch, of a difference what was kept. What is true by absence (a difference, a complement) has no
triple to show.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np

from kg_data.supplied import supplies
from reasoning.answer import EVIDENCE_LIMIT, Answer, Evidence
from reasoning.execution.exact import execute, execute_step, inputs_of
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundChain


@supplies(Answer.traced)
def evidence_of(answer: Answer) -> tuple[list[Evidence], int]:
    """The triples behind an answer, at most `EVIDENCE_LIMIT`, and how many there are in all."""
    if answer.error is not None or not answer.steps:
        return [], 0
    if answer.soft is not None:
        edges = list(dict.fromkeys(edge for proof in answer.proofs for edge in proof.edges))
        return edges[:EVIDENCE_LIMIT], len(edges)
    kg, chain = answer.kg, answer.chain
    if not any(step.asked for step in answer.steps):
        inputs: list[Sequence[Ids]] = [step.inputs for step in answer.steps]
    else:
        # Asked as a whole there were no inputs between; the exact ones show what the graph says of the answers.
        results = execute(kg, chain)
        inputs = [inputs_of(step, results) for step in chain]
    evidence, total = trace(kg, chain, inputs, np.sort(answer.ranked), EVIDENCE_LIMIT)
    contrasting = () if answer.contrast is None else answer.contrast.evidence
    further = [fact for fact in contrasting if fact not in evidence]
    return [*evidence, *further][:EVIDENCE_LIMIT], total + len(further)


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
