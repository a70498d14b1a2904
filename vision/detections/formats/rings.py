"""An object in several parts, for the formats that hold one ring an object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision.detectors.detector import Rings


def one_ring(rings: Rings) -> NDArray[np.float32]:
    """One ring for all parts, joined by bridges of no width, so that no part is lost."""
    if len(rings) == 1:
        return rings[0]
    from vision.detections.polygons.masks import joined

    whole = rings[0]
    for other in rings[1:]:
        whole = joined(whole, other).astype(np.float32)
    return whole
