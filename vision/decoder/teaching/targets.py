"""What a picture's tokens are to say: the detector's own scores, softened by what is annotated.

A token's classes and `<no>` share one softmax, so that scores which a detector gives each class for itself become
shares. What it gives 80 classes of which nothing is there, some 0.007 each, would be half of the whole; so scores below
`FLOOR` are background, those above are stretched to begin with 0, and where they are more than 1 together they are
divided by their sum. `benchmarks.visionllm` has what that costs. Distilling soft scores is what Calderon et
al. 2023 (arXiv 2305.02031) call pseudo-targets. What is annotated counts for the classes that the set annotates
at all; of others nothing is known, and the detector's scores stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.decoder.image_tokens import ImageTokens
from vision.decoder.teaching.options import Matching
from vision.decoder.teaching.pictures import Picture, Truth
from vision.decoder.vocabulary import BINS
from vision.detections.boxes import iou_matrix

FLOOR = 0.08
"""Scores up to here are background."""

LEAST_OVERLAP = 0.5
"""Intersection over union with an annotated box from which on a token stands for it."""

CLASS_COST, CORNER_COST, OVERLAP_COST = 2.0, 5.0, 2.0
"""Of a token and a box: what 1 - score, the mean distance of the corners (as a share of the image), and 1 -
intersection over union cost; DETR's weights for one-to-one matching (Carion et al. 2020, arXiv 2005.12872), with plain
overlap."""


@dataclass(frozen=True, eq=False)
class Targets:
    """What the tokens of one picture are to say.

    Attributes:
        shares: of each class of a prompt and, last, of `<no>`; shape (m, k + 1), rows sum to 1.
        places: offsets of the box's sides from the token's middle, in bins; shape (m, 4), -512 to 512.
        weights: how much each token's box counts, shape (m,).
    """

    shares: NDArray[np.float32]
    places: NDArray[np.float32]
    weights: NDArray[np.float32]


class Targeting:
    """Makes targets for prompts.

    Args:
        vocabulary: of the detector.
        truth: how much annotations weigh, 0 to 1.
        matching: "overlap" gives each token the box that it overlaps most, and its overlap as the score; "hungarian"
            gives each box one token, with the score 1, and the other tokens `<no>`.
    """

    def __init__(self, vocabulary: Sequence[str], truth: float, matching: Matching) -> None:
        self._numbers = {name: number for number, name in enumerate(vocabulary)}
        self._truth, self._matching = truth, matching

    def of(self, picture: Picture, classes: Sequence[str]) -> Targets:
        """What a picture's tokens are to say where these classes are asked for."""
        tokens = picture.tokens
        own = np.array([self._numbers.get(name, -1) for name in classes])
        detected = tokens.scores
        scores = np.where(own >= 0, detected[:, own], 0).astype(np.float32)
        boxes, weights = tokens.boxes, detected.max(1)
        if self._truth and picture.truth is not None:
            overlap = iou_matrix(tokens.boxes, picture.truth.boxes)
            given, matched = self._given(tokens, scores, overlap, picture.truth, classes)
            known = np.array([name in picture.truth.known for name in classes])
            settled = known[None] & ~_unsure(tokens.boxes, picture.truth)[:, None]
            scores = np.where(settled, (1 - self._truth) * scores + self._truth * given, scores)
            boxes = np.where((matched >= 0)[:, None], picture.truth.boxes[matched], boxes) if len(
                picture.truth.boxes) else boxes  # fmt: skip
            weights = np.maximum(weights, matched >= 0)
        offsets = (np.clip(boxes, 0, 1) - np.tile(tokens.cells[:, :2], 2)) * BINS
        return Targets(
            shares_of(scores),
            np.clip(offsets, -BINS, BINS).astype(np.float32),
            np.where(weights < 0.05, 0, weights).astype(np.float32),
        )

    def _given(
        self,
        tokens: ImageTokens,
        scores: NDArray[np.float32],
        overlap: NDArray[np.float32],
        truth: Truth,
        classes: Sequence[str],
    ) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """The score of each class by what is annotated, shape (m, k), and each token's box or -1."""
        given = np.zeros((len(tokens), len(classes)), np.float32)
        matched = np.full(len(tokens), -1, np.intp)
        columns = {name: column for column, name in enumerate(classes)}
        asked = [place for place, name in enumerate(truth.classes) if name in columns and not truth.crowds[place]]
        if not asked:
            return given, matched
        overlap = overlap[:, asked]
        names = np.array([columns[truth.classes[place]] for place in asked])
        if self._matching == "hungarian":
            from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

            distance = np.abs(tokens.boxes[:, None] - truth.boxes[asked][None]).mean(2)
            cost = CLASS_COST * (1 - scores[:, names]) + CORNER_COST * distance + OVERLAP_COST * (1 - overlap)
            rows, found = linear_sum_assignment(cost)
            given[rows, names[found]] = 1
            matched[rows] = np.array(asked)[found]
            return given, matched
        for column, (name, place) in enumerate(zip(names, asked, strict=True)):
            over = np.where(overlap[:, column] >= LEAST_OVERLAP, overlap[:, column], 0)
            better = over > given[:, name]
            given[better, name] = over[better]
            matched[better & (over >= overlap.max(1))] = place
        return given, matched


def _unsure(boxes: NDArray[np.float32], truth: Truth) -> NDArray[np.bool_]:
    """Which tokens lie on what is annotated as a crowd, with half of their own area, as COCO counts it; shape (m,)."""
    crowds = truth.boxes[truth.crowds]
    low = np.maximum(boxes[:, None, :2], crowds[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], crowds[None, :, 2:])
    inside = np.maximum(high - low, 0).prod(2)
    area = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(1), 1e-9)
    unsure: NDArray[np.bool_] = (inside / area[:, None] >= LEAST_OVERLAP).any(1)
    return unsure


def shares_of(scores: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Scores of classes, shape (n, k), as shares of one softmax with, last, that of `<no>`; shape (n, k + 1)."""
    stretched = np.maximum(scores - FLOOR, 0) / (1 - FLOOR)
    total = stretched.sum(1, keepdims=True)
    return np.concatenate([stretched / np.maximum(total, 1), np.maximum(1 - total, 0)], 1).astype(np.float32)
