"""Frames of files, folders and streams: each once, in order, with its own time; what is broken is said."""

import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.vision.video.made_videos import COLOURS, drawn, encoded, moving_video
from vision.errors import VideoError
from vision.video.frames import FrameLimits, FrameReader, VideoSource, open_frames
from vision.video.tracks import Frame

SIZE = (64, 48)
STEPS = 40
BITS = 6


def numbered(count: int, size: tuple[int, int] = SIZE) -> Iterator[NDArray[np.uint8]]:
    """Pictures that carry their number in binary, as stripes of black and white, which any encoder leaves readable."""
    stripes = np.arange(size[0]) * BITS // size[0]
    for number in range(count):
        row = np.where(number >> stripes & 1, 235, 20).astype(np.uint8)
        yield np.broadcast_to(row[None, :, None], (size[1], size[0], 3)).copy()


def read(source: VideoSource, **options: Any) -> tuple[FrameReader, list[Frame]]:
    with open_frames(source, **options) as reader:
        return reader, list(reader)


def numbers(frames: list[Frame]) -> list[int]:
    """What the pictures carry."""
    middles = (np.arange(BITS) * 2 + 1) * SIZE[0] // (2 * BITS)
    rows = [frame.image.pixels[SIZE[1] // 2, middles].mean(axis=1) > 128 for frame in frames]
    return [int((row << np.arange(BITS)).sum()) for row in rows]


def times(frames: list[Frame]) -> list[float]:
    return [frame.time for frame in frames]


def corners(pixels: NDArray[np.uint8]) -> str:
    """The colours of the four corners, clockwise from the top left: red, blue, yellow, green."""
    shown = pixels[[8, 8, -9, -9], [8, -9, -9, 8]].astype(int)
    return "".join("RBYG"[np.abs(np.array(COLOURS[:4]) - one).sum(axis=1).argmin()] for one in shown)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encoded(tmp_path_factory.mktemp("videos") / "made.mp4", numbered(STEPS), SIZE, 25, options={"g": "10"})


B_FRAMES = {"preset": "medium", "g": "12", "bf": "3", "x264-params": "b-pyramid=2"}
OPEN_GROUPS = {"preset": "medium", "x264-params": "open-gop=1:keyint=8:bframes=3"}
HIDDEN = {"auto-alt-ref": "1", "lag-in-frames": "16", "g": "10", "b": "200k"}


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {"g": "10"}), ("a.mov", "mpeg4", {}), ("a.avi", "mpeg4", {}), ("a.flv", "libx264", {}),
        ("a.mpg", "mpeg2video", {}), ("b.mkv", "libx264", B_FRAMES), ("b.ts", "libx264", B_FRAMES),
        ("open.mp4", "libx264", OPEN_GROUPS), ("hidden.webm", "libvpx", HIDDEN),
    ],
)  # fmt: skip
def test_a_file_gives_its_frames_in_order_with_their_times_however_stored(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    path = encoded(tmp_path / name, numbered(STEPS), SIZE, codec=codec, options=options)
    reader, frames = read(path)
    assert (reader.name, reader.size, reader.rate, reader.live) == (str(path), SIZE, 25, False)
    assert reader.count == STEPS or path.suffix in (".mkv", ".ts", ".mpg", ".flv", ".webm")
    assert numbers(frames) == [frame.index for frame in frames] == list(range(STEPS))
    assert times(frames) == pytest.approx([index / 25 for index in range(STEPS)], abs=0.001)
    assert reader.notes == []


def test_each_frame_keeps_its_own_time_counted_from_the_first(tmp_path: Path) -> None:
    told = [0.0, 0.04, 0.08, 0.5, 0.54, 2.0, 2.04, 2.5]
    for name, late in (("varying.mp4", 0), ("late.mkv", 100)):
        path = encoded(tmp_path / name, numbered(len(told)), SIZE, times=[late + time for time in told])
        assert times(read(path)[1]) == pytest.approx(told, abs=0.001)
    first, *others = map(Image.fromarray, numbered(5))
    first.save(tmp_path / "made.gif", save_all=True, append_images=others, duration=200)
    _, frames = read(tmp_path / "made.gif")
    assert numbers(frames) == list(range(5)) and times(frames) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])


