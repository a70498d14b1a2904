"""Ways of saying things: what stands around a question, slips of the pen, numbers in words, and their shapes."""

from __future__ import annotations

from pathlib import Path

import pytest

from reasoning import Query, Reasoner
from reasoning.evaluation.question_files import read_questions
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.read_question import QuestionError
from reasoning.reading import read_question, understand
from reasoning.reading.english.number_words import spoken_number
from reasoning.reading.lexicon import lexicon_of
from reasoning.reading.rules.rephrasing import stripped, turned
from reasoning.reading.rules.spelling import respelled


@pytest.fixture(scope="module")
def world() -> KnowledgeGraph:
    return KnowledgeGraph.load("world")


@pytest.mark.parametrize(
    ("words", "value", "length"),
    [
        ("5 million people", 5_000_000, 2),
        ("2,500 metres", 2500, 1),
        ("twenty five million", 25_000_000, 3),
        ("half a million", 500_000, 3),
        ("a quarter of a million", 0, 0),  # which begins with its article
        ("quarter of a million", 250_000, 4),
        ("one and a half million", 1_500_000, 5),
        ("two hundred and five", 205, 4),
        ("one hundred and twenty thousand", 120_000, 5),
        ("1.5bn", 1_500_000_000, 1),
        ("20k", 20_000, 1),
        ("two and three", 2, 1),
        ("twenty thirty", 20, 1),
        ("2400 m", 2400, 1),  # metres
        ("3d", 0, 0),
        ("million", 1_000_000, 1),
        ("many", 0, 0),
    ],
)
def test_numbers_in_words(words: str, value: float, length: int) -> None:
    assert spoken_number(words.split()) == (value, length)


@pytest.mark.parametrize(
    ("question", "text", "asks"),
    [
        ("Hi there, what is the capital of Chad?", "what is the capital of Chad?", False),
        ("Quick question: is Bonn in Germany?", "is Bonn in Germany?", True),
        ("Is it true that Bonn is in Germany?", "Bonn is in Germany?", True),
        ("Could you tell me whether Bonn is in Germany", "Bonn is in Germany", True),
        ("Bonn is in Germany, isn't it?", "Bonn is in Germany", True),
        ("Is Bonn in Germany, yes or no?", "Is Bonn in Germany", True),
        ("Is there a city in Chad, and if so which one?", "Is there a city in Chad", False),
        ("Do you have a list of African countries?", "list African countries?", False),
        ("I'd like to know which cities are in Chad", "which cities are in Chad", False),
        ("Just a number please: how many cities are in Chad?", "how many cities are in Chad?", False),
        ("Which countries border Chad, any one will do?", "Which countries border Chad?", False),
        ("Which cities are in Chad, if there are any?", "Which cities are in Chad?", False),
        ("Can you name the capital of Chad?", "Can you name the capital of Chad?", False),
        ("who made [In Other Words, It Has a Hold on Us]?", "who made [In Other Words, It Has a Hold on Us]?", False),
        ("films with Bill Skarsgård in It", "films with Bill Skarsgård in It", False),
        ("films with a witch in them", "films with a witch", False),
        ("who has more people, Chad or Niger?", "who has more people, Chad or Niger?", False),
        ("Who has an embargo on Chad?", "Who embargoes Chad?", False),
        ("Countries selling books to Chad but none to Niger", "Countries selling books to Chad but not Niger", False),
        ("the northernmost city, i.e. the one farthest up?", "the northernmost city?", False),
        ("How big is the population of Chad?", "what is the population of Chad?", False),
        ("How big is the capital of Chad?", "How big is the capital of Chad?", False),
    ],
)  # fmt: skip
def test_what_stands_around_a_question_is_taken_off(question: str, text: str, asks: bool) -> None:
    put = stripped(question)
    assert (put.text, put.asks) == (text, asks)


