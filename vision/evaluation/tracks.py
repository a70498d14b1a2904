"""Tracks measured against truth: HOTA (Luiten et al. 2021, arXiv 2009.07736), CLEAR MOT and identity F1.

`trackers.eval` counts, whose figures are TrackEval's. What is decided here is which boxes it is given: those of each
class of the truth by itself, without what counts neither way. The figures of several sequences and classes are worked
out from the sums of their counts, so a long sequence weighs more than a short one; the mean over classes stands beside.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg_data.appended_lines import encoded, write_whole
from vision.classes import ClassMatcher
from vision.errors import EvaluationError
from vision.evaluation.categories import named_categories, tie_categories
from vision.evaluation.track_files import SequencePair, check_ids, of_classes, read_pairs
from vision.evaluation.track_protocols import MATCHED, PROTOCOLS, Protocol
from vision.video.mot import MotRows, TruthForm, by_frame

SHARES = ("HOTA", "DetA", "AssA", "LocA", "IDF1", "MOTA")
"""The figures that are 1 at best."""

ANYTHING = "all"
"""The one class of truth without classes."""

SPOKEN = {"motor": "motorcycle"}
"""What a class of VisDrone is called elsewhere, where no dictionary knows it."""


def evaluate_tracks(
    truth: Path,
    results: Path,
    classes: Sequence[str] = (),
    *,
    form: TruthForm | None = None,
    out: Path | None = None,
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
    tied = _tied(pairs, PROTOCOLS[told], classes)
    scores = [
        _scores(PROTOCOLS[told], pair, name, numbers) for pair in tied.pairs for name, numbers in tied.numbers.items()
    ]
    per_sequence = {
        pair.name: {"frames": pair.frames, **_figures([one for one in scores if one.sequence == pair.name])}
        for pair in pairs
    }
    figures = {
        **_figures(scores),
        "frames": sum(pair.frames for pair in pairs),
        "form": told,
        "taken_out": sum(one.taken_out for one in scores),
        "lacking": list(tied.lacking),
        "notes": [*notes, *tied.notes, *_lacking_boxes(scores, pairs)],
        "per_sequence": per_sequence,
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
        raise EvaluationError(
            f"the truth in {truth} looks like several forms, {told}: say which it is by --form, or measure them apart"
        )
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
        raise EvaluationError(
            f"the results have none of the classes of the truth: they have {', '.join(result_names)}, "
            f"the truth {', '.join(classes)}"
        )
    left_out = [name for name in result_names if name not in ties.values()]
    return _Tied(
        pairs,
        {spoken[said]: (result_names.index(name) + 1,) for said, name in ties.items()},
        tuple(name for said, name in spoken.items() if said not in ties),
        (f"Left out of the results, as no class that is measured: {', '.join(left_out)}.",) if left_out else (),
    )


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
    return _Scores(
        sequence=pair.name,
        class_name=name,
        hota=compute_hota_metrics(truth_ids, result_ids, overlaps),
        clear=compute_clear_metrics(truth_ids, result_ids, overlaps, threshold=MATCHED),
        identity=compute_identity_metrics(truth_ids, result_ids, overlaps, threshold=MATCHED),
        boxes=int(scored.sum()),
        tracks=len(np.unique(truth.ids[scored])),
        taken_out=taken_out,
    )


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
