"""Evaluation of tracks: HOTA (Luiten et al. 2021, arXiv 2009.07736), CLEAR MOT and identity F1.

`trackers.eval` counts, whose figures are TrackEval's. Decided here is which boxes it is given, class by class, and
that figures of several sequences are computed from the sums of their counts. Results that don't fit their truth
(frames from 0, another size, an id twice in a frame) would only give wrong figures, so they are refused by name.

Data sets annotate what a tracker is neither to find nor to be blamed for, each in its own way:

- MOT15 has no classes; a row whose flag is 0 is no truth.
- MOT16, MOT17 and MOT20 score pedestrians. A box of the results that matches something like one (a person on a
  vehicle, a statue, a reflection; in MOT20 a vehicle without a motor too) is taken out, as TrackEval does.
- VisDrone scores ten classes, each by itself. Category 0 marks regions without annotations, 11 things of no class,
  and a score of 0 what is ignored: a box that lies mostly in such places is taken out, as its toolkit for tracking
  does, unless it matches a truth.
"""

from __future__ import annotations

import configparser
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz
from rapidfuzz.process import extractOne

from skylark.errors import DataError
from skylark.files import encoded, write_whole
from vision.classes import ClassMatcher
from vision.errors import EvaluationError
from vision.evaluation.annotations import named_categories, tie_categories
from vision.video.files import (
    CLASSES,
    MOT_CLASSES,
    PEDESTRIAN,
    RECORD,
    TRACKS,
    VISDRONE_CLASSES,
    MotRows,
    TruthForm,
    by_frame,
    read_mot,
)
from vision.video.watching import recorded_size

TRUTH_PLACES = ("gt/gt.txt", "gt.txt")
INFO = "seqinfo.ini"


@dataclass(frozen=True, eq=False)
class SequencePair:
    """The truth of one sequence and the results for it.

    Attributes:
        name: the sequence's name.
        truth: its annotated boxes.
        results: the boxes of the tracks that were found.
        names: names of the results' classes, which count in them from 1; () where the results say none.
        frames: how many frames it has.
    """

    name: str
    truth: MotRows
    results: MotRows
    names: tuple[str, ...]
    frames: int


def read_pairs(truth: Path, results: Path, form: TruthForm | None = None) -> tuple[list[SequencePair], list[str]]:
    """Read all sequences of a folder of truth, and the results for each.

    Args:
        truth: has SEQ/gt/gt.txt, SEQ/gt.txt or SEQ.txt of each sequence, or is the folder of one sequence itself; a
            `seqinfo.ini` beside it tells its length and size.
        results: has SEQ.txt or SEQ/tracks.txt, or is what `track --out` wrote, for the one sequence of the truth.
        form: the truth's; told by its columns where None.

    Returns:
        The pairs in the order of their names, and what the user should know, one sentence each.

    Raises:
        EvaluationError: a folder or the results for a sequence are missing, or truth and results do not fit together.
        DataError: a file is damaged.
    """
    for folder, what in ((truth, "truth"), (results, "results")):
        if not folder.is_dir():
            raise EvaluationError(f"there is no folder {folder}, which --{what} names")
    files = _truth_files(truth)
    if not files:
        raise EvaluationError(f"{truth} holds no truth: expected SEQ/gt/gt.txt, SEQ/gt.txt or SEQ.txt for each one")
    found = _result_files(results, files)
    pairs = [_pair(name, path, found[name], form) for name, path in sorted(files.items())]
    spare = sorted(_result_names(results) - {*files})
    notes = [f"There is no truth for the results of {', '.join(spare)}: they were left out."] if spare else []
    return pairs, notes


def _truth_files(folder: Path) -> dict[str, Path]:
    for place in TRUTH_PLACES:
        if (folder / place).is_file():
            return {folder.resolve().name: folder / place}
    files = {path.stem: path for path in folder.glob("*.txt")}
    for place in reversed(TRUTH_PLACES):
        files |= {path.relative_to(folder).parts[0]: path for path in folder.glob(f"*/{place}")}
    return files


def _result_names(folder: Path) -> set[str]:
    if (folder / TRACKS).is_file():
        return set()
    return {path.stem for path in folder.glob("*.txt")} | {path.parent.name for path in folder.glob(f"*/{TRACKS}")}


