"""The words by which a video's graph says what happens: kinds of events, and the relations that lead from them.

Reading, events and graph share them, and this file imports nothing, so that none of these hangs on another.
"""

from __future__ import annotations

OF, WITH, SIDE, BEFORE, DURING = "of", "with", "side", "before", "during"
"""Relations from an event: to the track that it happens to, to the second one, to an edge or direction, to others."""

SIDES = ("left", "right", "top", "bottom")

APPEARS, ENTERS, LEAVES, MOVES, STOPS, CROSSES = "appears", "enters", "leaves", "moves", "stops", "crosses"
MOTIONS = (APPEARS, ENTERS, LEAVES, MOVES, STOPS, CROSSES)
"""What happens to one track."""

SIDED = (ENTERS, LEAVES, MOVES, CROSSES)
"""Those with a side."""

APPROACHES, OVERTAKES, CARRIES, FOLLOWS = "approaches", "overtakes", "carries", "follows"
MEETINGS = (APPROACHES, OVERTAKES, CARRIES, FOLLOWS)
"""What happens between two tracks, beside a scene's relations."""

ACTION = "action"
"""The kind of every segment of an activity, beside the words that it is labelled with."""
