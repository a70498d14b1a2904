"""Questions about the words around a place in an instruction: what is a verb there, where the next thing is named.

They look at words and never change what has been read, so the parser (`sentences`) can ask them in any order.
"""

from __future__ import annotations

from bisect import bisect_right

from vision.classes.phrases import COLOURS
from vision.instructions.rules import Reading, Said
from vision.instructions.tables import phrases
from vision.instructions.tokens import Part, Token, tokens
from vision.instructions.verbs import NOUNLIKE
from vision.instructions.wording import ING_NOUNS, PARTITIVES, UNWANTED

_THINGS = frozenset(phrases("object, objects, thing, things, item, items, stuff, anything, something, everything"))
_LINKING = frozenset(
    ("that", "which", "you can", "can", "to", "with", "for", "made of", "used for", "used to", "could", "may", "would")
)
_SUBJECTS = frozenset(["you", "people", "we", "one", "i"])
_NO_OBJECTS = frozenset(phrases("one, detection, detections, instance, instances, member, members, target, targets"))
_NO_RELATUM = frozenset(phrases("detection, detections, instance, instances, it, them, me"))
_LEADING: tuple[Part, ...] = ("stop", "comma", "and", "filler", "be", "pronoun", "output", "selection", "that")

LOOSE_RELATIONS = frozenset(
    phrases(
        """with, in, on, at, by, from, over, through, off, into, within, around, about, across, for, of, like, per,
    along, against, to"""
    )
)
"""Relations so common that only a name after them, not "others" or "it", makes an expression."""


