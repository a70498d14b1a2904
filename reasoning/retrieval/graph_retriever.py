"""A LangChain retriever over a knowledge graph: the neighbourhood of what is asked about, one triple a document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.retrievers import BaseRetriever
from pydantic import Field

from kg_data.errors import SkylarkError
from reasoning.graph.index import Ids
from reasoning.graph.relations import Relation
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.contexts import quoted, triple_line
from reasoning.language.errors import LLMError
from reasoning.language.token_counting import count_tokens, estimate_tokens
from reasoning.query.read_question import QuestionError
from reasoning.query.tree import Query, json_value
from reasoning.reading import looks_formal, read_question
from reasoning.retrieval.facts import Facts
from reasoning.retrieval.guidance import Guidance, guidance_of_query, guidance_of_text
from reasoning.retrieval.neighbourhood import Anchor, neighbourhood

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
