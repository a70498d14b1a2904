"""The tab for graphs: one question box, the exact answer at once, the language model's steps beside it as they come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.events import Dependency

from app.graph.answer_view import saved_answer, sorted_table
from app.graph.autocomplete import completions
from app.graph.examples import WORLD_EXAMPLES, Example
from app.graph.graphs import GraphShelf
from app.graph.growing.panel import GrowingPanel
from app.graph.handlers import CHOICES_SHOWN, EXAMPLES_SHOWN, Choices, GraphDemo, text_of_pressed
from app.graph.likely.slider import proof_shown, slider_html
from app.graph.own_graphs import LIMITS
from app.graph.parts import GraphParts
from app.graph.picture import opened_picture
from app.graph.shapes import filled_shape, shape_example, shapes_html
from app.models.language_model import LanguageModel
from app.server.failure_view import grammar_html
from app.server.scripts import in_view, served
from app.server.templates import heading, muted, render
from reasoning.reading import MAX_CHARACTERS

EXACT_AT_ONCE = 8
RUNS_AT_ONCE = 2
"""Chains that run at the same time: the embedded model's passes go one after another anyway."""
FOLLOWING_AT_ONCE = 24
"""Pages that may wait for likely answers at once; waiting takes no thread."""


@dataclass(frozen=True)
class GraphTab:
    """The tab, as the rest of the page needs it.

    Attributes:
        demo: what its events do.
        growing: the panel in which a text becomes a graph.
        brought: the events after which a visitor's own graph may be chosen.
    """

    demo: GraphDemo
    growing: GrowingPanel
    brought: tuple[Dependency, ...]


def build_graphs(shelf: GraphShelf, model: LanguageModel, page: gr.Blocks) -> GraphTab:
    """The tab, inside `page`."""
    parts, ask, upload, growing = _layout(shelf, model, page)
    demo = GraphDemo(shelf, model, parts)
    _connect_asking(demo, parts, ask, growing, page)
    _connect_likely(demo, parts)
    page.unload(demo.leave)
    brought = upload.upload(
        demo.bring, [upload], [parts.graph, parts.upload_note], **_private("upload", 1)
    )  # fmt: skip
    return GraphTab(demo, growing, (brought, growing.made))


def _scripted(
    part: str, *functions: Callable[[GraphShelf, object], dict[str, Any]], shelf: GraphShelf
) -> dict[str, Any]:
    """Settings of an HTML part that `graph.js` has a function for, with what the script may ask the server for."""

    script = f"skylarkGraph.{part}({{element, server, watch, props, trigger}});"
    return {"js_on_load": script, "server_functions": [served(function, shelf) for function in functions]}


