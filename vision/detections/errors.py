"""The error of the detections room."""

from __future__ import annotations

from kg_data.errors import SkylarkError


class DetectionsError(SkylarkError):
    """Detections that cannot be: arrays of other shapes, boxes outside the image, names outside the class set."""
