"""Training link predictors: the loss and its gradients, ranks, the smallest graphs, and what is refused."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reasoning import KnowledgeGraph
from reasoning.completion import training
from reasoning.completion.embeddings import ComplEx, TrainingPairs, split_triples
from reasoning.completion.options import SMALL, CompletionOptions, TrainingOptions, suited_options
from reasoning.completion.predictor import rank_among, rank_links
from reasoning.completion.training import backward
from reasoning.errors import CompletionError
from reasoning.graph.index import TripleIndex
from tests.reasoning.quick_training import QUICK, graph, trained


def test_questions_hold_every_triple_in_both_directions() -> None:
    kg = graph()
    asked = TrainingPairs.of(kg.index.whole)
    stated = {
        (source, relation, target)
        for source, relation, target in zip(
            asked.sources[asked.rows].tolist(),
            asked.relations[asked.rows].tolist(),
            asked.targets.tolist(),
            strict=True,
        )
    }
    triples = kg.index.whole.triples().tolist()
    assert stated == {(h, 2 * r, t) for h, r, t in triples} | {(t, 2 * r + 1, h) for h, r, t in triples}
    some = asked.pick(np.array([5, 2, 7]))
    for place, question in enumerate((5, 2, 7)):
        assert some.sources[place] == asked.sources[question]
        mine = some.targets[some.starts[place] : some.starts[place + 1]]
        assert mine.tolist() == asked.targets[asked.starts[question] : asked.starts[question + 1]].tolist()


def test_a_question_with_many_targets_is_cut_and_keeps_them_all() -> None:
    triples = np.array([[0, 0, tail] for tail in range(1, 8)] + [[1, 0, 2]], dtype=np.int32)
    whole = TrainingPairs.of(TripleIndex.build(triples, 8, 1))
    cut = whole.cut(3)
    assert cut.counts.max() == 3
    assert len(cut) == len(whole) + 2, "seven targets are three, three and one"
    asked = [
        list(zip(each.sources[each.rows], each.relations[each.rows], each.targets, strict=True))
        for each in (whole, cut)
    ]
    assert asked[0] == asked[1]


def test_what_is_held_out_leaves_every_entity_and_relation_something_to_learn_from() -> None:
    kg = graph()
    kept, held = split_triples(kg.index.whole, 0.2, 3)
    assert len(held) == round(0.2 * len(kg))
    assert sorted([*kept.tolist(), *held.tolist()]) == sorted(kg.index.whole.triples().tolist())
    assert {*kept[:, 0].tolist(), *kept[:, 2].tolist()} >= {*held[:, 0].tolist(), *held[:, 2].tolist()}
    assert set(kept[:, 1].tolist()) >= set(held[:, 1].tolist())


@pytest.mark.parametrize("weight", [0.0, 2.0])
def test_the_loss_and_its_gradients_are_those_of_the_papers_formula(weight: float) -> None:
    kg = graph()
    options = TrainingOptions(rank=4, nuclear=0.3, relation_weight=weight)
    batch = TrainingPairs.of(kg.index.whole).pick(np.array([0, 3, 11, 30]))
    model = ComplEx.drawn(kg.entity_count, kg.relation_count, 4, 0.5, 1, "cpu")
    loss = backward(model, batch, options, torch.float32)
    got = model.entities.grad.clone(), model.relations.grad.clone()
    model.entities.grad = model.relations.grad = None

    entities, relations = (torch.complex(*table.chunk(2, dim=1)) for table in (model.entities, model.relations))
    total = torch.zeros(())
    for row, target in zip(batch.rows.tolist(), batch.targets.tolist(), strict=True):
        s, r, t = entities[batch.sources[row]], relations[batch.relations[row]], entities[target]
        scores = (s * r * entities.conj()).sum(dim=1).real
        total = total - torch.log_softmax(scores, 0)[target]
        among = (s * relations * t.conj()).sum(dim=1).real
        total = total - weight * torch.log_softmax(among, 0)[batch.relations[row]]
        total = total + 0.3 * sum((part.abs() ** 3).sum() for part in (s, r, t))
    expected = total / len(batch.targets)
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    assert torch.allclose(got[0], model.entities.grad, atol=1e-6)
    assert torch.allclose(got[1], model.relations.grad, atol=1e-6)


def test_scores_are_those_of_the_definition() -> None:
    model = ComplEx.drawn(6, 2, 3, 1.0, 0, "cpu")
    entities, relations = (
        torch.complex(*table.detach().chunk(2, dim=1)) for table in (model.entities, model.relations)
    )
    found = model.scores(3, np.array([4, 1], dtype=np.int32))
    for row, source in enumerate((4, 1)):
        expected = (entities[source] * relations[3] * entities.conj()).sum(dim=1).real
        assert found[row] == pytest.approx(expected.numpy(), abs=1e-5)


def test_ranks_are_filtered_and_ties_take_the_expected_rank() -> None:
    kg = KnowledgeGraph.from_triples([("a", "r", name) for name in "bcdef"])
    scores = np.array([[0.0, 3.0, 2.0, 2.0, 1.0, 2.0]], dtype=np.float32)
    index = {name: kg.entity(name) for name in "abcdef"}
    table = np.zeros((1, 6), dtype=np.float32)
    for name, value in zip("abcdef", scores[0], strict=True):
        table[0, index[name]] = value
    asked = TrainingPairs(
        np.array([index["a"]], np.int32), np.array([0], np.int32), np.array([0, 1]), np.array([index["c"]], np.int32)
    )
    only_b = TripleIndex.build(np.array([[index["a"], 0, index["b"]]], np.int32), 6, 1)
    # b is filtered; d and f tie with c: ranks 1, 2 and 3, 2 on the mean.
    found = rank_links(lambda relation, sources: table, asked, only_b)
    assert found.mrr == pytest.approx(1 / 2)
    assert found.hits == {1: 0.0, 3: 1.0, 10: 1.0}


@pytest.mark.slow
def test_training_learns_what_a_pattern_says(tmp_path: Path) -> None:
    names = [f"e{number}" for number in range(30)]
    pairs = [(names[i], names[(7 * i + 3) % 30]) for i in range(30)]
    kg = KnowledgeGraph.from_triples([(a, "r", b) for a, b in pairs] + [(b, "back", a) for a, b in pairs])
    options = TrainingOptions(rank=24, epochs=60, batch=16, check_every=10, held_out=0.1, nuclear=0.01)
    model = trained(kg, tmp_path / "run", options)
    held = split_triples(kg.index.whole, 0.1, 0)[1]
    ranking = rank_links(model.scores, TrainingPairs.of(TripleIndex.build(held, 30, 2)), kg.index.whole)
    assert ranking.mrr > 0.6  # by chance 0.13


def test_a_score_that_is_no_number_ranks_last() -> None:
    scores = np.array([0.5, np.nan, 0.1, 0.2], dtype=np.float32)
    assert rank_among(scores, np.array([1], dtype=np.int32), np.zeros(0, dtype=np.int32)).tolist() == [4]


@pytest.mark.slow
def test_what_does_not_fit_into_memory_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    rank = int(pages / (4 * 5 * 20 * 2))
    with pytest.raises(CompletionError, match=r"need .* GiB for 20 entities.*smaller --rank"):
        trained(graph(), tmp_path / "run", replace(QUICK, rank=rank))
    trained(graph(), tmp_path / "run", replace(QUICK, epochs=1))


@pytest.mark.slow
def test_memory_that_runs_out_on_the_way_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> float:
        raise MemoryError

    monkeypatch.setattr(training, "backward", full)
    with pytest.raises(CompletionError, match="not enough memory for rank 8 and batches of 16"):
        trained(graph(), tmp_path / "run")


@pytest.mark.parametrize(
    "triples",
    [
        [("a", "r", "b")],
        [("a", "r", "a")],
        [("a", "r", "b"), ("b", "r", "c"), ("c", "r", "a"), ("a", "once", "c")],
    ],
)
def test_the_smallest_graphs_can_be_trained_on(triples: list[tuple[str, str, str]], tmp_path: Path) -> None:
    model = trained(KnowledgeGraph.from_triples(triples), tmp_path / "run")
    assert torch.isfinite(model.entities).all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rank": 0}, "rank must be at least 1, not 0"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0"),
        ({"nuclear": -1.0}, "nuclear must be at least 0"),
        ({"nuclear": float("inf")}, "nuclear must be at least 0 and finite"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"held_out": 1.0}, "held_out is a share between 0 and 1"),
        ({"dtype": "float16"}, "dtype must be one of auto, float32, bfloat16"),
    ],
)
def test_options_out_of_range_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(CompletionError, match=said):
        TrainingOptions(**given)


@pytest.mark.parametrize("triples", [0, 1, 1_592, 5_216, 32_888, SMALL - 1])
def test_options_that_suit_a_small_graph_hold_enough_out_in_enough_updates(triples: int) -> None:
    options = suited_options(triples)
    assert options.held_out * triples >= min(300, 0.1 * triples) - 1
    assert options.held_out <= 0.1
    # A question has a triple at least, and both directions make questions.
    assert 16 <= options.batch <= max(16, triples / 128)
    assert options.refit


def test_options_that_suit_a_large_graph_are_the_defaults_and_what_is_given_stays() -> None:
    assert suited_options(SMALL) == TrainingOptions()
    given = suited_options(100, batch=7, refit=False, rank=3)
    assert (given.batch, given.refit, given.rank) == (7, False, 3)
    assert given.nuclear == suited_options(100).nuclear
    with pytest.raises(CompletionError, match="rank must be at least 1"):
        suited_options(100, rank=0)


@pytest.mark.parametrize(
    "given", [{"least": 1.5}, {"floor": -0.1}, {"negation": 0.0}, {"negation": math.inf}, {"most_bytes": 0}]
)
def test_options_of_answering_out_of_range_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(CompletionError, match=next(iter(given))):
        CompletionOptions(**given)
