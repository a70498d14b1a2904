"""The rule predictor against plain set algebra on small random graphs, and on graphs that give it little or nothing."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from reasoning.completion.rule_mining import BUCKETS, DirectedEdges, RuleOptions, bucket_of, group_of
from reasoning.completion.rule_model import OFTEN, REST, RulePredictor
from reasoning.errors import CompletionError
from reasoning.graph.index import TripleIndex

Triple = tuple[int, int, int]
Edges = dict[int, set[tuple[int, int]]]
"""Pairs of each directed relation."""

ALL = RuleOptions(support=1, confidence=0.0, constant_support=1, constant_confidence=0.0, sparse=0.0)
"""Keeps every rule with bodies of one and two edges; those with three are looked for on a sample."""
ENTITIES, RELATIONS = 9, 3


def random_triples(seed: int, count: int = 40, entities: int = ENTITIES, relations: int = RELATIONS) -> set[Triple]:
    generator = np.random.default_rng(seed)
    heads, tails = generator.integers(0, entities, count), generator.integers(0, entities, count)
    return set(zip(heads.tolist(), generator.integers(0, relations, count).tolist(), tails.tolist(), strict=True))


def index_of(triples: set[Triple], entities: int = ENTITIES, relations: int = RELATIONS) -> TripleIndex:
    return TripleIndex.build(np.array(sorted(triples), dtype=np.int32).reshape(-1, 3), entities, relations)


def fitted(triples: set[Triple], options: RuleOptions = ALL, relations: int = RELATIONS) -> RulePredictor:
    return RulePredictor.fit(index_of(triples, relations=relations), ENTITIES, relations, options)


def directed(triples: set[Triple], loops: bool = False) -> Edges:
    edges: Edges = {relation: set() for relation in range(2 * RELATIONS)}
    for head, relation, tail in triples:
        if loops or head != tail:
            edges[2 * relation].add((head, tail))
            edges[2 * relation + 1].add((tail, head))
    return edges


def paths(edges: Edges, body: tuple[int, ...]) -> dict[tuple[int, int], int]:
    """Walks of a body between each two distinct entities."""
    if len(body) == 1:
        return dict.fromkeys(edges[body[0]], 1)
    walks: list[tuple[int, ...]] = list(edges[body[0]])
    for relation in body[1:]:
        walks = [(*walk, y) for walk in walks for z, y in edges[relation] if z == walk[-1] and y not in walk]
    return Counter((walk[0], walk[-1]) for walk in walks)


def bodies(relation: int) -> list[tuple[int, ...]]:
    all_of_them = range(2 * RELATIONS)
    return [(a,) for a in all_of_them if a != relation] + list(product(all_of_them, repeat=2))


class Oracle:
    """Confidences of rules by the definitions: of all with bodies of one and two edges, and of longer ones given."""

    def __init__(self, triples: set[Triple], longer: Iterable[tuple[int, ...]] = ()) -> None:
        self.edges, self.loops = directed(triples), directed(triples, loops=True)
        self.walked = {body: paths(self.edges, body) for body in longer}
        self.longer = tuple(self.walked)
        self.sets: dict[tuple[int, int | None], set[int]] = {}
        for a, both in self.edges.items():
            for source, target in both:
                self.sets.setdefault((a, target), set()).add(source)
                self.sets.setdefault((a, None), set()).add(source)

    def confidences(self, relation: int, x: int, y: int) -> list[float]:
        """Of each rule that leads from x to y."""
        pairs, k = self.edges[relation], ALL.smoothing
        own = (x, y) in pairs
        if x == y:
            with_loops = self.loops[relation]
            loops = sum(a == b for a, b in with_loops)
            confidence = max(0, loops - ((x, x) in with_loops)) / (len({a for a, _ in with_loops}) + k)
            return [confidence] * (confidence > 0)
        found = []
        for body in (*bodies(relation), *self.longer):
            walked = self.walked.setdefault(body, paths(self.edges, body))
            if (x, y) not in walked or not any(pair in pairs for pair in walked):
                continue
            whole = (sum(pair in pairs for pair in walked) - own) / (len(walked) + k)
            like = [pair for pair, ways in walked.items() if bucket_of(ways) == bucket_of(walked[x, y])]
            found.append((sum(pair in pairs for pair in like) - own + k * whole) / (len(like) + k))
        # Of members by (relation, constant), the conclusions (relation, y) of x and (inverse, x) of y.
        for member, conclusion in ((x, (relation, y)), (y, (relation ^ 1, x))):
            inside = self.sets.get(conclusion, set())
            for premise, members in self.sets.items():
                if premise != conclusion and member in members and inside:
                    found.append((len(members & inside) - own) / (len(members) + k))
        return sorted((confidence for confidence in found if confidence > 0), reverse=True)


@pytest.mark.parametrize("seed", range(3))
def test_edges_are_grouped_both_ways(seed: int) -> None:
    triples = random_triples(seed)
    edges = DirectedEdges.build(index_of(triples), ENTITIES)
    for relation, pairs in directed(triples).items():
        for entity in range(ENTITIES):
            group = group_of(edges.bounds, edges.relations, entity, relation)
            there = sorted(target for source, target in pairs if source == entity)
            assert (group < 0) == (not there)
            if group >= 0:
                stretch = slice(edges.starts[group], edges.starts[group + 1])
                assert edges.targets[stretch].tolist() == there
                back = edges.facts[stretch]
                assert edges.entities[back].tolist() == there
                assert set(edges.relations[back].tolist()) == {relation ^ 1}


@pytest.mark.parametrize("seed", range(3))
def test_closed_rules_are_counted_as_sets_say(seed: int) -> None:
    triples = random_triples(seed)
    edges, closed = directed(triples), fitted(triples).closed
    mined = {
        (head, tuple(part for part in body if part >= 0)): (support, size)
        for head, body, support, size in zip(*(array.tolist() for array in closed), strict=True)
    }
    expected = {}
    for head in edges:
        for body in bodies(head):
            support, size = [0] * BUCKETS, [0] * BUCKETS
            for pair, ways in paths(edges, body).items():
                size[bucket_of(ways)] += 1
                support[bucket_of(ways)] += pair in edges[head]
            if any(support):
                expected[head, body] = (support, size)
    assert mined == expected


def test_walks_fall_into_buckets_and_a_lone_symmetric_edge_is_told_both_ways() -> None:
    assert [bucket_of(walks) for walks in (1, 2, 3, 4, 5, 8, 9, 10_000)] == [0, 1, 2, 2, 3, 3, 4, 4]
    # 0 and 1 are married both ways, 2 and 3 only one way: symmetry may predict (3, 2) from (2, 3), but not from itself.
    predictor = fitted({(0, 0, 1), (1, 0, 0), (4, 0, 5), (5, 0, 4), (2, 0, 3)})
    assert predictor.scores(0, np.array([3], dtype=np.int32))[0, 2] > 0.3


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_bodies_of_three_edges_are_counted_as_sets_say(seed: int) -> None:
    triples = random_triples(seed, 30)
    edges = directed(triples)
    predictor = fitted(triples, replace(ALL, sparse=100.0))
    closed, long = predictor.closed, 0
    for head, body, support, size in zip(*(array.tolist() for array in closed), strict=True):
        if body[2] < 0:
            continue
        long += 1
        walked = paths(edges, tuple(body))
        for bucket in range(BUCKETS):
            pairs = {pair for pair, ways in walked.items() if bucket_of(ways) == bucket}
            assert (support[bucket], size[bucket]) == (len(pairs & edges[head]), len(pairs))
    assert long > 100


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "sparse"), [(0, 0.0), (1, 0.0), (2, 100.0)])
def test_scores_are_what_the_definitions_give(seed: int, sparse: float) -> None:
    triples = random_triples(seed, 30)
    predictor = fitted(triples, replace(ALL, sparse=sparse))
    for relation in range(2 * RELATIONS):
        own = predictor.closed.body[predictor.closed.head == relation].tolist()
        oracle = Oracle(triples, [tuple(body) for body in own if body[2] >= 0])
        assert bool(oracle.longer) == bool(sparse)
        scores = predictor.scores(relation, np.arange(ENTITIES, dtype=np.int32))
        for x, y in product(range(ENTITIES), repeat=2):
            evidence = [-math.log1p(-confidence) for confidence in oracle.confidences(relation, x, y)]
            pairs = oracle.edges[relation]
            often = sum(target == y for _, target in pairs) - ((x, y) in pairs)
            best = sum(evidence[: ALL.top])
            whole = best + REST * sum(evidence[ALL.top :]) + OFTEN * math.log1p(often)
            assert scores[x, y] == pytest.approx(-math.expm1(-whole), abs=2e-6)


@pytest.mark.slow
def test_options_cut_rules_of_little_support_or_confidence_and_a_seed_gives_the_same() -> None:
    triples = random_triples(1, 60)
    options = RuleOptions(support=3, confidence=0.2, constant_support=3, constant_confidence=0.3, rules=4)
    predictor = fitted(triples, options)
    closed, constant = predictor.closed, predictor.constant
    assert closed.support.sum(axis=1).min() >= 3
    assert (closed.support.sum(axis=1) / closed.size.sum(axis=1)).min() >= 0.1
    assert np.bincount(closed.head).max() <= 4
    sizes = np.diff(predictor.sets.starts)[constant.premise]
    assert constant.support.min() >= 3
    assert (constant.support / (sizes + 5)).min() >= 0.3
    triples = {(x, relation, (x + 1) % 5) for x in range(5) for relation in (0, 1)} | {(0, 2, 1)}
    predictor = fitted(triples)
    assert predictor.scores(0, np.array([8], dtype=np.int32)).max() < 0.5
    assert predictor.scores(4, np.array([1], dtype=np.int32))[0, 2] > 0  # like (0, 1), which both other relations join
    assert predictor.scores(4, np.array([0], dtype=np.int32))[0, 1] == 0  # nothing but itself speaks for it
    assert predictor.scores(0, np.array([], dtype=np.int32)).shape == (0, ENTITIES)
    triples = {(x, relation, 8) for x in range(8) for relation in range(3)}
    scores = fitted(triples, RuleOptions(smoothing=1e-6, support=1)).scores(0, np.arange(ENTITIES, dtype=np.int32))
    assert 0.99 < scores.max() < 1
    triples = random_triples(3, 60)
    seeded = [RuleOptions(support=1, confidence=0.0, walks=20, seed=seed) for seed in (1, 1, 2)]
    first, second, other = (fitted(triples, given) for given in seeded)
    assert all(np.array_equal(a, b) for a, b in zip(first.closed, second.closed, strict=True))
    assert not np.array_equal(first.closed.size, other.closed.size)


@pytest.mark.parametrize(
    ("triples", "relations"), [(set(), 1), ({(0, 0, 1)}, 1), ({(0, 0, 0)}, 1), ({(0, 0, 1), (2, 1, 3)}, 3)]
)
def test_without_rules_all_scores_are_zero(triples: set[Triple], relations: int) -> None:
    predictor = fitted(triples, RuleOptions(), relations)
    assert len(predictor) == 0
    for relation in range(2 * relations):
        scores = predictor.scores(relation, np.arange(ENTITIES, dtype=np.int32))
        assert scores.shape == (ENTITIES, ENTITIES)
        assert not scores.any()


def test_saved_rules_score_as_before_and_are_replaced_whole(tmp_path: Path) -> None:
    triples, sources = random_triples(2), np.arange(ENTITIES, dtype=np.int32)
    folder = tmp_path / "rules"
    fitted(triples, RuleOptions(support=1, top=1)).save(folder)
    predictor = fitted(triples)
    predictor.save(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["rules"]
    loaded = RulePredictor.load(folder, index_of(triples))
    assert loaded.options == predictor.options
    for relation in range(2 * RELATIONS):
        assert np.array_equal(loaded.scores(relation, sources), predictor.scores(relation, sources))


def test_damaged_or_foreign_rules_are_refused(tmp_path: Path) -> None:
    triples = random_triples(2)
    folder = tmp_path / "rules"
    with pytest.raises(CompletionError, match=r"there are no rules in .*; fit and save them first"):
        RulePredictor.load(folder, index_of(triples))
    fitted(triples).save(folder)
    with pytest.raises(CompletionError, match=r"mined from other triples .*; fit them anew"):
        RulePredictor.load(folder, index_of(triples - {min(triples)}))
    file = folder / "constant_support.npy"
    whole = file.read_bytes()
    for content in (whole[:-4], whole[:-4] + b"\xff\xff\xff\xff", b""):
        file.write_bytes(content)
        with pytest.raises(CompletionError, match=r"cannot be read .*constant_support.npy.*; fit them anew"):
            RulePredictor.load(folder, index_of(triples))
    file.unlink()
    with pytest.raises(CompletionError, match="fit them anew"):
        RulePredictor.load(folder, index_of(triples))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CompletionError, match="cannot be written"):
        fitted(triples).save(tmp_path / "file" / "rules")
