"""Runs of a training on disk: killed, gone on with, damaged, shared, thrown away, and stopped where they should."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from reasoning import KnowledgeGraph
from reasoning.completion import training
from reasoning.completion.embeddings import TrainingPairs
from reasoning.completion.fitted import fit
from reasoning.completion.options import TrainingOptions
from reasoning.completion.predictor import rank_links
from reasoning.completion.training import (
    CHECKPOINT,
    LOG_FILE,
    OPTIONS_FILE,
    PROGRESS_FILE,
    STATE_FILE,
    best_epoch,
    claim,
    training_lock,
)
from reasoning.errors import CompletionError
from tests.reasoning.quick_training import QUICK, graph, trained


class Killed(Exception):
    pass


def test_a_run_that_was_killed_at_any_check_ends_with_the_same_embeddings(tmp_path: Path) -> None:
    kg = graph()
    whole = trained(kg, tmp_path / "whole")
    lines = (tmp_path / "whole" / LOG_FILE).read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [2, 4, 6]
    memory = [json.loads(line)["memory"] for line in lines]
    assert memory == sorted(memory) and memory[0] > 1 << 26, "the most so far, of a process with torch in it"
    for killed_at in (2, 4):

        def kill(line: str, at: str = f"epoch {killed_at}:") -> None:
            if line.startswith(at):
                raise Killed

        run = tmp_path / f"killed-{killed_at}"
        with pytest.raises(Killed):
            trained(kg, run, say=kill)
        said: list[str] = []
        again = trained(kg, run, say=said.append)
        assert f"{killed_at} epochs done" in said[0]
        assert torch.equal(again.entities, whole.entities)
        assert torch.equal(again.relations, whole.relations)


def test_a_run_that_was_killed_within_an_epoch_goes_on_within_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kg = graph()
    whole = trained(kg, tmp_path / "whole")
    monkeypatch.setattr(training, "SAVED_EVERY", 0.0)
    seen: list[str] = []

    def kill(line: str) -> None:
        seen.append(line)
        if len(seen) == 4:
            raise Killed

    with pytest.raises(Killed):
        trained(kg, tmp_path / "run", say=kill)
    assert "4 of" in seen[-1]
    again = trained(kg, tmp_path / "run")
    assert torch.equal(again.entities, whole.entities)


def test_a_checkpoint_being_written_when_the_process_dies_leaves_the_one_before(tmp_path: Path) -> None:
    kg = graph()
    run = tmp_path / "run"
    trained(kg, run, replace(QUICK, epochs=4))
    (run / CHECKPOINT).rename(run / f"{CHECKPOINT}.old")
    (run / f"{CHECKPOINT}.part").mkdir()
    (run / f"{CHECKPOINT}.part" / STATE_FILE).write_bytes(b"half")
    said: list[str] = []
    trained(kg, run, say=said.append)
    assert "4 epochs done" in said[0]


def test_more_epochs_may_be_asked_but_nothing_else_changed(tmp_path: Path) -> None:
    kg = graph()
    trained(kg, tmp_path / "run", replace(QUICK, epochs=2))
    trained(kg, tmp_path / "run", replace(QUICK, epochs=4))
    with pytest.raises(CompletionError, match=r"rank 8 and not 9.*--out.*--anew"):
        trained(kg, tmp_path / "run", replace(QUICK, rank=9))
    with pytest.raises(CompletionError, match=r"triples [0-9a-f]+/[0-9a-f]+ and not [0-9a-f]+/"):
        trained(graph(seed=1), tmp_path / "run")


def test_training_stops_where_held_out_links_are_ranked_no_better(tmp_path: Path) -> None:
    options = replace(QUICK, epochs=400, check_every=1, patience=2, learning_rate=0.5)
    trained(graph(), tmp_path / "run", options)
    checks = [json.loads(line) for line in (tmp_path / "run" / LOG_FILE).read_text().splitlines()]
    best = max(check["held_out"]["mrr"] for check in checks)
    first_best = next(place for place, check in enumerate(checks) if check["held_out"]["mrr"] == best)
    assert len(checks) < 400
    assert len(checks) == first_best + 1 + 2


@pytest.mark.slow
def test_a_run_on_the_whole_graph_does_all_epochs_on_every_triple_and_survives_a_kill(tmp_path: Path) -> None:
    names = [f"e{number}" for number in range(30)]
    kg = KnowledgeGraph.from_triples([(names[i], "r", names[(7 * i + 3) % 30]) for i in range(30)])
    # With so much patience spent a run with checks would have stopped, and could not know what it had never met.
    options = TrainingOptions(rank=24, epochs=60, batch=16, check_every=10, patience=1, held_out=0.5, nuclear=0.001)
    model = trained(kg, tmp_path / "run", options, whole=True)
    assert best_epoch(tmp_path / "run") == 60
    assert rank_links(model.scores, TrainingPairs.of(kg.index.whole), kg.index.whole).mrr > 0.95

    def kill(line: str) -> None:
        if line.startswith("epoch 30:"):
            raise Killed

    with pytest.raises(Killed):
        trained(kg, tmp_path / "killed", options, whole=True, say=kill)
    again = trained(kg, tmp_path / "killed", options, whole=True)
    assert torch.equal(again.entities, model.entities)


def test_the_best_check_of_a_run_is_told_and_its_absence_too(tmp_path: Path) -> None:
    trained(graph(), tmp_path / "run", replace(QUICK, epochs=400, check_every=1, patience=2, learning_rate=0.5))
    checks = [json.loads(line) for line in (tmp_path / "run" / LOG_FILE).read_text().splitlines()]
    assert best_epoch(tmp_path / "run") == max(checks, key=lambda check: check["held_out"]["mrr"])["epoch"]
    with pytest.raises(CompletionError, match=r"cannot be read.*--anew"):
        best_epoch(tmp_path / "none")


def test_numbers_that_run_away_are_told_and_the_last_checkpoint_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kg = graph()
    trained(kg, tmp_path / "run", replace(QUICK, epochs=2))
    monkeypatch.setattr(training, "backward", lambda *_: float("nan"))
    with pytest.raises(CompletionError, match=r"the loss is nan in epoch 3.*--learning-rate than 0.1"):
        trained(kg, tmp_path / "run")
    monkeypatch.undo()
    said: list[str] = []
    trained(kg, tmp_path / "run", say=said.append)
    assert "2 epochs done" in said[0]


def test_embeddings_that_ran_away_in_the_last_update_before_a_check_are_not_kept(tmp_path: Path) -> None:
    options = replace(QUICK, epochs=1, batch=10_000, learning_rate=1e30)
    with pytest.raises(CompletionError, match=r"embeddings have no scores in epoch 1.*--learning-rate than 1e\+30"):
        trained(graph(), tmp_path / "run", options)
    assert not (tmp_path / "run" / CHECKPOINT).exists()


def test_a_run_that_never_saved_anything_may_be_given_other_options(tmp_path: Path) -> None:
    run = tmp_path / "run"
    claim(run, QUICK, "fingerprint")
    trained(graph(), run, replace(QUICK, rank=4, epochs=2))
    with pytest.raises(CompletionError, match="holds a run with rank 4 and not 8"):
        trained(graph(), run)


def test_a_finished_run_that_is_given_more_patience_goes_on(tmp_path: Path) -> None:
    options = replace(QUICK, epochs=400, check_every=1, patience=2, learning_rate=0.5)
    trained(graph(), tmp_path / "run", options)
    log = tmp_path / "run" / LOG_FILE
    before = len(log.read_text().splitlines())
    trained(graph(), tmp_path / "run", replace(options, patience=4))
    assert len(log.read_text().splitlines()) >= before + 2
    trained(graph(), tmp_path / "run", options)


def test_a_checkpoint_that_cannot_be_written_is_told_and_the_one_before_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(graph(), tmp_path / "run", replace(QUICK, epochs=2))

    def full(*_: object, **__: object) -> None:
        raise SafetensorError("No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(CompletionError, match=r"cannot be written.*No space left on device.*the one before stays"):
        trained(graph(), tmp_path / "run")
    monkeypatch.undo()
    said: list[str] = []
    trained(graph(), tmp_path / "run", say=said.append)
    assert "2 epochs done" in said[0]


@pytest.mark.parametrize("content", ['{"rank": ', "[]"])
def test_damaged_options_of_a_run_are_told(content: str, tmp_path: Path) -> None:
    trained(graph(), tmp_path / "run", replace(QUICK, epochs=2))
    (tmp_path / "run" / OPTIONS_FILE).write_text(content)
    with pytest.raises(CompletionError, match=r"options.json is damaged.*--anew"):
        trained(graph(), tmp_path / "run")


def test_damaged_progress_is_told(tmp_path: Path) -> None:
    trained(graph(), tmp_path / "run", replace(QUICK, epochs=2))
    progress = tmp_path / "run" / CHECKPOINT / PROGRESS_FILE
    progress.write_text(json.dumps({**json.loads(progress.read_text()), "best_mrr": "x"}))
    with pytest.raises(CompletionError, match=r"cannot be read.*best_mrr is 'x'"):
        trained(graph(), tmp_path / "run")


def test_one_process_at_a_time_trains_in_a_folder(tmp_path: Path) -> None:
    options = replace(QUICK, epochs=1)
    with training_lock(tmp_path), pytest.raises(CompletionError, match="another process trains in"):
        fit(graph(), options, "complex", tmp_path)
    assert fit(graph(), options, "complex", tmp_path).folder.is_dir()


def test_beginning_anew_throws_away_the_training_alone(tmp_path: Path) -> None:
    fit(graph(), replace(QUICK, epochs=1), "complex", tmp_path)
    (tmp_path / "thesis.txt").write_text("mine")
    fit(graph(), replace(QUICK, epochs=1, rank=4), "complex", tmp_path, anew=True)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_told_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said: list[str] = []
    with pytest.raises(CompletionError, match="cannot be written: Not a directory"):
        fit(graph(), QUICK, "both", tmp_path / "file" / "out", say=said.append)
    assert not said


def test_a_damaged_checkpoint_is_told(tmp_path: Path) -> None:
    kg = graph()
    trained(kg, tmp_path / "run", replace(QUICK, epochs=2))
    (tmp_path / "run" / CHECKPOINT / STATE_FILE).write_bytes(b"no tensors")
    with pytest.raises(CompletionError, match=r"cannot be read.*--anew"):
        trained(kg, tmp_path / "run")
