from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult

from reasoning import Query
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
from tests.reasoning.made_dataset import ENTITIES, NEGATED, STRUCTURES, make_dataset

PROJECT = Path(__file__).resolve().parents[3]
EACH = 6


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("made") / "made", EACH)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


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


class TestReading:
    @pytest.mark.parametrize("split", ["valid", "test"])
    def test_set_algebra_gives_the_gold_answers_of_all_14_types(
        self, dataset: Path, split: str, tmp_path: Path
    ) -> None:
        out = tmp_path / "r.jsonl"
        result = QueryEvaluation(dataset, dataset / "queries", "reading", split=split).run(out=out)
        gold = records(dataset, split)
        assert [line["id"] for line in lines(out)] == list(gold)
        for line in lines(out):
            record = gold[line["id"]]
            assert sorted(line["answers"]) == sorted(record["easy"] + record["hard"])
            assert line["type"] == record["type"]
            assert line["exact_match"] == line["f1"] == line["lark_hits@10"] == 1.0
        assert list(result["per_type"]) == list(STRUCTURES)
        assert result["avg_p"]["exact_match"] == result["avg_n"]["f1"] == 1.0
        assert result["count"] == 14 * EACH

    def test_the_averages_are_means_over_types(self, dataset: Path) -> None:
        result = QueryEvaluation(dataset, dataset / "queries", "reading", split="test").run()
        for average, kinds in (("avg_p", set(STRUCTURES) - set(NEGATED)), ("avg_n", set(NEGATED))):
            values = [result["per_type"][kind]["lark_mrr"] for kind in kinds]
            assert result[average]["lark_mrr"] == pytest.approx(sum(values) / len(values))

    def test_without_negated_types_there_is_no_average_of_them(self, dataset: Path) -> None:
        result = QueryEvaluation(dataset, dataset / "queries/test-2p.jsonl", "reading").run()
        assert result["avg_n"] == {} and result["avg_p"] == {
            name: value for name, value in result["per_type"]["2p"].items() if name != "count"
        }

    def test_a_limit_takes_the_first_of_each_type(self, dataset: Path, tmp_path: Path) -> None:
        out = tmp_path / "r.jsonl"
        QueryEvaluation(dataset, dataset / "queries", "reading", split="valid", limit=2).run(out=out)
        assert {line["id"] for line in lines(out)} == {f"valid-{kind}:{n}" for kind in STRUCTURES for n in (0, 1)}


