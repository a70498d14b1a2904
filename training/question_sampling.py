"""Sampling of questions with their queries over graphs that have never been, so that knowing a schema never pays."""

from __future__ import annotations

import datetime
import json
import random
import re
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from reasoning.graph.names import label_words
from reasoning.parsing.checking import as_marked, with_directions, without_directions
from reasoning.parsing.codec import NOTHING, pieces_of, written
from reasoning.parsing.schema import (
    KIND_IDS,
    NAME_IDS,
    RELATION_IDS,
    KindEntry,
    NameEntry,
    Prompt,
    RelationEntry,
    Schema,
)
from training.question_phrases import (
    SLOT,
    SMALL_WORDS,
    Asked,
    Domain,
    DomainRelation,
    PhraseQuestions,
    literal,
    said,
    sample_value,
)

_FORWARD = ("{r} of {x}", "what is the {r} of {x}?", "{x} {r}", "{x}'s {r}?", "which {r} does {x} have", "{x}: {r}")
_BACKWARD = (
    "what has {x} as {r}?", "whose {r} is {x}?", "everything with {r} {x}", "which ones have the {r} {x}", "{r} = {x}",
)  # fmt: skip
_KIND_BACKWARD = ("which {k} have the {r} {x}?", "{k} whose {r} is {x}", "{k} with {r} {x}")
_TWO_STEPS = ("{s} of the {r} of {x}", "the {s} of {x}'s {r}?", "what is the {s} of the {r} that {x} has")
_BOTH = ("whose {r} is {x} and whose {s} is {y}?", "{r} {x} and {s} {y}", "everything with {r} {x} and also {s} {y}")
_EITHER = ("whose {r} is {x} or {y}?", "{r} {x} or {r} {y}", "everything with {r} either {x} or {y}")
_NOT = ("whose {r} is {x} but whose {s} is not {y}?", "{r} {x}, not {s} {y}", "{r} {x} without {s} {y}")
_ALL = ("all {k}", "list every {k}", "which {k} are there?")
_COUNT = ("how many {k} are there?", "number of {k}", "count {k}")
_COUNT_OF = ("how many have the {r} {x}?", "number of things whose {r} is {x}", "count of {r} {x}")
_ABOVE = ("which {k} have {r} above {n}?", "{k} with {r} over {n}", "{k} where {r} is more than {n}", "{r} > {n}")
_BELOW = ("which {k} have {r} below {n}?", "{k} with {r} under {n}", "{k} where {r} is less than {n}", "{r} < {n}")
_MOST = ("{k} with the highest {r}", "which {k} has the largest {r}?", "maximum {r}: which {k}", "most {r}")
_LEAST = ("{k} with the lowest {r}", "which {k} has the smallest {r}?", "minimum {r}: which {k}", "least {r}")


