"""Lessons in reading: questions over graphs that were drawn, names and numbers put in, and the queries they ask."""

from __future__ import annotations

import datetime
import json
import random
import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from reasoning.reading.model.directions import as_marked, with_directions, without_directions
from reasoning.reading.model.prompt import (
    KIND_IDS,
    NAME_IDS,
    RELATION_IDS,
    NameEntry,
    Prompt,
    RelationEntry,
    Schema,
)
from reasoning.reading.model.surface import NOTHING, pieces_of, written
from reasoning.reading.teaching.bindings import BINDINGS, Binding, draw_bindings
from reasoning.reading.teaching.domains import SLOT, Asked, Domain
from reasoning.reading.teaching.graphs import DrawnGraph, draw_graph
from reasoning.reading.teaching.labels import LabelQuestions
from reasoning.reading.teaching.literals import SMALL_WORDS, draw_value, literal, said
from reasoning.reading.teaching.phrases import PhraseQuestions

QUESTIONS = 16
"""Questions of a pack."""

OTHER_NAMES = 0.3
"""How often a name is taken from another domain."""

LABELS, PHRASES = 0.12, 0.35
"""Shares of questions in the labels' own words, and of the others that are put together from phrases."""

UNSAYABLE, UNLINKED = 0.08, 0.02
"""How often a question is one that the graph cannot say, and how often a name of it is unknown."""

WORDS_AS_NAMES = 0.25
"""How often common words of a question are names of other things as well."""

FRAGMENTS = 0.015
"""How often what stands in a question's place asks nothing of the graph."""

NO_QUESTIONS = (
    "{}", "{}?", "{} {}", "{} and {}", "what about {}?", "tell me about {}", "{} please", "hello", "thanks", "help",
    "who are you?", "which one?", "is it?", "why?", "and then?", "what else is there?", "is {} good?", "{} or what?",
)  # fmt: skip
"""What that may be; {} stand for names."""

SHORTENED = 0.08
"""How often a thing is named without the last word of its name: "Leeds" for the "Leeds Office"."""

_LETTER = re.compile(r'name_starts\("([A-Za-z])"')


@dataclass(frozen=True)
class Lesson:
    """A prompt and the reply that is right.

    Attributes:
        prompt: what is read.
        pieces: what is to be written.
        kind: lessons of one kind are examined together.
    """

    prompt: Prompt
    pieces: Sequence[str]
    kind: str


@dataclass(frozen=True)
class DrawnPack:
    """Lessons over one schema, and what teaches its ids alone."""

    schema: Schema
    lessons: Sequence[Lesson]
    bindings: Sequence[Binding] = ()


