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

PREPOSITIONS = frozenset({"by", "in", "of", "to", "at", "from", "on", "for", "with"})
"""A label that ends in one is read as what something is: "directed by", "member of"."""

VERBS = frozenset(
    {"borders", "serves", "affects", "causes", "treats", "prevents", "diagnoses", "disrupts", "exhibits", "performs"}
    | {"produces", "manages", "uses", "indicates", "complicates", "contains", "measures", "assesses", "carries out"}
)
"""Labels that are read as verbs; any other one word that ends in s may be a plural noun."""


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
            return f"everything {inverse_phrase(words, one_of + source)}"
        return forward_phrase(words, source if isinstance(query.source, Entity) else f"each of: {source}")
    if isinstance(query, Complement):
        return f"everything except {_grouped(query.part, verbalise(query.part, kg))}"
    if isinstance(query, Union):
        return " or ".join([_grouped(part, verbalise(part, kg)) for part in query.parts])
    if isinstance(query, Intersect):
        return _intersection(query, kg)
    if isinstance(query, Compare):
        words = relation_words(query.relation, kg)
        test = f"{_COMPARISONS[query.operator]} {_value(query, kg)}"
        return f"those of {_grouped(query.source, verbalise(query.source, kg))} whose {words} is {test}"
    assert isinstance(query, Top)
    rank = "largest" if query.largest else "smallest"
    number = "one" if query.k == 1 else str(query.k)
    source = _grouped(query.source, verbalise(query.source, kg))
    return f"the {number} with the {rank} {relation_words(query.relation, kg)} among {source}"


def _intersection(query: Intersect, kg: KnowledgeGraph | None) -> str:
    """What it is, then what else holds of it: "what France borders and whose currency is Euro"."""
    kept = [part for part in query.parts if not isinstance(part, Complement)]
    dropped = [part.part for part in query.parts if isinstance(part, Complement)]
    kept.sort(key=lambda part: _clause(part, kg) is not None)
    whole = bool(kept) and _clause(kept[0], kg) is None
    text = _grouped(kept[0], verbalise(kept[0], kg)) if whole else "everything"
    clauses = [_clause(part, kg) or f"that is also {_grouped(part, verbalise(part, kg))}" for part in kept[whole:]]
    but = [_clause(part, kg, "not ") or f"not {_grouped(part, verbalise(part, kg))}" for part in dropped]
    for number, clause in enumerate(clauses):
        joined = bool(number) or (whole and clause.startswith("whose"))
        text += f" and {clause}" if joined else f" {clause}"
    return text + "".join([f", but {clause}" for clause in but])


def _clause(part: Query, kg: KnowledgeGraph | None, negation: str = "") -> str | None:
    """An inverse projection from one entity as a relative clause, "whose currency is not Euro"; None for the rest."""
    if not isinstance(part, Project) or not isinstance(part.source, Entity):
        return None
    words, inverse = _direction(part, kg, relation_words(part.relation, kg))
    if not inverse or words in VERBS or _ends_in_preposition(words):
        return None
    return f"whose {words} is {negation}{entity_words(part.source, kg)}"


def forward_phrase(words: str, source: str) -> str:
    """What a relation leads to: "the capital of France", "what France borders", "what X is located in"."""
    if words in VERBS:
        return f"what {source} {words}"
    return f"what {source} is {words}" if _ends_in_preposition(words) else f"the {words} of {source}"


def inverse_phrase(words: str, target: str) -> str:
    """What is told of whatever a relation leads from: "whose capital is Paris", "that borders France"."""
    if words in VERBS:
        return f"that {words} {target}"
    return f"that is {words} {target}" if _ends_in_preposition(words) else f"whose {words} is {target}"


def _ends_in_preposition(words: str) -> bool:
    return words.split(" ")[-1] in PREPOSITIONS


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
