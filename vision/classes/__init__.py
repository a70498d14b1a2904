"""What the words of an instruction mean among the classes that a detector knows."""

from __future__ import annotations

from vision.classes.lexicon import COCO_CATEGORY_IDS, COCO_CLASSES, COCO_SUPERCATEGORIES
from vision.classes.matching import ClassMatcher, Match, Matcher, OpenMatcher
from vision.classes.vocabulary import normalise

__all__ = [
    "COCO_CATEGORY_IDS",
    "COCO_CLASSES",
    "COCO_SUPERCATEGORIES",
    "ClassMatcher",
    "Match",
    "Matcher",
    "OpenMatcher",
    "normalise",
]
