"""Training of the model that reads questions: written lists and the curriculum.

Names in lists are found by the linker, with its mistakes, so that the model learns to choose. The order of relations
and kinds is sampled anew for each pack, so that their ids mean nothing.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

import kg_data
from reasoning.execution.exact import outcome, outcome_behind
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm.generation import WriterTokens
from reasoning.lm.packs import Pack, Segment
from reasoning.parsing.codec import NOTHING, written
from reasoning.parsing.linking import Candidate, link_names, name_entry
from reasoning.parsing.options import anchor
from reasoning.parsing.reader import JOB
from reasoning.parsing.schema import ANSWER, KIND_IDS, NAME_IDS, RELATION_IDS, GraphSchema, Prompt, Schema
from reasoning.query.read_question import QuestionError
from reasoning.query.records import parts_of, rebuilt, relations_of, with_part, with_parts
from reasoning.query.tree import Aggregate, Compare, Complement, Entity, Every, Project, Query, Top, Union
from skylark.errors import SkylarkError
from training.learners import PackExample, WriteLearner, prepare_writer
from training.loop import Progress, Report, WritingOptions, claimed, last_checkpoint, train
from training.question_phrases import Domain, load_domains
from training.question_sampling import (
    QUESTIONS,
    ExampleSampler,
    QuestionExample,
    SampledPack,
    undirected,
    words_as_names,
)

MANY = 5
"""Members of a kind that one thing's name is hardly said for by chance."""


def with_kinds(query: Query, named: Set[str], schema: GraphSchema) -> Query:
    """The query with kinds in the place of sets that it spells out, where it still gives the same.

    Where a graph has no types, whoever writes a list says a kind through a relation and names that the question does
    not have: "all acts" as those that play on one of the four stages. A prompt shows the kind itself.

    Args:
        query: with the names that the schema has.
        named: the entities that its question names, as texts of queries.
        schema: of the graph.
    """
    spelt = _each_type(query, schema)
    if not _strange(spelt, named, schema):
        return spelt
    try:
        wanted = outcome_behind(spelt, schema.kg)
    except SkylarkError:
        return spelt
    return _changed(spelt, lambda part: part, wanted, named, schema)


def _changed(
    part: Query, whole: Callable[[Query], Query], wanted: Hashable, named: Set[str], schema: GraphSchema
) -> Query:
    """A part with its sets replaced; `whole` puts one into its place in the query."""
    if not _strange(part, named, schema):
        return part
    for kind, size in _kinds(schema) if _spells_out(part, named, schema) else ():
        if (size >= MANY or _is_spread(part, schema)) and _gives(partial(whole, kind), wanted, schema):
            return kind
    for at in range(len(parts_of(part))):

        def around(new: Query, part: Query = part, at: int = at) -> Query:
            return whole(with_part(part, at, new))

        part = with_part(part, at, _changed(parts_of(part)[at], around, wanted, named, schema))
    return part


def _spells_out(query: Query, named: Set[str], schema: GraphSchema) -> bool:
    """Whether a query is a set that is said by nothing that the question names."""
    sets = isinstance(query, Project | Union | Complement | Compare)
    return sets and not set(entities_of(query, schema)) & named


def _is_spread(query: Query, schema: GraphSchema) -> bool:
    """Whether it is said by several things, or by all but some: else the one thing may be a name that was not found."""
    return len(set(entities_of(query, schema))) > 1 or any(isinstance(part, Complement) for part in _parts(query))


def _gives(made: Callable[[], Query], wanted: Hashable, schema: GraphSchema) -> bool:
    try:
        return outcome_behind(made(), schema.kg) == wanted
    except SkylarkError:
        return False


@lru_cache(8)
def _kinds(schema: GraphSchema) -> tuple[tuple[Query, int], ...]:
    """The kinds as queries with the number of their members, those with the fewest first."""
    found = [Query.parse(kind.query) for kind in schema.kinds]
    sizes = {kind: len(outcome(kind, schema.kg)) for kind in found}  # type: ignore[arg-type]
    return tuple((kind, sizes[kind]) for kind in sorted(found, key=lambda kind: sizes[kind]))


