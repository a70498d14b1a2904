"""What may come next in a query that is being typed: names of entities and relations that begin as the word does.

Names are found in the graph's sorted keys, where those with one beginning lie together, so that a million entities
cost no more than a thousand; of many the best connected come first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.graph.contents import degrees
from app.graph.graphs import GraphShelf
from app.server.words import counted
from reasoning import KnowledgeGraph
from reasoning.graph.names import fold
from reasoning.graph.spelling import relation_text
from reasoning.query.tree import Entity
from reasoning.reading import MAX_CHARACTERS

MOST_SHOWN = 8
CONSIDERED = 64
"""Best connected entities among which those that a person knows by this name come first."""
MOST_RANKED = 50_000
"""Keys with one beginning that are ranked; of more the first."""
SHORTEST = 2
"""Letters of a name in a question in words before others are proposed for it."""

OPENINGS = frozenset(
    ("what which who whose where when how is are does do did in name list show give find the").split(" ")  # noqa: SIM905
)
"""First words of questions, for which no name is proposed."""

_WORD = re.compile(r"[^\W\d]\w*$")
_NAME = re.compile(r"(?:[^\W\d_][\w'’.-]*)(?: [^\W_][\w'’.-]*){0,2}$")


@dataclass(frozen=True)
class Word:
    """The word at the cursor.

    Attributes:
        start: where it begins.
        typed: what of the name is there.
        quoted: whether it stands within quotes.
        formal: whether it belongs to a formal query; a question in words takes names as they are.
    """

    start: int
    typed: str
    quoted: bool
    formal: bool


def completions(shelf: GraphShelf, wanted: object) -> dict[str, object]:
    """What may come next: what the page's script asks for at every letter.

    Args:
        shelf: the graphs.
        wanted: `{"graph", "text", "cursor", "kind"}`; the kind is "query", or "entity" or "relation" where the field
            takes a name alone.

    Returns:
        "start" and "end" of what a choice replaces, and "choices": each with "shown", "detail" and "insert".

    Raises:
        SkylarkError: the graph is no longer available.
        ValueError: `wanted` is something else.
    """
    if not isinstance(wanted, dict):
        raise ValueError("expected an object with graph, text and cursor")
    text, cursor, kind = str(wanted.get("text"))[:MAX_CHARACTERS], wanted.get("cursor"), wanted.get("kind")
    end = min(cursor, len(text)) if isinstance(cursor, int) and cursor >= 0 else len(text)
    kg = shelf.get(str(wanted.get("graph")))
    if kind in ("entity", "relation"):
        back = "~" if kind == "relation" and text.lstrip().startswith("~") else ""
        names = _entities(kg, text) if kind == "entity" else _relations(kg, text.lstrip().removeprefix("~"))
        return {"start": 0, "end": len(text), "choices": _choices(names, lambda name: back + name)}
    word = word_at(text, end)
    if word is None:
        return {"start": end, "end": end, "choices": []}
    capital = word.typed[:1].isupper()
    if word.formal:
        if word.quoted and text[end:].startswith('"'):
            end += 1
        opens = "" if text[end:].startswith("(") else "("
        named = _choices(_entities(kg, word.typed), lambda name: str(Entity(name)))
        related = _choices(_relations(kg, word.typed), lambda name: relation_text(name) + opens)
        first, second = (named, related) if word.quoted or capital else (related, named)
        choices = first[: MOST_SHOWN - min(3, len(second))] + second
    else:
        begins = not text[: word.start].strip() and " " not in word.typed
        related = _choices(_relations(kg, word.typed) if begins else [], lambda name: f"{relation_text(name)}(")
        named = _choices(_entities(kg, word.typed), str)[: MOST_SHOWN - min(3, len(related))]
        choices = named + related if capital else related + named
    return {"start": word.start, "end": end, "choices": choices[:MOST_SHOWN]}


def _choices(names: list[tuple[str, str]], insert: Callable[[str], str]) -> list[dict[str, str]]:
    return [{"shown": name, "detail": detail, "insert": insert(name)} for name, detail in names]


def word_at(text: str, cursor: int) -> Word | None:
    """The word that ends at the cursor; None where there is none to be completed."""
    before, start, at = text[:cursor], -1, 0
    while at < len(before):
        if before[at] == "\\" and start >= 0:
            at += 1
        elif before[at] == '"':
            start = -1 if start >= 0 else at
        at += 1
    formal = start >= 0 or any(sign in text for sign in '("~&|!')
    if start >= 0:
        typed = before[start + 1 :].replace('\\"', '"')
        return Word(start, typed, quoted=True, formal=True) if typed.strip() else None
    if formal:
        word = _WORD.search(before)
        return Word(word.start(), word.group(), quoted=False, formal=True) if word else None
    name = _NAME.search(before)
    if name is None or before.strip().lower() in OPENINGS:
        return None
    # Of the last words those from the first with a capital on: "the capital of New Yor".
    words = name.group().split(" ")
    capital = next((number for number, word in enumerate(words) if word[:1].isupper()), None)
    if capital is None:
        return Word(0, before, quoted=False, formal=False) if " " not in before else None
    typed = " ".join(words[capital:])
    if capital == 0 and len(words) > 1 and not before[: name.start()].strip():
        # The first word of a question has a capital in any case.
        capital_after = next((number for number, word in enumerate(words) if number and word[:1].isupper()), None)
        typed = " ".join(words[capital_after:]) if capital_after else typed
    return Word(cursor - len(typed), typed, quoted=False, formal=False) if len(typed) >= SHORTEST else None


def _entities(kg: KnowledgeGraph, typed: str) -> list[tuple[str, str]]:
    """Display names of entities that begin so, with what tells them apart."""
    key = fold(typed)
    if not any(char.isalnum() for char in key):
        return []
    owners = np.unique(np.array(kg.names.beginning(key, MOST_RANKED), dtype=np.int32))
    if not len(owners):
        return []
    facts = degrees(kg, owners)
    best = np.argsort(-facts, kind="stable")[:CONSIDERED]

    def rank(position: int) -> tuple[bool, bool, int]:
        label = fold(kg.entity_labels[int(owners[position])])
        return label != key, not label.startswith(key), -int(facts[position])

    ranked = sorted(map(int, best), key=rank)[:MOST_SHOWN]
    known = [(int(owners[position]), int(facts[position])) for position in ranked]
    return [(kg.name(entity), ", ".join([*kg.types(entity)[:1], counted(many, "fact")])) for entity, many in known]


def _relations(kg: KnowledgeGraph, typed: str) -> list[tuple[str, str]]:
    """Relations that begin so, then those with it inside."""
    key = fold(typed)
    if not any(char.isalnum() for char in key):
        return []
    folded = [(fold(name), name) for name in dict.fromkeys(kg.relation_names())]
    first = [name for form, name in folded if form.startswith(key)]
    inside = [name for form, name in folded if not form.startswith(key) and key in form]
    values = {column.relation for column in kg.literals}
    names = [*sorted(first, key=len), *sorted(inside, key=len)][:MOST_SHOWN]
    return [(name, "a value" if name in values else "relation") for name in names]
