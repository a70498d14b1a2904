"""The words that mean something in one graph: names of its relations and types, and what English says instead of them.

A relation is known by the words of its own name (cost 0), by one of them, by words that WordNet puts near to one of
them, and by the reviewed table of phrases. The costs say how far a word is from the name; the graph's own structure
decides between what is left.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

import numpy as np

from kg_data.columns import LiteralColumn
from reasoning.graph.index import Ids
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import Entity
from reasoning.query.verbalise import label_words
from reasoning.questions.number_words import MAGNITUDES, NUMBER_WORDS
from reasoning.questions.run_together import segmented
from reasoning.questions.similarity import NEAR_ENOUGH, Similarity
from reasoning.questions.vocabulary import (
    ANYTHING,
    EMPTY_IN_LABELS,
    FILLER,
    KEYWORDS,
    KINDS,
    LOCATION,
    OTHER_TYPES,
    PHRASES,
    PREPOSITIONS,
    TYPE_RELATIONS,
    TYPE_SYNONYMS,
    UNSAYABLE,
)
from reasoning.questions.word_forms import is_verbal, lemmas, stem, stems
from reasoning.questions.wordnet import SYNONYM, wordnet

MOST_TYPES = 1000
"""Types whose names are known as words; a graph with more of them uses "type" for something else."""

Key = tuple[str, ...]
"""A phrase by the stems of its words."""

HEAD_WORD, OTHER_WORD, CONTEXT = 0.1, 0.15, 0.2
"""What it costs to name a relation by one word of its name, or by what stands before the last part of a path."""

FAR_NOUN = 0.35
"""The same for a noun, which may also say what kind of thing is looked for."""

HALF_SAID = 0.7
"""Cosine from which words that share one with a name mean that relation: "military allies", "military alliance"."""

FAMILY = 6
"""Letters from which two words with one beginning are taken for one family."""

RARE = 0.1
"""What it costs that a relation has one triple where another has all: of two with one name the usual one is meant."""

OTHER_TYPE = 0.15
"""What it costs to take a noun for the less usual of two types that it may mean."""

MOST_RELATIONS = 20
"""Relations that one word may mean."""

NUMBERED = 0.05
"""The same for "exports3" beside "exports"."""

FARTHEST = 0.6
"""A word that is farther from every word of a name than this does not mean the relation."""


@dataclass(frozen=True)
class RelationUse:
    """A word or phrase of the question that may mean one of these relations.

    Attributes:
        text: the words.
        relations: names, the likeliest first.
        costs: of each, how far the words are from its name.
        ranked: whether the order says which is meant where several fit; otherwise that is an ambiguity.
    """

    text: str
    relations: tuple[str, ...]
    costs: tuple[float, ...] = ()
    ranked: bool = False

    def cost(self, name: str) -> float:
        """How far the words are from a relation's name."""
        return self.costs[self.relations.index(name)] if self.costs else 0.0

    def only(self, names: Iterable[str]) -> RelationUse:
        """The use with these of its relations."""
        kept = [name for name in self.relations if name in set(names)]
        return replace(self, relations=tuple(kept), costs=tuple(self.cost(name) for name in kept))


@dataclass(frozen=True)
class Kind:
    """What a noun says an answer is.

    Attributes:
        text: the noun.
        entity: the type, an entity index; None where the graph has no such type.
        members: what is of the kind where `entity` is None, None for anything; sorted.
        cost: how far the noun is from the type's name.
    """

    text: str
    entity: int | None = None
    members: Ids | None = None
    cost: float = 0.0

    @property
    def identity(self) -> tuple[int | None, int | None]:
        """What two kinds that mean the same have in common."""
        return self.entity, None if self.members is None else len(self.members)


