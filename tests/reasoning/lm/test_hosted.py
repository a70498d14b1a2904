"""Hosted models through their real client, against a real server on this machine that misbehaves on request."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from tenacity import wait_exponential_jitter

from reasoning import Answer, KnowledgeGraph, LarkOptions, Reasoner
from reasoning.errors import UnknownEntityError
from reasoning.lm import LLMError, LLMTimeoutError, ModelOptions, ask_model, hosted, load_llm
from reasoning.lm.hosted import cost
from reasoning.lm.replies import Reply
from tests.reasoning.chat_models import as_json, faultless_reply
from tests.reasoning.openai_server import Behaviour, OpenAIServer

pytest.importorskip("langchain_openai")

MODEL = "openai:gpt-4.1-mini"
KEY = "sk-for-this-test-alone"
PROMPT = [HumanMessage("<context>\n(e1, r1, e2)\n</context>\nFind ? in (e1, r1, ?)")]
KG = KnowledgeGraph.from_triples(
    [
        *(("hub", "to", f"stop {number}") for number in range(8)),
        *((f"stop {number}", "on", f"end {number % 3}") for number in range(8)),
        ("end 0", "on", "end 1"),
    ]
)
TWO_STEPS = 'on(to("hub"))'


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    server = OpenAIServer()
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    # A machine's proxy is for the world outside; it must not stand before this server.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with server.running():
        yield server


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Further tries come after hundredths of a second instead of halves."""
    monkeypatch.setattr(hosted, "BACKOFF", wait_exponential_jitter(multiplier=0.01, max=0.1, jitter=0.01))


def reasoner(**options: Any) -> Reasoner:
    return Reasoner(KG, llm=MODEL, method="lark", options=LarkOptions(**{"replies": "text"} | options))


def ask(timeout: float = 30, retries: int = 3) -> Reply:
    return ask_model(load_llm(MODEL), PROMPT, timeout, retries)


# The chain -------------------------------------------------------------------------------------------------------


def test_the_chain_is_answered_through_a_real_client(server: OpenAIServer) -> None:
    answer = reasoner().answer(TWO_STEPS)
    assert (sorted(answer.entities), answer.error) == (["end 0", "end 1", "end 2"], None)
    assert all(step.agrees for step in answer.steps)
    assert [request["model"] for request in server.requests] == ["gpt-4.1-mini"] * 2
    assert all(request["temperature"] == 0 for request in server.requests)


def test_a_proxy_of_the_machine_does_not_stand_before_a_local_server(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask().text == "e2"


def test_usage_is_what_the_provider_states(server: OpenAIServer) -> None:
    usage = reasoner().answer(TWO_STEPS).usage
    prompts = [" ".join(message["content"] for message in request["messages"]) for request in server.requests]
    assert (usage.requests, usage.input_tokens) == (2, sum(len(prompt.split()) for prompt in prompts))
    assert not usage.estimated


@pytest.mark.parametrize("prompt", [0, -5])
def test_nonsense_that_a_server_states_is_counted_here_instead(server: OpenAIServer, prompt: int) -> None:
    server.then(for_ever=Behaviour(usage={"prompt_tokens": prompt, "completion_tokens": 1, "total_tokens": 1}))
    answer = reasoner(price_in=1.0, price_out=1.0).answer('to("hub")')
    assert answer.usage.estimated and answer.usage.input_tokens > 100 and answer.usage.cost


def test_an_unknown_server_has_no_price_and_the_user_may_give_one(server: OpenAIServer) -> None:
    assert reasoner().answer('to("hub")').usage.cost is None
    usage = reasoner(price_in=1.0, price_out=10.0).answer('to("hub")').usage
    assert usage.cost == pytest.approx((usage.input_tokens + 10 * usage.output_tokens) / 1e6)


def test_the_providers_own_server_has_list_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    known, unknown = load_llm(MODEL), load_llm("openai:no-model-of-this-name")
    price = cost(known, ModelOptions(), 1_000_000, 0)
    assert price is not None and price > 0
    assert cost(known, ModelOptions(), 2_000_000, 0) == pytest.approx(2 * price)
    assert cost(unknown, ModelOptions(), 1_000_000, 0) is None


def test_reading_a_question_is_part_of_the_bill(server: OpenAIServer) -> None:
    server.then(for_ever=Behaviour(reply='{"queries": [{"query": "B(a)", "probability": 0.9}]}'))
    answer = Reasoner(KG, llm=MODEL, method="exact").answer("Where can one go from the hub?")
    assert len(answer.entities) == 8
    assert answer.usage == answer.reading and answer.usage.requests == 1 and answer.usage.input_tokens > 100


# Errors that may pass --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "trouble",
    [
        Behaviour(status=429, headers={"Retry-After": "0"}),
        Behaviour(status=500, headers={"Retry-After": "0"}),
        Behaviour(status=503, headers={"Retry-After": "0"}),
        Behaviour(cut=True),
    ],
    ids=["too many requests", "server error", "overloaded", "cut off"],
)
def test_what_may_pass_is_asked_again_and_counted(server: OpenAIServer, trouble: Behaviour) -> None:
    server.then(trouble, trouble)
    reply = ask()
    assert (reply.text, reply.requests) == ("e2", 3)
    assert len(server.requests) == 3


