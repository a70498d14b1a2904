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
from training.loop import CHECKPOINT, LOG_FILE, TrainingError
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
        model, stage="projector", text=0.0, tokens=12_000, report_every=1500, learning_rate=5e-3, fixed_tokens=True
    )
    train_boxes(asked, out, silent, GridTokens(), [pictures], start=bound / CHECKPOINT)
    return out


class TestBinding:
    def test_it_teaches_the_language_model_and_the_words_of_the_projector(self, model: Path, bound: Path) -> None:
        taught = weights(bound / CHECKPOINT, WEIGHTS_FILE)
        assert all(matrix.any() for name, matrix in taught.items() if "lora_B" in name)
        projector = weights(bound / CHECKPOINT, PROJECTOR_FILE)
        assert not torch.equal(projector["kinds"][0], projector["kinds"][1])
        assert torch.equal(projector["mean"], torch.zeros(4)), "no picture was measured"

    def test_its_adapter_says_what_it_was_taught_and_with_what(self, model: Path, bound: Path) -> None:
        writing = BoxWriting.read(bound / CHECKPOINT)
        assert writing.stages == ("binding",)
        assert (writing.source, writing.student) == (("grid", "grid first"), str(model))
        assert writing.vocabulary == GridTokens.vocabulary


class TestBeginningWithBinding:
    """Texts know nothing of pictures, so what sees these may be of any shape in the next stage."""

    @pytest.mark.parametrize("changed", [{"hidden": 48}, {"guided": True, "from_scores": False, "from_boxes": False}])
    def test_words_are_kept_and_what_sees_pictures_is_new(
        self, model: Path, bound: Path, changed: dict[str, Any]
    ) -> None:
        learner, _ = prepare_boxes(options(model, **changed), GridTokens(), bound / CHECKPOINT)
        taught = weights(bound / CHECKPOINT, PROJECTOR_FILE)
        projector = learner.network.projector
        for name in ("kinds", "none", "locations"):
            assert torch.equal(projector.state_dict()[name], taught[name].float())
        assert {name: getattr(projector.shape, name) for name in changed} == changed
        assert learner.writing.shape == projector.shape


class TestProjector:
    def test_it_leaves_the_language_models_matrices_untouched(self, bound: Path, projected: Path) -> None:
        before, after = (weights(out / CHECKPOINT, WEIGHTS_FILE) for out in (bound, projected))
        assert before.keys() == after.keys()
        assert all(torch.equal(before[name], after[name]) for name in before)

    def test_it_teaches_the_projector(self, bound: Path, projected: Path) -> None:
        before, after = (weights(out / CHECKPOINT, PROJECTOR_FILE) for out in (bound, projected))
        assert all(not torch.equal(before[name], after[name]) for name in before)

    def test_it_is_less_and_less_surprised_by_held_out_pictures(self, projected: Path) -> None:
        # With the same class tokens all along: to bind them anew for each prompt is too much for so small a model.
        surprises = [line["held_out_wrong_marks"]["images"] for line in logged(projected)]
        assert len(surprises) >= 6
        assert surprises[-1] < surprises[0] / 2
        assert logged(projected)[-1]["loss"] < logged(projected)[0]["loss"]

    def test_features_are_measured_by_the_pictures_that_are_taught(
        self, projected: Path, pictures: PictureSet, tmp_path: Path
    ) -> None:
        taught = Pictures(pictures.split()[0], GridTokens(), 8, tmp_path, silent)
        features = np.concatenate([taught[place].tokens.features for place in range(len(taught))])
        projector = weights(projected / CHECKPOINT, PROJECTOR_FILE)
        np.testing.assert_allclose(projector["mean"], features.mean(0), atol=1e-4)
        np.testing.assert_allclose(projector["deviation"], features.std(0, ddof=1), atol=1e-4)

    def test_its_adapter_knows_both_stages(self, projected: Path) -> None:
        assert BoxWriting.read(projected / CHECKPOINT).stages == ("binding", "projector")


class TestJoint:
    def test_it_teaches_both_and_keeps_how_features_were_measured(
        self, model: Path, projected: Path, pictures: PictureSet, tmp_path: Path
    ) -> None:
        asked = options(model, stage="joint", text=0.0, tokens=1000, learning_rate=5e-3)
        train_boxes(asked, tmp_path, silent, GridTokens(), [pictures], start=projected / CHECKPOINT)
        for name in (WEIGHTS_FILE, PROJECTOR_FILE):
            before, after = (weights(out / CHECKPOINT, name) for out in (projected, tmp_path))
            same = {key for key in before if torch.equal(before[key], after[key])}
            assert same == ({"mean", "deviation"} if name == PROJECTOR_FILE else set())
        writing = BoxWriting.read(tmp_path / CHECKPOINT)
        assert writing.stages == ("binding", "projector", "joint")
        # A pass of at most 256 tokens is some dozen tokens of prompt and segments of 8 tokens, 2 of them with boxes.
        assert 1000 // 32 < writing.pictures - BoxWriting.read(projected / CHECKPOINT).pictures <= 1256 // 16


