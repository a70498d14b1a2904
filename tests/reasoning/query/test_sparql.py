import datetime
import io
import json
import random
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyoxigraph
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg_data.columns import GraphColumns, LiteralColumn
from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.cli import main
from reasoning.errors import QueryError, UnknownEntityError, UnknownRelationError
from reasoning.graph.rdf import rdf_triples
from reasoning.query.chain import decompose
from reasoning.query.records import STRUCTURES
from reasoning.query.sparql import MOST_NESTED
from reasoning.query.tree import OPERATORS, Compare, Complement, Count, Entity, Exists, Intersect, Project, Top, Union
from reasoning.verbalization.answers import answer_text
from tests.reasoning.awkward_names import AWKWARD
from tests.reasoning.deep_queries import RandomQueries
from tests.reasoning.execution.test_exact import PAID
from tests.reasoning.made_columns import column
from tests.reasoning.part_of_world import a_continent
from tests.reasoning.query.test_tree import KG, grown
from tests.reasoning.random_queries import (
    DATE,
    DECIMAL,
    NUMBER,
    Facts,
    facts,
    measured_sets,
    numbers,
    sets,
)
from tests.reasoning.sparql_oracle import Outcome, by_executor, by_sparql, number_in


def store_of(kg: KnowledgeGraph) -> pyoxigraph.Store:
    store = pyoxigraph.Store()
    store.bulk_extend(pyoxigraph.Quad(t.subject, t.predicate, t.object) for t in rdf_triples(kg))
    return store


def selected(kg: KnowledgeGraph, query: Query | str) -> Outcome:
    """What the query's SPARQL text gives over the exported graph."""
    return by_sparql(query if isinstance(query, Query) else Query.parse(query), kg, store_of(kg).query)


@pytest.mark.slow
@given(facts(), sets() | measured_sets())
def test_every_query_selects_what_sets_over_the_triples_give(world: Facts, query: Query) -> None:
    kg = KnowledgeGraph.from_triples(world.triples)
    assert ids_of(selected(kg, query)) == world.denote(query)
    size = len(world.denote(query))
    assert [selected(kg, Count(query)), selected(kg, Exists(query))] == [size, size > 0]


def ids_of(found: Outcome) -> set[str]:
    return {item[0] if isinstance(item, tuple) else item for item in found}  # type: ignore[union-attr]


@pytest.mark.slow
@given(facts(), sets(), st.sampled_from((NUMBER, DECIMAL, DATE)), st.sampled_from((1, 2, None)))
def test_values_come_with_their_members(world: Facts, query: Query, relation: str, k: int | None) -> None:
    kg = KnowledgeGraph.from_triples(world.triples)
    asked: Query = Project(relation, query) if k is None else Top(k, relation, query)
    members = world.denote(query if k is None else asked)
    expected: frozenset[Any] = frozenset(item for item in world.values[relation].items() if item[0] in members)
    assert selected(kg, asked) == expected


def test_reckoned_numbers_tie_as_by_the_executor() -> None:
    for query in ("top(1, [sum(pay, ~team(it))], {})", "bottom(1, [-average(pay, ~team(it)) / 3], {})"):
        ranking = Query.parse(query.format('"Red" | "Blue"'))
        found = selected(PAID, ranking)
        assert found == by_executor(ranking, PAID) and ids_of(found) == {"Red", "Blue"}


@pytest.mark.slow
@given(facts(), numbers())
def test_numbers_are_reckoned_alike(world: Facts, number: Query) -> None:
    kg = KnowledgeGraph.from_triples(world.triples)
    found = store_of(kg).query(number.to_sparql(kg))
    assert isinstance(found, pyoxigraph.QuerySolutions)
    got, expected = number_in(found), world.number(number)
    assert got == expected if expected is None else got == pytest.approx(expected, rel=1e-9, abs=1e-12)


@st.composite
def years(draw: st.DrawFn) -> KnowledgeGraph:
    """Entities of which several share a label, with years before and after Christ, some of them the same."""
    size = draw(st.integers(2, 8))
    labels = draw(st.lists(st.sampled_from(("x", "X", "é", "y")), min_size=size, max_size=size))
    values = draw(st.lists(st.sampled_from((-44, 0, 1, 476, 1990, 12_000)), min_size=size, max_size=size))
    return small([f"e{i}" for i in range(size)], labels, [column("founded", "year", dict(enumerate(values)))])


