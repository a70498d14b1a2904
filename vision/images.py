"""Images come from strangers: they are bounded in bytes and pixels before anything is decoded, and turned upright.

Whatever the source, a loaded image is 8-bit RGB in the orientation in which a person sees the picture, and every box of
this room is in its pixels. An incomplete picture is refused: a detector would find nothing in its grey half, and say so
with full confidence.

Pillow reads headers and every format; OpenCV decodes plain JPEGs, a third faster into an array and pixel for pixel the
same.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeGuard

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from vision.errors import ImageError

ImageSource = str | Path | bytes | BinaryIO | Image.Image | NDArray[np.uint8]
"""A path, the bytes of a file, an open binary file such as `io.BytesIO`, a Pillow image, or an RGB array of shape
(height, width, 3)."""

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 64_000_000

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")
"""Only these of Pillow's formats are tried: some others start programs (EPS) or are no photographs."""

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".jp2", ".ppm", ".pgm", ".pbm")

GIF = ".gif"
"""The suffix of the one format that is an image or a video, by how many frames it has."""

_READABLE = "JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF, JPEG 2000 or PPM"
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]+://|data:)", re.IGNORECASE)
_UPRIGHT = 1


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """An upright 8-bit RGB image.

    Attributes:
        pixels: shape (height, width, 3), uint8, RGB, read-only.
        name: the file's path as given, or a word for what it came from.
        notes: what was done to it beyond decoding (turned, first of several frames, 16 bits scaled to 8).
        size: (width, height) in pixels, from the shape.
    """

    pixels: NDArray[np.uint8]
    name: str = "image"
    notes: tuple[str, ...] = ()
    size: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", (int(self.pixels.shape[1]), int(self.pixels.shape[0])))

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.size[0]

    @property
    def height(self) -> int:
        """Pixels down."""
        return self.size[1]


def load_image(
    source: ImageSource | LoadedImage, *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS
) -> LoadedImage:
    """Read an image from anywhere, upright and in 8-bit RGB.

    Transparent parts are laid on white, of an animation the first frame is taken, 16-bit grey is scaled to 8 bits.
    An array that already is contiguous 8-bit RGB is not copied: don't write to it afterwards.

    Args:
        source: a path, the bytes of a file, an open binary file (read from its start where it can go back), a Pillow
            image, an array, or what this function returned, which is given back as it is. An array is uint8 RGB of
            shape (height, width, 3); grey of shape (height, width) in uint8, uint16 or bool, and RGBA of shape (height,
            width, 4) are taken too.
        max_bytes: the most bytes that a file may have.
        max_pixels: the most pixels that an image may have, known from its header before it is decoded.

    Raises:
        ImageError: there is no such file, it is no image, it is cut off or broken, it has too many bytes or pixels,
            or the array is of another kind.
    """
    if isinstance(source, LoadedImage):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source, max_pixels)
    if isinstance(source, Image.Image):
        return _from_pillow(source, str(getattr(source, "filename", "") or "image"), max_pixels)
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source), "image", max_bytes, max_pixels)
    if isinstance(source, str | Path):
        return _from_bytes(_read(source, max_bytes), str(source), max_bytes, max_pixels)
    if is_file(source):
        named = getattr(source, "name", None)  # a number where the file has no path
        name = named if isinstance(named, str) and named else "image"
        return _from_bytes(_read_open(source, name, max_bytes), name, max_bytes, max_pixels)
    raise ImageError(
        f"An image cannot be read from a {type(source).__name__}: give a path, the bytes of a file, an open binary "
        "file, a Pillow image or an array."
    )


def is_file(source: object) -> TypeGuard[BinaryIO]:
    """Whether it is an open file, which may be read once only; not so a Pillow image."""
    return not isinstance(source, Image.Image) and callable(getattr(source, "read", None))


