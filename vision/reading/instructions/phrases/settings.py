"""Places that the whole picture was taken in: "how many customers are in my shop", "sofas in the living room".

Such a place tells nothing apart, since everything in the picture is in it, so it makes no referring expression. It is
said back as what is assumed.
"""

from __future__ import annotations

from vision.reading.instructions.phrases.rules import Reading, compiled
from vision.reading.instructions.words.tables import phrases

_PLACES = phrases(
    """room, living room, sitting room, dining room, waiting room, meeting room, bedroom, bathroom, kitchen, lounge,
    hall,
    hallway, corridor, lobby, office, classroom, studio, shop, store, supermarket, market, mall, restaurant, café, cafe,
    canteen, bar, pub, garden, yard, backyard, courtyard, park, street, alley, square, plaza, car park, parking lot,
    garage, driveway, warehouse, factory, workshop, station, airport, harbour, port, farm, barn, stable, zoo, forest,
    woods, beach, playground, stadium, gym, library, museum, church, school, hospital, city, town, village,
    neighbourhood, house, flat, apartment, junction, crossing, scene, area, place, sky"""
)
_SETTING = compiled(
    r"(?:\b(?:located|standing|parked|waiting|present|visible|found|left) )?\b(?:in|inside|at|around|across|on|from) "
    rf"(?:the|this|that|my|our|your) (?:{'|'.join(sorted(_PLACES, key=len, reverse=True))})\b"
    r"(?: (?:right now|now|today|here|at the moment))?"
    r"(?= ?(?:$|[.,;:!?\ue000-\ue004]|(?:and|or|but|with|as|at|using|please|that|which|who|in|give|are|is)\b))"
)


def read_settings(reading: Reading) -> None:
    """Pass over the place of the whole picture, and say so."""
    for match in list(_SETTING.finditer(reading.source.open)):
        words = reading.source.original_at(*match.span()).strip()
        reading.note(f"{words!r} is taken for where the picture was taken.")
        reading.source.claim([match.span()], "filler")
