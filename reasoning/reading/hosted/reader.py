"""A question read by a chat model: asked in words, its queries held against the graph, its samples put together.

Every query goes the way of a taught model's: read back from ids, checked, and chosen or asked back. The model's own
word for how likely a query is stands in place of a taught model's regression; averaged over samples (self-consistency,
Wang et al. 2023, arXiv 2203.11171) it depends less on one reply.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage

from kg_data.errors import SkylarkError
from reasoning.errors import quoted_list
from reasoning.language.calling import usage_of
from reasoning.language.errors import LLMError
from reasoning.language.hosted.providers import display_name
from reasoning.language.hosted.retrying import send
from reasoning.language.hosted.structured_output import writer
from reasoning.language.replies import Reply, is_cached
from reasoning.language.usage import TokenUsage
from reasoning.query.read_question import QuestionError, ReadQuestion
from reasoning.query.tree import Query
from reasoning.reading.hosted.empty_answers import emptied
from reasoning.reading.hosted.messages import objecting_message, reading_messages
from reasoning.reading.hosted.replies import LONGEST_QUERY, QuestionReply, read_reply
from reasoning.reading.model.checking import Checked
from reasoning.reading.model.choosing import WeighedReading, chosen
from reasoning.reading.model.linked_question import LinkedQuestion
from reasoning.reading.options import ReadingOptions

SURE = 0.6
"""Probability from which a question is answered."""

POSSIBLE = 0.1
"""Probability from which a query is offered beside others, and worth a repair."""

LEFT_OUT = 0.5
"""What the probability of a query is multiplied by for each sure name of the question that it leaves out."""

SAMPLING_TEMPERATURE = 0.7
"""Of the second sample and those behind it; the first is the likeliest reply."""

LONGEST_TOLD = 300
"""Characters that are passed on of what the model says, and of what is wrong with it."""


class NoQueryWrittenError(SkylarkError):
    """A chat model wrote nothing that fits the graph."""


@dataclass(frozen=True)
class Sample:
    """What one reply says, after its repairs.

    Attributes:
        readings: the queries that can be asked; None among them where the model finds that there is none.
        unanswerable: the model's reason for that.
        notes: what a person should know of it, each in a sentence.
    """

    readings: tuple[WeighedReading, ...]
    unanswerable: str = ""
    notes: tuple[str, ...] = ()


def understood_by_hosted(
    linked: LinkedQuestion,
    llm: BaseChatModel,
    options: ReadingOptions,
    spent: Callable[[TokenUsage], None],
) -> ReadQuestion:
    """What a question is read as: answered, asked back, or refused with what was understood.

    Args:
        linked: the question with its names linked.
        llm: a chat model that can write structured output.
        options: samples, repairs, seed, and the model's time limit, retries and prices.
        spent: told what each reply took.

    Raises:
        NoSchemaError: the model cannot write structured output.
        NoQueryWrittenError: in no sample did it write a query that fits the graph.
        LLMError: the model or its provider failed, or took too long, before anything was written.
    """
    question = linked.prompt.question
    samples: list[Sample] = []
    notes: list[str] = []
    failure: NoQueryWrittenError | None = None
    given = 0
    for draw in range(options.samples):
        rng = random.Random(f"{options.seed} {draw} {question!a}")
        shown, asked = (linked, llm) if draw == 0 else (linked.shuffled(rng), _sampling(llm))
        try:
            samples.append(_Asking(shown, asked, options, spent).sample())
        except NoQueryWrittenError as error:
            failure = error
            notes.append(f"a reading of {display_name(llm)} was left out: {error}")
        except LLMError as error:
            spent(TokenUsage(requests=error.requests))
            if not samples:
                raise
            notes.append(f"{display_name(llm)} was asked no more after {given} of {options.samples} readings: {error}")
            break
        given += 1
    if failure is not None and not samples:
        raise failure
    readings = averaged([sample.readings for sample in samples], given)
    found = chosen(linked, readings, sure=sure_of(options), possible=POSSIBLE)
    notes += [note for sample in samples for note in sample.notes]
    why = next((sample.unanswerable for sample in samples if sample.unanswerable), "")
    if why and found.query is None and readings[0].query is None:
        found = replace(found, problem=f'{found.problem}. {display_name(llm)} says: "{why}"')
    return replace(found, assumed=(*dict.fromkeys(notes), *found.assumed))


def sure_of(options: ReadingOptions) -> float:
    """The probability from which a question is answered."""
    return SURE if options.sure_from is None else options.sure_from


def averaged(samples: Sequence[Sequence[WeighedReading]], given: int) -> list[WeighedReading]:
    """The readings of several samples, equal queries put together, best first.

    Args:
        samples: those that came to something.
        given: how many there were with those that came to nothing.
    """
    found: dict[str, WeighedReading] = {}
    for reading in (reading for sample in samples for reading in sample):
        first = found.get(str(reading.query), replace(reading, probability=0.0))
        probability = first.probability + reading.probability / given
        found[str(reading.query)] = replace(first, probability=probability)
    return sorted(found.values(), key=lambda reading: -reading.probability)


class _Asking:
    """One conversation with the model about a question.

    Args:
        question: as the model is shown it.
        llm, options, spent: as for `understood_by_hosted`.
    """

    def __init__(
        self,
        question: LinkedQuestion,
        llm: BaseChatModel,
        options: ReadingOptions,
        spent: Callable[[TokenUsage], None],
    ) -> None:
        self._question, self._llm, self._options, self._spent = question, llm, options, spent
        self._doubted: set[str] = set()  # texts that the model was asked about
        self._empty: dict[str, str] = {}  # queries that find nothing, and where

    def sample(self) -> Sample:
        """The first reply and its repairs.

        Raises:
            NoSchemaError, LLMError: see `understood_by_hosted`.
            NoQueryWrittenError: no reply could be used.
        """
        write = writer(self._llm, QuestionReply.model_json_schema(), method=None)
        messages = reading_messages(self._question.prompt)
        found: Sample | None = None
        problems: list[str] = []
        for _ in range(self._options.repairs + 1):
            message, requests = send(
                self._llm,
                lambda asked=messages: write(asked),  # type: ignore[misc]
                self._options.timeout,
                self._options.retries,
            )
            reply = Reply(message, requests - is_cached(message))
            self._spent(usage_of(self._llm, messages, reply, self._options))
            try:
                said = read_reply(reply)
            except QuestionError as error:
                problems = [str(error)]
            else:
                readings, problems = self._held_against_graph(said)
                if readings:
                    found = Sample(tuple(readings), _cut(said.unanswerable))
            if not problems:
                break
            shown = AIMessage(reply.text[:LONGEST_QUERY] or "(nothing)")
            messages = [*messages, shown, objecting_message(problems)]
        if found is None:
            raise NoQueryWrittenError(f"{display_name(self._llm)} wrote no query that fits the graph ({problems[0]})")
        return self._noted(found)

    def _held_against_graph(self, said: QuestionReply) -> tuple[list[WeighedReading], list[str]]:
        """The queries of a reply that can be asked, and what is wrong with those that cannot or may not be meant."""
        readings: list[WeighedReading] = []
        problems: list[tuple[float, str]] = []
        for one in said.queries:
            try:
                checked = self._question.query(one.query)
                doubt = self._doubt(one.query, checked.query) if not readings else ""
            except SkylarkError as error:
                problems.append((one.probability, _cut(f"{error}, in {one.query}")))
                continue
            if doubt and one.query not in self._doubted:
                self._doubted.add(one.query)
                problems.append((one.probability, _cut(f"{doubt}, in {one.query}")))
            readings += self._of_namesakes(one.query, checked, one.probability)
        left = 1 - sum(one.probability for one in said.queries)
        if said.unanswerable.strip() and left > 0:
            readings.append(WeighedReading(None, left, ""))
        return readings, [text for probability, text in problems if probability >= POSSIBLE or not readings]

    def _doubt(self, written: str, query: Query) -> str:
        """Why a model's best query may not be meant: it leaves a name out, or finds nothing; else ""."""
        if left_out := [name.text for name in self._question.left_out(written)]:
            return f"the question names {quoted_list(left_out, 'and')}, which the query leaves out"
        if nothing := emptied(query, self._question.schema.kg):
            self._empty[str(query)] = nothing
        return nothing

    def _of_namesakes(self, written: str, checked: Checked, probability: float) -> list[WeighedReading]:
        """A query, and the same of other things with the names that it uses: no model knows which of them is meant."""
        asked = {str(one.query): one for one in (checked, *self._question.meant(written))}
        left_out = [name for name in self._question.left_out(written) if self._question.is_surely_named(name)]
        each = probability * LEFT_OUT ** len(left_out) / len(asked)
        return [WeighedReading(one.query, each, written, one.steps) for one in asked.values()]

    def _noted(self, found: Sample) -> Sample:
        """With the queries told that found nothing and were not given again: that may have been the answer."""
        given = {str(reading.query) for reading in found.readings}
        given_up = [f"another reading, {query}: {why}" for query, why in self._empty.items() if query not in given]
        return replace(found, notes=tuple(given_up))


def _sampling(llm: BaseChatModel) -> BaseChatModel:
    """A model that varies its replies; one that is not held to the likeliest reply varies by itself."""
    if getattr(llm, "temperature", None) != 0:
        return llm
    varying: dict[str, Any] = {"temperature": SAMPLING_TEMPERATURE}
    return llm.model_copy(update=varying)


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_TOLD else f"{text[: LONGEST_TOLD - 3]}..."
