"""VisionLLM as a detector: a language model sees an image's tokens and a class set, and writes classes and boxes.

Beside the LoRA matrices a decoder's folder holds `boxes.json` and the projector's weights.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import reasoning.lm
from reasoning.lm.errors import LLMError, need_packages
from skylark.models import deciding_files
from vision.classes.lexicon import COCO_SUPERCATEGORIES
from vision.decoder.image_tokens import MOST_TOKENS, TokenSource, open_tokens
from vision.decoder.vocabulary import BINS, MOST_CLASSES, Prompt
from vision.detections.boxes import suppressed
from vision.detectors.detector import NOTHING, Detector, Found, Request, class_numbers
from vision.errors import DetectorError
from vision.images import LoadedImage

if TYPE_CHECKING:
    from vision.decoder.opening import Decoder


@dataclass(frozen=True)
class Shape:
    """What the parts beside the language model are like.

    Attributes:
        features: width of an image token's features.
        width: of the language model.
        hidden: width of the projector.
        from_scores: whether a token's vector begins with the detector's own evidence, as a mix of its classes' names.
        from_boxes: whether l_i holds the detector's box; else the cell's middle and size alone.
        sees_others: whether a slot sees the class slots of its image.
        guided: whether the instruction's names are attended to by each token before it enters the language model.
        fixed_tokens: whether each class of the detector has the same class token in every prompt.
    """

    features: int
    width: int
    hidden: int = 768
    from_scores: bool = True
    from_boxes: bool = True
    sees_others: bool = False
    guided: bool = False
    fixed_tokens: bool = False


BOXES_FILE, PROJECTOR_FILE = "boxes.json", "projector.safetensors"

FILE_FORMAT = 1
"""Of `boxes.json`."""

PACKAGED = Path(reasoning.lm.__file__).parent / "adapters" / "boxes"
"""The adapter of the packaged model and the embedded detector; its README says how it was made."""


@dataclass(frozen=True)
class BoxWriting:
    """How a decoder is used.

    Attributes:
        layers: how many of the model's layers are used.
        base: fingerprint of the language model that it was taught on.
        student: its name, None for the embedded one; see `language.local_weights.find_weights`.
        source: name and fingerprint of the detector whose tokens it was taught with.
        vocabulary: of that detector, whose names its evidence speaks in.
        shape: of the parts beside the language model.
        class_tokens: token ids of `<c0>` to `<c511>`.
        stages: what it was taught, in order.
        pictures: that it was taught with, each counted whenever it was seen.
        format: of the file.
    """

    layers: int
    base: str
    student: str | None
    source: tuple[str, str]
    vocabulary: tuple[str, ...]
    shape: Shape
    class_tokens: tuple[int, ...]
    stages: tuple[str, ...] = ()
    pictures: int = 0
    format: int = FILE_FORMAT

    @classmethod
    def read(cls, folder: Path) -> BoxWriting:
        """From an adapter's folder.

        Raises:
            LLMError: the folder holds no decoder, a damaged one, or one of a newer form.
        """
        try:
            stored: dict[str, Any] = json.loads((folder / BOXES_FILE).read_text(encoding="utf-8"))
            read = cls(**{**stored, "shape": Shape(**stored["shape"])})
            name, fingerprint = read.source
            read = replace(
                read,
                source=(str(name), str(fingerprint)),
                vocabulary=tuple(map(str, read.vocabulary)),
                class_tokens=tuple(map(int, read.class_tokens)),
                stages=tuple(map(str, read.stages)),
            )
        except FileNotFoundError:
            raise LLMError(f"{folder} holds no adapter that writes boxes: it has no {BOXES_FILE}") from None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise LLMError(f"{folder} holds no adapter that writes boxes ({type(error).__name__}: {error})") from error
        numbers = (read.format, read.layers, read.shape.features, read.shape.width, read.shape.hidden)
        if (
            any(type(number) is not int or number < 1 for number in numbers)
            or len({*read.class_tokens}) != MOST_CLASSES
            or min(read.class_tokens) < 0
            or not isinstance(read.student, str | None)
        ):
            raise LLMError(f"{folder} holds no adapter that writes boxes: expected a format, a number of layers, "
                           f"widths, {MOST_CLASSES} different class tokens and a model's name or null in {BOXES_FILE}; "
                           f"copy it again")  # fmt: skip
        if read.format > FILE_FORMAT:
            raise LLMError(f"{folder} has form {read.format}, and this version reads up to form {FILE_FORMAT}: "
                           f"install a newer version, or teach it again")  # fmt: skip
        return read

    def write(self, folder: Path) -> None:
        """Into an adapter's folder."""
        (folder / BOXES_FILE).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    def check_source(self, source: TokenSource, folder: Path) -> None:
        """Refuse the tokens of another detector.

        Raises:
            LLMError: they are of another.
        """
        if self.source[1] != source.fingerprint:
            raise LLMError(
                f"{folder} was taught on the image tokens of {self.source[0]} (fingerprint {self.source[1]}), not on "
                f"those of {source.name} ({source.fingerprint}): take that detector, or teach an adapter on this one"
            )
        if self.vocabulary != source.vocabulary:
            raise LLMError(f"{folder} is damaged: the vocabulary in {BOXES_FILE} is not that of {source.name}; copy it "
                           f"again")  # fmt: skip

    def check_base(self, base: str, folder: Path) -> None:
        """Refuse another base model than it was taught on.

        Raises:
            LLMError: it is another.
        """
        if self.base != base:
            raise LLMError(
                f"The adapter {folder} was taught on another base model (fingerprint {self.base}) than this one "
                f"({base}): take that model, or teach an adapter on this one"
            )


