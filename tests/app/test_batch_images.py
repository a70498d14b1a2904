"""Images by the zip: taken in, stopped, gone on with, without doubling what the image page does."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from app.batch_images import BatchImages, Work, _told, left_over, looked_at, take_images
from app.image_batch import run_batch
from app.image_page import ImageDemo
from kg_data.errors import SkylarkError
from tests.app.browsing import SCRIPT

PHOTOGRAPHS = Path(str(find_spec("skimage").submodule_search_locations[0])) / "data"  # type: ignore[union-attr,index]


@pytest.fixture(scope="module")
def images() -> ImageDemo:
    return ImageDemo()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    place = tmp_path / "photo.jpg"
    with Image.open(PHOTOGRAPHS / "astronaut.png") as opened:
        opened.convert("RGB").resize((256, 256)).save(place)
    return place


def test_zips_and_images_are_taken_together(photo: Path, tmp_path: Path) -> None:
    archive = tmp_path / "more.zip"
    with zipfile.ZipFile(archive, "w") as target:
        target.write(photo, "holiday/one.JPG")
        target.writestr("notes.txt", "passed over")
    folder = tmp_path / "in"
    folder.mkdir()
    assert [path.name for path in take_images([archive, photo], folder)] == ["one.JPG", "photo.jpg"]
    with pytest.raises(SkylarkError, match="no image yet"):
        take_images([], folder)
    with pytest.raises(SkylarkError, match="more than one job here takes"):
        take_images([photo] * 201, folder)


def test_a_stopped_batch_gives_the_zip_of_what_it_has(images: ImageDemo, photo: Path, tmp_path: Path) -> None:
    seen: list[Any] = []
    steps = list(
        run_batch(
            images.vision,
            [photo] * 3,
            "person",
            0.35,
            tmp_path / "all.zip",
            lambda: len(seen) >= 1 or bool(seen.append(1)),
        )
    )
    assert steps[-1].archive == tmp_path / "all.zip"
    assert (steps[-1].done, steps[-1].total) == (1, 3)
    folder = tmp_path / "earlier"
    folder.mkdir()
    done = looked_at(tmp_path / "all.zip", folder)
    assert done == Counter({"photo.jpg": 1})
    assert len(left_over([photo] * 3, done)) == 2
    assert left_over([photo, tmp_path / "other.jpg"], Counter({"photo.jpg": 1})) == [tmp_path / "other.jpg"]


def test_a_batch_whose_time_is_over_gives_the_zip_of_what_it_has(
    images: ImageDemo, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 1.0, 5.0])
    monkeypatch.setattr("app.image_batch.time", SimpleNamespace(monotonic=lambda: next(clock)))
    steps = list(run_batch(images.vision, [photo] * 3, "person", 0.35, tmp_path / "all.zip", seconds=4))
    assert (steps[-1].done, steps[-1].total, steps[-1].overdue) == (1, 3, True)
    folder = tmp_path / "earlier"
    folder.mkdir()
    assert looked_at(tmp_path / "all.zip", folder) == Counter({"photo.jpg": 1})
    assert _told(steps[1], 0, 4.0) == "Looking: 1 of 3 images, 1 object; about 8.0 s left."
    assert "Ended after 10 minutes, the most for one batch: 1 of 3 images" in _told(steps[-1], 0, 5.0)


def followed(demo: BatchImages, *arguments: Any) -> list[tuple[Any, ...]]:
    async def all_of() -> list[tuple[Any, ...]]:
        return [shown async for shown in demo.run(*arguments)]

    return asyncio.run(all_of())


def test_what_is_shown_is_escaped_and_ends_with_a_zip(images: ImageDemo, photo: Path, tmp_path: Path) -> None:
    strange = tmp_path / "<b>x&.png"
    strange.write_text("no image")
    shown = followed(BatchImages(images), [str(photo), str(strange)], "Find every person", 0.35, None, Work())
    told, rows, download, start, stop = shown[-1]
    assert "Done: 2 of 2 images, 1 object, 1 not readable." in told
    assert "&lt;b&gt;x&amp;.png" in rows
    assert "<b>" not in rows
    assert str(tmp_path) not in rows
    assert download["value"].endswith(".zip")
    assert (start["interactive"], stop["interactive"]) == (True, False)


@pytest.mark.parametrize("content", ["{}", '[{"name": 1}]', "[1]", "nonsense"])
def test_results_that_are_none_are_said(images: ImageDemo, photo: Path, tmp_path: Path, content: str) -> None:
    earlier = tmp_path / "earlier.zip"
    with zipfile.ZipFile(earlier, "w") as target:
        target.writestr("detections.json", content)
    told = followed(BatchImages(images), [str(photo)], SCRIPT, 0.35, str(earlier), Work())[-1][0]
    if content == "{}":  # a list of nothing holds none of the images
        assert "<script" not in told
    else:
        assert "no zip of results" in told
    with zipfile.ZipFile(earlier, "w") as target:
        target.writestr("detections.json", json.dumps([{"image": "photo.jpg"}]))
    told = followed(BatchImages(images), [str(photo)], "person", 0.35, str(earlier), Work())[-1][0]
    assert "nothing left to look at" in told
