import asyncio
import json
import threading
import time
from concurrent.futures import Future
from typing import Any
from unittest.mock import Mock

import gradio as gr
import pytest

from app.api import Programs
from app.ask.speech import SharedSpeech
from app.graph.answer_view import (
    answer_html,
    ask,
    evidence_table_html,
    opened_picture,
    picture_html,
    saved_answer,
    sorted_table,
    table_html,
)
from app.graph.graphs import GraphRegistry
from app.graph.layout import lay_out
from app.graph.parts import Changes
from app.graph.prediction_slider import MOST_POSITION, PredictionSlider, least_of, position_of, proof_shown
from app.graph.predictions import AnswerWithPredictions, PredictedAnswers, PredictedGraph, Predictors
from app.image.looking import SharedDetector
from app.models import LanguageModel
from app.server.views import called, percent
from reasoning import KnowledgeGraph, Query
from reasoning.errors import CompletionError
from tests.app.test_views import PARTS, SCRIPT, assert_harmless

RESIDENTS, SPOUSE = '~"lives in"("Town 1")', '"lives in"(spouse("Bob 1"))'
OFF_THE_END = "50"


def triples() -> list[tuple[str, str, str]]:
    """Spouses are each other's, and live in one town, as the graph does not say of the first three couples."""
    found = []
    for number in range(40):
        one, other, town = f"Ann {number}", f"Bob {number}", f"Town {number % 8}"
        found += [(one, "spouse", other), (one, "lives in", town)]
        if number >= 3:
            found += [(other, "spouse", one), (other, "lives in", town)]
    return found


@pytest.fixture(scope="module")
def couples() -> KnowledgeGraph:
    return KnowledgeGraph.from_triples(triples(), name="couples")


@pytest.fixture(scope="module")
def predicted(couples: KnowledgeGraph) -> PredictedGraph:
    return PredictedGraph.of(couples)


@pytest.fixture
def shelf(couples: KnowledgeGraph, predicted: PredictedGraph, monkeypatch: pytest.MonkeyPatch) -> GraphRegistry:
    """A visitor's own graph, whose predictor is made at once."""
    monkeypatch.setattr(PredictedGraph, "of", lambda kg: predicted)
    shelf = GraphRegistry(["world"])
    shelf.own.add("me", couples)
    return shelf


def key(shelf: GraphRegistry) -> str:
    return next(iter(shelf.own._held))


def ran(shelf: GraphRegistry, query: str) -> None:
    run = shelf.likely.watch(key(shelf), shelf.get(key(shelf)), Query.parse(query))
    run.answers.result(60)
    shelf.likely.leave(run)


def shown(predicted: PredictedGraph, query: str, least: float = 0.5) -> AnswerWithPredictions:
    exact = ask(predicted.kg, "g", query, "embedded").answer
    return AnswerWithPredictions.of(exact, predicted.answer(exact.query, 0.3), least)


def seen(request: str = "me") -> gr.Request:
    return gr.Request(session_hash=request)


@pytest.mark.slow
def test_what_the_graph_says_comes_first_and_whole(predicted: PredictedGraph) -> None:
    answer, exact = shown(predicted, RESIDENTS), ask(predicted.kg, "g", RESIDENTS, "embedded").answer
    assert answer.entities == [*exact.entities, "Bob 1"] and answer.known == len(exact.entities)
    assert set(answer.scores[: answer.known]) == {1.0} and 0.5 <= answer.scores[-1] < 1
    assert answer.evidence[: len(exact.evidence)] == exact.evidence
    assert [edge.known for edge in answer.evidence].count(False) == 1
    sure = shown(predicted, SPOUSE).scores[0]
    fewer = shown(predicted, SPOUSE, least=sure + 0.001)
    assert not len(fewer.ranked) and fewer.likeliest == sure
    absent = '!spouse("Bob 1")'
    assert shown(predicted, absent).entities == ask(predicted.kg, "g", absent, "embedded").answer.entities


def test_the_sentence_says_whose_word_it_is(predicted: PredictedGraph) -> None:
    for query, value, told in (
        (f"count({RESIDENTS})", 10, "10 with likely ones, though the graph does not say so: Bob 1 ("),
        ('exists(spouse("Bob 1"))', True, "But likely: Ann 1 ("),
        (SPOUSE, None, "Likely, though the graph does not say so: Town 1 ("),
    ):
        answer = shown(predicted, query)
        assert answer.value == value and told in answer.sentence
        assert f"({percent(answer.scores[-1])})" in answer.sentence
        facts = [answer.evidence[at] for part in answer.likely_parts if part.entity is not None for at in part.evidence]
        assert any(not fact.known for fact in facts)


