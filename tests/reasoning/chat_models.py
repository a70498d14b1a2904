"""LangChain chat models that need no weights: one reads its prompt without fault, one says what it is told.

The faultless one knows nothing but the last message of the prompt, so where it is right the prompt alone suffices.
"""

import json
import re
import threading
from collections.abc import Callable, Sequence
from typing import Any, cast

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

_NAME = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s,]+')
_CONTEXT = re.compile(r"^<context>\n(.*?)\n?^</context>$", re.MULTILINE | re.DOTALL)

Reply = str | AIMessage | Exception | Callable[[str], str]


def context_lines(prompt: str) -> list[str]:
    """The lines of the prompt's last context: earlier ones belong to worked examples."""
    return [line for line in _CONTEXT.findall(prompt)[-1].split("\n") if line]


def faultless_reply(prompt: str) -> str:
    """What the prompt's last question asks for, by its context."""
    question = prompt.rstrip().rsplit("\n", 1)[-1]
    triples: list[tuple[str, str, str]] = []
    sets: dict[str, set[str]] = {}
    for line in context_lines(prompt):
        if listed := re.fullmatch(r"([A-Z]\d*): (.*)", line):
            sets[listed[1]] = set() if listed[2] == "(empty)" else set(_NAME.findall(listed[2]))
        else:
            head, relation, tail = _triple(re.sub(r" \d\.\d\d$", "", line))  # without its confidence
            triples.append((head, relation, tail))
    for name, asked in re.findall(r"(S\d+): (.*?)\.(?= S\d+: | Find the members of S\d+$)", question):
        sets[name] = _answer(asked, triples, sets)
    last = re.search(r"Find the members of (S\d+)$", question)
    found = sets[last[1]] if last else _answer(question, triples, sets)
    return ", ".join(sorted(found)) or "none"


def as_json(prompt: str) -> str:
    """The faultless reply as an object."""
    reply = faultless_reply(prompt)
    names = [] if reply == "none" else json.loads(f"[{reply}]") if '"' in reply else reply.split(", ")
    return json.dumps({"answers": names})


def _triple(line: str) -> tuple[str, str, str]:
    assert line.startswith("(") and line.endswith(")"), line
    head, relation, tail = _NAME.findall(line[1:-1])
    return head, relation, tail


def _answer(question: str, triples: Sequence[tuple[str, str, str]], sets: dict[str, set[str]]) -> set[str]:
    def named(text: str) -> list[set[str]]:
        return [sets.get(name, {name}) for name in _NAME.findall(text)]

    if projection := re.fullmatch(r"Find \? in (.*)", question):
        pattern, _, several = projection[1].partition(" where x is any of ")
        first, relation, last = _triple(pattern)
        sources = set().union(*named(several or (last if first == "?" else first)))
        if first == "?":
            return {head for head, between, tail in triples if between == relation and tail in sources}
        return {tail for head, between, tail in triples if between == relation and head in sources}
    if both := re.fullmatch(r"Find the members of every one of the sets (.*)", question):
        return set.intersection(*named(both[1]))
    if either := re.fullmatch(r"Find the members of at least one of the sets (.*)", question):
        return set().union(*named(either[1]))
    without = re.fullmatch(r"Find the members of the set (.*) that are not in the set (.*)", question)
    assert without, question
    return set().union(*named(without[1])) - set().union(*named(without[2]))


class ScriptedChatModel(BaseChatModel):
    """Gives its replies in turn, the last one for ever: texts, messages, functions of the prompt, errors to raise."""

    replies: list[Any]
    prompts: list[str] = Field(default_factory=list)

    def __init__(self, *replies: Reply, **fields: Any) -> None:
        super().__init__(**fields, **cast(dict[str, Any], {"replies": list(replies)}))

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        reply = self.replies[min(len(self.prompts), len(self.replies) - 1)]
        self.prompts.append("\n\n".join(message.text for message in messages))
        if isinstance(reply, Exception):
            raise reply
        if callable(reply):
            reply = reply(self.prompts[-1])
        message = reply if isinstance(reply, AIMessage) else AIMessage(reply)
        return ChatResult(generations=[ChatGeneration(message=message)])


def faultless() -> ScriptedChatModel:
    """A model that answers every prompt by its context."""
    return ScriptedChatModel(faultless_reply)


def hang(prompt: str) -> str:
    """The reply of a model that does not answer while the test lasts."""
    threading.Event().wait(60)
    return "none"
