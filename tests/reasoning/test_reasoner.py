from __future__ import annotations

import asyncio
import datetime
import json
import threading
from typing import Any

import pytest

from reasoning import Answer, KnowledgeGraph, LarkOptions, Query, Reasoner, SkylarkError, StepResult
from reasoning.errors import QueryError, UnknownEntityError
from reasoning.execution.conclusion import Finished, StepFinished, StepStarted
from reasoning.lm import LLMError, UnknownLLMError
from tests.reasoning.chat_models import ScriptedChatModel, faultless, faultless_reply

KG = KnowledgeGraph.from_triples(
    [
        ("Ash", "road", "Birch"),
        ("Birch", "road", "Cedar"),
        ("Cedar", "road", "Ash"),
        ("Ash", "rail", "Cedar"),
        ("Dale", "road", "Elm"),
        ("Ash", "people", 30),
        ("Birch", "people", 20),
        ("Cedar", "people", 40),
        ("Ash", "founded", datetime.date(1200, 5, 1)),
    ]
)
TWO_STEPS = 'road(road("Ash"))'


def exact() -> Reasoner:
    return Reasoner(KG, method="exact")


def lark(model: ScriptedChatModel | None = None, **options: Any) -> Reasoner:
    return Reasoner(KG, llm=model or faultless(), method="lark", options=LarkOptions(**options))


# Making one -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("larc", "unknown method 'larc'; expected one of exact, lark.*; did you mean 'lark'"),
        ("", "unknown method ''; expected one of exact"),
        (None, "unknown method None"),
    ],
)
def test_an_unknown_method_is_an_error_that_lists_the_methods(method: Any, message: str) -> None:
    with pytest.raises(SkylarkError, match=message):
        Reasoner(KG, method=method)


def test_method_exact_never_loads_a_model() -> None:
    reasoner = Reasoner(KG, llm="nobody:nothing", method="exact")
    assert reasoner.answer('road("Ash")').entities == ["Birch"]


