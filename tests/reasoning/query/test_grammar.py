from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning import Query
from reasoning.errors import QueryError
from reasoning.query.tree import (
    Aggregate,
    Arithmetic,
    Compare,
    Complement,
    Constant,
    Count,
    Entity,
    Every,
    Exists,
    Intersect,
    It,
    Measure,
    Measured,
    NameStarts,
    Negative,
    Project,
    Today,
    Top,
    Union,
)
from tests.reasoning.awkward_names import AWKWARD
from tests.reasoning.random_queries import measured_sets, numbers, queries, sets

A, B, C = Entity("a"), Entity("b"), Entity("c")
ONE, TWO = Constant(1), Constant(2)

names = st.one_of(st.sampled_from(AWKWARD), st.text(min_size=1, max_size=8))
values = st.one_of(
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.dates(),
)


# What is read ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@given(queries(sets(names, names, st.tuples(names, values), names, by_id=True)))
def test_a_query_prints_as_text_that_reads_back_to_it(query: Query) -> None:
    assert Query.parse(str(query)) == query


@pytest.mark.slow
@given(st.one_of(measured_sets(), numbers()))
def test_a_query_with_numbers_prints_as_text_that_reads_back_to_it(query: Query) -> None:
    assert Query.parse(str(query)) == query


@pytest.mark.parametrize("name", AWKWARD)
def test_any_name_can_be_an_entity_and_a_relation(name: str) -> None:
    query = Project(name, Union((Entity(name), Entity(name, by_id=True))), inverse=True)
    assert Query.parse(str(query)) == query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ('"a"', A),
        ('entity("a")', Entity("a", by_id=True)),
        ('r("a")', Project("r", A)),
        ('~r("a")', Project("r", A, inverse=True)),
        (' ~ r\n(\t"a" ) ', Project("r", A, inverse=True)),
        ('"born in"("a")', Project("born in", A)),
        ('"count"("a")', Project("count", A)),
        ('countess("a")', Project("countess", A)),
        ('größe("a")', Project("größe", A)),
        ('"\\u00e9\\n"', Entity("é\n")),
        ('"a" & "b" | "c"', Union((Intersect((A, B)), C))),
        ('"a" | "b" & "c"', Union((A, Intersect((B, C))))),
        ('("a" | "b") & "c"', Intersect((Union((A, B)), C))),
        ('!"a" & "b"', Intersect((Complement(A), B))),
        ('!("a" & "b")', Complement(Intersect((A, B)))),
        ('!!"a"', Complement(Complement(A))),
        ('"a" & "b" & "c"', Intersect((A, B, C))),
        ('"a" & ("b" & "c")', Intersect((A, Intersect((B, C))))),
        ('(("a"))', A),
        ('!v("a") > 1', Complement(Compare("v", A, ">", 1))),
        ('v("a") > 1 & "b"', Intersect((Compare("v", A, ">", 1), B))),
        ('v("a") >= -1_000', Compare("v", A, ">=", -1000)),
        ('v("a") != 2.5', Compare("v", A, "!=", 2.5)),
        ('v("a") <= 1e3', Compare("v", A, "<=", 1000.0)),
        ('v("a") = "2001-12-31"', Compare("v", A, "=", datetime.date(2001, 12, 31))),
        ('count("a")', Count(A)),
        ('exists(r("a"))', Exists(Project("r", A))),
        ('top(3, v, "a" | "b")', Top(3, "v", Union((A, B)))),
        ('bottom(1, "top", "a")', Top(1, "top", A, largest=False)),
        ('r(top(1, v, "a"))', Project("r", Top(1, "v", A))),
        ('every(~r, "a")', Every("r", A, inverse=True)),
        ('name_starts("É", "a")', NameStarts("É", A)),
        ('top(2, [count(r(it))], "a")', Top(2, Measure(Count(Project("r", It()))), A)),
        ('[v(it) / w(it)]("a")', Measured(Measure(Arithmetic("/", Project("v", It()), Project("w", It()))), A)),
        ('[count(it)]("a") > 1', Compare(Measure(Count(It())), A, ">", 1)),
        ('v("a") > v("b")', Compare("v", A, ">", Project("v", B))),
        ('v("a") > count("b") + 1', Compare("v", A, ">", Arithmetic("+", Count(B), Constant(1)))),
        ('v("a") > "2001-12-31"', Compare("v", A, ">", datetime.date(2001, 12, 31))),
        ('v("a") > date("2001-12-31")', Compare("v", A, ">", datetime.date(2001, 12, 31))),
        ('sum(v, "a")', Aggregate("v", A, "sum")),
        ('average([count(r(it))], "a")', Aggregate(Measure(Count(Project("r", It()))), A, "average")),
        ("1 - 2 - 3 * 4", Arithmetic("-", Arithmetic("-", ONE, TWO), Arithmetic("*", Constant(3), Constant(4)))),
        ("1 - (2 - 3)", Arithmetic("-", ONE, Arithmetic("-", TWO, Constant(3)))),
        ("1 - -2", Arithmetic("-", ONE, Constant(-2))),
        ('-count("a") * 2', Arithmetic("*", Negative(Count(A)), TWO)),
        ('today - v("a")', Arithmetic("-", Today(), Project("v", A))),
        ('itself("a") & todays("b")', Intersect((Project("itself", A), Project("todays", B)))),
        ('"sum"("a") | "it"("b")', Union((Project("sum", A), Project("it", B)))),
        ('count(v("a") > 1 & "b")', Count(Intersect((Compare("v", A, ">", 1), B)))),
    ],
)
def test_a_text_reads_as_its_tree(text: str, query: Query) -> None:
    assert Query.parse(text) == query


