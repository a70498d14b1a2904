"""Detections shown, described, saved, cropped, and handed to and from `supervision`.

The description is written by rule: no language model adds anything that was not found. Pictures for notebooks are
made smaller, since a notebook keeps all that it shows in its file. `supervision`'s detections have masks instead of
outlines and no class set: class ids count in ours, and names travel under "class_name", where its annotators look for
them.
"""

from __future__ import annotations

import base64
import io
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from skylark.errors import SkylarkError
from skylark.installation import require
from skylark.text import Element, element, html, table
from vision.detections.boxes import Rings, ring_of_box
from vision.detections.detections import Detections
from vision.detections.drawing import draw, image_of
from vision.detections.polygons import mask_from_rings, rings_from_mask
from vision.errors import DetectionsError
from vision.images import ImageSource, LoadedImage

if TYPE_CHECKING:
    import pandas as pd
    import supervision
    from inflect import engine


def sentence(detections: Detections) -> str:
    """A sentence such as "2 people, a dog and 3 cars.", the most frequent first."""
    if not len(detections):
        return "Nothing that this model knows was found."
    words = _with_articles(detections.class_names)
    return f"{words[0].upper()}{words[1:]}."


def counted_names(counts: Iterable[tuple[str, int]]) -> str:
    """Counts such as "1 dog, 3 people and 0 trucks", in the order given."""
    return listed([f"{count:,} {name if count == 1 else _plural(name)}" for name, count in counts])


def in_other_colours(names: Sequence[str], colours: Sequence[Sequence[str]]) -> str:
    """What is there of a class, where a colour was asked for that none of it has."""
    seen = [", ".join(words) or "unsure" for words in colours[:MOST_SEEN]]
    seen += ["and so on"] if len(colours) > MOST_SEEN else []
    whose = "its colour is" if len(names) == 1 else "their colours are"
    return f"{there_is(names)}; {whose} seen as {'; '.join(seen)}."


def there_is(names: Sequence[str], after: bool = False) -> str:
    """ "There is a bus", "There are 2 people and a dog"; in small letters after other words."""
    return f"{'t' if after else 'T'}here {'is' if len(names) == 1 else 'are'} {_with_articles(names)}"


def whether_narrower(names: Sequence[str], words: Sequence[str]) -> str:
    """What can't be told of what is there: "whether any of them is a bride"; "" without objects or words."""
    if not names or not words:
        return ""
    return f"whether {'it' if len(names) == 1 else 'any of them'} is {listed([*map(with_article, words)], 'or')}"


def narrower_note(names: Sequence[str], words: Sequence[str], answers: bool) -> str:
    """The same as a sentence.

    Args:
        answers: whether it stands for a number or a truth value, so that it says what there is.
    """
    untold = whether_narrower(names, words)
    return f"{there_is(names)}; {untold} I can't tell." if answers else f"I can't tell {untold}."


def perhaps_too(names: Sequence[str], doubted: Sequence[str]) -> str:
    """What may be there beside what is: "2 more", "another", "a cat and 2 dogs"."""
    if set(names) == set(doubted) and len(set(names)) == 1:
        return "another" if len(doubted) == 1 else f"{len(doubted)} more"
    return _with_articles(doubted)


def _with_articles(names: Iterable[str]) -> str:
    """Names with their numbers in words, the most frequent first."""
    counts = sorted(Counter(names).items(), key=lambda item: (-item[1], item[0]))
    return listed([with_article(name) if count == 1 else f"{count} {_plural(name)}" for name, count in counts])


def listed(parts: Sequence[str], last: str = "and") -> str:
    """ "a dog, 2 cars and a bus"; `last` is the word before the last part."""
    return f" {last} ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


# Names of classes that are plurals or masses already.
_PAIRS = frozenset({"skis", "scissors"})
_MASSES = frozenset({"broccoli"})

MOST_SEEN = 3
"""Objects whose colours a sentence tells."""


@cache
def _english() -> engine:
    import inflect  # takes a second to import, which detection shouldn't

    return inflect.engine()


def _plural(name: str) -> str:
    if name in _PAIRS:
        return f"pairs of {name}"
    # Words of an instruction may be plurals already; "bus" and "glass" pass for such.
    plural = not name.endswith(("us", "ss")) and _english().singular_noun(name)
    return name if plural or name in _MASSES else str(_english().plural_noun(name) or name)


def with_article(name: str) -> str:
    """ "a dog", "an umbrella", "a pair of skis"."""
    if name in _PAIRS:
        return f"a pair of {name}"
    return name if name in _MASSES else str(_english().a(name))


MAX_DENSE_BYTES = 2**28
"""Above this, masks are handed over run-length encoded: a hundred objects on 64 million pixels would take 6 GB."""


