"""The speech model of the page, which all visitors share: opened when it is first wanted."""

from __future__ import annotations

import logging
import threading

from kg_data.errors import SkylarkError
from reasoning.speech import SpeechModel, check_speech_model, open_speech_model

log = logging.getLogger(__name__)


class SharedSpeech:
    """Whisper-base, where the extra `speech` and its weights are installed.

    Attributes:
        error: why nothing can be heard here, None where something can.
    """

    def __init__(self) -> None:
        self.error: SkylarkError | None = None
        self._opening = threading.Lock()
        try:
            check_speech_model()
        except SkylarkError as error:
            self.error = error

    @property
    def available(self) -> bool:
        """Whether recordings can be heard."""
        return self.error is None

    def model(self) -> SpeechModel:
        """The model, opened by whoever asks first, for whom the others wait.

        Raises:
            SkylarkError: it cannot be had.
        """
        if self.error is not None:
            raise self.error
        with self._opening:
            return open_speech_model()

    def warm_up(self) -> None:
        """Open it now, so that the first visitor who speaks does not wait for it."""
        try:
            if self.available:
                self.model()
        except SkylarkError as error:
            self.error = error
            log.warning("nothing that is spoken can be heard: %s", error)
