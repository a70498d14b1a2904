"""The machine that a figure was measured on, for the files of results."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Processor, usable cores and Python version."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"cpu": models[0] if models else platform.processor(), "cores": cores, "python": platform.python_version()}


def machine_words(here: Mapping[str, Any]) -> str:
    """E.g. "2 cores of AMD EPYC, Python 3.11.7"."""
    return f"{here['cores']} cores of {here['cpu']}, Python {here['python']}"
