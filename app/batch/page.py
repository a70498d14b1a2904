"""The tab for many at once: queries or questions by one method or two, or images under one instruction.

A job is estimated first, then started. It works on a thread of its own, so a page that is reloaded finds it again by
the id that the browser keeps; its zip of everything makes it again on a server that has forgotten it.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import gradio as gr

from app.batch.images import BatchImages, build_batch_images
from app.batch.job import Job
from app.batch.jobs import MOST_WAITING, RUNS_AT_ONCE, Jobs
from app.batch.methods import NOTHING, chosen_methods, offered_methods
from app.batch.results import comparison_of, job_again, results_of, write_files
from app.batch.upload import receive, split_of
from app.batch.view import answers_html, estimate_html, figures_html, limits_html, state_html
from app.graph.graphs import DEFAULT_GRAPH, GraphShelf
from app.image.page import ImageDemo
from app.models.language_model import LanguageModel
from app.server.failure_view import failure_html
from app.server.markup import muted, text
from kg_data.errors import SkylarkError
from reasoning.evaluation.query_files import PROTOCOLS, SPLITS

TICK = 0.7
WATCHERS = 2 * (RUNS_AT_ONCE + MOST_WAITING) + 4
"""Pages that may follow a job at once; following takes no thread."""
FROM_NAME = "as the file names say"
WRITTEN = 'capital(borders("Germany") & !~currency("Euro"))\nWhich countries border France?\npopulation("Portugal")'

# The table of answers is redrawn as they come; who has scrolled in it stays where he was.
KEEP_SCROLL = """
let at = 0;
element.addEventListener('scroll', (event) => { if (event.target.matches('.sk-scroll')) at = event.target.scrollTop; },
  true);
