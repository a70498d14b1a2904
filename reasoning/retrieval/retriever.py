"""Retrieval of the part of the graph that one step needs."""

from __future__ import annotations

import json
import random
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.retrievers import BaseRetriever
from numpy.typing import NDArray
from pydantic import Field

from reasoning.graph.content import Relation
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm.calls import quoted, triple_line
from reasoning.lm.errors import LLMError
from reasoning.lm.replies import count_tokens, estimate_tokens
from reasoning.parsing import looks_formal, read_question
from reasoning.query.read_question import QuestionError
from reasoning.query.tree import Query, json_value
from reasoning.retrieval.neighbourhood import (
    CHEAPEST_TRIPLE,
    Anchor,
    Facts,
    Guidance,
    TripleCost,
    guidance_of_query,
    guidance_of_text,
    neighbourhood,
    packed,
)
from skylark.errors import SkylarkError

FEWEST_DISTRACTORS = 6
"""Distractors sought even where the step is about fewer triples, so that one triple never stands alone."""

MOST_SOURCES = 64
"""Entities of the input set, drawn, whose other edges are looked at."""

MOST_EDGES = 32
"""Other edges of one entity, drawn, of each direction."""

MOST_FOREIGN = 512
"""Edges of the relation from other entities, drawn."""

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Subgraph:
    """What one context holds.

    Attributes:
        triples: int32, shape (n, 3), columns head, relation, tail, in random order.
        about: bool, shape (n,): which of them the step is about; the others are distractors.
    """

    triples: Ids
    about: NDArray[np.bool_]

    @property
    def relevant(self) -> int:
        """How many triples the step is about."""
        return int(self.about.sum())

    @property
    def distractors(self) -> int:
        """How many triples the step is not about."""
        return len(self.triples) - self.relevant


@dataclass(frozen=True)
class Retrieved:
    """What was retrieved for one step.

    Attributes:
        parts: at least one; no triple that the step is about is in two of them.
        left_out: how many more triples the step is about that are in none of them.
    """

    parts: tuple[Subgraph, ...]
    left_out: int


