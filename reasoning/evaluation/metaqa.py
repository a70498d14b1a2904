"""MetaQA's gold paths (Zhang et al. 2018, arXiv 1709.04071), as its `*_qtype.txt` files name them.

A path such as `movie_to_director_to_movie_to_genre` is a chain of relations of MetaQA's graph: `movie_to_X` follows X's
relation from the film, `X_to_movie` its inverse. The answers that the files list were computed on a graph that may
hold more triples than the one at hand, so they are recomputed here.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph

RELATION_OF = {
    "director": "directed_by",
    "actor": "starred_actors",
    "writer": "written_by",
    "genre": "has_genre",
    "language": "in_language",
    "year": "release_year",
    "tag": "has_tags",
    "tags": "has_tags",
    "imdbrating": "has_imdb_rating",
    "imdbvotes": "has_imdb_votes",
}
"""The relation from a film to each kind of thing, by the words that the paths use."""

Hop = tuple[str, bool]
"""A relation's name, and whether it is followed backwards."""


def path_of(name: str) -> tuple[Hop, ...]:
    """The chain of relations that a path's name means, e.g. `actor_to_movie_to_year`.

    Raises:
        ValueError: it is no such path.
    """
    kinds = name.split("_to_")
    hops: list[Hop] = []
    for here, there in pairwise(kinds):
        film, other = (here, there) if here == "movie" else (there, here)
        if film != "movie" or other not in RELATION_OF:
            raise ValueError(f"{here}_to_{there} is no step of MetaQA")
        hops.append((RELATION_OF[other], here != "movie"))
    if not hops:
        raise ValueError(f"{name!r} is no path")
    return tuple(hops)


def walk(kg: KnowledgeGraph, topic: int, path: tuple[tuple[int, bool], ...]) -> Ids:
    """Everything that a path of (relation, inverse) leads to, the topic dropped after every hop; sorted, shape (m,).

    The topic is dropped because MetaQA does: the other films of a film's director are not the film itself.
    """
    reached = np.array([topic], dtype=np.int32)
    for relation, inverse in path:
        reached = kg.index.project(reached, relation, inverse)
        reached = reached[reached != topic]
    return reached
