"""What holds for the whole world graph, whatever the facts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pycountry
import pytest

from kg_data import world
from kg_data.world import sources
from kg_data.world.sources import key
from tests.kg_data.world_graph import World, the_world

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def graph() -> World:
    return the_world()


def test_it_is_large(graph: World) -> None:
    assert len(graph.columns.splits["graph"]) >= 100_000


def test_no_triple_is_repeated(graph: World) -> None:
    triples = graph.columns.splits["graph"]
    assert len(np.unique(triples, axis=0)) == len(triples)


def test_labels_differ_by_more_than_case_accents_and_punctuation(graph: World) -> None:
    assert len({key(label) for label in graph.labels}) == len(graph.labels)


def test_ids_are_the_labels(graph: World) -> None:
    assert list(graph.columns.entity_ids) == list(graph.labels)


def test_labels_are_clean_text(graph: World) -> None:
    assert all(label == label.strip() and label.isprintable() and "  " not in label for label in graph.labels)


def test_an_alias_leads_to_one_entity(graph: World) -> None:
    """Save for bare names and codes, whose key is another's label, so that the label is what's found."""
    labels = {key(label) for label in graph.labels}
    owner: dict[str, int] = {}
    shared = {
        alias
        for index, alias in graph.columns.aliases
        if key(alias) not in labels and owner.setdefault(key(alias), index) != index
    }
    assert not shared


def test_aliases_are_neither_labels_of_their_entity_nor_too_many(graph: World) -> None:
    assert all(alias != graph.labels[index] for index, alias in graph.columns.aliases)
    assert len(set(graph.columns.aliases)) == len(graph.columns.aliases) < 400_000


def test_every_relation_goes_where_it_should(graph: World) -> None:
    expected = {
        "capital": ({"country"}, {"city"}),
        "borders": ({"country"}, {"country"}),
        "continent": ({"country"}, {"continent"}),
        "currency": ({"country"}, {"currency"}),
        "language": ({"country"}, {"language"}),
        "country": ({"city", "subdivision", "airport"}, {"country"}),
        "subdivision": ({"city", "airport"}, {"subdivision"}),
        "part_of": ({"subdivision"}, {"subdivision"}),
        "timezone": ({"city", "airport", "country"}, {"time zone"}),
        "serves": ({"airport"}, {"city"}),
        "calling_code": ({"country"}, {"calling code"}),
        "top_level_domain": ({"country"}, {"top-level domain"}),
    }
    found: dict[str, tuple[set[str], set[str]]] = {relation: (set(), set()) for relation in expected}
    for (head, relation), tails in graph.tails.items():
        if relation != "type":
            found[relation][0].add(graph.type_of[head])
            found[relation][1].update(graph.type_of[tail] for tail in tails)
    assert found == expected


def test_types_stand_as_triples_too(graph: World) -> None:
    for label, kind in graph.type_of.items():
        assert graph.tails[label, "type"] == (set() if kind == "type" else {kind})


def test_borders_are_symmetric_and_never_with_oneself(graph: World) -> None:
    for country in graph.of_type("country"):
        neighbours = graph.tails[country, "borders"]
        assert country not in neighbours
        assert all(country in graph.tails[neighbour, "borders"] for neighbour in neighbours)


def test_the_countries_are_those_of_iso_3166_and_kosovo(graph: World) -> None:
    codes = [record.alpha_2 for record in pycountry.countries] + ["XK"]
    assert {name for code in codes for name in graph.called(code)} == set(graph.of_type("country"))
    assert len(graph.of_type("country")) == len(codes)


@pytest.mark.parametrize("relation", ["continent", "country", "type"])
def test_there_is_just_one(graph: World, relation: str) -> None:
    kinds = {"continent": ["country"], "country": ["city", "airport", "subdivision"], "type": ["country", "city"]}
    for kind in kinds[relation]:
        assert all(len(graph.tails[label, relation]) == 1 for label in graph.of_type(kind))


def test_a_city_and_its_subdivision_are_in_one_country(graph: World) -> None:
    for (head, relation), tails in graph.tails.items():
        if relation in ("subdivision", "part_of"):
            assert all(graph.tails[tail, "country"] == graph.tails[head, "country"] for tail in tails)


def test_a_capital_lies_in_its_country(graph: World) -> None:
    for country in graph.of_type("country"):
        assert all(graph.tails[city, "country"] == {country} for city in graph.tails[country, "capital"])


def test_only_places_without_one_have_no_capital(graph: World) -> None:
    assert {country for country in graph.of_type("country") if not graph.tails[country, "capital"]} == {
        "Antarctica", "Bouvet Island", "Heard Island and McDonald Islands", "Tokelau",
        "United States Minor Outlying Islands",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("relation", "without"),
    [
        ("currency", {"Antarctica"}),
        ("language", {"Antarctica", "Bouvet Island", "Heard Island and McDonald Islands"}),
    ],
)
def test_only_places_without_people_lack_it(graph: World, relation: str, without: set[str]) -> None:
    assert {country for country in graph.of_type("country") if not graph.tails[country, relation]} == without


def test_nearly_every_city_has_a_subdivision(graph: World) -> None:
    cities = graph.of_type("city")
    assert sum(bool(graph.tails[city, "subdivision"]) for city in cities) > 0.98 * len(cities)


def test_an_airport_serves_at_most_a_few_cities(graph: World) -> None:
    assert max(len(graph.tails[airport, "serves"]) for airport in graph.of_type("airport")) <= 4


def test_values_are_possible(graph: World) -> None:
    values = graph.values
    assert set(values["population"]) >= set(graph.of_type("country"))
    assert all(0 < area < 18e6 for area in values["area"].values())
    assert all(-90 <= latitude <= 90 for latitude in values["latitude"].values())
    assert all(-180 <= longitude <= 180 for longitude in values["longitude"].values())
    assert all(-400 < elevation < 5000 for elevation in values["elevation"].values())
    for column in graph.columns.literals:
        assert all(a < b for a, b in pairwise(column.entities.tolist()))


def test_building_again_gives_the_same(graph: World) -> None:
    again = world.build()
    assert list(again.entity_ids) == list(graph.columns.entity_ids)
    assert np.array_equal(again.splits["graph"], graph.columns.splits["graph"])
    assert list(again.aliases) == list(graph.columns.aliases)


def test_the_fingerprint_changes_with_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = world.fingerprint()
    assert before == world.fingerprint()
    versions = {**sources.versions(), "pycountry": "0"}
    monkeypatch.setattr(sources, "versions", lambda: versions)
    assert world.fingerprint() != before


def test_every_source_is_named_with_its_licence(graph: World) -> None:
    assert len(world.SOURCES) >= 5
    for source in world.SOURCES:
        assert source.gives and source.licence
        assert source.attribution in graph.columns.source
