"""Steps answered by the language model: by marks on candidates, or as text that is read back."""

from __future__ import annotations

import hashlib
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from numpy.typing import NDArray

from reasoning.errors import StepError
from reasoning.execution.exact import execute_step
from reasoning.execution.step_result import Attempt, Context, StepPart
from reasoning.graph.content import Relation
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark.prompts import (
    AbstractNaming,
    Naming,
    NamingKind,
    Prompt,
    ReadableNaming,
    SheetCost,
    StructuredNaming,
    id_digits,
    projection_question,
    projection_sheet,
    retry_messages,
    set_question,
    set_sheet,
    sources_shown,
    transcript,
    worked_example,
)
from reasoning.lm.calls import TokenUsage, concurrent_map, triple_line
from reasoning.lm.candidate_scoring import Sheet, adapter_of, passes_of, scheme_of
from reasoning.lm.embedded import EmbeddedChatModel
from reasoning.lm.errors import LLMError
from reasoning.lm.loading import ask_model, at_once, usage_of
from reasoning.lm.replies import ReplyForm, count_tokens
from reasoning.lm.structured_output import keeps_schemas
from reasoning.parsing.options import ReadingOptions
from reasoning.query.binding import BoundChain, BoundStep
from reasoning.query.chain import Operation
from reasoning.retrieval import Subgraph, TripleCost, packed, retrieve
from reasoning.verbalization.words import confidence_words
from skylark.errors import SkylarkError

Replies = Literal["auto", "text", "structured", "marks"]

WITHOUT_EFFECT = ("retries", "requests_per_minute", "max_concurrency", "cache", "price_in", "price_out")
"""Options that decide how fast and at what cost replies come, and not what they say."""


@dataclass(frozen=True, kw_only=True)
class LarkOptions(ReadingOptions):
    """How a chain is run; what else a prompt holds, and how often is asked, is in `ReadingOptions`.

    Attributes:
        prompting: "step" asks each step; "whole" asks the whole query at once (the paper's ablation).
        names: "abstract" ids or "readable" names.
        constrained: whether replies in text of a model in this process are held to the names of the context.
        max_parts: most parts that a step too big for the budget is asked in; what is beyond them is counted.
        replies: "text", "structured" (JSON by a schema that the provider enforces), "marks" (what a model with an
            adapter says of each candidate), or "auto": marks where the model was taught to give them, else structured
            where its profile says that it can.
    """

    prompting: Literal["step", "whole"] = "step"
    names: NamingKind = "abstract"
    constrained: bool = True
    max_parts: int = 16
    replies: Replies = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, allowed in (
            ("prompting", ("step", "whole")),
            ("names", ("abstract", "readable")),
            ("replies", ("auto", "text", "structured", "marks")),
        ):
            if (given := getattr(self, name)) not in allowed:
                raise SkylarkError(f"{name} must be {', '.join(allowed[:-1])} or {allowed[-1]}, not {given!r}")
        if self.max_parts < 1:
            raise SkylarkError(f"max_parts must be at least 1, not {self.max_parts}")

    def deciding(self) -> dict[str, Any]:
        """The options that decide what is answered, by name: two runs with the same of them may be joined."""
        return {name: value for name, value in asdict(self).items() if name not in WITHOUT_EFFECT}


def named_triple(kg: KnowledgeGraph, naming: Naming, triple: Sequence[int]) -> str:
    """A triple as the context writes it, its confidence behind one that was predicted."""
    head, relation, tail = triple
    line = triple_line(naming.entity(head), naming.relation(relation), naming.entity(tail))
    confidence = kg.confidence(*triple)
    return line if confidence == 1 else f"{line} {confidence_words(confidence)}"


