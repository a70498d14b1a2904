"""Detections as a small knowledge graph."""

from __future__ import annotations

from vision.scene.graph import Scene, SceneObject

__all__ = ["Scene", "SceneObject"]
