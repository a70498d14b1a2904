"""The user's classes as phrases that a model is asked for.

Order and spelling of a class set must not change what is found, and nothing that a stranger writes in it may be read
as a model's control sign ("<|im_end|>", "</s>", "<loc_5>"): so phrases are cleaned and sorted before any model sees
them, and each remembers the class that it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_CONTROL = re.compile(r"[<>\x00-\x1f\x7f\u2028\u2029]+")


@dataclass(frozen=True)
class Phrase:
    """A class and the words that the model is asked for.

    Attributes:
        label: the class exactly as it was requested.
        text: what stands in the prompt.
    """

    label: str
    text: str


def as_phrases(classes: Sequence[str], avoid: str = "") -> tuple[list[Phrase], list[str]]:
    """Sorted phrases, no two alike, with a note on each class that cannot be asked for.

    Args:
        classes: the request's classes in any order.
        avoid: signs that mean something else in the model's prompt; they become spaces.
    """
    phrases: dict[str, Phrase] = {}
    notes = []
    table = str.maketrans(dict.fromkeys(avoid, " "))
    for label in sorted(set(classes)):
        text = " ".join(_CONTROL.sub(" ", label).translate(table).split())
        if not text:
            notes.append(f"{label!r} holds no word that the model could be asked for.")
        elif text in phrases:
            notes.append(
                f"{label!r} is the same to the model as {phrases[text].label!r}, which its objects are called."
            )
        else:
            phrases[text] = Phrase(label, text)
    return list(phrases.values()), notes


def chunked(phrases: Sequence[Phrase], lengths: Sequence[int], limit: int) -> list[list[int]]:
    """Positions of phrases in runs, each as long as the limit allows; a phrase beyond the limit stands alone.

    Args:
        phrases: in canonical order.
        lengths: what each takes of the limit, in tokens with its separator.
        limit: tokens of one prompt.
    """
    runs: list[list[int]] = []
    used = limit
    for place in range(len(phrases)):
        if used + lengths[place] > limit or not runs:
            runs.append([])
            used = 0
        runs[-1].append(place)
        used += lengths[place]
    return runs
