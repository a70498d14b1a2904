"""A step too big for one context is asked in parts, and its answer is the union of theirs."""

import json
import random
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning import Answer, KnowledgeGraph, LarkOptions, Query, Reasoner
from reasoning.execution.conclusion import ChainEvent, Finished, PartFinished, StepFinished, StepStarted
from reasoning.execution.exact import execute
from reasoning.execution.step_result import inputs_of, step_notes
from reasoning.lark.steps import TextAsker
from reasoning.lm.replies import count_tokens
from reasoning.query.binding import bind
from reasoning.retrieval import FEWEST_DISTRACTORS
from reasoning.verbalization.answers import answer_text
from tests.reasoning.chat_models import ScriptedChatModel, context_lines, faultless, faultless_reply

MANY = 100
KG = KnowledgeGraph.from_triples(
    [("hub", "to", f"n{i}") for i in range(MANY)]
    + [("rim", "to", f"n{i}") for i in range(0, 2 * MANY, 2)]
    + [(f"n{i}", "on", f"m{i % 7}") for i in range(2 * MANY)]
    + [(f"n{i}", "off", "hub") for i in range(2 * MANY)]
)
SET_STEPS = ['to("hub") & to("rim")', 'to("hub") | to("rim")', 'to("hub") & !to("rim")']
SPLIT = ['to("hub")', '~off("hub")', *SET_STEPS, 'on(to("hub") & !to("rim"))']
FORMS = ["abstract", "readable"]


def reasoner(model: Any, **options: Any) -> Reasoner:
    settings = LarkOptions(**({"token_budget": 300, "max_parts": 99} | options))
    return Reasoner(KG, llm=model, method="lark", options=settings)


def ask(model: Any, query: str, **options: Any) -> Answer:
    return reasoner(model, **options).answer(query)


def exact(query: str) -> list[str]:
    return sorted(Reasoner(KG, method="exact").answer(query).entities)


def test_parts_read_without_fault_give_the_exact_answer() -> None:
    for query, names in product(SPLIT, FORMS):
        answer = ask(faultless(), query, names=names)
        assert any(step.parts_total > 1 for step in answer.steps)
        assert (answer.error, sorted(answer.entities)) == (None, exact(query))
        assert all(part.agrees for step in answer.steps for part in step.parts)


@pytest.mark.slow
@given(st.integers(64, 900), st.sampled_from(SPLIT), st.sampled_from(FORMS), st.integers(0, 9))
def test_no_part_goes_beyond_the_budget(budget: int, query: str, names: str, seed: int) -> None:
    model = faultless()
    answer = ask(model, query, token_budget=budget, names=names, seed=seed, max_parts=200)
    assert sorted(answer.entities) == exact(query)
    for prompt in model.prompts:
        assert count_tokens(model, ["\n".join(context_lines(prompt))])[0] <= budget


def test_each_part_of_a_projection_has_its_own_distractors_and_ids_and_counts_together() -> None:
    model = faultless()
    answer = ask(model, 'to("hub")')
    (step,) = answer.steps
    for part in step.parts:
        assert part.context.distractors >= max(part.context.relevant, FEWEST_DISTRACTORS)
    replies = [faultless_reply(prompt) for prompt in model.prompts]
    assert len(set(replies)) > len(replies) // 2
    context = step.context
    assert context and context.relevant == MANY == sum(part.context.relevant for part in step.parts)
    assert context.tokens == sum(part.context.tokens for part in step.parts)
    assert step.attempts == tuple(attempt for part in step.parts for attempt in part.attempts)
    shown = json.loads(json.dumps(answer.to_dict()))["steps"][0]
    assert (shown["parts_total"], len(shown["parts"])) == (step.parts_total, step.parts_total)
    assert sum(part["context"]["relevant"] for part in shown["parts"]) == shown["context"]["relevant"] == MANY
    assert f"by the language model in {step.parts_total} parts" in answer_text(answer)


