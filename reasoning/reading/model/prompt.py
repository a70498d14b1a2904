"""What a language model reads before it writes a query: the schema's part, the names that were linked, the question.

Everything that a query may name gets an id of one token: relations capitals, kinds of things Greek letters, names and
numbers of the question small letters (abstraction as in LARK, arXiv 2305.01157, section 3.3). The model knows no graph
by heart; names reach it as data behind ids, never as instructions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

RELATION_IDS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NAME_IDS = "abcdefghijklmnopqrstuvwxyz"
KIND_IDS = "αβγδεζηθικλμνοπρστυφχω"

ANSWER = "Query:"
"""The prompt's last line, which the reply follows."""

LITERALS = ("number", "date")
"""Kinds of names that are values."""

ANYTHING = "any"
"""What a prompt says of the end of a relation where the graph does not tell kinds apart."""


MOST_SHOWN = 60
"""Characters of a name or label that a prompt shows."""


def on_a_line(text: str) -> str:
    """A name as a prompt shows it: on one line, without what does not print, not longer than anybody reads."""
    printed = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printed.split())[:MOST_SHOWN]


@dataclass(frozen=True)
class KindEntry:
    """A kind of things.

    Attributes:
        words: what the graph calls it, or names of such things where the graph has no word for it.
        query: the set of these things as a query's text.
        named: whether `words` is its name.
    """

    words: str
    query: str
    named: bool = True


@dataclass(frozen=True)
class RelationEntry:
    """A relation.

    Attributes:
        words: its label in words.
        start: the kinds that it leads from, as positions in the schema's kinds; () for any.
        end: the kinds that it leads to; of a relation with values the values' kind.
        query: its name as a query's text.
    """

    words: str
    start: tuple[int, ...]
    end: tuple[int, ...] | str
    query: str

    @property
    def has_values(self) -> bool:
        """Whether it leads to numbers or dates."""
        return isinstance(self.end, str)


@dataclass(frozen=True)
class NameEntry:
    """What a stretch of a question may name: an entity, a number or a date.

    Attributes:
        text: the words of the question.
        label: the entity's own name.
        kind: what it is, in words or as a kind's id; "number" or "date" of a literal.
        query: it as a query's text.
        kinds: places in the prompt's schema of the kinds that the entity is of; the prompt shows them by `kind`.
    """

    text: str
    label: str
    kind: str
    query: str
    kinds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Schema:
    """The part of a graph's schema that a question may need, at most as many kinds and relations as there are ids."""

    kinds: Sequence[KindEntry]
    relations: Sequence[RelationEntry]

    @cached_property
    def text(self) -> str:
        """As the prompt shows it."""
        lines = ["Kinds:"]
        lines += [f"{on_a_line(kind.words)} ={KIND_IDS[at]}" for at, kind in enumerate(self.kinds)]
        lines.append("Relations:")
        for at, relation in enumerate(self.relations):
            end = relation.end if isinstance(relation.end, str) else self._ends(relation.end)
            lines.append(f"{on_a_line(relation.words)}: {self._ends(relation.start)} > {end} ={RELATION_IDS[at]}")
        return "\n".join(lines) + "\n"

    def _ends(self, kinds: tuple[int, ...]) -> str:
        return " or ".join(self.kind_words(kind) for kind in kinds[:3]) or ANYTHING

    def kind_words(self, at: int) -> str:
        """What the prompt calls a kind: its name, or its id."""
        return on_a_line(self.kinds[at].words) if self.kinds[at].named else KIND_IDS[at]


@dataclass(frozen=True)
class Prompt:
    """All that the model reads of one question.

    Attributes:
        schema: shared with other questions.
        names: at most as many as there are ids.
        question: as asked.
    """

    schema: Schema
    names: Sequence[NameEntry]
    question: str

    @property
    def text(self) -> str:
        """What stands behind the schema; the reply follows directly."""
        lines = ["Names:"]
        for at, name in enumerate(self.names):
            also = "" if name.label == name.text else f" {on_a_line(name.label)},"
            lines.append(f"{on_a_line(name.text)}:{also} {name.kind} ={NAME_IDS[at]}")
        return "\n".join([*lines, f"Q: {' '.join(self.question.split())}", ANSWER])

    @cached_property
    def meanings(self) -> dict[str, str]:
        """Each id with what it stands for in a query's text."""
        kinds = zip(KIND_IDS, (kind.query for kind in self.schema.kinds), strict=False)
        relations = zip(RELATION_IDS, (relation.query for relation in self.schema.relations), strict=False)
        names = zip(NAME_IDS, (name.query for name in self.names), strict=False)
        return {**dict(kinds), **dict(relations), **dict(names)}
