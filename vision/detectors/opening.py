"""From a name to a detector: the embedded one, a user's ONNX file, or a model of transformers."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from vision.detectors.detector import Detector
from vision.errors import DetectorError

ONNX = "onnx:"
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+(\+\S+)?")


def open_detector(
    spec: str | Detector, *, device: str | None = None, dtype: str | None = None, threads: int | None = None
) -> Detector:
    """Open a detector.

    Args:
        spec: "embedded"; "onnx:PATH" for a YOLO- or DETR-style export; a local folder or the hub name of a
            transformers model; or a detector, which is given back.
        device: of a transformers model, "cpu", "cuda", ...
        dtype: of a transformers model, "float32", "bfloat16", ...
        threads: of the embedded detector and ONNX files; None for one a core.

    Raises:
        DetectorError: there is no such detector, an option is not one of it, or it cannot be opened.
        MissingExtraError: it needs a package that is not installed.
    """
    if isinstance(spec, Detector):
        return spec
    name = spec.strip()
    if name == "embedded" or name.startswith(ONNX):
        if device not in (None, "cpu", "auto") or dtype not in (None, "float32", "auto"):
            raise DetectorError(f"{name} runs on the processor in float32: device and dtype are of transformers models")
        if name == "embedded":
            from vision.detectors.nanodet.detector import NanoDet

            return NanoDet(threads)
        from vision.detectors.onnx_export.detector import OnnxExport

        return OnnxExport(Path(name.removeprefix(ONNX)).expanduser(), threads)
    if Path(name).expanduser().is_dir() or _HUB_NAME.fullmatch(name):
        if threads is not None:
            raise DetectorError(f"{name} is a transformers model: threads is of the embedded detector and ONNX files")
        from vision.detectors.transformers_models import open_transformers

        return open_transformers(name, device=device, dtype=dtype)
    raise DetectorError(_unknown(name))


def _unknown(name: str) -> str:
    expected = (
        'expected "embedded", "onnx:PATH" for an ONNX file, or the folder or hub name (owner/model) of a transformers '
        "model"
    )
    path = Path(name).expanduser()
    if name.lower().endswith(".onnx"):
        return f"{name!r} names no detector; for an ONNX file write {ONNX}{name}"
    beside = [entry.name for entry in path.parent.iterdir()] if name and path.parent.is_dir() else []
    nearest = difflib.get_close_matches(name.lower(), ["embedded", *beside], n=1, cutoff=0.6)
    return f"there is no detector {name!r}{f', did you mean {nearest[0]!r}?' if nearest else ''}; {expected}"
