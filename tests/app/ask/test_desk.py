"""What the box does with one question after another: who reads it, what is told and offered, what overtakes what."""

import re
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import numpy as np
import pytest
from markupsafe import Markup

from app.ask.cards import I_THINK, picture_card, picture_sentence
from app.ask.desk import AskController, AskSession, Reply, about_picture
from app.ask.image_intent import Heard, Sureness, graph_sureness, heard
from app.ask.page import AskTab
from app.ask.speech import SharedSpeech
from app.graph.graphs import GraphRegistry
from app.image.looking import Looked, SharedDetector
from app.image.page import task_html
from app.models import LanguageModel
from reasoning import Query
from reasoning.query.read_question import QuestionError, Reading, ReadQuestion
from skylark.errors import SkylarkError
from vision import Detections, Grounding, Scene, Task, Vision
from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES, ClassMatcher
from vision.detections.showing import sentence
from vision.grounding import ground
from vision.images import load_image
from vision.parsing.prompt import Question
from vision.task import Kind, Target

PICTURE = load_image(np.zeros((20, 200, 3), np.uint8))
CAR, DOG = Target("car", ("car",), None, ("limousine",)), Target("dog", ("dog",))


def things(names: Sequence[str], *scores: float, **more: Any) -> Detections:
    """Boxes from left to right, scored 0.8 where nothing is said."""
    boxes = np.array([[20 * i, 0, 20 * i + 9, 9] for i in range(len(names))], np.float32).reshape(-1, 4)
    return Detections((200, 20), boxes, tuple(names), np.array(scores or [0.8] * len(names), np.float32), **more)


@pytest.fixture(scope="module")
def desk() -> AskController:
    """A desk whose first answers are there: a street photograph, and countries that border France."""
    desk = AskController(GraphRegistry(["world"]), LanguageModel("copy"), SharedDetector())
    desk.first()
    return desk


def test_a_further_question_may_refer_to_the_last_answer(desk: AskController) -> None:
    first = desk.answer("What is the capital of Australia?", AskSession())
    assert first.in_hand.last is not None and first.in_hand.last.entities == ["Canberra"]
    further = desk.answer("and its population?", first.in_hand)
    assert further.in_hand.last is not None and str(further.in_hand.last.query).startswith("population(")
    assert "after the last answer" in further.told and "Canberra" in further.told
    assert "q=population" in further.told, "a link would ask the words of nothing"
    afresh = desk.answer("What is the capital of France?", further.in_hand)
    assert afresh.in_hand.last is not None and afresh.in_hand.last.entities == ["Paris"]
    assert "after the last answer" not in afresh.told


def test_what_a_sentence_counts_cuts_short_or_misses_stands_with_it(desk: AskController) -> None:
    told = desk.answer('count(borders("France"))', AskSession()).told
    note = "A country is here an entry of ISO 3166-1"
    assert told.index("8 countries") < told.index(note) < told.index("sk-evidence") and told.count(note) == 1
    told = desk.answer('~country("Canada") & ~type("subdivision")', AskSession()).told
    said = ("sk-large", "and 8 others", "The 8 others: Manitoba, Nova Scotia, New Brunswick", "Nunavut.", "sk-evidence")
    places = [told.index(words) for words in said]
    assert places == sorted(places)
    for query in ('borders("Spain")', '~continent("Africa")'):
        assert "sk-others" not in desk.answer(query, AskSession()).told
    seen = desk.answer("Find every bus and every zebra", AskSession().given("bus")).seen
    assert "Found a bus (centre). Not found: zebra." in seen
    assert "Not found" not in desk.answer("Find every bus", AskSession().given("bus")).seen


