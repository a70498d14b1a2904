"""The tab for graphs as visitors meet it, in headless Chromium: five visits, each with all that one may do there."""

import json
import threading
from pathlib import Path
from typing import Any

from tests.app.browsing import (
    DESKTOP,
    PHONE,
    SCRIPT,
    Served,
    ask,
    check,
    choose,
    expect,
    fits,
    open_tab,
    saved,
    text,
    visit,
    wait,
)
from tests.app.graph.test_predictions import triples
from tests.app.graph.test_text_to_graph import TEXT
from tests.reasoning.extraction.models import faultless_reply
from tests.reasoning.openai_server import Behaviour, OpenAIServer

KEY = "vk9-Visitors.Secret_Key-0123456789"
ENDED = "/^(Done|Stopped)/.test(document.querySelector('#steps_status').textContent.trim())"
SEEN = """s => { const r = document.querySelector(s)?.getBoundingClientRect();
return r?.height && r.top >= 0 && r.top < innerHeight - 60; }"""
MANY_FACTS = 'borders(borders("Germany") | borders("Russia") | borders("Brazil")) | capital(~continent("Africa"))'
LEARNED = 180
"""Seconds for the rules of a small graph, most of them the compiler's on a busy machine."""


def test_an_example_is_drawn_and_mistakes_and_questions_back_are_answered(browser: Any, walked: Served) -> None:
    with visit(browser, f"{walked.url}/?tab=graph", "asking", PHONE) as page:
        ours = [shift for shift in page.evaluate("shifts") if len(shift) > 1]
        assert sum(shift[0] for shift in ours) < 0.01, ours
        top = "document.querySelector('#answer').getBoundingClientRect().top + scrollY"
        before = page.evaluate(top)
        page.click("#example-2")
        expect(page, "#understood", "Germany")
        assert page.evaluate(top) == before
        expect(page, "#answer", "4 answers")
        assert page.input_value("#question textarea") == 'capital(borders("Germany") & !~currency("Euro"))'
        assert {"Bern", "Copenhagen", "Prague", "Warsaw"} <= set(page.locator("#answer td bdi").all_text_contents())
        assert "9 entities" in expect(page, "#tree", "Germany")
        wait(page, ENDED)
        states = page.eval_on_selector_all("#steps .sk-step", "steps => steps.map(s => s.dataset.state)")
        assert len(states) == 4 and set(states) <= {"agrees", "differs"}
        fits(page, PHONE, DESKTOP)
        assert page.locator("#evidence .sk-canvas svg[role=group]").is_visible()
        check(page, "an answer")

        page.uncheck("#run_llm input")
        ask(page, 'borders("Portugal"')
        expect(page, "#error", "column 19")
        assert text(page, "#error pre").split("\n")[1].index("^") == 18
        page.set_viewport_size(PHONE)
        for question, shown in (
            ('capital("Portugal")', "#sentence"), (f"{SCRIPT} <img src=x onerror=alert(2)>", "#error .sk-alert"),
            ("What is the capital of the Congo?", "#choice-1"),
        ):  # fmt: skip
            page.evaluate("scrollTo(0, 0)")
            ask(page, question)
            page.wait_for_function(SEEN, arg=shown)
        assert page.locator("#error script, #error img").count() == 0
        check(page, "a question back")
        page.get_by_role("button", name='capital("Republic of the Congo")').focus()
        page.keyboard.press("Enter")
        expect(page, "#sentence", "Brazzaville")
        assert page.input_value("#question textarea") == 'capital("Republic of the Congo")'
        assert page.locator("#choices button:visible, #error .sk-alert").count() == 0


