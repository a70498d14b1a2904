"""General English that linking needs: common words, numbers in words, referring words, forms of words.

None of it knows any graph or question. The dictionary, and the names that adjectives of places and peoples belong to,
come from WordNet (see `tools/build_wordnet.py`).
"""

from __future__ import annotations

import gzip
import math
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

import inflect

from reasoning.graph.names import fold

_UNITS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen""".split()  # noqa: SIM905
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SMALL = {word: value for value, word in enumerate(_UNITS)}
_SMALL |= {word: 10 * value for value, word in enumerate(_TENS, start=2)}

MAGNITUDES = {
    "dozen": 12.0, "hundred": 100.0, "thousand": 1e3, "k": 1e3, "million": 1e6, "m": 1e6, "mn": 1e6, "mio": 1e6,
    "billion": 1e9, "bn": 1e9, "trillion": 1e12,
}  # fmt: skip

NUMBER_WORDS = {word: value for word, value in _SMALL.items() if value}
"""Words for one number each, from one on."""

_PARTS = {"half": 0.5, "quarter": 0.25}


def spoken_number(words: Sequence[str]) -> tuple[int | float, int]:
    """The number that some words in lower case (digits as written) begin with, and how many of them say it; (0, 0)
    where they begin with none."""
    total, current, length, said = 0.0, 0.0, 0, False
    while length < len(words):
        word = words[length]
        pieces = word.split("-")
        if said and word == "and" and length + 1 < len(words) and _more(words[length + 1 :], current):
            length += 1
            continue
        if all(piece in _SMALL for piece in pieces):
            room = 10 if current % 100 >= 20 and current % 10 == 0 else 100
            if said and (current % room or _SMALL[pieces[0]] >= room or pieces[0] == "zero"):
                break  # "two three" are two numbers
            current += sum(_SMALL[piece] for piece in pieces)
        elif (digits := _digits(word)) is not None and not said:
            current = digits
        elif word in _PARTS and words[length + 1 : length + 2] in (["a"], ["of"]) and not said:
            skipped = next((at for at in range(length + 1, len(words)) if words[at] not in ("a", "of")), len(words))
            if skipped == len(words) or words[skipped] not in MAGNITUDES:
                break
            current, length = _PARTS[word] * MAGNITUDES[words[skipped]], skipped
        elif word in MAGNITUDES and len(word) > 1 and (said or len(word) > 2):
            size = MAGNITUDES[word]
            if size >= 1000:
                total, current = total + max(current, 1.0 if not said else current) * size, 0.0
            else:
                current = (current or 1.0) * size
        elif said and word == "a" and words[length + 1 : length + 2] == ["half"]:
            current += 0.5
            length += 1
        else:
            break
        said = True
        length += 1
    if not said:
        return 0, 0
    value = total + current
    whole = abs(value) < 1e18 and abs(value - round(value)) < 1e-6
    return (round(value) if whole else value), length


def _more(words: Sequence[str], current: float) -> bool:
    """Whether "and" goes on with the number: "two hundred and five", "one and a half million"."""
    if words[:2] == ["a", "half"]:
        return words[2:3] != [] and words[2] in MAGNITUDES
    return current >= 100 and current % 100 == 0 and all(piece in _SMALL for piece in words[0].split("-"))


def _digits(word: str) -> float | None:
    text = word.replace(",", "").replace(" ", "").replace("−", "-")
    plain = text.rstrip("kmnb")
    size = MAGNITUDES.get(text[len(plain) :], 0.0) if plain != text else 1.0
    try:
        value = float(plain) * size if size and plain.removeprefix("-")[:1].isdigit() else math.inf
        return value if math.isfinite(value) else None
    except ValueError:
        return None


PRONOUNS = frozenset(
    """it its they them their theirs he him his she her hers this that these those one ones there""".split()  # noqa: SIM905
)
"""Pronouns of the third person, demonstratives, and what stands for a thing or a place."""

SINGULAR = frozenset({"it", "its", "he", "him", "his", "she", "her", "hers", "this", "that"})
"""Of these what refers to one thing; the others refer to several, or to one person."""

DEMONSTRATIVES = frozenset({"this", "that", "these", "those"})
"""Of these what stands before a noun as well: "those countries"."""

LOOSE = frozenset({"they", "that", "one", "there"})
"""Of these what may refer to nothing: "they speak Dutch here", "countries that", "there are"."""

RELATIVE = frozenset({"that", "there", "they"})
"""Of these what nothing is chosen from: "which of them speak Dutch" chooses, "where do they speak Dutch" does not."""

DETERMINERS = frozenset(
    "a an another any each either every few many most neither no several some what which whose".split()  # noqa: SIM905
)
"""What a noun of the question's own begins with, to which a pronoun after it may refer."""

