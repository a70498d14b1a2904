"""Fit the weights of the evidence by which boxes are outlined, on coco128, and print them.

    python -m benchmarks.mask_weights [--images DIR]

Logistic regression over pixels of the annotated boxes, as many of each object whatever its size. The figures that
`benchmarks.mask_ap` reports are of other images. Copy what is printed into `vision/detections/polygons.py`.
Takes about a minute.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm  # type: ignore[import-untyped]

import kg_data
from vision.detections.polygons import KINDS, evidence, mask_from_rings, window
from vision.evaluation.annotations import AnnotatedSet, read_annotations
from vision.images import load_image

PIXELS = 600
"""Of each object."""

STEPS = 10


def samples(annotated: AnnotatedSet) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Evidence of pixels, shape (pixels, kinds), and whether each is the object's, shape (pixels,)."""
    rng = np.random.default_rng(0)
    rows, truths = [], []
    for place, file in enumerate(tqdm(annotated.images, unit="image")):
        image = load_image(file.path)
        for annotation in annotated.annotations:
            if annotation.image != place or annotation.crowd or not isinstance(annotation.segmentation, list):
                continue
            box = np.clip(np.array(annotation.xyxy), 0, np.tile(image.size, 2))
            if min(box[2:] - box[:2]) < 3:
                continue
            rings = tuple(np.array(ring, np.float32).reshape(-1, 2) for ring in annotation.segmentation)
            view = window(image.pixels, box)
            left, top, right, bottom = view.corners
            mask = mask_from_rings(rings, image.size)[top:bottom, left:right].astype(np.float32)
            gold = cv2.resize(mask, view.inside.shape[::-1], interpolation=cv2.INTER_AREA) > 0.5
            inside = np.flatnonzero(view.inside)
            taken = rng.choice(inside, min(PIXELS, len(inside)), replace=False)
            rows.append(evidence(view).reshape(-1, len(KINDS))[taken])
            truths.append(gold.ravel()[taken])
    return np.concatenate(rows).astype(np.float64), np.concatenate(truths).astype(np.float64)


def fitted(rows: NDArray[np.float64], truths: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Weights and intercept of the logistic regression, by Newton's method."""
    design = np.column_stack([rows, np.ones(len(rows))])
    weights = np.zeros(design.shape[1])
    for _ in range(STEPS):
        likely = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (likely - truths) + weights
        curvature = (design * (likely * (1 - likely))[:, None]).T @ design + np.eye(len(weights))
        weights -= np.linalg.solve(curvature, slope)
    return weights[:-1], float(weights[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=Path, default=kg_data.data_root() / "vision" / "coco128")
    folder = parser.parse_args().images
    rows, truths = samples(read_annotations([(folder / "images", folder / "instances.json")]))
    weights, intercept = fitted(rows, truths)
    for kind, weight in zip(KINDS, weights, strict=True):
        print(f"{kind:<28}{weight:>8.3f}")
    print(f"{'intercept':<28}{intercept:>8.3f}")


if __name__ == "__main__":
    main()
