"""The small texts that queries for a part of a graph are made of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from reasoning.graph.index import Ids

Item = TypeVar("Item")

BATCH = 300
"""Entities that one query asks about; their IRIs make some 20 KB."""


def iri_text(iri: str) -> str:
    """An IRI as SPARQL writes it; what an IRI may not hold is percent-encoded, so that none can end early."""
    return f"<{''.join(_encoded(char) if char in _FORBIDDEN or not char.isprintable() else char for char in iri)}>"


def string_text(text: str, language: str = "") -> str:
    """A text as SPARQL writes it, perhaps with a language tag."""
    # Escapes of code points are read before anything else, also behind a backslash that is escaped itself: one that
    # stands in a name could end the string.
    written = json.dumps(re.sub(r"\\(?=[uU])", "\ufffd", text), ensure_ascii=False)
    return f"{written}@{language}" if _TAG.fullmatch(language) else written


def values_text(variable: str, terms: Iterable[str]) -> str:
    """A group that binds a variable to some terms; on its own, since Virtuoso joins `VALUES` with nothing else well."""
    return f"{{ SELECT {variable} WHERE {{ VALUES {variable} {{ {' '.join(terms)} }} }} }}"


def batches(items: Sequence[Item], size: int = BATCH) -> Iterator[Sequence[Item]]:
    """Items, some at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def id_batches(entities: Ids) -> Iterator[Ids]:
    """Entities, some at a time."""
    return (entities[start : start + BATCH] for start in range(0, len(entities), BATCH))


_TAG = re.compile(r"[A-Za-z]+(-[A-Za-z0-9]+)*")
_FORBIDDEN = frozenset('<>"{}|^`\\ ')


def _encoded(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))
