"""One evaluation run from its options to its files, with progress and the time that is left."""

from __future__ import annotations

import hashlib
import json
import logging
import random
import time
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import numpy as np
from langchain_core.language_models import BaseChatModel
from numpy.typing import NDArray

import kg_data
from kg_data.batches.lines import lines_of, progress_bar
from kg_data.batches.shards import ALONE, Work, Workers, code_digest
from kg_data.loaders import LoadingOptions
from kg_data.loaders.text import USUAL
from reasoning.answer import Answer
from reasoning.completion.predictor import CompletionOptions
from reasoning.errors import EvaluationError
from reasoning.evaluation.metrics import QueryTally, QuestionTally
from reasoning.evaluation.query_files import QueryRecord
from reasoning.evaluation.question_files import QuestionRecord
from reasoning.evaluation.results import ResultsFile
from reasoning.graph.content import StoredEntities
from reasoning.graph.index import Ids
from reasoning.graph.remote.address import Address, names_endpoint
from reasoning.graph.store import KnowledgeGraph
from reasoning.graph.updates.changes import merged
from reasoning.graph.updates.edits import is_store
from reasoning.lark import LarkOptions
from reasoning.lark.method import Estimate
from reasoning.lark.steps import queries_at_once
from reasoning.lm import LLMError
from reasoning.lm.calls import NO_USAGE, TokenUsage, adapter_folder, concurrent_map, folder_digest
from reasoning.lm.candidate_scoring import adapter_digest
from reasoning.lm.embedded import EmbeddedChatModel
from reasoning.lm.generation import MOST_ROWS
from reasoning.lm.hosted import display_name, runs_here
from reasoning.lm.loading import at_once
from reasoning.lm.local_weights import weights_digest
from reasoning.methods import METHODS
from reasoning.parsing.options import ReadingOptions
from reasoning.parsing.reader import PACKAGED
from reasoning.query.read_question import QuestionError
from reasoning.query.tree import Query
from reasoning.reasoner import Reasoner
from skylark.errors import ResultsError, SkylarkError
from skylark.files import Line
from skylark.installation import version

D = TypeVar("D")

MOST_TRIED = 256
"""Queries that are answered at most: as many as method exact answers at once."""

MOST_SECONDS = 10.0
"""How long the trial goes on, the first query apart."""


@dataclass(frozen=True)
class Duration:
    """How long a run would take: seconds, or a lower bound; None where nothing is known, and `basis` says why."""

    seconds: float | None
    basis: str
    bound: bool = False

    def __str__(self) -> str:
        """In words, for a terminal."""
        if self.seconds is None:
            return f"Time: not known, {self.basis}"
        return f"Time: {'at least' if self.bound else 'about'} {time_text(self.seconds)}, {self.basis}"


def duration(
    reasoner: Reasoner, items: Sequence[D], answered: Callable[[Sequence[D]], Iterator[Any]], requests: int
) -> Duration:
    """How long answering at least one item would take, by what goes through items and gives a result for each."""
    model = reasoner.llm if reasoner.asks_llm else reasoner.reader
    if model is None or runs_here(model):
        return _tried(items, answered)
    rate = reasoner.options.requests_per_minute
    if rate is None:
        return Duration(None, "since nothing was sent to the language model, whose replies it hangs on")
    return Duration(60 * requests / rate, f"by the limit of {rate:g} requests a minute", bound=True)


def _tried(items: Sequence[D], answered: Callable[[Sequence[D]], Iterator[Any]]) -> Duration:
    # Drawn from all of them: the types stand one behind the other, and take different times.
    tried = random.Random(0).sample(items, min(len(items), MOST_TRIED))
    began = time.monotonic()
    list(answered(tried[:1]))  # models are loaded and loops compiled by the first
    first = time.monotonic() - began
    done, seconds, began = 0, 0.0, time.monotonic()
    # A generator, which is closed so that what it has taken ahead is dropped.
    with closing(cast(Any, answered(tried[1:]))) as results:
        for _ in results:
            done, seconds = done + 1, time.monotonic() - began
            if seconds >= MOST_SECONDS:
                break
    rest = (len(items) - 1) * seconds / done if done else 0.0
    return Duration(first + rest, f"measured on {1 + done:,} of {len(items):,} that were answered for it")


