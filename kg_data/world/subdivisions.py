"""States, provinces, regions: the subdivisions of ISO 3166-2, and which of them a city lies in.

GeoNames numbers first-level divisions by a code of its own, which looks like ISO 3166-2's and isn't: joining the two
puts Tokyo (code 40) in Fukuoka (JP-40). So the code is given a *name*, by a vote of the places that GeoNames' list of
names knows, and the name is matched to the ISO subdivision. Where divisions were merged since that list was made, the
vote would pick one of the parts: those codes stand in `admin1.CODES`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

import pycountry

from kg_data.world.admin1 import (
    ABOLISHED,
    CODES,
    ENGLISH_FIRST,
    FOUNDED,
    LABELS,
    PLAIN_NAMES,
    PREFER_SECOND_LEVEL,
)
from kg_data.world.corrections import COUNTRIES_LISTED_AS_SUBDIVISIONS
from kg_data.world.naming import fold, plain
from kg_data.world.sources import RawCity

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