def is_moving(path: Path) -> bool:
    """Whether a file is a GIF of several frames, which is a video; False of one that cannot be read."""
    if path.suffix.lower() != GIF:
        return False
    try:
        with Image.open(path, formats=("GIF",)) as image:
            return bool(getattr(image, "is_animated", False))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def list_images(folder: str | Path) -> list[Path]:
    """The image files of a folder by their suffix, in order of name, without its subfolders and hidden files.

    Raises:
        ImageError: it is no folder, or there is no image in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        what = "a file" if folder.exists() else "not there"
        raise ImageError(f"{folder} is {what}: a folder of images was expected.")
    shown = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    images = sorted(path for path in shown if path.is_file())
    if not images:
        raise ImageError(f"{folder} holds no image: files that end in {', '.join(SUFFIXES)} were expected.")
    return images


def left_out(folder: Path) -> tuple[int, int]:
    """How many subfolders, and how many files that are no images by their suffix, `list_images` passes over."""
    shown = [path for path in folder.iterdir() if not path.name.startswith(".")]
    folders = sum(path.is_dir() for path in shown)
    return folders, sum(path.is_file() and path.suffix.lower() not in SUFFIXES for path in shown)


def _read(source: str | Path, max_bytes: int) -> bytes:
    """The bytes of a regular file, no more of them than are allowed."""
    if isinstance(source, str) and _URL.match(source):
        raise ImageError(f"{_shown(source)} is an address, and none is fetched here: download it first.")
    path = Path(source)
    try:
        if path.is_dir():
            raise ImageError(f"{path} is a folder: one image was expected; list_images gives a folder's images.")
        if not path.exists():
            raise ImageError(f"{_shown(str(path))} is not there: the path of an image was expected.")
        if not path.is_file():
            raise ImageError(f"{path} is no regular file: the path of an image was expected.")
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
            size = max(len(data), path.stat().st_size)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{_shown(str(path))} cannot be read: {reason}.") from error
    _check_bytes(size, str(path), max_bytes)
    return data


def _read_open(file: BinaryIO, name: str, max_bytes: int) -> bytes:
    """The bytes of an open file, no more of them than are allowed and one."""
    try:
        if file.seekable():
            file.seek(0)
        data = file.read(max_bytes + 1)
    except (OSError, ValueError, AttributeError) as error:  # a closed file is a ValueError
        raise ImageError(f"{_shown(name)} cannot be read: {error}.") from error
    if not isinstance(data, bytes):
        raise ImageError(f'{_shown(name)} is open as text: open it with mode "rb".')
    return data


def _from_bytes(data: bytes, name: str, max_bytes: int, max_pixels: int) -> LoadedImage:
    _check_bytes(len(data), name, max_bytes)
    if not data:
        raise ImageError(f"{name} is empty: an image was expected.")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        said = f"{name} has more than {max_pixels:,} pixels, which is the most that is read: make it smaller."
        raise ImageError(said) from error
    except Exception as error:  # Pillow's readers raise anything on a broken header
        if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1"):
            raise ImageError(f"{name} is a HEIC image, which cannot be read: save it as JPEG or PNG.") from error
        raise ImageError(f"{name} is no image that can be read: {_READABLE} was expected.") from error
    if image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L"):
        return _from_jpeg(data, image, name, max_pixels)
    return _from_pillow(image, name, max_pixels)


def _from_jpeg(data: bytes, header: Image.Image, name: str, max_pixels: int) -> LoadedImage:
    """Decode a plain JPEG straight into an array; the header has been read already."""
    _check_pixels(header.width, header.height, name, max_pixels)
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise _broken(name) from error
    if pixels is None:
        raise _broken(name)
    orientation = _orientation(header)
    notes = () if orientation == _UPRIGHT else ("The image was turned upright, as its EXIF data says.",)
    return _made(_turned(np.asarray(pixels, np.uint8), orientation), name, notes)


def _from_pillow(image: Image.Image, name: str, max_pixels: int) -> LoadedImage:
    _check_pixels(image.width, image.height, name, max_pixels)
    notes: list[str] = []
    try:
        if getattr(image, "is_animated", False) and image.format != "MPO" and image.tell() == 0:
            notes.append("The image has several frames: the first one was taken.")
        stored = _orientation(image)
        image.load()
        if _orientation(image) != _UPRIGHT:  # Pillow turns TIFF by itself as it loads it
            image = ImageOps.exif_transpose(image)
        if stored != _UPRIGHT:
            notes.append("The image was turned upright, as its EXIF data says.")
        if image.mode in ("1", "RGB"):
            return _made(np.asarray(image.convert("RGB")), name, notes)
        if image.mode.startswith("I") or image.mode == "F":
            return _from_grey(np.asarray(image), name, notes)
        if image.has_transparency_data:
            return _made(_on_white(np.asarray(image.convert("RGBA")), notes), name, notes)
        return _made(np.asarray(image.convert("RGB")), name, notes)
    except ImageError:
        raise
    except Exception as error:  # Pillow's decoders raise anything on broken data
        raise _broken(name) from error


def _from_array(array: NDArray[np.generic], max_pixels: int) -> LoadedImage:
    name = "array"
    expected = "uint8 RGB of shape (height, width, 3) was expected"
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        hint = "; move its channels to the end" if array.ndim == 3 and array.shape[0] in (1, 3, 4) else ""
        raise ImageError(f"An array of shape {array.shape} is no image: {expected}{hint}.")
    height, width = array.shape[:2]
    if not (height and width):
        raise ImageError(f"An array of shape {array.shape} has no pixel: {expected}.")
    _check_pixels(width, height, name, max_pixels)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim == 2 and array.dtype in (np.uint16, np.bool_):
        return _from_grey(array, name, [])
    if array.dtype != np.uint8:
        hint = "; multiply values from 0 to 1 by 255 and round" if np.issubdtype(array.dtype, np.floating) else ""
        raise ImageError(f"An array of {array.dtype} is no image: {expected}{hint}.")
    notes: list[str] = []
    pixels = np.asarray(array, np.uint8)
    if pixels.ndim == 2:
        return _from_grey(pixels, name, notes)
    return _made(_on_white(pixels, notes) if pixels.shape[2] == 4 else pixels, name, notes)


def _from_grey(values: NDArray[np.generic], name: str, notes: list[str]) -> LoadedImage:
    """Grey of 1, 8 or 16 bits as RGB.

    Cameras and scanners store 10 or 12 bits in 16: where no value needs more than 12, the range is that of the bits in
    use, else such images would be all but black.
    """
    if values.dtype == np.bool_:
        grey = values.astype(np.uint8) * np.uint8(255)
    elif values.dtype == np.uint8:
        grey = values.astype(np.uint8, copy=False)
    else:
        low, high = values.min(), values.max()
        if not np.issubdtype(values.dtype, np.integer) or low < 0 or high > 65535:
            raise ImageError(
                f"{name} has {values.dtype} values from {low:g} to {high:g}: at most 16 bits of grey were expected; "
                "scale them to 0 to 255."
            )
        top = 2 ** max(8, int(high).bit_length()) - 1 if high < 4096 else 65535
        grey = cv2.convertScaleAbs(values.astype(np.uint16), alpha=255 / top).astype(np.uint8, copy=False)
        notes.append(f"Grey values from 0 to {top:,} were scaled to 8 bits.")
    return _made(np.repeat(grey[:, :, None], 3, axis=2), name, notes)


def _on_white(rgba: NDArray[np.uint8], notes: list[str]) -> NDArray[np.uint8]:
    """Shape (height, width, 4) to (height, width, 3): what lies behind a transparent part is a white page."""
    if int(rgba[:, :, 3].min()) == 255:
        return np.ascontiguousarray(rgba[:, :, :3])
    page = Image.new("RGBA", (rgba.shape[1], rgba.shape[0]), "white")
    page.alpha_composite(Image.fromarray(np.ascontiguousarray(rgba)))
    notes.append("Transparent parts were laid on white.")
    return np.asarray(page.convert("RGB"))


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1 to 8; 1 where there is none that can be read."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, _UPRIGHT)
    except Exception:  # broken EXIF data doesn't make the picture unreadable
        return _UPRIGHT
    return value if isinstance(value, int) and 1 <= value <= 8 else _UPRIGHT


def _turned(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The upright view of pixels stored in an EXIF orientation (Exif 2.3, tag 0x0112)."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _made(pixels: NDArray[np.uint8], name: str, notes: list[str] | tuple[str, ...]) -> LoadedImage:
    pixels = np.ascontiguousarray(pixels).view()
    pixels.flags.writeable = False
    return LoadedImage(pixels, name, tuple(notes))


def _check_bytes(size: int, name: str, max_bytes: int) -> None:
    if size > max_bytes:
        raise ImageError(f"{name} has {size:,} bytes, the limit is {max_bytes:,}: make it smaller.")


def _check_pixels(width: int, height: int, name: str, max_pixels: int) -> None:
    if width * height > max_pixels:
        pixels = f"{width:,} x {height:,} pixels"
        raise ImageError(f"{name} has {pixels}, the limit is {max_pixels:,} in all: make it smaller.")


def _broken(name: str) -> ImageError:
    return ImageError(f"{name} is cut off or broken: a whole image was expected; load or save it anew.")


def _shown(text: str) -> str:
    return text if len(text) <= 120 else text[:117] + "..."
