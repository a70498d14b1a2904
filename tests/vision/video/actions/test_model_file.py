from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.vision.video.actions.made_features import CLASSES, made_videos
from vision.errors import ActionsError
from vision.video.actions.features import Recipe
from vision.video.actions.learning import MODEL, WEIGHTS, ActionModel, learn


@pytest.fixture(scope="module")
def model() -> ActionModel:
    return learn(
        made_videos(2, seed=1),
        CLASSES,
        Recipe(graph=True, self_supervision=True, epochs=2, layers=3, stages=2, width=8),
    )


def test_a_model_is_read_as_it_was_written(model: ActionModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    read = ActionModel.load(tmp_path / "model")
    assert (read.classes, read.rate, read.recipe, read.network.shape) == (
        CLASSES, 2.0, model.recipe, model.network.shape,
    )  # fmt: skip
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


def changed(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return damage


def rewritten(**values: object) -> Callable[[Path], None]:
    return changed(MODEL, lambda content: json.dumps({**json.loads(content), **values}).encode())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (changed(MODEL, lambda content: content[:50]), "cannot be read"),
        (changed(MODEL, lambda content: b"[]"), "cannot be read"),
        (changed(WEIGHTS, lambda content: content[:-8]), r"weights.safetensors is not what model.json says"),
        (lambda folder: (folder / WEIGHTS).unlink(), "cannot be read"),
        (rewritten(classes=["one", "two"]), "2 names for 4 classes"),
        (rewritten(classes=[]), "cannot be read"),
        (
            rewritten(shape={"channels": 4, "classes": 4, "layers": 2, "stages": 2, "width": 8, "graph": True}),
            "cannot be read",
        ),
        (rewritten(shape={"depth": 4}), "cannot be read"),
        (rewritten(format=99), "has the format 99, not 1"),
        (lambda folder: (folder / MODEL).unlink(), "holds no model of actions"),
    ],
)
def test_a_damaged_model_is_refused(
    model: ActionModel, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    model.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(ActionsError, match=message):
        ActionModel.load(tmp_path)
