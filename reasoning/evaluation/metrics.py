"""What is measured, per query.

Two families stand side by side and must not be mixed. The field's own: filtered ranks with MRR and Hits@K (Bordes et
al. 2013; Ren & Leskovec 2020), and exact match, precision, recall and F1 of answer sets. LARK's released code
(Choudhary & Reddy 2023) reports numbers under the same names that mean something else; they carry the prefix `lark_`
everywhere and serve the comparison with that paper only.

Everything here works on n queries at once, and a query's figures do not depend on which others stand beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reasoning.graph.id_lists import IdLists

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
    """Exact match, precision, recall and F1 of answer sets, each in [0, 1], higher is better.

    Precision is |P n G| / |P|, recall |P n G| / |G|, F1 their harmonic mean, 2 |P n G| / (|P| + |G|). An empty
    prediction for an empty gold set is right (1 in all four); an empty one for any other scores 0.

    Args:
        predicted: n lists of entities without repetition.
        gold: n lists of entities without repetition.
    """
    correct = predicted.count(_in(predicted, gold))
    return counted_metrics(correct, predicted.lengths, correct, gold.lengths)


def counted_metrics(correct: ArrayLike, predicted: ArrayLike, covered: ArrayLike, gold: ArrayLike) -> Metrics:
    """The same from counts, where one prediction may stand for several gold answers or the other way round.

    Args:
        correct: predictions that are in the gold set, of `predicted` in all, shape (n,).
        covered: gold answers that were predicted, of `gold` in all, shape (n,).
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
    members are listed.

    Args:
        predicted: n lists of entities without repetition, best first.
        gold: n lists of entities.
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
    """MRR and Hits@K of n queries: the mean of 1 / rank, and of rank <= K, over a query's hard answers.

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
