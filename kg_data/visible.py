"""Text for a terminal: what would steer it, or break a line, is shown as its escape instead.

Names of a graph and what a language model writes come from strangers. An escape sequence in one of them could recolour
or overwrite what stands on the screen, and a line break could pass for a line of ours.
"""

from __future__ import annotations

import re

_STEERS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""Control characters, line and paragraph separators, and marks that change the direction of what follows."""


def visible(text: str) -> str:
    """A text as one line: `A`, escape, `[31m`, line break, `B` reads `A\\x1b[31m\\nB`."""
    return _STEERS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def visible_lines(text: str) -> str:
    """A text of several lines, whose line breaks are kept."""
    return "\n".join(map(visible, text.split("\n")))
