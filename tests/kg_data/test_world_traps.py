"""Where the sources of the world graph mislead, one test for each trap."""

from __future__ import annotations

from typing import Any

import pytest

from kg_data.world import sources
from kg_data.world.countries import read_countries
from kg_data.world.sources import CORRECTIONS, NUMBERS, Correction
from tests.kg_data.world_graph import World, the_world

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def graph() -> World:
    return the_world()


@pytest.mark.parametrize("name", ["Serbia and Montenegro", "Netherlands Antilles"])
def test_dissolved_states_are_gone(graph: World, name: str) -> None:
    assert not graph.called(name)


def test_guantanamo_is_no_border(graph: World) -> None:
    assert graph.tails["United States", "borders"] == {"Canada", "Mexico"}
    assert not graph.tails["Cuba", "borders"]


def test_kosovo_lies_between_albania_and_serbia(graph: World) -> None:
    assert graph.tails["Albania", "borders"] == {"Greece", "Kosovo", "Montenegro", "North Macedonia"}


def test_botswana_meets_zambia_at_kazungula(graph: World) -> None:
    assert "Zambia" in graph.tails["Botswana", "borders"]


def test_hans_island_belongs_to_greenland_and_not_to_denmark(graph: World) -> None:
    assert graph.tails["Greenland", "borders"] == {"Canada"}
    assert graph.tails["Denmark", "borders"] == {"Germany"}


def test_overseas_land_borders_as_itself(graph: World) -> None:
    assert graph.tails["French Guiana", "borders"] == {"Brazil", "Suriname"}
    assert graph.tails["France", "borders"] == {
        "Andorra", "Belgium", "Germany", "Italy", "Luxembourg", "Monaco", "Spain", "Switzerland",
    }  # fmt: skip
    assert graph.tails["Saint Martin", "borders"] == {"Sint Maarten"}
    assert graph.tails["Gibraltar", "borders"] == {"Spain"}


def test_a_boundary_inside_a_state_is_none(graph: World) -> None:
    assert len(graph.tails["China", "borders"]) == 14
    assert not graph.tails["Hong Kong", "borders"] | graph.tails["Macao", "borders"]


@pytest.mark.parametrize(
    ("country", "count"),
    [("Russia", 14), ("Brazil", 10), ("Germany", 9), ("Sudan", 7), ("Zambia", 8), ("Turkey", 8), ("Tanzania", 8),
     ("Democratic Republic of the Congo", 9), ("Serbia", 8), ("Hungary", 7), ("Azerbaijan", 5), ("Qatar", 1),
     ("Lesotho", 1), ("Vatican City", 1), ("Ireland", 1), ("Kosovo", 4), ("Israel", 5), ("Iceland", 0), ("Japan", 0),
     ("Cyprus", 0), ("Australia", 0)],
)  # fmt: skip
def test_how_many_neighbours(graph: World, country: str, count: int) -> None:
    assert len(graph.tails[country, "borders"]) == count


@pytest.mark.parametrize(
    ("country", "capital"),
    [("Colombia", "Bogotá"), ("Brazil", "Brasília"), ("Mongolia", "Ulaanbaatar"), ("Kazakhstan", "Astana"),
     ("Togo", "Lomé"), ("Cameroon", "Yaoundé"), ("Iceland", "Reykjavík"), ("Paraguay", "Asunción"),
     ("Curaçao", "Willemstad"), ("Tonga", "Nuku'alofa"), ("Moldova", "Chișinău"), ("Maldives", "Malé"),
     ("Myanmar", "Naypyidaw"), ("Palau", "Ngerulmud"), ("Caribbean Netherlands", "Kralendijk"),
     ("Guernsey", "Saint Peter Port"), ("Kiribati", "Tarawa")],
)  # fmt: skip
def test_capitals_that_match_no_city_by_name(graph: World, country: str, capital: str) -> None:
    assert graph.tails[country, "capital"] == {capital}