def test_a_model_of_ones_own_runs_stops_reads_a_text_and_its_key_goes_to_the_provider_alone(
    browser: Any, walked: Served, provider: OpenAIServer
) -> None:
    addresses: list[str] = []
    received: list[str] = []
    seen = threading.Event()  # what was read of all passages but the last
    relations = (("works for", "person", "company"), ("founded in", "company", "year"))
    proposed = json.dumps({"relations": [{"name": n, "head": head, "tail": tail} for n, head, tail in relations]})

    def keep(response: Any) -> None:
        addresses.append(response.url)
        kind = response.headers.get("content-type", "")
        if "json" in kind or "event-stream" in kind:
            try:
                received.append(response.text())
            except Exception:  # a stream that is cut as the page closes has no body
                received.append("")

    def read(prompt: str) -> str:
        if not prompt.startswith("Relations:"):
            return proposed
        if "Cy " in prompt:
            seen.wait(120)
        return faultless_reply(prompt)

    provider.then(Behaviour(status=401, body=f'{{"error": {{"message": "{KEY}", "code": "x"}}}}'.encode()))
    with visit(browser, walked.url, "own-model") as page:
        page.on("requestfinished", lambda request: keep(request.response()))
        page.click("#grow_frame > button")
        expect(page, "#grow_model", "larger language model is needed")
        assert not page.locator("#grow_text").is_visible()
        page.click("#grow_to_models")
        expect(page, "#models_shown", "copy-everything baseline")
        page.fill("#own_name input, #own_name textarea", "gpt-5-mini")
        assert page.get_attribute("#own_key input", "type") == "password"
        page.fill("#own_key input", KEY)
        page.click("#own_use")
        expect(page, "#own_status", "refuses this key")
        assert page.input_value("#own_key input") == ""
        provider.then(Behaviour(reply="yes"), for_ever=Behaviour(delay=600))  # no run ends by itself
        page.fill("#own_key input", KEY)
        page.press("#own_key input", "Enter")
        expect(page, "#own_status", "In use now: openai:gpt-5-mini")
        expect(page, "#models_shown", "openai:gpt-5-mini")
        assert page.input_value("#own_key input") == "" and KEY not in page.content()
        check(page, "models")
        open_tab(page, "Batch")
        page.click("#batch_method input")
        page.get_by_role("option", name="lark with your openai:gpt-5-mini").wait_for()
        page.keyboard.press("Escape")
        open_tab(page, "Graph")
        expect(page, "#model", "yours for this visit")
        ask(page, 'capital(borders("Austria"))')
        page.wait_for_selector("#stop:enabled")
        page.click("#example-1")
        wait(page, "document.querySelector('#step-1')?.textContent.includes('Portugal')")
        expect(page, "#answer", "Spain")
        page.click("#step-1 details summary")
        provider.then(for_ever=Behaviour(reply="e1"))
        provider.release()
        page.wait_for_selector("#step-1:not([data-state=running])")
        assert page.locator("#step-1 .sk-lines").first.is_visible(), "what was opened stays open"
        assert "Austria" not in text(page, "#steps"), "the newer question has taken the place of the older"
        wait(page, ENDED)
        provider.then(for_ever=Behaviour(delay=600))
        ask(page, 'capital(borders("Austria"))')
        page.click("#stop:enabled")
        wait(page, ENDED)
        assert text(page, "#steps_status").startswith("Stopped after") and page.is_disabled("#stop")
        assert page.locator("#answer td bdi").count(), "the exact answer stays"

        page.uncheck("#run_llm input")
        provider.then(for_ever=Behaviour(reply=read))
        expect(page, "#grow_model", "Read by openai:gpt-5-mini")
        asked = len(provider.requests)
        page.fill("#grow_text textarea", f"{SCRIPT} is what somebody wrote here.\n{TEXT}")
        expect(page, "#grow_expected", "4 requests to openai:gpt-5-mini")
        assert len(provider.requests) == asked, "nothing is sent before that is said"
        page.click("#grow_go")
        expect(page, "#grow_status", "triples so far")
        page.wait_for_selector("#grown .sk-newest")
        page.wait_for_selector("#grow_stop:enabled")
        seen.set()
        expect(page, "#grow_status", "is yours and chosen above")
        assert page.input_value("#graph input") == "pasted text (yours)"
        assert "Bo Moe works for Core" in text(page, "#grown_triples")
        page.wait_for_selector("#offer-1:visible")
        page.click("#offer-1")
        expect(page, "#evidence_table", "pasted text, line")
        assert page.locator("#evidence_table mark").count()
        assert page.locator("#grow_frame script, #evidence_table script").count() == 0
        fits(page, PHONE)
        open_tab(page, "Models")
        page.click("#own_back")
        expect(page, "#own_status", "your key is forgotten")
        assert "gpt-5-mini" not in text(page, "#models_shown")
        stored = page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.cookie")
        assert KEY not in stored
    provider.release()
    assert provider.keys[-1] == f"Bearer {KEY}"
    assert addresses and not [kept for kept in (*addresses, *received) if KEY in kept]
    assert not [place for place in walked.uploads.rglob("*") if place.is_file() and KEY.encode() in place.read_bytes()]


