"""Which models are told, and a visitor's own: hosted ones only, for the visit alone, its key in requests alone."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import gradio as gr
import pytest
from gradio.context import LocalContext

from app import models as models_own
from app.models import LanguageModel, ModelsTab, OwnModels, cards, cards_html, offered, open_model, try_model
from app.server.views import failure_html
from reasoning.lm import LLMError
from reasoning.lm.hosted import PROVIDERS, load_hosted
from skylark.errors import SkylarkError
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
    """The tab of a page."""
    with gr.Blocks() as page:
        return ModelsTab(model, "embedded", page)


def test_only_installed_hosted_providers_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(offered()) == {"openai"}  # the one that the tests install
    monkeypatch.setattr(models_own, "is_installed", lambda provider: True)
    assert set(offered()) == set(PROVIDERS) - {"ollama"}


def test_other_providers_no_names_and_no_keys_are_refused() -> None:
    for provider in ("ollama", "hf", "embedded", "", None, "anthropic", "openai:x", "../openai"):
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


def test_without_a_key_the_operators_is_not_used(server: OpenAIServer) -> None:
    with pytest.raises(LLMError, match="needs a key"):
        open_model("openai", "gpt-5-mini", "  ")
    try_model(open_model("openai", "gpt-5-mini", KEY), KEY)
    assert server.keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_a_refusal_says_what_to_do_and_nothing_of_the_key(
    server: OpenAIServer, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    said = f'{{"error": {{"message": "Wrong: {KEY} and {KEY[:8]}", "type": "x", "code": "y"}}}}'
    server.then(for_ever=Behaviour(status=status, body=said.encode()))
    caplog.set_level(logging.DEBUG, logger="app")
    demo = tab(LanguageModel("copy"))
    with visit("visit-1"):
        shown = demo.name_own("openai", "gpt-5-mini", KEY)
        message = shown[demo.status]
    expected = {401: "refuses this key", 403: "does not let this key use", 404: "no model called", 429: "limit"}
    assert expected.get(status, "could not be asked") in message
    assert shown[demo.key] == ""
    for text in (message, repr(shown), caplog.text):
        assert KEY not in text
    if status in (401, 403, 404, 429):
        assert KEY[:8] not in message
    assert server.keys[-1] == f"Bearer {KEY}"


def test_an_error_that_quotes_the_key_is_told_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def quoting(*_: object, **__: object) -> None:
        raise ValueError(f"bad value {KEY!r}")

    monkeypatch.setattr("langchain.chat_models.init_chat_model", quoting)
    with pytest.raises(LLMError) as raised:
        load_hosted("openai", "gpt-5-mini", KEY)
    assert "bad value '[hidden]'" in str(raised.value)
    assert raised.value.__cause__ is None
    monkeypatch.undo()
    own = open_model("openai", "gpt-5-mini", KEY)
    monkeypatch.setattr(models_own, "ask_model", quoting)
    with pytest.raises(LLMError) as raised:
        try_model(own, f" {KEY}\n")
    assert KEY not in str(raised.value)
    assert KEY not in failure_html(raised.value)


def test_a_model_serves_its_own_visit_alone_and_can_be_given_back(server: OpenAIServer) -> None:
    model = LanguageModel("copy")
    demo = tab(model)
    page_model = model.for_run()
    with visit("visit-1"):
        shown = demo.name_own("openai", " gpt-5-mini ", KEY)
        assert "openai:gpt-5-mini" in shown[demo.status]
        assert "openai:gpt-5-mini" in shown[demo.cards]
        assert server.url in shown[demo.cards], "where the prompts go is said"
        assert shown[demo.key] == ""
        assert shown[demo.back]["interactive"] is True
        assert model.for_run() is not page_model
        assert model.reader is model.for_run()
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
        demo.name_own("openai", "gpt-5-mini", KEY)
    demo.leave(SimpleNamespace(session_hash="visit-1"))  # type: ignore[arg-type]
    with visit("visit-1"):
        assert model.own is None


def test_a_wrong_model_leaves_the_one_before_in_use(server: OpenAIServer) -> None:
    model = LanguageModel("copy")
    demo = tab(model)
    with visit("visit-1"):
        demo.name_own("openai", "gpt-5-mini", KEY)
        before = model.for_run()
        server.then(for_ever=Behaviour(status=404))
        assert "no model called gpt-9" in demo.name_own("openai", "gpt-9", KEY)[demo.status]
        assert model.for_run() is before
    assert "needs a visit" in demo.name_own("openai", "gpt-5-mini", KEY)[demo.status]


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


@pytest.mark.parametrize(
    ("llm", "detector"), [("copy", "embedded"), ("hf:/no/such/folder", "onnx:/srv/secret/my.onnx")]
)
def test_the_cards_say_what_each_model_is_and_cannot_do(llm: str, detector: str) -> None:
    shown = cards(LanguageModel(llm), detector)
    assert [card.role for card in shown] == [
        "Question reader", "Language model", "Sentence encoder", "Instruction reader", "Detector",
    ]  # fmt: skip
    for card in shown:
        assert all((card.name, card.does, card.licence, card.size, card.runs, card.cannot))
    html = cards_html(LanguageModel(llm), detector)
    assert html.count("<dt>Cannot</dt>") == 5
    assert ("outlines are what Skylark draws inside them" in html) == (detector == "embedded")
    assert "/srv/secret" not in html


def test_what_the_embedded_model_gets_wrong_is_said_plainly() -> None:
    try:
        model = LanguageModel("embedded")
    except SkylarkError as error:
        pytest.skip(str(error))
    if model.described() is None:
        pytest.skip(f"needs the packaged weights: {model.error}")
    card = cards(model, "embedded")[1]
    assert "SmolLM2-135M-Instruct" in card.name
    assert "gets few of them wrong, but some" in card.cannot
