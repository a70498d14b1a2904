"""How coordinates are to be written, in words: form of the box, offsets with or without their centre, and scale.

A row is the core of a wording: what stands around it ("as", "in the form of", "coordinates") has no meaning of its own
and is known to the lexicon.
"""

from __future__ import annotations

import re

from vision.reading.instructions.phrases.rules import Reading, rule
from vision.reading.instructions.words.numbers import number
from vision.task import DEFAULT_RANGE

_ITS = r"(?:(?:the|its|their|each|every|that|this|a|an|own|said|respective|corresponding) ){0,6}"
_OBJECT = (
    r"(?:(?:(?:bounding |enclosing )?(?:object|box|instance|item|rectangle|polygon|mask|shape|detection)(?:'s|s'|s)?"
    r"|[a-z]+'s|[a-z]+s')(?: own)? )?"
)
_MIDDLE = r"(?:centre|middle|midpoint|centroid)s?(?:[ -](?:points?|coordinates?|position|location)\b){0,6}"
_CENTRE = rf"{_ITS}{_OBJECT}\b{_MIDDLE}(?: of {_ITS}(?:bounding |enclosing )?(?:all )?[a-z]+\b)?"
_UPPER_LEFT = (
    r"(?:top|upper|left)[ -]?(?:left|top|upper)(?:[ -]hand)?(?:[ -](?:corner|point|vertex|coordinates?)\b){0,6}"
)
_LOWER_RIGHT = (
    r"(?:bottom|lower|right)[ -]?(?:right|bottom|lower)(?:[ -]hand)?(?:[ -](?:corner|point|vertex|coordinates?)\b){0,6}"
)
_THEN = r"(?: ?(?:,|;|\+|&|/|\band\b|\bplus\b|\bwith\b|\bfollowed by\b|\bthen\b|\bas well as\b|\btogether with\b))+ ?"
_EXTENT = (
    r"(?:(?:the|its|box|their|a) ){0,6}(?:(?:width|w)\b(?: ?(?:,|/|\band\b|\bthen\b|\bby\b|\bx\b|&)){1,3} ?(?:the "
    r"|its )?(?:box "
    r")?(?:height|h)\b|dimensions|sizes?)\b"
)

_CORNERS = (
    r"(?:(?:the|a|its|two|both) ){0,2}(?:(?:second|other|opposite|last|lower[ -]right|bottom[ -]right) )?"
    r"(?:corners?|corner coordinates)\b"
)

BOX_FORMS = (
    rule(
        rf"\b{_UPPER_LEFT}(?: \(?x(?:,| and)? ?y\)?)?{_THEN}{_EXTENT}|\b(?:corner|origin){_THEN}{_EXTENT}"
        rf"|\bx-?y-?w-?h\b|\b[lt][lt]wh\b"
        rf"|\b{_EXTENT} (?:instead of|rather than|in place of|not) {_CORNERS}",
        "box",
        "xywh",
    ),
    rule(
        rf"\b(?:box |object )?{_MIDDLE}(?: of {_ITS}(?:bounding )?(?:box|object))?(?: \(?x(?:,| and)? "
        rf"?y\)?)?{_THEN}{_EXTENT}(?: instead of {_CORNERS})?"
        r"|\bcx-?cy-?w-?h\b|\bxc-?yc-?w-?h\b",
        "box",
        "cxcywh",
    ),
    rule(
        rf"\bx-?y-?x-?y\b|\bltrb\b|\bx1y1x2y2\b|\b{_UPPER_LEFT}{_THEN}(?:the |its ){{0,6}}{_LOWER_RIGHT}|\b(?:upper"
        rf"|top) left to (?:lower|bottom) right\b"
        r"|\b(?:opposite|two|both|diagonal|box|diagonally opposite) corners?\b|\bcorner (?:coordinates?|points?"
        r"|format|form)\b"
        r"|\b(?<!\d )corners\b(?! of (?:the |this )?(?:image|picture|photo|frame))",
        "box",
        "xyxy",
        weak=True,
    ),
    rule(rf"\bfrom (?:the )?{_UPPER_LEFT}\b(?!«of image»)", None),
)

