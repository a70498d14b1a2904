import datetime
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.answer import EVIDENCE_LIMIT, Answer
from reasoning.errors import QueryError, UnknownEntityError, UnknownRelationError
from reasoning.execution.exact import outcome, outcome_behind
from reasoning.query.binding import bind
from reasoning.query.tree import Complement, Count, Exists, Top
from skylark.errors import SkylarkError
from tests.reasoning.random_queries import DATE, DECIMAL, NUMBER, Facts, facts, holds, measured_sets, numbers, sets

TOWNS = KnowledgeGraph.from_triples(
    [
        ("Ash", "road", "Birch"), ("Birch", "road", "Cedar"), ("Cedar", "road", "Ash"), ("Cedar", "road", "Cedar"),
        ("Ash", "river", "Birch"), ("Ash", "people", 30), ("Birch", "people", 20), ("Cedar", "people", 20),
        ("Ash", "founded", datetime.date(1200, 5, 1)), ("Cedar", "founded", datetime.date(1300, 1, 1)),
        ("Birch", "height", 12.5),
    ]
)  # fmt: skip


def found(kg: KnowledgeGraph, query: Query | str) -> set[str]:
    """What the executor gives for a query of a set, duplicates refused."""
    parsed = query if isinstance(query, Query) else Query.parse(query)
    answer = Reasoner(kg, method="exact").answer(parsed)
    assert len(set(answer.entities)) == len(answer.entities)
    return set(answer.entities)


@pytest.mark.slow
@given(facts(), sets() | measured_sets())
def test_every_query_gives_what_sets_over_the_triples_give(world: Facts, query: Query) -> None:
    kg = KnowledgeGraph.from_triples(world.triples)
    expected = world.denote(query)
    assert found(kg, query) == expected
    values = [Reasoner(kg, method="exact").answer(top).value for top in (Count(query), Exists(query))]
    assert values == [len(expected), bool(expected)]
    assert found(kg, Complement(query)) == world.universe - expected


@pytest.mark.slow
@given(facts(), sets(), st.sampled_from((NUMBER, DECIMAL, DATE)))
def test_reading_values_gives_each_members_own(world: Facts, query: Query, relation: str) -> None:
    text = f"{relation}({query})"
    answer = Reasoner(KnowledgeGraph.from_triples(world.triples), method="exact").answer(text)
    expected = {name: value for name, value in world.values[relation].items() if name in world.denote(query)}
    assert dict(zip(answer.entities, answer.values or (), strict=True)) == expected


@pytest.mark.slow
@given(facts(), numbers())
def test_numbers_are_what_python_reckons_over_the_triples(world: Facts, number: Query) -> None:
    answer = Reasoner(KnowledgeGraph.from_triples(world.triples), method="exact").answer(number)
    expected = world.number(number)
    assert answer.value == expected if expected is None else answer.value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ranking", "expected", "note"),
    [
        ("top(2, people, {})", "ABC", "Birch, Cedar share place 2, so 3 are given instead of 2"),
        ("bottom(1, people, {})", "BC", "Birch, Cedar share place 1, so 2 are given instead of 1"),
        ("bottom(2, people, {})", "BC", None), ("top(1, [count(road(it))], {})", "C", None),
        ("bottom(1, people, top(2, people, {}))", "BC", "Birch, Cedar share place 2"),
        ("top(1, people, bottom(2, people, {}))", "BC", "share place 1, so that nobody else has place 2"),
        ("bottom(1, people, top(3, people, {}))", "BC", "share place 2, so that nobody else has place 3"),
        ("bottom(1, people, top(4, people, {}))", "BC", "only 3 places, so the last of them is given"),
        ("top(1, people, top(2, people, {}))", "A", "Birch, Cedar share place 2, so 3 are given instead of 2"),
        ("top(2, founded, {})", "AC", None),
    ],
)  # fmt: skip
def test_all_who_tie_with_the_last_place_are_kept_and_it_is_said(ranking: str, expected: str, note: str | None) -> None:
    answer = Reasoner(TOWNS, method="exact").answer(ranking.format('"Ash" | "Birch" | "Cedar"'))
    assert "".join(sorted(name[0] for name in answer.entities)) == expected
    assert len(answer.notes) == 1 and note in answer.notes[0] if note else not answer.notes


@pytest.mark.parametrize(
    ("query", "value", "notes"),
    [
        ('average(height, "Ash" | "Birch")', 12.5, ("1 of 2 has no height here and is left out: Ash",)),
        ('sum([height(it) + 1], "Ash" | "Birch")', 13.5, ("1 of 2 has no number here and is left out: Ash",)),
        ('[height(it)]("Ash" | "Birch")', 12.5, ("1 of 2 has no number here and is left out: Ash",)),
        ('sum(people, "Ash" | "Birch")', 50, ()),
        ('maximum(height, "Ash" | !"Ash")', 12.5, ()),
    ],
)
def test_members_without_a_value_are_said(query: str, value: float | None, notes: tuple[str, ...]) -> None:
    answer = Reasoner(TOWNS, method="exact").answer(query)
    assert (answer.value, answer.notes) == (value, notes)


