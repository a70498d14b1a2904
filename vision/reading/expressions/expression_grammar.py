"""The grammar that holds a written sentence to its form and to the words of the expression."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from reasoning.language.constraint import any_piece, in_turn
from vision.reading.expressions.pieces import (
    BETWEEN_PIECE,
    DISTANCES,
    LEAST,
    NUMBERED,
    PICTURE,
    PLACE,
    PLACES,
    SIZE,
    SIZES,
    Pieces,
)
from vision.reading.prompt import TextPrompt
from vision.video.happenings.kinds import SIDED, SIDES

_RULES = """
start: (wanted | numbered wanted | alone | bound number) set
wanted: few | number
set: both (or both)*
both: one (and one)*
one: not one | plain
plain: everything | bracket set right | inverse? relation left set right | rank space digits left set right
     | rank ordinal digits left set right | distance (space | ordinal) digits left set comma set right
     | between left set (comma set)? right | place left places right | size left sizes right | span
{happening}number: space digits
digits: digit{{1,3}}
"""
_HAPPENING = """     | inverse? relation left set right time+ | happening time* | sided (left sides right)? time*
     | doing (left span right)? time*
time: times left set right
"""


def expression_grammar(prompt: TextPrompt, piece: Callable[[str], Sequence[int]], pieces: Pieces = PICTURE) -> str:
    """The grammar of what may be written of an expression.

    Args:
        prompt: whose words may be copied, in stretches.
        piece: the tokens of a piece.
        pieces: of what it speaks about.
    """
    numbered = [word for word, (question, _) in pieces.heads.items() if question in NUMBERED]
    classes: dict[str, Iterable[str]] = {
        "few": (" one", " all"), "numbered": numbered, "alone": [word for word in pieces.heads if word not in numbered],
        "bound": LEAST, "everything": (" *",), "bracket": (" (",), "left": ("(",), "right": (")",), "comma": (",",),
        "or": (" |",), "and": (" &",), "not": (" !",), "inverse": (" ~",), "ordinal": (" #",), "space": (" ",),
        "relation": pieces.relations, "rank": pieces.ranks, "distance": DISTANCES, "between": (BETWEEN_PIECE,),
        "place": (PLACE,), "size": (SIZE,), "sizes": [f" {size}" for size in SIZES], "digit": "0123456789",
    }  # fmt: skip
    if pieces.happenings:
        sided = [word for word, kind in pieces.happenings.items() if kind in SIDED]
        classes["happening"] = [word for word in pieces.happenings if word not in sided]
        classes |= {"sided": sided, "sides": [f" {side}" for side in SIDES], "doing": pieces.doing}
        classes["times"] = pieces.times
    rules = [f"{name}: {any_piece(texts, piece)}" for name, texts in classes.items()]
    places = " | ".join(" ".join(in_turn(piece(f" {word}")) for word in place.split()) for place in PLACES)
    form = _RULES.format(happening=_HAPPENING if pieces.happenings else "")
    return "\n".join([form, *rules, f"places: {places}", *prompt.copied_words.span_rules(piece)])
