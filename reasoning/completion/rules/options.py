"""Which rules are mined, kept and counted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RuleOptions:
    """Which rules are kept and how they are added up.

    Attributes:
        support, confidence: least ones of a closed rule; confidence = support / (body + smoothing).
        constant_support, constant_confidence: the same of rules with constants, of which there are many more.
        smoothing: AnyBURL's pessimistic constant.
        rules: closed rules kept for each directed relation.
        top: strongest rules that an edge's confidence is made of.
        walks: edges walked for each relation that a body begins with; where these are too few its sources are sampled.
        sparse: most edges that an entity has on average, both directions counted, in a graph whose rules have bodies of
            three edges too. In a dense one these lead everywhere: on FB15k-237 (37 an entity) they take seven times as
            long and add nothing, on WN18RR (4 an entity) they raise MRR by 0.03.
        seed: seeds all samples.
    """

    support: int = 2
    confidence: float = 0.01
    constant_support: int = 3
    constant_confidence: float = 0.1
    smoothing: float = 5.0
    rules: int = 1000
    top: int = 3
    walks: int = 200_000_000
    sparse: float = 10.0
    seed: int = 0
