"""Lessons from written lists of questions about real graphs, linked as they will be when they are asked.

Names are found by the linker, with its mistakes, so that the model learns to choose. The order of relations and kinds
is drawn anew for each pack, so that their ids mean nothing.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import kg_data
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.read_question import QuestionError
from reasoning.query.rebuilding import rebuilt, relations_of
from reasoning.query.tree import Aggregate, Compare, Entity, Every, Project, Query, Top
from reasoning.reading.anchors import anchor
from reasoning.reading.model.names import Candidate, link_names, name_entry
from reasoning.reading.model.prompt import KIND_IDS, NAME_IDS, RELATION_IDS, Prompt, Schema
from reasoning.reading.model.schema import GraphSchema
from reasoning.reading.model.surface import NOTHING, written
from reasoning.reading.teaching.drawing import QUESTIONS, DrawnPack, Lesson, undirected, words_as_names
from reasoning.reading.teaching.kinds_of_lists import entities_of, with_kinds

FOLDER = Path(__file__).parent / "questions"
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
        """The node with the names that the schema has: a list may use ids, aliases or other spellings."""
        kg = self.schema.kg
        if isinstance(node, Entity):
            return anchor(kg, node.index(kg))
        if isinstance(node, Project | Every):
            relation = kg.relation(node.relation)
            return replace(node, relation=kg.label(relation), inverse=node.inverse != relation.inverse)
        if isinstance(node, Aggregate | Compare | Top) and isinstance(node.measure, str):
            return replace(node, measure=kg.label(kg.relation(node.measure)))
        return node

    def pack(self, rng: random.Random, count: int = QUESTIONS) -> DrawnPack:
        """Lessons over one part of the schema that holds what they need."""
        drawn = rng.sample(self.questions, min(count, len(self.questions)))
        needed: set[int] = set()
        chosen: list[ListedQuestion] = []
        for question in drawn:
            if len(needed | question.relations) <= len(RELATION_IDS):
                needed |= question.relations
                chosen.append(question)
        others = [at for at in range(len(self.schema.relations)) if at not in needed]
        shown = [*needed, *rng.sample(others, min(len(others), len(RELATION_IDS) - len(needed)))]
        rng.shuffle(shown)
        kinds = list(range(len(self.schema.kinds)))
        rng.shuffle(kinds)
        part, place = self.schema.part(shown, kinds[: 2 * len(KIND_IDS)])
        lessons = [self._lesson(question, part, place, rng) for question in chosen]
        return DrawnPack(part, [lesson for lesson in lessons if lesson is not None])

    def _lesson(
        self, question: ListedQuestion, part: Schema, place: Mapping[int, int], rng: random.Random
    ) -> Lesson | None:
        entries = [name_entry(name, self.schema, part, place) for name in question.names]
        text = question.question
        if rng.random() < 0.1:
            text = text.lower().rstrip("?.!")
        if others := words_as_names(text, entries, part, rng):
            entries += others
            entries.sort(key=lambda entry: text.lower().find(entry.text.lower()))
        prompt = Prompt(part, entries[: len(NAME_IDS)], text)
        if not question.queries:
            return Lesson(prompt, [NOTHING], "none")
        ids = {relation.query: RELATION_IDS[at] for at, relation in enumerate(part.relations)}
        ids |= {kind.query: KIND_IDS[at] for at, kind in enumerate(part.kinds)}
        for at, entry in enumerate(prompt.names):
            ids.setdefault(entry.query, NAME_IDS[at])
        try:
            pieces = undirected(written(rng.choice(list(question.queries)), ids), prompt)
        except KeyError:  # more names than ids, or a kind that is not shown
            return None
        return None if pieces is None else Lesson(prompt, pieces, "lists")


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
