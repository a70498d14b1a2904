"""Where a graph that somebody else wrote is not as the SPARQL text of a query would have it by itself.

A relation may lead to blank nodes or texts beside entities, and an entity may have several values, or one that is no
value of its kind. Queries guard against that, which costs; so they do it only for the relations found here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kg_data.columns import ValueKind
from kg_data.iris import XSD
from reasoning.errors import EndpointError
from reasoning.graph.endpoint.client import SparqlClient
from reasoning.graph.endpoint.literals import is_plain, value_lines
from reasoning.graph.endpoint.terms import batches, iri_text

TOGETHER = 10
"""Relations that one query asks about."""


@dataclass
class Regularity:
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


def unknown(edges: Sequence[str], values: Mapping[str, ValueKind]) -> Regularity:
    """What has to be assumed of a graph of which nothing is known."""
    return Regularity(set(edges), set(edges), set(values))


def found_out(client: SparqlClient, edges: Sequence[str], values: Mapping[str, ValueKind]) -> Regularity:
    """Ask what is not regular; what takes the server too long to say is taken for it.

    Args:
        client: asks the server.
        edges: predicates that lead to entities.
        values: predicates with values, and the kind of these.

    Raises:
        EndpointError: the server fails.
    """
    found = Regularity()
    for some in batches(edges, TOGETHER):
        try:
            _look_at_edges(client, some, found)
        except EndpointError as error:
            if not error.too_much:
                raise
            found.open_heads |= set(some)
            found.open_tails |= set(some)
    for some in batches(list(values), TOGETHER):
        try:
            _look_at_values(client, {iri: values[iri] for iri in some}, found)
        except EndpointError as error:
            if not error.too_much:
                raise
            found.mixed |= set(some)
    return found


def _look_at_edges(client: SparqlClient, edges: Sequence[str], found: Regularity) -> None:
    branches = [
        f"{{ SELECT ({2 * place + at} AS ?place) ?s WHERE {{ ?s {iri_text(iri)} ?o . FILTER({test}) }} LIMIT 1 }}"
        for place, iri in enumerate(edges)
        for at, test in enumerate(("ISBLANK(?s)", "!ISIRI(?o)"))
    ]
    for (place,) in client.select(f"SELECT ?place WHERE {{ {' UNION '.join(branches)} }}", "place"):
        if place is not None:
            at, is_tail = divmod(int(float(place.value)), 2)
            (found.open_tails if is_tail else found.open_heads).add(edges[at])


def _look_at_values(client: SparqlClient, values: Mapping[str, ValueKind], found: Regularity) -> None:
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
