"""Attention over a pack: the beginning sees itself, each segment the beginning and itself.

One mask over the whole row would cost the square of its length; taken apart, the beginning and the segments cost a
quarter of that. It is registered with transformers under `PACKED`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

PACKED = "skylark_packed"
"""The attention's name for transformers."""

_in_use: ContextVar[Layout] = ContextVar("layout")


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
        mask: float32, shape (1, 1, longest, begun + longest): what is added to the scores.
    """

    begun: int
    segments: int
    longest: int
    cells: Any
    rows: Any
    mask: Any

    @classmethod
    def of(cls, begun: int, lengths: Sequence[int], device: Any = "cpu") -> Layout:
        """The layout of segments of these lengths, on a device of torch's."""
        import torch

        longest = max(lengths)
        steps = torch.arange(longest)
        sizes = torch.tensor(lengths)
        starts = begun + torch.cumsum(sizes, 0) - sizes
        cells = (starts[:, None] + torch.minimum(steps[None], sizes[:, None] - 1)).flatten()
        rows = torch.nonzero((steps[None] < sizes[:, None]).flatten()).flatten()
        mask = torch.zeros(1, 1, longest, begun + longest)
        mask[..., begun:] = torch.full((longest, longest), torch.finfo(torch.float32).min).triu(1)
        return cls(begun, len(lengths), longest, *(part.to(device) for part in (cells, rows, mask)))

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Let `attend` work by this layout."""
        before = _in_use.set(self)
        try:
            yield
        finally:
            _in_use.reset(before)


def attend(module: Any, query: Any, key: Any, value: Any, mask: Any, scaling: float, **_: Any) -> tuple[Any, None]:
    """The attention of one layer, as transformers calls it.

    Args:
        module: the layer.
        query: shape (1, heads, tokens, width).
        key, value: shape (1, key heads, tokens, width).
        mask: not used, the layout has one.
        scaling: of the scores.

    Returns:
        Shape (1, tokens, heads, width), and no weights.
    """
    import torch

    layout = _in_use.get()
    _, heads, _, width = query.shape
    group = heads // key.shape[1]
    begun, count, longest = layout.begun, layout.segments, layout.longest
    first_key, first_value = key[:, :, :begun], value[:, :, :begun]
    first = torch.nn.functional.scaled_dot_product_attention(
        query[:, :, :begun],
        first_key.repeat_interleave(group, 1),
        first_value.repeat_interleave(group, 1),
        is_causal=True,
        scale=scaling,
    )

    def table(row: Any) -> Any:
        return row[0, :, layout.cells].view(-1, count, longest, width).transpose(0, 1)

    keys = torch.cat([first_key.expand(count, -1, -1, -1), table(key)], 2)
    values = torch.cat([first_value.expand(count, -1, -1, -1), table(value)], 2)
    # Heads that share keys stand behind each other, so that no key is copied.
    asked = table(query).reshape(count, heads // group, group * longest, width)
    scores = torch.matmul(asked, keys.transpose(-1, -2)).view(count, heads // group, group, longest, -1)
    weights = torch.softmax(scores.float() * scaling + layout.mask, -1).to(values.dtype)
    found = torch.matmul(weights.view(count, heads // group, group * longest, -1), values)
    behind = found.view(count, heads, longest, width).transpose(0, 1).reshape(heads, count * longest, width)
    return torch.cat([first[0], behind[:, layout.rows]], 1)[None].transpose(1, 2).contiguous(), None


def register() -> None:
    """Make the attention known to transformers."""
    from transformers import AttentionInterface

    AttentionInterface.register(PACKED, attend)
