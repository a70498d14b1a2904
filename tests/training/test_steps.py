import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reasoning import KnowledgeGraph, LarkOptions
from reasoning.graph.content import Relation
from reasoning.lark.prompts import OPERATION_WORDS
from reasoning.lm.candidate_scoring import load_student
from reasoning.lm.mark_scheme import MarkScheme
from tests.reasoning.chat_models import ScriptedChatModel, faultless
from tests.reasoning.word_models import word_model
from training.learners import prepare
from training.loop import (
    CHECKPOINT,
    LOG_FILE,
    OPTIONS_FILE,
    STATE_FILE,
    TrainingError,
    claimed,
    last_checkpoint,
    plan_epochs,
)
from training.steps import (
    STEP_KINDS,
    ChatTeacher,
    Graphs,
    ModelTeacher,
    SelfAnswers,
    StepExample,
    StepKind,
    StepOptions,
    StepSampler,
    random_graph,
    train_steps,
)

GRAPHS = [random_graph(random.Random(seed)) for seed in range(3)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return word_model(tmp_path_factory.mktemp("words"))


@pytest.fixture(scope="module")
def scheme(model: Path) -> MarkScheme:
    return prepare(StepOptions(source=str(model), layers=2), OPERATION_WORDS)[1].marks.scheme


def sampled(scheme: MarkScheme, kind: StepKind, count: int = 20) -> list[StepExample]:
    sampler = StepSampler(GRAPHS, scheme, random.Random(7), most_answers=12, token_budget=150)
    return [sampler.sample(kind) for _ in range(count)]


COMBINED: dict[str, Callable[..., set[int]]] = {
    "intersect": set.intersection, "union": set.union, "difference": set.difference,
}  # fmt: skip


@pytest.mark.parametrize("kind", STEP_KINDS)
def test_the_teachers_marks_are_what_the_step_asks_for(scheme: MarkScheme, kind: StepKind) -> None:
    some = False
    for step in sampled(scheme, kind):
        given = set(step.sheet.candidates[step.keep.astype(bool)].tolist())
        if step.triples is None:
            assert given == COMBINED[step.operation](*map(set, step.sets))
        else:
            assert step.relation is not None
            near, far = (2, 0) if step.relation.inverse else (0, 2)
            rows = [row for row in step.triples.tolist() if row[1] == step.relation.index and row[near] in step.sources]
            assert given == {row[far] for row in rows}
        some |= bool(given) and not step.keep.all()
    assert some or kind == "union", "no step has both, answers and others, so that nothing was to be told apart"


def test_steps_have_distractors_and_some_have_no_answer_the_same_for_the_same_seed(scheme: MarkScheme) -> None:
    steps, others = (sampled(scheme, "project from one", 80) for _ in range(2))
    assert np.mean([1 - step.keep.mean() for step in steps]) > 0.4
    assert any(not step.keep.any() for step in steps)
    assert [step.sheet.tokens.tolist() for step in steps] == [step.sheet.tokens.tolist() for step in others]
    for seed in range(20):
        kg: KnowledgeGraph = random_graph(random.Random(seed))
        assert kg.entity_count <= 300 and kg.relation_count <= 15 and len(kg) >= 20


def test_a_chat_model_without_fault_marks_as_the_executor_does_and_is_asked_for_a_number_of_steps(
    scheme: MarkScheme, model: Path, tmp_path: Path
) -> None:
    steps = [step for kind in STEP_KINDS for step in sampled(scheme, kind, 6)]
    taught = ChatTeacher(faultless(), LarkOptions(), random.Random(0)).taught(steps)
    assert len(taught) == len(steps)
    for own, exact in zip(taught, steps, strict=True):
        assert own.keep.tolist() == exact.keep.tolist()
    prose = ChatTeacher(ScriptedChatModel("I do not know."), LarkOptions(repairs=0), random.Random(0))
    assert prose.taught(sampled(scheme, "union", 2)) == []
    options = StepOptions(source=str(model), layers=2)
    with pytest.raises(TrainingError, match="needs `unique`"):
        train_steps(Graphs(GRAPHS, GRAPHS), options, tmp_path, print, teacher=prose)


def test_sets_before_a_step_may_be_the_students_own_answers(model: Path) -> None:
    _, student = prepare(StepOptions(source=str(model), layers=2), OPERATION_WORDS)
    kg, relation = GRAPHS[0], Relation("edges", 0)
    sources = kg.index.block(0, False)[0][:1]
    exact = kg.index.project(sources, 0, False)
    own = [SelfAnswers(student, share, random.Random(1))(kg, sources, relation).tolist() for share in (0.0, 1.0)]
    assert own[0] == exact.tolist()
    assert own[1] != exact.tolist(), "a model of random weights marked without fault"


def run(model: Path, out: Path, tokens: int, start: Path | None = None, **changed: Any) -> list[str]:
    small: dict[str, Any] = {"layers": 2, "tokens_of_a_pass": 200, "report_every": 1000, "held_out": 2, **changed}
    options = StepOptions(source=str(model), tokens=tokens, most_answers=10, token_budget=96, **small)
    said: list[str] = []
    train_steps(Graphs(GRAPHS[:2], GRAPHS[2:]), options, out, said.append, start=start)
    return said


def weights(out: Path) -> dict[str, np.ndarray]:
    from safetensors.torch import load_file

    loaded = load_file(out / CHECKPOINT / "adapter_model.safetensors")
    return {name: value.float().numpy() for name, value in loaded.items()}


@pytest.mark.slow
def test_a_student_learns_the_steps_it_is_shown_and_the_log_says_how_often(model: Path, tmp_path: Path) -> None:
    said = run(model, tmp_path, 6000, unique=4, learning_rate=5e-3)
    lines = [json.loads(line) for line in (tmp_path / LOG_FILE).read_text().splitlines()]
    assert lines[-1]["loss"] < lines[0]["loss"]
    unique = {round(line["tokens"] / line["epochs"]) for line in map(json.loads, said[1:])}
    assert max(unique) - min(unique) <= 1
    assert said[0].startswith(f"4 steps: {plan_epochs(max(unique), 6000)}"[:20])


@pytest.mark.slow
def test_a_run_goes_on_from_the_adapter_alone_and_teaches_others(model: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    run(model, first, 300)
    with pytest.raises(TrainingError, match="other rank"):
        run(model, first, 300, rank=4)
    teacher = ModelTeacher(student := load_student(first / CHECKPOINT, str(model)))
    (step,) = teacher.taught(sampled(student.marks.scheme, "union", 1))
    assert step.keep.dtype == np.float32 and ((step.keep > 0) & (step.keep < 1)).all()
    (first / CHECKPOINT / STATE_FILE).write_bytes(b"half")
    with pytest.raises(TrainingError, match=r"is damaged.*delete it to go on from the adapter alone"):
        run(model, first, 300)
    (first / CHECKPOINT / STATE_FILE).unlink()
    run(model, second, 1, start=first / CHECKPOINT, learning_rate=1e-9)
    before, after = weights(first), weights(second)
    for name, value in before.items():
        np.testing.assert_allclose(after[name], value, atol=1e-3)
    (first / CHECKPOINT).rename(first / f"{CHECKPOINT}.old")
    (first / f"{CHECKPOINT}.part").mkdir()
    assert last_checkpoint(first) == first / f"{CHECKPOINT}.old", "between two renames the older one counts"


OPTIONS_OF_0_1_0 = {
    "source": None, "layers": 12, "rank": 16, "learning_rate": 0.002, "tokens": 1000000, "tokens_of_a_pass": 512,
    "dtype": "float32", "most_answers": 40, "token_budget": 1024, "grown": 0.0, "joint": 0.0, "unique": None,
    "report_every": 50000, "held_out": 24, "seed": 0,
}  # fmt: skip


def test_a_run_of_0_1_0_may_go_on(tmp_path: Path) -> None:
    (tmp_path / OPTIONS_FILE).write_text(json.dumps(OPTIONS_OF_0_1_0))
    with claimed(tmp_path, StepOptions()):
        pass
    with pytest.raises(TrainingError, match="a run with other layers"), claimed(tmp_path, StepOptions(layers=6)):
        pass
    for text in ("", "5"):
        (tmp_path / OPTIONS_FILE).write_text(text)
        with pytest.raises(TrainingError, match=r"damaged.*new folder"), claimed(tmp_path, StepOptions()):
            pass


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"layers": 0}, "layers"), ({"joint": 2.0}, "share"), ({"dtype": "int8"}, "dtype"), ({"token_budget": 3}, "64")],
)
def test_options_out_of_range_are_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        StepOptions(**changed)  # type: ignore[arg-type]
