"""Cities of `world` (15,000 people or more, capitals, towns with airports), and airports with an IATA code.

GeoNames' population counts the city proper, sometimes the urban area, and its list holds parts of cities (Brooklyn)
as places of their own; both are kept as they are. Three quarters of the 28,000 airfields are private strips without
an IATA code that no one asks about by name. `serves` is the city that the source names, found among GeoNames' places
near the airport.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import asin, cos, radians, sin, sqrt
from typing import Any

from tools.world.countries import Country
from tools.world.sources import RawCity, fold, is_latin, other_names, plain, reviewed

SMALLEST = 15_000

_TABLE = reviewed("cities")

# (country, GeoNames' name) to the name where English has another, or where the bare one hides a division.
CITY_NAMES: dict[tuple[str, str], str] = {
    (country, name): english for country, names in _TABLE["names"].items() for name, english in names.items()
}

_QUOTES = str.maketrans("’‘ʻʼ", "''''")

# (country, name) to short names that are too short, or too much like a code, to pass the filter for alternate names.
CITY_ALIASES: dict[tuple[str, str], tuple[str, ...]] = {
    (country, name): tuple(others) for country, names in _TABLE["aliases"].items() for name, others in names.items()
}

# Capitals that GeoNames has under a name which no alternate name leads to.
CAPITALS_BY_OTHER_NAME = {("KI", "South Tarawa"): "Tarawa"}

# How many Latin alternate names a city keeps: (least population, limit).
_ALIAS_LIMITS = ((1_000_000, 40), (200_000, 16), (50_000, 8), (0, 5))


@dataclass
class City:
    """One city or town.

    Attributes:
        key: its GeoNames id, negative where GeoNames has no such place.
        country: ISO 3166-1 code.
        name: the plain name.
        subdivision: key of its first-level division, "" where unknown.
        time_zone: IANA name, "" where unknown.
        population: people, None where unknown.
        latitude: degrees north, None where unknown.
        longitude: degrees east, None where unknown.
        capital_of: codes of the countries it's a capital of.
        aliases: other names.
    """

    key: int
    country: str
    name: str
    subdivision: str = ""
    time_zone: str = ""
    population: float | None = None
    latitude: float | None = None
    longitude: float | None = None
    capital_of: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)


class Gazetteer:
    """GeoNames' places, found by country and name, and the cities taken from them so far.

    A place becomes a city when it's large enough, a capital, or served by an airport; the order in which that is found
    out doesn't matter.

    Args:
        places: GeoNames' rows by id.
        countries: by code.
        subdivision_of_code: (country, GeoNames code) to the key of a subdivision.
    """

    def __init__(
        self,
        places: Mapping[int, RawCity],
        countries: Mapping[str, Country],
        subdivision_of_code: Mapping[tuple[str, str], str],
    ) -> None:
        self._places = places
        self._countries = countries
        self._subdivision_of_code = subdivision_of_code
        self.cities: dict[int, City] = {}
        self._by_name: dict[tuple[str, str], list[int]] = defaultdict(list)
        for key, place in places.items():
            self._by_name[place["countrycode"], fold(place["name"])].append(key)
        self._by_alternate: dict[tuple[str, str], list[int]] = defaultdict(list)
        for key, place in places.items():
            if place["population"] >= SMALLEST and place["countrycode"] in countries:
                self.take(key)
                for alternate in filter(is_latin, place["alternatenames"]):
                    self._by_alternate[place["countrycode"], fold(alternate)].append(key)

    def find(self, country: str, name: str) -> list[int]:
        """Ids of the places of this name, by main name or, for the larger ones, by any other name; largest first."""
        found = self._by_name.get((country, fold(name))) or self._by_alternate.get((country, fold(name))) or []
        return sorted(found, key=lambda key: (-self._places[key]["population"], key))

    def population(self, key: int) -> int:
        """People in a place, 0 where GeoNames doesn't know."""
        return int(self._places[key]["population"])

    def position(self, key: int) -> tuple[float, float]:
        """Latitude and longitude of a place, in degrees."""
        return self._places[key]["latitude"], self._places[key]["longitude"]

    def take(self, key: int) -> City:
        """The city of a place, made on first use."""
        if key not in self.cities:
            place = self._places[key]
            country, original = place["countrycode"], place["name"]
            name = CITY_NAMES.get((country, original), original.translate(_QUOTES))
            languages = frozenset(self._countries[country].languages)
            limit = next(limit for least, limit in _ALIAS_LIMITS if place["population"] >= least)
            self.cities[key] = City(
                key=key,
                country=country,
                name=name,
                subdivision=self._subdivision_of_code.get((country, place["admin1code"]), ""),
                time_zone=place["timezone"],
                population=float(place["population"]) or None,
                latitude=place["latitude"],
                longitude=place["longitude"],
                aliases=[
                    *CITY_ALIASES.get((country, name), ()),
                    *([original] if original != name else []),
                    *other_names(name, place["alternatenames"], languages, limit),
                ],
            )
        return self.cities[key]

    def take_capitals(self) -> None:
        """Marks the capitals of all countries, and makes a bare city of the few that GeoNames doesn't list."""
        for country in self._countries.values():
            for name in country.capitals:
                known = CAPITALS_BY_OTHER_NAME.get((country.code, name), name)
                found = self.find(country.code, name) or self.find(country.code, known) or self._any(country.code, name)
                if found:
                    city = self.take(found[0])
                    if fold(city.name) != fold(name):
                        city.aliases.insert(0, name)
                else:
                    key = -1 - len([key for key in self.cities if key < 0])
                    city = self.cities.setdefault(key, City(key, country.code, name))
                city.capital_of.append(country.code)

    def _any(self, country: str, name: str) -> list[int]:
        """Places of any size with this alternate name; slow, and only for the capitals that are hamlets."""
        return [
            key
            for key, place in self._places.items()
            if place["countrycode"] == country and fold(name) in map(fold, place["alternatenames"])
        ]


