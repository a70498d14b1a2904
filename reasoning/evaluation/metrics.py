"""Metrics of answer sets and rankings, their averages by query type, and bootstrap intervals."""

from __future__ import annotations

import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reasoning.graph.index import IdLists
from reasoning.lm.calls import TokenUsage
from reasoning.query.records import in_order, is_negated
from skylark.files import Line

LEVEL = 0.95
RESAMPLES = 2000
SEED = 0
_RESAMPLES_AT_ONCE, _PERMUTATIONS_AT_ONCE = 200, 250  # held in memory

PERMUTATIONS = 9999
"""Random sign flips, where there are more ways to flip than these; then no p-value is below 1 / 10,000."""

TIED = 1e-12
"""Differences up to this are none: two sums of the same fractions."""

Interval = list[float] | None
"""Lower and upper bound; None where one query or none says nothing about the spread."""

Means = NDArray[np.float64]
"""A mean on each of the resamples, shape (RESAMPLES,)."""


def resampled_means(values: Sequence[float], stratum: str) -> Means | None:
    """The mean of n values on every resample; None for n < 2. Every stratum, such as a type, is drawn independently.

    Args:
        values: one of each query, shape (n,).
        stratum: what the queries are, e.g. their type; other strata are drawn independently.
    """
    if len(values) < 2:
        return None
    if min(values) == max(values):
        return np.full(RESAMPLES, values[0])
    # The same draws as scipy.stats.bootstrap makes, without the 0.7 s that importing it takes.
    rng = np.random.default_rng([SEED, zlib.crc32(stratum.encode())])
    given, means = np.asarray(values, dtype=np.float64), np.empty(RESAMPLES)
    for start in range(0, RESAMPLES, _RESAMPLES_AT_ONCE):
        batch = means[start : start + _RESAMPLES_AT_ONCE]
        batch[:] = given[rng.integers(0, len(given), (len(batch), len(given)))].mean(axis=-1)
    return means


def average_of(means: Sequence[Means | None]) -> Means | None:
    """The mean over strata on every resample; None where one of them has none."""
    known = [stratum for stratum in means if stratum is not None]
    return np.mean(known, axis=0) if known and len(known) == len(means) else None


def interval(means: Means | None) -> Interval:
    """The percentiles that leave half of what `LEVEL` lacks on either side."""
    if means is None:
        return None
    low, high = np.quantile(means, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)).tolist()
    return [low, high]


def p_value(differences: Sequence[float], stratum: str) -> float:
    """How often sign flips alone give a sum at least as far from 0, both sides; 1.0 where no query differs.

    Of an average over types a difference is divided by the queries of its type. The stratum seeds the flips.

    Args:
        differences: one of each query, or for an average over types divided by the queries of its type, shape (n,).
        stratum: what the queries are; it seeds the flips.
    """
    values = np.asarray(differences, dtype=np.float64)
    values = values[np.abs(values) > TIED]
    if not len(values):
        return 1.0
    far = abs(float(values.sum())) * (1 - 1e-9)
    if 2 ** len(values) <= PERMUTATIONS:
        flips = np.arange(2 ** len(values))[:, None] >> np.arange(len(values)) & 1
        return float(np.mean(np.abs(_flipped(values, flips)) >= far))
    rng = np.random.default_rng([SEED, zlib.crc32(stratum.encode())])
    as_far = 0
    for start in range(0, PERMUTATIONS, _PERMUTATIONS_AT_ONCE):
        rows = min(_PERMUTATIONS_AT_ONCE, PERMUTATIONS - start)
        flips = rng.integers(0, 2, size=(rows, len(values)), dtype=np.int8)
        as_far += int(np.sum(np.abs(_flipped(values, flips)) >= far))
    # What was seen is one of the permutations itself, so that no p-value is 0.
    return (as_far + 1) / (PERMUTATIONS + 1)


def _flipped(values: NDArray[np.float64], flips: NDArray[np.integer]) -> NDArray[np.float64]:
    """The sum of the values with the flipped ones negated, for each row of 0 and 1."""
    sums: NDArray[np.float64] = values.sum() - 2 * (flips.astype(np.float64) @ values)
    return sums


