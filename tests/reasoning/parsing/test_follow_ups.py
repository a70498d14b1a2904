"""What a question may refer to, with the model's part played by queries that are written for it."""

from __future__ import annotations

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
ANY = '~type("country")'


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


def understood(question: str, last: str, read: Callable[[LinkedQuestion], ReadQuestion] = asks_nothing) -> ReadQuestion:
    schema = schema_of(KG)
    return understood_after(LinkedQuestion.of(question, schema), LastAnswer.of(after(last), schema), read, SURE)


# Pronouns -----------------------------------------------------------------------------------------------------------


def test_a_pronoun_is_what_was_answered() -> None:
    found = understood("and its population?", 'capital("France")', writes("population({Paris})"))
    assert str(found.query) == 'population("Paris")'
    assert found.referred == '"its" refers to Paris'
    assert found.referred in found.assumed


def test_of_several_it_is_the_query_that_gave_them() -> None:
    found = understood("What are their capitals?", 'borders("France")', writes("capital({their})"))
    assert str(found.query) == 'capital(borders("France"))'
    assert found.referred == '"their" refers to Spain, Germany and Andorra'


def test_of_a_number_it_is_what_was_counted_or_measured() -> None:
    assert str(understood("Which are they?", 'count(borders("Spain"))').query) == '"Portugal"'
    found = understood("and its capital?", 'population("Spain")', writes("capital({Spain})"))
    assert str(found.query) == 'capital("Spain")'


@pytest.mark.parametrize(
    ("question", "written", "meant"),
    [
        ("which of them use the euro?", '~currency("Euro")', 'borders("Germany") & ~currency("Euro")'),
        ("only those with more than 40 people", f"population({ANY}) > 40", 'population(borders("Germany")) > 40'),
        ("How many of them use the euro?", 'count(~currency("Euro"))', 'count(borders("Germany") & ~currency("Euro"))'),
        ("Which of them has most people?", f"top(1, population, {ANY})", 'top(1, population, borders("Germany"))'),
        ("Do any of them use the euro?", 'exists(~currency("Euro"))', 'exists(borders("Germany") & ~currency("Euro"))'),
    ],
)
def test_what_is_read_of_all_is_asked_of_them_alone(question: str, written: str, meant: str) -> None:
    several = 'borders("Germany")'
    found = understood(question, several, writes(written))
    assert Reasoner(KG, method="exact").answer(found.understood()).ids == after(meant).ids
    assert found.referred


@pytest.mark.parametrize(
    ("question", "last", "shown"),
    [
        ("What currency does it use?", 'population("Spain")', "What currency does Spain use?"),
        ("and its capital?", 'population("Spain")', "and Spain's capital?"),
        ("Who lives there?", 'population("Spain")', "Who lives in Spain?"),
        ("What is that country's capital?", 'population("Spain")', "What is Spain's capital?"),
        ("only those with the Euro", 'borders("France")', "those with the Euro"),
        ("and just the ones that pay with it?", 'borders("France")', "and the ones that pay with it?"),
        ("show me only those in the north", 'borders("France")', "show me those in the north"),
        ("those with only the Euro", 'borders("France")', "those with only the Euro"),
        ("Which countries border only those?", 'borders("France")', "Which countries border only those?"),
    ],
)
def test_the_model_is_shown_the_name_of_one_thing_and_no_word_that_keeps_some_of_those(
    question: str, last: str, shown: str
) -> None:
    seen: list[str] = []

    def read(linked: LinkedQuestion) -> ReadQuestion:
        seen.append(linked.prompt.question)
        return writes("capital({Spain})", '~currency("Euro")')(linked)

    assert understood(question, last, read).question == question
    assert seen[0] == shown


@pytest.mark.parametrize(
    ("question", "meant"), [("only those", 'borders("France")'), ("just the second one", '"Germany"')]
)
def test_only_those_are_those(question: str, meant: str) -> None:
    assert str(understood(question, 'borders("France")').query) == meant


