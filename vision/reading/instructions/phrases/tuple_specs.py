"""Written-out tuples: "(c, x1, y1, x2, y2)", "(c, x1, y1, ..., x16, y16)", "x, y, width, height".

They say the geometry, the number of points, the form of the box, whether coordinates are offsets, and whether the score
is written, all at once. VisionLLM (arXiv 2305.11175) states its output formats so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from vision.reading.instructions.phrases.rules import Reading, compiled

_CENTRE = r"cent(?:re|er)"
_ITEM = re.compile(
    r"(?<![\w'])(?:"
    rf"(?P<class>(?:class|category|label|cls)[ _-]?(?:name|label|token|index|idx|id|number)|class|category|cls|label"
    rf"|name|index|idx|id"
    rf"|c(?=[ ,;)\]>]))"
    r"|(?P<score>confidence(?: score)?|score|conf|prob|probability|s(?=[ ,;)\]>]))"
    rf"|(?P<cx>cx|xc|c_x|x_c|{_CENTRE}[ _-]?x|x[ _-]?{_CENTRE}|x_?ctr)"
    rf"|(?P<cy>cy|yc|c_y|y_c|{_CENTRE}[ _-]?y|y[ _-]?{_CENTRE}|y_?ctr)"
    r"|(?P<x>d?x_?\{?(?P<xi>\d{1,5}|n|k|m|i)\}?)|(?P<y>d?y_?\{?(?P<yi>\d{1,5}|n|k|m|i)\}?)"
    r"|(?P<left>(?:top|upper)[ -]left[ -]x|x_?min|x_?left|left|x_?tl|xl|l)|(?P<top>(?:top|upper)[ -]left[ -]y|y_?min"
    r"|y_?top|top|y_?tl|yt|t)"
    r"|(?P<right>(?:bottom|lower)[ -]right[ -]x|x_?max|x_?right|right|x_?br|xr|r)|(?P<bottom>(?:bottom|lower)["
    r" -]right[ -]y|y_?max|y_?bottom|bottom|y_?br|yb|b)"
    r"|(?P<px>x)|(?P<py>y)|(?P<w>width|w)|(?P<h>height|h)"
    r")(?![\w'-])"
    r"|(?P<dots>\.\.\.*)"
)
_BETWEEN = re.compile(r"[ ,;/|()\[\]{}<>\"':+-]{0,6}(?:and |then (?:the )?|the |its )?[(\[<]?")
_EXAMPLE = re.compile(r"\((?:\"[a-z][a-z ]{0,30}\"|[a-z][a-z ]{1,30}), ?$")
"""An example in place of the class: "(apple, x1, y1, x2, y2)"."""
_OPENING = "([<{"
_CLOSING = ")]>}"
_WORDS = {"left", "top", "right", "bottom", "width", "height", "class", "label", "name", "category", "score"}

_ANCHOR = compiled(
    r"(?:\((?:x|cx), ?(?:y|cy)\)|\bc?x ?(?:,|and|/) ?c?y\b)(?: coordinates?)?,? "
    r"(?:(?:being|is|are|as|gives?|giving|denotes?|marks?|means?|represents?|stands? for|stand for|refers? to|for|="
    r"|:) )?"
    r"(?:(?:the|its|of|coordinates?|position|located|at|box|bounding) ){0,6}"
    r"(?P<where>(?:top|upper)[ -]left|left[ -]top|centre|middle|midpoint)(?:[ -]hand)?(?: (?:corner|point|vertex"
    r"|coordinates?)){0,3}"
    r"(?: of (?:the|its|each|every) (?:bounding |enclosing )?(?:box|rectangle|object))?\b"
)


@dataclass(frozen=True)
class _Run:
    """Items of one written-out tuple: their names, the whole [start, end), and the text of its last index."""

    names: tuple[str, ...]
    start: int
    end: int
    indexes: tuple[str, ...]
    symbols: int


def read_tuple_specs(reading: Reading) -> None:
    """Read every written-out tuple in what is open of the text."""
    source = reading.source
    anchors = list(_ANCHOR.finditer(source.open))
    for match in anchors:
        form = "cxcywh" if match["where"] in ("centre", "middle", "midpoint") else "xywh"
        reading.say("box", form, *match.span())
    source.claim([match.span() for match in anchors], "output")
    spans = []
    for run in _runs(source.open):
        if _read_run(reading, run):
            spans.append((run.start, run.end))
    source.claim(spans, "output")


def _runs(text: str) -> Iterator[_Run]:
    items: list[re.Match[str]] = []
    for match in _ITEM.finditer(text):
        if items and (
            not (between := _BETWEEN.fullmatch(text, items[-1].end(), match.start()))
            or (match["class"] is not None and "(" in between[0])
        ):
            yield from _as_run(items, text)
            items = []
        items.append(match)
    yield from _as_run(items, text)


def _as_run(items: list[re.Match[str]], text: str) -> Iterator[_Run]:
    while items and items[0].lastgroup == "dots":
        items = items[1:]
    names = tuple(next(name for name in item.re.groupindex if item[name] is not None) for item in items)
    symbols = sum(
        item[0] not in _WORDS for item, name in zip(items, names, strict=True) if name not in ("class", "score", "dots")
    )
    coordinates = sum(name not in ("class", "score", "dots") for name in names)
    if coordinates < 2 or (symbols < 2 and coordinates < 4):
        return
    start, end = items[0].start(), items[-1].end()
    while start and text[start - 1] in _OPENING + '"':
        start -= 1
    if names[0] != "class" and (example := _EXAMPLE.search(text, 0, start)):
        names, start = ("class", *names), example.start()
    while end < len(text) and text[end] in _CLOSING + '"':
        end += 1
    indexes = tuple(item["xi"] or item["yi"] for item in items if item["xi"] or item["yi"])
    yield _Run(names, start, end, indexes, symbols)


def _read_run(reading: Reading, run: _Run) -> bool:
    """Say what a tuple says; False where it is none."""
    coordinates = [name for name in run.names if name not in ("class", "score")]
    place = (run.start, run.end)
    shape = " ".join(coordinates)
    if (len(set(coordinates)) == 2 and set(coordinates) in ({"px", "py"}, {"cx", "cy"}, {"w", "h"})) or shape == "x y":
        # A mention ("x1 and y1 are the top left corner"), or a tuple of the centre alone, which nothing here writes.
        if "class" in run.names and shape != "x y" and not reading.of("box"):
            reading.unread.append(place)
        return True
    if "score" in run.names:
        reading.say("score", True, *place)
    if "class" in run.names and run.names[0] not in ("class", "score"):
        reading.note("The class is written before the coordinates.")
    word = reading.source.text[run.start : run.end]
    if re.search(r"\b(?:(?:class|category|label|cls)[ _-]?)?(?:id|idx|index|number)\b", word):
        reading.say("class_as", "index", *place)
    if coordinates[:2] == ["cx", "cy"] and "x" in coordinates:
        reading.say("offsets", True, *place)
        reading.say("centre", True, *place)
        coordinates = coordinates[2:]
    elif coordinates == ["cx", "cy", "dots"]:
        reading.say("offsets", True, *place)
        reading.say("centre", True, *place)
        return True
    if _is_polygon(coordinates, run.indexes):
        reading.say("polygon", True, *place)
        if points := _points(coordinates, run.indexes):
            reading.say("points", points, *place)
        elif run.indexes and (
            last := re.compile(rf"\b{run.indexes[-1]} ?(?:=|is|being|equals) ?(\d{{1,5}})\b").search(
                reading.source.open, run.end
            )
        ):
            # "(c, x1, y1, ..., xn, yn) with n = 36"
            reading.say("points", int(last[1]), *last.span())
            reading.source.claim([last.span()], "output")
        return True
    form = {
        "x y x y": "xyxy",
        "left top right bottom": "xyxy",
        "px py w h": "xywh",
        "left top w h": "xywh",
        "left py w h": "xywh",
        "left py right py": "xyxy",
        "cx py w h": "cxcywh",
        "x y w h": "xywh",
        "cx cy w h": "cxcywh",
    }.get(" ".join(name for name in coordinates if name != "dots"))
    if form is None:
        if run.symbols < 2:
            return False
        reading.unread.append(place)
        return True
    # "(x, y, w, h)" says only by custom that (x, y) is the corner; words may say that it is the centre.
    reading.say("box", form, *place, weak=coordinates[0] in ("px", "x") and form == "xywh")
    return True


def _is_polygon(coordinates: list[str], indexes: tuple[str, ...]) -> bool:
    numbered = [name for name in coordinates if name in ("x", "y")]
    return len(numbered) >= 2 and "w" not in coordinates and ("dots" in coordinates or len(numbered) >= 6)


def _points(coordinates: list[str], indexes: tuple[str, ...]) -> int | None:
    """How many points the tuple writes out: the last index, one more where the first is 0, or None where it is open."""
    if not indexes or not indexes[-1].isdigit() or coordinates[-1] == "dots":
        return None
    return int(indexes[-1]) + (1 if indexes[0] == "0" else 0)
