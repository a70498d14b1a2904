"""Training of the model that answers steps: sampled steps, teachers and the curriculum.

The teacher's distribution is known at every mark of any step, also of one that starts from the student's own answers:
keep where the triple or the sets say so, drop elsewhere. Another teacher may take the place of the exact executor.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol, get_args

import numpy as np
from langchain_core.language_models import BaseChatModel
from numpy.typing import NDArray

from reasoning.graph.content import Relation
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark.prompts import (
    OPERATION_WORDS,
    AbstractNaming,
    Prompt,
    SheetCost,
    projection_question,
    projection_sheet,
    set_question,
    set_sheet,
    sources_shown,
    worked_example,
)
from reasoning.lark.steps import LarkOptions, TextTask, ask, set_line, set_names, text_task
from reasoning.lm.calls import triple_line
from reasoning.lm.candidate_scoring import Student
from reasoning.lm.mark_scheme import MarkScheme
from reasoning.query.chain import Operation
from reasoning.retrieval import retrieve
from training.learners import MarkLearner, prepare
from training.loop import (
    Progress,
    Report,
    SheetExample,
    TrainingError,
    TrainingOptions,
    claimed,
    last_checkpoint,
    plan_epochs,
    train,
)

StepKind = Literal["project from one", "project from many", "intersect two", "intersect three", "union", "difference"]
STEP_KINDS: tuple[StepKind, ...] = get_args(StepKind)

Answering = Callable[[KnowledgeGraph, Ids, Relation], Ids]
"""What a projection from a set is answered with, sorted: the graph, the sources, the relation."""

MADE = 0.6
"""Share of set operations over sets of any entities."""

EMPTY = 0.08
"""Share of projections over a relation that the source need not have."""


@dataclass(frozen=True)
class StepExample(SheetExample):
    """One step with the teacher's marks.

    Attributes:
        kind: a `StepKind`.
        operation: of the chain.
        asked_about: bool, shape (p,): whether what stands before a place meets the question, or may, as members of
            sets do.
        sources, relation, triples: of a projection what is asked, and its context, shape (n, 3).
        sets: of a set operation, in the order shown.
    """

    operation: Operation
    asked_about: NDArray[np.bool_]
    sources: tuple[int, ...] = ()
    relation: Relation | None = None
    triples: Ids | None = None
    sets: tuple[tuple[int, ...], ...] = ()


class StepSampler:
    """Samples steps from graphs: the operations, sizes and contexts that chains of queries meet.

    A step's inputs are what walks over the graph reach, its context is what the retriever gives, distractors included,
    and the teacher's answer is the exact one. Nothing is taken from any file of queries.

    Args:
        graphs: where from, each as often as the others.
        scheme: how steps are written.
        rng: of everything sampled.
        most_answers: most members of a set.
        token_budget: tokens of a context.
        answering: answers the steps whose answers are what the step sampled starts from; the teacher where None.
    """

    def __init__(
        self,
        graphs: Sequence[KnowledgeGraph],
        scheme: MarkScheme,
        rng: random.Random,
        most_answers: int = 40,
        token_budget: int = 360,
        answering: Answering | None = None,
    ) -> None:
        self._graphs, self._scheme, self._rng = graphs, scheme, rng
        self._most_answers, self._token_budget = most_answers, token_budget
        self._answering = answering or exact_answer

    def sample(self, kind: StepKind) -> StepExample:
        """One step of a kind."""
        while True:
            kg = self._rng.choice(self._graphs)
            step = self._projection(kg, kind) if kind.startswith("project") else self._set_operation(kg, kind)
            if step is not None:
                return step

    def _projection(self, kg: KnowledgeGraph, kind: StepKind) -> StepExample | None:
        sources, relation = self._walk(kg)
        if kind == "project from many":
            reached = self._answering(kg, sources, relation)
            if not 2 <= len(reached) <= self._most_answers:
                return None
            sources, relation = reached, self._relation_of(kg, int(self._rng.choice(reached)))
        if self._rng.random() < EMPTY:
            relation = Relation("edges", self._rng.randrange(kg.relation_count), self._rng.random() < 0.5)
        if len(kg.index.project(sources, relation.index, relation.inverse)) > self._most_answers:
            return None
        return projection_part(kg, sources, relation, self._token_budget, self._scheme, self._rng)

    def _set_operation(self, kg: KnowledgeGraph, kind: StepKind) -> StepExample | None:
        others = 2 if kind == "intersect three" else 1
        # What a graph reaches is mostly small; chains meet sets of every size.
        sets = self._made(kg, others) if self._rng.random() < MADE else self._walked(kg, others)
        if any(not 0 < len(members) <= self._most_answers for members in sets):
            return None
        if kind == "difference" and self._rng.random() < 0.3:
            sets.reverse()
        return taught_set(kind, sets, self._scheme, self._rng)

    def _walked(self, kg: KnowledgeGraph, others: int) -> list[Ids]:
        """A set that a projection reaches, and others with some of its members."""
        sets = [self._reached(kg)]
        for _ in range(others):
            # Sets that have nothing to do with each other are met too, but seldom.
            common = sets[0] if self._rng.random() < 0.85 and len(sets[0]) else None
            sets.append(self._reached(kg, common))
        return sets

    def _made(self, kg: KnowledgeGraph, others: int) -> list[Ids]:
        """Sets of any entities, small ones as often as large ones, which share any part of the first."""
        most = min(self._most_answers, kg.entity_count // 3)
        sizes = [round(most ** self._rng.random()) for _ in range(others + 1)]
        order = self._rng.sample(range(kg.entity_count), sum(sizes))
        first, rest = order[: sizes[0]], order[sizes[0] :]
        sets = [first]
        for size in sizes[1:]:
            shared = self._rng.sample(first, round(self._rng.random() * min(size, len(first))))
            # The others are of the same few, so that the second and the third set share some as well.
            sets.append([*shared, *self._rng.sample(rest, min(size - len(shared), len(rest)))])
        return [np.sort(np.array(members, dtype=np.int32)) for members in sets]

    def _walk(self, kg: KnowledgeGraph) -> tuple[Ids, Relation]:
        triple = kg.index.drawn(1, self._rng)[0]
        inverse = self._rng.random() < 0.5
        return np.array([triple[2 if inverse else 0]], dtype=np.int32), Relation("edges", int(triple[1]), inverse)

    def _relation_of(self, kg: KnowledgeGraph, entity: int) -> Relation:
        sides = [(incoming, kg.index.around(entity, incoming)) for incoming in (False, True)]
        incoming, edges = self._rng.choice([side for side in sides if len(side[1])])
        triple = kg.index.triples(edges[[self._rng.randrange(len(edges))]])[0]
        return Relation("edges", int(triple[1]), incoming)

    def _reached(self, kg: KnowledgeGraph, common: Ids | None = None) -> Ids:
        """A set that one projection reaches; with one of the members of `common` where that is given."""
        if common is None:
            sources, relation = self._walk(kg)
        else:
            member = int(self._rng.choice(common))
            back = self._relation_of(kg, member)
            sources = kg.index.project(np.array([member], dtype=np.int32), back.index, back.inverse)
            sources = sources[[self._rng.randrange(len(sources))]]
            relation = Relation("edges", back.index, not back.inverse)
        if len(kg.index.project(sources, relation.index, relation.inverse)) > self._most_answers:
            return np.zeros(0, dtype=np.int32)
        return self._answering(kg, sources, relation)


def exact_answer(kg: KnowledgeGraph, sources: Ids, relation: Relation) -> Ids:
    """The teacher's."""
    return kg.index.project(sources, relation.index, relation.inverse)


