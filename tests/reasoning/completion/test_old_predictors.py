"""Link predictors that version 0.1.0 kept on disk: read as before, or refused with what to do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from reasoning import KnowledgeGraph
from reasoning.completion.complete import RankingWeights, read_weights
from reasoning.completion.fitted import FORMAT, MANIFEST, find_predictor, load_predictor
from reasoning.errors import CompletionError

KEPT = Path(__file__).parents[2] / "data" / "version-0.1.0" / "predictor"


@pytest.fixture
def kg() -> KnowledgeGraph:
    parents = [(f"p{i}", "parent", f"p{i + 1}") for i in range(6)]
    children = [(f"p{i + 1}", "child", f"p{i}") for i in range(5)]
    return KnowledgeGraph.from_triples([*parents, *children, ("p0", "knows", "p5"), ("p5", "knows", "p0")], "old")


def test_it_is_read_and_is_as_sure_as_it_was(kg: KnowledgeGraph) -> None:
    predictor = load_predictor(KEPT, kg)
    assert predictor.digest == "6c60b33c74759143"
    sure = predictor.confidence(0, np.array([0, 3], dtype=np.int32), np.ones(2))
    assert sure[0] == pytest.approx([0.05113, 0.72799, 0.03574, 0.06373, 0.15528, 0.17043, 0.09881], abs=1e-5)
    assert sure[1, 4] == pytest.approx(0.69231, abs=1e-5)
    assert read_weights(KEPT) == {None: RankingWeights(4.0, 0.9, 0.2, 0.4)}


def test_one_of_another_format_is_refused_with_what_to_do(
    kg: KnowledgeGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path))
    folder = tmp_path / "completion" / "old-v1" / "model"
    shutil.copytree(KEPT, folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "format": 1}))
    expected = rf"is of format 1, and this version of Skylark reads format {FORMAT}; train it again"
    with pytest.raises(CompletionError, match=expected):
        load_predictor(folder, kg)
    with pytest.raises(CompletionError, match=f"{expected}.*train one: "):
        find_predictor(kg)
