"""Errors as sentences in the page: what was wrong, where, and how it could be said instead. Never a stack trace."""

from __future__ import annotations

import logging
import re

from markupsafe import Markup

from app.server.templates import render
from kg_data.errors import SkylarkError
from reasoning.errors import QueryError, UnknownEntityError, UnknownRelationError
from reasoning.query.read_question import QuestionError

log = logging.getLogger(__name__)

GRAMMAR_ROWS: tuple[tuple[str, str], ...] = (
    ('borders("France")', "everything one relation away from an entity"),
    ('~currency("Euro")', "the relation backwards: everything whose currency is the Euro"),
    ('capital(borders("France"))', "one step after another"),
    ("A & B,  A | B,  !A", "and, or, not; brackets group"),
    ("population(A) > 1000000", "members whose value passes; right of it any number may stand"),
    ("top(3, population, A),  bottom(...)", "members with the largest or smallest values, and who ties with the last"),
    ("count(A),  exists(A)", "how many, and whether any"),
    ("sum(population, A),  average(...)", "one number of the members' values; also minimum and maximum"),
    ("[count(borders(it))](A) > 3", "a number of each member, called it; it stands where a value does"),
    ('population("Chad") / 2 - count(A)', "numbers reckoned with"),
    ("every(borders, A)", "what the relation leads from to all of A"),
    ('name_starts("B", A)', "members whose name begins so"),
    ('entity("id")', "an entity by its id, where several share a name"),
)

_LIMIT = re.compile(r" or raise the limit \(\w+\)")


def grammar_html() -> Markup:
    """The grammar of formal queries as a list of examples."""
    return render("server/grammar.html", rows=GRAMMAR_ROWS)


def failure_html(error: Exception) -> Markup:
    """An error as the page shows it. One that nobody foresaw is logged, and the page says nothing of its inside."""
    rest, line, column = "", None, 0
    message = str(error)
    if not isinstance(error, SkylarkError):
        log.error("an unexpected error reached the page", exc_info=error)
        message = "Something went wrong inside Skylark, and the question was not answered."
        rest = "The log has the details. Another question may still work."
    elif isinstance(error, QuestionError):
        # First what is wrong, then what was understood all the same.
        message, _, rest = message.partition("; ")
    elif isinstance(error, QueryError) and error.text is not None and error.column is not None:
        # The message ends in the query and a caret under the column; only a fixed-width block keeps them in line.
        message = f"{error.reason} (column {error.column})"
        line, column = error.text.replace("\n", " ").replace("\t", " "), error.column - 1
    # A limit is raised in Python; who looks at the page can't.
    message = _LIMIT.sub("", message)
    first = message.split(" ", 1)[0]
    if not ("." in first[:-1] or "/" in first):  # a file's name keeps its letters
        message = message[:1].upper() + message[1:]
    return render(
        "server/failure.html",
        message=message,
        rest=rest,
        line=line,
        column=column,
        nearest=error.nearest if isinstance(error, UnknownEntityError | UnknownRelationError) else (),
        grammar=grammar_html() if isinstance(error, QueryError | QuestionError) else "",
        asks_back=isinstance(error, QuestionError) and error.reading is not None and bool(error.reading.alternatives),
    )
