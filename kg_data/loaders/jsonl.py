"""Triples as JSON lines: one object, or one list of three, a line.

JSON tells texts from numbers, so no fourth field is needed: a text is an entity and a number a value.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from kg_data.columns import GraphColumns
from kg_data.errors import DataError
from kg_data.loaders.broken import BrokenLines
from kg_data.loaders.facts import CheckedFacts, Facts, conflicting_rows
from kg_data.loaders.options import USUAL, LoadingOptions
from kg_data.loaders.single import HEADER_ROLES, finished
from kg_data.loaders.text import read_lines
from kg_data.values import VALUE_KINDS, Value, ValueConflict, is_value, typed_value, value_of

SUFFIXES = (".jsonl",)

A_TRIPLE = 'a JSON object {"head": ..., "relation": ..., "tail": ...} or a list of these three'
A_TAIL = f'a text, a number, or {{"value": ..., "type": {" | ".join(VALUE_KINDS)}}} as tail'


def load_json_lines(path: Path, name: str, loading: LoadingOptions = USUAL) -> GraphColumns:
    """Read `{"head": h, "relation": r, "tail": t}` lines (or subject, predicate, object; or `[h, r, t]`).

    A tail is a text (an entity), a number (a value: integer without a decimal point, else decimal), or
    `{"value": "1999-01-02", "type": "date"}` with one of the types integer, decimal, year and date. Names are kept
    exactly as they stand, blanks and all.

    Raises:
        DataError: a line of another form, or facts that do not fit into one graph, with the line.
    """
    broken = BrokenLines(loading.skip_broken)
    facts = CheckedFacts() if broken.skipped else Facts()
    try:
        for number, line in enumerate(read_lines(path), start=1):
            if line.strip():
                _take_in(path, facts, number, line, broken)
        return finished(path, facts, name, f"file {path.name}, origin and licence not stated", broken)
    except ValueConflict as conflict:
        raise conflicting_rows(path, conflict) from None


def _take_in(path: Path, facts: Facts, number: int, line: str, broken: BrokenLines) -> None:
    try:
        _add(path, facts, number, line)
    except ValueConflict as conflict:
        broken.meet(conflicting_rows(path, conflict))
    except DataError as error:
        broken.meet(error)


def _add(path: Path, facts: Facts, number: int, line: str) -> None:
    head, relation, tail = _parts(path, number, line)
    for what, part in (("head", head), ("relation", relation)):
        if not isinstance(part, str) or not part:
            raise DataError(path, f"a text that is not empty as {what}", line=number, found=json.dumps(part))
    if isinstance(tail, str) and tail:
        facts.link(head, relation, tail, number)
    else:
        facts.value(head, relation, _value(path, number, relation, tail), number)


def _parts(path: Path, number: int, line: str) -> list[Any]:
    try:
        item = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise DataError(path, f"{A_TRIPLE} ({reason})", line=number, found=line) from None
    if isinstance(item, list) and len(item) == 3:
        return item
    if isinstance(item, dict):
        by_role = {HEADER_ROLES.get(key.lower()): part for key, part in item.items()}
        if len(item) == 3 and by_role.keys() == {0, 1, 2}:
            return [by_role[role] for role in range(3)]
    raise DataError(path, A_TRIPLE, line=number, found=line)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _value(path: Path, number: int, relation: str, tail: object) -> Value:
    try:
        if is_value(tail):
            return value_of(tail)
        if isinstance(tail, dict) and tail.keys() == {"value", "type"} and tail["type"] in VALUE_KINDS:
            return typed_value(tail["type"], tail["value"])
    except ValueError as error:
        raise DataError(path, f'{error} as value of "{relation}"', line=number, found=json.dumps(tail)) from None
    raise DataError(path, A_TAIL, line=number, found=json.dumps(tail))