class TestHard:
    def test_set_algebra_ranks_hard_answers_in_the_middle_of_what_it_does_not_give(
        self, dataset: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "h.jsonl"
        result = QueryEvaluation(dataset, dataset / "queries", "hard", split="test").run(out=out)
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

    def test_ranks_are_whole_numbers_where_they_can_be(self, dataset: Path, tmp_path: Path) -> None:
        out = tmp_path / "h.jsonl"
        QueryEvaluation(dataset, dataset / "queries", "hard", split="test").run(out=out)
        ranks = [rank for line in lines(out) for rank in line["hard_ranks"].values()]
        assert any(isinstance(rank, int) for rank in ranks)
        assert all(isinstance(rank, int) or rank % 1 == 0.5 for rank in ranks)


class TestLark:
    def test_steps_are_counted_and_the_settings_told(self, dataset: Path, tmp_path: Path) -> None:
        out = tmp_path / "l.jsonl"
        QueryEvaluation(dataset, dataset / "queries", "reading", method="lark", llm="copy", split="test", limit=1).run(
            out=out
        )
        for line in lines(out):
            assert line["steps"].keys() == {"llm", "agreeing", "symbolic", "parts", "left_out"}
            assert line["steps"]["llm"] >= line["steps"]["agreeing"]
        total = summary(out)
        assert total["steps"]["1p"]["llm"] == 1
        assert total["settings"]["llm"] == "copy" and total["settings"]["prompting"] == "step"

    def test_a_model_out_of_reach_stops_the_run_and_leaves_its_queries_undone(
        self, dataset: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "l.jsonl"
        with pytest.raises(SkylarkError, match=r"no reply to 5 queries in a row.*connection refused"):
            QueryEvaluation(
                dataset,
                dataset / "queries",
                "reading",
                method="lark",
                llm=OutOfReach(),
                options=LarkOptions(retries=0),
                split="test",
            ).run(out=out)
        assert out.read_text() == ""
        assert summary(out)["complete"] is False


class OutOfReach(BaseChatModel):
    @property
    def _llm_type(self) -> str:
        return "out-of-reach"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise ConnectionError("connection refused")


class TestStoppedAndResumed:
    @pytest.fixture
    def whole(self, dataset: Path, tmp_path: Path) -> Path:
        out = tmp_path / "whole.jsonl"
        QueryEvaluation(dataset, dataset / "queries", "hard", split="test").run(out=out)
        return out

    @pytest.mark.parametrize("kept", [0, 1, 300, 2000])
    def test_a_file_cut_anywhere_is_completed_to_the_same_content(
        self, dataset: Path, whole: Path, kept: int, tmp_path: Path
    ) -> None:
        cut = tmp_path / "cut.jsonl"
        cut.write_bytes(whole.read_bytes()[:kept])
        shutil.copy(summary_path(whole), summary_path(cut))
        QueryEvaluation(dataset, dataset / "queries", "hard", split="test").run(out=cut, resume=True)
        assert cut.read_bytes() == whole.read_bytes()
        assert {**summary(cut), "seconds": 0} == {**summary(whole), "seconds": 0}

    def test_a_complete_file_is_left_as_it_is(self, dataset: Path, whole: Path) -> None:
        before = whole.read_bytes()
        result = QueryEvaluation(dataset, dataset / "queries", "hard", split="test").run(out=whole, resume=True)
        assert whole.read_bytes() == before and result["complete"]

    def test_other_settings_are_refused_by_name(self, dataset: Path, whole: Path) -> None:
        with pytest.raises(EvaluationError, match=r'protocol was "hard", now "reading";.* limit was null, now 2'):
            QueryEvaluation(dataset, dataset / "queries", "reading", split="test", limit=2).run(out=whole, resume=True)

    @pytest.mark.parametrize("kept", [None, 300])
    @pytest.mark.parametrize("limit", [3, None])
    def test_a_limit_may_be_raised(self, dataset: Path, tmp_path: Path, limit: int | None, kept: int | None) -> None:
        whole, raised = tmp_path / "whole.jsonl", tmp_path / "raised.jsonl"

        def evaluation(limit: int | None) -> QueryEvaluation:
            return QueryEvaluation(dataset, dataset / "queries", "hard", split="test", limit=limit)

        evaluation(limit).run(out=whole)
        evaluation(2).run(out=raised)
        before = raised.read_bytes()[:kept]
        raised.write_bytes(before)
        result = evaluation(limit).run(out=raised, resume=True)
        assert raised.read_bytes().startswith(before[: before.rindex(b"\n")])
        assert sorted(raised.read_bytes().split(b"\n")) == sorted(whole.read_bytes().split(b"\n"))
        assert {**summary(raised), "seconds": 0} == {**summary(whole), "seconds": 0}
        assert result["settings"]["limit"] == limit
        assert evaluation(limit).run(out=raised, resume=True)["count"] == result["count"]

    def test_a_limit_is_not_lowered(self, dataset: Path, tmp_path: Path) -> None:
        out, queries = tmp_path / "r.jsonl", dataset / "queries/test-1p.jsonl"
        QueryEvaluation(dataset, queries, "reading", limit=3).run(out=out)
        with pytest.raises(EvaluationError, match="limit was 3, now 2"):
            QueryEvaluation(dataset, queries, "reading", limit=2).run(out=out, resume=True)

    def test_a_query_that_is_there_twice_is_named(self, dataset: Path, whole: Path) -> None:
        content = whole.read_text().split("\n")
        whole.write_text("\n".join([content[0], *content]))
        with pytest.raises(DataError, match=r"whole\.jsonl, line 2: expected the line of query"):
            QueryEvaluation(dataset, dataset / "queries", "hard", split="test").run(out=whole, resume=True)

    def test_changed_queries_are_refused(self, dataset: Path, tmp_path: Path) -> None:
        queries, out = tmp_path / "test-1p.jsonl", tmp_path / "r.jsonl"
        content = (dataset / "queries/test-1p.jsonl").read_text()
        queries.write_text(content)
        QueryEvaluation(dataset, queries, "reading").run(out=out)
        queries.write_text(content.split("\n", 1)[1])
        with pytest.raises(EvaluationError, match="queries_digest"):
            QueryEvaluation(dataset, queries, "reading").run(out=out, resume=True)

    def test_an_edited_graph_is_refused(self, dataset: Path, tmp_path: Path) -> None:
        graph, out = tmp_path / "edited", tmp_path / "r.jsonl"
        shutil.copytree(dataset, graph)
        queries = graph / "queries/test-1p.jsonl"
        QueryEvaluation(graph, queries, "reading").run(out=out)
        os.utime(graph / "train.txt")  # a new cache entry of the same content
        assert QueryEvaluation(graph, queries, "reading").run(out=out, resume=True)["complete"]
        facts = (graph / "train.txt").read_text().splitlines(keepends=True)
        (graph / "train.txt").write_text("".join(facts[:-2]))
        with pytest.raises(EvaluationError, match="other settings: kg_digest was"):
            QueryEvaluation(graph, queries, "reading").run(out=out, resume=True)

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
        assert graph_digest(typed) == graph_digest(
            kg.changed(types=[("Bob", "person")]).changed(types=[("Bob", "cat")])
        )

    def test_results_are_not_overwritten(self, dataset: Path, whole: Path) -> None:
        before = whole.read_bytes()
        with pytest.raises(EvaluationError, match="add --resume to go on"):
            QueryEvaluation(dataset, dataset / "queries", "hard", split="test").run(out=whole)
        assert whole.read_bytes() == before

    def test_lines_without_a_summary_cannot_be_resumed(self, dataset: Path, whole: Path) -> None:
        summary_path(whole).unlink()
        with pytest.raises(EvaluationError, match="does not say with which settings"):
            QueryEvaluation(dataset, dataset / "queries", "hard", split="test").run(out=whole, resume=True)

    def test_a_damaged_line_is_named(self, dataset: Path, whole: Path) -> None:
        content = whole.read_text().split("\n")
        content[2] = content[2][:-5]
        whole.write_text("\n".join(content))
        with pytest.raises(DataError, match=r"whole\.jsonl, line 3: expected the line of query"):
            QueryEvaluation(dataset, dataset / "queries", "hard", split="test").run(out=whole, resume=True)

    @pytest.mark.parametrize("value", ['"high"', "null", "NaN", "[]"])
    def test_a_line_whose_figures_were_edited_is_named(self, dataset: Path, whole: Path, value: str) -> None:
        whole.write_text(re.sub(r'"mrr":[^,]*', f'"mrr":{value}', whole.read_text(), count=1))
        with pytest.raises(DataError, match=r"whole\.jsonl, line 1: expected the line of query"):
            QueryEvaluation(dataset, dataset / "queries", "hard", split="test").run(out=whole, resume=True)

    def test_ctrl_c_keeps_what_is_done(
        self,
        dataset: Path,
        whole: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
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
            QueryEvaluation(dataset, dataset / "queries", "hard", split="test").run(out=out)
        assert "10 of" in caplog.text and "--resume" in caplog.text
        assert summary(out)["count"] == 10 and summary(out)["complete"] is False
        assert len(lines(out)) == 10


def limit_files(size: int) -> None:
    """A disk that is full after `size` bytes of one file."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


class TestProcesses:
    def command(self, dataset: Path, out: Path, *more: str) -> list[str]:
        return [
            sys.executable, "-m", "reasoning", "evaluate", "--kg", str(dataset), "--queries", str(dataset / "queries"),
            "--split", "test", "--protocol", "reading", "--out", str(out), *more,
        ]  # fmt: skip

    @pytest.mark.slow
    def test_a_second_process_on_the_same_file_is_refused(self, dataset: Path, tmp_path: Path) -> None:
        out = tmp_path / "r.jsonl"
        with ResultsFile(out, {}, [], (), resume=False):
            second = subprocess.run(self.command(dataset, out), cwd=PROJECT, capture_output=True, text=True)
        assert second.returncode == 1 and "being written by another run" in second.stderr
        assert second.stdout == "" and out.read_text() == ""

    @pytest.mark.slow
    def test_a_full_disk_is_told_and_the_run_goes_on_once_there_is_room(self, dataset: Path, tmp_path: Path) -> None:
        whole, out = tmp_path / "whole.jsonl", tmp_path / "r.jsonl"
        QueryEvaluation(dataset, dataset / "queries", "reading", split="test").run(out=whole)
        most = whole.stat().st_size * 2 // 3
        stopped = subprocess.run(
            self.command(dataset, out),
            cwd=PROJECT,
            capture_output=True,
            text=True,
            preexec_fn=lambda: limit_files(most),
        )
        assert stopped.returncode == 1 and "Traceback" not in stopped.stderr
        assert f"error: cannot write {out}: File too large" in stopped.stderr
        kept = out.read_bytes().count(b"\n")
        assert f"stopped; {kept} of {14 * EACH} are kept in {out}, --resume goes on from there" in stopped.stderr
        assert 0 < out.stat().st_size <= most and out.read_bytes().endswith(b"\n")
        subprocess.run(self.command(dataset, out, "--resume"), cwd=PROJECT, check=True, capture_output=True)
        assert out.read_bytes() == whole.read_bytes()

    @pytest.mark.slow
    def test_a_disk_without_room_for_the_last_summary_keeps_the_one_before(self, dataset: Path, tmp_path: Path) -> None:
        whole, out = tmp_path / "whole.jsonl", tmp_path / "r.jsonl"
        queries = dataset / "queries/test-1p.jsonl"
        QueryEvaluation(dataset, queries, "reading").run(out=whole)
        most = summary_path(whole).stat().st_size - 25  # the seconds have more digits in one run than in another
        assert whole.stat().st_size < most
        command = [*self.command(dataset, out), "--queries", str(queries)]
        stopped = subprocess.run(
            command, cwd=PROJECT, capture_output=True, text=True, preexec_fn=lambda: limit_files(most)
        )
        assert stopped.returncode == 1 and f"error: cannot write {summary_path(out)}: File too large" in stopped.stderr
        assert summary(out)["complete"] is False and out.read_bytes() == whole.read_bytes()
        assert sorted(path.name for path in tmp_path.glob("r.*")) == ["r.jsonl", "r.jsonl.summary.json"]
        subprocess.run([*command, "--resume"], cwd=PROJECT, check=True, capture_output=True)
        assert {**summary(out), "seconds": 0} == {**summary(whole), "seconds": 0}

    @pytest.mark.slow
    def test_a_disk_without_any_room_is_told_before_the_first_query(self, dataset: Path, tmp_path: Path) -> None:
        out = tmp_path / "r.jsonl"
        stopped = subprocess.run(
            self.command(dataset, out), cwd=PROJECT, capture_output=True, text=True, preexec_fn=lambda: limit_files(99)
        )
        assert stopped.returncode == 1 and f"error: cannot write {summary_path(out)}: File too large" in stopped.stderr
        assert [path.name for path in tmp_path.glob("r.*")] == ["r.jsonl.lock"]

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
    def test_a_file_that_could_not_be_written_is_not_locked_any_more(self, tmp_path: Path) -> None:
        sink = ResultsFile(tmp_path / "r.jsonl", {}, [], (), resume=False)
        with pytest.raises(ResultsError, match=r"cannot write .*r\.jsonl: No space left on device"), sink:
            sink._descriptor = os.open("/dev/full", os.O_WRONLY)
            sink.append({"id": "more"})
        with ResultsFile(tmp_path / "r.jsonl", {}, [], (), resume=False):
            pass


class TestRecordsAreChecked:
    FINE: ClassVar[dict[str, Any]] = {"type": "1p", "query": [0, [0]], "easy": [], "hard": [1]}

    def broken(self, dataset: Path, tmp_path: Path, line: str, message: str) -> None:
        queries = tmp_path / "test-x.jsonl"
        queries.write_text(json.dumps(self.FINE) + "\n" + line + "\n")
        with pytest.raises(DataError, match=rf"test-x\.jsonl, line 2: expected {message}"):
            QueryEvaluation(dataset, queries, "reading").run()

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"type": "9p"}, 'a "type" among 1p, 2p'),
            ({"type": "2p"}, "a query of the type 2p, not 1p"),
            ({"query": [0]}, r"a query \("),
            ({"query": [99, [0]]}, "an entity of the graph \"made\", found '99'"),
            ({"query": [0, [99]]}, "a relation between entities of the graph \"made\", found '99'"),
            ({"easy": [99]}, 'entities of the graph "made" in "easy", found \'99\''),
            ({"hard": [True]}, 'entities of the graph "made" in "hard"'),
            ({"easy": 1}, 'a list of ids in "easy"'),
            ({"easy": [1]}, '"easy" and "hard" without a common answer'),
        ],
    )
    def test_a_broken_record_is_named_by_file_and_line(
        self, dataset: Path, tmp_path: Path, change: dict[str, Any], message: str
    ) -> None:
        self.broken(dataset, tmp_path, json.dumps({**self.FINE, **change}), message)

    @pytest.mark.parametrize(
        ("line", "message"),
        [("{", "one JSON object a line"), ('{"type": "1p"}', 'a record with "query", "easy" and "hard"')],
    )
    def test_a_line_that_is_no_record_is_named_by_file_and_line(
        self, dataset: Path, tmp_path: Path, line: str, message: str
    ) -> None:
        self.broken(dataset, tmp_path, line, message)

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ('"0"(entity("0")', r"a query \("),
            ('"0"(entity("99"))', r"a query of this graph \("),
            ('"99"(entity("0"))', r"a query of this graph \("),
            ('count("0"(entity("0")))', "a query that gives entities"),
            ('exists("0"(entity("0")))', "a query that gives entities"),
        ],
    )
    def test_a_broken_text_is_named_by_file_and_line(
        self, dataset: Path, tmp_path: Path, query: str, message: str
    ) -> None:
        self.broken(dataset, tmp_path, json.dumps({"query": query, "easy": [], "hard": [1]}), message)

    def test_a_byte_order_mark_is_read_past(self, dataset: Path, tmp_path: Path) -> None:
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
    def test_a_name_without_a_split_needs_one(self, dataset: Path, tmp_path: Path) -> None:
        queries = tmp_path / "mine.jsonl"
        shutil.copy(dataset / "queries/valid-1p.jsonl", queries)
        with pytest.raises(EvaluationError, match=r"mine\.jsonl does not say which split"):
            QueryEvaluation(dataset, queries, "reading").run()
        assert QueryEvaluation(dataset, queries, "reading", split="valid").run()["avg_p"]["exact_match"] == 1.0

    def test_a_folder_with_both_splits_needs_a_choice(self, dataset: Path) -> None:
        with pytest.raises(EvaluationError, match="both splits"):
            QueryEvaluation(dataset, dataset / "queries", "reading").run()

    def test_queries_without_any_hard_answer_leave_nothing_to_rank(self, dataset: Path, tmp_path: Path) -> None:
        queries = tmp_path / "test-1p.jsonl"
        queries.write_text(json.dumps({"type": "1p", "query": [0, [0]], "easy": [1], "hard": []}) + "\n")
        with pytest.raises(EvaluationError, match="none of the 1 queries has a hard answer"):
            QueryEvaluation(dataset, queries, "hard").run()

    def test_a_graph_without_splits_has_no_protocol(self, dataset: Path, tmp_path: Path) -> None:
        graph = tmp_path / "facts.tsv"
        graph.write_text("0\t0\t1\n")
        with pytest.raises(EvaluationError, match=r'protocol hard on test queries.*no split "train"'):
            QueryEvaluation(graph, dataset / "queries/test-1p.jsonl", "hard").run()


def test_results_go_to_a_regular_file_only() -> None:
    with pytest.raises(ResultsError, match="regular file"), ResultsFile(Path("/dev/null"), {}, [], (), resume=False):
        pass
