"""Methods `complete` and `hybrid`: exact answers first, then what the predictor adds."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from langchain_core.language_models import BaseChatModel
from numpy.typing import NDArray

from reasoning.answer import Answer
from reasoning.completion.adjacency import NeuralAdjacency, Predictor
from reasoning.completion.fitted import find_predictor, load_predictor
from reasoning.completion.predictor import CompletionOptions, LinkPredictor
from reasoning.completion.soft_logic import FuzzySet, SoftLogic, SoftRun
from reasoning.errors import CompletionError
from reasoning.execution.conclusion import (
    BoundQuestion,
    ChainEvent,
    Event,
    Finished,
    StepFinished,
    StepStarted,
    collecting,
    conclude,
)
from reasoning.execution.exact import execute
from reasoning.execution.step_result import StepResult
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark import LarkOptions, run_chain
from reasoning.query.binding import BoundChain, BoundStep
from reasoning.query.tree import Value
from skylark.files import whole_file

SOURCES = 40
"""Entities of a step's set, the surest first, whose edges are looked at."""

KNOWN, ADDED = 40, 20
"""Edges of a step, those of the most probable proofs: known ones, and predicted ones."""

Edge = tuple[int, int, int]
"""Head, relation, tail by index."""


def complete_for(logic: SoftLogic, chain: BoundChain, results: Sequence[FuzzySet]) -> KnowledgeGraph:
    """The part of a graph that one query could use, with predicted edges; values are all there."""
    known: set[Edge] = set()
    predicted: dict[Edge, float] = {}
    for step in chain:
        if step.step.operation != "project" or step.gives_values:
            continue
        assert step.relation is not None
        source = logic.listed(logic.inputs(step, results)[0])
        first = np.argsort(-source.confidence, kind="stable")[:SOURCES]
        members = source.members[first]
        if not len(members):
            continue
        rows = logic.adjacency.rows(2 * step.relation.index + step.relation.inverse, members)
        sources = np.repeat(members, [len(row.targets) for row in rows])
        targets = np.concatenate([row.targets for row in rows])
        confidence = np.concatenate([row.confidence for row in rows])
        proofs = np.repeat(source.confidence[first], [len(row.targets) for row in rows]) * confidence
        order = np.argsort(-proofs, kind="stable")
        certain = confidence[order] == 1
        for position in (*order[certain][:KNOWN].tolist(), *order[~certain][:ADDED].tolist()):
            ends = int(sources[position]), int(targets[position])
            head, tail = ends[::-1] if step.relation.inverse else ends
            if confidence[position] == 1:
                known.add((head, step.relation.index, tail))
            else:
                predicted[head, step.relation.index, tail] = float(confidence[position])
    return logic.kg.with_edges(np.array([*sorted(known), *predicted], dtype=np.int32).reshape(-1, 3), predicted)


def open_predictor(kg: KnowledgeGraph, options: CompletionOptions) -> LinkPredictor:
    """The link predictor that the options name, or the one that is kept for the graph.

    Raises:
        CompletionError: there is none for this graph, or the one that is named or given does not fit it.
    """
    if isinstance(options.model, LinkPredictor):
        options.model.trained_on.check(kg, "the link predictor that is given")
        return options.model
    return find_predictor(kg) if options.model is None else load_predictor(Path(options.model), kg)


def soft_logic(kg: KnowledgeGraph, predictor: Predictor | None, options: CompletionOptions) -> SoftLogic:
    """Soft logic over a graph and its link predictor; without a predictor only known edges are there."""
    adjacency = NeuralAdjacency(kg.index.whole, predictor, options.floor, options.missing, options.most_bytes)
    return SoftLogic(kg, adjacency, options.negation, options.least)


