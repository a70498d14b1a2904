"""New tokens for ids against existing words: the same run, its ids being rows that are added to the embedding.

    python -m reasoning teach steps --out runs/words --layers 12 --tokens 120000 --tokens-of-a-pass 384 --seed 3
    python -m benchmarks.new_rows runs/words runs/rows

As many rows are added as the scheme has words, drawn with the mean and the covariance of the rows that the model has
(Hewitt 2021, "Initializing New Word Embeddings for Pretrained Language Models"), no two more alike than words may be,
and taught together with the adapter's matrices. Everything else, the matrices' beginning too, is as in the run with
words. Writes `results/new_rows.json` and `.md`; a stopped run goes on.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.exact_executor import RESULTS
from benchmarks.machine import machine, machine_words
from benchmarks.repeated_steps import check_row, curve, teaching
from reasoning.lark.prompts import OPERATION_WORDS
from reasoning.lm.candidate_scoring import Marks, Student, attach, open_base
from reasoning.lm.low_rank import load_adapter, new_config
from reasoning.lm.mark_scheme import MarkScheme, unlike
from skylark.text import aligned
from training.commands import HELD_OUT, TAUGHT, load_graphs
from training.learners import MarkLearner
from training.loop import last_checkpoint, train
from training.steps import StepCurriculum, StepOptions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("words", type=Path, help="the folder of a run whose ids are existing words")
    parser.add_argument("rows", type=Path, help="the folder of the run with new rows")
    given = parser.parse_args()
    options = StepOptions(**json.loads((given.words / "options.json").read_text(encoding="utf-8")))
    given.rows.mkdir(parents=True, exist_ok=True)
    adapter, student = prepare(options)
    if checkpoint := last_checkpoint(given.rows):
        load_adapter(adapter, checkpoint)
    graphs = load_graphs(TAUGHT, HELD_OUT, options.seed)
    curriculum = StepCurriculum(graphs, options, student, say)
    train(curriculum, options, given.rows, MarkLearner(adapter, student), say)
    report = {
        "command": f"python -m benchmarks.new_rows runs/{given.words.name} runs/{given.rows.name}",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "words": teaching(given.words),
        "options": options.to_dict(),
        "rows": len(student.marks.scheme.words),
        "curves": {"existing words": curve(given.words), "new rows": curve(given.rows)},
    }
    text = as_markdown(report)
    (RESULTS / "new_rows.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "new_rows.md").write_text(text, encoding="utf-8")
    print(text)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def prepare(options: StepOptions) -> tuple[Any, Student]:
    """The student as `preparing.prepare` makes it, but the scheme's words are new rows, which are taught."""
    import torch

    torch.manual_seed(options.seed)
    model, tokenizer = open_base(options.source, options.dtype)
    scheme = MarkScheme.of(tokenizer, model.get_input_embeddings().weight, OPERATION_WORDS)
    with torch.random.fork_rng():
        rows = add_rows(model, len(scheme.words))
    names = {token: name for token, name in scheme.names.items() if token not in scheme.words}
    names |= {row: f"id{number}" for number, row in enumerate(rows)}
    config = new_config(options.rank)
    config.trainable_token_indices = {"embed_tokens": list(rows)}
    return attach(model, Marks(replace(scheme, words=rows, names=names), options.layers), config)


def add_rows(model: Any, count: int) -> tuple[int, ...]:
    """New tokens whose embeddings have the mean and the covariance of those that there are, no two alike."""
    import torch

    there = model.get_input_embeddings().weight.detach().float()
    mean, covariance = there.mean(dim=0), torch.cov(there.T)
    drawn = torch.distributions.MultivariateNormal(mean, covariance).sample((4 * count,))
    new = drawn[unlike(list(range(len(drawn))), drawn)[:count]]
    model.resize_token_embeddings(len(there) + count, mean_resizing=False)
    with torch.no_grad():
        model.get_input_embeddings().weight[len(there) :] = new
    return tuple(range(len(there), len(there) + count))


def as_markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    words, rows = report["curves"].values()
    heads = [f"{name}: {what}" for name in report["curves"] for what in ("tokens", "exact", "wrong marks", "loss")]
    lines = [check_row(one) + check_row(other) for one, other in zip(words, rows, strict=False)]
    return (
        "# New rows of the embedding for ids, against existing words\n\n"
        f"`{report['command']}`, {report['date']}, {machine_words(report['machine'])}. {report['rows']:,} rows. "
        f"The run with words: `{report['words']}`. On held-out graphs, {report['options']['held_out']} steps of each "
        "kind, means over the six kinds; the loss is that of teaching since the check before.\n\n"
        f"```\n{aligned(heads, lines)}\n```\n"
    )


if __name__ == "__main__":
    main()
