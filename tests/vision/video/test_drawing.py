"""What is drawn on frames, in the colours of ids and with counts; videos are written whole or not at all, in time."""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from skylark.errors import ResultsError
from tests.vision.video.made_videos import COLOURS, drawn
from vision.detections.detections import Detections
from vision.detections.drawing import Colour
from vision.errors import ArgumentError, VideoError
from vision.images import load_image
from vision.video.counting import Line, Zone
from vision.video.drawing import PLACES, TRACE, Annotator, VideoWriter, track_colour
from vision.video.frames import FrameReader, open_frames
from vision.video.tracks import Frame, TrackedFrame

SIZE = (320, 240)
GREY = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)

Box = tuple[float, float, float, float]


def tracked(index: int, boxes: Sequence[Box], ids: Sequence[int], time: float | None = None) -> TrackedFrame:
    found = Detections(
        SIZE, np.array(boxes, np.float32).reshape(-1, 4), ("car",) * len(boxes), np.full(len(boxes), 0.9, np.float32),
        track_ids=np.array(ids, np.int64),
    )  # fmt: skip
    return TrackedFrame(Frame(index, index / 10 if time is None else time, load_image(GREY)), found)


def has(pixels: NDArray[np.uint8], colour: Colour) -> NDArray[np.bool_]:
    """Which pixels are all but of a colour."""
    return np.asarray(np.abs(pixels.astype(int) - colour).max(axis=2) < 12)


class TestAnnotator:
    def test_a_box_has_the_colour_of_its_id_in_every_frame_and_a_label(self) -> None:
        annotator = Annotator(SIZE)
        for index in range(3):
            frame = tracked(index, [(40, 40, 120, 120), (200, 100, 280, 200)], [3, 8])
            pixels = annotator.draw(frame)
            assert has(pixels, track_colour(3))[80, 38:43].any()
            assert has(pixels, track_colour(8))[150, 198:203].any()
            assert not has(pixels, track_colour(8))[80, 38:43].any()
            assert has(pixels, track_colour(8))[85:97, 200:230].mean() > 0.3
            assert (frame.frame.image.pixels == 128).all(), "the frame itself is not drawn on"
            assert pixels.shape == GREY.shape and pixels.dtype == np.uint8 and pixels.flags.writeable

    def test_ids_that_follow_each_other_differ_in_colour(self) -> None:
        first = {track_colour(track_id) for track_id in range(1, 17)}
        assert len(first) == 16 and track_colour(100_000) in first

    def test_the_way_of_the_last_moments_is_drawn_and_forgotten(self) -> None:
        annotator = Annotator(SIZE)
        for index in range(6):
            pixels = annotator.draw(tracked(index, [(10 + 40 * index, 100, 50 + 40 * index, 140)], [1]))
        assert has(pixels, track_colour(1))[119:122, 40:200].any(axis=0).all()
        later = annotator.draw(tracked(6, [(210, 100, 250, 140)], [1], time=0.5 + TRACE + 0.1))
        assert not has(later, track_colour(1))[119:122, 40:200].any()
        for index in range(30, 90):
            annotator.draw(tracked(index, [(100, 100, 140, 140)], [index]))
        assert len(annotator._ways) <= TRACE * 10 + 1

    def test_lines_and_zones_are_drawn_with_their_counts(self) -> None:
        line, zone = Line("gate", (0.5, 0.1), (0.5, 0.9)), Zone("yard", ((20, 20), (120, 20), (120, 120), (20, 120)))
        counts: list[dict[str, int]] = [{}, {"gate": 3}, {"gate": 4}]
        plain, counted, other = (Annotator(SIZE, [line], [zone]).draw(tracked(0, [], []), count) for count in counts)
        assert has(plain, PLACES)[60:200, 158:163].any(axis=1).all()
        assert has(plain, PLACES)[118:123, 30:110].any(axis=0).all()
        changed = (plain != counted).any(axis=2)
        assert changed[10:40, 130:200].any() and not changed[:, :100].any() and (other != counted).any()

    def test_lines_and_labels_stay_inside_the_picture(self) -> None:
        zone = Zone("a zone with a long name", ((300, 220), (320, 220), (320, 240)))
        annotator = Annotator(SIZE, [Line("top", (0, 0), (10, 0))], [zone])
        pixels = annotator.draw(tracked(0, [(300, 0, 320, 20)], [1]), {"top": 12345})
        assert has(pixels, PLACES)[225:240, 200:].any() and has(pixels, PLACES)[:12, :30].any()
        with pytest.raises(ArgumentError, match="outside the picture"):
            Annotator(SIZE, [Line("gate", (400, 0), (400, 100))])


