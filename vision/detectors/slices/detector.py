"""A detector that looks at images in slices, and at each as a whole.

The slices of all images walk through the inner detector as if they were the images, one after another, so that its
batches are full however few slices an image has. What becomes of their boxes is said in `merging`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from reasoning.language.cancellation import abandoned
from vision.detectors.detector import Detector, Found, Request, all_found
from vision.detectors.slices.merging import Look, merged
from vision.detectors.slices.slicing import Part, Slicing
from vision.errors import DetectorError, SlicingError
from vision.images.loading import LoadedImage


class SlicedDetector(Detector):
    """Any detector, looking at slices of images.

    An image that is not cut gives exactly what the detector gives of it.

    Args:
        detector: what looks.
        slicing: how images are cut.
    """

    def __init__(self, detector: Detector, slicing: Slicing) -> None:
        self.take_after(detector)
        self.detector = detector
        self.slicing = slicing

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """Look at images, cut as the slicing says; one result an image, in order.

        Raises:
            SlicingError: an image would be cut into too many slices.
            DetectorError: the model failed.
        """
        if not any(self._slices(image) for image in images):
            return self.detector.detect(images, request)
        return all_found(self.detect_each(images, request))

    def detect_each(self, images: Iterable[LoadedImage], request: Request) -> Iterator[Found | DetectorError]:
        """Look at images as they come, in full batches of slices; one result an image, in order."""
        under_way: deque[_Cut | SlicingError] = deque()

        def parts() -> Iterator[LoadedImage]:
            for image in images:
                try:
                    slices = self._slices(image)
                except SlicingError as error:
                    under_way.append(error)
                    continue
                cut = _Cut(image.size, slices, whole=self.slicing.full_view or not slices)
                under_way.append(cut)
                if cut.whole:
                    yield image
                for part in cut.slices:
                    if abandoned():
                        raise DetectorError("the look at the image was stopped, since nobody waits for it any more")
                    yield _part_of(image, part)

        for found in self.detector.detect_each(parts(), request):
            yield from _refused(under_way)
            first = under_way[0]
            assert isinstance(first, _Cut)
            first.found.append(found)
            if first.complete:
                yield first.result(self.slicing)
                under_way.popleft()
        yield from _refused(under_way)

    def describe(self, images: Sequence[LoadedImage]) -> list[str] | None:
        """See `Detector.describe`; a caption is of a whole image."""
        return self.detector.describe(images)

    def _slices(self, image: LoadedImage) -> tuple[Part, ...]:
        return self.slicing.slices_of(image.size, self.detector.side)


@dataclass(eq=False)
class _Cut:
    """An image whose parts are being looked at.

    Attributes:
        size: (width, height) of the image in pixels.
        slices: where they are.
        whole: whether the image is looked at as a whole before its slices.
        found: what came of its parts so far, in their order.
    """

    size: tuple[int, int]
    slices: tuple[Part, ...]
    whole: bool
    found: list[Found | DetectorError] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether all parts were looked at."""
        return len(self.found) == self.whole + len(self.slices)

    def result(self, slicing: Slicing) -> Found | DetectorError:
        """What is in the image, or why one of its parts could not be looked at."""
        try:
            found = all_found(self.found)
        except DetectorError as error:
            return error
        if not self.slices:
            return found[0]
        parts = [(0, 0, *self.size)] * self.whole + [*self.slices]
        looks = [Look(part, one) for part, one in zip(parts, found, strict=True)]
        left, top, right, bottom = self.slices[0]
        note = (
            f"The image was looked at in {len(self.slices)} parts of {right - left} x {bottom - top} pixels"
            f"{' and as a whole' if self.whole else ''}."
        )
        together = merged(looks, self.size, slicing.merge)
        return replace(together, notes=(*together.notes, note))


def _refused(under_way: deque[_Cut | SlicingError]) -> Iterator[SlicingError]:
    """The errors of images at the head of the queue that are not cut."""
    while under_way and isinstance(under_way[0], SlicingError):
        error = under_way.popleft()
        assert isinstance(error, SlicingError)
        yield error


def _part_of(image: LoadedImage, part: Part) -> LoadedImage:
    """A part of an image as an image; copied, since models want pixels that lie side by side."""
    left, top, right, bottom = part
    pixels = np.ascontiguousarray(image.pixels[top:bottom, left:right])
    pixels.flags.writeable = False
    return LoadedImage(pixels, image.name)
