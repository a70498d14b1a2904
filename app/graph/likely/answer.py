"""An exact answer followed by what is likely: the graph's own word stays first and whole.

Soft logic may doubt what the graph says where a query says "not": a predicted edge could break the negation. The exact
answer is what the graph says, so it is kept as it is, and likely answers are those that it lacks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from app.server.words import percent
from reasoning.answer import PROVED, Answer, Contrast, Evidence, Proof, SentencePart
from reasoning.query.tree import Count, Exists
from reasoning.wording.sentence import MOST_NAMED


@dataclass(frozen=True)
class AnswerWithLikely(Answer):
    """Known answers, then likely ones; `scores` is 1 of the known.

    Attributes:
        exact: what the graph says.
        least: confidence of the least likely answer that was let in.
        likeliest: confidence of the likeliest answer that the graph does not give, let in or not; 0 where there is
            none.
    """

    exact: Answer = field(kw_only=True)
    least: float = 1.0
    likeliest: float = 0.0

    @classmethod
    def of(cls, exact: Answer, soft: Answer, least: float) -> AnswerWithLikely:
        """Put together.

        Args:
            exact: the exact answer.
            soft: the answer to the same query over known and predicted edges.
            least: the confidence from which on an answer is likely.
        """
        scores = np.array(soft.scores)
        new = np.flatnonzero(~np.isin(soft.ranked, exact.ranked))
        new = new[np.argsort(-scores[new], kind="stable")]
        chosen = new[scores[new] >= least]
        values = exact.values
        if soft.values is not None:
            values = (*(exact.values or ()), *(soft.values[at] for at in chosen))
        value = exact.value
        if isinstance(exact.query, Count) and isinstance(value, int):
            value = value + len(chosen)
        elif isinstance(exact.query, Exists):
            value = bool(value) or len(chosen) > 0
        shared: dict[str, Any] = {name: getattr(exact, name) for name in exact.__dataclass_fields__}
        return cls(
            **shared
            | {
                "method": "complete",
                "ranked": np.concatenate([exact.ranked, soft.ranked[chosen]]).astype(np.int32),
                "scores": (1.0,) * len(exact.ranked) + tuple(soft.scores[at] for at in chosen),
                "values": values,
                "value": value,
                "soft": soft.soft,
            },
            exact=exact,
            least=least,
            likeliest=float(scores[new[0]]) if len(new) else 0.0,
        )

    @property
    def known(self) -> int:
        """How many answers the graph gives."""
        return len(self.exact.ranked)

    @cached_property
    def proofs(self) -> tuple[Proof, ...]:
        """The most probable proof of each of the first likely answers."""
        return tuple(self.proof(int(entity)) for entity in self.ranked[self.known :][:PROVED])

    def proof(self, entity: int) -> Proof:
        """The most probable proof of one likely answer."""
        assert self.soft is not None
        return self.soft.prove(entity)

    @property
    def evidence(self) -> list[Evidence]:
        """The facts behind the known answers, then what the proofs of the likely ones add."""
        return [*self.exact.evidence, *self.proved]

    @property
    def evidence_total(self) -> int:
        """How many triples that is, with those that are not listed."""
        return self.exact.evidence_total + len(self.proved)

    @cached_property
    def proved(self) -> list[Evidence]:
        """What the proofs of the likely answers rest on and the known ones do not."""
        known = set(self.exact.evidence)
        return [edge for edge in dict.fromkeys(e for proof in self.proofs for e in proof.edges) if edge not in known]

    @cached_property
    def contrast(self) -> Contrast | None:
        """The exact answer's."""
        return self.exact.contrast

    @cached_property
    def sentence_parts(self) -> tuple[SentencePart, ...]:
        """What the graph says, then what is likely."""
        likely = self.likely_parts
        space = (SentencePart(" "),) if self.exact.sentence_parts and likely else ()
        return (*self.exact.sentence_parts, *space, *likely)

    @cached_property
    def likely_parts(self) -> tuple[SentencePart, ...]:
        """The likely answers in a sentence, each with its confidence; () where there are none."""
        likely = self.ranked[self.known :].tolist()
        if not likely:
            return ()
        proofs = {proof.entity: proof for proof in self.proofs}
        place = {edge: position for position, edge in enumerate(self.evidence)}
        shown = likely if len(likely) <= MOST_NAMED + 1 else likely[:MOST_NAMED]
        parts = [SentencePart(self._begin())]
        for at, entity in enumerate(shown):
            last = at == len(shown) - 1 and len(shown) == len(likely)
            joint = "" if not at else " and " if last else ", "
            facts = tuple(place[edge] for edge in proofs[entity].edges)
            parts.append(SentencePart(joint))
            parts.append(SentencePart(self.kg.name(entity), facts, entity))
            parts.append(SentencePart(f" ({percent(self.scores[self.known + at])})"))
        rest = len(likely) - len(shown)
        parts.append(SentencePart(f" and {rest:,} others." if rest else "."))
        return tuple(part for part in parts if part.text)

    def _begin(self) -> str:
        if isinstance(self.query, Count):
            return f"{self.value:,} with likely ones, though the graph does not say so: "
        if isinstance(self.query, Exists):
            return "Likely, though the graph does not say so: " if self.exact.value else "But likely: "
        return f"Likely{' as well' if self.known else ''}, though the graph does not say so: "
