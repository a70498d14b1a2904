"""What the page shows of a question, and what the graph tab's events do: its steps as they come, stopped, overtaken."""

import threading
import time
from dataclasses import fields, replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr
import numpy as np
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from app.graph.answer_view import (
    Asked,
    answer_html,
    ask,
    evidence_table_html,
    picture_html,
    table_html,
    tree_html,
    understood_html,
)
from app.graph.examples import MOST_ANSWERS, WORLD_EXAMPLES, examples_for
from app.graph.graphs import GraphRegistry
from app.graph.layout import MOST_EDGES, lay_out
from app.graph.page import GraphDemo, text_of_pressed
from app.graph.parts import NO_CHANGES, GraphParts
from app.graph.steps_view import LiveRun, ShownRun, ShownStep, conclusion_html, steps_html
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
        self.tags, self.open = list[str](), list[str]()
        self.attributes: list[tuple[str, str | None]] = []
        self.text, self.depth = "", 0
        self.feed(str(content))  # markup would escape what is joined to it
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        self.open.append(tag)
        self.depth = max(self.depth, self.open.count("ul"))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"unbalanced {tag}"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, name: str) -> list[str]:
        return [value or "" for each, value in self.attributes if each == name]


def assert_harmless(content: str) -> Page:
    page = Page(content)
    assert not FORBIDDEN & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.open == []
    return page


@cache
def towns() -> KnowledgeGraph:
    return KnowledgeGraph.from_triples(
        [
            ("A", "road", "B"), ("A", "road", "C"), ("B", "road", "D"), ("C", "road", "D"), ("C", "road", "E"),
            ("B", "in", "North"), ("C", "in", "South"), ("D", "in", "North"), ("E", "in", "South"),
            ("B", "people", 1200), ("C", "people", 900), ("D", "people", 15000),
        ],
        name="towns",
    )  # fmt: skip


@cache
def hostile() -> KnowledgeGraph:
    facts: list[tuple[str, str, str | int]] = [
        ("Home", IMAGE, SCRIPT), (SCRIPT, IMAGE, "A & B"), ("Home", "plain", IMAGE), (SCRIPT, "size", 7),
        (SCRIPT, f"{SCRIPT} of", "B"),
    ]  # fmt: skip
    return KnowledgeGraph.from_triples(facts, name=SCRIPT, types=[(SCRIPT, IMAGE)])


def asked(kg: KnowledgeGraph, text: str) -> Asked:
    return ask(kg, "g", text, "embedded")


def quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def test_every_kind_of_query_is_drawn_and_the_answer_is_a_table_or_says_which_step_became_empty() -> None:
    query = Query.parse('road(road("A") & !~in("South"))')
    page = assert_harmless(tree_html(query, towns()))
    assert (page.depth, page.tags.count("li")) == (query.depth, 7) and page.values("aria-label")
    assert Page(tree_html(Query.parse('road(road("A"))'), towns())).text.count("2 entities") == 2
    assert tree_html(Query.parse('road(road("D"))'), towns()).count("sk-empty") == 2
    for text in (
        'count(road("A"))', 'exists(road("D"))', 'top(1, people, road("A"))', 'people(road("A")) > 1000', '!road("A")',
        'road("A") | in("B")', '"A"', 'people("B")',
    ):  # fmt: skip
        for html in (tree_html(Query.parse(text), towns()), answer_html(asked(towns(), text))):
            assert_harmless(html)
        assert_harmless(picture_html(asked(towns(), text)))
    text = assert_harmless(answer_html(asked(towns(), 'top(2, people, !~in("South"))'))).text
    assert "2 answers" in text and text.index("15,000") < text.index("1,200")
    text = Page(answer_html(asked(towns(), 'in(road(road("D")))'))).text
    assert "0 answers" in text and "Step 1 of 3" in text


