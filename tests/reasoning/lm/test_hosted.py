"""Hosted models through their real client, against a real server on this machine that misbehaves on request."""

import asyncio
import json
import logging
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Coroutine
from contextlib import suppress
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from tenacity import wait_exponential_jitter

from reasoning import Answer, KnowledgeGraph, LarkOptions, Reasoner
from reasoning.cli import main
from reasoning.errors import UnknownEntityError
from reasoning.evaluation.results import summary_path
from reasoning.evaluation.runs import QueryEvaluation, QuestionEvaluation
from reasoning.lm import LLMError, LLMTimeoutError, ModelOptions, ask_model, hosted, load_llm
from reasoning.lm.hosted import cost
from reasoning.lm.replies import Reply
from skylark.errors import SkylarkError
from skylark.retries import retry_after
from tests.reasoning.chat_models import as_json, faultless_reply
from tests.reasoning.made_dataset import make_dataset
from tests.reasoning.openai_server import KEY, Behaviour, OpenAIServer

MODEL = "openai:gpt-4.1-mini"
PROMPT = [HumanMessage("<context>\n(e1, r1, e2)\n</context>\nFind ? in (e1, r1, ?)")]
KG = KnowledgeGraph.from_triples(
    [
        *(("hub", "to", f"stop {number}") for number in range(8)),
        *((f"stop {number}", "on", f"end {number % 3}") for number in range(8)),
        ("end 0", "on", "end 1"),
    ]
)
TWO_STEPS = 'on(to("hub"))'


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Further tries come after hundredths of a second instead of halves."""
    monkeypatch.setattr(hosted, "BACKOFF", wait_exponential_jitter(multiplier=0.01, max=0.1, jitter=0.01))


def reasoner(**options: Any) -> Reasoner:
    return Reasoner(KG, llm=MODEL, method="lark", options=LarkOptions(**{"replies": "text"} | options))


def ask(timeout: float = 30, retries: int = 3) -> Reply:
    return ask_model(load_llm(MODEL), PROMPT, timeout, retries)


def test_the_chain_is_answered_through_a_real_client(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # a proxy of the machine does not stand before a local server
    answer = reasoner().answer(TWO_STEPS)
    assert (sorted(answer.entities), answer.error) == (["end 0", "end 1", "end 2"], None)
    assert all(step.agrees for step in answer.steps)
    assert [request["model"] for request in server.requests] == ["gpt-4.1-mini"] * 2
    assert all(request["temperature"] == 0 for request in server.requests)
    usage = answer.usage
    prompts = [" ".join(message["content"] for message in request["messages"]) for request in server.requests]
    assert (usage.requests, usage.input_tokens) == (2, sum(len(prompt.split()) for prompt in prompts))
    assert not usage.estimated and usage.cost is None, "an unknown server has no price"


def test_reading_a_question_is_part_of_the_bill_and_nonsense_that_a_server_states_is_not(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.then(for_ever=Behaviour(reply='{"queries": [{"query": "B(a)", "probability": 0.9}]}'))
    answer = Reasoner(KG, llm=MODEL, method="exact").answer("Where can one go from the hub?")
    assert len(answer.entities) == 8
    assert answer.usage == answer.reading and answer.usage.requests == 1 and answer.usage.input_tokens > 100
    for stated in (0, -5):
        server.then(for_ever=Behaviour(usage={"prompt_tokens": stated, "completion_tokens": 1, "total_tokens": 1}))
        usage = reasoner(price_in=1.0, price_out=10.0).answer('to("hub")').usage
        assert usage.estimated and usage.input_tokens > 100
        assert usage.cost == pytest.approx((usage.input_tokens + 10 * usage.output_tokens) / 1e6)
    monkeypatch.delenv("OPENAI_BASE_URL")  # the provider's own server has list prices
    known, unknown = load_llm(MODEL), load_llm("openai:no-model-of-this-name")
    price = cost(known, ModelOptions(), 1_000_000, 0)
    assert price is not None and price > 0
    assert cost(known, ModelOptions(), 2_000_000, 0) == pytest.approx(2 * price)
    assert cost(unknown, ModelOptions(), 1_000_000, 0) is None


@pytest.mark.usefixtures("impatient")
def test_what_may_pass_is_asked_again_and_counted(server: OpenAIServer) -> None:
    troubles = [Behaviour(status=status, headers={"Retry-After": "0"}) for status in (429, 500)]
    for trouble in (*troubles, Behaviour(cut=True)):
        server.requests.clear()
        server.then(trouble, trouble)
        (step,) = reasoner().answer('to("hub")').steps
        (attempt,) = step.attempts
        assert (attempt.error, attempt.usage.requests, step.agrees) == (None, 3, True)
        server.then(for_ever=trouble)
        with pytest.raises(LLMError, match="failed after 3 requests") as caught:
            ask(retries=2)
        assert (caught.value.requests, len(server.requests)) == (3, 6)


def test_the_wait_that_the_provider_asks_for_is_kept_unless_it_is_longer_than_the_time_left(
    server: OpenAIServer,
) -> None:
    server.then(Behaviour(status=429, headers={"Retry-After": "0.3"}))
    assert ask().text == "e2"
    first, second = server.times
    assert second - first >= 0.28
    asked = {"0": 0.0, "-3": 0.0, " 2.5 ": 2.5, "soon": None, "": None}
    for header, seconds in asked.items():
        assert retry_after({"retry-after": header}) == seconds
    assert retry_after({"Retry-After": formatdate(time.time() - 60, usegmt=True)}) == 0
    assert 50 < (retry_after({"Retry-After": formatdate(time.time() + 60, usegmt=True)}) or 0) < 61
    server.then(for_ever=Behaviour(status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(LLMError, match=r"429.*limit is reached.*asks to wait 3600 s"):
        ask(timeout=20)
    assert len(server.requests) == 3


def test_what_would_come_again_is_not_asked_again(server: OpenAIServer) -> None:
    for trouble, message in (
        (Behaviour(status=400), "400"),
        (Behaviour(status=401), "the provider refuses the key"),
        (Behaviour(status=404), "the provider has no model of this name"),
        (Behaviour(status=429, code="insufficient_quota"), "no credit left"),
        (Behaviour(body=b'{"choices": [{'), "not in the provider's form"),
        (Behaviour(choices=0), "not in the provider's form"),
        (Behaviour(body=b"null"), "not in the provider's form"),
    ):
        server.requests.clear()
        server.then(for_ever=trouble)
        answer = reasoner().answer(TWO_STEPS)
        assert answer.error is not None and "step 1 of 2 failed: gpt-4.1-mini failed" in answer.error
        assert message in answer.error
        assert (answer.entities, len(server.requests)) == ([], 1)


@pytest.mark.parametrize("replies", ["text", "structured"])
def test_a_model_that_takes_no_temperature_is_asked_without_one(server: OpenAIServer, replies: str) -> None:
    form = as_json if replies == "structured" else faultless_reply
    server.then(for_ever=Behaviour(thinks=True, reply=form))
    answers = reasoner(replies=replies, max_concurrency=4).batch(['to("hub")'] * 8)
    assert all(answer.error is None and len(answer.entities) == 8 for answer in answers)
    refused = [request for request in server.requests if "temperature" in request]
    assert 1 <= len(refused) <= 4 and len(server.requests) == len(refused) + 8
    assert sum(answer.usage.requests for answer in answers) == len(server.requests)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("question", "replies"), [('to("hub")', "text"), ('to("hub")', "structured"), ("Where can one go?", "text")]
)
def test_no_reply_that_was_given_up_keeps_the_process_from_its_end(
    server: OpenAIServer, question: str, replies: str
) -> None:
    server.then(for_ever=Behaviour(delay=30, reply="{}"))
    before = set(threading.enumerate())
    with suppress(LLMTimeoutError):
        error = reasoner(timeout=0.4, replies=replies).answer(question).error
        assert error is not None and "did not answer within 0.4 s" in error
    # Python waits at its exit for the threads of pools, daemons or not.
    left = [thread.name for thread in threading.enumerate() if thread not in before]
    assert left and not [name for name in left if name.startswith("ThreadPool")]


@pytest.mark.usefixtures("impatient")
def test_a_server_that_is_gone_is_a_clear_error(server: OpenAIServer) -> None:
    server.kill()
    with pytest.raises(LLMError, match=rf"after 2 requests.*onnection.*came from {server.url}"):
        ask(retries=1)


def test_the_key_is_never_shown(server: OpenAIServer, caplog: pytest.LogCaptureFixture) -> None:
    refusal = f'{{"error": {{"message": "Incorrect API key provided: {KEY}"}}}}'.encode()
    server.then(for_ever=Behaviour(status=401, body=refusal))
    with caplog.at_level(logging.DEBUG, logger="reasoning"), pytest.raises(LLMError) as caught:
        ask()
    assert server.keys == [f"Bearer {KEY}"]
    assert "Incorrect API key provided" in str(caught.value)
    assert KEY not in "".join(traceback.format_exception(caught.value)) + caplog.text
    assert KEY not in str(reasoner().answer('to("hub")').to_dict())


def test_a_batch_overlaps_keeps_its_order_and_ends_with_an_error(server: OpenAIServer) -> None:
    server.then(*(Behaviour(delay=0.2 - 0.05 * number) for number in range(3)), for_ever=Behaviour(delay=0.05))
    answers = reasoner(max_concurrency=3).batch([f'on("stop {number}")' for number in range(6)])
    assert [answer.entities for answer in answers] == [[f"end {number % 3}"] for number in range(6)]
    assert server.most_at_once == 3
    for workers in (1, 2):
        server.most_at_once = 0
        reasoner().batch([TWO_STEPS] * 3, config={"max_concurrency": workers})
        assert server.most_at_once == workers
    before = len(server.requests)
    server.then(Behaviour(delay=0.2))
    with pytest.raises(UnknownEntityError):
        reasoner(max_concurrency=2).batch(['to("Atlantis")', TWO_STEPS])
    time.sleep(0.4)
    assert len(server.requests) - before <= 1


@pytest.mark.slow
def test_requests_are_spaced_by_the_rate_limit_and_the_wait_is_not_the_models(server: OpenAIServer) -> None:
    # Three hundred a minute is one each 0.2 s, whoever sends it: the last waits for longer than it may take.
    spaced = reasoner(requests_per_minute=300, max_concurrency=5, timeout=0.7)
    answers = spaced.batch([f'on("stop {number}")' for number in range(5)])
    assert [answer.error for answer in answers] == [None] * 5
    gaps = [later - earlier for earlier, later in zip(server.times, server.times[1:], strict=False)]
    assert len(gaps) == 4 and min(gaps) > 0.1 and sum(gaps) > 0.7


def test_what_was_asked_before_is_not_sent_again(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    first = reasoner(cache=True).answer(TWO_STEPS)
    second = reasoner(cache=True, requests_per_minute=1).answer(TWO_STEPS)  # a kept reply waits for no turn
    assert second.entities == first.entities and len(server.requests) == 2
    assert (first.usage.requests, first.usage.cached) == (2, 0)
    assert (second.usage.requests, second.usage.cached, second.usage.cost) == (0, 2, 0.0)
    reasoner().answer(TWO_STEPS)
    assert len(server.requests) == 4, "nothing is looked up unless it is asked for"
    other = OpenAIServer()
    monkeypatch.setenv("OPENAI_BASE_URL", other.url)
    with other.running():
        reasoner(cache=True).answer('to("hub")')
    assert (len(server.requests), len(other.requests)) == (4, 1), "another server has other replies"


def test_what_was_not_said_in_full_or_is_half_a_surrogate_pair_is_asked_again(server: OpenAIServer) -> None:
    for number, trouble in enumerate((Behaviour(status=401), Behaviour(finish="length"), Behaviour(reply=""))):
        server.then(trouble)
        reasoner(cache=True, repairs=0).answer(f'on("stop {number}")')
        assert reasoner(cache=True).answer(f'on("stop {number}")').error is None
        assert len(server.requests) == 2 * number + 2
    server.then(Behaviour(reply="\ud800"))
    (step,) = reasoner().answer('to("hub")').steps
    assert step.attempts[0].reply == "?" and step.agrees
    server.then(Behaviour(finish="length"))
    (step,) = reasoner().answer('to("hub")').steps
    first, second = step.attempts
    assert (first.error, second.error) == ("the reply was cut off at its length limit", None)


def test_a_batch_goes_on_where_the_server_died(server: OpenAIServer) -> None:
    questions = [f'on("stop {number}")' for number in range(4)]
    server.then(*[Behaviour()] * 2, for_ever=Behaviour(status=401))
    first: list[Answer] = reasoner(cache=True, max_concurrency=1).batch(questions)
    assert [answer.error is None for answer in first] == [True, True, False, False]
    server.then()
    sent = len(server.requests)
    assert [answer.error for answer in reasoner(cache=True).batch(questions)] == [None] * 4
    assert len(server.requests) - sent == 2


async def steps(reasoner: Reasoner) -> None:
    async for _ in reasoner.astream(TWO_STEPS):
        pass


@pytest.mark.slow
@pytest.mark.parametrize(
    "ask_for",
    [
        lambda reasoner: reasoner.aanswer(TWO_STEPS),
        lambda reasoner: reasoner.ainvoke(TWO_STEPS),
        lambda reasoner: reasoner.abatch([TWO_STEPS]),
        steps,
    ],
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
    server.release()
    time.sleep(0.1)
    assert len(server.requests) == 1


Evaluate = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("made") / "made", 3)


@pytest.fixture
def evaluate(dataset: Path, server: OpenAIServer) -> Evaluate:
    def call(out: Path | None, resume: bool = False, **options: Any) -> dict[str, Any]:
        chosen = LarkOptions(replies="text", price_in=1.0, price_out=2.0, **options)
        return QueryEvaluation(
            dataset, dataset / "queries", "reading", method="lark", llm=MODEL, options=chosen, split="test", limit=2
        ).run(out=out, resume=resume)

    return call


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.slow
def test_many_at_once_give_the_lines_of_one_after_the_other_and_a_stopped_run_pays_for_none_twice(
    evaluate: Evaluate, server: OpenAIServer, tmp_path: Path
) -> None:
    # The first reply is the slowest: what comes after it must wait to be written.
    server.then(Behaviour(delay=0.4), *[Behaviour(delay=0.2)] * 7, for_ever=Behaviour(delay=0.002))
    many, one = (tmp_path / f"{workers}.jsonl" for workers in (8, 1))
    summary = evaluate(many, max_concurrency=8)
    assert server.most_at_once > 4
    whole = len(server.requests)
    assert evaluate(one, max_concurrency=1) | {"seconds": 0} == summary | {"seconds": 0}
    assert many.read_bytes() == one.read_bytes() and summary["avg_n"]["exact_match"] == 1.0
    total, usages = summary["usage"], [line["usage"] for line in lines(one) if "usage" in line]
    assert total["requests"] == whole == sum(usage["requests"] for usage in usages)
    assert total["cost_usd"] == pytest.approx((total["input_tokens"] + 2 * total["output_tokens"]) / 1e6)
    assert total["input_tokens"] == sum(usage["input_tokens"] for usage in usages) and not total["estimated"]
    many.write_bytes(one.read_bytes()[:2000])
    before = len(server.requests)
    assert evaluate(many, resume=True, max_concurrency=2) | {"seconds": 0} == summary | {"seconds": 0}
    assert many.read_bytes() == one.read_bytes()
    assert 0 < len(server.requests) - before < whole


@pytest.mark.slow
def test_a_provider_out_of_reach_stops_the_run_and_ctrl_c_waits_for_no_reply_under_way(
    evaluate: Evaluate, server: OpenAIServer, tmp_path: Path
) -> None:
    server.then(for_ever=Behaviour(status=401))
    out, ended = tmp_path / "r.jsonl", threading.Event()
    with pytest.raises(SkylarkError, match="no reply to 5 queries in a row"):
        evaluate(out, max_concurrency=4)
    assert out.read_text() == "", "its queries are left undone"
    server.then(*[Behaviour()] * 12, for_ever=Behaviour(delay=90))
    server.requests.clear()

    def press() -> None:
        while len(server.requests) < 13:
            time.sleep(0.01)
        # The interrupt may fall into a callback whose exceptions Python ignores, as a person's may: press again.
        while not ended.wait(0.2):
            os.kill(os.getpid(), signal.SIGINT)

    # A process that a script started in the background ignores the signal unless told otherwise.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Thread(target=press, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            evaluate(out, max_concurrency=4)
    finally:
        ended.set()
        signal.signal(signal.SIGINT, before)
    summary = json.loads(summary_path(out).read_text())
    assert summary["count"] == len(lines(out)) and summary["complete"] is False and "intervals" not in summary


def test_questions_are_asked_at_once_too(server: OpenAIServer, tmp_path: Path) -> None:
    graph, asked = tmp_path / "family.tsv", tmp_path / "questions.txt"
    graph.write_text("".join(f"parent {n}\tchild_of\tperson {n}\n" for n in range(8)))
    asked.write_text("".join(f'child_of("parent {n}")\tperson {n}\n' for n in range(8)))
    server.then(for_ever=Behaviour(delay=0.2))
    options, out = LarkOptions(replies="text", max_concurrency=4), tmp_path / "r.jsonl"
    summary = QuestionEvaluation(graph, asked, method="lark", llm=MODEL, options=options).run(out=out)
    assert summary["overall"]["exact_match"] == 1.0 and summary["usage"]["requests"] == 8
    assert server.most_at_once == 4
    assert [line["id"] for line in lines(out)] == [f"questions:{n}" for n in range(8)]


@pytest.mark.slow
def test_a_dry_run_says_what_it_would_take_and_sends_nothing(
    dataset: Path, server: OpenAIServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], evaluate: Evaluate
) -> None:
    out = tmp_path / "r.jsonl"
    command = ["evaluate", "--kg", str(dataset), "--queries", str(dataset / "queries"), "--split", "test"]
    command += ["--protocol", "reading", "--limit", "2", "--method", "lark", "--llm", MODEL, "--out", str(out)]
    assert main([*command, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert server.requests == [] and not out.exists()
    # A model without fault takes as many requests as were estimated.
    evaluate(None)
    assert f"28 questions\n  requests       {len(server.requests)}\n" in said
    assert "tokens in" in said and "cost" in said
