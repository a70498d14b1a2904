"""A sentence on what is in a picture, written by rule: no language model adds anything that was not found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from vision.detections.detections import Detections

if TYPE_CHECKING:
    from inflect import engine


def sentence(detections: Detections) -> str:
    """A sentence such as "2 people, a dog and 3 cars.", the most frequent first."""
    if not len(detections):
        return "Nothing that this model knows was found."
    words = _with_articles(detections.class_names)
    return f"{words[0].upper()}{words[1:]}."


def counted_names(counts: Iterable[tuple[str, int]]) -> str:
    """Counts such as "1 dog, 3 people and 0 trucks", in the order given."""
    return listed([f"{count:,} {name if count == 1 else _plural(name)}" for name, count in counts])


def in_other_colours(names: Sequence[str], colours: Sequence[Sequence[str]]) -> str:
    """What is there of a class, where a colour was asked for that none of it has.

    Args:
        names: n class names, at least one.
        colours: those that each of them is seen as, the likeliest first.
    """
    seen = [", ".join(words) or "unsure" for words in colours[:MOST_SEEN]]
    seen += ["and so on"] if len(colours) > MOST_SEEN else []
    whose = "its colour is" if len(names) == 1 else "their colours are"
    return f"{there_is(names)}; {whose} seen as {'; '.join(seen)}."


def there_is(names: Sequence[str], after: bool = False) -> str:
    """ "There is a bus", "There are 2 people and a dog"; in small letters after other words."""
    return f"{'t' if after else 'T'}here {'is' if len(names) == 1 else 'are'} {_with_articles(names)}"


def perhaps_too(names: Sequence[str], doubted: Sequence[str]) -> str:
    """What may be there beside what is: "2 more", "another", "a cat and 2 dogs".

    Args:
        names: of what is there.
        doubted: of what may be, at least one.
    """
    if set(names) == set(doubted) and len(set(names)) == 1:
        return "another" if len(doubted) == 1 else f"{len(doubted)} more"
    return _with_articles(doubted)


def _with_articles(names: Iterable[str]) -> str:
    """Names with their numbers in words, the most frequent first."""
    counts = sorted(Counter(names).items(), key=lambda item: (-item[1], item[0]))
    return listed([with_article(name) if count == 1 else f"{count} {_plural(name)}" for name, count in counts])


def listed(parts: Sequence[str], last: str = "and") -> str:
    """ "a dog, 2 cars and a bus"; `last` is the word before the last part."""
    return f" {last} ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


# Names of classes that are plurals or masses already.
_PAIRS = frozenset({"skis", "scissors"})
_MASSES = frozenset({"broccoli"})

MOST_SEEN = 3
"""Objects whose colours a sentence tells."""


@cache
def _english() -> engine:
    import inflect  # takes a second to import, which detection shouldn't

    return inflect.engine()


def _plural(name: str) -> str:
    if name in _PAIRS:
        return f"pairs of {name}"
    # Words of an instruction may be plurals already; "bus" and "glass" pass for such.
    plural = not name.endswith(("us", "ss")) and _english().singular_noun(name)
    return name if plural or name in _MASSES else str(_english().plural_noun(name) or name)


def with_article(name: str) -> str:
    """ "a dog", "an umbrella", "a pair of skis"."""
    if name in _PAIRS:
        return f"a pair of {name}"
    return name if name in _MASSES else str(_english().a(name))
