"""COCO's and Pascal VOC's annotations.

COCO (Lin et al. 2014, arXiv 1405.0312; https://cocodataset.org/#format-data): as a list, `to_coco` uses COCO's own
category ids, which its evaluation needs. As a text it is a data set of its own, with the image's size and the user's
classes as its categories, so that nothing but the text is needed to read it.

Pascal VOC (Everingham et al. 2010, doi 10.1007/s11263-009-0275-4): pixels count from 1 and both corners name pixels
that belong to the object, so `xmin` is 1 more than our x1, and `xmax` is our x2. Two elements are not in the
standard: `polygon`, as supervision and Roboflow write it, and `score`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]
from numpy.typing import NDArray

from vision.classes.lexicon import COCO_CATEGORY_IDS, COCO_SUPERCATEGORIES
from vision.detections.boxes import Rings
from vision.detections.detections import Detections, shortest
from vision.detections.formats.layout import Grid
from vision.detections.formats.lines import lines_of, numbers_of, parsed, written
from vision.detections.formats.records import (
    Labels,
    Place,
    Record,
    assembled,
    checked_score,
    finite,
    number,
    one_ring,
    quoted,
    written_scores,
)
from vision.detections.polygons import rings_from_mask
from vision.errors import FormatError
from vision.task import Geometry, OutputFormat

_IMAGE_ID = 1


def to_annotations(
    detections: Detections, image_id: int = 1, category_ids: Mapping[str, int] | None = None, first_id: int = 1
) -> list[dict[str, Any]]:
    """One annotation an object; with a score it is a result as well, which COCO's evaluation takes as it is.

    Args:
        detections: n objects.
        image_id: the image's id in the data set.
        category_ids: class name, or class of the model, to category id. Where None: COCO's own ids, 1 to 90, if all
            classes of the model that the instruction could have found are COCO's, whether found in this image or not,
            so that every image gets the same ids; else the place in the class set from 1.
        first_id: id of the first annotation; at least 1, since COCO's tools take 0 for no match.

    Returns:
        n dicts with `id`, `image_id`, `category_id`, `bbox` (x, y, width, height in pixels), `area`, `iscrowd`, and
        `score` and `segmentation` (rings x1, y1, x2, y2, ...) where there are any. The area is the outline's, else
        the box's.

    Raises:
        FormatError: a class has no id in `category_ids`.
    """
    ids = [_given_id(detections, i, category_ids) for i in range(len(detections))] if category_ids is not None else None
    if ids is None and all(name in COCO_CATEGORY_IDS for name in _possible(detections)):
        ids = [COCO_CATEGORY_IDS[name] for name in detections.model_classes]
    elif ids is None:
        ids = (detections.class_ids + 1).tolist()
    annotations = []
    for i, detection in enumerate(detections):
        corners = detection.xyxy.astype(np.float64)
        width, height = (corners[2:] - corners[:2]).round(4).tolist()
        annotation: dict[str, Any] = {
            "id": first_id + i,
            "image_id": image_id,
            "category_id": ids[i],
            "bbox": [shortest(detection.xyxy[0]), shortest(detection.xyxy[1]), width, height],
            "area": round(width * height if detection.polygon is None else _area(detection.polygon), 4),
            "iscrowd": 0,
        }
        if detection.polygon is not None:
            annotation["segmentation"] = [[shortest(value) for value in ring.ravel()] for ring in detection.polygon]
        if detections.scores is not None:
            annotation["score"] = shortest(detections.scores[i])
        annotations.append(annotation)
    return annotations


def from_annotations(
    annotations: Sequence[Mapping[str, Any]],
    image_size: tuple[int, int],
    categories: Mapping[int, str] | None = None,
    classes: Sequence[str] = (),
) -> Detections:
    """The annotations or results of one image.

    Args:
        annotations: dicts as `to_annotations` gives them, or as an instances file holds them; run-length masks become
            outlines.
        image_size: (width, height) in pixels.
        categories: category id to class name; COCO's own where None, or the class set counted from 1 where that is
            given and not COCO's.
        classes: the class set; the categories that occur where empty.

    Raises:
        FormatError: an annotation lacks something or lies outside the image, or they are of several images.
    """
    if categories is None:
        categories = {number: name for name, number in _class_ids(classes or list(COCO_CATEGORY_IDS)).items()}
    images = {str(item.get("image_id")) for item in annotations if isinstance(item, Mapping)}
    if len(images) > 1:
        raise FormatError(f"annotations of {len(images)} images: expected those of one")
    records = [_record(item, image_size, categories, Place("annotation", i + 1)) for i, item in enumerate(annotations)]
    if any(record.rings is None for record in records):
        records = [replace(record, rings=None) for record in records]
    return assembled(records, image_size, classes, OutputFormat("coco"))


def write(detections: Detections, grid: Grid) -> str:
    """A data set of one image: `images`, `categories`, `annotations`."""
    width, height = detections.image_size
    ids = _class_ids(detections.classes)
    image = {"id": _IMAGE_ID, "width": width, "height": height, "file_name": detections.file_name}
    categories: list[dict[str, Any]] = [{"id": ids[name], "name": name} for name in detections.classes]
    for category in categories:
        if supercategory := COCO_SUPERCATEGORIES.get(category["name"]):
            category["supercategory"] = supercategory
    outlines = detections.polygons if grid.output.geometry == "polygon" else None
    segmentations = grid.outline_numbers(detections.xyxy, outlines) if outlines is not None else []
    scores = written_scores(detections, grid.output.score)
    objects = []
    for i, bbox in enumerate(grid.box_numbers(detections.xyxy)):
        annotation: dict[str, Any] = {"id": i + 1, "image_id": _IMAGE_ID}
        annotation["category_id"] = ids[detections.class_names[i]]
        annotation["bbox"] = bbox
        annotation["area"] = round(bbox[2] * bbox[3] if outlines is None else _area(outlines[i]), 2)
        if outlines is not None:
            annotation["segmentation"] = segmentations[i]
        annotation["iscrowd"] = 0
        if scores[i] is not None:
            annotation["score"] = scores[i]
        objects.append(quoted(annotation))
    return (
        f'{{"images": [{quoted(image)}],\n"categories": {lines_of(list(map(quoted, categories)))},\n'
        f'"annotations": {lines_of(objects)}}}'
    )


def read(text: str, image_size: tuple[int, int], output: OutputFormat | None, classes: Sequence[str]) -> Detections:
    """The objects of a data set of one image, or of a list of annotations or results of one image.

    Args:
        text: JSON.
        image_size: (width, height) in pixels.
        output: what is read of each; None for outlines and scores where all have them.
        classes: the class set; the data set's categories where empty.

    Raises:
        FormatError: it is neither, or about an image of another size.
    """
    document = parsed(text)
    categories = None
    if isinstance(document, dict):
        document, categories = _of_data_set(document, image_size)
        classes = classes or tuple(dict.fromkeys(categories.values()))
    if not isinstance(document, list):
        raise FormatError(f"expected a COCO data set or a list of annotations, found {type(document).__name__}")
    detections = from_annotations(document, image_size, categories, classes)
    if output is None:
        geometry: Geometry = "box" if detections.polygons is None else "polygon"
        output = OutputFormat("coco", geometry, score=detections.scores is not None)
    if output.geometry == "polygon" and detections.polygons is None and len(detections):
        raise FormatError("expected a segmentation for every object, found objects without one")
    return replace(
        detections,
        output=output,
        polygons=detections.polygons if output.geometry == "polygon" else None,
        scores=detections.scores if output.score else None,
    )


def _possible(detections: Detections) -> Sequence[str]:
    """The model's classes that any image could have shown under the same instruction."""
    targets = detections.task.targets if detections.task is not None else None
    if targets is not None:
        return [*detections.model_classes, *(name for target in targets for name in target.classes)]
    models = dict(zip(detections.class_names, detections.model_classes, strict=True))
    return [*detections.model_classes, *(name for name in detections.classes if name not in models)]


