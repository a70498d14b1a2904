"""Recordings decoded within bounds, and the errors between a recording and the question in it.

Recordings come from strangers: they are bounded in bytes and seconds before they are decoded. Whatever the source,
what is heard is one channel at 16,000 samples a second, which is what speech models are trained on. FFmpeg decodes
(through PyAV), held to formats that hold their sound themselves: a playlist or a script would have it open other
files and addresses. A recording that is cut off is refused, since half a question would be answered as if it were the
whole.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from skylark.errors import SkylarkError, UsageError
from skylark.installation import require

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

    from reasoning.speech.model import Transcript


class SpeechError(SkylarkError):
    """A speech model cannot be opened or run: a package, the weights or memory are missing, or the weights damaged."""


class UnknownSpeechModelError(SpeechError, UsageError):
    """No speech model has this name."""


class AudioError(SpeechError):
    """A recording cannot be read: no sound, cut off, too many bytes, too long."""


class NoSpeechError(AudioError):
    """A recording is silent, or holds noise or music, and nobody speaks in it."""


class NoWordsError(NoSpeechError):
    """Somebody may speak in a recording, and no word of it is understood: its transcript has no text."""

    def __init__(self, message: str, transcript: Transcript) -> None:
        super().__init__(message)
        self.transcript = transcript


class SpokenLanguageError(SpeechError, UsageError):
    """A question was spoken, as the transcript has it, in a language in which questions are not read."""

    def __init__(self, message: str, transcript: Transcript) -> None:
        super().__init__(message)
        self.transcript = transcript


SAMPLE_RATE = 16_000
"""Samples a second of everything that is heard."""

Samples = tuple[int, NDArray[Any]]
"""Samples a second, and the samples: integers or floats from -1 to 1, shape (n,) or (n, channels)."""

AudioSource = str | Path | bytes | BinaryIO | Samples
"""A path, the bytes of a file, an open binary file, or samples."""

FORMATS = (
    "wav", "w64", "mp3", "flac", "ogg", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "aac", "aiff", "caf", "amr", "asf",
)  # fmt: skip
"""FFmpeg's names of the formats that are read: those in which telephones, browsers and recorders save sound."""

READABLE = "WAV, MP3, FLAC, OGG, Opus, WebM, M4A, AAC, AIFF, CAF, AMR or WMA"

_UNSAID = 0x7FF00000
"""A WAV file that was written to a pipe states a length from here on, or 0: nobody knew it yet."""

_MISSING = 0.5
"""Seconds by which a recording may be shorter than its header says."""

_MOST_CHANNELS = 64


@dataclass(frozen=True)
class AudioLimits:
    """The most of a recording that is read, by the file's bytes and the sound's seconds: a question, however slowly it
    is asked, takes no longer."""

    max_bytes: int = 64 * 2**20
    max_seconds: float = 120.0

    def check_bytes(self, size: int, name: str) -> None:
        """Refuse a recording of no or too many bytes by an AudioError."""
        if not size:
            raise AudioError(f"{name} is empty: a recording was expected")
        if size > self.max_bytes:
            raise AudioError(
                f"{name} has {size:,} bytes, the limit of a question is {self.max_bytes:,}: cut out the question"
            )

    def check_seconds(self, seconds: float, name: str) -> None:
        """Refuse a recording that is too long by an AudioError."""
        if seconds > self.max_seconds:
            raise AudioError(
                f"{name} is longer than {self.max_seconds:,g} seconds, the limit of a question "
                f"(it has {seconds:,.0f}): cut out the question"
            )


USUAL_LIMITS = AudioLimits()


@dataclass(frozen=True, eq=False)
class Audio:
    """One recording, ready to be heard.

    Attributes:
        samples: shape (n,), float32 from -1 to 1, `SAMPLE_RATE` a second.
        name: the file's path as given, or a word for what it came from.
    """

    samples: NDArray[np.float32]
    name: str = "the recording"

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / SAMPLE_RATE


def load_audio(source: AudioSource | Audio, limits: AudioLimits = USUAL_LIMITS) -> Audio:
    """Read a recording from anywhere.

    Args:
        source: a path, the bytes of a file, an open binary file, samples with their rate as Gradio gives them, or what
            this function returned, which is given back as it is.
        limits: the most that is read.

    Raises:
        AudioError: there is no such file, it holds no sound or a video, it is cut off or broken, or beyond the limits.
        MissingPackageError: the extra `speech` is not installed.
    """
    if isinstance(source, Audio):
        return source
    require("Hearing a question", "faster_whisper", "av")
    if isinstance(source, tuple):
        resampler = Resampler("the recording", limits)
        return Audio(np.concatenate([resampler.add(source), resampler.end()]))
    if isinstance(source, bytes | bytearray | memoryview):
        limits.check_bytes(len(source), "the recording")
        return _decoded(io.BytesIO(source), "the recording", limits)
    if isinstance(source, str | Path):
        path = Path(source).expanduser()
        if not path.is_file():
            raise AudioError(f"{source} is {'a folder' if path.is_dir() else 'not there'}: a recording was expected")
        try:
            with path.open("rb") as file:
                limits.check_bytes(path.stat().st_size, str(source))
                return _decoded(file, str(source), limits)
        except OSError as error:
            raise AudioError(f"{source} cannot be read: {error.strerror or error}") from error
    data = source.read(limits.max_bytes + 1)
    limits.check_bytes(len(data), "the recording")
    return _decoded(io.BytesIO(data), "the recording", limits)