def retrieve(
    kg: KnowledgeGraph,
    sources: Ids,
    relation: Relation,
    budget: int,
    cost: TripleCost,
    rng: random.Random,
    max_parts: int = 1,
) -> Retrieved:
    """The subgraph of one projection.

    Args:
        kg: the graph.
        sources: the input set, sorted, shape (s,).
        relation: the relation with its direction.
        budget: tokens that the triples of one part may take together.
        cost: tokens of triples as the prompt will write them.
        rng: chooses distractors and the order.
        max_parts: the most parts.
    """
    left, right = kg.index.edges(sources, relation.index, relation.inverse)
    heads, tails = (right, left) if relation.inverse else (left, right)
    about = np.column_stack((heads, np.full(len(heads), relation.index), tails)).astype(np.int32)
    order = _round_robin(left, rng)[: max(1, max_parts * budget // CHEAPEST_TRIPLE)]
    whole = len(order) == len(about) and cost.together(about) <= budget
    chosen = [order] if whole else _parted(order, left[order], cost.at_most(about[order]), budget, max_parts)
    parts = tuple(_with_distractors(kg, sources, relation, about[part], budget, cost, rng) for part in chosen)
    return Retrieved(parts, len(about) - sum(part.relevant for part in parts))


def _parted(order: Ids, sources: Ids, prices: list[int], budget: int, max_parts: int) -> list[Ids]:
    """Edges in parts of half the budget; one empty part where not even one edge fits.

    Args:
        order: edges, every source having its turn before any has its second, shape (m,).
        sources: each one's source, shape (m,).
        prices: each one's tokens.
        budget: tokens of a context.
        max_parts: the most parts.
    """
    # A part's question names the sources in it: with the edges of a source together it is short.
    grouped = np.argsort(sources, kind="stable")
    parts = packed([prices[position] for position in grouped], budget // 2, budget)
    if len(parts) <= max_parts:
        chosen = [order[grouped[part]] for part in parts]
    else:
        # Not all can be there, so every source is to have its share.
        chosen = [order[part] for part in packed(prices, budget // 2, budget)[:max_parts]]
    return chosen or [order[:0]]


def _with_distractors(
    kg: KnowledgeGraph,
    sources: Ids,
    relation: Relation,
    about: Ids,
    budget: int,
    cost: TripleCost,
    rng: random.Random,
) -> Subgraph:
    """The triples of one part, shape (r, 3), among as many others as the graph has and the budget allows."""
    wanted = max(len(about), FEWEST_DISTRACTORS)
    others = distractors(kg, sources, relation, 2 * wanted, rng)[:wanted]
    if not len(about):
        # The question names a source and the relation, which no triple of the context may have: room for their ids.
        kept = len(next(iter(packed(cost.at_most(others), budget, budget)), []))
    else:
        more = range(1, len(others) + 1)
        kept = bisect_right(more, budget, key=lambda m: cost.together(np.concatenate((about, others[:m]))))
    triples = np.concatenate((about, others[:kept]))
    order = np.array(rng.sample(range(len(triples)), len(triples)), dtype=np.int64)
    return Subgraph(triples[order].astype(np.int32), order < len(about))


def _round_robin(sources: Ids, rng: random.Random) -> Ids:
    """An order of edges in which every source has its turn before any has its second; shape (m,)."""
    if not len(sources):
        return np.zeros(0, dtype=np.int32)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(sources)) + 1))
    turn = np.arange(len(sources)) - np.repeat(starts, np.diff(np.append(starts, len(sources))))
    shuffled = np.random.default_rng(rng.getrandbits(64)).permutation(len(sources))
    return np.asarray(shuffled[np.argsort(turn[shuffled], kind="stable")], dtype=np.int32)


def distractors(kg: KnowledgeGraph, sources: Ids, relation: Relation, most: int, rng: random.Random) -> Ids:
    """Up to `most` triples, shape (d, 3), that following `relation` from `sources` does not meet; the kinds in turn."""
    found: dict[Triple, None] = {}
    streams = [_other_edges(kg, sources, relation, rng), _other_sources(kg, sources, relation, rng)]
    while streams and len(found) < most:
        for stream in list(streams):
            triple = next(stream, None)
            if triple is None:
                streams.remove(stream)
            else:
                found[triple] = None
    return np.array(list(found)[:most], dtype=np.int32).reshape(-1, 3)


def _other_edges(kg: KnowledgeGraph, sources: Ids, relation: Relation, rng: random.Random) -> Iterator[Triple]:
    """Edges of the same entities with other relations, or with this one the other way round."""
    near = 2 if relation.inverse else 0
    for source in rng.sample(sources.tolist(), min(len(sources), MOST_SOURCES)):
        for incoming in rng.sample((relation.inverse, not relation.inverse), 2):
            triples = kg.index.triples(kg.index.around(source, incoming))
            about = (triples[:, 1] == relation.index) & np.isin(triples[:, near], sources)
            yield from _drawn(triples[~about], MOST_EDGES, rng)


def _other_sources(kg: KnowledgeGraph, sources: Ids, relation: Relation, rng: random.Random) -> Iterator[Triple]:
    left, right = kg.index.some(relation.index, relation.inverse, 2 * MOST_FOREIGN)
    foreign = ~np.isin(left, sources)
    heads, tails = (right, left) if relation.inverse else (left, right)
    relations = np.full(int(foreign.sum()), relation.index)
    yield from _drawn(np.column_stack((heads[foreign], relations, tails[foreign])), MOST_FOREIGN, rng)


def _drawn(triples: Ids, most: int, rng: random.Random) -> Iterator[Triple]:
    picked = rng.sample(range(len(triples)), min(len(triples), most))
    return ((int(head), int(relation), int(tail)) for head, relation, tail in triples[picked].tolist())


KEYS = ("entities", "relations", "types")


class GraphRetriever(BaseRetriever):
    """Triples around what a text asks about, as documents, the best first; see `reasoning.retrieval.neighbourhood`.

    It takes a formal query, a question in plain English, any other text that names entities of the graph, a `Query`, or
    a mapping with `entities` (names) and optionally `relations` (in the order to follow, `~r` backwards) and `types`.
    A question is read as a query, and the relations of the query are followed first; where it cannot be read, the names
    in it are looked up. A text that names nothing of the graph gives no documents.

    A document's content is its triple with the names quoted, on one line whatever the names hold. Its metadata:
    `head`, `relation`, `tail` by name (or a value: a number, or a date in ISO form), `head_id`, `relation_id`,
    `tail_id` (None for a value), `hop`, `score`, `path` (the contents from the anchor's triple to this one), and
    `left_out` (for each hop, how many triples met had no room).

    Args:
        kg: the graph.
        llm: the model that the documents are for: its tokenizer counts the budget, where it is at hand. A hosted model
            also reads questions, if `reads_questions` is set.
        hops: edges from an anchor.
        token_budget: tokens that all contents may take together, a line break each.
        k: most documents; None for as many as the budget has room for.
        reads_questions: whether `llm` reads questions in English as queries; otherwise the embedded model does, where
            it is installed.

    Example:
        >>> kg = KnowledgeGraph.from_triples([("Paris", "capital_of", "France"), ("France", "borders", "Spain")])
        >>> [document.page_content for document in GraphRetriever(kg=kg).invoke('~capital_of(~borders("Spain"))')]
        ['("France", "borders", "Spain")', '("Paris", "capital_of", "France")']
    """

    kg: KnowledgeGraph = Field(exclude=True, repr=False)
    llm: BaseChatModel | None = None
    hops: int = Field(default=2, ge=1)
    token_budget: int = Field(default=2048, ge=1)
    k: int | None = Field(default=None, ge=1)
    reads_questions: bool = False

    def guidance(self, asked: str | Query | Mapping[str, Sequence[str]]) -> Guidance:
        """What guides the search for `asked`.

        Raises:
            SkylarkError: a formal query is not well formed, a mapping has other keys, or a name in either is not in the
                graph.
        """
        if isinstance(asked, Mapping):
            return self._guidance_of_names(asked)
        if isinstance(asked, Query):
            return guidance_of_query(asked, self.kg)
        if not isinstance(asked, str):
            raise SkylarkError(f"expected a text, a query or a mapping, not {type(asked).__name__}")
        if looks_formal(asked):
            return guidance_of_query(Query.parse(asked), self.kg)
        llm = self.llm if self.reads_questions else None
        try:
            query, _ = read_question(asked, self.kg, llm)
        except QuestionError:
            return guidance_of_text(asked, self.kg)
        except LLMError:  # a text can guide without the embedded model
            if llm is not None:
                raise
            return guidance_of_text(asked, self.kg)
        return guidance_of_query(query, self.kg)

    def _guidance_of_names(self, asked: Mapping[str, Sequence[str]]) -> Guidance:
        single = [key for key, names in asked.items() if isinstance(names, str)]
        if single:
            raise SkylarkError(f"expected a list of names as {single[0]}, not {asked[single[0]]!r} alone")
        unknown = [key for key in asked if key not in KEYS]
        if unknown or not asked.get("entities"):
            found = ", ".join(map(repr, asked)) or "nothing"
            raise SkylarkError(f"expected {', '.join(KEYS)}, of which entities must be there, found {found}")
        relations = [self._relation(name) for name in asked.get("relations", ())]
        path = tuple(relation for relation in relations if relation.kind == "edges")
        anchors = tuple(Anchor(self.kg.entity(name), path) for name in asked["entities"])
        return Guidance(anchors, frozenset(map(self._facts.number, relations)), frozenset(asked.get("types", ())))

    def _relation(self, name: str) -> Relation:
        found = self.kg.relation(name.removeprefix("~"))
        return replace(found, inverse=found.inverse != name.startswith("~"))

    def _get_relevant_documents(
        self, query: str | Query | Mapping[str, Sequence[str]], *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        guidance = self.guidance(query)
        found = neighbourhood(
            self.kg, guidance.anchors, self._cost, hops=self.hops, budget=self.token_budget,
            named=guidance.named, types=guidance.types,
        )  # fmt: skip
        written = [self._line((triple.head, triple.relation, triple.tail)) for triple in found.triples]
        documents = []
        for position, triple in enumerate(found.triples[: self.k]):
            row = (triple.head, triple.relation, triple.tail)
            path = [self._line((step.head, step.relation, step.tail)) for step in found.path(position)]
            value = self._facts.value(row)
            metadata = {
                "head": self.kg.name(triple.head),
                "relation": self._facts.labels[triple.relation],
                "tail": self.kg.name(triple.tail) if value is None else json_value(value),
                "head_id": self.kg.identifier(triple.head),
                "relation_id": self._facts.identifiers[triple.relation],
                "tail_id": self.kg.identifier(triple.tail) if value is None else None,
                "hop": triple.hop,
                "score": triple.score,
                "path": path,
                "left_out": list(found.left_out),
            }
            documents.append(Document(page_content=written[position], metadata=metadata))
        return documents

    @cached_property
    def _facts(self) -> Facts:
        return Facts(self.kg)

    def _line(self, row: Sequence[int]) -> str:
        head, relation, tail = row
        value = self._facts.value(row)
        written = quoted(self.kg.name(tail)) if value is None else json.dumps(json_value(value))
        return triple_line(quoted(self.kg.name(head)), quoted(self._facts.labels[relation]), written)

    def _cost(self, rows: Ids) -> list[int]:
        count = estimate_tokens if self.llm is None else partial(count_tokens, self.llm)
        return count([f"{self._line(row)}\n" for row in rows.tolist()])
