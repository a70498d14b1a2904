"""A small random data set in the integer-id form of the benchmarks, with gold answers by plain set algebra.

The executor here shares nothing with Skylark's: it walks the nested lists over a dict of sets, so that the two can
be held against each other.
"""

import json
import random
from pathlib import Path
from typing import Any

STRUCTURES = ("1p", "2p", "3p", "2i", "3i", "ip", "pi", "2u", "up", "2in", "3in", "inp", "pin", "pni")
NEGATED = ("2in", "3in", "inp", "pin", "pni")
ENTITIES, RELATIONS = 60, 4

Adjacency = dict[tuple[int, int], set[int]]


def nested(kind: str, rng: random.Random) -> list[Any]:
    """A random query of one of the 14 structures."""

    def p(*relations: int) -> list[Any]:
        return [rng.randrange(ENTITIES), list(relations)]

    r, s, t = (rng.randrange(2 * RELATIONS) for _ in range(3))
    forms: dict[str, list[Any]] = {
        "1p": p(r),
        "2p": p(r, s),
        "3p": p(r, s, t),
        "2i": [p(r), p(s)],
        "3i": [p(r), p(s), p(t)],
        "ip": [[p(r), p(s)], [t]],
        "pi": [p(r, s), p(t)],
        "2u": [p(r), p(s), [-1]],
        "up": [[p(r), p(s), [-1]], [t]],
        "2in": [p(r), p(s, -2)],
        "3in": [p(r), p(s), p(t, -2)],
        "inp": [[p(r), p(s, -2)], [t]],
        "pin": [p(r, s), p(t, -2)],
        "pni": [p(r, s, -2), p(t)],
    }
    return forms[kind]


def answers(adjacency: Adjacency, everything: set[int], query: list[Any]) -> set[int]:
    """What a nested list denotes."""
    *branches, last = query
    if isinstance(branches[0], int):
        return _project(adjacency, everything, {branches[0]}, last)
    if last == [-1]:
        return set().union(*(answers(adjacency, everything, branch) for branch in branches))
    if all(isinstance(item, int) for item in last):
        return _project(adjacency, everything, answers(adjacency, everything, branches[0]), last)
    return set.intersection(*(answers(adjacency, everything, branch) for branch in query))


def _project(adjacency: Adjacency, everything: set[int], found: set[int], relations: list[int]) -> set[int]:
    for relation in relations:
        found = (
            everything - found
            if relation == -2
            else set().union(*(adjacency.get((entity, relation), set()) for entity in found))
        )
    return found


def make_dataset(folder: Path, queries_of_each: int, seed: int = 0) -> Path:
    """Write graph and `queries/valid-*.jsonl` and `queries/test-*.jsonl`; every query has an easy or hard answer."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    (folder / "queries").mkdir()
    (folder / "id2ent.tsv").write_text("".join(f"{i}\tentity {i}\n" for i in range(ENTITIES)))
    (folder / "id2rel.tsv").write_text(
        "".join(f"{2 * i}\trelation {i}\n{2 * i + 1}\trelation {i}_reverse\n" for i in range(RELATIONS))
    )
    facts = [(rng.randrange(ENTITIES), rng.randrange(RELATIONS), rng.randrange(ENTITIES)) for _ in range(500)]
    # Every entity stands in the first split, so that "everything" is the same in all graphs.
    facts = [*((i, 0, (i + 1) % ENTITIES) for i in range(ENTITIES)), *facts]
    facts = list(dict.fromkeys(facts))
    splits = {"train": facts[:340], "valid": facts[340:440], "test": facts[440:]}
    graphs: dict[str, Adjacency] = {}
    adjacency: Adjacency = {}
    for split, part in splits.items():
        rows = [row for h, r, t in part for row in ((h, 2 * r, t), (t, 2 * r + 1, h))]
        (folder / f"{split}.txt").write_text("".join(f"{h}\t{r}\t{t}\n" for h, r, t in rows))
        for head, relation, tail in rows:
            adjacency.setdefault((head, relation), set()).add(tail)
        graphs[split] = {key: set(tails) for key, tails in adjacency.items()}
    everything = set(range(ENTITIES))
    for split, smaller, full in (("valid", "train", "valid"), ("test", "valid", "test")):
        for kind in STRUCTURES:
            lines: list[str] = []
            while len(lines) < queries_of_each:
                query = nested(kind, rng)
                before, after = (answers(graphs[name], everything, query) for name in (smaller, full))
                if after:
                    record = {
                        "type": kind,
                        "query": query,
                        "easy": sorted(after & before),
                        "hard": sorted(after - before),
                    }
                    lines.append(json.dumps(record) + "\n")
            (folder / "queries" / f"{split}-{kind}.jsonl").write_text("".join(lines))
    return folder
