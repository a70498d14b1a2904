"""The tab for models: which are in use, and a visitor's own."""

from __future__ import annotations

import logging
import re
import threading
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import gradio as gr
from gradio.components.textbox import InputHTMLAttributes
from gradio.context import LocalContext
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from markupsafe import Markup

from app.server.views import failure_html, heading, macro, muted, render
from kg_data.sentence_vectors import PACKAGE
from reasoning.lm import (
    CopyEverythingChatModel,
    EmbeddedChatModel,
    LLMError,
    LLMTimeoutError,
    ask_model,
    describe_llm,
    load_llm,
)
from reasoning.lm.candidate_scoring import adapter_of, passes_of
from reasoning.lm.hosted import HIDDEN, HINTS, PROVIDERS, Provider, address, is_installed, load_hosted
from skylark.errors import SkylarkError

MOST_KEPT = 200
"""Visitors whose model is kept at once; who came first is forgotten first."""
KEPT_SECONDS = 3600.0
"""How long a model is kept that its visitor does not use."""
TRIAL_SECONDS = 30.0
LONGEST_NAME, SHORTEST_KEY, LONGEST_KEY = 100, 8, 400
NOT_OFFERED = ("ollama",)
"""Providers that are a server of one's own: for a visitor of this page that would be a private address."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]*(?:/[A-Za-z0-9][A-Za-z0-9._:@-]*)*")
_KEY = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class OwnModel:
    """A visitor's model."""

    provider: str
    name: str
    model: BaseChatModel = field(repr=False)

    @property
    def spec(self) -> str:
        """`provider:model`."""
        return f"{self.provider}:{self.name}"


class OwnModels:
    """Visitors' models, each under its visit."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, OwnModel]] = {}  # in the order of their last use
        self._lock = threading.Lock()

    def keep(self, visit: str, own: OwnModel) -> None:
        """Use this model for this visit from now on."""
        with self._lock:
            self._kept.pop(visit, None)
            self._kept[visit] = (time.monotonic(), own)
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]

    def forget(self, visit: str | None) -> None:
        """Use the page's model again, and keep the key no longer."""
        with self._lock:
            self._kept.pop(visit or "", None)

    def of(self, visit: str | None) -> OwnModel | None:
        """The visit's own model, None where it has none."""
        now = time.monotonic()
        with self._lock:
            for old in [key for key, (used, _) in self._kept.items() if now - used > KEPT_SECONDS]:
                del self._kept[old]
            _, own = self._kept.pop(visit or "", (now, None))
            if own is not None and visit is not None:
                self._kept[visit] = (now, own)
            return own


def this_visit() -> str | None:
    """Which visit the event belongs to that is being handled; None outside of one."""
    request = LocalContext.request.get(None)
    visit = getattr(request, "session_hash", None)
    return visit if isinstance(visit, str) and visit else None


def offered() -> dict[str, Provider]:
    """The hosted providers that can be named here: those whose package is installed."""
    return {
        name: provider
        for name, provider in PROVIDERS.items()
        if name not in NOT_OFFERED and provider.keys and is_installed(provider)
    }


def open_model(provider: str | None, name: str | None, key: str | None) -> OwnModel:
    """A visitor's model, made of what the visitor typed; nothing is sent yet (raises LLMError: the provider is not
    offered, or the name or key cannot be one. The key is in no message)."""
    known = offered()
    if provider not in known:
        raise LLMError(f"choose a provider first: this page offers {', '.join(known) or 'none'}")
    name, key = (name or "").strip(), (key or "").strip()
    if not name:
        raise LLMError(f"there is no model yet: type {provider}'s name of one, such as {known[provider].example}")
    if len(name) > LONGEST_NAME or _NAME.fullmatch(name) is None:
        raise LLMError(
            f"this cannot be the name of a model of {provider}: it has letters, digits, dots and dashes and no "
            f"space, as {known[provider].example} has; copy it from the provider's list"
        )
    if not key:
        raise LLMError(f"the provider {provider} needs a key: make one in your account there and paste it here")
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY or _KEY.fullmatch(key) is None:
        # A client would quote such a key in its error.
        raise LLMError(
            f"this cannot be a key of {provider}: a key is {SHORTEST_KEY} to {LONGEST_KEY} plain characters without "
            "spaces; copy it again, whole"
        )
    return OwnModel(provider, name, load_hosted(provider, name, key))


