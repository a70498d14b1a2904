"""The first tab: a headline, one box, six questions to click, and the answers as cards below."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup
from PIL import Image

from app.ask.cards import failure_card
from app.ask.desk import FIRST_INSTRUCTION, FIRST_QUESTION, AskController, AskSession, Reply
from app.ask.speech import Microphone, Recording, SharedSpeech
from app.graph.answer_view import opened_picture, saved_answer, sorted_table
from app.graph.graphs import GraphRegistry
from app.graph.parts import NewestQuestions
from app.image.examples import PHOTOGRAPHS, icon_of
from app.image.overlay import LONGEST_SIDE, jpeg_uri
from app.server.serving import HEARD_AT_ONCE
from app.server.views import in_view, not_in_link, read_static, render, served
from app.tasks import start
from reasoning.parsing import MAX_CHARACTERS
from skylark.errors import SkylarkError, UnknownGraphError

log = logging.getLogger(__name__)

AT_ONCE = 3
"""Questions of all visitors that are read at the same time; each reader takes a core."""
RECORDING_KEPT = 300
"""Seconds after which a recording is dropped of which no more comes."""
MOST_WAITED = 120.0
"""Seconds that a page waits for the first answers; then it goes on without them."""
WAITING_AT_ONCE = 24
"""Pages that wait for the first answers; waiting takes no thread."""
TABS = ("ask", "graph", "image", "video", "batch", "models")
"""The page's tabs, as links call them."""


@dataclass(frozen=True)
class Chip:
    """A question to click: its text, and the photograph that it is about, "" for the graph."""

    text: str
    picture: str = ""

    @property
    def icon(self) -> str:
        """The photograph, small; "" without one."""
        if not self.picture:
            return ""
        with Image.open(PHOTOGRAPHS[self.picture].path) as photo:
            return str(icon_of(photo.convert("RGB"))["url"])


CHIPS = (
    Chip("What is in this picture?", "cat"),
    Chip("Outline the bus", "bus"),
    Chip("How many people are there?", "street"),
    Chip("What is the capital of Australia?"),
    Chip("How many countries border Germany?"),
    Chip("Which is the largest country in Africa?"),
)


class FirstAnswers:
    """The two answers that the page begins with: computed once, by the real readers, and then part of the page itself.

    A visitor gets them with the page and waits for no request. Until they are there, which takes as long as the models
    load, the page shows their questions with room for them, and asks for them.
    """

    def __init__(self, desk: AskController) -> None:
        self._desk = desk
        self._ready = threading.Event()
        self._cards: tuple[Markup, Markup] = waiting_cards()

    def awaited(self) -> tuple[Markup, Markup]:
        """The picture's and the graph's card, once they are there."""
        self._ready.wait(MOST_WAITED)
        return self._cards

    def compute(self, page: gr.Blocks, seen: Any, told: Any) -> None:
        """Find the answers, and make them part of the page that later visitors get; returns when it is done."""
        try:
            reply = self._desk.first()
            self._cards = (reply.seen, reply.told)
        except Exception as error:
            self._cards = (Markup(""), failure_card("", error))
        for component, card in zip((seen, told), self._cards, strict=True):
            component.value = str(card)
            for described in page.config["components"]:
                if described["id"] == component._id:
                    described["props"]["value"] = str(card)
        self._ready.set()
        log.info("the first answers are ready")


def waiting_cards() -> tuple[Markup, Markup]:
    """The cards before their answers are there."""
    street = PHOTOGRAPHS["street"]
    with Image.open(street.path) as photo:
        uri = jpeg_uri(photo.convert("RGB"), LONGEST_SIDE, 80)
    return (
        render("ask/waiting.html", question=FIRST_INSTRUCTION, picture=uri, alternative=street.shows),
        render("ask/waiting.html", question=FIRST_QUESTION, picture="", alternative=""),
    )