@pytest.mark.parametrize(
    ("question", "plain"),
    [
        ("Of which country is Bonn the capital?", "which country is Bonn the capital of"),
        ("I'm flying to Lomé next week. What is spoken there?", "What is spoken in Lomé?"),
        ("We live in Lomé, what is the capital of this country?", "what is the capital of the country of Lomé?"),
        ("Is Ewe among the languages of Togo?", "Is Ewe the languages of Togo?"),
        ("Togo, what is its currency?", "what is Togo's currency?"),
        ("cities in Togo that were not founded there", "cities in Togo that were not founded in Togo"),
        ("It borders Chad, and it uses the euro: what is it?", "what borders Chad and uses the euro"),
        ("The .td domain belongs to which country?", "which country does the .td domain belong to"),
        ("Chad's two largest neighbours by area", "the two largest neighbours of Chad by area"),
        ("Next door to Chad, does anybody use the euro?", "does anybody use the euro next door to Chad"),
        ("Are there more than 5 million people in Togo?", "does Togo have more than 5 million people"),
    ],
)
def test_what_was_put_first_is_put_back(question: str, plain: str) -> None:
    assert plain in list(turned(question))


def test_slips_in_common_words_are_mended_and_said(world: KnowledgeGraph) -> None:
    lexicon = lexicon_of(world)
    assert respelled("wich contries are neigbours of Chad", lexicon) == (
        "which countries are neighbours of Chad",
        ('read "wich" as "which"', 'read "contries" as "countries"', 'read "neigbours" as "neighbours"'),
    )
    for plain in ("among the towns of [contry]", "the river Contry", "nations within Asia", "lomé", "xqzzt of Chad"):
        assert respelled(plain, lexicon) == (plain, ())
    assert respelled("films with a witch, wot lol", lexicon)[0] == "films with a witch, what lol"
    assert respelled("who directed [Wot]", lexicon) == ("who directed [Wot]", ())
    found = understand("wich contries border Chad", world)
    assert str(found.query) == 'borders("Chad")'
    assert 'read "contries" as "countries"' in found.assumed


