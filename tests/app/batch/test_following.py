"""What a page is told while a job goes on, wherever jobs are followed."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from app.batch import images as image_page
from app.batch import page as query_page
from app.batch.images import ImageJob, ImagesPart
from app.batch.jobs import QueryJob, Settings
from app.batch.page import QueriesPart
from app.batch.upload import receive
from app.batch.view import Updates, kept_job
from app.graph.graphs import GraphRegistry
from app.image.looking import SharedDetector
from app.models import LanguageModel
from app.video import page as video_page
from app.video.job import VideoJob
from app.video.page import VideoTab
from vision import Vision


def queries(folder: Path) -> tuple[Any, Any]:
    shelf = GraphRegistry(["world"])
    with gr.Blocks() as page:
        part = QueriesPart(shelf, LanguageModel("copy"), page, kept_job("queries"))
    sent = receive([], 'borders("Spain")', folder / "input")
    part._jobs.add(job := QueryJob(folder, sent, Settings("world", "reading", None, []), shelf))
    return part, job


def images(folder: Path) -> tuple[Any, Any]:
    with gr.Blocks() as page:
        part = ImagesPart(SharedDetector(), page, kept_job("images"))
    part._jobs.add(job := ImageJob(folder, [], "every cat", 0.5, Vision))
    return part, job


def video(folder: Path) -> tuple[Any, Any]:
    with gr.Blocks() as page:
        part = VideoTab(SharedDetector(), page, kept_job("video"))
    part._jobs.add(job := VideoJob(folder, folder / "none.mp4", "every cat", 0.5, Vision))
    return part, job


@pytest.mark.parametrize(("made", "module"), [(queries, query_page), (images, image_page), (video, video_page)])
def test_no_update_is_left_out_of_what_comes_next(
    made: Callable[[Path], tuple[Any, Any]], module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it would be lost in a page that is busy: see `Updates`."""

    async def watch(*_: object) -> AsyncIterator[tuple[bool, bool]]:
        yield True, True
        yield False, False
        yield False, True

    monkeypatch.setattr(module, "watch", watch)
    part, job = made(tmp_path)

    async def all_told() -> list[Updates]:
        return [told async for told in part.follow(job.id)]

    updates = [{at for at, new in told.items() if isinstance(new, dict)} for told in asyncio.run(all_told())]
    assert len(updates) >= 4
    assert part.halt in updates[0]
    for earlier, later in itertools.pairwise(updates):
        assert earlier <= later


def test_no_job_is_followed_beside_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two would write over each other."""
    for name in ("own", "others"):
        (tmp_path / name).mkdir()
    part, own = queries(tmp_path / "own")
    _, others = queries(tmp_path / "others")
    part._jobs.add(others)
    monkeypatch.setattr(QueryJob, "active", property(lambda _: True))
    refused = part.again(None, others.id, own.id)
    assert "job of yours is at work" in refused[part.error]
    assert not refused[part.follower.following]
    assert part.again(None, own.id, own.id)[part.follower.following] == own.id
    assert part.again(None, others.id, "")[part.follower.following] == others.id
