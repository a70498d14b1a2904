"""HTML for notebooks, made of elements: a name from a stranger is never read as a tag, a script or a formula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree

from kg_data.visible import visible

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
