"""The Reasoner: its answers and steps, and what LangChain knows it as: in a chain, with a config, awaited, streamed."""

import asyncio
import datetime
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda

import reasoning.reasoner
from reasoning import Answer, KnowledgeGraph, LarkOptions, Query, Reasoner, SkylarkError, StepResult
from reasoning.errors import QueryError, UnknownEntityError
from reasoning.evaluation.run import replies
from reasoning.execution.conclusion import BoundQuestion, Event, Finished, StepFinished, StepStarted, conclude
from reasoning.execution.exact import exact_result, execute
from reasoning.lm import LLMError, UnknownLLMError
from reasoning.methods import METHODS
from reasoning.query.read_question import ReadQuestion
from tests.reasoning.chat_models import ScriptedChatModel, faultless, faultless_reply

KG = KnowledgeGraph.from_triples(
    [
        *(("Ash", "road", "Birch"), ("Birch", "road", "Cedar"), ("Cedar", "road", "Ash"), ("Ash", "rail", "Cedar")),
        *(("Dale", "road", "Elm"), ("Ash", "people", 30), ("Birch", "people", 20), ("Cedar", "people", 40)),
        ("Ash", "founded", datetime.date(1200, 5, 1)),
    ]
)
TWO_STEPS = 'road(road("Ash"))'
PROMPT = PromptTemplate.from_template('road("{town}")')
CHAT_PROMPT = ChatPromptTemplate.from_messages([("system", "Be kind."), ("human", 'road("{town}")')])


def exact() -> Reasoner:
    return Reasoner(KG, method="exact")


def lark(model: ScriptedChatModel | None = None, **options: Any) -> Reasoner:
    return Reasoner(KG, llm=model or faultless(), method="lark", options=LarkOptions(**options))


# Making one -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("larc", "unknown method 'larc'; expected one of exact, lark, complete, hybrid; did you mean 'lark'"),
        (None, "unknown method None"),
    ],
)
def test_an_unknown_method_is_an_error_that_lists_the_methods(method: Any, message: str) -> None:
    with pytest.raises(SkylarkError, match=message):
        Reasoner(KG, method=method)


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
    assert Reasoner(KG, llm=llm, method="exact").answer('road("Ash")').entities == ["Birch"]


def test_a_further_method_is_one_class_under_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {name: (kind.asks_model, kind.goes_beyond_graph) for name, kind in METHODS.items()}
    expected = {"exact": (False, False), "lark": (True, False), "complete": (False, True), "hybrid": (True, True)}
    assert kinds == expected

    class LastStepOnly:
        name = "last"
        asks_model = False
        goes_beyond_graph = False

        def __init__(self, kg: KnowledgeGraph, *_unused: object) -> None:
            self.kg = kg

        def deciding(self) -> dict[str, Any]:
            return {}

        def events(self, question: BoundQuestion) -> Iterator[Event]:
            results = execute(self.kg, question.chain)
            steps = [exact_result(self.kg, step, results) for step in question.chain]
            yield Finished(conclude(self.kg, self.name, question, steps))

    monkeypatch.setitem(METHODS, "last", LastStepOnly)
    answer = Reasoner(KG, method="last").answer('road("Ash")')
    assert (answer.method, answer.entities, answer.sentence) == ("last", ["Birch"], "The road of Ash is Birch.")


# An answer ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("reasoner", [exact(), lark()], ids=["exact", "lark"])
def test_both_methods_give_the_same_kind_of_answer(reasoner: Reasoner) -> None:
    for query, entities, value in (
        ('"Ash"', ["Ash"], None),
        (TWO_STEPS, ["Cedar"], None),
        ('count(road("Ash") | rail("Ash"))', ["Birch", "Cedar"], 2),
        ('exists(rail("Cedar"))', [], False),
        ('people("Ash")', ["Ash"], 30),
        ('founded("Ash")', ["Ash"], datetime.date(1200, 5, 1)),
        ('top(1, people, road("Ash") | rail("Ash"))', ["Cedar"], None),
    ):
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


def test_a_corrected_name_is_noted_and_every_answer_is_json() -> None:
    for reasoner in (exact(), lark(), lark(ScriptedChatModel("no idea"))):
        for query in ('"Ash"', TWO_STEPS, 'founded("Ash")', '!road("Ash")', 'people(!"Ash") > 25'):
            shown = reasoner.answer(query).to_dict()
            assert json.loads(json.dumps(shown)) == shown
    found = {"entity": "Ash", "id": "Ash", "score": 1.0, "value": "1200-05-01"}
    assert exact().answer('founded("Ash")').to_dict()["answers"] == [found]
    assert exact().answer('road("Birhc")').notes == ('read "Birhc" as "Birch"',)
    model = faultless()
    with pytest.raises(UnknownEntityError):
        lark(model).answer('road("Ash") & road("Nowhere at all")')
    assert model.prompts == []


