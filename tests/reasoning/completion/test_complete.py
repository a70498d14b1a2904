"""Methods complete and hybrid: how parts are weighed, what is shown and answered, and where a model fails."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reasoning import KnowledgeGraph, LarkOptions, Query, Reasoner
from reasoning.cli import main
from reasoning.completion import predictor as predictor_module
from reasoning.completion.adjacency import LARGEST
from reasoning.completion.complete import (
    ADDED,
    KNOWN,
    LEFT_OUT,
    WEIGHTS_FILE,
    RankingWeights,
    combined,
    complete_for,
    features,
    fit_ranking,
    read_weights,
    signals,
    write_weights,
)
from reasoning.completion.embeddings import TrainingPairs, split_triples
from reasoning.completion.fitted import Fitted, fit, predict_by_rules
from reasoning.completion.predictor import (
    ENOUGH,
    TRIED_RULES,
    CompletionOptions,
    Weights,
    fit_weights,
    link_ranks,
    rank_among,
    rank_links,
    scorer_of,
)
from reasoning.completion.rule_model import RulePredictor
from reasoning.completion.soft_logic import SoftLogic, SoftRun
from reasoning.errors import CompletionError, EvaluationError
from reasoning.evaluation.results import fit_ranking_weights
from reasoning.evaluation.runs import QueryEvaluation
from reasoning.graph.index import TripleIndex
from reasoning.query.binding import bind
from tests.reasoning.chat_models import ScriptedChatModel, faultless, faultless_reply
from tests.reasoning.completion.conftest import QUICK

CHAIN = Query.from_record({"query": [5, [0, 2]]})


def complete(kg: KnowledgeGraph, options: CompletionOptions) -> Reasoner:
    return Reasoner(kg, method="complete", completion=options)


def test_evidence_is_belief_and_rules_and_parts_are_weighed(fitted: Fitted, kg: KnowledgeGraph) -> None:
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
    sizes = kg.entity_count, kg.relation_count
    kept, held = split_triples(kg.index.whole, QUICK.held_out, QUICK.seed)
    held = held[np.random.default_rng(QUICK.seed).permutation(len(held))]
    without = RulePredictor.fit(TripleIndex.build(kept, *sizes), *sizes)
    told = TrainingPairs.of(TripleIndex.build(held[len(held) // 2 :], *sizes))
    assert fitted.held_out["rules"] == rank_links(without.scores, told, kg.index.whole)
    assert fitted.predictor.rules is not None
    assert fitted.predictor.rules.digest == RulePredictor.fit(kg.index.whole, *sizes).digest


def test_the_chosen_weight_is_the_least_that_ranks_well(
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


def test_known_answers_come_first_and_likely_ones_are_cut_and_counted(kg: KnowledgeGraph, fitted: Fitted) -> None:
    exact = set(Reasoner(kg, method="exact").answer(CHAIN).ids)
    everything = complete(kg, CompletionOptions(model=fitted.folder, least=0.0)).answer(CHAIN)
    assert exact and set(everything.ids[: len(exact)]) == exact
    assert everything.scores[: len(exact)] == (1.0,) * len(exact)
    assert list(everything.scores) == sorted(everything.scores, reverse=True)
    assert len(everything.ids) > len(exact)
    certain = complete(kg, CompletionOptions(model=fitted.folder, least=1.0))
    assert set(certain.answer(CHAIN).ids) == exact
    reasoner = complete(kg, CompletionOptions(model=fitted.folder))
    text = str(Query.from_record({"query": [5, [0]]}))
    assert reasoner.answer(f"count({text})").value == len(reasoner.answer(text).ids) > 0
    assert reasoner.answer(f"exists({text})").value is True


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


def test_values_rank_likely_members_and_an_unseen_entity_keeps_what_the_graph_says(tmp_path: Path) -> None:
    triples = [(f"e{i}", "r", f"e{(i * 3 + 1) % 9}") for i in range(9)]
    kg = KnowledgeGraph.from_triples([*triples, *((f"e{i}", "size", i) for i in range(9))])
    made = fit(kg, QUICK, out=tmp_path / "fitted")
    reasoner, exact = complete(kg, CompletionOptions(model=made.folder, floor=1.0)), Reasoner(kg, method="exact")
    top, bottom = 'top(2, size, r("e0" | "e1" | "e2"))', 'bottom(1, size, !"e0")'
    for text in ('size("e3")', 'size(r("e0" | "e1")) > 2', top, bottom):
        got, expected = reasoner.answer(text), exact.answer(text)
        assert (got.entities, got.values, got.value) == (expected.entities, expected.values, expected.value)
        assert got.evidence
    triples = [(f"e{i}", "r", f"e{(i * 3 + 1) % 12}") for i in range(12)]
    for split, rows in (("train", triples), ("valid", [("late", "r", "e1")]), ("test", [("e3", "r", "e5")])):
        (tmp_path / f"{split}.txt").write_text("".join("\t".join(row) + "\n" for row in rows))
    train, full = KnowledgeGraph.load(tmp_path, ("train",)), KnowledgeGraph.load(tmp_path, ("train", "valid"))
    made = fit(train, QUICK, out=tmp_path / "late")
    answer = complete(full, CompletionOptions(model=made.folder, least=0.0)).answer('r("late")')
    assert answer.entities == ["e1"] and answer.scores == (1.0,)


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


@pytest.fixture
def model(fitted: Fitted, tmp_path: Path) -> Path:
    """A copy of the predictor, beside which weights may be kept."""
    return shutil.copytree(fitted.folder, tmp_path / "model")


def hybrid(kg: KnowledgeGraph, model: Path, llm: ScriptedChatModel | None = None, **more: float) -> Reasoner:
    options = CompletionOptions(model=model, **{"least": 0.0, **more})  # type: ignore[arg-type]
    return Reasoner(kg, llm=llm or faultless(), method="hybrid", completion=options)


def evaluation(dataset: Path, model: Path) -> QueryEvaluation:
    return QueryEvaluation(
        dataset, dataset / "queries", "hard", method="hybrid", llm=faultless(), split="valid", limit=3,
        completion=CompletionOptions(model=model),
    )  # fmt: skip


QUERY = Query.from_record({"query": [5, [0, 2]]})


def test_the_model_is_shown_the_best_predicted_edges(kg: KnowledgeGraph, model: Path) -> None:
    llm = faultless()
    answer = hybrid(kg, model, llm).answer(QUERY)
    first = answer.steps[0]
    assert first.by == "llm"
    predicted = [line for line in first.parts[0].context.lines if "(predicted, 0." in line]
    assert 0 < len(predicted) <= 2 * ADDED
    prompt = llm.prompts[0]
    assert "A number behind a triple says how likely it is" in prompt
    assert sum(") 0." in line for line in prompt.splitlines()) == len(predicted)
    Reasoner(kg, llm=(unaided := faultless()), method="lark").answer(QUERY)
    assert "A number behind a triple" not in unaided.prompts[0]


def test_the_completed_graph_holds_the_best_edges_of_each_step(kg: KnowledgeGraph, model: Path) -> None:
    method: Any = hybrid(kg, model).answering
    logic: SoftLogic = method.logic
    chain = bind(QUERY, kg)
    results = logic.execute(chain)
    completed = complete_for(logic, chain, results)
    known = {tuple(triple) for triple in kg.index.whole.triples().tolist()}
    there = {tuple(triple) for triple in completed.index.whole.triples().tolist()}
    assert there - known == set(completed.predicted)
    assert 0 < len(there & known) <= 2 * KNOWN
    assert all(0 < confidence < 1 for confidence in completed.predicted.values())
    assert completed.confidence(*next(iter(there & known))) == 1
    # From the one anchor, the step's edges are the surest that its row has.
    anchor, relation = chain.steps[0].anchors[0], chain.steps[0].relation
    assert anchor is not None and relation is not None
    row = logic.adjacency.rows(2 * relation.index + relation.inverse, np.array([anchor], dtype=np.int32))[0]
    surest = np.sort(row.confidence[row.confidence < 1])[::-1][:ADDED]
    added = [c for (h, r, t), c in completed.predicted.items() if r == relation.index and anchor in (h, t)]
    assert sorted(added, reverse=True)[: len(surest)] == pytest.approx(surest.tolist())
    stated, shown = (
        index.side(relation.inverse).row(relation.index, anchor) for index in (kg.index.whole, completed.index.whole)
    )
    assert set(stated[:KNOWN].tolist()) <= set(shown.tolist())


def ways(logic: SoftLogic, relation: int, source: dict[int, float]) -> dict[int, float]:
    """The weight of every entity by all rows, by the definition."""
    missing: dict[int, float] = {}
    for entity, sure in source.items():
        row = logic.adjacency.rows(relation, np.array([entity], dtype=np.int32))[0]
        for target, edge in zip(row.targets.tolist(), row.confidence.tolist(), strict=True):
            missing[target] = missing.get(target, 1.0) * (1 - min(sure * edge, LARGEST))
    return {entity: 1 - rest for entity, rest in missing.items()}


def test_a_weight_gathers_every_way_and_is_less_where_left_out(kg: KnowledgeGraph, model: Path) -> None:
    def forgetful(prompt: str) -> str:
        return ", ".join(faultless_reply(prompt).split(", ")[1:]) or "none"

    for llm in (faultless(), ScriptedChatModel(forgetful)):
        answer = hybrid(kg, model, llm, floor=0.0).answer(QUERY)
        assert isinstance(answer.soft, SoftRun)
        entities, table = signals(answer.soft, answer.steps)
        known = set(Reasoner(kg, method="exact").answer(QUERY).ranked.tolist())
        assert set(entities[table[:, 0] > 0].tolist()) == known
        anchor = answer.steps[0].step.anchors[0]
        assert anchor is not None
        weights, left_out = {anchor: 1.0}, set[int]()
        for step in answer.steps:
            relation = step.step.relation
            assert relation is not None
            weights = ways(answer.soft.logic, 2 * relation.index + relation.inverse, weights)
            shown = step.kg.index.project(step.inputs[0], relation.index, relation.inverse)
            left_out = {*shown.tolist()} - {*step.members.tolist()}
            weights = {entity: sure * (LEFT_OUT if entity in left_out else 1) for entity, sure in weights.items()}
        assert len(answer.steps[1].members) > 1 and bool(left_out) == (llm.replies == [forgetful])
        expected = [weights.get(entity, 0.0) for entity in entities.tolist()]
        assert table[:, 2].tolist() == pytest.approx(expected, abs=1e-6)


def test_what_the_graph_says_comes_first_and_numbers_are_answered_too(kg: KnowledgeGraph, model: Path) -> None:
    answer = hybrid(kg, model).answer(QUERY)
    exact = Reasoner(kg, method="exact").answer(QUERY).ids
    assert set(answer.ids[: len(exact)]) == set(exact)
    assert list(answer.scores) == sorted(answer.scores, reverse=True)
    assert all(0 < score < 1 for score in answer.scores)
    assert answer.proofs[0].entity == answer.ranked[0]
    json.dumps(answer.to_dict())
    assert isinstance(hybrid(kg, model).answer(f"count({QUERY})").value, int)
    options, completion = LarkOptions(prompting="whole"), CompletionOptions(model=model, least=0.0)
    asked = Reasoner(kg, llm=faultless(), method="hybrid", options=options, completion=completion)
    whole = asked.answer(QUERY)
    assert whole.error is None and len(whole.ranked)


@pytest.mark.parametrize("reply", ["I cannot say", RuntimeError("no connection")])
def test_where_the_model_fails_soft_logic_answers(kg: KnowledgeGraph, model: Path, reply: str | Exception) -> None:
    options = LarkOptions(repairs=0, retries=0)
    completion = CompletionOptions(model=model, least=0.0)
    failed = Reasoner(kg, llm=ScriptedChatModel(reply), method="hybrid", options=options, completion=completion)
    answer = failed.answer(QUERY)
    alone = Reasoner(kg, method="complete", completion=completion).answer(QUERY)
    assert answer.error is None and any("ranked without the language model" in note for note in answer.notes)
    assert (answer.entities, answer.scores) == (alone.entities, alone.scores)


def test_a_score_is_the_sigmoid_and_fitted_weights_trust_what_tells_right_from_wrong() -> None:
    table = np.array([[1.0, 1.0, 0.9], [0.0, 0.2, 0.0], [0.0, 0.0, 0.5]])
    weights = RankingWeights(exact=3.0, soft=0.7, llm=0.4, bias=-0.2)
    for row, score in zip(table, combined(table, weights), strict=True):
        z = 3.0 * row[0] + 0.7 * math.log(max(row[1], 1e-8)) + 0.4 * math.log(row[2] + 1e-4) - 0.2
        assert score == pytest.approx(1 / (1 + math.exp(-z)))
    assert features(table).shape == (3, 3)
    rng = np.random.default_rng(0)
    told: list[tuple[np.ndarray, np.ndarray]] = []
    for _ in range(40):
        table = np.column_stack([np.zeros(30), rng.uniform(0.01, 0.9, 30), rng.uniform(0, 0.9, 30)])
        told.append((table, np.array([int(np.argmax(table[:, 2]))])))
    weights = fit_ranking(told)
    assert weights.llm > 3 * abs(weights.soft)
    flipped = [(table[:, [0, 2, 1]], right) for table, right in told]
    assert fit_ranking(flipped).soft > 3 * abs(fit_ranking(flipped).llm)
    assert fit_ranking([]) == RankingWeights()
    against = [(np.column_stack([table[:, :2], 1 - table[:, 2]]), right) for table, right in told]
    assert fit_ranking(against).llm == 0, "no signal is held against an answer"


def test_weights_are_kept_beside_the_predictor_and_used(kg: KnowledgeGraph, model: Path, tmp_path: Path) -> None:
    written = {None: RankingWeights(bias=-1.0), "2p": RankingWeights(llm=2.0)}
    write_weights(tmp_path, written)
    assert read_weights(tmp_path) == written
    before = hybrid(kg, model).answer(QUERY).scores
    write_weights(model, {"2p": RankingWeights(exact=4.0, soft=1.0, llm=0.25, bias=-3.0)})
    after = hybrid(kg, model).answer(QUERY).scores
    assert all(b < a for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("content", ["{", '{"": {"soft": 1}}', "[]"])
def test_damaged_weights_are_told(content: str, tmp_path: Path) -> None:
    (tmp_path / WEIGHTS_FILE).write_text(content)
    with pytest.raises(CompletionError, match="ranking weights"):
        read_weights(tmp_path)
    assert read_weights(tmp_path / "elsewhere") == {}


def test_weights_are_fitted_on_the_lines_of_an_evaluation(
    dataset: Path, kg: KnowledgeGraph, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "lines.jsonl"
    evaluation(dataset, model).run(out)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    for line in lines:
        assert len(line["signals"]["hard"]) <= len(line["hard_ranks"])
        assert all(len(row) == 3 for rows in line["signals"].values() for row in rows)
    arguments = ["complete", "weigh", "--kg", str(dataset), "--results", str(out), "--model", str(model)]
    assert main(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert told.keys() == {"other", *(line["type"] for line in lines)}
    assert read_weights(model)[None] == RankingWeights(**told["other"])
    other = fit(kg, QUICK, "rules", tmp_path / "other").folder
    assert main([*arguments[:-1], str(other)]) == 2
    assert "was made with the link predictor" in capsys.readouterr().err
    del lines[0]["signals"]["hard"]
    out.write_text("\n".join(map(json.dumps, lines)) + "\n")
    with pytest.raises(EvaluationError, match=r"lines.jsonl, line 1: no signals as hybrid writes them"):
        fit_ranking_weights(out, kg, model)
    out.write_text("")
    assert main(arguments) == 2
    assert "holds no signals" in capsys.readouterr().err


def test_a_run_goes_on_with_the_weights_that_it_began_with(dataset: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "lines.jsonl"
    evaluation(dataset, model).run(out)
    write_weights(model, {None: RankingWeights(bias=-1.0)})
    with pytest.raises(EvaluationError, match="ranking was null, now"):
        evaluation(dataset, model).run(out, resume=True)
    (model / WEIGHTS_FILE).unlink()
    evaluation(dataset, model).run(out, resume=True)


def test_an_answer_of_the_model_that_soft_logic_does_not_give_has_no_proof(tmp_path: Path) -> None:
    kg = KnowledgeGraph.from_triples([("a", "r", "b"), ("b", "r", "c"), ("c", "s", "a"), ("d", "s", "b")])
    answer = hybrid(kg, fit(kg, QUICK, "rules", tmp_path / "rules").folder).answer('r("a")')
    given = answer.ranked.tolist()
    assert given == [list(kg.entity_labels).index("b")]
    every = replace(answer, ranked=np.concatenate([np.setdiff1d(kg.universe, answer.ranked), answer.ranked]))
    assert [proof.entity for proof in every.proofs] == given
    assert [edge.to_list() for edge in every.evidence] == [["a", "r", "b"]]
