"""Which stretches of a question may name entities of a graph.

A name is looked up by the graph's own keys (case, accents and punctuation apart): as it stands, as an adjective or a
plural of it ("French", "euros"), as a part of a few longer names ("Schiphol"), with a slip of the pen. Nothing is
decided here: each entity comes with a weight, and a model chooses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cached_property

import numpy as np

from reasoning.errors import EndpointError, UnknownEntityError
from reasoning.graph.content import ValueColumn
from reasoning.graph.names import fold, label_words
from reasoning.graph.store import KnowledgeGraph
from reasoning.parsing.english import SHORT_NAMES, SPEAKERS, is_common, lemmas, without_possessive, wordnet
from reasoning.query.read_question import QuestionError

LONGEST, LONGEST_MARKED, LONGEST_ADJECTIVE = 12, 8, 3
"""Words of a name, of one that is marked, and of an adjective or plural of one."""

NEXT_RANK, ADJECTIVE, WORD, PLAIN, PART, SLIP, WITHIN = 0.2, 0.1, 0.15, 0.25, 0.4, 0.2, 0.35
"""What is taken off a weight of 1 where a name fits less well than another, is an adjective or plural, is a word of
the dictionary, has a capital in the graph and none here, is a part of a longer one, is misspelt, or is written within
another one."""

SHORT = 3
"""Letters up to which a word in small letters is hardly a name."""

TELLING = 4
"""Letters of the shortest name that is looked for with a slip."""

AS_WELL_KNOWN = 0.15
"""A namesake with this part of the prominence of the entity that has the bare name may be meant as well."""

FEW_PARTS, MOST_NAMESAKES, MOST_FOUND = 3, 50, 2000
"""Entities that a part of their names may stand for, how many may have a name that brackets tell apart, and places in
the names that are looked at."""

MOST_MEANT = 2
"""Things that an adjective or plural may mean."""

LONGEST_BEGINNING = 5
"""Words of a stretch that may begin a name."""

LOOKED_UP = 2
"""Stretches of a question that are looked for among all names; each takes time by the graph's size."""

ALIKE = 0.7
"""Share of letters in common from which a word may be a slip for a name."""

LARGE, FEW = 5000, 500
"""Things of known types from which on an English word in small letters names only what is well known, and how few of
one type are all well known."""

COUNTRIES = ("stan", "istan", "land", "ia")
"""What makes the name of a country of that of a people."""

_MARKED = re.compile(r'"([^"]+)"|“([^”]+)”|\[([^\[\]]+)\]')
_WORD = re.compile(r"\+\d+|(?<!\S)\.\w{2,}|\w+(?:['’ʼ./&]\w+)*(?:\+\+|#(?!\w))?|&")
_MARKS = frozenset('"“[')


@dataclass(frozen=True)
class Mention:
    """A stretch of a question and the entities that it may name.

    Attributes:
        start: where it begins, in characters.
        text: the stretch.
        entities: the entities' numbers in the graph with their weights, 0 to 1, the best first.
        marked: whether quotes or brackets say that it is a name.
    """

    start: int
    text: str
    entities: tuple[tuple[int, float], ...]
    marked: bool = False

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.text)

    def less(self, cost: float) -> Mention:
        """The same with lower weights."""
        return replace(self, entities=tuple((entity, max(0.1, weight - cost)) for entity, weight in self.entities))


