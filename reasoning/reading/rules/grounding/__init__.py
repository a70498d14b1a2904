"""Putting a relation to a set, with the graph deciding what the words leave open.

English does not say which way a relation was stored ("directed by", "director of", "films by"), which relation "in"
means, or which of two namesakes is spoken of. Every possibility is looked up: one that leads somewhere, or whose types
fit at both ends, is kept with its cost; what was decided is noted; what fits nowhere is no reading.

Each layer uses those before it: `sets` counts and restricts, `options` tries a relation both ways, `places` goes
through where things lie, `relations` decides between the ways, `implied` finds a relation that no word names, and
`names` begins with what is called so.
"""

from __future__ import annotations

from reasoning.reading.rules.grounding.names import Grounding
from reasoning.reading.rules.grounding.readings import (
    KEPT,
    GroundedReading,
    NoReading,
    ambiguous,
    goes_back,
    goes_on,
    is_entity,
)

__all__ = ["KEPT", "GroundedReading", "Grounding", "NoReading", "ambiguous", "goes_back", "goes_on", "is_entity"]
