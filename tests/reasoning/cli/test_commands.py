from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reasoning.cli import VERBS, main
from reasoning.evaluation.question_files import read_questions
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm.hosted import PROVIDERS, Provider
from tests.reasoning.openai_server import OpenAIServer

PROJECT = Path(__file__).resolve().parents[3]

FACTS = """\
Ann\tparent\tBob
Ann\tparent\tCleo
Bob\tparent\tDan
Bob\tparent\tEve
Cleo\tlikes\tDan
Dan\tlikes\tEve
"""


@pytest.fixture
def family(tmp_path: Path) -> str:
    path = tmp_path / "family.tsv"
    path.write_text(FACTS)
    return str(path)


Captured = pytest.CaptureFixture[str]


def printed_json(capsys: Captured) -> Any:
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


class TestQuery:
    def test_it_prints_the_query_in_words_answers_steps_and_evidence(self, family: str, capsys: Captured) -> None:
        assert main(["query", "--kg", family, 'parent(parent("Ann")) & likes("Cleo")']) == 0
        out, err = capsys.readouterr()
        assert err == ""
        for text in (
            "In words: (the parent of each of: the parent of Ann) that is also",
            "1 answer:\n  Dan",
            "Steps:\n  1. What is",
        ):
            assert text in out
        assert "Evidence (3 triples):\n  Ann | parent | Bob" in out

    def test_json_is_one_object(self, family: str, capsys: Captured) -> None:
        assert main(["query", "--kg", family, "--json", 'parent("Bob")']) == 0
        item = printed_json(capsys)
        assert item.keys() >= {"query", "method", "answers", "value", "steps", "evidence"}
        assert item["query"] == 'parent("Bob")' and item["method"] == "exact" and item["value"] is None
        assert [(answer["entity"], answer["score"]) for answer in item["answers"]] == [("Dan", 1.0), ("Eve", 1.0)]
        assert sorted(item["evidence"]) == [["Bob", "parent", "Dan"], ["Bob", "parent", "Eve"]]
        assert len(item["steps"]) == 1

    def test_an_empty_answer_says_where_it_became_empty(self, family: str, capsys: Captured) -> None:
        assert main(["query", "--kg", family, 'likes(likes(likes("Dan")))']) == 0
        assert "since step 2 of 3 found nothing: What is it that Eve likes?" in capsys.readouterr().out

    def test_an_empty_branch_of_a_union_is_not_blamed(self, family: str, capsys: Captured) -> None:
        assert (
            main(["query", "--kg", family, 'likes(likes("Eve") | likes("Ann") | parent("Bob")) & parent("Ann")']) == 0
        )
        assert "since step 7 of 7 found nothing" in capsys.readouterr().out

    def test_numbers_are_counted_and_printed(self, family: str, capsys: Captured) -> None:
        assert main(["query", "--kg", family, 'count(parent("Ann"))']) == 0
        assert "Answer: 2\n" in capsys.readouterr().out
        assert main(["query", "--kg", family, 'exists(likes("Eve"))', "--json"]) == 0
        assert printed_json(capsys)["value"] is False

    def test_a_step_too_big_for_its_budget_is_told(self, tmp_path: Path, capsys: Captured) -> None:
        path = tmp_path / "star.tsv"
        path.write_text("".join(f"hub\tto\tn{i}\n" for i in range(10)), encoding="utf-8")
        options = ["--method", "lark", "--llm", "copy", "--token-budget", "64"]
        assert main(["query", "--kg", str(path), 'to("hub")', *options]) == 0
        (note,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("Note: step 1"))
        assert "asked in 3 parts" in note

    def test_lark_is_run_with_the_model_asked_for(self, family: str, capsys: Captured) -> None:
        options = ["--method", "lark", "--llm", "copy", "--names", "readable", "--token-budget", "200", "--json"]
        assert main(["query", "--kg", family, 'parent("Bob")', *options]) == 0
        assert printed_json(capsys)["method"] == "lark"


