"""Questions in the labels' own words: they teach which id stands for what, before and beside what people say.

Binding an id to what the prompt says of it is what a model learns first; in plain phrases it does so in minutes.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from reasoning.reading.model.prompt import KIND_IDS, RELATION_IDS, NameEntry, RelationEntry, Schema

_FORWARD = ("{r} of {x}", "what is the {r} of {x}?", "{x} {r}", "{x}'s {r}?", "which {r} does {x} have", "{x}: {r}")
_BACKWARD = (
    "what has {x} as {r}?", "whose {r} is {x}?", "everything with {r} {x}", "which ones have the {r} {x}", "{r} = {x}",
)  # fmt: skip
_KIND_BACKWARD = ("which {k} have the {r} {x}?", "{k} whose {r} is {x}", "{k} with {r} {x}")
_TWO_STEPS = ("{s} of the {r} of {x}", "the {s} of {x}'s {r}?", "what is the {s} of the {r} that {x} has")
_BOTH = ("whose {r} is {x} and whose {s} is {y}?", "{r} {x} and {s} {y}", "everything with {r} {x} and also {s} {y}")
_EITHER = ("whose {r} is {x} or {y}?", "{r} {x} or {r} {y}", "everything with {r} either {x} or {y}")
_NOT = ("whose {r} is {x} but whose {s} is not {y}?", "{r} {x}, not {s} {y}", "{r} {x} without {s} {y}")
_ALL = ("all {k}", "list every {k}", "which {k} are there?")
_COUNT = ("how many {k} are there?", "number of {k}", "count {k}")
_COUNT_OF = ("how many have the {r} {x}?", "number of things whose {r} is {x}", "count of {r} {x}")
_ABOVE = ("which {k} have {r} above {n}?", "{k} with {r} over {n}", "{k} where {r} is more than {n}", "{r} > {n}")
_BELOW = ("which {k} have {r} below {n}?", "{k} with {r} under {n}", "{k} where {r} is less than {n}", "{r} < {n}")
_MOST = ("{k} with the highest {r}", "which {k} has the largest {r}?", "maximum {r}: which {k}", "most {r}")
_LEAST = ("{k} with the lowest {r}", "which {k} has the smallest {r}?", "minimum {r}: which {k}", "least {r}")


class LabelQuestions:
    """Questions over one schema.

    Args:
        schema: they are asked of.
        name: draws a name of a kind that is shown at a place of the schema; any where None.
        number: draws a number of a relation as a name.
        rng: draws.
    """

    def __init__(
        self,
        schema: Schema,
        name: Callable[[int | None], NameEntry],
        number: Callable[[RelationEntry], NameEntry],
        rng: random.Random,
    ) -> None:
        self._name, self._number, self._rng, self._schema = name, number, rng, schema
        entries = list(zip(RELATION_IDS, schema.relations, strict=False))
        self._edges = [pair for pair in entries if not pair[1].has_values]
        self._values = [pair for pair in entries if pair[1].has_values]

    def draw(self) -> tuple[str, list[NameEntry], str]:
        """A question, the names in it, and the query with `{0}`, `{1}` where the names' ids stand."""
        rng = self._rng
        kinds = [self._step, self._step, self._back, self._back, self._two_steps, self._joined, self._of_kind]
        if not self._edges:
            kinds = [self._of_kind]
        if self._values:
            kinds += [self._value, self._compared, self._ranked]
        return rng.choice(kinds)()

    def _step(self) -> tuple[str, list[NameEntry], str]:
        letter, entry = self._rng.choice(self._edges)
        name = self._at(entry.start)
        return self._said(_FORWARD, r=entry.words, x=name.text), [name], f"{letter}({{0}})"

    def _value(self) -> tuple[str, list[NameEntry], str]:
        letter, entry = self._rng.choice(self._values)
        name = self._at(entry.start)
        return self._said(_FORWARD, r=entry.words, x=name.text), [name], f"{letter}({{0}})"

    def _back(self) -> tuple[str, list[NameEntry], str]:
        letter, entry = self._rng.choice(self._edges)
        name = self._at(entry.end)
        if len(entry.start) == 1 and self._schema.kinds[entry.start[0]].named and self._rng.random() < 0.4:
            kind = self._plural(entry.start[0])
            return self._said(_KIND_BACKWARD, r=entry.words, x=name.text, k=kind), [name], f"~{letter}({{0}})"
        if self._rng.random() < 0.15:
            return self._said(_COUNT_OF, r=entry.words, x=name.text), [name], f"count(~{letter}({{0}}))"
        return self._said(_BACKWARD, r=entry.words, x=name.text), [name], f"~{letter}({{0}})"

    def _two_steps(self) -> tuple[str, list[NameEntry], str]:
        letter, entry = self._rng.choice(self._edges)
        ends = entry.end if isinstance(entry.end, tuple) else ()
        following = [pair for pair in (*self._edges, *self._values) if set(pair[1].start) & set(ends)]
        if not following:
            return self._step()
        second, other = self._rng.choice(following)
        name = self._at(entry.start)
        question = self._said(_TWO_STEPS, r=entry.words, s=other.words, x=name.text)
        return question, [name], f"{second}({letter}({{0}}))"

    def _joined(self) -> tuple[str, list[NameEntry], str]:
        letter, entry = self._rng.choice(self._edges)
        alike = [pair for pair in self._edges if set(pair[1].start) & set(entry.start)]
        second, other = self._rng.choice(alike) if alike else (letter, entry)
        texts, sign = self._rng.choice(((_BOTH, " &"), (_EITHER, " |"), (_NOT, " &!")))
        if texts is _EITHER:
            second, other = letter, entry
        names = [self._at(entry.end), self._at(other.end)]
        question = self._said(texts, r=entry.words, s=other.words, x=names[0].text, y=names[1].text)
        return question, names, f"~{letter}({{0}}){sign}~{second}({{1}})"

    def _of_kind(self) -> tuple[str, list[NameEntry], str]:
        at = self._rng.randrange(len(self._schema.kinds))
        if not self._schema.kinds[at].named:
            return self._step() if self._edges else self._value()
        if self._rng.random() < 0.5:
            return self._said(_COUNT, k=self._plural(at)), [], f"count({KIND_IDS[at]})"
        return self._said(_ALL, k=self._plural(at)), [], KIND_IDS[at]

    def _compared(self) -> tuple[str, list[NameEntry], str]:
        letter, entry = self._rng.choice(self._values)
        if len(entry.start) != 1 or not self._schema.kinds[entry.start[0]].named:
            return self._value()
        number = self._number(entry)
        texts, sign = self._rng.choice(((_ABOVE, " >"), (_BELOW, " <")))
        question = self._said(texts, r=entry.words, n=number.text, k=self._plural(entry.start[0]))
        return question, [number], f"{letter}({KIND_IDS[entry.start[0]]}){sign}{{0}}"

    def _ranked(self) -> tuple[str, list[NameEntry], str]:
        letter, entry = self._rng.choice(self._values)
        if len(entry.start) != 1:
            return self._value()
        at = entry.start[0]
        words = self._schema.kinds[at].words if self._schema.kinds[at].named else "one"
        texts, rank = self._rng.choice(((_MOST, "top"), (_LEAST, "bottom")))
        return self._said(texts, r=entry.words, k=words), [], f"{rank}(1,{letter},{KIND_IDS[at]})"

    def _at(self, ends: tuple[int, ...] | str) -> NameEntry:
        return self._name(self._rng.choice(ends) if isinstance(ends, tuple) and ends else None)

    def _plural(self, at: int) -> str:
        words = self._schema.kinds[at].words
        return words if words.endswith("s") or self._rng.random() < 0.2 else f"{words}s"

    def _said(self, texts: tuple[str, ...], **words: str) -> str:
        return self._rng.choice(texts).format(**words)
