"""A job of images as the page shows it: what it would take, how far it is, what was found."""

from __future__ import annotations

import time
from collections import Counter

from markupsafe import Markup

from app.batch.image_job import Entry, ImageJob
from app.batch.view import rough_duration, status_html, stopped_words, waiting_words
from app.server.templates import macro, render
from app.server.words import counted

ROWS_SHOWN, CLASSES_SHOWN = 100, 20
MOST_IN_WORDS = 3
BAR_LABEL = "How far the images are"
SECONDS_AN_IMAGE = 0.1
"""Looking, drawing and writing, of photographs of half a megapixel on two cores; what a job takes stands in its place
as soon as one has run."""


def estimate_html(count: int, size: int, seconds_an_image: float) -> Markup:
    """What looking at so many images of so many bytes would take."""
    about = rough_duration(max(1.0, count * seconds_an_image))
    bytes_text = f"{size / 2**20:.1f} MB" if size >= 2**20 else f"{size / 2**10:.0f} KB"
    return macro("status", f"{counted(count, 'image')}, {bytes_text}: about {about} here, once it is your turn.")


def taking_in_html() -> Markup:
    """What stands there while the files that were sent are copied and unpacked."""
    return macro("status", "Taking in what was sent") + macro("bar", BAR_LABEL)


def state_html(job: ImageJob, began: float) -> Markup:
    """How far it is, in a line with a bar; `began` is when this watching began."""
    words, kept, so_far = "", "", _so_far(job)
    ticking = f"{time.monotonic() - began:.0f} s" if job.active else ""
    match "stopping" if job.stopping else job.state:
        case "stopping":
            words = "Stopping after the image under way"
        case "waiting":
            words = waiting_words(job, "job")
        case "running":
            words, ticking = f"Looking: {so_far}.", f"{job.elapsed:.0f} s so far"
            if job.pace is not None:
                ticking += f", about {job.pace * (job.total - len(job.entries)):.0f} s left"
        case "stopped":
            words = f"{stopped_words(job)}: {so_far}. Go on continues from there."
        case "failed":
            kept = f"Kept: {so_far}." if job.entries else ""
        case _:
            words = f"Done: {so_far}."
    total = job.total if job.state == "running" else 0
    return status_html(job, words, ticking, label=BAR_LABEL, done=len(job.entries), total=total, kept=kept)


def _so_far(job: ImageJob) -> str:
    words = f"{len(job.entries):,} of {counted(job.total, 'image')}, {counted(job.objects, 'object')}"
    if job.failed:
        words += f", {job.failed:,} not readable"
    if job.skipped:
        words += f"; {job.skipped:,} skipped, which the earlier results hold"
    return words


def found_html(job: ImageJob) -> str:
    """What was found so far: how often each class, as bars, and a row an image, the newest first."""
    entries = list(job.entries)
    if not entries:
        return ""
    per_image = [Counter(_class_names(entry)) for entry in entries]
    total = sum(per_image, Counter[str]())
    most = max(total.values(), default=1)
    return render(
        "batch/images.html",
        classes=[
            (kind, number, sum(kind in classes for classes in per_image), number / most)
            for kind, number in total.most_common(CLASSES_SHOWN)
        ],
        more_classes=max(0, len(total) - CLASSES_SHOWN),
        rows=[(entry["image"], _found(entry), entry.get("error", "")) for entry in reversed(entries[-ROWS_SHOWN:])],
        total=len(entries),
    )


def _found(entry: Entry) -> str:
    if "error" in entry:
        return ""
    kinds = Counter(_class_names(entry)).most_common()
    words = ", ".join(f"{kind} × {number:,}" if number > 1 else kind for kind, number in kinds[:MOST_IN_WORDS])
    more = ", …" if len(kinds) > MOST_IN_WORDS else ""
    return f"{counted(len(entry['objects']), 'object')}{f': {words}{more}' if kinds else ''}"


def _class_names(entry: Entry) -> list[str]:
    return [item["class_name"] for item in entry.get("objects", ())]
