"""What was heard in a recording: the one value that every speech model gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from babel import Locale

_NEWER_CODES = {"jw": "jv"}
"""Whisper's code of a language where it is another than that of ISO 639."""


@dataclass(frozen=True)
class Transcript:
    """The words of a recording, or of what has come of it so far.

    Attributes:
        text: what was said, with the model's punctuation.
        language: the language's code in ISO 639, such as "en"; None where the model tells none.
        probability: that it is this language, 0 to 1; None where the model tells none.
        seconds: of sound that was listened to.
        final: whether all of the recording was heard; the text of a partial transcript may still change.
    """

    text: str
    language: str | None
    probability: float | None
    seconds: float
    final: bool = True

    @property
    def language_name(self) -> str:
        """The language in English, such as "German"."""
        return language_name(self.language) if self.language else "an unknown language"

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {
            "text": self.text,
            "language": self.language,
            "language_probability": None if self.probability is None else round(self.probability, 3),
            "seconds": round(self.seconds, 2),
        }


def language_name(code: str) -> str:
    """A language's name in English by its code; the code itself where the name is not known."""
    name: str = Locale("en").languages.get(_NEWER_CODES.get(code, code), code)
    return name