class LessonDrawer:
    """Draws packs of lessons.

    Args:
        domains: what they are made of.
        rng: draws.
    """

    def __init__(self, domains: Sequence[Domain], rng: random.Random) -> None:
        self._domains, self._rng = list(domains), rng
        kinds = [kind for domain in domains for kind in domain.kinds.values()]
        self._people = [name for kind in kinds if kind.person for name in kind.names]
        self._things = [name for kind in kinds if not kind.person for name in kind.names]

    def pack(self, questions: int = QUESTIONS, bindings: int = BINDINGS) -> DrawnPack:
        """Lessons over one new schema.

        Args:
            questions: how many.
            bindings: how many words with the ids that they mean.
        """
        while True:
            drawn: list[Lesson | None] = []
            graph = draw_graph(self._domains, self._rng)
            sayable = [(d, asked) for d in graph.domains for asked in d.asked if self._says(graph, d, asked)]
            unsayable = [(d, asked) for d in graph.domains for asked in d.asked if not self._known(graph, d, asked)]
            unsayable += [(d, asked) for d in graph.domains for asked in d.unanswerable]
            # A question of one domain is unsayable in another, which may have the same words: those are not drawn.
            if len(sayable) < questions // 2:
                continue
            own = LabelQuestions(graph.schema, partial(self._any_name, graph), self._any_number(graph), self._rng)
            for _ in range(questions):
                if self._rng.random() < FRAGMENTS:
                    drawn.append(self._fragment(graph))
                    continue
                if self._rng.random() < LABELS:
                    drawn.append(self._label_lesson(graph, own))
                    continue
                if self._rng.random() < PHRASES and (made := self._phrased(graph)) is not None:
                    drawn.append(self._lesson(graph, *made, False))
                    continue
                none = unsayable and self._rng.random() < UNSAYABLE
                domain, asked = self._rng.choice(unsayable if none else sayable)
                drawn.append(self._lesson(graph, domain, asked, bool(none)))
            lessons = [lesson for lesson in drawn if lesson is not None]
            return DrawnPack(graph.schema, lessons, draw_bindings(graph, bindings, self._rng))

    def _says(self, graph: DrawnGraph, domain: Domain, asked: Asked) -> bool:
        kinds = all((domain.name, kind) in graph.kinds for kind in asked.kinds)
        return kinds and all((domain.name, relation) in graph.relations for relation in asked.relations)

    def _known(self, graph: DrawnGraph, domain: Domain, asked: Asked) -> bool:
        """Whether every relation that a question needs is there."""
        return all((domain.name, relation) in graph.relations for relation in asked.relations)

    def _lesson(self, graph: DrawnGraph, domain: Domain, asked: Asked, none: bool) -> Lesson | None:
        rng = self._rng
        question, query = rng.choice(list(asked.wordings)), asked.query or ""
        question, query = _other_letter(question, query, rng)
        names: list[NameEntry] = []
        unlinked = not none and rng.random() < UNLINKED
        used: set[str] = set()
        drawn = self._several(domain, query)
        for slot in dict.fromkeys(match.group() for match in SLOT.finditer(question + query)):
            hash_sign, name, _ = SLOT.fullmatch(slot).groups()  # type: ignore[union-attr]
            if name == "k":
                number = rng.randint(2, 9) if rng.random() < 0.85 else rng.choice((10, 12, 15, 20, 25, 50, 100))
                shown = SMALL_WORDS[number] if number <= 10 and rng.random() < 0.4 else str(number)
                question, query = question.replace(slot, shown), query.replace(slot, str(number))
                if number >= 10:
                    names.append(NameEntry(shown, str(number), "number", str(number)))
            elif hash_sign:
                relation = domain.relations[name]
                value = values.pop(0) if (values := drawn.get(name)) else draw_value(relation, rng)
                shown, text = said(value, relation.values, rng), literal(value)
                question, query = question.replace(slot, shown), query.replace(slot, text)
                if relation.values == "date" or not text.isdigit() or int(text) >= 10:
                    kind = "date" if relation.values == "date" else "number"
                    label = text if kind == "number" else str(value)
                    names.append(NameEntry(shown, label, kind, text))
            else:
                entry = self._name(graph, domain, name, used)
                question = question.replace(slot, entry.text)
                query = query.replace(f'"{slot}"', entry.query)
                names.append(entry)
        for number in dict.fromkeys(re.findall(r"(?<![\d.\"-])\d{2,}(?![\d.\"-])", query)):
            if number in question and all(name.query != number for name in names):
                names.append(NameEntry(number, number, "number", number))
        entities = [name for name in names if name.kind not in ("number", "date")]
        if unlinked and entities:
            lost = rng.choice(entities)
            names = [name for name in names if name is not lost]
            none = True
        names += self._distractors(graph, question, names)
        names.sort(key=lambda name: question.find(name.text))
        names = list({(name.query, name.text): name for name in names}.values())[: len(NAME_IDS)]
        prompt = Prompt(graph.schema, names, self._as_typed(question))
        if none:
            return Lesson(prompt, [NOTHING], "none")
        ids = self._ids(graph, domain, names)
        pieces = undirected(written(query, ids), prompt)
        return None if pieces is None else Lesson(prompt, pieces, _shape(query))

    def _several(self, domain: Domain, query: str) -> dict[str, list[Any]]:
        """Values in rising order where a query has two of the same relation: it may ask what lies between them."""
        slots = [match.groups() for match in SLOT.finditer(query)]
        names = [name for sign, name, _ in dict.fromkeys(slots) if sign]
        return {
            name: sorted(draw_value(domain.relations[name], self._rng) for _ in range(names.count(name)))
            for name in set(names)
            if names.count(name) > 1
        }

    def _phrased(self, graph: DrawnGraph) -> tuple[Domain, Asked] | None:
        """A question that is put together."""
        domain = self._rng.choice(list(graph.domains))
        there = [key for name, key in graph.relations if name == domain.name]
        made = PhraseQuestions(domain, there, self._rng).draw()
        return made and (domain, Asked((made[0],), made[1]))

    def _label_lesson(self, graph: DrawnGraph, own: LabelQuestions) -> Lesson | None:
        question, names, query = own.draw()
        if len({name.text for name in names}) < len(names):
            return self._label_lesson(graph, own)
        shown = names + self._distractors(graph, question, names)
        shown.sort(key=lambda name: question.find(name.text))
        pieces = pieces_of(query.format(*(NAME_IDS[shown.index(name)] for name in names)))
        prompt = Prompt(graph.schema, shown, self._as_typed(question))
        short = undirected(pieces, prompt)
        return None if short is None else Lesson(prompt, short, "labels")

    def _fragment(self, graph: DrawnGraph) -> Lesson:
        text = self._rng.choice(NO_QUESTIONS)
        names = [self._any_name(graph, None) for _ in range(text.count("{}"))]
        text = self._as_typed(text.format(*(name.text for name in names)))
        return Lesson(Prompt(graph.schema, names, text), [NOTHING], "none")

    def _any_name(self, graph: DrawnGraph, at: int | None) -> NameEntry:
        key = next((key for key, place in graph.kinds.items() if place == at), None)
        domain, kind = key or self._rng.choice(list(graph.kinds))
        return self._name(graph, graph.domain(domain), kind, set())

    def _any_number(self, graph: DrawnGraph) -> Callable[[RelationEntry], NameEntry]:
        places = {at: (name, key) for (name, key), (at, _) in graph.relations.items()}

        def number(entry: RelationEntry) -> NameEntry:
            name, key = places[graph.schema.relations.index(entry)]
            relation = graph.domain(name).relations[key]
            value = draw_value(relation, self._rng)
            while not isinstance(value, datetime.date) and value < 10 and self._rng.random() < 0.9:
                value = value * 10 + 1
            text, kind = literal(value), "date" if relation.values == "date" else "number"
            return NameEntry(
                said(value, relation.values, self._rng), str(value) if kind == "date" else text, kind, text
            )

        return number

    def _ids(self, graph: DrawnGraph, domain: Domain, names: Sequence[NameEntry]) -> dict[str, str]:
        ids: dict[str, str] = {}
        for (name, key), (at, turned) in graph.relations.items():
            if name == domain.name:
                ids[f"~{key}" if turned else key] = RELATION_IDS[at]
        for (name, key), at in graph.kinds.items():
            if name == domain.name:
                ids[f'~type("{key}")'] = KIND_IDS[at]
        for at, entry in enumerate(names):
            ids.setdefault(entry.query, NAME_IDS[at])
        return ids

    def _name(self, graph: DrawnGraph, domain: Domain, key: str, used: set[str]) -> NameEntry:
        rng = self._rng
        kind = domain.kinds[key]
        pool: Sequence[str] = kind.names
        if rng.random() < OTHER_NAMES:
            pool = self._people if kind.person else self._things
        label = rng.choice(list(pool))
        while label in used:
            label = rng.choice(list(pool) + list(kind.names))
        used.add(label)
        text = label
        parts = label.split()
        if kind.person and len(parts) > 1 and rng.random() < 0.12:
            text = rng.choice((parts[0], parts[-1]))
        elif not kind.person and len(parts) > 1 and len(parts[0]) > 3 and rng.random() < SHORTENED:
            text = " ".join(parts[:-1])
        elif rng.random() < 0.03:
            text = slip(label, rng)
        at = graph.kinds.get((domain.name, key))
        words = "thing" if at is None else graph.schema.kind_words(at)
        return NameEntry(text, label, words, json.dumps(label, ensure_ascii=False), () if at is None else (at,))

    def _distractors(self, graph: DrawnGraph, question: str, names: Sequence[NameEntry]) -> list[NameEntry]:
        """Names that stretches of the question may stand for as well, and do not."""
        rng = self._rng
        found: list[NameEntry] = []
        at = rng.choice(list(graph.kinds.values()))
        kind = graph.schema.kind_words(at)
        for real in names:
            if real.kind != kind and real.label.startswith(f"{real.text} ") and rng.random() < 0.4:
                found.append(NameEntry(real.text, real.text, kind, json.dumps(real.text, ensure_ascii=False), (at,)))
        if names and rng.random() < 0.12:
            real = rng.choice(list(names))
            label = f"{real.label} ({rng.choice(('2', 'old', 'North', graph.schema.kinds[at].words))})"
            if real.kind not in ("number", "date", kind):
                found.append(NameEntry(real.text, label, kind, json.dumps(label, ensure_ascii=False), (at,)))
        return [*found, *words_as_names(question, names, graph.schema, rng)]

    def _as_typed(self, question: str) -> str:
        rng = self._rng
        if rng.random() < 0.12:
            question = question.lower()
        if rng.random() < 0.15:
            question = question.rstrip("?.!")
        if rng.random() < 0.05:
            question = slip(question, rng)
        return question


