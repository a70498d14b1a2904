"""What a student is taught of steps: how big they are, how they are mixed, whose answers they start from.

The teacher's distribution is known at every mark of any step, also of one that starts from the student's own answers:
keep where the triple or the sets say so, drop elsewhere. Another teacher may take its place, see `teachers`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reasoning.graph.index import Ids
from reasoning.graph.relations import Relation
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.errors import TeachingError
from reasoning.language.marking.student import Student
from reasoning.language.teaching.checkpoints import Progress, last_checkpoint
from reasoning.language.teaching.epochs import plan_epochs
from reasoning.language.teaching.examining import Lesson, Report
from reasoning.language.teaching.loop import claimed, teach
from reasoning.language.teaching.mark_learner import MarkLearner
from reasoning.language.teaching.options import TeachingOptions
from reasoning.language.teaching.preparing import prepare
from reasoning.lark.sheets import OPERATION_WORDS
from reasoning.lark.teaching.drawing import STEP_KINDS, StepDrawer, TaughtStep, exact_answer, projection_part
from reasoning.lark.teaching.teachers import Teacher

FIRST_ANSWERS, FIRST_BUDGET = 10, 96
"""How big steps are at the beginning."""


@dataclass(frozen=True, kw_only=True)
class StepTeachingOptions(TeachingOptions):
    """How a student is taught steps.

    Attributes:
        most_answers, token_budget: how big steps get; they begin small and grow over the first half of the run.
        grown: how far steps have grown when the run begins, from 0 to 1; 1 to go on from an adapter that knows small
            ones.
        joint: share of the sets that enter steps which are the student's own answers and not the teacher's
            (joint teaching, Calderon et al. 2023, arXiv 2305.02031).
        unique: how many steps are drawn and then repeated, None for new steps all along.
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
                raise TeachingError(f"{name} is a share from 0 to 1, not {share}")
        if self.token_budget < 64:
            raise TeachingError(f"token_budget must be at least 64, not {self.token_budget}")


@dataclass(frozen=True)
class Graphs:
    """Where steps are drawn from.

    Attributes:
        taught: graphs to teach with.
        held_out: others, to examine with.
    """

    taught: Sequence[KnowledgeGraph]
    held_out: Sequence[KnowledgeGraph]


def teach_steps(
    graphs: Graphs,
    options: StepTeachingOptions,
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
        TeachingError: the folder holds another run.
        LLMError: the student or the adapter cannot be loaded.
    """
    with claimed(out, options):
        adapter, student = prepare(options, OPERATION_WORDS, last_checkpoint(out) or start, device)
        curriculum = StepCurriculum(graphs, options, student, say, teacher)
        return teach(curriculum, options, out, MarkLearner(adapter, student), say)


class StepCurriculum:
    """The steps of a run; a `reasoning.language.teaching.loop.Curriculum`.

    Args:
        graphs, options, say, teacher: as `teach_steps` takes them.
        student: as it is at the moment; a share of the steps starts from its answers.

    Raises:
        TeachingError: a teacher beside the exact executor without a number of steps, or one that answered none.
    """

    def __init__(
        self,
        graphs: Graphs,
        options: StepTeachingOptions,
        student: Student,
        say: Callable[[str], None],
        teacher: Teacher | None = None,
    ) -> None:
        self._graphs, self._options, self._student = graphs, options, student
        self.exam: Sequence[Lesson] = self._held_out("held out")
        self._repeated = self._drawn_once(teacher)
        self.unique_tokens = sum(len(step.sheet) for step in self._repeated)
        if self._repeated:
            say(f"{len(self._repeated)} steps: {plan_epochs(self.unique_tokens, options.tokens)}")

    def next_pass(self, progress: Progress) -> list[TaughtStep]:
        """The steps of one pass; drawn by the update's number, so that a run that goes on meets the same."""
        options = self._options
        rng = random.Random(f"{options.seed}|{progress.updates}")
        weights = [progress.weights.get(kind, 1.0) for kind in STEP_KINDS]
        drawer = self._drawer(options.grown + 2 * progress.tokens / options.tokens, rng)
        steps: list[TaughtStep] = []
        while (held := sum(len(step.sheet) for step in steps)) < options.tokens_of_a_pass:
            step = rng.choice(self._repeated) if self._repeated else drawer.draw(rng.choices(STEP_KINDS, weights)[0])
            if steps and held + len(step.sheet) > 1.25 * options.tokens_of_a_pass:
                break
            if len(step.sheet.places):
                steps.append(step)
        return steps

    def calibration(self) -> list[TaughtStep]:
        """Steps from held-out graphs, others than those of the exam."""
        return self._held_out("temperature")

    def _held_out(self, seed: str) -> list[TaughtStep]:
        scheme = self._student.marks.scheme
        drawer = StepDrawer(self._graphs.held_out, scheme, random.Random(seed), self._options.most_answers)
        return [drawer.draw(kind) for kind in STEP_KINDS for _ in range(self._options.held_out)]

    def _drawer(self, grown: float, rng: random.Random) -> StepDrawer:
        """Draws steps as big as the run has grown, from 0 to 1; sizes vary, so that small steps stay known."""
        options = self._options
        size = rng.random() * min(1.0, grown)
        return StepDrawer(
            self._graphs.taught,
            self._student.marks.scheme,
            rng,
            round(FIRST_ANSWERS * (options.most_answers / FIRST_ANSWERS) ** size),
            round(FIRST_BUDGET * (options.token_budget / FIRST_BUDGET) ** size),
            SelfAnswers(self._student, options.joint, rng) if options.joint else None,
        )

    def _drawn_once(self, teacher: Teacher | None) -> list[TaughtStep]:
        """The steps that the run repeats, answered by the teacher; [] where it draws new ones all along."""
        options = self._options
        if options.unique is None:
            if teacher is not None:
                raise TeachingError("a teacher other than the exact executor needs `unique`: each answer costs")
            return []
        rng = random.Random(f"{options.seed}|unique")
        kinds = [STEP_KINDS[number % len(STEP_KINDS)] for number in range(options.unique)]
        steps = [self._drawer(1.0, rng).draw(kind) for kind in kinds]
        if teacher is not None and not (steps := teacher.taught(steps)):
            raise TeachingError("the teacher answered none of the steps in a form that can be read")
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
