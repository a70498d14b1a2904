from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.errors import QueryError, UnknownEntityError, UnknownRelationError
from reasoning.execution.exact import execute
from reasoning.query.binding import bind
from reasoning.query.tree import Complement, Count, Exists, Intersect, Union
from skylark.errors import SkylarkError
from tests.reasoning.random_queries import DATE, DECIMAL, NUMBER, Facts, facts, measured_sets, numbers, sets

TOWNS = KnowledgeGraph.from_triples(
    [
        ("Ash", "road", "Birch"),
        ("Birch", "road", "Cedar"),
        ("Cedar", "road", "Ash"),
        ("Cedar", "road", "Cedar"),
        ("Ash", "river", "Birch"),
        ("Ash", "people", 30),
        ("Birch", "people", 20),
        ("Cedar", "people", 20),
        ("Ash", "founded", datetime.date(1200, 5, 1)),
        ("Cedar", "founded", datetime.date(1300, 1, 1)),
        ("Birch", "height", 12.5),
    ]
)


def found(kg: KnowledgeGraph, query: Query | str) -> set[str]:
    """What the executor gives for a query of a set, duplicates refused."""
    parsed = query if isinstance(query, Query) else Query.parse(query)
    answer = Reasoner(kg, method="exact").answer(parsed)
    assert len(set(answer.entities)) == len(answer.entities)
    return set(answer.entities)


# Against Python sets over the triples ---------------------------------------------------------------------------


@pytest.mark.slow
@given(facts(), sets())
def test_every_query_gives_what_sets_over_the_triples_give(world: Facts, query: Query) -> None:
    assert found(KnowledgeGraph.from_triples(world.triples), query) == world.denote(query)


@pytest.mark.slow
@given(facts(), sets())
def test_count_and_exists_say_how_many_and_whether(world: Facts, query: Query) -> None:
    reasoner = Reasoner(KnowledgeGraph.from_triples(world.triples), method="exact")
    size = len(world.denote(query))
    assert [reasoner.answer(Count(query)).value, reasoner.answer(Exists(query)).value] == [size, size > 0]


@pytest.mark.slow
@given(facts(), sets(), st.sampled_from((NUMBER, DECIMAL, DATE)))
def test_reading_values_gives_each_members_own(world: Facts, query: Query, relation: str) -> None:
    text = f"{relation}({query})"
    answer = Reasoner(KnowledgeGraph.from_triples(world.triples), method="exact").answer(text)
    expected = {name: value for name, value in world.values[relation].items() if name in world.denote(query)}
    assert dict(zip(answer.entities, answer.values or (), strict=True)) == expected


@pytest.mark.slow
@given(facts(), sets(), sets())
def test_de_morgan(world: Facts, left: Query, right: Query) -> None:
    kg = KnowledgeGraph.from_triples(world.triples)
    outside_both = found(kg, Complement(Union((left, right))))
    assert found(kg, Intersect((Complement(left), Complement(right)))) == outside_both


@pytest.mark.slow
@given(facts(), sets(), sets())
def test_an_intersection_with_a_complement_is_the_difference(world: Facts, left: Query, right: Query) -> None:
    kg = KnowledgeGraph.from_triples(world.triples)
    assert found(kg, Intersect((left, Complement(right)))) == found(kg, left) - found(kg, right)


@pytest.mark.slow
@given(facts(), sets())
def test_negating_twice_changes_nothing(world: Facts, query: Query) -> None:
    kg = KnowledgeGraph.from_triples(world.triples)
    assert found(kg, Complement(Complement(query))) == found(kg, query)


@pytest.mark.slow
@given(facts(), measured_sets())
def test_what_is_chosen_by_numbers_is_what_sets_over_the_triples_give(world: Facts, query: Query) -> None:
    assert found(KnowledgeGraph.from_triples(world.triples), query) == world.denote(query)


@pytest.mark.slow
@given(facts(), numbers())
def test_numbers_are_what_python_reckons_over_the_triples(world: Facts, number: Query) -> None:
    answer = Reasoner(KnowledgeGraph.from_triples(world.triples), method="exact").answer(number)
    expected = world.number(number)
    assert answer.value == expected if expected is None else answer.value == pytest.approx(expected)


