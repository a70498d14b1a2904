"""The student's own answers as what later steps start from.

In use a step starts from what the student answered before, mistakes included; taught on the teacher's sets alone it
has never seen its own (exposure bias). Joint teaching (Calderon et al. 2023) teaches on both, the teacher saying what
is right in either case.
"""

from __future__ import annotations

import random

import numpy as np

from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph, Relation
from reasoning.language.marking.student import Student
from reasoning.lark.teaching.drawing import exact_answer, projection_part


class SelfAnswers:
    """Answers a share of projections by the student, the others by the teacher.

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
