"""Columns of triples, as every loader hands them over, and how RDF spells what is in them.

Sources differ, the engine should not have to know. Inverse twins are folded: a source that stores `r` and `r_reverse`
hands over `r` alone, with each `(t, r_reverse, h)` turned into `(h, r, t)` and the twin's names kept in
`relation_aliases`.

A graph that came from RDF keeps its IRIs as ids. Any other id ("Q142", "Côte d'Ivoire", "/m/02mjmr") becomes a URN of
Skylark's own, `urn:skylark:entity:` with the id percent-encoded, so that writing a graph and reading it again gives
the ids that it had.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray
from pyoxigraph import NamedNode

from skylark.errors import SkylarkError

HIDDEN = "hidden by the mapping: "
"""Begins the reason of `GraphColumns.left_out_triples` for what the graph's owner hides."""

TYPE_RELATIONS = frozenset(
    {"type", "rdf type", "instance of", "instanceof", "is a", "isa", "kind", "category", "class"}
)
"""Folded labels of relations that say what kind of thing something is."""

ValueKind = Literal["integer", "decimal", "year", "date"]


@dataclass(frozen=True)
class LiteralColumn:
    """The values of one relation whose objects are numbers or dates.

    Attributes:
        relation: the relation's name, e.g. "population"; may be another's too.
        kind: "integer", "decimal", "year", or "date" (days since 0001-01-01, `datetime.date.toordinal`).
        entities: indexes into `GraphColumns.entity_ids`, shape (n,), strictly increasing: one value an entity.
        values: float64, shape (n,).
        unit: the unit in words, "" where the number is a plain count.
        identifier: the relation's id in the source, e.g. an IRI; its name where it has no other.
    """

    relation: str
    kind: ValueKind
    entities: NDArray[np.int32]
    values: NDArray[np.float64]
    unit: str = ""
    identifier: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "identifier", self.identifier or self.relation)

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return self.entities.nbytes + self.values.nbytes

    @property
    def whole(self) -> LiteralColumn:
        """Itself."""
        return self

    def __len__(self) -> int:
        return len(self.entities)

    def some(self, most: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Entities with their values, where not all are needed: all, since they are at hand."""
        return self.entities, self.values

    def read(self, members: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Those of some entities (sorted, unique) that have a value, and the values."""
        at = np.searchsorted(self.entities, members)
        at[at == len(self)] = 0
        has = self.entities[at] == members if len(self) else np.zeros(len(members), dtype=bool)
        return members[has], np.asarray(self.values[at[has]])


@dataclass(frozen=True)
class LeftOut:
    """Broken lines of a file that were left out, as whoever loads it asked for.

    Attributes:
        lines: how many they are.
        first: the first of them, each with its line (from 1) and what is wrong: "line 3: expected ..., found ...".
    """

    lines: int
    first: tuple[str, ...]

    def __str__(self) -> str:
        more = "; and others" if self.lines > len(self.first) else ""
        count = "1 broken line was" if self.lines == 1 else f"{self.lines:,} broken lines were"
        return f"{count} left out: {'; '.join(self.first)}{more}"


@dataclass(frozen=True)
class GraphColumns:
    """A knowledge graph as columns.

    Attributes:
        name: short name of the graph, for display.
        entity_ids: unique ids, position = entity index.
        entity_labels: display name of each entity, the id where the source has none; may repeat.
        relation_ids: unique ids, position = relation index; no inverse twins.
        relation_labels: display name of each relation; may repeat.
        splits: split name ("train", "valid", "test"; "graph" where there are no splits) to triples, int32 of shape
            (n, 3), columns head, relation, tail; no duplicates within a split.
        relation_aliases: further names of a relation to (relation index, is_inverse); holds the folded twins' ids and
            labels with is_inverse True.
        aliases: (entity index, other name) pairs.
        types: (entity index, type name) pairs.
        literals: columns of typed values.
        source: where the data comes from and under which licence, one line.
        left_out: broken lines that were left out; None where there are none.
        notes: what else whoever loads the graph should know of how its file was read, one sentence each.
        definitions: type name to a sentence that says what counts as a thing of that type, where the source says so.
        namers: type name to the label of the predicate or column that names its members.
        left_out_triples: triples or cells of the source that the graph leaves out, by the reason in words.
        value_aliases: further names of relations with values, with the place of the column.
    """

    name: str
    entity_ids: Sequence[str]
    entity_labels: Sequence[str]
    relation_ids: Sequence[str]
    relation_labels: Sequence[str]
    splits: Mapping[str, NDArray[np.int32]]
    relation_aliases: Mapping[str, tuple[int, bool]] = field(default_factory=dict)
    aliases: Sequence[tuple[int, str]] = ()
    types: Sequence[tuple[int, str]] = ()
    literals: Sequence[LiteralColumn] = ()
    source: str = ""
    left_out: LeftOut | None = None
    notes: Sequence[str] = ()
    definitions: Mapping[str, str] = field(default_factory=dict)
    namers: Mapping[str, str] = field(default_factory=dict)
    left_out_triples: Mapping[str, int] = field(default_factory=dict)
    value_aliases: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.entity_ids) != len(self.entity_labels) or len(self.relation_ids) != len(self.relation_labels):
            raise SkylarkError(f"graph {self.name!r}: ids and labels must have the same length")
        for what, ids in (("entity", self.entity_ids), ("relation", self.relation_ids)):
            if len(set(ids)) != len(ids):
                raise SkylarkError(f"graph {self.name!r}: {what} ids must be unique")
        for split, triples in self.splits.items():
            if triples.dtype != np.int32 or triples.ndim != 2 or triples.shape[1] != 3:
                raise SkylarkError(
                    f"graph {self.name!r}, split {split!r}: expected int32 of shape (n, 3), "
                    f"found {triples.dtype} of shape {triples.shape}"
                )
            if len(triples) and (
                triples.min() < 0
                or max(triples[:, 0].max(), triples[:, 2].max()) >= len(self.entity_ids)
                or triples[:, 1].max() >= len(self.relation_ids)
            ):
                raise SkylarkError(f"graph {self.name!r}, split {split!r}: a triple points outside the id columns")
        for column in self.literals:
            if column.entities.shape != column.values.shape or (np.diff(column.entities) <= 0).any():
                raise SkylarkError(
                    f"graph {self.name!r}, values {column.relation!r}: expected one value an entity, in entity order"
                )
        beside = [entity for pairs in (self.aliases, self.types) for entity, _ in pairs]
        beside += [int(entity) for column in self.literals for entity in (*column.entities[:1], *column.entities[-1:])]
        if beside and not (min(beside) >= 0 and max(beside) < len(self.entity_ids)):
            raise SkylarkError(f"graph {self.name!r}: an alias, type or value points outside the id columns")
        if any(not 0 <= index < len(self.relation_ids) for index, _ in self.relation_aliases.values()):
            raise SkylarkError(f"graph {self.name!r}: a relation's alias points outside the id columns")


