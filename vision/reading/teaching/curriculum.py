"""What a model is taught of reading about images: written instructions and expressions, varied; others to examine."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reasoning.language.teaching.checkpoints import Progress, last_checkpoint
from reasoning.language.teaching.examining import Report
from reasoning.language.teaching.loop import claimed, teach
from reasoning.language.teaching.options import WritingOptions
from reasoning.language.teaching.preparing import prepare_writer
from reasoning.language.teaching.write_learner import TaughtPack, WriteLearner
from reasoning.language.writing.packs import Pack, Segment
from reasoning.language.writing.writer import WriterTokens
from vision.errors import InstructionError
from vision.reading.expressions import surface as expression_surface
from vision.reading.expressions.pieces import PICTURE, VIDEO, Pieces
from vision.reading.expressions.reader import beginning
from vision.reading.instructions import surface as task_surface
from vision.reading.instructions.reader import BEGINNING as ABOUT_INSTRUCTIONS
from vision.reading.loading import JOB
from vision.reading.prompt import TextPrompt
from vision.reading.teaching.expressions import ExpressionVariations, TaughtExpression
from vision.reading.teaching.instructions import TaughtInstruction, Variations

KEPT_BACK = 10
"""One of so many texts, chosen by its letters, is examined with and not taught."""

TOGETHER = 12
"""Texts of a pack that is examined with."""


def is_kept_back(text: str) -> bool:
    """Whether an instruction or expression is not taught."""
    return zlib.crc32(text.encode()) % KEPT_BACK == 0


@dataclass(frozen=True, kw_only=True)
class ImageReadingOptions(WritingOptions):
    """How a student is taught to read instructions and expressions.

    Attributes:
        expressions: share of the packs that are of expressions.
        videos: share of these that are of expressions about videos.
    """

    expressions: float = 0.3
    videos: float = 0.0


@dataclass(frozen=True)
class Texts:
    """What is taught: written instructions, expressions about pictures, and expressions about videos."""

    instructions: Sequence[TaughtInstruction] = ()
    expressions: Sequence[TaughtExpression] = ()
    videos: Sequence[TaughtExpression] = ()


def teach_reading(
    options: ImageReadingOptions,
    out: Path,
    say: Callable[[str], None],
    texts: Texts,
    *,
    start: Path | None = None,
    device: str = "cpu",
) -> Report:
    """Teach a student to read until `options.tokens` are seen; a run that stopped goes on.

    Args:
        options: how; those of a run that goes on must be the same.
        out: the run's folder: its log, and `checkpoint` with the adapter.
        say: is called with each line of progress.
        texts: taught, but a tenth of them, which is examined with.
        start: an adapter to begin with, None for a new one.
        device: by torch's name; a run may go on upon another.

    Returns:
        The last examination.

    Raises:
        TeachingError: the folder holds another run.
        LLMError: the student or the adapter cannot be loaded.
    """
    with claimed(out, options):
        writer = prepare_writer(JOB, options, last_checkpoint(out) or start, device)
        return teach(ReadingCurriculum(texts, options, writer.tokens), options, out, WriteLearner(writer), say)


class ReadingCurriculum:
    """The packs of a run; a `reasoning.language.teaching.loop.Curriculum`.

    Args:
        texts: taught and held out.
        options: how much is drawn.
        tokens: the student's.
    """

    unique_tokens = 0

    def __init__(self, texts: Texts, options: ImageReadingOptions, tokens: WriterTokens) -> None:
        self._options, self._tokens = options, tokens
        self._instructions = [one for one in texts.instructions if not is_kept_back(one.text)]
        self._expressions = [one for one in texts.expressions if not is_kept_back(one.text)]
        self._videos = [one for one in texts.videos if not is_kept_back(one.text)] if options.videos else []
        self._instruction_variations = Variations(self._instructions)
        self._expression_variations = ExpressionVariations(self._expressions)
        self._video_variations = ExpressionVariations([*self._expressions, *self._videos])
        tasks = list(self._tasks([one for one in texts.instructions if is_kept_back(one.text)]))
        sentences = list(self._sentences([one for one in texts.expressions if is_kept_back(one.text)], PICTURE))
        kept_back = [one for one in texts.videos if is_kept_back(one.text)] if options.videos else []
        of_videos = list(self._sentences(kept_back, VIDEO))
        self.exam, self._calibrating = (
            [
                *self._packs(tasks[half::2], ABOUT_INSTRUCTIONS),
                *self._packs(sentences[half::2], beginning(PICTURE)),
                *self._packs(of_videos[half::2], beginning(VIDEO)),
            ]
            for half in (0, 1)
        )

    def next_pass(self, progress: Progress) -> list[TaughtPack]:
        """One pack, drawn by the update's number, so that a run that goes on meets the same."""
        rng = random.Random(f"{self._options.seed}|{progress.updates}")
        of_expressions = bool(self._expressions) and (
            not self._instructions or rng.random() < self._options.expressions
        )
        # Without videos no number is drawn for them, so that such runs meet what they met before there were any.
        of_videos = bool(self._videos) and of_expressions and rng.random() < self._options.videos
        about = beginning(VIDEO if of_videos else PICTURE) if of_expressions else ABOUT_INSTRUCTIONS
        segments: list[tuple[str, Segment]] = []
        while sum(len(segment.tokens) for _, segment in segments) < 0.85 * self._options.tokens_of_a_pass:
            if of_videos:
                segments += self._sentences([self._video_variations.draw(rng.choice(self._videos), rng)], VIDEO)
            elif of_expressions:
                expression = self._expression_variations.draw(rng.choice(self._expressions), rng)
                segments += self._sentences([expression], PICTURE)
            else:
                segments += self._tasks([self._instruction_variations.draw(rng.choice(self._instructions), rng)])
        return [self._pack(segments, about)]

    def calibration(self) -> list[TaughtPack]:
        """Texts that were not taught, others than those of the exam."""
        return self._calibrating

    def _packs(self, segments: Sequence[tuple[str, Segment]], about: str) -> list[TaughtPack]:
        return [self._pack(segments[at : at + TOGETHER], about) for at in range(0, len(segments), TOGETHER)]

    def _pack(self, segments: Sequence[tuple[str, Segment]], about: str) -> TaughtPack:
        kinds = [kind for kind, _ in segments]
        return TaughtPack(Pack(self._tokens.text(about), [segment for _, segment in segments]), kinds)

    def _tasks(self, instructions: Sequence[TaughtInstruction]) -> Iterator[tuple[str, Segment]]:
        """Instructions with their replies as tokens, but for those that cannot be written or are far too long."""
        for one in instructions:
            prompt = TextPrompt(one.text)
            try:
                pieces = task_surface.written(one.reply, prompt)
                yield from self._segment(one.reply.kind, prompt, pieces)
            except InstructionError:
                continue

    def _sentences(self, expressions: Sequence[TaughtExpression], about: Pieces) -> Iterator[tuple[str, Segment]]:
        """The same of expressions."""
        for one in expressions:
            prompt = TextPrompt(one.text)
            try:
                pieces = expression_surface.written(one.sentence, one.words, prompt, about)
                kind = "video" if about is VIDEO else "expression"
                yield from self._segment(f"{kind}: {one.sentence.question}", prompt, pieces)
            except InstructionError:
                continue

    def _segment(self, kind: str, prompt: TextPrompt, pieces: Sequence[str]) -> Iterator[tuple[str, Segment]]:
        segment = Segment.of((self._tokens.text(prompt.text), self._tokens.reply(pieces)))
        if len(segment.tokens) <= self._options.tokens_of_a_pass:
            yield kind, segment