def test_years_and_units_are_written_as_such() -> None:
    kg = KnowledgeGraph.from_triples([("X", "made", 1987), ("X", "people", 1987), ("X", "area", 1200)])
    kinds = {"made": {"kind": "year"}, "area": {"unit": "km²"}}
    kg.literals = tuple(replace(column.whole, **kinds.get(column.relation, {})) for column in kg.literals)  # type: ignore[arg-type]
    assert "1,987" in Page(answer_html(asked(kg, 'people("X")'))).text
    assert "1987" in Page(answer_html(asked(kg, 'made("X")'))).text
    text = Page(answer_html(asked(kg, 'area("X")'))).text
    assert "1,200 km²" in text and text.count("km²") == 2, "once in the table, and with the value in the sentence"
    assert [readable_of(kg, "area", 1200), readable_of(kg, "area", 1200, unit=True)] == ["1,200", "1,200 km²"]
    # A number is no empty answer.
    kg = KnowledgeGraph.from_triples([("Ann", "age", 30), ("Bob", "age", 9)])
    for query, headline in (
        ('age("Ann") / age("Bob")', "3.33333"), ('age("Ann") - age("Ann")', "0"), ('sum(age, "Ann" | "Bob")', "39"),
    ):  # fmt: skip
        shown = answer_html(asked(kg, query))
        assert f">{headline}<" in shown and "became empty" not in shown
    no = answer_html(asked(kg, 'exists(age("Bob") > age("Ann"))'))
    assert "9" in no and "30" in no, "a comparison of two known numbers is settled"
    assert "became empty" not in no and "Nothing in this graph" not in no
    by_zero = answer_html(asked(kg, 'age("Ann") / 0'))
    assert "became empty" in by_zero and "divided by 0" in by_zero and "may still be true" not in by_zero
    assert "No number" in by_zero


def test_a_part_of_the_sentence_and_the_picture_name_the_facts_that_they_rest_on() -> None:
    result = asked(towns(), 'road("A") & ~in("South")')
    page = assert_harmless(answer_html(result))
    assert result.answer.sentence in page.text
    rests = page.values("data-facts")
    rows = set(Page(evidence_table_html(result.answer)).values("data-fact"))
    assert rests and {fact for facts in rests for fact in facts.split()} <= rows
    page = assert_harmless(picture_html(asked(towns(), 'road("B")')))
    assert "group" in page.values("role") and page.values("viewbox")[0].startswith("0 0 ")
    assert any("B, road, D" in label for label in page.values("aria-label"))
    nothing = asked(towns(), 'road("D")')
    assert "no fact" in Page(picture_html(nothing)).text
    assert "No facts" in Page(evidence_table_html(nothing.answer)).text


def test_the_picture_tells_anchors_answers_and_the_way_apart() -> None:
    nodes = {node.label: node for node in lay_out(asked(towns(), 'in(road(road("A")) | road("A"))').answer).nodes}
    roles = {label: node.role for label, node in nodes.items()}
    assert roles == {"A": "anchor", **dict.fromkeys("BCDE", "between"), "North": "answer", "South": "answer"}
    assert nodes["A"].column < nodes["B"].column == nodes["C"].column < nodes["North"].column
    assert len({(node.column, node.row) for node in nodes.values()}) == len(nodes)
    # An anchor that facts only lead to stands last.
    columns = {node.label: node.column for node in lay_out(asked(towns(), 'road("A") & ~in("South")').answer).nodes}
    assert columns["A"] < columns["C"] < columns["South"]

    # Whatever their names, entities are told apart.
    named: tuple[tuple[list[tuple[str, str, str | int]], str, set[str]], ...] = (
        ([("A", "r", "\0A\0size\0" + "7"), ("A", "size", 7)], 'r("A")', {"anchor", "answer"}),
        ([("X", "r", "pole"), ("pole", "r", "Pole")], 'r(r("X"))', {"anchor", "between", "answer"}),
    )
    for facts, query, expected in named:
        drawn = lay_out(asked(KnowledgeGraph.from_triples(facts), query).answer).nodes
        assert {node.role for node in drawn} == expected and len(drawn) == len(expected)


def test_many_facts_are_cut_to_those_that_hang_together() -> None:
    facts = [("hub", "to", f"m{i}") for i in range(160)] + [(f"m{i}", "on", f"end{i}") for i in range(160)]
    result = asked(KnowledgeGraph.from_triples(facts), 'on(to("hub"))')
    layout = lay_out(result.answer)
    assert len(layout.edges) == MOST_EDGES
    heads = {edge.head for edge in layout.edges} - {result.answer.kg.entity("hub")}
    assert len(heads) == MOST_EDGES // 2 and heads <= {edge.tail for edge in layout.edges}
    assert f"{MOST_EDGES} of 320 facts" in Page(picture_html(result)).text