def _result_files(folder: Path, sequences: dict[str, Path]) -> dict[str, Path]:
    if (folder / TRACKS).is_file():
        if len(sequences) > 1:
            raise EvaluationError(
                f"{folder} holds the tracks of one video, but there is truth of {len(sequences)}: "
                f"{', '.join(sorted(sequences))}; give the folder that holds a folder of results for each"
            )
        return dict.fromkeys(sequences, folder / TRACKS)
    files = {name: folder / name / TRACKS for name in sequences if (folder / name / TRACKS).is_file()}
    files |= {name: folder / f"{name}.txt" for name in sequences if (folder / f"{name}.txt").is_file()}
    lacking = sorted(sequences.keys() - files)
    if lacking:
        near = extractOne(lacking[0], sorted(_result_names(folder) - {*files}), scorer=fuzz.ratio, score_cutoff=60)
        expected = f"expected {lacking[0]}.txt or {lacking[0]}/{TRACKS}"
        nearest = f"; the nearest name is {near[0]}" if near else ""
        raise EvaluationError(f"{folder} has no results for {', '.join(lacking)}: {expected}{nearest}")
    return files


def _pair(name: str, truth_path: Path, results_path: Path, form: TruthForm | None) -> SequencePair:
    truth, results = read_mot(truth_path, form), read_mot(results_path, "results")
    length, size = _info(truth_path)
    last = int(truth.frames.max(initial=0))
    if length is not None and last > length:
        raise EvaluationError(f"{truth_path} goes to frame {last:,}, but {INFO} says that {name} has {length:,}")
    frames = length or last
    beyond = np.flatnonzero(results.frames > frames)
    if len(beyond):
        ends = f"its truth ends at frame {frames:,}" if frames else "its truth has no box"
        said = f"{INFO} says that it has {frames:,} frames" if length else ends
        longer = f"; where the video goes on without objects, say seqLength in a {INFO} beside the truth"
        raise EvaluationError(
            f"{results_path}, line {results.lines[beyond[0]]}: a box in frame {results.frames[beyond[0]]:,} of {name}, "
            f"but {said}{'' if length else longer}"
        )
    if (results.ids < 0).any():
        line = int(results.lines[np.flatnonzero(results.ids < 0)[0]])
        raise EvaluationError(f"{results_path}, line {line}: the id is -1, so these are detections and no tracks")
    check_ids(results_path, results)
    scored = recorded_size(results_path.with_name(RECORD)) if results_path.name == TRACKS else None
    if size is not None and scored is not None and size != scored:
        raise EvaluationError(
            f"the results in {results_path} are of frames of {scored[0]} x {scored[1]} pixels, "
            f"those of {name} have {size[0]} x {size[1]}"
        )
    return SequencePair(name, truth, results, _names(results_path, results), frames)


def check_ids(where: str | Path, rows: MotRows) -> None:
    """Refuse rows of a file in which an id is in a frame twice: it stands for one thing, at one place in a frame.

    Raises:
        EvaluationError: an id is in a frame twice.
    """
    order = np.lexsort((rows.lines, rows.ids, rows.frames))
    frames, ids = rows.frames[order], rows.ids[order]
    repeated = np.flatnonzero((frames[1:] == frames[:-1]) & (ids[1:] == ids[:-1]))
    if len(repeated):
        place = order[repeated[0] + 1]
        raise EvaluationError(
            f"{where}, line {rows.lines[place]}: id {rows.ids[place]} is in frame {rows.frames[place]:,} a second time"
        )


def _info(truth_path: Path) -> tuple[int | None, tuple[int, int] | None]:
    """The length and size that a `seqinfo.ini` tells, as far as it does."""
    folder = truth_path.parent.parent if truth_path.parent.name == "gt" else truth_path.parent
    path = folder / INFO
    if truth_path.name != "gt.txt" or not path.is_file():
        return None, None
    parser = configparser.ConfigParser()
    try:
        parser.read(path, encoding="utf-8")
        section = parser["Sequence"]
        numbers = [section.getint(key) for key in ("seqLength", "imWidth", "imHeight")]
    except (configparser.Error, KeyError, ValueError, UnicodeDecodeError) as error:
        raise DataError(path, f"a section [Sequence] with seqLength, imWidth and imHeight ({error})") from None
    length, width, height = numbers
    return length, (width, height) if width and height else None


