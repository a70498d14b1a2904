"""An answer as text for a terminal: what was understood, what came out, and why."""

from __future__ import annotations

from collections.abc import Iterator

from kg_data.visible import visible
from reasoning.answer import Answer
from reasoning.execution.step_result import StepResult
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.usage import NO_USAGE
from reasoning.query.read_question import ReadQuestion
from reasoning.query.tree import Value
from reasoning.wording.query_tree import tree_of
from reasoning.wording.value_text import readable, readable_of, value_words

MOST_ANSWERS = 50
MOST_IN_STEP = 5
MOST_EVIDENCE = 10


def answer_text(answer: Answer) -> str:
    """The answer in full sentences and lists, without a final line break."""
    return "\n".join(map(visible, _lines(answer)))


def _lines(answer: Answer) -> Iterator[str]:
    yield f"Query: {answer.query}"
    yield f"In words: {answer.query.verbalise(answer.kg)}"
    yield "As a tree:"
    yield from tree_of(answer.query, answer.kg).lines("  ", "  ")
    yield from (f"Note: {note}" for note in answer.notes)
    if answer.understood is not None:
        yield from choice_lines(answer.understood, answer.kg, "It may also mean")
    yield ""
    if answer.sentence:
        yield answer.sentence
        yield ""
    if answer.error is not None:
        yield f"No answer: {answer.error}"
    elif answer.value is not None:
        yield f"Answer: {_value(answer, _last_relation(answer), answer.value)}"
    else:
        yield from _answers(answer)
    if answer.steps:
        yield ""
        yield "Steps:"
        yield from (line for step in answer.steps for line in _step(step))
    if answer.evidence:
        yield ""
        yield f"Evidence ({_count(answer.evidence_total, 'triple')}):"
        for triple in answer.evidence[:MOST_EVIDENCE]:
            sure = "" if triple.known else f"  (not in the graph, confidence {triple.confidence:.2f})"
            yield f"  {triple.head} | {triple.relation} | {_tail(answer, triple.relation, triple.tail)}{sure}"
        if (rest := answer.evidence_total - MOST_EVIDENCE) > 0:
            yield f"  and {rest:,} more"
    if answer.usage != NO_USAGE:
        yield ""
        yield f"Language model: {answer.usage}"


def choice_lines(found: ReadQuestion, kg: KnowledgeGraph, before: str) -> Iterator[str]:
    """What a person may choose from, as lines with `before` above them; none where there is nothing to choose."""
    if not found.to_choose:
        return
    yield f"{before}:"
    for alternative in found.to_choose:
        yield visible(f"  {alternative.words(kg)}")
        yield visible(f"    {alternative.query}")


def _answers(answer: Answer) -> Iterator[str]:
    total = len(answer.ranked)
    if not total:
        yield "No answers."
        return
    yield f"{_count(total, 'answer')}:"
    relation = _last_relation(answer)
    for position in range(min(total, MOST_ANSWERS)):
        name = answer.kg.name(int(answer.ranked[position]))
        value = "" if answer.values is None else f": {_value(answer, relation, answer.values[position])}"
        score = answer.scores[position]
        sure = f"  ({score:.2f})" if answer.soft is not None and score < 1 else ""
        yield f"  {name}{value}{sure}"
    if total > MOST_ANSWERS:
        yield f"  and {total - MOST_ANSWERS:,} more"


def _step(step: StepResult) -> Iterator[str]:
    if step.error is not None:
        outcome = f"failed: {step.error}"
    elif step.value is not None:
        outcome = readable(step.value)
    else:
        outcome = _listed(step)
    # Set algebra needs no mark where everything is done by it.
    parts = f" in {step.parts_total} parts" if step.parts_total > 1 else ""
    by = "" if step.agrees is None else f", by the language model{parts}"
    by += ", not what the graph says" if step.agrees is False else ""
    yield f"  {step.step.position + 1}. {step.question}"
    yield f"     {outcome}{by}"


def _listed(step: StepResult) -> str:
    names = [step.kg.name(int(entity)) for entity in step.members[:MOST_IN_STEP]]
    if step.values is not None and step.step.relation is not None:
        column = step.kg.literals[step.step.relation.index]
        values = [value_words(value, column, unit=True) for value in step.values[:MOST_IN_STEP]]
        names = [f"{name} ({value})" for name, value in zip(names, values, strict=True)]
    shown = ", ".join(names)
    rest = len(step.members) - MOST_IN_STEP
    return f"{shown} and {rest:,} more" if rest > 0 else shown or "nothing"


def _last_relation(answer: Answer) -> str | None:
    """The relation whose values the answer gives."""
    last = answer.steps[-1].step.relation if answer.steps else None
    return answer.kg.literals[last.index].relation if last is not None and last.kind == "values" else None


def _value(answer: Answer, relation: str | None, value: Value | bool) -> str:
    return readable_of(answer.kg, relation, value, unit=True)


def _tail(answer: Answer, relation: str, tail: str | Value) -> str:
    return tail if isinstance(tail, str) else _value(answer, relation, tail)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
