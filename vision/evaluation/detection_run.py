"""A detector measured on COCO's annotations, the whole way that a user's image goes: read, looked at, outlined.

The detector is asked for the annotated classes with no bound on the score, since average precision needs the whole
curve, and the best hundred boxes of an image are kept, as COCO counts them. They stand on disk line by line; the
figures are worked out from those lines, so a resumed run gives the figures of one that was never stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from skylark.errors import DataError, SkylarkError
from skylark.files import Line
from vision.detections.detections import Detections
from vision.errors import EvaluationError
from vision.evaluation.annotations import (
    AnnotatedImage,
    AnnotatedSet,
    Categories,
    from_rings,
    named_categories,
    read_annotations,
    tie_categories,
)
from vision.evaluation.runs import (
    MAX_DETECTIONS,
    MEASURE_ALL,
    Detection,
    Job,
    RunOptions,
    average_precision,
    images_digest,
    run,
)
from vision.task import Limit, OutputFormat, Target, Task
from vision.vision import Vision

log = logging.getLogger(__name__)


def evaluate_detections(
    vision: Vision,
    pairs: Sequence[tuple[Path, Path]],
    classes: Sequence[str] = (),
    options: RunOptions = MEASURE_ALL,
    *,
    masks: bool = True,
) -> dict[str, Any]:
    """Measure a detector on annotated images.

    Args:
        vision: the detector.
        pairs: (folder of the images, COCO annotation file); their images are measured together.
        classes: only these of the annotated classes, in the user's words; all where empty.
        options: how many images are measured, and what is kept of them.
        masks: measure outlines too, where every object is annotated with one.

    Returns:
        What `average_precision` gives for boxes; under `segm` the same for masks, with `polygon_source`; `images`,
        `detections`; `not_detectable` (category that the detector has no class for -> its number of annotations; they
        count in no mean), `settings`.

    Raises:
        EvaluationError: a file is not there, a word names no class, `options.out` holds another run's results.
        DataError: an annotation file is broken, or an image is not of the size that it says.
        ResultsError: `options.out` cannot be written; what was done before is kept.
        SkylarkError: an image cannot be read, or the model failed.
    """
    annotated = read_annotations(pairs).first(options.limit)
    named = annotated.categories
    if classes:
        named = named_categories(classes, named, annotated.supercategories)
    categories = tie_categories(named, vision.detector.vocabulary, vision.matcher)
    not_detectable = _left_out(annotated, categories)
    masks = masks and _outlined(annotated, categories)
    settings = {
        **vision.deciding(),
        "images": [str(folder.resolve()) for folder, _ in pairs],
        "annotations": [str(path.resolve()) for _, path in pairs],
        "annotations_digest": annotated.digest,
        "limit": options.limit,
        "classes": categories.classes,
        "masks": masks,
        "max_detections": MAX_DETECTIONS,
    }
    task = task_for(categories, masks)

    def figures(lines: Sequence[Line]) -> dict[str, Any]:
        return {**measured(annotated, lines, categories, masks), "not_detectable": not_detectable}

    job = Job(
        [{"id": image.id, "file": image.file, "digest": images_digest([image.path])} for image in annotated.images],
        [image.file for image in annotated.images],
        annotated.images,
        partial(_looked_at, vision, annotated.category_ids, task),
        "image",
    )
    return run(job, figures, settings, options)


def task_for(categories: Categories, masks: bool) -> Task:
    """What the detector is told: all objects of the classes, the best hundred whatever their score."""
    targets = tuple(Target(name, (asked,)) for name, asked in categories.classes.items())
    output = OutputFormat(geometry="polygon" if masks else "box")
    return Task(kind="detect", targets=targets, limit=Limit(MAX_DETECTIONS, "score"), min_score=0.0, output=output)


def measured(
    annotated: AnnotatedSet, lines: Sequence[Mapping[str, Any]], categories: Categories, masks: bool
) -> dict[str, Any]:
    """The figures of a run's lines, one an image of the set, in its order."""
    names = [{number: name for name, number in ids.items()} for ids in annotated.category_ids]
    detections = []
    for place, (image, line) in enumerate(zip(annotated.images, lines, strict=True)):
        for row in line["detections"]:
            name, box = names[image.source][row["category_id"]], tuple(row["bbox"])
            detections.append(Detection(place, name, box, row["score"], row.get("segmentation")))
    sizes = [(line["width"], line["height"]) for line in lines]
    counted = list(categories.classes)
    figures = average_precision(annotated, detections, counted, sizes)
    if masks:
        sources = sorted({line["polygon_source"] for line in lines if line.get("polygon_source")})
        segm = average_precision(annotated, detections, counted, sizes, "segm")
        figures["segm"] = {**segm, "polygon_source": ", ".join(sources) or None}
    return {**figures, "images": len(lines), "detections": len(detections)}


