"""A reasoner as a tool, alone and of an agent of LangGraph with checkpoints, and as a node of a graph."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.runnables import Runnable
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from reasoning import KnowledgeGraph, Reasoner
from skylark.errors import UsageError
from tests.reasoning.chat_models import ScriptedChatModel

STAFF = KnowledgeGraph.from_triples(
    [("Ann", "works for", "Acme"), ("Bob", "works for", "Acme"), ("Acme", "in", "Lyon")]
)
REASONER = Reasoner(STAFF, method="exact")
THREAD: Any = {"configurable": {"thread_id": "1"}}
STAFF_OF_ACME = '~"works for"("Acme")'
IN_WORDS = "Ann and Bob work for Acme."


def called(question: str) -> dict[str, Any]:
    return {"type": "tool_call", "id": question, "name": "ask_graph", "args": {"question": question}}


def test_it_says_the_answer_and_keeps_it() -> None:
    tool = REASONER.as_tool()
    assert tool.name == "ask_graph" and list(tool.args) == ["question"]
    assert tool.invoke(STAFF_OF_ACME) == IN_WORDS
    message = tool.invoke(called(STAFF_OF_ACME))
    assert message.content == IN_WORDS and message.artifact == REASONER.answer(STAFF_OF_ACME).to_dict()
    assert asyncio.run(tool.ainvoke(called(STAFF_OF_ACME))).content == message.content
    for message in (tool.invoke(called("on(")), asyncio.run(tool.ainvoke(called("on(")))):
        assert message.status == "error" and "the query ends too early" in message.content


@pytest.mark.filterwarnings("ignore:This API is in beta")
def test_a_tool_tells_what_the_graph_holds_and_takes_other_arguments() -> None:
    tool = REASONER.as_tool(arg_types={"input": str}, name="staff", description="Asks for staff.")
    assert tool.invoke({"input": STAFF_OF_ACME}).entities == ["Ann", "Bob"]
    chains: tuple[Runnable[Any, Any], ...] = (REASONER.with_retry() | str, REASONER.with_config(tags=["mine"]) | str)
    for chain in chains:
        tool = chain.as_tool(arg_types={"question": str}, name="ask_graph", description="Asks for staff.")
        assert tool.invoke(called(STAFF_OF_ACME)).content == IN_WORDS
    assert STAFF.schema() in REASONER.as_tool().description
    named = REASONER.as_tool(name="staff", description="Asks for staff.")
    assert (named.name, named.description) == ("staff", "Asks for staff.")
    with pytest.raises(UsageError, match=r"found 'staff'; a name goes in as name="):
        REASONER.as_tool("staff")  # type: ignore[arg-type]


class Agent(ScriptedChatModel):
    """A chat model that may be given tools."""

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Runnable[Any, AIMessage]:
        return self


def asks(question: str) -> AIMessage:
    return AIMessage("", tool_calls=[called(question)])


def agent(*replies: AIMessage) -> Any:
    model = Agent(*replies)  # type: ignore[call-arg]  # its parent takes replies so
    return create_agent(model, [REASONER.as_tool()], checkpointer=InMemorySaver())


def tool_messages(messages: Sequence[BaseMessage]) -> list[ToolMessage]:
    return [message for message in messages if isinstance(message, ToolMessage)]


def test_an_agent_is_told_a_mistake_and_the_answer_and_its_checkpoint_holds_it() -> None:
    replies = asks('~"works fro"("Acme")'), asks(STAFF_OF_ACME), AIMessage("Ann and Bob.")
    messages = agent(*replies).invoke({"messages": "Who?"}, THREAD)["messages"]
    wrong, told = tool_messages(messages)
    assert wrong.status == "error" and 'nearest: "works for"' in str(wrong.content)
    assert told.content == IN_WORDS
    assert told.artifact["evidence"] == [["Ann", "works for", "Acme"], ["Bob", "works for", "Acme"]]
    assert messages[-1].content == "Ann and Bob."
    kept = agent(asks('in("Acme")'), AIMessage("Lyon."))
    asyncio.run(kept.ainvoke({"messages": "Where?"}, THREAD))
    (told,) = tool_messages(kept.get_state(THREAD).values["messages"])
    assert [answer["entity"] for answer in told.artifact["answers"]] == ["Lyon"]


def test_a_reasoner_takes_the_state_of_a_graph() -> None:
    builder = StateGraph(MessagesState)
    builder.add_node("look_up", lambda state: {"messages": [AIMessage(str(REASONER.invoke(dict(state))))]})
    builder.add_edge(START, "look_up")
    builder.add_edge("look_up", END)
    flow: Any = builder.compile(checkpointer=InMemorySaver())
    for question in ('in("Acme")', '~in("Lyon")'):
        done = flow.invoke({"messages": [("user", question)]}, THREAD)
        assert "Acme is in Lyon" in done["messages"][-1].content
