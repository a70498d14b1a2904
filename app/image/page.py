"""The image page: a photograph and an instruction in; the task as it was read, the objects, the text, the scene out.

Everything that a visitor sends is bounded before it is decoded (`vision.images.loading`), and nothing is fetched.
"""

from __future__ import annotations

import logging
import threading
import zlib
from dataclasses import dataclass, replace
from typing import Any, cast, get_args

import gradio as gr
import numpy as np
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from app.image.examples import ImageExample, available, thumbnail_uri
from app.image.links import numbered, others
from app.image.overlay import TOGGLES, objects_html, overlay_html
from app.image.source import sent, without_path
from app.image.views import reasoning_html, scene_html, task_html
from app.server.failure_view import failure_html
from app.server.limits import LOOK_SECONDS, TimeLimit
from app.server.markup import counted, heading, muted, text
from app.server.scripts import in_view
from kg_data.errors import SkylarkError
from vision import Detections, Grounding, Scene, Task, Vision
from vision.detections.description import sentence
from vision.errors import ImageError
from vision.images.drawing import class_colours
from vision.images.loading import LoadedImage, load_image
from vision.task import FormatName, OutputFormat

log = logging.getLogger(__name__)

MAX_INSTRUCTION = 5_000
"""Characters; every word that names no class is compared with all that do, so a long one takes many seconds."""
AT_ONCE = 2
MOST_IN_SCENE = 60
"""Objects of the scene that is shown: relations grow with the square of their number."""
LEAST_SCORE, MOST_SCORE, USUAL_SCORE = 0.05, 0.95, 0.35
AS_ASKED = "as the instruction says"
FORMATS: tuple[tuple[str, str], ...] = (
    (AS_ASKED, AS_ASKED), ("tuples", "tuple"), ("JSON", "json"), ("COCO", "coco"), ("YOLO", "yolo"),
    ("Pascal VOC", "voc"), ("location tokens", "tokens"),
)  # fmt: skip


SHOWN = 9
"""What `ImageDemo.show` gives."""


@dataclass(frozen=True)
class Looked:
    """One image looked at."""

    image: LoadedImage
    task: Task
    detections: Detections
    grounding: Grounding | None


