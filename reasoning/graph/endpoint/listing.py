"""All rows of a pattern, where a graph is small enough for that: at once if the server lets it, else page by page.

Engines stop where they are told to: Virtuoso gives 10,000 rows and sorts no more. A page goes on behind the last key
of the one before, so that nothing is left out or comes twice, and only a page without anything is the last.
"""

from __future__ import annotations

from collections.abc import Sequence

from reasoning.errors import EndpointError
from reasoning.graph.endpoint.client import Row, SparqlClient, Term
from reasoning.graph.endpoint.terms import string_text

MOST_LISTED = 1_000_000
"""Rows that are listed at all."""
PAGE = 10_000


def listed_rows(
    client: SparqlClient, variables: Sequence[str], where: str, key: str, expected: int | None = None
) -> list[Row]:
    """The rows of a pattern, sorted by one variable.

    Args:
        client: asks the server.
        variables: what a row holds.
        where: the pattern.
        key: the variable that the rows are sorted by; an IRI or a whole number.
        expected: how many there are, where that is known: a server may stop before and not say so.

    Raises:
        EndpointError: they are more than `MOST_LISTED`, or the server fails.
    """
    place = list(variables).index(key)
    shown = " ".join(f"?{variable}" for variable in variables)
    try:
        query = f"SELECT {shown} WHERE {{ {where} }} LIMIT {MOST_LISTED + 1}"
        rows = client.select(query, *variables, most=MOST_LISTED)
        if expected is not None and len(rows) < expected:
            rows = _by_pages(client, variables, where, key)
    except EndpointError as error:
        if not error.too_much:
            raise
        rows = _by_pages(client, variables, where, key)
    placed = [(order, row) for row in rows if (order := _order(row[place])) is not None]
    return [row for _, row in sorted(placed, key=lambda pair: pair[0])]


def _by_pages(client: SparqlClient, variables: Sequence[str], where: str, key: str) -> list[Row]:
    place = list(variables).index(key)
    sorting = f"STR(?{key})" if key == "entity" else f"?{key}"
    found: list[Row] = []
    after, before = "", None
    while True:
        query = _page_query("SELECT", variables, f"{where} {after}", f"ORDER BY {sorting}")
        page = [row for row in client.select(query, *variables, short=True) if _order(row[place]) is not None]
        if not page:
            return found
        first, last = _written(page[0][place]), _written(page[-1][place])
        if first == before:
            raise client.misformed(query, "the same rows again")
        if first == last:
            # There may be more rows of this key than a page has.
            found += _of_one_key(client, variables, f"{where} {after} FILTER({sorting} = {last})")
            before = last
        else:
            # There may be more of the last key on the next page, where a key comes several times.
            whole = [row for row in page if _written(row[place]) != last]
            found += whole
            before = _written(whole[-1][place])
        after = f"FILTER({sorting} > {before})"
        if len(found) > MOST_LISTED:
            raise client.too_many(query, MOST_LISTED)


def _of_one_key(client: SparqlClient, variables: Sequence[str], where: str) -> list[Row]:
    """All rows of a pattern that has one key, each page behind as many as came before."""
    order = "ORDER BY " + " ".join(f"?{variable}" for variable in variables)
    found: dict[Row, None] = {}
    while True:
        query = _page_query("SELECT DISTINCT", variables, where, f"{order} OFFSET {len(found)}")
        page = client.select(query, *variables, short=True)
        if not page:
            return list(found)
        if page[0] in found:
            raise client.misformed(query, "the same rows again")
        found |= dict.fromkeys(page)
        if len(found) > MOST_LISTED:
            raise client.too_many(query, MOST_LISTED)


def _page_query(form: str, variables: Sequence[str], where: str, order: str) -> str:
    shown = " ".join(f"?{variable}" for variable in variables)
    return f"{form} {shown} WHERE {{ {where} }} {order} LIMIT {PAGE}"


def _order(term: Term | None) -> tuple[int, str] | None:
    """What a key is sorted by; None of what is no key, such as a blank node, of which nothing can be asked again."""
    if term is None or term.kind == "blank":
        return None
    if term.kind == "iri":
        return 0, term.value
    try:
        number = float(term.value)
    except ValueError:
        return None
    return (int(number), "") if number.is_integer() else None


def _written(term: Term | None) -> str:
    """A key as SPARQL writes it."""
    assert term is not None
    return string_text(term.value) if term.kind == "iri" else str(int(float(term.value)))