def test_the_sets_of_a_part_are_cut_to_the_same_entities_and_members_beyond_the_last_are_counted() -> None:
    for query in SET_STEPS:
        result = ask(faultless(), query).steps[-1]
        seen: set[str] = set()
        for part in result.parts:
            here = {name for line in part.context.lines for name in line.split(": ")[1].split(", ")} - {"(empty)"}
            assert not here & seen
            seen |= here
        assert seen == {KG.name(int(entity)) for members in result.inputs for entity in members}
        chain = bind(Query.parse(query), KG)
        inputs = inputs_of(chain.steps[-1], execute(KG, chain))
        asker = TextAsker(KG, faultless(), LarkOptions(token_budget=100, max_parts=2))
        first, second = (task.context for task in asker.tasks(chain.steps[-1], inputs, random.Random(0)))
        assert first.left_out == 0
        assert second.left_out == sum(map(len, inputs)) - first.relevant - second.relevant > 0


def test_what_is_beyond_the_last_part_is_counted_and_said() -> None:
    answer = ask(faultless(), 'to("hub")', max_parts=2)
    (step,) = answer.steps
    context = step.context
    assert context and len(step.parts) == 2
    assert (step.parts[0].context.left_out, context.left_out) == (0, MANY - len(step.members))
    assert (step.agrees, [part.agrees for part in step.parts]) == (False, [True, True])
    assert answer.notes == (
        "step 1 was too big for one context and was asked in 2 parts "
        f"and left out {context.left_out} triples that the token budget had no room for",
    )


def test_a_whole_query_and_a_step_that_fits_are_asked_once() -> None:
    for query, options in (('to("hub")', {"token_budget": 16_000}), ('to("hub") & to("rim")', {"prompting": "whole"})):
        model = faultless()
        (step,) = ask(model, query, **options).steps
        assert (len(model.prompts), len(step.parts), step.parts_total) == (1, 1, 1)
        left_out = step.context.left_out if step.context else -1
        assert (left_out > 0) == ("prompting" in options)
        said = f"step 3 left out {left_out} triples that the token budget had no room for"
        assert step_notes([step]) == [said] * (left_out > 0)


def test_a_part_that_fails_fails_the_step_and_says_which() -> None:
    for failing in (1, 3):
        answer = ask(ScriptedChatModel(*[faultless_reply] * (failing - 1), "no idea"), 'to("hub")')
        (step,) = answer.steps
        assert answer.error and answer.error.startswith(f"step 1 of 1 failed: part {failing} of {step.parts_total}: ")
        assert (len(step.parts), len(step.members), step.agrees) == (failing, 0, False)
        assert [part.error is None for part in step.parts] == [True] * (failing - 1) + [False]


def test_the_copy_baseline_is_asked_in_parts_too_and_members_that_repeat_across_parts_are_named_once() -> None:
    (step,) = ask("copy", 'to("hub")').steps
    assert len(step.parts) > 1 and step.agrees is False
    assert set(exact('to("hub")')) < set(step.entities)
    step = ask(faultless(), 'on(to("hub") | to("rim"))').steps[-1]
    assert step.parts_total > 1
    assert len(step.members) == len(np.unique(step.members)) == 7


def test_each_part_of_a_split_step_is_an_event() -> None:
    def events(query: str) -> list[ChainEvent]:
        return [event for event in reasoner(faultless()).events(query) if not isinstance(event, Finished)]

    started, *parts, finished = events('to("hub")')
    assert isinstance(started, StepStarted) and isinstance(finished, StepFinished)
    finished_parts = [event for event in parts if isinstance(event, PartFinished)]
    assert len(started.contexts) == len(parts) == len(finished_parts) == finished.result.parts_total
    assert [event.number for event in finished_parts] == list(range(1, len(parts) + 1))
    assert tuple(event.part for event in finished_parts) == finished.result.parts
    assert tuple(part.context for part in finished.result.parts) == started.contexts
    _, first, *_, last = events('on(to("hub"))')
    assert isinstance(first, PartFinished) and isinstance(last, StepFinished)
    assert first.total > 1 and first.remaining_seconds > 0 == last.remaining_seconds, "steps behind it count too"
