"""HTML of the page from Jinja templates, which escape whatever is put into them.

A text from outside (a name of an entity, a question, an error) must never become markup. With autoescaping that holds
by default, and a template reads as the page will look, which an f-string with HTML in it does not.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from app.server import words

_ENVIRONMENT = Environment(
    loader=PackageLoader("app", "static/templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters.update(
    counted=words.counted,
    duration=words.duration,
    percent=words.percent,
    shortened=words.shortened,
    thousands=lambda number: f"{number:,}",
)

_VISIBLE = {
    code: "\N{REPLACEMENT CHARACTER}"
    for code in range(0xA0)
    if unicodedata.category(chr(code)) == "Cc" and chr(code) not in "\n\t"
}
"""Control characters could hide what a text says, so the page shows a sign in their place."""


def render(template: str, **values: Any) -> Markup:
    """A template filled in, as markup that is not escaped again where it is put into another one.

    Args:
        template: its path under `static/templates`, such as "graph/steps.html".
        values: what it is filled with; texts are escaped, `Markup` is not.

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
