"""What triples and members cost in a prompt, counted by the model's tokenizer before their ids are drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from langchain_core.language_models import BaseChatModel

from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.contexts import triple_line
from reasoning.language.token_counting import count_tokens
from reasoning.lark.entity_ids import Naming, ReadableNaming, id_digits
from reasoning.lark.options import LarkOptions
from reasoning.wording.value_text import confidence_words


def named_triple(kg: KnowledgeGraph, naming: Naming, triple: Sequence[int]) -> str:
    """A triple as the context writes it, its confidence behind one that was predicted."""
    head, relation, tail = triple
    line = triple_line(naming.entity(head), naming.relation(relation), naming.entity(tail))
    confidence = kg.confidence(*triple)
    return line if confidence == 1 else f"{line} {confidence_words(confidence)}"


class TokenCost:
    """Tokens of triples and members before their ids are drawn, which all ids of as many digits share; or by name.

    Args:
        kg: the graph.
        llm: its tokenizer counts.
        options: the kind of names, and the budget, which bounds how many ids a context can hold.
        shared: whether what is asked about will share its context with more than it knows of.
    """

    def __init__(self, kg: KnowledgeGraph, llm: BaseChatModel, options: LarkOptions, shared: bool = False) -> None:
        self._kg, self._llm, self._shared = kg, llm, shared
        self._confidence = count_tokens(llm, [" 0.88"])[0] if kg.predicted else 0
        self._readable = ReadableNaming((), kg) if options.names == "readable" else None
        self._by_digits: dict[tuple[int, int], tuple[int, int]] = {}
        self._by_name: dict[tuple[int, ...], int] = {}
        self._most_digits = self._longest_ids(kg, options.token_budget)

    def together(self, triples: Ids) -> int:
        """Tokens of a context that holds these triples, shape (n, 3), and no others."""
        if self._readable is not None or self._shared:
            return sum(self.at_most(triples))
        entities, relations = len(np.unique(triples[:, [0, 2]])), len(np.unique(triples[:, 1]))
        each = self._with_ids(id_digits(entities), id_digits(relations))[0]
        return len(triples) * each + sum(self._of_confidence(triples))

    def at_most(self, triples: Ids) -> list[int]:
        """The most tokens of each triple in a context of the budget, shape (n,)."""
        if self._readable is None:
            each = self._with_ids(*self._most_digits)[0]
            return [each + confidence for confidence in self._of_confidence(triples)]
        readable = self._readable
        keys = [tuple(triple) for triple in triples.tolist()]
        return self._named(keys, lambda key: f"{named_triple(self._kg, readable, key)}\n")

    def _of_confidence(self, triples: Ids) -> list[int]:
        """Tokens of the number behind each triple: none where nothing was predicted."""
        if not self._confidence:
            return [0] * len(triples)
        return [self._confidence * (self._kg.confidence(*triple) < 1) for triple in triples.tolist()]

    def members_together(self, entities: Ids) -> list[int]:
        """Tokens of each as a member in the list of a set, where a context holds these entities and no others."""
        if self._readable is not None:
            return self.members_at_most(entities)
        return [self._with_ids(id_digits(len(entities)), 1)[1]] * len(entities)

    def members_at_most(self, entities: Ids) -> list[int]:
        """The most tokens of each as a member in the list of a set, in a context of the budget."""
        if self._readable is None:
            return [self._with_ids(*self._most_digits)[1]] * len(entities)
        readable = self._readable
        return self._named([(entity,) for entity in entities.tolist()], lambda key: f", {readable.entity(key[0])}")

    def _with_ids(self, entity_digits: int, relation_digits: int) -> tuple[int, int]:
        """Tokens of a triple and of a member with ids of so many digits."""
        digits = entity_digits, relation_digits
        if digits not in self._by_digits:
            entity, relation = "e" + "8" * entity_digits, "r" + "8" * relation_digits
            line, listed = f"{triple_line(entity, relation, entity)}\n", f", {entity}"
            triple, member = count_tokens(self._llm, [line, listed])
            self._by_digits[digits] = triple, member
        return self._by_digits[digits]

    def _named(self, keys: Sequence[tuple[int, ...]], write: Callable[[tuple[int, ...]], str]) -> list[int]:
        """Tokens of each key's text, all that are new counted by one call."""
        new = [key for key in dict.fromkeys(keys) if key not in self._by_name]
        self._by_name.update(zip(new, count_tokens(self._llm, [write(key) for key in new]), strict=True))
        return [self._by_name[key] for key in keys]

    def _longest_ids(self, kg: KnowledgeGraph, budget: int) -> tuple[int, int]:
        """Digits of entities and of relations in a context of the budget that holds as many as it can."""
        digits = 0
        while True:
            digits += 1
            triple, member = self._with_ids(digits, 1)
            # Two entities a triple, and a question that names some that no triple of the context has.
            entities = min(kg.entity_count, max(3 * (budget // triple), budget // member, 3))
            if id_digits(entities) <= digits:
                relations = min(kg.relation_count, budget // triple + 8)
                return digits, id_digits(relations if self._shared else min(relations, budget // triple // 2 + 8))
