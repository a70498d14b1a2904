"""The closed classes of words by which a question refers to what was said before, and those that only join words.

They belong to English alone: no graph, no question and no list has a part in them.
"""

from __future__ import annotations

import inflect

PRONOUNS = frozenset(
    """it its they them their theirs he him his she her hers this that these those one ones there""".split()  # noqa: SIM905
)
"""Pronouns of the third person, demonstratives, and what stands for a thing or a place."""

SINGULAR = frozenset({"it", "its", "he", "him", "his", "she", "her", "hers", "this", "that"})
"""Of these what refers to one thing; the others refer to several, or to one person."""

DEMONSTRATIVES = frozenset({"this", "that", "these", "those"})
"""Of these what stands before a noun as well: "those countries"."""

LOOSE = frozenset({"they", "that", "one", "there"})
"""Of these what may refer to nothing: "they speak Dutch here", "countries that", "there are"."""

RELATIVE = frozenset({"that", "there", "they"})
"""Of these what nothing is chosen from: "which of them speak Dutch" chooses, "where do they speak Dutch" does not."""

DETERMINERS = frozenset(
    "a an another any each either every few many most neither no several some what which whose".split()  # noqa: SIM905
)
"""What a noun of the question's own begins with, to which a pronoun after it may refer."""

DISTRIBUTIVES = frozenset({"any", "each", "either", "every", "neither", "one"})
"""What takes one out of several, so that "it" may refer to it: "each of the countries and its capital"."""

TIMES = frozenset("day days moment week weeks month months year years decade century time times".split())  # noqa: SIM905
"""Nouns with which a demonstrative says when, and of which thing nothing: "these days", "this year"."""

POSSESSIVES = frozenset({"its", "their", "his", "her"})
"""Of these what stands before what is had."""

BEING = frozenset({"is", "are", "was", "were", "be"})
"""Forms of "be", beside which "there" says that something exists, and not where."""

AUXILIARIES = BEING | frozenset(
    """am been being do does did has have had having can could may might must shall should will would""".split()  # noqa: SIM905
)
"""Verbs that only help another one, and the forms of "be", "have" and "do"."""

ASKING = AUXILIARIES | frozenset({"what", "which", "who", "whom", "whose", "where", "when", "how"})
"""Words that a question begins with, and no phrase that only keeps some of what was said."""

CLAUSE_OPENERS = frozenset("that which who whom whose where when while whether if because and or but so then".split())  # noqa: SIM905
"""Words that another clause begins with."""

PREPOSITIONS = frozenset("about for in of on at to from by with within into as per".split())  # noqa: SIM905
"""Prepositions that questions are joined by; after one stands what may say where, and of what."""

CONNECTIVES = PREPOSITIONS | frozenset(
    "a an the and or also then now so well what how please ok okay thanks".split()  # noqa: SIM905
)
"""Articles, conjunctions and prepositions, and what a question of few words begins with; none of them asks anything."""

IDENTIFYING = frozenset({"which", "who"}) | BEING
"""Words that ask of a thing no more than what it is."""

CONJUNCTIONS = frozenset({"and", "or", "but", "so", "then"})
"""What a question that goes on from another one begins with."""

RESTRICTORS = frozenset({"not", "no", "only", "just", "without", "except", "but", "more", "less", "fewer", "than"})
"""Words that keep some of what was said, without saying of what."""

DEGREES: dict[str, bool] = {
    **dict.fromkeys(("more", "most", "larger", "largest", "bigger", "biggest", "greater", "greatest"), True),
    **dict.fromkeys(("higher", "highest"), True),
    **dict.fromkeys(("less", "least", "fewer", "fewest", "smaller", "smallest", "lower", "lowest"), False),
}
"""Words that compare by any measure and say none, "the second smallest", with whether they say that it is larger."""

KEEPING = frozenset({"only", "just"})
"""Of these what keeps no more than what stands behind it: "only those in Europe" are those in Europe."""

_MOST_PLACES = 20
_NUMBERS = inflect.engine()

ORDINALS: dict[str, int] = {
    **{_NUMBERS.ordinal(place): place for place in range(1, 100)},
    **{_NUMBERS.ordinal(str(_NUMBERS.number_to_words(place))): place for place in range(1, _MOST_PLACES + 1)},
    "former": 1, "last": -1, "latter": -1,
}  # fmt: skip
"""Words for places in a list, from 1 on, or from -1 on backwards."""