def test_hostile_names_show_as_text_everywhere() -> None:
    result = asked(hostile(), f'{quoted(IMAGE)}({quoted(IMAGE)}("Home")) | {quoted(IMAGE)}("Home")')
    views = (understood_html, answer_html, picture_html, lambda one: evidence_table_html(one.answer))
    for view in (*views, lambda one: tree_html(one.query, hostile()), lambda one: table_html(one.answer)):
        assert_harmless(view(result))
    assert SCRIPT in Page(answer_html(result)).text and SCRIPT in Page(evidence_table_html(result.answer)).text
    errors = (UnknownEntityError(SCRIPT, [IMAGE], SCRIPT), QueryError(SCRIPT, IMAGE, 3), QuestionError(IMAGE))
    for error in (*errors, LLMError(SCRIPT)):
        assert_harmless(failure_html(error))


def test_what_has_no_answer_is_told_why(caplog: pytest.LogCaptureFixture) -> None:
    for question, told in (
        ("Who is the president of France?", 'called "president"'), ('borders("Xqzzyfoo")', "Nearest names"),
        ('bordrs("Portugal")', '"borders"'), ("hello there what", "refers to nothing"), ("   ", "no question yet"),
        ("x" * (MAX_CHARACTERS + 1), "at most"),
    ):  # fmt: skip
        with pytest.raises(SkylarkError) as caught:
            asked(KnowledgeGraph.load("world"), question)
        assert told in Page(failure_html(caught.value)).text
    with pytest.raises(QueryError) as malformed:
        asked(towns(), 'road("A"')
    text = Page(failure_html(malformed.value)).text
    line, caret = text[text.index('road("A"') :].split("\n")[:2]
    assert line == 'road("A"' and caret.startswith(" " * ((malformed.value.column or 0) - 1) + "^")
    assert "How a formal query is written" in text
    # An unforeseen error keeps its inner workings to the log.
    text = Page(failure_html(ZeroDivisionError("secret detail"))).text
    assert "secret" not in text and "Traceback" not in text and "not answered" in text
    assert "secret detail" in caplog.text


def test_examples_have_a_few_answers_each() -> None:
    assert len(WORLD_EXAMPLES) == 5
    assert all(asked(KnowledgeGraph.load("world"), example.text).answer.entities for example in WORLD_EXAMPLES)
    found = examples_for(towns(), "towns")
    assert {"One hop", "Two hops"} <= {example.title for example in found}
    assert all(1 <= len(asked(towns(), example.text).answer.ranked) <= MOST_ANSWERS for example in found)
    assert found == examples_for(towns(), "towns")


CONTEXT = Context(("A | road | B", "A | road | C"), "[human]\nQuestion", 210, 2, 0, 3)


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


def in_parts(done: int, failed: bool = False) -> ShownStep:
    """Three parts, so many of which are done; the last of these may have failed."""
    begun = replace(started(towns(), 'road("A")'), contexts=(CONTEXT,) * 3)
    given = np.array([1], dtype=np.int32)
    parts = [StepPart(CONTEXT, given, (Attempt(f"reply {n}", None, 1.5),), True) for n in range(done)]
    if failed:
        parts[-1] = replace(parts[-1], agrees=False, error=f"{SCRIPT} is no id")
    result = StepResult(
        towns(), begun.step, begun.inputs, given, "llm", agrees=not failed, parts=tuple(parts), parts_total=3,
        error="part 2 of 3: no ids" if failed else None,
    )  # fmt: skip
    return ShownStep(begun, result if failed or done == 3 else None, tuple(parts))


def shown(*steps: ShownStep) -> Page:
    return assert_harmless(steps_html("k", list(steps)))


