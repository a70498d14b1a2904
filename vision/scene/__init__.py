"""Detections as a small knowledge graph, and questions about it."""

from __future__ import annotations

from vision.scene.graph import Scene, SceneObject
from vision.scene.grounding import Grounding, Justification, ground
from vision.scene.queries import expression_classes

__all__ = ["Grounding", "Justification", "Scene", "SceneObject", "expression_classes", "ground"]
