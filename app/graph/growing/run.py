"""One text being read, off the page's thread: its graph can be watched as it grows, and stopped at any moment."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from langchain_core.language_models import BaseChatModel

from app.graph.growing.expected import Plan
from app.graph.growing.text import DOCUMENT, OPTIONS
from app.graph.happenings import DONE, TimeIsOverError, happenings
from app.server.limits import GROW_SECONDS
from kg_data.errors import SkylarkError
from reasoning.extraction.extraction import Extraction
from reasoning.extraction.run import Run
from reasoning.extraction.schema import ExtractionSchema
from reasoning.language import EmbeddedChatModel
from reasoning.language.cancellation import until

Ended = Literal["done", "stopped", "late"]


@dataclass(frozen=True)
class Growth:
    """How far the reading of a text is.

    Attributes:
        passages: how many there are.
        schema: the relations that are looked for; None while the model proposes them.
        extraction: what came of the passages that were read; None before the first.
        newest: triples of the last passage, which are the last ones.
    """

    passages: int
    schema: ExtractionSchema | None = None
    extraction: Extraction | None = None
    newest: int = 0

    @property
    def read(self) -> int:
        """Passages that were read."""
        return 0 if self.extraction is None else self.extraction.passages

    @property
    def has_triples(self) -> bool:
        """Whether there is anything to make a graph of."""
        return self.extraction is not None and bool(self.extraction.triples)


class GrowingRun:
    """A text that is read by a model on a thread of its own.

    `stop` ends it whoever calls: the Stop button, or a visitor who leaves. A model in this process stops between two
    tokens; of a hosted model the replies under way are waited for by nobody, and no further one is asked for.

    Args:
        plan: what is read.
        llm: the model.

    Attributes:
        plan: the same.
        growth: how far it is.
        left: whether its visitor has gone.
        ended: why it came to its end, once it has.
    """

    def __init__(self, plan: Plan, llm: BaseChatModel) -> None:
        self._stopped = threading.Event()
        if isinstance(llm, EmbeddedChatModel):
            # The weights are shared by all objects, so one for this run costs nothing.
            llm = llm.model_copy(
                update={"cancelled": self._stopped.is_set, "max_new_tokens": OPTIONS.max_new_tokens}
            )  # fmt: skip
        self.plan = plan
        self.left = False
        self.ended: Ended = "stopped"
        self._run = Run({DOCUMENT: plan.text}, llm, None, OPTIONS)
        self.growth = Growth(plan.expected.passages, plan.schema)
        self._happened: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._worker = threading.Thread(
            target=until(self._stopped).run, args=(self._work,), name="skylark-growing", daemon=True
        )

    @property
    def stopped(self) -> bool:
        """Whether nothing of it goes on any more."""
        return self._stopped.is_set()

    @property
    def working(self) -> bool:
        """Whether the worker is still at it."""
        return self._worker.is_alive()

    def stop(self) -> None:
        """End it; returns at once. What was read stays."""
        self._stopped.set()
        self._happened.put(DONE)

    def leave(self) -> None:
        """End it because its visitor has gone."""
        self.left = True
        self.stop()

    def events(self, tick: float = 0.5) -> Iterator[Growth | None]:
        """How far it is, whenever it is further; None whenever it is not for `tick` seconds. Ends when the run does.

        Raises:
            SkylarkError: the model failed; what was read before is in `growth`.
        """
        if self.stopped:
            return
        self._worker.start()
        try:
            for item in happenings(self._happened, self._stopped, GROW_SECONDS, tick):
                if isinstance(item, Growth):
                    self.growth = item
                    yield item
                else:
                    yield None
            if not self.stopped:
                self.ended = "done"
        except TimeIsOverError:
            self.ended = "late"
        finally:
            self.stop()
            self._drain()

    def _drain(self) -> None:
        """What was read just before the end counts."""
        with contextlib.suppress(queue.Empty):
            while True:
                item = self._happened.get_nowait()
                if isinstance(item, Growth):
                    self.growth = item

    def _work(self) -> None:
        try:
            schema = self.plan.schema or self._run.proposed_schema()
            growth = Growth(self.growth.passages, schema)
            self._happened.put(growth)
            gathering = self._run.gathering(schema)
            before = 0
            for _ in self._run.gather(gathering):
                if self.stopped:
                    break
                extraction = self._run.gathered(gathering)
                self._happened.put(Growth(growth.passages, schema, extraction, len(extraction.triples) - before))
                before = len(extraction.triples)
        except Exception as error:
            if not self.stopped:
                self._happened.put(error)
        finally:
            self._happened.put(DONE)


class GrowingRuns:
    """The texts that are read, or wait for it: one a visit."""

    def __init__(self) -> None:
        self._runs: dict[str, GrowingRun] = {}
        self._taken: set[str] = set()
        self._lock = threading.Lock()

    def begin(self, visit: str, run: GrowingRun) -> None:
        """Keep what is to be read next for a visit.

        Raises:
            SkylarkError: another text of the visit's is being read.
        """
        with self._lock:
            if visit in self._runs:
                raise SkylarkError("a text of yours is being read already: wait for its end, or stop it")
            self._runs[visit] = run

    def take(self, visit: str) -> GrowingRun | None:
        """What the visit wants read, once; None where that is nothing, or somebody has taken it."""
        with self._lock:
            if visit in self._taken or visit not in self._runs:
                return None
            self._taken.add(visit)
            return self._runs[visit]

    def stop(self, visit: str) -> Literal["under way", "waiting"] | None:
        """Stop what the visit has, and say whether it had begun; None where it has nothing. What waits goes at once."""
        with self._lock:
            run, begun = self._runs.get(visit), visit in self._taken
            if not begun:
                self._runs.pop(visit, None)
        if run is None:
            return None
        run.stop()
        return "under way" if begun else "waiting"

    def end(self, visit: str, run: GrowingRun) -> None:
        """What was taken has come to its end."""
        with self._lock:
            if self._runs.get(visit) is run:
                del self._runs[visit]
                self._taken.discard(visit)

    def forget(self, visit: str) -> None:
        """A visit is over: nothing of it goes on."""
        with self._lock:
            run = self._runs.pop(visit, None)
            self._taken.discard(visit)
        if run is not None:
            run.leave()
