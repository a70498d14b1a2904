"""How long a visitor of the demo waits: to the exact answer, and to the first reply of the embedded model.

    python -m benchmarks.first_step

The graph is open and the weights are loaded before the clock starts; the web server and the browser are left out. Each
example of the built-in graph is asked once, as the page asks it, and its chain is stopped after the first step.
Writes `benchmarks/results/first_step.json` and `.md`.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.graph.answer_view import ask
from app.graph.examples import WORLD_EXAMPLES
from app.graph.graphs import DEFAULT_GRAPH
from app.graph.steps_view import LiveRun
from app.models import LanguageModel
from benchmarks.machine import machine, machine_words
from reasoning import KnowledgeGraph
from reasoning.execution.conclusion import StepFinished

RESULTS = Path(__file__).with_name("results")
COMMAND = "python -m benchmarks.first_step"


@dataclass(frozen=True)
class Wait:
    """One question's waits, in seconds from the moment it is asked.

    Attributes:
        question: what was asked.
        exact: to the exact answer, the reading of the question included.
        first_reply: to the model's first reply to the first step, whether it could be used or not.
        first_step: to the end of the first step, a second attempt included where the first reply was refused.
        prompt_tokens: tokens of the first step's prompt.
        outcome: "agrees", "differs", "failed", or "exact" where the step asks no model.
    """

    question: str
    exact: float
    first_reply: float | None
    first_step: float
    prompt_tokens: int
    outcome: str


def measure(kg: KnowledgeGraph, model: LanguageModel, question: str) -> Wait:
    began = time.perf_counter()
    asked = ask(kg, DEFAULT_GRAPH, question, model.reader)
    exact = time.perf_counter() - began
    run = LiveRun(kg, asked.query, model.for_run())
    events = run.events(tick=0.05)
    result = next(event for event in events if isinstance(event, StepFinished)).result
    first_step = time.perf_counter() - began
    run.stop()
    while run.working:
        time.sleep(0.05)
    attempts = [attempt.seconds for attempt in result.attempts]
    outcome = (
        "exact" if result.by == "exact" else "failed" if result.error else "agrees" if result.agrees else "differs"
    )
    return Wait(
        question,
        exact,
        first_step - sum(attempts[1:]) if attempts else None,
        first_step,
        result.context.tokens if result.context else 0,
        outcome,
    )


def as_markdown(waits: list[Wait], here: dict[str, Any]) -> str:
    load = f", with a load of {here['load']} from other work before" if "load" in here else ""
    lines = [
        "# Waiting for the first step",
        "",
        f"`{COMMAND}`, on {machine_words(here)}{load}. Graph and weights were loaded before; each question was asked "
        "once.",
        "",
        "| question | exact answer | first reply | first step done | prompt tokens | outcome |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for wait in waits:
        reply = "none asked" if wait.first_reply is None else f"{wait.first_reply:.1f} s"
        question = wait.question.replace("|", "\\|")
        lines.append(
            f"| `{question}` | {wait.exact * 1000:.1f} ms | {reply} | {wait.first_step:.1f} s "
            f"| {wait.prompt_tokens} | {wait.outcome} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    # The waits grow with whatever else the machine does.
    here = machine() | ({"load": round(os.getloadavg()[0], 1)} if hasattr(os, "getloadavg") else {})
    kg, model = KnowledgeGraph.load(DEFAULT_GRAPH), LanguageModel("embedded")
    model.warm_up()
    # One question more, unmeasured: the first one builds the graph's index of names.
    ask(kg, DEFAULT_GRAPH, "What is the capital of France?", model.reader)
    waits = []
    for example in WORLD_EXAMPLES:
        waits.append(measure(kg, model, example.text))
        print(waits[-1], flush=True)
    RESULTS.mkdir(exist_ok=True)
    content = {"command": COMMAND, "machine": here, "waits": [asdict(wait) for wait in waits]}
    (RESULTS / "first_step.json").write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (RESULTS / "first_step.md").write_text(as_markdown(waits, here), encoding="utf-8")
    print(as_markdown(waits, here))


if __name__ == "__main__":
    main()
