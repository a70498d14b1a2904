"""Runs of a tiny student through the stages: what is taught in each, and how one goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reasoning.lm.errors import LLMError
from reasoning.lm.low_rank import WEIGHTS_FILE
from tests.vision.decoder.tiny_decoders import GridTokens, decoder_model, options, save_blobs
from training.box_examples import Pictures, PictureSet, read_set
from training.boxes import prepare_boxes, train_boxes
from training.loop import CHECKPOINT, LOG_FILE, OPTIONS_FILE, TrainingError
from vision.decoder.detector import PROJECTOR_FILE, BoxWriting

pytestmark = pytest.mark.slow


def silent(line: str) -> None:
    """Says nothing."""


def weights(checkpoint: Path, name: str) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return dict(load_file(checkpoint / name))


def logged(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / LOG_FILE).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> PictureSet:
    return read_set(save_blobs(tmp_path_factory.mktemp("pictures") / "blobs", 20, (48, 32)))


@pytest.fixture(scope="module")
def bound(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of the first stage."""
    out = tmp_path_factory.mktemp("runs") / "binding"
    train_boxes(options(model, tokens=800, learning_rate=5e-3), out, silent, GridTokens())
    return out


@pytest.fixture(scope="module")
def projected(model: Path, bound: Path, pictures: PictureSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of the second stage, which began with the first."""
    out = tmp_path_factory.mktemp("runs") / "projector"
    asked = options(
        model, stage="projector", text=0.0, tokens=4000, report_every=1000, learning_rate=5e-3, fixed_tokens=True
    )
    train_boxes(asked, out, silent, GridTokens(), [pictures], start=bound / CHECKPOINT)
    return out


def test_binding_teaches_the_language_model_and_the_words_of_the_projector(model: Path, bound: Path) -> None:
    taught = weights(bound / CHECKPOINT, WEIGHTS_FILE)
    assert all(matrix.any() for name, matrix in taught.items() if "lora_B" in name)
    projector = weights(bound / CHECKPOINT, PROJECTOR_FILE)
    assert not torch.equal(projector["kinds"][0], projector["kinds"][1])
    assert torch.equal(projector["mean"], torch.zeros(4)), "no picture was measured"
    writing = BoxWriting.read(bound / CHECKPOINT)
    assert (writing.stages, writing.source, writing.student) == (("binding",), ("grid", "grid first"), str(model))
    assert writing.vocabulary == GridTokens.vocabulary


@pytest.mark.parametrize("changed", [{"hidden": 48}, {"guided": True, "from_scores": False, "from_boxes": False}])
def test_texts_know_no_pictures_so_what_sees_these_may_be_of_any_shape_in_the_next_stage(
    model: Path, bound: Path, changed: dict[str, Any]
) -> None:
    learner, _ = prepare_boxes(options(model, **changed), GridTokens(), bound / CHECKPOINT)
    taught = weights(bound / CHECKPOINT, PROJECTOR_FILE)
    projector = learner.network.projector
    for name in ("kinds", "none", "locations"):
        assert torch.equal(projector.state_dict()[name], taught[name].float())
    assert {name: getattr(projector.shape, name) for name in changed} == changed
    assert learner.writing.shape == projector.shape


def test_the_projector_is_taught_and_the_language_model_left_alone(
    bound: Path, projected: Path, pictures: PictureSet, tmp_path: Path
) -> None:
    before, after = (weights(out / CHECKPOINT, WEIGHTS_FILE) for out in (bound, projected))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    before, after = (weights(out / CHECKPOINT, PROJECTOR_FILE) for out in (bound, projected))
    assert all(not torch.equal(before[name], after[name]) for name in before)
    assert BoxWriting.read(projected / CHECKPOINT).stages == ("binding", "projector")
    # With the same class tokens all along: to bind them anew for each prompt is too much for so small a model.
    lines = logged(projected)
    assert lines[-1]["held_out_wrong_marks"]["images"] < lines[0]["held_out_wrong_marks"]["images"]
    taught = Pictures(pictures.split()[0], GridTokens(), 8, tmp_path, silent)
    features = np.concatenate([taught[place].tokens.features for place in range(len(taught))])
    np.testing.assert_allclose(after["mean"], features.mean(0), atol=1e-4)
    np.testing.assert_allclose(after["deviation"], features.std(0, ddof=1), atol=1e-4)


def test_joint_teaches_both_and_keeps_how_features_were_measured(
    model: Path, projected: Path, pictures: PictureSet, tmp_path: Path
) -> None:
    asked = options(model, stage="joint", text=0.0, tokens=600, learning_rate=5e-3)
    train_boxes(asked, tmp_path, silent, GridTokens(), [pictures], start=projected / CHECKPOINT)
    for name in (WEIGHTS_FILE, PROJECTOR_FILE):
        before, after = (weights(out / CHECKPOINT, name) for out in (projected, tmp_path))
        same = {key for key in before if torch.equal(before[key], after[key])}
        assert same == ({"mean", "deviation"} if name == PROJECTOR_FILE else set())
    writing = BoxWriting.read(tmp_path / CHECKPOINT)
    assert writing.stages == ("binding", "projector", "joint")
    # A pass of at most 256 tokens is some dozen tokens of prompt and segments of 8 tokens, 2 of them with boxes.
    assert 600 // 32 < writing.pictures - BoxWriting.read(projected / CHECKPOINT).pictures <= 856 // 16
    fewer = PictureSet("blobs", pictures.paths[:9], pictures.truths[:9])
    for start, shown, other in ((projected / CHECKPOINT, fewer, "pictures"), (tmp_path, pictures, "start")):
        with pytest.raises(TrainingError, match=f"a run with other {other}"):
            train_boxes(asked, tmp_path, silent, GridTokens(), [shown], start=start)


def test_a_run_that_is_done_is_examined_and_not_taught_on(model: Path, bound: Path) -> None:
    before = (bound / CHECKPOINT / WEIGHTS_FILE).read_bytes()
    said: list[str] = []
    report = train_boxes(options(model, tokens=800, learning_rate=5e-3), bound, said.append, GridTokens())
    assert any(line.startswith("going on from") for line in said)
    assert (bound / CHECKPOINT / WEIGHTS_FILE).read_bytes() == before
    assert len(logged(bound)) == 1
    assert report.exact.keys() == logged(bound)[0]["held_out_exact"].keys()
    assert BoxWriting.read(bound / CHECKPOINT).stages == ("binding",), "the stage is noted once"


class TestRefusals:
    @pytest.mark.parametrize("stage", ["projector", "joint"])
    def test_a_stage_of_pictures_without_any(self, model: Path, tmp_path: Path, stage: str) -> None:
        with pytest.raises(TrainingError, match=f"{stage} is taught with pictures"):
            train_boxes(options(model, stage=stage), tmp_path / "run", silent, GridTokens())
        assert not (tmp_path / "run").exists()

    def test_other_options_or_another_detector_in_the_folder_of_a_run(self, model: Path, bound: Path) -> None:
        with pytest.raises(TrainingError, match="a run with other boxed, rank"):
            train_boxes(options(model, tokens=800, learning_rate=5e-3, rank=8, boxed=3), bound, silent, GridTokens())
        with pytest.raises(LLMError, match=r"checkpoint was taught on the image tokens of grid"):
            train_boxes(options(model, tokens=800, learning_rate=5e-3), bound, silent, GridTokens("second"))

    def test_an_adapter_of_another_detector_language_model_or_rank(
        self, model: Path, bound: Path, tmp_path: Path
    ) -> None:
        base = BoxWriting.read(bound / CHECKPOINT).base
        other = decoder_model(tmp_path / "model", seed=1)
        for asked, source, start, words in (
            (options(model), "second", bound / CHECKPOINT, r"fingerprint grid first\), not on those of grid"),
            (options(other), "first", bound / CHECKPOINT, rf"fingerprint {base}\) than this one \((?!{base})\w+"),
            (options(model, rank=8), "first", bound / CHECKPOINT, "matrices of rank 4, not 8"),
            (options(model, rank=8), "first", tmp_path / "nowhere", "nowhere holds no adapter that writes boxes"),
        ):
            with pytest.raises(LLMError, match=words):
                train_boxes(asked, tmp_path / "run", silent, GridTokens(source), start=start)
        assert not (tmp_path / "run" / OPTIONS_FILE).exists(), "what was refused may be given rightly"

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"hidden": 48}, "has hidden 32, not 48"),
            ({"from_scores": False}, "has from_scores True, not False"),
            ({"layers": 1}, "is for 2 layers, not 1"),
        ],
    )
    def test_an_adapter_of_another_shape_that_knows_pictures(
        self, model: Path, projected: Path, pictures: PictureSet, tmp_path: Path, changed: dict[str, Any], words: str
    ) -> None:
        asked = options(model, stage="joint", **changed)
        with pytest.raises(LLMError, match=words):
            train_boxes(asked, tmp_path, silent, GridTokens(), [pictures], start=projected / CHECKPOINT)