def projection_part(
    kg: KnowledgeGraph, sources: Ids, relation: Relation, budget: int, scheme: MarkScheme, rng: random.Random
) -> StepExample:
    """One part of a projection as the retriever gives it, with the teacher's marks."""
    part = rng.choice(retrieve(kg, sources, relation, budget, SheetCost(), rng, max_parts=16).parts)
    shown = sources_shown(sources, relation, part.triples, rng)
    sheet = projection_sheet(scheme, shown, relation, part.triples, rng)
    kind: StepKind = "project from one" if len(sources) == 1 else "project from many"
    return StepExample(kind, sheet, part.about, "project", part.about, tuple(shown), relation, part.triples)


def taught_set(kind: StepKind, sets: Sequence[Ids], scheme: MarkScheme, rng: random.Random) -> StepExample:
    """A set operation with the teacher's marks."""
    operation: Operation = "intersect" if kind.startswith("intersect") else kind  # type: ignore[assignment]
    shown = [rng.sample(members.tolist(), len(members)) for members in sets]
    sheet = set_sheet(scheme, operation, shown, rng)
    if operation == "intersect":
        answer = set(shown[0]).intersection(*shown[1:])
    else:
        answer = set().union(*shown) if operation == "union" else set(shown[0]) - set(shown[1])
    keep = np.array([candidate in answer for candidate in sheet.candidates.tolist()], dtype=bool)
    everything = np.ones(len(keep), dtype=bool)
    return StepExample(kind, sheet, keep, operation, everything, sets=tuple(map(tuple, shown)))


