"""Domains (kinds, relations, how people ask about them) and the phrases from which questions are put together."""

from __future__ import annotations

import datetime
import random
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg_data.columns import ValueKind
from reasoning.errors import QueryError
from reasoning.query.tree import Compare, Entity, Query
from training.loop import TrainingError

FOLDER = Path(__file__).parent / "lessons" / "domains"

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
        TrainingError: a file is not as its README says.
    """
    return [load_domain(path) for path in sorted(folder.glob("*.toml"))]


def load_domain(path: Path) -> Domain:
    """One domain.

    Raises:
        TrainingError: the file is not as the README says.
    """
    try:
        stored = tomllib.loads(path.read_text(encoding="utf-8"))
        kinds = {key: _kind(key, fields) for key, fields in stored["kinds"].items()}
        relations = {key: _relation(key, fields) for key, fields in stored.get("relations", {}).items()}
        relations |= {key: _values(key, fields) for key, fields in stored.get("values", {}).items()}
        questions = stored.get("questions", {})
        asked = [_asked_relations(line, relations) for line in _lines(questions.get("asked", ""))]
        unanswerable = [Asked((line,), None) for line in _lines(questions.get("unanswerable", ""))]
        return Domain(path.stem, kinds, relations, asked, unanswerable)
    except (OSError, tomllib.TOMLDecodeError, KeyError, ValueError, TypeError, QueryError) as error:
        raise TrainingError(f"{path.name} is no domain ({type(error).__name__}: {error})") from error


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


def _asked_relations(line: str, relations: Mapping[str, DomainRelation]) -> Asked:
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


_MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
_MAGNITUDES = ((10**9, "billion", "bn"), (10**6, "million", "m"), (1000, "thousand", "k"))
SMALL_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


def sample_value(relation: DomainRelation, rng: random.Random) -> int | float | datetime.date:
    """A value of a relation's range, mostly a round one."""
    if relation.values == "date":
        first, last = (datetime.date.fromisoformat(str(bound)).toordinal() for bound in (relation.least, relation.most))
        return datetime.date.fromordinal(rng.randint(first, max(first, last)))
    least, most = float(relation.least), float(relation.most)
    if relation.values == "year":
        return rng.randint(int(least), int(most))
    value = rng.uniform(least, most)
    if relation.values == "decimal" and rng.random() < 0.6:
        return round(value, 1 if most > 10 else 2)
    digits = rng.choice((1, 1, 2, 2, 3))
    size = max(1, len(str(int(value))))
    rounded = round(value, digits - size) if rng.random() < 0.8 else round(value)
    return max(int(rounded), 1)


