"""What was fitted on a graph knows when that graph has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reasoning import KnowledgeGraph, Reasoner
from reasoning.completion.fitted import find_predictor, fit, predict_by_rules
from reasoning.completion.options import CompletionOptions, TrainingOptions
from reasoning.errors import CompletionError

TRIPLES = [(f"p{i}", "works at", f"firm {i % 3}") for i in range(12)] + [
    (f"p{i}", "lives in", f"town {i % 3}") for i in range(11)
]


def asked(kg: KnowledgeGraph, options: CompletionOptions) -> list[str]:
    return Reasoner(kg, method="complete", completion=options).answer('"lives in"("p11")').entities


def test_a_predictor_serves_the_graph_with_more_edges_between_the_same_entities() -> None:
    kg = KnowledgeGraph.from_triples(TRIPLES)
    options = CompletionOptions(model=predict_by_rules(kg), least=0.01)
    assert asked(kg.changed(add=[("p11", "lives in", "town 0")]), options)[0] == "town 0"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"remove": [("p3", "works at", "firm 0")]}, "trained on 1 edges that the given graph lacks"),
        ({"add": [("p99", "works at", "firm 0")]}, "was fitted on another graph"),
        ({"add": [("p3", "likes", "p4")]}, "was fitted on another graph"),
    ],
    ids=["an edge less", "an entity more", "a relation more"],
)
def test_a_predictor_that_no_longer_fits_is_refused_and_the_change_is_named(
    change: dict[str, Any], message: str
) -> None:
    kg = KnowledgeGraph.from_triples(TRIPLES)
    options = CompletionOptions(model=predict_by_rules(kg), least=0.01)
    with pytest.raises(CompletionError) as refused:
        asked(kg.changed(**change), options)
    assert message in str(refused.value)
    assert str(refused.value).endswith("the graph was changed since: train one on it as it is now")
    assert asked(kg, options)


def test_the_kept_predictor_of_a_graph_is_not_taken_for_that_of_the_changed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path))
    kg = KnowledgeGraph.from_triples(TRIPLES)
    fit(kg, TrainingOptions(), "rules")
    changed = kg.changed(add=[("p99", "works at", "firm 0")])
    assert find_predictor(kg).rules is not None
    with pytest.raises(CompletionError, match="1 fitted before its entities or relations changed; train one"):
        find_predictor(changed)
    fit(changed, TrainingOptions(), "rules")
    assert find_predictor(changed).rules is not None


def test_edges_can_be_predicted_over_a_changed_graph() -> None:
    kg = KnowledgeGraph.from_triples(TRIPLES[:-1]).changed(add=[TRIPLES[-1], ("p12", "works at", "firm 0")])
    options = CompletionOptions(model=predict_by_rules(kg), least=0.01)
    answer = Reasoner(kg, method="complete", completion=options).answer('"lives in"("p12")')
    assert answer.entities[0] == "town 0" and 0 < answer.scores[0] < 1
