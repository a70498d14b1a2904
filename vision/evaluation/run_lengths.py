"""Masks as COCO's run lengths: checked where they come from a file, made from outlines where they go into one.

The evaluation's compiled code trusts run lengths: lengths that don't fill the image would have it read past their end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from faster_coco_eval import mask  # type: ignore[import-untyped]

from vision.detections.fields import Rings


def check_run_lengths(counts: str | Sequence[int], size: tuple[int, int]) -> str | None:
    """Whether run lengths fill an image of this height and width exactly: None, or what is wrong with them."""
    try:
        lengths = decompressed(counts) if isinstance(counts, str) else counts
    except ValueError as error:
        return str(error)
    if any(length < 0 for length in lengths):
        return "a negative length"
    if sum(lengths) != size[0] * size[1]:
        return f"{sum(lengths):,} pixels"
    return None


def decompressed(text: str) -> list[int]:
    """The lengths in COCO's compressed form.

    Each is a number of groups of five bits, lowest first, in characters from "0" on; the sixth bit says that more
    follow, and the fifth of the last group is the sign. From the fourth on they are differences to the one before the
    last (`rleFrString` in COCO's maskApi.c).

    Raises:
        ValueError: the text is no such form.
    """
    lengths: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64:
            raise ValueError(f"the character {character!r}")
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            if shift > 60:
                raise ValueError("a length of more than 60 bits")
            continue
        if group & 16:
            value -= 1 << shift
        lengths.append(value + lengths[-2] if len(lengths) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("an end in the middle of a length")
    return lengths


def from_rings(rings: Rings, size: tuple[int, int]) -> dict[str, Any] | None:
    """The mask that an outline encloses, in the form of COCO's results; None where no ring has three points.

    Args:
        rings: polygons of shape (points, 2), xy in pixels; what any of them encloses belongs to the object.
        size: (width, height) of the image.
    """
    polygons = [ring.reshape(-1).tolist() for ring in rings if len(ring) >= 3]
    if not polygons:
        return None
    width, height = size
    lengths = mask.merge(mask.frPyObjects(polygons, height, width))
    counts = lengths["counts"]
    return {"size": [height, width], "counts": counts.decode() if isinstance(counts, bytes) else counts}
