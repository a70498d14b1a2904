"""HTML of the page from Jinja templates, which escape whatever is put into them.

A text from outside (a name of an entity, a question, an error) must never become markup. With autoescaping that holds
by default, and a template reads as the page will look, which an f-string with HTML in it does not.
"""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_ENVIRONMENT = Environment(
    loader=PackageLoader("app", "static/templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, **values: Any) -> Markup:
    """A template filled in, as markup that is not escaped again where it is put into another one.

    Args:
        template: its path under `static/templates`, such as "graph/steps.html".
        values: what it is filled with; texts are escaped, `Markup` is not.

    Raises:
        jinja2.TemplateNotFound: there is no such template.
        jinja2.UndefinedError: the template names a value that is not given.
    """
    return Markup(_ENVIRONMENT.get_template(template).render(**values))