@pytest.mark.parametrize(
    ("question", "written", "alone"),
    [
        ("How many cities are there?", "{in}", 'count(~type("city"))'),
        ("Spain, what is its population?", "population({Paris})", 'population("Spain")'),
        ("What do they pay with in Poland?", "currency({they})", 'currency("Poland")'),
    ],
)
def test_what_refers_to_nothing_or_to_a_name_in_the_question_is_read_alone(
    question: str, written: str, alone: str
) -> None:
    found = understood(question, 'capital("France")', writes(written, alone))
    assert (str(found.query), found.referred) == (alone, "")


@pytest.mark.parametrize("question", ["Which of them is the money of Poland?", "What does it pay with in Poland?"])
def test_no_reading_leaves_out_a_pronoun_that_nothing_in_the_question_is_meant_by(question: str) -> None:
    with pytest.raises(QuestionError, match="refers to Madrid, of which it is not clear"):
        understood(question, 'capital("Spain")', writes('currency("Poland")'))


@pytest.mark.parametrize(
    "question",
    ["which country borders it?", "Which countries are bordered by it?"],
)
def test_it_is_what_was_answered_where_nothing_before_it_is_its_like(question: str) -> None:
    read = writes(f"borders({ANY})", ("borders(~capital({Madrid}))", 0.1))
    found = understood(question, 'capital("Spain")', read)
    assert found.query is None
    assert [str(one.query) for one in found.alternatives] == ['borders(~capital("Madrid"))']


@pytest.mark.parametrize(
    "question",
    [
        "Which country has neighbours that border it?",
        "Each of the countries and its flag",
        "Countries and their flags",
        "Which nation has its flag in the south?",
        "Relative to its weather, which country has most cities?",
        "The number of countries that pay in euros, how big is it?",
        "What do you know of those neighbours of the country that pay in euros?",
        "Which country is it that pays in euros?",
        "How many people pay in euros these days?",
    ],
)
def test_a_pronoun_may_refer_to_a_noun_of_its_number_in_the_question(question: str) -> None:
    alone = f"borders({ANY})"
    assert str(understood_first(LinkedQuestion.of(question, schema_of(KG)), writes(alone)).query) == alone
    found = understood(question, 'borders("France")', writes(alone))
    assert (str(found.query), found.referred) == (alone, "")


def test_an_unsure_reading_of_a_pronoun_is_asked_back_with_what_it_refers_to() -> None:
    found = understood("and its size?", 'capital("France")', writes(("population({Paris})", 0.4)))
    assert found.query is None
    assert [str(one.query) for one in found.alternatives] == ['population("Paris")']
    assert found.alternatives[0].assumed == ('"its" refers to Paris',)


# Places -------------------------------------------------------------------------------------------------------------

RANKED = f"top(3, population, {ANY})"


@pytest.mark.parametrize(
    ("question", "meant"),
    [
        ("the second one", '"France"'),
        ("The last?", '"Spain"'),
        ("and the 1st country", '"Germany"'),
        ("the first two", '"Germany" | "France"'),
        ("And the last two?", '"France" | "Spain"'),
        ("only the first 2 countries", '"Germany" | "France"'),
        ("the last three ones", '"Germany" | "France" | "Spain"'),
    ],
)
def test_places_are_counted_in_the_answers_order(question: str, meant: str) -> None:
    found = understood(question, RANKED)
    assert str(found.query) == meant
    assert set(found.referred.split(" refers to ")[1].replace(" and ", ", ").split(", ")) == set(meant.split('"')[1::2])


def test_something_is_asked_of_places() -> None:
    found = understood("What are the capitals of the first two?", RANKED, writes("capital({the first two})"))
    assert str(found.query) == 'capital("Germany" | "France")'
    found = understood("What is the capital of the first one?", RANKED, writes("capital({Germany})"))
    assert str(found.query) == 'capital("Germany")'


