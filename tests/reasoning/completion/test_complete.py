"""Method complete from training to answers: what is kept and found again, what is refused, and what is told."""

from __future__ import annotations

import errno
import json
import math
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.cli import main
from reasoning.completion import predictor as predictor_module
from reasoning.completion.embeddings import TrainingPairs, split_triples
from reasoning.completion.fitted import (
    EMBEDDINGS,
    MANIFEST,
    RUN,
    TRIPLES,
    Fitted,
    find_predictor,
    fit,
    load_predictor,
    predict_by_rules,
    save_predictor,
)
from reasoning.completion.options import CompletionOptions, TrainingOptions, suited_options
from reasoning.completion.predictor import (
    ENOUGH,
    TRIED_RULES,
    Fingerprint,
    Weights,
    fit_weights,
    link_ranks,
    rank_among,
    rank_links,
    scorer_of,
)
from reasoning.completion.rule_model import RulePredictor
from reasoning.completion.training import NoMemoryError, best_epoch, train
from reasoning.errors import CompletionError
from reasoning.evaluation.runs import QueryEvaluation
from reasoning.graph.index import TripleIndex
from tests.reasoning.made_dataset import make_dataset

QUICK = TrainingOptions(rank=8, epochs=10, batch=32, check_every=5, held_out=0.1)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("made") / "made", 6)


@pytest.fixture(scope="module")
def train_graph(dataset: Path) -> KnowledgeGraph:
    return KnowledgeGraph.load(dataset, ("train",))


@pytest.fixture(scope="module")
def fitted(train_graph: KnowledgeGraph, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    return fit(train_graph, QUICK, out=tmp_path_factory.mktemp("fitted") / "made")


@pytest.mark.slow
def test_what_was_fitted_is_found_beside_the_cache(
    train_graph: KnowledgeGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path))
    with pytest.raises(CompletionError, match=r"no link predictor is fitted.*complete train --kg .* --split train$"):
        find_predictor(train_graph)
    made = fit(train_graph, QUICK)
    assert made.folder.is_relative_to(tmp_path)
    found = find_predictor(train_graph)
    assert found.digest == made.predictor.digest
    sources, degrees = np.arange(5, dtype=np.int32), np.array([1, 2, 0, 1, 1])
    assert np.array_equal(found.confidence(3, sources, degrees), made.predictor.confidence(3, sources, degrees))


def test_it_serves_a_larger_graph_with_the_same_tables(dataset: Path, fitted: Fitted) -> None:
    larger = KnowledgeGraph.load(dataset, ("train", "valid"))
    assert load_predictor(fitted.folder, larger).digest == fitted.predictor.digest
    assert load_predictor(fitted.folder.parent, larger).digest == fitted.predictor.digest


def test_a_predictor_that_saw_an_edge_which_the_graph_lacks_is_refused(dataset: Path, tmp_path: Path) -> None:
    larger = KnowledgeGraph.load(dataset, ("train", "valid"))
    smaller = KnowledgeGraph.load(dataset, ("train",))
    made = fit(larger, QUICK, "complex", tmp_path / "larger")
    lacking = len(larger) - len(smaller)
    with pytest.raises(CompletionError) as told:
        load_predictor(made.folder, smaller)
    assert f"trained on {lacking:,} edges that the given graph lacks" in str(told.value)
    assert str(Fingerprint.of(larger)) in str(told.value)
    assert str(Fingerprint.of(smaller)) in str(told.value)
    with pytest.raises(CompletionError, match="edges that the given graph lacks"):
        QueryEvaluation(
            dataset,
            dataset / "queries",
            "hard",
            method="complete",
            split="valid",
            completion=CompletionOptions(model=made.folder),
        ).run()


def test_a_predictor_of_another_graph_is_refused_with_both_fingerprints(
    fitted: Fitted, train_graph: KnowledgeGraph
) -> None:
    other = KnowledgeGraph.from_triples([("a", "r", "b")], name="other")
    with pytest.raises(CompletionError, match="fitted on another graph") as told:
        load_predictor(fitted.folder, other)
    assert str(Fingerprint.of(other)) in str(told.value)
    assert str(Fingerprint.of(train_graph)) in str(told.value)


