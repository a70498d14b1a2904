"""One job of queries or questions, run by one or two methods, and its lines as the page shows them.

The running itself, its lines, its summary and its resuming are those of `reasoning.evaluation`. A job adds what a page
needs: each line is shown as it comes, small whatever it holds; none comes once the job is stopped; and results name no
path of this machine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, cast

from app.batch.methods import BatchMethod, with_models
from app.batch.queue import Job, State, WaitingLine
from app.batch.upload import Upload, split_of, write_expected
from app.graph.graphs import GraphShelf
from app.models.language_model import MAX_NEW_TOKENS
from app.server.words import percent, shortened
from kg_data.appended_lines import Line, whole_lines
from kg_data.errors import SkylarkError
from reasoning import KnowledgeGraph, Reasoner
from reasoning.completion.options import CompletionOptions
from reasoning.evaluation.comparison import MAIN_METRICS, MAIN_OF_QUESTIONS
from reasoning.evaluation.query_files import GRAPH_SPLITS, Protocol, Split
from reasoning.evaluation.query_run import QueryEvaluation
from reasoning.evaluation.question_run import QuestionEvaluation
from reasoning.evaluation.results_file import parse_line
from reasoning.evaluation.run import PreparedRun
from reasoning.lark import LarkOptions
from reasoning.lark.estimate import Estimate

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
    """How a job's lines are to be run.

    Attributes:
        graph: its name on the shelf.
        protocol, split: of query records, see `evaluate`.
        methods: one, or two side by side.
    """

    graph: str
    protocol: Protocol
    split: Split | None
    methods: Sequence[BatchMethod]


class QueryJob(Job):
    """Queries or questions of a visitor.

    Args:
        folder: where its files are; `input` in it holds what was sent.
        upload: what is run.
        settings: how it is run.
        shelf: where the graph is found.
        identifier: as for `Job`.
    """

    def __init__(
        self, folder: Path, upload: Upload, settings: Settings, shelf: GraphShelf, identifier: str | None = None
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