class TokenCost:
    """Tokens of triples and members before their ids are drawn, which all ids of as many digits share; or by name.

    Args:
        kg: the graph.
        llm: its tokenizer counts.
        options: the kind of names, and the budget, which bounds how many ids a context can hold.
        shared: whether what is asked about will share its context with more than it knows of.
    """

    def __init__(self, kg: KnowledgeGraph, llm: BaseChatModel, options: LarkOptions, shared: bool = False) -> None:
        self._kg, self._llm, self._shared = kg, llm, shared
        self._confidence = count_tokens(llm, [" 0.88"])[0] if kg.predicted else 0
        self._readable = ReadableNaming((), kg) if options.names == "readable" else None
        self._by_digits: dict[tuple[int, int], tuple[int, int]] = {}
        self._by_name: dict[tuple[int, ...], int] = {}
        self._most_digits = self._longest_ids(kg, options.token_budget)

    def together(self, triples: Ids) -> int:
        """Tokens of a context that holds these triples, shape (n, 3), and no others."""
        if self._readable is not None or self._shared:
            return sum(self.at_most(triples))
        entities, relations = len(np.unique(triples[:, [0, 2]])), len(np.unique(triples[:, 1]))
        each = self._with_ids(id_digits(entities), id_digits(relations))[0]
        return len(triples) * each + sum(self._of_confidence(triples))

    def at_most(self, triples: Ids) -> list[int]:
        """The most tokens of each triple in a context of the budget, shape (n,)."""
        if self._readable is None:
            each = self._with_ids(*self._most_digits)[0]
            return [each + confidence for confidence in self._of_confidence(triples)]
        readable = self._readable
        keys = [tuple(triple) for triple in triples.tolist()]
        return self._named(keys, lambda key: f"{named_triple(self._kg, readable, key)}\n")

    def _of_confidence(self, triples: Ids) -> list[int]:
        """Tokens of the number behind each triple: none where nothing was predicted."""
        if not self._confidence:
            return [0] * len(triples)
        return [self._confidence * (self._kg.confidence(*triple) < 1) for triple in triples.tolist()]

    def members_together(self, entities: Ids) -> list[int]:
        """Tokens of each as a member in the list of a set, where a context holds these entities and no others."""
        if self._readable is not None:
            return self.members_at_most(entities)
        return [self._with_ids(id_digits(len(entities)), 1)[1]] * len(entities)

    def members_at_most(self, entities: Ids) -> list[int]:
        """The most tokens of each as a member in the list of a set, in a context of the budget."""
        if self._readable is None:
            return [self._with_ids(*self._most_digits)[1]] * len(entities)
        readable = self._readable
        return self._named([(entity,) for entity in entities.tolist()], lambda key: f", {readable.entity(key[0])}")

    def _with_ids(self, entity_digits: int, relation_digits: int) -> tuple[int, int]:
        digits = entity_digits, relation_digits
        if digits not in self._by_digits:
            entity, relation = "e" + "8" * entity_digits, "r" + "8" * relation_digits
            line, listed = f"{triple_line(entity, relation, entity)}\n", f", {entity}"
            triple, member = count_tokens(self._llm, [line, listed])
            self._by_digits[digits] = triple, member
        return self._by_digits[digits]

    def _named(self, keys: Sequence[tuple[int, ...]], write: Callable[[tuple[int, ...]], str]) -> list[int]:
        """Tokens of each key's text, all that are new counted by one call."""
        new = [key for key in dict.fromkeys(keys) if key not in self._by_name]
        self._by_name.update(zip(new, count_tokens(self._llm, [write(key) for key in new]), strict=True))
        return [self._by_name[key] for key in keys]

    def _longest_ids(self, kg: KnowledgeGraph, budget: int) -> tuple[int, int]:
        """Digits of entities and of relations in a context of the budget that holds as many as it can."""
        digits = 0
        while True:
            digits += 1
            triple, member = self._with_ids(digits, 1)
            # Two entities a triple, and a question that names some that no triple of the context has.
            entities = min(kg.entity_count, max(3 * (budget // triple), budget // member, 3))
            if id_digits(entities) <= digits:
                relations = min(kg.relation_count, budget // triple + 8)
                return digits, id_digits(relations if self._shared else min(relations, budget // triple // 2 + 8))


ASKED: frozenset[Operation] = frozenset({"project", "intersect", "union", "difference"})
"""Operations that the model answers; the others are done exactly and marked."""


@dataclass(frozen=True)
class StepTask:
    """A step, or a part of one, ready to be asked, with what its context gives, read without fault, sorted: for the
    check beside the reply alone."""

    context: Context
    expected: Ids


TaskT = TypeVar("TaskT", bound=StepTask)


class StepAsker(ABC, Generic[TaskT]):
    """Asks a model for the steps of chains over one graph."""

    def __init__(self, kg: KnowledgeGraph, llm: BaseChatModel, options: LarkOptions) -> None:
        self.kg, self.llm, self.options = kg, llm, options
        self.budget = options.token_budget

    def tasks(self, step: BoundStep, inputs: Sequence[Ids], rng: random.Random) -> list[TaskT]:
        """One step as tasks within the budget: one where it fits, at most `options.max_parts`.

        What is beyond the last of them is counted in that one's context.
        """
        most = self.options.max_parts
        if step.step.operation == "project":
            assert step.relation is not None
            found = retrieve(self.kg, inputs[0], step.relation, self.budget, self.cost, rng, most)
            left_out = _with_the_last(found.left_out, len(found.parts))
            return [
                self.projection_task(inputs[0], step.relation, part, beyond, rng)
                for part, beyond in zip(found.parts, left_out, strict=True)
            ]
        # The members come in an order that is drawn, so that those left out may be any.
        entities, uses = np.unique(np.concatenate(inputs), return_counts=True)
        order = np.array(rng.sample(range(len(entities)), len(entities)), dtype=np.int64)
        entities, uses = entities[order], uses[order]
        stretches = self.stretches(entities, uses, len(inputs))[:most] or [[]]
        parts = [[np.intersect1d(members, entities[stretch]) for members in inputs] for stretch in stretches]
        shown = sum(len(members) for part in parts for members in part)
        left_out = _with_the_last(sum(map(len, inputs)) - shown, len(parts))
        return [self.set_task(step, part, beyond, rng) for part, beyond in zip(parts, left_out, strict=True)]

    @property
    @abstractmethod
    def cost(self) -> TripleCost:
        """Tokens of triples as a task shows them."""

    @abstractmethod
    def stretches(self, entities: Ids, uses: NDArray[np.int64], sets: int) -> list[list[int]]:
        """Positions of entities, parted so that each part fits the budget.

        Args:
            entities: the members of the input sets, shape (n,).
            uses: in how many of the sets each is, shape (n,).
            sets: how many sets there are.
        """

    @abstractmethod
    def projection_task(
        self, sources: Ids, relation: Relation, part: Subgraph, left_out: int, rng: random.Random
    ) -> TaskT:
        """One part of a projection; `left_out` triples that the step is about are in no part."""

    @abstractmethod
    def set_task(self, step: BoundStep, sets: Sequence[Ids], left_out: int, rng: random.Random) -> TaskT:
        """One part of a set operation over sets cut to the same entities; `left_out` members are in no part."""

    @abstractmethod
    def answers(self, tasks: Sequence[TaskT]) -> Iterator[tuple[StepPart, float]]:
        """What the model gives for each task, in order and none after one that failed, and the seconds waited for it.

        Whoever stops reading asks no further tasks.
        """


def readable_line(kg: KnowledgeGraph, triple: Sequence[int]) -> str:
    """A triple as a person is shown it."""
    head, relation, tail = triple
    line, confidence = f"{kg.name(head)} | {kg.relation_label(relation)} | {kg.name(tail)}", kg.confidence(*triple)
    return line if confidence == 1 else f"{line} (predicted, {confidence_words(confidence)})"


def set_names(count: int) -> list[str]:
    """What a context calls its sets: A, B, C, ..."""
    return [chr(ord("A") + number) if number < 26 else f"S{number}" for number in range(count)]


def set_line(name: str, members: Sequence[str]) -> str:
    """A set as a context writes it."""
    return f"{name}: {', '.join(members) or '(empty)'}"


def rng_for(seed: int, chain: BoundChain, position: int) -> random.Random:
    """The source of everything drawn for one prompt: the same for the same seed, query and step."""
    digest = hashlib.sha256(f"{seed}|{chain.query}|{position}".encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))


def _with_the_last(left_out: int, parts: int) -> list[int]:
    """What each part says of a step's left-out items: the last part tells it."""
    return [0] * (parts - 1) + [left_out]


MOST_TOKENS = 512
"""Of a sheet's context, whatever the budget: longer ones are read no better, and two halves take less time."""

QUERIES_AT_ONCE = 8
"""Queries whose steps share passes."""


def queries_at_once(llm: BaseChatModel, options: LarkOptions, asked: int | None = None) -> int:
    """How many queries may be under way at once: those of a model that marks share its passes, see `at_once` else."""
    if marks_steps(llm, options):
        return asked or options.max_concurrency or QUERIES_AT_ONCE
    return at_once(llm, options, asked)


def marks_steps(llm: BaseChatModel, options: LarkOptions) -> bool:
    """Whether steps are answered by marks: the model was taught to, and ids alone are shown, a step at a time."""
    wanted = options.replies in ("auto", "marks") and options.prompting == "step" and options.names == "abstract"
    if options.replies == "marks" and (not wanted or adapter_of(llm) is None):
        raise LLMError("Replies by marks need a model with an adapter, prompting by step and abstract names")
    return wanted and adapter_of(llm) is not None


@dataclass(frozen=True)
class MarkTask(StepTask):
    """A step, or a part of one, as a sheet that the model reads."""

    sheet: Sheet


class MarkAsker(StepAsker[MarkTask]):
    """Has steps marked by a model with an adapter."""

    cost = SheetCost()

    def __init__(self, kg: KnowledgeGraph, llm: BaseChatModel, options: LarkOptions) -> None:
        super().__init__(kg, llm, options)
        self.budget = min(options.token_budget, MOST_TOKENS)
        self._scheme = scheme_of(llm)

    def stretches(self, entities: Ids, uses: NDArray[np.int64], sets: int) -> list[list[int]]:
        """See `StepAsker.stretches`."""
        room = self.budget - sets - 1
        return packed(uses.tolist(), room, room)

    def projection_task(
        self, sources: Ids, relation: Relation, part: Subgraph, left_out: int, rng: random.Random
    ) -> MarkTask:
        """See `StepAsker.projection_task`."""
        shown = sources_shown(sources, relation, part.triples, rng)
        sheet = projection_sheet(self._scheme, shown, relation, part.triples, rng)
        lines = tuple(readable_line(self.kg, triple) for triple in part.triples.tolist())
        prompt = self._scheme.text(sheet.tokens)
        context = Context(lines, prompt, len(sheet), part.relevant, part.distractors, left_out)
        return MarkTask(context, np.unique(part.triples[part.about, 0 if relation.inverse else 2]), sheet)

    def set_task(self, step: BoundStep, sets: Sequence[Ids], left_out: int, rng: random.Random) -> MarkTask:
        """See `StepAsker.set_task`."""
        shown = [rng.sample(members.tolist(), len(members)) for members in sets]
        sheet = set_sheet(self._scheme, step.step.operation, shown, rng)
        named = zip(set_names(len(shown)), shown, strict=True)
        lines = tuple(set_line(name, list(map(self.kg.name, members))) for name, members in named)
        context = Context(lines, self._scheme.text(sheet.tokens), len(sheet), sum(map(len, shown)), 0, left_out)
        return MarkTask(context, execute_step(self.kg, step, sets).members, sheet)

    def answers(self, tasks: Sequence[MarkTask]) -> Iterator[tuple[StepPart, float]]:
        """See `StepAsker.answers`; all tasks are marked together, and each has its share of the seconds."""
        llm = self.llm
        assert isinstance(llm, EmbeddedChatModel)
        began = time.perf_counter()
        try:
            marked = passes_of(llm).ask([task.sheet for task in tasks], self.options.timeout, llm.cancelled)
        except LLMError as failure:
            took = time.perf_counter() - began
            attempt = Attempt("", str(failure), took, False, TokenUsage(requests=1))
            nothing = np.zeros(0, dtype=np.int32)
            yield StepPart(tasks[0].context, nothing, (attempt,), False, str(failure)), took
            return
        took = (time.perf_counter() - began) / len(tasks)
        for task, probabilities in zip(tasks, marked, strict=True):
            members, scores = kept(task.sheet.candidates, probabilities)
            reply = " ".join("yes" if probability > 0.5 else "no" for probability in probabilities)
            usage = TokenUsage(1, 0, len(task.sheet), len(task.sheet.places), 0.0)
            attempt = Attempt(reply, None, took, True, usage)
            agrees = np.array_equal(np.sort(members), task.expected)
            yield StepPart(task.context, members, (attempt,), agrees, scores=scores), took


def kept(candidates: Ids, probabilities: NDArray[np.float64]) -> tuple[Ids, NDArray[np.float64]]:
    """The entities that are more likely kept than dropped, the surest first, with their probabilities.

    Of an entity with several marks the highest counts.
    """
    entities, of = np.unique(candidates, return_inverse=True)
    scores = np.zeros(len(entities))
    np.maximum.at(scores, of, probabilities)
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] > 0.5]
    return entities[order].astype(np.int32), scores[order]


END_OF_REPLY = 8
"""Tokens that a reply may take beyond its entities: brackets, a full stop, the end mark."""


@dataclass(frozen=True)
class TextTask(StepTask):
    """A question over a context, ready to be sent; no sensible reply is longer than one that lists everything in it."""

    messages: list[BaseMessage]
    naming: Naming
    longest_reply: int


class TextAsker(StepAsker[TextTask]):
    """Asks for steps in words; a hosted model is asked several tasks at once, see `at_once`."""

    @cached_property
    def cost(self) -> TokenCost:
        """Tokens of triples and members in a prompt."""
        return TokenCost(self.kg, self.llm, self.options)

    def stretches(self, entities: Ids, uses: NDArray[np.int64], sets: int) -> list[list[int]]:
        """See `StepAsker.stretches`."""
        room = self.budget - sum(count_tokens(self.llm, [f"{set_line(name, [])}\n" for name in set_names(sets)]))
        if int(uses @ np.array(self.cost.members_together(entities), dtype=np.int64)) <= room:
            return [list(range(len(entities)))]
        prices = (uses * np.array(self.cost.members_at_most(entities), dtype=np.int64)).tolist()
        return packed(prices, room, room)

    def projection_task(
        self, sources: Ids, relation: Relation, part: Subgraph, left_out: int, rng: random.Random
    ) -> TextTask:
        """See `StepAsker.projection_task`."""
        triples = part.triples.tolist()
        present = np.unique(part.triples[:, [0, 2]])
        # A source without any triple in the context adds nothing to the answer and would only lengthen the question.
        named = np.intersect1d(sources, present).tolist() or [int(sources[0])]
        naming = self.naming([*present.tolist(), *named], [relation.index, *part.triples[:, 1].tolist()], rng)
        asked = [naming.entity(source) for source in named]
        prompt = Prompt(
            projection_question(asked, naming.relation(relation.index), relation.inverse),
            [named_triple(self.kg, naming, triple) for triple in triples],
            naming,
            worked_example("project", relation.inverse, naming),
            confidences=bool(self.kg.predicted),
        )
        expected = np.unique(part.triples[part.about, 0 if relation.inverse else 2])
        readable = [readable_line(self.kg, triple) for triple in triples]
        return text_task(self.llm, prompt, expected, readable, part.relevant, part.distractors, left_out)

    def set_task(self, step: BoundStep, sets: Sequence[Ids], left_out: int, rng: random.Random) -> TextTask:
        """See `StepAsker.set_task`."""
        names = set_names(len(sets))
        shown = [rng.sample(members.tolist(), len(members)) for members in sets]
        naming = self.naming([entity for members in shown for entity in members], [], rng)
        lines, readable = (
            [set_line(name, list(map(write, members))) for name, members in zip(names, shown, strict=True)]
            for write in (naming.entity, self.kg.name)
        )
        question, example = set_question(step.step.operation, names), worked_example(step.step.operation, False, naming)
        prompt = Prompt(question, lines, naming, example)
        expected = execute_step(self.kg, step, sets).members
        return text_task(self.llm, prompt, expected, readable, sum(map(len, shown)), 0, left_out)

    def naming(self, entities: Sequence[int], relations: Sequence[int], rng: random.Random) -> Naming:
        """A naming for everything that one prompt will hold; its replies are JSON where the model keeps to a schema."""
        replies = self.options.replies
        structured = replies == "structured" or (replies == "auto" and keeps_schemas(self.llm))
        plain = make_naming(self.kg, self.options.names, entities, relations, rng)
        return StructuredNaming(plain) if structured else plain

    def answers(self, tasks: Sequence[TextTask]) -> Iterator[tuple[StepPart, float]]:
        """See `StepAsker.answers`; where several are asked at once the wait for one is shorter than its reply took."""
        began = time.perf_counter()
        workers = min(len(tasks), at_once(self.llm, self.options))
        for part in concurrent_map(lambda task: ask(self.llm, task, self.options), tasks, workers):
            yield part, time.perf_counter() - began
            if part.error is not None:
                return
            began = time.perf_counter()


def make_naming(
    kg: KnowledgeGraph, kind: NamingKind, entities: Sequence[int], relations: Sequence[int], rng: random.Random
) -> AbstractNaming | ReadableNaming:
    """A naming for everything that one prompt will hold."""
    return ReadableNaming(entities, kg) if kind == "readable" else AbstractNaming(entities, relations, rng)


def text_task(
    llm: BaseChatModel,
    prompt: Prompt,
    expected: Ids,
    readable: Sequence[str],
    relevant: int,
    distractors: int = 0,
    left_out: int = 0,
) -> TextTask:
    """A prompt with its description; `readable` is its context as a person is shown it, the counts are `Context`'s."""
    messages = prompt.messages()
    text = transcript(messages)
    tokens, everything = count_tokens(llm, [text, prompt.naming.listing()])
    context = Context(tuple(readable), text, tokens, relevant, distractors, left_out)
    return TextTask(context, expected, messages, prompt.naming, everything + END_OF_REPLY)


def ask(llm: BaseChatModel, task: TextTask, options: LarkOptions) -> StepPart:
    """Ask until a reply can be read, or the repairs are used up."""
    naming, messages, attempts = task.naming, task.messages, []
    form = ReplyForm(
        longest=min(task.longest_reply, options.max_new_tokens),
        hopeless=naming.hopeless,
        schema=naming.schema,
        choices=naming.choices if options.constrained else None,
    )
    for _ in range(options.repairs + 1):
        began = time.perf_counter()
        text, usage, replied = "", TokenUsage(), False
        try:
            reply = ask_model(llm, messages, options.timeout, options.retries, form)
            text, replied = reply.text, True
            usage = usage_of(llm, messages, reply, options)
            if reply.cut_off:
                raise StepError("the reply was cut off at its length limit")
            members = np.array(naming.read(text), dtype=np.int32)
            if reply.stopped:
                raise StepError("the reply goes round in circles")
        except LLMError as failure:
            # The provider or the clock failed, not the reading of a reply: the same question again would not help.
            error, usage = str(failure), TokenUsage(requests=failure.requests)
        except StepError as failure:
            error = str(failure)
        else:
            attempts.append(Attempt(text, None, time.perf_counter() - began, True, usage))
            return StepPart(task.context, members, tuple(attempts), np.array_equal(np.sort(members), task.expected))
        attempts.append(Attempt(text, error, time.perf_counter() - began, replied, usage))
        if not replied:
            break
        messages = retry_messages(task.messages, text, error, naming)
    return StepPart(task.context, np.zeros(0, dtype=np.int32), tuple(attempts), False, error)
