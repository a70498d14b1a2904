"""Instructions in plain language, read to typed tasks."""

from __future__ import annotations

from vision.instructions.reading import read_by_rules
from vision.instructions.task import Task

read_instruction = read_by_rules
