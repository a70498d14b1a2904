"""The video tab as a visitor meets it, in headless Chromium, over the server of the other walks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.video.examples import CLIPS, HEIGHT, RATE, VIDEO_EXAMPLES, WIDTH
from tests.app.browsing import DESKTOP, PHONE, expect, open_tab, serious_faults_by_theme, visit
from tests.vision.video.made_videos import encoded

PLAYING = "document.querySelector('video.sk-player')"


@pytest.fixture(scope="module")
def horses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of a video in which a horse walks."""
    draw = CLIPS["horses-at-dusk"].draw
    path = tmp_path_factory.mktemp("sent") / "horses.mp4"
    return encoded(path, (draw(number) for number in range(40, 60)), (WIDTH, HEIGHT), RATE)


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two horses come, one leaves: three seconds of an example, which has eleven."""
    draw = CLIPS["horses-at-dusk"].draw
    path = tmp_path_factory.mktemp("sent") / "crossing.mp4"
    return encoded(path, (draw(number) for number in range(45, 120)), (WIDTH, HEIGHT), RATE)


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute in which a horse stands: the detector is at it for many seconds on any machine."""
    horse = CLIPS["horses-at-dusk"].draw(60)
    path = tmp_path_factory.mktemp("sent") / "minute.mp4"
    return encoded(path, (horse for _ in range(60 * RATE)), (WIDTH, HEIGHT), RATE)


@contextlib.contextmanager
def watching(browser: Any, url: str, name: str, viewport: dict[str, int] = DESKTOP, path: str = "/") -> Iterator[Any]:
    """A visitor at the video tab."""
    with visit(browser, url, f"video-{name}", viewport, path) as page:
        open_tab(page, "Video")
        page.wait_for_selector("#video input[type=file]", state="attached")
        yield page


def look(page: Any, video: Path, instruction: str) -> None:
    page.set_input_files("#video input[type=file]", video)
    page.wait_for_selector("#video .file-preview")
    page.fill("#video_instruction textarea", instruction)
    page.click("#video_look")


def moment(page: Any) -> float:
    """Seconds at which the player is."""
    return float(page.evaluate(f"{PLAYING}.currentTime"))


def test_a_video_is_followed_answered_and_gone_through_by_its_timeline(
    browser: Any, copying: str, crossing: Path
) -> None:
    with watching(browser, copying, "timeline") as page:
        look(page, crossing, "How many horses cross from left to right?")
        page.wait_for_selector("#video_stage video", timeout=240_000)
        expect(page, "#video_status", "Done")
        assert "horse" in str(page.text_content("#video_answer .sk-headline"))
        assert "horse" in str(page.text_content("#video_counts tbody"))
        assert page.locator("#video_files .file-preview tr").count() == 7
        assert page.is_disabled("#video_stop") and page.is_enabled("#video_look")

        page.wait_for_function(f"{PLAYING}.readyState > 0")
        bar = page.locator("#video_timeline .sk-seen").first
        start, end = (float(str(bar.get_attribute(name))) for name in ("data-at", "data-to"))
        bar.click(position={"x": bar.bounding_box()["width"] / 2, "y": 5})
        assert moment(page) == pytest.approx((start + end) / 2, abs=0.2), "the pointer means where it points"
        line = "document.querySelector('.sk-timeline').style.getPropertyValue('--sk-at')"
        assert float(page.evaluate(line).rstrip("%")) == pytest.approx(100 * moment(page) / 3, abs=2)
        page.keyboard.press("Enter")
        assert moment(page) == pytest.approx(start, abs=0.05), "the keyboard means the first moment"
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        assert moment(page) != pytest.approx(start, abs=0.05)

        page.reload()
        open_tab(page, "Video")
        page.wait_for_selector("#video_stage video", timeout=120_000)
        assert page.locator("#video_timeline .sk-seen").count(), "the video is found again"


def test_what_was_found_can_be_read_by_all_and_fits_a_phone(browser: Any, copying: str, horses: Path) -> None:
    with watching(browser, copying, "phone", PHONE) as page:
        look(page, horses, "Find every horse")
        page.wait_for_selector("#video_stage video", timeout=120_000)
        expect(page, "#video_answer", "1 horse")
        assert page.locator("#video_timeline .sk-seen").count() == 1
        assert not serious_faults_by_theme(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_frames_come_as_they_are_seen_and_stop_keeps_them(browser: Any, copying: str, minute: Path) -> None:
    with watching(browser, copying, "stop") as page:
        look(page, minute, "Find every horse")
        page.wait_for_selector("#video_stage img", timeout=120_000)
        assert page.is_disabled("#video_look")
        page.wait_for_function("document.querySelector('#video_status progress')?.value > 0.1", timeout=60_000)
        page.click("#video_stop:enabled")
        told = expect(page, "#video_status", "Stopped after", 60)
        assert 0 < float(told.split("Stopped after")[1].split()[0]) < 60
        page.wait_for_selector("#video_stage video")
        expect(page, "#video_counts tbody", "horse")
        assert page.is_enabled("#video_look") and page.is_disabled("#video_stop")

        page.click("#video-example-2")  # is looked at as if it had been sent
        page.wait_for_selector("#video_stage img", timeout=120_000)
        assert page.input_value("#video_instruction textarea") == VIDEO_EXAMPLES[1].instruction
        page.click("#video_stop:enabled")
        page.wait_for_selector("#video_stage video", timeout=60_000)


def test_what_cannot_be_looked_at_is_told(browser: Any, copying: str, horses: Path, tmp_path: Path) -> None:
    with watching(browser, copying, "mistakes") as page:
        page.click("#video_look")
        expect(page, "#video_error", "no video yet")
        text = tmp_path / "text.mp4"
        text.write_text("a text, and no video")
        look(page, text, "every dog")
        told = expect(page, "#video_status .sk-alert", "text.mp4 is no video that can be read")
        assert "skylark-uploads" not in told
        assert not str(page.text_content("#video_error")).strip()
        page.click("#video button[aria-label='Clear']")
        look(page, horses, " ")
        expect(page, "#video_error", "no instruction yet")
        assert page.is_visible("#video_error .sk-alert")
