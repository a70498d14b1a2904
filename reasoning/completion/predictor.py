"""Link predictors behind one interface, their ranking of held-out links, and the options of training and answering."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reasoning.completion.embeddings import ComplEx, TrainingPairs
from reasoning.completion.rule_model import RulePredictor
from reasoning.errors import CompletionError
from reasoning.execution.batch import compiled
from reasoning.graph.index import Ids, TripleIndex
from reasoning.graph.store import KnowledgeGraph


@dataclass(frozen=True)
class Fingerprint:
    """A graph's digests, in hex: of the ids of entities and relations, in order, and of the triples."""

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
    """What a predictor was trained on: a graph's name, splits, fingerprint, and triples, int32, shape (n, 3)."""

    name: str
    splits: tuple[str, ...]
    fingerprint: Fingerprint
    triples: Ids

    @classmethod
    def of(cls, kg: KnowledgeGraph) -> TrainingGraph:
        """A graph that a predictor is trained on."""
        return cls(kg.graph_name, tuple(kg.splits), Fingerprint.of(kg), kg.index.whole.triples())

    def check(self, kg: KnowledgeGraph, predictor: str) -> None:
        """Refuse another graph, or one that it knows more than, by a `CompletionError` with both fingerprints.

        `predictor` is what the message calls the predictor.
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


Scorer = Callable[[int, Ids], NDArray[np.float32]]
"""The scores of every entity as target, shape (sources, entities), for a directed relation and its sources."""

BLOCK = 256
"""Pairs scored at once."""


@dataclass(frozen=True)
class LinkRanking:
    """Means over `count` ranked targets.

    Attributes:
        mrr: mean reciprocal rank; ties take the expected rank.
        hits: share with a rank of at most 1, 3 and 10.
    """

    count: int
    mrr: float
    hits: dict[int, float]

    def to_dict(self) -> dict[str, object]:
        """JSON-serialisable."""
        return asdict(self)


def rank_links(scorer: Scorer, pairs: TrainingPairs, known: TripleIndex) -> LinkRanking:
    """Rank each pair's targets among all entities, other targets that `known` holds filtered out."""
    ranks = np.concatenate([np.zeros(0), *link_ranks(scorer, pairs, known)])
    if not len(ranks):
        return LinkRanking(0, 0.0, dict.fromkeys((1, 3, 10), 0.0))
    return LinkRanking(len(ranks), float(np.mean(1 / ranks)), {k: float(np.mean(ranks <= k)) for k in (1, 3, 10)})


def link_ranks(scorer: Scorer, pairs: TrainingPairs, known: TripleIndex) -> Iterator[NDArray[np.float64]]:
    """The ranks of each pair's targets, from 1; pairs in the order of their relations."""
    order = np.argsort(pairs.relations, kind="stable")
    for relation in np.unique(pairs.relations).tolist():
        of_it = order[pairs.relations[order] == relation]
        for start in range(0, len(of_it), BLOCK):
            part = of_it[start : start + BLOCK]
            scores = scorer(relation, pairs.sources[part])
            for row, pair in enumerate(part.tolist()):
                targets = pairs.targets[pairs.starts[pair] : pairs.starts[pair + 1]]
                filtered = known.side(bool(relation & 1)).row(relation >> 1, pairs.sources[pair])
                yield rank_among(scores[row], targets, filtered)


def rank_among(scores: NDArray[np.float32], targets: Ids, filtered: Ids) -> NDArray[np.float64]:
    """Each target's rank from 1, the other targets and `filtered` left out; ties take the expected rank."""
    own = scores[targets]
    rest = np.delete(scores, np.union1d(filtered, targets))
    above = (~(rest[None, :] <= own[:, None])).sum(axis=1)  # behind all where it is no number
    level = (rest[None, :] == own[:, None]).sum(axis=1)
    return np.asarray(1 + above + level / 2)


