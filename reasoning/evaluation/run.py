"""The loop that every evaluation shares: answer, score, write, go on."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from tqdm import tqdm  # type: ignore[import-untyped]

from kg_data.appended_lines import Line
from kg_data.batches.lines import in_order, lines_by_workers
from kg_data.batches.options import ALONE, Workers
from kg_data.batches.shards import Work
from kg_data.errors import ResultsError, SkylarkError
from reasoning.errors import EvaluationError
from reasoning.evaluation.duration import Duration, duration
from reasoning.evaluation.results_file import ResultsFile
from reasoning.language.hosted.providers import display_name, runs_here
from reasoning.lark.estimate import Estimate
from reasoning.query.tree import Query
from reasoning.reasoner import Reasoner

log = logging.getLogger(__name__)

SILENT_LIMIT = 5
"""Queries in a row that a language model may leave without any reply; then the run stops rather than count on."""


class Item(Protocol):
    """What a run goes through: a query or a question."""

    @property
    def identifier(self) -> str:
        """Its id in the results file."""
        ...


T = TypeVar("T", bound=Item)


class Tally(Protocol):
    """What a run adds up."""

    def add(self, line: Line) -> None:
        """Count one query's line."""
        ...

    def summary(self) -> dict[str, Any]:
        """The figures so far."""
        ...

    def intervals(self) -> dict[str, Any]:
        """How certain they are; worth its time at the end only."""
        ...


Answered = Callable[[Sequence[T]], Iterator[tuple[Line, bool]]]
"""Gives each item's line, in order, and whether the method gave any reply to it; an item without is no measurement."""


