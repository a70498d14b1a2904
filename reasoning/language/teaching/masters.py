"""Float32 copies of parameters in a shorter format: small updates would be lost in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Masters:
    """What the optimizer updates: the parameters themselves where they are float32, else copies.

    Args:
        parameters: that are taught.

    Attributes:
        copies: in their order.
    """

    def __init__(self, parameters: Sequence[Any]) -> None:
        import torch

        self._parameters = list(parameters)
        self.copies = [p if p.dtype == torch.float32 else p.detach().float().clone() for p in self._parameters]

    def take_gradients(self) -> None:
        """Move the gradients of one pass to the copies."""
        for parameter, copy in zip(self._parameters, self.copies, strict=True):
            if copy is not parameter and parameter.grad is not None:
                copy.grad = parameter.grad.float()
                parameter.grad = None

    def give_back(self) -> None:
        """Write the updated copies into the parameters, and forget the gradients."""
        for parameter, copy in zip(self._parameters, self.copies, strict=True):
            if copy is not parameter:
                parameter.data.copy_(copy)
            copy.grad = None
