from __future__ import annotations

import threading
import time
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr
import numpy as np
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from app.api import Programs
from app.ask.speech import SharedSpeech
from app.graph.answer_view import (
    MOST_ROWS,
    Asked,
    answer_html,
    ask,
    evidence_table_html,
    picture_html,
    tree_html,
    understood_html,
)
from app.graph.examples import MOST_ANSWERS, WORLD_EXAMPLES, examples_for
from app.graph.graphs import GraphRegistry
from app.graph.layout import MOST_EDGES, lay_out
from app.graph.page import GraphDemo, ShownRun
from app.graph.parts import NO_CHANGES, GraphParts
from app.graph.steps_view import LiveRun, ShownStep, conclusion_html, steps_html
from app.image.looking import SharedDetector
from app.models import LanguageModel
from app.server.views import failure_html
from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.errors import QueryError, UnknownEntityError
from reasoning.execution.conclusion import Finished, StepFinished, StepStarted
from reasoning.execution.step_result import Attempt, Context, StepPart, StepResult
from reasoning.lm import CopyEverythingChatModel, EmbeddedChatModel, LLMError
from reasoning.parsing import MAX_CHARACTERS
from reasoning.query.read_question import QuestionError
from reasoning.verbalization.words import readable_of
from skylark.errors import SkylarkError, UnknownGraphError
from tests.reasoning.tiny_models import tiny_model

PARTS = GraphParts(**{
    field.name: ("1", "2", "3", "4", "5") if field.name.endswith("_buttons") else field.name
    for field in fields(GraphParts)
})  # type: ignore[arg-type]  # fmt: skip
"""Names stand for the parts of the page."""
SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(2)>'
FORBIDDEN = {"script", "img", "iframe", "b-reply", "a", "form"}