def test_the_copy_baseline_answers_with_all_of_the_context() -> None:
    answer = Reasoner(KG, llm="copy", method="lark").answer(TWO_STEPS)
    assert all(step.agrees is False for step in answer.steps)
    context = answer.steps[0].context
    assert context is not None
    assert set(answer.steps[0].entities) == {name for line in context.lines for name in line.split(" | ")[::2]}


# Watching -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reasoner", [exact(), lark()], ids=["exact", "lark"])
def test_each_step_starts_then_finishes_and_the_answer_comes_last(reasoner: Reasoner) -> None:
    *events, last = reasoner.events(TWO_STEPS)
    assert isinstance(last, Finished)
    started = [event for event in events[::2] if isinstance(event, StepStarted)]
    finished = [event for event in events[1::2] if isinstance(event, StepFinished)]
    assert [(event.step.position, event.total) for event in started] == [(0, 2), (1, 2)]
    assert [event.context is not None for event in started] == [reasoner.asks_llm] * 2
    assert [event.remaining_seconds > 0 for event in finished] == [reasoner.asks_llm, False]
    assert [event.question for event in started] == [event.result.question for event in finished]
    assert "Ash" in started[0].question and "Birch" in started[1].question


def test_what_the_model_will_be_shown_is_known_first_and_a_whole_query_is_one_step() -> None:
    model = faultless()
    event = next(iter(lark(model).events(TWO_STEPS)))
    assert isinstance(event, StepStarted) and event.context is not None
    assert model.prompts == []
    begun, done, _ = lark(prompting="whole").events(TWO_STEPS)
    assert isinstance(begun, StepStarted) and isinstance(done, StepFinished)
    assert begun.question == done.result.question


def test_a_stream_asks_for_a_step_only_when_it_is_wanted_and_steps_can_be_awaited_and_given_up() -> None:
    model = faultless()
    stream, steps = lark(model).stream(TWO_STEPS), list[StepResult]()
    with pytest.raises(StopIteration) as stopped:
        while True:
            assert len(model.prompts) == len(steps)
            steps.append(next(stream))
    answer = stopped.value.value
    assert (answer.entities, answer.steps) == (["Cedar"], tuple(steps))
    given_up = lark(model := faultless()).stream(TWO_STEPS)
    next(given_up)
    given_up.close()
    assert len(model.prompts) == 1

    async def awaited() -> list[Any]:
        return [step async for step in lark().astream(TWO_STEPS)]

    first, second = asyncio.run(awaited())
    assert isinstance(first, StepResult) and (first.entities, second.entities) == (["Birch"], ["Cedar"])
    model = faultless()

    async def one_step() -> None:
        stream = lark(model).astream(TWO_STEPS)
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(one_step())
    assert len(model.prompts) == 1


def test_awaiting_does_not_block_the_event_loop() -> None:
    released = threading.Event()

    def wait(prompt: str) -> str:
        assert released.wait(10)
        return faultless_reply(prompt)

    async def answer_while_the_loop_runs() -> list[Answer]:
        waiting = lark(ScriptedChatModel(wait)).aanswer('road("Ash")')
        tasks = [asyncio.create_task(asked) for asked in (waiting, exact().aanswer('rail("Ash")'))]
        await asyncio.sleep(0)
        released.set()
        return await asyncio.gather(*tasks)

    assert [answer.entities for answer in asyncio.run(answer_while_the_loop_runs())] == [["Birch"], ["Cedar"]]


# In a chain ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reasoner", [exact(), lark()], ids=["exact", "lark"])
def test_it_stands_behind_a_prompt_and_before_a_function(reasoner: Reasoner) -> None:
    chain: Runnable[Any, Any] = PROMPT | reasoner | (lambda answer: answer.entities)
    assert chain.invoke({"town": "Ash"}) == ["Birch"]
    assert chain.batch([{"town": "Ash"}, {"town": "Birch"}]) == [["Birch"], ["Cedar"]]
    assert asyncio.run(chain.ainvoke({"town": "Cedar"})) == ["Ash"]


def test_a_streamed_chain_gives_the_whole_answer_once() -> None:
    assert [type(item) for item in (PROMPT | exact()).stream({"town": "Ash"})] == [Answer]

    async def streamed() -> list[Any]:
        return [item async for item in (PROMPT | exact()).astream({"town": "Ash"})]

    assert [answer.entities for answer in asyncio.run(streamed())] == [["Birch"]]

    def in_pieces(town: str) -> Any:
        yield from ("road(", f'"{town}"', ")")

    (answer,) = (RunnableLambda(in_pieces) | exact()).stream("Ash")
    assert answer.entities == ["Birch"]


