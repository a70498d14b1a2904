"""Predicted answers beside the exact one, for all visitors.

A link predictor is found where one was trained, else learned from the graph's own rules. Learning takes from seconds
to minutes, so it is done in the background when somebody first asks, and what a run finds is kept for a while, so
that the slider only filters it. Soft logic may doubt what the graph says where a query says "not": the exact answer
is kept as it is, and likely answers are those that it lacks.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from app.server.serving import LEARN_SECONDS, PREDICTION_SECONDS, TimeLimit, TookTooLongError
from app.server.views import percent
from app.tasks import start
from reasoning import KnowledgeGraph, Query
from reasoning.answer import PROVED, Answer, Contrast, Evidence, Proof, SentencePart
from reasoning.completion.adjacency import NeuralAdjacency
from reasoning.completion.complete import Complete
from reasoning.completion.fitted import find_predictor, predict_by_rules
from reasoning.completion.predictor import CompletionOptions, LinkPredictor
from reasoning.errors import CompletionError
from reasoning.execution.conclusion import BoundQuestion, Finished
from reasoning.lm.calls import abandoned
from reasoning.query.binding import bind
from reasoning.query.tree import Count, Exists
from reasoning.verbalization.answers import MOST_NAMED
from skylark.errors import SkylarkError


@dataclass(frozen=True)
class AnswerWithPredictions(Answer):
    """Known answers, then likely ones; `scores` is 1 of the known.

    Attributes:
        exact: what the graph says.
        least: confidence of the least likely answer that was let in.
        likeliest: confidence of the likeliest answer that the graph does not give, let in or not; 0 where there is
            none.
    """

    exact: Answer = field(kw_only=True)
    least: float = 1.0
    likeliest: float = 0.0

    @classmethod
    def of(cls, exact: Answer, soft: Answer, least: float) -> AnswerWithPredictions:
        """Append to the exact answer the entities that the soft one gives with a confidence of `least` or more."""
        scores = np.array(soft.scores)
        new = np.flatnonzero(~np.isin(soft.ranked, exact.ranked))
        new = new[np.argsort(-scores[new], kind="stable")]
        chosen = new[scores[new] >= least]
        values = exact.values
        if soft.values is not None:
            values = (*(exact.values or ()), *(soft.values[at] for at in chosen))
        value = exact.value
        if isinstance(exact.query, Count) and isinstance(value, int):
            value = value + len(chosen)
        elif isinstance(exact.query, Exists):
            value = bool(value) or len(chosen) > 0
        shared: dict[str, Any] = {name: getattr(exact, name) for name in exact.__dataclass_fields__}
        return cls(
            **shared
            | {
                "method": "complete",
                "ranked": np.concatenate([exact.ranked, soft.ranked[chosen]]).astype(np.int32),
                "scores": (1.0,) * len(exact.ranked) + tuple(soft.scores[at] for at in chosen),
                "values": values,
                "value": value,
                "soft": soft.soft,
            },
            exact=exact,
            least=least,
            likeliest=float(scores[new[0]]) if len(new) else 0.0,
        )

    @property
    def known(self) -> int:
        """How many answers the graph gives."""
        return len(self.exact.ranked)

    @cached_property
    def proofs(self) -> tuple[Proof, ...]:
        """The most probable proof of each of the first likely answers."""
        return tuple(self.proof(int(entity)) for entity in self.ranked[self.known :][:PROVED])

    def proof(self, entity: int) -> Proof:
        """The most probable proof of one likely answer."""
        assert self.soft is not None
        return self.soft.prove(entity)

    @property
    def evidence(self) -> list[Evidence]:
        """The facts behind the known answers, then what the proofs of the likely ones add."""
        return [*self.exact.evidence, *self.proved]

    @property
    def evidence_total(self) -> int:
        """How many triples that is, with those that are not listed."""
        return self.exact.evidence_total + len(self.proved)

    @cached_property
    def proved(self) -> list[Evidence]:
        """What the proofs of the likely answers rest on and the known ones do not."""
        known = set(self.exact.evidence)
        return [edge for edge in dict.fromkeys(e for proof in self.proofs for e in proof.edges) if edge not in known]

    @cached_property
    def contrast(self) -> Contrast | None:
        """The exact answer's."""
        return self.exact.contrast

    @cached_property
    def sentence_parts(self) -> tuple[SentencePart, ...]:
        """What the graph says, then what is likely."""
        likely = self.likely_parts
        space = (SentencePart(" "),) if self.exact.sentence_parts and likely else ()
        return (*self.exact.sentence_parts, *space, *likely)

    @cached_property
    def likely_parts(self) -> tuple[SentencePart, ...]:
        """The likely answers in a sentence, each with its confidence; () where there are none."""
        likely = self.ranked[self.known :].tolist()
        if not likely:
            return ()
        proofs = {proof.entity: proof for proof in self.proofs}
        place = {edge: position for position, edge in enumerate(self.evidence)}
        shown = likely if len(likely) <= MOST_NAMED + 1 else likely[:MOST_NAMED]
        parts = [SentencePart(self._begin())]
        for at, entity in enumerate(shown):
            last = at == len(shown) - 1 and len(shown) == len(likely)
            joint = "" if not at else " and " if last else ", "
            facts = tuple(place[edge] for edge in proofs[entity].edges)
            parts.append(SentencePart(joint))
            parts.append(SentencePart(self.kg.name(entity), facts, entity))
            parts.append(SentencePart(f" ({percent(self.scores[self.known + at])})"))
        rest = len(likely) - len(shown)
        parts.append(SentencePart(f" and {rest:,} others." if rest else "."))
        return tuple(part for part in parts if part.text)

    def _begin(self) -> str:
        if isinstance(self.query, Count):
            return f"{self.value:,} with likely ones, though the graph does not say so: "
        if isinstance(self.query, Exists):
            return "Likely, though the graph does not say so: " if self.exact.value else "But likely: "
        return f"Likely{' as well' if self.known else ''}, though the graph does not say so: "


