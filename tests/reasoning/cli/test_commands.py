"""Exit codes; `query`, `ask` and `read`: a question, lines of them, or a recording; what names do to a terminal."""

import io
import json
import re
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from reasoning import KnowledgeGraph
from reasoning.cli import VERBS, main
from reasoning.lm.hosted import PROVIDERS, Provider
from skylark.text import aligned, visible, visible_lines
from tests.reasoning.cli.conftest import Commands
from tests.reasoning.openai_server import OpenAIServer
from tests.reasoning.speech.recordings import GERMAN, packaged_model, spoken

PROJECT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "required: COMMAND"),
        ("query parent", "required: --kg"),
        ('query FAMILY parent("Ann"', "the query ends too early"),
        ('query FAMILY parent("Zebulon")', 'has no entity named "Zebulon"'),
        ('query FAMILY parents("Ann")', 'nearest: "parent"'),
        ('query --kg nowhere parent("Ann")', "no graph is called 'nowhere'"),
        ('query FAMILY parent("Ann") --method magic', "'magic' is none of exact, lark"),
        ('query FAMILY parent("Ann") --llm embeded', "nearest valid names: embedded"),
        ('query FAMILY parent("Ann") --llm openai:', "nearest valid names: openai:gpt"),
        ('query FAMILY parent("Ann") --llm foo:bar', "No language model is called 'foo:bar'"),
        ('query FAMILY parent("Ann") --token-budget 3', "token_budget must be at least 64"),
        ('query FAMILY parent("Ann") --device gpu', "device must be auto, cpu, cuda"),
        ('query FAMILY parent("Ann") --dtype half', "dtype must be one of auto, float32"),
        ('query FAMILY parent("Ann") --requests-per-minute 0', "requests_per_minute must be above 0"),
        ('query FAMILY parent("Ann") --retries -1', "retries must be at least 0"),
        ("ask FAMILY colourless", "error: "),
        ("evaluate FAMILY", "--queries --questions is required"),
        ("evaluate FAMILY --queries .", "needs --protocol"),
        ("evaluate FAMILY --queries nowhere --protocol hard", "no file or folder nowhere"),
        ("evaluate FAMILY --questions q.txt --protocol hard", "questions have none"),
        ("evaluate FAMILY --questions q.txt --resume", "needs --out"),
        ("evaluate FAMILY --questions q.txt --limit 0", "must be at least 1"),
    ],
)
def test_what_the_caller_can_put_right_is_2(family: str, command: Commands, arguments: str, message: str) -> None:
    assert message in command.fails(2, *arguments.replace("FAMILY", f"--kg {family}").split())


