"""A reasoner as a tool of an agent: a question goes in, the answer in words comes out, and behind it all of it as data.

An agent that misspells a name is not to be ended by that: it is told what was wrong and which names are near, as a
person is, and can ask again.
"""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field

from reasoning.answer import Answer
from reasoning.graph.store import KnowledgeGraph
from reasoning.parsing.options import QuestionInput
from skylark.errors import SkylarkError

NAME = "ask_graph"

MOST_RELATIONS = 40
"""Relations that the description lists."""

_DESCRIPTION = """Answers a question from the facts of a knowledge graph, and from nothing else.
{schema}
A question is plain English, or a query: relation("Name") is what a relation leads to, ~relation("Name") what leads \
there, & | ! are and, or, not, count(...), exists(...), relation(...) > 5, top(3, relation, ...); they nest."""


class _Question(BaseModel):
    question: str = Field(description='In plain English, or a query such as capital(borders("Germany"))')


def question_tool(
    reasoner: Runnable[QuestionInput, Answer], kg: KnowledgeGraph, name: str | None, description: str | None
) -> BaseTool:
    """The tool that asks a reasoner.

    Args:
        reasoner: what answers.
        kg: its graph, whose schema the description tells.
        name: what the agent calls it, `NAME` where None.
        description: what the agent is told of it; of the graph and of questions where None.

    Returns:
        A tool whose message holds `str(answer)`, and as its artifact `answer.to_dict()`: agents keep their messages on
        disk, where an `Answer` with its graph has no place.
    """

    def ask(question: str, config: RunnableConfig) -> tuple[str, dict[str, Any]]:
        try:
            answer = reasoner.invoke(question, config)
        except SkylarkError as error:
            raise ToolException(str(error)) from error
        return str(answer), answer.to_dict()

    async def ask_awaited(question: str, config: RunnableConfig) -> tuple[str, dict[str, Any]]:
        try:
            answer = await reasoner.ainvoke(question, config)
        except SkylarkError as error:
            raise ToolException(str(error)) from error
        return str(answer), answer.to_dict()

    return StructuredTool.from_function(
        func=ask,
        coroutine=ask_awaited,
        name=name or NAME,
        description=description or _DESCRIPTION.format(schema=kg.schema(MOST_RELATIONS)),
        args_schema=_Question,
        response_format="content_and_artifact",
        handle_tool_error=True,
    )
