"""The tab for models: which are in use, and how a visitor names another language model for the visit.

The key is typed into a password box that is emptied as it is sent. Events that carry it are no part of the page's API.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.components.textbox import InputHTMLAttributes
from markupsafe import Markup

from app.models.language_model import LanguageModel
from app.models.own import LONGEST_KEY, LONGEST_NAME, offered, open_model, this_visit, try_model
from app.models.view import cards_html
from app.server.failure_view import failure_html
from app.server.templates import heading, macro, muted
from kg_data.errors import SkylarkError

TRIALS_AT_ONCE = 4

PROMISE = (
    "The key stays in this server's memory for your visit and goes only to the provider: it is not stored, not logged, "
    "not put into an address and not sent back to your page. It is forgotten when you go back, close or reload the "
    "page, or after an hour without use; a batch job or the reading of a text that is at work holds it until it "
    "ends or is stopped. To try it, one short request is sent, which costs a few tokens."
)


class ModelsTab:
    """The tab, in the block in which it is made; its events give the new values of its components.

    Args:
        model: the page's language model, which keeps visitors' own.
        detector: what the detector was asked for as.
        page: the page.

    Attributes:
        changes: the events after which another model is in use.
    """

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