def test_failing_is_1_help_0(family: str, tmp_path: Path, command: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.tsv").write_text("Ann\tparent\tBob\nAnn\tparent\n")
    said = command.fails(1, "query", "--kg", str(tmp_path / "broken.tsv"), 'parent("Ann")')
    assert "broken.tsv, line 2" in said
    monkeypatch.setitem(PROVIDERS, "ollama", Provider("langchain-that-is-nowhere", (), "llama3.2"))
    asked = ["query", "--kg", family, "--method", "lark", "--llm", "ollama:llama3.2", 'parent("Ann")']
    assert "needs the package langchain-that-is-nowhere" in command.fails(1, *asked)
    (tmp_path / "mine.txt").write_text('parent("Ann")\tBob|Cleo\n')
    out = str(tmp_path / "nowhere" / "out.jsonl")
    said = command.fails(1, "evaluate", "--kg", family, "--questions", str(tmp_path / "mine.txt"), "--out", out)
    assert f"error: cannot write {out}: there is no folder" in said
    assert "--resume" in command.prints("evaluate", "--help")


@pytest.mark.slow
def test_results_and_messages_go_separate_ways_and_a_reader_may_leave(family: str) -> None:
    command = f"{sys.executable} -m reasoning datasets --json | head -c 1"
    left = subprocess.run(command, shell=True, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert left.stdout == "[" and left.stderr == ""
    wrong = [sys.executable, "-m", "reasoning", "query", "--kg", family, "--json", "parent("]
    failed = subprocess.run(wrong, cwd=PROJECT, capture_output=True, text=True)
    assert failed.returncode == 2 and failed.stdout == "" and "Traceback" not in failed.stderr


def test_a_command_loads_no_more_than_it_needs(family: str) -> None:
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


class TestQuery:
    def test_it_prints_words_answers_steps_evidence_and_numbers(self, family: str, command: Commands) -> None:
        out = command.prints("query", "--kg", family, 'parent(parent("Ann")) & likes("Cleo")')
        assert "In words: (the parent of each of: the parent of Ann) that is also" in out
        assert "1 answer:\n  Dan" in out and "Steps:\n  1. What is" in out
        assert "Evidence (3 triples):\n  Ann | parent | Bob" in out and "Language model" not in out
        item = command.json("query", "--kg", family, 'parent("Bob")')
        assert item["query"] == 'parent("Bob")' and item["method"] == "exact" and item["value"] is None
        assert [(answer["entity"], answer["score"]) for answer in item["answers"]] == [("Dan", 1.0), ("Eve", 1.0)]
        assert sorted(item["evidence"]) == [["Bob", "parent", "Dan"], ["Bob", "parent", "Eve"]]
        assert len(item["steps"]) == 1
        options = ["--method", "lark", "--llm", "copy", "--names", "readable", "--token-budget", "200"]
        assert command.json("query", "--kg", family, 'parent("Bob")', *options)["method"] == "lark"
        assert "Answer: 2\n" in command.prints("query", "--kg", family, 'count(parent("Ann"))')
        assert command.json("query", "--kg", family, 'exists(likes("Eve"))')["value"] is False

    def test_an_empty_answer_says_where_it_became_empty(self, family: str, command: Commands) -> None:
        out = command.prints("query", "--kg", family, 'likes(likes(likes("Dan")))')
        assert "since step 2 of 3 found nothing: What is it that Eve likes?" in out
        of_union = 'likes(likes("Eve") | likes("Ann") | parent("Bob")) & parent("Ann")'
        assert "since step 7 of 7 found nothing" in command.prints("query", "--kg", family, of_union)

    def test_a_step_too_big_for_its_budget_is_told(self, tmp_path: Path, command: Commands) -> None:
        path = tmp_path / "star.tsv"
        path.write_text("".join(f"hub\tto\tn{i}\n" for i in range(10)))
        options = ["--method", "lark", "--llm", "copy", "--token-budget", "64"]
        assert re.search(
            "Note: step 1.*asked in 3 parts", command.prints("query", "--kg", str(path), 'to("hub")', *options)
        )

    def test_the_built_in_graph_answers(self, command: Commands) -> None:
        answers = command.json("query", "--kg", "world", 'borders("France") & ~currency("Euro")')["answers"]
        names = {answer["entity"] for answer in answers}
        assert {"Belgium", "Germany", "Spain"} <= names and not {"Switzerland", "France"} & names
        printed = command.prints("query", "--kg", "world", 'population("France")')
        (number,) = re.findall("^Answer: ([0-9,]+)", printed, re.MULTILINE)
        assert 60_000_000 < int(number.replace(",", "")) < 75_000_000


class TestOwnFiles:
    """What a file of one's own does not say is said on the command line, to every command that loads one."""

    LOADING = ("--table", "--cell-separator", ";", "--infer-values", "--skip-broken")

    @pytest.fixture
    def people(self, tmp_path: Path) -> str:
        path = tmp_path / "people.csv"
        path.write_text("name,team,age\nAnn,Red;Blue,34\nBob\nCleo,Red,51\n")
        return str(path)

    def test_a_table_is_to_be_said(self, people: str, command: Commands, caplog: pytest.LogCaptureFixture) -> None:
        assert "--table" in command.fails(1, "query", "--kg", people, 'team("Ann")')
        answers = command.json("query", "--kg", people, *self.LOADING, 'top(1, age, ~team("Red"))')["answers"]
        assert [answer["entity"] for answer in answers] == ["Cleo"]
        assert "1 broken line was left out: line 3: expected" in caplog.text

    def test_it_is_evaluated_converted_and_sampled(self, people: str, tmp_path: Path, command: Commands) -> None:
        questions, out, target = (tmp_path / name for name in ("mine.txt", "out.jsonl", "people.tsv"))
        questions.write_text('team("Ann")\tRed|Blue\nage("Cleo")\t51\n')
        command.prints("evaluate", "--kg", people, "--questions", str(questions), "--out", str(out), *self.LOADING)
        assert [json.loads(line)["exact_match"] for line in out.read_text().splitlines()] == [1, 1]
        printed = command.prints("datasets", "convert", people, str(target), *self.LOADING)
        assert f"{target}: 7 triples, 2 values, 6 entities" in printed
        sampling = ["sample-queries", "--kg", people, "--out", str(tmp_path / "q"), "--types", "1p", "--count", "1"]
        assert "--table" in command.fails(2, *sampling, *self.LOADING)
        # The graph is loaded before the share is looked at, and is no graph without the options.
        assert "share" in command.fails(2, *sampling, *self.LOADING, "--held-out", "2")

    def test_wrong_names_and_options_of_graphs_are_told(self, people: str, command: Commands) -> None:
        wrong = people.replace("people", "poeple")
        assert f"did you mean {people}" in command.fails(2, "query", "--kg", wrong, 'team("Ann")')
        evaluating = ["evaluate", "--kg", people, *self.LOADING, "--questions", wrong]
        assert f"did you mean {people}?" in command.fails(2, *evaluating)
        said = command.fails(2, "query", "--kg", "world", "--infer-values", 'borders("France")')
        assert "the graph world is not read with infer_values (--infer-values)" in said


class TestLanguageModels:
    LARK = ("--method", "lark", "--llm", "openai:gpt-4.1-mini")

    @pytest.mark.parametrize("verb", ["query", "ask", "evaluate"])
    def test_what_cannot_be_had_is_said_first(
        self, verb: str, command: Commands, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        asked = ["--questions", "nowhere.txt"] if verb == "evaluate" else ['parent("Ann")']
        for llm, code, message in (
            ("openai:gpt-5-mini", 1, "set the environment variable OPENAI_API_KEY"),
            ("opnai:gpt-5-mini", 2, "nearest valid names: openai:gpt-5-mini"),
            ("hf:./no/such/folder", 1, "There is no folder or .gguf file ./no/such/folder"),
        ):
            method = [] if verb == "ask" else ["--method", "lark"]
            assert message in command.fails(code, verb, "--kg", "no graph", *asked, *method, "--llm", llm)

    def test_the_answer_says_what_it_took(self, server: OpenAIServer, family: str, command: Commands) -> None:
        options = [*self.LARK, "--retries", "2", "--max-concurrency", "2"]
        printed = command.prints("query", "--kg", family, 'parent("Ann")', *options)
        assert re.search(r"Language model: 1 request, \d+ tokens in and \d out", printed)

    @pytest.mark.parametrize("verb", ["query", "ask"])
    def test_a_dry_run_sends_nothing(self, server: OpenAIServer, family: str, command: Commands, verb: str) -> None:
        arguments = [verb, "--kg", family, 'parent(parent("Ann"))', "--dry-run", *self.LARK]
        out = command.prints(*arguments)
        assert "Estimate, nothing was sent: 1 question\n  requests       2\n" in out and "price not known" in out
        assert command.json(*arguments)["requests"] == 2
        assert server.requests == []

    @pytest.mark.parametrize(
        ("verb", "flag", "sent"),
        [("query", [], 2), ("query", ["--cache"], 1), ("evaluate", [], 1), ("evaluate", ["--no-cache"], 2)],
    )
    def test_replies_are_kept_where_asked_for_and_in_evaluations(
        self, server: OpenAIServer, family: str, verb: str, flag: list[str], sent: int
    ) -> None:
        folder = Path(family).parent
        (folder / "mine.txt").write_text('parent("Bob")\tDan|Eve\n')
        asked = ['parent("Ann")'] if verb == "query" else ["--questions", str(folder / "mine.txt")]
        for _ in range(2):
            assert main([verb, "--kg", family, *asked, *self.LARK, *flag]) == 0
        assert len(server.requests) == sent


class TestLines:
    """`ask` without a question: a line a question, each of which may refer to the answer before."""

    @pytest.fixture(autouse=True)
    def prepared(self, family: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.family, self.monkeypatch, self.capsys = family, monkeypatch, capsys

    def asked(self, lines: str, *arguments: str, stdin: type[io.StringIO] = io.StringIO) -> tuple[int, str, str]:
        self.monkeypatch.setattr(sys, "stdin", stdin(lines))
        return main(["ask", "--kg", self.family, *arguments]), *self.capsys.readouterr()

    def test_a_line_has_its_answer_on_a_line(self) -> None:
        code, out, _ = self.asked('parent("Bob")\n\n  count(parent("Ann"))  \n')
        first, second = out.splitlines()
        assert code == 0 and "Dan" in first and "2" in second
        assert self.asked("\n \n")[:2] == (0, "")

    def test_json_is_an_object_a_line_errors_too(self) -> None:
        code, out, err = self.asked('parent("Bob")\nparent("Zed")\nlikes("Cleo")\n', "--json")
        first, wrong, last = map(json.loads, out.splitlines())
        assert [one["question"] for one in (first, wrong, last)] == ['parent("Bob")', 'parent("Zed")', 'likes("Cleo")']
        assert [first["answers"][0]["entity"], last["answers"][0]["entity"]] == ["Dan", "Dan"]
        assert code == 2 and "Zed" in wrong["error"] and err.startswith("error: ")

    @pytest.mark.parametrize("option", ["--sparql", "--dry-run"])
    def test_what_is_of_one_question_needs_it(self, option: str) -> None:
        code, _, err = self.asked('parent("Bob")\n', option)
        assert code == 2 and f"{option} needs the QUESTION" in err

    @pytest.mark.slow
    def test_a_further_line_may_refer_to_the_answer_before(self) -> None:
        code, out, _ = self.asked('parent("Ann")\nthe second one\nthe third one\n', "--json")
        several, second, third = map(json.loads, out.splitlines())
        meant = several["answers"][1]["entity"]
        assert second["query"] == json.dumps(meant)
        assert second["referred"] == f'"the second one" refers to {meant}'
        assert code == 2 and "has 1 place" in third["error"]

    def test_a_terminal_has_a_prompt(self) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        code, shown, greeting = self.asked('parent("Bob")\n\nparent("Ann")\n', stdin=Terminal)
        assert code == 0 and greeting.startswith("Ask; a further question may refer to the last answer")
        assert shown.count("> ") == 2 and "Dan" in shown and "Cleo" not in shown


class TestRecordings:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        packaged_model()
        monkeypatch.chdir(tmp_path)

    @pytest.mark.slow
    def test_a_spoken_question_is_shown_and_answered(self, capsys: pytest.CaptureFixture[str]) -> None:
        Path("q.wav").write_bytes(spoken("What is the capital of Germany?", speed=130))
        assert main(["ask", "--kg", "world", "--audio", "q.wav", "--json"]) == 0
        out, err = capsys.readouterr()
        assert "heard: What is the capital of Germany? (English, probability 0." in err
        answer = json.loads(out)
        assert [found["entity"] for found in answer["answers"]] == ["Berlin"]
        assert answer["heard"]["text"] == "What is the capital of Germany?" and answer["heard"]["language"] == "en"

    @pytest.mark.slow
    def test_another_language_is_a_usage_error_and_silence_a_failure(self, command: Commands) -> None:
        Path("frage.wav").write_bytes(spoken(GERMAN, "de"))
        said = command.fails(2, "ask", "--kg", "world", "--audio", "frage.wav")
        assert "is in German" in said and "ask in English" in said
        with wave.open("silent.wav", "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes(bytes(64_000))
        said = command.fails(1, "ask", "--kg", "world", "--audio", "silent.wav")
        assert "Nobody speaks in silent.wav: its 2.0 seconds are silent" in said

    def test_what_cannot_be_heard_is_said_before_the_graph_is_loaded(self, command: Commands) -> None:
        for code, arguments, problem in (
            (2, ["Which?", "--audio", "q.wav"], "there are two questions, 'Which?' and the recording q.wav: ask one"),
            (2, ["Which?", "--speech-model", "whisper-base"], "--speech-model hears a recording"),
            (2, ["--audio", "q.wav", "--speech-model", "whisper-bse"], "did you mean whisper-base?"),
            (1, ["--audio", "q.wav"], "q.wav is not there: a recording was expected"),
        ):
            assert problem in command.fails(code, "ask", "--kg", "no such graph", *arguments)


class TestTerminals:
    """What names from strangers may do to a terminal: nothing."""

    BROKEN = "Cee\nNo answers."
    STEERS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")

    @pytest.fixture
    def graph(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path / "cache"))
        path, red = tmp_path / "names.jsonl", "A\x1b[31mB"
        triples = [(red, "likes", self.BROKEN), (red, "likes", "Dan"), ("Dan", "likes", red)]
        path.write_text("".join(json.dumps(triple) + "\n" for triple in triples))
        assert self.BROKEN in KnowledgeGraph.load(path).entity_labels
        return str(path)

    def test_an_answer_shows_control_characters_and_keeps_its_lines(self, graph: str, command: Commands) -> None:
        for arguments in (["ask", "Who does [Dan] like?"], ["query", 'likes(likes("Dan"))']):
            printed = command.prints(*arguments, "--kg", graph)
            assert r"A\x1b[31mB" in printed and not self.STEERS.search(printed)
            assert "No answers." not in printed.split("\n")
        answers = command.json("query", 'likes(likes("Dan"))', "--kg", graph)["answers"]
        assert {answer["entity"] for answer in answers} == {self.BROKEN, "Dan"}

    def test_an_error_shows_them_too(self, graph: str, command: Commands) -> None:
        for text in ("\x1b[2Jwho", 'likes("\x1b[2J")', "\x1b[2J \x07 [\x1b[2J] likes whom?"):
            for verb in ("ask", "query"):
                assert not self.STEERS.search(command.fails(2, verb, text, "--kg", graph))

    def test_what_is_no_control_character_stays(self) -> None:
        plain = "Łódź - 東京, naïve \N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET} (می\N{ZERO WIDTH NON-JOINER}خواهم)"
        assert visible(plain) == plain
        assert visible("a\u202eb\x85\r\t") == r"a\u202eb\x85\r\t"
        assert visible_lines("a\nb\x07") == "a\nb\\x07"
        assert aligned(["type", "n"], [["a\nb", "1"]]).splitlines()[-1] == r"a\nb  1"
        lines = aligned(["class", "AP"], [["東京", "0.5"], ["e\u0301t\u00e9", "0.25"]]).splitlines()
        assert lines == ["class    AP", "-----------", "東京    0.5", "e\u0301t\u00e9    0.25"]
