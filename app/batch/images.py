"""The images part of the batch page: a zip of images, or several images, looked at one after another.

How many there are and how long they will take is said as soon as they are there. The work is a job as that of lines is:
it waits, is watched, stopped, found again after a reload and gone on with. What an earlier zip of results already holds
is passed over.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from app.batch.image_batch import LIST, MOST_IMAGES
from app.batch.image_job import SENT, ImageJob
from app.batch.image_job_view import SECONDS_AN_IMAGE, estimate_html, found_html, state_html
from app.batch.jobs import MOST_WAITING, RUNS_AT_ONCE, KeptWork
from app.batch.zip import Bounds, listed, unpack
from app.image.page import LEAST_SCORE, MAX_INSTRUCTION, MOST_SCORE, USUAL_SCORE, ImageDemo
from app.server.failure_view import failure_html
from app.server.markup import muted, text
from kg_data.errors import SkylarkError
from vision.images.loading import MAX_BYTES

TICK = 0.7
WATCHERS = 2 * (RUNS_AT_ONCE + MOST_WAITING) + 4
ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
IMAGES = Bounds(files=MOST_IMAGES, bytes_each=MAX_BYTES, bytes_all=4 * MAX_BYTES)
LIST_BOUNDS = Bounds(files=1, bytes_each=2**25, bytes_all=2**25)
PROMISE = (
    f"At most {MOST_IMAGES} images a job, {MAX_BYTES // 2**20} MB an upload and {IMAGES.bytes_all // 2**20} MB "
    "unpacked; one job works at once, the others wait. No language model is asked, so there are no tokens and no "
    "price. Reload the page and the job is found again."
)


def count_images(files: Sequence[Path]) -> tuple[int, int]:
    """How many images were sent, and how many bytes they have; zips are not unpacked for it.

    Raises:
        SkylarkError: as `take_images`.
    """
    sizes: list[int] = []
    for path in files:
        sizes += listed(path, IMAGES, _is_image) if path.suffix.lower() == ".zip" else [path.stat().st_size]
    if not sizes:
        ends = ", ".join(ENDINGS)
        raise SkylarkError(f"there is no image yet: add a zip of images, or images; names end in {ends}")
    if len(sizes) > MOST_IMAGES:
        raise SkylarkError(f"{len(sizes)} images are more than one job here takes ({MOST_IMAGES}): send fewer")
    if sum(sizes) > IMAGES.bytes_all:
        raise SkylarkError(
            f"the images have {sum(sizes):,} bytes, more than one job here takes ({IMAGES.bytes_all:,}): send fewer"
        )
    return len(sizes), sum(sizes)


def take_images(files: Sequence[Path], folder: Path) -> list[Path]:
    """The images among what was sent, copied or unpacked into `folder`, since uploads do not last.

    Raises:
        SkylarkError: there is none, or too much, or a zip is no honest one.
    """
    count_images(files)
    images: list[Path] = []
    for number, path in enumerate(files):
        place = folder / str(number)
        place.mkdir()
        if path.suffix.lower() == ".zip":
            images += unpack(path, place, IMAGES, _is_image)
        else:
            images.append(Path(shutil.copyfile(path, place / path.name)))
    return images


def _is_image(name: str) -> bool:
    return name.lower().endswith(ENDINGS)


def looked_at(results: Path, folder: Path) -> Counter[str]:
    """How often each image's name is in an earlier zip of results.

    Raises:
        SkylarkError: it is no such zip.
    """
    found = unpack(results, folder, LIST_BOUNDS, lambda name: name == LIST)
    try:
        return Counter(str(entry["image"]) for entry in json.loads(found[0].read_text(encoding="utf-8")))
    except (IndexError, ValueError, TypeError, KeyError, RecursionError):
        raise SkylarkError(f"this is no zip of results: one has {LIST} in it; give it back as it was") from None


def left_over(images: Sequence[Path], done: Counter[str]) -> list[Path]:
    """The images that are not among those done; where several have a name, the later ones."""
    waiting, rest = Counter(done), []
    for path in images:
        if waiting[path.name]:
            waiting[path.name] -= 1
        else:
            rest.append(path)
    return rest


class BatchImages:
    """What the events do; the detector is shared by all visitors.

    Args:
        images: the image page's.
    """

    def __init__(self, images: ImageDemo) -> None:
        self._images, self._jobs = images, KeptWork[ImageJob]()
        self._pace = SECONDS_AN_IMAGE

    def estimate(self, files: list[str] | None) -> str:
        """What looking at these files would take; nothing where there are none."""
        try:
            return estimate_html(*count_images([Path(path) for path in files]), self._pace) if files else ""
        except Exception as error:
            return failure_html(error)

    def start(
        self, files: list[str] | None, instruction: str | None, min_score: float, earlier: str | None,
        before: str | None,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Take in what was sent and begin. Gives: an error, the job to follow, the job that the browser keeps."""
        folder: Path | None = None
        try:
            self._none_at_work(before)
            words = (instruction or "").strip()
            if len(words) > MAX_INSTRUCTION:
                raise SkylarkError(
                    f"the instruction has {len(words):,} characters; at most {MAX_INSTRUCTION:,} are read"
                )
            folder = self._jobs.new_folder()
            job = self._made(folder, [Path(path) for path in files or ()], words, min_score, earlier)
            job.start(self._jobs.runs)
        except Exception as error:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            return failure_html(error), "", gr.skip()
        self._jobs.add(job)
        return "", job.id, job.id

    def _made(self, folder: Path, files: list[Path], words: str, min_score: float, earlier: str | None) -> ImageJob:
        for part in (SENT, "earlier"):
            (folder / part).mkdir()
        paths, passed = take_images(files, folder / SENT), 0
        if earlier:
            rest = left_over(paths, looked_at(Path(earlier), folder / "earlier"))
            passed, paths = len(paths) - len(rest), rest
            if not paths:
                raise SkylarkError("the earlier results hold all these images: there is nothing left to look at")
        bound = min(max(float(min_score), LEAST_SCORE), MOST_SCORE)
        return ImageJob(folder, paths, words, bound, lambda: self._images.vision, passed)

    def go_on(self, current: str | None) -> tuple[Any, ...]:
        """Go on with the job that is shown. Gives: an error, the job to follow."""
        try:
            job = self._jobs.get(current)
            if job is None:
                raise SkylarkError("there is no job of images to go on with: add images, then look at all")
            job.start(self._jobs.runs)
        except Exception as error:
            return failure_html(error), ""
        return "", current

    def stop(self, current: str | None) -> None:
        """Stop after the image under way, or give the place up; what was found until then is in the zip."""
        self._jobs.stop(current)

    def found_again(self, before: str | None) -> tuple[Any, ...]:
        """Whether the server still has the job that the browser remembers, after a reload. Gives what `start` gives."""
        if not before:
            return gr.skip(), "", gr.skip()
        if self._jobs.get(before) is None:
            gone = "Your job of images is no longer on this server. Its zip of results, given back below, goes on."
            return muted(text(gone)), "", ""
        return "", before, gr.skip()

    async def follow(self, identifier: str | None) -> AsyncIterator[tuple[Any, ...]]:
        """Watch a job until it rests. Gives: status, what was found, the zip, the job that is shown, the buttons Look
        at all, Go on and Stop."""
        job = self._jobs.get(identifier)
        if job is None:
            # Look at all was shut while its files were taken in.
            yield (*(gr.skip(),) * 4, _ON, *(gr.skip(),) * 2)
            return
        began, shown = time.monotonic(), None
        while job.active:
            job.watched()
            first, seen = shown is None, len(job.entries)
            yield (
                state_html(job, began),
                found_html(job) if seen != shown else gr.skip(),
                gr.update(value=None, visible=False) if first else gr.skip(),
                job.id if first else gr.skip(),
                *((_OFF, _OFF, _ON) if first else (gr.skip(),) * 3),
            )
            shown = seen
            await asyncio.sleep(TICK)
        self._pace = job.pace or self._pace
        there = job.archive is not None and job.archive.exists()
        yield (
            state_html(job, began), found_html(job),
            gr.update(value=str(job.archive) if there else None, visible=there), job.id, _ON,
            gr.update(interactive=job.state in ("stopped", "failed")), _OFF,
        )  # fmt: skip

    def _none_at_work(self, before: str | None) -> None:
        job = self._jobs.get(before)
        if job is not None and job.active:
            raise SkylarkError("a job of yours is at work: wait for its end or stop it, then begin another")


