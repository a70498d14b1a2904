"""Method complete: how its parts are weighed, and what it answers."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.cli import main
from reasoning.completion import predictor as predictor_module
from reasoning.completion.embeddings import TrainingPairs, split_triples
from reasoning.completion.fitted import Fitted, fit, predict_by_rules
from reasoning.completion.options import CompletionOptions
from reasoning.completion.predictor import (
    ENOUGH,
    TRIED_RULES,
    Weights,
    fit_weights,
    link_ranks,
    rank_among,
    rank_links,
    scorer_of,
)
from reasoning.completion.rule_model import RulePredictor
from reasoning.evaluation.runs import QueryEvaluation
from reasoning.graph.index import TripleIndex
from tests.reasoning.completion.conftest import QUICK

CHAIN = Query.from_record({"query": [5, [0, 2]]})


def complete(kg: KnowledgeGraph, options: CompletionOptions) -> Reasoner:
    return Reasoner(kg, method="complete", completion=options)


def test_evidence_is_the_belief_of_the_embeddings_and_what_rules_say(fitted: Fitted, kg: KnowledgeGraph) -> None:
    predictor = replace(fitted.predictor, weights=Weights(0.3))
    sources, degrees = kg.universe[:7], np.linspace(0.1, 7, 7)
    assert predictor.embeddings is not None and predictor.rules is not None
    scores = predictor.embeddings.scores(1, sources).astype(float)
    belief = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    ruled = predictor.rules.scores(1, sources).astype(float)
    expected = 1 - np.exp(-belief * degrees[:, None]) * (1 - ruled) ** 0.3
    assert predictor.confidence(1, sources, degrees) == pytest.approx(expected, abs=1e-5)
    unseen = replace(predictor, seen=predictor.seen & (np.arange(kg.entity_count) != sources[0]))
    found = unseen.confidence(1, sources, degrees)
    assert not found[0].any() and not found[:, sources[0]].any()


def test_parts_are_weighed_by_what_neither_has_met(kg: KnowledgeGraph, fitted: Fitted) -> None:
    sizes = kg.entity_count, kg.relation_count
    kept, held = split_triples(kg.index.whole, QUICK.held_out, QUICK.seed)
    held = held[np.random.default_rng(QUICK.seed).permutation(len(held))]
    without = RulePredictor.fit(TripleIndex.build(kept, *sizes), *sizes)
    told = TrainingPairs.of(TripleIndex.build(held[len(held) // 2 :], *sizes))
    assert fitted.held_out["rules"] == rank_links(without.scores, told, kg.index.whole)
    assert fitted.predictor.rules is not None
    assert fitted.predictor.rules.digest == RulePredictor.fit(kg.index.whole, *sizes).digest


def test_the_chosen_weight_is_the_least_that_ranks_what_is_held_out_nearly_best(
    kg: KnowledgeGraph, fitted: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = split_triples(kg.index.whole, 0.05, 1)[1]
    asked = TrainingPairs.of(TripleIndex.build(held, kg.entity_count, kg.relation_count))

    def mean(rules: float) -> float:
        scorer = scorer_of(replace(fitted.predictor, weights=Weights(rules)), kg.index.whole)
        return float(np.mean(np.log(np.concatenate(list(link_ranks(scorer, asked, kg.index.whole))))))

    tried = {rules: mean(rules) for rules in TRIED_RULES}
    most = min(tried.values()) + math.log(ENOUGH)
    chosen = fit_weights(fitted.predictor, asked, kg.index.whole, 0)
    assert chosen.rules == min(rules for rules, found in tried.items() if found <= most)
    assert max(tried.values()) > most
    # Where one question has more targets than are tried, it is tried all the same.
    pairs = TrainingPairs.of(kg.index.whole)
    hub = pairs.pick(np.array([int(np.argmax(pairs.counts))]))
    ranked: list[int] = []
    monkeypatch.setattr(predictor_module, "TRIED", 1)
    monkeypatch.setattr(predictor_module, "rank_among", lambda *given: ranked.append(1) or rank_among(*given))
    fit_weights(fitted.predictor, hub, kg.index.whole, 0)
    assert hub.counts[0] > 1 and len(ranked) == len(TRIED_RULES)


def test_an_entity_never_seen_in_training_keeps_what_the_graph_says(tmp_path: Path) -> None:
    triples = [(f"e{i}", "r", f"e{(i * 3 + 1) % 12}") for i in range(12)]
    for split, rows in (("train", triples), ("valid", [("late", "r", "e1")]), ("test", [("e3", "r", "e5")])):
        (tmp_path / f"{split}.txt").write_text("".join("\t".join(row) + "\n" for row in rows))
    train, full = KnowledgeGraph.load(tmp_path, ("train",)), KnowledgeGraph.load(tmp_path, ("train", "valid"))
    made = fit(train, QUICK, out=tmp_path / "fitted")
    answer = complete(full, CompletionOptions(model=made.folder, least=0.0)).answer('r("late")')
    assert answer.entities == ["e1"] and answer.scores == (1.0,)


def test_known_answers_are_certain_and_come_first_and_least_cuts_the_others(kg: KnowledgeGraph, fitted: Fitted) -> None:
    exact = set(Reasoner(kg, method="exact").answer(CHAIN).ids)
    everything = complete(kg, CompletionOptions(model=fitted.folder, least=0.0)).answer(CHAIN)
    assert exact and set(everything.ids[: len(exact)]) == exact
    assert everything.scores[: len(exact)] == (1.0,) * len(exact)
    assert list(everything.scores) == sorted(everything.scores, reverse=True)
    assert len(everything.ids) > len(exact)
    certain = complete(kg, CompletionOptions(model=fitted.folder, least=1.0))
    assert set(certain.answer(CHAIN).ids) == exact


def test_an_answer_tells_its_proofs(kg: KnowledgeGraph, fitted: Fitted) -> None:
    told = complete(kg, CompletionOptions(model=fitted.folder, least=0.0, floor=0.0)).answer(CHAIN).to_dict()
    assert told["method"] == "complete"
    assert [step["by"] for step in told["steps"]] == ["completion", "completion"]
    for answer, proof in zip(told["answers"], told["proofs"], strict=False):
        assert proof["entity"] == answer["entity"]
        assert proof["confidence"] == pytest.approx(answer["score"], abs=1e-5)
        assert [one["step"] for one in proof["assignments"]] == [1, 2]
        assert len(proof["edges"]) in (1, 2)
        assert all(edge["known"] == (edge["confidence"] == 1) for edge in proof["edges"])
    assert any(not edge["known"] for proof in told["proofs"] for edge in proof["edges"])
    json.dumps(told)


def test_numbers_count_what_is_likely(kg: KnowledgeGraph, fitted: Fitted) -> None:
    reasoner = complete(kg, CompletionOptions(model=fitted.folder))
    text = str(Query.from_record({"query": [5, [0]]}))
    assert reasoner.answer(f"count({text})").value == len(reasoner.answer(text).ids) > 0
    assert reasoner.answer(f"exists({text})").value is True


def test_values_rank_and_compare_likely_members(tmp_path: Path) -> None:
    triples = [(f"e{i}", "r", f"e{(i * 3 + 1) % 9}") for i in range(9)]
    kg = KnowledgeGraph.from_triples([*triples, *((f"e{i}", "size", i) for i in range(9))])
    made = fit(kg, QUICK, out=tmp_path / "fitted")
    reasoner, exact = complete(kg, CompletionOptions(model=made.folder, floor=1.0)), Reasoner(kg, method="exact")
    top, bottom = 'top(2, size, r("e0" | "e1" | "e2"))', 'bottom(1, size, !"e0")'
    for text in ('size("e3")', 'size(r("e0" | "e1")) > 2', top, bottom):
        got, expected = reasoner.answer(text), exact.answer(text)
        assert (got.entities, got.values, got.value) == (expected.entities, expected.values, expected.value)
        assert got.evidence


def test_rules_alone_need_no_training_and_no_folder() -> None:
    towns = ["north", "south", "west"]
    triples = [(f"p{i}", "lives_in", towns[i % 3]) for i in range(12)]
    triples += [(f"p{i}", "born_in", towns[i % 3]) for i in range(11)]
    kg = KnowledgeGraph.from_triples(triples)
    options = CompletionOptions(model=predict_by_rules(kg), least=0.3)
    answer = complete(kg, options).answer('born_in("p11")')
    assert answer.entities == ["west"]
    assert 0.3 < answer.scores[0] < 1
    assert [edge.known for edge in answer.evidence] == [False]
    assert answer.sentence.startswith("Likely, though the graph does not say all of it")
    certain = complete(kg, replace(options, least=1.0)).answer('born_in("p11")')
    assert certain.sentence.startswith("The graph does not say, nor make it likely, that")


@pytest.mark.slow
def test_hard_answers_are_ranked_and_reading_takes_what_is_likely(dataset: Path, fitted: Fitted) -> None:
    options = CompletionOptions(model=fitted.folder)
    queries = dataset / "queries"
    hard = QueryEvaluation(
        dataset, queries, "hard", method="complete", split="valid", limit=4, completion=options
    ).run()
    assert hard["settings"]["predictor"] == fitted.predictor.digest
    assert hard["settings"]["least"] == 0.0 and hard["errors"] == 0
    exact = QueryEvaluation(dataset, queries, "hard", method="exact", split="valid", limit=4).run()
    assert hard["avg_p"]["mrr"] > max(0.02, exact["avg_p"]["mrr"])
    certain = QueryEvaluation(
        dataset, queries, "reading", method="complete", split="valid", limit=4,
        completion=replace(options, least=1.0, negation=1.0),
    ).run()  # fmt: skip
    assert certain["avg_p"]["exact_match"] == 1.0


def test_a_stopped_run_goes_on(dataset: Path, fitted: Fitted, tmp_path: Path) -> None:
    out = tmp_path / "lines.jsonl"
    arguments = ["evaluate", "--kg", str(dataset), "--queries", str(dataset / "queries"), "--protocol", "hard",
                 "--split", "valid", "--method", "complete", "--model", str(fitted.folder), "--limit", "2",
                 "--out", str(out)]  # fmt: skip
    assert main(arguments) == 0
    whole = out.read_text()
    lines = whole.splitlines(keepends=True)
    out.write_text("".join(lines[:7]) + lines[7][:20])
    assert main([*arguments, "--resume"]) == 0
    # Rows asked for together with others may differ from them in the last digit of a float32.
    told, again = ([json.loads(line) for line in text.splitlines()] for text in (whole, out.read_text()))
    assert [line.pop("scores") for line in again] == [pytest.approx(line.pop("scores"), rel=1e-4) for line in told]
    assert again == told
