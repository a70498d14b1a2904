"""COCO average precision and grounding accuracy."""