@pytest.mark.parametrize(
    ("country", "capitals"),
    [("South Africa", {"Pretoria", "Cape Town", "Bloemfontein"}), ("Bolivia", {"Sucre", "La Paz"}),
     ("Netherlands", {"Amsterdam"}), ("Sri Lanka", {"Sri Jayawardenepura Kotte", "Colombo"}),
     ("Eswatini", {"Mbabane", "Lobamba"}), ("Benin", {"Porto-Novo"}), ("Malaysia", {"Kuala Lumpur"})],
)  # fmt: skip
def test_countries_with_several_seats(graph: World, country: str, capitals: set[str]) -> None:
    assert graph.tails[country, "capital"] == capitals


@pytest.mark.parametrize(
    ("country", "currencies"),
    [("Bulgaria", {"Euro"}), ("Croatia", {"Euro"}), ("Kosovo", {"Euro"}), ("Curaçao", {"Caribbean Guilder"}),
     ("Sint Maarten", {"Caribbean Guilder"}), ("Sierra Leone", {"Leone"}), ("Zimbabwe", {"Zimbabwe Gold", "US Dollar"}),
     ("Panama", {"Balboa", "US Dollar"}), ("Lesotho", {"Loti", "Rand"}), ("Japan", {"Yen"}),
     ("Canada", {"Canadian Dollar"}),
     ("Australia", {"Australian Dollar"}), ("United Kingdom", {"Pound Sterling"}), ("Cuba", {"Cuban Peso"}),
     ("Switzerland", {"Swiss Franc"}), ("Senegal", {"CFA Franc BCEAO"}), ("Gabon", {"CFA Franc BEAC"})],
)  # fmt: skip
def test_currencies_keep_their_own_names_and_are_current(graph: World, country: str, currencies: set[str]) -> None:
    assert graph.tails[country, "currency"] == currencies


@pytest.mark.parametrize(
    ("country", "languages"),
    [("Brazil", {"Portuguese"}), ("Switzerland", {"German", "French", "Italian", "Romansh"}), ("Austria", {"German"}),
     ("Belgium", {"Dutch", "French", "German"}), ("Canada", {"English", "French"}),
     ("Norway", {"Norwegian", "Northern Sami"}),
     ("Ukraine", {"Ukrainian"}), ("Vatican City", {"Italian", "Latin"}),
     ("Rwanda", {"Kinyarwanda", "English", "French", "Swahili"}),
     ("Hong Kong", {"Chinese", "English"}), ("Singapore", {"English", "Chinese", "Malay", "Tamil"}),
     ("Finland", {"Finnish", "Swedish"}), ("Afghanistan", {"Persian", "Pashto"}), ("Mexico", {"Spanish"})],
)  # fmt: skip
def test_languages_are_official_and_without_regional_standards(graph: World, country: str, languages: set[str]) -> None:
    assert graph.tails[country, "language"] == languages


@pytest.mark.parametrize(
    ("city", "division"),
    [("Tokyo", "Tokyo (Japan)"), ("Osaka", "Osaka (Japan)"), ("Fukuoka", "Fukuoka (Japan)"), ("Munich", "Bavaria"),
     ("Strasbourg", "Grand Est"), ("Lyon", "Auvergne-Rhône-Alpes"), ("Bergen", "Vestland"), ("Chicago", "Illinois"),
     ("Moscow", "Moscow (Russia)"), ("Mexico City", "Mexico City (Mexico)"), ("Ecatepec de Morelos", "State of Mexico"),
     ("Glasgow", "Scotland"), ("Cardiff", "Wales"), ("Washington", "District of Columbia"), ("Milan", "Lombardy"),
     ("Seville", "Andalusia"), ("Mumbai", "Maharashtra"), ("Casablanca", "Casablanca-Settat"), ("Toronto", "Ontario"),
     ("Taichung", "Taichung (Taiwan)"), ("Buenos Aires", "Autonomous City of Buenos Aires"),
     ("Kraków", "Lesser Poland")],
)  # fmt: skip
def test_admin1_codes_are_not_iso_codes(graph: World, city: str, division: str) -> None:
    assert graph.tails[city, "subdivision"] == {division}


