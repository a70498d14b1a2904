"""The text form of queries, read with the `lark` parsing library (LALR: linear time, and errors know their column)."""

from __future__ import annotations

import datetime
import json
from typing import Any, cast

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args

from reasoning.errors import QueryError
from reasoning.query.tree import (
    AGGREGATES,
    Aggregate,
    Arithmetic,
    Compare,
    Complement,
    Constant,
    Count,
    Entity,
    Every,
    Exists,
    Intersect,
    It,
    Measure,
    Measured,
    NameStarts,
    Negative,
    Operator,
    Project,
    Query,
    Sign,
    Today,
    Top,
    Union,
)

GRAMMAR = r"""
?start: union
?union: intersection ("|" intersection)*
?intersection: negation ("&" negation)*
?negation: "!" negation          -> complement
         | comparison
?comparison: sum OPERATOR sum
           | sum OPERATOR bare_date
           | sum
bare_date.2: STRING
?sum: product
    | sum (PLUS | MINUS) product    -> arithmetic
?product: signed
        | product (TIMES | DIVIDE) signed -> arithmetic
?signed: MINUS signed               -> negative
       | atom
?atom: projection
     | STRING                    -> named
     | INTEGER                   -> constant
     | DECIMAL                   -> constant
     | "date" "(" bare_date ")"  -> date
     | "today"                   -> today
     | "it"                      -> it
     | "entity" "(" STRING ")"   -> by_id
     | "count" "(" union ")"     -> count
     | "exists" "(" union ")"    -> exists
     | "top" "(" INTEGER "," measure "," union ")"    -> top
     | "bottom" "(" INTEGER "," measure "," union ")" -> bottom
     | "sum" "(" measure "," union ")"                -> sum_of
     | "average" "(" measure "," union ")"            -> average
     | "minimum" "(" measure "," union ")"            -> minimum
     | "maximum" "(" measure "," union ")"            -> maximum
     | "every" "(" [INVERSE] relation "," union ")"   -> every
     | "name_starts" "(" STRING "," union ")"         -> name_starts
     | brackets "(" union ")"    -> measured
     | "(" union ")"
projection: [INVERSE] relation "(" union ")"
?measure: relation | brackets
brackets: "[" union "]"
relation: NAME | STRING

INVERSE: "~"
OPERATOR: ">=" | "<=" | "!=" | ">" | "<" | "="
PLUS: "+"
MINUS: "-"
TIMES: "*"
DIVIDE: "/"
NAME: /[^\W\d]\w*/
STRING: /"(?:[^"\\]|\\.)*"/
INTEGER.2: /\d[\d_]*(?![\d_.eE])/
DECIMAL: /\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?/
%ignore /\s+/
"""

_READABLE = {
    "LPAR": '"("',
    "LSQB": "a measure in brackets",
    "RSQB": '"]"',
    "PLUS": "+",
    "MINUS": "-",
    "TIMES": "*",
    "DIVIDE": "/",
    "IT": "it",
    "TODAY": "today",
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
_QUOTES = "names of entities, and of relations that are no single word, stand in double quotes"
_FUNCTIONS = ("entity", "count", "exists", "top", "bottom", *AGGREGATES, "every", "name_starts", "date")


def parse(text: str) -> Query:
    """Read one query; see `Query.parse`."""
    if not isinstance(text, str) or not text.strip():
        raise QueryError('the query is empty; expected something like borders("France")')
    try:
        query = cast(Query, _PARSER.parse(text))
    except UnexpectedInput as error:
        raise _explain(error, text) from None
    except QueryError as error:
        raise QueryError(error.reason, text, error.column) from None
    if query.holds_it:
        raise QueryError("`it` stands only inside the brackets of a measure, such as [count(borders(it))]", text)
    return query


@v_args(inline=True)
class _Builder(Transformer[Token, Query]):
    """Makes the query while it is read, bottom up: no tree is left to be walked, however deep the brackets go."""

    complement, count, exists, it, today = Complement, Count, Exists, It, Today
    brackets, measured = Measure, Measured

    def sum_of(self, measure: str | Measure, source: Query) -> Query:
        return Aggregate(measure, source, kind="sum")

    def average(self, measure: str | Measure, source: Query) -> Query:
        return Aggregate(measure, source, kind="average")

    def minimum(self, measure: str | Measure, source: Query) -> Query:
        return Aggregate(measure, source, kind="minimum")

    def maximum(self, measure: str | Measure, source: Query) -> Query:
        return Aggregate(measure, source, kind="maximum")

    def union(self, *parts: Query) -> Query:
        return Union(parts)

    def intersection(self, *parts: Query) -> Query:
        return Intersect(parts)

    def projection(self, inverse: Token | None, relation: str, source: Query) -> Query:
        return Project(relation, source, inverse is not None)

    def every(self, inverse: Token | None, relation: str, source: Query) -> Query:
        return Every(relation, source, inverse is not None)

    def named(self, token: Token) -> Query:
        return Entity(self._string(token))

    def by_id(self, token: Token) -> Query:
        return Entity(self._string(token), by_id=True)

    def name_starts(self, prefix: Token, source: Query) -> Query:
        return NameStarts(self._string(prefix), source)

    def top(self, k: Token, measure: str | Measure, source: Query, largest: bool = True) -> Query:
        number = int(_number(k))
        if number < 1:
            raise QueryError(f"expected a whole number of at least 1, found {k}", column=_column(k))
        return Top(number, measure, source, largest)

    def bottom(self, k: Token, measure: str | Measure, source: Query) -> Query:
        return self.top(k, measure, source, largest=False)

    def comparison(self, left: Query, operator: Token, right: Query) -> Query:
        compared = cast(Operator, str(operator))
        if isinstance(left, Measured):
            return Compare(left.measure, left.source, compared, right)
        if not isinstance(left, Project):
            raise QueryError(
                "left of a comparison stands a measure of a set, such as population(...) or [count(borders(it))](...)",
                column=_column(operator),
            )
        if left.inverse:
            raise QueryError("a comparison needs the relation itself, not its inverse (~)", column=_column(operator))
        return Compare(left.relation, left.source, compared, right)

    def arithmetic(self, left: Query, sign: Token, right: Query) -> Query:
        return Arithmetic(cast(Sign, str(sign)), left, right)

    def negative(self, _: Token, part: Query) -> Query:
        if isinstance(part, Constant) and not isinstance(part.value, datetime.date):
            return Constant(-part.value)
        return Negative(part)

    def constant(self, token: Token) -> Query:
        return Constant(_number(token))

    def date(self, constant: Constant) -> Query:
        return constant

    def bare_date(self, token: Token) -> Query:
        try:
            return Constant(datetime.date.fromisoformat(self._string(token)))
        except ValueError:
            raise QueryError(
                f'expected a number or a date such as "2001-12-31", found {token}', column=_column(token)
            ) from None

    def relation(self, token: Token) -> str:
        return str(token) if token.type == "NAME" else self._string(token)

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
            message += f"; {_QUOTES}"
        return QueryError(message, text, column)
    assert isinstance(error, UnexpectedCharacters)
    position = error.pos_in_stream or 0
    char = text[position]
    if char == '"':
        message = 'this string is not closed; expected a "'
    else:
        message = f"{char!r} is no part of the grammar; {_QUOTES}"
    return QueryError(message, text, position + 1)


def _choices(expected: list[str]) -> str:
    named = [_READABLE[name] for name in expected if name in _READABLE]
    if "COUNT" in expected:
        named.append(f"a function ({', '.join(_FUNCTIONS)})")
    named = named or ["something else"]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} or {named[-1]}"
