"""Questions about a picture that are worth a click after one that could not be answered: made of what is in it."""

from __future__ import annotations

from collections import Counter

from vision import Scene
from vision.detections.description import counted_names

MOST_PROMPTED = 100
"""Things of a scene whose relations are gone through."""
TELLING = frozenset(("left_of", "right_of"))
"""Relations that a question speaks of: those that boxes tell for certain."""


def about_picture(scene: Scene) -> tuple[str, ...]:
    """Up to three questions that the picture answers, of what was found in it; none where that is nothing.

    One finds a thing by where it lies, one counts, one describes, so that they show what else can be asked.
    """
    counts = Counter(item.class_name for item in scene.objects)
    if not counts:
        return ()
    often, number = counts.most_common(1)[0]
    counting = f"How many {counted_names([(often, 2)]).partition(' ')[2]} are there?"
    questions = [_placed(scene, counts), counting if number > 1 else f"Find every {often}", "What is in this picture?"]
    return tuple(question for question in questions if question is not None)


def _placed(scene: Scene, counts: Counter[str]) -> str | None:
    """A thing by its place beside another one, both the only ones of their kinds, the most prominent that there are."""
    prominence = scene.detections.area * (1.0 if scene.detections.scores is None else scene.detections.scores)
    place = {item.name: (item.class_name, float(prominence[item.index])) for item in scene.objects[:MOST_PROMPTED]}
    pairs = [
        (min(place[head][1], place[tail][1]), f"the {place[head][0]} {relation.replace('_', ' ')} the {place[tail][0]}")
        for head, relation, tail in scene.to_dict()["relations"]
        if relation in TELLING and {head, tail} <= set(place) and counts[place[head][0]] == 1 == counts[place[tail][0]]
    ]
    return max(pairs, default=(0.0, None), key=lambda pair: pair[0])[1]
