"""The colour of an object from its pixels, by the basic colour terms of English (Berlin and Kay 1969), in CIELAB.

Boxes hold background, photographs have shade and tinted light. So a tint is half taken out (all of it would bleach
pictures that are mostly of one colour), and pixels vote, each by how likely it is the object's: by its place, and by
whether the surroundings have its colour too; where there is an outline its inside alone votes. Then

- a colour counts more than black, white or grey, the more vivid the more: windows, tyres and glints are on
  everything;
- black, white and grey are told apart by the lightness of what has no hue, as a share of the lightest things in the
  picture: a polar bear in the shade is white;
- how likely the best colour is what people would say is told by logistic regression from `EVIDENCE`; where that is
  too little the colour is unsure, and the reason is given.

The weights and the threshold are fitted to the development boxes of `benchmarks/lists/colours.json` by
`python -m benchmarks.colours --fit`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detections.boxes import Rings
from vision.detections.polygons import Window, colour_evidence, window

NEUTRAL = ("black", "white", "grey")
BASIC_COLOURS = (*NEUTRAL, "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")


def named(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """Votes of CIELAB colours for the basic terms.

    Lightness and chroma part the greys from the colours, the hue angle parts the colours, and three terms are told from
    their neighbours by lightness: brown is dark or dull orange, pink is light or dull red, black and white are the ends
    of grey. What is vivid stays red or orange in lights in which a dull colour is pink or brown. Where two terms meet
    they share the vote.

    Args:
        lab: shape (n, 3), L from 0 to 100.

    Returns:
        Shape (n, 11), rows add up to 1.
    """
    lightness, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
    hue = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
    # Warm light tints neutral things, so a little yellow is still grey; blue is seen at a lower chroma.
    threshold = np.where((hue > 40) & (hue < 110), 15.0, np.where((hue > 220) & (hue < 300), 12.0, 13.0))
    coloured = _ramp(chroma, threshold - 3, threshold + 3) * _ramp(lightness + chroma / 4, 8, 18)

    def sector(start: float, end: float) -> NDArray[np.float64]:
        """Votes for the colours between two hue angles, which overlap their neighbours by a few degrees."""
        half = (end - start) / 2
        away = np.abs((hue - start - half + 180) % 360 - 180)
        return coloured * (1 - _ramp(away, half - 6, half + 6))

    from_red = (hue + 15) % 360 - 15
    """Degrees from the hue of pure red towards yellow, below 0 towards purple."""
    dull = 1 - _ramp(chroma, 38, 50)
    vivid = np.clip(chroma - 45, 0, 30)
    red, warm, yellow = sector(-15, 45), sector(45, 74), sector(74, 108)
    # Dull red is pink when light and brown when it leans towards orange; towards purple it is pink sooner.
    redness = np.clip(from_red, 0, 60) / 2.5 + np.where(from_red > -10, vivid * 0.4, 0)
    pinkness = _ramp(lightness - redness, 42, 52) * (1 - _ramp(from_red, 34, 44) * (1 - dull))
    # What is dark cannot be vivid: at a lightness of 10 a chroma of 25 is a deep red.
    depth = chroma + 0.6 * np.clip(25 - lightness, 0, None)
    brown_of_red = (1 - pinkness) * _ramp(from_red, 12, 28) * (1 - _ramp(depth, 24, 34))
    brown_of_warm = np.maximum(dull, 1 - _ramp(lightness + vivid / 4, 46, 56))
    olive = 7 * _ramp(hue, 82, 92)
    brown_of_yellow = np.maximum(1 - _ramp(lightness + olive, 46, 60), 1 - _ramp(chroma + olive, 26, 40))
    magenta = sector(332, 345)
    votes = {
        "red": red * (1 - pinkness - brown_of_red),
        "orange": warm * (1 - brown_of_warm),
        "yellow": yellow * (1 - brown_of_yellow),
        "green": sector(108, 192),
        "blue": sector(192, 309),
        "purple": sector(309, 332) + magenta * (1 - _ramp(lightness, 46, 58)),
        "pink": red * pinkness + magenta * _ramp(lightness, 46, 58),
        "brown": red * brown_of_red + warm * brown_of_warm + yellow * brown_of_yellow,
    }
    greys = (1 - coloured)[:, None] * greys_named(lightness)
    table = np.concatenate([greys, np.stack([votes[name] for name in BASIC_COLOURS[3:]], axis=1)], axis=1)
    total: NDArray[np.float64] = table / table.sum(axis=1, keepdims=True)
    return total


def greys_named(lightness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Votes of greys of a lightness from 0 to 100 for black, white and grey; shape (n, 3), rows add up to 1."""
    black, white = 1 - _ramp(lightness, 20, 32), _ramp(lightness, 66, 82)
    return np.stack([black, white, 1 - black - white], axis=1)


