"""The one form of an answer, whichever method gave it: ranked entities, the steps that led there, the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reasoning.completion.soft.run import SoftRun
from reasoning.execution.evidence import Evidence, trace
from reasoning.execution.exact import execute, inputs_of
from reasoning.execution.step_result import StepResult
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.usage import NO_USAGE, TokenUsage
from reasoning.query.binding import BoundChain
from reasoning.query.tree import Query, Value
from reasoning.wording.query_tree import tree_of
from reasoning.wording.value_text import plain

if TYPE_CHECKING:
    from reasoning.completion.soft.proofs import Proof
    from reasoning.wording.contrast import Contrast
    from reasoning.wording.sentence import SentencePart

EVIDENCE_LIMIT = 200
"""Most triples an answer shows as evidence; `evidence_total` says how many there are."""

PROVED = 20
"""Answers, the surest first, whose proofs over predicted edges are shown."""


@dataclass(frozen=True)
class Answer:
    """Ranked entities with the steps that led to them.

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
    soft: SoftRun | None = field(default=None, repr=False)
    signals: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)

    @property
    def usage(self) -> TokenUsage:
        """Requests, tokens and cost of the whole answer."""
        return TokenUsage.total([self.reading, *(step.usage for step in self.steps)])

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
        return self._traced[0]

    @property
    def evidence_total(self) -> int:
        """How many triples there are behind the answer."""
        return self._traced[1]

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
        from reasoning.wording.sentence import sentence_of  # a sentence is made of an answer

        return sentence_of(self)

    @cached_property
    def contrast(self) -> Contrast | None:
        """What settles a yes or no beside the answers, such as the other side of a comparison; None where nothing does,
        or where a language model found the answer."""
        if self.method != "exact" or self.error is not None:
            return None
        from reasoning.wording.contrast import contrast_of

        return contrast_of(self.query, self.kg, bool(self.value), EVIDENCE_LIMIT)

    @cached_property
    def _traced(self) -> tuple[list[Evidence], int]:
        if self.error is not None or not self.steps:
            return [], 0
        if self.soft is not None:
            edges = list(dict.fromkeys(edge for proof in self.proofs for edge in proof.edges))
            return edges[:EVIDENCE_LIMIT], len(edges)
        if not any(step.asked for step in self.steps):
            inputs: list[Sequence[Ids]] = [step.inputs for step in self.steps]
        else:
            # Asked as a whole there were no inputs between; the exact ones show what the graph says of the answers.
            results = execute(self.kg, self.chain)
            inputs = [inputs_of(step, results) for step in self.chain]
        found, total = trace(self.kg, self.chain, inputs, np.sort(self.ranked), EVIDENCE_LIMIT)
        beside = [fact for fact in self.contrast.evidence if fact not in found] if self.contrast is not None else []
        return [*found, *beside][:EVIDENCE_LIMIT], total + len(beside)

    def to_dict(self) -> dict[str, Any]:
        """One JSON-serialisable object: query, method, answers (best first), value, sentence, steps, evidence,
        usage, error; of a question in English also how well it was understood and what else it may mean, and of
        methods complete and hybrid the proofs of the first answers."""
        answers: list[dict[str, Any]] = [
            {"entity": name, "id": identifier, "score": score}
            for name, identifier, score in zip(self.entities, self.ids, self.scores, strict=True)
        ]
        if self.values is not None:
            for entry, value in zip(answers, self.values, strict=True):
                entry["value"] = plain(value)
        shown = {
            "query": str(self.query),
            "verbalised": self.query.verbalise(self.kg),
            "tree": tree_of(self.query, self.kg).to_dict(),
            "method": self.method,
            "answers": answers,
            "value": plain(self.value),
            "sentence": self.sentence,
            "sentence_parts": [part.to_dict() for part in self.sentence_parts],
            "steps": [step.to_dict() for step in self.steps],
            "evidence": [triple.to_list() for triple in self.evidence],
            "evidence_total": self.evidence_total,
            "notes": list(self.notes),
            "usage": self.usage.to_dict(),
            "error": self.error,
        }
        if self.soft is not None:
            shown["proofs"] = [proof.to_dict() for proof in self.proofs]
        return shown if self.understood is None else {**self.understood.to_dict(self.kg), **shown}


# Reading a question by a model needs answers, and whoever writes an answer's schema needs this type.
from reasoning.query.read_question import ReadQuestion  # noqa: E402
