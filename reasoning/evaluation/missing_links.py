"""Links that the hard answers of queries lack, counted over a pair of graphs.

Most hard answers of FB15k-237's Query2Box files need no more than one missing link (Gregucci et al. 2024), so that
link prediction alone does well on what is called multi-hop reasoning.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reasoning.errors import EvaluationError, GraphError, QueryError, SamplingError
from reasoning.evaluation.metrics import mean
from reasoning.evaluation.query_files import GRAPH_SPLITS, SPLITS, EntityTable, Split, digest, find_files, read_records
from reasoning.evaluation.results import Results, read_results
from reasoning.evaluation.run import graph_digest
from reasoning.graph.index import Adjacency, Ids, TripleIndex
from reasoning.graph.remote.address import names_endpoint
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.records import STRUCTURES
from reasoning.query.tree import Complement, Entity, Intersect, Project, Query, Union
from skylark.files import Line
from skylark.text import aligned


def refuse_endpoint(kg: str | Path) -> None:
    """Raise a `SamplingError` for a graph on a server."""
    if names_endpoint(kg):
        raise SamplingError(
            f"queries are sampled from all triples of a graph, and {kg} stays on its server: take a file of the graph"
        )


@dataclass(frozen=True)
class GraphPair:
    """A graph before and after the next `split` is added; entity and relation indexes are the same in both."""

    split: Split
    smaller: KnowledgeGraph
    full: KnowledgeGraph

    @classmethod
    def load(cls, kg: str | Path, split: str) -> GraphPair:
        """Open a data set's two graphs.

        Raises:
            EvaluationError: the split is not known.
            SamplingError: the graph has no such splits, or the split adds nothing.
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


Costs = NDArray[np.int64]
Link = tuple[int, int]
"""A relation and `head * entities + tail`."""


class _Proofs(ABC):
    """What a query reaches, and how; its `members` are the entities that are reached, int32, sorted, shape (m,)."""

    members: Ids

    @abstractmethod
    def within(self, entities: Ids) -> _Proofs:
        """The proofs of some members alone (sorted, all of them members)."""

    @abstractmethod
    def costs(self, free: Collection[Link] = ()) -> Costs:
        """The least number of missing links in a proof of each member, those that are free not counted, shape (m,)."""

    @abstractmethod
    def projections(self) -> Iterator[_Projection]:
        """The projections that proofs go through."""


@dataclass(frozen=True)
class _Anchor(_Proofs):
    members: Ids

    def within(self, entities: Ids) -> _Proofs:
        return self

    def costs(self, free: Collection[Link] = ()) -> Costs:
        return np.zeros(len(self.members), dtype=np.int64)

    def projections(self) -> Iterator[_Projection]:
        return iter(())


@dataclass(frozen=True)
class _Projection(_Proofs):
    """One step over n links.

    Attributes:
        source: where the links start.
        relation: the relation of the links.
        starts, ends: from which member of the source to which member, int32, shape (n,).
        links: each as `head * entities + tail`, int64, shape (n,).
        missing: which of them the smaller graph lacks, shape (n,).
    """

    source: _Proofs
    members: Ids
    relation: int
    starts: Ids
    ends: Ids
    links: NDArray[np.int64]
    missing: NDArray[np.bool_]

    def within(self, entities: Ids) -> _Proofs:
        kept = np.flatnonzero(contained(self.ends, entities))
        kept = kept[np.argsort(self.ends[kept], kind="stable")]  # by their ends, as `costs` needs them
        starts, ends = self.starts[kept], self.ends[kept]
        source = self.source.within(np.unique(starts))
        return _Projection(source, entities, self.relation, starts, ends, self.links[kept], self.missing[kept])

    def costs(self, free: Collection[Link] = ()) -> Costs:
        if not len(self.members):
            return np.zeros(0, dtype=np.int64)
        paid = self.missing
        for relation, link in free:
            if relation == self.relation:
                paid = paid & (self.links != link)
        each = self.source.costs(free)[np.searchsorted(self.source.members, self.starts)] + paid
        return np.minimum.reduceat(each, np.searchsorted(self.ends, self.members))

    def projections(self) -> Iterator[_Projection]:
        yield self
        yield from self.source.projections()


@dataclass(frozen=True)
class _Branches(_Proofs):
    """Proofs of an intersection, which need one from every part, or of a union, from any part."""

    parts: Sequence[_Proofs]
    members: Ids
    of_union: bool

    def within(self, entities: Ids) -> _Proofs:
        parts = [part.within(np.intersect1d(part.members, entities, assume_unique=True)) for part in self.parts]
        return _Branches(parts, entities, self.of_union)

    def costs(self, free: Collection[Link] = ()) -> Costs:
        if not self.of_union:
            each = [part.costs(free)[np.searchsorted(part.members, self.members)] for part in self.parts]
            return np.asarray(np.sum(each, axis=0, dtype=np.int64))
        least = np.full(len(self.members), np.iinfo(np.int64).max)
        for part in self.parts:
            places = np.searchsorted(self.members, part.members)
            least[places] = np.minimum(least[places], part.costs(free))
        return least

    def projections(self) -> Iterator[_Projection]:
        for part in self.parts:
            yield from part.projections()


