"""Small graphs with a split that is missing, and what queries denote on them by plain sets."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np
from hypothesis import strategies as st

from kg_data.columns import GraphColumns
from reasoning.evaluation.sampling.missing_links import GraphPair
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.records import STRUCTURES, instantiate, template
from reasoning.query.tree import Complement, Entity, Intersect, Project, Query, Union

Link = tuple[int, int, int]
ENTITIES, RELATIONS = 5, 2


def graph_pair(known: Iterable[Link], missing: Iterable[Link]) -> GraphPair:
    columns = GraphColumns(
        name="small",
        entity_ids=[f"e{i}" for i in range(ENTITIES)],
        entity_labels=[f"e{i}" for i in range(ENTITIES)],
        relation_ids=[f"r{i}" for i in range(RELATIONS)],
        relation_labels=[f"r{i}" for i in range(RELATIONS)],
        splits={
            name: np.array(sorted(links), dtype=np.int32).reshape(-1, 3)
            for name, links in (("train", known), ("valid", missing))
        },
    )
    smaller, full = (KnowledgeGraph.from_columns(columns, splits) for splits in (["train"], ["train", "valid"]))
    return GraphPair("valid", smaller, full)


def denote(query: Query, links: set[Link], full: set[Link]) -> set[int]:
    """What a query gives over some links, its negated branches judged on the full graph."""
    if isinstance(query, Entity):
        return {int(query.name[1:])}
    if isinstance(query, Project):
        source = denote(query.source, links, full)
        relation = int(query.relation[1:])
        pairs = {(h, t) if not query.inverse else (t, h) for h, r, t in links if r == relation}
        return {end for start, end in pairs if start in source}
    if isinstance(query, Complement):
        return set(range(ENTITIES)) - denote(query.part, full, full)
    parts = [denote(part, links, full) for part in query.children]
    assert isinstance(query, Union | Intersect)
    return set.union(*parts) if isinstance(query, Union) else set.intersection(*parts)


def fewest(query: Query, answer: int, known: set[Link], missing: set[Link]) -> int:
    """The size of the smallest set of missing links that gives the answer once it is known."""
    full = known | missing
    return next(
        size
        for size in range(len(missing) + 1)
        for added in combinations(sorted(missing), size)
        if answer in denote(query, known | set(added), full)
    )


@st.composite
def splits(draw: st.DrawFn) -> tuple[set[Link], set[Link]]:
    """Known links and missing ones, few enough to try every choice of these."""
    entity = st.integers(0, ENTITIES - 1)
    link = st.tuples(entity, st.integers(0, RELATIONS - 1), entity)
    links = draw(st.lists(link, min_size=2, max_size=14, unique=True))
    number = draw(st.integers(1, min(6, len(links) - 1)))
    return set(links[number:]), set(links[:number])


@st.composite
def structured_queries(draw: st.DrawFn, kinds: tuple[str, ...] = STRUCTURES) -> Query:
    """A query of one of the structures."""
    kind = draw(st.sampled_from(kinds))
    anchors = [Entity(f"e{draw(st.integers(0, ENTITIES - 1))}") for _ in range(_count(template(kind), Entity))]
    signs, numbers = st.sampled_from(("", "~")), st.integers(0, RELATIONS - 1)
    relations = [f"{draw(signs)}r{draw(numbers)}" for _ in range(_count(template(kind), Project))]
    return instantiate(kind, anchors, relations)


def _count(query: Query, kind: type[Query]) -> int:
    return isinstance(query, kind) + sum(_count(child, kind) for child in query.children)
