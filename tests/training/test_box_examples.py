"""Folders of pictures: what is taught and what is held out, their tokens on disk, and what is annotated in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.vision.coloured_pictures import PICTURES, make_set
from tests.vision.decoder.tiny_decoders import GridTokens, save_blobs
from training.box_examples import HELD_OUT, Picture, Pictures, PictureSet, Truth, read_set
from training.loop import TrainingError
from vision.decoder.image_tokens import MOST_TOKENS, ImageTokens
from vision.errors import DetectorError, EvaluationError
from vision.images import LoadedImage, load_image


def silent(line: str) -> None:
    """Says nothing."""


class TestReadingAFolder:
    def test_annotated_boxes_are_shares_of_their_picture(self, tmp_path: Path) -> None:
        make_set(tmp_path / "set")
        found = read_set(tmp_path / "set")
        assert found.name == "set"
        for path, truth in zip(found.paths, found.truths, strict=True):
            assert truth is not None and truth.known == ("car", "cat", "dog")
            assert truth.classes == tuple(name for name, _ in PICTURES[path.name])
            expected = [[x / 96, y / 64, (x + w) / 96, (y + h) / 64] for _, (x, y, w, h) in PICTURES[path.name]]
            np.testing.assert_allclose(truth.boxes, np.array(expected).reshape(-1, 4), atol=1e-6)
            assert not truth.crowds.any()

    def test_regions_in_which_objects_were_not_told_apart_are_crowds(self, tmp_path: Path) -> None:
        row = {"id": 1, "image_id": 10, "category_id": 17, "bbox": [0, 0, 48, 64], "iscrowd": 1}
        make_set(tmp_path / "set", changed={"annotations": [row, {**row, "id": 2, "iscrowd": 0}]})
        truth = read_set(tmp_path / "set").truths[0]
        assert truth is not None and truth.crowds.tolist() == [True, False]

    def test_without_annotations_nothing_is_known(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        found = read_set(save_blobs(tmp_path / "set", 3))
        assert [path.name for path in found.paths] == ["0.png", "1.png", "2.png"]
        assert found.truths == (None, None, None)
        monkeypatch.chdir(tmp_path / "set")
        assert read_set(Path()).name == "set"

    def test_a_folder_that_is_no_set_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(TrainingError, match="has no folder images"):
            read_set(tmp_path)
        (tmp_path / "images").mkdir()
        with pytest.raises(TrainingError, match="holds no image"):
            read_set(tmp_path)
        images, _ = make_set(tmp_path / "set")
        (images / "b.png").unlink()
        with pytest.raises(EvaluationError, match=r"b\.png"):
            read_set(tmp_path / "set")


def named(name: str, count: int) -> PictureSet:
    paths = tuple(Path(name) / "images" / f"{number:04}.jpg" for number in range(count))
    box, crowd = np.zeros((1, 4), np.float32), np.zeros(1, bool)
    return PictureSet(name, paths, tuple(Truth((), (str(path),), box, crowd) for path in paths))


class TestTheSplit:
    def test_each_picture_is_taught_or_held_out_with_what_is_annotated_in_it(self) -> None:
        whole = named("set", 200)
        taught, held_out = whole.split()
        assert not {*taught.paths} & {*held_out.paths}
        assert {*taught.paths} | {*held_out.paths} == {*whole.paths}
        assert len(held_out.paths) == 20
        for half in (taught, held_out):
            assert [truth.classes for truth in half.truths if truth] == [(str(path),) for path in half.paths]
        turned = PictureSet("set", tuple(Path("/elsewhere") / path.name for path in whole.paths[::-1]), (None,) * 200)
        assert {path.name for path in turned.split()[1].paths} == {path.name for path in held_out.paths}

    @pytest.mark.parametrize("name", HELD_OUT)
    def test_of_some_sets_a_share_of_their_own_is_held_out(self, name: str) -> None:
        assert len(named(name, 300).split()[1].paths) == round(300 * HELD_OUT[name])
        assert len(named(name, 1).split()[1].paths) == 0


class Failing(GridTokens):
    """Fails at the third image that it sees."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    def tokens(self, images: Sequence[LoadedImage], most: int = MOST_TOKENS) -> list[ImageTokens]:
        if self.seen == 2:
            raise self._error
        return super().tokens(images, most)


@pytest.fixture
def pictures(tmp_path: Path) -> PictureSet:
    return read_set(save_blobs(tmp_path / "set", 3))


