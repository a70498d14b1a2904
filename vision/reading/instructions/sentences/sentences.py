"""Sentences as people write orders: which words are verbs, which name something in the image, what is ruled out.

A small hand-written parser over the tokens that no other rule has read. Where a word could be a verb or a noun its
place decides; a verb that asks for something else makes its clause foreign, and all of it is reported.
"""

from __future__ import annotations

from collections.abc import Sequence

from vision.reading.instructions.phrases.class_sets import ClassSet
from vision.reading.instructions.phrases.rules import Reading
from vision.reading.instructions.sentences.described import described_things
from vision.reading.instructions.sentences.naming import Naming
from vision.reading.instructions.sentences.parsed import Item, Sentences, Span
from vision.reading.instructions.sentences.tokens import Part, Token
from vision.reading.instructions.words.english import is_adverb
from vision.reading.instructions.words.tables import phrases
from vision.reading.instructions.words.wording import LEFT_OUT, SPELLED, TO_A_NAME

_YES_NO = frozenset(
    {"is", "are", "was", "were", "does", "do", "did", "is there", "are there", "can you see", "do you see"}
)
_SUBJECTS = frozenset(phrases("i, you, we, he, she, they, it"))
_DRAWING = frozenset(("draw", "put", "place", "make"))
_UNREAD: tuple[Part, ...] = (
    "word",
    "quoted",
    "number",
    "relation",
    "except",
    "foreign",
    "class set",
    "finding",
    "telling",
)


def parse_sentences(reading: Reading, class_sets: Sequence[ClassSet]) -> Sentences:
    """Read what the sentences of an instruction name, from what is still open of its text."""
    return _Parser(reading, class_sets).parse()