def _layout(
    shelf: GraphShelf, model: LanguageModel, page: gr.Blocks
) -> tuple[GraphParts, gr.Button, gr.UploadButton, GrowingPanel]:
    """The parts of the tab, the button that asks, the one that uploads, and the panel for texts."""
    gr.HTML(
        "<p>Ask a knowledge graph. The exact answer comes at once; beside it a language model works through the same "
        "question step by step, and every step is checked.</p>",
        elem_classes="sk-about",
    )
    with gr.Column(elem_classes="sk-panel"):
        with gr.Row(equal_height=True, elem_id="ask_row"):
            graph = gr.Dropdown(
                list(shelf.names), value=shelf.names[0], label="Graph", elem_id="graph", scale=1, min_width=150
            )
            question = gr.Textbox(
                label="Question, or a formal query",
                placeholder='Which countries border France and use the Euro?   or   capital(borders("Portugal"))',
                lines=1, max_lines=4, max_length=MAX_CHARACTERS, elem_id="question", scale=5, min_width=260,
                autofocus=True,
            )  # fmt: skip
            ask = gr.Button("Ask", variant="primary", elem_id="ask", scale=0, min_width=110)
        slider = gr.HTML("0", html_template=slider_html(), elem_id="sure", **_scripted("slider", shelf=shelf))
        with gr.Row(elem_id="graph_row"):
            graph_note = gr.HTML(elem_id="graph_note")
            upload = gr.UploadButton(
                f"Upload your own graph: TSV, CSV or N-Triples, {LIMITS}", size="sm", elem_id="upload", scale=0
            )
        upload_note = gr.HTML(elem_id="upload_note")
        with gr.Row(elem_id="examples"):
            example_buttons = _small_buttons("example", EXAMPLES_SHOWN)
        with gr.Column(elem_id="folded"):
            with gr.Accordion("Make a graph of a text", open=False, elem_id="grow_frame"):
                growing = GrowingPanel(shelf, model, graph, page)
            with gr.Accordion("What is in this graph", open=False, elem_id="contents_frame"):
                contents = gr.HTML(elem_id="contents", **_scripted("contents", shelf=shelf))
            with gr.Accordion("Build a query from a shape", open=False, elem_id="shapes_frame"):
                functions = _scripted("shapes", filled_shape, shape_example, shelf=shelf)
                gr.HTML(shapes_html(), elem_id="shapes", **functions)
            with gr.Accordion("How a formal query is written", open=False, elem_id="grammar"):
                gr.HTML(grammar_html())
    gr.HTML(render("graph/proposals.html"), elem_id="completion", **_scripted("proposals", completions, shelf=shelf))
    error = gr.HTML(elem_id="error")
    with gr.Row():
        with gr.Column(min_width=300, elem_classes="sk-panel", elem_id="answer_panel"):
            gr.HTML(heading("Exact answer"))
            answer = gr.HTML(
                muted("Ask a question, or pick an example."), elem_id="answer",
                **_scripted("answer", sorted_table, saved_answer, proof_shown, shelf=shelf),
            )  # fmt: skip
            with gr.Row(equal_height=True, elem_id="likely_row"):
                likely_status = gr.HTML(elem_id="likely_status")
                likely_stop = gr.Button("Stop", size="sm", visible=False, elem_id="likely_stop", scale=0, min_width=80)
            # Below the answer, so that what comes with it does not push it down.
            choices_line = gr.HTML(elem_id="choices_line")
            with gr.Row(elem_id="choices"):
                choice_buttons = _small_buttons("choice", CHOICES_SHOWN)
            with gr.Row(elem_id="reading"):
                understood = gr.HTML(elem_id="understood")
                tree = gr.HTML(elem_id="tree")
        with gr.Column(min_width=300, elem_classes="sk-panel"):
            gr.HTML(heading("The language model, step by step") + muted(model.sentence()), elem_id="model")
            with gr.Row(equal_height=True):
                wanted = gr.Checkbox(True, label="Ask the language model too", elem_id="run_llm", container=False)
                stop = gr.Button("Stop", size="sm", interactive=False, elem_id="stop", scale=0, min_width=80)
            status = gr.HTML(elem_id="steps_status")
            steps = gr.HTML(elem_id="steps", **_scripted("steps", shelf=shelf))
    with gr.Column(elem_id="evidence_panel", elem_classes="sk-panel"):
        gr.HTML(heading("Evidence"))
        picture = gr.HTML(elem_id="evidence", **_scripted("picture", opened_picture, shelf=shelf))
        table = gr.HTML(elem_id="evidence_table")
    parts = GraphParts(
        graph=graph, question=question, wanted=wanted, slider=slider, graph_note=graph_note, upload_note=upload_note,
        contents=contents, example_buttons=example_buttons, error=error, answer=answer, picture=picture, table=table,
        understood=understood, tree=tree, likely_status=likely_status, likely_stop=likely_stop,
        choices_line=choices_line, choice_buttons=choice_buttons, status=status, steps=steps, stop=stop,
        asked=gr.State(None), run=gr.State(None), waiting_for=gr.State(None), linked=gr.State(False),
        examples=gr.State(WORLD_EXAMPLES), choices=gr.State(()),
    )  # fmt: skip
    return parts, ask, upload, growing


def _small_buttons(kind: str, count: int) -> tuple[gr.Button, ...]:
    """Numbered buttons; those of the built-in graph's examples are seen before its contents are read."""
    texts = [example.label for example in WORLD_EXAMPLES] if kind == "example" else [""] * count
    return tuple(
        gr.Button(text, size="sm", elem_id=f"{kind}-{number}", min_width=0, visible=bool(text))
        for number, text in enumerate(texts, start=1)
    )


def _private(queue: str = "", at_once: int = 0) -> dict[str, Any]:
    """Settings of an event that is the page's own: in a queue of its kind, or at once where it has none."""
    settings: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    if not queue:
        return settings | {"queue": False}
    return settings | {"concurrency_id": queue, "concurrency_limit": at_once}


