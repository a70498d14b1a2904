"""Sums over frames that lie a fixed step apart, the kernels of the graph layers.

A layer relates each frame to a few others, all of them multiples of its dilation away. Written with shifted copies of a
video it takes a hundred small operations, each of them recorded to be gone back through; here are two kernels, and
each is what the other's gradient is made of, as with the products of a sparse matrix.

Frames outside the video are zeros.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

Steps = tuple[int, ...]


def shifted(values: torch.Tensor, by: int) -> torch.Tensor:
    """What stands `by` frames later along the last axis, 0 where that is outside the video; shape kept."""
    frames = values.shape[-1]
    if abs(by) >= frames:
        return torch.zeros_like(values)
    return functional.pad(values[..., max(0, by) : frames + min(0, by)], (max(0, -by), max(0, by)))


def products(one: torch.Tensor, other: torch.Tensor, steps: Steps) -> torch.Tensor:
    """The scalar products of each frame with those `steps` later: sum over c of one[c, t] other[c, t + step].

    Args:
        one, other: shape (..., channels, frames).
        steps: in frames.

    Returns:
        Shape (..., steps, frames).
    """
    result: torch.Tensor = _Products.apply(one, other, steps)  # type: ignore[no-untyped-call]
    return result


def weighted_sum(weights: torch.Tensor, values: torch.Tensor, steps: Steps) -> torch.Tensor:
    """The sum of frames, each with a weight of its own: sum over m of weights[m, t] values[c, t + steps[m]].

    Args:
        weights: shape (..., steps, frames).
        values: shape (..., channels, frames).
        steps: in frames.

    Returns:
        Shape (..., channels, frames).
    """
    result: torch.Tensor = _WeightedSum.apply(weights, values, steps)  # type: ignore[no-untyped-call]
    return result


class _Products(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, one: torch.Tensor, other: torch.Tensor, steps: Steps) -> torch.Tensor:
        context.save_for_backward(one, other)
        context.steps = steps
        return _products(one, other, steps)

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        one, other = context.saved_tensors
        (gradient,) = gradients
        steps = context.steps
        return _weighted_sum(gradient, other, steps), _weighted_sum(*_turned(gradient, one, steps)), None


class _WeightedSum(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, weights: torch.Tensor, values: torch.Tensor, steps: Steps) -> torch.Tensor:
        context.save_for_backward(weights, values)
        context.steps = steps
        return _weighted_sum(weights, values, steps)

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        weights, values = context.saved_tensors
        (gradient,) = gradients
        steps = context.steps
        return _products(gradient, values, steps), _weighted_sum(*_turned(weights, gradient, steps)), None


def _turned(weights: torch.Tensor, values: torch.Tensor, steps: Steps) -> tuple[torch.Tensor, torch.Tensor, Steps]:
    """The same weights between the same frames, seen from the other end of each step."""
    turned = torch.stack([shifted(weights[..., m, :], -step) for m, step in enumerate(steps)], -2)
    return turned, values, tuple(-step for step in steps)


def _products(one: torch.Tensor, other: torch.Tensor, steps: Steps) -> torch.Tensor:
    result = one.new_zeros(*one.shape[:-2], len(steps), one.shape[-1])
    for m, step in enumerate(steps):
        here, there = _ends(step, one.shape[-1])
        result[..., m, here] = (one[..., here] * other[..., there]).sum(-2)
    return result


def _weighted_sum(weights: torch.Tensor, values: torch.Tensor, steps: Steps) -> torch.Tensor:
    result = torch.zeros_like(values)
    for m, step in enumerate(steps):
        here, there = _ends(step, values.shape[-1])
        result[..., here].addcmul_(weights[..., m, None, here], values[..., there])
    return result


def _ends(step: int, frames: int) -> tuple[slice, slice]:
    """The frames for which the frame `step` later is in the video, and those later ones."""
    here = slice(min(frames, max(0, -step)), max(0, min(frames, frames - step)))
    return here, slice(min(frames, max(0, step)), max(0, min(frames, frames + step)))
