"""Questions about the words around a place in an instruction: what is a verb there, where the next thing is named.

They look at words and never change what has been read, so the parser (`sentences`) can ask them in any order.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from vision.classes.phrases import COLOURS
from vision.instructions.english import is_adjective, verb_field
from vision.instructions.rules import IMAGE, Reading, Said
from vision.instructions.tables import phrases
from vision.instructions.tokens import Part, Token, is_class_name, tokens
from vision.instructions.verbs import NOUNLIKE
from vision.instructions.wording import ING_NOUNS, LEFT_OUT, PARTITIVES, UNWANTED

_NO_OBJECTS = frozenset(phrases("one, detection, detections, instance, instances, member, members, target, targets"))
_POINTING = frozenset(("those", "these", "ones", "them"))
_GIVING = frozenset(("communication", "perception", "possession", "stative"))
"""Fields of verbs whose object is what is wanted: "provide", "spotlight", "furnish"."""
IMAGE_WORD = re.compile(IMAGE)
_NO_RELATUM = frozenset(phrases("detection, detections, instance, instances, it, them, me"))
_LONGEST_CLAUSE = 60
"""Words that are looked at for the end of a clause, so that a text without any end is read in time."""
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
        begin = position
        while (token := self.at(position)) is not None:
            if token.can_be("word", "quoted") or (token.is_stray_verb and token.text in NOUNLIKE and position > begin):
                return None if token.text[0].isdigit() else position
            if not token.can_be("determiner", "number", "filler", "selection") or token.can_be("output noun"):
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

    def verb(self, position: int, verbless: bool, expressing: bool = False) -> str | None:
        """Which kind of verb a token is at its place (`finding`, `telling` or `foreign`), or None where it is none.

        Args:
            position: the token's.
            verbless: whether the clause had no verb so far.
            expressing: whether it stands inside a referring expression.
        """
        token = self.tokens[position]
        before, after = self.at(position - 1), self.at(position + 1)
        if (
            token.parts == {"filler"}
            and before is not None
            and before.can_be("output")
            and self.before_determiner(position + 1)
            and not expressing
            and verb_field(token.text)
        ):
            # "let polygons delimit the planes"
            return "finding"
        if not token.can_be("finding", "telling", "foreign", "word"):
            return None
        leading = before is None or before.can_be(*_LEADING) or before.text == "to"
        takes = (
            after is not None
            and after.can_be("determiner", "pronoun", "object", "number")
            and not after.can_be("that")
            and after.text not in _NO_OBJECTS
        )
        if (
            token.can_be("foreign")
            and leading
            and not (token.can_be("output noun") and before is not None and before.can_be("output"))
            and self._is_foreign(token, after, takes)
        ):
            return "foreign"
        if token.can_be("finding", "telling"):
            return self._own_verb(token, before, after, leading, takes and verbless)
        if token.can_be("verb") and takes and not expressing and before is not None and before.can_be("output"):
            # "let polygons delimit the planes"
            return "finding"
        subject = before is not None and before.can_be("be", "that", "selection", "output", "finding", "telling")
        if token.can_be("word") and leading and takes and not expressing and not subject:
            # A word before "the" or "them" that is no verb that we know: "frobnicate the cats".
            return "finding" if self._asks_for_output(token) else "foreign"
        if token.can_be("word") and leading and not subject and after is not None and after.can_be("class set"):
            return "finding"
        return None

    def _asks_for_output(self, verb: Token) -> bool:
        """Whether an order by a verb that we don't know has the output or all objects as its object."""
        if verb_field(verb.text) in _GIVING:
            return True
        position = verb.index + 1
        while (token := self.at(position)) is not None and token.can_be("determiner", "number", "filler"):
            if token.can_be("object", "output noun"):
                return not IMAGE_WORD.fullmatch(token.text)
            position += 1
        return (
            token is not None
            and token.can_be("output", "class set", "object", "output noun", "selection")
            and not IMAGE_WORD.fullmatch(token.text)
        )

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

    @staticmethod
    def _is_foreign(token: Token, after: Token | None, takes: bool) -> bool:
        if takes or (after is not None and after.can_be("output noun", "output")):
            # "say how sure you are": what is to be written is known.
            return takes or not (after is not None and after.can_be("output") and verb_field(token.text) in _GIVING)
        if token.text in NOUNLIKE:
            return False
        return after is None or after.can_be(
            "word", "number", "relation", "preposition", "quoted", "stop", "comma", "and"
        )

    def _own_verb(
        self, token: Token, before: Token | None, after: Token | None, leading: bool, begins: bool
    ) -> str | None:
        kind = "finding" if token.can_be("finding") or self._tells_apart(token) else "telling"
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

    def _tells_apart(self, token: Token) -> bool:
        """Whether "tell" has two things as its objects: "tell the red apples from the green ones"."""
        if token.text != "tell":
            return False
        for after in self.tokens[token.index + 1 : token.index + _LONGEST_CLAUSE]:
            if after.can_be("stop"):
                break
            if after.text in ("from", "apart"):
                return True
        return False

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

    def clause_end(self, position: int) -> int:
        """Where in the text the clause ends that the token at a place would go on."""
        for token in self.tokens[position : position + _LONGEST_CLAUSE]:
            if token.can_be("stop", "output", "comma") or self.verb(token.index, verbless=False):
                return token.start
        return self.tokens[min(position + _LONGEST_CLAUSE, len(self.tokens)) - 1].end
