"""Batches of images for transformers' models, and their results as detections.

No code that comes with a model is run and no pickle is read. Nothing that a stranger writes in a class set may be
read as a model's control sign ("</s>", "<loc_5>"), and its order must not change what is found: phrases are cleaned
and sorted before any model sees them. Padding changes what DETR-style models see, so images are prepared one by one,
and those of the same size share a forward pass: a batch gives what single images give.

SAM and its kin outline the boxes of another detector, "DETECTOR+SAM": Kirillov et al. 2023 (arXiv 2304.02643), SAM-HQ
(Ke et al. 2023, 2306.01567), SAM 2 (Ravi et al. 2024, 2408.00714) and what followed.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skylark.models import (
    HubModels,
    check_names,
    deciding_files,
    find_device,
    find_dtype,
    has_weights,
    quiet_transformers,
)
from vision.detections.boxes import Rings, ring_of_box
from vision.detections.polygons import rings_from_mask
from vision.detectors.detector import Detector, Found, Request
from vision.errors import DetectorError, MissingExtraError
from vision.images import LoadedImage

HUB = HubModels(DetectorError, "IDEA-Research/grounding-dino-tiny")


def model_folder(name: str) -> Path:
    """The folder of a model, fetched into the hub's cache where it is not on this machine.

    Args:
        name: a folder's path, or a name on the Hugging Face hub such as "IDEA-Research/grounding-dino-tiny".

    Raises:
        DetectorError: there is no such folder or model, it lacks its configuration or its weights, or the hub is out
            of reach.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        if not has_weights(path):
            raise DetectorError(f"{path} is not a model's folder: it needs config.json and safetensors weights")
        return path
    # A hub's name has one slash at most and begins with a letter.
    if path.exists() or name.startswith((".", "/", "~", os.sep)) or name.count("/") > 1 or "\\" in name:
        raise DetectorError(f"there is no model folder {name}{_beside(path)}")
    return HUB.folder(name)


def _beside(path: Path) -> str:
    try:
        folders = sorted(str(found) for found in path.parent.iterdir() if found.is_dir() and has_weights(found))
    except OSError:
        return ""
    near = difflib.get_close_matches(str(path), folders, n=3, cutoff=0.3)
    return f"; there are {', '.join(near or folders[:3])}" if folders else ""


@dataclass(frozen=True, eq=False)
class Source:
    """What is opened: a folder with its configuration, and where and how its numbers are to be kept.

    Attributes:
        name: as the user gave it.
        folder: the model's files.
        config: transformers' configuration.
        device: by torch's name.
        dtype: what transformers takes as dtype.
    """

    name: str
    folder: Path
    config: Any
    device: str
    dtype: Any


def read_source(name: str, folder: Path, device: str | None, dtype: str | None) -> Source:
    """Read a folder's configuration and settle on device and number format.

    Raises:
        DetectorError: transformers doesn't know this kind of model, or there is no such device or format.
    """
    check_names(device or "auto", dtype or "auto", DetectorError)
    place = find_device(device or "auto", DetectorError)
    from transformers import AutoConfig

    with _load_errors(name):
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    return Source(name, folder, config, place, find_dtype(dtype or "auto", place))