def _ramp(
    values: NDArray[np.float64], low: float | NDArray[np.float64], high: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """0 up to `low`, 1 from `high`, a straight line between."""
    ramp: NDArray[np.float64] = np.clip((values - low) / (np.asarray(high) - low), 0, 1)
    return ramp


MIN_SHARE = 0.22
"""Share of the votes from which on a colour is plausible; the best one always is."""

MIN_PART = 0.08
"""Share from which on a thing is partly of a colour: a shirt, a stripe."""

VIVID = 2.0
"""How much more than a grey pixel the most vivid one counts."""

PLACE, COLOUR, OFFSET = -2.2, 1.0, 1.74
"""How likely a pixel is the object's, in log-odds: by how far from the middle it is and by what its colour says; fitted
to the outlines of COCO."""

NEIGHBOURS = {frozenset(pair) for pair in (
    ("red", "pink"), ("red", "brown"), ("red", "orange"), ("orange", "yellow"), ("orange", "brown"),
)}  # fmt: skip
"""Colours of one thing in light and shade."""

LIGHTEST = 80.0
"""Lightness, 0 to 100, that the lightest things of a picture have at least: what is darker is no white in dim light."""

EVIDENCE = ("share", "neighbour", "surroundings", "warm", "grey", "white", "black")
"""What tells how likely the best colour is right: its share of all votes; that of a neighbour; how much of the thing
the surroundings could be; whether what is black has a warm tint; whether it is one of these."""
WEIGHTS = (2.78, 5.53, -1.88, -2.08, -1.18, 0.46, 0.37)
INTERCEPT = -0.33
LEAST = 0.75
"""Likelihood from which on a colour is sure."""

_COLOURS = BASIC_COLOURS[len(NEUTRAL) :]
_SIDE = 96
"""Pixels looked at across an image, at most."""
_BINS = 32
"""Steps a channel in the table of votes."""
_GREYS = 25
"""Steps of lightness in which pixels without hue are counted."""
_STEPS = (np.arange(_GREYS) + 0.5) * (100 / _GREYS)
"""Lightness of each step."""
_WARM = (-20.0, 80.0)
"""Hue angles, in degrees, of the tint that black has in photographs where it is dark brown or dark red."""
_MOST_GAIN = 1.25
"""Of a channel, against the light's tint."""


@dataclass(frozen=True)
class Colouring:
    """What colour an object is, and how sure that is.

    Attributes:
        shares: how much of it each basic colour takes, 0 to 1, the largest first, of those that are there at all; {}
            where no pixel of its box lies in the image.
        sure: its colour, or None where none is sure.
        doubt: why none is, in words that follow on "its colour is unsure: "; "" where one is.
        plausible: the colours that it may be said to have, up to three: the likeliest, and each with a fair share.
    """

    shares: dict[str, float] = field(default_factory=dict)
    sure: str | None = None
    doubt: str = "no pixel of it lies in the image"
    plausible: tuple[str, ...] = ()


def colouring(pixels: NDArray[np.uint8], xyxy: NDArray[np.float32], polygon: Rings | None = None) -> Colouring:
    """What colour an object is.

    Args:
        pixels: shape (height, width, 3), uint8, RGB.
        xyxy: shape (4,), the object's box in pixels.
        polygon: its outline, which is trusted: pixels outside it are not looked at, and none inside are background.
    """
    votes = counted(pixels, xyxy, polygon)
    if votes is None:
        return Colouring()
    shares = {name: share for name, share in _most_first(votes.shares) if share > 0}
    likeliest = votes.likeliest
    others = [name for name, share in shares.items() if share >= MIN_SHARE and name != likeliest]
    log_odds = float(np.dot(WEIGHTS, evidence(votes))) + INTERCEPT
    sure = log_odds >= math.log(LEAST / (1 - LEAST))
    return Colouring(shares, likeliest if sure else None, "" if sure else _doubt(votes), (likeliest, *others[:2]))


@dataclass(frozen=True, eq=False)
class Votes:
    """What an object's pixels vote for.

    Attributes:
        shares: of each basic colour; they add up to 1.
        weights: of each that has a hue, the more vivid, the more than its share.
        greys: shape (25,), share of what has no hue, by lightness.
        lightest: lightness, 0 to 100, of the lightest things in the picture.
        tint: a and b of CIELAB, the mean of what is black.
        surroundings: how much of its colours what is around it has too, 0 to 1.
    """

    shares: dict[str, float]
    weights: dict[str, float]
    greys: NDArray[np.float64]
    lightest: float
    tint: tuple[float, float]
    surroundings: float

    @property
    def grey(self) -> float:
        """Share of what has no hue."""
        return float(self.greys.sum())

    @property
    def ranked(self) -> list[tuple[str, float]]:
        """The colours that have a hue with their weights, the heaviest first."""
        return _most_first({name: self.weights[name] for name in _COLOURS})

    @property
    def parts(self) -> tuple[float, float, float, float, float]:
        """Lightness of what has no hue, as shares of the lightest: its darkest tenth, quarter, half, and the like."""
        reached = np.searchsorted(np.cumsum(self.greys), np.array([0.1, 0.25, 0.5, 0.75, 0.9]) * self.grey)
        darkest, dark, middle, light, lightest = (_STEPS[np.minimum(reached, _GREYS - 1)] / self.lightest).tolist()
        return darkest, dark, middle, light, lightest

    @property
    def likeliest(self) -> str:
        """The colour that the object most likely is."""
        colour, weight = self.ranked[0]
        if weight > self.grey:
            return colour
        _, _, middle, light, _ = self.parts
        if light >= 0.75 and middle >= 0.5:
            return "white"
        return "black" if middle < 0.27 and light < 0.45 else "grey"

    @property
    def warmth(self) -> float:
        """How much of a warm tint what is black has, 0 to 1."""
        a, b = self.tint
        return min(1.0, math.hypot(a, b) / 8) if _WARM[0] < math.degrees(math.atan2(b, a)) < _WARM[1] else 0.0


def evidence(votes: Votes) -> tuple[float, ...]:
    """How sure the likeliest colour is: a number for each word of `EVIDENCE`."""
    name, ranked = votes.likeliest, votes.ranked
    total = votes.grey + sum(weight for _, weight in ranked)
    share = votes.grey if name in NEUTRAL else votes.weights[name]
    near = max((weight for other, weight in ranked[:3] if frozenset((name, other)) in NEIGHBOURS), default=0.0)
    warm = votes.warmth if name == "black" else 0.0
    which = (float(name == one) for one in EVIDENCE[-3:])
    return share / total, near / total, votes.surroundings, warm, *which


def _doubt(votes: Votes) -> str:
    name = votes.likeliest
    (first, most), (second, next_most) = votes.ranked[:2]
    if name not in NEUTRAL:
        if votes.grey > most / 2:
            return f"parts of it are {name}, others have no hue"
        return (
            f"it may be {first} or {second}" if next_most > most / 4 else f"it may be {name}, as its surroundings are"
        )
    darkest, _, middle, _, lightest = votes.parts
    if votes.grey < 2 * most:
        return f"parts of it are {first}, others have no hue"
    if name == "black" and votes.warmth > 0.5:
        return "it is too dark to tell black from brown or dark red"
    if lightest - darkest > 0.4:
        return "parts of it are dark, others light"
    return f"it may be {'white or grey' if middle > 0.5 else 'black or grey'}"


def _most_first(shares: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(shares.items(), key=lambda item: -item[1])


def counted(pixels: NDArray[np.uint8], xyxy: NDArray[np.float32], polygon: Rings | None = None) -> Votes | None:
    """What an object's pixels vote for; None where none lies in the image. Arguments as for `colouring`."""
    height, width = pixels.shape[:2]
    box = np.clip(np.asarray(xyxy, np.float64), 0, [width, height, width, height])
    if min(box[2:] - box[:2]) <= 0:
        return None
    # Every so many-th pixel: mean pixels would have colours that nothing in the picture has.
    step = max(1, -(-max(pixels.shape[:2]) // _SIDE))
    view, whole = window(pixels, box), pixels[::step, ::step]
    likely = _likely(view, polygon)
    rgb = np.asarray(cv2.cvtColor(view.lab, cv2.COLOR_Lab2RGB), np.float64) * _gains(whole)
    bins = _bins(np.clip(rgb, 0, 255).astype(np.uint8))
    means = _mean_row(bins, likely.reshape(-1))
    colours, greys, vivid, dark = np.split(means, np.cumsum([len(_COLOURS), _GREYS, len(_COLOURS)]))
    lightest = max(LIGHTEST, float(np.percentile(_lab()[_bins(whole), 0], 98)))
    neutral = greys @ greys_named(np.minimum(_STEPS / lightest * 100, 100))
    around = _mean_row(bins, np.where(view.inside, 1 - likely, 1).reshape(-1) ** 2)
    a, b = (dark[:2] / max(float(dark[2]), 1e-9)).tolist()
    return Votes(
        shares=dict(zip(BASIC_COLOURS, np.concatenate([neutral, colours]).tolist(), strict=True)),
        weights=dict(zip(_COLOURS, (colours + VIVID * vivid).tolist(), strict=True)),
        greys=greys,
        lightest=lightest,
        tint=(a, b),
        surroundings=float(np.minimum(_coarse(means), _coarse(around)).sum()),
    )


def _likely(view: Window, polygon: Rings | None) -> NDArray[np.float64]:
    """How likely each pixel of a view is the object's, 0 to 1; 0 outside the box."""
    mask = np.zeros(view.inside.shape, np.uint8)
    if polygon is not None:
        x0, y0, x1, y1 = view.corners
        scale = np.array(mask.shape[::-1]) / (x1 - x0, y1 - y0)
        rings = [np.round((ring - (x0, y0)) * scale).astype(np.int32) for ring in polygon if len(ring) >= 3]
        cv2.fillPoly(mask, rings, 1)
    if mask.any():
        return mask.astype(np.float64)
    log_odds = PLACE * view.away + COLOUR * cv2.GaussianBlur(colour_evidence(view), (0, 0), 2) + OFFSET
    likely = np.where(view.inside, 1 / (1 + np.exp(-log_odds)), 0)
    # What is as likely background as not is not asked.
    clear = np.clip((likely - 0.3) / 0.4, 0, 1)
    if clear.sum() >= 20:
        return np.asarray(clear, np.float64)
    # A box of a pixel's width may fall between those of the view.
    inside = view.inside if view.inside.any() else view.away == view.away.min()
    return inside.astype(np.float64)


def _gains(whole: NDArray[np.uint8]) -> NDArray[np.float64]:
    """By what red, green and blue are to be multiplied to take half of the light's tint out, shape (3,)."""
    lab = _lab()[_bins(whole)]
    pale = (np.hypot(lab[:, 1], lab[:, 2]) < 18) & (lab[:, 0] > 25) & (lab[:, 0] < 97)
    if pale.mean() < 0.1:
        return np.ones(3)
    mean = whole.reshape(-1, 3)[pale].astype(np.float64).mean(axis=0)
    gains: NDArray[np.float64] = np.clip((mean.mean() / mean) ** 0.5, 1 / _MOST_GAIN, _MOST_GAIN)
    return gains


def _coarse(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """A row of the table with the lightness of greys in five steps, shape (13,)."""
    greys = row[len(_COLOURS) : len(_COLOURS) + _GREYS].reshape(5, -1).sum(axis=1)
    return np.concatenate([row[: len(_COLOURS)], greys])


def _bins(pixels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """The row of `_table` of each pixel, shape (n,), of pixels (..., 3)."""
    bins = (pixels.reshape(-1, 3) >> 3).astype(np.intp)
    rows: NDArray[np.intp] = (bins[:, 0] * _BINS + bins[:, 1]) * _BINS + bins[:, 2]
    return rows


def _mean_row(bins: NDArray[np.intp], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean row of `_table` over weighted pixels, shape (44,); zeros where all weigh nothing."""
    sums = np.bincount(bins, weights)
    present = np.flatnonzero(sums)
    mean: NDArray[np.float64] = sums[present] @ _table()[present] / max(float(sums.sum()), 1e-9)
    return mean


@cache
def _lab() -> NDArray[np.float64]:
    """CIELAB of each of 32 x 32 x 32 RGB bins, shape (32768, 3)."""
    steps = (np.arange(_BINS) * 8 + 4).astype(np.float32) / 255
    rgb = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab).reshape(-1, 3).astype(np.float64)


@cache
def _table() -> NDArray[np.float64]:
    """What each RGB bin votes for, shape (32768, 8 + 25 + 8 + 3).

    Colours that have a hue; what has none, by lightness; the colours again, each by how vivid it is; and of what is
    black the a and b of CIELAB, and how much it is.
    """
    lab = _lab()
    votes, chroma = named(lab), np.hypot(lab[:, 1], lab[:, 2])
    colours = votes[:, len(NEUTRAL) :]
    greys = np.zeros((len(lab), _GREYS))
    steps = np.clip((lab[:, 0] * _GREYS / 100).astype(int), 0, _GREYS - 1)
    greys[np.arange(len(lab)), steps] = votes[:, : len(NEUTRAL)].sum(axis=1)
    # A photograph's darkest pixels have a hue by chance.
    dark = (votes[:, 0] * np.clip(lab[:, 0] / 3, 0, 1))[:, None]
    vivid = colours * np.clip((chroma - 14) / 16, 0, 1)[:, None]
    return np.concatenate([colours, greys, vivid, dark * lab[:, 1:], dark], axis=1)
