"""The words that mean something in one graph: names of its relations and types, and what English says instead of them.

A relation is known by the words of its own name (cost 0), by one of them, by words that WordNet puts near to one of
them, and by the reviewed table of phrases. The costs say how far a word is from the name; the graph's own structure
decides between what is left.

`relation_names` reads the names of relations, `kinds` and `entities` what the graph says of types and of entities, and
`relation_uses` finds what a phrase means; `of_graph` is all of it together.
"""

from __future__ import annotations

from reasoning.reading.lexicon.meanings import Kind, RelationUse
from reasoning.reading.lexicon.of_graph import Lexicon, lexicon_of

__all__ = ["Kind", "Lexicon", "RelationUse", "lexicon_of"]