# One case at a time ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('"Ash"', {"Ash"}),
        ('road("Ash")', {"Birch"}),
        ('~road("Ash")', {"Cedar"}),
        ('road("Cedar")', {"Ash", "Cedar"}),
        ('~road("Cedar")', {"Birch", "Cedar"}),
        ('road(road(road(road("Ash"))))', {"Ash", "Birch", "Cedar"}),
        ('river("Birch")', set()),
        ('!"Ash"', {"Birch", "Cedar"}),
        ('!road("Ash") & !road("Birch")', {"Ash"}),
        ('"Ash" & !"Ash"', set()),
        ('people("Ash" | "Birch") >= 30', {"Ash"}),
        ('people("Ash" | "Birch") != 30', {"Birch"}),
        ('!(people("Ash" | "Birch") > 25)', {"Birch", "Cedar"}),
        ('height("Ash" | "Birch") < 1e3', {"Birch"}),
        ('founded(!"Ash") >= "1300-01-01"', {"Cedar"}),
        ('founded(!"Birch") < "1300-01-01"', {"Ash"}),
        ('top(1, people, "Ash" | "Birch")', {"Ash"}),
        ('top(5, people, "Ash" | "Birch")', {"Ash", "Birch"}),
        ('bottom(1, founded, "Ash" | "Birch" | "Cedar")', {"Ash"}),
        ('every(road, "Ash" | "Cedar")', {"Cedar"}),
        ('every(~road, "Birch" | "Cedar")', {"Cedar"}),
        ('every(road, river("Birch"))', set()),
        ('name_starts("b", !"Ash")', {"Birch"}),
        ('people("Ash" | "Birch") < people("Ash")', {"Birch"}),
        ('[people(it) - people(road(it))]("Ash" | "Birch") > 0', {"Ash"}),
        ('[count(road(it))]("Ash" | "Cedar") = count(road("Cedar"))', {"Cedar"}),
    ],
)
def test_a_query_by_hand(query: str, expected: set[str]) -> None:
    assert found(TOWNS, query) == expected


