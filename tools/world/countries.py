"""Countries of `world` (ISO 3166-1 and Kosovo), and their subdivisions (ISO 3166-2).

GeoNames gives the rows; CLDR gives the names and the official languages, because GeoNames' `languages` column lists
every language spoken (Spanish for Brazil); the Factbook gives younger numbers.

GeoNames numbers first-level divisions by a code of its own, which looks like ISO 3166-2's and isn't: joining the two
puts Tokyo (code 40) in Fukuoka (JP-40). So the code is given a *name*, by a vote of the places that GeoNames' list of
names knows, and the name is matched to the ISO subdivision. Divisions merged since that list was made stand in the
reviewed `CODES`.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

import pycountry
from babel import Locale, UnknownLocaleError
from babel.languages import get_official_languages

from tools.world.sources import (
    ABOLISHED,
    CODES,
    COUNTRIES_LISTED_AS_SUBDIVISIONS,
    DISSOLVED,
    ENGLISH_FIRST,
    FOUNDED,
    LABELS,
    NUMBERS,
    PLAIN_NAMES,
    PREFER_SECOND_LEVEL,
    RawCity,
    RawCountry,
    corrected,
    fold,
    plain,
    reviewed,
)

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


# Degrees within which two places of the same name are the same place.
_NEAR = 0.05
# The share of the vote below which a code's name is in doubt: its places were in several older divisions.
_MAJORITY = 0.6
# How alike two spellings must be to be one name ("Gandzasar" and "Ganzasar"); below it, two names.
_ALIKE = 0.86

_GENERIC = re.compile(
    r"\b(province|provincia|provincie|region|state|county|oblast'?|oblysy|qalasy|prefecture|department|departement|"
    r"departamento|district|governorate|wilaya|wilayat|muhafazat|baladiyat|apskritis|kraj|rajons|rayon|fylke|lan|judet|"
    r"municipality|municipio|voivodeship|changwat|mintaqat|sha'?biyat|raionul|opstina|marz|viloyati|parish|territory|"
    r"division|city|republic|emirate|atoll|castello|"
    r"de|da|do|du|of|the|and|al|ad|an|ar|as|ash|at|az|el|la|le|les)\b|-(do|si|gun|gwangyeoksi|teukbyeolsi)\b"
)


@dataclass
class Subdivision:
    """One administrative division.

    Attributes:
        key: its ISO 3166-2 code, or "XX/code" with GeoNames' code where ISO has none.
        country: ISO 3166-1 code.
        name: the plain name.
        category: what the country calls it, e.g. "province".
        parent: key of the division it's a part of, "" for none.
        aliases: other names.
    """

    key: str
    country: str
    name: str
    category: str
    parent: str = ""
    aliases: list[str] = field(default_factory=list)


def read_subdivisions(
    countries: Iterable[str],
    places: Mapping[int, RawCity],
    named_rows: Mapping[tuple[str, str], list[tuple[float, float, str]]],
    records: Mapping[str, dict[str, Any]],
) -> tuple[dict[str, Subdivision], dict[tuple[str, str], str]]:
    """All subdivisions, and which one each of GeoNames' codes means.

    Args:
        countries: the codes of the countries in the graph.
        places: GeoNames' places by id.
        named_rows: as `sources.admin1_rows` gives them.
        records: as `sources.subdivision_names` gives them.

    Returns:
        Subdivisions by key, sorted by key; and (country, GeoNames code) to key.
    """
    subdivisions = _iso_subdivisions(set(countries), records)
    names = _names_by_country(subdivisions)
    key_of_code: dict[tuple[str, str], str] = {}
    votes = admin1_votes(places, named_rows)
    for country, code in sorted({(p["countrycode"], p["admin1code"]) for p in places.values()}):
        name = CODES.get((country, code)) or _winner(votes.get((country, code), Counter()))
        if name in ("", "-") or (code in ("", "00") and (country, code) not in CODES):
            continue
        key = name if name in subdivisions else _match(name, country, names)
        if key is None:
            key = f"{country}/{code}"
            subdivisions[key] = Subdivision(key, country, name, "subdivision")
        else:
            _take_name(subdivisions[key], name, records.get(key, {}))
        key_of_code[country, code] = key
    return dict(sorted(subdivisions.items())), key_of_code


def admin1_votes(
    places: Mapping[int, RawCity], named_rows: Mapping[tuple[str, str], list[tuple[float, float, str]]]
) -> dict[tuple[str, str], Counter[str]]:
    """How many places of each (country, GeoNames code) the list of names puts in which division."""
    votes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for place in places.values():
        country, name = place["countrycode"], place["name"]
        rows = named_rows.get((country, name)) or named_rows.get((country, plain(name))) or ()
        for latitude, longitude, division in rows:
            if abs(latitude - place["latitude"]) < _NEAR and abs(longitude - place["longitude"]) < _NEAR:
                votes[country, place["admin1code"]][division] += bool(division)
                break
    return votes


def _winner(votes: Counter[str]) -> str:
    """The name most places vote for, "" where none has a clear majority."""
    ranked = sorted(votes.items(), key=lambda item: (-item[1], item[0]))
    total = sum(votes.values())
    return ranked[0][0] if total and ranked[0][1] >= _MAJORITY * total else ""


def _iso_subdivisions(countries: set[str], records: Mapping[str, dict[str, Any]]) -> dict[str, Subdivision]:
    subdivisions = {}
    for record in pycountry.subdivisions:
        if record.country_code not in countries or record.code in COUNTRIES_LISTED_AS_SUBDIVISIONS | ABOLISHED:
            continue
        name = re.sub(r"\s*[\[(].*?[\])]", "", record.name).replace("’", "'").strip()
        parent = record.parent_code or ""
        local = _local_names(records.get(record.code, {}))
        others = [other for other, _ in local]
        subdivisions[record.code] = Subdivision(
            record.code, record.country_code, name, record.type.lower(), parent, [record.code, *others]
        )
        english = [other for other, language in local if language == "eng"]
        if record.code in LABELS:
            _rename(subdivisions[record.code], LABELS[record.code])
        elif record.country_code in ENGLISH_FIRST and english:
            _rename(subdivisions[record.code], english[0])
        elif record.country_code in PLAIN_NAMES:
            _rename(subdivisions[record.code], plain(name))
    for subdivision in subdivisions.values():
        if subdivision.parent not in subdivisions:
            subdivision.parent = ""
    for code, (name, category) in FOUNDED.items():
        subdivisions[code] = Subdivision(code, code[:2], name, category, aliases=[code])
    return subdivisions


def _local_names(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, ISO 639 code) out of "Bavaria (eng), Free State of Bavaria (eng)"."""
    return [
        (found[1].strip(), found[2])
        for part in re.split(r"(?<=\)),\s*", record.get("localOtherName") or "")
        if (found := re.fullmatch(r"(.+?)\s*\((\w+)\)", part.strip()))
    ]


