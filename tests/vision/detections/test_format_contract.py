"""The six families of output formats, held to one contract."""

from __future__ import annotations

from tests.vision.detections.contract import FormatContract
from vision.task import OutputFormat


class TestTuples(FormatContract):
    outputs = (OutputFormat(), OutputFormat(geometry="polygon"), OutputFormat(box="cxcywh"))


class TestTokens(FormatContract):
    outputs = (OutputFormat("tokens"), OutputFormat("tokens", "polygon"))
    step = 640 / 512


class TestJson(FormatContract):
    outputs = (OutputFormat("json"), OutputFormat("json", "polygon"))


class TestCoco(FormatContract):
    outputs = (OutputFormat("coco"), OutputFormat("coco", "polygon"))


class TestYolo(FormatContract):
    outputs = (OutputFormat("yolo"), OutputFormat("yolo", "polygon"))


class TestVoc(FormatContract):
    outputs = (OutputFormat("voc"),)
