"""What of the way in which reading questions is taught matters: the same lessons, taught with one thing changed.

    python -m benchmarks.reading_students RUNS

Each student sees the same number of tokens from a fresh adapter on: as the packaged one is taught; with 12 of its 30
layers; and without the schema in the prompt, writing names of relations and kinds in words. All are examined, greedily
and unconstrained, on the same questions over graphs from domains that are not taught and from ones that are. RUNS is a
folder for the runs, which go on if they are stopped. Writes `results/reading_students.json` and `.md`.
"""

from __future__ import annotations

import argparse
import datetime
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine, machine_words
from benchmarks.student_runs import taught, write_report
from kg_data.text_table import aligned
from reasoning.language.teaching.checkpoints import Progress
from reasoning.language.teaching.write_learner import TaughtPack
from reasoning.language.writing.packs import Pack, Segment
from reasoning.language.writing.writer import WriterTokens
from reasoning.reading.model.prompt import KIND_IDS, RELATION_IDS, Schema, on_a_line
from reasoning.reading.teaching.curriculum import HELD_OUT, QuestionTeachingOptions, packed
from reasoning.reading.teaching.domains import Domain, load_domains
from reasoning.reading.teaching.drawing import DrawnPack, LessonDrawer

OPTIONS = QuestionTeachingOptions(tokens=200_000, report_every=50_000, learning_rate=1.5e-3)
"""Of each student, but for its layers."""

PACKS = 16
"""Of an examination, from each kind of domains."""

HELD, TAUGHT = "held-out domains", "taught domains"

Packed = Callable[[DrawnPack, WriterTokens, int | None], TaughtPack]


def in_words(drawn: DrawnPack, tokens: WriterTokens, most: int | None) -> TaughtPack:
    """Lessons without the schema: what has an id there is written by its words."""
    beginning = tokens.text("Questions\n")
    segments: list[Segment] = []
    total = len(beginning)
    for lesson in drawn.lessons:
        reply = [tokens.text(_word(drawn.schema, piece)) for piece in lesson.pieces]
        segment = Segment.of((tokens.text(lesson.prompt.text), np.concatenate([*reply, [tokens.end]])))
        total += len(segment.tokens)
        if most is not None and segments and total > most:
            break
        segments.append(segment)
    return TaughtPack(Pack(beginning, segments), [""] * len(segments))


def _word(schema: Schema, piece: str) -> str:
    for ids, named in ((RELATION_IDS, schema.relations), (KIND_IDS, schema.kinds)):
        if piece in ids[: len(named)]:
            return on_a_line(named[ids.index(piece)].words)
    return piece


STUDENTS: dict[str, tuple[int, Packed]] = {
    "as it is: 30 layers, the schema in the prompt": (30, packed),
    "12 layers": (12, packed),
    "without the schema in the prompt": (30, in_words),
}


class Lessons:
    """Questions over drawn graphs; a `reasoning.language.teaching.loop.Curriculum`."""

    unique_tokens = 0

    def __init__(self, pack: Packed, tokens: WriterTokens) -> None:
        self._pack, self._tokens = pack, tokens
        domains = load_domains()
        self._taught = [domain for domain in domains if domain.name not in HELD_OUT]
        apart = [domain for domain in domains if domain.name in HELD_OUT]
        self.exam: Sequence[TaughtPack] = [
            self._drawn(of, f"exam|{kind}|{number}", kind, None)
            for kind, of in ((HELD, apart), (TAUGHT, self._taught))
            for number in range(PACKS)
        ]

    def next_pass(self, progress: Progress) -> list[TaughtPack]:
        """One pack, drawn by the update's number."""
        return [self._drawn(self._taught, f"{progress.updates}", "taught", OPTIONS.tokens_of_a_pass)]

    def calibration(self) -> Sequence[TaughtPack]:
        """The exam: no probability of this run is used."""
        return self.exam

    def _drawn(self, domains: Sequence[Domain], seed: str, kind: str, most: int | None) -> TaughtPack:
        drawn = LessonDrawer(domains, random.Random(f"{OPTIONS.seed}|{seed}")).pack(bindings=0)
        pack = self._pack(drawn, self._tokens, most)
        return TaughtPack(pack.pack, [kind] * len(pack.kinds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("runs", type=Path, help="folder for the runs")
    folder = parser.parse_args().runs
    report = {
        "command": "python -m benchmarks.reading_students RUNS",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "curves": {
            name: taught(replace(OPTIONS, layers=layers), folder / f"student{number}", partial(Lessons, pack))
            for number, (name, (layers, pack)) in enumerate(STUDENTS.items())
        },
    }
    write_report("reading_students", report, as_markdown(report))


def as_markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    rows = [
        (name, f"{line['tokens']:,}", *(f"{line['held_out_exact'][kind]:.3f}" for kind in (HELD, TAUGHT)))
        for name, found in report["curves"].items()
        for line in found
    ]
    return (
        "# Students taught to read, with one thing changed\n\n"
        f"`{report['command']}`, {report['date']}, {machine_words(report['machine'])}. A fresh adapter each; the share "
        "of questions for which every token is the likeliest one, nothing held to the grammar.\n\n"
        f"```\n{aligned(('student', 'tokens', HELD, TAUGHT), rows)}\n```\n"
    )


if __name__ == "__main__":
    main()
