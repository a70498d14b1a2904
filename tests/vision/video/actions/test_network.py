from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from vision.video.actions.network import (
    ActionNetwork,
    ConvolutionLayer,
    Dropout,
    GraphLayer,
    NetworkShape,
    cosine_adjacency,
    folded,
    products,
    shifted,
    weighted_sum,
)

SHAPE = NetworkShape(channels=7, classes=4, layers=3, stages=3, width=8, graph=True)


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        yield


def nodes(x: torch.Tensor, t: int, dilation: int) -> list[torch.Tensor]:
    """The three nodes of the window on frame t of one video (channels, frames), zeros outside."""
    frames = x.shape[-1]
    return [x[:, s] if 0 <= s < frames else torch.zeros_like(x[:, 0]) for s in (t - dilation, t, t + dilation)]


def slow_cosine(x: torch.Tensor, dilation: int) -> torch.Tensor:
    """The adjacency of one video frame by frame: (3, 3, frames)."""
    windows = []
    for t in range(x.shape[-1]):
        window = nodes(x, t, dilation)
        alike = torch.stack([torch.stack([functional.cosine_similarity(a, b, 0) for b in window]) for a in window])
        windows.append(functional.softmax(alike, 1))
    return torch.stack(windows, -1)


def slow_fold(edges: torch.Tensor, supports: torch.Tensor, dilation: int) -> torch.Tensor:
    """A X W of each window, added into the frames that its nodes are."""
    frames = supports.shape[-1]
    total = torch.zeros_like(supports)
    for t in range(frames):
        said = edges[..., t] @ torch.stack(nodes(supports, t, dilation))
        for node, s in enumerate((t - dilation, t, t + dilation)):
            if 0 <= s < frames:
                total[:, s] += said[node]
    return total


@pytest.mark.parametrize("dilation", [1, 3, 20])
def test_the_cosine_adjacency_and_folding_are_those_of_each_window(dilation: int) -> None:
    x = torch.randn(2, 5, 16)
    found = cosine_adjacency(x, dilation)
    assert found.shape == (2, 3, 3, 16)
    for video in range(2):
        torch.testing.assert_close(found[video], slow_cosine(x[video], dilation), rtol=1e-4, atol=1e-5)
    edges, supports = torch.randn(3, 3, 16), torch.randn(5, 16)
    torch.testing.assert_close(folded(edges, supports, dilation), slow_fold(edges, supports, dilation))


def test_layers_are_their_equations() -> None:
    layer, x = GraphLayer(6, 2, dropout=0.5).eval(), torch.randn(1, 6, 11)
    torch.nn.init.normal_(layer.bias)
    learned = functional.softmax(layer.adjacency(x)[0], 0).reshape(3, 3, 11)
    first, second = layer.supports(x)[0].split(6)
    y = functional.relu(slow_fold(slow_cosine(x[0], 2), first, 2) + layer.bias[0])
    y = y + functional.relu(slow_fold(learned, second, 2) + layer.bias[1])
    torch.testing.assert_close(layer(x), x + layer.mixed(y[None]), rtol=1e-4, atol=1e-5)

    plain = ConvolutionLayer(6, 4, dropout=0.5).eval()
    weight, bias = plain.dilated.weight, plain.dilated.bias
    assert bias is not None
    frames = [torch.einsum("ock,kc->o", weight, torch.stack(nodes(x[0], t, 4))) + bias for t in range(11)]
    expected = x + plain.mixed(functional.relu(torch.stack(frames, -1))[None])
    torch.testing.assert_close(plain(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("steps", [(0,), (-2, 0, 3), (-9, 1, 9)])
def test_the_kernels_have_the_gradients_that_differences_have(steps: tuple[int, ...]) -> None:
    one, other = (torch.randn(2, 3, 7, dtype=torch.float64, requires_grad=True) for _ in range(2))
    weights = torch.randn(2, len(steps), 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: products(a, b, steps), (one, other))
    assert torch.autograd.gradcheck(lambda a: products(a, a, steps), (one,))
    assert torch.autograd.gradcheck(lambda w, b: weighted_sum(w, b, steps), (weights, other))


def test_shifting_takes_zeros_from_outside() -> None:
    for by in (-9, -2, 0, 2, 9):
        expected = [float(t + by + 1) if 0 <= t + by < 5 else 0.0 for t in range(5)]
        assert shifted(torch.arange(1.0, 6.0), by).tolist() == expected


@pytest.mark.parametrize("frames", [1, 2, 30])
def test_every_stage_speaks_of_every_frame_the_later_ones_by_graphs(frames: int) -> None:
    for graph, later in ((True, GraphLayer), (False, ConvolutionLayer)):
        network = ActionNetwork(replace(SHAPE, graph=graph))
        said = network(torch.randn(2, 7, frames))
        shapes = [(actions.shape, exchanged.shape) for actions, exchanged in said]
        assert shapes == [((2, 4, frames), (2, 2, frames))] * 3
        kinds = [{type(layer) for layer in stage.layers} for stage in network.stages]  # type: ignore[union-attr]
        assert kinds == [{ConvolutionLayer}, {later}, {later}]


def test_scaling_undoes_units_of_the_features() -> None:
    network, x = ActionNetwork(SHAPE).eval(), torch.randn(1, 7, 9)
    plain = network(x)[-1][0]
    network.mean.fill_(5.0)
    network.deviation.fill_(100.0)
    torch.testing.assert_close(network(100 * x + 5)[-1][0], plain, rtol=1e-3, atol=1e-4)


def test_dropout_keeps_the_mean_and_is_off_outside_training() -> None:
    dropout, x = Dropout(0.25), torch.ones(200_000)
    kept = dropout(x)
    assert kept.unique().tolist() == pytest.approx([0, 4 / 3])
    assert kept.mean().item() == pytest.approx(1, abs=0.01)
    assert torch.equal(dropout.eval()(x), x)
