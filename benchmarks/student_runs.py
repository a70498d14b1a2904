"""Students that a benchmark teaches to compare them, and the report that it writes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.exact_executor import RESULTS
from reasoning.lm.generation import WriterTokens
from reasoning.parsing.reader import JOB
from training.learners import PackExample, WriteLearner, prepare_writer
from training.loop import LOG_FILE, Curriculum, WritingOptions, claimed, last_checkpoint, train


def taught(
    options: WritingOptions, out: Path, lessons: Callable[[WriterTokens], Curriculum[PackExample]]
) -> list[dict[str, Any]]:
    """The log of a student of reading, taught to its end if it is not.

    Args:
        options: how it is taught.
        out: the run's folder; a run that stopped goes on.
        lessons: from the student's tokens to what it is taught and examined with.

    Raises:
        TrainingError: the folder holds another run.
    """
    with claimed(out, options):
        writer = prepare_writer(JOB, options, last_checkpoint(out))
        train(lessons(writer.tokens), options, out, WriteLearner(writer), say)
    return [json.loads(line) for line in (out / LOG_FILE).read_text(encoding="utf-8").splitlines()]


def say(line: str) -> None:
    """A line of progress."""
    print(line, file=sys.stderr, flush=True)


def write_report(name: str, report: dict[str, Any], text: str) -> None:
    """Write a report into the results as JSON and as a page, and print the page."""
    (RESULTS / f"{name}.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)
