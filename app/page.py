"""The page: its tabs, its queue, how long it keeps what visitors sent, and how it is served."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from app.api import Programs, build_programs, offer_only_programs
from app.ask.desk import AskController
from app.ask.page import AskTab
from app.ask.speech import SharedSpeech
from app.batch.page import BatchTab
from app.batch.view import kept_job
from app.graph.graphs import GraphRegistry
from app.graph.page import GraphDemo, build_graphs
from app.image.looking import SharedDetector
from app.image.page import ImageTab
from app.models import LanguageModel, ModelsTab, language_model_html
from app.server.calls import Calls, CheckedCalls, ToolServer
from app.server.serving import KEPT_SECONDS, QUEUE_LIMIT, TIDY_SECONDS, Beside, clear, launch, prepare
from app.video.page import VideoTab
from kg_data.loaders import LoadingOptions
from kg_data.loaders.text import USUAL
from skylark.errors import SkylarkError
from skylark.process import INTERRUPTED


def build(
    shelf: GraphRegistry, model: LanguageModel, detector: SharedDetector, speech: SharedSpeech, programs: Programs
) -> tuple[gr.Blocks, GraphDemo, AskTab]:
    """The page over these graphs and models, what the graph tab's events do, and the first tab."""
    quick: dict[str, Any] = {"api_visibility": "private", "queue": False, "show_progress": "hidden"}
    with gr.Blocks(title="Skylark", analytics_enabled=False, delete_cache=(TIDY_SECONDS, KEPT_SECONDS)) as page:
        gr.HTML("<p>Skylark</p>", elem_id="title")
        kept_queries, kept_images, kept_video = kept_job("job"), kept_job("images"), kept_job("video")
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Ask", id="ask", elem_id="ask_tab"):
                first = AskTab(AskController(shelf, model, detector), shelf, page, tabs, speech)
            with gr.Tab("Graph", id="graph", elem_id="graph_tab"):
                graphs = build_graphs(shelf, model, page)
            with gr.Tab("Image", id="image", elem_id="image_tab"):
                ImageTab(detector, page)
            with gr.Tab("Video", id="video", elem_id="video_tab"):
                VideoTab(detector, page, kept_video)
            with gr.Tab("Batch", id="batch", elem_id="batch_tab"):
                batch = BatchTab(shelf, model, detector, page, kept_queries, kept_images)
            with gr.Tab("Models", id="models", elem_id="models_tab"):
                models = ModelsTab(model, detector.model, page)
        tabs.select(None, js="() => skylarkPage.opened()", api_visibility="private")
        for brought in graphs.brought:
            brought.then(graphs.demo.choices, None, [batch.queries.graph], **quick)
        growing = graphs.growing
        growing.to_models.click(lambda: gr.Tabs(selected="models"), None, [tabs], **quick)
        asked_model = next(part for part in page.blocks.values() if part.elem_id == "model")
        for changed in models.changes:
            batch.queries.offer_after(changed)
            changed.then(lambda: language_model_html(model), None, [asked_model], **quick)
            changed.then(growing.model_changed, None, growing.model_parts, **quick)
        build_programs(programs)
    offer_only_programs(page)
    page.queue(max_size=QUEUE_LIMIT)
    return page, graphs.demo, first


def programs_beside(programs: Programs) -> Beside:
    """Programs' calls and MCP's tools, for the server of the page."""
    calls = Calls(programs.groups)
    tools = ToolServer(calls)
    return Beside(Middleware(CheckedCalls, calls=calls), tools.routes, tools.lifespan)


def serve(
    llm: str, detector: str, host: str, port: int, files: Sequence[str | Path] = (), loading: LoadingOptions = USUAL
) -> int:
    """Serve the page until Ctrl-C or a signal ends it; gives the exit code of the command."""
    uploads = prepare()
    # A service is ended by this signal; as an exception it leaves no uploads behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        model = LanguageModel(llm)
        if model.error is not None and llm != "embedded":
            # Without its weights the embedded model leaves a page of use; a model that was asked for by name is a
            # mistake.
            print(f"error: {model.error}", file=sys.stderr)
            return 2
        images = SharedDetector(detector)
        try:
            shelf = GraphRegistry(files=files, loading=loading)
            for name in shelf.names[: len(files)]:
                shelf.get(name)
        except SkylarkError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        speech = SharedSpeech()
        programs = Programs(shelf, model, images, speech)
        page, demo, first = build(shelf, model, images, speech, programs)
        try:
            address = launch(page, uploads, host, port, programs_beside(programs))
        except OSError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        # Only now: what models load would slow the first paint.
        first.begin(demo.warm_up, images.warm_up)
        print(f"Skylark is at {address} (Ctrl-C ends it)", flush=True)
        page.block_thread()
        return 0
    except SystemExit:
        return 0
    except KeyboardInterrupt:  # before the page was there to be ended
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    finally:
        clear(uploads)
