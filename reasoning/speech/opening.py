"""From a speech model's name to the model; each is loaded once in a process."""

from __future__ import annotations

import difflib
import threading
from functools import cache
from pathlib import Path

from reasoning.speech.audio import SpeechError, UnknownSpeechModelError
from reasoning.speech.model import SpeechModel
from reasoning.speech.transformers_model import TransformersSpeechModel
from reasoning.speech.whisper import WEIGHTS, WhisperModel, packaged_parts, packaged_whisper
from skylark.installation import require
from skylark.models import HubModels, has_weights

PACKAGED = "whisper-base"
"""The name of the model that comes as a package."""

HUB = HubModels(SpeechError, "openai/whisper-tiny")

VALID = f'"{PACKAGED}", hf:name-or-folder, or a folder of a Whisper model in CTranslate2\'s form'

_opening = threading.Lock()


def check_speech_model(spec: str = PACKAGED) -> None:
    """Say before any work starts that a speech model can't be had; nothing is loaded, and nothing fetched.

    Raises:
        UnknownSpeechModelError: nothing is called that.
        SpeechError: the weights are missing, or the hub has no such model or is out of reach.
        MissingPackageError: an extra is not installed.
    """
    require("Hearing a question", "faster_whisper", "av")
    source = _hub_source(spec)
    if source is not None:
        require("A speech model of the hub", "torch", "transformers")
        if not Path(source).expanduser().is_dir():
            HUB.check(source)
    elif spec.strip() == PACKAGED:
        packaged_parts()


def open_speech_model(spec: str = PACKAGED, device: str = "auto") -> SpeechModel:
    """The speech model that `spec` names.

    Args:
        spec: "whisper-base" (comes as a package, runs on the processor), "hf:name" (a speech model of transformers, by
            its name on the Hugging Face hub or by a folder's path), or the path of a folder with a Whisper model in
            CTranslate2's form, or in that of transformers.
        device: where a model of transformers runs: "auto", "cpu", "cuda", "cuda:N" or "mps".

    Raises:
        UnknownSpeechModelError, SpeechError, MissingPackageError: see `check_speech_model`; or it cannot be loaded.
    """
    check_speech_model(spec)
    with _opening:
        return _opened(spec.strip(), device)


@cache
def _opened(spec: str, device: str) -> SpeechModel:
    if spec == PACKAGED:
        return WhisperModel(packaged_whisper(), PACKAGED)
    source = _hub_source(spec)
    if source is None:
        return WhisperModel(Path(spec).expanduser(), Path(spec).name)
    folder = Path(source).expanduser()
    return TransformersSpeechModel(folder if folder.is_dir() else HUB.folder(source), folder.name, device)


def _hub_source(spec: str) -> str | None:
    """What transformers is to open, None where that is for CTranslate2."""
    spec = spec.strip()
    if spec == PACKAGED:
        return None
    if source := spec.removeprefix("hf:").strip() if spec.startswith("hf:") else "":
        return source
    folder = Path(spec).expanduser()
    if spec and folder.is_dir():
        if (folder / WEIGHTS).is_file():
            return None
        if has_weights(folder):
            return spec
        raise UnknownSpeechModelError(
            f"{spec} is not a speech model's folder: it needs config.json with {WEIGHTS} (CTranslate2) or safetensors "
            "weights (transformers)"
        )
    near = difflib.get_close_matches(spec.lower(), [PACKAGED, f"hf:{HUB.example}", f"hf:{spec}"], n=1, cutoff=0.4)
    advice = f"; did you mean {near[0]}?" if near else ""
    raise UnknownSpeechModelError(
        f"No speech model is called {spec!r}{advice} Valid are {VALID}".replace("' V", "'. V")
    )
