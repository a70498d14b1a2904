"""What was fitted on a graph: kept, found again, and refused where it fits another, is damaged or is of old."""

import errno
import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reasoning import KnowledgeGraph, Reasoner
from reasoning.cli import main
from reasoning.completion.complete import RankingWeights, read_weights
from reasoning.completion.fitted import (
    EMBEDDINGS,
    FORMAT,
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
from reasoning.completion.predictor import CompletionOptions, Fingerprint, TrainingOptions, suited_options
from reasoning.completion.training import NoMemoryError, best_epoch, train
from reasoning.errors import CompletionError
from reasoning.evaluation.runs import QueryEvaluation
from reasoning.query.tree import Query
from tests.reasoning.completion.conftest import QUICK

WORK = [(f"p{i}", "works at", f"firm {i % 3}") for i in range(12)]
LIVES = [(f"p{i}", "lives in", f"town {i % 3}") for i in range(11)]


def asked(kg: KnowledgeGraph, options: CompletionOptions, question: str = '"lives in"("p11")') -> list[str]:
    return Reasoner(kg, method="complete", completion=options).answer(question).entities


@pytest.mark.slow
def test_what_was_fitted_is_found_again(kg: KnowledgeGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path))
    with pytest.raises(CompletionError, match=r"no link predictor is fitted.*complete train --kg .* --split train$"):
        find_predictor(kg)
    made = fit(kg, QUICK)
    assert made.folder.is_relative_to(tmp_path)
    found = find_predictor(kg)
    assert found.digest == made.predictor.digest
    sources, degrees = np.arange(5, dtype=np.int32), np.array([1, 2, 0, 1, 1])
    assert np.array_equal(found.confidence(3, sources, degrees), made.predictor.confidence(3, sources, degrees))


def test_larger_graphs_are_served_and_lesser_refused(
    dataset: Path, kg: KnowledgeGraph, fitted: Fitted, tmp_path: Path
) -> None:
    larger = KnowledgeGraph.load(dataset, ("train", "valid"))
    assert load_predictor(fitted.folder, larger).digest == fitted.predictor.digest
    assert load_predictor(fitted.folder.parent, larger).digest == fitted.predictor.digest
    made = fit(larger, QUICK, "complex", tmp_path / "larger")
    with pytest.raises(CompletionError) as told:
        load_predictor(made.folder, kg)
    assert f"trained on {len(larger) - len(kg):,} edges that the given graph lacks" in str(told.value)
    assert str(Fingerprint.of(larger)) in str(told.value) and str(Fingerprint.of(kg)) in str(told.value)
    options = CompletionOptions(model=made.folder)
    with pytest.raises(CompletionError, match="edges that the given graph lacks"):
        QueryEvaluation(
            dataset, dataset / "queries", "hard", method="complete", split="valid", completion=options
        ).run()
    other = KnowledgeGraph.from_triples([("a", "r", "b")], name="other")
    with pytest.raises(CompletionError, match="fitted on another graph") as told:
        load_predictor(fitted.folder, other)
    assert str(Fingerprint.of(other)) in str(told.value) and str(Fingerprint.of(kg)) in str(told.value)


