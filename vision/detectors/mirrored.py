"""A detector that looks at each image and at its mirror image, so that what chance makes of one look counts less.

The two looks are joined by weighted boxes fusion (Solovyev et al. 2021, arXiv 1910.13302): two boxes of a class that
overlap become one, their mean weighted by their scores, with the mean of their scores. A box that one look alone has
keeps half of its score.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from vision.detections.boxes import best_first, iou_matrix
from vision.detections.fields import Rings
from vision.detectors.detector import Detector, Found, Request, all_found
from vision.errors import DetectorError
from vision.images.loading import LoadedImage

SAME = 0.55
"""Intersection over union from which on two boxes of a class are of one object: the paper's."""

LEAST = 0.05
"""The score down to which both looks give boxes, since a low one lowers the mean."""


class MirroredDetector(Detector):
    """Any detector that gives scores, looking twice at each image.

    Args:
        detector: what looks.

    Raises:
        DetectorError: it gives no scores, of which there is no mean.
    """

    def __init__(self, detector: Detector) -> None:
        if not detector.gives_scores:
            raise DetectorError(
                f"{detector.name} gives no scores, and what it finds in an image and in its mirror image is joined by "
                "them: look at the image alone"
            )
        self.take_after(detector)
        self.side = detector.side
        self.detector = detector

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """Look at images; one result an image, in order.

        Raises:
            DetectorError: the model failed.
        """
        return all_found(self.detect_each(images, request))

    def detect_each(self, images: Iterable[LoadedImage], request: Request) -> Iterator[Found | DetectorError]:
        """Look at images as they come, one result an image, in order; an error is that of either look."""
        widths: list[int] = []

        def looks() -> Iterator[LoadedImage]:
            for image in images:
                widths.append(image.size[0])
                yield image
                yield _mirrored(image)

        found = self.detector.detect_each(looks(), replace(request, min_score=min(request.min_score, LEAST)))
        for plain, mirrored in zip(found, found, strict=True):
            width = widths.pop(0)
            if isinstance(plain, DetectorError) or isinstance(mirrored, DetectorError):
                yield plain if isinstance(plain, DetectorError) else mirrored
            else:
                yield fused(plain, _turned(mirrored, width), request.min_score)

    def describe(self, images: Sequence[LoadedImage]) -> list[str] | None:
        """See `Detector.describe`; a caption is of the image itself."""
        return self.detector.describe(images)


def fused(one: Found, other: Found, min_score: float) -> Found:
    """Two looks at an image as one: of two boxes of an object their mean.

    Args:
        one: with scores.
        other: with scores.
        min_score: boxes that score less after this are left out.

    Returns:
        Best first; outlines are those of the surer of two boxes.
    """
    assert one.scores is not None and other.scores is not None
    labels, first = np.array([*one.labels, *other.labels], dtype=object), len(one.labels)
    boxes, scores = np.concatenate([one.xyxy, other.xyxy]), np.concatenate([one.scores, other.scores])
    means, in_other = (scores / 2).astype(np.float32), np.zeros(len(boxes), bool)
    for name in set(labels.tolist()):
        here = np.flatnonzero(labels == name)
        here = here[np.argsort(-scores[here], kind="stable")]
        overlaps = iou_matrix(boxes[here], boxes[here])
        overlaps[(here < first)[:, None] == (here < first)] = 0
        # As the paper has it: from the surest down, each goes to the nearest of those before it that are alone still.
        alone = np.zeros(len(here), bool)
        for row in range(len(here)):
            near = np.where(alone[:row], overlaps[row, :row], 0)
            nearest = int(near.argmax()) if row else 0
            alone[row] = not row or near[nearest] < SAME
            if not alone[row]:
                alone[nearest] = False
                surer, less = here[nearest], here[row]
                total = scores[surer] + scores[less]
                boxes[surer] = (scores[surer] * boxes[surer] + scores[less] * boxes[less]) / total
                means[surer], in_other[less] = total / 2, True
    kept = np.flatnonzero(~in_other & (means >= min_score))
    _, classes = np.unique(labels[kept].astype(str), return_inverse=True)
    places = kept[best_first(boxes[kept], means[kept], classes)]
    outlines = _outlines(one, other)
    return Found(
        xyxy=boxes[places],
        labels=tuple(labels[places].tolist()),
        scores=means[places],
        polygons=None if outlines is None else tuple(outlines[place] for place in places.tolist()),
        notes=tuple(dict.fromkeys((*one.notes, *other.notes))),
    )


def _outlines(one: Found, other: Found) -> tuple[Rings, ...] | None:
    if (one.polygons is None and one.labels) or (other.polygons is None and other.labels):
        return None
    return (*(one.polygons or ()), *(other.polygons or ())) or None


def _mirrored(image: LoadedImage) -> LoadedImage:
    pixels = np.ascontiguousarray(image.pixels[:, ::-1])
    pixels.flags.writeable = False
    return LoadedImage(pixels, image.name)


def _turned(found: Found, width: int) -> Found:
    """What was found in a mirror image, in pixels of the image."""
    left, top, right, bottom = found.xyxy.T
    xyxy = np.stack([width - right, top, width - left, bottom], axis=1)
    turn, move = np.array([-1, 1], np.float32), np.array([width, 0], np.float32)
    polygons = found.polygons and tuple(tuple(ring * turn + move for ring in rings) for rings in found.polygons)
    return replace(found, xyxy=xyxy, polygons=polygons)
