"""Sampling queries of one structure by BetaE's rules (Ren & Leskovec 2020, `create_queries.py` of KGReasoning).

An entity is drawn, the structure is filled backwards from it over the full graph, and the query is kept where the full
graph has an answer that the smaller one lacks, not too many of them, and, under negation, where the smaller graph gives
a wrong answer: else the negated branch would add nothing to predict.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reasoning.errors import QueryError, SamplingError
from reasoning.evaluation.query_files import QueryRecord
from reasoning.evaluation.sampling.drafts import BackwardSteps, Drafts, Structure
from reasoning.evaluation.sampling.graphs import GraphPair, contained, step_names
from reasoning.evaluation.sampling.missing_links import MissingLinks
from reasoning.evaluation.sampling.options import SamplingOptions
from reasoning.execution.batch import BatchExecutor
from reasoning.query.structures import NEGATED

BATCH = 1024
"""Drafts that are drawn and executed at once."""


@dataclass(frozen=True)
class SampledQueries:
    """The queries of one type.

    Attributes:
        kind: the type.
        records: the queries, their answers by entity index.
        links: for each query the least number of missing links of each hard answer, shape (h,).
        tries: how many drafts were drawn for them.
    """

    kind: str
    records: list[QueryRecord]
    links: list[NDArray[np.int64]]
    tries: int


class QuerySampler:
    """Samples queries from a graph and the split that is added to it.

    Args:
        pair: the two graphs.
        options: which queries, how many and how hard.
    """

    def __init__(self, pair: GraphPair, options: SamplingOptions) -> None:
        self._pair, self._options = pair, options
        self._smaller, self._full = BatchExecutor(pair.smaller), BatchExecutor(pair.full)
        self._links = MissingLinks(pair)
        self._names = step_names(pair.full)
        self._ids = list(pair.full.entity_ids)

    @cached_property
    def _steps(self) -> BackwardSteps:
        return BackwardSteps(self._pair.full.index.whole, self._allowed)

    @cached_property
    def _missing(self) -> BackwardSteps:
        return BackwardSteps(self._pair.missing_index, self._allowed)

    @cached_property
    def _allowed(self) -> NDArray[np.bool_]:
        return np.array([name is not None for name in self._names])

    def sample(self, kind: str, show: Callable[[int], None]) -> SampledQueries:
        """Sample the queries of one type.

        Args:
            kind: the type.
            show: is given the number of queries found so far.

        Raises:
            SamplingError: the graph has too few of them, or they are too rare; says how many were found.
        """
        options, structure = self._options, Structure(kind)
        seed = [options.seed, zlib.crc32(f"{self._pair.split} {kind} {options.harder}".encode())]
        rng = np.random.default_rng(seed)
        seen: set[bytes] = set()
        sampled = SampledQueries(kind, [], [], 0)
        tries = last = 0
        while len(sampled.records) < options.count:
            if tries - last >= options.patience:
                harder = "harder " if options.harder else ""
                raise SamplingError(
                    f"{kind}: found {len(sampled.records):,} of {options.count:,} {harder}queries in {tries:,} tries, "
                    f"none in the last {tries - last:,}; ask for fewer"
                )
            drafts = structure.ordered(self._drawn(rng, structure))
            tries += BATCH
            for record, links in self._kept(structure, drafts, seen):
                sampled.records.append(record)
                sampled.links.append(links)
                last = tries
                if len(sampled.records) == options.count:
                    break
            show(len(sampled.records))
        return SampledQueries(kind, sampled.records, sampled.links, tries)

    def _drawn(self, rng: np.random.Generator, structure: Structure) -> Drafts:
        steps = self._missing if self._options.harder else self._steps
        targets = steps.entities[(rng.random(BATCH) * len(steps.entities)).astype(np.int64)]
        if not self._options.harder:
            return structure.draw(rng, targets, self._steps)
        return structure.draw(rng, targets, self._steps, self._missing, _lacking(rng, structure))

    def _kept(
        self, structure: Structure, drafts: Drafts, seen: set[bytes]
    ) -> Iterator[tuple[QueryRecord, NDArray[np.int64]]]:
        """The drafts that follow the rules and are not among those seen, with the missing links of hard answers."""
        program = structure.program(drafts)
        full, smaller = self._full.run(program), self._smaller.run(program)
        entities = self._pair.full.entity_count
        known = contained(full.keys(entities), smaller.keys(entities))
        hard, wrong = full.count(~known), smaller.lengths - full.count(known)
        kept = (hard > 0) & (np.maximum(hard, wrong) <= self._options.most_answers)
        if structure.kind in NEGATED:
            kept &= wrong > 0
        for row in np.flatnonzero(kept).tolist():
            if (key := drafts[row].tobytes()) in seen:
                continue
            seen.add(key)
            query = structure.query(drafts[row].tolist(), self._ids, self._names)
            try:
                query.to_record()
            except QueryError:
                continue  # one of its ids means a union or a negation in records
            answers, easy = full[row], known[full.offsets[row] : full.offsets[row + 1]].copy()
            links = self._links.least(query, answers[~easy])
            if self._options.harder:
                easy[~easy] = links < 2
                links = links[links > 1]
            if not easy.all():
                yield QueryRecord("", structure.kind, query, answers[easy], answers[~easy]), links


def _lacking(rng: np.random.Generator, structure: Structure) -> NDArray[np.bool_]:
    """Which steps of each draft are drawn from the missing links: two or more of those that prove an answer."""
    proving = np.array(structure.proving)
    order = rng.random((BATCH, len(proving))).argsort(axis=1)
    number = 2 + (rng.random(BATCH) * (len(proving) - 1)).astype(np.int64)
    lacking = np.zeros((BATCH, structure.width), dtype=bool)
    lacking[:, proving] = order < number[:, None]
    return lacking
