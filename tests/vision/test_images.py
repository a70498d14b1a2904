import io
import os
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageOps

from vision.errors import ImageError
from vision.images import ImageSource, list_images, load_image

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "JPEG2000", "PPM")


def smooth(width: int = 48, height: int = 32) -> np.ndarray:
    """Soft colours that JPEG keeps within a few values; no two quarters are alike, so a wrong turn shows."""
    y, x = np.mgrid[0:height, 0:width]
    channels = [255 * x / width, 255 * y / height, 255 * (x + y) / (width + height)]
    return np.stack(channels, axis=2).astype(np.uint8)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


@pytest.fixture
def picture() -> Image.Image:
    return Image.fromarray(smooth())


@pytest.fixture
def path(picture: Image.Image, tmp_path: Path) -> Path:
    picture.save(tmp_path / "a.png")
    return tmp_path / "a.png"


def refused(source: ImageSource, *words: str, **options: int) -> None:
    with pytest.raises(ImageError) as caught:
        load_image(source, **options)
    for word in words:
        assert word in str(caught.value)


class TestSources:
    def test_every_kind_of_source_gives_the_same_pixels_again_and_again(self, picture: Image.Image, path: Path) -> None:
        sources: list[ImageSource] = [path, str(path), path.read_bytes(), picture, smooth(), Image.open(path)]
        with path.open("rb") as file:
            sources += [file, io.BytesIO(path.read_bytes())]
            for source in sources * 2:
                assert np.array_equal(load_image(source).pixels, smooth())
            assert load_image(file).name == load_image(str(path)).name == str(path)
        assert load_image(io.BytesIO(path.read_bytes())).name == "image"

    def test_an_open_file_that_is_no_image_is_refused(self, path: Path) -> None:
        closed = io.BytesIO(path.read_bytes())
        closed.close()
        refused(closed, "image cannot be read", "closed")
        refused(io.StringIO("text"), "rb")  # type: ignore[arg-type]
        refused(io.BytesIO(), "image is empty")
        refused(io.BytesIO(path.read_bytes()), "limit is 10", max_bytes=10)

    def test_an_rgb_array_is_not_copied_and_cannot_be_written_to_and_what_was_loaded_is_given_back(self) -> None:
        array = smooth(48, 32)
        loaded = load_image(array)
        assert load_image(loaded) is loaded
        assert (loaded.width, loaded.height, loaded.size) == (48, 32, (48, 32))
        assert np.shares_memory(loaded.pixels, array)
        assert not loaded.pixels.flags.writeable and array.flags.writeable
        assert load_image(smooth()[:, ::-1]).pixels.flags.c_contiguous

    @pytest.mark.parametrize("form", FORMATS)
    def test_formats_and_files_of_them_that_are_cut_off(self, picture: Image.Image, form: str) -> None:
        options = {"quality": 95} if form in ("JPEG", "WEBP", "AVIF") else {}
        loaded = load_image(encoded(picture, form, **options))
        assert np.abs(loaded.pixels.astype(int) - smooth()).mean() < 4
        rng = np.random.default_rng(0)
        data = encoded(Image.fromarray(rng.integers(0, 256, (90, 120, 3), np.uint8)), form)
        for share in (0.02, 0.3, 0.6, 0.9, 0.99):
            refused(data[: int(len(data) * share)], "image")

    def test_a_jpeg_is_pixel_for_pixel_what_pillow_reads_and_none_that_lacks_its_last_bytes(self) -> None:
        for mode, progressive, subsampling in (("RGB", False, 0), ("RGB", True, 2), ("L", True, 0)):
            whole = Image.fromarray(smooth(101, 67)).convert(mode)
            data = encoded(whole, "JPEG", progressive=progressive, subsampling=subsampling)
            assert np.array_equal(load_image(data).pixels, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
            for cut in range(1, 40):
                refused(data[:-cut], "cut off or broken")

    def test_what_is_no_image_is_refused_by_what_it_is(self, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").touch()
        (tmp_path / "a.png").write_text("This is no picture at all.\n" * 20)
        os.mkfifo(tmp_path / "pipe.jpg")  # which is not waited for
        postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n"  # which is not run
        rows: list[tuple[Any, ...]] = [
            *((tmp_path / "none.jpg", "none.jpg is not there"), (tmp_path, "is a folder", "list_images")),
            *((tmp_path / "a.jpg", "is empty"), (b"", "is empty"), (tmp_path / "a.png", "a.png is no image", "PNG")),
            *((tmp_path / "pipe.jpg", "no regular file"), ("a" * 5000, "cannot be read"), ("a\0b.png", "is not there")),
            *((postscript, "no image"), (b"\0\0\0\x18ftypheic" + bytes(60), "HEIC"), ([[1, 2]], "a list", "path")),
            *((address, "download it first") for address in ("https://example.org/a.jpg", "http://127.0.0.1/a")),
            *((address, "download it first") for address in ("file:///etc/passwd", "data:image/png;base64,")),
        ]
        for source, *words in rows:
            refused(source, *words)


class TestBrokenImages:
    @pytest.mark.slow
    @given(
        form=st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"]),
        changes=st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), min_size=1, max_size=12),
    )
    def test_changed_bytes_give_an_image_or_a_clear_error(self, form: str, changes: list[tuple[int, int]]) -> None:
        data = bytearray(encoded(Image.fromarray(smooth()), form))
        for position, value in changes:
            data[position % len(data)] = value
        try:
            loaded = load_image(bytes(data), max_pixels=10_000)
        except ImageError:
            return
        assert loaded.pixels.dtype == np.uint8 and loaded.pixels.shape == (loaded.height, loaded.width, 3)
        assert loaded.width * loaded.height <= 10_000

    @pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
    def test_broken_exif_does_not_make_a_picture_unreadable(self, picture: Image.Image) -> None:
        data = encoded(picture, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\x12\x01" * 9)
        assert load_image(data).size == picture.size


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size, with one compressed row of nothing in it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


class TestBounds:
    def test_bytes_of_which_too_many_are_not_read(self, path: Path, tmp_path: Path) -> None:
        refused(path, "bytes", "limit is 100", max_bytes=100)
        refused(path.read_bytes(), "bytes", "limit is 100", max_bytes=100)
        load_image(path, max_bytes=path.stat().st_size)
        with (tmp_path / "a.jpg").open("wb") as file:
            file.truncate(10**10)
        tracemalloc.start()
        refused(tmp_path / "a.jpg", "10,000,000,000 bytes", max_bytes=1000)
        assert tracemalloc.get_traced_memory()[1] < 2**20
        tracemalloc.stop()

    def test_pixels_of_every_kind_of_source(self, picture: Image.Image) -> None:
        sources: list[ImageSource] = [smooth(), picture, encoded(picture, "JPEG"), encoded(picture, "PNG")]
        for source in sources:
            refused(source, "48 x 32 pixels", "limit is 1,535", "make it smaller", max_pixels=1535)
            load_image(source, max_pixels=1536)

    def test_a_bomb_is_refused_before_it_is_decoded(self, picture: Image.Image) -> None:
        jpeg = bytearray(encoded(picture, "JPEG"))
        frame = jpeg.index(b"\xff\xc0")
        jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 20_000, 20_000)
        tracemalloc.start()
        for data in (*(png_header(side, side) for side in (9_000, 20_000, 60_000)), bytes(jpeg)):
            refused(data, "pixels", "make it smaller")
        assert tracemalloc.get_traced_memory()[1] < 2**22
        tracemalloc.stop()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_view_is_upright(form: str) -> None:
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        options = {"quality": 95} if form in ("JPEG", "WEBP") else {}
        data = encoded(Image.fromarray(smooth()), form, exif=exif, **options)
        upright = Image.fromarray(smooth())
        upright.getexif()[ExifTags.Base.Orientation] = orientation
        wanted = np.asarray(ImageOps.exif_transpose(upright))
        for loaded in (load_image(data), load_image(Image.open(io.BytesIO(data)))):
            assert loaded.pixels.shape == wanted.shape, orientation
            assert np.abs(loaded.pixels.astype(int) - wanted).mean() < 4
            assert any("turned upright" in note for note in loaded.notes) == (orientation > 1)


