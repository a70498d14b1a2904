"""Training link predictors: loss, gradients, ranks; runs killed, gone on with, damaged, stopped; what is refused.

ComplEx is trained in a moment on a small drawn graph.
"""

import json
import math
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from reasoning import KnowledgeGraph
from reasoning.completion import training
from reasoning.completion.embeddings import ComplEx, TrainingPairs, split_triples
from reasoning.completion.fitted import fit
from reasoning.completion.predictor import (
    SMALL,
    CompletionOptions,
    TrainingOptions,
    rank_among,
    rank_links,
    suited_options,
)
from reasoning.completion.training import (
    CHECKPOINT,
    LOG_FILE,
    OPTIONS_FILE,
    PROGRESS_FILE,
    STATE_FILE,
    backward,
    best_epoch,
    claim,
    train,
    training_lock,
)
from reasoning.errors import CompletionError
from reasoning.graph.index import TripleIndex

ANSWERING = (("least", 1.5), ("floor", -0.1), ("negation", 0.0), ("negation", math.inf), ("most_bytes", 0))
QUICK = TrainingOptions(rank=8, epochs=6, batch=16, check_every=2, patience=9, held_out=0.1)
OFTEN_CHECKED = replace(QUICK, epochs=400, check_every=1, patience=2, learning_rate=0.5)


def graph(seed: int = 0) -> KnowledgeGraph:
    rng = random.Random(seed)
    names = [f"e{number:02}" for number in range(20)]
    drawn = [(rng.choice(names), f"r{rng.randrange(3)}", rng.choice(names)) for _ in range(120)]
    return KnowledgeGraph.from_triples(drawn + [(name, "r0", names[0]) for name in names])


def trained(kg: KnowledgeGraph, run: Path, options: TrainingOptions = QUICK, **more: Any) -> ComplEx:
    return train(kg, options, run, **more)


def checks_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / LOG_FILE).read_text().splitlines()]


def triples_of(pairs: TrainingPairs) -> list[tuple[int, int, int]]:
    columns = (pairs.sources[pairs.rows], pairs.relations[pairs.rows], pairs.targets)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "run"


def test_questions_hold_every_triple_and_what_is_held_out_leaves_something_to_learn_from() -> None:
    kg = graph()
    asked = TrainingPairs.of(kg.index.whole)
    triples = kg.index.whole.triples().tolist()
    assert set(triples_of(asked)) == {(h, 2 * r, t) for h, r, t in triples} | {(t, 2 * r + 1, h) for h, r, t in triples}
    some = asked.pick(np.array([5, 2, 7]))
    for place, question in enumerate((5, 2, 7)):
        assert some.sources[place] == asked.sources[question]
        mine = some.targets[some.starts[place] : some.starts[place + 1]]
        assert mine.tolist() == asked.targets[asked.starts[question] : asked.starts[question + 1]].tolist()
    triples = np.array([[0, 0, tail] for tail in range(1, 8)] + [[1, 0, 2]], dtype=np.int32)
    whole = TrainingPairs.of(TripleIndex.build(triples, 8, 1))
    cut = whole.cut(3)
    assert cut.counts.max() == 3
    assert len(cut) == len(whole) + 2, "seven targets are three, three and one"
    assert triples_of(cut) == triples_of(whole)
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


def test_scores_are_those_of_the_definition_and_ties_take_the_expected_rank() -> None:
    model = ComplEx.drawn(6, 2, 3, 1.0, 0, "cpu")
    tables = (model.entities, model.relations)
    entities, relations = (torch.complex(*table.detach().chunk(2, dim=1)) for table in tables)
    found = model.scores(3, np.array([4, 1], dtype=np.int32))
    for row, source in enumerate((4, 1)):
        expected = (entities[source] * relations[3] * entities.conj()).sum(dim=1).real
        assert found[row] == pytest.approx(expected.numpy(), abs=1e-5)
    a, b, c = range(3)
    table = np.array([[0.0, 3.0, 2.0, 2.0, 1.0, 2.0]], dtype=np.float32)
    asked = TrainingPairs(np.array([a], np.int32), np.array([0], np.int32), np.array([0, 1]), np.array([c], np.int32))
    only_b = TripleIndex.build(np.array([[a, 0, b]], np.int32), 6, 1)
    # b is filtered; two others tie with c: ranks 1, 2 and 3, 2 on the mean.
    ranking = rank_links(lambda relation, sources: table, asked, only_b)
    assert ranking.mrr == pytest.approx(1 / 2)
    assert ranking.hits == {1: 0.0, 3: 1.0, 10: 1.0}
    scores = np.array([0.5, np.nan, 0.1, 0.2], dtype=np.float32)  # what is no number ranks last
    assert rank_among(scores, np.array([1], dtype=np.int32), np.zeros(0, dtype=np.int32)).tolist() == [4]


