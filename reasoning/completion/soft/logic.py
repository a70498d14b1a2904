"""A graph made ready for soft logic: its link predictor found, its neural adjacency set up."""

from __future__ import annotations

from pathlib import Path

from reasoning.completion.fitted import find_predictor, load_predictor
from reasoning.completion.options import CompletionOptions
from reasoning.completion.predictor import LinkPredictor
from reasoning.completion.soft.adjacency import NeuralAdjacency, Predictor
from reasoning.completion.soft.execution import SoftLogic
from reasoning.graph.store import KnowledgeGraph


def open_predictor(kg: KnowledgeGraph, options: CompletionOptions) -> LinkPredictor:
    """The link predictor that the options name, or the one that is kept for the graph.

    Raises:
        CompletionError: there is none for this graph, or the one that is named does not fit it.
    """
    if isinstance(options.model, LinkPredictor):
        return options.model
    return find_predictor(kg) if options.model is None else load_predictor(Path(options.model), kg)


def soft_logic(kg: KnowledgeGraph, predictor: Predictor | None, options: CompletionOptions) -> SoftLogic:
    """Soft logic over a graph and its link predictor; None knows only what the graph says."""
    adjacency = NeuralAdjacency(kg.index, predictor, options.floor, options.missing, options.most_bytes)
    return SoftLogic(kg, adjacency, options.negation, options.least)
