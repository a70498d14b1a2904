"""The prompt: the part of the schema that the question may need, the linked names, the question.

Everything that a query may name gets an id of one token: relations capitals, kinds of things Greek letters, names and
numbers of the question small letters (abstraction as in LARK, arXiv 2305.01157, section 3.3). The model knows no
graph by heart; names reach it as data behind ids, never as instructions. What the kinds are is told in
`reasoning.graph.kinds`; here each has the query that gives its members.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from rapidfuzz import fuzz

from kg_data.sentence_vectors import Vectors, sentence_encoder, vectors_if_installed
from reasoning.graph.index import Ids
from reasoning.graph.kinds import GraphKinds
from reasoning.graph.names import label_words, relation_text
from reasoning.graph.store import KnowledgeGraph
from reasoning.parsing.english import forms_in
from reasoning.parsing.mentions import Mentions
from reasoning.parsing.options import anchor
from reasoning.query.tree import Compare, Entity, Every, Intersect, It, NameStarts, Project, Query, Top, Union

RELATION_IDS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NAME_IDS = "abcdefghijklmnopqrstuvwxyz"
KIND_IDS = "αβγδεζηθικλμνοπρστυφχω"

ANSWER = "Query:"
"""The prompt's last line, which the reply follows."""

LITERALS = ("number", "date")
"""Kinds of names that are values."""

ANYTHING = "any"
"""What a prompt says of the end of a relation where the graph does not tell kinds apart."""


MOST_SHOWN = 60
"""Characters of a name or label that a prompt shows."""


def on_a_line(text: str) -> str:
    """A name as a prompt shows it: on one line, without what does not print, not longer than anybody reads."""
    printed = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printed.split())[:MOST_SHOWN]


@dataclass(frozen=True)
class KindEntry:
    """A kind of things.

    Attributes:
        words: what the graph calls it, or names of such things where the graph has no word for it.
        query: the set of these things as a query's text.
        named: whether `words` is its name.
    """

    words: str
    query: str
    named: bool = True


@dataclass(frozen=True)
class RelationEntry:
    """A relation.

    Attributes:
        words: its label in words.
        start: the kinds that it leads from, as positions in the schema's kinds; () for any.
        end: the kinds that it leads to; of a relation with values the values' kind.
        query: its name as a query's text.
    """

    words: str
    start: tuple[int, ...]
    end: tuple[int, ...] | str
    query: str

    @property
    def has_values(self) -> bool:
        """Whether it leads to numbers or dates."""
        return isinstance(self.end, str)


@dataclass(frozen=True)
class NameEntry:
    """What a stretch of a question may name: an entity, a number or a date.

    Attributes:
        text: the words of the question.
        label: the entity's own name.
        kind: what it is, in words or as a kind's id; "number" or "date" of a literal.
        query: it as a query's text.
        kinds: places in the prompt's schema of the kinds that the entity is of; the prompt shows them by `kind`.
    """

    text: str
    label: str
    kind: str
    query: str
    kinds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Schema:
    """The part of a graph's schema that a question may need, at most as many kinds and relations as there are ids."""

    kinds: Sequence[KindEntry]
    relations: Sequence[RelationEntry]

    @cached_property
    def text(self) -> str:
        """As the prompt shows it."""
        lines = ["Kinds:"]
        lines += [f"{on_a_line(kind.words)} ={KIND_IDS[at]}" for at, kind in enumerate(self.kinds)]
        lines.append("Relations:")
        for at, relation in enumerate(self.relations):
            end = relation.end if isinstance(relation.end, str) else self._ends(relation.end)
            lines.append(f"{on_a_line(relation.words)}: {self._ends(relation.start)} > {end} ={RELATION_IDS[at]}")
        return "\n".join(lines) + "\n"

    def _ends(self, kinds: tuple[int, ...]) -> str:
        return " or ".join(self.kind_words(kind) for kind in kinds[:3]) or ANYTHING

    def kind_words(self, at: int) -> str:
        """What the prompt calls a kind: its name, or its id."""
        return on_a_line(self.kinds[at].words) if self.kinds[at].named else KIND_IDS[at]


@dataclass(frozen=True)
class Prompt:
    """All that the model reads of one question; its schema may be shared with others."""

    schema: Schema
    names: Sequence[NameEntry]
    question: str

    @property
    def text(self) -> str:
        """What stands behind the schema; the reply follows directly."""
        lines = ["Names:"]
        for at, name in enumerate(self.names):
            also = "" if name.label == name.text else f" {on_a_line(name.label)},"
            lines.append(f"{on_a_line(name.text)}:{also} {name.kind} ={NAME_IDS[at]}")
        return "\n".join([*lines, f"Q: {' '.join(self.question.split())}", ANSWER])

    @cached_property
    def meanings(self) -> dict[str, str]:
        """Each id with what it stands for in a query's text."""
        kinds = zip(KIND_IDS, (kind.query for kind in self.schema.kinds), strict=False)
        relations = zip(RELATION_IDS, (relation.query for relation in self.schema.relations), strict=False)
        names = zip(NAME_IDS, (name.query for name in self.names), strict=False)
        return {**dict(kinds), **dict(relations), **dict(names)}


