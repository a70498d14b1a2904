"""N-Triples and Turtle, parsed by pyoxigraph a triple at a time.

RDF says everything in triples, names and types too. Here `rdfs:label` and the labels of SKOS become names, `rdf:type`
becomes types, numbers and dates become values, and every other triple a link. Nothing is fetched: an IRI is a name.
"""

import codecs
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import IO, cast
from urllib.parse import unquote

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Triple, parse

from kg_data.columns import (
    OWL_INVERSE_OF,
    PLACE,
    POSITION,
    RDF_TYPE,
    RDFS_COMMENT,
    RDFS_LABEL,
    RELATION,
    SKOS_ALT_LABEL,
    SKOS_PREF_LABEL,
    TYPE,
    UNIT,
    XSD,
    GraphColumns,
    ValueKind,
    entity_id,
    entity_iri,
    relation_id,
    relation_iri,
    type_name,
)
from kg_data.loaders.facts import Facts, conflicting_rows
from kg_data.loaders.text import open_watched
from kg_data.values import Value, ValueConflict, read_value
from skylark.errors import DataError

SUFFIXES = (".nt", ".ttl")

_FORMATS = {".nt": ("N-Triples", RdfFormat.N_TRIPLES), ".ttl": ("Turtle", RdfFormat.TURTLE)}
DATATYPE_KINDS: Mapping[str, ValueKind] = {
    **dict.fromkeys(
        (
            *("integer", "long", "int", "short", "byte", "nonNegativeInteger", "positiveInteger"),
            *("nonPositiveInteger", "negativeInteger", "unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte"),
        ),
        "integer",
    ),
    **dict.fromkeys(("decimal", "double", "float"), "decimal"),
    "gYear": "year",
    **dict.fromkeys(("date", "dateTime"), "date"),
}
"""XSD's datatypes that are read as values."""

_MADE_UP = re.compile("[0-9a-f]{24,32}")
"""The label that the parser makes up, anew each time, for a blank node that has none."""


def load_rdf(path: Path, name: str) -> GraphColumns:
    """Read an N-Triples or Turtle file, each as its suffix says.

    - Entities and relations are IRIs and blank nodes; the ids of `urn:skylark:` IRIs are decoded (`kg_data.columns`).
    - A name is an `rdfs:label` or `skos:prefLabel`: English before untagged before other languages, the first of
      equals; the others and `skos:altLabel` are aliases. Without any, it is the end of the IRI.
    - `owl:inverseOf` gives a relation that has no triples as a name for the inverse of the one that has.
    - `rdf:type` gives a type and, where the type is a resource of its own (not a `urn:skylark:type:`), a link as well.
    - `rdfs:comment` of a type is its definition, in the language that a name would have.
    - Literals of XSD's integer and decimal types, gYear, date and dateTime (its day) are values; any other literal is
      an entity with the text as its id, whatever its language or datatype. So are the values of a relation of which
      something has several, and a note says so.

    Raises:
        DataError: the file is broken, or has facts that do not fit into one graph, with the line.
    """
    reader = _RdfReader(path)
    try:
        for row, quad in enumerate(_quads(path), start=1):
            reader.add(quad, row)
        return reader.columns(name)
    except ValueConflict as conflict:
        raise conflicting_rows(path, conflict, lambda row: _line_of(path, row)) from None


def _quads(path: Path) -> Iterator[Quad]:
    language, form = _FORMATS[path.suffix.lower()]
    with open_watched(path) as file:
        try:
            yield from parse(cast(IO[bytes], _WithoutMark(file.read)), format=form)
        except SyntaxError as error:
            reason = re.sub(r"^Parser error at line .*?: ", "", error.args[0])
            raise DataError(path, f"{language} ({reason})", line=error.lineno, hint=_hint(form, reason)) from None
        except MemoryError as error:  # so the parser calls a text that does not fit into its buffer
            raise DataError(path, f"{language} without texts of more than 16 MB", found=str(error)) from None


def _hint(form: RdfFormat, reason: str) -> str:
    if form == RdfFormat.N_TRIPLES:
        return "a file of Turtle has to be named .ttl"
    return "relative IRIs need a line such as @base <http://example.org/> ." if "absolute IRI" in reason else ""


def _line_of(path: Path, row: int) -> int:
    """The line on which the row-th triple ends; found by parsing again, since the parser does not say."""
    line = 0
    with path.open("rb") as file:

        def one_line(size: int) -> bytes:
            nonlocal line
            line += 1
            return file.readline(size)

        quads = parse(cast(IO[bytes], _WithoutMark(one_line)), format=_FORMATS[path.suffix.lower()][1])
        next(islice(quads, row - 1, None))
    return line


