"""The passes that teach boxes, runs of a tiny student through the stages, the command, and what a learner writes."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reasoning.lm.candidate_scoring import open_base
from reasoning.lm.errors import LLMError
from reasoning.lm.low_rank import WEIGHTS_FILE
from skylark.command_line import FAILURE, OK, USAGE
from tests.vision.decoder.tiny_decoders import GridTokens, blobs, decoder_model, options, save_blobs
from training.box_binding import Binding
from training.box_examples import STAGES, BoxOptions, Picture, Pictures, PictureSet, Targeting, read_set
from training.boxes import FIRST_CLASSES, MOST_TAUGHT, BoxCurriculum, BoxExample, BoxLearner, prepare_boxes, train_boxes
from training.loop import CHECKPOINT, LOG_FILE, OPTIONS_FILE, Progress, TrainingError
from vision.cli import main
from vision.decoder.detector import PROJECTOR_FILE, BoxWriting, VisionLLM
from vision.decoder.image_tokens import MOST_TOKENS, ImageTokens
from vision.decoder.network import NameVectors, TokenBatch, places_of
from vision.decoder.opening import load_decoder
from vision.decoder.vocabulary import DecoderTokens
from vision.detectors.detector import Request
from vision.detectors.opening import open_detector
from vision.images import LoadedImage

UPDATES = range(20)

Made = Callable[..., BoxCurriculum]


def silent(line: str) -> None:
    """Says nothing."""


# The passes of a run ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def binding(model: Path, tokens: DecoderTokens) -> Binding:
    vectors = NameVectors(open_base(str(model))[0].get_output_embeddings().weight)
    return Binding(tokens.name, vectors, GridTokens.width, len(GridTokens.vocabulary))


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    folder = tmp_path_factory.mktemp("pictures")
    return Pictures(read_set(save_blobs(folder / "set", 8)), GridTokens(), 8, folder / "cache", silent)


@pytest.fixture(scope="module")
def made(model: Path, tokens: DecoderTokens, binding: Binding, shown: Pictures) -> Made:
    def made(
        stage: str, taught: Sequence[Pictures] = (shown,), held_out: Sequence[Pictures] = (), **changed: Any
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


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_a_pass_is_the_same_for_the_same_update_and_has_room_for_its_tokens(made: Made, stage: str) -> None:
    in_order = examples(made(stage))
    alone = [example for update in (7, 3) for example in examples(made(stage), [update])]
    assert [*map(content, alone)] == [content(in_order[7]), content(in_order[3])]
    assert content(in_order[7]) != content(in_order[3])
    assert not {*map(content, in_order)} & {*map(content, examples(made(stage, seed=1)))}
    for example in examples(made(stage, tokens_of_a_pass=256)):
        assert len(example) <= max(256, len(example.prompt.tokens) + example.count + 4 * example.boxed)
        segments, rest = divmod(len(example.tokens), example.count)
        assert rest == 0 and example.shares.shape == (len(example.tokens), len(example.prompt.classes) + 1)
        np.testing.assert_allclose(example.shares.sum(1), 1, atol=1e-5)
        assert example.places.shape == (segments * example.boxed, 4)
        assert example.weights.shape == (segments * example.boxed,)


@pytest.mark.slow
def test_binding_is_texts_alone_whose_class_sets_grow_and_are_large_at_once_where_it_is_bound(
    made: Made, model: Path, tokens: DecoderTokens, binding: Binding
) -> None:
    curriculum = made("binding")
    for update in (0, 10, 50, 500):
        (example,) = examples(curriculum, [update])
        assert example.kind == "binding" and len(example.texts) == len(example.tokens)
        assert len(example.prompt.classes) <= min(FIRST_CLASSES + update, MOST_TAUGHT)
    assert max(len(example.prompt.classes) for example in examples(curriculum, range(500, 520))) > FIRST_CLASSES
    assert {one.sees_others for one in examples(curriculum)} == {False, True}
    asked = options(model, stage="binding")
    for is_bound in (False, True):
        curriculum = BoxCurriculum(asked, tokens, binding, GridTokens.vocabulary, is_bound=is_bound)
        most = max(len(example.prompt.classes) for example in examples(curriculum))
        assert (most > FIRST_CLASSES + len(UPDATES)) == is_bound


@pytest.mark.slow
def test_later_stages_are_pictures_asked_for_some_of_the_classes_and_a_share_of_texts(
    made: Made, shown: Pictures
) -> None:
    for stage in ("projector", "joint"):
        for text, kinds in ((0.0, {"images"}), (1.0, {"binding"}), (0.5, {"images", "binding"})):
            assert {example.kind for example in examples(made(stage, text=text))} == kinds
    given = examples(made("joint", text=0.0))
    sets = {example.prompt.classes for example in given}
    assert all({*classes} <= {*GridTokens.vocabulary} and len(set(classes)) == len(classes) for classes in sets)
    assert {1, 5} <= {len(classes) for classes in sets}
    assert len({classes for classes in sets if len(classes) == 5}) > 5, "in any order"
    known = {shown[place].tokens.features.tobytes() for place in range(len(shown))}
    for example in given:
        segments = example.tokens.features.view(-1, example.count, GridTokens.width)
        assert {segment.numpy().tobytes() for segment in segments} <= known
    for sees in (False, True):
        assert {one.sees_others for one in examples(made("joint", text=0.0, sees_others=sees))} == {sees}


@pytest.mark.slow
def test_class_tokens_are_drawn_anew_for_each_prompt_or_the_same_in_all(made: Made) -> None:
    for changed in ({"text": 0.0}, {"text": 0.3, "fixed_tokens": True}):
        prompts = [example.prompt for example in examples(made("joint", **changed))]
        cats = {int(one.rows[one.classes.index("cat")]) for one in prompts if "cat" in one.classes}
        assert len(cats) == 1 if "fixed_tokens" in changed else len(cats) > 10


@pytest.mark.slow
def test_an_examination_is_of_words_classes_and_held_out_pictures_and_the_same_every_time(
    made: Made, shown: Pictures
) -> None:
    one, other = (made("joint", held_out=[shown], seed=seed, truth=1.0).exam for seed in (0, 1))
    assert [*map(content, one)] == [*map(content, other)]
    without = {example.kind for example in made("joint").exam}
    kinds = ("binding of any words", "binding of classes")
    assert without == {*kinds, *(f"{kind} among others" for kind in kinds)}
    assert {example.kind for example in one} == {*without, "images"}
    features = torch.cat([example.tokens.features for example in one if example.kind == "images"])
    expected = np.concatenate([shown[place].tokens.features for place in range(0, len(shown), 2)])
    np.testing.assert_array_equal(features, expected)


class OneClass(GridTokens):
    """May see its only class anywhere."""

    vocabulary = ("cat",)

    def tokens(self, images: Sequence[LoadedImage], most: int = MOST_TOKENS) -> list[ImageTokens]:
        return [replace(one, logits=one.logits[:, :1] * 0) for one in super().tokens(images, most)]


@pytest.mark.slow
def test_pictures_that_do_not_fit_are_passed_over_or_refused_and_those_of_every_class_taught(
    made: Made, shown: Pictures, model: Path, tokens: DecoderTokens, binding: Binding, tmp_path: Path
) -> None:
    folder = save_blobs(tmp_path / "set", 3)
    found = Pictures(read_set(folder), OneClass("one class"), 8, tmp_path / "cache", silent)
    asked = options(model, stage="joint", text=0.0)
    for example in examples(BoxCurriculum(asked, tokens, binding, ("cat",), [found])):
        assert example.prompt.classes == ("cat",)
    (folder / "images" / "broken.png").write_bytes(b"no image")
    found = Pictures(read_set(folder), GridTokens(), 8, tmp_path / "cache", silent)
    for example in examples(made("joint", [found], text=0.0)):
        assert len(example.tokens) >= 8
    with pytest.raises(TrainingError):
        examples(made("joint", [shown], text=0.0, image_tokens=9))


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


# Runs ------------------------------------------------------------------------------------------------------------


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


@pytest.mark.slow
def test_binding_teaches_the_language_model_and_the_words_of_the_projector(model: Path, bound: Path) -> None:
    taught = weights(bound / CHECKPOINT, WEIGHTS_FILE)
    assert all(matrix.any() for name, matrix in taught.items() if "lora_B" in name)
    projector = weights(bound / CHECKPOINT, PROJECTOR_FILE)
    assert not torch.equal(projector["kinds"][0], projector["kinds"][1])
    assert torch.equal(projector["mean"], torch.zeros(4)), "no picture was measured"
    writing = BoxWriting.read(bound / CHECKPOINT)
    assert (writing.stages, writing.source, writing.student) == (("binding",), ("grid", "grid first"), str(model))
    assert writing.vocabulary == GridTokens.vocabulary


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_run_that_is_done_is_examined_and_not_taught_on(model: Path, bound: Path) -> None:
    before = (bound / CHECKPOINT / WEIGHTS_FILE).read_bytes()
    said: list[str] = []
    report = train_boxes(options(model, tokens=800, learning_rate=5e-3), bound, said.append, GridTokens())
    assert any(line.startswith("going on from") for line in said)
    assert (bound / CHECKPOINT / WEIGHTS_FILE).read_bytes() == before
    assert len(logged(bound)) == 1
    assert report.exact.keys() == logged(bound)[0]["held_out_exact"].keys()
    assert BoxWriting.read(bound / CHECKPOINT).stages == ("binding",), "the stage is noted once"


@pytest.mark.slow
def test_other_options_or_another_detector_in_the_folder_of_a_run_are_refused(model: Path, bound: Path) -> None:
    with pytest.raises(TrainingError, match="a run with other boxed, rank"):
        train_boxes(options(model, tokens=800, learning_rate=5e-3, rank=8, boxed=3), bound, silent, GridTokens())
    with pytest.raises(LLMError, match=r"checkpoint was taught on the image tokens of grid"):
        train_boxes(options(model, tokens=800, learning_rate=5e-3), bound, silent, GridTokens("second"))


@pytest.mark.slow
def test_an_adapter_of_another_detector_language_model_rank_or_shape_is_refused(
    model: Path, bound: Path, projected: Path, pictures: PictureSet, tmp_path: Path
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
    changed: dict[str, tuple[Any, str]] = {
        "hidden": (48, "has hidden 32, not 48"),
        "from_scores": (False, "has from_scores True, not False"),
        "layers": (1, "is for 2 layers, not 1"),
    }
    for option, (value, words) in changed.items():  # of one that knows pictures
        asked = options(model, stage="joint", **{option: value})
        with pytest.raises(LLMError, match=words):
            train_boxes(asked, tmp_path / "run", silent, GridTokens(), [pictures], start=projected / CHECKPOINT)


# The command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: object) -> tuple[int, str, str]:
        code = main(["teach", "boxes", *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


def test_its_help_names_the_stages_and_what_a_run_needs_and_a_missing_detector_is_a_failure(
    run: Any, tmp_path: Path
) -> None:
    code, out, _ = run("--help")
    assert code == OK and f"--stage {{{','.join(STAGES)}}}" in out
    assert all(option in out for option in ("--out", "--from", "--student", "--detector", "--pictures", "--no-guided"))
    code, _, err = run("--out", tmp_path / "run", "--detector", "/no/such/detector")
    assert code == FAILURE and "no model folder /no/such/detector" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--stage", "bindin"), "'bindin' is none of binding, projector, joint; did you mean binding?"),
        (("--truth", 2), "truth is a share between 0 and 1, not 2.0"),
        (("--stage", "joint", "--device", "cpu"), "the stage joint is taught with pictures"),
        (("--stage", "projector", "--device", "cpu"), "the stage projector is taught with pictures"),
        (("--stage", "joint", "--pictures", "/nowhere"), "nowhere has no folder images"),
    ],
)
def test_usage_errors(run: Any, model: Path, tmp_path: Path, arguments: tuple[object, ...], words: str) -> None:
    code, out, err = run("--out", tmp_path / "run", "--student", model, *arguments)
    assert (code, out) == (USAGE, "") and words in err and not (tmp_path / "run").exists()
    code, _, err = run("--stage", "binding")
    assert code == USAGE and "--out" in err


@pytest.mark.slow
def test_two_stages_give_a_detector_that_opens(run: Any, model: Path, tmp_path: Path) -> None:
    small = (
        "--student", model, "--layers", 2, "--rank", 2, "--hidden", 16, "--image-tokens", 8, "--boxed", 2,
        "--tokens", 300, "--tokens-of-a-pass", 256, "--device", "cpu",
    )  # fmt: skip
    first, second = tmp_path / "first", tmp_path / "second"
    code, out, err = run("--out", first, *small)
    assert code == OK and {"binding of classes", "binding of any words"} <= {*json.loads(out)["held_out_exact"]}
    assert "0 pictures, mirrored ones among them" in err
    pictures = save_blobs(tmp_path / "blobs", 3)
    begun = ("--from", first / CHECKPOINT, "--stage", "projector", "--pictures", pictures)
    code, out, err = run("--out", second, *small, *begun)
    assert code == OK and "6 pictures, mirrored ones among them; 0 are held out" in err
    detector = open_detector(f"visionllm:{second / CHECKPOINT}", device="cpu")
    assert isinstance(detector, VisionLLM)
    (found,) = detector.detect([blobs(120, 90)], Request(("dog", "cat")))
    assert {*found.labels} <= {"dog", "cat"}


# What a learner writes --------------------------------------------------------------------------------------------


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
def seen() -> list[ImageTokens]:
    return GridTokens().tokens([blobs(64, 48, seed) for seed in range(3)], COUNT)


@pytest.fixture
def example(tokens: DecoderTokens, seen: list[ImageTokens]) -> BoxExample:
    """Three pictures behind one prompt."""
    targeting = Targeting(GridTokens.vocabulary, 0.0, "overlap")
    targets = [targeting.of(Picture(shown, None), CLASSES) for shown in seen]
    batches = [vars(TokenBatch.of(shown)).values() for shown in seen]
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
        return float(learner.loss(given).detach())

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
        self, model: Path, tmp_path: Path, example: BoxExample, seen: list[ImageTokens], changed: dict[str, Any]
    ) -> None:
        learner = new_learner(model, **changed)
        if changed.get("guided"):
            torch.nn.init.normal_(learner.network.projector.taken.weight, std=0.02)
        learner.save(tmp_path / "saved")
        seeing = replace(example, sees_others=changed.get("sees_others", False), boxed=COUNT)
        with torch.inference_mode():
            expected = torch.softmax(learner.written(seeing).classes, -1).view(3, COUNT, -1)
        decoder = load_decoder(tmp_path / "saved")
        for (shares, places), own in zip(decoder.write([example.prompt], seen), expected, strict=True):
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