def test_a_step_says_in_words_how_it_went() -> None:
    begun = started(towns(), 'road("A")', CONTEXT)
    cases: tuple[tuple[dict[str, Any], str, str], ...] = (
        ({"agrees": True}, "agrees", "agrees with"), ({"agrees": False}, "differs", "differs from"),
        ({"agrees": False, "error": "no ids"}, "failed", "failed"),
    )  # fmt: skip
    for more, state, words in cases:
        page = shown(ShownStep(begun, finished(begun, [1, 2], "e1, e2", **more)))
        assert page.values("data-state") == [state]
        told = (words, "e1, e2", "2 relevant, 0 distractors, 3 left out; 210 tokens")
        assert all(part in page.text for part in told)
    running = shown(ShownStep(begun))
    assert running.values("data-state") == ["running"] and "A | road | B" in running.text


def test_a_step_says_how_far_off_it_is_and_that_it_goes_on_from_a_wrong_one() -> None:
    begun = started(towns(), 'road("A")', CONTEXT)
    members = [towns().entity(name) for name in "BDE"]
    assert "1 of 2 found, 2 wrong" in shown(ShownStep(begun, finished(begun, members, "e1", agrees=False))).text
    exact = Reasoner(towns(), method="exact")
    events = list(exact.events('in(road(road("A")))'))
    steps = [event for event in events if isinstance(event, StepStarted)]
    right = [replace(e.result, by="llm", agrees=True) for e in events if isinstance(e, StepFinished)]
    wrong = [replace(right[0], agrees=False), *right[1:]]
    told = [shown(*map(ShownStep, steps, case)).text.count("It goes on from") for case in (wrong, right)]
    assert told == [2, 0]
    [counted] = [e.result for e in exact.events('count("A")') if isinstance(e, StepFinished)]
    assert "no model asked" in shown(ShownStep(started(towns(), 'count("A")'), counted)).text

    # A query asked as a whole has no inputs.
    begun = replace(started(towns(), 'road("A")', CONTEXT), inputs=(), asked="What is it?")
    for error in (None, "no ids"):
        result = replace(finished(begun, [1], "e1", agrees=False, error=error), asked="What is it?")
        text = shown(ShownStep(begun, result)).text
        assert "What is it?" in text and "Exact, on" not in text


def test_a_step_in_parts_shows_which_are_done() -> None:
    text = shown(in_parts(1)).text
    assert all(words in text for words in ("3 parts", "Part 1 of 3: 1 entity", "reply 0", "Part 3 of 3: waiting"))
    assert "Part 2 of 3: the model is answering" in text
    page = shown(in_parts(3))
    assert page.values("data-state") == ["agrees"] and page.text.count("What the model was shown") == 3
    assert all(f"Part {n} of 3: 1 entity" in page.text for n in (1, 2, 3))
    text = shown(in_parts(2, failed=True)).text
    assert f"Part 2 of 3: failed: {SCRIPT}" in text and "Part 3 of 3: not asked" in text
    # What no part had room for is said without unfolding any.
    for left_out in (4641, 0):
        step, contexts = in_parts(1), [replace(CONTEXT, left_out=number) for number in (0, 0, left_out)]
        text = shown(replace(step, started=replace(step.started, contexts=tuple(contexts)))).text
        assert ("4,641 triples had no room" in text) == bool(left_out)


def test_a_reply_with_html_shows_letter_for_letter_and_the_conclusion_compares_with_the_exact_answer() -> None:
    reply = '<b-reply onclick="x">e1</b-reply> & <img src=x>'
    context = Context((f"{SCRIPT} | {IMAGE} | A",), f"[system]\n{SCRIPT}", 9, 1, 0, 0)
    begun = started(hostile(), f'{quoted(IMAGE)}("Home")', context)
    failed = finished(begun, [], reply, error=f"{SCRIPT} is not an id", agrees=False)
    assert reply in shown(ShownStep(begun, failed)).text
    first, second = (Reasoner(towns(), method="exact").answer(query) for query in ('road("A")', 'in("B")'))
    states = [Page(conclusion_html(one, first)).values("data-state") for one in (first, second)]
    assert states == [["agrees"], ["differs"]]


