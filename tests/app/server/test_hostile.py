"""Markup in everything that a visitor can write or send: it shows as text, and nothing of it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from tests.app.browsing import choose_graph, expect, insist, visit

MARKUP = (
    "<script>window.ran=1</script>",
    "<img src=x onerror=window.ran=2>",
    "<svg onload=window.ran=3>",
    "</title></text></textarea></style><iframe srcdoc='<script>parent.ran=4</script>'>",
    "[x](javascript:window.ran=5)",
    "{{constructor.constructor('window.ran=6')()}}${window.ran=7}",
)
QUIET = (
    "() => !window.ran && !document.querySelector('.gradio-container :is(img[src=x], iframe, [onerror], [onload],"
    " a[href^=javascript])')"
)


def test_questions_and_names_stay_text(browser: Any, copying: str) -> None:
    with visit(browser, copying, "hostile-graph", hurried=True) as page:
        page.uncheck("#run_llm input")
        for number, markup in enumerate(MARKUP):
            question = f"{markup} {number}" if number % 2 else f'borders("{markup} {number}")'
            before = page.text_content("#error")
            page.fill("#question textarea", question)
            page.click("#ask")
            page.wait_for_function(
                "before => { const e = document.querySelector('#error');"
                " return e.querySelector('.sk-alert') && e.textContent !== before; }",
                arg=before, timeout=30_000,
            )  # fmt: skip
            assert page.evaluate(QUIET), markup
        choose_graph(page, "strange", "world", "4 facts")
        page.fill("#question textarea", '"leads to"("Home")')
        insist(page, lambda: page.click("#ask"), "#answer", "<script>")
        expect(page, "#evidence", "<script>")
        page.click("#evidence_table summary")
        expect(page, "#evidence_table", "<script>")
        assert page.evaluate(QUIET)


def test_file_names_and_instructions_stay_text(browser: Any, copying: str, tmp_path: Path) -> None:
    names = ["<img src=x onerror=window.ran=8>.jpg", "a&lt;svg onload=window.ran=9&gt;.png", "'\"><b>.jpg"]
    for name in names:
        Image.new("RGB", (64, 64), "grey").save(tmp_path / name)
    (tmp_path / "<svg onload=window.ran=10>.png").write_text("no image")
    with visit(browser, copying, "hostile-image") as page:
        page.click("role=tab[name='Image']")
        page.set_input_files("#photo input[type=file]", tmp_path / names[0])
        page.wait_for_selector("#photo button[aria-label='Remove Image']", timeout=30_000)
        named = ", ".join(f'"{name}": <c{number}>' for number, name in enumerate(("people", *MARKUP[:4])))
        page.fill("#instruction textarea", f"{{{named}}}")
        page.click("#look")
        page.wait_for_function(
            "/script|svg|img/.test(document.querySelector('#task').textContent +"
            " document.querySelector('#image_error').textContent)", timeout=60_000
        )  # fmt: skip
        assert page.evaluate(QUIET)
        page.click("role=tab[name='Batch']")
        page.get_by_role("tab", name="Images", exact=True).click()
        page.set_input_files("#batch_images input[type=file]", sorted(tmp_path.iterdir()))
        expect(page, "#images_estimate", "4 images", 30)
        page.fill("#batch_instruction textarea", "every person")
        page.click("#images_start")
        expect(page, "#images_status", "Done: 4 of 4 images", 60)
        page.wait_for_selector("#images_zip", state="visible")
        assert page.evaluate(QUIET)
