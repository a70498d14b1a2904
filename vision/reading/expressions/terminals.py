"""The words of the grammar: what each terminal looks like, and which goes first where words fit several.

Texts are in lower case, with single spaces and without hyphens; every pattern ends at the end of a word.
"""

from __future__ import annotations

from collections.abc import Iterable

from vision.reading.expressions.adjectives import (
    BOUNDS,
    COLOUR_PATTERN,
    EDGE_PATTERN,
    NUMBERS,
    ORDINALS,
    PLACES,
    REGION_PATTERN,
    SIZES,
    SUPERLATIVES,
    UNSEEN,
)
from vision.reading.expressions.links import IMAGE, LINKS


def alternatives(patterns: Iterable[str]) -> str:
    """One pattern for any of several, longer ones first."""
    parts = {part for pattern in patterns for part in _split(pattern)}
    return "|".join(sorted(parts, key=lambda part: (-len(part), part)))


def _split(pattern: str) -> list[str]:
    """The alternatives of a pattern outside all brackets."""
    parts, depth = [""], 0
    for char in pattern:
        depth += (char == "(") - (char == ")")
        if char == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return parts


LINK_PATTERN = alternatives(link.pattern for link in LINKS)

_SOME_BODY = r"(?:some|any|every)(?:one|body)|nobody|no one"
_VERBS = (
    "sitting|seated|sits?|standing|stands?|lying|laying|lies|laid|resting|rests?|parked|placed|located|situated|leaning|leans?"
    "|sleeping|sleeps?|hanging|hangs?|perched|waiting|walking|walks?|running|runs?|stopped|kept|positioned|mounted|going"
    "|moving|flying|flies|floating|swimming|jumping|jumps?|skiing|skateboarding|snowboarding|surfing|grazing|playing|plays?"
    "|crouching|crouched|kneeling|squatting|growing|stacked|stuck|set|stored|piled|served|traveling|travelling|crossing"
    "|bending|looking down|looking up|looking|facing|watching|smiling|talking|posing|dressed|shown|relaxing|laughing"
    "|performing|competing|practicing|racing|cycling|biking|driving|working|cooking|eating|drinking|reading|sticking"
)
_UNSEEABLE = (
    "looking (?:at|for|into|out of|towards?)|facing(?: towards?)?|watching|chasing|following|followed by"
    "|pointing (?:at|to)|towards?|waiting for|made of|made from|belonging to"
)

_UNREAD = (
    "whose|than|more|less|fewer|its|they|he|she|themselves|how|why|when|if|because|while|until"
    "|another|else|same|such|so|much|neither|nor|unless|would|could|should|can|will|do"
)
"""Words that are no nouns: constructions with them are not read."""

