"""Questions about graphs without types: what is looked for has to be found from what is said of it."""

from __future__ import annotations

import datetime

import pytest

from reasoning import KnowledgeGraph, Reasoner
from reasoning.query.tree import Query
from reasoning.reading import understand

FAMILY = KnowledgeGraph.from_triples(
    [
        *[("Ann", "age", 71), ("Ben", "age", 44), ("Cora", "age", 40), ("Eli", "age", 12)],
        *[("Ben", "likes", "chess"), ("Eli", "likes", "chess"), ("Cora", "likes", "tennis")],
        *[("Ben", "born_in", "Graz"), ("Cora", "born_in", "Graz"), ("Eli", "born_in", "Ulm")],
        *[("Ann", "hired_on", datetime.date(2001, 3, 4)), ("Ben", "hired_on", datetime.date(2010, 5, 6))],
        *[("Ann", "salary", 120_000), ("Ben", "salary", 80_000), ("Cora", "salary", 60_000)],
        *[("benzene", "melting_point", 5.5), ("toluene", "melting_point", -95.0), ("ethanol", "melting_point", -114.1)],
    ],
    name="family",
)
FIRM = KnowledgeGraph.from_triples(
    [
        *[("Ada", "employed_by", "Acme"), ("Bob", "employed_by", "Acme"), ("Cid", "employed_by", "Beta")],
        *[("Ada", "salary", 120_000), ("Bob", "salary", 80_000), ("Cid", "salary", 60_000)],
        *[("Acme", "founded", 1999), ("Beta", "founded", 2005)],
        ("Acme", "acquired", "Beta"),
        *[(name, "type", "person") for name in ("Ada", "Bob", "Cid")],
        *[(name, "type", "company") for name in ("Acme", "Beta")],
    ],
    name="firm",
)
FILMS = KnowledgeGraph.from_triples(
    [
        *[("Rope", "directed_by", "Ann"), ("Vertigo", "directed_by", "Ann"), ("Shane", "directed_by", "Bob")],
        *[("Rope", "starred_actors", "Cid"), ("Shane", "starred_actors", "Cid"), ("Vertigo", "starred_actors", "Dee")],
        *[("Rope", "written_by", "Eve"), ("Vertigo", "written_by", "Bob"), ("Shane", "written_by", "Eve")],
        *[("Rope", "has_tags", "party"), ("Vertigo", "has_tags", "height"), ("Shane", "has_tags", "party")],
        *[("Rope", "has_genre", "Thriller"), ("Vertigo", "has_genre", "Mystery"), ("Shane", "has_genre", "Western")],
        *[
            ("Rope", "in_language", "English"),
            ("Vertigo", "in_language", "French"),
            ("Shane", "in_language", "English"),
        ],
        *[("Rope", "release_year", "1948"), ("Vertigo", "release_year", "1958"), ("Shane", "release_year", "1953")],
        *[("Rope", "has_imdb_rating", "good"), ("Vertigo", "has_imdb_rating", "great")],
        *[("Rope", "has_imdb_votes", "famous"), ("Vertigo", "has_imdb_votes", "unknown")],
    ],
    name="films",
)

STATES = KnowledgeGraph.from_triples(
    [
        *[("peru", "economicaid", "chile"), ("peru", "economicaid", "cuba"), ("india", "economicaid", "chile")],
        *[("peru", "treaties", "india"), ("chile", "warning", "peru"), ("cuba", "warning", "india")],
        *[("india", "severdiplomatic", "cuba"), ("chile", "militaryalliance", "peru")],
        *[("peru", "militaryalliance", "chile"), ("cuba", "students", "india"), ("india", "accusation", "cuba")],
        *[("peru", "expeldiplomats", "cuba"), ("india", "expeldiplomats", "peru")],
    ],
    name="states",
)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Whom does Peru support with economic aid?", 'economicaid("peru")'),
        ("Which states have been helped with economic aid by India?", 'economicaid("india")'),
        ("Which country supplies Cuba with economic aid?", '~economicaid("cuba")'),
        ("To which countries does Peru provide economic aid?", 'economicaid("peru")'),
        ("How many countries does Peru have treaties with?", 'count(treaties("peru"))'),
        ("Which countries received a warning from Chile or Cuba?", 'warning("chile") | warning("cuba")'),
        ("Who broke off diplomatic relations with Cuba?", '~severdiplomatic("cuba")'),
        ("In which countries do students from Cuba study?", 'students("cuba")'),
        ("Who receives economic aid from Peru but isn't in a military alliance with it?",
         'economicaid("peru") & !militaryalliance("peru")'),
        ("Who has expelled diplomats of Cuba?", '~expeldiplomats("cuba")'),
        ("Which countries did the countries to which Chile issued a warning give economic aid?",
         'economicaid(warning("chile"))'),
    ],
)  # fmt: skip
def test_who_does_what_to_whom(question: str, expected: str) -> None:
    found = understand(question, STATES)
    assert found.query is not None, found.problem
    assert Reasoner(STATES, method="exact").answer(found.query).entities == (
        Reasoner(STATES, method="exact").answer(Query.parse(expected)).entities
    )