class ImageDemo:
    """What the image page's events do; the detector is shared by all visitors.

    Args:
        model: as for `Vision`.
    """

    def __init__(self, model: str = "embedded") -> None:
        self._model = model
        self._vision: Vision | None = None
        self._lock = threading.Lock()
        self._limit = TimeLimit(AT_ONCE, LOOK_SECONDS, "the look at the image")

    @property
    def model(self) -> str:
        """What the detector was asked for as, see `Vision`."""
        return self._model

    @property
    def vision(self) -> Vision:
        """The detector, opened when first wanted.

        Raises:
            SkylarkError: it cannot be opened.
        """
        with self._lock:
            if self._vision is None:
                self._vision = Vision(self._model)
            return self._vision

    def warm_up(self) -> None:
        """Open the detector and read one instruction on a thread of its own; nobody waits for it."""

        def work() -> None:
            try:
                # A word that names no class and a description need what nothing else loads.
                self.vision.detect(np.zeros((64, 64, 3), np.uint8), "Find every car and helicopter")
                sentence(Detections((64, 64), np.array([[0, 0, 9, 9]], np.float32), ("car",)))
                log.info("the detector is ready")
            except SkylarkError as error:  # told to the visitor who looks at an image
                log.warning("the detector is not ready: %s", error)

        threading.Thread(target=work, name="skylark-detector", daemon=True).start()

    def look(self, photo: Any, instruction: str | None, min_score: float) -> Looked:
        """Look at one image.

        Args:
            photo: the file that was sent, as `sent` takes it.
            instruction: what is asked of it.
            min_score: bound on the score.

        Raises:
            SkylarkError: there is no image, or it or the instruction cannot be read, or it takes too long.
        """
        words = (instruction or "").strip()
        if len(words) > MAX_INSTRUCTION:
            raise SkylarkError(
                f"the instruction has {len(words):,} characters; at most {MAX_INSTRUCTION:,} are read here"
            )
        return self._limit.run(lambda: self._looked(_loaded(photo), words, _bounded(min_score)))

    def _looked(self, image: LoadedImage, words: str, bound: float) -> Looked:
        task = self.vision.read(words)
        detections = self.vision.detect(image.pixels, task, min_score=bound)
        grounding = None
        if task.expression is not None:
            grounding = self.vision.ask(image.pixels, task.expression, min_score=bound)
        # Without its source: what the page remembers of a visitor is small.
        detections = replace(detections, source=None, notes=(*image.notes, *detections.notes))
        return Looked(image, task, detections, grounding)

    def ground(self, photo: Any, question: str, min_score: float) -> Grounding:
        """The answer to a question about an image; see `look`."""
        words = (question or "").strip()
        if not words or len(words) > MAX_INSTRUCTION:
            raise SkylarkError(f"a question of 1 to {MAX_INSTRUCTION:,} characters was expected, not {len(words):,}")
        return self._limit.run(lambda: self.vision.ask(_loaded(photo).pixels, words, min_score=_bounded(min_score)))

    def scene(self, photo: Any, min_score: float) -> Scene:
        """The surest objects of an image, as a graph; see `look`."""

        def work() -> Scene:
            image = _loaded(photo)
            found = self.vision.detect(image.pixels, min_score=_bounded(min_score))
            return Scene.from_detections(found[:MOST_IN_SCENE], image)

        return self._limit.run(work)

    def show(self, photo: Any, instruction: str | None, min_score: float, form: str) -> tuple[Any, ...]:
        """Gives: error, task, overlay, headline, objects, text, scene, reasoning, and what was looked at."""
        try:
            looked = self.look(photo, instruction, min_score)
            found, (scene, total) = looked.detections, self._scene(looked, min_score)
            colours = class_colours((*found.class_names, *(item.class_name for item in scene.objects)))
            numbers = numbered(scene, found, looked.grounding)
            rest = others(scene, numbers, found, looked.grounding)
            key = f"{zlib.crc32(f'{photo}|{instruction}'.encode()):08x}"
            return (
                "",
                task_html(looked.task, _notes(looked)),
                overlay_html(looked.image, found, colours, rest, key),
                _headline(looked),
                objects_html(found),
                written(found, form),
                scene_html(scene, colours, total, numbers),
                "" if looked.grounding is None else reasoning_html(looked.grounding),
                found,
            )
        except Exception as error:
            return (failure_html(error), "", "", "", "", "", "", "", None)

    def show_again(self, photo: Any, instruction: str | None, min_score: float, form: str) -> tuple[Any, ...]:
        """As `show`, once the bound on the score has changed; nothing where nothing is asked yet."""
        if not photo or not (instruction or "").strip():
            return (gr.skip(),) * SHOWN
        return self.show(photo, instruction, min_score, form)

    def _scene(self, looked: Looked, min_score: float) -> tuple[Scene, int]:
        """The surest objects of the scene that an expression was asked of, else of all that the detector knows, else
        (no such list) of what was found; and how many there are."""
        if looked.grounding is not None:
            found = looked.grounding.scene.detections
        elif self.vision.detector.vocabulary is None:
            found = looked.detections
        else:
            found = self.vision.detect(looked.image.pixels, min_score=_bounded(min_score))
        return Scene.from_detections(found[:MOST_IN_SCENE], looked.image), len(found)


def _loaded(photo: Any) -> LoadedImage:
    """The image that was sent.

    Raises:
        SkylarkError: there is none, or it cannot be read.
    """
    source = sent(photo)
    if source is None:
        raise SkylarkError("there is no image yet: drop one on the page, take one, or pick an example")
    try:
        return load_image(source)
    except ImageError as error:
        if isinstance(source, bytes):
            raise
        raise ImageError(without_path(error, source)) from error


def _filled(example: ImageExample) -> tuple[str, str]:
    """An example's photograph and instruction.

    The photograph goes through the folder of uploads: where packages are installed is a place that Gradio may not
    serve from.
    """
    assert example.path is not None
    return save_file_to_cache(example.path, get_upload_folder()), example.instruction


def _icon(example: ImageExample) -> Any:
    """The photograph as a button's icon takes it, in Gradio's words for a file that has an address already."""
    assert example.path is not None
    uri = thumbnail_uri(example.path)
    return {"path": uri, "url": uri}


def _bounded(score: float) -> float:
    return min(max(float(score), LEAST_SCORE), MOST_SCORE)


def written(detections: Detections | None, form: str) -> str:
    """The result as text, in the format of the instruction or in another one."""
    if detections is None:
        return ""
    if form in get_args(FormatName):
        output = OutputFormat(
            format=cast(FormatName, form),
            geometry="polygon" if detections.polygons is not None else "box",
            scale="range" if form == "tokens" else "pixel",
            class_as="token" if form == "tokens" else "name",
        )
        detections = replace(detections, output=output, value=None)
    try:
        return detections.text
    except SkylarkError as error:
        return str(error)


