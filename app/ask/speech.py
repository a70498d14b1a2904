"""Speech of visitors: one model for all of them, bounds on recordings, and the microphone beside the box.

Pieces of a recording come while somebody speaks, and the text so far goes back. The browser sends the next piece when
the one before is answered, so that a slow machine hears less often and no visitor's pieces pile up before others'.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.image.looking import sent
from app.server.serving import AUDIO_BYTES, AUDIO_SECONDS, HEAR_SECONDS, HEARD_AT_ONCE, TimeLimit
from reasoning import KnowledgeGraph
from reasoning.speech import (
    ASKABLE,
    LiveTranscription,
    NoSpeechError,
    SpokenLanguageError,
    Topic,
    check_language,
    spoken_topic,
)
from reasoning.speech.audio import SAMPLE_RATE, Audio, AudioError, AudioLimits, load_audio
from reasoning.speech.hearing import hear_question
from reasoning.speech.model import SpeechModel, Transcript, seconds_of_speech
from reasoning.speech.whisper import check_speech_model, open_speech_model
from reasoning.verbalization.words import plural
from skylark.errors import SkylarkError
from vision.classes.lexicon import COCO_CLASSES

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
        """The speech model (raises SkylarkError: something that it needs is missing or damaged)."""
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
        """The question that is spoken in a recording, in which words of `kg` are likely (raises SkylarkError: there is
        no recording, or it is none that can be heard (see `hear_question`), or it takes too long)."""
        # What is no recording is told without a model.
        return self._limit.run(lambda: hear_question(load_audio(_content(recording), LIMITS), kg, self.model()))


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


MOST_LETTERS = 8 * 2**20
"""Of one piece in base64: what a browser has recorded while it waited, at most."""


@dataclass(frozen=True)
class Piece:
    """What a browser recorded since its last piece.

    Attributes:
        recording: the browser's name for the recording.
        number: the piece's in it, from 0.
        rate: samples a second.
        samples: one channel, shape (n,).
        is_last: whether the speaker has ended.
    """

    recording: str
    number: int
    rate: int
    samples: NDArray[np.int16]
    is_last: bool

    @classmethod
    def sent(cls, said: Mapping[str, Any]) -> Piece:
        """The piece that a script sent, which may come from anybody (raises AudioError: it is none)."""
        recording, number, rate, data = (said.get(part) for part in ("recording", "number", "rate", "samples"))
        if not (isinstance(recording, str) and 0 < len(recording) <= 64 and isinstance(data, str)):
            raise AudioError("this is no piece of a recording: speak again")
        if not (isinstance(number, int) and isinstance(rate, int) and 8_000 <= rate <= 192_000):
            raise AudioError("the piece of the recording is without its number or rate: speak again")
        if len(data) > MOST_LETTERS:
            raise AudioError(f"the piece of the recording is too long; at most {AUDIO_SECONDS} seconds are heard")
        try:
            sound = base64.b64decode(data, validate=True)
            return cls(recording, number, rate, np.frombuffer(sound, "<i2"), said.get("last") is True)
        except (binascii.Error, ValueError) as error:
            raise AudioError("the piece of the recording came damaged: speak again") from error


@dataclass
class Recording:
    """A recording that is under way in a visit."""

    name: str
    live: LiveTranscription
    pieces: int = 0


class Microphone:
    """Hears what visitors speak; it holds only what all of them share."""

    def __init__(self, speech: SharedSpeech) -> None:
        self._speech = speech

    def heard(
        self, said: Mapping[str, Any], recording: Recording | None, kg: KnowledgeGraph
    ) -> tuple[dict[str, Any], Recording | None]:
        """Take a piece, and say what has been heard so far.

        Returns:
            For the script: `recording` and `number` of the piece; `text`, where something was heard; `over`, whether
            the recording is at its end; `told`, then a sentence on how it went. And the recording, while it goes on.
        """
        answer: dict[str, Any] = {"recording": said.get("recording"), "number": said.get("number"), "text": ""}
        try:
            piece = Piece.sent(said)
            if recording is None or recording.name != piece.recording:
                if piece.number != 0:
                    raise AudioError("the beginning of the recording is missing: speak again")
                live = LiveTranscription(self._speech.model(), ASKABLE, _topic(kg), LIMITS)
                recording = Recording(piece.recording, live)
            if piece.number != recording.pieces:
                raise AudioError("a piece of the recording is missing: speak again")
            recording.pieces += 1
            sound = (piece.rate, piece.samples)
            if not piece.is_last:
                partial = recording.live.add(sound)
                return answer | {"text": "" if partial is None else partial.text, "over": False}, recording
            transcript = recording.live.finish(sound)
            check_language(transcript)
        except NoSpeechError as error:
            return answer | {"told": f"{_sentence(error)} You can also type.", "over": True}, None
        except SpokenLanguageError as error:
            return answer | {"text": error.transcript.text, "told": _sentence(error), "over": True}, None
        except SkylarkError as error:
            return answer | {"told": f"{_sentence(error)} You can also type.", "over": True}, None
        sure = "" if transcript.probability is None else f" ({transcript.probability:.2f})"
        told = f"Heard in {transcript.language_name}{sure}. Change it if it is wrong, then press Enter."
        return answer | {"text": transcript.text, "told": told, "over": True}, None


@lru_cache(maxsize=4)
def _topic(kg: KnowledgeGraph) -> Topic:
    """What is likely said here: of the graph, and of pictures."""
    topic = spoken_topic(kg)
    return replace(topic, phrases=(*topic.phrases, *COCO_CLASSES, *map(plural, COCO_CLASSES)))


def _sentence(error: SkylarkError) -> str:
    said = str(error)
    return f"{said[:1].upper()}{said[1:]}{'' if said.endswith(('.', '?', '!')) else '.'}"