def test_evidence_is_walked_and_the_table_sorted_saved_and_linked_to(browser: Any, walked: Served) -> None:
    with visit(browser, walked.url, "evidence") as page:
        page.uncheck("#run_llm input")
        ask(page, 'capital("Portugal")')
        expect(page, "#sentence", "Lisbon")
        page.focus("#sentence .sk-rests")
        page.keyboard.press("Enter")
        page.wait_for_selector("#evidence_table tr.sk-lit:focus")
        ask(page, 'capital(borders("Portugal"))')
        expect(page, "#evidence", "Both facts")
        page.focus("#evidence [data-key][tabindex='0']")
        page.keyboard.press("ArrowRight")
        wait(page, "/^Spain/.test(document.activeElement.getAttribute('aria-label'))")
        page.keyboard.press("Enter")
        expect(page, "#evidence .sk-caption", "Spain is open")
        wait(page, "document.activeElement.getAttribute('aria-expanded') === 'true'")
        assert 4 <= page.locator("#evidence [data-key]").count() <= 15
        page.keyboard.press("Enter")
        wait(page, "document.querySelectorAll('#evidence [data-key]').length === 3")
        assert "Madrid" in saved(page, "#evidence [data-do=svg]").read_text(encoding="utf-8")

        ask(page, MANY_FACTS)
        expect(page, "#evidence .sk-caption", "200 of")
        expect(page, "#evidence .sk-beyond", "More lies on the right")
        letters = "getComputedStyle(document.querySelector('#evidence .sk-shape text')).fontSize.replace('px', '')"
        assert page.evaluate(f"{letters} * document.querySelector('.sk-canvas svg').getScreenCTM().a") >= 12
        russia = page.get_by_role("button", name="Russia, named in the question, and an answer")
        russia.click()
        expect(page, "#evidence .sk-caption", "Russia is open")
        ask(page, 'population(borders("Germany"))')
        expect(page, "#answer", "9 answers")
        for first in ("Luxembourg", "France"):
            page.focus("#answer [data-by=value]")
            page.keyboard.press("Enter")
            wait(page, f"document.querySelector('#answer td bdi').textContent === '{first}'")
        assert page.locator("#answer th[aria-sort=descending] [data-by=value]").count() == 1
        assert len(saved(page, "#answer [data-form=csv]").read_text(encoding="utf-8").splitlines()) == 10
        page.click("#answer [data-link]")
        expect(page, "#answer .sk-said", "link")
        link = page.url
    with visit(browser, link, "link") as page:
        expect(page, "#answer", "9 answers")
        assert page.input_value("#question textarea") == 'population(borders("Germany"))'
        expect(page, "#steps_status", "not asked")