@pytest.mark.parametrize(
    "given",
    [
        Query.parse('road("Ash")'),
        {"question": 'road("Ash")'},
        {"question": Query.parse('road("Ash")')},
        PROMPT.invoke({"town": "Ash"}),
        CHAT_PROMPT.invoke({"town": "Ash"}),
        ScriptedChatModel('road("Ash")').invoke("write a query"),
        {"input": 'road("Ash")'},
        [HumanMessage("hello"), AIMessage("hello, what is it?"), HumanMessage('road("Ash")')],
        [("system", "Be kind."), ("user", 'road("Ash")')],
        {"messages": [{"role": "user", "content": 'road("Ash")'}], "remaining_steps": 3},
    ],
    ids=type,
)
def test_what_a_chain_gives_is_a_question(given: Any) -> None:
    assert exact().invoke(given).entities == exact().answer(given).entities == ["Birch"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "expected a query or a text, found NoneType"),
        ({"query": 'road("Ash")'}, 'key "question" or "input" alone.*; found \'query\''),
        ({"question": "x", "input": "y"}, "found 'question', 'input'"),
        ({}, "found none"),
        ({"question": 5}, "found 'question'"),
        ({"question": " "}, "found an empty text"),
        ([HumanMessage("x"), AIMessage("y")], 'a person\'s; found one of type "ai"'),
        ([("system", 'road("Ash")')], 'a person\'s; found one of type "system"'),
        ([], "expected a message that asks, found none"),
        ([5], "expected messages, or"),
        ({"messages": [5]}, "expected messages, or"),
    ],
    ids=str,
)
def test_what_is_no_question_is_refused(given: Any, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        exact().invoke(given)


def test_what_stands_behind_it_in_a_chain_reads_words_and_its_schemas_are_json() -> None:
    asked: Runnable[Any, Any] = PROMPT | exact()
    chain: Runnable[Any, Any] = asked | PromptTemplate.from_template("It says: {answer}")
    assert chain.invoke({"town": "Ash"}).text == "It says: The road of Ash is Birch."
    model = ScriptedChatModel("Birch.")
    behind: Runnable[Any, Any] = asked | str | model
    assert behind.invoke({"town": "Ash"}).text == "Birch."
    assert "The road of Ash is Birch." in model.prompts[0]
    assert exact().get_output_jsonschema()["type"] == "object"
    assert {"type": "string"} in exact().get_input_jsonschema()["anyOf"]


# A config --------------------------------------------------------------------------------------------------------


class Recorder(BaseCallbackHandler):
    """Which runs began, each with its parent and tags, and which ended."""

    def __init__(self) -> None:
        self.runs: dict[UUID, tuple[str, UUID | None, list[str]]] = {}
        self.ended: list[UUID] = []
        self.failed: list[UUID] = []

    def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: UUID, **about: Any) -> None:
        self.runs[run_id] = (about.get("name") or "", about.get("parent_run_id"), about.get("tags") or [])

    def on_chat_model_start(self, serialized: Any, messages: Any, *, run_id: UUID, **about: Any) -> None:
        self.runs[run_id] = ("model", about.get("parent_run_id"), about.get("tags") or [])

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **about: Any) -> None:
        self.ended.append(run_id)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **about: Any) -> None:
        self.failed.append(run_id)

    def parents_of_models(self) -> list[str]:
        return [self.runs[parent][0] for name, parent, _ in self.runs.values() if name == "model" and parent]


@pytest.mark.parametrize("how", ["invoke", "ainvoke", "batch", "stream", "astream"])
def test_the_models_calls_are_children_of_the_run(how: str) -> None:
    recorder = Recorder()
    config: Any = {"callbacks": [recorder], "run_name": "my question", "tags": ["mine"]}
    reasoner = lark(max_concurrency=2)

    async def streamed() -> None:
        _ = [step async for step in reasoner.astream(TWO_STEPS, config)]

    run: dict[str, Callable[[], object]] = {
        "invoke": lambda: reasoner.invoke(TWO_STEPS, config),
        "ainvoke": lambda: asyncio.run(reasoner.ainvoke(TWO_STEPS, config)),
        "batch": lambda: reasoner.batch([TWO_STEPS], config),
        "stream": lambda: list(reasoner.stream(TWO_STEPS, config)),
        "astream": lambda: asyncio.run(streamed()),
    }
    run[how]()
    assert recorder.parents_of_models() == ["my question"] * 2
    assert all("mine" in tags for _, _, tags in recorder.runs.values())
    assert len(recorder.ended) == 1 and recorder.failed == []


