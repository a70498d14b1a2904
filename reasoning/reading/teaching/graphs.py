"""Graphs that have never been, drawn from domains, so that knowing a schema by heart never pays.

A graph is a part of a domain's relations (or of two domains'), each under one of its labels and stored in either
direction, kinds with a word or without, ids in a new order.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reasoning.graph.spelling import label_words
from reasoning.reading.model.prompt import KIND_IDS, RELATION_IDS, KindEntry, RelationEntry, Schema
from reasoning.reading.teaching.domains import Domain, DomainRelation

UNTYPED, TWO_DOMAINS, TURNED = 0.3, 0.25, 0.35
"""How often a graph has no words for kinds, is made of two domains, and a relation is stored the other way round."""


@dataclass(frozen=True)
class DrawnGraph:
    """A schema that was drawn, and how the domains' queries read in it.

    Attributes:
        schema: as the prompt shows it.
        domains: what it is made of.
        relations: by (domain's name, relation's key) the entry's place in the schema, and whether it is turned round.
        kinds: by (domain's name, kind's key) the kind's place.
    """

    schema: Schema
    domains: Sequence[Domain]
    relations: Mapping[tuple[str, str], tuple[int, bool]]
    kinds: Mapping[tuple[str, str], int]

    def domain(self, name: str) -> Domain:
        """One of its domains."""
        return next(domain for domain in self.domains if domain.name == name)


def draw_graph(known: Sequence[Domain], rng: random.Random) -> DrawnGraph:
    """A new schema, of one of some domains or of two."""
    domains = [rng.choice(known)]
    if rng.random() < TWO_DOMAINS and len(known) > 1:
        domains.append(rng.choice([domain for domain in known if domain is not domains[0]]))
    share = rng.choice((1.0, 0.9, 0.75, 0.6))
    kept = [
        (domain, relation)
        for domain in domains
        for relation in domain.relations.values()
        if rng.random() < share / (1 if domain is domains[0] else 1.5)
    ]
    rng.shuffle(kept)
    kept = kept[: len(RELATION_IDS)]
    named = rng.random() >= UNTYPED
    keys = list(dict.fromkeys(
        (domain.name, kind) for domain, relation in kept for kind in (*relation.start, *relation.end)
    ))  # fmt: skip
    rng.shuffle(keys)
    keys = keys[: len(KIND_IDS)]
    by_name = {domain.name: domain for domain in domains}
    kinds = [_kind(by_name[name], kind, named, rng) for name, kind in keys]
    place = {key: at for at, key in enumerate(keys)}
    entries: list[RelationEntry] = []
    relations: dict[tuple[str, str], tuple[int, bool]] = {}
    taken: set[str] = set()
    for domain, relation in kept:
        entry, turned = _relation(
            relation,
            {k: place[domain.name, k] for k in (*relation.start, *relation.end) if (domain.name, k) in place},
            taken,
            rng,
        )
        relations[domain.name, relation.key] = (len(entries), turned)
        entries.append(entry)
    return DrawnGraph(Schema(kinds, entries), domains, relations, place)


def _kind(domain: Domain, key: str, named: bool, rng: random.Random) -> KindEntry:
    kind = domain.kinds[key]
    query = f'~type("{key}")'
    if named:
        usual = rng.random() < 0.6
        one, _ = kind.words[0] if usual else rng.choice(list(kind.words))
        return KindEntry(one, query)
    return KindEntry(", ".join(rng.sample(list(kind.names), 2)), query, named=False)


def _relation(
    relation: DomainRelation, kinds: Mapping[str, int], taken: set[str], rng: random.Random
) -> tuple[RelationEntry, bool]:
    turned = bool(relation.back) and rng.random() < TURNED
    labels = [
        words for label in (relation.back if turned else relation.labels) if (words := label_words(label)) not in taken
    ]
    words = rng.choice(labels) if labels else f"{relation.key.replace('_', ' ')} {len(taken)}"
    taken.add(words)
    start, end = (tuple(sorted(kinds[k] for k in ends if k in kinds)) for ends in (relation.start, relation.end))
    if relation.values is not None:
        return RelationEntry(words, start, relation.values, relation.key), False
    ends = (end, start) if turned else (start, end)
    return RelationEntry(words, *ends, relation.key), turned
