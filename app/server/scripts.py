"""The page's own scripts and style sheet, and how a script's call for data is answered.

Files are found through the package, so that a page that was installed read-only, or runs from a zip, has them too.
Anyone can call what a script calls with anything, so each such function checks what it is given.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from importlib import resources
from typing import Any, TypeVar

from kg_data.errors import SkylarkError

log = logging.getLogger(__name__)

Source = TypeVar("Source")


def read_static(name: str) -> str:
    """The text of a file of `app/static`, such as "page.css"."""
    return (resources.files("app") / "static" / name).read_text(encoding="utf-8")


def in_view(*selectors: str) -> str:
    """A script for an event of the page: the first of these elements that exists is scrolled into view where it is not.

    What comes in answer to a press may lie below the screen.
    """
    return f"() => skylarkPage.show({json.dumps(selectors)})"


def called(function: Callable[[Source, object], dict[str, Any]], source: Source, request: object) -> Any:
    """What a function gives for `request`, or `{"error": ...}` with a sentence: a failure is a sentence here as well.

    Args:
        function: what answers the script.
        source: what it answers from, such as the graphs on offer.
        request: what the script asks for.
    """
    try:
        return function(source, request)
    except SkylarkError as error:
        return {"error": str(error)}
    except Exception:
        log.exception("a script of the page asked for something that failed")
        return {"error": "This did not work. Ask the question again, or load the page anew."}


def served(function: Callable[[Source, object], dict[str, Any]], source: Source) -> Callable[[Any], Any]:
    """A function as a part of the page offers it to its script, which calls it by its name; see `called`."""

    def answer(wanted: Any) -> Any:
        return called(function, source, wanted)

    answer.__name__ = function.__name__
    return answer
