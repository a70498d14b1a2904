"""Outlines of objects."""

from vision.detections.polygons.grabcut import Outlines, grabcut_outlines
from vision.detections.polygons.masks import mask_from_rings, rings_from_mask, with_points

__all__ = ["Outlines", "grabcut_outlines", "mask_from_rings", "rings_from_mask", "with_points"]
