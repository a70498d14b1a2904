"""From a hub name or a path to a detector: the model's own configuration says which kind it is.

The kinds and their members are transformers' own registries, so a model that a later release adds to one of them opens
without a change here; only language models are listed, since each family writes boxes in a way of its own.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vision.detectors.detector import Detector
from vision.detectors.transformers_models.batches import (
    MaskedDetector,
    MaskModel,
    Source,
    TransformersDetector,
    model_folder,
    read_source,
)
from vision.detectors.transformers_models.language_models import FAMILIES, LanguageDetector
from vision.detectors.transformers_models.segmenters import ConceptSegmenter, ObjectDetector, Segmenter
from vision.detectors.transformers_models.zero_shot import GroundingDino, Owl, ZeroShotDetector
from vision.errors import DetectorError

JOINT = "+"
"""Between a detector and the mask model that outlines its boxes."""

ZERO_SHOT: Mapping[str, type[ZeroShotDetector]] = {
    "grounding-dino": GroundingDino,
    "mm-grounding-dino": GroundingDino,
    "owlvit": Owl,
    "owlv2": Owl,
}
CONCEPTS = ("sam3", "sam3_video", "sam3_lite_text")
TEXT_FINDERS = "pp_ocr"
"""Models that transformers counts among object detectors, but that find writing and know no class."""

NOT_TAKEN = ("videomt", "oneformer")
"""Segmenters of whole clips, and of what a sentence says to segment."""


def open_transformers(name: str, device: str | None = None, dtype: str | None = None, **options: Any) -> Detector:
    """Open a transformers model as a detector.

    Args:
        name: a name on the Hugging Face hub, a folder, or two of either as "DETECTOR+SAM".
        device: "cpu", "cuda", "cuda:1", "mps"; the first GPU or else the processor where None.
        dtype: "float32", "bfloat16", "float16"; as stored on a GPU, float32 on a processor where None.
        **options: of vision-language models: `max_objects` and `max_new_tokens` of one reply.

    Raises:
        DetectorError: there is no such model, the hub is out of reach, its kind is not supported, it is a mask model
            without a detector, or it cannot be loaded.
        MissingExtraError: its code needs a package that isn't installed.
    """
    detector, mask_model = split_mask_model(name)
    if mask_model is not None:
        return with_masks(open_transformers(detector, device, dtype, **options), mask_model, device, dtype)
    source = read_source(name, model_folder(name), device, dtype)
    kind = _kind(source, _kinds())
    if kind == "language models":
        return LanguageDetector.open(source, **options)
    if options:
        raise DetectorError(f"{name} takes no option {sorted(options)[0]!r}: only vision-language models do")
    makers: Mapping[str, type[TransformersDetector]] = {
        "object detectors": ObjectDetector,
        "segmenters": Segmenter,
        "concept segmenters": ConceptSegmenter,
        **ZERO_SHOT,
    }
    return makers[source.config.model_type if kind == "zero-shot detectors" else kind].open(source)


def with_masks(detector: Detector, name: str, device: str | None = None, dtype: str | None = None) -> Detector:
    """A detector whose boxes get their outlines from a mask model of the SAM family.

    Args:
        name: the mask model's name on the hub or its folder, such as "facebook/sam-vit-base".

    Raises:
        DetectorError: it is no mask model, or cannot be opened.
    """
    source = read_source(name, model_folder(name), device, dtype)
    mask_makers = _registry("MASK_GENERATION")
    if source.config.model_type not in mask_makers:
        raise DetectorError(
            f"{name} is no mask model but of the kind {source.config.model_type}; behind the {JOINT} goes one of "
            f"{', '.join(sorted(mask_makers))}, such as facebook/sam-vit-base"
        )
    return MaskedDetector(detector, MaskModel.open(source))


def split_mask_model(spec: str) -> tuple[str, str | None]:
    """A detector's name and that of the mask model behind it, or None where there is none.

    A path that holds the sign itself is a path: it is only split where no such folder exists.
    """
    detector, joint, mask_model = spec.rpartition(JOINT)
    if not joint or Path(spec).expanduser().exists():
        return spec, None
    if not detector.strip() or not mask_model.strip():
        raise DetectorError(f"{spec!r}: expected a detector and a mask model, such as embedded+facebook/sam-vit-base")
    return detector.strip(), mask_model.strip()


def _kinds() -> dict[str, tuple[str, ...]]:
    object_detectors = {kind for kind in _registry("OBJECT_DETECTION") if not kind.startswith(TEXT_FINDERS)}
    segmenters = {**_registry("UNIVERSAL_SEGMENTATION"), **_registry("INSTANCE_SEGMENTATION")}
    return {
        "object detectors": tuple(sorted(object_detectors)),
        "zero-shot detectors": tuple(sorted(ZERO_SHOT)),
        "segmenters": tuple(sorted(set(segmenters).difference(NOT_TAKEN))),
        "concept segmenters": CONCEPTS,
        "language models": tuple(sorted(FAMILIES)),
        "mask models (behind a detector, as in embedded+facebook/sam-vit-base)": tuple(
            sorted(_registry("MASK_GENERATION"))
        ),
    }


def _kind(source: Source, kinds: dict[str, tuple[str, ...]]) -> str:
    """Which kind a model is; where its type can be several (DETR finds boxes or masks), its architecture says."""
    model_type, architectures = source.config.model_type, source.config.architectures or []
    fitting = [kind for kind, types in kinds.items() if model_type in types]
    if len(fitting) > 1 and {"object detectors", "segmenters"} <= set(fitting):
        masks = any("Segmentation" in architecture for architecture in architectures)
        return "segmenters" if masks else "object detectors"
    if not fitting:
        known = [kind for types in kinds.values() for kind in types]
        near = difflib.get_close_matches(model_type, known, n=1, cutoff=0.6)
        hint = f" (the nearest is {near[0]})" if near else ""
        listed = "; ".join(f"{kind}: {', '.join(types)}" for kind, types in kinds.items())
        raise DetectorError(
            f"{source.name} is of the kind {model_type}, which is no detector that Skylark can use{hint}. "
            f"It takes {listed}"
        )
    if fitting[0].startswith("mask models"):
        raise DetectorError(
            f"{source.name} is a mask model ({model_type}): it outlines boxes but finds none. Put it behind a "
            f"detector, as in embedded{JOINT}{source.name}"
        )
    return fitting[0]


def _registry(task: str) -> Mapping[str, str]:
    from transformers.models.auto import modeling_auto

    registry: Mapping[str, str] = getattr(modeling_auto, f"MODEL_FOR_{task}_MAPPING_NAMES")
    return registry
