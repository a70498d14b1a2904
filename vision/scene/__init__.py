"""Detections as a small knowledge graph."""

from __future__ import annotations

from vision.scene.building import SceneObject
from vision.scene.graph import Scene

__all__ = ["Scene", "SceneObject"]
