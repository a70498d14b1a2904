"""Folders of pictures: what is taught and held out, their tokens on disk, and what these are to say."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.vision.coloured_pictures import PICTURES, make_set
from tests.vision.decoder.tiny_decoders import GridTokens, save_blobs
from training.box_examples import (
    CLASS_COST,
    CORNER_COST,
    FLOOR,
    HELD_OUT,
    OVERLAP_COST,
    Matching,
    Picture,
    Pictures,
    PictureSet,
    Targeting,
    Targets,
    Truth,
    read_set,
)
from training.loop import TrainingError
from vision.decoder.image_tokens import MOST_TOKENS, ImageTokens
from vision.decoder.vocabulary import BINS
from vision.detections.boxes import iou_matrix
from vision.errors import DetectorError, EvaluationError
from vision.images import LoadedImage, load_image

Kept = Callable[..., Pictures]


def silent(line: str) -> None:
    """Says nothing."""


def test_annotated_boxes_are_shares_of_their_picture_and_regions_not_told_apart_are_crowds(tmp_path: Path) -> None:
    make_set(tmp_path / "set")
    found = read_set(tmp_path / "set")
    assert found.name == "set"
    for path, truth in zip(found.paths, found.truths, strict=True):
        assert truth is not None and truth.known == ("car", "cat", "dog")
        assert truth.classes == tuple(name for name, _ in PICTURES[path.name])
        expected = [[x / 96, y / 64, (x + w) / 96, (y + h) / 64] for _, (x, y, w, h) in PICTURES[path.name]]
        np.testing.assert_allclose(truth.boxes, np.array(expected).reshape(-1, 4), atol=1e-6)
        assert not truth.crowds.any()
    row = {"id": 1, "image_id": 10, "category_id": 17, "bbox": [0, 0, 48, 64], "iscrowd": 1}
    make_set(tmp_path / "crowds", changed={"annotations": [row, {**row, "id": 2, "iscrowd": 0}]})
    truth = read_set(tmp_path / "crowds").truths[0]
    assert truth is not None and truth.crowds.tolist() == [True, False]


def test_without_annotations_nothing_is_known_and_a_folder_that_is_no_set_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read_set(save_blobs(tmp_path / "set", 3))
    assert [path.name for path in found.paths] == ["0.png", "1.png", "2.png"]
    assert found.truths == (None, None, None)
    monkeypatch.chdir(tmp_path / "set")
    assert read_set(Path()).name == "set"
    with pytest.raises(TrainingError, match="has no folder images"):
        read_set(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(TrainingError, match="holds no image"):
        read_set(tmp_path)
    images, _ = make_set(tmp_path / "annotated")
    (images / "b.png").unlink()
    with pytest.raises(EvaluationError, match=r"b\.png"):
        read_set(tmp_path / "annotated")


def named(name: str, count: int) -> PictureSet:
    paths = tuple(Path(name) / "images" / f"{number:04}.jpg" for number in range(count))
    box, crowd = np.zeros((1, 4), np.float32), np.zeros(1, bool)
    return PictureSet(name, paths, tuple(Truth((), (str(path),), box, crowd) for path in paths))


def test_each_picture_is_taught_or_held_out_with_what_is_annotated_in_it() -> None:
    whole = named("set", 200)
    taught, held_out = whole.split()
    assert {*taught.paths} | {*held_out.paths} == {*whole.paths} and not {*taught.paths} & {*held_out.paths}
    assert len(held_out.paths) == 20
    for half in (taught, held_out):
        assert [truth.classes for truth in half.truths if truth] == [(str(path),) for path in half.paths]
    turned = PictureSet("set", tuple(Path("/elsewhere") / path.name for path in whole.paths[::-1]), (None,) * 200)
    assert {path.name for path in turned.split()[1].paths} == {path.name for path in held_out.paths}
    for name, share in HELD_OUT.items():  # of some sets a share of their own
        assert len(named(name, 300).split()[1].paths) == round(300 * share)
        assert len(named(name, 1).split()[1].paths) == 0


class Disturbed(GridTokens):
    """Something happens before it looks at the image of this number."""

    def __init__(self, number: int, happens: Callable[[], object]) -> None:
        super().__init__()
        self._number, self._happens = number, happens

    def tokens(self, images: Sequence[LoadedImage], most: int = MOST_TOKENS) -> list[ImageTokens]:
        if self.seen == self._number:
            self._happens()
        return super().tokens(images, most)


@pytest.fixture
def pictures(tmp_path: Path) -> PictureSet:
    return read_set(save_blobs(tmp_path / "set", 3))


@pytest.fixture
def kept(tmp_path: Path, pictures: PictureSet) -> Kept:
    """The pictures' tokens, by the first source that asks."""

    def kept(source: GridTokens, most: int = 16, of: PictureSet = pictures) -> Pictures:
        return Pictures(of, source, most, tmp_path / "cache", silent)

    return kept


