"""Images looked at in slices, so that what is small in a large image is found.

Akyon et al. 2022, "Slicing Aided Hyper Inference and Fine-tuning for Small Object Detection" (arXiv 2202.06934).
"""

from __future__ import annotations

from vision.detectors.slices.detector import SlicedDetector
from vision.detectors.slices.slicing import Slicing

__all__ = ["SlicedDetector", "Slicing"]