_OFFSET = r"\b(?:offsets?|displacements?|deltas?|differences?|vectors?)\b"
OFFSETS = (
    # "(c, cx, cy, x1, y1), the last four being offsets"
    rule(
        r"\b(?:the |these |those )?(?:(?:last|remaining|other|latter) )?(?:two|four|\d{1,2}) (?:(?:numbers|values"
        r"|coordinates|ones) )?"
        rf"(?=(?:being|are|as|given as|written as|is|should be|must be) (?:the )?{_OFFSET})",
        None,
    ),
    # "the offsets of the corners from the centre point": what stands between is read by others.
    rule(
        rf"(?P<a>{_OFFSET})(?:[^.;!?]{{0,90}}?) (?P<b>(?:from|to|relative to|with respect to|w\.?r\.?t\.?|around"
        rf"|about|against|of|off) {_CENTRE})",
        "offsets",
    ),
    rule(
        r"\b(?:relative(?: coordinates?)? (?:to|from)|measured from|counted from|taken from|with respect to|with "
        r"reference to|w\.?r\.?t\.?"
        rf"|starting (?:from|at)|seen from|as seen from|from) {_CENTRE}(?! (?:of the |of this )?«image»)",
        "offsets",
    ),
    rule(rf"\b{_MIDDLE}[ -](?:relative|offset|based)s?\b", "offsets"),
    rule(_OFFSET, "offsets"),
)

_NOT_WRITTEN = (
    r"(?:not (?:be )?(?:needed|required|wanted|included|written|output|given|part|necessary|there|printed|reported"
    r"|shown|in|appear|stated|listed|to be \w+)"
    r"|omitted|left (?:out|off)|excluded|dropped|unnecessary|forbidden|skipped|suppressed)\b(?: of (?:the "
    r")?(?:output|tuple|result))?"
)
_CENTRES = (
    rule(
        rf"\bleav(?:e|ing) {_CENTRE}(?: itself)? (?:out|off|away)(?: of (?:it|the (?:output|tuple|result)))?"
        rf"|\bwithout (?:stating|giving|writing|saying|naming) (?:that|this) point\b|\bkeep(?:ing)? {_CENTRE}(?:"
        rf" itself)? out(?: of (?:it|(?:the|your) (?:output|tuples?|results?|answer)))?"
        rf"|\b(?:omit(?:ting)?|drop(?:ping)?|skip(?:ping)?"
        rf"|leav(?:e|ing) out|without|suppress(?:ing)?|no) (?:(?:giving|writing|stating|saying|telling|including"
        rf"|mentioning|outputting|reporting|showing|adding|the need for) )?"
        rf"(?:where )?{_CENTRE}(?: itself)?(?: (?:is|lies|sits|stands)\b)?|{_CENTRE}(?: itself)? (?:(?:is|are"
        rf"|be|being|should|must|may|can|to|need"
        rf"|shall|has|will) ){{0,6}}{_NOT_WRITTEN}",
        "centre",
        False,
        negatable=False,
    ),
    rule(rf"{_CENTRE}(?: itself)?", "centre"),
)


def _range(match: re.Match[str]) -> object:
    """The range whose upper end a pattern's n is; "0 to 1" is the unit scale."""
    low = match["low"] if "low" in match.re.groupindex else None
    value = number(match["n"])
    if low is not None and not low.startswith(("0", "zero", "-", "minus")):
        return None
    return "unit" if value == 1 and low in (None, "0", "0.0", "zero") else value