def _names(results_path: Path, results: MotRows) -> tuple[str, ...]:
    """The names of the classes that `track --out` wrote beside its tracks."""
    path = results_path.with_name(CLASSES)
    if results_path.name != TRACKS or not path.is_file():
        return ()
    names = tuple(path.read_text(encoding="utf-8").splitlines())
    outside = np.flatnonzero((results.classes < 1) | (results.classes > len(names)))
    if len(outside):
        line, number = int(results.lines[outside[0]]), int(results.classes[outside[0]])
        raise DataError(results_path, f"a class from 1 to {len(names)}, as {path.name} names them", line, str(number))
    return names


def of_classes(pair: SequencePair, words: Sequence[str]) -> SequencePair:
    """The pair with the results of those classes alone that the user names.

    Raises:
        EvaluationError: the results have no names of classes, or a word names none of them.
    """
    if not pair.names:
        raise EvaluationError(
            f"--classes chooses nothing of {pair.name}: its truth has no classes, and its results have no {CLASSES}"
        )
    whose = f"the classes of the results for {pair.name} (its truth has none)"
    named = named_categories(words, pair.names, {}, whose)
    keep = np.isin(pair.results.classes, [pair.names.index(name) + 1 for name in named])
    return replace(pair, results=pair.results[keep])


MATCHED = 0.5
"""The intersection over union from which a box matches a truth, in CLEAR MOT and identity figures too."""

MOSTLY = 0.5
"""The share of a box's area above which it lies in regions that are ignored."""

DISTRACTORS = ("person on vehicle", "static person", "distractor", "reflection")
MOT20_DISTRACTORS = (*DISTRACTORS, "non-motorised vehicle")

IGNORED = (0, len(VISDRONE_CLASSES) - 1)
"""VisDrone's categories of regions that are ignored, and of things of no class."""

EPSILON = float(np.finfo(float).eps)

Boxes = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Protocol(ABC):
    """The rules of one kind of truth.

    Attributes:
        classes: to each class that is scored the numbers that results without names can have for it; of none where
            the truth has no classes.
        unscored: numbers that such results can have for what is not scored.
        numbers: in words, for errors, what numbers they can have.
    """

    classes: Mapping[str, tuple[int, ...]]
    unscored: tuple[int, ...] = ()
    numbers: str

    @abstractmethod
    def truth(self, rows: MotRows, name: str) -> Mask:
        """Which rows of the truth a class is scored on; shape (n,)."""

    def taken_out(self, rows: MotRows, scored: Mask, boxes: Boxes) -> Mask:
        """Which boxes of the results, shape (m, 4), count neither way; shape (m,).

        Args:
            rows: all rows of the truth in one frame.
            scored: shape (n,): those that the boxes' class is scored on.
            boxes: of one class, in that frame.
        """
        return np.zeros(len(boxes), np.bool_)


class WithoutClasses(Protocol):
    """MOT15: every box is of the one kind of thing that the truth is about."""

    classes: Mapping[str, tuple[int, ...]] = {}
    numbers = "any class"

    def truth(self, rows: MotRows, name: str) -> Mask:
        """What has a flag."""
        return _flagged(rows)


class Pedestrians(Protocol):
    """MOT16, MOT17 and MOT20, after `mot_challenge_2d_box.py` of TrackEval.

    Args:
        distractors: classes of which a box that matches one is taken out.
    """

    classes: Mapping[str, tuple[int, ...]] = {PEDESTRIAN: (-1, 1)}
    numbers = "1 or -1, since pedestrians alone are scored"

    def __init__(self, distractors: Sequence[str]) -> None:
        self._distractors = [MOT_CLASSES.index(name) + 1 for name in distractors]

    def truth(self, rows: MotRows, name: str) -> Mask:
        """The pedestrians that have a flag."""
        return _flagged(rows, MOT_CLASSES.index(name) + 1)

    def taken_out(self, rows: MotRows, scored: Mask, boxes: Boxes) -> Mask:
        """What matches a distractor."""
        out = super().taken_out(rows, scored, boxes)
        # All that is annotated is matched: what fits a pedestrian better is no distractor's.
        for row, column in _matches(rows.xyxy, boxes):
            out[column] = rows.classes[row] in self._distractors
        return out


