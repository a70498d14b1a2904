"""Recordings that are sent or spoken into the page: what is heard, what is refused, and how many at once."""

import base64
import io
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from app.api import Programs
from app.ask.speech import MOST_LETTERS, Microphone, Recording, SharedSpeech
from app.graph.graphs import GraphRegistry
from app.image.looking import SharedDetector
from app.models import LanguageModel
from app.server.descriptions import CallError
from app.server.serving import HEARD_AT_ONCE
from reasoning import KnowledgeGraph
from reasoning.speech import Audio, SpeechModel, Transcript
from reasoning.speech.audio import SpeechError
from reasoning.speech.model import ANYTHING, Hypothesis, Topic
from skylark.errors import SkylarkError
from tests.reasoning.speech.recordings import GERMAN, RATE, music, noise, packaged_model, samples_of, spoken, write_wav


@pytest.fixture
def programs() -> Programs:
    return Programs(GraphRegistry(["world"]), LanguageModel("copy"), SharedDetector(), SharedSpeech())


def inside(content: bytes) -> str:
    return f"data:audio/wav;base64,{base64.b64encode(content).decode()}"


def video() -> bytes:
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
def test_english_is_heard_and_what_is_none_is_told(programs: Programs, uploads: Path) -> None:
    packaged_model()
    path = uploads / "question.wav"
    path.write_bytes(spoken())
    heard = programs.hear(inside(spoken()))
    assert programs.hear(str(path)) == programs.hear({"path": str(path)}) == heard
    assert "Germany" in heard["text"] and heard["language"] == "en" and 1 < heard["seconds"] < 5
    silence, chords = (write_wav(path, sound).read_bytes() for sound in (np.zeros(2 * RATE, np.int16), music(4.0)))
    for content, told in (
        (spoken(GERMAN, "de"), r"is in German .*questions are read in English: .*Heard: "),
        (silence, "Nobody speaks .* are silent"),
        (chords, "Nobody speaks .* noise or music"),
    ):
        with pytest.raises(CallError, match=told):
            programs.hear(inside(content))
    with ThreadPoolExecutor(4) as pool:
        assert {*pool.map(lambda _: id(SharedSpeech().model()), range(4))} == {id(SharedSpeech().model())}


def test_half_an_hour_or_too_many_bytes_are_refused(programs: Programs, uploads: Path) -> None:
    path = write_wav(uploads / "talk.wav", np.zeros(30 * 60 * 4000, np.int16), 4000)
    with pytest.raises(CallError, match=r"the recording is longer than 60 seconds, .*it has 1,800"):
        programs.hear(str(path))
    with path.open("wb") as file:
        file.truncate(33 * 2**20)
    with pytest.raises(CallError, match=r"34,603,008 bytes, the limit of a question is 33,554,432"):
        programs.hear(str(path))


