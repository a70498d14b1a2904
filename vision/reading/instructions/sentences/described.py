"""Things that are described rather than named: "things you can eat", "anything edible", "stuff on wheels"."""

from __future__ import annotations

from vision.classes.phrases import COLOURS
from vision.reading.instructions.sentences.lookahead import Words
from vision.reading.instructions.words.tables import phrases

_THINGS = frozenset(
    phrases("object, objects, thing, things, item, items, stuff, anything, something, everything, whatever")
)
_LINKING = frozenset(
    (
        "that",
        "which",
        "you can",
        "can",
        "to",
        "with",
        "for",
        "made of",
        "used for",
        "used to",
        "to do with",
        "do",
        "related",
        "could",
        "may",
        "would",
    )
)
_SUBJECTS = frozenset(["you", "people", "we", "one", "i", "person", "someone", "somebody", "anyone", "humans"])
_ABLE = frozenset(("can", "could", "may", "might", "would"))
_CARRIERS = frozenset(("wheels", "rails", "tracks", "legs", "water"))
"""What things may be on as a kind: "stuff on wheels"."""


def described_things(words: Words, position: int) -> int | None:
    """One past a phrase such as "things you can eat", "anything edible", "objects with wheels", or None."""
    if words.tokens[position].text not in _THINGS:
        return None
    index, subject = position + 1, False
    if (on := words.at(index)) is not None and on.text in ("on", "with") and (count := words.at(index + 1)) is not None:
        # "things on two wheels", "stuff on wheels"
        index += 2 if count.can_be("number") else on.text == "on" and count.text in _CARRIERS
    while (token := words.at(index)) is not None:
        after = words.at(index + 1)
        if token.text in _SUBJECTS and after is not None and (after.text in _ABLE or after.text == "use"):
            subject = True
            index += 1
            continue
        if token.text in ("a", "an", "the", "my", "your") and after is not None:
            beyond = words.at(index + 2)
            able = beyond is not None and beyond.text in _ABLE and after.can_be("word", "output noun")
            if after.text in _SUBJECTS or able:
                subject |= able
                index += 2 if able else 1
                continue
        if token.can_be("word") or (token.is_stray_verb and index > position + 1):
            break
        if token.text in _SUBJECTS:
            subject = True
        elif token.text not in _LINKING:
            return None
        index += 1
    if token is None or (index == position + 1 and token.text in COLOURS):
        return None
    after = words.at(index + 1)
    if token.can_be("verb") and after is not None and after.can_be("selection"):
        # "whatever sits in the centre of the picture"
        return None
    end = index + 1
    while (token := words.at(end)) is not None:
        hanging = (
            subject
            and token.text in ("in", "on", "with", "into", "from", "out of")
            and words.content_at(end + 1) is None
        )
        if not token.can_be("word") and not hanging:
            break
        end += 1
    return end