def small(ids: list[str], labels: list[str], literals: Sequence[LiteralColumn] = (), **splits: int) -> KnowledgeGraph:
    """A graph whose first entity a relation leads from, to one a split; the first split alone is held."""
    triples = {s: np.array([[0, 0, t]], dtype=np.int32) for s, t in (splits or {"graph": 1}).items()}
    columns = GraphColumns("small", ids, labels, ["P36"], ["capital"], triples, literals=literals)
    return KnowledgeGraph.from_columns(columns, (next(iter(triples)),))


@given(years(), st.sampled_from(OPERATORS), st.sampled_from(("476", "475.5", "-44", "1e4", "0")), st.integers(1, 9))
def test_years_compare_as_numbers_and_ties_are_kept_alike(kg: KnowledgeGraph, sign: str, bound: str, k: int) -> None:
    for text in (
        'founded("e0" | !"e0") {sign} {bound}',
        'top({k}, founded, "e0" | !"e0")',
        'bottom({k}, founded, !"e0")',
    ):
        query = Query.parse(text.format(sign=sign, bound=bound, k=k))
        assert selected(kg, query) == by_executor(query, kg)


SIZES = KnowledgeGraph.from_triples(
    [
        *((f"n{i}", "size", value) for i, value in enumerate((2**53, -(2**53), 0, 7))),
        *((f"n{i}", "ratio", value) for i, value in enumerate((0.1, -0.0, 1e300, 5e-324))),
        *((f"n{i}", "born", datetime.date(*day)) for i, day in enumerate(((1, 1, 1), (9999, 12, 31), (2000, 2, 29)))),
    ]
)


def test_extreme_values_compare_alike() -> None:
    bounds = {
        "size": (7, 6.5, 2**53, 2**53 + 1, 10**30, -(10**30), 1e308),
        "ratio": (0, 0.1, -0.1, 1e300, 5e-324, 10**300, 0.30000000000000004),
        "born": ('"0001-01-01"', '"2000-02-29"', '"9999-12-31"'),
    }
    store = store_of(SIZES)
    for relation, bound, operator in ((r, b, o) for r in bounds for b in bounds[r] for o in OPERATORS):
        query = Query.parse(f'{relation}("n0" | "n1" | "n2" | "n3") {operator} {bound}')
        assert by_sparql(query, SIZES, store.query) == by_executor(query, SIZES), query


@pytest.mark.slow
def test_queries_drawn_over_a_continent_have_answers_by_both() -> None:
    store = store_of(a_continent())
    for structure in STRUCTURES:
        query = next(RandomQueries(a_continent(), random.Random(2)).structured(structure))
        found = by_sparql(query, a_continent(), store.query)
        assert (query.structure, bool(found), found) == (structure, True, by_executor(query, a_continent()))
    for query in islice(RandomQueries(a_continent(), random.Random(1)).deep(), 6):
        assert by_sparql(query, a_continent(), store.query) == by_executor(query, a_continent())


def test_what_only_another_split_mentions_is_in_no_complement() -> None:
    kg = small(["a", "b", "c"], ["a", "b", "c"], train=1, test=2)
    for text in ('!"a"', '!!"c"', '"c" & !"a"', '!"c"', '"b" & !!"b"', '!!!"a"'):
        assert selected(kg, text) == by_executor(Query.parse(text), kg)


