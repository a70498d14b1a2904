"""What a question may refer to, with the model's part played by queries that are written for it."""

import asyncio
import json
import pickle
import re
from collections.abc import Callable

import pytest

from reasoning import Answer, KnowledgeGraph, Query, QuestionError, Reasoner
from reasoning.errors import QueryError
from reasoning.parsing.follow_ups import understood_after, understood_first
from reasoning.parsing.last_answer import LastAnswer
from reasoning.parsing.linking import LinkedQuestion
from reasoning.parsing.reader import WeighedReading, chosen
from reasoning.parsing.schema import schema_of
from reasoning.query.read_question import ReadQuestion
from reasoning.verbalization.answers import answer_text
from tests.reasoning.openai_server import Behaviour, OpenAIServer

BORDERS = {"France": ["Spain", "Germany", "Andorra"], "Spain": ["Portugal"], "Germany": ["Poland"]}
CAPITALS = {"France": "Paris", "Spain": "Madrid", "Germany": "Berlin", "Portugal": "Lisbon", "Poland": "Warsaw"}
MONEY = {"France": "Euro", "Spain": "Euro", "Germany": "Euro", "Portugal": "Euro", "Andorra": "Euro", "Poland": "Zloty"}
PEOPLE = {"France": 68, "Spain": 48, "Germany": 84, "Portugal": 10, "Poland": 38, "Andorra": 1, "Paris": 2, "Madrid": 3}
AREAS = {"France": 640, "Spain": 500, "Germany": 360, "Portugal": 90, "Poland": 310, "Andorra": 1}
TYPES = {
    **dict.fromkeys(MONEY, "country"),
    **dict.fromkeys(CAPITALS.values(), "city"),
    **dict.fromkeys(MONEY.values(), "currency"),
}
SURE = 0.7


def graph(name: str) -> KnowledgeGraph:
    triples: list[tuple[str, str, str | int]] = [
        *((country, "borders", other) for country, others in BORDERS.items() for other in others),
        *((country, "capital", city) for country, city in CAPITALS.items()),
        *((country, "currency", money) for country, money in MONEY.items()),
        *((thing, "population", number) for thing, number in PEOPLE.items()),
        *((country, "area", number) for country, number in AREAS.items()),
        *((thing, "type", kind) for thing, kind in TYPES.items()),
    ]
    return KnowledgeGraph.from_triples(triples, name, TYPES.items())


KG = graph("lands")
ANY, EURO = '~type("country")', '~currency("Euro")'
RANKED = f"top(3, population, {ANY})"
SECOND = "bottom(1, {measure}, top(2, {measure}, {source}))"
COMPARED, PUT = ', compared with that of "Spain"', "in the last question"


def after(query: str) -> Answer:
    return Reasoner(KG, method="exact").answer(Query.parse(query))


def writes(*queries: str | tuple[str, float]) -> Callable[[LinkedQuestion], ReadQuestion]:
    """A reader that writes some queries, {words} being what these words of the question are linked to, if they are."""

    def read(question: LinkedQuestion) -> ReadQuestion:
        linked = {name.text: name.query for name in question.names}
        readings = []
        for query in queries:
            text, probability = query if isinstance(query, tuple) else (query, 0.9)
            try:
                readings.append(WeighedReading(Query.parse(text.format_map(linked)), probability, ""))
            except KeyError:
                continue
        return chosen(question, readings, sure=SURE, possible=0.1)

    return read


def asks_nothing(question: LinkedQuestion) -> ReadQuestion:
    raise AssertionError(f"the model was asked {question.prompt.question}")


def noted(seen: list[str], read: Callable[[LinkedQuestion], ReadQuestion]) -> Callable[[LinkedQuestion], ReadQuestion]:
    """A reader that keeps what it was shown."""

    def reads(question: LinkedQuestion) -> ReadQuestion:
        seen.append(question.prompt.question)
        return read(question)

    return reads


def first(question: str, read: Callable[[LinkedQuestion], ReadQuestion]) -> ReadQuestion:
    return understood_first(LinkedQuestion.of(question, schema_of(KG)), read)


def offered(found: ReadQuestion) -> list[str]:
    assert found.query is None
    return [str(one.query) for one in found.alternatives]


