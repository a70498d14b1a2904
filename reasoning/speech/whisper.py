"""Whisper by faster-whisper: CTranslate2 runs it in 8 bits, several times as fast as PyTorch on a processor."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kg_data.devices import usable_cores
from kg_data.errors import MissingPackageError
from kg_data.installation import require
from reasoning.speech.audio import SAMPLE_RATE, Audio
from reasoning.speech.errors import SpeechError
from reasoning.speech.model import Hypothesis, SpeechModel, likeliest_language
from reasoning.speech.packaged_weights import WEIGHTS
from reasoning.speech.topic import Topic
from reasoning.speech.transcript import Transcript
from reasoning.speech.whole_tokenizer import whole_tokenizer

if TYPE_CHECKING:
    from faster_whisper.transcribe import Segment, TranscriptionInfo

    from reasoning.speech.biasing import BiasedSearch

log = logging.getLogger(__name__)

BEAM_SIZE = 5

NO_REPEAT = 3
"""Tokens in a row that are not said twice: after a word that it does not know Whisper may say another for ever."""

LIKELY = 0.25
"""See `likeliest_language`. Chosen on 335 development recordings, of which a half, which is for whole windows, refused
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
            from reasoning.speech.biasing import BiasedSearch
            from reasoning.speech.ctranslate2_weights import whisper_decoder

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
