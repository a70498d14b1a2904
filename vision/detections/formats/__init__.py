"""The output formats: what an instruction asks for is written here, and read back from a model's or a person's text.

Six families, for boxes and for polygons: tuples, tokens, JSON, COCO, YOLO and Pascal VOC. `docs/formats.md` describes
what a record holds in each, on which scales, how exactly it is read back, and the grammar of those that a language
model writes. `layout` gives the numbers of a record with their bounds for any format.

What is written is the nearest step of the scale, so what is read back is within one step of what was written. Reading
never evaluates anything, refuses documents with a document type, and is bounded in characters and objects.
"""

from vision.detections.formats.layout import POSITION_LOST, Layout, Value, effective, layout, losses
from vision.detections.formats.text import read, write

__all__ = ["POSITION_LOST", "Layout", "Value", "effective", "layout", "losses", "read", "write"]
