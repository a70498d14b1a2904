"""A reasoner in LangGraph: an agent's tool and a node, with checkpoints; a model with set replies drives the agent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.runnables import Runnable
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from reasoning import KnowledgeGraph, Reasoner
from tests.reasoning.chat_models import ScriptedChatModel

STAFF = KnowledgeGraph.from_triples(
    [("Ann", "works for", "Acme"), ("Bob", "works for", "Acme"), ("Acme", "in", "Lyon")]
)
THREAD: Any = {"configurable": {"thread_id": "1"}}


class Agent(ScriptedChatModel):
    """A chat model that may be given tools."""

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Runnable[Any, AIMessage]:
        return self


def asks(question: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"id": question, "name": "ask_graph", "args": {"question": question}}])


def agent(*replies: AIMessage) -> Any:
    tools = [Reasoner(STAFF, method="exact").as_tool()]
    model = Agent(*replies)  # type: ignore[call-arg]  # its parent takes replies so
    return create_agent(model, tools, checkpointer=InMemorySaver())


def tool_messages(messages: Sequence[BaseMessage]) -> list[ToolMessage]:
    return [message for message in messages if isinstance(message, ToolMessage)]


def test_an_agent_asks_and_is_answered_in_words() -> None:
    done = agent(asks('~"works for"("Acme")'), AIMessage("Ann and Bob.")).invoke({"messages": "Who?"}, THREAD)
    (told,) = tool_messages(done["messages"])
    assert told.content == "Ann and Bob work for Acme."
    assert told.artifact["evidence"] == [["Ann", "works for", "Acme"], ["Bob", "works for", "Acme"]]
    assert done["messages"][-1].content == "Ann and Bob."


def test_a_mistake_is_told_to_the_agent_and_ends_nothing() -> None:
    replies = asks('~"works fro"("Acme")'), asks('~"works for"("Acme")'), AIMessage("Ann and Bob.")
    first, second = tool_messages(agent(*replies).invoke({"messages": "Who?"}, THREAD)["messages"])
    assert first.status == "error" and 'nearest: "works for"' in str(first.content)
    assert second.content == "Ann and Bob work for Acme."


def test_an_agents_checkpoint_holds_what_was_found() -> None:
    kept = agent(asks('in("Acme")'), AIMessage("Lyon."))
    asyncio.run(kept.ainvoke({"messages": "Where?"}, THREAD))
    (told,) = tool_messages(kept.get_state(THREAD).values["messages"])
    assert [answer["entity"] for answer in told.artifact["answers"]] == ["Lyon"]


def test_a_reasoner_takes_the_state_of_a_graph() -> None:
    reasoner = Reasoner(STAFF, method="exact")

    def look_up(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(str(reasoner.invoke(dict(state))))]}

    builder = StateGraph(MessagesState)
    builder.add_node("look_up", look_up)
    builder.add_edge(START, "look_up")
    builder.add_edge("look_up", END)
    flow: Any = builder.compile(checkpointer=InMemorySaver())
    for question, says in (('in("Acme")', "Acme is in Lyon"), ('~in("Lyon")', "Acme is in Lyon")):
        done = flow.invoke({"messages": [("user", question)]}, THREAD)
        assert says in done["messages"][-1].content
