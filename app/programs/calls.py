"""Calls that are answered in one request, by HTTP or as MCP's tools: found by name, checked, and run beside the page.

They don't pass through Gradio's queue, so what it does is done here: so many are under way at once, so many wait.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import anyio.to_thread

from app.programs.parameters import CallError, Json, named, nearest
from app.server.limits import QUEUE_LIMIT


class Group(NamedTuple):
    """Endpoints that take from the same store.

    Attributes:
        name: what they are called together.
        at_once: calls of them that are under way at once, by each way of calling.
        endpoints: what is called.
    """

    name: str
    at_once: int
    endpoints: tuple[Callable[..., Any], ...]


class Calls:
    """The endpoints by name.

    Args:
        groups: all of them.
    """

    def __init__(self, groups: Sequence[Group]) -> None:
        self._endpoints: dict[str, tuple[Callable[..., Any], anyio.CapacityLimiter]] = {}
        for group in groups:
            limiter = anyio.CapacityLimiter(group.at_once)
            self._endpoints |= {endpoint.__name__: (endpoint, limiter) for endpoint in group.endpoints}

    @property
    def names(self) -> tuple[str, ...]:
        """Those of the endpoints."""
        return tuple(self._endpoints)

    def endpoint(self, name: str) -> Callable[..., Any]:
        """The endpoint of this name.

        Raises:
            CallError: there is none.
        """
        return self._found(name)[0]

    def arguments(self, name: str, given: Mapping[str, Any] | Sequence[Any]) -> Json:
        """All arguments of a call by name, as `named` gives them.

        Raises:
            CallError: there is no such endpoint, or an argument is wrong.
        """
        return named(self.endpoint(name), given)

    async def answer(self, name: str, given: Mapping[str, Any] | Sequence[Any]) -> Json:
        """What a call gives.

        Args:
            name: the endpoint's.
            given: the arguments by name, or in order.

        Raises:
            CallError: it has no answer, or too many others wait.
        """
        endpoint, limiter = self._found(name)
        arguments = named(endpoint, given)
        if limiter.statistics().tasks_waiting >= QUEUE_LIMIT:
            raise CallError(f"{QUEUE_LIMIT} requests wait already, the most here: try again in a moment", 503)
        given_back: Json = await anyio.to_thread.run_sync(functools.partial(endpoint, **arguments), limiter=limiter)
        return given_back

    def _found(self, name: str) -> tuple[Callable[..., Any], anyio.CapacityLimiter]:
        if name not in self._endpoints:
            there = ", ".join(f"`{each}`" for each in self._endpoints)
            raise CallError(f"there is no `{name[:100]}`{nearest(name, self._endpoints)}; there are {there}", 404)
        return self._endpoints[name]
