"""Bounds on score, size and number: "at least 50 pixels wide", "nothing under 0.3", "up to five".

A bound in the scope of an exclusion ("ignore anything less than 40 px tall") is the opposite bound.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import zip_longest

from vision.errors import InstructionError
from vision.reading.instructions.phrases.quantities import Quantity, quantities
from vision.reading.instructions.phrases.rules import Reading
from vision.reading.instructions.words.tables import phrases

EXCLUDED = re.compile(
    r"\b(?:ignor(?:e|ing)|skip(?:ping)?|drop(?:ping)?|discard(?:ing)?|exclud(?:e|ing)|leav(?:e|ing) (?:out|off"
    r"|aside)|omit(?:ting)?|remov(?:e|ing)"
    r"|reject(?:ing)?|filter(?:ing)? out|throw(?:ing)? (?:away|out)|get(?:ting)? rid of|disregard(?:ing)?|without"
    r"|except(?: for)?|but for|save for|but not|no|not|unless|nothing|nobody|none|no one|not one|neither|nor"
    r"|suppress(?:ing)?|hid(?:e|ing)|eliminat(?:e|ing)|apart from|other than|never|do not (?:show|include|return"
    r"|give|list|report|keep|want|output"
    r"|mention|draw|detect|count|mark|box|bother with|care about|need))"
    r"(?: (?:anything|everything|anyone|anybody|everyone|everybody|all|any|those|these|the|ones?|objects?|box(?:es)?"
    r"|detections?|things?|results?"
    r"|what|box|may|might|can|should|must|shall|be|whatever|whoever|anybody|cover(?:s|ing)?|occup(?:y|ies|ying)"
    r"|tak(?:e|es|ing)(?: up)?|fill(?:s|ing)?|under"
    r"|instances?|low-confidence|uncertain|tiny|small|little|big|large|huge|narrow|wide|tall|short|whose|very|also"
    r"|them|me|bounding|predictions?|items?|they|if|when|candidates?|every|each|stuff"
    r"|ones|with|that|which|is|are|of|a"
    r"|having|where|you)){0,12} ?$"
)
"""Before a bound or a size: what it says is left out."""
_EXCLUDED_AFTER = re.compile(
    r"(?: (?:in|of) (?:confidence|size|area|width|height))?(?: (?:are|is|be|do|does|should|must|can|may|to|please|all"
    r"|have|has|need|needs)\b)+ ?"
    r"(?:be )?(?:of no (?:interest|use|concern)|not (?:be )?(?:of interest|needed|wanted|relevant|interesting"
    r"|required|count|matter"
    r"|interest me|included|shown|reported|listed|drawn|detected|found|boxed|considered|counted|marked|returned)"
    r"|ignored|skipped|dropped|discarded|excluded|omitted|left (?:out|off"
    r"|aside)|removed"
    r"|rejected|filtered(?: out)?|thrown (?:away|out)|disregarded|irrelevant|uninteresting|unwanted|go|out)\b"
)
_SCORE_LEAD = frozenset(
    phrases(
        """reach, reaches, reaching, get, gets, attain, achieve, you, the, model, detector, network, system,
        it, is, are, was, that, which, with, a, an, of, at, where,
    believes, believe, trusts, trust, in, by, whose, having, have, has, be, being, its, their, your, if, only, for,
    to, detection"""
    )
)
_SIZE_LEAD = frozenset(
    phrases(
        """that, which, who, are, is, with, a, an, the, of, having, have, has, whose, cover,
            covers, covering, covered, occupy, occupies, occupying, take, takes, taking, up, fill,
            fills, filling, span, spans, spanning, make, makes, making, account, accounts,
            accounting, for, use, uses, using, be, being, measure, measures, measuring, sized, area,
            size, at, it, they, box, boxes, sides, amount, amounts, to"""
    )
)
_AFTER_SCORE = re.compile(r" (?:of|about|on)\b(?! the\b)(?: (?:it|them|each|those))?")
_OF_NUMBERS = re.compile(
    r"\b(?:coordinates?|values?|numbers?|tokens?|offsets?|range|scale|integers?|they)\b(?: [a-z]+){0,4} ?$"
)
"""Before "up to 640" these make it the range of the coordinates."""
_RESULTS = re.compile(r"\b(?:detections?|results?|predictions?|candidates?) (?:of |at |with |from )?$")


def read_bounds(reading: Reading) -> None:
    """Read bounds on scores and sizes, and bare upper bounds ("at most five"), which are on how many."""
    source = reading.source
    spans = []
    found = list(quantities(source))
    last: Quantity | None = None
    excluded: int | None = None
    for quantity, following in zip_longest(found, found[1:]):
        before = after = None
        last = quantity = _completed(quantity, last, following, source.open)
        meaning = _meaning(quantity) or ("score" if _is_bare_score(quantity, source.open) else None)
        one_of = quantity.value == 1 and source.text.startswith(" of ", quantity.end)
        if meaning is None or one_of or (meaning == "count" and _OF_NUMBERS.search(source.open[: quantity.start])):
            continue
        start, end = quantity.start, quantity.end
        lead = _SCORE_LEAD if meaning == "score" else _SIZE_LEAD if meaning != "count" else frozenset({"with", "of"})
        start = _extended(source.open, start, lead)
        if meaning == "score" and (tail := _AFTER_SCORE.match(source.open, end)):
            end = tail.end()
        if quantity.side:
            if (before := EXCLUDED.search(source.open[max(0, start - 80) : start])) is not None:
                start -= len(before[0])
            elif (after := _EXCLUDED_AFTER.match(source.open, end)) is not None:
                end = after.end()
            joined = excluded is not None and source.text[excluded:start] in (" or ", ", or ", " nor ", ", nor ")
            excluded = None
            if before is not None or after is not None or joined:
                quantity, excluded = quantity.opposite(), end
        _say_bound(reading, quantity, meaning, start, end)
        spans.append((start, end))
    source.claim(spans, "selection")


def _completed(quantity: Quantity, before: Quantity | None, following: Quantity | None, text: str) -> Quantity:
    """A number with what is said only once: "at least 20 and at most 80 pixels wide", "detections above 65 %"."""
    if (
        before is not None
        and before.dimension in ("width", "height")
        and quantity.dimension in ("width", "height")
        and quantity.side is None
        and quantity.low is None
        and text[before.end : quantity.start] in (" and ", " or ", " by ", ", ", " x ")
    ):
        return replace(quantity, side=before.side)
    if (
        before is not None
        and before.dimension in ("width", "height", "size", "score")
        and quantity.side is not None
        and quantity.dimension is None
        and quantity.unit in (None, before.unit)
        and not quantity.of_image
        and text[before.end : quantity.start] in (" and ", " but ", ", but ", ", and ", " or ")
    ):
        # "at least 150 pixels tall, but not above 400"
        return replace(quantity, dimension=before.dimension, unit=before.unit, of_image=before.of_image)
    if quantity.side is None or quantity.dimension is not None or quantity.of_image:
        return quantity
    joined = following is not None and text[quantity.end : following.start] in (
        " and ",
        " but ",
        ", but ",
        " and also ",
    )
    if joined and following is not None and following.side is not None and quantity.unit in (None, following.unit):
        return replace(quantity, dimension=following.dimension, unit=following.unit, of_image=following.of_image)
    if quantity.is_share and _RESULTS.search(text[max(0, quantity.start - 20) : quantity.start]):
        return replace(quantity, dimension="score")
    return quantity


def _meaning(quantity: Quantity) -> str | None:
    """The bound that a number is: `score`, `width`, `height`, `area`, `area_share`, `sides`, `count`, or None."""
    dimension, unit = quantity.dimension, quantity.unit
    if quantity.low == 0 and quantity.value == 1:
        return None
    if unit == "point" or dimension in ("points", "range"):
        return None
    bare = unit is None and dimension is None and not quantity.of_image
    if dimension == "score" or (bare and quantity.side == "min" and 0 < quantity.value < 1):
        return "score"
    if quantity.of_image:
        return "area_share" if quantity.is_share and (quantity.side or quantity.low is not None) else None
    if quantity.second is not None:
        return "sides" if quantity.side else None
    if dimension in ("width", "height"):
        return dimension if unit in (None, "pixel") and (quantity.side or quantity.low is not None) else None
    if unit == "square pixel":
        return "area" if quantity.side or quantity.low is not None else None
    if dimension == "size" and unit is None and quantity.value <= 1:
        return None
    if dimension == "size" and (quantity.side or quantity.low is not None):
        return "area_share" if unit == "%" else "area"
    if unit is None and dimension is None and quantity.side == "max" and quantity.low is None:
        return (
            "count"
            if quantity.value == int(quantity.value) and not (quantity.is_share and quantity.value < 1)
            else None
        )
    return None


_LEAST_PERCENTAGE = 10
"""A score above 1 and below this could be a percentage or of another scale; "a score over 60" is a percentage."""
_ON_ITS_OWN = re.compile(
    r" ?(?:$|[.,;:!?)\ue000-\ue004]|(?:are|is|should|must|can|may|do|need|please|only|and|or|as|in)\b)"
)


def _is_bare_score(quantity: Quantity, text: str) -> bool:
    """Whether a share that bounds nothing that is named bounds the score: "drop what is below 70 %",
    "nothing under 0.3"."""
    if quantity.dimension is not None or quantity.of_image or quantity.second is not None or quantity.low is not None:
        return False
    if quantity.unit == "%":
        return quantity.side is not None and _ON_ITS_OWN.match(text, quantity.end) is not None
    if quantity.unit is not None or quantity.side != "max" or not 0 < quantity.value < 1:
        return False
    start = _extended(text, quantity.start, _SCORE_LEAD)
    return EXCLUDED.search(text[max(0, start - 80) : start]) is not None


def _say_bound(reading: Reading, quantity: Quantity, meaning: str, start: int, end: int) -> None:
    if meaning == "count":
        if quantity.side == "min":
            reading.unread.append((start, end))
        else:
            reading.say("count", int(quantity.value) - quantity.strict, start, end)
    elif meaning == "score":
        _say_score(reading, quantity, start, end)
    elif meaning == "sides":
        reading.say(f"{quantity.side}_width", quantity.value, start, end)
        reading.say(f"{quantity.side}_height", quantity.second, start, end)
    else:
        if meaning == "area" and quantity.unit == "pixel":
            reading.note("A size in pixels, without a word for width or height, is taken for an area in square pixels.")
        side = quantity.side
        if quantity.low is not None:
            reading.say(f"min_{meaning}", quantity.low, start, end)
            side = "max"
        reading.say(f"{side}_{meaning}", quantity.value, start, end)


def _say_score(reading: Reading, quantity: Quantity, start: int, end: int) -> None:
    if not quantity.is_share and 1 < quantity.value < _LEAST_PERCENTAGE:
        reading.unread.append((start, end))
        reading.note("A score is from 0 to 1, or a percentage with its sign.")
        return
    value = quantity.value if quantity.is_share else quantity.value / 100
    if value > 1:
        raise InstructionError(
            f"{reading.source.original_at(start, end)!r} asks for a confidence above 100 %: expected a number from "
            f"0 to 1 or a percentage"
        )
    if quantity.low is not None:
        reading.say("min_score", quantity.low if quantity.low <= 1 else quantity.low / 100, start, end)
        if value < 1:
            reading.unread.append((start, end))
    elif quantity.side == "max":
        reading.say("max_score", value, start, end)
    else:
        reading.say("min_score", value, start, end)


def _extended(text: str, start: int, lead: frozenset[str]) -> int:
    """Where a bound begins with the words that lead up to it ("that you are", "covering")."""
    while word := re.search(r"(?:(?<=[^\w'-])|^)([a-z]+) $", text[max(0, start - 20) : start]):
        if word[1] not in lead:
            break
        start -= len(word[0])
    return start
