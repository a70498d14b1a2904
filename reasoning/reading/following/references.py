"""Stretches of a question that refer to something said before: pronouns and places in a list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from reasoning.graph.names import fold
from reasoning.reading.english.common_words import is_common
from reasoning.reading.english.referring_words import (
    BEING,
    CONJUNCTIONS,
    CONNECTIVES,
    DEMONSTRATIVES,
    IDENTIFYING,
    LOOSE,
    ORDINALS,
    POSSESSIVES,
    PRONOUNS,
    RELATIVE,
    RESTRICTORS,
)
from reasoning.reading.english.word_forms import forms_of
from reasoning.reading.model.linked_question import WELL_LINKED, LinkedQuestion
from reasoning.reading.model.names import Candidate
from reasoning.reading.model.prompt import RelationEntry

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Reference:
    """A stretch that refers to something.

    Attributes:
        start: where it begins, in characters.
        text: the stretch.
        place: in a list, from 1 on, or from -1 on backwards; None of a pronoun.
        loose: whether such a pronoun may refer to nothing.
        relative: whether nothing is chosen from what it refers to, see `RELATIVE`.
        after_kind: whether a word for a kind of things, which it may refer to as well, stands before it.
        noun: the word for a kind in it, "countries" of "those countries"; "" without.
    """

    start: int
    text: str
    place: int | None = None
    loose: bool = False
    relative: bool = False
    after_kind: bool = False
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
    for at, match in enumerate(words):
        word = match.group().casefold()
        if word in ORDINALS and (end := _place_end(words, at, text, kinds)) is not None:
            start = words[at - 1].start() if at and words[at - 1].group().casefold() == "the" else match.start()
            return Reference(start, text[start:end], ORDINALS[word], after_kind=any(is_kind[:at]))
    for at, match in enumerate(words):
        word = match.group().casefold()
        following = _next(words, at, text)
        of_kind = following is not None and word in DEMONSTRATIVES and _is_kind(following, kinds)
        if word not in PRONOUNS or not (named or len(words) > 1):
            continue
        if not of_kind and _says_no_thing(words, at, text, any(is_kind[:at])):
            continue
        last = following if of_kind and following is not None else match
        return Reference(
            match.start(),
            text[match.start() : last.end()],
            loose=word in LOOSE,
            relative=word in RELATIVE and last is match,
            after_kind=any(is_kind[:at]),
            noun="" if last is match else last.group(),
        )
    return None


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


def asks_nothing_beside(question: LinkedQuestion, reference: Reference) -> bool:
    """Whether nothing but words that join stands beside a reference."""
    end = reference.start + len(reference.text)
    text = question.prompt.question
    rest = text[: reference.start] + " " * len(reference.text) + text[end:]
    words = [match.group().casefold() for match in _WORD.finditer(rest)]
    return all(word in CONNECTIVES | IDENTIFYING | PRONOUNS for word in words)


def says_kind(question: LinkedQuestion, words: str) -> bool:
    """Whether a question has a word for a kind."""
    return any(forms_of(word) & forms_of(one) for word in words.split() for one in _beside(question))


def with_reference(
    question: LinkedQuestion, reference: Reference, meant: Candidate | None, written: str
) -> LinkedQuestion:
    """The question with a stretch linked to what it refers to, in place of what else overlaps with it.

    Args:
        question: as it was asked.
        reference: the stretch.
        meant: what it refers to; None where `written` says no more than its kind.
        written: what is put where the stretch stands; it holds the words of `meant`.
    """
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
    word, following = words[at].group().casefold(), "".join(one.group().casefold() for one in words[at + 1 : at + 2])
    if word == "there":
        return bool({following, *(one.group().casefold() for one in words[max(0, at - 1) : at])} & BEING)
    if word == "that":
        return any(map(str.isalnum, text[words[at].end() :]))
    return word in ("one", "ones") and (after_kind or following == "of")


def _says_names(question: LinkedQuestion) -> bool:
    return any(name.literal for name in question.names) or bool(named_things(question))


def _beside(question: LinkedQuestion) -> Iterator[str]:
    """The words that stand beside the names, in small letters."""
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
    """The word behind another one, with nothing but blanks between."""
    if at + 1 < len(words) and not text[words[at].end() : words[at + 1].start()].strip():
        return words[at + 1]
    return None


def _place_end(words: Sequence[re.Match[str]], at: int, text: str, kinds: frozenset[str]) -> int | None:
    """Where a place in a list ends: "second one", "third country", "last"; None where it is part of something else."""
    noun = _next(words, at, text)
    if noun is not None and (noun.group().casefold() == "one" or _is_kind(noun, kinds)):
        return noun.end()
    stands_alone = at + 1 == len(words) or noun is None
    return words[at].end() if stands_alone else None