@dataclass(frozen=True)
class PreparedRun(Generic[T]):
    """A run of which everything is loaded and checked, and nothing is answered yet.

    Attributes:
        reasoner: the method.
        items: what is to be answered, in the order of the lines.
        questions: what the method is asked for each, of the same length.
        answered: goes through those that are not done yet.
        opening: opens `answered` in another process; it can be pickled.
        new_tally: makes what adds the lines up.
        metrics: what each line measures.
        settings: what decides the lines; kept in the summary.
        reason_of: says why a line is a miss, None where it is none; the misses are then written beside the results.
        alike: what an item has in common with those that one worker does sooner, see `cut`.
    """

    reasoner: Reasoner
    items: Sequence[T]
    questions: Sequence[Query | str]
    answered: Answered[T]
    opening: Callable[[], Answered[T]]
    new_tally: Callable[[], Tally]
    metrics: Sequence[str]
    settings: Mapping[str, Any]
    reason_of: Callable[[Line], str | None] | None = None
    alike: Callable[[T], Hashable | None] | None = None

    def estimate(self) -> Estimate:
        """What the whole run would take in requests, tokens and money; nothing is sent."""
        return self.reasoner.estimate(self.questions)

    def duration(self, requests: int) -> Duration:
        """How long the whole run would take with so many requests; a few items are answered for it, none is sent."""
        return duration(self.reasoner, self.items, self.answered, requests)

    def run(
        self, out: Path | None = None, resume: bool = False, progress: bool = False, workers: Workers = ALONE
    ) -> dict[str, Any]:
        """Answer every item once, in order, and return the summary.

        Args:
            out: the results file; beside it stands the summary.
            resume: go on with the lines that `out` holds; a smaller limit than theirs is refused.
            progress: show a bar on stderr.
            workers: who answers. The lines are the same whoever does, and a run may go on with others.

        Raises:
            EvaluationError: `out` holds what may not be added to, see `ResultsFile`, or several processes were to ask a
                hosted model.
            ResultsError: `out` cannot be written; what was done before is kept.
            WorkerError: a worker died at one item again and again; what was done is kept.
            SkylarkError: the method gave no reply `SILENT_LIMIT` times in a row.
            KeyboardInterrupt: after what was done is safe.
        """
        began = time.monotonic()
        self._check(workers)
        tally = self.new_tally()
        identifiers = [item.identifier for item in self.items]
        sink = None if out is None else ResultsFile(out, self.settings, identifiers, self.metrics, resume)

        def summary(complete: bool) -> dict[str, Any]:
            seconds = round((sink.seconds if sink else 0.0) + time.monotonic() - began, 3)
            intervals = {"intervals": tally.intervals()} if complete else {}
            about = {"settings": dict(self.settings), "seconds": seconds, "complete": complete}
            return {**tally.summary(), **intervals, **about}

        with sink or nullcontext():
            done = sink.done if sink else []
            there = {line["id"] for line in done}
            for line in done:
                tally.add(line)
            try:
                with closing(self._lines(done, sink, progress, workers)) as lines:
                    for line in lines:
                        if sink:
                            sink.append(line)
                        there.add(line["id"])
                        tally.add(line)
                        if sink and sink.checkpoint_due:
                            sink.checkpoint(summary(False))
                final = summary(True)
                if sink:
                    sink.checkpoint(final)
                    if self.reason_of is not None:
                        write_misses(sink.path, self.reason_of)
                    sink.shards.drop()
                return final
            except (KeyboardInterrupt, SkylarkError, OSError):
                if sink is None:
                    log.warning("stopped; nothing is kept without --out FILE")
                    raise
                # On a full disk the summary stays the one before; with its settings the run can be resumed.
                with suppress(ResultsError):
                    sink.checkpoint(summary(False))
                kept = (len(there | sink.shards.kept().keys()), len(self.items), out)
                log.warning("stopped; %d of %d are kept in %s, --resume goes on from there", *kept)
                raise

    def _check(self, workers: Workers) -> None:
        """Refuse several processes for what a hosted model answers: its limits are of all requests together."""
        asks = self.reasoner.asks_llm or any(isinstance(question, str) for question in self.questions)
        model = self.reasoner.llm if self.reasoner.asks_llm else self.reasoner.reader
        if asks and model is not None and not workers.alone and not runs_here(model):
            raise EvaluationError(
                f"{display_name(model)} is asked by one process, which keeps to one limit of requests: "
                "--max-concurrency N asks it several queries at once; --workers and --engine are for methods that run "
                "on this machine"
            )

    def _lines(
        self, done: Sequence[Line], sink: ResultsFile | None, progress: bool, workers: Workers
    ) -> Generator[Line]:
        """The lines that are not there yet, with a bar on stderr."""
        there = {line["id"] for line in done}
        rest = [item.identifier for item in self.items if item.identifier not in there]
        kept = {} if sink is None else sink.kept
        left = [item for item in self.items if item.identifier not in there and item.identifier not in kept]
        bar = tqdm(
            total=len(self.items), initial=len(self.items) - len(left), unit="query", disable=not progress,
            file=sys.stderr, mininterval=0.5 if sys.stderr.isatty() else 30.0, dynamic_ncols=True,
        )  # fmt: skip
        with bar, closing(self._fresh(left, sink, bar.update, workers)) as fresh:
            yield from in_order(rest, kept, fresh)

    def _fresh(
        self, items: Sequence[T], sink: ResultsFile | None, advance: Callable[[int], object], workers: Workers
    ) -> Generator[Line]:
        if not workers.alone:
            keys, folder = [item.identifier for item in items], None if sink is None else sink.shards.path
            opening = partial(_opened, self.opening)
            yield from lines_by_workers(opening, keys, items, folder, workers, advance, self.alike, in_batches=False)
            return
        with closing(_with_reply(self.answered(items))) as lines:
            for line in lines:
                yield line
                advance(1)


def _opened(opening: Callable[[], Answered[T]]) -> Work:
    """In a worker: what gives each item's line."""
    answered = opening()
    return lambda items: _with_reply(answered(items))


def write_misses(results: Path, reason_of: Callable[[Line], str | None]) -> None:
    """Write the lines of a finished results file that are misses, each with its reason, to `FILE.misses.jsonl`.

    Raises:
        ResultsError: the file cannot be written.
    """
    misses = []
    for text in results.read_text(encoding="utf-8").split("\n")[:-1]:  # a text in it may hold other ends of lines
        line = json.loads(text)
        if (reason := reason_of(line)) is not None:
            misses.append(json.dumps({**line, "reason": reason}, ensure_ascii=False) + "\n")
    path = results.with_name(f"{results.name}.misses.jsonl")
    try:
        path.write_text("".join(misses), encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"cannot write {path}: {error}") from None


def _with_reply(answered: Iterator[tuple[Line, bool]]) -> Generator[Line]:
    # Lines without a reply wait: if the model is out of reach they are not written, and a resumed run does them again.
    waiting: list[Line] = []
    for line, replied in answered:
        waiting.append(line)
        if replied:
            yield from waiting
            waiting.clear()
        elif len(waiting) == SILENT_LIMIT:
            raise SkylarkError(
                f"no reply to {SILENT_LIMIT} queries in a row, the last time because: {line.get('error')}"
            )
    yield from waiting