def time_text(seconds: float) -> str:
    """A time as a person says it: 0.4 s, 50 s, 20 min, 3.5 h."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


AT_SERVER = 4
"""Queries that a server is asked at once where no model limits them."""
SCORED = 100
"""Answers whose scores a line lists."""


@dataclass(frozen=True)
class MethodEvaluation:
    """The method that an evaluation measures, and the graph that it is measured on.

    Attributes:
        kg: what `KnowledgeGraph.load` takes, or a graph that is open.
        method, llm, options, completion: see `Reasoner`.
        limit: only the first this many queries or questions of each kind.
        loading: what the graph's file does not say of itself, see `KnowledgeGraph.load`.
    """

    kg: str | Path | KnowledgeGraph
    method: str = field(default="exact", kw_only=True)
    llm: str | BaseChatModel = field(default="embedded", kw_only=True)
    options: LarkOptions | None = field(default=None, kw_only=True)
    completion: CompletionOptions | None = field(default=None, kw_only=True)
    limit: int | None = field(default=None, kw_only=True)
    loading: LoadingOptions = field(default=USUAL, kw_only=True)

    def run(
        self, out: Path | None = None, resume: bool = False, progress: bool = False, workers: Workers = ALONE
    ) -> dict[str, Any]:
        """Answer the queries or questions and return the summary.

        Args:
            out: the results file, one JSON line a query; of questions `FILE.misses.jsonl` beside it holds those that
                are not wholly right, each with its `reason`.
            resume: go on with the lines that `out` holds.
            progress: show a bar on stderr.
            workers: who answers; the lines are the same whoever does.

        Returns:
            `per_type` (type -> metric -> mean, and `count`); of queries `avg_p` and `avg_n` (metric -> mean over the
            types without and with negation, {} where there are none), of questions `overall` (`path_match` is None
            where no gold path is known) and `rightly_refused` (those not answered, as the file expects, counted as
            right); `count`, `skipped` (queries without hard answers in protocol hard, questions whose gold path reaches
            nothing in this graph), `errors` (those that the method failed, counted as wrong), `steps` (type -> counts,
            where a language model answers steps), `usage` (requests, tokens and cost, where a model was asked),
            `intervals` (of each mean, see `reasoning.evaluation.metrics`), `settings`, `seconds`, `complete`.

        Raises:
            EvaluationError: the settings do not fit the data, or `out` holds another run's results.
            ResultsError: `out` cannot be written.
            DataError: a record is broken; with file and line.
            WorkerError: a worker died again and again.
            SkylarkError: the graph or the language model cannot be loaded, or the model is out of reach.
        """
        return self.prepare().run(out, resume, progress, workers)

    def prepare(self) -> PreparedRun[Any]:
        """Load and check everything that `run` needs; it raises the same errors."""
        raise NotImplementedError

    def reasoner(self, splits: Sequence[str] | None = None) -> Reasoner:
        """The method over the graph, its language model loaded.

        Raises:
            EvaluationError: the limit is below 1.
            SkylarkError: the graph or the language model cannot be loaded.
        """
        if self.limit is not None and self.limit < 1:
            raise EvaluationError(f"the limit must be at least 1, not {self.limit}")
        return Reasoner(self._graph(splits), self.llm, self.method, self.options, self.completion)

    def _graph(self, splits: Sequence[str] | None) -> KnowledgeGraph:
        if isinstance(self.kg, KnowledgeGraph):
            return self.kg
        # A server and a store have the splits that somebody loaded there.
        as_it_is = names_endpoint(self.kg) or is_store(self.kg)
        return KnowledgeGraph.load(self.kg, None if as_it_is else splits, **asdict(self.loading))


@dataclass(frozen=True)
class MethodReply:
    """What a method made of one query.

    Attributes:
        answer: None where it raised an error.
        error: why there is no answer, or why it is incomplete; None where all is well.
        arrived: False where the language model could not be reached or did not finish in time, which measures nothing.
        usage: requests, tokens and cost where there is no answer that says them.
    """

    answer: Answer | None
    error: str | None
    arrived: bool
    usage: TokenUsage = NO_USAGE


def replies(reasoner: Reasoner, questions: Iterable[Query | str]) -> Iterator[MethodReply]:
    """The reply to each question, in order; as many are asked at once as its model takes requests at once."""
    model = reasoner.llm if reasoner.asks_llm else reasoner.reader
    questions = iter(questions)
    first = list(islice(questions, 1))
    # What the embedded model reads shares its passes; a query takes no reading.
    workers = MOST_ROWS if first and isinstance(first[0], str) else 1 if reasoner.kg.server is None else AT_SERVER
    if model is not None:
        most_at_once = queries_at_once if reasoner.asks_llm else at_once
        workers = most_at_once(model, reasoner.options)
    return concurrent_map(partial(ask, reasoner), chain(first, questions), workers)


def ask(reasoner: Reasoner, question: Query | str) -> MethodReply:
    """The method's reply; what it raises is part of it, so that one broken query doesn't end a run."""
    try:
        answer = reasoner.answer(question)
    except QuestionError as failure:
        return MethodReply(None, str(failure), True, NO_USAGE if failure.reading is None else failure.reading.usage)
    except SkylarkError as failure:
        return MethodReply(None, str(failure), not isinstance(failure, LLMError))
    failed = answer.steps[-1].parts[-1] if answer.error is not None and answer.steps else None
    silent = failed is not None and not any(attempt.replied for attempt in failed.attempts)
    return MethodReply(answer, answer.error, not silent)


def about(reply: MethodReply) -> Line:
    """What a line says of how its answer came about: `error`, `steps` and `usage`, where there is something to say, and
    of a method that is not certain the `scores` of the first answers."""
    line: Line = {} if reply.error is None else {"error": reply.error}
    if reply.answer is not None:
        method = METHODS[reply.answer.method]
        if method.goes_beyond_graph and reply.answer.value is None:
            line["scores"] = list(reply.answer.scores[:SCORED])
        if method.asks_model:
            line["steps"] = step_counts(reply.answer)
    usage = reply.usage if reply.answer is None else reply.answer.usage
    if usage.requests or usage.cached:
        line["usage"] = usage.to_dict()
    return line


def step_counts(answer: Answer) -> dict[str, int]:
    """How many steps the language model answered, how many of them right, and what did not fit its prompts."""
    by_model = [step for step in answer.steps if step.by == "llm"]
    return {
        "llm": len(by_model),
        "agreeing": sum(bool(step.agrees) for step in by_model),
        "symbolic": len(answer.steps) - len(by_model),
        "parts": sum(len(step.parts) for step in by_model),
        "left_out": sum(step.context.left_out for step in by_model if step.context is not None),
    }


def run_settings(evaluation: MethodEvaluation, reasoner: Reasoner, llm_matters: bool) -> dict[str, Any]:
    """Graph, limit, method, language model and its options, weights, code; None for what the method does not use.

    Who does the work is none of it: a run may go on with another number of workers. `llm_matters` says whether the
    language model decides the lines of method exact too.
    """
    asks = reasoner.asks_llm
    reads = {field.name for field in fields(ReadingOptions)} if llm_matters and reasoner.reader is not None else set()
    deciding = reasoner.options.deciding().items()
    options = {key: value if asks or key in reads else None for key, value in deciding}
    reader = reasoner.options.reader
    # A digest tells an adapter from another one in the same folder.
    options["reader"] = f"{reader} ({folder_digest(adapter_folder(reader, PACKAGED))})" if llm_matters else None
    options["sure_from"] = reasoner.options.sure_from if llm_matters else None
    llm = evaluation.llm if isinstance(evaluation.llm, str) else display_name(evaluation.llm)
    return {
        "kg": graph_setting(evaluation.kg),
        "kg_digest": graph_digest(reasoner.kg),
        "limit": evaluation.limit,
        "method": reasoner.method,
        "llm": llm if asks or llm_matters else None,
        "adapter_digest": adapter_digest(reasoner.llm) if asks else None,
        "weights_digest": _weights(reasoner, asks, llm_matters and reasoner.reader is None),
        **options,
        **reasoner.answering.deciding(),
        "version": version(),
        "code": code_digest("kg_data", "reasoning"),
    }


def _weights(reasoner: Reasoner, asks: bool, reads: bool) -> str | None:
    """What tells the weights of the models in this process that answer or read from others; None where none does."""
    sources: list[str | None] = [None] if reads else []
    if asks and isinstance(reasoner.llm, EmbeddedChatModel):
        sources.append(reasoner.llm.source)
    return " ".join(weights_digest(source) for source in dict.fromkeys(sources)) or None


def graph_setting(kg: str | Path | KnowledgeGraph) -> str:
    """A graph's full path, or the name of a built-in one or of one that is open already."""
    if isinstance(kg, KnowledgeGraph):
        return kg.graph_name
    if names_endpoint(kg):
        return Address.of(str(kg)).name
    if is_store(kg):
        return str(Path(kg).resolve())
    source = kg_data.resolve(kg)
    return source.name if source.path is None else str(source.path.resolve())