@pytest.mark.parametrize(
    ("rotation", "expected", "note"),
    [
        (None, "RBYG", ""), ((90.0, False, False), "BYGR", "upright"), ((-90.0, False, False), "GRBY", "upright"),
        ((180.0, False, False), "YGRB", "upright"), ((0.0, True, False), "BRGY", "upright"),
        ((0.0, False, True), "GYBR", "upright"), ((45.0, False, False), "RBYG", "slant"),
    ],
)  # fmt: skip
def test_frames_are_turned_as_the_display_matrix_says_and_left_at_a_slant(
    tmp_path: Path, rotation: tuple[float, bool, bool] | None, expected: str, note: str
) -> None:
    boxes = [(0, 0, 32, 24), (32, 0, 64, 24), (32, 24, 64, 48), (0, 24, 32, 48)]
    reader, frames = read(encoded(tmp_path / "turned.mp4", [drawn(boxes, SIZE)] * 2, SIZE, rotation=rotation))
    image = frames[0].image
    assert corners(image.pixels) == expected and image.pixels.flags.c_contiguous
    assert image.size == reader.size == (SIZE[::-1] if rotation and abs(rotation[0]) == 90 else SIZE)
    assert len(reader.notes) == bool(note) and all(note in said for said in reader.notes)


def repeated(path: Path, count: int, rate: int, size: tuple[int, int]) -> Path:
    """One encoded frame, many times."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=rate, options={"color_range": "2"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((size[1], size[0], 3), np.uint8), "rgb24")
        (encoded_frame,) = [*stream.encode(picture), *stream.encode(None)]
        content = bytes(encoded_frame)
        for number in range(count):
            packet = av.Packet(content)
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, rate), True
            packet.pts = packet.dts = number
            container.mux(packet)
    return path


def resident() -> int:
    """Bytes of memory that this process has."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096
    except OSError:
        pytest.skip("memory is measured on Linux alone")


def test_memory_does_not_grow_with_the_video(tmp_path: Path) -> None:
    count, size = 700, (192, 128)
    with open_frames(repeated(tmp_path / "long.mov", count, 1000, size)) as reader:
        frames = iter(reader)
        assert sum(1 for _ in islice(frames, 200)) == 200
        before = resident()
        assert sum(1 for _ in frames) == count - 200
        assert resident() - before < (count - 200) * size[0] * size[1] * 3 / 4


def reading_threads() -> int:
    return sum(thread.name == "read-frames" for thread in threading.enumerate())


def test_no_thread_is_left_behind(made: Path) -> None:
    before = reading_threads()
    with open_frames(made) as reader:
        next(iter(reader))
        frames = iter(reader)
        next(frames)
        assert reading_threads() == before + 1
    assert reading_threads() == before
    for _ in open_frames(made):
        break
    assert reading_threads() == before
    with pytest.raises(RuntimeError, match="stop"), open_frames(made) as reader:
        for frame in reader:
            if frame.index == 5:
                raise RuntimeError("stop")
    assert reading_threads() == before


