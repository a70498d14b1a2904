"""Questions about a graph that was just made of a text: a few that it answers, made of what the text says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from app.graph.suggestions import answered
from kg_data.values import Value
from reasoning import KnowledgeGraph
from reasoning.extraction.extraction import Extracted
from reasoning.query.tree import Count, Entity, Project, Query

MOST = 3
TRIED = 8
"""Questions that are tried for them; each is read by the model that reads questions here."""

Offered = tuple[tuple[str, str], ...]
"""Questions: what stands on the button of each, and what is asked."""


def questions_of(kg: KnowledgeGraph, graph: str, triples: Sequence[Extracted]) -> Offered:
    """Up to three questions that were asked and answered; where their English is not read as it is meant, the query.

    They are read by the embedded model, so that a visitor's provider charges for none of them.

    Args:
        kg: the graph.
        graph: its name on the shelf.
        triples: what it was made of.
    """
    tried = list(islice(dict.fromkeys(_queries(triples)), TRIED))
    read = list(islice(answered(kg, graph, tried, "embedded"), MOST))
    offered = [(question, question) for question, _ in read]
    taken = {query for _, query in read}
    rest = [query for query in tried if query not in taken]
    # A query in the grammar is asked as it is, so what it says is what is answered.
    offered += [(query.verbalise(kg), str(query)) for query in rest[: MOST - len(offered)]]
    return tuple(offered)


def _queries(triples: Sequence[Extracted]) -> Iterator[Query]:
    """One of each kind in turn, of what the text says most of."""
    things = [triple for triple in triples if not isinstance(triple.tail, Value)]
    heads = Counter(triple.head for triple in triples)
    tails = Counter((triple.relation, str(triple.tail)) for triple in things)
    forward = sorted(dict.fromkeys((t.relation, t.head) for t in triples), key=lambda pair: -heads[pair[1]])
    backward = [pair for pair, count in tails.most_common() if count > 1]
    for place in range(max(len(forward), len(backward))):
        if place < len(backward):
            relation, tail = backward[place]
            yield Project(relation, Entity(tail), inverse=True)
        if place < len(forward):
            relation, head = forward[place]
            yield Project(relation, Entity(head))
        if place < len(backward):
            yield Count(Project(backward[place][0], Entity(backward[place][1]), inverse=True))
