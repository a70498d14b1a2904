"""What is said of images, read: instructions to typed tasks, expressions to sentences about scenes."""

from __future__ import annotations

from vision.parsing.reader import read_instruction

__all__ = ["read_instruction"]
