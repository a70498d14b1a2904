"""Evaluations on query files: their figures, files that are gone on with, full disks, and records that are refused."""

import json
import os
import re
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from reasoning import Query
from reasoning.cli import main
from reasoning.errors import EvaluationError
from reasoning.evaluation.comparison import compare
from reasoning.evaluation.query_files import Protocol
from reasoning.evaluation.results import ResultsFile, read_results, summary_path
from reasoning.evaluation.run import graph_digest
from reasoning.evaluation.runs import QueryEvaluation
from reasoning.graph.store import KnowledgeGraph
from reasoning.graph.updates.changes import merged
from reasoning.lark import LarkOptions
from skylark.errors import DataError, ResultsError, SkylarkError
from tests.reasoning.chat_models import ScriptedChatModel
from tests.reasoning.evaluation.conftest import EACH
from tests.reasoning.made_dataset import ENTITIES, NEGATED, STRUCTURES

Captured = pytest.CaptureFixture[str]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def summary(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(summary_path(path).read_text())
    return loaded


def records(dataset: Path, split: str) -> dict[str, dict[str, Any]]:
    return {
        f"{path.stem}:{number}": json.loads(line)
        for path in sorted(dataset.glob(f"queries/{split}-*.jsonl"))
        for number, line in enumerate(path.read_text().splitlines())
    }


def evaluate(
    dataset: Path, protocol: Protocol, out: Path | None = None, resume: bool = False, file: str = "", **how: Any
) -> dict[str, Any]:
    """Evaluate on the test queries of a data set, or on those of one of its files."""
    given = {"split": "test", **how}
    return QueryEvaluation(dataset, dataset / "queries" / file, protocol, **given).run(out, resume)


class TestReading:
    def test_set_algebra_gives_the_gold_answers_of_all_14_types(self, dataset: Path, tmp_path: Path) -> None:
        out = tmp_path / "r.jsonl"
        result = evaluate(dataset, "reading", out)
        gold = records(dataset, "test")
        assert [line["id"] for line in lines(out)] == list(gold)
        for line in lines(out):
            record = gold[line["id"]]
            assert sorted(line["answers"]) == sorted(record["easy"] + record["hard"])
            assert line["type"] == record["type"]
            assert line["exact_match"] == line["f1"] == line["lark_hits@10"] == 1.0
        assert list(result["per_type"]) == list(STRUCTURES)
        assert result["avg_p"]["exact_match"] == result["avg_n"]["f1"] == 1.0
        assert result["count"] == 14 * EACH
        for average, kinds in (("avg_p", set(STRUCTURES) - set(NEGATED)), ("avg_n", set(NEGATED))):
            values = [result["per_type"][kind]["lark_mrr"] for kind in kinds]
            assert result[average]["lark_mrr"] == pytest.approx(sum(values) / len(values))

    def test_types_are_averaged_where_there_are_any_and_limited_each(self, dataset: Path, tmp_path: Path) -> None:
        out, later = tmp_path / "r.jsonl", tmp_path / "later.jsonl"
        evaluate(dataset, "reading", out, split="valid", limit=2)
        assert {line["id"] for line in lines(out)} == {f"valid-{kind}:{n}" for kind in STRUCTURES for n in (0, 1)}
        evaluate(dataset, "reading", later, split="valid", limit=2, skip=3)
        assert {line["id"] for line in lines(later)} == {f"valid-{kind}:{n}" for kind in STRUCTURES for n in (3, 4)}
        result = evaluate(dataset, "reading", file="test-2p.jsonl", split=None)
        assert result["avg_n"] == {} and {**result["avg_p"], "count": EACH} == result["per_type"]["2p"]


class TestHard:
    def test_hard_answers_rank_in_the_middle_of_what_is_not_given(self, dataset: Path, tmp_path: Path) -> None:
        out = tmp_path / "h.jsonl"
        result = evaluate(dataset, "hard", out)
        gold = records(dataset, "test")
        assert {line["id"] for line in lines(out)} == {key for key, record in gold.items() if record["hard"]}
        assert result["skipped"] == sum(not record["hard"] for record in gold.values()) > 0
        for line in lines(out):
            record = gold[line["id"]]
            answers = {*record["easy"], *record["hard"]}
            assert set(record["easy"]) <= set(line["answers"]) and not set(record["hard"]) & set(line["answers"])
            # Under negation the smaller graph also gives wrong answers: they stand above the hard ones.
            wrong = len(set(line["answers"]) - answers)
            expected = 1 + wrong + (ENTITIES - len(answers) - wrong) / 2
            assert line["hard_ranks"] == {str(answer): expected for answer in record["hard"]}
            assert line["mrr"] == pytest.approx(1 / expected)
        ranks = [rank for line in lines(out) for rank in line["hard_ranks"].values()]
        assert any(isinstance(rank, int) for rank in ranks)
        assert all(isinstance(rank, int) or rank % 1 == 0.5 for rank in ranks)


class TestLark:
    def test_steps_are_counted_and_the_settings_told(self, dataset: Path, tmp_path: Path) -> None:
        out = tmp_path / "l.jsonl"
        evaluate(dataset, "reading", out, method="lark", llm="copy", limit=1)
        for line in lines(out):
            assert line["steps"].keys() == {"llm", "agreeing", "symbolic", "parts", "left_out"}
            assert line["steps"]["llm"] >= line["steps"]["agreeing"]
        total = summary(out)
        assert total["steps"]["1p"]["llm"] == 1
        assert total["settings"]["llm"] == "copy" and total["settings"]["prompting"] == "step"

    def test_a_model_out_of_reach_stops_the_run(self, dataset: Path, tmp_path: Path) -> None:
        out = tmp_path / "l.jsonl"
        out_of_reach = ScriptedChatModel(ConnectionError("connection refused"))
        with pytest.raises(SkylarkError, match=r"no reply to 5 queries in a row.*connection refused"):
            evaluate(dataset, "reading", out, method="lark", llm=out_of_reach, options=LarkOptions(retries=0))
        assert out.read_text() == ""
        assert summary(out)["complete"] is False


class TestStoppedAndResumed:
    @pytest.fixture
    def whole(self, dataset: Path, tmp_path: Path) -> Path:
        out = tmp_path / "whole.jsonl"
        evaluate(dataset, "hard", out)
        return out

    def test_a_file_cut_anywhere_is_completed_to_the_same(self, dataset: Path, whole: Path, tmp_path: Path) -> None:
        for kept in (0, 1, 2000):
            cut = tmp_path / f"cut{kept}.jsonl"
            cut.write_bytes(whole.read_bytes()[:kept])
            shutil.copy(summary_path(whole), summary_path(cut))
            evaluate(dataset, "hard", cut, resume=True)
            assert cut.read_bytes() == whole.read_bytes()
            assert {**summary(cut), "seconds": 0} == {**summary(whole), "seconds": 0}
        assert evaluate(dataset, "hard", cut, resume=True)["complete"] and cut.read_bytes() == whole.read_bytes()

    def test_what_does_not_go_on_is_refused(self, dataset: Path, whole: Path) -> None:
        before = whole.read_bytes()
        with pytest.raises(EvaluationError, match=r'protocol was "hard", now "reading";.* limit was null, now 2'):
            evaluate(dataset, "reading", whole, resume=True, limit=2)
        with pytest.raises(EvaluationError, match="add --resume to go on"):
            evaluate(dataset, "hard", whole)
        assert whole.read_bytes() == before
        summary_path(whole).unlink()
        with pytest.raises(EvaluationError, match="does not say with which settings"):
            evaluate(dataset, "hard", whole, resume=True)

    def test_a_broken_line_is_named(self, dataset: Path, whole: Path) -> None:
        fine = whole.read_text()
        first, second, third, rest = fine.split("\n", 3)
        broken = {
            2: ["\n".join([first, first, second, third, rest])],
            3: ["\n".join([first, second, third[:-5], rest])],
            1: [re.sub(r'"mrr":[^,]*', f'"mrr":{value}', fine, count=1) for value in ('"high"', "null", "NaN")],
        }
        for number, contents in broken.items():
            for content in contents:
                whole.write_text(content)
                with pytest.raises(DataError, match=rf"whole\.jsonl, line {number}: expected the line of query"):
                    evaluate(dataset, "hard", whole, resume=True)

    @pytest.mark.parametrize(("limit", "kept"), [(3, None), (None, 300)])
    def test_a_limit_may_be_raised(self, dataset: Path, tmp_path: Path, limit: int | None, kept: int | None) -> None:
        whole, raised = tmp_path / "whole.jsonl", tmp_path / "raised.jsonl"
        evaluate(dataset, "hard", whole, limit=limit)
        evaluate(dataset, "hard", raised, limit=2)
        before = raised.read_bytes()[:kept]
        raised.write_bytes(before)
        result = evaluate(dataset, "hard", raised, resume=True, limit=limit)
        assert raised.read_bytes().startswith(before[: before.rindex(b"\n")])
        assert sorted(raised.read_bytes().split(b"\n")) == sorted(whole.read_bytes().split(b"\n"))
        assert {**summary(raised), "seconds": 0} == {**summary(whole), "seconds": 0}
        assert result["settings"]["limit"] == limit
        assert evaluate(dataset, "hard", raised, resume=True, limit=limit)["count"] == result["count"]
        with pytest.raises(EvaluationError, match=r"limit was .*, now 2"):
            evaluate(dataset, "hard", raised, resume=True, limit=2)

    def test_changed_queries_and_an_edited_graph_are_refused(self, dataset: Path, tmp_path: Path) -> None:
        graph, out = shutil.copytree(dataset, tmp_path / "edited"), tmp_path / "r.jsonl"
        queries, train = graph / "queries/test-1p.jsonl", graph / "train.txt"
        evaluate(graph, "reading", out, file=queries.name)
        os.utime(train)  # a new cache entry of the same content
        assert evaluate(graph, "reading", out, resume=True, file=queries.name)["complete"]
        for path, setting in ((queries, "queries_digest"), (train, "kg_digest")):
            content = path.read_text()
            path.write_text("".join(content.splitlines(keepends=True)[:-2]))
            with pytest.raises(EvaluationError, match=f"other settings: {setting} was"):
                evaluate(graph, "reading", out, resume=True, file=queries.name)
            path.write_text(content)

    @pytest.mark.parametrize("changed", [("Ann", "knows", "Cleo"), ("Ann", "likes", "Bob"), ("Ann", "age", 4)])
    def test_the_digest_of_a_graph_tells_names_and_values_apart(self, changed: tuple[str, str, str | int]) -> None:
        facts: list[tuple[str, str, str | int]] = [("Ann", "knows", "Bob"), ("Ann", "age", 3)]
        digest = graph_digest(KnowledgeGraph.from_triples(facts))
        assert digest == graph_digest(KnowledgeGraph.from_triples(facts))
        at = changed[1] == "age"
        assert digest != graph_digest(KnowledgeGraph.from_triples([*facts[:at], changed, *facts[at + 1 :]]))

    def test_the_digest_of_a_graph_is_of_what_it_says_now(self) -> None:
        kg = KnowledgeGraph.from_triples([("Ann", "knows", "Bob"), ("Bob", "knows", "Cleo")], types=[("Ann", "person")])
        there_and_back = kg.changed(add=[("Ann", "knows", "Dai")]).changed(remove=[("Ann", "knows", "Dai")])
        assert graph_digest(there_and_back) == graph_digest(kg)
        without = kg.changed(remove=[("Bob", "knows", "Cleo")])
        assert graph_digest(without) == graph_digest(KnowledgeGraph(merged(without.content))) != graph_digest(kg)
        typed = kg.changed(types=[("Bob", "cat"), ("Bob", "person")])
        assert graph_digest(typed) != graph_digest(kg)
        again = kg.changed(types=[("Bob", "person")]).changed(types=[("Bob", "cat")])
        assert graph_digest(typed) == graph_digest(again)

    def test_ctrl_c_keeps_what_is_done(
        self, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        out = tmp_path / "stopped.jsonl"
        append, count = ResultsFile.append, 0

        def interrupted(self: ResultsFile, line: dict[str, Any]) -> None:
            nonlocal count
            count += 1
            if count == 11:
                raise KeyboardInterrupt
            append(self, line)

        monkeypatch.setattr(ResultsFile, "append", interrupted)
        with pytest.raises(KeyboardInterrupt):
            evaluate(dataset, "hard", out)
        assert "10 of" in caplog.text and "--resume" in caplog.text
        assert summary(out)["count"] == 10 and summary(out)["complete"] is False
        assert len(lines(out)) == 10


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A disk that is full after `size` bytes of one file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestDisks:
    def run(self, dataset: Path, out: Path, *more: str) -> int:
        command = ["evaluate", "--kg", str(dataset), "--queries", str(dataset / "queries"), "--split", "test"]
        return main([*command, "--protocol", "reading", "--out", str(out), *more])

    def test_a_second_run_on_the_same_file_is_refused(self, dataset: Path, tmp_path: Path, capsys: Captured) -> None:
        out = tmp_path / "r.jsonl"
        with ResultsFile(out, {}, [], (), resume=False):
            assert self.run(dataset, out) == 1
        printed = capsys.readouterr()
        assert "being written by another run" in printed.err and printed.out == "" == out.read_text()

    def test_a_full_disk_is_told_and_the_run_goes_on_once_there_is_room(
        self, dataset: Path, tmp_path: Path, capsys: Captured, caplog: pytest.LogCaptureFixture
    ) -> None:
        whole, out = tmp_path / "whole.jsonl", tmp_path / "r.jsonl"
        evaluate(dataset, "reading", whole)
        most = whole.stat().st_size * 2 // 3
        with files_of_at_most(most):
            assert self.run(dataset, out) == 1
        assert f"error: cannot write {out}: File too large" in capsys.readouterr().err
        kept = out.read_bytes().count(b"\n")
        assert f"stopped; {kept} of {14 * EACH} are kept in {out}, --resume goes on from there" in caplog.text
        assert 0 < out.stat().st_size <= most and out.read_bytes().endswith(b"\n")
        assert self.run(dataset, out, "--resume") == 0
        assert out.read_bytes() == whole.read_bytes()

    def test_without_room_for_a_summary_the_one_before_stays(
        self, dataset: Path, tmp_path: Path, capsys: Captured
    ) -> None:
        whole, out, none = tmp_path / "whole.jsonl", tmp_path / "r.jsonl", tmp_path / "none.jsonl"
        queries = dataset / "queries/test-1p.jsonl"
        evaluate(dataset, "reading", whole, file=queries.name, split=None)
        most = summary_path(whole).stat().st_size - 25  # the seconds have more digits in one run than in another
        assert whole.stat().st_size < most
        with files_of_at_most(most):
            assert self.run(dataset, out, "--queries", str(queries)) == 1
        assert f"error: cannot write {summary_path(out)}: File too large" in capsys.readouterr().err
        assert summary(out)["complete"] is False and out.read_bytes() == whole.read_bytes()
        assert sorted(path.name for path in tmp_path.glob("r.*")) == ["r.jsonl", "r.jsonl.summary.json"]
        assert self.run(dataset, out, "--queries", str(queries), "--resume") == 0
        assert {**summary(out), "seconds": 0} == {**summary(whole), "seconds": 0}
        with files_of_at_most(99):
            assert self.run(dataset, none) == 1
        assert f"error: cannot write {summary_path(none)}: File too large" in capsys.readouterr().err
        assert [path.name for path in tmp_path.glob("none.*")] == ["none.jsonl.lock"]

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
    def test_a_file_that_could_not_be_written_is_not_locked_and_must_be_regular(self, tmp_path: Path) -> None:
        sink = ResultsFile(tmp_path / "r.jsonl", {}, [], (), resume=False)
        with pytest.raises(ResultsError, match=r"cannot write .*r\.jsonl: No space left on device"), sink:
            sink._descriptor = os.open("/dev/full", os.O_WRONLY)
            sink.append({"id": "more"})
        with ResultsFile(tmp_path / "r.jsonl", {}, [], (), resume=False):
            pass

    with pytest.raises(ResultsError, match="regular file"), ResultsFile(Path("/dev/null"), {}, [], (), resume=False):
        pass


class TestRecordsAreChecked:
    FINE: ClassVar[dict[str, Any]] = {"type": "1p", "query": [0, [0]], "easy": [], "hard": [1]}

    def broken(self, dataset: Path, tmp_path: Path, line: str, message: str) -> None:
        queries = tmp_path / "test-x.jsonl"
        queries.write_text(json.dumps(self.FINE) + "\n" + line + "\n")
        with pytest.raises(DataError, match=rf"test-x\.jsonl, line 2: expected {message}"):
            QueryEvaluation(dataset, queries, "reading").run()

    def test_a_broken_record_is_named_and_a_byte_order_mark_read_past(self, dataset: Path, tmp_path: Path) -> None:
        changes: tuple[tuple[dict[str, Any], str], ...] = (
            ({"type": "9p"}, 'a "type" among 1p, 2p'),
            ({"type": "2p"}, "a query of the type 2p, not 1p"),
            ({"query": [0]}, r"a query \("),
            ({"query": [99, [0]]}, "an entity of the graph \"made\", found '99'"),
            ({"query": [0, [99]]}, "a relation between entities of the graph \"made\", found '99'"),
            ({"easy": [99]}, 'entities of the graph "made" in "easy", found \'99\''),
            ({"hard": [True]}, 'entities of the graph "made" in "hard"'),
            ({"easy": 1}, 'a list of ids in "easy"'),
            ({"easy": [1]}, '"easy" and "hard" without a common answer'),
        )
        texts = (
            ('"0"(entity("0")', r"a query \("),
            ('"99"(entity("0"))', r"a query of this graph \("),
            ('count("0"(entity("0")))', "a query that gives entities"),
            ('exists("0"(entity("0")))', "a query that gives entities"),
        )
        for line, message in (
            ("{", "one JSON object a line"),
            ('{"type": "1p"}', 'a record with "query", "easy" and "hard"'),
            *((json.dumps({**self.FINE, **change}), said) for change, said in changes),
            *((json.dumps({"query": text, "easy": [], "hard": [1]}), said) for text, said in texts),
        ):
            self.broken(dataset, tmp_path, line, message)
        queries = tmp_path / "test-1p.jsonl"
        queries.write_bytes(b"\xef\xbb\xbf" + (dataset / "queries/test-1p.jsonl").read_bytes())
        assert QueryEvaluation(dataset, queries, "reading").run()["count"] == EACH


class TestQueriesAsText:
    @pytest.mark.parametrize("protocol", ["reading", "hard"])
    def test_any_structure_is_read_and_has_a_row(self, dataset: Path, tmp_path: Path, protocol: Protocol) -> None:
        records = [json.loads(line) for line in (dataset / "queries/test-2p.jsonl").read_text().splitlines()]
        queries, out = tmp_path / "test-mine.jsonl", tmp_path / "r.jsonl"
        with queries.open("w") as file:
            for record in records:
                path = str(Query.from_record(record))
                # Other structures of the same answers.
                for text in (path, f"{path} | {path} | {path}", f"!!{path} & {path}"):
                    file.write(json.dumps({"query": text, "easy": record["easy"], "hard": record["hard"]}) + "\n")
        result = QueryEvaluation(dataset, queries, protocol).run(out=out)
        plain = QueryEvaluation(dataset, dataset / "queries/test-2p.jsonl", protocol).run()["per_type"]["2p"]
        assert list(result["per_type"]) == ["2p", "r(r(e)) & !!r(r(e))", "r(r(e)) | r(r(e)) | r(r(e))"]
        assert all(row == plain for row in result["per_type"].values())
        metrics = {name: value for name, value in plain.items() if name != "count"}
        assert result["avg_p"] == result["avg_n"] == pytest.approx(metrics)
        read = read_results(out)
        assert read.tally.summary()["per_type"] == result["per_type"]
        compared = compare(read, read, list(metrics)).metrics
        assert set(next(iter(compared.values()))) == {*result["per_type"], "avg_p", "avg_n"}

    def test_a_limit_is_of_each_structure(self, dataset: Path, tmp_path: Path) -> None:
        queries = tmp_path / "test-mine.jsonl"
        lines = [
            {"query": f'"0"(entity("{number}")) | "1"(entity("1"))', "easy": [], "hard": [1]} for number in range(4)
        ]
        queries.write_text("".join(json.dumps(line) + "\n" for line in lines))
        assert QueryEvaluation(dataset, queries, "reading", limit=3).run()["per_type"]["2u"]["count"] == 3


class TestTheSplitIsKnown:
    def test_what_does_not_say_its_split_or_has_nothing_to_rank_is_refused(self, dataset: Path, tmp_path: Path) -> None:
        queries = tmp_path / "mine.jsonl"
        shutil.copy(dataset / "queries/valid-1p.jsonl", queries)
        with pytest.raises(EvaluationError, match=r"mine\.jsonl does not say which split"):
            QueryEvaluation(dataset, queries, "reading").run()
        assert QueryEvaluation(dataset, queries, "reading", split="valid").run()["avg_p"]["exact_match"] == 1.0
        with pytest.raises(EvaluationError, match="both splits"):
            QueryEvaluation(dataset, dataset / "queries", "reading").run()
        queries = tmp_path / "test-1p.jsonl"
        queries.write_text(json.dumps({"type": "1p", "query": [0, [0]], "easy": [1], "hard": []}) + "\n")
        with pytest.raises(EvaluationError, match="none of the 1 queries has a hard answer"):
            QueryEvaluation(dataset, queries, "hard").run()
        graph = tmp_path / "facts.tsv"
        graph.write_text("0\t0\t1\n")
        with pytest.raises(EvaluationError, match=r'protocol hard on test queries.*no split "train"'):
            QueryEvaluation(graph, dataset / "queries/test-1p.jsonl", "hard").run()