def understood(question: str, last: str, read: Callable[[LinkedQuestion], ReadQuestion] = asks_nothing) -> ReadQuestion:
    schema = schema_of(KG)
    return understood_after(LinkedQuestion.of(question, schema), LastAnswer.of(after(last), schema), read, SURE)


SPAIN, NEAR_FRANCE, NEAR_GERMANY = 'population("Spain")', 'borders("France")', 'borders("Germany")'
TOP_EURO = f"top(1, population, {EURO})"
THREE_EURO = f"top(3, population, {EURO})"
FOLLOW_UPS = [
    # a pronoun is what was answered, of several the query that gave them, of a number what was counted or measured
    ("and its population?", 'capital("France")', "population({Paris})", 'population("Paris")', '"its" refers to Paris'),
    ("What are their capitals?", NEAR_FRANCE, "capital({their})", f"capital({NEAR_FRANCE})",
     '"their" refers to Spain, Germany and Andorra'),
    ("Which are they?", 'count(borders("Spain"))', None, '"Portugal"', "Portugal"),
    ("and its capital?", SPAIN, "capital({Spain})", 'capital("Spain")', "Spain"),
    ("only those", NEAR_FRANCE, None, NEAR_FRANCE, "refers to"),
    ("just the second one", NEAR_FRANCE, None, '"Germany"', "refers to Germany"),
    # places are counted in the answer's order
    ("the second one", RANKED, None, '"France"', "refers to France"),
    ("The last?", RANKED, None, '"Spain"', "refers to Spain"),
    ("and the 1st country", RANKED, None, '"Germany"', "refers to Germany"),
    ("And the last two?", RANKED, None, '"France" | "Spain"', "refers to France and Spain"),
    ("only the first 2 countries", RANKED, None, '"Germany" | "France"', "refers to Germany and France"),
    ("the last three ones", RANKED, None, '"Germany" | "France" | "Spain"', "Germany, France and Spain"),
    ("What are the capitals of the first two?", RANKED, "capital({the first two})",
     'capital("Germany" | "France")', ""),
    # what is more than another is so by the measure of the last query
    ("is that more than Spain?", 'population("France")', None, f'exists(population("France") > {SPAIN})', COMPARED),
    ("Is it less than that of Spain?", 'population("France")', None, f'exists(population("France") < {SPAIN})',
     COMPARED),
    ("more than Spain?", 'area("France")', None, 'exists(area("France") > area("Spain"))', COMPARED),
    ("Is it more than the area of Spain?", 'area("France")', None, 'exists(area("France") > area("Spain"))', COMPARED),
    ("and is it larger than Spain's?", f"bottom(1, area, {ANY})", None, 'exists(area("Andorra") > area("Spain"))',
     COMPARED),
    # and so goes on a superlative
    ("the second largest?", TOP_EURO, SECOND.format(measure="area", source=ANY),
     SECOND.format(measure="population", source=EURO), ""),
    ("and the smallest?", f"top(1, population, {ANY})", f"bottom(1, area, {ANY})", f"bottom(1, population, {ANY})", ""),
    ("the largest one", THREE_EURO, f"top(1, area, {ANY})", f"top(1, population, {THREE_EURO})", ""),
    ("the three smallest", THREE_EURO, f"bottom(3, area, {ANY})", f"bottom(3, population, {EURO})", ""),
    ("which is the largest?", f"population({EURO})", f"top(1, area, {ANY})", TOP_EURO, ""),
    ("and the smallest by area?", TOP_EURO, f"bottom(1, area, {ANY})", f"bottom(1, area, {EURO})", ""),
    ("and the smallest with the Zloty?", TOP_EURO, 'bottom(1, area, ~currency("Zloty"))',
     'bottom(1, population, ~currency("Zloty"))', ""),
    ("the smallest?", f"top(1, [count(borders(it))], {ANY})", f"bottom(1, area, {ANY})",
     f"bottom(1, [count(borders(it))], {ANY})", ""),
    ("which of them is the largest?", THREE_EURO, f"top(1, area, {ANY})", f"top(1, population, {THREE_EURO})", ""),
    # names alone take the place of one of their kind
    ("and Spain?", NEAR_FRANCE, None, 'borders("Spain")', PUT),
    ("What about Poland?", 'capital("France")', None, 'capital("Poland")', PUT),
    ("And Poland's?", 'population("France")', None, 'population("Poland")', PUT),
    ("and the Zloty?", 'count(~currency("Euro"))', None, 'count(~currency("Zloty"))', PUT),
    ("and Spain and Poland?", 'capital("France")', None, 'capital("Spain" | "Poland")', PUT),
    ("and for 40?", f"population({ANY}) > 60", None, f"population({ANY}) > 40", PUT),
    ("and Poland?", f"{NEAR_FRANCE} & {EURO}", None, f'borders("Poland") & {EURO}', PUT),
    # what says no set of its own is asked of the last one
    ("with the Euro?", NEAR_GERMANY, EURO, f'"Poland" & {EURO}', "asked of Poland"),
    ("how many?", NEAR_FRANCE, f"count({ANY})", f"count({NEAR_FRANCE})", "asked of Spain, Germany and Andorra"),
    ("and what seats?", NEAR_FRANCE, f"capital({ANY})", f"capital({NEAR_FRANCE})", "asked of"),
    ("and the currency?", NEAR_FRANCE, None, f"currency({NEAR_FRANCE})", "asked of"),
    ("and the capital?", 'currency("Poland")', None, 'capital("Poland")', "asked of"),
    ("the population?", 'capital("France")', None, 'population("Paris")', "asked of"),
    ("and borders?", 'capital("Spain")', None, 'borders("Spain")', "asked of"),
    ("and who governs from where?", 'currency("Poland")', f"capital({ANY})", 'capital("Poland")', ""),
    # what is read of all is asked of them alone
    ("which of them use the euro?", NEAR_GERMANY, EURO, f'"Poland" & {EURO}', "refers to Poland"),
    ("only those with more than 40 people", NEAR_GERMANY, f"population({ANY}) > 40",
     'population("Poland") > 40', "refers to"),
    ("How many of them use the euro?", NEAR_GERMANY, f"count({EURO})", f'count("Poland" & {EURO})', ""),
    ("Do any of them use the euro?", NEAR_GERMANY, f"exists({EURO})", f'exists("Poland" & {EURO})', ""),
]  # fmt: skip