def test_a_retried_step_counts_its_requests_and_pays_for_the_reply(server: OpenAIServer) -> None:
    server.then(Behaviour(status=429, headers={"Retry-After": "0"}))
    (step,) = reasoner().answer('to("hub")').steps
    (attempt,) = step.attempts
    assert (attempt.error, attempt.usage.requests, step.agrees) == (None, 2, True)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_the_wait_that_the_provider_asks_for_is_kept(server: OpenAIServer, form: str) -> None:
    asked = "1" if form == "seconds" else formatdate(time.time() + 2, usegmt=True)
    server.then(Behaviour(status=429, headers={"Retry-After": asked}))
    assert ask().text == "e2"
    first, second = server.times
    assert second - first >= 0.95


def test_a_wait_longer_than_the_time_left_is_not_begun(server: OpenAIServer) -> None:
    server.then(for_ever=Behaviour(status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(LLMError, match=r"429.*the provider's limit is reached.*asks to wait 3600 s"):
        ask(timeout=20)
    assert len(server.requests) == 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        (Behaviour(status=500, headers={"Retry-After": "0"}), "failed after 3 requests.*500"),
        (Behaviour(cut=True), "failed after 3 requests.*onnection"),
    ],
)
def test_what_does_not_pass_ends_after_the_last_try(server: OpenAIServer, trouble: Behaviour, message: str) -> None:
    server.then(for_ever=trouble)
    with pytest.raises(LLMError, match=message) as caught:
        ask(retries=2)
    assert (caught.value.requests, len(server.requests)) == (3, 3)


# Errors that come again ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        (Behaviour(status=400), "400"),
        (Behaviour(status=401), "the provider refuses the key"),
        (Behaviour(status=404), "the provider has no model of this name"),
        (Behaviour(status=429, code="insufficient_quota"), "no credit left"),
        (Behaviour(body=b'{"choices": [{'), "not in the provider's form"),
        (Behaviour(body=b"<html>Welcome to the hotel</html>"), "not in the provider's form"),
        (Behaviour(choices=0), "not in the provider's form"),
        (Behaviour(body=b"null"), "not in the provider's form"),
    ],
    ids=["bad request", "key", "model", "credit", "half a JSON", "a web page", "no choices", "null"],
)
def test_what_would_come_again_is_not_asked_again(server: OpenAIServer, trouble: Behaviour, message: str) -> None:
    server.then(for_ever=trouble)
    with pytest.raises(LLMError, match=f"gpt-4.1-mini failed.*{message}"):
        ask()
    assert len(server.requests) == 1


def test_a_failed_request_is_the_steps_error_and_no_exception(server: OpenAIServer) -> None:
    server.then(for_ever=Behaviour(status=401))
    answer = reasoner().answer(TWO_STEPS)
    assert answer.error is not None and "step 1 of 2 failed" in answer.error and "refuses the key" in answer.error
    assert (answer.entities, len(server.requests)) == ([], 1)


def test_half_a_surrogate_pair_in_a_reply_is_no_id(server: OpenAIServer) -> None:
    server.then(Behaviour(reply="\ud800"))
    (step,) = reasoner().answer('to("hub")').steps
    assert step.attempts[0].reply == "?" and step.agrees


