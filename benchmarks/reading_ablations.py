"""What of the way in which the model reads questions matters, and how models that were not taught read them.

    python -m benchmarks.reading_ablations [--untaught FILE.gguf ...]

Every fifth question of the unseen lists that has one answer is read: as the product does; with nothing holding the
model's text to the grammar and the prompt's ids; and without the kinds being checked. Right is where the best reading,
however sure, gives the answer. `--untaught` are general models (a .gguf file, a folder, a hub's name) that are shown
two graphs with eight questions and their queries each, before the same prompt under the same grammar and checks.
Writes `results/reading_ablations.json` and `.md`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.machine import machine, machine_words
from benchmarks.question_lists import HERE, OPEN, UNSEEN, graph_named, judged
from benchmarks.student_runs import write_report
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm.generation import FINGERPRINT_ROWS, BeamWriter, Writer, WriterTokens, Writing, Written
from reasoning.lm.local_weights import find_weights, model_name, open_model
from reasoning.lm.low_rank import lower_layers, rows_fingerprint
from reasoning.parsing.checking import Checked
from reasoning.parsing.reader import JOB, PACKAGED, Confidence, QuestionReader, reader_of
from reasoning.parsing.schema import GraphSchema, schema_of
from reasoning.query.binding import bind
from reasoning.query.read_question import ReadQuestion
from reasoning.query.tree import Query
from skylark.errors import SkylarkError
from skylark.text import aligned
from training.question_phrases import load_domains
from training.question_sampling import ExampleSampler

EVERY = 5
EXAMPLES, SHOWN_GRAPHS = 8, 2
ANY_TEXT = r"start: /[^\n]{1,40}/"

WHOLE, FREE, UNCHECKED = "as it is", "nothing held to the grammar", "kinds not checked"


class LineTokens(WriterTokens):
    """A general model's tokens: its reply ends with the line."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__(tokenizer)
        self.end = int(self.text("\n")[-1])


class ShownExamples:
    """Writes like a `BeamWriter`, behind examples of what is to be written."""

    def __init__(self, writer: Writer) -> None:
        self._beams = BeamWriter(writer, texts=1, most_tokens=40)
        self.tokens = writer.tokens
        sampler = ExampleSampler(load_domains(), random.Random("examples"))
        drawn = [sampler.pack(EXAMPLES, bindings=0) for _ in range(SHOWN_GRAPHS)]
        self._examples = "".join(
            pack.schema.text + "".join(f"{lesson.prompt.text}{''.join(lesson.pieces)}\n" for lesson in pack.examples)
            for pack in drawn
        )

    def write(self, beginning: str, prompt: str, grammar: str) -> tuple[Written, ...]:
        """See `BeamWriter.write`."""
        return self._beams.write(self._examples + beginning, prompt, grammar)


def untaught(source: str) -> ShownExamples:
    """A general model without an adapter."""
    model, tokenizer = open_model(find_weights(source), model_name(source), dtype="bfloat16")
    layers = model.config.num_hidden_layers
    writing = Writing(JOB, layers, rows_fingerprint(model, FINGERPRINT_ROWS))
    decoder = lower_layers(model, layers).requires_grad_(False).eval()
    return ShownExamples(Writer(decoder, model.get_output_embeddings(), LineTokens(tokenizer), writing))


def bound_alone(query: Query, schema: GraphSchema) -> Checked:
    """In the place of `check`: whether all names are there, and no more."""
    bind(query, schema.kg)
    return Checked(query)


@contextmanager
def changed(variant: str) -> Iterator[None]:
    """The product with one thing taken out."""
    reading = "reasoning.parsing.model"
    with ExitStack() as patches:
        if variant == FREE:
            patches.enter_context(patch(f"{reading}.reader.query_grammar", lambda prompt, piece: ANY_TEXT))
        if variant == UNCHECKED:
            patches.enter_context(patch(f"{reading}.linked_question.check", bound_alone))
        yield


def asked() -> list[dict[str, Any]]:
    """Every fifth question with one answer of the unseen lists."""
    paths = [HERE / "lists" / f"questions.{name}.unseen.jsonl" for name in UNSEEN]
    records = [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    return [record for record in records if record["kind"] not in OPEN][::EVERY]


def read_all(
    records: list[dict[str, Any]], graphs: dict[str, KnowledgeGraph], readers: dict[str, QuestionReader]
) -> dict[str, Any]:
    """How many best readings are right and wrong, and the seconds that each took."""
    right, none, seconds = 0, 0, []
    for number, record in enumerate(records):
        name = record.get("kg", "world")
        began = time.perf_counter()
        try:
            readings = readers[name].read(record["question"])
        except SkylarkError:
            readings = []
        seconds.append(time.perf_counter() - began)
        best = readings[0].query if readings else None
        none += best is None
        right += judged(record, ReadQuestion(record["question"], best), graphs[name])[0]
        if number % 20 == 19:
            print(f"{number + 1} read, {right} right", file=sys.stderr, flush=True)
    median = round(statistics.median(seconds), 2)
    return {"right": right, "without a query": none, "count": len(records), "median_seconds": median}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--untaught", nargs="+", default=[], metavar="MODEL", help="general models")
    sources = parser.parse_args().untaught
    data = Path(os.environ.get("SKYLARK_DATA", HERE.parent.parent / "shared" / "data"))
    records = asked()
    graphs = {name: graph_named(name, data) for name in dict.fromkeys(record.get("kg", "world") for record in records)}
    found: dict[str, dict[str, Any]] = {}
    for variant in (WHOLE, FREE, UNCHECKED):
        with changed(variant):
            found[variant] = read_all(records, graphs, {name: reader_of(kg, PACKAGED) for name, kg in graphs.items()})
        write(found, sources)
    for source in sources:
        beams, confidence = untaught(source), Confidence.read(Path("none"))
        readers = {name: QuestionReader(schema_of(kg), beams, confidence) for name, kg in graphs.items()}  # type: ignore[arg-type]
        found[f"{model_name(source)}, not taught"] = read_all(records, graphs, readers)
        write(found, sources)


def write(found: dict[str, dict[str, Any]], sources: Sequence[str]) -> None:
    """The report of what was read so far: the later readers take long."""
    untaught_flags = ["--untaught", *map(model_name, sources)] if sources else []
    report = {
        "command": " ".join(["python -m benchmarks.reading_ablations", *untaught_flags]),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "found": found,
    }
    write_report("reading_ablations", report, as_markdown(report))


def as_markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    rows = [
        (name, str(one["right"]), str(one["count"]), f"{one['right'] / one['count']:.3f}",
         str(one["without a query"]), f"{one['median_seconds']:.2f}")
        for name, one in report["found"].items()
    ]  # fmt: skip
    table = aligned(("reader", "right", "of", "share", "no query", "median s"), rows)
    return (
        "# Reading questions with one thing taken out, and by models that were not taught\n\n"
        f"`{report['command']}`, {report['date']}, {machine_words(report['machine'])}. Every fifth question with one "
        f"answer of the unseen lists; right is where the best reading, however sure, gives the answer.\n\n"
        f"```\n{table}\n```\n"
    )


if __name__ == "__main__":
    main()