def load_model(source: Source, model_class: Any) -> Any:
    """The model of a source, by one of transformers' (auto) classes, ready to infer.

    Raises:
        DetectorError: the weights are not all there or do not fit, or memory is too small.
        MissingExtraError: the model's code needs a package that isn't installed.
    """
    with _load_errors(source.name, source.device):
        model, report = model_class.from_pretrained(
            source.folder,
            config=source.config,
            output_loading_info=True,
            dtype=source.dtype,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
        weights = {key for key, _ in model.named_parameters()}
        if missing := sorted(set(report["missing_keys"]) & weights):
            # transformers would fill them with random numbers, and the boxes would be nonsense.
            raise DetectorError(
                f"{source.name} lacks {len(missing)} of the weights of {type(model).__name__}, such as {missing[0]}: "
                "fetch it again, or take a model that was trained for this task"
            )
        return model.to(source.device).eval()


def load_processor(source: Source, processor_class: Any, **settings: Any) -> Any:
    """What turns images and texts into the model's input, by one of transformers' (auto) classes.

    Raises:
        DetectorError: the folder lacks its files.
        MissingExtraError: it needs a package that isn't installed.
    """
    with _load_errors(source.name, part="image processor or tokenizer"):
        return processor_class.from_pretrained(
            source.folder, local_files_only=True, trust_remote_code=False, **settings
        )


@contextmanager
def running(name: str) -> Iterator[None]:
    """Infer without gradients, and say whose failure it was where a model fails.

    Raises:
        DetectorError: the model failed; the message keeps what it said.
    """
    import torch

    try:
        with torch.inference_mode():
            yield
    except DetectorError:
        raise
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise DetectorError(f"memory was too small for {name}: take a smaller model or the dtype bfloat16") from error
    except Exception as error:  # whatever a model's own code raises
        raise DetectorError(f"{name} failed: {type(error).__name__}: {error}") from error


@contextmanager
def _load_errors(name: str, device: str = "cpu", part: str = "model") -> Iterator[None]:
    import torch

    try:
        with quiet_transformers():
            yield
    except DetectorError:
        raise
    except ImportError as error:
        package = re.search(r"pip install ([\w.\-]+)", str(error)) or re.search(
            r"requires the (\S+) library", str(error)
        )
        if package is None:
            raise DetectorError(f"{name} needs a package that is not installed: {error}") from error
        raise MissingExtraError(name, package[1].lower()) from error
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise DetectorError(f"{name} does not fit into the memory of {device}: take a smaller model") from error
    except Exception as error:  # transformers raises OSError, ValueError, KeyError and its parsers' own errors
        if "trust_remote_code" in str(error):
            raise DetectorError(f"{name} asks for code of its own to be run, which Skylark never does") from None
        raise DetectorError(f"the {part} of {name} cannot be loaded: {type(error).__name__}: {error}") from error


_CONTROL = re.compile(r"[<>\x00-\x1f\x7f\u2028\u2029]+")


@dataclass(frozen=True)
class Phrase:
    """A class and the words that the model is asked for.

    Attributes:
        label: the class exactly as it was requested.
        text: what stands in the prompt.
    """

    label: str
    text: str


def as_phrases(classes: Sequence[str]) -> tuple[list[Phrase], list[str]]:
    """Sorted phrases, no two alike, with a note on each class that cannot be asked for."""
    phrases: dict[str, Phrase] = {}
    notes = []
    for label in sorted(set(classes)):
        text = " ".join(_CONTROL.sub(" ", label).split())
        if not text:
            notes.append(f"{label!r} holds no word that the model could be asked for.")
        elif text in phrases:
            notes.append(same_to_the_model(label, phrases[text]))
        else:
            phrases[text] = Phrase(label, text)
    return list(phrases.values()), notes


def same_to_the_model(label: str, other: Phrase) -> str:
    """A note on a class that the model can't tell from another."""
    return f"{label!r} is the same to the model as {other.label!r}, which its objects are called."


def chunked(phrases: Sequence[Phrase], lengths: Sequence[int], limit: int) -> list[list[int]]:
    """Positions of phrases in runs, each as long as the limit allows; a phrase beyond the limit stands alone.

    Args:
        phrases: in canonical order.
        lengths: what each takes of the limit, in tokens with its separator.
        limit: tokens of one prompt.
    """
    runs: list[list[int]] = []
    used = limit
    for place in range(len(phrases)):
        if used + lengths[place] > limit or not runs:
            runs.append([])
            used = 0
        runs[-1].append(place)
        used += lengths[place]
    return runs


MAX_BOXES = 300
"""The most boxes of one image and one forward pass: COCO's evaluation looks at 100, DETR-style models give 300."""


def as_found(
    size: tuple[int, int],
    xyxy: NDArray[np.float32],
    labels: Sequence[str],
    scores: NDArray[np.float32] | None,
    polygons: Sequence[Rings] | None = None,
    notes: Sequence[str] = (),
) -> Found:
    """Clip boxes to the image, leave out those without area, and put the best first.

    Args:
        size: (width, height) of the image in pixels.
        xyxy: shape (n, 4), pixels of the image, maybe beyond its edges.
        labels: n classes.
        scores: shape (n,), or None: then the order is that in which the boxes came.
        polygons: n outlines, or None.
        notes: what the user should know.
    """
    width, height = size
    boxes = np.asarray(xyxy, np.float32).reshape(-1, 4)
    finite = np.all(np.isfinite(boxes), axis=1)
    edges = np.array([width, height, width, height], np.float32)
    clipped: NDArray[np.float32] = np.clip(np.where(finite[:, None], boxes, 0), 0, edges)
    solid = finite & np.all(clipped[:, 2:] > clipped[:, :2], axis=1)
    places: list[int] = np.flatnonzero(solid).tolist()
    if scores is not None:
        places.sort(key=lambda i: (-float(scores[i]), clipped[i].tolist(), labels[i]))
    return Found(
        xyxy=clipped[places],
        labels=tuple(labels[place] for place in places),
        scores=None if scores is None else np.asarray(scores, np.float32)[places],
        polygons=None if polygons is None else tuple(polygons[place] for place in places),
        notes=tuple(notes),
    )


def nothing(request: Request, scored: bool = True, polygons: bool = False, notes: Sequence[str] = ()) -> Found:
    """No object at all, in the form of a detector's other results."""
    return Found(
        np.zeros((0, 4), np.float32),
        (),
        np.zeros(0, np.float32) if scored else None,
        () if polygons and request.polygons else None,
        tuple(notes),
    )


def without_repeats(
    xyxy: NDArray[np.float32], scores: NDArray[np.float32], passes: NDArray[np.int64], iou: float
) -> NDArray[np.intp]:
    """Positions of the boxes that stay when the results of several passes over one image are laid together.

    A model that is asked for a part of the class set at a time answers with what is nearest in that part, so one
    object comes back from several passes: the best-scored answer keeps it. Boxes of one pass never drop each other.

    Args:
        xyxy: shape (n, 4).
        scores: shape (n,).
        passes: shape (n,), which pass a box comes from.
        iou: intersection over union from which two boxes are of one object.
    """
    areas = (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
    kept, count = np.empty(len(xyxy), np.intp), 0
    for place in np.argsort(-scores, kind="stable").tolist():
        others = kept[:count]
        corner = np.minimum(xyxy[others, 2:], xyxy[place, 2:]) - np.maximum(xyxy[others, :2], xyxy[place, :2])
        shared = np.prod(np.clip(corner, 0, None), axis=1)
        union = np.maximum(areas[others] + areas[place] - shared, 1e-9)
        if not np.any((shared >= iou * union) & (passes[others] != passes[place])):
            kept[count] = place
            count += 1
    return np.sort(kept[:count])


WHOLE = (1.0, 1.0)


def full_mask(logits: Any, size: tuple[int, int], part: tuple[float, float] = WHOLE) -> NDArray[np.bool_]:
    """A mask in the image's pixels; one at a time, so that memory holds however many objects there are.

    Args:
        logits: shape (rows, columns), positive on the object.
        size: (width, height) of the image in pixels.
        part: shares of width and height of the mask that the image fills, from the top left; the rest is padding.

    Returns:
        Shape (height, width).
    """
    import torch

    width, height = size
    padded = (max(height, round(height / part[1])), max(width, round(width / part[0])))
    fine = torch.nn.functional.interpolate(logits[None, None].float(), padded, mode="bilinear", align_corners=False)
    return np.asarray((fine[0, 0, :height, :width] > 0).cpu().numpy(), np.bool_)


def outline(mask: NDArray[np.bool_], xyxy: NDArray[np.float32]) -> tuple[Rings, bool]:
    """The rings of a mask, or the box's own where the mask is empty; and whether there was a mask."""
    rings = rings_from_mask(mask)
    return rings or (ring_of_box(xyxy),), bool(rings)


def box_of(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The box around a mask's pixels, shape (4,); all zero for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros(4, np.float32)
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)


BOXES = 16
"""Boxes that go through the mask decoder at a time."""


class MaskModel:
    """A mask model of the SAM family."""

    def __init__(self, source: Source, model: Any, processor: Any) -> None:
        self.name = source.name
        self.files = deciding_files(source.folder)
        self.model = model
        self.processor = processor

    @classmethod
    def open(cls, source: Source) -> MaskModel:
        """Load the model and its processor.

        Raises:
            DetectorError: see `load_model`.
        """
        from transformers import AutoModelForMaskGeneration, AutoProcessor

        processor = load_processor(source, AutoProcessor)
        return cls(source, load_model(source, AutoModelForMaskGeneration), processor)

    def masks(self, image: LoadedImage, xyxy: NDArray[np.float32]) -> Iterator[NDArray[np.bool_]]:
        """The masks of the objects in boxes, one at a time: full masks of a large image are large.

        Args:
            image: any size.
            xyxy: shape (n, 4), pixels of the image.

        Yields:
            n arrays of shape (height, width).

        Raises:
            DetectorError: the model failed.
        """
        seen: dict[str, Any] | None = None
        for start in range(0, len(xyxy), BOXES):
            with running(self.name):
                boxes = xyxy[start : start + BOXES].astype(float).tolist()
                inputs = self.processor(
                    images=[Image.fromarray(image.pixels)], input_boxes=[boxes], return_tensors="pt"
                ).to(self.model.device)
                if seen is None:  # the image encoder sees it once for all boxes
                    maps = self.model.get_image_embeddings(inputs["pixel_values"].to(self.model.dtype))
                    names = ("image_embeddings", "intermediate_embeddings")  # SAM-HQ gives both
                    seen = dict(zip(names, maps if isinstance(maps, tuple) else (maps,), strict=False))
                prompts = inputs["input_boxes"].to(self.model.dtype)
                coarse = self.model(**seen, input_boxes=prompts, multimask_output=False).pred_masks
                part = self._part(inputs)
            for logits in coarse[0, :, 0]:
                yield full_mask(logits, image.size, part)

    def _part(self, inputs: Any) -> tuple[float, float]:
        """Shares of width and height of the model's square that the image fills; the first SAM pads, others stretch."""
        if "reshaped_input_sizes" not in inputs:
            return 1.0, 1.0
        height, width = inputs["reshaped_input_sizes"][0].tolist()
        padded_height, padded_width = inputs["pixel_values"].shape[-2:]
        return width / padded_width, height / padded_height


class MaskedDetector(Detector):
    """A detector whose boxes get their outlines from a mask model."""

    def __init__(self, detector: Detector, masks: MaskModel) -> None:
        self.take_after(detector)
        self.name = f"{detector.name}+{masks.name}"
        self.files = detector.files + masks.files
        self.gives_polygons = True
        self.side = detector.side
        self.detector = detector
        self.mask_model = masks

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """See `Detector.detect`; the boxes are the inner detector's, and the outlines may leave them."""
        boxes = self.detector.detect(images, replace(request, polygons=False))
        if not request.polygons:
            return boxes
        return [self._outlined(image, found) for image, found in zip(images, boxes, strict=True)]

    def describe(self, images: Sequence[LoadedImage]) -> list[str] | None:
        """See `Detector.describe`."""
        return self.detector.describe(images)

    def _outlined(self, image: LoadedImage, found: Found) -> Found:
        polygons: list[Rings] = []
        empty = 0
        for xyxy, mask in zip(found.xyxy, self.mask_model.masks(image, found.xyxy), strict=True):
            rings, seen = outline(mask, xyxy)
            polygons.append(rings)
            empty += not seen
        note = (f"{self.mask_model.name} found no outline of {empty} of the objects: theirs is the box.",) * bool(empty)
        return replace(found, polygons=tuple(polygons), notes=(*found.notes, *note))


BATCH = 8
"""Images of one forward pass, and so how many are prepared ahead: the bound on memory for a long row of images."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Images that go through the model together.

    Attributes:
        places: their positions in the row that was asked for.
        images: the images.
        inputs: what the processor made of them, by the names of the model's arguments; the first axis runs over images.
    """

    places: list[int]
    images: list[LoadedImage]
    inputs: dict[str, Any]

    @property
    def target_sizes(self) -> list[tuple[int, int]]:
        """(height, width) of each image in pixels, as transformers' post-processing takes them."""
        return [(image.height, image.width) for image in self.images]


class TransformersDetector(Detector):
    """A model of the transformers library with its processor."""

    batch_size = BATCH
    model_class = ""
    model_classes: ClassVar[Mapping[str, str]] = {}
    processor_class = "AutoProcessor"
    """transformers' classes that read the model, those of some model types, and the processor."""

    def __init__(self, source: Source, model: Any, processor: Any) -> None:
        self.name = source.name
        self.files = deciding_files(source.folder)
        self.config = source.config
        self.model = model
        self.processor = processor

    @classmethod
    def open(cls, source: Source, **options: Any) -> Self:
        """Load the model and its processor.

        Raises:
            DetectorError: see `load_model`.
        """
        import transformers

        name = cls.model_classes.get(source.config.model_type, cls.model_class)
        processor = cls.open_processor(source)
        return cls(source, load_model(source, getattr(transformers, name)), processor, **options)

    @classmethod
    def open_processor(cls, source: Source) -> Any:
        """What prepares the model's input."""
        import transformers

        return load_processor(source, getattr(transformers, cls.processor_class))

    @property
    def text_limit(self) -> int:
        """Tokens that its text model reads."""
        return int(self.config.text_config.max_position_embeddings)

    def picture(self, picture: Any) -> Any:
        """The model's input for one image, without words."""
        return self.processor.image_processor(images=[picture], return_tensors="pt")

    def encoded(self, texts: Sequence[str], limit: int) -> Any:
        """Texts as tokens on the model's device, all of the same length; what goes beyond the limit is cut off."""
        return self.processor.tokenizer(
            list(texts), padding="max_length", truncation=True, max_length=limit, return_tensors="pt"
        ).to(self.model.device)

    def notes_on_cut(self, phrases: Sequence[Phrase], texts: Sequence[str], limit: int) -> list[str]:
        """A note on each phrase whose text is longer than so many tokens."""
        lengths = [len(ids) for ids in self.processor.tokenizer(list(texts))["input_ids"]] if texts else []
        return [
            f"{self.name} reads only the first words of {phrase.label[:40]!r}...: it takes {limit} tokens."
            for phrase, length in zip(phrases, lengths, strict=True)
            if length > limit
        ]

    def batches(
        self, images: Sequence[LoadedImage], prepare: Callable[[Image.Image], Any] | None = None
    ) -> Iterator[Batch]:
        """The images in batches of equal shape, on the model's device in its number format.

        Args:
            prepare: makes the model's input from one image; the processor alone where None.

        Raises:
            DetectorError: the processor refuses an image (Qwen's, for one, those 200 times as wide as high).
        """
        for start in range(0, len(images), BATCH):
            alike: dict[Hashable, list[tuple[int, dict[str, Any]]]] = {}
            for place in range(start, min(start + BATCH, len(images))):
                inputs = self._prepared(images[place], prepare)
                alike.setdefault(self._alike(inputs), []).append((place, inputs))
            for group in alike.values():
                places = [place for place, _ in group]
                yield Batch(places, [images[place] for place in places], self._together([one for _, one in group]))

    def _alike(self, inputs: dict[str, Any]) -> Hashable:
        return tuple(sorted((key, tuple(value.shape)) for key, value in inputs.items()))

    def _prepared(self, image: LoadedImage, prepare: Callable[[Image.Image], Any] | None) -> dict[str, Any]:
        import torch

        picture = Image.fromarray(image.pixels)  # of an array a processor would have to guess which axis is colour
        try:
            made = self.processor(images=[picture], return_tensors="pt") if prepare is None else prepare(picture)
        except Exception as error:  # whatever a processor raises
            raise DetectorError(
                f"{self.name} cannot take {image.name} ({image.width} x {image.height} pixels): {error}"
            ) from error
        return {key: value for key, value in made.items() if isinstance(value, torch.Tensor)}

    def _together(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        import torch

        joined = {key: torch.cat([one[key] for one in inputs]).to(self.model.device) for key in inputs[0]}
        return {
            key: value.to(self.model.dtype) if value.is_floating_point() else value for key, value in joined.items()
        }
