"""Functions as machine code, compiled when they are first called.

Importing the compiler takes a second. A process that asks for a table of commands, or for one answer by set algebra,
never needs it, so a module of compiled loops costs no more to import than any other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """The function as machine code, compiled at its first call and kept on disk for later processes."""
    return cast(F, _Compiled(function))


class _Compiled:
    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> Any:
        return self.machine_code(*arguments)

    @cached_property
    def machine_code(self) -> Callable[..., Any]:
        """The compiled function; the compiled functions that it calls take their places in its module's globals."""
        from numba import njit

        names = self._function.__globals__
        for name in self._function.__code__.co_names:
            if isinstance(called := names.get(name), _Compiled):
                names[name] = called.machine_code
        try:
            return cast(Callable[..., Any], njit(cache=True, nogil=True)(self._function))
        except RuntimeError:  # there is no place that may be written to
            return cast(Callable[..., Any], njit(nogil=True)(self._function))