@pytest.mark.parametrize(("question", "last", "written", "meant", "referred"), FOLLOW_UPS)
def test_what_goes_on_from_the_last_answer(
    question: str, last: str, written: str | None, meant: str, referred: str
) -> None:
    found = understood(question, last, asks_nothing if written is None else writes(written))
    assert str(found.query) == str(Query.parse(meant))
    assert found.referred and referred in found.referred and found.referred in found.assumed


def test_the_model_is_shown_the_name_of_one_thing_and_no_word_that_keeps_some_of_those() -> None:
    for question, last, shown in (
        ("What currency does it use?", SPAIN, "What currency does Spain use?"),
        ("and its capital?", SPAIN, "and Spain's capital?"),
        ("Who lives there?", SPAIN, "Who lives in Spain?"),
        ("What is that country's capital?", SPAIN, "What is Spain's capital?"),
        ("only those with the Euro", NEAR_FRANCE, "those with the Euro"),
        ("and just the ones that pay with it?", NEAR_FRANCE, "and the ones that pay with it?"),
        ("show me only those in the north", NEAR_FRANCE, "show me those in the north"),
        ("those with only the Euro", NEAR_FRANCE, "those with only the Euro"),
        ("Which countries border only those?", NEAR_FRANCE, "Which countries border only those?"),
    ):
        seen: list[str] = []
        assert understood(question, last, noted(seen, writes("capital({Spain})", EURO))).question == question
        assert seen[0] == shown


def test_what_refers_to_nothing_or_to_a_name_in_the_question_is_read_alone() -> None:
    for question, written, alone in (
        ("How many cities are there?", "{in}", 'count(~type("city"))'),
        ("Spain, what is its population?", "population({Paris})", SPAIN),
        ("What do they pay with in Poland?", "currency({they})", 'currency("Poland")'),
    ):
        found = understood(question, 'capital("France")', writes(written, alone))
        assert (str(found.query), found.referred) == (alone, "")


