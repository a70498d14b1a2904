"""Questions by a grammar of English over what their words may mean in the graph.

Every word that carries meaning has to find its place: the words are linked, the chart joins them by the rules of the
grammar, the graph says what fits, and the whole readings are ranked by how far the words are from what they were taken
for. A word that is not understood, and two readings between which nothing decides, are said and never guessed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from reasoning.errors import quoted_list
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.read_question import QuestionError, ReadQuestion
from reasoning.query.tree import Count
from reasoning.reading.english.vocabulary import ARTICLES, BEING
from reasoning.reading.lexicon import lexicon_of
from reasoning.reading.linking import Linked, link
from reasoning.reading.rules.assembling import noted
from reasoning.reading.rules.chart import Cell, Chart
from reasoning.reading.rules.choosing import DEAREST, chosen, distinct
from reasoning.reading.rules.composing import composed
from reasoning.reading.rules.explaining import complaint, unread
from reasoning.reading.rules.grammar import Grammar
from reasoning.reading.rules.grounding import GroundedReading, Grounding, NoReading
from reasoning.reading.rules.grounding.options import OWN
from reasoning.reading.rules.overlooked import overlooked
from reasoning.reading.rules.rephrasing import Put, reordered, stripped, turned, wants_yes_or_no
from reasoning.reading.rules.spelling import respelled
from reasoning.reading.rules.yes_or_no import ANY, kind_statements, statements, truth_of

LISTING = frozenset({"list", "name", "show", "give", "find", "enumerate", "all"})
"""First words that ask for all that is of a type."""

_LINKS = frozenset({"and", "of", "in", "by", "with", "as", "preposition", "about", "possessive", "light"})
_WHO = frozenset({"who", "whom"})

_ASKED = frozenset({"which", "what", "whom", "whose"})
_AGAIN = r"(?:what|who|where|when|how (?:many|much|big|large|old|high|tall))\s+(?:is|are|was|were|does|do|did)\b"
_BEGINS = r"(?:what|which|who|where|when|how|is|are|does|do)\b"
_TWO = re.compile(
    rf"^{_BEGINS}[^?]*\?\s+((?:and |but )?{_BEGINS}.*)|^{_BEGINS}[^?]*\s+and\s+({_AGAIN}.*)", re.IGNORECASE | re.DOTALL
)


def parse_question(question: str, kg: KnowledgeGraph) -> ReadQuestion:
    """The query that a question asks, read without a language model.

    Raises:
        QuestionError: a marked name is in no way a name of the graph, or the question is too involved.
    """
    put = stripped(question)
    if (two := _TWO.search(put.text)) is not None:
        second = two[1] or two[2]
        problem = (
            f"could not read the question: it asks two things; ask them one at a time, the second being {second!r}"
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
    found = distinct(_whole(chart, linked, ground, asks), kg)
    if not found or found[0].cost > DEAREST:
        found = distinct(composed(ground, linked, asks), kg) or found
    if not found:
        return ReadQuestion(question, None, 0.0, 0.0, problem=complaint(kg, linked, chart.reason))
    if found[0].cost > DEAREST and chart.reason:
        problem = complaint(kg, linked, chart.reason)
        return replace(chosen(question, kg, found), problem=problem)
    read = chosen(question, kg, found)
    if read.query is not None and (left := overlooked(linked, read.query, read.assumed)):
        said = f"no query here can say {quoted_list(left, 'and')}; without that it is {read.query}"
        problem = f"could not read the question: {said}"
        return replace(read, query=None, confidence=0.0, unread=tuple(left), problem=problem)
    return read


def _whole(chart: Chart, linked: Linked, ground: Grounding, asks: bool) -> Iterator[GroundedReading]:
    """The readings that cover the question."""
    size = len(linked.tokens)
    lone = {item.start: item for item in linked.items if item.kind in _LINKS and item.end == item.start + 1}
    for item in linked.items:
        told = item.use is not None and item.use.costs[:1] <= (OWN,)
        at = item.start if told else item.start - 1 if item.kind == "by" else -1
        if at in lone and lone[at].kind == "light":
            del lone[at]  # "contained in", "made by" say something
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
                    for reading in statements(left, right, ground):
                        yield reading.at(swallowed)
                    if linked.before(middle) & ARTICLES and linked.before(start) & BEING:
                        for reading in kind_statements(left, right, ground):
                            yield reading.at(swallowed)


def _opens(linked: Linked, at: int) -> bool:
    """Whether a preposition opens a question, and does not say of what is asked: "is there by the director of"."""
    behind = linked.tokens[at + 1].text.casefold() if at + 1 < len(linked.tokens) else ""
    return behind in _ASKED or all(token.text.casefold() != "there" for token in linked.tokens[:at])


def _all_of_type(cell: Cell) -> Iterator[GroundedReading]:
    """ "List all countries"."""
    for phrase in cell.get("noun", ()):
        if phrase.bare and phrase.objects is not None and phrase.type is not None:
            for reading in phrase.objects.sources[0]:
                yield reading.at(phrase.cost)


def _of_cell(cell: Cell, ground: Grounding, asks: bool) -> Iterator[GroundedReading]:
    for phrase in (*cell.get("noun", ()), *cell.get("asked", ())):
        if phrase.objects is None or phrase.named or phrase.bare:
            continue
        for reading in phrase.objects.sources[0]:
            whole = reading.at(phrase.cost)
            if not asks or phrase.value == "one of":
                yield whole
            elif not whole.values:
                yield noted(truth_of(whole), ANY).at(0.1)
    for phrase in cell.get("truth", ()) if asks else ():
        if phrase.objects is not None:
            for reading in phrase.objects.sources[0]:
                yield truth_of(reading.at(phrase.cost))
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


__all__ = ["QuestionError", "parse_question"]
