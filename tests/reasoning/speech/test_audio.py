"""Recordings are bounded, and what is none, is cut off or too long is said to be so."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import av
import numpy as np
import pytest

from reasoning.speech.audio import SAMPLE_RATE, AudioError, AudioLimits, Resampler, load_audio
from tests.reasoning.speech.recordings import RATE, music, write_wav


def encoded(container: str, codec: str) -> bytes:
    """Two seconds of chords in another form."""
    options = {"movflags": "faststart"} if container == "mp4" else {}
    with tempfile.TemporaryDirectory() as folder:  # "faststart" opens the file by its name
        made = av.open(path := Path(folder) / "sound", "w", format=container, options=options)
        stream = made.add_stream(codec, rate=RATE if container == "mp4" else 48_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(music(2.0)[None, :], format="s16", layout="mono")
        frame.sample_rate = RATE
        for packet in stream.encode(frame):
            made.mux(packet)
        made.mux(stream.encode(None))
        made.close()
        return path.read_bytes()


@pytest.fixture
def chords(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "chords.wav", music(2.0))


@pytest.mark.parametrize(("container", "codec"), [("mp3", "libmp3lame"), ("flac", "flac"), ("webm", "libopus")])
def test_the_forms_of_recorders_sound_the_same(container: str, codec: str, chords: Path) -> None:
    wav, other = load_audio(chords).samples, load_audio(encoded(container, codec)).samples
    assert other.dtype == np.float32 and abs(len(other) - len(wav)) < 0.1 * SAMPLE_RATE
    count = min(len(wav), len(other))
    spectra = [np.abs(np.fft.rfft(samples[:count])) for samples in (wav, other)]
    assert np.corrcoef(np.stack(spectra))[0, 1] > 0.9


def test_a_path_bytes_an_open_file_and_samples_are_heard_alike(chords: Path) -> None:
    expected = load_audio(chords).samples
    with chords.open("rb") as file:
        sources = [load_audio(source).samples for source in (chords.read_bytes(), file, (RATE, music(2.0)))]
    for samples in sources:
        np.testing.assert_allclose(samples, expected, atol=1e-4)


def test_pieces_are_heard_as_the_whole_is() -> None:
    whole = load_audio((RATE, music(2.0))).samples
    resampler = Resampler()
    pieces = [resampler.add((RATE, piece)) for piece in np.array_split(music(2.0), 7)]
    np.testing.assert_allclose(np.concatenate([*pieces, resampler.end()]), whole, atol=1e-4)


def test_channels_are_mixed_and_floats_are_taken() -> None:
    left = music(1.0)
    both = load_audio((RATE, np.stack([left, left], axis=1))).samples
    np.testing.assert_allclose(both, load_audio((RATE, left)).samples, atol=1e-4)
    np.testing.assert_allclose(load_audio((RATE, left / 32768)).samples, both, atol=1e-4)


def test_half_an_hour_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_wav(tmp_path / "talk.wav", np.zeros(30 * 60 * 4000, np.int16), 4000)
    monkeypatch.setattr(Resampler, "resampled", None)
    with pytest.raises(AudioError, match=r"longer than 120 seconds, the limit of a question \(it has 1,800\)"):
        load_audio(path)


def test_what_does_not_say_how_long_it_is_is_stopped_at_the_limit() -> None:
    silence = b"\xff\xf1\x50\x80\x02\x1f\xfc\x21\x17" * 2000  # frames of AAC, which has no header
    with pytest.raises(AudioError, match="longer than 10 seconds"):
        load_audio(silence, AudioLimits(max_seconds=10))


def test_too_many_bytes_are_refused(chords: Path) -> None:
    for source in (chords, chords.read_bytes(), io.BytesIO(chords.read_bytes())):
        with pytest.raises(AudioError, match="the limit of a question is 1,000"):
            load_audio(source, AudioLimits(max_bytes=1000))


@pytest.mark.parametrize(("container", "codec"), [("wav", "pcm_s16le"), ("flac", "flac"), ("mp4", "aac")])
def test_a_recording_that_is_cut_off_is_refused(container: str, codec: str, tmp_path: Path) -> None:
    path, whole = tmp_path / "cut.wav", encoded(container, codec)
    load_audio(whole)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AudioError, match="cut off"):
        load_audio(path)


def test_a_recording_from_a_pipe_which_knows_no_length_is_whole(chords: Path) -> None:
    data = chords.read_bytes()
    piped = data[:4] + b"\xff\xff\xff\x7f" + data[8:40] + b"\xff\xff\xff\x7f" + data[44:]
    assert load_audio(piped).seconds == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"RIFF", "is no recording that can be read: WAV, MP3"),
        (b"hello, is this a recording?" * 100, "is no recording that can be read"),
        (b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "is no recording that can be read"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "is no recording that can be read"),
    ],
)
def test_what_is_no_recording_is_said_to_be_none(content: bytes, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "question.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=problem):
        load_audio(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"q\.wav is not there"):
        load_audio(tmp_path / "q.wav")
    with pytest.raises(AudioError, match="is a folder"):
        load_audio(tmp_path)


def test_a_video_under_the_name_of_a_recording_is_told(tmp_path: Path) -> None:
    path = tmp_path / "question.wav"
    with av.open(str(path), "w", format="mp4") as made:
        stream = made.add_stream("mpeg4", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(5):
            made.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8))))
        made.mux(stream.encode(None))
    with pytest.raises(AudioError, match=r"is a video .* -vn"):
        load_audio(path)


@pytest.mark.parametrize(
    ("piece", "problem"),
    [
        ((0, music(0.1)), "0 samples a second"),
        ((RATE, np.zeros((2, 2, 2), np.int16)), "shape"),
        ((RATE, np.array(["a"])), "integers or floats"),
    ],
)
def test_arrays_that_are_no_samples_are_refused(piece: tuple[int, np.ndarray], problem: str) -> None:
    with pytest.raises(AudioError, match=problem):
        load_audio(piece)


def test_pieces_of_another_form_on_the_way_are_refused_and_numbers_that_are_none_are_silence() -> None:
    resampler = Resampler()
    resampler.add((RATE, music(0.5)))
    with pytest.raises(AudioError, match="changes from"):
        resampler.add((8000, music(0.5)))
    assert np.isfinite(load_audio((16_000, np.full(16_000, np.nan, np.float32))).samples).all()
