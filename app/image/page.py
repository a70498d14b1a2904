"""The image page: a photograph and an instruction in; the task as it was read, the objects, the text, the scene out."""

from __future__ import annotations

import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast, get_args
from urllib.parse import urlencode

import gradio as gr
import numpy as np
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder
from markupsafe import Markup
from numpy.typing import NDArray

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
from app.image.overlay import css_colour, may_be_there, numbered, objects_html, other_things, overlay_html
from app.server.views import counted, failure_html, heading, in_view, muted, not_in_link, read_static, render, shortened
from skylark.errors import SkylarkError
from vision import Detections, Grounding, Scene, Task
from vision.detections.drawing import Colour, class_colours, place_labels
from vision.detections.showing import counted_names, listed, there_is
from vision.detectors.slices import AUTO
from vision.errors import ImageError
from vision.grounding.asking import NOT_SURE, TAKEN_FOR
from vision.parsing.instruction_reader import choices
from vision.task import FormatName, Order, OutputFormat, RankKey

MOST_CLASSES = 12
MOST_ROWS = 60
MOST_COLOURS = 3
"""Most colours named for low-confidence things; naming more tells nothing."""
MOST_TALLIED = 6
"""Classes whose numbers the heading tells."""
NOT_UNDERSTOOD = "Not understood"
"""How a note begins that has a row of its own."""
MOST_EDGES = 24
MOST_NAMED_EDGES = 12
MOST_NODE_LETTERS = 24
MOST_SPOKEN = 5
"""Relations that a node of the picture tells a screen reader; the table has all."""
PICTURE_WIDTH = 480
DRAWN = ("inside", "on", "next_to", "near")
"""Relations that the scene's picture draws, those that say most first: the others hold for nearly every pair."""
WORDS = {"detect": "find boxes", "segment": "outline", "ground": "find what an expression names", "count": "count",
         "describe": "describe the picture"}  # fmt: skip
ENDS: dict[tuple[RankKey, Order], str] = {
    ("area", "descending"): "largest",
    ("area", "ascending"): "smallest",
    ("x", "ascending"): "leftmost",
    ("x", "descending"): "rightmost",
    ("y", "ascending"): "topmost",
    ("y", "descending"): "lowest",
    ("score", "descending"): "most certain",
    ("score", "ascending"): "least certain",
    ("centre", "ascending"): "nearest to the middle",
    ("centre", "descending"): "farthest from the middle",
}


def task_html(task: Task, notes: Iterable[str] = ()) -> Markup:
    """The task as it was read: what is looked for, what is kept, how it is written, what was not understood."""
    return render(
        "image/task.html",
        task=task,
        most=MOST_CLASSES,
        kind=WORDS[task.kind],
        kept=_kept(task),
        output=_format(task),
        # What has a row of its own is not said twice.
        notes=[
            note
            for note in dict.fromkeys((*task.notes, *notes))
            if not note.startswith(NOT_UNDERSTOOD) and ' has no class for "' not in note
        ],
    )


def _kept(task: Task) -> str:
    bounds = []
    if task.limit is not None:
        limit = task.limit
        end = ENDS[limit.by, limit.order]
        bounds.append(f"the {end} {limit.count}" if limit.count > 1 else f"the {end}")
    if task.region is not None:
        x0, y0, x1, y1 = (f"{100 * share:.0f}" for share in task.region)
        bounds.append(f"the middle lies in {x0} to {x1}% across and {y0} to {y1}% down")
    if task.size is not None:
        sizes = [f"{name.replace('_', ' ')} {value:g}" for name, value in vars(task.size).items() if value is not None]
        bounds.append(", ".join(sizes))
    if task.min_score is not None:
        bounds.append(f"score at least {task.min_score:g}")
    return "; ".join(bounds)


def _format(task: Task) -> str:
    output = task.output
    if output.format in ("coco", "yolo", "voc"):
        return {"coco": "COCO JSON", "yolo": "YOLO lines", "voc": "Pascal VOC XML"}[output.format]
    shape = f"polygons of {output.points} points" if output.points else "polygons"
    box = {"xyxy": "two corners", "xywh": "corner and size", "cxcywh": "middle and size"}[output.box]
    geometry = f"boxes by {box}" if output.geometry == "box" else shape
    scale = {"pixel": "pixels", "unit": "0 to 1", "range": f"range {output.range_}"}[output.scale]
    offsets = ", offsets from the centre" if output.offsets else ""
    kind = {
        "tuple": "lines of text",
        "json": f"JSON with {output.keys[0]} and {output.keys[1]}",
        "tokens": "location tokens",
    }
    return f"{kind[output.format]}: {geometry} in {scale}{offsets}"