class _Parser(Naming):
    """One walk over the tokens of an instruction."""

    def _end_heading(self) -> None:
        """Mark what was named since the sentence began: before a colon it may be no more than a title."""
        begin = self.clause_start.start if self.clause_start is not None else 0
        for item in self.result.items:
            item.heading |= item.start >= begin

    def parse(self) -> Sentences:
        position = 0
        while position < len(self.tokens):
            position = self._step(position)
        end = len(self.reading.source.text)
        self._drop_number()
        self._close_expression(len(self.tokens))
        self._close_question(end)
        self.reading.said = [said for said in self.reading.said if id(said) not in self.revoked]
        self._report_loose()
        return self.result

    # -- clauses ------------------------------------------------------------------------------------------------

    def _step(self, position: int) -> int:
        token = self.tokens[position]
        if token.can_be("stop"):
            if token.text == ":" and not self.words.names_nothing(position + 1):
                self.expressing = None
            if token.text == ":" and self.result.items and self.verb in (None, "finding"):
                self._end_heading()
            self._drop_number()
            self._close_expression(position)
            self._close_question(token.end if token.text == "?" else token.start)
            self._new_sentence()
            return position + 1
        verb = self.words.verb(position, self.verb is None, self.expressing is not None)
        if self.clause_start is None and not token.can_be("comma", "filler", "and"):
            self.clause_start = token
            if self._asks_yes_or_no(position):
                self.question_at = token.start
        if verb in ("finding", "telling") and position and self.tokens[position - 1] is self.exclusion:
            # "do not locate": the verb belongs to what rules out.
            return position + 1
        if verb is not None:
            return self._start_verb(position, verb)
        if self.expressing is not None:
            if (
                token.can_be("output")
                or (token.can_be("selection") and self.words.is_score(token))
                or (token.can_be("comma") and self.words.speaks_of_output(position + 1))
                or (token.can_be("wording") and self.tokens[position - 1].can_be("comma", "and"))
            ):
                self._close_expression(position)
            return position + 1
        if self.verb == "foreign" and not token.can_be("wording"):
            self._revoke_size(token)
            if token.can_be(*_UNREAD) or is_adverb(token.text):
                self.loose.append(token)
            return position + 1
        return self._in_clause(position)

    def _asks_yes_or_no(self, position: int) -> bool:
        text, after = self.tokens[position].text, self.words.at(position + 1)
        if text == "do" and (after is None or not after.can_be("pronoun")):
            return False
        first = position == 0 or self.tokens[position - 1].can_be("stop", "comma", "and")
        return text in _YES_NO and first and not self.words.is_request(position)

    def _start_verb(self, position: int, verb: str) -> int:
        self._drop_number()
        self._close_expression(position)
        if verb == "foreign":
            self.loose.append(self.tokens[position])
        elif self.result.question is not None:
            asks = verb == "finding" or self.tokens[position].text in _DRAWING
            self.result.asked_again |= asks and self.words.names_nothing(position + 1)
        self._new_clause(verb)
        return position + 1

    def _in_clause(self, position: int) -> int:
        token = self.tokens[position]
        if self.words.qualifies_output(position):
            return position + 1
        related = isinstance(self.head, Item) and token.text.endswith(("ing", "ed"))
        if self.determiner is None and self.number is None and not related and self.words.is_description(position):
            return position + 1
        if token.can_be("that") and isinstance(self.head, Item) and self.words.is_relative_clause(position):
            self._open_expression(self.head)
            return position + 1
        if token.can_be("word", "quoted") or token.is_stray_verb:
            return self._phrase(position)
        if token.can_be("except") and (token.text != "or any" or self._rules_out()):
            return self._start_exclusion(position)
        if token.can_be("relation") and self._relates(position):
            self._open_expression(self.head)
        elif token.can_be("object") and (end := described_things(self.words, position)):
            return self._things(position, end)
        elif token.can_be("class set"):
            if self.number is not None:
                self._count(token)
            chosen = self.result.excluded_sets if self.exclusion else self.result.included_sets
            chosen.append(self.class_sets[token.start])
            self.head = None
        elif token.can_be("selection"):
            self._qualify(token)
        elif token.can_be("output", "wording"):
            self._drop_number()
            self._new_phrase()
            self.head = None
            if token.can_be("wording"):
                self._new_clause("finding")
        elif token.can_be("number") or (token.text == "single" and self.words.content_at(position) is not None):
            self._drop_number()
            self.number = token
            self.determiner = self.determiner or token
        else:
            return self._small_word(position)
        return position + 1

    def _rules_out(self) -> bool:
        """Whether something is ruled out in this sentence, so that "or any" goes on with it."""
        begin = self.clause_start.start if self.clause_start is not None else 0
        return self.exclusion is not None or any(item.excluded and item.start >= begin for item in self.result.items)

    def _small_word(self, position: int) -> int:
        token = self.tokens[position]
        if token.can_be("object"):
            self._count(token)
            self.head = self.determiner or token
            self._new_phrase()
        elif token.can_be("preposition", "relation"):
            self.preposition, self.head = token, None
        elif token.can_be("determiner"):
            self.determiner = self.determiner or token
        elif token.can_be("output noun"):
            spelled = self.words.content_at(position + 1) == position + 1
            if token.text in SPELLED and spelled:
                self.loose.append(self.tokens[position + 1])
                return position + 2
            if not isinstance(self.head, Item):
                self.head = None
            self._new_phrase()
        elif token.text == "but" and self._excepts_from_all(position):
            return self._start_exclusion(position)
        elif token.can_be("comma", "and") or token.text == "or any":
            if token.text == "but" and (self.verb == "telling" or self.exclusion is not None):
                self._new_clause(None)
            self._separate(token)
        elif token.can_be("pronoun"):
            self.preposition = None
            if token.text in _SUBJECTS and self.words.is_statement(position):
                self._new_clause("foreign")
            elif token.text in ("who", "what"):
                self.head = token
        elif token.text in ("there is", "there are", "there"):
            # "when there is a dog in the picture": what is there is named.
            self.preposition = None
        elif token.can_be("that", "be") and (
            token.text in ("what", "who") or (token.text in ("who is", "who are") and not isinstance(self.head, Item))
        ):
            self.head = token
        return position + 1

    def _excepts_from_all(self, position: int) -> bool:
        """Whether "but" follows all there is: "every object but cups"."""
        before = self.words.at(position - 1)
        return (
            before is not None
            and (before.can_be("object") or before.text in ("class", "category", "thing"))
            and self.words.content_at(position + 1) is not None
            and not isinstance(self.head, Item)
        )

    def _separate(self, token: Token) -> None:
        self._drop_number()
        self.determiner = None
        if token.can_be("comma") or not self.colours:
            self.head = None
        if self.preposition is not None and self.preposition.text not in TO_A_NAME:
            self.preposition = None

    # -- exclusions ---------------------------------------------------------------------------------------------

    def _start_exclusion(self, position: int) -> int:
        token, head = self.tokens[position], self.head
        if isinstance(head, Item) and token.text in ("not", "no") and (unwanted := self.words.unwanted(position)):
            head.excluded, head.exclusion = True, head.whole
            return unwanted
        if isinstance(head, Item) and token.text in LEFT_OUT:
            first = head.whole
            head.excluded, head.exclusion = True, first
            for item in reversed(self.result.items[:-1]):
                # "sheep and cows do not count"; "vehicles, cars excluded" rules out the cars alone.
                between = self.reading.source.text[item.end : first]
                if item.excluded or not self._only_links(item, first) or "," in between:
                    break
                item.excluded, item.exclusion, first = True, item.whole, item.whole
            named = self.words.content_at(position + 1) if token.text.endswith(" as") else None
            return position + 1 if named is None else self.words.run_end(named, verbless=False)
        following, after = self.words.content_at(position + 1), self.words.at(position + 1)
        if token.text == "without" and following is not None and head is not None:
            end = self.words.run_end(following, verbless=False)
            self.exclusion = token
            item = self._item(self.tokens[following:end])
            item.expression = (head.whole if isinstance(head, Item) else head.start, self.words.clause_end(end))
            self._place(item)
            return end
        self._drop_number()
        if (
            following is not None
            or not token.text.startswith("do not")
            or (after is not None and after.can_be("finding"))
        ):
            self.exclusion = token
        self._new_phrase()
        return position + 1

    def _qualify(self, token: Token) -> None:
        """A selection right behind what is ruled out belongs to that alone, which no task can say."""
        inside = [said for said in self.words.said_in(token) if said.field != "min_score"]
        if self.exclusion is None or not inside:
            return
        last = self.result.items[-1] if self.result.items else None
        if last is not None and last is self.head and last.excluded:
            if last.by_order:
                last.qualifiers.append((token.start, token.end))
        elif self.head is not None or self.determiner is not None or self.words.at(token.index - 1) is self.exclusion:
            self.revoked |= {id(said) for said in inside}
            self.result.unread.append((self.exclusion.start, token.end))

    # -- relations and questions --------------------------------------------------------------------------------

    def _relates(self, position: int) -> bool:
        """Whether a relation stands between two things in the image."""
        if self.head is None or (self.exclusion is not None and isinstance(self.head, Token)):
            return False
        return self.words.relates(position)

    def _report_loose(self) -> None:
        """Join neighbouring words that nobody read to the parts of the text that are shown as not understood."""
        spans: list[Span] = []
        last: Token | None = None
        for token in sorted(self.loose, key=lambda token: token.start):
            between = self.tokens[last.index + 1 : token.index] if last is not None else []
            read = any(one.can_be("stop", "output", "selection", "class set") for one in between)
            if spans and not read and len(between) <= 4:
                spans[-1] = (spans[-1][0], token.end)
            else:
                spans.append((token.start, token.end))
            last = token
        self.result.unread += spans