def random_graph(rng: random.Random) -> KnowledgeGraph:
    """A graph of 20 to 300 entities and 2 to 15 relations, whose entities have a few edges or many (at random).

    It has what real graphs have little of, such as relations without any pattern and sources with many edges.
    """
    entities, relations = rng.randint(20, 300), rng.randint(2, 15)
    edges = int(entities * rng.uniform(2, 8))
    # A few entities have most of the edges, as in real graphs.
    weights = [rng.paretovariate(1.2) for _ in range(entities)]
    heads, tails = (rng.choices(range(entities), weights, k=edges) for _ in range(2))
    triples = {(f"e{h}", f"r{rng.randrange(relations)}", f"e{t}") for h, t in zip(heads, tails, strict=True)}
    return KnowledgeGraph.from_triples(sorted(triples), name="random")


class Teacher(Protocol):
    """Says at each place how likely a candidate is to be kept."""

    def taught(self, steps: Sequence[StepExample]) -> list[StepExample]:
        """The steps with this teacher's marks; those that it could not answer are left out."""


class ModelTeacher:
    """A model with an adapter of its own, a larger one or the same with more layers; it reads the same sheets.

    It gives its probability at each place, which says more than its decision (word-level distillation, Hinton et al.
    2015, arXiv 1503.02531).

    Args:
        model: of the same tokenizer and scheme as the student.
    """

    def __init__(self, model: Student) -> None:
        self._model = model

    def taught(self, steps: Sequence[StepExample]) -> list[StepExample]:
        """See `Teacher`."""
        marked = self._model.probabilities([step.sheet for step in steps])
        return [replace(step, keep=keep.astype(np.float32)) for step, keep in zip(steps, marked, strict=True)]


class ChatTeacher:
    """A chat model asked for whole answers, with the prompts of method lark.

    It only gives a reply (sequence-level distillation, Kim & Rush 2016, arXiv 1606.07947), and each costs: what it
    answered is kept and repeated.

    Args:
        llm: any LangChain chat model.
        options: how it is asked.
        rng: samples the ids.
    """

    def __init__(self, llm: BaseChatModel, options: LarkOptions, rng: random.Random) -> None:
        self._llm, self._options, self._rng = llm, options, rng

    def taught(self, steps: Sequence[StepExample]) -> list[StepExample]:
        """See `Teacher`; a step whose reply cannot be read is left out."""
        answered = []
        for step in steps:
            reply = ask(self._llm, self._task(step), self._options)
            if reply.error is None:
                candidates = step.sheet.candidates
                kept = np.isin(candidates, reply.members)
                # An answer that a triple in question leads to is marked there, and not where another ends at it.
                kept &= step.asked_about | ~np.isin(candidates, candidates[step.asked_about])
                answered.append(replace(step, keep=kept))
        return answered

    def _task(self, step: StepExample) -> TextTask:
        if step.triples is not None and step.relation is not None:
            relation = step.relation
            entities = [*np.unique(step.triples[:, [0, 2]]).tolist(), *step.sources]
            naming = AbstractNaming(entities, [relation.index, *step.triples[:, 1].tolist()], self._rng)
            lines = [
                triple_line(naming.entity(head), naming.relation(between), naming.entity(tail))
                for head, between, tail in step.triples.tolist()
            ]
            sources = list(map(naming.entity, step.sources))
            question = projection_question(sources, naming.relation(relation.index), relation.inverse)
            example = worked_example("project", relation.inverse, naming)
        else:
            naming = AbstractNaming([entity for members in step.sets for entity in members], [], self._rng)
            names = set_names(len(step.sets))
            named = zip(names, step.sets, strict=True)
            lines = [set_line(name, list(map(naming.entity, members))) for name, members in named]
            question = set_question(step.operation, names)
            example = worked_example(step.operation, False, naming)
        expected = np.unique(step.sheet.candidates[step.keep > 0.5])
        return text_task(self._llm, Prompt(question, lines, naming, example), expected, lines, len(lines))


