"""What is measured, per query.

Two families stand side by side and must not be mixed. The field's own: filtered ranks with MRR and Hits@K (Bordes et
al. 2013; Ren & Leskovec 2020), and exact match, precision, recall and F1 of answer sets. LARK's released code
(Choudhary & Reddy 2023) reports numbers under the same names that mean something else; they carry the prefix `lark_`
everywhere and serve the comparison with that paper only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Ids

HITS = (1, 3, 10)
RANK_METRICS = ("mrr", "hits@1", "hits@3", "hits@10")
SET_METRICS = ("exact_match", "precision", "recall", "f1")
LARK_METRICS = ("lark_mrr", "lark_hits@1", "lark_hits@3", "lark_hits@10")

Metrics = dict[str, float]


def set_metrics(predicted: Ids, gold: Ids) -> Metrics:
    """Exact match, precision, recall and F1 of an answer set, each in [0, 1], higher is better.

    Precision is |P n G| / |P|, recall |P n G| / |G|, F1 their harmonic mean, 2 |P n G| / (|P| + |G|). An empty
    prediction for an empty gold set is right (1 in all four); an empty one for any other scores 0.

    Args:
        predicted: entities without repetition, shape (p,).
        gold: entities without repetition, shape (g,).
    """
    correct = len(np.intersect1d(predicted, gold, assume_unique=True))
    return counted_metrics(correct, len(predicted), correct, len(gold))


def counted_metrics(correct: int, predicted: int, found: int, gold: int) -> Metrics:
    """The same from counts, where one prediction may stand for several gold answers or the other way round.

    Args:
        correct: predictions that are in the gold set, of `predicted` in all.
        found: gold answers that were predicted, of `gold` in all.
    """
    if not predicted and not gold:
        return dict.fromkeys(SET_METRICS, 1.0)
    precision = correct / predicted if predicted else 0.0
    recall = found / gold if gold else 0.0
    return {
        "exact_match": float(correct == predicted and found == gold),
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
    }


def lark_metrics(predicted: Ids, gold: Ids) -> Metrics:
    """LARK's own MRR and Hits@K, as its released code computes them; a perfect answer does not score 1.

    `lark_mrr` is the mean of 1 / position over the correct predictions (0 where none is correct), `lark_hits@K`
    precision at K: |P[:K] n G| / |P[:K]| (0 for an empty prediction). The position in a set is that in which its
    members are listed.

    Args:
        predicted: entities without repetition, best first, shape (p,).
        gold: entities, shape (g,).
    """
    correct = np.isin(predicted, gold)
    positions = np.flatnonzero(correct) + 1
    metrics = {"lark_mrr": float(np.mean(1.0 / positions)) if len(positions) else 0.0}
    for k in HITS:
        metrics[f"lark_hits@{k}"] = float(np.mean(correct[:k])) if len(predicted) else 0.0
    return metrics


def filtered_ranks(predicted: Ids, scores: Sequence[float], hard: Ids, easy: Ids, entities: int) -> NDArray[np.float64]:
    """Each hard answer's rank among all entities, the other answers filtered out, ties at the expected rank.

    rank(a) = 1 + #{e not an answer: s(e) > s(a)} + #{e not an answer: s(e) = s(a)} / 2, over all `entities`; an entity
    that the method did not give lies below all that it gave, tied with the others of its kind. So a set (equal scores)
    is placed first, the rest tied; over n entities a method that gives nothing ranks everything at about n / 2.

    Args:
        predicted: entities without repetition, shape (p,).
        scores: their scores, higher is better, shape (p,).
        hard: the answers to be ranked, shape (h,).
        easy: the other answers, shape (m,).
        entities: entities in the data set.

    Returns:
        float64, shape (h,), each at least 1, in the order of `hard`.
    """
    given = np.asarray(scores, dtype=np.float64)
    answers = np.union1d(hard, easy)
    others = np.sort(given[~np.isin(predicted, answers)])
    order = np.argsort(predicted)
    at = np.searchsorted(predicted, hard, sorter=order)
    at[at == len(predicted)] = 0
    place = order[at] if len(predicted) else at
    listed = predicted[place] == hard if len(predicted) else np.zeros(len(hard), dtype=bool)
    better = np.full(len(hard), len(others), dtype=np.float64)
    tied = np.full(len(hard), entities - len(answers) - len(others), dtype=np.float64)
    own = given[place[listed]]
    right = np.searchsorted(others, own, "right")
    better[listed] = len(others) - right
    tied[listed] = right - np.searchsorted(others, own, "left")
    return 1.0 + better + tied / 2.0


def rank_metrics(ranks: NDArray[np.float64]) -> Metrics:
    """MRR and Hits@K of one query: the mean of 1 / rank, and of rank <= K, over its hard answers.

    Args:
        ranks: filtered ranks, shape (h,) with h >= 1.
    """
    metrics = {"mrr": float(np.mean(1.0 / ranks))}
    for k in HITS:
        metrics[f"hits@{k}"] = float(np.mean(ranks <= k))
    return metrics
