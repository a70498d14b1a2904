"""Which objects are kept: bounds on score and size, and how many by which rank.

A bound in the scope of an exclusion ("ignore anything less than 40 px tall") is the opposite bound.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import zip_longest

from vision.errors import InstructionError
from vision.instructions.numbers import number
from vision.instructions.quantities import Quantity, quantities
from vision.instructions.rules import Reading, compiled
from vision.instructions.tables import phrases
from vision.instructions.task import Order, RankKey

_EXCLUDED = re.compile(
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
            if (before := _EXCLUDED.search(source.open[max(0, start - 80) : start])) is not None:
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
    return _EXCLUDED.search(text[max(0, start - 80) : start]) is not None


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


_RANKS: Mapping[str, tuple[RankKey, Order]] = {
    (
        r"largest|biggest|hugest|most (?:big|large|huge)|(?:with the |of )?(?:largest|biggest|greatest) (?:area|size)"
        r"|by largest area"
    ): (
        "area",
        "descending",
    ),
    r"smallest|tiniest|littlest|most (?:small|tiny|little)|(?:with the |of )?(?:smallest|least) (?:area|size)": (
        "area",
        "ascending",
    ),
    (
        r"left-?most|most left|(?:furthest|farthest|most)(?: over)?(?: to the| on the)? left|(?:closest|nearest) to "
        r"the left(?: edge| side| border)?"
    ): ("x", "ascending"),
    (
        r"right-?most|most right|(?:furthest|farthest|most)(?: over)?(?: to the| on the)? right|(?:closest|nearest) "
        r"to the right(?: edge| side| border)?"
    ): ("x", "descending"),
    (
        r"top-?most|upper-?most|(?:furthest|farthest|highest) up|highest(?:«of image»)?(?![ -](?:scor|confiden"
        r"|probab|certain|rank|rated))"
        r"|(?:furthest|farthest) (?:to|at|towards) the top|(?:closest|nearest) to the top(?: edge| side| border)?"
    ): ("y", "ascending"),
    (
        r"bottom-?most|lower-?most|(?:furthest|farthest|lowest) down|lowest(?:«of image»)?(?![ -](?:scor|confiden"
        r"|probab|certain|rank|rated))"
        r"|(?:furthest|farthest) (?:to|at|towards) the bottom|(?:closest|nearest) to the bottom(?: edge| side| border)?"
    ): ("y", "descending"),
    (
        r"most (?:confident|certain|probable|likely|sure|reliable)(?: of)?|(?:best|highest|top)[ -](?:scoring|scored"
        r"|ranked|rated|scores?|confidence)"
        r"|(?:with|by|of|having) (?:the )?(?:highest|best|top|greatest) (?:confidence|score|probability"
        r"|certainty)s?(?: scores?)?|surest|likeliest|strongest|best|most trusted|(?:you|it) (?:trusts?|believes?)"
        r" (?:the )?most"
        r"|(?:you are|the (?:model|detector) is) (?:most|the most) (?:sure|certain|confident)(?: (?:of|about))?"
    ): ("score", "descending"),
    r"least (?:confident|certain|probable|likely|sure|trusted|trustworthy)(?: of)?|(?:you|it) (?:trusts?|believes?)"
    r" (?:the )?least|(?:lowest|worst)[ -](?:scoring|scored|ranked|rated"
    r"|scores?|confidence)": (
        "score",
        "ascending",
    ),
    (
        r"(?:closest|nearest)(?: to| of)? (?:the |its )?(?:very |exact |image |«image»(?:'s)? )?(?:centre|middle"
        r"|midpoint)(?:«of "
        r"image»)?|most central(?:ly placed)?|centre-?most"
        r"|most centred|(?:closest|nearest) to the image(?:'s)? (?:centre|middle)"
    ): ("centre", "ascending"),
    (
        r"(?:furthest|farthest|most distant|most remote)(?: away)?(?: to be)? from (?:the |its )?(?:very |exact"
        r" )?(?:«image»(?:'s)? )?"
        r"(?:centre|middle|midpoint)(?:«of image»)?"
    ): (
        "centre",
        "descending",
    ),
}
_NOT_HOW_MANY = r"(?! ?(?:px|pixels?|%|points?|vertices|x\b|square|class|times|of the image))"
_RANK_PATTERNS = tuple(
    (
        compiled(
            rf"(?P<ordinal>\b(?:second|third|fourth|fifth|sixth|2nd|3rd|[4-9]th|next|last)[ -])?"
            rf"(?:(?P<one>(?<!each )(?<!every )(?<!no )\bone |\bis (?=the\b|[a-z]+(?:est|most)\b))(?:(?:that|which"
            rf"|who) )?(?:is )?)?"
            rf"(?:(?:that|which|who) (?:is|are|lies?|appears?|sits?|stands?|comes?|ranks?|happens? to be)"
            rf" )?(?:\b(?:the|top|only|just|single|one) "
            rf"){{0,6}}(?:(?:«n»|(?P<single>\bsingle)) )?(?:of )?(?:the )?"
            rf"\b(?:{words})\b(?: «n2»{_NOT_HOW_MANY})?"
        ),
        rank,
        compiled(rf"\b(?:{words})\b"),
    )
    for words, rank in _RANKS.items()
)
_THE_ONE = re.compile(r"\b(?:the|just|only|that) one\b")
_COUNTS = tuple(
    compiled(pattern)
    for pattern in (
        rf"\btop[ -]?«n»\b{_NOT_HOW_MANY}",
        rf"\b(?:limit(?:ed)?|restrict(?:ed)?|cap(?:ped)?|stop|truncated?)(?: (?:it|them|the|yourself|output|results?"
        rf"|list|number"
        rf"|detections?|of|boxes|answer|objects|response|reply|me|us|everything)){{0,6}} (?:to|at|after)"
        rf" «n»{_NOT_HOW_MANY}",
        rf"\b(?:limit|max(?:imum)?(?: number)?(?: of)?(?: objects| detections| boxes| results)?)(?: ?[:=]| of| "
        rf"is){{0,4}} ?«n»{_NOT_HOW_MANY}",
        rf"\b(?:the )?first «n»{_NOT_HOW_MANY}",
        # "..., three at most"
        r"(?:\b(?:only|just|but) )?«n» (?:(?:objects|boxes|detections|results|of them|in all|in total|altogether) )?"
        r"(?:at (?:the )?(?:very )?most|at (?:a )?max(?:imum)?|max(?:imum)?|tops)(?= ?(?:$|[.,;!?)]|and\b|please\b"
        r"|as\b|in\b|with\b))",
    )
)
_AT_MOST = re.compile(r"\b(?:at (?:the )?(?:most|maximum)|tops|maximum|max)\b(?! of)")
_AT_LEAST = re.compile(r"\b(?:at (?:the )?(?:least|minimum)|or more|minimum)\b")
_BY = compiled(
    r"\b(?:in )?(?:(?:descending|decreasing) )?(?:order )?(?:(?:ranked|sorted|ordered|sort|order|ranking|judged"
    r"|measured|in order|in terms) )?(?:by|of|in) (?:the "
    r"|their |its )?(?P<what>area|size|confidence|score|certainty|probability)\b"
)
_SORTED = re.compile(r"\b(?:sort|order|rank)")
_OF_NUMBERS = re.compile(
    r"\b(?:coordinates?|values?|numbers?|tokens?|offsets?|range|scale|integers?|they)\b(?: [a-z]+){0,4} ?$"
)
"""Before "up to 640" these make it the range of the coordinates."""
_RESULTS = re.compile(r"\b(?:detections?|results?|predictions?|candidates?) (?:of |at |with |from )?$")


def read_ranks(reading: Reading) -> None:
    """Read which are wanted by rank, and how many: "the three largest", "nearest the middle of the image"."""
    source = reading.source
    for pattern, rank, core in _RANK_PATTERNS:
        if core.search(source.open) is None:
            # The numbers that may stand before it take long where a text is full of them.
            continue
        spans = []
        for match in pattern.finditer(source.open):
            spans.append(match.span())
            if match["ordinal"]:
                reading.unread.append(match.span())
                continue
            reading.say("rank", rank, *match.span())
            if many := match["n"] or match["n2"]:
                reading.say("count", number(many), *match.span())
            elif match["single"] or match["one"] or _THE_ONE.search(match[0]):
                reading.say("count", 1, *match.span())
        source.claim(spans, "selection")


def read_counts(reading: Reading) -> None:
    """Read how many are wanted where no rank stands beside it: "top 5", "limit the output to ten", "five, by area"."""
    source = reading.source
    for pattern in _COUNTS:
        matches = list(pattern.finditer(source.open))
        for match in matches:
            reading.say("count", number(match["n"]), *match.span())
        source.claim([match.span() for match in matches], "selection")
    # "Three sheep at most": the number stands before the noun and is read with it.
    source.claim([match.span() for match in _AT_MOST.finditer(source.open)], "selection")
    lower = [match.span() for match in _AT_LEAST.finditer(source.open)]
    reading.unread += lower
    source.claim(lower, "selection")
    _read_order(reading)


def _read_order(reading: Reading) -> None:
    """Read "by area", which ranks where a number is wanted, and is the writer's own order where it is the score."""
    spans = []
    for match in _BY.finditer(reading.source.open):
        by: RankKey = "area" if match["what"] in ("area", "size") else "score"
        if reading.of("count"):
            reading.say("rank", (by, "descending"), *match.span())
        elif by == "score" and _SORTED.search(match[0]):
            reading.note("The most confident come first, as always.")
        elif _SORTED.search(match[0]):
            reading.unread.append(match.span())
        else:
            continue
        spans.append(match.span())
    reading.source.claim(spans, "selection")


