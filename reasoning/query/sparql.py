"""Queries as SPARQL 1.1 text, for the graph that `KnowledgeGraph.to_rdf` writes.

The executor works on sets, SPARQL on bags: a chain of projections as one pattern would list every path, and forty steps
along a border list billions. So whatever can give a member twice stands in a `SELECT DISTINCT` of its own before it is
followed further, and the text costs what the steps cost. A complement is a `MINUS` from the entities that the export
numbers (`kg_data.iris.POSITION`); `top` and `bottom` break ties by label and then by that number, as the
executor does.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from kg_data.columns import LiteralColumn
from kg_data.iris import ENTITY, POSITION, RDFS_LABEL, RELATION, XSD, entity_iri, relation_iri
from kg_data.supplied import supplies
from reasoning.graph.export import RDFS, SKYLARK
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import bind
from reasoning.query.chain import without_negations
from reasoning.query.tree import (
    Compare,
    Count,
    Entity,
    Exists,
    Intersect,
    Project,
    Query,
    Top,
    Union,
    Value,
)

_PREFIXES = {"entity": ENTITY, "relation": RELATION, "rdfs": RDFS, "skylark": SKYLARK, "xsd": XSD}
_LOCAL_NAME = re.compile(r"[A-Za-z0-9_](?:(?:[A-Za-z0-9_.-]|%[0-9A-F]{2})*(?:[A-Za-z0-9_-]|%[0-9A-F]{2}))?")
_EXACT_IN_DOUBLE = 2**53


@supplies(Query.to_sparql)
def to_sparql(query: Query, kg: KnowledgeGraph) -> str:
    """The SPARQL text of a query; see `Query.to_sparql`."""
    bind(query, kg)  # what the executor refuses has no text either
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
        self.prefixes: set[str] = set()

    def whole(self, query: Query) -> list[str]:
        """The query form, from SELECT or ASK on."""
        if isinstance(query, Exists):
            return ["ASK {", *_indented(self.members(query.part, "?entity").lines), "}"]
        if isinstance(query, Count):
            lines = self.members(query.part, "?entity").lines
            return ["SELECT (COUNT(DISTINCT ?entity) AS ?count) WHERE {", *_indented(lines), "}"]
        if isinstance(query, Top):
            return self._ranked(query, "?entity", "?value", "?entity ?value")
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
        assert isinstance(query, Top)
        return _Pattern(_group(self._ranked(query, variable, self._fresh("value"), variable)), once=True)

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
        return _Pattern([*lines, *self._minus(dropped, variable)], once=True)

    def _outside(self, parts: list[Query], variable: str) -> _Pattern:
        everything = f"{variable} {self._term(POSITION)} {self._fresh('position')} ."
        return _Pattern([everything, *self._minus(parts, variable)], once=True)

    def _minus(self, parts: list[Query], variable: str) -> list[str]:
        lines = []
        for part in parts:
            lines += ["MINUS {", *_indented(self.members(part, variable).lines), "}"]
        return lines

    def _with_value(self, query: Project | Compare | Top, variable: str, value: str) -> _Pattern:
        """The members of the source that have a value, with it."""
        source = self.members(query.source, variable)
        return _Pattern([*source.lines, self._read(query, variable, value)], source.once)

    def _read(self, query: Project | Compare | Top, variable: str, value: str) -> str:
        column = self._kg.column(query.relation)
        assert column is not None
        return self._noted(f"{variable} {self._term(relation_iri(column.identifier))} {value} .", [], column.relation)

    def _compared(self, query: Compare, variable: str) -> _Pattern:
        column = self._kg.column(query.relation)
        assert column is not None
        value = self._fresh("value")
        pattern = self._with_value(query, variable, value)
        test = f"FILTER({self._comparable(column, value)} {query.operator} {self._constant(query.value)})"
        return _Pattern([*pattern.lines, test], pattern.once)

    def _ranked(self, query: Top, variable: str, value: str, selected: str) -> list[str]:
        column = self._kg.column(query.relation)
        assert column is not None
        label, position = self._fresh("label"), self._fresh("position")
        lines = [
            *self._once(query.source, variable),
            self._read(query, variable, value),
            f"{variable} {self._term(RDFS_LABEL)} {label} ; {self._term(POSITION)} {position} .",
        ]
        rank = f"{'DESC' if query.largest else 'ASC'}({self._comparable(column, value)})"
        ending = f"}} ORDER BY {rank} {label} {position} LIMIT {query.k}"
        return [f"SELECT {selected} WHERE {{", *_indented(lines), ending]

    def _once(self, query: Query, variable: str) -> list[str]:
        """The pattern in a form that binds every member exactly once."""
        pattern = self.members(query, variable)
        if pattern.once:
            return pattern.lines
        return _group([f"SELECT DISTINCT {variable} WHERE {{", *_indented(pattern.lines), "}"])

    def _comparable(self, column: LiteralColumn, variable: str) -> str:
        # SPARQL orders numbers and dates; that an engine also orders years is not said.
        return f"{self._term(f'{XSD}integer')}(STR({variable}))" if column.kind == "year" else variable

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


def _group(lines: list[str]) -> list[str]:
    return ["{", *_indented(lines), "}"]


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _comment(text: str) -> str:
    """A name that cannot leave its comment: SPARQL reads escapes such as \\u000A before it reads anything else."""
    return "".join(char if char.isprintable() and char != "\\" else "\ufffd" for char in text)
