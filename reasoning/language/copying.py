"""The copy-everything baseline: how far an answer gets that reads nothing and repeats the whole context.

A context that holds little besides the answer is solved by repeating it, which says nothing about reasoning. The
published LARK code builds such contexts (Choudhary & Reddy 2023, arXiv 2305.01157), so this baseline stands beside
every figure of a language model here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from reasoning.language.contexts import CONTEXT_END, CONTEXT_START, NO_ANSWER

_CONTEXT = re.compile(rf"^[ \t]*{CONTEXT_START}[ \t]*$(.*?)^[ \t]*{CONTEXT_END}[ \t]*$", re.MULTILINE | re.DOTALL)
_ENTITY_ID = re.compile(r"\be\d+\b")
_NAME = re.compile(r'"(?:[^"\\]|\\.)*"')


class CopyEverythingChatModel(BaseChatModel):
    """Answers with every entity between the lines `<context>` and `</context>`, or "none" where there is none.

    Entities are ids like `e12`, or names in quotes where the context has any; they come comma separated in order of
    first occurrence. If the conversation holds several contexts the last counts: earlier ones belong to worked
    examples.
    """

    @property
    def _llm_type(self) -> str:
        return "skylark-copy-everything"

    def get_num_tokens(self, text: str) -> int:
        """The number of words and punctuation marks: there is no tokenizer, and budgets only need the order."""
        return len(re.findall(r"\w+|[^\w\s]", text))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """`get_num_tokens` of each text."""
        return [self.get_num_tokens(text) for text in texts]

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        contexts = _CONTEXT.findall("\n".join(message.text for message in messages))
        answer = ", ".join(dict.fromkeys(_entities(contexts[-1]) if contexts else ())) or NO_ANSWER
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=answer))])


def _entities(context: str) -> list[str]:
    if '"' not in context:
        return _ENTITY_ID.findall(context)
    entities: list[str] = []
    for line in context.split("\n"):
        names = _NAME.findall(line)
        # Of a triple the middle name is the relation's; the line of a set holds entities only.
        entities += names[::2] if line.startswith("(") else names
    return entities
