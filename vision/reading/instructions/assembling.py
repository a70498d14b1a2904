"""What was read of an instruction, put together to a task: whose words mean which classes, and what bounds them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from vision.classes import Match, Matcher
from vision.classes.phrases import COLOURS
from vision.errors import InstructionError
from vision.reading.instructions.choosing import BOUNDS, limit, min_score, region, size
from vision.reading.instructions.contradictions import agreed, refuse, switched
from vision.reading.instructions.output_format import output_format
from vision.reading.instructions.phrases.class_sets import Entry
from vision.reading.instructions.phrases.rules import Reading
from vision.reading.instructions.sentences.parsed import Item, Sentences, Span
from vision.reading.instructions.source import MARKS
from vision.reading.instructions.wanted import Wanted, says_nothing
from vision.reading.instructions.words.numbers import NUMBER_WORDS
from vision.reading.instructions.words.verbs import FINDING, TELLING
from vision.task import Kind, Target, Task

_SELECTION = frozenset({"rank", "count", "region", *BOUNDS})


def assemble(text: str, reading: Reading, sentences: Sentences, matcher: Matcher) -> Task:
    """The task that an instruction asks for.

    Raises:
        InstructionError: parts of it contradict each other or ask for what no part of it allows.
    """
    return _Assembly(text, reading, sentences, matcher).task()


class _Assembly(Wanted):
    def task(self) -> Task:
        entries = self._class_set_entries()
        self._quoted_expression()
        described = any(one.value == "describe" for one in self.reading.of("kind"))
        named = [item for item in self.sentences.items if not item.excluded and not (described and item.beneficiary)]
        ruled_out = [item for item in self.sentences.items if item.excluded]
        if self.expression is not None and agreed(self.reading, "kind") == "count":
            named = [*self.sentences.heads, *named]
        matches = self._matches(named, ruled_out, entries)
        asked = [*(entry.phrase for entry in entries)]
        for entry in entries:
            self._take(entry.phrase, matches[entry.phrase], label=entry.phrase)
        named = self._without_refined(self._without_named_kinds(named, matches))
        for item in named:
            self._take_item(item, matches, bool(entries))
        everything = not asked and not any(item for item in named)
        everything = everything or not (self.targets or self.undetectable)
        exclusions = self._exclusions(ruled_out, matches)
        self._leave_out(exclusions, everything)
        kind = self._kind()
        expression = self._expression(kind)
        if expression is not None and kind not in ("count", "describe"):
            kind = "ground"
        grounded = kind == "ground"
        if grounded and (self.targets or self.undetectable):
            self._report_beside_expression(named)
        everything = everything and not exclusions
        understood = not (everything and kind in ("detect", "segment", "count") and self._understood_nothing())
        if not understood:
            self.reading.note("Nothing that it asks for was understood, so nothing is looked for.")
        targets = None if grounded or (everything and not self.undetectable) else tuple(self.targets.values())
        kept = (
            None
            if expression is not None and not self._outside_expression()
            else limit(self.reading, self.plural, self.unread)
        )
        where, bounds = region(self.reading, len(named), self.unread), size(self.reading)
        output = output_format(
            self.reading,
            kind,
            any(one.tokens for one in self.sentences.included_sets),
            any(one.numbers for one in self.sentences.included_sets),
        )
        return Task(
            instruction=self.text,
            kind=kind,
            targets=targets,
            class_set=(expression,)
            if grounded and expression
            else tuple(dict.fromkeys(self.class_set))
            if targets is not None
            else (),
            undetectable=() if grounded else tuple(self.undetectable.values()),
            expression=expression,
            limit=kept,
            region=where,
            size=bounds,
            min_score=min_score(self.reading, self.unread),
            output=output,
            unread=self._unread(),
            understood=understood,
            asks_whether=self.asks_whether,
            notes=tuple(self.reading.notes),
        )

    # -- classes ------------------------------------------------------------------------------------------------

    def _class_set_entries(self) -> list[Entry]:
        """The entries of the class sets in the order in which indexes and tokens count; not an expression to ground."""
        entries = [entry for one in self.sentences.included_sets for entry in one.entries]
        if len(entries) == 1 and is_expression(entries[0]):
            self.set_expression = entries[0].phrase
            # "there is one object": one is what an expression names anyway.
            self.reading.said = [said for said in self.reading.said if (said.field, said.value) != ("count", 1)]
            return []
        numbers = [entry.token for entry in entries if entry.token is not None]
        if sorted(numbers) == list(range(len(entries))):
            entries.sort(key=lambda entry: entry.token or 0)
        elif numbers:
            self.reading.note("The class tokens are numbered from <c0> in the order of the class set.")
        phrases = [entry.phrase for entry in entries]
        if len(set(phrases)) < len(phrases):
            twice = sorted({phrase for phrase in phrases if phrases.count(phrase) > 1}) if len(phrases) < 1000 else []
            self.reading.note(f"Given more than once in the class set: {', '.join(twice[:5]) or 'some classes'}.")
        return list({entry.phrase: entry for entry in entries}.values())

    def _quoted_expression(self) -> None:
        """Take the only thing named, if it is put in quotes and describes one object, for an expression."""
        items = self.sentences.items
        if len(items) == 1 and items[0].quoted and not items[0].excluded and not self.sentences.included_sets:
            entry = Entry(self._phrase(items[0]))
            if is_expression(entry) and entry.phrase not in self.vocabulary:
                self.set_expression = entry.phrase
                self.sentences.items = []

    # -- exclusions ---------------------------------------------------------------------------------------------

    def _exclusions(self, ruled_out: Sequence[Item], matches: dict[str, Match]) -> list[tuple[Span, Match]]:
        """What is left out of the classes, with its place; what no task can leave out is reported."""
        wanted = {name for target in self.targets.values() for name in target.classes} or set(self.vocabulary)
        kept: list[tuple[Span, Match]] = []
        for one in self.sentences.excluded_sets:
            kept += [((one.start, one.end), matches[entry.phrase]) for entry in one.entries]
        for item in ruled_out:
            match = matches[self._phrase(item)]
            place = (item.start if item.exclusion is None else item.exclusion, item.end)
            if item.expression is not None and not (set(match.classes) & wanted):
                self.expression = self.expression or item.expression
            elif item.qualifiers:
                self._turn_qualifiers(item, place, set(match.classes) >= wanted)
            elif (
                item.number is not None
                or match.colour is not None
                or self._phrase(item) in COLOURS
                or (not match.classes and item.by_order)
                or says_nothing(self._phrase(item))
            ):
                self.unread.append(place)
            elif not match.classes:
                self.reading.note(f"{match.label!r} cannot be detected, so nothing is left out for it.")
            else:
                kept.append((place, match))
        return kept

    def _turn_qualifiers(self, item: Item, place: Span, all_of_it: bool) -> None:
        """ "Ignore cars below 40 pixels" where cars are all that is asked for bounds the cars from below."""
        spans = item.qualifiers
        inside = [said for said in self.reading.said if any(start <= said.start < end for start, end in spans)]
        self.reading.said = [said for said in self.reading.said if said not in inside]
        if all_of_it and all(said.field in BOUNDS for said in inside):
            for said in inside:
                side, _, name = said.field.partition("_")
                self.reading.say(f"{'max' if side == 'min' else 'min'}_{name}", said.value, place[0], said.end)
        else:
            self.unread.append((place[0], max(end for _, end in spans)))

    def _leave_out(self, exclusions: Sequence[tuple[Span, Match]], everything: bool) -> None:
        if not exclusions:
            return
        out = {name for _, match in exclusions for name in match.classes}
        if everything:
            self.reading.note("Everything that the model knows is looked for but what is left out.")
            for name in self.vocabulary:
                if name not in out:
                    self._add(Target(name, (name,)))
        else:
            for key, target in list(self.targets.items()):
                left = tuple(name for name in target.classes if name not in out)
                if left == target.classes:
                    continue
                narrower = [
                    place
                    for place, match in exclusions
                    if set(match.classes) & set(target.classes) and self._is_narrower(match, target)
                ]
                if not left and narrower:
                    # "people, but no children": the classes can't tell them apart.
                    self.unread += narrower
                    continue
                del self.targets[key]
                if left:
                    self.targets[key] = Target(target.label, left, target.colour)
                elif len(target.classes) > 1 or target.label not in self.vocabulary or self._named(target):
                    raise self._emptied(target, exclusions)
            self.class_set = [
                label
                for label in self.class_set
                if label in {t.label for t in self.targets.values()} | set(self.undetectable)
            ]
        if not self.targets and not self.undetectable:
            place = exclusions[0][0]
            raise refuse(self.reading, self._first_wanted(), place)

    def _named(self, target: Target) -> bool:
        """Whether a target was asked for by its own name and not as a member of a kind."""
        return any(
            self._phrase(item) == target.label or self.matcher.match(self._phrase(item)).label == target.label
            for item in self.sentences.items
            if not item.excluded
        )

    def _is_narrower(self, match: Match, target: Target) -> bool:
        """Whether what is ruled out is another word than the target's and no class by itself."""
        return (
            self._named(target)
            and match.label != target.label
            and match.label not in self.vocabulary
            and not match.is_group
        )

    def _emptied(self, target: Target, exclusions: Sequence[tuple[Span, Match]]) -> InstructionError:
        place = next(place for place, match in exclusions if set(match.classes) & set(target.classes))
        for item in self.sentences.items:
            if not item.excluded and self.matcher.match(self._phrase(item)).label == target.label:
                return refuse(self.reading, (item.whole, item.end), place)
        return refuse(self.reading, self._first_wanted(), place)

    def _first_wanted(self) -> Span:
        for one in self.sentences.included_sets:
            return one.start, one.end
        for item in self.sentences.items:
            if not item.excluded:
                return item.whole, item.end
        return 0, len(self.reading.source.text)

    # -- what is done -------------------------------------------------------------------------------------------

    def _kind(self) -> Kind:
        kinds = self.reading.of("kind")
        polygon = switched(self.reading, "polygon")
        if polygon is None and self.reading.of("points"):
            polygon = True
        if any(one.value == "count" for one in kinds):
            self.unread += [(one.start, one.end) for one in kinds if one.value == "describe"]
            return "count"
        if kinds:
            return "describe"
        return "segment" if polygon else "detect"

    def _expression(self, kind: Kind) -> str | None:
        """The words of a referring expression or a yes-or-no question, lower case, without article and full stop."""
        question = self.sentences.question
        if self.set_expression is not None:
            return _bare(self.set_expression)
        asks = question is not None and kind != "describe" and kind != "count" and not self.sentences.included_sets
        if question is not None and asks and self.expression is None and self._asks_whether(question):
            self.asks_whether = True
            return None
        if question is not None and asks and not self.sentences.asked_again:
            self.expression = question
            self.undetectable.clear()
            self.targets.clear()
            self.sentences.items = [item for item in self.sentences.items if item.start >= question[1]]
        if self.expression is None or kind == "describe":
            if self.expression is not None:
                self.unread.append(self.expression)
            return None
        start, end = self.expression
        if kind == "count" and self.sentences.heads:
            how_many = next(
                (
                    one
                    for one in self.reading.of("kind")
                    if self.reading.source.text[one.start : one.end] == "how many" and one.start < start
                ),
                None,
            )
            start = how_many.start if how_many is not None and how_many.end + 1 >= start - 8 else start
        self.reading.said = [
            said for said in self.reading.said if not (start <= said.start < end and said.field in _SELECTION)
        ]
        self.unread = [place for place in self.unread if not start <= place[0] < end]
        return _bare(self.reading.source.original_at(start, end).lower())

    def _asks_whether(self, question: Span) -> bool:
        """Whether a question asks if things are there, without a relation: "are there any trees or benches?"."""
        items = [item for item in self.sentences.items if question[0] <= item.start < question[1]]
        text = self.reading.source.text[question[0] : question[1]]
        for item in items:
            # "is there anything to eat" asks whether any of a kind is there.
            text = text.replace(self.reading.source.text[item.start : item.end], " ", 1)
        said = [one for one in self.reading.said if question[0] <= one.start < question[1] and one.field != "region"]
        return bool(items) and _WHETHER.match(text) is not None and not _NOT_WHETHER.search(text) and not said

    def _report_beside_expression(self, named: Iterable[Item]) -> None:
        start, end = self.expression or (0, 0)
        for item in named:
            if not start <= item.start < end and item in self.sentences.items:
                self.unread.append((item.start, item.end))
                self.reading.note("Beside a referring expression nothing else is looked for.")

    def _outside_expression(self) -> bool:
        return bool(self.reading.of("count") or self.reading.of("rank"))

    def _understood_nothing(self) -> bool:
        """Whether no word is left, beside those that only say to find or tell, once what is unread is taken out."""
        courtesy = MARKS["filler"]
        if not self.unread and courtesy not in self.reading.source.open:
            return False
        text = [
            " " if mark == courtesy else letter
            for letter, mark in zip(self.reading.source.text, self.reading.source.open, strict=True)
        ]
        for start, end in self.unread:
            text[start:end] = " " * (end - start)
        return (_ASKING | _SMALL_WORDS).issuperset(re.findall(r"\w+", "".join(text)))

    def _unread(self) -> tuple[str, ...]:
        parts: list[Span] = []
        for start, end in sorted(set(self.unread)):
            if parts and start <= parts[-1][1]:
                parts[-1] = (parts[-1][0], max(end, parts[-1][1]))
            else:
                parts.append((start, end))
        words = (self.reading.source.original_at(start, end).strip(" ,;") for start, end in parts)
        return tuple(dict.fromkeys(word for word in words if word))


