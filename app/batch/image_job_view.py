"""A job of images as the page shows it: what it would take, how far it is, what was found."""

from __future__ import annotations

import time
from collections import Counter

from app.batch.image_batch import Entry
from app.batch.image_job import ImageJob
from app.batch.work import STOPPED
from app.server.failure_view import failure_html
from app.server.markup import counted, heading, muted, name, table, text

ROWS_SHOWN, CLASSES_SHOWN = 100, 20
MOST_IN_WORDS = 3
SECONDS_AN_IMAGE = 0.1
"""Looking, drawing and writing, of photographs of half a megapixel on two cores; what a job takes stands in its place
as soon as one has run."""


def estimate_html(count: int, size: int, seconds_an_image: float) -> str:
    """What looking at so many images of so many bytes would take."""
    seconds = max(1.0, count * seconds_an_image)
    about = f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
    bytes_text = f"{size / 2**20:.1f} MB" if size >= 2**20 else f"{size / 2**10:.0f} KB"
    told = f"{counted(count, 'image')}, {bytes_text}: about {about} here, once it is your turn."
    return f'<p class="sk-status" role="status">{text(told)}</p>'


def state_html(job: ImageJob, began: float) -> str:
    """How far it is, in a line with a bar; `began` is when this watching began."""
    waited, ticking = f"{time.monotonic() - began:.0f} s", ""
    match "stopping" if job.stopping else job.state:
        case "stopping":
            told, ticking = "Stopping after the image under way", waited
        case "waiting":
            ahead = job.ahead
            told = f"Waiting: {counted(ahead, 'job')} before yours. Stop gives the place up." if ahead else "Starting"
            ticking = waited
        case "running":
            told, ticking = f"Looking: {_so_far(job)}.", f"{job.elapsed:.0f} s so far"
            if job.pace is not None:
                ticking += f", about {job.pace * (job.total - len(job.entries)):.0f} s left"
        case "stopped":
            why = "" if job.ended == STOPPED else f" because {job.ended}"
            told = f"Stopped{why}: {_so_far(job)}. Go on continues from there."
        case "failed":
            shown = failure_html(job.error) if job.error is not None else ""
            return shown + (muted(text(f"Kept: {_so_far(job)}.")) if job.entries else "")
        case _:
            told = f"Done: {_so_far(job)}."
    timer = f'<span aria-hidden="true"> · {text(ticking)}</span>' if ticking else ""
    bar = ""
    if job.active:
        share = f' value="{len(job.entries)}" max="{job.total}"' if job.state == "running" else ""
        bar = f'<progress class="sk-bar" aria-label="How far the images are"{share}></progress>'
    return f'<p class="sk-status" role="status">{text(told)}{timer}</p>{bar}'


def _so_far(job: ImageJob) -> str:
    told = f"{len(job.entries):,} of {counted(job.total, 'image')}, {counted(job.objects, 'object')}"
    if job.failed:
        told += f", {job.failed:,} not readable"
    if job.passed:
        told += f"; {job.passed:,} passed over that the earlier results hold"
    return told


def found_html(job: ImageJob) -> str:
    """What was found so far: how often each class, as bars, and a row an image, the newest first."""
    entries = list(job.entries)
    if not entries:
        return ""
    rows = [[name(entry["image"]), _found(entry)] for entry in reversed(entries[-ROWS_SHOWN:])]
    note = muted(text(f"The newest {ROWS_SHOWN} of {len(entries):,}.")) if len(entries) > ROWS_SHOWN else ""
    shown = f"{heading('Images so far')}{note}{table('Images so far', ['Image', 'Found'], rows)}"
    return f"{_classes(entries)}{shown}"


def _classes(entries: list[Entry]) -> str:
    per_image = [Counter(_class_names(entry)) for entry in entries]
    total = sum(per_image, Counter[str]())
    if not total:
        return ""
    most = max(total.values())
    rows = [
        [
            name(kind),
            f'<span class="sk-share" style="--share: {number / most:.3f}" aria-hidden="true"></span>{number:,}',
            f"{sum(kind in one for one in per_image):,}",
        ]
        for kind, number in total.most_common(CLASSES_SHOWN)
    ]
    rest = len(total) - len(rows)
    note = muted(text(f"and {counted(rest, 'class', 'classes')} more")) if rest else ""
    return f"{heading('Objects by class')}{table('Objects by class', ['Class', 'Objects', 'Images'], rows)}{note}"


def _found(entry: Entry) -> str:
    if "error" in entry:
        return f'<span class="sk-note">{text(entry["error"])}</span>'
    kinds = Counter(_class_names(entry)).most_common()
    words = ", ".join(f"{kind} × {number:,}" if number > 1 else kind for kind, number in kinds[:MOST_IN_WORDS])
    more = ", …" if len(kinds) > MOST_IN_WORDS else ""
    return f"{counted(len(entry['objects']), 'object')}{f': {text(words + more)}' if kinds else ''}"


def _class_names(entry: Entry) -> list[str]:
    return [found["class_name"] for found in entry.get("objects", ())]
