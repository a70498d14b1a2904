import datetime
from itertools import product

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
ONE, TWO, DAY = Constant(1), Constant(2), datetime.date(2001, 12, 31)
V1, R_OF_IT = Compare("v", A, ">", 1), Measure(Count(Project("r", It())))

names = st.one_of(st.sampled_from(AWKWARD), st.text(min_size=1, max_size=8))
values = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False) | st.dates()


@pytest.mark.slow
@given(queries(sets(names, names, st.tuples(names, values), names, by_id=True)) | measured_sets() | numbers())
def test_a_query_prints_as_text_that_reads_back_to_it(query: Query) -> None:
    assert Query.parse(str(query)) == query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ('(("a"))', A), ('entity("a")', Entity("a", by_id=True)), ('"\\u00e9\\n"', Entity("é\n")),
        ('r("a")', Project("r", A)), (' ~ r\n(\t"a" ) ', Project("r", A, inverse=True)),
        ('"born in"("a")', Project("born in", A)), ('"count"("a")', Project("count", A)),
        ('countess("a")', Project("countess", A)), ('größe("a")', Project("größe", A)),
        ('"a" & "b" | "c"', Union((Intersect((A, B)), C))), ('"a" | "b" & "c"', Union((A, Intersect((B, C))))),
        ('("a" | "b") & "c"', Intersect((Union((A, B)), C))), ('!"a" & "b"', Intersect((Complement(A), B))),
        ('!("a" & "b")', Complement(Intersect((A, B)))), ('!!"a"', Complement(Complement(A))),
        ('"a" & "b" & "c"', Intersect((A, B, C))), ('"a" & ("b" & "c")', Intersect((A, Intersect((B, C))))),
        ('!v("a") > 1', Complement(Compare("v", A, ">", 1))), ('v("a") > 1 & "b"', Intersect((V1, B))),
        ('v("a") >= -1_000', Compare("v", A, ">=", -1000)), ('v("a") != 2.5', Compare("v", A, "!=", 2.5)),
        ('v("a") <= 1e3', Compare("v", A, "<=", 1000.0)), ('v("a") = "2001-12-31"', Compare("v", A, "=", DAY)),
        ('v("a") < date("2001-12-31")', Compare("v", A, "<", DAY)),
        ('count("a")', Count(A)), ('exists(r("a"))', Exists(Project("r", A))),
        ('top(3, v, "a" | "b")', Top(3, "v", Union((A, B)))),
        ('bottom(1, "top", "a")', Top(1, "top", A, largest=False)),
        ('r(top(1, v, "a"))', Project("r", Top(1, "v", A))), ('every(~r, "a")', Every("r", A, inverse=True)),
        ('name_starts("É", "a")', NameStarts("É", A)), ('top(2, [count(r(it))], "a")', Top(2, R_OF_IT, A)),
        ('[v(it) / w(it)]("a")', Measured(Measure(Arithmetic("/", Project("v", It()), Project("w", It()))), A)),
        ('[count(it)]("a") > 1', Compare(Measure(Count(It())), A, ">", 1)),
        ('v("a") > v("b")', Compare("v", A, ">", Project("v", B))),
        ('v("a") > count("b") + 1', Compare("v", A, ">", Arithmetic("+", Count(B), ONE))),
        ('sum(v, "a")', Aggregate("v", A, "sum")), ('average([count(r(it))], "a")', Aggregate(R_OF_IT, A, "average")),
        ("1 - 2 - 3 * 4", Arithmetic("-", Arithmetic("-", ONE, TWO), Arithmetic("*", Constant(3), Constant(4)))),
        ("1 - (2 - 3)", Arithmetic("-", ONE, Arithmetic("-", TWO, Constant(3)))),
        ("1 - -2", Arithmetic("-", ONE, Constant(-2))),
        ('-count("a") * 2', Arithmetic("*", Negative(Count(A)), TWO)),
        ('today - v("a")', Arithmetic("-", Today(), Project("v", A))),
        ('itself("a") & todays("b")', Intersect((Project("itself", A), Project("todays", B)))),
        ('"sum"("a") | "it"("b")', Union((Project("sum", A), Project("it", B)))),
        ('count(v("a") > 1 & "b")', Count(Intersect((V1, B)))),
    ],
)  # fmt: skip
def test_a_text_reads_as_its_tree(text: str, query: Query) -> None:
    found = Query.parse(text)
    assert found == query
    if isinstance(found, Compare) and isinstance(query, Compare):
        assert type(found.value) is type(query.value)  # whole numbers stay whole


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", None, "the query is empty"), ("  \n", None, "is empty"), ("borders(France)", 15, "in double quotes"),
        ('is a("Virus")', 4, "of relations that are no single word, stand in"), ('a:b("Ann")', 2, "no single word"),
        ('borders("France"', 17, ""), ('borders("France") &', 20, ""), ('borders("France"))', 18, ""),
        ("borders('France')", 9, ""), ('borders("France', 9, "not closed"), ('"a" "b"', 5, ""), ('"a" & & "b"', 7, ""),
        ('r("a\\q")', 5, ""), ('"a" &\n  r("b\\q")', 13, ""), ('r("")', 3, ""), ('""("a")', 1, ""),
        ('entity("")', 8, ""), ("count()", 7, ""), ('top("a")', 5, ""), ('top(0, v, "a")', 5, ""),
        ('bottom(-2, v, "a")', 8, ""), ('top(1.5, v, "a")', 5, ""), ('~v("a") > 3', 9, ""),
        ('"a" &\n~v("a") > 3', 15, ""), ('v("a") > ', 9, ""), ('v("a") > "soon"', 10, ""),
        ('v("a") > "2001-02-30"', 10, ""), ('v("a") > 1__0', 10, ""), ('v("a") > 1_', 10, ""),
        ('v("a") > 1__0.5', 10, ""), ('v("a") > ' + "9" * 5000, 10, ""), ('"a" # "b"', 5, ""), ("r", 2, ""),
        ('v("a") > 1e999', None, "64-bit"), ('"a" &\nv("a") > "soon"', 16, ""),
        ('count(count("a"))', None, 'count("a") gives a number'), ('r(exists("a"))', None, "only stand at the top"),
        ("it", None, "`it` stands only"), ('r(it) & "a"', None, "`it` stands only"),
        ('[5]("a")', None, "[5] is the same"), ('[count(r("b"))]("a")', None, "is the same for every"),
        ('[r(it) & "b"]("a")', None, 'found r(it) & "b"'), ('[count(v(r(it)) > v(it))]("a")', None, "inside them"),
        ('top(1, [count(top(1, [count(it)], r(it)))], "a")', None, "do not nest"),
        ('v("a") > count(it)', None, "inside them"), ('3 > v("a")', None, "left of a comparison"),
        ('"a" + 1', None, 'found "a"'), ('~v("a") + 1', None, "expected a number"), ("sum(v)", None, 'expected ","'),
        ('date("yesterday")', None, "2001-12-31"), ('name_starts("", "a")', None, "a name between the quotes"),
    ],
)  # fmt: skip
def test_an_error_points_at_its_column_and_says_what_was_expected(text: str, column: int | None, message: str) -> None:
    with pytest.raises(QueryError) as raised:
        Query.parse(text)
    assert message in str(raised.value)
    assert column is None or (raised.value.column, raised.value.text) == (column, text)