class VisDrone(Protocol):
    """VisDrone, after `dropObjects.m` of its toolkit for tracking, but for what matches a truth."""

    classes: Mapping[str, tuple[int, ...]] = {
        name: (number,) for number, name in enumerate(VISDRONE_CLASSES[:-1]) if number
    }
    unscored = IGNORED
    numbers = f"a category of VisDrone, 0 to {len(VISDRONE_CLASSES) - 1}"

    def truth(self, rows: MotRows, name: str) -> Mask:
        """What is of the class and not ignored."""
        return _flagged(rows, VISDRONE_CLASSES.index(name))

    def taken_out(self, rows: MotRows, scored: Mask, boxes: Boxes) -> Mask:
        """What lies mostly in regions that are ignored, and matches no truth of the class."""
        ignored = (rows.scores == 0) | np.isin(rows.classes, IGNORED)
        out: Mask = covered(boxes, rows.xyxy[ignored]) > MOSTLY
        for _, column in _matches(rows.xyxy[scored], boxes) if out.any() else ():
            out[column] = False
        return out


PROTOCOLS: Mapping[TruthForm, Protocol] = {
    "mot15": WithoutClasses(),
    "mot17": Pedestrians(DISTRACTORS),
    "mot20": Pedestrians(MOT20_DISTRACTORS),
    "visdrone": VisDrone(),
}


def _flagged(rows: MotRows, number: int | None = None) -> Mask:
    """The rows whose flag, or score, is not 0, of a class where one is given."""
    flagged: Mask = rows.scores != 0
    return flagged if number is None else flagged & (rows.classes == number)


def _matches(truth: Boxes, boxes: Boxes) -> list[tuple[int, int]]:
    """The places of truth and boxes that belong together: the largest sum of overlaps of 0.5 or more."""
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]
    from trackers.eval import box_iou

    overlaps = box_iou(truth, boxes)
    overlaps[overlaps < MATCHED - EPSILON] = 0
    rows, columns = linear_sum_assignment(-overlaps)
    kept = overlaps[rows, columns] > EPSILON
    return list(zip(rows[kept].tolist(), columns[kept].tolist(), strict=True))


def covered(boxes: Boxes, regions: Boxes) -> NDArray[np.float64]:
    """The share of each box's area that regions cover together; 0 of a box without an area.

    The regions' edges cut the plane into cells, each covered whole or not at all; what a box has of a cell is the
    product of what it shares of the cell's width and height.

    Args:
        boxes: shape (n, 4).
        regions: shape (m, 4); they may overlap each other.

    Returns:
        Shape (n,), 0 to 1.
    """
    if not len(boxes) or not len(regions):
        return np.zeros(len(boxes))
    xs, ys = np.unique(regions[:, 0::2]), np.unique(regions[:, 1::2])
    cells = np.zeros((len(xs) - 1, len(ys) - 1))
    for x0, y0, x1, y1 in regions:
        cells[np.searchsorted(xs, x0) : np.searchsorted(xs, x1), np.searchsorted(ys, y0) : np.searchsorted(ys, y1)] = 1
    inside = np.einsum("nx,xy,ny->n", _shared(boxes[:, [0, 2]], xs), cells, _shared(boxes[:, [1, 3]], ys))
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    shares: NDArray[np.float64] = np.divide(inside, areas, out=np.zeros(len(boxes)), where=areas > 0)
    return shares


def _shared(spans: Boxes, edges: Boxes) -> Boxes:
    """The length that each span, shape (n, 2), shares with each stretch between two edges; shape (n, edges - 1)."""
    low, high = np.maximum(spans[:, :1], edges[:-1]), np.minimum(spans[:, 1:], edges[1:])
    lengths: Boxes = np.maximum(high - low, 0)
    return lengths


SHARES = ("HOTA", "DetA", "AssA", "LocA", "IDF1", "MOTA")
"""The figures that are 1 at best."""

ANYTHING = "all"
"""The one class of truth without classes."""

SPOKEN = {"motor": "motorcycle"}
"""What a class of VisDrone is called elsewhere, where no dictionary knows it."""