HITS = (1, 3, 10)
RANK_METRICS = ("mrr", *(f"hits@{k}" for k in HITS))
SET_METRICS = ("exact_match", "precision", "recall", "f1")
LARK_METRICS = ("lark_mrr", *(f"lark_hits@{k}" for k in HITS))
QUERY_METRICS = {"reading": (*SET_METRICS, *LARK_METRICS), "hard": RANK_METRICS}
"""What each protocol measures of a query."""
QUESTION_METRICS = ("hits@1", "f1", "exact_match", "path_match")
LARK_NOTE = (
    "* LARK's own released metrics, for comparison with that paper only: the mean of 1/position over correct "
    "predictions, and precision at K; a perfect answer does not score 1"
)


def marked(metric: str) -> str:
    """A metric's name as tables and plots show it: LARK's own with the star that `LARK_NOTE` explains."""
    return f"{metric}*" if metric in LARK_METRICS else metric


Metrics = dict[str, NDArray[np.float64]]
"""A metric's value for each of n queries, shape (n,)."""


def set_metrics(predicted: IdLists, gold: IdLists) -> Metrics:
    """Exact match, precision, recall and F1 of n answer sets without repetition, each in [0, 1], higher is better.

    Precision is |P n G| / |P|, recall |P n G| / |G|, F1 their harmonic mean, 2 |P n G| / (|P| + |G|). An empty
    prediction for an empty gold set is right (1 in all four); an empty one for any other scores 0.
    """
    correct = predicted.count(_in(predicted, gold))
    return counted_metrics(correct, predicted.lengths, correct, gold.lengths)


def counted_metrics(correct: ArrayLike, predicted: ArrayLike, covered: ArrayLike, gold: ArrayLike) -> Metrics:
    """The same from counts, shape (n,), where one prediction may stand for several gold answers or the other way round.

    Of `predicted` in all some are `correct`, and of `gold` answers some are `covered`.
    """
    correct, predicted, covered, gold = (np.asarray(counts) for counts in (correct, predicted, covered, gold))
    nothing = (predicted == 0) & (gold == 0)
    precision = np.where(nothing, 1.0, correct / np.maximum(predicted, 1))
    recall = np.where(nothing, 1.0, covered / np.maximum(gold, 1))
    both = precision + recall
    return {
        "exact_match": ((correct == predicted) & (covered == gold)).astype(np.float64),
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / np.where(both > 0, both, 1.0),
    }


def lark_metrics(predicted: IdLists, gold: IdLists) -> Metrics:
    """LARK's own MRR and Hits@K, as its released code computes them; a perfect answer does not score 1.

    `lark_mrr` is the mean of 1 / position over the correct predictions (0 where none is correct), `lark_hits@K`
    precision at K: |P[:K] n G| / |P[:K]| (0 for an empty prediction). The position in a set is that in which its
    members are listed, without repetition.
    """
    correct = _in(predicted, gold)
    reciprocals = predicted.sums(correct / (predicted.positions + 1.0))
    metrics = {"lark_mrr": reciprocals / np.maximum(predicted.count(correct), 1)}
    for k in HITS:
        among = predicted.count(correct & (predicted.positions < k))
        metrics[f"lark_hits@{k}"] = among / np.clip(predicted.lengths, 1, k)
    return metrics