@pytest.mark.parametrize(("text", "kind"), [("7", int), ("7.0", float), ("7e0", float), ("-7", int)])
def test_whole_numbers_stay_whole(text: str, kind: type) -> None:
    query = Query.parse(f'v("a") > {text}')
    assert isinstance(query, Compare) and type(query.value) is kind


# What is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("borders(France)", 15),
        ('borders("France"', 17),
        ('borders("France") &', 20),
        ('borders("France"))', 18),
        ("borders('France')", 9),
        ('borders("France', 9),
        ('"a" "b"', 5),
        ('"a" & & "b"', 7),
        ('r("a\\q")', 5),
        ('"a" &\n  r("b\\q")', 13),
        ('r("")', 3),
        ('""("a")', 1),
        ('entity("")', 8),
        ("count()", 7),
        ('top("a")', 5),
        ('top(0, v, "a")', 5),
        ('bottom(-2, v, "a")', 8),
        ('top(1.5, v, "a")', 5),
        ('~v("a") > 3', 9),
        ('"a" &\n~v("a") > 3', 15),
        ('v("a") > ', 9),
        ('v("a") > "soon"', 10),
        ('v("a") > "2001-02-30"', 10),
        ('"a" &\nv("a") > "soon"', 16),
        ('v("a") > 1__0', 10),
        ('v("a") > 1_', 10),
        ('v("a") > 1__0.5', 10),
        ('v("a") > ' + "9" * 5000, 10),
        ('"a" # "b"', 5),
        ("r", 2),
    ],
)
def test_an_error_points_at_its_column(text: str, column: int) -> None:
    with pytest.raises(QueryError) as raised:
        Query.parse(text)
    assert (raised.value.column, raised.value.text) == (column, text)


def test_the_caret_stands_under_the_column_it_names() -> None:
    with pytest.raises(QueryError) as raised:
        Query.parse('"a" &\n\t# "b"')
    _, line, caret = str(raised.value).split("\n")
    assert line[caret.index("^")] == "#"


@pytest.mark.parametrize("before", [0, 10, 49, 50, 51, 5000])
@pytest.mark.parametrize("after", [0, 45, 5000])
def test_of_a_long_text_the_part_around_the_column_is_shown(before: int, after: int) -> None:
    with pytest.raises(QueryError) as raised:
        Query.parse(" " * before + "#" + "x" * after)
    _, line, caret = str(raised.value).split("\n")
    assert line[caret.index("^")] == "#"
    assert len(line) < 120


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the query is empty"),
        ("  \n", "the query is empty"),
        ("borders(France)", "names of entities, and of relations that are no single word, stand in double quotes"),
        ('is a("Virus")', "and of relations that are no single word, stand in double quotes"),
        ('concept:worksfor("Ann")', "and of relations that are no single word, stand in double quotes"),
        ('borders("France', "not closed"),
        ('count(count("a"))', 'count("a") gives a number or truth value, not a set'),
        ('r(exists("a"))', "it can only stand at the top"),
        ('v("a") > 1e999', "64-bit"),
        ("it", "`it` stands only inside the brackets of a measure"),
        ('r(it) & "a"', "`it` stands only inside the brackets of a measure"),
        ('[5]("a")', "[5] is the same for every member"),
        ('[count(r("b"))]("a")', "is the same for every member"),
        ('[r(it) & "b"]("a")', 'expected a number, found r(it) & "b"; a set is counted by count(...)'),
        ('top(1, [count(top(1, [count(it)], r(it)))], "a")', "brackets with `it` do not nest"),
        ('[count(v(r(it)) > v(it))]("a")', "subtract inside them"),
        ('v("a") > count(it)', "subtract inside them"),
        ('3 > v("a")', "left of a comparison stands a measure of a set"),
        ('"a" + 1', 'expected a number, found "a"'),
        ('~v("a") + 1', "expected a number"),
        ("sum(v)", 'expected ","'),
        ('date("yesterday")', 'a date such as "2001-12-31"'),
        ('name_starts("", "a")', "expected a name between the quotes"),
    ],
)
def test_an_error_says_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(QueryError) as raised:
        Query.parse(text)
    assert message in str(raised.value)


@given(st.text(alphabet='ab"\\()&|!~,<>=._-019 \n', max_size=24))
def test_any_text_is_a_query_or_a_query_error(text: str) -> None:
    try:
        query = Query.parse(text)
    except QueryError:
        return
    assert Query.parse(str(query)) == query


# Depth ----------------------------------------------------------------------------------------------------------

OPENINGS = ("!", "r(", "~r(", 'top(1, v, "a" & ', '"b" & !(', '"b" | (')


@pytest.mark.slow
@pytest.mark.parametrize("opening", OPENINGS)
@pytest.mark.parametrize("times", [201, 330, 395, 410, 1000, 20_000])
def test_a_text_nested_too_deeply_is_a_query_error(opening: str, times: int) -> None:
    text = opening * times + '"a"' + ")" * (times * opening.count("("))
    with pytest.raises(QueryError, match="deeper than 200 levels"):
        Query.parse(text)


def test_brackets_alone_add_no_depth() -> None:
    assert Query.parse("(" * 20_000 + '"a"' + ")" * 20_000) == A
