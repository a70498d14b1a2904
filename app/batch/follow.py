"""How the page begins a visitor's job, follows it and finds it again after a reload, whatever the job runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic

import gradio as gr

from app.batch.queue import AT_ONCE, MOST_WAITING, AnyJob, JobStore
from app.server.failure_view import failure_html
from app.server.templates import muted

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

    Args:
        jobs: where jobs of this kind are kept.
        kept: where the browser keeps the job's id.
        error: where an error shows.
        gone: says that the server no longer has the job of an id.

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
