"""The tab for graphs and its events: one question box, the exact answer at once, the model's steps beside it.

Asking is two events. The first reads the question and answers it exactly, within milliseconds; the second, which a
visitor can do without, runs the language model. So nobody's exact answer waits for anybody's model.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency
from markupsafe import Markup

from app.graph.answer_view import Asked, ask, opened_picture, saved_answer, sorted_table, tree_html, understood_html
from app.graph.contents import completions, contents_html, fact_count
from app.graph.examples import WORLD_EXAMPLES, Example, examples_for, filled_shape, shape_example, shapes_html
from app.graph.graphs import LIMITS, GraphRegistry, reading, shown_name
from app.graph.parts import NO_CHANGES, Changes, GraphParts, NewestQuestions
from app.graph.prediction_slider import PredictionSlider, position_of, proof_shown, slider_html
from app.graph.steps_view import LiveRun, ShownRun, status_html
from app.graph.text_to_graph_panel import TextToGraphPanel
from app.models import LanguageModel
from app.server.views import (
    counted,
    failure_html,
    grammar_html,
    heading,
    in_view,
    macro,
    muted,
    not_in_link,
    render,
    served,
    shortened,
)
from app.tasks import start
from reasoning import KnowledgeGraph
from reasoning.parsing import MAX_CHARACTERS, understand
from reasoning.query.read_question import QuestionError, ReadQuestion
from skylark.errors import SkylarkError, UnknownGraphError

log = logging.getLogger(__name__)

EXAMPLES_SHOWN = CHOICES_SHOWN = 5
FIRST_QUESTION = "What is the capital of Chad?"
"""Read at the start, so that the first visitor does not wait for the weights."""

_HIDDEN = gr.update(visible=False)

Choices = tuple[tuple[str, str], ...]
"""What else a question may mean: the words and the text of each query."""


class GraphDemo:
    """What the page's events do; it holds only what all visitors share."""

    def __init__(self, shelf: GraphRegistry, model: LanguageModel, parts: GraphParts) -> None:
        self._shelf, self._model, self._parts = shelf, model, parts
        self.likely = PredictionSlider(shelf, parts)
        self._newest = NewestQuestions()

    def warm_up(self) -> None:
        """Load the first graph, the reader of questions and the model on a thread of its own; nobody waits for it."""

        def work() -> None:
            with contextlib.suppress(SkylarkError):  # the visitor who chooses the graph, or asks, learns of it
                understand(FIRST_QUESTION, self._shelf.get(self._shelf.names[0]))
                log.info("the reader of questions is ready")
            self._model.warm_up()

        start("warm-up", work)

    def choose(self, graph: str) -> Iterator[Changes]:
        """Open a graph: the note below the choice, its contents, its examples with their buttons."""
        parts = self._parts
        if not self._shelf.is_open(graph):
            opening = f"Opening {graph}; the first time its index is built, which takes a while …"
            waiting = dict.fromkeys(parts.example_buttons, gr.update(interactive=False))
            yield {parts.graph_note: muted(opening), parts.contents: "", parts.examples: (), **waiting}
        examples: tuple[Example, ...] = ()
        try:
            kg = self._shelf.get(graph)
            examples = examples_for(kg, graph)
            # The page's scripts read here which graph is open.
            described = f"{description(kg)} {self._shelf.own.note_of(graph)}".rstrip()
            note = Markup('<div data-graph="{}">{}</div>').format(graph, muted(described))
            contents = contents_html(kg)
        except Exception as error:
            examples, note, contents = (), failure_html(error), Markup("")
        buttons = _numbered_buttons(parts.example_buttons, [example.label for example in examples])
        yield {
            parts.graph_note: note,
            parts.contents: contents,
            parts.examples: examples,
            parts.upload_note: "",
            **buttons,
        }

    def bring(self, file: str | None, request: gr.Request) -> Iterator[Changes]:
        """Take in a visitor's own graph: says how the upload goes, and in the end chooses the graph."""
        parts = self._parts
        if not file:
            yield NO_CHANGES
            return
        line = Markup('<p class="sk-muted" role="status">{} …</p>')
        shown = macro("name", shown_name(file))
        try:
            for progress in reading(Path(file), shown_name(file)):
                if isinstance(progress, float):
                    seconds = Markup("Reading {}: {:.0f} s").format(shown, progress)
                    yield {parts.upload_note: line.format(seconds)}
                    continue
                own = self._shelf.own.add(request.session_hash or "", *progress)
                choices = self._shelf.choices(request.session_hash or "")
                read = line.format(Markup("{} is read").format(shown))
                yield {parts.graph: gr.update(choices=choices, value=own.key), parts.upload_note: read}
        except Exception as error:
            yield {parts.upload_note: failure_html(error)}

    def choices(self, request: gr.Request) -> Any:
        """The choice of graphs where another tab has one too."""
        return gr.update(choices=self._shelf.choices(request.session_hash or ""))

    def leave(self, request: gr.Request) -> None:
        """Forget what belongs to a visit that is over."""
        visit = request.session_hash or ""
        for kept in (self._shelf.own, self.likely, self._newest):
            kept.forget(visit)

    def restore(self, request: gr.Request) -> Changes:
        """What a link asks for: the graph, the question, whether the model is wanted, and the slider's place.

        The query string may come from anybody.
        """
        parts = self._parts
        link = dict(request.query_params) if request is not None else {}
        graph, question = str(link.get("graph", "")), str(link.get("q", ""))[:MAX_CHARACTERS]
        is_for_this_tab = link.get("tab") == "graph" or bool({"method", "least"} & set(link))
        if not is_for_this_tab or not (graph or question):
            return {parts.linked: False}
        changes: Changes = {
            parts.question: question,
            parts.wanted: link.get("method", "lark") == "lark",
            parts.linked: bool(question.strip()),
        }
        if "least" in link:
            changes[parts.slider] = position_of(link["least"])
        if graph in self._shelf.names:
            changes[parts.graph] = graph
        elif graph:
            error = UnknownGraphError(not_in_link("graph", graph, self._shelf.names))
            changes |= {parts.linked: False, parts.error: failure_html(error)}
        return changes

    def answer(
        self,
        is_asked: bool,
        graph: str,
        question: str,
        run: LiveRun | None,
        wanted: bool,
        position: str,
        request: gr.Request,
    ) -> Changes:
        """Read and answer exactly, and clear the steps of the question before away.

        Nothing changes where nothing is asked, or something newer was asked while this was read.
        """
        parts = self._parts
        if not is_asked:
            return NO_CHANGES
        visit = request.session_hash or ""
        this = self._newest.begin(visit)
        if run is not None:
            # The last question's model must not write into this one's steps.
            run.replace()
            run.wait_closed(1.0)
        choices: Choices = ()
        try:
            kg = self._shelf.get(graph)
            try:
                asked = ask(kg, graph, question or "", self._model.reader)
            except QuestionError as error:
                choices = _choices_of(error.reading, kg)
                raise
            if not self._newest.is_newest(visit, this):
                return NO_CHANGES
            choices = _choices_of(asked.understood, kg)
            # Until the run begins, for which others may have to leave a place.
            status = status_html("The question waits for a free place at the language model …") if wanted else ""
            return {
                parts.asked: asked,
                parts.error: "",
                parts.understood: understood_html(asked),
                parts.tree: tree_html(asked.query, kg),
                parts.status: status,
                parts.steps: "",
                **self.likely.views(asked, position, visit),
                **self._choices_shown(choices, "It may also mean"),
            }
        except Exception as error:
            if not self._newest.is_newest(visit, this):
                return NO_CHANGES
            self.likely.forget(visit)
            return self._unanswered(error) | self._choices_shown(choices, "Which of these do you mean?")

    def _unanswered(self, error: Exception) -> Changes:
        """The message in place of an answer, and all else emptied."""
        parts = self._parts
        emptied = (
            parts.understood, parts.tree, parts.picture, parts.table, parts.likely_status, parts.status, parts.steps,
        )  # fmt: skip
        return {
            parts.asked: None, parts.error: failure_html(error), parts.likely_stop: _HIDDEN, parts.waiting_for: None,
            parts.answer: muted("No answer: see the message above."), **dict.fromkeys(emptied, ""),
        }  # fmt: skip

    def _choices_shown(self, choices: Choices, line: str) -> Changes:
        """The choices, the line above their buttons, and the buttons."""
        texts = [f"{shortened(words, 160)}\n{shortened(query, 120)}" for words, query in choices]
        return {
            self._parts.choices: choices,
            self._parts.choices_line: Markup('<p class="sk-choose">{}</p>').format(line) if choices else "",
            **_numbered_buttons(self._parts.choice_buttons, texts),
        }

    def run_model(self, is_asked: bool, asked: Asked | None, wanted: bool, request: gr.Request) -> Iterator[Changes]:
        """Run the chain, and show its steps as they come; nothing where nothing is asked, or a newer event did it."""
        parts = self._parts
        if not is_asked or not self._newest.runs_first(request.session_hash or "", asked):
            yield NO_CHANGES
            return
        ended = {parts.run: None, parts.stop: gr.update(interactive=False)}
        if asked is None or not wanted:
            status = status_html("The language model was not asked.") if asked is not None else ""
            yield {parts.status: status, parts.steps: "", **ended}
            return
        try:
            run = LiveRun(asked.answer.kg, asked.query, self._model.for_run())
            yield from self._follow(run, asked)
        except Exception as error:
            yield {parts.status: failure_html(error), **ended}

    def _follow(self, run: LiveRun, asked: Asked) -> Iterator[Changes]:
        parts = self._parts
        message = "The question goes to the language model" if self._model.is_warm else "The language model is loading"
        shown = ShownRun(asked.answer, f"{message} …")
        going = {parts.stop: gr.update(interactive=True)}  # in each: see `Updates` of `app.batch.view`
        yield {parts.run: run, parts.status: shown.status_html(), parts.steps: "", **going}
        for event in run.events():
            if event is None:
                yield {parts.status: shown.status_html(), **going}
            else:
                shown.record(event)
                yield {parts.status: shown.status_html(), parts.steps: shown.steps_html(), **going}
        if run.replaced:
            # Gradio sends the last output once more when a generator ends, by which time the next run may have begun.
            yield NO_CHANGES
            return
        yield {
            parts.run: None,
            parts.status: shown.ended_html(run.stopped),
            parts.steps: shown.steps_html(only_finished=True),
            parts.stop: gr.update(interactive=False),
        }

    def stop(self, run: LiveRun | None) -> None:
        """Stop the run; it says so itself, and what was reached stays on the page."""
        if run is not None:
            run.stop()


