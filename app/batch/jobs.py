"""Batches of queries or questions: the job, its methods, and what a visitor takes away.

The running, its lines, summary and resuming are those of `reasoning.evaluation`. A job adds what a page needs: each
line is shown as it comes, small whatever it holds; none comes once the job is stopped; and results name no path of
this machine. The zip of everything lets the job be continued on any server that has the graph. It comes back as a
stranger's file: bounded, and believed only as far as the run's own checks of its settings and lines go.
"""

from __future__ import annotations

import csv
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, cast

from langchain_core.language_models import BaseChatModel

from app.batch.upload import MOST_FILES, Bounds, Upload, described, pack, split_of, unpack, write_expected
from app.graph.answer_view import without_formula
from app.graph.graphs import GraphRegistry
from app.models import MAX_NEW_TOKENS, LanguageModel
from app.server.views import percent, shortened
from app.tasks import Job, JobStore, State, WaitingLine
from reasoning import KnowledgeGraph, Reasoner
from reasoning.completion.predictor import CompletionOptions
from reasoning.evaluation.comparison import MAIN_METRICS, MAIN_OF_QUESTIONS, Comparison, compare, comparison_text
from reasoning.evaluation.plot import save_plot
from reasoning.evaluation.query_files import GRAPH_SPLITS, PROTOCOLS, SPLITS, Protocol, Split
from reasoning.evaluation.results import Results, parse_line, read_results, summary_path
from reasoning.evaluation.run import PreparedRun
from reasoning.evaluation.runs import QueryEvaluation, QuestionEvaluation
from reasoning.lark import LarkOptions
from reasoning.lark.method import Estimate
from reasoning.lm import LLMError
from skylark.errors import SkylarkError
from skylark.files import Line, whole_lines
from skylark.installation import version

EXACT, EXACT_OWN, LARK, LARK_COPY, LARK_OWN = "exact", "exact-own", "lark", "lark-copy", "lark-own"
COMPLETE = "complete"
OWN = (LARK_OWN, EXACT_OWN)
"""Those that a visitor's own model answers."""
NOTHING = "nothing"


@dataclass(frozen=True)
class BatchMethod:
    """One way to answer.

    Attributes:
        key: what it is called in a job's file.
        label: what it is called on the page.
        method: "exact", "complete" or "lark".
        llm: the language model; None where a job has put a visitor's own one away.
        model: the model's name in results: never a path of this machine.
    """

    key: str
    label: str
    method: str
    llm: str | BaseChatModel | None = field(repr=False)
    model: str

    @property
    def put_away(self) -> BatchMethod:
        """What may be kept of it: nothing that holds a visitor's key."""
        return replace(self, llm=None) if self.key in OWN else self


def offered_methods(model: LanguageModel) -> list[BatchMethod]:
    """What the visitor may choose whose event is being handled."""
    offered = [
        BatchMethod(EXACT, "exact execution", "exact", "embedded", "embedded"),
        BatchMethod(COMPLETE, "likely answers too, over predicted edges", "complete", "embedded", "embedded"),
    ]
    if (described := model.described()) is not None and model.error is None and model.spec != "copy":
        name = described["name"].replace("\\", "/").rstrip("/").rpartition("/")[2] or "language model"
        shown = "embedded" if model.spec == "embedded" else name
        offered.append(BatchMethod(LARK, f"lark with {name}", "lark", model.spec, shown))
    offered.append(BatchMethod(LARK_COPY, "lark with the copy-everything baseline", "lark", "copy", "copy"))
    if (own := model.own) is not None:
        offered.append(BatchMethod(LARK_OWN, f"lark with your {own.spec}", "lark", own.model, own.spec))
        label = f"exact execution, questions read by your {own.spec}"
        offered.append(BatchMethod(EXACT_OWN, label, "exact", own.model, own.spec))
    return offered


def chosen_methods(model: LanguageModel, keys: list[str | None]) -> list[BatchMethod]:
    """The methods that a visitor chose, without what is nothing (raises SkylarkError: one is not offered, or both are
    the same)."""
    known = {method.key: method for method in offered_methods(model)}
    chosen = [key for key in keys if key and key != NOTHING]
    for key in chosen:
        if key in OWN and key not in known:
            raise _not_named("a model of your own")
        if key not in known:
            raise SkylarkError("there is no such method here: choose one from the list")
    if not chosen:
        raise SkylarkError("choose a method first")
    if len(set(chosen)) < len(chosen):
        raise SkylarkError("both methods are the same: choose another one to stand beside the first, or nothing")
    return [known[key] for key in chosen]


