"""What every speech model does: a recording goes in, partial transcripts come out, the last of which is the whole.

Whisper writes words for silence, noise and music too ("Thank you."), and most speech models do. So each recording is
first listened to by a detector of voices, whatever the model.

A word that begins with the recording is often lost, since models were taught on speech that stands between pauses: half
a second of silence is put before and behind.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kg_data.installation import require
from reasoning.speech.audio import SAMPLE_RATE, Audio
from reasoning.speech.errors import NoSpeechError, NoWordsError, SpeechError
from reasoning.speech.transcript import Transcript

log = logging.getLogger(__name__)

LEAST_SPEECH = 0.2
"""Seconds in which somebody speaks, below which nothing can be asked."""

PAUSE = 0.5
"""Seconds of silence before and behind a recording."""

LEAST_OF_EXPECTED = 0.15
"""Probability from which a language that is expected is taken to be spoken, whatever is likelier: of a short recording
that is English Whisper-base may believe that it is Thai, and of one that is German hardly that it is English."""

WINDOW = 30
"""Seconds that are heard at once, which is what Whisper was taught on."""

TEMPOS = (0.85, 1.0, 0.75)
"""Of what is said, at which a recording is heard again where it may not have been understood; chosen on development
questions: quick voices are hard for small models, and what is missed at one tempo is often heard at another."""

MOST_OF_HEARING = 4
"""Texts of each; further ones are hardly ever what was said."""

SILENT = 0.001
"""Loudest sample (of 1) up to which a recording is called silent."""


class SpeechModel(ABC):
    """Hears what is said in recordings; safe to use from several threads.

    Attributes:
        name: what it is called.
    """

    name: str

    def partials(self, audio: Audio, expected: Sequence[str] = (), vocabulary: str = "") -> Iterator[Transcript]:
        """What is said, as it is heard: each transcript has the text up to a later point, the last is final.

        Args:
            audio: the recording.
            expected: codes of languages that are likely: one of them is taken where the model is in doubt.
            vocabulary: words that are likely, see `spoken_vocabulary`; a model that takes none hears without.

        Raises:
            NoSpeechError: nobody speaks in it, or (NoWordsError) no word is understood.
            SpeechError: the model fails.
        """
        spoken = seconds_of_speech(audio)
        if spoken < LEAST_SPEECH:
            raise NoSpeechError(f"{_what_is_heard(audio)}; is the microphone on, and near enough?")
        padded = Audio(np.pad(audio.samples, round(PAUSE * SAMPLE_RATE)), audio.name)
        for transcript in self._heard(padded, expected, vocabulary):
            if transcript.final and not transcript.text:
                raise NoWordsError(
                    f"No words are understood in {audio.name}: it may hold music or noise; ask again", transcript
                )
            yield replace(transcript, seconds=min(max(transcript.seconds - PAUSE, 0.0), audio.seconds))

    def transcript(self, audio: Audio, expected: Sequence[str] = (), vocabulary: str = "") -> Transcript:
        """What is said in all of a recording; see `partials`."""
        *_, last = self.partials(audio, expected, vocabulary)
        return last

    def others(self, audio: Audio, language: str, phrases: Sequence[str] = ()) -> Iterator[list[str]]:
        """What else may have been said: for each of `TEMPOS` what is heard at it, the likeliest first, once wanted.

        Nothing comes of a model that does not tell, of a tempo at which the recording is longer than `WINDOW`, and
        after a search that failed, for want of memory or whatever else, which is logged: what was heard before stands.

        Args:
            audio: the recording.
            language: the code of its language.
            phrases: that are expected, see `spoken_phrases`.
        """
        for tempo in TEMPOS:
            samples = np.pad(_at_tempo(audio.samples, tempo), round(PAUSE * SAMPLE_RATE))
            if len(samples) > WINDOW * SAMPLE_RATE:
                continue
            try:
                texts = self._hypotheses(samples, language, tuple(phrases))
            except (SpeechError, RuntimeError, IndexError, MemoryError) as error:
                log.warning("what else %s may have heard is not looked for: %s", self.name, error)
                return
            if texts:
                yield texts[:MOST_OF_HEARING]

    def _hypotheses(self, samples: NDArray[np.float32], language: str, phrases: tuple[str, ...]) -> list[str]:
        """What may have been said in a window, the likeliest first; [] of a model that does not tell."""
        return []

    @abstractmethod
    def _heard(self, audio: Audio, expected: Sequence[str], vocabulary: str) -> Iterator[Transcript]:
        """What is said in a recording in which somebody speaks; the last transcript is final."""


def seconds_of_speech(audio: Audio) -> float:
    """For how long somebody speaks in a recording, by Silero's detector of voices (MIT), which faster-whisper carries.

    Raises:
        MissingPackageError: the extra `speech` is not installed.
    """
    require("Hearing a question", "faster_whisper")
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    if not len(audio.samples):
        return 0.0
    stretches = get_speech_timestamps(audio.samples, VadOptions(min_silence_duration_ms=300, speech_pad_ms=0))
    return float(sum(stretch["end"] - stretch["start"] for stretch in stretches)) / SAMPLE_RATE


def likeliest_language(chances: Mapping[str, float], expected: Sequence[str]) -> tuple[str, float]:
    """The language that is spoken, and its probability: the likeliest expected one unless that is not likely at all.

    Args:
        chances: the probability of each language, by its code.
        expected: codes of languages; () where any may be spoken.
    """
    likely = [code for code in expected if chances.get(code, 0.0) >= LEAST_OF_EXPECTED]
    language = max(likely or chances, key=chances.__getitem__)
    return language, chances[language]


def _at_tempo(samples: NDArray[np.float32], tempo: float) -> NDArray[np.float32]:
    """A recording slower, and as much lower, as a tape is that runs slowly."""
    places = np.arange(int(len(samples) / tempo)) * tempo
    return np.asarray(np.interp(places, np.arange(len(samples)), samples), np.float32)


def _what_is_heard(audio: Audio) -> str:
    loudest = float(np.abs(audio.samples).max(initial=0.0))
    kind = "silent" if loudest <= SILENT else "noise or music at most"
    return f"Nobody speaks in {audio.name}: its {audio.seconds:.1f} seconds are {kind}"