def try_model(own: OwnModel, key: str) -> None:
    """Ask the model for one word, so that a wrong name or key is known now and not in the middle of a run (raises
    LLMError: it did not answer; the message says what to do, and holds nothing of the key)."""
    try:
        ask_model(own.model, [HumanMessage("Say yes.")], TRIAL_SECONDS, retries=0)
    except LLMTimeoutError:
        raise LLMError(
            f"the model {own.spec} did not answer within {TRIAL_SECONDS:g} s: try again, or name another model"
        ) from None
    except Exception as error:
        raise LLMError(_refusal(own, str(error).replace(key.strip(), HIDDEN))) from None


def _refusal(own: OwnModel, message: str) -> str:
    """Why a model did not answer; what the provider said of a key is left out, since it quotes parts of it."""
    provider, name = own.provider, own.name
    if HINTS[401] in message:
        return f"the provider refuses this key: check that it is whole, valid and one of {provider}, and paste it again"
    if HINTS[403] in message:
        return f"the provider does not let this key use {name}: name another model, or a key of an account that may"
    if HINTS[404] in message:
        return f"the provider has no model called {name} for this key: copy the name from its list of models"
    if "no credit left" in message:
        return f"the account of this key has no credit left at {provider}: add some there, or use another key"
    if HINTS[429] in message:
        return "the provider's limit for this key is reached: wait a minute and try again"
    if "onnection" in message:
        return f"{provider} could not be reached from this server: try again later, or use the page's own model"
    return f"the model {own.spec} could not be asked: {message}"


log = logging.getLogger(__name__)

MAX_NEW_TOKENS = 256
"""Most tokens of one reply; a longer one from the embedded model is prose, not an answer, and only costs the visitor
time."""


SMALL = (
    "It is small and was taught to answer single steps; it gets few of them wrong, but some: the exact answer is the "
    "reliable one."
)
"""What to expect of the embedded model."""


class LanguageModel:
    """The model of a running page, and those that visitors have named for themselves.

    Args:
        spec: what `load_llm` takes: "embedded", "copy", "hf:name-or-path" or "provider:model".

    Attributes:
        spec: the same.
        error: why there is no model, None where there is one.
        owned: visitors' own models.
    """

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self.error: str | None = None
        self.owned = OwnModels()
        self._model: BaseChatModel | None = None
        self._warm = threading.Event()
        try:
            self._model = load_llm(spec, max_new_tokens=MAX_NEW_TOKENS)
        except SkylarkError as error:
            # The page is of use without a model: exact answers need none.
            self.error = str(error)

    def warm_up(self) -> None:
        """Load the weights now, so that the first visitor does not wait for them; blocks until it is done."""
        try:
            if isinstance(self._model, EmbeddedChatModel) and adapter_of(self._model) is not None:
                passes_of(self._model)
            elif isinstance(self._model, EmbeddedChatModel):
                self._model.invoke("Say yes.", max_new_tokens=1)
            log.info("the language model is ready")
        except SkylarkError as error:
            self.error = str(error)
        except Exception:
            log.exception("the language model could not be loaded")
            self.error = "the language model could not be loaded; the log says why"
        finally:
            self._warm.set()

    @property
    def own(self) -> OwnModel | None:
        """What the visitor has named whose event is being handled; None where that is nothing."""
        return self.owned.of(this_visit())

    @property
    def is_warm(self) -> bool:
        """Whether the weights are there."""
        return self.own is not None or self._warm.is_set() or not isinstance(self._model, EmbeddedChatModel)

    def for_run(self) -> BaseChatModel:
        """The model that runs are made with (raises LLMError: there is no model; the message says why)."""
        if (own := self.own) is not None:
            return own.model
        if self._model is None or self.error is not None:
            raise LLMError(self.error or "there is no language model")
        return self._model

    @property
    def reader(self) -> str | BaseChatModel:
        """What reads questions in English: a hosted model itself; else "embedded"."""
        if (own := self.own) is not None:
            return own.model
        built_in = isinstance(self._model, EmbeddedChatModel | CopyEverythingChatModel)
        return "embedded" if self._model is None or self.error is not None or built_in else self._model

    def sentence(self) -> str:
        """Which model runs, where, and what to expect of it, in plain words (not escaped)."""
        if (own := self.own) is not None:
            return (
                f"Language model: {own.spec}, yours for this visit, run {describe_llm(own.model)['runs']}. "
                "Language models make mistakes: the exact answer is the reliable one."
            )
        if self._model is None:
            return f"No language model is running: {self.error}. Exact answers need none."
        about = describe_llm(self._model)
        words = f"Language model: {about['name']} ({about['size']}; {about['licence']}), run {about['runs']}."
        if self.spec == "embedded":
            words += f" {SMALL}"
        elif self.spec == "copy":
            words = (
                f"Language model: the {about['name']} ({about['size']}). It shows what copying alone achieves: "
                "the exact answer is the reliable one."
            )
        else:
            words += " Language models make mistakes: the exact answer is the reliable one."
        return words

    def described(self) -> dict[str, str] | None:
        """What `describe_llm` says of the page's model; None where there is none."""
        return None if self._model is None else describe_llm(self._model)


