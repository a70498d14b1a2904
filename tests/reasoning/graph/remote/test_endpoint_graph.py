"""A graph on a server is asked as the file that was loaded there."""

from __future__ import annotations

import pickle
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from kg_data.columns import RDFS_LABEL
from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.errors import AmbiguousEntityError, EndpointError, UnknownEntityError
from reasoning.graph.remote import opening, profile, terms
from reasoning.graph.remote.address import Address
from reasoning.graph.remote.client import KEPT_SECONDS, SparqlClient
from reasoning.graph.remote.names import EndpointEntities
from skylark.errors import UsageError
from tests.reasoning.endpoint_server import Behaviour, EndpointServer, serving, store_of, store_of_turtle
from tests.reasoning.graph.remote.foreign import QUERIES, TURTLE

PREFIXES = """@prefix ex: <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
"""
COUNTED = "SELECT ?p (COUNT(*) AS ?n) WHERE { ?s ?p ?o }"
SLOW = Behaviour(status=500, body=b"the estimated execution time exceeds the limit")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeGraph:
    path = tmp_path_factory.mktemp("foreign") / "foreign.ttl"
    path.write_text(TURTLE, encoding="utf-8")
    return KnowledgeGraph.load(path)


@pytest.fixture
def server() -> Iterator[EndpointServer]:
    with serving(store_of_turtle(TURTLE)) as running:
        yield running


@pytest.fixture
def there(server: EndpointServer) -> KnowledgeGraph:
    return KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)


@pytest.fixture
def large(server: EndpointServer, monkeypatch: pytest.MonkeyPatch) -> KnowledgeGraph:
    """The same graph, of which the names stay on the server."""
    monkeypatch.setattr(profile, "MOST_NAMED", 0)
    return KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)


@contextmanager
def served(turtle: str) -> Iterator[KnowledgeGraph]:
    """A graph on a server while the block lasts."""
    with serving(store_of_turtle(PREFIXES + turtle)) as server:
        yield KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)


def given(kg: KnowledgeGraph, query: str) -> tuple[object, ...]:
    answer = Reasoner(kg, method="exact").answer(query)
    evidence = sorted(map(str, (fact.to_list() for fact in answer.evidence)))
    return sorted(answer.entities), answer.value, sorted(map(str, answer.values or ())), evidence


# The same as of the file --------------------------------------------------------------------------------------------


def test_answers_values_and_evidence(here: KnowledgeGraph, there: KnowledgeGraph, large: KnowledgeGraph) -> None:
    for query in QUERIES:
        assert given(there, query) == given(large, query) == given(here, query), query


def test_a_name_means_the_same_thing(here: KnowledgeGraph, there: KnowledgeGraph, large: KnowledgeGraph) -> None:
    for name in ("Vienna", "VIENNA", "Wien", "Vindobona", "Zürich", "liechtenstein x", "http://example.org/Paris"):
        entity = here.entity(name)
        for kg in (there, large):
            found = kg.entity(name)
            assert (kg.identifier(found), kg.name(found)) == (here.identifier(entity), here.name(entity))
            assert kg.types(found) == here.types(entity)


def test_what_nothing_is_called_is_an_error_with_the_nearest(there: KnowledgeGraph, large: KnowledgeGraph) -> None:
    for kg in (there, large):
        with pytest.raises(UnknownEntityError):
            kg.entity("Atlantis")
        with pytest.raises(UnknownEntityError):
            kg.entity_by_id('http://example.org/x> } UNION { ?s ?p ?o } #"')
    with pytest.raises(UnknownEntityError, match="Vienna"):
        there.entity("Viennese")
    assert there.match("Austrai").corrected_to == "Austria"


def test_relations_have_their_kinds_and_names(here: KnowledgeGraph, there: KnowledgeGraph) -> None:
    lacking = {"nick"}  # texts are no things on a server
    assert set(there.relation_names()) == set(here.relation_names()) - lacking
    assert {c.relation: c.kind for c in there.literals} == {c.relation: c.kind for c in here.literals}
    assert there.type_sizes == here.type_sizes
    assert any("texts" in note and "nick" in note for note in there.notes)


