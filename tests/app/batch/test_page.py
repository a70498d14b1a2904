"""The batch tab as a visitor meets it, in headless Chromium."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

from tests.app.browsing import PHONE, SCRIPT, choose, expect, open_tab, visit

PHOTOGRAPHS = Path(str(find_spec("skimage").submodule_search_locations[0])) / "data"  # type: ignore[union-attr,index]
MANY = 36
"""Large images, more than are looked at while a visitor reloads the page and stops the job."""


@contextlib.contextmanager
def batching(browser: Any, url: str, name: str, **more: Any) -> Iterator[Any]:
    """A visitor at the batch tab."""
    with visit(browser, url, f"batch-{name}", **more) as page:
        to_tab(page)
        yield page


def to_tab(page: Any) -> None:
    open_tab(page, "Batch")
    page.wait_for_selector("#batch_typed textarea")


def opened_anew(page: Any) -> Any:
    """The page once more, as after a reload, of which Gradio's own script logs that it cut what it followed."""
    with page.expect_popup() as opened:
        page.evaluate("window.open(location.href)")
    to_tab(opened.value)
    return opened.value


def test_a_job_is_estimated_run_found_again_gone_on_with_and_no_wider_than_a_phone(
    browser: Any, copying: str, tmp_path: Path
) -> None:
    with batching(browser, copying, "job") as page:
        assert "At most 300 lines" in str(page.text_content("#batch_lines_tab, #batch_kinds"))
        page.click("#batch_estimate")
        expect(page, "#batch_error", "nothing to run yet")
        assert page.is_disabled("#batch_go")
        choose(page, "#batch_graph", "strange")
        choose(page, "#batch_beside", "lark with the copy")
        page.fill("#batch_typed textarea", '"leads to"("Home")\nis("Home")\nnothing("Home")')
        page.click("#batch_estimate")
        told = expect(page, "#job_estimate", "What it would take", 60)
        assert "3 lines of typed.txt on strange" in told
        expect(page, "#job_status", "Start runs it", 60)
        assert not str(page.text_content("#batch_error")).strip()
        page.click("#batch_go")
        expect(page, "#job_status", "Done: 6 answers", 60)
        assert "plain" in str(page.text_content("#job_answers"))
        assert SCRIPT in str(page.text_content("#job_answers"))
        assert page.locator("#job_answers script").count() == 0
        assert page.locator("#job_figures img.sk-plot").get_attribute("alt")
        assert "B better" in str(page.text_content("#job_figures"))
        job = str(page.text_content(".sk-job"))
        with page.expect_download() as download:
            page.locator("#job_files a", has_text="KB").first.click()
        whole = tmp_path / "whole.zip"
        download.value.save_as(whole)
        with zipfile.ZipFile(whole) as archive:
            assert json.loads(archive.read("job.json"))["id"] == job
        again = opened_anew(page)
        expect(again, "#job_status", "Done: 6 answers", 30)
        assert again.text_content(".sk-job") == job
    with batching(browser, copying, "again", viewport=PHONE) as page:
        page.click("#batch_again_panel button")
        page.set_input_files("#batch_archive input[type=file]", whole)
        page.wait_for_selector("#batch_archive .file-preview")
        page.click("#batch_again")
        expect(page, "#job_status", "Done: 6 answers", 60)
        assert page.text_content(".sk-job") == job
        # Another job, from its estimate to its answers, on this narrow screen.
        choose(page, "#batch_graph", "strange")
        page.fill("#batch_typed textarea", 'is("Home")')
        page.click("#batch_estimate")
        expect(page, "#job_status", "Start runs it", 60)
        page.click("#batch_go")
        expect(page, "#job_status", "Done: 1 answer", 60)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_zip_of_images_is_looked_at_and_gone_on_with(browser: Any, copying: str, tmp_path: Path) -> None:
    sent = tmp_path / "images.zip"
    with Image.open(PHOTOGRAPHS / "astronaut.png") as opened:
        opened.convert("RGB").resize((256, 256)).save(tmp_path / "one.jpg")
    with zipfile.ZipFile(sent, "w") as archive:
        archive.write(tmp_path / "one.jpg", "a/one.jpg")
        archive.write(tmp_path / "one.jpg", "b/two.jpg")
        archive.writestr("broken.png", "no image")
    with batching(browser, copying, "images") as page:
        page.get_by_role("tab", name="Images", exact=True).click()
        page.set_input_files("#batch_images input[type=file]", sent)
        expect(page, "#images_estimate", "3 images", 30)
        page.fill("#batch_instruction textarea", "Find every person")
        page.click("#images_start")
        told = expect(page, "#images_status", "Done: 3 of 3 images", 60)
        assert "1 not readable" in told
        assert "1 object" in str(page.text_content("#images_rows"))
        page.wait_for_selector("#images_zip", state="visible")
        with page.expect_download() as download:
            page.click("#images_zip")
        results = tmp_path / "results.zip"
        download.value.save_as(results)
        page.click("#images_again button")
        page.set_input_files("#images_earlier input[type=file]", results)
        page.wait_for_selector("#images_earlier .file-preview")
        page.click("#images_start")
        expect(page, "#images_error", "nothing left to look at", 30)
        page.wait_for_selector("#images_start:enabled")
        assert "Done: 3 of 3 images" in str(page.text_content("#images_status"))


def test_images_wait_are_found_again_and_gone_on_with(browser: Any, copying: str, tmp_path: Path) -> None:
    sent = tmp_path / "many.zip"
    with Image.open(PHOTOGRAPHS / "astronaut.png") as opened:
        opened.convert("RGB").resize((3200, 3200)).save(tmp_path / "one.jpg", quality=35)
    with zipfile.ZipFile(sent, "w") as archive:
        for number in range(MANY):
            archive.write(tmp_path / "one.jpg", f"{number}.jpg")

    def prepare(page: Any, files: Path) -> None:
        page.get_by_role("tab", name="Images", exact=True).click()
        page.set_input_files("#batch_images input[type=file]", files)
        expect(page, "#images_estimate", "about", 30)
        page.fill("#batch_instruction textarea", "Find every person")

    with batching(browser, copying, "first") as first, batching(browser, copying, "second", apart=True) as second:
        prepare(second, tmp_path / "one.jpg")
        prepare(first, sent)
        first.click("#images_start")
        expect(first, "#images_status", "Looking: ", 30)
        second.click("#images_start")
        expect(second, "#images_status", "Waiting: 1 job before yours", 30)
        assert second.is_disabled("#images_start")
        second.click("#images_stop")
        again = opened_anew(first)
        again.get_by_role("tab", name="Images", exact=True).click()
        expect(again, "#images_status", "Looking: ", 30)
        assert "1 object: person" in expect(again, "#images_rows", "Objects by class")
        expect(second, "#images_status", "Stopped: 0 of 1 image", 10)
        again.click("#images_stop")
        expect(again, "#images_status", "Go on continues from there", 30)
        again.wait_for_selector("#images_zip", state="visible")
        again.click("#images_go_on")
        expect(again, "#images_status", f"Done: {MANY} of {MANY} images", 180)
        second.click("#images_go_on")
        expect(second, "#images_status", "Done: 1 of 1 image", 60)
