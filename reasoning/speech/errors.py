"""What can go wrong between a recording and the question in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kg_data.errors import SkylarkError, UsageError

if TYPE_CHECKING:
    from reasoning.speech.transcript import Transcript


class SpeechError(SkylarkError):
    """A speech model cannot be opened or run: a package, the weights or memory are missing, or the weights damaged."""


class UnknownSpeechModelError(SpeechError, UsageError):
    """No speech model has this name."""


class AudioError(SpeechError):
    """A recording cannot be read: no sound, cut off, too many bytes, too long."""


class NoSpeechError(AudioError):
    """A recording is silent, or holds noise or music, and nobody speaks in it."""


class NoWordsError(NoSpeechError):
    """Somebody may speak in a recording, and no word of it is understood.

    Args:
        message: what it may hold.
        transcript: without a text.
    """

    def __init__(self, message: str, transcript: Transcript) -> None:
        super().__init__(message)
        self.transcript = transcript


class SpokenLanguageError(SpeechError, UsageError):
    """A question was spoken in a language in which questions are not read.

    Args:
        message: which language it is, and which can be asked in.
        transcript: what was heard.
    """

    def __init__(self, message: str, transcript: Transcript) -> None:
        super().__init__(message)
        self.transcript = transcript
