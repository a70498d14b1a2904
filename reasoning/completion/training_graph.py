"""The graph that a link predictor was trained on, and whether the predictor may be used on another.

A predictor belongs to a graph's tables of entities and relations, and it has seen certain triples. It is used only
where all of these stand in the graph that is asked: else it would have seen what it is asked to predict.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from reasoning.errors import CompletionError
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph


@dataclass(frozen=True)
class Fingerprint:
    """A graph's digests, in hex.

    Attributes:
        tables: the digest of the ids of entities and relations, in order.
        triples: the digest of the triples.
    """

    tables: str
    triples: str

    @classmethod
    def of(cls, kg: KnowledgeGraph) -> Fingerprint:
        """The digests of a graph."""
        tables = hashlib.sha256(repr(kg.relation_ids).encode())
        ids = kg.content.entities.whole.ids
        for array in (ids.blob, ids.offsets):
            tables.update(np.ascontiguousarray(array).data)
        triples = hashlib.sha256(np.ascontiguousarray(kg.index.whole.triples()).data)
        return cls(tables.hexdigest()[:16], triples.hexdigest()[:16])

    def __str__(self) -> str:
        return f"{self.tables}/{self.triples}"


@dataclass(frozen=True, eq=False)
class TrainingGraph:
    """What a predictor was trained on.

    Attributes:
        name: the graph's name.
        splits: which splits it held.
        fingerprint: its digests.
        triples: int32, shape (n, 3).
    """

    name: str
    splits: tuple[str, ...]
    fingerprint: Fingerprint
    triples: Ids

    @classmethod
    def of(cls, kg: KnowledgeGraph) -> TrainingGraph:
        """A graph that a predictor is trained on."""
        return cls(kg.graph_name, tuple(kg.splits), Fingerprint.of(kg), kg.index.whole.triples())

    def check(self, kg: KnowledgeGraph, predictor: str) -> None:
        """Refuse a predictor for another graph, or for one that it knows more than.

        Args:
            kg: the graph that is asked.
            predictor: what the message calls the predictor.

        Raises:
            CompletionError: it does not fit; both fingerprints are told.
        """
        mark = Fingerprint.of(kg)
        if self.fingerprint.tables != mark.tables:
            raise CompletionError(
                f'{predictor} was fitted on another graph, "{self.name}" ({self.fingerprint}), '
                f'than "{kg.graph_name}" ({mark}){_since(self.name, kg)}'
            )
        if self.fingerprint.triples == mark.triples:
            return
        lacking = np.setdiff1d(_keys(self.triples, kg), _keys(kg.index.whole.triples(), kg), assume_unique=True)
        if len(lacking):
            raise CompletionError(
                f"{predictor} was trained on {len(lacking):,} edges that the given graph lacks: trained on "
                f"{'+'.join(self.splits)} ({self.fingerprint}), the graph holds {'+'.join(kg.splits)} ({mark}); "
                f"with it, they would not be predicted but remembered{_since(self.name, kg)}"
            )


def _since(name: str, kg: KnowledgeGraph) -> str:
    """That a graph is the one of this name, but for changes, where it may be."""
    if kg.content.changes is None or kg.graph_name != name:
        return ""
    return "; the graph was changed since: train one on it as it is now"


def _keys(triples: Ids, kg: KnowledgeGraph) -> Any:
    size = np.int64(kg.entity_count)
    return (triples[:, 1].astype(np.int64) * size + triples[:, 0]) * size + triples[:, 2]
