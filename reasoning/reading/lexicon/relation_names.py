"""The words of the names of a graph's relations, and the words that are near to them or stand for them."""

from __future__ import annotations

from collections.abc import Iterator

from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.reading.english.run_together import segmented
from reasoning.reading.english.similarity import Similarity
from reasoning.reading.english.vocabulary import EMPTY_IN_LABELS, LOCATION, PHRASES, TYPE_RELATIONS
from reasoning.reading.english.word_forms import lemmas, stem, stems
from reasoning.reading.english.wordnet import SYNONYM, wordnet
from reasoning.reading.lexicon.meanings import RelationUse
from reasoning.wording.verbalise import label_words

Key = tuple[str, ...]
"""A phrase by the stems of its words."""

HEAD_WORD, OTHER_WORD, CONTEXT = 0.1, 0.15, 0.2
"""What it costs to name a relation by one word of its name, or by what stands before the last part of a path."""

BESIDE = 0.1
"""What is added to how far a word is from one that is not the last of a name: "summit" from "top level domain"."""

FARTHEST = 0.6
"""A word that is farther from every word of a name than this does not mean the relation."""


class RelationNames:
    """The relations of one graph by the words of their names.

    Attributes:
        names: the relations and the properties with values.
        words: of each, the words of its name that say something.
        labels: of each, all words of its name.
        shapes: of each, the words that its direction is read from: of a path the last part.
        contexts: of each, the stems of what stands before the last part of a path.
        location: relations that say where something lies, the nearest way to put it first.
        kind_relation: the relation that says what kind of thing something is, None where there is none.
        time_use: the relations that say when.
        similarity: the relations by the meaning of their names.
    """

    def __init__(self, kg: KnowledgeGraph) -> None:
        self.kg = kg
        self.names = tuple(dict.fromkeys((*kg.relation_ids, *(column.relation for column in kg.literals))))
        self.words: dict[str, tuple[str, ...]] = {}
        self.labels: dict[str, str] = {}
        self.shapes: dict[str, str] = {}
        self.contexts: dict[str, frozenset[str]] = {}
        self._uses: dict[Key, dict[str, float]] = {}
        self._phrases: set[Key] = set()
        self._near: dict[Key, dict[str, float]] = {}
        self._meant: dict[Key, dict[str, float]] = {}
        self._compounds: dict[str, set[str]] = {}
        self._verbs: set[tuple[str, str]] = set()
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
        dated = {column.relation for column in kg.literals if column.kind in ("year", "date")}
        times = [n for n, words in self.words.items() if words[-1] in ("year", "date", "time", "day") or n in dated]
        self.time_use = RelationUse("when", tuple(times), (0.0,) * len(times)) if times else None
        self.similarity = Similarity({name: " ".join(words) for name, words in self.words.items()}, self.labels)

    def share(self, name: str) -> float:
        """The part of all triples that have a relation."""
        found = self.kg.relation(name)
        if found.kind == "values":
            return 0.0
        bounds = self.kg.index.forward.bounds
        return float(bounds[found.index + 1] - bounds[found.index]) / max(1, len(self.kg))

    def agents(self, name: str) -> set[str]:
        """Who does what a relation says: "director" of "directed by", "actor" of "starred actors"."""
        return {
            text
            for word in self.words[name]
            for form in lemmas(word)
            for text, cost in wordnet().related(form).items()
            if cost <= 0.35 and is_agent(text) and (text in (form, word) or stem(text) == stem(form))
        }

    def _add(self, name: str) -> None:
        found = self.kg.relation(name)
        label = name if found.kind == "values" else self.kg.relation_label(found.index)
        # An id may say it better: "/people/person/place_of_birth" has the label "people person place of birth".
        texts = dict.fromkeys(segmented(label_words(text)).removesuffix(" s") for text in (label, name))
        best: tuple[str, ...] = ()
        self.shapes[name] = label_words(name) if "/" in name else next(iter(texts))
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
                    # A "second language" is a language, but not the one that is asked for by "language".
                    narrower = cost > SYNONYM and text.endswith(f" {form}")
                    if cost + own < FARTHEST and text != word and not narrower:
                        self._offer(self._near, (text,), name, cost + own)
                        self._offer(self._meant, (text,), name, cost + BESIDE * (at < len(best) - 1))
                        if text not in nouns:
                            self._verbs.add((text, name))
                        first, space, _ = text.partition(" ")
                        if space and is_agent(text):  # a "movie actor" acts in movies
                            self._compounds.setdefault(first, set()).add(name)
        for part in _earlier_parts(name):
            for form in lemmas(part.split()[-1]):
                for text, cost in wordnet().related(form).items():
                    if cost + CONTEXT < FARTHEST:
                        self._offer(self._near, (text,), name, cost + CONTEXT)
                        self._offer(self._meant, (text,), name, cost)

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
                elif names and min(self._uses[key].values()) >= HEAD_WORD:
                    # "Spoken" is a part of "countries spoken in", which not all that is spoken is about.
                    for at, name in enumerate(names):
                        self._offer(self._uses, key, name, HEAD_WORD + 0.03 * at)

    def _is_edges(self, name: str) -> bool:
        return self.kg.relation(name).kind == "edges"


def is_agent(word: str) -> bool:
    """Whether a noun looks like one for who does something."""
    return word.endswith(("er", "or", "ist", "ess"))


def _earlier_parts(name: str) -> Iterator[str]:
    """What stands before the last part of a compound path: "award_nominations" of "/a/award_nominations./b/award"."""
    first, dot, _ = name.partition("./")
    parts = first.strip("/").split("/")
    if dot:
        yield label_words(parts[-1])
    if len(parts) > 2:
        yield label_words(parts[-2])  # "actor" of "/film/actor/film"