def _each_type(query: Query, schema: GraphSchema) -> Query:
    """The query with things of several types as things of one type or of another, as kinds are shown."""
    changed: Query = with_parts(query, lambda part: _each_type(part, schema))
    match changed:
        case Project(relation, Union(types), True) if relation == schema.type_relation:
            return Union(tuple(Project(relation, one, True) for one in types))
    return changed


def _strange(query: Query, named: Set[str], schema: GraphSchema) -> bool:
    return any(name not in named for name in entities_of(query, schema))


def entities_of(query: Query, schema: GraphSchema) -> Iterator[str]:
    """The entities that a query names, as texts of queries; a kind as a prompt shows it names none."""
    if schema.kind_by_query(str(query)) is not None:
        return
    if isinstance(query, Entity):
        yield str(query)
    for part in parts_of(query):
        yield from entities_of(part, schema)


def _parts(query: Query) -> Iterator[Query]:
    yield query
    for part in parts_of(query):
        yield from _parts(part)


FOLDER = Path(__file__).parent / "lessons" / "questions"
"""Lists by writers who saw neither the code nor each other's; in `own` with small graphs that they are about."""

KEPT_BACK = 8
"""Of a list the first of every so many questions is not taught, for thresholds to be fitted to."""


@dataclass(frozen=True)
class ListedQuestion:
    """A question of a list, linked.

    Attributes:
        question: as asked.
        names: what it may name.
        queries: texts of what it may mean, entities as the schema names them; () where the graph cannot say it.
        relations: places of the relations that these use.
    """

    question: str
    names: Sequence[Candidate]
    queries: Sequence[str]
    relations: frozenset[int]


class ListedGraph:
    """The questions of lists about one graph.

    Args:
        kg: the graph.
        records: lines of lists: `question`, `kind`, `query`, and `readings` of one that may mean several things.
    """

    def __init__(self, kg: KnowledgeGraph, records: Sequence[dict[str, Any]]) -> None:
        self.name = kg.graph_name
        self.schema = GraphSchema(kg)
        places = {entry.query: at for at, entry in enumerate(self.schema.relations)}
        self._places = {name: places[entry.query] for name, entry in self.schema.by_name.items()}
        self.questions = [found for record in records if (found := self._linked(record)) is not None]

    def _linked(self, record: dict[str, Any]) -> ListedQuestion | None:
        texts = record.get("readings") or ([record["query"]] if record["query"] else [])
        if not texts and record["kind"] != "unanswerable":
            return None
        try:
            names = link_names(record["question"], self.schema)
            named = {name.query for name in names}
            queries = [with_kinds(rebuilt(Query.parse(text), self._named), named, self.schema) for text in texts]
        except (QuestionError, ValueError):
            return None
        shown = [query for query in queries if named.issuperset(entities_of(query, self.schema))]
        if queries and not shown:
            return None
        relations = frozenset(
            self._places[name] for query in shown for name in relations_of(query) if name in self._places
        )
        return ListedQuestion(record["question"], names, [str(query) for query in shown], relations)

    def _named(self, node: Query) -> Query:
        kg = self.schema.kg
        if isinstance(node, Entity):
            return anchor(kg, node.index(kg))
        if isinstance(node, Project | Every):
            relation = kg.relation(node.relation)
            return replace(node, relation=kg.label(relation), inverse=node.inverse != relation.inverse)
        if isinstance(node, Aggregate | Compare | Top) and isinstance(node.measure, str):
            return replace(node, measure=kg.label(kg.relation(node.measure)))
        return node

    def pack(self, rng: random.Random, count: int = QUESTIONS) -> SampledPack:
        """Examples over one part of the schema that holds what they need."""
        sampled = rng.sample(self.questions, min(count, len(self.questions)))
        needed: set[int] = set()
        chosen: list[ListedQuestion] = []
        for question in sampled:
            if len(needed | question.relations) <= len(RELATION_IDS):
                needed |= question.relations
                chosen.append(question)
        others = [at for at in range(len(self.schema.relations)) if at not in needed]
        shown = [*needed, *rng.sample(others, min(len(others), len(RELATION_IDS) - len(needed)))]
        rng.shuffle(shown)
        kinds = list(range(len(self.schema.kinds)))
        rng.shuffle(kinds)
        part, place = self.schema.part(shown, kinds[: 2 * len(KIND_IDS)])
        examples = [self._example(question, part, place, rng) for question in chosen]
        return SampledPack(part, [example for example in examples if example is not None])

    def _example(
        self, question: ListedQuestion, part: Schema, place: Mapping[int, int], rng: random.Random
    ) -> QuestionExample | None:
        entries = [name_entry(name, self.schema, part, place) for name in question.names]
        text = question.question
        if rng.random() < 0.1:
            text = text.lower().rstrip("?.!")
        if others := words_as_names(text, entries, part, rng):
            entries += others
            entries.sort(key=lambda entry: text.lower().find(entry.text.lower()))
        prompt = Prompt(part, entries[: len(NAME_IDS)], text)
        if not question.queries:
            return QuestionExample(prompt, [NOTHING], "none")
        ids = {relation.query: RELATION_IDS[at] for at, relation in enumerate(part.relations)}
        ids |= {kind.query: KIND_IDS[at] for at, kind in enumerate(part.kinds)}
        for at, entry in enumerate(prompt.names):
            ids.setdefault(entry.query, NAME_IDS[at])
        try:
            pieces = undirected(written(rng.choice(list(question.queries)), ids), prompt)
        except KeyError:  # more names than ids, or a kind that is not shown
            return None
        return None if pieces is None else QuestionExample(prompt, pieces, "lists")