TRIED_RULES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Weights that are tried."""

ENOUGH = 1.005
"""Times the best mean rank that a smaller weight may have: many rules tell of the same edge, so what they add up to is
too sure, which no rank in a row shows but every product of rows does."""

TRIED = 1500
"""Most held-out targets that they are tried on."""

MOST_STRENGTH = -np.log1p(np.float32(-0.9999))
"""The most strength that rules may give: a confidence of 0.9999."""


@dataclass(frozen=True)
class Weights:
    """How the parts are put together: `rules` is the factor of the rules' strength."""

    rules: float = 1.0


@dataclass(frozen=True, eq=False)
class LinkPredictor:
    """Confidence in edges, whether a graph has them or not.

    Attributes:
        embeddings: None for rules alone.
        rules: None for embeddings alone.
        seen: bool, shape (entities,): which stand in a training triple; no edge leads to others or comes from them.
        trained_on: the graph that it was trained on; it is used on graphs that hold all of it.
        weights: how much each part counts.
        digest: identifies the predictor.
        folder: where it is kept; None where it is not.
    """

    embeddings: ComplEx | None
    rules: RulePredictor | None
    seen: NDArray[np.bool_]
    trained_on: TrainingGraph
    weights: Weights
    digest: str
    folder: Path | None = None

    def confidence(self, relation: int, sources: Ids, degrees: NDArray[np.float64]) -> NDArray[np.float32]:
        """The confidence of every edge that a directed relation (see `training_pairs`) could have from some sources.

        Args:
            relation: the directed relation.
            sources: shape (n,).
            degrees: how many targets each is known or expected to have, shape (n,).

        Returns:
            float32 from 0 to below 1, shape (n, entities).
        """
        return -np.expm1(-self.strength(relation, sources, degrees))

    def strength(self, relation: int, sources: Ids, degrees: NDArray[np.float64]) -> NDArray[np.float32]:
        """-log(1 - confidence), of the arguments of `confidence`: a new float32 array, shape (n, entities)."""
        return self.put_together(self.parts(relation, sources), degrees, sources, self.weights)

    def parts(self, relation: int, sources: Ids) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
        """The scores of the ComplEx and the strength of the rules, each of shape (n, entities) or None."""
        scores = strength = None
        if self.embeddings is not None:
            scores = self.embeddings.scores(relation, sources)
            scores[:, self._unseen] = -np.inf
        if self.rules is not None:
            strength = self.rules.strength(relation, sources)
        return scores, strength

    def put_together(
        self,
        parts: tuple[NDArray[np.float32] | None, NDArray[np.float32] | None],
        degrees: NDArray[np.float64],
        sources: Ids,
        weights: Weights,
    ) -> NDArray[np.float32]:
        """The strength for every edge, see `parts` and `confidence`.

        Args:
            parts: see `parts`.
            degrees: how many targets each source is known or expected to have, shape (n,).
            sources: shape (n,).
            weights: how much each part counts.

        Returns:
            A new float32 array, shape (n, entities); 0 from and to entities that were not seen.
        """
        scores, strength = parts
        total = np.zeros((len(sources), len(self.seen)), dtype=np.float32)
        if scores is not None:
            # Row by row: one fits the processor's cache, all of them don't.
            for row, own, degree in zip(total, scores, degrees.tolist(), strict=True):
                np.subtract(own, own.max(), out=row)
                np.exp(row, out=row)
                row *= np.float32(degree / row.sum())
        if strength is not None and weights.rules:
            add_rules(strength, np.float32(weights.rules), MOST_STRENGTH, total)
        total[:, self._unseen] = 0.0
        total[~self.seen[sources]] = 0.0
        return total

    @cached_property
    def _unseen(self) -> Ids:
        return np.flatnonzero(~self.seen).astype(np.int32)


@compiled
def add_rules(strength: NDArray[np.float32], weight: np.float32, most: np.float32, total: NDArray[np.float32]) -> None:
    """Add the weighed strength of the rules, of at most `most`, to `total`, which is of the same shape."""
    for i in range(strength.shape[0]):
        for j in range(strength.shape[1]):
            total[i, j] += weight * min(strength[i, j], most)


