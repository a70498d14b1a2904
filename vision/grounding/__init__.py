"""What expressions and questions mean in a scene."""

from __future__ import annotations

from vision.grounding.grounding import Grounding, Justification, expression_classes, ground

__all__ = ["Grounding", "Justification", "expression_classes", "ground"]