@pytest.mark.parametrize(
    ("llm", "error", "message"),
    [
        ("nothing", UnknownLLMError, "No language model is called 'nothing'"),
        ("openai:gpt-5-mini", LLMError, "set the environment variable OPENAI_API_KEY"),
    ],
)
def test_a_model_that_cannot_be_had_is_an_error_before_a_graph_is_loaded(
    llm: str, error: type[LLMError], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(error, match=message):
        Reasoner("no graph has this name", llm=llm, method="lark")


# An answer ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("question", ['road("Ash")', Query.parse('road("Ash")')], ids=["text", "query"])
def test_a_query_may_come_as_text_or_tree(question: str | Query) -> None:
    answer = exact().answer(question)
    assert (answer.entities, str(answer.query), answer.method) == (["Birch"], 'road("Ash")', "exact")


@pytest.mark.parametrize("question", [None, 5, {"road"}, b'road("Ash")'])
def test_anything_else_is_an_error(question: Any) -> None:
    with pytest.raises(QueryError, match="expected a query or a text"):
        exact().answer(question)


@pytest.mark.slow
@pytest.mark.parametrize("reasoner", [exact(), lark()], ids=["exact", "lark"])
@pytest.mark.parametrize(
    ("query", "entities", "value"),
    [
        ('"Ash"', ["Ash"], None),
        (TWO_STEPS, ["Cedar"], None),
        ('count(road("Ash") | rail("Ash"))', ["Birch", "Cedar"], 2),
        ('exists(rail("Cedar"))', [], False),
        ('people("Ash")', ["Ash"], 30),
        ('founded("Ash")', ["Ash"], datetime.date(1200, 5, 1)),
        ('top(1, people, road("Ash") | rail("Ash"))', ["Cedar"], None),
    ],
)
def test_both_methods_give_the_same_kind_of_answer(
    reasoner: Reasoner, query: str, entities: list[str], value: Any
) -> None:
    answer = reasoner.answer(query)
    assert (sorted(answer.entities), answer.value) == (entities, value)
    assert answer.scores == (1.0,) * len(entities)


@pytest.mark.parametrize(
    ("query", "ranked", "values"),
    [
        ('people("Ash" | "Birch" | "Cedar")', ["Cedar", "Ash", "Birch"], (40, 30, 20)),
        ('people("Ash" | "Birch" | "Cedar") > 25', ["Cedar", "Ash"], (40, 30)),
        ('top(2, people, "Ash" | "Birch" | "Cedar")', ["Cedar", "Ash"], (40, 30)),
        ('bottom(2, people, "Ash" | "Birch" | "Cedar")', ["Birch", "Ash"], (20, 30)),
    ],
)
def test_values_rank_the_answer_best_first(query: str, ranked: list[str], values: tuple[int, ...]) -> None:
    answer = exact().answer(query)
    assert (answer.entities, answer.values) == (ranked, values)


@pytest.mark.parametrize(
    "reasoner", [exact(), lark(), lark(ScriptedChatModel("no idea"))], ids=["exact", "lark", "bad"]
)
@pytest.mark.parametrize("query", ['"Ash"', TWO_STEPS, 'founded("Ash")', '!road("Ash")', 'people(!"Ash") > 25'])
def test_every_answer_is_json(reasoner: Reasoner, query: str) -> None:
    shown = reasoner.answer(query).to_dict()
    assert json.loads(json.dumps(shown)) == shown
    assert {"query", "method", "answers", "value", "steps", "evidence"} <= set(shown)


def test_an_answer_in_json_names_entities_ids_scores_and_values() -> None:
    assert exact().answer('founded("Ash")').to_dict()["answers"] == [
        {"entity": "Ash", "id": "Ash", "score": 1.0, "value": "1200-05-01"}
    ]


def test_a_corrected_name_is_noted() -> None:
    assert exact().answer('road("Birhc")').notes == ('read "Birhc" as "Birch"',)


def test_a_name_that_nothing_has_is_an_error_before_anything_is_asked() -> None:
    model = faultless()
    with pytest.raises(UnknownEntityError):
        lark(model).answer('road("Ash") & road("Nowhere at all")')
    assert model.prompts == []


# Watching -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reasoner", [exact(), lark()], ids=["exact", "lark"])
def test_each_step_starts_then_finishes_and_the_answer_comes_last(reasoner: Reasoner) -> None:
    events = list(reasoner.events(TWO_STEPS))
    assert [type(event) for event in events] == [StepStarted, StepFinished, StepStarted, StepFinished, Finished]
    started = [event for event in events if isinstance(event, StepStarted)]
    assert [(event.step.position, event.total) for event in started] == [(0, 2), (1, 2)]


def test_what_the_model_will_be_shown_is_known_when_the_step_starts() -> None:
    model = faultless()
    event = next(iter(lark(model).events(TWO_STEPS)))
    assert isinstance(event, StepStarted) and event.context is not None
    assert model.prompts == []


def test_an_exact_step_shows_no_context() -> None:
    events = list(exact().events(TWO_STEPS))
    assert [event.context for event in events if isinstance(event, StepStarted)] == [None, None]


def test_the_time_that_remains_ends_at_nothing() -> None:
    remaining = [e.remaining_seconds for e in lark().events(TWO_STEPS) if isinstance(e, StepFinished)]
    assert remaining[0] > 0 and remaining[-1] == 0


@pytest.mark.parametrize("prompting", ["step", "whole"])
def test_a_started_step_and_its_result_ask_the_same_question(prompting: str) -> None:
    events = list(lark(prompting=prompting).events(TWO_STEPS))
    asked = [event.question for event in events if isinstance(event, StepStarted)]
    assert asked == [event.result.question for event in events if isinstance(event, StepFinished)]


def test_a_question_has_the_earlier_answers_put_in() -> None:
    first, second = exact().answer(TWO_STEPS).steps
    assert "Ash" in first.question
    assert "Birch" in second.question


def test_a_stream_asks_for_a_step_only_when_it_is_wanted() -> None:
    model = faultless()
    stream = lark(model).stream(TWO_STEPS)
    asked = [len(model.prompts)]
    for step in stream:
        assert isinstance(step, StepResult)
        asked.append(len(model.prompts))
    assert asked == [0, 1, 2]


def test_a_stream_that_is_given_up_asks_no_more() -> None:
    model = faultless()
    stream = lark(model).stream(TWO_STEPS)
    next(stream)
    stream.close()
    assert len(model.prompts) == 1


def test_a_stream_returns_the_answer() -> None:
    stream = exact().stream(TWO_STEPS)
    steps: list[StepResult] = []
    while True:
        try:
            steps.append(next(stream))
        except StopIteration as stop:
            answer = stop.value
            break
    assert isinstance(answer, Answer)
    assert (answer.entities, answer.steps) == (["Cedar"], tuple(steps))


# Several at once ------------------------------------------------------------------------------------------------


def test_a_batch_is_answered_in_order() -> None:
    answers = exact().batch(['road("Ash")', Query.parse('rail("Ash")'), '"Elm"'])
    assert [answer.entities for answer in answers] == [["Birch"], ["Cedar"], ["Elm"]]


def test_an_error_ends_a_batch() -> None:
    with pytest.raises(UnknownEntityError):
        exact().batch(['road("Nowhere at all")', 'road("Ash")'])


def test_an_error_may_take_its_place_in_a_batch() -> None:
    first, second, third = exact().batch(['road("Nowhere at all")', 'road("Ash")', "road("], return_exceptions=True)
    assert (type(first), second.entities, type(third)) == (UnknownEntityError, ["Birch"], QueryError)


def test_a_step_that_the_model_fails_is_no_exception() -> None:
    first, second = lark(ScriptedChatModel("no", "no", faultless_reply)).batch(['road("Ash")', 'rail("Ash")'])
    assert first.error and not first.entities
    assert (second.error, second.entities) == (None, ["Cedar"])


def test_answers_can_be_awaited_side_by_side() -> None:
    async def both() -> list[Answer]:
        return await asyncio.gather(*(exact().aanswer(text) for text in ('road("Ash")', 'rail("Ash")')))

    assert [answer.entities for answer in asyncio.run(both())] == [["Birch"], ["Cedar"]]


def test_awaiting_does_not_block_the_event_loop() -> None:
    released = threading.Event()

    def wait(prompt: str) -> str:
        assert released.wait(10)
        return faultless_reply(prompt)

    async def answer_while_the_loop_runs() -> Answer:
        task = asyncio.create_task(lark(ScriptedChatModel(wait)).aanswer('road("Ash")'))
        await asyncio.sleep(0)
        released.set()
        return await task

    assert asyncio.run(answer_while_the_loop_runs()).entities == ["Birch"]


# The baseline ---------------------------------------------------------------------------------------------------


def test_the_copy_baseline_answers_with_all_of_the_context() -> None:
    (step,) = Reasoner(KG, llm="copy", method="lark").answer('road("Ash")').steps
    assert step.context is not None
    names = {name for line in step.context.lines for name in line.split(" | ")[::2]}
    assert set(step.entities) == names
    assert step.agrees is False


def test_distractors_keep_copying_from_being_right() -> None:
    answer = Reasoner(KG, llm="copy", method="lark").answer(TWO_STEPS)
    assert all(step.agrees is False for step in answer.steps)
