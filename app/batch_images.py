"""The images part of the batch page: a zip of images, or several images, looked at one after another.

The looking and the zip of results are those of the image page's own batch (`app.image_batch`). Here zips are taken in,
the work can be stopped, and what an earlier zip of results already holds is passed over.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.concurrency import run_in_threadpool

from app.batch_zip import Bounds, unpack
from app.failure_view import failure_html
from app.image_batch import MOST_IMAGES, OVERDUE, Progress, run_batch
from app.image_page import LEAST_SCORE, MAX_INSTRUCTION, MOST_SCORE, USUAL_SCORE, ImageDemo
from app.markup import counted, heading, muted, name, seconds_text, table, text
from kg_data.errors import SkylarkError
from vision.images import MAX_BYTES

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
IMAGES = Bounds(files=MOST_IMAGES, bytes_each=MAX_BYTES, bytes_all=4 * MAX_BYTES)
LIST, LIST_BOUNDS = "detections.json", Bounds(files=1, bytes_each=2**25, bytes_all=2**25)
ROWS_SHOWN = 100
ARCHIVE = "skylark-detections.zip"
PROMISE = (
    f"At most {MOST_IMAGES} images a job, {MAX_BYTES // 2**20} MB an upload and {IMAGES.bytes_all // 2**20} MB "
    "unpacked; one job works at once, the others wait. The detector looks, about a tenth of a second to a second an "
    "image; no language model is asked, so there are no tokens and no price."
)


def take_images(files: Sequence[Path], folder: Path) -> list[Path]:
    """The images among what was sent, zips unpacked into `folder`.

    Raises:
        SkylarkError: there is none, or too much, or a zip is no honest one.
    """
    images: list[Path] = []
    for number, path in enumerate(files):
        if path.suffix.lower() == ".zip":
            place = folder / str(number)
            place.mkdir()
            images += unpack(path, place, IMAGES, lambda name: name.lower().endswith(ENDINGS))
        else:
            images.append(path)
    if not images:
        ends = ", ".join(ENDINGS)
        raise SkylarkError(f"there is no image yet: add a zip of images, or images; names end in {ends}")
    if len(images) > MOST_IMAGES:
        raise SkylarkError(f"{len(images)} images are more than one job here takes ({MOST_IMAGES}): send fewer")
    return images


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


class Work:
    """One visitor's images under way."""

    def __init__(self) -> None:
        self.stopped = threading.Event()


class BatchImages:
    """What the events do; the detector is shared by all visitors.

    Args:
        images: the image page's.
    """

    def __init__(self, images: ImageDemo) -> None:
        self._images = images

    async def run(
        self, files: list[str] | None, instruction: str | None, min_score: float, earlier: str | None, work: Work
    ) -> AsyncIterator[tuple[Any, ...]]:
        """Look at all. Gives: a status, the images so far, the zip, whether Start and Stop can be pressed."""
        work.stopped.clear()
        folder = Path(tempfile.mkdtemp(prefix="skylark-images-"))
        rows: list[tuple[str, int | str]] = []
        nothing = gr.update(value=None, visible=False)
        yield _status("Taking in what was sent"), "", nothing, _OFF, _ON
        try:
            words = (instruction or "").strip()
            if len(words) > MAX_INSTRUCTION:
                raise SkylarkError(
                    f"the instruction has {len(words):,} characters; at most {MAX_INSTRUCTION:,} are read"
                )
            (folder / "sent").mkdir()
            (folder / "earlier").mkdir()
            sent = [Path(path) for path in files or ()]
            paths = await run_in_threadpool(take_images, sent, folder / "sent")
            passed = 0
            if earlier:
                done = await run_in_threadpool(looked_at, Path(earlier), folder / "earlier")
                passed, paths = len(paths), left_over(paths, done)
                passed -= len(paths)
                if not paths:
                    raise SkylarkError("the earlier results hold all these images: there is nothing left to look at")
            bound = min(max(float(min_score), LEAST_SCORE), MOST_SCORE)
            began = time.monotonic()
            steps = run_batch(self._images.vision, paths, words, bound, folder / ARCHIVE, work.stopped.is_set)
            while (progress := await run_in_threadpool(next, steps, None)) is not None:
                if progress.latest is not None:
                    rows.append(progress.latest)
                over = progress.archive is not None
                yield (
                    _status(_told(progress, passed, time.monotonic() - began), progress),
                    _rows_html(rows),
                    gr.update(value=str(progress.archive), visible=True) if over else gr.skip(),
                    _ON if over else gr.skip(),
                    _OFF if over else gr.skip(),
                )
        except Exception as error:
            yield failure_html(error), gr.skip(), gr.skip(), _ON, _OFF
        finally:
            work.stopped.set()
            shutil.rmtree(folder, ignore_errors=True)

    def stop(self, work: Work) -> None:
        """Stop after the image under way; what was found until then is in the zip."""
        work.stopped.set()


