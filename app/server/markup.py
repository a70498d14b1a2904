"""Small pieces of HTML, and the one way in which a text from outside becomes part of them.

Names of entities, questions and replies of models come from strangers. Every view builds its HTML from these pieces,
and each piece escapes what it is given, so that a name such as `<script>` shows as a text.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable

from app.server.words import counted, percent, shortened
from app.server.words import duration as seconds_text

__all__ = ["counted", "heading", "muted", "name", "names", "percent", "seconds_text", "shortened", "table", "text"]


def text(content: object) -> str:
    """A text as HTML: escaped, invisible control characters made visible."""
    shown = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) == "Cc" and c not in "\n\t" else c for c in str(content)
    )
    return html.escape(shown, quote=True)


def name(content: object) -> str:
    """A name, set apart so that a right-to-left one does not turn its surroundings around."""
    return f"<bdi>{text(content)}</bdi>"


def names(contents: Iterable[str], total: int | None = None, most: int = 8) -> str:
    """The first names as a list in a sentence, e.g. "Paris, Rome and 3 more"; "nothing" where there is none."""
    shown = [entry for _, entry in zip(range(most), contents, strict=False)]
    rest = (len(shown) if total is None else total) - len(shown)
    listed = ", ".join(name(entry) for entry in shown) or "nothing"
    return f"{listed} and {rest:,} more" if rest > 0 else listed


def table(caption: str, header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table that scrolls sideways on its own; the cells of `rows` are HTML, the header and caption are texts."""
    head = "".join(f'<th scope="col">{text(cell)}</th>' for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="sk-scroll" tabindex="0" role="region" aria-label="{text(caption)}"><table class="sk-table">'
        f'<caption class="sk-unseen">{text(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def muted(content: str) -> str:
    """A remark in the page's quieter colour; `content` is HTML."""
    return f'<p class="sk-muted">{content}</p>'


def heading(content: str) -> str:
    """A section's heading."""
    return f'<h2 class="sk-heading">{text(content)}</h2>'
