"""The front of the room: an image and an instruction in, detections or a grounded answer out.

Every detector is used in the same way: the instruction is read once, the detector is asked for the classes that it
needs, and its boxes are labelled, selected, outlined and written as the task says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import reasoning.lm
from kg_data.batches.shards import code_digest, files_digest
from reasoning.lm.calls import MODEL, adapter_folder, folder_digest
from reasoning.lm.local_weights import weights_digest
from skylark.errors import SkylarkError
from skylark.installation import version
from vision.classes import COCO_CLASSES, ClassMatcher, OpenMatcher
from vision.detections.boxes import is_score
from vision.detections.detections import Detections
from vision.detections.formats import losses
from vision.detections.polygons import grabcut_outlines, with_points
from vision.detections.showing import narrower_note, sentence
from vision.detectors.detector import NOTHING, Detector, FlipTTA, Found, Request
from vision.detectors.opening import open_detector
from vision.detectors.sessions import detect_many
from vision.detectors.slices import SlicedDetector, Slicing
from vision.errors import ImageError, InstructionError
from vision.grounding import Grounding, ground
from vision.grounding.grounding import UNSURE, sure_readings, targets_of
from vision.images import ImageSource, LoadedImage, load_image
from vision.parsing import read_instruction
from vision.parsing.instruction_reader import choices
from vision.parsing.reader import PACKAGED, VIDEOS
from vision.scene import Scene
from vision.selection import LOW_CONFIDENCE, Plan, lacking, likelier, narrower_words, parted, passed_over, selected
from vision.task import OutputFormat, Task
from vision.video.actions.features import Segment
from vision.video.answer import VideoAnswer, answer_read, video_readings
from vision.video.frames import LIMITS, FrameLimits, FrameReader, VideoSource
from vision.video.scene import VideoScene
from vision.video.tracker import DEFAULT_TRACKER, track_frames, tracker_class
from vision.video.tracks import TrackedFrame
from vision.video.watching import VideoTask, WatchedVideo, frames_with_an_end, read_video_task, video_task_of

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

EVERYTHING = "Find every object."

LEAST_SEEN = 16
"""Pixels that an object must have, as a detector looks at it: two cells of the finest grid of such models."""

MOST_NAMED = 10
"""Things that were not found, or may be there, which a note names."""

SMALL = 32
"""Pixels of the side of what COCO calls a small object: where these are seen, nothing is said of what is not."""


class Vision:
    """Looks at images as instructions in plain language say.

    Args:
        model: "embedded", which is "nanodet"; "visionllm"; "onnx:PATH", the hub name or path of a transformers
            detector, segmenter or vision-language model, "DETECTOR+SAM" for outlines by a mask model, or a `Detector`.
        llm: a LangChain chat model, or "provider:model" for one, that reads instructions instead of `reader`.
        reader: "model" for the embedded language model with the packaged adapter, or the folder of another.
        min_score: boxes that score less are dropped; the detector's own default where None. An instruction that
            states a confidence goes before it.
        slices: "auto", "WIDTHxHEIGHT" or a `Slicing`: large images are looked at in slices too, which finds small
            things; None to look at each as a whole alone.
        mirrored: whether the detector looks at the mirror image of each image (and slice) too, which finds more that is
            right and takes two to three times as long; see `vision.detectors.detector`.
        device: "cpu", "cuda", ... for transformers models.
        dtype: "float32", "bfloat16", ... for transformers models.
        threads: threads of the embedded detector's session; None for one a core.

    Raises:
        DetectorError: there is no such model, or it cannot be opened, or it gives no scores and is to be mirrored.
        SlicingError: the slices are none of these.
        LLMError: there is no such reader or language model, or its package or key is missing.

    Example:
        >>> Vision().read("the two largest dogs").limit
        Limit(count=2, by='area', order='descending')
    """

    def __init__(
        self,
        model: str | Detector = "embedded",
        *,
        llm: BaseChatModel | str | None = None,
        reader: str = MODEL,
        min_score: float | None = None,
        slices: str | Slicing | None = None,
        mirrored: bool = False,
        device: str | None = None,
        dtype: str | None = None,
        threads: int | None = None,
    ) -> None:
        self._arguments: dict[str, Any] = {
            "model": model, "llm": llm, "reader": reader, "min_score": min_score, "slices": slices,
            "mirrored": mirrored, "device": device, "dtype": dtype, "threads": threads,
        }  # fmt: skip
        slicing = slices if slices is None or isinstance(slices, Slicing) else Slicing.parse(slices)
        detector = open_detector(model, device=device, dtype=dtype, threads=threads)
        detector = FlipTTA(detector) if mirrored else detector
        self.detector = detector if slicing is None else SlicedDetector(detector, slicing)
        vocabulary = self.detector.vocabulary
        self.matcher = OpenMatcher() if vocabulary is None else ClassMatcher(vocabulary, self.detector.supercategories)
        self.min_score = self.detector.default_min_score if min_score is None else _checked_bound(min_score)
        # LangChain, which takes a second, is imported for those who give a chat model.
        self._llm = reasoning.lm.load_llm(llm) if isinstance(llm, str) else llm
        self._adapter, self._video_adapter = adapter_folder(reader, PACKAGED), adapter_folder(reader, VIDEOS)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by what it was opened with: another process opens the model anew."""
        return partial(Vision, **self._arguments), ()

    def deciding(self) -> dict[str, Any]:
        """What decides what is found beside the images and what is asked, for a results file."""
        return {
            "model": self.detector.name,
            "weights_digest": files_digest(self.detector.files),
            "slices": self.slicing and asdict(self.slicing),
            "mirrored": self.mirrored,
            "version": version(),
            "code": code_digest("kg_data", "reasoning", "vision"),
        }

    def reader_digest(self) -> str:
        """A hex digest of the model that reads expressions: whether two runs read them by the same."""
        adapters = map(folder_digest, (self._adapter, self._video_adapter))
        return " ".join([*adapters, weights_digest(None)])

    @property
    def slicing(self) -> Slicing | None:
        """How images are cut, or None where they are not."""
        return self.detector.slicing if isinstance(self.detector, SlicedDetector) else None

    @property
    def mirrored(self) -> bool:
        """Whether mirror images are looked at too."""
        detector = self.detector.detector if isinstance(self.detector, SlicedDetector) else self.detector
        return isinstance(detector, FlipTTA)

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
        return read_instruction(instruction, self.matcher, self._llm, self._adapter)

    def detect(
        self, image: ImageSource, instruction: str | Task = EVERYTHING, *, min_score: float | None = None
    ) -> Detections:
        """Do what an instruction says with one image.

        Args:
            image: a path, the bytes of a file, an open binary file such as `io.BytesIO`, a Pillow image, or an RGB
                array of shape (height, width, 3).
            instruction: in plain language or one of VisionLLM's forms; or a task.
            min_score: bound on the score for this call.

        Returns:
            The objects in the pixels of the upright image; `text` is written as the instruction asks.

        Raises:
            InstructionError: the instruction cannot be obeyed.
            ImageError: the image cannot be read.
            DetectorError: the model failed.
        """
        return self.look(image, instruction, min_score=min_score)[0]

    def look(
        self, image: ImageSource, instruction: str | Task = EVERYTHING, *, min_score: float | None = None
    ) -> tuple[Detections, Grounding | None]:
        """As `detect`, and the grounding behind what was found; None where the instruction has no expression."""
        plan = self._doubting(self._plan(instruction, min_score))
        loaded = load_image(image)
        return self._concluded(plan, loaded, self._looked(plan, loaded), image)

    def detect_many(
        self, images: Iterable[ImageSource], instruction: str | Task = EVERYTHING, *, min_score: float | None = None
    ) -> Iterator[tuple[ImageSource, Detections | SkylarkError]]:
        """Do what an instruction says with many images, in order, faster than one by one.

        Images are decoded while the detector works. One that cannot be read gives its error in place of detections.

        Raises:
            InstructionError: the instruction cannot be obeyed.
            ImageError: one path or one image's bytes stand in place of several images.
        """
        if isinstance(images, str | bytes | Path):
            raise ImageError("several images were expected, found one: give a list, or a folder's list_images(...)")
        # The instruction is read here and not in the generator, so that a wrong one is refused at once.
        return self._each(self._doubting(self._plan(instruction, min_score)), images)

    def _each(
        self, plan: Plan, images: Iterable[ImageSource]
    ) -> Iterator[tuple[ImageSource, Detections | SkylarkError]]:
        for source, loaded, found in detect_many(self.detector, images, plan.with_doubted.request):
            if isinstance(found, SkylarkError):
                yield source, found
                continue
            assert loaded is not None
            try:
                yield source, self._concluded(plan, loaded, found, source)[0]
            except SkylarkError as error:
                yield source, error

    def scene(self, image: ImageSource, *, min_score: float | None = None) -> Scene:
        """Everything that the detector finds in an image, as a small knowledge graph."""
        plan, loaded = replace(self._plan(EVERYTHING, min_score), settles=True), load_image(image)
        detections, _ = self._concluded(plan, loaded, self._looked(plan, loaded), image)
        return Scene.from_detections(detections, loaded)

    def ask(self, image: ImageSource, text: str, *, min_score: float | None = None) -> Grounding:
        """Answer a referring expression or a question by a logical query over the scene.

        Args:
            image, min_score: as for `detect`.
            text: such as "the person left of the bus" or "how many bottles are on the table?".

        Returns:
            The boxes or the value, the query, and the relations that justify them.

        Raises:
            InstructionError: the text cannot be read as such.
            ImageError: the image cannot be read.
        """
        plan = self._plan(Task(text, "ground", expression=text), min_score)
        loaded = load_image(image)
        return self._grounded(plan, loaded, self._looked(plan, loaded), image)

    def track(
        self,
        video: VideoSource | FrameReader,
        instruction: str | Task = EVERYTHING,
        *,
        tracker: str = DEFAULT_TRACKER,
        every: int = 1,
        min_score: float | None = None,
        limits: FrameLimits = LIMITS,
        seen: Iterable[Detections | None] = (),
    ) -> Iterator[TrackedFrame]:
        """Follow what an instruction names through a video, frame by frame, in memory that does not grow with it.

        Args:
            video: a file, a folder, glob or list of images, a webcam's number, an address; or frames that are open,
                which the caller closes.
            instruction: as for `detect`. "The dog" is every dog; ranks, regions and sizes are applied to each frame.
                What is said to happen ("every dog that enters from the left") speaks of whole tracks: the video is
                gone through to its end, and then again, with the tracks that are meant.
            tracker: "botsort", "bytetrack", "ocsort" or "sort".
            every: the detector looks at every so many-th frame, and the tracker says where things are between them.
            min_score: the score from which on a box begins a track; less sure boxes only keep one that is there.
            limits: the most that is read, where the video is not open.
            seen: `TrackedFrame.seen` of the first frames from an earlier run, which are not looked at again.

        Returns:
            Each frame with its detections, whose `track_ids` are set.

        Raises:
            InstructionError: the instruction cannot be obeyed, or asks about one frame.
            TrackingError: there is no such tracker, or `every` is less than 1.
            VideoError: while it runs: the video cannot be read, or is live where an expression is followed.
            DetectorError: while it runs: the model failed.
        """
        asked = self._asked_of_video(instruction)
        # The tracker is looked for here and not in the generator, so that a wrong one is refused at once.
        tracker_class(tracker)
        plan = self._plan(asked.task, min_score)

        def follow(frames: VideoSource | FrameReader) -> Iterator[TrackedFrame]:
            return track_frames(frames, self.detector, plan, tracker=tracker, every=every, limits=limits, seen=seen)

        def meant() -> Iterator[TrackedFrame]:
            with frames_with_an_end(video, limits) as frames:
                watched = WatchedVideo(follow(frames))
                scene = VideoScene.from_tracks(watched.tracks, classes=self.classes)
                answer = answer_read(asked.text, asked.readings, scene)
                yield from watched.shown(frames, answer.tracks, answer.notes)

        return meant() if asked.of_tracks else follow(video)

    def read_for_video(self, instruction: str) -> VideoTask:
        """Read an instruction as `track` does: what is followed, and what is asked of whole tracks.

        Raises:
            InstructionError: it cannot be read, or asks about one frame.
        """
        return read_video_task(instruction, self.read(instruction), self.matcher, self._video_adapter)

    def _asked_of_video(self, instruction: str | Task) -> VideoTask:
        if isinstance(instruction, str):
            return self.read_for_video(instruction)
        if instruction.expression is None:
            return VideoTask(instruction)
        text = instruction.expression
        return video_task_of(text, video_readings(text, self.matcher, self._video_adapter))

    def watch(
        self,
        video: VideoSource | FrameReader,
        text: str,
        *,
        tracker: str = DEFAULT_TRACKER,
        every: int = 1,
        min_score: float | None = None,
        limits: FrameLimits = LIMITS,
        actions: Sequence[Segment] = (),
    ) -> VideoAnswer:
        """Answer an expression or a question about a video by a logical query over its tracks and what happens to them.

        Args:
            video, tracker, every, min_score, limits: as for `track`.
            text: such as "the car that overtakes the bus" or "how long is the man near the dog?".
            actions: the segments that the video was divided into, which the text may speak of.

        Returns:
            The tracks or the value, the query, and what happens that justifies them, with its key frames.

        Raises:
            InstructionError: the text cannot be read as such, or asks about one frame.
            TrackingError: there is no such tracker, or `every` is less than 1.
            VideoError: the video cannot be read, or is live.
            DetectorError: the model failed.
        """
        labels = tuple(dict.fromkeys(segment.label for segment in actions))
        readings = video_readings(text, self.matcher, self._video_adapter, labels)
        plan = self._plan(video_task_of(text, readings).task, min_score)
        with frames_with_an_end(video, limits) as frames:
            watched = WatchedVideo(track_frames(frames, self.detector, plan, tracker=tracker, every=every))
            notes = frames.notes
        answer = answer_read(text, readings, VideoScene.from_tracks(watched.tracks, actions, self.classes))
        return replace(answer, notes=tuple(dict.fromkeys((*answer.notes, *notes))))

    def _plan(self, instruction: str | Task, min_score: float | None) -> Plan:
        """What an instruction comes to."""
        task = instruction if isinstance(instruction, Task) else self.read(instruction)
        targets = task.targets if task.understood else ()
        if task.expression is not None:
            targets = targets_of(sure_readings(task.expression, self.matcher, self._adapter))
        asked = task.min_score if task.min_score is not None else min_score
        sure = self.min_score if asked is None else _checked_bound(asked)
        # An expression speaks of what is in the picture: where nothing sure fits, less sure objects are looked at.
        least = sure * UNSURE if task.expression is not None and task.min_score is None else sure
        outlines = task.output.geometry == "polygon" and self.detector.gives_polygons
        if targets is None:
            classes = class_set = self.classes
        else:
            classes = tuple(dict.fromkeys(name for target in targets for name in target.classes))
            own_set = task.class_set if task.expression is None else ()
            class_set = own_set or tuple(dict.fromkeys(target.label for target in targets))
        # What tells what there is has to know what else each object may be; classes that are named have boxes each.
        settles = targets is None or task.kind in ("count", "describe") or task.asks_whether
        settles = settles or task.expression is not None
        if settles and classes and self.detector.vocabulary is not None and self.detector.gives_scores:
            classes = self.detector.vocabulary
        request, model = Request(classes, least, outlines), self.detector.name
        return Plan(task, targets, class_set, request, model, sure, _reading_notes(task, model), settles)

    def _doubting(self, plan: Plan) -> Plan:
        """The plan by which it is said, too, what may be there of the things that are named, and what else they are."""
        task = plan.task
        asked = plan.targets is not None and task.kind != "describe" and task.expression is None
        bounded = task.min_score is not None or self.slicing is not None
        if not asked or bounded or plan.request.polygons or not self.detector.gives_scores:
            return plan
        if plan.request.classes and self.detector.vocabulary is not None:
            plan = replace(plan, request=replace(plan.request, classes=self.detector.vocabulary))
        if task.kind == "segment" or task.limit is not None:
            return plan
        return replace(plan, doubted_score=plan.sure_score * LOW_CONFIDENCE)

    def _looked(self, plan: Plan, image: LoadedImage) -> Found:
        """What the detector finds; nothing where it is asked for no class."""
        if not plan.request.classes:
            return NOTHING
        return self.detector.detect([image], plan.with_doubted.request)[0]

    def _grounded(self, plan: Plan, image: LoadedImage, found: Found, source: ImageSource) -> Grounding:
        assert plan.task.expression is not None
        everything = replace(plan, task=replace(plan.task, limit=None, region=None, size=None))
        scene = Scene.from_detections(selected(everything, found, image, source), image)
        scored = self.detector.gives_scores and plan.task.min_score is None
        bound = plan.sure_score if scored else None
        grounding = ground(plan.task.expression, scene, self.matcher, bound, self._adapter)
        if len(grounding.detections) or grounding.passed_over:
            return grounding
        return replace(grounding, notes=(*grounding.notes, *_too_small(self.detector, image)))

    def _concluded(
        self, plan: Plan, image: LoadedImage, found: Found, source: ImageSource
    ) -> tuple[Detections, Grounding | None]:
        """The detections that a task asks for: grounded or selected, with their value, outlines and notes."""
        task, grounding = plan.task, None
        narrower: list[str] = []
        if task.expression is None:
            detections, perhaps = selected(plan.with_doubted, found, image, source), None
            others = likelier(plan, found, detections)
            doubts = _of_others(plan, found, detections, others)
            if plan.doubted_score is not None:
                detections, perhaps = parted(detections, plan.sure_score, others)
            detections = replace(detections, notes=(*detections.notes, *doubts))
            targets = plan.targets or ()
            narrower = narrower_words(targets, detections.class_names)
            if plan.request.classes and (lacking(targets, detections.class_names) or not len(detections)):
                there = passed_over(plan, found, image, detections)
                notes = there or _too_small(self.detector, image)
                detections = replace(detections, notes=(*detections.notes, *_not_found(plan, detections), *notes))
            if perhaps is not None:
                note = _doubts(perhaps, plan.sure_score)
                detections = replace(detections, perhaps=perhaps, notes=(*detections.notes, note))
            if narrower:
                note = narrower_note(detections.class_names, narrower, task.kind == "count" or task.asks_whether)
                detections = replace(detections, notes=(*detections.notes, note))
        else:
            grounding = self._grounded(plan, image, found, source)
            detections = _as_detections(grounding, task)
        # What was not understood, or the model has no class for, can be in the image all the same; and what was found
        # need not be what a narrower word says.
        unknown = bool(narrower) or (not len(detections) and bool(task.undetectable or not task.understood))
        if task.kind == "describe":
            captions = self.detector.describe([image]) or ("",)
            detections = replace(detections, value=captions[0].strip() or sentence(detections))
        elif task.kind == "count" and task.expression is None:
            detections = replace(detections, value=None if unknown else len(detections))
        elif task.asks_whether:
            detections = replace(detections, value=None if unknown else len(detections) > 0)
        if task.output.geometry == "polygon":
            detections = self._outlined(detections, image, task.output)
        notes = losses(detections)
        return replace(detections, notes=(*detections.notes, *notes)), grounding

    def _outlined(self, detections: Detections, image: LoadedImage, output: OutputFormat) -> Detections:
        outlines, origin, notes = detections.polygons, detections.polygon_source or "model", detections.notes
        if outlines is None:
            cut = grabcut_outlines(image, detections.xyxy)
            outlines, origin = cut.rings, "grabcut"
            notes = (*notes, _grabcut_note(self.detector.name, cut.sources)) if len(detections) else notes
        if output.points is not None:
            outlines = tuple((with_points(rings, output.points),) for rings in outlines)
        return replace(detections, polygons=outlines, polygon_source=origin, notes=notes)


