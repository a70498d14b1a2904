"""One job of queries or questions, run by one or two methods.

The running itself, its lines, its summary and its resuming are those of `reasoning.evaluation`. A job adds what a page
needs: each line is shown as it comes, none comes once the job is stopped, and results name no path of this machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from app.batch.methods import BatchMethod, with_models
from app.batch.rows import Row, row_of, rows_of
from app.batch.turns import Turns
from app.batch.upload import Upload, split_of, write_expected
from app.batch.work import State, Work
from app.graph.graphs import GraphShelf
from app.models.language_model import MAX_NEW_TOKENS
from kg_data.appended_lines import Line
from kg_data.errors import SkylarkError
from reasoning import KnowledgeGraph, Reasoner
from reasoning.completion.options import CompletionOptions
from reasoning.evaluation.query_files import GRAPH_SPLITS, Protocol, Split
from reasoning.evaluation.query_run import QueryEvaluation
from reasoning.evaluation.question_run import QuestionEvaluation
from reasoning.evaluation.run import PreparedRun
from reasoning.lark import LarkOptions
from reasoning.lark.estimate import Estimate

MOST_RESULT_BYTES = 16 * 2**20
"""Of the lines of one method."""


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


class Job(Work):
    """What a visitor has had estimated, runs, or has run.

    Args:
        folder: where its files are; `input` in it holds what was sent.
        upload: what is run.
        graph: the graph's name on the shelf.
        shelf: where it is found.
        protocol, split: of query records, see `evaluate`.
        methods: one, or two side by side.
        identifier: its id where it is gone on with, else a new one. Whoever knows it may look at the job.
    """

    def __init__(
        self,
        folder: Path,
        upload: Upload,
        graph: str,
        shelf: GraphShelf,
        protocol: str,
        split: str | None,
        methods: Sequence[BatchMethod],
        identifier: str | None = None,
    ) -> None:
        super().__init__(folder, identifier)
        self.upload, self.graph = upload, graph
        self.graph_label = shelf.label(graph)
        self.protocol, self.split, self._shelf = protocol, split, shelf
        self.runs = [
            Run(method.put_away, folder / f"results-{letter}.jsonl")
            for method, letter in zip(methods, "ab", strict=False)
        ]
        self.progress = (0, 0)

    @property
    def of_records(self) -> bool:
        """Whether it runs query records."""
        return self.upload.kind == "records"

    @property
    def answered(self) -> int:
        """Lines of all its methods."""
        return sum(len(run.rows) for run in self.runs)

    def estimate(self, turns: Turns, chosen: Sequence[BatchMethod] = ()) -> None:
        """Find out on a thread what it would take; returns at once. Arguments and errors are those of `start`."""
        methods = self._methods(chosen)
        self._begin("estimating", turns, lambda: self._estimate(methods))

    def start(self, turns: Turns, chosen: Sequence[BatchMethod] = ()) -> None:
        """Run it on a thread, from where it was; returns at once.

        Args:
            turns: where it waits.
            chosen: the job's methods, as `chosen_methods` gives them to the visitor who wants it run. Those by a
                visitor's own model need it: their key is held from now on until the work ends, and no longer.

        Raises:
            SkylarkError: it is at work already, or too many jobs wait, or the visitor has not named the model.
        """
        methods = self._methods(chosen)
        self._begin("waiting", turns, lambda: self._run(methods))

    def _methods(self, chosen: Sequence[BatchMethod]) -> list[BatchMethod]:
        return with_models([run.method for run in self.runs], chosen)

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
            run.rows = rows_of(run.out, prepared)
            run.began_with, run.seconds, run.began = len(run.rows), 0.0, time.monotonic()
            try:
                run.summary = self._watching(run, prepared).run(run.out, resume=True)
            finally:
                run.seconds, run.began = run.elapsed, None
                # Lines that wait for the model's next reply were shown and may not have been kept.
                run.rows = rows_of(run.out, prepared)
        return "done"

    def _watching(self, run: Run, prepared: PreparedRun[Any]) -> PreparedRun[Any]:
        """The run, seen from outside: each line is shown as it comes, and none comes once the job is stopped."""

        def answered(rest: Sequence[Any]) -> Iterator[tuple[Line, bool]]:
            size = run.out.stat().st_size if run.out.exists() else 0
            with closing(cast(Any, prepared.answered(rest))) as lines:
                for item, (line, replied) in zip(rest, lines, strict=True):
                    self._check()
                    row = row_of(item, line, prepared)
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
            if self.graph not in self._shelf.names:
                raise SkylarkError("query records run on the page's own graphs: choose one from the list")
            split = split_of(self.upload) or self.split
            prepared = QueryEvaluation(
                self.graph,
                self.upload.place,
                cast(Protocol, self.protocol),
                method=method.method,
                llm=method.llm,
                options=options,
                split=split,
                completion=self._completion(method, split),
            ).prepare()
        else:
            graph = self._shelf.get(self.graph)
            prepared = QuestionEvaluation(
                graph,
                self._questions(graph),
                method=method.method,
                llm=method.llm,
                options=options,
                completion=self._completion(method, None),
            ).prepare()
        told = {key: self.upload.name for key in ("queries", "questions") if key in prepared.settings}
        if prepared.settings["llm"] is not None:
            told["llm"] = method.model
        # What a visitor takes away says no path of this machine.
        return replace(prepared, settings={**prepared.settings, "kg": self.graph_label, **told})

    def _completion(self, method: BatchMethod, split: str | None) -> CompletionOptions | None:
        """The link predictor of the graph that is asked, of query records of those splits that they may be asked of."""
        if method.method != "complete":
            return None
        key, kg = self.graph, None
        if split is not None:
            splits = GRAPH_SPLITS[cast(Protocol, self.protocol), cast(Split, split)]
            key, kg = f"{self.graph} {'+'.join(splits)}", KnowledgeGraph.load(self.graph, splits)
        return CompletionOptions(model=self._shelf.likely.predicted(key, kg or self._shelf.get(self.graph)).predictor)

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
