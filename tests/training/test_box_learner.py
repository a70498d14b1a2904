"""A decoder that is taught: what an example costs it, how it is examined, and that it is read back as it was."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.vision.decoder.tiny_decoders import GridTokens, blobs, options
from training.box_examples import Picture, Targeting
from training.boxes import BoxExample, BoxLearner, prepare_boxes
from vision.decoder.image_tokens import ImageTokens
from vision.decoder.network import TokenBatch, places_of
from vision.decoder.opening import load_decoder
from vision.decoder.vocabulary import DecoderTokens

CLASSES = ("dog", "boat", "cat", "oak")
COUNT, BOXED = 8, 2


def new_learner(model: Path, **changed: Any) -> BoxLearner:
    """One whose matrices do something."""
    learner, _ = prepare_boxes(options(model, **changed), GridTokens())
    for name, parameter in learner.network.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    return learner


@pytest.fixture(scope="module")
def learner(model: Path) -> BoxLearner:
    return new_learner(model)


@pytest.fixture(scope="module")
def pictures() -> list[ImageTokens]:
    return GridTokens().tokens([blobs(64, 48, seed) for seed in range(3)], COUNT)


@pytest.fixture
def example(tokens: DecoderTokens, pictures: list[ImageTokens]) -> BoxExample:
    """Three pictures behind one prompt."""
    targeting = Targeting(GridTokens.vocabulary, 0.0, "overlap")
    targets = [targeting.of(Picture(shown, None), CLASSES) for shown in pictures]
    batches = [vars(TokenBatch.of(shown)).values() for shown in pictures]
    return BoxExample(
        "images",
        tokens.prompt(CLASSES),
        TokenBatch(*map(torch.cat, zip(*batches, strict=True))),
        COUNT,
        BOXED,
        torch.from_numpy(np.concatenate([target.shares for target in targets])),
        torch.from_numpy(np.concatenate([target.places[:BOXED] for target in targets])),
        torch.ones(3 * BOXED),
        torch.zeros(0),
        False,
    )


@pytest.mark.slow
def test_the_loss_falls_as_an_example_is_repeated_and_reaches_every_matrix(model: Path, example: BoxExample) -> None:
    learner = new_learner(model, guided=True)
    # Those that are nought in the beginning.
    for matrix in (learner.network.projector.second, learner.network.projector.taken):
        torch.nn.init.normal_(matrix.weight, std=0.1)
    taught = [parameter for parameter in learner.network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(taught, lr=3e-3)
    losses = []
    for _ in range(12):
        loss = learner.loss([example])
        optimizer.zero_grad()
        loss.backward()
        assert all(parameter.grad is not None and parameter.grad.any() for parameter in taught)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]


def test_several_examples_cost_their_mean_and_a_box_that_does_not_count_nothing(
    learner: BoxLearner, example: BoxExample
) -> None:
    def loss(*given: BoxExample) -> float:
        return float(learner.loss(given))

    other = replace(example, shares=example.shares.flip(0))
    assert loss(example) != loss(other)
    assert loss(example, other) == pytest.approx((loss(example) + loss(other)) / 2, rel=1e-5)
    weights = torch.zeros_like(example.weights)
    no_boxes = replace(example, weights=weights.clone())
    weights[0] = 1.0
    some = replace(example, weights=weights)
    elsewhere = replace(some, places=example.places.clone())
    elsewhere.places[1:] += 100
    assert loss(some) == loss(elsewhere)
    elsewhere.places[0] += 100
    assert loss(some) != loss(elsewhere)
    # What is written costs less than anything else.
    likeliest = learner.written(example).classes.detach().argmax(1)
    sure = torch.nn.functional.one_hot(likeliest, len(CLASSES) + 1).float()
    assert 0 < loss(replace(no_boxes, shares=sure)) < loss(replace(no_boxes, shares=sure.roll(1, 1)))


def test_texts_take_the_place_of_what_the_projector_makes_of_the_last_tokens(
    learner: BoxLearner, example: BoxExample
) -> None:
    assert len(example) == len(example.prompt.tokens) + 3 * (COUNT + 4 * BOXED)
    texts = torch.randn(COUNT, 256, generator=torch.Generator().manual_seed(0))
    with_texts = replace(example, texts=texts)
    blanked = replace(with_texts, tokens=replace(example.tokens, features=example.tokens.features.clone()))
    blanked.tokens.features[-COUNT:] = 7.0
    plain, told, again = (learner.written(given).classes.detach() for given in (example, with_texts, blanked))
    assert torch.allclose(told[:-COUNT], plain[:-COUNT], atol=1e-4)
    assert not torch.allclose(told[-COUNT:], plain[-COUNT:], atol=1e-2)
    assert torch.equal(told, again)


def test_in_an_examination_what_is_said_as_it_is_written_is_right_and_sides_many_bins_away_are_wrong(
    learner: BoxLearner, example: BoxExample
) -> None:
    written = learner.written(example)
    places = places_of(written.places.detach()).view(-1, 4)
    # Held to classes, since slots that are to say none are not examined.
    best = written.classes.detach()[:, :-1].argmax(1)
    sure = torch.nn.functional.one_hot(best, len(CLASSES) + 1).float()
    said = written.classes.detach().argmax(1) == best
    report = learner.examine([replace(example, shares=sure, places=places)])
    assert report.exact == {"images": pytest.approx(float(said.float().mean())), "images: sides": 1.0}
    assert report.wrong["images: sides"] == pytest.approx(0, abs=1e-6)
    report = learner.examine([replace(example, places=places + 50), replace(example, kind="others")])
    assert [*report.exact] == ["images", "images: sides", "others", "others: sides"]
    assert report.exact["images: sides"] == 0 and report.exact["images"] == report.exact["others"]
    assert report.wrong["images: sides"] == pytest.approx(50 / 512, abs=1e-3)


class TestReadingBack:
    @pytest.mark.parametrize("changed", [{"guided": True, "sees_others": True}, {"from_scores": False}])
    def test_a_decoder_in_use_writes_what_the_one_that_was_taught_wrote(
        self, model: Path, tmp_path: Path, example: BoxExample, pictures: list[ImageTokens], changed: dict[str, Any]
    ) -> None:
        learner = new_learner(model, **changed)
        if changed.get("guided"):
            torch.nn.init.normal_(learner.network.projector.taken.weight, std=0.02)
        learner.save(tmp_path / "saved")
        seeing = replace(example, sees_others=changed.get("sees_others", False), boxed=COUNT)
        with torch.inference_mode():
            expected = torch.softmax(learner.written(seeing).classes, -1).view(3, COUNT, -1)
        decoder = load_decoder(tmp_path / "saved")
        for (shares, places), own in zip(decoder.write([example.prompt], pictures), expected, strict=True):
            assert shares.shape == (COUNT, len(CLASSES) + 1) and places.shape == (COUNT, 4)
            # In half precision, which is some hundredths of a share.
            np.testing.assert_allclose(shares, own, atol=0.08)

    def test_a_learner_that_goes_on_is_the_one_that_was_saved(
        self, model: Path, tmp_path: Path, example: BoxExample, tokens: DecoderTokens
    ) -> None:
        learner = new_learner(model)
        learner.staged("projector").save(tmp_path / "saved")
        again, _ = prepare_boxes(options(model), GridTokens(), tmp_path / "saved")
        assert again.writing.stages == ("projector",)
        one, other = (them.written(example) for them in (learner, again))
        assert torch.allclose(one.classes, other.classes, atol=0.3, rtol=0.02)
        (none,) = GridTokens().tokens([blobs(8, 8)], 0)
        ((shares, places),) = load_decoder(tmp_path / "saved").write([tokens.prompt(CLASSES)], [none])
        assert shares.shape == (0, len(CLASSES) + 1) and places.shape == (0, 4)
