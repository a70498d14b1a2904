"""A job as the page begins it, follows it and finds it again after a reload, and a job of queries as HTML.

Shown are what it would take, how far it is, the answers so far, and the figures.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Generic

import gradio as gr
from gradio.events import Dependency
from markupsafe import Markup

from app.batch.jobs import QueryJob, Run
from app.batch.upload import MOST_BYTES, MOST_LINES
from app.server.views import counted, duration, failure_html, muted, render
from app.tasks import (
    AT_ONCE,
    KEPT_SECONDS,
    MOST_WAITING,
    STOPPED,
    TURN_SECONDS,
    UNWATCHED_SECONDS,
    AnyJob,
    Job,
    JobStore,
)
from reasoning.evaluation.comparison import Comparison
from reasoning.evaluation.metrics import marked
from reasoning.evaluation.results import Results
from reasoning.lark.method import Estimate
from reasoning.lm.calls import money

TICK = 0.7
WATCHERS = 2 * (AT_ONCE + MOST_WAITING) + 4
"""Pages that may follow a job at once; following takes no thread."""
ON, OFF = gr.update(interactive=True), gr.update(interactive=False)
HIDDEN = gr.update(value=None, visible=False)

Updates = dict[Any, Any]
"""New values of parts of the page.

In what follows one another, a `gr.update` of a part has to come in every one from the first on: Gradio's client writes
the difference to the next output into the last one, and a page that is busy has not shown that yet.
"""


def kept_job(kind: str) -> gr.BrowserState:
    """Where the browser keeps the id of a job of one kind. It belongs outside of the tabs: what is in a tab exists only
    once that has been opened."""
    return gr.BrowserState("", storage_key=f"skylark-batch-{kind}", secret=f"skylark-batch-{kind}")


class Follower(Generic[AnyJob]):
    """A visitor's job as a part of the page has it.

    Attributes:
        following: the id of the job to follow, empty for none.
        current: the id of the job that is shown.
        parts: what the events that begin a job change.
    """

    def __init__(
        self, jobs: JobStore[AnyJob], kept: gr.BrowserState, error: gr.HTML, gone: Callable[[str], str]
    ) -> None:
        self._jobs, self._kept, self._error, self._gone = jobs, kept, error, gone
        self.following, self.current = gr.State(""), gr.State("")
        self.parts = [error, self.following, kept]

    def connect(
        self,
        page: gr.Blocks,
        begun: Iterable[Dependency],
        follow: Callable[[str | None], AsyncIterator[Updates]],
        shown: list[Any],
        halt: gr.Button,
        queue: str,
        watchers: int = WATCHERS,
    ) -> None:
        """Follow the jobs that events begin, and the one of before after a reload; have a button stop it."""
        quick: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "multiple"}
        for begins in (*begun, page.load(self.find_again, [self._kept], self.parts, **quick)):
            begins.then(
                follow, [self.following], shown, concurrency_limit=watchers, concurrency_id=queue, **quick
            )  # fmt: skip
        halt.click(self.stop, [self.current], None, queue=False, **quick)

    def begin(self, begin: Callable[[], AnyJob]) -> Updates:
        """Follow the job that `begin` gives, or show why it gives none."""
        try:
            job = begin()
        except Exception as error:
            return {self._error: failure_html(error), self.following: ""}
        return {self._error: "", self.following: job.id, self._kept: job.id}

    def stop(self, current: str | None) -> None:
        """Stop the job that is shown, or have it give its place up; what it has stays."""
        if (job := self._jobs.get(current)) is not None:
            job.stop()

    def find_again(self, before: str | None) -> Updates:
        """Follow the job that the browser remembers, after a reload; say so where the server no longer has it."""
        if not before:
            return {self.following: ""}
        if self._jobs.get(before) is None:
            return {self._error: muted(self._gone(before[:40])), self.following: "", self._kept: ""}
        return {self._error: "", self.following: before}


async def watch(job: AnyJob, seen: Callable[[], object], tick: float = TICK) -> AsyncIterator[tuple[bool, bool]]:
    """Watch a job until it rests; gives, every moment, whether this is the first look and whether `seen` changed."""
    before: list[object] = []
    while job.active:
        job.watch()
        now = [seen()]
        yield not before, now != before
        before = now
        await asyncio.sleep(tick)


ROWS_SHOWN = 100
SECONDS_A_REQUEST = 0.2
"""Of the embedded model on two cores: `benchmarks.reading_distilled` measured 0.05 to 0.15 s a step."""
LETTERS = "AB"


def limits_html() -> Markup:
    """What is possible here, said before anybody begins."""
    return muted(
        f"At most {MOST_LINES} lines and {MOST_BYTES // 2**20} MB a job, one job a visitor at a time. "
        f"{AT_ONCE} job works at once, up to {MOST_WAITING} wait, and each has a turn of "
        f"{TURN_SECONDS / 60:.0f} minutes, after which it can be continued. A job stops {UNWATCHED_SECONDS:.0f} "
        f"seconds after its page is closed, and is kept for {KEPT_SECONDS / 3600:.0f} hour."
    )


def estimate_html(job: QueryJob) -> str:
    """What the job would take, a row a method; nothing once it runs."""
    estimates = [(run, run.estimate) for run in job.runs if run.estimate is not None]
    if job.state not in ("estimating", "estimated") or not estimates:
        return ""
    about = f"{counted(job.runs[0].total, 'line')} of {job.upload.name} on {job.graph_label}; nothing was sent yet."
    if job.upload.kind == "lines":
        about += " These lines have no expected answers: what is measured is agreement with exact execution."
    if failing := max(estimate.failing for _, estimate in estimates):
        about += f" {counted(failing, 'line')} cannot be read or asked, and will count as wrong."
    return render(
        "batch/estimate.html",
        about=about,
        rows=[_estimate_row(run, estimate) for run, estimate in estimates],
        assumptions=dict.fromkeys(text for _, estimate in estimates for text in estimate.assumptions),
    )


def _estimate_row(run: Run, estimate: Estimate) -> list[str]:
    low, high = estimate.output_tokens
    price = "not known" if estimate.cost is None else " to ".join(dict.fromkeys(map(money, estimate.cost)))
    if not estimate.requests or run.method.model == "copy":
        seconds = "seconds"
    elif run.method.model == "embedded":
        seconds = f"about {rough_duration(estimate.requests * SECONDS_A_REQUEST)}, by the pace on two cores"
    else:
        seconds = "known once the first replies are there"
    return [
        run.method.label, f"{estimate.questions:,}", f"{estimate.requests:,}", f"{estimate.input_tokens:,}",
        f"{low:,} to {high:,}" if high else "0", price, seconds,
    ]  # fmt: skip


def rough_duration(seconds: float) -> str:
    """Whole seconds or minutes."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def state_html(job: QueryJob, began: float) -> Markup:
    """How far it is, in a line with a bar."""
    words, ticking = "", ""
    done, total = job.answered, sum(run.total for run in job.runs)
    if job.active:
        ticking = f"{time.monotonic() - began:.0f} s"
    match "stopping" if job.stopping else job.state:
        case "stopping":
            words = "Stopping: the reply under way is given up"
        case "estimating":
            done, total = job.progress
            words = "Reading the lines and counting what they would take"
        case "estimated":
            words = "Nothing has run yet: Start runs it."
        case "waiting":
            words = waiting_words(job, "job")
        case "running":
            now = next((run for run in job.runs if run.summary is None), job.runs[-1])
            words = f"{now.method.label}: {len(now.rows):,} of {counted(now.total, 'line')}"
            ticking = _pace(now)
        case "stopped":
            words = f"{stopped_words(job)}; {counted(done, 'answer')} kept. Go on continues from there."
        case "done":
            words = f"Done: {counted(done, 'answer')} in {duration(sum(run.seconds for run in job.runs))}."
    return status_html(job, words, ticking, label="How far the job is", done=done, total=total, identifier=job.id)


