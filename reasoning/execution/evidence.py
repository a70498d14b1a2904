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
from reasoning.execution.exact import execute
from reasoning.execution.formulas import Facts, measured
from reasoning.execution.served import ServedSets, inputs_behind
from reasoning.execution.step_set import inputs_of, numbers_of
from reasoning.graph.index import Ids
from reasoning.graph.relations import Relation
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundChain, BoundStep


@supplies(Answer.traced)
def evidence_of(answer: Answer) -> tuple[list[Evidence], int]:
    """The triples behind an answer, at most `EVIDENCE_LIMIT`, and how many there are in all."""
    if answer.error is not None or not answer.steps:
        return [], 0
    if answer.soft is not None:
        edges = list(dict.fromkeys(edge for proof in answer.proofs for edge in proof.edges))
        return edges[:EVIDENCE_LIMIT], len(edges)
    kg, chain = answer.kg, answer.chain
    inputs: Sequence[Sequence[Ids]]
    numbers: Sequence[Sequence[float]]
    if kg.server is not None:
        sets = ServedSets(kg, kg.server, chain)
        inputs = inputs_behind(sets, np.sort(answer.ranked), EVIDENCE_LIMIT)
        numbers = [numbers_of(step, sets) for step in chain]
    elif not any(step.asked for step in answer.steps):
        inputs = [step.inputs for step in answer.steps]
        numbers = [step.numbers for step in answer.steps]
    else:
        # Asked as a whole there were no inputs between; the exact ones show what the graph says of the answers.
        results = execute(kg, chain)
        inputs = [inputs_of(step, results) for step in chain]
        numbers = [numbers_of(step, results) for step in chain]
    evidence, total = trace(kg, chain, inputs, np.sort(answer.ranked), EVIDENCE_LIMIT, numbers)
    contrasting = () if answer.contrast is None else answer.contrast.evidence
    further = [fact for fact in contrasting if fact not in evidence]
    return [*evidence, *further][:EVIDENCE_LIMIT], total + len(further)


def trace(
    kg: KnowledgeGraph,
    chain: BoundChain,
    inputs: Sequence[Sequence[Ids]],
    answers: Ids,
    limit: int,
    numbers: Sequence[Sequence[float]] = (),
) -> tuple[list[Evidence], int]:
    """The triples behind `answers`, at most `limit` of them, and how many there are in all.

    Args:
        kg: the graph.
        chain: the bound chain that was run.
        inputs: for each step the input sets that it was run with.
        answers: the entities to be explained, sorted.
        limit: the most triples returned.
        numbers: for each step the numbers that it was run with; () where no step uses any.
    """
    if chain.result is None:
        return [], 0
    needed: dict[int, Ids] = {chain.result: answers}
    facts = Facts()
    for step in reversed(chain.steps):
        wanted = needed.get(step.position)
        if wanted is None:
            continue
        sources = list(inputs[step.position])
        operation = step.step.operation
        if operation == "project" and not step.gives_values:
            assert step.relation is not None
            left, right = _between(kg, sources[0], wanted, step.relation)
            facts.edges.append(_triples(left, step.relation, right))
            sources[0] = np.unique(left)
        elif operation == "every":
            assert step.relation is not None
            left, right = _between(kg, wanted, sources[0], step.relation)
            facts.edges.append(_triples(left, step.relation, right))
        elif step.step.measures or step.gives_values:
            members = sources[0] if step.gives_number else np.intersect1d(sources[0], wanted)
            if step.relation is not None:
                having, values = kg.literals[step.relation.index].read(members)
                for entity, raw in zip(having.tolist(), values.tolist(), strict=True):
                    facts.values[step.relation.index, entity] = raw
                sources[0] = members
            else:
                ran_with = numbers[step.position] if numbers else ()
                sources = _read_by_formula(kg, step, [members, *sources[1:]], ran_with, facts)
        elif operation == "complement":
            continue
        elif operation == "number":
            pass  # it rests on all that its numbers rest on
        else:
            kept = 1 if operation == "difference" else len(sources)
            sources = [np.intersect1d(source, wanted) for source in sources[:kept]]
        for ref, source in zip(step.inputs, sources, strict=False):
            if ref is not None:
                needed[ref] = np.union1d(needed[ref], source) if ref in needed else source
    every = np.unique(np.concatenate(facts.edges), axis=0) if facts.edges else np.zeros((0, 3), dtype=np.int32)
    shown_values = [
        Evidence.value(kg, index, entity, raw) for (index, entity), raw in islice(facts.values.items(), limit)
    ]
    shown = [Evidence.edge(kg, *triple) for triple in every[: limit - len(shown_values)].tolist()]
    return [*shown, *shown_values], len(every) + len(facts.values)


def _between(kg: KnowledgeGraph, sources: Ids, targets: Ids, relation: Relation) -> tuple[Ids, Ids]:
    """The edges that lead from `sources` to `targets`, both sorted and unique."""
    if kg.server is not None:
        return kg.server.index.between(sources, targets, relation.index, relation.inverse)
    left, right = kg.index.edges(sources, relation.index, relation.inverse)
    used = np.isin(right, targets)
    return left[used], right[used]


def _triples(left: Ids, relation: Relation, right: Ids) -> Ids:
    """Edges followed from `left` to `right` as triples, shape (m, 3)."""
    heads, tails = (right, left) if relation.inverse else (left, right)
    return np.column_stack((heads, np.full(len(heads), relation.index), tails)).astype(np.int32)


def _read_by_formula(
    kg: KnowledgeGraph, step: BoundStep, inputs: Sequence[Ids], numbers: Sequence[float], facts: Facts
) -> list[Ids]:
    """Take down what a formula reads of its members; gives of each input what takes part in that."""
    assert step.step.formula is not None
    own = Facts()
    measured(kg, step.step.formula, inputs[0], inputs, numbers or [float("nan")] * len(inputs), own)
    facts.edges += own.edges
    facts.values |= own.values
    ends = [edges[:, column] for edges in own.edges for column in (0, 2)]
    met = np.unique(np.concatenate([*ends, np.array([entity for _, entity in own.values], dtype=np.int32)]))
    used = [
        source if place in step.number_places else np.intersect1d(source, met) for place, source in enumerate(inputs)
    ]
    return [inputs[0], *used[1:]]
