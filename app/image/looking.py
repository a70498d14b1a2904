"""Looking at an image that a visitor or a program has sent: where it lies, within which bounds, with which detector.

Nothing is fetched, and no path is read that the server did not give to something uploaded; Gradio does not see to that
for images that are handed on as they came. Everything is bounded before it is decoded (`vision.images`).
"""

from __future__ import annotations

import base64
import binascii
import logging
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from gradio.utils import get_upload_folder

from app.server.serving import LOOK_SECONDS, TimeLimit
from app.tasks import start
from skylark.errors import SkylarkError
from vision import Detections, Grounding, Scene, Slicing, Task, Vision
from vision.detections.showing import sentence, whether_narrower
from vision.detectors.opening import EMBEDDED, NANODET
from vision.errors import ImageError, SlicingError
from vision.grounding.asking import OF_ALL
from vision.images import LoadedImage, load_image
from vision.selection import narrower_words

log = logging.getLogger(__name__)

MAX_INSTRUCTION = 5_000
"""Characters; every word that names no class is compared with all that do, so a long one takes many seconds."""
AT_ONCE = 2
MOST_IN_SCENE = 60
"""Objects of the scene that is shown: relations grow with the square of their number."""
LEAST_SCORE, MOST_SCORE, USUAL_SCORE = 0.05, 0.95, 0.35
NO_SLICES = "none"
"""In place of slices: the image is looked at as a whole alone."""
MEDIA = {"image": "image/jpeg", "recording": "audio/wav"}
"""What may be sent inside a request, and the kind of it that errors name as an example."""
QUICK = (EMBEDDED, NANODET)
"""Detectors that look in some hundredths of a second, so that they look at the mirror image of each image too."""
SERVED = "/gradio_api/file="
"""In the address that an uploaded file has on this server."""


@dataclass(frozen=True)
class Looked:
    """One image looked at.

    Attributes:
        image: the image.
        task: what was done with it.
        detections: what was found.
        grounding: the answer to a description or a question.
        trusted_score: below which people are told of what was found with less certainty; None where that is not known.
    """

    image: LoadedImage
    task: Task
    detections: Detections
    grounding: Grounding | None
    trusted_score: float | None = None

    @property
    def unsure(self) -> list[bool]:
        """Of each object that was found, whether its score is below the trusted one."""
        scores, trusted = self.detections.scores, self.trusted_score
        if scores is None or trusted is None:
            return [False] * len(self.detections)
        return [bool(score < trusted) for score in scores]

    @property
    def asks_whether_or_how_many(self) -> bool:
        """Whether a truth value or a number is asked for."""
        asks = self.task.asks_whether or self.task.kind == "count"
        return asks or (self.grounding is not None and self.grounding.question in OF_ALL)

    @property
    def untold(self) -> str:
        """What can't be told of what was found: "; whether it is a limousine I can't tell"; "" for nothing."""
        names, targets = self.detections.class_names, self.task.targets or ()
        words = self.grounding.narrower if self.grounding is not None else narrower_words(targets, names)
        if self.detections.perhaps is not None:
            names += self.detections.perhaps.class_names
        whether = whether_narrower(names, words)
        return f"; {whether} I can't tell" if whether else ""


class SharedDetector:
    """The detector that all visitors share, within the page's bounds of time and size."""

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
        """The detector, opened when first wanted (raises SkylarkError: it cannot be opened)."""
        with self._lock:
            if self._vision is None:
                self._vision = Vision(self._model, mirrored=self._model in QUICK)
            return self._vision

    def _cutting(self, slicing: Slicing | None) -> Vision:
        """The detector, looking at large images in slices where there are to be any."""
        return self.vision if slicing is None else Vision(self.vision.detector, slices=slicing)

    def warm_up(self) -> None:
        """Open the detector and read one instruction on a thread of its own; nobody waits for it."""

        def work() -> None:
            try:
                # A word that names no class and a description need what nothing else loads.
                self.vision.detect(np.zeros((64, 64, 3), np.uint8), "Find every car and helicopter")
                sentence(Detections((64, 64), np.array([[0, 0, 9, 9]], np.float32), ("car",)))
                log.info("the detector is ready")
            except SkylarkError as error:  # the visitor who looks at an image is told
                log.warning("the detector is not ready: %s", error)

        start("detector", work)

    def look(
        self,
        photo: Any,
        instruction: str | Task | None,
        min_score: float,
        rival: int | None = None,
        slices: str = NO_SLICES,
    ) -> Looked:
        """Look at one image.

        Args:
            photo: the file that was sent, as `sent` takes it, or an image that is loaded.
            instruction: what is asked of it, or the task that it was read as.
            min_score: bound on the score.
            rival: which of the other tasks that the instruction may mean is done; None for the one it was read as.
            slices: as `checked_slices` takes them.

        Raises:
            SkylarkError: there is no image, or it or the instruction cannot be read, or the bound is none that the
                slider could give, or the slices are none, or too many, or it takes too long.
        """
        asked = instruction if isinstance(instruction, Task) else checked_instruction(instruction)
        bound, slicing = checked_score(min_score), checked_slices(slices)
        return self._limit.run(lambda: self._looked(self._cutting(slicing), loaded(photo), asked, bound, rival))

    def _looked(self, vision: Vision, image: LoadedImage, asked: str | Task, bound: float, rival: int | None) -> Looked:
        task = asked if isinstance(asked, Task) else self.vision.read(asked)
        if rival is not None and 0 <= rival < len(task.rivals):
            task = task.rivals[rival]
        detections, grounding = vision.look(image.pixels, task, min_score=bound)
        # Without its source: what the page remembers of a visitor is small.
        detections = replace(detections, source=None, notes=(*image.notes, *detections.notes))
        return Looked(image, task, detections, grounding, vision.detector.trusted_score)

    def ground(self, photo: Any, question: str, min_score: float, slices: str = NO_SLICES) -> Grounding:
        """The answer to a question about an image; see `look`."""
        words = (question or "").strip()
        if not words or len(words) > MAX_INSTRUCTION:
            raise SkylarkError(f"a question of 1 to {MAX_INSTRUCTION:,} characters was expected, not {len(words):,}")
        bound, slicing = checked_score(min_score), checked_slices(slices)
        return self._limit.run(lambda: self._cutting(slicing).ask(loaded(photo).pixels, words, min_score=bound))

    def scene_of(self, looked: Looked, min_score: float, slices: str = NO_SLICES) -> tuple[Scene, int]:
        """The surest objects of the scene that an expression was asked of, else of all that the detector knows, else
        (no such list) of what was found; and how many there are."""
        if looked.grounding is None and self.vision.detector.vocabulary is not None:
            bound, vision = checked_score(min_score), self._cutting(checked_slices(slices))
            scene = self._limit.run(lambda: vision.scene(looked.image.pixels, min_score=bound))
            return scene.best(MOST_IN_SCENE), len(scene.detections)
        found = looked.detections if looked.grounding is None else looked.grounding.scene.detections
        return Scene.from_detections(found[:MOST_IN_SCENE], looked.image), len(found)

    def scene(self, photo: Any, min_score: float, most: int, slices: str = NO_SLICES) -> tuple[Scene, int]:
        """The surest objects of an image, `most` or `MOST_IN_SCENE` of them, as a graph, and how many there are; see
        `look`."""
        bound, slicing = checked_score(min_score), checked_slices(slices)

        def work() -> tuple[Scene, int]:
            scene = self._cutting(slicing).scene(loaded(photo).pixels, min_score=bound)
            return scene.best(min(most, MOST_IN_SCENE)), len(scene.detections)

        return self._limit.run(work)


