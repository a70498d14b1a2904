"""A continent of the world graph: its types, kinds of values and relations, all but one, at a tenth of its size.

For tests that load a graph into a store or a server and compare what is answered there with what is answered here. How
many cities there are is not what they test, and to load all of them takes most of the time.
"""

from dataclasses import replace
from functools import cache

import numpy as np

from kg_data.columns import GraphColumns
from reasoning import KnowledgeGraph, Reasoner
from reasoning.graph.index import Ids, stretches

CONTINENT = "South America"


@cache
def a_continent() -> KnowledgeGraph:
    """What lies in one continent, and whatever that leads to."""
    world = KnowledgeGraph.load("world")
    triples = np.concatenate([*stretches(world.index)])
    inside = f'~continent("{CONTINENT}") | ~country(~continent("{CONTINENT}"))'
    lying = [world.entity_by_id(identifier) for identifier in Reasoner(world, method="exact").answer(inside).ids]
    kept = np.unique(np.concatenate([lying, triples[np.isin(triples[:, 0], lying), 2]])).astype(np.int32)

    def renumbered(entities: Ids) -> Ids:
        return np.searchsorted(kept, entities).astype(np.int32)

    triples = triples[np.isin(triples[:, [0, 2]], kept).all(axis=1)]
    aliases = world.names.aliases()
    return KnowledgeGraph.from_columns(
        GraphColumns(
            name=CONTINENT,
            entity_ids=[world.identifier(entity) for entity in kept.tolist()],
            entity_labels=[world.entity_labels[entity] for entity in kept.tolist()],
            relation_ids=world.relation_ids,
            relation_labels=world.relation_labels,
            splits={"graph": np.stack([renumbered(triples[:, 0]), triples[:, 1], renumbered(triples[:, 2])], axis=1)},
            relation_aliases=world.relation_aliases,
            aliases=[(at, name) for at, entity in enumerate(kept.tolist()) for name in aliases.get(entity, ())],
            types=[(at, name) for at, entity in enumerate(kept.tolist()) for name in world.types(entity)],
            literals=[
                replace(column.whole, entities=renumbered(column.entities[own]), values=column.values[own])
                for column in world.literals
                for own in [np.isin(column.entities, kept)]
            ],
        )
    )