WORDINGS = [
    # what is said of a country holds in its cities, where it lies nowhere itself
    ("What currency do people use in Lomé?", 'currency(country("Lomé"))'),
    ("Tartu is in some country. Which languages does that country have?", 'language(country("Tartu"))'),
    # things beside things
    ("Does Peru have more people than Chile?", 'exists(top(1, population, "Peru" | "Chile") & "Peru")'),
    ("Which is further north, Lima or Bogotá?", 'top(1, latitude, "Lima" | "Bogotá")'),
    ("Out of Peru, Chile and Guyana, who has the fewest people?", 'bottom(1, population, "Peru" | "Chile" | "Guyana")'),
    ("do more people live in Lima than in Bogotá?", 'exists(top(1, population, "Lima" | "Bogotá") & "Lima")'),
    # superlatives of what belongs to something, and of places
    ("Chad's most populous city", 'top(1, population, ~country("Chad") & ~type("city"))'),
    ("What is the westernmost city in Ireland?", 'bottom(1, longitude, ~country("Ireland") & ~type("city"))'),
    ("Top 3 African countries by area", 'top(3, area, ~continent("Africa"))'),
    ("airports in Bolivia above 4000 m", 'elevation(~country("Bolivia") & ~type("airport")) > 4000'),
    ("Who has more people, Peru or Chile?", 'top(1, population, "Peru" | "Chile")'),
    ("What are Zambia's two biggest neighbours in terms of area?", 'top(2, area, borders("Zambia"))'),
    ("Top 3 African countries by number of inhabitants", 'top(3, population, ~continent("Africa"))'),
    ("How big is the land area of Chad?", 'area("Chad")'),
    # what stands late, or is left out
    ("Canberra is capital of wich country", '~capital("Canberra")'),
    ("The euro is the currency of how many countries?", 'count(~currency("Euro"))'),
    ("The .tv domain belongs to what country?", '~top_level_domain(".tv domain")'),
    ("airports fiji", '~country("Fiji") & ~type("airport")'),
    ("capitals of bolivias neighbours", 'capital(borders("Bolivia"))'),
    ("Which lands use the Danish krone?", '~currency("Danish Krone")'),
    # "and", "or", "not"
    ("What languages do Austria and Belgium have in common?", 'language("Austria") & language("Belgium")'),
    ("Find the airports that serve Milan and those that serve Turin", '~serves("Milan") | ~serves("Turin")'),
    ("Neighbours of Poland whose currency isn't the euro", 'borders("Poland") & !~currency("Euro")'),
    ("Neighbours of Poland outside the eurozone", 'borders("Poland") & !~currency("Euro")'),
    (
        "Which countries border Peru or Chile, but not both?",
        '(borders("Peru") | borders("Chile")) & !(borders("Peru") & borders("Chile"))',
    ),
    (
        "Are German and Italian both official in Switzerland?",
        'exists(~language("German") & ~language("Italian") & "Switzerland")',
    ),
    ("Do Togo and Benin use the same currency?", 'exists(currency("Togo") & currency("Benin"))'),
    # what is chosen from stands first
    ("Out of all of Chad's neighbours, which one covers the least area?", 'bottom(1, area, borders("Chad"))'),
    ("Senegal or Mali, which of the two has more people?", 'top(1, population, "Senegal" | "Mali")'),
    ("neighbours of Switzerland in which German is not official", 'borders("Switzerland") & !~language("German")'),
    ("Of Peru, Chile and Guyana, which is the smallest?", 'bottom(1, area, "Peru" | "Chile" | "Guyana")'),
    ("Which of Peru, Chile and Guyana is the smallest?", 'bottom(1, area, "Peru" | "Chile" | "Guyana")'),
    # what something is, and all that is so
    ("Is Lima a city?", 'exists("Lima" & ~type("city"))'),
    ("Is France an airport?", 'exists("France" & ~type("airport"))'),
    ("Isn't France in Europe?", 'exists("France" & ~continent("Europe"))'),
    ("List all countries", '~type("country")'),
    ("South American countries without Brazil", '~continent("South America") & ~type("country") & !"Brazil"'),
    ("European countries without the euro", '~continent("Europe") & ~type("country") & !~currency("Euro")'),
    # numbers
    (
        "European countries with between 5 and 10 million people",
        'population(population(~continent("Europe") & ~type("country")) >= 5000000) <= 10000000',
    ),
    (
        "Countries in Europe with 5 to 10 million people",
        'population(population(~continent("Europe") & ~type("country")) >= 5000000) <= 10000000',
    ),
    ("What are the top 3 largest countries in Asia?", 'top(3, area, ~continent("Asia"))'),
    ("What is the 10th largest country?", 'bottom(1, area, top(10, area, ~type("country")))'),
    ("How many countries are in Asia?", 'count(~continent("Asia"))'),
    (
        "Which countries have a capital with fewer than 20,000 people?",
        '~capital(population(capital(~type("country"))) < 20000)',
    ),
    # names
    ("How many people live in Paris, Texas?", 'population("Paris (Texas)")'),
    ("Which city is the Kyrgyz capital?", 'capital("Kyrgyzstan")'),
    ("Whose dialling code begins with +228?", '~calling_code("+228")'),
    ("Which country has Lomé as its capital?", '~capital("Lomé")'),
]  # fmt: skip


@pytest.mark.parametrize(("question", "query"), WORDINGS)
def test_a_wording_is_read(world: KnowledgeGraph, question: str, query: str) -> None:
    found = understand(question, world)
    assert found.query is not None, found.problem
    exact = Reasoner(world, method="exact")
    given, expected = exact.answer(found.query), exact.answer(Query.parse(query))
    assert (set(given.entities), given.value) == (set(expected.entities), expected.value), str(found.query)


@pytest.mark.parametrize(
    "question",
    [
        "Which Oceanian countries use the dollar?",
        "Which is bigger, Peru or Mongolia?",  # by area the one, by population the other
        "Is Mongolia bigger than Japan?",  # by area it is, by population it is not
        "Which countries are bigger than Brazil?",
        "And which of them use the euro?",
        "the ones in Africa",
        "Which countries used to border Poland?",
        "How many people speak Swahili?",  # it is not said who speaks what, and how many they are
        "which countries share a capital",  # which names nothing
        "Do all neighbours of France use the euro?",
        "Does every country in Europe use the euro?",
        "What is the capital of France? What is the capital of Germany?",
        "What is the capital and the currency of France?",
        "What is the average population of African countries?",
        "the second language of Canada",
        "What is the main airport of Germany?",
        "What is the state capital of Texas?",
        "Which is the best country?",
        "Which countries have a coast?",
        "Which countries border Prussia?",  # which is not the King of Prussia
        "Where is Waldo?",
        "What is the population of Asia?",  # which is not the town of that name
        "Which countries border Texas?",
        "Tell me about France",
        "Is San Jose in the United States?",
        "Which countries border Germany and Poland or Austria?",
        "What is the population of Wakanda?",  # which is no slip of Akanda
        "What is the capital of Munich?",
        "What is the population of the capital of Lyon?",
        "Which airports border France?",
    ],
)
def test_what_is_open_is_not_answered(world: KnowledgeGraph, question: str) -> None:
    with pytest.raises(QuestionError):
        read_question(question, world, None)


