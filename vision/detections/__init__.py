"""The objects found in an image as one value, with its formats, outlines and selection.

The value stands below everything that converts it. Importing any module of this package runs this file first, which
imports the modules that supply the conversions.
"""

import vision.detections.drawing
import vision.detections.exchange
import vision.detections.formats
import vision.detections.showing  # noqa: F401
