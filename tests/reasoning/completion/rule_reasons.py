"""Why an edge is predicted: the rules that lead to it, each with a walk through the graph that satisfies its body.

Written for one edge and apart from the compiled walks, which only count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from reasoning.completion.rule_mining import between, bucket_of, group_of
from reasoning.completion.rule_model import RulePredictor
from reasoning.graph.index import Ids


@dataclass(frozen=True)
class Reason:
    """A rule that leads from a source to a target.

    Attributes:
        kind: "path" r(x, y) <- a(x, z), b(z, y); "source" r(x, c) <- a(x, c'), the target c by name; "target"
            r(c, y) <- a(y, c'), the source c by name; "loop" r(x, x) <- r(x, _).
        body: its directed relations, one to three.
        confidence: that the edge holds, from this rule alone, in [0, 1).
        walks: ways through the graph that satisfy the body for this edge.
        triples: one of them, as (head, relation, tail), from the source (kind "target": from the target) on.
    """

    kind: Literal["path", "source", "target", "loop"]
    body: tuple[int, ...]
    confidence: float
    walks: int
    triples: tuple[tuple[int, int, int], ...]


def reasons(predictor: RulePredictor, relation: int, source: int, target: int) -> list[Reason]:
    """The rules behind a predictor's score of an edge, strongest first.

    The score is the noisy-or of the first `RuleOptions.top`. The sum of the others and the target's popularity only
    decide between equals: they weigh a thousandth and a millionth of that.
    """
    if not len(predictor):
        return []
    known = bool(np.isin(target, predictor.index.side(bool(relation & 1)).row(relation >> 1, source)))
    if source == target:
        behind = _loop(predictor, relation, known)
    else:
        behind = [
            *_paths(predictor, relation, source, target, known),
            *_named(predictor, "source", relation ^ 1, source, target, known),
            *_named(predictor, "target", relation, target, source, known),
        ]
    return sorted(behind, key=lambda reason: -reason.confidence)


def _triple(source: int, relation: int, target: int) -> tuple[int, int, int]:
    return (target, relation >> 1, source) if relation & 1 else (source, relation >> 1, target)


def _targets(predictor: RulePredictor, source: int, relation: int) -> Ids:
    edges = predictor.edges
    group = group_of(edges.bounds, edges.relations, source, relation)
    return edges.targets[edges.starts[group] : edges.starts[group + 1]] if group >= 0 else edges.targets[:0]


def _paths(predictor: RulePredictor, relation: int, source: int, target: int, known: bool) -> list[Reason]:
    result = []
    rules = predictor.closed
    for rule in range(*predictor.rules_of(relation)):
        body = tuple(int(part) for part in rules.body[rule] if part >= 0)
        ways, *inner = between(source, target, rules.body[rule], predictor.edges)
        if not ways:
            continue
        bucket = bucket_of(ways)
        confidence = float(-np.expm1(-predictor.path_strengths[rule, bucket, int(known)]))
        if confidence > 0:
            stops = (source, *inner[: len(body) - 1], target)
            walk = tuple(_triple(stops[hop], relation, stops[hop + 1]) for hop, relation in enumerate(body))
            result.append(Reason("path", body, confidence, ways, walk))
    return result


def _named(
    predictor: RulePredictor,
    kind: Literal["source", "target"],
    relation: int,
    member: int,
    named: int,
    known: bool,
) -> list[Reason]:
    """Rules whose premise holds for `member` and whose conclusion is the group of `named` with a directed relation."""
    edges, sets = predictor.edges, predictor.sets
    conclusion = group_of(edges.bounds, edges.relations, named, relation)
    if conclusion < 0:
        return []
    stretch = slice(int(sets.conclusion_bounds[conclusion]), int(sets.conclusion_bounds[conclusion + 1]))
    mine = slice(int(edges.bounds[member]), int(edges.bounds[member + 1]))
    groups = len(edges.relations)
    facts = edges.facts[int(edges.starts[mine.start]) : int(edges.starts[mine.stop])]
    held = np.isin(sets.premises[stretch], np.concatenate((facts, groups + edges.relations[mine])))
    result = []
    for premise, support in zip(
        sets.premises[stretch][held], sets.premise_supports[stretch][held] - known, strict=True
    ):
        size = int(sets.starts[premise + 1] - sets.starts[premise])
        confidence = float(support / (size + predictor.options.smoothing))
        body = int(edges.relations[premise]) ^ 1 if premise < groups else int(premise) - groups
        ends = [int(edges.entities[premise])] if premise < groups else _targets(predictor, member, body).tolist()
        if confidence > 0:
            result.append(Reason(kind, (body,), confidence, len(ends), (_triple(member, body, ends[0]),)))
    return result


def _loop(predictor: RulePredictor, relation: int, known: bool) -> list[Reason]:
    confidence = float(-np.expm1(-predictor.loops(relation)[0][int(known)]))
    return [Reason("loop", (relation,), confidence, 1, ())] if confidence > 0 else []