def with_models(kept: Sequence[BatchMethod], chosen: Sequence[BatchMethod]) -> list[BatchMethod]:
    """Methods of a job as they are run: those by a visitor's own model with the client that this visitor has now
    (raises LLMError: this visitor has not named the model)."""
    now = {method.key: method for method in chosen}
    methods = []
    for method in kept:
        if method.key in OWN:
            if method.key not in now or now[method.key].model != method.model:
                raise _not_named(method.model)
            method = now[method.key]
        methods.append(method)
    return methods


def _not_named(model: str) -> LLMError:
    return LLMError(f"this job uses {model}: name it with its key under Models first, then go on")


MOST_RESULT_BYTES = 16 * 2**20
"""Of the lines of one method."""
ANSWERS_SHOWN = 4
LONGEST_ASKED, LONGEST_NAME, LONGEST_NOTE = 220, 60, 260


@dataclass(frozen=True)
class Row:
    """One query that is done; its texts are plain, and escaped when shown.

    Attributes:
        id: of the line.
        type: its structure, or what its file calls it.
        asked: the question, or the query in words.
        answers: the first answers, by name, where they are not certain with their confidence.
        count: how many there are.
        score: the main metric, 0 to 1.
        note: why there is no answer, or only a part of one; empty where all is well.
        size: bytes of the line.
    """

    id: str
    type: str
    asked: str
    answers: tuple[str, ...]
    count: int
    score: float
    note: str
    size: int


@dataclass
class Run:
    """One method's part of a job.

    Attributes:
        method: how it answers, without a visitor's own model.
        out: its file of results.
        total: queries, 0 until they are counted.
        rows: those that are done, for the page.
        estimate: what it would take.
        began: when its turn began, by the monotonic clock; None where it has none now.
        seconds: what it took in this turn, up to its last line.
        summary: its figures, once it is done.
    """

    method: BatchMethod
    out: Path
    total: int = 0
    rows: list[Row] = field(default_factory=list)
    estimate: Estimate | None = None
    began: float | None = None
    seconds: float = 0.0
    began_with: int = 0
    summary: dict[str, Any] | None = None

    @property
    def elapsed(self) -> float:
        """Seconds of this turn until now."""
        began = self.began  # which the worker may take away meanwhile
        return self.seconds if began is None else time.monotonic() - began


@dataclass(frozen=True)
class Settings:
    """How a job's lines are to be run."""

    graph: str
    protocol: Protocol
    split: Split | None
    methods: Sequence[BatchMethod]