FIRST_ANSWERS, FIRST_BUDGET = 10, 96
"""How big steps are at the beginning."""


@dataclass(frozen=True, kw_only=True)
class StepOptions(TrainingOptions):
    """How a student is taught steps.

    Attributes:
        most_answers, token_budget: how big steps get; they begin small and grow over the first half of the run.
        grown: how far steps have grown when the run begins, from 0 to 1; 1 to go on from an adapter that knows small
            ones.
        joint: share of the sets that enter steps which are the student's own answers and not the teacher's
            (joint teaching, Calderon et al. 2023, arXiv 2305.02031).
        unique: how many steps are sampled and then repeated, None for new steps all along.
        held_out: steps of each kind in an examination.
    """

    most_answers: int = 40
    token_budget: int = 1024
    grown: float = 0.0
    joint: float = 0.0
    unique: int | None = None
    held_out: int = 24

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_at_least_one("most_answers", "held_out")
        for name in ("joint", "grown"):
            if not 0 <= (share := getattr(self, name)) <= 1:
                raise TrainingError(f"{name} is a share from 0 to 1, not {share}")
        if self.token_budget < 64:
            raise TrainingError(f"token_budget must be at least 64, not {self.token_budget}")


@dataclass(frozen=True)
class Graphs:
    """Where steps are sampled from.

    Attributes:
        taught: graphs to teach with.
        held_out: others, to examine with.
    """

    taught: Sequence[KnowledgeGraph]
    held_out: Sequence[KnowledgeGraph]


def train_steps(
    graphs: Graphs,
    options: StepOptions,
    out: Path,
    say: Callable[[str], None],
    *,
    start: Path | None = None,
    teacher: Teacher | None = None,
    device: str = "cpu",
) -> Report:
    """Teach a student until `options.tokens` are seen; a run that stopped goes on from its last checkpoint.

    Args:
        graphs: where steps come from.
        options: how; those of a run that goes on must be the same.
        out: the run's folder: its log, and `checkpoint` with the adapter.
        say: is called with each line of progress.
        start: an adapter to begin with, None for a new one.
        teacher: the exact executor where None; any other is asked once for each of `options.unique` steps.
        device: by torch's name; a run may go on upon another.

    Returns:
        The last examination on held-out graphs.

    Raises:
        TrainingError: the folder holds another run.
        LLMError: the student or the adapter cannot be loaded.
    """
    with claimed(out, options):
        adapter, student = prepare(options, OPERATION_WORDS, last_checkpoint(out) or start, device)
        curriculum = StepCurriculum(graphs, options, student, say, teacher)
        return train(curriculum, options, out, MarkLearner(adapter, student), say)


