"""Errors as sentences in the page: what was wrong, where, and how it could be said instead. Never a stack trace."""

from __future__ import annotations

import logging
import re

from app.server.markup import text
from kg_data.errors import SkylarkError
from reasoning.errors import QueryError, QuestionError, UnknownEntityError, UnknownRelationError

log = logging.getLogger(__name__)

GRAMMAR_ROWS: tuple[tuple[str, str], ...] = (
    ('borders("France")', "everything one relation away from an entity"),
    ('~currency("Euro")', "the relation backwards: everything whose currency is the Euro"),
    ('capital(borders("France"))', "one step after another"),
    ("A & B,  A | B,  !A", "and, or, not; brackets group"),
    ("population(A) > 1000000", "members whose value passes"),
    ("top(3, population, A),  bottom(...)", "members with the largest or smallest values"),
    ("count(A),  exists(A)", "how many, and whether any"),
    ('entity("id")', "an entity by its id, where several share a name"),
)


def grammar_html() -> str:
    """The grammar of formal queries as a list of examples."""
    rows = "".join(f"<tr><td><code>{text(form)}</code></td><td>{text(about)}</td></tr>" for form, about in GRAMMAR_ROWS)
    return (
        '<div class="sk-scroll" tabindex="0" role="region" aria-label="The grammar">'
        f'<table class="sk-table sk-grammar"><tbody>{rows}</tbody></table></div>'
    )


_LIMIT = re.compile(r" or raise the limit \(\w+\)")


def failure_html(error: Exception) -> str:
    """An error as the page shows it; what nobody foresaw is logged and told without its inner workings."""
    if not isinstance(error, SkylarkError):
        log.error("an unexpected error reached the page", exc_info=error)
        return _alert(
            "Something went wrong inside Skylark, and the question was not answered.",
            "<p>The log has the details. Another question may still work.</p>",
        )
    message, more = str(error), ""
    if isinstance(error, QueryError) and error.text is not None and error.column is not None:
        # The message ends in the query and a caret under the column; only a fixed-width block keeps them in line.
        message = f"{error.reason} (column {error.column})"
        line = error.text.replace("\n", " ").replace("\t", " ")
        more = f'<pre class="sk-pointer" tabindex="0">{text(line)}\n{" " * (error.column - 1)}^</pre>'
    if isinstance(error, UnknownEntityError | UnknownRelationError) and error.nearest:
        nearest = "".join(f"<li><code>{text(near)}</code></li>" for near in error.nearest)
        more += f'<div class="sk-nearest"><span>Nearest names:</span><ul>{nearest}</ul></div>'
    if isinstance(error, QueryError | QuestionError):
        more += f"<details><summary>How a formal query is written</summary>{grammar_html()}</details>"
    if isinstance(error, QuestionError):
        # First what is wrong, then what was understood all the same and how to say it exactly.
        message, _, rest = message.partition(". ")
        more = f"<p>{text(rest)}</p>{more}" if rest else more
    asks = isinstance(error, QuestionError) and error.reading is not None and bool(error.reading.to_choose)
    # A limit is raised in Python; who looks at the page can't.
    message = _LIMIT.sub("", message)
    first = message.split(" ", 1)[0]
    named = "." in first[:-1] or "/" in first  # a file's name keeps its letters
    return _alert(message if named else message[:1].upper() + message[1:], more, asks=asks)


def _alert(message: str, more: str, *, asks: bool = False) -> str:
    looks = "sk-alert sk-asks" if asks else "sk-alert"
    return f'<div class="{looks}" role="alert"><p><strong>{text(message)}</strong></p>{more}</div>'
