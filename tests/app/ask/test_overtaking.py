"""Questions of one visitor that overtake each other."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
from markupsafe import Markup

from app.ask.desk import AskController, AskSession, Reply
from app.ask.page import AskTab
from app.ask.speech import SharedSpeech
from app.graph.graphs import GraphRegistry


class SlowDesk:
    """Answers a question as soon as it may, with its own words."""

    def __init__(self) -> None:
        self.began, self.may = threading.Event(), threading.Event()

    def answer(self, text: str, in_hand: AskSession, graph: str = "") -> Reply:
        if text == "slow":
            self.began.set()
            assert self.may.wait(20)
        return Reply(Markup(""), Markup(text), in_hand)


def test_an_answer_that_comes_after_that_of_a_newer_question_changes_nothing() -> None:
    desk = SlowDesk()
    with gr.Blocks() as page, gr.Tabs() as tabs, gr.Tab("Ask"):
        tab = AskTab(cast(AskController, desk), GraphRegistry(["world"]), page, tabs, SharedSpeech())
    one, other = (cast(gr.Request, SimpleNamespace(session_hash=name)) for name in ("one", "other"))
    with ThreadPoolExecutor() as pool:
        overtaken = pool.submit(tab.typed, "slow", AskSession(), one)
        assert desk.began.wait(20)
        newer: dict[Any, Any] = tab.typed("quick", AskSession(), one)
        tab.typed("another visitor's", AskSession(), other)
        desk.may.set()
        assert newer[tab.told] == "quick"
        assert tab.told not in overtaken.result() and tab.seen not in overtaken.result()
    assert tab.typed("last", AskSession(), other)[tab.told] == "last"
