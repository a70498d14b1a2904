"""Jobs: run, watched, stopped, gone on with, taken away and given back; what is taken away names no path."""

import asyncio
import csv
import gc
import html
import json
import re
import shutil
import threading
import time
import weakref
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import gradio as gr
import pytest

from app import tasks
from app.batch import jobs as batch_job
from app.batch.jobs import (
    COMPLETE,
    EXACT,
    LARK_COPY,
    LARK_OWN,
    NOTHING,
    BatchMethod,
    QueryJob,
    Row,
    Settings,
    chosen_methods,
    comparison_of,
    job_again,
    offered_methods,
    results_of,
    write_files,
)
from app.batch.page import QueriesPart
from app.batch.upload import receive
from app.batch.view import answers_html, estimate_html, figures_html, kept_job, state_html
from app.graph.graphs import GraphRegistry
from app.models import LanguageModel, open_model
from app.tasks import PAGE_CLOSED, TURN_OVER, JobStore, WaitingLine
from reasoning import KnowledgeGraph
from reasoning.evaluation.plot import save_plot
from reasoning.evaluation.runs import QueryEvaluation
from reasoning.lm import LLMError
from skylark.errors import SkylarkError
from tests.app.browsing import SCRIPT
from tests.app.graph.test_predictions import triples
from tests.reasoning.chat_models import faultless_reply
from tests.reasoning.made_dataset import make_dataset
from tests.reasoning.openai_server import Behaviour, OpenAIServer

Jobs = JobStore[QueryJob]
COPY = LanguageModel("copy")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph of made queries; thousands are drawn until there are enough that have answers."""
    return make_dataset(tmp_path_factory.mktemp("made") / "made", 3)


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a graph of made queries and one whose names are markup."""
    root = tmp_path / "data"
    shutil.copytree(made, root / "kg" / "made")
    (strange := root / "kg" / "strange").mkdir()
    (strange / "train.txt").write_text(f"Home\tleads to\t{SCRIPT}\n{SCRIPT}\tleads to\tEnd\nHome\tis\tplain\n")
    monkeypatch.setenv("SKYLARK_DATA", str(root))
    return root


@pytest.fixture
def shelf(folder: Path) -> GraphRegistry:
    return GraphRegistry(["strange", "made"])


@pytest.fixture
def jobs() -> Jobs:
    return JobStore()


LINES = '"leads to"("Home")\nis("Home")\n"leads to"("leads to"("Home"))\nnothing("Home")'
MakeJob = Callable[..., QueryJob]


def own_method(name: str = "gpt-5-mini") -> list[BatchMethod]:
    own = open_model("openai", name, "sk-visitors-own-0123456789")
    return [BatchMethod(LARK_OWN, f"lark with your {name}", "lark", own.model, own.spec)]


@pytest.fixture
def make(jobs: Jobs, shelf: GraphRegistry) -> MakeJob:
    def job(
        typed: str = LINES, graph: str = "strange", methods: list[BatchMethod] | None = None, files: Sequence[Path] = ()
    ) -> QueryJob:
        place = jobs.new_folder()
        upload = receive(files, typed, place / "input")
        chosen = methods or chosen_methods(COPY, [EXACT, LARK_COPY])
        made = QueryJob(place, upload, Settings(graph, "reading", None, chosen), shelf)
        jobs.add(made)
        return made

    return job