MOST_KEPT = 8
"""Graphs whose predictor is kept; the longest unused goes first."""
ROW_BYTES = 128 * 2**20
"""Of the rows of one graph's neural adjacency that are kept."""
LEAST_TRIPLES = 10
"""Of a graph that rules are learned from: below, a rule has nothing to rest on."""


class GivenUpError(SkylarkError):
    """Nobody waits for the work any more."""


@dataclass(frozen=True)
class PredictedGraph:
    """A graph with its link predictor, ready to answer over known and predicted edges."""

    kg: KnowledgeGraph
    predictor: LinkPredictor
    adjacency: NeuralAdjacency

    @classmethod
    def of(cls, kg: KnowledgeGraph) -> PredictedGraph:
        """With the predictor that was trained on the graph, else with one of rules (raises CompletionError: the graph
        is too small)."""
        predictor = _predictor_of(kg)
        options = CompletionOptions()
        adjacency = NeuralAdjacency(kg.index.whole, predictor, options.floor, options.missing, ROW_BYTES)
        return cls(kg, predictor, adjacency)

    @property
    def words(self) -> str:
        """What the predictor is, in words."""
        if self.predictor.embeddings is None:
            return "rules that were learned from this graph"
        return "a link predictor that was trained on this graph"

    def answer(self, query: Query, least: float) -> Answer:
        """Answers of at least this confidence, over known and predicted edges (raises GivenUpError: whoever asked has
        gone)."""
        options = CompletionOptions(model=self.predictor, least=least)
        method = Complete(self.kg, None, None, options)
        method.logic = replace(method.logic, adjacency=self.adjacency)
        for event in method.events(BoundQuestion(bind(query, self.kg))):
            if abandoned():
                raise GivenUpError("the likely answers are not waited for any more")
            if isinstance(event, Finished):
                return event.answer
        raise AssertionError("a run always ends with its answer")


def _predictor_of(kg: KnowledgeGraph) -> LinkPredictor:
    if kg.server is not None:
        raise CompletionError("likely answers are learned from all triples, and those of this graph stay on its server")
    try:
        return find_predictor(kg)
    except CompletionError:
        pass  # nobody trained one
    if len(kg) < LEAST_TRIPLES:
        raise CompletionError(
            f"{kg.graph_name} has {len(kg):,} facts between entities, too few to learn from what is likely in it: at "
            f"least {LEAST_TRIPLES} are needed"
        )
    return predict_by_rules(kg)


