"""An answer as text for a terminal: what was understood, what came out, and why."""

from __future__ import annotations

from collections.abc import Iterator

from reasoning.answer import Answer, StepResult
from reasoning.llms.usage import NO_USAGE
from reasoning.query.tree import Value
from reasoning.query.value_text import readable, readable_of, value_words

MOST_ANSWERS = 50
MOST_IN_STEP = 5
MOST_EVIDENCE = 10


def answer_text(answer: Answer) -> str:
    """The answer in full sentences and lists, without a final line break."""
    return "\n".join(_lines(answer))


def _lines(answer: Answer) -> Iterator[str]:
    yield f"Query: {answer.query}"
    yield f"In words: {answer.query.verbalise(answer.kg)}"
    yield from (f"Note: {note}" for note in answer.notes)
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
            yield f"  {triple.head} | {triple.relation} | {_tail(answer, triple.relation, triple.tail)}"
        if (rest := answer.evidence_total - MOST_EVIDENCE) > 0:
            yield f"  and {rest:,} more"
    if answer.usage != NO_USAGE:
        yield ""
        yield f"Language model: {answer.usage}"


def _answers(answer: Answer) -> Iterator[str]:
    total = len(answer.ranked)
    if not total:
        yield "No answers."
        if (step := emptied_by(answer)) is not None:
            yield f"Step {step.step.position + 1} gave nothing: {step.question}"
        return
    yield f"{_count(total, 'answer')}:"
    relation = _last_relation(answer)
    for position in range(min(total, MOST_ANSWERS)):
        name = answer.kg.name(int(answer.ranked[position]))
        value = "" if answer.values is None else f": {_value(answer, relation, answer.values[position])}"
        yield f"  {name}{value}"
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


def emptied_by(answer: Answer) -> StepResult | None:
    """The step at which an empty answer became empty: its inputs that matter still held something."""
    if answer.chain.result is None or answer.error is not None:
        return None
    results = {step.step.position: step for step in answer.steps}
    step = results.get(answer.chain.result)
    while step is not None and not len(step.members):
        operation = step.step.step.operation
        # Of a union every input is empty then; of the others one empty input is enough, of a difference the first.
        deciding = step.step.inputs[:1] if operation == "difference" else step.step.inputs
        empty = (
            results[ref] for ref in deciding if ref is not None and ref in results and not len(results[ref].members)
        )
        before = next(empty, None)
        if before is None or operation == "complement":
            return step
        step = before
    return None


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