def test_the_page_follows_a_step_part_by_part() -> None:
    kg = KnowledgeGraph.from_triples([("hub", "to", f"n{i}") for i in range(300)])
    run = LiveRun(kg, Query.parse('to("hub")'), CopyEverythingChatModel())
    followed, lines = ShownRun(asked(kg, 'to("hub")').answer, ""), set()
    for event in run.events():
        if event is not None and not isinstance(event, Finished):
            followed.record(event)
            lines.add(followed.status_html().partition("<span")[0])
    assert len(followed.steps[0].parts) == followed.steps[0].total > 1
    assert any("Step 1 of 1, part 2 of" in line for line in lines) and any("is done" in line for line in lines)
    assert "Stopped" in followed.ended_html(True) and "Done" in followed.ended_html(False)


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


def test_a_run_tells_that_a_step_began_before_the_model_answers_and_who_leaves_stops_it() -> None:
    events = LiveRun(towns(), Query.parse('road("A")'), SlowModel()).events(tick=0.05)
    first = next(event for event in events if event is not None)
    assert isinstance(first, StepStarted) and first.context is not None
    assert next(events) is None
    assert any(isinstance(event, StepFinished) for event in events)
    run = LiveRun(towns(), Query.parse('in("B") | in("C")'), SlowModel())
    left = run.events(tick=0.05)
    next(left)
    left.close()  # type: ignore[attr-defined]
    assert run.stopped


def test_stop_ends_a_run_at_once_and_asks_nothing_more() -> None:
    model = SlowModel(seconds=60)
    model.gate.clear()
    run = LiveRun(towns(), Query.parse('in("B") | in("C") | in("D")'), model)
    for event in run.events(tick=0.05):
        if event is None and model.calls:
            run.stop()
    assert run.working, "the reply under way is not waited for"
    model.gate.set()
    while run.working:
        time.sleep(0.05)
    assert len(model.calls) == 1
    model.gate.clear()


def test_a_model_in_this_process_writes_nothing_more_once_its_run_is_stopped(tmp_path: Path) -> None:
    model = EmbeddedChatModel(source=str(tiny_model(tmp_path / "tiny")), max_new_tokens=2)
    run = LiveRun(towns(), Query.parse('road("A")'), model)
    run.stop()
    with pytest.raises(LLMError, match="cancelled"):
        run._reasoner.llm.invoke("A")
    assert model.invoke("A").usage_metadata is not None


def demo_of(kg: KnowledgeGraph) -> tuple[GraphDemo, str, gr.Request]:
    shelf = GraphRegistry(["world"])
    return GraphDemo(shelf, LanguageModel("copy"), PARTS), shelf.own.add("ann", kg).key, gr.Request(session_hash="ann")


def test_a_question_is_worked_through_and_stays_where_the_run_is_stopped() -> None:
    demo, key, ann = demo_of(towns())
    changes = demo.answer(True, key, 'road("A")', None, True, "0", ann)
    assert "2 answers" in changes[PARTS.answer] and "waits for a free place" in changes[PARTS.status]
    seen = list(demo.run_model(True, changes[PARTS.asked], True, ann))
    assert isinstance(seen[0][PARTS.run], LiveRun) and seen[0][PARTS.stop]["interactive"]
    assert seen[-1][PARTS.run] is None and not seen[-1][PARTS.stop]["interactive"]
    assert "Done in" in seen[-1][PARTS.status] and "data-state" in seen[-1][PARTS.steps]
    unasked = demo.answer(True, key, 'road("A")', None, False, "0", ann)
    assert unasked[PARTS.status] == ""
    [told] = demo.run_model(True, unasked[PARTS.asked], False, ann)
    assert "not asked" in told[PARTS.status] and told[PARTS.steps] == ""
    refused = demo.answer(True, key, 'road("?")', None, True, "0", ann)
    assert refused[PARTS.asked] is None and refused[PARTS.status] == refused[PARTS.picture] == ""
    assert "no entity" in refused[PARTS.error] and "see the message above" in refused[PARTS.answer]
    assert demo.answer(False, key, "", None, True, "0", ann) == NO_CHANGES
    asking = demo.answer(True, "world", "What is the capital of the Congo?", None, False, "0", ann)
    assert "Which of these" in asking[PARTS.choices_line] and len(asking[PARTS.choices]) == 2
    assert [asking[button]["visible"] for button in PARTS.choice_buttons] == [True, True, False, False, False]
    # A replaced run leaves the page to the next.
    query = asked(towns(), 'in("B") | in("C")')
    run = LiveRun(towns(), query.query, SlowModel())
    outputs = demo._follow(run, query)
    assert next(outputs)[PARTS.run] is run
    run.replace()
    assert list(outputs)[-1] == gr.skip()


