"""What it costs to read only a part of a longer name or phrase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reasoning.reading.english.vocabulary import BEHIND_VERBS
from reasoning.reading.linking.items import Item

WITHIN_LONGER = 0.35
"""What it costs to read a part of a longer name as a name of its own."""

WITHIN_LONGER_PHRASE = 0.15
"""The same for a word of a longer phrase that names a relation."""

NAMED = 0.1
"""A phrase nearer than this to a relation's name says more than a verb in it that says little."""

LONG = 3
"""Words from which a name in the graph's own letters is not parted."""

WITHOUT_PREPOSITION = 0.6
"""The same for a verb whose preposition gives it another meaning."""


def prefer_longest(items: list[Item]) -> None:
    """Make names and phrases that are a part of a longer one cost more."""
    phrases = [item for item in items if item.kind == "relation" and item.end > item.start + 1]
    for place, item in enumerate(items):
        sayable = item.use is not None or (item.type is not None and item.type.entity is None) or item.kind == "light"
        more = max((_said_more(phrase, item) for phrase in phrases), default=0.0) if sayable else 0.0
        items[place] = _dearer(item, more) if more else _as_in(item, phrases)
    names = [item for item in items if item.kind == "entity"]
    for place, item in enumerate(items):
        if item.kind == "entity" and any(
            other.start <= item.start and item.end <= other.end and other.end - other.start > item.end - item.start
            for other in names
        ):
            items[place] = replace(item, cost=item.cost + WITHIN_LONGER)


def without_parts(items: list[Item], labels: Sequence[str]) -> list[Item]:
    """The items without the parts of a long name that is written as it stands: "The Godfather Part II" is one thing."""
    names = [item for item in items if item.kind == "entity" and item.start and item.text[:1].isupper()]
    whole = [item for item in names if item.end - item.start >= LONG and _is_label(item, labels)]
    kept = [item for item in items if not any(_inside(item, name) for name in whole)]
    return [item for item in kept if not (_says_nothing(item) and any(_within(item, name) for name in names))]


def _says_nothing(item: Item) -> bool:
    """Whether it is a noun in a name's letters that is no type of the graph: the "Tom" of "Tom Hanks"."""
    return item.kind == "type" and item.type is not None and item.type.entity is None and item.text[:1].isupper()


def _is_label(item: Item, labels: Sequence[str]) -> bool:
    capitals = sum(word[:1].isupper() for word in item.text.split())
    ranks = item.mention.candidates[:1] if item.mention is not None and capitals > 1 else ()
    return any(labels[entity] == item.text for rank in ranks for entity in rank)


def _within(item: Item, name: Item) -> bool:
    return name.start <= item.start and item.end <= name.end


def _inside(item: Item, name: Item) -> bool:
    return _within(item, name) and item.end - item.start < name.end - name.start


def _said_more(phrase: Item, item: Item) -> float:
    """What a part of a phrase costs: of "export books", but not the "members" of "members of" that is just that."""
    if not (
        phrase.start <= item.start and item.end <= phrase.end and phrase.end - phrase.start > item.end - item.start
    ):
        return 0.0
    if item.kind == "light" and (phrase.use is None or phrase.use.costs[:1] > (NAMED,)):
        return 0.0
    if item.use is None or phrase.use is None or phrase.text.split()[-1].casefold() not in BEHIND_VERBS:
        return WITHIN_LONGER_PHRASE
    # The preposition of "die of" gives the verb another meaning.
    return 0.0 if set(phrase.use.relations) & set(item.use.relations) else WITHOUT_PREPOSITION


def _as_in(item: Item, phrases: Sequence[Item]) -> Item:
    """A verb with the relations alone that it has with the preposition behind it: "plays" of "plays for"."""
    for phrase in phrases:
        if item.use is None or phrase.use is None or not _inside(item, phrase) or item.start != phrase.start:
            continue
        both = [name for name in item.use.relations if name in phrase.use.relations]
        if both and phrase.use.costs[:1] <= (item.use.costs[0],) and phrase.text.split()[-1].casefold() in BEHIND_VERBS:
            return replace(item, use=item.use.only(both))
    return item


def _dearer(item: Item, more: float) -> Item:
    """A relation, a kind of thing or a verb that says little at a higher cost."""
    if item.kind == "light":
        return replace(item, cost=item.cost + more)
    use = item.use and replace(item.use, costs=tuple(item.use.cost(name) + more for name in item.use.relations))
    return replace(item, use=use, type=item.type and replace(item.type, cost=item.type.cost + more))
