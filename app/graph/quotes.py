"""The words of a text that say a fact, with some of what stands around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.server.words import ELLIPSIS
from reasoning.graph.sources import Source

AROUND = 70
"""Characters before and behind the words, to the next blank."""


@dataclass(frozen=True)
class Quote:
    """Words of a text: `said` is what says the fact, the others are what stands around it."""

    before: str
    said: str
    behind: str


def quote(texts: Mapping[str, str], source: Source) -> Quote | None:
    """What a source says, from the texts by name; None where its text or the place in it is not known."""
    text, start, end = texts.get(source.document), source.start, source.end
    if text is None or start is None or end is None or end > len(text):
        return None
    # Only of its own paragraph: the next one speaks of other things.
    before = text[text.rfind("\n", 0, start) + 1 : start]
    behind = text[end:].partition("\n")[0]
    if len(before) > AROUND:
        before = ELLIPSIS + before[-AROUND:].partition(" ")[2]
    if len(behind) > AROUND:
        behind = behind[:AROUND].rpartition(" ")[0] + ELLIPSIS
    return Quote(before, text[start:end], behind)
