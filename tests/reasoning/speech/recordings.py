"""Recordings for tests: sentences spoken by espeak-ng, and what is no speech."""

import shutil
import subprocess
import wave
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reasoning.speech.audio import SpeechError
from reasoning.speech.model import SpeechModel
from reasoning.speech.whisper import check_speech_model, open_speech_model
from tests.missing import missing

RATE = 22_050
QUESTION = "Which countries border Germany?"
GERMAN = "Welche Länder grenzen an Frankreich und bezahlen mit dem Euro?"


@cache
def spoken(text: str = QUESTION, voice: str = "en-us", speed: int = 140) -> bytes:
    """A WAV file of a sentence, 22,050 samples a second."""
    if shutil.which("espeak-ng") is None:
        missing("needs espeak-ng, a package of Debian, to speak")
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "--stdout", "--", text]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


def samples_of(wav: bytes) -> NDArray[np.int16]:
    """The samples of a WAV file of espeak-ng's, behind its header of 44 bytes."""
    return np.frombuffer(wav[44 : 44 + (len(wav) - 44) // 2 * 2], np.int16)


def packaged_model() -> SpeechModel:
    """Whisper-base."""
    try:
        check_speech_model()
    except SpeechError as error:
        missing(str(error))
    return open_speech_model()


def write_wav(path: Path, samples: NDArray[np.int16], rate: int = RATE) -> Path:
    """Save samples of one channel."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def noise(seconds: float) -> NDArray[np.int16]:
    """White noise."""
    drawn = np.random.default_rng(0).normal(0, 0.1, round(seconds * RATE))
    return (drawn.clip(-1, 1) * 32767).astype(np.int16)


def music(seconds: float) -> NDArray[np.int16]:
    """Chords of plucked strings, two a second."""
    time = np.arange(RATE // 2) / RATE
    chords = [(220.0, 277.2, 329.6), (246.9, 311.1, 370.0), (196.0, 246.9, 293.7), (261.6, 329.6, 392.0)]
    made = [
        sum(np.sin(2 * np.pi * tone * part * time) / part for tone in chord for part in (1, 2, 3)) * np.exp(-3 * time)
        for chord in chords
    ]
    sound = np.resize(np.concatenate(made), round(seconds * RATE))
    return np.asarray(sound / np.abs(sound).max() * 20000, np.int16)
