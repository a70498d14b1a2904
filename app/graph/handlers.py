"""What the events of the graph page do: opening graphs, the exact answer at once, the language model's steps.

Asking is two events. The first reads the question and answers it exactly, within milliseconds; the second, which a
visitor can do without, runs the language model. So nobody's exact answer waits for anybody's model.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from app.graph.answer_view import tree_html, understood_html
from app.graph.asking import Asked, ask
from app.graph.contents import contents_html, fact_count
from app.graph.examples import Example, examples_for
from app.graph.graphs import GraphShelf
from app.graph.likely.slider import LikelyDemo, position_of
from app.graph.live_run import LiveRun
from app.graph.newest import NewestQuestions
from app.graph.own_graphs import reading, shown_name
from app.graph.parts import NO_CHANGES, Changes, GraphParts
from app.graph.steps_view import ShownStep, conclusion_html, status_html, steps_html
from app.models.language_model import LanguageModel
from app.server.failure_view import failure_html
from app.server.templates import macro, muted
from app.server.words import counted, duration, not_in_link, shortened
from kg_data.errors import SkylarkError, UnknownGraphError
from reasoning import KnowledgeGraph
from reasoning.execution.events import Event, Finished, PartFinished, StepFinished, StepStarted
from reasoning.query.read_question import QuestionError, ReadQuestion
from reasoning.reading import MAX_CHARACTERS, understand

log = logging.getLogger(__name__)

EXAMPLES_SHOWN = CHOICES_SHOWN = 5
FIRST_QUESTION = "What is the capital of Chad?"
"""Read at the start, so that the first visitor does not wait for the weights."""

_HIDDEN = gr.update(visible=False)

Choices = tuple[tuple[str, str], ...]
"""What else a question may mean: the words and the text of each query."""


class GraphDemo:
    """What the page's events do; it holds only what all visitors share.

    Args:
        shelf: the graphs on offer.
        model: the language model.
        parts: the parts of the tab.

    Attributes:
        likely: what the slider's events do.
    """

    def __init__(self, shelf: GraphShelf, model: LanguageModel, parts: GraphParts) -> None:
        self._shelf, self._model, self._parts = shelf, model, parts
        self.likely = LikelyDemo(shelf, parts)
        self._newest = NewestQuestions()

    def warm_up(self) -> None:
        """Load the first graph, the reader of questions and the model on a thread of its own; nobody waits for it."""

        def work() -> None:
            with contextlib.suppress(SkylarkError):  # the visitor who chooses the graph, or asks, learns of it
                understand(FIRST_QUESTION, self._shelf.get(self._shelf.names[0]))
                log.info("the reader of questions is ready")
            self._model.warm_up()

        threading.Thread(target=work, name="skylark-warm-up", daemon=True).start()

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
            emptied = (
                parts.understood,
                parts.tree,
                parts.picture,
                parts.table,
                parts.likely_status,
                parts.status,
                parts.steps,
            )
            return {
                parts.asked: None,
                parts.error: failure_html(error),
                parts.answer: muted("No answer: see the message above."),
                parts.likely_stop: _HIDDEN,
                parts.waiting_for: None,
                **dict.fromkeys(emptied, ""),
                **self._choices_shown(choices, "Which of these do you mean?"),
            }

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
        shown = ShownRun(asked, f"{message} …")
        going = {parts.stop: gr.update(interactive=True)}  # in each: see `Updates` of `app.batch.follow`
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


class ShownRun:
    """The run of a chain as the page shows it.

    Args:
        asked: the question.
        message: what stands above the steps before the first one.
    """

    def __init__(self, asked: Asked, message: str) -> None:
        self.steps: list[ShownStep] = []
        self._asked, self._message, self._key = asked, message, uuid.uuid4().hex[:8]
        self._began = self._step_began = time.monotonic()
        self._remaining_seconds: float | None = None
        self._conclusion = Markup("")

    def record(self, event: Event) -> None:
        """Take in what happened."""
        if isinstance(event, StepStarted):
            self.steps.append(ShownStep(event))
        elif isinstance(event, PartFinished):
            self.steps[-1] = replace(self.steps[-1], parts=(*self.steps[-1].parts, event.part))
            self._remaining_seconds = event.remaining_seconds
        elif isinstance(event, StepFinished):
            self.steps[-1] = replace(self.steps[-1], result=event.result)
            self._remaining_seconds = event.remaining_seconds
        else:
            assert isinstance(event, Finished)
            self._conclusion = conclusion_html(event.answer, self._asked.answer)
        if isinstance(event, StepStarted | PartFinished):
            self._step_began = time.monotonic()

    def steps_html(self, only_finished: bool = False) -> Markup:
        """The steps so far, and the conclusion once there is one."""
        steps = [step for step in self.steps if step.result is not None] if only_finished else self.steps
        return steps_html(self._key, steps, self._conclusion)

    def status_html(self) -> Markup:
        """What the model does now, and for how long already."""
        if not self.steps:
            return status_html(self._message, f"{time.monotonic() - self._began:.0f} s")
        step = self.steps[-1]
        place = f"Step {step.started.step.position + 1} of {step.started.total}"
        if step.result is not None:
            return status_html(f"{place} is done")
        if step.total > 1:
            place += f", part {min(len(step.parts) + 1, step.total)} of {step.total}"
        ticking = f"{time.monotonic() - self._step_began:.0f} s so far"
        if self._remaining_seconds:
            ticking += f", about {self._remaining_seconds:.0f} s left in all"
        return status_html(f"{place}: the model is answering", ticking)

    def ended_html(self, stopped: bool) -> Markup:
        """How long the run took, and whether somebody stopped it before its end."""
        took = duration(time.monotonic() - self._began)
        return status_html(f"Stopped after {took}." if stopped and not self._conclusion else f"Done in {took}.")


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
