"""A job as the page shows it: what it would take, how far it is, the answers so far, the figures and the comparison."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from pathlib import Path

from app.batch.job import Job, Run
from app.batch.jobs import KEPT_SECONDS, MOST_WAITING, RUNS_AT_ONCE
from app.batch.rows import main_metric
from app.batch.upload import MOST_BYTES, MOST_LINES
from app.batch.work import TURN_SECONDS, UNWATCHED_SECONDS
from app.server.failure_view import failure_html
from app.server.markup import counted, heading, muted, name, seconds_text, table, text
from reasoning.evaluation.comparison import Comparison
from reasoning.evaluation.metrics import marked
from reasoning.evaluation.results import Results
from reasoning.language.usage import money
from reasoning.lark.estimate import Estimate

ROWS_SHOWN = 100
SECONDS_A_REQUEST = 0.2
"""Of the embedded model on two cores: `benchmarks.reading_distilled` measured 0.05 to 0.15 s a step."""
LETTERS = "AB"


def limits_html() -> str:
    """What is possible here, said before anybody begins."""
    return muted(
        text(
            f"At most {MOST_LINES} lines and {MOST_BYTES // 2**20} MB a job, one job a visitor at a time. "
            f"{RUNS_AT_ONCE} job works at once, up to {MOST_WAITING} wait, and each has a turn of "
            f"{TURN_SECONDS / 60:.0f} minutes, after which it can be gone on with. A job stops {UNWATCHED_SECONDS:.0f} "
            f"seconds after its page is closed, and is kept for {KEPT_SECONDS / 3600:.0f} hour."
        )
    )


def estimate_html(job: Job) -> str:
    """What the job would take, a row a method; nothing once it runs."""
    if job.state not in ("estimating", "estimated"):
        return ""
    rows = [
        [text(run.method.label), *map(text, _figures(run, run.estimate))]
        for run in job.runs
        if run.estimate is not None
    ]
    if not rows:
        return ""
    assumptions = list(dict.fromkeys(said for run in job.runs if run.estimate for said in run.estimate.assumptions))
    listed = "".join(f"<li>{text(said)}</li>" for said in assumptions)
    shown = table(
        "What it would take", ["Method", "Lines", "Requests", "Tokens in", "Tokens out", "Price", "Time"], rows
    )
    about = f"{counted(job.runs[0].total, 'line')} of {job.upload.name} on {job.graph_label}; nothing was sent yet."
    if job.upload.kind == "lines":
        about += " These lines have no expected answers: what is measured is agreement with exact execution."
    failing = max(run.estimate.failing for run in job.runs if run.estimate is not None)
    if failing:
        about += f" {counted(failing, 'line')} cannot be read or asked, and will count as wrong."
    return (
        f"{heading('What it would take')}{muted(text(about))}{shown}"
        f'<details class="sk-assumes"><summary>What this takes for granted</summary><ul>{listed}</ul></details>'
    )


def _figures(run: Run, estimate: Estimate) -> list[str]:
    low, high = estimate.output_tokens
    price = "not known" if estimate.cost is None else " to ".join(dict.fromkeys(map(money, estimate.cost)))
    if not estimate.requests:
        duration = "seconds"
    elif run.method.model == "embedded":
        duration = f"about {_minutes(estimate.requests * SECONDS_A_REQUEST)}, by the pace on two cores"
    elif run.method.model == "copy":
        duration = "seconds"
    else:
        duration = "known once the first replies are there"
    return [
        f"{estimate.questions:,}", f"{estimate.requests:,}", f"{estimate.input_tokens:,}",
        f"{low:,} to {high:,}" if high else "0", price, duration,
    ]  # fmt: skip


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def state_html(job: Job, began: float) -> str:
    """How far it is, in a line with a bar; `began` is when this watching began."""
    waited = f"{time.monotonic() - began:.0f} s"
    told, ticking = "", ""
    done, total = job.answered, sum(run.total for run in job.runs)
    match "stopping" if job.stopping else job.state:
        case "stopping":
            told, ticking = "Stopping: the reply under way is given up", waited
        case "estimating":
            done, total = job.progress
            told, ticking = "Reading the lines and counting what they would take", waited
        case "estimated":
            told = "Nothing has run yet: Start runs it."
        case "waiting":
            ahead = job.ahead
            told = f"Waiting: {counted(ahead, 'job')} before yours" if ahead else "Starting"
            ticking = waited
        case "running":
            now = next((run for run in job.runs if run.summary is None), job.runs[-1])
            told = f"{now.method.label}: {len(now.rows):,} of {counted(now.total, 'line')}"
            ticking = _pace(now)
        case "stopped":
            why = "" if job.ended == "stopped" else f" because {job.ended}"
            told = f"Stopped{why}; {counted(done, 'answer')} kept. Go on continues from there."
        case "done":
            told = f"Done: {counted(done, 'answer')} in {seconds_text(sum(run.seconds for run in job.runs))}."
        case "failed":
            error = failure_html(job.error) if job.error is not None else ""
            return f"{error}{_id(job)}"
    timer = f'<span aria-hidden="true"> · {text(ticking)}</span>' if ticking else ""
    bar = ""
    if job.active:
        share = f' value="{done}" max="{total}"' if total else ""
        bar = f'<progress class="sk-bar" aria-label="How far the job is"{share}></progress>'
    return f'<p class="sk-status" role="status">{text(told)}{timer}</p>{bar}{_id(job)}'


def _pace(run: Run) -> str:
    done, elapsed = len(run.rows) - run.began_with, run.elapsed
    if done < 2 or run.seconds <= 0:
        return f"{elapsed:.0f} s so far"
    # The pace is that of the lines that came; the time since the last one belongs to the next.
    left = max(0.0, (run.total - len(run.rows)) * run.seconds / done - (elapsed - run.seconds))
    return f"{elapsed:.0f} s so far, about {_minutes(left)} left"


def _id(job: Job) -> str:
    return f'<p class="sk-muted">Job <code class="sk-job">{text(job.id)}</code></p>'


def answers_html(job: Job) -> str:
    """The last answers, the newest first; two methods beside each other where there are two."""
    if not job.answered:
        return ""
    by_id = [{row.id: row for row in run.rows} for run in job.runs]
    # The method that is at work sets the order, what only the first has answered so far comes behind.
    newest = [row.id for row in reversed(next(run.rows for run in reversed(job.runs) if run.rows))]
    order = list(dict.fromkeys([*newest, *by_id[0]]))
    metric = main_metric({"questions": 1} if not job.of_records else {"protocol": job.protocol})
    header = ["Line", "Asked"]
    for place, run in enumerate(job.runs):
        letter = f"{LETTERS[place]}: " if len(job.runs) > 1 else ""
        header += [f"{letter}{run.method.label}", marked(metric)]
    rows = []
    for identifier in order[:ROWS_SHOWN]:
        found = [rows.get(identifier) for rows in by_id]
        first = next(row for row in found if row is not None)
        cells = [text(_line(job, identifier)), name(first.asked)]
        for row in found:
            if row is None:
                cells += ['<span class="sk-note">not yet</span>', ""]
                continue
            shown = ", ".join(map(name, row.answers)) or ("" if row.note else "nothing")
            more = f" and {row.count - len(row.answers):,} more" if row.count > len(row.answers) else ""
            note = f'<span class="sk-note">{text(row.note)}</span>' if row.note else ""
            cells += [f"{shown}{more}{note}", _score(row.score)]
        rows.append(cells)
    note = (
        f"the last {ROWS_SHOWN} of {len(order):,}, the newest first" if len(order) > ROWS_SHOWN else "the newest first"
    )
    return f"{heading('Answers')}{muted(text(note))}{table('Answers so far', header, rows)}"


def _line(job: Job, identifier: str) -> str:
    """Where a line stands: with its file's name where there may be several, and counted from 1 in a text of lines."""
    number = identifier.rpartition(":")[2]
    return f"{int(number) + 1:,}" if job.upload.kind == "lines" and number.isdecimal() else identifier