def _as_detections(grounding: Grounding, task: Task) -> Detections:
    """The detections of a grounding, with its value and notes, under the label that the task gives the expression."""
    detections = grounding.detections
    notes = tuple(dict.fromkeys((*detections.notes, *grounding.notes)))
    if task.class_set and task.output.class_as != "name":
        # A class set of one expression, VisionLLM's form: its token stands for whatever the expression means.
        names = (task.class_set[0],) * len(detections)
        detections = replace(detections, class_names=names, classes=task.class_set)
    return replace(detections, value=grounding.value, notes=notes)


def _not_found(plan: Plan, detections: Detections) -> tuple[str, ...]:
    """Which things that an instruction names in its own words were not found; tokens of a class set are notation."""
    said = plan.task.instruction.casefold()
    words = [word for word in lacking(plan.targets or (), detections.class_names) if word in said]
    if plan.task.output.class_as != "name" or not words:
        return ()
    return (f"None was found of: {_first(words)}.",)


def _of_others(plan: Plan, found: Found, detections: Detections, others: Mapping[int, int]) -> tuple[str, ...]:
    """What is said of sure objects that are more likely of another class, by their places as `likelier` gives them."""
    if found.scores is None or detections.scores is None:
        return ()
    scored = [
        f"{detections.class_names[own]} {detections.scores[own]:.2f} ({found.labels[other]} {found.scores[other]:.2f})"
        for own, other in others.items()
        if detections.scores[own] >= plan.sure_score
    ]
    return (f"More likely of a class that was not asked for: {_first(scored)}.",) if scored else ()


