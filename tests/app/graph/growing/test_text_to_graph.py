"""What is pasted is checked, and what reading it takes is said, before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

import app.graph.text_to_graph as expected
from app.graph.text_to_graph import (
    EXAMPLE,
    MOST_CHARACTERS,
    PLACEHOLDER,
    checked_text,
    planned,
    relation_words,
    schema_of,
)
from app.graph.text_to_graph_panel import expected_html, reader_of_texts
from app.models import LanguageModel
from skylark.errors import UsageError
from tests.app.graph.growing.models import TEXT, page_model
from tests.app.test_views import assert_harmless
from tests.reasoning.extraction.models import faultless_reply


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("Hello", "no sentence"), ("Élan!", "no sentence"), ("?! …", "no sentence"), ("Ann\0Lee works", "code 0"),
        ("x " * (MOST_CHARACTERS // 2) + "yz", "20,002 characters, and at most 20,000"),
        (["Ann Lee works for Core."], "found list"),
    ],
)  # fmt: skip
def test_what_is_no_text_to_read_is_refused(given: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        checked_text(given)


def test_what_can_be_read_is_taken_and_relations_are_lines() -> None:
    for given, read in (
        (None, ""), (" \n ", ""), ("巴黎是法国的首都。", "巴黎是法国的首都。"), ("Ann \ud83d works", "Ann ? works"),
        ("Ann\r\nworks\rhere", "Ann\nworks\nhere"), (EXAMPLE, EXAMPLE),
    ):  # fmt: skip
        assert checked_text(given) == read
    schema = schema_of(f"{PLACEHOLDER}\n\nknows\nowns: person, company -> anything")
    assert schema is not None
    assert [relation.name for relation in schema.relations] == ["works for", "born in", "founded in", "knows", "owns"]
    assert schema.relations[2].value == "year"
    assert schema.relations[4].heads == ("person", "company")
    assert schema_of("\n".join(map(relation_words, schema.relations))) == schema
    assert schema_of(" \n") is schema_of(None) is None


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("works for\nborn in: person place", "line 2 of the relations has no arrow"),
        (": person -> place", "line 1 of the relations: expected a text"),
        ("knows\nKnows", "two relations of one name"),
        ("x" * 5000, "at most 4,000"),
        (7, "found int"),
    ],
)
def test_what_is_no_relation_is_named(given: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        schema_of(given)


def test_an_estimate_sends_nothing_and_says_what_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    model = page_model(faultless_reply)
    plan = planned(TEXT, "", model)
    assert plan is not None and not model.scripted.prompts
    words, passages = assert_harmless(expected_html(plan)).text, plan.expected.passages
    for told in (f"{passages} passages", f"{passages + 1} requests to scripted", "price not known", "Nothing was sent"):
        assert told in words
    assert planned("", "", model) is None
    given = planned(TEXT, "works for", model)
    assert given is not None and given.expected.requests == passages
    monkeypatch.setattr(expected, "MOST_PASSAGES", 2)
    with pytest.raises(UsageError, match="at most 2 are read here"):
        planned(TEXT, "", model)


@pytest.mark.parametrize(("spec", "why"), [("embedded", "135 million parameters"), ("copy", "only repeats")])
def test_a_model_that_is_not_up_to_it_is_said_before_anything_is_pasted(spec: str, why: str) -> None:
    reader = reader_of_texts(LanguageModel(spec))
    words = assert_harmless(reader.html).text
    assert not reader.able and reader.can_be_named
    assert why in words and "Models tab" in words
    with pytest.raises(UsageError, match="too small to extract"):
        planned(TEXT, "", LanguageModel(spec))
    able = reader_of_texts(page_model(faultless_reply))
    words = assert_harmless(able.html).text
    assert able.able and "Read by scripted" in words and "20,000 characters" in words
