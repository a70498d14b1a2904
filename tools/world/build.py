"""Puts the world together: reads the sources, links their parts, names every entity, and fills the columns."""

import gc
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import airportsdata
import numpy as np
from babel.core import get_global

from kg_data.columns import GraphColumns, LiteralColumn, ValueKind
from tools.world import sources
from tools.world.cities import Airport, City, Gazetteer, fill_divisions, name_subdivisions, read_airports
from tools.world.countries import CONTINENTS, Country, Subdivision, read_countries, read_subdivisions
from tools.world.sources import (
    Entity,
    assign_aliases,
    assign_labels,
    currency_aliases,
    currency_name,
    fold,
    key,
    language_aliases,
    language_name,
)

# Relation to (other names, other names of its inverse).
RELATIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "type": (("is_a", "instance_of", "kind"), ("instances",)),
    "capital": (("has_capital", "capital_city"), ("capital_of", "is_capital_of")),
    "borders": (("border", "neighbour", "neighbor", "neighbours", "neighbors", "shares_border_with"), ()),
    "continent": (("on_continent",), ("continent_of",)),
    "currency": (("uses_currency", "money"), ("currency_of",)),
    "language": (("official_language", "languages", "speaks"), ("language_of", "spoken_in")),
    "country": (("in_country", "located_in_country"), ("country_of",)),
    "subdivision": (("state", "province", "region", "in_subdivision"), ("subdivision_of",)),
    "part_of": (("part of", "within"), ("has_part",)),
    "timezone": (("time zone", "time_zone", "in_timezone"), ("timezone_of",)),
    "serves": (("serves_city",), ("served_by", "airport")),
    "calling_code": (("calling code", "dialling_code", "dialing_code", "phone_code"), ("calling_code_of",)),
    "top_level_domain": (("top-level domain", "tld", "internet_domain"), ("top_level_domain_of",)),
}

LITERALS: dict[str, tuple[ValueKind, str]] = {
    "population": ("integer", ""),
    "area": ("decimal", "km²"),
    "elevation": ("decimal", "m"),
    "latitude": ("decimal", "degrees north"),
    "longitude": ("decimal", "degrees east"),
}

DEFINITIONS = {
    "country": "A country is here an entry of ISO 3166-1, so an overseas territory counts as one.",
    "subdivision": "A subdivision is here an entry of ISO 3166-2, so a federal district counts as one.",
    "city": "A city has here at least 15,000 people, is a capital, or is served by an airport.",
    "airport": "An airport has here an IATA code.",
}

# Who keeps a shared name, least first. Kinds of thing that a country has go before places; places go by population.
_COUNTRY, _CONTINENT, _CURRENCY, _LANGUAGE, _OTHER, _CAPITAL, _PLACE, _AIRPORT = range(8)

_Key = tuple[str, str]


class _Columns:
    """The graph while it grows: entities by key, triples and values between keys."""

    def __init__(self) -> None:
        self.entities: dict[_Key, Entity] = {}
        self.triples: dict[str, list[tuple[_Key, _Key]]] = {relation: [] for relation in RELATIONS}
        self.values: dict[str, dict[_Key, float]] = {relation: {} for relation in LITERALS}

    def add(self, key: _Key, entity: Entity) -> _Key:
        """Adds an entity with its type, unless the key is known."""
        if key not in self.entities:
            self.entities[key] = entity
            kind = self.entities.setdefault(("type", entity.kind), Entity("type", entity.kind, (_OTHER,)))
            self.triples["type"].append((key, ("type", kind.name)))
        return key

    def link(self, head: _Key, relation: str, tail: _Key) -> None:
        """Adds a triple between two entities."""
        self.triples[relation].append((head, tail))

    def value(self, key: _Key, relation: str, value: float | None) -> None:
        """Adds a literal, unless it's unknown."""
        if value is not None:
            self.values[relation][key] = value

    def finish(self) -> GraphColumns:
        """Names everything and turns keys into positions."""
        keys = list(self.entities)
        entities = list(self.entities.values())
        position = {key: index for index, key in enumerate(keys)}
        labels = assign_labels(entities, _reserved(entities))
        rows = {
            (position[head], number, position[tail])
            for number, relation in enumerate(RELATIONS)
            for head, tail in self.triples[relation]
        }
        triples = np.array(sorted(rows), dtype=np.int32).reshape(-1, 3)
        return GraphColumns(
            name="world",
            entity_ids=labels,
            entity_labels=labels,
            relation_ids=list(RELATIONS),
            relation_labels=list(RELATIONS),
            splits={"graph": triples},
            relation_aliases=_relation_aliases(),
            aliases=assign_aliases(entities, labels),
            types=[(index, entity.kind) for index, entity in enumerate(entities)],
            literals=[_literal(relation, self.values[relation], position) for relation in LITERALS],
            source="; ".join(f"{source.attribution} ({source.licence})" for source in sources.SOURCES),
            definitions=DEFINITIONS,
        )