def test_an_exported_graph_keeps_its_order_units_and_twins(tmp_path: Path) -> None:
    kg = KnowledgeGraph.from_triples([("b", "near", "a"), ("a", "near", "b"), ("c", "near", "b"), ("c", "size", 3)])
    with serving(store_of(kg, tmp_path)) as server:
        there = KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)
        assert list(there.entity_ids) == list(kg.entity_ids)
        assert there.relation_names() == kg.relation_names() and len(there) == len(kg)
        assert Reasoner(there, method="exact").answer('!"a"').entities == ["b", "c"]


def test_things_of_one_name_are_told_apart() -> None:
    with served('ex:p1 rdfs:label "Paris" ; ex:in ex:c . ex:p2 rdfs:label "Paris" ; ex:in ex:c .') as there:
        with pytest.raises(AmbiguousEntityError, match="names 2 entities"):
            there.entity("Paris")
        first, second = (there.entity_by_id(f"http://example.org/p{n}") for n in (1, 2))
        assert there.name(second) == "Paris (http://example.org/p2)"
        assert there.entity("Paris (http://example.org/p1)") == first


def test_a_graph_without_names_is_asked_by_the_ends_of_iris(monkeypatch: pytest.MonkeyPatch) -> None:
    for most in (profile.MOST_NAMED, 0):
        monkeypatch.setattr(profile, "MOST_NAMED", most)
        with served("ex:New_York ex:in ex:USA . ex:Boston ex:in ex:USA ; ex:near ex:New_York .") as there:
            assert any("the ends of IRIs are names" in note for note in there.notes)
            exact = Reasoner(there, method="exact")
            assert exact.answer('in("New York")').entities == ["USA"]
            assert exact.answer('~near("new york") & name_starts("B", ~in("USA"))').entities == ["Boston"]


def test_blank_nodes_and_literals_are_no_entities_whatever_they_are_called() -> None:
    turtle = """ex:a rdfs:label "A" ; ex:in ex:c, _:x . _:x rdfs:label "nothing" ; ex:in ex:c .
    ex:b ex:in [], "a text" . [] ex:near [] ."""
    with served(turtle) as there:
        assert sorted(there.name(entity) for entity in there.universe.tolist()) == ["A", "b", "c"]
        with pytest.raises(UnknownEntityError):
            there.entity("nothing")
        assert Reasoner(there, method="exact").answer('in("A")').entities == ["c"]


def test_triples_are_drawn_though_a_relation_is_of_blank_nodes_alone() -> None:
    with served("ex:a ex:in ex:c . [] ex:near ex:a . [] ex:near ex:a . [] ex:near ex:a .") as there:
        drawn = there.index.drawn(5, random.Random(0))
        assert {there.relation_label(relation) for relation in drawn[:, 1].tolist()} == {"in"} and len(drawn) == 5
    with served("[] ex:near ex:a .") as there:
        assert there.index.drawn(5, random.Random(0)).shape == (0, 3)


# What is kept, and what is asked for ---------------------------------------------------------------------------------


def test_what_a_graph_is_like_is_found_out_once_a_day(
    server: EndpointServer, there: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.queries.clear()
    again = KnowledgeGraph.load(f"sparql:{server.url}")
    assert len(server.queries) == 1 and again.relation_names() == there.relation_names()
    KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)
    assert any(query.startswith(COUNTED) for query in server.queries)
    server.queries.clear()
    tomorrow = time.time() + opening.FRESH
    monkeypatch.setattr("reasoning.graph.remote.opening.time.time", lambda: tomorrow)
    KnowledgeGraph.load(f"sparql:{server.url}")
    assert any(query.startswith(COUNTED) for query in server.queries)


