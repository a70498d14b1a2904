"""The panel in which a visitor pastes a text: what it would take, the graph as it grows, and questions to ask it.

Reading is two events. The first checks the text and says that it waits; the second has a place among those that are
read at once, and shows passage after passage. What was read until it is stopped is the visitor's graph.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.events import Dependency

from app.graph.graphs import GraphShelf
from app.graph.growing.expected import Plan, extractor, planned
from app.graph.growing.picture import growth_html
from app.graph.growing.questions import MOST, Offered, questions_of
from app.graph.growing.relations import MOST_CHARACTERS as MOST_RELATION_CHARACTERS
from app.graph.growing.relations import PLACEHOLDER
from app.graph.growing.run import GrowingRun, GrowingRuns, Growth
from app.graph.growing.text import DOCUMENT, EXAMPLE
from app.graph.growing.views import (
    Reader,
    expected_html,
    found_html,
    made_html,
    nothing_html,
    progress_html,
    reader_of_texts,
)
from app.graph.parts import NO_CHANGES, Changes
from app.models.language_model import LanguageModel
from app.server.failure_view import failure_html
from app.server.limits import GROW_SECONDS, GROWING_AT_ONCE
from app.server.scripts import in_view
from app.server.templates import macro
from app.server.words import counted, shortened

EXPECTED_AT_ONCE = 4
QUESTIONS_AT_ONCE = 2
HOW = {
    "done": "",
    "stopped": "Stopped before the end: ",
    "late": f"Stopped after {GROW_SECONDS / 60:g} minutes, the most for one text: ",
}
"""How a run came to its end, as the beginning of a sentence."""
ON, OFF = gr.update(interactive=True), gr.update(interactive=False)


class GrowingPanel:
    """The panel, in the block in which it is made; its events give the new values of its components.

    Args:
        shelf: the graphs, among which is the visitor's own.
        model: the language model.
        graph: the choice of graphs.
        page: the page.

    Attributes:
        to_models: the button that leads to the tab in which a model is named.
        offers, offer_buttons: questions about the new graph, and the buttons that ask them.
        made: the event after which a visitor's own graph may be chosen.
    """

    def __init__(self, shelf: GraphShelf, model: LanguageModel, graph: gr.Dropdown, page: gr.Blocks) -> None:
        self._shelf, self._model, self._graph = shelf, model, graph
        self._runs = GrowingRuns()
        self._build()
        self.made = self._connect(page)

    def _build(self) -> None:
        reader = reader_of_texts(self._model)
        self.reader = gr.HTML(reader.html, elem_id="grow_model")
        self.to_models = gr.Button(
            "Name a model in the Models tab",
            size="sm",
            visible=_leads_to_models(reader),
            elem_id="grow_to_models",
            scale=0,
        )
        with gr.Column(visible=reader.able, elem_id="grow_form") as self.form:
            self.text = gr.Textbox(
                label="Text", lines=6, max_lines=14, elem_id="grow_text",
                placeholder="Paste a text that says who or what is related to whom: a letter, a report, an article.",
            )  # fmt: skip
            with gr.Accordion("Which relations to look for", open=False, elem_id="grow_relations_frame"):
                self.relations = gr.Textbox(
                    label="Relations, one a line; left empty, the model proposes them", lines=3, max_lines=12,
                    placeholder=PLACEHOLDER, max_length=MOST_RELATION_CHARACTERS, elem_id="grow_relations",
                )  # fmt: skip
            self.expected = gr.HTML(elem_id="grow_expected")
            with gr.Row(elem_id="grow_row"):
                self.go = gr.Button("Make a graph of it", variant="primary", elem_id="grow_go", min_width=200, scale=0)
                self.halt = gr.Button("Stop", interactive=False, elem_id="grow_stop", min_width=80, scale=0)
                self.fill = gr.Button("Fill in an example", elem_id="grow_example", min_width=180, scale=0)
        self.status = gr.HTML(elem_id="grow_status")
        self.offers_line = gr.HTML(elem_id="grow_offers_line")
        with gr.Row(elem_id="grow_offers"):
            self.offer_buttons = tuple(
                gr.Button("", size="sm", visible=False, elem_id=f"offer-{number}", min_width=0)
                for number in range(1, MOST + 1)
            )
        self.picture = gr.HTML(elem_id="grown", js_on_load="skylarkGraph.growth({element, watch});")
        self.found = gr.HTML(elem_id="grown_triples")
        self.plan, self.grown, self.offers = gr.State(None), gr.State(None), gr.State(())

    def _connect(self, page: gr.Blocks) -> Dependency:
        quick: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        said = [self.text, self.relations]
        expecting = {**quick, "concurrency_id": "grow-expected", "concurrency_limit": EXPECTED_AT_ONCE}
        self.fill.click(lambda: EXAMPLE, None, [self.text], queue=False, **quick)
        gr.on(
            [self.text.change, self.relations.change], self.expect, said, [self.expected, self.plan],
            trigger_mode="always_last", **expecting,
        )  # fmt: skip
        begun = self.go.click(
            self.begin, [*said, self.plan],
            [self.expected, self.plan, self.status, self.go, self.halt, *self._results], queue=False, **quick,
        )  # fmt: skip
        begun.then(None, js=in_view("#grow_status .sk-alert", "#grow_expected .sk-choose", "#grow_status"), **quick)
        made: Dependency = begun.then(
            self.follow, None, [self.status, self.go, self.halt, self._graph, *self._results],
            concurrency_id="grow", concurrency_limit=GROWING_AT_ONCE, trigger_mode="multiple", **quick,
        )  # fmt: skip
        made.then(
            self.offer, [self.grown], [self.offers_line, self.offers, *self.offer_buttons],
            concurrency_id="grow-questions", concurrency_limit=QUESTIONS_AT_ONCE, **quick,
        )  # fmt: skip
        self.halt.click(self.stop, None, [self.status, self.go, self.halt], queue=False, **quick)
        page.unload(self.leave)
        return made

    @property
    def _results(self) -> list[Any]:
        """The parts that show what came of a text."""
        return [self.picture, self.found, self.offers_line, self.offers, *self.offer_buttons, self.grown]

    @property
    def _emptied(self) -> Changes:
        return {
            self.picture: "", self.found: "", self.offers_line: "", self.offers: (), self.grown: None,
            **dict.fromkeys(self.offer_buttons, gr.update(visible=False)),
        }  # fmt: skip

    @property
    def model_parts(self) -> list[Any]:
        """The parts that another model changes."""
        return [self.reader, self.to_models, self.form, self.expected, self.plan]

    def model_changed(self) -> Changes:
        """Another model is in use in this visit."""
        reader = reader_of_texts(self._model)
        return {
            self.reader: reader.html,
            self.to_models: gr.update(visible=_leads_to_models(reader)),
            self.form: gr.update(visible=reader.able),
            self.expected: "",
            self.plan: None,
        }

    def expect(self, text: str | None, relations: str | None) -> Changes:
        """What reading a text would take; nothing is sent."""
        try:
            plan = planned(text, relations, self._model)
        except Exception as error:
            return {self.expected: failure_html(error), self.plan: None}
        return {self.expected: "" if plan is None else expected_html(plan), self.plan: plan}

    def begin(self, text: str | None, relations: str | None, plan: Plan | None, request: gr.Request) -> Changes:
        """Let a text be read, if what that takes was said before, or costs nothing."""
        try:
            wanted = planned(text, relations, self._model)
            if wanted is None:
                line = macro("status", "There is no text yet: paste one, or fill in the example.")
                return {self.status: line, self.expected: ""}
            if wanted != plan and not wanted.is_free:
                return {self.expected: expected_html(wanted, "anew"), self.plan: wanted, self.status: ""}
            visit = request.session_hash or ""
            self._shelf.own.check_room(visit)
            self._runs.begin(visit, GrowingRun(wanted, extractor(self._model)))
        except Exception as error:
            return {self.status: failure_html(error)}
        waiting = f"The text waits for a free place: {counted(GROWING_AT_ONCE, 'text')} are read at once …"
        return {
            self.expected: expected_html(wanted, "under way"), self.plan: wanted, self.status: macro("status", waiting),
            self.go: OFF, self.halt: ON, **self._emptied,
        }  # fmt: skip

    def follow(self, request: gr.Request) -> Iterator[Changes]:
        """Read what the visit wants read, and show the graph as it grows; in the end it is the visitor's own."""
        visit = request.session_hash or ""
        run = self._runs.take(visit)
        if run is None:
            yield NO_CHANGES
            return
        began = time.monotonic()
        try:
            yield {self.status: progress_html(run.growth, 0)}
            failure: Exception | None = None
            try:
                for growth in run.events():
                    line = {self.status: progress_html(run.growth, time.monotonic() - began)}
                    yield line if growth is None else {**line, **self._shown(run, growth)}
            except Exception as error:
                failure = error
            if run.left:
                yield NO_CHANGES
                return
            yield self._ended(run, visit, failure, time.monotonic() - began)
        finally:
            # Also where the visitor has gone in the middle of it.
            run.stop()
            self._runs.end(visit, run)

    def _shown(self, run: GrowingRun, growth: Growth) -> Changes:
        """The graph so far."""
        shown: Changes = {self.found: found_html(growth, run.plan.schema is None)}
        if growth.extraction is not None and growth.has_triples:
            shown[self.picture] = growth_html(growth.extraction.triples, growth.newest)
        return shown

    def _ended(self, run: GrowingRun, visit: str, failure: Exception | None, seconds: float) -> Changes:
        """What was read becomes the visitor's graph."""
        growth, buttons = replace(run.growth, newest=0), {self.go: ON, self.halt: OFF}
        extraction = growth.extraction
        how = HOW[run.ended] if failure is None and growth.read < growth.passages else ""
        told = "" if failure is None else failure_html(failure)
        if extraction is None or not extraction.triples:
            nothing = "" if failure is not None else nothing_html(extraction, how)
            return {**buttons, **self._shown(run, growth), self.status: told + nothing}
        try:
            kg = extraction.graph
            note = (
                f"Made of a pasted text by {run.plan.model}: {counted(len(extraction.triples), 'triple')} from "
                f"{extraction.passages:,} of {counted(growth.passages, 'passage')}."
            )
            own = self._shelf.own.add(visit, kg, note, {DOCUMENT: run.plan.text})
            if run.left:  # just now, so that nobody else would forget it
                self._shelf.own.forget(visit)
                return NO_CHANGES
        except Exception as error:
            return {**buttons, **self._shown(run, growth), self.status: told + failure_html(error)}
        return {
            **buttons,
            **self._shown(run, growth),
            self.status: told + made_html(extraction, kg.graph_name, how, seconds),
            self.grown: (own.key, extraction.triples),
            self._graph: gr.update(choices=self._shelf.choices(visit), value=own.key),
            self.offers_line: macro("muted", "Looking for questions that it answers …"),
        }

    def offer(self, grown: Any) -> Changes:
        """Questions that the new graph answers."""
        if grown is None:
            return NO_CHANGES
        graph, triples = grown
        try:
            offered: Offered = questions_of(self._shelf.get(graph), graph, triples)
        except Exception as error:
            return {self.offers_line: failure_html(error)}
        shown = [
            gr.update(value=shortened(f"{words[:1].upper()}{words[1:]}", 120), visible=True) for words, _ in offered
        ]
        shown += [gr.update(visible=False)] * (MOST - len(shown))
        return {self.offers_line: "", self.offers: offered, **dict(zip(self.offer_buttons, shown, strict=True))}

    def stop(self, request: gr.Request) -> Changes:
        """Stop reading; what was read is kept, which the reading itself says."""
        match self._runs.stop(request.session_hash or ""):
            case "under way":
                return {self.halt: OFF}
            case "waiting":
                line = macro("status", "Stopped before it began: nothing was sent.")
                return {self.status: line, self.go: ON, self.halt: OFF}
        return NO_CHANGES

    def leave(self, request: gr.Request) -> None:
        """Nothing of a visit that is over goes on."""
        self._runs.forget(request.session_hash or "")


def _leads_to_models(reader: Reader) -> bool:
    return not reader.able and reader.can_be_named