def test_a_predictor_that_is_given_is_refused_as_one_on_disk_is_and_predicts_a_changed_graph() -> None:
    """It goes by the numbers of entities and relations, and those of another graph mean something else."""
    triples = [("a", "r", "b"), ("b", "r", "c"), ("c", "s", "a")]
    trained = KnowledgeGraph.from_triples(triples, name="trained")
    options = CompletionOptions(model=predict_by_rules(trained))
    others = {
        "fitted on another graph": KnowledgeGraph.from_triples([("x", "r", "y")], name="other"),
        "trained on 1 edges that the given graph lacks": KnowledgeGraph.from_triples([*triples[:2], ("c", "s", "b")]),
    }
    for said, kg in others.items():
        with pytest.raises(CompletionError, match=f"the link predictor that is given was {said}") as told:
            asked(kg, options, 'r("x")')
        assert str(Fingerprint.of(trained)) in str(told.value) and str(Fingerprint.of(kg)) in str(told.value)
    assert asked(KnowledgeGraph.from_triples([*triples, ("a", "s", "b")]), options, 's("a")') == ["b"]
    kg = KnowledgeGraph.from_triples(WORK + LIVES[:-1]).changed(add=[LIVES[-1], ("p12", "works at", "firm 0")])
    options = CompletionOptions(model=predict_by_rules(kg), least=0.01)
    answer = Reasoner(kg, method="complete", completion=options).answer('"lives in"("p12")')
    assert answer.entities[0] == "town 0" and 0 < answer.scores[0] < 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"remove": [("p3", "works at", "firm 0")]}, "trained on 1 edges that the given graph lacks"),
        ({"add": [("p99", "works at", "firm 0")]}, "was fitted on another graph"),
        ({"add": [("p3", "likes", "p4")]}, "was fitted on another graph"),
    ],
    ids=["an edge less", "an entity more", "a relation more"],
)
def test_a_predictor_that_no_longer_fits_is_refused(change: dict[str, Any], message: str) -> None:
    kg = KnowledgeGraph.from_triples(WORK + LIVES)
    options = CompletionOptions(model=predict_by_rules(kg), least=0.01)
    with pytest.raises(CompletionError) as refused:
        asked(kg.changed(**change), options)
    assert message in str(refused.value)
    assert str(refused.value).endswith("the graph was changed since: train one on it as it is now")
    assert asked(kg.changed(add=[("p11", "lives in", "town 0")]), options)[0] == "town 0"


def test_the_kept_predictor_is_not_taken_for_the_changed_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path))
    kg = KnowledgeGraph.from_triples(WORK + LIVES)
    fit(kg, TrainingOptions(), "rules")
    changed = kg.changed(add=[("p99", "works at", "firm 0")])
    assert find_predictor(kg).rules is not None
    with pytest.raises(CompletionError, match="1 fitted before its entities or relations changed; train one"):
        find_predictor(changed)
    fit(changed, TrainingOptions(), "rules")
    assert find_predictor(changed).rules is not None


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        *((name, "") for name in (MANIFEST, TRIPLES, EMBEDDINGS, "rules")),
        ({"tables": None}, "tables: Field required"),
        ({"count": "many"}, "count: Input should be a valid integer"),
        ({"splits": 1}, "splits: Input should be a valid list"),
    ],
)
def test_what_is_damaged_is_told_and_does_not_stand_in_the_way_of_others(
    kg: KnowledgeGraph, fitted: Fitted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: Any, said: str
) -> None:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path))
    with pytest.raises(CompletionError, match="holds no fitted link predictor"):
        load_predictor(tmp_path, kg)
    damaged, whole = (tmp_path / "completion" / name / "model" for name in ("a-damaged", "whole"))
    for folder in (damaged, whole):
        shutil.copytree(fitted.folder, folder)
    if isinstance(broken, dict):
        manifest = json.loads((damaged / MANIFEST).read_text()) | broken
        written = {key: value for key, value in manifest.items() if value is not None}
        (damaged / MANIFEST).write_text(json.dumps(written))
    elif broken == "rules":
        shutil.rmtree(damaged / broken)
    else:
        (damaged / broken).write_bytes(b"{")
    with pytest.raises(CompletionError, match=f"is damaged.*{said}"):
        load_predictor(damaged, kg)
    assert find_predictor(kg).folder == whole
    if broken == EMBEDDINGS:
        (damaged / broken).unlink()
        with pytest.raises(CompletionError, match="is damaged"):
            load_predictor(damaged, kg)


@pytest.mark.parametrize(
    ("module", "error"),
    [
        ("safetensors.torch.load_file", RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")),
        ("safetensors.torch.load_file", OSError(errno.ENOMEM, "Cannot allocate memory")),
        ("numpy.load", MemoryError()),
    ],
)
def test_a_predictor_that_memory_does_not_suffice_for_is_not_called_damaged(
    fitted: Fitted, kg: KnowledgeGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, error: Exception
) -> None:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path))
    folder = shutil.copytree(fitted.folder, tmp_path / "completion" / "made" / "model")

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(module, fails)
    with pytest.raises(NoMemoryError, match="memory ran out while the link predictor") as told:
        load_predictor(folder, kg)
    assert "damaged" not in str(told.value)
    with pytest.raises(NoMemoryError):
        find_predictor(kg)


