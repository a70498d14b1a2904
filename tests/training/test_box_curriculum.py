"""The passes of a run: the same for the same update, with class tokens that are sampled anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reasoning.lm.candidate_scoring import open_base
from tests.vision.decoder.tiny_decoders import GridTokens, options, save_blobs
from training.box_binding import Binding
from training.box_examples import STAGES, BoxOptions, Pictures, read_set
from training.boxes import FIRST_CLASSES, MOST_TAUGHT, BoxCurriculum, BoxExample
from training.loop import Progress, TrainingError
from vision.decoder.image_tokens import MOST_TOKENS, ImageTokens
from vision.decoder.network import NameVectors
from vision.decoder.vocabulary import DecoderTokens
from vision.images import LoadedImage

pytestmark = pytest.mark.slow

UPDATES = range(20)

Made = Callable[..., BoxCurriculum]


@pytest.fixture(scope="module")
def binding(model: Path, tokens: DecoderTokens) -> Binding:
    vectors = NameVectors(open_base(str(model))[0].get_output_embeddings().weight)
    return Binding(tokens.name, vectors, GridTokens.width, len(GridTokens.vocabulary))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    folder = tmp_path_factory.mktemp("pictures")
    return Pictures(read_set(save_blobs(folder / "set", 8)), GridTokens(), 8, folder / "cache", lambda line: None)


@pytest.fixture(scope="module")
def made(model: Path, tokens: DecoderTokens, binding: Binding, pictures: Pictures) -> Made:
    def made(
        stage: str, taught: Sequence[Pictures] = (pictures,), held_out: Sequence[Pictures] = (), **changed: Any
    ) -> BoxCurriculum:
        asked = options(model, stage=stage, **changed)
        return BoxCurriculum(asked, tokens, binding, GridTokens.vocabulary, taught, held_out)

    return made


def examples(curriculum: BoxCurriculum, updates: Sequence[int] = UPDATES) -> list[BoxExample]:
    return [example for update in updates for example in curriculum.next_pass(Progress(updates=update))]


def content(example: BoxExample) -> tuple[Any, ...]:
    """What can be compared of an example."""
    parts = [*vars(example.tokens).values(), example.shares, example.places, example.weights, example.texts]
    prompt = example.prompt.classes, example.prompt.tokens.tobytes()
    return example.kind, *prompt, example.sees_others, *(part.numpy().tobytes() for part in parts)


@pytest.mark.parametrize("stage", STAGES)
class TestEveryPass:
    def test_it_is_the_same_for_the_same_update_whatever_was_met_before(self, made: Made, stage: str) -> None:
        in_order = examples(made(stage))
        alone = [example for update in (7, 3) for example in examples(made(stage), [update])]
        assert [*map(content, alone)] == [content(in_order[7]), content(in_order[3])]
        assert content(in_order[7]) != content(in_order[3])
        assert not {*map(content, in_order)} & {*map(content, examples(made(stage, seed=1)))}

    def test_it_has_room_for_its_tokens_and_what_its_slots_are_to_say_is_one_together(
        self, made: Made, stage: str
    ) -> None:
        for example in examples(made(stage, tokens_of_a_pass=256)):
            one_segment = len(example.prompt.tokens) + example.count + 4 * example.boxed
            assert len(example) <= max(256, one_segment)
            segments, rest = divmod(len(example.tokens), example.count)
            assert rest == 0
            assert example.shares.shape == (len(example.tokens), len(example.prompt.classes) + 1)
            np.testing.assert_allclose(example.shares.sum(1), 1, atol=1e-5)
            assert example.places.shape == (segments * example.boxed, 4)
            assert example.weights.shape == (segments * example.boxed,)


class TestTheStages:
    def test_binding_is_texts_alone_whose_class_sets_grow(self, made: Made) -> None:
        curriculum = made("binding")
        for update in (0, 10, 50, 500):
            (example,) = examples(curriculum, [update])
            assert example.kind == "binding" and len(example.texts) == len(example.tokens)
            assert len(example.prompt.classes) <= min(FIRST_CLASSES + update, MOST_TAUGHT)
        later = [len(example.prompt.classes) for example in examples(curriculum, range(500, 520))]
        assert max(later) > FIRST_CLASSES

    def test_who_binds_already_is_asked_for_large_class_sets_at_once(
        self, model: Path, tokens: DecoderTokens, binding: Binding
    ) -> None:
        asked = options(model, stage="binding")
        for is_bound in (False, True):
            curriculum = BoxCurriculum(asked, tokens, binding, GridTokens.vocabulary, is_bound=is_bound)
            most = max(len(example.prompt.classes) for example in examples(curriculum))
            assert (most > FIRST_CLASSES + len(UPDATES)) == is_bound

    @pytest.mark.parametrize("stage", ["projector", "joint"])
    def test_later_ones_are_pictures_and_a_share_of_texts(self, made: Made, stage: str) -> None:
        for text, kinds in ((0.0, {"images"}), (1.0, {"binding"}), (0.5, {"images", "binding"})):
            assert {example.kind for example in examples(made(stage, text=text))} == kinds

    def test_pictures_are_asked_for_some_of_the_detectors_classes_or_all(self, made: Made) -> None:
        sets = {example.prompt.classes for example in examples(made("joint", text=0.0))}
        assert all({*classes} <= {*GridTokens.vocabulary} and len(set(classes)) == len(classes) for classes in sets)
        assert {1, 5} <= {len(classes) for classes in sets}
        assert len({classes for classes in sets if len(classes) == 5}) > 5, "in any order"

    def test_a_picture_example_holds_the_tokens_of_taught_pictures(self, made: Made, pictures: Pictures) -> None:
        known = {pictures[place].tokens.features.tobytes() for place in range(len(pictures))}
        for example in examples(made("joint", text=0.0)):
            segments = example.tokens.features.view(-1, example.count, GridTokens.width)
            assert {segment.numpy().tobytes() for segment in segments} <= known

    def test_slots_of_pictures_see_each_other_as_the_options_say_and_those_of_texts_now_and_then(
        self, made: Made
    ) -> None:
        for sees in (False, True):
            assert {one.sees_others for one in examples(made("joint", text=0.0, sees_others=sees))} == {sees}
        assert {one.sees_others for one in examples(made("binding"))} == {False, True}


def numbers_of(name: str, given: Sequence[BoxExample]) -> set[int]:
    """The class tokens that a class was given."""
    prompts = [example.prompt for example in given if name in example.prompt.classes]
    return {int(prompt.rows[prompt.classes.index(name)]) for prompt in prompts}


def test_class_tokens_are_drawn_anew_for_each_prompt_or_the_same_in_all(made: Made) -> None:
    assert len(numbers_of("cat", examples(made("joint", text=0.0)))) > 10
    assert len(numbers_of("cat", examples(made("joint", text=0.3, fixed_tokens=True)))) == 1


def test_an_examination_is_of_words_classes_and_held_out_pictures_and_the_same_every_time(
    made: Made, pictures: Pictures
) -> None:
    one, other = (made("joint", held_out=[pictures], seed=seed, truth=1.0).exam for seed in (0, 1))
    assert [*map(content, one)] == [*map(content, other)]
    without = {example.kind for example in made("joint").exam}
    kinds = ("binding of any words", "binding of classes")
    assert without == {*kinds, *(f"{kind} among others" for kind in kinds)}
    assert {example.kind for example in one} == {*without, "images"}
    features = torch.cat([example.tokens.features for example in one if example.kind == "images"])
    expected = np.concatenate([pictures[place].tokens.features for place in range(0, len(pictures), 2)])
    np.testing.assert_array_equal(features, expected)


class TestPicturesThatDoNotFit:
    def test_a_picture_that_could_not_be_read_is_passed_over(self, made: Made, tmp_path: Path) -> None:
        folder = save_blobs(tmp_path / "set", 3)
        (folder / "images" / "broken.png").write_bytes(b"no image")
        found = Pictures(read_set(folder), GridTokens(), 8, tmp_path / "cache", lambda line: None)
        for example in examples(made("joint", [found], text=0.0)):
            assert len(example.tokens) >= 8

    def test_pictures_that_all_have_too_few_tokens_are_refused(self, made: Made, pictures: Pictures) -> None:
        with pytest.raises(TrainingError):
            examples(made("joint", [pictures], text=0.0, image_tokens=9))

    def test_pictures_that_may_show_every_class_of_the_detector_are_taught(
        self, model: Path, tokens: DecoderTokens, binding: Binding, tmp_path: Path
    ) -> None:
        class OneClass(GridTokens):
            vocabulary = ("cat",)

            def tokens(self, images: Sequence[LoadedImage], most: int = MOST_TOKENS) -> list[ImageTokens]:
                return [replace(one, logits=one.logits[:, :1] * 0) for one in super().tokens(images, most)]

        folder = save_blobs(tmp_path / "set", 3)
        found = Pictures(read_set(folder), OneClass("one class"), 8, tmp_path / "cache", lambda line: None)
        asked = options(model, stage="joint", text=0.0)
        for example in examples(BoxCurriculum(asked, tokens, binding, ("cat",), [found])):
            assert example.prompt.classes == ("cat",)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"stage": "boxes"}, "not 'boxes'"),
        ({"matching": "best"}, "not 'best'"),
        ({"text": 1.5}, "text is a share between 0 and 1, not 1.5"),
        ({"truth": -0.1}, "truth is a share between 0 and 1, not -0.1"),
        ({"boxed": 9, "image_tokens": 8}, r"boxed is at most image_tokens \(8\), not 9"),
        ({"hidden": 0}, "hidden must be at least 1, not 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0, not nan"),
    ],
)
def test_options_that_cannot_be_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        BoxOptions(**changed)
