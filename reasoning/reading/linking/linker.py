"""All that the words of a question may mean, put together."""

from __future__ import annotations

from dataclasses import replace

from reasoning.reading.english.vocabulary import BEING, KIND_WORDS, PRONOUNS, THEIR
from reasoning.reading.english.word_forms import lemmas
from reasoning.reading.lexicon import Kind, Lexicon
from reasoning.reading.linking.items import Item, Linked
from reasoning.reading.linking.names import NameLinks
from reasoning.reading.linking.overlaps import prefer_longest, without_parts
from reasoning.reading.linking.unknown import UnknownWords

_BEFORE_NAMES = frozenset({"of", "from", "to", "by", "with", "against", "on"})


def link(question: str, lexicon: Lexicon) -> Linked:
    """All that the words of a question may mean.

    Raises:
        QuestionError: a marked name is in no way a name of the graph, or the question has too many words.
    """
    return _Linker(question, lexicon).linked()


class _Linker(NameLinks, UnknownWords):
    def linked(self) -> Linked:
        found = Linked(self.tokens)
        found.filler = self.filler
        spoken = 0
        for at, token in enumerate(self.tokens):
            if self.words[at] in THEIR and not self.in_filler[at]:
                found.filler[at] = False
            if self.words[at] in PRONOUNS and not self.in_filler[at] and self._spoken_of(at) is not None:
                found.filler[at] = self.words[at] in ("it", "them") and self.words[at - 1] not in _BEFORE_NAMES
            if token.kind in ("quoted", "curly", "bracketed"):
                self.named.append(Item("entity", token.text, at, at + 1, mention=self._marked(token.text)))
                found.items.append(self.named[-1])
                continue
            names = list(self._names_at(at))
            inside = any(at < name.end for name in self.named)
            self.named += [name for name in names[:1] if name.cost == 0 and not inside]
            found.items += names
            found.items += self._phrases_at(at)
            if at >= spoken and (item := self._number(at)) is not None:
                found.items.append(item)
                spoken = item.end
        for item in found.items:
            if item.kind != "entity" and item.end > item.start + 1 and not all(self.in_filler[item.start : item.end]):
                found.filler[item.start : item.end] = [False] * (item.end - item.start)  # the "many" of "how many"
        found.items = [item for item in found.items if not self._swallowed(item, found)]
        found.items += [kind for item in found.items if (kind := self._as_kind(item, found)) is not None]
        prefer_longest(found.items)
        found.items = without_parts(found.items, self.kg.entity_labels)
        covered = list(found.filler)
        for item in found.items:
            covered[item.start : item.end] = [True] * (item.end - item.start)
        at = 0
        while at < len(self.tokens):
            if covered[at]:
                at += 1
                continue
            item = self._unknown(at)
            found.items.append(item)
            at = max(item.end, at + 1)
        return found

    def _swallowed(self, item: Item, found: Linked) -> bool:
        """Whether a word belongs to a phrase: the "share" of "share a border", the "of" of "which of"."""
        pronoun = item.kind == "entity" and item.text.casefold() in PRONOUNS
        told = item.kind == "relation" and item.end > item.start + 1  # "classified as" of films
        if (item.kind != "entity" or pronoun) and not told and all(self.in_filler[item.start : item.end]):
            return True
        return item.kind == "share" and any(
            other.kind == "relation" and other.start == item.start and other.end > item.end for other in found.items
        )

    def _as_kind(self, item: Item, found: Linked) -> Item | None:
        """A name as what the answers are, in a graph that says what is a kind of what: "which lipids"."""
        if self.lexicon.type_relation is not None or self.lexicon.kind_relation is None or item.mention is None:
            return None
        entity = item.mention.candidates[0][0]
        asked = item.text.casefold().endswith("s") or found.before(item.start) & {"which", "what", "how", "many"}
        many = any(other.kind == "many" and other.end == item.start for other in found.items)
        before = self.words[max(0, item.start - 2) : item.start]
        kinds = len(before) == 2 and before[1] == "of" and bool(KIND_WORDS & set(lemmas(before[0])))
        # "isn't a chemical"
        some = before[-1:] in (["a"], ["an"]) and self._is_said_of(item.start - 1)
        if not (asked or many or kinds or some) or not self.lexicon.has_kinds(entity):
            return None
        start = item.start - 2 if kinds else item.start
        value = "kinds" if kinds else None
        kind = Kind(item.text, entity)
        return replace(item, kind="type", start=start, mention=None, type=kind, value=value, cost=item.cost)

    def _is_said_of(self, at: int) -> bool:
        """Whether what begins at a word is what something is or is not."""
        said = [word.removesuffix("n't") for word in self.words[max(0, at - 2) : at]]
        return set(said[-1:]) & BEING != set() or (said[-1:] == ["not"] and said[0] in BEING)
