"""The microphone beside the box: pieces of a recording come while somebody speaks, and the text so far goes back.

The browser sends the next piece when the one before is answered, so that a slow machine hears less often and no
visitor's pieces pile up before those of others.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.ask.speech import LIMITS, SharedSpeech
from app.server.limits import AUDIO_SECONDS
from kg_data.errors import SkylarkError
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
from reasoning.speech.errors import AudioError
from reasoning.speech.transcript import Transcript
from reasoning.wording.inflection import plural
from vision.classes.coco import COCO_CLASSES

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
        """The piece that a script sent, which may come from anybody.

        Raises:
            AudioError: it is none.
        """
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
    """A recording that is under way in a visit.

    Attributes:
        name: the browser's name for it.
        live: hears it.
        pieces: how many have come.
    """

    name: str
    live: LiveTranscription
    pieces: int = 0


class Microphone:
    """Hears what visitors speak; it holds only what all of them share.

    Args:
        speech: the speech model.
    """

    def __init__(self, speech: SharedSpeech) -> None:
        self._speech = speech

    def heard(
        self, said: Mapping[str, Any], recording: Recording | None, kg: KnowledgeGraph
    ) -> tuple[dict[str, Any], Recording | None]:
        """Take a piece, and say what has been heard so far.

        Args:
            said: what the script sent.
            recording: the visit's own that is under way.
            kg: the graph whose words are likely.

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
        return answer | {"text": transcript.text, "told": _told(transcript), "over": True}, None


@lru_cache(maxsize=4)
def _topic(kg: KnowledgeGraph) -> Topic:
    """What is likely said here: of the graph, and of pictures."""
    topic = spoken_topic(kg)
    return replace(topic, phrases=(*topic.phrases, *COCO_CLASSES, *map(plural, COCO_CLASSES)))


def _sentence(error: SkylarkError) -> str:
    said = str(error)
    return f"{said[:1].upper()}{said[1:]}{'' if said.endswith(('.', '?', '!')) else '.'}"


def _told(transcript: Transcript) -> str:
    sure = "" if transcript.probability is None else f" ({transcript.probability:.2f})"
    return f"Heard in {transcript.language_name}{sure}. Change it if it is wrong, then press Enter."
