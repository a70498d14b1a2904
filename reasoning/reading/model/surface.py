"""Queries as the model writes them: the query language with an id in place of every name, in pieces of a token each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from reasoning.errors import QueryError
from reasoning.graph.spelling import RESERVED
from reasoning.reading.model.prompt import KIND_IDS, NAME_IDS, RELATION_IDS

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
    """The pieces in which a query is written.

    Args:
        query: its text.
        ids: the id of each relation, kind, name and number by its text in the query; a relation `~r` stands for the
            relation that the graph stores the other way round.

    Raises:
        KeyError: something that the query names has no id.
    """
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
    """The query's text that pieces, joined, say.

    Args:
        text: the pieces.
        meanings: what each id stands for.

    Raises:
        QueryError: something stands there that is no piece, or an id that stands for nothing in the prompt.
    """
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
