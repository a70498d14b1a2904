"""The front of the room: an image and an instruction in, detections or a grounded answer out.

Every detector goes the same way here: the instruction is read once, the detector is asked for the classes that it
needs, and what was found is labelled, selected, outlined and written as the task says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kg_data.errors import SkylarkError
from vision.classes import COCO_CLASSES, ClassMatcher, OpenMatcher
from vision.detections.description import counted, sentence
from vision.detections.detections import Detections, PolygonSource
from vision.detections.formats import losses
from vision.detections.polygons import grabcut_outlines, with_points
from vision.detections.selection import asked_classes, labelled, ranked, within
from vision.detectors.detector import Detector, Found, Request, Rings
from vision.detectors.opening import open_detector
from vision.errors import InstructionError
from vision.images.loading import ImageSource, LoadedImage, load_image
from vision.images.pipeline import detect_many
from vision.reading.instructions import read_instruction
from vision.scene import Grounding, Scene, expression_classes, ground
from vision.scene.grounding import UNSURE
from vision.task import OutputFormat, Target, Task

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

EVERYTHING = "Find every object."


@dataclass(frozen=True)
class _Plan:
    """A task, the class set that stands for it, what the detector is asked for, and the score from which it is sure."""

    task: Task
    targets: tuple[Target, ...] | None
    request: Request
    min_score: float
    notes: tuple[str, ...]


class Vision:
    """Looks at images as instructions in plain language say.

    Args:
        model: "embedded", "onnx:PATH", the hub name or path of a transformers detector, segmenter or vision-language
            model, "DETECTOR+SAM" for outlines by a mask model, or a `Detector`.
        llm: a LangChain chat model, or "provider:model" for one, that reads instructions instead of the rules.
        min_score: boxes that score less are dropped; the detector's own default where None. An instruction that
            states a confidence goes before it.
        device: "cpu", "cuda", ... for transformers models.
        dtype: "float32", "bfloat16", ... for transformers models.
        threads: threads of the embedded detector's session; None for one a core.

    Raises:
        DetectorError: there is no such model, or it cannot be opened.

    Example:
        >>> Vision().read("the two largest dogs").limit
        Limit(count=2, by='area', order='descending')
    """

    def __init__(
        self,
        model: str | Detector = "embedded",
        *,
        llm: BaseChatModel | str | None = None,
        min_score: float | None = None,
        device: str | None = None,
        dtype: str | None = None,
        threads: int | None = None,
    ) -> None:
        self.detector = open_detector(model, device=device, dtype=dtype, threads=threads)
        vocabulary = self.detector.vocabulary
        self.matcher = OpenMatcher() if vocabulary is None else ClassMatcher(vocabulary, self.detector.supercategories)
        self.min_score = self.detector.default_min_score if min_score is None else _checked_bound(min_score)
        self._llm = _chat_model(llm) if isinstance(llm, str) else llm

    @property
    def classes(self) -> tuple[str, ...]:
        """What "everything" means: the detector's classes, or COCO's where it takes any phrase."""
        return COCO_CLASSES if self.detector.vocabulary is None else self.detector.vocabulary

    def read(self, instruction: str) -> Task:
        """Read an instruction without looking at an image.

        Raises:
            InstructionError: it is empty, or contradicts itself.
        """
        if not isinstance(instruction, str):
            raise InstructionError(f"an instruction is a text, not a {type(instruction).__name__}")
        return read_instruction(instruction, self.matcher, self._llm)

    def detect(
        self, image: ImageSource, instruction: str | Task = EVERYTHING, *, min_score: float | None = None
    ) -> Detections:
        """Do what an instruction says with one image.

        Args:
            image: a path, the bytes of a file, a Pillow image, or an RGB array of shape (height, width, 3).
            instruction: in plain language or one of VisionLLM's forms; or a task.
            min_score: bound on the score for this call.

        Returns:
            The objects in the pixels of the upright image; `text` is written as the instruction asks.

        Raises:
            InstructionError: the instruction cannot be obeyed.
            ImageError: the image cannot be read.
            DetectorError: the model failed.
        """
        plan = self._plan(instruction, min_score)
        loaded = load_image(image)
        found = self.detector.detect([loaded], plan.request)[0] if plan.request.classes else _nothing()
        return self._concluded(plan, loaded, found, image)

    def detect_many(
        self, images: Iterable[ImageSource], instruction: str | Task = EVERYTHING, *, min_score: float | None = None
    ) -> Iterator[tuple[ImageSource, Detections | SkylarkError]]:
        """Do what an instruction says with many images, in order, faster than one by one.

        Images are decoded while the detector works. One that cannot be read gives its error in place of detections.

        Raises:
            InstructionError: the instruction cannot be obeyed.
        """
        plan = self._plan(instruction, min_score)
        return self._each(plan, images)

    def _each(
        self, plan: _Plan, images: Iterable[ImageSource]
    ) -> Iterator[tuple[ImageSource, Detections | SkylarkError]]:
        for source, loaded, found in detect_many(self.detector, images, plan.request):
            if isinstance(found, SkylarkError):
                yield source, found
                continue
            assert loaded is not None
            try:
                yield source, self._concluded(plan, loaded, found, source)
            except SkylarkError as error:
                yield source, error

    def scene(self, image: ImageSource, *, min_score: float | None = None) -> Scene:
        """Everything that is found in an image as a small knowledge graph."""
        loaded = load_image(image)
        return Scene.from_detections(self.detect(image, EVERYTHING, min_score=min_score), loaded)

    def ask(self, image: ImageSource, text: str, *, min_score: float | None = None) -> Grounding:
        """Answer a referring expression or a question by a logical query over the scene.

        Args:
            image: as for `detect`.
            text: such as "the person left of the bus" or "how many bottles are on the table?".
            min_score: bound on the score for this call.

        Returns:
            The boxes or the value, the query, and the relations that justify them.

        Raises:
            InstructionError: the text cannot be read as such.
            ImageError: the image cannot be read.
        """
        plan = self._plan(Task(text, "ground", expression=text), min_score)
        loaded = load_image(image)
        found = self.detector.detect([loaded], plan.request)[0] if plan.request.classes else _nothing()
        return self._grounded(plan, loaded, found, image)

    def _plan(self, instruction: str | Task, min_score: float | None) -> _Plan:
        task = instruction if isinstance(instruction, Task) else self.read(instruction)
        targets = task.targets if task.understood else ()
        if task.expression is not None:
            targets = expression_classes(task.expression, self.matcher)
        asked = task.min_score if task.min_score is not None else min_score
        bound = self.min_score if asked is None else _checked_bound(asked)
        outlines = task.output.geometry == "polygon" and self.detector.gives_polygons
        # An expression speaks of what is there: where nothing sure fits, less sure objects are looked at.
        looked_for = bound * UNSURE if task.expression is not None and task.min_score is None else bound
        request = Request(asked_classes(replace(task, targets=targets), self.classes), looked_for, outlines)
        return _Plan(task, targets, request, bound, _said(task, self.detector.name))

    def _grounded(self, plan: _Plan, image: LoadedImage, found: Found, source: ImageSource) -> Grounding:
        assert plan.task.expression is not None
        everything = replace(plan.task, limit=None, region=None, size=None)
        scene = Scene.from_detections(self._selected(replace(plan, task=everything), image, found, source), image)
        scored = self.detector.gives_scores and plan.task.min_score is None
        return ground(plan.task.expression, scene, self.matcher, min_score=plan.min_score if scored else None)

    def _concluded(self, plan: _Plan, image: LoadedImage, found: Found, source: ImageSource) -> Detections:
        task = plan.task
        if task.expression is not None:
            grounding = self._grounded(plan, image, found, source)
            detections, value = grounding.detections, grounding.value
            notes = tuple(dict.fromkeys((*detections.notes, *grounding.notes)))
            if task.class_set and task.output.class_as != "name":
                # A class set of one expression, VisionLLM's form: its token stands for whatever the expression means.
                names = (task.class_set[0],) * len(detections)
                detections = replace(detections, class_names=names, classes=task.class_set)
            detections = replace(detections, value=value, notes=notes)
        else:
            detections = self._selected(plan, image, found, source)
        if task.kind == "describe":
            captions = self.detector.describe([image]) or ("",)
            detections = replace(detections, value=captions[0].strip() or sentence(detections))
        elif task.kind == "count" and task.expression is None:
            detections = replace(detections, value=counted(detections))
        elif task.asks_whether:
            # Of what cannot be detected nobody knows whether it is there.
            unknown = not len(detections) and bool(task.undetectable)
            detections = replace(detections, value=None if unknown else len(detections) > 0)
        if task.output.geometry == "polygon":
            detections = self._outlined(detections, image, task.output)
        return replace(detections, notes=(*detections.notes, *losses(detections)))

    def _selected(self, plan: _Plan, image: LoadedImage, found: Found, source: ImageSource) -> Detections:
        task = plan.task
        labels = labelled(found, plan.targets, image)
        keep = within(found.xyxy, image.size, task) & np.array([label is not None for label in labels], bool)
        if found.scores is not None:
            keep &= found.scores >= plan.request.min_score
        places = np.flatnonzero(keep)
        notes = plan.notes
        if found.scores is None and task.min_score is not None:
            notes = (*notes, f"{self.detector.name} gives no score, so the bound on it was not applied.")
        if task.limit is not None:
            if found.scores is None and task.limit.by == "score":
                notes = (*notes, f"{self.detector.name} gives no score, so the first that it wrote are kept.")
            scores = None if found.scores is None else found.scores[places]
            places = places[ranked(found.xyxy[places], scores, image.size, task.limit)]
        return Detections(
            image_size=image.size,
            xyxy=found.xyxy[places],
            class_names=tuple(str(labels[place]) for place in places),
            scores=None if found.scores is None else found.scores[places],
            classes=_class_set(task, plan.targets, self.classes),
            model_classes=tuple(found.labels[place] for place in places),
            polygons=None if found.polygons is None else tuple(found.polygons[place] for place in places),
            polygon_source=None if found.polygons is None else "model",
            output=task.output,
            task=task,
            source=source,
            notes=(*image.notes, *found.notes, *notes),
        )

    def _outlined(self, detections: Detections, image: LoadedImage, output: OutputFormat) -> Detections:
        rings: tuple[Rings, ...]
        origin: PolygonSource
        if detections.polygons is not None:
            rings, origin, notes = detections.polygons, detections.polygon_source or "model", detections.notes
        else:
            outlines = grabcut_outlines(image, detections.xyxy)
            rings, origin = outlines.rings, "grabcut"
            notes = (*detections.notes, _cut(self.detector.name, outlines.sources))
        if output.points is not None:
            rings = tuple((with_points(outline, output.points),) for outline in rings)
        return replace(detections, polygons=rings, polygon_source=origin, notes=notes)


def _class_set(task: Task, targets: Sequence[Target] | None, known: tuple[str, ...]) -> tuple[str, ...]:
    """The labels in which indexes and tokens count: the instruction's own set, with what is not detectable."""
    if targets is None:
        return known
    if task.expression is None and task.class_set:
        return task.class_set
    return tuple(dict.fromkeys(target.label for target in targets))


