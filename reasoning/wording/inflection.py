"""Forms of the words in relations' labels that sentences need: plurals of nouns, forms of verbs."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inflect import engine


@cache
def _engine() -> engine:
    import inflect  # takes a second to import, which a query whose sentence needs no such form shouldn't

    return inflect.engine()


@cache
def is_plural(noun: str) -> bool:
    """Whether a noun phrase is a plural: "starred actors"."""
    last = noun.split(" ")[-1]
    return last.endswith("s") and not last.endswith(("ss", "us", "is")) and bool(_engine().singular_noun(last))


@cache
def plural(noun: str) -> str:
    """ "capital" to "capitals", "place of birth" to "places of birth"; a plural stays as it is."""
    return noun if not noun.strip() or is_plural(noun) else str(_engine().plural_noun(noun))


@cache
def with_article(noun: str) -> str:
    """ "a city", "an airport"; a plural has no article."""
    return noun if not noun.strip() or is_plural(noun) else str(_engine().a(noun))


_PASTS = {
    "written": "wrote", "sung": "sang", "drawn": "drew", "given": "gave", "taken": "took", "chosen": "chose",
    "spoken": "spoke", "driven": "drove", "worn": "wore", "won": "won", "made": "made", "built": "built", "led": "led",
    "held": "held", "bought": "bought", "sold": "sold", "found": "found", "told": "told", "taught": "taught",
}  # fmt: skip


_SHORT_PASTS = frozenset({"beat", "met", "knew", "saw", "fought", "lost", "left", "wed"})
"""Irregular pasts that are labels and no participles of `_PASTS`."""

_INTRANSITIVE = frozenset(
    {"studied", "worked", "played", "lived", "graduated", "participated", "competed", "served", "moved", "died"}
    | {"performed", "appeared", "starred", "travelled", "traveled", "enrolled", "invested", "collaborated", "fought"}
)
"""Pasts of verbs that say with their preposition what somebody did: "studied at"; "located in" says where it is put."""


def past(label: str) -> str:
    """What was done by whom a label names: "directed by" to "directed", "written by" to "wrote"; else ""."""
    done, _, by = label.rpartition(" ")
    if by != "by" or " " in done:
        return ""
    return _PASTS.get(done, done if done.endswith("ed") else "")


def is_past(label: str) -> bool:
    """Whether a label of one word says what was done: "acquired", "sued"."""
    first, _, rest = label.partition(" ")
    if rest and first in _INTRANSITIVE:
        return True
    return not rest and ((label.endswith("ed") and len(label) > 3) or label in _SHORT_PASTS or label in _PASTS.values())


def done_when(label: str) -> str:
    """The participle of a label for when something was done: "founded" of "founded", "hired" of "hired on"; else ""."""
    done = label.removesuffix(" on").removesuffix(" in").removesuffix(" at")
    return done if is_past(done) or done in ("born", *_PASTS) else ""


def base_form(verb: str) -> str:
    """A verb's third person without its ending, what follows the verb kept: "carries out" to "carry out"."""
    first, _, rest = verb.partition(" ")
    if first.endswith("ies") and len(first) > 4:
        first = first[:-3] + "y"
    elif first.endswith(("sses", "shes", "ches", "xes", "zes", "oes")):
        first = first[:-2]
    else:
        first = first.removesuffix("s")
    return f"{first} {rest}".strip()


def participle(verb: str) -> str:
    """A regular verb's third person as a participle: "serves" to "served", "carries out" to "carried out"."""
    first, _, rest = base_form(verb).partition(" ")
    if first.endswith("y") and first[-2:-1] not in "aeiou":
        first = first[:-1] + "i"
    return f"{first.removesuffix('e')}ed {rest}".strip()