def filtered_ranks(
    predicted: IdLists, scores: NDArray[np.float64], hard: IdLists, easy: IdLists, entities: int
) -> NDArray[np.float64]:
    """Each hard answer's rank among all entities, the other answers filtered out, ties at the expected rank.

    rank(a) = 1 + #{e not an answer: s(e) > s(a)} + #{e not an answer: s(e) = s(a)} / 2, over all `entities`; an entity
    that the method did not give lies below all that it gave, tied with the others of its kind. So a set (equal scores)
    is placed first, the rest tied; over n entities a method that gives nothing ranks everything at about n / 2.

    Args:
        predicted: n lists of entities without repetition, p in all.
        scores: their scores, higher is better, shape (p,).
        hard: the answers to be ranked, h in all.
        easy: the other answers, none of them hard.
        entities: entities in the data set.

    Returns:
        float64, shape (h,), each at least 1, in the order of `hard`.
    """
    keys = predicted.keys(entities)
    wrong = ~np.isin(keys, np.concatenate([hard.keys(entities), easy.keys(entities)]))
    wrongs = predicted.count(wrong)
    better = wrongs.astype(np.float64)[hard.owners]
    tied = (entities - hard.lengths - easy.lengths - wrongs).astype(np.float64)[hard.owners]
    order = np.argsort(keys)
    place = np.searchsorted(keys[order], hard.keys(entities))
    listed = place < len(keys)
    listed[listed] = keys[order[place[listed]]] == hard.keys(entities)[listed]
    # Scores as whole numbers, and each query's above those of the query before: one sorted array serves all.
    values, level = np.unique(scores, return_inverse=True)
    levels = predicted.owners * len(values) + level
    against, own = np.sort(levels[wrong]), levels[order[place[listed]]]
    end = np.searchsorted(against, (hard.owners[listed] + 1) * len(values))
    right = np.searchsorted(against, own, "right")
    better[listed] = end - right
    tied[listed] = right - np.searchsorted(against, own, "left")
    return 1.0 + better + tied / 2.0


def rank_metrics(ranks: NDArray[np.float64], hard: IdLists) -> Metrics:
    """MRR and Hits@K of n queries: the mean of 1 / rank, and of rank <= K, over a query's hard answers, h in all.

    Args:
        ranks: filtered ranks, shape (h,).
        hard: n lists of at least one, h in all.
    """
    metrics = {"mrr": hard.sums(1.0 / ranks) / hard.lengths}
    for k in HITS:
        metrics[f"hits@{k}"] = hard.count(ranks <= k) / hard.lengths
    return metrics


def _in(some: IdLists, others: IdLists) -> NDArray[np.bool_]:
    """Which ids of each list are in the other list of the same number, shape (t,)."""
    entities = 1 + max((int(lists.ids.max()) for lists in (some, others) if len(lists.ids)), default=0)
    inside: NDArray[Any] = np.isin(some.keys(entities), others.keys(entities))
    return inside


STEP_COUNTS = ("llm", "agreeing", "symbolic", "parts", "left_out")


def averaged(kinds: Iterable[str]) -> dict[str, list[str]]:
    """The types that each average is over, in order: those without negation, and those with it."""
    ordered = in_order(kinds)
    return {
        "avg_p": [kind for kind in ordered if not is_negated(kind)],
        "avg_n": [kind for kind in ordered if is_negated(kind)],
    }


class MetricValues:
    """What the lines of a run hold, by type and metric."""

    def __init__(self, metrics: Sequence[str]) -> None:
        self.metrics = tuple(metrics)
        self.counts: Counter[str] = Counter()
        self.errors = 0
        self._values: dict[str, dict[str, list[float]]] = defaultdict(lambda: {name: [] for name in self.metrics})
        self.usage = TokenUsage()
        """What the language model was sent and wrote, and what that cost, over all lines."""

    def add(self, line: Line) -> None:
        """Take in one query's line."""
        self.counts[line["type"]] += 1
        self.errors += "error" in line
        for name, values in self._values[line["type"]].items():
            # A question without a gold path has no path_match.
            if line[name] is not None:
                values.append(line[name])
        if "usage" in line:
            self.usage += TokenUsage.from_dict(line["usage"])

    def of(self, kind: str) -> Mapping[str, Sequence[float]]:
        """Metric -> the values of one type's queries, in order."""
        return self._values[kind]


