"""Terms of SPARQL: IRIs and literals as text, search patterns, and lists of what an endpoint has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from kg_data.columns import XSD, ValueKind, Written
from kg_data.values import LARGEST_INTEGER
from reasoning.errors import EndpointError
from reasoning.graph.index import Ids
from reasoning.graph.remote.client import Row, SparqlClient, Term

Item = TypeVar("Item")

BATCH = 300
"""Entities that one query asks about; their IRIs make some 20 KB."""


def iri_text(iri: str) -> str:
    """An IRI as SPARQL writes it; what an IRI may not hold is percent-encoded, so that none can end early."""
    return f"<{''.join(_encoded(char) if char in _FORBIDDEN or not char.isprintable() else char for char in iri)}>"


def string_text(text: str, language: str = "") -> str:
    """A text as SPARQL writes it, perhaps with a language tag."""
    # Escapes of code points are read before anything else, also behind a backslash that is escaped itself: one that
    # stands in a name could end the string.
    written = json.dumps(re.sub(r"\\(?=[uU])", "\ufffd", text), ensure_ascii=False)
    return f"{written}@{language}" if _TAG.fullmatch(language) else written


def values_text(variable: str, terms: Iterable[str]) -> str:
    """A group that binds a variable to some terms; on its own, since Virtuoso joins `VALUES` with nothing else well."""
    return f"{{ SELECT {variable} WHERE {{ VALUES {variable} {{ {' '.join(terms)} }} }} }}"


def batches(items: Sequence[Item], size: int = BATCH) -> Iterator[Sequence[Item]]:
    """Items, some at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def id_batches(entities: Ids) -> Iterator[Ids]:
    """Entities, some at a time."""
    return (entities[start : start + BATCH] for start in range(0, len(entities), BATCH))


_TAG = re.compile(r"[A-Za-z]+(-[A-Za-z0-9]+)*")
_FORBIDDEN = frozenset('<>"{}|^`\\ ')


def _encoded(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))


_ZONE = "(Z|[+-][0-9]{2}:[0-9]{2})"
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_LARGEST = {"integer": str(LARGEST_INTEGER), "decimal": "1.7976931348623157e308"}


def value_lines(kind: ValueKind, literal: str, value: str, written: Written) -> list[str]:
    """Lines that bind a variable to what a literal stands for, as a double, a whole number (years) or a date.

    There is no solution for what is no value of the kind. Equal values are the same term.

    Args:
        kind: what the values are.
        literal: the variable of the literal, bound before.
        value: the variable that is bound.
        written: an IRI as it is written.
    """
    text, datatype = f"STR({literal})", f"DATATYPE({literal})"
    if kind == "date":
        made = f"{written(f'{XSD}date')}(SUBSTR({text}, 1, 10))"
        is_one = f'REGEX({text}, "^{_DAY}(T.*|{_ZONE})?$")'
        either = f"{datatype} IN ({written(f'{XSD}date')}, {written(f'{XSD}dateTime')})"
        test = f"{either} && {is_one} && BOUND({value})"
    elif kind == "year":
        made = f'{written(f"{XSD}integer")}(REPLACE({text}, "{_ZONE}$", ""))'
        test = f"{datatype} = {written(f'{XSD}gYear')} && BOUND({value})"
    else:
        made = f"{written(f'{XSD}double')}({text})"
        test = f"ISNUMERIC({literal}) && ABS({value}) <= {_LARGEST[kind]}"  # also false of what is not finite
    return [f"BIND({made} AS {value})", f"FILTER({test})"]


def is_plain(kind: ValueKind, literal: str, written: Written) -> str:
    """The test that a literal, of which `value_lines` makes a value, may as well be compared as it stands."""
    if kind == "date":
        return f'DATATYPE({literal}) = {written(f"{XSD}date")} && REGEX(STR({literal}), "^{_DAY}$")'
    if kind == "year":
        return f'REGEX(STR({literal}), "^-?[0-9]+$")'
    return f"DATATYPE({literal}) != {written(f'{XSD}float')}"  # 0.1 as such is not 0.1 as a double


VIRTUOSO, JENA, QLEVER = "virtuoso", "jena", "qlever"
SEARCHES = (VIRTUOSO, JENA, QLEVER)
"""The dialects known; which one an engine has is found out by asking for a word that is there."""

_QUERY = "http://jena.apache.org/text#query"
_CONTAINS_WORD, _CONTAINS_ENTITY = (
    f"http://qlever.cs.uni-freiburg.de/builtin-functions/contains-{what}" for what in ("word", "entity")
)


def search_pattern(dialect: str, predicate: str, entity: str, label: str, words: Sequence[str], most: int) -> str:
    """Lines that bind an entity and its name, which has some words in it: letters and digits alone.

    Args:
        dialect: one of `SEARCHES`; "" looks through all names, which is for small graphs.
        predicate: what gives the name.
        entity, label: variables.
        words: the last may be the beginning of one.
        most: the most hits that the search itself gives.
    """
    named = f"{entity} {iri_text(predicate)} {label} ."
    if dialect == VIRTUOSO:
        # Only words of four letters and more may be cut in its index.
        wanted = " AND ".join(f"'{word}*'" if len(word) >= 4 else f"'{word}'" for word in words)
        return f"{named} {label} {iri_text('bif:contains')} {string_text(wanted)} ."
    if dialect == JENA:
        wanted = " AND ".join(f"{word}*" for word in words)
        return f"({entity} ?score) {iri_text(_QUERY)} ({iri_text(predicate)} {string_text(wanted)} {most}) . {named}"
    if dialect == QLEVER:
        wanted = string_text(" ".join(f"{word}*" for word in words))
        return f"{named} ?text {iri_text(_CONTAINS_ENTITY)} {label} . ?text {iri_text(_CONTAINS_WORD)} {wanted} ."
    tests = " && ".join(f"CONTAINS(LCASE(STR({label})), {string_text(word.lower())})" for word in words)
    return f"{named} FILTER({tests})"


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