@dataclass(frozen=True)
class _Word:
    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class Mentions:
    """Finds mentions of one graph's entities, which words for kinds of its things do not name."""

    def __init__(self, kg: KnowledgeGraph, kinds: Sequence[str] = ()) -> None:
        self._kg, self._kinds = kg, kinds

    def of(self, question: str) -> list[Mention]:
        """The mentions of a question in its order, longer ones first where several begin together; a QuestionError
        where a marked name is in no way a name of the graph."""
        every_word = list(_words(question))
        marked = list(self._marked(question, every_word))
        words = [word for word in every_word if not any(one.start <= word.start < one.end for one in marked)]
        found = [*marked, *self._named(question, words)]
        found = [mention.less(cost) for mention in found if (cost := self._within(mention, found)) < 1]
        found += self._beginnings(question, words, found)
        found += self._unknown(question, words, found)
        return sorted(found, key=lambda mention: (mention.start, -mention.end))

    # Names as they stand -----------------------------------------------------------------------------------------

    def _marked(self, question: str, words: Sequence[_Word]) -> Iterator[Mention]:
        """Names in quotes or brackets; longer quotations are none, nor what is quoted within a name."""
        own = [span for text, *span in _stretches(question, words) if set(text) & _MARKS and self._called(text)]
        for match in _MARKED.finditer(question):
            if any(start <= match.start() and match.end() <= end for start, end in own):
                continue
            text = next(filter(None, match.groups()))
            ranks = self._called(text)
            if ranks:
                yield Mention(match.start(match.lastindex or 0), text, _weighed(ranks), marked=True)
            elif len(text.split()) <= LONGEST_MARKED:
                yield Mention(match.start(match.lastindex or 0), text, self._slip(text, marked=True), marked=True)

    def _named(self, question: str, words: Sequence[_Word]) -> Iterator[Mention]:
        spans = ((at, end) for at in range(len(words)) for end in range(at + 1, min(len(words), at + LONGEST) + 1))
        stretches = [_with_brackets(question, words[at].start, words[end - 1].end) for at, end in spans]
        self._kg.names.expect([*stretches, *map(without_possessive, stretches)])
        for at in range(len(words)):
            for end in range(min(len(words), at + LONGEST), at, -1):
                stretch = words[at:end]
                text = _with_brackets(question, stretch[0].start, stretch[-1].end)
                bare = without_possessive(text)
                name = text if bare == text or self._called(text) else bare
                if (mention := self._mention(stretch, name, first=at == 0)) is not None:
                    yield mention

    def _mention(self, stretch: Sequence[_Word], text: str, first: bool) -> Mention | None:
        ranks, cost = self._called(text), 0.0
        if len(stretch) <= LONGEST_ADJECTIVE:
            others = self._belonging(text, len(stretch))
            others = [[entity for entity in rank if not any(entity in known for known in ranks)] for rank in others]
            cost = 0.0 if ranks else ADJECTIVE
            ranks = [*ranks, *filter(None, others)]  # "Norwegian" is a language first
        if not ranks or not self._may_be_name(stretch, text, ranks, first):
            return None
        if len(stretch) == 1 and text.islower() and lemmas(text):
            cost = PLAIN if self._has_capital(ranks) and not cost else WORD
        return Mention(stretch[0].start, text, _weighed(ranks)).less(cost)

    def _may_be_name(self, stretch: Sequence[_Word], text: str, ranks: Sequence[Sequence[int]], first: bool) -> bool:
        folded = text.casefold()
        common = all(is_common(word.text) for word in stretch)
        if folded in SHORT_NAMES or text in ("US", "U.S.", "U.S"):
            return True
        if len(stretch) > 1 and text.islower() and len(text) <= 2 * SHORT and not self._is_label(text, ranks):
            return False  # "in .ch" is no code
        if len(stretch) > 1:
            capitals = all(word.text[:1].isupper() or not word.text.isalpha() for word in stretch)
            return not common or (capitals and not first) or self._is_label(text, ranks)
        if common:  # "Who knows Go?" names it, "Where does she go?" does not
            return len(text) > 1 and text[0].isupper() and not first and self._is_label(text, ranks)
        if fold(text) in self._own_words:
            return False
        if text.islower() and len(text) <= SHORT:
            own = any(self._kg.entity_labels[entity] == text for entity in ranks[0])
            return own or (self._is_label(text, ranks) and not lemmas(text))
        if text.islower() and lemmas(text) and self._has_capital(ranks) and self._is_large:
            return any(self._is_well_known(entity) for rank in ranks for entity in rank)
        return True

    def _called(self, text: str) -> list[list[int]]:
        """Entities with a name, by how well it fits: as a label, as one but for case and accents, as another name."""
        key = fold(text)
        ranks: tuple[list[int], list[int], list[int]] = ([], [], [])
        for entity in self._kg.names.called(text) if text.strip() else []:
            label = self._kg.entity_labels[entity]
            exact = text in (label, self._kg.identifier(entity))
            ranks[0 if exact else 1 if fold(label) == key else 2].append(entity)
        return self._with_namesakes(text, [rank for rank in ranks if rank])

    def _with_namesakes(self, text: str, ranks: list[list[int]]) -> list[list[int]]:
        """The ranks, with what has as good a right to the name: there are two Birminghams, and two Koreas.

        Beside a bare name these are the ones that brackets tell apart, beside a part of a longer name the things of the
        same type that have it in theirs; in both cases those that are about as well known.
        """
        if not ranks:
            return ranks
        key, first = fold(text), ranks[0][0]
        label, types = self._kg.entity_labels[first], set(self._kg.types(first))
        if fold(label) == key:
            others, least = self._kg.names.with_disambiguator(key), AS_WELL_KNOWN
        elif key in fold(label).split():
            others = [other for other in self._having(text.title()) if types & set(self._kg.types(other))]
            others, least = list(dict.fromkeys(others)), AS_WELL_KNOWN / 10
        else:
            return ranks
        least *= self._prominence(first)
        beside = [other for other in others if other not in ranks[0] and self._prominence(other) >= least]
        alike = [other for other in beside if types & set(self._kg.types(other))]
        rest = [[entity for entity in rank if entity not in beside] for rank in ranks[1:]]
        apart = [other for other in beside if other not in alike]
        return [rank for rank in ([*ranks[0], *alike], apart, *rest) if rank]

    def _belonging(self, text: str, words: int) -> list[list[int]]:
        """What an adjective or a plural names: "French" France, "euros" Euro, "Kyrgyz" Kyrgyzstan."""
        if len(text) <= SHORT and not text.isupper():
            return []
        names = wordnet().nouns_of(text) or wordnet().nouns_of(text.removesuffix("s"))
        if (language := SPEAKERS.get(text.casefold())) is not None:
            names = (language, *names)
        if words == 1 and not names and len(text) > TELLING:
            if text[:1].isupper() and (longer := self._kg.names.longer_by(fold(text), COUNTRIES)):
                return [list(longer)]
            names = (text.removesuffix("s").removesuffix("n"),) if text.removesuffix("s").endswith("ian") else ()
        singular = [[form for form in lemmas(word) if form != word.casefold()] or [word] for word in text.split()]
        last = text.split()[-1]
        plurals = [text[:-1], *([text[:-2]] if last.endswith("es") else [])] if last.endswith("s") else []
        plurals += [text[: -len(last)] + form for form in singular[-1]]
        plurals.append(" ".join(forms[0] for forms in singular))
        found: list[list[int]] = []
        for name in dict.fromkeys((*names, *plurals, *wordnet().same_names(text))):
            known = self._called(name) if not is_common(name) and fold(name) not in self._own_words else []
            if known and (len(name) > SHORT or fold(self._kg.entity_labels[known[0][0]]) == fold(name)):
                found += [rank for rank in known[:1] if rank not in found]
        return [*found[:MOST_MEANT], *self._language(text)]

    def _language(self, text: str) -> list[list[int]]:
        """The language that an adjective names too, where the graph calls it "Spanish Language"."""
        return [named] if len(named := self._kg.names.with_key(fold(f"{text} language"))) == 1 else []

    def _is_label(self, text: str, ranks: Sequence[Sequence[int]]) -> bool:
        return any(fold(self._kg.entity_labels[entity]) == fold(text) for entity in ranks[0])

    def _has_capital(self, ranks: Sequence[Sequence[int]]) -> bool:
        return all(self._kg.entity_labels[entity][:1].isupper() for entity in ranks[0])

    def _within(self, mention: Mention, found: Sequence[Mention]) -> float:
        """What it takes off a name that it is written within a longer one: all where that is a label."""
        longer = [
            other
            for other in found
            if other.start <= mention.start and mention.end <= other.end and len(other.text) > len(mention.text)
        ]
        labels = any(self._is_label(other.text, [[other.entities[0][0]]]) for other in longer)
        return 1.0 if labels else WITHIN if longer else 0.0

    # What names have in common -----------------------------------------------------------------------------------

    def _beginnings(self, question: str, words: Sequence[_Word], found: Sequence[Mention]) -> Iterator[Mention]:
        """Names that a stretch of words begins, where few do: "Leeds" for the "Leeds Office", "senior women"."""
        names, labels, reach = self._kg.names, self._kg.entity_labels, 0
        for at in range(len(words)):
            for end in range(min(len(words), at + LONGEST_BEGINNING), max(at, reach), -1):
                start, stop = words[at].start, words[end - 1].end
                same = [mention for mention in found if (mention.start, mention.end) == (start, stop)]
                exact, known = bool(same), {entity for mention in same for entity, _ in mention.entities}
                within = any(mention.start <= start and stop <= mention.end for mention in found) and not exact
                if within or not _may_begin_name(words[at:end], at == 0, exact):
                    continue
                text = without_possessive(question[start:stop])
                key = fold(text) + " "
                begun = names.beginning(key, 2 * MOST_NAMESAKES + 1)
                near = set(begun) if len(begun) <= 2 * MOST_NAMESAKES else set()
                named = sorted(entity for entity in near - known if fold(labels[entity]).startswith(key))
                with_disambiguator = all(labels[entity][len(text) :].startswith(" (") for entity in named)
                if 1 <= len(named) <= (1 if exact else MOST_NAMESAKES if with_disambiguator else FEW_PARTS):
                    reach = end
                    yield Mention(start, text, tuple((entity, 1 - PART) for entity in named[:FEW_PARTS]))
                    break

    # What no name covers -----------------------------------------------------------------------------------------

    def _unknown(self, question: str, words: Sequence[_Word], found: Sequence[Mention]) -> Iterator[Mention]:
        """Stretches in capitals and words that no dictionary has: parts of longer names, and slips."""
        looked, at = 0, 0
        while at < len(words) and looked < LOOKED_UP:
            end = at
            while end < len(words) and words[end].text[:1].isupper() and not _covered(words[end], found):
                end += 1
            word = words[at]
            strange = word.text.isalpha() and len(word.text) > TELLING and not lemmas(word.text)
            if end == at and (_covered(word, found) or not (strange or word.text[0] in "+.")):
                at += 1
                continue
            stretch = words[at : max(end, at + 1)]
            at += len(stretch)
            text = question[stretch[0].start : stretch[-1].end]
            if len(text) < SHORT or all(is_common(one.text) for one in stretch):
                continue
            if stretch[0] is words[0] and len(stretch) == 1 and lemmas(text):
                continue  # a question's first word has a capital whatever it is
            looked += 1
            text = without_possessive(text)
            # What English has a word for is no slip for something else.
            in_dictionary = len(stretch) == 1 and bool(lemmas(text) or wordnet().nouns_of(text))
            entities = self._parts(text) or (() if in_dictionary else self._slip(text))
            if entities:
                yield Mention(stretch[0].start, text, entities)

    def _parts(self, text: str) -> tuple[tuple[int, float], ...]:
        """What has a text in its name as whole words: "Schiphol", "Heathrow"; () where more than a few have."""
        found = list(dict.fromkeys(entity for name in (text, text.capitalize()) for entity in self._having(name)))
        return tuple((entity, 1 - PART) for entity in found) if len(found) <= FEW_PARTS else ()

    def _having(self, text: str) -> Iterator[int]:
        """Entities with a text in their labels as whole words, among a bounded number of places."""
        labels, whole = self._kg.entity_labels, re.compile(rf"(?<!\w)(?<!\bof ){re.escape(text)}(?!\w)")
        yield from (entity for entity in self._kg.names.spelling(text, MOST_FOUND) if whole.search(labels[entity]))

    def _slip(self, text: str, marked: bool = False) -> tuple[tuple[int, float], ...]:
        """The entities whose names a text is a slip for, hardly ever in the first letter; () where there are none.

        Of several that are as near, as "austrlia" is, the best known may be meant.

        Raises:
            QuestionError: the text is marked as a name, and is none, or a slip for several.
        """
        names = self._kg.names
        match = names.match(text)
        if match is not None and match.corrected_to is None:
            return tuple((entity, 1.0) for entity in match.entities)
        near = match.entities if match is not None else names.respelled(text)
        labels = {entity: self._kg.entity_labels[entity] for entity in near}
        near = [entity for entity in near if _is_slip(fold(text), fold(labels[entity]), marked)]
        if marked and len(near) != 1:
            nearest = list(labels.values()) if match is not None else names.nearest(text)
            raise QuestionError(str(UnknownEntityError(text, nearest, self._kg.graph_name)))
        best = near if len(near) <= MOST_MEANT else sorted(near, key=self._prominence, reverse=True)[:MOST_MEANT]
        return tuple((entity, 1 - SLIP) for entity in best)

    # How well known things are -----------------------------------------------------------------------------------

    @cached_property
    def _own_words(self) -> frozenset[str]:
        """The words of relations and kinds, in both numbers, in folded form."""
        words = {fold(label_words(name)) for name in self._kg.relation_names()}
        kinds = {fold(name) for name in (*self._kg.type_names, *self._kinds)}
        return frozenset(words | kinds | {f"{name}s" for name in kinds} | {f"{name[:-1]}ies" for name in kinds})

    @cached_property
    def _population(self) -> ValueColumn | None:
        return next((column for column in self._kg.literals if fold(column.relation) == "population"), None)

    def _prominence(self, entity: int) -> float:
        """A population where the graph has that of the entity, else how much is said of it."""
        if (column := self._population) is not None:
            having, values = column.read(np.array([entity], dtype=np.int32))
            if len(having):
                return float(values[0])
        return float(self._kg.index.degrees(np.array([entity], dtype=np.int32))[0])

    @property
    def _is_large(self) -> bool:
        """Whether it has so many things of known types that some have any English word for a name."""
        return sum(self._members.values()) >= LARGE

    def _is_well_known(self, entity: int) -> bool:
        """Whether an entity is among the tenth of the best known, or of a type that has few."""
        few = any(self._members.get(name, FEW + 1) <= FEW for name in self._kg.types(entity))
        return few or self._prominence(entity) >= self._well_known

    @cached_property
    def _members(self) -> dict[str, int]:
        return self._kg.type_sizes

    @cached_property
    def _well_known(self) -> float:
        try:
            if self._population is not None:
                return float(np.quantile(self._population.values, 0.9))
            return float(np.quantile(self._kg.index.degrees(self._kg.universe[::20]), 0.9))
        except EndpointError as error:
            if not error.too_much:
                raise
            return float("inf")  # of a graph that stays on its server only what is of a small type


