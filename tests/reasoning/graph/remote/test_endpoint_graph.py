"""A graph on a server is asked as the file that was loaded there."""

import asyncio
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
from reasoning.retrieval.retriever import GraphRetriever
from skylark.errors import UsageError
from tests.missing import missing
from tests.reasoning.chat_models import faultless
from tests.reasoning.contracts import QUERIES, TRIPLES, MethodContract
from tests.reasoning.endpoint_server import Behaviour, EndpointServer, serving, store_of, store_of_turtle
from tests.reasoning.graph.remote.graphs import PREFIXES, TIDY, TIDY_QUERIES, UNTIDY, UNTIDY_QUERIES, tidied
from tests.sparql_servers import SERVERS, absent

COUNTED = "SELECT ?p (COUNT(*) AS ?n) WHERE { ?s ?p ?o }"
SLOW = Behaviour(status=500, body=b"the estimated execution time exceeds the limit")


def loaded(turtle: str, folder: Path) -> KnowledgeGraph:
    path = folder / "graph.ttl"
    path.write_text(turtle, encoding="utf-8")
    return KnowledgeGraph.load(path)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeGraph:
    return loaded(TIDY, tmp_path_factory.mktemp("tidy"))


@pytest.fixture
def server() -> Iterator[EndpointServer]:
    with serving(store_of_turtle(TIDY)) as running:
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


def digits(value: object) -> object:
    return f"{value:.12g}" if isinstance(value, int | float) and not isinstance(value, bool) else value


def given(kg: KnowledgeGraph, query: str, with_evidence: bool = False) -> tuple[object, ...]:
    """The names and ids, with their values where the query reads some, the value and the evidence."""
    answer = Reasoner(kg, method="exact").answer(query)
    values = answer.values or (None,) * len(answer.ids)
    found = {id_: digits(value) for id_, value in zip(answer.ids, values, strict=True)}
    evidence = sorted(str(fact.to_list()) for fact in answer.evidence) if with_evidence else []
    return found, digits(answer.value), sorted(answer.entities), evidence


def test_answers_values_and_evidence(here: KnowledgeGraph, there: KnowledgeGraph, large: KnowledgeGraph) -> None:
    for query in TIDY_QUERIES:
        assert given(there, query, True) == given(large, query, True) == given(here, query, True), query


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
    for turtle, count in (("ex:a ex:in ex:c . [] ex:near ex:a . [] ex:near ex:a .", 5), ("[] ex:near ex:a .", 0)):
        with served(turtle) as there:
            drawn = there.index.drawn(5, random.Random(0))
            assert drawn.shape == (count, 3) and {there.relation_label(r) for r in drawn[:, 1].tolist()} <= {"in"}


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


def test_another_graph_at_the_same_address_is_noticed_and_a_sample_counted_where_counting_takes_too_long(
    server: EndpointServer, there: KnowledgeGraph
) -> None:
    server.then(Behaviour(), SLOW)
    sampled = KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)
    assert any("a sample of 100,000 triples" in note for note in sampled.notes)
    assert given(sampled, '"capital of"("Paris")')[2] == ["France"]
    server.store = store_of_turtle(PREFIXES + "ex:a ex:likes ex:b .")
    assert KnowledgeGraph.load(f"sparql:{server.url}").relation_names() == ["likes"]


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
    turtle = f"""{PREFIXES} ex:a rdfs:label "A" . ex:b rdfs:label {said} . ex:c rdfs:label "C1", "C2", "C3" ."""
    where = f"?entity <{RDFS_LABEL}> ?label ."
    with serving(store_of_turtle(turtle)) as server:
        server.then(SLOW)
        rows = terms.listed_rows(SparqlClient(Address(server.url)), ("entity", "label"), where, "entity")
    assert sorted(label.value for _, label in rows if label) == sorted(["A", *names, "C1", "C2", "C3"])


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
    assert given(large, 'borders("Austria")')[2] == ["Liechtenstein X", "Switzerland"]
    with pytest.raises(UnknownEntityError):
        large.entity("Budapest")
    name = f'ex:B <{RDFS_LABEL}> "Budapest"'
    server.store.update(
        f"PREFIX ex: <http://example.org/> INSERT DATA {{ ex:Austria ex:vocab\\#borders ex:B . {name} }}"
    )
    later = time.monotonic() + KEPT_SECONDS + 1
    monkeypatch.setattr("reasoning.graph.remote.client.time.monotonic", lambda: later)
    assert given(large, 'borders("Austria")')[2] == ["Budapest", "Liechtenstein X", "Switzerland"]
    assert given(large, 'count(borders("Austria"))')[1] == "3"
    assert large.name(large.entity("Budapest")) == "Budapest"