_BARE_SIZES: Mapping[str, tuple[float | None, float | None]] = {
    r"small|tiny|little(?! ones?\b)|(?<!my )(?<!our )little(?= ones?\b)": (None, 1024),
    r"medium|mid|middle(?=[ -]sized)|average(?=[ -]size)": (1024, 9216),
    r"large|big|huge|giant|enormous": (9216, None),
}
_BARE_SIZE_PATTERNS = tuple(
    (
        compiled(
            rf"\b(?:(?:fairly|rather|quite|very|really) )?(?:{words})(?:[ -]?(?:sized?|scale))?\b(?![ -]?(?:hand|toe"
            rf"|ben|finger))"
        ),
        bounds,
    )
    for words, bounds in _BARE_SIZES.items()
)
_SIZE_WORD = r"small|medium|large|big|tiny|huge"
_TWO_SIZES = re.compile(
    rf"\b(?P<one>{_SIZE_WORD})(?:[ -]?sized)? (?:and|or|to) (?P<other>{_SIZE_WORD})\b(?:[ -]?sized)?"
)


_OF_ALL = re.compile(r" (?:ones?|things?|objects?|stuff|detections?|instances?|items?)\b")


def _say_left_out(reading: Reading, low: float | None, high: float | None, start: int, end: int) -> bool:
    """Read "leave out the small ones" as the opposite bound; False where nothing is left out, or not all of a size."""
    after = _OF_ALL.match(reading.source.open, end)
    before = _EXCLUDED.search(reading.source.open[max(0, start - 80) : start])
    if after is None or before is None:
        return False
    start, end = start - len(before[0]), after.end()
    if low is None:
        reading.say("min_area", high, start, end)
    elif high is None:
        reading.say("max_area", low, start, end)
    else:
        return False
    reading.source.claim([(start, end)], "selection")
    return True


def read_bare_sizes(reading: Reading) -> None:
    """Read small, medium and large: COCO's areas, below 32^2, from there to 96^2, and above, in square pixels."""
    for match in list(_TWO_SIZES.finditer(reading.source.open)):
        bounds = [
            next(one for words, one in _BARE_SIZES.items() if re.fullmatch(words, match[part]))
            for part in ("one", "other")
        ]
        lows, highs = zip(*bounds, strict=True)
        low = None if None in lows else min(lows)
        high = None if None in highs else max(highs)
        if _say_left_out(reading, low, high, *match.span()):
            continue
        if low is not None:
            reading.say("min_area", low, *match.span())
        if high is not None:
            reading.say("max_area", high, *match.span())
        reading.source.claim([match.span()], "selection")
    for pattern, (low, high) in _BARE_SIZE_PATTERNS:
        matches = list(pattern.finditer(reading.source.open))
        for match in matches:
            if _say_left_out(reading, low, high, *match.span()):
                continue
            if low is not None:
                reading.say("min_area", low, *match.span())
            if high is not None:
                reading.say("max_area", high, *match.span())
        reading.source.claim([match.span() for match in matches], "selection")