class Complete:
    """Method `complete` over one graph, by its soft logic."""

    name: ClassVar[str] = "complete"
    asks_model: ClassVar[bool] = False
    goes_beyond_graph: ClassVar[bool] = True

    def __init__(self, kg: KnowledgeGraph, _llm: object, _options: object, completion: CompletionOptions) -> None:
        self.logic = soft_logic(kg, open_predictor(kg, completion), completion)
        self._completion = completion

    def deciding(self) -> dict[str, Any]:
        """The options and the link predictor."""
        predictor = self.logic.adjacency.predictor
        return self._completion.deciding() | {"predictor": None if predictor is None else predictor.digest}

    def events(self, question: BoundQuestion) -> Iterator[Event]:
        """Two events a step, then the answer."""
        self.logic.check(question.chain)
        run = SoftRun(self.logic, question.chain, [])
        steps: list[StepResult] = []
        yield from collecting(steps, run_complete(run, self._completion.least))
        yield Finished(conclude(self.logic.kg, self.name, question, steps, run))


def run_complete(run: SoftRun, least: float) -> Iterator[ChainEvent]:
    """Run a chain by soft logic, one event pair a step, which fills `run`; answers below `least` are left out."""
    logic, chain, kg = run.logic, run.chain, run.logic.kg
    for step in chain:
        fuzzy_inputs = logic.inputs(step, run.results)
        inputs = tuple(logic.crisp(fuzzy) for fuzzy in fuzzy_inputs)
        yield StepStarted(step, kg, inputs, (), len(chain))
        fuzzy_result = logic.step(step, fuzzy_inputs)
        run.results.append(fuzzy_result)
        members, confidence = fuzzy_result.ranked(kg.universe)
        if step.position == chain.result:
            kept = confidence >= least
            members, confidence = members[kept], confidence[kept]
        value: int | bool | None = None
        if step.step.operation in ("count", "exists"):
            kept = confidence >= logic.least
            members, confidence = members[kept], confidence[kept]
            value = len(members) if step.step.operation == "count" else len(members) > 0
        result = StepResult(
            kg, step, inputs, members, "completion", value=value, values=_values(kg, step, members), scores=confidence
        )
        yield StepFinished(result, 0.0)


def _values(kg: KnowledgeGraph, step: BoundStep, members: Ids) -> tuple[Value, ...] | None:
    """What the step reads of each member, where it reads values."""
    if step.relation is None or step.relation.kind != "values":
        return None
    column = kg.literals[step.relation.index]
    at = np.searchsorted(column.entities, members)
    return tuple(kg.value(column, float(raw)) for raw in column.values[at])


LEAST_WEIGHT = 1e-4
"""The weight of an entity that no way leads to, so that it has a logarithm."""

LEFT_OUT = 0.1
"""What the weight of an entity is multiplied by that the model was shown and left out."""

WEIGHTS_FILE = "ranking.json"


@dataclass(frozen=True)
class RankingWeights:
    """How the signals are put together: a score is sigmoid(exact * known + soft * log s + llm * log m + bias).

    Attributes:
        exact: weighs being an answer by the graph alone.
        soft: weighs the logarithm of soft logic's confidence s.
        llm: weighs the logarithm of the weight m that the model's chain gives.
        bias: makes the score a probability.
    """

    exact: float = 4.0
    soft: float = 1.0
    llm: float = 0.25
    bias: float = 0.5


SIGNALS = ("exact", "soft", "llm")