class LabelQuestions:
    """Questions over one schema in the labels' own words.

    Binding an id to what the prompt says of it is what a model learns first; in plain phrases it does so in minutes.

    Args:
        schema: they are asked of.
        name: samples a name of a kind that is shown at a place of the schema; any where None.
        number: samples a number of a relation as a name.
        rng: samples.
    """

    def __init__(
        self,
        schema: Schema,
        name: Callable[[int | None], NameEntry],
        number: Callable[[RelationEntry], NameEntry],
        rng: random.Random,
    ) -> None:
        self._name, self._number, self._rng, self._schema = name, number, rng, schema
        entries = list(zip(RELATION_IDS, schema.relations, strict=False))
        self._edges = [pair for pair in entries if not pair[1].has_values]
        self._values = [pair for pair in entries if pair[1].has_values]

    def sample(self) -> tuple[str, list[NameEntry], str]:
        """A question, the names in it, and the query with `{0}`, `{1}` where the names' ids stand."""
        rng = self._rng
        kinds = [self._step, self._step, self._back, self._back, self._two_steps, self._joined, self._of_kind]
        if not self._edges:
            kinds = [self._of_kind]
        if self._values:
            kinds += [self._value, self._compared, self._ranked]
        return rng.choice(kinds)()

    def _step(self) -> tuple[str, list[NameEntry], str]:
        letter, entry = self._rng.choice(self._edges)
        name = self._at(entry.start)
        return self._said(_FORWARD, r=entry.words, x=name.text), [name], f"{letter}({{0}})"

    def _value(self) -> tuple[str, list[NameEntry], str]:
        letter, entry = self._rng.choice(self._values)
        name = self._at(entry.start)
        return self._said(_FORWARD, r=entry.words, x=name.text), [name], f"{letter}({{0}})"

    def _back(self) -> tuple[str, list[NameEntry], str]:
        letter, entry = self._rng.choice(self._edges)
        name = self._at(entry.end)
        if len(entry.start) == 1 and self._schema.kinds[entry.start[0]].named and self._rng.random() < 0.4:
            kind = self._plural(entry.start[0])
            return self._said(_KIND_BACKWARD, r=entry.words, x=name.text, k=kind), [name], f"~{letter}({{0}})"
        if self._rng.random() < 0.15:
            return self._said(_COUNT_OF, r=entry.words, x=name.text), [name], f"count(~{letter}({{0}}))"
        return self._said(_BACKWARD, r=entry.words, x=name.text), [name], f"~{letter}({{0}})"

    def _two_steps(self) -> tuple[str, list[NameEntry], str]:
        letter, entry = self._rng.choice(self._edges)
        ends = entry.end if isinstance(entry.end, tuple) else ()
        following = [pair for pair in (*self._edges, *self._values) if set(pair[1].start) & set(ends)]
        if not following:
            return self._step()
        second, other = self._rng.choice(following)
        name = self._at(entry.start)
        question = self._said(_TWO_STEPS, r=entry.words, s=other.words, x=name.text)
        return question, [name], f"{second}({letter}({{0}}))"

    def _joined(self) -> tuple[str, list[NameEntry], str]:
        letter, entry = self._rng.choice(self._edges)
        alike = [pair for pair in self._edges if set(pair[1].start) & set(entry.start)]
        second, other = self._rng.choice(alike) if alike else (letter, entry)
        texts, sign = self._rng.choice(((_BOTH, " &"), (_EITHER, " |"), (_NOT, " &!")))
        if texts is _EITHER:
            second, other = letter, entry
        names = [self._at(entry.end), self._at(other.end)]
        question = self._said(texts, r=entry.words, s=other.words, x=names[0].text, y=names[1].text)
        return question, names, f"~{letter}({{0}}){sign}~{second}({{1}})"

    def _of_kind(self) -> tuple[str, list[NameEntry], str]:
        at = self._rng.randrange(len(self._schema.kinds))
        if not self._schema.kinds[at].named:
            return self._step() if self._edges else self._value()
        if self._rng.random() < 0.5:
            return self._said(_COUNT, k=self._plural(at)), [], f"count({KIND_IDS[at]})"
        return self._said(_ALL, k=self._plural(at)), [], KIND_IDS[at]

    def _compared(self) -> tuple[str, list[NameEntry], str]:
        letter, entry = self._rng.choice(self._values)
        if len(entry.start) != 1 or not self._schema.kinds[entry.start[0]].named:
            return self._value()
        number = self._number(entry)
        texts, sign = self._rng.choice(((_ABOVE, " >"), (_BELOW, " <")))
        question = self._said(texts, r=entry.words, n=number.text, k=self._plural(entry.start[0]))
        return question, [number], f"{letter}({KIND_IDS[entry.start[0]]}){sign}{{0}}"

    def _ranked(self) -> tuple[str, list[NameEntry], str]:
        letter, entry = self._rng.choice(self._values)
        if len(entry.start) != 1:
            return self._value()
        at = entry.start[0]
        words = self._schema.kinds[at].words if self._schema.kinds[at].named else "one"
        texts, rank = self._rng.choice(((_MOST, "top"), (_LEAST, "bottom")))
        return self._said(texts, r=entry.words, k=words), [], f"{rank}(1,{letter},{KIND_IDS[at]})"

    def _at(self, ends: tuple[int, ...] | str) -> NameEntry:
        return self._name(self._rng.choice(ends) if isinstance(ends, tuple) and ends else None)

    def _plural(self, at: int) -> str:
        words = self._schema.kinds[at].words
        return words if words.endswith("s") or self._rng.random() < 0.2 else f"{words}s"

    def _said(self, texts: tuple[str, ...], **words: str) -> str:
        return self._rng.choice(texts).format(**words)