@dataclass(frozen=True)
class _Edge:
    """An arrow of the scene's picture; `numbers` are those of its ends, `line` is (x, y) of both."""

    head: str
    relation: str
    tail: str
    numbers: str
    line: tuple[float, ...]


@dataclass(frozen=True)
class _Node:
    """A dot of the scene's picture; `words` is what a screen reader says, `label` where its name stands, if it does."""

    name: str
    number: int
    x: float
    y: float
    words: str
    colour: str
    label: tuple[float, float] | None


def scene_html(
    scene: Scene, colours: Mapping[str, Colour], total: int | None = None, numbers: Mapping[str, int] | None = None
) -> Markup:
    """The scene as a picture of its nearest relations and a table of all.

    Objects lie in the picture as they lie to one another in the photograph, with arrows for the relations that say
    most. The distances are stretched to fill the picture, so that objects that crowd in one corner stand apart.
    """
    numbers = numbers or {item.name: number for number, item in enumerate(scene.objects)}
    relations: list[list[str]] = scene.to_dict()["relations"] if len(scene) else []
    height = min(440, 120 + 24 * len(scene))
    nodes = _nodes(scene, height, colours, relations, numbers) if len(scene) else []
    place = {node.name: (node.x, node.y) for node in nodes}
    edges = [
        _Edge(head, _spaced(relation), tail, _joined(numbers, (head, tail)), (*place[head], *place[tail]))
        for head, relation, tail in _drawn(relations)
    ]
    grouped: dict[tuple[str, str], list[str]] = defaultdict(list)
    for head, relation, tail in relations:
        grouped[head, relation].append(tail)
    objects = counted(len(scene), "object")
    if total not in (None, len(scene)):
        objects = f"The surest {len(scene)} of {total} objects"
    return render(
        "image/scene.html",
        width=PICTURE_WIDTH,
        height=height,
        nodes=nodes,
        edges=edges,
        edge_labels=len(edges) <= MOST_NAMED_EDGES,
        most_letters=MOST_NODE_LETTERS,
        summary=f"{objects}, {counted(len(relations), 'relation')}; the picture draws the nearest.",
        items=[(numbers[item.name], item) for item in scene.objects[:MOST_ROWS]],
        facts=[
            (_joined(numbers, (head, *tails)), head, _spaced(relation), tails)
            for (head, relation), tails in list(grouped.items())[:MOST_ROWS]
        ],
        more_facts=len(grouped) - MOST_ROWS,
    )


def _spaced(relation: str) -> str:
    return relation.replace("_", " ")


def _joined(numbers: Mapping[str, int], names: Iterable[str]) -> str:
    return " ".join(str(number) for number in dict.fromkeys(numbers[name] for name in names if name in numbers))


def _spread(scene: Scene, width: int, height: int) -> NDArray[np.float64]:
    """The objects' places in the picture, shape (n, 2)."""
    xyxy = scene.detections.xyxy.astype(np.float64)
    centres = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    low, extent = centres.min(axis=0), np.ptp(centres, axis=0)
    share = np.where(extent > 0, (centres - low) / np.where(extent > 0, extent, 1), 0.5)
    margin = np.array([60.0, 34.0])
    return np.asarray(margin + share * (np.array([width, height]) - 2 * margin))


def _drawn(relations: list[list[str]]) -> list[tuple[str, str, str]]:
    """The relations that are drawn: one for a pair, those that say most first."""
    paired, edges = set[frozenset[str]](), list[tuple[str, str, str]]()
    for kind in DRAWN:
        for head, relation, tail in relations:
            if relation == kind and frozenset((head, tail)) not in paired and len(edges) < MOST_EDGES:
                paired.add(frozenset((head, tail)))
                edges.append((head, relation, tail))
    return edges


