"""Who says what is right beside the exact executor: a taught model, or any LangChain chat model.

A model with the same tokenizer gives its probability at each place, which says more than its decision (word-level
distillation, Hinton et al. 2015). A chat model only gives a reply, so from it come whole answers (sequence-level, Kim &
Rush 2016), and each costs: what it answered is kept and repeated.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from langchain_core.language_models import BaseChatModel

from reasoning.language.contexts import triple_line
from reasoning.language.marking.student import Student
from reasoning.lark.asking import set_line, set_names
from reasoning.lark.entity_ids import AbstractNaming
from reasoning.lark.options import LarkOptions
from reasoning.lark.prompts import Prompt, projection_question, set_question, worked_example
from reasoning.lark.teaching.drawing import TaughtStep
from reasoning.lark.text_steps import TextTask, ask, text_task


class Teacher(Protocol):
    """Says at each place how likely a candidate is to be kept."""

    def taught(self, steps: Sequence[TaughtStep]) -> list[TaughtStep]:
        """The steps with this teacher's marks; those that it could not answer are left out."""


class ModelTeacher:
    """A model with an adapter of its own, a larger one or the same with more layers; it reads the same sheets.

    Args:
        model: of the same tokenizer and scheme as the student.
    """

    def __init__(self, model: Student) -> None:
        self._model = model

    def taught(self, steps: Sequence[TaughtStep]) -> list[TaughtStep]:
        """See `Teacher`."""
        marked = self._model.probabilities([step.sheet for step in steps])
        return [replace(step, keep=keep.astype(np.float32)) for step, keep in zip(steps, marked, strict=True)]


class ChatTeacher:
    """A chat model asked for whole answers, with the prompts of method lark.

    Args:
        llm: any LangChain chat model.
        options: how it is asked.
        rng: draws the ids.
    """

    def __init__(self, llm: BaseChatModel, options: LarkOptions, rng: random.Random) -> None:
        self._llm, self._options, self._rng = llm, options, rng

    def taught(self, steps: Sequence[TaughtStep]) -> list[TaughtStep]:
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

    def _task(self, step: TaughtStep) -> TextTask:
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
