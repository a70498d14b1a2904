"""A graph that is not tidy is asked on its server as the tidy file that is in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.graph.remote import profile
from tests.missing import missing
from tests.reasoning.endpoint_server import Behaviour, serving, store_of_turtle
from tests.reasoning.graph.remote.foreign import TURTLE as TIDY
from tests.reasoning.graph.remote.irregular import QUERIES, TURTLE, tidied
from tests.sparql_servers import SERVERS, absent

KEPT_BY_ALL = TURTLE.replace(', "many"^^xsd:integer', "").replace('"0.1"^^xsd:float', '"0.5"^^xsd:float')
"""Without what Virtuoso makes something else of when it loads it: 0 of "many", 0.10000000149 of 0.1 as a float."""
ENDLESS_IN_VIRTUOSO = ('[since(it) - founded(it)](~type("country")) > 1000',)
"""Days between times for each of several things: Virtuoso 7.2 does not come to an end with it."""
GUARDS = ("ISIRI", "ISBLANK", "MIN", "xsd:double(STR(?literal")
SLOW = Behaviour(status=500, body=b"the estimated execution time exceeds the limit")


def loaded(text: str, folder: Path) -> KnowledgeGraph:
    path = folder / "tidied.ttl"
    path.write_text(tidied(text), encoding="utf-8")
    return KnowledgeGraph.load(path)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeGraph:
    return loaded(TURTLE, tmp_path_factory.mktemp("irregular"))


@pytest.fixture(scope="module")
def there() -> Iterator[KnowledgeGraph]:
    with serving(store_of_turtle(TURTLE)) as server:
        yield KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)


@pytest.fixture(scope="module")
def barely_known() -> Iterator[KnowledgeGraph]:
    """The same graph, of which a sample was counted and no more found out, and whose names stay there."""
    with serving(store_of_turtle(TURTLE)) as server:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(profile, "MOST_NAMED", 0)
            server.then(Behaviour(), SLOW)
            kg = KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)
        yield kg


def given(kg: KnowledgeGraph, query: str) -> tuple[dict[str, object], object]:
    """The ids, with their values where the query reads some, and the value; numbers to twelve digits."""
    answer = Reasoner(kg, method="exact").answer(query)
    values = answer.values or (None,) * len(answer.ids)
    return {id_: digits(value) for id_, value in zip(answer.ids, values, strict=True)}, digits(answer.value)


def digits(value: object) -> object:
    return f"{value:.12g}" if isinstance(value, int | float) and not isinstance(value, bool) else value


def test_answers_are_those_of_the_tidy_file(
    here: KnowledgeGraph, there: KnowledgeGraph, barely_known: KnowledgeGraph
) -> None:
    for query in QUERIES:
        assert given(there, query) == given(barely_known, query) == given(here, query), query


def test_what_is_guarded_against_is_found_out(there: KnowledgeGraph) -> None:
    assert there.server is not None
    found = there.server.survey
    heads, tails, mixed = (
        {iri.rpartition("#")[2] for iri in iris} for iris in (found.open_heads, found.open_tails, found.mixed)
    )
    assert heads == {"borders", "capitalOf", "in", "knows", "twin", "type"}
    assert tails == {"borders", "knows", "mayor", "twin"}
    assert mixed == {"population", "height", "since", "year"}
    assert {column.relation: column.kind for column in there.literals}["population"] == "decimal"


TIDY_TEXTS = [
    '~"capital of"("France")',
    'population(~type("city")) > 5',
    'top(1, population, ~borders("Switzerland"))',
    'population("Paris") + 1',
    'founded("Austria") - founded("France")',
    'every(borders, borders("France"))',
]


def test_a_tidy_graph_pays_nothing() -> None:
    with serving(store_of_turtle(TIDY)) as server:
        kg = KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)
    for query in TIDY_TEXTS:
        assert not any(guard in Query.parse(query).to_sparql(kg) for guard in GUARDS)


def test_whole_numbers_with_a_decimal_behind_the_first_are_decimals() -> None:
    many = " ".join(f"ex:x{n} ex:size {n} ; ex:near ex:x0 ." for n in range(profile.OBJECTS + 10))
    text = f"@prefix ex: <http://example.org/> . {many} ex:y ex:size 0.5 ; ex:near ex:x0 ."
    with serving(store_of_turtle(text)) as server:
        kg = KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)
        assert given(kg, 'bottom(2, size, ~near("x0"))')[0] == {
            "http://example.org/x0": "0",
            "http://example.org/y": "0.5",
        }


@pytest.mark.server
@pytest.mark.parametrize("name", SERVERS)
def test_every_engine_answers_like_the_tidy_file(name: str, tmp_path: Path) -> None:
    if why := absent(name):
        missing(why)
    here = loaded(KEPT_BY_ALL, tmp_path)
    path = tmp_path / "graph.ttl"
    path.write_text(KEPT_BY_ALL, encoding="utf-8")
    with SERVERS[name](path, tmp_path) as url:
        there = KnowledgeGraph.load(f"sparql:{url}", refresh=True)
        asked = [query for query in QUERIES if name != "virtuoso" or query not in ENDLESS_IN_VIRTUOSO]
        differing = {query for query in asked if given(there, query) != given(here, query)}
    assert differing == set()