def type_relations(columns: GraphColumns) -> list[int]:
    """The relations that say by their names what kind of thing something is."""
    named = zip(columns.relation_ids, columns.relation_labels, strict=True)
    return [
        at
        for at, (identifier, label) in enumerate(named)
        if identifier == RDF_TYPE or re.sub(r"[\s_]+", " ", label).strip().lower() in TYPE_RELATIONS
    ]


def without_unused(before: GraphColumns, after: GraphColumns) -> GraphColumns:
    """`after`, which may add entities, without those that lost all facts that `before` has of them but their kind, and
    without the kinds that lost all members.
    """
    uses = [_uses(columns, len(after.entity_ids)) for columns in (before, after)]
    gone = uses[0][0] & ~uses[1][0]
    splits = {split: part[~(gone[part[:, 0]] | gone[part[:, 2]])] for split, part in after.splits.items()}
    after = replace(after, splits=splits)
    kept = ~gone & (uses[1][0] | ~uses[0][1] | _uses(after, len(gone))[1])
    place = (np.cumsum(kept) - 1).astype(np.int32)
    return replace(
        after,
        entity_ids=[one for one, stays in zip(after.entity_ids, kept, strict=True) if stays],
        entity_labels=[one for one, stays in zip(after.entity_labels, kept, strict=True) if stays],
        splits={
            split: np.column_stack((place[part[:, 0]], part[:, 1], place[part[:, 2]])) for split, part in splits.items()
        },
        aliases=[(int(place[entity]), name) for entity, name in after.aliases if kept[entity]],
        types=[(int(place[entity]), name) for entity, name in after.types if kept[entity]],
        literals=[replace(column, entities=place[column.entities]) for column in after.literals],
    )