def seen_in(triples: Ids, entities: int) -> NDArray[np.bool_]:
    """Which entities stand in triples of shape (n, 3): bool, shape (entities,)."""
    seen = np.zeros(entities, dtype=bool)
    seen[triples[:, [0, 2]].ravel()] = True
    return seen


def fit_weights(predictor: LinkPredictor, held_out: TrainingPairs, known: TripleIndex, seed: int) -> Weights:
    """The least weight under which held-out targets rank nearly best, by the geometric mean of their ranks.

    True edges that nobody knows stand above the held-out ones, the more the denser a graph is; they lower a reciprocal
    rank far more at the top, where they leave it to a few targets to decide.

    Args:
        predictor: its own weights do not matter.
        held_out: pairs with the targets that were not trained on.
        known: every triple that is known, the held-out ones among them.
        seed: seeds the choice where there are more than `TRIED` targets; the last pair chosen counts whole.
    """
    if predictor.embeddings is None or predictor.rules is None or not len(held_out):
        return Weights()
    order = np.random.default_rng(seed).permutation(len(held_out))
    before = np.cumsum(held_out.counts[order]) - held_out.counts[order]
    held_out = held_out.pick(order[before < TRIED])
    tried = [Weights(rules) for rules in TRIED_RULES]
    logarithms = np.zeros(len(tried))
    for pair in range(len(held_out)):
        relation, source = int(held_out.relations[pair]), held_out.sources[pair : pair + 1]
        targets = held_out.targets[held_out.starts[pair] : held_out.starts[pair + 1]]
        filtered = known.side(bool(relation & 1)).row(relation >> 1, int(source[0]))
        parts = predictor.parts(relation, source)
        degrees = np.array([float(len(filtered))])
        for position, weights in enumerate(tried):
            strength = predictor.put_together(parts, degrees, source, weights)[0]
            logarithms[position] += np.log(rank_among(strength, targets, filtered)).sum()
    nearly = logarithms <= logarithms.min() + math.log(ENOUGH) * held_out.starts[-1]
    return tried[int(np.argmax(nearly))]


def scorer_of(predictor: LinkPredictor, known: TripleIndex) -> Scorer:
    """The predictor's confidences as scores for `rank_links`."""

    def scores(relation: int, sources: Ids) -> NDArray[np.float32]:
        side = known.side(bool(relation & 1))
        degrees = np.array([max(1.0, len(side.row(relation >> 1, source))) for source in sources.tolist()])
        # The strength: it has the same order, and does not run together near 1.
        return predictor.put_together(predictor.parts(relation, sources), degrees, sources, predictor.weights)

    return scores