def test_no_more_than_a_few_frames_are_decoded_ahead(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    with open_frames(made) as reader:
        real = reader._source.frames

        def counted() -> Iterator[object]:
            for frame in real():
                decoded.append(frame.index)
                yield frame

        monkeypatch.setattr(reader._source, "frames", counted)
        frames = iter(reader)
        for taken in range(1, 8):
            next(frames)
            assert len(decoded) <= taken + 3


def pictures(folder: Path, names: list[str]) -> Path:
    folder.mkdir(parents=True)
    for name, picture in zip(names, numbered(len(names)), strict=True):
        Image.fromarray(picture).save(folder / name)
    return folder


def test_images_are_frames_in_natural_order(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "frames", ["f1.png", "f2.png", "f9.png", "f10.png", "f100.png"])
    (folder / "notes.txt").write_text("no frame")
    sources: list[VideoSource] = [folder, f"{folder}/*", sorted(folder.glob("*.png"))]
    for source in sources:
        reader, frames = read(source)
        assert (reader.size, reader.rate, reader.count, reader.live) == (SIZE, 30, 5, False)
        assert numbers(frames) == list(range(5))
        assert times(frames) == pytest.approx([index / 30 for index in range(5)])


def test_a_sequence_of_the_mot_benchmarks_says_its_rate(tmp_path: Path) -> None:
    pictures(tmp_path / "seq" / "img1", ["000001.jpg", "000002.jpg"])
    (tmp_path / "seq" / "seqinfo.ini").write_text("[Sequence]\nname=seq\nframeRate=14\nseqLength=2\n")
    for source, rate, expected in (("seq/img1", None, 14), ("seq", None, 14), ("seq", 5.0, 5)):
        reader, frames = read(tmp_path / source, rate=rate)
        assert reader.rate == expected and times(frames) == [0, 1 / expected]


def test_a_broken_image_and_one_of_another_size_are_named_after_those_before_them(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "frames", ["1.png", "2.png"])
    Image.new("RGB", (10, 20)).save(folder / "2.png")
    for told in (r"2\.png has 10 x 20 pixels.* 64 x 48", r"2\.png is cut off or broken"):
        with open_frames(folder) as reader:
            frames = iter(reader)
            assert next(frames).index == 0
            with pytest.raises(VideoError, match=told):
                next(frames)
        (folder / "2.png").write_bytes((folder / "1.png").read_bytes()[:60])


@pytest.mark.parametrize(("seconds", "count"), [(0.04, 1), (0.5, 13), (99, STEPS)])
def test_the_first_seconds_alone_may_be_asked_for_and_a_file_read_again(made: Path, seconds: float, count: int) -> None:
    with open_frames(made, seconds=seconds) as reader:
        assert reader.count == count
        assert len(list(islice(reader, 1))) == 1
        assert len(list(reader)) == len(list(reader)) == count
        assert reader.notes == []


def sound_only(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def cut_before(mark: bytes, count: int, **options: str) -> Callable[[Path], object]:
    """A file that ends where a box of MP4 begins."""

    def make(path: Path) -> None:
        whole = encoded(path, numbered(count), SIZE, container_options=options).read_bytes()
        path.write_bytes(whole[: whole.index(mark) - 4])

    return make


def text(content: str) -> Callable[[Path], object]:
    """A file of text beside a video that it may name."""
    return lambda path: (encoded(path.with_name("secret.ts"), numbered(3), SIZE), path.write_text(content))


PLAYLIST = text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n")
CONCAT_SCRIPT = text("ffconcat version 1.0\nfile secret.ts\n")
SESSION = text("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
               "a=rtpmap:96 H264/90000\n")  # fmt: skip
NO_FRAMES = cut_before(b"moof", 1, movflags="empty_moov+frag_keyframe")


@pytest.mark.parametrize(
    ("name", "make", "told"),
    [
        ("a.mp4", text("no video" * 100), "is no video that can be read .*: MP4, MOV"),
        ("a.mp4", Path.touch, "is empty"), ("a.mp4", sound_only, "holds sound only"),
        ("a.mp4", NO_FRAMES, "holds no frame"), ("a.mp4", cut_before(b"moov", 20), "is cut off: its index"),
        ("a.mp4", PLAYLIST, "is a playlist"), ("a.m3u8", PLAYLIST, "is a playlist"),
        ("a.mp4", CONCAT_SCRIPT, "is a playlist"), ("a.ffconcat", CONCAT_SCRIPT, "is a playlist"),
        ("a.sdp", SESSION, "is no video that can be read"),
        ("a.jpg", lambda path: Image.new("RGB", SIZE).save(path), "is one image: a video was expected, or a folder"),
    ],
)  # fmt: skip
def test_what_is_no_video_is_refused_with_the_reason(
    tmp_path: Path, name: str, make: Callable[[Path], object], told: str
) -> None:
    make(tmp_path / name)
    with pytest.raises(VideoError, match=told):
        open_frames(tmp_path / name)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ([], "list of no images"), ("rstp://camera/1", r"addresses begin with rtsp.*did you mean rtsp://\?"),
        ("file:///etc/passwd", "addresses begin with rtsp"), ("", "holds no image"),
        ("concat:a.mp4|b.mp4", "there is no video concat:a.mp4"), ("a\0b", "cannot be read|no video"),
        ("maed.mp4", r"there is no video .*maed\.mp4; did you mean .*made\.mp4\?"),
        ("nowhere/*.png", r"No image matches nowhere/\*\.png"), (b"bytes", "cannot be read from a bytes"),
        (True, "cannot be read from a bool: give a path, a list of images, a webcam's number or an address"),
        (4096, "There is no webcam 4096"), ("4096", "There is no webcam 4096"),
    ],
)  # fmt: skip
def test_what_no_source_can_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: VideoSource, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if source == "maed.mp4":
        Path("made.mp4").touch()
    with pytest.raises(VideoError, match=told):
        open_frames(source)


