import json
import random
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reasoning import KnowledgeGraph, LarkOptions, Query, Reasoner
from reasoning.graph.content import Relation
from reasoning.lark.prompts import OPERATION_WORDS, projection_sheet, set_sheet
from reasoning.lark.steps import kept
from reasoning.lm import EmbeddedChatModel, LLMError
from reasoning.lm.candidate_scoring import MARKS_FILE, Marks, Sheet, Student, batches, load_student, shared
from reasoning.lm.low_rank import CONFIG_FILE, WEIGHTS_FILE, save_adapter
from reasoning.lm.mark_scheme import MarkScheme
from reasoning.query.chain import Operation
from tests.reasoning.word_models import word_model
from training.learners import prepare
from training.steps import StepOptions

TRIPLES = np.array([[1, 0, 2], [1, 1, 3], [4, 0, 5], [2, 0, 1]], dtype=np.int32)


@pytest.fixture(scope="session")
def model(words: Path) -> Path:
    return words


@pytest.fixture(scope="module")
def adapter(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter whose matrices are random, so that its marks are any."""
    import torch

    taught, student = prepare(StepOptions(source=str(model), layers=2), OPERATION_WORDS)
    for parameter in taught.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.3)
    folder = tmp_path_factory.mktemp("adapters") / "random"
    save_adapter(taught, folder)
    student.marks.write(folder)
    return folder


@pytest.fixture(scope="module")
def student(model: Path, adapter: Path) -> Student:
    return load_student(adapter, str(model))


@pytest.fixture(scope="module")
def scheme(student: Student) -> MarkScheme:
    return student.marks.scheme


def spelt(scheme: MarkScheme, sheet: Sheet) -> list[str]:
    return scheme.text(sheet.tokens).split()


def test_no_two_words_are_alike_and_a_scheme_is_the_same_when_it_is_read_back(
    scheme: MarkScheme, student: Student, tmp_path: Path
) -> None:
    assert len(set(scheme.words)) == len(scheme.words) >= 256
    assert not set(scheme.words) & {scheme.keep, scheme.drop, scheme.apart, *scheme.operations.values()}
    with pytest.raises(LLMError, match="not an adapter made by"):
        Marks.read(tmp_path)
    student.marks.write(tmp_path)
    assert Marks.read(tmp_path) == student.marks


@pytest.mark.parametrize(("inverse", "near", "far"), [(False, 0, 2), (True, 2, 0)])
def test_a_projection_asks_first_and_marks_behind_the_far_ends(
    scheme: MarkScheme, inverse: bool, near: int, far: int
) -> None:
    sheet = projection_sheet(scheme, [1, 4], Relation("edges", 0, inverse), TRIPLES, random.Random(0))
    said = spelt(scheme, sheet)
    assert said[0] == "find" and said[4] == ":"
    body = [said[5 + 3 * row : 8 + 3 * row] for row in range(len(TRIPLES))]
    named = {1: said[2], 4: said[3]}
    for triple, (start, relation, end) in zip(TRIPLES.tolist(), body, strict=True):
        assert named.setdefault(triple[near], start) == start
        assert named.setdefault(triple[far], end) == end
        assert (relation == said[1]) == (triple[1] == 0)
    assert len(set(named.values())) == len(named), "two entities share a word"
    assert sheet.places.tolist() == [7, 10, 13, 16]
    assert sheet.candidates.tolist() == TRIPLES[:, far].tolist()
    other = projection_sheet(scheme, [1, 4], Relation("edges", 0, inverse), TRIPLES, random.Random(1))
    assert sheet.tokens.tolist() != other.tokens.tolist(), "words are drawn anew for each sheet"


def test_a_set_operation_marks_what_may_be_an_answer(scheme: MarkScheme) -> None:
    cases: list[tuple[Operation, list[list[int]], list[int], str]] = [
        ("intersect", [[1, 2], [2, 3, 4]], [2, 3, 4], "both"),
        ("union", [[1, 2], [2, 3]], [1, 2, 2, 3], "either"),
        ("difference", [[1, 2, 3], [2]], [1, 2, 3], "without"),
    ]
    for operation, sets, candidates, first in cases:
        sheet = set_sheet(scheme, operation, sets, random.Random(0))
        said = spelt(scheme, sheet)
        assert said[0] == first and said.count(":") == 1
        assert sheet.candidates.tolist() == candidates
        by_entity: dict[int, set[str]] = {}
        for place, entity in zip(sheet.places.tolist(), candidates, strict=True):
            by_entity.setdefault(entity, set()).add(said[place])
        assert all(len(names) == 1 for names in by_entity.values())
        assert len(set().union(*by_entity.values())) == len(by_entity)
    members, scores = kept(np.array([7, 3, 7, 5], dtype=np.int32), np.array([0.2, 0.6, 0.9, 0.5]))
    assert (members.tolist(), scores.tolist()) == ([7, 3], [0.9, 0.6]), "of several marks the highest counts"


def some_sheets(scheme: MarkScheme) -> list[Sheet]:
    rng = random.Random(3)
    return [
        projection_sheet(scheme, [1], Relation("edges", 0, bool(number % 2)), TRIPLES[: 1 + number % 4], rng)
        for number in range(5)
    ] + [set_sheet(scheme, "intersect", [[1, 2, 3], [3, 4]], rng)]


def test_a_sheet_is_marked_the_same_alone_and_among_others(student: Student, scheme: MarkScheme) -> None:
    sheets, passes = some_sheets(scheme), shared(student)
    alone = [student.log_odds([sheet])[0] for sheet in sheets]
    for most in (1, 40, 10_000):
        for own, together in zip(alone, student.log_odds(sheets, most), strict=True):
            np.testing.assert_allclose(own, together, atol=1e-4)
    assert np.ptp(np.concatenate(alone)) > 0.01, "all marks are the same, so nothing was compared"
    with ThreadPoolExecutor(6) as pool:
        given = list(pool.map(lambda sheet: passes.ask([sheet], 60, lambda: False)[0], sheets * 4))
    for sheet, marks in zip(sheets * 4, given, strict=True):
        np.testing.assert_allclose(marks, student.probabilities([sheet])[0], atol=1e-5)
    found = batches(sheets, 30)
    assert sorted(position for batch in found for position in batch) == list(range(len(sheets)))
    assert all(len(batch) == 1 or sum(len(sheets[at]) for at in batch) <= 30 for batch in found)


def test_whoever_is_cancelled_or_waits_too_long_for_the_model_is_told(student: Student, scheme: MarkScheme) -> None:
    passes = shared(student)
    held, free = threading.Event(), threading.Event()
    with pytest.raises(LLMError, match="cancelled"):
        passes.ask(some_sheets(scheme), 60, lambda: True)

    def hold() -> bool:
        held.set()
        return not free.wait(20)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(passes.ask, some_sheets(scheme), 60, hold)
        assert held.wait(20)
        with pytest.raises(LLMError, match=r"held the model for 0\.05 s"):
            passes.ask(some_sheets(scheme), 0.05, lambda: False)
        free.set()
        assert len(first.result()) == len(some_sheets(scheme))


def made_graph() -> KnowledgeGraph:
    rng = random.Random(5)
    return KnowledgeGraph.from_triples(
        {(f"a{rng.randrange(30)}", f"r{rng.randrange(3)}", f"a{rng.randrange(30)}") for _ in range(200)}
    )


def reasoner(model: Path, adapter: Path | None, kg: KnowledgeGraph, **options: Any) -> Reasoner:
    llm = EmbeddedChatModel(source=str(model), adapter=None if adapter is None else str(adapter))
    return Reasoner(kg, llm=llm, method="lark", options=LarkOptions(**options))


QUERIES = ('r0("a1")', 'r1(r0("a1"))', 'r0("a1") & ~r1("a2")', 'r0("a1") | r1("a2")', 'r0("a1") & !r1("a2")')


def test_answers_by_marks_are_of_the_context_and_ranked_and_a_big_step_in_parts(model: Path, adapter: Path) -> None:
    asked = reasoner(model, adapter, made_graph())
    together = asked.batch([Query.parse(query) for query in QUERIES])
    for query, other in zip(QUERIES, together, strict=True):
        answer = asked.answer(Query.parse(query))
        assert answer.error is None and sorted(answer.entities) == sorted(other.entities)
        assert answer.scores == pytest.approx(other.scores, abs=1e-4)
        assert list(answer.scores) == sorted(answer.scores, reverse=True)
        for step in answer.steps:
            if step.by == "llm":
                shown = " | ".join(line for part in step.parts for line in part.context.lines)
                names = {name for part in shown.replace(": ", " | ").split(" | ") for name in part.split(", ")}
                assert set(step.entities) <= names
                assert all(0.5 < score <= 1 for score in answer.scores)
    with pytest.raises(LLMError, match="need a model with an adapter"):
        reasoner(model, None, made_graph(), replies="marks").answer(Query.parse(QUERIES[0]))
    star = KnowledgeGraph.from_triples([("hub", "r", f"leaf {number}") for number in range(60)])
    answer = reasoner(model, adapter, star, token_budget=64).answer(Query.parse('r("hub")'))
    (step,) = answer.steps
    assert len(step.parts) == step.parts_total > 1
    assert sum(part.context.relevant for part in step.parts) == 60
    assert step.context is not None and step.context.left_out == 0
    assert set(step.members) == set(np.concatenate([part.members for part in step.parts]))
    assert any(f"was asked in {step.parts_total} parts" in note for note in answer.notes)


def changed_copy(adapter: Path, folder: Path, **changed: object) -> Path:
    """A copy of an adapter whose `marking.json` has other entries; None removes one."""
    shutil.copytree(adapter, folder)
    stored = json.loads((folder / MARKS_FILE).read_text()) | changed
    (folder / MARKS_FILE).write_text(json.dumps({name: kept for name, kept in stored.items() if kept is not None}))
    return folder


def test_an_adapter_of_0_1_0_names_no_base_and_is_loaded_without_peft_and_a_damaged_one_is_refused(
    model: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    old = changed_copy(adapter, tmp_path / "old", format=None, base=None)
    sheet = set_sheet(load_student(adapter, str(model)).marks.scheme, "union", [[1, 2], [3]], random.Random(0))
    (new_odds,), (old_odds,) = (load_student(folder, str(model)).log_odds([sheet]) for folder in (adapter, old))
    assert new_odds.tolist() == old_odds.tolist()
    for name in (MARKS_FILE, CONFIG_FILE, WEIGHTS_FILE):
        damaged = Path(shutil.copytree(adapter, tmp_path / name))
        whole = (damaged / name).read_bytes()
        for content in (whole[: len(whole) // 2], b"", None):
            (damaged / name).unlink() if content is None else (damaged / name).write_bytes(content)
            with pytest.raises(LLMError, match=r"damaged|not an adapter made by"):
                load_student(damaged, str(model))


def test_an_adapter_of_another_model_form_or_depth_is_refused(model: Path, adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(LLMError, match="taught on another base model than"):
        load_student(adapter, str(word_model(tmp_path / "model", seed=1)))
    scheme = json.loads((adapter / MARKS_FILE).read_text())["scheme"]
    names = dict(zip(scheme["names"], [*list(scheme["names"].values())[1:], "other"], strict=True))
    of_0_1_0: dict[str, Any] = {"format": None, "base": None, "scheme": scheme | {"names": names}}
    for number, (changed, words) in enumerate(
        (
            (of_0_1_0, "taught on another base model than"),
            ({"format": 9}, "has form 9, and this version reads adapters up to form 2"),
            ({"layers": 1}, r"damaged or does not fit the model.*matrices are on one side only"),
            ({"layers": 3}, "cannot be cut to 3"),
        )
    ):
        with pytest.raises(LLMError, match=words):
            load_student(changed_copy(adapter, tmp_path / str(number), **changed), str(model))
