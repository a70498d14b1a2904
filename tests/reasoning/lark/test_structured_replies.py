"""Replies as JSON by a schema: sent to a provider that has it, and read as strictly as plain ones."""

import json
import random
from typing import Any

import pytest

from reasoning import KnowledgeGraph, LarkOptions, Reasoner
from reasoning.errors import StepError
from reasoning.lark.prompts import SCHEMA, AbstractNaming, ReadableNaming, StructuredNaming
from reasoning.lm import load_llm
from reasoning.lm.structured_output import keeps_schemas
from tests.reasoning.chat_models import ScriptedChatModel, as_json
from tests.reasoning.openai_server import Behaviour, OpenAIServer

KG = KnowledgeGraph.from_triples([("Ash", "road", "Birch"), ("Ash", "road", 'El "m", 3'), ("Birch", "rail", "Ash")])
ASH, BIRCH, ELM = (KG.entity(name) for name in ("Ash", "Birch", 'El "m", 3'))


NAMINGS = pytest.mark.parametrize(
    "form",
    [AbstractNaming([ASH, BIRCH, ELM], [0], random.Random(0)), ReadableNaming([ASH, BIRCH, ELM], KG)],
    ids=["ids", "names"],
)


@NAMINGS
def test_what_is_written_is_read_back(form: AbstractNaming | ReadableNaming) -> None:
    naming = StructuredNaming(form)
    for members in ([], [ELM], [ASH, ELM, BIRCH]):
        reply = naming.write([naming.entity(member) for member in members])
        assert list(json.loads(reply)) == ["answers"]
        assert naming.read(reply) == members
    assert set(naming.read(naming.listing())) == {ASH, BIRCH, ELM}
    assert naming.read(naming.none) == []


@NAMINGS
@pytest.mark.parametrize(
    "reply",
    [
        "", "e1", "[]", '{"answers": "e1"}', '{"answers": [1]}', '{"answers": ["e99"]}', '{"answers": ["Zed"]}',
        '{"answers": [""]}', '{"answers": ["e1, e2"]}', '{"answers": ["e1"], "more": 1}', '{"entities": ["e1"]}',
        '{"answers": ["e1"]} and more', "[" * 5000,
    ],
)  # fmt: skip
def test_anything_else_is_refused(form: AbstractNaming | ReadableNaming, reply: str) -> None:
    with pytest.raises(StepError):
        StructuredNaming(form).read(reply)


def lark(llm: Any = "openai:gpt-4.1-mini", **options: Any) -> Reasoner:
    return Reasoner(KG, llm=llm, method="lark", options=LarkOptions(**({"replies": "structured"} | options)))


@pytest.mark.parametrize("options", [{}, {"names": "readable"}, {"prompting": "whole"}], ids=["ids", "names", "whole"])
def test_the_chain_is_answered_by_schema(server: OpenAIServer, options: dict[str, Any]) -> None:
    server.then(for_ever=Behaviour(reply=as_json))
    answer = lark(**options).answer('road(rail("Birch")) & road("Ash")')
    assert (sorted(answer.entities), answer.error) == (["Birch", 'El "m", 3'], None)
    for request in server.requests:
        sent = request["response_format"]["json_schema"]["schema"]
        assert sent["properties"] == SCHEMA["properties"] and sent["required"] == ["answers"]
        system, *example, question = (message["content"] for message in request["messages"])
        assert '{"answers": [...]}' in system and '{"answers": []}' in system
        assert not example or list(json.loads(example[-1])) == ["answers"]
        assert "<context>" in question
    assert answer.usage.requests == len(server.requests) and not answer.usage.estimated


def test_a_reply_out_of_form_or_cut_off_is_shown_its_error_once(server: OpenAIServer) -> None:
    server.then(Behaviour(reply='{"answers": ["e99"]}'), for_ever=Behaviour(reply=as_json))
    (step,) = lark().answer('road("Ash")').steps
    first, second = step.attempts
    assert first.error is not None and "e99" in first.error and second.error is None
    server.then(for_ever=Behaviour(reply=as_json, finish="length"))
    (step,) = lark().answer('road("Ash")').steps
    assert [attempt.error for attempt in step.attempts] == ["the reply was cut off at its length limit"] * 2


def test_auto_trusts_the_providers_own_server_and_no_other(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not keeps_schemas(load_llm("openai:gpt-4.1-mini"))
    assert lark(replies="auto").answer('road("Ash")').error is None
    assert "response_format" not in server.requests[0]
    monkeypatch.delenv("OPENAI_BASE_URL")
    assert keeps_schemas(load_llm("openai:gpt-4.1-mini"))
    assert not keeps_schemas(load_llm("openai:gpt-3.5-turbo"))


def test_a_model_that_cannot_be_held_to_a_schema_says_so() -> None:
    for llm in (ScriptedChatModel("none"), "copy"):
        error = lark(llm).answer('road("Ash")').error
        assert error is not None and "cannot be held to a JSON schema: take replies as text" in error