def packaged_lists() -> list[Path]:
    """The lists that come with the project."""
    return sorted(FOLDER.rglob("*.jsonl"))


def listed_graphs(paths: Sequence[Path], graphs: Sequence[str]) -> list[ListedGraph]:
    """The questions of lists that are taught, by the graph that they are about.

    Args:
        paths: the lists, JSON lines.
        graphs: names of the graphs whose questions are taken; a graph's file beside the list is taken in any case.
    """
    records: dict[str | Path, list[dict[str, Any]]] = {}
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            record = json.loads(line)
            name = record.get("kg", "world")
            beside = path.parent / name
            if number % KEPT_BACK and (name in graphs or beside.is_file()):
                records.setdefault(beside if beside.is_file() else name, []).append(record)
    root = kg_data.data_root() / "kg"
    return [
        ListedGraph(KnowledgeGraph.load(folder if (folder := root / name).is_dir() else name), found)
        for name, found in records.items()
    ]


HELD_OUT = ("chess_federation", "consultancy", "family", "festivals", "power_grid", "vets", "wine")
"""Domains that are examined with and not taught."""


MOST_BINDINGS, TURNS = 60, 6
"""Words with their ids in a pack that teaches nothing else, and how many share a segment."""

LISTED = 0.7
"""Share of packs that are of written questions about real graphs, where there are any."""

FOREMOST = 0.5
"""Share of these that are of the lists that a run is made for, where it is made for some."""


@dataclass(frozen=True, kw_only=True)
class QuestionOptions(WritingOptions):
    """How a student is taught to read questions.

    Attributes:
        binding: tokens over which packs that teach ids alone become fewer, from all to none.
        held_out: packs of an examination.
    """

    tokens: int = 2_000_000
    report_every: int = 100_000
    binding: int = 150_000
    held_out: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_at_least_one("held_out", "binding")