class Hybrid:
    """Method `hybrid` over one graph.

    `ranking` holds the weights that answers are ranked by, by query structure; {} where none are fitted.
    """

    name: ClassVar[str] = "hybrid"
    asks_model: ClassVar[bool] = True
    goes_beyond_graph: ClassVar[bool] = True

    def __init__(
        self, kg: KnowledgeGraph, llm: Callable[[], BaseChatModel], options: LarkOptions, completion: CompletionOptions
    ) -> None:
        predictor = open_predictor(kg, completion)
        self.logic = soft_logic(kg, predictor, completion)
        self.ranking = {} if predictor.folder is None else read_weights(predictor.folder)
        self._llm, self._options, self._completion = llm, options, completion

    def deciding(self) -> dict[str, Any]:
        """The options, the link predictor, and the fitted weights by their digest in hex; None for the default ones."""
        predictor = self.logic.adjacency.predictor
        weights = sorted((kind or "", asdict(fitted)) for kind, fitted in self.ranking.items())
        return self._completion.deciding() | {
            "predictor": None if predictor is None else predictor.digest,
            "ranking": hashlib.sha256(repr(weights).encode()).hexdigest()[:16] if weights else None,
        }

    def events(self, question: BoundQuestion) -> Iterator[Event]:
        """Execute by soft logic, then have the model's chain run over the completed graph; its events, the answer."""
        self.logic.check(question.chain)
        run = SoftRun(self.logic, question.chain, [])
        run.results.extend(self.logic.execute(run.chain))
        completed = complete_for(self.logic, run.chain, run.results)
        steps: list[StepResult] = []
        yield from collecting(steps, run_chain(completed, run.chain, self._llm(), self._options))
        answer = conclude(self.logic.kg, self.name, question, steps, run)
        yield Finished(rank(answer, run, self.ranking, self._completion.least))


def rank(answer: Answer, run: SoftRun, weights: Mapping[str | None, RankingWeights], least: float) -> Answer:
    """An answer of the model's chain ranked by all signals; by soft logic alone where the chain failed.

    Queries that give numbers or values stay as the chain answered them. Weights are those of the query's structure, or
    under None those of any other; answers below `least` are left out.
    """
    chain = run.chain
    if chain.result is None or (answer.error is None and (answer.value is not None or answer.values is not None)):
        return answer
    entities, table = signals(run, answer.steps)
    if answer.error is not None:
        scores = table[:, 1]
        notes = (*answer.notes, f"{answer.error}; ranked without the language model")
    else:
        scores = combined(table, weights.get(chain.query.structure) or weights.get(None) or RankingWeights())
        notes = answer.notes
    order = np.lexsort((entities, -scores))
    order = order[scores[order] >= least]
    ranked = entities[order]
    rounded = tuple(float(f"{score:.6g}") for score in scores[order])
    return replace(answer, ranked=ranked, scores=rounded, error=None, notes=notes, signals=table[order])


def signals(run: SoftRun, steps: Sequence[StepResult]) -> tuple[Ids, NDArray[np.float64]]:
    """Every entity that a signal speaks for, shape (n,), and known, s and m of each, shape (n, 3)."""
    assert run.chain.result is not None
    entities, soft = run.results[run.chain.result].ranked(run.logic.kg.universe)
    known = execute(run.logic.kg, run.chain)[-1].members
    weighed = weigh(run, steps)
    missing = np.setdiff1d(weighed.members, entities)
    entities = np.concatenate([entities, missing]).astype(np.int32)
    soft = np.concatenate([soft, np.zeros(len(missing))])
    return entities, np.column_stack([np.isin(entities, known), soft, weighed.of(entities)]).astype(np.float64)


def weigh(run: SoftRun, steps: Sequence[StepResult]) -> FuzzySet:
    """The weight of every entity, by all edges that lead to it and by what the model said of those it was shown.

    Of a projection 1 - prod(1 - weight of the source * confidence of the edge) over every source, times the model's own
    score where it kept the entity, times `LEFT_OUT` where it did not; other steps are soft logic's. The empty set where
    the chain failed.
    """
    results: list[FuzzySet] = []
    if len(steps) < len(run.chain) and steps[-1].error is None:  # asked as a whole: nothing is known of the way there
        return FuzzySet.crisp(np.sort(steps[-1].members))
    for step in steps:
        if step.error is not None:
            return FuzzySet.crisp(np.zeros(0, dtype=np.int32))
        inputs = run.logic.inputs(step.step, results)
        if step.step.step.operation == "project" and not step.step.gives_values:
            results.append(_judged(step, run.logic, inputs[0]))
        else:
            results.append(run.logic.step(step.step, inputs))
    return results[-1]