DISTRIBUTIVES = frozenset({"any", "each", "either", "every", "neither", "one"})
"""What takes one out of several, so that "it" may refer to it: "each of the countries and its capital"."""

TIMES = frozenset("day days moment week weeks month months year years decade century time times".split())  # noqa: SIM905
"""Nouns with which a demonstrative says when, and of which thing nothing: "these days", "this year"."""

POSSESSIVES = frozenset({"its", "their", "his", "her"})
"""Of these what stands before what is had."""

BEING = frozenset({"is", "are", "was", "were", "be"})
"""Forms of "be", beside which "there" says that something exists, and not where."""

AUXILIARIES = BEING | frozenset(
    """am been being do does did has have had having can could may might must shall should will would""".split()  # noqa: SIM905
)
"""Verbs that only help another one, and the forms of "be", "have" and "do"."""

ASKING = AUXILIARIES | frozenset({"what", "which", "who", "whom", "whose", "where", "when", "how"})
"""Words that a question begins with, and no phrase that only keeps some of what was said."""

CLAUSE_OPENERS = frozenset("that which who whom whose where when while whether if because and or but so then".split())  # noqa: SIM905
"""Words that another clause begins with."""

PREPOSITIONS = frozenset("about for in of on at to from by with within into as per".split())  # noqa: SIM905
"""Prepositions that questions are joined by; after one stands what may say where, and of what."""

CONNECTIVES = PREPOSITIONS | frozenset(
    "a an the and or also then now so well what how please ok okay thanks".split()  # noqa: SIM905
)
"""Articles, conjunctions and prepositions, and what a question of few words begins with; none of them asks anything."""

IDENTIFYING = frozenset({"which", "who"}) | BEING
"""Words that ask of a thing no more than what it is."""

CONJUNCTIONS = frozenset({"and", "or", "but", "so", "then"})
"""What a question that goes on from another one begins with."""

RESTRICTORS = frozenset({"not", "no", "only", "just", "without", "except", "but", "more", "less", "fewer", "than"})
"""Words that keep some of what was said, without saying of what."""

DEGREES: dict[str, bool] = {
    **dict.fromkeys(("more", "most", "larger", "largest", "bigger", "biggest", "greater", "greatest"), True),
    **dict.fromkeys(("higher", "highest"), True),
    **dict.fromkeys(("less", "least", "fewer", "fewest", "smaller", "smallest", "lower", "lowest"), False),
}
"""Words that compare by any measure and say none, "the second smallest", with whether they say that it is larger."""

KEEPING = frozenset({"only", "just"})
"""Of these what keeps no more than what stands behind it: "only those in Europe" are those in Europe."""

_MOST_PLACES = 20
_NUMBERS = inflect.engine()

ORDINALS: dict[str, int] = {
    **{_NUMBERS.ordinal(place): place for place in range(1, 100)},
    **{_NUMBERS.ordinal(str(_NUMBERS.number_to_words(place))): place for place in range(1, _MOST_PLACES + 1)},
    "former": 1, "last": -1, "latter": -1,
}  # fmt: skip
"""Words for places in a list, from 1 on, or from -1 on backwards."""


DATA = Path(__file__).parent / "data" / "wordnet.tsv.gz"


class WordNet:
    """The table in memory."""

    def __init__(self, path: Path = DATA) -> None:
        words, belongs = gzip.decompress(path.read_bytes()).decode().split("\n\n")
        self._words = frozenset(words.split("\n"))
        self._belongs: dict[str, tuple[str, ...]] = {}
        for line in belongs.split("\n"):
            adjective, _, nouns = line.partition("\t")
            self._belongs[fold(adjective)] = tuple(nouns.split("|"))
        self._same: dict[str, tuple[str, ...]] = {}
        for names in self._belongs.values():
            for name in names:
                self._same.setdefault(name, names)

    def known(self, word: str) -> bool:
        """Whether a word, in lower case, is in the dictionary."""
        return word in self._words

    def nouns_of(self, adjective: str) -> tuple[str, ...]:
        """The names that an adjective belongs to: "French" to "France", "French Republic"."""
        return self._belongs.get(fold(adjective), ())

    def same_names(self, name: str) -> tuple[str, ...]:
        """Other names of what a proper noun names: "USSR" of "Soviet Union"; a description in small letters, such as
        "capital of France", has none."""
        same = () if name[:1].islower() else self._same.get(name, ())
        return tuple(other for other in same if other != name)


