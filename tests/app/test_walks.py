"""The other tabs as visitors meet them, in headless Chromium: six visits, each with all that one may do there."""

import json
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import app.video.job as video_job
from app.image.examples import PHOTOGRAPHS
from app.image.overlay import jpeg_uri
from app.video.examples import CLIPS, HEIGHT, RATE, VIDEO_EXAMPLES, WIDTH
from tests.app.browsing import (
    DESKTOP,
    PHONE,
    SCRIPT,
    Served,
    ask,
    check,
    choose,
    expect,
    fits,
    opened_anew,
    saved,
    text,
    visit,
    wait,
)
from tests.reasoning.speech.recordings import QUESTION
from tests.vision.video.made_videos import encoded

BOX, PLAYING = "#ask_question", "document.querySelector('video.sk-player')"


def answered(page: Any, words: str) -> str:
    """Wait until an answer with these words is there, and nothing is looked for any more."""
    expect(page, "#cards", words)
    wait(page, "!document.querySelector('#ask_page.sk-busy')")
    return str(page.inner_text("#cards"))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A photograph of a woman in a space suit and one of a bus that nobody has seen, and what is none."""
    street = Image.open(PHOTOGRAPHS["bus"].path).convert("RGB")
    street.rotate(2).save(tmp_path / "own.jpg")
    for name in ("one.jpg", "two.jpg", "<img src=x onerror=alert(3)>.jpg"):
        street.resize((256, 192)).save(tmp_path / name)
    (tmp_path / "broken.png").write_text("no picture")
    return tmp_path


def test_the_first_tab_proves_its_answers_and_a_refusal_offers_what_works(browser: Any, walked: Served) -> None:
    with visit(browser, f"{walked.url}/?__theme=dark", "ask", PHONE, tab="Ask") as page:
        assert page.evaluate("document.body.classList.contains('dark')"), "what the theme of a link sets"
        assert "person 1 is right of car 1" in page.inner_text("#seen")
        assert "2 others border France" in page.inner_text("#told"), "the answers come with the page"
        assert sum(shift[0] for shift in page.evaluate("shifts") if len(shift) > 1) < 0.02
        for viewport in (PHONE, DESKTOP):
            fits(page, viewport)
            assert page.locator("#seen svg.sk-photo .sk-object").count() == 1
            assert page.locator("#told .sk-canvas .sk-shape-answer").count() == 7
            assert page.locator("h1:visible").count() == 1
            tops = [page.locator(part).bounding_box()["y"] for part in ("#composer", "#seen", "#told")]
            assert tops[0] < tops[1] <= tops[2]
            assert (tops[1] < tops[2]) == (viewport is PHONE), "side by side, but on a phone"
        check(page, "the first answers")
        page.click("role=tab[name='Video']")
        wait(page, "location.search === '?tab=video'")
        page.click("role=tab[name='Ask']")
        for number, words in ((3, "Canberra"), (0, "remote")):
            page.locator("#starters .sk-ask").nth(number).click()
            answered(page, words)
        ask(page, "Find every helicopter", BOX)
        answered(page, "no class")
        assert page.locator("#seen svg.sk-photo").count(), "the picture stays"
        offered = page.locator("#seen .sk-try .sk-ask")
        assert offered.count() == 3
        check(page, "a refusal")
        offered.first.click()
        wait(page, "!document.querySelector('#seen .sk-try')")
        page.set_viewport_size(PHONE)
        ask(page, f"Who is the president of France? {SCRIPT}", BOX)
        answered(page, "president")
        assert page.locator("#told .sk-try .sk-ask").count() == 3 and not page.locator("#cards script").count()
        check(page, "a question that is refused")


def test_a_newcomer_gives_pictures_speaks_and_sends_a_link_on(listening: Any, walked: Served, files: Path) -> None:
    with visit(listening, walked.url, "newcomer", tab="Ask", refused=True) as page:
        page.set_input_files("#composer input[type=file]", files / "broken.png")
        assert str(walked.uploads) not in answered(page, "no image that can be read")
        page.set_input_files("#composer input[type=file]", files / "own.jpg")
        answered(page, "Ask about this picture")
        ask(page, "how many buses are there?", BOX)
        answered(page, "There is a bus.")
        assert "q=" not in page.url, "a visitor's own picture has no link"
        page.evaluate(
            """async (address) => {
                const blob = await (await fetch(address)).blob(), held = new DataTransfer();
                held.items.add(new File([blob], 'own.jpg', {type: 'image/jpeg'}));
                const event = new DragEvent('drop', {dataTransfer: held, bubbles: true, cancelable: true});
                document.querySelector('#ask_question textarea').dispatchEvent(event);
            }""",
            jpeg_uri(Image.open(PHOTOGRAPHS["cat"].path).convert("RGB"), 600, 80),
        )
        assert "Ask about this picture" in answered(page, "cat")

        voice = page.get_by_role("button", name="Ask by voice")
        voice.click()
        # The text comes while the recording goes on, and is not asked by itself.
        wait(page, "document.querySelector('#ask_question textarea').value.includes('Germany')", 120)
        page.get_by_role("button", name="Stop recording").click()
        expect(page, "#ask_status", "Heard in English", 120)
        assert "Germany" in page.input_value(f"{BOX} textarea")
        ask(page, QUESTION, BOX)
        answered(page, "Poland")
        ask(page, "and its population?", BOX)
        answered(page, "after the last answer")
        page.locator("#told details.sk-fold > summary").first.click()
        page.get_by_role("button", name="Copy link").click()
        expect(page, "#told", "link")
        link = page.url

        voice.click()
        page.get_by_role("button", name="Stop recording").wait_for()
        page.locator(f"{BOX} textarea").fill("")
        page.locator(f"{BOX} textarea").press_sequentially("my own words")
        expect(page, "#ask_status", "Not listening any more")
        voice.wait_for()
        assert page.input_value(f"{BOX} textarea") == "my own words", "typing goes on"
        page.evaluate(
            "() => { navigator.mediaDevices.getUserMedia ="
            " async () => { throw new DOMException('', 'NotAllowedError'); }; }"
        )
        voice.click()
        expect(page, "#ask_status", "or type")
    with visit(listening, link, "newcomer-link", tab="Ask") as page:
        answered(page, "Germany")


def test_an_image_is_looked_at_and_its_things_light_up_together(browser: Any, walked: Served, files: Path) -> None:
    def output(condition: str) -> str:
        wait(page, f"(o => {condition})(document.querySelector('#output textarea').value)")
        return str(page.input_value("#output textarea"))

    def shapes(kind: str = ".sk-object") -> int:
        return int(page.locator(f"#overlay svg.sk-photo {kind}").count())

    def lit() -> set[str]:
        kind = "[...o.classList].find(c => c !== 'sk-lit') || o.tagName.toLowerCase()"
        return set(page.eval_on_selector_all("#image_row .sk-lit", f"found => found.map(o => {kind})"))

    with visit(browser, walked.url, "image", PHONE, tab="Image") as page:
        page.click("#image-example-4")
        assert len(output("o.startsWith('(<c0>')").split(", ")) == 1 + 2 * 16
        assert shapes(".sk-object polygon") == 1
        page.click("#image-example-3")
        assert "cat" in {entry["label"] for entry in json.loads(output("o.startsWith('[')"))}
        page.click("#scene summary")
        rows = page.locator("#scene table").first.locator("tbody tr").count()
        assert page.locator("#scene svg .sk-scene-node").count() == rows
        fits(page, PHONE, DESKTOP)
        page.click("#image-example-1")
        expect(page, "#reasoning", "person 1 is a person")
        assert (shapes(), shapes(".sk-reason")) == (1, 1)
        if not page.locator("#scene svg").is_visible():
            page.click("#scene summary")
        page.hover("#overlay .sk-object", position={"x": 20, "y": 300})
        page.wait_for_selector("#scene .sk-scene-node.sk-lit")
        assert {"sk-object", "sk-tag", "sk-scene-node", "sk-link", "li", "tr"} <= lit()
        assert page.locator("#scene .sk-scene-node.sk-lit title").text_content() == "person 1"
        check(page, "an answer about a picture")

        ask(page, f'{{"person":<c0>, "<img src=x onerror=alert(2)>":<c1>, "{SCRIPT}":<c2>}}', "#instruction")
        page.click("#look")
        expect(page, "#task", "script")
        assert page.locator("#task script, #task img, #overlay script").count() == 0
        page.fill("#instruction textarea", "Find every object")
        page.click("#look")
        expect(page, "#task", "everything that the model knows")
        wait(page, "document.querySelectorAll('#overlay svg.sk-photo .sk-object').length > 0")
        surest = shapes()
        page.fill("#least_score input[type=number]", "0.1")
        page.press("#least_score input[type=number]", "Tab")
        page.wait_for_function("n => document.querySelectorAll('#overlay .sk-object').length > n", arg=surest)
        found = shapes()
        chip = page.locator("#overlay .sk-chip[data-class]").first
        chip.click()
        assert 0 < shapes(".sk-object.sk-off") < found and chip.get_attribute("aria-pressed") == "false"
        page.click("#overlay .sk-chip:not([data-class])")
        assert not shapes(".sk-off")
        page.click("#objects_panel button")
        page.hover("#objects tbody tr")
        assert shapes(".sk-object.sk-lit") == 1 and page.locator("#overlay .sk-tag.sk-lit").is_visible()
        choose(page, "#form", "COCO")
        assert json.loads(output("o.includes('category_id')"))
        page.click("#photo button[aria-label='Remove Image']")
        assert page.locator("#photo button[aria-label='Capture from camera']").is_visible()
        page.set_input_files("#photo input[type=file]", files / "broken.png")
        page.wait_for_selector("#photo button[aria-label='Remove Image']")
        page.fill("#instruction textarea", "cats")
        page.click("#look")
        expect(page, "#image_error", "no image that can be read")


def test_a_video_is_followed_stopped_and_gone_through_by_its_timeline(
    browser: Any, walked: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(video: Path, instruction: str) -> None:
        page.set_input_files("#video input[type=file]", video)
        page.wait_for_selector("#video .file-preview")
        page.fill("#video_instruction textarea", instruction)
        page.click("#video_look")

    def moment() -> float:
        return float(page.evaluate(f"{PLAYING}.currentTime"))

    draw, held = CLIPS["horses-at-dusk"].draw, threading.Event()  # two horses come, one leaves
    crossing = encoded(tmp_path / "crossing.mp4", map(draw, range(45, 120)), (WIDTH, HEIGHT), RATE)
    (tmp_path / "text.mp4").write_text("a text, and no video")
    with visit(browser, walked.url, "video", PHONE, tab="Video") as page:
        page.click("#video_look")
        expect(page, "#video_error", "no video yet")
        look(tmp_path / "text.mp4", "every dog")
        assert str(walked.uploads) not in expect(page, "#video_status .sk-alert", "no video that can be read")
        assert not text(page, "#video_error")
        page.set_viewport_size(DESKTOP)
        page.click("#video button[aria-label='Clear']")
        look(crossing, "How many horses cross from left to right?")
        page.wait_for_selector("#video_stage video", timeout=240_000)
        expect(page, "#video_status", "Done")
        assert "horse" in text(page, "#video_answer .sk-headline") and "horse" in text(page, "#video_counts tbody")
        assert page.locator("#video_files .file-preview tr").count() == 7
        assert page.is_disabled("#video_stop") and page.is_enabled("#video_look")
        wait(page, f"{PLAYING}.readyState > 0")
        bar = page.locator("#video_timeline .sk-seen").first
        start, end = (float(str(bar.get_attribute(name))) for name in ("data-at", "data-to"))
        bar.click(position={"x": bar.bounding_box()["width"] / 2, "y": 5})
        assert moment() == pytest.approx((start + end) / 2, abs=0.2), "the pointer means where it points"
        again = opened_anew(page, "Video")
        again.wait_for_selector("#video_stage video")
        assert again.locator("#video_timeline .sk-seen").count(), "the video is found again"
        again.close()
        fits(page, PHONE)
        check(page, "what was found")
        page.set_viewport_size(DESKTOP)
        monkeypatch.setattr(video_job, "is_beyond", lambda index, _: index >= 8 and not held.wait(120))
        page.click("#video-example-2")  # is looked at as if it had been sent
        page.wait_for_selector("#video_stage img", timeout=120_000)
        assert page.is_disabled("#video_look")
        assert page.input_value("#video_instruction textarea") == VIDEO_EXAMPLES[1].instruction
        page.click("#video_stop:enabled")
        held.set()
        expect(page, "#video_status", "Stopped after")


def test_a_job_of_queries_is_estimated_run_found_again_and_gone_on_with(
    browser: Any, walked: Served, tmp_path: Path
) -> None:
    with visit(browser, walked.url, "queries", tab="Batch") as page:
        page.click("#batch_estimate")
        expect(page, "#batch_error", "nothing to run yet")
        assert page.is_disabled("#batch_go")
        choose(page, "#batch_graph", "strange")
        choose(page, "#batch_beside", "lark with the copy")
        page.fill("#batch_typed textarea", '"leads to"("Home")\nis("Home")\nnothing("Home")')
        page.click("#batch_estimate")
        assert "3 lines of typed.txt on strange" in expect(page, "#job_estimate", "What it would take")
        expect(page, "#job_status", "Start runs it")
        assert not text(page, "#batch_error")
        page.click("#batch_go")
        expect(page, "#job_status", "Done: 6 answers")
        assert "plain" in text(page, "#job_answers") and SCRIPT in text(page, "#job_answers")
        assert page.locator("#job_answers script").count() == 0
        page.wait_for_selector("#job_figures img.sk-plot[alt]")
        job = text(page, ".sk-job")
        check(page, "a job that is done")
        whole = tmp_path / "whole.zip"
        saved(page, "#job_files a:has-text('KB')").rename(whole)
        with zipfile.ZipFile(whole) as archive:
            assert json.loads(archive.read("job.json"))["id"] == job
        again = opened_anew(page, "Batch")
        expect(again, "#job_status", "Done: 6 answers")
        assert text(again, ".sk-job") == job
        again.close()
        page.set_viewport_size(PHONE)
        page.click("#batch_again_panel button")
        page.set_input_files("#batch_archive input[type=file]", whole)
        page.wait_for_selector("#batch_archive .file-preview")
        page.click("#batch_again")
        expect(page, "#job_status", "Done: 6 answers")
        assert text(page, ".sk-job") == job


def test_a_job_of_images_is_found_again_and_its_zip_leaves_nothing_to_do(
    browser: Any, walked: Served, files: Path
) -> None:
    with visit(browser, walked.url, "images", tab="Batch") as page:
        page.get_by_role("tab", name="Images", exact=True).click()
        named = sorted(files.glob("*.jpg"))
        page.set_input_files("#batch_images input[type=file]", [*named, files / "broken.png"])
        expect(page, "#images_estimate", f"{len(named) + 1} image")
        page.fill("#batch_instruction textarea", "Find every bus")
        page.click("#images_start")
        told = expect(page, "#images_status", f"Done: {len(named) + 1} of {len(named) + 1} images")
        assert "1 not readable" in told and "bus" in text(page, "#images_rows")
        again = opened_anew(page, "Batch")
        again.get_by_role("tab", name="Images", exact=True).click()
        again.wait_for_selector("#images_zip", state="visible")
        results = files / "results.zip"
        saved(again, "#images_zip").rename(results)
        again.close()
        page.click("#images_again button")
        page.set_input_files("#images_earlier input[type=file]", results)
        page.wait_for_selector("#images_earlier .file-preview")
        page.click("#images_start")
        expect(page, "#images_error", "nothing left to look at")
