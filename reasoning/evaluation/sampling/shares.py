"""The share of query-answer pairs by how many links they lack, and how well pairs of each kind were ranked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg_data.text_table import aligned
from reasoning.evaluation.tally import mean
from reasoning.query.structures import STRUCTURES


class LinkTally:
    """Adds up the hard answers of queries by their least number of missing links."""

    def __init__(self) -> None:
        self._pairs: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._queries: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._counts: dict[str, int] = defaultdict(int)
        self._mrr: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, kind: str, links: NDArray[np.int64], ranks: NDArray[np.float64] | None = None) -> None:
        """Count one query.

        Args:
            kind: its type.
            links: the missing links of each hard answer, shape (h,).
            ranks: the filtered rank of each, of the same shape, where it was ranked.
        """
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
