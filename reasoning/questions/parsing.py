"""Questions by a grammar of English over what their words may mean in the graph.

Every word that carries meaning has to find its place: the words are linked, the chart joins them by the rules of the
grammar, the graph says what fits, and the whole readings are ranked by how far the words are from what they were taken
for. A word that is not understood, and two readings between which nothing decides, are said and never guessed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from reasoning.errors import QuestionError, quoted_list
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import Compare, Complement, Count, Entity, Exists, Intersect, Project, Query, Top, Union
from reasoning.questions.anchors import differing, index_of
from reasoning.questions.chart import Chart, Phrase
from reasoning.questions.composing import composed
from reasoning.questions.explaining import complaint, unread
from reasoning.questions.grammar import Grammar
from reasoning.questions.grounding import Grounding, NoReading, Reading, ambiguous
from reasoning.questions.lexicon import Kind, lexicon_of
from reasoning.questions.linking import Linked, link
from reasoning.questions.reading import Alternative, ReadQuestion
from reasoning.questions.rephrasing import Put, reordered, stripped, turned, wants_yes_or_no
from reasoning.questions.spelling import respelled
from reasoning.questions.vocabulary import ARTICLES, BEING
from reasoning.questions.word_forms import only_noun

DEAREST = 0.95
"""A reading that costs more is no answer to be sure of."""

LEAST_MARGIN = 0.04
"""Two readings nearer in cost than this are both put to the person who asks."""

NAMESAKE_MARGIN = 0.09
"""The same for two readings that differ in which of several namesakes is meant: the words say nothing of that."""

MOST_KINDS = 5
"""Steps from a thing to the kinds of its kind that are taken."""

SHOWN = 4
"""Alternatives that are kept."""

LISTING = frozenset({"list", "name", "show", "give", "find", "enumerate", "all"})
"""First words that ask for all that is of a type."""

_LINKS = frozenset({"and", "of", "in", "by", "with", "as", "preposition", "about", "possessive", "light"})
_WHO = frozenset({"who", "whom"})
_ADDED = re.compile(r" \([^()]*\)$")

_ASKED = frozenset({"which", "what", "whom", "whose"})
_BEGINS = r"(?:what|which|who|where|when|how|is|are|does|do)\b"
_TWO = re.compile(rf"^{_BEGINS}[^?]*\?\s+((?:and |but )?{_BEGINS}.*)", re.IGNORECASE | re.DOTALL)

_ANY = "read as: is there any"


def parse_question(question: str, kg: KnowledgeGraph) -> ReadQuestion:
    """The query that a question asks, read without a language model.

    Raises:
        QuestionError: a marked name is in no way a name of the graph, or the question is too involved.
    """
    put = stripped(question)
    if (two := _TWO.search(put.text)) is not None:
        problem = (
            f"could not read the question: it asks two things; ask them one at a time, the second being {two[1]!r}"
        )
        return ReadQuestion(question, None, 0.0, 0.0, problem=problem)
    found = _parsed(put, kg)
    for other in turned(put.text):
        again = _parsed(Put(other, wants_yes_or_no(other)), kg)
        if again.query is not None and again.confidence > found.confidence:
            found = again
    for other in reordered(put.text) if found.query is None else ():
        again = _parsed(Put(other, wants_yes_or_no(other)), kg)
        if again.query is not None:
            found = again
    return replace(found, question=question)


def _parsed(put: Put, kg: KnowledgeGraph) -> ReadQuestion:
    question, mended = respelled(put.text, lexicon_of(kg))
    found = _of_words(question, put.asks, kg)
    return replace(found, assumed=(*mended, *found.assumed))


def _of_words(question: str, asks: bool, kg: KnowledgeGraph) -> ReadQuestion:
    lexicon = lexicon_of(kg)
    linked = link(question, lexicon)
    if words := unread(linked, asks):
        return ReadQuestion(question, None, 0.0, 0.0, unread=tuple(words), problem=complaint(kg, linked, "", asks))
    ground = Grounding(lexicon, asks)
    grammar = Grammar(ground, linked)
    chart = Chart(linked, grammar.rules, grammar.alone)
    chart.fill(list(grammar.lexical(linked.items)))
    found = _distinct(_whole(chart, linked, ground, asks), kg)
    if not found or found[0].cost > DEAREST:
        found = _distinct(composed(ground, linked, asks), kg) or found
    if not found:
        return ReadQuestion(question, None, 0.0, 0.0, problem=complaint(kg, linked, chart.reason))
    if found[0].cost > DEAREST and chart.reason:
        problem = complaint(kg, linked, chart.reason)
        return replace(_chosen(question, kg, found), problem=problem)
    return _chosen(question, kg, found)


def _whole(chart: Chart, linked: Linked, ground: Grounding, asks: bool) -> Iterator[Reading]:
    """The readings that cover the question."""
    size = len(linked.tokens)
    lone = {item.start: item for item in linked.items if item.kind in _LINKS and item.end == item.start + 1}
    starts, ends = {0}, {size}
    while (first := max(starts)) < size and (linked.filler[first] or (first in lone and _opens(linked, first))):
        starts.add(first + 1)  # "In which country ..."
    while (last := min(ends)) > 0 and (
        linked.filler[last - 1] or (last - 1 in lone and lone[last - 1].kind not in ("of", "by"))
    ):
        ends.add(last - 1)  # "... is Paris in?"
    for start in starts:
        for end in ends:
            swallowed = 0.05 * sum(at in lone for at in (*range(start), *range(end, size)))
            cell = chart.cells.get((start, end), {})
            for reading in _of_cell(cell, ground, asks):
                if not (reading.values and linked.tokens[0].text.casefold() in _WHO):  # a year founds nothing
                    yield reading.at(swallowed)
            if size and linked.tokens[0].text.casefold() in LISTING:
                yield from (reading.at(swallowed) for reading in _all_of_type(cell))
            if asks:
                for middle in range(start + 1, end):
                    left, right = chart.cells.get((start, middle), {}), chart.cells.get((middle, end), {})
                    for reading in _statements(left, right, ground):
                        yield reading.at(swallowed)
                    if linked.before(middle) & ARTICLES and linked.before(start) & BEING:
                        for reading in _kinds(left, right, ground):
                            yield reading.at(swallowed)


def _opens(linked: Linked, at: int) -> bool:
    """Whether a preposition opens a question, and does not say of what is asked: "is there by the director of"."""
    behind = linked.tokens[at + 1].text.casefold() if at + 1 < len(linked.tokens) else ""
    return behind in _ASKED or all(token.text.casefold() != "there" for token in linked.tokens[:at])


def _all_of_type(cell: dict[str, list[Phrase]]) -> Iterator[Reading]:
    """ "List all countries"."""
    for phrase in cell.get("noun", ()):
        if phrase.bare and phrase.objects is not None and phrase.type is not None:
            for reading in phrase.objects.sources[0]:
                yield reading.at(phrase.cost)


def _of_cell(cell: dict[str, list[Phrase]], ground: Grounding, asks: bool) -> Iterator[Reading]:
    for phrase in (*cell.get("noun", ()), *cell.get("asked", ())):
        if phrase.objects is None or phrase.named or phrase.bare:
            continue
        for reading in phrase.objects.sources[0]:
            whole = reading.at(phrase.cost)
            if not asks or phrase.value == "one of":
                yield whole
            elif not whole.values:
                yield _noted(_exists(whole), _ANY).at(0.1)
    for phrase in cell.get("truth", ()) if asks else ():
        if phrase.objects is not None:
            for reading in phrase.objects.sources[0]:
                yield _exists(reading.at(phrase.cost))
    for phrase in cell.get("count", ()):
        if phrase.objects is not None:
            for reading in phrase.objects.sources[0]:
                if reading.values:  # "how many people live in Paris and London" asks for the numbers
                    yield reading.at(phrase.cost)
                    continue
                rivals = tuple(Count(rival) for rival in reading.rivals)
                yield replace(reading.at(phrase.cost), query=Count(reading.query), rivals=rivals)
    for phrase in cell.get("predicate", ()):
        if phrase.predicate is not None and not asks:
            try:
                found = phrase.predicate.readings(ground, None)
            except NoReading:
                continue
            for reading in found:
                # "In which country ..." opens a question; a place alone is none.
                yield reading.at(phrase.cost + (0.2 if phrase.value in ("in", "of") else 0.05))


def _statements(left: dict[str, list[Phrase]], right: dict[str, list[Phrase]], ground: Grounding) -> Iterator[Reading]:
    """ "Does France border Spain?", "Do France and Spain share a border?"."""
    for subject in left.get("noun", ()):
        if subject.objects is None or subject.bare:
            continue
        sources = subject.objects.sources
        if len(sources) == 2:
            for relation in right.get("relation", ()):
                if relation.use is None:
                    continue
                try:
                    found = ground.apply(relation.use, sources[0], "from")
                except NoReading:
                    continue
                for reading in found[:2]:
                    yield _exists(ground.both(reading, sources[1][0])).at(subject.cost + relation.cost)
        if len(sources) > 1:
            yield from _of_several(subject, right, ground)
            continue
        yield from _of_type(subject, right, ground)
        for relation in right.get("relation", ()) if subject.named else ():
            if relation.use is None or not only_noun(relation.text):
                continue
            try:  # "does Chad have neighbours"
                for reading in ground.apply(relation.use, sources[0], "from", relation.type, fixed=True)[:1]:
                    if not reading.values:
                        yield _exists(reading).at(subject.cost + relation.cost + 0.1)
            except NoReading:
                continue
        for predicate in right.get("predicate", ()):
            for base in sources[0][:3]:
                if base.values or predicate.predicate is None or predicate.value == "of":
                    continue
                try:
                    found = predicate.predicate.readings(ground, None, base)
                except NoReading:
                    continue
                for reading in found[:2]:
                    told = reading if subject.named else _noted(reading, _ANY)
                    yield _exists(told).at(subject.cost + predicate.cost)
        for other in right.get("noun", ()):
            if other.objects is not None and subject.named and not other.named and not other.bare:
                for base in sources[0][:2]:  # "is Sydney Australia's capital"
                    for reading in other.objects.sources[0][:1]:
                        if not reading.values and ground.may_meet((base, reading)):
                            yield _exists(ground.both(base, reading)).at(subject.cost + other.cost + 0.05)
            if other.objects is not None and other.named and not subject.named and len(other.objects.sources) == 1:
                for base in sources[0][:2]:
                    if not base.values and ground.may_meet((base, other.objects.sources[0][0])):
                        whole = ground.both(base, other.objects.sources[0][0])
                        yield _exists(whole).at(subject.cost + other.cost)


def _kinds(left: dict[str, list[Phrase]], right: dict[str, list[Phrase]], ground: Grounding) -> Iterator[Reading]:
    """ "Is a whale an animal?", in a graph that says what is a kind of what."""
    name = ground.lexicon.kind_relation
    if name is None or ground.lexicon.type_relation is not None:
        return
    for subject, other in product(left.get("noun", ()), right.get("noun", ())):
        if subject.objects is None or other.objects is None or not (subject.named and other.named):
            continue
        if len(subject.objects.sources) == len(other.objects.sources) == 1:
            base, target = subject.objects.sources[0][0], other.objects.sources[0][0]
            steps = [ground.step(name, base, False)]
            while len(steps) < MOST_KINDS and len(steps[-1].members):
                steps.append(ground.step(name, steps[-1], False))
            there = next((step for step in steps if np.isin(target.members, step.members).all()), steps[0])
            yield _exists(ground.both(there, target)).at(subject.cost + other.cost)


def _of_type(subject: Phrase, right: dict[str, list[Phrase]], ground: Grounding) -> Iterator[Reading]:
    """ "Is Lima a city?", whatever else is called Lima."""
    assert subject.objects is not None
    for phrase in right.get("type", ()) if subject.named and ground.lexicon.type_relation is not None else ():
        if phrase.type is not None and phrase.type.entity is not None:
            typed = ground.of_type(phrase.type.entity).at(phrase.type.cost)
            found = [ground.both(base, typed) for base in subject.objects.sources[0]]
            told = next((one for one in found if len(one.members)), found[0])
            yield _exists(replace(told, cost=typed.cost)).at(subject.cost)


def _of_several(subject: Phrase, right: dict[str, list[Phrase]], ground: Grounding) -> Iterator[Reading]:
    """ "Do France and Spain both use the euro?", "Do they use the same currency?"."""
    assert subject.objects is not None
    bases = [options[0] for options in subject.objects.sources]
    for predicate in right.get("predicate", ()):
        if predicate.predicate is None:
            continue
        for kind in ground.kinds(bases[0].members)[:1]:
            try:
                found = predicate.predicate.readings(ground, Kind("it", int(kind)))
            except NoReading:
                continue
            for reading in found[:2]:
                query = reading.query
                if subject.objects.joint == "or":
                    yield _exists(ground.both(reading, ground.either(*bases))).at(subject.cost + predicate.cost)
                elif isinstance(query, Project) and isinstance(query.source, Entity):
                    target = Reading(query.source, ground.members_of(query.source))
                    reached = [ground.step(query.relation, base, not query.inverse) for base in bases]
                    whole = replace(ground.both(*reached, target), notes=reading.notes, cost=reading.cost)
                    yield _exists(whole).at(subject.cost + predicate.cost)
    for phrase in (*right.get("sharing", ()), *right.get("co-relation", ())):
        if phrase.use is not None:
            try:
                reached = [ground.apply(phrase.use, options, "from")[0] for options in subject.objects.sources]
            except NoReading:
                continue
            if not any(reading.values for reading in reached):
                yield _exists(ground.both(*reached)).at(subject.cost + phrase.cost)


def _exists(reading: Reading) -> Reading:
    rivals = tuple(Exists(rival) for rival in reading.rivals)
    return replace(reading, query=Exists(reading.query), values=False, rivals=rivals)


def _noted(reading: Reading, note: str) -> Reading:
    return replace(reading, notes=(*reading.notes, note))


def _can_be_asked(query: Query, kg: KnowledgeGraph) -> bool:
    """Whether the graph allows a query: values stand at its top alone, and are neither joined nor counted."""
    if isinstance(query, Project):
        return _can_be_asked(query.source, kg) and not _values_within(query.source, kg)
    if isinstance(query, Count | Exists) and isinstance(query.part, Project):
        return _can_be_asked(query.part, kg)
    return not _values_within(query, kg)


def _values_within(query: Query, kg: KnowledgeGraph) -> bool:
    found = isinstance(query, Project) and kg.relation(query.relation).kind == "values"
    return found or any(_values_within(child, kg) for child in query.children)


def _distinct(readings: Iterator[Reading], kg: KnowledgeGraph) -> list[Reading]:
    """Each query that the graph allows once, the cheapest first."""
    best: dict[Query, Reading] = {}
    for reading in readings:
        if isinstance(reading.query, Entity) or not _can_be_asked(reading.query, kg):
            continue
        kept = best.get(reading.query)
        if kept is None or reading.cost < kept.cost:
            best[reading.query] = reading
    return sorted(best.values(), key=lambda reading: reading.cost)


def _chosen(question: str, kg: KnowledgeGraph, found: list[Reading]) -> ReadQuestion:
    """The cheapest reading, or none where it is too dear or another is as good."""
    best = found[0]
    others = [reading for reading in found[1:] if not _same_answer(best, reading)]
    margin = min(1.0, others[0].cost - best.cost) if others else 1.0
    alternatives = tuple(
        Alternative(reading.query, tuple(dict.fromkeys(reading.notes)), _confidence(reading))
        for reading in others[:SHOWN]
    )
    assumed = tuple(dict.fromkeys(best.notes))
    first = Alternative(best.query, assumed, _confidence(best))
    close = [best]
    for reading in others:
        least = NAMESAKE_MARGIN if _alike(differing(best.query, reading.query)) else LEAST_MARGIN
        if reading.cost - best.cost < least:
            close.append(reading)
    if best.rivals:
        others = [replace(best, query=query, notes=()) for query in best.rivals] + others
        alternatives = tuple(Alternative(one.query, one.notes, _confidence(one)) for one in others[:SHOWN])
        queries = quoted_list([str(query) for query in (best.query, *best.rivals)])
        problem = f"could not read the question: it may mean {queries}; say which"
        return ReadQuestion(question, None, 0.0, 0.0, (first, *alternatives), problem=problem)
    if len(close) > 1:
        problem = _namesakes(kg, close) or (
            "could not read the question: it may mean "
            f"{quoted_list([str(reading.query) for reading in close[:3]])}; say which"
        )
        return ReadQuestion(question, None, 0.0, margin, (first, *alternatives), problem=problem)
    if best.guesses:
        words = quoted_list(list(dict.fromkeys(best.guesses)))
        problem = f"could not read the question: nothing in this graph is called {words}; did you mean {best.query}?"
        return ReadQuestion(question, None, 0.0, margin, (first, *alternatives), problem=problem)
    if best.cost > DEAREST:
        problem = f"could not read the question: too much of it had to be guessed; did you mean {best.query}?"
        return ReadQuestion(question, None, 0.0, margin, (first, *alternatives), problem=problem)
    return ReadQuestion(question, best.query, _confidence(best), margin, alternatives, assumed)


def _confidence(reading: Reading) -> float:
    return float(np.exp(-max(0.0, reading.cost)))


def _ordered(query: Query) -> Query:
    """The query with the parts of each "and" and "or" in one order."""
    if isinstance(query, Intersect | Union):
        return replace(query, parts=tuple(sorted(map(_ordered, query.parts), key=str)))
    if isinstance(query, Complement | Count | Exists):
        return replace(query, part=_ordered(query.part))
    if isinstance(query, Project | Compare | Top):
        return replace(query, source=_ordered(query.source))
    return query


def _choices(query: Query) -> tuple[object, ...]:
    """The comparisons and superlatives that a query ends in, () where it ends in something else."""
    if isinstance(query, Compare):
        return ((query.relation, query.operator, query.value), *_choices(query.source))
    if isinstance(query, Top):
        return ((query.relation, query.k, query.largest), *_choices(query.source))
    return ("chosen from",) if not _chooses(query) else (_ordered(query),)


def _same_answer(one: Reading, other: Reading) -> bool:
    if type(one.query) is not type(other.query) and not isinstance(one.query, Project):
        return False
    if _chooses(one.query) or _chooses(other.query):
        same = _choices(one.query) == _choices(other.query) != () and np.array_equal(one.members, other.members)
        return same or _ordered(one.query) == _ordered(other.query)
    if isinstance(one.query, Exists):
        return bool(len(one.members)) == bool(len(other.members))
    return one.values == other.values and np.array_equal(one.members, other.members) and not one.values


def _chooses(query: Query) -> bool:
    return isinstance(query, Compare | Top) or any(_chooses(child) for child in query.children)


def _namesakes(kg: KnowledgeGraph, close: list[Reading]) -> str:
    """What to say where the readings differ only in which entity of a name they mean."""
    named = differing(*(reading.query for reading in close))
    if not named:
        return ""
    entities = [index_of(kg, entity) for entity in dict.fromkeys(named)]
    ones = [Reading(Entity("x"), np.array([entity], dtype=np.int32)) for entity in entities]
    return ambiguous(kg, ones)


def _alike(entities: tuple[Entity, ...]) -> bool:
    """Whether some entities are told apart by what is added to one name: "Georgia (United States)", "North Korea"."""
    if not entities or len({fold(entity.name) for entity in entities}) == 1:
        return False
    plain = [fold(_ADDED.sub("", entity.name)) for entity in entities]
    return len(set(plain)) == 1 or len({name.split()[-1] for name in plain}) == 1


__all__ = ["QuestionError", "parse_question"]