def words_as_names(question: str, names: Sequence[NameEntry], schema: Schema, rng: random.Random) -> list[NameEntry]:
    """Now and then up to three common words of a question that are names as well: a film called "Actors", a tag "film".

    Args:
        question: as asked.
        names: what it names; their words are left alone.
        schema: whose kinds the names are of.
        rng: draws.
    """
    taken = " ".join(f"{name.text} {name.label}" for name in names).lower()
    words = [word for word in re.findall(r"[a-zA-Z]{4,}", question) if word.lower() not in taken]
    if not words or not schema.kinds or rng.random() >= WORDS_AS_NAMES:
        return []
    found = []
    for word in rng.sample(words, min(len(words), rng.choice((1, 1, 2, 3)))):
        capital = word.capitalize()
        label = rng.choice((word, capital, capital, f"{capital}{rng.choice(('ia', 'e', 's', ' Ltd', 'ton'))}"))
        at = rng.randrange(len(schema.kinds))
        found.append(NameEntry(word, label, schema.kind_words(at), json.dumps(label, ensure_ascii=False), (at,)))
    return found


def undirected(pieces: Sequence[str], prompt: Prompt) -> Sequence[str] | None:
    """What is to be written, less the directions that kinds decide; None where kinds would decide them otherwise."""
    text = "".join(pieces)
    short = without_directions(text, prompt)
    return pieces_of(short) if with_directions(short, prompt) == as_marked(text, prompt) else None