def names(kg: KnowledgeGraph, question: str) -> set[str]:
    found = understand(question, kg)
    assert found.query is not None, found.problem
    return set(Reasoner(kg, method="exact").answer(found.query).entities)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Who is the oldest?", {"Ann"}),
        ("Who is younger than 40?", {"Eli"}),
        ("Who is older than Ben?", {"Ann"}),
        ("Who earns more than 70000?", {"Ann", "Ben"}),
        ("Who earns more than Ben?", {"Ann"}),
        ("Who earns the most?", {"Ann"}),
        ("Who has the highest salary?", {"Ann"}),
        ("Who was hired before 2005?", {"Ann"}),
        ("Who was hired after Ann?", {"Ben"}),
        ("Who was hired in 2010?", {"Ben"}),
        ("Who was hired first?", {"Ann"}),
        ("Who doesn't like chess?", {"Cora"}),
        ("Who was not born in Graz?", {"Eli"}),
        ("What has a melting point below 0?", {"toluene", "ethanol"}),
        ("What has a melting point below -100?", {"ethanol"}),
    ],
)
def test_what_is_looked_for_is_found_from_what_is_said(question: str, expected: set[str]) -> None:
    assert names(FAMILY, question) == expected


def test_nothing_left_is_no_confident_answer() -> None:
    assert understand("Who likes neither chess nor tennis?", FAMILY).query is None


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Which people earn less than Bob?", {"Cid"}),
        ("Who has the highest salary?", {"Ada"}),
        ("Which people are not employed by Acme?", {"Cid"}),
        ("What is the oldest company?", {"Acme"}),
        ("What is the newest company?", {"Beta"}),
        ("Which company was founded last?", {"Beta"}),
    ],
)
def test_people_and_ranks_with_types(question: str, expected: set[str]) -> None:
    assert names(FIRM, question) == expected


def test_employees_are_whom_a_company_employs() -> None:
    found = understand("How many employees does Acme have?", FIRM)
    assert found.query == Query.parse('count(~employed_by("Acme"))')


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("Which films are by [Rope]'s director?", '~directed_by(directed_by("Rope"))'),
        (
            "Who starred in the movies made by whoever directed [Rope]?",
            'starred_actors(~directed_by(directed_by("Rope")))',
        ),
        ("What else is there by the director of [Rope]?", '~directed_by(directed_by("Rope"))'),
        ("Other movies in the same language as [Rope]?", '~in_language(in_language("Rope"))'),
        ("How good is [Rope] supposed to be?", 'has_imdb_rating("Rope")'),
        ("Just how famous is [Rope]?", 'has_imdb_votes("Rope")'),
        ("For a pub quiz: who wrote the script of [Rope]?", 'written_by("Rope")'),
        ("Remind me, which filmmaker gave us [Rope]?", 'directed_by("Rope")'),
        ("I should be grateful for the name of the screenwriter of [Rope].", 'written_by("Rope")'),
        ("How far back does [Rope] go? I need the year it was released.", 'release_year("Rope")'),
        ("Which tags have been put on [Rope]?", 'has_tags("Rope")'),
        ("Which movies got tagged [party]?", '~has_tags("party")'),
        ("Which films share a keyword with [Rope]?", '~has_tags(has_tags("Rope"))'),
        ("In which films does [Cid] play a part?", '~starred_actors("Cid")'),
    ],
)
def test_wordings_about_films(question: str, query: str) -> None:
    found = understand(question, FILMS)
    assert found.query == Query.parse(query), found.problem


