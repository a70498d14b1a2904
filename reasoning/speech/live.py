"""A question that is still being spoken: the text so far, every second.

What has come so far is heard anew each time: Whisper looks at 30 seconds at once, so that more sound costs it no more,
and mends what it misheard at the end of the last piece. Where it takes longer than the pieces last, it is asked less
often and does not fall behind the speaker.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from reasoning.speech.audio import SAMPLE_RATE, USUAL_LIMITS, Audio, AudioLimits, Resampler, Samples
from reasoning.speech.errors import NoSpeechError
from reasoning.speech.model import SpeechModel
from reasoning.speech.topic import ANYTHING, Topic
from reasoning.speech.transcript import Transcript

EVERY = 1.0
"""Seconds of sound after which the text is given anew."""


class LiveTranscription:
    """Hears one recording while it is made; for one thread at a time.

    Args:
        model: what hears it.
        expected: see `SpeechModel.partials`.
        topic: what is expected. With phrases the whole is what `SpeechModel.others` tells first; without, and of a
            model that tells no others, it is heard as its parts are.
        limits: the most that is taken.
    """

    def __init__(
        self,
        model: SpeechModel,
        expected: tuple[str, ...] = (),
        topic: Topic = ANYTHING,
        limits: AudioLimits = USUAL_LIMITS,
    ) -> None:
        self._model, self._expected, self._topic = model, expected, topic
        self._resampler = Resampler(limits=limits)
        self._pieces: list[NDArray[np.float32]] = []
        self._new = self._took = 0.0

    def add(self, piece: Samples) -> Transcript | None:
        """Take the next piece; the text so far, where enough has come since the last, and somebody has spoken.

        Args:
            piece: samples a second, and the samples: integers or floats, shape (n,) or (n, channels).

        Raises:
            AudioError: it is not of the form of the pieces before, or the recording grows beyond the limits.
            SpeechError: the model fails.
        """
        samples = self._resampler.add(piece)
        self._pieces.append(samples)
        self._new += len(samples) / SAMPLE_RATE
        if self._new < max(EVERY, self._took):
            return None
        started = time.monotonic()
        try:
            transcript = self._transcript()
        except NoSpeechError:  # nobody has spoken yet
            return None
        finally:
            self._new, self._took = 0.0, time.monotonic() - started
        return replace(transcript, final=False)

    def finish(self, piece: Samples | None = None) -> Transcript:
        """What was said in all.

        Args:
            piece: the last one, where some is left; see `add`.

        Raises:
            AudioError: see `add`.
            NoSpeechError: nobody has spoken.
            SpeechError: the model fails.
        """
        if piece is not None:
            self._pieces.append(self._resampler.add(piece))
        self._pieces.append(self._resampler.end())
        heard = self._transcript()
        if not self._topic.phrases or (self._expected and heard.language not in self._expected):
            return heard
        others = self._model.others(Audio(self._pieces[0]), heard.language or "en", self._topic)
        likeliest = next(others, [])
        return replace(heard, text=likeliest[0].text) if likeliest else heard

    def _transcript(self) -> Transcript:
        self._pieces = [np.concatenate(self._pieces)]
        return self._model.transcript(Audio(self._pieces[0]), self._expected, self._topic.before)


def live_transcripts(
    pieces: Iterable[Samples],
    model: SpeechModel,
    expected: tuple[str, ...] = (),
    topic: Topic = ANYTHING,
    limits: AudioLimits = USUAL_LIMITS,
) -> Iterator[Transcript]:
    """The text so far of a recording that comes in pieces, and last, final, that of all of it; see `LiveTranscription`.

    Raises:
        AudioError, NoSpeechError, SpeechError: see there.
    """
    live = LiveTranscription(model, expected, topic, limits)
    for piece in pieces:
        if (transcript := live.add(piece)) is not None:
            yield transcript
    yield live.finish()