def train_questions(
    options: QuestionOptions,
    out: Path,
    say: Callable[[str], None],
    *,
    start: Path | None = None,
    device: str = "cpu",
    listed: Sequence[ListedGraph] = (),
    foremost: Sequence[ListedGraph] = (),
) -> Report:
    """Teach a student to read questions until `options.tokens` are seen; a run that stopped goes on.

    Args:
        options: how; those of a run that goes on must be the same.
        out: the run's folder: its log, and `checkpoint` with the adapter.
        say: is called with each line of progress.
        start: an adapter to begin with, None for a new one.
        device: by torch's name; a run may go on upon another.
        listed: written questions about real graphs, taught beside those that are sampled.
        foremost: those of them that the run is made for, taught as often as all others.

    Returns:
        The last examination on held-out domains.

    Raises:
        TrainingError: the folder holds another run.
        LLMError: the student or the adapter cannot be loaded.
    """
    with claimed(out, options):
        writer = prepare_writer(JOB, options, last_checkpoint(out) or start, device)
        curriculum = QuestionCurriculum(load_domains(), options, writer.tokens, listed, foremost)
        return train(curriculum, options, out, WriteLearner(writer), say)


class QuestionCurriculum:
    """The packs of a run; a `training.loop.Curriculum`.

    Args:
        domains: taught and held out.
        options: how much is sampled.
        tokens: the student's.
        listed: written questions about real graphs.
        foremost: those that come as often as all of these.
    """

    unique_tokens = 0

    def __init__(
        self,
        domains: Sequence[Domain],
        options: QuestionOptions,
        tokens: WriterTokens,
        listed: Sequence[ListedGraph] = (),
        foremost: Sequence[ListedGraph] = (),
    ) -> None:
        self._options, self._tokens, self._listed, self._foremost = options, tokens, listed, foremost
        self._taught = [domain for domain in domains if domain.name not in HELD_OUT]
        self._apart = [domain for domain in domains if domain.name in HELD_OUT]
        self.exam: Sequence[PackExample] = self._held_out("held out")

    def next_pass(self, progress: Progress) -> list[PackExample]:
        """One pack, sampled by the update's number, so that a run that goes on meets the same."""
        rng = random.Random(f"{self._options.seed}|{progress.updates}")
        sampler = ExampleSampler(self._taught, rng)
        bind = rng.random() < 1 - progress.tokens / self._options.binding
        packs: list[PackExample] = []
        while not packs or sum(map(len, packs)) < 0.75 * self._options.tokens_of_a_pass:
            if bind:
                sampled = sampler.pack(0, MOST_BINDINGS)
            else:
                sampled = self._from_list(rng) if rng.random() < LISTED else sampler.pack()
            packs.append(packed(sampled, self._tokens, self._options.tokens_of_a_pass))
        return packs

    def _from_list(self, rng: random.Random) -> SampledPack:
        """A pack of written questions; graphs with more of them come more often."""
        graphs = self._foremost if self._foremost and rng.random() < FOREMOST else self._listed
        if not graphs:
            return ExampleSampler(self._taught, rng).pack()
        return rng.choices(graphs, [len(graph.questions) ** 0.5 for graph in graphs])[0].pack(rng)

    def calibration(self) -> list[PackExample]:
        """Packs over held-out domains, others than those of the exam."""
        return self._held_out("temperature")

    def _held_out(self, seed: str) -> list[PackExample]:
        sampler = ExampleSampler(self._apart, random.Random(seed))
        return [packed(sampler.pack(), self._tokens) for _ in range(self._options.held_out)]


def packed(sampled: SampledPack, tokens: WriterTokens, most: int | None = None) -> PackExample:
    """Examples over one schema as a pack; with `most`, as many as fit into so many tokens."""
    beginning = tokens.text(sampled.schema.text)
    segments: list[Segment] = []
    kinds: list[str] = []
    turns = [
        (tokens.text(f"{binding.text}\n{ANSWER}"), np.array([*tokens.reply(binding.pieces)[:-1], *tokens.text("\n")]))
        for binding in sampled.bindings
    ]
    for at in range(0, len(turns), TURNS):
        segments.append(Segment.of(*turns[at : at + TURNS]))
        kinds.append("bindings")
    total = len(beginning) + sum(len(segment.tokens) for segment in segments)
    for example in sampled.examples:
        segment = Segment.of((tokens.text(example.prompt.text), tokens.reply(example.pieces)))
        total += len(segment.tokens)
        if most is not None and segments and total > most:
            break
        segments.append(segment)
        kinds.append(example.kind)
    return PackExample(Pack(beginning, segments), kinds)
