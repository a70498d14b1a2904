"""What the events of the graph page do: opening graphs, the exact answer at once, the language model's steps.

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
from pathlib import Path
from typing import Any

import gradio as gr

from app.graph.answer_view import tree_section_html, understood_html
from app.graph.asking import Asked, ask
from app.graph.choices_view import choices_of, choices_shown
from app.graph.contents import fact_count
from app.graph.contents_view import contents_html
from app.graph.examples import Example, examples_for
from app.graph.graphs import DEFAULT_GRAPH, GraphShelf
from app.graph.likely.handlers import VIEWS, LikelyDemo
from app.graph.likely.view import position_of
from app.graph.live_run import LiveRun
from app.graph.own_graphs import reading, shown_name
from app.graph.steps_view import ShownStep, conclusion_html, status_html, steps_html
from app.models.language_model import LanguageModel
from app.server.failure_view import failure_html
from app.server.markup import counted, muted, name, seconds_text, shortened, text
from kg_data.errors import SkylarkError, UnknownGraphError
from reasoning import KnowledgeGraph
from reasoning.execution.events import Event, Finished, PartFinished, StepFinished, StepStarted
from reasoning.query.read_question import QuestionError
from reasoning.reading import MAX_CHARACTERS

EXAMPLES_SHOWN = 5


class GraphDemo:
    """What the page's events do; it holds only what all visitors share.

    Args:
        shelf: the graphs on offer.
        model: the language model.

    Attributes:
        likely: what the slider's events do.
    """

    def __init__(self, shelf: GraphShelf, model: LanguageModel) -> None:
        self._shelf, self._model = shelf, model
        self.likely = LikelyDemo(shelf)

    def warm_up(self) -> None:
        """Load the first graph and the model on a thread of its own; nobody waits for it."""

        def work() -> None:
            with contextlib.suppress(SkylarkError):  # told to the visitor who chooses the graph
                self._shelf.get(DEFAULT_GRAPH)
            self._model.warm_up()

        threading.Thread(target=work, name="skylark-warm-up", daemon=True).start()

    def choose(self, graph: str) -> Iterator[tuple[Any, ...]]:
        """Open a graph; gives the note below the choice, what is in it, the examples, their buttons, and the note of an
        upload, emptied."""
        if not self._shelf.is_open(graph):
            yield (muted(f"Opening {text(graph)}; the first time its index is built, which takes a while{_DOTS}"),
                   "", (), *(gr.update(interactive=False) for _ in range(EXAMPLES_SHOWN)), gr.skip())  # fmt: skip
        try:
            kg = self._shelf.get(graph)
            examples = examples_for(kg, graph)
            # The page's scripts read here which graph is open.
            note = f'<div data-graph="{text(graph)}">{muted(text(_described(kg)))}</div>'
            contents = contents_html(kg)
        except Exception as error:
            examples, note, contents = (), failure_html(error), ""
        yield (note, contents, examples, *buttons_of(examples), "")

    def bring(self, file: str | None, request: gr.Request) -> Iterator[tuple[Any, Any]]:
        """Take in a visitor's own graph: gives the choice of graphs with it chosen, and how the upload goes."""
        if not file:
            yield gr.skip(), gr.skip()
            return
        shown = shown_name(file)
        try:
            for got in reading(Path(file), shown):
                if isinstance(got, float):
                    yield gr.skip(), _waiting(f"Reading {name(shown)}: {got:.0f} s{_DOTS}")
                    continue
                own = self._shelf.own.add(request.session_hash or "", got)
                choices = self._shelf.choices(request.session_hash or "")
                yield gr.update(choices=choices, value=own.key), _waiting(f"{name(shown)} is read{_DOTS}")
        except Exception as error:
            yield gr.skip(), failure_html(error)

    def choices(self, request: gr.Request) -> Any:
        """The choice of graphs where another tab has one too."""
        return gr.update(choices=self._shelf.choices(request.session_hash or ""))

    def leave(self, request: gr.Request) -> None:
        """Forget what belongs to a visit that is over."""
        self._shelf.own.forget(request.session_hash or "")
        self.likely.forget(request.session_hash or "")

    def restore(self, request: gr.Request) -> tuple[Any, ...]:
        """What a link asks for: the graph, the question, whether the model is wanted, the slider's place, whether there
        is a question at all, and an error. The query string may come from anybody."""
        asked = dict(request.query_params) if request is not None else {}
        graph, question = str(asked.get("graph", "")), str(asked.get("q", ""))[:MAX_CHARACTERS]
        if not graph and not question:
            return gr.skip(), gr.skip(), gr.skip(), gr.skip(), False, gr.skip()
        place = position_of(asked["least"]) if "least" in asked else gr.skip()
        method = asked.get("method", "lark") == "lark"
        if graph and graph not in self._shelf.names:
            error = UnknownGraphError(
                f"the link names a graph that is not on offer here: {graph[:60]!r}; choose one of "
                f"{', '.join(self._shelf.names)}"
            )
            return gr.skip(), question, method, place, False, failure_html(error)
        return graph or gr.skip(), question, method, place, bool(question.strip()), gr.skip()

    def answer_linked(
        self,
        linked: bool,
        graph: str,
        question: str,
        run: LiveRun | None,
        wanted: bool,
        position: str,
        request: gr.Request,
    ) -> tuple[Any, ...]:
        """As `answer`, where a link brought a question; else nothing changes."""
        if linked:
            return self.answer(graph, question, run, wanted, position, request)
        return (gr.skip(),) * (len(_ANSWERED) + len(choices_shown((), answered=False)))

    def run_linked(self, linked: bool, asked: Asked | None, wanted: bool) -> Iterator[tuple[Any, ...]]:
        """As `run_model`, where a link brought a question."""
        if linked:
            yield from self.run_model(asked, wanted)
        else:
            yield (gr.skip(),) * 4

    def answer(
        self,
        graph: str,
        question: str,
        run: LiveRun | None,
        wanted: bool,
        position: str,
        request: gr.Request,
    ) -> tuple[Any, ...]:
        """Read and answer exactly. Gives: what was asked, error, understood, tree, what `LikelyDemo.views` gives, a
        status line, emptied steps, and what `choices_shown` gives."""
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
                *self.likely.views(asked, position, request.session_hash or ""),
            )
        except Exception as error:
            self.likely.forget(request.session_hash or "")
            return (None, failure_html(error), "", "", muted("No answer: see the message above."), "", "", "",
                    gr.update(visible=False), None, "", "", *choices_shown(choices, answered=False))  # fmt: skip
        # Until the run begins, which others may have to leave a place for.
        status = status_html(f"The question waits for a free place at the language model{_DOTS}") if wanted else ""
        return (asked, "", *shown, status, "", *choices_shown(choices, answered=True))

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