def test_a_query_runs_whole_and_its_steps_come_when_they_are_looked_at(
    server: EndpointServer, there: KnowledgeGraph
) -> None:
    text = Query.parse('!~type("city")').to_sparql(there)
    assert "rdf-syntax-ns#type> <http://example.org/vocab#City>" in text and "skylark:position ?" not in text
    server.queries.clear()
    answer = Reasoner(there, method="exact").answer('~"capital of"(~borders("Switzerland") & ~type("country"))')
    assert answer.entities == ["Paris", "Vienna"] and len(server.queries) == 1
    assert answer.steps[2].entities == ["Austria", "France"] and len(server.queries) == 2
    assert len(answer.evidence) == 6 and len(server.queries) > 2
    read = pickle.loads(pickle.dumps(answer))
    assert read == answer and read.steps[0].entities == answer.steps[0].entities


def test_only_the_first_members_of_a_large_step_come(there: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reasoning.execution.remote_results.MOST_SHOWN", 2)
    answer = Reasoner(there, method="exact").answer('count(~type("city"))')
    assert answer.value == 3 and len(answer.ranked) == 2 and answer.count == 3
    assert answer.steps[0].to_dict()["count"] == 3 and len(answer.steps[0].members) == 2
    assert answer.sentence.startswith("3 entities") and "the first 2 of 3 members are listed" in answer.notes


def test_nothing_fetches_the_whole_graph(large: KnowledgeGraph) -> None:
    takes: list[Callable[[], object]] = [
        lambda: large.index.whole, lambda: large.names.whole, large.names.aliases, large.content.stored,
        lambda: large.type_pairs,
    ]  # fmt: skip
    for take in takes:
        with pytest.raises(EndpointError, match="stays on its server"):
            take()


def test_options_of_files_and_methods_that_need_all_triples_are_refused(
    server: EndpointServer, there: KnowledgeGraph
) -> None:
    server.queries.clear()
    for options, said in ({"splits": ["train"]}, "splits"), ({"infer_values": True}, "--infer-values"):
        with pytest.raises(UsageError, match=said):
            KnowledgeGraph.load(f"sparql:{server.url}", **options)
    with pytest.raises(UsageError, match="endpoint"):
        KnowledgeGraph.load("world", refresh=True)
    for method in ("complete", "hybrid"):
        with pytest.raises(UsageError, match=f"method {method} needs all triples.*exact or lark"):
            Reasoner(there, llm="copy", method=method)
    assert not server.queries


def test_an_empty_server_is_an_error() -> None:
    with pytest.raises(EndpointError, match="no triples"), served(""):
        pass


def test_numbers_stay_though_many_threads_meet_things(there: KnowledgeGraph) -> None:
    assert there.server is not None
    entities = there.server.entities
    iris = [f"http://example.org/new{n}" for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(entities.meet, [iris] * 16))
    assert all(np.array_equal(one, found[0]) for one in found) and len(set(found[0].tolist())) == 200


@pytest.fixture(scope="module")
def staff(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeGraph]:
    here = KnowledgeGraph.from_triples(TRIPLES)
    with serving(store_of(here, tmp_path_factory.mktemp("staff"))) as server:
        yield KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)


class TestExactOnAServer(MethodContract):
    method = "exact"

    @pytest.fixture
    def kg(self, staff: KnowledgeGraph) -> KnowledgeGraph:
        return staff


class TestLarkOnAServer(TestExactOnAServer):
    method = "lark"


def test_a_chain_of_the_model_agrees_with_one_on_the_graph_here(staff: KnowledgeGraph) -> None:
    here = KnowledgeGraph.from_triples(TRIPLES)
    for query in QUERIES:
        mine, theirs = (Reasoner(kg, llm=faultless(), method="lark").answer(query) for kg in (here, staff))
        assert theirs.entities == mine.entities and all(step.agrees is not False for step in theirs.steps)
        prompts = [[step.context.prompt for step in answer.steps if step.context] for answer in (mine, theirs)]
        assert prompts[0] == prompts[1]
        assert any(step.context is not None and step.context.distractors for step in theirs.steps)


def test_many_are_asked_at_once_and_without_blocking(staff: KnowledgeGraph) -> None:
    exact = Reasoner(staff, method="exact")
    one_by_one = [exact.answer(query).entities for query in QUERIES]
    assert [answer.entities for answer in exact.batch(list(QUERIES), max_concurrency=4)] == one_by_one
    assert asyncio.run(exact.aanswer(QUERIES[0])).entities == one_by_one[0]
    assert [step.entities for step in exact.stream(QUERIES[2])][-1] == one_by_one[2]