def test_the_caret_stands_under_the_column_in_a_part_of_the_text() -> None:
    for before, after in product(
        ('"a" &\n\t', "", " " * 49, " " * 50, " " * 51, " " * 5000), ('"b"', "x" * 45, "x" * 5000)
    ):
        with pytest.raises(QueryError) as raised:
            Query.parse(f"{before}#{after}")
        _, line, caret = str(raised.value).split("\n")
        assert line[caret.index("^")] == "#" and len(line) < 120


@given(st.text(alphabet='ab"\\()&|!~,<>=._-019 \n', max_size=24))
def test_any_text_is_a_query_or_a_query_error(text: str) -> None:
    try:
        query = Query.parse(text)
    except QueryError:
        return
    assert Query.parse(str(query)) == query


def test_a_text_nested_too_deeply_is_a_query_error_and_brackets_alone_add_no_depth() -> None:
    for opening in ("!", "~r(", 'top(1, v, "a" & ', '"b" & !(', '"b" | ('):
        for times in (201, 20_000 if opening in ("!", "~r(") else 1000):
            with pytest.raises(QueryError, match="deeper than 200 levels"):
                Query.parse(opening * times + '"a"' + ")" * (times * opening.count("(")))
    assert Query.parse("(" * 20_000 + '"a"' + ")" * 20_000) == A
