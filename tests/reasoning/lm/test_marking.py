from __future__ import annotations

import json
import random
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from reasoning import KnowledgeGraph, LarkOptions, Query, Reasoner
from reasoning.answer import Answer
from reasoning.graph.content import Relation
from reasoning.lark.prompts import OPERATION_WORDS, projection_sheet, set_sheet
from reasoning.lark.steps import kept
from reasoning.lm import EmbeddedChatModel, LLMError
from reasoning.lm.candidate_scoring import MARKS_FILE, Marks, Sheet, Student, batches, load_student, shared
from reasoning.lm.low_rank import CONFIG_FILE, WEIGHTS_FILE, save_adapter
from reasoning.lm.mark_scheme import MarkScheme
from tests.reasoning.word_models import word_model
from training.learners import prepare
from training.steps import StepOptions

TRIPLES = np.array([[1, 0, 2], [1, 1, 3], [4, 0, 5], [2, 0, 1]], dtype=np.int32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return word_model(tmp_path_factory.mktemp("words"))


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


def words(scheme: MarkScheme, sheet: Sheet) -> list[str]:
    return scheme.text(sheet.tokens).split()


def test_no_two_words_are_alike_and_none_has_another_meaning(scheme: MarkScheme) -> None:
    assert len(set(scheme.words)) == len(scheme.words) >= 256
    assert not set(scheme.words) & {scheme.keep, scheme.drop, scheme.apart, *scheme.operations.values()}


def test_a_scheme_is_the_same_when_it_is_read_back(student: Student, tmp_path: Path) -> None:
    student.marks.write(tmp_path)
    assert Marks.read(tmp_path) == student.marks


def test_another_folder_is_no_adapter(tmp_path: Path) -> None:
    with pytest.raises(LLMError, match="not an adapter made by"):
        Marks.read(tmp_path)


@pytest.mark.parametrize(("inverse", "near", "far"), [(False, 0, 2), (True, 2, 0)])
def test_a_projection_asks_first_and_marks_behind_the_far_ends(
    scheme: MarkScheme, inverse: bool, near: int, far: int
) -> None:
    sheet = projection_sheet(scheme, [1, 4], Relation("edges", 0, inverse), TRIPLES, random.Random(0))
    said = words(scheme, sheet)
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


@pytest.mark.parametrize(
    ("operation", "sets", "candidates", "first"),
    [
        ("intersect", [[1, 2], [2, 3, 4]], [2, 3, 4], "both"),
        ("union", [[1, 2], [2, 3]], [1, 2, 2, 3], "either"),
        ("difference", [[1, 2, 3], [2]], [1, 2, 3], "without"),
    ],
)
def test_a_set_operation_marks_what_may_be_an_answer(
    scheme: MarkScheme, operation: str, sets: list[list[int]], candidates: list[int], first: str
) -> None:
    sheet = set_sheet(scheme, operation, sets, random.Random(0))  # type: ignore[arg-type]
    said = words(scheme, sheet)
    assert said[0] == first and said.count(":") == 1
    assert sheet.candidates.tolist() == candidates
    by_entity: dict[int, set[str]] = {}
    for place, entity in zip(sheet.places.tolist(), candidates, strict=True):
        by_entity.setdefault(entity, set()).add(said[place])
    assert all(len(names) == 1 for names in by_entity.values())
    assert len(set().union(*by_entity.values())) == len(by_entity)


def test_words_are_drawn_anew_for_each_sheet(scheme: MarkScheme) -> None:
    one, other = (projection_sheet(scheme, [1], Relation("edges", 0), TRIPLES, random.Random(seed)) for seed in (0, 1))
    assert one.tokens.tolist() != other.tokens.tolist()


def some_sheets(scheme: MarkScheme) -> list[Sheet]:
    rng = random.Random(3)
    return [
        projection_sheet(scheme, [1], Relation("edges", 0, bool(number % 2)), TRIPLES[: 1 + number % 4], rng)
        for number in range(5)
    ] + [set_sheet(scheme, "intersect", [[1, 2, 3], [3, 4]], rng)]


def test_a_sheet_is_marked_the_same_alone_and_among_others(student: Student, scheme: MarkScheme) -> None:
    sheets = some_sheets(scheme)
    alone = [student.log_odds([sheet])[0] for sheet in sheets]
    for most in (1, 40, 10_000):
        for own, together in zip(alone, student.log_odds(sheets, most), strict=True):
            np.testing.assert_allclose(own, together, atol=1e-4)
    assert np.ptp(np.concatenate(alone)) > 0.01, "all marks are the same, so nothing was compared"


def test_passes_hold_every_sheet_once_within_the_bound(scheme: MarkScheme) -> None:
    sheets = some_sheets(scheme)
    found = batches(sheets, 30)
    assert sorted(position for batch in found for position in batch) == list(range(len(sheets)))
    assert all(len(batch) == 1 or sum(len(sheets[at]) for at in batch) <= 30 for batch in found)


def test_threads_share_passes_and_each_gets_its_own_marks(student: Student, scheme: MarkScheme) -> None:
    sheets = some_sheets(scheme)
    passes = shared(student)
    with ThreadPoolExecutor(6) as pool:
        given = list(pool.map(lambda sheet: passes.ask([sheet], 60, lambda: False)[0], sheets * 4))
    for sheet, own in zip(sheets * 4, given, strict=True):
        np.testing.assert_allclose(own, student.probabilities([sheet])[0], atol=1e-5)


def test_a_cancelled_step_is_not_marked(student: Student, scheme: MarkScheme) -> None:
    with pytest.raises(LLMError, match="cancelled"):
        shared(student).ask(some_sheets(scheme), 60, lambda: True)


def test_whoever_waits_too_long_for_the_model_is_told(student: Student, scheme: MarkScheme) -> None:
    passes = shared(student)
    held, free = threading.Event(), threading.Event()

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


def test_of_an_entity_with_several_marks_the_highest_counts() -> None:
    members, scores = kept(np.array([7, 3, 7, 5], dtype=np.int32), np.array([0.2, 0.6, 0.9, 0.5]))
    assert members.tolist() == [7, 3]
    assert scores.tolist() == [0.9, 0.6]


def made_graph() -> KnowledgeGraph:
    rng = random.Random(5)
    return KnowledgeGraph.from_triples(
        {(f"a{rng.randrange(30)}", f"r{rng.randrange(3)}", f"a{rng.randrange(30)}") for _ in range(200)}
    )


def answered(model: Path, adapter: Path, query: str, options: LarkOptions | None = None) -> Answer:
    llm = EmbeddedChatModel(source=str(model), adapter=str(adapter))
    return Reasoner(made_graph(), llm=llm, method="lark", options=options).answer(Query.parse(query))


QUERIES = ('r0("a1")', 'r1(r0("a1"))', 'r0("a1") & ~r1("a2")', 'r0("a1") | r1("a2")', 'r0("a1") & !r1("a2")')


@pytest.mark.parametrize("query", QUERIES)
def test_answers_by_marks_are_of_the_context_and_ranked_by_their_scores(model: Path, adapter: Path, query: str) -> None:
    answer = answered(model, adapter, query)
    assert answer.error is None
    assert list(answer.scores) == sorted(answer.scores, reverse=True)
    for step in answer.steps:
        if step.by == "llm":
            shown = " | ".join(line for part in step.parts for line in part.context.lines)
            names = {name for part in shown.replace(": ", " | ").split(" | ") for name in part.split(", ")}
            assert set(step.entities) <= names
            assert all(0.5 < score <= 1 for score in answer.scores)


def test_a_step_too_big_for_one_sheet_is_marked_in_parts_that_are_told(model: Path, adapter: Path) -> None:
    star = KnowledgeGraph.from_triples([("hub", "r", f"leaf {number}") for number in range(60)])
    llm = EmbeddedChatModel(source=str(model), adapter=str(adapter))
    answer = Reasoner(star, llm=llm, options=LarkOptions(token_budget=64)).answer(Query.parse('r("hub")'))
    (step,) = answer.steps
    assert len(step.parts) == step.parts_total > 1
    assert sum(part.context.relevant for part in step.parts) == 60
    assert step.context is not None and step.context.left_out == 0
    assert set(step.members) == set(np.concatenate([part.members for part in step.parts]))
    assert any(f"was asked in {step.parts_total} parts" in note for note in answer.notes)


def test_the_same_seed_gives_the_same_answer(model: Path, adapter: Path) -> None:
    one, other = (answered(model, adapter, QUERIES[1]) for _ in range(2))
    assert (one.entities, one.scores) == (other.entities, other.scores)


def test_queries_of_a_batch_are_answered_as_alone(model: Path, adapter: Path) -> None:
    llm = EmbeddedChatModel(source=str(model), adapter=str(adapter))
    reasoner = Reasoner(made_graph(), llm=llm, method="lark")
    together = reasoner.batch([Query.parse(query) for query in QUERIES])
    for query, answer in zip(QUERIES, together, strict=True):
        alone = reasoner.answer(Query.parse(query))
        assert answer.entities == alone.entities
        assert answer.scores == pytest.approx(alone.scores, abs=1e-4)


def test_marks_are_refused_of_a_model_that_was_not_taught(model: Path) -> None:
    llm = EmbeddedChatModel(source=str(model))
    with pytest.raises(LLMError, match="need a model with an adapter"):
        Reasoner(made_graph(), llm=llm, options=LarkOptions(replies="marks")).answer(Query.parse(QUERIES[0]))


def test_an_adapter_of_another_model_is_refused(adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(LLMError, match="taught on another base model than"):
        load_student(adapter, str(word_model(tmp_path, seed=1)))


def changed_copy(adapter: Path, folder: Path, **changed: object) -> Path:
    """A copy of an adapter whose `marking.json` has other entries; None removes one."""
    shutil.copytree(adapter, folder)
    stored = json.loads((folder / MARKS_FILE).read_text()) | changed
    (folder / MARKS_FILE).write_text(json.dumps({name: kept for name, kept in stored.items() if kept is not None}))
    return folder


def test_an_adapter_of_0_1_0_names_no_base_and_is_loaded(model: Path, adapter: Path, tmp_path: Path) -> None:
    old = changed_copy(adapter, tmp_path / "old", format=None, base=None)
    sheet = set_sheet(load_student(adapter, str(model)).marks.scheme, "union", [[1, 2], [3]], random.Random(0))
    (new_odds,), (old_odds,) = (load_student(folder, str(model)).log_odds([sheet]) for folder in (adapter, old))
    assert new_odds.tolist() == old_odds.tolist()


def test_an_adapter_of_0_1_0_with_another_vocabulary_is_refused(model: Path, adapter: Path, tmp_path: Path) -> None:
    scheme = json.loads((adapter / MARKS_FILE).read_text())["scheme"]
    names = dict(zip(scheme["names"], [*list(scheme["names"].values())[1:], "other"], strict=True))
    old = changed_copy(adapter, tmp_path / "old", format=None, base=None, scheme=scheme | {"names": names})
    with pytest.raises(LLMError, match="taught on another base model than"):
        load_student(old, str(model))


def test_an_adapter_of_a_newer_form_is_refused(model: Path, adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(LLMError, match=r"has form 9, and this version reads adapters up to form 2: install a newer"):
        load_student(changed_copy(adapter, tmp_path / "new", format=9), str(model))


@pytest.mark.parametrize("name", [MARKS_FILE, CONFIG_FILE, WEIGHTS_FILE])
@pytest.mark.parametrize("damage", ["missing", "cut", "empty"])
def test_a_damaged_adapter_is_refused(model: Path, adapter: Path, tmp_path: Path, name: str, damage: str) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(adapter, damaged)
    whole = (damaged / name).read_bytes()
    (damaged / name).unlink()
    if damage != "missing":
        (damaged / name).write_bytes(whole[: len(whole) // 2] if damage == "cut" else b"")
    with pytest.raises(LLMError, match=r"damaged|not an adapter made by"):
        load_student(damaged, str(model))


def test_an_adapter_with_matrices_of_other_layers_is_refused(model: Path, adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(LLMError, match=r"damaged or does not fit the model.*matrices are on one side only"):
        load_student(changed_copy(adapter, tmp_path / "fewer", layers=1), str(model))


def test_an_adapter_for_more_layers_than_the_model_has_is_refused(model: Path, adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(LLMError, match="cannot be cut to 3"):
        load_student(changed_copy(adapter, tmp_path / "more", layers=3), str(model))
