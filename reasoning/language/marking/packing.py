"""Several steps in one pass: packed behind each other, none seeing the others, no padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reasoning.language.marking.scheme import MarkScheme
from reasoning.language.marking.sheets import Sheet


def keep_logits(decoder: Any, readout: Any, sheets: Sequence[Sheet]) -> Any:
    """The log-odds of keeping against dropping at every place of the sheets, in order; a float32 tensor.

    Args:
        decoder: the transformer without its head; positions begin anew with each sheet.
        readout: shape (width,): the head's row of `keep` minus that of `drop`.
        sheets: at least one.
    """
    import torch

    device = readout.device
    lengths = [len(sheet) for sheet in sheets]
    of_sheet = torch.tensor(np.repeat(np.arange(len(sheets)), lengths), device=device)
    tokens = torch.tensor(np.concatenate([sheet.tokens for sheet in sheets]), device=device)
    positions = torch.tensor(np.concatenate([np.arange(length) for length in lengths]), device=device)
    order = torch.arange(len(tokens), device=device)
    seen = (of_sheet[:, None] == of_sheet[None, :]) & (order[:, None] >= order[None, :])
    dtype = next(decoder.parameters()).dtype
    mask = torch.zeros(seen.shape, dtype=dtype, device=device).masked_fill_(~seen, torch.finfo(dtype).min)
    output = decoder(
        input_ids=tokens[None], attention_mask=mask[None, None], position_ids=positions[None], use_cache=False
    )
    starts = np.cumsum([0, *lengths[:-1]])
    places = np.concatenate([sheet.places + start for sheet, start in zip(sheets, starts, strict=True)])
    hidden = output.last_hidden_state[0, torch.tensor(places, device=device)]
    return hidden.float() @ readout


def readout_of(model: Any, scheme: MarkScheme) -> Any:
    """The difference of the head's rows for keeping and dropping, float32, shape (width,)."""
    weight = model.get_output_embeddings().weight
    return (weight[scheme.keep] - weight[scheme.drop]).detach().float()


def batches(sheets: Sequence[Sheet], most_tokens: int) -> list[list[int]]:
    """Positions of sheets in passes of at most so many tokens, like lengths together; a longer sheet goes alone."""
    found: list[list[int]] = []
    room = 0
    for position in sorted(range(len(sheets)), key=lambda at: len(sheets[at])):
        if not found or len(sheets[position]) > room:
            found.append([])
            room = most_tokens
        found[-1].append(position)
        room -= len(sheets[position])
    return found