watch('value', () => { const box = element.querySelector('.sk-scroll'); if (box) box.scrollTop = at; });
"""


class BatchDemo:
    """What the tab's events do.

    Args:
        shelf: the graphs on offer.
        model: the page's language model, which knows visitors' own.
        images: the image page's detector.
    """

    def __init__(self, shelf: GraphShelf, model: LanguageModel, images: ImageDemo) -> None:
        self._shelf, self._model, self._jobs = shelf, model, Jobs()
        self.images = BatchImages(images)

    def methods(self, *, none: bool = False) -> list[tuple[str, str]]:
        """What may be chosen now, as label and key."""
        found = [(method.label, method.key) for method in offered_methods(self._model)]
        return [("nothing", NOTHING), *found] if none else found

    def offer(self) -> tuple[Any, Any]:
        """Both choices of a method, once another model is in use."""
        return gr.update(choices=self.methods()), gr.update(choices=self.methods(none=True))

    def estimate(
        self,
        files: list[str] | None,
        typed: str | None,
        graph: str,
        method: str | None,
        beside: str | None,
        protocol: str,
        split: str,
        before: str | None,
    ) -> tuple[Any, ...]:
        """Take in what was sent and begin to count. Gives: an error, the job to follow, the job that the browser
        keeps."""
        folder: Path | None = None
        try:
            self._none_at_work(before)
            folder = self._jobs.new_folder()
            if graph not in self._shelf.names:
                self._shelf.get(graph)  # says which there are
            methods = chosen_methods(self._model, [method, beside])
            upload = receive([Path(path) for path in files or ()], typed or "", folder / "input")
            chosen = split if split in SPLITS else None
            if protocol not in PROTOCOLS:
                raise SkylarkError(f"choose a protocol: {' or '.join(PROTOCOLS)}")
            if upload.kind == "records" and chosen is None and split_of(upload) is None:
                raise SkylarkError(
                    "the names of the files do not say which split these query records are of: choose valid or test "
                    'under "For query records"'
                )
            job = Job(folder, upload, graph, self._shelf, protocol, chosen, methods)
            job.estimate(self._jobs.estimates, methods)
        except Exception as error:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            return failure_html(error), "", gr.skip()
        self._jobs.add(job)
        return "", job.id, job.id

    def start(self, current: str | None) -> tuple[Any, ...]:
        """Run the job that was estimated, or go on with it. Gives: an error, the job to follow."""
        try:
            self._run(self._job(current))
        except Exception as error:
            return failure_html(error), ""
        return "", current

    def stop(self, current: str | None) -> None:
        """Stop the job; what it has stays."""
        self._jobs.stop(current)

    def again(self, archive: str | None, identifier: str | None, before: str | None) -> tuple[Any, ...]:
        """Go on with a job, by its zip or by its id. Gives what `estimate` gives."""
        try:
            job = self._jobs.get((identifier or "").strip())
            if job is None and archive is None:
                if identifier:
                    raise SkylarkError(
                        "this server does not hold a job of this id (any more): give its zip of everything back"
                    )
                raise SkylarkError("there is nothing to go on with yet: add a job's zip, or type its id")
            if job is None or not job.active:
                self._none_at_work(before)
            if job is None:
                made = job_again(Path(str(archive)), self._jobs, self._shelf, self._model)
                job = self._jobs.get(made.id)
                if job is None or not job.active:
                    job = made
                    self._jobs.add(job)
            if not job.active and job.state != "done":
                self._run(job)
        except Exception as error:
            return failure_html(error), "", gr.skip()
        return "", job.id, job.id

    def found_again(self, before: str | None) -> tuple[Any, ...]:
        """Whether the server still has the job that the browser remembers, after a reload. Gives what `estimate`
        gives."""
        if not before:
            return gr.skip(), "", gr.skip()
        if self._jobs.get(before) is None:
            gone = (
                f"The job {before[:40]} is no longer on this server. Its zip of everything, given back below, goes on."
            )
            return muted(text(gone)), "", ""
        return "", before, gr.skip()

    async def follow(self, identifier: str | None) -> AsyncIterator[tuple[Any, ...]]:
        """Watch a job until it rests. Gives: status, estimate, answers, figures, files, the job that is shown, the
        buttons Estimate, Start and Stop."""
        job = self._jobs.get(identifier)
        if job is None:
            yield (gr.skip(),) * 9
            return
        began, shown, hidden = time.monotonic(), None, gr.update(value=None, visible=False)
        while job.active:
            job.watched()
            seen = (job.state, job.answered)
            fresh = seen != shown
            yield (
                state_html(job, began),
                estimate_html(job) if fresh else gr.skip(),
                answers_html(job) if fresh else gr.skip(),
                "" if shown is None else gr.skip(),
                hidden if shown is None else gr.skip(),
                job.id if shown is None else gr.skip(),
                *((_OFF, _OFF, _ON) if shown is None else (gr.skip(),) * 3),
            )
            shown = seen
            await asyncio.sleep(TICK)
        # Drawing and packing take a moment; that it has ended is said before.
        yield (state_html(job, began), *(gr.skip(),) * 7, _OFF)
        files, figures = await asyncio.to_thread(self._results, job)
        go_on = job.state in ("stopped", "failed") and job.runs[0].total > 0
        yield (
            state_html(job, began), estimate_html(job), answers_html(job), figures,
            gr.update(value=files, visible=True) if files else hidden, job.id, _ON,
            gr.update(value="Go on" if go_on else "Start", interactive=go_on or job.state == "estimated"), _OFF,
        )  # fmt: skip

    def _results(self, job: Job) -> tuple[list[str], str]:
        """The files to take away, and the figures; what cannot be written is told in their place."""
        if not job.answered:
            return [], ""
        try:
            files = write_files(job)
            figures = figures_html(job, results_of(job), comparison_of(job), job.folder / "plot.png")
        except Exception as error:
            return [], failure_html(error)
        return [str(path) for path in files], figures

    def _run(self, job: Job) -> None:
        """Let a job work, with the model that the visitor has now whose event this is."""
        job.start(self._jobs.runs, chosen_methods(self._model, [run.method.key for run in job.runs]))

    def _job(self, identifier: str | None) -> Job:
        job = self._jobs.get(identifier)
        if job is None:
            raise SkylarkError("there is no job to start: have one estimated first, or give its zip back")
        return job

    def _none_at_work(self, before: str | None) -> None:
        job = self._jobs.get(before)
        if job is not None and job.active:
            raise SkylarkError("a job of yours is at work: wait for its end or stop it, then begin another")


_ON, _OFF = gr.update(interactive=True), gr.update(interactive=False)


def kept_job() -> gr.BrowserState:
    """Where the browser keeps a job's id. It belongs outside of the tabs: what is in one is there only once that has
    been opened."""
    return gr.BrowserState("", storage_key="skylark-batch-job", secret="skylark-batch-job")


def build_batch(
    demo: BatchDemo, shelf: GraphShelf, page: gr.Blocks, kept: gr.BrowserState, images: gr.BrowserState
) -> Callable[[Any], None]:
    """The tab, inside `page`; gives what lets the choices follow an event after which another model is in use."""
    gr.HTML(
        "<p>Run many queries or questions, or look at many images: see what it takes, watch, stop, go on, take the "
        "results away.</p>",
        elem_classes="sk-about",
    )
    with gr.Tabs(elem_id="batch_kinds"):
        with gr.Tab("Questions and queries", elem_id="batch_lines_tab"):
            offer = _build_lines(demo, shelf, page, kept)
        with gr.Tab("Images", elem_id="batch_images_tab"):
            build_batch_images(demo.images, page, images)
    return offer


def _build_lines(demo: BatchDemo, shelf: GraphShelf, page: gr.Blocks, kept: gr.BrowserState) -> Callable[[Any], None]:
    with gr.Column(elem_classes="sk-panel"):
        with gr.Row():
            files = gr.File(
                label="Files", file_count="multiple",
                file_types=["text", ".jsonl", ".json", ".tsv", ".txt"], height=150, elem_id="batch_upload",
                min_width=260,
            )  # fmt: skip
            typed = gr.Textbox(
                label="Or type them, one a line", lines=5, max_lines=8, elem_id="batch_typed", placeholder=WRITTEN,
                min_width=260,
            )  # fmt: skip
        gr.HTML(muted("Query records and questions with answers as <code>python -m reasoning evaluate</code> reads "
                      "them, or plain lines: questions in words, queries in the grammar."))  # fmt: skip
        with gr.Row():
            graph = gr.Dropdown(list(shelf.names), value=DEFAULT_GRAPH, label="Graph", elem_id="batch_graph",
                                min_width=130, scale=1)  # fmt: skip
            method = gr.Dropdown(demo.methods(), value=demo.methods()[0][1], label="Method", elem_id="batch_method",
                                 min_width=220, scale=2)  # fmt: skip
            beside = gr.Dropdown(demo.methods(none=True), value=NOTHING, label="Beside it", elem_id="batch_beside",
                                 min_width=220, scale=2)  # fmt: skip
        with gr.Accordion("For query records", open=False, elem_id="batch_records"):
            with gr.Row():
                protocol = gr.Radio(list(PROTOCOLS), value=PROTOCOLS[0], label="Protocol", elem_id="batch_protocol")
                split = gr.Dropdown([FROM_NAME, *SPLITS], value=FROM_NAME, label="Split", elem_id="batch_split")
            gr.HTML(muted("reading: the answers can be read off the graph; hard: they have to be guessed from a "
                          "smaller one."))  # fmt: skip
        with gr.Row():
            count = gr.Button("Estimate", variant="primary", elem_id="batch_estimate", scale=0, min_width=105)
            start = gr.Button("Start", interactive=False, elem_id="batch_go", scale=0, min_width=85)
            stop = gr.Button("Stop", interactive=False, elem_id="batch_stop", scale=0, min_width=75)
        gr.HTML(limits_html())
        with gr.Accordion("Go on with a job", open=False, elem_id="batch_again_panel"):
            gr.HTML(muted("A job can be found by its id while this server holds it, and made again from its zip of "
                          "everything at any time."))  # fmt: skip
            with gr.Row():
                archive = gr.File(label="Zip of everything", file_types=[".zip"], height=110, elem_id="batch_archive",
                                  min_width=240)  # fmt: skip
                with gr.Column(min_width=240):
                    identifier = gr.Textbox(label="Or the job's id", max_length=60, elem_id="batch_id")
                    again = gr.Button("Go on with this job", elem_id="batch_again")
    error = gr.HTML(elem_id="batch_error")
    with gr.Column(elem_classes="sk-panel sk-results", elem_id="batch_panel"):
        status = gr.HTML(elem_id="job_status")
        estimate = gr.HTML(elem_id="job_estimate")
        figures = gr.HTML(elem_id="job_figures")
        results = gr.File(label="Take away", file_count="multiple", interactive=False, visible=False,
                          elem_id="job_files")  # fmt: skip
        answers = gr.HTML(elem_id="job_answers", js_on_load=KEEP_SCROLL)

    following, current = gr.State(""), gr.State("")
    begun = [error, following, kept]
    quick: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "multiple"}
    shown = [status, estimate, answers, figures, results, current, count, start, stop]

    def followed(event: Any) -> None:
        event.then(demo.follow, [following], shown, concurrency_limit=WATCHERS, concurrency_id="batch-watch", **quick)

    sent = [files, typed, graph, method, beside, protocol, split, kept]
    followed(count.click(demo.estimate, sent, begun, concurrency_limit=4, **quick))
    followed(start.click(demo.start, [current], [error, following], concurrency_limit=4, **quick))
    followed(again.click(demo.again, [archive, identifier, kept], begun, concurrency_limit=2, **quick))
    followed(page.load(demo.found_again, [kept], begun, **quick))
    stop.click(demo.stop, [current], None, queue=False, **quick)

    def offer(event: Any) -> None:
        event.then(demo.offer, None, [method, beside], queue=False, **quick)

    return offer
