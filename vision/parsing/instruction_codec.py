"""Codec between tasks and the text that the model writes, and the grammar of that text.

    detect people, red umbrellas except mugs; largest 3; left half; width > 40; sure 0.5; json; keys label, bbox
    segment α; points 16; range 512; token
    ground: person left of the bus

Words are copied from the instruction; class sets stand there by their ids. What an instruction says nothing about is
not written. The instruction comes from a stranger, so what the model names must stand in it: a class that it made up,
or was talked into, has no effect. What words mean among the detector's classes is decided by the matcher.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from reasoning.lm.constraint import any_piece
from vision.classes import COCO_CLASSES, Match, Matcher
from vision.classes.lexicon import emoji_name
from vision.errors import InstructionError
from vision.parsing.prompt import SET_IDS, TextPrompt
from vision.task import (
    DEFAULT_RANGE,
    BoxForm,
    ClassForm,
    FormatName,
    Geometry,
    Kind,
    Limit,
    Order,
    OutputFormat,
    RankKey,
    Scale,
    SizeRange,
    Target,
    Task,
    Undetectable,
)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LimitReply(_Strict):
    """The objects that are kept by rank."""

    count: int = Field(ge=1, description="how many objects are kept; 1 for 'the largest dog'")
    by: RankKey = Field(
        default="score", description="area for largest or smallest, x or y for left/right or top/bottom"
    )
    order: Order = Field(default="descending", description="largest, rightmost, lowest, surest are descending")


class RegionReply(_Strict):
    """The part of the image that objects lie in, as shares of it: the left half has right=0.5."""

    left: float = Field(default=0, ge=0, le=1)
    top: float = Field(default=0, ge=0, le=1)
    right: float = Field(default=1, ge=0, le=1)
    bottom: float = Field(default=1, ge=0, le=1)


class SizeReply(_Strict):
    """Bounds on the size of boxes, in pixels, square pixels or shares of the image."""

    min_area: float | None = Field(default=None, ge=0)
    max_area: float | None = Field(default=None, ge=0, description="small things have at most 1024 square pixels")
    min_area_share: float | None = Field(default=None, ge=0, le=1)
    max_area_share: float | None = Field(default=None, ge=0, le=1)
    min_width: float | None = Field(default=None, ge=0)
    max_width: float | None = Field(default=None, ge=0)
    min_height: float | None = Field(default=None, ge=0)
    max_height: float | None = Field(default=None, ge=0)


class OutputReply(_Strict):
    """How the result is written."""

    format: FormatName = "tuple"
    geometry: Geometry | None = Field(default=None, description="box or polygon, where the instruction says which")
    points: int | None = Field(default=None, ge=3, le=10_000, description="points of a polygon")
    box: BoxForm = Field(default="xyxy", description="corners, corner and size, or centre and size")
    scale: Scale = Field(default="pixel", description="unit for 0 to 1, range for whole numbers up to a range")
    range: int = Field(default=512, ge=1, le=1_000_000)
    offsets: bool = Field(default=False, description="coordinates are offsets from each object's centre point")
    centre: bool = Field(default=True, description="false where offsets must not carry the centre")
    class_as: ClassForm = Field(
        default="name", description="token where the class set has <c0>, index for numbers from 0"
    )
    label_key: str = Field(default="label", max_length=100)
    box_key: str = Field(default="bbox", max_length=100)
    score: bool = Field(default=False, description="true where the score is to be written")


class TaskReply(_Strict):
    """What an instruction for an object detector asks for."""

    kind: Kind = Field(
        default="detect", description="ground for an expression in which a relation to another object decides"
    )
    classes: list[str] = Field(default_factory=list, description="class names asked for; none for everything")
    excluded: list[str] = Field(default_factory=list, description="class names ruled out")
    explicit_set: bool = Field(default=False, description="true where the classes stand in braces or a quoted list")
    asks_whether: bool = Field(default=False, description="true where it only asks if there is any such thing")
    expression: str | None = Field(default=None, description="for ground, the referring expression")
    limit: LimitReply | None = None
    region: RegionReply | None = None
    size: SizeReply | None = None
    min_score: float | None = Field(default=None, ge=0, le=1)
    output: OutputReply = Field(default_factory=lambda: OutputReply())
    contradiction: str | None = Field(default=None, description="the two parts that contradict each other, if any do")
    unread: list[str] = Field(default_factory=list)


def task_of(text: str, reply: TaskReply, matcher: Matcher) -> Task:
    """The task that a reply to an instruction means.

    Raises:
        InstructionError: the instruction contradicts itself.
    """
    if reply.contradiction:
        raise InstructionError(
            f"the instruction contradicts itself ({reply.contradiction}): expected one in which all parts can hold"
        )
    _require_sizes(reply.size)
    notes: list[str] = []
    said = _Said(text)
    wanted = said.of("class", reply.classes, notes)
    excluded = said.of("excluded class", reply.excluded, notes)
    expression = reply.expression if reply.kind in ("ground", "count") else None
    if expression is not None and not said.holds(expression):
        notes.append(f"The language model's expression {expression!r} is not in the instruction, so it was left out.")
        expression = None
    expression = None if expression is None else _bare(expression)
    kind: Kind = "detect" if reply.kind == "ground" and expression is None else reply.kind
    matches = matcher.match_all([*wanted, *excluded])
    out = {name for match in matches[len(wanted) :] for name in match.classes}
    targets, undetectable, labels = _targets(wanted, matches[: len(wanted)], out, reply.explicit_set)
    if not wanted and out:
        known = getattr(matcher, "vocabulary", None) or COCO_CLASSES
        targets = {name: Target(name, (name,)) for name in known if name not in out}
    if wanted and not targets and not undetectable:
        raise InstructionError(
            "the instruction rules out everything that it asks for: expected one that leaves something"
        )
    everything = not wanted and not out
    class_set = tuple(labels.get(phrase, phrase) for phrase in wanted) if reply.explicit_set else tuple(targets)
    if kind == "ground" and expression:
        class_set = (expression,)
    elif everything:
        class_set = ()
    return Task(
        instruction=text,
        kind=kind,
        targets=None if everything or kind == "ground" else tuple(targets.values()),
        class_set=tuple(dict.fromkeys(class_set)),
        undetectable=() if kind == "ground" else tuple(undetectable.values()),
        asks_whether=reply.asks_whether,
        expression=expression,
        limit=None if reply.limit is None else Limit(reply.limit.count, reply.limit.by, reply.limit.order),
        region=_reply_region(reply, notes),
        size=None if reply.size is None else SizeRange(**reply.size.model_dump()),
        min_score=reply.min_score,
        output=_output(reply.output, kind),
        unread=tuple(reply.unread),
        notes=tuple(notes),
    )


def _require_sizes(size: SizeReply | None) -> None:
    """Raise an `InstructionError` where the least is more than the most."""
    for name in ("area", "area_share", "width", "height"):
        least, most = getattr(size, f"min_{name}", None), getattr(size, f"max_{name}", None)
        if least is not None and most is not None and least > most:
            words = name.replace("_", " ")
            raise InstructionError(
                f"the instruction contradicts itself ({words} at least {least:g} and at most {most:g}): expected "
                "bounds that something can lie between"
            )


def _targets(
    wanted: list[str], matches: list[Match], out: set[str], explicit: bool
) -> tuple[dict[str, Target], dict[str, Undetectable], dict[str, str]]:
    """The targets by label, the words of no class, and the labels of the phrases of a class set."""
    targets: dict[str, Target] = {}
    labels: dict[str, str] = {}
    undetectable: dict[str, Undetectable] = {}
    for phrase, match in zip(wanted, matches, strict=True):
        if not match.classes:
            undetectable.setdefault(match.label, Undetectable(match.label, match.nearest))
            continue
        left = tuple(name for name in match.classes if name not in out)
        narrower = (match.thing,) if match.narrower else ()
        if (match.is_group or match.narrower) and not explicit:
            for name in left:
                member = f"{match.colour} {name}" if match.colour else name
                _add(targets, Target(member, (name,), match.colour, narrower))
        elif left:
            label = phrase if explicit else match.label
            if narrower:
                label = " ".join(filter(None, (match.colour, " or ".join(left))))
                # In a set of the user's own each phrase has its place, also where several mean one class.
                if label not in wanted and label not in targets:
                    labels[phrase] = label
            _add(targets, Target(label, left, match.colour, narrower))
    return targets, undetectable, labels


def _add(targets: dict[str, Target], target: Target) -> None:
    """Add a target, or its words to one of its label; what names the class itself goes before what is narrower."""
    known = targets.setdefault(target.label, target)
    if known.narrower:
        both = tuple(dict.fromkeys((*known.narrower, *target.narrower)))
        targets[target.label] = replace(known, narrower=both if target.narrower else ())


def _output(reply: OutputReply, kind: Kind) -> OutputFormat:
    tokens = reply.format == "tokens"
    return OutputFormat(
        format=reply.format,
        geometry=reply.geometry or ("polygon" if kind == "segment" or reply.points else "box"),
        points=reply.points,
        box=reply.box,
        scale="range" if tokens else reply.scale,
        range_=reply.range,
        offsets=reply.offsets,
        centre=reply.centre,
        class_as="token" if tokens else reply.class_as,
        keys=(reply.label_key, reply.box_key),
        score=reply.score,
    )


def _reply_region(reply: TaskReply, notes: list[str]) -> tuple[float, float, float, float] | None:
    if reply.region is None:
        return None
    region = reply.region
    if region.left < region.right and region.top < region.bottom:
        return region.left, region.top, region.right, region.bottom
    notes.append(f"The language model's region ({region}) is none, so it was left out.")
    return None


class _Said:
    """Which phrases stand in the instruction, whatever their case, spacing and marks."""

    def __init__(self, text: str) -> None:
        self._text = f" {_plain(text)} "
        self._words = set(self._text.split())

    def holds(self, phrase: str) -> bool:
        """Whether a phrase stands there as it is."""
        return f" {_plain(phrase)} " in self._text

    def of(self, what: Literal["class", "excluded class"], phrases: list[str], notes: list[str]) -> list[str]:
        """The phrases whose words it holds ("red umbrellas" of "red and blue umbrellas") once; others are noted."""
        kept = []
        for phrase in dict.fromkeys(" ".join(phrase.lower().split()) for phrase in phrases):
            if self._words.issuperset(_plain(phrase).split()):
                kept.append("".join(emoji_name(letter) or letter for letter in phrase))
            else:
                notes.append(f"The language model's {what} {phrase!r} is not in the instruction, so it was left out.")
        return kept


def _bare(expression: str) -> str:
    """An expression in lower case, without its article and the marks around it."""
    words = " ".join(expression.lower().split()).strip(" .,;:!?\"'")
    return re.sub(r"^(?:the|a|an) ", "", words)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


NONSENSE = " contradiction"
"""What is written of an instruction whose parts cannot all hold."""

CHECK = " check"
"""The act of asking whether there is any such thing."""

ACTS: Mapping[str, Kind] = {f" {kind}": kind for kind in get_args(Kind)}

RANKS: Mapping[str, tuple[str, str]] = {
    " largest": ("area", "descending"), " smallest": ("area", "ascending"), " first": ("x", "ascending"),
    " last": ("x", "descending"), " highest": ("y", "ascending"), " lowest": ("y", "descending"),
    " best": ("score", "descending"), " worst": ("score", "ascending"), " nearest": ("centre", "ascending"),
    " outer": ("centre", "descending"),
}  # fmt: skip

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
        letter = prompt.id_of_set([reply.expression])  # of a class set that it is alone in
        pieces += [":", *(prompt.copied(reply.expression) if letter is None else [letter])]
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


_RULES = """
start: nonsense | act named? field* | (ground | count) colon about field*
about: set | span
named: names (except names)? | except names
names: name (comma name)*
name: set | span | span span
field: semicolon part
part: rank number | (column division)? row division | column division | extent side number | sure number
    | axis number comma number | keys span comma span | measure number | word | ignore span
