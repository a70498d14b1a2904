"""The Reasoner as LangChain knows it: in a chain, with a config, awaited and streamed."""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from uuid import UUID

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda

from reasoning import Answer, KnowledgeGraph, LarkOptions, Query, Reasoner
from reasoning.errors import QueryError, UnknownEntityError
from reasoning.execution.step_result import StepResult
from skylark.errors import UsageError
from tests.reasoning.chat_models import ScriptedChatModel, faultless, faultless_reply

KG = KnowledgeGraph.from_triples(
    [("Ash", "road", "Birch"), ("Birch", "road", "Cedar"), ("Cedar", "road", "Ash"), ("Ash", "rail", "Cedar")]
)
TWO_STEPS = 'road(road("Ash"))'
PROMPT = PromptTemplate.from_template('road("{town}")')


def exact() -> Reasoner:
    return Reasoner(KG, method="exact")


def lark(model: ScriptedChatModel | None = None, **options: Any) -> Reasoner:
    return Reasoner(KG, llm=model or faultless(), method="lark", options=LarkOptions(**options))


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


# In a chain ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reasoner", [exact(), lark()], ids=["exact", "lark"])
def test_it_stands_behind_a_prompt_and_before_a_function(reasoner: Reasoner) -> None:
    chain: Runnable[Any, Any] = PROMPT | reasoner | (lambda answer: answer.entities)
    assert chain.invoke({"town": "Ash"}) == ["Birch"]
    assert chain.batch([{"town": "Ash"}, {"town": "Birch"}]) == [["Birch"], ["Cedar"]]
    assert asyncio.run(chain.ainvoke({"town": "Cedar"})) == ["Ash"]


def test_a_streamed_chain_gives_the_whole_answer_once() -> None:
    assert [type(item) for item in (PROMPT | exact()).stream({"town": "Ash"})] == [Answer]
    chain: Runnable[Any, Any] = PROMPT | exact() | (lambda answer: answer.entities)
    assert list(chain.stream({"town": "Ash"})) == [["Birch"]]

    async def streamed() -> list[Any]:
        return [item async for item in chain.astream({"town": "Ash"})]

    assert asyncio.run(streamed()) == [["Birch"]]


def test_a_question_that_comes_in_pieces_is_put_together() -> None:
    pieces: RunnableLambda[str, Any] = RunnableLambda(lambda town: iter(["road(", f'"{town}"', ")"]))

    def in_pieces(town: str) -> Any:
        yield from pieces.invoke(town)

    (answer,) = (RunnableLambda(in_pieces) | exact()).stream("Ash")
    assert answer.entities == ["Birch"]


