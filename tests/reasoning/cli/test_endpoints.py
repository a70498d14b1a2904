"""Commands on a graph that stays on its server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tenacity import wait_none

from reasoning.cli import main
from tests.reasoning.cli.conftest import Commands
from tests.reasoning.endpoint_server import Behaviour, EndpointServer, serving, store_of_turtle
from tests.reasoning.graph.remote.graphs import TIDY


@pytest.fixture
def server() -> Iterator[EndpointServer]:
    with serving(store_of_turtle(TIDY)) as running:
        yield running


@pytest.fixture
def graph(server: EndpointServer) -> tuple[str, str, str]:
    return "--kg", f"sparql:{server.url}", "--refresh"


def records_file(path: Path, *records: dict[str, object]) -> str:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def test_a_query_is_answered_there(graph: tuple[str, ...], command: Commands) -> None:
    printed = command.json("query", *graph, '"capital of"("Paris")')
    assert [item["entity"] for item in printed["answers"]] == ["France"]
    assert printed["evidence"] == [["Paris", "capital of", "France"]]


def test_a_dry_run_shows_the_query_alone(server: EndpointServer, graph: tuple[str, ...], command: Commands) -> None:
    asked = ["query", *graph[:2], '~"capital of"(borders("Austria"))']
    text = command.prints(*asked, "--refresh", "--dry-run").strip()
    assert text.startswith("SELECT ?entity") and text not in server.queries
    assert command.json(*asked, "--dry-run") == {"endpoint": f"sparql:{server.url}", "queries": [text]}
    command.prints(*asked)
    assert text in server.queries
    in_its_words = "<http://example.org/France> <http://example.org/vocab#borders> ?entity"
    assert in_its_words in command.prints("query", *graph, "--sparql", 'borders("France")')


def test_queries_are_evaluated_there(graph: tuple[str, ...], tmp_path: Path, command: Commands) -> None:
    france, austria = "http://example.org/France", "http://example.org/Austria"
    query = '"capital of"(~type("city")) & ~borders("Switzerland")'
    record: dict[str, object] = {"query": query, "type": "pi", "easy": [france], "hard": [austria]}
    out = tmp_path / "out.jsonl"
    asked = ["evaluate", *graph, "--queries", records_file(tmp_path / "test-pi.jsonl", record)]
    command.prints(*asked, "--protocol", "reading", "--out", str(out))
    (line,) = map(json.loads, out.read_text().splitlines())
    assert line["exact_match"] == 1.0 and set(line["answers"]) == {france, austria}
    summary = json.loads(out.with_name("out.jsonl.summary.json").read_text())
    assert summary["settings"]["kg"] == graph[1]
    command.prints(*asked, "--protocol", "reading", "--out", str(out), "--resume")


def test_a_dry_run_of_an_evaluation_shows_its_queries_and_sends_none(
    server: EndpointServer, graph: tuple[str, ...], tmp_path: Path, command: Commands
) -> None:
    records: list[dict[str, object]] = [
        {"query": f'borders("{name}")', "type": "1p", "easy": [], "hard": ["http://example.org/France"]}
        for name in ("Austria", "Switzerland", "Austria")
    ]
    asked = ["evaluate", *graph, "--queries", records_file(tmp_path / "test-1p.jsonl", *records)]
    out = command.prints(*asked, "--protocol", "reading", "--dry-run")
    assert [line for line in out.splitlines() if line.startswith("#")] == [f"# test-1p:{at}" for at in range(3)]
    texts = [text.partition("\n")[2].strip() for text in out.split("\n\n") if text.strip()]
    assert len(texts) == 3 and texts[0] == texts[2] != texts[1] and not set(texts) & set(server.queries)
    command.prints(*asked, "--protocol", "reading")
    assert set(texts) <= set(server.queries)


def test_none_are_sampled_there(server: EndpointServer, tmp_path: Path, command: Commands) -> None:
    for more in ([], ["--held-out", "0.1"]):
        asked = ["sample-queries", "--kg", f"sparql:{server.url}", "--out", str(tmp_path / "made"), *more]
        assert "stays on its server: take a file of the graph" in command.fails(2, *asked)
    assert not server.queries and not (tmp_path / "made").exists()


def test_what_cannot_be_asked_is_an_error(command: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reasoning.graph.remote.client.BACKOFF", wait_none())
    for address, said in (
        ("sparql:http://127.0.0.1:9/query", "cannot be reached"),
        ("sparql:http://ann:s3cret@localhost/query", "SKYLARK_SPARQL_PASSWORD"),
        ("sparql:localhost", "not the address of an endpoint"),
    ):
        err = command.fails(1, "query", "--kg", address, 'borders("France")')
        assert said in err and "s3cret" not in err


def test_what_is_not_answered_there(server: EndpointServer, graph: tuple[str, ...], command: Commands) -> None:
    for method in ("complete", "hybrid"):
        said = command.fails(2, "query", *graph, "--llm", "copy", "--method", method, 'borders("France")')
        assert "take method exact or lark there" in said
    server.then(for_ever=Behaviour(body=b"<html></html>", content_type="text/html"))
    assert "a page of HTML" in command.fails(1, "query", *graph, 'borders("France")')


@pytest.mark.slow
def test_a_question_in_english_is_read_and_answered_there(graph: tuple[str, ...], command: Commands) -> None:
    question = "Which countries does France border?"
    assert main(["read", *graph, "--json", question]) in (0, 2)
    readings = json.loads(command.capsys.readouterr().out)
    assert 'borders("France")' in {reading["query"] for reading in readings}
    assert "Switzerland" in command.prints("ask", *graph[:2], "--sure-from", "0", question)
