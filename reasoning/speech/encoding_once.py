"""faster-whisper that encodes what it was given before only once, and little of what it fills a window up with.

Encoding a window takes a small model as long as finding its words, and the same one comes again: faster-whisper looks
for the language in it, and a recording is heard more than once at the same tempos.

Whisper was taught on windows of 30 seconds, which are filled up with zeros, and questions take three. Of a shorter
window Whisper-base understands as much, several times sooner; larger models were not measured.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import ctranslate2  # type: ignore[import-untyped]
import faster_whisper
import numpy as np
from numpy.typing import NDArray

WINDOWS = 4
"""That are kept, or batches of them: those of one recording. A window has 3 MB at most for Whisper-base."""

LEAST_FRAMES = 1000
"""Hundredths of a second of a window that are encoded at least. Tried on development questions beside whole windows."""

FRAMES_AFTER = 200
"""Hundredths of a second behind the end of a recording that are encoded too."""


class EncodesOnce(faster_whisper.WhisperModel):  # type: ignore[misc]
    """See `faster_whisper.WhisperModel`; safe to use from several threads as that is."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._encoded = lru_cache(WINDOWS)(self._encode)

    def encode(self, features: NDArray[np.float32]) -> ctranslate2.StorageView:
        """What the encoder gives for a window, of which `LEAST_FRAMES` are left at least.

        Args:
            features: its spectrogram, shape (bands, frames) or (windows, bands, frames); zeros behind
                the end of the recording.
        """
        features = _without_rest(features)
        return self._encoded(features.tobytes(), features.shape, features.dtype)

    def _encode(self, features: bytes, shape: tuple[int, ...], kind: np.dtype[Any]) -> ctranslate2.StorageView:
        return super().encode(np.frombuffer(features, kind).reshape(shape).copy())  # one that may be written to


def _without_rest(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """A window without most of the zeros at its end; the encoder takes two frames at a time."""
    recorded = np.flatnonzero(features.any(axis=tuple(range(features.ndim - 1))))
    end = int(recorded[-1]) + 1 + FRAMES_AFTER if len(recorded) else 0
    return features[..., : max(LEAST_FRAMES, end + end % 2)]