def _reserved(entities: Sequence[Entity]) -> dict[str, int]:
    """Other names of countries, which no place may bear: Holland is the Netherlands before it's a town in Michigan."""
    countries = [index for index, entity in enumerate(entities) if entity.kind == "country"]
    others = {key(entity.name) for entity in entities if entity.rank < (_CAPITAL,)}
    reserved: dict[str, int] = {}
    for index in countries:
        for alias in (*entities[index].codes, *entities[index].aliases):
            if key(alias) not in others:
                reserved.setdefault(key(alias), index)
    return reserved


def _relation_aliases() -> dict[str, tuple[int, bool]]:
    rows = ((number, inverse, names) for number, pair in enumerate(RELATIONS.values())
            for inverse, names in zip((False, True), pair, strict=True))  # fmt: skip
    return {name: (number, inverse) for number, inverse, names in rows for name in names}


def _literal(relation: str, values: Mapping[_Key, float], position: Mapping[_Key, int]) -> LiteralColumn:
    kind, unit = LITERALS[relation]
    pairs = sorted((position[key], value) for key, value in values.items())
    entities = np.array([index for index, _ in pairs], dtype=np.int32)
    return LiteralColumn(relation, kind, entities, np.array([value for _, value in pairs], dtype=np.float64), unit)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Reading makes millions of small objects and no garbage; looking for it takes half the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_no_garbage_collection()
def build() -> GraphColumns:
    """The built-in graph of countries, cities, subdivisions and airports, read from installed packages.

    It takes some seconds and touches no network; the same packages always give the same graph. Entity ids are the
    labels, which are unique.

    Returns:
        Columns with the one split "graph"; about 50,000 entities and 195,000 triples.

    Raises:
        SkylarkError: one of the packages in `sources.SOURCES` is missing or of a version without the file needed.
    """
    countries = read_countries(sources.raw_countries(), sources.factbook())
    places = {key: row for key, row in sources.raw_cities().items() if row["countrycode"] in countries}
    subdivisions, key_of_code = read_subdivisions(countries, places, sources.admin1_rows(), sources.subdivision_names())
    gazetteer = Gazetteer(places, countries, key_of_code)
    gazetteer.take_capitals()
    division_names = _division_names(subdivisions)
    airports = read_airports(airportsdata.load("IATA"), gazetteer, division_names, countries)
    name_subdivisions(gazetteer.cities.values(), division_names)
    fill_divisions(airports, gazetteer.cities)

    columns = _Columns()
    _add_countries(columns, countries)
    _add_places(columns, countries, subdivisions, gazetteer.cities)
    _add_airports(columns, countries, subdivisions, gazetteer.cities, airports)
    _add_country_time_zones(columns)
    return columns.finish()


def _division_names(subdivisions: Mapping[str, Subdivision]) -> dict[tuple[str, str], str]:
    """(country, folded name or alias) to key, first-level divisions only, names before aliases."""
    top = [subdivision for subdivision in subdivisions.values() if not subdivision.parent]
    names: dict[tuple[str, str], str] = {}
    for subdivision in top:
        names.setdefault((subdivision.country, fold(subdivision.name)), subdivision.key)
    for subdivision in top:
        for alias in subdivision.aliases:
            names.setdefault((subdivision.country, fold(alias)), subdivision.key)
    return names


def _add_countries(columns: _Columns, countries: Mapping[str, Country]) -> None:
    for code, country in countries.items():
        columns.add(("country", code), Entity("country", country.name, (_COUNTRY,), (), country.aliases, country.codes))
    for code, name in CONTINENTS.items():
        columns.add(("continent", code), Entity("continent", name, (_CONTINENT,), ("continent",)))
    for code, country in countries.items():
        here = ("country", code)
        columns.link(here, "continent", ("continent", country.continent))
        for neighbour in country.neighbours:
            columns.link(here, "borders", ("country", neighbour))
        for code in country.currencies:
            name, aliases = currency_name(code), list(currency_aliases(code))
            entity = Entity("currency", name, (_CURRENCY,), ("currency",), aliases, (code,))
            columns.link(here, "currency", columns.add(("currency", code), entity))
        for code in country.languages:
            name, aliases = language_name(code), list(language_aliases(code))
            entity = Entity("language", name, (_LANGUAGE,), ("language",), aliases)
            columns.link(here, "language", columns.add(("language", code), entity))
        for number in country.calling_codes:
            entity = Entity("calling code", number, (_OTHER,))
            columns.link(here, "calling_code", columns.add(("calling code", number), entity))
        for domain in country.domains:
            # Without the second word ".us" would be what a reader of "US" finds.
            entity = Entity("top-level domain", f"{domain} domain", (_OTHER,))
            columns.link(here, "top_level_domain", columns.add(("top-level domain", domain), entity))
        columns.value(here, "population", country.population)
        columns.value(here, "area", country.area)


