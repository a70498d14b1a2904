"""A predictor of missing edges that learns rules: no training, no GPU, and it can say why.

Embeddings and rules fail on different edges: an embedding sees that two entities are alike, a rule sees the very path
between them. Rules are mined from the graph alone, in seconds, and each prediction is explained by those that made it.

The confidence of an edge is the noisy-or of its strongest rules, 1 - prod(1 - confidence): of all rules, redundant ones
would count many times over (what SAFRAN clusters rules for, Ott et al. 2021), of the best one alone, agreement would
count for nothing (AnyBURL's maximum).
"""

from __future__ import annotations

import hashlib
import shutil
import threading
import zlib
from collections.abc import Callable
from dataclasses import asdict
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from cachetools import LRUCache, cachedmethod
from numpy.typing import NDArray

from reasoning.completion.rules.application import OFTEN, Scratch, Sets, score_rows
from reasoning.completion.rules.closed_rules import ClosedRules, best_of, mine_closed, strengths
from reasoning.completion.rules.constant_rules import ConstantRules, mine_constant, with_classes
from reasoning.completion.rules.directed_edges import DirectedEdges
from reasoning.completion.rules.long_rules import mine_long
from reasoning.completion.rules.options import RuleOptions
from reasoning.errors import CompletionError, GraphError
from reasoning.graph import cache
from reasoning.graph.index import Ids, TripleIndex

CERTAIN = np.float32(1 - 2.0**-24)
"""The largest confidence below 1."""

KEPT_BYTES = 2**27
"""Of what is kept of relations for all entities: a query asks for rows of one relation many times."""


