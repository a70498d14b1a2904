"""What it costs to read only a part of a longer name or phrase."""

from __future__ import annotations

from dataclasses import replace

from reasoning.questions.linking.items import Item
from reasoning.questions.vocabulary import BEHIND_VERBS

WITHIN_LONGER = 0.35
"""What it costs to read a part of a longer name as a name of its own."""

WITHIN_LONGER_PHRASE = 0.15
"""The same for a word of a longer phrase that names a relation."""

WITHOUT_PREPOSITION = 0.6
"""The same for a verb whose preposition gives it another meaning."""


def prefer_longest(items: list[Item]) -> None:
    """Make names and phrases that are a part of a longer one cost more."""
    phrases = [item for item in items if item.kind == "relation" and item.end > item.start + 1]
    for place, item in enumerate(items):
        sayable = item.use is not None or (item.type is not None and item.type.entity is None)
        more = max((_said_more(phrase, item) for phrase in phrases), default=0.0) if sayable else 0.0
        items[place] = _dearer(item, more) if more else item
    names = [item for item in items if item.kind == "entity"]
    for place, item in enumerate(items):
        if item.kind == "entity" and any(
            other.start <= item.start and item.end <= other.end and other.end - other.start > item.end - item.start
            for other in names
        ):
            items[place] = replace(item, cost=item.cost + WITHIN_LONGER)


def _said_more(phrase: Item, item: Item) -> float:
    """What a part of a phrase costs: of "export books", but not the "members" of "members of" that is just that."""
    if not (
        phrase.start <= item.start and item.end <= phrase.end and phrase.end - phrase.start > item.end - item.start
    ):
        return 0.0
    if item.use is None or phrase.use is None or phrase.text.split()[-1].casefold() not in BEHIND_VERBS:
        return WITHIN_LONGER_PHRASE
    # The preposition of "die of" gives the verb another meaning.
    return 0.0 if set(phrase.use.relations) & set(item.use.relations) else WITHOUT_PREPOSITION


def _dearer(item: Item, more: float) -> Item:
    """A relation or a kind of thing at a higher cost."""
    use = item.use and replace(item.use, costs=tuple(item.use.cost(name) + more for name in item.use.relations))
    return replace(item, use=use, type=item.type and replace(item.type, cost=item.type.cost + more))
