"""The page: its tabs, its queue, and how long it keeps what visitors sent."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.batch.images import kept_images
from app.batch.page import BatchDemo, build_batch, kept_job
from app.graph.graphs import GraphShelf
from app.graph.handlers import GraphDemo
from app.graph.page import build_graphs
from app.image.page import ImageDemo, build_images
from app.models.language_model import LanguageModel
from app.models.page import ModelsDemo, build_models
from app.models.view import language_model_html
from app.server.api import Programs, build_programs, offer_only_programs
from app.server.limits import KEPT_SECONDS, QUEUE_LIMIT, TIDY_SECONDS


def build(shelf: GraphShelf, model: LanguageModel, images: ImageDemo) -> tuple[gr.Blocks, GraphDemo]:
    """The page over these graphs, this model and this detector, and what its events do."""
    with gr.Blocks(title="Skylark", analytics_enabled=False, delete_cache=(TIDY_SECONDS, KEPT_SECONDS)) as page:
        gr.HTML("<h1>Skylark</h1>", elem_id="title")
        kept, images_kept = kept_job(), kept_images()
        with gr.Tab("Graph", id="graphs", elem_id="graph_tab"):
            demo, brought = build_graphs(shelf, model, page)
        with gr.Tab("Image", id="images", elem_id="image_tab"):
            build_images(images)
        with gr.Tab("Batch", id="batch", elem_id="batch_tab"):
            offer = build_batch(BatchDemo(shelf, model, images), shelf, page, kept, images_kept)
            brought.then(
                demo.choices, None, [_found(page, "batch_graph")], api_visibility="private", queue=False,
                show_progress="hidden",
            )  # fmt: skip
        with gr.Tab("Models", id="models", elem_id="models_tab"):
            for changed in build_models(ModelsDemo(model, images.model), page):
                offer(changed)
                changed.then(
                    lambda: language_model_html(model), None, [_found(page, "model")], api_visibility="private",
                    queue=False, show_progress="hidden",
                )  # fmt: skip
        build_programs(Programs(shelf, model, images))
    offer_only_programs(page)
    page.queue(max_size=QUEUE_LIMIT)
    return page, demo


def _found(page: gr.Blocks, elem_id: str) -> Any:
    """The part of the page that has this id."""
    return next(part for part in page.blocks.values() if part.elem_id == elem_id)