number: space digit{1,7} (point digit{1,6})?
"""


def task_grammar(prompt: TextPrompt, piece: Callable[[str], Sequence[int]]) -> str:
    """The grammar of what may be written of an instruction and its words; `piece` gives the tokens of a piece."""
    classes: dict[str, Iterable[str]] = {
        "nonsense": (NONSENSE,),
        "act": [act for act in (*ACTS, CHECK) if act != " ground"],
        "ground": (" ground",), "count": (" count",), "colon": (":",), "except": (" except",), "comma": (",",),
        "semicolon": (";",), "space": (" ",), "digit": "0123456789", "point": (".",),
        "set": [f" {letter}" for letter, _ in zip(SET_IDS, prompt.sets, strict=False)],
        "rank": RANKS, "column": COLUMNS, "row": ROWS, "division": PARTS, "extent": SIZES, "side": SIDES,
        "axis": AXES, "sure": (" sure",), "keys": (" keys",), "measure": (" points", " range"), "ignore": (" ignore",),
        "word": (*FORMATS, *GEOMETRIES, *BOXES, " unit", *FLAGS, *CLASSES),
    }  # fmt: skip
    rules = [f"{name}: {any_piece(pieces, piece)}" for name, pieces in classes.items()]
    return "\n".join([_RULES, *rules, *prompt.copied_words.span_rules(piece)])