@pytest.mark.parametrize(
    ("airport", "city"),
    [("CDG", "Paris"), ("LHR", "London"), ("JFK", "New York City"), ("NRT", "Tokyo"), ("YYZ", "Toronto"),
     ("PRN", "Pristina"), ("IST", "Istanbul"), ("DFW", "Dallas"), ("DFW", "Fort Worth"), ("IAD", "Washington")],
)  # fmt: skip
def test_airports_serve_the_city_meant(graph: World, airport: str, city: str) -> None:
    (label,) = graph.called(airport)
    assert city in graph.tails[label, "serves"]


@pytest.mark.parametrize(
    ("name", "label"),
    [("USA", "United States"), ("U.S.", "United States"), ("UK", "United Kingdom"), ("Holland", "Netherlands"),
     ("Burma", "Myanmar"), ("Côte d'Ivoire", "Ivory Coast"), ("Czech Republic", "Czechia"), ("Türkiye", "Turkey"),
     ("Deutschland", "Germany"), ("DEU", "Germany"), ("FR", "France"), ("Macau", "Macao"), ("Köln", "Cologne"),
     ("Москва", "Moscow"), ("東京", "Tokyo"), ("Saigon", "Ho Chi Minh City"), ("Mandarin", "Chinese"), ("JPY", "Yen"),
     ("Bayern", "Bavaria"), ("US-CA", "California"), ("EGLL", "London Heathrow Airport"), ("Canadian", "Canada"),
     ("Georgia", "Georgia"), ("Washington, D.C.", "Washington"), ("Luxembourg", "Luxembourg"), ("Paris", "Paris")],
)  # fmt: skip
def test_a_name_means_what_people_mean(graph: World, name: str, label: str) -> None:
    assert graph.called(name) == {label}


@pytest.mark.parametrize(
    ("label", "kind", "country"),
    [("Paris (Texas)", "city", "United States"), ("Georgia (United States)", "subdivision", "United States"),
     ("Luxembourg (city)", "city", "Luxembourg"), ("Singapore (city)", "city", "Singapore"),
     ("London (Ontario)", "city", "Canada"),
     ("San Jose (California)", "city", "United States"), ("San José", "city", "Costa Rica"),
     ("Georgetown", "city", "Guyana"),
     ("Ontario", "subdivision", "Canada"), ("Quebec", "subdivision", "Canada"), ("Victoria", "city", "Seychelles"),
     ("São Paulo", "city", "Brazil"), ("Zürich", "city", "Switzerland"),
     ("Holland (Michigan)", "city", "United States")],
)  # fmt: skip
def test_a_shared_name_goes_to_country_capital_or_the_most_populous(
    graph: World, label: str, kind: str, country: str
) -> None:
    assert graph.type_of[label] == kind
    assert graph.tails[label, "country"] == {country}


def test_antarctica_is_a_country_and_a_continent(graph: World) -> None:
    assert graph.tails["Antarctica", "continent"] == {"Antarctica (continent)"}


def test_a_top_level_domain_does_not_take_the_country_code(graph: World) -> None:
    assert graph.tails["United Kingdom", "top_level_domain"] == {".uk domain"}


@pytest.mark.parametrize("row", CORRECTIONS, ids=lambda row: f"{row.country} {row.relation}")
def test_a_correction_is_needed(row: Correction, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that changes nothing is to be dropped: the source has caught up."""
    from kg_data.world import sources as corrections

    raw = sources.raw_countries()
    pages: dict[str, dict[str, Any]] = {}
    wanted = {code: value for code, value in raw.items() if code in (row.country, *row.add, *row.remove)}
    field = {"capital": "capitals", "borders": "neighbours", "currency": "currencies", "language": "languages",
             "calling_code": "calling_codes", "top_level_domain": "domains"}[row.relation]  # fmt: skip
    corrected = getattr(read_countries(wanted, pages)[row.country], field)
    monkeypatch.setattr(corrections, "CORRECTIONS", tuple(other for other in CORRECTIONS if other is not row))
    assert getattr(read_countries(wanted, pages)[row.country], field) != corrected


def test_numbers_are_used(graph: World) -> None:
    for (code, relation), (value, reason) in NUMBERS.items():
        (country,) = graph.called(code)
        assert graph.values[relation][country] == value
        assert reason
