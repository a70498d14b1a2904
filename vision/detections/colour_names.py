"""What people call a colour: votes for the eleven basic colour terms of English (Berlin and Kay 1969), in CIELAB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
