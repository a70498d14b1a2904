"""The keys of JSON as people name them: "keys label and bbox", "the box under 'rect'", `{"label": ..., "box": ...}`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vision.instructions.rules import Reading, rule

_KEYS = (
    # "the label under 'name' and the box under 'rect'"
    rule(
        r"\b(?:class|label|category|name)(?: name| label| token| index| id)? (?:(?:goes|comes|is|stands|stored|kept"
        r"|should (?:be|go)|put|placed) )?(?:under|as|in)(?: the)?(?: key)? "
        r"[\"'`](?P<key1>[a-z_][\w-]*)[\"'`]"
        r"(?:,? and|,) (?:the |its ){0,6}(?:bounding )?(?:box|coordinates|corners|rectangle|polygon|points) (?:under"
        r"|as|in)(?: the)?(?: key)? "
        r"[\"'`](?P<key2>[a-z_][\w-]*)[\"'`]",
        "keys",
        lambda match: (match.span("key1"), match.span("key2"), (-1, -1)),
    ),
    # label key "name", polygon key "points"
    rule(
        r"\b(?:class|label|category|name)(?: name)? (?:key|field)s?(?: (?:is|be|called|named|should|must|as)|:"
        r"|=){0,3} ?[\"'`]?(?P<key1>[a-z_]\w*)[\"'`]?"
        r"(?:,? and|,|;) (?:the |its ){0,2}(?:bounding )?(?:box|coordinates?|corners|rectangle|polygon|points"
        r"|position|location) "
        r"(?:key|field)s?(?: (?:is|be|called|named|should|must|as)|:|=){0,3} ?[\"'`]?(?P<key2>[a-z_]\w*)[\"'`]?",
        "keys",
        lambda match: (match.span("key1"), match.span("key2"), (-1, -1)),
    ),
    # "kind" as the key of the label and "position" as that of the box; "cls" holds the class and "xywh" the box
    rule(
        r"[\"'`](?P<key1>[a-z_]\w*)[\"'`] (?:(?:as|is|being|for|holds?|holding|has|contains?|containing|with|gives?"
        r"|stores?|storing|the|its|key|field|of|"
        r"to hold|=)[ ,]*){1,6}(?:numeric )?(?:class|label|category|name)(?: (?:name|index|label|id))?(?:,? and|,|;)"
        r" [\"'`](?P<key2>[a-z_]\w*)[\"'`]"
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
        r"[\"'`]?(?P<key1>[a-z_][\w-]*)[\"'`]?(?: ?\([^()]{0,60}\))?(?:,? and |,? & |, ?| ?/"
        r" ?)[\"'`]?(?P<key2>[a-z_][\w-]*)[\"'`]?"
        r"(?:(?:,? and |, ?)[\"'`]?(?P<key3>(?:score|confidence|conf|prob|probability|certainty)s?)[\"'`]?(?="
        r" ?(?:[.,;!?)}]|$)))?",
        "keys",
        lambda match: tuple(match.span(key) for key in ("key1", "key2", "key3")),
    ),
    # "label and bbox as keys"
    rule(
        r"[\"'`]?\b(?P<key1>[a-z_][\w-]*)[\"'`]?(?: and |, ?| ?/ ?)[\"'`]?(?P<key2>[a-z_][\w-]*)[\"'`]? "
        r"(?:as|for|being) (?:(?:the|json|its) ){0,6}(?:keys|fields)\b",
        "keys",
        lambda match: (match.span("key1"), match.span("key2"), (-1, -1)),
    ),
    # "key name for the class and key rect for the box", "the label under 'name' and the box under 'rect'"
    rule(
        r"\b(?:keys?|fields?) [\"'`]?(?P<key1>[a-z_][\w-]*)[\"'`]? (?:for|holding|with) (?:the |its ){0,6}(?:class"
        r"|label"
        r"|category|name)(?: name| label)?"
        r"(?:,? and|,) (?:the )?(?:key )?[\"'`]?(?P<key2>[a-z_][\w-]*)[\"'`]? (?:for|holding|with) (?:the |its "
        r"){0,6}(?:bounding )?"
        r"(?:box|coordinates|corners|rectangle|polygon|points|(?=x\b|cx\b|its\b|x1\b))",
        "keys",
        lambda match: (match.span("key1"), match.span("key2"), (-1, -1)),
    ),
    # JSON with "name" and "coords"
    rule(
        r"(?<=json )(?:(?:objects?|records?|list|array|output|format|dicts?|dictionaries|entries) ){0,2}(?:keyed by"
        r"|keyed with|keyed on|with|using"
        r"|containing|having|holding|of|from|and) "
        r"(?:just |only )?[\"'`](?P<key1>[a-z_]\w*)[\"'`](?:,? and |,? & |, ?)[\"'`](?P<key2>[a-z_]\w*)[\"'`]"
        r"(?:(?:,? and |, ?)[\"'`](?P<key3>[a-z_]\w*)[\"'`])?",
        "keys",
        lambda match: tuple(match.span(key) for key in ("key1", "key2", "key3")),
    ),
    # {"label": ..., "bbox": [...]}
    rule(
        r"\{ ?[\"']?(?P<key1>[a-z_][\w-]*)[\"']? ?: ?(?:[\"'][^\"'{}]{0,30}[\"']|[^\"'{},]{1,30}), "
        r"?[\"']?(?P<key2>[a-z_][\w-]*)[\"']? ?: ?"
        r"\[[^\]{}]{0,60}\](?:, ?[\"']?(?P<key3>[a-z_][\w-]*)[\"']? ?: ?[^{}]{1,20})? ?\}",
        "keys",
        lambda match: tuple(match.span(key) for key in ("key1", "key2", "key3")),
    ),
)


_MOST_KEYS = 5
"""Statements of keys whose later mentions are looked for; one is usual, and two already contradict each other."""


def read_keys(reading: Reading) -> None:
    """Read the keys of label, coordinates and score; before class sets, whose brackets and quotes they share."""
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