def test_the_values_of_answers() -> None:
    expected = {
        'people("Ash")': 30, 'height("Birch")': 12.5, 'founded("Ash")': datetime.date(1200, 5, 1), 'count(!"Ash")': 2,
        'count(river("Birch"))': 0, 'exists(river("Ash"))': True, 'exists(river("Birch"))': False,
        'count(people("Ash" | "Birch"))': 2, 'people("Ash" | "Birch")': None, 'height("Ash")': None,
        'people("Ash") - people("Birch")': 10, 'people("Ash") / people("Birch") * -2': -3.0,
        'people("Ash") / (people("Birch") - people("Cedar"))': None, 'height("Ash") + 1': None,
        'founded("Cedar") - founded("Ash")': 36404, 'date("1200-05-02") - founded("Ash")': 1, "3 + 4 * 2 - 1": 10,
        'sum(people, !"Ash")': 40, 'average(people, "Ash" | "Birch")': 25.0, 'sum(height, "Ash")': None,
        'minimum(founded, road("Birch" | "Cedar"))': datetime.date(1200, 5, 1),
        'maximum([count(road(it))], "Ash" | "Cedar")': 2,
        'average([people(it) / count(road(it))], "Ash" | "Cedar")': 20.0, '[count(river(it) & !"Birch")]("Ash")': 0,
        '[sum(people, road(it))]("Cedar")': 50, '[count(people(road(it)) > 20)]("Cedar")': 1,
        '[count(top(1, people, road(it)))]("Cedar")': 1, '[count(!road(it))]("Cedar")': 1,
        'exists([count(road(it))]("Cedar") > count(road("Ash")))': True,
        'count(people("Ash" | "Birch" | "Cedar") < people("Ash"))': 2,
        'exists(height("Birch") != height("Ash"))': False,
    }  # fmt: skip
    given = {query: Reasoner(TOWNS, method="exact").answer(Query.parse(query)).value for query in expected}
    assert given == expected and [*map(type, given.values())] == [*map(type, expected.values())]


PLAIN = KnowledgeGraph.from_triples([("a", "r", "b")])


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        ('road("Asch Town")', UnknownEntityError, "Asch Town"), ('roads("Ash")', UnknownRelationError, 'st: "road"'),
        ('people("Ash") & road("Ash")', QueryError, "values"),
        ('~people("Ash")', QueryError, "it has no inverse"),
        ('road("Ash") > 5', QueryError, "cannot be compared; relations with values: "),
        ('founded("Ash") > 1200', QueryError, "holds dates"),
        ('people("Ash") > "1200-01-01"', QueryError, "holds numbers; compare it with one such as 1200"),
        ('road("Ash") + 1', QueryError, "where a number is needed; count"), ('r("a") > 5', QueryError, "has no values"),
        ('founded("Ash") + 1', QueryError, "which gives days"), ('sum(founded, !"Ash")', QueryError, "have no sum"),
        ('founded("Ash") > people("Ash")', QueryError, "holds dates"),
        ('[people(it)]("Ash") > founded("Ash")', QueryError, "holds numbers"),
        ('[road(it) + 1]("Ash")', QueryError, "leads to entities"), ('every(people, "Ash")', QueryError, "values"),
        ('top(1, [count(people(it))], "Ash")', QueryError, "gives values, not"),
        ('road([count(road(it))]("Ash"))', QueryError, "not a set"),
        ('people(!"Ash") + 1', QueryError, "step 2 gives 2 values where one number is needed: take their sum"),
        ('people("Ash") > people(!"Ash")', QueryError, "gives 2 values where one number is needed"),
        ('[people(road(it))]("Cedar")', QueryError, 'people(...) gives 2 values for "Cedar"'),
    ],
)  # fmt: skip
def test_misuse_is_an_error_that_says_what_to_do(query: str, error: type[SkylarkError], message: str) -> None:
    with pytest.raises(error) as raised:
        Reasoner(PLAIN if query.startswith("r(") else TOWNS, method="exact").answer(query)
    assert message in str(raised.value)


def test_where_numbers_are_names_the_error_says_how_they_become_values() -> None:
    kg = KnowledgeGraph.from_triples([("Ann", "age", "34"), ("Bob", "age", "51"), ("Ann", "team", "Red")])
    for query in ('age("Ann") > 40', 'top(1, age, !"Ann")', 'age("Ann") + 1', 'sum(age, "Ann")'):
        with pytest.raises(QueryError, match=r"such as 34: .*infer_values=True \(--infer-values\).* fourth field"):
            bind(Query.parse(query), kg)


