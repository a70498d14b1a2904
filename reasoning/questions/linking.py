"""From the words of a question to the things of a graph: which words name entities, relations, types or numbers.

A name is looked up by binary search over the graph's folded keys, longest first, so a graph with half a million names
costs milliseconds. Common words are never names unless they are marked: there are towns called "Of", "Use" and "Many".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from reasoning.errors import AmbiguousEntityError, QuestionError, UnknownEntityError
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import Entity
from reasoning.query.verbalise import label_words
from reasoning.questions.vocabulary import (
    ANYTHING,
    EMPTY_IN_LABELS,
    FILLER,
    KEYWORDS,
    KINDS,
    LOCATION,
    MAGNITUDES,
    NUMBER_WORDS,
    PHRASES,
    SHORT_NAMES,
    TYPE_RELATIONS,
    TYPE_SYNONYMS,
    UNSAYABLE,
    stem,
    stems,
)

LONGEST_NAME = 8
"""Words in the longest name that is looked for without a mark around it."""

CORRECTIONS_TRIED = 2
"""Misspelt names looked up in one question; each is a scan over all names of the graph."""

MOST_TYPES = 1000
"""Types whose names are known as words; a graph with more of them uses "type" for something else."""

_ARTICLES = ("a", "an", "the")
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|“(?P<curly>[^”]*)”|\[(?P<bracketed>[^\]]*)\]|(?P<number>\d[\d,]*(?:\.\d+)?)'
    r"|(?P<word>[^\W\d]\w*(?:['’ʼ.][^\W_]\w*)*\.?|[²³])|(?P<symbol>[<>!]=|[<>=,;])"
)


@dataclass(frozen=True)
class Mention:
    """Entities that a stretch of the question may name.

    Attributes:
        text: the words.
        candidates: entity indexes by how well the name fits: exact labels, labels despite case and accents, aliases.
        corrected_to: the label that a misspelt name was read as.
    """

    text: str
    candidates: tuple[tuple[int, ...], ...]
    corrected_to: str | None = None


@dataclass(frozen=True)
class RelationUse:
    """A stretch of the question that may mean one of these relations.

    Attributes:
        text: the words.
        relations: names, the likeliest first.
        ranked: whether the order says which is meant where several fit; otherwise that is an ambiguity.
    """

    text: str
    relations: tuple[str, ...]
    ranked: bool = False


@dataclass(frozen=True)
class Item:
    """One unit of a question: what role its words play, with all that they may mean.

    Attributes:
        kind: "entity", "relation", "type", "number", "anything", "word" (not understood), "unsayable" (of `UNSAYABLE`)
            or a role of `KEYWORDS`.
        text: the words.
        mention: of an entity, or of a number that is a name too.
        use: of a word that may be a relation.
        type: entity index of the type that the word names; a word may be a relation and a type.
        value: of a number or a keyword.
        nearest: of a word that looks like a name, the names of the graph most like it.
    """

    kind: str
    text: str
    mention: Mention | None = None
    use: RelationUse | None = None
    type: int | None = None
    value: object = None
    nearest: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Token:
    text: str
    start: int
    end: int
    kind: str


@dataclass
class Lexicon:
    """The words that mean something in one graph: of its relations and types, and of the table."""

    kg: KnowledgeGraph
    uses: dict[tuple[str, ...], RelationUse] = field(default_factory=dict)
    types: dict[tuple[str, ...], int] = field(default_factory=dict)
    type_relation: str | None = None
    location: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        whole: dict[tuple[str, ...], list[str]] = {}
        part: dict[tuple[str, ...], list[str]] = {}
        for name in dict.fromkeys((*self.kg.relation_ids, *(column.relation for column in self.kg.literals))):
            found = self.kg.relation(name)
            label = name if found.kind == "values" else self.kg.relation_label(found.index)
            # An id may say it better: "/people/person/place_of_birth" has the label "people person place of birth".
            for text in dict.fromkeys((label_words(label), label_words(name))):
                every = stems(text)
                words = stems(" ".join(w for w in fold(text).split() if w not in EMPTY_IN_LABELS)) or every
                for key in dict.fromkeys((every, words, ("".join(words),))):
                    whole.setdefault(key, []).append(name)
                for word in words:
                    part.setdefault((word,), []).append(name)
        for key, names in {**part, **whole}.items():
            self.uses[key] = RelationUse(" ".join(key), tuple(dict.fromkeys(names)))
        here = {key: use for key, use in self.uses.items() if key in whole}
        for phrase in PHRASES:
            names = [name for meant in phrase.relations for name in self._named(meant, here)]
            for variant in phrase.words.split("|"):
                # A graph's own relation of this name says it better than the table.
                if names and stems(variant) not in self.uses:
                    self.uses[stems(variant)] = RelationUse(variant, tuple(dict.fromkeys(names)), ranked=True)
        edges = [r for r in self.kg.relation_ids if label_words(r).split()[0] in ("in", "located")]
        self.location = tuple(
            dict.fromkeys(
                [name for meant in LOCATION for name in self._named(meant, here) if self._is_edges(name)] + edges
            )
        )
        self.type_relation = next(
            (n for meant in TYPE_RELATIONS for n in self._named(meant, here) if self._is_edges(n)), None
        )
        if self.type_relation is not None:
            self._read_types(self.type_relation)

    def is_common(self, word: str) -> bool:
        """Whether a word means something beside any entity that carries it as a name."""
        folded = fold(word)
        return (
            folded in FILLER
            or folded in UNSAYABLE
            or folded in KEYWORDS
            or folded in ANYTHING
            or folded in KINDS
            or folded.removesuffix("s") in KINDS
            or folded in NUMBER_WORDS
            or folded in MAGNITUDES
            or (stem(word),) in self.uses
            or (stem(word),) in self.types
        )

    def namesake(self, mention: Mention) -> Mention | None:
        """The one entity that is called so with its type behind the name: "New York City", "Georgia (country)"."""
        found: set[int] = set()
        for kind in set(self.types.values()):
            label = self.kg.entity_labels[kind]
            for text in (f"{mention.text} {label}", f"{mention.text} ({label})"):
                named = self.kg.names.with_key(fold(text))
                found.update(entity for entity in named if fold(self.kg.entity_labels[entity]) == fold(text))
        return Mention(mention.text, (tuple(found),)) if len(found) == 1 else None

    def _named(self, meant: str, uses: dict[tuple[str, ...], RelationUse]) -> tuple[str, ...]:
        use = uses.get(stems(meant))
        return use.relations if use else ()

    def _is_edges(self, name: str) -> bool:
        return self.kg.relation(name).kind == "edges"

    def _read_types(self, relation: str) -> None:
        found = self.kg.relation(relation)
        targets, _ = self.kg.index.block(found.index, not found.inverse)
        for target in np.unique(targets)[:MOST_TYPES]:
            self.types.setdefault(stems(self.kg.entity_labels[int(target)]), int(target))
        for word, kind in TYPE_SYNONYMS.items():
            if stems(kind) in self.types:
                self.types.setdefault(stems(word), self.types[stems(kind)])


def link(question: str, lexicon: Lexicon) -> list[Item]:
    """The items of a question, in order; words that change nothing are left out.

    Raises:
        QuestionError: a marked name is in no way a name of the graph.
    """
    return list(_Linker(question, lexicon).items())


class _Linker:
    def __init__(self, question: str, lexicon: Lexicon) -> None:
        self.question, self.lexicon, self.kg = question, lexicon, lexicon.kg
        self.tokens = [
            _Token(match[match.lastgroup or 0], match.start(), match.end(), match.lastgroup or "")
            for match in _TOKEN.finditer(question)
        ]
        self.corrections = CORRECTIONS_TRIED
        self.shouting = question.isupper()

    def items(self) -> Iterator[Item]:
        at = 0
        while at < len(self.tokens):
            token = self.tokens[at]
            if token.kind in ("quoted", "curly", "bracketed"):
                yield Item("entity", token.text, self._marked(token.text))
                at += 1
                continue
            mention, length, possessive = self._longest_name(at)
            item, words = self._longest_phrase(at)
            if token.kind == "number" and length < 2:
                item, words = self._number(at, mention)
                mention = None
            if mention is not None and length >= words:
                yield Item("entity", mention.text, mention)
                at += length
                if possessive:
                    yield Item("possessive", "'s")
                continue
            if item is not None:
                at += words
                if item.kind != "filler":
                    yield item
                    if (last := self.tokens[at - 1]).kind == "word" and _bare(last.text) != last.text:
                        yield Item("possessive", "'s")
                continue
            item, words = self._unknown(at)
            yield item
            at += words

    # Entities ---------------------------------------------------------------------------------------------------

    def _marked(self, text: str) -> Mention:
        candidates = self._candidates(text)
        if candidates:
            return Mention(text, candidates)
        try:
            match = self.kg.match(text)
        except (UnknownEntityError, AmbiguousEntityError) as error:
            raise QuestionError(str(error)) from None
        return Mention(text, (match.entities,), match.corrected_to)

    def _candidates(self, text: str) -> tuple[tuple[int, ...], ...]:
        key = fold(text)
        fitting = self.kg.names.with_key(key) if text.strip() else []
        ranks: tuple[list[int], list[int], list[int]] = ([], [], [])
        for entity in fitting:
            label = self.kg.entity_labels[entity]
            ranks[0 if text in (label, self.kg.identifier(entity)) else 1 if fold(label) == key else 2].append(entity)
        return tuple(tuple(rank) for rank in ranks if rank)

    def _longest_name(self, at: int) -> tuple[Mention | None, int, bool]:
        """The mention that begins at a token, its length in tokens, and whether a possessive ends it."""
        reach = at
        while reach < len(self.tokens) and reach - at < LONGEST_NAME and self.tokens[reach].kind in ("word", "number"):
            reach += 1
        for end in range(reach, at, -1):
            tokens = self.tokens[at:end]
            text = self.question[tokens[0].start : tokens[-1].end]
            for name in dict.fromkeys((text, _bare(text))):
                if self._may_be_name(name, tokens, at) and (candidates := self._candidates(name)):
                    if (
                        name.islower()
                        and len(name) <= 3
                        and name.casefold() not in SHORT_NAMES
                        and not self._is_label(candidates)
                    ):
                        continue
                    return Mention(name.rstrip("."), candidates), end - at, name != text
        return None, 0, False

    def _is_label(self, candidates: tuple[tuple[int, ...], ...]) -> bool:
        return any(len(self.kg.entity_labels[entity]) <= 3 for entity in candidates[0])

    def _may_be_name(self, name: str, tokens: list[_Token], at: int) -> bool:
        words = [_bare(token.text) for token in tokens]
        if name.casefold() in SHORT_NAMES:
            return True
        # "time zone" is the type, though that is an entity of this name.
        of_type = tuple(stem(word) for word in words) in self.lexicon.types
        if not of_type and not all(self.lexicon.is_common(word) for word in words):
            return True
        if len(words) == 1:
            # "US" and "IT" are codes only where the rest is not in capitals too; "is", "in", "and" never are.
            return name.strip(".") in ("US", "U.S") and not self.shouting
        return at > 0 and all(word[:1].isupper() for word in words)

    # Words that are no names ------------------------------------------------------------------------------------

    def _longest_phrase(self, at: int) -> tuple[Item | None, int]:
        for length in range(4, 0, -1):
            tokens = self.tokens[at : at + length]
            if len(tokens) < length or any(token.kind not in ("word", "symbol") for token in tokens):
                continue
            if length > 1 and tokens[-1].text.casefold() in _ARTICLES:
                continue
            words = [_bare(token.text.rstrip(".")).replace("’", "'").casefold() for token in tokens]
            text = self.question[tokens[0].start : tokens[-1].end].rstrip(".")
            # "share a border" is "share border"
            if found := self._phrase(text, [words[0], *(w for w in words[1:] if w not in _ARTICLES)]):
                return found, length
        return None, 0

    def _phrase(self, text: str, words: list[str]) -> Item | None:
        lexicon, joined = self.lexicon, " ".join(words)
        key = tuple(stem(word) for word in words)
        keyword = KEYWORDS.get(joined)
        use = lexicon.uses.get(key) or (lexicon.uses.get((stem("".join(words)),)) if len(words) == 2 else None)
        kind = lexicon.types.get(key)
        if keyword is not None and (
            keyword[0] in ("compare", "most", "many", "except") or use is None or len(words) == 1
        ):
            return Item(keyword[0], text, value=keyword[1])
        if joined in FILLER:
            return Item("filler", text)
        if joined in UNSAYABLE:
            return Item("unsayable", text)
        if use is not None:
            return Item("relation", text, use=RelationUse(text, use.relations, use.ranked), type=kind)
        if kind is not None:
            return Item("type", text, type=kind)
        if len(words) == 1 and (joined in ANYTHING or joined.removesuffix("s") in ANYTHING):
            return Item("anything", text)
        if joined in NUMBER_WORDS:
            return Item("number", text, value=NUMBER_WORDS[joined])
        return None

    def _number(self, at: int, mention: Mention | None) -> tuple[Item, int]:
        text = self.tokens[at].text
        value, length = float(text.replace(",", "")), 1
        while at + length < len(self.tokens) and (word := self.tokens[at + length].text.casefold()) in MAGNITUDES:
            value *= MAGNITUDES[word]
            length += 1
        whole = round(value) if abs(value) < 1e18 and abs(value - round(value)) < 1e-6 else value
        words = " ".join(token.text for token in self.tokens[at : at + length])
        return Item("number", words, mention if length == 1 else None, value=whole), length

    def _unknown(self, at: int) -> tuple[Item, int]:
        """A capitalised stretch as a misspelt name where one is close, else a word that is not understood."""
        end = at
        while (
            end < min(len(self.tokens), at + LONGEST_NAME)
            and self.tokens[end].kind == "word"
            and self.tokens[end].text[:1].isupper()
        ):
            end += 1
        # A question's first word has a capital whatever it is.
        if end > at and (at > 0 or end > 1) and self.corrections:
            self.corrections -= 1
            text = _bare(self.question[self.tokens[at].start : self.tokens[end - 1].end].rstrip("."))
            try:
                match = self.kg.match(text)
            except UnknownEntityError as error:
                return Item("word", self.tokens[at].text.rstrip("."), nearest=tuple(error.nearest)), 1
            except AmbiguousEntityError as error:
                raise QuestionError(str(error)) from None
            return Item("entity", text, Mention(text, (match.entities,), match.corrected_to)), end - at
        return Item("word", self.tokens[at].text.rstrip(".")), 1


def anchor(kg: KnowledgeGraph, entity: int) -> Entity:
    """The entity as a query names it: by its label, or by its id where the label does not say which is meant."""
    label = kg.entity_labels[entity]
    match = kg.names.match(label)
    if match is not None and match.entities == (entity,):
        return Entity(label)
    return Entity(kg.identifier(entity), by_id=True)


def _bare(text: str) -> str:
    """The text without a possessive ending."""
    return re.sub(r"['’ʼ]s?$", "", text)