class QueryJob(Job):
    """Queries or questions of a visitor."""

    def __init__(
        self, folder: Path, upload: Upload, settings: Settings, shelf: GraphRegistry, identifier: str | None = None
    ) -> None:
        super().__init__(folder, identifier)
        self.upload, self._shelf = upload, shelf
        self.settings = replace(settings, methods=[method.put_away for method in settings.methods])
        self.graph_label = shelf.label(settings.graph)
        self.runs = [
            Run(method, folder / f"results-{letter}.jsonl")
            for method, letter in zip(self.settings.methods, "ab", strict=False)
        ]
        self.progress = (0, 0)

    @property
    def of_records(self) -> bool:
        """Whether it runs query records."""
        return self.upload.kind == "records"

    @property
    def metric(self) -> str:
        """The metric that a row shows."""
        return MAIN_METRICS[self.settings.protocol][0] if self.of_records else MAIN_OF_QUESTIONS[0]

    @property
    def answered(self) -> int:
        """Lines of all its methods."""
        return sum(len(run.rows) for run in self.runs)

    def estimate(self, line: WaitingLine, chosen: Sequence[BatchMethod] = ()) -> None:
        """Find out on a thread what it would take; returns at once. Arguments and errors are those of `start`."""
        methods = self._methods(chosen)
        self._begin("estimating", line, lambda: self._estimate(methods))

    def start(self, line: WaitingLine, chosen: Sequence[BatchMethod] = ()) -> None:
        """Run it on a thread, from where it was; returns at once.

        Args:
            line: where it waits.
            chosen: the job's methods, as `chosen_methods` gives them to the visitor who wants it run. Those by a
                visitor's own model need it: their key is held from now on until the work ends, and no longer.

        Raises:
            SkylarkError: it is at work already, or too many jobs wait, or the visitor has not named the model.
        """
        methods = self._methods(chosen)
        self._begin("waiting", line, lambda: self._run(methods))

    def _methods(self, chosen: Sequence[BatchMethod]) -> list[BatchMethod]:
        return with_models(self.settings.methods, chosen)

    def _estimate(self, methods: Sequence[BatchMethod]) -> State:
        for place, (run, method) in enumerate(zip(self.runs, methods, strict=True)):
            prepared = self._prepared(method)
            run.total = len(prepared.items)

            def counted(prepared: PreparedRun[Any] = prepared, place: int = place) -> Iterator[Any]:
                for number, question in enumerate(prepared.questions):
                    self._at(place * len(prepared.questions) + number, len(self.runs) * len(prepared.questions))
                    yield question

            run.estimate = prepared.reasoner.estimate(counted())
        return "estimated"

    def _run(self, methods: Sequence[BatchMethod]) -> State:
        self.state = "running"
        for run, method in zip(self.runs, methods, strict=True):
            if run.summary is not None:
                continue
            prepared = self._prepared(method)
            run.total = len(prepared.items)
            run.rows = self._rows(run.out, prepared)
            run.began_with, run.seconds, run.began = len(run.rows), 0.0, time.monotonic()
            try:
                run.summary = self._watching(run, prepared).run(run.out, resume=True)
            finally:
                run.seconds, run.began = run.elapsed, None
                # Lines that wait for the model's next reply were shown and may not have been kept.
                run.rows = self._rows(run.out, prepared)
        return "done"

    def _watching(self, run: Run, prepared: PreparedRun[Any]) -> PreparedRun[Any]:
        """The run, seen from outside: each line is shown as it comes, and none comes once the job is stopped."""

        def answered(rest: Sequence[Any]) -> Iterator[tuple[Line, bool]]:
            size = run.out.stat().st_size if run.out.exists() else 0
            with closing(cast(Any, prepared.answered(rest))) as lines:
                for item, (line, replied) in zip(rest, lines, strict=True):
                    self._check()
                    row = self._row(item, line, prepared.reasoner.kg)
                    size += row.size
                    if size > MOST_RESULT_BYTES:
                        raise SkylarkError(
                            f"the results have more than {MOST_RESULT_BYTES:,} bytes, the most that is kept here: "
                            "run fewer queries, or ones with fewer answers"
                        )
                    run.rows.append(row)
                    run.seconds = run.elapsed
                    yield line, replied

        return replace(prepared, answered=answered)

    def _prepared(self, method: BatchMethod) -> PreparedRun[Any]:
        options = LarkOptions(max_new_tokens=MAX_NEW_TOKENS)
        assert method.llm is not None
        prepared: PreparedRun[Any]
        if self.of_records:
            graph_name, protocol = self.settings.graph, self.settings.protocol
            if graph_name not in self._shelf.names:
                raise SkylarkError("query records run on the page's own graphs: choose one from the list")
            split = cast(Split | None, split_of(self.upload)) or self.settings.split
            prepared = QueryEvaluation(
                graph_name,
                self.upload.place,
                protocol,
                method=method.method,
                llm=method.llm,
                options=options,
                split=split,
                completion=self._completion(method, split),
            ).prepare()
        else:
            graph = self._shelf.get(self.settings.graph)
            prepared = QuestionEvaluation(
                graph,
                self._questions(graph),
                method=method.method,
                llm=method.llm,
                options=options,
                completion=self._completion(method, None),
            ).prepare()
        # What a visitor takes away says no path of this machine.
        shown = {key: self.upload.name for key in ("queries", "questions") if key in prepared.settings}
        if prepared.settings["llm"] is not None:
            shown["llm"] = method.model
        return replace(prepared, settings={**prepared.settings, "kg": self.graph_label, **shown})

    def _completion(self, method: BatchMethod, split: Split | None) -> CompletionOptions | None:
        """The link predictor of the graph that is asked; for query records, of the splits that they may be asked of."""
        if method.method != "complete":
            return None
        key = name = self.settings.graph
        if split is None:
            kg = self._shelf.get(name)
        else:
            splits = GRAPH_SPLITS[self.settings.protocol, split]
            key, kg = f"{name} {'+'.join(splits)}", KnowledgeGraph.load(name, splits)
        return CompletionOptions(model=self._shelf.likely.predicted(key, kg).predictor)

    def _questions(self, graph: KnowledgeGraph) -> Path:
        if self.upload.kind == "questions":
            return self.upload.place
        expected = self.folder / "lines.jsonl"
        if not expected.exists():
            write_expected(
                self.upload, expected, Reasoner(graph, llm="embedded", method="exact"),
                lambda number: self._at(number, self.upload.count),
            )  # fmt: skip
        return expected

    def _at(self, done: int, total: int) -> None:
        self.progress = (done, total)
        self._check()

    def _row(self, item: Any, line: Line, kg: KnowledgeGraph) -> Row:
        """One line as a row; `item` is the query or question that it answers."""
        asked = item.query.verbalise(kg) if self.of_records else item.question
        answers = line["answers"] if isinstance(line.get("answers"), list) else []
        scores = line["scores"] if isinstance(line.get("scores"), list) else []
        first = answers[:ANSWERS_SHOWN]
        return Row(
            id=line["id"],
            type=line["type"],
            asked=shortened(asked, LONGEST_ASKED),
            answers=tuple(
                _named(kg, answer, of_ids=self.of_records) + (f" ({percent(score)})" if score < 1 else "")
                for answer, score in zip_longest(first, scores[: len(first)], fillvalue=1)
            ),
            count=len(answers),
            score=float(line[self.metric]),
            note=shortened(str(line.get("error", "")), LONGEST_NOTE),
            size=len(json.dumps(line)) + 1,
        )

    def _rows(self, out: Path, prepared: PreparedRun[Any]) -> list[Row]:
        """The rows of a results file. A broken line ends them; the run that continues says what is wrong with it."""
        rows: list[Row] = []
        texts = whole_lines(out.read_bytes()).split(b"\n")[:-1] if out.exists() else []
        for item, text in zip(prepared.items, texts, strict=False):
            line = parse_line(text, prepared.metrics)
            if line is None or line["id"] != item.identifier:
                break
            rows.append(self._row(item, line, prepared.reasoner.kg))
        return rows