class TestARunThatStopped:
    def test_it_goes_on_from_its_checkpoint_with_the_same_examples(
        self, model: Path, pictures: PictureSet, tmp_path: Path
    ) -> None:
        asked = options(model, stage="joint", tokens=2000, report_every=700)
        said: list[str] = []

        def stopped(line: str) -> None:
            if '"tokens"' in line:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train_boxes(asked, tmp_path / "stopped", stopped, GridTokens(), [pictures])
        assert len(logged(tmp_path / "stopped")) == 1
        train_boxes(asked, tmp_path / "stopped", said.append, GridTokens(), [pictures])
        assert any(line.startswith("going on from") for line in said)
        report = train_boxes(asked, tmp_path / "whole", silent, GridTokens(), [pictures])
        stopped_log, whole_log = (logged(tmp_path / name) for name in ("stopped", "whole"))
        assert [(line["updates"], line["tokens"]) for line in stopped_log] == [
            (line["updates"], line["tokens"]) for line in whole_log
        ]
        assert whole_log[-1]["held_out_exact"] == {kind: round(value, 4) for kind, value in report.exact.items()}
        assert stopped_log[0]["loss"] == whole_log[0]["loss"]
        # A checkpoint is in half precision, so that what follows is the same up to its rounding.
        assert stopped_log[-1]["loss"] == pytest.approx(whole_log[-1]["loss"], rel=0.05)
        assert BoxWriting.read(tmp_path / "stopped" / CHECKPOINT).stages == ("joint",), "the stage is noted once"

    def test_one_that_is_done_is_examined_and_not_taught_on(self, model: Path, bound: Path) -> None:
        before = (bound / CHECKPOINT / WEIGHTS_FILE).read_bytes()
        report = train_boxes(options(model, tokens=800, learning_rate=5e-3), bound, silent, GridTokens())
        assert (bound / CHECKPOINT / WEIGHTS_FILE).read_bytes() == before
        assert len(logged(bound)) == 1
        assert report.exact.keys() == logged(bound)[0]["held_out_exact"].keys()


class TestRefusals:
    @pytest.mark.parametrize("stage", ["projector", "joint"])
    def test_a_stage_of_pictures_without_any(self, model: Path, tmp_path: Path, stage: str) -> None:
        with pytest.raises(TrainingError, match=f"the stage {stage} is taught with pictures: name their folders"):
            train_boxes(options(model, stage=stage), tmp_path / "run", silent, GridTokens())
        assert not (tmp_path / "run").exists()

    def test_other_options_in_the_folder_of_a_run(self, model: Path, bound: Path) -> None:
        with pytest.raises(
            TrainingError, match=r"binding holds a run with other boxed, rank: give the same, or another"
        ):
            train_boxes(options(model, tokens=800, learning_rate=5e-3, rank=8, boxed=3), bound, silent, GridTokens())

    def test_another_detector_in_the_folder_of_a_run(self, model: Path, bound: Path) -> None:
        with pytest.raises(LLMError, match=r"checkpoint was taught on the image tokens of grid"):
            train_boxes(options(model, tokens=800, learning_rate=5e-3), bound, silent, GridTokens("second"))

    def test_an_adapter_of_another_detector(self, model: Path, bound: Path, tmp_path: Path) -> None:
        words = r"grid \(fingerprint grid first\), not on those of grid \(grid second\): take that detector, or teach"
        with pytest.raises(LLMError, match=words):
            train_boxes(options(model), tmp_path, silent, GridTokens("second"), start=bound / CHECKPOINT)

    def test_an_adapter_of_another_language_model(self, bound: Path, tmp_path: Path) -> None:
        other = decoder_model(tmp_path / "model", seed=1)
        base = BoxWriting.read(bound / CHECKPOINT).base
        with pytest.raises(
            LLMError, match=rf"another base model \(fingerprint {base}\) than this one \((?!{base})\w+\)"
        ):
            train_boxes(options(other), tmp_path / "run", silent, GridTokens(), start=bound / CHECKPOINT)

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"hidden": 48}, "has hidden 32, not 48: give the same, or begin without it"),
            ({"from_scores": False}, "has from_scores True, not False"),
            ({"guided": True}, "has guided False, not True"),
            ({"layers": 1}, "is for 2 layers, not 1"),
        ],
    )
    def test_an_adapter_of_another_shape_that_knows_pictures(
        self, model: Path, projected: Path, pictures: PictureSet, tmp_path: Path, changed: dict[str, Any], words: str
    ) -> None:
        with pytest.raises(LLMError, match=words):
            asked = options(model, stage="joint", **changed)
            train_boxes(asked, tmp_path, silent, GridTokens(), [pictures], start=projected / CHECKPOINT)

    def test_other_pictures_in_the_folder_of_a_run(self, model: Path, pictures: PictureSet, tmp_path: Path) -> None:
        asked = options(model, stage="joint")
        train_boxes(asked, tmp_path / "run", silent, GridTokens(), [pictures])
        fewer = PictureSet("blobs", pictures.paths[:9], pictures.truths[:9])
        with pytest.raises(TrainingError, match="run holds a run with other pictures: give the same"):
            train_boxes(asked, tmp_path / "run", silent, GridTokens(), [fewer])
        with pytest.raises(TrainingError, match="run holds a run with other start: give the same"):
            train_boxes(asked, tmp_path / "run", silent, GridTokens(), [pictures], start=tmp_path)

    def test_an_adapter_of_another_rank(self, model: Path, bound: Path, tmp_path: Path) -> None:
        with pytest.raises(LLMError, match="checkpoint has matrices of rank 4, not 8: give the same, or begin anew"):
            train_boxes(options(model, rank=8), tmp_path, silent, GridTokens(), start=bound / CHECKPOINT)

    def test_a_command_that_was_refused_may_be_given_rightly(self, model: Path, bound: Path, tmp_path: Path) -> None:
        with pytest.raises(LLMError, match="nowhere holds no adapter"):
            train_boxes(options(model, rank=8), tmp_path, silent, GridTokens(), start=tmp_path / "nowhere")
        train_boxes(options(model), tmp_path, silent, GridTokens(), start=bound / CHECKPOINT)

    def test_a_folder_that_holds_no_adapter(self, model: Path, tmp_path: Path) -> None:
        with pytest.raises(LLMError, match="nowhere holds no adapter that writes boxes"):
            train_boxes(options(model), tmp_path, silent, GridTokens(), start=tmp_path / "nowhere")
