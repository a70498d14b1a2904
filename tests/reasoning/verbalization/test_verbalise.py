from collections.abc import Iterator

import pytest
from hypothesis import assume, given

from reasoning import Query
from reasoning.graph.names import label_words
from reasoning.query.tree import Compare, Complement, Entity, Intersect, Project, Top, Union
from tests.reasoning.made_columns import column, graph
from tests.reasoning.random_queries import NUMBER, queries, sets

A, B = Entity("A"), Entity("B")

# Ids that say nothing beside labels that do.
KG = graph(
    {"Q1": "France", "Q2": "Paris", "Q3": "Paris"}, {"P36": "hasCapital"}, [[0, 0, 1]],
    column("founded", "year", {0: 843, 1: 250}), column("people", "integer", {0: 68e6}),
    column("area", "decimal", {0: 551500}, "km²"), relation_aliases={"P36_reverse": (0, True)},
)  # fmt: skip


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ('capital("France")', "the capital of France"),
        ('~capital("Paris")', "everything whose capital is Paris"),
        ('~capital_reverse("France")', "the capital of France"),
        ('!"a"', "everything except a"),
        ('!!"a"', "everything except (everything except a)"),
        ('people("a") <= 2.5', "those of a whose people is at most 2.5"),
        ('size(~in("a")) > 5.0', "everything that is in a and whose size is above 5"),
        ('size(r(s("a"))) = 5', "those of (the r of each of: the s of a) whose size is equal to 5"),
        ('born("a") != "2001-12-31"', "those of a whose born is other than 2001-12-31"),
        ('born("a") > "2001-12-31"', "those of a whose born is after 2001-12-31"),
        ('born("a") <= "2001-12-31"', "those of a whose born is 2001-12-31 or earlier"),
        ('top(1, people, "a")', "the one with the largest people among a"),
        ('sum(people, r("a")) / 2', "the sum of the people over: the r of a divided by 2"),
        ('-(1 + people("a"))', "minus (1 plus the people of a)"),
        ('today - born("a")', "today minus the born of a"),
        ('[count(~in(it) & ~type("town"))]("a")', "the number of towns that are in it for each of: a"),
        ('top(2, [count(borders(it))], "a")', "the 2 with the largest number of what it borders among a"),
        (
            '[people(it) / size(it)](~in("a")) > 3',
            "everything that is in a and whose its people divided by its size is above 3",
        ),
        ('people("a") > people("b")', "those of a whose people is above the people of b"),
        ('every(borders, r("a"))', "everything that borders every one of: the r of a"),
        ('name_starts("x", r("a"))', 'those of the r of a whose name begins with "x"'),
        ('bottom(3, people, "a" | "b")', "the 3 with the smallest people among (a or b)"),
        ('capital(r("a")) & ~s("b")', "(the capital of each of: the r of a) and whose s is b"),
        ('capital(r("a") & ~s("b"))', "the capital of each of: the r of a and whose s is b"),
        ('borders(borders("a"))', "what each of (what a borders) borders"),
        ('!(~s("b") & r("a") & !~s("b"))', "everything"),
        ('~borders(!(!"a" & "a"))', "everything that borders something"),
        ('~located_in(!("a" & !"a"))', "everything that is located in something"),
        ('~is_a(!("a" & !"a"))', "everything that has a type"),
        ('borders(!("a" & !"a"))', "what anything borders"),
        ('size(!("a" & !"a")) > 5', "everything whose size is above 5"),
        ('name_starts("x", !("a" & !"a"))', 'everything whose name begins with "x"'),
        ('every(borders, !("a" & !"a"))', "everything that borders everything"),
        ('~borders("b") & !("a" & !"a")', "everything that borders b"),
        ('~borders("b") & ~capital(!("a" & !"a"))', "everything that borders b and that has a capital"),
        ('~borders("b") & !~capital(!("a" & !"a"))', "everything that borders b, but that has no capital"),
        ('average([size(it)], "a")', "the average of its size over: a"),
        ('count(capital("a"))', "how many there are of: the capital of a"),
        ('exists(capital("a"))', "whether there is any of: the capital of a"),
    ],
)
def test_a_query_in_words(query: str, words: str) -> None:
    assert Query.parse(query).verbalise() == words


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ('P36("Q1")', "the capital of France"),
        ('P36_reverse(entity("Q2"))', "everything whose capital is Paris (Q2)"),
        ('FOUNDED("France") >= 1066', "those of France whose year founded is 1066 or later"),
        ('area("France") >= 1e6', "those of France whose area is at least 1,000,000 km²"),
        ('top(1, founded, "France")', "the one with the latest year founded among France"),
        ('bottom(2000, founded, "France")', "the 2,000 with the earliest year founded among France"),
        ('bottom(2, area, "France")', "the 2 with the smallest area among France"),
        ('count(people("France"))', "how many there are with a value for people among: France"),
        (
            'exists(people(hasCapital("France")))',
            "whether there is any with a value for people among: the capital of France",
        ),
    ],
)
def test_with_a_graph_ids_read_as_labels_and_values_as_their_kind(query: str, words: str) -> None:
    assert Query.parse(query).verbalise(KG) == words