def _uses(columns: GraphColumns, size: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of each entity, whether it stands in a fact that says no kind, and whether it is a kind."""
    stands, kinds, types = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool), type_relations(columns)
    for part in columns.splits.values():
        typing = np.isin(part[:, 1], types)
        stands[part[~typing][:, [0, 2]]] = True
        kinds[part[typing, 2]] = True
    for column in columns.literals:
        stands[column.entities] = True
    return stands, kinds


ENTITY, RELATION, TYPE = "urn:skylark:entity:", "urn:skylark:relation:", "urn:skylark:type:"
POSITION = "urn:skylark:position"
"""Says of every entity of a graph its index, for SPARQL; it is no relation of the graph."""
PLACE = "urn:skylark:place"
"""Says of every relation of a graph its index among those of its kind, as `POSITION` does of entities."""
UNIT = "urn:skylark:unit"
"""Says of a relation with values their unit."""

RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
RDFS_LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
RDFS_COMMENT = "http://www.w3.org/2000/01/rdf-schema#comment"
OWL_INVERSE_OF = "http://www.w3.org/2002/07/owl#inverseOf"
SKOS_PREF_LABEL = "http://www.w3.org/2004/02/skos/core#prefLabel"
SKOS_ALT_LABEL = "http://www.w3.org/2004/02/skos/core#altLabel"
XSD = "http://www.w3.org/2001/XMLSchema#"
_TAKEN = frozenset({RDF_TYPE, RDFS_LABEL, SKOS_PREF_LABEL, SKOS_ALT_LABEL})
"""What these say is said of a graph, not in it: a relation with such an id is written as a URN."""

DATATYPES: Mapping[ValueKind, str] = {
    "integer": f"{XSD}integer",
    "decimal": f"{XSD}double",
    "year": f"{XSD}gYear",
    "date": f"{XSD}date",
}
"""The datatype that values of each kind are written with; more are read."""


def lexical_form(kind: ValueKind, value: float) -> str:
    """A stored value as the text of a literal of `DATATYPES[kind]`, e.g. "0476" for a year."""
    if kind == "date":
        return datetime.date.fromordinal(int(value)).isoformat()
    if kind == "year":
        return f"{'-' if value < 0 else ''}{abs(int(value)):04d}"
    return repr(float(value)) if kind == "decimal" else str(int(value))


def _iri(identifier: str, prefix: str) -> str:
    taken = prefix == RELATION and identifier in _TAKEN
    if not taken and _stands_for_itself(identifier):
        return identifier
    # Lone surrogates have no UTF-8 of their own; "surrogatepass" takes them there and back.
    encoded = quote(identifier, safe="", errors="surrogatepass")
    # A dot at the end is lawful, but escaped in Turtle (`entity:D.C\.`), which rdflib does not read.
    return prefix + (f"{encoded[:-1]}%2E" if encoded.endswith(".") else encoded)


def _identifier(iri: str, prefix: str) -> str:
    if not iri.startswith(prefix):
        return iri
    try:
        identifier = unquote(iri.removeprefix(prefix), errors="surrogatepass")
    except UnicodeDecodeError:
        return iri
    # Two IRIs never share one id: what this scheme would have written otherwise is left as it is.
    return identifier if identifier and _iri(identifier, prefix) == iri else iri


def _stands_for_itself(identifier: str) -> bool:
    if not identifier.startswith(("http://", "https://", "urn:")) or identifier.startswith("urn:skylark:"):
        return False
    try:
        NamedNode(identifier)
    except ValueError:
        return False
    return True


entity_iri = partial(_iri, prefix=ENTITY)
"""The IRI of an entity's id: the id itself where it is a http, https or urn IRI."""
relation_iri = partial(_iri, prefix=RELATION)
"""The IRI of a relation's id, or of the name of a relation that has values."""
type_iri = partial(_iri, prefix=TYPE)
"""The IRI of a type's name."""
entity_id = partial(_identifier, prefix=ENTITY)
"""The id that `entity_iri` made this IRI of; any other IRI is an id as it is."""
relation_id = partial(_identifier, prefix=RELATION)
"""The id that `relation_iri` made this IRI of; any other IRI is an id as it is."""
type_name = partial(_identifier, prefix=TYPE)
"""The name that `type_iri` made this IRI of; any other IRI is a name as it is."""

Fresh = Callable[[str], str]
"""Gives a variable that nothing else has, by a word for it."""
Written = Callable[[str], str]
"""An IRI as it is written."""

DESCRIBING = (POSITION, PLACE, UNIT, OWL_INVERSE_OF, RDFS_LABEL, SKOS_ALT_LABEL)
"""Predicates that say something of a graph, not in it."""


@dataclass(frozen=True)
class RdfForm:
    """The RDF form of one graph.

    Attributes:
        marked: whether its entities are marked, as `to_rdf` does.
        labels: the predicates of names, the first choice first; () where nothing has a name.
        open_heads, open_tails: relations between entities, by their IRIs, of which some heads or tails are no IRIs
            (blank nodes, texts) and so no entities.
        mixed: relations with values, by their IRIs, of which an entity has several or something is no value.
        own: ids that are IRIs as they stand, though `kg_data.columns` would spell them otherwise; those met so far.
    """

    marked: bool = True
    labels: tuple[str, ...] = (RDFS_LABEL,)
    open_heads: frozenset[str] = frozenset()
    open_tails: frozenset[str] = frozenset()
    mixed: frozenset[str] = frozenset()
    own: set[str] = field(default_factory=set)

    def entity(self, identifier: str) -> str:
        """The IRI of an entity's id."""
        return identifier if identifier in self.own else entity_iri(identifier)

    def relation(self, identifier: str) -> str:
        """The IRI of a relation's id."""
        return identifier if identifier in self.own else relation_iri(identifier)

    def everything(self, variable: str, fresh: Fresh, written: Written) -> list[str]:
        """Lines of a group that bind a variable to every entity, each once."""
        if self.marked:
            return [f"{variable} {written(POSITION)} {fresh('position')} ."]
        predicate, other = fresh("p"), fresh("x")
        none = ", ".join(written(iri) for iri in dict.fromkeys((*DESCRIBING, *self.labels)))
        return [
            "{",
            f"  SELECT DISTINCT {variable} WHERE {{",
            f"    {{ {variable} {predicate} {other} . }} UNION {{ {other} {predicate} {variable} . }}",
            f"    FILTER(ISIRI({variable}) && {predicate} NOT IN ({none}))",
            "  }",
            "}",
        ]

    def shown_name(self, variable: str, name: str, fresh: Fresh, written: Written) -> list[str]:
        """Lines that bind, for an entity, what says how soon each of its names is shown, the least being shown.

        Two signs come before the name itself: the rank of its language and of its predicate, as
        `kg_data.loaders.rdf.language_rank` has them; without names there is `UNNAMED` alone.

        Args:
            variable: the entity, bound before.
            name: the variable that is bound.
            fresh: gives variables.
            written: an IRI as it is written.
        """
        lines, found = [], []
        for place, iri in enumerate(self.labels):
            label, ranked = fresh("label"), fresh("name")
            rank = f'IF(LANGMATCHES(LANG({label}), "en"), "0", IF(LANG({label}) = "", "1", "2"))'
            lines += [
                f'OPTIONAL {{ {variable} {written(iri)} {label} . FILTER(REGEX(STR({label}), "[^ \\t\\r\\n]")) }}',
                f'BIND(IF(BOUND({label}), CONCAT({rank}, "{place}", STR({label})), "{UNNAMED}") AS {ranked})',
            ]
            found.append(ranked)
        least = found[0] if len(found) == 1 else f"IF({found[0]} <= {found[1]}, {found[0]}, {found[1]})"
        return [*lines, f"BIND({least} AS {name})"]


UNNAMED = "9"
"""Behind all ranks of names."""


def end_begins(prefix: str) -> str:
    """The regular expression, case aside, of the IRIs that `kg_data.loaders.rdf.local_name` makes names of that begin
    with a prefix; "" where none can, since underscores are blanks there.
    """
    if "_" in prefix:
        return ""
    return f"[#/:]{''.join(map(_spelled, prefix))}[^#/:]*[#/:]*$"


def _spelled(char: str) -> str:
    """A character of a name as it may be spelled in an IRI: as it is, or percent-encoded in either case."""
    chars = ("_", " ") if char == " " else dict.fromkeys((char, char.lower(), char.upper()))
    encoded = ["".join(f"%{byte:02X}" for byte in one.encode("utf-8", "replace")) for one in chars]
    plain = [f"\\{one}" if one in _SIGNS else one for one in chars if one not in "#/:%"]
    return f"({'|'.join((*plain, *encoded))})"


_SIGNS = frozenset(r"\.[]{}()*+?^$|")

EXPORTED = RdfForm()
"""That of `KnowledgeGraph.to_rdf`."""