def _score(score: float) -> str:
    looks = "sk-right" if score == 1 else "sk-wrong" if score == 0 else ""
    mark = "✓ " if score == 1 else "✗ " if score == 0 else ""
    return f'<span class="sk-number {looks}">{mark}{score:.2f}</span>'


def figures_html(job: Job, found: Sequence[Results], comparison: Comparison | None, picture: Path | None) -> str:
    """The figures of the answers so far: a table, or the two side by side, and the picture."""
    if comparison is None:
        label = {run.out: run.method.label for run in job.runs}
        parts = [_summary(results, label[results.path]) for results in found]
    else:
        parts = [_comparison(job, comparison)]
    if picture is not None and picture.exists():
        data = base64.b64encode(picture.read_bytes()).decode()
        methods = " and ".join(run.method.label for run in job.runs)
        parts.append(
            f'<img class="sk-plot" src="data:image/png;base64,{data}" '
            f'alt="{text(f"Bar chart of the figures above, by type of question: {methods}")}">'
        )
    return f"{heading('Figures')}{''.join(parts)}" if any(parts) else ""


def _summary(results: Results, title: str) -> str:
    summary = results.tally.summary()
    kinds = [*summary["per_type"].items()]
    if "overall" in summary:
        kinds.append(("overall", summary["overall"]))
    kinds += [(key, summary[key]) for key in ("avg_p", "avg_n") if summary.get(key)]
    rows = [
        [
            text(kind),
            *(_number(row.get(metric)) for metric in results.metrics),
            f"{row['count']:,}" if "count" in row else "",
        ]
        for kind, row in kinds
    ]
    return f"{muted(text(title))}{table(title, ['Type', *map(marked, results.metrics), 'Lines'], rows)}"


def _number(value: object) -> str:
    return f'<span class="sk-number">{value:.3f}</span>' if isinstance(value, int | float) else "–"


def _comparison(job: Job, comparison: Comparison) -> str:
    what = "questions" if comparison.a.of_questions else "queries"
    labels = [f"{LETTERS[place]} is {run.method.label}" for place, run in enumerate(job.runs)]
    note = f"{'; '.join(labels)}. {comparison.count:,} {what} in both."
    parts = [muted(text(note))]
    for metric, rows in comparison.metrics.items():
        cells = [
            [text(kind), _number(row.a), _number(row.b), _signed(row.difference), _bounds(row.interval),
             f"{row.p:.3f}", f"{row.won:,}", f"{row.lost:,}", f"{row.tied:,}"]
            for kind, row in rows.items()
        ]  # fmt: skip
        header = [marked(metric), "A", "B", "B − A", "95% interval", "p", "B better", "B worse", "equal"]
        parts.append(table(f"{metric} of both", header, cells))
    parts.append(muted("p: two-sided sign-flip test over the pairs, each row by itself."))
    return "".join(parts)


def _signed(value: float) -> str:
    return f'<span class="sk-number">{value:+.3f}</span>'


def _bounds(interval: Sequence[float] | None) -> str:
    return "–" if interval is None else f'<span class="sk-number">{interval[0]:+.3f} to {interval[1]:+.3f}</span>'