LEAST_SCORE = 0.005
"""Less likely classes of a token are background."""

OVERLAP = 0.6
"""Intersection over union of two boxes of a class above which only the better stays."""

MOST_PROMPT_TOKENS = 4096
"""Of a class set."""

_loading = threading.Lock()


class VisionLLM(Detector):
    """VisionLLM's decoder over the tokens of a frozen detector (Wang et al. 2023, arXiv 2305.11175).

    Every image token gives the probability of each class of the prompt and of none, which is the score, and a box. Its
    vocabulary is what it was taught with pictures: it looks names up exactly, and hardly knows what others mean
    (`docs/visionllm.md`). `written` takes prompts of any words.

    Args:
        adapter: folder of a taught decoder, which says on which language model and detector it was taught.
        device: by torch's name.
        name: by which it was opened.

    Raises:
        DetectorError: the adapter, the language model or the detector is missing or damaged, or they do not belong
            together.
    """

    vocabulary: tuple[str, ...]
    default_min_score = 0.35
    batch_size = 2

    def __init__(self, adapter: Path = PACKAGED, device: str = "cpu", name: str = "visionllm") -> None:
        self.name = name
        # When its files were written: what was opened before another was taught there is not it.
        stamp = tuple(path.stat().st_mtime_ns for path in sorted(adapter.glob("*.*")) if path.is_file())
        with _loading:
            self.tokens, self.decoder = _opened(adapter, device, stamp)
        self.files = deciding_files(adapter)  # it works with one language model and one detector alone
        self.side = self.tokens.side
        self.vocabulary = self.decoder.writing.vocabulary
        coco = set(self.vocabulary) <= set(COCO_SUPERCATEGORIES)
        self.supercategories = dict(COCO_SUPERCATEGORIES) if coco else None

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """Look at images; one result an image, in order.

        Raises:
            DetectorError: a class is not of the vocabulary, more are asked for than can be named, or the model failed.
        """
        if not request.classes:
            return [NOTHING for _ in images]
        class_numbers(request.classes, self.vocabulary, self.name)
        # In the order of their names, so that the same classes in another order are the same prompt.
        prompts = self._everything or self.decoder.prompts(sorted(request.classes))
        found = self.written(images, prompts, request.min_score)
        return [_of(one, {*request.classes}) for one in found]

    @cached_property
    def _everything(self) -> tuple[Prompt, ...] | None:
        """Prompts that name all that it was taught, whichever classes are asked for; None where that is too long.

        A token's probability is shared out among the classes of its prompt. Where few are named, what is none of them
        falls to the one that is least unlike.
        """
        if len(self.vocabulary) > MOST_CLASSES:
            return None
        prompts = self.decoder.prompts(sorted(self.vocabulary))
        return prompts if len(prompts[0].tokens) <= MOST_PROMPT_TOKENS else None

    def written(
        self,
        images: Sequence[LoadedImage],
        prompts: Sequence[Prompt],
        min_score: float,
        overlap: float = OVERLAP,
        most: int = MOST_TOKENS,
    ) -> list[Found]:
        """What is found behind prompts; `detect` draws their class tokens from the names.

        Args:
            images: one result each, in order.
            prompts: the classes under one permutation of their class tokens or several.
            min_score: boxes with lower scores are left out, and those below 0.005 always.
            overlap: of two boxes of a class, above which only the better stays; 1 for no suppression.
            most: image tokens of an image.

        Raises:
            DetectorError: the classes' names are too long, or the model failed.
        """
        prompt = prompts[0]
        if len(prompt.tokens) > MOST_PROMPT_TOKENS:
            raise DetectorError(
                f"the {len(prompt.classes)} classes take {len(prompt.tokens):,} tokens to name, at most "
                f"{MOST_PROMPT_TOKENS:,} are read at once: ask for fewer, or in fewer words"
            )
        shown = self.tokens.tokens(images, most)
        try:
            written = self.decoder.write(prompts, shown)
        except (RuntimeError, MemoryError) as error:  # torch's
            raise DetectorError(f"{self.name} failed: {type(error).__name__} {error}".partition("\n")[0]) from error
        least = max(min_score, LEAST_SCORE)
        return [
            as_found(
                image, np.tile(tokens.cells[:, :2], 2) + places / BINS, shares[:, :-1], prompt.classes, least, overlap
            )
            for image, tokens, (shares, places) in zip(images, shown, written, strict=True)
        ]


