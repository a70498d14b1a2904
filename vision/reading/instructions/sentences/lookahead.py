"""Questions about the words around a place in an instruction: how far a name goes, what a clause says and of what.

They look at words and never change what has been read, so the parser (`sentences`) can ask them in any order.
"""

from __future__ import annotations

from collections.abc import Sequence

from vision.classes.phrases import COLOURS
from vision.reading.instructions.sentences.clause_verbs import IMAGE_WORD, ClauseVerbs
from vision.reading.instructions.sentences.tokens import Part, Token, is_class_name
from vision.reading.instructions.words.english import is_adjective
from vision.reading.instructions.words.tables import phrases
from vision.reading.instructions.words.wording import ING_NOUNS, LEFT_OUT, PARTITIVES, UNWANTED

_POINTING = frozenset(("those", "these", "ones", "them"))
_NO_RELATUM = frozenset(phrases("detection, detections, instance, instances, it, them, me"))

LOOSE_RELATIONS = frozenset(
    phrases(
        """with, in, on, at, by, from, over, through, off, into, within, around, about, across, for, of, like, per,
    along, against, to"""
    )
)
"""Relations so common that only a name after them, not "others" or "it", makes an expression."""


class Words(ClauseVerbs):
    """The tokens of an instruction and what can be asked about them."""

    def is_score(self, token: Token) -> bool:
        """Whether a selection is a bound on the score, which no expression holds."""
        return any(said.field in ("min_score", "max_score") for said in self.said_in(token))

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
            if token.can_be("verb") and not token.text.endswith(("ed", "ing")):
                break
            if token.is_stray_verb and token.text.endswith("s") and self._takes_object(end):
                break
            if token.can_be("word") or (token.is_stray_verb and self.verb(end, verbless) is None):
                end += 1
            elif inner is not None:
                end = inner + 1
            else:
                break
        return end

    def _takes_object(self, position: int) -> bool:
        """Whether a thing is named right after a place: "our camera sees apples"."""
        after = self.at(position + 1)
        return after is not None and after.can_be("word", "determiner", "number")

    def participle(self, position: int, end: int, after_thing: bool) -> int | None:
        """How far into a run stands a verb in -ing that relates what is before it to what comes after, or None."""
        for index in range(position if after_thing else position + 1, end):
            word = self.tokens[index].text
            if word.endswith("ing") and len(word) > len("being") - 1 and word not in ING_NOUNS:
                return index - position
        return None

    def ends_left_out(self, position: int) -> bool:
        """Whether a list that goes on here is ruled out at its end: "with trains and airplanes excluded"."""
        while (token := self.at(position)) is not None and token.can_be("and", "word", "determiner"):
            position += 1
        return token is not None and token.text in LEFT_OUT

    def lists_classes(self, run: Sequence[Token]) -> bool:
        """Whether words without commas are names of classes, all in the plural: "tvs sofas beds"."""
        return all(is_class_name(token.text) and token.text.endswith("s") for token in run)

    def is_in_image(self, position: int) -> bool:
        """Whether "in my picture" stands here."""
        token = self.at(position)
        if token is None or token.text not in ("in", "on", "within", "somewhere in"):
            return False
        position += 1
        while (token := self.at(position)) is not None and token.can_be("determiner"):
            position += 1
        return token is not None and IMAGE_WORD.fullmatch(token.text) is not None

    def is_owned_subject(self, position: int, end: int) -> bool:
        """Whether a run is what somebody has that does something: "my daughter is crazy about trains"."""
        before, after = self.at(position - 1), self.at(end)
        return (
            before is not None
            and before.text in ("my", "our", "his", "her", "their")
            and after is not None
            and (after.can_be("be", "verb") or (after.can_be("finding", "telling") and after.text.endswith("s")))
        )

    def qualifies_output(self, position: int) -> bool:
        """Whether an adjective says more of the image or the output: "the original image", "a handy list"."""
        token, after = self.tokens[position], self.at(position + 1)
        return (
            token.parts <= {"word", "verb"}
            and (is_adjective(token.text) or (token.can_be("verb") and token.text.endswith("ed")))
            and token.text not in COLOURS
            and after is not None
            and after.can_be("output noun", "output")
            and not after.can_be("word")
        )

    def after_output(self, position: int) -> bool:
        """Whether a word says more of the output or a class set before it: "a tuple holding its class"."""
        before, word = self.at(position - 1), self.tokens[position].text
        parts: tuple[Part, ...] = ("output", "output noun", "class set")
        if word.endswith("ed"):
            parts += ("comma", "be", "selection", "object")
        return (
            before is not None
            and before.can_be(*parts)
            and (word not in ING_NOUNS or word == "running")
            and word not in COLOURS
        )

    def is_relative_clause(self, position: int) -> bool:
        """Whether a clause with a subject of its own says more of a thing: "the cup that the woman is holding"."""
        start = self.content_at(position + 1)
        if start is None or self.tokens[position].text not in ("that", "which", "whom", "who"):
            return False
        position = self.run_end(start, verbless=False)
        while (token := self.at(position)) is not None and token.can_be("be", "filler"):
            position += 1
        return token is not None and (token.can_be("verb") or token.text.endswith("ing"))

    def is_description(self, position: int) -> bool:
        """Whether a verb says no more than how things are: "whose name appears", "tuples that carry a label"."""
        token, before, after = self.tokens[position], self.at(position - 1), self.at(position + 1)
        verb = token.can_be("verb") or (
            token.can_be("word") and token.text.endswith(("ing", "ed")) and self.after_output(position)
        )
        if (
            not verb
            or before is None
            or (
                before.can_be("stop", "determiner", "number", "relation")
                and not before.can_be("object")
                and before.text != "what"
            )
        ):
            return False
        return after is None or not after.can_be("word") or after.can_be("verb")

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
        named = self.content_at(position + 1)
        if named is not None:
            # "in the warehouse shot" relates to the picture.
            after = self.at(self.run_end(named, verbless=False))
            return after is None or not IMAGE_WORD.fullmatch(after.text)
        if self.tokens[position].text in LOOSE_RELATIONS:
            return False
        position += 1
        while (
            (token := self.at(position)) is not None
            and token.can_be("determiner", "number")
            and not token.can_be("object", "pronoun")
        ):
            position += 1
        if token is None or not token.can_be("object", "pronoun") or token.text in _NO_RELATUM:
            return False
        # "among those at most 150 px high" relates to nothing new.
        after = self.at(position + 1)
        return not (token.text in _POINTING and after is not None and after.can_be("selection"))

    def speaks_of_output(self, position: int) -> bool:
        """Whether a clause that begins here says how to write: ", box as centre, width, height"."""
        token, after = self.at(position), self.at(position + 1)
        if (
            token is not None
            and token.text.endswith("ed")
            and after is not None
            and after.text in ("as", "in", "into", "to")
        ):
            return True
        return (
            token is not None
            and token.can_be("output noun")
            and not token.can_be("relation", "word")
            and (after is None or not after.can_be("relation", "word") or after.text in ("as", "in", "with"))
        )
