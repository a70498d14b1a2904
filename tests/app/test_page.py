"""The page as a visitor meets it, in headless Chromium, over a server of its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reasoning.lm import LLMError
from reasoning.lm.local_weights import packaged_gguf
from tests.app.browsing import DESKTOP, PHONE, SCRIPT, expect, name_a_model, open_tab, serve, visit
from tests.reasoning.openai_server import Behaviour, OpenAIServer


@pytest.fixture(scope="module")
def embedded(data_folder: Path) -> Iterator[str]:
    try:
        packaged_gguf()
    except LLMError as error:
        pytest.skip(f"needs the packaged weights: {error}")
    for url in serve("embedded", data_folder):
        # Its weights load while the page already answers; what is measured starts warm. On a fresh machine they are
        # converted first, which takes a minute where the other core is busy too.
        deadline = time.monotonic() + 240
        while "the language model is ready" not in (data_folder / "embedded.log").read_text(errors="replace"):
            assert time.monotonic() < deadline, "the embedded model did not load"
            time.sleep(0.2)
        yield url


@contextlib.contextmanager
def unanswered(browser: Any, url: str, name: str, provider: OpenAIServer) -> Iterator[Any]:
    """A visitor whose model answers nothing before the visit is over: no run ends by itself, however late one looks."""
    provider.then(Behaviour(reply="yes"), for_ever=Behaviour(delay=600))
    try:
        with visit(browser, url, name) as page:
            open_tab(page, "Models")
            name_a_model(page)
            open_tab(page, "Graph")
            yield page
    finally:
        provider.release()
        provider.then()


def ask(page: Any, question: str) -> None:
    page.fill("#question textarea", question)
    page.press("#question textarea", "Enter")


def ended(page: Any, seconds: float = 20) -> str:
    """Wait until the model's run is over."""
    page.wait_for_function(
        "() => /^(Done|Stopped)/.test(document.querySelector('#steps_status').textContent.trim())",
        timeout=seconds * 1000,
    )
    return str(page.text_content("#steps_status")).strip()


