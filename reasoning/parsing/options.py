"""What is asked and how: options of the parser, forms of a question, what is a formal query already, and anchors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, convert_to_messages
from langchain_core.prompt_values import PromptValue

from reasoning.errors import QueryError
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm.calls import MODEL, ModelOptions
from reasoning.query.tree import Entity, Query
from skylark.errors import SkylarkError


def anchor(kg: KnowledgeGraph, entity: int) -> Entity:
    """The entity as a query names it: by its label, or by its id where the label does not say which is meant."""
    label = kg.entity_labels[entity]
    match = kg.names.match(label)
    if match is not None and match.entities == (entity,):
        return Entity(label)
    return Entity(kg.identifier(entity), by_id=True)


_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
# § stands for a string of the original text. What opens so is in the grammar whatever follows.
_SURELY = re.compile(
    r"[\s(!~-]*(?:(?:entity|count|exists|top|bottom|sum|average|minimum|maximum|every|name_starts|date)\s*\("
    r"|(?:\w+|§)\s*\(\s*(?:§|[~!(\"]|\w+\()"
    r"|\[[^\]]*\bit\b[^\]]*\]\s*\("
    r"|\w[\w^*+.:/-]*\(\s*§"
    r"|(?:today|[\d.]+)\s*[-+*/<>=!]{1,2}\s*(?:\w+|§)\s*\()"
)
_CALL = re.compile(r"[\s(!~]*\w+\(")
_AFTER_STRING = re.compile(r"[\s(!]*§\s*(?:$|[&|)(])")
_WORDS_APART = re.compile(r"\w\s+\w|\)\s*\w")


def looks_formal(text: str) -> bool:
    """Whether a text is meant as a query in the grammar, well formed or not.

    `borders("France") &`, `borders(France)` and `"Paris"` are; `What is the capital of "France"?` is not.
    """
    masked = _STRING.sub("§", text.strip()[:2000])
    if masked.startswith(("~", "!")) or _SURELY.match(masked) or _AFTER_STRING.match(masked):
        return True
    if masked.endswith("?"):
        return False
    if masked.startswith('"'):
        return True  # a string that is never closed
    if _CALL.match(masked):
        # "Country(ies) bordering France" calls nothing: words stand side by side outside the brackets.
        return not _WORDS_APART.search(re.sub(r"\([^()]*\)?", "()", masked))
    return False


@dataclass(frozen=True, kw_only=True)
class ReadingOptions(ModelOptions):
    """How a question is put to a language model; the options of the model itself are in `ModelOptions`.

    Attributes:
        token_budget: tokens that a step's triples may take in a prompt, by the model's own tokenizer where it has one
            here. The prompt that a question is read with needs no bound: it shows at most 26 relations, 22 kinds and
            26 names, each on a short line.
        repairs: replies asked for again, with what is wrong with the last one shown, before a step has failed or a
            question is left to `reader`.
        samples: readings of a question asked for; the probabilities that they give a query are averaged.
        reader: who reads questions where no hosted model does, or one writes nothing that fits: "model" (the embedded
            model with the packaged adapter), or the folder of an adapter made by `python -m reasoning teach questions`.
        sure_from: probability, from 0 to 1, from which a question is answered and not asked back. None takes what was
            fitted to questions that were not taught. 0 answers whatever has a likeliest query, as data sets score it:
            they count what is asked back as wrong. What the graph cannot say is refused either way.
        seed: of what is drawn for the prompts: ids, distractors, orders. The same seed and question give the same
            prompts.
    """

    token_budget: int = 1280
    repairs: int = 1
    samples: int = 1
    reader: str = MODEL
    sure_from: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.token_budget < 64:
            raise SkylarkError(f"token_budget must be at least 64, not {self.token_budget}")
        if self.repairs < 0:
            raise SkylarkError(f"repairs must be at least 0, not {self.repairs}")
        if self.samples < 1:
            raise SkylarkError(f"samples must be at least 1, not {self.samples}")
        if self.sure_from is not None and (type(self.sure_from) not in (int, float) or not 0 <= self.sure_from <= 1):
            raise SkylarkError(f"sure_from must be a probability from 0 to 1, not {self.sure_from!r}")


QuestionInput = Query | str | dict[str, Any] | PromptValue | BaseMessage | list[Any]
"""A query, its text, a question in English; `{"question": ...}` or `{"input": ...}`; what a prompt template or a chat
model gives; messages, or `{"messages": [...]}`, of which the last is a person's and asks."""


def question_of(given: QuestionInput) -> Query | str:
    """The query or text that was asked.

    Raises:
        QueryError: it is none of the forms of `QuestionInput`, or empty.
    """
    asked = _unwrapped(given)
    if isinstance(asked, str) and not asked.strip():
        raise QueryError("expected a query or a question, found an empty text")
    return asked


def _unwrapped(given: QuestionInput) -> Query | str:
    match given:
        case Query() | str():
            return given
        case BaseMessage():
            return given.text
        case PromptValue():
            return _last_question(given.to_messages())
        case list():
            return _last_question(_messages(given))
        case {"question": Query() | str() as question} | {"input": Query() | str() as question} if len(given) == 1:
            return question
        case {"messages": list() as messages}:
            return _last_question(_messages(messages))
        case dict():
            keys = ", ".join(repr(str(key)) for key in list(given)[:5]) or "none"
            raise QueryError(
                'expected a dictionary with the key "question" or "input" alone, a query or a text, or with a list of '
                f'"messages"; found {keys}'
            )
        case _:
            raise QueryError(f"expected a query or a text, found {type(given).__name__}")


def _messages(given: list[Any]) -> list[BaseMessage]:
    """Messages in any of LangChain's forms: (role, text), a dictionary with "role" and "content", a message."""
    try:
        return convert_to_messages(given)
    except (NotImplementedError, ValueError, TypeError, KeyError) as error:
        raise QueryError(f"expected messages, or (role, text) pairs; {error}") from error


def _last_question(messages: list[BaseMessage]) -> str:
    if not messages:
        raise QueryError("expected a message that asks, found none")
    last = messages[-1]
    if not isinstance(last, HumanMessage):
        raise QueryError(f'expected messages of which the last asks, a person\'s; found one of type "{last.type}"')
    return last.text
