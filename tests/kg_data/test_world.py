"""The world graph: tables of facts written from general knowledge, not from its sources, and what always holds."""

import gzip
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pycountry
import pytest

from kg_data import world
from kg_data.columns import GraphColumns
from tools.world import SOURCES, build, sources
from tools.world.__main__ import notice, packed
from tools.world.countries import read_countries
from tools.world.sources import CORRECTIONS, NUMBERS, key

pytestmark = pytest.mark.slow

DATA = Path(__file__).parent.parent / "data"


class World:
    """Triples and values by name.

    A name means, in this order, the label spelled so, the alias spelled so, the label and the alias that are the same
    but for case, accents and punctuation.
    """

    def __init__(self, columns: GraphColumns) -> None:
        self.columns = columns
        self.labels = columns.entity_labels
        self.type_of = {self.labels[index]: kind for index, kind in columns.types}
        self.tails: dict[tuple[str, str], set[str]] = defaultdict(set)
        for head, relation, tail in columns.splits["graph"].tolist():
            self.tails[self.labels[head], columns.relation_ids[relation]].add(self.labels[tail])
        self.values = {
            column.relation: dict(
                zip((self.labels[i] for i in column.entities.tolist()), column.values.tolist(), strict=True)
            )
            for column in columns.literals
        }
        self._names: list[dict[str, set[str]]] = [defaultdict(set) for _ in range(4)]
        said = ((label, label) for label in self.labels), ((alias, self.labels[i]) for i, alias in columns.aliases)
        for place, pairs in enumerate(said):
            for name, label in pairs:
                self._names[place][name].add(label)
                self._names[place + 2][key(name)].add(label)

    def called(self, name: str) -> set[str]:
        """Labels of the entities that a name means; empty where it means none."""
        forms = zip(self._names, (name, name, key(name), key(name)), strict=True)
        return next((names[form] for names, form in forms if form in names), set())

    def of_type(self, kind: str) -> list[str]:
        """Labels of all entities of a type."""
        return [label for label, given in self.type_of.items() if given == kind]


@pytest.fixture(scope="module")
def graph() -> World:
    return World(world.load())


