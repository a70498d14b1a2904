"""Makes `data/anchors.npz`, the vectors of the lexicon's phrases, anew after the lexicon was changed.

    python -m tools.build_anchors

Eight bits a component change a similarity by about 0.001 and keep the file at a quarter of its size.
"""

from __future__ import annotations

import zipfile
from io import BytesIO

import numpy as np

from kg_data.sentence_vectors import sentence_encoder
from vision.classes.lexicon import lexicon
from vision.classes.matching import ANCHORS, SCALE, digest


def main() -> None:
    """Encode every phrase and write the file whole."""
    phrases = tuple(lexicon())
    steps = np.rint(sentence_encoder().encode(phrases) / SCALE)
    if np.abs(steps).max() > 127:
        raise ValueError("a component does not fit into 8 bits: raise SCALE")
    beside = ANCHORS.with_suffix(".part")
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in (("vectors", steps.astype(np.int8)), ("digest", np.array(digest(phrases)))):
            content = BytesIO()
            np.save(content, array)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())  # no date: the same file each time
    beside.replace(ANCHORS)
    print(f"{len(phrases)} phrases, {ANCHORS.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