UNTYPED, TWO_DOMAINS, TURNED = 0.3, 0.25, 0.35
"""How often a graph has no words for kinds, is made of two domains, and a relation is stored the other way round."""


@dataclass(frozen=True)
class SampledGraph:
    """A schema that was sampled, and how the domains' queries read in it.

    Attributes:
        schema: as the prompt shows it.
        domains: what it is made of.
        relations: by (domain's name, relation's key) the entry's place in the schema, and whether it is turned round.
        kinds: by (domain's name, kind's key) the kind's place.
    """

    schema: Schema
    domains: Sequence[Domain]
    relations: Mapping[tuple[str, str], tuple[int, bool]]
    kinds: Mapping[tuple[str, str], int]

    def domain(self, name: str) -> Domain:
        """One of its domains."""
        return next(domain for domain in self.domains if domain.name == name)


def sample_graph(known: Sequence[Domain], rng: random.Random) -> SampledGraph:
    """A new schema: a part of the relations of one domain or two, each under one of its labels, in either direction."""
    domains = [rng.choice(known)]
    if rng.random() < TWO_DOMAINS and len(known) > 1:
        domains.append(rng.choice([domain for domain in known if domain is not domains[0]]))
    share = rng.choice((1.0, 0.9, 0.75, 0.6))
    kept = [
        (domain, relation)
        for domain in domains
        for relation in domain.relations.values()
        if rng.random() < share / (1 if domain is domains[0] else 1.5)
    ]
    rng.shuffle(kept)
    kept = kept[: len(RELATION_IDS)]
    named = rng.random() >= UNTYPED
    keys = list(dict.fromkeys(
        (domain.name, kind) for domain, relation in kept for kind in (*relation.start, *relation.end)
    ))  # fmt: skip
    rng.shuffle(keys)
    keys = keys[: len(KIND_IDS)]
    by_name = {domain.name: domain for domain in domains}
    kinds = [_kind(by_name[name], kind, named, rng) for name, kind in keys]
    place = {key: at for at, key in enumerate(keys)}
    entries: list[RelationEntry] = []
    relations: dict[tuple[str, str], tuple[int, bool]] = {}
    taken: set[str] = set()
    for domain, relation in kept:
        entry, turned = _relation(
            relation,
            {k: place[domain.name, k] for k in (*relation.start, *relation.end) if (domain.name, k) in place},
            taken,
            rng,
        )
        relations[domain.name, relation.key] = (len(entries), turned)
        entries.append(entry)
    return SampledGraph(Schema(kinds, entries), domains, relations, place)


def _kind(domain: Domain, key: str, named: bool, rng: random.Random) -> KindEntry:
    kind = domain.kinds[key]
    query = f'~type("{key}")'
    if named:
        usual = rng.random() < 0.6
        one, _ = kind.words[0] if usual else rng.choice(list(kind.words))
        return KindEntry(one, query)
    return KindEntry(", ".join(rng.sample(list(kind.names), 2)), query, named=False)


def _relation(
    relation: DomainRelation, kinds: Mapping[str, int], taken: set[str], rng: random.Random
) -> tuple[RelationEntry, bool]:
    turned = bool(relation.back) and rng.random() < TURNED
    labels = [
        words for label in (relation.back if turned else relation.labels) if (words := label_words(label)) not in taken
    ]
    words = rng.choice(labels) if labels else f"{relation.key.replace('_', ' ')} {len(taken)}"
    taken.add(words)
    start, end = (tuple(sorted(kinds[k] for k in ends if k in kinds)) for ends in (relation.start, relation.end))
    if relation.values is not None:
        return RelationEntry(words, start, relation.values, relation.key), False
    ends = (end, start) if turned else (start, end)
    return RelationEntry(words, *ends, relation.key), turned


BINDINGS = 12
"""Words of a pack with the ids that they mean, beside its questions."""


@dataclass(frozen=True)
class Binding:
    """Words, and the id that they mean, behind a `~` where a relation is followed backwards and kinds don't say so."""

    text: str
    pieces: tuple[str, ...]


