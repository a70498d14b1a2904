"""The two graphs that make an answer easy or hard: the smaller one, and the full one that has the next split added."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reasoning.errors import EvaluationError, GraphError, SamplingError
from reasoning.evaluation.query_files import GRAPH_SPLITS, SPLITS, Split
from reasoning.graph.endpoint.address import names_endpoint
from reasoning.graph.index import Adjacency, TripleIndex
from reasoning.graph.store import KnowledgeGraph


def refuse_endpoint(kg: str | Path) -> None:
    """Refuse a graph on a server.

    Raises:
        SamplingError: it is one.
    """
    if names_endpoint(kg):
        raise SamplingError(
            f"queries are sampled from all triples of a graph, and {kg} stays on its server: take a file of the graph"
        )


@dataclass(frozen=True)
class GraphPair:
    """A graph before and after the next split is added; entity and relation indexes are the same in both.

    Attributes:
        split: the split that is added.
        smaller: train for valid queries, train and valid for test queries.
        full: the smaller graph with the split added.
    """

    split: Split
    smaller: KnowledgeGraph
    full: KnowledgeGraph

    @classmethod
    def load(cls, kg: str | Path, split: str) -> GraphPair:
        """Open a data set's two graphs.

        Raises:
            EvaluationError: the split is not known.
            SamplingError: the graph has no such splits, or the split adds nothing.
            SkylarkError: the graph cannot be loaded.
        """
        if split not in SPLITS:
            raise EvaluationError(f"unknown split {split!r}; expected {' or '.join(SPLITS)}")
        chosen: Split = "valid" if split == "valid" else "test"
        refuse_endpoint(kg)
        try:
            smaller, full = (KnowledgeGraph.load(kg, GRAPH_SPLITS[how, chosen]) for how in ("hard", "reading"))
        except GraphError as error:
            raise SamplingError(
                f"{error}; {split} queries need {' and '.join(GRAPH_SPLITS['reading', chosen])}, "
                "and sample-queries --held-out 0.1 makes them from a graph without splits"
            ) from None
        pair = cls(chosen, smaller, full)
        if not pair.missing[0].any():
            raise SamplingError(f'the split {split} of "{full.graph_name}" adds no triple, so that no answer is hard')
        return pair

    @cached_property
    def missing(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which of the full graph's links the smaller one lacks, in the order of `forward` and `backward` targets."""
        sides = ((self.full.index.whole.side(way), self.smaller.index.whole.side(way)) for way in (False, True))
        forward, backward = (
            ~contained(_keys(full, self._entities), _keys(smaller, self._entities)) for full, smaller in sides
        )
        return forward, backward

    @cached_property
    def missing_index(self) -> TripleIndex:
        """The missing links, indexed like a graph."""
        triples = self.full.index.whole.triples(np.flatnonzero(self.missing[0]).astype(np.int32))
        return TripleIndex.build(triples, self._entities, self.full.relation_count)

    @property
    def _entities(self) -> int:
        return self.full.entity_count


def contained(keys: NDArray[np.integer], among: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which of n keys are among others, which are sorted; shape (n,)."""
    if not len(among):
        return np.zeros(len(keys), dtype=bool)
    return np.asarray(among[np.minimum(np.searchsorted(among, keys), len(among) - 1)] == keys)


def step_names(kg: KnowledgeGraph) -> list[str | None]:
    """The data set's name of each step, of relation r at `2 * r` and of its inverse next; None where it has none.

    Records name relations by their ids, so that a relation without a stored twin is followed forward only.
    """
    twins = {index: name for name, (index, inverse) in reversed(kg.relation_aliases.items()) if inverse}
    return [name for index, own in enumerate(kg.relation_ids) for name in (own, twins.get(index))]


def _keys(side: Adjacency, entities: int) -> NDArray[np.int64]:
    """One number for each link, rising in the order of `targets`."""
    relations = np.repeat(np.arange(len(side.row_bounds) - 1), np.diff(side.row_bounds))
    rows = relations * entities + side.sources
    return np.asarray(np.repeat(rows, np.diff(side.starts)) * entities + side.targets)