class RulePredictor:
    """Confidence of missing edges, from rules alone.

    Relations are directed: number 2r walks relation r from heads to tails, 2r + 1 from tails to heads. Use `fit` or
    `load` to make one.
    """

    def __init__(
        self,
        index: TripleIndex,
        entities: int,
        relations: int,
        options: RuleOptions,
        closed: ClosedRules,
        constant: ConstantRules,
    ) -> None:
        self.entities, self.relations, self.options = entities, relations, options
        self.edges = DirectedEdges(*_frozen(DirectedEdges.build(index, entities)))
        self.closed, self.constant = ClosedRules(*_frozen(closed)), ConstantRules(*_frozen(constant))
        self.index = index
        self._bounds = np.searchsorted(closed.head, np.arange(2 * relations + 1))
        self._keeping, self._of_thread = threading.Lock(), threading.local()
        self._popularities: LRUCache[int, NDArray[np.float32]]
        self._popularities = LRUCache(KEPT_BYTES, getsizeof=lambda kept: kept.nbytes)
        self._loops: LRUCache[int, tuple[NDArray[np.float32], NDArray[np.int8]]]
        self._loops = LRUCache(KEPT_BYTES, getsizeof=lambda kept: kept[1].nbytes)
        (self.path_strengths,) = _frozen((strengths(closed, options.smoothing),))
        groups = len(self.edges.relations)
        by_conclusion = np.argsort(constant.conclusion, kind="stable")
        self.sets = Sets(
            *_frozen(
                (
                    *with_classes(self.edges, relations),
                    np.searchsorted(constant.premise, np.arange(groups + 2 * relations + 1)),
                    constant.conclusion,
                    constant.support,
                    np.searchsorted(constant.conclusion[by_conclusion], np.arange(groups + 1)),
                    constant.premise[by_conclusion],
                    constant.support[by_conclusion],
                )
            )
        )

    @classmethod
    def fit(
        cls,
        index: TripleIndex,
        entities: int,
        relations: int,
        options: RuleOptions | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> RulePredictor:
        """Mine the rules of a graph.

        Args:
            index: its triples.
            entities: entities in all, those in no triple too.
            relations: relations, not counting directions.
            options: which rules are kept.
            say: is given the progress, a line at a time.
        """
        options = options or RuleOptions()
        edges = DirectedEdges.build(index, entities)
        closed = mine_closed(edges, relations, options)
        say(f"{len(closed.head):,} rules whose body is a path of one or two edges")
        parts = [closed]
        if len(edges.targets) <= options.sparse * len(np.unique(edges.entities)):
            parts.append(mine_long(edges, relations, options))
            say(f"{len(parts[1].head):,} rules whose body is a path of three edges")
        closed = best_of(parts, options.smoothing, options.rules)
        constant = mine_constant(edges, relations, options)
        say(f"{len(constant.premise):,} rules with constants")
        return cls(index, entities, relations, options, closed, constant)

    @property
    def digest(self) -> str:
        """A digest of the rules, in hex."""
        total = hashlib.sha256(repr(self.options).encode())
        for array in (*self.closed, *self.constant):
            total.update(np.ascontiguousarray(array).data)
        return total.hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.closed.head) + len(self.constant.premise)

    def scores(self, relation: int, sources: Ids) -> NDArray[np.float32]:
        """Confidence that a directed relation leads from each source to each entity, as if that edge were not known.

        An edge of the graph takes part neither in its own walks nor in the support of its rules; all others do.

        Args:
            relation: directed relation, 0 to 2 x relations - 1.
            sources: shape (s,).

        Returns:
            float32 in [0, 1), shape (s, entities); 0 where no rule applies.
        """
        return np.minimum(-np.expm1(-self.strength(relation, sources)), CERTAIN)

    def strength(self, relation: int, sources: Ids) -> NDArray[np.float32]:
        """-log(1 - confidence) of `scores`: float32 from 0, shape (s, entities)."""
        shape = (len(sources), self.entities)
        rows = np.empty(shape, np.float32) if len(self) else np.zeros(shape, np.float32)
        if len(self) and len(sources):
            rules = slice(*self.rules_of(relation))
            loops, looped = self.loops(relation)
            score_rows(
                relation,
                np.ascontiguousarray(sources, dtype=np.int32),
                self._popularity(relation),
                loops,
                looped,
                self.closed.body[rules],
                self.path_strengths[rules],
                self.edges,
                self.sets,
                self.options.smoothing,
                self._scratch(),
                rows,
            )
        return rows

    def _scratch(self) -> Scratch:
        """This thread's own."""
        if not hasattr(self._of_thread, "scratch"):
            self._of_thread.scratch = Scratch.of(self.entities, self.options.top)
        scratch: Scratch = self._of_thread.scratch
        return scratch

    def rules_of(self, relation: int) -> tuple[int, int]:
        """First and last + 1 of the closed rules that predict a directed relation."""
        return int(self._bounds[relation]), int(self._bounds[relation + 1])

    @cachedmethod(attrgetter("_popularities"), lock=attrgetter("_keeping"))
    def _popularity(self, relation: int) -> NDArray[np.float32]:
        """Strength from how often each entity is a target, shape (2, entities); the second with one edge left out."""
        edges, inverse = self.edges, relation ^ 1
        groups = np.flatnonzero(edges.relations == inverse)
        often = np.zeros(self.entities)
        often[edges.entities[groups]] = edges.starts[groups + 1] - edges.starts[groups]
        return (OFTEN * np.log1p(np.maximum(np.stack([often, often - 1]), 0))).astype(np.float32)

    @cachedmethod(attrgetter("_loops"), lock=attrgetter("_keeping"))
    def loops(self, relation: int) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        """Strength that the relation leads from an entity to itself (unknown, known), and for which it is known to."""
        sources, targets = self.index.block(relation >> 1, bool(relation & 1))
        looped = np.zeros(self.entities, dtype=np.int8)
        looped[sources[sources == targets]] = 1
        count, smoothing = int(looped.sum()), self.options.smoothing
        confidence = np.array([count, max(0, count - 1)]) / (len(np.unique(sources)) + smoothing)
        if count < self.options.support:
            confidence[:] = 0
        return (-np.log1p(-confidence)).astype(np.float32), looped

    def save(self, folder: Path) -> None:
        """Write the rules into `folder`, whole or not at all; what it held before is removed first.

        Raises:
            CompletionError: it cannot be written.
        """
        arrays = {f"closed_{name}": array for name, array in self.closed._asdict().items()}
        arrays |= {f"constant_{name}": array for name, array in self.constant._asdict().items()}
        details = {
            "entities": self.entities,
            "relations": self.relations,
            "triples": _checksum(self.index),
            "options": asdict(self.options),
        }
        try:
            shutil.rmtree(folder, ignore_errors=True)
            cache.save(folder, arrays, details)
        except OSError as error:
            raise CompletionError(f"the rules cannot be written to {folder}: {error.strerror or error}") from error

    @classmethod
    def load(cls, folder: Path, index: TripleIndex) -> RulePredictor:
        """Open saved rules.

        Raises:
            CompletionError: nothing is saved there, it is damaged, or it was mined from other triples than the index's.
        """
        try:
            saved = cache.load(folder)
        except GraphError as error:
            raise CompletionError(f"the rules in {folder} cannot be read ({error}); fit them anew") from error
        if saved is None:
            raise CompletionError(f"there are no rules in {folder}; fit and save them first")
        arrays, details = saved
        try:
            if details["triples"] != _checksum(index):
                raise CompletionError(
                    f"the rules in {folder} were mined from other triples (checksum {details['triples']}) than the "
                    f"graph's ({_checksum(index)}); fit them anew"
                )
            closed = ClosedRules(*(arrays[f"closed_{name}"] for name in ClosedRules._fields))
            constant = ConstantRules(*(arrays[f"constant_{name}"] for name in ConstantRules._fields))
            options = RuleOptions(**details["options"])
            return cls(index, details["entities"], details["relations"], options, closed, constant)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise CompletionError(f"{folder} holds no rules ({error!r}); fit them anew") from error


def _frozen(arrays: tuple[NDArray[Any], ...]) -> tuple[NDArray[Any], ...]:
    """Read-only views: mapped files are read-only too, and compiled code takes one type of array only."""
    views = tuple(np.ascontiguousarray(array).view() for array in arrays)
    for view in views:
        view.flags.writeable = False
    return views


def _checksum(index: TripleIndex) -> str:
    parts = (index.forward.bounds, index.forward.sources, index.forward.starts, index.forward.targets)
    value = 0
    for part in parts:
        value = zlib.crc32(part.tobytes(), value)
    return f"{value:08x}"
