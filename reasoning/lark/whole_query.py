"""The whole query in one prompt, over the neighbourhood that its relations span: the LARK paper's ablation.

It is always one prompt: the answer to a query is not the union of the answers over parts of its triples, so what does
not fit is left out and counted.

The neighbourhood is searched by following each projection's relation from everything reached before it, set operations
taken as unions, so that it holds more than the answers need and nothing that only the answer could tell.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from langchain_core.language_models import BaseChatModel

from reasoning.errors import QueryError
from reasoning.execution.events import ChainEvent, StepFinished, StepStarted
from reasoning.execution.exact import execute
from reasoning.execution.step_result import StepPart, StepResult
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark.asking import ask
from reasoning.lark.options import LarkOptions
from reasoning.lark.prompts import projection_question, set_question
from reasoning.lark.tasks import (
    ASKED,
    Task,
    TokenCost,
    asks_for_json,
    make_naming,
    make_task,
    named_triple,
    readable_line,
    rng_for,
)
from reasoning.query.binding import BoundChain
from reasoning.retrieval import retrieve


def run_whole(kg: KnowledgeGraph, chain: BoundChain, llm: BaseChatModel, options: LarkOptions) -> Iterator[ChainEvent]:
    """Ask the query at once; one event pair.

    Raises:
        QueryError: the query holds an operation that a model cannot be asked for.
    """
    task = whole_task(kg, chain, llm, options)
    last = chain.steps[-1]
    question = f"What is {chain.query.verbalise(kg)}?"
    yield StepStarted(last, kg, (), (task.context,), 1, asked=question)
    members, attempts, error = ask(llm, task, options)
    agrees = error is None and np.array_equal(np.sort(members), task.expected)
    part = StepPart(task.context, members, attempts, agrees, error)
    yield StepFinished(
        StepResult(
            kg, last, (), members, "llm", error=error, agrees=agrees, parts=(part,), parts_total=1, asked=question
        ),
        0.0,
    )


def whole_task(kg: KnowledgeGraph, chain: BoundChain, llm: BaseChatModel, options: LarkOptions) -> Task:
    """The question and context of a whole query.

    Raises:
        QueryError: the query holds an operation that a model cannot be asked for.
    """
    for step in chain:
        if step.step.operation not in ASKED or step.gives_values:
            raise QueryError(f"whole-query prompting has no {step.step.operation} step; use prompting by step")
    rng = rng_for(options.seed, chain, -1)
    cost = TokenCost(kg, llm, options, shared=True)
    projections = [step for step in chain if step.step.operation == "project"]
    budget = options.token_budget // max(1, len(projections))
    reached: list[Ids] = []
    found: dict[tuple[int, ...], None] = {}
    about: set[tuple[int, ...]] = set()
    anchors: list[int] = []
    for step in chain:
        inputs = [
            reached[ref] if ref is not None else np.array([anchor], dtype=np.int32)
            for ref, anchor in zip(step.inputs, step.anchors, strict=True)
        ]
        anchors += [anchor for anchor in step.anchors if anchor is not None]
        if step.step.operation != "project":
            reached.append(np.unique(np.concatenate(inputs)))
            continue
        assert step.relation is not None
        (part,) = retrieve(kg, inputs[0], step.relation, budget, cost, rng).parts
        found.update((tuple(triple), None) for triple in part.triples.tolist())
        left, right = kg.index.edges(inputs[0], step.relation.index, step.relation.inverse)
        heads, tails = (right, left) if step.relation.inverse else (left, right)
        relation = step.relation.index
        about.update((head, relation, tail) for head, tail in zip(heads.tolist(), tails.tolist(), strict=True))
        reached.append(kg.index.project(inputs[0], step.relation.index, step.relation.inverse))
    triples = list(found)
    rng.shuffle(triples)
    relations = [step.relation.index for step in projections if step.relation is not None]
    naming = make_naming(
        kg,
        options.names,
        [*anchors, *(entity for head, _, tail in triples for entity in (head, tail))],
        [*relations, *(relation for _, relation, _ in triples)],
        rng,
        asks_for_json(llm, options),
    )
    names: list[str] = []
    sentences: list[str] = []
    for step in chain:
        given = [
            names[ref] if ref is not None else naming.entity(anchor if anchor is not None else -1)
            for ref, anchor in zip(step.inputs, step.anchors, strict=True)
        ]
        names.append(f"S{step.position + 1}")
        if step.step.operation == "project":
            assert step.relation is not None
            asked = projection_question(given, naming.relation(step.relation.index), step.relation.inverse)
        else:
            asked = set_question(step.step.operation, given)
        sentences.append(f"{names[-1]}: {asked}.")
    question = f"{' '.join(sentences)} Find the members of {names[-1]}"
    lines = [named_triple(kg, naming, triple) for triple in triples]
    readable = [readable_line(kg, triple) for triple in triples]
    # One step's distractor may be what another step is about, so they are counted when all are together.
    relevant = len(about & found.keys())
    expected = execute(kg, chain)[-1].members
    return make_task(
        llm, naming, question, lines, readable, relevant, len(triples) - relevant, len(about) - relevant, expected
    )
