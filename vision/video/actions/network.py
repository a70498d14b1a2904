"""The network that reasons over a video's frames at several time scales (DTGRM, Wang et al. 2021).

The first stage judges each frame by a dilated temporal convolution network; every later stage refines the judgement
by relations between frames. Its layer of dilation d sees frame t in a graph of three nodes, t - d, t and t + d, whose
edges are weighted twice: by how alike the nodes are, and by what a convolution makes of them. Written with shifted
copies a layer takes a hundred small operations; here are two kernels, and each is what the other's gradient is made
of.

Frames outside the video are nodes of zeros, and no window stands on them. Tensors are (videos, channels, frames).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
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

    Of two tensors of shape (..., channels, frames); gives shape (..., steps, frames).

    Returns:
        Shape (..., steps, frames).
    """
    result: torch.Tensor = _Kernel.apply(False, one, other, steps)  # type: ignore[no-untyped-call]
    return result


def weighted_sum(weights: torch.Tensor, values: torch.Tensor, steps: Steps) -> torch.Tensor:
    """The sum of frames, each with a weight of its own: sum over m of weights[m, t] values[c, t + steps[m]].

    Of weights of shape (..., steps, frames) and values of shape (..., channels, frames), which is kept.

    Returns:
        Shape (..., channels, frames).
    """
    result: torch.Tensor = _Kernel.apply(True, weights, values, steps)  # type: ignore[no-untyped-call]
    return result


class _Kernel(torch.autograd.Function):
    """`_products` or `_weighted_sum`: each is what the gradient of the other's first argument is made of."""

    @staticmethod
    def forward(context: Any, summed: bool, one: torch.Tensor, other: torch.Tensor, steps: Steps) -> torch.Tensor:
        context.save_for_backward(one, other)
        context.summed, context.steps = summed, steps
        return (_weighted_sum if summed else _products)(one, other, steps)

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[None, torch.Tensor, torch.Tensor, None]:
        (one, other), (gradient,), steps = context.saved_tensors, gradients, context.steps
        first = (_products if context.summed else _weighted_sum)(gradient, other, steps)
        weights, values = (one, gradient) if context.summed else (gradient, one)
        return None, first, _weighted_sum(*_turned(weights, values, steps)), None


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


NODES = 3
"""Of the graph around a frame: before, at and after it."""


@dataclass(frozen=True)
class NetworkShape:
    """What a network is made of.

    Attributes:
        channels: of a frame's features.
        classes: of actions.
        layers: of each stage; layer i has dilation 2^i.
        stages: the first included.
        width: channels inside.
        graph: whether the later stages are of graph layers; else they are of convolutions like the first.
        dropout: share of a layer's result that is dropped in training.
    """

    channels: int
    classes: int
    layers: int
    stages: int
    width: int
    graph: bool
    dropout: float = 0.5


class Dropout(nn.Module):
    """What `nn.Dropout` does; on a processor that one draws four times as long as a layer's product takes."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape kept; the same where the network is not in training."""
        if not self.training or not self.share:
            return x
        return x * (torch.rand_like(x) >= self.share) / (1 - self.share)


class ConvolutionLayer(nn.Module):
    """x + Drop(W ReLU(DilatedConv3(x))), the layer of MS-TCN (Farha and Gall 2019, arXiv 1903.01945)."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.dilated = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.mixed = nn.Conv1d(width, width, 1)
        self.dropout = Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape kept."""
        result: torch.Tensor = x + self.dropout(self.mixed(functional.relu(self.dilated(x))))
        return result