def name_subdivisions(cities: Iterable[City], keys_by_name: Mapping[tuple[str, str], str]) -> None:
    """Puts a city without division into the one that bears its name, as Taichung in Taichung.

    Args:
        cities: changed in place.
        keys_by_name: (country, folded name) to key, for divisions that are cities.
    """
    for city in cities:
        if not city.subdivision:
            city.subdivision = keys_by_name.get((city.country, fold(plain(city.name)).removesuffix(" city")), "")


# km between an airport and the centre of a city it serves: Narita lies 60 from Tokyo, Hahn 100 from Frankfurt.
_FARTHEST = 120.0
# km within which a namesake is taken before a larger one farther away.
_NEAR = 60.0
# km within which an airport without a division of its own shares that of the nearest city.
_SAME_DIVISION = 40.0
_METRES_PER_FOOT = 0.3048


@dataclass
class Airport:
    """One airport.

    Attributes:
        iata: three letters, unique.
        icao: four letters, "" where there's none.
        name: the plain name.
        country: ISO 3166-1 code.
        subdivision: key of its first-level division, "" where unknown.
        serves: GeoNames ids of the cities.
        time_zone: IANA name.
        elevation: metres above the sea.
        latitude: degrees north.
        longitude: degrees east.
    """

    iata: str
    icao: str
    name: str
    country: str
    subdivision: str
    serves: list[int]
    time_zone: str
    elevation: float
    latitude: float
    longitude: float


def distance(here: tuple[float, float], there: tuple[float, float]) -> float:
    """Great-circle distance in km between two points given in degrees (haversine, mean radius 6371 km)."""
    north, east, north_there, east_there = map(radians, (*here, *there))
    chord = sin((north_there - north) / 2) ** 2 + cos(north) * cos(north_there) * sin((east_there - east) / 2) ** 2
    return 2 * 6371.0 * asin(min(1.0, sqrt(chord)))


