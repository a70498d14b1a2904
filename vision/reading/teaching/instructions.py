"""Written instructions with the replies that are right, and variations of them; `lists/README.md` has the form.

A few thousand instructions name each thing so often that a student would learn what is looked for instead of reading
it. Words that are copied are exchanged in instruction and reply alike.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reasoning.language.errors import TeachingError
from vision.reading.instructions.replies import TaskReply
from vision.reading.prompt import TextPrompt

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


OTHER_CLASSES, OTHER_NUMBERS, LOWER, SLIPS = 0.6, 0.4, 0.08, 0.06
"""How often the classes are exchanged, the numbers are, capitals are lost, and a letter is doubled or lost."""


class Variations:
    """Draws variations of instructions.

    Args:
        instructions: whose class names are exchanged with each other.
    """

    def __init__(self, instructions: Sequence[TaughtInstruction]) -> None:
        names = {name.lower() for one in instructions for name in (*one.reply.classes, *one.reply.excluded)}
        plain = sorted(name for name in names if re.fullmatch(r"[a-z]+(?: [a-z]+)?", name))
        self._many = [name for name in plain if name.endswith("s") and not name.endswith("ss")]
        self._one = [name for name in plain if name not in set(self._many)]

    def draw(self, one: TaughtInstruction, rng: random.Random) -> TaughtInstruction:
        """A variation, or the instruction itself."""
        if rng.random() < OTHER_CLASSES:
            one = self._other_classes(one, rng)
        if rng.random() < OTHER_NUMBERS:
            one = _other_numbers(one, rng)
        if one.reply.output.label_key != "label":
            return one
        if rng.random() < LOWER:
            one = TaughtInstruction(one.text.lower(), one.reply)
        return _slip(one, rng) if rng.random() < SLIPS else one

    def _other_classes(self, one: TaughtInstruction, rng: random.Random) -> TaughtInstruction:
        """Each class that is named in one place only, and by none of the words of another, by another name."""
        reply, text = one.reply, one.text
        if reply.expression is not None:
            return one
        names = [*reply.classes, *reply.excluded]
        words = [word for name in (*names, *reply.unread) for word in name.lower().split()]
        put: dict[str, str] = {}
        for name in names:
            places = list(re.finditer(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE))
            shared = any(words.count(word) > 1 for word in name.lower().split())
            if len(places) != 1 or shared or not re.fullmatch(r"[A-Za-z]+(?: [A-Za-z]+)?", name):
                continue
            if re.search(r"(?:thing|things|stuff|that|is|are)\s+$", text[: places[0].start()], re.IGNORECASE):
                continue  # "anything edible"
            pool = self._many if name.lower() in self._many or name.endswith("s") else self._one
            other = rng.choice(pool)
            if re.search(rf"(?<!\w){re.escape(other)}(?!\w)", text, re.IGNORECASE) or other in put.values():
                continue
            start, end = places[0].span()
            shown = other.capitalize() if text[start].isupper() and not text[start:end].istitle() else other
            text = text[:start] + shown + text[end:]
            put[name] = other
        classes, excluded = ([put.get(name, name) for name in part] for part in (reply.classes, reply.excluded))
        return TaughtInstruction(text, reply.model_copy(update={"classes": classes, "excluded": excluded}))


def _other_numbers(one: TaughtInstruction, rng: random.Random) -> TaughtInstruction:
    """A number of objects, points or a range that stands there once in digits, another in its place."""
    reply, text = one.reply, one.text
    output = reply.output
    for value, least, most in (
        (None if reply.limit is None else reply.limit.count, 2, 20),
        (output.points, 4, 64),
        (output.range if output.scale == "range" else None, 100, 2000),
    ):
        if value is None or value < 2 or not _stands_once(value, text):
            continue
        other = rng.randint(least, most)
        text = re.sub(rf"(?<!\d){value}(?!\d)", str(other), text)
        if value == (reply.limit.count if reply.limit else None):
            reply = reply.model_copy(update={"limit": reply.limit.model_copy(update={"count": other})})  # type: ignore[union-attr]
        elif value == output.points:
            output = output.model_copy(update={"points": other})
        else:
            output = output.model_copy(update={"range": other})
    return TaughtInstruction(text, reply.model_copy(update={"output": output}))


def _stands_once(number: int, text: str) -> bool:
    """Whether a number is said in one place, in digits and as no part of another or of a name such as "x16"."""
    places = re.findall(rf"(?<![\d.]){number}(?!\.?\d)", text)
    return len(places) == 1 and not re.search(rf"[A-Za-z_]{number}", text)


def _slip(one: TaughtInstruction, rng: random.Random) -> TaughtInstruction:
    """One letter lost or doubled in a word that the reply does not copy."""
    reply = one.reply
    copied = " ".join([*reply.classes, *reply.excluded, reply.expression or "", *reply.unread]).lower()
    words = [
        word
        for word in TextPrompt(one.text).copied_words.words
        if len(word.text) > 3 and word.text.isalpha() and word.text.lower() not in copied
    ]
    if not words:
        return one
    word = rng.choice(words)
    at = rng.randrange(word.start + 1, word.end - 1)
    put = one.text[at] * 2 if rng.random() < 0.5 else ""
    return TaughtInstruction(one.text[:at] + put + one.text[at + 1 :], reply)