@pytest.mark.parametrize(
    ("ranking", "expected", "note"),
    [
        ("top(2, people, {})", ["Ash", "Birch", "Cedar"], "Birch, Cedar share place 2, so 3 are given instead of 2"),
        ("bottom(1, people, {})", ["Birch", "Cedar"], "Birch, Cedar share place 1, so 2 are given instead of 1"),
        ("bottom(2, people, {})", ["Birch", "Cedar"], None),
        ("bottom(1, people, top(2, people, {}))", ["Birch", "Cedar"], "Birch, Cedar share place 2"),
        ("top(1, people, bottom(2, people, {}))", ["Birch", "Cedar"], "share place 1, so that nobody else has place 2"),
        ("bottom(1, people, top(3, people, {}))", ["Birch", "Cedar"], "share place 2, so that nobody else has place 3"),
        ("bottom(1, people, top(4, people, {}))", ["Birch", "Cedar"], "only 3 places, so the last of them is given"),
        ("top(1, people, top(2, people, {}))", ["Ash"], "Birch, Cedar share place 2, so 3 are given instead of 2"),
        ("top(1, [count(road(it))], {})", ["Cedar"], None),
    ],
)
def test_all_who_tie_with_the_last_place_are_kept_and_it_is_said(
    ranking: str, expected: list[str], note: str | None
) -> None:
    answer = Reasoner(TOWNS, method="exact").answer(ranking.format('"Ash" | "Birch" | "Cedar"'))
    assert answer.entities == expected
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


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ('people("Ash")', 30),
        ('height("Birch")', 12.5),
        ('founded("Ash")', datetime.date(1200, 5, 1)),
        ('count(!"Ash")', 2),
        ('count(river("Birch"))', 0),
        ('exists(river("Ash"))', True),
        ('exists(river("Birch"))', False),
        ('count(people("Ash" | "Birch"))', 2),
        ('people("Ash" | "Birch")', None),
        ('height("Ash")', None),
        ('people("Ash") - people("Birch")', 10),
        ('people("Ash") / people("Birch") * -2', -3.0),
        ('people("Ash") / (people("Birch") - people("Cedar"))', None),
        ('height("Ash") + 1', None),
        ('founded("Cedar") - founded("Ash")', 36404),
        ('date("1200-05-02") - founded("Ash")', 1),
        ("3 + 4 * 2 - 1", 10),
        ('sum(people, !"Ash")', 40),
        ('average(people, "Ash" | "Birch")', 25.0),
        ('sum(height, "Ash")', None),
        ('minimum(founded, road("Birch" | "Cedar"))', datetime.date(1200, 5, 1)),
        ('maximum([count(road(it))], "Ash" | "Cedar")', 2),
        ('average([people(it) / count(road(it))], "Ash" | "Cedar")', 20.0),
        ('[count(river(it) & !"Birch")]("Ash")', 0),
        ('[sum(people, road(it))]("Cedar")', 50),
        ('[count(people(road(it)) > 20)]("Cedar")', 1),
        ('[count(top(1, people, road(it)))]("Cedar")', 1),
        ('[count(!road(it))]("Cedar")', 1),
        ('exists([count(road(it))]("Cedar") > count(road("Ash")))', True),
        ('count(people("Ash" | "Birch" | "Cedar") < people("Ash"))', 2),
        ('exists(height("Birch") != height("Ash"))', False),
    ],
)
def test_the_value_of_an_answer(query: str, value: object) -> None:
    answer = Reasoner(TOWNS, method="exact").answer(Query.parse(query))
    assert (answer.value, type(answer.value)) == (value, type(value))


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        ('road("Asch Town")', UnknownEntityError, 'no entity named "Asch Town"'),
        ('roads("Ash")', UnknownRelationError, 'nearest: "road"'),
        ('road(people("Ash"))', QueryError, '"people" gives values, not entities'),
        ('people("Ash") & road("Ash")', QueryError, '"people" gives values, not entities'),
        ('!people("Ash")', QueryError, '"people" gives values, not entities'),
        ('~people("Ash")', QueryError, '"people" has values, so it has no inverse'),
        ('road("Ash") > 5', QueryError, '"road" leads to entities and cannot be compared; relations with values: "peo'),
        ('top(1, road, "Ash")', QueryError, '"road" leads to entities and cannot be compared'),
        ('founded("Ash") > 1200', QueryError, '"founded" holds dates; compare it with one such as "2001-12-31"'),
        ('people("Ash") > "1200-01-01"', QueryError, '"people" holds numbers; compare it with one such as 1200'),
        ('road("Ash") + 1', QueryError, '"road" leads to entities where a number is needed; count(...)'),
        ('founded("Ash") + 1', QueryError, "two dates can be subtracted, which gives days"),
        ('sum(founded, !"Ash")', QueryError, "dates, which have no sum; minimum and maximum"),
        ('founded("Ash") > people("Ash")', QueryError, "holds dates; compare it with one such as"),
        ('[people(it)]("Ash") > founded("Ash")', QueryError, "holds numbers"),
        ('[road(it) + 1]("Ash")', QueryError, '"road" leads to entities'),
        ('top(1, [count(people(it))], "Ash")', QueryError, '"people" gives values, not entities'),
        ('every(people, "Ash")', QueryError, '"people" gives values, not entities'),
        ('road([count(road(it))]("Ash"))', QueryError, "number or truth value, not a set"),
    ],
)
def test_misuse_is_an_error_that_says_what_to_do(query: str, error: type[SkylarkError], message: str) -> None:
    with pytest.raises(error) as raised:
        bind(Query.parse(query), TOWNS)
    assert message in str(raised.value)


@pytest.mark.parametrize("query", ['age("Ann") > 40', 'top(1, age, !"Ann")', 'age("Ann") + 1', 'sum(age, "Ann")'])
def test_where_numbers_are_names_the_error_says_how_they_become_values(query: str) -> None:
    kg = KnowledgeGraph.from_triples([("Ann", "age", "34"), ("Bob", "age", "51"), ("Ann", "team", "Red")])
    with pytest.raises(QueryError, match=r"such as 34: .*infer_values=True \(--infer-values\).* fourth field"):
        bind(Query.parse(query), kg)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ('people(!"Ash") + 1', "step 2 gives 2 values where one number is needed: take their sum"),
        ('people("Ash") > people(!"Ash")', "gives 2 values where one number is needed"),
        ('[people(road(it))]("Cedar")', 'people(...) gives 2 values for "Cedar", and one number is needed'),
    ],
)
def test_several_values_are_no_number(query: str, message: str) -> None:
    with pytest.raises(QueryError) as raised:
        Reasoner(TOWNS, method="exact").answer(query)
    assert message in str(raised.value)