def _notes(looked: Looked) -> tuple[str, ...]:
    """What the user should know, but for what stands beside the answer already."""
    beside = () if looked.grounding is None else looked.grounding.notes
    return tuple(note for note in looked.detections.notes if note not in beside)


def _headline(looked: Looked) -> str:
    found = looked.detections
    if looked.grounding is not None and looked.grounding.value is not None:
        return ""  # the answer is the headline
    told = counted(len(found), "object") if len(found) else "Nothing found"
    if found.value is not None:
        told = {True: "Yes", False: "No"}[found.value] if isinstance(found.value, bool) else str(found.value)
    return f'<p class="sk-headline">{text(told)}</p>'


def build_images(demo: ImageDemo) -> None:
    """The image page's part of the page, inside a tab."""
    examples: tuple[ImageExample, ...] = available()
    with gr.Row(elem_id="image_row"):
        with gr.Column(min_width=300, scale=2, elem_classes="sk-panel", elem_id="image_asked"):
            photo = gr.Image(
                label="Image", type="filepath", image_mode=None, sources=["upload", "clipboard", "webcam"], height=260,
                elem_id="photo", buttons=[],
            )  # fmt: skip
            with gr.Row(elem_id="image_examples"):
                buttons = [
                    gr.Button(
                        example.title, size="sm", icon=_icon(example), elem_id=f"image-example-{number}", min_width=0
                    )
                    for number, example in enumerate(examples, start=1)
                ]
            instruction = gr.Textbox(
                label="Instruction", lines=2, max_lines=8, max_length=MAX_INSTRUCTION, elem_id="instruction",
                placeholder='Find every vehicle except buses   or   the cup left of the laptop',
            )  # fmt: skip
            with gr.Row(equal_height=True):
                score = gr.Slider(LEAST_SCORE, MOST_SCORE, value=USUAL_SCORE, step=0.05, label="Least score", scale=3,
                                  min_width=140, elem_id="least_score")  # fmt: skip
                go = gr.Button("Look", variant="primary", elem_id="look", scale=1, min_width=90)
            error = gr.HTML(elem_id="image_error")
            gr.HTML(heading("The instruction as it was read"))
            task = gr.HTML(muted("No language model writes the boxes here: a detector does, under the task read from "
                                 "your words."), elem_id="task")  # fmt: skip
        with gr.Column(min_width=300, scale=3, elem_classes="sk-panel", elem_id="image_found"):
            headline = gr.HTML(elem_id="found")
            reasoning = gr.HTML(elem_id="reasoning")
            overlay = gr.HTML(muted("What is found shows here."), elem_id="overlay", js_on_load=TOGGLES)
            with gr.Accordion("Objects", open=False, elem_id="objects_panel"):
                objects = gr.HTML(elem_id="objects")
            form = gr.Dropdown(list(FORMATS), value=AS_ASKED, label="Written as", elem_id="form", min_width=150)
            output = gr.Textbox(
                label="Output", lines=4, max_lines=14, interactive=False, buttons=["copy"], elem_id="output"
            )
        with gr.Column(min_width=300, scale=2, elem_classes="sk-panel", elem_id="scene_panel"):
            scene = gr.HTML(elem_id="scene")
    gr.HTML(muted("Many images under one instruction, to a zip: <b>Batch</b> has a part for <b>Images</b>."),
            elem_id="many_images")  # fmt: skip

    looked = gr.State(None)
    shown = [error, task, overlay, headline, objects, output, scene, reasoning, looked]
    filled = [
        button.click(
            lambda n=number: _filled(examples[n]), None, [photo, instruction],
            api_visibility="private", queue=False,
        )
        for number, button in enumerate(buttons)
    ]  # fmt: skip
    asked: dict[str, Any] = {
        "inputs": [photo, instruction, score, form], "outputs": shown, "api_visibility": "private",
        "concurrency_limit": AT_ONCE, "concurrency_id": "look", "show_progress": "minimal",
        "show_progress_on": [overlay], "preprocess": False,
    }  # fmt: skip
    for trigger in (gr.on([go.click, instruction.submit], None, trigger_mode="multiple"), *filled):
        trigger.then(demo.show, trigger_mode="multiple", **asked).then(
            None, js=in_view("#image_error .sk-alert", "#image_found:has(.sk-photo)"), api_visibility="private"
        )
    score.change(demo.show_again, trigger_mode="always_last", **asked)
    form.change(written, [looked, form], [output], api_visibility="private", queue=False)