def test_another_graph_at_the_same_address_is_noticed(server: EndpointServer, there: KnowledgeGraph) -> None:
    server.store = store_of_turtle(PREFIXES + "ex:a ex:likes ex:b .")
    assert KnowledgeGraph.load(f"sparql:{server.url}").relation_names() == ["likes"]


def test_where_counting_takes_too_long_a_sample_is_counted(server: EndpointServer) -> None:
    server.then(Behaviour(), SLOW)
    there = KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)
    assert any("a sample of 100,000 triples" in note for note in there.notes)
    assert given(there, '"capital of"("Paris")')[0] == ["France"]


@pytest.mark.parametrize("capped", [{"X-SPARQL-MaxRows": "1"}, {}])
def test_all_things_are_listed_page_by_page_where_a_server_gives_no_more(
    server: EndpointServer, there: KnowledgeGraph, capped: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reasoning.graph.remote.terms.PAGE", 2)
    assert there.server is not None
    entities = EndpointEntities(SparqlClient(there.server.client.address), there.server.survey)
    server.queries.clear()
    server.then(Behaviour(headers=capped, rows=1))
    assert sorted(entities.listed()) == sorted(there.entity_ids)
    assert sum("ORDER BY" in query for query in server.queries) >= 5


def test_more_names_of_one_thing_than_a_page_has_are_all_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "PAGE", 2)
    names = [f"name {number}" for number in range(5)]
    said = ", ".join(f'"{name}"' for name in names)
    turtle = f"""{PREFIXES} ex:a rdfs:label "A" .
    ex:b rdfs:label {said} . ex:c rdfs:label "C1", "C2", "C3" . ex:d rdfs:label "D" ."""
    where = f"?entity <{RDFS_LABEL}> ?label ."
    with serving(store_of_turtle(turtle)) as server:
        server.then(SLOW)
        rows = terms.listed_rows(SparqlClient(Address(server.url)), ("entity", "label"), where, "entity")
    assert sorted(label.value for _, label in rows if label) == sorted(["A", *names, "C1", "C2", "C3", "D"])


def test_a_server_that_gives_the_same_page_for_ever_is_an_error(server: EndpointServer) -> None:
    server.then(SLOW, for_ever=Behaviour(rows=2))
    with pytest.raises(EndpointError, match="the same rows again"):
        terms.listed_rows(SparqlClient(Address(server.url)), ("entity",), "?entity ?p ?o", "entity")


def test_a_failing_server_is_an_error_and_not_an_empty_answer(server: EndpointServer, there: KnowledgeGraph) -> None:
    exact = Reasoner(there, method="exact")
    server.then(for_ever=Behaviour(body=b'{"results": {"bindings": []}}'))
    with pytest.raises(EndpointError, match="did not answer in the form"):
        KnowledgeGraph.load(f"sparql:{server.url}")
    with pytest.raises(EndpointError, match="did not answer in the form"):
        exact.answer('count(~type("city"))')
    server.then(for_ever=Behaviour(status=500))
    with pytest.raises(EndpointError, match="HTTP 500"):
        exact.answer('"capital of"("Paris")')
    assert there.server is not None
    server.then(for_ever=Behaviour(rows=there.server.client.limits.rows + 1))
    with pytest.raises(EndpointError, match="rows"):
        exact.answer('~type("city")')


