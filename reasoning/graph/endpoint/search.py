"""Full-text search over names, in the dialect of each engine that has one: SPARQL itself has none."""

from __future__ import annotations

from collections.abc import Sequence

from reasoning.graph.endpoint.terms import iri_text, string_text

VIRTUOSO, JENA, QLEVER = "virtuoso", "jena", "qlever"
SEARCHES = (VIRTUOSO, JENA, QLEVER)
"""The dialects known; which one an engine has is found out by asking for a word that is there."""

_QUERY = "http://jena.apache.org/text#query"
_CONTAINS_WORD, _CONTAINS_ENTITY = (
    f"http://qlever.cs.uni-freiburg.de/builtin-functions/contains-{what}" for what in ("word", "entity")
)


def search_pattern(dialect: str, predicate: str, entity: str, label: str, words: Sequence[str], most: int) -> str:
    """Lines that bind an entity and its name, which has some words in it.

    Args:
        dialect: one of `SEARCHES`; "" looks through all names, which is for small graphs.
        predicate: what gives the name.
        entity, label: variables.
        words: letters and digits alone; the last may be the beginning of one.
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
