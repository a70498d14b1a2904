"""The tab for models in headless Chromium: a visitor's key goes to the provider and is met nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.app.browsing import expect, visit
from tests.reasoning.openai_server import Behaviour, OpenAIServer

KEY = "vk9-Visitors.Secret_Key-0123456789"


def test_a_key_goes_to_the_provider_and_nowhere_else(
    browser: Any, copying: str, provider: OpenAIServer, data_folder: Path
) -> None:
    addresses: list[str] = []
    received: list[str] = []

    def keep(response: Any) -> None:
        addresses.append(response.url)
        kind = response.headers.get("content-type", "")
        if "json" in kind or "event-stream" in kind:
            try:
                received.append(response.text())
            except Exception:  # a stream that is cut as the page closes has no body
                received.append("")

    provider.then(Behaviour(status=401, body=f'{{"error": {{"message": "{KEY}", "code": "x"}}}}'.encode()))
    with visit(browser, copying, "models") as page:
        page.on("requestfinished", lambda request: keep(request.response()))
        page.click("role=tab[name='Models']")
        assert "Cannot" in expect(page, "#models_shown", "copy-everything baseline")
        page.fill("#own_name input, #own_name textarea", "gpt-5-mini")
        assert page.get_attribute("#own_key input", "type") == "password"
        page.fill("#own_key input", KEY)
        page.click("#own_use")
        expect(page, "#own_status", "refuses this key", 30)
        assert page.input_value("#own_key input") == ""
        provider.then(for_ever=Behaviour(reply="yes"))
        page.fill("#own_key input", KEY)
        page.press("#own_key input", "Enter")
        expect(page, "#own_status", "In use now: openai:gpt-5-mini", 30)
        expect(page, "#models_shown", "openai:gpt-5-mini")
        assert page.input_value("#own_key input") == ""
        assert KEY not in page.content()
        page.click("role=tab[name='Batch']")
        page.click("#batch_method input")
        page.get_by_role("option", name="lark with your openai:gpt-5-mini").wait_for()
        page.keyboard.press("Escape")
        assert "openai:gpt-5-mini, yours for this visit" in str(page.text_content("#model"))
        page.click("role=tab[name='Models']")
        page.click("#own_back")
        expect(page, "#own_status", "your key is forgotten")
        assert "gpt-5-mini" not in str(page.text_content("#models_shown"))
        stored = page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.cookie")
        assert KEY not in stored
    assert provider.keys[-1] == f"Bearer {KEY}"
    assert addresses
    assert not [address for address in addresses if KEY in address]
    assert not [text for text in received if KEY in text]
    # Neither a log nor a file that the server keeps holds it.
    kept = [place for place in data_folder.rglob("*") if place.is_file()]
    assert kept
    assert not [place for place in kept if KEY.encode() in place.read_bytes()]