def test_numbers_are_asked_of_several(world: KnowledgeGraph) -> None:
    query, _ = read_question("How many people live in Peru and Chile?", world, None)
    assert str(query) == 'population("Peru" | "Chile")'


@pytest.mark.parametrize(
    "question", ["Which country is about the size of France?", "How many countries have a population?"]
)
def test_what_no_query_can_say_is_a_question_back_and_no_error_of_the_grammar(
    world: KnowledgeGraph, question: str
) -> None:
    found = understand(question, world)
    assert found.query is None
    for option in found.alternatives:
        Reasoner(world, method="exact").answer(option.query)


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("How come Switzerland has four official languages?", "how come"),
        ("What is the capital of France and what is its population?", "asks two things"),
        ("List countries where they speak French or English and border Cameroon", "may bind either way"),
    ],
)
def test_reasons_two_questions_and_what_binds_either_way_are_refused(
    world: KnowledgeGraph, question: str, told: str
) -> None:
    found = understand(question, world)
    assert found.query is None
    assert told in found.problem


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("My flight lands in Manaus - what time zone do I set my watch to there?", 'timezone("Manaus")'),
        ("I want to phone a friend in Timbuktu, what's the calling code for that country?",
         'calling_code(country("Timbuktu"))'),
        ("We are off to Hungary in spring, what money will we need there?", 'currency("Hungary")'),
        ("what prefix do I dial to ring someone in Iceland", 'calling_code("Iceland")'),
        ("Which airports could I use if I'm going to Milan?", '~serves("Milan")'),
        ("Paramaribo is the capital of a country on which continent?", 'continent(~capital("Paramaribo"))'),
        ("Oslo Gardermoen Airport serves a city; what are the languages of the country that city is in?",
         'language(country(serves("Oslo Gardermoen Airport")))'),
        ("How many countries share the East Caribbean Dollar?", 'count(~currency("East Caribbean Dollar"))'),
        ("Name the three neighbours of Tanzania with the most inhabitants.", 'top(3, population, borders("Tanzania"))'),
        ("Of all the Portuguese-speaking countries, which one covers the most land?",
         'top(1, area, ~language("Portuguese"))'),
        ("Where do they spend pounds sterling or Danish kroner?",
         '~currency("Pound Sterling") | ~currency("Danish Krone")'),
        ("Where could I spend Danish or Norwegian kroner?", '~currency("Danish Krone") | ~currency("Norwegian Krone")'),
        ("What airports does the capital of Japan have?", '~serves(capital("Japan"))'),
        ("Can you tell me how many languages South Africa has?", 'count(language("South Africa"))'),
        ("Is the euro used as the currency of Denmark?", 'exists(currency("Denmark") & "Euro")'),
        ("How far above sea level is Denver International Airport?", 'elevation("Denver International Airport")'),
        ("What is the latitude of Wellington?", 'latitude("Wellington")'),  # one capital among its namesakes
    ],
)  # fmt: skip
def test_what_stands_around_is_read(world: KnowledgeGraph, question: str, query: str) -> None:
    found = understand(question, world)
    assert found.query is not None, found.problem
    given, expected = (Reasoner(world, method="exact").answer(q) for q in (found.query, Query.parse(query)))
    assert (given.entities, given.value) == (expected.entities, expected.value)


def test_a_noun_that_only_resembles_a_measure_ranks_nothing(world: KnowledgeGraph) -> None:
    assert understand("What is the highest mountain in Tanzania?", world).query is None


def test_an_expected_number_or_yes_is_no_name(world: KnowledgeGraph, tmp_path: Path) -> None:
    path = tmp_path / "questions.tsv"
    path.write_text("How many airports are there in Iceland?\t33\nIs Paris the capital of France?\tyes\n")
    assert [record.gold for record in read_questions(path, world, None)[0]] == [("33",), ("yes",)]