def waiting_words(job: Job, noun: str) -> str:
    """That a job waits, and for how many others; `noun` says what they are."""
    return f"Waiting: {counted(job.ahead, noun)} before yours. Stop gives the place up." if job.ahead else "Starting"


def stopped_words(job: Job) -> str:
    """That a job was stopped, and why where it was not its visitor who did it."""
    return "Stopped" if job.ended == STOPPED else f"Stopped because {job.ended}"


def status_html(job: Job, words: str, ticking: str, **more: object) -> Markup:
    """A job's state in `words` with the seconds that tick, or why it failed.

    Args:
        job: the job.
        words: its state.
        ticking: what changes every second.
        **more: label, done and total of the bar; kept, what a failed job has all the same; identifier, as it is shown.
    """
    failure = failure_html(job.error) if job.state == "failed" and job.error is not None else ""
    values = {"kept": "", "identifier": "", **more}
    return render("batch/status.html", failure=failure, words=words, ticking=ticking, active=job.active, **values)


def _pace(run: Run) -> str:
    done, elapsed = len(run.rows) - run.began_with, run.elapsed
    if done < 2 or run.seconds <= 0:
        return f"{elapsed:.0f} s so far"
    # The pace is that of the lines that came; the time since the last one belongs to the next.
    left = max(0.0, (run.total - len(run.rows)) * run.seconds / done - (elapsed - run.seconds))
    return f"{elapsed:.0f} s so far, about {rough_duration(left)} left"


