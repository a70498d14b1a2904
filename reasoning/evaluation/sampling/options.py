"""What queries are sampled: their types, how many, how hard, and the seed that fixes all of them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from reasoning.errors import SamplingError
from reasoning.query.structures import STRUCTURES, template
from reasoning.query.tree import Complement, Project, Query, Union


def most_links(query: Query) -> int:
    """The number of links in the shortest proof that an answer can be sure to have: what it may lack at most.

    A branch of a union proves an answer alone, and a negated branch proves nothing.
    """
    parts = [most_links(child) for child in query.children if not isinstance(child, Complement)]
    if isinstance(query, Union):
        return min(parts)
    return sum(parts) + isinstance(query, Project)


HARDER: tuple[str, ...] = tuple(kind for kind in STRUCTURES if most_links(template(kind)) > 1)
"""The types that have harder queries. In 1p, 2u, 2in and pni one link proves each answer."""


@dataclass(frozen=True)
class SamplingOptions:
    """How queries are sampled.

    Attributes:
        types: names among the 14 structures; None for all of them.
        count: queries of each type.
        seed: the same graph, options and seed give the same queries, whichever other types are sampled with them.
        harder: keep as hard answers only those whose every proof lacks two links or more (Gregucci et al. 2024).
        most_answers: most hard answers of a query, and most wrong ones of the smaller graph.
        patience: how many queries in a row may be drawn in vain before a type is given up.

    Raises:
        SamplingError: a type is unknown or has no harder queries, or a number is out of range.
    """

    types: Sequence[str] | None = None
    count: int = 1000
    seed: int = 0
    harder: bool = False
    most_answers: int = 100
    patience: int = 1_000_000

    def __post_init__(self) -> None:
        for name in ("count", "most_answers", "patience"):
            if (value := getattr(self, name)) < 1:
                raise SamplingError(f"{name.replace('_', ' ')} must be at least 1, not {value}")
        if self.seed < 0:
            raise SamplingError(f"the seed must be 0 or more, not {self.seed}")
        if self.types is not None and not self.types:
            raise SamplingError(f"no type was named; expected some of {', '.join(STRUCTURES)}")
        for kind in self.types or ():
            if kind not in STRUCTURES:
                near = difflib.get_close_matches(kind, STRUCTURES, n=3, cutoff=0.5)
                hint = f"; nearest: {', '.join(near)}" if near else ""
                raise SamplingError(f'unknown query type "{kind}"; expected some of {", ".join(STRUCTURES)}{hint}')
            if self.harder and kind not in HARDER:
                raise SamplingError(
                    f"{kind} has no harder queries: one link proves each of its answers; "
                    f"types that have: {', '.join(HARDER)}"
                )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The types that are sampled, each once, in the field's order."""
        return tuple(kind for kind in (HARDER if self.harder else STRUCTURES) if kind in (self.types or STRUCTURES))
