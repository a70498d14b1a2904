"""The grammar that holds a written query to the query language and to the ids of its prompt, token by token.

It knows sets from numbers and relations between things from those with values, so that whatever is written parses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reasoning.language.constraint import any_piece
from reasoning.reading.model.prompt import KIND_IDS, LITERALS, NAME_IDS, RELATION_IDS, Prompt
from reasoning.reading.model.surface import COMPARISONS, NOTHING

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+"

_RULES = """
start: nothing | set | number | exists left set right | values
set: both (or both)*
both: one (and one)*
one: not one | plain | compared
values: open itnumber close left set right
compared: measure left set right compare number
plain: entity | along left set right | ranked | every left along comma set right
     | starts left letters comma set right | left set right
along: inverse? edge
ranked: rank left places comma measure comma set right
measure: value | open itnumber close
number: term (adding term)*
term: factor (multiplying factor)*
factor: literal | digits (point digits)? | today | count left set right | value left set right
      | aggregate left measure comma set right | left number right | minus factor
places: digits | literal
itset: itboth (or itboth)*
itboth: itone (and itone)*
itone: not itone | itplain | value left itset right compare number
itplain: entity | it | along left itset right | left itset right
itnumber: itterm (adding itterm)*
itterm: itfactor (multiplying itfactor)*
itfactor: literal | digits (point digits)? | today | count left itset right | value left itset right
        | aggregate left value comma itset right | left itnumber right | minus itfactor
digits: digit{1,9}
letters: letter{1,12}
"""


def query_grammar(prompt: Prompt, piece: Callable[[str], Sequence[int]]) -> str:
    """The grammar of what may be written for a prompt.

    Args:
        prompt: whose ids there are.
        piece: the tokens of a piece.
    """
    relations = list(zip(RELATION_IDS, prompt.schema.relations, strict=False))
    names = list(zip(NAME_IDS, prompt.names, strict=False))
    kinds = KIND_IDS[: len(prompt.schema.kinds)]
    classes: dict[str, Sequence[str]] = {
        "nothing": (NOTHING,),
        "edge": [letter for letter, relation in relations if not relation.has_values],
        "value": [letter for letter, relation in relations if relation.has_values],
        "entity": [*kinds, *(letter for letter, name in names if name.kind not in LITERALS)],
        "literal": [letter for letter, name in names if name.kind in LITERALS],
        "compare": COMPARISONS,
        "adding": (" +", " -"),
        "multiplying": (" *", " /"),
        "aggregate": ("sum", "average", "minimum", "maximum"),
        "rank": ("top", "bottom"),
        "digit": list("0123456789"),
        "letter": list(_LETTERS),
        **{name: (text,) for name, text in _SIGNS.items()},
    }
    rules = [f"{name}: {any_piece(pieces, piece)}" for name, pieces in classes.items()]
    return _RULES + "\n".join(rules)


_SIGNS = {
    "left": "(", "right": ")", "comma": ",", "open": "[", "close": "]", "or": " |", "and": " &", "not": "!",
    "inverse": "~", "minus": "-", "point": ".", "exists": "exists", "every": "every", "starts": "starts",
    "today": "today", "count": "count", "it": "it",
}  # fmt: skip
