"""Questions read by a chat model that writes structured output.

Whatever comes back is parsed, bound to the graph and tried like a query that a person typed, so that a relation or an
entity which the model made up is an error, and an answer that it wrote from memory is refused. What is wrong with a
reply is shown to the model, which may correct it. Names come from strangers: whatever they make a model write can be no
more than a query.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel, Field, ValidationError

from kg_data.errors import SkylarkError
from reasoning.errors import quoted_list
from reasoning.execution.conclusion import emptying_position
from reasoning.execution.exact import StepSet, execute, inputs_of
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.calling import usage_of
from reasoning.language.errors import LLMError
from reasoning.language.hosted.providers import display_name
from reasoning.language.hosted.retrying import send
from reasoning.language.hosted.structured_output import writer
from reasoning.language.replies import Reply, is_cached
from reasoning.language.usage import TokenUsage
from reasoning.query.binding import BoundChain, bind
from reasoning.query.read_question import QuestionError, ReadQuestion
from reasoning.query.tree import Query
from reasoning.reading.anchors import anchors, index_of
from reasoning.reading.hosted.query_prompt import named_entities, reading_messages
from reasoning.reading.lexicon import lexicon_of
from reasoning.reading.linking import Linked, Mention, link
from reasoning.reading.options import ReadingOptions
from reasoning.wording.sub_question import sub_question

SAMPLING_TEMPERATURE = 0.7
"""Of the second reading and those behind it (Wang et al. 2023, arXiv 2203.11171); the first is the likeliest reply."""

LONGEST_QUERY = 4000
"""Characters of a query; what is longer was not meant."""

MOST_ASSUMED, LONGEST_ASSUMED = 5, 200
"""Assumptions of the model that are passed on, and characters of each."""

FIELDS = quoted_list(["query", "assumptions", "unanswerable"], "and")

_FENCED = re.compile(r"\s*```(?:json)?\s*(\{.*\})\s*```\s*", re.DOTALL)


class FormalQuestion(BaseModel):
    """A question about a knowledge graph, translated into a query."""

    query: str = Field(
        default="", description='One query in the grammar, e.g. capital(borders("Germany")); empty if there is none'
    )
    assumptions: list[str] = Field(default_factory=list, description="What was assumed, each in a short sentence")
    unanswerable: str = Field(
        default="", description="Why the graph's relations cannot answer the question, in a sentence; else empty"
    )


@dataclass(frozen=True)
class Written:
    """What a model wrote for a question, held against the graph.

    Attributes:
        query: the query; None where the model says that the graph cannot answer.
        assumed: what it assumed, each in a short sentence.
        gives: what the query gives, equal for queries with the same answer; None where there is no query.
        empty: where the answer is empty, at which step it became so, in words.
        unanswerable: the model's reason where `query` is None.
    """

    query: Query | None
    assumed: tuple[str, ...] = ()
    gives: Hashable = None
    empty: str = ""
    unanswerable: str = ""


def write_queries(
    question: str,
    kg: KnowledgeGraph,
    llm: BaseChatModel,
    options: ReadingOptions,
    spent: Callable[[TokenUsage], None],
    by_grammar: ReadQuestion,
) -> tuple[list[Written], int, tuple[str, ...]]:
    """What the model writes for a question in each sample, how many samples it gave, and in words what became of the
    others.

    Args:
        question: plain English.
        kg: the graph that is asked.
        llm: a chat model that can write structured output.
        options: samples, repairs, token budget, and the model's time limit, retries and prices.
        spent: told what each reply took.
        by_grammar: what the question is understood as without a language model.

    Raises:
        NoSchemaError: the model cannot write structured output.
        QuestionError: in no sample did it write a query that fits the graph, or the question names what is not there.
        LLMError: the model or its provider failed, or took too long, before anything was written.
    """
    written: list[Written] = []
    notes: list[str] = []
    failure: QuestionError | None = None
    given = 0
    for draw in range(options.samples):
        asked = llm if draw == 0 else _sampling(llm)
        try:
            written.append(_write(question, kg, asked, options, draw, spent, by_grammar.query))
        except QuestionError as error:
            failure = error
            notes.append(f"a reading of {display_name(llm)} was left out: {error}")
        except LLMError as error:
            spent(TokenUsage(requests=error.requests))
            if not written:
                raise
            notes.append(f"{display_name(llm)} was asked no more after {given} of {options.samples} readings: {error}")
            break
        given += 1
    if not written:
        assert failure is not None
        raise failure
    return written, given, tuple(dict.fromkeys(notes))


def outcome(query: Query, chain: BoundChain, results: Sequence[StepSet]) -> Hashable:
    """What a query gives, equal for queries with the same answer; two that give nothing are not the same question."""
    if not results:
        return "entity", chain.anchor
    last = results[-1]
    if last.value is not None:
        return type(last.value).__name__, last.value
    if not len(last.members):
        return "nothing", str(query)
    values = last.values if chain.steps[-1].gives_values else None
    return "set", last.members.tobytes(), None if values is None else values.tobytes()


def _write(
    question: str,
    kg: KnowledgeGraph,
    llm: BaseChatModel,
    options: ReadingOptions,
    draw: int,
    spent: Callable[[TokenUsage], None],
    by_grammar: Query | None,
) -> Written:
    """One sample: the first reply and its repairs."""
    write = writer(llm, FormalQuestion.model_json_schema(), method=None)
    messages = reading_messages(question, kg, llm, options, draw)
    names = _Names.of(question, kg, by_grammar)
    empty: Written | None = None
    problem = ""
    for _ in range(options.repairs + 1):
        message, requests = send(llm, lambda asked=messages: write(asked), options.timeout, options.retries)  # type: ignore[misc]
        reply = Reply(message, requests - is_cached(message))
        spent(usage_of(llm, messages, reply, options))
        try:
            found = _checked(reply, kg, names)
        except SkylarkError as error:
            problem = str(error)
            told = {"refused": problem}
        else:
            if not found.empty:
                return found if empty is None else _instead_of(empty, found)
            if empty is not None and found.query == empty.query:
                return empty
            empty = empty or found
            told = {"empty": found.empty}
        shown = AIMessage(reply.text[:LONGEST_QUERY] or "(nothing)")
        messages = [*messages, shown, HumanMessage(json.dumps(told, ensure_ascii=False))]
    if empty is not None:
        return empty
    raise QuestionError(f"{display_name(llm)} wrote no query that fits the graph ({problem})")


def _checked(reply: Reply, kg: KnowledgeGraph, names: _Names) -> Written:
    """A reply as a query of the graph.

    Raises:
        SkylarkError: it is none, and why.
    """
    if reply.cut_off:
        raise QuestionError("the reply was cut off at its length limit")
    fenced = _FENCED.fullmatch(reply.text)
    try:
        said = FormalQuestion.model_validate_json(fenced[1] if fenced else reply.text)
    except ValidationError:
        raise QuestionError(f"the reply is not a JSON object with the fields {FIELDS}") from None
    text = said.query.strip()
    if not text:
        if not said.unanswerable.strip():
            raise QuestionError("the query is empty, and nothing says why the question is unanswerable")
        return Written(None, unanswerable=_cut(said.unanswerable))
    if len(text) > LONGEST_QUERY:
        raise QuestionError(f"the query has {len(text):,} characters; at most {LONGEST_QUERY:,} are read")
    query = Query.parse(text)
    chain = bind(query, kg)
    if not any(step.relation is not None for step in chain):
        raise QuestionError("the query follows no relation: write what the question asks, and not its answer")
    if left_out := names.left_out(query, kg):
        raise QuestionError(
            f"the question names {quoted_list(left_out, 'and')}, which the query leaves out: write what is asked, and "
            "where the graph cannot say it, that it is unanswerable"
        )
    results = execute(kg, chain)
    assumed = [f"assumed: {_cut(text)}" for text in said.assumptions[:MOST_ASSUMED] if text.strip()]
    assumed += names.assumed(query, kg)
    return Written(query, tuple(dict.fromkeys(assumed)), outcome(query, chain, results), _emptied(kg, chain, results))


def _emptied(kg: KnowledgeGraph, chain: BoundChain, results: Sequence[StepSet]) -> str:
    """At which step an answer became empty, "" where it did not.

    None and "no" are good answers to questions of how many and whether; only a relation that leads nowhere is then
    likely to be the wrong one, or to be followed the wrong way.
    """
    members = {step.position: result.members for step, result in zip(chain, results, strict=True)}
    at = next((step.position for step in chain if not len(members[step.position])), None)
    if results[-1].value is None:
        at = emptying_position(chain, members)
    elif results[-1].value or at is None or chain.steps[at].step.operation != "project":
        return ""
    if at is None:
        return ""
    asked = sub_question(kg, chain.steps[at], inputs_of(chain.steps[at], results))
    return f"the answer is empty since step {at + 1} of {len(chain)} found nothing: {asked}"


@dataclass(frozen=True)
class _Names:
    """The names of a question, to hold the entities of a query against.

    Attributes:
        question: as asked.
        named: all entities that its names may mean.
        surely: names that a query has to say something of.
    """

    question: str
    named: set[int]
    surely: tuple[Mention, ...]

    @classmethod
    def of(cls, question: str, kg: KnowledgeGraph, by_grammar: Query | None) -> _Names:
        """Those of a question; what the grammar's own reading leaves out need not be in another."""
        linked = link(question, lexicon_of(kg))
        surely = _surely_named(linked)
        if by_grammar is not None:
            anchored = {index_of(kg, entity) for entity in anchors(by_grammar)}
            surely = [mention for mention in surely if anchored & _meant(mention)]
        return cls(question, named_entities(linked), tuple(surely))

    def left_out(self, query: Query, kg: KnowledgeGraph) -> list[str]:
        """The names of which a query says nothing, though it may have another in their place."""
        anchored, said = {index_of(kg, entity) for entity in anchors(query)}, fold(str(query))
        return list(
            dict.fromkeys(
                mention.text
                for mention in self.surely
                if not anchored & _meant(mention) and fold(mention.text) not in said
            )
        )

    def assumed(self, query: Query, kg: KnowledgeGraph) -> list[str]:
        """Entities of a query that the question does not name, since a model may know another word for them or be
        misled; and which of several namesakes the query takes."""
        kinds = {kind.entity for kind in lexicon_of(kg).types.values()}
        notes = []
        for entity in anchors(query):
            index = index_of(kg, entity)
            if (
                index not in self.named
                and index not in kinds
                and fold(kg.entity_labels[index]) not in fold(self.question)
            ):
                notes.append(f'assumed: "{_cut(kg.name(index))}" is meant')
            for mention in self.surely:
                rank = next((rank for rank in mention.candidates if index in rank), ())
                others = [_cut(kg.name(other)) for other in rank if other != index]
                if others:
                    notes.append(
                        f'assumed: "{mention.text}" is "{_cut(kg.name(index))}", not {quoted_list(others[:3])}'
                    )
        return notes