@cache
def wordnet() -> WordNet:
    """The table, read once."""
    return WordNet()


WORD = re.compile(r"[^\W\d_]{2,}(?:['’-][^\W\d_]+)*")
"""A word of letters, of which there are two or more."""

_POSSESSIVE = re.compile(r"['’ʼ]s?$")

_IRREGULAR = {
    "wrote": "write", "written": "write", "spoke": "speak", "spoken": "speak", "used": "use", "uses": "use",
    "using": "use", "lies": "lie", "lay": "lie", "lying": "lie", "died": "die", "dies": "die", "made": "make",
    "led": "lead", "won": "win", "held": "hold", "built": "build", "found": "find", "sang": "sing", "sung": "sing",
    "children": "child", "wives": "wife", "bought": "buy", "sold": "sell", "taught": "teach", "married": "marry",
    "went": "go", "gone": "go", "came": "come", "gave": "give", "given": "give", "took": "take", "taken": "take",
    "got": "get", "gotten": "get", "threw": "throw", "thrown": "throw", "broke": "break", "broken": "break",
    "lost": "lose", "paid": "pay", "sent": "send", "met": "meet", "ran": "run", "grew": "grow", "grown": "grow",
    "fought": "fight", "chose": "choose", "chosen": "choose", "drew": "draw", "drawn": "draw", "flew": "fly",
    "flown": "fly", "wore": "wear", "worn": "wear", "began": "begin", "begun": "begin", "brought": "bring",
    "caught": "catch", "kept": "keep", "left": "leave", "spent": "spend", "stood": "stand", "fell": "fall",
    "fallen": "fall", "drove": "drive", "driven": "drive", "ate": "eat", "eaten": "eat", "bore": "bear",
    "beat": "beat", "beaten": "beat", "hid": "hide", "hidden": "hide", "knew": "know", "known": "know",
    "sought": "seek", "shot": "shoot", "struck": "strike", "stole": "steal", "stolen": "steal", "swore": "swear",
    "sworn": "swear", "bound": "bind", "withdrew": "withdraw", "withdrawn": "withdraw", "laid": "lay", "heard": "hear",
    "said": "say", "told": "tell", "felt": "feel", "fed": "feed", "hung": "hang", "rose": "rise", "risen": "rise",
    "saw": "see", "seen": "see", "lent": "lend", "dealt": "deal", "tore": "tear", "torn": "tear", "swam": "swim",
    "rode": "ride", "ridden": "ride", "understood": "understand", "forbade": "forbid", "forbidden": "forbid",
    "froze": "freeze", "frozen": "freeze", "bacteria": "bacterium",
}  # fmt: skip

_ENDINGS = (
    *(("s", ""), ("es", ""), ("ies", "y"), ("ied", "y"), ("ves", "f")),
    *(("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e")),
)


@lru_cache(maxsize=100_000)
def lemmas(word: str) -> tuple[str, ...]:
    """The forms under which a dictionary has a word: "cities" and "city", "starred" and "star"."""
    text = word.casefold()
    found = [text, _IRREGULAR.get(text, text)]
    for ending, instead in _ENDINGS:
        if text.endswith(ending) and len(text) - len(ending) >= 2:
            base = text[: -len(ending)]
            found.append(base + instead)
            if not instead and ending in ("ing", "ed") and len(base) > 3 and base[-1] == base[-2]:
                found.append(base[:-1])
    return tuple(form for form in dict.fromkeys(found) if wordnet().known(form))


def without_possessive(text: str) -> str:
    """A name or word without the "'s" or apostrophe behind it."""
    return _POSSESSIVE.sub("", text)


def forms_of(word: str) -> frozenset[str]:
    """A word in small letters and its forms; two words are the same where they share one."""
    bare = without_possessive(word)
    return frozenset((bare.casefold(), *lemmas(bare)))


def forms_in(text: str) -> frozenset[str]:
    """The forms of all words of a text."""
    return frozenset(form for match in WORD.finditer(text) for form in forms_of(match.group()))


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
