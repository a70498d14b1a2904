"""Parsing by the taught language model: beams parsed, checked, executed, weighed, and one chosen.

That a query gives nothing tells against it, as in execution-guided decoding (Wang et al. 2018, arXiv 1807.03100). How
sure a query is says a logistic function of what the model, the linking and the question's words say of it, fitted to
questions that were not taught (`python -m benchmarks.reading_confidence`), as Platt (1999) does for classifiers; its
weights lie beside the adapter. The weights of the model are loaded at the first question, and shared.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import reasoning.lm
from kg_data.sentence_vectors import vectors_if_installed
from reasoning.errors import quoted_list
from reasoning.execution.exact import outcome_behind
from reasoning.graph.names import label_words
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm.errors import LLMError
from reasoning.lm.generation import BeamWriter, load_writer, meanings
from reasoning.parsing.checking import unvalued
from reasoning.parsing.codec import NOTHING, ids_in, query_grammar
from reasoning.parsing.linking import LinkedQuestion
from reasoning.parsing.schema import GraphSchema, schema_of
from reasoning.query.read_question import Reading, ReadQuestion
from reasoning.query.tree import Query
from reasoning.verbalization.queries import verbalise
from skylark.errors import SkylarkError
from skylark.files import write_whole

CONFIDENCE_FILE = "confidence.json"

FEATURES = {
    "log_probability": 1, "rival": -1, "bridged": -1, "nothing": 0, "empty": -1, "likeness": 1, "unused": -1,
    "shared": -1, "size": 0,
}  # fmt: skip
"""What a reading is judged by: what the model gives the query (its logarithm) and the best other one (likewise), how
many relations were put in, 1 where it says that the graph cannot say it, 1 where its answer is empty, how like the
question the query is when it is said in English, how many good links it does not use, 1 where something else has a name
that it uses, and how many ids are written. With each whether it makes a reading surer (1), less so (-1), or either."""


@dataclass(frozen=True)
class Confidence:
    """The function, and from where on a reading counts.

    Attributes:
        weights: of the features, and "bias".
        sure: probability from which a question is answered.
        possible: probability from which a reading is offered beside others.
    """

    weights: Mapping[str, float]
    sure: float
    possible: float

    def probability(self, features: Mapping[str, float]) -> float:
        """That a reading with these features is right."""
        odds = self.weights["bias"] + sum(self.weights[name] * features[name] for name in FEATURES)
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))

    @classmethod
    def read(cls, folder: Path) -> Confidence:
        """From an adapter's folder; where there is none, the model's own probability; an LLMError where the file is
        damaged."""
        path = folder / CONFIDENCE_FILE
        if not path.exists():
            return cls({**dict.fromkeys(FEATURES, 0.0), "bias": 0.0, "log_probability": 1.0}, 0.5, 0.1)
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            return cls({name: float(stored["weights"].get(name, 0.0)) for name in (*FEATURES, "bias")},
                       float(stored["sure"]), float(stored["possible"]))  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LLMError(f"{path} is damaged ({type(error).__name__}: {error}): copy the adapter again") from error

    def write(self, folder: Path) -> None:
        """Into an adapter's folder."""
        write_whole(folder / CONFIDENCE_FILE, (json.dumps(asdict(self), indent=1) + "\n").encode())


MOST_RIVALS = 3
"""Readings that are offered to choose from."""

MOST_KNOWN, MOST_UNREAD = 5, 5
"""Names that are known, and words that the graph has nothing for, that are told."""


HALF_SAID = 0.5
"""Share of its probability that a reading keeps which leaves out a relation that the question says, or has one whose
label says nothing."""


@dataclass(frozen=True)
class WeighedReading:
    """A query that a question may mean.

    Attributes:
        query: the query; None where the model says that the graph cannot say what is asked.
        probability: that the question means it.
        written: what the model wrote.
        bridged: relations that were put in, since the kinds did not fit without.
        features: what the probability was reckoned from, where a regression gives it.
    """

    query: Query | None
    probability: float
    written: str
    bridged: tuple[str, ...] = ()
    features: Mapping[str, float] = field(default_factory=dict)


