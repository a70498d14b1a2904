"""Names of languages and currencies, which countries share.

CLDR names languages as people do ("Swahili", where ISO 639-3 has "Swahili (macrolanguage)"), pycountry names currencies
by ISO 4217, since GeoNames' `currencyname` calls 56 of them "Dollar".
"""

from __future__ import annotations

from collections.abc import Iterable

import pycountry
from babel import Locale, UnknownLocaleError
from babel.numbers import get_currency_name

from kg_data.errors import SkylarkError

# Names where CLDR has none or one that few people use.
LANGUAGE_NAMES = {
    "ber": "Tamazight", "cnr": "Montenegrin", "zdj": "Comorian", "pih": "Norfuk", "cal": "Carolinian", "mi": "Maori",
    "rar": "Cook Islands Maori", "nan": "Taiwanese Hokkien", "hak": "Hakka", "ny": "Chichewa", "rn": "Kirundi",
    "kl": "Greenlandic", "st": "Sotho", "nso": "Northern Sotho", "ss": "Swazi", "mos": "Mossi", "tkl": "Tokelauan",
    "gil": "Gilbertese", "no": "Norwegian", "crs": "Seychellois Creole", "bn": "Bengali", "na": "Nauruan",
    "tvl": "Tuvaluan",
}  # fmt: skip

LANGUAGE_ALIASES = {
    "zh": ("Mandarin", "Mandarin Chinese"), "fa": ("Farsi", "Dari"), "fil": ("Tagalog", "Pilipino"),
    "es": ("Castilian",), "no": ("Bokmål", "Nynorsk", "Norwegian Bokmål", "Norwegian Nynorsk"), "ro": ("Moldovan",),
    "ber": ("Berber", "Amazigh", "Standard Moroccan Tamazight"), "ht": ("Haitian", "Kreyòl"), "ga": ("Irish Gaelic",),
    "dv": ("Dhivehi", "Maldivian"), "si": ("Sinhalese",), "mi": ("Māori", "Te Reo"), "ny": ("Nyanja", "Chewa"),
    "rn": ("Rundi",), "kl": ("Kalaallisut",), "st": ("Southern Sotho", "Sesotho"), "nso": ("Sepedi", "Pedi"),
    "ss": ("Swati", "siSwati"), "tn": ("Setswana",), "zu": ("isiZulu",), "xh": ("isiXhosa",), "sw": ("Kiswahili",),
    "ms": ("Bahasa Melayu", "Malaysian"), "id": ("Bahasa Indonesia",), "rm": ("Romansch",), "nan": ("Min Nan Chinese",),
    "hak": ("Hakka Chinese",), "ps": ("Pashtu",), "bn": ("Bangla",), "cal": ("Saipan Carolinian",), "se": ("Sami",),
    "mos": ("Mooré",), "pih": ("Pitkern", "Pitcairn-Norfolk"), "rw": ("Rwanda",), "be": ("Belorussian",),
    "el": ("Modern Greek",), "gil": ("Kiribati",), "crs": ("Seselwa",), "sg": ("Sangho",), "ku": ("Sorani", "Kurmanji"),
}  # fmt: skip


def language_name(code: str) -> str:
    """The English name of a language by its CLDR code.

    Raises:
        SkylarkError: neither CLDR nor ISO 639 knows the code.
    """
    if code in LANGUAGE_NAMES:
        return LANGUAGE_NAMES[code]
    name = Locale("en").languages.get(code) or _iso_639_name(code)
    if name is None:
        raise SkylarkError(f"the language code {code!r} has no name: add it to LANGUAGE_NAMES in {__name__}")
    return name


def _iso_639_name(code: str) -> str | None:
    record = pycountry.languages.get(alpha_2=code) or pycountry.languages.get(alpha_3=code)
    return str(record.name) if record else None


def language_aliases(code: str) -> Iterable[str]:
    """Other names of a language: those people use, CLDR's, ISO 639's, and its own name for itself."""
    yield from LANGUAGE_ALIASES.get(code, ())
    for name in (Locale("en").languages.get(code), _iso_639_name(code)):
        if name:
            yield name
    try:
        locale = Locale.parse(code)
    except (UnknownLocaleError, ValueError):
        return
    native = locale.languages.get(code)
    if native:
        yield native
    yield f"{language_name(code)} language"


def currency_name(code: str) -> str:
    """ISO 4217's name of a currency, e.g. "US Dollar".

    Raises:
        SkylarkError: the code isn't in ISO 4217 any more.
    """
    record = pycountry.currencies.get(alpha_3=code)
    if record is None:
        raise SkylarkError(f"the currency code {code!r} is not in ISO 4217: correct the country that uses it")
    return str(record.name)


def currency_aliases(code: str) -> Iterable[str]:
    """Other names of a currency: CLDR's, in the singular and plural."""
    for count in (None, 1, 2):
        name = get_currency_name(code, count=count, locale="en")
        yield name
        yield name.title()