def test_a_predictor_that_is_given_is_refused_as_one_on_disk_is() -> None:
    """It goes by the numbers of entities and relations, and those of another graph mean something else."""
    larger = [("a", "r", "b"), ("b", "r", "c"), ("c", "s", "a")]
    trained = KnowledgeGraph.from_triples(larger, name="trained")
    others = {
        "fitted on another graph": KnowledgeGraph.from_triples([("x", "r", "y")], name="other"),
        "trained on 1 edges that the given graph lacks": KnowledgeGraph.from_triples([*larger[:2], ("c", "s", "b")]),
    }
    options = CompletionOptions(model=predict_by_rules(trained))
    for said, kg in others.items():
        with pytest.raises(CompletionError, match=f"the link predictor that is given was {said}") as told:
            Reasoner(kg, method="complete", completion=options).answer('r("x")')
        assert str(Fingerprint.of(trained)) in str(told.value)
        assert str(Fingerprint.of(kg)) in str(told.value)


def test_a_predictor_that_is_given_serves_a_graph_that_holds_all_that_it_was_trained_on() -> None:
    triples = [("a", "r", "b"), ("b", "r", "c"), ("c", "s", "a")]
    options = CompletionOptions(model=predict_by_rules(KnowledgeGraph.from_triples(triples)))
    larger = KnowledgeGraph.from_triples([*triples, ("a", "s", "b")])
    assert Reasoner(larger, method="complete", completion=options).answer('s("a")').entities == ["b"]


@pytest.mark.parametrize("broken", [MANIFEST, TRIPLES, "embeddings.safetensors"])
def test_damage_is_told(fitted: Fitted, train_graph: KnowledgeGraph, tmp_path: Path, broken: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(fitted.folder, copy)
    (copy / broken).write_bytes(b"{")
    with pytest.raises(CompletionError, match="is damaged"):
        load_predictor(copy, train_graph)


def test_a_folder_without_a_predictor_is_told(train_graph: KnowledgeGraph, tmp_path: Path) -> None:
    with pytest.raises(CompletionError, match="holds no fitted link predictor"):
        load_predictor(tmp_path, train_graph)


def test_the_command_that_trains_one_is_said_and_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "two words.csv"
    path.write_text("name,team,town\n" + "".join(f"P{i},T{i % 3},Q{i % 3}\n" for i in range(30)))
    kg = KnowledgeGraph.load(path, table=True)
    with pytest.raises(CompletionError) as told:
        find_predictor(kg)
    *_, command = str(told.value).partition("train one: python -m reasoning ")
    assert shlex.split(command) == ["complete", "train", "--kg", str(path), "--table"]
    assert main([*shlex.split(command), "--parts", "rules"]) == 0
    assert find_predictor(kg).rules is not None


def test_a_graph_that_no_command_can_name_is_fitted_by_a_call() -> None:
    kg = KnowledgeGraph.from_triples([("a", "r", "b")], name="a")
    with pytest.raises(CompletionError, match=r"train one: fit\(kg, suited_options\(len\(kg\)\)\)"):
        find_predictor(kg)


@pytest.mark.parametrize(
    ("module", "error"),
    [
        ("safetensors.torch.load_file", RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")),
        ("safetensors.torch.load_file", OSError(errno.ENOMEM, "Cannot allocate memory")),
        ("numpy.load", MemoryError()),
    ],
)
def test_a_predictor_that_memory_does_not_suffice_for_is_not_called_damaged(
    fitted: Fitted,
    train_graph: KnowledgeGraph,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    error: Exception,
) -> None:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path))
    folder = shutil.copytree(fitted.folder, tmp_path / "completion" / "made" / "model")

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(module, fails)
    with pytest.raises(NoMemoryError, match="memory ran out while the link predictor") as told:
        load_predictor(folder, train_graph)
    assert "damaged" not in str(told.value)
    with pytest.raises(NoMemoryError):
        find_predictor(train_graph)


def test_evidence_is_the_belief_of_the_embeddings_and_what_rules_say(
    fitted: Fitted, train_graph: KnowledgeGraph
) -> None:
    predictor = replace(fitted.predictor, weights=Weights(0.3))
    sources, degrees = train_graph.universe[:7], np.linspace(0.1, 7, 7)
    assert predictor.embeddings is not None
    assert predictor.rules is not None
    scores = predictor.embeddings.scores(1, sources).astype(float)
    belief = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    ruled = predictor.rules.scores(1, sources).astype(float)
    expected = 1 - np.exp(-belief * degrees[:, None]) * (1 - ruled) ** 0.3
    assert predictor.confidence(1, sources, degrees) == pytest.approx(expected, abs=1e-5)
    unseen = replace(predictor, seen=predictor.seen & (np.arange(train_graph.entity_count) != sources[0]))
    found = unseen.confidence(1, sources, degrees)
    assert np.all(found[0] == 0)
    assert np.all(found[:, sources[0]] == 0)