SMALL = (64, 48)
PICTURE = drawn([(0, 0, 32, 24)], SMALL)


def filled(colour: Colour, size: tuple[int, int] = SMALL) -> NDArray[np.uint8]:
    return np.full((size[1], size[0], 3), colour, np.uint8)


class TestVideoWriter:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "out.mp4"

    @staticmethod
    def written(
        path: Path, pictures: Sequence[NDArray[np.uint8]], rate: float = 25, times: Sequence[float] = ()
    ) -> tuple[FrameReader, list[Frame]]:
        """The frames that are read again, after a check of their colours."""
        height, width = pictures[0].shape[:2]
        with VideoWriter(path, (width, height), rate) as writer:
            for place, picture in enumerate(pictures):
                writer.write(picture, times[place] if times else None)
            assert not path.exists()
        assert [file.name for file in path.parent.iterdir()] == [path.name]
        with open_frames(path) as reader:
            frames = list(reader)
        for frame, picture in zip(frames, pictures, strict=True):
            assert np.abs(frame.image.pixels[:height, :width].astype(int) - picture).mean() < 6
        return reader, frames

    def test_what_is_written_is_read_again(self, path: Path) -> None:
        pictures = [drawn([(step, 8, step + 24, 40)], SMALL) for step in range(0, 40, 2)]
        reader, frames = self.written(path, pictures, 12.5)
        assert (reader.size, reader.rate, reader.count) == (SMALL, 12.5, 20)
        assert [frame.time for frame in frames] == pytest.approx([index / 12.5 for index in range(20)])

    def test_colours_stay_what_they_are_and_an_odd_side_is_lengthened_by_one_pixel(self, path: Path) -> None:
        for size in (SMALL, (63, 47)):
            for frame, colour in zip(self.written(path, [filled(c, size) for c in COLOURS])[1], COLOURS, strict=True):
                assert np.abs(frame.image.pixels.astype(int) - colour).max() <= 6
                assert frame.image.size == SMALL
            path.unlink()

    @pytest.mark.parametrize(
        ("times", "played"),
        [
            ((5.0, 5.04, 6.5, 6.54, 9.0), (0, 0.04, 1.5, 1.54, 4)),
            ((0.0, 1.0, 1.0, 0.5, 2.0), (0, 1, 1, 1, 2)),  # two frames at once are both kept, in order
        ],
    )
    def test_frames_play_at_their_times(self, path: Path, times: Sequence[float], played: Sequence[float]) -> None:
        _, frames = self.written(path, [PICTURE] * len(times), times=times)
        assert [frame.time for frame in frames] == pytest.approx(played, abs=1e-4)

    def test_it_is_what_browsers_play_and_starts_before_it_is_all_there(self, path: Path) -> None:
        self.written(path, [PICTURE])
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        content = path.read_bytes()
        assert content.index(b"moov") < content.index(b"mdat")

    def test_after_an_error_the_old_file_stays_and_nothing_is_left(self, path: Path) -> None:
        path.write_bytes(b"old")
        told = r"10 x 8 pixels cannot go into .* 64 x 48"
        with pytest.raises(VideoError, match=told), VideoWriter(path, SMALL, 25) as writer:
            writer.write(PICTURE)
            writer.write(np.zeros((8, 10, 3), np.uint8))
        with pytest.raises(VideoError, match="one frame at least"), VideoWriter(path, SMALL, 25):
            pass
        assert path.read_bytes() == b"old" and [file.name for file in path.parent.iterdir()] == ["out.mp4"]

    def test_where_nothing_can_be_written_it_says_so(self, path: Path) -> None:
        with pytest.raises(VideoError, match=r"ends in \.avi: videos are written as \.mp4"):
            VideoWriter(path.with_suffix(".avi"), SMALL, 25)
        folder = path.parent / "no"
        with pytest.raises(ResultsError, match="there is no folder"), VideoWriter(folder / "out.mp4", SMALL, 25):
            pass
        path.with_name("out.mp4.part").mkdir()
        with pytest.raises(ResultsError, match="cannot write"), VideoWriter(path, SMALL, 25):
            pass
