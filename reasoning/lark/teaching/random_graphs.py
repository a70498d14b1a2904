"""Random graphs: what no real graph has much of, such as relations without any pattern and sources with many edges."""

from __future__ import annotations

import random

from reasoning.graph.store import KnowledgeGraph


def random_graph(rng: random.Random) -> KnowledgeGraph:
    """A graph of 20 to 300 entities and 2 to 15 relations, whose entities have a few edges or many (at random)."""
    entities, relations = rng.randint(20, 300), rng.randint(2, 15)
    edges = int(entities * rng.uniform(2, 8))
    # A few entities have most of the edges, as in real graphs.
    weights = [rng.paretovariate(1.2) for _ in range(entities)]
    heads, tails = (rng.choices(range(entities), weights, k=edges) for _ in range(2))
    triples = {(f"e{h}", f"r{rng.randrange(relations)}", f"e{t}") for h, t in zip(heads, tails, strict=True)}
    return KnowledgeGraph.from_triples(sorted(triples), name="random")
