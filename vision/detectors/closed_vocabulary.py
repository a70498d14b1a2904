"""What detectors with a fixed list of classes share: the request's names to numbers, and numbers back to names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process

from vision.detectors.detector import Found
from vision.errors import DetectorError


def class_numbers(classes: Sequence[str], vocabulary: Sequence[str], detector: str) -> NDArray[np.intp]:
    """Numbers of the classes in a vocabulary, each once, ascending.

    Raises:
        DetectorError: one is not in the vocabulary; with the nearest that are.
    """
    numbers = {name: number for number, name in enumerate(vocabulary)}
    for name in classes:
        if name not in numbers:
            nearest = ", ".join(match[0] for match in process.extract(name, vocabulary, limit=3))
            raise DetectorError(f"{detector} has no class {name!r}; the nearest of its {len(vocabulary)}: {nearest}")
    return np.array(sorted({numbers[name] for name in classes}), np.intp)


def found_in(
    vocabulary: Sequence[str],
    xyxy: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.intp],
) -> Found:
    """What was found, with the classes' names.

    Args:
        vocabulary: names in the order of their numbers.
        xyxy: shape (n, 4), pixels.
        scores: shape (n,).
        classes: shape (n,), numbers.
    """
    return Found(xyxy, tuple(vocabulary[number] for number in classes.tolist()), scores)