@pytest.fixture
def kept(tmp_path: Path, pictures: PictureSet) -> Callable[..., Pictures]:
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
    def test_each_picture_is_there_as_it_is_and_mirrored(
        self, pictures: PictureSet, kept: Callable[..., Pictures]
    ) -> None:
        found = kept(GridTokens())
        assert len(found) == 6
        for place, path in enumerate(pictures.paths):
            pixels = load_image(path).pixels
            turned = LoadedImage(np.ascontiguousarray(pixels[:, ::-1]))
            as_it_is, mirrored = GridTokens().tokens([LoadedImage(pixels), turned])
            assert same(found[2 * place], as_it_is)
            assert same(found[2 * place + 1], mirrored)
            assert not same(found[2 * place + 1], as_it_is)

    def test_the_source_is_asked_once_and_for_anything_else_anew(
        self, pictures: PictureSet, kept: Callable[..., Pictures]
    ) -> None:
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
        self, tmp_path: Path, kept: Callable[..., Pictures], error: BaseException
    ) -> None:
        with pytest.raises(type(error)):
            kept(Failing(error))
        assert list((tmp_path / "cache").iterdir()) == []
        assert len(kept(source := GridTokens())) == source.seen == 6

    def test_a_broken_image_is_left_out_with_a_line(self, tmp_path: Path, pictures: PictureSet) -> None:
        pictures.paths[1].write_bytes(b"no image")
        said: list[str] = []
        found = Pictures(pictures, GridTokens(), 16, tmp_path / "cache", said.append)
        assert [len(found[place].tokens) for place in range(6)] == [16, 16, 0, 0, 16, 16]
        (left_out,) = (line for line in said if "left out" in line)
        assert f"{pictures.paths[1]} is no image" in left_out

    @pytest.mark.parametrize("name", ["features.npy", "counts.npy"])
    @pytest.mark.parametrize("left", [0, 200])
    def test_what_was_kept_and_is_damaged_is_made_anew(
        self, tmp_path: Path, kept: Callable[..., Pictures], name: str, left: int
    ) -> None:
        kept(GridTokens())
        (path,) = (tmp_path / "cache").glob(f"*/{name}")
        whole = path.read_bytes()
        path.write_bytes(whole[: min(left, len(whole) - 1)])
        assert len(kept(source := GridTokens())) == source.seen == 6
        assert path.read_bytes() == whole

    def test_a_full_disk_is_told_before_the_first_picture_is_looked_at(
        self, tmp_path: Path, kept: Callable[..., Pictures], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(descriptor: int, offset: int, length: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
        source = GridTokens()
        with pytest.raises(TrainingError, match=r"No space left on device.*make room"):
            kept(source)
        assert source.seen == 0 and list((tmp_path / "cache").iterdir()) == []

    def test_where_they_cannot_be_kept_that_is_said(self, tmp_path: Path, pictures: PictureSet) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(TrainingError, match=r"the image tokens of set cannot be kept in .*file \(.*make room"):
            Pictures(pictures, GridTokens(), 16, tmp_path / "file", silent)

    def test_two_runs_may_keep_them_at_the_same_time(self, kept: Callable[..., Pictures], pictures: PictureSet) -> None:
        class Overtaken(GridTokens):
            """Another run has kept the same tokens before this one is done."""

            def tokens(self, images: Sequence[LoadedImage], most: int = MOST_TOKENS) -> list[ImageTokens]:
                if self.seen == 0:
                    kept(GridTokens())
                return super().tokens(images, most)

        assert len(kept(Overtaken())) == 6


class TestMirroredAnnotations:
    @pytest.fixture
    def truth(self) -> Truth:
        boxes = np.array([[0.1, 0.2, 0.4, 0.9], [0.0, 0.0, 1.0, 0.5]], np.float32)
        return Truth(("cat", "dog"), ("dog", "cat"), boxes, np.array([False, True]))

    def test_left_and_right_are_exchanged(self, truth: Truth) -> None:
        mirrored = truth.mirrored()
        np.testing.assert_allclose(mirrored.boxes, [[0.6, 0.2, 0.9, 0.9], [0, 0, 1, 0.5]], atol=1e-6)
        assert (mirrored.known, mirrored.classes) == (truth.known, truth.classes)
        assert mirrored.crowds.tolist() == [False, True]

    def test_a_mirrored_picture_has_them_where_its_objects_are(
        self, tmp_path: Path, kept: Callable[..., Pictures]
    ) -> None:
        make_set(tmp_path / "annotated", {"a.png": [("cat", (0, 0, 24, 32))]})
        found = kept(GridTokens(), of=read_set(tmp_path / "annotated"))
        for place in range(2):
            truth, tokens = found[place].truth, found[place].tokens
            assert truth is not None
            low, high = truth.boxes[0, :2], truth.boxes[0, 2:]
            red = tokens.boxes[tokens.logits.argmax(1) == 0][:2]
            assert np.all(red[:, :2] >= low - 1e-6) and np.all(red[:, 2:] <= high + 1e-6)
        assert found[0].truth is not found[1].truth
