"""The closed classes of words by which a question refers to what was said before, and those that only join words.

They belong to English alone: no graph, no question and no list has a part in them.
"""

from __future__ import annotations

import inflect

PRONOUNS = frozenset(
    """it its they them their theirs he him his she her hers this that these those one ones there""".split()  # noqa: SIM905
)
"""Pronouns of the third person, demonstratives, and what stands for a thing or a place."""

DEMONSTRATIVES = frozenset({"this", "that", "these", "those"})
"""Of these what stands before a noun as well: "those countries"."""

LOOSE = frozenset({"they", "that", "one", "there"})
"""Of these what may refer to nothing: "they speak Dutch here", "countries that", "there are"."""

RELATIVE = frozenset({"that", "there", "they"})
"""Of these what nothing is chosen from: "which of them speak Dutch" chooses, "where do they speak Dutch" does not."""

POSSESSIVES = frozenset({"its", "their", "his", "her"})
"""Of these what stands before what is had."""

BEING = frozenset({"is", "are", "was", "were", "be"})
"""Forms of "be", beside which "there" says that something exists, and not where."""

CONNECTIVES = frozenset(
    """a an the and or also then now so well what how about for in of on at to from by with within into as per
    please ok okay thanks""".split()  # noqa: SIM905
)
"""Articles, conjunctions and prepositions, and what a question of few words begins with; none of them asks anything."""

IDENTIFYING = frozenset({"which", "who"}) | BEING
"""Words that ask of a thing no more than what it is."""

CONJUNCTIONS = frozenset({"and", "or", "but", "so", "then"})
"""What a question that goes on from another one begins with."""

RESTRICTORS = frozenset({"not", "no", "only", "just", "without", "except", "but", "more", "less", "fewer", "than"})
"""Words that keep some of what was said, without saying of what."""

_MOST_PLACES = 20
_NUMBERS = inflect.engine()

ORDINALS: dict[str, int] = {
    **{_NUMBERS.ordinal(place): place for place in range(1, 100)},
    **{_NUMBERS.ordinal(str(_NUMBERS.number_to_words(place))): place for place in range(1, _MOST_PLACES + 1)},
    "former": 1, "last": -1, "latter": -1,
}  # fmt: skip
"""Words for places in a list, from 1 on, or from -1 on backwards."""