def test_triples_and_values_around_a_thing_are_retrieved(staff: KnowledgeGraph, tmp_path: Path) -> None:
    documents = GraphRetriever(kg=staff).invoke('works_in("Ann")')
    assert documents[0].page_content == '("Ann", "works_in", "Sales")'
    here = KnowledgeGraph.from_triples([("Ann", "knows", "Bob"), ("Ann", "age", 40), ("Bob", "age", 41)])
    with serving(store_of(here, tmp_path)) as server:
        there = KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)
        mine, theirs = (
            {document.page_content for document in GraphRetriever(kg=kg, hops=1).invoke('age("Ann")')}
            for kg in (here, there)
        )
        assert mine == theirs and '("Ann", "age", 40)' in mine


KEPT_BY_ALL = UNTIDY.replace(', "many"^^xsd:integer', "").replace('"0.1"^^xsd:float', '"0.5"^^xsd:float')
"""Without what Virtuoso makes something else of when it loads it: 0 of "many", 0.10000000149 of 0.1 as a float."""
ENDLESS_IN_VIRTUOSO = ('[since(it) - founded(it)](~type("country")) > 1000',)
"""Days between times for each of several things: Virtuoso 7.2 does not come to an end with it."""
GUARDS = ("ISIRI", "ISBLANK", "MIN", "xsd:double(STR(?literal")


@pytest.fixture(scope="module")
def untidy() -> Iterator[KnowledgeGraph]:
    with serving(store_of_turtle(UNTIDY)) as server:
        yield KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)


@pytest.fixture(scope="module")
def barely_known() -> Iterator[KnowledgeGraph]:
    """The same graph, of which a sample was counted and no more found out, and whose names stay there."""
    with serving(store_of_turtle(UNTIDY)) as server:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(profile, "MOST_NAMED", 0)
            server.then(Behaviour(), SLOW)
            kg = KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)
        yield kg


def test_answers_are_those_of_the_tidy_file(
    tmp_path: Path, untidy: KnowledgeGraph, barely_known: KnowledgeGraph
) -> None:
    here = loaded(tidied(UNTIDY), tmp_path)
    for query in UNTIDY_QUERIES:
        assert given(untidy, query) == given(barely_known, query) == given(here, query), query


def test_what_is_guarded_against_is_found_out(untidy: KnowledgeGraph) -> None:
    assert untidy.server is not None
    found = untidy.server.survey
    heads, tails, mixed = (
        {iri.rpartition("#")[2] for iri in iris} for iris in (found.open_heads, found.open_tails, found.mixed)
    )
    assert heads == {"borders", "capitalOf", "in", "knows", "twin", "type"}
    assert tails == {"borders", "knows", "mayor", "twin"}
    assert mixed == {"population", "height", "since", "year"}
    assert {column.relation: column.kind for column in untidy.literals}["population"] == "decimal"


def test_a_tidy_graph_pays_nothing(there: KnowledgeGraph) -> None:
    for query in TIDY_QUERIES:
        if not query.startswith(("name_starts", "average", '"Lie')):
            assert not any(guard in Query.parse(query).to_sparql(there) for guard in GUARDS), query


def test_whole_numbers_with_a_decimal_behind_the_first_are_decimals() -> None:
    many = " ".join(f"ex:x{n} ex:size {n} ; ex:near ex:x0 ." for n in range(profile.OBJECTS + 10))
    with served(f"{many} ex:y ex:size 0.5 ; ex:near ex:x0 .") as kg:
        found = {"http://example.org/x0": "0", "http://example.org/y": "0.5"}
        assert given(kg, 'bottom(2, size, ~near("x0"))')[0] == found


@pytest.mark.server
@pytest.mark.parametrize("name", SERVERS)
def test_every_engine_answers_like_the_tidy_file(name: str, tmp_path: Path) -> None:
    if why := absent(name):
        missing(why)
    here = loaded(tidied(KEPT_BY_ALL), tmp_path)
    (tmp_path / "graph.ttl").write_text(KEPT_BY_ALL, encoding="utf-8")
    with SERVERS[name](tmp_path / "graph.ttl", tmp_path) as url:
        there = KnowledgeGraph.load(f"sparql:{url}", refresh=True)
        asked = [query for query in UNTIDY_QUERIES if name != "virtuoso" or query not in ENDLESS_IN_VIRTUOSO]
        assert {query for query in asked if given(there, query) != given(here, query)} == set()
