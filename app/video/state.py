"""How far the work on a video is, as HTML."""

from __future__ import annotations

from markupsafe import Markup

from app.batch.view import status_html, stopped_words, waiting_words
from app.server.words import counted
from app.video.job import VideoJob

BAR_LABEL = "How far the video is"


def state_html(job: VideoJob) -> Markup:
    """How far the work is, in a line with a bar."""
    words, ticking, done, total, progress = "", "", 0.0, 0.0, job.progress
    match "stopping" if job.stopping else job.state:
        case "stopping":
            words = "Stopping"
        case "waiting":
            words = waiting_words(job, "video")
        case "running":
            words, done, total = progress.doing, progress.seconds, progress.length or 0.0
            if progress.picture:
                of = f" of {total:.1f}" if total else ""
                ticking = f"{done:.1f}{of} s, {counted(progress.things, 'thing')} so far"
        case "stopped":
            after = f" after {_length(progress.seconds)} of the video" if progress.seconds else ""
            words = f"{stopped_words(job)}{after}."
        case "done":
            words = f"Done: {progress.seconds:.1f} seconds of the video."
    return status_html(job, words, ticking, label=BAR_LABEL, done=round(min(done, total), 2), total=round(total, 2))


def _length(seconds: float) -> str:
    return f"{seconds:.1f} seconds" if seconds >= 0.05 else "the first frames"
