"""The one reviewed table of facts where the sources are wrong, out of date, or silent.

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


CORRECTIONS: tuple[Correction, ...] = (
    # Capitals
    Correction(
        "ZA", "capital", "executive, legislative and judicial capital", ("Pretoria", "Cape Town", "Bloemfontein")
    ),
    Correction("BO", "capital", "Sucre by the constitution, La Paz as seat of government", add=("La Paz",)),
    Correction(
        "LK", "capital", "Kotte is legislative, Colombo commercial capital", ("Sri Jayewardenepura Kotte", "Colombo")
    ),
    Correction("SZ", "capital", "Mbabane is administrative, Lobamba royal and legislative capital", add=("Lobamba",)),
    Correction(
        "GQ",
        "capital",
        "Ciudad de la Paz replaced Malabo in January 2026, and institutions are still moving",
        add=("Malabo",),
    ),
    Correction("PS", "capital", "East Jerusalem is declared, Ramallah is where the government sits", add=("Ramallah",)),
    Correction("KZ", "capital", "Nur-Sultan was named Astana again in 2022", ("Astana",)),
    Correction("MM", "capital", "spelled in one word since 2005", ("Naypyidaw",)),
    Correction("PW", "capital", "Ngerulmud, in the state of Melekeok, since 2006", ("Ngerulmud",)),
    Correction("MS", "capital", "Plymouth by law, Brades in fact since the eruption of 1997", add=("Brades",)),
    Correction("BQ", "capital", "GeoNames names none", ("Kralendijk",)),
    Correction(
        "GS", "capital", "King Edward Point, beside the whaling station of Grytviken", add=("King Edward Point",)
    ),
    Correction("KI", "capital", "the capital is South Tarawa, a part of the atoll Tarawa", ("South Tarawa",)),
    Correction("IO", "capital", "Diego Garcia is the island; its base is Camp Thunder Cove", ("Camp Thunder Cove",)),
    # Borders
    Correction("US", "borders", "the lease of Guantánamo Bay isn't a border", remove=("CU",)),
    Correction("AL", "borders", "Kosovo lies between Albania and Serbia", remove=("RS",)),
    Correction("BW", "borders", "150 m at Kazungula, agreed by both states", add=("ZM",)),
    Correction("CA", "borders", "Hans Island was divided between Canada and Greenland in 2022", add=("GL",)),
    # Currencies
    Correction("BG", "currency", "the euro replaced the lev on 2026-01-01", ("EUR",)),
    Correction("PA", "currency", "the dollar is legal tender beside the balboa since 1904", add=("USD",)),
    Correction("BT", "currency", "the Indian rupee is legal tender beside the ngultrum", add=("INR",)),
    Correction("LS", "currency", "the rand is legal tender (Common Monetary Area)", add=("ZAR",)),
    Correction("NA", "currency", "the rand is legal tender (Common Monetary Area)", add=("ZAR",)),
    Correction("SZ", "currency", "the rand is legal tender (Common Monetary Area)", add=("ZAR",)),
    Correction("ZW", "currency", "several currencies are legal tender until 2030, the dollar first", add=("USD",)),
    Correction("PS", "currency", "the Jordanian dinar circulates as tender beside the shekel", add=("JOD",)),
    # Languages, against CLDR's lists of official languages
    Correction(
        "CH",
        "language",
        "Swiss German is a dialect of German; Romansh is a national language",
        add=("rm",),
        remove=("gsw",),
    ),
    Correction("LI", "language", "Alemannic is a dialect of German", remove=("gsw",)),
    Correction("BO", "language", "Guarani is official too", add=("gn",)),
    Correction("PE", "language", "Aymara is official where it prevails, like Quechua", add=("ay",)),
    Correction("DZ", "language", "Tamazight is official since 2016", add=("ber",)),
    Correction("MA", "language", "CLDR's code is one dialect of Tamazight", add=("ber",), remove=("tzm",)),
    Correction("UA", "language", "the law that made Russian a regional language fell in 2018", remove=("ru",)),
    Correction(
        "ML",
        "language",
        "Bambara is spoken by most and official since 2023; French stays the working language",
        add=("bm",),
    ),
    Correction("BF", "language", "Mossi is spoken by half the country and official since 2023", add=("mos",)),
    Correction("NE", "language", "Hausa is the national language since 2025", add=("ha",)),
    Correction(
        "NG", "language", "beside English, the three national languages, not one of them", add=("ha", "ig", "yo")
    ),
    Correction("ET", "language", "working languages of the federation since 2020", add=("om", "so", "ti", "aa")),
    Correction("FO", "language", "Danish is official beside Faroese", add=("da",)),
    Correction("JE", "language", "French is official beside English", add=("fr",)),
    Correction(
        "NO", "language", "Bokmål and Nynorsk are written forms of Norwegian; Sami has equal worth by law", ("no", "se")
    ),
    Correction("SJ", "language", "Bokmål is a written form of Norwegian", ("no",)),
    Correction("MO", "language", "CLDR names the script and Cantonese, the spoken form", ("zh", "pt")),
    Correction("IQ", "language", "Kurdish is official in the whole of Iraq since 2005", add=("ku",)),
    Correction("KM", "language", "the dialects of Comorian", ("zdj", "ar", "fr")),
    Correction("ME", "language", "Montenegrin by the constitution; Serbian in official use", ("cnr", "sr")),
    Correction("MG", "language", "English was dropped from the constitution in 2010", remove=("en",)),
    Correction("MK", "language", "Albanian is official in the whole country since 2019", add=("sq",)),
    Correction("RW", "language", "Swahili is official since 2017", add=("sw",)),
    Correction("SC", "language", "Seychellois Creole is official too", add=("crs",)),
    Correction("VA", "language", "Latin is the Holy See's language", add=("la",)),
    Correction(
        "ZA",
        "language",
        "the eleven spoken official languages",
        ("zu", "xh", "af", "en", "nso", "tn", "st", "ts", "ss", "ve", "nr"),
    ),
    Correction("ES", "language", "official in their regions, with a quarter of the people", add=("ca", "gl", "eu")),
    Correction("GB", "language", "Welsh is official in Wales", add=("cy",)),
    Correction("BQ", "language", "Papiamento and English are official beside Dutch", add=("pap", "en")),
    Correction("CW", "language", "English is official since 2007", add=("en",)),
    Correction("CK", "language", "Cook Islands Māori is official too", add=("rar",)),
    Correction("NF", "language", "Norfuk is official too", add=("pih",)),
    Correction("PN", "language", "Pitkern is official too", add=("pih",)),
    Correction("MP", "language", "Chamorro and Carolinian are official too", add=("ch", "cal")),
    Correction("TF", "language", "territory of France", ("fr",)),
    Correction(
        "NA", "language", "Afrikaans is spoken by most as a second language and German in public life", add=("af",)
    ),
    Correction("BN", "language", "English is recognised for official use", add=("en",)),
    Correction("GG", "language", "French is used in law", add=("fr",)),
    # Codes
    Correction("XK", "calling_code", "assigned in 2016", ("383",)),
    Correction("AQ", "calling_code", "GeoNames names none", ("672",)),
    Correction("GS", "calling_code", "shared with the Falkland Islands", ("500",)),
    Correction("TF", "calling_code", "shared with Réunion", ("262",)),
    Correction("PN", "calling_code", "870 is a satellite network", ("64",)),
    Correction("VA", "calling_code", "379 is assigned and unused; calls go through Italy", ("39",)),
    Correction("DO", "calling_code", "written out, with the third code", ("1-809", "1-829", "1-849")),
    Correction("PR", "calling_code", "written out", ("1-787", "1-939")),
    Correction("UM", "top_level_domain", "deleted in 2008", ()),
    Correction("BL", "top_level_domain", "its own domain is assigned", (".bl",)),
    Correction("MF", "top_level_domain", "its own domain is assigned", (".mf",)),
)

# Numbers of countries that no source has right: (country, literal) to (value, why).
NUMBERS: dict[tuple[str, str], tuple[float, str]] = {
    ("FR", "population"): (66_351_959, "without the overseas regions, which are countries here; Insee 2025"),
    ("FR", "area"): (551_500, "the Factbook's figure for France in Europe"),
    ("PS", "population"): (5_495_443, "the Factbook has one page for the West Bank and one for Gaza; their own census"),
    ("PS", "area"): (6_220, "West Bank and Gaza together"),
    ("MA", "area"): (446_550, "the Factbook's figure includes Western Sahara"),
    ("GE", "population"): (3_694_600, "the Factbook is a third too high; Geostat 2024"),
    ("VN", "population"): (101_598_527, "the Factbook is 5% too high; UN World Population Prospects 2024, for 2025"),
    ("BT", "population"): (796_682, "the Factbook is 12% too high; UN World Population Prospects 2024, for 2025"),
    ("OM", "population"): (5_494_691, "the Factbook leaves out migrants; UN World Population Prospects 2024, for 2025"),
    ("KW", "population"): (5_026_078, "the Factbook leaves out migrants; UN World Population Prospects 2024, for 2025"),
    ("QA", "population"): (3_115_889, "the Factbook leaves out migrants; UN World Population Prospects 2024, for 2025"),
    ("CK", "population"): (13_259, "the Factbook leaves out half; UN World Population Prospects 2024, for 2025"),
    ("VA", "area"): (0.49, "rounded to nothing in both sources"),
    ("MC", "area"): (2.08, "rounded to a whole in both sources"),
    ("UM", "area"): (34.2, "nothing in GeoNames"),
    ("RE", "population"): (896_175, "no page in the Factbook; Insee 2025"),
    ("MQ", "population"): (355_459, "no page in the Factbook; Insee 2025"),
    ("GP", "population"): (384_315, "no page in the Factbook; Insee 2025"),
    ("GF", "population"): (292_354, "no page in the Factbook; Insee 2025"),
    ("YT", "population"): (329_282, "no page in the Factbook; Insee 2025"),
}


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
