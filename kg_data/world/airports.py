"""The airports with an IATA code, and the cities they serve.

The source lists 28,000 airfields; the three quarters without an IATA code are private strips that no one asks about
by name. `serves` is the city that the source names, found among GeoNames' places near the airport; where no such place
is near, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt
from typing import Any

from kg_data.world.cities import SMALLEST, City, Gazetteer
from kg_data.world.naming import fold

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