def read_airports(
    rows: Mapping[str, Mapping[str, Any]],
    gazetteer: Gazetteer,
    keys_by_name: Mapping[tuple[str, str], str],
    countries: Iterable[str],
) -> list[Airport]:
    """Airports sorted by IATA code; the towns they serve are taken into the gazetteer's cities.

    Args:
        rows: `airportsdata.load("IATA")`.
        gazetteer: with all large cities and capitals already taken.
        keys_by_name: (country, folded name) to the key of a first-level division.
        countries: the codes in the graph.
    """
    known = set(countries)
    airports = []
    for iata in sorted(rows):
        row = rows[iata]
        if row["country"] not in known:
            continue
        place = (row["lat"], row["lon"])
        serves = _served(row["city"], row["country"], place, gazetteer)
        serves += [key for key in _named_after(row["name"], row["country"], place, gazetteer) if key not in serves]
        icao = row["icao"] if re.fullmatch(r"[A-Z]{4}", row["icao"]) else ""
        airports.append(
            Airport(
                iata=iata,
                icao=icao,
                name=" ".join(row["name"].split()),
                country=row["country"],
                subdivision=keys_by_name.get((row["country"], fold(row["subd"])), ""),
                serves=serves,
                time_zone=row["tz"],
                elevation=round(row["elevation"] * _METRES_PER_FOOT, 1),
                latitude=row["lat"],
                longitude=row["lon"],
            )
        )
    return airports


def _served(names: str, country: str, place: tuple[float, float], gazetteer: Gazetteer) -> list[int]:
    """Ids of the cities named in the source's text: one name, or several as in "Kemi / Tornio"."""
    served: list[int] = []
    whole = re.sub(r"\(.*?\)", "", names).strip()
    parts = [whole] if gazetteer.find(country, whole) else re.split(r"\s*[/,]\s*|(?<=[a-z])-(?=[A-Z])", whole)
    for name in parts:
        found = gazetteer.find(country, name.strip())
        near = [(key, distance(place, gazetteer.position(key))) for key in found]
        near = [(key, far) for key, far in near if far <= _FARTHEST]
        if near:
            # The largest namesake is meant, unless it's far and another is near; `near` is in order of size.
            key = next((key for key, far in near if far <= _NEAR), near[0][0])
            city = gazetteer.take(key)
            if city.key not in served:
                served.append(city.key)
    return served


def _named_after(name: str, country: str, place: tuple[float, float], gazetteer: Gazetteer) -> list[int]:
    """The large city that an airport is named after, if it's near.

    The source names the suburb that some airports stand in: Mississauga for Toronto Pearson.
    """
    words = name.split()
    for length in range(min(4, len(words) - 1), 0, -1):
        for key in gazetteer.find(country, " ".join(words[:length])):
            if gazetteer.population(key) >= SMALLEST and distance(place, gazetteer.position(key)) <= _NEAR:
                return [gazetteer.take(key).key]
    return []


def fill_divisions(airports: Iterable[Airport], cities: Mapping[int, City]) -> None:
    """Gives an airport without division that of the nearest city of its country, where one is near enough.

    Args:
        airports: changed in place.
        cities: by key.
    """
    by_cell: dict[tuple[str, int, int], list[City]] = {}
    for city in cities.values():
        if city.subdivision and city.latitude is not None and city.longitude is not None:
            by_cell.setdefault((city.country, round(city.latitude), round(city.longitude)), []).append(city)
    for airport in airports:
        if airport.subdivision:
            continue
        here = (airport.latitude, airport.longitude)
        row, column = round(here[0]), round(here[1])
        around = [
            (distance(here, (city.latitude or 0.0, city.longitude or 0.0)), city.key, city.subdivision)
            for north in (-1, 0, 1)
            for east in (-1, 0, 1)
            for city in by_cell.get((airport.country, row + north, column + east), ())
        ]
        if around and min(around)[0] <= _SAME_DIVISION:
            airport.subdivision = min(around)[2]
