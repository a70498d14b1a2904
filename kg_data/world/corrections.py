"""The one reviewed table, `corrections.toml`, of facts where the sources are wrong, out of date, or silent.

Each row says what it changes and why, so that a reader can check it and drop it once the source is right. Rows speak
of countries by ISO 3166-1 code and name values as the source does: capitals by name, neighbours by country code,
currencies by ISO 4217 code, languages by CLDR code. The rules that the rows follow:

- A capital is every city that the country's law, or the country itself, calls a capital. A seat of government that
  nobody calls the capital (The Hague, Cotonou, Putrajaya) isn't one.
- A border is a land border between the territories of two states. It belongs to the ISO entry that the land belongs
  to: Brazil borders French Guiana and not France. A boundary inside one state (China and Hong Kong) is none, nor is a
  bridge, a causeway, a lease (Guantánamo) or a base without an ISO code (Akrotiri).
- A currency is legal tender.
- A language is official for the whole country or works as if it were, or is official in a large part of it. Regional
  standards are their language (Brazilian Portuguese is Portuguese, Dari is Persian); sign languages are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from kg_data.world.sources import reviewed

# Dissolved states that GeoNames still lists; they would give Hungary a border with "Serbia and Montenegro".
DISSOLVED = frozenset({"CS", "AN"})

# Codes of ISO 3166-2 whose subdivision is a country of its own here.
_COUNTRIES_LISTED_AS_SUBDIVISIONS = """
US-AS US-GU US-MP US-PR US-UM US-VI CN-HK CN-MO CN-TW FI-01 NO-21 NO-22 NL-AW NL-CW NL-SX NL-BQ1 NL-BQ2 NL-BQ3
FR-971 FR-972 FR-973 FR-974 FR-976 FR-BL FR-MF FR-NC FR-PF FR-PM FR-TF FR-WF
"""
COUNTRIES_LISTED_AS_SUBDIVISIONS = frozenset(_COUNTRIES_LISTED_AS_SUBDIVISIONS.split())


@dataclass(frozen=True)
class Correction:
    """What one country's values of one relation become, and why.

    Attributes:
        country: ISO 3166-1 alpha-2 code.
        relation: "capital", "borders", "currency", "language", "calling_code" or "top_level_domain".
        reason: why the source's value doesn't stand.
        only: the values that replace the source's, None to keep them.
        add: values to add.
        remove: values to take away.
    """

    country: str
    relation: str
    reason: str
    only: tuple[str, ...] | None = None
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


_TABLE = reviewed("corrections")
NUMBERS: dict[tuple[str, str], tuple[float, str]] = {
    (country, literal): (row["is"], row["why"])
    for literal in ("population", "area")
    for country, row in _TABLE.pop(literal).items()
}
"""Numbers of countries that no source has right: (country, literal) to (value, why)."""

CORRECTIONS = tuple(
    Correction(
        country, relation, row["why"], tuple(row["only"]) if "only" in row else None,
        tuple(row.get("add", ())), tuple(row.get("remove", ())),
    )
    for relation, rows in _TABLE.items()
    for country, row in rows.items()
)  # fmt: skip


def corrected(country: str, relation: str, values: list[str]) -> list[str]:
    """The values of a relation for one country after every row of the table, in order, without repeats.

    Args:
        country: ISO 3166-1 alpha-2 code.
        relation: as in `Correction.relation`.
        values: what the source says.
    """
    for row in CORRECTIONS:
        if (row.country, row.relation) == (country, relation):
            values = list(row.only) if row.only is not None else values
            values = [value for value in (*values, *row.add) if value not in row.remove]
    return list(dict.fromkeys(values))
