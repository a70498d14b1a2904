"""What part of a graph a language model is shown: of one step, or around the entities of a question."""

from __future__ import annotations

from reasoning.retrieval.neighbourhood import CHEAPEST_TRIPLE, TripleCost, packed
from reasoning.retrieval.retriever import FEWEST_DISTRACTORS, Retrieved, Subgraph, retrieve

__all__ = ["CHEAPEST_TRIPLE", "FEWEST_DISTRACTORS", "Retrieved", "Subgraph", "TripleCost", "packed", "retrieve"]