@pytest.mark.parametrize("replies", ["text", "structured"])
def test_a_model_that_takes_no_temperature_is_asked_without_one(server: OpenAIServer, replies: str) -> None:
    form = as_json if replies == "structured" else faultless_reply
    server.then(for_ever=Behaviour(thinks=True, reply=form))
    answers = reasoner(replies=replies, max_concurrency=4).batch(['to("hub")'] * 8)
    assert all(answer.error is None and len(answer.entities) == 8 for answer in answers)
    refused = [request for request in server.requests if "temperature" in request]
    assert 1 <= len(refused) <= 4 and len(server.requests) == len(refused) + 8
    assert sum(answer.usage.requests for answer in answers) == len(server.requests)


def test_a_reply_cut_off_at_its_length_limit_is_refused(server: OpenAIServer) -> None:
    server.then(Behaviour(finish="length"))
    (step,) = reasoner().answer('to("hub")').steps
    first, second = step.attempts
    assert (first.error, second.error) == ("the reply was cut off at its length limit", None)


@pytest.mark.timing
def test_a_slow_server_is_given_up(server: OpenAIServer) -> None:
    server.then(Behaviour(delay=60))
    began = time.monotonic()
    with pytest.raises(LLMTimeoutError, match=r"did not answer within 0\.3 s"):
        ask(timeout=0.3)
    assert time.monotonic() - began < 30


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"replies": "structured"}, {"replies": "text"}])
@pytest.mark.parametrize("question", ['to("hub")', "Where can one go from the hub?"])
def test_no_reply_that_was_given_up_keeps_the_process_from_its_end(
    server: OpenAIServer, question: str, options: dict[str, Any]
) -> None:
    server.then(for_ever=Behaviour(delay=3, reply="{}"))
    before = set(threading.enumerate())
    with suppress(LLMTimeoutError):
        assert reasoner(timeout=1, **options).answer(question).error is not None  # time to send it on a busy machine
    assert server.requests
    # Python waits at its exit for the threads of pools, daemons or not.
    left = [thread.name for thread in threading.enumerate() if thread not in before]
    assert left and not [name for name in left if name.startswith("ThreadPool")]


@pytest.mark.usefixtures("impatient")
def test_a_server_that_is_gone_is_a_clear_error(server: OpenAIServer) -> None:
    llm = load_llm(MODEL)
    server.kill()
    with pytest.raises(LLMError, match=rf"failed after 2 requests.*onnection.*came from {server.url}"):
        ask_model(llm, PROMPT, 30, retries=1)


def test_the_key_is_never_shown(server: OpenAIServer, caplog: pytest.LogCaptureFixture) -> None:
    refusal = f'{{"error": {{"message": "Incorrect API key provided: {KEY}"}}}}'.encode()
    server.then(for_ever=Behaviour(status=401, body=refusal))
    with caplog.at_level(logging.DEBUG, logger="reasoning"), pytest.raises(LLMError) as caught:
        ask()
    assert server.keys == [f"Bearer {KEY}"]
    assert "Incorrect API key provided" in str(caught.value)
    assert KEY not in "".join(traceback.format_exception(caught.value)) + caplog.text
    assert KEY not in str(reasoner().answer('to("hub")').to_dict())


# Several at once -------------------------------------------------------------------------------------------------


def test_a_batch_overlaps_and_keeps_its_order(server: OpenAIServer) -> None:
    server.then(*(Behaviour(delay=0.4 - 0.1 * number) for number in range(3)), for_ever=Behaviour(delay=0.1))
    answers = reasoner(max_concurrency=3).batch([f'on("stop {number}")' for number in range(6)])
    assert [answer.entities for answer in answers] == [[f"end {number % 3}"] for number in range(6)]
    assert server.most_at_once == 3


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_no_more_requests_are_under_way_than_allowed(server: OpenAIServer, workers: int) -> None:
    server.then(for_ever=Behaviour(delay=0.05))
    reasoner().batch([TWO_STEPS] * 4, config={"max_concurrency": workers})
    assert server.most_at_once == workers


@pytest.mark.slow
def test_requests_are_spaced_by_the_rate_limit(server: OpenAIServer) -> None:
    # Three hundred a minute is one each 0.2 s, whoever sends it.
    reasoner(requests_per_minute=300, max_concurrency=4).batch([f'on("stop {number}")' for number in range(5)])
    gaps = [later - earlier for earlier, later in zip(server.times, server.times[1:], strict=False)]
    assert len(gaps) == 4 and min(gaps) > 0.1 and sum(gaps) > 0.7


