"""Other instructions from a written one: other classes, numbers and letters, with the reply that goes with them.

A few thousand instructions name each thing so often that a student would learn what is looked for instead of reading
it. Words that are copied are exchanged in instruction and reply alike.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from vision.reading.instructions.model.prompt import InstructionPrompt
from vision.reading.instructions.teaching.lists import TaughtInstruction

OTHER_CLASSES, OTHER_NUMBERS, LOWER, SLIPS = 0.6, 0.4, 0.08, 0.06
"""How often the classes are exchanged, the numbers are, capitals are lost, and a letter is doubled or lost."""


class Variations:
    """Draws variations of instructions.

    Args:
        instructions: whose class names are exchanged with each other.
    """

    def __init__(self, instructions: Sequence[TaughtInstruction]) -> None:
        names = {name.lower() for one in instructions for name in (*one.reply.classes, *one.reply.excluded)}
        plain = sorted(name for name in names if re.fullmatch(r"[a-z]+(?: [a-z]+)?", name))
        self._many = [name for name in plain if name.endswith("s") and not name.endswith("ss")]
        self._one = [name for name in plain if name not in set(self._many)]

    def draw(self, one: TaughtInstruction, rng: random.Random) -> TaughtInstruction:
        """A variation, or the instruction itself."""
        if rng.random() < OTHER_CLASSES:
            one = self._other_classes(one, rng)
        if rng.random() < OTHER_NUMBERS:
            one = _other_numbers(one, rng)
        if one.reply.output.label_key != "label":
            return one
        if rng.random() < LOWER:
            one = TaughtInstruction(one.text.lower(), one.reply)
        return _slip(one, rng) if rng.random() < SLIPS else one

    def _other_classes(self, one: TaughtInstruction, rng: random.Random) -> TaughtInstruction:
        """Each class that is named in one place only, and by none of the words of another, by another name."""
        reply, text = one.reply, one.text
        if reply.expression is not None:
            return one
        names = [*reply.classes, *reply.excluded]
        words = [word for name in (*names, *reply.unread) for word in name.lower().split()]
        put: dict[str, str] = {}
        for name in names:
            places = list(re.finditer(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE))
            shared = any(words.count(word) > 1 for word in name.lower().split())
            if len(places) != 1 or shared or not re.fullmatch(r"[A-Za-z]+(?: [A-Za-z]+)?", name):
                continue
            if re.search(r"(?:thing|things|stuff|that|is|are)\s+$", text[: places[0].start()], re.IGNORECASE):
                continue  # "anything edible"
            pool = self._many if name.lower() in self._many or name.endswith("s") else self._one
            other = rng.choice(pool)
            if re.search(rf"(?<!\w){re.escape(other)}(?!\w)", text, re.IGNORECASE) or other in put.values():
                continue
            start, end = places[0].span()
            shown = other.capitalize() if text[start].isupper() and not text[start:end].istitle() else other
            text = text[:start] + shown + text[end:]
            put[name] = other
        classes, excluded = ([put.get(name, name) for name in part] for part in (reply.classes, reply.excluded))
        return TaughtInstruction(text, reply.model_copy(update={"classes": classes, "excluded": excluded}))


def _other_numbers(one: TaughtInstruction, rng: random.Random) -> TaughtInstruction:
    """A number of objects, points or a range that stands there once in digits, another in its place."""
    reply, text = one.reply, one.text
    output = reply.output
    for value, least, most in (
        (None if reply.limit is None else reply.limit.count, 2, 20),
        (output.points, 4, 64),
        (output.range if output.scale == "range" else None, 100, 2000),
    ):
        if value is None or value < 2 or not _stands_once(value, text):
            continue
        other = rng.randint(least, most)
        text = re.sub(rf"(?<!\d){value}(?!\d)", str(other), text)
        if value == (reply.limit.count if reply.limit else None):
            reply = reply.model_copy(update={"limit": reply.limit.model_copy(update={"count": other})})  # type: ignore[union-attr]
        elif value == output.points:
            output = output.model_copy(update={"points": other})
        else:
            output = output.model_copy(update={"range": other})
    return TaughtInstruction(text, reply.model_copy(update={"output": output}))


def _stands_once(number: int, text: str) -> bool:
    """Whether a number is said in one place, in digits and as no part of another or of a name such as "x16"."""
    places = re.findall(rf"(?<![\d.]){number}(?!\.?\d)", text)
    return len(places) == 1 and not re.search(rf"[A-Za-z_]{number}", text)


def _slip(one: TaughtInstruction, rng: random.Random) -> TaughtInstruction:
    """One letter lost or doubled in a word that the reply does not copy."""
    reply = one.reply
    copied = " ".join([*reply.classes, *reply.excluded, reply.expression or "", *reply.unread]).lower()
    words = [
        word
        for word in InstructionPrompt(one.text).words
        if len(word.text) > 3 and word.text.isalpha() and word.text.lower() not in copied
    ]
    if not words:
        return one
    word = rng.choice(words)
    at = rng.randrange(word.start + 1, word.end - 1)
    put = one.text[at] * 2 if rng.random() < 0.5 else ""
    return TaughtInstruction(one.text[:at] + put + one.text[at + 1 :], reply)
