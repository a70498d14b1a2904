"""Making the phrases that rules give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reasoning.reading.lexicon import Kind
from reasoning.reading.linking import Linked
from reasoning.reading.rules.chart import Phrase, Rule
from reasoning.reading.rules.grounding import GroundedReading, Grounding, NoReading
from reasoning.reading.rules.measures import Comparison, Superlative
from reasoning.reading.rules.predicates import (
    Chosen,
    Implied,
    Located,
    Not,
    Objects,
    Predicate,
    Related,
    Together,
    Touching,
)


class Shapes:
    """What all rules use.

    Args:
        ground: puts relations to the graph.
        linked: the question's words.
    """

    def __init__(self, ground: Grounding, linked: Linked) -> None:
        self.ground, self.kg, self.linked = ground, ground.kg, linked

    def _noun(self, a: Phrase, readings: list[GroundedReading], cost: float = 0.0, **more: object) -> Phrase:
        return replace(
            Phrase("noun", text=a.text, cost=cost, objects=Objects((tuple(readings),))),
            **more,  # type: ignore[arg-type]
        )

    def _nouns(self, a: Phrase, b: Phrase, readings: list[GroundedReading], cost: float = 0.0) -> Iterator[Phrase]:
        structure = (0.0 if a.objects is not None and a.named else a.cost) + b.cost + cost
        for reading in readings:
            yield self._noun(a, [reading], structure)

    def _predicate(self, a: Phrase, b: Phrase, predicate: Predicate, cost: float = 0.0, **more: object) -> Phrase:
        try:
            options = predicate.options(self.ground, None)
            if not options:
                raise NoReading("its parts do not fit together")
            estimate = min(
                c + sum(part.reading.cost for part in parts if part.reading is not None) for c, parts in options
            )
        except NoReading:
            if not isinstance(predicate, Located | Implied | Related | Together | Not | Touching):
                raise
            estimate = 0.4
        return replace(
            Phrase("predicate", text=a.text, cost=a.cost + b.cost + cost, predicate=predicate, estimate=estimate),
            **more,  # type: ignore[arg-type]
        )

    def _reads(self, predicate: Predicate, want: Kind | None) -> bool:
        """Whether a predicate can be said of a kind of thing."""
        try:
            return bool(predicate.readings(self.ground, want))
        except NoReading:
            return False

    def _choice(self, a: Phrase, choice: Comparison | Superlative, cost: float) -> Phrase:
        return Phrase("predicate", text=a.text, cost=a.cost + cost, predicate=Chosen(choice))

    def _waiting(self, kind: str) -> Rule:
        def rule(a: Phrase, b: Phrase) -> Iterator[Phrase]:
            if not isinstance(a.value, Phrase):  # "the capital's population in" has an owner already
                yield replace(a, kind=kind, value=b.text)

        return rule

    def joined(self, kind: str, first: bool = False) -> Rule:
        """A rule that keeps one of two phrases under a new name."""

        def rule(a: Phrase, b: Phrase) -> Iterator[Phrase]:
            kept = a if first else b
            yield replace(kept, kind=kind, cost=a.cost + b.cost)

        return rule