def _nothing() -> Found:
    return Found(np.zeros((0, 4), np.float32), (), np.zeros(0, np.float32))


def _cut(model: str, sources: Sequence[str]) -> str:
    failed = sources.count("box")
    told = f"{model} gives boxes alone: the outlines are drawn inside them with GrabCut"
    if failed:
        told += f"; for {failed} of {len(sources)} objects it found none, and an ellipse in the box stands there"
    return f"{told}."


def _said(task: Task, model: str) -> tuple[str, ...]:
    """What the user has to know of how the instruction was read."""
    notes = list(task.notes)
    for unknown in task.undetectable:
        nearest = f"; the nearest that it knows: {', '.join(unknown.nearest)}" if unknown.nearest else ""
        notes.append(f'{model} has no class for "{_brief(unknown.word)}"{nearest}.')
    notes += [f'Not understood, or not obeyed: "{_brief(part)}".' for part in task.unread]
    return tuple(notes)


def _brief(text: str) -> str:
    """A stranger's words in a sentence of ours, which they must not flood."""
    return text if len(text) <= 200 else f"{text[:197]}..."


def _checked_bound(min_score: float) -> float:
    if isinstance(min_score, bool) or not isinstance(min_score, int | float) or not 0 <= min_score <= 1:
        raise InstructionError(f"min_score is {min_score!r}: expected a number from 0 to 1")
    return float(min_score)


def _chat_model(name: str) -> BaseChatModel:
    from langchain.chat_models import init_chat_model

    try:
        model: BaseChatModel = init_chat_model(name, temperature=0)
    except (ImportError, ValueError) as error:
        raise SkylarkError(
            f"no chat model {name!r}: expected provider:model, such as openai:gpt-4o-mini; {error}"
        ) from error
    return model
