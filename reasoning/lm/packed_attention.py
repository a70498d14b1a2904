"""Attention over a pack: the beginning sees itself, each segment the beginning and itself.

One mask over the whole row would cost the square of its length; taken apart, the beginning and the segments cost a
quarter of that. The gradient is written by hand: what torch derives from the same steps takes twice as long on a
processor, for it keeps every step in float32 and adds the gradients of gathered rows one by one. It is registered
with transformers under `PACKED`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from transformers import AttentionInterface

from reasoning.lm.generation import Layout

PACKED = "skylark_packed"
"""The attention's name for transformers."""


def register() -> None:
    """Make the attention known to transformers."""
    AttentionInterface.register(PACKED, attend)


def attend(
    module: Any, query: Any, key: Any, value: Any, mask: Any, scaling: float, *, layout: Layout, **_: Any
) -> tuple[Any, None]:
    """The attention of one layer, as transformers calls it.

    Args:
        module: the layer.
        query: shape (1, heads, tokens, width).
        key, value: shape (1, key heads, tokens, width).
        mask: not used, the layout has one.
        scaling: of the scores.
        layout: of the tokens, as it was given to the transformer.

    Returns:
        Shape (1, tokens, heads, width), and no weights.
    """
    found = _ATTENTION(query[0], key[0], value[0], scaling, layout)
    return found[None].transpose(1, 2).contiguous(), None


class PackedAttention(torch.autograd.Function):
    """Attention over one row of tokens, without the dimension of a batch.

    Heads that share keys stand behind each other as further queries, so that no key is copied.
    """

    @staticmethod
    def forward(ctx: Any, query: Any, key: Any, value: Any, scaling: float, layout: Layout) -> Any:
        """See `attend`; the shapes are (heads, tokens, width) and (key heads, tokens, width)."""
        heads, tokens, width = query.shape
        shared, begun = key.shape[0], layout.begun
        group = heads // shared
        scaled = query * scaling
        first_query = scaled[:, :begun].reshape(shared, group * begun, width)
        first_key, first_value = key[:, :begun].contiguous(), value[:, :begun].contiguous()
        first_weights = _weights(first_query, first_key, layout.later_begun)
        first = torch.bmm(first_weights, first_value).view(heads, begun, width)
        queries = _grouped(scaled.index_select(1, layout.cells), layout, group)
        keys, values = _behind(first_key, key, layout), _behind(first_value, value, layout)
        weights = _weights(queries, keys, layout.later)
        behind = _to_row(torch.bmm(weights, values), layout, heads)
        ctx.save_for_backward(first_query, first_key, first_value, first_weights, queries, keys, values, weights)
        ctx.layout, ctx.scaling, ctx.shape = layout, scaling, (heads, shared, tokens, width)
        return torch.cat([first, behind], 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The gradients of query, key and value from that of the result."""
        (gradient,) = gradients
        first_query, first_key, first_value, first_weights, queries, keys, values, weights = ctx.saved_tensors
        layout: Layout = ctx.layout
        heads, shared, _, width = ctx.shape
        begun, cells = layout.begun, layout.segments * layout.longest
        asked = gradient[:, :begun].reshape(first_query.shape)
        first_by_query, first_by_key, first_by_value = _gradients(
            asked, first_query, first_key, first_value, first_weights
        )
        # Cells that repeat a token have no part in the result.
        table = gradient.new_zeros(heads, cells, width).index_copy_(1, layout.rows, gradient[:, begun:])
        asked = _grouped(table, layout, heads // shared)
        by_query, by_key, by_value = _gradients(asked, queries, keys, values, weights)

        def gathered(first: Any, behind: Any) -> Any:
            table = behind.view(layout.segments, shared, begun + layout.longest, width)
            own = table[:, :, begun:].transpose(0, 1).reshape(shared, cells, width).index_select(1, layout.rows)
            return torch.cat([first + table[:, :, :begun].sum(0, dtype=torch.float32).to(first.dtype), own], 1)

        of_query = torch.cat([first_by_query.view(heads, begun, width), _to_row(by_query, layout, heads)], 1)
        of_key, of_value = gathered(first_by_key, by_key), gathered(first_by_value, by_value)
        return of_query.mul_(ctx.scaling), of_key, of_value, None, None


_ATTENTION: Callable[..., Any] = torch.compiler.disable(PackedAttention.apply)  # type: ignore[no-untyped-call]
"""Not compiled: its shapes are others in every pack, and it is fast as it stands."""


def _weights(queries: Any, keys: Any, later: Any) -> Any:
    """How much each query takes of each key; the last keys are the queries' own places."""
    scores = torch.bmm(queries, keys.transpose(1, 2))
    size = len(later)
    scores.view(len(scores), -1, size, scores.shape[-1])[..., -size:].masked_fill_(later, -torch.inf)
    return torch.softmax(scores, -1)


def _gradients(asked: Any, queries: Any, keys: Any, values: Any, weights: Any) -> tuple[Any, Any, Any]:
    """The gradients of (scaled) queries, keys and values from that of what was found."""
    by_weights = torch.bmm(asked, values.transpose(1, 2))
    by_scores = torch.ops.aten._softmax_backward_data(by_weights, weights, -1, weights.dtype)
    by_value = torch.bmm(weights.transpose(1, 2), asked)
    return torch.bmm(by_scores, keys), torch.bmm(by_scores.transpose(1, 2), queries), by_value


def _grouped(cells: Any, layout: Layout, group: int) -> Any:
    """Cells, (heads, cells, width), as (segments * key heads, group * longest, width)."""
    heads, _, width = cells.shape
    table = cells.view(heads // group, group, layout.segments, layout.longest, width).permute(2, 0, 1, 3, 4)
    return table.reshape(-1, group * layout.longest, width)


def _to_row(table: Any, layout: Layout, heads: int) -> Any:
    """The tokens behind the beginning, (heads, tokens, width), of such a table."""
    width = table.shape[-1]
    cells = table.view(layout.segments, heads, layout.longest, width).transpose(0, 1)
    return cells.reshape(heads, -1, width).index_select(1, layout.rows)


def _behind(first: Any, row: Any, layout: Layout) -> Any:
    """Keys or values of the beginning, and behind them a segment's own: (segments * key heads, places, width)."""
    shared, _, width = row.shape
    own = _grouped(row.index_select(1, layout.cells), layout, 1).view(-1, shared, layout.longest, width)
    return torch.cat([first.expand(layout.segments, -1, -1, -1), own], 2).view(-1, layout.begun + layout.longest, width)
