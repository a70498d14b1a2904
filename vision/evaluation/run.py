"""The loop that every evaluation of this room shares: one line an item, kept as it comes, figures at the end."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]

from kg_data.appended_lines import Line, encoded, write_whole
from kg_data.errors import DataError, SkylarkError
from vision.errors import EvaluationError
from vision.evaluation.run_lines import RunLines

log = logging.getLogger(__name__)


def lines_path(out: Path) -> Path:
    """Where the lines of a run stand: `<out>.lines.jsonl`."""
    return out.with_name(f"{out.name}.lines.jsonl")


def run(
    items: Sequence[Mapping[str, Any]],
    lines_from: Callable[[int], Generator[Line]],
    figures: Callable[[Sequence[Line]], dict[str, Any]],
    settings: Mapping[str, Any],
    *,
    unit: str,
    out: Path | None,
    resume: bool,
    progress: bool,
) -> dict[str, Any]:
    """Go through all items once, in order, and return the figures with the settings.

    Args:
        items: of each item what its line holds of it, so that a line is known to be its.
        lines_from: gives the lines of the items from a place on, in order.
        figures: works the figures out from all lines.
        settings: what decides the lines.
        unit: what an item is, for the bar.
        out: where the figures are written when all is done; the lines stand beside it.
        resume: go on with the lines that are there.
        progress: show a bar on stderr.

    Raises:
        EvaluationError: `out` or its lines hold what may not be added to.
        ResultsError: they cannot be written; what was done before is kept.
        DataError: the lines are not those of the items.
    """
    if out is not None and out.exists() and not (resume and lines_path(out).exists()):
        raise EvaluationError(f"{out} is there already; choose another file, or delete it")
    with nullcontext() if out is None else RunLines(lines_path(out), settings, resume) as sink:
        lines = [] if sink is None else list(sink.done)
        if sink is not None:
            _check(sink.path, lines, items)
        bar = tqdm(
            total=len(items), initial=len(lines), unit=unit, disable=not progress, file=sys.stderr,
            mininterval=0.5 if sys.stderr.isatty() else 30.0, dynamic_ncols=True,
        )  # fmt: skip
        try:
            with bar, closing(lines_from(len(lines))) as fresh:
                for line in fresh:
                    if sink is not None:
                        sink.append(line)
                    lines.append(line)
                    bar.update()
        except (KeyboardInterrupt, SkylarkError):
            kept = (len(lines), len(items), sink.path) if sink is not None else None
            if kept:
                log.warning("stopped; %d of %d are kept in %s, --resume goes on from there", *kept)
            raise
        found = {**figures(lines), "settings": dict(settings)}
        if out is not None:
            write_whole(out, encoded(json.dumps(found, ensure_ascii=False, indent=2)))
    return found


def _check(path: Path, lines: Sequence[Line], items: Sequence[Mapping[str, Any]]) -> None:
    for number, line in enumerate(lines, start=2):
        item = items[number - 2] if number - 2 < len(items) else None
        if item is None or not item.items() <= line.items():
            expected = "no further line" if item is None else f"the line of {json.dumps(item, ensure_ascii=False)}"
            raise DataError(path, expected, number, json.dumps(line, ensure_ascii=False))