def _nodes(
    scene: Scene, height: int, colours: Mapping[str, Colour], relations: list[list[str]], numbers: Mapping[str, int]
) -> list[_Node]:
    """Dots with the names that have a place; the other names appear at the pointer."""
    points = _spread(scene, PICTURE_WIDTH, height)
    widths = [9 * min(len(item.name), MOST_NODE_LETTERS) + 6 for item in scene.objects]
    labels = place_labels(
        np.hstack([points - 7, points + 7]), [[(width, 18)] for width in widths], (PICTURE_WIDTH, height), 1
    )
    corners = {label.position: label.corner for label in labels}
    spoken = defaultdict(list)
    for head, relation, tail in relations:
        if relation in DRAWN:
            spoken[head].append(f"{_spaced(relation)} {tail}")
    nodes = []
    for i, item in enumerate(scene.objects):
        label = None if i not in corners else (corners[i][0] + widths[i] / 2, corners[i][1] + 14)
        words = "; ".join([item.name, *spoken[item.name][:MOST_SPOKEN]])
        x, y = points[i].tolist()
        nodes.append(_Node(item.name, numbers[item.name], x, y, words, css_colour(colours[item.class_name]), label))
    return nodes


def reasoning_html(grounding: Grounding) -> Markup:
    """The logical query that an expression was read as, and the relations that justify each object."""
    return render("image/reasoning.html", grounding=grounding)


def answer_html(looked: Looked) -> Markup:
    """The answer in large letters; where nothing was found, what there is instead, or why that can't be told."""
    return render("image/answer.html", headline=_headline(looked), reasons=reasons(looked))


def reasons(looked: Looked) -> list[str]:
    """Where nothing was found, what there is instead, or why it can't be told; else what was taken for something."""
    if len(looked.detections):
        return [note for note in looked.detections.notes if TAKEN_FOR in note]
    # How the image was loaded and the words were read stands beside the instruction.
    beside = {*looked.image.notes, *looked.task.notes}
    return [note for note in looked.detections.notes if note not in beside and not note.startswith(NOT_UNDERSTOOD)]


def may_be_doubted(looked: Looked) -> bool:
    """Whether what was looked for may be there with less than the least score, for all that is known."""
    task = looked.task
    looks = task.understood and (task.targets != () or task.expression is not None)
    return looks and not len(looked.detections) and not reasons(looked)


def perhaps_coloured(grounding: Grounding) -> str:
    """What colours things may have of which none has one for sure: "Perhaps red or grey"; "" where there are many."""
    things = [grounding.scene.objects[one.index] for one in grounding.justification]
    colours = tuple(dict.fromkeys(colour for thing in things for colour in thing.colours))
    few = grounding.value == NOT_SURE and 0 < len(colours) <= MOST_COLOURS
    return f"Perhaps {listed(colours, 'or')}" if few else ""


def _headline(looked: Looked) -> str:
    detections, task, grounding = looked.detections, looked.task, looked.grounding
    value = detections.value
    if isinstance(value, bool):
        which = None if grounding is None else grounding.alternatives
        return "No" if not value else "Yes" if which is None else which.answer()
    if not task.understood:
        return "Not understood"
    if value is None and looked.asks_whether_or_how_many and looked.untold:
        return f"{there_is(detections.class_names)}{looked.untold}"
    if value is None and (looked.asks_whether_or_how_many or (task.undetectable and not task.targets)):
        return "I can't tell"
    if grounding is None or (grounding.question in ("find", "count", "what") and len(detections)):
        return value if isinstance(value, str) and grounding is None else _tally(looked)
    return "Nothing found" if value is None else perhaps_coloured(grounding) or str(value)


def _tally(looked: Looked) -> str:
    """How many there are of each class that was asked for, "14 people and 0 trucks", and of which that is unknown."""
    counts = Counter(looked.detections.class_names)
    asked = [] if looked.grounding is not None else [target.label for target in looked.task.targets or ()]
    if len(asked) <= MOST_TALLIED and (counts or looked.task.kind == "count"):
        counts.update(dict.fromkeys(asked, 0))
    if not counts:
        return "Nothing found"
    if len(counts) > MOST_TALLIED:
        return counted(counts.total(), "object")
    unknown = [f'I can\'t tell of "{shortened(one.word, 60)}"' for one in looked.task.undetectable[:MOST_TALLIED]]
    return "; ".join([counted_names(counts.most_common()), *unknown]) + looked.untold


AS_ASKED = "as the instruction says"
FORMATS: tuple[tuple[str, str], ...] = (
    (AS_ASKED, AS_ASKED), ("tuples", "tuple"), ("JSON", "json"), ("COCO", "coco"), ("YOLO", "yolo"),
    ("Pascal VOC", "voc"), ("location tokens", "tokens"),
)  # fmt: skip

Updates = dict[Any, Any]
"""New values of parts of the page."""


class ImageTab:
    """The tab, in the block in which it is made; its events give the new values of its components."""

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
        arrived: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        self._page.load(self.arrived, None, [self.photo, self.instruction, self.error], **arrived).then(
            self.show_again, **asked
        )
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
