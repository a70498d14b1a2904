"""Queries made from any graph, as hard as they claim to be.

Benchmarks exist for three graphs, and FB15k-237's Query2Box files lack negation. Queries are sampled here by the rules
of the field, and a harder set keeps the query-answer pairs that lack two links or more, see `missing_links`.
"""

from __future__ import annotations

import difflib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm  # type: ignore[import-untyped]

from kg_data.loaders import LoadingOptions
from kg_data.loaders.facts import TWIN_SUFFIX
from kg_data.loaders.text import USUAL
from reasoning.errors import QueryError, SamplingError
from reasoning.evaluation.missing_links import (
    GraphPair,
    LinkTally,
    MissingLinks,
    classify_queries,
    contained,
    refuse_endpoint,
    shares_table,
    step_names,
)
from reasoning.evaluation.query_files import EntityTable, QueryRecord
from reasoning.evaluation.run import graph_digest
from reasoning.execution.batch import OPCODES, PROJECT, BatchExecutor, Program
from reasoning.graph.index import Ids, TripleIndex
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.chain import decompose
from reasoning.query.records import NEGATED, STRUCTURES, instantiate, template
from reasoning.query.tree import Complement, Entity, Intersect, Project, Query, Union
from skylark.errors import ResultsError
from skylark.files import whole_folder, write_whole

__all__ = ["HARDER", "SamplingOptions", "classify_queries", "sample_queries", "shares_table"]


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
    """The last steps into each entity, over some links and by the codes that are allowed, shape (2 * relations,).

    A step is coded as twice its relation, plus 1 where it follows the relation inversely: `code ^ 1` goes back.
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
        """A last step into each target, shape (n,): any relation alike, then any of its links to the target alike.

        `after` is the step that follows each, whose inverse is not drawn (it would undo it); `NO_STEP` for none.

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
        starts, ends = self._starts[drawn], self._ends[drawn]
        links = starts + (rng.random(len(targets)) * (ends - starts)).astype(np.int64)
        return self._keys[drawn] % self._codes_per_entity, self._sources[links].astype(np.int64), possible


class Structure:
    """One of the 14 structures by its name, laid out for drafts."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        shape = template(kind)
        anchors = _count(shape, Entity)
        self.width = anchors + _count(shape, Project)
        """Columns of a draft."""
        # Every anchor and relation is named by its column, so that the tree says where each stands.
        names = [str(column) for column in range(self.width)]
        self._tree = instantiate(kind, [Entity(name) for name in names[:anchors]], names[anchors:])

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
        """Fill the structure backwards from n entities; drafts that cannot be filled are left out.

        As in BetaE's sampler, a negated branch ends in the same entity, which it takes away.

        Args:
            rng: where it is drawn from.
            targets: the entities.
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
    """The queries of one type, and how many drafts were drawn for them.

    Attributes:
        records: the queries, their answers by entity index.
        links: for each query the least number of missing links of each hard answer, shape (h,).
    """

    records: list[QueryRecord]
    links: list[NDArray[np.int64]]
    tries: int


class QuerySampler:
    """Samples queries from a graph and the split that is added to it."""

    def __init__(self, pair: GraphPair, options: SamplingOptions) -> None:
        self._pair, self._options = pair, options
        self._smaller, self._full = BatchExecutor(pair.smaller), BatchExecutor(pair.full)
        self._links = MissingLinks(pair)
        self._names = step_names(pair.full)
        self._ids = list(pair.full.entity_ids)

    @cached_property
    def _steps(self) -> BackwardSteps:
        return self._steps_over(self._pair.full.index.whole)

    @cached_property
    def _missing(self) -> BackwardSteps:
        return self._steps_over(self._pair.missing_index)

    def _steps_over(self, index: TripleIndex) -> BackwardSteps:
        return BackwardSteps(index, np.array([name is not None for name in self._names]))

    def sample(self, kind: str, show: Callable[[int], None]) -> SampledQueries:
        """Sample the queries of one type; `show` is given the number of queries found so far.

        Raises:
            SamplingError: the graph has too few of them, or they are too rare; says how many were found.
        """
        options, structure = self._options, Structure(kind)
        seed = [options.seed, zlib.crc32(f"{self._pair.split} {kind} {options.harder}".encode())]
        rng = np.random.default_rng(seed)
        seen: set[bytes] = set()
        sampled = SampledQueries([], [], 0)
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
        return replace(sampled, tries=tries)

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


