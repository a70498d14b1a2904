"""How a row of tokens is taken apart: a beginning that all see, and segments that each see it and themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Layout:
    """Where the parts of a row of tokens lie.

    Attributes:
        begun: tokens of the shared beginning.
        segments: how many stand behind it.
        longest: tokens of the longest.
        cells: int64, shape (segments * longest,): the row's token of each cell of a table of segments; a short
            segment repeats its last token.
        rows: int64, shape (tokens behind the beginning,): each such token's cell.
        later: bool, shape (longest, longest): which places of a segment each of its places does not see.
        later_begun: the same of the beginning, shape (begun, begun).
    """

    begun: int
    segments: int
    longest: int
    cells: Any
    rows: Any
    later: Any
    later_begun: Any

    @classmethod
    def of(cls, begun: int, lengths: Sequence[int], device: Any = "cpu", unseen: Any = None) -> Layout:
        """The layout of segments of these lengths, on a device of torch's.

        Args:
            begun: tokens of the shared beginning.
            lengths: of the segments.
            device: of torch's.
            unseen: which places of a segment each of its places does not see; None for those behind it.
        """
        import torch

        longest = max(lengths)
        steps = torch.arange(longest)
        sizes = torch.tensor(lengths)
        starts = begun + torch.cumsum(sizes, 0) - sizes
        cells = (starts[:, None] + torch.minimum(steps[None], sizes[:, None] - 1)).flatten()
        rows = torch.nonzero((steps[None] < sizes[:, None]).flatten()).flatten()
        parts = (cells, rows, _upper(longest) if unseen is None else unseen, _upper(begun))
        return cls(begun, len(lengths), longest, *(part.to(device) for part in parts))


def _upper(size: int) -> Any:
    """Everything above the diagonal."""
    import torch

    return torch.ones(size, size, dtype=torch.bool).triu(1)
