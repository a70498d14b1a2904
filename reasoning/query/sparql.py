"""Queries as SPARQL 1.1 text, for the graph that `KnowledgeGraph.to_rdf` writes.

The executor works on sets, SPARQL on bags: a chain of projections as one pattern would list every path, and forty steps
along a border list billions. So whatever can give a member twice stands in a `SELECT DISTINCT` of its own before it is
followed further, and the text costs what the steps cost. What stands in one set and not in another, and what stands in
several large ones, is told by counting; all entities are what `kg_data.columns` says; `top` and `bottom` keep
what is at least as far out as the last of the first k.

A number is a pattern that binds its variable once, or not at all where there is none. In a measure each of its parts is
grouped by the member that it is a number of. Numbers are reckoned as doubles, since engines differ in dividing
integers, and days between dates from their years, months and days.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass

from kg_data.columns import ENTITY, RDFS_LABEL, RELATION, UNNAMED, XSD, end_begins
from reasoning.errors import QueryError
from reasoning.graph.content import Relation
from reasoning.graph.rdf import RDFS, SKYLARK
from reasoning.graph.remote.terms import iri_text, string_text, value_lines
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import SAME, bind, kind_of
from reasoning.query.chain import without_negations
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
_LOCAL_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]|%[0-9A-F]{2})*(?:\.+(?:[A-Za-z0-9_-]|%[0-9A-F]{2})+)?")
"""What may stand behind a prefix, with dots in one place at most: SPARQL has them anywhere, but Oxigraph 0.5 reads no
second one."""

_EXACT_IN_DOUBLE = 2**53
MOST_NESTED = 6
"""Rankings, measures in brackets and `every` that may stand within one another: each writes its source more than once,
so the text doubles with each."""


def to_sparql(query: Query, kg: KnowledgeGraph) -> str:
    """The SPARQL text of a query; see `Query.to_sparql`."""
    bind(query, kg)  # what the executor refuses has no text either
    writer = _Writer(kg)
    lines = _whole(query, writer)
    heading = [f"# {_comment(query.verbalise(kg))}"]
    return "\n".join([*heading, *_prefixes(writer), *lines]) + "\n"


def text_to_run(query: Query, kg: KnowledgeGraph, within: Sequence[str] = (), most: int | None = None) -> str:
    """The text that a server is sent for a query whose names are resolved: without comments.

    Args:
        query, kg: the query, and the graph that it asks.
        within: IRIs; of a query that gives a set, only those of them that are members are asked for.
        most: the most rows.

    Raises:
        QueryError: it nests too deep to be written.
    """
    writer = _Writer(kg, noted=False)
    lines = _whole(query, writer)
    if within:
        head, *rest = lines
        given = " ".join(map(iri_text, within))
        lines = [head, f"  {{ SELECT ?entity WHERE {{ VALUES ?entity {{ {given} }} }} }}", *rest]
    limit = [] if most is None else [f"LIMIT {most}"]
    return "\n".join([*_prefixes(writer), *lines, *limit])


def text_with_support(query: Project, kg: KnowledgeGraph, named: Sequence[str], most: int) -> str:
    """The text of a projection that says of each member, as `?support`, how many of the set before it lead there.

    The IRIs that the query names do not count; of the rows come the first `most`.

    Raises:
        QueryError: it nests too deep to be written.
    """
    writer = _Writer(kg, noted=False)
    _check_nesting(query)
    lines = writer.supported(query, list(map(iri_text, named)))
    return "\n".join([*_prefixes(writer), *lines, f"LIMIT {most}"])


def _prefixes(writer: _Writer) -> list[str]:
    return [f"PREFIX {prefix}: <{iri}>" for prefix, iri in _PREFIXES.items() if prefix in writer.prefixes]


def _whole(query: Query, writer: _Writer) -> list[str]:
    """The text of a query, from SELECT or ASK on."""
    _check_nesting(query)
    return writer.whole(query)


def _check_nesting(query: Query) -> None:
    if (nested := _nested(query)) > MOST_NESTED:
        raise QueryError(
            f"{nested} rankings, measures in brackets or every(...) stand within one another, and the SPARQL text "
            f"doubles with each: at most {MOST_NESTED} can be written"
        )


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
    """Writes the pattern of each node; variables are numbered through, so that no two nodes share one by accident.

    Args:
        kg: the graph.
        noted: whether lines say in comments what their ids mean.
    """

    def __init__(self, kg: KnowledgeGraph, noted: bool = True) -> None:
        self._kg, self._form, self._is_noted, self._variables = kg, kg.rdf_form, noted, 0
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
            return [
                "SELECT DISTINCT ?entity ?value WHERE {",
                *_indented(self._ranked(query, "?entity", "?value").lines),
                "}",
            ]
        if isinstance(query, Measured):
            lines = self._measured(query, "?entity", "?value").lines
            return ["SELECT DISTINCT ?entity ?value WHERE {", *_indented(lines), "}"]
        if isinstance(query, Project) and self._kg.column(query.relation) is not None:
            lines = self._with_value(query, "?entity", "?value").lines
            return ["SELECT DISTINCT ?entity ?value WHERE {", *_indented(lines), "}"]
        return ["SELECT DISTINCT ?entity WHERE {", *_indented(self.members(query, "?entity").lines), "}"]

    def supported(self, query: Project, named: Sequence[str]) -> list[str]:
        """The form that counts the members of the source, but for some terms, that lead to each entity."""
        source = self._fresh("x")
        before = self._once(query.source, source)
        relation = self._kg.relation(query.relation)
        backwards = relation.inverse != query.inverse
        predicate = self._term(self._form.relation(self._kg.relation_ids[relation.index]))
        ends = ("?entity", source) if backwards else (source, "?entity")
        count = f"SUM(IF({source} IN ({', '.join(named)}), 0, 1))" if named else f"COUNT({source})"
        lines = [*before, f"{ends[0]} {predicate} {ends[1]} .", *self._entities(relation, backwards, "?entity")]
        return [f"SELECT ?entity ({count} AS ?support) WHERE {{", *_indented(lines), "} GROUP BY ?entity"]

    def members(self, query: Query, variable: str) -> _Pattern:
        """The pattern that binds `variable` to what a query denotes."""
        negated, query = without_negations(query)
        if negated:
            return self._outside([query], variable)
        if (named := self._named(query)) is not None:
            return self._written(named, variable)
        if isinstance(query, Project):
            if self._kg.column(query.relation) is not None:
                return self._with_value(query, variable, self._fresh("value"))
            return self._projected(query, variable)
        if isinstance(query, Union):
            return _Pattern(self._alternatives(query.parts, variable, query.holds_it), once=False)
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
            return self._called(query, variable)
        assert isinstance(query, Top)
        return self._ranked(query, variable, self._fresh("value"))

    def _called(self, query: NameStarts, variable: str) -> _Pattern:
        """The members of the source whose names begin with a prefix, in lower case."""
        wanted = string_text(query.prefix.lower())
        if self._form.marked:
            label = self._fresh("label")
            named = f"{variable} {self._term(RDFS_LABEL)} {label} ."
            test = f"FILTER(STRSTARTS(LCASE(STR({label})), {wanted}))"
            return _Pattern([*self.members(query.source, variable).lines, named, test], once=False)
        end = end_begins(query.prefix.lower())
        by_end = f'REGEX(STR({variable}), {string_text(end)}, "i")' if end else "false"
        source = self._once(query.source, variable)
        if not self._form.labels:
            return _Pattern([*source, f"FILTER({by_end})"], once=True)
        name, shown = self._fresh("name"), self._fresh("shown")
        lines = [*source, *self._form.shown_name(variable, name, self._fresh, self._term)]
        first = self._least(name, shown, variable, lines, query.source.holds_it)
        by_name = f"STRSTARTS(LCASE(SUBSTR({shown}, 3)), {wanted})"
        # Not with IF, which Virtuoso cannot compile over the least of a group.
        either = f'({shown} = "{UNNAMED}" && {by_end}) || ({shown} != "{UNNAMED}" && {by_name})'
        return _Pattern([*first, f"FILTER({either})"], once=True)

    def _least(self, found: str, least: str, variable: str, lines: list[str], hold_it: bool) -> list[str]:
        """The least that lines find for a variable; for each member of the measure, where it stands in the lines."""
        per = variable
        if hold_it:
            assert self._member is not None
            per = variable if variable == self._member else f"{self._member} {variable}"
            lines = [*self._source, *lines]
        return _group([
            f"SELECT {per} (MIN({found}) AS {least}) WHERE {{", *_indented(lines), f"}} GROUP BY {per}",
        ])  # fmt: skip

    def _entities(self, relation: Relation, as_heads: bool, variable: str) -> list[str]:
        """What keeps to entities, where a relation has heads or tails that are none."""
        iri = self._form.relation(self._kg.relation_ids[relation.index])
        if as_heads:  # of these Virtuoso holds all for IRIs, blank nodes too
            return [f"FILTER(!ISBLANK({variable}))"] if iri in self._form.open_heads else []
        return [f"FILTER(ISIRI({variable}))"] if iri in self._form.open_tails else []

    def _named(self, query: Query) -> list[int] | None:
        """The members of a set of nothing but named entities, in order; None of any other."""
        if isinstance(query, Entity):
            return [query.index(self._kg)]
        if not isinstance(query, Union | Intersect):
            return None
        parts = [self._named(part) for part in query.parts]
        found = [part for part in parts if part is not None]
        if len(found) < len(parts):
            return None
        every = list(dict.fromkeys(entity for part in found for entity in part))
        return every if isinstance(query, Union) else [e for e in every if all(e in part for part in found)]

    def _written(self, entities: list[int], variable: str) -> _Pattern:
        # In a sub-select of its own, else Virtuoso loses what stands beside it in a union.
        line = self._noted(f"VALUES {variable} {{ {' '.join(self._terms(entities))} }}", entities)
        return _Pattern(_group([f"SELECT {variable} WHERE {{", *_indented([line]), "}"]), once=True)

    def _terms(self, entities: list[int]) -> list[str]:
        return [self._term(self._form.entity(self._kg.identifier(entity))) for entity in entities]

    def _projected(self, query: Project, variable: str) -> _Pattern:
        relation = self._kg.relation(query.relation)
        label = self._kg.relation_label(relation.index)
        predicate = self._term(self._form.relation(self._kg.relation_ids[relation.index]))
        backwards = relation.inverse != query.inverse
        before: list[str] = []
        notes: list[int] = []
        if isinstance(query.source, Entity):
            notes = [query.source.index(self._kg)]
            source = self._terms(notes)[0]
        elif isinstance(query.source, It):
            assert self._member is not None
            source = self._member
        else:
            source = self._fresh("x")
            before = self._once(query.source, source, apart=True)
        ends = (variable, source) if backwards else (source, variable)
        line = self._noted(f"{ends[0]} {predicate} {ends[1]} .", notes, label)
        return _Pattern([*before, line, *self._entities(relation, backwards, variable)], once=not before)

    def _alternatives(self, parts: Sequence[Query], variable: str, hold_it: bool) -> list[str]:
        """The members of any of some sets; those of the measure stand in each branch if they do in one."""
        sets = [(part, None if without_negations(part)[0] else self._named(part)) for part in parts]
        named = list(dict.fromkeys(entity for _, entities in sets for entity in entities or ()))
        branches = [self._written(named, variable).lines] if named else []
        for part in dict.fromkeys(part for part, entities in sets if entities is None):
            lines = self.members(part, variable).lines
            branches.append([*self._source, *lines] if hold_it and not part.holds_it else lines)
        if not branches:
            return self._written([], variable).lines
        if hold_it and named:
            branches[0] = [*self._source, *branches[0]]
        if len(branches) == 1:
            return branches[0]
        lines = ["{", *_indented(branches[0])]
        for branch in branches[1:]:
            lines += ["} UNION {", *_indented(branch)]
        return [*lines, "}"]

    def _intersected(self, query: Intersect, variable: str) -> _Pattern:
        parts = [without_negations(part) for part in query.parts]
        kept = [part for negated, part in parts if not negated]
        dropped = [part for negated, part in parts if negated]
        if not kept:
            return self._outside(dropped, variable)
        sets = [(part, self._named(part)) for part in dict.fromkeys(kept)]
        patterns = [self._once(part, variable) for part, entities in sets if entities is None]
        if not query.holds_it:
            patterns = self._in_all(patterns, variable)
        named = [entities for _, entities in sets if entities is not None]
        if named:
            both = [entity for entity in dict.fromkeys(named[0]) if all(entity in entities for entities in named)]
            patterns.insert(0, self._written(both, variable).lines)
        lines = [line for pattern in patterns for line in pattern]
        return _Pattern(self._without(lines, query.holds_it, dropped, variable), once=True)

    def _in_all(self, patterns: list[list[str]], variable: str) -> list[list[str]]:
        """The patterns of some sets, with those that stand in groups of their own, from two on, as one pattern.

        Their members are told by counting in how many they are: of two large groups that are joined Virtuoso looks for
        one anew for each member of the other, or loses members.
        """
        groups = [pattern for pattern in patterns if pattern[0] == "{"]
        if len(groups) < 2:
            return patterns
        counted = self._by_side(groups, variable, f"COUNT({{side}}) = {len(groups)}")
        return [*(pattern for pattern in patterns if pattern not in groups), counted]

    def _by_side(self, groups: Sequence[list[str]], variable: str, test: str) -> list[str]:
        """A pattern of the members of any of some groups of which a test of "{side}" holds, each group's number."""
        side, lines = self._fresh("side"), list[str]()
        for number, group in enumerate(groups, 1):
            lines += [*(["UNION"] if lines else []), "{"]
            lines += _indented([f"SELECT {variable} ({number} AS {side}) WHERE {{", *_indented(group), "}"])
            lines.append("}")
        only = f"}} GROUP BY {variable} HAVING ({test.format(side=side)})"
        return _group([f"SELECT {variable} WHERE {{", *_indented(lines), only])

    def _outside(self, parts: list[Query], variable: str) -> _Pattern:
        everything = self._form.everything(variable, self._fresh, self._term)
        hold_it = any(part.holds_it for part in parts)
        return _Pattern(self._without(everything, hold_it, parts, variable), once=True)

    def _without(self, lines: list[str], hold_it: bool, parts: Sequence[Query], variable: str) -> list[str]:
        """Lines that bind a variable to members, less those of other sets.

        A `MINUS` would say it shorter, but Virtuoso takes that apart wrongly where `VALUES` stand in it, and an
        `OPTIONAL` it may ask anew for each member.
        """
        parts = [alternative for part in parts for alternative in (part.parts if isinstance(part, Union) else (part,))]
        sets = [(part, None if without_negations(part)[0] else self._named(part)) for part in parts]
        if any(part.holds_it for part in parts):
            lines = [*self._source, *lines]  # what is taken away is taken away from the member that it is about
        if named := list(dict.fromkeys(entity for _, entities in sets for entity in entities or ())):
            lines = [*lines, self._noted(f"FILTER({variable} NOT IN ({', '.join(self._terms(named))}))", named)]
        others = [part for part, entities in sets if entities is None]
        if not others:
            return lines
        if not hold_it:
            return self._by_side([lines, self._alternatives(others, variable, False)], variable, "MAX({side}) = 1")
        both = f"{self._member} {variable}"
        for holding in (False, True):
            if taken := [part for part in others if part.holds_it == holding]:
                hit = self._fresh("hit")
                found = [*(self._source if holding else []), *self._alternatives(taken, variable, holding)]
                head = f"SELECT {both if holding else variable} (1 AS {hit}) WHERE {{"
                lines += [
                    "OPTIONAL {",
                    *_indented(_group([head, *_indented(found), "}"])),
                    "}",
                    f"FILTER(!BOUND({hit}))",
                ]
        return _group([f"SELECT {both} WHERE {{", *_indented(lines), "}"])

    def _with_value(self, query: Project | Compare | Top | Aggregate, variable: str, value: str) -> _Pattern:
        """The members of the source that have a value, with it."""
        source = self._once(query.source, variable, apart=True)
        return _Pattern(self._read(query, variable, value, source, query.source.holds_it), once=True)

    def _read(
        self,
        query: Project | Compare | Top | Aggregate,
        owner: str,
        value: str,
        before: list[str],
        hold_it: bool = False,
        notes: Sequence[int] = (),
    ) -> list[str]:
        """Lines that bind an owner, and its value: of several the least."""
        assert query.relation is not None
        column = self._kg.column(query.relation)
        assert column is not None
        is_mixed = self._is_mixed(query)
        literal = self._fresh("literal") if is_mixed else value
        predicate = self._term(self._form.relation(column.identifier))
        line = self._noted(f"{owner} {predicate} {literal} .", list(notes), column.relation)
        if not is_mixed:
            return [*before, line]
        found = self._fresh("value")
        read = value_lines(column.kind, literal, found, self._term)
        return self._least(found, value, owner, [*before, line, *read], hold_it)

    def _is_mixed(self, query: Project | Compare | Top | Aggregate) -> bool:
        """Whether what is read has to be chosen among what stands in the graph."""
        column = None if query.relation is None else self._kg.column(query.relation)
        return column is not None and self._form.relation(column.identifier) in self._form.mixed

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
        return (
            pattern.lines if pattern.once else self._distinct([variable, value], pattern.lines, query.source.holds_it)
        )

    def _compared(self, query: Compare, variable: str) -> _Pattern:
        value = self._fresh("value")
        # Not by way of `_measured` where a relation is read: the deepest queries leave little room on the stack.
        reads = self._measured if isinstance(query.measure, Measure) else self._with_value
        pattern = reads(query, variable, value)
        if isinstance(query.value, Query):
            compared = self._fresh("number")
            before = self.number(query.value, compared)
        else:
            before, compared = [], self._constant(query.value)
        test = f"FILTER({self._comparable(query, value)} {query.operator} {compared})"
        return _Pattern([*pattern.lines, *before, test], pattern.once)

    def _ranked(self, query: Top, variable: str, value: str) -> _Pattern:
        """The members that are at least as far out as the last of the first k, with their values."""
        if query.source.holds_it:
            return _Pattern(self._ranked_for_each(query, variable, value), once=True)
        measure, member, count = query.measure, self._fresh("x"), self._fresh("count")
        found = self._fresh("value") if isinstance(measure, Measure) else value
        order = f"{'DESC' if query.largest else 'ASC'}({self._comparable(query, found)})"
        first = _group([
            f"SELECT {found} {member} WHERE {{",
            *_indented(self._valued(query, member, found)),
            f"}} ORDER BY {order} LIMIT {query.k}",
        ])  # fmt: skip
        # Members are counted though nobody asks how many: of values alone Virtuoso takes each once.
        counted = f"(COUNT({member}) AS {count})"
        if not isinstance(measure, Measure):
            # Those whose value is among the first k: Virtuoso looks for a bound anew for each member.
            values = _group([f"SELECT {value} {counted} WHERE {{", *_indented(first), f"}} GROUP BY {value}"])
            return _Pattern([*values, *self._valued(query, variable, value)], once=True)
        bound = self._fresh("bound")
        pick, beyond = ("MIN", ">=") if query.largest else ("MAX", "<=")
        limit = _group([f"SELECT ({pick}({found}) AS {bound}) {counted} WHERE {{", *_indented(first), "}"])
        # Reckoned numbers tie though their last digits differ.
        tied = f"({bound} {'-' if query.largest else '+'} {SAME} * ABS({bound}))"
        last_place = bound if kind_of(self._kg, measure.number, ()) == "date" else tied
        test = f"FILTER({value} {beyond} {last_place})"
        return _Pattern([*limit, *self._valued(query, variable, value), test], once=True)

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
        if named := self._named(query.source):
            inverse, targets = not query.inverse, [Entity(self._kg.identifier(entity), by_id=True) for entity in named]
            edges = [self._projected(Project(query.relation, target, inverse), variable) for target in targets]
            return _Pattern([line for edge in edges for line in edge.lines], once=True)
        target, all_targets = self._fresh("x"), self._fresh("x")
        reached, wanted = self._fresh("count"), self._fresh("count")
        relation = self._kg.relation(query.relation)
        predicate = self._term(self._form.relation(self._kg.relation_ids[relation.index]))
        backwards = relation.inverse != query.inverse
        ends = (target, variable) if backwards else (variable, target)
        edge = self._noted(f"{ends[0]} {predicate} {ends[1]} .", [], self._kg.relation_label(relation.index))
        leads = [edge, *self._entities(relation, not backwards, variable)]
        per = f"{self._member} " if query.source.holds_it else ""
        counted = _group([
            f"SELECT {per}{variable} (COUNT(DISTINCT {target}) AS {reached}) WHERE {{",
            *_indented([*self._once(query.source, target), *leads]),
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
        if not isinstance(number, Constant | Today | Negative | Arithmetic):
            return self._found(number, variable)
        if isinstance(number, Constant):
            return [f"BIND({self._constant(number.value)} AS {variable})"]
        lines, text = self._computed(number)
        return [*lines, f"BIND({text} AS {variable})"]

    def _computed(self, number: Query, in_days: bool = False) -> tuple[list[str], str]:
        """The lines that a number needs, and the number as a double (with `in_days` a date as days) in terms of these.

        One expression for all of it: Virtuoso puts the text of each `BIND` in place of its variable, so that steps of
        several would grow with each step.
        """
        if isinstance(number, Constant | Today):
            value = self._today if isinstance(number, Today) else number.value
            if isinstance(value, datetime.date):
                return [], str(value.toordinal()) if in_days else self._constant(value)
            return [], self._constant(float(value))
        if isinstance(number, Negative):
            lines, text = self._computed(number.part)
            return lines, f"(-{text})"
        if isinstance(number, Arithmetic):
            days = kind_of(self._kg, number.left, ()) == "date"
            (before, left), (after, right) = self._computed(number.left, days), self._computed(number.right, days)
            lines = [*before, *after]
            if number.sign == "/":
                if isinstance(number.right, Arithmetic | Negative):
                    # It stands there three times, so that divisors of divisors would grow without bound.
                    divisor = self._fresh("number")
                    lines, right = [*lines, f"BIND({right} AS {divisor})"], divisor
                # Virtuoso may divide before it filters, and fails on 0.
                return [*lines, f"FILTER({right} != 0)"], f"IF({right} != 0, {left} / {right}, 0)"
            return lines, f"({left} {number.sign} {right})"
        found = self._fresh("number")
        is_double = in_days or (isinstance(number, Aggregate) and kind_of(self._kg, number, ()) != "date")
        return self._found(number, found, in_days), found if is_double else self._double(found)

    def _found(self, number: Query, variable: str, in_days: bool = False) -> list[str]:
        """The lines that bind `variable` to a number that the graph gives."""
        if isinstance(number, Count):
            member = self._fresh("x")
            lines = self.members(number.part, member).lines
            lines = ["OPTIONAL {", *_indented(lines), "}"] if number.holds_it else lines  # the count of none is 0
            return self._grouped(number, f"COUNT(DISTINCT {member})", lines, variable)
        assert isinstance(number, Project | Aggregate)
        # A date is made days where it stands in the graph: an aggregate may be of none, whose year Virtuoso fails on.
        if isinstance(number, Project) and isinstance(number.source, Entity | It):
            return self._read_off(number, variable, in_days)
        member, value = self._fresh("x"), self._fresh("value")
        text = self._days(value) if in_days else self._comparable(number, value)
        if isinstance(number, Project):
            # The executor refuses several values; one is the same as the least of them.
            return self._grouped(
                number, f"MIN({text})", self._with_value(number, member, value).lines, variable, member
            )
        word = {"sum": "SUM", "average": "AVG", "minimum": "MIN", "maximum": "MAX"}[number.kind]
        if kind_of(self._kg, number, ()) != "date":
            text = self._double(value)
        return self._grouped(number, f"{word}({text})", self._valued(number, member, value), variable, member)

    def _read_off(self, number: Project, variable: str, in_days: bool) -> list[str]:
        """The value of one entity, or of the member of a measure."""
        before: list[str] = []
        entities: list[int] = []
        if isinstance(number.source, Entity):
            entities = [number.source.index(self._kg)]
            owner = self._terms(entities)[0]
            if self._is_mixed(number):
                owner = self._fresh("x")
                before, entities = self._written(entities, owner).lines, []
        else:
            assert self._member is not None
            owner = self._member
        holds_it = isinstance(number.source, It)
        if not in_days and self._comparable(number, variable) == variable:
            return self._read(number, owner, variable, before, holds_it, entities)
        value = self._fresh("value")
        text = self._days(value) if in_days else self._comparable(number, value)
        return [*self._read(number, owner, value, before, holds_it, entities), f"BIND({text} AS {variable})"]

    def _grouped(self, number: Query, made: str, lines: list[str], variable: str, counted: str = "") -> list[str]:
        """A sub-select that gives one number, or one for each member of a measure."""
        per = f"{self._member} " if number.holds_it else ""
        # What is added up is counted too: of values alone Virtuoso takes each once. And the sum of none is 0 in SPARQL;
        # HAVING would say that within, which Virtuoso takes only after GROUP BY.
        count = self._fresh("count") if counted else ""
        made = f"({made} AS {variable})" + (f" (COUNT({counted}) AS {count})" if counted else "")
        lines = [*self._source, *lines] if per else lines
        end = f"}} GROUP BY {self._member}" if per else "}"
        group = _group([f"SELECT {per}{made} WHERE {{", *_indented(lines), end])
        return [*group, f"FILTER({count} > 0)"] if counted and not per else group

    def _distinct(self, variables: list[str], lines: list[str], hold_it: bool) -> list[str]:
        """Each solution once; of each member of the measure, where it stands in the lines."""
        if hold_it:
            assert self._member is not None
            variables, lines = [self._member, *variables], [*self._source, *lines]
        return _group([f"SELECT DISTINCT {' '.join(variables)} WHERE {{", *_indented(lines), "}"])

    def _comparable(self, query: Project | Compare | Top | Aggregate, variable: str) -> str:
        """What is read by a measure, in a form that every engine orders: of years that is not said."""
        column = None if query.relation is None else self._kg.column(query.relation)
        is_year = column is not None and column.kind == "year"
        return f"{self._term(f'{XSD}integer')}(STR({variable}))" if is_year else variable

    def _double(self, text: str) -> str:
        return f"{self._term(f'{XSD}double')}(STR({text}))"

    def _days(self, date: str) -> str:
        """Days by the proleptic Gregorian calendar, as `date.toordinal` counts them; March begins the year."""
        year = f"(YEAR({date}) - IF(MONTH({date}) < 3, 1, 0))"
        month = f"(MONTH({date}) + IF(MONTH({date}) < 3, 9, -3))"
        leap = f"FLOOR({year} / 4.0) - FLOOR({year} / 100.0) + FLOOR({year} / 400.0)"
        return f"(365 * {year} + {leap} + FLOOR((153 * {month} + 2) / 5.0) + DAY({date}) - 306)"

    def _once(self, query: Query, variable: str, apart: bool = False) -> list[str]:
        """The pattern in a form that binds every member exactly once; `apart`, in one line or one group, so that what
        follows costs what the members are, however an engine plans it."""
        pattern = self.members(query, variable)
        lines = pattern.lines
        is_one = not apart or len(lines) == 1 or (lines[0] == "{" and lines.index("}") == len(lines) - 1)
        return lines if pattern.once and is_one else self._distinct([variable], lines, query.holds_it)

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
        return iri_text(iri)

    def _noted(self, line: str, entities: list[int], relation: str | None = None) -> str:
        """The line with a comment that says what its ids mean, where they do not say it themselves."""
        if not self._is_noted:
            return line
        names = [self._kg.name(entity) for entity in entities[:5]]
        names += [] if relation is None else [relation]
        unsaid = [_comment(name) for name in names if name not in line]
        return f"{line}  # {', '.join(unsaid)}" if unsaid else line


def _nested(query: Query) -> int:
    """How many of those that write their source more than once stand within one another."""
    by_brackets = isinstance(query, Compare | Aggregate | Measured) and isinstance(query.measure, Measure)
    own = 1 if by_brackets or isinstance(query, Top | Every) else 0
    return own + max([_nested(child) for child in query.children], default=0)


def _group(lines: list[str]) -> list[str]:
    return ["{", *_indented(lines), "}"]


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _comment(text: str) -> str:
    """A name that cannot leave its comment: SPARQL reads escapes such as \\u000A before it reads anything else."""
    return "".join(char if char.isprintable() and char != "\\" else "\ufffd" for char in text)
