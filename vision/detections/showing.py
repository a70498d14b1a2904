"""Detections as a notebook, a person or a training set wants them: shown, saved, cut out, as a frame.

Pictures for notebooks are made smaller: a notebook keeps all that it shows in its file.
"""

from __future__ import annotations

import base64
import io
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from kg_data.errors import SkylarkError
from kg_data.installation import require
from kg_data.markup import Element, element, html, table
from kg_data.supplied import supplies
from vision.detections.detections import Detections
from vision.detections.drawing import draw, image_of
from vision.errors import DetectionsError
from vision.images.loading import ImageSource, LoadedImage

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 20
"""Objects in a notebook's table."""

LONGEST_SIDE = 1024
"""Pixels of a picture in HTML, a JPEG."""

LONGEST_PNG_SIDE = 640
"""Pixels of a picture where a front end shows no HTML."""

QUALITY = 85

MOST_CLASSES = 5
"""Classes that a short form counts one by one."""


@supplies(Detections.show)
def show(detections: Detections, image: ImageSource | LoadedImage | None = None) -> None:
    """See `Detections.show`."""
    picture = draw(detections, image)
    if _in_notebook():
        from IPython.display import display

        display(picture)  # type: ignore[no-untyped-call]
    else:
        picture.show()


def _in_notebook() -> bool:
    """Whether this process is a notebook's, which has loaded IPython."""
    python = sys.modules.get("IPython")
    return python is not None and hasattr(python.get_ipython(), "kernel")


@supplies(Detections.save)
def save(detections: Detections, path: str | Path, image: ImageSource | LoadedImage | None = None) -> None:
    """See `Detections.save`."""
    picture, path = draw(detections, image), Path(path)
    try:
        picture.save(path)
    except (ValueError, KeyError) as error:
        raise DetectionsError(
            f'"{path.name}" names no form of pictures: a name that ends in .png, .jpg or .webp was expected; '
            "to_json, to_coco, to_yolo and to_voc write the objects themselves"
        ) from error
    except OSError as error:
        raise DetectionsError(f"{path} cannot be written: {error.strerror or error}") from error


@supplies(Detections.crops)
def crops(
    detections: Detections, image: ImageSource | LoadedImage | None = None, margin: float = 0.0
) -> list[Image.Image]:
    """See `Detections.crops`."""
    if not margin >= 0:
        raise DetectionsError(f"the margin is {margin}: expected a share of the box's sides, 0 or more")
    loaded = image_of(detections, image)
    return [_cut(loaded, box, margin) for box in detections.xyxy.astype(np.float64)]


def _cut(image: LoadedImage, box: np.ndarray[Any, np.dtype[np.float64]], margin: float) -> Image.Image:
    """The pixels that a box touches, at least one, with a margin where the image has it."""
    around = margin * (box[2:] - box[:2])
    left, top = np.clip(np.floor(box[:2] - around), 0, np.array(image.size) - 1).astype(int).tolist()
    right, bottom = np.clip(np.ceil(box[2:] + around), (left + 1, top + 1), image.size).astype(int).tolist()
    return Image.fromarray(image.pixels[top:bottom, left:right])


@supplies(Detections.to_pandas)
def to_pandas(detections: Detections) -> pd.DataFrame:
    """See `Detections.to_pandas`."""
    require("A frame", "pandas")
    import pandas as pd

    columns: dict[str, Any] = {
        "class_name": list(detections.class_names),
        "model_class": list(detections.model_classes),
        "score": None if detections.scores is None else detections.scores,
    }
    columns |= {name: detections.xyxy[:, at] for at, name in enumerate(("x1", "y1", "x2", "y2"))}
    if detections.track_ids is not None:
        columns["track_id"] = detections.track_ids
    return pd.DataFrame(columns)


@supplies(Detections.__repr__)
def short(detections: Detections) -> str:
    """See `Detections.__repr__`."""
    value = "" if detections.value is None else f", value={detections.value!r}"
    return (
        f"Detections(image_size={detections.image_size}, objects={counted(detections)}{value}{_unsought(detections)})"
    )


def _unsought(detections: Detections) -> str:
    """What of the instruction could not be looked for, where there is such."""
    task = detections.task
    if task is None or (task.understood and not task.undetectable):
        return ""
    if not task.understood:
        return ", understood=False"
    words = [unknown.word for unknown in task.undetectable]
    rest = f" and {len(words) - MOST_CLASSES:,} more" if len(words) > MOST_CLASSES else ""
    return f", no class for {words[:MOST_CLASSES]}{rest}"


def counted(detections: Detections) -> str:
    """How many objects there are of each class, the most frequent first, on a line."""
    counts = Counter(detections.class_names).most_common()
    rest = f" and {len(counts) - MOST_CLASSES:,} more classes" if len(counts) > MOST_CLASSES else ""
    return f"{dict(counts[:MOST_CLASSES])}{rest}"


@supplies(Detections._repr_html_)
def detections_html(detections: Detections) -> str:
    """See `Detections._repr_html_`."""
    return html(*shown(detections, "" if detections.value is None else detections.text))


@supplies(Detections._repr_png_)
def detections_png(detections: Detections) -> bytes | None:
    """See `Detections._repr_png_`."""
    return _encoded(detections, LONGEST_PNG_SIDE, "PNG")


def shown(detections: Detections, says: str, further: Mapping[str, Sequence[str]] | None = None) -> Iterator[Element]:
    """What a notebook shows of detections.

    Args:
        detections: the objects.
        says: an answer in words that stands above them, "" for none.
        further: columns of the table behind those of the detections: their titles with a text for each object.
    """
    if says:
        yield element("p", element("strong", says))
    if (picture := _encoded(detections, LONGEST_SIDE, "JPEG", quality=QUALITY)) is not None:
        data = f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
        yield element("img", src=data, alt=f"The image with {len(detections)} objects marked", style="max-width: 100%")
    if len(detections):
        columns = {"class": list(detections.class_names[:MOST_ROWS])}
        if detections.scores is not None:
            columns["score"] = [f"{score:.2f}" for score in detections.scores[:MOST_ROWS].tolist()]
        for at, name in enumerate(("x1", "y1", "x2", "y2")):
            columns[name] = [f"{value:.0f}" for value in detections.xyxy[:MOST_ROWS, at].tolist()]
        columns |= {title: list(texts[:MOST_ROWS]) for title, texts in (further or {}).items()}
        yield table([*columns], zip(*columns.values(), strict=True))
    else:
        yield element("p", "No objects.")
    if (rest := len(detections) - MOST_ROWS) > 0:
        yield element("p", f"and {rest:,} more")
    yield from (element("p", note) for note in detections.notes)


def _encoded(detections: Detections, side: int, form: str, **options: int) -> bytes | None:
    """The picture as a file of at most so many pixels a side; None where the image is not known or gone."""
    if detections.source is None:
        return None
    try:
        picture = draw(detections)
    except SkylarkError:  # the file was moved since, say; what was found is shown all the same
        return None
    picture.thumbnail((side, side))
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()