@pytest.mark.parametrize(
    ("question", "value", "said"),
    [
        ("exists", None, "I can't tell."), ("exists", False, "No."), ("colour", "red", "Red."),
        ("colour", "unsure", "I can't tell."), ("where", "unknown", "I can't tell."),
        ("what", "nothing", "Nothing that I can see."),
    ],
)  # fmt: skip
def test_what_a_picture_does_not_tell_is_no_answer(question: Question, value: Any, said: str) -> None:
    bus = things(["bus"])
    scene = Scene.from_detections(bus, PICTURE)
    grounding = Grounding("the bus", question, scene, bus, value, Query.parse('~class("bus")'), ())
    looked = Looked(PICTURE, Task("the bus", "ground", expression="the bus"), replace(bus, value=value), grounding)
    assert picture_sentence(looked) == said
    assert picture_sentence(replace(looked, trusted_score=0.9)) == said.replace("Red.", "Red, I think.")


@pytest.mark.parametrize(
    ("kind", "scores", "doubted", "said"),
    [
        ("count", (0.8, 0.45), 0, "There are 2 dogs, I think."),
        ("count", (0.8, 0.45), 1, "There are 2 dogs, I think, and perhaps another."),
        ("count", (0.8, 0.5), 0, "There are 2 dogs."),
        ("detect", (0.45,), 1, "Found a dog (top left), I think, and perhaps another."),
        ("segment", (0.45, 0.45), 0, "Outlined 2 dogs, I think."),
        ("describe", (0.8, 0.45), 0, "A dog, and perhaps another."),
        ("describe", (0.45, 0.45), 0, "2 dogs."),
    ],
)
def test_what_scores_less_than_five_in_six_are_right_from_is_told_less_surely(
    kind: Kind, scores: tuple[float, ...], doubted: int, said: str
) -> None:
    found = things(["dog"] * len(scores), *scores, perhaps=things(["dog"], 0.3) if doubted else None)
    value = len(found) if kind == "count" else sentence(found) if kind == "describe" else None
    looked = Looked(PICTURE, Task(kind=kind, targets=(DOG,)), replace(found, value=value), None, 0.5)
    assert picture_sentence(looked) == said
    assert I_THINK not in picture_sentence(replace(looked, trusted_score=None))


def test_a_colour_that_is_unsure_is_told_as_what_it_may_be() -> None:
    pixels = np.full((60, 60, 3), 128, np.uint8)
    pixels[20:40, 10:30], pixels[20:40, 30:50] = (200, 0, 0), (0, 0, 200)
    image, asked = load_image(pixels), "what colour is the bus?"
    bus = Detections((60, 60), np.array([[10, 20, 50, 40]], np.float32), ("bus",), np.array([0.8], np.float32))
    grounding = ground(asked, Scene.from_detections(bus, image), ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES))
    assert grounding.value == "unsure"
    task = Task(asked, "ground", expression=asked)
    told = picture_sentence(Looked(image, task, replace(bus, value=grounding.value), grounding))
    assert told in ("Perhaps red or blue.", "Perhaps blue or red.")


def test_what_is_asked_of_a_picture_has_to_be_clear(desk: AskController, monkeypatch: pytest.MonkeyPatch) -> None:
    unsure = Heard(Task("the bus", "ground", expression="the bus", probability=0.4), 0.4)
    monkeypatch.setattr(desk, "_heard", lambda text: unsure)
    seen = desk.answer("the bus", AskSession().given("bus")).seen
    assert "not clear what is asked of the picture" in seen