def _take_name(subdivision: Subdivision, name: str, record: Mapping[str, Any]) -> None:
    """Lets the English name stand where GeoNames and the list of English names agree on it: "Bavaria", not "Bayern"."""
    if subdivision.key not in LABELS and subdivision.country not in ENGLISH_FIRST:
        for english, language in _local_names(record):
            if language == "eng" and fold(english) == fold(name) and fold(english) != fold(subdivision.name):
                _rename(subdivision, english)
                break
    subdivision.aliases.append(name)


def _rename(subdivision: Subdivision, name: str) -> None:
    if name != subdivision.name:
        subdivision.aliases.insert(0, subdivision.name)
        subdivision.name = name


def core(name: str) -> str:
    """What is left of a division's name without accents, spaces and words such as "Province of"."""
    spelled = fold(name)
    return re.sub(r"[^a-z0-9]", "", _GENERIC.sub(" ", spelled)) or re.sub(r"[^a-z0-9]", "", spelled)


def _letters(name: str) -> str:
    return "=" + re.sub(r"[^a-z0-9]", "", fold(name))


def _names_by_country(subdivisions: Mapping[str, Subdivision]) -> dict[str, dict[str, str]]:
    """For each country, every name to the key of its subdivision; the top level goes first.

    Each name stands twice: with all its letters, marked by "=", and as its core. So "México" finds the state of that
    name before the capital, whose core is the same.
    """
    names: dict[str, dict[str, str]] = defaultdict(dict)

    def order(key: str) -> tuple[bool, str]:
        subdivision = subdivisions[key]
        return bool(subdivision.parent) != (subdivision.country in PREFER_SECOND_LEVEL), key

    keys = sorted(subdivisions, key=order)
    for form in (_letters, core):
        for key in keys:
            names[subdivisions[key].country].setdefault(form(subdivisions[key].name), key)
        for key in keys:
            for alias in subdivisions[key].aliases:
                names[subdivisions[key].country].setdefault(form(alias), key)
    return names


def _match(name: str, country: str, names: Mapping[str, dict[str, str]]) -> str | None:
    known = names.get(country, {})
    for form in (_letters(name), core(name)):
        if form in known:
            return known[form]
    wanted = core(name)
    likeness, best = max(
        (
            (SequenceMatcher(None, wanted, other).ratio(), other)
            for other in known
            # Twice the shorter length bounds what the two can have in common.
            if other[:1] != "=" and 2 * min(len(wanted), len(other)) >= _ALIKE * (len(wanted) + len(other))
        ),
        default=(0.0, ""),
    )
    return known[best] if likeness >= _ALIKE else None