def _add_places(
    columns: _Columns,
    countries: Mapping[str, Country],
    subdivisions: Mapping[str, Subdivision],
    cities: Mapping[int, City],
) -> None:
    weights = _division_weights(subdivisions, cities)
    for code, division in sorted(subdivisions.items(), key=lambda item: (-weights[item[0]], item[0])):
        country = countries[division.country].name
        kind = division.category
        qualifiers = [*([country] if fold(country) != fold(division.name) else []), kind, f"{kind}, {country}", code]
        rank, aliases = (_PLACE, -weights[code]), list(dict.fromkeys(division.aliases))
        columns.add(("subdivision", code), Entity("subdivision", division.name, rank, qualifiers, aliases))
        columns.link(("subdivision", code), "country", ("country", division.country))
    for code, division in subdivisions.items():
        if division.parent:
            columns.link(("subdivision", code), "part_of", ("subdivision", division.parent))
    for city in sorted(cities.values(), key=lambda city: (-(city.population or 0), city.key)):
        here = ("city", str(city.key))
        rank = (_CAPITAL if city.capital_of else _PLACE, -(city.population or 0))
        entity = Entity("city", city.name, rank, _city_qualifiers(city, countries, subdivisions), city.aliases)
        columns.add(here, entity)
        columns.link(here, "country", ("country", city.country))
        if city.subdivision:
            columns.link(here, "subdivision", ("subdivision", city.subdivision))
        _link_time_zone(columns, here, city.time_zone)
        for code in city.capital_of:
            columns.link(("country", code), "capital", here)
        columns.value(here, "population", city.population)
        columns.value(here, "latitude", city.latitude)
        columns.value(here, "longitude", city.longitude)


def _division_weights(subdivisions: Mapping[str, Subdivision], cities: Mapping[int, City]) -> dict[str, float]:
    """What counts as the population of each division when names are given out.

    It's the sum of its cities, but less than that of a city inside which bears the same name: the division was named
    after the city, and the city is what people mean by "Zürich" or "São Paulo".
    """
    weights = dict.fromkeys(subdivisions, 0.0)
    namesakes: dict[str, float] = {}
    for city in cities.values():
        population = city.population or 0.0
        if city.subdivision:
            weights[city.subdivision] += population
            if fold(subdivisions[city.subdivision].name) == fold(city.name):
                namesakes[city.subdivision] = max(population, namesakes.get(city.subdivision, 0.0))
    return {key: max(namesakes[key] - 1, 0) if key in namesakes else weight for key, weight in weights.items()}


def _city_qualifiers(
    city: City, countries: Mapping[str, Country], subdivisions: Mapping[str, Subdivision]
) -> Sequence[str]:
    country = countries[city.country].name
    division = subdivisions[city.subdivision].name if city.subdivision else ""
    if fold(city.name) == fold(country):
        return ("city", division, f"city, {division}" if division else "town")
    names = [name for name in (division, country) if name and fold(name) != fold(city.name)]
    precise = f"{names[0] if names else country}, {city.latitude or 0:.2f} {city.longitude or 0:.2f}"
    return (*names, ", ".join(names), "city", precise)


def _add_airports(
    columns: _Columns,
    countries: Mapping[str, Country],
    subdivisions: Mapping[str, Subdivision],
    cities: Mapping[int, City],
    airports: Sequence[Airport],
) -> None:
    for airport in airports:
        here = ("airport", airport.iata)
        served = [cities[town].name for town in airport.serves]
        towns = [name for name in served if fold(name) not in fold(airport.name)]
        division = [subdivisions[airport.subdivision].name] if airport.subdivision else []
        qualifiers = (*towns, *division, countries[airport.country].name, airport.iata)
        codes = [airport.iata, *([airport.icao] if airport.icao else [])]
        columns.add(here, Entity("airport", airport.name, (_AIRPORT,), qualifiers, codes=codes))
        columns.link(here, "country", ("country", airport.country))
        if airport.subdivision:
            columns.link(here, "subdivision", ("subdivision", airport.subdivision))
        _link_time_zone(columns, here, airport.time_zone)
        for town in airport.serves:
            columns.link(here, "serves", ("city", str(town)))
        columns.value(here, "elevation", airport.elevation)
        columns.value(here, "latitude", airport.latitude)
        columns.value(here, "longitude", airport.longitude)


def _link_time_zone(columns: _Columns, head: _Key, zone: str) -> None:
    if zone:
        key = columns.add(("time zone", zone), Entity("time zone", zone, (_OTHER,)))
        columns.link(head, "timezone", key)


def _add_country_time_zones(columns: _Columns) -> None:
    """Gives each country the zones of its places, only those that CLDR counts to it where there are any."""
    territory = get_global("zone_territories")
    country_of = dict(columns.triples["country"])
    zones: dict[_Key, set[_Key]] = defaultdict(set)
    for place, zone in columns.triples["timezone"]:
        zones[country_of[place]].add(zone)
    for country, kept in sorted(zones.items()):
        own = {zone for zone in kept if territory.get(zone[1]) == country[1]}
        for zone in sorted(own or kept):
            columns.link(country, "timezone", zone)
