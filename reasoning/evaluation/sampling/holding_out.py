"""Splitting a graph that has no splits, so that there is something to predict and the evaluation can be repeated."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg_data.errors import ResultsError
from kg_data.loaders.triples import TWIN_SUFFIX
from reasoning.errors import SamplingError
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph


def write_held_out(kg: KnowledgeGraph, folder: Path, share: float, seed: int) -> None:
    """Write a graph as a new folder of labelled triples, train.txt and valid.txt, whole or not at all.

    A triple is held out only where its entities and its relation stay in train: nothing can be predicted of what is
    never seen. Each triple is written with its inverse twin, so that queries can follow every relation both ways. Names
    are kept; values are left out, since no query of the 14 structures reads one.

    Args:
        kg: the graph; where it has splits, all that were loaded are one.
        folder: what is made.
        share: how much of the triples goes to valid.txt, above 0 and below 1.
        seed: seeds the choice.

    Raises:
        SamplingError: the share is out of range, no triple can be held out, or a name cannot stand in such a file.
        ResultsError: the folder exists or cannot be written.
    """
    if not 0 < share < 1:
        raise SamplingError(f"the share held out must be above 0 and below 1, not {share}")
    if folder.exists():
        raise ResultsError(f"{folder} is there already; go on with --kg {folder}, or choose another folder")
    triples = kg.index.whole.triples()
    held = _held_out(triples, kg, round(share * len(triples)) or 1, seed)
    if not held.any():
        raise SamplingError(
            f'no triple of "{kg.graph_name}" can be held out: each is the only one of its entities or its relation'
        )
    work = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        work.mkdir(parents=True)
        for name, kept in (("train", ~held), ("valid", held)):
            _write(work / f"{name}.txt", _lines(kg, triples[kept]))
        _write(work / "entity2text.txt", _names(kg.entity_ids, kg.entity_labels))
        _write(work / "relation2text.txt", _names(kg.relation_ids, kg.relation_labels))
        work.replace(folder)
    except OSError as error:
        raise ResultsError(f"cannot write {folder}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _held_out(triples: Ids, kg: KnowledgeGraph, left: int, seed: int) -> NDArray[np.bool_]:
    entities = np.bincount(triples[:, [0, 2]].ravel(), minlength=kg.entity_count).tolist()
    relations = np.bincount(triples[:, 1], minlength=kg.relation_count).tolist()
    held = np.zeros(len(triples), dtype=bool)
    for place in np.argsort(np.random.default_rng(seed).random(len(triples)), kind="stable").tolist():
        if not left:
            break
        head, relation, tail = triples[place].tolist()
        loop = head == tail
        if entities[head] > 1 + loop and entities[tail] > 1 + loop and relations[relation] > 1:
            held[place] = True
            left -= 1
            entities[head] -= 1
            entities[tail] -= 1
            relations[relation] -= 1
    return held


def _lines(kg: KnowledgeGraph, triples: Ids) -> Iterable[str]:
    ids = list(kg.entity_ids)
    for name in (*ids, *kg.relation_ids):
        if name != name.strip() or any(char in name for char in "\t\n\r"):
            raise SamplingError(f"a line of train.txt cannot hold the id {name!r}; rename it")
    for head, relation, tail in triples.tolist():
        yield f"{ids[head]}\t{kg.relation_ids[relation]}\t{ids[tail]}"
        yield f"{ids[tail]}\t{kg.relation_ids[relation]}{TWIN_SUFFIX}\t{ids[head]}"


def _names(ids: Iterable[str], labels: Iterable[str]) -> Iterable[str]:
    return (f"{own}\t{' '.join(label.split())}" for own, label in zip(ids, labels, strict=True))


def _write(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)
