"""The tab for graphs: one question box, the exact answer at once, the language model's steps beside it as they come.

Asking is two events. The first reads the question and answers it exactly, within milliseconds; the second, which a
visitor can do without, runs the language model. So nobody's exact answer waits for anybody's model.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio import events

from app.answer_view import answer_html, evidence_table_html, tree_section_html, understood_html
from app.asking import Asked, ask
from app.choices_view import CHOICES_SHOWN, choices_of, choices_shown
from app.evidence_picture import picture_html
from app.examples import WORLD_EXAMPLES, Example, examples_for
from app.failure_view import failure_html, grammar_html
from app.graphs import DEFAULT_GRAPH, GraphShelf
from app.language_model import LanguageModel
from app.live_run import LiveRun
from app.markup import counted, heading, muted, seconds_text, shortened, text
from app.steps_view import ShownStep, conclusion_html, status_html, steps_html
from kg_data.errors import SkylarkError
from reasoning import KnowledgeGraph
from reasoning.errors import QuestionError
from reasoning.events import Event, Finished, PartFinished, StepFinished, StepStarted
from reasoning.questions import MAX_CHARACTERS

EXAMPLES_SHOWN = 5
EXACT_AT_ONCE = 8
RUNS_AT_ONCE = 2
"""Chains that run at the same time: the embedded model's passes go one after another anyway."""

# Steps are redrawn whenever one arrives; a context that the visitor has opened stays open.
KEEP_OPEN = """
const open = new Set();
element.addEventListener('toggle', (event) => {
  const key = event.target.dataset && event.target.dataset.key;
  if (key) { if (event.target.open) open.add(key); else open.delete(key); }
}, true);
watch('value', () => {
  element.querySelectorAll('details[data-key]').forEach((d) => { if (open.has(d.dataset.key)) d.open = true; });
});
"""

# A part of the sentence shows the facts that it rests on: it opens their table, marks them and goes to the first.
SHOW_FACTS = """
const show = async (event) => {
  const part = event.target.closest('.sk-rests');
  if (!part || (event.type === 'keydown' && event.key !== 'Enter' && event.key !== ' ')) return;
  event.preventDefault();
  const rows = () => document.querySelectorAll('#evidence_table [data-fact]');
  const visible = () => { const first = rows()[0]; return first && first.getClientRects().length > 0; };
  if (!visible()) document.querySelector('#evidence_facts button').click();
  for (let tries = 0; tries < 40 && !visible(); tries++) await new Promise((wait) => setTimeout(wait, 50));
  const facts = new Set(part.dataset.facts.split(' '));
  let first = null;
  rows().forEach((fact) => {
    const row = fact.closest('tr');
    row.classList.toggle('sk-lit', facts.has(fact.dataset.fact));
    if (!first && facts.has(fact.dataset.fact)) first = row;
  });
  if (first) { first.tabIndex = -1; first.focus({preventScroll: true}); first.scrollIntoView({block: 'center'}); }
};
element.addEventListener('click', show);
element.addEventListener('keydown', show);
"""