def run(job: QueryJob, jobs: Jobs, chosen: Sequence[BatchMethod] = ()) -> QueryJob:
    job.start(jobs.line, chosen)
    for _ in range(240):
        job.watch()  # however long the models take to load, somebody looks on
        job.join(1)
        if not job.active:
            break
    return job


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_a_job_that_has_ended_is_shown_with_its_answers_at_once() -> None:
    with gr.Blocks() as page:
        part = QueriesPart(GraphRegistry(), COPY, page, kept_job("job"))
    sent = {part.files: None, part.typed: 'is("Home")', part.graph: "strange", part.method: EXACT,
            part.beside: NOTHING, part.protocol: "reading", part.split: None, part.kept: None}  # fmt: skip
    job = part.estimate(sent)[part.follower.following]

    async def until(words: str) -> dict[Any, Any]:
        return await anext(told async for told in part.follow(job) if words in told[part.status])

    asyncio.run(until("Start runs it"))
    part.start(job)
    asyncio.run(until("Done"))
    first = asyncio.run(until(""))
    assert "Done: 1 answer" in first[part.status] and "plain" in first[part.answers]


def test_lines_by_two_methods_side_by_side(make: MakeJob, jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make()
    job.estimate(WaitingLine())
    job.join(60)
    assert (job.state, job.error) == ("estimated", None)
    exact, copying = (part.estimate for part in job.runs)
    assert exact is not None and copying is not None
    assert (exact.questions, exact.requests, copying.failing) == (4, 0, 1)
    assert copying.requests == 4  # one a step
    assert "1 line cannot be read or asked" in estimate_html(job)
    run(job, jobs)
    assert (job.state, job.error) == ("done", None)
    assert [row.answers for row in job.runs[0].rows] == [(SCRIPT,), ("plain",), ("End",), ()]
    assert [row.score for row in job.runs[0].rows] == [1, 1, 1, 0]
    assert "nothing" in job.runs[0].rows[3].note
    comparison = comparison_of(job)
    assert comparison is not None and comparison.count == 4
    drawing = Mock(side_effect=save_plot)
    monkeypatch.setattr(batch_job, "save_plot", drawing)
    write_files(job)
    assert drawing.call_args.kwargs["labels"] == ["exact execution", "lark with the copy-everything baseline"]
    figures = figures_html(job, results_of(job), comparison, job.folder / "plot.png")
    shown = answers_html(job) + figures + state_html(job, 0)
    assert "data:image/png;base64," in shown and "<script" not in shown and "&lt;script&gt;" in shown
    assert estimate_html(job) == ""


@pytest.mark.slow
def test_records_are_measured_as_the_command_line_does(make: MakeJob, jobs: Jobs, folder: Path, tmp_path: Path) -> None:
    queries = sorted((folder / "kg" / "made" / "queries").glob("valid-*.jsonl"))
    job = run(make(graph="made", files=queries, methods=chosen_methods(COPY, [EXACT])), jobs)
    assert (job.state, job.error) == ("done", None)
    summary = job.runs[0].summary
    assert summary is not None
    assert "avg_p" in figures_html(job, results_of(job), None, None)
    expected = QueryEvaluation("made", folder / "kg" / "made" / "queries", "reading", split="valid").run()
    assert summary["per_type"] == expected["per_type"]
    assert summary["count"] == expected["count"] == len(job.runs[0].rows)


def test_what_is_taken_away_names_no_path_and_no_formula(make: MakeJob, jobs: Jobs, tmp_path: Path) -> None:
    job = run(make('"leads to"("Home")\n=nothing("Home")'), jobs)
    files = write_files(job)
    assert {path.suffix for path in files} == {".zip", ".jsonl", ".json", ".csv", ".txt", ".png"}
    with zipfile.ZipFile(files[0]) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    assert {"job.json", "input.typed.txt", "lines.jsonl", "results-a.jsonl"} <= set(contents)
    for place in (str(tmp_path), str(job.folder)):
        assert not [name for name, content in contents.items() if place.encode() in content]
    settings = json.loads(contents["results-a.jsonl.summary.json"])["settings"]
    assert (settings["kg"], settings["questions"]) == ("strange", "typed.txt")
    with (job.folder / "results-a.csv").open(encoding="utf-8-sig", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["answers"], second["asked"]) == (SCRIPT, '\'=nothing("Home")')


@pytest.mark.timing
def test_a_stopped_job_is_gone_on_with_by_its_zip_without_asking_again(
    make: MakeJob, jobs: Jobs, shelf: GraphRegistry, provider: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    [method] = own_method()
    hanging = threading.Event()  # of the replies on "is", which prompts call r1

    def reply(prompt: str) -> str:
        if "r1" in prompt.rstrip().rsplit("\n", 1)[-1]:
            hanging.wait(90)
        return faultless_reply(prompt)

    provider.then(for_ever=Behaviour(reply=reply))
    job = make("\n".join(['"leads to"("Home")'] * 4 + ['is("Home")'] * 4), methods=[method])
    job.start(jobs.line, [method])
    deadline = time.monotonic() + 60
    while job.answered < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    began = time.monotonic()
    job.stop()
    job.join(60)
    assert time.monotonic() - began < 60, "a reply under way is not waited for"
    hanging.set()
    assert (job.state, job.answered) == ("stopped", 4)
    archive, elsewhere = write_files(job)[0], JobStore[QueryJob]()
    with pytest.raises(SkylarkError, match="under Models first"):
        job_again(archive, elsewhere, shelf, COPY)
    monkeypatch.setattr("app.batch.jobs.chosen_methods", lambda *_: [method])
    again = job_again(archive, elsewhere, shelf, COPY)
    assert again.id == job.id
    provider.then()
    asked = len(provider.requests)
    run(again, elsewhere, chosen=[method])
    assert (again.state, again.error, again.answered) == ("done", None, 8)
    assert len(provider.requests) - asked == 4
    lines = [json.loads(line) for line in again.runs[0].out.read_text().splitlines()]
    assert [line["id"] for line in lines] == [f"lines:{number}" for number in range(8)]
    # The visitor's key is in the requests to the provider, and in nothing that is kept or shown.
    assert "sk-visitors-own" in provider.keys[-1]
    for place in [*job.folder.rglob("*"), *again.folder.rglob("*")]:
        assert not place.is_file() or b"sk-visitors-own" not in place.read_bytes(), place
    assert "sk-visitors-own" not in answers_html(again) + state_html(again, 0) + repr(method)


def test_a_zip_that_was_altered_is_refused_with_a_sentence(
    make: MakeJob, jobs: Jobs, shelf: GraphRegistry, tmp_path: Path
) -> None:
    job = run(make(methods=chosen_methods(COPY, [EXACT])), jobs)
    whole = write_files(job)[0]

    def altered(**changes: str | None) -> Path:
        place = tmp_path / "altered.zip"
        with zipfile.ZipFile(whole) as source, zipfile.ZipFile(place, "w") as target:
            for name in source.namelist():
                content = changes.get(name, source.read(name).decode("utf-8", "replace"))
                if content is not None:
                    target.writestr(name, content)
        return place

    spec = {"id": "../../etc/passwd", "graph": "strange", "protocol": "reading", "split": None, "methods": [EXACT]}
    for changes, said in (
        ({"job.json": None}, "no zip of a job"),
        ({"job.json": "{}"}, "no zip of a job"),
        ({"job.json": json.dumps({**spec, "graph": "/etc"})}, "which this page does not have"),
        ({"job.json": json.dumps({**spec, "methods": ["hf:/etc"]})}, "no such method here"),
        ({"job.json": json.dumps({**spec, "methods": [EXACT, EXACT]})}, "both methods are the same"),
    ):
        with pytest.raises(SkylarkError, match=said):
            job_again(altered(**changes), jobs, shelf, COPY)
    again = job_again(altered(**{"job.json": json.dumps(spec)}), jobs, shelf, COPY)
    assert "/" not in again.id
    first = (job.folder / "results-a.jsonl").read_text().splitlines()[0]
    for name, content, said in (
        ("results-a.jsonl", first.replace("lines:0", "lines:99") + "\n", "the line of query lines:0"),
        ("lines.jsonl", '{"question": "is(\\"Home\\")", "answers": []}\n', "begun with other settings"),
        ("results-a.jsonl.summary.json", "{}", "does not say with which settings"),
        ("results-a.jsonl", first.replace('"f1":1.0', '"f1":1.0,"usage":{"x":1}') + "\n", ""),
    ):
        broken = run(job_again(altered(**{name: content}), jobs, shelf, COPY), jobs)
        shown = state_html(broken, 0)
        assert broken.state == "failed" and said in html.unescape(shown)
        assert "Traceback" not in shown and str(broken.folder) not in shown


def test_a_zip_of_another_version_is_refused_since_others_read_its_questions(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The zip is one that version 0.1.0 gave a visitor who had stopped the job after 6 of 8 answers."""
    towns = folder / "kg" / "towns"
    towns.mkdir()
    (towns / "train.txt").write_text("Ayr\troad\tBath\nBath\troad\tCork\nAyr\tis\tplain\n")
    archive = Path(__file__).parents[2] / "data" / "batch_job_0_1_0.zip"
    jobs, shelf = JobStore[QueryJob](), GraphRegistry(["towns"])
    now = ["0.2.0"]
    for user in ("app.batch.jobs", "reasoning.evaluation.run"):
        monkeypatch.setattr(f"{user}.version", lambda: now[0])
    with pytest.raises(SkylarkError, match=r"begun with Skylark 0\.1\.0 and this page runs 0\.2\.0"):
        job_again(archive, jobs, shelf, COPY)
    now[0] = "0.1.0"
    job = run(job_again(archive, jobs, shelf, COPY), jobs)
    assert (job.state, job.id) == ("failed", "RFI0Kiyq0TjaIZUvtIeb-g")
    assert re.search(r'reader was null, now "model \(\w{16}\)"', str(job.error))


@pytest.mark.slow
def test_a_job_ends_when_nobody_watches_or_its_turn_is_over(
    make: MakeJob, jobs: Jobs, provider: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    [method] = own_method()
    for setting, why in (("UNWATCHED_SECONDS", PAGE_CLOSED), ("TURN_SECONDS", TURN_OVER)):
        with monkeypatch.context() as short:
            short.setattr(tasks, setting, 0.2)
            provider.then(for_ever=Behaviour(delay=0.3))
            job = make("\n".join(['is("Home")'] * 40), methods=[method])
            job.start(jobs.line, [method])
            job.join(30)
        assert (job.state, job.ended) == ("stopped", why) and why in state_html(job, 0)


def test_the_clock_goes_on_while_a_line_is_waited_for(make: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make(methods=chosen_methods(COPY, [EXACT]))
    [part] = job.runs
    clock = [103.0]
    monkeypatch.setattr(batch_job, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    job.state, part.total, part.began = "running", 4, 100.0
    assert "0 of 4 lines" in state_html(job, 0) and "3 s so far" in state_html(job, 0)
    part.seconds, part.rows = 4.0, [Row(str(number), "", "", (), 0, 1.0, "", 1) for number in range(2)]
    for clock[0], told in ((104.0, "4 s so far, about 4 s left"), (107.0, "7 s so far, about 1 s left")):
        assert told in state_html(job, 0)
    job.state = "new"


def test_jobs_wait_for_their_turn_and_only_so_many(make: MakeJob, jobs: Jobs) -> None:
    line = WaitingLine(1, 1)
    line.join("at work")
    job = make()
    job.start(line)
    assert (line.ahead("at work"), job.ahead) == (0, 1)
    assert "1 job before yours" in state_html(job, time.monotonic())
    with pytest.raises(SkylarkError, match="try again in a few minutes"):
        make().start(line)
    with pytest.raises(SkylarkError, match="at work already"):
        job.start(line)
    assert not job.answered
    line.leave("at work")
    job.join(60)
    assert job.state == "done"
    waiting = make()
    line.join("at work")
    waiting.start(line)
    waiting.stop()
    waiting.join(10)
    assert (waiting.state, waiting.ahead) == ("stopped", 0)


@pytest.mark.slow
def test_a_visitors_model_is_held_by_a_job_only_while_it_works(
    make: MakeJob, jobs: Jobs, provider: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = own_method()
    client = weakref.ref(chosen[0].llm)
    job = make('is("Home")', methods=chosen)
    job.estimate(WaitingLine(), chosen)
    job.join(60)
    assert (job.state, job.error) == ("estimated", None)
    with monkeypatch.context() as small:
        small.setattr(batch_job, "MOST_RESULT_BYTES", 1)
        assert run(job, jobs, chosen=chosen).state == "failed"
    assert isinstance(job.error, SkylarkError) and client() is not None
    del chosen
    for _ in range(100):  # the thread says that it is done before the last of its frames is gone
        gc.collect()
        if client() is None:
            break
        time.sleep(0.05)
    assert client() is None, "nothing of a job that rests holds the client, nor the key in it"
    asked = len(provider.requests)
    for others in ((), chosen_methods(COPY, [EXACT]), own_method("gpt-5")):
        with pytest.raises(LLMError, match="this job uses openai:gpt-5-mini"):
            job.start(jobs.line, others)
    assert (job.state, len(provider.requests)) == ("failed", asked)
    assert run(job, jobs, chosen=own_method()).state == "done"


def test_old_jobs_go_with_their_files_and_answers_and_results_are_bounded(
    make: MakeJob, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound, most, text, told in (
        ("app.batch.upload.MOST_ANSWERS", 1, '!"Home"', "ask for fewer"),
        ("app.batch.jobs.MOST_RESULT_BYTES", 300, LINES, "the most that is kept here"),
    ):
        with monkeypatch.context() as bounded:
            bounded.setattr(bound, most)
            job = run(make(text), jobs)
        assert job.state == "failed" and told in state_html(job, 0)
    first, second = make(), make()
    monkeypatch.setattr("app.tasks.MOST_KEPT", 1)
    assert jobs.get(first.id) is None and not first.folder.exists()
    assert jobs.get(second.id) is second
    monkeypatch.setattr("app.tasks.KEPT_SECONDS", -1.0)
    assert jobs.get(second.id) is jobs.get(None) is jobs.get(7) is None


@pytest.mark.slow
def test_likely_answers_are_kept_with_their_scores(make: MakeJob, jobs: Jobs, shelf: GraphRegistry) -> None:
    own = shelf.own.add("ann", KnowledgeGraph.from_triples(triples(), name="couples"))
    methods = chosen_methods(COPY, [COMPLETE])
    job = run(make('spouse("Bob 1")\ncount(spouse("Bob 1"))', own.key, methods), jobs)
    assert job.state == "done", state_html(job, 0)
    first, second = (json.loads(line) for line in job.runs[0].out.read_text().splitlines())
    assert first["answers"] == ["Ann 1"]
    assert [0 < score < 1 for score in first["scores"]] == [True]
    assert "scores" not in second, "a number has none"
    assert job.runs[0].rows[0].answers[0].startswith("Ann 1 (")
    table = next(path for path in write_files(job) if path.suffix == ".csv").read_text(encoding="utf-8-sig")
    assert table.splitlines()[0].startswith("id,type,asked,answers,scores,")


def test_a_method_is_one_that_is_offered() -> None:
    assert [method.key for method in offered_methods(COPY)] == [EXACT, COMPLETE, LARK_COPY]
    for keys, told in (
        ([None, "nothing"], "choose a method"), (["hf:/etc"], "no such method"), ([EXACT, EXACT], "the same"),
        ([LARK_OWN], "under Models first"),
    ):  # fmt: skip
        with pytest.raises(SkylarkError, match=told):
            chosen_methods(COPY, keys)  # type: ignore[arg-type]
