"""The text form of queries, read with the `lark` parsing library (LALR: linear time, and errors know their column)."""

from __future__ import annotations

import datetime
import json
from typing import Any, cast

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError

from reasoning.errors import QueryError
from reasoning.query.tree import (
    Compare,
    Complement,
    Count,
    Entity,
    Exists,
    Intersect,
    Operator,
    Project,
    Query,
    Top,
    Union,
)

GRAMMAR = r"""
start: union
?union: intersection ("|" intersection)*
?intersection: negation ("&" negation)*
?negation: "!" negation          -> complement
         | comparison
?comparison: projection OPERATOR value -> compare
           | atom
?atom: projection
     | STRING                    -> named
     | "entity" "(" STRING ")"   -> by_id
     | "count" "(" union ")"     -> count
     | "exists" "(" union ")"    -> exists
     | "top" "(" INTEGER "," relation "," union ")"    -> top
     | "bottom" "(" INTEGER "," relation "," union ")" -> bottom
     | "(" union ")"
projection: [INVERSE] relation "(" union ")"
relation: NAME | STRING
value: INTEGER | DECIMAL | STRING

INVERSE: "~"
OPERATOR: ">=" | "<=" | "!=" | ">" | "<" | "="
NAME: /[^\W\d]\w*/
STRING: /"(?:[^"\\]|\\.)*"/
INTEGER.2: /-?\d[\d_]*(?![\d_.eE])/
DECIMAL: /-?\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?/
%ignore /\s+/
"""

_READABLE = {
    "LPAR": '"("',
    "RPAR": '")"',
    "COMMA": '","',
    "VBAR": '"|"',
    "AMPERSAND": '"&"',
    "BANG": '"!"',
    "INVERSE": '"~"',
    "NAME": "a relation",
    "STRING": 'a "name" in quotes',
    "OPERATOR": "a comparison",
    "INTEGER": "a whole number",
    "DECIMAL": "a number",
    "$END": "the end",
}
_FUNCTIONS = {"ENTITY", "COUNT", "EXISTS", "TOP", "BOTTOM"}


def parse(text: str) -> Query:
    """Read one query; see `Query.parse`."""
    if not isinstance(text, str) or not text.strip():
        raise QueryError('the query is empty; expected something like borders("France")')
    try:
        tree = _PARSER.parse(text)
        return _Builder(text).transform(tree)
    except UnexpectedInput as error:
        raise _explain(error, text) from None
    except VisitError as error:
        if isinstance(error.orig_exc, QueryError):
            raise error.orig_exc from None
        raise
    except RecursionError:
        raise QueryError("the query is nested too deeply") from None


@v_args(inline=True)
class _Builder(Transformer[Token, Query]):
    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def start(self, query: Query) -> Query:
        return query

    def union(self, *parts: Query) -> Query:
        return Union(parts)

    def intersection(self, *parts: Query) -> Query:
        return Intersect(parts)

    def complement(self, part: Query) -> Query:
        return Complement(part)

    def projection(self, inverse: Token | None, relation: str, source: Query) -> Query:
        return Project(relation, source, inverse is not None)

    def named(self, token: Token) -> Query:
        return Entity(self._string(token))

    def by_id(self, token: Token) -> Query:
        return Entity(self._string(token), by_id=True)

    def count(self, part: Query) -> Query:
        return Count(part)

    def exists(self, part: Query) -> Query:
        return Exists(part)

    def top(self, k: Token, relation: str, source: Query) -> Query:
        return Top(int(k), relation, source)

    def bottom(self, k: Token, relation: str, source: Query) -> Query:
        return Top(int(k), relation, source, largest=False)

    def compare(self, projection: Project, operator: Token, value: int | float | datetime.date) -> Query:
        if projection.inverse:
            raise QueryError("a comparison needs the relation itself, not its inverse (~)", self._text, operator.column)
        return Compare(projection.relation, projection.source, cast(Operator, str(operator)), value)

    def relation(self, token: Token) -> str:
        return str(token) if token.type == "NAME" else self._string(token)

    def value(self, token: Token) -> int | float | datetime.date:
        if token.type == "INTEGER":
            return int(token)
        if token.type == "DECIMAL":
            return float(token)
        try:
            return datetime.date.fromisoformat(self._string(token))
        except ValueError:
            raise QueryError(
                f'expected a number or a date such as "2001-12-31", found {token}', self._text, token.column
            ) from None

    def _string(self, token: Token) -> str:
        try:
            text: Any = json.loads(token, strict=False)
        except json.JSONDecodeError as error:
            raise QueryError(
                f"broken escape in the string: {error.msg.lower()}", self._text, (token.column or 1) + error.pos
            ) from None
        return str(text)


_PARSER = Lark(GRAMMAR, parser="lalr", maybe_placeholders=True)


def _explain(error: UnexpectedInput, text: str) -> QueryError:
    if isinstance(error, UnexpectedToken):
        ends = error.token.type == "$END"
        column = len(text.rstrip()) + 1 if ends else (error.token.start_pos or 0) + 1
        expected = sorted(error.accepts or error.expected)
        message = "the query ends too early" if ends else f'"{error.token}" does not fit here'
        message += f"; expected {_choices(expected)}"
        if expected == ["LPAR"]:
            message += "; names of entities stand in double quotes"
        return QueryError(message, text, column)
    assert isinstance(error, UnexpectedCharacters)
    position = error.pos_in_stream or 0
    char = text[position]
    if char == '"':
        message = 'this string is not closed; expected a "'
    else:
        message = f"{char!r} is no part of the grammar; names of entities stand in double quotes"
    return QueryError(message, text, position + 1)


def _choices(expected: list[str]) -> str:
    named = [_READABLE[name] for name in expected if name in _READABLE]
    if _FUNCTIONS & set(expected):
        named.append("a function (entity, count, exists, top, bottom)")
    named = named or ["something else"]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} or {named[-1]}"