def answers_html(job: QueryJob) -> str:
    """The last answers, the newest first; two methods beside each other where there are two."""
    if not job.answered:
        return ""
    by_id = [{row.id: row for row in run.rows} for run in job.runs]
    # The method that is at work sets the order, what only the first has answered so far comes behind.
    newest = [row.id for row in reversed(next(run.rows for run in reversed(job.runs) if run.rows))]
    order = list(dict.fromkeys([*newest, *by_id[0]]))
    header = ["Line", "Asked"]
    for letter, run in zip(LETTERS, job.runs, strict=False):
        header += [f"{letter}: {run.method.label}" if len(job.runs) > 1 else run.method.label, marked(job.metric)]
    lines = []
    for identifier in order[:ROWS_SHOWN]:
        answers = [rows.get(identifier) for rows in by_id]
        lines.append((_line(job, identifier), next(row.asked for row in answers if row is not None), answers))
    last = f"the last {ROWS_SHOWN} of {len(order):,}, " if len(order) > ROWS_SHOWN else ""
    return render("batch/answers.html", note=f"{last}the newest first", header=header, lines=lines)


def _line(job: QueryJob, identifier: str) -> str:
    """Where a line stands: with its file's name where there may be several, and counted from 1 in a text of lines."""
    number = identifier.rpartition(":")[2]
    return f"{int(number) + 1:,}" if job.upload.kind == "lines" and number.isdecimal() else identifier


def figures_html(job: QueryJob, each: Sequence[Results], comparison: Comparison | None, picture: Path | None) -> str:
    """The figures of the answers so far: a table, or the two side by side, and the picture."""
    if not each:
        return ""
    label = {run.out: run.method.label for run in job.runs}
    about_both, comparisons = "", []
    if comparison is not None:
        what = "questions" if comparison.a.of_questions else "queries"
        labels = [f"{letter} is {run.method.label}" for letter, run in zip(LETTERS, job.runs, strict=False)]
        about_both = f"{'; '.join(labels)}. {comparison.count:,} {what} in both."
        comparisons = [(metric, marked(metric), rows) for metric, rows in comparison.metrics.items()]
    shown = picture is not None and picture.exists()
    return render(
        "batch/figures.html",
        about_both=about_both,
        comparisons=comparisons,
        summaries=[
            (label[results.path], ["Type", *map(marked, results.metrics), "Lines"], _summary_rows(results))
            for results in each
        ],
        picture=base64.b64encode(picture.read_bytes()).decode() if picture is not None and shown else "",
        methods=" and ".join(run.method.label for run in job.runs),
    )


def _summary_rows(results: Results) -> list[tuple[str, list[object], int | None]]:
    """The name of each type, its figures and its number of lines."""
    summary = results.tally.summary()
    kinds = dict(summary["per_type"])
    kinds |= {key: summary[key] for key in ("overall", "avg_p", "avg_n") if summary.get(key)}
    return [(kind, [row.get(metric) for metric in results.metrics], row.get("count")) for kind, row in kinds.items()]
