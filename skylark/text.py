"""Text for terminals and notebooks: escapes, tables and HTML.

Names of a graph and what a language model writes come from strangers. An escape sequence in one of them could
recolour or overwrite what stands on the screen, and a line break could pass for a line of ours; in HTML a name is
never read as a tag, a script or a formula.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree

_STEERS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""Control characters, line and paragraph separators, and marks that change the direction of what follows."""


def visible(text: str) -> str:
    """A text as one line: `A`, escape, `[31m`, line break, `B` reads `A\\x1b[31m\\nB`."""
    return _STEERS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def visible_lines(text: str) -> str:
    """A text of several lines, whose line breaks are kept."""
    return "\n".join(map(visible, text.split("\n")))


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of text, the first to the left and the others to the right, wide characters counted as two."""
    table = [[visible(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(_width, column)) for column in zip(*table, strict=True)]
    lines = []
    for row in table:
        gaps = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([row[0] + gaps[0], *(gap + cell for gap, cell in zip(gaps[1:], row[1:], strict=True))]))
    lines.insert(1, "-" * _width(lines[0]))
    return "\n".join(line.rstrip() for line in lines)


def _width(text: str) -> int:
    """Columns of a terminal that a text takes."""
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


Element = ElementTree.Element

PLAIN = "tex2jax_ignore mathjax_ignore"
"""Classes that keep notebooks from setting what stands between dollar signs as a formula, which may hold links."""


def element(tag: str, *content: Element | str, **attributes: str) -> Element:
    """An element with texts and elements in it; texts are escaped when it is written."""
    made = Element(tag, attributes)
    for part in content:
        if not isinstance(part, str):
            made.append(part)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + visible(part)
        else:
            made.text = (made.text or "") + visible(part)
    return made


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Element:
    """A table of texts."""
    head = element("thead", element("tr", *(element("th", name) for name in header)))
    body = element("tbody", *(element("tr", *(element("td", cell) for cell in row)) for row in rows))
    return element("table", head, body)


def html(*content: Element | str) -> str:
    """Content as the HTML of one block."""
    block = element("div", *content)
    block.set("class", PLAIN)
    text = ElementTree.tostring(block, encoding="unicode", method="html")
    # Half a surrogate pair, which no encoding holds, would break the notebook's file.
    return text.encode("utf-8", "replace").decode("utf-8")