class MissingLinks:
    """Counts the missing links of query-answer pairs over a smaller graph and a full one."""

    def __init__(self, pair: GraphPair) -> None:
        self._pair, self._kg = pair, pair.full

    def least(self, query: Query, answers: Ids) -> Costs:
        """The least number of distinct missing links in a proof of each answer.

        Args:
            query: a tree of projections, intersections, unions, and complements within intersections.
            answers: answers on the full graph, sorted, shape (m,).

        Returns:
            int64, shape (m,); 0 where the smaller graph alone has a proof.

        Raises:
            EvaluationError: one of them is no answer on the full graph.
            QueryError: the query has another form.
        """
        every = self.proofs(query)
        strange = np.setdiff1d(answers, every.members, assume_unique=True)
        if len(strange):
            raise EvaluationError(
                f'"{self._kg.identifier(int(strange[0]))}" is no answer of {query} on the splits '
                f'{", ".join(self._kg.splits)} of "{self._kg.graph_name}"; are the queries of another split or graph?'
            )
        proofs_of_answers = every.within(answers)
        least = proofs_of_answers.costs()
        size = 1
        while (least > size).any():
            # Whoever uses `size` links twice or more pays at least that much more than once each.
            dear = np.flatnonzero(least > size)
            some = proofs_of_answers.within(answers[dear])
            shared = _shared(some)
            if size > min(len(shared), sum(1 for _ in some.projections()) // 2):
                break
            for free in combinations(shared, size):
                least[dear] = np.minimum(least[dear], some.costs(free) + size)
            size += 1
        return least

    def proofs(self, node: Query) -> _Proofs:
        """All proofs of what a tree reaches on the full graph; `within` its members they have `costs`.

        Raises:
            QueryError: the query has no such proofs, see `least`.
        """
        if isinstance(node, Entity):
            entity = node.index(self._kg)
            return _Anchor(np.array([entity], dtype=np.int32))
        if isinstance(node, Project):
            return self._projected(node)
        if isinstance(node, Union):
            parts = [self.proofs(part) for part in node.parts]
            return _Branches(parts, np.unique(np.concatenate([part.members for part in parts])), of_union=True)
        if isinstance(node, Intersect):
            parts = [self.proofs(part) for part in node.parts if not isinstance(part, Complement)]
            if parts:
                members = reduce(np.intersect1d, [part.members for part in parts])
                for part in node.parts:
                    if isinstance(part, Complement):
                        members = np.setdiff1d(members, self.proofs(part.part).members, assume_unique=True)
                return _Branches(parts, members, of_union=False)
        raise QueryError(f"missing links are not counted for {node}: it has no part that proves an answer")

    def _projected(self, node: Project) -> _Proofs:
        source = self.proofs(node.source)
        relation = self._kg.relation(node.relation)
        if relation.kind != "edges":
            raise QueryError(f"missing links are not counted for {node}: {node.relation} has values")
        inverse = relation.inverse != node.inverse
        side = self._kg.index.whole.side(inverse)
        owners, places = side.places(source.members, relation.index)
        starts, ends = source.members[owners], np.asarray(side.targets[places])
        heads, tails = (ends, starts) if inverse else (starts, ends)
        links = heads.astype(np.int64) * self._kg.entity_count + tails
        missing = self._pair.missing[inverse][places]
        return _Projection(source, np.unique(ends), relation.index, starts, ends, links, missing)


def _shared(proofs: _Proofs) -> list[Link]:
    uses: dict[int, list[np.ndarray[tuple[int], np.dtype[np.int64]]]] = defaultdict(list)
    for projection in proofs.projections():
        uses[projection.relation].append(np.unique(projection.links[projection.missing]))
    shared: list[Link] = []
    for relation, links in uses.items():
        distinct, times = np.unique(np.concatenate(links), return_counts=True)
        shared += [(relation, link) for link in distinct[times > 1].tolist()]
    return shared


class LinkTally:
    """Adds up the hard answers of queries by their least number of missing links."""

    def __init__(self) -> None:
        self._pairs: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._queries: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._counts: dict[str, int] = defaultdict(int)
        self._mrr: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, kind: str, links: NDArray[np.int64], ranks: NDArray[np.float64] | None = None) -> None:
        """Count one query by the missing links of each hard answer, shape (h,), and by their ranks if there are any."""
        self._counts[kind] += 1
        for number in np.unique(links).tolist():
            chosen = links == number
            self._queries[kind][number] += 1
            self._pairs[kind][number] += int(chosen.sum())
            if ranks is not None:
                self._mrr[kind][number].append(float(np.mean(1 / ranks[chosen])))

    def summary(self) -> dict[str, Any]:
        """`per_type` (type -> `queries`, `pairs`, `links`), the latter by number: `pairs`, `share`, `queries`, `mrr`.

        `mrr` is the mean over the queries that have such pairs, of the mean over these pairs; absent without ranks.
        """
        return {"per_type": {kind: self._row(kind) for kind in STRUCTURES if kind in self._counts}}

    def _row(self, kind: str) -> dict[str, Any]:
        total = sum(self._pairs[kind].values())
        links: dict[str, dict[str, float]] = {}
        for number, pairs in sorted(self._pairs[kind].items()):
            links[str(number)] = {"pairs": pairs, "share": pairs / total, "queries": self._queries[kind][number]}
            if values := self._mrr[kind].get(number):
                links[str(number)]["mrr"] = mean(values)
        return {"queries": self._counts[kind], "pairs": total, "links": links}


