"""Method hybrid: what the model is shown, how its answers are weighed and ranked, and what happens where it fails."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reasoning import KnowledgeGraph, LarkOptions, Reasoner
from reasoning.answer import Answer
from reasoning.cli import main
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
from reasoning.completion.fitted import fit
from reasoning.completion.options import CompletionOptions, TrainingOptions
from reasoning.completion.soft_logic import SoftLogic, SoftRun
from reasoning.errors import CompletionError, EvaluationError
from reasoning.evaluation.results import fit_ranking_weights
from reasoning.evaluation.runs import QueryEvaluation
from reasoning.query.binding import bind
from reasoning.query.tree import Query
from tests.reasoning.chat_models import ScriptedChatModel, faultless, faultless_reply
from tests.reasoning.made_dataset import make_dataset

QUICK = TrainingOptions(rank=8, epochs=10, batch=32, check_every=5, held_out=0.1)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("made") / "made", 3)


@pytest.fixture(scope="module")
def kg(dataset: Path) -> KnowledgeGraph:
    return KnowledgeGraph.load(dataset, ("train",))


@pytest.fixture(scope="module")
def model(kg: KnowledgeGraph, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(kg, QUICK, out=tmp_path_factory.mktemp("fitted") / "made").folder


def hybrid(kg: KnowledgeGraph, model: Path, llm: ScriptedChatModel | None = None, **more: float) -> Reasoner:
    options = CompletionOptions(model=model, **{"least": 0.0, **more})  # type: ignore[arg-type]
    return Reasoner(kg, llm=llm or faultless(), method="hybrid", completion=options)


QUERY = Query.from_record({"query": [5, [0, 2]]})


def test_the_model_is_shown_the_best_predicted_edges_marked_with_their_confidence(
    kg: KnowledgeGraph, model: Path
) -> None:
    llm = faultless()
    answer = hybrid(kg, model, llm).answer(QUERY)
    first = answer.steps[0]
    assert first.by == "llm"
    predicted = [line for line in first.parts[0].context.lines if "(predicted, 0." in line]
    assert 0 < len(predicted) <= 2 * ADDED
    prompt = llm.prompts[0]
    assert "A number behind a triple says how likely it is" in prompt
    assert sum(") 0." in line for line in prompt.splitlines()) == len(predicted)


def test_a_chain_without_predicted_edges_says_nothing_of_them(kg: KnowledgeGraph) -> None:
    llm = faultless()
    Reasoner(kg, llm=llm, method="lark").answer(QUERY)
    assert "A number behind a triple" not in llm.prompts[0]


def test_the_completed_graph_holds_the_best_edges_of_each_step_known_and_predicted(
    kg: KnowledgeGraph, model: Path
) -> None:
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
    assert anchor is not None
    assert relation is not None
    row = logic.adjacency.rows(2 * relation.index + relation.inverse, np.array([anchor], dtype=np.int32))[0]
    surest = np.sort(row.confidence[row.confidence < 1])[::-1][:ADDED]
    added = [c for (h, r, t), c in completed.predicted.items() if r == relation.index and anchor in (h, t)]
    assert sorted(added, reverse=True)[: len(surest)] == pytest.approx(surest.tolist())
    stated = kg.index.whole.side(relation.inverse).row(relation.index, anchor)[:KNOWN]
    assert set(stated.tolist()) <= set(
        completed.index.whole.side(relation.inverse).row(relation.index, anchor).tolist()
    )


def ways(logic: SoftLogic, relation: int, source: dict[int, float]) -> dict[int, float]:
    """The weight of every entity by all rows, by the definition."""
    missing: dict[int, float] = {}
    for entity, sure in source.items():
        row = logic.adjacency.rows(relation, np.array([entity], dtype=np.int32))[0]
        for target, edge in zip(row.targets.tolist(), row.confidence.tolist(), strict=True):
            missing[target] = missing.get(target, 1.0) * (1 - min(sure * edge, LARGEST))
    return {entity: 1 - rest for entity, rest in missing.items()}


def test_a_weight_gathers_every_way_and_is_less_where_the_model_left_an_entity_out(
    kg: KnowledgeGraph, model: Path
) -> None:
    def signals_of(llm: ScriptedChatModel) -> tuple[Answer, dict[int, float], dict[int, float]]:
        reasoner = hybrid(kg, model, llm, floor=0.0)
        answer = reasoner.answer(QUERY)
        assert isinstance(answer.soft, SoftRun)
        soft = answer.soft
        entities, table = signals(soft, answer.steps)
        known = set(Reasoner(kg, method="exact").answer(QUERY).ranked.tolist())
        assert {e for e, is_known in zip(entities.tolist(), table[:, 0], strict=True) if is_known} == known
        relations = [step.step.relation for step in answer.steps]
        assert relations[0] is not None
        assert relations[1] is not None
        numbers = [2 * relation.index + relation.inverse for relation in relations if relation is not None]
        anchor = answer.steps[0].step.anchors[0]
        assert anchor is not None
        middle = ways(soft.logic, numbers[0], {anchor: 1.0})
        dropped = set(
            answer.steps[0]
            .kg.index.project(answer.steps[0].inputs[0], relations[0].index, relations[0].inverse)
            .tolist()
        ) - set(answer.steps[0].members.tolist())
        middle = {entity: sure * (LEFT_OUT if entity in dropped else 1.0) for entity, sure in middle.items()}
        return (
            answer,
            dict(zip(entities.tolist(), table[:, 2].tolist(), strict=True)),
            ways(soft.logic, numbers[1], middle),
        )

    answer, weights, expected = signals_of(faultless())
    last = answer.steps[1]
    assert last.step.relation is not None
    assert len(last.members) > 1
    for entity, weight in weights.items():
        assert weight == pytest.approx(expected.get(entity, 0.0), abs=1e-6)

    def forgetful(prompt: str) -> str:
        return ", ".join(faultless_reply(prompt).split(", ")[1:]) or "none"

    answer, weights, expected = signals_of(ScriptedChatModel(forgetful))
    last = answer.steps[1]
    assert last.step.relation is not None
    shown = last.kg.index.project(last.inputs[0], last.step.relation.index, last.step.relation.inverse)
    left_out = set(shown.tolist()) - set(last.members.tolist())
    assert left_out
    for entity, weight in weights.items():
        by_all = expected.get(entity, 0.0) * (LEFT_OUT if entity in left_out else 1.0)
        assert weight == pytest.approx(by_all, abs=1e-6)


def test_what_the_graph_says_comes_first_and_scores_fall(kg: KnowledgeGraph, model: Path) -> None:
    answer = hybrid(kg, model).answer(QUERY)
    exact = Reasoner(kg, method="exact").answer(QUERY).ids
    assert set(answer.ids[: len(exact)]) == set(exact)
    assert list(answer.scores) == sorted(answer.scores, reverse=True)
    assert all(0 < score < 1 for score in answer.scores)
    assert answer.proofs[0].entity == answer.ranked[0]
    json.dumps(answer.to_dict())


@pytest.mark.parametrize("reply", ["I cannot say", RuntimeError("no connection")])
def test_where_the_model_fails_soft_logic_answers_and_says_so(
    kg: KnowledgeGraph, model: Path, reply: str | Exception
) -> None:
    options = LarkOptions(repairs=0, retries=0)
    completion = CompletionOptions(model=model, least=0.0)
    failed = Reasoner(kg, llm=ScriptedChatModel(reply), method="hybrid", options=options, completion=completion)
    answer = failed.answer(QUERY)
    alone = Reasoner(kg, method="complete", completion=completion).answer(QUERY)
    assert answer.error is None
    assert any("ranked without the language model" in note for note in answer.notes)
    assert answer.entities == alone.entities
    assert answer.scores == alone.scores


def test_numbers_and_whole_queries_are_answered_too(kg: KnowledgeGraph, model: Path) -> None:
    counted = hybrid(kg, model).answer(f"count({QUERY})")
    assert isinstance(counted.value, int)
    options = LarkOptions(prompting="whole")
    whole = Reasoner(
        kg, llm=faultless(), method="hybrid", options=options, completion=CompletionOptions(model=model, least=0.0)
    ).answer(QUERY)
    assert whole.error is None
    assert len(whole.ranked)


def test_a_score_is_the_sigmoid_of_the_weighed_signals() -> None:
    table = np.array([[1.0, 1.0, 0.9], [0.0, 0.2, 0.0], [0.0, 0.0, 0.5]])
    weights = RankingWeights(exact=3.0, soft=0.7, llm=0.4, bias=-0.2)
    for row, score in zip(table, combined(table, weights), strict=True):
        z = 3.0 * row[0] + 0.7 * math.log(max(row[1], 1e-8)) + 0.4 * math.log(row[2] + 1e-4) - 0.2
        assert score == pytest.approx(1 / (1 + math.exp(-z)))
    assert features(table).shape == (3, 3)


def test_fitted_weights_trust_the_signal_that_tells_right_from_wrong() -> None:
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
    write_weights(tmp_path, {None: RankingWeights(bias=-1.0), "2p": RankingWeights(llm=2.0)})
    assert read_weights(tmp_path) == {None: RankingWeights(bias=-1.0), "2p": RankingWeights(llm=2.0)}
    before = hybrid(kg, model).answer(QUERY).scores
    write_weights(model, {"2p": RankingWeights(exact=4.0, soft=1.0, llm=0.25, bias=-3.0)})
    try:
        after = hybrid(kg, model).answer(QUERY).scores
    finally:
        (model / WEIGHTS_FILE).unlink()
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
    completion = CompletionOptions(model=model)
    QueryEvaluation(
        dataset, dataset / "queries", "hard", method="hybrid", llm=faultless(), split="valid", completion=completion
    ).run(out=out)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    for line in lines:
        assert len(line["signals"]["hard"]) <= len(line["hard_ranks"])
        assert all(len(row) == 3 for rows in line["signals"].values() for row in rows)
    arguments = ["complete", "weigh", "--kg", str(dataset), "--results", str(out), "--model", str(model)]
    try:
        assert main(arguments) == 0
        told = json.loads(capsys.readouterr().out)
        assert told.keys() == {"other", *(line["type"] for line in lines)}
        assert read_weights(model)[None] == RankingWeights(**told["other"])
    finally:
        (model / WEIGHTS_FILE).unlink()
    other = fit(kg, QUICK, "rules", tmp_path / "other").folder
    assert main([*arguments[:-1], str(other)]) == 2
    assert "was made with the link predictor" in capsys.readouterr().err
    out.write_text("")
    assert main(arguments) == 2
    assert "holds no signals" in capsys.readouterr().err


def test_a_line_without_its_signals_is_told(dataset: Path, kg: KnowledgeGraph, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "lines.jsonl"
    evaluation = QueryEvaluation(
        dataset, dataset / "queries", "hard", method="hybrid", llm=faultless(), split="valid", limit=1,
        completion=CompletionOptions(model=model),
    )  # fmt: skip
    evaluation.run(out)
    first, *rest = out.read_text().splitlines()
    line = json.loads(first)
    del line["signals"]["hard"]
    out.write_text("\n".join([json.dumps(line), *rest]) + "\n")
    with pytest.raises(EvaluationError, match=r"lines.jsonl, line 1: no signals as hybrid writes them"):
        fit_ranking_weights(out, kg, model)


def test_a_run_goes_on_with_the_weights_that_it_began_with(
    dataset: Path, kg: KnowledgeGraph, model: Path, tmp_path: Path
) -> None:
    out, completion = tmp_path / "lines.jsonl", CompletionOptions(model=model)
    evaluation = QueryEvaluation(
        dataset, dataset / "queries", "hard", method="hybrid", llm=faultless(), split="valid", limit=1,
        completion=completion,
    )  # fmt: skip
    evaluation.run(out)
    write_weights(model, {None: RankingWeights(bias=-1.0)})
    try:
        with pytest.raises(EvaluationError, match="ranking was null, now"):
            evaluation.run(out, resume=True)
    finally:
        (model / WEIGHTS_FILE).unlink()
    evaluation.run(out, resume=True)


def test_an_answer_of_the_model_that_soft_logic_does_not_give_has_no_proof(tmp_path: Path) -> None:
    kg = KnowledgeGraph.from_triples([("a", "r", "b"), ("b", "r", "c"), ("c", "s", "a"), ("d", "s", "b")])
    answer = hybrid(kg, fit(kg, QUICK, "rules", tmp_path / "rules").folder).answer('r("a")')
    given = answer.ranked.tolist()
    assert given == [list(kg.entity_labels).index("b")]
    every = replace(answer, ranked=np.concatenate([np.setdiff1d(kg.universe, answer.ranked), answer.ranked]))
    assert [proof.entity for proof in every.proofs] == given
    assert [edge.to_list() for edge in every.evidence] == [["a", "r", "b"]]
