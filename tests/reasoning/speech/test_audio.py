"""Recordings are bounded, and what is none, is cut off or too long is said to be so."""

import io
from pathlib import Path

import av
import numpy as np
import pytest

from reasoning.speech.audio import SAMPLE_RATE, AudioError, AudioLimits, Resampler, load_audio
from tests.reasoning.speech.recordings import RATE, music, write_wav


def encoded(container: str, codec: str, path: Path) -> bytes:
    """Two seconds of chords in another form."""
    options = {"movflags": "faststart"} if container == "mp4" else {}
    with av.open(str(path), "w", format=container, options=options) as made:
        stream = made.add_stream(codec, rate=RATE if container == "mp4" else 48_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(music(2.0)[None, :], format="s16", layout="mono")
        frame.sample_rate = RATE
        for packet in stream.encode(frame):
            made.mux(packet)
        made.mux(stream.encode(None))
    return path.read_bytes()


@pytest.fixture
def chords(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "chords.wav", music(2.0))


@pytest.mark.parametrize(("container", "codec"), [("mp3", "libmp3lame"), ("flac", "flac"), ("webm", "libopus")])
def test_the_forms_of_recorders_sound_the_same(container: str, codec: str, chords: Path) -> None:
    wav, other = load_audio(chords).samples, load_audio(encoded(container, codec, chords.with_name("other"))).samples
    assert other.dtype == np.float32 and abs(len(other) - len(wav)) < 0.1 * SAMPLE_RATE
    count = min(len(wav), len(other))
    spectra = [np.abs(np.fft.rfft(samples[:count])) for samples in (wav, other)]
    assert np.corrcoef(np.stack(spectra))[0, 1] > 0.9


def test_a_path_bytes_an_open_file_a_pipe_and_samples_are_heard_alike(chords: Path) -> None:
    expected, data, samples = load_audio(chords).samples, chords.read_bytes(), music(2.0)
    piped = data[:4] + b"\xff\xff\xff\x7f" + data[8:40] + b"\xff\xff\xff\x7f" + data[44:]  # which knows no length
    both = np.stack([samples, samples], axis=1)
    with chords.open("rb") as file:
        for source in (data, piped, file, (RATE, samples), (RATE, both), (RATE, samples / 32768)):
            np.testing.assert_allclose(load_audio(source).samples, expected, atol=1e-4)


def test_pieces_are_heard_as_the_whole_is() -> None:
    whole = load_audio((RATE, music(2.0))).samples
    resampler = Resampler()
    pieces = [resampler.add((RATE, piece)) for piece in np.array_split(music(2.0), 7)]
    np.testing.assert_allclose(np.concatenate([*pieces, resampler.end()]), whole, atol=1e-4)


def test_half_an_hour_is_refused_before_it_is_decoded_and_too_many_bytes_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chords: Path
) -> None:
    silence = b"\xff\xf1\x50\x80\x02\x1f\xfc\x21\x17" * 2000  # frames of AAC, which do not say how long they are
    with pytest.raises(AudioError, match="longer than 10 seconds"):
        load_audio(silence, AudioLimits(max_seconds=10))
    path = write_wav(tmp_path / "talk.wav", np.zeros(30 * 60 * 4000, np.int16), 4000)
    monkeypatch.setattr(Resampler, "resampled", None)
    with pytest.raises(AudioError, match=r"longer than 120 seconds, the limit of a question \(it has 1,800\)"):
        load_audio(path)
    for source in (chords, chords.read_bytes(), io.BytesIO(chords.read_bytes())):
        with pytest.raises(AudioError, match="the limit of a question is 1,000"):
            load_audio(source, AudioLimits(max_bytes=1000))


@pytest.mark.parametrize(("container", "codec"), [("wav", "pcm_s16le"), ("flac", "flac"), ("mp4", "aac")])
def test_a_recording_that_is_cut_off_is_refused(container: str, codec: str, tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    whole = encoded(container, codec, path)
    load_audio(whole)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AudioError, match="cut off"):
        load_audio(path)


def test_what_is_no_recording_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "question.wav"
    for content, problem in (
        (b"", "is empty"),
        (b"RIFF", "is no recording that can be read: WAV, MP3"),
        (b"hello, is this a recording?" * 100, "is no recording that can be read"),
        (b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "is no recording that can be read"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "is no recording that can be read"),
    ):
        path.write_bytes(content)
        with pytest.raises(AudioError, match=problem):
            load_audio(path)
    for source, problem in (
        (tmp_path / "q.wav", r"q\.wav is not there"),
        (tmp_path, "is a folder"),
        ((0, music(0.1)), "0 samples a second"),
        ((RATE, np.zeros((2, 2, 2), np.int16)), "shape"),
        ((RATE, np.array(["a"])), "integers or floats"),
    ):
        with pytest.raises(AudioError, match=problem):
            load_audio(source)


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


def test_pieces_of_another_form_on_the_way_are_refused_and_numbers_that_are_none_are_silence() -> None:
    resampler = Resampler()
    resampler.add((RATE, music(0.5)))
    with pytest.raises(AudioError, match="changes from"):
        resampler.add((8000, music(0.5)))
    assert np.isfinite(load_audio((16_000, np.full(16_000, np.nan, np.float32))).samples).all()
