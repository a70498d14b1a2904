"""A folder in BetaE's own form, made of one in the integer form: what `datasets convert` reads, made the other way."""

import json
import pickle
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

from kg_data import betae

STRUCTURES = {name: structure for structure, name in betae.STRUCTURES.items()}


def tuples(node: Any) -> Any:
    """Nested lists as nested tuples."""
    return tuple(tuples(item) for item in node) if isinstance(node, list) else node


def ids(path: Path) -> dict[int, str]:
    """`id2ent.tsv` or `id2rel.tsv`."""
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return {int(key): name for key, name in rows}


def records(path: Path, limit: int | None = None) -> list[dict[str, Any]]:
    """The records of a query file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[:limit]]


def write_official(source: Path, target: Path, limit: int | None = None, protocol: int = 4) -> Path:
    """Write the folder, with the first `limit` queries of each file."""
    target.mkdir()

    def dump(name: str, content: Any) -> None:
        (target / name).write_bytes(pickle.dumps(content, protocol=protocol))

    for what in ("ent", "rel"):
        names = ids(source / f"id2{what}.tsv")
        dump(f"id2{what}.pkl", names)
        dump(f"{what}2id.pkl", {name: key for key, name in names.items()})
    for split in ("train", "valid", "test"):
        shutil.copyfile(source / f"{split}.txt", target / f"{split}.txt")
        queries: dict[Any, set[Any]] = defaultdict(set)
        easy, hard = defaultdict(set), defaultdict(set)
        for path in sorted(source.glob(f"queries/{split}-*.jsonl")):
            for record in records(path, limit):
                query = tuples(record["query"])
                queries[STRUCTURES[record["type"]]].add(query)
                easy[query], hard[query] = set(record["easy"]), set(record["hard"])
        if queries:
            queries[betae.UNIONS_ONCE_MORE[0]].add((((0, (0, -2)), (1, (0, -2))), (-2,)))
            dump(f"{split}-queries.pkl", queries)
            dump(f"{split}-easy-answers.pkl", easy)
            dump(f"{split}-hard-answers.pkl", hard)
    dump("train-queries.pkl", {("e", ("r",)): {(0, (0,))}})
    dump("train-answers.pkl", defaultdict(set, {(0, (0,)): {1, 2}}))
    (target / "stats.txt").write_text("numentity: 1\nnumrelations: 1\n")
    return target
