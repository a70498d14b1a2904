"""`ask --audio`: the question is heard, shown and answered, and what cannot be heard is said."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import pytest

from reasoning.cli import main
from tests.reasoning.speech.recordings import GERMAN, packaged_model, spoken

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def question(tmp_path: Path) -> str:
    packaged_model()
    path = tmp_path / "question.wav"
    path.write_bytes(spoken("What is the capital of Germany?", speed=130))
    return str(path)


@pytest.mark.slow
def test_a_spoken_question_is_shown_and_answered(question: str, capsys: Captured) -> None:
    assert main(["ask", "--kg", "world", "--audio", question, "--json"]) == 0
    out, err = capsys.readouterr()
    assert "heard: What is the capital of Germany? (English, probability 0." in err
    answer = json.loads(out)
    assert [found["entity"] for found in answer["answers"]] == ["Berlin"]
    assert answer["heard"]["text"] == "What is the capital of Germany?"
    assert answer["heard"]["language"] == "en"


@pytest.mark.slow
def test_another_language_is_a_usage_error(tmp_path: Path, capsys: Captured) -> None:
    packaged_model()
    path = tmp_path / "frage.wav"
    path.write_bytes(spoken(GERMAN, "de"))
    assert main(["ask", "--kg", "world", "--audio", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "is in German" in err and "ask in English" in err


@pytest.mark.slow
def test_a_silent_recording_is_a_failure(tmp_path: Path, capsys: Captured) -> None:
    packaged_model()
    path = tmp_path / "silent.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(64_000))
    assert main(["ask", "--kg", "world", "--audio", str(path)]) == 1
    assert f"Nobody speaks in {path}: its 2.0 seconds are silent" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["Which?", "--audio", "q.wav"], "there are two questions, 'Which?' and the recording q.wav: ask one"),
        (["Which?", "--speech-model", "whisper-base"], "--speech-model hears a recording"),
        (["--audio", "q.wav", "--speech-model", "whisper-bse"], "did you mean whisper-base?"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(arguments: list[str], problem: str, capsys: Captured) -> None:
    packaged_model()
    assert main(["ask", "--kg", "world", *arguments]) == 2
    assert problem in capsys.readouterr().err


def test_a_recording_that_is_not_there_is_said_before_the_graph_is_loaded(capsys: Captured) -> None:
    packaged_model()
    assert main(["ask", "--kg", "no such graph", "--audio", "q.wav"]) == 1
    assert "q.wav is not there: a recording was expected" in capsys.readouterr().err
