"""How well a chat model extracts triples from sentences, and what holding it to the text takes away.

    python -m benchmarks.text_triples hf:FOLDER

Each of the 20 texts of `lists/text_triples.json` is a document of its own, read with the schema that stands there. The
texts were written by the project, with names that no model has met, before any model read them; they are few, and show
whether a model is up to the job, not which of two good ones is better. A triple counts where head, relation and tail
are those of the list but for case, accents and marks; of relations that go both ways either direction does. "As
written" counts what the model wrote, "held to the text" what is left of it. `embedded` is measured as any model here.
Writes `benchmarks/results/text_triples.json` and `.md`, where the figures of other models stay.
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
from kg_data.appended_lines import write_whole
from kg_data.values import Value
from reasoning.extraction.asking import Asker, open_model
from reasoning.extraction.documents import Document
from reasoning.extraction.grounding import Grounded, grounded
from reasoning.extraction.messages import extracting_messages
from reasoning.extraction.options import ExtractionOptions
from reasoning.extraction.passages import passages
from reasoning.extraction.replies import TriplesReply, UnreadableReplyError, triples_kind
from reasoning.extraction.schema import ExtractionSchema
from reasoning.graph.names import fold
from reasoning.language import load_llm
from reasoning.language.errors import LLMError

LIST = Path(__file__).with_name("lists") / "text_triples.json"
RESULTS = Path(__file__).with_name("results")

Triple = tuple[str, str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("llm")
    parser.add_argument("--called", help="the model's name in the results, where it is a folder here")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--max-new-tokens", type=int, default=256, help="of a reply; three triples take some 120")
    options = parser.parse_args()
    found = measure(options.llm, options.dtype, options.max_new_tokens)
    path = RESULTS / "text_triples.json"
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    results[options.called or options.llm] = found
    write_whole(path, json.dumps(results, indent=1, ensure_ascii=False).encode() + b"\n")
    write_whole(path.with_suffix(".md"), page(results).encode())
    print(page(results))


def measure(llm: str, dtype: str, longest: int) -> dict[str, Any]:
    """One model's figures over the whole list."""
    content = json.loads(LIST.read_text(encoding="utf-8"))
    schema, both_ways = ExtractionSchema.from_dict(content["schema"]), content["symmetric"]
    settings = ExtractionOptions(cache=False, timeout=600, dtype=dtype, max_new_tokens=longest, repairs=0)
    model = load_llm(llm, max_new_tokens=longest, dtype=dtype) if llm == "embedded" else open_model(llm, settings)
    spent: list[object] = []
    asker = Asker(model, triples_kind(schema), settings, spent.append)
    written, held, gold, failed = [], [], [], 0
    began = time.perf_counter()
    for number, item in enumerate(tqdm(content["texts"], desc=llm, unit="text")):
        [passage] = passages(Document(str(number), item["text"]), settings.chunk_tokens)
        gold.append({key(head, relation, tail, both_ways) for head, relation, tail in item["triples"]})
        try:
            said = asker.ask(extracting_messages(passage, schema), TriplesReply)[0].triples
        except (UnreadableReplyError, LLMError):
            said, failed = [], failed + 1
        written.append({key(row.head, row.relation, row.tail, both_ways) for row in said})
        kept = (grounded(row, passage, schema) for row in said)
        held.append({_key_of(one, both_ways) for one in kept if isinstance(one, Grounded)})
    return {
        "as_written": scores(written, gold),
        "held_to_the_text": scores(held, gold),
        "texts": len(gold),
        "failed": failed,
        "dtype": dtype,
        "max_new_tokens": longest,
        "seconds": round(time.perf_counter() - began, 1),
        "machine": machine(),
    }


def key(head: str, relation: str, tail: str, both_ways: Sequence[str]) -> Triple:
    """A triple as it is compared."""
    first, last = fold(head), fold(tail).replace(" ", "") if fold(tail).replace(" ", "").isdigit() else fold(tail)
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
    return {"triples": total, "right": right, "precision": precision, "recall": recall, "f1": f1}


def page(results: dict[str, Any]) -> str:
    """The results in words."""
    share: Callable[[float], str] = "{:.2f}".format
    rows = []
    for name, found in results.items():
        for what in ("as_written", "held_to_the_text"):
            one = found[what]
            figures = [share(one[figure]) for figure in ("precision", "recall", "f1")]
            rows.append([name, what.replace("_", " "), str(one["triples"]), str(one["right"]), *figures])
    header = ["model", "what is counted", "triples", "right", "precision", "recall", "F1"]
    lines = [f"| {' | '.join(row)} |" for row in (header, ["---", "---", *["---:"] * 5], *rows)]
    runs = [
        f"- {name}: {found['texts']} texts in {found['seconds']:.0f} s on {machine_words(found['machine'])}, with "
        f"other work beside it, {found['dtype']}; replies of at most {found['max_new_tokens']} tokens, none asked for "
        f"again; {found['failed']} gave no reply that could be read."
        for name, found in results.items()
    ]
    return (
        "# Triples out of 20 texts\n\n`python -m benchmarks.text_triples MODEL`: texts and triples were written by the "
        "project, with invented names.\n\n" + "\n".join(lines) + "\n\n" + "\n".join(runs) + "\n"
    )


if __name__ == "__main__":
    main()
