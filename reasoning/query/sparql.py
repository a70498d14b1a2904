"""Queries as SPARQL 1.1 text, for the graph that `KnowledgeGraph.to_rdf` writes.

The executor works on sets, SPARQL on bags: a chain of projections as one pattern would list every path, and forty steps
along a border list billions. So whatever can give a member twice stands in a `SELECT DISTINCT` of its own before it is
followed further, and the text costs what the steps cost. A complement is a `MINUS` from the entities that the export
numbers (`kg_data.iris.POSITION`); `top` and `bottom` keep what is at least as far out as the last of the first k.

A number is a pattern that binds its variable once, or not at all where there is none. In a measure each of its parts is
grouped by the member that it is a number of. Numbers are reckoned as doubles, since engines differ in dividing
integers, and days between dates from their years, months and days.
"""

from __future__ import annotations

import datetime
import json
import re
from dataclasses import dataclass

from kg_data.iris import ENTITY, POSITION, RDFS_LABEL, RELATION, XSD, entity_iri, relation_iri
from kg_data.supplied import supplies
from reasoning.errors import QueryError
from reasoning.graph.export import RDFS, SKYLARK
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import bind
from reasoning.query.chain import without_negations
from reasoning.query.number_kinds import SAME, kind_of
from reasoning.query.tree import (
    Aggregate,
    Arithmetic,
    Compare,
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
    Number,
    Project,
    Query,
    Today,
    Top,
    Union,
    Value,
)

_PREFIXES = {"entity": ENTITY, "relation": RELATION, "rdfs": RDFS, "skylark": SKYLARK, "xsd": XSD}
_LOCAL_NAME = re.compile(r"[A-Za-z0-9_](?:(?:[A-Za-z0-9_.-]|%[0-9A-F]{2})*(?:[A-Za-z0-9_-]|%[0-9A-F]{2}))?")
_EXACT_IN_DOUBLE = 2**53
MOST_NESTED = 6
"""Rankings, measures in brackets and `every` that may stand within one another: each writes its source more than once,
so the text doubles with each."""


@supplies(Query.to_sparql)
def to_sparql(query: Query, kg: KnowledgeGraph) -> str:
    """The SPARQL text of a query; see `Query.to_sparql`."""
    bind(query, kg)  # what the executor refuses has no text either
    if (nested := _nested(query)) > MOST_NESTED:
        raise QueryError(
            f"{nested} rankings, measures in brackets or every(...) stand within one another, and the SPARQL text "
            f"doubles with each: at most {MOST_NESTED} can be written"
        )
    writer = _Writer(kg)
    lines = writer.whole(query)
    heading = [f"# {_comment(query.verbalise(kg))}"]
    heading += [f"PREFIX {prefix}: <{iri}>" for prefix, iri in _PREFIXES.items() if prefix in writer.prefixes]
    return "\n".join([*heading, *lines]) + "\n"


@dataclass(frozen=True)
class _Pattern:
    """Lines of a group that bind a variable to the members of a set.

    Attributes:
        lines: without the braces of the group.
        once: whether every member is bound exactly once.
    """

    lines: list[str]
    once: bool


