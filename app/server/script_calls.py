"""What the page's scripts ask the server for, outside of the page's events: a failure is a sentence there as well.

Anyone can call these with anything, so each checks what it is given.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from app.graph.graphs import GraphShelf
from kg_data.errors import SkylarkError

log = logging.getLogger(__name__)


def called(function: Callable[[GraphShelf, object], dict[str, Any]], shelf: GraphShelf, wanted: object) -> Any:
    """What a function gives for `wanted`, or `{"error": ...}` with a sentence."""
    try:
        return function(shelf, wanted)
    except SkylarkError as error:
        return {"error": str(error)}
    except Exception:
        log.exception("a script of the page asked for something that failed")
        return {"error": "This did not work. Ask the question again, or load the page anew."}