def description(kg: KnowledgeGraph) -> str:
    """A graph in a sentence or two: how much it holds, and its first relations."""
    relations = kg.relation_names()
    shown = ", ".join(shortened(relation, 32) for relation in relations[:8])
    more = f" and {len(relations) - 8} more" if len(relations) > 8 else ""
    sizes = [counted(fact_count(kg), "fact")]
    if (size := kg.universe_size) is not None:
        sizes.append(counted(size, "entity", "entities"))
    return f"{', '.join(sizes)}. Relations: {shown}{more}."


def text_of_pressed(texts: list[str], event: gr.EventData) -> str:
    """The text behind the numbered button that was pressed."""
    # The target is the visitor's own copy of the button, which only its id tells from the others.
    number = int(str(getattr(event.target, "elem_id", "")).rpartition("-")[2] or 0)
    return texts[number - 1] if 1 <= number <= len(texts) else ""


def _choices_of(reading: ReadQuestion | None, kg: KnowledgeGraph) -> Choices:
    offered = () if reading is None else reading.alternatives[:CHOICES_SHOWN]
    return tuple((alternative.words(kg), str(alternative.query)) for alternative in offered)


def _numbered_buttons(buttons: tuple[gr.Button, ...], texts: list[str]) -> Changes:
    """One button a text; the surplus ones are hidden."""
    filled = [gr.update(value=text, visible=True, interactive=True) for text in texts]
    return dict(zip(buttons, [*filled, *[_HIDDEN] * len(buttons)], strict=False))


