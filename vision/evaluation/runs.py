"""Evaluation runs over images, from which a stopped one goes on, and COCO's average precision.

faster-coco-eval matches and counts; its figures are those of COCO's own code (Lin et al. 2014, arXiv 1405.0312),
which the tests compare. Where nothing of a size is annotated COCO's code gives -1, which spoils a mean; here it is
None.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster  # type: ignore[import-untyped]
from numpy.typing import NDArray

from kg_data.batches.lines import lines_of, progress_bar
from kg_data.batches.run_files import RunFile
from kg_data.batches.shards import ALONE, Work, Workers, files_digest, read_line
from skylark.errors import DataError, SkylarkError
from skylark.files import Line, beside, encoded, write_whole
from vision.errors import EvaluationError
from vision.evaluation.annotations import AnnotatedSet, as_coco

MAX_DETECTIONS = 100
"""The most detections of an image that are counted."""

SIZES = ("small", "medium", "large")
"""Areas below 32² pixels, from there to 96², and above."""

IouType = Literal["bbox", "segm"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Detection:
    """One object that a detector found.

    Attributes:
        image: the place of its image in the set, from 0.
        category: a category's name.
        xywh: left, top, width and height in pixels.
        score: 0 to 1.
        segmentation: compressed run lengths in the form of COCO's results, or None.
    """

    image: int
    category: str
    xywh: tuple[float, float, float, float]
    score: float
    segmentation: Mapping[str, Any] | None = None


def average_precision(
    annotated: AnnotatedSet,
    detections: Sequence[Detection],
    categories: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    iou_type: IouType = "bbox",
) -> dict[str, Any]:
    """COCO's figures, 0 to 1, None where nothing of that kind is annotated.

    Args:
        annotated: what is to be found.
        detections: what was found, of one image with equal scores the better first.
        categories: those that are counted; the means are over those of them that are annotated.
        sizes: (width, height) in pixels of each image of the set.
        iou_type: boxes, or masks.

    Returns:
        `AP` (mean over IoU 0.50 to 0.95), `AP50`, `AP75`, `AP_small`, `AP_medium`, `AP_large`, `AR1`, `AR10`, `AR100`
        (by detections an image), `AR_small`, `AR_medium`, `AR_large`, and `per_class`: category to the same figures
        and the number of its `annotations`, crowds not counted.
    """
    evaluation = evaluated(annotated, detections, categories, sizes, iou_type)
    counts = Counter(row.category for row in annotated.annotations if not row.crowd)
    # The order of the categories in the arrays is that of their ids, which is that of their names here.
    per_class = {
        name: {**_figures(evaluation, place), "annotations": counts[name]} for place, name in enumerate(categories)
    }
    return {**_figures(evaluation, slice(None)), "per_class": per_class}


def evaluated(
    annotated: AnnotatedSet,
    detections: Sequence[Detection],
    categories: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    iou_type: IouType = "bbox",
    by_image: bool = False,
) -> COCOeval_faster:
    """faster-coco-eval's evaluation behind the figures; other arguments as of `average_precision`.

    `by_image` says whether what was matched in each image is kept, so that it can be counted again over others.
    """
    ids = {name: place for place, name in enumerate(categories, start=1)}
    gold = [
        {
            "id": number, "image_id": row.image + 1, "category_id": ids[row.category], "bbox": list(row.xywh),
            "area": row.xywh[2] * row.xywh[3] if row.area is None else row.area, "iscrowd": int(row.crowd),
            **({"segmentation": as_coco(row.segmentation)} if iou_type == "segm" and row.segmentation else {}),
        }
        for number, row in enumerate(annotated.annotations, start=1)
        if row.category in ids
    ]  # fmt: skip
    # With a box beside the mask COCO's code takes the box's area as that of the mask, and sorts it into a wrong size.
    found = [
        {
            "image_id": one.image + 1, "category_id": ids[one.category], "score": one.score,
            **({"bbox": list(one.xywh)} if iou_type == "bbox" else {"segmentation": dict(one.segmentation or {})}),
        }
        for one in detections
        if one.category in ids and (iou_type == "bbox" or one.segmentation)
    ]  # fmt: skip
    images = [{"id": place + 1, "width": width, "height": height} for place, (width, height) in enumerate(sizes)]
    names = [{"id": number, "name": name} for name, number in ids.items()]
    truth = COCO({"images": images, "annotations": gold, "categories": names})
    printed = {"print_function": _log.debug, "separate_eval": by_image}
    evaluation = COCOeval_faster(truth, truth.loadRes(found), iou_type, **printed)
    evaluation.params.maxDets = [1, 10, MAX_DETECTIONS]
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation


def _figures(evaluation: COCOeval_faster, which: slice | int) -> dict[str, float | None]:
    """The twelve figures over some of the categories."""
    # Shapes: (IoU, recall, category, size, detections) and (IoU, category, size, detections).
    precision = np.asarray(evaluation.eval["precision"])[:, :, which]
    recall = np.asarray(evaluation.eval["recall"])[:, which]
    at50, at75 = (int(np.argmin(np.abs(evaluation.params.iouThrs - iou))) for iou in (0.5, 0.75))
    sized = list(enumerate(SIZES, start=1))
    return {
        "AP": _mean(precision[..., 0, -1]),
        "AP50": _mean(precision[at50, ..., 0, -1]),
        "AP75": _mean(precision[at75, ..., 0, -1]),
        **{f"AP_{name}": _mean(precision[..., place, -1]) for place, name in sized},
        **{f"AR{most}": _mean(recall[..., 0, place]) for place, most in enumerate(evaluation.params.maxDets)},
        **{f"AR_{name}": _mean(recall[..., place, -1]) for place, name in sized},
    }


def _mean(values: NDArray[np.float64]) -> float | None:
    there = values[values > -1]
    return float(there.mean()) if there.size else None


class RunLines(RunFile):
    """The lines of one run, see `RunFile`; the first line holds the settings.

    Attributes:
        first: what the first line says beside the settings, JSON-serialisable; of a file that is gone on with, what
            stands in it.

    Raises:
        EvaluationError: the file has lines that may not be added to.
    """

    refusal = EvaluationError

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        resume: bool = False,
        anew: bool = False,
        otherwise: str = "choose another place for these",
        first: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(path, json.loads(json.dumps(dict(settings))), resume, anew, "place", otherwise)
        self.first = dict(first or {})

    def append(self, line: Mapping[str, Any]) -> None:
        """Write one line; it is with the operating system when this returns, so a killed process keeps it."""
        super().append(line)
        if self.checkpoint_due:
            self._force()

    def _may_go_on(self, content: bytes) -> bool:
        # Without its first line the file holds nothing: no line stands before the settings. Nor does it where a run
        # failed before its first result.
        lines = content.count(b"\n")
        return lines > 1 or (lines == 1 and (self._resume or bool(self.kept)))

    def _begin_anew(self) -> None:
        self._begin(0)
        self.append({**self.first, "settings": self.settings})

    def _read(self, content: bytes) -> list[Line]:
        texts = content.split(b"\n")[:-1]
        lines = [read_line(self.path, text, number) for number, text in enumerate(texts, start=1)]
        self.check_first(lines[0])
        self.first = {key: value for key, value in lines[0].items() if key != "settings"}
        return lines[1:]

    def check_first(self, line: Line) -> None:
        """Hold the first line of a file to the settings of this run.

        Raises:
            EvaluationError: they are others.
            DataError: it has none.
        """
        before = line.get("settings")
        if not isinstance(before, dict):
            raise DataError(self.path, "the settings of a run", 1, json.dumps(line, ensure_ascii=False)[:80])
        self.check_settings(before)


def images_digest(images: Iterable[Path]) -> str:
    """A hex digest of the content of the images that are there: one that is not is an error once it is looked at."""
    return files_digest(path for path in dict.fromkeys(images) if path.is_file())


def lines_path(out: Path) -> Path:
    """Where the lines of a run stand: `<out>.lines.jsonl`."""
    return beside(out, ".lines.jsonl")


@dataclass(frozen=True)
class RunOptions:
    """How much is measured, and what is kept of it on the way.

    Attributes:
        limit: only the first this many images or expressions.
        out: where the figures are written when all is done; `<out>.lines.jsonl` beside it has a line an item.
        resume: go on with the lines that are there.
        progress: show a bar on stderr.
        workers: who does the work; the lines are the same whoever does.
    """

    limit: int | None = None
    out: Path | None = None
    resume: bool = False
    progress: bool = False
    workers: Workers = ALONE


MEASURE_ALL = RunOptions()
"""All items, with nothing kept on disk."""


@dataclass(frozen=True)
class Job:
    """What a run does.

    Attributes:
        marks: of each item what its line holds of it, so that a line is known to be its: `digest` that of its image.
        names: of each item, for messages.
        items: what is worked on, of the same length.
        work: gives the lines of some items, in order; with several workers it can be pickled.
        unit: what an item is, for the bar.
    """

    marks: Sequence[Mapping[str, Any]]
    names: Sequence[str]
    items: Sequence[Any]
    work: Work
    unit: str

    @property
    def keys(self) -> list[str]:
        """What tells each item from the others; by its place, since two may have one name."""
        return [f"{self.unit} {place}, {name}" for place, name in enumerate(self.names, start=1)]


def run(
    job: Job, figures: Callable[[Sequence[Line]], dict[str, Any]], settings: Mapping[str, Any], options: RunOptions
) -> dict[str, Any]:
    """Go through all items once, in order, and return the figures with the settings.

    Args:
        job: what is done.
        figures: works the figures out from all lines.
        settings: what decides the lines.
        options: what is kept, and who does the work; the limit has been applied to the items.

    Raises:
        EvaluationError: `out` or its lines hold what may not be added to.
        ResultsError: they cannot be written; what was done before is kept.
        WorkerError: a worker died at one item again and again; what was done is kept.
        DataError: the lines are not those of the items.
    """
    out, resume = options.out, options.resume
    if out is not None and out.exists() and not (resume and lines_path(out).exists()):
        raise EvaluationError(f"{out} is there already; choose another file, or delete it")
    with nullcontext() if out is None else RunLines(lines_path(out), settings, resume) as sink:
        lines = [] if sink is None else list(sink.done)
        if sink is not None:
            _check(sink.path, lines, job.marks)
        try:
            with closing(_fresh(job, len(lines), sink, options)) as fresh:
                for line in fresh:
                    if sink is not None:
                        sink.append(line)
                    lines.append(line)
        except (KeyboardInterrupt, SkylarkError):
            if sink is not None:
                count = len({*job.keys[: len(lines)]} | sink.shards.kept().keys())
                kept = (count, len(job.items), sink.path)
                _log.warning("stopped; %d of %d are kept in %s, --resume goes on from there", *kept)
            raise
        results = {**figures(lines), "settings": dict(settings)}
        if out is not None:
            write_whole(out, encoded(json.dumps(results, ensure_ascii=False, indent=2)))
        if sink is not None:
            sink.shards.drop()
    return results


def _fresh(job: Job, done: int, sink: RunLines | None, options: RunOptions) -> Generator[Line]:
    """The lines of the items from a place on, with a bar on stderr."""
    keys = job.keys[done:]
    marks = dict(zip(keys, job.marks[done:], strict=True))
    found = {} if sink is None else sink.kept
    kept = {key: line for key, line in found.items() if key in marks and marks[key].items() <= line.items()}
    bar = partial(progress_bar, job.unit, len(job.items), options.progress)
    return lines_of(job.work, keys, job.items[done:], kept, None if sink is None else sink.shards, options.workers, bar)


def _check(path: Path, lines: Sequence[Line], items: Sequence[Mapping[str, Any]]) -> None:
    for number, line in enumerate(lines, start=2):
        item = items[number - 2] if number - 2 < len(items) else None
        others = ["id"] if item is None else [key for key, value in item.items() if line.get(key) != value]
        if item is not None and others == ["digest"]:
            name = ", ".join(str(value) for key, value in item.items() if key not in ("id", "digest"))
            raise EvaluationError(
                f"{path}, line {number}: the image has changed since ({name}); choose another place, or delete this "
                "line and those after it"
            )
        if others:
            expected = "no further line" if item is None else f"the line of {json.dumps(item, ensure_ascii=False)}"
            raise DataError(path, expected, number, json.dumps(line, ensure_ascii=False))