class GraphDemo:
    """What the page's events do; it holds only what all visitors share.

    Args:
        shelf: the graphs on offer.
        model: the language model.
    """

    def __init__(self, shelf: GraphShelf, model: LanguageModel) -> None:
        self._shelf, self._model = shelf, model

    def warm_up(self) -> None:
        """Load the first graph and the model on a thread of its own; nobody waits for it."""

        def work() -> None:
            with contextlib.suppress(SkylarkError):  # told to the visitor who chooses the graph
                self._shelf.get(DEFAULT_GRAPH)
            self._model.warm_up()

        threading.Thread(target=work, name="skylark-warm-up", daemon=True).start()

    def choose(self, graph: str) -> Iterator[tuple[Any, ...]]:
        """Open a graph; gives the note below the choice, the examples and their buttons."""
        if not self._shelf.is_open(graph):
            yield (muted(f"Opening {text(graph)}; the first time its index is built, which takes a while{_DOTS}"),
                   (), *(gr.update(interactive=False) for _ in range(EXAMPLES_SHOWN)))  # fmt: skip
        try:
            kg = self._shelf.get(graph)
            examples = examples_for(kg, graph)
            note = muted(text(_described(kg)))
        except Exception as error:
            examples, note = (), failure_html(error)
        yield (note, examples, *_buttons(examples))

    def answer(self, graph: str, question: str, run: LiveRun | None) -> tuple[Any, ...]:
        """Read and answer exactly. Gives: what was asked, error, understood, tree, answer, picture, table, an
        emptied status line and steps, and what `choices_shown` gives."""
        if run is not None:
            # The last question's model must not write into this one's steps.
            run.replace()
            run.wait_closed(1.0)
        choices: tuple[tuple[str, str], ...] = ()
        try:
            kg = self._shelf.get(graph)
            try:
                asked = ask(kg, graph, question or "", self._model.reader)
            except QuestionError as error:
                choices = choices_of(error.reading, kg)
                raise
            choices = choices_of(asked.understood, kg)
            shown = (
                understood_html(asked),
                tree_section_html(asked),
                answer_html(asked),
                picture_html(asked.answer),
                evidence_table_html(asked.answer),
            )
        except Exception as error:
            return (None, failure_html(error), "", "", muted("No answer: see the message above."), "", "", "", "",
                    *choices_shown(choices, answered=False))  # fmt: skip
        return (asked, "", *shown, "", "", *choices_shown(choices, answered=True))

    def run_model(self, asked: Asked | None, wanted: bool) -> Iterator[tuple[Any, ...]]:
        """Run the chain: gives the run, a status line, the steps, and whether Stop can be pressed."""
        if asked is None:
            yield None, "", "", _STOP_OFF
            return
        if not wanted:
            yield None, status_html("The language model was not asked."), "", _STOP_OFF
            return
        try:
            run = LiveRun(asked.answer.kg, asked.query, self._model.for_run())
            yield from self._follow(run, asked)
        except Exception as error:
            yield None, failure_html(error), gr.skip(), _STOP_OFF

    def _follow(self, run: LiveRun, asked: Asked) -> Iterator[tuple[Any, ...]]:
        began = step_began = time.monotonic()
        key, steps, conclusion = uuid.uuid4().hex[:8], list[ShownStep](), ""
        message = "The question goes to the language model" if self._model.is_warm else "The language model is loading"
        yield run, status_html(message + _DOTS), "", _STOP_ON
        remaining: float | None = None
        for event in run.events():
            if event is not None:
                step_began, remaining, conclusion = _record(event, steps, asked, step_began, remaining)
            yield (
                gr.skip(),
                _progress(message, steps, began, step_began, remaining),
                gr.skip() if event is None else steps_html(key, steps, conclusion),
                gr.skip(),
            )
        if run.replaced:
            # Gradio sends the last output once more when a generator ends, by which time the next run may have begun.
            yield (gr.skip(),) * 4
            return
        took = seconds_text(time.monotonic() - began)
        ended = f"Stopped after {took}." if run.stopped and not conclusion else f"Done in {took}."
        done = [shown for shown in steps if shown.result is not None]
        yield None, status_html(ended), steps_html(key, done, conclusion), _STOP_OFF

    def stop(self, run: LiveRun | None) -> None:
        """Stop the run; it says so itself, and what was reached stays on the page."""
        if run is not None:
            run.stop()

    def ask_api(self, graph: str, question: str | None) -> dict[str, Any]:
        """The exact answer as one JSON object, as `python -m reasoning ask --json` prints it."""
        try:
            return ask(self._shelf.get(graph), graph, question or "", self._model.reader).answer.to_dict()
        except SkylarkError as error:
            raise gr.Error(str(error)) from error


_DOTS = " …"
_STOP_ON, _STOP_OFF = gr.update(interactive=True), gr.update(interactive=False)


def _described(kg: KnowledgeGraph) -> str:
    relations = kg.relation_names()
    shown = ", ".join(shortened(relation, 32) for relation in relations[:8])
    more = f" and {len(relations) - 8} more" if len(relations) > 8 else ""
    return f"{counted(len(kg), 'triple')}, {counted(len(kg.universe), 'entity', 'entities')}. Relations: {shown}{more}."


def _label(example: Example) -> str:
    return f"{example.title}\n{shortened(example.text, 80)}"


def _buttons(examples: tuple[Example, ...]) -> list[Any]:
    filled = [gr.update(value=_label(example), visible=True, interactive=True) for example in examples]
    return [*filled, *(gr.update(visible=False) for _ in range(EXAMPLES_SHOWN - len(filled)))][:EXAMPLES_SHOWN]


def _pressed(texts: list[str], event: gr.EventData) -> str:
    """The text behind the numbered button that was pressed."""
    # The target is the visitor's own copy of the button, which only its id tells from the others.
    number = int(str(getattr(event.target, "elem_id", "")).rpartition("-")[2] or 0)
    return texts[number - 1] if 1 <= number <= len(texts) else ""


def _record(
    event: Event, steps: list[ShownStep], asked: Asked, step_began: float, remaining: float | None
) -> tuple[float, float | None, str]:
    """Put an event into `steps`; gives when the present step (or part) began, the estimate, the conclusion."""
    if isinstance(event, StepStarted):
        steps.append(ShownStep(event))
        return time.monotonic(), remaining, ""
    if isinstance(event, PartFinished):
        steps[-1] = replace(steps[-1], parts=(*steps[-1].parts, event.part))
        return time.monotonic(), event.remaining_seconds, ""
    if isinstance(event, StepFinished):
        steps[-1] = replace(steps[-1], result=event.result)
        return step_began, event.remaining_seconds, ""
    assert isinstance(event, Finished)
    return step_began, 0.0, conclusion_html(event.answer, asked.answer)


