"""Recordings that are sent to the page: what is heard, what is refused in a sentence, and how many at once."""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest

from app.api import Programs
from app.ask.speech import SharedSpeech
from app.graph.graphs import GraphRegistry
from app.image.looking import SharedDetector
from app.models import LanguageModel
from app.programs.descriptions import CallError
from app.server.serving import HEARD_AT_ONCE
from reasoning.speech import Audio, SpeechModel, Transcript
from skylark.errors import SkylarkError
from tests.reasoning.speech.recordings import GERMAN, RATE, music, packaged_model, spoken, write_wav


@pytest.fixture
def programs() -> Programs:
    return Programs(GraphRegistry(["world"]), LanguageModel("copy"), SharedDetector(), SharedSpeech())


def inside(content: bytes) -> str:
    """A recording as a text of a request."""
    return f"data:audio/wav;base64,{base64.b64encode(content).decode()}"


def video() -> bytes:
    """A video of three frames."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as made:
        stream = made.add_stream("mpeg4", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(3):
            made.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8))))
        made.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.slow
def test_a_recording_is_heard_as_a_text_and_as_a_file(programs: Programs, uploads: Path) -> None:
    packaged_model()
    path = uploads / "question.wav"
    path.write_bytes(spoken())
    heard = programs.hear(inside(spoken()))
    assert programs.hear(str(path)) == programs.hear({"path": str(path)}) == heard
    assert "Germany" in heard["text"] and heard["language"] == "en" and 1 < heard["seconds"] < 5


@pytest.mark.slow
def test_another_language_is_told_with_what_was_heard(programs: Programs) -> None:
    packaged_model()
    with pytest.raises(CallError, match=r"is in German .*questions are read in English: .*Heard: "):
        programs.hear(inside(spoken(GERMAN, "de")))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("samples", "told"),
    [(np.zeros(2 * RATE, np.int16), "Nobody speaks .* are silent"), (music(4.0), "Nobody speaks .* noise or music")],
    ids=["silence", "music"],
)
def test_where_nobody_speaks_that_is_told(programs: Programs, tmp_path: Path, samples: np.ndarray, told: str) -> None:
    packaged_model()
    with pytest.raises(CallError, match=told):
        programs.hear(inside(write_wav(tmp_path / "recording.wav", samples).read_bytes()))


def test_half_an_hour_is_refused(programs: Programs, uploads: Path) -> None:
    path = write_wav(uploads / "talk.wav", np.zeros(30 * 60 * 4000, np.int16), 4000)
    with pytest.raises(CallError, match=r"the recording is longer than 60 seconds, .*it has 1,800"):
        programs.hear(str(path))


def test_what_is_cut_off_or_no_recording_is_told(programs: Programs, tmp_path: Path) -> None:
    whole = write_wav(tmp_path / "chords.wav", music(4.0)).read_bytes()
    for content, told in (
        (whole[: len(whole) // 2], "cut off"),
        (video(), "is a video"),
        (b"hello, is this a recording?" * 100, "no recording that can be read"),
        (b"#EXTM3U\nfile:///etc/passwd\n", "no recording that can be read"),
    ):
        with pytest.raises(CallError, match=told) as error:
            programs.hear(inside(content))
        assert error.value.status == 422


def test_a_file_that_is_gone_or_was_not_sent_is_told_without_its_place(programs: Programs, uploads: Path) -> None:
    (uploads / "folder").mkdir()
    for path, told in (
        (uploads / "gone.wav", "no longer here"),
        (uploads / "folder", "the recording is "),
        (uploads.parent / "other.wav", "was not sent to this page"),
    ):
        with pytest.raises(CallError, match=told) as error:
            programs.hear(str(path))
        assert str(uploads.parent) not in error.value.message


def test_a_recording_of_too_many_bytes_is_refused(programs: Programs, uploads: Path) -> None:
    path = uploads / "large.wav"
    with path.open("wb") as file:
        file.truncate(33 * 2**20)
    with pytest.raises(CallError, match=r"34,603,008 bytes, the limit of a question is 33,554,432"):
        programs.hear(str(path))


def test_without_the_extra_that_is_told(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    programs.relations()  # what the graph itself needs is there
    monkeypatch.setattr("skylark.installation.find_spec", lambda name: None)
    assert not SharedSpeech().available
    assert "Hearing a question needs the package faster-whisper" in SharedSpeech().problem
    with pytest.raises(CallError, match=r"needs the package faster-whisper.*install"):
        programs.hear(inside(b"RIFF"))
    SharedSpeech().warm_up()  # the page is served all the same


@pytest.mark.slow
def test_the_model_is_opened_once() -> None:
    packaged_model()
    speech, opened = SharedSpeech(), list[SpeechModel]()
    threads = [threading.Thread(target=lambda: opened.append(speech.model())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(opened) == 4 and len(set(map(id, opened))) == 1 and SharedSpeech().model() is opened[0]


class Slow(SpeechModel):
    """Hears the same in every recording, and counts how many it hears at once."""

    name = "slow"

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def partials(self, audio: Audio, expected: Sequence[str] = (), before: str = "") -> Iterator[Transcript]:
        yield from self._heard(audio, expected, before)

    def _heard(self, audio: Audio, expected: Sequence[str], before: str) -> Iterator[Transcript]:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.02)
        with self._lock:
            self.now -= 1
        yield Transcript("a question", "en", 1.0, audio.seconds)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    model = Slow()
    monkeypatch.setattr(SharedSpeech, "model", lambda self: model)
    return model


def test_those_who_come_at_once_are_heard_one_after_another(slow: Slow, tmp_path: Path) -> None:
    speech, heard = SharedSpeech(), list[str]()
    recording = inside(write_wav(tmp_path / "chords.wav", music(0.5)).read_bytes())
    threads = [threading.Thread(target=lambda: heard.append(speech.hear(recording).text)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert heard == ["a question"] * 8
    assert 1 <= slow.most <= HEARD_AT_ONCE


def test_who_would_wait_too_long_is_told_to_come_back(
    slow: Slow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ask.speech.HEAR_SECONDS", 0.2)
    speech, release = SharedSpeech(), threading.Event()
    monkeypatch.setattr(slow, "_heard", lambda *_: (release.wait(30), iter([Transcript("late", "en", 1.0, 1.0)]))[1])
    recording = inside(write_wav(tmp_path / "chords.wav", music(0.5)).read_bytes())

    def hear() -> None:
        with suppress(SkylarkError):
            speech.hear(recording)

    first = threading.Thread(target=hear)
    first.start()
    time.sleep(0.05)
    with pytest.raises(SkylarkError, match=r"hearing the recording .* try again in a minute"):
        speech.hear(recording)
    release.set()
    first.join(30)