class Resampler:
    """Makes samples of any rate, width and number of channels what models hear; piece by piece, as they come."""

    def __init__(self, name: str = "the recording", limits: AudioLimits = USUAL_LIMITS) -> None:
        import av

        self._name, self._limits = name, limits
        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        self._form: tuple[int, Any, int] | None = None
        self._count = 0

    def add(self, piece: Samples) -> NDArray[np.float32]:
        """The samples of a piece, shape (n,), or an AudioError; what the filter still holds comes with the next."""
        import av

        rate, samples = piece
        samples = self._checked(rate, np.asarray(samples))
        if not len(samples):
            return np.zeros(0, np.float32)
        frame = av.AudioFrame.from_ndarray(samples.mean(axis=1, dtype=np.float32)[None, :], format="flt", layout="mono")
        frame.sample_rate = rate
        return self.resampled(frame)

    def resampled(self, frame: AudioFrame | None) -> NDArray[np.float32]:
        """The samples of a decoded frame, or an AudioError where they are too many; of None those that the filter still
        holds."""
        if frame is not None:
            frame.pts = None  # gaps in the times would be filled with silence
        parts = [part.to_ndarray().reshape(-1) for part in self._resampler.resample(frame)]
        made = np.concatenate(parts).astype(np.float32, copy=False) if parts else np.zeros(0, np.float32)
        self._count += len(made)
        self._limits.check_seconds(self._count / SAMPLE_RATE, self._name)
        return np.nan_to_num(made, nan=0.0, posinf=1.0, neginf=-1.0).clip(-1.0, 1.0)

    def end(self) -> NDArray[np.float32]:
        """The samples that the filter still holds."""
        return self.resampled(None) if self._count or self._form else np.zeros(0, np.float32)

    def _checked(self, rate: int, samples: NDArray[Any]) -> NDArray[np.float32]:
        """Floats of shape (n, channels)."""
        form = (rate, samples.dtype, samples.shape[1] if samples.ndim == 2 else 1)
        if not (isinstance(rate, int | np.integer) and 1_000 <= rate <= 768_000):
            raise AudioError(f"{self._name} has {rate!r} samples a second: a number from 1,000 to 768,000 was expected")
        if samples.ndim not in (1, 2) or form[2] > _MOST_CHANNELS or samples.dtype.kind not in "if":
            raise AudioError(
                f"{self._name} cannot be heard from an array of {samples.dtype} and shape {samples.shape}: integers or "
                f"floats of shape (n,) or (n, channels) were expected"
            )
        if self._form is not None and form != self._form:
            raise AudioError(f"{self._name} changes from {self._form} to {form} (rate, type, channels) on the way")
        self._form = form
        self._limits.check_seconds(self._count / SAMPLE_RATE + len(samples) / rate, self._name)
        scale = float(-np.iinfo(samples.dtype).min) if samples.dtype.kind == "i" else 1.0
        return (samples.astype(np.float32) / scale).reshape(len(samples), form[2])


def _decoded(file: BinaryIO, name: str, limits: AudioLimits) -> Audio:
    import av

    head = file.read(12)
    file.seek(0)
    options = {"format_whitelist": ",".join(FORMATS), "protocol_whitelist": ""}
    try:
        container = av.open(file, "r", options=options, metadata_errors="replace")
    except (av.FFmpegError, ValueError, OSError) as error:
        raise AudioError(f"{name} is no recording that can be read: {READABLE} was expected") from error
    with container:
        stream = _sound(container, name)
        told = _seconds(container, stream)
        limits.check_seconds(told, name)
        resampler = Resampler(name, limits)
        try:
            parts = [resampler.resampled(frame) for frame in _frames(container, stream, name, head)]
            samples = np.concatenate([*parts, resampler.end()])
        except av.FFmpegError as error:
            raise AudioError(f"{name} is cut off or broken: record it again") from error
    if told - len(samples) / SAMPLE_RATE > _MISSING:
        raise AudioError(
            f"{name} is cut off: it is to have {told:.1f} seconds, {len(samples) / SAMPLE_RATE:.1f} are there; "
            "record it again"
        )
    if not len(samples):
        raise AudioError(f"{name} holds no sound: a recording was expected")
    return Audio(samples, name)


def _sound(container: InputContainer, name: str) -> AudioStream:
    """The stream of sound of a container that is no video; the cover of a song makes none."""
    from av.stream import Disposition

    if any(not stream.disposition & Disposition.attached_pic for stream in container.streams.video):
        raise AudioError(
            f"{name} is a video ({container.format.name}): a recording of sound was expected; "
            "`ffmpeg -i VIDEO -vn QUESTION.flac` takes the sound out of it"
        )
    if not container.streams.audio:
        raise AudioError(f"{name} holds no sound: a recording was expected")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise AudioError(f"{name} holds sound of a kind that cannot be decoded here: save it as WAV or FLAC")
    return stream


def _seconds(container: InputContainer, stream: AudioStream) -> float:
    """How long the recording is as its header says; 0 where it does not."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return 0.0 if container.duration is None else container.duration / 1_000_000


def _frames(container: InputContainer, stream: AudioStream, name: str, head: bytes) -> Iterator[AudioFrame]:
    length = int.from_bytes(head[4:8], "little")
    piped = head[:4] == b"RIFF" and (length >= _UNSAID or not length)
    for packet in container.demux(stream):
        if packet.is_corrupt and packet.size and not piped:
            raise AudioError(f"{name} is cut off or broken: record it again")
        yield from stream.decode(packet)
