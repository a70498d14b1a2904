"""HTML, words, looks and scripts of the page, and errors as sentences.

A text from outside (a name of an entity, a question, an error) must never become markup: HTML comes from Jinja
templates, which escape whatever is put into them. Fonts are the system's own, nothing is fetched. Scripts and styles
are found through the package, so that a page that runs from a zip has them too. Anyone can call what a script calls
with anything, so each such function checks what it is given. An error says what was wrong, where, and how it could be
said instead: never a stack trace.
"""

from __future__ import annotations

import json
import logging
import re
import unicodedata
from collections.abc import Callable, Iterable
from importlib import resources
from typing import Any, TypeVar

import gradio as gr
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reasoning.errors import QueryError, UnknownEntityError, UnknownRelationError
from reasoning.query.read_question import QuestionError
from skylark.errors import SkylarkError

ELLIPSIS = "…"


def shortened(content: str, most: int) -> str:
    """At most `most` characters; an ellipsis stands for the rest."""
    return content if len(content) <= most else content[: most - 1].rstrip() + ELLIPSIS


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 answer`, `2,000 answers`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def percent(confidence: float) -> str:
    """A confidence in whole percent; what is not certain is never 100%."""
    return "under 1%" if confidence < 0.01 else f"{min(99, round(100 * confidence))}%"


def not_in_link(what: str, name: str, offered: Iterable[str]) -> str:
    """What is said of a name in a link that is none of those on offer: of a graph, a picture or a tab."""
    return f"the link names a {what} that is not here: {shortened(name, 60)!r}; choose one of {', '.join(offered)}"


def duration(seconds: float) -> str:
    """A duration with as many digits as the eye needs: `0.4 ms`, `12 ms`, `3.1 s`."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


_ENVIRONMENT = Environment(
    loader=PackageLoader("app", "static/templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters.update(
    counted=counted, duration=duration, percent=percent, shortened=shortened, thousands=lambda number: f"{number:,}"
)

_VISIBLE = {
    code: "\N{REPLACEMENT CHARACTER}"
    for code in range(0xA0)
    if unicodedata.category(chr(code)) == "Cc" and chr(code) not in "\n\t"
}
"""Control characters could hide what a text says, so the page shows a sign in their place."""


def render(template: str, **values: Any) -> Markup:
    """A template under `static/templates` filled in, as markup: texts among the values are escaped, `Markup` is not.

    Raises:
        jinja2.TemplateNotFound: there is no such template.
        jinja2.UndefinedError: the template names a value that is not given.
    """
    return Markup(_ENVIRONMENT.get_template(template).render(**values).translate(_VISIBLE))


def macro(name: str, *arguments: Any) -> Markup:
    """One of the macros of `static/templates/macros.html`, for a piece of HTML too small for a template of its own."""
    called = getattr(_ENVIRONMENT.get_template("macros.html").module, name)(*arguments)
    return Markup(str(called).translate(_VISIBLE))


def muted(content: str) -> Markup:
    """A remark in the page's quieter colour; only `Markup` is not escaped."""
    return macro("muted", content)


def heading(content: str) -> Markup:
    """A section's heading; only `Markup` is not escaped."""
    return macro("heading", content)


SANS = ("system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "DejaVu Sans Mono", "monospace")


def theme() -> gr.themes.Base:
    """The theme; what it cannot say is in `static/page.css`, which uses its variables."""
    return gr.themes.Base(
        primary_hue="sky",
        neutral_hue="slate",
        radius_size="md",
        font=[gr.themes.Font(name) for name in SANS],
        font_mono=[gr.themes.Font(name) for name in MONO],
    ).set(
        # The hue's own middle shade does not carry white text readably.
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover_dark="*neutral_700",
        # The theme's own quiet text and accent do not stand out enough from a light page.
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        color_accent="*primary_700",
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
    )


log = logging.getLogger(__name__)

Source = TypeVar("Source")


def read_static(name: str) -> str:
    """The text of a file of `app/static`, such as "page.css"."""
    return (resources.files("app") / "static" / name).read_text(encoding="utf-8")


def in_view(*selectors: str) -> str:
    """A script for an event of the page: the first of these elements that exists is scrolled into view where it is not.

    What comes in answer to a press may lie below the screen.
    """
    return f"() => skylarkPage.show({json.dumps(selectors)})"


def called(function: Callable[[Source, object], dict[str, Any]], source: Source, request: object) -> Any:
    """What a function gives for `request`, or `{"error": ...}` with a sentence: a failure is a sentence here too."""
    try:
        return function(source, request)
    except SkylarkError as error:
        return {"error": str(error)}
    except Exception:
        log.exception("a script of the page asked for something that failed")
        return {"error": "This did not work. Ask the question again, or load the page anew."}


def served(function: Callable[[Source, object], dict[str, Any]], source: Source) -> Callable[[Any], Any]:
    """A function as a part of the page offers it to its script, which calls it by its name; see `called`."""

    def answer(wanted: Any) -> Any:
        return called(function, source, wanted)

    answer.__name__ = function.__name__
    return answer


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
