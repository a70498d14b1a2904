"""How the result is to be written, in words: format, points, geometry, class and score.

A row is the core of a wording: what stands around it ("as", "in the form of", "coordinates") has no meaning of its own
and is known to the lexicon. The tables are read in the order of `read_output`: what is longer or has numbers first.
"""

from __future__ import annotations

import re

from vision.reading.instructions.phrases.coordinates import BOX_FORMS, OFFSETS, SCALES
from vision.reading.instructions.phrases.rules import Reading, Rule, rule
from vision.reading.instructions.words.numbers import number

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
    for rules in (_POINTS, BOX_FORMS, OFFSETS, _CLASS_FORMS, _FORMATS, SCALES, _GEOMETRY):
        reading.apply(rules)
    _read_other_formats(reading)


_OTHER_FORMATS = (
    rule(
        r"\b(?:(?:in|as|into|to|using|via) )?(?:an? )?(?:csv|tsv|xml|ya?ml|html|excel|xlsx|geojson|parquet|protobuf"
        r"|tfrecords?|pdf|latex|labelme|kitti)\b(?: (?:file|format|table|document|sheet)s?\b)?",
        "other_format",
    ),
)


def _read_other_formats(reading: Reading) -> None:
    """Say that a format is asked for that nothing here writes."""
    reading.apply(_OTHER_FORMATS)
    reading.unread += [(one.start, one.end) for one in reading.of("other_format") if not one.ruled_out]


_ENDS = 2
"""Tokens that name a range: its two ends. More of them in a row are an example of the output."""


def _read_token_range(reading: Reading) -> None:
    """The largest number of "<p-512> ... <p512>" is the range."""
    shown = list(re.finditer(r"<p ?-? ?(\d+)>", reading.source.open))
    if shown and (len(shown) <= _ENDS or "..." in reading.source.open):
        largest = max(shown, key=lambda match: int(match[1]))
        if int(largest[1]) >= 100:
            reading.say("scale", int(largest[1]), *largest.span(), weak=True)


def read_scores(reading: Reading) -> None:
    """Read a mention of confidence that is neither a threshold nor a rank: it is to be written."""
    reading.apply(_SCORES)