@pytest.mark.slow
def test_memory_that_does_not_suffice_is_told_before_and_on_the_way(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rank = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // (4 * 5 * 20 * 2)
    with pytest.raises(CompletionError, match=r"need .* GiB for 20 entities.*smaller --rank"):
        trained(graph(), run, replace(QUICK, rank=rank))
    trained(graph(), run, replace(QUICK, epochs=1))

    def full(*_: object) -> float:
        raise MemoryError

    monkeypatch.setattr(training, "backward", full)
    with pytest.raises(CompletionError, match="not enough memory for rank 8 and batches of 16"):
        trained(graph(), run)


@pytest.mark.parametrize("facts", ["a r b", "a r a", "a r b,b r c,c r a,a once c"])
def test_the_smallest_graphs_can_be_trained_on(facts: str, run: Path) -> None:
    triples = [(head, relation, tail) for head, relation, tail in map(str.split, facts.split(","))]
    model = trained(KnowledgeGraph.from_triples(triples), run)
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
        *(({name: value}, name) for name, value in ANSWERING),
    ],
)
def test_options_out_of_range_are_refused(given: dict[str, Any], said: str) -> None:
    kind = CompletionOptions if said in given else TrainingOptions
    with pytest.raises(CompletionError, match=said):
        kind(**given)


def test_options_suit_a_small_graph_and_a_large_one_and_what_is_given_stays() -> None:
    for triples in (0, 1, 1_592, 5_216, SMALL - 1):
        options = suited_options(triples)
        assert min(300, 0.1 * triples) - 1 <= options.held_out * triples and options.held_out <= 0.1
        # A question has a triple at least, and both directions make questions.
        assert 16 <= options.batch <= max(16, triples / 128) and options.refit
    assert suited_options(SMALL) == TrainingOptions()
    given = suited_options(100, batch=7, refit=False, rank=3)
    assert (given.batch, given.refit, given.rank) == (7, False, 3)
    assert given.nuclear == suited_options(100).nuclear
    with pytest.raises(CompletionError, match="rank must be at least 1"):
        suited_options(100, rank=0)


# Runs on disk ----------------------------------------------------------------------------------------------------


class Killed(Exception):
    pass


def killing(start: str) -> Callable[[str], None]:
    """Ends the training once it says a line that begins so."""

    def kill(line: str) -> None:
        if line.startswith(start):
            raise Killed

    return kill


def goes_on_from(run: Path, epochs: int) -> None:
    said: list[str] = []
    trained(graph(), run, say=said.append)
    assert f"{epochs} epochs done" in said[0]


def test_a_run_that_was_killed_at_any_check_ends_with_the_same_embeddings(tmp_path: Path) -> None:
    whole = trained(graph(), tmp_path / "whole")
    checks = checks_of(tmp_path / "whole")
    assert [check["epoch"] for check in checks] == [2, 4, 6]
    memory = [check["memory"] for check in checks]
    assert memory == sorted(memory) and memory[0] > 1 << 26, "the most so far, of a process with torch in it"
    for killed_at in (2, 4):
        run, said = tmp_path / f"killed-{killed_at}", list[str]()
        with pytest.raises(Killed):
            trained(graph(), run, say=killing(f"epoch {killed_at}:"))
        again = trained(graph(), run, say=said.append)
        assert f"{killed_at} epochs done" in said[0]
        assert torch.equal(again.entities, whole.entities) and torch.equal(again.relations, whole.relations)