def rows(file_name: str) -> list[list[str]]:
    lines = (DATA / file_name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def only(graph: World, name: str) -> str:
    """The one entity that a name means."""
    called = graph.called(name)
    assert len(called) == 1, f"{name!r} means {sorted(called) or 'nothing'}"
    return next(iter(called))


# Tables ---------------------------------------------------------------------------------------------------------


def test_facts_hold_or_do_not(graph: World) -> None:
    for subject, relation, object_ in rows("world_facts.tsv"):
        name = relation.removeprefix("!")
        assert name in graph.columns.relation_ids
        tails = graph.tails[only(graph, subject), name]
        # A name that means nothing is no fact either: the Deutsche Mark isn't in the graph.
        holds = bool(tails & graph.called(object_)) if relation.startswith("!") else only(graph, object_) in tails
        assert holds != relation.startswith("!"), (subject, relation, object_)


def test_where_the_sources_mislead_relations_have_just_what_they_should(graph: World) -> None:
    for subject, relation, objects in rows("world_sets.tsv"):
        tails = graph.tails[subject, relation]
        expected: object = int(objects[1:]) if objects.startswith("=") else set(objects.split("|"))
        assert (len(tails) if isinstance(expected, int) else tails) == expected, (subject, relation)


def test_names_mean_what_people_mean(graph: World) -> None:
    for name, label in rows("world_names.tsv"):
        assert graph.called(name) == ({label} if label else set()), name


def test_values_lie_between_their_bounds_or_are_those_written_down(graph: World) -> None:
    for subject, relation, low, high in rows("world_populations.tsv"):
        assert float(low) <= graph.values[relation][only(graph, subject)] <= float(high), (subject, relation)
    for (code, relation), (value, reason) in NUMBERS.items():
        assert reason and graph.values[relation][only(graph, code)] == value


def test_a_correction_that_changes_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    raw, pages = sources.raw_countries(), dict[str, dict[str, Any]]()
    fields = {"capital": "capitals", "borders": "neighbours", "currency": "currencies", "language": "languages",
              "calling_code": "calling_codes", "top_level_domain": "domains"}  # fmt: skip
    for relation, country in [(relation, country) for relation, rows in CORRECTIONS.items() for country in rows]:
        row = CORRECTIONS[relation][country]
        needed = (country, *row.get("add", ()), *row.get("remove", ()))
        wanted = {code: value for code, value in raw.items() if code in needed}
        corrected = getattr(read_countries(wanted, pages)[country], fields[relation])
        with monkeypatch.context() as patch:
            patch.delitem(CORRECTIONS[relation], country)
            assert getattr(read_countries(wanted, pages)[country], fields[relation]) != corrected, row


# What holds whatever the facts ------------------------------------------------------------------------------------


def test_triples_labels_and_aliases_are_clean(graph: World) -> None:
    triples, labels = graph.columns.splits["graph"], graph.labels
    assert len(np.unique(triples, axis=0)) == len(triples) >= 100_000
    assert list(graph.columns.entity_ids) == list(labels)
    assert all(label == label.strip() and label.isprintable() and "  " not in label for label in labels)
    keys = {key(label) for label in labels}
    assert len(keys) == len(labels), "labels differ by more than case, accents and punctuation"
    aliases = graph.columns.aliases
    assert all(alias != labels[index] for index, alias in aliases)
    assert len(set(aliases)) == len(aliases) < 400_000
    # Bare names and codes may be another's label, which is what is found then.
    owner: dict[str, int] = {}
    assert not {a for index, a in aliases if key(a) not in keys and owner.setdefault(key(a), index) != index}


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
        if relation != "type" and tails:
            found[relation][0].add(graph.type_of[head])
            found[relation][1].update(graph.type_of[tail] for tail in tails)
        if relation in ("subdivision", "part_of"):
            assert all(graph.tails[tail, "country"] == graph.tails[head, "country"] for tail in tails)
    assert found == expected
    for label, kind in graph.type_of.items():
        assert graph.tails[label, "type"] == (set() if kind == "type" else {kind})
    for kind, relation in (("country", "continent"), ("city", "country"), ("airport", "country"),
                           ("subdivision", "country")):  # fmt: skip
        assert all(len(graph.tails[label, relation]) == 1 for label in graph.of_type(kind))


def test_the_countries_are_those_of_iso_3166_and_kosovo(graph: World) -> None:
    codes = [record.alpha_2 for record in pycountry.countries] + ["XK"]
    assert {name for code in codes for name in graph.called(code)} == set(graph.of_type("country"))
    assert len(graph.of_type("country")) == len(codes)
    for country in graph.of_type("country"):
        neighbours = graph.tails[country, "borders"]
        assert country not in neighbours
        assert all(country in graph.tails[neighbour, "borders"] for neighbour in neighbours)
        assert all(graph.tails[city, "country"] == {country} for city in graph.tails[country, "capital"])


def test_only_places_without_people_or_seat_lack_a_currency_a_language_or_a_capital(graph: World) -> None:
    without = {"Antarctica"}
    more = {"currency": set(), "language": {"Bouvet Island", "Heard Island and McDonald Islands"},
            "capital": {"Tokelau", "United States Minor Outlying Islands"}}  # fmt: skip
    for relation, others in more.items():
        without |= others
        assert {country for country in graph.of_type("country") if not graph.tails[country, relation]} == without


def test_cities_airports_and_values_are_possible(graph: World) -> None:
    cities, values = graph.of_type("city"), graph.values
    assert sum(bool(graph.tails[city, "subdivision"]) for city in cities) > 0.98 * len(cities)
    assert max(len(graph.tails[airport, "serves"]) for airport in graph.of_type("airport")) <= 4
    assert set(values["population"]) >= set(graph.of_type("country"))
    bounds = {"area": (0, 18e6), "latitude": (-90, 90), "longitude": (-180, 180), "elevation": (-400, 5000)}
    for relation, (low, high) in bounds.items():
        assert all(low <= value <= high for value in values[relation].values())
    for column in graph.columns.literals:
        assert all(a < b for a, b in pairwise(column.entities.tolist()))


def test_building_gives_the_file_and_the_notice_names_each_source(graph: World) -> None:
    assert gzip.decompress(packed(build())) == gzip.decompress(world.FILE.read_bytes())
    assert world.FILE.with_name("NOTICE.md").read_text(encoding="utf-8") == notice()
    assert len(SOURCES) >= 5
    for source in SOURCES:
        assert source.gives and source.licence and source.attribution in graph.columns.source