class TestOwnFiles:
    """What a file of one's own does not say is said on the command line, to every command that loads one."""

    LOADING = ("--table", "--cell-separator", ";", "--infer-values", "--skip-broken")

    @pytest.fixture
    def people(self, tmp_path: Path) -> str:
        path = tmp_path / "people.csv"
        path.write_text("name,team,age\nAnn,Red;Blue,34\nBob\nCleo,Red,51\n")
        return str(path)

    def test_a_table_is_refused_until_it_is_said_to_be_one(
        self, people: str, capsys: Captured, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert main(["query", "--kg", people, 'team("Ann")']) == 1
        assert "--table" in capsys.readouterr().err
        assert main(["query", "--kg", people, *self.LOADING, "--json", 'top(1, age, ~team("Red"))']) == 0
        out, err = capsys.readouterr()
        assert [answer["entity"] for answer in json.loads(out)["answers"]] == ["Cleo"]
        assert err == ""
        assert "1 broken line was left out: line 3: expected" in caplog.text

    def test_it_is_evaluated(self, people: str, tmp_path: Path, capsys: Captured) -> None:
        questions, out = tmp_path / "mine.txt", tmp_path / "out.jsonl"
        questions.write_text('team("Ann")\tRed|Blue\nage("Cleo")\t51\n')
        command = ["evaluate", "--kg", people, "--questions", str(questions), "--out", str(out), *self.LOADING]
        assert main(command) == 0
        assert [json.loads(line)["exact_match"] for line in out.read_text().splitlines()] == [1, 1]

    def test_it_is_converted(self, people: str, tmp_path: Path, capsys: Captured) -> None:
        target = tmp_path / "people.tsv"
        assert main(["datasets", "convert", people, str(target), *self.LOADING]) == 0
        assert f"{target}: 7 triples, 2 values, 6 entities" in capsys.readouterr().out

    def test_queries_are_sampled_from_it(self, people: str, tmp_path: Path, capsys: Captured) -> None:
        command = ["sample-queries", "--kg", people, "--out", str(tmp_path / "q"), "--types", "1p", "--count", "1"]
        assert main([*command, *self.LOADING]) == 2
        assert "--table" in capsys.readouterr().err
        # The graph is loaded before the share is looked at, and is no graph without the options.
        assert main([*command, *self.LOADING, "--held-out", "2"]) != 0
        assert "2" in (told := capsys.readouterr().err) and "share" in told

    def test_a_built_in_graph_has_no_use_for_it(self, capsys: Captured) -> None:
        assert main(["query", "--kg", "world", "--infer-values", 'borders("France")']) == 2
        assert "the graph world is not read with infer_values (--infer-values)" in capsys.readouterr().err

    def test_a_name_that_is_nearly_a_file_s_is_answered_with_that(self, people: str, capsys: Captured) -> None:
        assert main(["query", "--kg", people.replace("people", "poeple"), 'team("Ann")']) == 2
        assert f"did you mean {people}" in capsys.readouterr().err
        questions = people.replace("people", "peple")
        assert main(["evaluate", "--kg", people, *self.LOADING, "--questions", questions]) != 0
        assert f"did you mean {people}?" in capsys.readouterr().err


class TestExitCodes:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "required: COMMAND"),
            (["query", 'parent("Ann")'], "required: --kg"),
            (["query", "--kg", "FAMILY", 'parent("Ann"'], "the query ends too early"),
            (["query", "--kg", "FAMILY", 'parent("Zebulon")'], 'has no entity named "Zebulon"'),
            (["query", "--kg", "FAMILY", 'parents("Ann")'], 'nearest: "parent"'),
            (["query", "--kg", "nowhere", 'parent("Ann")'], "no graph is called 'nowhere'"),
            (["query", "--kg", "FAMILY", "--method", "magic", 'parent("Ann")'], "'magic' is none of exact, lark"),
            (["query", "--kg", "FAMILY", "--llm", "embeded", 'parent("Ann")'], "nearest valid names: embedded"),
            (["query", "--kg", "FAMILY", "--llm", "openai:", 'parent("Ann")'], "nearest valid names: openai:gpt"),
            (["query", "--kg", "FAMILY", "--llm", "foo:bar", 'parent("Ann")'], "No language model is called 'foo:bar'"),
            (["query", "--kg", "FAMILY", "--llm", "Open-AI:x", 'parent("Ann")'], "nearest valid names: openai:gpt"),
            (["query", "--kg", "FAMILY", "--method", "lark", "--llm", "foo:bar", 'parent("Ann")'], "called 'foo:bar'"),
            (["query", "--kg", "FAMILY", "--token-budget", "3", 'parent("Ann")'], "token_budget must be at least 64"),
            (["ask", "--kg", "FAMILY", "colourless green ideas sleep furiously"], "error: "),
            (["evaluate", "--kg", "FAMILY"], "--queries --questions is required"),
            (["evaluate", "--kg", "FAMILY", "--queries", "."], "needs --protocol"),
            (["evaluate", "--kg", "FAMILY", "--queries", "nowhere", "--protocol", "hard"], "no file or folder nowhere"),
            (["evaluate", "--kg", "FAMILY", "--questions", "q.txt", "--protocol", "hard"], "questions have none"),
            (["evaluate", "--kg", "FAMILY", "--questions", "q.txt", "--resume"], "needs --out"),
            (["evaluate", "--kg", "FAMILY", "--questions", "nowhere.txt"], "no file nowhere.txt"),
            (["evaluate", "--kg", "FAMILY", "--questions", "q.txt", "--limit", "0"], "must be at least 1"),
        ],
    )
    def test_what_the_caller_can_put_right_is_2(
        self, family: str, capsys: Captured, arguments: list[str], message: str
    ) -> None:
        assert main([family if item == "FAMILY" else item for item in arguments]) == 2
        out, err = capsys.readouterr()
        assert out == "" and message in err and "Traceback" not in err

    def test_broken_data_is_1(self, tmp_path: Path, capsys: Captured) -> None:
        path = tmp_path / "broken.tsv"
        path.write_text("Ann\tparent\tBob\nAnn\tparent\n")
        assert main(["query", "--kg", str(path), 'parent("Ann")']) == 1
        assert "broken.tsv, line 2" in capsys.readouterr().err

    def test_a_missing_key_is_1(self, family: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        assert main(["query", "--kg", family, "--method", "lark", "--llm", "openai:gpt-5-mini", 'parent("Ann")']) == 1
        out, err = capsys.readouterr()
        assert out == "" and err.startswith("error: ")

    def test_a_missing_package_is_1(self, family: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
        package = Provider("langchain-that-is-nowhere", (), "llama3.2")
        monkeypatch.setitem(PROVIDERS, "ollama", package)
        assert main(["query", "--kg", family, "--method", "lark", "--llm", "ollama:llama3.2", 'parent("Ann")']) == 1
        assert "needs the package langchain-that-is-nowhere" in capsys.readouterr().err

    def test_results_that_cannot_be_written_are_1(self, family: str, tmp_path: Path, capsys: Captured) -> None:
        questions = tmp_path / "mine.txt"
        questions.write_text('parent("Ann")\tBob|Cleo\n')
        out = str(tmp_path / "nowhere" / "out.jsonl")
        assert main(["evaluate", "--kg", family, "--questions", str(questions), "--out", out]) == 1
        assert f"error: cannot write {out}: there is no folder" in capsys.readouterr().err

    def test_help_is_0(self, capsys: Captured) -> None:
        assert main(["evaluate", "--help"]) == 0
        assert "--resume" in capsys.readouterr().out


class TestEvaluateQuestions:
    QUESTIONS = (
        {"question": 'parent("Ann")', "answers": ["Bob", "Cleo"], "path": ["parent"]},
        {"question": 'parent(parent("Ann"))', "answers": ["dan", "Zoe"], "path": ["parent", "~parent"]},
        {"question": 'count(parent("Bob"))', "answers": [2]},
        {"question": "parent(", "answers": ["Bob"], "query": 'parent("Ann")'},
    )

    def evaluate(self, family: str, tmp_path: Path, content: str, name: str) -> tuple[list[Any], Any]:
        questions, out = tmp_path / name, tmp_path / "out.jsonl"
        questions.write_bytes(content.encode())
        assert main(["evaluate", "--kg", family, "--questions", str(questions), "--out", str(out)]) == 0
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        return lines, json.loads(out.with_name("out.jsonl.summary.json").read_text())

    def test_json_lines(self, family: str, tmp_path: Path, capsys: Captured) -> None:
        content = "\n".join(json.dumps(item) for item in self.QUESTIONS)
        lines, summary = self.evaluate(family, tmp_path, content, "mine.jsonl")
        assert [line["id"] for line in lines] == ["mine:0", "mine:1", "mine:2", "mine:3"]
        assert [line["answers"] for line in lines] == [["Bob", "Cleo"], ["Dan", "Eve"], [2], []]
        assert [line["exact_match"] for line in lines] == [1, 0, 1, 0]
        assert [line["path_match"] for line in lines] == [1, 0, None, 0]
        assert "the query ends too early" in lines[3]["error"]
        assert summary["overall"] == pytest.approx(
            {"hits@1": 0.75, "f1": 2.5 / 4, "exact_match": 0.5, "path_match": 1 / 3, "count": 4}
        )
        assert summary["errors"] == 1 and list(summary["per_type"]) == ["1-hop", "2-hop", "other"]
        assert "overall" in capsys.readouterr().out

    def test_kinds_values_and_what_cannot_be_answered_and_a_file_of_misses(self, family: str, tmp_path: Path) -> None:
        items = [
            {"question": 'count(parent("Bob"))', "kind": "counting", "query": 'count(parent("Bob"))', "value": 2},
            {"question": "Who painted Ann?", "kind": "unanswerable", "query": None},
            {"question": 'parent("Ann")', "kind": "unanswerable", "query": None},
            {"question": 'parent("Dan")', "kind": "1 hop", "query": 'parent("Ann")', "answers": ["Bob", "Cleo"]},
        ]
        _, summary = self.evaluate(family, tmp_path, "\n".join(map(json.dumps, items)), "mine.jsonl")
        right = {kind: found["exact_match"] for kind, found in summary["per_type"].items()}
        assert right == {"counting": 1, "unanswerable": 0.5, "1 hop": 0}
        misses = [json.loads(line) for line in (tmp_path / "out.jsonl.misses.jsonl").read_text().splitlines()]
        assert [(miss["id"], miss["reason"]) for miss in misses] == [
            ("mine:2", "answered, though the graph cannot answer it"),
            ("mine:3", "read as another query"),
        ]

    @pytest.mark.parametrize(
        ("content", "name"),
        [
            ('Who painted Ann?\t\n\nparent("Eve")\t\nparent("Ann")\t\nWho painted Ann?\tBob\n', "mine.txt"),
            (
                "\n".join(
                    json.dumps({"question": question, "answers": answers})
                    for question, answers in [
                        ("Who painted Ann?", []),
                        ('parent("Eve")', []),
                        ('parent("Ann")', []),
                        ("Who painted Ann?", ["Bob"]),
                    ]
                ),
                "mine.jsonl",
            ),
        ],
    )
    def test_where_no_answer_is_expected_none_is_right(
        self, family: str, tmp_path: Path, content: str, name: str, capsys: Captured
    ) -> None:
        lines, summary = self.evaluate(family, tmp_path, content, name)
        assert [line["exact_match"] for line in lines] == [1, 1, 0, 0]
        assert [line["hits@1"] for line in lines] == [1, 1, 0, 0]
        assert (summary["errors"], summary["rightly_refused"]) == (1, 1)
        printed = capsys.readouterr().out
        assert "1 not answered, counted as wrong; 1 not answered, as expected" in printed

    def test_where_it_is_not_known_what_to_expect_nothing_is_right(self, family: str, tmp_path: Path) -> None:
        items = [{"question": text, "answers": None} for text in ("Who painted Ann?", 'parent("Eve")', 'parent("Ann")')]
        lines, summary = self.evaluate(family, tmp_path, "\n".join(map(json.dumps, items)), "mine.jsonl")
        assert [line["exact_match"] for line in lines] == [line["hits@1"] for line in lines] == [0, 0, 0]
        assert (summary["errors"], summary["rightly_refused"]) == (1, 0)

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_a_byte_order_mark_and_any_line_ends_are_read_past(self, family: str, tmp_path: Path, end: str) -> None:
        content = "\ufeff" + end.join(json.dumps(item) for item in self.QUESTIONS)
        lines, _ = self.evaluate(family, tmp_path, content, "mine.jsonl")
        assert [line["id"] for line in lines] == ["mine:0", "mine:1", "mine:2", "mine:3"]
        assert [line["exact_match"] for line in lines] == [1, 0, 1, 0]

    def test_text_that_is_not_utf_8_is_named_by_its_line(self, family: str, tmp_path: Path, capsys: Captured) -> None:
        questions = tmp_path / "mine.txt"
        questions.write_bytes(b"who?\tBob\nqui?\tAndr\xe9\n")
        assert main(["evaluate", "--kg", family, "--questions", str(questions)]) == 1
        assert "mine.txt, line 2: expected UTF-8 text" in capsys.readouterr().err

    def test_lines_with_tabs(self, family: str, tmp_path: Path) -> None:
        lines, summary = self.evaluate(family, tmp_path, 'parent("Ann")\tBob|Cleo\nlikes("Dan")\tEve\n', "mine.txt")
        assert [line["f1"] for line in lines] == [1, 1]
        assert summary["overall"]["path_match"] is None

    def test_gold_paths_are_walked_and_drop_their_topic(self, tmp_path: Path) -> None:
        folder = tmp_path / "films"
        folder.mkdir()
        (folder / "kb.txt").write_text("Heat|directed_by|Mann\nAli|directed_by|Mann\nAli|release_year|2001\n")
        content = 'directed_by("Heat") other films: [Heat]\tX\nyear of [Heat]\t1995\nfilms by [Nobody]\tY\n'
        (tmp_path / "qa_dev_qtype.txt").write_text("movie_to_director_to_movie\nmovie_to_year\ndirector_to_movie\n")
        lines, summary = self.evaluate(str(folder), tmp_path, content, "qa_dev.txt")
        assert [(line["id"], line["gold"]) for line in lines] == [("qa_dev:0", ["Ali"])]
        assert summary["skipped"] == 2

    def test_gold_paths_of_relations_keep_their_topic_and_may_branch(self, tmp_path: Path) -> None:
        facts = ["Ann plays_in Ajax", "Bo plays_in Ajax", "Bo position Keeper", "Ajax in_country NL", "NL same_as NL"]
        facts += ["NL in_country_inverse Ajax", "Ajax squad Bo", "Ajax squad Ann", "Keeper position_of Bo"]
        (tmp_path / "cup.tsv").write_text("".join(f"{fact}\n".replace(" ", "\t") for fact in facts))
        paths = ["plays_in|in_country", "plays_in", "squad & position_of", "in_country|same_as|in_country_inverse"]
        (tmp_path / "qa_dev_qtype.txt").write_text("".join(f"{path}\n" for path in paths))
        content = "what [Ann]\tNL\nwho [Bo]\tX\nin [Ajax] a [Keeper]\tBo\nand [Ajax]\tAjax\n"
        lines, _ = self.evaluate(str(tmp_path / "cup.tsv"), tmp_path, content, "qa_dev.txt")
        assert [line["gold"] for line in lines] == [["NL"], ["Ajax"], ["Bo"], ["Ajax"]]
        assert [line["type"] for line in lines] == ["2-hop", "1-hop", "2 branches", "3-hop"]
        records, _ = read_questions(tmp_path / "qa_dev.txt", KnowledgeGraph.load(str(tmp_path / "cup.tsv")), None)
        assert str(records[2].query) == 'squad(entity("Ajax")) & position_of(entity("Keeper"))'

    @pytest.mark.parametrize(
        ("question", "path", "expected"),
        [
            ("who [Ann]", "knows & knows", "2 topics in \\[brackets\\]"),
            ("who [Ann] [Bo]", "knows & lo_to_mo", 'branches of relations of the graph such as "r|s & t"'),
            ("who [Ann]", "knows|loves", 'no relation named "loves"'),
            ("who", "knows", "its topic in \\[brackets\\]"),
        ],
    )
    def test_a_gold_path_that_does_not_fit_is_named(
        self, tmp_path: Path, capsys: Captured, question: str, path: str, expected: str
    ) -> None:
        (tmp_path / "g.tsv").write_text("Ann\tknows\tBo\n")
        (tmp_path / "qa.txt").write_text(f"{question}\tBo\n")
        (tmp_path / "qa_qtype.txt").write_text(f"{path}\n")
        assert main(["evaluate", "--kg", str(tmp_path / "g.tsv"), "--questions", str(tmp_path / "qa.txt")]) == 1
        assert re.search(expected.replace("|", r"\|"), capsys.readouterr().err)

    def test_changed_gold_paths_are_not_resumed(self, tmp_path: Path, capsys: Captured) -> None:
        (tmp_path / "films.tsv").write_text("Heat\tdirected_by\tMann\nHeat\trelease_year\t1995\n")
        paths = tmp_path / "qa_dev_qtype.txt"
        paths.write_text("movie_to_director\n")
        graph, content = str(tmp_path / "films.tsv"), 'directed_by("Heat") of [Heat]\tX\n'
        self.evaluate(graph, tmp_path, content, "qa_dev.txt")
        again = ["evaluate", "--kg", graph, "--questions", str(tmp_path / "qa_dev.txt")]
        again += ["--out", str(tmp_path / "out.jsonl"), "--resume"]
        assert main(again) == 0
        capsys.readouterr()
        paths.write_text("movie_to_year\n")
        assert main(again) == 2
        assert "questions_digest was" in capsys.readouterr().err

    def test_a_query_that_drops_its_topic_still_follows_the_gold_path(self, family: str, tmp_path: Path) -> None:
        item = {"question": '~parent(parent("Bob") & !"Bob") & !"Bob"', "path": ["parent", "~parent"]}
        lines, _ = self.evaluate(family, tmp_path, json.dumps({**item, "answers": ["Bob"]}), "mine.jsonl")
        assert lines[0]["path_match"] == 1 and lines[0]["exact_match"] == 0

    def test_a_broken_line_is_named(self, family: str, tmp_path: Path, capsys: Captured) -> None:
        questions = tmp_path / "mine.txt"
        questions.write_text("who?\tBob\nno answer here\n")
        assert main(["evaluate", "--kg", family, "--questions", str(questions)]) == 1
        assert "mine.txt, line 2: expected question<TAB>answer|answer" in capsys.readouterr().err


class TestDatasets:
    def test_it_lists_what_there_is(self, capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = tmp_path / "kg" / "mine"
        folder.mkdir(parents=True)
        (folder / "train.txt").write_text("a\tr\tb\n")
        monkeypatch.setenv("SKYLARK_DATA", str(tmp_path))
        assert main(["datasets"]) == 0
        out = capsys.readouterr().out
        assert "world" in out and "mine" in out and "FB15k-237" in out
        assert main(["datasets", "--json"]) == 0
        assert {item["name"] for item in printed_json(capsys)} >= {"world", "mine", "FB15k-237"}


class TestProcess:
    @pytest.mark.slow
    def test_results_and_messages_go_separate_ways_and_a_reader_may_leave(self, family: str) -> None:
        command = f"{sys.executable} -m reasoning datasets --json | head -c 1"
        left = subprocess.run(command, shell=True, cwd=PROJECT, capture_output=True, text=True, check=True)
        assert left.stdout == "[" and left.stderr == ""
        wrong = [sys.executable, "-m", "reasoning", "query", "--kg", family, "--json", "parent("]
        failed = subprocess.run(wrong, cwd=PROJECT, capture_output=True, text=True)
        assert failed.returncode == 2 and failed.stdout == "" and "Traceback" not in failed.stderr

    def test_a_command_loads_no_more_than_it_needs(self, family: str) -> None:
        code = (
            "import sys; from reasoning.cli import main; main(['--help'])\n"
            "def loaded(*names): print([name for name in names if name in sys.modules])\n"
            "loaded('langchain_core', 'networkx', 'scipy', 'numba')\n"
            "main(['datasets']); main(['query', '--kg', sys.argv[1], 'parent(\"Ann\")'])\n"
            "loaded('torch', 'transformers', 'gradio')"
        )
        done = subprocess.run([sys.executable, "-c", code, family], cwd=PROJECT, capture_output=True, text=True)
        printed = done.stdout.splitlines()
        assert printed.count("[]") == 2 and printed[-1] == "[]"
        assert all(any(line.strip().startswith(verb) for line in printed) for verb in VERBS)


class TestWorld:
    def test_the_built_in_graph_answers(self, capsys: Captured) -> None:
        assert main(["query", "--kg", "world", 'borders("France") & ~currency("Euro")', "--json"]) == 0
        names = {answer["entity"] for answer in printed_json(capsys)["answers"]}
        assert {"Belgium", "Germany", "Spain"} <= names and not {"Switzerland", "France"} & names
        assert main(["query", "--kg", "world", 'capital("France")']) == 0
        assert "1 answer:\n  Paris\n" in capsys.readouterr().out

    def test_values_are_readable(self, capsys: Captured) -> None:
        assert main(["query", "--kg", "world", 'population("France")']) == 0
        (answer,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("Answer: "))
        assert 60_000_000 < int(answer.removeprefix("Answer: ").split()[0].replace(",", "")) < 75_000_000


class TestLanguageModels:
    @pytest.fixture
    def hosted(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
        pytest.importorskip("langchain_openai")
        server = OpenAIServer()
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-for-this-test-alone")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with server.running():
            yield server

    LARK = ("--method", "lark", "--llm", "openai:gpt-4.1-mini")

    @pytest.mark.parametrize(
        "arguments",
        [
            ["query", "--kg", "no graph has this name", "--method", "lark"],
            ["ask", "--kg", "no graph has this name"],
            ["evaluate", "--kg", "no graph has this name", "--questions", "nowhere.txt", "--method", "lark"],
        ],
    )
    @pytest.mark.parametrize(
        ("llm", "code", "message"),
        [
            ("openai:gpt-5-mini", 1, "set the environment variable OPENAI_API_KEY"),
            ("opnai:gpt-5-mini", 2, "nearest valid names: openai:gpt-5-mini"),
            ("hf:./no/such/folder", 1, "There is no folder or .gguf file ./no/such/folder"),
        ],
    )
    def test_a_model_that_cannot_be_had_is_said_before_any_work(
        self, arguments: list[str], llm: str, code: int, message: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        question = [] if arguments[0] == "evaluate" else ['parent("Ann")']
        assert main([*arguments, *question, "--llm", llm]) == code
        out, err = capsys.readouterr()
        assert out == "" and message in err

    def test_the_answer_says_what_it_took(self, hosted: OpenAIServer, family: str, capsys: Captured) -> None:
        options = [*self.LARK, "--retries", "2", "--max-concurrency", "2"]
        assert main(["query", "--kg", family, 'parent("Ann")', *options]) == 0
        assert re.search(r"Language model: 1 request, \d+ tokens in and \d out", capsys.readouterr().out)

    def test_set_algebra_takes_nothing_and_says_nothing_of_it(self, family: str, capsys: Captured) -> None:
        assert main(["query", "--kg", family, 'parent("Ann")']) == 0
        assert "Language model" not in capsys.readouterr().out

    @pytest.mark.parametrize("command", ["query", "ask"])
    def test_a_dry_run_sends_nothing(self, hosted: OpenAIServer, family: str, capsys: Captured, command: str) -> None:
        assert main([command, "--kg", family, 'parent(parent("Ann"))', "--dry-run", *self.LARK]) == 0
        out = capsys.readouterr().out
        assert "Estimate, nothing was sent: 1 question\n  requests       2\n" in out and "price not known" in out
        assert main([command, "--kg", family, 'parent(parent("Ann"))', "--dry-run", "--json", *self.LARK]) == 0
        assert printed_json(capsys)["requests"] == 2
        assert hosted.requests == []

    @pytest.mark.parametrize(("flag", "sent"), [([], 2), (["--cache"], 1), (["--no-cache"], 2)])
    def test_a_question_is_cached_where_it_is_asked_for(
        self,
        hosted: OpenAIServer,
        family: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        flag: list[str],
        sent: int,
    ) -> None:
        monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path / "cache"))
        for _ in range(2):
            assert main(["query", "--kg", family, 'parent("Ann")', *self.LARK, *flag]) == 0
        assert len(hosted.requests) == sent

    @pytest.mark.parametrize(("flag", "sent"), [([], 1), (["--no-cache"], 2)])
    def test_an_evaluation_is_cached_unless_it_is_not_to_be(
        self,
        hosted: OpenAIServer,
        family: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        flag: list[str],
        sent: int,
    ) -> None:
        monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path / "cache"))
        (tmp_path / "mine.txt").write_text('parent("Bob")\tDan|Eve\n')
        for _ in range(2):
            arguments = ["evaluate", "--kg", family, "--questions", str(tmp_path / "mine.txt"), *self.LARK, *flag]
            assert main(arguments) == 0
        assert len(hosted.requests) == sent

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--device", "gpu"], "device must be auto, cpu, cuda"),
            (["--dtype", "half"], "dtype must be one of auto, float32"),
            (["--requests-per-minute", "0"], "requests_per_minute must be above 0"),
            (["--retries", "-1"], "retries must be at least 0"),
        ],
    )
    def test_options_out_of_range_are_usage_errors(
        self, family: str, capsys: Captured, options: list[str], message: str
    ) -> None:
        assert main(["query", "--kg", family, 'parent("Ann")', *options]) == 2
        assert message in capsys.readouterr().err