def test_likely_rows_are_told_apart_in_words_and_looks(predicted: PredictedGraph) -> None:
    answer = shown(predicted, RESIDENTS)
    table = table_html(answer)
    assert table.count('class="sk-likely"') == 1 and table.count("in the graph") == answer.known
    assert percent(answer.scores[-1]) in table
    assert "What the graph says, then what is likely" in assert_harmless(table).text
    evidence = assert_harmless(evidence_table_html(shown(predicted, SPOUSE))).text
    assert all(words in evidence for words in ("Said by", "predicted, ", "in the graph"))
    assert "Said by" not in evidence_table_html(ask(predicted.kg, "g", RESIDENTS, "embedded").answer)


def test_the_picture_draws_what_is_predicted_dashed_with_its_confidence(predicted: PredictedGraph) -> None:
    answer, exact = shown(predicted, SPOUSE), ask(predicted.kg, "g", RESIDENTS, "embedded")
    sure = percent(answer.scores[0])
    picture = picture_html(ask(predicted.kg, "g", SPOUSE, "embedded"), answer)
    page = assert_harmless(picture)
    assert picture.count("sk-edge sk-predicted") == 2, "one edge and the legend"
    assert f"spouse {sure}" in page.text and "predicted, with its confidence" in page.text
    alternatives = [value or "" for name, value in page.attributes if name == "aria-label"]
    assert any(f"Bob 1, spouse, Ann 1 (predicted, {sure})" in told for told in alternatives)
    assert "Town 1, likely answer" in alternatives
    assert "sk-predicted" not in picture_html(exact)
    # Each predicted edge has its own label where known ones share one.
    both = shown(predicted, RESIDENTS)
    picture = picture_html(exact, both)
    assert lay_out(both).predicted == picture.count("sk-guess") == 1
    assert "lives in × 9" in picture


@pytest.mark.slow
def test_names_of_strangers_stay_text() -> None:
    facts = [(head.replace("Ann 1", SCRIPT), relation, tail.replace("Ann 1", SCRIPT)) for head, relation, tail in
             triples()]  # fmt: skip
    graph = PredictedGraph.of(KnowledgeGraph.from_triples(facts, name=SCRIPT))
    asked = ask(graph.kg, "g", 'spouse("Bob 1")', "embedded")
    answer = AnswerWithPredictions.of(asked.answer, graph.answer(asked.query, 0.3), 0.3)
    assert SCRIPT in assert_harmless(answer_html(asked, answer, graph.words)).text
    assert_harmless(picture_html(asked, answer))
    assert_harmless(evidence_table_html(answer))


def test_any_place_of_the_slider_is_a_confidence_and_a_link_restores_it() -> None:
    for position, least in (("20", 0.8), ("-5", 1.0), ("900", 1 - MOST_POSITION / 100), ("x", 1.0)):
        assert least_of(position) == pytest.approx(least)
    assert [position_of(least) for least in ("0.8", "1", "nan", "", "-3")] == ["20", "0", "0", "0", "70"]


def test_the_scripts_get_what_is_shown(shelf: GraphRegistry) -> None:
    ran(shelf, SPOUSE)
    wanted = {"graph": key(shelf), "query": str(Query.parse(SPOUSE)), "least": "0.5"}
    assert "sk-likely" in sorted_table(shelf, wanted | {"by": "name"})["table"]
    assert "sk-predicted" in opened_picture(shelf, wanted | {"opened": []})["svg"]
    saved = json.loads(saved_answer(shelf, wanted | {"form": "json"})["text"])
    assert saved["answers"][0]["entity"] == "Town 1"
    assert [edge["known"] for edge in saved["proofs"][0]["edges"]] == [False, True]
    town = shelf.get(key(shelf)).entity("Town 1")
    proof = assert_harmless(proof_shown(shelf, wanted | {"entity": town})["proof"]).text
    assert "Bob 1 spouse Ann 1: predicted" in proof
    assert "Ann 1 lives in Town 1: in the graph" in proof
    assert "On the way: Ann 1 in step 1" in proof
    for given in ({"least": "nan"}, {"least": [1]}, {"least": "0.5", "entity": 10**9}, {}):
        told = called(proof_shown, shelf, {"graph": key(shelf), "query": SPOUSE, **given})["error"]
        assert told and "Traceback" not in told


def test_a_predictor_is_made_once_and_goes_with_its_graph(shelf: GraphRegistry) -> None:
    kg, name = shelf.get(key(shelf)), key(shelf)
    first = shelf.likely.predictors.of(name, kg)
    assert shelf.likely.predictors.of(name, kg) is first
    first.result(60)
    ran(shelf, SPOUSE)
    shelf.own.forget("me")
    assert len(shelf.likely.predictors) == 0
    assert shelf.likely.kept(name, Query.parse(SPOUSE)) is None


