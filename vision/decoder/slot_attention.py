"""A taught decoder at work: a class set is read once, and every image's slots look at what was read.

Slots see the prompt and themselves alone, so what the model made of a prompt holds for all images. The same class set
under several permutations of its class tokens is read likewise, and an image's class slots are filled behind each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import AttentionInterface

from vision.decoder.vocabulary import Prompt

SLOTS = "skylark_slots"
"""The attention's name for transformers."""


@dataclass
class ReadPrompts:
    """Prompts of one length, with what the layers made of them.

    Attributes:
        prompts: in order.
        keys, values: by layer, each of shape (prompts, key heads, tokens, width).
    """

    prompts: tuple[Prompt, ...]
    keys: dict[int, Any] = field(default_factory=dict)
    values: dict[int, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Filling:
    """Slots that stand one behind the other, each group behind one of the prompts.

    Attributes:
        read: the prompts.
        sizes: slots of each group, the first behind the first prompt.
        unseen: of each group which of its slots each slot does not see, shape (slots, slots); None where each sees
            itself alone.
    """

    read: ReadPrompts
    sizes: tuple[int, ...]
    unseen: tuple[Any, ...] | None = None


def register() -> None:
    """Make the attention known to transformers."""
    AttentionInterface.register(SLOTS, attend)


def read_prompts(decoder: Any, embeddings: Any, prompts: Sequence[Prompt]) -> ReadPrompts:
    """Have a transformer, opened with the attention `SLOTS`, read prompts of one length.

    Args:
        decoder: without its head.
        embeddings: of it, shape (tokens, width).
        prompts: of the same names.
    """
    read = ReadPrompts(tuple(prompts))
    tokens = torch.stack([torch.from_numpy(prompt.tokens) for prompt in prompts]).to(embeddings.device)
    positions = torch.arange(tokens.shape[1], device=embeddings.device)[None]
    decoder(
        inputs_embeds=embeddings[tokens],
        attention_mask=torch.zeros(1, 1, 1, 1, device=embeddings.device),
        position_ids=positions,
        use_cache=False,
        work=read,
    )
    return read


def fill_slots(decoder: Any, slots: Any, filling: Filling) -> Any:
    """The last hidden states of slots, shape (slots, width).

    Args:
        decoder: that read the prompts.
        slots: inputs of all groups, shape (slots, width).
        filling: which of them stand where.
    """
    begun = len(filling.read.prompts[0].tokens)
    positions = torch.full((1, len(slots)), begun, device=slots.device)
    return decoder(
        inputs_embeds=slots[None],
        attention_mask=torch.zeros(1, 1, 1, 1, device=slots.device),
        position_ids=positions,
        use_cache=False,
        work=filling,
    ).last_hidden_state[0]


def attend(
    module: Any, query: Any, key: Any, value: Any, mask: Any, scaling: float, *, work: ReadPrompts | Filling, **_: Any
) -> tuple[Any, None]:
    """The attention of one layer, as transformers calls it: prompts are read, slots filled.

    Args:
        module: the layer.
        query: shape (prompts or 1, heads, tokens, width).
        key, value: shape (prompts or 1, key heads, tokens, width).
        mask: not used.
        scaling: of the scores.
        work: the prompts that are read, or the slots that are filled.

    Returns:
        Shape (prompts or 1, tokens, heads, width), and no weights.
    """
    if isinstance(work, ReadPrompts):
        work.keys[module.layer_idx], work.values[module.layer_idx] = key, value
        found = torch.nn.functional.scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scaling, enable_gqa=True
        )
        return found.transpose(1, 2).contiguous(), None
    read, ends = work.read, torch.tensor(work.sizes).cumsum(0).tolist()
    parts = []
    for number, (size, end) in enumerate(zip(work.sizes, ends, strict=True)):
        own = slice(end - size, end)
        unseen = None if work.unseen is None else work.unseen[number]
        parts.append(
            _filled(
                query[0, :, own] * scaling,
                (read.keys[module.layer_idx][number], read.values[module.layer_idx][number]),
                (key[0, :, own], value[0, :, own]),
                unseen,
            )
        )
    return torch.cat(parts, 1)[None].transpose(1, 2).contiguous(), None


def _filled(query: Any, begun: tuple[Any, Any], own: tuple[Any, Any], unseen: Any) -> Any:
    """The attention of slots behind one prompt, shape (heads, slots, width); heads share keys in groups."""
    heads, slots, width = query.shape
    shared, length, _ = begun[0].shape
    asked = query.reshape(shared, -1, width)
    scores = torch.bmm(asked, begun[0].transpose(1, 2))
    if unseen is None:
        by_group = query.view(shared, -1, slots, width)
        itself = (by_group * own[0][:, None]).sum(-1, dtype=torch.float32).to(scores.dtype)
        weights = torch.softmax(torch.cat([scores, itself.reshape(shared, -1, 1)], -1), -1)
        added = weights[..., length:].view(shared, -1, slots, 1) * own[1][:, None]
        added = added.view(shared, -1, width)
    else:
        others = torch.bmm(asked, own[0].transpose(1, 2)).view(shared, -1, slots, slots)
        others = others.masked_fill(unseen, -torch.inf).view(shared, -1, slots)
        weights = torch.softmax(torch.cat([scores, others], -1), -1)
        added = torch.bmm(weights[..., length:], own[1].contiguous())
    return (torch.bmm(weights[..., :length], begun[1]) + added).view(heads, slots, width)
