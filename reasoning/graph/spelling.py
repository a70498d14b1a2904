"""How names are spelled: as queries write them, and a relation's label as words."""

from __future__ import annotations

import json
import re

RESERVED = frozenset(
    {"entity", "count", "exists", "top", "bottom", "sum", "average", "minimum", "maximum", "every", "name_starts"}
    | {"it", "today", "date"}
)
"""Words of the query language, which a relation of that name is told from by quotes."""

_PATH = re.compile(r"[^\s<>()\[\]{}\"']+")
_IDENTIFIER = re.compile(r"[^\W\d]\w*")


def relation_text(name: str) -> str:
    """A relation's name as the grammar writes it: bare where it can be, else quoted."""
    return name if _IDENTIFIER.fullmatch(name) and name not in RESERVED else quoted(name)


def quoted(text: str) -> str:
    """A text as the grammar quotes it, with JSON's escapes."""
    # Half a surrogate pair cannot be written to any stream, so it stays escaped.
    return json.dumps(text, ensure_ascii=not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text))


def label_words(label: str) -> str:
    """`/people/person/place_of_birth` to "place of birth", `locatedIn` to "located in", `concept:x` to "x".

    Only what may be a path is cut: a label with blanks or brackets, such as "price / unit", keeps all its words.
    """
    last = re.split(r"[/:.#]", label.rstrip("/:.#"))[-1] if _PATH.fullmatch(label) else label
    last = last or label
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", last).replace("_", " ").strip()
    return (spaced or label).lower() if not spaced.isupper() else spaced