class Words:
    """The tokens of an instruction and what can be asked about them.

    Args:
        reading: what other rules have read.
    """

    def __init__(self, reading: Reading) -> None:
        self.tokens = tokens(reading.source)
        starts = [token.start for token in self.tokens]
        self._said: dict[int, list[Said]] = {}
        for said in reading.said:
            self._said.setdefault(bisect_right(starts, said.start) - 1, []).append(said)

    def __len__(self) -> int:
        return len(self.tokens)

    def at(self, position: int) -> Token | None:
        """The token at a place, or None outside the text."""
        return self.tokens[position] if 0 <= position < len(self.tokens) else None

    def said_in(self, token: Token) -> list[Said]:
        """What other rules read in a token."""
        return self._said.get(token.index, [])

    def is_score(self, token: Token) -> bool:
        """Whether a selection is a bound on the score, which no expression holds."""
        return any(said.field in ("min_score", "max_score") for said in self.said_in(token))

    def content_at(self, position: int) -> int | None:
        """Where a name of something in the image begins, behind determiners and numbers, or None."""
        while (token := self.at(position)) is not None:
            if token.can_be("word", "quoted"):
                return None if token.text[0].isdigit() else position
            if not token.can_be("determiner", "number", "filler") or token.can_be("output noun"):
                return None
            position += 1
        return None

    def before_determiner(self, position: int) -> bool:
        """Whether another name follows at once, with its determiner."""
        token = self.at(position)
        return (
            token is not None
            and token.can_be("determiner")
            and not token.can_be("that")
            and self.content_at(position) is not None
        )

    def before_name(self, position: int) -> bool:
        """Whether another name follows at once, with a determiner or a number."""
        token = self.at(position)
        return (
            token is not None
            and token.can_be("determiner", "number")
            and not token.can_be("that")
            and self.content_at(position) is not None
        )

    def compares(self, position: int) -> bool:
        """Whether a comparison that no rule knows begins here: "younger than"."""
        after = self.at(position + 1)
        return after is not None and after.text == "than"

    def run_end(self, position: int, verbless: bool) -> int:
        """One past the last of the words that begin here, with the noun of "a piece of cutlery"."""
        if self.tokens[position].can_be("quoted"):
            return position + 1
        end = position + 1
        while (token := self.at(end)) is not None and not self.compares(end):
            inner = self.content_at(end + 1) if token.text == "of" and self.tokens[end - 1].text in PARTITIVES else None
            if token.can_be("word") or (token.is_stray_verb and self.verb(end, verbless) is None):
                end += 1
            elif inner is not None:
                end = inner + 1
            else:
                break
        return end

    def participle(self, position: int, end: int, after_thing: bool) -> int | None:
        """How far into a run stands a verb in -ing that relates what is before it to what comes after, or None."""
        for index in range(position if after_thing else position + 1, end):
            word = self.tokens[index].text
            if word.endswith("ing") and len(word) > len("being") - 1 and word not in ING_NOUNS:
                return index - position
        return None

    def verb(self, position: int, verbless: bool, expressing: bool = False) -> str | None:
        """Which kind of verb a token is at its place (`finding`, `telling` or `foreign`), or None where it is none.

        Args:
            position: the token's.
            verbless: whether the clause had no verb so far.
            expressing: whether it stands inside a referring expression.
        """
        token = self.tokens[position]
        if not token.can_be("finding", "telling", "foreign", "word"):
            return None
        before, after = self.at(position - 1), self.at(position + 1)
        leading = before is None or before.can_be(*_LEADING) or before.text == "to"
        takes = (
            after is not None
            and after.can_be("determiner", "pronoun", "object", "number")
            and not after.can_be("that")
            and after.text not in _NO_OBJECTS
        )
        if token.can_be("foreign") and leading and self._is_foreign(token, after, takes):
            return "foreign"
        if token.can_be("finding", "telling"):
            return self._own_verb(token, before, after, leading, takes and verbless)
        subject = before is not None and before.can_be("be", "that", "selection", "output", "finding", "telling")
        if token.can_be("word") and leading and takes and not expressing and not subject:
            # A word before "the" or "them" that is no verb that we know: "frobnicate the cats".
            return "foreign"
        return None

    @staticmethod
    def _is_foreign(token: Token, after: Token | None, takes: bool) -> bool:
        if takes or (after is not None and after.can_be("output noun", "output")):
            return True
        if token.text in NOUNLIKE:
            return False
        return after is None or after.can_be(
            "word", "number", "relation", "preposition", "quoted", "stop", "comma", "and"
        )

    def _own_verb(
        self, token: Token, before: Token | None, after: Token | None, leading: bool, begins: bool
    ) -> str | None:
        kind = "finding" if token.can_be("finding") else "telling"
        noun = token.can_be("output noun", "object")
        if before is not None and before.can_be("word") and not before.can_be("that", "and"):
            if begins and not token.text.endswith("ing") and not noun:
                # "for each mouse write its centre"
                return kind
            return "telling" if token.text.endswith("ing") and self.content_at(token.index + 1) is None else None
        if before is not None and noun and before.can_be("determiner") and not before.can_be("that", "and"):
            return None
        if not leading and (noun or token.can_be("filler", "that", "be") or after is None):
            return None
        if leading and noun and after is not None and after.can_be("preposition") and not after.can_be("relation"):
            return None
        return kind

    def is_request(self, position: int) -> bool:
        """Whether what begins like a question asks for something to be done: "can you box the cats"."""
        for token in self.tokens[position + 1 : position + 4]:
            if token.can_be("stop"):
                return False
            if token.can_be("finding", "telling") and not token.can_be("output noun"):
                return True
        return False

    def is_statement(self, position: int) -> bool:
        """Whether a pronoun begins a statement that asks for nothing: "you are now a pirate"."""
        following = self.tokens[position + 1 : position + 7]
        for index, token in enumerate(following):
            if token.can_be("word"):
                return any(before.can_be("be") for before in following[:index])
            if token.can_be(
                "stop", "comma", "finding", "telling", "and", "selection", "output", "relation", "output noun", "object"
            ):
                return False
        return False

    def names_nothing(self, position: int) -> bool:
        """Whether the rest of a sentence names nothing new: "Box it.", "Mark them please"."""
        while (token := self.at(position)) is not None and not token.can_be("stop"):
            if token.can_be("word", "quoted", "class set"):
                return False
            position += 1
        return True

    def unwanted(self, position: int) -> int | None:
        """One past the words that rule out what stands before "not": "cars are not needed"."""
        before = self.at(position - 1)
        if before is None or not before.can_be("be"):
            return None
        return next(
            (token.index + 1 for token in self.tokens[position + 1 : position + 3] if token.text in UNWANTED), None
        )

    def relates(self, position: int) -> bool:
        """Whether a relation leads to something else in the image."""
        if self.content_at(position + 1) is not None:
            return True
        if self.tokens[position].text in LOOSE_RELATIONS:
            return False
        position += 1
        while (
            (token := self.at(position)) is not None
            and token.can_be("determiner", "number")
            and not token.can_be("object", "pronoun")
        ):
            position += 1
        return token is not None and token.can_be("object", "pronoun") and token.text not in _NO_RELATUM

    def clause_end(self, position: int) -> int:
        """Where in the text the clause ends that the token at a place would go on."""
        while (token := self.at(position)) is not None:
            if token.can_be("stop", "output", "comma") or self.verb(position, verbless=False):
                return token.start
            position += 1
        return self.tokens[-1].end

    def described_things(self, position: int) -> int | None:
        """One past a phrase such as "things you can eat", "anything edible", "objects with wheels", or None."""
        if self.tokens[position].text not in _THINGS:
            return None
        index, subject = position + 1, False
        while (token := self.at(index)) is not None:
            if token.can_be("word") or (token.is_stray_verb and index > position + 1):
                break
            if token.text in _SUBJECTS:
                subject = True
            elif token.text not in _LINKING:
                return None
            index += 1
        if token is None or (index == position + 1 and token.text in COLOURS):
            return None
        end = index + 1
        while (token := self.at(end)) is not None:
            hanging = (
                subject and token.text in ("in", "on", "with", "into", "from") and self.content_at(end + 1) is None
            )
            if not token.can_be("word") and not hanging:
                break
            end += 1
        return end