def _given_id(detections: Detections, i: int, ids: Mapping[str, int]) -> int:
    names = detections.class_names[i], detections.model_classes[i]
    for name in names:
        if name in ids:
            return int(ids[name])
    raise FormatError(f"no category id for {' or '.join(map(repr, dict.fromkeys(names)))} in category_ids")


def _class_ids(classes: Sequence[str]) -> dict[str, int]:
    """Category id of each class: COCO's own where all are COCO's, else their place from 1."""
    if all(name in COCO_CATEGORY_IDS for name in classes):
        return {name: COCO_CATEGORY_IDS[name] for name in classes}
    return {name: i + 1 for i, name in enumerate(classes)}


def _of_data_set(document: dict[str, Any], image_size: tuple[int, int]) -> tuple[Any, dict[int, str]]:
    """Annotations and category names of a data set, after a look at whether it is about this image."""
    lists = [document.get(key, []) for key in ("images", "categories", "annotations")]
    if not all(isinstance(part, list) and all(isinstance(item, dict) for item in part) for part in lists):
        raise FormatError("expected lists of objects under images, categories and annotations")
    images, categories, annotations = lists
    if "annotations" not in document:
        raise FormatError(f"expected a COCO data set with annotations, found the keys {', '.join(document)[:80]}")
    if len(images) > 1:
        raise FormatError(f"a data set of {len(images)} images: expected one; give its annotations to from_coco")
    for image in images:
        size = image.get("width", image_size[0]), image.get("height", image_size[1])
        if size != tuple(image_size):
            raise FormatError(f"annotations of an image of {size[0]} x {size[1]} pixels: expected {image_size}")
    names = {}
    for i, category in enumerate(categories):
        place = Place("category", i + 1)
        if not isinstance(category.get("name"), str):
            raise place.wrong("an id and a name", category)
        names[_whole(category.get("id"), place)] = category["name"]
    return annotations, names