def _words(question: str) -> Iterator[_Word]:
    for match in _WORD.finditer(question):
        yield _Word(match.start(), match.group())


def _stretches(question: str, words: Sequence[_Word]) -> Iterator[tuple[str, int, int]]:
    """Stretches that may be names, with where they begin and end; none where the question marks nothing."""
    if set(question) & _MARKS:
        for at in range(len(words)):
            for last in words[at : at + LONGEST]:
                text = _with_brackets(question, words[at].start, last.end)
                yield text, words[at].start, words[at].start + len(text)


def _with_brackets(question: str, start: int, end: int) -> str:
    """A stretch, with the bracket behind it that closes one in it."""
    text = question[start:end]
    for opening, closing in ("()", "[]"):
        if text.count(opening) > text.count(closing) and question[end : end + 1] == closing:
            return text + closing
    return text


def _weighed(ranks: Sequence[Sequence[int]]) -> tuple[tuple[int, float], ...]:
    return tuple((entity, max(0.1, 1 - NEXT_RANK * at)) for at, rank in enumerate(ranks) for entity in rank)


def _is_slip(written: str, meant: str, marked: bool) -> bool:
    alike = marked or SequenceMatcher(None, written, meant, autojunk=False).ratio() > ALIKE
    return written[:1] == meant[:1] and alike


def _covered(word: _Word, found: Sequence[Mention]) -> bool:
    return any(mention.start <= word.start < mention.end for mention in found)


def _may_begin_name(words: Sequence[_Word], first: bool, exact: bool) -> bool:
    """Whether words are such as a person names something by: "in the" is hardly "In the Mood"."""
    if any(not word.text[:1].isalpha() for word in words):
        return False
    if len(words) == 1:
        return exact or (words[0].text[:1].isupper() and not first and not is_common(words[0].text))
    return all(len(word.text) >= TELLING or word.text[:1].isupper() for word in (words[0], words[-1]))