def slip(text: str, rng: random.Random) -> str:
    """A text with one letter left out, doubled, exchanged with the next or another."""
    places = [at for at in range(1, len(text) - 1) if text[at].isalpha() and text[at + 1].isalpha()]
    if not places:
        return text
    at = rng.choice(places)
    change: Callable[[], str] = rng.choice((
        lambda: text[:at] + text[at + 1 :],
        lambda: text[:at] + text[at] + text[at:],
        lambda: text[:at] + text[at + 1] + text[at] + text[at + 2 :],
        lambda: text[:at] + rng.choice(string.ascii_lowercase) + text[at + 1 :],
    ))  # fmt: skip
    return change()


def _other_letter(question: str, query: str, rng: random.Random) -> tuple[str, str]:
    """Another initial in a question for names that begin with one."""
    found = _LETTER.search(query)
    if found is None or len(re.findall(rf"\b{found[1]}\b", question)) != 1:
        return question, query
    letter = rng.choice(string.ascii_uppercase)
    return re.sub(rf"\b{found[1]}\b", letter, question), query.replace(found.group(), f'name_starts("{letter}"', 1)


def _shape(query: str) -> str:
    """What is examined together: queries by the first thing that makes them hard."""
    for sign, shape in (
        ("[", "measure"), ("every", "every"), ("sum", "aggregate"), ("average", "aggregate"),
        ("maximum", "aggregate"), ("minimum", "aggregate"), ("exists", "yes or no"), (" - ", "arithmetic"),
        (" / ", "arithmetic"), ("top", "rank"), ("bottom", "rank"), ("count", "count"), ("> ", "compare"),
        ("< ", "compare"), (">=", "compare"), ("<=", "compare"), ("!", "not"), ("|", "or"), ("&", "and"),
    ):  # fmt: skip
        if sign in query:
            return shape
    return f"{min(query.count('('), 3)} steps"
