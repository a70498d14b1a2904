"""The codec between queries and the text that the model writes, and the grammar that holds it.

The text is the query language with an id in place of every name, in pieces of a token each. The grammar knows sets
from numbers and relations between things from those with values, so that whatever is written parses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from reasoning.errors import QueryError
from reasoning.graph.names import RESERVED
from reasoning.lm.constraint import any_piece
from reasoning.parsing.schema import KIND_IDS, LITERALS, NAME_IDS, RELATION_IDS, Prompt

NOTHING = " none"
"""What the model writes where the graph cannot say what is asked."""

FUNCTIONS = (
    "count", "exists", "top", "bottom", "sum", "average", "minimum", "maximum", "every", "starts", "today", "it",
)  # fmt: skip
COMPARISONS = (" >=", " <=", " !=", " >", " <", " =")
SIGNS = (" +", " -", " *", " /", " &", " |")

_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*")|(?P<number>\d+(?:\.\d+)?)|(?P<word>[^\W\d]\w*)|(?P<sign>>=|<=|!=|[-+*/&|!~()\[\],<>=])'
)
_WORDS_IN_QUERIES = {"starts": "name_starts"}
_WORDS_IN_WRITTEN = {text: short for short, text in _WORDS_IN_QUERIES.items()}
_SPACED = frozenset(sign.strip() for sign in (*COMPARISONS, *SIGNS))
_PIECE = re.compile("|".join(re.escape(piece) for piece in (NOTHING, *COMPARISONS, *SIGNS, *FUNCTIONS)) + r"|\S| ")
_MARKS = frozenset("0123456789.,()[]!~+-*/&|<>= ")
_SPELLED = re.compile(r"(?<=starts\()[^,]*")
_WORD = re.compile(r"[^\W\d_]{2,}")


def written(query: str, ids: Mapping[str, str]) -> list[str]:
    """The pieces in which a query is written, by the id of each relation, kind, name and number as it stands in the
    query (or a KeyError); `~r` stands for a relation that the graph stores the other way round."""
    pieces: list[str] = []
    tokens = list(_tokens(query))
    at = 0
    while at < len(tokens):
        kind, text = tokens[at]
        taken = 1
        for length in (5, 4):  # ~type("kind"); entity("id"), date("2001-12-31")
            joined = "".join(part for _, part in tokens[at : at + length])
            if joined in ids and joined != text:
                pieces.append(ids[joined])
                taken = length
                break
        else:
            following = tokens[at + 1][1] if at + 1 < len(tokens) else ""
            if kind == "string" and pieces[-2:] == ["starts", "("]:
                pieces += list(text[1:-1])
            elif kind in ("string", "word") and _is_relation(kind, text, following, pieces):
                pieces += _directed(ids, text, pieces)
            elif kind == "string":
                pieces.append(ids[text])
            elif kind == "number":
                pieces += [ids[text]] if text in ids else list(text)
            elif kind == "word":
                pieces.append(_WORDS_IN_WRITTEN.get(text, text))
            else:
                sign = text in _SPACED and not (text == "-" and pieces[-1:] in ([], ["("], ["["]))
                pieces.append(f" {text}" if sign else text)
        at += taken
    return pieces


def read_back(text: str, meanings: Mapping[str, str]) -> str:
    """The query's text that pieces, joined, say by the meanings of ids; a QueryError where something is no piece."""
    if foreign := [word for word in _WORD.findall(_SPELLED.sub("", text)) if word not in FUNCTIONS]:
        raise QueryError(f'"{foreign[0]}" is no word of queries; relations, kinds and names are written as their ids')
    said: list[str] = []
    spelled = False
    for piece in _PIECE.findall(text.strip()):
        if spelled and piece != ",":
            said.append(piece)
            continue
        if spelled:
            said.append('"')
            spelled = False
        if len(piece) == 1 and piece in KIND_IDS + RELATION_IDS + NAME_IDS:
            if piece not in meanings:
                raise QueryError(f"{piece} stands for nothing that the question or the graph holds")
            said.append(meanings[piece])
        elif len(piece) == 1 and piece not in _MARKS:
            raise QueryError(f"{piece} is no part of queries; relations, kinds and names are written as their ids")
        else:
            said.append(_WORDS_IN_QUERIES.get(piece, piece))
        if said[-2:] == ["name_starts", "("]:
            said.append('"')
            spelled = True
    return "".join(said).replace("~~", "")


def pieces_of(text: str) -> Sequence[str]:
    """A written query's text taken apart."""
    return [piece for piece in _PIECE.findall(text) if piece != " "]


def ids_in(text: str) -> frozenset[str]:
    """The ids that a written query's text holds."""
    return frozenset(pieces_of(_SPELLED.sub("", text))) & frozenset(KIND_IDS + RELATION_IDS + NAME_IDS)


def _tokens(query: str) -> Iterator[tuple[str, str]]:
    for match in _TOKEN.finditer(query):
        yield str(match.lastgroup), match.group()


def _is_relation(kind: str, text: str, following: str, pieces: Sequence[str]) -> bool:
    """Whether a string or word names a relation: one is followed by what it is applied to, or is a measure."""
    if kind == "word" and text in RESERVED:
        return False
    return following == "(" or (following == "," and pieces[-1:] != ["starts"])


def _directed(ids: Mapping[str, str], relation: str, pieces: list[str]) -> list[str]:
    """The id of a relation, turned round where it is the stored one's inverse; takes a `~` before it back."""
    if relation in ids:
        return [ids[relation]]
    other = ids[f"~{relation}"]
    if pieces[-1:] == ["~"]:
        pieces.pop()
        return [other]
    return ["~", other]


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
    """The grammar of what may be written for a prompt, over the tokens of its pieces."""
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
