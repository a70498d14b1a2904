from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tenacity import wait_none

from reasoning.cli import main
from tests.reasoning.endpoint_server import Behaviour, EndpointServer, serving, store_of_turtle
from tests.reasoning.graph.remote.graphs import TIDY

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def server() -> Iterator[EndpointServer]:
    with serving(store_of_turtle(TIDY)) as running:
        yield running


def test_a_query_is_answered_there(server: EndpointServer, capsys: Captured) -> None:
    assert main(["query", "--kg", f"sparql:{server.url}", "--json", "--refresh", '"capital of"("Paris")']) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [item["entity"] for item in printed["answers"]] == ["France"]
    assert printed["evidence"] == [["Paris", "capital of", "France"]]


def test_a_dry_run_shows_the_query_and_does_not_send_it(server: EndpointServer, capsys: Captured) -> None:
    query = '~"capital of"(borders("Austria"))'
    assert main(["query", "--kg", f"sparql:{server.url}", "--refresh", "--dry-run", query]) == 0
    text = capsys.readouterr().out.strip()
    assert text.startswith("SELECT ?entity") and text not in server.queries
    assert main(["query", "--kg", f"sparql:{server.url}", "--dry-run", "--json", query]) == 0
    assert json.loads(capsys.readouterr().out) == {"endpoint": f"sparql:{server.url}", "queries": [text]}
    assert main(["query", "--kg", f"sparql:{server.url}", query]) == 0
    assert text in server.queries


def test_the_text_of_a_query_is_in_the_words_of_that_graph(server: EndpointServer, capsys: Captured) -> None:
    assert main(["query", "--kg", f"sparql:{server.url}", "--refresh", "--sparql", 'borders("France")']) == 0
    text = capsys.readouterr().out
    assert "<http://example.org/France> <http://example.org/vocab#borders> ?entity" in text


def test_queries_are_evaluated_there(server: EndpointServer, tmp_path: Path, capsys: Captured) -> None:
    entity = "http://example.org/"
    record = {
        "query": '"capital of"(~type("city")) & ~borders("Switzerland")',
        "type": "pi",
        "easy": [f"{entity}France"],
        "hard": [f"{entity}Austria"],
    }
    queries = tmp_path / "queries" / "test-pi.jsonl"
    queries.parent.mkdir()
    queries.write_text(json.dumps(record) + "\n")
    out = tmp_path / "out.jsonl"
    command = ["evaluate", "--kg", f"sparql:{server.url}", "--refresh", "--queries", str(queries)]
    assert main([*command, "--protocol", "reading", "--out", str(out)]) == 0
    (line,) = map(json.loads, out.read_text().splitlines())
    assert line["exact_match"] == 1.0 and set(line["answers"]) == {f"{entity}France", f"{entity}Austria"}
    summary = json.loads(out.with_name("out.jsonl.summary.json").read_text())
    assert summary["settings"]["kg"] == f"sparql:{server.url}"
    assert main([*command, "--protocol", "reading", "--out", str(out), "--resume"]) == 0


def test_a_dry_run_of_an_evaluation_shows_its_queries_and_sends_none(
    server: EndpointServer, tmp_path: Path, capsys: Captured
) -> None:
    records = [
        {"query": f'borders("{name}")', "type": "1p", "easy": [], "hard": ["http://example.org/France"]}
        for name in ("Austria", "Switzerland", "Austria")
    ]
    queries = tmp_path / "test-1p.jsonl"
    queries.write_text("".join(json.dumps(record) + "\n" for record in records))
    command = [
        "evaluate",
        "--kg",
        f"sparql:{server.url}",
        "--refresh",
        "--queries",
        str(queries),
        "--protocol",
        "reading",
    ]
    assert main([*command, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line.startswith("#")] == [f"# test-1p:{at}" for at in range(3)]
    texts = [text.partition("\n")[2].strip() for text in out.split("\n\n") if text.strip()]
    assert len(texts) == 3 and texts[0] == texts[2] != texts[1] and not set(texts) & set(server.queries)
    assert main(command) == 0 and set(texts) <= set(server.queries)


@pytest.mark.parametrize("more", [[], ["--held-out", "0.1"]])
def test_queries_are_not_sampled_there(
    server: EndpointServer, tmp_path: Path, more: list[str], capsys: Captured
) -> None:
    assert main(["sample-queries", "--kg", f"sparql:{server.url}", "--out", str(tmp_path / "made"), *more]) == 2
    assert "stays on its server: take a file of the graph" in capsys.readouterr().err
    assert not server.queries and not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("address", "code", "said"),
    [
        ("sparql:http://127.0.0.1:9/query", 1, "cannot be reached"),
        ("sparql:http://ann:s3cret@localhost/query", 1, "SKYLARK_SPARQL_PASSWORD"),
        ("sparql:localhost", 1, "not the address of an endpoint"),
    ],
)
def test_an_endpoint_that_cannot_be_asked_is_an_error(
    address: str, code: int, said: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reasoning.graph.remote.client.BACKOFF", wait_none())
    assert main(["query", "--kg", address, 'borders("France")']) == code
    out, err = capsys.readouterr()
    assert out == "" and said in err and "s3cret" not in err and err.startswith("error: ")


def test_a_server_that_answers_something_else_is_an_error(server: EndpointServer, capsys: Captured) -> None:
    server.then(for_ever=Behaviour(body=b"<html></html>", content_type="text/html"))
    assert main(["query", "--kg", f"sparql:{server.url}", "--refresh", 'borders("France")']) == 1
    assert "a page of HTML" in capsys.readouterr().err


@pytest.mark.parametrize("method", ["complete", "hybrid"])
def test_methods_that_need_all_triples_are_refused(server: EndpointServer, method: str, capsys: Captured) -> None:
    command = ["query", "--kg", f"sparql:{server.url}", "--refresh", "--llm", "copy", "--method", method]
    assert main([*command, 'borders("France")']) == 2
    assert "take method exact or lark there" in capsys.readouterr().err


@pytest.mark.slow
def test_a_question_in_english_is_read_and_answered_there(server: EndpointServer, capsys: Captured) -> None:
    kg = f"sparql:{server.url}"
    assert main(["read", "--kg", kg, "--refresh", "--json", "Which countries does France border?"]) in (0, 2)
    readings = json.loads(capsys.readouterr().out)
    assert 'borders("France")' in {reading["query"] for reading in readings}
    assert main(["ask", "--kg", kg, "--sure-from", "0", "Which countries does France border?"]) == 0
    assert "Switzerland" in capsys.readouterr().out
