"""Sampling of queries with easy and hard answers by structures."""

from __future__ import annotations

import difflib
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from reasoning.errors import QueryError, SamplingError
from reasoning.evaluation.query_files import QueryRecord
from reasoning.evaluation.sampling.missing_links import GraphPair, MissingLinks, contained, step_names
from reasoning.execution.batch import OPCODES, PROJECT, BatchExecutor, Program
from reasoning.graph.index import Ids, TripleIndex
from reasoning.query.chain import decompose
from reasoning.query.records import NEGATED, STRUCTURES, instantiate, template
from reasoning.query.tree import Complement, Entity, Intersect, Project, Query, Union


def most_links(query: Query) -> int:
    """The number of links in the shortest proof that an answer can be sure to have: what it may lack at most.

    A branch of a union proves an answer alone, and a negated branch proves nothing.
    """
    parts = [most_links(child) for child in query.children if not isinstance(child, Complement)]
    if isinstance(query, Union):
        return min(parts)
    return sum(parts) + isinstance(query, Project)


HARDER: tuple[str, ...] = tuple(kind for kind in STRUCTURES if most_links(template(kind)) > 1)
"""The types that have harder queries. In 1p, 2u, 2in and pni one link proves each answer."""


@dataclass(frozen=True)
class SamplingOptions:
    """How queries are sampled.

    Attributes:
        types: names among the 14 structures; None for all of them.
        count: queries of each type.
        seed: the same graph, options and seed give the same queries, whichever other types are sampled with them.
        harder: keep as hard answers only those whose every proof lacks two links or more (Gregucci et al. 2024).
        most_answers: most hard answers of a query, and most wrong ones of the smaller graph.
        patience: how many queries in a row may be drawn in vain before a type is given up.

    Raises:
        SamplingError: a type is unknown or has no harder queries, or a number is out of range.
    """

    types: Sequence[str] | None = None
    count: int = 1000
    seed: int = 0
    harder: bool = False
    most_answers: int = 100
    patience: int = 1_000_000

    def __post_init__(self) -> None:
        for name in ("count", "most_answers", "patience"):
            if (value := getattr(self, name)) < 1:
                raise SamplingError(f"{name.replace('_', ' ')} must be at least 1, not {value}")
        if self.seed < 0:
            raise SamplingError(f"the seed must be 0 or more, not {self.seed}")
        if self.types is not None and not self.types:
            raise SamplingError(f"no type was named; expected some of {', '.join(STRUCTURES)}")
        for kind in self.types or ():
            if kind not in STRUCTURES:
                near = difflib.get_close_matches(kind, STRUCTURES, n=3, cutoff=0.5)
                hint = f"; nearest: {', '.join(near)}" if near else ""
                raise SamplingError(f'unknown query type "{kind}"; expected some of {", ".join(STRUCTURES)}{hint}')
            if self.harder and kind not in HARDER:
                raise SamplingError(
                    f"{kind} has no harder queries: one link proves each of its answers; "
                    f"types that have: {', '.join(HARDER)}"
                )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The types that are sampled, each once, in the field's order."""
        return tuple(kind for kind in (HARDER if self.harder else STRUCTURES) if kind in (self.types or STRUCTURES))


Ints = NDArray[np.int64]

NO_STEP = -1
"""The code of the step before the first one, whose inverse is no step."""

Drafts = NDArray[np.int64]
"""n drafts with a anchors and p projections, shape (n, a + p)."""