def _record(item: object, image_size: tuple[int, int], names: Mapping[int, str], place: Place) -> Record:
    if not isinstance(item, Mapping) or "category_id" not in item or "bbox" not in item:
        raise place.wrong("an annotation with category_id and bbox", item)
    number = _whole(item["category_id"], place)
    if number not in names:
        shown = ", ".join(f"{known} {name}" for known, name in list(names.items())[:5])
        raise place.wrong(f"a category id of those known ({shown}, ...)", number, "give categories or the class set")
    bbox = numbers_of(list(item["bbox"]) if isinstance(item["bbox"], tuple) else item["bbox"], place)
    grid = Grid(OutputFormat("coco", "polygon"), image_size)
    corners = Grid(OutputFormat("coco"), image_size).box((), bbox, place)
    score = item.get("score")
    if score is not None:
        score = checked_score(finite(score, place), place)
    return Record(names[number], corners, _rings(item.get("segmentation"), image_size, grid, place), score)


def _rings(
    segmentation: object, image_size: tuple[int, int], grid: Grid, place: Place
) -> tuple[NDArray[np.float64], ...] | None:
    """Rings of a list of polygons or of a run-length mask; None where there is no outline."""
    if isinstance(segmentation, Mapping):
        from supervision import rle_to_mask

        try:
            mask = rle_to_mask(segmentation["counts"], image_size)
        except (KeyError, ValueError, TypeError, IndexError, OverflowError) as error:
            raise place.wrong("a run-length mask of the image's size", segmentation, str(error)) from error
        return tuple(ring.astype(np.float64) for ring in rings_from_mask(mask)) or None
    if segmentation is None or segmentation == []:
        return None
    if not isinstance(segmentation, list):
        raise place.wrong("a segmentation as a list of polygons or a run-length mask", segmentation)
    return tuple(grid.ring((), numbers_of(ring, place), place) for ring in segmentation)


def _whole(value: object, place: Place) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise place.wrong("a whole number as the id of a category", value)
    return value


def _area(rings: Rings) -> float:
    return sum(float(cv2.contourArea(ring)) for ring in rings)


_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_POLYGON_DIGITS = 2


def write_voc(detections: Detections, grid: Grid) -> str:
    """One `annotation` with an `object` for each."""
    width, height = detections.image_size
    root = ElementTree.Element("annotation")
    _add(root, "filename", detections.file_name)
    size = _add(root, "size")
    for tag, value in (("width", width), ("height", height), ("depth", 3)):
        _add(size, tag, str(value))
    _add(root, "segmented", "1" if grid.output.geometry == "polygon" else "0")
    for detection, score in zip(detections, written_scores(detections, grid.output.score), strict=True):
        element = _add(root, "object")
        _add(element, "name", detection.class_name)
        _add(element, "pose", "Unspecified")
        _add(element, "truncated", "0")
        _add(element, "difficult", "0")
        box = _add(element, "bndbox")
        for tag, pixel in zip(_CORNERS, _pixels(detection.xyxy, detections.image_size), strict=True):
            _add(box, tag, str(pixel))
        if grid.output.geometry == "polygon":
            assert detection.polygon is not None
            polygon = _add(element, "polygon")
            vertices = (one_ring(detection.polygon).astype(np.float64) + 1).tolist()
            for k, vertex in enumerate(written(vertices, _POLYGON_DIGITS), start=1):
                for axis, text in zip("xy", vertex, strict=True):
                    _add(polygon, f"{axis}{k}", text)
        if score is not None:
            _add(element, "score", written([[score]], 4)[0][0])
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode")


