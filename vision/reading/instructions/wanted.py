"""Which classes an instruction asks for: the phrases that name things, matched to the detector's classes.

A colour said once for several things is shared, a kind whose members follow is left out, and what names nothing that
could be seen is reported instead of looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from vision.classes import COCO_CLASSES, Match, Matcher
from vision.classes.phrases import COLOURS
from vision.reading.instructions.phrases.class_sets import Entry
from vision.reading.instructions.phrases.rules import Reading
from vision.reading.instructions.sentences.parsed import Item, Sentences, Span
from vision.reading.instructions.words.emoji import is_emoji
from vision.reading.instructions.words.english import is_abstract
from vision.reading.instructions.words.wording import NAMES_NOTHING, NOT_ENGLISH
from vision.task import Target, Undetectable

_TABLEWARE = frozenset(("bottle", "cup", "bowl", "fork", "knife", "spoon"))
_FEW = 100
"""Of so many classes it's told which mean the same; of more nobody would read it."""


class Wanted:
    """The classes that an instruction asks for, as they are put together.

    Args:
        text: the instruction.
        reading: what its rules have read.
        sentences: what its sentences name.
        matcher: what words mean among the classes of the detector.
    """

    def __init__(self, text: str, reading: Reading, sentences: Sentences, matcher: Matcher) -> None:
        self.text, self.reading, self.sentences, self.matcher = text, reading, sentences, matcher
        self.unread: list[Span] = [*reading.unread, *sentences.unread]
        self.vocabulary: tuple[str, ...] = tuple(getattr(matcher, "vocabulary", None) or COCO_CLASSES)
        self.targets: dict[tuple[str, str | None], Target] = {}
        self.class_set: list[str] = []
        self.undetectable: dict[str, Undetectable] = {}
        self.expression: Span | None = sentences.expression
        self.set_expression: str | None = None
        self.plural = False
        self.asks_whether = False

    def _phrase(self, item: Item) -> str:
        words = self.reading.source.original_at(item.start, item.end)
        if any(map(is_emoji, words)):
            words = self.reading.source.text[item.start : item.end]
        return " ".join(words.lower().split())

    def _matches(self, named: Sequence[Item], ruled_out: Sequence[Item], entries: Sequence[Entry]) -> dict[str, Match]:
        """What every phrase means, all asked at once."""
        phrases = [entry.phrase for entry in entries] + [self._phrase(item) for item in (*named, *ruled_out)]
        phrases += [entry.phrase for one in self.sentences.excluded_sets for entry in one.entries]
        phrases = list(dict.fromkeys(phrases))
        matches = dict(zip(phrases, self.matcher.match_all(phrases), strict=True))
        for item in named:
            self._share_noun(item, named, matches)
        if any(_TABLEWARE.intersection(matches[self._phrase(item)].classes) for item in named):
            for item in named:
                if self._phrase(item) == "glasses" and not item.quoted:
                    # Beside bottles or cups they are for drinking, and not spectacles.
                    matches["glasses"] = self.matcher.match("glass")
        return matches

    def _without_refined(self, named: list[Item]) -> list[Item]:
        """Leave out what is said again with a colour: "the umbrellas, the blue ones I mean"."""
        kept = list(named)
        for before, item in pairwise(named):
            between = self.reading.source.text[before.end : item.whole]
            if item.refers_back and before.colour == "" and between.strip() in (",", "-", ";", "(", "!", "."):
                kept = [one for one in kept if one is not before]
        return kept

    def _share_noun(self, item: Item, named: Sequence[Item], matches: dict[str, Match]) -> None:
        """Give "red" of "the red and the blue umbrellas" its noun, and "cars that are red" its colour."""
        phrase = self._phrase(item)
        if not item.colour:
            return
        noun: str | None = phrase
        if phrase == item.colour:
            place = named.index(item)
            near = reversed(named[:place]) if item.refers_back else iter(named[place + 1 :])
            after = next((other for other in near if self._phrase(other) not in COLOURS), None)
            match = matches[self._phrase(after)] if after is not None else None
            noun = _without_colour(match.label) if match is not None and (match.colour or item.refers_back) else None
        if noun is not None:
            matches[f"{phrase}@{item.start}"] = self.matcher.match(f"{item.colour} {noun}")

    def _match_of(self, item: Item, matches: dict[str, Match]) -> Match:
        phrase = self._phrase(item)
        return matches.get(f"{phrase}@{item.start}", matches[phrase])

    def _take_item(self, item: Item, matches: dict[str, Match], with_class_set: bool) -> None:
        match, phrase = self._match_of(item, matches), self._phrase(item)
        if (
            item.heading
            and (not match.classes or (item.beneficiary and match.label not in self.vocabulary))
            and (with_class_set or self._is_followed(item))
        ):
            return
        if item.owner and (with_class_set or self._is_followed(item)):
            return
        if item.expression is not None and not match.classes:
            if " with " in phrase:
                self.expression = self.expression or item.expression
            else:
                self.unread.append((item.start, item.end))
            return
        if item.each and match.is_group and self.targets:
            return
        if with_class_set:
            if not match.classes:
                self.unread.append((item.start, item.end))
            # "... of the class set {...}: list each animal" names the set's members once more.
            known = {name for target in self.targets.values() for name in target.classes}
            if not match.classes or (match.is_group and known & set(match.classes)):
                return
        if not match.classes and item.origin and self.targets:
            return
        if not match.classes and is_abstract(phrase.split()[-1] if phrase else "") and not item.quoted:
            if not (item.fragment or item.beneficiary):
                self.unread.append((item.start, item.end))
            return
        if (
            says_nothing(phrase)
            or _not_english(phrase)
            or (phrase in COLOURS and phrase not in self.vocabulary and not item.colour)
            or (item.fragment and not match.classes and len(phrase.split()) > 2)
        ):
            self.unread.append((item.start, item.end))
            return
        if item.number is not None:
            self.reading.say("count", item.number[0], *item.number[1])
        self.plural |= match.label != phrase
        self._take(phrase, match, label=phrase if item.quoted else match.label, explicit=item.quoted)

    def _is_followed(self, item: Item) -> bool:
        """Whether something else is named after a heading."""
        return any(other.start > item.end and not other.heading for other in self.sentences.items)

    def _without_named_kinds(self, named: list[Item], matches: dict[str, Match]) -> list[Item]:
        """Leave out a kind whose members follow: "accessories: umbrellas, handbags and ties"."""
        kept = []
        for item in named:
            match, rest = self._match_of(item, matches), self.reading.source.text[item.end : item.end + 10].lstrip()
            if match.is_group and rest.startswith(
                (":", "(", ", namely", ", i.e", "- ", "such as ", ", such as ", "like ", ", like ", ", e.g", "(e.g")
            ):
                members = [set(self._match_of(other, matches).classes) for other in named if other.start > item.end]
                if members and all(one and one <= set(match.classes) for one in members):
                    continue
            kept.append(item)
        return kept

    def _take(self, phrase: str, match: Match, *, label: str, explicit: bool = True) -> None:
        if label == phrase and explicit:
            self.class_set.append(label)
        if not match.classes:
            self.undetectable.setdefault(match.label, Undetectable(match.label, match.nearest))
        elif match.is_group and not explicit and len(match.classes) > 1:
            for name in match.classes:
                member = f"{match.colour} {name}" if match.colour else name
                self._add(Target(member, (name,), match.colour))
        else:
            self._add(Target(label, match.classes, match.colour))

    def _add(self, target: Target) -> None:
        key = (target.label, target.colour)
        if key in self.targets:
            return
        for other in self.targets.values() if len(self.targets) < _FEW else ():
            if other.classes == target.classes and other.colour == target.colour:
                self.reading.note(f"{other.label!r} and {target.label!r} mean the same class here.")
                break
        self.targets[key] = target
        self.class_set.append(target.label)


def says_nothing(phrase: str) -> bool:
    """Whether a phrase names nothing that could be seen."""
    words = phrase.split()
    return not words or words[-1] in NAMES_NOTHING


def _not_english(phrase: str) -> bool:
    """Whether a phrase is of another language, by its small words or its script."""
    return not NOT_ENGLISH.isdisjoint(phrase.split()) or any(
        ord(character) > 0x24F and character.isalpha() for character in phrase
    )


def _without_colour(label: str) -> str:
    words = label.split()
    return " ".join(words[1:]) if words[0] in COLOURS else label
