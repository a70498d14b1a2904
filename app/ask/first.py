"""The two answers that the page begins with: computed once, by the real readers, and then part of the page itself.

A visitor gets them with the page and waits for no request. Until they are there, which takes as long as the models
load, the page shows their questions with room for them, and asks for them.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

import gradio as gr
from markupsafe import Markup
from PIL import Image

from app.ask.cards import failure_card
from app.ask.desk import FIRST_INSTRUCTION, FIRST_QUESTION, AskController
from app.image.examples import PHOTOGRAPHS
from app.image.overlay import LONGEST_SIDE, jpeg_uri
from app.server.views import render

log = logging.getLogger(__name__)

MOST_WAITED = 120.0
"""Seconds that a page waits for the first answers; then it goes on without them."""


class FirstAnswers:
    """The first answers, once they are there.

    Args:
        desk: answers.
    """

    def __init__(self, desk: AskController) -> None:
        self._desk = desk
        self._ready = threading.Event()
        self._cards: tuple[Markup, Markup] = waiting_cards()

    @property
    def cards(self) -> tuple[Markup, Markup]:
        """The picture's and the graph's card as they are now."""
        return self._cards

    def awaited(self) -> tuple[Markup, Markup]:
        """The same once they are there."""
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