class StepCurriculum:
    """The steps of a run; a `training.loop.Curriculum`.

    Args:
        graphs, options, say, teacher: as `train_steps` takes them.
        student: as it is at the moment; a share of the steps starts from its answers.

    Raises:
        TrainingError: a teacher beside the exact executor without a number of steps, or one that answered none.
    """

    def __init__(
        self,
        graphs: Graphs,
        options: StepOptions,
        student: Student,
        say: Callable[[str], None],
        teacher: Teacher | None = None,
    ) -> None:
        self._graphs, self._options, self._student = graphs, options, student
        self.exam: Sequence[SheetExample] = self._held_out("held out")
        self._repeated = self._sampled_once(teacher)
        self.unique_tokens = sum(len(step.sheet) for step in self._repeated)
        if self._repeated:
            say(f"{len(self._repeated)} steps: {plan_epochs(self.unique_tokens, options.tokens)}")

    def next_pass(self, progress: Progress) -> list[StepExample]:
        """The steps of one pass; sampled by the update's number, so that a run that goes on meets the same."""
        options = self._options
        rng = random.Random(f"{options.seed}|{progress.updates}")
        weights = [progress.weights.get(kind, 1.0) for kind in STEP_KINDS]
        sampler = self._sampler(options.grown + 2 * progress.tokens / options.tokens, rng)
        steps: list[StepExample] = []
        while (held := sum(len(step.sheet) for step in steps)) < options.tokens_of_a_pass:
            step = rng.choice(self._repeated) if self._repeated else sampler.sample(rng.choices(STEP_KINDS, weights)[0])
            if steps and held + len(step.sheet) > 1.25 * options.tokens_of_a_pass:
                break
            if len(step.sheet.places):
                steps.append(step)
        return steps

    def calibration(self) -> list[StepExample]:
        """Steps from held-out graphs, others than those of the exam."""
        return self._held_out("temperature")

    def _held_out(self, seed: str) -> list[StepExample]:
        scheme = self._student.marks.scheme
        sampler = StepSampler(self._graphs.held_out, scheme, random.Random(seed), self._options.most_answers)
        return [sampler.sample(kind) for kind in STEP_KINDS for _ in range(self._options.held_out)]

    def _sampler(self, grown: float, rng: random.Random) -> StepSampler:
        """Samples steps as big as the run has grown, from 0 to 1; sizes vary, so that small steps stay known."""
        options = self._options
        size = rng.random() * min(1.0, grown)
        return StepSampler(
            self._graphs.taught,
            self._student.marks.scheme,
            rng,
            round(FIRST_ANSWERS * (options.most_answers / FIRST_ANSWERS) ** size),
            round(FIRST_BUDGET * (options.token_budget / FIRST_BUDGET) ** size),
            SelfAnswers(self._student, options.joint, rng) if options.joint else None,
        )

    def _sampled_once(self, teacher: Teacher | None) -> list[StepExample]:
        """The steps that the run repeats, answered by the teacher; [] where it samples new ones all along."""
        options = self._options
        if options.unique is None:
            if teacher is not None:
                raise TrainingError("a teacher other than the exact executor needs `unique`: each answer costs")
            return []
        rng = random.Random(f"{options.seed}|unique")
        kinds = [STEP_KINDS[number % len(STEP_KINDS)] for number in range(options.unique)]
        steps = [self._sampler(1.0, rng).sample(kind) for kind in kinds]
        if teacher is not None and not (steps := teacher.taught(steps)):
            raise TrainingError("the teacher answered none of the steps in a form that can be read")
        return steps


class SelfAnswers:
    """Answers a share of projections by the student, the others by the teacher.

    In use a step starts from what the student answered before, mistakes included; taught on the teacher's sets alone
    it has never seen its own (exposure bias). Joint teaching (Calderon et al. 2023) teaches on both, the teacher saying
    what is right in either case.

    Args:
        student: as it is at the moment.
        share: from 0 to 1.
        rng: chooses.
    """

    def __init__(self, student: Student, share: float, rng: random.Random) -> None:
        self._student, self._share, self._rng = student, share, rng

    def __call__(self, kg: KnowledgeGraph, sources: Ids, relation: Relation) -> Ids:
        """The answer, sorted."""
        if self._rng.random() >= self._share:
            return exact_answer(kg, sources, relation)
        step = projection_part(kg, sources, relation, 1024, self._student.marks.scheme, self._rng)
        (odds,) = self._student.log_odds([step.sheet])
        return np.unique(step.sheet.candidates[odds > 0])