def test_a_change_there_is_seen_after_minutes(
    server: EndpointServer, large: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = Reasoner(large, method="exact")
    assert exact.answer('borders("Austria")').entities == ["Liechtenstein X", "Switzerland"]
    with pytest.raises(UnknownEntityError):
        large.entity("Budapest")
    prefixes = "PREFIX ex: <http://example.org/> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>"
    server.store.update(
        f'{prefixes} INSERT DATA {{ ex:Austria <http://example.org/vocab#borders> ex:B . ex:B rdfs:label "Budapest" }}'
    )
    later = time.monotonic() + KEPT_SECONDS + 1
    monkeypatch.setattr("reasoning.graph.remote.client.time.monotonic", lambda: later)
    assert exact.answer('borders("Austria")').entities == ["Budapest", "Liechtenstein X", "Switzerland"]
    assert exact.answer('count(borders("Austria"))').value == 3
    assert large.name(large.entity("Budapest")) == "Budapest"


def test_a_query_runs_whole_and_its_steps_come_when_they_are_looked_at(
    server: EndpointServer, there: KnowledgeGraph
) -> None:
    server.queries.clear()
    answer = Reasoner(there, method="exact").answer('~"capital of"(~borders("Switzerland") & ~type("country"))')
    assert answer.entities == ["Paris", "Vienna"] and len(server.queries) == 1
    assert answer.steps[2].entities == ["Austria", "France"] and len(server.queries) == 2
    assert len(answer.evidence) == 6 and len(server.queries) > 2


def test_answers_come_in_the_same_order_whatever_was_asked_before(large: KnowledgeGraph) -> None:
    exact = Reasoner(large, method="exact")
    exact.answer('~type("country")'), exact.answer('"Zürich"')
    assert exact.answer('~type("city")').entities == ["Paris", "Vienna", "Zürich"]


def test_only_the_first_members_of_a_large_step_come(there: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reasoning.execution.remote_results.MOST_SHOWN", 2)
    answer = Reasoner(there, method="exact").answer('count(~type("city"))')
    assert answer.value == 3 and len(answer.ranked) == 2 and answer.count == 3
    assert answer.steps[0].to_dict()["count"] == 3 and len(answer.steps[0].members) == 2
    assert answer.sentence.startswith("3 entities") and "the first 2 of 3 members are listed" in answer.notes


def test_the_text_that_runs_is_that_of_the_query(there: KnowledgeGraph) -> None:
    text = Query.parse('!~type("city")').to_sparql(there)
    assert "rdf-syntax-ns#type> <http://example.org/vocab#City>" in text and "skylark:position ?" not in text


def test_an_answer_is_pickled_with_what_it_gives(there: KnowledgeGraph) -> None:
    answer = Reasoner(there, method="exact").answer('~"capital of"(~borders("Switzerland"))')
    read = pickle.loads(pickle.dumps(answer))
    assert read == answer and read.steps[0].entities == answer.steps[0].entities


# What is refused -----------------------------------------------------------------------------------------------------


def test_nothing_fetches_the_whole_graph(large: KnowledgeGraph) -> None:
    takes: list[Callable[[], object]] = [
        lambda: large.index.whole, lambda: large.names.whole, large.names.aliases, large.content.stored,
        lambda: large.type_pairs,
    ]  # fmt: skip
    for take in takes:
        with pytest.raises(EndpointError, match="stays on its server"):
            take()


def test_options_of_files_are_refused(server: EndpointServer) -> None:
    with pytest.raises(UsageError, match="splits"):
        KnowledgeGraph.load(f"sparql:{server.url}", ["train"])
    with pytest.raises(UsageError, match="--infer-values"):
        KnowledgeGraph.load(f"sparql:{server.url}", infer_values=True)
    with pytest.raises(UsageError, match="endpoint"):
        KnowledgeGraph.load("world", refresh=True)
    assert not server.queries


def test_an_empty_server_is_an_error() -> None:
    with pytest.raises(EndpointError, match="no triples"), served(""):
        pass


def test_methods_that_need_all_triples_are_refused(there: KnowledgeGraph) -> None:
    for method in ("complete", "hybrid"):
        with pytest.raises(UsageError, match=f"method {method} needs all triples.*exact or lark"):
            Reasoner(there, llm="copy", method=method)


def test_numbers_stay_though_many_threads_meet_things(there: KnowledgeGraph) -> None:
    assert there.server is not None
    entities = there.server.entities
    iris = [f"http://example.org/new{n}" for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(entities.meet, [iris] * 16))
    assert all(np.array_equal(one, found[0]) for one in found) and len(set(found[0].tolist())) == 200