def test_parts_are_weighed_by_what_neither_has_met(train_graph: KnowledgeGraph, fitted: Fitted) -> None:
    sizes = train_graph.entity_count, train_graph.relation_count
    kept, held = split_triples(train_graph.index.whole, QUICK.held_out, QUICK.seed)
    held = held[np.random.default_rng(QUICK.seed).permutation(len(held))]
    without = RulePredictor.fit(TripleIndex.build(kept, *sizes), *sizes)
    told = TrainingPairs.of(TripleIndex.build(held[len(held) // 2 :], *sizes))
    assert fitted.held_out["rules"] == rank_links(without.scores, told, train_graph.index.whole)
    assert fitted.predictor.rules is not None
    assert fitted.predictor.rules.digest == RulePredictor.fit(train_graph.index.whole, *sizes).digest


def test_the_chosen_weight_is_the_least_that_ranks_what_is_held_out_nearly_best(
    train_graph: KnowledgeGraph, fitted: Fitted
) -> None:
    held = split_triples(train_graph.index.whole, 0.05, 1)[1]
    asked = TrainingPairs.of(TripleIndex.build(held, train_graph.entity_count, train_graph.relation_count))

    def mean(weights: Weights) -> float:
        scorer = scorer_of(replace(fitted.predictor, weights=weights), train_graph.index.whole)
        return float(np.mean(np.log(np.concatenate(list(link_ranks(scorer, asked, train_graph.index.whole))))))

    chosen = fit_weights(fitted.predictor, asked, train_graph.index.whole, 0)
    tried = [mean(Weights(rules)) for rules in TRIED_RULES]
    enough = [
        weight for weight, found in zip(TRIED_RULES, tried, strict=True) if found <= min(tried) + math.log(ENOUGH)
    ]
    assert chosen.rules == min(enough)
    assert max(tried) > min(tried) + math.log(ENOUGH)


def test_a_small_graph_is_trained_on_all_of_it_for_as_many_epochs_as_were_best(
    train_graph: KnowledgeGraph, tmp_path: Path
) -> None:
    made = fit(train_graph, replace(QUICK, refit=True), "complex", tmp_path / "refit")
    epochs = best_epoch(tmp_path / "refit" / RUN)
    alone = train(train_graph, replace(QUICK, epochs=epochs), tmp_path / "alone", whole=True)
    assert made.predictor.embeddings is not None
    assert np.array_equal(made.predictor.embeddings.entities.numpy(), alone.entities.numpy())
    again = fit(train_graph, replace(QUICK, refit=True), "complex", tmp_path / "refit")
    assert again.predictor.digest == made.predictor.digest


def test_an_entity_never_seen_in_training_keeps_what_the_graph_says(tmp_path: Path) -> None:
    triples = [(f"e{i}", "r", f"e{(i * 3 + 1) % 12}") for i in range(12)]
    folder = tmp_path / "dataset"
    folder.mkdir()
    for split, rows in (("train", triples), ("valid", [("late", "r", "e1")]), ("test", [("e3", "r", "e5")])):
        (folder / f"{split}.txt").write_text("".join("\t".join(row) + "\n" for row in rows))
    train, full = KnowledgeGraph.load(folder, ("train",)), KnowledgeGraph.load(folder, ("train", "valid"))
    made = fit(train, QUICK, out=tmp_path / "fitted")
    answer = Reasoner(full, method="complete", completion=CompletionOptions(model=made.folder, least=0.0)).answer(
        'r("late")'
    )
    assert answer.entities == ["e1"]
    assert answer.scores == (1.0,)


def test_known_answers_are_certain_and_come_first_and_least_cuts_the_others(
    train_graph: KnowledgeGraph, fitted: Fitted
) -> None:
    query = Query.from_record({"query": [5, [0, 2]]})
    exact = set(Reasoner(train_graph, method="exact").answer(query).ids)
    everything = Reasoner(
        train_graph, method="complete", completion=CompletionOptions(model=fitted.folder, least=0.0)
    ).answer(query)
    assert exact
    assert set(everything.ids[: len(exact)]) == exact
    assert everything.scores[: len(exact)] == (1.0,) * len(exact)
    assert list(everything.scores) == sorted(everything.scores, reverse=True)
    assert len(everything.ids) > len(exact)
    certain = Reasoner(train_graph, method="complete", completion=CompletionOptions(model=fitted.folder, least=1.0))
    assert set(certain.answer(query).ids) == exact


def test_an_answer_tells_its_proofs(train_graph: KnowledgeGraph, fitted: Fitted) -> None:
    options = CompletionOptions(model=fitted.folder, least=0.0, floor=0.0)
    told = (
        Reasoner(train_graph, method="complete", completion=options)
        .answer(Query.from_record({"query": [5, [0, 2]]}))
        .to_dict()
    )
    assert told["method"] == "complete"
    assert [step["by"] for step in told["steps"]] == ["completion", "completion"]
    for answer, proof in zip(told["answers"], told["proofs"], strict=False):
        assert proof["entity"] == answer["entity"]
        assert proof["confidence"] == pytest.approx(answer["score"], abs=1e-5)
        assert [one["step"] for one in proof["assignments"]] == [1, 2]
        assert len(proof["edges"]) in (1, 2)
        for edge in proof["edges"]:
            assert edge["known"] == (edge["confidence"] == 1)
    assert any(not edge["known"] for proof in told["proofs"] for edge in proof["edges"])
    json.dumps(told)


def test_numbers_count_what_is_likely(train_graph: KnowledgeGraph, fitted: Fitted) -> None:
    options = CompletionOptions(model=fitted.folder)
    reasoner = Reasoner(train_graph, method="complete", completion=options)
    text = str(Query.from_record({"query": [5, [0]]}))
    listed = reasoner.answer(text)
    counted = reasoner.answer(f"count({text})")
    assert counted.value == len(listed.ids) > 0
    assert reasoner.answer(f"exists({text})").value is True


def test_values_rank_and_compare_likely_members(tmp_path: Path) -> None:
    triples = [(f"e{i}", "r", f"e{(i * 3 + 1) % 9}") for i in range(9)]
    kg = KnowledgeGraph.from_triples([*triples, *((f"e{i}", "size", i) for i in range(9))])
    made = fit(kg, QUICK, out=tmp_path / "fitted")
    reasoner = Reasoner(kg, method="complete", completion=CompletionOptions(model=made.folder, floor=1.0))
    exact = Reasoner(kg, method="exact")
    for text in (
        'size("e3")',
        'size(r("e0" | "e1")) > 2',
        'top(2, size, r("e0" | "e1" | "e2"))',
        'bottom(1, size, !"e0")',
    ):
        got, expected = reasoner.answer(text), exact.answer(text)
        assert got.entities == expected.entities
        assert got.values == expected.values
        assert got.value == expected.value
        assert got.evidence


def test_rules_alone_need_no_training_and_no_folder() -> None:
    people = [f"p{i}" for i in range(12)]
    towns = ["north", "south", "west"]
    triples = [(name, "lives_in", towns[i % 3]) for i, name in enumerate(people)]
    triples += [(name, "born_in", towns[i % 3]) for i, name in enumerate(people[:-1])]
    kg = KnowledgeGraph.from_triples(triples)
    options = CompletionOptions(model=predict_by_rules(kg), least=0.3)
    answer = Reasoner(kg, method="complete", completion=options).answer('born_in("p11")')
    assert answer.entities == ["west"]
    assert 0.3 < answer.scores[0] < 1
    assert [edge.known for edge in answer.evidence] == [False]
    assert answer.sentence.startswith("Likely, though the graph does not say all of it")
    certain = Reasoner(kg, method="complete", completion=replace(options, least=1.0)).answer('born_in("p11")')
    assert certain.sentence.startswith("The graph does not say, nor make it likely, that")


class TestEvaluation:
    @pytest.mark.slow
    def test_hard_answers_are_ranked_and_reading_takes_what_is_likely(self, dataset: Path, fitted: Fitted) -> None:
        options = CompletionOptions(model=fitted.folder)
        hard = QueryEvaluation(
            dataset, dataset / "queries", "hard", method="complete", split="valid", limit=4, completion=options
        ).run()
        assert hard["settings"]["predictor"] == fitted.predictor.digest
        assert hard["settings"]["least"] == 0.0
        assert hard["errors"] == 0
        assert hard["avg_p"]["mrr"] > 0.02
        exact = QueryEvaluation(dataset, dataset / "queries", "hard", method="exact", split="valid", limit=4).run()
        assert hard["avg_p"]["mrr"] > exact["avg_p"]["mrr"]
        certain = QueryEvaluation(
            dataset,
            dataset / "queries",
            "reading",
            method="complete",
            split="valid",
            limit=4,
            completion=replace(options, least=1.0, negation=1.0),
        ).run()
        assert certain["avg_p"]["exact_match"] == 1.0

    def test_a_stopped_run_goes_on(self, dataset: Path, fitted: Fitted, tmp_path: Path) -> None:
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


class TestCommands:
    def test_train_then_query(
        self, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path))
        quick = ["--rank", "4", "--epochs", "3", "--batch", "32", "--held-out", "0.1"]
        assert main(["complete", "train", "--kg", str(dataset), "--split", "train", *quick, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["held_out"].keys() == {"together", "complex", "rules"}
        options = json.loads((Path(told["folder"]) / MANIFEST).read_text())["options"]
        small = suited_options(len(KnowledgeGraph.load(dataset, ("train",))))
        assert (options["batch"], options["nuclear"], options["refit"]) == (32, small.nuclear, small.refit)
        query = str(Query.from_record({"query": [5, [0]]}))
        assert main(["query", "--kg", str(dataset), "--method", "complete", "--least", "0", query]) == 0
        text = capsys.readouterr().out
        assert "not in the graph" in text

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            (["--split", "trian"], "trian"),
            (["--parts", "rule"], "parts must be one of both, complex, rules"),
            (["--device", "gpu"], "device must be"),
        ],
    )
    def test_wrong_options_are_told(
        self, dataset: Path, tmp_path: Path, more: list[str], said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        arguments = ["complete", "train", "--kg", str(dataset), "--out", str(tmp_path / "out"), "--epochs", "1", *more]
        assert main(arguments) in (1, 2)
        assert said in capsys.readouterr().err


def test_the_first_queries_of_each_type_can_be_left_out(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "lines.jsonl"
    QueryEvaluation(dataset, dataset / "queries", "reading", split="valid", limit=2, skip=3).run(out=out)
    ids = [json.loads(line)["id"] for line in out.read_text().splitlines()]
    assert {identifier.split(":")[1] for identifier in ids} == {"3", "4"}
    assert len(ids) == 2 * 14


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tables": None}, "tables: Field required"),
        ({"count": "many"}, "count: Input should be a valid integer"),
        ({"splits": 1}, "splits: Input should be a valid list"),
    ],
)
def test_a_damaged_manifest_is_told_and_does_not_stand_in_the_way_of_others(
    train_graph: KnowledgeGraph,
    fitted: Fitted,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, object],
    said: str,
) -> None:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path))
    for name in ("a-damaged", "whole"):
        shutil.copytree(fitted.folder, tmp_path / "completion" / name / "model")
    damaged = tmp_path / "completion" / "a-damaged" / "model"
    manifest = json.loads((damaged / MANIFEST).read_text()) | change
    written = {key: value for key, value in manifest.items() if value is not None}
    (damaged / MANIFEST).write_text(json.dumps(written))
    with pytest.raises(CompletionError, match=f"is damaged.*{said}"):
        load_predictor(damaged, train_graph)
    assert find_predictor(train_graph).folder == tmp_path / "completion" / "whole" / "model"


