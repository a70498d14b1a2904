"""The tab for graphs: one question box, the exact answer at once, the language model's steps beside it as they come."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.events import Dependency

from app.graph.answer_table import saved_answer, sorted_table
from app.graph.autocomplete import completions
from app.graph.choices_view import CHOICES_SHOWN
from app.graph.evidence_picture import SCRIPT as PICTURE_SCRIPT
from app.graph.evidence_picture import opened_picture
from app.graph.examples import WORLD_EXAMPLES, Example
from app.graph.graphs import DEFAULT_GRAPH, GraphShelf
from app.graph.handlers import GraphDemo, label_of, pressed
from app.graph.likely.handlers import FOLLOWING
from app.graph.likely.view import proof_shown, slider_html
from app.graph.own_graphs import LIMITS
from app.graph.shapes import filled_shape, shape_example, shapes_html
from app.models.language_model import LanguageModel
from app.server.failure_view import grammar_html
from app.server.markup import heading, muted, text
from app.server.scripts import called, in_view, read_static
from reasoning.reading import MAX_CHARACTERS

__all__ = ["GraphDemo", "build_graphs"]

EXACT_AT_ONCE = 8
RUNS_AT_ONCE = 2
"""Chains that run at the same time: the embedded model's passes go one after another anyway."""