@pytest.mark.parametrize(
    ("kind", "asks_whether", "sure", "doubted", "said"),
    [
        ("count", False, ("dog", "dog"), ("dog",), "There are 2 dogs, and perhaps another."),
        ("count", False, ("dog",), ("dog", "dog"), "There is a dog, and perhaps 2 more."),
        ("detect", False, ("dog",), ("cat",), "Found a dog (top left), and perhaps a cat."),
        ("count", False, (), ("cat", "dog", "dog"), "None for sure, but perhaps 2 dogs and a cat."),
        ("detect", True, (), ("dog",), "None for sure, but perhaps a dog (top left)."),
        ("detect", True, ("dog",), ("dog",), "Yes."),
        ("count", False, (), (), "I can't see any."),
        ("detect", False, (), (), "I can't see any."),
        ("detect", True, (), (), "Not that I can see."),
    ],
)
def test_the_sentence_tells_what_may_be_there_too(
    kind: Kind, asks_whether: bool, sure: tuple[str, ...], doubted: tuple[str, ...], said: str
) -> None:
    task = Task(kind=kind, asks_whether=asks_whether, targets=(DOG, Target("cat", ("cat",))))
    value = len(sure) if kind == "count" else len(sure) > 0 if asks_whether else None
    perhaps = things(doubted, *[0.3] * len(doubted)) if doubted else None
    found = things(sure, perhaps=perhaps, value=value, task=task)
    looked = Looked(PICTURE, task, found, None)
    assert picture_sentence(looked).startswith(said)
    card = picture_card("", looked, Scene.from_detections(found, looked.image), None)
    assert all(f"{name}? 0.30" in card for name in doubted)


@pytest.mark.parametrize(
    ("kind", "asks_whether", "found", "doubted", "said"),
    [
        ("detect", True, ("car",), (), "There is a car; whether it is a limousine I can't tell."),
        ("detect", True, (), (), "Not that I can see."),
        ("count", False, ("car",) * 2, (), "There are 2 cars; whether any of them is a limousine I can't tell."),
        ("detect", False, ("car",), (), "Found a car (top left); whether it is a limousine I can't tell."),
        ("detect", False, ("car",), ("car",),
         "Found a car (top left), and perhaps another; whether any of them is a limousine I can't tell."),
    ],
)  # fmt: skip
def test_a_narrower_word_than_the_class_is_not_asserted(
    kind: Kind, asks_whether: bool, found: tuple[str, ...], doubted: tuple[str, ...], said: str
) -> None:
    task = Task("x", kind, (CAR,), asks_whether=asks_whether)
    value = None if found else False if asks_whether else 0
    detections = things(found, perhaps=things(doubted) if doubted else None, value=value, task=task)
    assert picture_sentence(Looked(PICTURE, task, detections, None)) == said


def test_of_a_description_the_narrower_word_is_not_asserted() -> None:
    car, query = things(["car"]), Query.parse('~class("car")')
    scene = Scene.from_detections(car, PICTURE)
    task = Task("find the limousine", "ground", expression="the limousine")
    for narrower, said in (
        (("limousine",), "Found a car (top left); whether it is a limousine I can't tell."),
        ((), "Found the limousine."),
    ):
        grounding = Grounding("the limousine", "find", scene, car, None, query, (), narrower=narrower)
        assert picture_sentence(Looked(PICTURE, task, car, grounding)) == said


def test_how_sure_a_reading_is_is_said_to_be_the_reading_s() -> None:
    task = Task("find cars", targets=(Target("car", ("car",)),), probability=0.994)
    found = things(["car"], task=task)
    card = picture_card("find cars", Looked(PICTURE, task, found, None), Scene.from_detections(found, PICTURE), None)
    assert re.search(r"<span>understood:</span> <b>[^/]*99%", card) and "<span>sure" not in card
    assert "<dt>Understood</dt><dd>99%</dd>" in task_html(task)


