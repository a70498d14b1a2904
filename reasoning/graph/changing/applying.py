"""From a change in names to a changed graph: in which order its parts are carried out, and whether it fits the graph.

Names are taken as they are spelled, never corrected: a slip would change the wrong thing, and what is not known yet is
new. A change is applied as a whole or refused as a whole, since the graph that it is applied to stays as it is.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from kg_data.supplied import supplies
from reasoning.errors import ChangeError
from reasoning.graph.changing.change import Change, Wanted
from reasoning.graph.changing.changes import LEAST_MERGED, MERGED_FROM, Changes, merged
from reasoning.graph.changing.describing import Describing
from reasoning.graph.changing.drafts.entities import EntityDraft
from reasoning.graph.changing.drafts.facts import FactDraft
from reasoning.graph.changing.effect import Effect
from reasoning.graph.store import KnowledgeGraph, with_change

log = logging.getLogger(__name__)

MOST_WARNINGS = 3
"""Names that are warned of one by one."""
TOLD_EVERY = 1000
"""Facts after which it is said how far one is."""

Say = Callable[[int], object]
"""Is given how many facts were dealt with since it was called last."""


@supplies(with_change)
def changed(graph: KnowledgeGraph, change: Change) -> KnowledgeGraph:
    """See `KnowledgeGraph.changed`."""
    return apply(graph, [change])[0]


def apply(
    graph: KnowledgeGraph, changes: Iterable[Change], say: Say | None = None, again: bool = False
) -> tuple[KnowledgeGraph, Effect]:
    """A graph with changes, one after the other, and what all did; the graph itself where they did nothing.

    Args:
        graph: the graph.
        changes: the changes.
        say: is given the number of facts that were dealt with since it was called last.
        again: they were applied before, so that nobody is warned of them once more.

    Raises:
        ChangeError: one does not fit the graph, nothing would be left of it, or it is on a server.
        UnknownEntityError, UnknownRelationError, AmbiguousEntityError: one names what is not there, or several.
    """
    if graph.server is not None:
        raise ChangeError(f'the graph "{graph.graph_name}" is on a server: it is changed there')
    effect, before = Effect(), _changes_of(graph)
    applying = Applying(graph, before, say)
    for change in changes:
        effect += applying.apply(change)
    if not again:
        _warn(applying.notes)
    if not effect:
        return graph, effect
    after = applying.done()
    content = after.content()
    if not len(content.index) and not any(map(len, content.values)):
        raise ChangeError(f'nothing would be left of the graph "{graph.graph_name}": a graph has at least one fact')
    if after.weight > max(LEAST_MERGED, MERGED_FROM * len(before.base.index)):
        content = merged(content)
    return KnowledgeGraph.with_content(content, graph.predicted), effect


def is_done(graph: KnowledgeGraph, change: Change) -> bool:
    """Whether nothing is left that a change would do: what it removes is not there, and what it adds is.

    Raises:
        ChangeError: it does not fit the graph in another way.
        UnknownRelationError, AmbiguousEntityError: one of its names means several.
    """
    return Applying(graph, _changes_of(graph)).is_done(change)


def _changes_of(graph: KnowledgeGraph) -> Changes:
    known = graph.content.changes
    return known if isinstance(known, Changes) else Changes.none(graph.content, graph.origin)


def _warn(notes: Sequence[str]) -> None:
    for note in notes[:MOST_WARNINGS]:
        log.warning("%s", note)
    if (more := len(notes) - MOST_WARNINGS) > 0:
        log.warning("and %s more such names", f"{more:,}")


class Applying:
    """Applies changes to a graph.

    Each change finds what the ones before it made of the graph, whose drafts go on from one to the next. After an
    error nothing is to be made of it.

    Args:
        graph: the graph.
        before: what is other in it than in its base.
        say: see `apply`.

    Attributes:
        notes: what may not have been meant, in sentences.
    """

    def __init__(self, graph: KnowledgeGraph, before: Changes, say: Say | None = None) -> None:
        self._before, self._say = before, say
        self.notes: list[str] = []
        self._entities = EntityDraft(before, graph.content.entities)
        self._facts = FactDraft(graph, before, self._entities, self.notes.append)
        self._describing = Describing(self._entities, graph.names.nearest)

    def apply(self, change: Change) -> Effect:
        """Apply a change; removals come first, so that one change can put one thing in place of another.

        Raises:
            ChangeError: it does not fit the graph.
            UnknownEntityError, UnknownRelationError, AmbiguousEntityError: it names what is not there, or several.
        """
        self._entities.names.look_up_anew()
        effect = sum(map(self._facts.forget, change.remove_sources), Effect())
        for fact in self._told(change.remove):
            self._facts.remove(fact, change)
        described = self._describing.take(change)
        added = Counter(self._facts.add(fact, change) for fact in self._told(change.add))
        described += self._describing.give(change)
        self._describing.end(self._entities.settle())
        effect += Effect(removed=len(change.remove), described=described)
        return sum((one * times for one, times in added.items()), effect)

    def is_done(self, change: Change) -> bool:
        """See the function of this name."""
        if any(self._facts.holds(fact, change) for fact in change.remove):
            return False
        if self._describing.has_what_is_taken(change) or any(map(self._facts.are_said_by, change.remove_sources)):
            return False
        return not self.apply(replace(change, remove=(), remove_types=(), remove_aliases=(), remove_sources=()))

    def done(self) -> Changes:
        """What is other in the graph now than in its base."""
        return replace(self._facts.done(self._before), entities=self._entities.done())

    def _told(self, facts: Sequence[Wanted]) -> Iterator[Wanted]:
        """The facts, with word of how far one is."""
        if self._say is None:
            yield from facts
            return
        for start in range(0, len(facts), TOLD_EVERY):
            part = facts[start : start + TOLD_EVERY]
            yield from part
            self._say(len(part))