def test_a_graph_of_ones_own_is_read_asked_and_built_queries_for(browser: Any, walked: Served, tmp_path: Path) -> None:
    broken, mine = tmp_path / "broken.tsv", tmp_path / "mine.tsv"
    broken.write_text("A\troad\tB\nA\tB\n")
    mine.write_text(f"A\troad\t{SCRIPT}\nB\troad\tC\n")
    with visit(browser, walked.url, "own-graph", PHONE) as page:
        page.uncheck("#run_llm input")
        files, box = page.locator("#graph_tab input[type=file]").first, page.locator("#question textarea")
        files.set_input_files(broken)
        expect(page, "#upload_note", "line 2")
        # The chosen graph is still the one that names and shapes are looked up in.
        page.click("#shapes_frame button")
        box.press_sequentially("capital(borders(Portug")
        page.wait_for_selector("#sk-proposals[aria-busy=false] [role=option]")
        page.keyboard.press("ArrowDown")
        assert page.get_attribute("#question textarea", "aria-activedescendant") == "sk-proposal-0"
        page.keyboard.press("Enter")
        assert box.input_value() == 'capital(borders("Portugal"'
        page.locator("#shapes .sk-shape-choice", has_text="2in").click()
        page.click("#shapes [data-example]")
        wait(page, "document.querySelector('#question textarea').value.includes('!')")
        expect(page, "#shapes .sk-said", "press Ask")
        page.click("#ask")
        wait(page, "document.querySelector('#understood_query')?.textContent.includes('!')")
        check(page, "a shape")

        files.set_input_files(mine)
        expect(page, "#graph_note", "2 facts")
        wait(page, "!document.querySelector('#upload_note').textContent.trim()")
        page.click("#contents_frame button")
        assert SCRIPT in expect(page, "#contents", "Relations, with a fact of each")
        ask(page, 'road("A")')
        assert "CSV" in expect(page, "#answer", SCRIPT)
        expect(page, "#evidence", SCRIPT)
        assert page.locator("#answer [data-link]").count() == 0, "what is a visitor's own has no link"
        assert page.locator("#contents script, #answer script, #evidence script").count() == 0
        choose(page, "#graph", "strange")
        expect(page, "#graph_note", "4 facts")
        expect(page, "#example-1", '("')
        assert "Germany" not in text(page, "#examples")
        page.check("#run_llm input")
        ask(page, '"leads to"("Home")')
        expect(page, "#steps", SCRIPT)
        wait(page, ENDED)


def test_the_slider_shows_what_is_likely_and_takes_it_back(browser: Any, walked: Served, tmp_path: Path) -> None:
    (tmp_path / "couples.tsv").write_text("".join("\t".join(triple) + "\n" for triple in triples()))

    with visit(browser, walked.url, "likely", PHONE) as page:
        page.uncheck("#run_llm input")
        page.locator("#graph_tab input[type=file]").first.set_input_files(tmp_path / "couples.tsv")
        expect(page, "#graph_note", "154 facts")
        ask(page, '~"lives in"("Town 1")')
        expect(page, "#answer", "9 answers")
        assert page.locator(".sk-likely, .sk-predicted").count() == 0
        page.focus("#sure_range")
        for _ in range(10):
            page.keyboard.press("ArrowRight")
        expect(page, "#likely_sentence", "Bob 1 (", LEARNED)
        assert page.evaluate("document.activeElement.id") == "sure_range", "the keyboard stays at the slider"
        assert "50%" in page.get_attribute("#sure_range", "aria-valuetext")
        assert "9 answers and 1 likely" in text(page, "#answer_headline")
        assert "%" in text(page, "#answer tr.sk-likely")
        assert "predicted" in text(page, "#evidence .sk-legend")
        page.click("#answer .sk-proof summary")
        expect(page, "#answer .sk-proof", "Bob 1 lives in Town 1: predicted, ")
        page.click("#answer [data-by=name]")
        page.wait_for_selector("#answer th[aria-sort=ascending]")
        assert page.locator("#answer tr.sk-likely").count() == 1, "sorting keeps what is likely"
        page.click("#evidence_table summary")
        fits(page, DESKTOP, PHONE)
        check(page, "likely answers")
        page.focus("#sure_range")
        page.keyboard.press("Home")
        wait(page, "!document.querySelector('.sk-likely, .sk-predicted')")
        open_tab(page, "Batch")
        choose(page, "#batch_graph", "couples.tsv (yours)")
        choose(page, "#batch_method", "likely answers too")
        page.fill("#batch_typed textarea", 'spouse("Bob 1")')
        page.click("#batch_estimate")
        page.wait_for_selector("#batch_go:not([disabled])", timeout=LEARNED * 1000)
        page.click("#batch_go")
        assert "Ann 1 (" in expect(page, "#job_answers", "%", LEARNED)
