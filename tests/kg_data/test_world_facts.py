"""Facts written from general knowledge, without a look at the sources of the graph or at its code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kg_data.world_graph import the_world

pytestmark = pytest.mark.slow

DATA = Path(__file__).parent.parent / "data"


def rows(file_name: str) -> list[list[str]]:
    lines = (DATA / file_name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def only(name: str) -> str:
    """The one entity that a name means."""
    called = the_world().called(name)
    assert len(called) == 1, f"{name!r} means {sorted(called) or 'nothing'}"
    return next(iter(called))


@pytest.mark.parametrize(
    ("subject", "relation", "object_"),
    [pytest.param(*row, id=" ".join(row)) for row in rows("world_facts.tsv")],
)
def test_a_fact_holds_or_does_not(subject: str, relation: str, object_: str) -> None:
    name = relation.removeprefix("!")
    assert name in the_world().columns.relation_ids
    tails = the_world().tails[only(subject), name]
    if relation.startswith("!"):
        # A name that means nothing is no fact either: the Deutsche Mark isn't in the graph.
        assert not tails & the_world().called(object_)
    else:
        assert only(object_) in tails


@pytest.mark.parametrize(
    ("subject", "relation", "low", "high"),
    [pytest.param(*row, id=" ".join(row)) for row in rows("world_populations.tsv")],
)
def test_a_value_lies_between_its_bounds(subject: str, relation: str, low: str, high: str) -> None:
    assert float(low) <= the_world().values[relation][only(subject)] <= float(high)
