"""Words that matter to names, whatever a graph calls its things: those that are hardly ever one, and some that are."""

from __future__ import annotations

from reasoning.reading.english.number_words import NUMBER_WORDS
from reasoning.reading.english.word_forms import without_possessive


def is_common(word: str) -> bool:
    """Whether a word, in any letters, is hardly ever a name: a function word, a number, what questions are made of."""
    folded = without_possessive(word).casefold().replace("’", "'")
    return folded in COMMON or folded in NUMBER_WORDS


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


COMMON = _words(
    """
    a about above according across after again against ago all almost alone along also although always am among an and
    another any anybody anyone anything apart are area around as ask at average away back be because been before began
    begin being below beside besides best better between beyond big bigger biggest both bottom but by call called came
    can cannot case certain city cities come comes common compare compared contain contains could count country
    countries currently day days describe did different do does doing done down during each earliest either else end
    ends enough equal even ever every everybody everyone everything exactly except exist exists far few fewer fewest
    figure find first five for four from further get gets give given go goes going good got great greater greatest had
    half happen has have having he held help her here hers high higher highest him his home how however i if in inside
    instead into is it its itself just keep kind kinds know known large larger largest last late latest least leave left
    less let like likely list little live lived lives living long longer longest lot low lower lowest made main mainly
    make makes many may me mean means measure mention mentioned might mine more most mostly much must my name named
    names near nearly need needs neither never new newest next no nobody none nor not nothing now number numbers of off
    often old older oldest on once one ones only onto or other others our out outside over overall own part parts people
    per perhaps person place places please point possible put question quite rank rather really record recorded related
    remain result right said same say says second see seem seen set several share shared she short shortest should show
    shown since single six small smaller smallest so some somebody someone something somewhere soon sort start state
    stated states still stop such sum tell ten than that the their them then there these they thing things think third
    this those though three through time times to today together told too took top total toward towards town towns true
    try turn two twice under until up upon us use used uses using usually value very want wants was way we well were
    what whatever when where whereas wherever whether which whichever while who whoever whole whom whose why wide will
    with within without word words work worked works world worse worst would year years yes yet you young younger
    youngest your zero hi hello hey thanks thank ok okay pls plz it's what's who's that's there's where's how's let's
    i'm i'd i've don't doesn't didn't isn't aren't wasn't weren't can't won't haven't hasn't"""
)
"""Function words, and what questions are made of."""

SHORT_NAMES = _words("uk usa uae drc") | {"the us"}
"""Names that are written in small letters, too; any other short word in them is English, French or a code first."""

SPEAKERS = {
    "francophone": "French", "anglophone": "English", "lusophone": "Portuguese", "hispanophone": "Spanish",
    "germanophone": "German", "russophone": "Russian", "arabophone": "Arabic",
}  # fmt: skip
"""Adjectives of those who speak a language, with its name."""
