import asyncio
import datetime
import json
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough

from reasoning import GraphRetriever, KnowledgeGraph, Query
from reasoning.errors import UnknownEntityError
from skylark.errors import SkylarkError
from tests.reasoning.awkward_names import AWKWARD

KG = KnowledgeGraph.from_triples(
    [
        ("Paris", "capital_of", "France"), ("Madrid", "capital_of", "Spain"), ("France", "borders", "Spain"),
        ("Spain", "borders", "France"), ("France", "borders", "Italy"), ("Rome", "capital_of", "Italy"),
        ("Italy", "population", 59_000_000),
    ]
)  # fmt: skip


class WordCountingChatModel(FakeListChatModel):
    """Its tokens are words."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


def contents(documents: Sequence[Document]) -> list[str]:
    return [document.page_content for document in documents]


@pytest.mark.parametrize(
    "asked",
    ['~capital_of(borders("France"))', Query.parse('~capital_of(borders("France"))'),
     {"entities": ["France"], "relations": ["borders", "~capital_of"]}],
)  # fmt: skip
def test_the_path_that_is_asked_for_comes_first(asked: Any) -> None:
    found = contents(GraphRetriever(kg=KG).invoke(asked))
    assert set(found[:2]) == {'("France", "borders", "Spain")', '("France", "borders", "Italy")'}
    assert set(found[2:4]) == {'("Madrid", "capital_of", "Spain")', '("Rome", "capital_of", "Italy")'}


def test_a_question_is_read_as_a_query_and_another_text_searched_for_names() -> None:
    first = GraphRetriever(kg=KG).invoke("Which countries does France border?")[0]
    assert (first.metadata["head"], first.metadata["relation"]) == ("France", "borders")
    found = GraphRetriever(kg=KG, hops=1).invoke("I have always, always liked Madrid")
    assert contents(found) == ['("Madrid", "capital_of", "Spain")']
    assert GraphRetriever(kg=KG).invoke("hello there") == []
    with pytest.raises(UnknownEntityError):
        GraphRetriever(kg=KG).invoke('borders("Atlantis the lost")')


def test_a_document_says_where_it_comes_from() -> None:
    found = GraphRetriever(kg=KG).invoke('~capital_of(borders("France"))')
    about = found[2].metadata
    assert about["hop"] == 2 and about["path"][-1] == found[2].page_content and about["path"][0] in contents(found[:2])
    assert (about["relation_id"], about["head_id"]) == ("capital_of", about["head"])
    assert about["left_out"] == [0, 0]
    assert json.loads(json.dumps(about)) == about
    kg = KnowledgeGraph.from_triples([("Ann", "born", datetime.date(1999, 1, 2)), ("Ann", "knows", "Bob")])
    first = GraphRetriever(kg=kg).invoke('born("Ann")')[0]
    assert first.page_content == '("Ann", "born", "1999-01-02")' and json.dumps(first.metadata)


def test_a_value_that_is_asked_for_comes_first() -> None:
    named: Any = {"entities": ["Italy"], "relations": ["population"]}
    for asked in ("What is the population of Italy?", 'population("Italy")', named):
        first = GraphRetriever(kg=KG).invoke(asked)[0]
        assert first.page_content == '("Italy", "population", 59000000)'
        about = [first.metadata[key] for key in ("tail", "tail_id", "relation_id", "hop")]
        assert about == [59_000_000, None, "population", 1]


def test_what_several_anchors_lead_to_comes_in_turns() -> None:
    facts = [("Ash", "road", f"t{i}") for i in range(40)] + [(f"t{i}", "mayor", "Ida") for i in range(5)]
    kg = KnowledgeGraph.from_triples([*facts, *((f"house {i}", "in", "Ash") for i in range(99))])
    first = GraphRetriever(kg=kg).invoke('road("Ash") & ~mayor("Ida")')[:10]
    assert [document.metadata["relation"] for document in first] == ["road", "mayor"] * 5


def test_the_budget_is_counted_by_the_models_own_tokenizer_and_at_most_k_documents_come() -> None:
    model = WordCountingChatModel(responses=["x"])
    found = GraphRetriever(kg=KG, llm=model, token_budget=9).invoke('borders("France")')
    assert sum(model.count_tokens(contents(found))) == 9
    assert found[0].metadata["left_out"][0] > 0
    assert len(GraphRetriever(kg=KG, k=2).invoke('borders("France")')) == 2


def test_it_can_be_awaited_asked_in_batches_and_part_of_a_chain() -> None:
    retriever = GraphRetriever(kg=KG)
    expected = retriever.invoke('borders("France")')
    assert asyncio.run(retriever.ainvoke('borders("France")')) == expected
    assert retriever.batch(['borders("France")', "hello there"]) == [expected, []]
    prompt = ChatPromptTemplate.from_messages([("human", "{facts}\n\n{question}")])
    chain = {
        "facts": retriever | (lambda found: "\n".join(contents(found))),
        "question": RunnablePassthrough(),
    } | prompt
    said = chain.invoke("Which countries does France border?").to_string()
    assert '("France", "borders", "Italy")' in said and "Which countries" in said


def test_no_name_leaves_its_line() -> None:
    for name in AWKWARD:
        kg = KnowledgeGraph.from_triples([("a", "r", name), (name, "r", "b")])
        documents = GraphRetriever(kg=kg).invoke({"entities": ["a"]})  # type: ignore[arg-type]
        assert documents
        for document in documents:
            head, relation, tail = json.loads(f"[{document.page_content[1:-1]}]")
            assert (head, relation, tail) == tuple(document.metadata[key] for key in ("head", "relation", "tail"))
            assert len(document.page_content.splitlines()) == 1


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"names": ["France"]}, "expected entities, relations, types"), ({"entities": []}, "of which entities must be"),
        ({"entities": "Italy"}, "not 'Italy' alone"), (7, "a text, a query or a mapping, not int"),
    ],
)  # fmt: skip
def test_what_it_cannot_take_is_refused(asked: Any, message: str) -> None:
    with pytest.raises(SkylarkError, match=message):
        GraphRetriever(kg=KG).invoke(asked)
