"""Written instructions with what they mean, and the replies that are right; see `lists/README.md` for the form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reasoning.language.errors import TeachingError
from vision.reading.instructions.replies import TaskReply

FOLDER = Path(__file__).with_name("lists")


@dataclass(frozen=True)
class TaughtInstruction:
    """An instruction and the reply that is right."""

    text: str
    reply: TaskReply


def reply_of(entry: Mapping[str, Any]) -> TaskReply:
    """The reply that an entry of a list calls right."""
    task = entry["task"]
    if task.get("contradiction"):
        return TaskReply(contradiction="its parts exclude each other")
    values: dict[str, Any] = {
        "kind": task.get("do", "detect"),
        "classes": entry.get("said", ()),
        "excluded": entry.get("said_not", ()),
        "asks_whether": entry.get("whether", False),
        "unread": entry.get("unread_words", ()),
        "output": _output(task),
    }
    values |= {name: task[name] for name in ("expression", "limit", "min_score", "size") if task.get(name)}
    if task.get("region"):
        values["region"] = dict(zip(("left", "top", "right", "bottom"), task["region"], strict=True))
    return TaskReply.model_validate(values)


def _output(task: Mapping[str, Any]) -> dict[str, Any]:
    output = dict(task.get("output", {}))
    if output.get("format") == "tokens":
        output = {"scale": "range", **output}
    if "range" in output:
        output.setdefault("scale", "range")
    if "keys" in output:
        output["label_key"], output["box_key"] = output.pop("keys")
    if output.get("geometry") == ("polygon" if task.get("do") == "segment" or "points" in output else "box"):
        del output["geometry"]
    return output


def read_lists(paths: Sequence[Path]) -> list[TaughtInstruction]:
    """The entries of some lists that say by which words classes are named.

    Raises:
        TeachingError: a file is no such list.
    """
    found = []
    for path in paths:
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
            found += [TaughtInstruction(entry["instruction"], reply_of(entry)) for entry in entries if _is_told(entry)]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise TeachingError(f"{path} is no list of instructions ({type(error).__name__}: {error})") from error
    return found


def _is_told(entry: Mapping[str, Any]) -> bool:
    """Whether an entry says which words name what it asks for, and which are not obeyed."""
    task = entry["task"]
    names = task.get("classes") is not None or task.get("undetectable")
    told = bool(entry.get("said") or entry.get("said_not")) or not names or task.get("contradiction")
    return bool(told and (entry.get("unread_words") or not task.get("unread")))
