"""Methods that a value declares and a room above it supplies.

A `Query` can be parsed, worded and written as SPARQL, an `Answer` says what it rests on, `Detections` write
themselves in six formats. Still each of them stands below everything that reads, words, draws or runs it. So the
value declares such a method, and the module that carries it out registers its function, much as with
`functools.singledispatch`. Whoever makes the values imports these modules: the package `reasoning.query` for queries,
`reasoning.graph` for graphs, `reasoning.methods` for answers, `vision.detections` for detections.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, wraps
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")

_SUPPLIERS: dict[Callable[..., Any], Callable[..., Any]] = {}


def supplied(declaration: Callable[P, R]) -> Callable[P, R]:
    """Declare a method that another module supplies; until it does, the declaration's own body runs."""

    @wraps(declaration)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return cast(R, _SUPPLIERS.get(call, declaration)(*args, **kwargs))

    return call


def supplies(declaration: Callable[..., R]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register the decorated function as what carries out a declared method or cached property."""

    def register(function: Callable[P, R]) -> Callable[P, R]:
        declared = declaration.func if isinstance(declaration, cached_property) else declaration
        _SUPPLIERS[declared] = function
        # So that a message about wrong arguments names the method that was called.
        function.__qualname__ = declared.__qualname__
        return function

    return register