def _named(kg: KnowledgeGraph, answer: object, *, of_ids: bool) -> str:
    if isinstance(answer, str) or of_ids:
        try:
            return shortened(kg.name(kg.entity_by_id(str(answer))), LONGEST_NAME)
        except SkylarkError:
            pass
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return shortened(f"{answer:,}" if isinstance(answer, int | float) else str(answer), LONGEST_NAME)


SPEC, INPUT, LINES = "job.json", "input.", "lines.jsonl"
KEPT_NAMES = tuple(f"results-{letter}.jsonl{end}" for letter in "ab" for end in ("", ".summary.json"))
BOUNDS = Bounds(files=MOST_FILES + 8, bytes_each=MOST_RESULT_BYTES + 2**20, bytes_all=3 * MOST_RESULT_BYTES)
CHANGED_MOST = 5


def results_of(job: QueryJob) -> list[Results]:
    """What is in the job's results files, of methods that have a line."""
    return [read_results(run.out) for run in job.runs if run.rows and run.out.exists()]


def comparison_of(job: QueryJob) -> Comparison | None:
    """Both methods on the queries that both have answered; None where there are no such two."""
    results = results_of(job)
    return compare(results[0], results[1], worst=CHANGED_MOST) if len(results) == 2 else None


def write_files(job: QueryJob) -> list[Path]:
    """Everything that can be taken away, written to the job's folder: the zip of all first, lines, summaries, tables,
    the picture."""
    all_results = results_of(job)
    if not all_results:
        return []
    files: list[Path] = []
    for results in all_results:
        table = results.path.with_suffix(".csv")
        _write_table(results, {row.id: row.asked for run in job.runs for row in run.rows}, table)
        files += [results.path, summary_path(results.path), table]
    if (comparison := comparison_of(job)) is not None:
        text = job.folder / "comparison.txt"
        asked = {row.id: row.asked for row in job.runs[0].rows}
        words = comparison_text(comparison, {change.id: asked.get(change.id, "") for change in comparison.changes})
        text.write_text(words.replace(f"{job.folder}/", "") + "\n", encoding="utf-8")
        files.append(text)
    picture = job.folder / "plot.png"
    label = {run.out: run.method.label for run in job.runs}
    save_plot(all_results, picture, labels=[label[results.path] for results in all_results])
    files.append(picture)
    return [_write_archive(job, files), *files]


