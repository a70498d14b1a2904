from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reasoning.lm.generation import Writing
from reasoning.parsing.reader import JOB
from tests.reasoning.word_models import word_model
from training.learners import prepare_writer
from training.loop import LOG_FILE, Progress, TrainingError
from training.question_phrases import load_domains
from training.question_sampling import ExampleSampler, SampledPack
from training.questions import QuestionCurriculum, QuestionOptions, train_questions


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return word_model(tmp_path_factory.mktemp("words"))


def options(model: Path, tokens: int) -> QuestionOptions:
    return QuestionOptions(
        source=str(model),
        layers=2,
        rank=2,
        tokens=tokens,
        tokens_of_a_pass=512,
        report_every=1000,
        held_out=1,
        binding=1,
    )


@pytest.mark.slow
def test_a_run_writes_its_log_and_an_adapter_and_goes_on_where_it_was_killed(model: Path, tmp_path: Path) -> None:
    said: list[str] = []

    def killed(line: str) -> None:
        said.append(line)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_questions(options(model, 2500), tmp_path, killed)
    report = train_questions(options(model, 2500), tmp_path, said.append)
    assert any(line.startswith("going on from") for line in said)
    with pytest.raises(TrainingError, match="a run with other rank"):
        train_questions(replace(options(model, 2500), rank=4), tmp_path, print)
    lines = [json.loads(line) for line in (tmp_path / LOG_FILE).read_text(encoding="utf-8").splitlines()]
    assert [line["tokens"] for line in lines] == sorted({line["tokens"] for line in lines})
    assert lines[-1]["tokens"] >= 2500
    assert lines[-1]["held_out_exact"] == {kind: round(value, 4) for kind, value in report.exact.items()}
    written = Writing.read(tmp_path / "checkpoint", JOB)
    assert (written.layers, written.job) == (2, "queries")
    assert written.temperature != 1.0


class Questions:
    """Written questions about a graph, of which only how often they come is of interest."""

    questions = ("one",)

    def __init__(self, sampled: SampledPack) -> None:
        self.packs, self._sampled = 0, sampled

    def pack(self, rng: random.Random) -> SampledPack:
        self.packs += 1
        return self._sampled


def test_lists_that_a_run_is_made_for_come_as_often_as_all_others(model: Path) -> None:
    domains, taught = load_domains(), options(model, 2500)
    sampled = ExampleSampler(domains, random.Random(0)).pack()
    others, foremost = [Questions(sampled) for _ in range(9)], Questions(sampled)
    lists: Any = others, [foremost]
    curriculum = QuestionCurriculum(domains, taught, prepare_writer(JOB, taught, None, "cpu").tokens, *lists)
    for update in range(60):
        curriculum.next_pass(Progress(updates=update, tokens=2))
    packs = sum(graph.packs for graph in others)
    assert 0.35 < foremost.packs / (packs + foremost.packs) < 0.65
