"""What every speech model does: a recording goes in, partial transcripts come out, the last of which is the whole.

Whisper writes words for silence, noise and music too ("Thank you."), and most speech models do. So each recording is
first listened to by a detector of voices, whatever the model.

A word that begins with the recording is often lost, since models were taught on speech that stands between pauses: half
a second of silence is put before and behind.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kg_data.installation import require
from reasoning.speech.audio import SAMPLE_RATE, Audio
from reasoning.speech.errors import NoSpeechError, NoWordsError
from reasoning.speech.topic import ANYTHING, Topic, echoes
from reasoning.speech.transcript import Transcript

log = logging.getLogger(__name__)

LEAST_SPEECH = 0.2
"""Seconds in which somebody speaks, below which nothing can be asked."""

PAUSE = 0.5
"""Seconds of silence before and behind a recording."""

WINDOW = 30
"""Seconds that are heard at once, which is what Whisper was taught on."""

SLOWER = 0.85
"""The tempo at which quick voices are heard best."""

TEMPOS = (1.0, 0.92, SLOWER, 0.8, 0.72)
"""At which a recording is heard again, all at once; chosen on development questions. With three of them fewer are heard
right, with two more that keep the pitch no more."""

MOST_OF_HEARING = 4
"""Texts of each; further ones are hardly ever what was said."""

SILENT = 0.001
"""Loudest sample (of 1) up to which a recording is called silent."""


@dataclass(frozen=True)
class Hypothesis:
    """What may have been said.

    Attributes:
        text: its words.
        score: its log-probability in nats, with what its expected phrases add.
    """

    text: str
    score: float


class SpeechModel(ABC):
    """Hears what is said in recordings; safe to use from several threads.

    Attributes:
        name: what it is called.
    """

    name: str

    def partials(self, audio: Audio, expected: Sequence[str] = (), before: str = "") -> Iterator[Transcript]:
        """What is said, as it is heard: each transcript has the text up to a later point, the last is final.

        Args:
            audio: the recording.
            expected: codes of languages that are likely: one of them is taken where the model is in doubt.
            before: what is taken to have been said before, see `Topic`; a model that takes none hears without, and
                one that says a sentence of it once more is asked again without.

        Raises:
            NoSpeechError: nobody speaks in it, or (NoWordsError) no word is understood.
            SpeechError: the model fails.
        """
        spoken = seconds_of_speech(audio)
        if spoken < LEAST_SPEECH:
            raise NoSpeechError(f"{_what_is_heard(audio)}; is the microphone on, and near enough?")
        padded = Audio(np.pad(audio.samples, round(PAUSE * SAMPLE_RATE)), audio.name)
        for transcript in self._heard(padded, expected, before):
            if transcript.final and echoes(transcript.text, before):
                *_, transcript = self._heard(padded, expected, "")
            if transcript.final and not transcript.text:
                raise NoWordsError(
                    f"No words are understood in {audio.name}: it may hold music or noise; ask again", transcript
                )
            yield replace(transcript, seconds=min(max(transcript.seconds - PAUSE, 0.0), audio.seconds))

    def transcript(self, audio: Audio, expected: Sequence[str] = (), before: str = "") -> Transcript:
        """What is said in all of a recording; see `partials`."""
        *_, last = self.partials(audio, expected, before)
        return last

    def others(self, audio: Audio, language: str, topic: Topic = ANYTHING) -> Iterator[list[Hypothesis]]:
        """What else may have been said, the likeliest first: after what was said before, then without it, once wanted.

        Nothing comes of a model that does not tell, where the recording is longer than `WINDOW`, of what only echoes
        `topic.before`, and after a search that failed, which is logged: what was heard before stands.

        Args:
            audio: the recording.
            language: the code of its language.
            topic: what is expected.
        """
        try:
            windows = [np.pad(_at_tempo(audio.samples, tempo), round(PAUSE * SAMPLE_RATE)) for tempo in TEMPOS]
            windows = [samples for samples in windows if len(samples) <= WINDOW * SAMPLE_RATE]
            for told in dict.fromkeys((topic, replace(topic, before=""))) if windows else ():
                found = self._hypotheses(windows, language, told)
                found = [one for one in found if not echoes(one.text, told.before)]
                if found:
                    yield found[:MOST_OF_HEARING]
        except Exception as error:  # torch, transformers and CTranslate2 raise whatever they like
            log.warning("what else %s may have heard is not looked for: %s", self.name, error)

    def _hypotheses(self, windows: Sequence[NDArray[np.float32]], language: str, topic: Topic) -> list[Hypothesis]:
        """What may have been said in a recording, whose windows have it at several tempos, the likeliest first; [] of a
        model that does not tell. What is expected alone differs from one call to the next for the same windows."""
        return []

    @abstractmethod
    def _heard(self, audio: Audio, expected: Sequence[str], before: str) -> Iterator[Transcript]:
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


def likeliest_language(
    samples: NDArray[np.float32],
    expected: Sequence[str],
    listen: Callable[[NDArray[np.float32]], Mapping[str, float]],
    likely: float,
    chances: Mapping[str, float] | None = None,
) -> tuple[str, float]:
    """The language that is spoken, and its probability: an expected one where it is the likeliest, and
    likely enough.

    Where none is, the recording is listened to once more, slower: quick voices that are English sound like Thai. An
    expected language is then spoken that is so there, or the likeliest both times; else the likeliest other one.

    Args:
        samples: the recording.
        expected: codes of languages; () where any may be spoken.
        listen: gives the probability of each language of a recording, by its code.
        likely: probability from which an expected language is taken that is the likeliest.
        chances: what it gives for this one, where that is known.
    """
    chances = listen(samples) if chances is None else chances
    first = max(chances, key=chances.__getitem__)
    if not expected or (first in expected and chances[first] >= likely):
        return first, chances[first]
    slower = listen(_at_tempo(samples, SLOWER))
    likeliest = max(slower, key=slower.__getitem__)
    if likeliest in expected and (slower[likeliest] >= likely or likeliest == first):
        return likeliest, slower[likeliest]
    others = [code for code in slower if code not in expected] or list(slower)
    mean = {code: (chances.get(code, 0.0) + slower[code]) / 2 for code in others}
    other = max(mean, key=mean.__getitem__)
    return other, mean[other]


def _at_tempo(samples: NDArray[np.float32], tempo: float) -> NDArray[np.float32]:
    """A recording slower, and as much lower, as a tape is that runs slowly."""
    places = np.arange(int(len(samples) / tempo)) * tempo
    return np.asarray(np.interp(places, np.arange(len(samples)), samples), np.float32)


def _what_is_heard(audio: Audio) -> str:
    loudest = float(np.abs(audio.samples).max(initial=0.0))
    kind = "silent" if loudest <= SILENT else "noise or music at most"
    return f"Nobody speaks in {audio.name}: its {audio.seconds:.1f} seconds are {kind}"
