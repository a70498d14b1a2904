"""Which results belong to which truth: sequences in folders, by name, read and checked before anything is scored.

What does not fit together would still give figures, only wrong ones: results that count frames from 0, that go on
after the truth, of a video of another size, or with an id twice in a frame. Each of these is named here.
"""

from __future__ import annotations

import configparser
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.process import extractOne

from kg_data.errors import DataError
from vision.errors import EvaluationError
from vision.evaluation.categories import named_categories
from vision.video.files import CLASSES, RECORD, TRACKS
from vision.video.mot import MotRows, TruthForm, read_mot
from vision.video.record import recorded_size

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
        raise EvaluationError(
            f"{truth} holds no truth: expected SEQ/gt/gt.txt, SEQ/gt.txt or SEQ.txt for each sequence"
        )
    found = _result_files(results, files)
    pairs = [_pair(name, path, found[name], form) for name, path in sorted(files.items())]
    spare = sorted(
        {path.stem if path.name != TRACKS else path.parent.name for path in _all_results(results)} - {*files}
    )
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


def _all_results(folder: Path) -> list[Path]:
    if (folder / TRACKS).is_file():
        return []
    return [*folder.glob("*.txt"), *folder.glob(f"*/{TRACKS}")]


def _result_files(folder: Path, sequences: dict[str, Path]) -> dict[str, Path]:
    """The results of each sequence."""
    if (folder / TRACKS).is_file():
        if len(sequences) > 1:
            raise EvaluationError(
                f"{folder} holds the tracks of one video, but there is truth of {len(sequences)}: "
                f"{', '.join(sorted(sequences))}; give the folder that holds a folder of results for each"
            )
        return dict.fromkeys(sequences, folder / TRACKS)
    files = {}
    for name in sequences:
        there = [path for path in (folder / f"{name}.txt", folder / name / TRACKS) if path.is_file()]
        if there:
            files[name] = there[0]
    lacking = sorted(sequences.keys() - files)
    if lacking:
        names = [path.stem if path.name != TRACKS else path.parent.name for path in _all_results(folder)]
        near = extractOne(lacking[0], sorted(set(names) - {*files}), scorer=fuzz.ratio, score_cutoff=60)
        raise EvaluationError(
            f"{folder} has no results for {', '.join(lacking)}: expected {lacking[0]}.txt or {lacking[0]}/{TRACKS}"
            + (f"; the nearest name is {near[0]}" if near else "")
        )
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
        hint = (
            "" if length else f"; where the video goes on without objects, say seqLength in a {INFO} beside the truth"
        )
        raise EvaluationError(
            f"{results_path}, line {results.lines[beyond[0]]}: a box in frame {results.frames[beyond[0]]:,} of {name}, "
            f"but {said}{hint}"
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
    """An id stands for one thing, which is at one place in a frame.

    Args:
        where: the file, for the error.
        rows: its rows.

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