TWINS: list[tuple[str, str, str | int]] = [
    ("a", "r", "b"), ("b", "r_reverse", "a"), ("c", "r_reverse", "d"), ("a", "v", 1), ("b", "v", 2),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('r_reverse("b")', {"a"}), ('~r_reverse("a")', {"b"}), ('~r_reverse("d" | "a")', {"b", "c"}),
        ('r(r_reverse("b") | "d")', {"b", "c"}),
        ('top(2, v, "a" | entity("a") | "A" | "b")', {("a", 1), ("b", 2)}),
        ('count("a" | entity("a") | r_reverse("b"))', 1),
    ],
)  # fmt: skip
def test_one_thing_by_two_names_is_one_thing(query: str, found: Outcome) -> None:
    kg = KnowledgeGraph.from_triples(TWINS)
    assert selected(kg, query) == by_executor(Query.parse(query), kg) == found


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ('"a"', "SELECT DISTINCT ?entity WHERE { { SELECT ?entity WHERE { VALUES ?entity { entity:a } } } }"),
        ('~r("a")', "SELECT DISTINCT ?entity WHERE { ?entity relation:r entity:a . }"),
        ('r("a") & !"b"',
         "SELECT DISTINCT ?entity WHERE { entity:a relation:r ?entity . FILTER(?entity NOT IN (entity:b)) }"),
        ('r("a") & !~r("b")',
         "SELECT DISTINCT ?entity WHERE { { SELECT ?entity WHERE { { SELECT ?entity (1 AS ?side1) WHERE { entity:a "
         "relation:r ?entity . } } UNION { SELECT ?entity (2 AS ?side1) WHERE { ?entity relation:r entity:b . } } } "
         "GROUP BY ?entity HAVING (MAX(?side1) = 1) } }"),
        ('r(r(r("a"))) & r(r("b")) & r("a")',
         "SELECT DISTINCT ?entity WHERE { entity:a relation:r ?entity . { SELECT ?entity WHERE { { SELECT ?entity "
         "(1 AS ?side4) WHERE { { SELECT DISTINCT ?entity WHERE { { SELECT DISTINCT ?x1 WHERE { entity:a relation:r "
         "?x2 . ?x2 relation:r ?x1 . } } ?x1 relation:r ?entity . } } } } UNION { SELECT ?entity (2 AS ?side4) "
         "WHERE { { SELECT DISTINCT ?entity WHERE { entity:b relation:r ?x3 . ?x3 relation:r ?entity . } } } } } "
         "GROUP BY ?entity HAVING (COUNT(?side4) = 2) } }"),
        ('every(r, "a" | "b")',
         "SELECT DISTINCT ?entity WHERE { ?entity relation:r entity:a . ?entity relation:r entity:b . }"),
        ('v("a") >= 1.5',
         "SELECT DISTINCT ?entity WHERE { { SELECT ?entity WHERE { VALUES ?entity { entity:a } } } ?entity "
         "relation:v ?value1 . FILTER(?value1 >= 1.5e0) }"),
        ('top(2, v, "a")',
         "SELECT DISTINCT ?entity ?value WHERE { { SELECT ?value (COUNT(?x1) AS ?count2) WHERE { { SELECT ?value "
         "?x1 WHERE { { SELECT ?x1 WHERE { VALUES ?x1 { entity:a } } } ?x1 relation:v ?value . } ORDER BY "
         "DESC(?value) LIMIT 2 } } GROUP BY ?value } { SELECT ?entity WHERE { VALUES ?entity { entity:a } } } "
         "?entity relation:v ?value . }"),
        ('v("a")',
         "SELECT DISTINCT ?entity ?value WHERE { { SELECT ?entity WHERE { VALUES ?entity { entity:a } } } ?entity "
         "relation:v ?value . }"),
        ('v("a") / v("b")',
         "SELECT ?value WHERE { entity:a relation:v ?number1 . entity:b relation:v ?number2 . "
         "FILTER(xsd:double(STR(?number2)) != 0) BIND(IF(xsd:double(STR(?number2)) != 0, xsd:double(STR(?number1)) "
         "/ xsd:double(STR(?number2)), 0) AS ?value) }"),
        ('count("a" | "b")',
         "SELECT (COUNT(DISTINCT ?entity) AS ?count) WHERE { { SELECT ?entity WHERE { VALUES ?entity { entity:a "
         "entity:b } } } }"),
        ('exists(r("a"))', "ASK { entity:a relation:r ?entity . }"),
    ],
)  # fmt: skip
def test_a_query_as_text(query: str, body: str) -> None:
    lines = Query.parse(query).to_sparql(KG).splitlines()
    code = [line.strip() for line in lines if not line.startswith(("#", "PREFIX"))]
    assert " ".join(code) == body


def of_one_triple(name: str) -> list[tuple[Query, set[str]]]:
    """Queries over the graph of (name, name, "end") by every kind of node that it allows, with their answers."""
    start, end = Entity(name), Entity("end")
    return [
        (Entity(name, by_id=True), {name}), (Project(name, start), {"end"}),
        (Project(name, end, inverse=True), {name}), (Project(name, Project(name, start)), set()),
        (Intersect((Project(name, start), Complement(start))), {"end"}),
        (Union((start, Project(name, start))), {name, "end"}), (Count(Complement(end)), {name}),
        (Exists(Project(name, end)), set()), (Project(name, Union((start, Complement(start)))), {"end"}),
    ]  # fmt: skip


def of_one_value(name: str) -> list[tuple[Query, set[str]]]:
    """The same over the graph of (name, name, 7)."""
    entity = Entity(name)
    return [
        (Project(name, entity), {name}), (Compare(name, entity, ">=", 7), {name}),
        (Compare(name, Complement(entity), "!=", 7), set()), (Top(2, name, entity), {name}),
        (Count(Project(name, entity)), {name}),
    ]  # fmt: skip


