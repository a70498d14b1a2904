"""An answer as what people and other programs hold: words, a frame, HTML, a pickle."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from reasoning import Answer, KnowledgeGraph, Reasoner
from reasoning.answer import Evidence, KeptProofs, Proof, SoftAnswers
from reasoning.verbalization.answers import answer_text
from skylark import installation
from skylark.errors import MissingPackageError

HOSTILE = '<img src=x onerror="alert(1)">\x1b[31m $x$'
TOWNS = [f"Town {number}" for number in range(60)]
KG = KnowledgeGraph.from_triples(
    [
        *(("Ash", "road", "Birch"), ("Ash", "road", "Cedar"), ("Ash", "rail", HOSTILE)),
        *(("Ash", "people", 30), ("Birch", "people", 20), ("Cedar", "people", 40)),
        *(("Ash", "path", town) for town in TOWNS),
    ]
)
KINDS = ('road("Ash")', 'people("Ash")', 'top(2, people, road("Ash"))', 'exists(road("Cedar"))', 'path("Ash")')


def asked(query: str, kg: KnowledgeGraph = KG) -> Answer:
    return Reasoner(kg, method="exact").answer(query)


# In words --------------------------------------------------------------------------------------------------------


def test_it_is_its_sentence_its_notes_and_the_names_that_the_sentence_leaves_out() -> None:
    for query in ('road("Ash")', 'people("Ash")', 'exists(road("Cedar"))', 'count(path("Ash"))'):
        answer = asked(query)
        assert str(answer).splitlines() == [answer.sentence, *(f"Note: {note}" for note in answer.notes)]
    answer = asked('path("Ash")')
    lines = str(answer).splitlines()
    assert lines[0] == answer.sentence
    assert [line.strip() for line in lines[2:]] == [*answer.entities[:50], "and 10 more"]
    assert "\x1b" not in str(asked('rail("Ash")'))


def test_its_short_form_fits_on_a_line_and_an_incomplete_answer_says_why() -> None:
    short = "Answer('road(\"Ash\")', method='exact', entities=['Birch', 'Cedar'])"
    assert repr(asked('road("Ash")')) == short
    assert repr(asked('people("Ash")')) == "Answer('people(\"Ash\")', method='exact', value=30)"
    assert repr(asked('path("Ash")')).endswith("and 55 more)")
    nothing = np.zeros(0, np.int32)
    failed = replace(asked('road("Ash")'), error="step 1 of 1 failed: no reply", ranked=nothing, scores=())
    assert str(failed) == "No answer: step 1 of 1 failed: no reply"
    assert "error='step 1 of 1 failed: no reply'" in repr(failed)


# As a frame ------------------------------------------------------------------------------------------------------


def test_a_frame_has_an_entity_a_row_with_its_value() -> None:
    frame = asked('top(2, people, road("Ash"))').to_pandas()
    assert frame.to_dict("list") == {
        "entity": ["Cedar", "Birch"], "id": ["Cedar", "Birch"], "score": [1.0, 1.0], "value": [40, 20]
    }  # fmt: skip
    assert asked('count(road("Ash"))').to_pandas().to_dict("list") == {"value": [2]}
    assert list(asked('road("Cedar")').to_pandas().columns) == ["entity", "id", "score"]


@pytest.mark.parametrize("made", [lambda: asked('road("Ash")').to_pandas(), KG.to_pandas], ids=["answer", "graph"])
def test_without_pandas_the_error_names_the_extra(made: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setattr(installation, "in_checkout", lambda: False)
    with pytest.raises(MissingPackageError, match=r"A frame needs.* pandas.*skylark-reasoner\[pandas\]"):
        made()


# In a notebook ---------------------------------------------------------------------------------------------------


def test_html_holds_the_sentence_the_answers_and_the_evidence_and_no_stranger_s_tags() -> None:
    answer = asked('top(2, people, road("Ash"))')
    shown = ElementTree.fromstring(answer._repr_html_())
    assert answer.sentence in [*shown.itertext()]
    answers = [[cell.text for cell in row] for row in shown.findall("./div/table/tbody/tr")]
    assert answers == [["Cedar", "40"], ["Birch", "20"]]
    facts = {tuple(cell.text for cell in row) for row in shown.findall("./details/table/tbody/tr")}
    assert facts == {
        ("Ash", "road", "Birch", "yes"), ("Ash", "road", "Cedar", "yes"),
        ("Birch", "people", "20", "yes"), ("Cedar", "people", "40", "yes"),
    }  # fmt: skip
    assert "and 40 more" in asked('path("Ash")')._repr_html_()
    html = asked('rail("Ash")')._repr_html_()
    assert "<img" not in html and "\x1b" not in html
    assert any(HOSTILE.startswith(text[:10]) for text in ElementTree.fromstring(html).itertext() if text)
    assert 'class="tex2jax_ignore' in html


@pytest.mark.parametrize("confidence", [0.997009, 0.99999999])
def test_what_is_predicted_is_never_shown_as_certain(confidence: float) -> None:
    edge = Evidence.edge(KG, KG.entity("Ash"), 0, KG.entity("Birch"), confidence)
    answer = replace(asked('road("Ash")'), soft=Run(), scores=(1.0, confidence))
    answer.__dict__["traced"] = ([edge], 1)
    shown = ElementTree.fromstring(answer._repr_html_())
    assert [row[1].text for row in shown.findall("./div/table/tbody/tr")] == ["1.00", "0.99"]
    assert shown.findtext("./details/table/tbody/tr/td[4]") == "no, confidence 0.99"
    text = answer_text(answer)
    assert "Birch\n" in text and "Cedar  (0.99)" in text and "(not in the graph, confidence 0.99)" in text


# Compared --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", KINDS)
def test_answers_that_say_the_same_are_equal_pickled_ones_too(query: str) -> None:
    answer = asked(query)
    again = pickle.loads(pickle.dumps(answer))
    for other in (asked(query), again, replace(answer, notes=("read otherwise",))):
        assert other == answer
        assert {answer: 1}[other] == 1
    assert again.to_dict() == answer.to_dict() and str(again) == str(answer)


def test_answers_that_say_something_else_are_not_equal_and_steps_are_compared() -> None:
    answer = asked('road("Ash")')
    others = [
        asked('path("Ash")'), replace(answer, scores=(1.0, 0.5)), replace(answer, ranked=answer.ranked[::-1]),
        replace(answer, method="lark"), replace(answer, error="no reply"),
    ]  # fmt: skip
    assert answer not in others and answer != "road"
    assert len({answer, *others}) == 6
    first, second = asked('road("Ash")'), asked('road("Ash")')
    assert first.steps == first.steps != second.steps
    assert len({*first.steps, *second.steps}) == 2


class Run:
    """Soft logic that gives one proof and cannot be pickled, as a large predictor had better not be."""

    def holds(self, entity: int) -> bool:
        return True

    def prove(self, entity: int) -> Proof:
        return Proof(KG, entity, 0.5, (), ())

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("too large")


def test_of_a_run_over_predicted_edges_the_proofs_are_pickled() -> None:
    soft: SoftAnswers = Run()
    answer = replace(asked('road("Ash")'), soft=soft)
    again = pickle.loads(pickle.dumps(answer))
    assert isinstance(again.soft, KeptProofs)
    assert again.to_dict() == answer.to_dict()
    assert not again.soft.holds(KG.entity("Ash"))


@pytest.mark.slow
def test_another_process_words_a_pickled_answer(tmp_path: Path) -> None:
    path = tmp_path / "answer.pickle"
    path.write_bytes(pickle.dumps(asked('road("Ash")')))
    code = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')))"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == asked('road("Ash")').sentence
