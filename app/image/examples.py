"""Photographs to try the image page on, from packages that are installed anyway, each with an instruction.

All are free to use: NASA and US Navy photographs are in the public domain, the others are CC0.
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
class ImageExample:
    """A photograph with what is asked of it.

    Attributes:
        title: what the example shows.
        package: the package that carries the photograph.
        file: its path inside the package.
        instruction: what is typed.
    """

    title: str
    package: str
    file: str
    instruction: str

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
    ImageExample("Cat", "skimage", "data/chelsea.png", "Find every animal; boxes as JSON with keys label and bbox"),
    ImageExample(
        "Astronaut",
        "skimage",
        "data/astronaut.png",
        'For each object in the image that is a member of the class set {"person":<c0>, "tie":<c1>}, output a tuple '
        "with the class label and the coordinates of a polygon with 16 points that encloses the object. The "
        "coordinates should be within range 512. The output format should be (c, x1, y1, ...).",
    ),
    ImageExample("Coffee", "skimage", "data/coffee.png", "Cups and tables that are at least 30% certain, as YOLO"),
)


def available() -> tuple[ImageExample, ...]:
    """The examples whose photographs are there."""
    return tuple(example for example in IMAGE_EXAMPLES if example.path is not None)