_ON, _OFF = gr.update(interactive=True), gr.update(interactive=False)
TAKING_IN = (
    '<p class="sk-status" role="status">Taking in what was sent</p>'
    '<progress class="sk-bar" aria-label="How far the images are"></progress>'
)


def kept_images() -> gr.BrowserState:
    """Where the browser keeps the id of a job of images; see `kept_job`."""
    return gr.BrowserState("", storage_key="skylark-batch-images", secret="skylark-batch-images")


def build_batch_images(demo: BatchImages, page: gr.Blocks, kept: gr.BrowserState) -> None:
    """The images part, inside a tab of `page`."""
    with gr.Column(elem_classes="sk-panel"):
        with gr.Row():
            files = gr.File(
                label="A zip of images, or images", file_count="multiple", file_types=["image", ".zip"], height=150,
                elem_id="batch_images", min_width=260,
            )  # fmt: skip
            with gr.Column(min_width=260):
                instruction = gr.Textbox(
                    label="Instruction, for all of them", lines=2, max_lines=6, max_length=MAX_INSTRUCTION,
                    placeholder="Find every vehicle except buses", elem_id="batch_instruction",
                )  # fmt: skip
                score = gr.Slider(LEAST_SCORE, MOST_SCORE, value=USUAL_SCORE, step=0.05, label="Least score",
                                  elem_id="batch_score")  # fmt: skip
        estimate = gr.HTML(elem_id="images_estimate")
        with gr.Row():
            start = gr.Button("Look at all", variant="primary", elem_id="images_start", scale=0, min_width=115)
            go_on = gr.Button("Go on", interactive=False, elem_id="images_go_on", scale=0, min_width=85)
            stop = gr.Button("Stop", interactive=False, elem_id="images_stop", scale=0, min_width=75)
            download = gr.DownloadButton(
                "Download the zip", visible=False, elem_id="images_zip", scale=0, min_width=170
            )
        with gr.Accordion("Go on with a zip of results", open=False, elem_id="images_again"):
            gr.HTML(muted("Add the same images above and the zip of results here: what it holds is passed over."))
            earlier = gr.File(label="Zip of results", file_types=[".zip"], height=110, elem_id="images_earlier")
        gr.HTML(muted(text(PROMISE)))
    error = gr.HTML(elem_id="images_error")
    with gr.Column(elem_classes="sk-panel sk-results", elem_id="images_panel"):
        status = gr.HTML(elem_id="images_status")
        found = gr.HTML(elem_id="images_rows")
    following, current = gr.State(""), gr.State("")
    begun = [error, following, kept]
    quick: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    shown = [status, found, download, current, start, go_on, stop]

    def followed(event: Any) -> None:
        event.then(demo.follow, [following], shown, concurrency_limit=WATCHERS, concurrency_id="images-watch",
                   trigger_mode="multiple", **quick)  # fmt: skip

    files.change(demo.estimate, [files], [estimate], concurrency_limit=4, trigger_mode="always_last", **quick)
    taking_in = start.click(lambda: (TAKING_IN, _OFF), None, [error, start], queue=False, **quick)
    followed(
        taking_in.then(
            demo.start, [files, instruction, score, earlier, kept], begun, concurrency_limit=4,
            concurrency_id="images-start", **quick,
        )
    )  # fmt: skip
    followed(go_on.click(demo.go_on, [current], [error, following], concurrency_limit=4, **quick))
    followed(page.load(demo.found_again, [kept], begun, **quick))
    stop.click(demo.stop, [current], None, queue=False, **quick)
