"""`evaluate` on question files."""

import json
from pathlib import Path
from typing import Any

import pytest

from reasoning.cli import main
from reasoning.evaluation.question_files import read_questions
from reasoning.graph.store import KnowledgeGraph
from tests.reasoning.cli.conftest import Commands

QUESTIONS = (
    {"question": 'parent("Ann")', "answers": ["Bob", "Cleo"], "path": ["parent"]},
    {"question": 'parent(parent("Ann"))', "answers": ["dan", "Zoe"], "path": ["parent", "~parent"]},
    {"question": 'count(parent("Bob"))', "answers": [2]},
    {"question": "parent(", "answers": ["Bob"], "query": 'parent("Ann")'},
)


def evaluate(graph: str | Path, content: str | list[Any], name: str = "mine.jsonl") -> tuple[list[Any], Any]:
    """The lines and the summary of an evaluation on a file of questions beside the graph."""
    text = content if isinstance(content, str) else "\n".join(map(json.dumps, content))
    questions, out = Path(graph).with_name(name), Path(graph).with_name("out.jsonl")
    questions.write_bytes(text.encode())
    out.unlink(missing_ok=True)
    assert main(["evaluate", "--kg", str(graph), "--questions", str(questions), "--out", str(out)]) == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    return lines, json.loads(out.with_name("out.jsonl.summary.json").read_text())


