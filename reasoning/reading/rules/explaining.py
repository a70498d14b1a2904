"""What to say where a question could not be read: what was understood, what was not, and how to say it exactly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from reasoning.errors import quoted_list
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import Project
from reasoning.reading.anchors import anchor
from reasoning.reading.english.vocabulary import TYPE_RELATIONS, is_main
from reasoning.reading.english.word_forms import is_verb
from reasoning.reading.lexicon import lexicon_of
from reasoning.reading.linking import Item, Linked
from reasoning.reading.rules.measures import values_of

MOST_TOLD = 8
"""Relations of an entity that an error names."""

_STATES = [
    [word] for word in ("be", "border", "have", "own", "belong", "include", "contain", "use", "speak", "neighbour")
]
"""What something did for a time and does no more: "used to border"."""

_NOT_DONE = frozenset({"want", "wants", "need", "needs", "has", "going", "happen", "happens", "plan", "plans"})
"""What is said before "to" of what is hardly done yet: "want to border"."""

_US = frozenset({"i", "we", "you", "one", "i'm", "we're", "do", "does"})
"""Who asks, of whose wishes nothing is asked: "which airport do I need to fly to"."""

_REASONS = [words.split() for words in ("how come", "how is it that", "how so", "how does it come", "how did it come")]
"""First words of a question for a reason, each of which is said in other questions too."""


def complaint(kg: KnowledgeGraph, linked: Linked, reason: str, asks: bool = False) -> str:
    """The message of the error; `reason` is why the likeliest reading failed, "" where no word got that far."""
    items = linked.of_kind("entity", "relation", "type", "number", "compare", "word", "unsayable")
    unknown = unread(linked, asks)
    nearest = _unique(name for item in items if item.kind == "word" for name in item.nearest)
    entities = _unique(mention.text for mention in linked.names())
    typed = {item.start for item in items if item.type is not None and item.type.entity is not None}
    relations = _unique(item.use.relations[0] for item in items if item.use is not None and item.start not in typed)
    types = _unique(
        kg.entity_labels[item.type.entity] for item in items if item.type is not None and item.type.entity is not None
    )
    if unknown:
        problem = f"not understood: {quoted_list(unknown, 'and')}"
        problem += f" (the nearest names are {quoted_list(nearest, 'and')})" if nearest else ""
    elif not entities and not types and not any(kg.relation(name).kind == "values" for name in relations):
        problem = f'it names nothing of the graph "{kg.graph_name}"'
        nearest = _unique(_names_like(kg, linked))
        problem += f" (the nearest names are {quoted_list(nearest, 'and')})" if nearest else ""
    elif any(a.kind == "compare" and b.kind != "number" for a, b in pairwise([*items, Item("end", "")])):
        problem = "a comparison is read with a number, not with another thing"
    elif not relations and (compared := linked.of_kind("degree", "most")):
        problem = f'"{compared[0].text}" says nothing to compare by; {values_of(kg)}'
    else:
        problem = reason or ("its parts do not fit together" if relations else "no word of it names a relation")
    named = [
        f"{what} {quoted_list(names, 'and')}"
        for what, names in (("entities", entities), ("relations", relations), ("types", types))
        if names
    ]
    understood = f" Understood: {'; '.join(named)}." if named else ""
    one = next((mention.candidates[0][0] for mention in linked.names()), None)
    if one is not None and (unknown or not relations) and (said := said_of(kg, one)):
        understood += f" Of {kg.entity_labels[one]} the graph says: {quoted_list(said, 'and')}."
    return f"could not read the question: {problem}.{understood} In the grammar, e.g. {example(kg, relations)}"


def said_of(kg: KnowledgeGraph, entity: int) -> list[str]:
    """The relations and values that an entity has, eight at most; a relation that leads to it has a "~" before it."""
    found = {}
    for name in kg.relation_ids:
        relation = kg.relation(name)
        for inverse in (False, True):
            if name not in found and len(kg.index.side(relation.inverse != inverse).row(relation.index, entity)):
                found[name] = f"~{name}" if inverse else name
    values = [column.relation for column in kg.literals if entity in column.entities]
    return [*found.values(), *values][:MOST_TOLD]


def _names_like(kg: KnowledgeGraph, linked: Linked) -> Iterator[str]:
    """Names that a word with a capital is a part of."""
    for token in linked.tokens[1:]:
        if token.kind == "word" and token.text[:1].isupper():
            for entity in lexicon_of(kg).called(token.text)[:3]:
                yield kg.entity_labels[entity]


def unread(linked: Linked, asks: bool = False) -> list[str]:
    """The words that were not understood; `asks` says whether the question wants yes or no."""
    found = [item.text for item in linked.of_kind("word", "unsayable")] + list(_said_of_nothing(linked))
    first, second = [token.text.casefold() for token in linked.tokens[:2]] if len(linked.tokens) > 1 else ("", "")
    if asks and second in ("all", "every", "each") and first not in ("has", "have", "had"):
        found.append(second)  # what is true of all, no query says
    return _unique(found)


def _said_of_nothing(linked: Linked) -> Iterator[str]:
    """ "which of them" where nothing was named that they could be, and "used to border", which is past."""
    words = [token.text.casefold() for token in linked.tokens]
    listed = len(linked.of_kind("entity")) > 1
    for reason in _REASONS:
        if words[: len(reason)] == reason:
            yield " ".join(reason)  # not what is so, but why
    if "about" in words and not linked.of_kind("relation", "type", "number", "compare"):
        yield "about"  # "tell me about Chad"
    for at, (one, two) in enumerate(pairwise([*words, ""])):
        named = listed or any(item.end <= at for item in linked.of_kind("entity", "type", "relation", "word"))
        here = {item.kind for item in linked.items if item.start == at + 1}
        if linked.filler[at] and "type" in here and "relation" not in here and is_main(one):
            yield one  # "the main airport", of which the graph knows no more than that they are airports
        if one in _NOT_DONE and two == "to" and _is_verb_at(linked, at + 2) and not {*words[max(0, at - 2) : at]} & _US:
            yield f"{one} {two}"
        if one == "of" and two in ("them", "those") and not named:
            yield f"{one} {two}"
        elif one == "ones" and two != "of" and not named:
            yield one
        elif one == "used" and two == "to" and words[at + 2 : at + 3] in _STATES:
            yield " ".join(words[at : at + 3])


def _is_verb_at(linked: Linked, at: int) -> bool:
    """Whether a relation is said by a verb at a place."""
    return any(item.start == at and item.use is not None and is_verb(item.text.split()[0]) for item in linked.items)


def example(kg: KnowledgeGraph, relations: Sequence[str] = ()) -> str:
    """A query of this graph's own, with one of `relations` if any leads between entities."""
    telling = [name for name in kg.relation_ids if name not in TYPE_RELATIONS]
    for name in (*relations, *telling, *kg.relation_ids):
        found = kg.relation(name)
        if found.kind == "edges" and len(heads := kg.index.block(found.index, found.inverse)[0]):
            return str(Project(name, anchor(kg, int(heads[0]))))
    column = kg.literals[0]
    return str(Project(column.relation, anchor(kg, int(column.entities[0]))))


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))[:8]