def sample_bindings(graph: SampledGraph, count: int, rng: random.Random) -> list[Binding]:
    """What people say of single relations and kinds of a graph; at most so many, as many as there are."""
    said = [binding for name, key in graph.relations for binding in _of_relation(graph, name, key, rng)]
    said += [
        Binding(word, (KIND_IDS[at],))
        for (name, key), at in graph.kinds.items()
        for pair in graph.domain(name).kinds[key].words
        for word in pair
    ]
    return rng.sample(said, min(count, len(said)))


def _of_relation(graph: SampledGraph, name: str, key: str, rng: random.Random) -> Iterator[Binding]:
    """All that is said of one relation, with the name of somebody in it."""
    domain, (at, turned) = graph.domain(name), graph.relations[name, key]
    relation, entry, letter = domain.relations[key], graph.schema.relations[at], RELATION_IDS[at]
    yield Binding(entry.words, (letter,))
    for field, phrases in relation.phrases.items():
        backwards = field.startswith("from") != turned
        for phrase in phrases:
            kind = rng.choice(list(relation.end if field.startswith("from") else relation.start))
            about = rng.choice(list(domain.kinds[kind].names))
            place = graph.kinds.get((name, kind))
            decided = isinstance(entry.end, str) or (place in entry.start) != (place in entry.end)
            pieces = ("~", letter) if backwards and not decided else (letter,)
            yield Binding(phrase.replace("{X}", about).replace("{N}", about), pieces)


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
class QuestionExample:
    """A prompt and the reply that is right.

    Attributes:
        prompt: what is read.
        pieces: what is to be written.
        kind: examples of one kind are examined together.
    """

    prompt: Prompt
    pieces: Sequence[str]
    kind: str


@dataclass(frozen=True)
class SampledPack:
    """Examples over one schema, and what teaches its ids alone."""

    schema: Schema
    examples: Sequence[QuestionExample]
    bindings: Sequence[Binding] = ()