def said(value: int | float | datetime.date, kind: ValueKind | None, rng: random.Random) -> str:
    """A value as a person may write it."""
    if isinstance(value, datetime.date):
        month = _MONTHS[value.month - 1]
        return rng.choice((
            value.isoformat(),
            f"{value.day} {month} {value.year}",
            f"{month} {value.day}, {value.year}",
            f"{value.day} {month[:3]} {value.year}",
            f"{value.day:02}.{value.month:02}.{value.year}",
        ))  # fmt: skip
    if isinstance(value, float) and value != int(value):
        return str(value)
    whole = int(value)
    if kind == "year" or whole < 1000:
        return SMALL_WORDS[whole] if whole <= 10 and rng.random() < 0.4 else str(whole)
    for size, word, short in _MAGNITUDES:
        if whole >= size and whole % (size // 10) == 0 and rng.random() < 0.4:
            scaled = f"{whole / size:g}"
            return rng.choice((f"{scaled} {word}", f"{scaled} {word}", f"{scaled}{short}"))
    return rng.choice((str(whole), f"{whole:,}", f"{whole:,}".replace(",", " ") if whole > 9999 else str(whole)))


def literal(value: int | float | datetime.date) -> str:
    """A value as a query's text."""
    if isinstance(value, datetime.date):
        return f'date("{value.isoformat()}")'
    return str(int(value)) if value == int(value) else repr(value)


DEPTH = 3
"""How deep noun phrases stand in each other."""

NESTED = 0.45
"""How often what a noun phrase starts from is one itself."""

POSSESSIVE, SAME = 0.35, 0.12
"""How often "the boss of Ann" is said as "Ann's boss", and a clause says that things share something with another."""

_LIST = (
    "Which {n}?", "List the {n}.", "{n}", "show me all {n}", "Name the {n}", "what {n} are there?", "find {n}",
    "give me the {n}, please", "I'm looking for {n}", "are you able to tell me which {n}?", "I need a list of {n}",
)  # fmt: skip
_TELL = (
    "{n}?", "Name {n}.", "tell me {n}", "I want to know {n}", "{n}", "could you find {n}?", "Give me {n}",
    "find out {n}", "what do we have as {n}?", "do you know {n}",
)  # fmt: skip
_WHO = ("who is {n}?", "Who are {n}", "{n} is who?", "{n}: who?", "so who's {n}", "{n} are which people?")
_WHAT = ("what is {n}?", "What are {n}", "{n} is what?", "{n} - which one?", "{n} are which ones?", "so what's {n}")
_SAME = (
    "with the same {v} as {n}", "that have the same {v} as {n}", "sharing a {v} with {n}",
    "that share the {v} with {n}", "whose {v} is that of {n}", "having the {v} of {n}",
)  # fmt: skip
_COUNT = (
    "How many {n} are there?", "number of {n}", "count the {n}", "What is the number of {n}?", "how many {n}",
    "I'd like to know how many {n} there are",
)  # fmt: skip
_EXISTS = ("Are there any {n}?", "Is it true that there are {n}?", "do any {n} exist", "any {n}?", "have we got {n}?")
_AVERAGE = (
    "average {v} of {n}",
    "What is the average {v} of {n}?",
    "mean {v} for {n}",
    "on average, what {v} have {n}?",
)
_TOTAL = ("total {v} of {n}", "What is the total {v} of {n}?", "sum of the {v} of {n}", "{n}: {v} altogether")
_HIGHEST = ("highest {v} of {n}", "What is the highest {v} among {n}?", "maximum {v} for {n}")
_LOWEST = ("lowest {v} of {n}", "What is the lowest {v} among {n}?", "minimum {v} for {n}")

Slots = Callable[[str], str]
"""Gives the slot of a further name of a kind (`employee`) or a number of a value (`#salary`)."""


@dataclass(frozen=True)
class _Set:
    """A noun phrase: `plural` where it begins with a plural noun and takes "the" and "which", `owned`: "Ann's boss"."""

    text: str
    query: str
    plural: bool
    owned: bool = False


class PhraseQuestions:
    """Questions put together over a part of one domain: of any shape, so that no shape is learned by heart.

    A noun phrase names a set of things of a kind: by a relation and what it starts from or leads to, with clauses
    joined, denied, compared. What stands in it may be a noun phrase again.

    Args:
        domain: what is said of it.
        relations: keys of the relations there are.
        rng: samples.
    """

    def __init__(self, domain: Domain, relations: Sequence[str], rng: random.Random) -> None:
        self._domain, self._rng = domain, rng
        there = [domain.relations[key] for key in relations]
        self._edges = [relation for relation in there if relation.values is None]
        self._values = [relation for relation in there if relation.values is not None]
        self._used: dict[str, int] = {}

    def sample(self) -> tuple[str, str] | None:
        """A question and its query, both with slots as in a domain's file; None where nothing can be said."""
        self._used = {}
        kinds = [kind for kind in self._domain.kinds if self._clauses(kind) or self._phrases(kind)]
        if not kinds:
            return None
        kind = self._rng.choice(kinds)
        shapes: list[Callable[[str], tuple[str, str] | None]]
        shapes = [*[self._listed] * 4, self._counted, self._existing]
        shapes += [self._value_of, self._ranked, self._aggregate] if self._values_of(kind) else []
        return self._rng.choice(shapes)(kind)

    # Questions ------------------------------------------------------------------------------------------------

    def _listed(self, kind: str) -> tuple[str, str] | None:
        found = self._set(kind, DEPTH)
        if found is None or found.plural:
            return _asked(self._rng.choice(_LIST), found)
        asking = _WHO if self._domain.kinds[kind].person else _WHAT
        return _asked(self._rng.choice(asking if self._rng.random() < 0.5 else _TELL), found)

    def _counted(self, kind: str) -> tuple[str, str] | None:
        return _asked(self._rng.choice(_COUNT), self._plural_set(kind), "count({})")

    def _existing(self, kind: str) -> tuple[str, str] | None:
        return _asked(self._rng.choice(_EXISTS), self._plural_set(kind), "exists({})")

    def _value_of(self, kind: str) -> tuple[str, str] | None:
        value = self._rng.choice(self._values_of(kind))
        phrases = [text for field in ("of_it", "ask") for text in value.phrases[field]]
        if not phrases:
            return None
        text = self._rng.choice(phrases)
        about = self._name(kind) if self._rng.random() < 0.5 else self._phrase(kind, 1)
        if about is None or about.plural:
            about = self._name(kind)
        said = text.replace("{X}", about.text)
        question = said if text in value.phrases["ask"] else self._rng.choice(_TELL).format(n=said)
        return question, f"{value.key}({about.query})"

    def _ranked(self, kind: str) -> tuple[str, str] | None:
        value = self._rng.choice(self._values_of(kind))
        most = self._rng.random() < 0.6
        rank = "top" if most else "bottom"
        clause, adjectives = (
            value.phrases["most_that" if most else "least_that"],
            value.phrases["most" if most else "least"],
        )
        found = self._plural_set(kind)
        if found is None:
            return None
        several = self._rng.random() < 0.3
        k = "{k}" if several else "1"
        if clause and self._rng.random() < 0.6 and not several:
            last = self._rng.choice(list(clause))
            return f"Which of the {found.text} is the one {last}?", f"{rank}(1, {value.key}, {found.query})"
        if not adjectives:
            return None
        word = self._rng.choice(list(adjectives))
        texts = (
            ("the {k} {w} {n}", "{k} {w} {n}", "list the {k} {w} {n}")
            if several
            else ("the {w} of the {n}", "{w} among {n}")
        )
        question = self._rng.choice(texts).replace("{w}", word).replace("{n}", found.text)
        return question, f"{rank}({k}, {value.key}, {found.query})"

    def _aggregate(self, kind: str) -> tuple[str, str] | None:
        value = self._rng.choice(self._values_of(kind))
        nouns = value.phrases["noun"]
        found = self._plural_set(kind)
        if found is None or not nouns:
            return None
        choices: list[tuple[Sequence[str], str]] = [(_HIGHEST, "maximum"), (_LOWEST, "minimum")]
        if value.values in ("integer", "decimal"):
            choices += [(_AVERAGE, "average"), (_TOTAL, "sum")] * 2
        texts, function = self._rng.choice(choices)
        noun = self._rng.choice(list(nouns))
        return self._rng.choice(texts).format(v=noun, n=f"the {found.text}"), f"{function}({value.key}, {found.query})"

    # Sets -----------------------------------------------------------------------------------------------------

    def _set(self, kind: str, depth: int) -> _Set | None:
        if self._phrases(kind) and (self._rng.random() < 0.35 or not self._clauses(kind)):
            return self._phrase(kind, depth)
        return self._plural_set(kind, depth)

    def _plural_set(self, kind: str, depth: int = DEPTH) -> _Set | None:
        """ "employees who report to Ann and earn more than 5": clauses after a plural noun."""
        clauses = self._clauses(kind)
        if not clauses:
            return None
        many = self._rng.choice(self._domain.kinds[kind].words)[1]
        first, query, sure = self._clause(kind, depth)
        text = f"{many} {first}"
        chance = self._rng.random()
        if chance < 0.2:
            second, other, also = self._clause(kind, 1)
            text, query, sure = f"{text} and {second}", f"{query} & {other}", sure or also
        elif chance < 0.3:
            second, other, also = self._clause(kind, 1)
            text, query, sure = f"{text} or {second}", f"({query} | {other})", sure and also
        elif chance < 0.42 and (denied := self._denied(kind)) is not None:
            text, query = (
                f"{text} {self._rng.choice(('but', 'and', ','))} {denied[0]}".replace(" ,", ","),
                f"{query} & !{denied[1]}",
            )
        if not sure:
            query = f'{query} & ~type("{kind}")'
        if self._values_of(kind) and self._rng.random() < 0.2:
            value = self._rng.choice(self._values_of(kind))
            more = self._rng.random() < 0.5
            phrases = value.phrases["more" if more else "less"]
            if phrases:
                clause = self._rng.choice(list(phrases)).replace("{N}", self._slot(f"#{value.key}"))
                joined = self._rng.choice(
                    (
                        f"{text} and {clause}",
                        f"{many} {clause} {first}" if text == f"{many} {first}" else f"{text} and {clause}",
                    )
                )
                text, query = joined, f"{value.key}({query}) {'>' if more else '<'} {self._last(f'#{value.key}')}"
        return _Set(text, query, True)

    def _clause(self, kind: str, depth: int) -> tuple[str, str, bool]:
        """A clause, its query, and whether that leaves things of this kind alone."""
        if self._rng.random() < SAME and (shared := self._shared(kind)) is not None:
            return shared
        relation, field, key = self._rng.choice(self._clauses(kind))
        leads = field.startswith("to")
        about = self._about((relation.start if leads else relation.end), depth - 1)
        text = self._rng.choice(list(relation.phrases[field])).replace("{X}", about.text)
        ends = relation.end if leads else relation.start
        return text, f"{key}({about.query})", len(ends) == 1

    def _shared(self, kind: str) -> tuple[str, str, bool] | None:
        """ "with the same boss as Ann": what leads to the same thing as another of its kind does."""
        nouns = [
            (relation, noun)
            for relation in self._edges
            if kind in relation.start
            for text in relation.phrases["to_of"]
            if (noun := _noun(text)) is not None
        ]
        if not nouns:
            return None
        relation, noun = self._rng.choice(nouns)
        name = self._name(kind)
        text = self._rng.choice(_SAME).format(v=noun, n=name.text)
        return text, f"~{relation.key}({relation.key}({name.query}))", len(relation.start) == 1

    def _denied(self, kind: str) -> tuple[str, str] | None:
        found = [
            (relation, field, f"{'' if field == 'to_not' else '~'}{relation.key}")
            for relation in self._edges
            for field, ends in (("to_not", relation.end), ("from_not", relation.start))
            if kind in ends and relation.phrases[field]
        ]
        if not found:
            return None
        relation, field, key = self._rng.choice(found)
        name = self._name(self._rng.choice(list(relation.start if field == "to_not" else relation.end)))
        return self._rng.choice(list(relation.phrases[field])).replace("{X}", name.text), f"{key}({name.query})"

    def _phrase(self, kind: str, depth: int) -> _Set | None:
        found = self._phrases(kind)
        if not found:
            return None
        relation, field, key = self._rng.choice(found)
        about = self._about((relation.start if field == "to_of" else relation.end), depth - 1)
        phrase = self._rng.choice(list(relation.phrases[field]))
        text = phrase.replace("{X}", about.text)
        owner = about.owned or about.text.endswith("}")
        if owner and (noun := _noun(phrase)) is not None and self._rng.random() < POSSESSIVE:
            return _Set(f"{about.text}'s {noun}", f"{key}({about.query})", False, owned=True)
        return _Set(text, f"{key}({about.query})", False)

    def _about(self, kinds: Sequence[str], depth: int) -> _Set:
        kind = self._rng.choice(list(kinds))
        if depth > 0 and self._rng.random() < NESTED and (found := self._set(kind, depth)) is not None:
            return _Set(f"the {found.text}", found.query, True) if found.plural else found
        return self._name(kind)

    def _name(self, kind: str) -> _Set:
        slot = self._slot(kind)
        return _Set(slot, f'"{slot}"', False)

    def _slot(self, key: str) -> str:
        self._used[key] = self._used.get(key, 0) + 1
        return self._last(key)

    def _last(self, key: str) -> str:
        number = self._used[key]
        return f"{{{key}{number if number > 1 else ''}}}"

    def _clauses(self, kind: str) -> list[tuple[DomainRelation, str, str]]:
        return self._said_of(kind, "to_that", "from_that")

    def _phrases(self, kind: str) -> list[tuple[DomainRelation, str, str]]:
        """Noun phrases, but of ends where other kinds stand too: they say no kind."""
        return [found for found in self._said_of(kind, "to_of", "from_of") if len(self._ends(*found[:2])) == 1]

    def _said_of(self, kind: str, to: str, start: str) -> list[tuple[DomainRelation, str, str]]:
        return [
            (relation, field, f"{prefix}{relation.key}")
            for relation in self._edges
            for field, prefix in ((to, ""), (start, "~"))
            if kind in self._ends(relation, field) and relation.phrases[field]
        ]

    def _ends(self, relation: DomainRelation, field: str) -> Sequence[str]:
        return relation.end if field.startswith("to") else relation.start

    def _values_of(self, kind: str) -> list[DomainRelation]:
        return [value for value in self._values if kind in value.start]


def _noun(phrase: str) -> str | None:
    found = re.fullmatch(r"(?:the )?([\w -]+?) (?:of|for) \{X\}", phrase)
    return None if found is None else found[1]


def _asked(text: str, found: _Set | None, query: str = "{}") -> tuple[str, str] | None:
    """A question about a set and its query; None where there is no set."""
    return None if found is None else (text.format(n=found.text), query.format(found.query))