class Predictors:
    """The graphs' predictors by the key of the graph, one learned at a time."""

    def __init__(self) -> None:
        self._made: OrderedDict[str, tuple[KnowledgeGraph, Future[PredictedGraph]]] = OrderedDict()
        self._lock, self._turn = threading.Lock(), threading.Lock()

    def of(self, key: str, kg: KnowledgeGraph) -> Future[PredictedGraph]:
        """The graph's predictor, or what will be it: learning begins here, and this returns at once."""
        with self._lock:
            held = self._made.get(key)
            if held is not None and held[0] is kg:
                self._made.move_to_end(key)
                return held[1]
            future = start("learn", lambda: self._learn(key, kg))
            self._made[key] = (kg, future)
            while len(self._made) > MOST_KEPT:
                self._made.popitem(last=False)
        return future

    def drop(self, key: str) -> None:
        """Forget the predictor of a graph that is gone."""
        with self._lock:
            self._made.pop(key, None)

    def __len__(self) -> int:
        return len(self._made)

    def _learn(self, key: str, kg: KnowledgeGraph) -> PredictedGraph:
        with self._turn:
            with self._lock:
                if key not in self._made or self._made[key][0] is not kg:
                    raise GivenUpError("the graph has gone before its rules were learned")
            try:
                return PredictedGraph.of(kg)
            except SkylarkError:
                raise
            except BaseException:
                self.drop(key)  # what is told of the graph itself is told again, anything else is tried again
                raise


RUNS_AT_ONCE, RUNS_WAITING = 2, 12
MOST_RUNS = 32
"""Runs that are kept; the longest unused goes first."""
MIN_CONFIDENCE = 0.3
"""Confidence at the slider's end: answers below it are not called likely."""
TICK = 0.2


class PredictionRun:
    """One query over known and predicted edges, on its way or done; `learning` while its predictor is made."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.learning = True
        self.answers: Future[tuple[Answer, PredictedGraph]]
        self.watchers = 0
        self.gone = threading.Event()


class PredictedAnswers:
    """The runs by graph and query, with the graphs' predictors."""

    def __init__(self) -> None:
        self.predictors = Predictors()
        self._limit = TimeLimit(RUNS_AT_ONCE, PREDICTION_SECONDS, "finding likely answers", RUNS_WAITING)
        self._runs: OrderedDict[tuple[str, str], PredictionRun] = OrderedDict()
        self._lock = threading.Lock()

    def predicted(self, key: str, kg: KnowledgeGraph) -> PredictedGraph:
        """The graph with its predictor, once that is made.

        Raises:
            CompletionError: it cannot be made.
            TookTooLongError: it takes too long.
            GivenUpError: whoever asked has gone.
        """
        future, ends = self.predictors.of(key, kg), time.monotonic() + LEARN_SECONDS
        while not wait([future], TICK).done:
            if abandoned():
                raise GivenUpError("the rules are not waited for any more")
            if time.monotonic() > ends:
                raise TookTooLongError(
                    f"learning the rules of this graph took more than {LEARN_SECONDS / 60:g} minutes, the most that is "
                    "waited for: try again later, or train a link predictor with python -m reasoning complete train"
                )
        return future.result()

    def kept(self, key: str, query: Query) -> tuple[Answer, PredictedGraph] | None:
        """What a run found that is done already; None where there is none."""
        with self._lock:
            run = self._runs.get((key, str(query)))
            if run is None or not run.answers.done() or run.answers.exception() is not None:
                return None
            self._runs.move_to_end((key, str(query)))
            return run.answers.result()

    def watch(self, key: str, kg: KnowledgeGraph, query: Query) -> PredictionRun:
        """The query's run, begun if it is not under way; whoever watches it leaves it by `leave`."""
        wanted = (key, str(query))
        with self._lock:
            run = self._runs.get(wanted)
            if run is None or run.gone.is_set() or (run.answers.done() and run.answers.exception() is not None):
                run = self._runs[wanted] = self._begun(key, kg, query)
            self._runs.move_to_end(wanted)
            run.watchers += 1
            while len(self._runs) > MOST_RUNS:
                self._runs.popitem(last=False)
            return run

    def leave(self, run: PredictionRun) -> None:
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

    def _begun(self, key: str, kg: KnowledgeGraph, query: Query) -> PredictionRun:
        run = PredictionRun()

        def work() -> tuple[Answer, PredictedGraph]:
            graph = self.predicted(key, kg)
            run.learning = False
            return self._limit.run(lambda: graph.answer(query, MIN_CONFIDENCE)), graph

        run.answers = start("likely", work, run.gone)
        return run