class _Writer:
    """Writes the pattern of each node; variables are numbered through, so that no two nodes share one by accident."""

    def __init__(self, kg: KnowledgeGraph) -> None:
        self._kg, self._variables = kg, 0
        self._today = datetime.datetime.now(datetime.UTC).date()
        # Within a measure: the variable of its members, and the pattern that binds it.
        self._member: str | None = None
        self._source: list[str] = []
        self.prefixes: set[str] = set()

    def whole(self, query: Query) -> list[str]:
        """The query form, from SELECT or ASK on."""
        if isinstance(query, Exists):
            return ["ASK {", *_indented(self.members(query.part, "?entity").lines), "}"]
        if isinstance(query, Count):
            lines = self.members(query.part, "?entity").lines
            return ["SELECT (COUNT(DISTINCT ?entity) AS ?count) WHERE {", *_indented(lines), "}"]
        if isinstance(query, Number):
            return ["SELECT ?value WHERE {", *_indented(self.number(query, "?value")), "}"]
        if isinstance(query, Top):
            return ["SELECT ?entity ?value WHERE {", *_indented(self._ranked(query, "?entity", "?value")), "}"]
        if isinstance(query, Measured):
            lines = self._measured(query, "?entity", "?value").lines
            return ["SELECT DISTINCT ?entity ?value WHERE {", *_indented(lines), "}"]
        if isinstance(query, Project) and self._kg.column(query.relation) is not None:
            lines = self._with_value(query, "?entity", "?value").lines
            return ["SELECT DISTINCT ?entity ?value WHERE {", *_indented(lines), "}"]
        return ["SELECT DISTINCT ?entity WHERE {", *_indented(self.members(query, "?entity").lines), "}"]

    def members(self, query: Query, variable: str) -> _Pattern:
        """The pattern that binds `variable` to what a query denotes."""
        negated, query = without_negations(query)
        if negated:
            return self._outside([query], variable)
        if isinstance(query, Entity):
            return self._named([query], variable)
        if isinstance(query, Project):
            if self._kg.column(query.relation) is not None:
                return self._with_value(query, variable, self._fresh("value"))
            return self._projected(query, variable)
        if isinstance(query, Union):
            return self._united(query, variable)
        if isinstance(query, Intersect):
            return self._intersected(query, variable)
        if isinstance(query, Compare):
            return self._compared(query, variable)
        if isinstance(query, It):
            # A group sees nothing of what stands around it, so the members of the measure stand in it again.
            return _Pattern(_group([*self._source, f"BIND({self._member} AS {variable})"]), once=True)
        if isinstance(query, Every):
            return self._reaching_all(query, variable)
        if isinstance(query, NameStarts):
            label = self._fresh("label")
            lines = [
                *self.members(query.source, variable).lines,
                f"{variable} {self._term(RDFS_LABEL)} {label} .",
                f"FILTER(STRSTARTS(LCASE(STR({label})), {_string(query.prefix.lower())}))",
            ]
            return _Pattern(lines, once=False)
        assert isinstance(query, Top)
        return _Pattern(self._ranked(query, variable, self._fresh("value")), once=True)

    def _named(self, entities: list[Entity], variable: str) -> _Pattern:
        found = dict.fromkeys(entity.index(self._kg) for entity in entities)
        terms = [self._term(entity_iri(self._kg.identifier(entity))) for entity in found]
        return _Pattern([self._noted(f"VALUES {variable} {{ {' '.join(terms)} }}", list(found))], once=True)

    def _projected(self, query: Project, variable: str) -> _Pattern:
        relation = self._kg.relation(query.relation)
        label = self._kg.relation_label(relation.index)
        predicate = self._term(relation_iri(self._kg.relation_ids[relation.index]))
        backwards = relation.inverse != query.inverse
        if isinstance(query.source, Entity):
            entity = query.source.index(self._kg)
            source, before, notes = self._term(entity_iri(self._kg.identifier(entity))), [], [entity]
        else:
            source, notes = self._fresh("x"), []
            before = self._once(query.source, source)
        ends = (variable, source) if backwards else (source, variable)
        line = self._noted(f"{ends[0]} {predicate} {ends[1]} .", notes, label)
        return _Pattern([*before, line], once=isinstance(query.source, Entity))

    def _united(self, query: Union, variable: str) -> _Pattern:
        entities = [part for part in query.parts if isinstance(part, Entity)]
        branches = [self._named(entities, variable)] if entities else []
        branches += [self.members(part, variable) for part in query.parts if not isinstance(part, Entity)]
        if len(branches) == 1:
            return branches[0]
        if query.holds_it:
            branches = [_Pattern([*self._source, *branch.lines], branch.once) for branch in branches]
        lines = ["{", *_indented(branches[0].lines)]
        for branch in branches[1:]:
            lines += ["} UNION {", *_indented(branch.lines)]
        return _Pattern([*lines, "}"], once=False)

    def _intersected(self, query: Intersect, variable: str) -> _Pattern:
        parts = [without_negations(part) for part in query.parts]
        kept = [part for negated, part in parts if not negated]
        dropped = [part for negated, part in parts if negated]
        if not kept:
            return self._outside(dropped, variable)
        lines = [line for part in kept for line in self._once(part, variable)]
        if any(part.holds_it for part in dropped):
            lines = [*self._source, *lines]  # what is taken away is taken away from the member that it is about
        return _Pattern([*lines, *self._minus(dropped, variable)], once=True)

    def _outside(self, parts: list[Query], variable: str) -> _Pattern:
        everything = f"{variable} {self._term(POSITION)} {self._fresh('position')} ."
        lines = [*self._source, everything] if any(part.holds_it for part in parts) else [everything]
        return _Pattern([*lines, *self._minus(parts, variable)], once=True)

    def _minus(self, parts: list[Query], variable: str) -> list[str]:
        lines = []
        for part in parts:
            lines += ["MINUS {", *_indented(self.members(part, variable).lines), "}"]
        return lines

    def _with_value(self, query: Project | Compare | Top | Aggregate, variable: str, value: str) -> _Pattern:
        """The members of the source that have a value, with it."""
        source = self.members(query.source, variable)
        return _Pattern([*source.lines, self._read(query, variable, value)], source.once)

    def _read(self, query: Project | Compare | Top | Aggregate, variable: str, value: str) -> str:
        assert query.relation is not None
        column = self._kg.column(query.relation)
        assert column is not None
        return self._noted(f"{variable} {self._term(relation_iri(column.identifier))} {value} .", [], column.relation)

    def _measured(self, query: Compare | Top | Aggregate | Measured, variable: str, value: str) -> _Pattern:
        """The members of the source that have a number by the measure, with it."""
        if not isinstance(query.measure, Measure):
            assert not isinstance(query, Measured)
            return self._with_value(query, variable, value)
        source = self._once(query.source, variable)
        outer, self._member, self._source = (self._member, self._source), variable, source
        lines = [*source, *self.number(query.measure.number, value)]
        self._member, self._source = outer
        return _Pattern(lines, once=True)

    def _valued(self, query: Top | Aggregate, variable: str, value: str) -> list[str]:
        """Each member of the source that has a number by the measure, once, with it."""
        pattern = self._measured(query, variable, value)
        return pattern.lines if pattern.once else self._distinct([variable, value], pattern.lines)

    def _compared(self, query: Compare, variable: str) -> _Pattern:
        value = self._fresh("value")
        pattern = self._measured(query, variable, value)
        if isinstance(query.value, Query):
            compared = self._fresh("number")
            before = self.number(query.value, compared)
        else:
            before, compared = [], self._constant(query.value)
        test = f"FILTER({self._comparable(query, value)} {query.operator} {compared})"
        return _Pattern([*pattern.lines, *before, test], pattern.once)

    def _ranked(self, query: Top, variable: str, value: str) -> list[str]:
        """The members that are at least as far out as the last of the first k, with their values."""
        if query.source.holds_it:
            return self._ranked_for_each(query, variable, value)
        member, found, bound = self._fresh("x"), self._fresh("value"), self._fresh("bound")
        way, pick, beyond = ("DESC", "MIN", ">=") if query.largest else ("ASC", "MAX", "<=")
        text = self._comparable(query, found)
        first = [f"SELECT {found} WHERE {{", *_indented(self._valued(query, member, found)),
                 f"}} ORDER BY {way}({text}) LIMIT {query.k}"]  # fmt: skip
        limit = _group([f"SELECT ({pick}({text}) AS {bound}) WHERE {{", *_indented(_group(first)), "}"])
        test = f"FILTER({self._comparable(query, value)} {beyond} {self._last_place(query, bound)})"
        return [*limit, *self._valued(query, variable, value), test]

    def _last_place(self, query: Top, bound: str) -> str:
        """How far out the members of the last place are: reckoned numbers tie though their last digits differ."""
        if not isinstance(query.measure, Measure) or kind_of(self._kg, query.measure.number, ()) == "date":
            return bound
        return f"({bound} {'-' if query.largest else '+'} {SAME} * ABS({bound}))"

    def _ranked_for_each(self, query: Top, variable: str, value: str) -> list[str]:
        """The first k for each member of a measure: those that fewer than k others are further out than."""
        other, further = self._fresh("x"), self._fresh("value")
        all_of_it, others = self._valued(query, variable, value), self._valued(query, other, further)
        sign = ">" if query.largest else "<"
        test = f"FILTER({self._comparable(query, further)} {sign} {self._comparable(query, value)})"
        lines = [
            f"SELECT {self._member} {variable} {value} WHERE {{",
            *_indented([*all_of_it, "OPTIONAL {", *_indented([*others, test]), "}"]),
            f"}} GROUP BY {self._member} {variable} {value} HAVING(COUNT(DISTINCT {other}) < {query.k})",
        ]
        return _group(lines)

    def _reaching_all(self, query: Every, variable: str) -> _Pattern:
        """Those with as many different targets in the source as the source has members, which are some."""
        target, all_targets = self._fresh("x"), self._fresh("x")
        reached, wanted = self._fresh("count"), self._fresh("count")
        relation = self._kg.relation(query.relation)
        predicate = self._term(relation_iri(self._kg.relation_ids[relation.index]))
        backwards = relation.inverse != query.inverse
        ends = (target, variable) if backwards else (variable, target)
        edge = self._noted(f"{ends[0]} {predicate} {ends[1]} .", [], self._kg.relation_label(relation.index))
        per = f"{self._member} " if query.source.holds_it else ""
        counted = _group([
            f"SELECT {per}{variable} (COUNT(DISTINCT {target}) AS {reached}) WHERE {{",
            *_indented([*self._distinct([target], self.members(query.source, target).lines), edge]),
            f"}} GROUP BY {per}{variable}",
        ])  # fmt: skip
        having = f"}} GROUP BY {per}" if per else "}"
        size = _group([
            f"SELECT {per}(COUNT(DISTINCT {all_targets}) AS {wanted}) WHERE {{",
            *_indented(self.members(query.source, all_targets).lines),
            having,
        ])  # fmt: skip
        return _Pattern([*counted, *size, f"FILTER({reached} = {wanted})"], once=True)

    # Numbers ---------------------------------------------------------------------------------------------------------

    def number(self, number: Query, variable: str) -> list[str]:
        """The lines that bind `variable` to a number, or leave no solution where there is none."""
        if isinstance(number, Constant):
            return [f"BIND({self._constant(number.value)} AS {variable})"]
        if isinstance(number, Today):
            return [f"BIND({self._constant(self._today)} AS {variable})"]
        if isinstance(number, Negative):
            part = self._fresh("number")
            return [*self.number(number.part, part), f"BIND(-{self._double(part)} AS {variable})"]
        if isinstance(number, Arithmetic):
            return self._arithmetic(number, variable)
        member = self._fresh("x")
        if isinstance(number, Count):
            pattern = self.members(number.part, member).lines
            return self._grouped(number, f"COUNT(DISTINCT {member})", self._optional(number, pattern), variable)
        if isinstance(number, Project):
            value = self._fresh("value")
            pattern = self._with_value(number, member, value).lines
            # The executor refuses several values; one is the same as the least of them.
            text = self._comparable(number, value)
            return self._grouped(number, f"MIN({text})", pattern, variable, value)
        assert isinstance(number, Aggregate)
        value = self._fresh("value")
        lines = self._valued(number, member, value)
        text = self._comparable(number, value)
        word = {"sum": "SUM", "average": "AVG", "minimum": "MIN", "maximum": "MAX"}[number.kind]
        text = text if kind_of(self._kg, number, ()) == "date" else self._double(text)
        return self._grouped(number, f"{word}({text})", lines, variable, value)

    def _arithmetic(self, number: Arithmetic, variable: str) -> list[str]:
        left, right = self._fresh("number"), self._fresh("number")
        lines = [*self.number(number.left, left), *self.number(number.right, right)]
        if kind_of(self._kg, number.left, ()) == "date":
            days = f"{self._days(left)} - {self._days(right)}"
            return [*lines, f"BIND({days} AS {variable})"]
        if number.sign == "/":
            lines.append(f"FILTER({self._double(right)} != 0)")
        return [*lines, f"BIND({self._double(left)} {number.sign} {self._double(right)} AS {variable})"]

    def _grouped(self, number: Query, made: str, lines: list[str], variable: str, counted: str = "") -> list[str]:
        """A sub-select that gives one number, or one for each member of a measure."""
        per = f"{self._member} " if number.holds_it else ""
        having = f" HAVING(COUNT({counted}) > 0)" if counted else ""
        end = f"}}{f' GROUP BY {self._member}' if per else ''}{having}"
        return _group([f"SELECT {per}({made} AS {variable}) WHERE {{", *_indented(lines), end])

    def _optional(self, number: Query, lines: list[str]) -> list[str]:
        """Of a member without any the count is 0."""
        return [*self._source, "OPTIONAL {", *_indented(lines), "}"] if number.holds_it else lines

    def _distinct(self, variables: list[str], lines: list[str]) -> list[str]:
        per = [] if self._member is None or self._member in variables else [self._member]
        return _group([f"SELECT DISTINCT {' '.join([*per, *variables])} WHERE {{", *_indented(lines), "}"])

    def _comparable(self, query: Project | Compare | Top | Aggregate, variable: str) -> str:
        """What is read by a measure, in a form that every engine orders: of years that is not said."""
        column = None if query.relation is None else self._kg.column(query.relation)
        is_year = column is not None and column.kind == "year"
        return f"{self._term(f'{XSD}integer')}(STR({variable}))" if is_year else variable

    def _double(self, text: str) -> str:
        return f"{self._term(f'{XSD}double')}(STR({text}))"

    def _days(self, date: str) -> str:
        """Days since 0001-01-01 (less one constant) by the proleptic Gregorian calendar; March begins the year."""
        year = f"(YEAR({date}) - IF(MONTH({date}) < 3, 1, 0))"
        month = f"(MONTH({date}) + IF(MONTH({date}) < 3, 9, -3))"
        leap = f"FLOOR({year} / 4.0) - FLOOR({year} / 100.0) + FLOOR({year} / 400.0)"
        return f"(365 * {year} + {leap} + FLOOR((153 * {month} + 2) / 5.0) + DAY({date}))"

    def _once(self, query: Query, variable: str) -> list[str]:
        """The pattern in a form that binds every member exactly once."""
        pattern = self.members(query, variable)
        if pattern.once:
            return pattern.lines
        return self._distinct([variable], pattern.lines)

    def _constant(self, value: Value) -> str:
        """A constant as the executor compares it: numbers as 64-bit floating point."""
        if isinstance(value, datetime.date):
            return f'"{value.isoformat()}"^^{self._term(f"{XSD}date")}'
        if isinstance(value, int) and abs(value) <= _EXACT_IN_DOUBLE:
            return str(value)
        text = repr(float(value))
        return text if "e" in text else f"{text}e0"

    def _fresh(self, word: str) -> str:
        self._variables += 1
        return f"?{word}{self._variables}"

    def _term(self, iri: str) -> str:
        for prefix, start in _PREFIXES.items():
            if iri.startswith(start) and _LOCAL_NAME.fullmatch(iri, len(start)):
                self.prefixes.add(prefix)
                return f"{prefix}:{iri[len(start) :]}"
        return f"<{iri}>"

    def _noted(self, line: str, entities: list[int], relation: str | None = None) -> str:
        """The line with a comment that says what its ids mean, where they do not say it themselves."""
        names = [self._kg.name(entity) for entity in entities[:5]]
        names += [] if relation is None else [relation]
        unsaid = [_comment(name) for name in names if name not in line]
        return f"{line}  # {', '.join(unsaid)}" if unsaid else line


def _nested(query: Query) -> int:
    """How many of those that write their source more than once stand within one another."""
    by_brackets = isinstance(query, Compare | Aggregate | Measured) and isinstance(query.measure, Measure)
    own = 1 if by_brackets or isinstance(query, Top | Every) else 0
    return own + max([_nested(child) for child in query.children], default=0)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _group(lines: list[str]) -> list[str]:
    return ["{", *_indented(lines), "}"]


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _comment(text: str) -> str:
    """A name that cannot leave its comment: SPARQL reads escapes such as \\u000A before it reads anything else."""
    return "".join(char if char.isprintable() and char != "\\" else "\ufffd" for char in text)
