"""The knowledge graph that every method reads: immutable, columnar, found by name, opened from a cache."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rpds import HashTrieMap

import kg_data
from kg_data.columns import EXPORTED, GraphColumns, RdfForm
from kg_data.loaders import LoadingOptions
from kg_data.loaders.text import USUAL
from kg_data.values import Value, plain_value
from reasoning.errors import AmbiguousEntityError, GraphError, UnknownEntityError, UnknownRelationError
from reasoning.graph import cache
from reasoning.graph.content import GraphContent, Origin, Relation, ValueColumn, build
from reasoning.graph.exchange import (
    columns_from_networkx,
    columns_from_pandas,
    columns_from_table,
    columns_from_triples,
)
from reasoning.graph.index import Ids, TripleIndex, stretches
from reasoning.graph.names import MOST_NAMESAKES, Match, fold, nearest_texts
from reasoning.graph.provenance import FactSources, Source, Sourced, StoredSources, apart, value_key
from reasoning.graph.remote.address import names_endpoint
from reasoning.graph.remote.index import Server
from reasoning.graph.remote.opening import open_endpoint
from reasoning.graph.updates.edits import Change, is_store
from skylark.errors import UsageError
from skylark.files import CACHE_VARIABLE

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd
    from langchain_core.language_models import BaseChatModel

    from reasoning.extraction.asking import ExtractionOptions
    from reasoning.extraction.documents import Texts
    from reasoning.extraction.schema import ExtractionSchema
    from reasoning.graph.profile import GraphProfile
    from reasoning.graph.updates.changes import Detached

log = logging.getLogger(__name__)


class Fact(NamedTuple):
    """A triple by display names, as iteration over a graph gives it; `tail` is the value itself where it is one."""

    head: str
    relation: str
    tail: str | int | float | datetime.date


class KnowledgeGraph:
    """An immutable set of triples between entities, with typed literals beside it.

    Entities and relations are int32 indexes inside; names and ids come back through `name`, `identifier`,
    `relation_label`. Use `load`, `from_triples`, `from_networkx` or `from_columns` to make one.

    Attributes:
        content: its parts, which the other attributes are taken from.
        graph_name: its short name.
        source: where it comes from and under which licence, one line.
        splits: the splits whose triples it holds.
        left_out: broken lines of its file that were left out; None where there are none.
        notes: what else is to be known of how its file was read, such as a name that stands in two rows of a table.
        definitions: type name to a sentence that says what counts as a thing of that type; where the graph says so.
        namers: type name to the label of the predicate or column that names its members.
        left_out_triples: triples or cells of its source that it leaves out, by the reason in words.
        predicted: edges (head, relation, tail) that a link predictor added, with its confidence; see `with_edges`.
        origin: where it was loaded from, None where it was made of something else.
        rdf_form: how it is spelled where its queries run as SPARQL.
        server: what has whole queries run where the graph is; None where it is here.
    """

    origin: Origin | None = None
    rdf_form: RdfForm = EXPORTED
    server: Server | None = None
    predicted: Mapping[tuple[int, int, int], float] = MappingProxyType({})
    _profile: GraphProfile | None = None

    def __init__(self, content: GraphContent) -> None:
        self.content = content
        about = content.about
        self.graph_name, self.source, self.splits = about.name, about.source, about.splits
        self.left_out, self.notes, self.definitions = about.left_out, about.notes, about.definitions
        self.namers, self.left_out_triples = about.namers, about.left_out_triples
        self.index, self.names, self.literals = content.index, content.names, content.values
        self.entity_ids, self.entity_labels = content.entities.ids, content.entities.labels
        self.relation_ids, self.relation_labels = content.relations.ids, content.relations.labels
        self.relation_aliases = content.relations.aliases

    # Making one -------------------------------------------------------------------------------------------------

    @classmethod
    def load(
        cls,
        name_or_path: str | Path,
        splits: Sequence[str] | None = None,
        *,
        table: bool | None = None,
        cell_separator: str | None = None,
        infer_values: bool = False,
        skip_broken: bool = False,
        mapping: str | Path | None = None,
        refresh: bool = False,
    ) -> KnowledgeGraph:
        """Open a graph by its built-in name, data-set name, folder or file; built once, then memory-mapped.

        Args:
            name_or_path: "world", a data-set folder (or its name under `$SKYLARK_DATA/kg`), a file (.tsv, .csv,
                .txt, .jsonl, .nt, .ttl), the folder of a graph store (`python -m reasoning graph`), or "sparql:" and
                the address of a SPARQL endpoint, where the graph stays.
            splits: which splits' triples the graph holds, e.g. ("train", "valid"); all of them by default. The entity
                and relation indexes are the same whichever splits are chosen.
            table: whether a .tsv, .csv or .txt file is a table: a header, then a row for each thing, the first column
                naming it and each other column being a relation; the relation `type` says the kind of each thing, by
                the headers. What looks like a table is refused unless this is said; False reads triples even so.
            cell_separator: what stands between the values of one cell of a table; by default a cell holds one.
            infer_values: whether relations of such a file have values where all their tails are spelled as numbers or
                dates, no thing has two of them, and they are no things of the file. A thing that has two in two rows
                of a table is refused.
            skip_broken: whether broken lines of such a file, or of JSON lines, are left out; a warning and `left_out`
                say which.
            mapping: a TOML file that renames, hides and defines kinds and relations; see docs/profile.md.
            refresh: of an endpoint, whether its relations, types and names are found out anew; they are kept for a day.

        Raises:
            UnknownGraphError: nothing has this name.
            DataError: a file does not have the form expected.
            UsageError: the source is not read with one of these options.
            EndpointError: an endpoint cannot be asked.
            GraphError: a named split is not there, or the graph has no triples.
        """
        decided = None if mapping is None else Path(mapping).resolve()
        loading = LoadingOptions(table, cell_separator, infer_values, skip_broken, decided)
        if is_store(name_or_path):
            if splits is not None or loading != USUAL or refresh:
                raise UsageError(f"the graph store {name_or_path} is opened as it is, without splits or options")
            from reasoning.graph.updates.on_disk import GraphStore

            return GraphStore(Path(name_or_path)).open()
        if names_endpoint(name_or_path):
            return cls._on_server(str(name_or_path), splits, loading, refresh)
        if refresh:
            raise UsageError("refresh belongs to an endpoint; a file that has changed is noticed")
        origin = Origin.of(name_or_path, splits, loading)
        graph = cls._cached(origin)
        if graph is None:
            graph = cls.from_columns(kg_data.load(name_or_path, loading), splits)
            try:
                cache.save(origin.folder, *graph.content.stored())
            except OSError as error:
                log.warning(
                    "the graph could not be cached in %s (%s) and is built anew next time; %s names another folder",
                    origin.folder, error, CACHE_VARIABLE,
                )  # fmt: skip
            graph.origin = origin
        for note in graph.loading_notes:
            log.warning("%s: %s", name_or_path, note)
        return graph

    @classmethod
    def _on_server(
        cls, name: str, splits: Sequence[str] | None, loading: LoadingOptions, refresh: bool
    ) -> KnowledgeGraph:
        if splits is not None or loading != USUAL:
            what = "splits" if splits is not None else loading.flags()[0]
            raise UsageError(f"a graph on a server is asked as it is: {what} cannot be chosen there")
        content, server = open_endpoint(name, refresh)
        graph = cls(content)
        graph.server, graph.rdf_form = server, server.survey.form
        for note in graph.loading_notes:
            log.warning("%s: %s", graph.graph_name, note)
        return graph

    @property
    def loading_notes(self) -> list[str]:
        """What is to be known of how its file was read, in sentences: the broken lines left out, and `notes`."""
        return [*([] if self.left_out is None else [str(self.left_out)]), *self.notes]

    @classmethod
    def _cached(cls, origin: Origin) -> KnowledgeGraph | None:
        """The graph of an origin as the cache has it; None where it hasn't."""
        try:
            saved = cache.load(origin.folder)
        except GraphError as error:
            cache.discard(origin.folder, error)
            saved = None
        if saved is None:
            return None
        graph = cls(GraphContent.of(*saved))
        graph.origin = origin
        return graph

    @classmethod
    def reopened(cls, origin: Origin) -> KnowledgeGraph:
        """The graph that was loaded from an origin, as a pickled graph is opened again.

        Raises:
            GraphError: the cache no longer has it, and what it was loaded from has changed since.
            UnknownGraphError: neither is there any more.
        """
        if is_store(origin.name):
            if (saved := cache.load(origin.folder)) is None:
                raise GraphError(f"the graph store {origin.name} was compacted since: load it anew and ask again")
            base = cls(GraphContent.of(*saved))
            base.origin = origin
            return base
        graph = cls._cached(origin)
        if graph is not None:
            return graph
        if Origin.of(origin.name, origin.splits, origin.loading).folder.name != origin.folder.name:
            raise GraphError(
                f'the graph "{origin.name}" has changed since it was pickled, and the cache no longer holds what it '
                "was: load it anew and ask again"
            )
        return cls.load(origin.name, origin.splits, **asdict(origin.loading))

    @classmethod
    def with_content(
        cls, content: GraphContent, predicted: Mapping[tuple[int, int, int], float] = MappingProxyType({})
    ) -> KnowledgeGraph:
        """The graph of a content, with the confidence of those among its edges that a link predictor added."""
        graph = cls(content)
        graph.predicted = dict(predicted)
        return graph

    @classmethod
    def _changed_again(
        cls, origin: Origin, again: Detached, predicted: Mapping[tuple[int, int, int], float]
    ) -> KnowledgeGraph:
        return cls.with_content(again(cls.reopened(origin).content, origin), predicted)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by where it was loaded from, and what was changed since; else by its content."""
        if self.server is not None:
            return KnowledgeGraph.load, (self.graph_name,)
        if self.origin is not None:
            return KnowledgeGraph.reopened, (self.origin,)
        changes = self.content.changes
        if changes is not None and changes.origin is not None:
            return KnowledgeGraph._changed_again, (changes.origin, changes.detached(), dict(self.predicted))
        return KnowledgeGraph.with_content, (self.content, dict(self.predicted))

    @classmethod
    def from_columns(cls, columns: GraphColumns, splits: Sequence[str] | None = None) -> KnowledgeGraph:
        """Index the columns that a source hands over; `splits` chooses which of its triples the graph holds."""
        return cls(build(columns, splits))

    @classmethod
    def from_triples(
        cls,
        triples: Iterable[tuple[str, str, str | int | float | datetime.date | Value] | Sourced],
        name: str = "triples",
        types: Iterable[tuple[str, str]] = (),
        aliases: Iterable[tuple[str, str]] = (),
    ) -> KnowledgeGraph:
        """Make a graph of (head, relation, tail) names; a number, date or `kg_data.Value` as tail is a typed literal.

        `r` and `r_reverse` are one relation. A `Sourced` says where it was found. `types` are (entity, type) and
        `aliases` (entity, other name) pairs.

        Raises:
            GraphError: there are no triples, or one is not three non-empty texts.
        """
        said: dict[tuple[Any, ...], list[Source | None]] = {}
        graph = cls.from_columns(columns_from_triples(apart(triples, said), name, types, aliases))
        if not said:
            return graph
        content = graph.content
        return cls(replace(content, sources=FactSources(StoredSources.of(content.keyed(said)), HashTrieMap())))

    @classmethod
    def from_networkx(cls, graph: nx.DiGraph | nx.Graph, name: str = "networkx") -> KnowledgeGraph:
        """Make a graph of a NetworkX graph whose edges carry the relation, as attribute `relation` or as the key.

        Node attributes: `id` and `label` where they are texts (else the node itself is both), `types`, and any number
        or date as a value. An undirected edge goes both ways; other attributes are left out.

        Raises:
            GraphError: an edge names no relation, two nodes have one id, or values do not fit together.
        """
        return cls.from_columns(columns_from_networkx(graph, name))

    @classmethod
    def from_text(
        cls,
        documents: Texts,
        *,
        llm: str | BaseChatModel,
        schema: ExtractionSchema | Mapping[str, object] | Path | KnowledgeGraph | None = None,
        kg: KnowledgeGraph | None = None,
        options: ExtractionOptions | None = None,
    ) -> KnowledgeGraph:
        """Make a graph of what texts say, by a chat model that is held to their words; see docs/text.md.

        Every fact has a `Source` with the document, the line and the characters that say so. What the model wrote and
        no words say is dropped, which a warning tells; `reasoning.extraction.run.extract` gives it all in detail.

        Args:
            documents: a text, a file by its `Path`, names with texts, or several texts, files and `Document`s. Who
                says a fact is kept by these names; a text without one is called by its digest.
            llm: a chat model or its name, such as "openai:gpt-5-mini"; the embedded model is refused.
            schema: the relations to look for, with the kinds of things at their ends: an `ExtractionSchema`, the same
                as a dict or in a JSON file, or a graph that has them. None takes those of `kg`; where that is None
                too, the model proposes them.
            kg: a graph that is added to, as by `changed`, and whose names those in the texts are resolved against. What
                a document of the same name said before is removed.
            options: how the model is asked, and whether its replies are kept.

        Raises:
            UsageError: a document is empty or no text, the schema is none, or the model is refused.
            LLMError: the model cannot be had, or failed.
            SkylarkError: the texts say nothing by this schema.
        """
        from reasoning.extraction.run import extract

        extraction = extract(documents, llm, schema, kg, options)
        for note in extraction.notes():
            log.warning("%s", note)
        return extraction.graph

    def with_edges(
        self, triples: Ids, predicted: Mapping[tuple[int, int, int], float] = MappingProxyType({})
    ) -> KnowledgeGraph:
        """A graph of other edges between the same entities, with the same names, types and values.

        Args:
            triples: head, relation and tail of every edge by index, shape (n, 3).
            predicted: the confidence of those among them that a link predictor added.
        """
        index = TripleIndex.build(triples, self.entity_count, self.relation_count)
        return self.with_content(replace(self.content, index=index, changes=None), predicted)

    def changed(
        self,
        add: Iterable[tuple[str, str, str | int | float | datetime.date | Value] | Sourced] = (),
        remove: Iterable[tuple[str, str, str | int | float | datetime.date | Value]] = (),
        *,
        types: Iterable[tuple[str, str]] = (),
        aliases: Iterable[tuple[str, str]] = (),
        labels: Iterable[tuple[str, str]] = (),
        remove_types: Iterable[tuple[str, str]] = (),
        remove_aliases: Iterable[tuple[str, str]] = (),
        remove_sources: Iterable[str] = (),
    ) -> KnowledgeGraph:
        """A graph with some facts more and some less; this one stays as it is, and so do those who read it.

        It takes time and memory of the change, not of the graph: both share what did not change. Names are taken as
        they are spelled, by id, else label; one that is not known is a new entity or relation. What is there already
        is not added twice. An entity that nothing is said of any more is gone, with its types and other names.

        Args:
            add: (head, relation, tail) triples; a number, date or `kg_data.Value` as tail is a value; a `Sourced` says
                where it was found. An entity has one value under a relation: to replace it, remove the old one in the
                same change, since removals come first.
            remove: triples that are there.
            types, aliases: (entity, type) and (entity, other name) pairs that entities get.
            labels: (entity, display name) pairs, in place of the label that the entity has.
            remove_types, remove_aliases: such pairs that entities lose.
            remove_sources: documents; what only they said is removed.

        Raises:
            ChangeError: what is removed is not there, a value stands where entities stand or the other way round, or
                nothing would be left.
            UnknownEntityError, UnknownRelationError: what is removed names what is not there.
            AmbiguousEntityError: several entities have a name.
            GraphError: the graph is on a server, where others change it.
        """
        change = Change.of(
            add,
            remove,
            types=types,
            aliases=aliases,
            labels=labels,
            remove_types=remove_types,
            remove_aliases=remove_aliases,
            remove_sources=remove_sources,
        )
        from reasoning.graph.updates.on_disk import apply

        return apply(self, [change])[0]

    def documents(self) -> dict[str, int]:
        """The documents that its facts were found in, each with how many, by name."""
        return self.content.sources.documents()

    def sources(self, head: str, relation: str, tail: str | int | float | datetime.date) -> tuple[Source, ...]:
        """Where one of its facts was found; () where the graph does not know.

        Raises:
            UnknownEntityError, UnknownRelationError, AmbiguousEntityError: a name is not there, or means several.
        """
        means, entity = self.relation(relation), self.entity(head)
        if means.kind == "values":
            column = self.literals[means.index]
            values = column.read(np.array([entity], dtype=np.int32))[1].tolist()
            there = [self.value(column, raw) for raw in values]
            return self.content.sources.of(value_key(entity, means.index)) if tail in there else ()
        ends = (entity, self.entity(str(tail)))
        first, last = ends[::-1] if means.inverse else ends
        return self.content.sources.of((first, means.index, last))

    def to_networkx(self) -> nx.MultiDiGraph:
        """A MultiDiGraph: nodes are display names (attributes `id`, `label`, `types`, values), edge keys relations."""
        from reasoning.graph.rdf import to_networkx

        return to_networkx(self)

    @classmethod
    def from_pandas(
        cls,
        frame: pd.DataFrame,
        head: str = "head",
        relation: str = "relation",
        tail: str = "tail",
        name: str = "pandas",
        *,
        table: bool = False,
    ) -> KnowledgeGraph:
        """Make a graph of a frame with one triple a row; a number or date as tail is a typed value.

        A column "type" says what each tail is ("entity", "integer", "decimal", "year", "date"), where its looks do not.

        Args:
            head, relation, tail: the columns of a triple.
            name: the graph's; of a table whose first column is called no more than "name" also what its things are.
            table: the frame has a row for each thing: its index where that has a name, else the column `head` or the
                first one names the thing, and each other one is a relation.

        Raises:
            GraphError: a column is missing, or a row is no triple.
        """
        if table:
            return cls.from_columns(columns_from_table(frame, name, None if head == "head" else head))
        return cls.from_columns(columns_from_pandas(frame, name, head, relation, tail))

    def to_pandas(self) -> pd.DataFrame:
        """A frame with a triple or value a row: head and tail by display name, relation, and the tail's type."""
        from reasoning.graph.rdf import to_pandas

        return to_pandas(self)

    def schema(self, most: int = 50) -> str:
        """What the graph holds, as text for people and for prompts: kinds of things, and relations between them.

        Args:
            most: relations and kinds that are listed, those with the most facts and members; how many more there are
                is said.

        Raises:
            SkylarkError: `most` is below 1.
        """
        return self.profile().schema(most)

    def profile(self) -> GraphProfile:
        """What the graph holds, as it was understood: kinds, relations, values, what was left out; made once."""
        if self._profile is None:
            from reasoning.graph.profile import GraphProfile

            self._profile = GraphProfile.of(self)
        return self._profile

    def to_rdf(self, path: str | Path) -> None:
        """Write the graph as N-Triples (.nt) or Turtle (.ttl), with labels, types and values; whole or not at all.

        `Query.to_sparql` gives the queries that fit the file.

        Raises:
            GraphError: the name ends otherwise, or the file cannot be written.
        """
        from reasoning.graph.rdf import write_rdf

        return write_rdf(self, path)

    # Sizes ------------------------------------------------------------------------------------------------------

    @property
    def entity_count(self) -> int:
        """Entities in the id table (with those that only other splits mention); on a server as many as it counted."""
        there = 0 if self.server is None else self.server.survey.entities or 0
        return max(there, len(self.entity_ids))

    @property
    def relation_count(self) -> int:
        """Relations between entities; inverse twins are not counted."""
        return len(self.relation_ids)

    @property
    def value_count(self) -> int:
        """Values of its entities; `len` of the graph counts the triples between entities alone."""
        return sum(map(len, self.literals))

    @property
    def nbytes(self) -> int:
        """Bytes of all its arrays, memory-mapped ones counted in full."""
        return self.content.nbytes

    def __len__(self) -> int:
        return len(self.index)

    def __iter__(self) -> Iterator[Fact]:
        """Every fact: the `len(kg)` triples between entities, then the values."""
        for triples in stretches(self.index):
            for head, relation, tail in triples.tolist():
                yield Fact(self.name(head), self.relation_label(relation), self.name(tail))
        for column in self.literals:
            for entity, raw in zip(column.entities.tolist(), column.values.tolist(), strict=True):
                yield Fact(self.name(entity), column.relation, self.value(column, raw))

    def __contains__(self, fact: object) -> bool:
        """Whether (head, relation, tail) is one of its facts, as iteration gives them.

        Raises:
            TypeError: a name was given, which may mean an entity; see `entity`.
        """
        if isinstance(fact, str):
            raise TypeError(f'expected a fact (head, relation, tail); kg.entity("{fact}") finds what a name means')
        return any(fact == there for there in self)

    def __repr__(self) -> str:
        values = f"{self.value_count:,} values, " if self.literals else ""
        size = self.universe_size
        entities = "" if size is None else f"{size:,} entities, "
        return (
            f"KnowledgeGraph({self.graph_name!r}: {len(self):,} triples, {values}{entities}"
            f"{len(self.relation_names())} relations)"
        )

    # Entities ---------------------------------------------------------------------------------------------------

    def identifier(self, entity: int) -> str:
        """The entity's id in its source."""
        return self.entity_ids[entity]

    def name(self, entity: int) -> str:
        """The entity's display name: its label, with the id behind it where the label alone could be another's."""
        label = self.entity_labels[entity]
        # Nearly every label is told apart here, at a hundredth of the cost of looking it up.
        plain = not self.content.entities.shares_label(entity) and not label.endswith(")")
        return label if plain or not self._needs_id(label) else f"{label} ({self.identifier(entity)})"

    def _needs_id(self, label: str) -> bool:
        same = [e for e in self.names.with_key(fold(label)) if self.entity_labels[e] == label]
        return len(same) > 1 or self.displayed_as(label) is not None

    def displayed_as(self, name: str) -> int | None:
        """The entity that is displayed as `name` with its id in it, None where there is none."""
        start = name.find(" (") if name.endswith(")") else -1
        while start >= 0:
            entity = self.content.entities.find(name[start + 2 : -1])
            if entity is not None and self.entity_labels[entity] == name[:start] and self._needs_id(name[:start]):
                return entity
            start = name.find(" (", start + 1)
        return None

    def entity_by_id(self, identifier: str) -> int:
        """The entity with exactly this id.

        Raises:
            UnknownEntityError: no entity has it.
        """
        entity = self.content.entities.find(identifier)
        if entity is None:
            raise UnknownEntityError(identifier, self.names.nearest(identifier), self.graph_name)
        return entity

    def match(self, name: str) -> Match:
        """Read a name as one entity, display names first, despite case, accents, aliases and small misspellings.

        Raises:
            UnknownEntityError: no name is near enough; the error holds the nearest.
            AmbiguousEntityError: several entities have the name.
        """
        displayed = self.displayed_as(name)
        match = self.names.match(name) if displayed is None else Match((displayed,))
        if match is None:
            raise UnknownEntityError(name, self.names.nearest(name), self.graph_name)
        if len(match.entities) > 1:
            ids = [self.identifier(entity) for entity in match.entities[:MOST_NAMESAKES]]
            raise AmbiguousEntityError(name, ids, len(match.entities))
        return match

    def entity(self, name: str) -> int:
        """The entity that a name means; see `match`."""
        return self.match(name).entities[0]

    def namesakes(self, name: str) -> list[int]:
        """Further entities that may be meant by a name, beside the one that `match` reads it as.

        They have it as another name, or with brackets behind ("Paris (Texas)"); where it is a part of that one's label,
        such as "Congo", they are of the same type and have it in theirs.

        Raises:
            UnknownEntityError, AmbiguousEntityError: as `match`.
        """
        match = self.match(name)
        entity, key = match.entities[0], fold(match.corrected_to or name)
        found = [*self.names.with_key(key), *self.names.with_disambiguator(key)]
        label = fold(self.entity_labels[entity])
        if label != key and f" {key} " in f" {label} ":
            types = set(self.types(entity))
            found += [other for other in self.names.holding(key) if types & set(self.types(other))]
        return [other for other in dict.fromkeys(found) if other != entity]

    def types(self, entity: int) -> list[str]:
        """Names of the entity's types, [] where the source gives none."""
        return self.content.entities.types(entity)

    @property
    def universe(self) -> Ids:
        """The entities that stand in a triple or have a value, sorted."""
        return self.content.entities.present

    @property
    def universe_size(self) -> int | None:
        """How many these are; None where a server does not say, having too many."""
        return len(self.universe) if self.server is None else self.server.survey.entities

    @property
    def type_names(self) -> tuple[str, ...]:
        """The types that its source gives, by number."""
        return self.content.entities.type_names

    @property
    def type_pairs(self) -> Ids:
        """All (entity, type number) pairs, shape (n, 2), sorted by entity."""
        return self.content.entities.type_pairs

    @property
    def type_sizes(self) -> dict[str, int]:
        """How many entities there are of each type that its source gives."""
        if self.server is not None:
            return {name: count for _, name, count in self.server.survey.types}
        numbers, counts = np.unique(self.type_pairs[:, 1], return_counts=True)
        return {self.type_names[at]: count for at, count in zip(numbers.tolist(), counts.tolist(), strict=True)}

    # Relations --------------------------------------------------------------------------------------------------

    def relation(self, name: str) -> Relation:
        """The relation that a name means: its id, label, display name, folded, or that of its `_reverse` twin.

        Raises:
            UnknownRelationError: no relation has the name, or several have that label.
        """
        found = self.content.relations.named(name)
        if not found:
            there = self.relation_names()
            raise UnknownRelationError(name, nearest_texts(name, there) or there[:3], self.graph_name)
        if len(found) > 1:
            ids = [self.content.relations.identifier(at) for at in found]
            raise UnknownRelationError(name, ids, self.graph_name, several=True)
        return found[0]

    def relation_label(self, relation: int) -> str:
        """The relation's display name: its label, with what tells it apart behind it where the label is shared."""
        return self.content.relations.names[relation]

    def label(self, relation: Relation) -> str:
        """The display name of a relation of either kind."""
        return self.content.relations.label(relation)

    def column(self, name: str) -> ValueColumn | None:
        """The values of the relation that a name means; None where it leads to entities.

        Raises:
            UnknownRelationError: as `relation`.
        """
        relation = self.relation(name)
        return self.literals[relation.index] if relation.kind == "values" else None

    def relation_names(self) -> list[str]:
        """Display names of the relations between entities, then of those with values."""
        return [*self.content.relations.names]

    def twin_id(self, relation: int) -> str | None:
        """The id that the source gives the relation's inverse twin, None where it stores none."""
        return self.content.relations.twin_id(relation)

    def confidence(self, head: int, relation: int, tail: int) -> float:
        """Of one of its edges: 1 unless a link predictor added it."""
        return self.predicted.get((head, relation, tail), 1.0)

    # Values -----------------------------------------------------------------------------------------------------

    def value(self, column: ValueColumn, raw: float) -> int | float | datetime.date:
        """A stored float64 as the value it stands for."""
        return plain_value(column.kind, raw)
