"""Which question of a visit is the newest: questions overtake each other, and only the newest may change the page."""

from __future__ import annotations

import threading
from typing import Any


class NewestQuestions:
    """Tells an event whether its visitor has asked something else since it began.

    A question that takes long to read may end after a newer one; its answer would replace the newer one's.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, object] = {}
        self._run: dict[str, object] = {}

    def begin(self, visit: str) -> object:
        """Make a new question the visit's newest; what is returned stands for it."""
        question = object()
        with self._lock:
            self._newest[visit] = question
        return question

    def is_newest(self, visit: str, question: object) -> bool:
        """Whether nothing was asked since; of a visit that is over nothing is new."""
        return self._newest.get(visit) is question

    def runs_first(self, visit: str, asked: Any) -> bool:
        """Whether the model has not had this question yet: the event of an overtaken one finds the newer one here."""
        with self._lock:
            is_first = asked is None or self._run.get(visit) is not asked
            self._run[visit] = asked
        return is_first

    def forget(self, visit: str) -> None:
        """Forget a visit that is over."""
        with self._lock:
            self._newest.pop(visit, None)
            self._run.pop(visit, None)