class BackwardSteps:
    """The last steps into each entity.

    A step is coded as twice its relation, plus 1 where it follows the relation inversely: `code ^ 1` goes back.

    Args:
        index: the links, of e entities.
        allowed: which codes may be used, shape (2 * relations,).
    """

    def __init__(self, index: TripleIndex, allowed: NDArray[np.bool_]) -> None:
        self._codes_per_entity = len(allowed)
        entities, codes, starts, ends = [], [], [], []
        # What `backward` lists for a tail are the heads that a forward step comes from.
        for inverse, side in ((0, index.backward), (1, index.forward)):
            offset = len(index) * inverse
            relations = np.repeat(np.arange(len(side.row_bounds) - 1), np.diff(side.row_bounds))
            entities.append(side.sources.astype(np.int64))
            codes.append(2 * relations + inverse)
            starts.append(side.starts[:-1].astype(np.int64) + offset)
            ends.append(side.starts[1:].astype(np.int64) + offset)
        keys = np.concatenate(entities) * self._codes_per_entity + np.concatenate(codes)
        usable = np.flatnonzero(allowed[np.concatenate(codes)])
        order = usable[np.argsort(keys[usable], kind="stable")]
        self._keys = keys[order]
        self._starts, self._ends = np.concatenate(starts)[order], np.concatenate(ends)[order]
        self._sources: Ids = np.concatenate((index.backward.targets, index.forward.targets))
        self.entities: Ints = np.unique(self._keys // self._codes_per_entity)
        """The entities that some step leads to."""

    def draw(self, rng: np.random.Generator, targets: Ints, after: Ints) -> tuple[Ints, Ints, NDArray[np.bool_]]:
        """A last step into each target: any relation alike, then any of its links to the target alike.

        Args:
            rng: where it is drawn from.
            targets: entities, shape (n,).
            after: the step that follows each, whose inverse is not drawn (it would undo it); `NO_STEP` for none.

        Returns:
            Codes, sources, and whether there was a step to draw, each of shape (n,).
        """
        low, high = (np.searchsorted(self._keys, (targets + more) * self._codes_per_entity) for more in (0, 1))
        undoing = np.where(after == NO_STEP, NO_STEP, targets * self._codes_per_entity + (after ^ 1))
        place = np.searchsorted(self._keys, undoing)
        place[place == len(self._keys)] = 0
        shut = self._keys[place] == undoing
        choices = high - low - shut
        drawn = low + (rng.random(len(targets)) * choices).astype(np.int64)
        drawn += shut & (drawn >= place)
        possible = choices > 0
        drawn[~possible] = 0
        links = self._starts[drawn] + (rng.random(len(targets)) * (self._ends[drawn] - self._starts[drawn])).astype(
            np.int64
        )
        return self._keys[drawn] % self._codes_per_entity, self._sources[links].astype(np.int64), possible


class Structure:
    """One of the 14 structures, laid out for drafts.

    Args:
        kind: its name.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        shape = template(kind)
        anchors = _count(shape, Entity)
        self.width = anchors + _count(shape, Project)
        """Columns of a draft."""
        # Every anchor and relation is named by its column, so that the tree says where each stands.
        self._tree = instantiate(
            kind,
            [Entity(str(column)) for column in range(anchors)],
            [str(column) for column in range(anchors, self.width)],
        )

    @cached_property
    def proving(self) -> tuple[int, ...]:
        """The columns of the steps that a proof of an answer goes through: those that are not negated."""
        return tuple(_proving(self._tree))

    def draw(
        self,
        rng: np.random.Generator,
        targets: Ints,
        steps: BackwardSteps,
        missing: BackwardSteps | None = None,
        lacking: NDArray[np.bool_] | None = None,
    ) -> Drafts:
        """Fill the structure backwards from entities; drafts that cannot be filled are left out.

        As in BetaE's sampler, a negated branch ends in the same entity, which it takes away.

        Args:
            rng: where it is drawn from.
            targets: the entities, shape (n,).
            steps: the steps of the full graph.
            missing: the steps over missing links alone.
            lacking: where a step is drawn from those, shape (n, width).
        """
        drafts = np.zeros((len(targets), self.width), dtype=np.int64)
        whole = np.ones(len(targets), dtype=bool)

        def fill(node: Query, ends: Ints, after: Ints) -> None:
            if isinstance(node, Entity):
                drafts[:, int(node.name)] = ends
            elif isinstance(node, Project):
                column = int(node.relation)
                codes, sources, possible = steps.draw(rng, ends, after)
                if missing is not None and lacking is not None:
                    others = missing.draw(rng, ends, after)
                    chosen = lacking[:, column]
                    codes, sources, possible = (
                        np.where(chosen, other_columns, known)
                        for other_columns, known in zip(others, (codes, sources, possible), strict=True)
                    )
                drafts[:, column] = codes
                np.logical_and(whole, possible, out=whole)
                fill(node.source, sources, codes)
            else:
                for part in node.children:
                    fill(part, ends, after)

        fill(self._tree, targets, np.full(len(targets), NO_STEP))
        drafts = drafts[whole]
        return drafts[~self._repeats_a_branch(drafts)]

    def _repeats_a_branch(self, drafts: Drafts) -> NDArray[np.bool_]:
        """Whether two siblings of the same form are the same, shape (n,)."""
        repeats = np.zeros(len(drafts), dtype=bool)
        for siblings in self._siblings:
            for first_columns, other_columns in combinations(siblings, 2):
                repeats |= (drafts[:, first_columns] == drafts[:, other_columns]).all(axis=1)
        return repeats

    def ordered(self, drafts: Drafts) -> Drafts:
        """The same queries with siblings of the same form in order: two of them are one query where rows are equal."""
        drafts = drafts.copy()
        for siblings in self._siblings:
            branches = np.stack([drafts[:, columns] for columns in siblings], axis=1)
            for row, branch in enumerate(branches.tolist()):
                branches[row] = sorted(branch)
            for place, columns in enumerate(siblings):
                drafts[:, columns] = branches[:, place]
        return drafts

    @cached_property
    def _siblings(self) -> list[list[list[int]]]:
        """Groups of branches of the same form, each branch by its columns."""
        return list(_sibling_groups(self._tree))

    def program(self, drafts: Drafts) -> Program:
        """The drafts as a program of n chains."""
        chain = decompose(self._tree)
        n, inputs = len(drafts), sum(len(step.inputs) for step in chain)
        opcodes = [OPCODES[step.operation] for step in chain]
        sides = np.zeros((n, len(opcodes)), dtype=np.int32)
        inputs_of_steps = np.zeros((n, inputs), dtype=np.int32)
        at = 0
        for position, step in enumerate(chain):
            if step.relation is not None and opcodes[position] == PROJECT:
                sides[:, position] = drafts[:, int(step.relation)]
            for source in step.inputs:
                inputs_of_steps[:, at] = source if isinstance(source, int) else -1 - drafts[:, int(source.name)]
                at += 1
        ends = np.cumsum([0, *(len(step.inputs) for step in chain)])
        bounds = (np.arange(n)[:, None] * inputs + ends[:-1]).ravel()
        return Program(
            np.arange(n + 1, dtype=np.int64) * len(opcodes),
            np.tile(np.array(opcodes, dtype=np.int32), n),
            sides.ravel(),
            np.append(bounds, n * inputs).astype(np.int64),
            inputs_of_steps.ravel(),
        )

    def query(self, draft: Sequence[int], entity_ids: Sequence[str], step_names: Sequence[str | None]) -> Query:
        """One draft as a query by the data set's ids; `step_names` names each step, inverse ones by their twin."""

        def ground(node: Query) -> Query:
            if isinstance(node, Entity):
                return Entity(entity_ids[draft[int(node.name)]], by_id=True)
            if isinstance(node, Project):
                name = step_names[draft[int(node.relation)]]
                assert name is not None  # steps without a name are not drawn
                return Project(name, ground(node.source))
            parts = tuple(ground(part) for part in node.children)
            if isinstance(node, Complement):
                return Complement(parts[0])
            return Union(parts) if isinstance(node, Union) else Intersect(parts)

        return ground(self._tree)


def _count(node: Query, kind: type[Query]) -> int:
    return isinstance(node, kind) + sum(_count(child, kind) for child in node.children)


def _columns(node: Query) -> list[int]:
    own = [int(node.name)] if isinstance(node, Entity) else [int(node.relation)] if isinstance(node, Project) else []
    return [*own, *(column for child in node.children for column in _columns(child))]


def _proving(node: Query) -> Iterator[int]:
    if isinstance(node, Project):
        yield int(node.relation)
    for child in node.children:
        if not isinstance(child, Complement):
            yield from _proving(child)


def _form(node: Query) -> tuple[str, ...]:
    return (type(node).__name__, *(name for child in node.children for name in _form(child)))


def _sibling_groups(node: Query) -> Iterator[list[list[int]]]:
    if isinstance(node, Intersect | Union):
        groups: dict[tuple[str, ...], list[list[int]]] = {}
        for part in node.parts:
            groups.setdefault(_form(part), []).append(_columns(part))
        yield from (group for group in groups.values() if len(group) > 1)
    for child in node.children:
        yield from _sibling_groups(child)


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