def test_a_question_that_a_newer_one_overtook_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    demo, key, ann = demo_of(KnowledgeGraph.from_triples([("A", "road", "B"), ("B", "road", "C")]))
    newer: list[dict[Any, Any]] = []

    def answer(question: str) -> dict[Any, Any]:
        return demo.answer(True, key, question, None, False, "0", ann)

    def slow(kg: KnowledgeGraph, graph: str, question: str, reader: Any) -> Asked:
        if question in {'road("A")', 'road("?")'}:  # the next question comes, and is answered, while this is read
            newer.append(answer('road("B")'))
        return ask(kg, graph, question, reader)

    monkeypatch.setattr("app.graph.page.ask", slow)
    for older in ('road("A")', 'road("?")'):
        assert answer(older) == NO_CHANGES
        latest = newer[-1][PARTS.asked]
        assert [str(entity) for entity in latest.answer.entities] == ["C"]
        assert len(next(demo.run_model(True, latest, False, ann))) > 1
        assert list(demo.run_model(True, latest, False, ann)) == [NO_CHANGES]  # the overtaken question's event
    assert answer('road("B")')[PARTS.asked] is not None


def test_a_link_puts_in_what_it_asks_for() -> None:
    def linked(**query: str) -> Any:
        request = gr.Request()
        request.kwargs = {"query_params": query}
        return GraphDemo(GraphRegistry(["world"]), LanguageModel("copy"), PARTS).restore(request)

    asks = linked(tab="graph", graph="world", q='capital("Chad")', method="exact", least="0.8")
    assert (asks[PARTS.question], asks[PARTS.graph], asks[PARTS.wanted]) == ('capital("Chad")', "world", False)
    assert (asks[PARTS.linked], asks[PARTS.slider]) == (True, "20")
    assert linked(least="0.8", q="?")[PARTS.wanted] is True
    assert len(linked(tab="graph", q="x" * 10**6)[PARTS.question]) == MAX_CHARACTERS
    for other in ({"q": "?"}, {"tab": "graph"}, {"tab": "image", "q": "?"}):
        assert linked(**other) == {PARTS.linked: False}
    assert linked(tab="graph", graph="world")[PARTS.linked] is False, "there is no question"
    lost = linked(tab="graph", graph="atlantis", q="?")
    assert lost[PARTS.linked] is False and PARTS.graph not in lost and "not here" in str(lost[PARTS.error])


def test_a_graph_that_is_chosen_brings_its_examples() -> None:
    demo = GraphDemo(GraphRegistry(["world"]), LanguageModel("copy"), PARTS)
    *_, opened = demo.choose("world")
    assert 'data-graph="world"' in opened[PARTS.graph_note] and "<svg" in opened[PARTS.contents]
    labels = [one.label for one in opened[PARTS.examples]]
    assert [opened[button]["value"] for button in PARTS.example_buttons] == labels
    *_, lost = demo.choose("../etc")
    assert lost[PARTS.examples] == () and not lost[PARTS.example_buttons[0]]["visible"]
    for pressed, text in (("choice-1", "a"), ("choice-2", "b"), ("choice-3", ""), ("", "")):
        event = gr.EventData(target=gr.Button(elem_id=pressed, render=False), _data={})
        assert text_of_pressed(["a", "b"], event) == text
    for name in ("/etc/passwd", "World", "worl"):
        with pytest.raises(UnknownGraphError, match="on offer: world"):
            GraphRegistry(["world"]).get(name)


def test_a_hosted_model_is_built_once_and_a_page_without_one_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    assert LanguageModel("embedded").reader == LanguageModel("copy").reader == "embedded"
    sentence = LanguageModel("embedded").sentence()
    assert "SmolLM2-135M-Instruct" in sentence and "gets few of them wrong, but some" in sentence
    nobody = LanguageModel("nobody")
    assert "No language model is running" in nobody.sentence() and nobody.reader == "embedded"
    with pytest.raises(LLMError):
        nobody.for_run()
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