def _type_pairs(entities: StoredEntities) -> tuple[list[str], Ids]:
    """The types that entities have, sorted, and the pairs of entities with them: whatever order they came in."""
    pairs = entities.type_pairs
    used, numbers = np.unique(pairs[:, 1], return_inverse=True)
    names = [entities.type_names[number] for number in used.tolist()]
    order = sorted(range(len(names)), key=names.__getitem__)
    ranks = np.empty(len(names), dtype=np.int32)
    ranks[order] = np.arange(len(names), dtype=np.int32)
    pairs = np.stack((pairs[:, 0], ranks[numbers]), axis=1)
    return [names[at] for at in order], pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def graph_digest(kg: KnowledgeGraph) -> str:
    """A hex digest of a graph's splits, triples, names, types and values: whether two runs had the same graph.

    Of a graph on a server it is that of the address and of the survey: relations, counts and types.
    """
    if kg.server is not None:
        return kg.server.digest[:16]
    content = merged(kg.content)
    entities, keys = content.entities.whole, content.names.whole
    values = [(column.relation, column.kind, column.unit) for column in content.values]
    types, pairs = _type_pairs(entities)
    total = hashlib.sha256(repr((sorted(kg.splits), kg.relation_ids, kg.relation_labels, values, types)).encode())
    forward = content.index.whole.forward
    arrays: list[NDArray[Any]] = [forward.bounds, forward.sources, forward.starts, forward.targets, keys.entities]
    arrays.append(pairs)
    for strings in (entities.ids, entities.labels, keys.texts):
        arrays += [strings.blob, strings.offsets]
    for column in content.values:
        arrays += [column.entities, column.values]
    for array in arrays:
        total.update(f"{array.dtype} {len(array)}\0".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()[:16]


log = logging.getLogger(__name__)

SILENT_LIMIT = 5
"""Queries in a row that a language model may leave without any reply; then the run stops rather than count on."""


T = TypeVar("T", bound=QueryRecord | QuestionRecord)

Answered = Callable[[Sequence[T]], Iterator[tuple[Line, bool]]]
"""Gives each item's line, in order, and whether the method gave any reply to it; an item without is no measurement."""


@dataclass(frozen=True)
class PreparedRun(Generic[T]):
    """A run of which everything is loaded and checked, and nothing is answered yet.

    Attributes:
        reasoner: the method.
        items: what is to be answered, in the order of the lines.
        questions: what the method is asked for each, of the same length.
        answered: goes through those that are not done yet.
        opening: opens `answered` in another process; it can be pickled.
        new_tally: makes what adds the lines up.
        metrics: what each line measures.
        settings: what decides the lines; kept in the summary.
        reason_of: says why a line is a miss, None where it is none; the misses are then written beside the results.
        alike: what an item has in common with those that one worker does sooner, see `cut`.
    """

    reasoner: Reasoner
    items: Sequence[T]
    questions: Sequence[Query | str]
    answered: Answered[T]
    opening: Callable[[], Answered[T]]
    new_tally: Callable[[], QueryTally | QuestionTally]
    metrics: Sequence[str]
    settings: Mapping[str, Any]
    reason_of: Callable[[Line], str | None] | None = None
    alike: Callable[[T], Hashable | None] | None = None

    def estimate(self) -> Estimate:
        """What the whole run would take in requests, tokens and money; nothing is sent."""
        return self.reasoner.estimate(self.questions)

    def duration(self, requests: int) -> Duration:
        """How long the whole run would take with so many requests; a few items are answered for it, none is sent."""
        return duration(self.reasoner, self.items, self.answered, requests)

    def run(
        self, out: Path | None = None, resume: bool = False, progress: bool = False, workers: Workers = ALONE
    ) -> dict[str, Any]:
        """See `MethodEvaluation.run`; after a KeyboardInterrupt what was done is safe, too.

        Raises:
            EvaluationError: `out` holds what may not be added to, see `ResultsFile`, or several processes were to ask a
                hosted model.
            ResultsError: `out` cannot be written; what was done before is kept.
            WorkerError: a worker died at one item again and again; what was done is kept.
            SkylarkError: the method gave no reply `SILENT_LIMIT` times in a row.
            KeyboardInterrupt: after what was done is safe.
        """
        began = time.monotonic()
        self._check(workers)
        tally = self.new_tally()
        identifiers = [item.identifier for item in self.items]
        sink = None if out is None else ResultsFile(out, self.settings, identifiers, self.metrics, resume)

        def summary(complete: bool) -> dict[str, Any]:
            seconds = round((sink.seconds if sink else 0.0) + time.monotonic() - began, 3)
            intervals = {"intervals": tally.intervals()} if complete else {}
            about = {"settings": dict(self.settings), "seconds": seconds, "complete": complete}
            return {**tally.summary(), **intervals, **about}

        with sink or nullcontext():
            done = sink.done if sink else []
            there = {line["id"] for line in done}
            for line in done:
                tally.add(line)
            try:
                with closing(self._lines(done, sink, progress, workers)) as lines:
                    for line in lines:
                        if sink:
                            sink.append(line)
                        there.add(line["id"])
                        tally.add(line)
                        if sink and sink.checkpoint_due:
                            sink.checkpoint(summary(False))
                final = summary(True)
                if sink:
                    sink.checkpoint(final)
                    if self.reason_of is not None:
                        write_misses(sink.path, self.reason_of)
                    sink.shards.drop()
                return final
            except (KeyboardInterrupt, SkylarkError, OSError):
                if sink is None:
                    log.warning("stopped; nothing is kept without --out FILE")
                    raise
                # On a full disk the summary stays the one before; with its settings the run can be resumed.
                with suppress(ResultsError):
                    sink.checkpoint(summary(False))
                kept = (len(there | sink.shards.kept().keys()), len(self.items), out)
                log.warning("stopped; %d of %d are kept in %s, --resume goes on from there", *kept)
                raise

    def _check(self, workers: Workers) -> None:
        """Refuse several processes for what a hosted model answers: its limits are of all requests together."""
        asks = self.reasoner.asks_llm or any(isinstance(question, str) for question in self.questions)
        model = self.reasoner.llm if self.reasoner.asks_llm else self.reasoner.reader
        if asks and model is not None and not workers.alone and not runs_here(model):
            raise EvaluationError(
                f"{display_name(model)} is asked by one process, which keeps to one limit of requests: "
                "--max-concurrency N asks it several queries at once; --workers and --engine are for methods that run "
                "on this machine"
            )

    def _lines(
        self, done: Sequence[Line], sink: ResultsFile | None, progress: bool, workers: Workers
    ) -> Generator[Line]:
        """The lines that are not there yet, with a bar on stderr."""
        there = {line["id"] for line in done}
        rest = [item for item in self.items if item.identifier not in there]
        return lines_of(
            lambda items: _with_reply(self.answered(items)),
            [item.identifier for item in rest],
            rest,
            {} if sink is None else sink.kept,
            None if sink is None else sink.shards,
            workers,
            partial(progress_bar, "query", len(self.items), progress),
            partial(_opened, self.opening),
            self.alike,
            in_batches=False,
        )


def _opened(opening: Callable[[], Answered[T]]) -> Work:
    """In a worker: what gives each item's line."""
    answered = opening()
    return lambda items: _with_reply(answered(items))


def write_misses(results: Path, reason_of: Callable[[Line], str | None]) -> None:
    """Write the lines of a finished results file that are misses, each with its reason, to `FILE.misses.jsonl`.

    Raises:
        ResultsError: the file cannot be written.
    """
    misses = []
    for text in results.read_text(encoding="utf-8").split("\n")[:-1]:  # a text in it may hold other ends of lines
        line = json.loads(text)
        if (reason := reason_of(line)) is not None:
            misses.append(json.dumps({**line, "reason": reason}, ensure_ascii=False) + "\n")
    path = results.with_name(f"{results.name}.misses.jsonl")
    try:
        path.write_text("".join(misses), encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"cannot write {path}: {error}") from None


def _with_reply(answered: Iterator[tuple[Line, bool]]) -> Generator[Line]:
    # Lines without a reply wait: if the model is out of reach they are not written, and a resumed run does them again.
    waiting: list[Line] = []
    for line, replied in answered:
        waiting.append(line)
        if replied:
            yield from waiting
            waiting.clear()
        elif len(waiting) == SILENT_LIMIT:
            raise SkylarkError(
                f"no reply to {SILENT_LIMIT} queries in a row, the last time because: {line.get('error')}"
            )
    yield from waiting