def test_what_is_no_whole_recording_or_not_here_is_told_without_its_place(programs: Programs, uploads: Path) -> None:
    (uploads / "folder").mkdir()
    whole = write_wav(uploads / "chords.wav", music(4.0)).read_bytes()
    for sent, told in (
        (inside(whole[: len(whole) // 2]), "cut off"),
        (inside(video()), "is a video"),
        (inside(b"#EXTM3U\nfile:///etc/passwd\n"), "no recording that can be read"),
        (str(uploads / "gone.wav"), "no longer here"),
        (str(uploads / "folder"), "the recording is "),
        (str(uploads.parent / "other.wav"), "was not sent to this page"),
    ):
        with pytest.raises(CallError, match=told) as error:
            programs.hear(sent)
        assert error.value.status == 422 and str(uploads.parent) not in error.value.message


def test_without_the_extra_that_is_told(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    programs.relations()  # what the graph itself needs is there
    monkeypatch.setattr("skylark.installation.find_spec", lambda name: None)
    assert not SharedSpeech().available
    assert "Hearing a question needs the package faster-whisper" in SharedSpeech().problem
    with pytest.raises(CallError, match=r"needs the package faster-whisper.*install"):
        programs.hear(inside(b"RIFF"))
    SharedSpeech().warm_up()  # the page is served all the same


class Slow(SpeechModel):
    """Hears the same in every recording, once it may, and counts how many it hears at once."""

    name = "slow"

    def __init__(self) -> None:
        self.now = self.most = 0
        self.began, self.may = threading.Event(), threading.Event()
        self._lock = threading.Lock()

    def partials(self, audio: Audio, expected: Sequence[str] = (), before: str = "") -> Iterator[Transcript]:
        yield from self._heard(audio, expected, before)

    def _heard(self, audio: Audio, expected: Sequence[str], before: str) -> Iterator[Transcript]:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.began.set()
        self.may.wait(30)
        with self._lock:
            self.now -= 1
        yield Transcript("a question", "en", 1.0, audio.seconds)


def test_those_who_come_at_once_are_heard_one_after_another_or_told_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording, slow, late = inside(write_wav(tmp_path / "chords.wav", music(0.5)).read_bytes()), Slow(), Slow()
    speech = Scripted(slow)
    with ThreadPoolExecutor(8) as pool:
        heard = [pool.submit(speech.hear, recording) for _ in range(8)]
        assert slow.began.wait(30)
        slow.may.set()
        assert [one.result().text for one in heard] == ["a question"] * 8
    assert 1 <= slow.most <= HEARD_AT_ONCE
    monkeypatch.setattr("app.ask.speech.HEAR_SECONDS", 0.2)
    with pytest.raises(SkylarkError, match=r"hearing the recording took more than 0\.2"):
        Scripted(late).hear(recording)
    late.may.set()


KG = KnowledgeGraph.from_triples([("Germany", "borders", "France"), ("Berlin", "capital of", "Germany")])


class Repeating(SpeechModel):
    """Says how many seconds it heard."""

    name = "repeating"

    def __init__(self, language: str = "en") -> None:
        self.language = language

    def _heard(self, audio: Audio, expected: Sequence[str], before: str) -> Iterator[Transcript]:
        yield Transcript(f"{audio.seconds:.0f} seconds", self.language, 0.9, audio.seconds)


class Searching(Repeating):
    def others(self, audio: Audio, language: str, topic: Topic = ANYTHING) -> Iterator[list[Hypothesis]]:
        assert {"Germany", "Berlin", "borders", "traffic light", "dogs"} <= set(topic.phrases)
        yield [Hypothesis("Germany at last", -1.0)]


class Scripted(SharedSpeech):
    def __init__(self, model: SpeechModel | None) -> None:
        super().__init__()
        self._scripted = model

    def model(self) -> SpeechModel:
        if self._scripted is None:
            raise SpeechError("the weights are missing")
        return self._scripted


def piece(number: int, sound: Any, last: bool = False, **other: Any) -> dict[str, Any]:
    data = base64.b64encode(np.asarray(sound, "<i2").tobytes()).decode()
    return {"recording": "one", "number": number, "rate": RATE, "samples": data, "last": last} | other


def pieces(sound: Any) -> list[dict[str, Any]]:
    parts = [sound[at : at + RATE // 2] for at in range(0, len(sound), RATE // 2)]
    return [piece(number, part, part is parts[-1]) for number, part in enumerate(parts)]


def hear(said: Sequence[dict[str, Any]], model: SpeechModel | None = None) -> list[dict[str, Any]]:
    microphone = Microphone(Scripted(model or Repeating()))
    recording: Recording | None = None
    answers = []
    for one in said:
        answer, recording = microphone.heard(one, recording, KG)
        answers.append(answer)
    assert recording is None or not answers[-1]["over"]
    return answers


def test_at_the_end_names_of_the_graph_and_of_things_in_pictures_are_looked_for() -> None:
    packaged_model()
    answers = hear(pieces(samples_of(spoken())), Searching())
    assert answers[-1]["text"] == "Germany at last"
    assert all("Germany" not in answer["text"] for answer in answers[:-1])


def test_the_text_comes_while_one_speaks_and_what_is_no_english_is_said() -> None:
    packaged_model()
    answers = hear(pieces(samples_of(spoken())))
    assert [answer["number"] for answer in answers] == list(range(len(answers)))
    assert [answer["over"] for answer in answers] == [False] * (len(answers) - 1) + [True]
    assert any(answer["text"] for answer in answers[:-1])
    assert answers[-1]["text"] == "3 seconds" and "Heard in English (0.90)" in answers[-1]["told"]
    silent = hear(pieces(np.zeros(2 * RATE, np.int16)))[-1]
    assert silent["over"] and silent["text"] == ""
    assert silent["told"].startswith("Nobody speaks") and silent["told"].endswith("near enough? You can also type.")
    german = hear(pieces(samples_of(spoken(GERMAN, "de"))), Repeating("de"))[-1]
    assert "in German" in german["told"] and german["text"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, "no piece of a recording"), (piece(0, []) | {"recording": ["one"]}, "no piece of a recording"),
        (piece(0, [], recording="x" * 65), "no piece of a recording"),
        (piece(0, [], rate=0), "without its number or rate"),
        (piece(0, []) | {"number": "0"}, "without its number or rate"),
        (piece(0, [], samples="%%%"), "damaged"), (piece(0, [], samples="AA=="), "damaged"),
        (piece(0, [], samples="A" * (MOST_LETTERS + 4)), "too long"),
        (piece(3, [1, 2]), "beginning of the recording is missing"), (piece(0, [], last=True), "Nobody speaks"),
    ],
)  # fmt: skip
def test_strangers_may_send_anything_for_a_piece(said: dict[str, Any], told: str) -> None:
    [answer] = hear([said])
    assert answer["over"] and told in answer["told"]


def test_a_recording_is_bounded_ends_at_a_missing_piece_and_gives_way_to_another() -> None:
    answers = hear([piece(0, noise(0.1)), piece(2, noise(0.1))])
    assert "a piece of the recording is missing" in answers[-1]["told"].lower()
    answers = hear([piece(0, noise(0.1)), piece(0, noise(0.1), recording="two")])
    assert [answer["over"] for answer in answers] == [False, False]
    answers = hear([piece(number, noise(30.1), rate=RATE) for number in range(2)])
    assert "60 seconds" in answers[-1]["told"]
    answer, recording = Microphone(Scripted(None)).heard(piece(0, noise(0.1)), None, KG)
    assert recording is None and "The weights are missing" in answer["told"]