def test_an_example_is_answered_drawn_and_worked_through(browser: Any, copying: str) -> None:
    with visit(browser, copying, "example", PHONE) as page:
        page.click("#example-2")
        expect(page, "#answer", "4 answers")
        assert page.input_value("#question textarea") == 'capital(borders("Germany") & !~currency("Euro"))'
        assert {"Bern", "Copenhagen", "Prague", "Warsaw"} <= set(page.locator("#answer td bdi").all_text_contents())
        assert "9 entities" in expect(page, "#tree", "Germany")
        ended(page)
        states = page.eval_on_selector_all("#steps .sk-step", "steps => steps.map(s => s.dataset.state)")
        assert len(states) == 4
        assert set(states) <= {"agrees", "differs"}
        for step in page.locator("#steps .sk-step").all_text_contents():
            assert "with exact execution" in step or "from exact execution" in step
        for viewport in (PHONE, DESKTOP):
            page.set_viewport_size(viewport)
            assert page.locator("#evidence .sk-canvas svg[role=group]").is_visible()
            assert page.locator("#evidence .sk-shape-answer text").first.is_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_the_model_is_named_its_steps_arrive_live_and_an_opened_context_stays_open(
    browser: Any, embedded: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with visit(browser, embedded, "live-steps") as page:
        assert "gets few of them wrong, but some" in expect(page, "#model", "SmolLM2-135M-Instruct")
        began = time.monotonic()
        page.fill("#question textarea", 'capital(borders("Portugal"))')
        page.click("#ask")
        expect(page, "#answer", "Madrid")
        exact = time.monotonic() - began
        page.wait_for_selector("#step-1", timeout=10_000)
        page.click("#step-1 details summary")
        page.wait_for_selector("#step-1:not([data-state=running])", timeout=90_000)
        first = time.monotonic() - began
        with capsys.disabled():
            print(f"\nfrom Ask to the exact answer {exact:.2f} s, to the model's first step {first:.1f} s")
        state = page.get_attribute("#step-1", "data-state")
        assert state in {"agrees", "differs", "failed"}
        assert page.locator("#step-1 .sk-reply pre").first.is_visible()
        assert page.locator("#step-1 .sk-lines").first.is_visible()
        with contextlib.suppress(Exception):  # the run may have ended by itself
            page.click("#stop", timeout=1000)
        ended(page, 30)


@pytest.mark.timing
def test_a_new_question_takes_the_place_of_a_running_one_and_stop_ends_the_run(
    browser: Any, copying: str, provider: OpenAIServer
) -> None:
    with unanswered(browser, copying, "again", provider) as page:
        ask(page, 'capital(borders("Austria"))')
        page.wait_for_selector("#stop:enabled", timeout=60_000)
        page.click("#example-1")
        expect(page, "#answer", "Spain")
        page.wait_for_function("() => document.querySelector('#step-1')?.textContent.includes('Portugal')")
        page.wait_for_timeout(1500)
        assert "Austria" not in str(page.text_content("#steps"))
        page.click("#stop:enabled", timeout=60_000)
        assert ended(page, 30).startswith("Stopped after")
        assert page.is_disabled("#stop")
        assert page.locator("#answer td bdi").count()  # the exact answer stays
        page.uncheck("#run_llm input")
        ask(page, 'capital("Portugal")')  # in English the model would have to read it
        expect(page, "#answer", "Lisbon")
        expect(page, "#steps_status", "not asked")


def test_a_question_that_has_no_answer_is_told_why(browser: Any, copying: str) -> None:
    with visit(browser, copying, "mistakes") as page:
        ask(page, "Who is the president of France?")
        assert '"France" is known' in expect(page, "#error", 'the graph has nothing called "president"')
        assert page.locator("#sentence").count() == 0
        ask(page, 'borders("Xqzzyfoo")')
        text = expect(page, "#error", 'no entity named "Xqzzyfoo"')
        assert "Nearest names" in text
        ask(page, 'bordrs("Portugal")')
        expect(page, "#error", '"borders"')
        ask(page, 'borders("Portugal"')
        text = expect(page, "#error", "column 19")
        assert "How a formal query is written" in text
        assert str(page.text_content("#error pre")).split("\n")[1].index("^") == 18
        ask(page, "hello there what")
        assert "Traceback" not in expect(page, "#error", "refers to nothing")
        page.fill("#question textarea", "")
        page.click("#ask")
        expect(page, "#error", "no question yet")
        ask(page, 'capital(borders("Iceland"))')
        assert "The graph does not say that" in expect(page, "#answer", "Step 1 of 2 became empty")
        ended(page)
        ask(page, 'borders("Portugal")')
        expect(page, "#answer", "Spain")
        assert not str(page.text_content("#error")).strip()


def test_what_may_mean_several_things_is_asked_back_and_picked_by_key_or_with_a_click(
    browser: Any, copying: str
) -> None:
    with visit(browser, copying, "asked-back") as page:
        page.uncheck("#run_llm input")
        ask(page, "What is the capital of the Congo?")
        expect(page, "#error", "is not clear")
        expect(page, "#choices_line", "Which of these do you mean?")
        assert "see the message above" in str(page.text_content("#answer"))
        page.get_by_role("button", name='capital("Republic of the Congo")').focus()
        page.keyboard.press("Enter")
        assert "Brazzaville" in expect(page, "#sentence", "The capital of Republic of the Congo is")
        assert page.input_value("#question textarea") == 'capital("Republic of the Congo")'
        assert page.locator("#choices button:visible, #error .sk-alert").count() == 0

        ask(page, "What is the capital of the Congo?")
        expect(page, "#choices_line", "Which of these do you mean?")
        words, query = str(page.text_content("#choice-1")).strip().split("\n")
        page.click("#choice-1")
        assert expect(page, "#understood_query", query) == query
        assert page.text_content("#understood_words") == words


def test_two_hops_are_sent_with_enter_and_a_sentence_shows_the_facts_that_it_rests_on(
    browser: Any, copying: str
) -> None:
    with visit(browser, copying, "two-hops") as page:
        ask(page, 'capital(borders("Portugal"))')
        assert "Madrid" in expect(page, "#answer", "1 answer")
        assert "Spain" in str(page.text_content("#evidence"))
        cut = "frame => [...frame.querySelectorAll('.sk-size')].filter((size) =>"
        cut += " size.getBoundingClientRect().bottom > frame.getBoundingClientRect().bottom).length"
        assert page.eval_on_selector("#tree .sk-scroll", cut) == 0
        page.click("#evidence_table summary")
        assert "Portugal" in expect(page, "#evidence_table", "capital")
        page.uncheck("#run_llm input")
        ask(page, 'capital("Portugal")')
        expect(page, "#sentence", "The capital of Portugal is Lisbon.")
        page.focus("#sentence .sk-rests")
        page.keyboard.press("Enter")
        page.wait_for_selector("#evidence_table tr.sk-lit:focus")
        assert page.locator("#evidence_table tr.sk-lit").count() >= 1


def test_another_graph_brings_its_own_examples_and_its_names_stay_text(browser: Any, copying: str) -> None:
    with visit(browser, copying, "another-graph") as page:
        page.click("#graph input")
        page.get_by_role("option", name="strange").click()
        expect(page, "#graph_note", "4 facts")
        expect(page, "#example-1", '("')
        assert "over strange" not in str(page.text_content("#answer"))
        assert "Germany" not in str(page.text_content("#examples"))
        page.click("#example-1")
        expect(page, "#answer", "answer")
        ask(page, '"leads to"("Home")')
        # The example's run may be over or under way: what is waited for is this question's own.
        expect(page, "#understood", "leads to")
        assert SCRIPT in expect(page, "#answer", "1 answer")
        expect(page, "#answer", "By exact execution over strange")
        expect(page, "#steps", SCRIPT, 30)
        ended(page)
        assert page.locator("#answer script, #steps script, #evidence script").count() == 0


def test_the_api_gives_the_answer_as_one_object(copying: str) -> None:
    from gradio_client import Client  # type: ignore[import-untyped]

    answer = Client(copying, verbose=False).predict("world", 'capital(borders("Portugal"))', api_name="/ask")
    assert [entry["entity"] for entry in answer["answers"]] == ["Madrid"]