def job_again(archive: Path, jobs: JobStore[QueryJob], shelf: GraphRegistry, model: LanguageModel) -> QueryJob:
    """The job whose zip this is, ready to be continued (raises SkylarkError: it is no such zip, or of another version,
    or its graph or method is not here; the message says what to do)."""
    folder = jobs.new_folder()
    try:
        (loose := folder / "loose").mkdir()
        by_name = {path.name: path for path in unpack(archive, loose, BOUNDS, _is_part)}
        settings, identifier = _settings(by_name.pop(SPEC, None), shelf, model)
        (folder / "input").mkdir()
        for name, path in by_name.items():
            sent = name.removeprefix(INPUT) if name.startswith(INPUT) else ""
            path.replace(folder / "input" / sent if sent else folder / name)
        shutil.rmtree(loose)
        return QueryJob(folder, described(folder / "input"), settings, shelf, identifier)
    except UnicodeDecodeError:
        shutil.rmtree(folder, ignore_errors=True)
        raise SkylarkError("this zip's files are no text: give back the zip as it was downloaded") from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _is_part(name: str) -> bool:
    return name in (SPEC, LINES, *KEPT_NAMES) or name.startswith(INPUT)


def _settings(path: Path | None, shelf: GraphRegistry, model: LanguageModel) -> tuple[Settings, str | None]:
    """A job's settings, as far as they have the form of one's, and its id."""
    try:
        if path is None:
            raise ValueError(SPEC)
        spec = json.loads(path.read_text(encoding="utf-8"))
        graph, protocol, split, methods = (spec[key] for key in ("graph", "protocol", "split", "methods"))
        if not isinstance(graph, str) or protocol not in PROTOCOLS or split not in (*SPLITS, None):
            raise ValueError(graph)
        if not isinstance(methods, list) or not 1 <= len(methods) <= 2 or not all(isinstance(m, str) for m in methods):
            raise ValueError(methods)
        identifier, begun_by = spec.get("id"), spec.get("version", version())
    except (ValueError, TypeError, KeyError, RecursionError):
        raise SkylarkError(
            "this is no zip of a job of this page: give back the zip that was downloaded here, as it was"
        ) from None
    if begun_by != version():
        raise SkylarkError(
            f"this job was begun with Skylark {shortened(str(begun_by), 20)} and this page runs {version()}, whose "
            "answers may differ: send its queries again as a new job"
        )
    if graph not in shelf.names:
        raise SkylarkError(
            f"this job is of the graph {graph!r}, which this page does not have; it has {', '.join(shelf.names)}"
        )
    settings = Settings(graph, protocol, split, chosen_methods(model, methods))
    return settings, identifier if isinstance(identifier, str) else None


def _write_archive(job: QueryJob, files: Sequence[Path]) -> Path:
    spec = {
        "id": job.id, "graph": job.settings.graph, "protocol": job.settings.protocol, "split": job.settings.split,
        "methods": [method.key for method in job.settings.methods], "version": version(),
    }  # fmt: skip
    target = job.folder / f"skylark-batch-{job.id}.zip"
    sent = [(path, f"{INPUT}{path.name}") for path in sorted((job.folder / "input").iterdir())]
    expected = [path for path in (job.folder / LINES,) if path.exists()]
    pack(target, SPEC, json.dumps(spec, indent=1), [*sent, *((path, path.name) for path in (*expected, *files))])
    return target


def _write_table(results: Results, asked: dict[str, str], target: Path) -> None:
    """The lines as CSV, as spreadsheets read it."""
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        scored = any("scores" in line for line in results.lines)
        writer.writerow(["id", "type", "asked", "answers", *(["scores"] if scored else []), *results.metrics, "error"])
        for line in results.lines:
            answers = line["answers"] if isinstance(line.get("answers"), list) else []
            cells = [line["id"], line["type"], asked.get(line["id"], ""), "|".join(map(str, answers))]
            if scored:
                cells.append("|".join(map(str, line.get("scores", []))))
            metrics = [line[metric] for metric in results.metrics]
            writer.writerow([*map(without_formula, cells), *metrics, without_formula(line.get("error", ""))])