HERE = "on this machine; nothing leaves it"


@dataclass(frozen=True)
class Card:
    """One model as a visitor should know it; all texts are plain, and escaped when shown."""

    role: str
    name: str
    does: str
    licence: str
    size: str
    runs: str
    cannot: str
    key: str


def language_model_html(model: LanguageModel) -> Markup:
    """What stands above the model's steps: which model the visitor has, in a sentence."""
    return heading("The language model, step by step") + muted(model.sentence())


def cards_html(model: LanguageModel, detector: str) -> Markup:
    """The models in use, as `cards` has them, as a list."""
    return render("models/cards.html", cards=cards(model, detector))


def cards(model: LanguageModel, detector: str) -> tuple[Card, ...]:
    """The models in use by the visitor whose event is being handled."""
    return (_reader(model.own), _language_model(model), _encoder(), _instruction_reader(), _detector(detector))


def _reader(own: OwnModel | None) -> Card:
    if own is not None:
        return Card(
            "Question reader", own.spec, "Writes your question as a query, helped by the graph's own words.",
            "the provider's terms", "not known here", describe_llm(own.model)["runs"],
            "It may read a question otherwise than you meant it: the page shows the query it made.", "reader",
        )  # fmt: skip
    return Card(
        "Question reader", "SmolLM2-135M-Instruct with an adapter of Skylark's",
        "Reads your question as a query over the graph's names and relations, which is then checked and run.",
        "Apache-2.0", "135 million parameters, 270 MB", HERE,
        "It knows English only, and misreads some of it: the page shows what was read, how sure that is, and what else "
        "you may mean.", "reader",
    )  # fmt: skip


def _language_model(model: LanguageModel) -> Card:
    role, does = "Language model", "Answers a query step by step from facts retrieved for it; every step is checked."
    own, key = model.own, "llm"
    if own is not None:
        about = describe_llm(own.model)
        where = address(own.model)
        runs = (
            f"at {own.provider}" + (f" ({where})" if where else "") + "; prompts are sent there, and you pay for them"
        )
        return Card(role, own.spec, does, about["licence"], about["size"], runs,
                    "Language models make mistakes: the exact answer is the reliable one.", key)  # fmt: skip
    described = model.described()
    if described is None:
        return Card(role, "none", "Nothing: exact answers need none.", "none", "none", "nowhere",
                    f"It could not be loaded: {model.error}.", key)  # fmt: skip
    cannot = {
        "embedded": f"{SMALL} It writes English only.",
        "copy": "It reads nothing: it repeats the context, to show what copying alone achieves.",
    }.get(model.spec, "Language models make mistakes: the exact answer is the reliable one.")
    return Card(role, described["name"], does, described["licence"], described["size"], described["runs"], cannot, key)


def _encoder() -> Card:
    installed = find_spec(PACKAGE) is not None
    return Card(
        "Sentence encoder", "all-MiniLM-L6-v2" if installed else "none",
        "Finds the relation or class that a word of yours is like in meaning." if installed
        else "Nothing: it is not installed, and only words that the detector has are understood.",
        "Apache-2.0", "22 million parameters, 90 MB", HERE,
        "It compares single phrases in English; it writes nothing and knows no facts.", "encoder",
    )  # fmt: skip


def _instruction_reader() -> Card:
    return Card(
        "Instruction reader", "SmolLM2-135M-Instruct with an adapter of Skylark's",
        "Reads what you ask of an image, and expressions about what is in it, in words copied from yours.",
        "Apache-2.0", "135 million parameters, 270 MB", HERE,
        "It knows English only, and misreads some of it: the page shows what was read, how sure that is, and what else "
        "you may mean.", "instructions",
    )  # fmt: skip


def _detector(spec: str) -> Card:
    role, does = "Detector", "Finds the objects in an image, each with its box and a score."
    if spec == "embedded":
        return Card(
            role, "NanoDet-g 416", does, "Apache-2.0", "3.8 million parameters, 7.6 MB", HERE,
            "It knows the 80 classes of COCO and no others (AP 0.30 on COCO images), misses small objects, and gives "
            "boxes only: outlines are what Skylark draws inside them. No language model writes the boxes.", "detector",
        )  # fmt: skip
    name = spec.removeprefix("onnx:").replace("\\", "/").rstrip("/").rpartition("/")[2] if "onnx:" in spec else spec
    return Card(role, name, does, "stated on the model's own card", "stated on the model's own card", HERE,
                "What it can't do is stated on the model's own card.", "detector")  # fmt: skip