_ASKING = frozenset(word for phrase in (*FINDING, *TELLING) for word in phrase.split())

_SMALL_WORDS = frozenset(("the", "a", "an", "to", "of", "it", "them", "back", "over", "and", "please", "now", "then"))
_WHETHER = re.compile(r"(?:is there|are there|do you see|can you see)\b")
_NOT_WHETHER = re.compile(
    rf"\b(?:no|not|nor|neither|nobody|none|nothing|anything|something|everything|and|more|less|fewer|only|both|another|second|third|{NUMBER_WORDS})\b|\d"
)
"""What makes it another question than whether any is there, which the executor answers."""

_EXPRESSION = re.compile(
    r"^(?:the|a|an) \S+ \S+|\b(?:left|right|front|top|next|near|nearest|closest|behind|under|above|below|beside"
    r"|between|wearing|holding|riding|sitting|standing"
    r"|carrying|largest|biggest|smallest|tallest|leftmost|rightmost|furthest|farthest|middle|whose)\b|\w (?:in|on|at"
    r"|with|by|over|of|that|who|which|to) "
    r"|\w [a-z]{2,}ing (?:an?|the|his|her|their|its|two|three|on|at|in|near|with|from|to|by|over|behind) "
)


def is_expression(entry: Entry) -> bool:
    """Whether the only entry of a class set describes one object rather than naming a class."""
    return bool(_EXPRESSION.search(entry.phrase)) or (entry.cls and entry.phrase.startswith(("the ", "this ", "that ")))


def _bare(expression: str) -> str:
    words = " ".join(expression.split()).strip(" .,;:!?\"'")
    return re.sub(r"^(?:which (?:one|ones) (?:is|are) )?(?:the|a|an) ", "", words)
