"""What a walk over an instruction's sentences knows at a place: the clause, the phrase, and what has been named so far.

The parser (`sentences`) decides what a word is; here stand the steps that it is made of: a new clause, a thing that is
named or ruled out, a referring expression that begins and ends.
"""

from __future__ import annotations

from collections.abc import Sequence

from vision.classes.phrases import COLOURS
from vision.reading.instructions.phrases.class_sets import ClassSet
from vision.reading.instructions.phrases.rules import Reading
from vision.reading.instructions.sentences.lookahead import Words
from vision.reading.instructions.sentences.parsed import Item, Sentences
from vision.reading.instructions.sentences.tokens import Token
from vision.reading.instructions.words.wording import EXCEPT_VERBS

_ASKING = frozenset({"which", "what", "who", "what is", "who is"})


class ClauseState:
    """The state of one walk over the tokens of an instruction.

    Args:
        reading: what other rules have read.
        class_sets: the class sets that were found, which are tokens here.
    """

    def __init__(self, reading: Reading, class_sets: Sequence[ClassSet]) -> None:
        self.reading = reading
        self.class_sets = {one.start: one for one in class_sets}
        self.words = Words(reading)
        self.tokens = self.words.tokens
        self.result = Sentences()
        self.loose: list[Token] = []
        self.revoked: set[int] = set()
        self.expressing: int | None = None
        self._new_sentence()

    def _new_sentence(self) -> None:
        self.clause_start: Token | None = None
        self.question_at: int | None = None
        self._new_clause(None)

    def _new_clause(self, verb: str | None) -> None:
        self.verb = verb
        self.exclusion: Token | None = None
        self.head: Item | Token | None = None
        self.colours: list[Item] = []
        self.naming = False
        self._new_phrase()

    def _new_phrase(self) -> None:
        self.preposition: Token | None = None
        self.determiner: Token | None = None
        self.number: Token | None = None

    def _item(self, run: Sequence[Token]) -> Item:
        first = min(
            (one for one in (self.determiner, self.number, run[0]) if one is not None), key=lambda one: one.start
        )
        while (before := self.words.at(first.index - 1)) is not None:
            # "the largest dog on the sofa": what ranks it belongs to it.
            if not before.can_be("selection") or before.end + 1 < first.start or self.words.is_score(before):
                break
            first = before
        start, end = run[0].start, run[-1].end
        if quoted := run[0].can_be("quoted"):
            start, end = start + 1, end - 1
        elif run[-1].text.endswith("'s"):
            end -= len("'s")
        elif run[-1].text.endswith("s'"):
            end -= len("'")
        item = Item(start, end, first.start, fragment=self.verb is None, quoted=quoted)
        if self.number is not None:
            item.number = (self.number.value, (self.number.start, self.number.end))
        item.origin = self.preposition is not None and self.preposition.text in ("from", "by", "via", "using")
        item.each = self.preposition is not None and self.preposition.text == "per"
        item.beneficiary = self.preposition is not None and self.preposition.text in ("for", "to")
        self._new_phrase()
        return item

    def _place(self, item: Item) -> None:
        """Put an item among those looked for or left out, and make it what a relation would be said of."""
        text = self.reading.source.text
        if self.exclusion is not None:
            item.excluded, item.exclusion = True, self.exclusion.start
            item.by_order = self.exclusion.text in EXCEPT_VERBS
        elif text[item.start : item.end] in COLOURS:
            if text.startswith((" one", " ones"), item.end):
                item.colour, item.refers_back = text[item.start : item.end], True
            else:
                self.colours.append(item)
        else:
            for colour in self.colours:
                colour.colour = text[colour.start : colour.end]
            self.colours = []
        self.result.items.append(item)
        self.head = item
        self.naming = True

    def _count(self, token: Token) -> None:
        """Take a number before a word for things in general: "three objects"."""
        if self.number is not None and not self.exclusion:
            self.reading.say("count", self.number.value, self.number.start, token.end)
        self.number = None

    def _drop_number(self) -> None:
        if self.number is not None and not self.number.can_be("pronoun", "object", "filler"):
            self.loose.append(self.number)
        self.number = None

    def _things(self, position: int, end: int) -> int:
        item = self._item(self.tokens[position:end])
        item.expression = (item.whole, self.words.clause_end(end))
        self._place(item)
        return end

    def _open_expression(self, head: Item | Token | None) -> None:
        """Begin a referring expression at what it is about, or at the question word before that."""
        assert head is not None
        start = head.whole if isinstance(head, Item) else head.start
        items = self.result.items
        first = self.clause_start
        asks = (
            first is not None
            and first.text in _ASKING
            and not (isinstance(head, Item) and first.text in ("who is", "what is"))
            and not (items and items[-1] is not head and items[-1].whole > first.start)
        )
        if isinstance(head, Item):
            if items and items[-1] is head:
                items.pop()
            self.result.heads.append(head)
            # "cats and the dog next to the bench" is one expression.
            while items and not items[-1].excluded and self._only_links(items[-1], start):
                start = items.pop().whole
        if self.result.expression is None:
            self.expressing = first.start if asks and first is not None else start
        self.head = None

    def _only_links(self, item: Item, start: int) -> bool:
        """Whether nothing but commas and "and" stands between an item and a place."""
        between = self.reading.source.open[item.end : start]
        return len(between) < len(", as well as the ") and set(between.replace(",", " ").split()) <= {
            "and",
            "or",
            "the",
            "a",
            "an",
        }

    def _close_expression(self, position: int) -> None:
        """End an expression before the token at a place, without the small words that lead on from it."""
        if self.expressing is None:
            return
        position -= 1
        while self.tokens[position].start > self.expressing and not self.tokens[position].can_be(
            "word", "selection", "quoted", "object", "output noun", "number", "pronoun", "foreign"
        ):
            position -= 1
        self.result.expression = (self.expressing, self.tokens[position].end)
        self.expressing = None
        self._new_clause(None)

    def _close_question(self, end: int) -> None:
        starts = [*(item.start for item in self.result.items), *(token.start for token in self.loose)]
        names = any(start >= (self.question_at or 0) for start in starts) or self.result.expression
        if self.question_at is not None and self.result.question is None and names:
            self.result.question = (self.question_at, end)
        self.question_at = None
