"""The image tab as a visitor meets it, in headless Chromium, over the server of the other walks."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.app.browsing import DESKTOP, PHONE, SCRIPT, expect, open_tab, visit, visitor
from vision.images import MAX_BYTES

PHOTOGRAPHS = Path(str(find_spec("skimage").submodule_search_locations[0])) / "data"  # type: ignore[union-attr,index]
SENT_HERE = {"_type": "gradio.FileData"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files as strangers send them, made of one photograph of a woman in a space suit."""
    folder = tmp_path_factory.mktemp("files")
    with Image.open(PHOTOGRAPHS / "astronaut.png") as opened:
        photo = opened.convert("RGB")
    photo.save(folder / "photo.jpg")
    whole = (folder / "photo.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("a text, and no image")
    photo.save(folder / "moving.gif", save_all=True, append_images=[photo.rotate(90)])
    lying = Image.Exif()
    lying[0x0112] = 6
    photo.rotate(90).save(folder / "turned.jpg", exif=lying)
    photo.convert("CMYK").save(folder / "ink.jpg")
    Image.new("1", (20_000, 20_000)).save(folder / "bomb.png")
    (folder / "more").mkdir()
    photo.resize((256, 256)).save(folder / "more" / "photo.jpg")
    return folder


@contextlib.contextmanager
def looking(browser: Any, url: str, name: str, viewport: dict[str, int] = DESKTOP, **more: Any) -> Iterator[Any]:
    """A visitor at the image tab."""
    with visit(browser, url, f"image-{name}", viewport, **more) as page:
        open_tab(page, "Image")
        page.wait_for_selector("#photo input[type=file]", state="attached")
        yield page


def send(page: Any, path: Path) -> None:
    remove = page.locator("#photo button[aria-label='Remove Image']")
    if remove.count():
        remove.click()
    page.set_input_files("#photo input[type=file]", path)
    remove.wait_for(timeout=15_000)


def look(page: Any, instruction: str) -> None:
    page.fill("#instruction textarea", instruction)
    page.click("#look")


def drawn(page: Any, number: int, kind: str = ".sk-object") -> None:
    """Wait until so many shapes are there."""
    page.wait_for_function(
        "([kind, n]) => document.querySelectorAll(`#overlay svg.sk-photo ${kind}`).length === n",
        arg=[kind, number],
        timeout=10_000,
    )


def shapes(page: Any, kind: str = ".sk-object") -> int:
    return int(page.locator(f"#overlay svg.sk-photo {kind}").count())


def test_examples_are_read_drawn_and_written(browser: Any, copying: str) -> None:
    with looking(browser, copying, "examples", PHONE) as page:
        page.click("#image-example-4")
        expect(page, "#task", "polygons of 16 points in range 512", 20)
        drawn(page, 1, ".sk-object polygon")
        page.wait_for_function("document.querySelector('#output textarea').value.startsWith('(')")
        written = page.input_value("#output textarea")
        assert written.startswith("(<c0>, ")
        assert all(0 <= int(number) <= 512 for number in written.strip("()").split(", ")[1:])
        assert written.count(",") == 2 * 16
        page.click("#image-example-3")
        expect(page, "#task", "JSON with label and bbox", 20)
        page.wait_for_function("document.querySelector('#output textarea').value.startsWith('[')")
        assert "cat" in {entry["label"] for entry in json.loads(page.input_value("#output textarea"))}
        page.click("#scene summary")
        page.wait_for_selector("#scene svg[role=group]", state="visible")
        assert (
            page.locator("#scene svg .sk-scene-node").count()
            == page.locator("#scene table").first.locator("tbody tr").count()
        )
        for viewport in (PHONE, DESKTOP):
            page.set_viewport_size(viewport)
            assert page.locator("#scene svg[role=group]").is_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_a_grounded_answer_comes_with_its_reasons(browser: Any, copying: str) -> None:
    with looking(browser, copying, "grounded") as page:
        page.click("#image-example-1")
        assert "tie 1" in expect(page, "#reasoning", "person 1 is a person", 20)
        assert '~class("person")' in str(page.text_content("#reasoning code"))
        drawn(page, 1)
        drawn(page, 1, ".sk-reason")
        assert "tie 1" in page.locator("#overlay svg.sk-photo .sk-tag").all_text_contents()
        page.hover("#reasoning li")
        page.wait_for_selector("#overlay .sk-object.sk-lit")
        look(page, "is there a dog on the chair?")
        expect(page, "#found", "No", 20)
        page.wait_for_function("document.querySelector('#output textarea').value === 'no'")
        look(page, "is there a person?")
        page.wait_for_function("document.querySelector('#output textarea').value === 'yes'")
        look(page, "is there a dog?")
        page.wait_for_function("document.querySelector('#output textarea').value === 'no'")


def test_small_people_in_a_large_image_are_found_in_slices(browser: Any, copying: str, tmp_path: Path) -> None:
    square = Image.new("RGB", (1600, 1000), "grey")
    with Image.open(PHOTOGRAPHS / "astronaut.png") as photo:
        for place in ((100, 100), (900, 500), (1400, 800)):
            square.paste(photo.convert("RGB").resize((100, 100)), place)
    square.save(tmp_path / "square.png")
    with looking(browser, copying, "slices") as page:
        send(page, tmp_path / "square.png")
        look(page, "Find every person")
        expect(page, "#found", "In slices such things are found", 30)
        page.check("#in_slices input")
        expect(page, "#task", "12 parts of 520 x 520 pixels", 30)
        assert shapes(page) >= 3


def test_files_of_every_kind_give_a_picture_or_a_sentence(browser: Any, copying: str, files: Path) -> None:
    with looking(browser, copying, "files") as page:
        for name, told in (("cut.jpg", "cut off or broken"), ("text.png", "no image that can be read")):
            send(page, files / name)
            look(page, "people")
            assert "gradio" not in expect(page, "#image_error", told, 20)
            drawn(page, 0)
        pictures = (
            ("moving.gif", "people", "several frames"),
            ("turned.jpg", "people", "turned upright"),
            ("ink.jpg", "people as COCO", "COCO"),
        )
        for name, instruction, told in pictures:
            send(page, files / name)
            look(page, instruction)
            expect(page, "#task", told, 20)
            drawn(page, 1)
            assert not str(page.text_content("#image_error")).strip()


def test_what_cannot_be_obeyed_is_told_and_people_are_counted_and_described(
    browser: Any, copying: str, files: Path
) -> None:
    with looking(browser, copying, "instructions") as page:
        look(page, "people")
        expect(page, "#image_error", "no image yet")
        send(page, files / "photo.jpg")
        look(page, "")
        expect(page, "#image_error", "instruction is empty")
        look(page, "only cats, no cats")
        expect(page, "#image_error", "contradict")
        look(page, "Find every helicopter and person")
        assert "nearest: " in expect(page, "#task", "helicopter", 20)
        drawn(page, 1)
        look(page, "Detect every person, then play some loud music")
        assert "play some loud music" in expect(page, "#task", "Not understood", 20)
        look(page, f'{{"person":<c0>, "<img src=x onerror=alert(2)>":<c1>, "{SCRIPT}":<c2>}}')
        expect(page, "#task", "script", 20)
        assert page.locator("#task script, #task img, #overlay script").count() == 0

        look(page, "count the people")
        expect(page, "#task", "count", 20)
        assert expect(page, "#found", "1").strip() == "1 person"
        look(page, "what is in this picture?")
        expect(page, "#task", "describe", 30)
        expect(page, "#found", "person")


def test_score_classes_pointer_and_formats(browser: Any, copying: str) -> None:
    with looking(browser, copying, "tools") as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.click("#image-example-5")
        expect(page, "#task", "YOLO", 20)
        look(page, "Find every object")
        expect(page, "#task", "everything that the model knows", 20)
        page.wait_for_selector("#overlay .sk-object", state="attached")
        surest = shapes(page)
        page.fill("#least_score input[type=number]", "0.1")
        page.press("#least_score input[type=number]", "Tab")
        page.wait_for_function("n => document.querySelectorAll('#overlay .sk-object').length > n", arg=surest)
        found = shapes(page)

        chip = page.locator("#overlay .sk-chip[data-class]").first
        chip.click()
        hidden = shapes(page, ".sk-object.sk-off")
        assert 0 < hidden < found
        assert chip.get_attribute("aria-pressed") == "false"
        page.focus("#least_score input[type=range]")
        page.keyboard.press("ArrowRight")
        page.wait_for_function("n => document.querySelectorAll('#overlay .sk-object').length < n", arg=found)
        assert shapes(page, ".sk-object.sk-off"), "what is hidden stays hidden as the score changes"
        page.click("#overlay .sk-chip:not([data-class])")
        assert not shapes(page, ".sk-off")

        page.click("#objects_panel button")
        page.hover("#objects tbody tr")
        assert shapes(page, ".sk-object.sk-lit") == 1
        assert page.locator("#overlay .sk-tag.sk-lit").is_visible()
        assert str(page.text_content("#overlay .sk-object.sk-lit title"))

        page.click("#form input")
        page.get_by_role("option", name="COCO").click()
        page.wait_for_function("document.querySelector('#output textarea').value.includes('category_id')")
        page.click("#output button[aria-label*='opy']")
        page.wait_for_timeout(200)
        copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
        assert copied == json.loads(page.input_value("#output textarea"))


def test_an_image_is_pasted_the_camera_is_offered_and_many_are_sent_to_batch(browser: Any, copying: str) -> None:
    with looking(browser, copying, "paste") as page:
        assert "Batch has a part for Images" in str(page.text_content("#many_images"))
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        assert page.locator("#photo button[aria-label='Capture from camera']").is_visible()
        page.evaluate(
            "async () => { const canvas = document.createElement('canvas'); canvas.width = canvas.height = 64;"
            " const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));"
            " await navigator.clipboard.write([new ClipboardItem({'image/png': blob})]); }"
        )
        page.click("#photo button[aria-label='Paste from clipboard']")
        page.wait_for_selector("#photo button[aria-label='Remove Image']")
        look(page, "cats")
        expect(page, "#found", "Nothing found", 20)


def test_two_visitors_have_each_their_own_answer(browser: Any, copying: str) -> None:
    with looking(browser, copying, "first") as first, looking(browser, copying, "second", apart=True) as second:
        first.click("#image-example-3")
        second.click("#image-example-4")
        # The first look on this server may have to load the models.
        expect(second, "#task", "polygons of 16 points", 60)
        expect(first, "#task", "JSON with label and bbox", 60)
        expect(second, "#overlay", "bus")
        expect(first, "#overlay", "cat")
        # Both answers are there: neither page has anything of the other's.
        assert "polygons" not in first.text_content("#task") and "bus" not in first.text_content("#overlay")
        assert "JSON" not in second.text_content("#task") and "cat" not in second.text_content("#overlay").split()


def test_a_file_that_is_too_large_is_refused(browser: Any, copying: str, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with visitor(browser, copying) as page:  # what Gradio logs of the refusal is no fault of the page
        page.goto(copying)
        page.click("role=tab[name='Image']")
        page.set_input_files("#photo input[type=file]", large)
        expect(page, ".toast-body", "maximum allowed size", 20)
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + large.read_bytes()
    request = urllib.request.Request(
        f"{copying}/gradio_api/upload", body + b"\r\n--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    assert refused.value.code == 413


@pytest.mark.parametrize("stamp", [{}, {"meta": SENT_HERE}], ids=["bare", "stamped"])
@pytest.mark.parametrize("form", ["{}", "file://{}", "{}/../photo.jpg"])
def test_no_path_is_read_that_was_not_uploaded(copying: str, files: Path, stamp: dict[str, Any], form: str) -> None:
    path = form.format(files / "photo.jpg")
    for image in ({"path": path, **stamp}, {"path": path, "url": f"file://{path}", **stamp}, path):
        told = called(copying, [image, "people", 0.35])
        assert "event: error" in told or told.startswith("refused 400")
        assert "image_size" not in told


def test_programs_get_detections_and_sentences(copying: str, files: Path) -> None:
    from gradio_client import Client, handle_file  # type: ignore[import-untyped]
    from gradio_client.exceptions import AppError  # type: ignore[import-untyped]

    client = Client(copying, verbose=False)
    found = client.predict(handle_file(str(files / "photo.jpg")), "people", 0.35, api_name="/detect")
    assert [thing["class_name"] for thing in found["objects"]] == ["person"]
    assert found["text"].startswith("(person, ")
    with pytest.raises(AppError, match="pixels, which is the most"):
        client.predict(handle_file(str(files / "bomb.png")), "people", 0.35, api_name="/detect")


def called(url: str, data: list[Any]) -> str:
    """The events that a call of the page's API gives, or the refusal of it."""
    request = urllib.request.Request(
        f"{url}/gradio_api/call/detect", json.dumps({"data": data}).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            event = json.load(answer)["event_id"]
    except urllib.error.HTTPError as refused:
        return f"refused {refused.code}: {refused.read().decode()}"
    with urllib.request.urlopen(f"{url}/gradio_api/call/detect/{event}", timeout=30) as events:
        return str(events.read().decode())