def test_what_can_be_read_of_a_file_cut_off_is_given_and_the_second_noted(tmp_path: Path) -> None:
    path = encoded(tmp_path / "cut.mp4", numbered(STEPS), SIZE, 10, container_options={"movflags": "faststart"})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    reader, frames = read(path)
    assert 5 < len(frames) < STEPS
    assert numbers(frames) == [frame.index for frame in frames] == list(range(len(frames)))
    (note,) = reader.notes
    assert f"cut off or broken after {frames[-1].time:.2f} seconds" in note


def test_damaged_frames_are_left_out_with_their_indexes_and_counted(tmp_path: Path) -> None:
    path = encoded(tmp_path / "damaged.avi", numbered(STEPS), SIZE, options={"g": "8"}, codec="mpeg4")
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.pos is not None]
    for number in (10, 11, 17):
        content[places[number] : places[number] + 12] = bytes(12)
    path.write_bytes(content)
    reader, frames = read(path)
    assert [frame.index for frame in frames] != list(range(STEPS))
    assert all(frame.time == pytest.approx(frame.index / 25) for frame in frames)
    assert "damaged, and left out" in reader.notes[0]


def test_frames_that_change_their_size_are_refused(tmp_path: Path) -> None:
    """Two streams of MPEG behind each other, as broadcasts do."""
    parts = [encoded(tmp_path / f"{size[0]}.ts", numbered(5, size), size, codec="mpeg2video").read_bytes()
             for size in (SIZE, (96, 64))]  # fmt: skip
    (tmp_path / "both.ts").write_bytes(b"".join(parts))
    with pytest.raises(VideoError, match="change from 64 x 48 pixels to 96"):
        read(tmp_path / "both.ts")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"limits": FrameLimits(max_bytes=100)}, "bytes, the limit is 100"),
        ({"limits": FrameLimits(max_pixels=1000)}, "64 x 48 pixels, the limit is 1,000"),
        ({"limits": FrameLimits(max_frames=STEPS - 1)}, "more than 39 frames"),
        ({"limits": FrameLimits(max_seconds=1.5)}, "more than 1.5 seconds"),
        *(({"seconds": value}, "a number above 0 was expected") for value in (0, float("inf"))),
        *(({"rate": value}, "a number above 0 was expected") for value in (0, float("nan"))),
    ],
)
def test_a_video_beyond_a_limit_no_time_and_no_rate_are_refused_as_it_is_opened(
    made: Path, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(VideoError, match=told):
        open_frames(made, **options)


def test_a_folder_beyond_a_limit_is_refused(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "frames", ["1.png", "2.png", "3.png"])
    for limits in (FrameLimits(max_frames=2), FrameLimits(max_pixels=100), FrameLimits(max_bytes=10)):
        with pytest.raises(VideoError, match="limit"):
            open_frames(folder, limits=limits)


def test_a_header_that_says_too_little_does_not_help(tmp_path: Path) -> None:
    """MPEG program streams have no header that says how long they are."""
    path = encoded(tmp_path / "unsaid.mjpeg", numbered(STEPS), SIZE, codec="mjpeg", options={"color_range": "2"})
    with open_frames(path, limits=FrameLimits(max_frames=10)) as reader:
        frames = iter(reader)
        assert [frame.index for frame in islice(frames, 10)] == list(range(10))
        with pytest.raises(VideoError, match="more than 10 frames"):
            next(frames)


@contextmanager
def served(content: bytes, *, stalls: bool = False) -> Iterator[str]:
    """An address that sends a video's bytes, and then either ends or is silent."""
    over = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "video/mp2t")
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()
            if stalls:
                over.wait()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is written into the tests' output."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/camera"
        finally:
            over.set()
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def broadcast(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("broadcast") / "a.ts"
    return moving_video(path, [[(i, 0, i + 9, 9)] for i in range(100)]).read_bytes()


def test_a_stream_is_live_and_read_once(broadcast: bytes) -> None:
    with served(broadcast) as address, open_frames(address) as reader:
        assert (reader.live, reader.count, reader.size, reader.name) == (True, None, (160, 120), address)
        indexes = [frame.index for frame in reader]
        assert indexes[-1] == 99 and indexes == sorted(set(indexes))
        assert len(indexes) == 100 or any("left out" in note for note in reader.notes)
        with pytest.raises(VideoError, match="cannot be read a second time"):
            list(reader)


def test_of_a_stream_that_is_too_fast_the_newest_frames_are_given(broadcast: bytes) -> None:
    with served(broadcast) as address, open_frames(address) as reader:
        frames = iter(reader)
        next(frames)
        for thread in threading.enumerate():
            if thread.name == "read-frames":
                thread.join()
        assert [frame.index for frame in frames] == [98, 99]
    assert reader.notes == [
        f"{address} ended or broke off after 3.96 seconds.",
        "97 frames came faster than they could be looked at, and were left out.",
    ]


def test_a_stream_that_stalls_ends_in_an_error_after_its_frames_or_at_its_limit(broadcast: bytes) -> None:
    with served(broadcast, stalls=True) as address:
        with open_frames(address, limits=FrameLimits(stall=0.5)) as reader:
            frames = iter(reader)
            assert next(frames).index < 100
            with pytest.raises(VideoError, match=r"stalls: nothing came for 0.5 seconds"):
                list(frames)
        reader, read_frames = read(address, limits=FrameLimits(max_frames=20, stall=5))
        assert read_frames[-1].index == 19
        assert any("more than 20 frames" in note for note in reader.notes)


def test_a_stream_that_says_nothing_or_stalls_in_its_head_ends_in_an_error(broadcast: bytes) -> None:
    with served(broadcast[:400], stalls=True) as address, socket.create_server(("127.0.0.1", 0)) as silent:
        addresses = [f"{protocol}://127.0.0.1:{silent.getsockname()[1]}/live" for protocol in ("rtsp", "rtmp", "http")]
        for one in (address, *addresses):
            with pytest.raises(VideoError, match=r"stalls: nothing came for 0\.3 seconds"):
                open_frames(one, limits=FrameLimits(stall=0.3))


def test_a_camera_that_is_not_there_and_a_stream_that_names_files_of_this_machine_end_in_an_error(made: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(VideoError, match="cannot be read as a stream: Connection refused"):
        open_frames(f"http://127.0.0.1:{port}/live")
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{made}\n#EXT-X-ENDLIST\n".encode()
    with served(playlist) as address, pytest.raises(VideoError, match="cannot be read as a stream"):
        open_frames(address)
