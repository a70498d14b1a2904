"""Queries and steps in English, so that a person can check what was understood."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING

from reasoning.query.tree import (
    Compare,
    Complement,
    Count,
    Entity,
    Exists,
    Intersect,
    Project,
    Query,
    Top,
    Union,
)

if TYPE_CHECKING:
    from reasoning.graph.store import KnowledgeGraph

_COMPARISONS = {">": "above", ">=": "at least", "<": "below", "<=": "at most", "=": "equal to", "!=": "other than"}


def verbalise(query: Query, kg: KnowledgeGraph | None = None) -> str:
    """The query as a noun phrase, or a question for `count` and `exists`; see `Query.verbalise`."""
    if isinstance(query, Count):
        return f"how many there are of: {verbalise(query.part, kg)}"
    if isinstance(query, Exists):
        return f"whether there is any of: {verbalise(query.part, kg)}"
    if isinstance(query, Entity):
        return entity_words(query, kg)
    if isinstance(query, Project):
        words = relation_words(query.relation, kg)
        words, inverse = _direction(query, kg, words)
        source = verbalise(query.source, kg)
        if inverse:
            one_of = "" if isinstance(query.source, Entity) else "one of: "
            return f"everything whose {words} is {one_of}{source}"
        each = "" if isinstance(query.source, Entity) else "each of: "
        return f"the {words} of {each}{source}"
    if isinstance(query, Complement):
        return f"everything except {_grouped(query.part, verbalise(query.part, kg))}"
    if isinstance(query, Union):
        return " or ".join([_grouped(part, verbalise(part, kg)) for part in query.parts])
    if isinstance(query, Intersect):
        kept = [part for part in query.parts if not isinstance(part, Complement)]
        dropped = [part.part for part in query.parts if isinstance(part, Complement)]
        text = " that is also ".join([_grouped(part, verbalise(part, kg)) for part in kept]) or "everything"
        return text + "".join([f", but not {_grouped(part, verbalise(part, kg))}" for part in dropped])
    if isinstance(query, Compare):
        words = relation_words(query.relation, kg)
        test = f"{_COMPARISONS[query.operator]} {_value(query, kg)}"
        return f"those of {_grouped(query.source, verbalise(query.source, kg))} whose {words} is {test}"
    assert isinstance(query, Top)
    rank = "largest" if query.largest else "smallest"
    number = "one" if query.k == 1 else str(query.k)
    source = _grouped(query.source, verbalise(query.source, kg))
    return f"the {number} with the {rank} {relation_words(query.relation, kg)} among {source}"


def entity_words(entity: Entity, kg: KnowledgeGraph | None) -> str:
    """The anchor's name, looked up where only an id is given."""
    if kg is None:
        return entity.name
    return kg.name(kg.entity_by_id(entity.name) if entity.by_id else kg.entity(entity.name))


def relation_words(relation: str, kg: KnowledgeGraph | None = None) -> str:
    """A relation's label as words: the last part of a path, underscores and camel case parted."""
    if kg is not None:
        found = kg.relation(relation)
        if found.kind == "edges":
            relation = kg.relation_label(found.index)
    return label_words(relation)


def label_words(label: str) -> str:
    """`/people/person/place_of_birth` to "place of birth", `locatedIn` to "located in", `concept:x` to "x"."""
    last = re.split(r"[/:.#]", label.rstrip("/:.#"))[-1] or label
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", last).replace("_", " ").strip()
    return (spaced or label).lower() if not spaced.isupper() else spaced


def _direction(query: Project, kg: KnowledgeGraph | None, words: str) -> tuple[str, bool]:
    if kg is None:
        twin = words.endswith(" reverse")
        return words.removesuffix(" reverse"), query.inverse != twin
    return words, query.inverse != kg.relation(query.relation).inverse


def _grouped(query: Query, text: str) -> str:
    return f"({text})" if isinstance(query, Intersect | Union | Compare | Complement) else text


def _value(query: Compare, kg: KnowledgeGraph | None) -> str:
    if isinstance(query.value, datetime.date):
        return query.value.isoformat()
    found = None if kg is None else kg.relation(query.relation)
    years = kg is not None and found is not None and found.kind == "values" and kg.literals[found.index].kind == "year"
    return str(query.value) if years else f"{query.value:,}"