def same(picture: Picture, tokens: ImageTokens) -> bool:
    """Places to the last bit, features and evidence to the half precision in which they are kept."""
    kept = picture.tokens
    exact = np.array_equal(kept.boxes, tokens.boxes) and np.array_equal(kept.cells, tokens.cells)
    near = np.allclose(kept.features, tokens.features, rtol=1e-3) and np.allclose(kept.logits, tokens.logits, rtol=1e-3)
    return exact and near


class TestTheirTokens:
    def test_each_picture_is_there_as_it_is_and_mirrored(self, pictures: PictureSet, kept: Kept) -> None:
        found = kept(GridTokens())
        assert len(found) == 6
        for place, path in enumerate(pictures.paths):
            pixels = load_image(path).pixels
            turned = LoadedImage(np.ascontiguousarray(pixels[:, ::-1]))
            as_it_is, mirrored = GridTokens().tokens([LoadedImage(pixels), turned])
            assert same(found[2 * place], as_it_is) and same(found[2 * place + 1], mirrored)
            assert not same(found[2 * place + 1], as_it_is)

    def test_the_source_is_asked_once_and_for_anything_else_anew(self, pictures: PictureSet, kept: Kept) -> None:
        first, again = kept(GridTokens()), kept(source := GridTokens())
        assert source.seen == 0
        assert all(same(first[place], again[place].tokens) for place in range(6))
        fewer = PictureSet("set", pictures.paths[:2], pictures.truths[:2])
        (best,) = GridTokens().tokens([load_image(pictures.paths[0])], 5)
        assert same(kept(source, 5)[0], best) and source.seen == 6
        kept(source, of=fewer)
        assert source.seen == 10
        kept(other := GridTokens("second"))
        assert other.seen == 6
        pictures.paths[0].write_bytes(pictures.paths[0].read_bytes() + b" ")
        kept(source)
        assert source.seen == 16, "a picture has changed"

    @pytest.mark.parametrize("error", [DetectorError("it failed"), KeyboardInterrupt()], ids=["error", "ctrl-c"])
    def test_a_source_that_fails_in_the_middle_leaves_nothing(
        self, tmp_path: Path, kept: Kept, error: BaseException
    ) -> None:
        def fail() -> None:
            raise error

        with pytest.raises(type(error)):
            kept(Disturbed(2, fail))
        assert list((tmp_path / "cache").iterdir()) == []
        assert len(kept(source := GridTokens())) == source.seen == 6

    def test_two_runs_may_keep_them_at_the_same_time(self, kept: Kept) -> None:
        assert len(kept(Disturbed(0, lambda: kept(GridTokens())))) == 6

    def test_a_broken_image_is_left_out_with_a_line(self, tmp_path: Path, pictures: PictureSet) -> None:
        pictures.paths[1].write_bytes(b"no image")
        said: list[str] = []
        found = Pictures(pictures, GridTokens(), 16, tmp_path / "cache", said.append)
        assert [len(found[place].tokens) for place in range(6)] == [16, 16, 0, 0, 16, 16]
        (left_out,) = (line for line in said if "left out" in line)
        assert f"{pictures.paths[1]} is no image" in left_out

    @pytest.mark.parametrize(("name", "left"), [("features.npy", 200), ("counts.npy", 0)])
    def test_what_was_kept_and_is_damaged_is_made_anew(self, tmp_path: Path, kept: Kept, name: str, left: int) -> None:
        kept(GridTokens())
        (path,) = (tmp_path / "cache").glob(f"*/{name}")
        whole = path.read_bytes()
        path.write_bytes(whole[: min(left, len(whole) - 1)])
        assert len(kept(source := GridTokens())) == source.seen == 6
        assert path.read_bytes() == whole

    def test_a_full_disk_is_told_before_the_first_picture_is_looked_at_as_is_a_place_that_is_none(
        self, tmp_path: Path, kept: Kept, pictures: PictureSet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(descriptor: int, offset: int, length: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
        source = GridTokens()
        with pytest.raises(TrainingError, match=r"No space left on device.*make room"):
            kept(source)
        assert source.seen == 0 and list((tmp_path / "cache").iterdir()) == []
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(TrainingError, match=r"the image tokens of set cannot be kept in .*file \(.*make room"):
            Pictures(pictures, GridTokens(), 16, tmp_path / "file", silent)


def test_mirrored_annotations_have_left_and_right_exchanged_as_their_picture_has(tmp_path: Path, kept: Kept) -> None:
    boxes = np.array([[0.1, 0.2, 0.4, 0.9], [0.0, 0.0, 1.0, 0.5]], np.float32)
    truth = Truth(("cat", "dog"), ("dog", "cat"), boxes, np.array([False, True]))
    mirrored = truth.mirrored()
    np.testing.assert_allclose(mirrored.boxes, [[0.6, 0.2, 0.9, 0.9], [0, 0, 1, 0.5]], atol=1e-6)
    assert (mirrored.known, mirrored.classes) == (truth.known, truth.classes)
    assert mirrored.crowds.tolist() == [False, True]
    make_set(tmp_path / "annotated", {"a.png": [("cat", (0, 0, 24, 32))]})
    found = kept(GridTokens(), of=read_set(tmp_path / "annotated"))
    for place in range(2):
        shown, tokens = found[place].truth, found[place].tokens
        assert shown is not None
        red = tokens.boxes[tokens.logits.argmax(1) == 0][:2]
        assert np.all(red[:, :2] >= shown.boxes[0, :2] - 1e-6) and np.all(red[:, 2:] <= shown.boxes[0, 2:] + 1e-6)
    assert found[0].truth is not found[1].truth


# What tokens are to say: the detector's scores, and the annotations where there are any ------------------------------

VOCABULARY = ("cat", "dog", "bus")
MATCHINGS: tuple[Matching, ...] = ("overlap", "hungarian")

BOXES = np.array([[0.1, 0.1, 0.5, 0.5], [0.1, 0.1, 0.5, 0.42], [0.6, 0.6, 0.9, 0.9], [0.0, 0.6, 0.2, 0.8]], np.float32)
"""The second covers four fifths of the first."""

SCORES = np.array([[0.6, 0.1, 0.0], [0.5, 0.4, 0.3], [0.1, 0.2, 0.3], [0.01, 0.02, 0.01]], np.float32)


def tokens_of(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> ImageTokens:
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    cells = np.concatenate([middles, np.full_like(middles, 0.05)], 1)
    likely = np.clip(scores, 1e-6, 1 - 1e-6)
    return ImageTokens(np.zeros((len(boxes), 2), np.float32), cells, boxes, np.log(likely / (1 - likely)))


TOKENS = tokens_of(BOXES, SCORES)


def truth(
    *objects: tuple[str, list[float]], known: tuple[str, ...] = VOCABULARY, crowds: tuple[int, ...] = ()
) -> Truth:
    boxes = np.array([box for _, box in objects], np.float32).reshape(-1, 4)
    marked = np.array([place in crowds for place in range(len(objects))], bool)
    return Truth(known, tuple(name for name, _ in objects), boxes, marked)


def targets(
    annotated: Truth | None = None,
    weight: float = 1.0,
    matching: Matching = "overlap",
    asked: tuple[str, ...] = VOCABULARY,
    tokens: ImageTokens = TOKENS,
) -> Targets:
    return Targeting(VOCABULARY, weight, matching).of(Picture(tokens, annotated), asked)


DOG = truth(("dog", [0.1, 0.1, 0.5, 0.5]))


def above(score: float) -> float:
    """What is left of a score above the floor, from 0 to 1."""
    return max(score - FLOOR, 0) / (1 - FLOOR)


def test_without_annotations_the_detectors_scores_are_the_shares_as_far_as_they_are_above_the_floor() -> None:
    shares = targets().shares
    expected = [above(0.6), above(0.1), 0, 1 - above(0.6) - above(0.1)]
    np.testing.assert_allclose(shares[0], expected, atol=1e-5)
    np.testing.assert_array_equal(shares[3], [0, 0, 0, 1])
    likely = tokens_of(BOXES[:1], np.array([[0.9, 0.6, 0.5]], np.float32))
    parts = np.array([above(0.9), above(0.6), above(0.5)])
    np.testing.assert_allclose(targets(tokens=likely).shares, [[*parts / parts.sum(), 0]], atol=1e-5)
    # In the order of the prompt; a class that the detector does not know is none.
    shares = targets(asked=("bus", "cat", "oak")).shares
    np.testing.assert_allclose(shares[1], [above(0.3), above(0.5), 0, 1 - above(0.3) - above(0.5)], atol=1e-5)


boxes_in_the_image = st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4).map(
    lambda sides: [min(sides[0], sides[2]), min(sides[1], sides[3]), max(sides[0], sides[2]), max(sides[1], sides[3])]
)


@given(st.data(), st.floats(0, 1), st.sampled_from(MATCHINGS), st.booleans())
def test_whatever_is_asked_and_annotated_the_shares_of_a_token_are_one_together(
    data: st.DataObject, weight: float, matching: Matching, crowd: bool
) -> None:
    scores = data.draw(st.lists(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3), min_size=4, max_size=4))
    objects = data.draw(st.lists(st.tuples(st.sampled_from(("cat", "dog", "oak")), boxes_in_the_image), max_size=6))
    asked = data.draw(st.lists(st.sampled_from(("cat", "dog", "bus", "oak", "wolf")), min_size=1, unique=True))
    annotated = truth(*objects, known=("cat", "dog", "oak"), crowds=(0,) if crowd else ())
    picture = Picture(tokens_of(BOXES, np.array(scores, np.float32)), annotated)
    found = Targeting(VOCABULARY, weight, matching).of(picture, asked)
    assert found.shares.shape == (4, len(asked) + 1) and np.all(found.shares >= 0)
    np.testing.assert_allclose(found.shares.sum(1), 1, atol=1e-5)
    assert np.all(np.abs(found.places) <= BINS) and np.all((found.weights >= 0) & (found.weights <= 1))


@pytest.mark.parametrize("matching", MATCHINGS)
def test_only_what_is_annotated_at_all_replaces_the_detectors_scores(matching: Matching) -> None:
    others = ("cat", "bus")
    unknown = truth(("dog", [0.1, 0.1, 0.5, 0.5]), known=("dog",))
    kept = targets(unknown, matching=matching, asked=others).shares
    np.testing.assert_allclose(kept, targets(asked=others).shares, atol=1e-6)
    assert np.all(targets(DOG, matching=matching, asked=others).shares[:, :2] == 0)
    np.testing.assert_array_equal(targets(truth(), matching=matching).shares, np.tile([0, 0, 0, 1], (4, 1)))


def test_by_overlap_a_token_is_the_box_as_far_as_it_covers_half_of_it_or_more() -> None:
    shares = targets(DOG).shares
    np.testing.assert_allclose(shares[:, 1], [1.0, above(0.8), 0, 0], atol=1e-5)
    assert np.all(shares[:, [0, 2]] == 0)
    assert np.all(targets(truth(("dog", [0.6, 0.6, 0.9, 0.74]))).shares[:, 3] == 1)
    # Half the weight is half way between the detector and the annotation, and none changes nothing.
    np.testing.assert_allclose(targets(DOG, 0.5).shares[0, :3], [above(0.3), above(0.55), 0], atol=1e-5)
    assert np.array_equal(targets(DOG, 0.0, "hungarian").shares, targets().shares)


def scattered(seed: int, tokens: int, objects: int) -> tuple[ImageTokens, Truth]:
    """Tokens and annotated boxes here and there, all inside the image."""
    rng = np.random.default_rng(seed)

    def boxes(count: int) -> Any:
        low, size = rng.uniform(0, 0.6, (count, 2)), rng.uniform(0.1, 0.4, (count, 2))
        return np.concatenate([low, low + size], 1).astype(np.float32)

    seen = tokens_of(boxes(tokens), rng.uniform(0, 0.9, (tokens, 3)).astype(np.float32))
    names = rng.choice(VOCABULARY, objects)
    return seen, truth(*zip(names.tolist(), boxes(objects).tolist(), strict=True))


@pytest.mark.parametrize("seed", range(2))
def test_by_hungarian_matching_each_box_is_given_one_token_and_no_other_assignment_costs_less(seed: int) -> None:
    tokens, annotated = scattered(seed, 12, 5)
    shares = targets(annotated, matching="hungarian", tokens=tokens).shares
    for column, name in enumerate(VOCABULARY):
        assert shares[:, column].sum() == annotated.classes.count(name)
    assert sorted(shares[:, 3].tolist()) == [0] * 5 + [1] * 7
    crowds = replace(annotated, crowds=np.array([True, False, False, True, False]))
    assert np.sum(targets(crowds, matching="hungarian", tokens=tokens).weights == 1) == 3, "a crowd is given none"
    tokens, annotated = scattered(seed, 3, 6)
    assert np.all(targets(annotated, matching="hungarian", tokens=tokens).shares[:, 3] == 0), "boxes enough for all"
    tokens, annotated = scattered(seed, 5, 3)
    found = targets(annotated, matching="hungarian", tokens=tokens)
    said = np.tile(tokens.cells[:, :2], 2) + found.places / BINS
    assigned = tuple(int(np.abs(said - box).max(1).argmin()) for box in annotated.boxes)
    cheapest = min(cost(tokens, annotated, order) for order in permutations(range(5), 3))
    assert cost(tokens, annotated, assigned) == pytest.approx(cheapest, abs=1e-5)


def cost(tokens: ImageTokens, annotated: Truth, order: tuple[int, ...]) -> float:
    total = 0.0
    for name, box, token in zip(annotated.classes, annotated.boxes, order, strict=True):
        score = 1 / (1 + np.exp(-tokens.logits[token, VOCABULARY.index(name)]))
        overlap = float(iou_matrix(tokens.boxes[[token]], box[None])[0, 0])
        total += CLASS_COST * (1 - score) + OVERLAP_COST * (1 - overlap)
        total += CORNER_COST * float(np.abs(tokens.boxes[token] - box).mean())
    return total


@pytest.mark.parametrize("matching", MATCHINGS)
def test_tokens_on_a_crowd_keep_what_the_detector_says_and_their_places(matching: Matching) -> None:
    found, without = targets(truth(("dog", [0.1, 0.1, 0.5, 0.45]), crowds=(0,)), matching=matching), targets()
    np.testing.assert_allclose(found.shares[:2], without.shares[:2], atol=1e-6)
    np.testing.assert_array_equal(found.shares[2:], np.tile([0, 0, 0, 1], (2, 1)))
    np.testing.assert_allclose(found.places, without.places, atol=1e-4)
    # A small token inside a large one lies on it.
    np.testing.assert_allclose(targets(truth(("dog", [0, 0, 1, 1]), crowds=(0,))).shares, without.shares, atol=1e-6)


def placed(*objects: tuple[str, list[float]]) -> Any:
    """The boxes that tokens are to say."""
    return np.tile(TOKENS.cells[:, :2], 2) + targets(truth(*objects) if objects else None).places / BINS


def test_places_are_the_detectors_box_or_the_annotated_one_that_it_covers_best() -> None:
    np.testing.assert_allclose(placed(), BOXES, atol=1e-5)
    dog = [0.12, 0.08, 0.5, 0.5]
    np.testing.assert_allclose(placed(("dog", dog)), [dog, dog, *BOXES[2:]], atol=1e-5)
    better, worse = ("dog", [0.1, 0.1, 0.5, 0.48]), ("cat", [0.1, 0.1, 0.45, 0.5])
    for objects in ((better, worse), (worse, better)):
        np.testing.assert_allclose(placed(*objects)[0], better[1], atol=1e-5)
    # An annotated box counts in full, an unlikely token not at all; a box beyond the image ends at its edge.
    np.testing.assert_allclose(targets(DOG).weights, [1, 1, 0.3, 0], atol=1e-5)
    tokens = tokens_of(np.array([[-0.3, 0.2, 1.6, 0.9]], np.float32), np.full((1, 3), 0.3, np.float32))
    middle = np.tile(tokens.cells[:, :2], 2)
    np.testing.assert_allclose(middle + targets(tokens=tokens).places / BINS, [[0, 0.2, 1, 0.9]], atol=1e-5)
