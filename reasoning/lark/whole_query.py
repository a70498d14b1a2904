"""The whole query in one prompt, over the neighbourhood that its relations span: the LARK paper's ablation.

It is always one prompt: the answer to a query is not the union of the answers over parts of its triples, so what does
not fit is left out and counted.

The neighbourhood is searched by following each projection's relation from everything reached before it, set operations
taken as unions, so that it holds more than the answers need and nothing that only the answer could tell.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reasoning.errors import QueryError
from reasoning.execution.events import ChainEvent, StepFinished, StepStarted
from reasoning.execution.exact import execute
from reasoning.execution.step_result import StepResult
from reasoning.graph.index import Ids
from reasoning.lark.asking import ASKED, readable_line, rng_for
from reasoning.lark.entity_ids import Naming
from reasoning.lark.prompts import Prompt, projection_question, set_question
from reasoning.lark.text_steps import TextAsker, TextTask, ask, text_task
from reasoning.lark.token_cost import TokenCost, named_triple
from reasoning.query.binding import BoundChain
from reasoning.retrieval import retrieve


def run_whole(asker: TextAsker, chain: BoundChain) -> Iterator[ChainEvent]:
    """Ask the query at once; one event pair.

    Raises:
        QueryError: the query holds an operation that a model cannot be asked for.
    """
    kg, task = asker.kg, whole_task(asker, chain)
    last = chain.steps[-1]
    question = f"What is {chain.query.verbalise(kg)}?"
    yield StepStarted(last, kg, (), (task.context,), 1, asked=question)
    part = ask(asker.llm, task, asker.options)
    result = StepResult(
        kg, last, (), part.members, "llm",
        error=part.error, agrees=part.agrees, parts=(part,), parts_total=1, asked=question,
    )  # fmt: skip
    yield StepFinished(result, 0.0)


def whole_task(asker: TextAsker, chain: BoundChain) -> TextTask:
    """The question and context of a whole query.

    Raises:
        QueryError: the query holds an operation that a model cannot be asked for.
    """
    kg, options = asker.kg, asker.options
    for step in chain:
        if step.step.operation not in ASKED or step.gives_values:
            raise QueryError(f"whole-query prompting has no {step.step.operation} step; use prompting by step")
    rng = rng_for(options.seed, chain, -1)
    cost = TokenCost(kg, asker.llm, options, shared=True)
    projections = [step.relation for step in chain if step.step.operation == "project" and step.relation is not None]
    budget = options.token_budget // max(1, len(projections))
    reached: list[Ids] = []
    shown: dict[tuple[int, ...], None] = {}
    about: set[tuple[int, ...]] = set()
    anchors: list[int] = []
    for step in chain:
        inputs = [
            reached[ref] if ref is not None else np.array([anchor], dtype=np.int32)
            for ref, anchor in zip(step.inputs, step.anchors, strict=True)
        ]
        anchors += [anchor for anchor in step.anchors if anchor is not None]
        if (relation := step.relation) is None or step.step.operation != "project":
            reached.append(np.unique(np.concatenate(inputs)))
            continue
        (part,) = retrieve(kg, inputs[0], relation, budget, cost, rng).parts
        shown.update((tuple(triple), None) for triple in part.triples.tolist())
        left, right = kg.index.edges(inputs[0], relation.index, relation.inverse)
        heads, tails = (right, left) if relation.inverse else (left, right)
        about.update((head, relation.index, tail) for head, tail in zip(heads.tolist(), tails.tolist(), strict=True))
        reached.append(kg.index.project(inputs[0], relation.index, relation.inverse))
    triples = list(shown)
    rng.shuffle(triples)
    naming = asker.naming(
        [*anchors, *(entity for head, _, tail in triples for entity in (head, tail))],
        [*(relation.index for relation in projections), *(relation for _, relation, _ in triples)],
        rng,
    )
    prompt = Prompt(_question(chain, naming), [named_triple(kg, naming, triple) for triple in triples], naming)
    readable = [readable_line(kg, triple) for triple in triples]
    # One step's distractor may be what another step is about, so they are counted when all are together.
    relevant = len(about & shown.keys())
    expected = execute(kg, chain)[-1].members
    return text_task(asker.llm, prompt, expected, readable, relevant, len(triples) - relevant, len(about) - relevant)


def _question(chain: BoundChain, naming: Naming) -> str:
    """One sentence a step, and which of them is asked for."""
    names: list[str] = []
    sentences: list[str] = []
    for step in chain:
        inputs = [
            names[ref] if ref is not None else naming.entity(anchor if anchor is not None else -1)
            for ref, anchor in zip(step.inputs, step.anchors, strict=True)
        ]
        names.append(f"S{step.position + 1}")
        if step.step.operation == "project" and step.relation is not None:
            asked = projection_question(inputs, naming.relation(step.relation.index), step.relation.inverse)
        else:
            asked = set_question(step.step.operation, inputs)
        sentences.append(f"{names[-1]}: {asked}.")
    return f"{' '.join(sentences)} Find the members of {names[-1]}"
