"""How well a model extracts triples from sentences, and what holding it to the text takes away.

    python -m benchmarks.text_triples embedded
    python -m benchmarks.text_triples hf:FOLDER --lists written

Three lists of `lists/text_triples/`, each text a document of its own, read with the schema that stands there:
*written*, 20 texts with invented names; *graphs*, sentences made from facts of ten graphs; *real*,
60 sentences of two reference works, annotated by two people. Against the second annotation the same reply is counted
again. A triple counts where head, relation and tail are those of the list but for case, accents, marks and a leading
"the"; of relations that go both ways either direction does. "As written" counts what the model wrote, "held to the
text" what is left of it. Writes `benchmarks/results/text_triples.json` and `.md`, where the figures of other models
stay. `embedded`, which the product refuses here, is measured as any model.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]

from benchmarks.machine import machine, machine_words
from kg_data.values import Value
from reasoning.extraction.asking import (
    Asker,
    ExtractionOptions,
    Grounded,
    TriplesReply,
    UnreadableReplyError,
    extracting_messages,
    grounded,
    open_model,
    triples_kind,
)
from reasoning.extraction.documents import Document, passages
from reasoning.extraction.schema import ExtractionSchema
from reasoning.graph.names import fold
from reasoning.lm import load_llm
from reasoning.lm.errors import LLMError
from skylark.files import write_whole

FOLDER = Path(__file__).with_name("lists") / "text_triples"
RESULTS = Path(__file__).with_name("results")
LISTS = {
    "written": "written texts with invented names",
    "graphs": "sentences made from facts of ten graphs",
    "real": "real sentences, by the first annotation",
    "real, second": "the same by the second annotation",
}

Triple = tuple[str, str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("llm")
    parser.add_argument("--called", help="the model's name in the results, where it is a folder here")
    parser.add_argument(
        "--lists", nargs="+", choices=("written", "graphs", "real"), default=("written", "graphs", "real")
    )
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--max-new-tokens", type=int, default=256, help="of a reply; three triples take some 120")
    options = parser.parse_args()
    asked = ExtractionOptions(
        cache=False, timeout=600, dtype=options.dtype, max_new_tokens=options.max_new_tokens, repairs=0
    )
    path = RESULTS / "text_triples.json"
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    found = results.setdefault(options.called or options.llm, {})
    for name in options.lists:
        found |= measure(options.llm, name, asked)
        write_whole(path, json.dumps(results, indent=1, ensure_ascii=False).encode() + b"\n")
        write_whole(path.with_suffix(".md"), page(results).encode())
    print(page(results))


def measure(llm: str, name: str, options: ExtractionOptions) -> dict[str, Any]:
    """One model's figures over a list; of real sentences by either annotation."""
    content = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    written: list[set[Triple]] = []
    held: list[set[Triple]] = []
    gold: dict[str, list[set[Triple]]] = {"triples": [], "second": []}
    model = load_llm(llm, max_new_tokens=options.max_new_tokens, dtype=options.dtype) if llm == "embedded" else None
    model = model or open_model(llm, options)
    failed, began = 0, time.perf_counter()
    for graph in content["graphs"]:
        schema, both_ways = ExtractionSchema.from_dict(graph["schema"]), graph["symmetric"]
        asker = Asker(model, triples_kind(schema), options, lambda usage: None)
        for item in tqdm(graph["texts"], desc=f"{llm}, {graph['graph']}", unit="text"):
            [passage] = passages(Document("text", item["text"]), options.chunk_tokens)
            try:
                rows = asker.ask(extracting_messages(passage, schema), TriplesReply)[0].triples
            except (UnreadableReplyError, LLMError):
                rows, failed = [], failed + 1
            written.append({key(row.head, row.relation, row.tail, both_ways) for row in rows})
            kept = (grounded(row, passage, schema) for row in rows)
            held.append({_key_of(one, both_ways) for one in kept if isinstance(one, Grounded)})
            for which, listed in gold.items():
                listed.append({key(head, relation, tail, both_ways) for head, relation, tail in item.get(which, ())})
    figures = {
        "texts": len(written),
        "failed": failed,
        "dtype": options.dtype,
        "max_new_tokens": options.max_new_tokens,
        "seconds": round(time.perf_counter() - began, 1),
        "machine": machine(),
    }
    found = {name: {"as_written": scores(written, gold["triples"]), "held_to_the_text": scores(held, gold["triples"])}}
    if any(gold["second"]):
        found[f"{name}, second"] = {
            "as_written": scores(written, gold["second"]),
            "held_to_the_text": scores(held, gold["second"]),
        }
        figures["annotations"] = scores(gold["second"], gold["triples"])["f1"]
    return {which: part | figures for which, part in found.items()}


def key(head: str, relation: str, tail: str, both_ways: Sequence[str]) -> Triple:
    """A triple as it is compared."""
    first, last = (fold(name).removeprefix("the ") for name in (head, tail))
    last = last.replace(" ", "") if last.replace(" ", "").isdigit() else last
    return (min(first, last), relation, max(first, last)) if relation in both_ways else (first, relation, last)


def _key_of(one: Grounded, both_ways: Sequence[str]) -> Triple:
    tail = str(one.tail) if isinstance(one.tail, Value) else one.tail
    return key(one.head, one.relation.name, tail, both_ways)


def scores(found: Sequence[set[Triple]], gold: Sequence[set[Triple]]) -> dict[str, float]:
    """Precision, recall and F1 over all texts together."""
    right = sum(len(a & b) for a, b in zip(found, gold, strict=True))
    total, wanted = sum(map(len, found)), sum(map(len, gold))
    precision, recall = right / total if total else 0.0, right / wanted
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return {"triples": total, "wanted": wanted, "right": right, "precision": precision, "recall": recall, "f1": f1}


def page(results: dict[str, Any]) -> str:
    """The results in words."""
    share: Callable[[float], str] = "{:.2f}".format
    rows, runs = [], []
    for name, lists in results.items():
        for which, found in lists.items():
            for what in ("as_written", "held_to_the_text"):
                one = found[what]
                figures = [share(one[figure]) for figure in ("precision", "recall", "f1")]
                rows.append(
                    [
                        name,
                        which,
                        what.replace("_", " "),
                        f"{one['triples']} of {one['wanted']}",
                        str(one["right"]),
                        *figures,
                    ]
                )
            if "second" not in which:
                agreed = ""
                if "annotations" in found:
                    agreed = f" One annotation against the other: F1 {found['annotations']:.2f}."
                runs.append(
                    f"- {name}, {which}: {found['texts']} texts in {found['seconds']:.0f} s on "
                    f"{machine_words(found['machine'])}, {found['dtype']}; replies of at most "
                    f"{found['max_new_tokens']} tokens, none asked for again; {found['failed']} gave no reply that "
                    f"could be read.{agreed}"
                )
    header = ["model", "list", "what is counted", "triples", "right", "precision", "recall", "F1"]
    lines = [f"| {' | '.join(row)} |" for row in (header, ["---"] * 3 + ["---:"] * 5, *rows)]
    lists = "\n".join(f"- {name}: {about}" for name, about in LISTS.items())
    return (
        "# Triples out of sentences\n\n`python -m benchmarks.text_triples MODEL`. Lists, by "
        f"`benchmarks/lists/README.md`:\n\n{lists}\n\n" + "\n".join(lines) + "\n\n" + "\n".join(runs) + "\n"
    )


if __name__ == "__main__":
    main()