def test_a_relations_label_as_words() -> None:
    labels = {
        "place_of_birth": "place of birth", "/people/person/place_of_birth": "place of birth", "/a/b./c/d": "d",
        "locatedIn": "located in", "concept:athlete_plays": "athlete plays", "http://x.org/onto#borders": "borders",
        "USA": "USA", "price / unit": "price / unit", "<b>bold</b>": "<b>bold</b>", "no. of seats": "no. of seats",
        "_": "_", "...": "...",
    }  # fmt: skip
    assert {label: label_words(label) for label in labels} == labels


def larger(query: Query, others: list[Query]) -> Iterator[Query]:
    """The query within every kind of node."""
    yield from (Project(name, query, way) for name in ("capital", "borders", "born in") for way in (False, True))
    yield from (Complement(query), Compare("size", query, ">", 5), Top(1, "size", query))
    for other in others:
        yield from (Intersect((query, other)), Union((query, other)), Union((other, query)))


def trees() -> list[Query]:
    """Every kind of node within every kind of node."""
    partners: list[Query] = [
        Project("capital", B, inverse=True),
        Project("capital", B),
        Complement(Project("borders", B)),
    ]
    first = [*larger(A, [B])]
    second = [grown for query in first for grown in larger(query, partners)]
    return [A, *first, *second, *(grown for query in second for grown in larger(query, partners[:1]))]


def unordered(query: Query) -> object:
    """The query as a value in which the order of an intersection's parts does not count."""
    if isinstance(query, Intersect):
        return frozenset(map(unordered, query.parts))
    rest = {name: value for name, value in vars(query).items() if name not in ("part", "parts", "source", "depth")}
    return (type(query).__name__, *rest.items(), *map(unordered, query.children))


def test_what_reads_the_same_is_the_same() -> None:
    read: dict[str, set[object]] = {}
    for query in trees():
        read.setdefault(query.verbalise(), set()).add(unordered(query))
    assert [words for words, queries in read.items() if len(queries) > 1] == []


def says_everything(query: Query) -> bool:
    return query.is_everything or any(map(says_everything, query.children))


NAMED = sets(entities=("Ann", "Bob", "Cid", "Dee"), relations=("likes", "parent"), ranked=(NUMBER,))


@given(queries(NAMED))
def test_every_name_is_told_as_often_as_it_is_asked_for(query: Query) -> None:
    assume(not says_everything(query))
    words = query.verbalise()
    for name in ("Ann", "Bob", "Cid", "Dee"):
        assert words.count(name) == str(query).count(f'"{name}"')
    assert words.count("(") == words.count(")")