def read_voc(text: str, grid: Grid, classes: Sequence[str]) -> list[Record]:
    """The objects of an annotation.

    Raises:
        FormatError: it isn't well-formed XML without a document type, about an image of another size, or an object
            lacks something.
    """
    root = _parsed(text)
    if root.tag != "annotation":
        raise FormatError(f"expected a Pascal VOC annotation, found the element {root.tag[:80]!r}")
    _check_size(root, grid.image_size)
    labels = Labels(classes, "name")
    boxes = Grid(replace(grid.output, geometry="box"), grid.image_size)
    objects = enumerate(root.findall("object"), start=1)
    return [_voc_record(element, Place("object", i), grid, boxes, labels) for i, element in objects]


def format_of(text: str) -> OutputFormat:
    """What an annotation holds: outlines if every object has one, scores if any has.

    Raises:
        FormatError: it isn't well-formed XML without a document type.
    """
    objects = _parsed(text).findall("object")
    outlined = bool(objects) and all(element.find("polygon") is not None for element in objects)
    scored = any(element.find("score") is not None for element in objects)
    return OutputFormat("voc", "polygon" if outlined else "box", score=scored)


def _voc_record(element: ElementTree.Element, place: Place, grid: Grid, boxes: Grid, labels: Labels) -> Record:
    written_name = _text(element, "name", place)
    name = written_name if written_name in labels.classes else written_name.strip()
    name = labels.name(name if labels.classes else written_name, place)
    score_element, score = element.find("score"), None
    if score_element is not None and grid.output.score:
        score = checked_score(number(score_element.text or "", place), place)
    box, xyxy = element.find("bndbox"), None
    if box is not None:
        corners = [number(_text(box, tag, place), place) for tag in _CORNERS]
        xyxy = boxes.box((), [corners[0] - 1, corners[1] - 1, *corners[2:]], place)
    if grid.output.geometry == "box":
        if xyxy is None:
            raise place.wrong("an element bndbox", "none")
        return Record(name, xyxy, None, score)
    polygon = element.find("polygon")
    if polygon is None:
        raise place.wrong("an element polygon", "none")
    values = {child.tag: child.text or "" for child in polygon}
    count = len(values) // 2
    tags = [f"{axis}{k}" for k in range(1, count + 1) for axis in "xy"]
    if set(tags) != set(values) or len(polygon) != len(values):
        raise place.wrong("x1, y1, x2, y2, ... in a polygon", ", ".join(values)[:80])
    ring = grid.ring((), [number(values[tag], place) - 1 for tag in tags], place)
    return Record.of_rings(name, [ring], score) if xyxy is None else Record(name, xyxy, (ring,), score)


def _pixels(xyxy: NDArray[np.float32], image_size: tuple[int, int]) -> list[int]:
    """xmin, ymin, xmax, ymax, from 1. A box that rounds to no pixel is the one pixel that its middle lies in."""
    low, high = [], []
    for axis in (0, 1):
        first, last = round(float(xyxy[axis])) + 1, round(float(xyxy[axis + 2]))
        if first > last:
            middle = math.floor((float(xyxy[axis]) + float(xyxy[axis + 2])) / 2)
            first = last = min(middle + 1, image_size[axis])
        low.append(first)
        high.append(last)
    return low + high


def _parsed(text: str) -> ElementTree.Element:
    try:
        root: ElementTree.Element = fromstring(text.strip(), forbid_dtd=True)
    except ElementTree.ParseError as error:
        raise FormatError(f"line {error.position[0]}: expected XML; {error}") from error
    except DefusedXmlException:
        raise FormatError("expected an annotation without a document type or entities, found one with them") from None
    except (ValueError, UnicodeError) as error:
        raise FormatError(f"expected XML; {error}") from error
    return root


def _check_size(root: ElementTree.Element, image_size: tuple[int, int]) -> None:
    sides: list[float] = []
    for tag, expected in zip(("width", "height"), image_size, strict=True):
        element = root.find(f"size/{tag}")
        sides.append(expected if element is None else number(element.text or "", Place("element", 1)))
    # Some tools write 0 x 0 where they don't know the size.
    if sides != list(image_size) and sides != [0, 0]:
        raise FormatError(f"an annotation of an image of {sides[0]:g} x {sides[1]:g} pixels: expected {image_size}")


def _text(parent: ElementTree.Element, tag: str, place: Place) -> str:
    element = parent.find(tag)
    if element is None or not element.text:
        raise place.wrong(f"an element {tag} with a text", "none")
    return element.text


def _add(parent: ElementTree.Element, tag: str, text: str | None = None) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, tag)
    element.text = text
    return element