def test_who_predicts_is_the_trained_one_and_what_is_too_small_or_left_is_given_up(
    couples: KnowledgeGraph, predicted: PredictedGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    kg = KnowledgeGraph.from_triples([("A", "road", "B")], name="tiny")
    with pytest.raises(CompletionError, match="too few"):
        Predictors().of("tiny", kg).result(60)
    monkeypatch.setattr("app.graph.predictions.find_predictor", lambda kg: predicted.predictor)
    assert PredictedGraph.of(couples).predictor is predicted.predictor
    likely, never = PredictedAnswers(), Future[PredictedGraph]()
    monkeypatch.setattr(likely.predictors, "of", lambda key, kg: never)
    run = likely.watch("g", couples, Query.parse(SPOUSE))
    likely.leave(run)
    assert "not waited for" in str(run.answers.exception(10))
    assert likely.watch("g", couples, Query.parse(SPOUSE)) is not run


def followed(demo: PredictionSlider, asked: Any, position: str, move: str | None) -> list[Changes]:
    async def all_of() -> list[Changes]:
        return [changes async for changes in demo.follow(asked, position, move, seen())]

    return asyncio.run(all_of())


def test_the_slider_waits_once_and_filters_at_once_after_that(shelf: GraphRegistry) -> None:
    demo, asked = PredictionSlider(shelf, PARTS), ask(shelf.get(key(shelf)), key(shelf), SPOUSE, "embedded")
    exact = demo.slide(asked, "0", seen())
    assert exact[PARTS.waiting_for] is None
    overtaken = demo.slide(asked, OFF_THE_END, seen())[PARTS.waiting_for]
    demo.slide(asked, "0", seen())
    assert all(changes == gr.skip() for changes in followed(demo, asked, OFF_THE_END, overtaken))
    first = demo.slide(asked, OFF_THE_END, seen())
    assert first[PARTS.answer] == exact[PARTS.answer], "the exact answer stays while it waits"
    found = followed(demo, asked, OFF_THE_END, first[PARTS.waiting_for])[-1]
    assert "Town 1" in found[PARTS.answer] and "sk-predicted" in found[PARTS.picture]
    again = demo.slide(asked, OFF_THE_END, seen())
    assert again[PARTS.answer] == found[PARTS.answer] and again[PARTS.waiting_for] is None
    assert demo.slide(asked, "0", seen()) == exact


def test_a_failure_is_told_and_the_exact_answer_stays(shelf: GraphRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PredictedGraph, "of", Mock(side_effect=CompletionError("the graph is too small")))
    demo, asked = PredictionSlider(shelf, PARTS), ask(shelf.get(key(shelf)), key(shelf), SPOUSE, "embedded")
    changes = followed(demo, asked, OFF_THE_END, demo.slide(asked, OFF_THE_END, seen())[PARTS.waiting_for])[-1]
    assert "The graph is too small" in changes[PARTS.likely_status]
    assert "stays as it is" in changes[PARTS.likely_status] and PARTS.answer not in changes


def test_programs_get_scores_and_proofs(shelf: GraphRegistry) -> None:
    programs = Programs(shelf, LanguageModel("copy"), SharedDetector("embedded"), SharedSpeech())
    told = programs.query(key(shelf), SPOUSE, "complete", 0.4)
    assert told["method"] == "complete"
    assert 0.4 <= told["answers"][0]["score"] < 1
    assert told["proofs"][0]["edges"][0]["known"] is False
    assert programs.ask(key(shelf), SPOUSE, "complete", 1)["answers"] == []
    wrong: tuple[tuple[Any, str], ...] = (
        ("0.5", "not a text"), (True, "not true"), (1.5, "not 1.5"), (float("nan"), "without bounds"), (None, "null")
    )  # fmt: skip
    for least, refusal in wrong:
        with pytest.raises(gr.Error, match=refusal):
            programs.query(key(shelf), SPOUSE, "complete", least)


def test_one_graph_is_learned_at_a_time(couples: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    free, shared = threading.Lock(), []

    def learn(kg: KnowledgeGraph) -> None:
        shared.append(not free.acquire(blocking=False))
        time.sleep(0.02)
        free.release()

    monkeypatch.setattr(PredictedGraph, "of", learn)
    predictors = Predictors()
    for future in [predictors.of(name, couples) for name in "abc"]:
        future.result(30)
    assert shared == [False] * 3
