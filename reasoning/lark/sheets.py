"""Steps of chains as sheets, which a taught model marks.

What is asked stands first, so that a candidate is judged as it is read: "find R, S1 S2 : S1 R a, S3 R b, ...", every
triple from the end that is asked from, and a mark behind its other end. Of a set operation the sets that are only
looked up come first, and the one whose members may be answers last. The marks of one step do not see each other and
need not be written, so that a step takes one pass through the model, whatever its answers.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reasoning.graph.index import Ids
from reasoning.graph.relations import Relation
from reasoning.language.marking.scheme import MarkScheme
from reasoning.language.marking.sheets import Sheet
from reasoning.query.chain import Operation

OPERATION_WORDS = {"project": " find", "intersect": " both", "union": " either", "difference": " without"}
"""How a sheet writes each operation."""

RELATION_WORDS = 256
"""Words of a scheme that stand for relations, the last ones drawn; the others stand for entities."""

TOKENS_OF_A_TRIPLE = 3


@dataclass(frozen=True)
class SheetCost:
    """What triples cost on a sheet, see `reasoning.retrieval.TripleCost`."""

    def together(self, triples: Ids) -> int:
        """Tokens of these triples."""
        return TOKENS_OF_A_TRIPLE * len(triples)

    def at_most(self, triples: Ids) -> list[int]:
        """Tokens of each."""
        return [TOKENS_OF_A_TRIPLE] * len(triples)


def sources_shown(sources: Ids, relation: Relation, triples: Ids, rng: random.Random) -> list[int]:
    """The sources that a projection's sheet names, in an order that is drawn.

    A source without any triple in the context adds nothing to the answer and would only lengthen the question.
    """
    shown = np.intersect1d(sources, triples[:, 2 if relation.inverse else 0]).tolist() or [int(sources[0])]
    rng.shuffle(shown)
    return shown


def projection_sheet(
    scheme: MarkScheme, sources: Sequence[int], relation: Relation, triples: Ids, rng: random.Random
) -> Sheet:
    """A projection over context triples of shape (n, 3), columns head, relation, tail.

    Args:
        scheme: the tokens.
        sources: what is projected from.
        relation: the relation asked for, and its direction.
        triples: the context in its order.
        rng: draws the words.
    """
    near, far = (triples[:, 2], triples[:, 0]) if relation.inverse else (triples[:, 0], triples[:, 2])
    drawn = rng.sample(scheme.words, len(scheme.words))
    entities, relations = _Words(drawn[:-RELATION_WORDS]), _Words(drawn[-RELATION_WORDS:])
    asked = [scheme.operations["project"], relations.of(relation.index), *map(entities.of, sources), scheme.apart]
    body = [
        token
        for start, kind, end in zip(near.tolist(), triples[:, 1].tolist(), far.tolist(), strict=True)
        for token in (entities.of(start), relations.of(kind), entities.of(end))
    ]
    places = len(asked) + TOKENS_OF_A_TRIPLE * np.arange(1, len(triples) + 1) - 1
    return Sheet(np.array(asked + body), places, far.astype(np.int32))


def set_sheet(scheme: MarkScheme, operation: Operation, sets: Sequence[Sequence[int]], rng: random.Random) -> Sheet:
    """A set operation over sets in the order in which their members are to be shown.

    `difference` takes (from, what to drop).
    """
    words = _Words(rng.sample(scheme.words, len(scheme.words)))
    shown = [sets[1], sets[0]] if operation == "difference" else list(sets)
    tokens = [scheme.operations[operation]]
    places: list[int] = []
    candidates: list[int] = []
    for number, members in enumerate(shown):
        tokens += [scheme.apart] if number else []
        if operation == "union" or number == len(shown) - 1:
            places += range(len(tokens), len(tokens) + len(members))
            candidates += members
        tokens += map(words.of, members)
    return Sheet(np.array(tokens), np.array(places, dtype=np.int64), np.array(candidates, dtype=np.int32))


class _Words:
    """Gives each thing the next word; no two have the same."""

    def __init__(self, words: Sequence[int]) -> None:
        self._unused = iter(words)
        self._word_of: dict[int, int] = {}

    def of(self, thing: int) -> int:
        if thing not in self._word_of:
            self._word_of[thing] = next(self._unused)
        return self._word_of[thing]