def write_held_out(kg: KnowledgeGraph, folder: Path, share: float, seed: int) -> None:
    """Write a graph as a new folder of labelled triples, train.txt and valid.txt, whole or not at all.

    A triple is held out only where its entities and its relation stay in train: nothing can be predicted of what is
    never seen. Each triple is written with its inverse twin, so that queries can follow every relation both ways. Names
    are kept; values are left out, since no query of the 14 structures reads one. Splits that were loaded are one.

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
    try:
        with whole_folder(folder) as work:
            for name, lines in (
                ("train", _lines(kg, triples[~held])),
                ("valid", _lines(kg, triples[held])),
                ("entity2text", _names(kg.entity_ids, kg.entity_labels)),
                ("relation2text", _names(kg.relation_ids, kg.relation_labels)),
            ):
                with (work / f"{name}.txt").open("w", encoding="utf-8", newline="\n") as file:
                    file.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise ResultsError(f"cannot write {folder}: {error.strerror or error}") from None


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


UNFINISHED = ".unfinished.json"

GRAPH = "graph"
"""The folder beside the queries that a graph without splits is written to."""


class _Run:
    """The files of one sampling.

    Attributes:
        goes_on: whether a run of the same options was stopped.
        rows: the rows of the summary that are done, by type.
    """

    def __init__(self, out: Path, split: str, kinds: Sequence[str], options: dict[str, Any]) -> None:
        self._out, self._split, self._options = out, split, json.loads(json.dumps(options))
        self.rows: dict[str, Any] = {}
        try:
            stored = json.loads((out / UNFINISHED).read_text(encoding="utf-8"))
            self.goes_on = bool(stored["told"] == self._options)
            if self.goes_on:
                self.rows = {kind: row for kind, row in stored["rows"].items() if self.file(kind).exists()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self.goes_on = False
        existing = [kind for kind in kinds if self.file(kind).exists()]
        if existing and not self.goes_on:
            first, named = self.file(existing[0]), ", ".join(existing)
            raise ResultsError(f"{first} is there already; choose another folder, or types other than {named}")
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResultsError(f"cannot make the folder {out}: {error.strerror or error}") from None

    def file(self, kind: str) -> Path:
        return self._out / f"{self._split}-{kind}.jsonl"

    def keep(self) -> None:
        """Write down what is done, so that it can be gone on with from here."""
        write_whole(self._out / UNFINISHED, json.dumps({"told": self._options, "rows": self.rows}).encode())

    def end(self) -> None:
        (self._out / UNFINISHED).unlink(missing_ok=True)


def sample_queries(
    kg: str | Path,
    out: Path,
    split: str = "valid",
    options: SamplingOptions | None = None,
    held_out: float | None = None,
    progress: bool = False,
    loading: LoadingOptions = USUAL,
) -> dict[str, Any]:
    """Sample queries with their easy and hard answers into files `<split>-<type>.jsonl`, as `evaluate` reads them.

    A run that was killed goes on where it was when it is begun again in the same way.

    Args:
        kg: name or folder of a data set with the splits train, valid (and test); with `held_out` any graph.
        out: the folder, made where it is not there.
        split: "valid" or "test": the split whose links are missing.
        options: types, numbers and seed.
        held_out: first split the graph: this share of its triples is valid, the others train, in the folder `graph`
            within `out`.
        progress: show a bar for each type on stderr.
        loading: with `held_out`, what the graph's file does not say of itself, see `KnowledgeGraph.load`.

    Returns:
        `per_type` (see `LinkTally.summary`, and `tries`) and `split`.

    Raises:
        SamplingError: the graph has no such splits; or, when all other types are written, too few queries of some.
        EvaluationError: the split is not known.
        ResultsError: a file exists or cannot be written.
        SkylarkError: the graph cannot be loaded.
    """
    options = options or SamplingOptions()
    if held_out is not None and split != "valid":
        raise SamplingError(
            f'a graph that is split here has train and valid; expected the split "valid", not "{split}"'
        )
    refuse_endpoint(kg)
    if held_out is None:
        loading.refuse_all_but(f"{kg} in splits")
        pair = GraphPair.load(kg, split)
        graphs = [pair.smaller, pair.full]
    else:
        graphs = [KnowledgeGraph.load(kg, **asdict(loading))]
    deciding = {"graphs": [graph_digest(graph) for graph in graphs], "held_out": held_out, **asdict(options)}
    run = _Run(out, split, options.kinds, deciding)
    if held_out is not None and not (run.goes_on and (out / GRAPH).exists()):
        write_held_out(graphs[0], out / GRAPH, held_out, options.seed)
    run.keep()
    if held_out is not None:
        pair = GraphPair.load(out / GRAPH, split)
    unfilled = _sample(pair, options, run, progress)
    run.end()
    if unfilled:
        raise SamplingError("\n".join(unfilled))
    return {"per_type": {kind: run.rows[kind] for kind in STRUCTURES if kind in run.rows}, "split": split}


def _sample(pair: GraphPair, options: SamplingOptions, run: _Run, progress: bool) -> list[str]:
    """Sample every type that is not done; why some could not be filled."""
    sampler, unfilled, table = QuerySampler(pair, options), [], EntityTable(pair.full)
    table.integers = True  # where an id is a number it is written as one
    for kind in options.kinds:
        if kind in run.rows:
            continue
        with tqdm(total=options.count, desc=kind, unit="query", disable=not progress) as bar:

            def show(count: int, bar: Any = bar) -> None:
                bar.update(count - bar.n)

            try:
                sampled = sampler.sample(kind, show)
            except SamplingError as error:
                unfilled.append(str(error))
                continue
        write_whole(run.file(kind), b"".join(_line(record, table) for record in sampled.records))
        tally = LinkTally()
        for links in sampled.links:
            tally.add(kind, links)
        run.rows[kind] = tally.summary()["per_type"][kind] | {"tries": sampled.tries}
        run.keep()
    return unfilled


def _line(record: QueryRecord, table: EntityTable) -> bytes:
    item = {
        "type": record.kind,
        "query": record.query.to_record(),
        "easy": table.write(record.easy),
        "hard": table.write(record.hard),
    }
    return json.dumps(item, separators=(",", ":")).encode() + b"\n"