def test_a_predictor_that_cannot_be_written_is_told(fitted: Fitted, kg: KnowledgeGraph, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CompletionError, match="cannot be written"):
        save_predictor(tmp_path / "file" / "model", kg, fitted.predictor, {})


def test_a_small_graph_is_trained_on_all_of_it(kg: KnowledgeGraph, tmp_path: Path) -> None:
    made = fit(kg, replace(QUICK, refit=True), "complex", tmp_path / "refit")
    epochs = best_epoch(tmp_path / "refit" / RUN)
    alone = train(kg, replace(QUICK, epochs=epochs), tmp_path / "alone", whole=True)
    assert made.predictor.embeddings is not None
    assert np.array_equal(made.predictor.embeddings.entities.numpy(), alone.entities.numpy())
    again = fit(kg, replace(QUICK, refit=True), "complex", tmp_path / "refit")
    assert again.predictor.digest == made.predictor.digest


class TestOfVersion010:
    """Link predictors that version 0.1.0 kept on disk: read as before, or refused with what to do."""

    KEPT = Path(__file__).parents[2] / "data" / "version-0.1.0" / "predictor"

    @pytest.fixture
    def kg(self) -> KnowledgeGraph:
        parents = [(f"p{i}", "parent", f"p{i + 1}") for i in range(6)]
        children = [(f"p{i + 1}", "child", f"p{i}") for i in range(5)]
        return KnowledgeGraph.from_triples([*parents, *children, ("p0", "knows", "p5"), ("p5", "knows", "p0")], "old")

    def test_it_is_read_and_is_as_sure_as_it_was(self, kg: KnowledgeGraph) -> None:
        predictor = load_predictor(self.KEPT, kg)
        assert predictor.digest == "6c60b33c74759143"
        sure = predictor.confidence(0, np.array([0, 3], dtype=np.int32), np.ones(2))
        assert sure[0] == pytest.approx([0.05113, 0.72799, 0.03574, 0.06373, 0.15528, 0.17043, 0.09881], abs=1e-5)
        assert sure[1, 4] == pytest.approx(0.69231, abs=1e-5)
        assert read_weights(self.KEPT) == {None: RankingWeights(4.0, 0.9, 0.2, 0.4)}

    def test_another_format_is_refused(
        self, kg: KnowledgeGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path))
        folder = shutil.copytree(self.KEPT, tmp_path / "completion" / "old-v1" / "model")
        manifest = json.loads((folder / MANIFEST).read_text())
        (folder / MANIFEST).write_text(json.dumps({**manifest, "format": 1}))
        expected = rf"is of format 1, and this version of Skylark reads format {FORMAT}; train it again"
        with pytest.raises(CompletionError, match=expected):
            load_predictor(folder, kg)
        with pytest.raises(CompletionError, match=f"{expected}.*train one: "):
            find_predictor(kg)


class TestCommands:
    def test_the_command_to_train_one_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        with pytest.raises(CompletionError, match=r"train one: fit\(kg, suited_options\(len\(kg\)\)\)"):
            find_predictor(KnowledgeGraph.from_triples([("a", "r", "b")], name="a"))

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
        assert "not in the graph" in capsys.readouterr().out

    def test_wrong_options_are_told(self, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        for option, value, said in (
            ("--split", "trian", "trian"),
            ("--parts", "rule", "parts must be one of both, complex, rules"),
            ("--device", "gpu", "device must be"),
        ):
            asked = ["complete", "train", "--kg", str(dataset), "--out", str(tmp_path / "out"), "--epochs", "1"]
            assert main([*asked, option, value]) in (1, 2)
            assert said in capsys.readouterr().err
