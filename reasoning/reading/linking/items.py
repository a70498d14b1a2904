"""What the stretches of a question may mean, for the grammar to choose from."""

from __future__ import annotations

from dataclasses import dataclass, field

from reasoning.reading.lexicon import Kind, RelationUse
from reasoning.reading.linking.tokens import Token


@dataclass(frozen=True)
class Mention:
    """Entities that a stretch of the question may name.

    Attributes:
        text: the words.
        candidates: entity indexes by how well the name fits: exact labels, labels despite case and accents, aliases.
        corrected_to: the name that was read, where the spelling did not fit any name.
        marked: whether quotes or brackets say that it is a name.
    """

    text: str
    candidates: tuple[tuple[int, ...], ...]
    corrected_to: str | None = None
    marked: bool = False


@dataclass(frozen=True)
class Item:
    """A stretch of a question and one thing that it may mean.

    Attributes:
        kind: "entity", "relation", "type", "number", "anything", "light" (a verb that says little), "word" (not
            understood), "unsayable" (of `UNSAYABLE`) or a role of `KEYWORDS`.
        text: the words.
        start, end: positions of its words in the question, the end excluded.
        mention: of an entity, or of a number that is a name too.
        use: of a word that may be a relation.
        type: of a noun that says what kind of thing is meant.
        value: of a number or a keyword.
        nearest: of a word that looks like a name, the names of the graph most like it.
        cost: how far the words are from what they are taken for.
    """

    kind: str
    text: str
    start: int = 0
    end: int = 0
    mention: Mention | None = None
    use: RelationUse | None = None
    type: Kind | None = None
    value: object = None
    nearest: tuple[str, ...] = ()
    cost: float = 0.0


@dataclass
class Linked:
    """A question's words with all that they may mean.

    Attributes:
        tokens: the words.
        items: what stretches of them may mean, by where they begin.
        filler: whether each word may be left out, since it changes nothing in what is asked.
    """

    tokens: list[Token]
    items: list[Item] = field(default_factory=list)
    filler: list[bool] = field(default_factory=list)

    def before(self, position: int) -> frozenset[str]:
        """The words that change nothing directly before a position: "that", "do", "which"."""
        words = set()
        while position > 0 and self.filler[position - 1]:
            position -= 1
            words.add(self.tokens[position].text.casefold())
        return frozenset(words)

    def of_kind(self, *kinds: str) -> list[Item]:
        """The items of some kinds, in the question's order."""
        return sorted((item for item in self.items if item.kind in kinds), key=lambda item: (item.start, -item.end))

    def names(self) -> list[Mention]:
        """The mentions of the question, without those that are a part of a longer one."""
        found: list[Item] = []
        for item in self.of_kind("entity"):
            if item.mention is not None and all(item.start >= other.end for other in found):
                found.append(item)
        return [item.mention for item in found if item.mention is not None]
