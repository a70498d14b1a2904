"""The panel in which a visitor pastes a text, sees its graph grow, and asks it questions made of what the text says.

Reading is two events. The first checks the text and says that it waits; the second has a place among those that are
read at once, and shows passage after passage. What was read until it is stopped is the visitor's graph. Entities keep
their keys from picture to picture, so that the page's script moves each from where it stood before.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

import gradio as gr
import networkx as nx
from gradio.events import Dependency
from markupsafe import Markup

from app.graph.drawing import drawing_svg
from app.graph.examples import answered
from app.graph.graphs import GraphRegistry
from app.graph.layout import Edge, Key, Layout, Node, columns_of, rows_of
from app.graph.parts import NO_CHANGES, Changes
from app.graph.text_to_graph import (
    DOCUMENT,
    EXAMPLE,
    LIMITS,
    PLACEHOLDER,
    Growth,
    Plan,
    TextToGraphRun,
    TextToGraphRuns,
    extractor,
    planned,
    relation_words,
)
from app.graph.text_to_graph import MOST_RELATION_CHARACTERS as MOST_RELATION_CHARACTERS
from app.models import LanguageModel, offered
from app.server.serving import TEXT_TO_GRAPH_AT_ONCE, TEXT_TO_GRAPH_SECONDS
from app.server.views import counted, failure_html, in_view, macro, render, shortened
from kg_data.values import Value
from reasoning import KnowledgeGraph
from reasoning.extraction.extraction import Extracted, Extraction
from reasoning.lm import describe_llm
from reasoning.lm.calls import money
from reasoning.query.tree import Count, Entity, Project, Query
from skylark.errors import SkylarkError, UsageError

MOST_DRAWN = 60
"""Triples that are drawn, the newest: with more of them their lines have no room for words."""
MOST_NEWEST = 12
"""Triples in the text alternative; all of them are listed below the picture."""
ROW = 44


def growth_html(triples: Sequence[Extracted], newest: int) -> Markup:
    """The picture, in which the `newest` last triples are marked, with a line on how much of the graph it shows."""
    layout = laid_out(triples, newest)
    labels = {node.key: node.label for node in layout.nodes}
    listed = "; ".join(f"{labels[e.head]}, {e.relation}, {labels[e.tail]}" for e in layout.edges[-MOST_NEWEST:])
    more = f"; and {len(layout.edges) - MOST_NEWEST} more" if len(layout.edges) > MOST_NEWEST else ""
    return render(
        "graph/text_picture.html",
        drawing=drawing_svg(layout, "growing", f"The graph so far: {listed}{more}.", ROW),
        drawn=counted(len(layout.edges), "fact"),
        total=layout.total,
        all_drawn=len(layout.edges) == layout.total,
        newest=sum(edge.newest for edge in layout.edges),
    )  # fmt: skip


def laid_out(triples: Sequence[Extracted], newest: int) -> Layout:
    """The last `MOST_DRAWN` facts, each once: in the middle of what hangs together what most of them are about."""
    keys: dict[str, int] = {}
    edges: dict[Edge, bool] = {}
    labels: dict[Key, str] = {}
    first: dict[Key, int] = {}
    for place, triple in enumerate(triples):
        head = keys.setdefault(triple.head, len(keys))
        is_value = isinstance(triple.tail, Value)
        tail: Key = (head, triple.relation) if is_value else keys.setdefault(str(triple.tail), len(keys))
        labels |= {head: triple.head, tail: str(triple.tail)}
        for key in (head, tail):
            first.setdefault(key, place)
        # Of a fact that is said again the first saying counts.
        edges.setdefault(Edge(head, triple.relation, tail), place >= len(triples) - newest)
    drawn = [Edge(e.head, e.relation, e.tail, newest=is_new) for e, is_new in edges.items()][-MOST_DRAWN:]
    graph = nx.DiGraph()
    for edge in drawn:
        graph.add_edge(edge.head, edge.tail)
    things = [key for key in graph if isinstance(key, int)]
    hub = {max(things, key=lambda key: (graph.degree(key), -key))} if things else set()
    columns = columns_of(graph, hub)
    rows = rows_of(graph, columns)
    nodes = tuple(
        Node(
            key, labels[key], "value" if isinstance(key, tuple) else "between", columns[key], rows[key],
            newest=first[key] >= len(triples) - newest,
        )
        for key in graph
    )  # fmt: skip
    return Layout(nodes, tuple(drawn), len(edges), len(drawn))


MOST = 3
TRIED = 8
"""Questions that are tried for them; each is read by the model that reads questions here."""

Offered = tuple[tuple[str, str], ...]
"""Questions: what stands on the button of each, and what is asked."""


def questions_of(kg: KnowledgeGraph, graph: str, triples: Sequence[Extracted]) -> Offered:
    """Up to three questions that were asked and answered; where their English is not read as it is meant, the query.

    They are read by the embedded model, so that a visitor's provider charges for none of them.
    """
    tried = list(islice(dict.fromkeys(_queries(triples)), TRIED))
    read = list(islice(answered(kg, graph, tried, "embedded"), MOST))
    offered = [(question, question) for question, _ in read]
    taken = {query for _, query in read}
    rest = [query for query in tried if query not in taken]
    # A query in the grammar is asked as it is, so what it says is what is answered.
    offered += [(query.verbalise(kg), str(query)) for query in rest[: MOST - len(offered)]]
    return tuple(offered)


def _queries(triples: Sequence[Extracted]) -> Iterator[Query]:
    """One of each kind in turn, of what the text says most of."""
    things = [triple for triple in triples if not isinstance(triple.tail, Value)]
    heads = Counter(triple.head for triple in triples)
    tails = Counter((triple.relation, str(triple.tail)) for triple in things)
    forward = sorted(dict.fromkeys((t.relation, t.head) for t in triples), key=lambda pair: -heads[pair[1]])
    backward = [pair for pair, count in tails.most_common() if count > 1]
    for place in range(max(len(forward), len(backward))):
        if place < len(backward):
            relation, tail = backward[place]
            yield Project(relation, Entity(tail), inverse=True)
        if place < len(forward):
            relation, head = forward[place]
            yield Project(relation, Entity(head))
        if place < len(backward):
            yield Count(Project(backward[place][0], Entity(backward[place][1]), inverse=True))


MOST_LISTED = 100
"""Triples that are listed, the newest."""
MOST_FAILURES = 3
UNABLE = {
    "embedded": "The model of this page, SmolLM2 with 135 million parameters, is too small for it: it would name "
    "triples that nobody could rely on.",
    "copy": "The model of this page only repeats what it is shown.",
}
"""Why a model of the page cannot read texts, by how it is asked for."""


@dataclass(frozen=True)
class Reader:
    """Which model would read a text."""

    html: Markup
    able: bool
    can_be_named: bool


def reader_of_texts(model: LanguageModel) -> Reader:
    """Which model would read the text of the visitor whose event is being handled; where none can, what helps."""
    limits = (
        f"A text has {LIMITS}. {TEXT_TO_GRAPH_AT_ONCE} texts of all visitors are read at once, each for at most "
        f"{TEXT_TO_GRAPH_SECONDS / 60:g} minutes. This server keeps neither the text nor what is made of it beyond "
        "your visit."
    )
    try:
        llm = extractor(model)
    except SkylarkError as error:
        # What the page's own models cannot do is said of them as visitors know them.
        is_pages = isinstance(error, UsageError) and model.own is None
        why = UNABLE.get(model.spec if is_pages else "", f"{str(error)[:1].upper()}{str(error)[1:]}.")
        html = render("graph/text_model.html", why=why, can_be_named=bool(offered()), about="", limits=limits)
        return Reader(html, False, bool(offered()))
    own, about = model.own, describe_llm(llm)
    name = about["name"] if own is None else f"{own.spec}, yours for this visit"
    where = "at the provider, to which the text is sent and whom you pay" if own is not None else about["runs"]
    html = render(
        "graph/text_model.html", why="", can_be_named=bool(offered()),
        about=Markup("Read by {}, {}.").format(name, where),
        limits=limits,
    )  # fmt: skip
    return Reader(html, True, bool(offered()))


def expected_html(plan: Plan, said: Literal["before", "anew", "under way"] = "before") -> Markup:
    """What reading takes: said before anything is sent, anew because it is something else now, or while it goes on."""
    expected = plan.expected
    low, high = expected.output_tokens
    price = "price not known here" if expected.cost is None else " to ".join(dict.fromkeys(map(money, expected.cost)))
    return render(
        "graph/text_expected.html",
        said=said,
        model=plan.model,
        characters=counted(len(plan.text), "character"),
        passages=counted(expected.passages, "passage"),
        requests=counted(expected.requests, "request"),
        tokens=f"about {expected.input_tokens:,} tokens in and {low:,} to {high:,} out",
        price=price,
        proposes=plan.schema is None,
        assumptions=expected.assumptions,
    )


def progress_html(growth: Growth, seconds: float) -> Markup:
    """How far the reading is, in words and as a bar; the seconds tick."""
    found = 0 if growth.extraction is None else len(growth.extraction.triples)
    if growth.schema is None:
        words = "The model proposes which relations to look for"
    elif growth.read < growth.passages:
        words = f"Reading passage {growth.read + 1:,} of {growth.passages:,}: {counted(found, 'triple')} so far"
    else:
        words = f"{counted(growth.passages, 'passage')} read: {counted(found, 'triple')}"
    bar = macro("bar", "How far the reading is", growth.read, growth.passages)
    return Markup("{}{}").format(macro("status", words, f"{seconds:.0f} s"), bar)


def found_html(growth: Growth, proposed: bool) -> Markup:
    """The triples so far, the newest first, each with its words; what was looked for, and what was dropped."""
    if growth.schema is None:
        return Markup("")
    extraction = growth.extraction
    triples = () if extraction is None else extraction.triples
    shown = [(triple, place >= len(triples) - growth.newest) for place, triple in enumerate(triples)]
    return render(
        "graph/text_triples.html",
        relations=[relation_words(relation) for relation in growth.schema.relations],
        proposed=proposed,
        listed=shown[::-1][:MOST_LISTED],
        total=len(triples),
        dropped=0 if extraction is None else sum(extraction.dropped.values()),
        notes=[] if extraction is None else list(_notes(extraction)),
    )


def _notes(extraction: Extraction) -> Iterator[str]:
    """What was dropped or could not be read, in sentences."""
    for reason, count in sorted(extraction.dropped.items(), key=lambda item: -item[1]):
        yield f"{counted(count, 'triple')} {reason}"
    if extraction.cut_off:
        yield f"what stood behind the end of {counted(extraction.cut_off, 'reply', 'replies')} that became too long"
    for failure in extraction.failures[:MOST_FAILURES]:
        yield f"the passage that begins in line {failure.place.line}, which could not be read: {failure.reason}"
    if len(extraction.failures) > MOST_FAILURES:
        yield f"{counted(len(extraction.failures) - MOST_FAILURES, 'further passage')} that could not be read"


def made_html(extraction: Extraction, graph: str, how: str, seconds: float) -> Markup:
    """That the graph is there, and what came of what; `how` begins a sentence on why it ended before its end.

    Args:
        extraction: what came of the text.
        graph: what the graph is called in the choice.
        how: why it ended before the whole text was read, as the beginning of a sentence; "" where it did not.
        seconds: that it took.
    """
    usage = extraction.usage
    return render(
        "graph/text_made.html",
        how=how,
        triples=counted(len(extraction.triples), "triple"),
        passages=counted(extraction.passages, "passage"),
        graph=graph,
        took=f"{seconds:.0f} s, {usage}",
    )


def nothing_html(extraction: Extraction | None, how: str) -> Markup:
    """That there is nothing to make a graph of, and what may help."""
    read = 0 if extraction is None else extraction.passages
    dropped = 0 if extraction is None else sum(extraction.dropped.values())
    return render("graph/text_nothing.html", how=how, passages=counted(read, "passage"), read=read, dropped=dropped)


EXPECTED_AT_ONCE = 4
QUESTIONS_AT_ONCE = 2
HOW = {
    "done": "",
    "stopped": "Stopped before the end: ",
    "late": f"Stopped after {TEXT_TO_GRAPH_SECONDS / 60:g} minutes, the most for one text: ",
}
"""How a run came to its end, as the beginning of a sentence."""
ON, OFF = gr.update(interactive=True), gr.update(interactive=False)


class TextToGraphPanel:
    """The panel, in the block in which it is made; its events give the new values of its components."""

    def __init__(self, shelf: GraphRegistry, model: LanguageModel, graph: gr.Dropdown, page: gr.Blocks) -> None:
        self._shelf, self._model, self._graph = shelf, model, graph
        self._runs = TextToGraphRuns()
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
            concurrency_id="grow", concurrency_limit=TEXT_TO_GRAPH_AT_ONCE, trigger_mode="multiple", **quick,
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
            self._runs.begin(visit, TextToGraphRun(wanted, extractor(self._model)))
        except Exception as error:
            return {self.status: failure_html(error)}
        waiting = f"The text waits for a free place: {counted(TEXT_TO_GRAPH_AT_ONCE, 'text')} are read at once …"
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

    def _shown(self, run: TextToGraphRun, growth: Growth) -> Changes:
        """The graph so far."""
        shown: Changes = {self.found: found_html(growth, run.plan.schema is None)}
        if growth.extraction is not None and growth.has_triples:
            shown[self.picture] = growth_html(growth.extraction.triples, growth.newest)
        return shown

    def _ended(self, run: TextToGraphRun, visit: str, failure: Exception | None, seconds: float) -> Changes:
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
