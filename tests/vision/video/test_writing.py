"""Videos are written whole or not at all, with each frame at its time."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from skylark.errors import ResultsError
from tests.vision.video.made_videos import COLOURS, drawn
from vision.errors import VideoError
from vision.video.drawing import VideoWriter
from vision.video.frames import open_frames

SIZE = (64, 48)
BOX = [(0, 0, 32, 24)]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    pictures = [drawn([(step, 8, step + 24, 40)], SIZE) for step in range(0, 40, 2)]
    with VideoWriter(path, SIZE, 12.5) as writer:
        for picture in pictures:
            writer.write(picture)
        assert not path.exists()
    with open_frames(path) as reader:
        frames = list(reader)
    assert (reader.size, reader.rate, reader.count) == (SIZE, 12.5, 20)
    assert [frame.time for frame in frames] == pytest.approx([index / 12.5 for index in range(20)])
    for frame, picture in zip(frames, pictures, strict=True):
        assert np.abs(frame.image.pixels.astype(int) - picture).mean() < 6
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]


def test_colours_stay_what_they_are(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", SIZE, 25) as writer:
        for colour in COLOURS:
            writer.write(np.full((SIZE[1], SIZE[0], 3), colour, np.uint8))
    with open_frames(tmp_path / "out.mp4") as reader:
        for frame, colour in zip(reader, COLOURS, strict=True):
            assert np.abs(frame.image.pixels.astype(int) - colour).max() <= 6


@pytest.mark.parametrize(
    ("times", "played"),
    [
        ((5.0, 5.04, 6.5, 6.54, 9.0), (0, 0.04, 1.5, 1.54, 4)),
        ((0.0, 1.0, 1.0, 0.5, 2.0), (0, 1, 1, 1, 2)),  # two frames at once are both kept, in order
    ],
)
def test_frames_play_at_their_times(tmp_path: Path, times: tuple[float, ...], played: tuple[float, ...]) -> None:
    with VideoWriter(tmp_path / "out.mp4", SIZE, 25) as writer:
        for time in times:
            writer.write(drawn(BOX, SIZE), time)
    with open_frames(tmp_path / "out.mp4") as reader:
        assert [frame.time for frame in reader] == pytest.approx(played, abs=1e-4)


def test_an_odd_side_is_lengthened_by_one_pixel(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", (63, 47), 25) as writer:
        writer.write(np.full((47, 63, 3), COLOURS[0], np.uint8))
    with open_frames(tmp_path / "out.mp4") as reader:
        image = next(iter(reader)).image
    assert image.size == (64, 48)
    assert np.abs(image.pixels.astype(int) - COLOURS[0]).max() <= 6


def test_it_is_what_browsers_play_and_starts_before_it_is_all_there(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with VideoWriter(path, SIZE, 25) as writer:
        writer.write(drawn(BOX, SIZE))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_after_an_error_the_old_file_stays_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="stop"), VideoWriter(path, SIZE, 25) as writer:
        writer.write(drawn(BOX, SIZE))
        raise RuntimeError("stop")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]


def test_a_video_without_frames_is_none(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="one frame at least"), VideoWriter(tmp_path / "out.mp4", SIZE, 25):
        pass
    assert not list(tmp_path.iterdir())


def test_a_frame_of_another_size_and_another_ending_are_refused(tmp_path: Path) -> None:
    told = r"10 x 8 pixels cannot go into .* 64 x 48"
    with pytest.raises(VideoError, match=told), VideoWriter(tmp_path / "out.mp4", SIZE, 25) as writer:
        writer.write(np.zeros((8, 10, 3), np.uint8))
    with pytest.raises(VideoError, match=r"ends in \.avi: videos are written as \.mp4"):
        VideoWriter(tmp_path / "out.avi", SIZE, 25)


def test_where_nothing_can_be_written_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="there is no folder"), VideoWriter(tmp_path / "no" / "out.mp4", SIZE, 25):
        pass
    (tmp_path / "out.mp4.part").mkdir()
    with pytest.raises(ResultsError, match="cannot write"), VideoWriter(tmp_path / "out.mp4", SIZE, 25):
        pass
