"""What comes in answer to a press may lie below the screen: a script that brings it into view."""

from __future__ import annotations

import json
from pathlib import Path

SCRIPT = (Path(__file__).parents[1] / "static" / "in_view.js").read_text(encoding="utf-8")


def in_view(*selectors: str) -> str:
    """A script for an event of the page: the first of these that is there is brought into view where it is not."""
    return SCRIPT.replace("SELECTORS", json.dumps(selectors))
