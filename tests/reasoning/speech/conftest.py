"""Whisper-base, opened once for every test that hears or must skip where it is missing."""

import pytest

from reasoning.speech.whisper import WhisperModel
from tests.reasoning.speech.recordings import packaged_model


@pytest.fixture(scope="session")
def model() -> WhisperModel:
    opened = packaged_model()
    assert isinstance(opened, WhisperModel)
    return opened