def shares_table(summary: Mapping[str, Any]) -> str:
    """A row per type: how many pairs lack one link, two, three; and the MRR of each kind where they were ranked."""
    per_type: Mapping[str, Any] = summary["per_type"]
    numbers = sorted({number for row in per_type.values() for number in row["links"]}, key=int)
    ranked = any("mrr" in cell for row in per_type.values() for cell in row["links"].values())
    header = ["type", "queries", "pairs", *(f"{number} missing" for number in numbers)]
    header += [f"mrr {number}" for number in numbers] if ranked else []
    rows = []
    for kind, row in per_type.items():
        links = row["links"]
        cells = [f"{links[number]['share']:.1%}" if number in links else "-" for number in numbers]
        if ranked:
            cells += [f"{links[number]['mrr']:.4f}" if number in links else "-" for number in numbers]
        rows.append([kind, f"{row['queries']:,}", f"{row['pairs']:,}", *cells])
    return aligned(header, rows)


def classify_queries(
    kg: str | Path, queries: Path, split: str | None = None, results: Path | None = None
) -> dict[str, Any]:
    """Count the missing links of every query-answer pair of a file or folder.

    Args:
        kg: name or folder of a data set with the splits train, valid (and test).
        queries: a file of records, or a folder of files named `<split>-<type>.jsonl`.
        split: "valid" or "test", where the files' names do not say it or there are files of both.
        results: results of these queries by protocol hard; then only the queries in it are counted.

    Returns:
        `per_type`, see `LinkTally.summary`, and `split`.

    Raises:
        EvaluationError: there are no such files, an answer is none on the full graph, or the results are of others.
        SamplingError: the graph has no such splits.
        DataError: a record or a line of the results is broken; with file and line.
    """
    files, chosen = find_files(queries, split)
    pair = GraphPair.load(kg, chosen)
    lines = None if results is None else _lines(read_results(results), pair, digest(files))
    table = EntityTable(pair.full)
    links, tally = MissingLinks(pair), LinkTally()
    for record in read_records(files, pair.full, table, None):
        if record.kind not in STRUCTURES:
            raise EvaluationError(
                f"the query {record.identifier} is of the structure {record.kind}; missing links are counted of "
                f"{', '.join(STRUCTURES)} alone"
            )
        if not len(record.hard):
            continue
        if lines is None:
            tally.add(record.kind, links.least(record.query, record.hard))
        elif record.identifier in lines:
            ranks: Mapping[str, float] = lines[record.identifier].get("hard_ranks", {})
            try:
                own = np.array([ranks[pair.full.identifier(answer)] for answer in record.hard.tolist()], dtype=float)
            except KeyError as unranked:
                raise EvaluationError(
                    f"{results} has no rank of the answer {unranked} of {record.identifier}"
                ) from None
            tally.add(record.kind, links.least(record.query, record.hard), own)
    return {**tally.summary(), "split": chosen}


def _lines(results: Results, pair: GraphPair, queries_digest: str) -> dict[str, Line]:
    """The lines by id, of these queries, of this graph, and of protocol hard."""
    if results.of_questions or results.settings["protocol"] != "hard":
        raise EvaluationError(f"{results.path} ranks no hard answers; results of --protocol hard are needed")
    if results.settings.get("queries_digest") != queries_digest:
        raise EvaluationError(f"{results.path} is of other queries than these")
    if results.settings.get("kg_digest") != graph_digest(pair.smaller):
        raise EvaluationError(f'{results.path} is of another graph than "{pair.smaller.graph_name}"')
    return {line["id"]: line for line in results.lines}
