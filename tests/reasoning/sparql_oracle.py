"""What a query gives by the exact executor, and by its SPARQL text over the exported graph, in one form to compare."""

import datetime
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pyoxigraph

from kg_data.columns import ValueKind, entity_id
from reasoning import KnowledgeGraph, Query
from reasoning.execution.exact import execute
from reasoning.query.binding import as_value, bind
from reasoning.query.tree import Count, Exists, Measured, Number, Project, Top, Value

Results = pyoxigraph.QuerySolutions | pyoxigraph.QueryBoolean | pyoxigraph.QueryTriples
Ask = Callable[[str], Results]
"""Runs a text: `pyoxigraph.Store.query`, or `over_http`."""
Outcome = frozenset[Any] | float | bool | None
READ: dict[ValueKind, Callable[[str], Value]] = {
    "integer": int,
    "decimal": float,
    "year": int,
    "date": datetime.date.fromisoformat,
}


def by_executor(query: Query, kg: KnowledgeGraph) -> Outcome:
    """What the executor gives: the ids, (id, value) pairs where values are read, a number or a truth value."""
    chain = bind(query, kg)
    if chain.result is None:
        assert chain.anchor is not None
        return frozenset([kg.identifier(chain.anchor)])
    last, result = chain.steps[-1], execute(kg, chain)[-1]
    if last.gives_number and last.step.operation != "count":
        return _rounded(None if result.value is None else float(result.value))
    if result.value is not None:
        return result.value
    ids = [kg.identifier(entity) for entity in result.members.tolist()]
    if result.values is None or not isinstance(query, Project | Top | Measured):
        return frozenset(ids)
    read = partial(as_value, last.kind) if _is_stored(query) else _rounded
    return frozenset((id_, read(raw)) for id_, raw in zip(ids, result.values.tolist(), strict=True))


def over_http(url: str, timeout: float = 60) -> Ask:
    """What runs a text at an endpoint."""
    client = httpx.Client(headers={"Accept": "application/sparql-results+json"}, timeout=timeout)

    def ask(text: str) -> Results:
        reply = client.post(url, data={"query": text})
        if reply.is_error:
            raise RuntimeError(f"{reply.status_code}: {reply.text[:600]}")
        return pyoxigraph.parse_query_results(reply.content, format=pyoxigraph.QueryResultsFormat.JSON)

    return ask


def by_sparql(query: Query, kg: KnowledgeGraph, ask: Ask) -> Outcome:
    """The same from the query's SPARQL text, run over the exported graph."""
    result = ask(query.to_sparql(kg))
    if isinstance(query, Exists):
        return _truth(result)
    assert isinstance(result, pyoxigraph.QuerySolutions)
    if isinstance(query, Number) and not isinstance(query, Count):
        return _rounded(number_in(result))
    rows = [[term.value for term in solution] for solution in result]
    if isinstance(query, Count):
        return int(rows[0][0])
    ids = [entity_id(row[0]) for row in rows]
    if len(result.variables) == 1:
        return frozenset(ids)
    kind = bind(query, kg).steps[-1].kind
    assert kind is not None
    read: Callable[[str], Value | None] = READ[kind] if _is_stored(query) else lambda text: _rounded(_number(text))
    return frozenset((id_, read(row[1])) for id_, row in zip(ids, rows, strict=True))


def _truth(result: Results) -> bool:
    if isinstance(result, pyoxigraph.QuerySolutions):
        ((answer,),) = result  # Virtuoso 7.2 answers ASK with a table of 0 or 1
        return int(answer.value) == 1
    return bool(result)


def number_in(solutions: pyoxigraph.QuerySolutions) -> float | None:
    """The last column of the one solution as a number, dates as days; None where there is none."""
    terms = [list(solution)[-1] for solution in solutions]
    return None if not terms or terms[0] is None else _number(str(terms[0].value))


def _is_stored(query: Query) -> bool:
    """Whether its values are those of the graph, which both must give to the last digit."""
    return isinstance(query, Project) or (isinstance(query, Top) and query.relation is not None)


def _number(text: str) -> float:
    return float(datetime.date.fromisoformat(text).toordinal() if text[4:5] == "-" else text)


def _rounded(number: float | None) -> float | None:
    """What was reckoned, to ten digits: what is the same then differs by 1e-9 of it at most."""
    return None if number is None else float(f"{number:.10g}")
