"""The keys of JSON as people name them: "keys label and bbox", "the box under 'rect'", `{"label": ..., "box": ...}`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vision.reading.instructions.phrases.rules import Reading, rule

_KEYS = (
    # "the label under 'name' and the box under 'rect'"
    rule(
        r"\b(?:class|label|category|name)(?: name| label| token| index| id)? (?:(?:goes|comes|is|stands|stored|kept"
        r"|should (?:be|go)|put|placed) )?(?:under|as|in)(?: the)?(?: key)? "
        r"[\"'`](?P<key1>[a-z_][\w-]{0,60})[\"'`]"
        r"(?:,? and|,) (?:the |its ){0,6}(?:bounding )?(?:box|coordinates|corners|rectangle|polygon|points) (?:under"
        r"|as|in)(?: the)?(?: key)? "
        r"[\"'`](?P<key2>[a-z_][\w-]{0,60})[\"'`]",
        "keys",
        lambda match: (match.span("key1"), match.span("key2"), (-1, -1)),
    ),
    # label key "name", polygon key "points"
    rule(
        r"\b(?:class|label|category|name)(?: name)? (?:key|field)s?(?: (?:is|be|called|named|should|must|as)|:"
        r"|=){0,3} ?[\"'`]?(?P<key1>[a-z_]\w{0,60})[\"'`]?"
        r"(?:,? and|,|;) (?:the |its ){0,2}(?:bounding )?(?:box|coordinates?|corners|rectangle|polygon|points"
        r"|position|location) "
        r"(?:key|field)s?(?: (?:is|be|called|named|should|must|as)|:|=){0,3} ?[\"'`]?(?P<key2>[a-z_]\w{0,60})[\"'`]?",
        "keys",
        lambda match: (match.span("key1"), match.span("key2"), (-1, -1)),
    ),
    # "kind" as the key of the label and "position" as that of the box; "cls" holds the class and "xywh" the box
    rule(
        r"[\"'`](?P<key1>[a-z_]\w{0,60})[\"'`] (?:(?:as|is|being|for|holds?|holding|has|contains?|containing|with"
        r"|gives?"
        r"|stores?|storing|the|its|key|field|of|"
        r"to hold|=)[ ,]*){1,6}(?:numeric )?(?:class|label|category|name)(?: (?:name|index|label|id))?(?:,? and|,|;)"
        r" [\"'`](?P<key2>[a-z_]\w{0,60})[\"'`]"
        r"(?: (?:as|is|being|for|holds?|holding|has|contains?|containing|with|gives?|stores?|storing|the|that|its|key"
        r"|field|of|one|to hold)\b){1,6} "
        r"(?:bounding )?(?:box|coordinates?|corners|rectangle|polygon|points|position|location|vertices)\b",
        "keys",
        lambda match: (match.span("key1"), match.span("key2"), (-1, -1)),
    ),
    # "with keys label and bbox", "keys: label, box, score"
    rule(
        r"\b(?:keys?|fields?|attributes|properties)\b(?: names?)?(?: (?:called|named|are|being|be|should|must|as|of)"
        r"|:|=){0,4} ?"
        r"[\"'`]?(?P<key1>[a-z_][\w-]{0,60})[\"'`]?(?: ?\([^()]{0,60}\))?(?:,? and |,? & |, ?| ?/"
        r" ?)[\"'`]?(?P<key2>[a-z_][\w-]{0,60})[\"'`]?"
        r"(?:(?:,? and |, ?)[\"'`]?(?P<key3>(?:score|confidence|conf|prob|probability|certainty)s?)[\"'`]?(?="
        r" ?(?:[.,;!?)}]|$)))?",
        "keys",
        lambda match: tuple(match.span(key) for key in ("key1", "key2", "key3")),
    ),
    # "label and bbox as keys"
    rule(
        r"[\"'`]?\b(?P<key1>[a-z_][\w-]{0,60})[\"'`]?(?: and |, ?| ?/ ?)[\"'`]?(?P<key2>[a-z_][\w-]{0,60})[\"'`]? "
        r"(?:as|for|being) (?:(?:the|json|its) ){0,6}(?:keys|fields)\b",
        "keys",
        lambda match: (match.span("key1"), match.span("key2"), (-1, -1)),
    ),
    # "key name for the class and key rect for the box", "the label under 'name' and the box under 'rect'"
    rule(
        r"\b(?:keys?|fields?) [\"'`]?(?P<key1>[a-z_][\w-]{0,60})[\"'`]? (?:for|holding|with) (?:the |its ){0,6}(?:class"
        r"|label"
        r"|category|name)(?: name| label)?"
        r"(?:,? and|,) (?:the )?(?:key )?[\"'`]?(?P<key2>[a-z_][\w-]{0,60})[\"'`]? (?:for|holding|with) (?:the |its "
        r"){0,6}(?:bounding )?"
        r"(?:box|coordinates|corners|rectangle|polygon|points|(?=x\b|cx\b|its\b|x1\b))",
        "keys",
        lambda match: (match.span("key1"), match.span("key2"), (-1, -1)),
    ),
    # JSON with "name" and "coords"
    rule(
        r"(?<=json )(?:(?:objects?|records?|list|array|output|format|dicts?|dictionaries|entries) ){0,2}(?:keyed by"
        r"|keyed with|keyed on|with|using"
        r"|(?:whose|with) (?:items|objects|entries|elements|records) (?:have|hold|carry|contain"
        r"|having)(?: the)?(?: keys| fields)?"
        r"|containing|having|holding|of|from|and) "
        r"(?:just |only )?[\"'`](?P<key1>[a-z_]\w{0,60})[\"'`](?:,? and |,? & |, ?)[\"'`](?P<key2>[a-z_]\w{0,60})[\"'`]"
        r"(?:(?:,? and |, ?)[\"'`](?P<key3>[a-z_]\w{0,60})[\"'`])?",
        "keys",
        lambda match: tuple(match.span(key) for key in ("key1", "key2", "key3")),
    ),
    # {"label": ..., "bbox": [...]}
    rule(
        r"\{ ?[\"']?(?P<key1>[a-z_][\w-]{0,60})[\"']? ?: ?(?:[\"'][^\"'{}]{0,30}[\"']|[^\"'{},]{1,30}), "
        r"?[\"']?(?P<key2>[a-z_][\w-]{0,60})[\"']? ?: ?"
        r"\[[^\]{}]{0,60}\](?:, ?[\"']?(?P<key3>[a-z_][\w-]{0,60})[\"']? ?: ?[^{}]{1,20})? ?\}",
        "keys",
        lambda match: tuple(match.span(key) for key in ("key1", "key2", "key3")),
    ),
)


_QUOTED_KEY = re.compile(r"[\"'`](?P<key>[a-z_][\w-]{0,60})[\"'`]")
_HELD_BEFORE = re.compile(
    r" ?\b(?:goes |go |comes |is |are |stored |kept |put |written |placed )?(?:under|into|in|at|as|called|named|by)"
    r"(?: the| a)?(?: json)?(?: keys?| fields?| names?| attribute| property)?(?: of| called| named)? ?$"
)
_HELD_AFTER = re.compile(
    r" ?(?:(?:is |being )?(?:for|holds?|holding|with|contain(?:s|ing)|stor(?:es|ing)|giv(?:es|ing)|carr(?:ies|ying)"
    r"|to hold"
    r"|as (?:the |its )?(?:(?:label|class|category|name|box|bbox|coordinates?|polygon|score) )?(?:key"
    r"|field)(?: (?:for|of))?"
    r"|as the)\b"
    r"|=|->|:)"
)
_KEYS_LEAD = re.compile(
    r"(?:\b(?:with|using|having|and) )?(?:the )?(?:json )?(?:keys?|fields?|attributes|properties):? ?$"
)
_ROLES = (
    re.compile(r"\b(?:class(?:es)?|labels?|categor(?:y|ies)|names?|kind|type|token)\b"),
    re.compile(
        r"\b(?:box(?:es)?|bbox|coordinates?|corners?|rectangles?|polygons?|outlines?|contours?|points?|vertices|masks?"
        r"|position|location|x1|cx|x|numbers)\b"
    ),
    re.compile(r"\b(?:scores?|confidence|certainty|probability)\b"),
)
_OBJECTS = re.compile(r"\b(?:json|keys?|fields?|attributes?|propert(?:y|ies))\b")


def _read_assigned(reading: Reading) -> None:
    """Read keys that are each said with what they hold: "the class under "name", and the corners under "rect"."""
    text = reading.source.open
    found = list(_QUOTED_KEY.finditer(text)) if _OBJECTS.search(text) else []
    roles: dict[int, re.Match[str]] = {}
    spans = []
    for index, key in enumerate(found[:_MOST_ASSIGNED]):
        last = max(found[index - 1].end() if index else 0, *(text.rfind(stop, 0, key.start()) + 1 for stop in ".;{"))
        following = found[index + 1].start() if index + 1 < len(found) else len(text)
        before, after = text[last : key.start()], re.split(r"[.;]", text[key.end() : following])[0]
        if text.startswith((":<", ": <", " :"), key.end()):
            continue
        if link := _HELD_BEFORE.search(before):
            role = _role(before[: link.start()], last=True)
            span = (last + link.start(), key.end())
        elif link := _HELD_AFTER.match(after):
            role = _role(after, last=False)
            lead = _KEYS_LEAD.search(before)
            span = (last + lead.start() if lead else key.start(), key.end() + link.end())
        else:
            continue
        if role is not None and role not in roles:
            roles[role] = key
            spans.append(span)
    if 0 in roles and 1 in roles:
        places = tuple(roles[role].span("key") if role in roles else (-1, -1) for role in range(len(_ROLES)))
        reading.say("keys", places, min(start for start, _ in spans), max(end for _, end in spans))
        reading.source.claim(spans, "output")