Kinds = frozenset[int]
"""Places of kinds in a schema; empty where nothing is known."""

UNKNOWN: Kinds = frozenset()


@dataclass(frozen=True)
class KindsOfSets:
    """Tells kinds.

    Attributes:
        relations: by the name that queries have for them.
        named: the kinds of an entity that a query names.
        whole: the kind whose members a projection gives all of (`~type("city")`); None where it gives no kind.
        backwards: whether a relation is followed backwards from a set of some kinds; `inverse` as it is marked.
    """

    relations: Mapping[str, RelationEntry]
    named: Callable[[Entity], Kinds]
    whole: Callable[[Project], int | None] = lambda _: None
    backwards: Callable[[Project | Every, Kinds], bool] = lambda node, _: node.inverse

    def of(self, query: Query, it: Kinds = UNKNOWN) -> Kinds:
        """The kinds of a set; `it` are those of the member that a measure is about."""
        match query:
            case Entity():
                return self.named(query)
            case It():
                return it
            case Project() | Every():
                if isinstance(query, Project) and (kind := self.whole(query)) is not None:
                    return frozenset((kind,))
                back = self.backwards(query, self.of(query.source, it))
                return self.end(query, leads_to=back != isinstance(query, Project))
            case Intersect():
                known = [kinds for part in query.parts if (kinds := self.of(part, it))]
                return frozenset.intersection(*known) if known else UNKNOWN
            case Union():
                parts = [self.of(part, it) for part in query.parts]
                return frozenset().union(*parts) if all(parts) else UNKNOWN
            case Compare() | Top() | NameStarts():
                return self.of(query.source, it)
        return UNKNOWN

    def end(self, node: Project | Every, leads_to: bool) -> Kinds:
        """The kinds of what a relation leads to, or of what it leads from."""
        entry = self.relations.get(node.relation)
        if entry is None:
            return UNKNOWN
        kinds = entry.end if leads_to else entry.start
        return UNKNOWN if isinstance(kinds, str) else frozenset(kinds)


MOST_GRAPHS = 8
"""Graphs whose schemas are kept, the last used ones."""


