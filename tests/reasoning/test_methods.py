"""A method is one class under its name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.execution.conclusion import BoundQuestion, Event, Finished, conclude
from reasoning.execution.exact import exact_result, execute
from reasoning.methods import METHODS, method_named
from skylark.errors import SkylarkError

KG = KnowledgeGraph.from_triples([("Paris", "capital_of", "France"), ("Rome", "capital_of", "Italy")])
QUERY = Query.parse('capital_of("Paris")')


class LastStepOnly:
    name = "last"
    asks_model = False
    goes_beyond_graph = False

    def __init__(self, kg: KnowledgeGraph, *_unused: object) -> None:
        self.kg = kg

    def deciding(self) -> dict[str, Any]:
        return {}

    def events(self, question: BoundQuestion) -> Iterator[Event]:
        results = execute(self.kg, question.chain)
        steps = [exact_result(self.kg, step, results) for step in question.chain]
        yield Finished(conclude(self.kg, self.name, question, steps))


def test_each_method_says_what_it_is_like() -> None:
    kinds = {name: (kind.asks_model, kind.goes_beyond_graph) for name, kind in METHODS.items()}
    assert kinds == {
        "exact": (False, False),
        "lark": (True, False),
        "complete": (False, True),
        "hybrid": (True, True),
    }


def test_a_further_method_is_one_class_under_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "last", LastStepOnly)
    answer = Reasoner(KG, method="last").answer(QUERY)
    assert (answer.method, answer.entities, answer.sentence) == ("last", ["France"], "Paris is capital of France.")


def test_an_unknown_method_is_refused_with_the_nearest() -> None:
    with pytest.raises(SkylarkError, match=r"unknown method 'exakt'; expected one of .*; did you mean 'exact'\?"):
        method_named("exakt")