_ON, _OFF = gr.update(interactive=True), gr.update(interactive=False)


def _told(progress: Progress, passed: int, seconds: float) -> str:
    """How far it is; `seconds` have gone by since the first image."""
    state = "Looking" if progress.archive is None else "Done" if progress.done == progress.total else "Stopped"
    if progress.overdue:
        state = OVERDUE
    told = f"{state}: {progress.done:,} of {counted(progress.total, 'image')}, {counted(progress.objects, 'object')}"
    if progress.failed:
        told += f", {len(progress.failed):,} not readable"
    if passed:
        told += f"; {passed:,} passed over that the earlier results hold"
    if state == "Looking" and progress.done:
        told += f"; about {seconds_text(seconds / progress.done * (progress.total - progress.done))} left"
    if state not in ("Looking", "Done"):
        told += ". To go on, give this zip of results back below and start again"
    return f"{told}."


def _status(told: str, progress: Progress | None = None) -> str:
    bar = ""
    if progress is None:
        bar = '<progress class="sk-bar" aria-label="How far the images are"></progress>'
    elif progress.archive is None:
        bar = (f'<progress class="sk-bar" aria-label="How far the images are" value="{progress.done}" '
               f'max="{progress.total}"></progress>')  # fmt: skip
    return f'<p class="sk-status" role="status">{text(told)}</p>{bar}'


def _rows_html(rows: Sequence[tuple[str, int | str]]) -> str:
    if not rows:
        return ""
    cells = [
        [
            name(image),
            counted(found, "object") if isinstance(found, int) else f'<span class="sk-note">{text(found)}</span>',
        ]
        for image, found in reversed(rows[-ROWS_SHOWN:])
    ]
    note = muted(text(f"The newest {ROWS_SHOWN} of {len(rows):,}.")) if len(rows) > ROWS_SHOWN else ""
    return f"{heading('Images so far')}{note}{table('Images so far', ['Image', 'Found'], cells)}"


def build_batch_images(demo: BatchImages) -> None:
    """The images part, inside a tab."""
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
        with gr.Row():
            start = gr.Button("Look at all", variant="primary", elem_id="images_start", scale=0, min_width=115)
            stop = gr.Button("Stop", interactive=False, elem_id="images_stop", scale=0, min_width=75)
            download = gr.DownloadButton(
                "Download the zip", visible=False, elem_id="images_zip", scale=0, min_width=170
            )
        with gr.Accordion("Go on with images that were stopped", open=False, elem_id="images_again"):
            gr.HTML(muted("Add the same images above and the zip of results here: what it holds is passed over."))
            earlier = gr.File(label="Zip of results", file_types=[".zip"], height=110, elem_id="images_earlier")
        gr.HTML(muted(text(PROMISE)))
    with gr.Column(elem_classes="sk-panel sk-results", elem_id="images_panel"):
        status = gr.HTML(elem_id="images_status")
        rows = gr.HTML(elem_id="images_rows")
    work = gr.State(Work)
    start.click(
        demo.run, [files, instruction, score, earlier, work], [status, rows, download, start, stop],
        api_visibility="private", concurrency_limit=1, concurrency_id="batch", show_progress="hidden",
    )  # fmt: skip
    stop.click(demo.stop, [work], None, api_visibility="private", queue=False, show_progress="hidden")
