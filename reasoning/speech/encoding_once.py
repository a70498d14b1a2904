"""faster-whisper that encodes what it was given before only once.

Encoding a window takes a small model as long as finding its words, and the same one comes again: faster-whisper looks
for the language in it, and a recording is heard more than once at one tempo.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import ctranslate2  # type: ignore[import-untyped]
import faster_whisper
import numpy as np
from numpy.typing import NDArray

WINDOWS = 4
"""That are kept, of 3 MB each for Whisper-base: those of one recording."""


class EncodesOnce(faster_whisper.WhisperModel):  # type: ignore[misc]
    """See `faster_whisper.WhisperModel`; safe to use from several threads as that is."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._encoded = lru_cache(WINDOWS)(self._encode)

    def encode(self, features: NDArray[np.float32]) -> ctranslate2.StorageView:
        """What the encoder gives for a window.

        Args:
            features: its spectrogram, shape (bands, frames), with or without one dimension before them.
        """
        return self._encoded(features.tobytes(), features.shape, features.dtype)

    def _encode(self, features: bytes, shape: tuple[int, ...], kind: np.dtype[Any]) -> ctranslate2.StorageView:
        return super().encode(np.frombuffer(features, kind).reshape(shape).copy())  # one that may be written to
