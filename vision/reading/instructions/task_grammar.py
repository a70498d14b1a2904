"""The grammar that holds a written task to its form and to the words of the instruction, token by token."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from reasoning.language.constraint import any_piece
from vision.reading.instructions.surface import (
    ACTS,
    AXES,
    BOXES,
    CHECK,
    CLASSES,
    COLUMNS,
    FLAGS,
    FORMATS,
    GEOMETRIES,
    NONSENSE,
    PARTS,
    RANKS,
    ROWS,
    SIDES,
    SIZES,
)
from vision.reading.prompt import SET_IDS, TextPrompt

_RULES = """
start: nonsense | act named? field* | (ground | count) colon about field*
about: set | span
named: names (except names)? | except names
names: name (comma name)*
name: set | span | span span
field: semicolon part
part: rank number | (column division)? row division | column division | extent side number | sure number
    | axis number comma number | keys span comma span | measure number | word | ignore span
number: space digit{1,7} (point digit{1,6})?
"""


def task_grammar(prompt: TextPrompt, piece: Callable[[str], Sequence[int]]) -> str:
    """The grammar of what may be written of an instruction.

    Args:
        prompt: whose words may be copied, in stretches.
        piece: the tokens of a piece.
    """
    classes: dict[str, Iterable[str]] = {
        "nonsense": (NONSENSE,),
        "act": [act for act in (*ACTS, CHECK) if act != " ground"],
        "ground": (" ground",), "count": (" count",), "colon": (":",), "except": (" except",), "comma": (",",),
        "semicolon": (";",), "space": (" ",), "digit": "0123456789", "point": (".",),
        "set": [f" {letter}" for letter, _ in zip(SET_IDS, prompt.sets, strict=False)],
        "rank": RANKS, "column": COLUMNS, "row": ROWS, "division": PARTS, "extent": SIZES, "side": SIDES,
        "axis": AXES, "sure": (" sure",), "keys": (" keys",), "measure": (" points", " range"), "ignore": (" ignore",),
        "word": (*FORMATS, *GEOMETRIES, *BOXES, " unit", *FLAGS, *CLASSES),
    }  # fmt: skip
    rules = [f"{name}: {any_piece(pieces, piece)}" for name, pieces in classes.items()]
    return "\n".join([_RULES, *rules, *prompt.copied_words.span_rules(piece)])