@pytest.mark.parametrize(
    "given",
    [
        Query.parse('road("Ash")'),
        'road("Ash")',
        {"question": 'road("Ash")'},
        {"question": Query.parse('road("Ash")')},
        PROMPT.invoke({"town": "Ash"}),
        ChatPromptTemplate.from_messages([("human", 'road("{town}")')]).invoke({"town": "Ash"}),
        ChatPromptTemplate.from_messages([("system", "Be kind."), ("human", 'road("{town}")')]).invoke({"town": "Ash"}),
        ScriptedChatModel('road("Ash")').invoke("write a query"),
        {"input": 'road("Ash")'},
        [HumanMessage("hello"), AIMessage("hello, what is it?"), HumanMessage('road("Ash")')],
        [("system", "Be kind."), ("user", 'road("Ash")')],
        [{"role": "user", "content": 'road("Ash")'}],
        {"messages": [{"role": "user", "content": 'road("Ash")'}], "remaining_steps": 3},
    ],
    ids=[
        *("query", "text", "dict", "dict of query", "prompt", "chat prompt", "prompt with a system message"),
        *("a model's message", "input", "messages", "pairs", "one message", "state of a graph"),
    ],
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
        ({"input": 5}, "found 'input'"),
        ([HumanMessage("x"), AIMessage("y")], 'a person\'s; found one of type "ai"'),
        ([("ai", 'road("Ash")')], 'a person\'s; found one of type "ai"'),
        ([("system", 'road("Ash")')], 'a person\'s; found one of type "system"'),
        ([], "expected a message that asks, found none"),
        ([5], "expected messages, or"),
        ({"messages": [5]}, "expected messages, or"),
    ],
    ids=[
        *("nothing", "another key", "two keys", "no key", "a number", "no words", "a number as input"),
        *(
            "a model has the last word",
            "a model alone",
            "a system alone",
            "no message",
            "no messages",
            "no messages in a state",
        ),
    ],
)
def test_what_is_no_question_is_refused(given: Any, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        exact().invoke(given)


def test_its_schemas_can_be_written_as_json() -> None:
    assert exact().get_output_jsonschema()["type"] == "object"
    assert {"type": "string"} in exact().get_input_jsonschema()["anyOf"]


# As what other parts of a program take ---------------------------------------------------------------------------


def test_what_stands_behind_it_in_a_chain_reads_words() -> None:
    asked: Runnable[Any, Any] = PROMPT | exact()
    chain: Runnable[Any, Any] = asked | PromptTemplate.from_template("It says: {answer}")
    assert chain.invoke({"town": "Ash"}).text == "It says: The road of Ash is Birch."
    model = ScriptedChatModel("Birch.")
    behind: Runnable[Any, Any] = asked | str | model
    assert behind.invoke({"town": "Ash"}).text == "Birch."
    assert "The road of Ash is Birch." in model.prompts[0]


def called(question: str) -> dict[str, Any]:
    return {"type": "tool_call", "id": "1", "name": "ask_graph", "args": {"question": question}}


def test_it_is_a_tool_that_says_the_answer_and_keeps_it() -> None:
    tool = exact().as_tool()
    assert tool.name == "ask_graph" and list(tool.args) == ["question"]
    assert tool.invoke('road("Ash")') == "The road of Ash is Birch."
    message = tool.invoke(called('road("Ash")'))
    assert message.content == "The road of Ash is Birch."
    assert message.artifact == exact().answer('road("Ash")').to_dict()
    assert asyncio.run(tool.ainvoke(called('road("Ash")'))).content == message.content


def test_the_tool_tells_the_agent_what_the_graph_holds() -> None:
    assert KG.schema() in exact().as_tool().description
    named = exact().as_tool(name="towns", description="Asks for towns.")
    assert (named.name, named.description) == ("towns", "Asks for towns.")


def test_the_tool_says_what_was_wrong_so_that_an_agent_can_ask_again() -> None:
    tool, mistaken = exact().as_tool(), called('raod("Ash")')
    for message in (tool.invoke(mistaken), asyncio.run(tool.ainvoke(mistaken))):
        assert message.status == "error" and 'nearest: "road"' in message.content


def test_the_tools_calls_of_the_model_are_children_of_the_agents_run() -> None:
    recorder = Recorder()
    lark().as_tool().invoke(TWO_STEPS, {"callbacks": [recorder], "tags": ["mine"]})
    assert len(recorder.parents_of_models()) == 2 and recorder.failed == []


@pytest.mark.filterwarnings("ignore:This API is in beta")
def test_arguments_of_ones_own_are_passed_on() -> None:
    tool = exact().as_tool(arg_types={"input": str}, name="towns", description="Asks for towns.")
    assert tool.invoke({"input": 'road("Ash")'}).entities == ["Birch"]


@pytest.mark.filterwarnings("ignore:This API is in beta")
@pytest.mark.parametrize(
    "chain",
    [exact().with_retry() | str, exact().with_config(tags=["mine"]) | str, exact() | str],
    ids=["with_retry", "with_config", "chain"],
)
def test_what_langchain_makes_of_it_is_a_tool_that_is_told_its_argument(chain: Runnable[Any, Any]) -> None:
    tool = chain.as_tool(arg_types={"question": str}, name="ask_graph", description="Asks for towns.")
    assert tool.invoke(called('road("Ash")')).content == "The road of Ash is Birch."


def test_a_name_in_the_place_of_arguments_is_told_where_it_belongs() -> None:
    with pytest.raises(UsageError, match=r"found 'towns'; a name goes in as name="):
        exact().as_tool("towns")  # type: ignore[arg-type]


# A config --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["invoke", "ainvoke", "batch", "stream", "astream"])
def test_the_models_calls_are_children_of_the_run(how: str) -> None:
    recorder = Recorder()
    config: Any = {"callbacks": [recorder], "run_name": "my question", "tags": ["mine"]}

    async def asynchronously() -> None:
        if how == "ainvoke":
            await lark().ainvoke(TWO_STEPS, config)
        else:
            _ = [step async for step in lark().astream(TWO_STEPS, config)]

    if how == "invoke":
        lark().invoke(TWO_STEPS, config)
    elif how == "batch":
        lark(max_concurrency=2).batch([TWO_STEPS], config)
    elif how == "stream":
        list(lark().stream(TWO_STEPS, config))
    else:
        asyncio.run(asynchronously())
    assert recorder.parents_of_models() == ["my question"] * 2
    assert all("mine" in tags for _, _, tags in recorder.runs.values())
    assert len(recorder.ended) == 1 and recorder.failed == []


def test_an_error_is_the_runs_error() -> None:
    recorder = Recorder()
    with pytest.raises(UnknownEntityError):
        exact().invoke('road("Nowhere at all")', {"callbacks": [recorder]})
    assert len(recorder.failed) == 1 and recorder.ended == []


def test_a_plain_answer_is_no_run_of_its_own_but_its_calls_belong_to_the_run_around_it() -> None:
    recorder = Recorder()
    entities: RunnableLambda[str, Any] = RunnableLambda(lambda question: lark().answer(question).entities)
    around = entities.with_config(run_name="around")
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


def test_the_options_bound_what_is_asked_at_once() -> None:
    answers = lark(ScriptedChatModel(Meeting(2)), max_concurrency=2).batch(['road("Ash")', 'rail("Ash")'])
    assert [answer.entities for answer in answers] == [["Birch"], ["Cedar"]]


def test_a_given_model_is_asked_for_one_after_the_other_unless_told_otherwise() -> None:
    under_way = threading.Lock()

    def alone(prompt: str) -> str:
        assert under_way.acquire(blocking=False)
        try:
            return faultless_reply(prompt)
        finally:
            under_way.release()

    assert all(answer.error is None for answer in lark(ScriptedChatModel(alone)).batch([TWO_STEPS] * 4))


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_takes_its_place_or_ends_the_batch(workers: int) -> None:
    questions = ['road("Ash")', 'road("Nowhere at all")', None, 'road("Birch")']
    answers = exact().batch(questions, return_exceptions=True, max_concurrency=workers)  # type: ignore[arg-type]
    assert [type(answer) for answer in answers] == [Answer, UnknownEntityError, QueryError, Answer]
    with pytest.raises(UnknownEntityError):
        exact().batch(questions, max_concurrency=workers)  # type: ignore[arg-type]


def test_an_empty_batch_is_empty() -> None:
    assert exact().batch([]) == [] == asyncio.run(exact().abatch([]))


# Asynchronously --------------------------------------------------------------------------------------------------


def test_steps_can_be_awaited() -> None:
    async def steps() -> list[Any]:
        return [step async for step in lark().astream(TWO_STEPS)]

    first, second = asyncio.run(steps())
    assert isinstance(first, StepResult) and (first.entities, second.entities) == (["Birch"], ["Cedar"])


def test_an_awaited_stream_that_is_given_up_asks_no_more() -> None:
    model = faultless()

    async def one_step() -> None:
        stream = lark(model).astream(TWO_STEPS)
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(one_step())
    assert len(model.prompts) == 1
