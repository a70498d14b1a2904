"""Sheets: what a model that marks reads in one pass, packed behind each other, none seeing the others, no padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Sheet:
    """Token ids with the places where the model says whether what it just read is an answer.

    Attributes:
        tokens: int64, shape (t,).
        places: positions in `tokens` behind which the model marks, int64, shape (p,).
        candidates: what each mark keeps or drops, by number, int32, shape (p,); one candidate may have several marks.
    """

    tokens: NDArray[np.int64]
    places: NDArray[np.int64]
    candidates: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.tokens)


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
    sheet_of = torch.tensor(np.repeat(np.arange(len(sheets)), lengths), device=device)
    tokens = torch.tensor(np.concatenate([sheet.tokens for sheet in sheets]), device=device)
    positions = torch.tensor(np.concatenate([np.arange(length) for length in lengths]), device=device)
    order = torch.arange(len(tokens), device=device)
    visible = (sheet_of[:, None] == sheet_of[None, :]) & (order[:, None] >= order[None, :])
    dtype = next(decoder.parameters()).dtype
    mask = torch.zeros(visible.shape, dtype=dtype, device=device).masked_fill_(~visible, torch.finfo(dtype).min)
    output = decoder(
        input_ids=tokens[None], attention_mask=mask[None, None], position_ids=positions[None], use_cache=False
    )
    starts = np.cumsum([0, *lengths[:-1]])
    places = np.concatenate([sheet.places + start for sheet, start in zip(sheets, starts, strict=True)])
    hidden = output.last_hidden_state[0, torch.tensor(places, device=device)]
    return hidden.float() @ readout


def batches(sheets: Sequence[Sheet], most_tokens: int) -> list[list[int]]:
    """Positions of sheets in passes of at most so many tokens, like lengths together; a longer sheet goes alone."""
    passes: list[list[int]] = []
    room = 0
    for position in sorted(range(len(sheets)), key=lambda at: len(sheets[at])):
        if not passes or len(sheets[position]) > room:
            passes.append([])
            room = most_tokens
        passes[-1].append(position)
        room -= len(sheets[position])
    return passes
