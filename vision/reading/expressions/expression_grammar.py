"""The grammar that holds a written sentence about a scene to its form and to the words of the expression."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from reasoning.language.constraint import any_piece, in_turn
from vision.reading.expressions.surface import (
    BETWEEN_PIECE,
    DISTANCES,
    HEADS,
    LEAST,
    NUMBERED,
    PLACE,
    PLACES,
    RANKS,
    RELATIONS,
    SIZE,
    SIZES,
)
from vision.reading.prompt import TextPrompt

_RULES = """
start: (wanted | numbered wanted | alone | bound number) set
wanted: few | number
set: both (or both)*
both: one (and one)*
one: not one | plain
plain: everything | bracket set right | inverse? relation left set right | rank space digits left set right
     | rank ordinal digits left set right | distance (space | ordinal) digits left set comma set right
     | between left set (comma set)? right | place left places right | size left sizes right | span
number: space digits
digits: digit{1,3}
"""


def expression_grammar(prompt: TextPrompt, piece: Callable[[str], Sequence[int]]) -> str:
    """The grammar of what may be written of an expression.

    Args:
        prompt: whose words may be copied, in stretches.
        piece: the tokens of a piece.
    """
    numbered = [word for word, (question, _) in HEADS.items() if question in NUMBERED]
    classes: dict[str, Iterable[str]] = {
        "few": (" one", " all"), "numbered": numbered, "alone": [word for word in HEADS if word not in numbered],
        "bound": LEAST, "everything": (" *",), "bracket": (" (",), "left": ("(",), "right": (")",), "comma": (",",),
        "or": (" |",), "and": (" &",), "not": (" !",), "inverse": (" ~",), "ordinal": (" #",), "space": (" ",),
        "relation": RELATIONS, "rank": RANKS, "distance": DISTANCES, "between": (BETWEEN_PIECE,), "place": (PLACE,),
        "size": (SIZE,), "sizes": [f" {size}" for size in SIZES], "digit": "0123456789",
    }  # fmt: skip
    rules = [f"{name}: {any_piece(pieces, piece)}" for name, pieces in classes.items()]
    places = " | ".join(" ".join(in_turn(piece(f" {word}")) for word in place.split()) for place in PLACES)
    return "\n".join([_RULES, *rules, f"places: {places}", *prompt.span_rules(piece)])
