"""LangChain's graph-QA chain and this project's reader of questions on `world`, with the same embedded model.

    pip install langchain-community
    python -m benchmarks.langchain_graph_qa [--questions 30] [--threads 1]

The chain is `GraphQAChain` of langchain-community over its `NetworkxEntityGraph`, with its own two prompts: the model
names the entities of the question, the triples that start from them are put before it, and it answers in words. The
project's reader is the one that answers with `--llm embedded`, whose query is run exactly. Both have
SmolLM2-135M-Instruct. The chain is asked a sample of the list (seed 0), since a question takes it two replies; the
reader the same sample, and the whole list beside it.

The reader's answer is right where it is the list's answer. The chain's words are read kindly: they are right where they
name every expected answer, whatever else they say, or say the number, or affirm or deny. Words that say that the
answer is not known, or nothing, are a refusal. A question that the graph cannot answer, or that may mean several
things, is right where it is refused.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import random
import re
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.machine import machine, machine_words
from benchmarks.question_lists import OPEN, judged
from reasoning import Reasoner
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm import load_llm
from reasoning.parsing import understand

HERE = Path(__file__).resolve().parent
LIST = HERE / "lists" / "questions.world.unseen.jsonl"
SEED = 0

UNKNOWN = re.compile(
    r"(?:do(?:es)?n[o']t|do(?:es)? not|cannot|can't|not) (?:\w+ )?(?:know|say|answer|provide|mention|contain|have)"
    r"|unknown|no information"
)

NEGATED = re.compile(r"\bnot\b|n't\b")

Line = dict[str, Any]


def chain_over(kg: KnowledgeGraph) -> Callable[[str], str]:
    """LangChain's chain as it is documented; values are nodes too, so that it can meet them."""
    from langchain_community.chains.graph_qa.base import GraphQAChain
    from langchain_community.graphs.networkx_graph import KnowledgeTriple, NetworkxEntityGraph

    graph = NetworkxEntityGraph()
    for head, relation, tail in kg.index.whole.triples().tolist():
        graph.add_triple(KnowledgeTriple(kg.name(head), kg.relation_label(relation), kg.name(tail)))
    for column in kg.literals:
        for entity, raw in zip(column.entities.tolist(), column.values.tolist(), strict=True):
            graph.add_triple(KnowledgeTriple(kg.name(entity), column.relation, str(kg.value(column, raw))))
    chain = GraphQAChain.from_llm(load_llm("embedded"), graph=graph)
    return lambda question: str(chain.invoke({"query": question})["result"])


def with_answers(record: dict[str, Any], exact: Reasoner) -> dict[str, Any]:
    """The record with what its query gives: the `value`, or the names of the `answers`."""
    if record["query"] is None:
        return record
    answer = exact.answer(record["query"])
    return {**record, "answers": answer.entities} if answer.value is None else {**record, "value": answer.value}


def verdict_on_words(record: dict[str, Any], words: str) -> str:
    """ "right", "wrong" or "refused"."""
    said = fold(words)
    refused = not said or bool(UNKNOWN.search(words.casefold().replace("’", "'")))
    if record["kind"] in OPEN:
        return "right" if refused else "wrong"
    value = record.get("value")
    if isinstance(value, bool):
        first = (said.split() or [""])[0]
        denies = first == "no" or (first != "yes" and bool(NEGATED.search(words.casefold().replace("’", "'"))))
        right = denies != value
    elif value is not None:
        numbers = re.findall(r"\d+(?:\.\d+)?", words.replace(",", ""))
        right = any(float(number) == float(value) for number in numbers)
    else:
        right = all(re.search(rf"(?<!\w){re.escape(fold(name))}(?!\w)", said) for name in record["answers"])
    return "right" if right else "refused" if refused else "wrong"


def ask_chain(kg: KnowledgeGraph, records: Sequence[dict[str, Any]]) -> list[Line]:
    """The chain's line for each question."""
    ask = chain_over(kg)
    ask("Is there anything here?")  # loads the weights
    lines = []
    for record in records:
        began = time.perf_counter()
        words = ask(record["question"])
        seconds = time.perf_counter() - began
        lines.append(_line(record, verdict_on_words(record, words), words, seconds))
        print(json.dumps(lines[-1], ensure_ascii=False), flush=True)
    return lines


def ask_reader(kg: KnowledgeGraph, records: Sequence[dict[str, Any]]) -> list[Line]:
    """The reader's line for each question."""
    understand("What is the capital of Peru?", kg)  # loads the weights and makes the graph's schema
    lines = []
    for record in records:
        began = time.perf_counter()
        found = understand(record["question"], kg)
        right, _ = judged(record, found, kg)
        seconds = time.perf_counter() - began
        verdict = "right" if right else "refused" if found.query is None else "wrong"
        lines.append(_line(record, verdict, str(found.query or found.problem), seconds))
    return lines


def _line(record: dict[str, Any], verdict: str, said: str, seconds: float) -> Line:
    about = {
        "question": record["question"],
        "kind": record["kind"],
        "expected": record.get("answers", record.get("value")),
    }
    return {**about, "verdict": verdict, "said": said, "seconds": round(seconds, 3)}


def table(results: dict[str, list[Line]]) -> str:
    """One row a method, in Markdown."""
    rows = [
        "| method | questions | right | wrong, said with confidence | refused though answerable | median s |",
        "|---|---|---|---|---|---|",
    ]
    for name, lines in results.items():
        counts = [sum(line["verdict"] == verdict for line in lines) for verdict in ("right", "wrong", "refused")]
        median = statistics.median(line["seconds"] for line in lines)
        rows.append(f"| {name} | {len(lines)} | {' | '.join(map(str, counts))} | {median:.2f} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--questions", type=int, default=30, help="asked of both, drawn with seed 0")
    parser.add_argument("--threads", type=int, default=1, help="of the language model")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    records = [json.loads(line) for line in LIST.read_text(encoding="utf-8").splitlines()]
    places = sorted(random.Random(SEED).sample(range(len(records)), min(arguments.questions, len(records))))
    sample = [records[place] for place in places]
    kg = KnowledgeGraph.load("world")
    exact = Reasoner(kg, method="exact")
    sample = [with_answers(record, exact) for record in sample]
    results = {
        "LangChain GraphQAChain": ask_chain(kg, sample),
        "Skylark, embedded": ask_reader(kg, sample),
        "Skylark, embedded, whole list": ask_reader(kg, records),
    }
    text = table(results)
    print(text)
    versions = {name: importlib.metadata.version(name) for name in ("langchain-community", "langchain-core")}
    report = {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "threads": arguments.threads,
        "versions": versions,
        "list": LIST.name,
        "seed": SEED,
        "results": results,
    }
    target = HERE / "results" / "langchain_graph_qa"
    target.with_suffix(".json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    packages = ", ".join(f"{name} {version}" for name, version in versions.items())
    note = f"`{LIST.name}`, seed {SEED}; {packages}; {arguments.threads} thread(s); {machine_words(report['machine'])}"
    target.with_suffix(".md").write_text(f"{text}\n\n{note}\n")


if __name__ == "__main__":
    main()