def test_a_run_killed_within_an_epoch_goes_on_within_it(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(graph(), tmp_path / "whole")
    monkeypatch.setattr(training, "SAVED_EVERY", 0.0)
    with pytest.raises(Killed):
        trained(graph(), run, say=killing("epoch 1: 4 of"))
    assert torch.equal(trained(graph(), run).entities, whole.entities)


def test_a_stopped_training_goes_on_from_the_checkpoint_before(run: Path) -> None:
    claim(run, replace(QUICK, rank=4), "fingerprint")  # of a run that never saved anything
    for epochs in (2, 4):
        trained(graph(), run, replace(QUICK, epochs=epochs))
    with pytest.raises(CompletionError, match=r"holds a run with rank 8 and not 9.*--out.*--anew"):
        trained(graph(), run, replace(QUICK, rank=9))
    with pytest.raises(CompletionError, match=r"triples [0-9a-f]+/[0-9a-f]+ and not [0-9a-f]+/"):
        trained(graph(seed=1), run)
    trained(graph(), run, replace(QUICK, epochs=4))
    (run / CHECKPOINT).rename(run / f"{CHECKPOINT}.old")
    (run / f"{CHECKPOINT}.part").mkdir()
    (run / f"{CHECKPOINT}.part" / STATE_FILE).write_bytes(b"half")
    goes_on_from(run, 4)


def test_training_stops_where_held_out_links_are_ranked_no_better(run: Path) -> None:
    trained(graph(), run, OFTEN_CHECKED)
    found = [check["held_out"]["mrr"] for check in checks_of(run)]
    assert len(found) == found.index(max(found)) + 1 + 2 < 400
    assert best_epoch(run) == checks_of(run)[found.index(max(found))]["epoch"]
    trained(graph(), run, replace(OFTEN_CHECKED, patience=4))
    assert len(checks_of(run)) >= len(found) + 2
    trained(graph(), run, OFTEN_CHECKED)
    with pytest.raises(CompletionError, match=r"cannot be read.*--anew"):
        best_epoch(run / "none")


@pytest.mark.slow
def test_a_run_on_the_whole_graph_does_all_epochs_on_every_triple_and_survives_a_kill(tmp_path: Path) -> None:
    kg = KnowledgeGraph.from_triples([(f"e{i}", "r", f"e{(7 * i + 3) % 30}") for i in range(30)])
    # With so much patience spent a run with checks would have stopped, and could not know what it had never met.
    options = TrainingOptions(rank=24, epochs=60, batch=16, check_every=10, patience=1, held_out=0.5, nuclear=0.001)
    model = trained(kg, tmp_path / "run", options, whole=True)
    assert best_epoch(tmp_path / "run") == 60
    assert rank_links(model.scores, TrainingPairs.of(kg.index.whole), kg.index.whole).mrr > 0.95
    with pytest.raises(Killed):
        trained(kg, tmp_path / "killed", options, whole=True, say=killing("epoch 30:"))
    again = trained(kg, tmp_path / "killed", options, whole=True)
    assert torch.equal(again.entities, model.entities)


def test_numbers_that_run_away_are_told(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CompletionError, match=r"embeddings have no scores in epoch 1.*--learning-rate than 1e\+30"):
        trained(graph(), run, replace(QUICK, epochs=1, batch=10_000, learning_rate=1e30))
    assert not (run / CHECKPOINT).exists()
    trained(graph(), run, replace(QUICK, epochs=2))
    monkeypatch.setattr(training, "backward", lambda *_: float("nan"))
    with pytest.raises(CompletionError, match=r"the loss is nan in epoch 3.*--learning-rate than 0.1"):
        trained(graph(), run)
    monkeypatch.undo()
    goes_on_from(run, 2)


def test_a_checkpoint_that_cannot_be_written_is_told(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise SafetensorError("No space left on device")

    trained(graph(), run, replace(QUICK, epochs=2))
    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(CompletionError, match=r"cannot be written.*No space left on device.*the one before stays"):
        trained(graph(), run)
    monkeypatch.undo()
    goes_on_from(run, 2)


def test_damage_of_a_run_is_told(run: Path) -> None:
    trained(graph(), run, replace(QUICK, epochs=2))
    progress = json.loads((run / CHECKPOINT / PROGRESS_FILE).read_text())
    for name, content, said in (
        (f"{CHECKPOINT}/{PROGRESS_FILE}", json.dumps({**progress, "best_mrr": "x"}), "cannot be read.*best_mrr is 'x'"),
        (f"{CHECKPOINT}/{STATE_FILE}", "no tensors", "cannot be read.*--anew"),
        (OPTIONS_FILE, '{"rank": ', r"options.json is damaged.*--anew"),
        (OPTIONS_FILE, "[]", r"options.json is damaged.*--anew"),
    ):
        whole = (run / name).read_bytes()
        (run / name).write_text(content)
        with pytest.raises(CompletionError, match=said):
            trained(graph(), run)
        (run / name).write_bytes(whole)


def test_one_process_at_a_time_trains_in_a_folder_and_one_begins_anew(tmp_path: Path) -> None:
    options = replace(QUICK, epochs=1)
    with training_lock(tmp_path), pytest.raises(CompletionError, match="another process trains in"):
        fit(graph(), options, "complex", tmp_path)
    assert fit(graph(), options, "complex", tmp_path).folder.is_dir()
    (tmp_path / "thesis.txt").write_text("mine")
    fit(graph(), replace(options, rank=4), "complex", tmp_path, anew=True)
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    (tmp_path / "file").write_text("")
    said: list[str] = []
    with pytest.raises(CompletionError, match="cannot be written: Not a directory"):
        fit(graph(), QUICK, "both", tmp_path / "file" / "out", say=said.append)
    assert not said
