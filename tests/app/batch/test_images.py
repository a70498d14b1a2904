"""Images by the zip: counted, taken in, waited for, stopped, found again, gone on with."""

import asyncio
import json
import time
import zipfile
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from app import tasks
from app.batch.images import (
    IMAGES,
    MOST_IMAGES,
    SENT,
    ImageJob,
    ImagesPart,
    count_images,
    found_html,
    names_in_results,
    state_html,
    take_images,
    without_done,
)
from app.batch.view import kept_job
from app.image.looking import SharedDetector
from app.tasks import TURN_OVER, JobStore
from skylark.errors import SkylarkError
from tests.app.browsing import SCRIPT

PHOTOGRAPHS = Path(str(find_spec("skimage").submodule_search_locations[0])) / "data"  # type: ignore[union-attr,index]


@pytest.fixture(scope="module")
def images() -> SharedDetector:
    return SharedDetector()


@pytest.fixture
def jobs() -> JobStore[ImageJob]:
    return JobStore()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    place = tmp_path / "photo.jpg"
    with Image.open(PHOTOGRAPHS / "astronaut.png") as opened:
        opened.convert("RGB").resize((256, 256)).save(place)
    return place


def made(
    jobs: JobStore[ImageJob], images: SharedDetector, files: list[Path], instruction: str = "Find every person"
) -> ImageJob:
    folder = jobs.new_folder()
    (folder / SENT).mkdir()
    job = ImageJob(folder, take_images(files, folder / SENT), instruction, 0.35, lambda: images.vision)
    jobs.add(job)
    return job


def run(job: ImageJob, jobs: JobStore[ImageJob]) -> ImageJob:
    job.start(jobs.line)
    job.join(60)
    return job