def chosen(
    question: LinkedQuestion, readings: Sequence[WeighedReading], *, sure: float, possible: float
) -> ReadQuestion:
    """The reading that is answered, from the probability `sure` on; where none is sure, what to choose from, from
    `possible` on. Readings come best first."""
    asked = question.prompt.question
    weighed = [_by_its_relations(reading, question) for reading in readings]
    readings = sorted(weighed, key=lambda reading: -reading.probability)
    best = readings[0] if readings else None
    queries = [reading.query for reading in readings[: MOST_RIVALS + 1] if reading.query is not None]
    lacks = {query: unvalued(query, question.schema.kg) for query in queries}
    lacking = lacks.get(best.query, []) if best is not None and best.query is not None else []
    rivals = tuple(
        Reading(reading.query, _assumed(reading), reading.probability)
        for place, reading in enumerate(readings[: MOST_RIVALS + 1])
        # The best is offered however unlikely: its answer may be empty, and that be so.
        if reading.query is not None and (reading.probability >= possible or not place) and not lacks[reading.query]
    )
    if best is not None and best.query is not None and best.probability >= sure and not lacking:
        others = tuple(rival for rival in rivals if rival.query != best.query)
        margin = best.probability - max((other.probability for other in others), default=0.0)
        return ReadQuestion(asked, best.query, best.probability, margin, others[:MOST_RIVALS], assumed=_assumed(best))
    unread = question.unknown_words if best is None or best.query is None else ()
    problem = _problem(best, bool(rivals), question, unread, sure, lacking)
    return ReadQuestion(asked, None, 0.0, 0.0, rivals[:MOST_RIVALS], unread=unread, problem=problem)


def _by_its_relations(reading: WeighedReading, question: LinkedQuestion) -> WeighedReading:
    if reading.query is None:
        return reading
    if not question.unread_relations(reading.query) and not question.wordless_relations(reading.query):
        return reading
    return replace(reading, probability=HALF_SAID * reading.probability)


def _assumed(reading: WeighedReading) -> tuple[str, ...]:
    return tuple(f'"{step}" was put in between, since the question asks it of another kind' for step in reading.bridged)


def _problem(
    best: WeighedReading | None,
    rivals: bool,
    question: LinkedQuestion,
    unread: Sequence[str],
    sure: float,
    lacking: Sequence[tuple[str, str]],
) -> str:
    things = [name for name in question.names if not name.literal]
    best_weight = {name.start: name.weight for name in sorted(things, key=lambda name: name.weight)}
    known = [name.label for name in things if name.weight == best_weight[name.start]][:MOST_KNOWN]
    understood = "no name in it is known"
    if known:
        understood = f"{quoted_list(known, 'and')} {'is' if len(known) == 1 else 'are'} known"
    if unread:
        understood += f", and the graph has nothing called {quoted_list(unread[:MOST_UNREAD], 'or')}"
    if question.is_names_alone:
        return f"nothing is asked; {understood}"
    if best is None:
        return f"the question could not be read as a query of this graph; {understood}"
    if best.query is None and (not rivals or best.probability >= sure):
        return f"the graph does not seem to hold what the question asks for; {understood}"
    if best.query is not None and (lacks := question.unread_relations(best.query)):
        return f"the likeliest reading, {best.query}, leaves out {quoted_list(lacks, 'and')}; {understood}"
    if lacking:
        name, relation = lacking[0]
        return f'the graph has no {label_words(relation)} of "{name}"; {understood}'
    if best.features.get("empty"):
        return f"the likeliest reading, {best.query}, finds nothing; {understood}"
    return f"it is not clear what the question asks of this graph; {understood}"


LEAST = 1e-6
"""Probability of a rival where there is none."""


