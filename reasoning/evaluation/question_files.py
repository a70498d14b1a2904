"""Question files: questions in plain English with the answers that are expected.

Two forms: `question<TAB>answer|answer` a line, with the gold paths in `<stem>_qtype.txt` beside the file where they
are known; or one JSON object a line, `{"question", "answers"}` with optionally `"path"` (relation names, `~`
before one that is followed backwards, or a path in MetaQA's form), `"query"` (in the grammar; null where the graph
cannot answer the question or it may mean several things), `"value"` instead of answers, and `"kind"` or `"hop"`, by
which the figures are grouped.

A question without answers, in either form, expects that nothing is answered: it is right where it is refused and where
nothing is found. Where `"query"` is null it is right only where it is refused: an empty answer would claim that the
question was understood. Where `"answers"` is null and there is no query, what to expect is unknown, and nothing is
right. Blank lines are skipped.

Gold paths have one of two forms. That of MetaQA (Zhang et al. 2018, arXiv 1709.04071), `movie_to_director_to_movie`, is
a chain of relations of its graph, where `movie_to_X` follows X's relation from the film and `X_to_movie` its inverse.
That of PathQuestion (Zhou, Huang & Zhu 2018) joins relations of the graph by `|`, all forward, and of WorldCup2014
(Zhang, Winn & Tomioka 2016) several such branches by ` & `: each begins at one topic, in their order, and the answers
are what all lead to. The answers that such files list were computed on a graph that may hold more triples, so they are
recomputed here.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from kg_data.loaders.text import read_text
from reasoning.errors import EvaluationError, UnknownEntityError
from reasoning.graph.index import Ids
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import Entity, Intersect, Project, Query
from skylark.errors import DataError, SkylarkError
from skylark.files import nothing_at

RELATION_OF = {
    "director": "directed_by",
    "actor": "starred_actors",
    "writer": "written_by",
    "genre": "has_genre",
    "language": "in_language",
    "year": "release_year",
    "tag": "has_tags",
    "tags": "has_tags",
    "imdbrating": "has_imdb_rating",
    "imdbvotes": "has_imdb_votes",
}
"""The relation from a film to each kind of thing, by the words that the paths use."""

Hop = tuple[str, bool]
"""A relation's name, and whether it is followed backwards."""

RelationPath = tuple[tuple[int, bool], ...]
"""A chain of relations by index, each with whether it is followed backwards."""

Gold = frozenset[int] | str
"""One expected answer: the entities that its text may mean, or a text where it means none (a number, yes or no)."""

_NUMBER = re.compile(r"-?[\d,]+(?:\.\d+)?")
_TOPIC = re.compile(r"\[([^\[\]]+)\]")


@dataclass(frozen=True)
class QuestionRecord:
    """One question.

    Attributes:
        identifier: "<file stem>:<0-based line>".
        question: as written, topic brackets included.
        kind: what the file calls it, else "1-hop", "2-hop" ... where the gold path is known, else "other".
        gold: the expected answers.
        path: the gold path as (relation index, inverse), None where it is not known.
        query: the gold query, None where it is not known.
        unanswerable: whether the file says that the graph cannot answer it, so that no answer is the right one.
        unknown: whether nobody knows what to expect, so that nothing counts as right.
    """

    identifier: str
    question: str
    kind: str
    gold: tuple[Gold, ...]
    path: RelationPath | None = None
    query: Query | None = None
    unanswerable: bool = False
    unknown: bool = False


def read_questions(path: Path, kg: KnowledgeGraph, limit: int | None) -> tuple[list[QuestionRecord], int]:
    """Read a question file, at most the first `limit` questions of each kind.

    Returns:
        The questions, and how many were left out because their gold path reaches nothing in this graph.

    Raises:
        EvaluationError: there is no such file.
        DataError: a line is of another form, or a gold path does not fit the graph; with file and line.
    """
    if not path.is_file():
        raise EvaluationError(nothing_at("file", path))
    texts = read_text(path).split("\n")
    is_json = next((text for text in texts if text.strip()), "").lstrip().startswith("{")
    paths = None if is_json else _path_names(path, texts)
    questions: list[QuestionRecord] = []
    left_out = 0
    taken: Counter[str] = Counter()
    for number, text in enumerate(texts):
        if not text.strip():
            continue
        line = _Line(path, number, kg)
        record = line.from_json(text) if is_json else line.from_text(text, paths[number].strip() if paths else None)
        taken[record.kind] += 1
        if limit is not None and taken[record.kind] > limit:
            continue
        if (paths or record.path) and not record.gold:
            left_out += 1
        else:
            questions.append(record)
    if not questions:
        raise DataError(path, "at least one question whose answers are in the graph")
    return questions, left_out


