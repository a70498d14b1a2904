"""Where Skylark keeps what it can make again: one folder, so that a user can find it, move it or delete it whole."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "SKYLARK_CACHE"


def cache_dir() -> Path:
    """The cache folder: `$SKYLARK_CACHE` if that is set, else the platform's user cache folder for "skylark".

    The folder is not created here: only the one who writes into it does that, so that reading leaves no trace.
    """
    chosen = os.environ.get(CACHE_VARIABLE, "").strip()
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(platformdirs.user_cache_dir("skylark", appauthor=False))