class QuestionReader:
    """Reads questions about one graph: `beams` writes the queries, and `confidence` tells how sure a reading is."""

    def __init__(self, schema: GraphSchema, beams: BeamWriter, confidence: Confidence) -> None:
        self.schema = schema
        self.confidence = confidence
        self._beams = beams

    def read(self, question: str) -> list[WeighedReading]:
        """The readings that can be asked of the graph, best first; those that cannot are left out. A QuestionError
        where a marked name is no name."""
        return self.readings(LinkedQuestion.of(question, self.schema))

    def readings(self, question: LinkedQuestion) -> list[WeighedReading]:
        """The same of a question whose names are linked."""
        if question.is_names_alone:
            return []
        prompt = question.prompt
        ranked = meanings(
            self._beams,
            prompt.schema.text,
            prompt.text,
            query_grammar(prompt, self._beams.tokens.piece),
            lambda written: _executed(written, question),
            key=lambda read: read.gives,
        )
        likeness = self._likeness(prompt.question, [meant.value.query for meant in ranked])
        readings = []
        for meant, alike in zip(ranked, likeness, strict=True):
            query, bridged = meant.value.query, meant.value.steps
            rival = max((other.probability for other in ranked if other is not meant), default=LEAST)
            used = question.used(meant.written)
            features = {
                "log_probability": math.log(max(meant.probability, LEAST)),
                "rival": math.log(max(rival, LEAST)),
                "bridged": float(len(bridged)),
                "nothing": float(query is None),
                "empty": float(meant.value.empty),
                "likeness": alike,
                "unused": float(len(question.left_out(meant.written))),
                "shared": float(any(question.namesakes(name, meant.written) for name in used)),
                "size": float(len(ids_in(meant.written))),
            }
            probability = self.confidence.probability(features)
            readings.append(WeighedReading(query, probability, meant.written, bridged, features))
        apart: dict[str, WeighedReading] = {}
        for reading in readings:
            for other in self._of_namesakes(reading, question):
                # Written with the id of the one or of the other namesake it is one query.
                first = apart.setdefault(str(other.query), replace(other, probability=0.0))
                both = min(1.0, first.probability + other.probability)
                apart[str(other.query)] = replace(first, probability=both)
        weighed = sorted(apart.values(), key=lambda reading: -reading.probability)
        # Of different answers one is right at most.
        left = 1 - max((reading.probability for reading in weighed), default=0.0)
        share = min(1.0, left / max(sum(reading.probability for reading in weighed[1:]), LEAST))
        others = [replace(reading, probability=share * reading.probability) for reading in weighed[1:]]
        return [*weighed[:1], *others]

    def _of_namesakes(self, reading: WeighedReading, question: LinkedQuestion) -> list[WeighedReading]:
        """The reading; of a shared name also those of other things, which share what it would have without them."""
        if not reading.features["shared"]:
            return [reading]
        meant = question.meant(reading.written)
        alone = self.confidence.probability({**reading.features, "shared": 0.0})
        return [
            replace(reading, query=other.query, bridged=other.steps, probability=alone / len(meant)) for other in meant
        ]

    def _likeness(self, question: str, queries: Sequence[Query | None]) -> list[float]:
        """How like the question each query is when it is said in English; 0 for none, and without an encoder."""
        said = {at: verbalise(query, self.schema.kg) for at, query in enumerate(queries) if query is not None}
        vectors = vectors_if_installed([question, *said.values()]) if said else None
        alike = dict(zip(said, () if vectors is None else (vectors[1:] @ vectors[0]).tolist(), strict=False))
        return [alike.get(at, 0.0) for at in range(len(queries))]


@dataclass(frozen=True)
class _Executed:
    """What was written as a query that can be asked, what was put in, and what it gives.

    Two queries that give the same are one reading, however they are written; of a number that counts and of a yes it is
    the things behind it that count, since small numbers agree by chance.
    """

    query: Query | None
    steps: tuple[str, ...] = ()
    empty: bool = False
    gives: Hashable = None


def _executed(written: str, question: LinkedQuestion) -> _Executed | None:
    if written.strip() == NOTHING.strip():
        return _Executed(None)
    try:
        checked = question.query(written)
        given = outcome_behind(checked.query, question.schema.kg)
    except SkylarkError:
        return None
    empty = given == frozenset()
    return _Executed(checked.query, checked.steps, empty, str(checked.query) if empty else given)


JOB = "queries"
"""What the adapter writes."""

PACKAGED = Path(reasoning.lm.__file__).parent / "adapters" / "queries"
"""The adapter of the packaged model; its README says how it was made."""

MOST_MODELS = 2
"""Models whose weights are kept, the last used ones."""

_loading = threading.RLock()


def reader_of(kg: KnowledgeGraph, folder: Path = PACKAGED, source: str | None = None) -> QuestionReader:
    """The reader of questions about a graph with an adapter; an LLMError where that or the base model's weights are
    missing or damaged, or do not belong together."""
    with _loading:
        return QuestionReader(schema_of(kg), *_model(folder, source))


@lru_cache(MOST_MODELS)
def _model(folder: Path, source: str | None) -> tuple[BeamWriter, Confidence]:
    return BeamWriter(load_writer(folder, JOB, source)), Confidence.read(folder)