def files_of(path: Path) -> list[Path]:
    """A question file, followed by the file of its gold paths where there is one."""
    beside = _beside(path)
    return [path, beside] if beside.is_file() else [path]


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}_qtype{path.suffix}")


def _path_names(path: Path, texts: list[str]) -> list[str] | None:
    beside = _beside(path)
    if not beside.is_file():
        return None
    names = read_text(beside).split("\n")
    expected, count = (len(lines) - (not lines[-1]) for lines in (texts, names))
    if expected != count:
        raise DataError(beside, f"{expected} paths, one for each line of {path.name}", found=f"{count} lines")
    return names


@dataclass(frozen=True)
class _Line:
    path: Path
    number: int
    kg: KnowledgeGraph

    def from_text(self, text: str, path_name: str | None) -> QuestionRecord:
        question, tab, answers = text.partition("\t")
        if not tab or not question.strip():
            raise self._broken("question<TAB>answer|answer", text)
        if path_name is None:
            return self._record(question, tuple(self._gold(item) for item in answers.split("|") if item.strip()))
        branches = [self._of_relations(branch) for branch in path_name.split(" & ")]
        topics = [match[1] for match in _TOPIC.finditer(question)]
        if len(topics) < len(branches) or not topics:
            topic = "its topic" if len(branches) == 1 else f"{len(branches)} topics"
            raise self._broken(f"a question with {topic} in [brackets], since its gold path starts there", question)
        if len(branches) > 1:
            return self._branched(question, topics, branches, path_name)
        path = branches[0] or self._resolve(self._metaqa_path(path_name))
        return self._record(question, self._reached(topics[0], path, branches[0] is not None), path)

    def _branched(
        self, question: str, topics: list[str], branches: list[RelationPath | None], path_name: str
    ) -> QuestionRecord:
        """A question of several topics: its gold path is a query."""
        sets: list[set[Gold]] = []
        parts: list[Query] = []
        for topic, branch in zip(topics, branches, strict=False):
            if branch is None:
                raise self._broken('branches of relations of the graph such as "r|s & t"', path_name)
            sets.append(set(self._reached(topic, branch, True)))
            part: Query = Entity(topic, by_id=True)
            for relation, inverse in branch:
                part = Project(self.kg.relation_label(relation), part, inverse)
            parts.append(part)
        gold = sorted(set.intersection(*sets), key=repr)
        return replace(
            self._record(question, tuple(gold), None, Intersect(tuple(parts))), kind=f"{len(parts)} branches"
        )

    def _reached(self, topic: str, path: RelationPath, keep_topic: bool) -> tuple[Gold, ...]:
        """Where a path leads; nowhere where the topic has lost all its triples."""
        try:
            reached = walk(self.kg, self.kg.entity_by_id(topic), path, keep_topic)
        except UnknownEntityError:
            return ()
        return tuple(frozenset((entity,)) for entity in reached.tolist())

    def _of_relations(self, text: str) -> RelationPath | None:
        """A branch as relations joined by `|`; None where it is of another form."""
        names = text.split("|")
        if len(names) == 1:
            try:
                self.kg.relation(text)
            except SkylarkError:
                return None
        return self._resolve(tuple((name, False) for name in names))

    def from_json(self, text: str) -> QuestionRecord:
        try:
            item: Any = json.loads(text)
        except (ValueError, RecursionError):
            raise self._broken("one JSON object a line", text) from None
        if not isinstance(item, dict) or not isinstance(item.get("question"), str):
            raise self._broken('an object with "question" and "answers"', text)
        answers = item.get("answers")
        unknown = "answers" in item and answers is None and not {"query", "value"} & item.keys()
        if unknown:
            answers = []
        elif answers is None:
            # A value stands alone; of a question that the graph cannot answer neither is there.
            answers = [item["value"]] if item.get("value") is not None else [] if "query" in item else None
        if not isinstance(answers, list) or not all(isinstance(answer, str | int | float) for answer in answers):
            raise self._broken('a list of texts or numbers as "answers"', text)
        gold = tuple(self._gold(json.dumps(a) if not isinstance(a, str) else a) for a in answers)
        query = None
        if item.get("query") is not None:
            try:
                query = Query.parse(item["query"])
            except SkylarkError as error:
                raise self._broken(f'a query as "query" ({error})', text) from None
        record = self._record(item["question"], gold, self._json_path(item.get("path")), query)
        kind = item.get("kind", item.get("hop"))
        unanswerable = "query" in item and item["query"] is None and not gold
        record = replace(record, unanswerable=unanswerable, unknown=unknown)
        return record if kind is None else replace(record, kind=str(kind))

    def _record(
        self, question: str, gold: tuple[Gold, ...], path: RelationPath | None = None, query: Query | None = None
    ) -> QuestionRecord:
        kind = "other" if path is None else f"{len(path)}-hop"
        return QuestionRecord(f"{self.path.stem}:{self.number}", question, kind, gold, path, query)

    def _gold(self, text: str) -> Gold:
        if fold(text) in ("yes", "no", "true", "false"):
            return text.strip()  # and not the airport that has this name too
        try:
            return frozenset((self.kg.entity_by_id(text),))
        except UnknownEntityError:
            # No spelling is corrected here: an expected answer that the graph lacks must stay unanswerable.
            named = self.kg.names.with_key(fold(text))
            if _NUMBER.fullmatch(text.strip()):  # "33" is a number, and no code that is "+33"
                named = [entity for entity in named if self.kg.entity_labels[entity] == text.strip()]
            return frozenset(named) or text.strip()

    def _json_path(self, item: Any) -> RelationPath | None:
        if item is None:
            return None
        if isinstance(item, str):
            return self._resolve(self._metaqa_path(item))
        if not isinstance(item, list) or not item or not all(isinstance(name, str) and name for name in item):
            raise self._broken('a list of relation names as "path"', json.dumps(item))
        return self._resolve(tuple((name.removeprefix("~"), name.startswith("~")) for name in item))

    def _metaqa_path(self, name: str) -> tuple[Hop, ...]:
        try:
            return path_of(name)
        except ValueError as error:
            raise self._broken(f"a gold path such as actor_to_movie_to_year ({error})", name) from None

    def _resolve(self, path: tuple[Hop, ...]) -> RelationPath:
        resolved = []
        for name, inverse in path:
            try:
                relation = self.kg.relation(name)
            except SkylarkError as error:
                raise self._broken(f"a gold path of relations of the graph ({error})", name) from None
            resolved.append((relation.index, relation.inverse != inverse))
        return tuple(resolved)

    def _broken(self, expected: str, content: str) -> DataError:
        return DataError(self.path, expected, line=self.number + 1, found=content)


def path_of(name: str) -> tuple[Hop, ...]:
    """The chain of relations that a name such as `actor_to_movie_to_year` means; a `ValueError` where it means none."""
    kinds = name.split("_to_")
    hops: list[Hop] = []
    for kind, following in pairwise(kinds):
        film, other = (kind, following) if kind == "movie" else (following, kind)
        if film != "movie" or other not in RELATION_OF:
            raise ValueError(f"{kind}_to_{following} is no step of MetaQA")
        hops.append((RELATION_OF[other], kind != "movie"))
    if not hops:
        raise ValueError(f"{name!r} is no path")
    return tuple(hops)


def walk(kg: KnowledgeGraph, topic: int, path: RelationPath, keep_topic: bool = False) -> Ids:
    """Everything that a path leads to; sorted, shape (m,).

    The topic is dropped after every hop because MetaQA does: the other films of a film's director are not the film
    itself. With `keep_topic` it stays, as in PathQuestion.
    """
    reached = np.array([topic], dtype=np.int32)
    for relation, inverse in path:
        reached = kg.index.project(reached, relation, inverse)
        if not keep_topic:
            reached = reached[reached != topic]
    return reached