def test_the_last_shown_or_what_is_named_tells_whether_the_picture_is_asked(desk: AskController) -> None:
    people = desk.answer("How many people are there?", AskSession())
    assert people.seen and not people.told and people.in_hand.in_view == "picture"
    further = desk.answer("and its population?", AskSession())
    assert further.told and not further.seen and further.in_hand.last is not None
    countries = desk.answer("Which countries border Peru?", AskSession())
    cat = desk.answer("What is in this picture?", countries.in_hand.given("cat"))
    # Hangzhou sounds like "hanging"; Reading and Orange are towns.
    for text in ("how many are there?", "which is the largest?", "is the cat wearing a hat?", "Find the orange",
                 "how many knives are hanging on the wall", "Which of the boys is reading a book?"):  # fmt: skip
        assert desk.answer(text, cat.in_hand).seen, text
    for text in ("What is the capital of Chad?", "Who is the president of France?"):
        assert desk.answer(text, cat.in_hand).told, text
    # What follows an answer is not asked of the picture.
    assert not desk.answer("which of them is the largest?", countries.in_hand).seen
    assert desk.answer("how many people are in the picture?", countries.in_hand).seen
    # What names entities is the graph's, however sure the other reader is.
    assert desk.answer("Is Germany larger than France?", AskSession()).told
    assert desk.answer("What's the biggest city in Japan?", cat.in_hand).told
    # A picture that cannot be looked at leaves what was in hand.
    reply = desk.given(countries.in_hand.given(path="/nowhere.jpg"), countries.in_hand)
    assert "Peru" not in reply.seen and reply.in_hand is countries.in_hand and reply.in_hand.last is not None


def test_a_refusal_says_what_is_there_of_what_was_spoken_of_and_no_article_is_said_twice(desk: AskController) -> None:
    hat = desk.answer("is the person wearing a hat?", AskSession())
    assert "can&#39;t tell, but there is a person." in hat.seen and "Ask about this picture" in hat.seen
    colour = desk.answer("what colour is the car?", AskSession())
    assert "Perhaps " in colour.seen and "Ask about this picture" not in colour.seen
    for text, said in (
        ("the person right of the car", "Found the person right of the car."),
        ("which person is next to the car?", "Found a person (centre)"),
        ("everything that is left of the person", "Found a car (left)"),
    ):
        assert said in desk.answer(text, AskSession().given("street")).seen


def scene(*things: tuple[str, tuple[float, ...], float]) -> Scene:
    names, boxes, scores = zip(*things, strict=True) if things else ((), (), ())
    found = Detections((640, 480), np.array(boxes, np.float32).reshape(-1, 4), names, np.array(scores, np.float32))
    return Scene.from_detections(found, load_image(np.zeros((480, 640, 3), np.uint8)))


def test_the_most_prominent_things_are_asked_about_by_place_and_several_of_a_kind_are_counted() -> None:
    car, person = ("car", (10, 150, 290, 360), 0.5), ("person", (300, 130, 410, 380), 0.8)
    place, finding, describing = about_picture(scene(person, ("bench", (600, 210, 638, 250), 0.52), car))
    assert place in ("the car left of the person", "the person right of the car")
    assert finding.startswith("Find every ") and describing == "What is in this picture?"
    people = [("person", (100.0 * at, 100.0, 100.0 * at + 60, 300.0), 0.9) for at in range(3)]
    assert about_picture(scene(*people)) == ("How many people are there?", "What is in this picture?")
    assert about_picture(scene()) == ()


class SlowDesk:
    """Answers a question as soon as it may, with its own words."""

    def __init__(self) -> None:
        self.began, self.may = threading.Event(), threading.Event()

    def answer(self, text: str, in_hand: AskSession, graph: str = "") -> Reply:
        if text == "slow":
            self.began.set()
            assert self.may.wait(20)
        return Reply(Markup(""), Markup(text), in_hand)


def ask_tab(desk: AskController) -> AskTab:
    with gr.Blocks() as page, gr.Tabs() as tabs, gr.Tab("Ask"):
        return AskTab(desk, GraphRegistry(["world"]), page, tabs, SharedSpeech())


def test_an_answer_that_comes_after_that_of_a_newer_question_changes_nothing() -> None:
    desk = SlowDesk()
    tab = ask_tab(cast(AskController, desk))
    one, other = (cast(gr.Request, SimpleNamespace(session_hash=name)) for name in ("one", "other"))
    with ThreadPoolExecutor() as pool:
        overtaken = pool.submit(tab.typed, "slow", AskSession(), one)
        assert desk.began.wait(20)
        newer: dict[Any, Any] = tab.typed("quick", AskSession(), one)
        tab.typed("another visitor's", AskSession(), other)
        desk.may.set()
        assert newer[tab.told] == "quick"
        assert tab.told not in overtaken.result() and tab.seen not in overtaken.result()
    assert tab.typed("last", AskSession(), other)[tab.told] == "last"


