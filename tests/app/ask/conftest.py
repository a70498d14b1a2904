"""A browser with a microphone, for the tests of the first tab."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.app.conftest import chromium
from tests.reasoning.speech.recordings import packaged_model, spoken


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium with a microphone that somebody speaks a question into, as soon as it is on."""
    packaged_model()
    path = tmp_path_factory.mktemp("spoken") / "question.wav"
    path.write_bytes(spoken())
    speaking = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={path}%noloop")
    with chromium("--use-fake-ui-for-media-stream", *speaking) as one:
        yield one