class ExampleSampler:
    """Samples packs of examples.

    Args:
        domains: what they are made of.
        rng: samples.
    """

    def __init__(self, domains: Sequence[Domain], rng: random.Random) -> None:
        self._domains, self._rng = list(domains), rng
        kinds = [kind for domain in domains for kind in domain.kinds.values()]
        self._people = [name for kind in kinds if kind.person for name in kind.names]
        self._things = [name for kind in kinds if not kind.person for name in kind.names]

    def pack(self, questions: int = QUESTIONS, bindings: int = BINDINGS) -> SampledPack:
        """Examples over one new schema.

        Args:
            questions: how many.
            bindings: how many words with the ids that they mean.
        """
        while True:
            sampled: list[QuestionExample | None] = []
            graph = sample_graph(self._domains, self._rng)
            questions_of = [(d, asked) for d in graph.domains for asked in d.asked]
            known = [(d, asked) for d, asked in questions_of if self._known(graph, d, asked)]
            sayable = [(d, asked) for d, asked in known if all((d.name, kind) in graph.kinds for kind in asked.kinds)]
            unsayable = [(d, asked) for d, asked in questions_of if not self._known(graph, d, asked)]
            unsayable += [(d, asked) for d in graph.domains for asked in d.unanswerable]
            # A question of one domain is unsayable in another, which may have the same words: those are not sampled.
            if len(sayable) < questions // 2:
                continue
            own = LabelQuestions(graph.schema, partial(self._any_name, graph), self._any_number(graph), self._rng)
            for _ in range(questions):
                if self._rng.random() < FRAGMENTS:
                    sampled.append(self._fragment(graph))
                    continue
                if self._rng.random() < LABELS:
                    sampled.append(self._label_example(graph, own))
                    continue
                if self._rng.random() < PHRASES and (made := self._phrased(graph)) is not None:
                    sampled.append(self._example(graph, *made, False))
                    continue
                none = unsayable and self._rng.random() < UNSAYABLE
                domain, asked = self._rng.choice(unsayable if none else sayable)
                sampled.append(self._example(graph, domain, asked, bool(none)))
            examples = [example for example in sampled if example is not None]
            return SampledPack(graph.schema, examples, sample_bindings(graph, bindings, self._rng))

    def _known(self, graph: SampledGraph, domain: Domain, asked: Asked) -> bool:
        """Whether every relation that a question needs is there."""
        return all((domain.name, relation) in graph.relations for relation in asked.relations)

    def _example(self, graph: SampledGraph, domain: Domain, asked: Asked, none: bool) -> QuestionExample | None:
        rng = self._rng
        question, query = rng.choice(list(asked.wordings)), asked.query or ""
        question, query = _other_letter(question, query, rng)
        names: list[NameEntry] = []
        unlinked = not none and rng.random() < UNLINKED
        used: set[str] = set()
        sampled = self._several(domain, query)
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
                value = values.pop(0) if (values := sampled.get(name)) else sample_value(relation, rng)
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
            return QuestionExample(prompt, [NOTHING], "none")
        ids = self._ids(graph, domain, names)
        pieces = undirected(written(query, ids), prompt)
        return None if pieces is None else QuestionExample(prompt, pieces, _shape(query))

    def _several(self, domain: Domain, query: str) -> dict[str, list[Any]]:
        """Values in rising order where a query has two of the same relation: it may ask what lies between them."""
        slots = [match.groups() for match in SLOT.finditer(query)]
        names = [name for sign, name, _ in dict.fromkeys(slots) if sign]
        return {
            name: sorted(sample_value(domain.relations[name], self._rng) for _ in range(names.count(name)))
            for name in set(names)
            if names.count(name) > 1
        }

    def _phrased(self, graph: SampledGraph) -> tuple[Domain, Asked] | None:
        domain = self._rng.choice(list(graph.domains))
        there = [key for name, key in graph.relations if name == domain.name]
        made = PhraseQuestions(domain, there, self._rng).sample()
        return made and (domain, Asked((made[0],), made[1]))

    def _label_example(self, graph: SampledGraph, own: LabelQuestions) -> QuestionExample | None:
        question, names, query = own.sample()
        if len({name.text for name in names}) < len(names):
            return self._label_example(graph, own)
        shown = names + self._distractors(graph, question, names)
        shown.sort(key=lambda name: question.find(name.text))
        pieces = pieces_of(query.format(*(NAME_IDS[shown.index(name)] for name in names)))
        prompt = Prompt(graph.schema, shown, self._as_typed(question))
        short = undirected(pieces, prompt)
        return None if short is None else QuestionExample(prompt, short, "labels")

    def _fragment(self, graph: SampledGraph) -> QuestionExample:
        text = self._rng.choice(NO_QUESTIONS)
        names = [self._any_name(graph, None) for _ in range(text.count("{}"))]
        text = self._as_typed(text.format(*(name.text for name in names)))
        return QuestionExample(Prompt(graph.schema, names, text), [NOTHING], "none")

    def _any_name(self, graph: SampledGraph, at: int | None) -> NameEntry:
        key = next((key for key, place in graph.kinds.items() if place == at), None)
        domain, kind = key or self._rng.choice(list(graph.kinds))
        return self._name(graph, graph.domain(domain), kind, set())

    def _any_number(self, graph: SampledGraph) -> Callable[[RelationEntry], NameEntry]:
        places = {at: (name, key) for (name, key), (at, _) in graph.relations.items()}

        def number(entry: RelationEntry) -> NameEntry:
            name, key = places[graph.schema.relations.index(entry)]
            relation = graph.domain(name).relations[key]
            value = sample_value(relation, self._rng)
            while not isinstance(value, datetime.date) and value < 10 and self._rng.random() < 0.9:
                value = value * 10 + 1
            text, kind = literal(value), "date" if relation.values == "date" else "number"
            return NameEntry(
                said(value, relation.values, self._rng), str(value) if kind == "date" else text, kind, text
            )

        return number

    def _ids(self, graph: SampledGraph, domain: Domain, names: Sequence[NameEntry]) -> dict[str, str]:
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

    def _name(self, graph: SampledGraph, domain: Domain, key: str, used: set[str]) -> NameEntry:
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

    def _distractors(self, graph: SampledGraph, question: str, names: Sequence[NameEntry]) -> list[NameEntry]:
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
        rng: samples.
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
