"""Which models are told, and a visitor's own: hosted ones only, for the visit alone, its key in requests alone."""

import logging
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from unittest.mock import Mock

import gradio as gr
import pytest
from gradio.context import LocalContext

from app import models as models_own
from app.models import LanguageModel, ModelsTab, OwnModels, cards, cards_html, offered, open_model, try_model
from app.server.views import failure_html
from reasoning.lm import LLMError
from reasoning.lm.hosted import PROVIDERS, load_hosted
from tests.app.browsing import SCRIPT
from tests.reasoning.openai_server import Behaviour, OpenAIServer

KEY = "vk9-Visitors.Secret_Key-0123456789"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    with OpenAIServer().running() as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-the-operators-own-key")
        running.then(for_ever=Behaviour(reply="yes"))
        yield running


@contextmanager
def visit(name: str | None) -> Iterator[None]:
    token = LocalContext.request.set(SimpleNamespace(session_hash=name) if name else None)  # type: ignore[arg-type]
    try:
        yield
    finally:
        LocalContext.request.reset(token)


def tab(model: LanguageModel) -> ModelsTab:
    with gr.Blocks() as page:
        return ModelsTab(model, "embedded", page)


def test_other_providers_no_names_and_no_keys_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(offered()) == {"openai"}  # the one that the tests install
    for provider in ("ollama", "hf", "", None, "anthropic", "openai:x"):
        with pytest.raises(LLMError, match="this page offers openai"):
            open_model(provider, "gpt-5-mini", KEY)
    address = "http://10.0.0.1/v1"
    assert models_own._NAME.fullmatch(address) is None
    for name in ("/etc/passwd", "../x", "a/../b", "a//b", address, f"x?y={address}", "a b", SCRIPT, "x" * 101, "./a"):
        with pytest.raises(LLMError, match="cannot be the name of a model"):
            open_model("openai", name, KEY)
    for key in ("short", "x" * 401, "with a space in it", "with\nnewline-in-it", "schlüssel-schlüssel"):
        with pytest.raises(LLMError, match="copy it again") as raised:
            open_model("openai", "gpt-5-mini", key)
        assert key not in str(raised.value)
    monkeypatch.setattr(models_own, "is_installed", lambda provider: True)
    assert set(offered()) == set(PROVIDERS) - {"ollama"}


def test_without_a_key_the_operators_is_not_used(server: OpenAIServer) -> None:
    with pytest.raises(LLMError, match="needs a key"):
        open_model("openai", "gpt-5-mini", "  ")
    try_model(open_model("openai", "gpt-5-mini", KEY), KEY)
    assert server.keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize(
    ("status", "told"),
    [(401, "refuses this key"), (403, "does not let this key use"), (404, "no model called"), (429, "limit"),
     (500, "could not be asked")],
)  # fmt: skip
def test_a_refusal_says_what_to_do_and_nothing_of_the_key(
    server: OpenAIServer, status: int, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    said = f'{{"error": {{"message": "Wrong: {KEY} and {KEY[:8]}", "type": "x", "code": "y"}}}}'
    server.then(for_ever=Behaviour(status=status, body=said.encode()))
    caplog.set_level(logging.DEBUG, logger="app")
    demo = tab(LanguageModel("copy"))
    with visit("visit-1"):
        shown = demo.name_own("openai", "gpt-5-mini", KEY)
    message = shown[demo.status]
    assert told in message and shown[demo.key] == ""
    assert all(KEY not in text for text in (message, repr(shown), caplog.text))
    assert status == 500 or KEY[:8] not in message
    assert server.keys[-1] == f"Bearer {KEY}"


def test_an_error_that_quotes_the_key_is_told_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    quoting = Mock(side_effect=ValueError(f"bad value {KEY!r}"))
    own = open_model("openai", "gpt-5-mini", KEY)
    monkeypatch.setattr("langchain.chat_models.init_chat_model", quoting)
    with pytest.raises(LLMError, match=r"bad value '\[hidden\]'") as raised:
        load_hosted("openai", "gpt-5-mini", KEY)
    assert raised.value.__cause__ is None
    monkeypatch.setattr(models_own, "ask_model", quoting)
    with pytest.raises(LLMError) as raised:
        try_model(own, f" {KEY}\n")
    assert KEY not in str(raised.value) + failure_html(raised.value)


def test_a_model_serves_its_own_visit_alone_and_can_be_given_back(server: OpenAIServer) -> None:
    model = LanguageModel("copy")
    demo = tab(model)
    page_model = model.for_run()
    with visit("visit-1"):
        shown = demo.name_own("openai", " gpt-5-mini ", KEY)
        assert "openai:gpt-5-mini" in shown[demo.status] and "openai:gpt-5-mini" in shown[demo.cards]
        assert server.url in shown[demo.cards], "where the prompts go is said"
        assert shown[demo.key] == "" and shown[demo.back]["interactive"] is True
        assert page_model is not model.for_run() is model.reader
        assert "openai:gpt-5-mini, yours for this visit" in model.sentence()
        for held in (*shown.values(), model.sentence(), repr(model.own), model.for_run(), repr(model.for_run())):
            assert KEY not in str(held)
    for other in ("visit-2", None):
        with visit(other):
            assert model.own is None
            assert model.for_run() is page_model
            assert model.reader == "embedded"  # type: ignore[comparison-overlap]
            assert "gpt-5-mini" not in cards_html(model, "embedded")
    with visit("visit-1"):
        assert "forgotten" in demo.go_back()[demo.status]
        assert model.for_run() is page_model
        # A wrong model leaves the one before in use.
        demo.name_own("openai", "gpt-5-mini", KEY)
        before = model.for_run()
        server.then(for_ever=Behaviour(status=404))
        assert "no model called gpt-9" in demo.name_own("openai", "gpt-9", KEY)[demo.status]
        assert model.for_run() is before
    assert "needs a visit" in demo.name_own("openai", "gpt-5-mini", KEY)[demo.status]
    demo.leave(SimpleNamespace(session_hash="visit-1"))  # type: ignore[arg-type]
    with visit("visit-1"):
        assert model.own is None


def test_models_are_forgotten_in_time_and_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, own = OwnModels(), open_model("openai", "gpt-5-mini", KEY)
    monkeypatch.setattr(models_own, "MOST_KEPT", 2)
    for visitor in ("a", "b", "c"):
        kept.keep(visitor, own)
    assert kept.of("a") is None
    assert kept.of("b") is kept.of("c") is own
    monkeypatch.setattr(models_own, "KEPT_SECONDS", -1.0)
    assert kept.of("b") is None
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps(own)  # nothing writes it to a disk by accident


def test_the_cards_say_what_each_model_is_and_cannot_do() -> None:
    roles = ["Question reader", "Language model", "Sentence encoder", "Instruction reader", "Detector"]
    for llm, detector in (("copy", "embedded"), ("hf:/no/such/folder", "onnx:/srv/secret/my.onnx")):
        shown = cards(LanguageModel(llm), detector)
        assert [card.role for card in shown] == roles
        for card in shown:
            assert all((card.name, card.does, card.licence, card.size, card.runs, card.cannot))
        html = cards_html(LanguageModel(llm), detector)
        assert html.count("<dt>Cannot</dt>") == 5 and "/srv/secret" not in html
        assert ("outlines are what Skylark draws inside them" in html) == (detector == "embedded")
    card = cards(LanguageModel("embedded"), "embedded")[1]
    assert "SmolLM2-135M-Instruct" in card.name and "gets few of them wrong, but some" in card.cannot