_NUMBER = "one|" + alternatives(word for word in NUMBERS if word not in ("one", "both")) + r"|\d+"
_STARTS_NOUN = r"(?= (?:the|a|an|this|that|his|her|its|their|any)\b)"
TERMINALS: dict[str, tuple[int, str]] = {
    "FIND": (
        90,
        r"^(?:please )?(?:(?:can|could|would|will) you )?(?:please )?(?:find|show|locate|point (?:at|to|out)|point"
        r"|highlight|select|identify|detect|segment|outline|mark|spot|give|pick(?: out)?|choose|return|tell me"
        r"|look for|box|draw|i want|i need|i am looking for|let me see|ground|where can i find|which one is|get)"
        r"(?: me| us)?",
    ),
    "HOW_MANY": (90, r"how many(?: of)?(?: the| these| those)?"),
    "COUNT": (90, r"count(?: up)?(?: all)?(?: of)?(?: the)?|(?:what is )?(?:the )?(?:total )?number of(?: the)?"),
    "WHAT_COLOUR": (90, r"(?:what|which) colou?rs?|what is the colou?r of|what are the colou?rs of|the colou?r of"),
    "WHERE": (90, r"where"),
    "EXISTS": (
        90,
        rf"(?:is|are|was|were) there|(?:do|can|could) (?:you|we|i) (?:see|find|spot|count)|do(?:es)? (?:the|this) "
        rf"{IMAGE} (?:show|contain|have|include)|there (?:is|are)",
    ),
    "WHOLE": (
        85,
        rf"(?:in|on|of|from|within|inside|across) (?:the|this|that) (?:whole |entire )?{IMAGE}|in total|overall"
        r"|altogether|here|there|in view|visible|shown|pictured|depicted|present"
        r"|(?:that |which )?(?:you|i|we) (?:can )?see|in all",
    ),
    "REGION": (80, REGION_PATTERN),
    "VIEWER": (
        80,
        r"(?:closest|nearest|closer) (?:to )?(?:the |this )?(?:camera|viewer|us|me|you|photographer|observer|front)"
        r"|(?:farthest|furthest) (?:away )?(?:from )?(?:the )?(?:camera|viewer|us|me|you|photographer|back)"
        r"|(?:farthest|furthest) (?:away|back)|(?:behind|in back)(?= *$)",
    ),
    "EDGE": (80, EDGE_PATTERN),
    "BETWEEN": (75, r"in between|between"),
    "NEAREST": (75, rf"(?:closest|nearest|closer|nearer) (?:to|by)|(?:closest|nearest){_STARTS_NOUN}"),
    "FARTHEST": (75, r"(?:farthest|furthest|most distant|farther|further)(?: away)? from"),
    "NEAR": (70, r"closest|nearest|farthest|furthest|most distant"),
    "SUPERLATIVE": (72, alternatives(SUPERLATIVES)),
    "EXCEPT": (70, r"except(?: for)?|excluding|other than|apart from|aside from|besides|not including"),
    "UNSEEABLE": (68, _UNSEEABLE),
    "LINK": (60, LINK_PATTERN),
    "CLAUSE": (
        66,
        r"(?:things?|objects?|items?|something|anything|everything|stuff) (?:(?:that |which )?(?:you|we|people|one|i) "
        r"(?:can |could )?(?!see\b|can\b|could\b)\w+|(?:that|which) can (?:be )?\w+"
        r"|to (?:eat|drink|wear|ride|sit on)|used for \w+)"
        r"(?: (?:with|in|on|from)(?= *$| (?:on|in|at|near|that)\b))?",
    ),
    "GROUP": (
        64,
        r"(?:groups?|herds?|flocks?|bunch(?:es)?|rows?|piles?|stacks?|sets?|lots?|crowds?|teams?|lines?|collections?|"
        r"clusters?|dozens?|family|pack) of(?: the)?",
    ),
    "PERSON": (58, _SOME_BODY),
    "OTHERS": (57, r"(?:the )?(?:others|other ones?|rest)|each other|one another"),
    "IT": (
        57,
        r"it|them|itself|him|her(?= *$| *,| (?:and|or|that|which|is|are)\b)"
        r"|(?:its|his|her|their) (?:back|top|head|lap|hands?)",
    ),
    "THING": (56, r"objects?|things?|items?|everything|anything|something|stuff"),
    "COLOURS": (54, COLOUR_PATTERN),
    "ORANGE": (53, r"oranges?"),
    "PLACE": (52, alternatives(PLACES)),
    "SIZE": (52, alternatives(SIZES)),
    "UNSEEN": (50, UNSEEN),
    "POSTURE": (
        48,
        rf"(?:{_VERBS})(?: (?:up|down|out|together|closely|alone|still|there|upright))?",
    ),
    "THE": (46, r"the|this|these|those|his|her|its|their|my|your|our"),
    "A": (44, r"an?"),
    "ANY": (
        46,
        r"(?:any|some)(?: of)?(?: the| these| those)?|several|many|a few|few|(?:a )?couple of"
        r"|multiple|numerous|various|either",
    ),
    "ALL": (46, r"(?:all|each|both)(?: of)?(?: the| these| those)?|every"),
    "NO": (46, r"no|none of(?: the| these)?"),
    "ORDINAL": (44, alternatives(ORDINALS) + r"|\d+(?:st|nd|rd|th)"),
    "ONE": (44, r"ones?"),
    "BOUNDED": (
        83,
        rf"(?:{alternatives(BOUNDS)}) (?:{_NUMBER})(?! of the)",
    ),
    "OTHER": (46, r"other"),
    "NUMBER": (42, _NUMBER.removeprefix("one|")),
    "THAT": (40, r"that"),
    "WHICH": (40, r"which"),
    "WHO": (40, r"who|whom"),
    "WHAT": (40, r"what"),
    "BE": (40, r"is|are|was|were|be|being|am"),
    "DO": (40, r"does|do|did"),
    "NOT": (40, r"not|never"),
    "BUT": (40, r"but"),
    "AND": (40, r"and|as well as|plus"),
    "OR": (40, r"or"),
    "COMMA": (40, r","),
    "OF_WHAT": (40, r"of(?= (?!the\b|an?\b|this\b|that\b|these\b|those\b|all\b|any\b|two\b|three\b|four\b|\d)\w)"),
    "OF": (38, r"of"),
    "TO": (38, r"to"),
    "FROM": (38, r"from"),
    "ADVERB": (
        82,
        r"directly|immediately|just|slightly|partially|partly|completely|fully|almost|really|very|closely|currently|also|only"
        r"|exactly|actually|clearly|too|as well|whole|entire|single|individual|different|same|please|mainly|most of"
        r"|pairs? of|slices? of|pieces? of"
        r"|right(?= (?:next|beside|behind|above|below|under|in front|by|at|near|on top)\b)"
        r"|still|again|now|simply|together(?= *$)",
    ),
    "WORD": (1, rf"(?!(?:{_UNREAD})(?![\w']))[^\W\d_][\w']*"),
}
"""Each terminal's priority and pattern; where two fit, the higher priority wins, whatever their lengths."""
