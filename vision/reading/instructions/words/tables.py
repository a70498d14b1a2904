"""How tables of wordings are written down: phrases between commas, verbs with their forms."""

from __future__ import annotations


def phrases(text: str) -> tuple[str, ...]:
    """The comma-separated phrases of a table."""
    return tuple(phrase for phrase in (" ".join(part.split()) for part in text.split(",")) if phrase)


def inflected(verbs: str) -> tuple[str, ...]:
    """Regular English verbs with their forms in -s, -ed and -ing."""
    forms: list[str] = []
    for verb in verbs.split():
        stem = verb.removesuffix("e")
        if verb.endswith("y") and verb[-2] not in "aeiou":
            forms += [verb, f"{verb[:-1]}ies", f"{verb[:-1]}ied", f"{verb}ing"]
        else:
            plural = f"{verb}es" if verb.endswith(("s", "sh", "ch", "x")) else f"{verb}s"
            forms += [verb, plural, f"{stem}ed", f"{stem}ing"]
    return tuple(forms)