class AskTab:
    """The tab, in the block in which it is made."""

    def __init__(
        self, desk: AskController, shelf: GraphRegistry, page: gr.Blocks, tabs: gr.Tabs, speech: SharedSpeech
    ) -> None:
        self._desk, self._shelf, self._speech = desk, shelf, speech
        self._microphone = Microphone(speech)
        self._page, self._tabs = page, tabs
        self._first = FirstAnswers(desk)
        self._newest = NewestQuestions()
        seen, told = waiting_cards()
        with gr.Column(elem_id="ask_page"):
            gr.HTML(render("ask/head.html"), elem_id="ask_head")
            with gr.Row(elem_id="composer"):
                self.question = gr.Textbox(
                    placeholder="Ask a question, or say what to find", show_label=False,
                    label="A question about the graph or a picture, or what to find in it", container=False, lines=1,
                    max_lines=4, max_length=MAX_CHARACTERS, elem_id="ask_question", scale=1, min_width=160,
                    autofocus=True,
                )  # fmt: skip
                self.voice = gr.HTML(
                    render("ask/microphone.html"), elem_id="voice", visible=speech.available,
                    js_on_load="skylarkVoice.attach({element, trigger});",
                )  # fmt: skip
                self.give = gr.UploadButton(
                    "Add a picture", file_types=["image"], elem_id="give_picture", scale=0, min_width=120
                )
                self.go = gr.Button("Ask", variant="primary", elem_id="ask_go", scale=0, min_width=90)
            self.chips = gr.HTML(
                render("ask/chips.html", chips=CHIPS), elem_id="starters",
                js_on_load="skylarkAsk.presses({element, trigger});",
            )  # fmt: skip
            gr.HTML('<p role="status" class="sk-muted"></p>', elem_id="ask_status")
            with gr.Row(elem_id="cards"):
                self.seen = gr.HTML(
                    seen, elem_id="seen", js_on_load=f"skylarkAsk.card({{element, trigger}});{read_static('image.js')}"
                )
                self.told = gr.HTML(
                    told, elem_id="told",
                    js_on_load="skylarkAsk.card({element, trigger}); skylarkGraph.answer({element, server, watch});"
                    "skylarkGraph.picture({element, server, watch});",
                    server_functions=[served(one, shelf) for one in (sorted_table, saved_answer, opened_picture)],
                )  # fmt: skip
        self.in_hand = gr.State(AskSession())
        self.recording = gr.State(None, time_to_live=RECORDING_KEPT)
        self.hearing = gr.JSON(visible=False)
        self.waits = gr.Checkbox(True, visible=False)
        self._connect()

    def begin(self, *after: Callable[[], None]) -> None:
        """Find the first answers on a thread of its own, then do what else may wait for them, and listen last."""

        def work() -> None:
            self._first.compute(self._page, self.seen, self.told)
            for one in (*after, self._desk.prepare, self._speech.warm_up):
                one()

        start("first", work)

    def _connect(self) -> None:
        shown: list[Any] = [self.seen, self.told, self.in_hand]
        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        asking = {**private, "concurrency_id": "ask", "concurrency_limit": AT_ONCE, "trigger_mode": "multiple"}
        done = in_view("#cards .sk-card").replace("() =>", "() => { skylarkAsk.done(); return").rstrip(";") + "; }"
        for trigger in (self.go.click, self.question.submit, self.give.upload):
            trigger(None, js="() => skylarkAsk.busy()", **private, queue=False)
        for trigger in (self.go.click, self.question.submit):
            trigger(self.typed, [self.question, self.in_hand], shown, **asking).then(None, js=done, **private)
        for part in (self.chips, self.seen, self.told):
            part.select(self.pressed, [self.in_hand], shown, **asking).then(None, js=done, **private)
        self.give.upload(self.given, [self.give, self.in_hand], shown, **asking).then(None, js=done, **private)
        piece = self.voice.input(
            self.heard, [self.recording], [self.hearing, self.recording], **private,
            concurrency_id="hear", concurrency_limit=HEARD_AT_ONCE, trigger_mode="multiple",
        )  # fmt: skip
        piece.success(None, [self.hearing], js="(heard) => skylarkVoice.heard(heard)", **private)
        piece.failure(None, js="() => skylarkVoice.failed()", **private)
        self._page.unload(self._leave)
        self._page.load(
            self.arrived, [self.waits], [*shown, self.question, self._tabs], **private,
            js="() => [Boolean(document.querySelector('#cards .sk-waiting'))]",
            concurrency_id="first", concurrency_limit=WAITING_AT_ONCE,
        ).then(None, js="() => skylarkAsk.done()", **private)  # fmt: skip

    def typed(self, text: str | None, in_hand: AskSession, request: gr.Request) -> dict[Any, Any]:
        """Answer what was typed."""
        return self._newest_shown(request, lambda: self._desk.answer(text or "", in_hand))

    def pressed(self, in_hand: AskSession, event: gr.EventData, request: gr.Request) -> dict[Any, Any]:
        """Answer a question that was pressed, about its picture where it has one.

        Anybody can send anything for it.
        """
        text, picture = (str(getattr(event, part, "") or "") for part in ("ask", "picture"))
        if picture in PHOTOGRAPHS:
            in_hand = in_hand.given(picture)
        return self._newest_shown(request, lambda: self._desk.answer(text[:MAX_CHARACTERS], in_hand))

    def heard(self, recording: Recording | None, event: gr.EventData) -> tuple[dict[str, Any], Recording | None]:
        """What is understood of a recording, of which a piece has come; it is asked when its speaker presses Enter."""
        parts = ("recording", "number", "rate", "samples", "last")
        said = {part: getattr(event, part, None) for part in parts}
        return self._microphone.heard(said, recording, self._shelf.get(self._shelf.names[0]))

    def given(self, path: str | None, in_hand: AskSession, request: gr.Request) -> dict[Any, Any]:
        """Show a picture that a visitor gave, and what can be asked of it."""
        if not path:
            return {self.in_hand: gr.skip()}
        return self._newest_shown(request, lambda: self._desk.given(in_hand.given(path=path), in_hand))

    def arrived(self, waits: bool, request: gr.Request) -> dict[Any, Any]:
        """What a link asks for, which may come from anybody; without one the first answers, if they are not there."""
        link = {key: str(value) for key, value in dict(request.query_params).items()}
        tab, text = link.get("tab", ""), link.get("q", "").strip()[:MAX_CHARACTERS]
        missing = None if tab in ("", *TABS) else SkylarkError(not_in_link("tab", tab, TABS))
        if tab not in TABS:
            tab = "graph" if {"method", "least"} & set(link) else "ask"
        changes: dict[Any, Any] = {} if tab == "ask" else {self._tabs: gr.Tabs(selected=tab)}
        graph, picture = (link.get("graph", ""), link.get("picture", "")) if tab == "ask" else ("", "")
        if graph and graph not in self._shelf.names:
            missing = UnknownGraphError(not_in_link("graph", graph, self._shelf.names))
        elif picture and picture not in PHOTOGRAPHS:
            missing = SkylarkError(not_in_link("picture", picture, PHOTOGRAPHS))
        if missing is not None:
            return {**changes, self.question: text, **self._shown(self._desk.missing(text, missing))}
        if text or graph or picture:
            return {**changes, self.question: text, **self._linked(text, graph, picture)}
        if waits:
            changes |= dict(zip((self.seen, self.told), self._first.awaited(), strict=True))
        return changes or {self.in_hand: gr.skip()}

    def _linked(self, text: str, graph: str, picture: str) -> dict[Any, Any]:
        if not text and not picture:
            return self._shown(Reply(*self._first.awaited(), AskSession()))
        # Whoever comes by a link has seen none of the first answers.
        in_hand = AskSession(in_view="graph")
        given = in_hand.given(picture) if picture else in_hand
        return self._shown(self._desk.answer(text, given, graph) if text else self._desk.given(given, in_hand))

    def _newest_shown(self, request: gr.Request, reply: Callable[[], Reply]) -> dict[Any, Any]:
        """What a visitor is to see, unless something newer was asked meanwhile."""
        visit = request.session_hash or ""
        this = self._newest.begin(visit)
        shown = self._shown(reply())
        return shown if self._newest.is_newest(visit, this) else {self.in_hand: gr.skip()}

    def _leave(self, request: gr.Request) -> None:
        self._newest.forget(request.session_hash or "")

    def _shown(self, reply: Reply) -> dict[Any, Any]:
        return {self.seen: reply.seen, self.told: reply.told, self.in_hand: reply.in_hand}