class Page(HTMLParser):
    """HTML as a browser sees it: tags, attributes and text."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.depth = 0
        self.feed(str(content))  # markup would escape what is joined to it
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.open.append(tag)
        self.depth = max(self.depth, self.open.count("ul"))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"unbalanced {tag}"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_harmless(content: str) -> Page:
    page = Page(content)
    assert not FORBIDDEN & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.open == []
    return page


@pytest.fixture
def towns() -> KnowledgeGraph:
    return KnowledgeGraph.from_triples(
        [
            ("A", "road", "B"), ("A", "road", "C"), ("B", "road", "D"), ("C", "road", "D"), ("C", "road", "E"),
            ("B", "in", "North"), ("C", "in", "South"), ("D", "in", "North"), ("E", "in", "South"),
            ("B", "people", 1200), ("C", "people", 900), ("D", "people", 15000),
        ],
        name="towns",
    )  # fmt: skip


@pytest.fixture
def hostile() -> KnowledgeGraph:
    return KnowledgeGraph.from_triples(
        [("Home", IMAGE, SCRIPT), (SCRIPT, IMAGE, "A & B"), ("Home", "plain", IMAGE), (SCRIPT, "size", 7)],
        name=SCRIPT,
        types=[(SCRIPT, IMAGE)],
    )


def asked(kg: KnowledgeGraph, text: str) -> Asked:
    return ask(kg, "g", text, "embedded")


def quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# The tree ---------------------------------------------------------------------------------------------------------


def test_the_tree_nests_as_the_query_does(towns: KnowledgeGraph) -> None:
    page = assert_harmless(tree_html(Query.parse('road(road("A") & !~in("South"))'), towns))
    assert page.depth == Query.parse('road(road("A") & !~in("South"))').depth
    assert page.tags.count("li") == 7
    assert ("aria-label", "The query as a tree") in page.attributes


def test_the_tree_says_how_large_each_set_is(towns: KnowledgeGraph) -> None:
    text = Page(tree_html(Query.parse('road(road("A"))'), towns)).text
    assert text.count("2 entities") == 2


def test_the_tree_marks_the_set_that_became_empty(towns: KnowledgeGraph) -> None:
    assert tree_html(Query.parse('road(road("D"))'), towns).count("sk-empty") == 2


@pytest.mark.parametrize(
    "query",
    ['count(road("A"))', 'exists(road("D"))', 'top(1, people, road("A"))', 'people(road("A")) > 1000', '!road("A")',
     'road("A") | in("B")', '"A"', 'people("B")'],
)  # fmt: skip
def test_every_kind_of_query_is_drawn(towns: KnowledgeGraph, query: str) -> None:
    assert_harmless(tree_html(Query.parse(query), towns))
    assert_harmless(answer_html(asked(towns, query)))
    assert_harmless(picture_html(asked(towns, query)))


# The exact answer -------------------------------------------------------------------------------------------------


def test_the_answer_is_a_table_with_values(towns: KnowledgeGraph) -> None:
    page = assert_harmless(answer_html(asked(towns, 'top(2, people, !~in("South"))')))
    assert "2 answers" in page.text
    assert page.text.index("15,000") < page.text.index("1,200")


def test_an_empty_answer_says_which_step_became_empty(towns: KnowledgeGraph) -> None:
    text = Page(answer_html(asked(towns, 'in(road(road("D")))'))).text
    assert "0 answers" in text
    assert "Step 1 of 3 became empty" in text


def test_a_long_answer_says_how_much_of_it_is_shown() -> None:
    kg = KnowledgeGraph.from_triples([("hub", "to", f"n{i}") for i in range(MOST_ROWS + 50)])
    page = Page(answer_html(asked(kg, 'to("hub")')))
    assert page.tags.count("tr") == MOST_ROWS + 1
    assert f"The first {MOST_ROWS} of {MOST_ROWS + 50}" in page.text


def test_a_year_has_no_thousands_comma() -> None:
    kg = KnowledgeGraph.from_triples([("X", "made", 1987), ("X", "people", 1987)])
    kg.literals = tuple(
        replace(column.whole, kind="year") if column.relation == "made" else column for column in kg.literals
    )
    assert "1,987" in Page(answer_html(asked(kg, 'people("X")'))).text
    assert "1987" in Page(answer_html(asked(kg, 'made("X")'))).text


def test_the_unit_stands_once_in_the_table_and_with_each_value_in_a_text() -> None:
    kg = KnowledgeGraph.from_triples([("X", "area", 1200)])
    kg.literals = tuple(replace(column.whole, unit="km²") for column in kg.literals)
    text = Page(answer_html(asked(kg, 'area("X")'))).text
    assert "The area of X is 1,200 km²." in text and text.count("km²") == 2
    assert readable_of(kg, "area", 1200) == "1,200"
    assert readable_of(kg, "area", 1200, unit=True) == "1,200 km²"


def test_a_part_of_the_sentence_names_the_facts_that_it_rests_on(towns: KnowledgeGraph) -> None:
    result = asked(towns, 'road("A") & ~in("South")')
    page = assert_harmless(answer_html(result))
    assert "A" in page.text and result.answer.sentence in page.text
    shown = {value for name, value in page.attributes if name == "data-facts"}
    rows = {value for name, value in Page(evidence_table_html(result.answer)).attributes if name == "data-fact"}
    assert shown and {fact for facts in shown for fact in str(facts).split()} <= rows


# The evidence -----------------------------------------------------------------------------------------------------


def test_the_picture_tells_anchors_answers_and_the_way_apart(towns: KnowledgeGraph) -> None:
    layout = lay_out(asked(towns, 'in(road("A"))').answer)
    roles = {node.label: node.role for node in layout.nodes}
    assert roles == {"A": "anchor", "B": "between", "C": "between", "North": "answer", "South": "answer"}
    columns = {node.label: node.column for node in layout.nodes}
    assert columns["A"] < columns["B"] == columns["C"] < columns["North"]


def test_an_anchor_that_facts_only_lead_to_stands_last(towns: KnowledgeGraph) -> None:
    layout = lay_out(asked(towns, 'road("A") & ~in("South")').answer)
    columns = {node.label: node.column for node in layout.nodes}
    assert columns["A"] < columns["C"] < columns["South"]


def test_a_name_with_a_null_character_is_an_entity_all_the_same() -> None:
    kg = KnowledgeGraph.from_triples([("A", "r", "\0A\0size\0" + "7"), ("A", "size", 7)])
    layout = lay_out(asked(kg, 'r("A")').answer)
    assert {node.role for node in layout.nodes} == {"anchor", "answer"}


def test_entities_whose_names_differ_in_case_alone_are_told_apart() -> None:
    kg = KnowledgeGraph.from_triples([("X", "r", "pole"), ("pole", "r", "Pole")])
    roles = {node.label: node.role for node in lay_out(asked(kg, 'r(r("X"))').answer).nodes}
    assert roles == {"X": "anchor", "pole": "between", "Pole": "answer"}


def test_no_two_nodes_share_a_place(towns: KnowledgeGraph) -> None:
    layout = lay_out(asked(towns, 'people(road(road("A")) | road("A"))').answer)
    places = [(node.column, node.row) for node in layout.nodes]
    assert len(set(places)) == len(places)


def test_many_facts_are_cut_to_those_that_hang_together() -> None:
    facts = [("hub", "to", f"m{i}") for i in range(160)] + [(f"m{i}", "on", f"end{i}") for i in range(160)]
    result = asked(KnowledgeGraph.from_triples(facts), 'on(to("hub"))')
    answer = result.answer
    layout = lay_out(answer)
    assert len(layout.edges) == MOST_EDGES
    heads = {edge.head for edge in layout.edges} - {answer.kg.entity("hub")}
    assert len(heads) == MOST_EDGES // 2
    assert heads <= {edge.tail for edge in layout.edges}
    assert f"{MOST_EDGES} of 320 facts" in Page(picture_html(result)).text


def test_the_picture_has_a_text_alternative(towns: KnowledgeGraph) -> None:
    page = assert_harmless(picture_html(asked(towns, 'road("B")')))
    attributes = dict(page.attributes)
    assert ("role", "group") in page.attributes
    assert "B, road, D" in str([value for name, value in page.attributes if name == "aria-label"])
    assert (attributes["viewbox"] or "").startswith("0 0 ")


def test_no_evidence_is_said(towns: KnowledgeGraph) -> None:
    result = asked(towns, 'road("D")')
    assert "no fact to draw" in Page(picture_html(result)).text
    assert "No facts to show" in Page(evidence_table_html(result.answer)).text


# The steps --------------------------------------------------------------------------------------------------------


def started(kg: KnowledgeGraph, query: str, context: Context | None = None) -> StepStarted:
    events = Reasoner(kg, method="exact").events(query)
    event = next(e for e in events if isinstance(e, StepStarted))
    return StepStarted(event.step, kg, event.inputs, () if context is None else (context,), event.total)


def finished(begun: StepStarted, members: list[int], reply: str, **more: Any) -> StepResult:
    error, given = more.get("error"), np.array(members, dtype=np.int32)
    parts = tuple(
        StepPart(context, given, (Attempt(reply, error, 1.5),), bool(more.get("agrees")), error)
        for context in begun.contexts
    )
    return StepResult(begun.kg, begun.step, begun.inputs, given, "llm", parts=parts, parts_total=len(parts), **more)


CONTEXT = Context(("A | road | B", "A | road | C"), "[human]\nQuestion", 210, 2, 0, 3)


@pytest.mark.parametrize(
    ("more", "state", "words"),
    [
        ({"agrees": True}, "agrees", "agrees with exact execution"),
        ({"agrees": False}, "differs", "differs from exact execution"),
        ({"agrees": False, "error": "no ids"}, "failed", "failed"),
    ],
)
def test_a_step_says_in_words_how_it_went(towns: KnowledgeGraph, more: dict[str, Any], state: str, words: str) -> None:
    begun = started(towns, 'road("A")', CONTEXT)
    page = assert_harmless(steps_html("k", [ShownStep(begun, finished(begun, [1, 2], "e1, e2", **more))]))
    assert ("data-state", state) in page.attributes
    assert words in page.text
    assert "e1, e2" in page.text
    assert "2 relevant, 0 distractors, 3 left out; 210 tokens" in page.text


def test_a_wrong_step_is_compared_in_short(towns: KnowledgeGraph) -> None:
    begun = started(towns, 'road("A")', CONTEXT)
    members = [towns.entity("B"), towns.entity("D"), towns.entity("E")]
    text = Page(steps_html("k", [ShownStep(begun, finished(begun, members, "e1", agrees=False))])).text
    assert "1 of 2 found, 2 wrong" in text


def test_a_step_says_that_it_goes_on_from_a_wrong_one(towns: KnowledgeGraph) -> None:
    events = list(Reasoner(towns, method="exact").events('in(road(road("A")))'))
    begun = [event for event in events if isinstance(event, StepStarted)]
    results = [event.result for event in events if isinstance(event, StepFinished)]
    wrong = [replace(results[0], by="llm", agrees=False), *(replace(r, by="llm", agrees=True) for r in results[1:])]
    right = [replace(result, by="llm", agrees=True) for result in results]
    told = [Page(steps_html("k", list(map(ShownStep, begun, case)))).text for case in (wrong, right)]
    assert [text.count("It goes on from") for text in told] == [2, 0]


@pytest.mark.parametrize("error", [None, "no ids"])
def test_a_query_asked_as_a_whole_is_shown_without_inputs(towns: KnowledgeGraph, error: str | None) -> None:
    begun = replace(started(towns, 'road("A")', CONTEXT), inputs=(), asked="What is it?")
    result = replace(finished(begun, [1], "e1", agrees=False, error=error), asked="What is it?")
    page = assert_harmless(steps_html("k", [ShownStep(begun, result)]))
    assert "What is it?" in page.text and "Exact, on" not in page.text


def test_a_step_under_way_shows_its_context_already(towns: KnowledgeGraph) -> None:
    page = Page(steps_html("k", [ShownStep(started(towns, 'road("A")', CONTEXT))]))
    assert ("data-state", "running") in page.attributes
    assert "A | road | B" in page.text


def in_parts(towns: KnowledgeGraph, done: int, failed: bool = False) -> ShownStep:
    begun = replace(started(towns, 'road("A")'), contexts=(CONTEXT,) * 3)
    parts = [
        StepPart(CONTEXT, np.array([1], dtype=np.int32), (Attempt(f"reply {n}", None, 1.5),), True) for n in range(done)
    ]
    if failed:
        parts[-1] = replace(parts[-1], agrees=False, error=f"{SCRIPT} is no id")
    result = StepResult(
        towns, begun.step, begun.inputs, np.array([1], dtype=np.int32), "llm", agrees=not failed, parts=tuple(parts),
        parts_total=3, error="part 2 of 3: no ids" if failed else None,
    )  # fmt: skip
    return ShownStep(begun, result if failed or done == 3 else None, tuple(parts))


def test_a_step_in_parts_shows_which_are_done(towns: KnowledgeGraph) -> None:
    page = assert_harmless(steps_html("k", [in_parts(towns, 1)]))
    assert "asked in 3 parts" in page.text
    assert "Part 1 of 3: 1 entity, as the graph says; 1.5 s" in page.text and "reply 0" in page.text
    assert "Part 2 of 3: the model is answering" in page.text
    assert "Part 3 of 3: waiting" in page.text


def test_a_step_in_parts_that_is_done_shows_all_of_them(towns: KnowledgeGraph) -> None:
    page = assert_harmless(steps_html("k", [in_parts(towns, 3)]))
    assert ("data-state", "agrees") in page.attributes
    assert [f"Part {n} of 3: 1 entity" in page.text for n in (1, 2, 3)] == [True] * 3
    assert page.text.count("What the model was shown") == 3


def test_what_no_part_had_room_for_is_said_without_unfolding_any(towns: KnowledgeGraph) -> None:
    shown = in_parts(towns, 1)
    for left_out in (4641, 0):
        contexts = (replace(CONTEXT, left_out=0), replace(CONTEXT, left_out=0), replace(CONTEXT, left_out=left_out))
        page = Page(steps_html("k", [replace(shown, started=replace(shown.started, contexts=contexts))]))
        assert ("4,641 triples had no room in them and were left out." in page.text) == bool(left_out)


def test_a_part_that_failed_is_said_and_those_behind_it_were_not_asked(towns: KnowledgeGraph) -> None:
    page = assert_harmless(steps_html("k", [in_parts(towns, 2, failed=True)]))
    assert f"Part 2 of 3: failed: {SCRIPT} is no id" in page.text
    assert "Part 3 of 3: not asked" in page.text


def test_the_page_follows_a_step_part_by_part() -> None:
    towns = KnowledgeGraph.from_triples([("hub", "to", f"n{i}") for i in range(300)])
    run = LiveRun(towns, Query.parse('to("hub")'), CopyEverythingChatModel())
    shown = ShownRun(asked(towns, 'to("hub")'), "")
    lines = set()
    for event in run.events():
        if event is not None and not isinstance(event, Finished):
            shown.record(event)
            lines.add(shown.status_html().partition("<span")[0])
    assert len(shown.steps[0].parts) == shown.steps[0].total > 1
    assert any("Step 1 of 1, part 2 of" in line for line in lines)


def test_a_step_done_exactly_is_marked_so(towns: KnowledgeGraph) -> None:
    events = list(Reasoner(towns, method="exact").events('count(road("A"))'))
    begun = next(e for e in events if isinstance(e, StepStarted))
    result = next(e for e in events if isinstance(e, StepFinished)).result
    assert "done exactly, no model asked" in Page(steps_html("k", [ShownStep(begun, result)])).text


def test_the_conclusion_compares_with_the_exact_answer(towns: KnowledgeGraph) -> None:
    exact = Reasoner(towns, method="exact")
    first, second = exact.answer('road("A")'), exact.answer('in("B")')
    assert 'data-state="agrees"' in conclusion_html(first, first)
    assert 'data-state="differs"' in conclusion_html(second, first)


# Text from outside ------------------------------------------------------------------------------------------------


def test_hostile_names_show_as_text_everywhere(hostile: KnowledgeGraph) -> None:
    result = asked(hostile, f'{quoted(IMAGE)}({quoted(IMAGE)}("Home")) | {quoted(IMAGE)}("Home")')
    for view in (
        understood_html(result), tree_html(result.query, hostile), answer_html(result), picture_html(result),
        evidence_table_html(result.answer),
    ):  # fmt: skip
        assert_harmless(view)
    assert SCRIPT in Page(answer_html(result)).text
    assert SCRIPT in Page(evidence_table_html(result.answer)).text


def test_a_reply_with_html_shows_letter_for_letter(hostile: KnowledgeGraph) -> None:
    reply = '<b-reply onclick="x">e1</b-reply> & <img src=x>'
    context = Context((f"{SCRIPT} | {IMAGE} | A",), f"[system]\n{SCRIPT}", 9, 1, 0, 0)
    begun = started(hostile, f'{quoted(IMAGE)}("Home")', context)
    step = ShownStep(begun, finished(begun, [], reply, error=f"{SCRIPT} is not an id", agrees=False))
    page = assert_harmless(steps_html("k", [step]))
    assert reply in page.text


@pytest.mark.parametrize(
    "error",
    [UnknownEntityError(SCRIPT, [IMAGE], SCRIPT), QueryError(SCRIPT, IMAGE, 3), QuestionError(IMAGE), LLMError(SCRIPT)],
)
def test_errors_show_names_as_text(error: SkylarkError) -> None:
    assert_harmless(failure_html(error))


# Errors -----------------------------------------------------------------------------------------------------------


def test_a_malformed_query_points_at_the_column(towns: KnowledgeGraph) -> None:
    with pytest.raises(QueryError) as caught:
        asked(towns, 'road("A"')
    text = Page(failure_html(caught.value)).text
    line, caret = text[text.index('road("A"') :].split("\n")[:2]
    assert line == 'road("A"'
    assert caught.value.column is not None
    assert caret.startswith(" " * (caught.value.column - 1) + "^")
    assert "How a formal query is written" in text


def test_an_unknown_name_comes_with_the_nearest(towns: KnowledgeGraph) -> None:
    with pytest.raises(UnknownEntityError) as caught:
        asked(towns, 'road("Northern lights")')
    assert "has no entity named" in Page(failure_html(caught.value)).text


def test_an_unforeseen_error_keeps_its_inner_workings_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    text = Page(failure_html(ZeroDivisionError("secret detail"))).text
    assert "secret" not in text and "Traceback" not in text and "not answered" in text
    assert "secret detail" in caplog.text


@pytest.mark.parametrize("text", ["", "   ", "x" * (MAX_CHARACTERS + 1)])
def test_no_question_and_a_very_long_one_are_refused(towns: KnowledgeGraph, text: str) -> None:
    with pytest.raises(QuestionError):
        asked(towns, text)


@pytest.mark.parametrize("name", ["/etc/passwd", "../shared", "World", "", "worl"])
def test_only_graphs_on_offer_are_opened(name: str) -> None:
    with pytest.raises(UnknownGraphError, match="on offer: world"):
        GraphRegistry(["world"]).get(name)


def test_a_number_is_shown_as_one_and_not_as_an_empty_answer() -> None:
    kg = KnowledgeGraph.from_triples([("Ann", "age", 30), ("Bob", "age", 9)])
    for query, headline in (
        ('age("Ann") / age("Bob")', "3.33333"), ('age("Ann") - age("Ann")', "0"), ('sum(age, "Ann" | "Bob")', "39"),
    ):  # fmt: skip
        shown = answer_html(asked(kg, query))
        assert f">{headline}<" in shown
        assert "became empty" not in shown
    no = answer_html(asked(kg, 'exists(age("Bob") > age("Ann"))'))
    assert "9" in no and "30" in no, "a comparison of two known numbers is settled"
    assert "became empty" not in no and "Nothing in this graph" not in no
    by_zero = answer_html(asked(kg, 'age("Ann") / 0'))
    assert "became empty" in by_zero
    assert "nothing can be divided by 0." in by_zero and "may still be true" not in by_zero
    assert "No number" in answer_html(asked(kg, 'age("Ann") / 0'))


# Examples ---------------------------------------------------------------------------------------------------------


def test_the_examples_of_the_built_in_graph_have_answers() -> None:
    kg = KnowledgeGraph.load("world")
    assert len(WORLD_EXAMPLES) == 5
    for example in WORLD_EXAMPLES:
        assert asked(kg, example.text).answer.entities, example.text


@pytest.mark.slow
def test_examples_built_from_a_graph_have_a_few_answers_each(towns: KnowledgeGraph) -> None:
    found = examples_for(towns, "towns")
    assert {"One hop", "Two hops"} <= {example.title for example in found}
    for example in found:
        assert 1 <= len(asked(towns, example.text).answer.ranked) <= MOST_ANSWERS


@pytest.mark.slow
def test_the_same_graph_has_the_same_examples(towns: KnowledgeGraph) -> None:
    assert examples_for(towns, "towns") == examples_for(towns, "towns")


# The model's run --------------------------------------------------------------------------------------------------


class SlowModel(BaseChatModel):
    """Answers "none" after a while, and counts how often it was asked."""

    seconds: float = 0.3
    gate: ClassVar[threading.Event] = threading.Event()
    calls: list[float] = []  # noqa: RUF012  (a pydantic field, copied per object)

    @property
    def _llm_type(self) -> str:
        return "slow"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.calls.append(time.monotonic())
        self.gate.wait(self.seconds)
        return ChatResult(generations=[ChatGeneration(message=AIMessage("none"))])


def test_a_run_tells_that_a_step_began_before_the_model_answers(towns: KnowledgeGraph) -> None:
    events = LiveRun(towns, Query.parse('road("A")'), SlowModel()).events(tick=0.05)
    first = next(event for event in events if event is not None)
    assert isinstance(first, StepStarted) and first.context is not None
    assert next(events) is None
    assert any(isinstance(event, StepFinished) for event in events)


@pytest.mark.slow
@pytest.mark.timing
def test_stop_ends_a_run_at_once_and_asks_nothing_more(towns: KnowledgeGraph) -> None:
    model = SlowModel(seconds=60)
    model.gate.clear()
    run = LiveRun(towns, Query.parse('in("B") | in("C") | in("D")'), model)
    threading.Timer(0.3, run.stop).start()
    began = time.monotonic()
    list(run.events(tick=0.05))
    assert time.monotonic() - began < 30
    model.gate.set()
    while run.working:
        time.sleep(0.05)
    assert len(model.calls) == 1
    model.gate.clear()


def test_leaving_a_run_stops_it(towns: KnowledgeGraph) -> None:
    run = LiveRun(towns, Query.parse('in("B") | in("C")'), SlowModel())
    events = run.events(tick=0.05)
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert run.stopped


def test_a_replaced_run_leaves_the_page_to_the_next(towns: KnowledgeGraph) -> None:
    query = asked(towns, 'in("B") | in("C")')
    run = LiveRun(towns, query.query, SlowModel())
    outputs = GraphDemo(GraphRegistry(["world"]), LanguageModel("copy"), PARTS)._follow(run, query)
    assert next(outputs)[PARTS.run] is run
    run.replace()
    assert list(outputs)[-1] == gr.skip()


@pytest.mark.parametrize(("question", "wanted", "waits"), [("A", True, True), ("A", False, False), ("?", True, False)])
def test_who_waits_for_a_free_place_at_the_model_is_told(question: str, wanted: bool, waits: bool) -> None:
    shelf = GraphRegistry(["world"])
    own = shelf.own.add("ann", KnowledgeGraph.from_triples([("A", "road", "B")]))
    visitor = gr.Request(session_hash="ann")
    demo = GraphDemo(shelf, LanguageModel("copy"), PARTS)
    changes = demo.answer(True, own.key, f'road("{question}")', None, wanted, "0", visitor)
    assert ("waits for a free place" in changes[PARTS.status]) == waits


def test_a_question_that_a_newer_one_overtook_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = GraphRegistry(["world"])
    own = shelf.own.add("ann", KnowledgeGraph.from_triples([("A", "road", "B"), ("B", "road", "C")]))
    demo, ann = GraphDemo(shelf, LanguageModel("copy"), PARTS), gr.Request(session_hash="ann")

    def answer(question: str, visitor: gr.Request = ann) -> dict[Any, Any]:
        return demo.answer(True, own.key, question, None, False, "0", visitor)

    newer: list[dict[Any, Any]] = []

    def slow(kg: KnowledgeGraph, graph: str, question: str, reader: Any) -> Asked:
        if question in {'road("A")', 'road("?")'}:  # the next question comes, and is answered, while this is read
            newer.append(answer('road("B")'))
        return ask(kg, graph, question, reader)

    monkeypatch.setattr("app.graph.page.ask", slow)
    for older in ('road("A")', 'road("?")'):
        assert answer(older) == NO_CHANGES
        asked = newer[-1][PARTS.asked]
        assert [str(entity) for entity in asked.answer.entities] == ["C"]
        assert len(next(demo.run_model(True, asked, False, ann))) > 1
        assert list(demo.run_model(True, asked, False, ann)) == [NO_CHANGES]  # the overtaken question's event
    assert answer('road("B")')[PARTS.asked] is not None


@pytest.mark.slow
def test_a_model_in_this_process_writes_nothing_more_once_its_run_is_stopped(
    towns: KnowledgeGraph, tmp_path: Path
) -> None:
    model = EmbeddedChatModel(source=str(tiny_model(tmp_path / "tiny")), max_new_tokens=2)
    run = LiveRun(towns, Query.parse('road("A")'), model)
    run.stop()
    with pytest.raises(LLMError, match="cancelled"):
        run._reasoner.llm.invoke("A")
    assert model.invoke("A").usage_metadata is not None


def test_a_hosted_model_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[SlowModel] = []

    def build(spec: str, **_: Any) -> SlowModel:
        built.append(SlowModel(seconds=0))
        return built[-1]

    monkeypatch.setattr("app.models.load_llm", build)
    model = LanguageModel("provider:model")
    assert model.reader is model.for_run() is built[0]
    lands = KnowledgeGraph.from_triples([("France", "capital", "Paris"), ("Spain", "capital", "Madrid")])
    assert ask(lands, "lands", "What is the capital of France?", model.reader).notes
    assert len(built) == 1


@pytest.mark.parametrize("spec", ["embedded", "copy"])
def test_without_a_hosted_model_the_embedded_one_reads_questions(spec: str) -> None:
    assert LanguageModel(spec).reader == "embedded"


def test_the_api_answers_a_null_question_with_a_sentence() -> None:
    programs = Programs(GraphRegistry(["world"]), LanguageModel("copy"), SharedDetector(), SharedSpeech())
    with pytest.raises(gr.Error, match="a text was expected, not null"):
        programs.ask("world", None)  # type: ignore[arg-type]


def test_a_page_without_a_model_says_why() -> None:
    model = LanguageModel("nobody")
    assert "No language model is running" in model.sentence()
    assert model.reader == "embedded"
    with pytest.raises(LLMError):
        model.for_run()


def test_the_sentence_says_that_the_embedded_model_may_be_wrong() -> None:
    sentence = LanguageModel("embedded").sentence()
    assert "SmolLM2-135M-Instruct" in sentence
    assert "gets few of them wrong, but some" in sentence
