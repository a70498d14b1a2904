"""Evaluations of a hosted model, through its real client, against a server on this machine."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reasoning.cli import main
from reasoning.evaluation.results import summary_path
from reasoning.evaluation.runs import QueryEvaluation, QuestionEvaluation
from reasoning.lark import LarkOptions
from skylark.errors import SkylarkError
from tests.reasoning.made_dataset import make_dataset
from tests.reasoning.openai_server import Behaviour, OpenAIServer

pytest.importorskip("langchain_openai")

MODEL = "openai:gpt-4.1-mini"
EACH = 3
Evaluate = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("made") / "made", EACH)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    server = OpenAIServer()
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-for-this-test-alone")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with server.running():
        yield server


@pytest.fixture
def evaluate(dataset: Path, server: OpenAIServer) -> Evaluate:
    def call(out: Path | None, resume: bool = False, **options: Any) -> dict[str, Any]:
        chosen = LarkOptions(replies="text", price_in=1.0, price_out=2.0, **options)
        queries = dataset / "queries"
        return QueryEvaluation(
            dataset, queries, "reading", method="lark", llm=MODEL, options=chosen, split="test", limit=2
        ).run(out=out, resume=resume)

    return call


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.slow
def test_many_at_once_give_the_lines_of_one_after_the_other(
    evaluate: Evaluate, server: OpenAIServer, tmp_path: Path
) -> None:
    # The first reply is the slowest: what comes after it must wait to be written.
    server.then(Behaviour(delay=1), *[Behaviour(delay=0.5)] * 7, for_ever=Behaviour(delay=0.005))
    summaries = [
        evaluate(tmp_path / f"{workers}.jsonl", max_concurrency=workers) | {"seconds": 0} for workers in (8, 1)
    ]
    assert server.most_at_once > 4
    assert (tmp_path / "8.jsonl").read_bytes() == (tmp_path / "1.jsonl").read_bytes()
    assert summaries[0] == summaries[1] and summaries[0]["avg_n"]["exact_match"] == 1.0


@pytest.mark.slow
def test_tokens_and_cost_are_told_for_each_line_and_in_all(
    evaluate: Evaluate, server: OpenAIServer, tmp_path: Path
) -> None:
    out = tmp_path / "r.jsonl"
    total = evaluate(out)["usage"]
    usages = [line["usage"] for line in lines(out) if "usage" in line]
    assert total["requests"] == len(server.requests) == sum(usage["requests"] for usage in usages)
    assert total["cost_usd"] == pytest.approx((total["input_tokens"] + 2 * total["output_tokens"]) / 1e6)
    assert total["input_tokens"] == sum(usage["input_tokens"] for usage in usages) and not total["estimated"]


@pytest.mark.slow
def test_a_stopped_run_is_resumed_with_another_number_at_once_and_pays_for_no_line_twice(
    evaluate: Evaluate, server: OpenAIServer, tmp_path: Path
) -> None:
    whole, out = tmp_path / "whole.jsonl", tmp_path / "r.jsonl"
    expected = evaluate(whole)
    out.write_bytes(whole.read_bytes()[:2000])
    summary_path(out).write_bytes(summary_path(whole).read_bytes())
    before = len(server.requests)
    result = evaluate(out, resume=True, max_concurrency=2)
    assert out.read_bytes() == whole.read_bytes()
    assert result | {"seconds": 0} == expected | {"seconds": 0}
    assert len(server.requests) - before < expected["usage"]["requests"]


def test_a_provider_out_of_reach_stops_the_run_and_leaves_its_queries_undone(
    evaluate: Evaluate, server: OpenAIServer, tmp_path: Path
) -> None:
    server.then(for_ever=Behaviour(status=401))
    out = tmp_path / "r.jsonl"
    with pytest.raises(SkylarkError, match="no reply to 5 queries in a row"):
        evaluate(out, max_concurrency=4)
    assert out.read_text() == ""


@pytest.mark.slow
@pytest.mark.timing
def test_ctrl_c_waits_for_no_reply_under_way(evaluate: Evaluate, server: OpenAIServer, tmp_path: Path) -> None:
    server.then(*[Behaviour()] * 12, for_ever=Behaviour(delay=90))
    out = tmp_path / "r.jsonl"
    pressed: list[float] = []
    ended = threading.Event()

    def press() -> None:
        while len(server.requests) < 13:
            time.sleep(0.01)
        time.sleep(0.1)
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
        # The interrupt may fall into a callback whose exceptions Python ignores, as a person's may: press again.
        while not ended.wait(1):
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
    assert time.monotonic() - pressed[0] < 60
    summary = json.loads(summary_path(out).read_text())
    assert summary["count"] == len(lines(out)) and summary["complete"] is False and "intervals" not in summary
    server.then()
    assert evaluate(out, resume=True)["complete"]


def test_questions_are_asked_at_once_too(server: OpenAIServer, tmp_path: Path) -> None:
    graph, asked = tmp_path / "family.tsv", tmp_path / "questions.txt"
    graph.write_text("".join(f"parent {n}\tchild_of\tperson {n}\n" for n in range(8)))
    asked.write_text("".join(f'child_of("parent {n}")\tperson {n}\n' for n in range(8)))
    server.then(for_ever=Behaviour(delay=0.4))
    options = LarkOptions(replies="text", max_concurrency=4)
    out = tmp_path / "r.jsonl"
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