def _surely_named(linked: Linked) -> list[Mention]:
    """The mentions that are no other word by chance: "Rank" may be a film, and is the question's first word."""
    others = linked.of_kind("relation", "type")
    found = []
    for mention in linked.names():
        item = next(item for item in linked.of_kind("entity") if item.mention is mention)
        alone = item.end == item.start + 1
        first = alone and item.start == 0
        otherwise = alone and any(other.start <= item.start < other.end and other.cost <= item.cost for other in others)
        written = not mention.text.islower() or item.cost == 0
        if mention.marked or (written and not first and not otherwise and mention.corrected_to is None):
            found.append(mention)
    return found


def _meant(mention: Mention) -> set[int]:
    return {entity for rank in mention.candidates for entity in rank}


def _instead_of(empty: Written, found: Written) -> Written:
    """A repaired query, with what it replaces told: that nothing is found may have been the answer."""
    note = f"another reading, {empty.query}, finds nothing: {empty.empty}"
    return Written(found.query, (*found.assumed, note), found.gives, found.empty, found.unanswerable)


def _sampling(llm: BaseChatModel) -> BaseChatModel:
    """A model that varies its replies; one that is not held to the likeliest reply varies by itself."""
    if getattr(llm, "temperature", None) != 0:
        return llm
    varying: dict[str, Any] = {"temperature": SAMPLING_TEMPERATURE}
    return llm.model_copy(update=varying)


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_ASSUMED else f"{text[: LONGEST_ASSUMED - 3]}..."
