"""`previous` at every way of asking, with the embedded model and with a chat model as readers."""

from __future__ import annotations

import asyncio
import json
import pickle
import re
from pathlib import Path

import pytest

from reasoning import KnowledgeGraph, Query, QuestionError, Reasoner
from reasoning.errors import QueryError
from reasoning.verbalization.answers import answer_text
from tests.reasoning.openai_server import Behaviour, OpenAIServer
from tests.reasoning.parsing.follow_ups.test_understanding import KG

PEOPLE = "what is its population?"


@pytest.fixture(scope="module")
def reasoner() -> Reasoner:
    return Reasoner(KG, method="exact")


def test_a_formal_query_refers_to_nothing(reasoner: Reasoner) -> None:
    last = reasoner.answer('borders("France")')
    assert reasoner.answer('capital("France")', previous=last) == reasoner.answer('capital("France")')
    assert reasoner.answer(Query.parse('capital("France")'), previous=last).referred == ""


def test_previous_is_an_answer(reasoner: Reasoner) -> None:
    with pytest.raises(QueryError, match="expected the Answer before as previous, found str"):
        reasoner.answer(PEOPLE, previous="Paris")  # type: ignore[arg-type]


@pytest.mark.slow
def test_every_way_of_asking_takes_the_answer_before(reasoner: Reasoner) -> None:
    last = reasoner.answer('capital("France")')
    answer = reasoner.answer(PEOPLE, previous=last)
    assert (answer.value, str(answer.query)) == (2, 'population("Paris")')
    assert answer.referred == answer.to_dict()["referred"] == '"its" refers to Paris'
    assert f"Note: {answer.referred}" in answer_text(answer)
    assert [str(one.query) for one in reasoner.read(PEOPLE, previous=last)][:1] == [str(answer.query)]
    assert asyncio.run(reasoner.aanswer(PEOPLE, previous=last)) == answer
    assert reasoner.invoke(PEOPLE, previous=last) == answer
    assert [step.values for step in reasoner.stream(PEOPLE, previous=last)] == [answer.values]
    assert pickle.loads(pickle.dumps(answer)).referred == answer.referred


@pytest.mark.slow
def test_a_dialogue_goes_on_from_answer_to_answer(reasoner: Reasoner) -> None:
    last = reasoner.answer("Which countries border France?")
    for question, meant in [
        ("which of them use the euro?", {"Spain", "Germany", "Andorra"}),
        ("the first one", {"Germany", "Spain"}),
        ("What is its capital?", {"Madrid", "Berlin"}),
        ("and Poland's?", {"Warsaw"}),
        ("What is the capital of Spain?", {"Madrid"}),
    ]:
        last = reasoner.answer(question, previous=last)
        assert set(last.entities) <= meant
        assert last.entities
    assert last.referred == ""


@pytest.mark.slow
def test_a_follow_up_to_nothing_says_so(reasoner: Reasoner) -> None:
    nothing = reasoner.answer('borders("Andorra")')
    with pytest.raises(QuestionError, match="which names nothing: say by name what is asked about"):
        reasoner.answer("and their capitals?", previous=nothing)
    elsewhere = Reasoner(KnowledgeGraph.from_triples([("Ann", "likes", "Bo")], "people"), method="exact")
    with pytest.raises(QuestionError, match="the last answer is of the graph lands, and people is asked"):
        elsewhere.answer("and their capitals?", previous=reasoner.answer('borders("France")'))


@pytest.mark.slow
def test_a_chat_model_is_shown_what_is_referred_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("langchain_openai")
    server = OpenAIServer()
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-for-this-test-alone")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path / "cache"))

    def reply(prompt: str) -> str:
        ids = dict(re.findall(r"^(.+?): .*=([A-Za-z])$", prompt, re.MULTILINE))
        return json.dumps(
            {"queries": [{"query": "{population}({Paris})".format_map(ids), "probability": 0.9}], "unanswerable": ""}
        )

    server.then(Behaviour(reply=reply))
    with server.running():
        asked = Reasoner(KG, llm="openai:gpt-4.1-mini", method="exact")
        answer = asked.answer(PEOPLE, previous=asked.answer('capital("France")'))
    assert (answer.value, answer.referred) == (2, '"its" refers to Paris')