class Lexicon:
    """The words of one graph; made once for a graph and kept, see `lexicon_of`."""

    def __init__(self, kg: KnowledgeGraph) -> None:
        self.kg = kg
        self.names = tuple(dict.fromkeys((*kg.relation_ids, *(column.relation for column in kg.literals))))
        self.words: dict[str, tuple[str, ...]] = {}
        self.labels: dict[str, str] = {}
        self.contexts: dict[str, frozenset[str]] = {}
        self.type_relation: str | None = None
        self.types: dict[Key, Kind] = {}
        self.other_types: dict[Key, Kind] = {}
        self._uses: dict[Key, dict[str, float]] = {}
        self._phrases: set[Key] = set()
        self._near: dict[Key, dict[str, float]] = {}
        self._compounds: dict[str, set[str]] = {}
        self._verbs: set[tuple[str, str]] = set()
        self._above: dict[str, set[str]] = {}
        self._roles: dict[str, Kind | None] = {}
        self._end_kinds: dict[tuple[int, bool], Ids] = {}
        for name in self.names:
            self._add(name)
        own = {key: dict(found) for key, found in self._uses.items()}
        named = {key: tuple(name for name, cost in found.items() if cost == 0) for key, found in own.items()}
        self._add_table(named)
        edges = [r for r in kg.relation_ids if label_words(r).split()[0] in ("in", "located")]
        self.location = tuple(
            dict.fromkeys([n for meant in LOCATION for n in named.get(stems(meant), ()) if self._is_edges(n)] + edges)
        )
        self.kind_relation = next(
            (n for meant in TYPE_RELATIONS for n in named.get(stems(meant), ()) if self._is_edges(n)), None
        )
        if self.kind_relation is not None and self._read_types(self.kind_relation):
            self.type_relation = self.kind_relation
        times = [n for n, words in self.words.items() if words[-1] in ("year", "date", "time", "day")]
        self.time_use = RelationUse("when", tuple(times), (0.0,) * len(times)) if times else None
        self.similarity = Similarity({name: " ".join(words) for name, words in self.words.items()}, self.labels)

    # Relations --------------------------------------------------------------------------------------------------

    def use(self, text: str, words: tuple[str, ...], nominal: bool = False) -> RelationUse | None:
        """What a phrase means as a relation: the relation that it names, else those that it is near to.

        Args:
            text: the phrase as written.
            words: its words.
            nominal: whether it stands where only a noun does.
        """
        key = tuple(stem(word) for word in words)
        # A graph's own words say it better than English in general does.
        plain = not any(
            word.isalpha() and (word in KEYWORDS or word in FILLER or word in PREPOSITIONS) for word in words
        )
        for form in (key, (stem("".join(words)),)) if len(words) == 2 and plain else (key,):
            if found := self._uses.get(form):
                return self._use(text, found, form in self._phrases)
        plain = plain and len(text.split()) == len(words)  # no article between
        near = self._family(words[0]) if len(words) == 1 else self._of_words(words) if plain else {}
        for lemma in lemmas(" ".join(words)):
            for name, cost in self._near.get((lemma,), {}).items():
                far = cost > FAR_NOUN and not _agent(lemma) and self.type_relation is None
                if not (nominal and ((lemma, name) in self._verbs or far)):
                    near[name] = min(cost, near.get(name, cost))
        return self._use(text, near, False) if near else None

    def _of_words(self, words: tuple[str, ...]) -> dict[str, float]:
        """Relations named by as many words, each of them near to one of these: "military ally", "military alliance"."""
        costs: dict[str, float] = {}
        if is_verbal(words[-1]):
            return costs  # "films acted" are two things
        for at, word in enumerate(words):
            here: dict[str, float] = dict(self._uses.get((stem(word),), {}))
            for lemma in lemmas(word):
                for name, cost in self._near.get((lemma,), {}).items():
                    here[name] = min(cost, here.get(name, cost))
            here.update({name: cost for name, cost in self._family(word).items() if cost < here.get(name, 1.0)})
            costs = {n: max(c, costs.get(n, 0.0)) for n, c in here.items() if at == 0 or n in costs}
        found = {name: cost for name, cost in costs.items() if len(self.words[name]) == len(words)}
        # "team colors" of "/sports/sports_team/colors"
        *earlier, last = stems(" ".join(words))
        found |= {
            name: OTHER_WORD / 3
            for name, parts in self.words.items()
            if name not in found and last == stem(parts[-1]) and set(earlier) <= self.contexts[name]
        }
        said = set(stems(" ".join(words)))
        half = [
            name
            for name, parts in self.words.items()
            if len(parts) == len(words) and said & set(stems(" ".join(parts)))
        ]
        if not found and half and all(map(lemmas, words)) and not is_verbal(words[0]) and self.type_relation is None:
            likeness = self.similarity.likeness(" ".join(words))
            found = {n: (1 - likeness[n]) * 0.7 for n in half if likeness.get(n, 0.0) > HALF_SAID}
        return found

    def _family(self, word: str) -> dict[str, float]:
        """Relations with a word that begins with this one, or the other way round: "develop" and "developmental"."""
        folded = next(iter(lemmas(word)), fold(word))
        if len(folded) < FAMILY:
            return {}
        return {
            name: OTHER_WORD + (0.0 if word in self.words[name][-1:] else 0.05)
            for name, parts in self.words.items()
            if any(len(part) >= FAMILY and (part.startswith(folded) or folded.startswith(part)) for part in parts)
        }

    def _use(self, text: str, found: dict[str, float], ranked: bool) -> RelationUse:
        """The relations near to the nearest, the nearest first; all of them where they are ranked."""
        names = sorted(found, key=lambda name: found[name])
        kept = [name for name in names if ranked or found[name] <= found[names[0]] + 0.25]
        if not ranked and len(kept) > MOST_RELATIONS:
            kept = sorted(kept, key=lambda name: found[name] + RARE * self._rare(name))[:MOST_RELATIONS]
        plain = {self.words[name] for name in kept if not name[-1:].isdigit()}
        costs = [found[name] + NUMBERED * (name[-1:].isdigit() and self.words[name] in plain) for name in kept]
        if len(kept) > 1 and not ranked and self.type_relation is None:
            # Where types do not decide, the more usual relation is the better guess.
            rare = [self._rare(name) for name in kept]
            costs = [cost + RARE * (one - min(rare)) for cost, one in zip(costs, rare, strict=True)]
            order = sorted(range(len(kept)), key=lambda at: costs[at])
            kept, costs = [kept[at] for at in order], [costs[at] for at in order]
        return RelationUse(text, tuple(kept), tuple(costs), ranked)

    def _rare(self, name: str) -> float:
        """How rare a relation is, 0 for one with all triples and 1 for one with none, on a scale of magnitudes."""
        return 1 - float(np.log1p(self.share(name) * len(self.kg)) / np.log1p(len(self.kg)))

    def in_table(self, text: str, words: tuple[str, ...]) -> RelationUse | None:
        """What a phrase means by the reviewed table alone."""
        key = tuple(stem(word) for word in words)
        return self._use(text, self._uses[key], True) if key in self._phrases else None

    def names_itself(self, word: str) -> bool:
        """Whether a word is one of the graph's own, of a relation or a type."""
        return (stem(word),) in self._uses or (stem(word),) in self.types

    def meant(self, text: str, least: float = NEAR_ENOUGH) -> RelationUse | None:
        """What a phrase means by the sense of its words alone, for words that name nothing."""
        near = self.similarity.nearest(text, least)
        return RelationUse(text, tuple(near), tuple(near.values())) if near else None

    def phrased(self, text: str) -> RelationUse | None:
        """What a verb with its preposition means by their sense together: "comes after" of "precedes"."""
        near = self.similarity.phrased(text)
        return RelationUse(text, tuple(near), tuple(near.values())) if near else None

    def _add(self, name: str) -> None:
        found = self.kg.relation(name)
        label = name if found.kind == "values" else self.kg.relation_label(found.index)
        # An id may say it better: "/people/person/place_of_birth" has the label "people person place of birth".
        texts = dict.fromkeys(segmented(label_words(text)).removesuffix(" s") for text in (label, name))
        best: tuple[str, ...] = ()
        self.labels[name] = " ".join(dict.fromkeys(next(iter(texts)).split()))
        for text in texts:
            every = stems(text)
            said = tuple(w for w in fold(text).split() if w not in EMPTY_IN_LABELS) or tuple(fold(text).split())
            best = said if not best or len(said) < len(best) else best
            words = stems(" ".join(said))
            for key in (every, words, ("".join(words),)):
                self._offer(self._uses, key, name, 0.0)
            for at, word in enumerate(words):
                cost = 0.0 if len(words) == 1 else HEAD_WORD if at == len(words) - 1 else OTHER_WORD
                self._offer(self._uses, (word,), name, cost)
        self.contexts[name] = frozenset(word for part in _earlier_parts(name) for word in stems(part))
        for part in _earlier_parts(name):
            self._offer(self._uses, stems(part), name, CONTEXT)
            self._offer(self._uses, stems(part)[-1:], name, CONTEXT + 0.05)
        self.words[name] = best
        for at, word in enumerate(best):
            own = (0.0 if at == len(best) - 1 else 0.05) + 0.05 * (len(best) > 2)
            for form in lemmas(word):
                nouns = wordnet().related(form, derived="n")
                for text, cost in wordnet().related(form).items():
                    if cost + own < FARTHEST and text != word:
                        self._offer(self._near, (text,), name, cost + own)
                        if text not in nouns:
                            self._verbs.add((text, name))
                        first, space, _ = text.partition(" ")
                        if space and _agent(text):  # a "movie actor" acts in movies
                            self._compounds.setdefault(first, set()).add(name)
        for part in _earlier_parts(name):
            for form in lemmas(part.split()[-1]):
                for text, cost in wordnet().related(form).items():
                    if cost + CONTEXT < FARTHEST:
                        self._offer(self._near, (text,), name, cost + CONTEXT)

    def _offer(self, table: dict[Key, dict[str, float]], key: Key, name: str, cost: float) -> None:
        names = table.setdefault(key, {})
        names[name] = min(cost, names.get(name, cost))

    def _add_table(self, named: dict[Key, tuple[str, ...]]) -> None:
        for phrase in PHRASES:
            names = dict.fromkeys(name for meant in phrase.relations for name in named.get(stems(meant), ()))
            for variant in phrase.words.split("|"):
                key = stems(variant)
                # A graph's own relation of this name says it better than the table.
                if names and key not in self._uses:
                    self._uses[key] = {name: 0.02 + 0.06 * at for at, name in enumerate(names)}
                    self._phrases.add(key)

    def _is_edges(self, name: str) -> bool:
        return self.kg.relation(name).kind == "edges"

    def share(self, name: str) -> float:
        """The part of all triples that have a relation."""
        found = self.kg.relation(name)
        if found.kind == "values":
            return 0.0
        bounds = self.kg.index.forward.bounds
        return float(bounds[found.index + 1] - bounds[found.index]) / max(1, len(self.kg))

    def end_kinds(self, relation: int, inverse: bool) -> Ids:
        """Types of all entities that a relation starts from (with `inverse`, that it leads to); entity indexes."""
        key = (relation, inverse)
        if key not in self._end_kinds:
            assert self.type_relation is not None
            found = self.kg.relation(self.type_relation)
            side = self.kg.index.side(inverse)
            ends = side.sources[side.rows(relation)]
            self._end_kinds[key] = self.kg.index.project(ends, found.index, found.inverse)
        return self._end_kinds[key]

    # Types ------------------------------------------------------------------------------------------------------

    def kind(self, text: str, words: tuple[str, ...]) -> Kind | None:
        """What a noun says an answer is, None where it names no kind of thing in this graph."""
        key = tuple(stem(word) for word in words)
        if key in self.types:
            return replace(self.types[key], text=text)
        if self.type_relation is not None or len(words) > 1 or is_verbal(words[0]):
            return None
        if words[0] not in self._roles:
            self._roles[words[0]] = self._role(words[0])
        found = self._roles[words[0]]
        return replace(found, text=text) if found is not None else None

    def _role(self, word: str) -> Kind | None:
        """What a noun stands for in a graph without types: what relations of that sense lead to, or start from."""
        forms = lemmas(word)
        if not any(wordnet().senses(form, "n") for form in forms):
            return None
        own = self._uses.get(stems(word), {})
        named = [name for name, cost in own.items() if cost <= HEAD_WORD + 0.05 and self._is_edges(name)]
        typed = self._starting_at(forms)
        if named or typed:
            ends = [self._ends(names, heads) for names, heads in ((named, False), (typed, True)) if names]
            return Kind(word, members=np.unique(np.concatenate(ends)))
        upper = set(forms) | {text for form in forms for text in wordnet().above(form)}
        edges = [name for name in self.names if self._is_edges(name)]
        leading = [n for n in edges if self.agents(n) & upper] or [n for n in edges if self._is_kind_of(n, forms)]
        if leading:
            return Kind(word, members=self._ends(leading, False), cost=0.05)
        same = {text for form in forms for text, cost in wordnet().related(form, "n").items() if cost <= SYNONYM}
        starting = sorted({name for text in same for name in self._compounds.get(text, ())})
        if starting:
            return Kind(word, members=self._alike(self._ends(starting, True)), cost=0.1)
        # A noun that the graph says nothing of; what is asked then hangs on the relations alone.
        return Kind(word, cost=0.3)

    def _starting_at(self, forms: tuple[str, ...]) -> list[str]:
        """Relations whose path says that they start from such a thing: "/film/film/music" from a film."""
        same = {text for form in forms for text, cost in wordnet().related(form, "n", "n").items() if cost <= SYNONYM}
        kinds = set(forms) | {text for text in same if " " in text}
        return [name for name in self.names if self._is_edges(name) and kinds & set(_head_kinds(name))]

    def _is_kind_of(self, name: str, forms: tuple[str, ...]) -> bool:
        """Whether what a relation leads to is such a thing: who something is "directed by" is a person."""
        if name not in self._above:
            self._above[name] = {
                upper for text in self.agents(name) for upper, far in wordnet().above(text).items() if far < 0.75
            }
        return any(form in self._above[name] for form in forms)

    def agents(self, name: str) -> set[str]:
        """Who does what a relation says: "director" of "directed by", "actor" of "starred actors"."""
        return {
            text
            for word in self.words[name]
            for form in lemmas(word)
            for text, cost in wordnet().related(form).items()
            if cost <= 0.35 and _agent(text) and (text in (form, word) or stem(text) == stem(form))
        }

    def _alike(self, members: Ids) -> Ids:
        """The entities with what else has relations of theirs: films without an actor are films too."""
        heads = [self._ends([name], True) for name in self.names if self._is_edges(name)]
        alike = [found for found in heads if np.isin(found, members, assume_unique=True).mean() > 0.6]
        return np.unique(np.concatenate([members, *alike]))

    def _ends(self, names: Iterable[str], heads: bool) -> Ids:
        ends = []
        for name in names:
            found = self.kg.relation(name)
            side = self.kg.index.side(found.inverse != (not heads))
            ends.append(side.sources[side.rows(found.index)])
        return np.unique(np.concatenate(ends))

    def _read_types(self, relation: str) -> bool:
        found = self.kg.relation(relation)
        targets = np.unique(self.kg.index.block(found.index, not found.inverse)[0])
        typed = self.kg.index.side(found.inverse)
        if not 1 < len(targets) <= MOST_TYPES or len(typed.sources[typed.rows(found.index)]) * 2 < len(
            self.kg.universe
        ):
            return False
        if len(self.kg.index.project(targets, found.index, found.inverse)) > 1:
            return False  # a hierarchy: what things are is of some kind itself
        near: dict[Key, Kind] = {}
        for target in targets:
            label = self.kg.entity_labels[int(target)]
            kind = Kind(label, int(target))
            self.types.setdefault(stems(label), kind)
            for form in lemmas(label):
                for text, cost in wordnet().related(form, "n").items():
                    key = stems(text)
                    if 0 < cost < 0.35 and key not in self._uses and (key not in near or near[key].cost > cost):
                        near[key] = replace(kind, cost=cost)
        for word, meant in TYPE_SYNONYMS.items():
            if stems(meant) in self.types:
                self.types.setdefault(stems(word), replace(self.types[stems(meant)], cost=0.02))
        self.types = {**near, **self.types}
        for word, meant in OTHER_TYPES.items():
            other = self.types.get(stems(meant))
            if other is not None and self.types.get(stems(word), other) is not other:
                self.other_types[stems(word)] = replace(other, cost=OTHER_TYPE)
        return True

    # Names ------------------------------------------------------------------------------------------------------

    def is_common(self, word: str) -> bool:
        """Whether a word means something beside any entity that carries it as a name."""
        folded = fold(word)
        return (
            folded in FILLER
            or word.casefold().replace("’", "'") in FILLER
            or folded in UNSAYABLE
            or folded in KEYWORDS
            or folded in ANYTHING
            or folded in KINDS
            or folded.removesuffix("s") in KINDS
            or folded in NUMBER_WORDS
            or folded in MAGNITUDES
            or (stem(word),) in self._uses
            or (stem(word),) in self.types
        )

    def has_kinds(self, entity: int) -> bool:
        """Whether something is said to be a kind of an entity."""
        assert self.kind_relation is not None
        found = self.kg.relation(self.kind_relation)
        return len(self.kg.index.side(not found.inverse).row(found.index, entity)) > 0

    def prominence(self, entity: int) -> float:
        """How well known an entity is: its population where the graph has that, else how much is said of it."""
        if self._population is not None:
            at = int(np.searchsorted(self._population.entities, entity))
            if at < len(self._population.entities) and self._population.entities[at] == entity:
                return float(self._population.values[at])
            return 0.0
        return float(len(self.kg.index.around(entity, False)) + len(self.kg.index.around(entity, True)))

    def as_well_known(self, entity: int, other: int, share: float) -> bool:
        """Whether an entity has at least a share of the prominence of another; compared by what both have."""
        if self._population is not None:
            one, two = self.prominence(entity), self.prominence(other)
            if one and two:
                return one >= share * two
            if not one and not two and set(self.kg.types(entity)) & set(self.kg.types(other)):
                return True
            share *= 2  # how much is said of something tells less
        degrees = [len(self.kg.index.around(e, False)) + len(self.kg.index.around(e, True)) for e in (entity, other)]
        return degrees[0] >= share * degrees[1]

    def one_within_other(self, entity: int, other: int) -> bool:
        """Whether one of two entities lies in the other."""
        for name in self.location:
            found = self.kg.relation(name)
            side = self.kg.index.side(found.inverse)
            if other in side.row(found.index, entity) or entity in side.row(found.index, other):
                return True
        return False

    def called(self, word: str) -> list[int]:
        """Entities with a word at an end of their label, of 60 at most: "North Korea" for "Korea"."""
        labels, found = self.kg.entity_labels, []
        for match in islice(re.finditer(re.escape(word.encode()), labels.blob.tobytes()), 2000):
            entity = int(np.searchsorted(labels.offsets, match.start(), "right")) - 1
            label = labels[entity]
            if label != word and (label.startswith(f"{word} ") or label.endswith(f" {word}")):
                found.append(entity)
        return found[:60]

    @cached_property
    def _population(self) -> LiteralColumn | None:
        return next((column for column in self.kg.literals if stems(column.relation) == stems("population")), None)

    def own_words(self) -> frozenset[str]:
        """The words of the names of relations and types, types in both numbers."""
        known = {part for words in self.words.values() for part in words if len(part) > 3 and part.isalpha()}
        for kind in self.types.values():
            if kind.entity is not None and (label := self.kg.entity_labels[kind.entity].casefold()).isalpha():
                known |= {label, label[:-1] + "ies" if label.endswith("y") else label + "s"}
        return frozenset(known)

    def namesakes(self, text: str) -> tuple[int, ...]:
        """Entities that are called so with their type behind the name: "New York City", "Georgia (country)"."""
        found: set[int] = set()
        for kind in {kind.entity for kind in self.types.values() if kind.entity is not None and kind.cost == 0}:
            label = self.kg.entity_labels[kind]
            for name in (f"{text} {label}", f"{text} ({label})"):
                named = self.kg.names.with_key(fold(name))
                found.update(entity for entity in named if fold(self.kg.entity_labels[entity]) == fold(name))
        return tuple(found) if len(found) == 1 else ()


