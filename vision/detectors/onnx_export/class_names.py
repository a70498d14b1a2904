"""The class names of an ONNX file: in its metadata, where YOLO's exporter writes them, or in a file beside it."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vision.errors import DetectorError

SUFFIXES = (".names", ".txt", ".json")
MOST = 100_000


def class_names(path: Path, metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The names in the order of the classes' numbers.

    They come from `names` in the metadata, as JSON or a Python literal; else from `model.names` or `model.txt` with a
    name a line, or `model.json` with a list or an object of number to name, beside `model.onnx`; else from `id2label`
    in `config.json` beside it, which transformers' exporter writes.

    Raises:
        DetectorError: there are none, or they are not in one of these forms.
    """
    if "names" in metadata:
        return _ordered(_parsed(metadata["names"], f"`names` in the metadata of {path}"), f"{path}: `names`")
    for suffix in SUFFIXES:
        for beside in (path.with_suffix(suffix), path.with_name(path.name + suffix)):
            if beside.is_file():
                return _of_file(beside)
    config = path.with_name("config.json")
    if config.is_file():
        labels = _parsed(_read(config), str(config))
        if isinstance(labels, dict) and "id2label" in labels:
            return _ordered(labels["id2label"], f"{config}: `id2label`")
    raise DetectorError(
        f"{path} doesn't say what its classes are called: expected `names` in its metadata, as Ultralytics' export "
        f"writes, or a file {path.with_suffix('.names').name} beside it with one name a line, in the model's order"
    )


def _of_file(path: Path) -> tuple[str, ...]:
    text = _read(path)
    if path.suffix == ".json":
        return _ordered(_parsed(text, str(path)), str(path))
    return _ordered([line.strip() for line in text.strip().splitlines()], str(path))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DetectorError(f"{path} cannot be read: {error}; expected class names in UTF-8") from error


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        # Ultralytics writes Python's form of a dictionary; a literal is read, nothing is run.
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise DetectorError(f"{where}: expected a list or an object of number to name, found {text[:60]!r}") from error


def _ordered(names: Any, where: str) -> tuple[str, ...]:
    """A list, or a mapping of every number from 0, as names."""
    if isinstance(names, dict):
        try:
            numbered = {int(number): name for number, name in names.items()}
            names = [numbered[number] for number in range(len(numbered))]
        except (ValueError, TypeError, KeyError) as error:
            raise DetectorError(f"{where}: expected each number from 0 to {len(names) - 1} once as a key") from error
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
        raise DetectorError(f"{where}: expected a list of names or an object of number to name")
    if len(names) > MOST:
        raise DetectorError(f"{where}: {len(names):,} names; at most {MOST:,} were expected")
    return tuple(names)
