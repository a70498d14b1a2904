"""The image page: a photograph and an instruction in; the task as it was read, the objects, the text, the scene out."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from typing import Any, cast, get_args
from urllib.parse import urlencode

import gradio as gr
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder
from markupsafe import Markup

from app.image.examples import ImageExample, available
from app.image.looking import (
    AT_ONCE,
    LEAST_SCORE,
    MAX_INSTRUCTION,
    MOST_SCORE,
    NO_SLICES,
    USUAL_SCORE,
    Looked,
    SharedDetector,
)
from app.image.overlay import may_be_there, numbered, objects_html, other_things, overlay_html
from app.image.views import answer_html, may_be_doubted, reasoning_html, reasons, scene_html, task_html
from app.server.failure_view import failure_html
from app.server.scripts import in_view, read_static
from app.server.templates import heading, muted
from app.server.words import not_in_link
from kg_data.errors import SkylarkError
from vision import Detections
from vision.detections.drawing import class_colours
from vision.detectors.slices.slicing import AUTO
from vision.errors import ImageError
from vision.reading.instructions.describing import choices
from vision.task import FormatName, OutputFormat

AS_ASKED = "as the instruction says"
FORMATS: tuple[tuple[str, str], ...] = (
    (AS_ASKED, AS_ASKED), ("tuples", "tuple"), ("JSON", "json"), ("COCO", "coco"), ("YOLO", "yolo"),
    ("Pascal VOC", "voc"), ("location tokens", "tokens"),
)  # fmt: skip

Updates = dict[Any, Any]
"""New values of parts of the page."""


class ImageTab:
    """The tab, in the block in which it is made; its events give the new values of its components.

    Args:
        detector: what looks at the images.
        page: the page, whose link may ask for an example.
    """

    def __init__(self, detector: SharedDetector, page: gr.Blocks) -> None:
        self._detector, self._page = detector, page
        self._examples = available()
        with gr.Row(elem_id="image_row"):
            with gr.Column(min_width=300, scale=2, elem_classes="sk-panel", elem_id="image_asked"):
                self._build_form()
            with gr.Column(min_width=300, scale=3, elem_classes="sk-panel", elem_id="image_found"):
                self.headline = gr.HTML(elem_id="found")
                self.reasoning = gr.HTML(elem_id="reasoning")
                self.overlay = gr.HTML(
                    muted("What is found shows here."), elem_id="overlay", js_on_load=read_static("image.js")
                )
                with gr.Accordion("Objects", open=False, elem_id="objects_panel"):
                    self.objects = gr.HTML(elem_id="objects")
                self.form = gr.Dropdown(
                    list(FORMATS), value=AS_ASKED, label="Written as", elem_id="form", min_width=150
                )
                self.output = gr.Textbox(
                    label="Output", lines=4, max_lines=14, interactive=False, buttons=["copy"], elem_id="output"
                )
            with gr.Column(min_width=300, scale=2, elem_classes="sk-panel", elem_id="scene_panel"):
                self.scene = gr.HTML(elem_id="scene")
        more = "Many images under one instruction, to a zip: <b>Batch</b> has a part for <b>Images</b>."
        gr.HTML(muted(Markup(more)), elem_id="many_images")
        self.looked = gr.State(None)
        self._connect()

    def _build_form(self) -> None:
        self.photo = gr.Image(
            label="Image", type="filepath", image_mode=None, sources=["upload", "clipboard", "webcam"], height=260,
            elem_id="photo", buttons=[],
        )  # fmt: skip
        with gr.Row(elem_id="image_examples"):
            self.buttons = [
                gr.Button(example.title, size="sm", icon=example.icon, elem_id=f"image-example-{number}", min_width=0)
                for number, example in enumerate(self._examples, start=1)
            ]
        self.instruction = gr.Textbox(
            label="Instruction", lines=2, max_lines=8, max_length=MAX_INSTRUCTION, elem_id="instruction",
            placeholder="Find every vehicle except buses   or   the cup left of the laptop",
        )  # fmt: skip
        with gr.Row(equal_height=True):
            self.score = gr.Slider(LEAST_SCORE, MOST_SCORE, value=USUAL_SCORE, step=0.05, label="Least score", scale=3,
                                   min_width=140, elem_id="least_score")  # fmt: skip
            self.go = gr.Button("Look", variant="primary", elem_id="look", scale=1, min_width=90)
        self.in_slices = gr.Checkbox(
            False, label="In slices: small things in large images; slower", elem_id="in_slices"
        )
        self.error = gr.HTML(elem_id="image_error")
        gr.HTML(heading("The instruction as it was read"))
        self.rivals = gr.Radio([], label="It may also mean", visible=False, elem_id="rivals")
        self.task = gr.HTML(muted("No language model writes the boxes here: a detector does, under the task read from "
                                  "your words."), elem_id="task")  # fmt: skip

    def _connect(self) -> None:
        filled = [
            button.click(
                lambda example=example: self._fill(example), None, [self.photo, self.instruction],
                api_visibility="private", queue=False, js=_linked(example),
            )
            for button, example in zip(self.buttons, self._examples, strict=True)
        ]  # fmt: skip
        asked: dict[str, Any] = {
            "inputs": [self.photo, self.instruction, self.score, self.form, self.in_slices],
            "outputs": [self.error, self.photo, self.looked, self.rivals, *self._shown], "api_visibility": "private",
            "concurrency_limit": AT_ONCE, "concurrency_id": "look", "show_progress": "minimal",
            "show_progress_on": [self.overlay], "preprocess": False,
        }  # fmt: skip
        for trigger in (gr.on([self.go.click, self.instruction.submit], None, trigger_mode="multiple"), *filled):
            trigger.then(self.show, trigger_mode="multiple", **asked).then(
                None, js=in_view("#image_error .sk-alert", "#image_found:has(.sk-photo)"), api_visibility="private"
            )
        self._page.load(
            self.arrived,
            None,
            [self.photo, self.instruction, self.error],
            api_visibility="private",
            show_progress="hidden",
        ).then(self.show_again, **asked)
        self.rivals.input(self.show_rival, trigger_mode="always_last", **{
            **asked, "inputs": [*asked["inputs"], self.rivals],
            "outputs": [self.error, self.photo, self.looked, *self._shown],
        })  # fmt: skip
        self.score.change(self.show_again, trigger_mode="always_last", **asked)
        self.in_slices.input(self.show_again, trigger_mode="always_last", **asked)
        self.form.change(written, [self.looked, self.form], [self.output], api_visibility="private", queue=False)

    @property
    def _shown(self) -> list[Any]:
        """The parts that show what was found."""
        return [self.task, self.overlay, self.headline, self.objects, self.output, self.scene, self.reasoning]

    def _fill(self, example: ImageExample) -> Updates:
        """Put an example's photograph and instruction in.

        The photograph goes through the folder of uploads: where packages are installed is a place that Gradio may not
        serve from.
        """
        assert example.path is not None
        photo = save_file_to_cache(example.path, get_upload_folder())
        return {self.photo: photo, self.instruction: example.instruction}

    def arrived(self, request: gr.Request) -> Updates:
        """Put in what a link to this tab asks for: the photograph of an example, and an instruction; else nothing."""
        link = dict(request.query_params)
        picture = str(link.get("picture", ""))
        if link.get("tab") != "image" or not picture:
            return {self.instruction: gr.skip()}
        example = next((one for one in self._examples if one.key == picture), None)
        if example is None:
            lost = SkylarkError(not_in_link("picture", picture, (one.key for one in self._examples)))
            return {self.error: failure_html(lost)}
        text = str(link.get("q", ""))[:MAX_INSTRUCTION].strip()
        return self._fill(replace(example, instruction=text or example.instruction))

    def show(self, photo: Any, instruction: str | None, min_score: float, form: str, in_slices: bool) -> Updates:
        """Look at the image, show what was found, and offer what else the instruction may mean."""
        updates, looked = self._looked(photo, instruction, min_score, form, in_slices, None)
        others = [] if looked is None else [*choices(looked.task).items()]
        return {**updates, self.rivals: gr.Radio(others, value=None, visible=bool(others))}

    def show_rival(
        self, photo: Any, instruction: str | None, min_score: float, form: str, in_slices: bool, rival: int
    ) -> Updates:
        """Do what else the instruction may mean; the choice stays."""
        return self._looked(photo, instruction, min_score, form, in_slices, rival)[0]

    def _looked(
        self, photo: Any, instruction: str | None, min_score: float, form: str, in_slices: bool, rival: int | None
    ) -> tuple[Updates, Looked | None]:
        slices = AUTO if in_slices else NO_SLICES
        try:
            looked = self._detector.look(photo, instruction, min_score, rival, slices)
            detections, (scene, total) = looked.detections, self._detector.scene_of(looked, min_score, slices)
            colours = class_colours((*detections.class_names, *(item.class_name for item in scene.objects)))
            numbers = numbered(scene, detections, looked.grounding)
            rest = other_things(scene, numbers, detections, looked.grounding)
            rest += may_be_there(detections, max(len(numbers), len(detections)))
            key = f"{zlib.crc32(f'{photo}|{instruction}'.encode()):08x}"
            updates = {
                self.error: "",
                self.looked: detections,
                self.task: task_html(looked.task, _notes(looked)),
                self.overlay: overlay_html(looked.image, detections, colours, rest, key, may_be_doubted(looked)),
                self.headline: answer_html(looked),
                self.objects: objects_html(detections),
                self.output: written(detections, form),
                self.scene: scene_html(scene, colours, total, numbers),
                self.reasoning: "" if looked.grounding is None else reasoning_html(looked.grounding),
            }
            return updates, looked
        except Exception as error:
            updates = {self.error: failure_html(error), self.looked: None, **dict.fromkeys(self._shown, "")}
            # What is no picture would stay in its place as a broken one.
            return ({**updates, self.photo: None} if isinstance(error, ImageError) else updates), None

    def show_again(self, photo: Any, instruction: str | None, min_score: float, form: str, in_slices: bool) -> Updates:
        """As `show`, once the bound on the score or the slices changed; nothing where nothing is asked yet."""
        if not photo or not (instruction or "").strip():
            return {self.error: gr.skip()}
        return self.show(photo, instruction, min_score, form, in_slices)


def _linked(example: ImageExample) -> str:
    """A script that puts the link to an example into the address bar."""
    link = urlencode({"tab": "image", "picture": example.key, "q": example.instruction})
    return f"() => {{ history.replaceState(history.state, '', {json.dumps('?' + link)}); }}"


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
    beside = [*reasons(looked), *(() if looked.grounding is None else looked.grounding.notes)]
    return tuple(note for note in looked.detections.notes if note not in beside)