def test_an_error_is_the_runs_error_and_calls_belong_to_the_run_around_them() -> None:
    recorder = Recorder()
    with pytest.raises(UnknownEntityError):
        exact().invoke('road("Nowhere at all")', {"callbacks": [recorder]})
    assert len(recorder.failed) == 1 and recorder.ended == []
    recorder = Recorder()
    lark().as_tool().invoke(TWO_STEPS, {"callbacks": [recorder], "tags": ["mine"]})
    assert len(recorder.parents_of_models()) == 2 and recorder.failed == []
    entities: RunnableLambda[str, Any] = RunnableLambda(lambda question: lark().answer(question).entities)
    around = entities.with_config(run_name="around")
    recorder = Recorder()
    assert around.invoke(TWO_STEPS, {"callbacks": [recorder]}) == ["Cedar"]
    assert recorder.parents_of_models() == ["around"] * 2


# Several at once -------------------------------------------------------------------------------------------------


class Meeting:
    """A reply that is given only once so many are asked for together."""

    def __init__(self, parties: int) -> None:
        self._barrier = threading.Barrier(parties, timeout=10)

    def __call__(self, prompt: str) -> str:
        self._barrier.wait()
        return faultless_reply(prompt)

    def read(self, question: str, *_: object) -> ReadQuestion:
        self._barrier.wait()
        return ReadQuestion(question, Query.parse('road("Ash")'), 1.0, 1.0)


@pytest.mark.parametrize(
    "run",
    [
        lambda reasoner, questions: reasoner.batch(questions, max_concurrency=2),
        lambda reasoner, questions: reasoner.batch(questions, {"max_concurrency": 2}),
        lambda reasoner, questions: asyncio.run(reasoner.abatch(questions, max_concurrency=2)),
    ],
    ids=["keyword", "config", "async"],
)
def test_a_batch_asks_as_many_at_once_as_it_is_told(run: Any) -> None:
    answers = run(lark(ScriptedChatModel(Meeting(2))), ['road("Ash")', 'rail("Ash")', 'road("Birch")', 'road("Cedar")'])
    assert [answer.entities for answer in answers] == [["Birch"], ["Cedar"], ["Cedar"], ["Ash"]]


def test_the_options_bound_what_is_asked_at_once_and_a_failed_step_is_no_exception() -> None:
    answers = lark(ScriptedChatModel(Meeting(2)), max_concurrency=2).batch(['road("Ash")', 'rail("Ash")'])
    assert [answer.entities for answer in answers] == [["Birch"], ["Cedar"]]
    under_way = threading.Lock()

    def alone(prompt: str) -> str:
        assert under_way.acquire(blocking=False)
        try:
            return faultless_reply(prompt)
        finally:
            under_way.release()

    assert all(answer.error is None for answer in lark(ScriptedChatModel(alone)).batch([TWO_STEPS] * 4))
    first, second = lark(ScriptedChatModel("no", "no", faultless_reply)).batch(['road("Ash")', 'rail("Ash")'])
    assert first.error and not first.entities
    assert (second.error, second.entities) == (None, ["Cedar"])


@pytest.mark.parametrize("workers", [None, 3])
def test_an_error_takes_its_place_or_ends_the_batch(workers: int) -> None:
    questions: list[Any] = ['road("Ash")', 'road("Nowhere at all")', None, Query.parse('road("Birch")')]
    answers = exact().batch(questions, return_exceptions=True, max_concurrency=workers)
    assert [type(answer) for answer in answers] == [Answer, UnknownEntityError, QueryError, Answer]
    assert [answers[0].entities, answers[3].entities] == [["Birch"], ["Cedar"]]
    with pytest.raises(UnknownEntityError):
        exact().batch(questions, max_concurrency=workers)
    assert exact().batch([]) == [] == asyncio.run(exact().abatch([]))


def test_taught_models_read_several_questions_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = ["where from Ash", "where from Birch", "what is by Cedar"]
    monkeypatch.setattr(reasoning.reasoner, "understand", Meeting(3).read)
    assert [answer.entities for answer in exact().batch(questions)] == [["Birch"]] * 3
    monkeypatch.setattr(reasoning.reasoner, "understand", Meeting(3).read)
    found = [reply.answer for reply in replies(exact(), questions)]
    assert [answer and answer.entities for answer in found] == [["Birch"]] * 3
    threads: set[int] = set()
    answered = Reasoner.answer

    def answer(self: Reasoner, asked: Query | str) -> Answer:
        threads.add(threading.get_ident())
        return answered(self, asked)

    monkeypatch.setattr(Reasoner, "answer", answer)
    assert len([*replies(exact(), [Query.parse('road("Ash")')] * 3)]) == 3
    assert threads == {threading.get_ident()}
