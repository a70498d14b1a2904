"""The profile of an endpoint: what its graph names things by, and how regular it is."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from typing import Any, Literal

from kg_data.columns import (
    DESCRIBING,
    OWL_INVERSE_OF,
    PLACE,
    POSITION,
    RDF_TYPE,
    RDFS_LABEL,
    SKOS_ALT_LABEL,
    SKOS_PREF_LABEL,
    TYPE,
    UNIT,
    XSD,
    RdfForm,
    ValueKind,
    relation_id,
    relation_iri,
    type_name,
)
from kg_data.loaders.rdf import DATATYPE_KINDS, language_rank, local_name, relation_name
from reasoning.errors import EndpointError
from reasoning.graph.remote.client import SparqlClient, Term
from reasoning.graph.remote.terms import SEARCHES, batches, iri_text, is_plain, search_pattern, value_lines, values_text

EDGES_TOGETHER = 10
"""Relations that one query asks about."""


@dataclass
class SchemaQuirks:
    """The predicates of a graph that queries have to guard against.

    Attributes:
        open_heads, open_tails: those with heads, or tails, that are no IRIs.
        mixed: those whose values have to be read one by one and the least chosen.
        decimals: those with values that are no whole numbers, of those taken for whole numbers.
    """

    open_heads: set[str] = field(default_factory=set)
    open_tails: set[str] = field(default_factory=set)
    mixed: set[str] = field(default_factory=set)
    decimals: set[str] = field(default_factory=set)


def unknown(edges: Sequence[str], values: Mapping[str, ValueKind]) -> SchemaQuirks:
    """What has to be assumed of a graph of which nothing is known."""
    return SchemaQuirks(set(edges), set(edges), set(values))


def found_out(client: SparqlClient, edges: Sequence[str], values: Mapping[str, ValueKind]) -> SchemaQuirks:
    """Ask what is not regular of predicates that lead to entities, and of those with values of some kinds.

    What takes the server too long to say is taken for irregular.

    Raises:
        EndpointError: the server fails.
    """
    found = SchemaQuirks()
    for some in batches(edges, EDGES_TOGETHER):
        try:
            _look_at_edges(client, some, found)
        except EndpointError as error:
            if not error.too_much:
                raise
            found.open_heads |= set(some)
            found.open_tails |= set(some)
    for some in batches(list(values), EDGES_TOGETHER):
        try:
            _look_at_values(client, {iri: values[iri] for iri in some}, found)
        except EndpointError as error:
            if not error.too_much:
                raise
            found.mixed |= set(some)
    return found


def _look_at_edges(client: SparqlClient, edges: Sequence[str], found: SchemaQuirks) -> None:
    branches = [
        f"{{ SELECT ({2 * place + at} AS ?place) ?s WHERE {{ ?s {iri_text(iri)} ?o . FILTER({test}) }} LIMIT 1 }}"
        for place, iri in enumerate(edges)
        for at, test in enumerate(("ISBLANK(?s)", "!ISIRI(?o)"))
    ]
    for (place,) in client.select(f"SELECT ?place WHERE {{ {' UNION '.join(branches)} }}", "place"):
        if place is not None:
            at, is_tail = divmod(int(float(place.value)), 2)
            (found.open_tails if is_tail else found.open_heads).add(edges[at])


def _look_at_values(client: SparqlClient, values: Mapping[str, ValueKind], found: SchemaQuirks) -> None:
    branches = []
    broken = ", ".join(iri_text(f"{XSD}{name}") for name in ("decimal", "double", "float"))
    for place, (iri, kind) in enumerate(values.items()):
        triple = f"?s {iri_text(iri)} ?literal ."
        read = " ".join(value_lines(kind, "?literal", "?value", iri_text))
        branches += [
            f"{{ SELECT ({3 * place} AS ?place) (COUNT(*) AS ?n) (COUNT(DISTINCT ?s) AS ?m) WHERE {{ {triple} }} }}",
            f"{{ SELECT ({3 * place + 1} AS ?place) (COUNT(?literal) AS ?n) (COUNT(DISTINCT ?value) AS ?m) "
            f"(COUNT(DISTINCT ?literal) AS ?k) WHERE {{ {triple} {read} "
            f"FILTER({is_plain(kind, '?literal', iri_text)}) }} }}",
        ]
        if kind == "integer":
            branches.append(
                f"{{ SELECT ({3 * place + 2} AS ?place) (1 AS ?n) WHERE {{ {triple} "
                f"FILTER(DATATYPE(?literal) IN ({broken})) }} LIMIT 1 }}"
            )
    counts: dict[int, list[str]] = {}
    query = f"SELECT ?place ?n ?m ?k WHERE {{ {' UNION '.join(branches)} }}"
    for at, *numbers in client.select(query, "place", "n", "m", "k"):
        if at is not None:
            counts[int(float(at.value))] = ["" if number is None else number.value for number in numbers]
    for place, iri in enumerate(values):
        every, owners, _ = counts.get(3 * place, ["", "", ""])
        plain, different, terms = counts.get(3 * place + 1, ["", "", ""])
        if 3 * place + 2 in counts:
            found.decimals.add(iri)
        if 3 * place + 2 in counts or not (every == owners == plain != "" and different == terms):
            found.mixed.add(iri)


SAMPLE = 100_000
"""Triples that are counted where all are too many."""
OBJECTS = 50
"""Objects of a relation that tell what it leads to."""
TOGETHER = 20
"""Relations that one query asks about."""
MOST_RELATIONS = 2000
"""Relations that a graph is asked by, those with the most triples."""
MOST_TYPES = 1000
MOST_NAMED = 300_000
"""Entities of a graph whose names are all fetched; as many are counted where that takes looking at all triples."""
LABELS_SEEN = 200
"""Labels that tell which languages they are in."""

MOST_TAGS, MOST_NAMESPACES = 12, 8

Leads = Literal["edges", "texts"] | ValueKind

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProfiledRelation:
    """A predicate that is a relation of the graph.

    Attributes:
        id: as `kg_data.columns` gives it for the predicate.
        label: its name, which may be another's too.
        count: its triples, in what was counted.
        kind: of its values; None where it leads to entities.
        unit: of its values.
    """

    id: str
    label: str
    count: int
    kind: ValueKind | None = None
    unit: str = ""


@dataclass(frozen=True)
class EndpointProfile:
    """What a graph is like.

    Attributes:
        marked: whether its entities are marked as `to_rdf` does.
        labels: the predicates of names that it uses, the first choice first.
        tags: the language tags that names have, "" for none, the most frequent first.
        relations: between entities, in the order that they had, else those with the most triples first.
        values: the relations with values, likewise.
        aliases: further names of relations to (position, whether the inverse is meant).
        texts: names of predicates that lead to texts and so are no relations here.
        types: IRI, name and members of each type, the largest first.
        entities: how many there are; None where they are too many to be counted.
        sampled: triples that were counted where all were too many; 0 where all were.
        own: ids of relations that are IRIs as they stand.
        namespaces: what the IRIs of entities begin with, the most frequent first, to find those without a name.
        search: the full-text search that the engine has; "" where it has none that is known here. Neither of the two
            is found out of a graph whose names are all fetched.
        open_heads, open_tails, mixed: what `reasoning.graph.remote.profile` found, IRIs; nothing where marked.
    """

    marked: bool
    labels: tuple[str, ...]
    tags: tuple[str, ...]
    relations: tuple[ProfiledRelation, ...]
    values: tuple[ProfiledRelation, ...]
    aliases: Mapping[str, tuple[int, bool]] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    types: tuple[tuple[str, str, int], ...] = ()
    entities: int | None = None
    sampled: int = 0
    own: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    search: str = ""
    open_heads: tuple[str, ...] = ()
    open_tails: tuple[str, ...] = ()
    mixed: tuple[str, ...] = ()

    @cached_property
    def form(self) -> RdfForm:
        """How its queries are spelled."""
        heads, tails, mixed = (frozenset(iris) for iris in (self.open_heads, self.open_tails, self.mixed))
        return RdfForm(self.marked, self.labels, heads, tails, mixed, set(self.own))

    @property
    def is_large(self) -> bool:
        """Whether its names stay on the server, being too many to be fetched."""
        return self.entities is None or self.entities > MOST_NAMED

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> EndpointProfile:
        """What `to_dict` gave."""
        relations, values = (
            tuple(ProfiledRelation(**item) for item in stored[name]) for name in ("relations", "values")
        )
        texts = ("labels", "tags", "texts", "own", "namespaces", "open_heads", "open_tails", "mixed")
        return cls(
            **{
                **stored,
                **{name: tuple(stored[name]) for name in texts},
                "relations": relations,
                "values": values,
                "aliases": {name: (int(at), bool(inverse)) for name, (at, inverse) in stored["aliases"].items()},
                "types": tuple((iri, name, int(count)) for iri, name, count in stored["types"]),
            }
        )


class EndpointProfiler:
    """Finds out what one graph is like."""

    def __init__(self, client: SparqlClient) -> None:
        self._client = client

    def survey(self) -> EndpointProfile:
        """The survey.

        Raises:
            EndpointError: the server fails, or there is nothing to be asked.
        """
        log.warning("asking %s what its graph is like; it is kept for a day", self._client.address)
        marked = self._client.ask(f"ASK {{ ?entity {iri_text(POSITION)} ?position }}")
        counts, sampled = self._counts()
        predicates = [iri for iri in counts if iri not in (*DESCRIBING, SKOS_PREF_LABEL)]
        if marked and (places := self._places()):  # in the order that they had, which decides what a prompt shows
            predicates.sort(key=lambda iri: places.get(iri, len(places)))
        kinds = self._leads_to(predicates, marked)
        edges = [iri for iri, kind in kinds.items() if kind == "edges"]
        valued: dict[str, ValueKind] = {iri: kind for iri, kind in kinds.items() if kind != "edges" and kind != "texts"}
        if not edges and not valued:
            raise EndpointError(
                f"{self._client.address} has no relations between entities and no values: "
                f"{len(counts)} predicates were found, and a graph needs at least one that leads on"
            )
        look = unknown if sampled else partial(found_out, self._client)
        irregular = SchemaQuirks() if marked else look(edges, valued)
        valued |= dict.fromkeys(irregular.decimals, "decimal")
        said = self._names_of(list(kinds))
        identifiers = {iri: self._relation_id(iri) for iri in kinds}
        shown = {key: said[iri][0] if said[iri] else relation_name(key) for iri, key in identifiers.items()}
        units = self._units()
        labels = tuple(iri for iri in (RDFS_LABEL, SKOS_PREF_LABEL) if iri in counts)
        tags, word = self._labels_seen(labels)
        entities = self._entity_count(RdfForm(marked, labels))
        is_large = entities is None or entities > MOST_NAMED
        place = {identifiers[iri]: at for at, iri in enumerate(edges)}
        aliases = {other: (place[identifiers[iri]], False) for iri in edges for other in said[iri][1:]}
        for inverse, relation in self._inverses().items():
            if (key := relation_id(relation)) in place and inverse not in kinds:
                aliases[relation_id(inverse)] = place[key], True
        return EndpointProfile(
            marked,
            labels,
            tags,
            tuple(ProfiledRelation(identifiers[iri], shown[identifiers[iri]], counts[iri]) for iri in edges),
            tuple(
                ProfiledRelation(identifiers[iri], shown[identifiers[iri]], counts[iri], kind, units.get(iri, ""))
                for iri, kind in valued.items()
            ),
            aliases,
            tuple(shown[identifiers[iri]] for iri, kind in kinds.items() if kind == "texts"),
            self._types(),
            entities,
            sampled,
            tuple(identifiers[iri] for iri in (*edges, *valued) if relation_iri(identifiers[iri]) != iri),
            self._namespaces(edges[:5]) if is_large else (),
            self._search(labels, word) if is_large else "",
            *(tuple(sorted(iris)) for iris in (irregular.open_heads, irregular.open_tails, irregular.mixed)),
        )

    def holds(self, survey: EndpointProfile) -> bool:
        """Whether a survey taken before still fits, by the rarest of its relations: another graph has other ones.

        Raises:
            EndpointError: the server fails.
        """
        rarest = min((*survey.relations, *survey.values), key=lambda one: one.count)
        if survey.sampled:
            return self._client.ask(f"ASK {{ ?s {iri_text(survey.form.relation(rarest.id))} ?o }}")
        query = f"SELECT (COUNT(*) AS ?n) WHERE {{ ?s {iri_text(survey.form.relation(rarest.id))} ?o }}"
        return self._client.count(query, "n") == rarest.count

    def _counts(self) -> tuple[dict[str, int], int]:
        """How many triples each predicate has, the most first, and how many were counted where not all."""
        order = f"GROUP BY ?p ORDER BY DESC(?n) LIMIT {MOST_RELATIONS}"
        try:
            found = self._client.counts(f"SELECT ?p (COUNT(*) AS ?n) WHERE {{ ?s ?p ?o }} {order}", "p", "n")
            sampled = 0
        except EndpointError as error:
            if not error.too_much:
                raise
            log.warning("%s; a sample of %s triples is counted instead", error, f"{SAMPLE:,}")
            some = f"{{ SELECT ?p WHERE {{ ?s ?p ?o }} LIMIT {SAMPLE} }}"
            found = self._client.counts(f"SELECT ?p (COUNT(*) AS ?n) WHERE {{ {some} }} {order}", "p", "n")
            sampled = SAMPLE
        if not found:
            raise EndpointError(f"{self._client.address} has no triples in the graph that it answers queries from")
        return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))), sampled

    def _leads_to(self, predicates: Sequence[str], marked: bool) -> dict[str, Leads]:
        """What each predicate leads to; those whose objects say nothing are left out."""
        found: dict[str, Leads] = {}
        for some in batches(predicates, TOGETHER):
            branches = [
                f"{{ SELECT ({place} AS ?place) ?o WHERE {{ ?s {iri_text(iri)} ?o }} LIMIT {OBJECTS} }}"
                for place, iri in enumerate(some)
            ]
            objects: dict[str, list[Term]] = {iri: [] for iri in some}
            query = f"SELECT ?place ?o WHERE {{ {' UNION '.join(branches)} }}"
            for place, term in self._client.select(query, "place", "o"):
                if place is not None and term is not None:
                    objects[some[self._client.whole_number(place, query, len(some))]].append(term)
            for iri, terms in objects.items():
                if iri == RDF_TYPE:  # a type of Skylark's own is a word, any other a thing that may be asked for
                    terms = [term for term in terms if not marked and not term.value.startswith(TYPE)]
                if (kind := _kind_of(terms)) is not None:
                    found[iri] = kind
        return found

    def _names_of(self, iris: Sequence[str]) -> dict[str, list[str]]:
        """The names of some IRIs, the one to show first."""
        ranked: dict[str, list[tuple[int, int, str]]] = {iri: [] for iri in iris}
        by = (RDFS_LABEL, SKOS_PREF_LABEL, SKOS_ALT_LABEL)
        for some in batches(list(ranked)):
            given = values_text("?x", map(iri_text, some))
            branches = " UNION ".join(
                f"{{ ?x {iri_text(iri)} ?label . BIND({place} AS ?by) }}" for place, iri in enumerate(by)
            )
            query = f"SELECT ?x ?label ?by WHERE {{ {given} {branches} }}"
            for node, label, place in self._client.select(query, "x", "label", "by"):
                if node is None or label is None or place is None or not label.value.strip():
                    continue
                of = self._client.whole_number(place, query, len(by))
                rank = 3 if by[of] == SKOS_ALT_LABEL else language_rank(label.language)
                ranked.setdefault(node.value, []).append((rank, of, label.value))
        # Alternative names alone are none to show.
        named = {iri: sorted(found) for iri, found in ranked.items()}
        return {
            iri: list(dict.fromkeys(text for _, _, text in found)) if found and found[0][0] < 3 else []
            for iri, found in named.items()
        }

    def _inverses(self) -> dict[str, str]:
        """Each predicate that is said to be the inverse of another, with that."""
        query = f"SELECT ?x ?y WHERE {{ ?x {iri_text(OWL_INVERSE_OF)} ?y }} LIMIT {MOST_RELATIONS}"
        return {
            node.value: other.value
            for node, other in self._client.select(query, "x", "y")
            if node is not None and other is not None and node.kind == other.kind == "iri"
        }

    def _places(self) -> dict[str, int]:
        query = f"SELECT ?x ?n WHERE {{ ?x {iri_text(PLACE)} ?n }} LIMIT {MOST_RELATIONS}"
        return self._client.counts(query, "x", "n")

    def _units(self) -> dict[str, str]:
        query = f"SELECT ?x ?unit WHERE {{ ?x {iri_text(UNIT)} ?unit }} LIMIT {MOST_RELATIONS}"
        rows = self._client.select(query, "x", "unit")
        return {node.value: unit.value for node, unit in rows if node is not None and unit is not None}

    def _labels_seen(self, labels: Sequence[str]) -> tuple[tuple[str, ...], str]:
        """The language tags of some names, and a word of one."""
        tags: Counter[str] = Counter()
        word = ""
        for predicate in labels:
            query = f"SELECT ?label WHERE {{ ?x {iri_text(predicate)} ?label }} LIMIT {LABELS_SEEN}"
            for (label,) in self._client.select(query, "label"):
                if label is not None:
                    tags[label.language] += 1
                    word = word or next((part for part in label.value.split() if part.isalpha() and len(part) > 3), "")
        return tuple(tag for tag, _ in tags.most_common(MOST_TAGS)), word

    def _namespaces(self, predicates: Sequence[str]) -> tuple[str, ...]:
        found: Counter[str] = Counter()
        for iri in predicates:
            query = f"SELECT ?x ?y WHERE {{ ?x {iri_text(iri)} ?y }} LIMIT {LABELS_SEEN}"
            for row in self._client.select(query, "x", "y"):
                found.update(
                    term.value[: max(term.value.rfind(end) for end in "/#:") + 1]
                    for term in row
                    if term is not None and term.kind == "iri"
                )
        return tuple(start for start, _ in found.most_common(MOST_NAMESPACES))

    def _search(self, labels: Sequence[str], word: str) -> str:
        if not word or not labels:
            return ""
        for name in SEARCHES:
            pattern = search_pattern(name, labels[0], "?x", "?label", [word], 1)
            try:
                if self._client.select(f"SELECT ?x ?label WHERE {{ {pattern} }} LIMIT 1", "x", "label"):
                    return name
            except EndpointError:
                continue  # an engine that knows nothing of it may refuse it
        return ""

    def _types(self) -> tuple[tuple[str, str, int], ...]:
        type_ = iri_text(RDF_TYPE)
        query = f"SELECT ?type (COUNT(?x) AS ?n) WHERE {{ ?x {type_} ?type }} GROUP BY ?type ORDER BY DESC(?n) ?type"
        try:
            counts = self._client.counts(f"{query} LIMIT {MOST_TYPES}", "type", "n")
        except EndpointError as error:
            if not error.too_much:
                raise
            log.warning("%s; the graph is asked without its types", error)
            return ()
        said = self._names_of([iri for iri in counts if not iri.startswith(TYPE)])
        found = []
        for iri, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
            own = type_name(iri)
            found.append((iri, own if own != iri else (said[iri] or [local_name(iri).replace("_", " ")])[0], count))
        return tuple(found)

    def _entity_count(self, form: RdfForm) -> int | None:
        lines = " ".join(form.everything("?entity", lambda word: f"?{word}", iri_text))
        some = lines if form.marked else f"{{ SELECT ?entity WHERE {{ {lines} }} LIMIT {MOST_NAMED + 1} }}"
        try:
            count = self._client.count(f"SELECT (COUNT(?entity) AS ?n) WHERE {{ {some} }}", "n")
        except EndpointError as error:
            if not error.too_much:
                raise
            return None
        return count if form.marked or count <= MOST_NAMED else None

    def _relation_id(self, iri: str) -> str:
        return iri if iri == RDF_TYPE else relation_id(iri)


def _kind_of(terms: Sequence[Term]) -> Leads | None:
    """What most of some objects are; None of none but blank nodes."""
    kinds: Counter[Leads] = Counter(_kinds(terms))
    if not kinds:
        return None
    numbers = kinds["integer"], kinds["decimal"]
    if all(numbers):
        kinds["decimal"], kinds["integer"] = sum(numbers), 0
    return kinds.most_common(1)[0][0]


def _kinds(terms: Sequence[Term]) -> Iterator[Leads]:
    for term in terms:
        if term.kind == "iri":
            yield "edges"
        elif term.kind == "literal":
            yield DATATYPE_KINDS.get(term.datatype.removeprefix(XSD), "texts")
