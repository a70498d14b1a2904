"""Sentences as people write orders: which words are verbs, which name something in the image, what is ruled out.

A small hand-written parser over the tokens of what no other rule has read. Where a word could be a verb or a noun its
place decides; a verb that is not one of ours makes its clause foreign, and all of it is reported as not understood.
"""

from __future__ import annotations

from collections.abc import Sequence

from vision.classes.phrases import COLOURS
from vision.instructions.class_sets import ClassSet
from vision.instructions.parsed import Item, Sentences, Span
from vision.instructions.rules import Reading
from vision.instructions.tokens import Token, tokens
from vision.instructions.wording import EXCEPT_VERBS, ING_NOUNS, NAMES_NOTHING, NOT_SUPERLATIVES, NOTHING, PARTITIVES, SPELLED, UNWANTED

_LINKS = ("be", "that", "filler", "output noun", "selection")
"""What may stand between a thing and its relation: "the dogs that are clearly visible in the left half near ..."."""

_NOUNLIKE = frozenset("phone text film record cut group paint mail book google share print track cook play post measure run call order walk".split())
"""Foreign verbs that are nouns too, so that they are verbs only before a determiner or a pronoun."""

_THINGS = frozenset("object objects thing things item items stuff anything something everything".split())
_YES_NO = frozenset("is are was were does do did is\u00a0there are\u00a0there".split()) | {"is there", "are there", "can you see", "do you see"}
_OF_NOUN = frozenset({"of", "for", "around", "about", "from", "including", "like", "such as", "on", "over", "across", "per", "especially", "namely", "named", "called"})
_NO_OBJECTS = frozenset({"one", "detection", "detections", "instance", "instances", "member", "members", "target", "targets"})
_TEMPORARY = frozenset({"with", "in", "on", "at", "by", "from", "over", "through", "off", "into", "within", "around", "about", "across", "for", "of", "like", "per", "along", "against", "to"})


