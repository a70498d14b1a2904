"""The countries: every entry of ISO 3166-1 and Kosovo, with names a person uses and facts that hold today.

GeoNames gives the rows; CLDR gives the common English and native names and the official languages, because GeoNames'
`languages` column lists every language spoken (Spanish for Brazil); the Factbook gives younger numbers. Overseas
territories with an ISO code are countries of their own, as in every source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pycountry
from babel import Locale, UnknownLocaleError
from babel.languages import get_official_languages

from kg_data.world.corrections import DISSOLVED, NUMBERS, corrected
from kg_data.world.sources import RawCountry, reviewed

CONTINENTS = {
    "AF": "Africa", "AN": "Antarctica", "AS": "Asia", "EU": "Europe", "NA": "North America", "OC": "Oceania",
    "SA": "South America",
}  # fmt: skip

_TABLE = reviewed("countries")
COUNTRY_NAMES: dict[str, str] = _TABLE["names"]
COUNTRY_ALIASES: dict[str, list[str]] = _TABLE["aliases"]


@dataclass
class Country:
    """One country or territory.

    Attributes:
        code: ISO 3166-1 alpha-2, "XK" for Kosovo.
        name: the common English name; unique among countries.
        continent: GeoNames' code of the one continent it's counted to (Russia Europe, Turkey Asia).
        capitals: names of the capitals, the first the most usual.
        neighbours: codes of countries with a land border.
        currencies: ISO 4217 codes.
        languages: CLDR codes without script or region.
        calling_codes: with the plus sign.
        domains: country-code top-level domains.
        codes: ISO 3166-1 alpha-2 and alpha-3, and abbreviations such as "UAE".
        aliases: other names.
        population: people, None where unknown.
        area: total area in km2, None where unknown.
    """

    code: str
    name: str
    continent: str
    capitals: list[str]
    neighbours: list[str]
    currencies: list[str]
    languages: list[str]
    calling_codes: list[str]
    domains: list[str]
    codes: tuple[str, ...]
    aliases: list[str] = field(default_factory=list)
    population: float | None = None
    area: float | None = None


def read_countries(rows: Mapping[str, RawCountry], factbook: Mapping[str, dict[str, Any]]) -> dict[str, Country]:
    """All countries by code, sorted by code, with borders made symmetric.

    Args:
        rows: GeoNames' rows by alpha-2 code.
        factbook: pages by FIPS 10-4 code.
    """
    english = Locale("en").territories
    countries = {}
    for code in sorted(set(rows) - DISSOLVED):
        row = rows[code]
        page = factbook.get(row["fips"], {})
        name = COUNTRY_NAMES.get(code) or _spell_out(english.get(code) or row["name"].strip())
        languages = [_base(tag) for tag in get_official_languages(code, de_facto=True)]
        country = Country(
            code=code,
            name=name,
            continent=row["continentcode"],
            capitals=corrected(code, "capital", [row["capital"].strip()] if row["capital"].strip() else []),
            neighbours=corrected(code, "borders", [n for n in row["neighbours"].split(",") if n]),
            currencies=corrected(code, "currency", [row["currencycode"]] if row["currencycode"] else []),
            languages=corrected(code, "language", languages),
            calling_codes=["+" + c.strip().lstrip("+") for c in
                           corrected(code, "calling_code", [row["phone"]] if row["phone"].strip() else [])],
            domains=corrected(code, "top_level_domain", [row["tld"].strip()] if row["tld"].strip() else []),
            codes=(code, row["iso3"], *filter(str.isupper, COUNTRY_ALIASES.get(code, ()))),
            population=_number(code, "population", _population(page), row["population"]),
            area=_number(code, "area", _area(page), row["areakm2"]),
        )  # fmt: skip
        country.aliases = list(_aliases(country, row, page))
        countries[code] = country
    _make_symmetric(countries)
    return countries


def _make_symmetric(countries: Mapping[str, Country]) -> None:
    """Gives each border its other direction, after taking away from both sides what one side's row takes away."""
    pairs = {(code, other) for code, country in countries.items() for other in country.neighbours if other in countries}
    dropped = {
        frozenset((code, other))
        for code in countries
        for other in countries
        if (code, other) not in pairs and (other, code) in pairs and other not in corrected(code, "borders", [other])
    }
    kept = {pair for pair in pairs if frozenset(pair) not in dropped}
    kept |= {(other, code) for code, other in kept}
    for code, country in countries.items():
        country.neighbours = sorted(other for first, other in kept if first == code)


def _base(tag: str) -> str:
    """The language of a tag without script and region: "zh_Hant" to "zh"."""
    return tag.split("_")[0]


def _spell_out(name: str) -> str:
    return re.sub(r"\bSt\. ", "Saint ", name.replace("&", "and")).replace("’", "'")


def _number(code: str, what: str, *values: float | None) -> float | None:
    if (code, what) in NUMBERS:
        return NUMBERS[code, what][0]
    return next((float(value) for value in values if value is not None), None)


def _population(page: Mapping[str, Any]) -> float | None:
    """The Factbook's estimate, written "83,456,789 (2025 est.)"."""
    text = page.get("People and Society", {}).get("Population", {}).get("total", {}).get("text", "")
    found = re.match(r"[\d,]+(?= \(|$)", text)
    return float(found[0].replace(",", "")) if found else None


def _area(page: Mapping[str, Any]) -> float | None:
    """The Factbook's total area in km2, written "357,022 sq km" or "14.2 million sq km"; None where it rounds to 0."""
    area = page.get("Geography", {}).get("Area", {})
    text = next((area[key].get("text", "") for key in area if key.strip() == "total"), "")
    found = re.match(r"([\d,.]+) (million )?sq km", text)
    if not found:
        return None
    return float(found[1].replace(",", "")) * (1e6 if found[2] else 1) or None


def _aliases(country: Country, row: RawCountry, page: Mapping[str, Any]) -> Iterable[str]:
    code = country.code
    yield from COUNTRY_ALIASES.get(code, ())
    english = Locale("en").territories.get(code)
    yield from (name for name in (row["name"].strip(), english, english and _spell_out(english)) if name)
    record = pycountry.countries.get(alpha_2=code)
    if record is not None:
        for attribute in ("common_name", "name", "official_name"):
            name = getattr(record, attribute, None)
            if name:
                yield name
    for language in country.languages:
        try:
            native = Locale.parse(language).territories.get(code)
        except (UnknownLocaleError, ValueError):
            continue
        if native:
            yield native
    nationality = page.get("People and Society", {}).get("Nationality", {})
    yield from _demonyms(nationality.get("noun", {}).get("text", ""))
    yield from _demonyms(nationality.get("adjective", {}).get("text", ""))


def _demonyms(text: str) -> Iterable[str]:
    """Names of a country's people out of texts such as "Bosnian(s), Herzegovinian(s)"."""
    for part in re.split(r"[,;]| or ", text):
        word = re.sub(r"\((s|singular and plural)\)", "", part).strip()
        if re.fullmatch(r"[A-ZÀ-Ž][\w' -]+", word):
            yield word
