"""A task as the model writes it: an act, the words of what it is about, and what is said beside it, in short pieces.

    detect people, red umbrellas except mugs; largest 3; left half; width > 40; sure 0.5; json; keys label, bbox
    segment α; points 16; range 512; token
    ground: person left of the bus

Words are copied from the instruction; class sets stand there by their ids. What an instruction says nothing about is
not written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from vision.errors import InstructionError
from vision.reading.instructions.replies import LimitReply, OutputReply, RegionReply, SizeReply, TaskReply
from vision.reading.prompt import TextPrompt
from vision.task import DEFAULT_RANGE, BoxForm, ClassForm, FormatName, Geometry, Kind

NONSENSE = " contradiction"
"""What is written of an instruction whose parts cannot all hold."""

CHECK = " check"
"""The act of asking whether there is any such thing."""

ACTS: Mapping[str, Kind] = {f" {kind}": kind for kind in get_args(Kind)}

RANKS: Mapping[str, tuple[str, str]] = {
    " largest": ("area", "descending"),
    " smallest": ("area", "ascending"),
    " first": ("x", "ascending"),
    " last": ("x", "descending"),
    " highest": ("y", "ascending"),
    " lowest": ("y", "descending"),
    " best": ("score", "descending"),
    " worst": ("score", "ascending"),
    " nearest": ("centre", "ascending"),
    " outer": ("centre", "descending"),
}

PARTS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    " half": {"low": (0, 0.5), "mid": (0.25, 0.75), "high": (0.5, 1)},
    " third": {"low": (0, 0.333), "mid": (0.333, 0.667), "high": (0.667, 1)},
    " quarter": {"low": (0, 0.25), "high": (0.75, 1)},
    " thirds": {"low": (0, 0.667), "high": (0.333, 1)},
    " quarters": {"low": (0, 0.75), "high": (0.25, 1)},
}
"""Of the image's width or height; two thirds, three quarters."""
COLUMNS: Mapping[str, str] = {" left": "low", " middle": "mid", " right": "high"}
ROWS: Mapping[str, str] = {" top": "low", " central": "mid", " bottom": "high"}
AXES: Mapping[str, tuple[str, str]] = {" x": ("left", "right"), " y": ("top", "bottom")}
"""Any other stretch of the width or height is written in numbers."""

SIZES: Mapping[str, str] = {" area": "area", " share": "area_share", " width": "width", " height": "height"}
SIDES: Mapping[str, str] = {" >": "min", " <": "max"}
FORMATS: Mapping[str, FormatName] = {f" {name}": name for name in get_args(FormatName) if name != "tuple"}
GEOMETRIES: Mapping[str, Geometry] = {f" {name}": name for name in get_args(Geometry)}
BOXES: Mapping[str, BoxForm] = {f" {name}": name for name in get_args(BoxForm) if name != "xyxy"}
CLASSES: Mapping[str, ClassForm] = {" token": "token", " index": "index"}
FLAGS: Mapping[str, tuple[str, bool]] = {
    " offset": ("offsets", True), " bare": ("centre", False), " score": ("score", True),
}  # fmt: skip


_EXCEPT = re.compile(r"(?<!\S)except(?!\S)")


def written(reply: TaskReply, prompt: TextPrompt) -> list[str]:
    """The pieces in which a reply to an instruction is written.

    Raises:
        InstructionError: it names what does not stand in the instruction, or what no piece says.
    """
    if reply.contradiction:
        return [NONSENSE]
    act = CHECK if reply.asks_whether else f" {reply.kind}"
    pieces = [act]
    if reply.expression is not None and reply.kind in ("ground", "count"):
        pieces += [":", *_about(reply.expression, prompt)]
    else:
        pieces += _names(reply.classes, prompt)
        if reply.excluded:
            pieces += [" except", *_names(reply.excluded, prompt)]
    for part in _fields(reply, prompt):
        pieces += [";", *part]
    return pieces


def read_back(text: str, prompt: TextPrompt) -> TaskReply:
    """What pieces, joined, reply to an instruction.

    Raises:
        InstructionError: it is no reply, or names what does not stand in the instruction.
    """
    if text.strip() == NONSENSE.strip():
        return TaskReply(contradiction="its parts exclude each other")
    try:
        return _reply(text, prompt)
    except (KeyError, ValueError, IndexError) as error:  # a middle quarter, a share above 1
        raise InstructionError(f"{text.strip()!r} is no task ({error})") from error


def _reply(text: str, prompt: TextPrompt) -> TaskReply:
    first, *fields = text.split(";")
    act, _, rest = first.strip().partition(" ")
    values: dict[str, Any] = {"asks_whether": act == CHECK.strip()}
    kind = "detect" if values["asks_whether"] else act.rstrip(":")
    values["kind"] = kind
    if act.endswith(":"):
        members = prompt.set_by_id(rest.strip())
        values["expression"] = prompt.quoted(rest) if members is None else members[0]
    else:
        wanted, *excluded = _EXCEPT.split(rest, maxsplit=1)
        values["classes"], values["explicit_set"] = _named(wanted, prompt)
        values["excluded"] = [name for part in excluded for name in _named(part, prompt)[0]]
    output: dict[str, Any] = {}
    size: dict[str, float] = {}
    for field in fields:
        _read_field(field, values, output, size, prompt)
    if size:
        values["size"] = SizeReply(**size)
    if output:
        values["output"] = OutputReply(**output)
    return TaskReply.model_validate(values)


# Writing ------------------------------------------------------------------------------------------------------


def _names(names: Sequence[str], prompt: TextPrompt) -> list[str]:
    """Names as they are copied, or the id of the class set that has them."""
    if names and (letter := prompt.id_of_set(names)) is not None:
        return [letter]
    pieces: list[str] = []
    for name in names:
        pieces += [*([","] if pieces else []), *_name(name, prompt)]
    return pieces


