"""Where a model in this process runs and how its numbers are kept, from names to what torch takes; both halves ask."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kg_data.errors import SkylarkError

DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
DTYPES = ("auto", "float32", "bfloat16", "float16")


def usable_cores() -> int:
    """Cores that this process may use: as many as `OMP_NUM_THREADS` says, by which torch and numpy go too, else all
    that it is given, which in a container are fewer than the machine has."""
    if (stated := os.environ.get("OMP_NUM_THREADS", "")).isdecimal() and int(stated) > 0:
        return int(stated)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_names(device: str, dtype: str, error: type[SkylarkError]) -> None:
    """Refuse what is no name of a device or a number format; whether the device is there, `find_device` knows.

    Raises:
        SkylarkError: of the kind `error`, with the nearest valid name.
    """
    if not DEVICE.fullmatch(device):
        names = ["auto", "cpu", "cuda", "cuda:0", "mps"]
        near = difflib.get_close_matches(device.lower(), names, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise error(f"device must be auto, cpu, cuda, cuda:N or mps, not {device!r}{hint}")
    if dtype not in DTYPES:
        near = difflib.get_close_matches(dtype.lower(), DTYPES, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise error(f"dtype must be one of {', '.join(DTYPES)}, not {dtype!r}{hint}")


def find_device(device: str, error: type[SkylarkError]) -> str:
    """The device by torch's name; "auto" is the first GPU, Apple's, or the processor, whichever comes first.

    Raises:
        SkylarkError: of the kind `error`: this machine has no such device; the message names those it has.
    """
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    there = [f"cuda:{number}" for number in range(gpus)] + ["mps"] * torch.backends.mps.is_available() + ["cpu"]
    if device == "auto":
        return there[0]
    wanted = "cuda:0" if device == "cuda" else device
    if wanted not in there:
        raise error(f"This machine has no device {device!r} that torch {torch.__version__} can use; it has: "
                       f"{', '.join(there)}")  # fmt: skip
    return wanted


def find_dtype(dtype: str, device: str) -> Any:
    """What transformers takes as dtype: on "auto" as the weights are stored on a GPU, float32 on a processor.

    bfloat16 reads prompts faster on processors with native support for it, but generates several times slower on those
    without, and its roundings change answers.
    """
    import torch

    if dtype != "auto":
        return getattr(torch, dtype)
    return torch.float32 if device == "cpu" else "auto"


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep the progress bars of loading and saving out of a user's terminal; the setting is left as it was found.

    The bar of reading GGUF has no switch and stays: it is seen once, while there is something to wait for.
    """
    from transformers.utils import logging as transformers_logging

    bars: Any = transformers_logging  # its two switches carry no type hints
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()
