"""The official queries of the field, where the data folder has them: set algebra reads all answers, guesses none."""

from pathlib import Path

import pytest

from reasoning.evaluation.question_files import read_questions
from reasoning.evaluation.runs import QueryEvaluation
from reasoning.graph.store import KnowledgeGraph

# Over n entities an answer that is not given stands at about n / 2.
FOLDERS = {"fb15k-237-q2b": (9, 14_505), "nell995-betae": (14, 63_361)}


@pytest.fixture(params=FOLDERS)
def folder(request: pytest.FixtureRequest, data_root: Path) -> Path:
    path = data_root / "kg" / str(request.param)
    if not (path / "queries").is_dir():
        pytest.skip(f"needs the queries of {request.param} in {path}")
    return path


@pytest.mark.slow
def test_reading_is_exact_and_hard_answers_are_not_read_off(folder: Path) -> None:
    types, entities = FOLDERS[folder.name]
    result = QueryEvaluation(folder, folder / "queries", "reading", limit=20).run()
    assert result["count"] == types * 20
    assert {row["exact_match"] for row in result["per_type"].values()} == {1.0}
    result = QueryEvaluation(folder, folder / "queries", "hard", limit=20).run()
    for row in result["per_type"].values():
        assert row["mrr"] == pytest.approx(2 / entities, rel=0.2) and row["hits@10"] == 0.0


@pytest.mark.slow
def test_few_metaqa_questions_have_lost_their_answers(data_root: Path) -> None:
    folder = data_root / "kg" / "metaqa"
    if not folder.is_dir():
        pytest.skip(f"needs MetaQA in {folder}")
    for hops in (1, 2, 3):
        records, left_out = read_questions(folder / f"{hops}-hop" / "qa_dev.txt", KnowledgeGraph.load(folder), 500)
        assert len(records) + left_out == 500 and left_out <= 50