@pytest.mark.parametrize("name", AWKWARD, ids=ascii)
def test_no_name_changes_what_is_asked_nor_leaves_its_comment(name: str) -> None:
    for tail, queries in (("end", of_one_triple(name)), (7, of_one_value(name))):
        kg = KnowledgeGraph.from_triples([(name, name, tail)])
        for query, expected in queries:
            assert Query.parse(str(query)) == query and query.verbalise() and query.verbalise(kg)
            answer = Reasoner(kg, method="exact").answer(str(query))
            assert set(answer.entities) == expected and len(answer.steps) == len(decompose(query))
            assert json.loads(json.dumps(answer.to_dict()))["query"] == str(query)
            io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace").write(answer_text(answer))
            assert selected(kg, query) == by_executor(query, kg)
            # SPARQL reads an escape such as \\u000A before it knows that it stands in a comment.
            text = query.to_sparql(kg)
            assert "\\" not in text and all(line.isprintable() for line in text.split("\n"))


def test_the_text_says_in_words_what_it_asks_and_declares_the_prefixes_it_uses() -> None:
    kg = small(["Q1", "Q2"], ["France", "Paris"])
    assert Query.parse('capital("France")').to_sparql(kg).splitlines() == [
        "# the capital of France", "PREFIX entity: <urn:skylark:entity:>", "PREFIX relation: <urn:skylark:relation:>",
        "SELECT DISTINCT ?entity WHERE {", "  entity:Q1 relation:P36 ?entity .  # France, capital", "}",
    ]  # fmt: skip


def test_what_cannot_be_answered_cannot_be_written() -> None:
    for query, error in (
        ('r("nobody at all")', UnknownEntityError), ('wrong("a")', UnknownRelationError), ('r("a") > 5', QueryError),
    ):  # fmt: skip
        with pytest.raises(error):
            Query.parse(query).to_sparql(KG)


@pytest.mark.parametrize("kind", ["complement", "intersect and union", "compare", "top", "every", "name"])
def test_many_levels_are_written_and_run(kind: str) -> None:
    query = grown(kind, 1 + MOST_NESTED if kind in ("top", "every") else 25)
    assert selected(KG, query) == by_executor(query, KG)


def test_more_rankings_within_one_another_than_a_text_holds_are_an_error() -> None:
    with pytest.raises(QueryError, match="7 rankings, measures in brackets or every"):
        grown("top", 2 + MOST_NESTED).to_sparql(KG)


def test_a_path_that_branches_at_every_step_and_a_union_of_hundreds_are_written_and_run() -> None:
    kg = KnowledgeGraph.from_triples([(f"n{i}", "next", f"n{j}") for i in range(8) for j in range(8)])
    query: Query = Entity("n0")
    for _ in range(40):  # 8^40 paths
        query = Project("next", query)
    assert len(ids_of(selected(kg, query))) == 8
    kg = KnowledgeGraph.from_triples([(f"n{i}", "next", f"n{i + 1}") for i in range(300)])
    assert len(ids_of(selected(kg, " | ".join(f'next("n{i}")' for i in range(300))))) == 300


def test_the_command_line_prints_the_text_instead_of_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["query", 'capital("France")'], ["ask", "What is the capital of France?"]):
        assert main([*arguments, "--kg", "world", "--sparql"]) == 0
        assert capsys.readouterr().out == Query.parse('capital("France")').to_sparql(KnowledgeGraph.load("world"))


def test_values_of_a_file_of_one_s_own_are_asked_for_by_the_iris_that_stand_in_it(tmp_path: Path) -> None:
    path = tmp_path / "own.ttl"
    path.write_text("@prefix : <http://x.org/> . :a :area 5 ; :near :b . :b :area 7 .", encoding="utf-8")
    kg = KnowledgeGraph.load(path)
    store = pyoxigraph.Store()
    store.load(path=path)
    for text in ('area(near("a"))', '"http://x.org/area"("b")', 'area("a" | "b") > 6'):
        query = Query.parse(text)
        found = cast(pyoxigraph.QuerySolutions, store.query(query.to_sparql(kg)))
        assert [solution["entity"].value for solution in found] == ["http://x.org/b"]
        assert Reasoner(kg, method="exact").answer(query).ids == ["http://x.org/b"]
