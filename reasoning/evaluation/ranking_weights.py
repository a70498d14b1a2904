"""The weights of method hybrid's signals, fitted on the lines that an evaluation of it wrote."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reasoning.completion.fitted import load_predictor
from reasoning.completion.hybrid import RankingWeights, fit_ranking, write_weights
from reasoning.errors import EvaluationError
from reasoning.evaluation.results_file import summary_path
from reasoning.graph.store import KnowledgeGraph

Signals = list[tuple[NDArray[np.float64], NDArray[np.int64]]]


def fit_ranking_weights(results: Path, kg: KnowledgeGraph, model: Path) -> dict[str | None, RankingWeights]:
    """Fit weights for each type of query, and for all others, and keep them beside the link predictor.

    Args:
        results: the lines of `evaluate --protocol hard --method hybrid --out`.
        kg: the graph of that run.
        model: the folder of its link predictor.

    Raises:
        EvaluationError: the file holds no signals, or another predictor's.
        CompletionError: there is no such predictor for the graph.
    """
    predictor = load_predictor(model, kg)
    try:
        settings = json.loads(summary_path(results).read_text(encoding="utf-8"))["settings"]
        lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(f"{results} and its summary cannot be read ({error}); expected a results file") from None
    if settings.get("predictor") != predictor.digest:
        raise EvaluationError(
            f"{results} was made with the link predictor {settings.get('predictor')}, {model} is {predictor.digest}"
        )
    queries: dict[str | None, Signals] = defaultdict(list)
    for number, line in enumerate(lines, 1):
        try:
            if (signals := line.get("signals")) is None:
                continue
            right, others = (np.array(signals[name], dtype=np.float64).reshape(-1, 3) for name in ("hard", "others"))
            item = np.concatenate([right, others]), np.arange(len(right))
            queries[line["type"]].append(item)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise EvaluationError(f"{results}, line {number}: no signals as hybrid writes them ({error!r})") from None
        queries[None].append(item)
    if not queries:
        raise EvaluationError(f"{results} holds no signals; make it with evaluate --protocol hard --method hybrid")
    weights = {kind: fit_ranking(items) for kind, items in queries.items()}
    assert predictor.folder is not None
    write_weights(predictor.folder, weights)
    return weights
