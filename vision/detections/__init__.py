"""The objects found in an image as one value, with its formats, outlines and selection.

The value stands below everything that converts it, so the conversions are handed to it here: importing any module of
this package runs this file first.
"""

from vision.detections import exchange, formats
from vision.detections.detections import Conversions, Detections
from vision.detections.formats import coco
from vision.images import drawing

Detections.conversions = Conversions(
    write=formats.write,
    read=formats.read,
    to_coco=coco.to_annotations,
    from_coco=coco.from_annotations,
    to_supervision=exchange.to_supervision,
    from_supervision=exchange.from_supervision,
    draw=drawing.draw,
)
