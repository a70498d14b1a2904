"""What a visitor sends to be run, sorted by kind and bounded: query records, questions with answers, or plain lines.

The first two are the formats of `python -m reasoning evaluate`. A plain line is a question in words or a query in the
grammar without an expected answer: exact execution gives one, so that what is measured is agreement with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from app.batch.zip import plain_name
from app.server.words import shortened
from kg_data.errors import SkylarkError
from reasoning import Reasoner
from reasoning.evaluation.query_files import find_files
from reasoning.query.tree import json_value
from reasoning.reading import MAX_CHARACTERS, looks_formal

Kind = Literal["records", "questions", "lines"]

MOST_BYTES = 4 * 2**20
"""Of all that is sent for one job."""
MOST_LINES = 300
MOST_FILES = 20
MOST_ANSWERS = 5_000
"""Answers of one plain line: a query such as `!"France"` has as many as the graph has entities."""
PATHS = "_qtype"
WORDED, FORMAL = "in words", "in the grammar"


@dataclass(frozen=True)
class Upload:
    """What is to be run, in the job's folder.

    Attributes:
        kind: query records, questions with answers, or plain lines.
        place: the file, or the folder of several files of records.
        name: what it is called in results.
        count: how many lines it has.
    """

    kind: Kind
    place: Path
    name: str
    count: int


def receive(files: Sequence[Path], typed: str, folder: Path) -> Upload:
    """Take what was sent or, where nothing was, what was typed, into `folder`.

    Raises:
        SkylarkError: there is nothing, too much, or what is none of the formats; the message says what to do.
    """
    if not files:
        if not typed.strip():
            raise SkylarkError("there is nothing to run yet: add a file, or type questions or queries, one a line")
        _check_size(len(typed.encode("utf-8", "replace")))
        texts = {"typed.txt": typed}
    else:
        texts = _read_all(files)
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return described(folder)


def described(folder: Path) -> Upload:
    """What is in a job's folder of inputs.

    Raises:
        SkylarkError: as `receive`.
    """
    places = sorted(folder.iterdir())
    contents = {place: _lines(place.read_text(encoding="utf-8")) for place in places}
    main = [place for place in places if not _is_paths(place, contents)]
    kinds = {place: _kind(place.name, contents[place]) for place in main}
    total = sum(len(contents[place]) for place in main)
    if total > MOST_LINES:
        raise SkylarkError(
            f"{total:,} lines are more than one job here takes ({MOST_LINES}): send fewer, or use "
            "python -m reasoning evaluate on your own machine"
        )
    if set(kinds.values()) == {"records"}:
        if len(main) == 1:
            return Upload("records", main[0], main[0].name, total)
        return Upload("records", folder, f"{len(main)} files", total)
    if len(main) != 1:
        raise SkylarkError(
            f"{', '.join(place.name for place in main[:4])} are several files of questions: one job takes one, "
            "or several files of query records"
        )
    return Upload(kinds[main[0]], main[0], main[0].name, total)


def split_of(upload: Upload) -> str | None:
    """The split that the names of files of records say, None where they don't."""
    try:
        return find_files(upload.place, None)[1]
    except SkylarkError:
        return None


def write_expected(upload: Upload, target: Path, reasoner: Reasoner, step: Callable[[int], None]) -> None:
    """Write plain lines as questions whose expected answers are those of exact execution.

    A line that cannot be read has no expected answer, and counts as wrong.

    Args:
        upload: plain lines.
        target: the file of questions.
        reasoner: method exact over the graph.
        step: is given the number of lines that are done; what it raises ends the work.

    Raises:
        SkylarkError: a line has too many answers.
    """
    written = []
    for number, line in enumerate(_lines(upload.place.read_text(encoding="utf-8"))):
        step(number)
        item: dict[str, Any] = {"question": line, "kind": FORMAL if looks_formal(line) else WORDED}
        try:
            answer = reasoner.answer(line)
        except SkylarkError:
            item["answers"] = None
        else:
            if len(answer.ranked) > MOST_ANSWERS:
                raise SkylarkError(
                    f"{shortened(line, 80)!r} has {len(answer.ranked):,} answers; at most {MOST_ANSWERS:,} are "
                    "compared here: ask for fewer"
                )
            item["answers"] = answer.ids if answer.value is None else [json_value(answer.value)]
        written.append(json.dumps(item, ensure_ascii=False))
    target.write_text("\n".join(written) + "\n", encoding="utf-8")


def _read_all(files: Sequence[Path]) -> dict[str, str]:
    if len(files) > MOST_FILES:
        raise SkylarkError(f"{len(files)} files are more than one job here takes ({MOST_FILES})")
    _check_size(sum(path.stat().st_size for path in files))
    texts: dict[str, str] = {}
    for path in files:
        name = plain_name(path.name, "queries.txt")
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError:
            what = (
                "a zip, which belongs under Images or under Go on" if path.suffix.lower() == ".zip" else "no UTF-8 text"
            )
            raise SkylarkError(f"{name} is {what}: queries and questions come as plain text or JSON lines") from None
        if name in texts:
            raise SkylarkError(f"two files are called {name}: rename one")
        texts[name] = text.replace("\r\n", "\n")
    return texts


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise SkylarkError(f"{size:,} bytes are more than one job here takes ({MOST_BYTES:,}): send fewer lines")


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _is_paths(place: Path, contents: dict[Path, list[str]]) -> bool:
    """Whether a file holds the gold paths of another one."""
    stem = place.stem.removesuffix(PATHS)
    return place.stem.endswith(PATHS) and place.with_name(stem + place.suffix) in contents


def _kind(name: str, lines: list[str]) -> Kind:
    if not lines:
        raise SkylarkError(f"{name} has no line: send a file with queries or questions")
    first = lines[0]
    if first.startswith("{"):
        try:
            keys = set(json.loads(first))
        except (ValueError, RecursionError):
            raise SkylarkError(f"the first line of {name} is no JSON object: one query or question a line") from None
        if {"query", "easy", "hard"} <= keys:
            return "records"
        if "question" in keys:
            return "questions"
        raise SkylarkError(
            f'{name} has JSON of another form: query records have "query", "easy" and "hard", questions '
            '"question" and "answers"'
        )
    if any("\t" in line for line in lines):
        return "questions"
    long = next((line for line in lines if len(line) > MAX_CHARACTERS), None)
    if long is not None:
        raise SkylarkError(f"a line of {name} has {len(long):,} characters; at most {MAX_CHARACTERS:,} are read")
    return "lines"