def checked_instruction(instruction: str | None) -> str:
    """The words of an instruction; "" where there are none (raises SkylarkError: it is too long)."""
    words = (instruction or "").strip()
    if len(words) > MAX_INSTRUCTION:
        raise SkylarkError(f"the instruction has {len(words):,} characters; at most {MAX_INSTRUCTION:,} are read here")
    return words


def checked_score(score: float) -> float:
    """A bound on the score that the page's slider could give (raises SkylarkError: it could not)."""
    if isinstance(score, bool) or not isinstance(score, int | float) or not LEAST_SCORE <= score <= MOST_SCORE:
        raise SkylarkError(f"min_score: a number from {LEAST_SCORE} to {MOST_SCORE} was expected, not {score!r}")
    return float(score)


def checked_slices(slices: str) -> Slicing | None:
    """How images are cut: "auto" or "WIDTHxHEIGHT"; None for "none" (raises SkylarkError: it is none of these)."""
    try:
        return None if slices == NO_SLICES else Slicing.parse(slices)
    except SlicingError as error:
        raise SlicingError(f"{error}; or {NO_SLICES!r}") from None


def loaded(photo: Any) -> LoadedImage:
    """The image that was sent; one that the page has loaded itself stays as it is (raises SkylarkError: there is none,
    or it cannot be read)."""
    if isinstance(photo, LoadedImage):
        return photo
    source = sent(photo)
    if source is None:
        raise SkylarkError("there is no image yet: drop one on the page, take one, or pick an example")
    try:
        return load_image(source)
    except ImageError as error:
        if isinstance(source, bytes):
            raise
        raise ImageError(without_path(error, source)) from error


def sent(file: Any, what: str = "image") -> Path | bytes | None:
    """The path of an uploaded file, or the bytes of one that came as a text; None where there is none.

    What is in it is for whoever decodes it to say, as `load_image` does in sentences.

    Args:
        file: as Gradio describes a file, {"path": ...}; or a text, which is the path that an upload gave, the address
            that it has on this server, or "data:image/...;base64,...".
        what: one of `MEDIA`, which errors call it.

    Raises:
        SkylarkError: it was not uploaded, or the text cannot be read.
    """
    path = file.get("path") if isinstance(file, dict) else file
    if not path or not isinstance(path, str):
        return None
    if path.startswith("data:"):
        return _decoded(path, what)
    return uploaded(path)


def uploaded(path: str) -> Path:
    """The path of an uploaded file, itself and not what a link leads to (raises SkylarkError: it was not uploaded)."""
    if path.startswith(("http://", "https://")) and SERVED in path:
        path = unquote(path.partition(SERVED)[2])
    try:
        place = Path(path).resolve()
        inside = "\0" not in path and place.is_relative_to(Path(get_upload_folder()).resolve())
    except (OSError, ValueError):
        inside = False
    if not inside:
        raise SkylarkError(
            "this file was not sent to this page: upload it first (POST it as the form field `files` to "
            "/gradio_api/upload), then name what the upload gave; no address is fetched here"
        )
    return place


def without_path(error: SkylarkError, path: Path) -> str:
    """An error's message without the file's path: where this machine keeps it is nobody's business."""
    return str(error).replace(str(path), "this file")


def _decoded(text: str, what: str) -> bytes:
    head, _, body = text.partition(",")
    if not head.endswith(";base64"):
        raise SkylarkError(f'the {what} inside a request is written "data:{MEDIA[what]};base64,...": this is not')
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SkylarkError(f"the {what} inside the request is cut off or no base64: send it again") from error