def _name(name: str, prompt: TextPrompt) -> list[str]:
    """A name in one stretch, or in parts where its words stand apart: "red umbrellas" of "red and blue umbrellas"."""
    if prompt.find(name) is not None:
        return prompt.copied(name)
    return [piece for part in name.split() for piece in prompt.copied(part)]


def _about(phrase: str, prompt: TextPrompt) -> list[str]:
    """An expression, or the id of the class set that it is alone in."""
    letter = prompt.id_of_set([phrase])
    return prompt.copied(phrase) if letter is None else [letter]


def _number(value: float) -> list[str]:
    return [" ", *(str(int(value)) if value == int(value) else f"{value:.6f}".rstrip("0"))]


def _fields(reply: TaskReply, prompt: TextPrompt) -> Iterator[list[str]]:
    if reply.limit is not None:
        rank = next(word for word, found in RANKS.items() if found == (reply.limit.by, reply.limit.order))
        yield [rank, *_number(reply.limit.count)]
    if reply.region is not None:
        yield from _region_fields(reply.region)
    for word, name in SIZES.items():
        for sign, side in SIDES.items():
            value = getattr(reply.size, f"{side}_{name}", None)
            if value is not None:
                yield [word, sign, *_number(value)]
    if reply.min_score is not None:
        yield [" sure", *_number(reply.min_score)]
    output, plain = reply.output, OutputReply()
    if output.format != plain.format:
        yield [f" {output.format}"]
    if (output.label_key, output.box_key) != (plain.label_key, plain.box_key):
        yield [" keys", *prompt.copied(output.label_key), ",", *prompt.copied(output.box_key)]
    if output.geometry is not None:
        yield [f" {output.geometry}"]
    if output.points is not None:
        yield [" points", *_number(output.points)]
    if output.box != plain.box:
        yield [f" {output.box}"]
    if output.scale == "unit":
        yield [" unit"]
    if output.scale == "range" and not (output.format == "tokens" and output.range == DEFAULT_RANGE):
        yield [" range", *_number(output.range)]
    for word, (name, value) in FLAGS.items():
        if getattr(output, name) == value:
            yield [word]
    if output.class_as in CLASSES.values() and output.format != "tokens":
        yield [f" {output.class_as}"]
    for part in reply.unread:
        yield [" ignore", *prompt.copied(part)]


def _region_fields(region: RegionReply) -> Iterator[list[str]]:
    named: list[str] = []
    for axis, words in ((" x", COLUMNS), (" y", ROWS)):
        low, high = (getattr(region, side) for side in AXES[axis])
        if (low, high) == (0, 1):
            continue
        if part := _part(low, high, words):
            named += part
        else:
            yield [axis, *_number(low), ",", *_number(high)]
    if named:
        yield named


def _part(low: float, high: float, words: Mapping[str, str]) -> list[str]:
    for part, spans in PARTS.items():
        for place, span in spans.items():
            if max(abs(low - span[0]), abs(high - span[1])) < 0.004:
                return [next(word for word, name in words.items() if name == place), part]
    return []


# Reading ------------------------------------------------------------------------------------------------------


def _named(text: str, prompt: TextPrompt) -> tuple[list[str], bool]:
    """The classes that are named between commas, and whether a class set has them."""
    names: list[str] = []
    explicit = False
    for part in filter(None, map(str.strip, text.split(","))):
        members = prompt.set_by_id(part)
        explicit |= members is not None
        names += [part] if members is None else members
    return names, explicit


def _read_field(
    text: str, values: dict[str, Any], output: dict[str, Any], size: dict[str, float], prompt: TextPrompt
) -> None:
    head, _, rest = text.strip().partition(" ")
    word = f" {head}"
    if word in RANKS:
        by, order = RANKS[word]
        values["limit"] = LimitReply.model_validate({"count": int(rest), "by": by, "order": order})
    elif word in COLUMNS or word in ROWS:
        values.setdefault("region", {}).update(_region(text.split()))
    elif word in AXES:
        bounds = [float(part) for part in rest.split(",")]
        values.setdefault("region", {}).update(zip(AXES[word], bounds, strict=True))
    elif word in SIZES:
        size[f"{SIDES[f' {rest[0]}']}_{SIZES[word]}"] = float(rest[1:])
    elif word == " sure":
        values["min_score"] = float(rest)
    elif word in FORMATS:
        output["format"] = FORMATS[word]
        if output["format"] == "tokens":
            output["scale"] = "range"
    elif word == " keys":
        output["label_key"], output["box_key"] = (prompt.quoted(part) for part in rest.split(","))
    elif word in GEOMETRIES:
        output["geometry"] = GEOMETRIES[word]
    elif word == " points":
        output["points"] = int(rest)
    elif word in BOXES:
        output["box"] = BOXES[word]
    elif word == " unit":
        output["scale"] = "unit"
    elif word == " range":
        output |= {"scale": "range", "range": int(rest)}
    elif word in FLAGS:
        name, value = FLAGS[word]
        output[name] = value
    elif word in CLASSES:
        output["class_as"] = CLASSES[word]
    elif word == " ignore":
        values.setdefault("unread", []).append(prompt.quoted(rest))
    else:
        raise InstructionError(f"{head!r} begins no part of a reply")


def _region(words: Sequence[str]) -> dict[str, float]:
    values: dict[str, float] = {}
    for place, part in zip(words[::2], words[1::2], strict=True):
        column = COLUMNS.get(f" {place}")
        low, high = PARTS[f" {part}"][column or ROWS[f" {place}"]]
        values |= {"left": low, "right": high} if column else {"top": low, "bottom": high}
    return values