def _judged(step: StepResult, logic: SoftLogic, source: FuzzySet) -> FuzzySet:
    relation = step.step.relation
    assert relation is not None
    gathered = logic.gather(source, 2 * relation.index + relation.inverse)
    order = np.argsort(step.members, kind="stable")
    kept = step.members[order]
    own = np.ones(len(kept)) if step.scores is None else np.asarray(step.scores, dtype=np.float64)[order]
    members = np.union1d(gathered.members, kept).astype(np.int32)
    weight = gathered.of(members)
    weight[weight == 0] = LEAST_WEIGHT  # a model that kept what no edge leads to is taken at its word, but not for much
    weight[np.searchsorted(members, kept)] *= own
    shown = step.kg.index.project(step.inputs[0], relation.index, relation.inverse)
    weight[np.isin(members, np.setdiff1d(shown, kept))] *= LEFT_OUT
    return FuzzySet(members, weight).cut(0.0)


def combined(table: NDArray[np.float64], weights: RankingWeights) -> NDArray[np.float64]:
    """The scores of a table of signals, shape (n,)."""
    return np.asarray(
        1 / (1 + np.exp(-(features(table) @ [getattr(weights, name) for name in SIGNALS] + weights.bias)))
    )


def features(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Known, log s and log m, shape (n, 3); 0 has the logarithm of `LEAST_WEIGHT` squared and of `LEAST_WEIGHT`."""
    soft = np.log(np.maximum(table[:, 1], LEAST_WEIGHT**2))
    return np.column_stack([table[:, 0], soft, np.log(table[:, 2] + LEAST_WEIGHT)])


def fit_ranking(queries: Sequence[tuple[NDArray[np.float64], NDArray[np.int64]]]) -> RankingWeights:
    """The weights under which right answers are likeliest, each against all that are not answers (softmax).

    None is below 0: the two confidences nearly agree, and from few queries one would be taken from the other. The
    bias then makes the mean score that of right ones among the ten first.

    Args:
        queries: for each the signals of its candidates, shape (n, 3), without known answers but the right ones; and the
            positions of the right ones.
    """
    from scipy.optimize import minimize  # type: ignore[import-untyped]
    from scipy.special import log_softmax, softmax  # type: ignore[import-untyped]

    start = RankingWeights()
    tables = [(features(table)[:, 1:], right) for table, right in queries if len(right) and len(right) < len(table)]
    if not tables:
        return start

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, slope = 1e-3 * float(weights @ weights), 2e-3 * weights
        for table, right in tables:
            scores = table @ weights
            total -= float(log_softmax(scores)[right].mean()) / len(tables)
            slope -= (table[right].mean(axis=0) - softmax(scores) @ table) / len(tables)
        return total, slope

    soft, llm = minimize(loss, [start.soft, start.llm], jac=True, method="L-BFGS-B", bounds=[(0, None)] * 2).x.tolist()
    sums: list[float] = []
    hits: list[float] = []
    for table, right in tables:
        scores = table @ [soft, llm]
        first = np.argsort(-scores, kind="stable")[:10]
        sums += scores[first].tolist()
        hits += np.isin(first, right).tolist()
    bias = math.log((sum(hits) + 1) / (len(hits) - sum(hits) + 1)) - float(np.mean(sums))
    return RankingWeights(start.exact, soft, llm, bias)


def read_weights(folder: Path) -> dict[str | None, RankingWeights]:
    """The fitted weights beside a link predictor, by structure; {} where none were fitted.

    Raises:
        CompletionError: the file is damaged.
    """
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        return {}
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        names = {field.name for field in fields(RankingWeights)}
        if any(set(item) != names for item in stored.values()):
            raise ValueError(f"expected {', '.join(sorted(names))}")
        return {kind or None: RankingWeights(**item) for kind, item in stored.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise CompletionError(
            f"the ranking weights {path} are damaged ({error}); delete the file, and fit them again"
        ) from error


def write_weights(folder: Path, weights: Mapping[str | None, RankingWeights]) -> None:
    """Write fitted weights beside a link predictor, whole or not at all."""
    content = {kind or "": asdict(item) for kind, item in weights.items()}
    with whole_file(folder / WEIGHTS_FILE) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