DTYPES = ("auto", "float32", "bfloat16")
SMALL = 50_000
"""Graphs of fewer triples are trained with smaller batches and weights, see `suited_options`."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How a ComplEx is trained; the defaults suit FB15k-237 on two cores, see `suited_options`.

    Attributes:
        rank: complex dimensions; an embedding has twice as many real numbers.
        epochs: most passes over the training triples, each in both directions.
        learning_rate: the learning rate of Adagrad.
        batch: (source, relation) pairs in an update; each is scored against every entity.
        nuclear: weight of the nuclear 3-norm (Lacroix et al. 2018, arXiv 1806.07297, equation 9).
        relation_weight: weight of predicting the relation (Chen et al. 2021, arXiv 2110.02834).
        scale: standard deviation of the first embeddings.
        held_out: share of the training triples that is not trained on, for early stopping and calibration.
        patience: checks without a better one before training stops.
        check_every: epochs between two checks.
        refit: train once more on all triples, for as many epochs as were best.
        dtype: of the products with all entities; "bfloat16" pays on a GPU, "float32" on a processor, "auto" chooses.
        device: auto, cpu, cuda, cuda:N or mps.
        seed: seeds everything that is drawn.
    """

    rank: int = 256
    epochs: int = 100
    learning_rate: float = 0.1
    batch: int = 256
    nuclear: float = 0.05
    relation_weight: float = 1.0
    scale: float = 1e-3
    held_out: float = 0.02
    patience: int = 3
    check_every: int = 3
    refit: bool = False
    dtype: str = "auto"
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("rank", "epochs", "batch", "patience", "check_every"):
            if (value := getattr(self, name)) < 1:
                raise CompletionError(f"{name} must be at least 1, not {value}")
        for name in ("learning_rate", "scale"):
            if not 0 < (value := getattr(self, name)) < math.inf:
                raise CompletionError(f"{name} must be above 0 and finite, not {value}")
        for name in ("nuclear", "relation_weight"):
            if not 0 <= (value := getattr(self, name)) < math.inf:
                raise CompletionError(f"{name} must be at least 0 and finite, not {value}")
        if self.seed < 0:
            raise CompletionError(f"seed must be at least 0, not {self.seed}")
        if not 0 < self.held_out < 1:
            raise CompletionError(f"held_out is a share between 0 and 1, not {self.held_out}")
        if self.dtype not in DTYPES:
            raise CompletionError(f"dtype must be one of {', '.join(DTYPES)}, not {self.dtype!r}")

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return asdict(self)


def suited_options(triples: int, **chosen: Any) -> TrainingOptions:
    """Adapt the training options to the number of triples, and keep the chosen ones.

    The defaults of `TrainingOptions` are for large graphs. A small one gives few updates in an epoch, so its batches
    are smaller. 2% of it say too little of when to stop and of how far rules are to be trusted, so more is held out,
    and afterwards it is trained on all the same. Checks cost nothing, so it is left longer without a better one.
    Chosen on the valid splits of UMLS, Nations and CoDEx-S.

    Raises:
        CompletionError: as `TrainingOptions`.
    """
    suited: dict[str, Any] = {}
    if triples < SMALL:
        batch = 2 ** round(math.log2(max(1, triples) / 256))
        suited = {
            "batch": max(16, batch),
            "nuclear": 0.01,
            "relation_weight": 0.1,
            "held_out": min(max(0.02, 300 / max(1, triples)), 0.1),
            "patience": 4,
            "check_every": 5,
            "refit": True,
        }
    return TrainingOptions(**{**suited, **chosen})


@dataclass(frozen=True, kw_only=True)
class CompletionOptions:
    """How queries are answered over known and predicted edges.

    Attributes:
        model: a link predictor, or the folder of a fitted one; None finds the one that is kept for the graph.
        least: answers below this confidence are left out; 1 leaves only what the graph says, 0 ranks everything.
        missing: share of the true edges that the graph is taken to lack. That it lacks an edge speaks against the edge:
            a predictor that is sure by c of any edge is sure by c * missing / (c * missing + 1 - c) of one not there.
        floor: predicted edges below this confidence are not there.
        negation: what a confidence is multiplied by before it is negated.
        most_bytes: memory for the rows of the neural adjacency.
    """

    model: str | Path | LinkPredictor | None = None
    least: float = 0.5
    missing: float = 0.1
    floor: float = 5e-4
    negation: float = 1.0
    most_bytes: int = 1 << 30

    def __post_init__(self) -> None:
        for name in ("least", "floor", "missing"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise CompletionError(f"{name} must be from 0 to 1, not {value}")
        if not 0 < self.negation < math.inf:
            raise CompletionError(f"negation must be above 0 and finite, not {self.negation}")
        if self.most_bytes < 1:
            raise CompletionError(f"most_bytes must be at least 1, not {self.most_bytes}")

    def deciding(self) -> dict[str, Any]:
        """The options that decide the answers, by name; the predictor is known by its digest."""
        return {name: getattr(self, name) for name in ("least", "missing", "floor", "negation")}