def to_supervision(detections: Detections) -> supervision.Detections:
    """The same objects as `supervision.Detections`.

    Returns:
        `class_id` counts in `classes`; `data["class_name"]` has the names; outlines become masks, a
        `supervision.CompactMask` where plain ones would take more than 256 MiB.
    """
    import supervision

    return supervision.Detections(
        xyxy=detections.xyxy.copy(),
        mask=_masks(detections),
        confidence=None if detections.scores is None else detections.scores.copy(),
        class_id=detections.class_ids,
        tracker_id=None if detections.track_ids is None else detections.track_ids.copy(),
        data={"class_name": np.array(detections.class_names, dtype=np.str_)},
    )


def from_supervision(
    detections: supervision.Detections, image_size: tuple[int, int], classes: Sequence[str] = ()
) -> Detections:
    """The objects of a `supervision.Detections`, clipped to the image.

    Args:
        detections: with names under `data["class_name"]`, or with class ids.
        image_size: (width, height) in pixels.
        classes: the class set that class ids count in; the names that occur where empty.

    Raises:
        DetectionsError: there are neither names nor class ids with a class set, or an id outside it.
    """
    xyxy = np.clip(np.asarray(detections.xyxy, np.float32), 0, np.tile(np.array(image_size, np.float32), 2))
    masks = detections.mask
    outlines: tuple[Rings, ...] | None = None
    if masks is not None:
        outlines = tuple(
            rings_from_mask(np.asarray(masks[i], np.bool_)) or (ring_of_box(xyxy[i]),) for i in range(len(xyxy))
        )
    return Detections(
        image_size=image_size,
        xyxy=xyxy,
        class_names=_names(detections, classes),
        scores=None if detections.confidence is None else np.asarray(detections.confidence, np.float32),
        classes=tuple(classes),
        polygons=outlines,
        polygon_source=None if outlines is None else "model",
        track_ids=None if detections.tracker_id is None else np.asarray(detections.tracker_id, np.int64),
    )


def _names(detections: supervision.Detections, classes: Sequence[str]) -> tuple[str, ...]:
    named = detections.data.get("class_name")
    if named is not None:
        return tuple(str(name) for name in named)
    if len(detections) == 0:
        return ()
    if detections.class_id is None or not classes:
        raise DetectionsError(
            'no class names: expected data["class_name"], or class_id and the class set it counts in, classes=(...)'
        )
    ids = [int(number) for number in detections.class_id]
    for number in ids:
        if not 0 <= number < len(classes):
            raise DetectionsError(f"class_id {number}: expected 0 to {len(classes) - 1}, a place in the class set")
    return tuple(classes[number] for number in ids)


def _masks(detections: Detections) -> Any:
    if detections.polygons is None:
        return None
    width, height = detections.image_size
    if len(detections) * width * height <= MAX_DENSE_BYTES:
        masks = [mask_from_rings(rings, detections.image_size) for rings in detections.polygons]
        return np.array(masks, np.bool_).reshape(-1, height, width)
    from supervision.detection.compact_mask import CompactMask

    return CompactMask.merge(
        [
            CompactMask.from_dense(mask_from_rings(rings, detections.image_size)[None], bounds, (height, width))
            for rings in detections.polygons
            for bounds in [np.concatenate([np.concatenate(rings).min(axis=0), np.concatenate(rings).max(axis=0)])[None]]
        ]
    )


MOST_ROWS = 20
"""Objects in a notebook's table."""

LONGEST_SIDE = 1024
"""Pixels of a picture in HTML, a JPEG."""

LONGEST_PNG_SIDE = 640
"""Pixels of a picture where a front end shows no HTML."""

QUALITY = 85

MOST_CLASSES = 5
"""Classes that a short form counts one by one."""


def show(detections: Detections, image: ImageSource | LoadedImage | None = None) -> None:
    """See `Detections.show`."""
    picture = draw(detections, image)
    python = sys.modules.get("IPython")  # which a notebook's process has loaded
    if python is not None and hasattr(python.get_ipython(), "kernel"):
        from IPython.display import display

        display(picture)  # type: ignore[no-untyped-call]
    else:
        picture.show()


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


def short(detections: Detections) -> str:
    """See `Detections.__repr__`."""
    value = "" if detections.value is None else f", value={detections.value!r}"
    return (
        f"Detections(image_size={detections.image_size}, objects={counted(detections)}{value}{_unsought(detections)})"
    )


def _unsought(detections: Detections) -> str:
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


def detections_html(detections: Detections) -> str:
    """See `Detections._repr_html_`."""
    return html(*shown(detections, "" if detections.value is None else detections.text))


def detections_png(detections: Detections) -> bytes | None:
    """See `Detections._repr_png_`."""
    return _encoded(detections, LONGEST_PNG_SIDE, "PNG")


def shown(detections: Detections, says: str, further: Mapping[str, Sequence[str]] | None = None) -> Iterator[Element]:
    """What a notebook shows of detections.

    Args:
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
