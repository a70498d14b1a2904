"""How the page words numbers, durations and confidences, and how it shortens a text: plain text, never HTML."""

from __future__ import annotations

from collections.abc import Iterable

ELLIPSIS = "…"


def shortened(content: str, most: int) -> str:
    """At most `most` characters; an ellipsis stands for the rest."""
    return content if len(content) <= most else content[: most - 1].rstrip() + ELLIPSIS


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 answer`, `2,000 answers`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def percent(confidence: float) -> str:
    """A confidence in whole percent; what is not certain is never 100%."""
    return "under 1%" if confidence < 0.01 else f"{min(99, round(100 * confidence))}%"


def not_in_link(what: str, name: str, offered: Iterable[str]) -> str:
    """What is said of a name in a link that is none of those on offer: of a graph, a picture or a tab."""
    return f"the link names a {what} that is not here: {shortened(name, 60)!r}; choose one of {', '.join(offered)}"


def duration(seconds: float) -> str:
    """A duration with as many digits as the eye needs: `0.4 ms`, `12 ms`, `3.1 s`."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