def test_today_is_one_day_a_query_and_is_said() -> None:
    answer = Reasoner(TOWNS, method="exact").answer('today - founded("Ash")')
    day = datetime.date.fromisoformat(answer.notes[0].removeprefix("today is ").removesuffix(" (UTC)"))
    assert answer.value == (day - datetime.date(1200, 5, 1)).days
    for formula in ("count(founded(it) < today)", "count(road(founded(it) < today))"):
        answer = Reasoner(TOWNS, method="exact").answer(f'[{formula}]("Ash" | "Birch") > 0')
        assert answer.entities == ["Ash"] and answer.notes[0].startswith("today is ")


PAID = KnowledgeGraph.from_triples(
    [
        *((name, "team", "Red") for name in ("Ann", "Bob", "Cid")),
        *((name, "team", "Blue") for name in ("Dan", "Eve", "Flo")),
        *zip(("Ann", "Bob", "Cid", "Dan", "Eve", "Flo"), ["pay"] * 6, (0.1, 0.2, 0.3, 0.3, 0.2, 0.1), strict=True),
    ]
)
"""Two teams with the same pay, in another order: added up in theirs, the sums differ in the last digit."""


def test_reckoned_numbers_tie_though_their_last_digits_differ() -> None:
    for ranking in ("top(1, [sum(pay, ~team(it))], {})", "bottom(1, [-average(pay, ~team(it))], {})"):
        answer = Reasoner(PAID, method="exact").answer(ranking.format('"Red" | "Blue"'))
        assert set(answer.entities) == {"Red", "Blue"}
        assert answer.notes == ("Red, Blue share place 1, so 2 are given instead of 1",)
    answer = Reasoner(PAID, method="exact").answer('top(1, pay, ~team("Red" | "Blue"))')
    assert answer.sentence.startswith("Cid (0.3) and Dan (0.3) have the largest pay")


def answer(world: Facts | list[tuple[str, str, object]], query: Query | str) -> Answer:
    triples = world.triples if isinstance(world, Facts) else world
    return Reasoner(KnowledgeGraph.from_triples(triples), method="exact").answer(query)  # type: ignore[arg-type]


def shown(given: Answer) -> set[tuple[str, str, object]]:
    triples = [(item.head, item.relation, item.tail) for item in given.evidence]
    assert len(set(triples)) == len(triples)
    return set(triples)


def only(world: Facts, given: Answer) -> Facts:
    """The world as far as the evidence tells it."""
    told = shown(given)
    return Facts(
        frozenset(triple for triple in world.links if triple in told),
        {
            relation: {head: value for head, value in table.items() if (head, relation, value) in told}
            for relation, table in world.values.items()
        },
    )


@pytest.mark.slow
@given(facts(), sets() | measured_sets() | numbers())
def test_all_evidence_is_in_the_graph(world: Facts, query: Query) -> None:
    assert shown(answer(world, query)) <= set(world.triples)


EMPLOYEES: list[tuple[str, str, object]] = [
    ("Ann", "skill", "Go"), ("Ann", "skill", "Rust"), ("Bob", "skill", "Go"), ("Atlas", "needs", "Go"),
    ("Atlas", "needs", "Rust"), ("Ann", "salary", 70), ("Bob", "salary", 60), ("Ann", "boss", "Bob"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('every(skill, needs("Atlas"))', [0, 1, 3, 4]), ('[count(skill(it))]("Ann")', [0, 1]),
        ('top(1, [count(skill(it) & needs("Atlas"))], "Ann" | "Bob")', [0, 1, 3, 4]),
        ('salary("Ann") - salary("Bob")', [5, 6]), ('salary("Ann" | "Bob") > salary("Bob")', [5, 6]),
        ('[salary(it) - salary(boss(it))]("Ann" | "Bob") > 0', [5, 6, 7]), ('sum(salary, "Ann" | "Bob")', [5, 6]),
        ('name_starts("a", ~skill("Go"))', [0]),
    ],
)  # fmt: skip
def test_what_a_number_rests_on_is_shown(query: str, expected: list[int]) -> None:
    assert shown(answer(EMPLOYEES, query)) == {EMPLOYEES[place] for place in expected}


@pytest.mark.slow
@given(facts(), sets().filter(lambda query: not holds(query, (Complement, Top))))
def test_the_evidence_alone_gives_the_same_answer(world: Facts, query: Query) -> None:
    given_answer = answer(world, query)
    assert only(world, given_answer).denote(query) == set(given_answer.entities)
    assert given_answer.entities or not given_answer.evidence


