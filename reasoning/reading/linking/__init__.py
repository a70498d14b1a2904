"""From the words of a question to the things of a graph: every stretch of words with all that it may mean.

A name is looked up by binary search over the graph's folded keys, so a graph with a million names costs milliseconds.
Common words are never names unless they are marked: there are towns called "Of", "Use" and "Many". What overlaps is
kept side by side; the grammar takes the stretches that make a whole.

`names` links to entities, `phrases` to relations, kinds of things and the roles of words, and `unknown` what is left;
`linker` puts them together.
"""

from __future__ import annotations

from reasoning.reading.linking.items import Item, Linked, Mention
from reasoning.reading.linking.linker import link

__all__ = ["Item", "Linked", "Mention", "link"]
