"""All ways in which the rules of the grammar join the stretches of a question, the likeliest kept: a chart parser.

It walks the question bottom-up (Cocke, Younger and Kasami): every span is put together from two neighbouring spans by
every rule that takes them, and each span keeps its cheapest phrases of each kind. Words that change nothing are
swallowed by the phrase before them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reasoning.reading.lexicon import Kind, RelationUse
from reasoning.reading.linking import Linked
from reasoning.reading.rules.grounding import NoReading
from reasoning.reading.rules.predicates import Objects, Predicate

BEAM = 5
"""Phrases of one kind that one span keeps."""


@dataclass(frozen=True)
class Phrase:
    """A stretch of the question as one unit of the grammar.

    Attributes:
        kind: which unit: "noun" (a set), "predicate", "relation", "type", or a word's role.
        start, end: positions of its words, the end excluded.
        cost: how unlikely its words and their order make it, beside what its readings cost.
        text: its first words.
        objects: of a noun, what it denotes.
        predicate: of a predicate, what it says.
        use: the relation that it names.
        type: what kind of thing it says.
        value: of a number, a comparison, a superlative.
        bare: of a noun, whether it is a type alone.
        named: of a noun, whether it is one or several names.
        gap: of a predicate, the noun before its relation: "that Ann directed".
    """

    kind: str
    start: int = 0
    end: int = 0
    cost: float = 0.0
    text: str = ""
    objects: Objects | None = None
    predicate: Predicate | None = None
    use: RelationUse | None = None
    type: Kind | None = None
    value: object = None
    bare: bool = False
    named: bool = False
    gap: Objects | None = None
    estimate: float = 0.0

    @property
    def score(self) -> float:
        """What it is ranked by, the least first."""
        return self.cost + (self.objects.cost if self.objects is not None else self.estimate)

    @property
    def identity(self) -> object:
        """What two phrases that say the same have in common."""
        if self.objects is not None and len(self.objects.sources) == 1 and len(self.objects.sources[0]) == 1:
            return self.objects.sources[0][0].query
        return id(self)


Rule = Callable[[Phrase, Phrase], Iterator[Phrase]]

Cell = dict[str, list[Phrase]]
"""The phrases over one stretch of a question by their kind."""


@dataclass
class Chart:
    """The phrases of every span, and why the widest that failed did."""

    linked: Linked
    rules: Mapping[tuple[str, str], Sequence[Rule]]
    alone: Callable[[Phrase], Iterator[Phrase]]
    cells: dict[tuple[int, int], Cell] = field(default_factory=dict)
    reason: str = ""
    _reach: int = -10_000

    def fill(self, lexical: Sequence[Phrase]) -> None:
        """Put the phrases of single stretches in, and join them as far as the rules go."""
        size = len(self.linked.tokens)
        ends: dict[int, set[int]] = {}
        for phrase in lexical:
            end = phrase.end
            while True:
                self._add(replace(phrase, end=end))
                if end >= size or not self.linked.filler[end]:
                    break
                end += 1
        for start, end in self.cells:
            ends.setdefault(start, set()).add(end)
        for width in range(2, size + 1):
            for start in range(size - width + 1):
                if start not in ends:
                    continue
                end = start + width
                for middle in sorted(ends[start]):
                    if middle < end and (middle, end) in self.cells:
                        self._join(self.cells[start, middle], self.cells[middle, end])
                if (start, end) in self.cells:
                    ends[start].add(end)

    def _join(self, left: Cell, right: Cell) -> None:
        for first in left:
            for second in right:
                for rule in self.rules.get((first, second), ()):
                    for a in left[first]:
                        for b in right[second]:
                            try:
                                for phrase in rule(a, b):
                                    self._add(replace(phrase, start=a.start, end=b.end))
                            except NoReading as error:
                                self._failed(str(error), (b.end - a.start) - 1000 * error.weak)

    def _failed(self, reason: str, width: int) -> None:
        if width > self._reach and reason:
            self.reason, self._reach = reason, width

    def _add(self, phrase: Phrase) -> None:
        cell = self.cells.setdefault((phrase.start, phrase.end), {})
        there = cell.setdefault(phrase.kind, [])
        for place, other in enumerate(there):
            if other.identity == phrase.identity and other.bare == phrase.bare and phrase.kind == "noun":
                if phrase.score < other.score:
                    there[place] = phrase
                return
        there.append(phrase)
        there.sort(key=lambda one: one.score)
        del there[BEAM:]
        for other in self.alone(phrase):
            self._add(replace(other, start=phrase.start, end=phrase.end))
