"""The tab for models: which are in use, and how a visitor names another language model for the visit.

The key is typed into a password box that is emptied as it is sent. Events that carry it are no part of the page's API.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.components.textbox import InputHTMLAttributes

from app.models.language_model import LanguageModel
from app.models.own import LONGEST_KEY, LONGEST_NAME, offered, open_model, this_visit, try_model
from app.models.view import cards, cards_html
from app.server.failure_view import failure_html
from app.server.markup import heading, muted, text
from kg_data.errors import SkylarkError

TRIALS_AT_ONCE = 4

PROMISE = (
    "The key stays in this server's memory for your visit and goes only to the provider: it is not stored, not logged, "
    "not put into an address and not sent back to your page. It is forgotten when you go back, close or reload the "
    "page, or after an hour without use; a batch job that is at work holds it until it ends or is stopped. To try it, "
    "one short request is sent, which costs a few tokens."
)


class ModelsDemo:
    """What the tab's events do.

    Args:
        model: the page's language model, which keeps visitors' own.
        detector: what the detector was asked for as.
    """

    def __init__(self, model: LanguageModel, detector: str) -> None:
        self._model, self._detector = model, detector

    def show(self) -> str:
        """The models in use, as the visitor has them now."""
        return cards_html(cards(self._model, self._detector))

    def name_own(self, provider: str | None, name: str | None, key: str | None) -> tuple[Any, ...]:
        """Use another model in this visit, if it answers. Gives: a status, the cards, an emptied key box, whether one
        can go back."""
        visit = this_visit()
        try:
            if visit is None:
                raise SkylarkError("a model of your own needs a visit: use the page itself, in a browser")
            own = open_model(provider, name, key)
            try_model(own, key or "")
            self._model.owned.keep(visit, own)
        except Exception as error:
            return failure_html(error), gr.skip(), "", gr.skip()
        told = f'<p class="sk-status" role="status">In use now: <bdi>{text(own.spec)}</bdi>, in this visit only.</p>'
        return told, self.show(), "", gr.update(interactive=True)

    def go_back(self) -> tuple[Any, ...]:
        """Use the page's model again and forget the key. Gives what `name_own` gives."""
        self._model.owned.forget(this_visit())
        told = (
            '<p class="sk-status" role="status">The page\'s own model is in use again; your key is forgotten. '
            "A batch job that is at work with it holds it until it ends: Stop ends it.</p>"
        )
        return told, self.show(), "", gr.update(interactive=False)

    def leave(self, request: gr.Request) -> None:
        """Forget the key of a visitor who leaves."""
        self._model.owned.forget(request.session_hash)


def build_models(demo: ModelsDemo, page: gr.Blocks) -> list[Any]:
    """The tab, inside `page`; gives the events after which another model is in use."""
    known = offered()
    gr.HTML("<p>Every model that this page uses, and what it can't do.</p>", elem_classes="sk-about")
    shown = gr.HTML(demo.show(), elem_id="models_shown")
    with gr.Column(elem_classes="sk-panel", elem_id="own_model"):
        gr.HTML(heading("Use another language model") + muted(text(PROMISE)))
        if not known:
            gr.HTML(muted("No provider's package is installed on this server, so none can be named here."))
        with gr.Row(equal_height=True, visible=bool(known)):
            provider = gr.Dropdown(
                list(known), value=next(iter(known), None), label="Provider", elem_id="own_provider", min_width=150,
                scale=1,
            )  # fmt: skip
            name = gr.Textbox(
                label="Model, as the provider calls it", max_length=LONGEST_NAME, elem_id="own_name", min_width=200,
                placeholder=next((entry.example for entry in known.values()), ""), scale=2,
                html_attributes=InputHTMLAttributes(autocomplete="off", autocapitalize="off", spellcheck=False),
            )  # fmt: skip
            key = gr.Textbox(
                label="Key", type="password", max_length=LONGEST_KEY, elem_id="own_key", min_width=200, scale=2,
                html_attributes=InputHTMLAttributes(autocomplete="off", spellcheck=False),
            )  # fmt: skip
        with gr.Row(visible=bool(known)):
            use = gr.Button("Try it and use it", variant="primary", elem_id="own_use", min_width=190, scale=0)
            back = gr.Button("Back to the page's model", interactive=False, elem_id="own_back", min_width=250, scale=0)
        status = gr.HTML(elem_id="own_status")
    outputs = [status, shown, key, back]
    waiting = '<p class="sk-status" role="status">Asking the model for one word …</p>'
    named = gr.on([use.click, name.submit, key.submit], lambda: waiting, None, [status],
                  api_visibility="private", queue=False, show_progress="hidden").then(
        demo.name_own, [provider, name, key], outputs, api_visibility="private", concurrency_limit=TRIALS_AT_ONCE,
        concurrency_id="own-model", show_progress="hidden",
    )  # fmt: skip
    gone_back = back.click(demo.go_back, None, outputs, api_visibility="private", queue=False, show_progress="hidden")
    provider.change(
        lambda chosen: gr.update(placeholder=known[chosen].example if chosen in known else ""), [provider], [name],
        api_visibility="private", queue=False, show_progress="hidden",
    )  # fmt: skip
    page.unload(demo.leave)
    return [named, gone_back]
