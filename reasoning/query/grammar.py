"""The text form of queries, read with the `lark` parsing library (LALR: linear time, and errors know their column)."""

from __future__ import annotations

import datetime
import json
from typing import Any, cast

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args

from kg_data.supplied import supplies
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
?start: union
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


@supplies(Query.parse)
def parse(text: str) -> Query:
    """Read one query; see `Query.parse`."""
    if not isinstance(text, str) or not text.strip():
        raise QueryError('the query is empty; expected something like borders("France")')
    try:
        return cast(Query, _PARSER.parse(text))
    except UnexpectedInput as error:
        raise _explain(error, text) from None
    except QueryError as error:
        raise QueryError(error.reason, text, error.column) from None


@v_args(inline=True)
class _Builder(Transformer[Token, Query]):
    """Makes the query while it is read, bottom up: no tree is left to be walked, however deep the brackets go."""

    complement, count, exists = Complement, Count, Exists

    def union(self, *parts: Query) -> Query:
        return Union(parts)

    def intersection(self, *parts: Query) -> Query:
        return Intersect(parts)

    def projection(self, inverse: Token | None, relation: str, source: Query) -> Query:
        return Project(relation, source, inverse is not None)

    def named(self, token: Token) -> Query:
        return Entity(self._string(token))

    def by_id(self, token: Token) -> Query:
        return Entity(self._string(token), by_id=True)

    def top(self, k: Token, relation: str, source: Query, largest: bool = True) -> Query:
        number = int(_number(k))
        if number < 1:
            raise QueryError(f"expected a whole number of at least 1, found {k}", column=_column(k))
        return Top(number, relation, source, largest)

    def bottom(self, k: Token, relation: str, source: Query) -> Query:
        return self.top(k, relation, source, largest=False)

    def compare(self, projection: Project, operator: Token, value: int | float | datetime.date) -> Query:
        if projection.inverse:
            raise QueryError("a comparison needs the relation itself, not its inverse (~)", column=_column(operator))
        return Compare(projection.relation, projection.source, cast(Operator, str(operator)), value)

    def relation(self, token: Token) -> str:
        return str(token) if token.type == "NAME" else self._string(token)

    def value(self, token: Token) -> int | float | datetime.date:
        if token.type != "STRING":
            return _number(token)
        try:
            return datetime.date.fromisoformat(self._string(token))
        except ValueError:
            raise QueryError(
                f'expected a number or a date such as "2001-12-31", found {token}', column=_column(token)
            ) from None

    def _string(self, token: Token) -> str:
        try:
            text: Any = json.loads(token, strict=False)
        except json.JSONDecodeError as error:
            raise QueryError(
                f"broken escape in the string: {error.msg.lower()}", column=_column(token) + error.pos
            ) from None
        if not text:
            raise QueryError("expected a name between the quotes, found none", column=_column(token))
        return str(text)


def _number(token: Token) -> int | float:
    read = int if token.type == "INTEGER" else float
    try:
        return read(token)
    except ValueError:
        raise QueryError(f"{_short(token)} is no number that can be read", column=_column(token)) from None


def _column(token: Token) -> int:
    """1-based, counted from the start of the text and not of the line, as `QueryError` shows it."""
    return (token.start_pos or 0) + 1


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


_PARSER = Lark(GRAMMAR, parser="lalr", transformer=_Builder(), maybe_placeholders=True)


def _explain(error: UnexpectedInput, text: str) -> QueryError:
    if isinstance(error, UnexpectedToken):
        ends = error.token.type == "$END"
        column = len(text.rstrip()) + 1 if ends else _column(error.token)
        expected = sorted(error.accepts or error.expected)
        message = "the query ends too early" if ends else f'"{_short(error.token)}" does not fit here'
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