@pytest.mark.parametrize("lost", [EMBEDDINGS, "rules"])
def test_a_predictor_that_lost_a_part_is_not_used_without_it(
    train_graph: KnowledgeGraph, fitted: Fitted, tmp_path: Path, lost: str
) -> None:
    folder = shutil.copytree(fitted.folder, tmp_path / "model")
    (folder / lost).unlink() if lost == EMBEDDINGS else shutil.rmtree(folder / lost)
    with pytest.raises(CompletionError, match="is damaged"):
        load_predictor(folder, train_graph)


def test_a_predictor_that_cannot_be_written_is_told(
    fitted: Fitted, train_graph: KnowledgeGraph, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CompletionError, match="cannot be written"):
        save_predictor(tmp_path / "file" / "model", train_graph, fitted.predictor, {})


def test_weights_are_fitted_where_one_question_has_more_targets_than_are_tried(
    train_graph: KnowledgeGraph, fitted: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictor_module, "TRIED", 1)
    held = TrainingPairs.of(train_graph.index.whole)
    hub = held.pick(np.array([int(np.argmax(held.counts))]))
    assert hub.counts[0] > 1
    tried: list[int] = []
    monkeypatch.setattr(predictor_module, "rank_among", lambda *given: tried.append(1) or rank_among(*given))
    fit_weights(fitted.predictor, hub, train_graph.index.whole, 0)
    assert len(tried) == len(TRIED_RULES)