@pytest.mark.parametrize(
    "question", ["the first two by area", "Which are the last two kings?", "Which is the second largest country?"]
)
def test_places_in_another_order_are_no_places_of_the_answer(question: str) -> None:
    asked = f"bottom(2, population, {ANY})"
    found = understood_first(LinkedQuestion.of(question, schema_of(KG)), writes(asked))
    assert (str(found.query), found.referred) == (asked, "")


def test_a_place_that_the_answer_does_not_have_is_an_error_that_says_what_it_has() -> None:
    with pytest.raises(QuestionError, match=r"has 1 place \(Paris\), and number 2"):
        understood("the second one", 'capital("France")', writes())
    with pytest.raises(QuestionError, match=r"has 3 places .*, and number 4"):
        understood("the first four", RANKED)


# The measure of the last query --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "last", "meant"),
    [
        ("is that more than Spain?", 'population("France")', 'population("France") > population("Spain")'),
        ("Is it less than that of Spain?", 'population("France")', 'population("France") < population("Spain")'),
        ("more than Spain?", 'area("France")', 'area("France") > area("Spain")'),
        ("Is it more than the area of Spain?", 'area("France")', 'area("France") > area("Spain")'),
        ("and is it larger than Spain's?", f"bottom(1, area, {ANY})", 'area("Andorra") > area("Spain")'),
    ],
)
def test_what_is_more_than_another_is_so_by_the_measure_of_the_last_query(question: str, last: str, meant: str) -> None:
    found = understood(question, last)
    assert str(found.query) == f"exists({meant})"
    assert ', compared with that of "Spain"' in found.referred


@pytest.mark.parametrize(
    ("question", "last"),
    [
        ("is its area more than Spain's?", 'population("France")'),
        ("is that larger than Spain?", 'capital("France")'),
        ("How much more is that than Spain?", 'population("France")'),
        ("is that more than Spain and Poland?", 'population("France")'),
        ("is Spain more than that?", 'population("France")'),
    ],
)
def test_what_is_compared_otherwise_is_read_by_the_model(question: str, last: str) -> None:
    asked: list[str] = []

    def read(linked: LinkedQuestion) -> ReadQuestion:
        asked.append(linked.prompt.question)
        return writes(('exists(area("Spain") > area("Poland"))', 0.1))(linked)

    assert understood(question, last, read).query is None
    assert asked


EURO = '~currency("Euro")'
SECOND = "bottom(1, {measure}, top(2, {measure}, {source}))"


@pytest.mark.parametrize(
    ("question", "last", "written", "meant"),
    [
        ("the second largest?", f"top(1, population, {EURO})", SECOND.format(measure="area", source=ANY),
         SECOND.format(measure="population", source=EURO)),
        ("and the smallest?", f"top(1, population, {ANY})", f"bottom(1, area, {ANY})", f"bottom(1, population, {ANY})"),
        ("the largest one", f"top(3, population, {EURO})", f"top(1, area, {ANY})",
         f"top(1, population, top(3, population, {EURO}))"),
        ("the three smallest", f"top(3, population, {EURO})", f"bottom(3, area, {ANY})",
         f"bottom(3, population, {EURO})"),
        ("which is the largest?", f"population({EURO})", f"top(1, area, {ANY})", f"top(1, population, {EURO})"),
        ("and the smallest by area?", f"top(1, population, {EURO})", f"bottom(1, area, {ANY})",
         f"bottom(1, area, {EURO})"),
        ("and the smallest with the Zloty?", f"top(1, population, {EURO})", 'bottom(1, area, ~currency("Zloty"))',
         'bottom(1, population, ~currency("Zloty"))'),
        ("the smallest?", f"top(1, [count(borders(it))], {ANY})", f"bottom(1, area, {ANY})",
         f"bottom(1, [count(borders(it))], {ANY})"),
        ("which of them is the largest?", f"top(3, population, {EURO})", f"top(1, area, {ANY})",
         f"top(1, population, top(3, population, {EURO}))"),
    ],
)  # fmt: skip
def test_a_superlative_goes_on_by_the_measure_of_the_last_query(
    question: str, last: str, written: str, meant: str
) -> None:
    found = understood(question, last, writes(written))
    assert str(found.query) == meant
    assert found.referred