@pytest.mark.slow
def test_time_spent_waiting_for_a_turn_is_not_the_models(server: OpenAIServer) -> None:
    # One each 0.5 s: the third waits for longer than it may take.
    answers = reasoner(requests_per_minute=120, max_concurrency=3, timeout=0.9).batch(
        [f'on("stop {number}")' for number in range(3)]
    )
    assert [answer.error for answer in answers] == [None] * 3


# The cache -------------------------------------------------------------------------------------------------------


def test_what_was_asked_before_is_not_sent_again(server: OpenAIServer) -> None:
    first = reasoner(cache=True).answer(TWO_STEPS)
    second = reasoner(cache=True).answer(TWO_STEPS)
    assert second.entities == first.entities and len(server.requests) == 2
    assert (first.usage.requests, first.usage.cached) == (2, 0)
    assert (second.usage.requests, second.usage.cached, second.usage.cost) == (0, 2, 0.0)


def test_nothing_is_kept_unless_it_is_asked_for(server: OpenAIServer) -> None:
    for _ in range(2):
        reasoner().answer('to("hub")')
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "trouble", [Behaviour(status=401), Behaviour(finish="length"), Behaviour(reply="")], ids=["error", "cut", "empty"]
)
def test_what_was_not_said_in_full_is_asked_again(server: OpenAIServer, trouble: Behaviour) -> None:
    server.then(trouble)
    reasoner(cache=True, repairs=0).answer('to("hub")')
    assert reasoner(cache=True).answer('to("hub")').error is None
    assert len(server.requests) == 2


def test_another_server_has_other_replies(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    reasoner(cache=True).answer('to("hub")')
    other = OpenAIServer()
    monkeypatch.setenv("OPENAI_BASE_URL", other.url)
    with other.running():
        reasoner(cache=True).answer('to("hub")')
    assert (len(server.requests), len(other.requests)) == (1, 1)


@pytest.mark.timing
def test_a_cached_reply_waits_for_no_turn(server: OpenAIServer) -> None:
    reasoner(cache=True).answer(TWO_STEPS)
    began = time.monotonic()
    assert reasoner(cache=True, requests_per_minute=1).answer(TWO_STEPS).usage.cached == 2
    assert time.monotonic() - began < 50  # the second turn would come after a minute


def test_a_batch_goes_on_where_the_server_died(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = [f'on("stop {number}")' for number in range(4)]
    server.then(*[Behaviour()] * 2, for_ever=Behaviour(status=401))
    first: list[Answer] = reasoner(cache=True, max_concurrency=1).batch(questions)
    assert [answer.error is None for answer in first] == [True, True, False, False]
    server.then()
    sent = len(server.requests)
    second: list[Answer] = reasoner(cache=True).batch(questions)
    assert [answer.error for answer in second] == [None] * 4
    assert len(server.requests) - sent == 2


# Given up --------------------------------------------------------------------------------------------------------


async def steps(reasoner: Reasoner) -> None:
    async for _ in reasoner.astream(TWO_STEPS):
        pass


@pytest.mark.slow
@pytest.mark.timing
@pytest.mark.parametrize(
    "ask_for",
    [
        lambda reasoner: reasoner.aanswer(TWO_STEPS),
        lambda reasoner: reasoner.ainvoke(TWO_STEPS),
        lambda reasoner: reasoner.abatch([TWO_STEPS]),
        steps,
    ],
    ids=["aanswer", "ainvoke", "abatch", "astream"],
)
def test_a_cancelled_question_asks_no_further_step(
    server: OpenAIServer, ask_for: Callable[[Reasoner], Coroutine[Any, Any, Any]]
) -> None:
    async def begun_and_cancelled() -> None:
        task = asyncio.ensure_future(ask_for(reasoner()))
        while not server.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        await task

    server.then(Behaviour(delay=60))
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(begun_and_cancelled())
    assert time.monotonic() - server.times[0] < 30  # nothing waited for the reply
    server.release()
    time.sleep(0.5)
    assert len(server.requests) == 1


@pytest.mark.slow
def test_an_error_in_a_batch_ends_the_other_questions(server: OpenAIServer) -> None:
    server.then(Behaviour(delay=0.3))
    with pytest.raises(UnknownEntityError):
        reasoner(max_concurrency=2).batch(['to("Atlantis")', TWO_STEPS])
    time.sleep(0.8)
    assert len(server.requests) <= 1
