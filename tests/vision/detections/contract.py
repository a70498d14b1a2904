"""What every output format owes: inherit `FormatContract` and say which formats it is held to."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from vision.detections.detections import Detections
from vision.errors import FormatError
from vision.task import OutputFormat

OUTLINES = (
    (np.array([[40, 50], [200.4, 60], [120, 300.7]], np.float32),),
    (np.array([[400, 400], [440, 400], [440, 440], [400, 440]], np.float32),),
)
FOUND = Detections(
    (640, 480),
    np.array([[40, 50, 200.4, 300.7], [400, 400, 440, 440]], np.float32),
    ("dog", 'a "big", light'),
    scores=np.array([0.91, 0.4567]),
    classes=("cat", "dog", 'a "big", light'),
    polygons=OUTLINES,
)


class FormatContract:
    """Subclasses list `outputs`: the format with boxes and, where it has them, with outlines.

    `step` is the coarsest unit of its coordinates in pixels of an image of 640 x 480.
    """

    outputs: ClassVar[Sequence[OutputFormat]] = ()
    step: ClassVar[float] = 1.0

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "output" in metafunc.fixturenames:
            metafunc.parametrize("output", self.outputs, ids=lambda output: f"{output.format}-{output.geometry}")

    def test_what_is_written_is_read_back_within_one_step_in_its_order(self, output: OutputFormat) -> None:
        for turn in (1, -1):
            names, outlines = FOUND.class_names[::turn], OUTLINES[::turn]
            found = replace(FOUND, output=output, xyxy=FOUND.xyxy[::turn], class_names=names, polygons=outlines)
            read = Detections.from_text(found.text, found.image_size, output, found.classes)
            assert read.class_names == names
            if output.geometry == "box":
                assert np.abs(read.xyxy - found.xyxy).max() <= self.step
                continue
            assert read.polygons is not None
            for mine, theirs in zip(outlines, read.polygons, strict=True):
                assert np.abs(np.concatenate(mine) - np.concatenate(theirs)).max() <= self.step

    def test_nothing_found_is_read_as_nothing_and_missing_outlines_are_an_error(self, output: OutputFormat) -> None:
        polygons = None if output.geometry == "box" else ()
        boxes = np.zeros((0, 4), np.float32)
        nothing = Detections((640, 480), boxes, (), classes=("cat",), polygons=polygons, output=output)
        assert len(Detections.from_text(nothing.text, nothing.image_size, output, nothing.classes)) == 0
        if output.geometry == "polygon":
            with pytest.raises(FormatError):
                _ = replace(FOUND, output=output, polygons=None).text

    def test_a_text_that_is_cut_off_is_an_error_of_this_house_or_fewer_objects(self, output: OutputFormat) -> None:
        text = replace(FOUND, output=output).text
        for end in range(0, len(text), 7):
            with contextlib.suppress(FormatError):
                assert len(Detections.from_text(text[:end], (640, 480), output, FOUND.classes)) <= len(FOUND)
