"""Who says each fact of a graph, while it is being changed."""

from __future__ import annotations

from reasoning.graph.changing.persistent import MapDraft
from reasoning.graph.sources import FactKey, FactSources, Said, Source


class SourceDraft:
    """Sources that are being changed.

    Args:
        before: the sources so far.
    """

    def __init__(self, before: FactSources) -> None:
        self._stored, self._changed = before.stored, MapDraft(before.changed)

    def add(self, fact: FactKey, source: Source | None) -> None:
        """Note who says a fact that is new; None stands for the graph itself, which says no more than the fact."""
        if source is not None:
            self._put(fact, (source,))

    def add_to(self, fact: FactKey, source: Source | None) -> bool:
        """Note who says a fact that is there; whether that was not known before."""
        said = self._said(fact)
        if (source is None and not said) or source in said:
            return False
        # What was there without a source is said by the graph itself, whoever says it too.
        self._put(fact, (*(said or (None,)), source))
        return True

    def take(self, fact: FactKey, document: str) -> bool:
        """Let a document no longer say a fact that it says; whether anyone else says it, so that it stays."""
        left = tuple(source for source in self._said(fact) if source is None or source.document != document)
        if left:
            self._put(fact, () if left == (None,) else left)
        return bool(left)

    def remove(self, fact: FactKey) -> None:
        """Let nobody say a fact, since it is removed."""
        if self._said(fact):
            self._put(fact, ())

    def done(self) -> FactSources:
        """The sources now."""
        return FactSources(self._stored, self._changed.done())

    def _said(self, fact: FactKey) -> Said:
        said = self._changed.get(fact)
        return self._stored.of_fact(fact) if said is None else said

    def _put(self, fact: FactKey, said: Said) -> None:
        if said or self._stored.of_fact(fact):
            self._changed.put(fact, said)
        else:  # nothing that is stored has to be covered
            self._changed.drop(fact)
