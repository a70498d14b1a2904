"""Written expressions with the sentences that are right, and variations of them; `lists/README.md` has the form."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reasoning import Query
from reasoning.errors import QueryError
from reasoning.language.errors import TeachingError
from reasoning.query.tree import Count, Entity, Exists, Intersect, Project
from vision.classes.phrases import singular
from vision.detections.colour_names import BASIC_COLOURS
from vision.reading.expressions.happenings import PAIRED, kind_of_event
from vision.reading.expressions.meaning import PEOPLE
from vision.reading.expressions.pieces import NUMBERED
from vision.reading.expressions.sentence import Question, Sentence
from vision.scene.building import KIND
from vision.video.happenings.kinds import ACTION, MOTIONS, SIDE, SIDES

VIDEO_LIST = ".video.jsonl"
"""How the names of lists about videos end."""

OTHER_WORDS, LOWER = 0.6, 0.15
"""How often the words that name things are exchanged, and capitals and the last mark are lost."""


@dataclass(frozen=True)
class TaughtExpression:
    """An expression, what it asks, and by class or colour the words that say it."""

    text: str
    sentence: Sentence
    words: Mapping[str, Sequence[str]]


_ASKED_OF = {"colour": "colour", "way": SIDE}
"""Questions to the relation to what answers them, with which a query may begin."""


def sentence_of(entry: Mapping[str, Any]) -> Sentence:
    """What an entry of a list asks.

    Raises:
        QueryError: its query cannot be parsed.
    """
    query = Query.parse(entry["query"])
    question: Question = "exists" if entry["question"] == "check" else entry["question"]
    bound = _bound(*entry["bound"]) if entry.get("bound") else None
    if isinstance(query, Count | Exists):
        query = query.part
    elif isinstance(query, Project) and not query.inverse and query.relation == _ASKED_OF.get(question):
        query = query.source
    wanted = entry["wanted"] if question in NUMBERED else "all"
    number = {"one": 1, "all": None}[wanted] if wanted in ("one", "all") else int(wanted)
    return Sentence(question, number, query, bool(entry.get("denied")), bound)


def _bound(operator: str, number: int) -> tuple[str, int]:
    """A bound on a number of things, as sentences have it: "more than 4" is at least 5."""
    if operator in (">", "<"):
        return f"{operator}=", number + (1 if operator == ">" else -1)
    return operator, number


def read_expressions(paths: Sequence[Path]) -> list[TaughtExpression]:
    """The entries of some lists that say by which words things are named.

    Raises:
        TeachingError: a file is no such list.
    """
    found = []
    for path in paths:
        try:
            entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
            found += [
                TaughtExpression(entry["expression"], sentence_of(entry), _phrases(entry["words"]))
                for entry in entries
                if "words" in entry
            ]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, QueryError) as error:
            raise TeachingError(f"{path} is no list of expressions ({type(error).__name__}: {error})") from error
    return found


def _phrases(words: Mapping[str, Any]) -> dict[str, list[str]]:
    return {value: said if isinstance(said, list) else [said] for value, said in words.items()}


class ExpressionVariations:
    """Draws variations of expressions.

    Args:
        expressions: whose names of things are exchanged with each other.
    """

    def __init__(self, expressions: Sequence[TaughtExpression]) -> None:
        labels = {label for one in expressions for label in actions_of(one.sentence.things)}
        said = {
            phrase.lower()
            for one in expressions
            for value, phrases in one.words.items()
            for phrase in phrases
            if value not in labels and _is_thing(value) and re.fullmatch(r"[A-Za-z]+(?: [A-Za-z]+)?", phrase)
        }
        said -= PEOPLE
        done = {phrase for one in expressions for label in labels for phrase in one.words.get(label, ())}
        self._labels = labels
        self._actions: dict[str, list[str]] = {_form(phrase): [] for phrase in done}
        for phrase in sorted(done):
            self._actions[_form(phrase)].append(phrase)
        self._many = sorted(phrase for phrase in said if singular(last := phrase.split()[-1]) != last)
        self._one = sorted(said - set(self._many))

    def draw(self, one: TaughtExpression, rng: random.Random) -> TaughtExpression:
        """A variation, or the expression itself."""
        if rng.random() < OTHER_WORDS:
            one = self._other_words(one, rng)
        return replace(one, text=one.text.lower().rstrip("?.!")) if rng.random() < LOWER else one

    def _other_words(self, one: TaughtExpression, rng: random.Random) -> TaughtExpression:
        text = one.text
        others: dict[str, str] = {}
        for value, phrases in one.words.items():
            for phrase in phrases:
                places = list(re.finditer(rf"(?<![\w-]){re.escape(phrase)}(?![\w-])", text, re.IGNORECASE))
                pool = self._pool(value, phrase)
                other = rng.choice(pool) if pool else phrase
                taken = phrase in others or re.search(rf"\b{re.escape(other)}\b", text, re.IGNORECASE)
                if len(places) != 1 or taken:
                    continue
                start, end = places[0].span()
                text = text[:start] + (other.capitalize() if text[start].isupper() else other) + text[end:]
                others[phrase] = other
        put = {value: [others.get(phrase, phrase) for phrase in phrases] for value, phrases in one.words.items()}
        return TaughtExpression(text, one.sentence, put)

    def _pool(self, value: str, phrase: str) -> Sequence[str]:
        if value in self._labels:
            return self._actions[_form(phrase)]
        if value in BASIC_COLOURS:
            return BASIC_COLOURS
        if not _is_thing(value) or phrase.lower() not in {*self._many, *self._one}:
            return ()
        return self._many if phrase.lower() in self._many else self._one


def actions_of(query: Query) -> set[str]:
    """The labels of the actions that a query names."""
    found = {label for part in query.children for label in actions_of(part)}
    if isinstance(query, Intersect) and kind_of_event(ACTION) in query.parts:
        kinds = [part.source for part in query.parts if isinstance(part, Project) and part.relation == KIND]
        found |= {kind.name for kind in kinds if isinstance(kind, Entity) and kind.name != ACTION}
    return found


def _form(phrase: str) -> str:
    """The ending of a verb at the beginning of a phrase: "peels the cucumber" is said where "pours milk" is."""
    verb = phrase.lower().split()[0]
    return next((ending for ending in ("ing", "ed", "s") if verb.endswith(ending)), "")


def _is_thing(value: str) -> bool:
    """Whether a value is a class or a kind of classes, and no colour, size, place, side or happening."""
    if value in (*BASIC_COLOURS, *SIDES, *PAIRED, *MOTIONS):
        return False
    return not re.search(r"half$|third$|^(?:centre|small|medium|large)$", value)
