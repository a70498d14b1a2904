"""The one form of an answer, whichever method gave it: ranked entities, the steps that led there, the evidence."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from reasoning.execution.step_result import StepResult
from reasoning.graph.content import ValueColumn
from reasoning.graph.index import Ids
from reasoning.graph.provenance import Source, value_key
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm.calls import NO_USAGE, TokenUsage
from reasoning.query.binding import BoundChain
from reasoning.query.read_question import ReadQuestion
from reasoning.query.tree import Number, Query, Value
from skylark.installation import require

if TYPE_CHECKING:
    import pandas as pd

EVIDENCE_LIMIT = 200
"""Most triples an answer shows as evidence; `evidence_total` says how many there are."""

PROVED = 20
"""Answers, the surest first, whose proofs over predicted edges are shown."""

MOST_IN_REPR = 5
"""Names that the short form of an answer lists."""


@dataclass(frozen=True)
class Evidence:
    """A triple of the graph.

    Attributes:
        head, relation, tail: by display names; `tail` is the value itself where the relation has values.
        head_entity: the head's entity index.
        tail_entity: the tail's, None where the tail is a value.
        confidence: below 1 where the graph lacks the triple and a link predictor believes in it.
        sources: where the triple was found, () where the graph does not know.
    """

    head: str
    relation: str
    tail: str | Value
    head_entity: int
    tail_entity: int | None
    confidence: float = 1.0
    sources: tuple[Source, ...] = ()

    @classmethod
    def edge(cls, kg: KnowledgeGraph, head: int, relation: int, tail: int, confidence: float = 1.0) -> Evidence:
        """An edge by its indexes."""
        sources = kg.content.sources.of((head, relation, tail))
        return cls(kg.name(head), kg.relation_label(relation), kg.name(tail), head, tail, confidence, sources)

    @classmethod
    def value(cls, kg: KnowledgeGraph, column: int, entity: int, raw: float) -> Evidence:
        """What an entity has in a column, by their indexes."""
        values, sources = kg.literals[column], kg.content.sources.of(value_key(entity, column))
        return cls(kg.name(entity), values.relation, kg.value(values, raw), entity, None, sources=sources)

    @property
    def known(self) -> bool:
        """Whether the graph says so."""
        return self.confidence == 1.0

    def to_list(self) -> list[str | int | float]:
        """[head, relation, tail], dates as ISO texts."""
        tail = self.tail if isinstance(self.tail, str | int | float) else self.tail.isoformat()
        return [self.head, self.relation, tail]


@dataclass(frozen=True)
class Assignment:
    """A variable of the query with the entity that it stands for, in the set of a step, and how sure it is of that."""

    step: int
    entity: int
    confidence: float


@dataclass(frozen=True)
class Proof:
    """The most probable proof of one answer.

    Attributes:
        kg: the graph, for names.
        entity, confidence: of the answer.
        assignments: of the variables, the answer last.
        edges: what it rests on, in the order of the steps, then values that were read; `Evidence.confidence` is 1
            where the graph says so. One that several steps use stands here once, and counts for each in `confidence`.
    """

    kg: KnowledgeGraph
    entity: int
    confidence: float
    assignments: tuple[Assignment, ...]
    edges: tuple[Evidence, ...]

    @property
    def predicted(self) -> int:
        """Edges that the graph lacks."""
        return sum(not edge.known for edge in self.edges)

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {
            "entity": self.kg.name(self.entity),
            "confidence": round(self.confidence, 6),
            "assignments": [
                {"step": one.step + 1, "entity": self.kg.name(one.entity), "confidence": round(one.confidence, 6)}
                for one in self.assignments
            ],
            "edges": [
                {"triple": edge.to_list(), "known": edge.known, "confidence": round(edge.confidence, 6)}
                for edge in self.edges
            ],
        }


@runtime_checkable  # pydantic checks instances when LangChain asks for a schema
class SoftAnswers(Protocol):
    """A run over known and predicted edges, as far as an answer explains itself by it."""

    def holds(self, entity: int) -> bool:
        """Whether the run gives an entity any confidence."""

    def prove(self, entity: int) -> Proof:
        """The most probable proof that an entity is an answer, which it holds."""


@dataclass(frozen=True)
class KeptProofs:
    """The proofs of an answer, kept where it is pickled: the run itself holds a whole link predictor."""

    proofs: tuple[Proof, ...]

    def holds(self, entity: int) -> bool:
        """Whether the proof that an entity is an answer is kept."""
        return any(proof.entity == entity for proof in self.proofs)

    def prove(self, entity: int) -> Proof:
        """The proof of an entity, which it holds."""
        return next(proof for proof in self.proofs if proof.entity == entity)


@dataclass(frozen=True)
class Phrase:
    """A stretch of a sentence.

    Attributes:
        text: its words with the spaces around them.
        entity: the entity that it names as an answer, else None.
        relation: the relation of the triples that it speaks of, by the label that evidence has, else None.
        anchor: the entity that such a triple holds, None where any may be meant.
    """

    text: str
    entity: int | None = None
    relation: str | None = None
    anchor: int | None = None


@dataclass(frozen=True)
class Contrast:
    """What settles a question of whether something holds of one entity, and the triples that it rests on.

    Its phrases are without "Yes" or "No" and the full stop.
    """

    phrases: tuple[Phrase, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class SentencePart:
    """A stretch of the sentence with what it rests on.

    Attributes:
        text: its words; the texts of all parts together are the sentence.
        evidence: positions in the answer's `evidence` of the triples that it rests on.
        entity: the entity that it names as an answer, else None.
    """

    text: str
    evidence: tuple[int, ...] = ()
    entity: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {"text": self.text, "evidence": list(self.evidence)}


@dataclass(frozen=True, eq=False)
class Answer:
    """Ranked entities with the steps that led to them.

    Two are equal where they answer the same query by the same method over graphs of one name with the same; how the
    question was read, what it took and the notes are not compared.

    Attributes:
        kg: the graph, for names and evidence.
        query: the logical query that was answered.
        method: "exact", "lark", "complete" or "hybrid".
        ranked: int32, shape (m,): entity indexes, best first.
        scores: shape (m,): the probability that the model gives each entity in the last step, where it gives one;
            else 1.0 for membership in a set.
        chain: the bound chain that was run.
        steps: its steps, in order; after a failed step there are no more.
        value: the number, date or truth value where the query asks for one.
        values: each ranked entity's value where the query reads values or ranks by them, else None.
        notes: what was read for names that did not fit exactly, and other things a reader should know.
        error: why the answer is incomplete, None where it is complete.
        reading: what it took to have a question in English read by a language model.
        understood: what a question in English was understood as and what else it may mean; None for a query.
        soft: the run over known and predicted edges; None where only the graph was asked.
        signals: of method hybrid what each entity is ranked by, shape (len(ranked), 3), see `completion.hybrid`.
    """

    kg: KnowledgeGraph = field(repr=False)
    query: Query
    method: str
    ranked: Ids
    scores: tuple[float, ...]
    chain: BoundChain = field(repr=False)
    steps: tuple[StepResult, ...] = field(repr=False)
    value: Value | bool | None = None
    values: tuple[Value, ...] | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None
    reading: TokenUsage = NO_USAGE
    understood: ReadQuestion | None = field(default=None, repr=False)
    soft: SoftAnswers | None = field(default=None, repr=False)
    signals: NDArray[np.float64] | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        if self.error is not None:
            outcome = f"error={self.error!r}"
        elif self.value is not None or isinstance(self.query, Number):
            outcome = f"value={self.value!r}"
        else:
            names = [self.kg.name(int(entity)) for entity in self.ranked[:MOST_IN_REPR]]
            rest = f" and {len(self.ranked) - len(names):,} more" if len(self.ranked) > len(names) else ""
            outcome = f"entities={names!r}{rest}"
        return f"Answer({str(self.query)!r}, method={self.method!r}, {outcome})"

    def __eq__(self, other: object) -> bool:
        return self._compared == other._compared if isinstance(other, Answer) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._compared)

    @property
    def _compared(self) -> tuple[object, ...]:
        outcome = (tuple(self.ids), self.scores, self.value, self.values, self.error)
        return self.kg.graph_name, self.query, self.method, *outcome

    def __str__(self) -> str:
        """The answer in words: the sentence, all names where it leaves out some (50 at most), and the notes."""
        from reasoning.verbalization.answers import answer_words

        return answer_words(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: the sentence, the first answers, the query, and what it rests on behind a fold."""
        from reasoning.verbalization.query_tree import answer_html

        return answer_html(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by its fields, the graph as graphs are; of a run over predicted edges the proofs alone."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        soft = None if self.soft is None else KeptProofs(self.proofs)
        return partial(Answer, **{**values, "soft": soft}), ()

    @property
    def usage(self) -> TokenUsage:
        """Requests, tokens and cost of the whole answer."""
        return TokenUsage.total([self.reading, *(step.usage for step in self.steps)])

    @property
    def referred(self) -> str:
        """What of the answer before the question refers to, in a short sentence; "" where it stands by itself."""
        return "" if self.understood is None else self.understood.referred

    @property
    def column(self) -> ValueColumn | None:
        """The column that `value` and `values` are read from; None where they are reckoned, or there are none."""
        return self.steps[-1].column if self.steps else None

    @property
    def count(self) -> int:
        """How many entities it has: more than are ranked where a server gave only the first of what is counted."""
        total = self.steps[-1].total if self.steps else None
        return len(self.ranked) if total is None else total

    @cached_property
    def entities(self) -> list[str]:
        """Display names, best first."""
        return [self.kg.name(int(entity)) for entity in self.ranked]

    @cached_property
    def ids(self) -> list[str]:
        """The entities' ids in the data set, best first."""
        return [self.kg.identifier(int(entity)) for entity in self.ranked]

    @property
    def evidence(self) -> list[Evidence]:
        """The triples behind the answer, at most `EVIDENCE_LIMIT`."""
        return self.traced[0]

    @property
    def evidence_total(self) -> int:
        """How many triples there are behind the answer."""
        return self.traced[1]

    @cached_property
    def traced(self) -> tuple[list[Evidence], int]:
        """`evidence` and `evidence_total`."""
        from reasoning.execution.exact import evidence_of

        return evidence_of(self)

    @cached_property
    def proofs(self) -> tuple[Proof, ...]:
        """Those of the first `PROVED` answers that soft logic has one of; () where only the graph was asked."""
        if self.soft is None or self.error is not None:
            return ()
        return tuple(self.soft.prove(entity) for entity in self.ranked[:PROVED].tolist() if self.soft.holds(entity))

    @property
    def sentence(self) -> str:
        """The answer in a sentence, made from the result alone; "" where it is incomplete."""
        return "".join(part.text for part in self.sentence_parts)

    @cached_property
    def sentence_parts(self) -> tuple[SentencePart, ...]:
        """The sentence in parts, each with the positions in `evidence` of what it rests on."""
        from reasoning.verbalization.answers import sentence_of

        return sentence_of(self)

    @cached_property
    def contrast(self) -> Contrast | None:
        """What settles a yes or no beside the answers, such as the other side of a comparison; None where nothing does,
        or where a language model found the answer."""
        from reasoning.verbalization.answers import contrast_of

        return contrast_of(self)

    def to_pandas(self) -> pd.DataFrame:
        """A frame with an entity a row, best first: `entity`, `id`, `score`, and `value` where each has one.

        Where the answer is a number, a date or a truth value alone, the frame has one row with `value`.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        require("A frame", "pandas")
        import pandas as pd

        if self.value is not None and self.values is None:
            return pd.DataFrame({"value": [self.value]})
        columns: dict[str, Any] = {"entity": self.entities, "id": self.ids, "score": list(self.scores)}
        if self.values is not None:
            columns["value"] = list(self.values)
        return pd.DataFrame(columns)

    def to_dict(self) -> dict[str, Any]:
        """One JSON-serialisable object: query, method, answers (best first), value, sentence, steps, evidence,
        usage, error; of a question in English also how well it was understood and what else it may mean, and of
        methods complete and hybrid the proofs of the first answers."""
        from reasoning.verbalization.answers import answer_dict

        return answer_dict(self)