@pytest.mark.slow
@given(facts(), sets(), st.sampled_from([Count, Exists]))
def test_a_count_rests_on_what_it_counted(world: Facts, query: Query, top: type[Count | Exists]) -> None:
    given_answer, counted = answer(world, top(query)), shown(answer(world, query))
    beside = given_answer.contrast.evidence if given_answer.contrast is not None else ()
    assert shown(given_answer) - {(fact.head, fact.relation, fact.tail) for fact in beside} <= counted
    assert counted <= shown(given_answer)


ROADS: list[tuple[str, str, object]] = [
    ("a", "r", "b"), ("a", "r", "c"), ("b", "s", "d"), ("c", "s", "e"), ("x", "s", "d"), ("b", "size", 5),
    ("c", "size", 7), ("b", "born", datetime.date(2000, 1, 1)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "evidence"),
    [
        ('"a"', []), ('~r("b")', [0]), ('r("a") & ~s("d")', [0, 2]), ('s(r("a")) & "d"', [0, 2]),
        ('r("a") & !~s("d")', [1]), ('!r("a")', []), ('size(r("a")) > 5', [1, 6]),
        ('size(size(r("a")) > 5) < 9', [1, 6]), ('top(1, size, r("a"))', [1, 6]), ('size("b")', [5]),
        ('s(r("a")) | s("x")', [0, 1, 2, 3, 4]),
    ],
)  # fmt: skip
def test_the_evidence_by_hand(query: str, evidence: list[int]) -> None:
    assert shown(answer(ROADS, query)) == {ROADS[place] for place in evidence}


def test_the_total_counts_what_is_not_shown_and_a_triple_gives_its_entities_by_index() -> None:
    many: list[tuple[str, str, object]] = [("hub", "to", f"n{i}") for i in range(300)]
    for query, total in (('to("hub")', 300), ('size(to("hub")) >= 0', 600)):
        given_answer = answer([*many, *((f"n{i}", "size", i) for i in range(300))], query)
        assert (len(given_answer.evidence), given_answer.evidence_total) == (EVIDENCE_LIMIT, total)
    given_answer = answer(ROADS, 'size(r("a"))')
    entity, seen = given_answer.kg.entity, {(item.head_entity, item.tail_entity) for item in given_answer.evidence}
    a, b, c = entity("a"), entity("b"), entity("c")
    assert seen == {(a, b), (a, c), (b, None), (c, None)}
    assert json.loads(json.dumps(answer(ROADS, 'born("b")').to_dict()["evidence"])) == [["b", "born", "2000-01-01"]]


KG = KnowledgeGraph.from_triples([
    ("Ann", "knows", "Bo"), ("Ann", "knows", "Cy"), ("Bo", "knows", "Cy"), ("Ann", "age", 40), ("Bo", "age", 40),
])  # fmt: skip


def of(text: str) -> object:
    return outcome(Query.parse(text), KG)


def behind(text: str) -> object:
    return outcome_behind(Query.parse(text), KG)


def test_queries_that_give_the_same_things_have_one_outcome() -> None:
    assert of('knows("Ann") & knows("Bo")') == of('knows("Bo")') == of('"Cy"')
    assert of('sum(age, ~knows("Cy"))') == of('age("Ann") + age("Bo")') == 80
    assert of('age("Ann")') != of('age("Bo")')
    assert of('exists(knows("Bo"))') != of('count(knows("Bo"))')


def test_behind_a_number_that_counts_stands_what_it_counts_and_its_text_where_that_is_nothing() -> None:
    assert of('count(knows("Bo"))') == of('count(~knows("Bo"))')
    assert behind('count(knows("Bo"))') != behind('count(~knows("Bo"))')
    assert behind('exists(knows("Bo"))') == behind('exists("Cy")')
    assert behind('count(knows("Cy"))') == 'count(knows("Cy"))'
    assert behind('exists(~knows("Ann"))') != behind('exists(knows("Cy"))')


# Queries over the built-in graph whose answers are certain, written from general knowledge.
WORLD = [
    tuple(line.split("\t"))
    for line in (Path(__file__).parents[2] / "data" / "world_queries.tsv").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def test_the_world_answers() -> None:
    reasoner, wrong = Reasoner(KnowledgeGraph.load("world"), method="exact"), {}
    for query, expected, mode in WORLD:
        answer = reasoner.answer(Query.parse(query))
        if query.startswith(("count(", "exists(")):
            value = {"true": True, "false": False}[expected] if query.startswith("exists(") else int(expected)
            off: list[object] = [] if (answer.value, type(answer.value)) == (value, type(value)) else [answer.value]
        else:
            wanted, found = {reasoner.kg.entity(name) for name in expected.split("|")}, set(answer.ranked.tolist())
            differing = {"exact": wanted ^ found, "contains": wanted - found, "excludes": wanted & found}[mode]
            off = [reasoner.kg.name(entity) for entity in differing]
        if off:
            wrong[query] = off
    assert not wrong
