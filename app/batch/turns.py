"""Turns: so many jobs work at the same time, the others wait in the order in which they came."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from kg_data.errors import SkylarkError


class Turns:
    """A queue of jobs.

    Args:
        at_once: how many work at the same time.
        most_waiting: how many may wait.
    """

    def __init__(self, at_once: int, most_waiting: int) -> None:
        self._at_once, self._most = at_once, at_once + most_waiting
        self._tickets: list[Ticket] = []
        self._changed = threading.Condition()

    def take(self) -> Ticket:
        """A place at the end of the queue, to be given back by leaving its context.

        Raises:
            SkylarkError: too many wait.
        """
        with self._changed:
            if len(self._tickets) >= self._most:
                raise SkylarkError(
                    f"{len(self._tickets)} jobs of other visitors are at work or waiting, and no more are taken: "
                    "try again in a few minutes"
                )
            ticket = Ticket(self)
            self._tickets.append(ticket)
            return ticket

    def ahead(self, ticket: Ticket) -> int:
        """How many must end before it is the ticket's turn."""
        with self._changed:
            return max(0, self._tickets.index(ticket) + 1 - self._at_once) if ticket in self._tickets else 0

    def wait(self, ticket: Ticket, seconds: float) -> bool:
        """Wait for the ticket's turn, at most so long; gives whether it has come."""
        with self._changed:
            return self._changed.wait_for(
                lambda: ticket not in self._tickets or self._tickets.index(ticket) < self._at_once, seconds
            )

    def give_back(self, ticket: Ticket) -> None:
        """Leave the queue."""
        with self._changed:
            if ticket in self._tickets:
                self._tickets.remove(ticket)
                self._changed.notify_all()


class Ticket:
    """A place in the queue."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    @property
    def ahead(self) -> int:
        """How many jobs must end before its turn."""
        return self._turns.ahead(self)

    def wait(self, seconds: float) -> bool:
        """Wait for the turn, at most so long; gives whether it has come."""
        return self._turns.wait(self, seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._turns.give_back(self)
