"""Photographs to try the page on, its own and those of packages that are installed anyway, each with an instruction.

All are free to use: the portrait (US Navy) is in the public domain, the motorcycle is CC0, and those that come with the
page are CC BY 2.0, which asks for a credit.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

from app.image.overlay import jpeg_uri

ICON_SIDE = 160


@dataclass(frozen=True)
class Photograph:
    """A photograph that comes with the page."""

    name: str
    shows: str
    page: str

    @property
    def place(self) -> tuple[str, str]:
        """The package that carries it, and its path inside."""
        return "app", f"static/photographs/{self.name}.jpg"

    @property
    def path(self) -> Path:
        """Where it lies."""
        path = packaged(*self.place)
        assert path is not None, f"the page's own photograph {self.name} is missing"
        return path


LICENCE = ("CC BY 2.0", "https://creativecommons.org/licenses/by/2.0/")
"""Of the photographs that come with the page: its name and its address."""
PHOTOGRAPHS = {
    photograph.name: photograph
    for photograph in (
        Photograph("street", "A man leans on a post beside a car", "https://www.flickr.com/photo.gne?id=5056705611"),
        Photograph("cat", "A cat on a couch with a remote control", "https://www.flickr.com/photo.gne?id=8250132140"),
        Photograph("bus", "A school bus on an empty square", "https://www.flickr.com/photo.gne?id=124140140"),
    )
}
"""Those that come with the page, by name."""


@dataclass(frozen=True)
class ImageExample:
    """A photograph with what is asked of it."""

    title: str
    package: str
    file: str
    instruction: str

    @property
    def key(self) -> str:
        """What links call it by."""
        return self.title.lower()

    @property
    def path(self) -> Path | None:
        """Where the photograph lies, or None where its package is not installed."""
        return packaged(self.package, self.file)

    @property
    def icon(self) -> Any:
        """The photograph as a button shows it."""
        assert self.path is not None
        with Image.open(self.path) as photo:
            return icon_of(photo.convert("RGB"))


def packaged(package: str, file: str) -> Path | None:
    """Where a file of a package lies, or None where the package is not installed."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]) / file
    return path if path.is_file() else None


def icon_of(picture: Image.Image) -> Any:
    """A picture as a button's icon takes it, small, in Gradio's words for a file that has an address already: the page
    needs no request for it, and no file has to be kept. The picture itself is shrunk."""
    uri = jpeg_uri(picture, ICON_SIDE, 80)
    return {"path": uri, "url": uri}


IMAGE_EXAMPLES: tuple[ImageExample, ...] = (
    ImageExample("Portrait", "matplotlib", "mpl-data/sample_data/grace_hopper.jpg", "the person with a tie"),
    ImageExample("Motorcycle", "skimage", "data/motorcycle_left.png", "Outline the vehicles with 24 points"),
    ImageExample("Cat", *PHOTOGRAPHS["cat"].place, "Find every animal; boxes as JSON with keys label and bbox"),
    ImageExample(
        "Bus",
        *PHOTOGRAPHS["bus"].place,
        'For each object in the image that is a member of the class set {"bus":<c0>, "tie":<c1>}, output a tuple '
        "with the class label and the coordinates of a polygon with 16 points that encloses the object. The "
        "coordinates should be within range 512. The output format should be (c, x1, y1, ...).",
    ),
    ImageExample("Street", *PHOTOGRAPHS["street"].place, "Cars and people that are at least 30% certain, as YOLO"),
)


def available() -> tuple[ImageExample, ...]:
    """The examples whose photographs are there."""
    return tuple(example for example in IMAGE_EXAMPLES if example.path is not None)