class QueryTally:
    """Average the metrics of a query run over its lines, by query structure."""

    def __init__(self, metrics: Sequence[str], skipped: int) -> None:
        self._values, self._skipped = MetricValues(metrics), skipped
        self._steps: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, line: Line) -> None:
        """Count one query's line."""
        self._values.add(line)
        if "steps" in line:
            self._steps[line["type"]].update(line["steps"])

    def summary(self) -> dict[str, Any]:
        """The figures so far; see `QueryEvaluation.run`."""
        values, kinds = self._values, self._kinds
        means = {kind: _means(values.of(kind)) for kind in kinds}
        summary: dict[str, Any] = {
            "per_type": {kind: {**means[kind], "count": values.counts[kind]} for kind in kinds},
            **{name: self._average([means[kind] for kind in over]) for name, over in averaged(kinds).items()},
            "count": values.counts.total(),
            "skipped": self._skipped,
            "errors": values.errors,
        }
        if self._steps:
            summary["steps"] = {
                kind: {name: self._steps[kind][name] for name in STEP_COUNTS} for kind in kinds if kind in self._steps
            }
        return _with_usage(summary, values)

    def intervals(self) -> dict[str, Any]:
        """The intervals of the summary's means, in the same places."""
        per_type = {kind: _resampled(self._values.of(kind), kind) for kind in self._kinds}
        averages = {
            name: {
                metric: interval(average_of([per_type[kind][metric] for kind in over]))
                for metric in self._values.metrics
            }
            if over
            else {}
            for name, over in averaged(per_type).items()
        }
        return {**_described(per_type), **averages}

    @property
    def _kinds(self) -> list[str]:
        return in_order(self._values.counts)

    def _average(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        return {name: mean([row[name] for row in rows]) for name in self._values.metrics} if rows else {}


class QuestionTally:
    """Adds up the lines of a question run."""

    def __init__(self, metrics: Sequence[str], skipped: int) -> None:
        self._values, self._skipped, self._rightly_refused = MetricValues(metrics), skipped, 0

    def add(self, line: Line) -> None:
        """Count one question's line; one that is rightly not answered is no error."""
        self._values.add(line)
        if "error" in line and line["exact_match"] == 1.0:
            self._rightly_refused += 1

    def summary(self) -> dict[str, Any]:
        """The figures so far; see `QuestionEvaluation.run`."""
        values = self._values
        per_type = {kind: {**_means(values.of(kind)), "count": values.counts[kind]} for kind in sorted(values.counts)}
        summary = {
            "overall": {**_means(self._every), "count": values.counts.total()},
            "per_type": per_type,
            "count": values.counts.total(),
            "skipped": self._skipped,
            "errors": values.errors - self._rightly_refused,
            "rightly_refused": self._rightly_refused,
        }
        return _with_usage(summary, values)

    def intervals(self) -> dict[str, Any]:
        """The intervals of the summary's means, in the same places."""
        per_type = {kind: _resampled(self._values.of(kind), kind) for kind in sorted(self._values.counts)}
        overall = {name: interval(means) for name, means in _resampled(self._every, "overall").items()}
        return {**_described(per_type), "overall": overall}

    @property
    def _every(self) -> dict[str, list[float]]:
        kinds = sorted(self._values.counts)
        return {name: [v for kind in kinds for v in self._values.of(kind)[name]] for name in self._values.metrics}


def mean(values: Sequence[float]) -> float:
    """The same mean whatever the order, so that a resumed run's summary equals an uninterrupted one's."""
    return math.fsum(values) / len(values)


def _means(row: Mapping[str, Sequence[float]]) -> dict[str, float | None]:
    return {name: mean(values) if values else None for name, values in row.items()}


def _resampled(row: Mapping[str, Sequence[float]], stratum: str) -> dict[str, Means | None]:
    return {name: resampled_means(values, stratum) for name, values in row.items()}


def _described(per_type: Mapping[str, Mapping[str, Means | None]]) -> dict[str, Any]:
    bounds: dict[str, dict[str, Interval]] = {
        kind: {name: interval(means) for name, means in row.items()} for kind, row in per_type.items()
    }
    return {"level": LEVEL, "resamples": RESAMPLES, "per_type": bounds}


def _with_usage(summary: dict[str, Any], values: MetricValues) -> dict[str, Any]:
    usage = values.usage
    return {**summary, "usage": usage.to_dict()} if usage.requests or usage.cached else summary