def evaluate_tracks(
    truth: Path, results: Path, classes: Sequence[str] = (), *, form: TruthForm | None = None, out: Path | None = None
) -> dict[str, Any]:
    """Measure the tracks of one or more sequences.

    Args:
        truth: a folder of sequences, see `read_pairs`.
        results: a folder of MOT texts, or of what `track --out` wrote.
        classes: only these, in the user's words; all that are scored where empty.
        form: what the columns of the truth mean; told by what they hold where None.
        out: a file that the figures are written to.

    Returns:
        The figures of all sequences and classes together: `HOTA`, `DetA`, `AssA`, `LocA` (means over overlaps from 0.05
        to 0.95), `IDF1`, `MOTA` (at an overlap of 0.5), `IDSW` (identity switches), `MT`, `ML` (tracks of the truth
        that are found for more than 80% and less than 20% of their frames), `FP`, `FN`, `boxes` and `tracks` of the
        truth. The first six are None where there is no truth. The same for each sequence in `per_sequence`, and in
        `per_class` where several classes are scored, with the means in `class_mean`; also `frames`, `form`,
        `taken_out` (boxes of the results that count neither way), `lacking` (classes of the truth that the results
        cannot have; they are in no figure) and `notes`.

    Raises:
        EvaluationError: truth and results do not fit together, the truth has no box, a word names no class, or `out`
            is there already.
        DataError: a file is damaged.
        ResultsError: `out` cannot be written.
    """
    if out is not None and out.exists():
        raise EvaluationError(f"{out} is there already; choose another file, or delete it")
    pairs, notes = read_pairs(truth, results, form)
    if not any(len(pair.truth) for pair in pairs):
        empty = ", ".join(pair.name for pair in pairs)
        raise EvaluationError(f"the truth in {truth} has no box ({empty}), so nothing can be measured on it")
    told = _common_form(truth, pairs)
    rules = PROTOCOLS[told]
    tied = _tied(pairs, rules, classes)
    scores = [_scores(rules, pair, name, numbers) for pair in tied.pairs for name, numbers in tied.numbers.items()]
    figures = {
        **_figures(scores),
        "frames": sum(pair.frames for pair in pairs),
        "form": told,
        "taken_out": sum(one.taken_out for one in scores),
        "lacking": list(tied.lacking),
        "notes": [*notes, *tied.notes, *_lacking_boxes(scores, pairs)],
        "per_sequence": {
            pair.name: {"frames": pair.frames, **_figures([one for one in scores if one.sequence == pair.name])}
            for pair in pairs
        },
    }
    if len(tied.numbers) > 1:
        per_class = {name: _figures([one for one in scores if one.class_name == name]) for name in tied.numbers}
        figures |= {"class_mean": _mean(list(per_class.values())), "per_class": per_class}
    if out is not None:
        write_whole(out, encoded(json.dumps(figures, ensure_ascii=False, indent=2)))
    return figures


def _lacking_boxes(scores: Sequence[_Scores], pairs: Sequence[SequencePair]) -> Iterator[str]:
    """Say why there are no figures, or only zeros."""
    if not any(one.boxes for one in scores):
        yield "No box of the truth is scored, as its flags and classes say, so there are no figures."
    if not any(len(pair.results) for pair in pairs):
        yield "The results have no box."


def _common_form(truth: Path, pairs: Sequence[SequencePair]) -> TruthForm:
    """The form of all truth; an empty file has any."""
    forms = {pair.truth.form: pair.name for pair in pairs if len(pair.truth)}
    if len(forms) > 1:
        told = " and ".join(f"{form} ({name})" for form, name in forms.items())
        hint = "name one as form, or measure them apart"
        raise EvaluationError(f"the truth in {truth} looks like several forms, {told}: {hint}")
    return next((form for form in forms if form != "results"), "mot15")


@dataclass(frozen=True)
class _Tied:
    """The classes of the truth tied to those of the results.

    Attributes:
        pairs: the sequences.
        numbers: to each class that is scored the numbers that it has among the results; None for any.
        lacking: classes that the results cannot have.
        notes: what the user should know.
    """

    pairs: Sequence[SequencePair]
    numbers: Mapping[str, tuple[int, ...] | None]
    lacking: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def _tied(pairs: Sequence[SequencePair], protocol: Protocol, words: Sequence[str]) -> _Tied:
    """Tie classes by the names that the results have, else by their numbers."""
    if not protocol.classes:
        if words:
            return _Tied([of_classes(pair, words) for pair in pairs], {ANYTHING: None})
        several = dict.fromkeys(name for pair in pairs if len(pair.names) > 1 for name in pair.names)
        note = f"The truth has no classes, so all of the results are measured: {', '.join(several)}."
        return _Tied(pairs, {ANYTHING: None}, notes=(note,) if several else ())
    classes = named_categories(words, list(protocol.classes), {}) if words else tuple(protocol.classes)
    names = {pair.names for pair in pairs}
    if len(names) > 1:
        sets = "; ".join(sorted(", ".join(some) or "numbers without names" for some in names))
        raise EvaluationError(f"the results of the sequences have different classes: {sets}")
    if result_names := next(iter(names)):
        return _tied_by_name(pairs, result_names, classes)
    allowed = [*protocol.unscored, *(number for numbers in protocol.classes.values() for number in numbers)]
    for pair in pairs:
        for bad in np.flatnonzero(~np.isin(pair.results.classes, allowed)).tolist():
            raise EvaluationError(
                f"line {int(pair.results.lines[bad])} of the results for {pair.name} has the class "
                f"{int(pair.results.classes[bad])} in column 8: expected {protocol.numbers}"
            )
    return _Tied(pairs, {name: protocol.classes[name] for name in classes})


