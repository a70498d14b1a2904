"""A small graph that lacks what its own rules make likely: spouses are each other's, and live in one town."""

from __future__ import annotations

COUPLES, LACKING, TOWNS = 40, 3, 8


def triples() -> list[tuple[str, str, str]]:
    """Of the first couples it is missing that the second is the spouse of the first, and where the second lives."""
    found = []
    for number in range(COUPLES):
        one, other, town = f"Ann {number}", f"Bob {number}", f"Town {number % TOWNS}"
        found += [(one, "spouse", other), (one, "lives in", town)]
        if number >= LACKING:
            found += [(other, "spouse", one), (other, "lives in", town)]
    return found


def as_file() -> str:
    """The graph as a visitor uploads it."""
    return "".join("\t".join(triple) + "\n" for triple in triples())