def test_it_is_what_was_answered_where_nothing_before_it_is_its_like() -> None:
    read = writes(f"borders({ANY})", ("borders(~capital({Madrid}))", 0.1))
    for question in ("which country borders it?", "Which countries are bordered by it?"):
        assert offered(understood(question, 'capital("Spain")', read)) == ['borders(~capital("Madrid"))']
    for question in ("Which of them is the money of Poland?", "What does it pay with in Poland?"):
        with pytest.raises(QuestionError, match="refers to Madrid, of which it is not clear"):
            understood(question, 'capital("Spain")', writes('currency("Poland")'))


@pytest.mark.parametrize(
    "question",
    [
        "Which country has neighbours that border it?", "Each of the countries and its flag",
        "Countries and their flags", "Which nation has its flag in the south?",
        "Relative to its weather, which country has most cities?",
        "The number of countries that pay in euros, how big is it?",
        "What do you know of those neighbours of the country that pay in euros?",
        "Which country is it that pays in euros?", "How many people pay in euros these days?",
    ],
)  # fmt: skip
def test_a_pronoun_may_refer_to_a_noun_of_its_number_in_the_question(question: str) -> None:
    alone = f"borders({ANY})"
    assert str(first(question, writes(alone)).query) == alone
    found = understood(question, NEAR_FRANCE, writes(alone))
    assert (str(found.query), found.referred) == (alone, "")


def test_an_unsure_reading_is_asked_back_with_what_it_refers_to_and_of_what_may_take_several_places() -> None:
    found = understood("and its size?", 'capital("France")', writes(("population({Paris})", 0.4)))
    assert offered(found) == ['population("Paris")']
    assert found.alternatives[0].assumed == ('"its" refers to Paris',)
    assert offered(understood("and Spain?", f"{NEAR_FRANCE} | {NEAR_GERMANY}")) == [
        f'borders("Spain") | {NEAR_GERMANY}', f'{NEAR_FRANCE} | borders("Spain")',
    ]  # fmt: skip


def test_places_in_another_order_are_no_places_of_the_answer() -> None:
    asked = f"bottom(2, population, {ANY})"
    for question in ("the first two by area", "Which are the last two kings?", "Which is the second largest country?"):
        found = first(question, writes(asked))
        assert (str(found.query), found.referred) == (asked, "")


def test_what_refers_to_what_the_answer_does_not_have_is_an_error() -> None:
    for question, last, problem in (
        ("the second one", 'capital("France")', r"has 1 place \(Paris\), and number 2"),
        ("the first four", RANKED, r"has 3 places .*, and number 4"),
        ("which of them use the euro?", 'borders("Andorra")', '"them" refers to .*, which names nothing: say by name'),
    ):
        with pytest.raises(QuestionError, match=problem):
            understood(question, last)


def test_what_is_compared_otherwise_is_read_by_the_model() -> None:
    for question, last in {
        "is its area more than Spain's?": 'population("France")', "is that larger than Spain?": 'capital("France")',
        "How much more is that than Spain?": 'population("France")', "is Spain more than that?": 'population("France")',
        "is that more than Spain and Poland?": 'population("France")',
    }.items():  # fmt: skip
        asked: list[str] = []
        assert understood(question, last, noted(asked, writes(('exists(area("Spain") > 5)', 0.1)))).query is None
        assert asked


def test_what_says_its_own_measure_or_stands_by_itself_keeps_it_and_what_says_no_set_is_surer_of_the_last() -> None:
    written = 'top(1, area, ~currency("Zloty"))'
    for question in ("Which is the largest country with the Zloty?", "and the oldest with the Zloty?"):
        assert str(understood(question, TOP_EURO, writes(written)).query) == written
    read = writes((f"count({ANY})", 0.5), ('~type("city")', 0.3))
    assert str(understood("how many?", NEAR_FRANCE, read).query) == f"count({NEAR_FRANCE})"


def test_a_new_question_starts_afresh_and_is_refused_as_it_is_alone() -> None:
    for question, written in (
        ("What is the capital of Poland?", 'capital("Poland")'),
        ("population of Spain", SPAIN),
        ("Which country has the most people?", f"top(1, population, {ANY})"),
        ("And which countries use the zloty?", '~currency("Zloty")'),
    ):
        found = understood(question, NEAR_FRANCE, writes(written))
        assert (str(found.query), found.referred, found.assumed) == (str(Query.parse(written)), "", ())
    question = "Who is the president of Poland?"
    assert understood(question, NEAR_FRANCE, writes()) == writes()(LinkedQuestion.of(question, schema_of(KG)))


