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
from kg_data.world.sources import reviewed

_TABLE = reviewed("languages")
LANGUAGE_NAMES: dict[str, str] = _TABLE["names"]
LANGUAGE_ALIASES: dict[str, list[str]] = _TABLE["aliases"]


def language_name(code: str) -> str:
    """The English name of a language by its CLDR code.

    Raises:
        SkylarkError: neither CLDR nor ISO 639 knows the code.
    """
    if code in LANGUAGE_NAMES:
        return LANGUAGE_NAMES[code]
    name = Locale("en").languages.get(code) or _iso_639_name(code)
    if name is None:
        raise SkylarkError(f"the language code {code!r} has no name: add it to [names] in languages.toml")
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
