"""Which words of an instruction are verbs at their place, and where the thing is named that they are about."""

from __future__ import annotations

import re
from bisect import bisect_right

from vision.reading.instructions.phrases.rules import IMAGE, Reading, Said
from vision.reading.instructions.sentences.tokens import Part, Token, tokens
from vision.reading.instructions.words.english import verb_field
from vision.reading.instructions.words.tables import phrases
from vision.reading.instructions.words.verbs import NOUNLIKE

_NO_OBJECTS = frozenset(phrases("one, detection, detections, instance, instances, member, members, target, targets"))
_GIVING = frozenset(("communication", "perception", "possession", "stative"))
"""Fields of verbs whose object is what is wanted: "provide", "spotlight", "furnish"."""
IMAGE_WORD = re.compile(IMAGE)
_LONGEST_CLAUSE = 60
"""Words that are looked at for the end of a clause, so that a text without any end is read in time."""
_LEADING: tuple[Part, ...] = ("stop", "comma", "and", "filler", "be", "pronoun", "output", "selection", "that")


class ClauseVerbs:
    """The tokens of an instruction, its verbs and the things that are named.

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

    def clause_end(self, position: int) -> int:
        """Where in the text the clause ends that the token at a place would go on."""
        for token in self.tokens[position : position + _LONGEST_CLAUSE]:
            if token.can_be("stop", "output", "comma") or self.verb(token.index, verbless=False):
                return token.start
        return self.tokens[min(position + _LONGEST_CLAUSE, len(self.tokens)) - 1].end