TRIALS_AT_ONCE = 4

PROMISE = (
    "The key stays in this server's memory for your visit and goes only to the provider: it is not stored, not logged, "
    "not put into an address and not sent back to your page. It is forgotten when you go back, close or reload the "
    "page, or after an hour without use; a batch job or the reading of a text that is at work holds it until it "
    "ends or is stopped. To try it, one short request is sent, which costs a few tokens."
)


class ModelsTab:
    """The tab, in the block in which it is made; its events give the new values of its components."""

    def __init__(self, model: LanguageModel, detector: str, page: gr.Blocks) -> None:
        self._model, self._detector = model, detector
        known = offered()
        gr.HTML("<p>Every model that this page uses, and what it can't do.</p>", elem_classes="sk-about")
        self.cards = gr.HTML(cards_html(model, detector), elem_id="models_shown")
        with gr.Column(elem_classes="sk-panel", elem_id="own_model"):
            gr.HTML(heading("Use another language model") + muted(PROMISE))
            if not known:
                gr.HTML(muted("No provider's package is installed on this server, so none can be named here."))
            with gr.Row(equal_height=True, visible=bool(known)):
                self.provider = gr.Dropdown(
                    list(known), value=next(iter(known), None), label="Provider", elem_id="own_provider",
                    min_width=150, scale=1,
                )  # fmt: skip
                self.name = gr.Textbox(
                    label="Model, as the provider calls it", max_length=LONGEST_NAME, elem_id="own_name",
                    min_width=200, placeholder=next((entry.example for entry in known.values()), ""), scale=2,
                    html_attributes=InputHTMLAttributes(autocomplete="off", autocapitalize="off", spellcheck=False),
                )  # fmt: skip
                self.key = gr.Textbox(
                    label="Key", type="password", max_length=LONGEST_KEY, elem_id="own_key", min_width=200, scale=2,
                    html_attributes=InputHTMLAttributes(autocomplete="off", spellcheck=False),
                )  # fmt: skip
            with gr.Row(visible=bool(known)):
                use = gr.Button("Try it and use it", variant="primary", elem_id="own_use", min_width=190, scale=0)
                self.back = gr.Button(
                    "Back to the page's model", interactive=False, elem_id="own_back", min_width=250, scale=0
                )
            self.status = gr.HTML(elem_id="own_status")
        outputs = [self.status, self.cards, self.key, self.back]
        quick: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        named = gr.on(
            [use.click, self.name.submit, self.key.submit],
            lambda: macro("status", "Asking the model for one word …"), None, [self.status], queue=False, **quick,
        ).then(
            self.name_own, [self.provider, self.name, self.key], outputs, concurrency_limit=TRIALS_AT_ONCE,
            concurrency_id="own-model", **quick,
        )  # fmt: skip
        self.changes = (named, self.back.click(self.go_back, None, outputs, queue=False, **quick))
        self.provider.change(
            lambda chosen: gr.update(placeholder=known[chosen].example if chosen in known else ""), [self.provider],
            [self.name], queue=False, **quick,
        )  # fmt: skip
        page.unload(self.leave)

    def name_own(self, provider: str | None, name: str | None, key: str | None) -> dict[Any, Any]:
        """Use another model in this visit, if it answers."""
        visit = this_visit()
        try:
            if visit is None:
                raise SkylarkError("a model of your own needs a visit: use the page itself, in a browser")
            own = open_model(provider, name, key)
            try_model(own, key or "")
            self._model.owned.keep(visit, own)
        except Exception as error:
            return {self.status: failure_html(error), self.key: ""}
        words = Markup("In use now: {}, in this visit only.").format(macro("name", own.spec))
        return self._changed(words, can_go_back=True)

    def go_back(self) -> dict[Any, Any]:
        """Use the page's model again and forget the key."""
        self._model.owned.forget(this_visit())
        return self._changed(
            "The page's own model is in use again; your key is forgotten. A batch job or the reading of a text that "
            "is at work with it holds it until it ends: Stop ends it.",
            can_go_back=False,
        )

    def _changed(self, words: str, *, can_go_back: bool) -> dict[Any, Any]:
        return {
            self.status: macro("status", words),
            self.cards: cards_html(self._model, self._detector),
            self.key: "",
            self.back: gr.update(interactive=can_go_back),
        }

    def leave(self, request: gr.Request) -> None:
        """Forget the key of a visitor who leaves."""
        self._model.owned.forget(request.session_hash)