_ANSWERED = ("asked", "error", "understood", "tree", *VIEWS, "model status", "steps")
_DOTS = " …"
_STOP_ON, _STOP_OFF = gr.update(interactive=True), gr.update(interactive=False)


def _waiting(told: str) -> str:
    return f'<p class="sk-muted" role="status">{told}</p>'


def _described(kg: KnowledgeGraph) -> str:
    relations = kg.relation_names()
    shown = ", ".join(shortened(relation, 32) for relation in relations[:8])
    more = f" and {len(relations) - 8} more" if len(relations) > 8 else ""
    facts = counted(fact_count(kg), "fact")
    return f"{facts}, {counted(len(kg.universe), 'entity', 'entities')}. Relations: {shown}{more}."


def label_of(example: Example) -> str:
    """What stands on an example's button."""
    return f"{example.title}\n{shortened(example.text, 80)}"


def buttons_of(examples: tuple[Example, ...]) -> list[Any]:
    """The buttons of the examples, the surplus ones hidden."""
    filled = [gr.update(value=label_of(example), visible=True, interactive=True) for example in examples]
    return [*filled, *(gr.update(visible=False) for _ in range(EXAMPLES_SHOWN - len(filled)))][:EXAMPLES_SHOWN]


def pressed(texts: list[str], event: gr.EventData) -> str:
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