def test_what_refers_to_an_answer_is_an_error_where_none_is_before_it() -> None:
    for question, words in {
        "and its population?": "its", "which countries border it?": "it", "Which of them use the euro?": "them",
        "only those with the Euro": "those", "what languages do they speak?": "they", "the first two": "the first two",
        "which languages are spoken there?": "there", "the second one": "the second one",
    }.items():  # fmt: skip
        with pytest.raises(QuestionError, match=f'"{words}" refers to nothing'):
            first(question, asks_nothing)
    for question in ("What do they pay with in Poland?", "How far is it from Berlin to Paris?"):
        assert str(first(question, writes('currency("Poland")')).query) == 'currency("Poland")'


def test_an_answer_of_another_graph_or_of_what_it_no_longer_has_is_an_error() -> None:
    other = Reasoner(graph("elsewhere"), method="exact").answer(Query.parse('capital("France")'))
    with pytest.raises(QuestionError, match="the last answer is of the graph elsewhere, and lands is asked"):
        LastAnswer.of(other, schema_of(KG))
    answer = after('capital("Poland")')
    without = KG.changed(remove=[("Poland", "capital", "Warsaw")])
    assert LastAnswer.of(answer, schema_of(without)).those is None
    renamed = KnowledgeGraph.from_triples([("Ann", "likes", "Bo")], "lands")
    with pytest.raises(QuestionError, match="the last answer is of the graph lands"):
        LastAnswer.of(answer, schema_of(renamed))


POPULATION = "what is its population?"


@pytest.fixture(scope="module")
def reasoner() -> Reasoner:
    return Reasoner(KG, method="exact")


def test_a_formal_query_refers_to_nothing_and_previous_is_an_answer(reasoner: Reasoner) -> None:
    last = reasoner.answer(NEAR_FRANCE)
    assert reasoner.answer('capital("France")', previous=last) == reasoner.answer('capital("France")')
    assert reasoner.answer(Query.parse('capital("France")'), previous=last).referred == ""
    with pytest.raises(QueryError, match="found str"):
        reasoner.answer(POPULATION, previous="Paris")  # type: ignore[arg-type]


@pytest.mark.slow
def test_every_way_of_asking_takes_the_answer_before_and_a_dialogue_goes_on(reasoner: Reasoner) -> None:
    last = reasoner.answer('capital("France")')
    answer = reasoner.answer(POPULATION, previous=last)
    assert (answer.value, str(answer.query)) == (2, 'population("Paris")')
    assert answer.referred == answer.to_dict()["referred"] == '"its" refers to Paris'
    assert f"Note: {answer.referred}" in answer_text(answer)
    assert [str(one.query) for one in reasoner.read(POPULATION, previous=last)][:1] == [str(answer.query)]
    assert asyncio.run(reasoner.aanswer(POPULATION, previous=last)) == answer
    assert reasoner.invoke(POPULATION, previous=last) == answer
    assert [step.values for step in reasoner.stream(POPULATION, previous=last)] == [answer.values]
    assert pickle.loads(pickle.dumps(answer)).referred == answer.referred
    last = reasoner.answer(NEAR_FRANCE)
    for question, meant in [
        ("the first one", {"Germany", "Spain"}),
        ("What is its capital?", {"Madrid", "Berlin"}),
        ("What is the capital of Spain?", {"Madrid"}),
    ]:
        last = reasoner.answer(question, previous=last)
        assert last.entities and set(last.entities) <= meant
    assert last.referred == ""


@pytest.mark.slow
def test_a_chat_model_is_shown_what_is_referred_to(server: OpenAIServer) -> None:
    def reply(prompt: str) -> str:
        ids = dict(re.findall(r"^(.+?): .*=([A-Za-z])$", prompt, re.MULTILINE))
        found = {"query": "{population}({Paris})".format_map(ids), "probability": 0.9}
        return json.dumps({"queries": [found], "unanswerable": ""})

    server.then(Behaviour(reply=reply))
    asked = Reasoner(KG, llm="openai:gpt-4.1-mini", method="exact")
    answer = asked.answer(POPULATION, previous=asked.answer('capital("France")'))
    assert (answer.value, answer.referred) == (2, '"its" refers to Paris')
