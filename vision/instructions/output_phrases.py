"""How the result is to be written, in words: format, keys, points, form of the box, scale, offsets, class and score.

A row is the core of a wording: what stands around it ("as", "in the form of", "coordinates") has no meaning of its own
and is known to the lexicon. The tables are read in the order of `read_output`: what is longer or has numbers first.
"""

from __future__ import annotations

import re

from vision.instructions.numbers import number
from vision.instructions.rules import Reading, Rule, rule
from vision.instructions.task import DEFAULT_RANGE

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
    r")?(?:height|h)\b|dimensions|size)\b"
)

_CORNERS = (
    r"(?:(?:the|a|its|two|both) ){0,2}(?:(?:second|other|opposite|last|lower[ -]right|bottom[ -]right) )?"
    r"(?:corners?|corner coordinates)\b"
)

_BOX_FORMS = (
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
_OFFSETS = (
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
_SCALES = (
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
    rule(rf"\bscale (?:of|up to|is|=|:) ?«n»{_PER_UNIT}(?! ?(?:to|and|-))", "scale", _range),
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

_STANDARD = (
    r"(?:[- ](?:style|like|compatible|format(?:ted)?|annotations?|labels?|results?|files?|dataset|output|notation"
    r"|records?|txt|text|xml|json"
    r"|rows?|lines?|type|convention|detections?|standard)\b){0,6}"
)
_FORMATS = (
    rule(
        r"<p(?:\.\.+|_?[ijkmnx]| ?[xy]?\d?)>|<p ?-? ?\d+>(?: ?(?:\.\.+|to|-|,|and|through) ?<p ?-? ?(?P<n>\d+)>)?",
        "format",
        "tokens",
        negatable=False,
    ),
    rule(
        r"(?:\b(?:two|four|2|4|pairs of) )?\b(?:location|position|positional|coordinate|loc|spatial|quantised|point"
        r"|polygon|box)[ -]tokens?\b"
        r"|\bvisionllm(?:'s)?(?:[ -](?:tokens?|format|style|notation|output)){1,3}\b|\b(?:as|like"
        r"|in) visionllm\b(?:'s)?"
        r"|\b(?:as|in|using|with|into|(?<!range )of) (?:(?:a|the) )?(?:sequences? of )?(?:discrete |special"
        r" )?tokens?\b(?! <c)"
        r"|(?:(?<=, )|(?<=; )|^)tokens?\b(?= ?(?:$|[.,;!]|please|only))",
        "format",
        "tokens",
    ),
    # "Small as COCO defines it" speaks of sizes, "COCO classes" of a vocabulary, and neither of a format.
    rule(
        r"\b(?:as |by |in |per |after |following |under |according to )?(?:the )?(?:ms[ -]?)?coco(?:'s)?(?: own)? "
        r"(?:defin\w+|areas?|sizes?|size \w+|sense|terms|meaning|measures?|standards?|criteri\w+|metrics?|rules?"
        r"|buckets?|thresholds?|area \w+)\b(?: (?:it|them|of size))?"
        r"|\b(?:ms[ -]?)?coco(?:'s)?[ -](?=(?:small|medium|large)\b)",
        None,
    ),
    rule(rf"\b(?:ms[ -]?)?coco\b(?! (?:class|categor|vocab|object|label|names))(?:'s)?{_STANDARD}", "format", "coco"),
    rule(rf"\b(?:yolo(?:[ -]?v?\d+)?|darknet)\b{_STANDARD}", "format", "yolo"),
    rule(rf"\b(?:pascal[ -]?voc|voc|pascal)\b(?:[ -]?\d{{4}}\b)?{_STANDARD}", "format", "voc"),
    rule(r"\bjson\b", "format", "json"),
    rule(r"\b(?:n-)?tuples?\b", "format", "tuple", weak=True),
)

_POINT = r"(?:corner points?|points?|pts?|vertices|vertex|vertexes|nodes?)\b"
_POINTS: tuple[Rule, ...] = (
    rule(
        r"\b(?:polygon|outline|contour|mask)s?(?: each)? (?:of|with|having) «n» corners\b",
        "points",
        lambda match: number(match["n"]),
    ),
    # "16 location-token points": the words between name the format.
    rule(
        rf"(?P<a>«n»)[ -](?:(?:location|position|coordinate)[ -]tokens?)[ -](?P<b>{_POINT})",
        "points",
        lambda match: number(match["n"]),
    ),
    rule(
        rf"\b(?:number|count) of (?:polygon )?{_POINT}(?: (?:per|in|of|for|on) (?:each |every |the |a )?(?:polygon"
        rf"|outline|object|contour|mask)s?)?"
        rf"(?: (?:is|of|be|must|should|equals?|set|to|shall)|:|=){{0,5}} ?«n»",
        "points",
        lambda match: number(match["n"]),
    ),
    rule(
        rf"\b(?:polygon |vertex )?(?:{_POINT}|(?:point|vertex) count)(?: per (?:polygon|outline|object|contour"
        rf"|instance))? ?(?:=|:|of|is)+ ?«n»",
        "points",
        lambda match: number(match["n"]),
    ),
    rule(
        rf"«n»[ -]?(?:(?:distinct|ordered|evenly spaced|equally spaced|polygon|outline|boundary|contour|edge"
        rf"|border) ){{0,6}}[ -]?{_POINT}"
        r"|«n2»[ -]?(?:sided|gons?|cornered)\b",
        "points",
        lambda match: number(match["n"] or match["n2"]),
    ),
)

_SHAPES = dict(
    zip(
        ("triangle", "quadrilateral", "pentagon", "hexagon", "heptagon", "octagon", "decagon", "dodecagon"),
        (3, 4, 5, 6, 7, 8, 10, 12),
        strict=True,
    )
)
_POINTS += (rule(rf"\b(?P<shape>{'|'.join(_SHAPES)})s?\b", "points", lambda match: _SHAPES[match["shape"]]),)

_CLASS = r"(?:class(?:es)?|categor(?:y|ies)|labels?)"
_INDEX = r"(?:index(?:es)?|indices|ids?|numbers?|integers?)"
_CLASS_FORMS = (
    rule(
        rf"\b(?:instead of|rather than|in place of|and not|, not|not) (?:(?:the|as|by|their|its|using|{_CLASS}) "
        rf"){{0,6}}(?:names?|words|{_INDEX}|tokens?)\b",
        None,
        negatable=False,
    ),
    rule(
        rf"\b{_INDEX} (?:as|for) (?:the )?{_CLASS}\b|\bits (?:index\b|position (?=(?:in|within|among) (?:the|that"
        rf"|this) (?:class |label )?(?:list|set|order)\b))|\bindex (?:in|into) (?:that|the|this)"
        rf" (?:list|set)\b|\bc (?:is|being|=|denotes|stands for|means) (?:the |its |a |an )?(?:{_CLASS} )?{_INDEX}\b"
        rf"|\b{_CLASS}(?:'s)?[ -]{_INDEX}\b|\b(?:numeric(?:al)?|integer|numbered) (?:{_CLASS}|{_INDEX})\b"
        rf"|\b(?:{_INDEX}|position) (?:of|for|in) (?:\w+ )?{_CLASS}\b"
        rf"|\b{_CLASS} (?:(?:is|are|be|given|written|as|by|its|an?|the|their|should|must|expressed|represented|in "
        rf"the form of) )+(?:numeric |integer )?{_INDEX}\b"
        rf"|\b(?:as|with|by|using|use|give|write|print|output|want|need|put) (?:(?:an?|the|its|their|me) )*(?:indices"
        rf"|indexes|index)\b"
        rf"|\b{_CLASS}\b(?! names?)[^.;!?]{{0,20}}\b(?:write|use|give|print|put|output|want|prefer|need|take"
        rf"|like) (?:the |its "
        rf"|their |out )*(?:(?:index|id|class) )?(?:{_INDEX})\b(?! of)",
        "class_as",
        "index",
    ),
    rule(
        r"\b(?:starting|counted|counting|beginning|numbered|starts?|begins?|indexed)(?: up)? (?:from|at|with) (?:0"
        r"|zero)\b|\b(?:zero|0)-(?:based|indexed)\b",
        None,
    ),
    rule(
        rf"\b{_CLASS}[ -]tokens?\b|\btokens? (?:of|for) (?:\w+ )?{_CLASS}\b|\b{_CLASS} (?:(?:is|are|be|given|written"
        rf"|as|by|its|an?) )+tokens?\b"
        r"|<c(?:ls)?\d+>(?: ?(?:,|\.\.+|to|and|or|-) ?<c(?:ls)?\d+>)*",
        "class_as",
        "token",
        weak=True,
    ),
    rule(
        rf"\b{_CLASS}\b[^.;!?]{{0,20}}\b(?:write|use|give|print|put|output|want|prefer|need|take) (?:the |its |their "
        rf"|out )*names?\b"
        rf"|\b(?:plain|full|real|actual|readable) names?\b|\bnames? (?:i|we) (?:need|want)\b|\b(?:class|category)["
        rf" -]names?\b|\bnames? of (?:\w+ )?{_CLASS}\b|\b{_CLASS} (?:as|by) (?:its |their "
        rf")?names?\b|\b(?:as|with|by|using) (?:their |full )?names\b",
        "class_as",
        "name",
    ),
)

_WORN = r"(?<!\bwearing )(?<!\bwearing a )(?<!\bface )(?<!\bsurgical )(?<!\bgas )(?<!\bski )(?<!\bdiving )"
_GEOMETRY = (
    rule(
        rf"{_WORN}\b(?:segmentations?|segment(?:s|ed|ing)?|masks?|masking|polys?|polygons?|polygonal|polylines?"
        rf"|outlin(?:es?|ed|ing)|contours?"
        r"|silhouettes?|delineat(?:es?|ed|ing|ion)|trac(?:es?|ed|ing)|cut-?outs?|cut(?:ting)? out|exact shapes?"
        r"|pixelwise|pixel-(?:level|accurate|wise))\b",
        "polygon",
    ),
    # "cut the pizza out"
    rule(r"(?P<a>\bcut(?:ting)?\b)(?: [\w-]+){1,5}? (?P<b>out\b)", "polygon", kind="wording"),
    rule(
        r"\b(?:draw|drawing|go|cut)(?: (?:a|the) lines?| closely| tightly)? (?:around"
        r"|round)\b(?![^.;!?]{0,40}\b(?:box|boxes|rectangles?)\b)",
        "polygon",
        kind="wording",
    ),
    rule(
        r"\b(?:no|not|without|instead of|rather than) (?:(?:any|the|bounding|just|as|by) ){0,6}(?:box|boxes|bbox"
        r"|bboxes|rectangles?)\b",
        None,
        negatable=False,
    ),
    rule(
        r"\b(?:only|just|merely|purely) (?:(?:the|bounding|as) ){0,6}(?:boxes|bboxes|rectangles)(?= ?(?:[.,;!?]|$"
        r"|and|but|please|no))|\b(?:boxes|bboxes|rectangles) only\b",
        "polygon",
        False,
    ),
)

_SCORES = (
    rule(
        r"\b(?<!low-)(?<!high-)(?<!low )(?:scored(?=[.,;!]|$)|confs?|confidences?|certainty|certainties"
        r"|probabilit(?:y|ies)|likelihoods?"
        r"|scores?|scoring)\b(?:[ "
        r"-](?:scores?|values?|levels?|estimates?)\b){0,6}"
        r"(?: (?:is|are|be|should|must|need|not|required|needed|left|omitted|out)\b(?=[^.;]{0,20}(?:needed|out"
        r"|omitted|required))){0,4}",
        "score",
        lambda match: "not" not in match[0] and "omitted" not in match[0],
    ),
    rule(
        r"\bhow (?:much|far|strongly) (?:you|it|the (?:model|detector)) trusts? (?:each|it|them|that)(?: one)?\b",
        "score",
    ),
    rule(r"\bhow (?:sure|certain|confident) (?:are|is) (?:you|it|the (?:model|detector))(?: (?:about|of))?\b", "score"),
    rule(r"\bhow (?:sure|certain|confident) (?:you|it|the (?:model|detector)) (?:are|is)\b", "score"),
)


def read_output(reading: Reading) -> None:
    """Read what names a format, a scale or a form; after the scores and sizes, whose numbers have dimensions."""
    _read_token_range(reading)
    for rules in (_POINTS, _BOX_FORMS, _OFFSETS, _CLASS_FORMS, _FORMATS, _SCALES, _GEOMETRY):
        reading.apply(rules)


_ENDS = 2
"""Tokens that name a range: its two ends. More of them in a row are an example of the output."""


def _read_token_range(reading: Reading) -> None:
    """The largest number of "<p-512> ... <p512>" is the range."""
    shown = list(re.finditer(r"<p ?-? ?(\d+)>", reading.source.open))
    if shown and (len(shown) <= _ENDS or "..." in reading.source.open):
        largest = max(shown, key=lambda match: int(match[1]))
        if int(largest[1]) >= 100:
            reading.say("scale", int(largest[1]), *largest.span(), weak=True)


def read_centres(reading: Reading) -> None:
    """Read whether offsets carry the centre point; after the regions, since "the centre of the image" is one."""
    if reading.of("offsets"):
        reading.apply(_CENTRES)


def read_scores(reading: Reading) -> None:
    """Read a mention of confidence that is neither a threshold nor a rank: it is to be written."""
    reading.apply(_SCORES)