def _progress(message: str, steps: list[ShownStep], began: float, step_began: float, remaining: float | None) -> str:
    if not steps:
        return status_html(message, f"{time.monotonic() - began:.0f} s")
    now = steps[-1]
    told = f"Step {now.started.step.position + 1} of {now.started.total}"
    if now.result is not None:
        return status_html(f"{told} is done")
    if now.total > 1:
        told += f", part {min(len(now.parts) + 1, now.total)} of {now.total}"
    ticking = f"{time.monotonic() - step_began:.0f} s so far"
    if remaining:
        ticking += f", about {remaining:.0f} s left in all"
    return status_html(f"{told}: the model is answering", ticking)


def build_graphs(demo: GraphDemo, shelf: GraphShelf, model: LanguageModel, page: gr.Blocks) -> None:
    """The tab, inside `page`."""
    gr.HTML(
        "<p>Ask a knowledge graph. The exact answer comes at once; beside it a language model works through the same "
        "question step by step, and every step is checked.</p>",
        elem_classes="sk-about",
    )
    with gr.Column(elem_classes="sk-panel"):
        with gr.Row(equal_height=True):
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
        graph_note = gr.HTML(elem_id="graph_note")
        with gr.Row(elem_id="examples"):
            buttons = [
                gr.Button(_label(example), size="sm", elem_id=f"example-{number}", min_width=0)
                for number, example in enumerate(WORLD_EXAMPLES, start=1)
            ]
        with gr.Accordion("How a formal query is written", open=False, elem_id="grammar"):
            gr.HTML(grammar_html())
    error = gr.HTML(elem_id="error")
    with gr.Column(elem_id="understood_panel", elem_classes="sk-panel"):
        with gr.Row(elem_id="reading"):
            understood = gr.HTML(elem_id="understood")
            tree = gr.HTML(elem_id="tree")
        choices_line = gr.HTML(elem_id="choices_line")
        with gr.Row(elem_id="choices"):
            choice_buttons = [
                gr.Button("", size="sm", elem_id=f"choice-{number}", min_width=0, visible=False)
                for number in range(1, CHOICES_SHOWN + 1)
            ]
    with gr.Row():
        with gr.Column(min_width=300, elem_classes="sk-panel"):
            gr.HTML(heading("Exact answer"))
            answer = gr.HTML(muted("Ask a question, or pick an example."), elem_id="answer", js_on_load=SHOW_FACTS)
        with gr.Column(min_width=300, elem_classes="sk-panel"):
            gr.HTML(heading("The language model, step by step") + muted(text(model.sentence())), elem_id="model")
            with gr.Row(equal_height=True):
                wanted = gr.Checkbox(True, label="Ask the language model too", elem_id="run_llm", container=False)
                stop = gr.Button("Stop", size="sm", interactive=False, elem_id="stop", scale=0, min_width=80)
            status = gr.HTML(elem_id="steps_status")
            steps = gr.HTML(elem_id="steps", js_on_load=KEEP_OPEN)
    with gr.Column(elem_id="evidence_panel", elem_classes="sk-panel"):
        gr.HTML(heading("Evidence"))
        picture = gr.HTML(elem_id="evidence")
        with gr.Accordion("The same facts as a table", open=False, elem_id="evidence_facts"):
            table = gr.HTML(elem_id="evidence_table")

    offered, asked, run = gr.State(WORLD_EXAMPLES), gr.State(None), gr.State(None)
    choices = gr.State(())
    exact_outputs = [asked, error, understood, tree, answer, picture, table, status, steps,
                     choices, choices_line, *choice_buttons]  # fmt: skip

    def fill(examples: tuple[Example, ...], event: gr.EventData) -> str:
        return _pressed([example.text for example in examples], event)

    def choose(choices: tuple[tuple[str, str], ...], event: gr.EventData) -> str:
        return _pressed([query for _, query in choices], event)

    filled = gr.on([b.click for b in buttons], fill, [offered], [question], api_visibility="private", queue=False)
    chosen = gr.on(
        [b.click for b in choice_buttons], choose, [choices], [question], api_visibility="private", queue=False
    )
    for trigger in (gr.on([go.click, question.submit], None, trigger_mode="multiple"), filled, chosen):
        trigger.then(
            demo.answer, [graph, question, run], exact_outputs, api_visibility="private",
            concurrency_limit=EXACT_AT_ONCE, concurrency_id="exact", show_progress="hidden",
            trigger_mode="multiple",
        ).then(
            demo.run_model, [asked, wanted], [run, status, steps, stop], api_visibility="private",
            concurrency_limit=RUNS_AT_ONCE, concurrency_id="model", show_progress="hidden",
            trigger_mode="multiple",
        )  # fmt: skip
    stop.click(demo.stop, [run], [], api_visibility="private", queue=False, show_progress="hidden")
    gr.on(
        [page.load, graph.change], demo.choose, [graph], [graph_note, offered, *buttons],
        api_visibility="private", concurrency_limit=4, show_progress="hidden",
    )  # fmt: skip
    events.api(demo.ask_api, api_name="ask", concurrency_limit=EXACT_AT_ONCE, concurrency_id="exact")
