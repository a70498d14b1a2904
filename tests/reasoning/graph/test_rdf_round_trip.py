"""A graph written as RDF and read again is the same graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from kg_data.columns import GraphColumns, LiteralColumn
from reasoning import KnowledgeGraph
from tests.reasoning.awkward_names import AWKWARD
from tests.reasoning.made_dataset import make_dataset
from tests.reasoning.random_queries import Facts, facts

IRI_IDS = KnowledgeGraph.from_columns(
    GraphColumns(
        name="iris",
        entity_ids=["http://x.org/a_b", "http://x.org/c", "mailto:a@x.org", "_:1", "Q1"],
        entity_labels=["http://x.org/a_b", "C", "mailto:a@x.org", "_:1", "Q1"],
        relation_ids=["http://x.org/r", "urn:x:s", "t"],
        relation_labels=["http://x.org/r", "S", "t"],
        splits={"graph": np.array([[0, 0, 1], [1, 1, 2], [2, 2, 3], [4, 0, 4]], dtype=np.int32)},
        relation_aliases={"http://x.org/r_of": (0, True), "r_reverse": (0, True), "another r": (0, False)},
        types=[(0, "a thing"), (0, "ex:thing"), (3, "a thing")],
        literals=[
            LiteralColumn("http://x.org/v", "year", np.array([1], dtype=np.int32), np.array([-5.0]), "years"),
            LiteralColumn("W", "integer", np.array([1], dtype=np.int32), np.array([7.0]), identifier="http://x.org/w"),
        ],
    )
)


def content(kg: KnowledgeGraph) -> dict[str, Any]:
    """All that a graph holds, by ids."""
    relation = kg.relation_ids.__getitem__
    return {
        "links": {(kg.identifier(h), relation(r), kg.identifier(t)) for h, r, t in kg.index.whole.triples().tolist()},
        "values": {
            column.identifier: (
                column.relation,
                column.kind,
                column.unit,
                {(kg.identifier(e), v) for e, v in zip(column.entities.tolist(), column.values.tolist(), strict=True)},
            )
            for column in kg.literals
        },
        "labels": {kg.identifier(entity): kg.entity_labels[entity] for entity in kg.universe.tolist()},
        "types": {kg.identifier(entity): set(kg.types(entity)) for entity in kg.universe.tolist()},
        "relations": dict(zip(kg.relation_ids, kg.relation_labels, strict=True)),
        "inverses": {name: relation(r) for name, (r, inverse) in kg.relation_aliases.items() if inverse},
    }


@pytest.mark.parametrize("suffix", [".nt", ".ttl"])
class TestRoundTrip:
    def again(self, kg: KnowledgeGraph, folder: Path, suffix: str) -> KnowledgeGraph:
        kg.to_rdf(folder / f"graph{suffix}")
        return KnowledgeGraph.load(folder / f"graph{suffix}")

    @given(world=facts())
    def test_of_any_small_graph(self, tmp_path_factory: pytest.TempPathFactory, suffix: str, world: Facts) -> None:
        kg = KnowledgeGraph.from_triples(world.triples)
        assert content(self.again(kg, tmp_path_factory.mktemp("rdf"), suffix)) == content(kg)

    def test_of_iris_units_types_and_inverse_names(self, tmp_path: Path, suffix: str) -> None:
        assert content(self.again(IRI_IDS, tmp_path, suffix)) == content(IRI_IDS)

    def test_of_names_that_are_hard_to_write(self, tmp_path: Path, suffix: str) -> None:
        # Half a surrogate pair has no form in RDF but in an encoded id.
        kg = KnowledgeGraph.from_triples([(name, f"r{name}", f"{name}2") for name in AWKWARD if name != "\ud800"])
        assert content(self.again(kg, tmp_path, suffix)) == content(kg)

    def test_of_a_benchmark_s_form_with_inverse_relations(self, tmp_path: Path, suffix: str) -> None:
        kg = KnowledgeGraph.load(make_dataset(tmp_path / "made", queries_of_each=0))
        assert content(self.again(kg, tmp_path, suffix)) == content(kg)