class GraphSchema:
    """All kinds and relations of one graph, and which relation says what things are, None where none does."""

    def __init__(self, kg: KnowledgeGraph) -> None:
        self.kg = kg
        self._kinds = GraphKinds(kg)
        self.type_relation = self._kinds.type_relation

    @cached_property
    def mentions(self) -> Mentions:
        """Finds names of its entities."""
        return Mentions(self.kg, [kind.words for kind in self.kinds if kind.named])

    @cached_property
    def kinds(self) -> Sequence[KindEntry]:
        """All kinds, the most frequent first."""
        return self._typed_kinds() if self.type_relation is not None else self._untyped_kinds()

    @cached_property
    def relations(self) -> Sequence[RelationEntry]:
        """All relations, but the one that tells types; the most frequent first."""
        found: list[tuple[int, RelationEntry]] = []
        counts = self.kg.index.counts()
        for name in self.kg.relation_names():
            relation = self.kg.relation(name)
            words = label_words(name)
            if relation.kind == "values":
                column = self.kg.literals[relation.index]
                entry = RelationEntry(words, self._kinds.at_end(relation), column.kind, relation_text(name))
                found.append((len(column), entry))
            elif name != self.type_relation:
                turned = replace(relation, inverse=not relation.inverse)
                start, leads = (self._kinds.at_end(way) for way in (relation, turned))
                size = int(counts[relation.index])
                found.append((size, RelationEntry(words, start, leads, relation_text(name))))
        return [entry for _, entry in sorted(found, key=lambda pair: -pair[0])]

    @cached_property
    def whole(self) -> Schema | None:
        """The whole schema, None where it has more than a prompt can show."""
        if len(self.relations) > len(RELATION_IDS) or len(self.kinds) > len(KIND_IDS):
            return None
        return Schema(self.kinds, self.relations)

    def nearest_relations(self, question: str, count: int) -> list[int]:
        """Places of the relations whose words are most like a question's, in their own order."""
        return sorted(
            self._nearest(question, self._relation_vectors, [entry.words for entry in self.relations])[:count]
        )

    def nearest_kinds(self, question: str, count: int) -> list[int]:
        """Places of the kinds whose words are most like a question's, the nearest first."""
        return self._nearest(question, self._kind_vectors, [kind.words for kind in self.kinds])[:count]

    @cached_property
    def _relation_vectors(self) -> Vectors | None:
        return vectors_if_installed([entry.words for entry in self.relations])

    @cached_property
    def _kind_vectors(self) -> Vectors | None:
        return vectors_if_installed([kind.words for kind in self.kinds])

    def _nearest(self, question: str, vectors: Vectors | None, texts: Sequence[str]) -> list[int]:
        """By likeness of meaning, and of letters: labels run together have no meaning for an encoder."""
        shared = np.array([fuzz.partial_token_set_ratio(text.lower(), question.lower()) / 100 for text in texts])
        scores = 0.5 * shared
        if vectors is not None:
            scores += vectors @ sentence_encoder().encode([question])[0]
        return [int(at) for at in np.argsort(-scores, kind="stable")]

    def part(self, relations: Iterable[int], kinds: Iterable[int]) -> tuple[Schema, dict[int, int]]:
        """The schema of some relations by place, with their kinds and some further ones, the first ones first, and each
        kind's place there.

        Returns:
            It, and each kind's place there.
        """
        chosen = [self.relations[at] for at in list(relations)[: len(RELATION_IDS)]]
        ends = [kind for entry in chosen for kind in (*entry.start, *(() if isinstance(entry.end, str) else entry.end))]
        shown = list(dict.fromkeys([*list(kinds)[: len(KIND_IDS) // 2], *ends]))[: len(KIND_IDS)]
        place = {kind: at for at, kind in enumerate(shown)}

        def moved(ends: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(place[kind] for kind in ends if kind in place)

        entries = [
            replace(entry, start=moved(entry.start), end=entry.end if isinstance(entry.end, str) else moved(entry.end))
            for entry in chosen
        ]
        return Schema([self.kinds[kind] for kind in shown], entries), place

    @cached_property
    def words(self) -> frozenset[str]:
        """The words, with their forms, by which the graph calls its relations and kinds."""
        labels = [entry.words for entry in self.relations] + [kind.words for kind in self.kinds if kind.named]
        return forms_in(" ".join(labels))

    @cached_property
    def by_name(self) -> Mapping[str, RelationEntry]:
        """The relations by the name that a parsed query has."""
        shown = {relation_text(name): name for name in self.kg.relation_names()}
        return {shown[entry.query]: entry for entry in self.relations}

    @cached_property
    def _kind_places(self) -> Mapping[str, int]:
        return {kind.query: at for at, kind in enumerate(self.kinds)}

    def kind_by_query(self, query: str) -> int | None:
        """The place of the kind whose members a query's text says; None where it says no kind."""
        return self._kind_places.get(query)

    @cached_property
    def kinds_of_sets(self) -> KindsOfSets:
        """The kinds of what queries of this graph give."""
        return KindsOfSets(
            self.by_name,
            named=lambda entity: frozenset(self.kinds_of_entity(entity.index(self.kg))),
            whole=lambda node: self.kind_by_query(str(node)),
        )

    def kinds_of_entity(self, entity: int) -> tuple[int, ...]:
        """Places of the kinds of one entity, at most two; () where nothing is known."""
        return self._kinds.of(np.array([entity], dtype=np.int32))[:2]

    def kinds_of_entities(self, entities: Ids) -> frozenset[int]:
        """Places of the kinds that enough of some entities have; none where nothing is known."""
        return frozenset(self._kinds.of(entities)) if len(entities) else frozenset()

    def _typed_kinds(self) -> list[KindEntry]:
        assert self.type_relation is not None
        inverse = f"~{relation_text(self.type_relation)}"
        return [
            KindEntry(label_words(self.kg.entity_labels[kind]), f"{inverse}({anchor(self.kg, kind)})")
            for kind in self._kinds.types
        ]

    def _untyped_kinds(self) -> list[KindEntry]:
        if not self._kinds.groups:
            return []
        anything = anchor(self.kg, int(self.kg.universe[0]))
        everything = f"(!({anything} & !{anything}))"
        kinds: list[KindEntry] = []
        for shown, (members, ends) in zip(self._kinds.examples, self._kinds.groups, strict=True):
            covered: Ids = np.array([], dtype=np.int32)
            texts: list[str] = []
            for relation, inverse in sorted(ends, key=lambda end: -len(self._kinds.end(*end))):
                if len(covered) == len(members):
                    break
                more = np.union1d(covered, self._kinds.end(relation, inverse))
                if len(more) > len(covered):
                    covered = more
                    texts.append(
                        f"{'' if inverse else '~'}{relation_text(self.kg.relation_label(relation))}{everything}"
                    )
            kinds.append(KindEntry(shown, texts[0] if len(texts) == 1 else f"({' | '.join(texts)})", named=False))
        return kinds


@lru_cache(MOST_GRAPHS)
def schema_of(kg: KnowledgeGraph) -> GraphSchema:
    """The schema of a graph, kept."""
    return GraphSchema(kg)