def _role(text: str, *, last: bool) -> int | None:
    """Which of label, coordinates and score a part of the text speaks of, the last or the first of them."""
    places = [(match.start(), role) for role, pattern in enumerate(_ROLES) for match in pattern.finditer(text)]
    return (max(places) if last else min(places))[1] if places else None


_MOST_ASSIGNED = 20
"""Quoted words that are looked at; nobody gives an object more keys."""
_MOST_KEYS = 5
"""Statements of keys whose later mentions are looked for; one is usual, and two already contradict each other."""


def read_keys(reading: Reading) -> None:
    """Read the keys of label, coordinates and score; before class sets, whose brackets and quotes they share."""
    _read_assigned(reading)
    if not reading.of("keys"):
        reading.apply(_KEYS)
    spans = [span for keys in reading.of("keys")[:_MOST_KEYS] for span in keys.value if span != (-1, -1)]
    _pass_over_mentions(reading, dict.fromkeys(reading.source.text[slice(*span)] for span in spans))
    for keys in reading.of("keys"):
        if index := re.search(r"\bclass (?:index|id|number)\b", reading.source.text[keys.start : keys.end]):
            reading.say("class_as", "index", keys.start + index.start(), keys.start + index.end())


def _pass_over_mentions(reading: Reading, keys: Iterable[str]) -> None:
    """Claim where a key is spoken of again: "keys name and rect, where rect is x, y, width, height"."""
    for key in keys:
        mentions = re.compile(
            rf"\b(?:where |with )?[\"'`]?{re.escape(key)}[\"'`]? ?(?:\b(?:is|are|being|be|holds?|holding|means|stands"
            rf" for|has|contains)\b|=)"
        )
        reading.source.claim([match.span() for match in mentions.finditer(reading.source.open)], "output")
