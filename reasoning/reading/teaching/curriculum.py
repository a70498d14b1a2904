"""What a model is taught of reading questions: packs drawn from domains, held-out domains to examine with."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reasoning.language.teaching.checkpoints import Progress, last_checkpoint
from reasoning.language.teaching.examining import Report
from reasoning.language.teaching.loop import claimed, teach
from reasoning.language.teaching.options import WritingOptions
from reasoning.language.teaching.preparing import prepare_writer
from reasoning.language.teaching.write_learner import TaughtPack, WriteLearner
from reasoning.language.writing.packs import Pack, Segment
from reasoning.language.writing.writer import WriterTokens
from reasoning.reading.model.loading import JOB
from reasoning.reading.model.prompt import ANSWER
from reasoning.reading.teaching.domains import Domain, load_domains
from reasoning.reading.teaching.drawing import DrawnPack, LessonDrawer
from reasoning.reading.teaching.lists import ListedGraph

HELD_OUT = ("chess_federation", "consultancy", "family", "festivals", "power_grid", "vets", "wine")
"""Domains that are examined with and not taught."""


MOST_BINDINGS, TURNS = 60, 6
"""Words with their ids in a pack that teaches nothing else, and how many share a segment."""

LISTED = 0.7
"""Share of packs that are of written questions about real graphs, where there are any."""

FOREMOST = 0.5
"""Share of these that are of the lists that a run is made for, where it is made for some."""


@dataclass(frozen=True, kw_only=True)
class QuestionTeachingOptions(WritingOptions):
    """How a student is taught to read questions.

    Attributes:
        binding: tokens over which packs that teach ids alone become fewer, from all to none.
        held_out: packs of an examination.
    """

    tokens: int = 2_000_000
    report_every: int = 100_000
    binding: int = 150_000
    held_out: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_at_least_one("held_out", "binding")


def teach_questions(
    options: QuestionTeachingOptions,
    out: Path,
    say: Callable[[str], None],
    *,
    start: Path | None = None,
    device: str = "cpu",
    listed: Sequence[ListedGraph] = (),
    foremost: Sequence[ListedGraph] = (),
) -> Report:
    """Teach a student to read questions until `options.tokens` are seen; a run that stopped goes on.

    Args:
        options: how; those of a run that goes on must be the same.
        out: the run's folder: its log, and `checkpoint` with the adapter.
        say: is called with each line of progress.
        start: an adapter to begin with, None for a new one.
        device: by torch's name; a run may go on upon another.
        listed: written questions about real graphs, taught beside those that are drawn.
        foremost: those of them that the run is made for, taught as often as all others.

    Returns:
        The last examination on held-out domains.

    Raises:
        TeachingError: the folder holds another run.
        LLMError: the student or the adapter cannot be loaded.
    """
    with claimed(out, options):
        writer = prepare_writer(JOB, options, last_checkpoint(out) or start, device)
        curriculum = QuestionCurriculum(load_domains(), options, writer.tokens, listed, foremost)
        return teach(curriculum, options, out, WriteLearner(writer), say)


class QuestionCurriculum:
    """The packs of a run; a `reasoning.language.teaching.loop.Curriculum`.

    Args:
        domains: taught and held out.
        options: how much is drawn.
        tokens: the student's.
        listed: written questions about real graphs.
        foremost: those that come as often as all of these.
    """

    unique_tokens = 0

    def __init__(
        self,
        domains: Sequence[Domain],
        options: QuestionTeachingOptions,
        tokens: WriterTokens,
        listed: Sequence[ListedGraph] = (),
        foremost: Sequence[ListedGraph] = (),
    ) -> None:
        self._options, self._tokens, self._listed, self._foremost = options, tokens, listed, foremost
        self._taught = [domain for domain in domains if domain.name not in HELD_OUT]
        self._apart = [domain for domain in domains if domain.name in HELD_OUT]
        self.exam: Sequence[TaughtPack] = self._held_out("held out")

    def next_pass(self, progress: Progress) -> list[TaughtPack]:
        """One pack, drawn by the update's number, so that a run that goes on meets the same."""
        rng = random.Random(f"{self._options.seed}|{progress.updates}")
        drawer = LessonDrawer(self._taught, rng)
        bind = rng.random() < 1 - progress.tokens / self._options.binding
        packs: list[TaughtPack] = []
        while not packs or sum(map(len, packs)) < 0.75 * self._options.tokens_of_a_pass:
            if bind:
                drawn = drawer.pack(0, MOST_BINDINGS)
            else:
                drawn = self._from_list(rng) if rng.random() < LISTED else drawer.pack()
            packs.append(packed(drawn, self._tokens, self._options.tokens_of_a_pass))
        return packs

    def _from_list(self, rng: random.Random) -> DrawnPack:
        """A pack of written questions; graphs with more of them come more often."""
        graphs = self._foremost if self._foremost and rng.random() < FOREMOST else self._listed
        if not graphs:
            return LessonDrawer(self._taught, rng).pack()
        return rng.choices(graphs, [len(graph.questions) ** 0.5 for graph in graphs])[0].pack(rng)

    def calibration(self) -> list[TaughtPack]:
        """Packs over held-out domains, others than those of the exam."""
        return self._held_out("temperature")

    def _held_out(self, seed: str) -> list[TaughtPack]:
        drawer = LessonDrawer(self._apart, random.Random(seed))
        return [packed(drawer.pack(), self._tokens) for _ in range(self._options.held_out)]


def packed(drawn: DrawnPack, tokens: WriterTokens, most: int | None = None) -> TaughtPack:
    """Lessons over one schema as a pack; with `most`, as many as fit into so many tokens."""
    beginning = tokens.text(drawn.schema.text)
    segments: list[Segment] = []
    kinds: list[str] = []
    turns = [
        (tokens.text(f"{binding.text}\n{ANSWER}"), np.array([*tokens.reply(binding.pieces)[:-1], *tokens.text("\n")]))
        for binding in drawn.bindings
    ]
    for at in range(0, len(turns), TURNS):
        segments.append(Segment.of(*turns[at : at + TURNS]))
        kinds.append("bindings")
    total = len(beginning) + sum(len(segment.tokens) for segment in segments)
    for lesson in drawn.lessons:
        segment = Segment.of((tokens.text(lesson.prompt.text), tokens.reply(lesson.pieces)))
        total += len(segment.tokens)
        if most is not None and segments and total > most:
            break
        segments.append(segment)
        kinds.append(lesson.kind)
    return TaughtPack(Pack(beginning, segments), kinds)