def test_today_is_one_day_a_query_and_is_said() -> None:
    answer = Reasoner(TOWNS, method="exact").answer('today - founded("Ash")')
    day = datetime.date.fromisoformat(answer.notes[0].removeprefix("today is ").removesuffix(" (UTC)"))
    assert answer.value == (day - datetime.date(1200, 5, 1)).days


@pytest.mark.parametrize("formula", ["count(founded(it) < today)", "count(road(founded(it) < today))"])
def test_today_stands_in_a_comparison_within_a_measure_too(formula: str) -> None:
    answer = Reasoner(TOWNS, method="exact").answer(f'[{formula}]("Ash" | "Birch") > 0')
    assert answer.entities == ["Ash"]
    assert answer.notes[0].startswith("today is ")


def test_a_graph_without_values_says_so() -> None:
    kg = KnowledgeGraph.from_triples([("a", "r", "b")])
    with pytest.raises(QueryError, match="this graph has no values"):
        bind(Query.parse('r("a") > 5'), kg)


def test_a_stored_twin_is_the_inverse() -> None:
    kg = KnowledgeGraph.from_triples([("a", "r", "b"), ("c", "r_reverse", "d")])
    pairs = (('r_reverse("b")', '~r("b")'), ('~r_reverse("a")', 'r("a")'), ('r("d")', '~r_reverse("d")'))
    assert [found(kg, twin) for twin, _ in pairs] == [found(kg, plain) for _, plain in pairs]


def test_an_anchor_alone_has_no_steps() -> None:
    chain = bind(Query.parse('"Ash"'), TOWNS)
    assert (execute(TOWNS, chain), chain.anchor) == ([], TOWNS.entity("Ash"))


@pytest.mark.slow
def test_a_wide_union_is_no_deeper_than_a_narrow_one() -> None:
    kg = KnowledgeGraph.from_triples([(f"n{i}", "next", f"n{i + 1}") for i in range(2000)])
    query = " | ".join(f'next("n{i}")' for i in range(2000))
    assert len(found(kg, query)) == 2000


PAID = KnowledgeGraph.from_triples(
    [
        *((name, "team", "Red") for name in ("Ann", "Bob", "Cid")),
        *((name, "team", "Blue") for name in ("Dan", "Eve", "Flo")),
        *zip(("Ann", "Bob", "Cid", "Dan", "Eve", "Flo"), ["pay"] * 6, (0.1, 0.2, 0.3, 0.3, 0.2, 0.1), strict=True),
    ]
)
"""Two teams with the same pay, in another order: added up in theirs, the sums differ in the last digit."""


@pytest.mark.parametrize("measure", ["sum(pay, ~team(it))", "average(pay, ~team(it))", "-sum(pay, ~team(it)) / 3"])
@pytest.mark.parametrize("ranking", ["top", "bottom"])
def test_reckoned_numbers_tie_though_their_last_digits_differ(measure: str, ranking: str) -> None:
    answer = Reasoner(PAID, method="exact").answer(f'{ranking}(1, [{measure}], "Red" | "Blue")')
    assert set(answer.entities) == {"Red", "Blue"}
    assert answer.notes == ("Red, Blue share place 1, so 2 are given instead of 1",)


def test_who_shares_a_date_is_said() -> None:
    dates = {"Ann": datetime.date(2020, 5, 1), "Bob": datetime.date(2020, 5, 1), "Cy": datetime.date(2021, 1, 1)}
    kg = KnowledgeGraph.from_triples([
        *((name, "began", date) for name, date in dates.items()), *((name, "type", "person") for name in dates),
    ])  # fmt: skip
    answer = Reasoner(kg, method="exact").answer('bottom(1, began, ~type("person"))')
    assert answer.notes == ("Ann, Bob share place 1, so 2 are given instead of 1",)


def test_a_sentence_names_all_who_tie() -> None:
    answer = Reasoner(PAID, method="exact").answer('top(1, pay, ~team("Red" | "Blue"))')
    assert str(answer.to_dict()["sentence"]).startswith("Cid (0.3) and Dan (0.3) have the largest pay")
