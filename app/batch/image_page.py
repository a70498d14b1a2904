"""The images part of the batch tab: a zip of images, or several images, looked at one after another.

The page says how many there are and how long they will take as soon as they are uploaded. The work is a job, as that of
queries is: it waits, is watched, stopped, found again after a reload and continued. Images that an earlier zip of
results already holds are skipped.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gradio as gr

from app.batch.follow import HIDDEN, OFF, ON, WATCHERS, Follower, Updates, watch
from app.batch.image_job import (
    IMAGES,
    MOST_IMAGES,
    SENT,
    ImageJob,
    count_images,
    names_in_results,
    take_images,
    without_done,
)
from app.batch.image_view import SECONDS_AN_IMAGE, estimate_html, found_html, state_html, taking_in_html
from app.batch.queue import JobStore
from app.image.looking import (
    LEAST_SCORE,
    MAX_INSTRUCTION,
    MOST_SCORE,
    USUAL_SCORE,
    SharedDetector,
    checked_instruction,
    checked_score,
)
from app.server.failure_view import failure_html
from app.server.templates import muted
from kg_data.errors import SkylarkError
from vision.images.loading import MAX_BYTES

PROMISE = (
    f"At most {MOST_IMAGES} images a job, {MAX_BYTES // 2**20} MB an upload and {IMAGES.bytes_all // 2**20} MB "
    "unpacked; one job works at once, the others wait. No language model is asked, so there are no tokens and no "
    "price. Reload the page and the job is found again."
)


class ImagesPart:
    """The part for images; its events give the new values of its components.

    Args:
        detector: the detector, which all visitors share.
        page: the page.
        kept: see `kept_job`.
    """

    def __init__(self, detector: SharedDetector, page: gr.Blocks, kept: gr.BrowserState) -> None:
        self._detector, self._jobs, self._pace = detector, JobStore[ImageJob](), SECONDS_AN_IMAGE
        self.kept = kept
        with gr.Column(elem_classes="sk-panel"):
            self._build_form()
        self.error = gr.HTML(elem_id="images_error")
        with gr.Column(elem_classes="sk-panel sk-results", elem_id="images_panel"):
            self.status = gr.HTML(elem_id="images_status")
            self.found = gr.HTML(elem_id="images_rows")
        self.follower = Follower(self._jobs, kept, self.error, lambda _: GONE)
        self._connect(page)

    def _build_form(self) -> None:
        with gr.Row():
            self.files = gr.File(
                label="A zip of images, or images", file_count="multiple", file_types=["image", ".zip"], height=150,
                elem_id="batch_images", min_width=260,
            )  # fmt: skip
            with gr.Column(min_width=260):
                self.instruction = gr.Textbox(
                    label="Instruction, for all of them", lines=2, max_lines=6, max_length=MAX_INSTRUCTION,
                    placeholder="Find every vehicle except buses", elem_id="batch_instruction",
                )  # fmt: skip
                self.score = gr.Slider(LEAST_SCORE, MOST_SCORE, value=USUAL_SCORE, step=0.05, label="Least score",
                                       elem_id="batch_score")  # fmt: skip
        self.estimated = gr.HTML(elem_id="images_estimate")
        with gr.Row():
            self.look_at_all = gr.Button(
                "Look at all", variant="primary", elem_id="images_start", scale=0, min_width=115
            )
            self.resume = gr.Button("Go on", interactive=False, elem_id="images_go_on", scale=0, min_width=85)
            self.halt = gr.Button("Stop", interactive=False, elem_id="images_stop", scale=0, min_width=75)
            self.download = gr.DownloadButton(
                "Download the zip", visible=False, elem_id="images_zip", scale=0, min_width=170
            )
        with gr.Accordion("Go on with a zip of results", open=False, elem_id="images_again"):
            gr.HTML(muted("Add the same images above and the zip of results here: images that it holds are skipped."))
            self.earlier = gr.File(label="Zip of results", file_types=[".zip"], height=110, elem_id="images_earlier")
        gr.HTML(muted(PROMISE))

    def _connect(self, page: gr.Blocks) -> None:
        follower = self.follower
        quick: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        shown = [self.status, self.found, self.download, follower.current, self.look_at_all, self.resume, self.halt]
        self.files.change(self.estimate, [self.files], [self.estimated], concurrency_limit=4,
                          trigger_mode="always_last", **quick)  # fmt: skip
        taking_in = self.look_at_all.click(
            lambda: {self.error: taking_in_html(), self.look_at_all: OFF}, None, [self.error, self.look_at_all],
            queue=False, **quick,
        )  # fmt: skip
        sent = [self.files, self.instruction, self.score, self.earlier, self.kept]
        for begins in (
            taking_in.then(
                self.start, sent, follower.parts, concurrency_limit=4, concurrency_id="images-start", **quick
            ),
            self.resume.click(self.go_on, [follower.current], follower.parts, concurrency_limit=4, **quick),
            page.load(follower.find_again, [self.kept], follower.parts, **quick),
        ):
            begins.then(self.follow, [follower.following], shown, concurrency_limit=WATCHERS,
                        concurrency_id="images-watch", trigger_mode="multiple", **quick)  # fmt: skip
        self.halt.click(follower.stop, [follower.current], None, queue=False, **quick)

    def estimate(self, files: list[str] | None) -> str:
        """What looking at these files would take; nothing where there are none."""
        try:
            return estimate_html(*count_images([Path(path) for path in files]), self._pace) if files else ""
        except Exception as error:
            return failure_html(error)

    def start(
        self, files: list[str] | None, instruction: str | None, min_score: float, earlier: str | None,
        before: str | None,
    ) -> Updates:  # fmt: skip
        """Take in what was sent and begin to look at it."""

        def begin() -> ImageJob:
            self._jobs.check_idle(before)
            words, paths = checked_instruction(instruction), [Path(path) for path in files or ()]
            return self._jobs.begun(lambda folder: self._begun(folder, paths, words, min_score, earlier))

        return self.follower.begin(begin)

    def _begun(self, folder: Path, files: list[Path], words: str, min_score: float, earlier: str | None) -> ImageJob:
        for part in (SENT, "earlier"):
            (folder / part).mkdir()
        paths = images = take_images(files, folder / SENT)
        if earlier:
            paths = without_done(images, names_in_results(Path(earlier), folder / "earlier"))
            if not paths:
                raise SkylarkError("the earlier results hold all these images: there is nothing left to look at")
        job = ImageJob(
            folder, paths, words, checked_score(min_score), lambda: self._detector.vision, len(images) - len(paths)
        )
        job.start(self._jobs.line)
        return job

    def go_on(self, current: str | None) -> Updates:
        """Continue the job that is shown."""

        def begin() -> ImageJob:
            job = self._jobs.get(current)
            if job is None:
                raise SkylarkError("there is no job of images to go on with: add images, then look at all")
            job.start(self._jobs.line)
            return job

        return self.follower.begin(begin)

    async def follow(self, identifier: str | None) -> AsyncIterator[Updates]:
        """Watch a job until it rests."""
        job = self._jobs.get(identifier)
        if job is None:
            # Look at all was shut while its files were taken in.
            yield {self.look_at_all: ON}
            return
        began = time.monotonic()
        async for first, changed in watch(job, lambda: len(job.entries)):
            updates: Updates = {self.status: state_html(job, began), self.download: HIDDEN}
            updates |= {self.look_at_all: OFF, self.resume: OFF, self.halt: ON}
            if changed:
                updates[self.found] = found_html(job)
            if first:
                updates[self.follower.current] = job.id
            yield updates
        self._pace = job.pace or self._pace
        archive = str(job.archive) if job.archive is not None and job.archive.exists() else None
        yield {
            self.status: state_html(job, began),
            self.found: found_html(job),
            self.download: gr.update(value=archive, visible=archive is not None),
            self.follower.current: job.id,
            self.look_at_all: ON,
            self.resume: gr.update(interactive=job.state in ("stopped", "failed")),
            self.halt: OFF,
        }


GONE = "Your job of images is no longer on this server. To continue it, give its zip of results back below."
