"""The tab for many at once: queries or questions by one method or two, or images under one instruction.

A job of queries is estimated first, then started. It works on a thread of its own, so a page that is reloaded finds it
again by the id that the browser keeps; its zip of everything makes it again on a server that has forgotten it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from app.batch.images import ImagesPart
from app.batch.jobs import (
    NOTHING,
    QueryJob,
    Settings,
    chosen_methods,
    comparison_of,
    job_again,
    offered_methods,
    results_of,
    write_files,
)
from app.batch.upload import receive, split_of
from app.batch.view import (
    HIDDEN,
    OFF,
    ON,
    Follower,
    Updates,
    answers_html,
    estimate_html,
    figures_html,
    limits_html,
    state_html,
    watch,
)
from app.graph.graphs import GraphRegistry
from app.image.looking import SharedDetector
from app.models import LanguageModel
from app.server.views import failure_html, muted
from app.tasks import JobStore, WaitingLine
from reasoning.evaluation.query_files import PROTOCOLS, SPLITS
from skylark.errors import SkylarkError

GONE = "The job {} is no longer on this server. To continue it, give its zip of everything back below."
FROM_NAME = "as the file names say"
WRITTEN = 'capital(borders("Germany") & !~currency("Euro"))\nWhich countries border France?\npopulation("Portugal")'


class BatchTab:
    """The tab, in the block in which it is made."""

    def __init__(
        self,
        shelf: GraphRegistry,
        model: LanguageModel,
        detector: SharedDetector,
        page: gr.Blocks,
        kept_queries: gr.BrowserState,
        kept_images: gr.BrowserState,
    ) -> None:
        gr.HTML(
            "<p>Run many queries or questions, or look at many images: see what it takes, watch, stop, go on, take the "
            "results away.</p>",
            elem_classes="sk-about",
        )
        with gr.Tabs(elem_id="batch_kinds"):
            with gr.Tab("Questions and queries", elem_id="batch_lines_tab"):
                self.queries = QueriesPart(shelf, model, page, kept_queries)
            with gr.Tab("Images", elem_id="batch_images_tab"):
                self.images = ImagesPart(detector, page, kept_images)


class QueriesPart:
    """The part for queries and questions; its events give the new values of its components."""

    def __init__(self, shelf: GraphRegistry, model: LanguageModel, page: gr.Blocks, kept: gr.BrowserState) -> None:
        self._shelf, self._model = shelf, model
        self._jobs, self._estimates = JobStore[QueryJob](), WaitingLine()
        self.kept = kept
        with gr.Column(elem_classes="sk-panel"):
            self._build_form()
        self.error = gr.HTML(elem_id="batch_error")
        with gr.Column(elem_classes="sk-panel sk-results", elem_id="batch_panel"):
            self.status = gr.HTML(elem_id="job_status")
            self.estimated = gr.HTML(elem_id="job_estimate")
            self.figures = gr.HTML(elem_id="job_figures")
            self.results = gr.File(
                label="Take away", file_count="multiple", interactive=False, visible=False, elem_id="job_files"
            )
            # The table of answers is redrawn as they come; who has scrolled in it stays where he was.
            self.answers = gr.HTML(elem_id="job_answers", js_on_load="skylarkPage.keepScroll({element, watch});")
        self.follower = Follower(self._jobs, kept, self.error, GONE.format)
        self._connect(page)

    def _build_form(self) -> None:
        with gr.Row():
            self.files = gr.File(
                label="Files", file_count="multiple",
                file_types=["text", ".jsonl", ".json", ".tsv", ".txt"], height=150, elem_id="batch_upload",
                min_width=260,
            )  # fmt: skip
            self.typed = gr.Textbox(
                label="Or type them, one a line", lines=5, max_lines=8, elem_id="batch_typed", placeholder=WRITTEN,
                min_width=260,
            )  # fmt: skip
        gr.HTML(muted(Markup("Query records and questions with answers as <code>python -m reasoning evaluate</code> "
                             "reads them, or plain lines: questions in words, queries in the grammar.")))  # fmt: skip
        with gr.Row():
            self.graph = gr.Dropdown(list(self._shelf.names), value=self._shelf.names[0], label="Graph",
                                     elem_id="batch_graph", min_width=130, scale=1)  # fmt: skip
            methods = self._methods()
            self.method = gr.Dropdown(methods, value=methods[0][1], label="Method", elem_id="batch_method",
                                      min_width=220, scale=2)  # fmt: skip
            self.beside = gr.Dropdown(self._methods(none=True), value=NOTHING, label="Compared with",
                                      elem_id="batch_beside", min_width=220, scale=2)  # fmt: skip
        with gr.Accordion("For query records", open=False, elem_id="batch_records"):
            with gr.Row():
                self.protocol = gr.Radio(
                    list(PROTOCOLS), value=PROTOCOLS[0], label="Protocol", elem_id="batch_protocol"
                )
                self.split = gr.Dropdown([FROM_NAME, *SPLITS], value=FROM_NAME, label="Split", elem_id="batch_split")
            gr.HTML(muted("reading: the answers can be read off the graph; hard: they have to be guessed from a "
                          "smaller one."))  # fmt: skip
        with gr.Row():
            self.count = gr.Button("Estimate", variant="primary", elem_id="batch_estimate", scale=0, min_width=105)
            self.go = gr.Button("Start", interactive=False, elem_id="batch_go", scale=0, min_width=85)
            self.halt = gr.Button("Stop", interactive=False, elem_id="batch_stop", scale=0, min_width=75)
        gr.HTML(limits_html())
        with gr.Accordion("Continue an earlier run", open=False, elem_id="batch_again_panel"):
            gr.HTML(muted("A job can be found by its id while this server holds it, and made again from its zip of "
                          "everything at any time."))  # fmt: skip
            with gr.Row():
                self.archive = gr.File(
                    label="Zip of everything", file_types=[".zip"], height=110, elem_id="batch_archive", min_width=240
                )
                with gr.Column(min_width=240):
                    self.identifier = gr.Textbox(label="Or the job's id", max_length=60, elem_id="batch_id")
                    self.resume = gr.Button("Go on with this job", elem_id="batch_again")

    def _connect(self, page: gr.Blocks) -> None:
        follower = self.follower
        quick: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "multiple"}
        sent: set[Any] = {
            self.files, self.typed, self.graph, self.method, self.beside, self.protocol, self.split, self.kept,
        }  # fmt: skip
        again = [self.archive, self.identifier, self.kept]
        shown = [self.status, self.estimated, self.answers, self.figures, self.results, follower.current, self.count,
                 self.go, self.halt]  # fmt: skip
        begun = (
            self.count.click(self.estimate, sent, follower.parts, concurrency_limit=4, **quick),
            self.go.click(self.start, [follower.current], follower.parts, concurrency_limit=4, **quick),
            self.resume.click(self.again, again, follower.parts, concurrency_limit=2, **quick),
        )
        follower.connect(page, begun, self.follow, shown, self.halt, "batch-watch")

    def offer_after(self, event: Any) -> None:
        """Let the choices of a method follow an event after which another model is in use."""
        event.then(
            lambda: {
                self.method: gr.update(choices=self._methods()),
                self.beside: gr.update(choices=self._methods(none=True)),
            },
            None, [self.method, self.beside], queue=False, api_visibility="private", show_progress="hidden",
            trigger_mode="multiple",
        )  # fmt: skip

    def _methods(self, *, none: bool = False) -> list[tuple[str, str]]:
        """What may be chosen now, as label and key."""
        offered = [(method.label, method.key) for method in offered_methods(self._model)]
        return [("no other method", NOTHING), *offered] if none else offered

    def estimate(self, sent: dict[Any, Any]) -> Updates:
        """Take in what was sent and begin to count; `sent` has the values of the form's components."""

        def begin() -> QueryJob:
            self._jobs.check_idle(sent[self.kept])
            return self._jobs.begun(lambda folder: self._estimating(folder, sent))

        return self.follower.begin(begin)

    def _estimating(self, folder: Path, sent: dict[Any, Any]) -> QueryJob:
        graph, protocol = sent[self.graph], sent[self.protocol]
        if graph not in self._shelf.names:
            self._shelf.get(graph)  # says which there are
        methods = chosen_methods(self._model, [sent[self.method], sent[self.beside]])
        files = [Path(path) for path in sent[self.files] or ()]
        upload = receive(files, sent[self.typed] or "", folder / "input")
        split = sent[self.split] if sent[self.split] in SPLITS else None
        if protocol not in PROTOCOLS:
            raise SkylarkError(f"choose a protocol: {' or '.join(PROTOCOLS)}")
        if upload.kind == "records" and split is None and split_of(upload) is None:
            raise SkylarkError(
                "the names of the files do not say which split these query records are of: choose valid or test "
                'under "For query records"'
            )
        job = QueryJob(folder, upload, Settings(graph, protocol, split, methods), self._shelf)
        job.estimate(self._estimates, methods)
        return job

    def start(self, current: str | None) -> Updates:
        """Run the job that was estimated, or continue it."""

        def begin() -> QueryJob:
            job = self._jobs.get(current)
            if job is None:
                raise SkylarkError("there is no job to start: have one estimated first, or give its zip back")
            return self._run(job)

        return self.follower.begin(begin)

    def again(self, archive: str | None, identifier: str | None, before: str | None) -> Updates:
        """Continue a job, by its zip or by its id."""
        return self.follower.begin(lambda: self._continued(archive, (identifier or "").strip(), before))

    def _continued(self, archive: str | None, identifier: str, before: str | None) -> QueryJob:
        job = self._jobs.get(identifier)
        if identifier != before:
            self._jobs.check_idle(before)  # two that are followed at once would write over each other
        if job is None:
            if archive is None and identifier:
                raise SkylarkError(
                    "this server does not hold a job of this id (any more): give its zip of everything back"
                )
            if archive is None:
                raise SkylarkError("there is nothing to go on with yet: add a job's zip, or type its id")
            made = job_again(Path(archive), self._jobs, self._shelf, self._model)
            job = self._jobs.get(made.id)
            if job is None or not job.active:
                job = made
                self._jobs.add(job)
        return job if job.active or job.state == "done" else self._run(job)

    def _run(self, job: QueryJob) -> QueryJob:
        """Let a job work, with the model that the visitor has now whose event this is."""
        job.start(self._jobs.line, chosen_methods(self._model, [method.key for method in job.settings.methods]))
        return job

    async def follow(self, identifier: str | None) -> AsyncIterator[Updates]:
        """Watch a job until it rests."""
        job = self._jobs.get(identifier)
        if job is None:
            yield {self.status: gr.skip()}
            return
        began = time.monotonic()
        async for first, changed in watch(job, lambda: (job.state, job.answered)):
            updates: Updates = {self.status: state_html(job, began), self.results: HIDDEN}
            updates |= {self.count: OFF, self.go: OFF, self.halt: ON}
            if changed:
                updates |= {self.estimated: estimate_html(job), self.answers: answers_html(job)}
            if first:
                updates |= {self.figures: "", self.follower.current: job.id}
            yield updates
        # Drawing and packing take a moment, so the page first says that the job has ended, and with what.
        yield {
            self.status: state_html(job, began),
            self.estimated: estimate_html(job),
            self.answers: answers_html(job),
            self.results: HIDDEN,
            self.count: OFF,
            self.go: OFF,
            self.halt: OFF,
        }
        files, figures = await asyncio.to_thread(_take_away, job)
        go_on = job.state in ("stopped", "failed") and job.runs[0].total > 0
        yield {
            self.status: state_html(job, began),
            self.figures: figures,
            self.results: gr.update(value=files, visible=True) if files else HIDDEN,
            self.follower.current: job.id,
            self.count: ON,
            self.go: gr.update(value="Go on" if go_on else "Start", interactive=go_on or job.state == "estimated"),
            self.halt: OFF,
        }


def _take_away(job: QueryJob) -> tuple[list[str], str]:
    """The files to take away, and the figures, or why they could not be written."""
    if not job.answered:
        return [], ""
    try:
        files = write_files(job)
        figures = figures_html(job, results_of(job), comparison_of(job), job.folder / "plot.png")
    except Exception as error:
        return [], failure_html(error)
    return [str(path) for path in files], figures