def test_a_pressed_question_is_about_its_picture() -> None:
    tab, request = ask_tab(cast(AskController, SlowDesk())), cast(gr.Request, SimpleNamespace(session_hash="one"))
    for sent, photograph in (("cat", "cat"), ("../etc/passwd", AskSession().photograph)):
        pressed = cast(gr.EventData, SimpleNamespace(ask="quick", picture=sent))
        assert tab.pressed(AskSession(), pressed, request)[tab.in_hand].photograph == photograph


def test_a_link_that_leads_nowhere_is_told(desk: AskController) -> None:
    request, tab = gr.Request(), ask_tab(desk)
    for link, told in (
        ({"tab": "nowhere"}, "a tab that is not here"),
        ({"graph": "atlantis", "q": "x"}, "a graph that is not here"),
        ({"picture": "../etc/passwd", "q": "the bus"}, "a picture that is not here"),
    ):
        request.kwargs = {"query_params": link}
        shown = tab.arrived(False, request)
        assert told in shown[tab.told] and shown[tab.question] == link.get("q", "") and not shown[tab.seen]
    request.kwargs = {"query_params": {"tab": "image", "picture": "../etc/passwd"}}
    assert tab.seen not in tab.arrived(False, request), "another tab's link is told there"


@pytest.mark.parametrize(
    ("sureness", "is_for_picture"),
    [
        (Sureness(0.98, 0.4), False), (Sureness(0.2, 0.98), True), (Sureness(0.0, 0.0), False),
        # "Is the person wearing a hat?" can't be read by either, and says of what it is.
        (Sureness(0.0, 0.0, of_things=True), True),
        # "How many people are there?" could be asked of the countries beside the picture as well, "how many are there?"
        # of them alone.
        (Sureness(0.99, 0.99, follows=True, of_things=True), True), (Sureness(0.99, 0.99, follows=True), False),
        (Sureness(0.99, 0.6, follows=True, of_things=True), False),
        # A picture that was shown last is asked first.
        (Sureness(0.0, 0.0, "picture"), True), (Sureness(0.98, 0.99, "picture"), True),
        (Sureness(0.98, 0.4, "picture"), False),
        # After an answer of the graph only what says its things is; "Which is the largest?" is of the answer, even
        # where it cannot be asked of it.
        (Sureness(0.2, 0.98, "graph", of_things=True), True), (Sureness(0.0, 0.99, "graph"), False),
        (Sureness(0.0, 0.0, "graph", of_things=True), False),
    ],
)  # fmt: skip
def test_the_surer_reader_is_asked_or_who_was_shown_last(sureness: Sureness, is_for_picture: bool) -> None:
    assert sureness.is_for_picture is is_for_picture


def test_how_sure_readers_are_that_a_text_is_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = Reading(Query.parse('capital("Chad")'), probability=0.6)
    unclear = ReadQuestion("the capital", None, alternatives=(reading,))
    assert graph_sureness(QuestionError("not clear", unclear)) == pytest.approx(0.3)
    assert graph_sureness(QuestionError("nothing is known")) == 0
    assert graph_sureness(SkylarkError("the query ends too early")) == 1
    text, vision = "what does the sign say", Vision()
    beyond = Task(text, targets=(), understood=False, unread=(text,), probability=0.8)
    monkeypatch.setattr(vision, "read", lambda _: beyond)
    for described, sure in ((0.7, 0.4), (0.9, 0.9)):
        monkeypatch.setattr("app.ask.image_intent._sureness", lambda *_, sure=described: sure)
        read = heard(vision, text)
        assert read.task is not None and (read.task.expression is not None) is (sure == described)
        assert read.sure == sure
