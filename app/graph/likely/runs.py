"""Likely answers of all visitors: each query run once by soft logic, kept for a while, and only filtered after that."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYetError

from app.graph.likely.predictors import GivenUpError, PredictedGraph, Predictors
from app.server.limits import LEARN_SECONDS, LIKELY_SECONDS, TimeLimit, TookTooLongError
from reasoning import KnowledgeGraph, Query
from reasoning.answer import Answer
from reasoning.language.cancellation import abandoned, until

RUNS_AT_ONCE, RUNS_WAITING = 2, 12
MOST_RUNS = 32
"""Runs that are kept; the longest unused goes first."""
LEAST_LIKELY = 0.3
"""Confidence at the slider's end: answers below it are not called likely."""
TICK = 0.2


class LikelyRun:
    """One query over known and predicted edges, on its way or done.

    Attributes:
        began: when, by the monotonic clock.
        learning: whether the graph's predictor is still being made.
        answers: answers of at least `LEAST_LIKELY`, and what they were predicted by.
        watchers: visitors who wait for it.
    """

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.learning = True
        self.answers: Future[tuple[Answer, PredictedGraph]] = Future()
        self.watchers = 0
        self.gone = threading.Event()


class LikelyAnswers:
    """The runs by graph and query, with the graphs' predictors.

    Attributes:
        predictors: of the graphs.
    """

    def __init__(self) -> None:
        self.predictors = Predictors()
        self._limit = TimeLimit(RUNS_AT_ONCE, LIKELY_SECONDS, "finding likely answers", RUNS_WAITING)
        self._runs: OrderedDict[tuple[str, str], LikelyRun] = OrderedDict()
        self._lock = threading.Lock()

    def predicted(self, key: str, kg: KnowledgeGraph) -> PredictedGraph:
        """The graph with its predictor, once that is made.

        Raises:
            CompletionError: it cannot be made.
            TookTooLongError: it takes too long.
            GivenUpError: whoever asked has gone.
        """
        future, ends = self.predictors.of(key, kg), time.monotonic() + LEARN_SECONDS
        while not future.done():
            if abandoned():
                raise GivenUpError("the rules are not waited for any more")
            if time.monotonic() > ends:
                raise TookTooLongError(
                    f"learning the rules of this graph took more than {LEARN_SECONDS / 60:g} minutes, the most that is "
                    "waited for: try again later, or train a link predictor with python -m reasoning complete train"
                )
            try:
                future.exception(TICK)
            except NotYetError:
                continue
        return future.result()

    def kept(self, key: str, query: Query) -> tuple[Answer, PredictedGraph] | None:
        """What a run found that is done already; None where there is none."""
        with self._lock:
            run = self._runs.get((key, str(query)))
            if run is None or not run.answers.done() or run.answers.exception() is not None:
                return None
            self._runs.move_to_end((key, str(query)))
            return run.answers.result()

    def watch(self, key: str, kg: KnowledgeGraph, query: Query) -> LikelyRun:
        """The query's run, begun if it is not under way; whoever watches it leaves it by `leave`."""
        wanted = (key, str(query))
        with self._lock:
            run = self._runs.get(wanted)
            if run is None or run.gone.is_set() or (run.answers.done() and run.answers.exception() is not None):
                run = self._runs[wanted] = LikelyRun()
                threading.Thread(
                    target=self._work, args=(run, key, kg, query), name="skylark-likely", daemon=True
                ).start()
            self._runs.move_to_end(wanted)
            run.watchers += 1
            while len(self._runs) > MOST_RUNS:
                self._runs.popitem(last=False)
            return run

    def leave(self, run: LikelyRun) -> None:
        """Watch no more; what nobody waits for is given up."""
        with self._lock:
            run.watchers -= 1
            if not run.watchers and not run.answers.done():
                run.gone.set()

    def drop(self, key: str) -> None:
        """Forget what belongs to a graph that is gone."""
        with self._lock:
            self._runs = OrderedDict((wanted, run) for wanted, run in self._runs.items() if wanted[0] != key)
        self.predictors.drop(key)

    def _work(self, run: LikelyRun, key: str, kg: KnowledgeGraph, query: Query) -> None:
        def work() -> tuple[Answer, PredictedGraph]:
            graph = self.predicted(key, kg)
            run.learning = False
            return self._limit.run(lambda: graph.answer(query, LEAST_LIKELY)), graph

        try:
            run.answers.set_result(until(run.gone).run(work))
        except BaseException as error:
            run.answers.set_exception(error)
