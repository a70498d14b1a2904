"""What a question is understood as without a language model: its query, how sure that is, what else it may mean."""

from __future__ import annotations

import pytest

from reasoning import Reasoner
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import Query
from reasoning.reading import Reading, understand
from reasoning.reading.english.wordnet import wordnet
from reasoning.reading.lexicon import lexicon_of

COUNTRIES = {
    # name: (continent, area, population, neighbours)
    "North Arda": ("Ardania", 900, 30, ["South Arda"]),
    "South Arda": ("Ardania", 800, 60, ["North Arda", "Belmar"]),
    "Belmar": ("Ardania", 700, 90, ["South Arda", "Corvia"]),
    "Corvia": ("Boreas", 600, 10, ["Belmar"]),
    "France": ("Europe", 500, 70, []),
}


@pytest.fixture(scope="module")
def lands() -> KnowledgeGraph:
    """Five countries, two of them of one name, and cities of which two are called Milford."""
    triples: list[tuple[str, str, str | int]] = []
    types: dict[str, str] = {}
    for name, (continent, area, population, neighbours) in COUNTRIES.items():
        triples += [(name, "continent", continent), (name, "area", area), (name, "population", population)]
        triples += [(name, "borders", neighbour) for neighbour in neighbours]
        types |= {name: "country", continent: "continent"}
    cities = {
        "Milford": ("Belmar", 50),
        "Milford (Corvia)": ("Corvia", 40),
        "Tinyford": ("Corvia", 1),
        "Paris": ("France", 9),
    }
    for city, (country, population) in cities.items():
        triples += [(city, "country", country), (city, "population", population)]
        types[city] = "city"
    triples += [("Belmar", "capital", "Milford"), ("France", "capital", "Paris")]
    triples += [(entity, "type", kind) for entity, kind in types.items()]
    aliases = [("South Arda", "Arda"), ("Milford (Corvia)", "Milford")]
    return KnowledgeGraph.from_triples(triples, "lands", types.items(), aliases)


READ = [
    ("the second largest country in Ardania", 'bottom(1, area, top(2, area, ~continent("Ardania")))'),
    ("Name the two countries with the largest population", 'top(2, population, ~type("country"))'),
    ("Which countries have between 20 and 65 inhabitants?",
     'population(population(~type("country")) >= 20) <= 65'),
    ("Which countries border South Arda or Corvia, but not both?",
     '(borders("South Arda") | borders("Corvia")) & !(borders("South Arda") & borders("Corvia"))'),
    ("Which countries border Belmar, Corvia excepted?", 'borders("Belmar") & !"Corvia"'),
    ("French cities", '~country("France")'),
    ("popultaion of Paris", 'population("Paris")'),
    ("Paris, what country is it in?", 'country("Paris")'),
    ("Of which country is Paris the capital?", '~capital("Paris")'),
    ("Is Belmar larger than Corvia by area?", 'exists(top(1, area, "Belmar" | "Corvia") & "Belmar")'),
    ("Which countries does Belmar not border?", '~type("country") & !borders("Belmar")'),
    ("Which nations border Corvia?", 'borders("Corvia")'),
]  # fmt: skip


@pytest.mark.parametrize(("question", "query"), READ)
def test_a_question_is_understood(lands: KnowledgeGraph, question: str, query: str) -> None:
    read = understand(question, lands)
    assert str(read.query) == query, read.problem
    assert 0 < read.confidence <= 1


class TestReasonerReads:
    """`Reasoner.read`: what a question may mean, best first, and nothing where nothing can be meant."""

    @pytest.fixture
    def reasoner(self, lands: KnowledgeGraph) -> Reasoner:
        return Reasoner(lands, method="exact")

    def test_what_is_sure(self, reasoner: Reasoner) -> None:
        first, *_ = reasoner.read("Which nations border Corvia?")
        assert str(first.query) == 'borders("Corvia")'
        assert 0.9 < first.probability <= 1

    def test_what_may_be_several_things(self, reasoner: Reasoner) -> None:
        readings = reasoner.read("What country is Milford in?")
        assert {str(one.query) for one in readings} >= {'country("Milford")', 'country("Milford (Corvia)")'}
        assert [one.probability for one in readings] == sorted((one.probability for one in readings), reverse=True)

    def test_what_cannot_be_asked(self, reasoner: Reasoner) -> None:
        assert reasoner.read("Which rivers flow through Belmar?") == []

    @pytest.mark.parametrize("query", ['borders("Corvia")', Query.parse('borders("Corvia")')])
    def test_a_formal_query(self, reasoner: Reasoner, query: str | Query) -> None:
        assert reasoner.read(query) == [Reading(Query.parse('borders("Corvia")'), (), 1.0)]


