"""A text pasted into the page, in headless Chromium: which model, what it takes, the graph as it grows, questions."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from tests.app.browsing import DESKTOP, PHONE, SCRIPT, expect, name_a_model, open_tab, serious_faults, visit
from tests.app.graph.growing.models import TEXT
from tests.reasoning.extraction.models import faultless_reply
from tests.reasoning.openai_server import Behaviour, OpenAIServer

PROPOSED = {
    "relations": [
        {"name": "works for", "head": "person", "tail": "company"},
        {"name": "founded in", "head": "company", "tail": "year"},
    ]
}
PASTED = f"{SCRIPT} is what somebody wrote here.\n{TEXT}"


class Reader:
    """A model that proposes relations, then reads passages without fault, the last one once a visitor saw the others.

    Attributes:
        seen: set when they are drawn, however long that takes a busy machine.
    """

    def __init__(self) -> None:
        self.seen = threading.Event()

    def __call__(self, prompt: str) -> str:
        if "-----" not in prompt:
            return "yes"
        if not prompt.startswith("Relations:"):
            return json.dumps(PROPOSED)
        if "Bo " in prompt:
            time.sleep(0.6)  # drawn after the first passage
        if "Cy " in prompt:
            self.seen.wait(120)
        return faultless_reply(prompt)


def test_a_pasted_text_grows_into_a_graph_that_is_asked(browser: Any, copying: str, provider: OpenAIServer) -> None:
    read = Reader()
    provider.then(for_ever=Behaviour(reply=read))
    with visit(browser, copying, "growing", PHONE) as page:
        page.uncheck("#run_llm input")
        page.click("#grow_frame > button")
        expect(page, "#grow_model", "A larger language model is needed")
        assert not page.locator("#grow_text").is_visible()
        page.set_viewport_size(DESKTOP)
        assert not serious_faults(page)  # once is enough for what both widths have
        page.click("#grow_to_models")
        page.wait_for_selector("#own_name input:visible, #own_name textarea:visible")
        name_a_model(page)
        page.set_viewport_size(PHONE)
        open_tab(page, "Graph")
        expect(page, "#grow_model", "Read by openai:gpt-5-mini, yours for this visit")
        asked = len(provider.requests)
        page.fill("#grow_text textarea", PASTED)
        assert "4 requests to openai:gpt-5-mini" in expect(page, "#grow_expected", "Nothing was sent yet")
        assert len(provider.requests) == asked
        page.click("#grow_go")
        expect(page, "#grow_status", "triples so far")
        page.wait_for_selector("#grown .sk-newest")
        read.seen.set()
        page.wait_for_selector("#grow_stop:enabled")
        expect(page, "#grow_status", "is yours and chosen above")
        assert page.input_value("#graph input") == "pasted text (yours)"
        assert "Bo Moe works for Core" in str(page.text_content("#grown_triples"))
        assert "Made of a pasted text by openai:gpt-5-mini" in expect(page, "#graph_note", "Made of")
        page.wait_for_selector("#offer-1:visible", timeout=30_000)
        for viewport in (DESKTOP, PHONE):
            page.set_viewport_size(viewport)
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        page.click("#offer-1")
        expect(page, "#evidence_table", "pasted text, line")
        assert page.locator("#evidence_table mark").count()
        assert page.locator("#grow_frame script, #evidence_table script").count() == 0
        for viewport in (PHONE, DESKTOP):
            page.set_viewport_size(viewport)
            assert not serious_faults(page)