class GraphLayer(nn.Module):
    """x + Drop(W y) with y = ReLU(fold(A_cos X W1) + b1) + ReLU(fold(A_learn X W2) + b2).

    X are the three nodes of a frame's window, A_cos their cosine similarities behind a softmax over the nodes that one
    takes from, A_learn a dilated convolution behind a softmax over its nine numbers; fold adds what the windows say of
    the same frame.

    (In the authors' code the softmax of A_cos goes over all frames of the video, which leaves each edge about one over
    their number and the first term without effect.)
    """

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.dilation = dilation
        self.supports = nn.Conv1d(width, 2 * width, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(2, width, 1))
        self.adjacency = nn.Conv1d(width, NODES * NODES, NODES, padding=dilation, dilation=dilation)
        self.mixed = nn.Conv1d(width, width, 1)
        self.dropout = Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape kept."""
        videos, width, frames = x.shape
        learned = functional.softmax(self.adjacency(x), 1).view(videos, NODES, NODES, frames)
        edges = torch.stack([cosine_adjacency(x, self.dilation), learned], 1)
        supports = self.supports(x).view(videos, 2, width, frames)
        relations = functional.relu(folded(edges, supports, self.dilation) + self.bias).sum(1)
        result: torch.Tensor = x + self.dropout(self.mixed(relations))
        return result


def cosine_adjacency(x: torch.Tensor, dilation: int) -> torch.Tensor:
    """How alike the nodes of each frame's window are, behind a softmax over the last of the two node axes.

    Returns:
        Shape (videos, 3, 3, frames); the cosine with a node outside the video is 0.
    """
    squares, near, far = products(x, x, (0, dilation, 2 * dilation)).unbind(1)
    inverse = squares.clamp(min=1e-12).rsqrt()
    own = squares * inverse * inverse  # 1, but 0 for a frame of zeros
    after = near * inverse * shifted(inverse, dilation)
    across = shifted(far * inverse * shifted(inverse, 2 * dilation), -dilation)
    before, first, last = shifted(after, -dilation), shifted(own, -dilation), shifted(own, dilation)
    alike = torch.stack([first, before, across, before, own, after, across, after, last], 1)
    return functional.softmax(alike.reshape(len(x), NODES, NODES, -1), 2)


def folded(edges: torch.Tensor, supports: torch.Tensor, dilation: int) -> torch.Tensor:
    """The sum over all windows of what each says of a frame.

    Node k of the window on t says edges[j, k] supports[k] of node j. So what is said of frame s comes from the five
    frames s - 2d to s + 2d, and the weights of edges from the same frame are added before they are multiplied.

    Args:
        edges: shape (..., 3, 3, frames): window by window, the weight of node k in what is said of node j.
        supports: shape (..., width, frames): X W.
        dilation: d.

    Returns:
        Shape (..., width, frames).
    """
    # Row j of a window on t speaks of frame t + (j - 1) d, so frame s is spoken of by the window on s - (j - 1) d.
    first, middle, last = (shifted(edges[..., j, :, :], (1 - j) * dilation).unbind(-2) for j in range(NODES))
    weights = torch.stack(
        [last[0], middle[0] + last[1], first[0] + middle[1] + last[2], first[1] + middle[2], first[2]], -2
    )
    return weighted_sum(weights, supports, tuple(step * dilation for step in range(1 - NODES, NODES)))


class Stage(nn.Module):
    """A stack of layers with a head for the actions, and one for which frames were exchanged."""

    def __init__(self, channels: int, shape: NetworkShape, graph: bool) -> None:
        super().__init__()
        kind = GraphLayer if graph else ConvolutionLayer
        self.entry = nn.Conv1d(channels, shape.width, 1)
        self.layers = nn.ModuleList(kind(shape.width, 2**i, shape.dropout) for i in range(shape.layers))
        self.actions = nn.Conv1d(shape.width, shape.classes, 1)
        self.exchanged = nn.Conv1d(shape.width, 2, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The logits of the actions, shape (videos, classes, frames), and of exchange, shape (videos, 2, frames)."""
        x = self.entry(x)
        for layer in self.layers:
            x = layer(x)
        return self.actions(x), self.exchanged(x)


class ActionNetwork(nn.Module):
    """All stages; it knows how the features that it is given are scaled."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("mean", torch.zeros(shape.channels, 1))
        self.register_buffer("deviation", torch.ones(shape.channels, 1))
        later = [Stage(shape.classes, shape, shape.graph) for _ in range(shape.stages - 1)]
        self.stages = nn.ModuleList([Stage(shape.channels, shape, False), *later])

    def forward(self, features: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """What each stage says of videos of one length, shape (videos, channels, frames): see `Stage`."""
        x = (features - self.mean) / self.deviation
        said: list[tuple[torch.Tensor, torch.Tensor]] = []
        for stage in self.stages:
            said.append(stage(x))
            x = functional.softmax(said[-1][0], 1)
        return said