_PER_UNIT = r"(?![\w%]|\.\d| ?(?:px|pixels?|%|square)\b)"
_BINS = r"(?:[ -](?:bins?|units?|steps|levels|scale|grid|range|cells|parts))"
SCALES = (
    # "0 to 1000", "[0, 1]", "between -512 and 512", "0..1"
    rule(
        rf"(?:\b(?:between|from|in|within|range|to|into) )?[\[(]?(?P<low>(?<![\w.])-?\d+(?:\.0)?|\bzero|\bminus «n2»|-)"
        rf"(?: ?(?:to|and|,|\.\.+|-|through|until|up to|:) ?)\+?(?P<n>\d[\d,]*(?:\.0)?|one\b)[\])]?{_PER_UNIT}",
        "scale",
        _range,
    ),
    rule(r"(?:±|\+ ?/ ?-|\+-|\bplus[ -]or[ -]minus|\bplus/minus) ?«n»", "scale", _range),
    rule(
        rf"\b(?:coordinates?|values?|numbers?|tokens?|they|offsets?|all) (?:(?:run|runs|go|goes|reach|reaches|span"
        rf"|count|is"
        rf"|are|be|should|must|can|may|will|lie|scaled|range|up) ){{1,3}}(?:up )?to «n»{_PER_UNIT}",
        "scale",
        _range,
    ),
    rule(
        rf"\brange(?: (?:of|for|across) (?:the |these |all )*(?:location )?(?:tokens?|coordinates?|values?|numbers?"
        rf"|offsets?))?"
        rf"(?: (?:of|is|size|limit|set|to|up|being|equals?|should|be|must|value)|:|=|,|\?){{0,6}} "
        rf"?\(?«n»\)?{_PER_UNIT}",
        "scale",
        _range,
    ),
    rule(r"«n» (?:(?:as|for) )?(?:the |its |our )?(?:coordinate )?range\b(?! of)", "scale", _range),
    rule(rf"\bscale(?: (?:of|up to|is)| ?[=:])? ?«n»{_PER_UNIT}(?! ?(?:to|and|-))", "scale", _range),
    rule(
        rf"\b(?:normalis|scal|rescal|mapp|quantis|discretis|binn|multipli)ed (?:\w+ )?(?:to|into|in|onto|by|with) "
        rf"(?:a |the )?«n»{_PER_UNIT}{_BINS}?",
        "scale",
        _range,
    ),
    rule(rf"\b«n»{_BINS}\b", "scale", _range),
    rule(r"(?:(?:with)?in (?:the )?)?(?:\brange (?:of )?)?(?:<range>|\[range\]|\{range\})", "scale", DEFAULT_RANGE),
    rule(
        r"\b(?:within|in|inside|to|into|over|on|by|using) (?:the|a|that|this|its|one)(?: same| usual| given| fixed|"
        r" set| default| customary| ordinary| normal| stated| specified| required| common"
        r"| standard)? range\b(?!(?: (?:of|from|between|is|should|being|set|the|value|here))* ?[\d±+\ue000-\ue004-])",
        "scale",
        DEFAULT_RANGE,
        weak=True,
    ),
    rule(r"\b(?:in|as|use|using|with) range (?:coordinates?|units?|values?|scale)\b", "scale", DEFAULT_RANGE),
    rule(
        r"\bdivided by (?:the |its )?(?:«image»(?:'s)? )?(?:width and height|w and h|(?:image )?(?:size|dimensions))",
        "scale",
        "unit",
    ),
    rule(
        r"\b(?:in|as|to) (?:%|percent(?:ages?)?)(?! ?\d)|\bpercentages?\b|(?<!\d)(?<!\d )%[ -](?:coordinates?|values?"
        r"|units?|box(?:es)?|bounding|corners?|scale|numbers?)",
        "scale",
        100,
    ),
    rule(r"\bwhich pixels (?:belong|correspond|are|do|make|show)\b", None, negatable=False),
    rule(r"\b(?:un-?normalised|(?:not|non)[ -]normalised)\b", "scale", "pixel", negatable=False),
    rule(
        r"\b(?:pixels?|px)\b(?:[ -](?:coordinates?|values?|units?|positions?|space)\b){0,6}",
        "scale",
        "pixel",
    ),
    rule(r"\bnot (?:as )?absolute(?: (?:positions?|coordinates?|values?|ones))?\b", None, negatable=False),
    rule(r"\babsolute\b(?! centre)", "scale", "pixel", weak=True),
    rule(
        r"\bnormalis(?:ed?|ation|ing)\b|\bfraction(?:al|s)\b|\b(?:as|in|into) (?:fractions?|shares|proportions"
        r"|ratios)\b"
        r"|\bunit (?:square|scale|coordinates|interval)\b",
        "scale",
        "unit",
    ),
    rule(
        r"\b(?:relative|proportional|in proportion)(?: coordinates?| values?)? to (?:the )?(?:full |whole "
        r")?«image»(?:'s)?"
        r"|\b(?:relative|proportional) (?:image )?(?:coordinates?|values|units|terms)\b(?! (?:to|from))"
        r"|\b(?:fractions?|shares?|proportions?|ratios?) of (?:the )?(?:full |whole )?(?:«image»|width|height"
        r"|side)(?:'s)?(?: and (?:the )?(?:width|height)| size)?",
        "scale",
        "unit",
    ),
)


def read_centres(reading: Reading) -> None:
    """Read whether offsets carry the centre point; after the regions, since "the centre of the image" is one."""
    if reading.of("offsets"):
        reading.apply(_CENTRES)
