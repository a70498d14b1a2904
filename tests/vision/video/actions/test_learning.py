"""The network of actions against its equations, how it is taught, and how it is kept and read back."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.vision.video.actions.made_features import CLASSES, made_videos
from vision.errors import ActionsError
from vision.video.actions import learning
from vision.video.actions.features import Recipe, measured
from vision.video.actions.learning import (
    FILE,
    MODEL,
    WEIGHTS,
    ActionModel,
    exchange,
    fitting_layers,
    learn,
    loss_of,
    unsmoothness,
)
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

SMALL = Recipe(graph=True, self_supervision=True, epochs=3, layers=3, stages=2, width=8)
VIDEOS = made_videos(3, seed=1)
SHAPE = NetworkShape(channels=7, classes=4, layers=3, stages=3, width=8, graph=True)


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        yield


@pytest.fixture(scope="module")
def model() -> ActionModel:
    return learn(VIDEOS, CLASSES, SMALL)


def weights(model: ActionModel) -> list[torch.Tensor]:
    return list(model.network.state_dict().values())


def same(one: ActionModel, other: ActionModel) -> bool:
    return all(torch.equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))


@pytest.mark.parametrize(("frames", "layers"), [(1, 1), (3, 2), (4, 3), (511, 9), (9999, 10)])
def test_no_dilation_exceeds_the_shortest_video(frames: int, layers: int) -> None:
    assert fitting_layers(frames, 10) == layers and 2 ** (layers - 1) <= frames


def test_a_taught_network_has_no_deeper_stage() -> None:
    videos = [replace(video, values=video.values[:20], labels=video.labels[:20]) for video in made_videos(2, 1)]  # type: ignore[index]
    assert learn(videos, CLASSES, Recipe(epochs=1, width=8)).network.shape.layers == 5


@pytest.mark.parametrize("frames", [1, 9, 10, 101])
def test_a_fifth_of_the_frames_change_places_in_pairs(frames: int) -> None:
    order, exchanged = exchange(frames)
    assert sorted(order.tolist()) == list(range(frames))
    assert torch.equal(order[order], torch.arange(frames))
    assert torch.equal(exchanged[0] == 1, order != torch.arange(frames))
    assert int(exchanged.sum()) == 2 * int(0.2 * (frames // 2))


def test_the_loss_is_the_sum_of_its_terms() -> None:
    truth, exchanged = torch.tensor([[0, 1, 2, 2]]), torch.tensor([[0, 1, 0, 1]])
    said = [(torch.randn(2, 3, 4), torch.randn(2, 2, 4)) for _ in range(2)]
    expected = torch.zeros(())
    for actions, exchange_logits in said:
        for video, weight in ((0, 1.0), (1, 0.5)):
            logs = actions[video].log_softmax(0)
            expected += weight * -sum(logs[truth[0, t], t] for t in range(4)) / 4
            squares = [min(16.0, float((logs[c, t] - logs[c, t - 1]) ** 2)) for c in range(3) for t in range(1, 4)]
            expected += 0.15 * sum(squares) / len(squares)
        expected += 2 * functional.cross_entropy(exchange_logits[1:], exchanged)
    torch.testing.assert_close(loss_of(said, truth, exchanged), expected)
    alone = said[0][0][:1]
    expected = functional.cross_entropy(alone, truth) + 0.15 * unsmoothness(alone)
    torch.testing.assert_close(loss_of([(alone, said[0][1][:1])], truth, None), expected)


def test_a_step_is_cut_off_and_moves_its_later_frame() -> None:
    logits = torch.tensor([[[0.0, 90.0], [0.0, -90.0]]], requires_grad=True)
    assert unsmoothness(logits).item() == pytest.approx((np.log(2) ** 2 + 16) / 2, rel=1e-4)
    mild = torch.tensor([[[0.0, 1.0], [0.0, 0.0]]], requires_grad=True)
    unsmoothness(mild).backward()
    assert mild.grad is not None and mild.grad[..., 0].abs().max() == 0 < mild.grad[..., 1].abs().max()


@pytest.mark.parametrize(("graph", "self_supervision"), [(True, False), (False, True)])
def test_order_and_neighbours_beat_each_frame_by_itself(graph: bool, self_supervision: bool) -> None:
    recipe = Recipe(graph, self_supervision, epochs=8, learning_rate=3e-3, layers=4, stages=2, width=16)
    model = learn(made_videos(8, seed=1), CLASSES, recipe)
    test = made_videos(6, seed=2)
    truth = [video.labels for video in test if video.labels is not None]
    alone = measured(truth, [video.values.argmax(1) for video in test], model.background)
    figures = measured(truth, [model.labels(video) for video in test], model.background)
    assert alone.accuracy < 65
    assert figures.accuracy > alone.accuracy + 15 and figures.edit > alone.edit + 20


def test_the_same_seed_gives_the_same_network_and_another_one_another_and_others_keep_theirs(
    model: ActionModel,
) -> None:
    state = torch.get_rng_state()
    assert same(learn(VIDEOS, CLASSES, SMALL), model)
    assert torch.equal(torch.get_rng_state(), state)
    assert not same(learn(VIDEOS, CLASSES, replace(SMALL, seed=2)), model)


class Stopped(Exception):
    pass


def test_a_stopped_run_ends_with_the_weights_of_one_that_was_not(model: ActionModel, tmp_path: Path) -> None:
    def stop(line: str) -> None:
        if line.startswith("epoch 1 of"):
            raise Stopped

    with pytest.raises(Stopped):
        learn(VIDEOS, CLASSES, SMALL, tmp_path, stop)
    said: list[str] = []
    assert same(learn(VIDEOS, CLASSES, SMALL, tmp_path, said.append), model)
    assert said[0] == "goes on behind epoch 1" and len(said) == SMALL.epochs


def test_a_checkpoint_that_is_of_other_settings_or_videos_or_damaged_is_refused(tmp_path: Path) -> None:
    recipe = replace(SMALL, epochs=1)
    learn(VIDEOS, CLASSES, recipe, tmp_path)
    with pytest.raises(ActionsError, match=r"width was 8, now 9"):
        learn(VIDEOS, CLASSES, replace(recipe, width=9), tmp_path)
    with pytest.raises(ActionsError, match="digest was"):
        learn(made_videos(3, seed=2), CLASSES, recipe, tmp_path)
    path = tmp_path / FILE
    for content in (path.read_bytes()[:-100], b"no tensors", b""):
        path.write_bytes(content)
        with pytest.raises(ActionsError, match=r"cannot be read .* delete it to begin anew"):
            learn(VIDEOS, CLASSES, recipe, tmp_path)


def test_what_cannot_be_learned_from_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, _ = VIDEOS
    for videos, classes, message in (
        ([], CLASSES, "there is no video to learn from"),
        ([replace(first, labels=None)], CLASSES, "has no labels to learn from"),
        ([first, replace(second, rate=25.0)], CLASSES, "have from 2 to 25 frames a second"),
        ([first], CLASSES[:2], "frames of class 3, but there are names for 0 to 1 alone"),
    ):
        with pytest.raises(ActionsError, match=message):
            learn(videos, classes, SMALL)
    monkeypatch.setattr(learning, "LONGEST", 10)
    with pytest.raises(ActionsError, match="more than 10"):
        learn([first], CLASSES, SMALL)


@pytest.mark.parametrize(("name", "value"), [("epochs", 0), ("layers", 0), ("learning_rate", 0.0), ("width", -1)])
def test_a_recipe_that_cannot_be_is_refused(name: str, value: float) -> None:
    with pytest.raises(ActionsError, match=name):
        Recipe(**{name: value})  # type: ignore[arg-type]


def test_a_channel_that_never_changes_does_no_harm() -> None:
    videos = [replace(v, values=np.pad(v.values, ((0, 0), (0, 1)), constant_values=3)) for v in made_videos(2, 1)]
    assert all(torch.isfinite(value).all() for value in weights(learn(videos, CLASSES, replace(SMALL, epochs=1))))


def test_a_model_is_read_as_it_was_written(model: ActionModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    read = ActionModel.load(tmp_path / "model")
    told = (CLASSES, 2.0, model.recipe, model.network.shape)
    assert (read.classes, read.rate, read.recipe, read.network.shape) == told
    for video in made_videos(3, seed=2):
        assert np.array_equal(read.labels(video), model.labels(video))


def test_background_is_the_class_of_that_name(model: ActionModel) -> None:
    assert model.background == 0
    assert replace(model, classes=("G1", "G2", "G3", "G4")).background is None


def test_other_features_are_refused(model: ActionModel) -> None:
    (video,) = made_videos(1, seed=2)
    with pytest.raises(ActionsError, match="has 3 channels a frame, but the model was taught with 4"):
        model.labels(replace(video, values=video.values[:, :3]))
    with pytest.raises(ActionsError, match="has 30 frames a second, but the model was taught with 2"):
        model.labels(replace(video, rate=30.0))
    assert len(model.labels(replace(video, rate=None))) == len(video)
    with pytest.raises(ActionsError, match="frames of class 9, but the model knows 0 to 3 alone"):
        model.check_labels([replace(video, labels=np.full(len(video), 9))])


def changed(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def rewritten(**values: object) -> Callable[[Path], object]:
    return changed(MODEL, lambda content: json.dumps({**json.loads(content), **values}).encode())


OTHER_SHAPE = {"channels": 4, "classes": 4, "layers": 2, "stages": 2, "width": 8, "graph": True}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (changed(MODEL, lambda content: content[:50]), "cannot be read"),
        (changed(MODEL, lambda content: b"[]"), "cannot be read"),
        (changed(WEIGHTS, lambda content: content[:-8]), r"weights.safetensors is not what model.json says"),
        (lambda folder: (folder / WEIGHTS).unlink(), "cannot be read"),
        (rewritten(classes=["one", "two"]), "2 names for 4 classes"),
        (rewritten(classes=[]), "cannot be read"),
        (rewritten(shape=OTHER_SHAPE), "cannot be read"),
        (rewritten(shape={"depth": 4}), "cannot be read"),
        (rewritten(format=99), "has the format 99, not 1"),
        (lambda folder: (folder / MODEL).unlink(), "holds no model of actions"),
    ],
)
def test_a_damaged_model_is_refused(
    model: ActionModel, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    model.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(ActionsError, match=message):
        ActionModel.load(tmp_path)


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