@pytest.mark.parametrize("question", ["What country is Milford in?", "Which countries border Arda?"])
def test_a_name_of_two_that_are_both_well_known_is_asked_back(lands: KnowledgeGraph, question: str) -> None:
    read = understand(question, lands)
    assert read.query is None
    assert len(read.alternatives) >= 2
    assert "choose one, or put its id in [brackets]" in read.problem


def test_a_namesake_that_does_not_fit_is_no_alternative(lands: KnowledgeGraph) -> None:
    assert str(understand("Which country is Milford the capital of?", lands).query) == '~capital("Milford")'


@pytest.mark.parametrize(
    ("question", "unread"),
    [
        ("Who is the president of France?", ("president",)),
        ("Which rivers flow through Belmar?", ("rivers", "flow")),
        ("Quelle est la capitale de la France ?", ("Quelle", "est", "la", "capitale", "de")),
    ],
)
def test_words_that_the_graph_has_nothing_for_are_named(
    lands: KnowledgeGraph, question: str, unread: tuple[str, ...]
) -> None:
    read = understand(question, lands)
    assert read.query is None
    assert read.confidence == 0
    assert set(read.unread) >= set(unread[:1])
    assert "not understood" in read.problem


def test_the_same_question_is_read_over_a_graph_without_types() -> None:
    triples = [("Dune", "directed_by", "Ann"), ("Emma", "directed_by", "Ann"), ("Emma", "written_by", "Bob")]
    triples += [("Zorro", "written_by", "Bob"), ("Dune", "release_year", "1984"), ("Emma", "release_year", "1996")]
    graph = KnowledgeGraph.from_triples(triples)
    for question, query in [
        ("who is the author of Emma", 'written_by("Emma")'),
        ("the director of Dune also directed which films", '~directed_by(directed_by("Dune"))'),
        ("which films share a director with Dune", '~directed_by(directed_by("Dune"))'),
        ("who directed the films written by Bob", 'directed_by(~written_by("Bob"))'),
        ("in which years were the films directed by Ann released", 'release_year(~directed_by("Ann"))'),
    ]:
        assert str(understand(question, graph).query) == query, question


def test_what_is_said_of_an_unknown_thing_is_not_guessed() -> None:
    graph = KnowledgeGraph.from_triples([("Ann", "wrote", "Dune"), ("Dune", "genre", "Drama")])
    assert understand("Who painted Dune?", graph).query is None


def test_words_are_near_by_what_they_mean_and_not_by_how_they_are_spelt() -> None:
    near = wordnet().related("write")
    assert near["writer"] < near["author"] < 0.5
    assert "capital" not in near
    assert wordnet().nouns_of("Swiss")[0] == "Switzerland"
    assert wordnet().likeness("type", "genre") > wordnet().likeness("type", "year")


def test_the_lexicon_of_a_graph_is_made_once(lands: KnowledgeGraph) -> None:
    assert lexicon_of(lands) is lexicon_of(lands)


def test_an_empty_answer_names_the_step_at_which_it_became_empty(lands: KnowledgeGraph) -> None:
    answer = Reasoner(lands, method="exact").answer('area(borders(borders("France")))')
    assert answer.entities == []
    assert any("since step 1 of 3 found nothing" in note for note in answer.notes)


def test_what_many_lead_to_comes_first_and_what_the_query_names_last() -> None:
    triples = [("Ann", "wrote", book) for book in ("Dune", "Emma", "Ivan")] + [("Zoe", "wrote", "Emma")]
    triples += [("Dune", "genre", "Aria"), ("Emma", "genre", "Drama"), ("Ivan", "genre", "Drama")]
    reasoner = Reasoner(KnowledgeGraph.from_triples(triples), method="exact")
    assert reasoner.answer('genre(wrote("Ann"))').entities == ["Drama", "Aria"]
    assert reasoner.answer('~wrote(wrote("Ann"))').entities == ["Zoe", "Ann"]