@pytest.mark.parametrize("question", ["Which is the largest country with the Zloty?", "and the oldest with the Zloty?"])
def test_what_says_its_own_measure_or_stands_by_itself_keeps_it(question: str) -> None:
    written = 'top(1, area, ~currency("Zloty"))'
    assert str(understood(question, f"top(1, population, {EURO})", writes(written)).query) == written


# The last query, with something else in it --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "last", "meant"),
    [
        ("and Spain?", 'borders("France")', 'borders("Spain")'),
        ("What about Poland?", 'capital("France")', 'capital("Poland")'),
        ("And Poland's?", 'population("France")', 'population("Poland")'),
        ("and the Zloty?", 'count(~currency("Euro"))', 'count(~currency("Zloty"))'),
        ("and Spain and Poland?", 'capital("France")', 'capital("Spain" | "Poland")'),
        ("and for 40?", f"population({ANY}) > 60", f"population({ANY}) > 40"),
        ("and Poland?", 'borders("France") & ~currency("Euro")', 'borders("Poland") & ~currency("Euro")'),
    ],
)
def test_names_alone_take_the_place_of_one_of_their_kind(question: str, last: str, meant: str) -> None:
    found = understood(question, last)
    assert str(found.query) == meant
    assert "in the last question" in found.referred


def test_where_it_may_take_several_places_it_is_asked_back() -> None:
    found = understood("and Spain?", 'borders("France") | borders("Germany")')
    assert found.query is None
    assert [str(one.query) for one in found.alternatives] == [
        'borders("Spain") | borders("Germany")', 'borders("France") | borders("Spain")',
    ]  # fmt: skip


def test_names_of_no_kind_that_is_there_narrow_the_last_answer() -> None:
    found = understood("with the Euro?", 'borders("Germany")', writes('~currency("Euro")'))
    assert str(found.query) == '"Poland" & ~currency("Euro")'
    assert found.referred == "asked of Poland"


@pytest.mark.parametrize(
    ("question", "written", "meant"),
    [
        ("how many?", f"count({ANY})", 'count(borders("France"))'),
        ("which is the largest?", f"top(1, population, {ANY})", 'top(1, population, borders("France"))'),
        ("and what seats?", f"capital({ANY})", 'capital(borders("France"))'),
    ],
)
def test_what_says_no_set_of_its_own_is_asked_of_the_last_one(question: str, written: str, meant: str) -> None:
    found = understood(question, 'borders("France")', writes((written, 0.5), ('~type("city")', 0.3)))
    assert str(found.query) == meant
    assert found.referred == "asked of Spain, Germany and Andorra"


@pytest.mark.parametrize(
    ("question", "last", "meant"),
    [
        ("and the currency?", 'borders("France")', 'currency(borders("France"))'),
        ("and the capital?", 'currency("Poland")', 'capital("Poland")'),
        ("the population?", 'capital("France")', 'population("Paris")'),
        ("and borders?", 'capital("Spain")', 'borders("Spain")'),
    ],
)
def test_a_relation_alone_is_asked_of_what_has_it(question: str, last: str, meant: str) -> None:
    found = understood(question, last)
    assert str(found.query) == meant
    assert found.referred.startswith("asked of ")


def test_a_set_of_the_last_query_does_where_the_answer_is_of_another_kind() -> None:
    found = understood("and who governs from where?", 'currency("Poland")', writes(f"capital({ANY})"))
    assert str(found.query) == 'capital("Poland")'


# New questions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "written"),
    [
        ("What is the capital of Poland?", 'capital("Poland")'),
        ("population of Spain", 'population("Spain")'),
        ("Which country has the most people?", f"top(1, population, {ANY})"),
        ("And which countries use the zloty?", '~currency("Zloty")'),
    ],
)
def test_a_new_question_starts_afresh(question: str, written: str) -> None:
    found = understood(question, 'borders("France")', writes(written))
    assert (str(found.query), found.referred, found.assumed) == (str(Query.parse(written)), "", ())