EXACT_AT_ONCE = 8
RUNS_AT_ONCE = 2
"""Chains that run at the same time: the embedded model's passes go one after another anyway."""
FOLLOWING_AT_ONCE = 24
"""Pages that may wait for likely answers at once; waiting takes no thread."""


@dataclass(frozen=True)
class GraphTab:
    """The tab, as the rest of the page needs it."""

    demo: GraphDemo
    growing: TextToGraphPanel
    brought: tuple[Dependency, ...]


def build_graphs(shelf: GraphRegistry, model: LanguageModel, page: gr.Blocks) -> GraphTab:
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
    part: str, *functions: Callable[[GraphRegistry, object], dict[str, Any]], shelf: GraphRegistry
) -> dict[str, Any]:
    """Settings of an HTML part that `graph.js` has a function for, with what the script may ask the server for."""

    script = f"skylarkGraph.{part}({{element, server, watch, props, trigger}});"
    return {"js_on_load": script, "server_functions": [served(function, shelf) for function in functions]}


def _layout(
    shelf: GraphRegistry, model: LanguageModel, page: gr.Blocks
) -> tuple[GraphParts, gr.Button, gr.UploadButton, TextToGraphPanel]:
    """The parts of the tab, the button that asks, the one that uploads, and the panel for texts."""
    gr.HTML(
        "<p>Ask a knowledge graph. The exact answer comes at once; beside it a language model works through the same "
        "question step by step, and every step is checked.</p>",
        elem_classes="sk-about",
    )
    form, ask, upload, growing = _question_form(shelf, model, page)
    gr.HTML(render("graph/proposals.html"), elem_id="completion", **_scripted("proposals", completions, shelf=shelf))
    parts = GraphParts(
        **form, **_results(shelf, model), asked=gr.State(None), run=gr.State(None), waiting_for=gr.State(None),
        linked=gr.State(False), examples=gr.State(WORLD_EXAMPLES), choices=gr.State(()),
    )  # fmt: skip
    return parts, ask, upload, growing