def _tied_by_name(pairs: Sequence[SequencePair], result_names: tuple[str, ...], classes: Sequence[str]) -> _Tied:
    spoken = {SPOKEN.get(name, name): name for name in classes}
    ties = tie_categories(list(spoken), result_names, ClassMatcher(result_names)).classes
    if not ties:
        theirs = f"they have {', '.join(result_names)}, the truth {', '.join(classes)}"
        raise EvaluationError(f"the results have none of the classes of the truth: {theirs}")
    left_out = [name for name in result_names if name not in ties.values()]
    note = f"Left out of the results, as no class that is measured: {', '.join(left_out)}."
    numbers = {spoken[said]: (result_names.index(name) + 1,) for said, name in ties.items()}
    lacking = tuple(name for said, name in spoken.items() if said not in ties)
    return _Tied(pairs, numbers, lacking, (note,) if left_out else ())


@dataclass(frozen=True)
class _Scores:
    """What the library counts of one class in one sequence."""

    sequence: str
    class_name: str
    hota: dict[str, Any]
    clear: dict[str, Any]
    identity: dict[str, Any]
    boxes: int
    tracks: int
    taken_out: int


def _scores(protocol: Protocol, pair: SequencePair, name: str, numbers: tuple[int, ...] | None) -> _Scores:
    from trackers.eval import box_iou, compute_clear_metrics, compute_hota_metrics, compute_identity_metrics

    truth, results = pair.truth, pair.results
    if numbers is not None:
        results = results[np.isin(results.classes, numbers)]
    scored = protocol.truth(truth, name)
    check_ids(f"the truth of {pair.name}", truth[scored])
    truth_ids, result_ids, overlaps, taken_out = [], [], [], 0
    for truth_places, result_places in _aligned(truth, results):
        mine, boxes = scored[truth_places], results.xyxy[result_places]
        out = protocol.taken_out(truth[truth_places], mine, boxes)
        truth_ids.append(truth.ids[truth_places][mine])
        result_ids.append(results.ids[result_places][~out])
        overlaps.append(box_iou(truth.xyxy[truth_places][mine], boxes[~out]))
        taken_out += int(out.sum())
    counted = (truth_ids, result_ids, overlaps)
    clear = compute_clear_metrics(*counted, threshold=MATCHED)
    identity = compute_identity_metrics(*counted, threshold=MATCHED)
    sizes = (int(scored.sum()), len(np.unique(truth.ids[scored])), taken_out)
    return _Scores(pair.name, name, compute_hota_metrics(*counted), clear, identity, *sizes)


def _aligned(truth: MotRows, results: MotRows) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """The places of the rows of each frame that either has; a frame without any changes no figure."""
    of_truth, of_results = by_frame(truth), by_frame(results)
    none = np.zeros(0, np.intp)
    for frame in sorted(of_truth.keys() | of_results):
        yield of_truth.get(frame, none), of_results.get(frame, none)


def _figures(scores: Sequence[_Scores]) -> dict[str, Any]:
    """The figures of several sequences or classes together, from their counts."""
    from trackers.eval import aggregate_clear_metrics, aggregate_hota_metrics, aggregate_identity_metrics

    hota = aggregate_hota_metrics([one.hota for one in scores])
    clear = aggregate_clear_metrics([one.clear for one in scores])
    identity = aggregate_identity_metrics([one.identity for one in scores])
    boxes = sum(one.boxes for one in scores)
    shares = {**hota, **clear, **identity}
    return {
        **{name: float(shares[name]) if boxes else None for name in SHARES},
        **{name: int(clear[name]) for name in ("IDSW", "MT", "ML")},
        "FP": int(clear["CLR_FP"]),
        "FN": int(clear["CLR_FN"]),
        "boxes": boxes,
        "tracks": sum(one.tracks for one in scores),
    }


def _mean(rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """The mean over the classes that there is truth of."""
    there = [row for row in rows if row["boxes"]]
    return {name: float(np.mean([row[name] for row in there])) if there else None for name in SHARES}