def test_what_cannot_be_read_is_refused_as_it_is_alone() -> None:
    question = "Who is the president of Poland?"
    schema = schema_of(KG)
    assert understood(question, 'borders("France")', writes()) == writes()(LinkedQuestion.of(question, schema))


# Nothing to refer to ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("and its population?", "its"),
        ("which countries border it?", "it"),
        ("Which of them use the euro?", "them"),
        ("only those with the Euro", "those"),
        ("what languages do they speak?", "they"),
        ("which languages are spoken there?", "there"),
        ("the second one", "the second one"),
        ("the first two", "the first two"),
    ],
)
def test_what_refers_to_an_answer_is_an_error_where_none_is_before_it(question: str, words: str) -> None:
    with pytest.raises(QuestionError, match=f'"{words}" refers to nothing'):
        understood_first(LinkedQuestion.of(question, schema_of(KG)), asks_nothing)


@pytest.mark.parametrize("question", ["What do they pay with in Poland?", "How far is it from Berlin to Paris?"])
def test_a_pronoun_that_may_refer_to_nothing_is_read_without_an_answer(question: str) -> None:
    alone = 'currency("Poland")'
    assert str(understood_first(LinkedQuestion.of(question, schema_of(KG)), writes(alone)).query) == alone


def test_a_pronoun_after_an_answer_that_names_nothing_is_an_error() -> None:
    with pytest.raises(QuestionError, match='"them" refers to the last answer, which names nothing: say by name'):
        understood("which of them use the euro?", 'borders("Andorra")')


def test_an_answer_of_another_graph_is_an_error() -> None:
    other = Reasoner(graph("elsewhere"), method="exact").answer(Query.parse('capital("France")'))
    with pytest.raises(QuestionError, match="the last answer is of the graph elsewhere, and lands is asked"):
        LastAnswer.of(other, schema_of(KG))


def test_an_answer_of_what_the_graph_no_longer_has_is_an_error() -> None:
    answer = after('capital("Poland")')
    without = KG.changed(remove=[("Poland", "capital", "Warsaw")])
    assert LastAnswer.of(answer, schema_of(without)).those is None
    renamed = KnowledgeGraph.from_triples([("Ann", "likes", "Bo")], "lands")
    with pytest.raises(QuestionError, match="the last answer is of the graph lands"):
        LastAnswer.of(answer, schema_of(renamed))


# `previous` at every way of asking ----------------------------------------------------------------------------------

POPULATION = "what is its population?"


@pytest.fixture(scope="module")
def reasoner() -> Reasoner:
    return Reasoner(KG, method="exact")


def test_a_formal_query_refers_to_nothing(reasoner: Reasoner) -> None:
    last = reasoner.answer('borders("France")')
    assert reasoner.answer('capital("France")', previous=last) == reasoner.answer('capital("France")')
    assert reasoner.answer(Query.parse('capital("France")'), previous=last).referred == ""


def test_previous_is_an_answer(reasoner: Reasoner) -> None:
    with pytest.raises(QueryError, match="found str"):
        reasoner.answer(POPULATION, previous="Paris")  # type: ignore[arg-type]


@pytest.mark.slow
def test_every_way_of_asking_takes_the_answer_before(reasoner: Reasoner) -> None:
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


@pytest.mark.slow
def test_a_dialogue_goes_on_from_answer_to_answer(reasoner: Reasoner) -> None:
    last = reasoner.answer('borders("France")')
    for question, meant in [
        ("the first one", {"Germany", "Spain"}),
        ("What is its capital?", {"Madrid", "Berlin"}),
        ("What is the capital of Spain?", {"Madrid"}),
    ]:
        last = reasoner.answer(question, previous=last)
        assert set(last.entities) <= meant
        assert last.entities
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
