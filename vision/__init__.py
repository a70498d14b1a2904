"""Image and instruction to detections, scene graph and grounded answers.

Example:
    >>> from vision import Vision
    >>> d = Vision().detect("street.jpg", "Find every vehicle except buses; output (c, x1, y1, x2, y2)")
    >>> print(d.text)
"""

from kg_data.installation import missing_extra

try:
    from vision.detections.detections import Detections
    from vision.images.loading import load_image
    from vision.scene import Grounding, Scene
    from vision.task import OutputFormat, Task
    from vision.vision import Vision
except ModuleNotFoundError as error:
    raise missing_extra("The image half", error) or error from None

__all__ = ["Detections", "Grounding", "OutputFormat", "Scene", "Task", "Vision", "load_image"]
