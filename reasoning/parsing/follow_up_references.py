"""Stretches of a question that refer to something said before: pronouns and places in a list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from reasoning.graph.names import fold
from reasoning.parsing.english import (
    ASKING,
    AUXILIARIES,
    BEING,
    CLAUSE_OPENERS,
    CONJUNCTIONS,
    CONNECTIVES,
    DEGREES,
    DEMONSTRATIVES,
    DETERMINERS,
    DISTRIBUTIVES,
    IDENTIFYING,
    KEEPING,
    LOOSE,
    NUMBER_WORDS,
    ORDINALS,
    POSSESSIVES,
    PREPOSITIONS,
    PRONOUNS,
    RELATIVE,
    RESTRICTORS,
    SINGULAR,
    TIMES,
    forms_of,
    is_common,
)
from reasoning.parsing.linking import WELL_LINKED, Candidate, LinkedQuestion
from reasoning.parsing.schema import RelationEntry

_WORD = re.compile(r"\w+")
_BREAK = re.compile(r"[,;:.?!–—]|\s-\s")
"""Where a clause or a sentence ends."""

_CLOSED = AUXILIARIES | CONNECTIVES | DETERMINERS | IDENTIFYING | PRONOUNS | RESTRICTORS
"""Words of closed classes, which are no nouns."""

_AFTER_PLACES = AUXILIARIES | CLAUSE_OPENERS
"""Words that places may be followed by; after others they may be places in an order: "the first two by area"."""

_ASKS_WHETHER = (AUXILIARIES | CONJUNCTIONS | PRONOUNS | {"also", "even", "the"}) - {"one", "ones"}
"""Words that stand before what compares, where it is asked whether something is more than another thing."""

_MOST_DIGITS = 3
"""Digits of a number of places."""


@dataclass(frozen=True)
class Reference:
    """A stretch that refers to something.

    Attributes:
        start: where it begins, in characters.
        text: the stretch.
        place: in a list, from 1 on, or from -1 on backwards; None of a pronoun.
        count: of places, from the first on or up to the last one: 2 of "the first two".
        loose: whether such a pronoun may refer to nothing.
        relative: whether nothing is chosen from what it refers to, see `RELATIVE`.
        within: whether the question has a noun that is no name and that it may refer to as well.
        noun: the word for a kind in it, "countries" of "those countries"; "" without.
    """

    start: int
    text: str
    place: int | None = None
    count: int = 1
    loose: bool = False
    relative: bool = False
    within: bool = False
    noun: str = ""


def reference_in(question: LinkedQuestion) -> Reference | None:
    """The first stretch that refers to something with no name before it that it may refer to; None where none does."""
    text = question.prompt.question
    things = [name for name in named_things(question) if name.weight >= WELL_LINKED]
    named = [(name.start, name.start + len(name.text)) for name in things]
    words = [match for match in _WORD.finditer(text) if not any(start <= match.start() < end for start, end in named)]
    first_name = min((name.start for name in things), default=len(text))
    kinds = _kind_words(question)
    words = [match for match in words if match.start() < first_name]
    is_kind = [_is_kind(match, kinds) for match in words]
    labels = {fold(word) for kind in question.schema.kinds if kind.named for word in kind.words.split()}
    for at, match in enumerate(words):
        word = match.group().casefold()
        if word in ORDINALS and (found := _place_end(words, at, text, kinds)) is not None:
            end, count = found
            start = words[at - 1].start() if at and words[at - 1].group().casefold() == "the" else match.start()
            return Reference(start, text[start:end], ORDINALS[word], count, within=any(is_kind[:at]))
    for at, match in enumerate(words):
        word = match.group().casefold()
        following = _next(words, at, text)
        of_kind = following is not None and word in DEMONSTRATIVES and _is_kind(following, kinds)
        if word not in PRONOUNS or not (named or len(words) > 1):
            continue
        if not of_kind and _says_no_thing(words, at, text, any(is_kind[:at])):
            continue
        last = following if of_kind and following is not None else match
        subject = word == "that" and _is_subject(words, at)
        empty = word == "it" and _may_be_empty(words, at, text, first_name)
        return Reference(
            match.start(),
            text[match.start() : last.end()],
            loose=(word in LOOSE and not subject) or empty,
            relative=(word in RELATIVE and last is match and not subject) or empty,
            within=_has_noun_before(words, at, text, is_kind, labels)
            or _says_which(match, text)
            or _is_fronted(question, last.end(), kinds),
            noun="" if last is match else last.group(),
        )
    return None


def refers_to_nothing(question: LinkedQuestion, reference: Reference) -> bool:
    """Whether a stretch refers to nothing within a question, so that nothing is asked where no answer is before it."""
    if reference.place is not None:
        return asks_nothing_beside(question, reference)
    if reference.within or reference.text.casefold() == "one":
        return False
    words = [word.group().casefold() for word in _WORD.finditer(question.prompt.question)]
    return not reference.loose or not (_says_names(question) or PREPOSITIONS.intersection(words[:-1]))


def without_restrictor(question: LinkedQuestion) -> LinkedQuestion:
    """A question without "only" or "just" before what it refers to: some of those are kept, and no more is said.

    In a question that asks with a verb of its own it is left, "which countries border only those": nothing else.
    """
    reference = reference_in(question)
    if reference is None or asks_nothing_beside(question, reference):
        return question
    text = question.prompt.question
    words = list(_WORD.finditer(text, 0, reference.start))
    end = reference.start
    if words and words[-1].group().casefold() == "the":
        end = words.pop().start()
    said = [word.group().casefold() for word in words]
    if not KEEPING.intersection(said[-1:]) or ASKING.intersection(said):
        return question
    start = words[-1].start()
    names = [name for name in question.names if name.start + len(name.text) <= start]
    names += [replace(name, start=name.start - (end - start)) for name in question.names if name.start >= end]
    return question.with_names(text[:start] + text[end:], names)


def may_follow(question: LinkedQuestion) -> bool:
    """Whether anything in a question makes it one that may follow another; else it stands by itself."""
    if reference_in(question) is not None or is_fragment(question) or goes_on(question):
        return True
    return bool(asked_relations(question))


def named_things(question: LinkedQuestion) -> list[Candidate]:
    """The entities that a question names, those left out that are what the graph calls a kind of things."""
    kinds = {fold(kind.words) for kind in question.schema.kinds if kind.named}
    return [name for name in question.names if not name.literal and fold(name.label) not in kinds]


def is_fragment(question: LinkedQuestion) -> bool:
    """Whether nothing but words that join stands beside the names, so that the names are all that is said."""
    return _says_names(question) and all(word in CONNECTIVES or len(word) < 2 for word in _beside(question))


def goes_on(question: LinkedQuestion) -> bool:
    """Whether a question goes on from another one: it begins as one does, or says neither names nor what is asked."""
    words = [match.group().casefold() for match in _WORD.finditer(question.prompt.question)]
    if words and words[0] in CONJUNCTIONS:
        return True
    return keeps_some(question) or (not _says_names(question) and all(map(is_common, words)))


def keeps_some(question: LinkedQuestion) -> bool:
    """Whether it says names, and beside them only which of some things are kept: "not in Europe"."""
    words = CONNECTIVES | RESTRICTORS
    return _says_names(question) and all(word in words or len(word) < 2 for word in _beside(question))


def asked_relations(question: LinkedQuestion) -> list[RelationEntry]:
    """The relations whose label is all that a question without names says: "and the currency?"."""
    said = [forms_of(word) for word in _beside(question) if word not in CONNECTIVES]

    def says(label: str) -> bool:
        words = [forms_of(word) for word in label.split()]
        return len(words) == len(said) and all(one & other for one, other in zip(words, said, strict=True))

    return [] if _says_names(question) or not said else [one for one in question.schema.relations if says(one.words)]


def compares_by(question: LinkedQuestion, label: str) -> bool:
    """Whether a question compares, "the second smallest", "is it more", and says no measure, or one of a label."""
    words = [word for word in _beside(question) if not word.isdecimal() and len(word) > 1]
    kinds, own = _kind_words(question), label.casefold().split()
    known = _CLOSED | ORDINALS.keys() | DEGREES.keys() | NUMBER_WORDS.keys() | frozenset(own)
    return bool(DEGREES.keys() & words) and all(word in known or forms_of(word) & kinds for word in words)


def asks_by_itself(question: LinkedQuestion) -> bool:
    """Whether it has a verb or word that questions begin with, and is no mere phrase."""
    return any(word in ASKING for word in _beside(question))


def compared_with(question: LinkedQuestion) -> tuple[list[Candidate], bool] | None:
    """The one thing that a question compares what it goes on from with, and whether it asks if that is less.

    The candidates for "Spain", and True, of "is that more than Spain?"; None where nothing is so compared.
    """
    text = question.prompt.question
    words = [match for match in _WORD.finditer(text) if match.group().casefold() == "than"]
    things = named_things(question)
    if len(words) != 1 or len({name.start for name in things}) != 1 or any(name.literal for name in question.names):
        return None
    than = words[0].start()
    before = [match.group().casefold() for match in _WORD.finditer(text, 0, than)]
    degrees = [DEGREES[word] for word in before if word in DEGREES]
    if things[0].start < than or len(degrees) != 1 or not _ASKS_WHETHER.issuperset(set(before) - DEGREES.keys()):
        return None
    return things, degrees[0]


def asks_nothing_beside(question: LinkedQuestion, reference: Reference) -> bool:
    """Whether nothing but words that join stands beside a reference."""
    end = reference.start + len(reference.text)
    text = question.prompt.question
    rest = text[: reference.start] + " " * len(reference.text) + text[end:]
    words = [match.group().casefold() for match in _WORD.finditer(rest)]
    return all(word in CONNECTIVES | IDENTIFYING | KEEPING | PRONOUNS for word in words)


def says_kind(question: LinkedQuestion, words: str) -> bool:
    """Whether a question has a word for a kind."""
    return any(forms_of(word) & forms_of(one) for word in words.split() for one in _beside(question))


def with_reference(
    question: LinkedQuestion, reference: Reference, meant: Candidate | None, written: str
) -> LinkedQuestion:
    """The question with a stretch linked to what it refers to, in place of what else overlaps with it; `written`, which
    holds the words of `meant`, is put where it stands, and `meant` is None where that says no more than its kind."""
    text, end = question.prompt.question, reference.start + len(reference.text)
    names = [] if meant is None else [replace(meant, start=reference.start + written.index(meant.text))]
    for name in question.names:
        if name.start + len(name.text) <= reference.start:
            names.append(name)
        elif end <= name.start:
            names.append(replace(name, start=name.start + len(written) - len(reference.text)))
    changed = text[: reference.start] + written + text[end:]
    return question.with_names(changed, sorted(names, key=lambda name: (name.start, -name.weight)))


def in_place_of(question: LinkedQuestion, reference: Reference, label: str) -> str:
    """What a name is written as where a pronoun stands: "Peru's" for "its", "in Peru" for "there"."""
    word = reference.text.casefold()
    followed = question.prompt.question[reference.start + len(reference.text) :].strip(" ?.!")
    if word in POSSESSIVES and followed:
        return f"{label}'s"
    return f"in {label}" if word == "there" else label


def _says_no_thing(words: Sequence[re.Match[str]], at: int, text: str, after_kind: bool) -> bool:
    """Whether a pronoun stands for no thing: "there are", "countries that", "one of", "more than one"."""
    word, (before, following) = words[at].group().casefold(), _beside_it(words, at)
    if word == "there":
        return bool({following, before} & BEING)
    if word in DEMONSTRATIVES and following in TIMES:
        return True
    if word == "that" and not _is_subject(words, at):
        return any(map(str.isalnum, text[words[at].end() :]))
    return word in ("one", "ones") and (after_kind or following == "of" or before in DEGREES)


def _is_subject(words: Sequence[re.Match[str]], at: int) -> bool:
    """Whether "that" is what a question asks about, "is that more than 3?", and begins no clause."""
    before, following = _beside_it(words, at)
    begins = all(word.group().casefold() in CONNECTIVES | BEING for word in words[:at])
    return begins and before in BEING and following in (PREPOSITIONS | RESTRICTORS) - {"of"}


def _beside_it(words: Sequence[re.Match[str]], at: int) -> tuple[str, str]:
    """The words before and after one; "" where there are none."""
    before = words[at - 1].group().casefold() if at else ""
    return before, words[at + 1].group().casefold() if at + 1 < len(words) else ""


def _may_be_empty(words: Sequence[re.Match[str]], at: int, text: str, first_name: int) -> bool:
    """Whether "it" may be the empty subject: "which country is it that has Lima", "how far is it to Lima"."""
    before, following = _beside_it(words, at)
    if not BEING & {before, following}:
        return False
    if before in BEING and following in CLAUSE_OPENERS:
        return True
    if first_name == len(text):
        return False
    begins = all(one.group().casefold() in CONNECTIVES | BEING for one in words[:at])
    compares = any(one.group().casefold() == "than" for one in words[at:])
    return not (begins and (compares or following in CONNECTIVES | RESTRICTORS))


def _has_noun_before(
    words: Sequence[re.Match[str]], at: int, text: str, is_kind: Sequence[bool], labels: set[str]
) -> bool:
    """Whether a noun before a pronoun may be what it refers to: of its number, and not what it stands beside.

    A noun is known by its determiner, as a word for a kind, or, where the pronoun is of several, by its ending. "It" is
    no countries, but each of them, or what a clause before says of them; and in "which country borders it" no country,
    since what borders is not itself.
    """
    said = [word.group().casefold() for word in words[:at]]
    pronoun = words[at].group().casefold()
    of_each = pronoun not in SINGULAR or bool(DISTRIBUTIVES.intersection(said))
    if pronoun in POSSESSIVES - {"its"} and "who" in said:
        return True
    for place, word in enumerate(said):
        if word in _CLOSED:
            continue
        plural = word.endswith("s") and len(forms_of(word)) > 1
        determined = place > 0 and said[place - 1] in DETERMINERS
        before = _BREAK.search(text, words[place].end(), words[at].start()) is not None
        kind = is_kind[place] and (of_each or before or fold(word) in labels)
        other = not is_kind[place] and (determined or (plural and pronoun not in SINGULAR))
        if (kind or other) and (pronoun in POSSESSIVES or not _in_one_clause(words[place : at + 1], text)):
            return True
    return False


def _in_one_clause(words: Sequence[re.Match[str]], text: str) -> bool:
    """Whether no more than one verb stands between a noun and a pronoun, the first and the last of some words."""
    between = [word.group().casefold() for word in words[1:-1]]
    if _BREAK.search(text, words[0].end(), words[-1].start()) or CLAUSE_OPENERS.intersection(between):
        return False
    return sum(word not in _CLOSED for word in between) <= 1


def _says_which(match: re.Match[str], text: str) -> bool:
    """Whether "those" stands before a noun and what says which are meant: "those neighbours of Peru that use it"."""
    words = [word.group().casefold() for word in _WORD.finditer(text, match.end())]
    if match.group().casefold() != "those" or len(words) < 2 or words[0] in _CLOSED:
        return False
    return words[1] == "of" or bool(CLAUSE_OPENERS.intersection(words[1:]) - CONJUNCTIONS)


def _is_fronted(question: LinkedQuestion, end: int, kinds: frozenset[str]) -> bool:
    """Whether what a pronoun refers to may come after it: "relative to its area, which country has most airports"."""
    text = question.prompt.question
    pause = _BREAK.search(text, end)
    if pause is None:
        return False
    if any(name.start >= pause.end() for name in named_things(question)):
        return True
    return any(_is_kind(match, kinds) for match in _WORD.finditer(text, pause.end()))


def _says_names(question: LinkedQuestion) -> bool:
    return any(name.literal for name in question.names) or bool(named_things(question))


def _beside(question: LinkedQuestion) -> Iterator[str]:
    names = [*named_things(question), *(name for name in question.names if name.literal)]
    named = [(name.start, name.start + len(name.text)) for name in names]
    for match in _WORD.finditer(question.prompt.question):
        if not any(start <= match.start() < end for start, end in named):
            yield match.group().casefold()


def _kind_words(question: LinkedQuestion) -> frozenset[str]:
    return frozenset(
        form for kind in question.schema.kinds if kind.named for word in kind.words.split() for form in forms_of(word)
    )


def _is_kind(match: re.Match[str], kinds: frozenset[str]) -> bool:
    return bool(forms_of(match.group()) & kinds) and fold(match.group()) not in PRONOUNS


def _next(words: Sequence[re.Match[str]], at: int, text: str) -> re.Match[str] | None:
    if at + 1 < len(words) and not text[words[at].end() : words[at + 1].start()].strip():
        return words[at + 1]
    return None


def _place_end(words: Sequence[re.Match[str]], at: int, text: str, kinds: frozenset[str]) -> tuple[int, int] | None:
    """Where places in a list end, and how many: "second one", "last", "first two", "last 3 countries".

    None where it is part of something else: "the first president", "the first two countries by area".
    """
    noun = _next(words, at, text)
    count = 0 if noun is None or ORDINALS[words[at].group().casefold()] not in (1, -1) else _number(noun)
    if noun is not None and count > 1:
        end, following = noun.end(), _next(words, at + 1, text)
        if following is not None and (following.group().casefold() == "ones" or _is_kind(following, kinds)):
            end, following = following.end(), _next(words, at + 2, text)
        goes_on = following is not None and following.group().casefold() not in _AFTER_PLACES
        return None if goes_on else (end, count)
    if noun is not None and (noun.group().casefold() == "one" or _is_kind(noun, kinds)):
        return noun.end(), 1
    stands_alone = at + 1 == len(words) or noun is None
    return (words[at].end(), 1) if stands_alone else None


def _number(match: re.Match[str]) -> int:
    word = match.group().casefold()
    return int(word) if word.isdecimal() and len(word) <= _MOST_DIGITS else int(NUMBER_WORDS.get(word, 0))