class _Parser:
    """One walk over the tokens of an instruction."""

    def __init__(self, reading: Reading, class_sets: Sequence[ClassSet]) -> None:
        self.reading = reading
        self.class_sets = {one.start: one for one in class_sets}
        self.tokens = tokens(reading.source)
        self.result = Sentences()
        self._loose: list[Token] = []
        self._expressing: int | None = None
        self._new_sentence()

    # -- state of the clause ------------------------------------------------------------------------------------

    def _new_sentence(self) -> None:
        self.clause_start: Token | None = None
        self.question_at: int | None = None
        self._new_clause(None)

    def _new_clause(self, verb: str | None) -> None:
        self.verb = verb
        self.exclusion: Token | None = None
        self._new_phrase()
        self.head: Item | Token | None = None
        self.colours: list[Item] = []

    def _new_phrase(self) -> None:
        self.preposition: Token | None = None
        self.determiner: Token | None = None
        self.number: Token | None = None

    # -- walking ------------------------------------------------------------------------------------------------

    def parse(self) -> Sentences:
        position = 0
        while position < len(self.tokens):
            position = self._step(position)
        self._close_expression(len(self.reading.source.text))
        self._close_question(len(self.reading.source.text))
        self._drop_number()
        self._report_loose()
        return self.result

    def _step(self, position: int) -> int:
        token = self.tokens[position]
        if token.can_be("stop"):
            self._drop_number()
            self._close_expression(token.start)
            self._close_question(token.end if token.text == "?" else token.start)
            self._new_sentence()
            return position + 1
        verb = self._verb(position)
        if self.clause_start is None and not token.can_be("comma", "filler", "and"):
            self.clause_start = token
            if token.text in _YES_NO and (token.text != "do" or self.tokens[position + 1 : position + 2] and self.tokens[position + 1].can_be("pronoun")) and not self._is_request(position):
                self.question_at = token.start
        if verb in ("finding", "telling") and position and self.tokens[position - 1] is self.exclusion:
            # "do not locate": the verb belongs to what rules out.
            return position + 1
        if verb is not None:
            return self._start_verb(position, verb)
        if self._expressing is not None:
            return self._in_expression(position)
        if self.verb == "foreign":
            if token.can_be("word", "quoted", "number", "relation", "except", "foreign", "class set", "finding", "telling"):
                self._loose.append(token)
            return position + 1
        return self._in_clause(position)

    def _start_verb(self, position: int, verb: str) -> int:
        token = self.tokens[position]
        self._drop_number()
        self._close_expression(token.start)
        if verb == "foreign":
            self._loose.append(token)
        elif self.result.question is not None or self.result.items:
            self.result.asked_again |= verb == "finding" and self._names_nothing(position + 1)
        self._new_clause(verb)
        return position + 1

    def _in_clause(self, position: int) -> int:
        token = self.tokens[position]
        if token.can_be("word", "quoted") or self._as_word(token):
            return self._phrase(position)
        if token.can_be("except"):
            return self._start_exclusion(position)
        if token.can_be("class set"):
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
        elif token.can_be("relation") and self._relates(position):
            return self._start_expression(position)
        elif token.can_be("object") and (end := self._described_things(position)):
            return self._things(position, end)
        elif token.can_be("number") or (token.text == "single" and self._content_at(position) is not None):
            self._drop_number()
            self.number = token
            self.determiner = self.determiner or token
        elif token.can_be("object"):
            self._count(token)
            self.head = self.determiner or token
            self._new_phrase()
        elif token.can_be("preposition", "relation"):
            self.preposition = token
            self.head = None
        elif token.can_be("determiner"):
            self.determiner = self.determiner or token
        elif token.can_be("output noun"):
            if token.text in SPELLED and self._content_at(position + 1) == position + 1:
                self._loose.append(self.tokens[position + 1])
                return position + 2
            self.number = None
            if not isinstance(self.head, Item):
                self.head = None
            self.determiner = None
            self.preposition = None
        elif token.can_be("comma", "and"):
            self._separate(token)
        elif token.can_be("pronoun"):
            self.preposition = None
            if token.text in ("i", "you", "we", "he", "she", "they", "it") and self._is_statement(position):
                self._new_clause("foreign")
            elif token.text in ("who", "what"):
                self.head = token
        elif token.can_be("that", "be") and token.text in ("what", "who"):
            self.head = token
        return position + 1

    def _separate(self, token: Token) -> None:
        self._drop_number()
        self.determiner = None
        if token.can_be("comma") or not self.colours:
            self.head = None
        if self.preposition is not None and self.preposition.text not in _OF_NOUN:
            self.preposition = None

    # -- verbs --------------------------------------------------------------------------------------------------

    def _verb(self, position: int) -> str | None:
        """Which kind of verb a token is at its place, or None where it is none."""
        token = self.tokens[position]
        if not token.can_be("finding", "telling", "foreign", "word"):
            return None
        before = self.tokens[position - 1] if position else None
        after = self.tokens[position + 1] if position + 1 < len(self.tokens) else None
        leading = before is None or before.can_be("stop", "comma", "and", "filler", "be", "pronoun", "output", "selection", "that") or before.text == "to"
        takes = after is not None and after.can_be("determiner", "pronoun", "object", "number") and not after.can_be("that") and after.text not in _NO_OBJECTS
        if token.can_be("foreign") and leading and after is not None:
            if takes or after.can_be("output noun", "output"):
                return "foreign"
            if after.can_be("word", "number", "relation", "preposition", "quoted") and token.text not in _NOUNLIKE:
                return "foreign"
        if token.can_be("finding", "telling"):
            if before is not None and before.can_be("word") and self.verb is None and takes and not token.text.endswith("ing") and not token.can_be("output noun", "object"):
                # "for each mouse write its centre"
                return "finding" if token.can_be("finding") else "telling"
            if before is not None and (before.can_be("word") or (before.can_be("determiner") and token.can_be("output noun", "object"))) and not before.can_be("that", "and"):
                return "telling" if before.can_be("word") and token.text.endswith("ing") and self._content_at(position + 1) is None else None
            if not leading and (token.can_be("output noun", "object", "filler", "that", "be") or after is None):
                return None
            if leading and token.can_be("output noun", "object") and after is not None and after.can_be("preposition") and not after.can_be("relation"):
                return None
            return "finding" if token.can_be("finding") else "telling"
        if token.can_be("word") and leading and takes and self._expressing is None and not (before is not None and before.can_be("be", "that", "selection", "output")):
            # A word before "the" or "them" that is no verb that we know: "frobnicate the cats".
            return "foreign"
        return None

    @staticmethod
    def _as_word(token: Token) -> bool:
        """Whether a verb out of its place stands for a thing: the "phone" of "a cell phone"."""
        return token.parts <= {"finding", "telling", "foreign"} and " " not in token.text

    def _is_request(self, position: int) -> bool:
        """Whether what begins like a question asks for something to be done: "can you box the cats"."""
        for token in self.tokens[position + 1 : position + 4]:
            if token.can_be("stop"):
                return False
            if token.can_be("finding", "telling") and not token.can_be("output noun"):
                return True
        return False

    def _is_statement(self, position: int) -> bool:
        """Whether a pronoun begins a statement that asks for nothing: "you are now a pirate"."""
        following = [token for token in self.tokens[position + 1 : position + 7]]
        for index, token in enumerate(following):
            if token.can_be("stop", "comma", "finding", "telling", "and", "selection", "output", "relation"):
                return False
            if token.can_be("word"):
                return any(before.can_be("be") for before in following[:index])
            if token.can_be("output noun", "object"):
                return False
        return False

    def _names_nothing(self, position: int) -> bool:
        """Whether the rest of a clause names nothing new: "Box it.", "Mark them please"."""
        for token in self.tokens[position:]:
            if token.can_be("stop"):
                break
            if token.can_be("word", "quoted", "class set"):
                return False
        return True

    # -- phrases ------------------------------------------------------------------------------------------------

    def _phrase(self, position: int) -> int:
        """Read a run of words that names something, or report it."""
        end = self._run(position)
        run = self.tokens[position:end]
        if self.verb is None and self.clause_start is run[0] and self._before_determiner(end) and not run[0].can_be("quoted"):
            self._new_clause("foreign")
            self._loose += run
            return end
        if run[0].text.endswith("est") and run[0].text not in NOT_SUPERLATIVES and len(run) > 1:
            # No rule knows this rank ("the tallest person"), so all of them are found and it is said.
            self._loose.append(run[0])
            self.determiner = None
            return position + 1
        if run[-1].text in NAMES_NOTHING and not run[0].can_be("quoted") and self.exclusion is None:
            self._loose += run
            self._new_clause("foreign" if self.verb is None else self.verb)
            return end
        cut = self._participle(position, end)
        if cut == 0 and self.head is not None and self._follows_content(position + 1, end):
            return self._start_expression(position)
        if cut is not None and cut > 0 and self._follows_content(position + cut + 1, end):
            item = self._item(run[:cut])
            self._open_expression(item, item.whole)
            return position + cut + 1
        if cut is not None and cut == len(run) - 1 and cut > 0:
            next_token = self.tokens[end] if end < len(self.tokens) else None
            if next_token is None or not next_token.can_be("relation", "preposition"):
                self._loose.append(run[cut])
                run = run[:cut]
        if self._is_loose_here(run) or run[-1].text in NOTHING or self._compares(position):
            self._loose += run
            self._new_phrase()
            return end
        if isinstance(self.head, Item | Token) and self._predicate(run):
            return end
        item = self._item(run)
        self._place(item)
        if self._before_determiner(end) and self.verb is not None and not self.exclusion and len(run) > 1:
            self._open_expression(item, item.whole)
        return end

    def _run(self, position: int) -> int:
        """One past the last token of the words that begin here, with the noun of "a piece of cutlery"."""
        if self.tokens[position].can_be("quoted"):
            return position + 1
        end = position + 1
        while end < len(self.tokens):
            token = self.tokens[end]
            if self._compares(end):
                break
            if token.can_be("word") or (self._as_word(token) and self._verb(end) is None):
                end += 1
            elif token.text == "of" and self.tokens[end - 1].text in PARTITIVES and self._content_at(end + 1) is not None:
                inner = self._content_at(end + 1)
                assert inner is not None
                end = inner + 1
            else:
                break
        return end

    def _compares(self, position: int) -> bool:
        """Whether a comparison that no rule knows begins here: "younger than"."""
        return position + 1 < len(self.tokens) and self.tokens[position + 1].text == "than"

    def _content_at(self, position: int) -> int | None:
        """Where a phrase for something in the image begins, behind determiners and numbers, or None."""
        while position < len(self.tokens):
            token = self.tokens[position]
            if token.can_be("word", "quoted"):
                return position
            if not token.can_be("determiner", "number", "filler") or token.can_be("output noun"):
                return None
            position += 1
        return None

    def _before_determiner(self, position: int) -> bool:
        if position >= len(self.tokens):
            return False
        token = self.tokens[position]
        return token.can_be("determiner") and not token.can_be("that") and self._content_at(position) is not None

    def _participle(self, position: int, end: int) -> int | None:
        """Where in a run a verb in -ing stands that relates what is before it to what comes after, or None."""
        for index in range(position, end):
            word = self.tokens[index].text
            if word.endswith("ing") and len(word) > 4 and word not in ING_NOUNS and (index > position or self.head is not None):
                return index - position
        return None

    def _follows_content(self, position: int, end: int) -> bool:
        if position < end:
            return True
        return self._before_determiner(end) or (end < len(self.tokens) and self.tokens[end].can_be("number") and self._content_at(end) is not None)

    def _is_loose_here(self, run: Sequence[Token]) -> bool:
        """Whether words stand where nothing that is looked for is named: "as CSV", "draw a cat", "to my landlord"."""
        if self.preposition is not None:
            return self.preposition.text not in _OF_NOUN
        return self.verb == "telling" and not run[0].can_be("quoted") and not self.exclusion

    def _predicate(self, run: Sequence[Token]) -> bool:
        """Read words that say more of the thing before them: "cars that are red"; what isn't a colour is reported."""
        before = self.tokens[self.tokens.index(run[0]) - 1]
        if not (before.can_be("be", "that") and isinstance(self.head, Item)) or self.determiner is not None:
            return False
        if len(run) == 1 and run[0].text in COLOURS and not self.head.excluded:
            self.head.colour = run[0].text
        else:
            self._loose += run
        return True

    def _item(self, run: Sequence[Token]) -> Item:
        first = min((one for one in (self.determiner, self.number, run[0]) if one is not None), key=lambda one: one.start)
        for before in reversed(self.tokens[: self.tokens.index(first)]):
            # "the largest dog on the sofa": what ranks it belongs to it.
            if not before.can_be("selection") or before.end + 1 < first.start or self._is_score(before):
                break
            first = before
        start, end = run[0].start, run[-1].end
        if quoted := run[0].can_be("quoted"):
            start, end = start + 1, end - 1
        elif run[-1].text.endswith("'s"):
            end -= len("'s")
        item = Item(start, end, first.start, fragment=self.verb is None, quoted=quoted)
        if self.number is not None:
            item.number = (self.number.value, (self.number.start, self.number.end))
        self._new_phrase()
        return item

    def _place(self, item: Item) -> None:
        """Put an item among those looked for or left out, and make it what a relation would be said of."""
        if self.exclusion is not None:
            item.excluded, item.exclusion = True, self.exclusion.start
            item.by_order = self.exclusion.text in EXCEPT_VERBS
        self.result.items.append(item)
        text = self.reading.source.text[item.start : item.end]
        if not item.excluded and text in COLOURS:
            if self.reading.source.text[item.end :].startswith((" one", " ones")):
                item.colour, item.refers_back = text, True
            else:
                self.colours.append(item)
        elif not item.excluded and self.colours:
            for colour in self.colours:
                colour.colour = self.reading.source.text[colour.start : colour.end]
            self.colours = []
        self.head = item

    def _count(self, token: Token) -> None:
        """Take a number before a word for things in general: "three objects"."""
        if self.number is not None and not self.exclusion:
            self.reading.say("count", self.number.value, self.number.start, token.end)
        self.number = None

    def _drop_number(self) -> None:
        if self.number is not None and not self.number.can_be("pronoun", "object"):
            self._loose.append(self.number)
        self.number = None

    # -- exclusions ---------------------------------------------------------------------------------------------

    def _start_exclusion(self, position: int) -> int:
        token = self.tokens[position]
        head = self.head
        if isinstance(head, Item) and token.text in ("not", "no") and (unwanted := self._unwanted(position)):
            head.excluded, head.exclusion = True, head.whole
            return unwanted
        following = self._content_at(position + 1)
        if token.text == "without" and following is not None and head is not None:
            end = self._run(following)
            start = head.whole if isinstance(head, Item) else head.start
            self.exclusion = token
            item = self._item(self.tokens[following:end])
            item.expression = (start, self._clause_end(end))
            self._place(item)
            return end
        self._drop_number()
        after = self.tokens[position + 1] if position + 1 < len(self.tokens) else None
        if following is not None or not token.text.startswith("do not") or (after is not None and after.can_be("finding")):
            self.exclusion = token
        self._new_phrase()
        return position + 1

    def _unwanted(self, position: int) -> int | None:
        """One past the words that rule out what stands before them: "cars are not needed"."""
        before, after = self.tokens[position - 1], self.tokens[position + 1 : position + 3]
        if not before.can_be("be"):
            return None
        return next((position + 2 + index for index, token in enumerate(after) if token.text in UNWANTED), None)

    def _qualify(self, token: Token) -> None:
        """A selection right behind what is ruled out belongs to that alone, which no task can say."""
        if self.exclusion is None:
            return
        inside = [said for said in self.reading.said if token.start <= said.start < token.end and said.field != "min_score"]
        last = self.result.items[-1] if self.result.items else None
        if not inside:
            return
        if last is not None and last is self.head and last.excluded:
            if last.by_order:
                last.qualifiers.append((token.start, token.end))
        elif self.head is not None or self.tokens[self.tokens.index(token) - 1] is self.exclusion or self.determiner is not None:
            self.reading.said = [said for said in self.reading.said if said not in inside]
            self.result.unread.append((self.exclusion.start, token.end))

    # -- things, relations and questions ------------------------------------------------------------------------

    def _described_things(self, position: int) -> int | None:
        """One past a phrase such as "things you can eat", "anything edible", "objects with wheels", or None."""
        token = self.tokens[position]
        if token.text not in _THINGS:
            return None
        index = position + 1
        subject = False
        while index < len(self.tokens):
            here = self.tokens[index]
            if here.can_be("word") or (self._as_word(here) and index > position + 1):
                break
            if here.can_be("pronoun") and here.text in ("you", "people", "we", "one", "i"):
                subject = True
            elif here.text in ("that", "which", "you can", "can", "to", "with", "for", "made of", "used for", "could", "may", "would") or here.text in ("used to",):
                pass
            else:
                return None
            index += 1
        if index >= len(self.tokens) or index == position + 1 and self.tokens[index].text in COLOURS:
            return None
        end = index + 1
        while end < len(self.tokens) and (self.tokens[end].can_be("word") or (subject and self.tokens[end].text in ("in", "on", "with", "into", "from"))):
            if not self.tokens[end].can_be("word") and self._content_at(end + 1) is not None:
                break
            end += 1
        return end

    def _things(self, position: int, end: int) -> int:
        item = self._item(self.tokens[position:end])
        item.expression = (item.whole, self._clause_end(end))
        self._place(item)
        return end

    def _relates(self, position: int) -> bool:
        """Whether a relation stands between two things in the image."""
        if self.head is None or self.exclusion is not None and isinstance(self.head, Token):
            return False
        token = self.tokens[position]
        if self._content_at(position + 1) is not None:
            return True
        if position + 1 >= len(self.tokens) or token.text in _TEMPORARY:
            return False
        after = next((one for one in self.tokens[position + 1 :] if not one.can_be("determiner", "number")), None)
        return after is not None and after.can_be("object", "pronoun") and after.text not in ("detection", "detections", "instance", "instances", "it", "them", "me")

    def _start_expression(self, position: int) -> int:
        head = self.head
        assert head is not None
        start = head.whole if isinstance(head, Item) else head.start
        self._open_expression(head if isinstance(head, Item) else None, start)
        return position + 1

    def _open_expression(self, head: Item | None, start: int) -> None:
        first = self.clause_start
        if first is not None and first.text in ("which", "what", "who", "what is", "who is") and not any(item.whole < start and item.whole > first.start for item in self.result.items):
            start = first.start
        if head is not None:
            if head in self.result.items:
                self.result.items.remove(head)
            self.result.heads.append(head)
            # "cats and the dog next to the bench" is one expression.
            for item in reversed(list(self.result.items)):
                if item.excluded or self._between(item.end, start):
                    break
                self.result.items.remove(item)
                start = item.whole
        if self.result.expression is None:
            self._expressing = start

        self.head = None

    def _between(self, start: int, end: int) -> bool:
        """Whether more than commas and "and" stand between two places."""
        return any(start <= token.start < end and not token.can_be("comma", "and", "determiner") for token in self.tokens)

    def _in_expression(self, position: int) -> int:
        token = self.tokens[position]
        if token.can_be("output") or (token.can_be("selection") and self._is_score(token)):
            self._close_expression(token.start)
        return position + 1

    def _is_score(self, token: Token) -> bool:
        return any(said.field in ("min_score", "max_score") for said in self.reading.said if token.start <= said.start < token.end)

    def _clause_end(self, position: int) -> int:
        """Where the clause ends that token `position` would continue."""
        for index in range(position, len(self.tokens)):
            token = self.tokens[index]
            if token.can_be("stop", "output", "comma") or self._verb(index):
                return token.start
        return len(self.reading.source.text)

    def _close_expression(self, end: int) -> None:
        if self._expressing is None:
            return
        inside = [token for token in self.tokens if self._expressing <= token.start < end]
        while inside and inside[-1].can_be("comma", "and", "filler", "preposition", "determiner", "relation", "stop") and not inside[-1].can_be("word"):
            inside.pop()
        self.result.expression = (self._expressing, inside[-1].end)
        self._expressing = None
        self._new_clause(None)

    def _close_question(self, end: int) -> None:
        if self.question_at is not None and self.result.question is None:
            self.result.question = (self.question_at, end)
        self.question_at = None

    # -- what was not read --------------------------------------------------------------------------------------

    def _report_loose(self) -> None:
        """Join neighbouring words that nobody read to the parts of the text that are shown as not understood."""
        order = {id(token): index for index, token in enumerate(self.tokens)}
        spans: list[Span] = []
        last = -2
        for token in sorted(self._loose, key=lambda token: token.start):
            index = order[id(token)]
            between = self.tokens[last + 1 : index] if last >= 0 else []
            if spans and not any(one.can_be("stop", "output", "selection", "class set") for one in between) and len(between) <= 4:
                spans[-1] = (spans[-1][0], token.end)
            else:
                spans.append((token.start, token.end))
            last = index
        self.result.unread += spans


def parse_sentences(reading: Reading, class_sets: Sequence[ClassSet]) -> Sentences:
    """Read what the sentences of an instruction name, from what is still open of its text."""
    return _Parser(reading, class_sets).parse()