def test_json_lines(family: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines, summary = evaluate(family, [*QUESTIONS])
    assert [line["id"] for line in lines] == ["mine:0", "mine:1", "mine:2", "mine:3"]
    assert [line["answers"] for line in lines] == [["Bob", "Cleo"], ["Dan", "Eve"], [2], []]
    assert [line["exact_match"] for line in lines] == [1, 0, 1, 0]
    assert [line["path_match"] for line in lines] == [1, 0, None, 0]
    assert "the query ends too early" in lines[3]["error"]
    means = {"hits@1": 0.75, "f1": 2.5 / 4, "exact_match": 0.5, "path_match": 1 / 3, "count": 4}
    assert summary["overall"] == pytest.approx(means)
    assert summary["errors"] == 1 and list(summary["per_type"]) == ["1-hop", "2-hop", "other"]
    assert "overall" in capsys.readouterr().out


def test_kinds_and_a_file_of_misses_and_what_is_not_known(family: str) -> None:
    items = [
        {"question": 'count(parent("Bob"))', "kind": "counting", "query": 'count(parent("Bob"))', "value": 2},
        {"question": "Who painted Ann?", "kind": "unanswerable", "query": None},
        {"question": 'parent("Ann")', "kind": "unanswerable", "query": None},
        {"question": 'parent("Dan")', "kind": "1 hop", "query": 'parent("Ann")', "answers": ["Bob", "Cleo"]},
    ]
    _, summary = evaluate(family, items)
    right = {kind: found["exact_match"] for kind, found in summary["per_type"].items()}
    assert right == {"counting": 1, "unanswerable": 0.5, "1 hop": 0}
    misses = map(json.loads, Path(family).with_name("out.jsonl.misses.jsonl").read_text().splitlines())
    assert [(miss["id"], miss["reason"]) for miss in misses] == [
        ("mine:2", "answered, though the graph cannot answer it"),
        ("mine:3", "read as another query"),
    ]
    questions = ("Who painted Ann?", 'parent("Eve")', 'parent("Ann")')
    lines, summary = evaluate(family, [{"question": text, "answers": None} for text in questions])
    assert [line["exact_match"] for line in lines] == [line["hits@1"] for line in lines] == [0, 0, 0]
    assert (summary["errors"], summary["rightly_refused"]) == (1, 0)
    question = '~parent(parent("Bob") & !"Bob") & !"Bob"'
    (line,), _ = evaluate(family, [{"question": question, "path": ["parent", "~parent"], "answers": ["Bob"]}])
    assert line["path_match"] == 1 and line["exact_match"] == 0


@pytest.mark.parametrize("name", ["mine.txt", "mine.jsonl"])
def test_where_no_answer_is_expected_none_is_right(family: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = {"Who painted Ann?": "", 'parent("Eve")': "", 'parent("Ann")': "", "Who painted Ann? ": "Bob"}
    texts = "".join(f"{question}\t{answer}\n\n" for question, answer in asked.items())
    objects = [{"question": question, "answers": [answer] * bool(answer)} for question, answer in asked.items()]
    lines, summary = evaluate(family, objects if name == "mine.jsonl" else texts, name)
    assert [(line["exact_match"], line["hits@1"]) for line in lines] == [(1, 1), (1, 1), (0, 0), (0, 0)]
    assert (summary["errors"], summary["rightly_refused"]) == (1, 1)
    assert "1 not answered, counted as wrong; 1 not answered, as expected" in capsys.readouterr().out


def test_a_byte_order_mark_and_any_line_ends_are_read_past(family: str) -> None:
    for end in ("\r\n", "\r"):
        lines, _ = evaluate(family, "\ufeff" + end.join(map(json.dumps, QUESTIONS)), f"mine{len(end)}.jsonl")
        assert [line["id"][6:] for line in lines] == ["0", "1", "2", "3"]
        assert [line["exact_match"] for line in lines] == [1, 0, 1, 0]


def test_lines_with_tabs(family: str, tmp_path: Path, command: Commands) -> None:
    for content, expected in (
        (b"who?\tBob\nqui?\tAndr\xe9\n", "UTF-8 text"),
        (b"who?\tBob\nno answer here\n", "question<TAB>answer|answer"),
    ):
        (tmp_path / "broken.txt").write_bytes(content)
        said = command.fails(1, "evaluate", "--kg", family, "--questions", str(tmp_path / "broken.txt"))
        assert f"broken.txt, line 2: expected {expected}" in said
    lines, summary = evaluate(family, 'parent("Ann")\tBob|Cleo\nlikes("Dan")\tEve\n', "mine.txt")
    assert [line["f1"] for line in lines] == [1, 1]
    assert summary["overall"]["path_match"] is None


def test_gold_paths_drop_their_topic_or_keep_it_and_may_branch(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "films/kb.txt").write_text("Heat|directed_by|Mann\nAli|directed_by|Mann\nAli|release_year|2001\n")
    content = 'directed_by("Heat") other films: [Heat]\tX\nyear of [Heat]\t1995\nfilms by [Nobody]\tY\n'
    (tmp_path / "qa_dev_qtype.txt").write_text("movie_to_director_to_movie\nmovie_to_year\ndirector_to_movie\n")
    lines, summary = evaluate(tmp_path / "films", content, "qa_dev.txt")
    assert [(line["id"], line["gold"]) for line in lines] == [("qa_dev:0", ["Ali"])]
    assert summary["skipped"] == 2
    facts = ["Ann plays_in Ajax", "Bo plays_in Ajax", "Bo position Keeper", "Ajax in_country NL", "NL same_as NL"]
    facts += ["NL in_country_inverse Ajax", "Ajax squad Bo", "Ajax squad Ann", "Keeper position_of Bo"]
    (tmp_path / "cup.tsv").write_text("".join(f"{fact}\n".replace(" ", "\t") for fact in facts))
    paths = ["plays_in|in_country", "plays_in", "squad & position_of", "in_country|same_as|in_country_inverse"]
    (tmp_path / "qa_dev_qtype.txt").write_text("".join(f"{path}\n" for path in paths))
    content = "what [Ann]\tNL\nwho [Bo]\tX\nin [Ajax] a [Keeper]\tBo\nand [Ajax]\tAjax\n"
    lines, _ = evaluate(tmp_path / "cup.tsv", content, "qa_dev.txt")
    assert [line["gold"] for line in lines] == [["NL"], ["Ajax"], ["Bo"], ["Ajax"]]
    assert [line["type"] for line in lines] == ["2-hop", "1-hop", "2 branches", "3-hop"]
    records, _ = read_questions(tmp_path / "qa_dev.txt", KnowledgeGraph.load(str(tmp_path / "cup.tsv")), None)
    assert str(records[2].query) == 'squad(entity("Ajax")) & position_of(entity("Keeper"))'


def test_a_wrong_gold_path_is_named(tmp_path: Path, command: Commands) -> None:
    graph, questions, paths = (tmp_path / name for name in ("g.tsv", "qa.txt", "qa_qtype.txt"))
    graph.write_text("Ann\tknows\tBo\n")
    for question, path, expected in (
        ("who [Ann]", "knows & knows", "2 topics in [brackets]"),
        ("who [Ann] [Bo]", "knows & lo_to_mo", 'branches of relations of the graph such as "r|s & t"'),
        ("who [Ann]", "knows|loves", 'no relation named "loves"'),
        ("who", "knows", "its topic in [brackets]"),
    ):
        questions.write_text(f"{question}\tBo\n")
        paths.write_text(f"{path}\n")
        assert expected in command.fails(1, "evaluate", "--kg", str(graph), "--questions", str(questions))


def test_changed_gold_paths_are_not_resumed(tmp_path: Path, command: Commands) -> None:
    graph, paths = tmp_path / "films.tsv", tmp_path / "qa_dev_qtype.txt"
    graph.write_text("Heat\tdirected_by\tMann\nHeat\trelease_year\t1995\n")
    paths.write_text("movie_to_director\n")
    evaluate(graph, 'directed_by("Heat") of [Heat]\tX\n', "qa_dev.txt")
    again = ["evaluate", "--kg", str(graph), "--questions", str(tmp_path / "qa_dev.txt")]
    again += ["--out", str(tmp_path / "out.jsonl"), "--resume"]
    command.prints(*again)
    paths.write_text("movie_to_year\n")
    assert "questions_digest was" in command.fails(2, *again)