def stop_after(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have jobs stopped as soon as they have so many images."""
    check = ImageJob._check

    def checked(self: ImageJob) -> None:
        if len(self.entries) >= most:
            self.stop()
        check(self)

    monkeypatch.setattr(ImageJob, "_check", checked)


def test_zips_and_images_are_counted_and_taken_together(photo: Path, tmp_path: Path) -> None:
    archive = tmp_path / "more.zip"
    with zipfile.ZipFile(archive, "w") as target:
        target.write(photo, "holiday/one.JPG")
        target.writestr("notes.txt", "passed over")
    folder = tmp_path / "in"
    folder.mkdir()
    assert count_images([archive, photo]) == (2, 2 * photo.stat().st_size)
    taken = take_images([archive, photo], folder)
    assert [path.name for path in taken] == ["one.JPG", "photo.jpg"]
    assert all(path.is_relative_to(folder) for path in taken), "uploads do not last as long as a job may"
    with pytest.raises(SkylarkError, match="no image yet"):
        take_images([], folder)
    with pytest.raises(SkylarkError, match="more than one job here takes"):
        count_images([photo] * (MOST_IMAGES + 1))
    with (large := tmp_path / "large.png").open("wb") as file:
        file.truncate(IMAGES.bytes_all)
    with pytest.raises(SkylarkError, match="more than one job here takes"):
        take_images([large, photo], folder)
    # What it takes is said before it begins.
    demo = part(SharedDetector())
    told = demo.estimate([str(photo)] * 80)
    assert "80 images" in told and "about 8 s here" in told
    assert demo.estimate(None) == ""
    (tmp_path / "broken.zip").write_text("no zip")
    assert "no zip that can be read" in demo.estimate([str(tmp_path / "broken.zip")])


@pytest.mark.slow
def test_a_stopped_job_goes_on_where_it_was_by_itself_or_by_its_zip(
    images: SharedDetector, photo: Path, jobs: JobStore[ImageJob], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = made(jobs, images, [photo] * 3)
    with monkeypatch.context() as stopping:
        stop_after(1, stopping)
        assert run(job, jobs).state == "stopped"
    assert "Stopped: 1 of 3 images, 1 object. Go on continues from there." in state_html(job, 0)
    assert job.archive is not None
    folder = tmp_path / "earlier"
    folder.mkdir()
    done = names_in_results(job.archive, folder)
    assert done == Counter({"photo.jpg": 1})
    assert len(without_done([photo] * 3, done)) == 2
    assert without_done([photo, tmp_path / "other.jpg"], Counter({"photo.jpg": 1})) == [tmp_path / "other.jpg"]
    assert run(job, jobs).state == "done"
    assert not (job.folder / SENT).exists(), "what nobody goes on with is not kept"
    with zipfile.ZipFile(job.archive) as archive:
        names = {f"{part}/{name}" for name in ("photo", "photo-2", "photo-3") for part in ("text", "pictures")}
        assert {name.rpartition(".")[0] for name in archive.namelist()} == names | {"detections"}
        assert len(json.loads(archive.read("detections.json"))) == 3


def test_a_job_of_images_waits_for_its_turn_which_is_over_in_time(
    images: SharedDetector, photo: Path, jobs: JobStore[ImageJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = made(jobs, images, [photo] * 3)
    jobs.line.join("another")
    job.start(jobs.line)
    assert "Waiting: 1 job before yours. Stop gives the place up." in state_html(job, time.monotonic())
    job.stop()
    job.join(10)
    assert job.state == "stopped"
    jobs.line.leave("another")
    monkeypatch.setattr(tasks, "TURN_SECONDS", -1.0)
    run(job, jobs)
    assert (job.state, job.ended, len(job.entries)) == ("stopped", TURN_OVER, 1)
    assert f"because {TURN_OVER}" in state_html(job, 0) and job.archive is not None


def test_what_cannot_be_read_is_named_and_the_rest_kept(
    images: SharedDetector, jobs: JobStore[ImageJob], tmp_path: Path
) -> None:
    first, second = tmp_path / "Photo.png", tmp_path / "photo.jpg"
    Image.new("RGB", (64, 48)).save(first)
    Image.new("RGB", (4000, 30)).save(second)
    strange = tmp_path / "<b>x&.png"
    strange.write_text("no image")
    job = run(made(jobs, images, [first, strange, second], "cats as VOC"), jobs)
    assert "Done: 3 of 3 images, 0 objects, 1 not readable." in state_html(job, 0)
    shown = found_html(job)
    assert "&lt;b&gt;x&amp;.png" in shown and "<b>" not in shown and str(job.folder) not in shown
    assert job.archive is not None
    with zipfile.ZipFile(job.archive) as archive:
        assert {"text/Photo.xml", "text/photo-2.xml"} == {name for name in archive.namelist() if "text/" in name}
        with archive.open("pictures/photo-2.jpg") as drawn:
            assert max(Image.open(drawn).size) == 2560
        assert str(job.folder) not in archive.read("detections.json").decode()


def test_contradictions_stop_a_job_before_it_starts_and_jobs_are_bounded_in_bytes(
    images: SharedDetector, photo: Path, jobs: JobStore[ImageJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(made(jobs, images, [photo], "only cats, no cats"), jobs)
    assert (first.state, first.entries, first.archive) == ("failed", [], None)
    assert "contradict" in state_html(first, 0)
    second = made(jobs, images, [photo])
    monkeypatch.setattr("app.tasks.MOST_KEPT_BYTES", second.size + first.size - 1)
    assert jobs.get(first.id) is None and not first.folder.exists()
    assert jobs.get(second.id) is second


def part(images: SharedDetector) -> ImagesPart:
    with gr.Blocks() as page:
        return ImagesPart(images, page, kept_job("images"))


def followed(demo: ImagesPart, begun: dict[Any, Any]) -> dict[Any, Any]:
    """What the page shows at the end: the error where nothing began, else what following gives last."""

    async def last() -> dict[Any, Any]:
        return [shown async for shown in demo.follow(begun[demo.follower.following])][-1]

    return asyncio.run(last()) if begun[demo.follower.following] else begun


@pytest.mark.slow
def test_a_followed_job_is_gone_on_with_ends_with_a_zip_and_is_found_again(
    images: SharedDetector, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = part(images)
    buttons = (demo.look_at_all, demo.resume, demo.halt)
    with monkeypatch.context() as stopping:
        stop_after(1, stopping)
        shown = followed(demo, demo.start([str(photo)] * 2, "Find every person", 0.35, None, None))
    assert "Stopped: 1 of 2 images" in shown[demo.status]
    assert [shown[button]["interactive"] for button in buttons] == [True, True, False]
    shown = followed(demo, demo.go_on(shown[demo.follower.current]))
    assert "Done: 2 of 2 images, 2 objects." in shown[demo.status] and "1 object: person" in shown[demo.found]
    assert shown[demo.download]["value"].endswith(".zip")
    assert [shown[button]["interactive"] for button in buttons] == [True, False, False]
    current = shown[demo.follower.current]
    assert demo.follower.find_again(current)[demo.follower.following] == current
    assert "no longer on this server" in demo.follower.find_again("x" * 22)[demo.error]
    assert "no job of images to go on with" in demo.go_on(None)[demo.error]


@pytest.mark.slow
def test_results_that_are_none_are_said(images: SharedDetector, photo: Path, tmp_path: Path) -> None:
    earlier, demo = tmp_path / "earlier.zip", part(images)
    for content, told in (
        ("{}", ""),  # a list of nothing holds none of the images
        ('[{"name": 1}]', "no zip of results"), ("nonsense", "no zip of results"),
        (json.dumps([{"image": "photo.jpg"}]), "nothing left to look at"),
    ):  # fmt: skip
        with zipfile.ZipFile(earlier, "w") as target:
            target.writestr("detections.json", content)
        shown = followed(demo, demo.start([str(photo)], SCRIPT, 0.35, str(earlier), None))
        assert told in shown[demo.error] if told else "<script" not in shown[demo.status]
