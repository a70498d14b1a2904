"""From a name to a detector: the embedded one, a user's ONNX file, or a model of transformers."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from skylark.models import find_device
from vision.decoder.detector import VisionLLM
from vision.detectors.detector import Detector
from vision.detectors.embedded import NanoDet
from vision.detectors.onnx_files import OnnxExport
from vision.detectors.transformers_models import open_transformers, split_mask_model, with_masks
from vision.errors import DetectorError

EMBEDDED, NANODET, VISIONLLM, ONNX = "embedded", "nanodet", "visionllm", "onnx:"
_OF_ONNX = "threads is of the embedded detector and ONNX files"
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def open_detector(
    spec: str | Detector, *, device: str | None = None, dtype: str | None = None, threads: int | None = None
) -> Detector:
    """Open a detector.

    Args:
        spec: "embedded", which is "nanodet"; "visionllm", or "visionllm:FOLDER" with another adapter than the packaged
            one; "onnx:PATH" for a YOLO- or DETR-style export; a local folder or the hub name of a
            transformers model; any of these with "+" and a mask model that outlines its boxes, such as
            "embedded+facebook/sam-vit-base"; or a detector, which is given back.
        device: of a transformers model, "cpu", "cuda", ...
        dtype: of a transformers model, "float32", "bfloat16", ...
        threads: of "nanodet" and ONNX files; None for one a core.

    Raises:
        DetectorError: there is no such detector, an option is not one of it, or it cannot be opened.
        MissingExtraError: it needs a package that is not installed.
    """
    if isinstance(spec, Detector):
        return spec
    name = spec.strip() if isinstance(spec, str) else str(spec)
    if not name or not isinstance(spec, str):
        raise DetectorError(_unknown(name))
    if "+" in name and not Path(name.removeprefix(ONNX).removeprefix(f"{VISIONLLM}:")).expanduser().exists():
        base, mask_model = split_mask_model(name)
        if mask_model is not None:
            # The options of transformers models are the mask model's, where the detector is not one itself.
            own = {} if _is_onnx(base) else {"device": device, "dtype": dtype}
            detector = open_detector(base, threads=threads, **own)
            return with_masks(detector, mask_model, device, dtype)
    if _is_onnx(name):
        if device not in (None, "cpu", "auto") or dtype not in (None, "float32", "auto"):
            raise DetectorError(f"{name} runs on the processor in float32: device and dtype are of transformers models")
        if name in (EMBEDDED, NANODET):
            return NanoDet(threads, name)
        return OnnxExport(Path(name.removeprefix(ONNX)).expanduser(), threads)
    if name == VISIONLLM or name.startswith(f"{VISIONLLM}:"):
        if threads is not None:
            raise DetectorError(f"{name} runs a language model: {_OF_ONNX}")
        if dtype not in (None, "auto", "bfloat16"):
            raise DetectorError(f"{name} runs in bfloat16: dtype is of transformers models")
        folder = name.removeprefix(VISIONLLM).removeprefix(":")
        place = find_device(device or "auto", DetectorError)
        return VisionLLM(Path(folder).expanduser(), place, name) if folder else VisionLLM(device=place)
    if Path(name).expanduser().is_dir() or (_HUB_NAME.fullmatch(name) and not _is_onnx_file(name)):
        if threads is not None:
            raise DetectorError(f"{name} is a transformers model: {_OF_ONNX}")
        return open_transformers(name, device=device, dtype=dtype)
    raise DetectorError(_unknown(name))


def _is_onnx(name: str) -> bool:
    return name in (EMBEDDED, NANODET) or name.startswith(ONNX)


def _is_onnx_file(name: str) -> bool:
    """Whether it looks like an ONNX file's path, which `onnx:` should stand before."""
    return name.lower().endswith(".onnx")


def _unknown(name: str) -> str:
    expected = (
        'expected "embedded", "nanodet", "visionllm", "visionllm:FOLDER" for an adapter of your own, "onnx:PATH" for '
        "an ONNX file, or the folder or hub name (owner/model) of a transformers model"
    )
    path = Path(name).expanduser()
    if _is_onnx_file(name):
        return f"{name!r} names no detector; for an ONNX file write {ONNX}{name}"
    beside = [entry.name for entry in path.parent.iterdir()] if name and path.parent.is_dir() else []
    nearest = difflib.get_close_matches(name.lower(), [EMBEDDED, NANODET, VISIONLLM, *beside], n=1, cutoff=0.6)
    return f"there is no detector {name!r}{f', did you mean {nearest[0]!r}?' if nearest else ''}; {expected}"