def _earlier_parts(name: str) -> Iterator[str]:
    """What stands before the last part of a compound path: "award_nominations" of "/a/award_nominations./b/award"."""
    first, dot, _ = name.partition("./")
    parts = first.strip("/").split("/")
    if dot:
        yield label_words(parts[-1])
    if len(parts) > 2:
        yield label_words(parts[-2])  # "actor" of "/film/actor/film"


def _agent(word: str) -> bool:
    """Whether a noun looks like one for who does something."""
    return word.endswith(("er", "or", "ist", "ess"))


def _head_kinds(name: str) -> tuple[str, ...]:
    """What a path says that its relation starts from: "film" of "/film/film/music"."""
    parts = name.partition("./")[0].strip("/").split("/")
    return (label_words(parts[-2]).casefold(),) if name.startswith("/") and len(parts) > 2 else ()


def anchor(kg: KnowledgeGraph, entity: int) -> Entity:
    """The entity as a query names it: by its label, or by its id where the label does not say which is meant."""
    label = kg.entity_labels[entity]
    match = kg.names.match(label)
    if match is not None and match.entities == (entity,):
        return Entity(label)
    return Entity(kg.identifier(entity), by_id=True)


_KEPT: weakref.WeakKeyDictionary[KnowledgeGraph, Lexicon] = weakref.WeakKeyDictionary()


def lexicon_of(kg: KnowledgeGraph) -> Lexicon:
    """The lexicon of a graph, made at its first question."""
    if kg not in _KEPT:
        _KEPT[kg] = Lexicon(kg)
    return _KEPT[kg]