def _connect_asking(demo: GraphDemo, parts: GraphParts, ask: gr.Button, growing: GrowingPanel, page: gr.Blocks) -> None:
    """What a question sets off, whether it is typed, an example, a choice, an offer, or comes with a link."""
    exact, model = _private("exact", EXACT_AT_ONCE), _private("model", RUNS_AT_ONCE)
    inputs = [parts.graph, parts.question, parts.run, parts.wanted, parts.slider]
    always = gr.State(True)
    answered_parts: list[Any] = [
        parts.asked, parts.error, parts.understood, parts.tree, *_likely_parts(parts), parts.waiting_for, parts.status,
        parts.steps, parts.choices, parts.choices_line, *parts.choice_buttons,
    ]  # fmt: skip
    run_parts: list[Any] = [parts.run, parts.status, parts.steps, parts.stop]

    def fill(examples: tuple[Example, ...], event: gr.EventData) -> str:
        return text_of_pressed([example.text for example in examples], event)

    def choose(choices: Choices, event: gr.EventData) -> str:
        return text_of_pressed([query for _, query in choices], event)

    filled = gr.on(
        [button.click for button in parts.example_buttons], fill, [parts.examples], [parts.question],
        api_visibility="private", queue=False,
    )  # fmt: skip
    chosen = gr.on(
        [button.click for button in parts.choice_buttons], choose, [parts.choices], [parts.question],
        api_visibility="private", queue=False,
    )  # fmt: skip
    offered = gr.on(
        [button.click for button in growing.offer_buttons], choose, [growing.offers], [parts.question],
        api_visibility="private", queue=False,
    )  # fmt: skip
    show = in_view(
        "body:has(#error .sk-alert) #choices:has(button)", "#error .sk-alert", "#answer_panel:has(.sk-answer)"
    )
    for trigger in (gr.on([ask.click, parts.question.submit], None, trigger_mode="multiple"), filled, chosen, offered):
        answered = trigger.then(demo.answer, [always, *inputs], answered_parts, trigger_mode="multiple", **exact)
        answered.then(None, js=show, api_visibility="private")
        _follow(demo, parts, answered)
        answered.then(demo.run_model, [always, parts.asked, parts.wanted], run_parts, trigger_mode="multiple", **model)
    parts.stop.click(demo.stop, [parts.run], [], **_private())

    opened: list[Any] = [
        parts.graph_note, parts.contents, parts.examples, *parts.example_buttons, parts.upload_note
    ]  # fmt: skip
    choosing = _private("choose", 4)
    restored: list[Any] = [parts.graph, parts.question, parts.wanted, parts.slider, parts.linked, parts.error]
    loaded = (
        page.load(demo.restore, [], restored, api_visibility="private", show_progress="hidden")
        .then(demo.choose, [parts.graph], opened, **choosing)
        .then(demo.answer, [parts.linked, *inputs], answered_parts, **exact)
    )
    _follow(demo, parts, loaded)
    loaded.then(demo.run_model, [parts.linked, parts.asked, parts.wanted], run_parts, **model)
    gr.on([parts.graph.change], demo.choose, [parts.graph], opened, **choosing)


def _connect_likely(demo: GraphDemo, parts: GraphParts) -> None:
    """What the slider and its button set off."""
    moved = parts.slider.input(
        demo.likely.slide, [parts.asked, parts.slider], [*_likely_parts(parts), parts.waiting_for],
        trigger_mode="always_last", **_private("exact", EXACT_AT_ONCE),
    )  # fmt: skip
    _follow(demo, parts, moved)
    parts.likely_stop.click(
        demo.likely.stop, [], [parts.slider, parts.likely_status, parts.likely_stop], **_private()
    )  # fmt: skip


def _follow(demo: GraphDemo, parts: GraphParts, event: Any) -> None:
    """After the event, likely answers come in once they are found."""
    event.then(
        demo.likely.follow, [parts.asked, parts.slider, parts.waiting_for], _likely_parts(parts),
        trigger_mode="multiple", **_private("likely", FOLLOWING_AT_ONCE),
    )  # fmt: skip


def _likely_parts(parts: GraphParts) -> list[Any]:
    return [parts.answer, parts.picture, parts.table, parts.likely_status, parts.likely_stop]
