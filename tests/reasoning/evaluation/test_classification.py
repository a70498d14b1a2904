"""Query files and results by how many links their pairs lack, and the two commands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from reasoning.cli import main
from reasoning.errors import EvaluationError
from reasoning.evaluation.results import summary_path
from reasoning.evaluation.runs import QueryEvaluation
from reasoning.evaluation.sampling import classify_queries

Captured = pytest.CaptureFixture[str]

KNOWN = {(0, 0, 1), (2, 1, 3), (0, 0, 0)}
MISSING = {(1, 1, 3), (0, 0, 2), (2, 1, 4), (1, 1, 4)}
QUERIES = {"2p": [["e0", ["r0", "r1"]]], "1p": [["e2", ["r1"]], ["e1", ["r1"]]]}


@pytest.fixture
def graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A graph whose valid links make e3 and e4 answers of its queries."""
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "small"
    folder.mkdir()
    for split, links in (("train", KNOWN), ("valid", MISSING)):
        (folder / f"{split}.txt").write_text("".join(f"e{h}\tr{r}\te{t}\n" for h, r, t in sorted(links)))
    (folder / "queries").mkdir()
    hard = {"e0": ["e3", "e4"], "e2": ["e4"], "e1": ["e3", "e4"]}
    for kind, queries in QUERIES.items():
        lines = [
            {"type": kind, "query": query, "easy": ["e3"] if query[0] == "e2" else [], "hard": hard[str(query[0])]}
            for query in queries
        ]
        (folder / f"queries/valid-{kind}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_pairs_are_counted_by_their_missing_links(graph: Path) -> None:
    assert classify_queries(graph, graph / "queries") == {
        "per_type": {
            "1p": {"queries": 2, "pairs": 3, "links": {"1": {"pairs": 3, "share": 1.0, "queries": 2}}},
            "2p": {"queries": 1, "pairs": 2, "links": {"1": {"pairs": 2, "share": 1.0, "queries": 1}}},
        },
        "split": "valid",
    }


def test_the_mrr_of_each_kind_is_that_of_its_pairs(graph: Path, tmp_path: Path) -> None:
    (graph / "valid.txt").write_text("e1\tr1\te3\ne0\tr0\te2\ne2\tr1\te4\n")
    (graph / "queries/valid-1p.jsonl").unlink()
    out = tmp_path / "r.jsonl"
    QueryEvaluation(graph, graph / "queries", "hard").run(out=out)
    (line,) = (json.loads(text) for text in out.read_text().splitlines())
    line["hard_ranks"] = {"e3": 2, "e4": 8}
    out.write_text(json.dumps(line) + "\n")
    row = classify_queries(graph, graph / "queries", results=out)["per_type"]["2p"]
    assert row["links"] == {
        "1": {"pairs": 1, "share": 0.5, "queries": 1, "mrr": 0.5},
        "2": {"pairs": 1, "share": 0.5, "queries": 1, "mrr": 0.125},
    }


class TestResultsThatDoNotFit:
    @pytest.fixture
    def results(self, graph: Path, tmp_path: Path) -> Path:
        out = tmp_path / "r.jsonl"
        QueryEvaluation(graph, graph / "queries", "hard").run(out=out)
        return out

    def test_of_another_protocol(self, graph: Path, tmp_path: Path) -> None:
        out = tmp_path / "reading.jsonl"
        QueryEvaluation(graph, graph / "queries", "reading").run(out=out)
        with pytest.raises(EvaluationError, match=r"reading\.jsonl ranks no hard answers"):
            classify_queries(graph, graph / "queries", results=out)

    def test_of_other_queries(self, graph: Path, results: Path) -> None:
        with pytest.raises(EvaluationError, match="is of other queries than these"):
            classify_queries(graph, graph / "queries/valid-1p.jsonl", results=results)

    def test_of_another_graph(self, graph: Path, results: Path, tmp_path: Path) -> None:
        other = tmp_path / "other"
        shutil.copytree(graph, other)
        (other / "train.txt").write_text((graph / "train.txt").read_text() + "e4\tr0\te4\n")
        with pytest.raises(EvaluationError, match='is of another graph than "other"'):
            classify_queries(other, graph / "queries", results=results)

    def test_without_the_rank_of_an_answer(self, graph: Path, results: Path) -> None:
        results.write_text(results.read_text().replace('"e4":', '"e0":', 1))
        with pytest.raises(EvaluationError, match="has no rank of the answer 'e4' of valid-"):
            classify_queries(graph, graph / "queries", results=results)

    def test_there_is_no_such_file(self, graph: Path, tmp_path: Path) -> None:
        assert not summary_path(tmp_path / "none.jsonl").exists()
        with pytest.raises(EvaluationError, match="there is no results file"):
            classify_queries(graph, graph / "queries", results=tmp_path / "none.jsonl")


class TestCommands:
    def test_sampled_queries_are_told_by_their_links(self, graph: Path, tmp_path: Path, capsys: Captured) -> None:
        command = ["sample-queries", "--kg", str(graph), "--out", str(tmp_path / "out"), "--types", "1p,2p"]
        assert main([*command, "--count", "1", "--json"]) == 0
        out, err = capsys.readouterr()
        row = json.loads(out)["per_type"]["2p"]
        assert row["queries"] == 1 and row["tries"] >= 1 and "2p" in err
        assert main(["classify-queries", "--kg", str(graph), "--queries", str(tmp_path / "out")]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].split() == ["type", "queries", "pairs", "1", "missing"]
        assert lines[2].split()[0] == "1p" and lines[2].split()[-1] == "100.0%"

    @pytest.mark.parametrize(
        ("options", "code", "message"),
        [
            (["--types", "9p"], 2, 'unknown query type "9p"'),
            (["--types", "1p", "--count", "0"], 2, "count must be at least 1"),
            (["--split", "train"], 2, "unknown split 'train'"),
            (["--split", "test"], 2, 'no split "test"'),
            (["--types", "1p", "--harder"], 2, "1p has no harder queries"),
        ],
    )
    def test_what_cannot_be_is_told(
        self, graph: Path, tmp_path: Path, options: list[str], code: int, message: str, capsys: Captured
    ) -> None:
        assert main(["sample-queries", "--kg", str(graph), "--out", str(tmp_path / "out"), *options]) == code
        out, err = capsys.readouterr()
        assert out == "" and err.startswith("error: ") and message in err

    def test_a_folder_that_cannot_be_written_is_a_failure(self, graph: Path, capsys: Captured) -> None:
        assert main(["sample-queries", "--kg", str(graph), "--out", "/dev/null/out", "--types", "1p"]) == 1
        assert "cannot make the folder /dev/null/out" in capsys.readouterr().err