def _doubts(perhaps: Detections, sure: float) -> str:
    """What is said of objects that are less sure than others."""
    assert perhaps.scores is not None
    scored = [f"{name} {score:.2f}" for name, score in zip(perhaps.class_names, perhaps.scores, strict=True)]
    return f"Perhaps there too, with a score just below {sure:g}: {_first(scored)}."


def _first(names: Sequence[str]) -> str:
    """The first `MOST_NAMED` of some names, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"


def _too_small(detector: Detector, image: LoadedImage) -> tuple[str, ...]:
    """What is to be said of a large image in which something was not found: it may be too small to be seen."""
    longer = max(image.size)
    if detector.side is None or LEAST_SEEN * longer <= SMALL * detector.side:
        return ()
    return (
        f"The image has {image.width:,} x {image.height:,} pixels, and {detector.name} looks at it {detector.side} "
        f"pixels wide or high: what is less than about {LEAST_SEEN * longer / detector.side:.0f} pixels wide and high "
        'is too small to be found. In slices such things are found: slices="auto", or --slice auto.',
    )


def _grabcut_note(model: str, sources: Sequence[str]) -> str:
    note = f"{model} gives boxes alone: the outlines are drawn inside them with GrabCut"
    if failed := sources.count("box"):
        note += f"; for {failed} of {len(sources)} objects it found none, and an ellipse in the box stands there"
    return f"{note}."


def _reading_notes(task: Task, model: str) -> tuple[str, ...]:
    notes = list(task.notes)
    for unknown in task.undetectable:
        nearest = f"; the nearest that it knows: {', '.join(unknown.nearest)}" if unknown.nearest else ""
        notes.append(f'{model} has no class for "{_brief(unknown.word)}"{nearest}.')
    notes += [f'Not understood, or not obeyed: "{_brief(part)}".' for part in task.unread]
    if not task.understood:
        notes += [f"It may mean: {words}" for words in choices(task)]
    return tuple(notes)


def _brief(text: str) -> str:
    """A stranger's words in a sentence of ours, which they must not flood."""
    return text if len(text) <= 200 else f"{text[:197]}..."


def _checked_bound(min_score: float) -> float:
    if not is_score(min_score):
        raise InstructionError(f"min_score is {min_score!r}: expected a number from 0 to 1")
    return float(min_score)
