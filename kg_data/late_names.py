"""Names of a package that are imported when they are first asked for (PEP 562).

A list of commands, or a graph alone, then waits for no library that it does not need.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from kg_data.installation import missing_extra


def late_names(
    namespace: dict[str, Any], modules: Mapping[str, str], subject: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package.

    Args:
        namespace: the package's `globals()`, where a name is kept once it was imported.
        modules: public name to the module that has it.
        subject: what needs the packages of an extra, as the subject of a sentence: "The image half".

    Raises:
        AttributeError: by `__getattr__`, of a name that the package does not have.
        MissingPackageError: by `__getattr__`, where a package of an extra is not installed.
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {namespace['__name__']!r} has no attribute {name!r}")
        try:
            value = namespace[name] = getattr(importlib.import_module(modules[name]), name)
        except ModuleNotFoundError as error:
            raise missing_extra(subject, error) or error from None
        return value

    return get, lambda: sorted({*namespace, *modules})
