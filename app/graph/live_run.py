"""One run of the language model's chain, off the page's thread, so that it can be watched and stopped at any moment."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

from langchain_core.language_models import BaseChatModel

from app.graph.happenings import DONE, TimeIsOverError, happenings
from app.models.language_model import MAX_NEW_TOKENS
from app.server.limits import RUN_SECONDS, TookTooLongError
from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.execution.events import Event
from reasoning.language import EmbeddedChatModel
from reasoning.lark import LarkOptions


class LiveRun:
    """The chain of one query, run by a model on a thread of its own.

    `stop` ends it whoever calls: the Stop button, the next question, or a visitor who leaves. A model in this
    process stops between two tokens; of a hosted model the reply under way is waited for by nobody, and no further
    one is asked for.

    Args:
        kg: the graph.
        query: what is run.
        llm: the model.
    """

    def __init__(self, kg: KnowledgeGraph, query: Query, llm: BaseChatModel) -> None:
        self._stopped = threading.Event()
        if isinstance(llm, EmbeddedChatModel):
            # The weights are shared by all objects, so one for this run costs nothing.
            llm = llm.model_copy(update={"cancelled": self._stopped.is_set})
        self._reasoner = Reasoner(kg, llm=llm, method="lark", options=LarkOptions(max_new_tokens=MAX_NEW_TOKENS))
        self._query = query
        self._happened: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._replaced = threading.Event()
        self._closed = threading.Event()
        self._worker = threading.Thread(target=self._work, name="skylark-run", daemon=True)

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    @property
    def replaced(self) -> bool:
        """Whether the next question took its place: the page is then no longer its own."""
        return self._replaced.is_set()

    @property
    def working(self) -> bool:
        """Whether the worker is still at it."""
        return self._worker.is_alive()

    def stop(self) -> None:
        """End the run; returns at once."""
        self._stopped.set()
        self._happened.put(DONE)

    def replace(self) -> None:
        """Stop because the next question takes its place; returns at once."""
        self._replaced.set()
        self.stop()

    def wait_closed(self, seconds: float) -> None:
        """Wait until nobody reads `events` any more, at most `seconds`."""
        self._closed.wait(seconds)

    def events(self, tick: float = 0.5) -> Iterator[Event | None]:
        """What happens, in order; None whenever nothing has for `tick` seconds. Ends when the run does.

        Raises:
            SkylarkError: the chain could not be run, or took more than `RUN_SECONDS`.
        """
        self._worker.start()
        try:
            yield from happenings(self._happened, self._stopped, RUN_SECONDS, tick)  # type: ignore[misc]
        except TimeIsOverError:
            raise TookTooLongError(
                f"the language model worked for {RUN_SECONDS / 60:g} minutes, the most for one question here, "
                "and was stopped: ask for less, or choose a faster model"
            ) from None
        finally:
            self.stop()
            self._closed.set()

    def _work(self) -> None:
        try:
            for event in self._reasoner.events(self._query):
                if self.stopped:
                    break
                self._happened.put(event)
        except Exception as error:
            self._happened.put(error)
        finally:
            self._happened.put(DONE)