def as_found(
    image: LoadedImage,
    boxes: NDArray[np.floating[Any]],
    scores: NDArray[np.float32],
    classes: Sequence[str],
    least: float = LEAST_SCORE,
    overlap: float = OVERLAP,
) -> Found:
    """What tokens say of an image, suppressed within each class.

    Args:
        image: of the tokens.
        boxes: of the tokens, shape (m, 4), x1 y1 x2 y2 as shares of the image's width and height.
        scores: of the classes, shape (m, k); each that is high enough is a detection.
        classes: k names.
        least: lower scores are left out.
        overlap: intersection over union above which only the better of two boxes of a class stays.
    """
    rows, columns = np.nonzero(scores >= least)
    limits = np.tile(image.size, 2)
    xyxy = np.clip(boxes[rows] * limits, 0, limits).astype(np.float32)
    likely = scores[rows, columns].astype(np.float32)
    kept = suppressed(xyxy, likely, columns, overlap, len(rows))
    return Found(xyxy[kept], tuple(classes[column] for column in columns[kept].tolist()), likely[kept])


def _of(found: Found, asked: Collection[str]) -> Found:
    kept = [place for place, label in enumerate(found.labels) if label in asked]
    assert found.scores is not None
    labels = tuple(found.labels[place] for place in kept)
    return replace(found, xyxy=found.xyxy[kept], labels=labels, scores=found.scores[kept])


@lru_cache(2)
def _opened(adapter: Path, device: str, _written: tuple[int, ...]) -> tuple[TokenSource, Decoder]:
    try:
        need_packages("visionllm", "torch", "transformers")
        writing = BoxWriting.read(adapter)
        tokens = open_tokens(writing.source[0], device)
        writing.check_source(tokens, adapter)
        from vision.decoder.opening import load_decoder

        return tokens, load_decoder(adapter, device)
    except LLMError as error:
        raise DetectorError(f"visionllm cannot be opened: {error}") from error
    except (OSError, ValueError, TypeError, RuntimeError) as error:  # PEFT's and torch's, of files that do not fit
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise DetectorError(
            f"visionllm cannot be opened: the adapter {adapter} is damaged ({reason}): copy it again"
        ) from error
