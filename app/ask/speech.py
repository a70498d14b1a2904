"""Hearing what visitors say: one speech model for all of them, and bounds on recordings and on how many are heard."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from app.image.looking import sent
from app.server.limits import AUDIO_BYTES, AUDIO_SECONDS, HEAR_SECONDS, HEARD_AT_ONCE, TimeLimit
from kg_data.errors import SkylarkError
from reasoning import KnowledgeGraph
from reasoning.speech.audio import SAMPLE_RATE, Audio, AudioLimits, load_audio
from reasoning.speech.errors import AudioError
from reasoning.speech.hearing import hear_question
from reasoning.speech.model import SpeechModel, seconds_of_speech
from reasoning.speech.opening import check_speech_model, open_speech_model
from reasoning.speech.transcript import Transcript

log = logging.getLogger(__name__)

LIMITS = AudioLimits(AUDIO_BYTES, AUDIO_SECONDS)
"""The most of a recording that is read here."""


class SharedSpeech:
    """The speech model that all visitors share, opened once, when first wanted; for any thread."""

    def __init__(self) -> None:
        self._limit = TimeLimit(HEARD_AT_ONCE, HEAR_SECONDS, "hearing the recording")

    @property
    def problem(self) -> str:
        """Why nothing can be heard here, with the command that helps; "" where nothing is missing."""
        try:
            check_speech_model()
        except SkylarkError as error:
            return str(error)
        return ""

    @property
    def available(self) -> bool:
        """Whether what hearing needs is installed."""
        return not self.problem

    def model(self) -> SpeechModel:
        """The speech model.

        Raises:
            SkylarkError: something that it needs is missing or damaged.
        """
        return open_speech_model()

    def warm_up(self) -> None:
        """Open the model, so that the first who speaks does not wait for it; blocks until it is done."""
        try:
            self.model()
            seconds_of_speech(Audio(np.zeros(SAMPLE_RATE, np.float32)))  # opens the detector of voices
            log.info("the speech model is ready")
        except SkylarkError as error:  # whoever sends a recording is told
            log.warning("no recording can be heard: %s", error)

    def hear(self, recording: Any, kg: KnowledgeGraph | None = None) -> Transcript:
        """The question that is spoken in a recording.

        Args:
            recording: the file that was sent, as `sent` takes it.
            kg: the graph that will be asked, whose words are likely.

        Raises:
            SkylarkError: there is no recording, or it is none that can be heard (see `hear_question`), or it takes too
                long.
        """
        return self._limit.run(lambda: self._heard(recording, kg))

    def _heard(self, recording: Any, kg: KnowledgeGraph | None) -> Transcript:
        # What is no recording is told without a model.
        audio = load_audio(_content(recording), LIMITS)
        return hear_question(audio, kg, self.model())


def _content(recording: Any) -> bytes:
    """The bytes that were sent: errors about a file by its path would say where this machine keeps it."""
    source = sent(recording, "recording")
    if source is None:
        raise AudioError("there is no recording yet: send one")
    if isinstance(source, bytes):
        return source
    try:
        LIMITS.check_bytes(source.stat().st_size, "the recording")
        return source.read_bytes()
    except OSError as error:
        raise AudioError(
            "the recording is no longer here, since what is sent is kept for an hour: send it again"
        ) from error
