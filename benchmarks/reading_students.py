"""What of the way in which reading questions is taught matters: the same lessons, taught with one thing changed.

    python -m benchmarks.reading_students RUNS [--base MODEL LAYERS]

Each student sees the same number of tokens from a fresh adapter on: as the packaged one is taught; without the written
questions; and, of generated questions alone, with 12 of its 30 layers, without the schema in the prompt, writing names
of relations and kinds in words, with a quarter of the questions met four times, and upon another base (`--base`: a
.gguf file, a folder, a hub's name). All are examined, greedily and unconstrained, on the same questions over graphs
from domains that are not taught, from ones that are, and on written questions about small graphs that are not taught.
RUNS is a folder for the runs, which go on if they are stopped. Writes `results/reading_students.json` and `.md`.
"""

from __future__ import annotations

import argparse
import datetime
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine, machine_words
from benchmarks.student_runs import taught, write_report
from reasoning.lm.generation import WriterTokens
from reasoning.lm.local_weights import model_name
from reasoning.lm.packs import Pack, Segment
from reasoning.parsing.schema import KIND_IDS, RELATION_IDS, Schema, on_a_line
from skylark.text import aligned
from training.learners import PackExample
from training.loop import Progress
from training.question_phrases import load_domains
from training.question_sampling import ExampleSampler, SampledPack
from training.questions import HELD_OUT, LISTED, QuestionOptions, listed_graphs, packaged_lists, packed

OPTIONS = QuestionOptions(tokens=120_000, report_every=40_000, learning_rate=1.5e-3)
"""Of each student, but for its base and layers."""

PACKS = 16
"""Of an examination, from each kind of domains."""

APART = 10
"""Of the small graphs with written questions every so many is examined with and not taught."""

HELD, TAUGHT, WRITTEN = "held-out domains", "taught domains", "written, graphs not taught"

QUARTER = 38
"""Packs that are a quarter of what a student meets."""

Packed = Callable[[SampledPack, WriterTokens, int | None], PackExample]


def in_words(drawn: SampledPack, tokens: WriterTokens, most: int | None) -> PackExample:
    """Lessons without the schema: what has an id there is written by its words."""
    beginning = tokens.text("Questions\n")
    segments: list[Segment] = []
    total = len(beginning)
    for lesson in drawn.examples:
        reply = [tokens.text(_word(drawn.schema, piece)) for piece in lesson.pieces]
        segment = Segment.of((tokens.text(lesson.prompt.text), np.concatenate([*reply, [tokens.end]])))
        total += len(segment.tokens)
        if most is not None and segments and total > most:
            break
        segments.append(segment)
    return PackExample(Pack(beginning, segments), [""] * len(segments))


def _word(schema: Schema, piece: str) -> str:
    for ids, named in ((RELATION_IDS, schema.relations), (KIND_IDS, schema.kinds)):
        if piece in ids[: len(named)]:
            return on_a_line(named[ids.index(piece)].words)
    return piece


@dataclass(frozen=True)
class Taught:
    """What is changed of a student.

    Attributes:
        layers: how many of its base are used.
        pack: from drawn lessons to what is taught.
        written: share of packs that are of written questions.
        source: its base, None for the embedded model.
        packs: how many different ones are drawn, and then met again; None: each is new.
    """

    layers: int = 30
    pack: Packed = packed
    written: float = 0.0
    source: str | None = None
    packs: int | None = None


STUDENTS = {
    f"as it is: {LISTED:.0%} written questions": Taught(written=LISTED),
    "generated questions alone": Taught(),
    "generated, 12 layers": Taught(layers=12),
    "generated, without the schema in the prompt": Taught(pack=in_words),
    "generated, a quarter of it met four times": Taught(packs=QUARTER),
}


class Lessons:
    """Questions over drawn and written graphs; a `training.loop.Curriculum`."""

    unique_tokens = 0

    def __init__(self, student: Taught, tokens: WriterTokens) -> None:
        self._student, self._tokens = student, tokens
        domains = load_domains()
        self._taught = [domain for domain in domains if domain.name not in HELD_OUT]
        apart = [domain for domain in domains if domain.name in HELD_OUT]
        lists = [path for path in packaged_lists() if path.parent.name == "own"]
        graphs = sorted(listed_graphs(lists, ()), key=lambda graph: graph.name)
        self._written = [graph for at, graph in enumerate(graphs) if at % APART]
        exam = [
            self._packed(ExampleSampler(of, random.Random(f"exam|{kind}|{number}")).pack(bindings=0), kind)
            for kind, of in ((HELD, apart), (TAUGHT, self._taught))
            for number in range(PACKS)
        ]
        exam += [self._packed(graph.pack(random.Random("exam")), WRITTEN) for graph in graphs[::APART]]
        self.exam: Sequence[PackExample] = exam

    def next_pass(self, progress: Progress) -> list[PackExample]:
        """One pack, drawn by the update's number."""
        number = progress.updates if self._student.packs is None else progress.updates % self._student.packs
        rng = random.Random(f"{OPTIONS.seed}|{number}")
        if rng.random() < self._student.written:
            drawn = rng.choice(self._written).pack(rng)
        else:
            drawn = ExampleSampler(self._taught, rng).pack(bindings=0)
        return [self._packed(drawn, "taught", OPTIONS.tokens_of_a_pass)]

    def calibration(self) -> Sequence[PackExample]:
        """The exam: no probability of this run is used."""
        return self.exam

    def _packed(self, drawn: SampledPack, kind: str, most: int | None = None) -> PackExample:
        pack = self._student.pack(drawn, self._tokens, most)
        return PackExample(pack.pack, [kind] * len(pack.kinds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("runs", type=Path, help="folder for the runs")
    parser.add_argument("--base", nargs=2, metavar=("MODEL", "LAYERS"), help="another base, with all its layers")
    arguments = parser.parse_args()
    students = dict(STUDENTS)
    if arguments.base is not None:
        source, layers = arguments.base
        students[f"generated, upon {model_name(source)}"] = Taught(layers=int(layers), source=source)
    report = {
        "command": "python -m benchmarks.reading_students RUNS --base qwen2.5-coder-0.5b-instruct-q4_k_m.gguf 24",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "curves": {
            name: taught(
                replace(OPTIONS, layers=student.layers, source=student.source),
                arguments.runs / f"student{number}",
                partial(Lessons, student),
            )
            for number, (name, student) in enumerate(students.items())
        },
    }
    write_report("reading_students", report, as_markdown(report))


def as_markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    rows = [
        (name, f"{line['tokens']:,}", *(f"{line['held_out_exact'][kind]:.3f}" for kind in (HELD, TAUGHT, WRITTEN)))
        for name, found in report["curves"].items()
        for line in found
    ]
    return (
        "# Students taught to read, with one thing changed\n\n"
        f"`{report['command']}`, {report['date']}, {machine_words(report['machine'])}. A fresh adapter each; the share "
        "of questions for which every token is the likeliest one, nothing held to the grammar.\n\n"
        f"```\n{aligned(('student', 'tokens', HELD, TAUGHT, WRITTEN), rows)}\n```\n"
    )


if __name__ == "__main__":
    main()
