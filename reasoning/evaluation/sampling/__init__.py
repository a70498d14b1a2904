"""Queries made from any graph, as hard as they claim to be.

Benchmarks exist for three graphs and none of them has everything: FB15k-237's Query2Box files lack negation, and most
of their hard answers need no more than one missing link (Gregucci et al. 2024), so that link prediction alone does
well on what is called multi-hop reasoning. Queries are sampled here by the rules of the field, each query-answer pair
is classified by the number of links that it lacks, and a harder set keeps those that lack two or more.
"""

from __future__ import annotations

from reasoning.evaluation.sampling.missing_links import classify_queries, shares_table
from reasoning.evaluation.sampling.run import sample_queries
from reasoning.evaluation.sampling.sampler import HARDER, SamplingOptions

__all__ = ["HARDER", "SamplingOptions", "classify_queries", "sample_queries", "shares_table"]