def _looked_at(
    vision: Vision, category_ids: Sequence[Mapping[str, int]], task: Task, images: Sequence[AnnotatedImage]
) -> Generator[Line]:
    given = vision.detect_many((image.path for image in images), task)
    for image, (_, found) in zip(images, given, strict=True):
        if isinstance(found, SkylarkError):
            raise found
        if image.size is not None and found.image_size != image.size:
            raise DataError(
                image.path,
                "an image of the {} x {} pixels that its annotations are in".format(*image.size),
                found="{} x {}".format(*found.image_size),
                hint="an image that is turned or made smaller needs annotations in its new pixels",
            )
        yield line_of(image, found, category_ids[image.source])


def line_of(image: AnnotatedImage, found: Detections, category_ids: Mapping[str, int]) -> Line:
    """An image's line: its id, file and digest, and its detections in the form of COCO's results, best first."""
    # A model without scores has its boxes in the order in which it wrote them, all equally certain.
    scores = np.ones(len(found)) if found.scores is None else found.scores
    detections: list[dict[str, Any]] = []
    for place, (name, (x0, y0, x1, y1)) in enumerate(zip(found.class_names, found.xyxy.tolist(), strict=True)):
        ids = {"image_id": image.id, "category_id": category_ids[name]}
        row = {**ids, "bbox": [x0, y0, x1 - x0, y1 - y0], "score": float(scores[place])}
        if found.polygons is not None and (mask := from_rings(found.polygons[place], found.image_size)) is not None:
            row["segmentation"] = mask
        detections.append(row)
    width, height = found.image_size
    return {
        "id": image.id, "file": image.file, "digest": images_digest([image.path]), "width": width, "height": height,
        "polygon_source": found.polygon_source, "detections": detections,
    }  # fmt: skip


def _outlined(annotated: AnnotatedSet, categories: Categories) -> bool:
    """Whether masks can be measured: an object without an outline would count as one that was missed."""
    outlined = [bool(row.segmentation) for row in annotated.annotations if row.category in categories.classes]
    if any(outlined) and not all(outlined):
        log.warning("masks are not measured: %d of %d objects have no outline", outlined.count(False), len(outlined))
    return all(outlined)


def _left_out(annotated: AnnotatedSet, categories: Categories) -> dict[str, int]:
    counts = {name: sum(row.category == name for row in annotated.annotations) for name in categories.lacking}
    if not categories.classes:
        raise EvaluationError(f"the model has no class for any of: {', '.join(categories.lacking)}")
    counted = sum(row.category in categories.classes and not row.crowd for row in annotated.annotations)
    if not counted:
        raise EvaluationError(f"no object is annotated of: {', '.join(categories.classes)}")
    if annotated_ones := [f"{name} ({count:,} objects)" for name, count in counts.items() if count]:
        log.warning("the model has no class for these, they are left out of all means: %s", ", ".join(annotated_ones))
    return counts