def build_graphs(demo: GraphDemo, shelf: GraphShelf, model: LanguageModel, page: gr.Blocks) -> Dependency:
    """The tab, inside `page`; gives the event after which a visitor's own graph may be chosen."""

    def open_neighbours(wanted: Any) -> Any:
        return called(opened_picture, shelf, wanted)

    def fill_shape(wanted: Any) -> Any:
        return called(filled_shape, shelf, wanted)

    def shape_names(wanted: Any) -> Any:
        return called(shape_example, shelf, wanted)

    def proposals(wanted: Any) -> Any:
        return called(completions, shelf, wanted)

    def answer_rows(wanted: Any) -> Any:
        return called(sorted_table, shelf, wanted)

    def answer_file(wanted: Any) -> Any:
        return called(saved_answer, shelf, wanted)

    def answer_proof(wanted: Any) -> Any:
        return called(proof_shown, shelf, wanted)

    gr.HTML(
        "<p>Ask a knowledge graph. The exact answer comes at once; beside it a language model works through the same "
        "question step by step, and every step is checked.</p>",
        elem_classes="sk-about",
    )
    with gr.Column(elem_classes="sk-panel"):
        with gr.Row(equal_height=True, elem_id="ask_row"):
            graph = gr.Dropdown(
                list(shelf.names), value=DEFAULT_GRAPH, label="Graph", elem_id="graph", scale=1, min_width=150
            )
            question = gr.Textbox(
                label="Question, or a formal query",
                placeholder='Which countries border France and use the Euro?   or   capital(borders("Portugal"))',
                lines=1, max_lines=4, max_length=MAX_CHARACTERS, elem_id="question", scale=5, min_width=260,
                autofocus=True,
            )  # fmt: skip
            go = gr.Button("Ask", variant="primary", elem_id="ask", scale=0, min_width=110)
        slider = gr.HTML("0", html_template=slider_html(), elem_id="sure", js_on_load=read_static("likely.js"))
        with gr.Row(elem_id="graph_row"):
            graph_note = gr.HTML(elem_id="graph_note")
            upload = gr.UploadButton(
                f"Upload your own graph: TSV, CSV or N-Triples, {LIMITS}", size="sm", elem_id="upload", scale=0
            )
        upload_note = gr.HTML(elem_id="upload_note")
        with gr.Row(elem_id="examples"):
            buttons = [
                gr.Button(label_of(example), size="sm", elem_id=f"example-{number}", min_width=0)
                for number, example in enumerate(WORLD_EXAMPLES, start=1)
            ]
        with gr.Column(elem_id="folded"):
            with gr.Accordion("What is in this graph", open=False, elem_id="contents_frame"):
                contents = gr.HTML(elem_id="contents", js_on_load=read_static("contents.js"))
            with gr.Accordion("Build a query from a shape", open=False, elem_id="shapes_frame"):
                gr.HTML(
                    shapes_html(),
                    elem_id="shapes",
                    js_on_load=read_static("shapes.js"),
                    server_functions=[fill_shape, shape_names],
                )
            with gr.Accordion("How a formal query is written", open=False, elem_id="grammar"):
                gr.HTML(grammar_html())
    gr.HTML(
        '<ul id="sk-proposals" role="listbox" aria-label="Proposals" hidden></ul><span class="sk-unseen" role="status">'
        "</span>",
        elem_id="completion", js_on_load=read_static("completion.js"), server_functions=[proposals],
    )  # fmt: skip
    error = gr.HTML(elem_id="error")
    with gr.Row():
        with gr.Column(min_width=300, elem_classes="sk-panel", elem_id="answer_panel"):
            gr.HTML(heading("Exact answer"))
            answer = gr.HTML(
                muted("Ask a question, or pick an example."), elem_id="answer", js_on_load=read_static("answer.js"),
                server_functions=[answer_rows, answer_file, answer_proof],
            )  # fmt: skip
            with gr.Row(equal_height=True, elem_id="likely_row"):
                likely_status = gr.HTML(elem_id="likely_status")
                likely_stop = gr.Button("Stop", size="sm", visible=False, elem_id="likely_stop", scale=0, min_width=80)
            # Below the answer, so that what comes with it does not push it down.
            choices_line = gr.HTML(elem_id="choices_line")
            with gr.Row(elem_id="choices"):
                choice_buttons = [
                    gr.Button("", size="sm", elem_id=f"choice-{number}", min_width=0, visible=False)
                    for number in range(1, CHOICES_SHOWN + 1)
                ]
            with gr.Row(elem_id="reading"):
                understood = gr.HTML(elem_id="understood")
                tree = gr.HTML(elem_id="tree")
        with gr.Column(min_width=300, elem_classes="sk-panel"):
            gr.HTML(heading("The language model, step by step") + muted(text(model.sentence())), elem_id="model")
            with gr.Row(equal_height=True):
                wanted = gr.Checkbox(True, label="Ask the language model too", elem_id="run_llm", container=False)
                stop = gr.Button("Stop", size="sm", interactive=False, elem_id="stop", scale=0, min_width=80)
            status = gr.HTML(elem_id="steps_status")
            steps = gr.HTML(elem_id="steps", js_on_load=read_static("steps.js"))
    with gr.Column(elem_id="evidence_panel", elem_classes="sk-panel"):
        gr.HTML(heading("Evidence"))
        picture = gr.HTML(elem_id="evidence", js_on_load=PICTURE_SCRIPT, server_functions=[open_neighbours])
        table = gr.HTML(elem_id="evidence_table")

    offered, asked, run = gr.State(WORLD_EXAMPLES), gr.State(None), gr.State(None)
    choices = gr.State(())
    waiting = gr.State(None)
    shown = [answer, picture, table, likely_status, likely_stop]
    exact_outputs = [asked, error, understood, tree, *shown, waiting, status, steps,
                     choices, choices_line, *choice_buttons]  # fmt: skip

    def followed(event: Any) -> None:
        """Likely answers come in once they are there."""
        event.then(
            demo.likely.follow, [asked, slider, waiting], shown, api_visibility="private",
            concurrency_limit=FOLLOWING, concurrency_id="likely", show_progress="hidden", trigger_mode="multiple",
        )  # fmt: skip

    def fill(examples: tuple[Example, ...], event: gr.EventData) -> str:
        return pressed([example.text for example in examples], event)

    def choose(choices: tuple[tuple[str, str], ...], event: gr.EventData) -> str:
        return pressed([query for _, query in choices], event)

    filled = gr.on([b.click for b in buttons], fill, [offered], [question], api_visibility="private", queue=False)
    chosen = gr.on(
        [b.click for b in choice_buttons], choose, [choices], [question], api_visibility="private", queue=False
    )
    show = in_view(
        "body:has(#error .sk-alert) #choices:has(button)", "#error .sk-alert", "#answer_panel:has(.sk-answer)"
    )
    for trigger in (gr.on([go.click, question.submit], None, trigger_mode="multiple"), filled, chosen):
        answered = trigger.then(
            demo.answer, [graph, question, run, wanted, slider], exact_outputs, api_visibility="private",
            concurrency_limit=EXACT_AT_ONCE, concurrency_id="exact", show_progress="hidden",
            trigger_mode="multiple",
        )  # fmt: skip
        answered.then(None, js=show, api_visibility="private")
        followed(answered)
        answered.then(
            demo.run_model, [asked, wanted], [run, status, steps, stop], api_visibility="private",
            concurrency_limit=RUNS_AT_ONCE, concurrency_id="model", show_progress="hidden",
            trigger_mode="multiple",
        )  # fmt: skip
    stop.click(demo.stop, [run], [], api_visibility="private", queue=False, show_progress="hidden")
    followed(
        slider.input(
            demo.likely.slide, [asked, slider], [*shown, waiting], api_visibility="private",
            concurrency_limit=EXACT_AT_ONCE, concurrency_id="exact", show_progress="hidden", trigger_mode="always_last",
        )
    )  # fmt: skip
    likely_stop.click(
        demo.likely.stop, [], [slider, likely_status, likely_stop], api_visibility="private", queue=False,
        show_progress="hidden",
    )  # fmt: skip
    linked = gr.State(False)
    opened = [graph_note, contents, offered, *buttons, upload_note]
    loaded = page.load(
        demo.restore, [], [graph, question, wanted, slider, linked, error], api_visibility="private",
        show_progress="hidden",
    ).then(
        demo.choose, [graph], opened, api_visibility="private", concurrency_limit=4, concurrency_id="choose",
        show_progress="hidden",
    ).then(
        demo.answer_linked, [linked, graph, question, run, wanted, slider], exact_outputs, api_visibility="private",
        concurrency_limit=EXACT_AT_ONCE, concurrency_id="exact", show_progress="hidden",
    )  # fmt: skip
    followed(loaded)
    loaded.then(
        demo.run_linked, [linked, asked, wanted], [run, status, steps, stop], api_visibility="private",
        concurrency_limit=RUNS_AT_ONCE, concurrency_id="model", show_progress="hidden",
    )  # fmt: skip
    gr.on(
        [graph.change], demo.choose, [graph], opened, api_visibility="private", concurrency_limit=4,
        concurrency_id="choose", show_progress="hidden",
    )  # fmt: skip
    page.unload(demo.leave)
    return upload.upload(
        demo.bring, [upload], [graph, upload_note], api_visibility="private", concurrency_limit=1,
        concurrency_id="upload", show_progress="hidden",
    )  # fmt: skip
