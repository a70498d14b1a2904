"""Domains: kinds, relations and how people ask about them, as the files beside this one have them; see their README."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg_data.columns import ValueKind
from reasoning.errors import QueryError
from reasoning.language.errors import TeachingError
from reasoning.query.tree import Compare, Entity, Query

FOLDER = Path(__file__).with_name("domains")

SLOT = re.compile(r"\{(#?)([a-z_]+?)(\d*)\}")
"""`{kind}`, `{kind2}`, `{#value}`, `{k}`."""

_PHRASES = ("to_of", "to_that", "from_of", "from_that", "from_not", "to_not")
_VALUE_PHRASES = ("of_it", "ask", "more", "less", "most", "least", "most_that", "least_that", "noun")
_NAMED = re.compile(r'~type\("([a-z_]+)"\)')
_WORD = re.compile(r"[a-z_]+")
_LAST_OF = re.compile(r"(top|bottom)\((\d|\{k\}), ([^,]+|\[.+?\]), (.+)\) & !\1\(\d, \3, \4\)")
_OTHER_WAY = {"top": "bottom", "bottom": "top"}
"""A place in a ranking is the last of the first ones, and not the first ones without those before."""
_WITHIN = re.compile(r'\((\S.*?) >= date\("(\d{4})-01-01"\)\) & \(\1 <= date\("\2-12-31"\)\)')
_LATER = re.compile(r'(?:(>=|<) date\("(\d{4})-01-01"\)|(>|<=) date\("(\d{4})-12-31"\))')
"""Bounds of a whole year, which are written as the year: the reader says what a date is compared with then."""


@dataclass(frozen=True)
class DomainKind:
    """A kind of things: `words` are (singular, plural), the usual ones first."""

    key: str
    words: Sequence[tuple[str, str]]
    names: Sequence[str]
    person: bool


@dataclass(frozen=True)
class DomainRelation:
    """A relation between things, or from things to values.

    Attributes:
        key: what the domain's queries call it.
        start, end: keys of kinds; `end` is empty where it has values.
        labels, back: what graphs call it, and what they call it stored the other way round.
        phrases: how people say it, by the field of the file.
        values: the kind of its values, None where it leads to things.
        least, most: the values' range, numbers or ISO dates.
    """

    key: str
    start: Sequence[str]
    end: Sequence[str]
    labels: Sequence[str]
    back: Sequence[str]
    phrases: Mapping[str, Sequence[str]]
    values: ValueKind | None = None
    least: Any = None
    most: Any = None


@dataclass(frozen=True)
class Asked:
    """One question in several wordings.

    Attributes:
        wordings: with slots.
        query: with slots; None where the domain cannot say it.
        relations, kinds: the keys that the query uses.
    """

    wordings: Sequence[str]
    query: str | None
    relations: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Domain:
    """All of one file."""

    name: str
    kinds: Mapping[str, DomainKind]
    relations: Mapping[str, DomainRelation]
    asked: Sequence[Asked]
    unanswerable: Sequence[Asked]


def load_domains(folder: Path = FOLDER) -> list[Domain]:
    """All domains of a folder, by name.

    Raises:
        TeachingError: a file is not as its README says.
    """
    return [load_domain(path) for path in sorted(folder.glob("*.toml"))]


def load_domain(path: Path) -> Domain:
    """One domain.

    Raises:
        TeachingError: the file is not as the README says.
    """
    try:
        stored = tomllib.loads(path.read_text(encoding="utf-8"))
        kinds = {key: _kind(key, fields) for key, fields in stored["kinds"].items()}
        relations = {key: _relation(key, fields) for key, fields in stored.get("relations", {}).items()}
        relations |= {key: _values(key, fields) for key, fields in stored.get("values", {}).items()}
        questions = stored.get("questions", {})
        asked = [_asked(line, relations) for line in _lines(questions.get("asked", ""))]
        unanswerable = [Asked((line,), None) for line in _lines(questions.get("unanswerable", ""))]
        return Domain(path.stem, kinds, relations, asked, unanswerable)
    except (OSError, tomllib.TOMLDecodeError, KeyError, ValueError, TypeError, QueryError) as error:
        raise TeachingError(f"{path.name} is no domain ({type(error).__name__}: {error})") from error


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines() if line.strip() and not line.startswith("#")]


def _kind(key: str, fields: Mapping[str, Any]) -> DomainKind:
    words = [(one, many) for one, _, many in (word.partition("/") for word in fields["words"])]
    return DomainKind(key, words, tuple(fields["names"]), bool(fields.get("person", False)))


def _relation(key: str, fields: Mapping[str, Any]) -> DomainRelation:
    phrases = {name: tuple(fields.get(name, ())) for name in _PHRASES}
    start, end = (tuple(fields[end].split("|")) for end in ("from", "to"))
    return DomainRelation(key, start, end, tuple(fields["labels"]), tuple(fields.get("back", ())), phrases)


def _values(key: str, fields: Mapping[str, Any]) -> DomainRelation:
    phrases = {name: tuple(fields.get(name, ())) for name in _VALUE_PHRASES}
    least, most = fields["range"]
    start = tuple(fields["of"].split("|"))
    return DomainRelation(key, start, (), tuple(fields["labels"]), (), phrases, fields["kind"], least, most)


def _asked(line: str, relations: Mapping[str, DomainRelation]) -> Asked:
    left, query = (part.strip() for part in line.split("=>"))
    query = _LATER.sub(lambda bound: " ".join(part for part in bound.groups() if part), _WITHIN.sub(r"\1 = \2", query))
    query = _LAST_OF.sub(lambda found: f"{_OTHER_WAY[found[1]]}(1, {found[3]}, {found[0].partition(' & !')[0]})", query)
    parsed = Query.parse(filled(query, relations))
    if isinstance(parsed, Compare) and isinstance(parsed.source, Entity):
        query = f"exists({query})"  # of one thing a comparison is a yes or no
    kinds = frozenset(_NAMED.findall(query))
    used = frozenset(word for word in _WORD.findall(SLOT.sub("", query)) if word in relations)
    return Asked(tuple(part.strip() for part in left.split(" | ")), query, used, kinds)


def filled(query: str, relations: Mapping[str, DomainRelation]) -> str:
    """A query with some number or date in each slot for one, so that it parses."""

    def example(slot: re.Match[str]) -> str:
        hash_sign, name, _ = slot.groups()
        if name == "k":
            return "3"
        if not hash_sign:
            return slot.group()
        return 'date("2001-01-01")' if relations[name].values == "date" else "7"

    return SLOT.sub(example, query)