class _WithoutMark:
    """A file as the parser reads it: without the byte order mark that editors of Windows begin a text with."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read, self._begun = read, False

    def read(self, size: int) -> bytes:
        """The next bytes, at most `size`."""
        block = self._read(size)
        if not self._begun:
            block, self._begun = block.removeprefix(codecs.BOM_UTF8), True
        return block


class _RdfReader:
    """What has been read of a file so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._facts = Facts()
        self._names = _Names()
        self._comments = _Names()
        self._types: dict[tuple[str, str], None] = {}
        self._made_up: dict[str, str] = {}
        self._texts: set[str] = set()
        self._units: dict[str, str] = {}
        self._inverses: dict[str, str] = {}

    def add(self, quad: Quad, row: int) -> None:
        """Take in the row-th triple."""
        subject, predicate, item = quad.subject, quad.predicate.value, quad.object
        if isinstance(subject, Triple) or isinstance(item, Triple):
            expected = "IRIs, blank nodes and literals, no triples within triples"
            raise DataError(self._path, expected, _line_of(self._path, row), str(quad))
        if isinstance(item, Literal):
            self._add_literal(subject, predicate, item, row)
        elif predicate == RDF_TYPE and isinstance(item, NamedNode):
            self._types[self._id(subject), item.value] = None
            if not item.value.startswith(TYPE):
                self._facts.link(self._id(subject), RDF_TYPE, self._id(item), row)
        elif predicate == OWL_INVERSE_OF and isinstance(subject, NamedNode) and isinstance(item, NamedNode):
            self._inverses[relation_id(subject.value)] = relation_id(item.value)
        else:
            self._facts.link(self._id(subject), relation_id(predicate), self._id(item), row)

    def _add_literal(self, subject: NamedNode | BlankNode, predicate: str, literal: Literal, row: int) -> None:
        if predicate in (POSITION, PLACE):
            return
        if predicate == UNIT and isinstance(subject, NamedNode):
            self._units[relation_id(subject.value)] = literal.value
            return
        if predicate in (RDFS_LABEL, SKOS_PREF_LABEL, SKOS_ALT_LABEL):
            of_relation = isinstance(subject, NamedNode) and subject.value.startswith(RELATION)
            # Entities and relations may share an id, not an IRI.
            self._names.add(subject.value if of_relation else self._id(subject), predicate, literal)
            return
        if predicate == RDFS_COMMENT and isinstance(subject, NamedNode):
            self._comments.add(subject.value, predicate, literal)
            if subject.value.startswith(TYPE):
                return
        relation = relation_id(predicate)
        if (value := self._value(relation, literal, row)) is not None:
            self._facts.value(self._id(subject), relation, value, row)
        elif literal.value.strip():
            self._texts.add(literal.value)
            self._facts.link(self._id(subject), relation, literal.value, row)

    def _id(self, node: NamedNode | BlankNode) -> str:
        if isinstance(node, NamedNode):
            return entity_id(node.value)
        if not _MADE_UP.fullmatch(node.value):
            return f"_:{node.value}"
        # No label of a blank node holds brackets, so these cannot be met elsewhere in the file.
        return self._made_up.setdefault(node.value, f"_:[{len(self._made_up) + 1}]")

    def _value(self, relation: str, literal: Literal, row: int) -> Value | None:
        try:
            return literal_value(literal.datatype.value, literal.value)
        except ValueError as error:
            expected = f'{error} as value of "{relation}"'
            raise DataError(self._path, expected, _line_of(self._path, row), literal.value) from None

    def columns(self, name: str) -> GraphColumns:
        """The graph that the file holds."""
        entities, relations = self._facts.entities, self._facts.relations
        if not len(self._facts):
            raise DataError(self._path, "at least one triple between entities or with a value", found="none")
        notes = self._facts.name_several(self._entity_name, self._relation_name)
        valued = self._facts.value_relations()
        for key in self._names.subjects():
            if not key.startswith(RELATION) and key not in relations and key not in valued:
                entities[key]  # what is only named is an entity without facts
        types = [(entities[subject], self._type_name(iri)) for subject, iri in self._types]
        own_names = where_unique(relations.ids, relation_name)
        columns = self._facts.columns(
            name,
            f"file {self._path.name}, origin and licence not stated",
            entity_labels=[self._entity_name(key) for key in entities.ids],
            relation_names=list(own_names.values()),
            relation_labels=[self._relation_name(key) for key in relations.ids],
            value_names={key: self._relation_name(key) for key in valued},
            aliases=[(index, other) for index, key in enumerate(entities.ids) for other in self._names.others(key)],
            types=list(dict.fromkeys(types)),
            units=self._units,
        )
        said = {iri: self._comments.label(iri) for iri in dict.fromkeys(iri for _, iri in self._types)}
        return replace(
            columns,
            notes=notes,
            relation_aliases={**columns.relation_aliases, **self._relation_aliases(columns)},
            definitions={self._type_name(iri): text for iri, text in said.items() if text is not None},
        )

    def _relation_aliases(self, columns: GraphColumns) -> dict[str, tuple[int, bool]]:
        """Alternative labels of relations, and the names of inverses that have no triples of their own."""
        place = {identifier: index for index, identifier in enumerate(columns.relation_ids)}
        aliases = {
            other: (index, False) for key, index in place.items() for other in self._names.others(relation_iri(key))
        }
        for inverse, relation in self._inverses.items():
            if inverse not in self._facts.relations and relation in place:
                aliases[inverse] = (place[relation], True)
        return {name: target for name, target in aliases.items() if name not in columns.relation_aliases}

    def _entity_name(self, identifier: str) -> str:
        if label := self._names.label(identifier):
            return label
        if identifier in self._texts or entity_iri(identifier) != identifier:
            return identifier
        return local_name(identifier).replace("_", " ")

    def _relation_name(self, identifier: str) -> str:
        return self._names.label(relation_iri(identifier)) or relation_name(identifier)

    def _type_name(self, iri: str) -> str:
        named = type_name(iri)
        return named if named != iri else self._entity_name(entity_id(iri))