def _question_form(
    shelf: GraphRegistry, model: LanguageModel, page: gr.Blocks
) -> tuple[dict[str, Any], gr.Button, gr.UploadButton, TextToGraphPanel]:
    """What stands around the question box: parts of `GraphParts` by name, the buttons, and the panel for texts."""
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
                growing = TextToGraphPanel(shelf, model, graph, page)
            with gr.Accordion("What is in this graph", open=False, elem_id="contents_frame"):
                contents = gr.HTML(elem_id="contents", **_scripted("contents", shelf=shelf))
            with gr.Accordion("Build a query from a shape", open=False, elem_id="shapes_frame"):
                functions = _scripted("shapes", filled_shape, shape_example, shelf=shelf)
                gr.HTML(shapes_html(), elem_id="shapes", **functions)
            with gr.Accordion("How a formal query is written", open=False, elem_id="grammar"):
                gr.HTML(grammar_html())
    parts = {
        "graph": graph, "question": question, "slider": slider, "graph_note": graph_note, "upload_note": upload_note,
        "contents": contents, "example_buttons": example_buttons,
    }  # fmt: skip
    return parts, ask, upload, growing


def _results(shelf: GraphRegistry, model: LanguageModel) -> dict[str, Any]:
    """What comes in answer: parts of `GraphParts` by name."""
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
    return {
        "error": error, "answer": answer, "likely_status": likely_status, "likely_stop": likely_stop,
        "choices_line": choices_line, "choice_buttons": choice_buttons, "understood": understood, "tree": tree,
        "wanted": wanted, "stop": stop, "status": status, "steps": steps, "picture": picture, "table": table,
    }  # fmt: skip


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


def _connect_asking(
    demo: GraphDemo, parts: GraphParts, ask: gr.Button, growing: TextToGraphPanel, page: gr.Blocks
) -> None:
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

    filled, chosen, offered = (
        gr.on(
            [button.click for button in buttons], pressed, [texts], [parts.question],
            api_visibility="private", queue=False,
        )
        for buttons, pressed, texts in (
            (parts.example_buttons, fill, parts.examples), (parts.choice_buttons, choose, parts.choices),
            (growing.offer_buttons, choose, growing.offers),
        )
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
