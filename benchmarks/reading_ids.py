"""Whether a model binds words to relations sooner by ids of one token, or by copying the relation's label.

    python -m benchmarks.reading_ids RUNS

Two students are taught alike what people say of single relations and kinds, over graphs that are drawn from the
domains: one writes the id that the schema shows behind a relation, the other the label itself, from a schema without
ids. Both are examined on domains that are not taught. RUNS is a folder for the two runs, which go on if they are
stopped. Writes `results/reading_ids.json` and `.md`.
"""

from __future__ import annotations

import argparse
import datetime
import random
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine, machine_words
from benchmarks.student_runs import taught, write_report
from reasoning.lm.generation import WriterTokens
from reasoning.lm.packs import Pack, Segment
from reasoning.parsing.schema import ANSWER, KIND_IDS, RELATION_IDS, on_a_line
from skylark.text import aligned
from training.learners import PackExample
from training.loop import Progress
from training.question_phrases import Domain, load_domains
from training.question_sampling import Binding, SampledGraph, sample_bindings, sample_graph
from training.questions import HELD_OUT, MOST_BINDINGS, TURNS, QuestionOptions

OPTIONS = QuestionOptions(tokens=80_000, report_every=20_000, learning_rate=8e-4)
PACKS = 10
NAMINGS = ("ids", "labels")
_ID = re.compile(r" =.$", re.MULTILINE)


class Bindings:
    """Packs of words with the relation or kind that they mean; a `training.loop.Curriculum`."""

    unique_tokens = 0

    def __init__(self, naming: str, tokens: WriterTokens) -> None:
        self._naming, self._tokens = naming, tokens
        domains = load_domains()
        self._taught = [domain for domain in domains if domain.name not in HELD_OUT]
        apart = [domain for domain in domains if domain.name in HELD_OUT]
        self.exam: Sequence[PackExample] = [
            self._pack(of, random.Random(f"exam|{kind}|{number}"), 1, kind)
            for kind, of in (("held-out domains", apart), ("taught domains", self._taught))
            for number in range(PACKS)
        ]

    def next_pass(self, progress: Progress) -> list[PackExample]:
        """One pack, drawn by the update's number."""
        return [self._pack(self._taught, random.Random(f"{OPTIONS.seed}|{progress.updates}"), TURNS, "taught")]

    def calibration(self) -> Sequence[PackExample]:
        """The exam: no probability of this run is used."""
        return self.exam

    def _pack(self, domains: Sequence[Domain], rng: random.Random, turns: int, kind: str) -> PackExample:
        graph = sample_graph(domains, rng)
        text = graph.schema.text if self._naming == "ids" else _ID.sub("", graph.schema.text)
        beginning = self._tokens.text(text)
        segments: list[Segment] = []
        drawn = sample_bindings(graph, MOST_BINDINGS, rng)
        for at in range(0, len(drawn), turns):
            segment = Segment.of(*(self._turn(graph, binding) for binding in drawn[at : at + turns]))
            held = len(beginning) + sum(len(other.tokens) for other in segments)
            if segments and held + len(segment.tokens) > OPTIONS.tokens_of_a_pass:
                break
            segments.append(segment)
        return PackExample(Pack(beginning, segments), [kind] * len(segments))

    def _turn(self, graph: SampledGraph, binding: Binding) -> tuple[Any, Any]:
        texts = [self._name(graph, piece) for piece in binding.pieces]
        reply = np.concatenate([self._tokens.text(text) for text in (*texts, "\n")])
        return self._tokens.text(f"{binding.text}\n{ANSWER}"), reply

    def _name(self, graph: SampledGraph, piece: str) -> str:
        if self._naming == "ids" or piece == "~":
            return piece
        if piece in RELATION_IDS:
            return on_a_line(graph.schema.relations[RELATION_IDS.index(piece)].words)
        return on_a_line(graph.schema.kinds[KIND_IDS.index(piece)].words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("runs", type=Path, help="folder for the two runs")
    folder = parser.parse_args().runs
    report = {
        "command": "python -m benchmarks.reading_ids RUNS",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "curves": {naming: taught(OPTIONS, folder / naming, partial(Bindings, naming)) for naming in NAMINGS},
    }
    write_report("reading_ids", report, as_markdown(report))


def as_markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    lines = [(naming, line) for naming, found in report["curves"].items() for line in found]
    rows = [
        (naming, f"{line['tokens']:,}", f"{line['loss']:.2f}", *map("{:.3f}".format, line["held_out_exact"].values()))
        for naming, line in lines
    ]
    heads = ("written", "tokens", "loss", *lines[0][1]["held_out_exact"])
    return (
        "# Ids of one token, against labels that are copied\n\n"
        f"`{report['command']}`, {report['date']}, {machine_words(report['machine'])}. The share of phrases for which "
        f"every token of the relation or kind is right; a label may have several.\n\n```\n{aligned(heads, rows)}\n```\n"
    )


if __name__ == "__main__":
    main()