class TestModes:
    def test_an_animation_gives_its_first_frame(self, picture: Image.Image) -> None:
        frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "blue", "green")]
        loaded = load_image(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
        assert loaded.pixels[5, 5].tolist() == [255, 0, 0]
        assert any("first" in note for note in loaded.notes) and load_image(encoded(picture, "GIF")).notes == ()

    def test_16_bits_become_8_and_floating_point_files_are_refused(self) -> None:
        values = np.array([[0, 257, 32896, 65535]], np.uint16)
        image = Image.fromarray(values)
        sources: tuple[Any, ...] = (values, encoded(image, "PNG"), encoded(image, "TIFF"))
        for source in sources:
            loaded = load_image(source)
            assert loaded.pixels[0, :, 0].tolist() == [0, 1, 128, 255]
            assert np.ptp(loaded.pixels, axis=2).max() == 0
            assert any("8 bits" in note for note in loaded.notes)
        # 12 bits in 16 are not all but black.
        assert load_image(np.array([[0, 2048, 4095]], np.uint16)).pixels[0, :, 0].tolist() == [0, 128, 255]
        rgb = np.stack([np.full((4, 4), value, np.uint16) for value in (65535, 32896, 0)], axis=2)
        data = cv2.imencode(".png", rgb[:, :, ::-1])[1].tobytes()
        assert load_image(data).pixels[0, 0].tolist() == [255, 128, 0]
        refused(encoded(Image.fromarray(np.array([[0.0, 0.5]], np.float32)), "TIFF"), "float32", "16 bits")

    def test_cmyk_a_palette_and_one_bit(self) -> None:
        cmyk = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
        for form in ("JPEG", "TIFF"):
            red, green, blue = load_image(encoded(cmyk, form)).pixels[4, 4].tolist()
            assert red > 245 and green < 10 and blue < 10
        image = Image.new("RGB", (8, 8), (10, 200, 30)).convert("P", palette=Image.Palette.ADAPTIVE)
        assert load_image(encoded(image, "PNG")).pixels[0, 0].tolist() == [10, 200, 30]
        bits = np.array([[True, False]])
        for source in (encoded(Image.fromarray(bits), "PNG"), bits):
            assert load_image(source).pixels[0, :, 1].tolist() == [255, 0]

    def test_transparent_parts_of_arrays_and_palettes_lie_on_white_and_an_opaque_alpha_changes_nothing(self) -> None:
        rgba = np.zeros((1, 3, 4), np.uint8)
        rgba[0, :, 3] = [0, 128, 255]
        for source in (rgba, encoded(Image.fromarray(rgba), "PNG"), Image.fromarray(rgba)):
            loaded = load_image(source)
            assert loaded.pixels[0, :, 0].tolist() == [255, 127, 0]
            assert any("white" in note for note in loaded.notes)
        image = Image.new("P", (2, 1))
        image.putpalette([0, 0, 0, 9, 9, 9])
        image.putpixel((1, 0), 1)
        loaded = load_image(encoded(image, "PNG", transparency=0))
        assert loaded.pixels[0].tolist() == [[255] * 3, [9] * 3]
        rgba = np.dstack([smooth(), np.full(smooth().shape[:2], 255, np.uint8)])
        loaded = load_image(rgba)
        assert np.array_equal(loaded.pixels, smooth()) and loaded.notes == ()


def test_arrays_of_grey_are_taken_and_others_refused_with_what_is_expected() -> None:
    grey = np.array([[1, 2], [3, 4]], np.uint8)
    for array in (grey, grey[:, :, None]):
        assert np.array_equal(load_image(array).pixels, np.dstack([grey] * 3))
    for kind in (np.float32, np.float64):
        refused(np.zeros((4, 4, 3), kind), "uint8 RGB", "(height, width, 3)", "multiply", "255")
    refused(np.zeros((4, 4, 3), np.int64), "int64", "uint8 RGB")
    refused(np.zeros((3, 40, 40), np.uint8), "(3, 40, 40)", "channels to the end")
    for shape in ((0, 4, 3), (4, 0, 3), (4,), (1, 4, 4, 3), (4, 4, 2)):
        refused(np.zeros(shape, np.uint8), str(shape), "uint8 RGB")


def test_images_of_a_folder_in_order_of_name(picture: Image.Image, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("no image")
    (tmp_path / "folder.png").mkdir()
    for path, words in ((tmp_path / "none", "not there"), (notes, "a file"), (tmp_path, "no image")):
        with pytest.raises(ImageError, match=words):
            list_images(path)
    for name in ("b.JPG", "a.png", "c.webp", ".hidden.png"):
        picture.save(tmp_path / name)
    assert [path.name for path in list_images(tmp_path)] == ["a.png", "b.JPG", "c.webp"]