@pytest.mark.parametrize(
    ("kg", "question", "told"),
    [
        (FAMILY, "Who likes chess?", "Ben and Eli like chess."),
        (FAMILY, "Who is younger than 40?", "Eli (12) has an age below 40."),
        (FAMILY, "Who is the oldest?", "Ann (71) has the largest age."),
        (FAMILY, "How old is Ben?", "The age of Ben is 44."),
        (FAMILY, "When was Ann hired?", "Ann was hired on 2001-03-04."),
        (FAMILY, "Who was hired before 2005?", "Ann (2001-03-04) was hired before 2005-01-01."),
        (FIRM, "Which company did Acme acquire?", "Acme acquired Beta."),
        (FIRM, "Which person has the second highest salary?",
         "Bob (80,000) has the second largest salary among those that are of type person."),
    ],
)  # fmt: skip
def test_the_answer_is_told_in_good_english(kg: KnowledgeGraph, question: str, told: str) -> None:
    assert Reasoner(kg, method="exact").answer(question).sentence == told


PEOPLE = KnowledgeGraph.from_triples(
    [
        *[("Ann", "manages", "Bob"), ("Bob", "manages", "Dora")],
        *[("Bob", "speaks", "German"), ("Ann", "speaks", "French")],
        *[("Al", "plays_for", "Leeds"), ("Leeds", "plays_in", "Elland Road"), ("Leeds", "beat", "Hull")],
        ("Ann", "studied_at", "MIT"),
        *[("Ann", "knows", "C++"), ("Bob", "knows", "C"), ("Ann", "works_in", "R&D"), ("Cuba", "boycotts", "UK")],
        *[("Reds", "points", 12), ("Blues", "points", 9), ("Ann", "salary", 65000), ("Bob", "salary", 70000)],
    ],
    name="people",
)  # fmt: skip


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("Who manages someone who speaks German?", '~manages(~speaks("German"))'),
        ("Who manages nobody who speaks German?", None),
        ("Who needs to manage Bob?", None),
        ("Who plays for Leeds?", '~plays_for("Leeds")'),
        ("Who plays against Leeds?", None),
        ("Who studied with Ann?", None),
        ("Who boycotts Cuba?", '~boycotts("Cuba")'),  # of which nothing is said, and it is not turned
        ("Who knows C++?", '~knows("C++")'),
        ("Who works in R&D?", '~works_in("R&D")'),
        ("Which team has the most points?", 'top(1, points, !"Ann")'),
        ("Who has a salary of 65000?", 'salary(!"Reds") = 65000'),
        ("Is Ann taller than Bob?", None),
        ("Who manages two people?", None),
    ],
)
def test_no_word_is_taken_for_less_than_it_says(question: str, query: str | None) -> None:
    found = understand(question, PEOPLE)
    if query is None:
        assert found.query is None
        return
    assert found.query is not None, found.problem
    reasoner = Reasoner(PEOPLE, method="exact")
    assert reasoner.answer(found.query).entities == reasoner.answer(Query.parse(query)).entities


OCCUPATIONS = KnowledgeGraph.from_triples(
    [
        *[("Al", "occupation", "actor"), ("Bo", "occupation", "singer"), ("Cy", "occupation", "actor")],
        *[("Al", "place_of_birth", "York"), ("Bo", "place_of_birth", "York"), ("Cy", "place_of_birth", "Hull")],
    ],
    name="occupations",
)


@pytest.mark.parametrize(
    ("question", "answer"),
    [("Which actors were born in York?", ["Al"]), ("Which singers were born in York?", ["Bo"])],
)
def test_a_noun_that_names_something_says_what_is_looked_for(question: str, answer: list[str]) -> None:
    found = understand(question, OCCUPATIONS)
    assert found.query is not None, found.problem
    assert Reasoner(OCCUPATIONS, method="exact").answer(found.query).entities == answer


def test_a_noun_that_the_graph_does_not_know_is_told_and_an_adjective_is_not_dropped() -> None:
    assert 'took "dogs" for what is looked for' in understand("Which dogs were born in York?", OCCUPATIONS).assumed
    assert understand("Which funny singers were born in York?", OCCUPATIONS).query is None
