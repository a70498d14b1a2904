"""How data stands in a prompt: between two marker lines, a triple a line, names quoted so that none gets out."""

from __future__ import annotations

import json
import re
import unicodedata

CONTEXT_START, CONTEXT_END = "<context>", "</context>"

NO_ANSWER = "none"
"""The reply that says there is no answer."""

_MARKER = re.compile("|".join(map(re.escape, (CONTEXT_START, CONTEXT_END))), re.IGNORECASE)
_JOINERS = "\u200c\u200d"


def triple_line(head: str, relation: str, tail: str) -> str:
    """A triple as a context writes it."""
    return f"({head}, {relation}, {tail})"


def quoted(name: str) -> str:
    """A name as a JSON string that stays on its line and within its quotes, whoever chose the name.

    Beside what JSON escapes, everything is escaped that ends a line for some reader (U+2028), turns the direction of
    the text, cannot be seen (so that nobody sees what it says to the model) or stands alone of a surrogate pair, and
    the angle brackets of the markers around a context. Joiners, which emoji and many scripts need, are kept.
    """
    written = _MARKER.sub(lambda marker: f"\\u003c{marker[0][1:]}", json.dumps(name, ensure_ascii=False))
    if written.isprintable():
        return written
    return "".join(json.dumps(character)[1:-1] if _is_unseen(character) else character for character in written)


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in _JOINERS
