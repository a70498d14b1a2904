"""The loop that every evaluation shares: answer, score, write, go on."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tqdm import tqdm  # type: ignore[import-untyped]

from kg_data.errors import SkylarkError
from reasoning.errors import ResultsError
from reasoning.evaluation.results_file import Line, ResultsFile

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


def run(
    items: Sequence[T],
    answered: Answered[T],
    tally: Tally,
    settings: Mapping[str, Any],
    out: Path | None = None,
    resume: bool = False,
    progress: bool = False,
) -> dict[str, Any]:
    """Answer every item once, in order, and return the summary.

    Args:
        items: what to answer.
        answered: goes through those that are not done yet.
        tally: adds the lines up.
        settings: what decides the lines; kept in the summary.
        out: the results file; beside it stands the summary.
        resume: go on with the lines that `out` holds.
        progress: show a bar on stderr.

    Raises:
        EvaluationError: `out` holds what may not be added to, see `ResultsFile`.
        ResultsError: `out` cannot be written; what was done before is kept.
        SkylarkError: the method gave no reply `SILENT_LIMIT` times in a row.
        KeyboardInterrupt: after what was done is safe.
    """
    began = time.monotonic()
    sink = None if out is None else ResultsFile(out, settings, [item.identifier for item in items], resume)
    with sink or nullcontext():
        done = sink.done if sink else []
        before = sink.seconds if sink else 0.0
        for line in done:
            tally.add(line)

        def summary(complete: bool) -> dict[str, Any]:
            seconds = round(before + time.monotonic() - began, 3)
            intervals = {"intervals": tally.intervals()} if complete else {}
            about = {"settings": dict(settings), "seconds": seconds, "complete": complete}
            return {**tally.summary(), **intervals, **about}

        bar = tqdm(
            total=len(items), initial=len(done), unit="query", disable=not progress, file=sys.stderr,
            mininterval=0.5 if sys.stderr.isatty() else 30.0, dynamic_ncols=True,
        )  # fmt: skip
        try:
            with bar, closing(_with_reply(answered(items[len(done) :]))) as lines:
                for line in lines:
                    if sink:
                        sink.append(line)
                    tally.add(line)
                    bar.update()
                    if sink and sink.checkpoint_due:
                        sink.checkpoint(summary(False))
            final = summary(True)
            if sink:
                sink.checkpoint(final)
            return final
        except (KeyboardInterrupt, SkylarkError, OSError):
            if sink:
                # On a full disk the summary stays the one before; it holds the settings, and so resuming is possible.
                with suppress(ResultsError):
                    sink.checkpoint(summary(False))
                kept = tally.summary()["count"]
                log.warning("stopped; %d of %d are kept in %s, --resume goes on from there", kept, len(items), out)
            else:
                log.warning("stopped; nothing is kept without --out FILE")
            raise


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
