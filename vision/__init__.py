"""Image and instruction to detections, scene graph and grounded answers.

A name is imported when it is first asked for, so that what needs no image costs no image library.

Example:
    >>> from vision import Vision
    >>> d = Vision().detect("street.jpg", "Find every vehicle except buses; output (c, x1, y1, x2, y2)")
    >>> print(d.text)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skylark.installation import late_names

if TYPE_CHECKING:
    from vision.detections.detections import Detections
    from vision.detectors.slices import Slicing
    from vision.grounding import Grounding
    from vision.images import load_image
    from vision.scene import Scene
    from vision.task import OutputFormat, Task
    from vision.vision import Vision

__all__ = ["Detections", "Grounding", "OutputFormat", "Scene", "Slicing", "Task", "Vision", "load_image"]

_MODULES = {
    "Detections": "vision.detections.detections",
    "Grounding": "vision.grounding",
    "OutputFormat": "vision.task",
    "Scene": "vision.scene",
    "Slicing": "vision.detectors.slices",
    "Task": "vision.task",
    "Vision": "vision.vision",
    "load_image": "vision.images",
}

__getattr__, __dir__ = late_names(globals(), _MODULES, "The image half")
