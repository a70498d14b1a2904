"""What a model is taught of reading instructions: written ones and their variations; others to examine with."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reasoning.language.teaching.checkpoints import Progress, last_checkpoint
from reasoning.language.teaching.examining import Report
from reasoning.language.teaching.loop import claim_folder, teach
from reasoning.language.teaching.options import TeachingOptions
from reasoning.language.teaching.preparing import prepare_writer
from reasoning.language.teaching.write_learner import TaughtPack, WriteLearner
from reasoning.language.writing.packs import Pack, Segment
from reasoning.language.writing.writer import WriterTokens
from vision.errors import InstructionError
from vision.reading.instructions.model.loading import JOB
from vision.reading.instructions.model.prompt import BEGINNING, InstructionPrompt
from vision.reading.instructions.model.surface import written
from vision.reading.instructions.teaching.lists import TaughtInstruction
from vision.reading.instructions.teaching.variations import Variations

KEPT_BACK = 10
"""One of so many instructions, chosen by its text, is examined with and not taught."""


def is_kept_back(instruction: str) -> bool:
    """Whether an instruction is not taught."""
    return zlib.crc32(instruction.encode()) % KEPT_BACK == 0


@dataclass(frozen=True, kw_only=True)
class InstructionTeachingOptions(TeachingOptions):
    """How a student is taught to read instructions."""

    layers: int = 30
    rank: int = 16
    learning_rate: float = 1e-3
    tokens: int = 1_000_000
    tokens_of_a_pass: int = 1024
    dtype: str = "bfloat16"
    report_every: int = 50_000


def teach_instructions(
    options: InstructionTeachingOptions,
    out: Path,
    say: Callable[[str], None],
    instructions: Sequence[TaughtInstruction],
    *,
    start: Path | None = None,
    device: str = "cpu",
) -> Report:
    """Teach a student to read instructions until `options.tokens` are seen; a run that stopped goes on.

    Args:
        options: how; those of a run that goes on must be the same.
        out: the run's folder: its log, and `checkpoint` with the adapter.
        say: is called with each line of progress.
        instructions: taught, but a tenth of them, which is examined with.
        start: an adapter to begin with, None for a new one.
        device: by torch's name; a run may go on upon another.

    Returns:
        The last examination.

    Raises:
        TeachingError: the folder holds another run.
        LLMError: the student or the adapter cannot be loaded.
    """
    claim_folder(out, options)
    writer = prepare_writer(JOB, options, last_checkpoint(out) or start, device)
    curriculum = InstructionCurriculum(instructions, options, writer.tokens)
    return teach(curriculum, options, out, WriteLearner(writer), say)


class InstructionCurriculum:
    """The packs of a run; a `reasoning.language.teaching.loop.Curriculum`.

    Args:
        instructions: taught and held out.
        options: how much is drawn.
        tokens: the student's.
    """

    unique_tokens = 0

    def __init__(
        self, instructions: Sequence[TaughtInstruction], options: InstructionTeachingOptions, tokens: WriterTokens
    ) -> None:
        self._options, self._tokens = options, tokens
        apart = [one for one in instructions if is_kept_back(one.text)]
        self._taught = [one for one in instructions if not is_kept_back(one.text)]
        self._variations = Variations(self._taught)
        self.exam: Sequence[TaughtPack] = self._packs(apart[::2])
        self._calibrating = self._packs(apart[1::2])

    def next_pass(self, progress: Progress) -> list[TaughtPack]:
        """One pack, drawn by the update's number, so that a run that goes on meets the same."""
        rng = random.Random(f"{self._options.seed}|{progress.updates}")
        segments: list[Segment] = []
        kinds: list[str] = []
        while sum(len(segment.tokens) for segment in segments) < 0.85 * self._options.tokens_of_a_pass:
            one = self._variations.draw(rng.choice(self._taught), rng)
            if (segment := self._segment(one)) is not None:
                segments.append(segment)
                kinds.append(one.reply.kind)
        return [TaughtPack(Pack(self._tokens.text(BEGINNING), segments), kinds)]

    def calibration(self) -> list[TaughtPack]:
        """Instructions that were not taught, others than those of the exam."""
        return self._calibrating

    def _packs(self, instructions: Sequence[TaughtInstruction]) -> list[TaughtPack]:
        found = [(one.reply.kind, segment) for one in instructions if (segment := self._segment(one)) is not None]
        groups = [found[at : at + 12] for at in range(0, len(found), 12)]
        beginning = self._tokens.text(BEGINNING)
        return [
            TaughtPack(Pack(beginning, [segment for _, segment in group]), [kind for kind, _ in group])
            for group in groups
        ]

    def _segment(self, one: TaughtInstruction) -> Segment | None:
        """The prompt and the reply as tokens; None where it cannot be written or is far too long."""
        prompt = InstructionPrompt(one.text)
        try:
            pieces = written(one.reply, prompt)
            segment = Segment.of((self._tokens.text(prompt.text), self._tokens.reply(pieces)))
        except InstructionError:
            return None
        return segment if len(segment.tokens) <= self._options.tokens_of_a_pass else None