class _Names:
    """Labels and other names of what a file describes, the label being in English where there is one."""

    def __init__(self) -> None:
        self._labels: dict[str, tuple[int, str]] = {}
        self._others: dict[str, dict[str, None]] = {}

    def add(self, key: str, predicate: str, literal: Literal) -> None:
        """Take in what a label or alternative label says."""
        text = literal.value
        if not text.strip():
            return
        rank = language_rank(literal.language or "")
        best = self._labels.get(key)
        if predicate != SKOS_ALT_LABEL and (best is None or rank < best[0]):
            self._labels[key] = (rank, text)
            if best is None:
                return
            text = best[1]
        self._others.setdefault(key, {})[text] = None

    def subjects(self) -> Iterator[str]:
        """What has a name."""
        yield from self._labels
        yield from self._others.keys() - self._labels.keys()

    def label(self, key: str) -> str | None:
        """The name to show."""
        return self._labels[key][1] if key in self._labels else None

    def others(self, key: str) -> list[str]:
        """The further names."""
        label = self.label(key)
        return [text for text in self._others.get(key, ()) if text != label]


def literal_value(datatype: str, text: str) -> Value | None:
    """The value of a literal; None where its datatype is not one of values.

    Raises:
        ValueError: its text spells no such value; the message says what was expected.
    """
    datatype, text = datatype.removeprefix(XSD), text.strip()
    if (kind := DATATYPE_KINDS.get(datatype)) is None:
        return None
    if datatype in ("gYear", "date"):
        text = re.sub(r"(Z|[+-][0-9]{2}:[0-9]{2})$", "", text)  # a time zone tells no other day
    elif datatype == "dateTime":
        text = text.partition("T")[0]
    return read_value(kind, text)


def language_rank(tag: str) -> int:
    """Which labels are shown before others, the least first: English, untagged, other languages."""
    language = tag.lower().partition("-")[0]
    return 0 if language == "en" else 1 if not language else 2


def relation_name(identifier: str) -> str:
    """What a relation without a label is called: the end of its IRI, or the id itself."""
    own = relation_iri(identifier) == identifier or identifier == RDF_TYPE
    return local_name(identifier) if own else identifier


def local_name(iri: str) -> str:
    """The readable end of an IRI: "New_York_City" of "http://dbpedia.org/resource/New_York_City"."""
    end = re.split("[#/:]", iri.rstrip("#/:"))[-1]
    return unquote(end) or iri


def where_unique(identifiers: Iterable[str], name_of: Callable[[str], str]) -> dict[str, str]:
    """Each id's name, or the id itself where the name is another's too or is another id."""
    names = {identifier: name_of(identifier) for identifier in identifiers}
    uses = Counter(names.values())
    return {key: name if uses[name] == 1 and name not in names else key for key, name in names.items()}
