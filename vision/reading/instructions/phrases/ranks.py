"""Which objects are kept by rank, and how many: "the three largest", "nearest the middle", "top 5", "five, by area"."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vision.reading.instructions.phrases.rules import Reading, compiled
from vision.reading.instructions.words.numbers import number
from vision.task import Order, RankKey

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
        r"left-?most|most left|(?:furthest|farthest|most)(?: over)?(?: to the| on the| at the)? left|(?:closest"
        r"|nearest) to "
        r"the left(?: edge| side| border)?"
    ): ("x", "ascending"),
    (
        r"right-?most|most right|(?:furthest|farthest|most)(?: over)?(?: to the| on the| at the)? right|(?:closest"
        r"|nearest) "
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
